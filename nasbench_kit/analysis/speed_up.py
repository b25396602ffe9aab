"""How many times as fast as random search, whose law is exact."""

from __future__ import annotations

from math import inf, nan

import numpy as np

from nasbench_kit.analysis.anytime import regret_curves
from nasbench_kit.analysis.outcomes import Outcomes
from nasbench_kit.analysis.random_search import RandomSearchLaw
from nasbench_kit.errors import SettingError


def speed_up(outcomes: Outcomes, law: RandomSearchLaw, target: float | None = None) -> float:
    """The time after which half of all runs of random search are as good as a target, over that of these runs.

    Args:
        outcomes: The runs of one optimizer.
        law: Of random search on the same benchmark under the same rules, to a budget that may be larger.
        target: A value of the metric that reports; the median of these runs at their end by default.

    Returns:
        inf where random search does not come there by the end of the law; nan where these runs do not.

    Raises:
        SettingError: The two are reported by different metrics, or count different clocks.
    """
    if law.metric != outcomes.metric:
        raise SettingError(
            f"the law is of {law.metric.name}, and the runs are reported by {outcomes.metric.name}; one of"
            " the same benchmark and rules expected"
        )
    if law.clock != outcomes.clock:
        raise SettingError(f"the law counts {law.clock}, and the runs count {outcomes.clock}; the same rules expected")
    sign = law.metric.sign()
    if target is None:
        ends = regret_curves(outcomes, np.array([law.times[-1]]))[:, 0]
        if np.isnan(ends).all():
            return nan
        target = sign * (outcomes.best - float(np.nanmedian(ends)))
    times = np.unique(np.concatenate([law.times, *outcomes.finished_s]))
    regrets = regret_curves(outcomes, times)
    reached = (regrets <= outcomes.best - sign * target).mean(axis=0) >= 0.5
    if not reached.any():
        return nan
    own, random = float(times[reached.argmax()]), law.time_until(target)
    return random / own if random < inf else inf

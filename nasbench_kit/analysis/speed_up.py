"""How many times as fast as random search, whose law is exact."""

from __future__ import annotations

from math import inf, nan

import numpy as np

from nasbench_kit.analysis.anytime import regret_curves, times_until_half
from nasbench_kit.analysis.random_search import RandomSearchLaw
from nasbench_kit.analysis.trajectories import Trajectories
from nasbench_kit.errors import SettingError


def speed_up(trajectories: Trajectories, law: RandomSearchLaw, target: float | None = None) -> float:
    """The time after which half of all runs of random search are as good as a target, over that of these runs.

    Args:
        trajectories: The runs of one optimizer.
        law: Of random search on the same benchmark under the same rules, to a budget that may be larger.
        target: A value of the metric that reports; the median of these runs at their end by default.

    Returns:
        inf where random search does not come there by the end of the law; nan where these runs do not.

    Raises:
        SettingError: The two are reported by different metrics, or count different clocks.
    """
    if law.metric != trajectories.metric:
        raise SettingError(
            f"the law is of {law.metric.name}, and the runs are reported by {trajectories.metric.name}; one of"
            " the same benchmark and rules expected"
        )
    if law.clock != trajectories.axis:
        raise SettingError(
            f"the law counts {law.clock}, and the runs count {trajectories.axis}; the same rules expected"
        )
    sign = law.metric.sign()
    if target is None:
        ends = regret_curves(trajectories, np.array([law.times[-1]]))[:, 0]
        if np.isnan(ends).all():
            return nan
        target = sign * (trajectories.best - float(np.nanmedian(ends)))
    (own,) = times_until_half(trajectories, np.array([trajectories.best - sign * target])).tolist()
    return law.time_until(target) / own if own < inf else nan

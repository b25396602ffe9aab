"""Scores that can be set side by side on several benchmarks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nasbench_kit.errors import SettingError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def normalized_scores(regrets: Sequence[Mapping[str, NDArray[np.float64]]]) -> dict[str, list[NDArray[np.float64]]]:
    """Regrets on each benchmark as scores from 0 to 1, where larger is better.

    1 is the best of the benchmark, 0 the worst of all these runs there; a run without an incumbent has 0, too. So
    scores depend on what is compared, and those of different calls do not belong together.

    Args:
        regrets: Of each benchmark: optimizer -> final regrets of its runs, shape (n_runs,), 0 or more; NaN of a run
            without an incumbent.

    Returns:
        Optimizer -> its scores on each benchmark.

    Raises:
        SettingError: There is no benchmark or no optimizer, or an optimizer has no runs on one of the benchmarks.
    """
    names = list(dict.fromkeys(name for one in regrets for name in one))
    if not names:
        raise SettingError("regrets of no optimizer; those of one or more on one or more benchmarks expected")
    scores: dict[str, list[NDArray[np.float64]]] = {name: [] for name in names}
    for i, one in enumerate(regrets):
        for name in names:
            if name not in one or not len(one[name]):
                raise SettingError(
                    f"{name} has no runs on benchmark {i + 1} of {len(regrets)}; runs of each on all expected"
                )
        every = np.concatenate([one[name] for name in names])
        worst = float(every[~np.isnan(every)].max(initial=0.0))
        for name in names:
            score = 1 - one[name] / worst if worst > 0 else np.where(np.isnan(one[name]), np.nan, 1.0)
            scores[name].append(np.where(np.isnan(score), 0.0, score))
    return scores

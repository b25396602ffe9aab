"""The running-time ECDF: which share of all runs and targets were reached, over time."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.analysis.targets import checked_times
from nasbench_kit.errors import SettingError


class Ecdf(NamedTuple):
    """A step function: each share holds from its time on, and 0 before the first."""

    times: NDArray[np.float64]  #: ascending, no two alike, shape (n_steps,)
    shares: NDArray[np.float64]  #: ascending, shape (n_steps,)
    complete_until: float
    """When the first run ended that had not reached all its targets: from then on the ECDF is too low to compare with
    that of longer runs. inf if there is none."""


def running_time_ecdf(
    times: Sequence[NDArray[np.float64]],
    ends: Sequence[NDArray[np.float64]],
    *,
    budgets: Sequence[float] | None,
) -> Ecdf:
    """The share of pairs of a run and a target that were reached by each time, in the mean over benchmarks.

    Each benchmark has its own targets, and counts the same however many runs it has. A run counts as not having reached
    what it had not reached at its end.

    Args:
        times: Of each benchmark, times to its targets, shape (n_runs, n_targets), inf where never reached.
        ends: Of each benchmark, the ends of its runs, shape (n_runs,).
        budgets: Of each benchmark, what its times are divided by; None: times stay as they are.

    Raises:
        SettingError: There is no benchmark, run or target, times and ends do not fit, or a budget is not above 0.

    Source: Hansen et al. 2022, https://doi.org/10.1109/TEVC.2022.3210897 (COCO: anytime performance assessment).
    """
    units = [1.0] * len(times) if budgets is None else list(budgets)
    if not 0 < len(times) == len(ends) == len(units):
        got = f"times of {len(times)} benchmarks, ends of {len(ends)}, budgets of {len(units)}"
        raise SettingError(f"{got}; as many of each, and one or more, expected")
    reached, weights, until = [], [], inf
    for to_targets, to_ends, unit in zip(times, ends, units, strict=True):
        checked, ended = checked_times(to_targets, to_ends)
        if not checked.shape[1]:
            raise SettingError("there are no targets; one or more for each benchmark expected")
        if not 0 < unit < inf:
            raise SettingError(f"a budget of {unit}; a number above 0 expected")
        each = checked[checked < inf] / unit
        reached.append(each)
        weights.append(np.full(len(each), 1 / checked.size / len(times)))
        missed = (checked == inf).any(axis=1)
        until = min(until, float(ended[missed].min(initial=inf)) / unit)
    steps, step = np.unique(np.concatenate(reached), return_inverse=True)
    shares = np.cumsum(np.bincount(step, np.concatenate(weights), minlength=len(steps)))
    return Ecdf(steps, np.minimum(shares, 1.0), until)

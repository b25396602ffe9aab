"""How long runs take to targets: success rate, expected running time, SP1.

Times to targets have shape (n_runs, n_targets), inf where a run never came there; a run's end is when it was stopped,
on the same axis, shape (n_runs,). Targets are regrets, where smaller is better.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nasbench_kit.analysis.bootstrap import (
    COVERAGE,
    N_REPLICATIONS,
    check_bootstrap,
    percentile_interval,
    resample,
)
from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers.base import check_at_least

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_TARGETS = 51  #: as COCO has them


class RunningTimes(NamedTuple):
    """What it takes to come to each target. Shapes (n_targets,)."""

    success_rate: NDArray[np.float64]  #: share of runs that came there
    ert: NDArray[np.float64]  #: expected running time of runs started again until one comes there; inf if none did
    sp1: NDArray[np.float64]  #: mean time of the runs that came there over the success rate; inf if none did


class RunningTimeIntervals(NamedTuple):
    """From where to where lie success rates, expected running times and SP1."""

    low: RunningTimes
    high: RunningTimes


def targets_between(high: float, low: float, n_targets: int = N_TARGETS) -> NDArray[np.float64]:
    """Regrets from `high` down to `low`, evenly spaced in their logarithm: shape (n_targets,).

    Raises:
        SettingError: Not high > low > 0, or fewer than two targets.

    Source: Hansen et al. 2016, https://arxiv.org/abs/1605.03560 (COCO: 51 targets, 10^2 to 10^-8).
    """
    check_at_least(2, n_targets=n_targets)
    if not 0 < low < high < inf:
        raise SettingError(f"targets from {high} down to {low}; the larger regret first, and both above 0 expected")
    return np.geomspace(high, low, n_targets)


def running_times(times: NDArray[np.float64], ends: NDArray[np.float64]) -> RunningTimes:
    """Success rate, expected running time and SP1 of each target.

    The expected running time is that of all runs, each up to the target or its end, over the number of those that came
    there. SP1 counts an unsuccessful run as long as a successful one, whatever its end.

    Args:
        times: To each target, shape (n_runs, n_targets), inf where never reached.
        ends: Of the runs, shape (n_runs,).

    Raises:
        SettingError: There is no run, shapes do not fit, or a time is NaN, negative or after the run's end.

    Source: Hansen et al. 2016, https://arxiv.org/abs/1605.03560 (ERT, there aRT); Auger and Hansen 2005,
    https://doi.org/10.1109/CEC.2005.1554903 (SP1).
    """
    times, ends = checked_times(times, ends)
    found = _over(np.ones((1, len(times))), times, ends)
    return RunningTimes(*(each[0] for each in found))


def running_time_intervals(
    times: NDArray[np.float64],
    ends: NDArray[np.float64],
    rng: np.random.Generator,
    *,
    coverage: float = COVERAGE,
    n_replications: int = N_REPLICATIONS,
) -> RunningTimeIntervals:
    """Percentile bootstrap intervals of `running_times`, runs being resampled.

    The upper end is inf where enough of the resamples never come to the target.

    Args:
        times: To each target, shape (n_runs, n_targets), inf where never reached.
        ends: Of the runs, shape (n_runs,).
        rng: Source of all randomness.
        coverage: Of the intervals.
        n_replications: Resamples.

    Raises:
        SettingError: As of `running_times`, or there is nothing to make an interval from.
    """
    check_bootstrap(rng, coverage, n_replications)
    times, ends = checked_times(times, ends)
    replicates = _over(resample(len(times), n_replications, rng), times, ends)
    low, high = zip(*(percentile_interval(each, coverage) for each in replicates), strict=True)
    return RunningTimeIntervals(RunningTimes(*low), RunningTimes(*high))


def checked_times(
    times: NDArray[np.float64], ends: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times to targets and ends of runs that fit together.

    Raises:
        SettingError: They do not.
    """
    times, ends = np.asarray(times, np.float64), np.asarray(ends, np.float64)
    if times.ndim != 2 or not len(times) or ends.shape != (len(times),):
        raise SettingError(
            f"times of shape {times.shape} and ends of shape {ends.shape}; (n_runs, n_targets) and (n_runs,) with one"
            " run or more expected"
        )
    never_ends = ~((ends >= 0) & (ends < inf))
    if never_ends.any():
        stuck = int(never_ends.argmax())
        raise SettingError(f"run {stuck} ended at {ends[stuck]}; a finite time of 0 or more expected")
    wrong = ~((times >= 0) & ((times <= ends[:, None]) | (times == inf)))
    if wrong.any():
        run, target = (int(each[0]) for each in np.nonzero(wrong))
        raise SettingError(
            f"run {run} came to target {target} at {times[run, target]} and ended at {ends[run]}; a time from 0 to the"
            " end, or inf if never, expected"
        )
    return times, ends


def _over(counts: NDArray[np.float64], times: NDArray[np.float64], ends: NDArray[np.float64]) -> RunningTimes:
    """Running times over runs that count so often: shapes (n_replications, n_targets)."""
    came = times < inf
    n_came = counts @ came
    spent = counts @ np.where(came, times, ends[:, None])
    spent_to_success = counts @ np.where(came, times, 0)
    n_runs = len(times)
    with np.errstate(divide="ignore", invalid="ignore"):
        ert = np.where(n_came > 0, spent / n_came, inf)
        sp1 = np.where(n_came > 0, spent_to_success / n_came / (n_came / n_runs), inf)
    return RunningTimes(n_came / n_runs, ert, sp1)

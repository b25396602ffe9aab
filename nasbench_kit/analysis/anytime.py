"""Regret over time, of many runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nasbench_kit.analysis.targets import N_TARGETS, targets_between
from nasbench_kit.errors import SettingError, counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.analysis.trajectories import Trajectories

LEAST_TIMES = 2
_ONE_ONLY = 10.0  # from the largest to the smallest target where only one regret is known


def time_grid(
    trajectories: Sequence[Trajectories], n_times: int = 400, *, axis: str | None = None, all_begun: bool = False
) -> NDArray[np.float64]:
    """Times, evenly spaced in their logarithm, from the first incumbent of any run to the last evaluation.

    Args:
        trajectories: Of one benchmark or several.
        n_times: How many.
        axis: What the times count; what the budget counts, by default.
        all_begun: Begin when every run that ever has an incumbent has one.

    Raises:
        SettingError: Too few times, or no run has an incumbent.
        UnknownNameError: There is no such axis.
    """
    if n_times < LEAST_TIMES:
        raise SettingError(f"n_times={n_times}; at least {LEAST_TIMES} expected")
    firsts = np.concatenate([one.along(axis)[one.starts[:-1][one.has_incumbent]] for one in trajectories])
    if not len(firsts):
        n_runs = sum(one.n_runs for one in trajectories)
        raise SettingError(f"none of {counted(n_runs, 'run')} finished an evaluation that counts; give a larger budget")
    last = max(one.ended[one.checked_axis(axis)].max() for one in trajectories if one.n_runs)
    times = np.geomspace(firsts.max() if all_begun else firsts.min(), last, n_times)
    times[-1] = last  # not a rounding error before it
    return times


def regret_curves(
    trajectories: Trajectories, times: NDArray[np.float64], axis: str | None = None
) -> NDArray[np.float64]:
    """Regret of the incumbent of every run at each time; smaller is better.

    The incumbent is chosen by what the search was told and reported by another value of the same architecture. Regret
    is how much worse that is than the best of the whole benchmark. A step function: it changes when a trial finishes.

    Args:
        trajectories: The runs.
        times: When to look, in any order, shape (n_times,).
        axis: What they count; what the budget counts, by default.

    Returns:
        Shape (n_runs, n_times), NaN as long as a run has no incumbent; after the end of a run, what it ended with.

    Raises:
        UnknownNameError: There is no such axis.
    """
    times = np.asarray(times, np.float64)
    order = np.argsort(times, kind="stable")
    spent, n_times = trajectories.along(axis), len(times)
    runs = np.repeat(np.arange(trajectories.n_runs), np.diff(trajectories.starts))
    seen_from = np.searchsorted(times[order], spent)  # the first of the times at which an incumbent is there
    there = seen_from < n_times
    found = np.full((trajectories.n_runs, n_times), -1, np.intp)
    found[runs[there], seen_from[there]] = np.flatnonzero(there)  # of several at once the last, which is the best
    found = np.maximum.accumulate(found, axis=1)
    regret = np.where(found < 0, np.nan, (trajectories.best - trajectories.reported)[found] if len(spent) else np.nan)
    unsorted = np.empty_like(regret)
    unsorted[:, order] = regret
    return unsorted


def final_regrets(trajectories: Trajectories) -> NDArray[np.float64]:
    """Regret of the final incumbent of every run: (n_runs,); smaller is better, NaN of a run without one."""
    regrets = np.full(trajectories.n_runs, np.nan)
    regrets[trajectories.has_incumbent] = trajectories.best - trajectories.reported[trajectories.finals]
    return regrets


def times_to(trajectories: Trajectories, targets: NDArray[np.float64], axis: str | None = None) -> NDArray[np.float64]:
    """What every run had spent when its incumbent first was as good as each target.

    An incumbent that is reported by another value than it is chosen by may get worse again; what counts is the first
    time.

    Args:
        trajectories: The runs.
        targets: Regrets, shape (n_targets,).
        axis: What is spent; what the budget counts, by default.

    Returns:
        Shape (n_runs, n_targets), inf where a run never comes there.

    Raises:
        UnknownNameError: There is no such axis.
    """
    targets = np.asarray(targets, np.float64)
    spent, regrets = trajectories.along(axis), trajectories.best - trajectories.reported
    found = np.full((trajectories.n_runs, len(targets)), np.inf)
    has = trajectories.has_incumbent
    if has.any():
        starts = trajectories.starts[:-1][has]  # those without incumbents take no part, so segments are not empty
        for i, target in enumerate(targets):
            found[has, i] = np.minimum.reduceat(np.where(regrets <= target, spent, np.inf), starts)
    return found


def times_until_half(trajectories: Trajectories, targets: NDArray[np.float64]) -> NDArray[np.float64]:
    """What runs have spent when half of them all have an incumbent that is as good as each target.

    It need not be the first one that was: where incumbents are reported by another value than they are chosen by, they
    get worse again, and `times_to` is sooner. As `RandomSearchLaw.time_until`, which this can be compared with.

    Args:
        trajectories: The runs.
        targets: Regrets, shape (n_targets,).

    Returns:
        Shape (n_targets,), inf where that never is.
    """
    times = np.unique(trajectories.along())
    regrets = np.nan_to_num(regret_curves(trajectories, times), nan=np.inf)
    middle = np.quantile(regrets, 0.5, axis=0, method="inverted_cdf") if len(times) else times
    found = np.full(len(targets), np.inf)
    for i, target in enumerate(targets):
        reached = middle <= target
        if reached.any():
            found[i] = times[reached.argmax()]
    return found


def common_targets(trajectories: Mapping[str, Trajectories], n_targets: int = N_TARGETS) -> NDArray[np.float64]:
    """Targets for all runs on a benchmark: from the median regret of first incumbents to the least above 0.

    Runs without an incumbent have no first one, and so no say in where targets are.

    Args:
        trajectories: Label -> runs, with regret to the same best.
        n_targets: How many, evenly spaced in their logarithm.

    Raises:
        SettingError: No run has an incumbent that is not the best already.
    """
    ones = list(trajectories.values())
    regrets = np.concatenate([one.best - one.reported for one in ones])
    firsts = np.concatenate([(one.best - one.reported)[one.starts[:-1][one.has_incumbent]] for one in ones])
    above = regrets[regrets > 0]
    if not len(above):
        raise SettingError("no incumbent of these runs has a regret above 0, so there are no targets to reach")
    low = float(above.min())
    high = max(float(np.median(firsts)), low)
    return targets_between(high if high > low else _ONE_ONLY * low, low, n_targets)


def with_incumbent(curves: NDArray[np.float64]) -> NDArray[np.float64]:
    """The curves of the runs that have an incumbent at the last of the times."""
    return curves[~np.isnan(curves[:, -1])]

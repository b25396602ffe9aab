"""What the page says beside curves: ranks and ECDF over time, tests of pairs, average ranks over benchmarks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.analysis import (
    Cliques,
    PairwiseTests,
    aggregate,
    average_ranks,
    better_by_nemenyi,
    cliques,
    common_targets,
    critical_difference,
    final_regrets,
    pairwise_mann_whitney,
    ranks,
    regret_curves,
    running_time_ecdf,
    times_to,
)
from nasbench_kit.errors import SettingError

if TYPE_CHECKING:
    from nasbench_kit.analysis import Panel, Trajectories

ALPHA = 0.05  #: of tests of all pairs together


def ranks_over_time(
    trajectories: Mapping[str, Trajectories], times: NDArray[np.float64], axis: str
) -> dict[str, NDArray[np.float64]]:
    """Expected rank of a run among one run of each other optimizer, at each time; of one optimizer alone, nothing."""
    if len(trajectories) < 2:
        return {}
    curves = [regret_curves(one, times, axis) for one in trajectories.values()]
    return dict(zip(trajectories, average_ranks(curves, by="every pair"), strict=True))


def ecdf_over_time(
    trajectories: Mapping[str, Trajectories], times: NDArray[np.float64], axis: str
) -> dict[str, NDArray[np.float64]]:
    """Share of all pairs of a run and a target that were reached by each time."""
    try:
        targets = common_targets(trajectories)
    except SettingError:  # all begin with the best
        return {}
    found = {}
    for name, one in trajectories.items():
        steps = running_time_ecdf([times_to(one, targets, axis)], [one.known_until(axis)], budgets=None)
        shares = np.concatenate([[0.0], steps.shares])
        found[name] = shares[np.searchsorted(steps.times, times, side="right")]
    return found


def pairs_of(trajectories: Mapping[str, Trajectories]) -> PairwiseTests | None:
    """Mann and Whitney's tests of final regrets, corrected by Holm; None of one optimizer alone."""
    if len(trajectories) < 2:
        return None
    return pairwise_mann_whitney({name: final_regrets(one) for name, one in trajectories.items()})


class OverBenchmarks(NamedTuple):
    """Average ranks of the optimizers that were run on all benchmarks."""

    names: tuple[str, ...]
    n_benchmarks: int
    average_ranks: NDArray[np.float64]  #: by median final regret, (n_optimizers,); 1 is the best
    difference: float  #: that two must lie apart, by Nemenyi's test
    cliques: Cliques


def over_benchmarks(panels: Sequence[Panel]) -> OverBenchmarks | None:
    """Average ranks over benchmarks, and who is not told apart; None of fewer than two of either."""
    every = [panel.trajectories for panel in panels]
    names = [name for name in every[0] if all(name in one for one in every)] if every else []
    if len(names) < 2 or len(every) < 2:
        return None
    medians = [[float(aggregate(final_regrets(one[name])[:, None], "median")[0]) for one in every] for name in names]
    mean = ranks(np.array(medians)).mean(axis=1)
    difference = critical_difference(len(names), len(every), ALPHA)
    found = cliques(mean, better_by_nemenyi(mean, difference))
    return OverBenchmarks(tuple(names), len(every), mean, difference, found)

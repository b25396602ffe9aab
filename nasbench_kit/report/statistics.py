"""What the page says beside curves: ranks and ECDF over time, tests of pairs, ranks and ratings over benchmarks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import comb
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.analysis import (
    PairwiseTests,
    Ratings,
    Verdict,
    common_targets,
    elo_ratings,
    final_regrets,
    pairwise_mann_whitney,
    regret_curves,
    running_time_ecdf,
    times_to,
    verdicts,
)
from nasbench_kit.errors import SettingError
from nasbench_kit.plots.differences import Difference, difference_by_nemenyi

if TYPE_CHECKING:
    from nasbench_kit.analysis import Panel, Trajectories

ALPHA = 0.05  #: of tests of all pairs together
TOLERANCE = 0.1  #: to which the probability that one is better than another is known before the pair passes for tied
SEED = 0  #: of all resamples
N_RATINGS = 100  #: resamples of the intervals of ratings
MOST_PAIRS = 1_000  #: whose verdicts take no longer than all else


def ranks_over_time(
    trajectories: Mapping[str, Trajectories], times: NDArray[np.float64], axis: str
) -> dict[str, NDArray[np.float64]]:
    """Expected rank of a run among one run of each other optimizer, at each time; of one optimizer alone, nothing.

    It is `average_ranks` by every pair, counted instead of sorted: runs end on few different architectures.
    """
    if len(trajectories) < 2:
        return {}
    ones = list(trajectories.values())
    regrets, found = np.unique(np.concatenate([one.best - one.reported for one in ones]), return_inverse=True)
    places = np.split(found.astype(np.float64), np.cumsum([len(one.reported) for one in ones])[:-1])
    curves = [  # the place of each regret among all of them, which is faster to count than regrets are to sort
        regret_curves(replace(one, best=0.0, reported=-place), times, axis)
        for one, place in zip(ones, places, strict=True)
    ]
    every = np.nan_to_num(np.concatenate(curves), nan=len(regrets)).astype(np.intp)
    weights = np.concatenate([np.full(one.n_runs, 1 / one.n_runs) for one in ones])
    starts = np.append(0, np.cumsum([one.n_runs for one in ones])[:-1])
    ranks = np.empty((len(ones), len(times)))
    for time, here in enumerate(every.T):
        # how many rivals a place has on average before it, or beside it, which counts half; of oneself it is 1/2
        count = np.bincount(here, weights, minlength=len(regrets) + 1)
        behind = np.cumsum(count) - count / 2
        ranks[:, time] = 0.5 + np.add.reduceat(weights * behind[here], starts)
    return dict(zip(trajectories, ranks, strict=True))


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


def verdicts_of(panels: Mapping[str, Panel]) -> list[Verdict]:
    """Which pairs of optimizers are settled, tied or open on each benchmark; nothing of more than 1,000 pairs."""
    regrets = {
        title: {name: final_regrets(one) for name, one in panel.trajectories.items()} for title, panel in panels.items()
    }
    return verdicts(regrets, TOLERANCE, error=ALPHA) if count_pairs(panels) <= MOST_PAIRS else []


def count_pairs(panels: Mapping[str, Panel]) -> int:
    """Pairs of optimizers, over all benchmarks."""
    return sum(comb(len(panel.trajectories), 2) for panel in panels.values())


class OverBenchmarks(NamedTuple):
    """The optimizers that were run on all benchmarks."""

    panels: dict[str, Panel]  #: the runs of these alone
    ratings: Ratings
    difference: Difference | None  #: of average ranks, where there are two benchmarks or more


def over_benchmarks(panels: Mapping[str, Panel]) -> OverBenchmarks | None:
    """Elo ratings, and average ranks with who is not told apart; None of fewer than two optimizers."""
    every = [panel.trajectories for panel in panels.values()]
    names = [name for name in every[0] if all(name in one for one in every)] if every else []
    if len(names) < 2:
        return None
    some = {
        title: replace(panel, trajectories={name: panel.trajectories[name] for name in names})
        for title, panel in panels.items()
    }
    regrets = {name: [final_regrets(one[name]) for one in every] for name in names}
    ratings = elo_ratings(regrets, np.random.default_rng(SEED), n_replications=N_RATINGS)
    return OverBenchmarks(some, ratings, difference_by_nemenyi(list(some.values()), ALPHA) if len(some) > 1 else None)

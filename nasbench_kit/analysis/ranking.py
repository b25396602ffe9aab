"""Whether the ranking of a study is right: how often it comes out again when its runs are drawn anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasbench_kit.analysis.aggregates import Statistic, aggregate
from nasbench_kit.errors import SettingError, check_generator, counted
from nasbench_kit.optimizers.base import check_at_least

_ROUNDING = 1e-12  # relative difference of two means of the same values


class RankingProbability(NamedTuple):
    """How often the ranking of a study comes out again."""

    order: tuple[str, ...]  #: the optimizers of the study, best first; those that tie as they were given
    whole: float  #: share of the studies drawn anew in which all pairs are in this order
    pairs: NDArray[np.float64]  #: share in which order[i] and order[j] are, (n_optimizers, n_optimizers), symmetric


def probability_of_ranking(
    regrets: Mapping[str, ArrayLike], statistic: Statistic, rng: np.random.Generator, *, n_replications: int = 1_000
) -> RankingProbability:
    """How probable it is that the ranking of a study is right.

    That is how often it comes out again in a study of as many runs, drawn from these with replacement within each
    optimizer (bootstrap). Two that tie in the study are in the same order where they tie again.

    Args:
        regrets: Optimizer -> final regrets of its runs, (n_runs,); smaller is better. NaN, a run without an incumbent,
            is worse than all others: a mean over runs of which one is NaN is as bad as can be.
        statistic: What of these ranks, as in `aggregate`.
        rng: Source of all randomness.
        n_replications: Studies that are drawn.

    Raises:
        SettingError: Fewer than two optimizers, one without runs, no such statistic, or nothing to draw from.

    Source: Hall and Miller 2009, https://doi.org/10.1214/09-AOS699, section 2 (bootstrap of a ranking).
    """
    ended = _checked(regrets, rng, n_replications)
    drawn = [runs[rng.integers(len(runs), size=(len(runs), n_replications))] for runs in ended.values()]
    return _how_often(ended, statistic, drawn)


def ranking_with_fewer_runs(
    regrets: Mapping[str, ArrayLike],
    n_runs: Sequence[int],
    statistic: Statistic,
    rng: np.random.Generator,
    *,
    n_replications: int = 1_000,
) -> dict[int, RankingProbability]:
    """How often fewer runs would have given the ranking of all: it says how many would have been enough.

    The runs are drawn without replacement, within each optimizer, so that all of them always give the ranking of all:
    only numbers far below say how sure it is. `probability_of_ranking` says that of all runs.

    Args:
        regrets: As in `probability_of_ranking`.
        n_runs: Numbers of runs of each optimizer to look at; none above what each has.
        statistic: What of these ranks, as in `aggregate`.
        rng: Source of all randomness.
        n_replications: Studies that are drawn.

    Returns:
        Number of runs -> how often they give the ranking.

    Raises:
        SettingError: As there; or a number of runs is below 1, or above what some optimizer has.
    """
    ended = _checked(regrets, rng, n_replications)
    fewest = min(ended, key=lambda name: len(ended[name]))
    for n in n_runs:
        check_at_least(1, n_runs=n)
        if n > len(ended[fewest]):
            raise SettingError(
                f"n_runs={n}; {fewest!r} has {counted(len(ended[fewest]), 'run')}, at most so many expected"
            )
    shuffled = [rng.permuted(np.tile(runs[:, np.newaxis], n_replications), axis=0) for runs in ended.values()]
    return {n: _how_often(ended, statistic, [runs[:n] for runs in shuffled]) for n in n_runs}


def ended_on(regrets: ArrayLike, name: str) -> NDArray[np.float64]:
    """Final regrets of runs, infinite of those without an incumbent: (n_runs,).

    Raises:
        SettingError: They are no series of numbers.
    """
    try:
        values = np.asarray(regrets, np.float64)
    except (TypeError, ValueError):
        values = np.empty((0, 0))
    if values.ndim != 1:
        raise SettingError(f"regrets of {name!r} are {regrets!r:.60}; an array of numbers (n_runs,) expected")
    return np.where(np.isnan(values), np.inf, values)


def _checked(regrets: Mapping[str, ArrayLike], rng: object, n_replications: int) -> dict[str, NDArray[np.float64]]:
    check_generator(rng)
    check_at_least(1, n_replications=n_replications)
    if not isinstance(regrets, Mapping) or len(regrets) < 2:
        raise SettingError(f"regrets={regrets!r:.60}; those of two optimizers or more expected, by their names")
    ended = {name: ended_on(runs, name) for name, runs in regrets.items()}
    if empty := [name for name, runs in ended.items() if not len(runs)]:
        raise SettingError(f"{empty[0]!r} has no runs; one or more expected")
    return ended


def _how_often(
    ended: Mapping[str, NDArray[np.float64]], statistic: Statistic, drawn: Sequence[NDArray[np.float64]]
) -> RankingProbability:
    """How often runs drawn of each optimizer, (n_drawn, n_replications), are in the order of all of its runs."""
    here = np.array([aggregate(runs[:, np.newaxis], statistic)[0] for runs in ended.values()])
    order = np.argsort(here, kind="stable")
    there = np.stack([aggregate(runs, statistic) for runs in drawn], axis=1)
    again = _signs(there[:, order]) == _signs(here[order])
    names = list(ended)
    return RankingProbability(tuple(names[i] for i in order), float(again.all(axis=(1, 2)).mean()), again.mean(axis=0))


def _signs(values: NDArray[np.float64]) -> NDArray[np.int8]:
    """-1 where the first of two is better, 0 where they tie, 1 where the second is: (..., n, n) of (..., n)."""
    first, second = values[..., :, np.newaxis], values[..., np.newaxis, :]
    different = ~np.isclose(first, second, rtol=_ROUNDING, atol=0)
    return (different & (first > second)).astype(np.int8) - (different & (first < second))

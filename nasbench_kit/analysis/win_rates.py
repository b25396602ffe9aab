"""How often a run of one optimizer ends better than a run of another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nasbench_kit.analysis.bootstrap import resample
from nasbench_kit.errors import SettingError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def win_rates(runs: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Share of the pairs of runs of two optimizers in which the run of the one is better; ties count half.

    It is the probability of improvement, Mann and Whitney's U over the number of pairs, and Vargha and Delaney's A.

    Args:
        runs: Of each optimizer, the regrets of its runs on one benchmark, shape (n_runs,); smaller is better, and NaN,
            of a run without an incumbent, is worse than every number and ties with other NaN.

    Returns:
        Shape (n_optimizers, n_optimizers): how often the one of the row is better; 1/2 on the diagonal.

    Raises:
        SettingError: An optimizer without runs.

    Source: Vargha and Delaney 2000, https://doi.org/10.3102/10769986025002101.
    """
    places, n_places = _places(runs)
    return _rates([np.bincount(place, minlength=n_places) for place in places])


def resampled_win_rates(
    runs: Sequence[NDArray[np.float64]], rng: np.random.Generator, n_replications: int
) -> NDArray[np.float64]:
    """`win_rates` of bootstrap samples: as many runs of each optimizer, drawn from its own with replacement.

    Returns:
        Shape (n_replications, n_optimizers, n_optimizers).

    Raises:
        SettingError: An optimizer without runs.
    """
    places, n_places = _places(runs)
    drawn = [resample(len(place), n_replications, rng) for place in places]
    rates = [
        _rates([np.bincount(place, times, n_places) for place, times in zip(places, sample, strict=True)])
        for sample in zip(*drawn, strict=True)
    ]
    return np.reshape(rates, (n_replications, len(runs), len(runs)))


def _places(runs: Sequence[NDArray[np.float64]]) -> tuple[list[NDArray[np.intp]], int]:
    """Positions of the runs' values among all different ones, ascending, and how many these are."""
    lengths = [len(one) for one in runs]
    if not lengths or not all(lengths):
        raise SettingError(f"{lengths} runs of the optimizers; one or more of each expected")
    values, place = np.unique(np.concatenate(runs), return_inverse=True)  # NaN are one value, the last
    return np.split(place, np.cumsum(lengths)[:-1]), len(values)


def _rates(counts: Sequence[NDArray[np.generic]]) -> NDArray[np.float64]:
    """Win rates from how many runs of each optimizer are at each of the places."""
    own = [np.flatnonzero(count) for count in counts]
    every, starts = np.concatenate(own), np.cumsum([0, *map(len, own[:-1])])
    weights = np.concatenate([count[place] for count, place in zip(counts, own, strict=True)])
    wins = []  # of each optimizer over the one after the other, doubled: whole numbers have no rounding errors
    for count in counts:
        worse = 2 * (count.sum() - np.cumsum(count)) + count  # twice the runs that each place beats
        wins.append(np.add.reduceat(worse[every] * weights, starts))
    n_runs = np.array([count.sum() for count in counts])
    rates: NDArray[np.float64] = np.transpose(wins) / (2 * n_runs * n_runs[:, None])
    return rates

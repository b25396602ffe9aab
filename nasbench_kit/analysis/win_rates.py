"""How often a run of one optimizer ends better than a run of another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nasbench_kit.errors import SettingError, check_generator

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
    return _rates(places, n_places)


def resampled_win_rates(
    runs: Sequence[NDArray[np.float64]], rng: np.random.Generator, n_resamples: int
) -> NDArray[np.float64]:
    """`win_rates` of bootstrap samples: as many runs of each optimizer, drawn from its own with replacement.

    Returns:
        Shape (n_resamples, n_optimizers, n_optimizers).

    Raises:
        SettingError: An optimizer without runs, or something else than a generator.
    """
    check_generator(rng)
    places, n_places = _places(runs)
    drawn = ([place[rng.integers(len(place), size=len(place))] for place in places] for _ in range(n_resamples))
    rates = [_rates(sample, n_places) for sample in drawn]
    return np.reshape(rates, (n_resamples, len(runs), len(runs)))


def _places(runs: Sequence[NDArray[np.float64]]) -> tuple[list[NDArray[np.intp]], int]:
    """Positions of the runs' values among all different ones, ascending, and how many these are."""
    lengths = [len(one) for one in runs]
    if not lengths or not all(lengths):
        raise SettingError(f"{lengths} runs of the optimizers; one or more of each expected")
    values, place = np.unique(np.concatenate(runs), return_inverse=True)  # NaN are one value, the last
    return np.split(place, np.cumsum(lengths)[:-1]), len(values)


def _rates(places: Sequence[NDArray[np.intp]], n_places: int) -> NDArray[np.float64]:
    counts = [np.bincount(place, minlength=n_places) for place in places]
    own = [np.flatnonzero(count) for count in counts]
    every, starts = np.concatenate(own), np.cumsum([0, *map(len, own[:-1])])
    weights = np.concatenate([count[places] for count, places in zip(counts, own, strict=True)])
    wins = []  # of each optimizer over the one after the other, doubled: whole numbers have no rounding errors
    for count in counts:
        worse = 2 * (count.sum() - np.cumsum(count)) + count  # twice the runs that each place beats
        wins.append(np.add.reduceat(worse[every] * weights, starts))
    n_runs = np.array([len(place) for place in places])
    rates: NDArray[np.float64] = np.transpose(wins) / (2 * n_runs * n_runs[:, None])
    return rates

"""The percentile bootstrap: resamples as counts, and intervals from what they give."""

from __future__ import annotations

from math import ceil, floor, inf
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nasbench_kit.errors import check_generator
from nasbench_kit.optimizers.base import check_at_least, check_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_REPLICATIONS = 2_000  #: resamples that an interval is made from
COVERAGE = 0.95  #: of an interval
_TOGETHER = 2**16  # draws that are held at once: what fits a processor's cache is several times as fast


class Interval(NamedTuple):
    """From where to where, elementwise."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]


class Estimate(NamedTuple):
    """A number and its interval."""

    value: float
    low: float
    high: float


def check_bootstrap(rng: np.random.Generator, coverage: float, n_replications: int) -> None:
    """Refuse what no interval can be made from.

    Raises:
        SettingError: `rng` is no generator, the coverage is not between 0 and 1, or there are no replications.
    """
    check_generator(rng)
    check_number("a number between 0 and 1", lambda x: 0 < x < 1, coverage=coverage)
    check_at_least(1, n_replications=n_replications)


def resample(n_runs: int, n_replications: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """How often each run is in each resample of as many runs with replacement: shape (n_replications, n_runs)."""
    counts = np.empty((n_replications, n_runs))
    together = max(1, _TOGETHER // n_runs)
    for first in range(0, n_replications, together):
        some = counts[first : first + together]
        drawn = rng.integers(n_runs, size=some.shape, dtype=np.uint32) + n_runs * np.arange(len(some))[:, None]
        some[:] = np.bincount(drawn.ravel(), minlength=some.size).reshape(some.shape)
    return counts


def weighted_sums(weights: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """`weights @ values`, where what has no weight adds nothing, even if it is infinite.

    Args:
        weights: 0 or more, shape (n_sums, n).
        values: Shape (n, ...); where a sum has infinite ones of both signs, it is -inf.
    """
    infinite = np.isinf(values)
    if not infinite.any():
        return weights @ values
    sums = weights @ np.where(infinite, 0, values)
    sums = np.where(weights @ (values == inf) > 0, inf, sums)
    return np.where(weights @ (values == -inf) > 0, -inf, sums)


def quantile_places(n: int, quantile: float) -> tuple[list[int], NDArray[np.float64]]:
    """The two places in n sorted values that a quantile lies between, and their weights: numpy's "linear"."""
    place = quantile * (n - 1)
    return [floor(place), ceil(place)], np.array([1 - place % 1, place % 1])


def percentile_interval(replicates: NDArray[np.float64], coverage: float) -> Interval:
    """The middle of what the resamples gave, of a share of `coverage`.

    Args:
        replicates: Shape (n_replications, ...).
        coverage: Between 0 and 1.

    Returns:
        Shapes (...).

    Source: Efron 1979, https://doi.org/10.1214/aos/1176344552, section 3.
    """
    ends = [quantile_places(len(replicates), quantile) for quantile in ((1 - coverage) / 2, (1 + coverage) / 2)]
    ordered = np.partition(replicates, sorted({place for places, _ in ends for place in places}), axis=0)
    return Interval(*(weighted_sums(weights[None], ordered[places])[0] for places, weights in ends))

"""Which architectures are one step apart: the graph that local search and mutation walk on."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import SettingError
from nasbench_kit.spaces.base import Space
from nasbench_kit.spaces.constrained import ConstrainedSpace

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_TUPLES = 1 << 18  # of choices, valid or not, that are looked at one by one


class Neighborhood(NamedTuple):
    """All ordered pairs of neighbors, in order of the first."""

    n_archs: int
    sources: NDArray[np.int64]  #: (n_pairs,)
    targets: NDArray[np.int64]  #: (n_pairs,)

    def n_neighbors(self) -> NDArray[np.int64]:
        """How many each architecture has: (n_archs,)."""
        return np.bincount(self.sources, minlength=self.n_archs)

    def best_neighbor_values(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The largest value among the neighbors of each: (n_archs,), -inf of those without any."""
        best = np.full(self.n_archs, -np.inf)
        first = np.flatnonzero(np.diff(self.sources, prepend=-1))  # pairs that begin those of an architecture
        best[self.sources[first]] = np.maximum.reduceat(values[self.targets], first) if len(first) else ()
        return best


def single_changes(archs: NDArray[np.uint8], n_choices: Sequence[int]) -> Neighborhood:
    """The neighborhood in which neighbors differ in exactly one decision, whatever the choices are.

    Args:
        archs: All architectures, each once: (n_archs, n_decisions).
        n_choices: How many choices each decision has.

    Raises:
        SettingError: The tuples of choices are too many.
    """
    n_tuples = prod(n_choices)
    if n_tuples > MOST_TUPLES:
        raise SettingError(f"{n_tuples:.3g} tuples of choices; at most {MOST_TUPLES:,} are looked at one by one")
    weights = np.array([prod(n_choices[i + 1 :]) for i in range(len(n_choices))])
    ranks = archs @ weights
    row_of_rank = np.full(n_tuples, -1)
    row_of_rank[ranks] = np.arange(len(archs))
    columns = []
    for decision, (weight, n) in enumerate(zip(weights.tolist(), n_choices, strict=True)):
        own = archs[:, decision].astype(np.int64)
        columns += [row_of_rank[ranks + weight * ((own + shift) % n - own)] for shift in range(1, n)]
    near = np.stack(columns, axis=1)  # (n_archs, n_changes), -1 where a tuple is no architecture
    sources, nth = np.nonzero(near >= 0)
    return Neighborhood(len(archs), sources, near[sources, nth])


def has_single_changes(space: Space) -> bool:
    """Whether the neighbors of a space are those of `single_changes` among its architectures, and few enough."""
    neighbors = type(space).neighbors
    return space.size <= MOST_TUPLES and neighbors in (Space.neighbors, ConstrainedSpace.neighbors)

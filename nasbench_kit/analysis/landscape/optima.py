"""Local optima and their basins under steepest ascent."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import SettingError

if TYPE_CHECKING:
    from nasbench_kit.analysis.landscape.neighborhood import Neighborhood


class LocalOptima(NamedTuple):
    """The local optima, the best first; of equally good ones the one with the first architecture first.

    A plateau, neighbors of equal value that hang together, is one place: it is an optimum if nothing next to it is
    better, and an ascent leaves it from whichever of its architectures leads highest.
    """

    archs: NDArray[np.int64]  #: (n_optima,): the first architecture of each
    sizes: NDArray[np.int64]  #: (n_optima,): how many architectures the plateau has; 1 of a single one
    basins: NDArray[np.int64]  #: (n_optima,): from how many architectures, itself included, the ascent ends there
    optimum_of: NDArray[np.int64]  #: (n_archs,): the position of the optimum where the ascent from each ends
    n_without_better: int  #: architectures of which no neighbor is better, those on plateaus that lead on included


def local_optima(values: NDArray[np.float64], neighborhood: Neighborhood) -> LocalOptima:
    """Find the local optima, and where the steepest ascent from every architecture ends.

    An ascent goes to the best neighbor, of equally good ones to the first in the order of the architectures, until no
    neighbor is better.

    Args:
        values: Larger is better: (n_archs,).
        neighborhood: Which are neighbors; of each pair both orders.

    Raises:
        SettingError: A value is NaN.
    """
    if np.isnan(values).any():
        raise SettingError(f"{np.isnan(values).sum():,} of {len(values):,} values are NaN; local optima need all")
    plateau_of = _plateaus(values, neighborhood)
    best = neighborhood.best_neighbor_values(values)
    n_plateaus = int(plateau_of.max()) + 1
    height, exit_value = np.empty(n_plateaus), np.full(n_plateaus, -np.inf)
    height[plateau_of] = values
    np.maximum.at(exit_value, plateau_of, best)
    leads_on = exit_value > height
    # the first of the best architectures next to each plateau
    sources, targets = neighborhood.sources, neighborhood.targets
    leaving = leads_on[plateau_of[sources]] & (values[targets] == exit_value[plateau_of[sources]])
    first = np.full(n_plateaus, len(values))
    np.minimum.at(first, plateau_of[sources[leaving]], targets[leaving])
    end = np.arange(n_plateaus)
    end[leads_on] = plateau_of[first[leads_on]]
    while (end[end] != end).any():
        end = end[end]
    _, first_arch, sizes = np.unique(plateau_of, return_index=True, return_counts=True)
    tops = np.flatnonzero(~leads_on)
    tops = tops[np.lexsort((first_arch[tops], -height[tops]))]
    position = np.full(n_plateaus, -1)
    position[tops] = np.arange(len(tops))
    optimum_of = position[end[plateau_of]]
    basins = np.bincount(optimum_of, minlength=len(tops))
    return LocalOptima(first_arch[tops], sizes[tops], basins, optimum_of, int((values >= best).sum()))


def _plateaus(values: NDArray[np.float64], neighborhood: Neighborhood) -> NDArray[np.int64]:
    """The number of the plateau of each architecture: (n_archs,)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    sources, targets = neighborhood.sources, neighborhood.targets
    equal = values[sources] == values[targets]
    shape = (len(values), len(values))
    pairs = coo_array((np.ones(int(equal.sum()), np.int8), (sources[equal], targets[equal])), shape=shape)
    plateau_of: NDArray[np.int64] = connected_components(pairs, directed=False)[1]
    return plateau_of


def share_within(values: NDArray[np.float64], optima: LocalOptima, gap: float) -> float:
    """The share of architectures whose ascent ends at most `gap` below the best; larger values are better."""
    ends = values[optima.archs][optima.optimum_of]
    return float((ends >= values.max() - gap).mean())

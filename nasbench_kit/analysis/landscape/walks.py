"""Autocorrelation of random walks: how soon a walk from neighbor to neighbor forgets where it began."""

from __future__ import annotations

from collections.abc import Callable
from math import log, nan
from typing import TYPE_CHECKING

import numpy as np

from nasbench_kit.errors import SettingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.analysis.landscape.neighborhood import Neighborhood
    from nasbench_kit.spaces import Space

N_STEPS = 10  # up to which autocorrelation is given
N_WALKS, LENGTH = 50, 40  # of those that estimate it


def walk_autocorrelation(
    values: NDArray[np.float64], neighborhood: Neighborhood, n_steps: int = N_STEPS
) -> NDArray[np.float64]:
    """The autocorrelation of random walks, exact: the expectation over all of them, after 0 to `n_steps` steps.

    Each step goes to a neighbor, all equally likely. The walks are stationary: they begin at an architecture with a
    probability proportional to its number of neighbors, which is uniform where all have as many. With `P` one step and
    `z` the values less their mean, it is `E[z P^k z] / E[z^2]`.

    Args:
        values: (n_archs,).
        neighborhood: Which are neighbors; of each pair both orders.
        n_steps: How far apart.

    Returns:
        (n_steps + 1,); the first is 1. NaN where the values do not vary.

    Source: Weinberger 1990, https://doi.org/10.1007/BF00202749; Stadler 1996, https://doi.org/10.1007/BF01165154.
    """
    from scipy.sparse import coo_array

    n_neighbors = neighborhood.n_neighbors()
    if not n_neighbors.any():
        raise SettingError("no architecture has a neighbor; a walk needs some")
    weights = n_neighbors / n_neighbors.sum()
    centered = values - weights @ values
    if values.max() == values.min():
        return np.full(n_steps + 1, nan)
    variance = float(weights @ centered**2)
    chance = 1 / n_neighbors[neighborhood.sources]
    shape = (len(values), len(values))
    step = coo_array((chance, (neighborhood.sources, neighborhood.targets)), shape=shape).tocsr()
    found, walked = [1.0], centered
    for _ in range(n_steps):
        walked = step @ walked
        found.append(float(weights @ (centered * walked)) / variance)
    return np.array(found)


def estimated_autocorrelation(
    space: Space,
    values_of: Callable[[NDArray[np.uint8]], NDArray[np.float64]],
    rng: np.random.Generator,
    *,
    n_steps: int = N_STEPS,
    n_walks: int = N_WALKS,
    length: int = LENGTH,
) -> NDArray[np.float64]:
    """The autocorrelation of random walks, estimated from some: (n_steps + 1,).

    Each walk begins at a random architecture, and each of its steps is a mutation. All pairs of places of a walk that
    lie as many steps apart count alike.

    Args:
        space: Where to walk.
        values_of: The values of architectures (n, n_decisions).
        rng: Source of all randomness.
        n_steps: How far apart.
        n_walks: Walks.
        length: Steps of each, more than `n_steps`.

    Raises:
        SettingError: The walks are too short.
    """
    if length <= n_steps:
        raise SettingError(f"walks of {length} steps, autocorrelation of {n_steps}; longer walks expected")
    places = [space.sample_many(rng, n_walks)]
    for _ in range(length):
        places.append(space.mutate_many(places[-1], rng))
    values = values_of(np.concatenate(places)).reshape(length + 1, n_walks)
    if values.max() == values.min():
        return np.full(n_steps + 1, nan)
    centered = values - values.mean()
    products = [(centered[: length + 1 - k] * centered[k:]).mean() for k in range(n_steps + 1)]
    return np.array(products) / products[0]


def correlation_length(autocorrelation: NDArray[np.float64]) -> float:
    """The steps after which correlation falls to 1/e, were it exponential from the first step on.

    NaN where the correlation after one step is not between 0 and 1.

    Source: Stadler 1996, https://doi.org/10.1007/BF01165154: -1 / ln(r(1)).
    """
    return -1 / log(autocorrelation[1]) if 0 < autocorrelation[1] < 1 else nan

"""Distance to the best, and whether it tells how good an architecture is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nasbench_kit.predictors.agreement import pearson

if TYPE_CHECKING:
    from numpy.typing import NDArray


def distances_to_nearest(archs: NDArray[np.uint8], targets: NDArray[np.uint8]) -> NDArray[np.int64]:
    """In how many decisions each architecture differs from the nearest of some: int64 (n_archs,).

    Args:
        archs: (n_archs, n_decisions).
        targets: (n_targets, n_decisions), one at least.
    """
    nearest = np.full(len(archs), archs.shape[1])
    for target in targets:
        np.minimum(nearest, (archs != target).sum(axis=1), out=nearest)
    return nearest


def fitness_distance_correlation(values: NDArray[np.float64], distances: NDArray[np.int64]) -> float:
    """Pearson's correlation of values and distances to the best; NaN where either does not vary.

    Larger values are better, so that -1 is a landscape that leads straight to the best, 0 one that does not lead there.

    Source: Jones and Forrest 1995, Proc. ICGA, pages 184-192.
    """
    return pearson(values, distances.astype(np.float64))

"""Non-dominated sorting, and orders within a front. Values are (n, n_objectives), larger is better, failures -inf."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray


def fronts(values: NDArray[np.float64], violations: NDArray[np.float64] | None = None) -> Iterator[NDArray[np.intp]]:
    """Which points no other one dominates; then those that only these dominate; and so on, in the order of the points.

    Args:
        values: The points.
        violations: How far each exceeds the constraints: what is feasible dominates what is not, and of two that are
            not the lesser violation does.

    Source: Deb et al. 2002, https://doi.org/10.1109/4235.996017, section III.A; constraints: definition 1.
    """
    better = np.zeros((len(values), len(values)), bool)  # [i, j]: whether i is, in some objective
    for column in values.T:
        better |= column[:, None] > column
    dominates = better & ~better.T
    if violations is not None:
        is_feasible = violations == 0
        dominates &= is_feasible[:, None] & is_feasible
        dominates |= violations[:, None] < violations
    n_dominating = dominates.sum(axis=0)
    while len(front := np.flatnonzero(n_dominating == 0)):
        yield front
        n_dominating -= dominates[front].sum(axis=0)
        n_dominating[front] = -1  # done


def crowding(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far the neighbors of each point of one front are apart, the outermost infinitely: float64 (n,).

    Source: Deb et al. 2002, https://doi.org/10.1109/4235.996017, section III.B.
    """
    distance = np.zeros(len(values))
    if not np.isfinite(values).all():
        return distance  # nothing but failures, which are all alike
    for column in values.T:
        order = np.argsort(column, kind="stable")
        inner = column[order[2:]] - column[order[:-2]]
        distance[order[1:-1]] += inner / ((column[order[-1]] - column[order[0]]) or 1.0)
        distance[order[[0, -1]]] = np.inf
    return distance


def spread_out(values: NDArray[np.float64]) -> Iterator[int]:
    """The points of one front, the best in the first objective first, then each the farthest from those before.

    Source: Salinas et al. 2021, https://arxiv.org/abs/2106.05680, an epsilon-net; Syne Tune, `compute_epsilon_net`.
    """
    if not np.isfinite(values).all():
        yield from range(len(values))  # nothing but failures, which are all alike
        return
    squared = np.zeros((len(values), len(values)))  # distances
    for column in values.T:
        squared += (column[:, None] - column) ** 2
    nearest = np.full(len(values), np.inf)  # of those before
    point = int(values[:, 0].argmax())
    for _ in range(len(values)):
        yield point
        np.minimum(nearest, squared[point], out=nearest)
        nearest[point] = -1.0
        point = int(nearest.argmax())


def loneliest_first(values: NDArray[np.float64]) -> Iterator[int]:
    """The points of one front by `crowding`; of equal ones the first."""
    yield from np.argsort(-crowding(values), kind="stable").tolist()


def best(
    values: NDArray[np.float64],
    n: int,
    within: Callable[[NDArray[np.float64]], Iterable[int]],
    violations: NDArray[np.float64] | None = None,
) -> list[int]:
    """The best `n` points, the best first: front by front, and of each in the order that `within` gives."""
    found: list[int] = []
    for front in fronts(values, violations):
        found.extend([int(front[i]) for i in islice(within(values[front]), n - len(found))])
        if len(found) == n:
            break
    return found

"""Empirical attainment: which share of runs comes at least as far as a point.

A run attains a point if one of its own is as good in all coordinates. Points are losses, as in `fronts`: smaller is
better in every coordinate. With one objective the coordinates are time and regret.

Source: Grunert da Fonseca et al. 2001, https://doi.org/10.1007/3-540-44719-9_15; differences: Lopez-Ibanez et al. 2010,
https://doi.org/10.1007/978-3-642-02538-9_9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers.base import check_at_least

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_LINES = 400


def attainment_surface(
    points: NDArray[np.float64], runs: NDArray[np.intp], n_runs: int, at_least: int
) -> NDArray[np.float64]:
    """The best points that at least so many runs attain: (n, n_objectives), non-dominated, by the first objective.

    Args:
        points: Those of all runs, two or three objectives: (n_points, n_objectives).
        runs: Which run each belongs to, from 0 to `n_runs` - 1: (n_points,).
        n_runs: How many runs there are; those without a point attain nothing.
        at_least: How many are to attain each point: (n_runs + 1) // 2 is the median surface, 1 the best, `n_runs` the
            worst. No point at all where fewer runs have any.

    Raises:
        SettingError: There are not so many runs, or other than two or three objectives.
    """
    from moocore import eaf

    points, runs = _checked(points, runs, n_runs)
    check_at_least(1, at_least=at_least)
    if at_least > n_runs:
        raise SettingError(f"at_least={at_least} of {n_runs} runs; {n_runs} or fewer expected")
    if points.shape[1] not in (2, 3):
        raise SettingError(f"attainment of {points.shape[1]} objectives; two or three expected")
    n_with = len(np.unique(runs))
    if at_least > n_with:
        return np.empty((0, points.shape[1]))
    # between two levels, so that no rounding error makes it the next one
    surface = eaf(points, runs, percentiles=[100 * (at_least - 0.5) / n_with])[:, :-1]
    return surface[np.lexsort(surface.T[::-1])]


def attained_share(
    points: NDArray[np.float64],
    runs: NDArray[np.intp],
    n_runs: int,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The empirical attainment function of two objectives on a grid: the share of runs that attain (x[i], y[j]).

    Args:
        points: As in `attainment_surface`, of two objectives.
        runs: Likewise.
        n_runs: Likewise.
        x: The first objective: (n_x,), ascending.
        y: The second: (n_y,), ascending.

    Returns:
        Shape (n_x, n_y), rising in both.

    Raises:
        SettingError: Other than two objectives, or a run of another number.
    """
    points, runs = _checked(points, runs, n_runs)
    if points.shape[1] != 2:
        raise SettingError(f"attainment of {points.shape[1]} objectives on a grid of two; two expected")
    best = np.full((n_runs, len(x) + 1), np.inf)  # the best second objective up to each x
    np.minimum.at(best, (runs, np.searchsorted(x, points[:, 0], side="left")), points[:, 1])
    best = np.sort(np.minimum.accumulate(best[:, :-1], axis=1), axis=0)
    return np.stack([np.searchsorted(column, y, side="right") for column in best.T], axis=0) / max(n_runs, 1)


class AttainmentDifference(NamedTuple):
    """How much more often the runs of one optimizer attain a point than those of another, on a grid."""

    x: NDArray[np.float64]  #: the first objective, losses: (n_x,), ascending
    y: NDArray[np.float64]  #: the second: (n_y,), ascending
    share: NDArray[np.float64]
    """The first one's share of runs minus the other's, from x[i] to x[i + 1] and from y[j] to y[j + 1]: (n_x, n_y)."""


def attainment_difference(
    points: tuple[NDArray[np.float64], NDArray[np.float64]],
    runs: tuple[NDArray[np.intp], NDArray[np.intp]],
    n_runs: tuple[int, int],
    *,
    n_lines: int = N_LINES,
) -> AttainmentDifference:
    """The difference of two empirical attainment functions of two objectives.

    It is exact: the lines of the grid are the coordinates of all points. Of more than `n_lines` of them so many are
    taken, evenly in their order; it is exact on these. The numbers of runs may differ.

    Args:
        points: Those of the two optimizers, each as in `attainment_surface`.
        runs: Likewise.
        n_runs: Likewise.
        n_lines: At most so many lines each way.

    Raises:
        SettingError: As `attained_share`.
    """
    check_at_least(2, n_lines=n_lines)
    if any(one.shape[1:] != (2,) for one in points):
        raise SettingError(f"attainment of points {' and '.join(str(one.shape) for one in points)}; (n, 2) expected")
    x, y = (
        _thinned(np.unique(np.concatenate(column)), n_lines) for column in zip(points[0].T, points[1].T, strict=True)
    )
    one, other = (attained_share(*each, x, y) for each in zip(points, runs, n_runs, strict=True))
    return AttainmentDifference(x, y, one - other)


def attained_by_time(regrets: NDArray[np.float64], levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """With one objective: the share of runs that have had an incumbent as good as a level by each time.

    Args:
        regrets: Of the incumbents, smaller is better, NaN as long as there is none: (n_runs, n_times).
        levels: Regrets: (n_levels,).

    Returns:
        Shape (n_levels, n_times), rising with time and level.
    """
    if not len(regrets):
        raise SettingError("no run, so no share of runs; give one or more")
    so_far = np.sort(np.minimum.accumulate(np.where(np.isnan(regrets), np.inf, regrets), axis=1), axis=0)
    return np.stack([np.searchsorted(column, levels, side="right") for column in so_far.T], axis=1) / len(regrets)


def _thinned(lines: NDArray[np.float64], n_lines: int) -> NDArray[np.float64]:
    if len(lines) <= n_lines:
        return lines
    return lines[np.linspace(0, len(lines) - 1, n_lines).round().astype(np.intp)]


def _checked(
    points: NDArray[np.float64], runs: NDArray[np.intp], n_runs: int
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """The points run by run, as moocore wants them."""
    check_at_least(1, n_runs=n_runs)
    points, runs = np.asarray(points, np.float64), np.asarray(runs, np.intp)
    if points.ndim != 2 or runs.shape != points.shape[:1]:
        raise SettingError(
            f"points of shape {points.shape} and runs of {runs.shape}; (n, n_objectives) and (n,) expected"
        )
    if np.isnan(points).any():
        raise SettingError(f"{np.isnan(points).any(axis=1).sum():,} of {len(points):,} points are NaN; leave them out")
    if len(runs) and not (runs.min() >= 0 and runs.max() < n_runs):
        raise SettingError(f"runs {runs.min()} to {runs.max()} of {n_runs}; numbers from 0 to {n_runs - 1} expected")
    order = np.argsort(runs, kind="stable")
    return points[order], runs[order]

"""Areas under step functions, as one number from 0 to 1: the AUC of an ECDF, the AOCC of runs. Larger is better.

They are exact integrals: a step counts from when it happens, on no grid.
"""

from __future__ import annotations

from math import inf, log
from typing import TYPE_CHECKING

import numpy as np

from nasbench_kit.errors import SettingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.analysis.ecdf import Ecdf


def area_under_ecdf(ecdf: Ecdf, start: float, end: float, *, log_time: bool = True) -> float:
    """The mean height of an ECDF from `start` to `end`, from 0 (nothing was reached) to 1 (all was, from the start).

    Args:
        ecdf: What `running_time_ecdf` returned.
        start: From when; above 0 where time is logarithmic.
        end: Until when.
        log_time: Whether equal ratios of times count the same, or equal differences.

    Raises:
        SettingError: Not start < end.

    Source: Hansen et al. 2022, https://doi.org/10.1109/TEVC.2022.3210897.
    """
    gained = np.diff(ecdf.shares, prepend=0.0)
    return float(gained @ (1 - _place_between(ecdf.times, "time", start, end, log_time)))


def area_over_convergence_curves(
    starts: NDArray[np.intp],
    spent: NDArray[np.float64],
    regrets: NDArray[np.float64],
    ends: NDArray[np.float64],
    *,
    best: float,
    worst: float,
    start: float,
    end: float,
    log_regret: bool = True,
    log_time: bool = False,
) -> NDArray[np.float64]:
    """The AOCC of each run: 1 less the normalized area under its regret over time. Shape (n_runs,).

    Regrets go from 0 (`best` or better) to 1 (`worst` or worse, or no incumbent yet), by default in their logarithm.
    Time is linear by default, as in IOHprofiler. Curves on a grid, shape (n_runs, n_times), are given run after run,
    `starts` being multiples of n_times. Before the first incumbent nothing is reached, where iohinspector 0.0.8 counts
    the first one from the start.

    Args:
        starts: Where each run's incumbents begin among all, then how many there are, shape (n_runs + 1,).
        spent: When each incumbent was found, ascending within a run, shape (n_incumbents,).
        regrets: Of the incumbents, smaller is better, shape (n_incumbents,); NaN is as bad as no incumbent.
        ends: Of the runs, shape (n_runs,).
        best: The regret below which nothing is gained; above 0 where regrets are logarithmic.
        worst: The regret above which nothing is lost.
        start: From when; above 0 where time is logarithmic.
        end: Until when.
        log_regret: Whether equal ratios of regrets count the same, or equal differences.
        log_time: Whether equal ratios of times count the same, or equal differences.

    Raises:
        SettingError: Not best < worst, not start < end, shapes that do not fit, or a run that ended before
            `end`: what it would have found is not known.

    Source: López-Ibáñez et al. 2025, https://doi.org/10.1109/TEVC.2024.3462758.
    """
    starts, n_runs = np.asarray(starts), len(ends)
    if len(starts) != n_runs + 1 or not len(spent) == len(regrets) == starts[-1]:
        raise SettingError(
            f"{len(starts)} starts, the last one {starts[-1]}, {len(spent)} times, {len(regrets)} regrets and {n_runs}"
            " ends; n_runs + 1 starts, n_runs ends, and as many times and regrets as the last start says expected"
        )
    early = np.asarray(ends) < end
    if early.any():
        first = int(early.argmax())
        raise SettingError(f"run {first} ended at {ends[first]:g}; one of {end:g} or later expected")
    reached = 1 - _place_between(np.where(np.isnan(regrets), inf, regrets), "regret", best, worst, log_regret)
    lengths = np.diff(starts)
    before = np.roll(reached, 1)
    before[starts[:-1][lengths > 0]] = 0  # nothing is reached before a run's first incumbent
    left = 1 - _place_between(spent, "time", start, end, log_time)
    run = np.repeat(np.arange(n_runs), lengths)
    return np.bincount(run, (reached - before) * left, minlength=n_runs).astype(np.float64, copy=False)


def _place_between(
    values: NDArray[np.float64], what: str, low: float, high: float, is_log: bool
) -> NDArray[np.float64]:
    """Where values lie from 0 (`low` or below) to 1 (`high` or above), as they are or in their logarithm."""
    if not (0 if is_log else -inf) < low < high < inf:
        above = ", and both above 0 on a logarithmic scale," if is_log else ""
        raise SettingError(f"an area from {what} {low} to {high}; the smaller one first{above} expected")
    clipped = np.clip(values, low, high)
    return np.log(clipped / low) / log(high / low) if is_log else (clipped - low) / (high - low)

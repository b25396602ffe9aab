"""Regret over time, of many runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nasbench_kit.analysis.incumbents import anytime_regret
from nasbench_kit.errors import SettingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.analysis.outcomes import Outcomes

LEAST_TIMES = 2


def time_grid(outcomes: Sequence[Outcomes], n_times: int = 400) -> NDArray[np.float64]:
    """Times, evenly spaced in their logarithm, from when every run has an incumbent to the last evaluation.

    Runs that never have an incumbent do not count.

    Raises:
        SettingError: Too few times, or no run has an incumbent.
    """
    if n_times < LEAST_TIMES:
        raise SettingError(f"n_times={n_times}; at least {LEAST_TIMES} expected")
    runs = [run for one in outcomes for run in zip(one.finished_s, one.told, strict=True)]
    firsts = [finished_s[(told > -np.inf).argmax()] for finished_s, told in runs if (told > -np.inf).any()]
    if not firsts:
        raise SettingError(f"none of these {len(runs)} runs finished an evaluation that counts; give a larger budget")
    last = max(finished_s[-1] for finished_s, _ in runs if len(finished_s))
    times_s = np.geomspace(max(firsts), last, n_times)
    times_s[-1] = last  # not a rounding error before it
    return times_s


def regret_curves(outcomes: Outcomes, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """`anytime_regret` of every run: shape (n_runs, n_times)."""
    runs = zip(outcomes.finished_s, outcomes.told, outcomes.reported, strict=True)
    return np.stack([anytime_regret(*run, times_s, best=outcomes.best) for run in runs])


def with_incumbent(curves: NDArray[np.float64]) -> NDArray[np.float64]:
    """The curves of the runs that have an incumbent at the last of the times."""
    return curves[~np.isnan(curves[:, -1])]


def quantile_curves(curves: NDArray[np.float64], quantiles: Sequence[float]) -> NDArray[np.float64]:
    """Quantiles over the runs that come to an incumbent, at each time: shape (n_quantiles, n_times).

    NaN until each of these runs has one.
    """
    counted = with_incumbent(curves)
    if not len(counted):
        return np.full((len(quantiles), curves.shape[1]), np.nan)
    return np.quantile(counted, quantiles, axis=0)

"""Many runs in one curve: mean, median, interquartile mean and quantiles at each time, with intervals.

Curves are regrets, where smaller is better: shape (n_runs, n_times). NaN stands for a run that has no incumbent yet,
and counts as infinite regret; no run is left out. So the mean is finite from when every run has an incumbent, the
median from when more than half of them have.
"""

from __future__ import annotations

from math import inf, nan
from typing import TYPE_CHECKING, Literal

import numpy as np

from nasbench_kit.analysis.bootstrap import (
    COVERAGE,
    N_REPLICATIONS,
    Interval,
    check_bootstrap,
    percentile_interval,
    quantile_places,
    resample,
    weighted_sums,
)
from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers.base import check_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

Statistic = Literal["mean", "median", "iqm"] | float  #: a number is the quantile of that order
_TOGETHER = 2**21  # replicates of all times that are held at once


def aggregate(curves: NDArray[np.float64], statistic: Statistic) -> NDArray[np.float64]:
    """One number for all runs at each time: shape (n_times,).

    Args:
        curves: Regrets, shape (n_runs, n_times), NaN before the first incumbent.
        statistic: "mean"; "median"; "iqm", the mean of the middle half: a quarter of the runs, rounded down, is cut off
            at both ends, so nothing is cut off of fewer than four; or the order of a quantile, from 0 to 1, which lies
            linearly between two runs.

    Returns:
        inf where an infinite regret takes part.

    Raises:
        SettingError: There is no run, or no such statistic.

    Source: Agarwal et al. 2021, https://arxiv.org/abs/2108.13264, section 4.3 (IQM).
    """
    ordered = _ordered(curves)
    return weighted_sums(_weights(len(ordered), statistic)[None], ordered)[0]


def quantile_band(curves: NDArray[np.float64], low: float = 0.1, high: float = 0.9) -> Interval:
    """Between which regrets lie the runs from one quantile to another, at each time: two of shape (n_times,).

    Raises:
        SettingError: There is no run, or the quantiles are not in order.
    """
    if not low <= high:
        raise SettingError(f"a band from quantile {low} to {high}; the lower one first expected")
    return Interval(aggregate(curves, low), aggregate(curves, high))


def standard_error_band(curves: NDArray[np.float64], errors: float = 1.0) -> Interval:
    """The mean less and plus some standard errors of it, at each time: two of shape (n_times,).

    Returns:
        NaN where a run has no incumbent, and everywhere if there is a single run.

    Raises:
        SettingError: There is no run.
    """
    n_runs, n_times = _checked(curves).shape
    if n_runs == 1:
        return Interval(np.full(n_times, nan), np.full(n_times, nan))
    finite = np.where(np.isfinite(curves), curves, nan)
    mean, width = finite.mean(axis=0), errors * finite.std(axis=0, ddof=1) / np.sqrt(n_runs)
    return Interval(mean - width, mean + width)


def bootstrap_band(
    curves: NDArray[np.float64],
    statistic: Statistic,
    rng: np.random.Generator,
    *,
    coverage: float = COVERAGE,
    n_replications: int = N_REPLICATIONS,
) -> Interval:
    """The percentile bootstrap interval of `aggregate` at each time, runs being resampled: two of shape (n_times,).

    An interval is of one time: that the whole curve lies in the band is less likely. All times share the resamples, as
    ranks of runs, which at any one time is the same as drawing runs. So the curves of optimizers with as many runs may
    stand side by side, as more times, to save time.

    Args:
        curves: Regrets, shape (n_runs, n_times), NaN before the first incumbent.
        statistic: As in `aggregate`.
        rng: Source of all randomness.
        coverage: How likely an interval is to hold the true number, if there are enough runs.
        n_replications: Resamples.

    Raises:
        SettingError: There is no run, no such statistic, or nothing to make an interval from.

    Source: Efron 1979, https://doi.org/10.1214/aos/1176344552.
    """
    check_bootstrap(rng, coverage, n_replications)
    ordered = _ordered(curves)
    n_runs = len(ordered)
    taken = np.concatenate([[0.0], np.cumsum(_weights(n_runs, statistic))])  # by the first so many of sorted runs
    ends = np.cumsum(resample(n_runs, n_replications, rng), axis=1).astype(np.intp)  # places that ranks go up to
    weights = np.diff(taken[ends], axis=1, prepend=0.0)  # (n_replications, n_runs)
    chunks = np.array_split(ordered, -(-ordered.shape[1] * n_replications // _TOGETHER) or 1, axis=1)
    bands = [percentile_interval(weighted_sums(weights, chunk), coverage) for chunk in chunks]
    return Interval(*map(np.concatenate, zip(*bands, strict=True)))


def _checked(curves: NDArray[np.float64]) -> NDArray[np.float64]:
    if np.ndim(curves) != 2 or not len(curves):
        raise SettingError(f"curves of shape {np.shape(curves)}; (n_runs, n_times) with one run or more expected")
    return curves


def _ordered(curves: NDArray[np.float64]) -> NDArray[np.float64]:
    """The regrets at each time from the best to the worst."""
    return np.sort(np.where(np.isnan(_checked(curves)), inf, curves), axis=0)


def _weights(n_runs: int, statistic: Statistic) -> NDArray[np.float64]:
    """What each of the sorted runs weighs in a statistic, which is their weighted sum: (n_runs,)."""
    weights = np.zeros(n_runs)
    if statistic == "mean":
        weights[:] = 1 / n_runs
    elif statistic == "iqm":
        cut = n_runs // 4
        weights[cut : n_runs - cut] = 1 / (n_runs - 2 * cut)
    else:
        expected = '"mean", "median", "iqm" or a quantile from 0 to 1'
        order = 0.5 if statistic == "median" else statistic
        check_number(expected, lambda x: 0 <= x <= 1, statistic=order)
        np.add.at(weights, *quantile_places(n_runs, float(order)))
    return weights

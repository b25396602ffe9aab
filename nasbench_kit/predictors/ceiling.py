"""What a perfect predictor could reach, as the truth that it is compared with is noisy itself."""

from __future__ import annotations

from math import nan, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.predictors.agreement import best_share, kendall_tau, r2

_REPEATED = 100  # architectures with repeated runs that show the noise


class Figures(NamedTuple):
    """The figures that noise limits most."""

    r2: float
    kendall_tau: float
    r2_above: float  #: of architectures better than a value; NaN if none is given
    kendall_tau_best: float  #: among the best by the truth


class Ceiling(NamedTuple):
    """What the noise of training runs lets anyone reach.

    The reliability is the share of the variance of the truth that is not noise: the R2 of a predictor that knows the
    expected value of every architecture. Its root is the largest Pearson correlation.
    """

    noise: str  #: where the noise is known from
    reliability: float
    pearson: float
    one_run: Figures  #: of one recorded run, compared with the mean of the others; NaN if runs were not repeated
    n_one_run: int  #: pairs of a run and the mean of its others


class Measure(NamedTuple):
    """Say which figures are computed, and compute them."""

    above: float | None  #: a value of the metric that counts as good; NaN figures if None
    best: float  #: share of architectures that are the best
    sign: int  #: +1 where larger is better, -1 where smaller is

    def is_good(self, true: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Say which architectures are truly better than `above`: none if that is None."""
        return np.zeros(len(true), bool) if self.above is None else self.sign * true > self.sign * self.above

    def is_best(self, true: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Say which architectures are the best of the truth."""
        return best_share(true, self.best, self.sign)

    def figures(
        self,
        true: NDArray[np.float64],
        predicted: NDArray[np.float64],
        if_not_failed: NDArray[np.float64] | None = None,
    ) -> Figures:
        """Compute the figures, of (n_archs,) each.

        `if_not_failed` is predicted for runs that do not collapse, as those of good architectures did not; the same by
        default.
        """
        good, best = self.is_good(true), self.is_best(true)
        of_good = predicted if if_not_failed is None else if_not_failed
        return Figures(
            r2(true, predicted),
            kendall_tau(true, predicted),
            r2(true[good], of_good[good]),
            kendall_tau(true[best], predicted[best]),
        )


_UNKNOWN = Figures(nan, nan, nan, nan)
UNKNOWN = Ceiling("not known: the runs are single ones and no noise between runs is predicted", nan, nan, _UNKNOWN, 0)


def ceiling_of_runs(runs: NDArray[np.float64], measure: Measure) -> Ceiling | None:
    """Find the ceiling by architectures that were trained repeatedly; None if these are fewer than 100.

    The noise of one run has the mean variance between the runs of an architecture (`ddof=1`), that of the mean of `k`
    runs a `k`-th of it. What one run reaches, compared with the mean of the others, is observed. `runs` are
    (n_seeds, n_archs), NaN where not recorded; every architecture has one at least.

    Source: Spearman 1904, https://doi.org/10.2307/1412159 (attenuation of correlations by the reliability).
    """
    n_runs = (~np.isnan(runs)).sum(axis=0)
    if (n_runs > 1).sum() < _REPEATED:
        return None
    variance = np.nanvar(runs[:, n_runs > 1], axis=0, ddof=1).mean()
    return _ceiling("differences between repeated runs", runs, variance / n_runs, *_one_run(runs, measure))


def ceiling_of_noise(drawn: NDArray[np.float64], runs: NDArray[np.float64]) -> Ceiling:
    """Find the ceiling by the predicted noise, where architectures were trained once; `runs` as above.

    It is as right as the predicted noise is: noise that was learned from single runs includes errors of the
    predictions, and then the ceiling is too low. `drawn` are runs of each architecture from that noise, (n_draws,
    n_archs), which show how much runs vary.
    """
    variance = np.var(drawn, axis=0, ddof=1) / (~np.isnan(runs)).sum(axis=0)
    return _ceiling("predicted noise, errors of prediction included: too low if wrong", runs, variance, _UNKNOWN, 0)


def _ceiling(
    noise: str, runs: NDArray[np.float64], variance: NDArray[np.float64], one_run: Figures, n_one_run: int
) -> Ceiling:
    """Make a ceiling of the variance of the noise in the mean of each architecture's runs."""
    total = float(np.nanmean(runs, axis=0).var())
    reliability = max(0.0, 1 - float(variance.mean()) / total) if total > 0 else nan
    return Ceiling(noise, reliability, sqrt(reliability), one_run, n_one_run)


def _one_run(runs: NDArray[np.float64], measure: Measure) -> tuple[Figures, int]:
    """Compare one run with the mean of the others of its architecture: the mean over seeds, and how many pairs."""
    found, n_pairs = [], 0
    for i, run in enumerate(runs):
        others = np.delete(runs, i, axis=0)
        there = ~np.isnan(run) & ~np.isnan(others).all(axis=0)
        if there.any():
            found.append(measure.figures(np.nanmean(others[:, there], axis=0), run[there]))
            n_pairs += int(there.sum())
    return Figures(*np.mean(found, axis=0).tolist()), n_pairs

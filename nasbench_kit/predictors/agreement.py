"""How well predictions agree with what was recorded: errors, and how alike both rank."""

from __future__ import annotations

from math import nan
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_LEAST = 2  # architectures that can be ranked
PERCENT = {"fraction": 100.0, "%": 1.0}
"""Unit of an accuracy -> what makes percent of it."""


class Agreement(NamedTuple):
    """Predictions compared with the truth, as far as that is known. What cannot be computed is NaN."""

    n: int  #: architectures
    r2: float  #: coefficient of determination: 1 - mean squared error / variance of the truth
    kendall_tau: float  #: tau-b
    kendall_tau_2_dec: float  #: tau-b after rounding the predictions to 0.01 % of accuracy
    kendall_tau_1_dec: float  #: the same with 0.1 %: the sparse tau of NAS-Bench-301
    spearman: float
    pearson: float
    mae: float  #: mean absolute error, in the unit of the metric
    rmse: float  #: root of the mean squared error, in the unit of the metric


def agreement(true: NDArray[np.float64], predicted: NDArray[np.float64], *, unit: str = "fraction") -> Agreement:
    """Compare predictions with the truth, both (n_archs,).

    The sparse tau is that of NAS-Bench-301: the predictions are rounded, so that those closer than the noise of
    training count as equal; the truth is not. It is defined for accuracies only, and NaN for metrics of other units.

    Args:
        true: What was recorded.
        predicted: What was predicted.
        unit: Of both.

    Source: Siems et al. 2020, https://arxiv.org/abs/2008.09777, section 4; `evaluate_metrics` of
    https://github.com/automl/nasbench301.
    """
    error = predicted - true
    n = len(true)
    tau_2 = tau_1 = nan
    if unit in PERCENT:
        percent = predicted * PERCENT[unit]
        tau_2, tau_1 = (kendall_tau(true, np.round(percent, decimals)) for decimals in (2, 1))
    return Agreement(
        n,
        r2(true, predicted),
        kendall_tau(true, predicted),
        tau_2,
        tau_1,
        spearman(true, predicted),
        pearson(true, predicted),
        float(np.abs(error).mean()) if n else nan,
        float(np.sqrt((error**2).mean())) if n else nan,
    )


def r2(true: NDArray[np.float64], predicted: NDArray[np.float64]) -> float:
    """Compute the coefficient of determination; NaN where the truth does not vary, below 0 if a constant is better."""
    if len(true) < _LEAST or true.max() == true.min():
        return nan
    return float(1 - ((predicted - true) ** 2).mean() / true.var())


def kendall_tau(true: NDArray[np.float64], predicted: NDArray[np.float64]) -> float:
    """Compute Kendall's tau-b; NaN where either does not vary."""
    return _correlation("kendalltau", true, predicted)


def spearman(true: NDArray[np.float64], predicted: NDArray[np.float64]) -> float:
    """Compute Spearman's rank correlation; NaN where either does not vary."""
    return _correlation("spearmanr", true, predicted)


def pearson(true: NDArray[np.float64], predicted: NDArray[np.float64]) -> float:
    """Compute Pearson's correlation; NaN where either does not vary, or is not known."""
    return _correlation("pearsonr", true, predicted)


def _correlation(name: str, true: NDArray[np.float64], predicted: NDArray[np.float64]) -> float:
    if len(true) < _LEAST or not (true.max() > true.min() and predicted.max() > predicted.min()):
        return nan
    from scipy import stats

    return float(getattr(stats, name)(true, predicted).statistic)


def best_share(true: NDArray[np.float64], share: float, sign: int) -> NDArray[np.bool_]:
    """Say which are the best of the truth: as many as the share says, and those that equal the last of them.

    Args:
        true: (n_archs,).
        share: In (0, 1].
        sign: +1 where larger is better, -1 where smaller is.
    """
    ordered = np.sort(-sign * true)
    n = max(1, round(share * len(true)))
    return -sign * true <= ordered[n - 1]


def normal_kl(
    mean: NDArray[np.float64], sd: NDArray[np.float64], other_mean: NDArray[np.float64], other_sd: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Compute the Kullback-Leibler divergence KL(first || other) of normal distributions, in nats; all sd above 0.

    It is `log(s2 / s1) + (s1^2 + (m1 - m2)^2) / (2 s2^2) - 1/2`.
    """
    return np.log(other_sd / sd) + (sd**2 + (mean - other_mean) ** 2) / (2 * other_sd**2) - 0.5


def expected_kl(n_runs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Compute the KL of a perfect prediction, on average, to the normal that so many runs of it suggest (`ddof=1`).

    With mean and variance of `k` runs of a normal distribution, `E[log s^2] = digamma((k - 1) / 2) - log((k - 1) / 2)`
    for a variance of 1, so that the divergence is `(log((k - 1) / 2) - digamma((k - 1) / 2) + 1 / k) / 2`:
    0.89 for two runs, 0.46 for three, 0.24 for five.
    """
    from scipy.special import digamma

    half = (n_runs - 1) / 2
    found: NDArray[np.float64] = (np.log(half) - digamma(half) + 1 / n_runs) / 2
    return found

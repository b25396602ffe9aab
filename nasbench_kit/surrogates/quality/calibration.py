"""Whether the noise that a surrogate predicts is that of recorded training runs."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.predictors.agreement import expected_kl, normal_kl
from nasbench_kit.surrogates.distribution import RunDistribution
from nasbench_kit.surrogates.targets import backward, forward, slope

LEVELS = (0.5, 0.8, 0.9, 0.95)
_N_BINS = 10
_COLLAPSE_EDGES = (0.0, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
_SURE = 1e-6  # no prediction of a collapse counts as surer
_SEVERAL = 2


class CollapseBin(NamedTuple):
    """Runs whose predicted probability of a collapse lies in one interval."""

    low: float
    high: float
    n_runs: int
    predicted: float  #: mean probability
    observed: float  #: share that collapsed


class Collapse(NamedTuple):
    """Whether runs collapse (end near chance) as often as predicted, and where."""

    n_runs: int
    predicted: float  #: mean probability
    observed: float  #: share that collapsed
    brier: float  #: mean squared difference between the probability and 0 or 1
    brier_constant: float  #: what the observed share, predicted for every run, would have: the value to beat
    bins: tuple[CollapseBin, ...]


class Spread(NamedTuple):
    """The predicted noise compared, architecture by architecture, with runs that were repeated and did not collapse."""

    n_archs: int  #: with two such runs at least, which are not all equal
    sd_recorded: float  #: mean over architectures of the standard deviation between runs (ddof=1), unit of the metric
    sd_predicted: float  #: mean of the predicted ones
    sd_mae: float  #: mean absolute error of the predicted one
    kl_mean: float  #: mean of KL(normal of the runs || predicted normal), nats
    kl_median: float
    kl_expected: float  #: its mean if the prediction were perfect, which is above 0 as a few runs show a normal badly
    coverage: tuple[tuple[float, float], ...]
    """(level, share of runs in the central interval of that level around the mean of the other runs of the same
    architecture): the predicted noise apart from the errors of the predicted means."""


class Calibration(NamedTuple):
    """How the recorded runs lie in the distributions that were predicted for them."""

    n_runs: int
    coverage: tuple[tuple[float, float], ...]  #: (level, share of runs in the central interval of that level)
    pit: tuple[int, ...]  #: runs by the quantile at which each lies in its distribution, ten equal bins
    nll: float  #: mean negative log likelihood of a run: nats, density per unit of the metric; of collapse and value
    nll_constant: float  #: of normals with the predicted means and one sd for all, the best in hindsight
    spread: Spread | None  #: None where no run was repeated
    collapse: Collapse | None  #: None where it is not modelled


def calibration(
    predicted: RunDistribution, runs: NDArray[np.float64], collapsed: NDArray[np.bool_], *, seed: int = 0
) -> tuple[Calibration, NDArray[np.float64]]:
    """Compare predicted distributions, for n_archs architectures, with recorded runs.

    A run's distribution is a collapse with its probability, else `backward(z + sd * normal)`. Its quantile in that
    (the probability integral transform, uniform if the distribution is right) is drawn between those just below and
    at its value where that has a probability of its own.

    The likelihood is that of whether the run collapsed and, if it did not, of its value. Where collapses are not
    modelled, every run counts as one that did not.

    The divergence is that of NAS-Bench-301, of the normal of an architecture's recorded runs (mean, and standard
    deviation with `ddof=1`) from the predicted one. It does not say which `ddof` it used and which of the two comes
    first; few runs and a predicted noise that is too small make it large in either case.

    Args:
        predicted: What was predicted.
        runs: (n_seeds, n_archs), NaN where not recorded.
        collapsed: Which runs collapsed, same shape.
        seed: Of the draws between quantiles.

    Returns:
        The figures, and the quantile of every recorded run, (n_runs,).

    Source: Siems et al. 2020, https://arxiv.org/abs/2008.09777, section on noise modelling; Gneiting et al. 2007,
    https://doi.org/10.1111/j.1467-9868.2007.00587.x (PIT, sharpness, coverage).
    """
    there = ~np.isnan(runs)
    which = np.nonzero(there)[1]
    values = runs[there]
    fell = collapsed[there]
    modelled = len(predicted.collapsed) > 0
    quantiles = pit(predicted, values, which, np.random.default_rng(seed).random(len(values)))
    distance = np.abs(quantiles - 0.5)
    found = Calibration(
        n_runs=len(values),
        coverage=tuple((level, float((distance <= level / 2).mean())) for level in LEVELS),
        pit=tuple(np.histogram(quantiles, _N_BINS, (0, 1))[0].tolist()),
        nll=_nll(predicted, values, which, fell & modelled),
        nll_constant=_nll_constant(predicted, values, which, fell & modelled),
        spread=_spread(predicted, if_not_failed(predicted, runs, collapsed)),
        collapse=_collapse(predicted.collapse[which], fell) if modelled else None,
    )
    return found, quantiles


def pit(
    predicted: RunDistribution, values: NDArray[np.float64], which: NDArray[np.intp], uniform: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Find the quantile of each value (n_runs,) in the distribution of its architecture, at the positions `which`.

    `uniform`, in [0, 1), says where between the quantiles below and at the value.
    """
    from scipy.special import ndtr

    inside = ndtr(_scaled(predicted, values, which))
    low, high = predicted.bounds  # what lies beyond is cut, so they have probabilities of their own
    below, at = np.where(values <= low, 0.0, inside), np.where(values >= high, 1.0, inside)
    inside = below + uniform * (at - below)
    if not len(predicted.collapsed):
        return inside
    ordered = np.sort(predicted.collapsed)
    below, at = (np.searchsorted(ordered, values, side=side) / len(ordered) for side in ("left", "right"))
    p = predicted.collapse[which]
    return p * (below + uniform * (at - below)) + (1 - p) * inside


def _scaled(predicted: RunDistribution, values: NDArray[np.float64], which: NDArray[np.intp]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore", invalid="ignore"):  # the logarithm of an accuracy of 0 or an error of 0
        return (forward(predicted.transform, values) - predicted.z[which]) / predicted.sd[which]


def _nll(
    predicted: RunDistribution, values: NDArray[np.float64], which: NDArray[np.intp], fell: NDArray[np.bool_]
) -> float:
    p = np.clip(predicted.collapse[which], _SURE, 1 - _SURE) if len(predicted.collapsed) else np.zeros(len(values))
    with np.errstate(divide="ignore", invalid="ignore"):
        density = 0.5 * np.log(2 * np.pi) + np.log(predicted.sd[which]) + _scaled(predicted, values, which) ** 2 / 2
        density += np.log(slope(predicted.transform, values))
        return float(np.where(fell, -np.log(p), density - np.log1p(-p)).mean())


def _nll_constant(
    predicted: RunDistribution, values: NDArray[np.float64], which: NDArray[np.intp], fell: NDArray[np.bool_]
) -> float:
    """Compute the same with one probability of a collapse and one sd of the values."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = fell.mean()
        variance = ((values - backward(predicted.transform, predicted.z[which]))[~fell] ** 2).mean()
        of_event = -sum(p * np.log(p) for p in (share, 1 - share) if p > 0)
        return float(of_event + (1 - share) * 0.5 * (np.log(2 * np.pi * variance) + 1))


def distances_of_repeated(predicted: RunDistribution, runs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Find, for each run with others of its architecture, the level of the interval around their mean that it ends.

    Of `k` runs with the predicted standard deviation, one less the mean of the others has the variance
    `sd^2 (1 + 1 / (k - 1))` in `z`. Uniform in [0, 1] if the predicted noise is right, whatever the predicted means.
    `runs` are (n_seeds, n_archs), NaN where not recorded or collapsed.
    """
    from scipy.special import ndtr

    with np.errstate(divide="ignore", invalid="ignore"):
        z = forward(predicted.transform, runs)
        n_runs = (~np.isnan(z)).sum(axis=0)
        others = (np.nansum(z, axis=0) - z) / (n_runs - 1)
        scaled = (z - others) / (predicted.sd * np.sqrt(1 + 1 / (n_runs - 1)))
    return 2 * ndtr(np.abs(scaled[:, n_runs >= _SEVERAL])[~np.isnan(z[:, n_runs >= _SEVERAL])]) - 1


def if_not_failed(
    predicted: RunDistribution, runs: NDArray[np.float64], collapsed: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the runs, with NaN for those that collapsed, if that is modelled."""
    return np.where(collapsed, np.nan, runs) if len(predicted.collapsed) else runs


def _spread(predicted: RunDistribution, all_runs: NDArray[np.float64]) -> Spread | None:
    differ = np.fmax.reduce(all_runs) > np.fmin.reduce(all_runs)  # so there are two at least
    if not differ.any():
        return None
    runs, those = all_runs[:, differ], predicted.of(differ)
    mean, sd = np.nanmean(runs, axis=0), np.nanstd(runs, axis=0, ddof=1)
    predicted_mean = backward(those.transform, those.z)
    predicted_sd = those.sd * np.abs(slope(those.transform, predicted_mean))
    kl = normal_kl(mean, sd, predicted_mean, predicted_sd)
    distance = distances_of_repeated(predicted, all_runs)
    return Spread(
        n_archs=len(mean),
        sd_recorded=float(sd.mean()),
        sd_predicted=float(predicted_sd.mean()),
        sd_mae=float(np.abs(predicted_sd - sd).mean()),
        kl_mean=float(kl.mean()),
        kl_median=float(np.median(kl)),
        kl_expected=float(expected_kl((~np.isnan(runs)).sum(axis=0)).mean()),
        coverage=tuple((level, float((distance <= level).mean())) for level in LEVELS),
    )


def _collapse(predicted: NDArray[np.float64], fell: NDArray[np.bool_]) -> Collapse:
    bins = []
    place = np.searchsorted(_COLLAPSE_EDGES[1:-1], predicted, side="right")
    for i, (low, high) in enumerate(pairwise(_COLLAPSE_EDGES)):
        inside = place == i
        if inside.any():
            bins.append(
                CollapseBin(low, high, int(inside.sum()), float(predicted[inside].mean()), float(fell[inside].mean()))
            )
    observed = float(fell.mean())
    return Collapse(
        n_runs=len(fell),
        predicted=float(predicted.mean()),
        observed=observed,
        brier=float(((predicted - fell) ** 2).mean()),
        brier_constant=observed * (1 - observed),
        bins=tuple(bins),
    )

"""How training runs of one architecture differ: a spread that depends on it, and a probability that they collapse.

Around what the members expect, runs lie as a normal distribution does, in `z`, with a standard deviation per
architecture and epoch. It is learned from the runs of an architecture among themselves, where
a table has several; else from how far single runs lie from the prediction of members that did not see them, which
includes what the members do not know.

Apart from that, a run may collapse: end with a network that predicts the same class whatever it sees. `mask_collapsed`
says how such runs are recognized, `log_odds` how rare ones become probabilities.
"""

from __future__ import annotations

from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.encodings import best_dense
from nasbench_kit.predictors import Data, model_class
from nasbench_kit.predictors.splits import fold
from nasbench_kit.spaces import Space
from nasbench_kit.surrogates.fitting.collapse import log_odds, mask_collapsed
from nasbench_kit.surrogates.noise_models import NoisePart, write_noise
from nasbench_kit.surrogates.targets import COLLAPSE, NOISE, Target, forward
from nasbench_kit.tables import Metric

_FOLDS = 5
_FEWEST = 5  # architectures that collapse, from which on it is learned which
_KNOTS = 4  # outputs of a curve over more epochs
_SETTINGS = {"rounds": 200, "early_stopping": 20, "learning_rate": 0.1, "num_leaves": 8, "lambda_l2": 10.0}
_COLLAPSE_SETTINGS = _SETTINGS | {"objective": "cross_entropy", "min_child_samples": 20, "lambda_l2": 1.0}
_LEVELS = (0.5, 0.8, 0.95)  # coverage by which the scale is calibrated
_FLOOR = 1e-4  # of the median: a smaller squared deviation says no more, where values are counts
_QUANTILES = 16


def fit_noise(
    space: Space,
    archs: NDArray[np.uint8],
    value_target: Target,
    runs: NDArray[np.float64],
    out_of_fold_z: NDArray[np.float64],
    folder: Path,
    *,
    seed: int,
    failed: NDArray[np.bool_] | None = None,
) -> list[Target]:
    """Learn how the runs of one metric spread, and which collapse; write the models into a folder that exists.

    The spread is fitted as the logarithm of squared deviations, of which a normal distribution's expected logarithm is
    taken off, so that a few runs far out do not decide; then pulled towards a constant as far as other folds do not
    confirm it, and scaled such that intervals of 50, 80 and 95 % cover that share of the runs, on average.

    Whether a run collapses is learned as one number per architecture, of all epochs together, since few do at the last;
    `log_odds` makes it a probability at each epoch, by predictions of other folds.

    Args:
        space: Where the architectures come from.
        archs: (n_archs, n_decisions).
        value_target: The target whose runs these are.
        runs: Recorded values (n_seeds, n_archs, n_epochs), NaN where not recorded.
        out_of_fold_z: (n_archs, n_epochs), what members that did not see an architecture predict for it.
        folder: Where to write.
        seed: Of the models.
        failed: Which runs failed, like `runs`. They count as collapsed, with the worst value of their epoch.

    Returns:
        The target of the noise, and that of collapse if any run collapsed.
    """
    collapsed = mask_collapsed(runs, value_target.metric)
    if failed is not None and failed.any():
        runs = np.where(failed, _worst(runs, Metric.from_name(value_target.metric).sign()), runs)
        collapsed = collapsed | failed
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.where(collapsed, np.nan, forward(value_target.transform, runs))
    deviations, n_runs = _deviations(z, out_of_fold_z)
    targets = []
    parts: dict[str, NoisePart] = {}
    if not np.isnan(deviations).all():
        target, parts[NOISE] = _fit_spread(space, archs, value_target, deviations, n_runs, seed)
        targets.append(target)
    if collapsed.any():
        target, parts[COLLAPSE] = _fit_collapse(space, archs, value_target, runs, collapsed, seed)
        targets.append(target)
    write_noise(folder, parts)
    return targets


def _worst(runs: NDArray[np.float64], sign: int) -> NDArray[np.float64]:
    """The worst value of each epoch, or of all where one has none: (n_epochs,)."""
    flat = sign * runs.reshape(-1, runs.shape[-1])
    least = np.where(np.isnan(flat), np.inf, flat).min(axis=0)
    return sign * np.where(np.isfinite(least), least, least.min())


def _deviations(
    z: NDArray[np.float64], expected: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far runs are from what was to be expected, scaled so that their squares are the variance on average.

    Returns:
        Deviations (n_seeds, n_archs, n_epochs), and their degrees of freedom together (n_archs, n_epochs).
    """
    n = (~np.isnan(z)).sum(axis=0)
    mean = np.nansum(z, axis=0) / np.maximum(n, 1)
    # the runs among themselves; those without a second one say nothing
    among = np.where(n > 1, (z - mean) * np.sqrt(n / np.maximum(n - 1, 1)), np.nan)
    repeated = (n > 1).mean(axis=0) >= _REPEATED  # some epochs may have been run once only
    return np.where(repeated, among, z - expected), np.where(repeated, np.maximum(n - 1, 0), n)


_REPEATED = 0.1  # share of architectures with several runs of an epoch, from which on these are used


def _fit_spread(
    space: Space,
    archs: NDArray[np.uint8],
    value_target: Target,
    deviations: NDArray[np.float64],
    n_free: NDArray[np.float64],
    seed: int,
) -> tuple[Target, NoisePart]:
    n_seen = (~np.isnan(deviations)).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = np.where(n_seen > 0, np.nansum(deviations**2, axis=0) / n_seen, np.nan)
        variance = np.maximum(variance, _FLOOR * np.nanmedian(variance, axis=0))
        log_variance = np.log(variance) - _log_chi2(n_free)
    log_variance[~np.isfinite(log_variance)] = np.nan
    level = np.array([0.0 if np.isnan(column).all() else np.nanmean(column) for column in log_variance.T])
    basis = _hats(log_variance.shape[1])
    nearest = np.argmax(basis, axis=0)
    outputs = np.stack(
        [_row_means((log_variance - level)[:, nearest == k]) for k in range(len(basis))], axis=1
    )  # (n_archs, n_outputs)
    spread = np.nanstd(outputs, axis=0)
    spread[~(spread > 0)] = 1.0
    settings = _SETTINGS | {"min_child_samples": max(5, min(200, len(archs) // 50))}
    folds = fold(space, archs, _FOLDS)
    models, foreign = _cross_fitted(space, archs, outputs / spread, folds, settings, seed)
    scaled, part = _standardized(models, foreign)
    # as much of it as other folds confirm: the slope of a regression of what was seen on what was predicted
    slopes = np.array([_slope(scaled[:, k], outputs[:, k]) for k in range(len(basis))])
    basis = basis * slopes[:, None] / 2  # of the standard deviation
    found = value_target._replace(kind=NOISE, transform="identity", offset=level / 2, basis=basis)
    offset = found.offset.copy()
    for epoch in range(len(offset)):
        ratio = np.abs(deviations[..., epoch]) / np.exp(found.at(epoch).many(scaled))
        offset[epoch] += _calibration(ratio[~np.isnan(ratio)])
    return found._replace(offset=offset), part


def _log_chi2(n_free: NDArray[np.float64]) -> NDArray[np.float64]:
    """Expected logarithm of a mean of so many squared standard normal numbers: digamma(n / 2) + log(2 / n)."""
    table = [np.nan, -np.euler_gamma - 2 * np.log(2), -np.euler_gamma]  # digamma at 1/2 and 1
    for n in range(3, int(n_free.max(initial=2)) + 1):
        table.append(table[n - 2] + 2 / (n - 2))  # digamma(x + 1) = digamma(x) + 1 / x
    known = np.array(table)[n_free.astype(np.intp)]
    return known + np.log(2 / np.maximum(n_free, 1))


def _hats(n_epochs: int) -> NDArray[np.float64]:
    """A basis of curves over epochs: each epoch alone, or lines between a few, denser where training starts."""
    if n_epochs <= _KNOTS:
        return np.eye(n_epochs)
    knots = np.round(np.linspace(0, 1, _KNOTS) ** 2 * (n_epochs - 1))
    return np.stack([np.interp(np.arange(n_epochs), knots, unit) for unit in np.eye(_KNOTS)])


def _calibration(ratios: NDArray[np.float64]) -> float:
    """What to add to the logarithm of standard deviations, by the absolute deviations divided by them."""
    if not len(ratios):
        return 0.0
    expected = [NormalDist().inv_cdf((1 + level) / 2) for level in _LEVELS]
    seen = np.maximum(np.quantile(ratios, _LEVELS), 1e-12)
    return float(np.mean(np.log(seen / expected)))


def _fit_collapse(
    space: Space,
    archs: NDArray[np.uint8],
    value_target: Target,
    runs: NDArray[np.float64],
    collapsed: NDArray[np.bool_],
    seed: int,
) -> tuple[Target, NoisePart]:
    known = ~np.isnan(runs)
    shares = np.where(known.any(axis=0), collapsed.sum(axis=0) / np.maximum(known.sum(axis=0), 1), np.nan)
    at_all = collapsed.any(axis=(0, 1))
    pooled = _row_means(shares[:, at_all])[:, None]
    if (pooled > 0).sum() >= _FEWEST:
        folds = _spread_out(pooled[:, 0], seed)
        models, foreign = _cross_fitted(space, archs, pooled, folds, _COLLAPSE_SETTINGS, seed)
    else:
        models, foreign = [], np.zeros((len(archs), 1))  # too few to tell which
    scaled, part = _standardized(models, foreign)
    offset, slopes = log_odds(scaled[:, 0], collapsed, known)
    quantiles = np.empty((len(offset), _QUANTILES))
    for epoch in range(len(offset)):
        ended = runs[..., epoch][collapsed[..., epoch]]
        ended = ended if len(ended) else runs[collapsed]
        quantiles[epoch] = np.quantile(ended, (np.arange(_QUANTILES) + 0.5) / _QUANTILES, method="nearest")
    found = value_target._replace(kind=COLLAPSE, transform="identity", offset=offset, basis=slopes[None])
    return found._replace(collapsed=quantiles), part


def _cross_fitted(
    space: Space,
    archs: NDArray[np.uint8],
    outputs: NDArray[np.float64],
    folds: NDArray[np.int64],
    settings: dict[str, Any],
    seed: int,
) -> tuple[list[Any], NDArray[np.float64]]:
    """A model per fold, stopped on the next, and what each predicts for its own, that it did not see."""
    foreign = np.zeros(outputs.shape)
    models = []
    for k in range(_FOLDS):
        own, stop = folds == k, folds == (k + 1) % _FOLDS
        model = model_class("lightgbm")(space, {"encoding": best_dense(space), **settings})
        learns, stops = (Data(archs[which], outputs[which]) for which in (~own & ~stop, stop))
        model.fit(learns, stops, seed=seed + k)
        if own.any():
            foreign[own] = model.predict(archs[own])
        models.append(model)
    return models, foreign


def _spread_out(shares: NDArray[np.float64], seed: int) -> NDArray[np.int64]:
    """Folds that hold as many of the rare positive ones each.

    Isomorphic architectures may be apart: on NAS-Bench-201 most of those that always collapse are isomorphic, and would
    all stand in one fold.
    """
    order = np.lexsort((np.random.default_rng(seed).random(len(shares)), shares))
    folds = np.empty(len(shares), np.int64)
    folds[order] = np.arange(len(shares)) % _FOLDS
    return folds


def _standardized(models: list[Any], foreign: NDArray[np.float64]) -> tuple[NDArray[np.float64], NoisePart]:
    """Predictions of zero mean and unit variance, and the part that makes such; constant ones become 0."""
    shift, scale = foreign.mean(axis=0), foreign.std(axis=0)
    scale = np.where(scale > 1e-9, scale, 1.0)
    return (foreign - shift) / scale, NoisePart(models, shift, scale)


def _slope(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    there = ~np.isnan(y)
    x, y = x[there] - x[there].mean(), y[there] - y[there].mean()
    power = float(x @ x)
    return max(0.0, float(x @ y) / power) if power > 0 else 0.0


def _row_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means over the last axis of what is there; NaN where nothing is."""
    n = (~np.isnan(values)).sum(axis=1)
    return np.where(n > 0, np.nansum(values, axis=1) / np.maximum(n, 1), np.nan)

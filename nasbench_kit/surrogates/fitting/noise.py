"""How training runs of one architecture differ: a spread that depends on it, and a probability that they collapse.

Around what the members expect, runs lie as a normal distribution does, in `z`, with a standard deviation per
architecture and epoch. It is learned from the runs of an architecture among themselves, where a table has several;
else from how far single runs lie from the prediction of members that did not see them, which includes what the members
do not know.

Apart from that, a run may collapse: end with a network that predicts the same class whatever it sees. `mask_collapsed`
says how such runs are recognized, `log_odds` how rare ones become probabilities.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
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
from nasbench_kit.surrogates.fitting.training_data import curve, mean_known
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
_REPEATED = 0.1  # share of architectures with several runs of an epoch, from which on these are used

Learn = Callable[[NDArray[np.float64], NDArray[np.int64], dict[str, Any]], tuple[NDArray[np.float64], NoisePart]]
"""Outputs, folds and settings -> what `_cross_fitted` returns."""


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
    deviations, n_free = _deviations(z, out_of_fold_z)
    learn = partial(_cross_fitted, space, archs, seed)
    targets = []
    parts: dict[str, NoisePart] = {}
    if not np.isnan(deviations).all():
        target, parts[NOISE] = _fit_spread(learn, value_target, deviations, n_free, fold(space, archs, _FOLDS))
        targets.append(target)
    if collapsed.any():
        target, parts[COLLAPSE] = _fit_collapse(learn, value_target, runs, collapsed, seed)
        targets.append(target)
    write_noise(folder, parts)
    return targets


def _worst(runs: NDArray[np.float64], sign: int) -> NDArray[np.float64]:
    """Find the worst value of each epoch, or of all where one has none: (n_epochs,)."""
    flat = sign * runs.reshape(-1, runs.shape[-1])
    least = np.where(np.isnan(flat), np.inf, flat).min(axis=0)
    return sign * np.where(np.isfinite(least), least, least.min())


def _deviations(
    z: NDArray[np.float64], expected: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Say how far runs are from what was to be expected, scaled so that their squares are the variance on average.

    Returns:
        Deviations (n_seeds, n_archs, n_epochs), and their degrees of freedom together (n_archs, n_epochs).
    """
    n = (~np.isnan(z)).sum(axis=0)
    # the runs among themselves; those without a second one say nothing
    among = np.where(n > 1, (z - mean_known(z)) * np.sqrt(n / np.maximum(n - 1, 1)), np.nan)
    repeated = (n > 1).mean(axis=0) >= _REPEATED  # some epochs may have been run once only
    return np.where(repeated, among, z - expected), np.where(repeated, np.maximum(n - 1, 0), n)


# ---- spread ----


def _fit_spread(
    learn: Learn,
    value_target: Target,
    deviations: NDArray[np.float64],
    n_free: NDArray[np.float64],
    folds: NDArray[np.int64],
) -> tuple[Target, NoisePart]:
    variance = mean_known(deviations**2)
    variance = np.maximum(variance, _FLOOR * np.nanmedian(variance, axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        log_variance = np.log(variance) - _log_chi2(n_free)
    log_variance[~np.isfinite(log_variance)] = np.nan
    level = np.nan_to_num([mean_known(column) for column in log_variance.T])
    basis = _hats(len(level))
    nearest = np.argmax(basis, axis=0)
    outputs = np.stack(
        [mean_known((log_variance - level)[:, nearest == k], axis=1) for k in range(len(basis))], axis=1
    )  # (n_archs, n_outputs)
    sd = np.nanstd(outputs, axis=0)
    settings = _SETTINGS | {"min_child_samples": max(5, min(200, len(outputs) // 50))}
    scaled, part = learn(outputs / np.where(sd > 0, sd, 1.0), folds, settings)
    # as much of it as other folds confirm: the slope of a regression of what was seen on what was predicted
    slopes = np.array([_slope(scaled[:, k], outputs[:, k]) for k in range(len(basis))])
    basis = basis * slopes[:, None] / 2  # of the standard deviation
    found = value_target._replace(kind=NOISE, transform="identity", offset=level / 2, basis=basis)
    ratios = np.moveaxis(np.abs(deviations) / np.exp(curve(found, scaled)), -1, 0)
    calibrated = [_calibration(of_epoch[~np.isnan(of_epoch)]) for of_epoch in ratios]
    return found._replace(offset=found.offset + calibrated), part


def _log_chi2(n_free: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute what the logarithm of a mean of n squared standard normal numbers is expected to be.

    It is digamma(n / 2) + log(2 / n).
    """
    table = [np.nan, -np.euler_gamma - 2 * np.log(2), -np.euler_gamma]  # digamma at 1/2 and 1
    for n in range(3, int(n_free.max(initial=2)) + 1):
        table.append(table[n - 2] + 2 / (n - 2))  # digamma(x + 1) = digamma(x) + 1 / x
    known = np.array(table)[n_free.astype(np.intp)]
    return known + np.log(2 / np.maximum(n_free, 1))


def _hats(n_epochs: int) -> NDArray[np.float64]:
    """Make a basis of curves over epochs: each epoch alone, or lines between a few, denser where training starts."""
    if n_epochs <= _KNOTS:
        return np.eye(n_epochs)
    knots = np.round(np.linspace(0, 1, _KNOTS) ** 2 * (n_epochs - 1))
    return np.stack([np.interp(np.arange(n_epochs), knots, unit) for unit in np.eye(_KNOTS)])


def _slope(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Fit the slope of a line to those points that are known; 0 where it would fall."""
    there = ~np.isnan(y)
    x, y = x[there] - x[there].mean(), y[there] - y[there].mean()
    power = float(x @ x)
    return max(0.0, float(x @ y) / power) if power > 0 else 0.0


def _calibration(ratios: NDArray[np.float64]) -> float:
    """Return what to add to log standard deviations, by the absolute deviations divided by them."""
    if not len(ratios):
        return 0.0
    expected = [NormalDist().inv_cdf((1 + level) / 2) for level in _LEVELS]
    seen = np.maximum(np.quantile(ratios, _LEVELS), 1e-12)
    return float(np.mean(np.log(seen / expected)))


# ---- collapse ----


def _fit_collapse(
    learn: Learn, value_target: Target, runs: NDArray[np.float64], collapsed: NDArray[np.bool_], seed: int
) -> tuple[Target, NoisePart]:
    known = ~np.isnan(runs)
    shares = mean_known(np.where(known, collapsed, np.nan))
    pooled = mean_known(shares[:, collapsed.any(axis=(0, 1))], axis=1)
    if (pooled > 0).sum() >= _FEWEST:
        scaled, part = learn(pooled[:, None], _spread_out(pooled, seed), _COLLAPSE_SETTINGS)
    else:  # too few to tell which
        scaled, part = np.zeros((len(pooled), 1)), NoisePart([], np.zeros(1), np.ones(1))
    offset, slopes = log_odds(scaled[:, 0], collapsed, known)
    quantiles = np.empty((len(offset), _QUANTILES))
    for epoch in range(len(offset)):
        ended = runs[..., epoch][collapsed[..., epoch]]
        ended = ended if len(ended) else runs[collapsed]
        quantiles[epoch] = np.quantile(ended, (np.arange(_QUANTILES) + 0.5) / _QUANTILES, method="nearest")
    found = value_target._replace(kind=COLLAPSE, transform="identity", offset=offset, basis=slopes[None])
    return found._replace(collapsed=quantiles), part


def _spread_out(shares: NDArray[np.float64], seed: int) -> NDArray[np.int64]:
    """Make folds that hold as many of the rare positive ones each.

    Isomorphic architectures may be apart: on NAS-Bench-201 most of those that always collapse are isomorphic, and would
    all stand in one fold.
    """
    order = np.lexsort((np.random.default_rng(seed).random(len(shares)), shares))
    folds = np.empty(len(shares), np.int64)
    folds[order] = np.arange(len(shares)) % _FOLDS
    return folds


# ---- models ----


def _cross_fitted(
    space: Space,
    archs: NDArray[np.uint8],
    seed: int,
    outputs: NDArray[np.float64],
    folds: NDArray[np.int64],
    settings: dict[str, Any],
) -> tuple[NDArray[np.float64], NoisePart]:
    """Fit a model per fold, stopped on the next.

    Returns:
        What each predicts for its own fold, that it did not see, of zero mean and unit variance, (n_archs, n_outputs);
        where that is constant, 0. And the models with what makes such of their predictions.
    """
    unseen = np.zeros(outputs.shape)
    models = []
    for k in range(_FOLDS):
        own, stop = folds == k, folds == (k + 1) % _FOLDS
        model = model_class("lightgbm")(space, {"encoding": best_dense(space), **settings})
        learns, stops = (Data(archs[which], outputs[which]) for which in (~own & ~stop, stop))
        model.fit(learns, stops, seed=seed + k)
        if own.any():
            unseen[own] = model.predict(archs[own])
        models.append(model)
    shift, scale = unseen.mean(axis=0), unseen.std(axis=0)
    scale = np.where(scale > 1e-9, scale, 1.0)
    return (unseen - shift) / scale, NoisePart(models, shift, scale)

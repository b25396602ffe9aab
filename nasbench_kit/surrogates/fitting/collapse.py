"""Training runs that collapse, which predict one class whatever they see: which did, and how likely the others were to.

Collapses are rare, so a score that ranks architectures is learned from all epochs together; what it means at one epoch,
where a few dozen runs of tens of thousands may have collapsed, is a logistic regression that borrows from the others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_FEWEST = 5  # runs that make a peak
_WINDOW = 1.25  # neighborhood of a value: from a 1.25th of it to 1.25 times it
_SHARPNESS = 8  # how much more often a value occurs than others in its neighborhood, if it is a peak
_WIDTH = 0.003  # of a peak, relative: two or three images of ten thousand
_EXCESS = 3  # a peak holds so many times the runs that its neighborhood lets expect
_LOW = 0.6  # of what the best tenth reaches in the end: above it, nothing counts as collapsed
_ALIKE = 2.0  # peaks of collapsed runs differ by less than this factor: they are shares of single classes
_GAP = 2.0  # or: all below a gap between one value and the next of this factor,
_BAND = 0.05  # if they lie as close together as this
_SURE = 30.0  # log-odds
_PRIOR = (1e-3, 1e-1)  # precision of intercept and slope: keeps them finite where all runs collapse
_NEWTON_STEPS = 100
_NEAR = 1e-9


def mask_collapsed(values: NDArray[np.float64], metric_name: str) -> NDArray[np.bool_]:
    """Say which runs collapsed: ended near chance, where the others of their epoch do not end.

    A network that predicts one class whatever it sees reaches the share of that class in the data: one of a few exact
    values, which so many runs share that they stand out as peaks. On NAS-Bench-101 that is 949 of 9,984 images in 32
    of 30,001 runs of 108 epochs; on NAS-Bench-201 the 341 cells without a path end there in every run. Runs that
    merely lie as low did not collapse: after four epochs, 25 % of the cells of NAS-Bench-101 are below 0.15, spread
    evenly. Nor did those that share a value far above the lowest peak, as cells do that compute the same. In small
    tables without peaks, five runs or more count that lie close together, and below half of the next one.

    Only accuracies and errors are looked at, as the name of the metric ends; nothing is assumed about the classes.

    Args:
        values: (n_seeds, n_archs, n_epochs), NaN where not recorded.
        metric_name: What they are.

    Returns:
        The same shape.
    """
    stem = metric_name.partition("[")[0]
    found = np.zeros(values.shape, bool)
    if not stem.endswith(("accuracy", "error")):
        return found
    accuracy = 1 - values if stem.endswith("error") else values
    last = accuracy[..., -1][~np.isnan(accuracy[..., -1])]
    if not len(last):
        return found
    high = _LOW * float(np.quantile(last, 0.9))
    runs = [np.sort(part[~np.isnan(part)]) for part in np.moveaxis(accuracy, -1, 0)]
    peaks = sorted({peak for these in runs for peak in _peaks(these, high)})
    peaks = [peak for peak in peaks if peak < _ALIKE * peaks[0]]
    for epoch, these in enumerate(runs):
        of_epoch = accuracy[..., epoch]
        for peak in peaks:
            if _stands_out(these, peak):
                found[..., epoch] |= np.abs(of_epoch - peak) <= _WIDTH * peak
        found[..., epoch] |= of_epoch <= _below_gap(these, high)
    return found


def _peaks(runs: NDArray[np.float64], high: float) -> list[float]:
    """Find values that occur far more often than their neighbors; peaks are no neighbors of each other."""
    values, counts = np.unique(np.round(runs, 9), return_counts=True)
    few = counts < _FEWEST
    candidates = np.flatnonzero(~few & (values > 0) & (values <= high))
    ordinary = np.ones(len(values), bool)
    for i in candidates[np.argsort(-counts[candidates])].tolist() * 2:  # twice: others may have stood beside a peak
        near = slice(*np.searchsorted(values, [values[i] / _WINDOW, values[i] * _WINDOW]))
        rest = ordinary[near].copy()
        rest[i - near.start] = False
        typical = counts[near][rest].mean() if rest.any() else 0.0
        ordinary[i] &= counts[i] <= _SHARPNESS * typical
    return [float(value) for value in values[~ordinary]]


def _stands_out(runs: NDArray[np.float64], peak: float) -> bool:
    """Say whether a peak holds far more of an epoch's runs, in ascending order, than its neighborhood lets expect."""
    ends = np.searchsorted(runs, [peak / _WINDOW, peak * (1 - _WIDTH), peak * (1 + _WIDTH), peak * _WINDOW])
    inside, near = ends[2] - ends[1], ends[3] - ends[0]
    share = 2 * _WIDTH / (_WINDOW - 1 / _WINDOW)
    return bool(inside > _EXCESS * share * (near - inside))


def _below_gap(runs: NDArray[np.float64], high: float) -> float:
    """Find the largest value below a wide gap; -1 if there is no such group of runs."""
    n_low = int(np.searchsorted(runs, high, side="right"))
    ends = np.arange(_FEWEST - 1, min(n_low, len(runs) - 1))
    ends = ends[(runs[ends + 1] > _GAP * runs[ends]) & (runs[ends] - runs[0] <= _BAND)]
    return float(runs[ends[-1]]) if len(ends) else -1.0


def log_odds(
    scores: NDArray[np.float64], collapsed: NDArray[np.bool_], known: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Make log-odds of a collapse at each epoch out of one score per architecture: `offset + slope * score`.

    Each epoch with collapses has a logistic regression of its own. Where few did, its slope is drawn towards those
    of the others, the more the less it is known; one that is known well stays. The offset then is such that as many are
    expected as collapsed. An epoch without collapses has none at any score.

    Args:
        scores: (n_archs,), predicted by models that did not see the architecture.
        collapsed: (n_seeds, n_archs, n_epochs).
        known: Which runs were recorded, same shape.

    Returns:
        Offsets and slopes, (n_epochs,) each.

    Source: DerSimonian and Laird 1986, https://doi.org/10.1016/0197-2456(86)90046-2, for the variance between slopes.
    """
    n_epochs = collapsed.shape[-1]
    offsets, slopes = np.full(n_epochs, -_SURE), np.zeros(n_epochs)
    some = np.flatnonzero(collapsed.any(axis=(0, 1)))
    if not len(some):
        return offsets, slopes
    rows = np.broadcast_to(scores, known.shape[:2])
    samples = [(rows[known[..., epoch]], collapsed[..., epoch][known[..., epoch]]) for epoch in some]
    own = [_logistic(np.stack([np.ones_like(x), x], axis=1), fell) for x, fell in samples]
    slopes[some] = np.maximum(_partially_pooled(*np.array([(at[1], errors[1]) for at, errors in own]).T), 0)
    for epoch, (x, fell) in zip(some, samples, strict=True):
        (offsets[epoch],), _ = _logistic(np.ones((len(x), 1)), fell, slopes[epoch] * x)
    return offsets, slopes


def _partially_pooled(values: NDArray[np.float64], errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Draw estimates of related numbers towards their mean: all the way where they differ by their errors alone."""
    if len(values) < 2:
        return values
    weights = errors**-2
    mean = weights @ values / weights.sum()
    excess = weights @ (values - mean) ** 2 - (len(values) - 1)
    if excess <= 0:
        return np.full_like(values, mean)
    between = excess / (weights.sum() - weights @ weights / weights.sum())  # the variance of the true numbers
    weights = 1 / (errors**2 + between)
    mean = weights @ values / weights.sum()
    return mean + (values - mean) * between * weights


def _logistic(
    design: NDArray[np.float64], fell: NDArray[np.bool_], fixed: NDArray[np.float64] | float = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit coefficients of the log-odds `fixed + design @ coefficients` by Newton's method, with standard errors."""
    rate = (fell.sum() + 0.5) / (len(fell) + 1)
    start = np.zeros(design.shape[1])
    start[0] = np.log(rate / (1 - rate))
    precision = np.array(_PRIOR[: len(start)])

    def loss(at: NDArray[np.float64]) -> float:
        odds = fixed + design @ at
        return float(np.logaddexp(0, odds).sum() - odds[fell].sum() + precision @ (at - start) ** 2 / 2)

    def curvature(p: NDArray[np.float64]) -> NDArray[np.float64]:
        return (design * (p * (1 - p))[:, None]).T @ design + np.diag(precision)

    def probability(at: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1 / (1 + np.exp(-np.clip(fixed + design @ at, -_SURE, _SURE)))

    found, lowest = start, loss(start)
    for _ in range(_NEWTON_STEPS):
        p = probability(found)
        step = np.linalg.solve(curvature(p), design.T @ (p - fell) + precision * (found - start))
        while (new := loss(found - step)) > lowest and np.abs(step).max() > _NEAR:
            step /= 2
        if np.abs(step).max() <= _NEAR or new > lowest:
            break
        found, lowest = found - step, new
    return found, np.sqrt(np.diag(np.linalg.inv(curvature(probability(found)))))

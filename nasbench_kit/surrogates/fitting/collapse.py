"""Which training runs collapsed: predict one class whatever they see."""

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


def mask_collapsed(values: NDArray[np.float64], metric_name: str) -> NDArray[np.bool_]:
    """Which runs collapsed: ended near chance, where the others of their epoch do not end.

    A network that predicts one class whatever it sees reaches the share of that class in the data: one of a few exact
    values, which so many runs share that they stand out as peaks. On NAS-Bench-101 that is 949 of 9,984 images in 32 of
    30,001 runs of 108 epochs, 197 of 36 and 221 of 12 (where other classes have peaks too); on NAS-Bench-201 the 341
    cells without a path end there in every run. Runs that merely lie as low, among as many others, did not collapse:
    after four epochs, 25 % of the cells of NAS-Bench-101 are below 0.15, spread evenly. Nor did those that share a
    value far above the lowest peak: on NAS-Bench-201, cells that compute the same have the same accuracy after 12
    epochs (48.3 % on CIFAR-10, where one class is 9.7 %). In small tables without peaks, five runs or more count that
    lie close together, and below half of the next one.

    Nothing is assumed about the number of classes. Only accuracies and errors are looked at; a loss or a time never
    counts as collapsed.

    Args:
        values: (n_seeds, n_archs, n_epochs), NaN where not recorded.
        metric_name: Says by its ending whether it is an accuracy or an error.

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
    """Values that occur far more often than their neighbors; peaks are no neighbors of each other."""
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
    ends = np.searchsorted(runs, [peak / _WINDOW, peak * (1 - _WIDTH), peak * (1 + _WIDTH), peak * _WINDOW])
    inside, near = ends[2] - ends[1], ends[3] - ends[0]
    share = 2 * _WIDTH / (_WINDOW - 1 / _WINDOW)
    return bool(inside > _EXCESS * share * (near - inside))


def _below_gap(runs: NDArray[np.float64], high: float) -> float:
    """The largest value below a wide gap; -1 if there is no such group of runs."""
    n_low = int(np.searchsorted(runs, high, side="right"))
    ends = np.arange(_FEWEST - 1, min(n_low, len(runs) - 1))
    ends = ends[(runs[ends + 1] > _GAP * runs[ends]) & (runs[ends] - runs[0] <= _BAND)]
    return float(runs[ends[-1]]) if len(ends) else -1.0

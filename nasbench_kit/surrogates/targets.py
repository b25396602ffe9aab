"""What a surrogate predicts: curves of metrics over epochs, as a few numbers per architecture, the outputs.

A model knows nothing of metrics. It learns a row of outputs per architecture; a `Target` says how those become the
values of one metric at each epoch, and back. A curve `z(epoch)` is `offset + outputs @ basis`, with as many outputs
as the table's curves have components that matter; the value is what `transform` makes of `z`.

Three kinds of targets describe one training run of an architecture:

- "value": where the metric lies, if training does not collapse;
- "noise": the logarithm of the standard deviation of `z` between runs;
- "collapse": the log-odds that a run ends near chance; what it then has is drawn from `collapsed`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import SurrogateError

VALUE, NOISE, COLLAPSE = KINDS = ("value", "noise", "collapse")
TRANSFORMS = ("identity", "log", "log_error")
"""`z` is the value itself; its logarithm; or `-log(1 - value)`, which spreads accuracies near 1."""
FEW = 4  # epochs, whose values are the outputs


class Target(NamedTuple):
    """One curve that a surrogate predicts."""

    dataset: str
    metric: str
    kind: str  #: one of `KINDS`
    transform: str  #: one of `TRANSFORMS`
    offset: NDArray[np.float64]  #: (n_epochs,); a metric without epochs has one
    basis: NDArray[np.float64]  #: (n_outputs, n_epochs)
    collapsed: NDArray[np.float64]  #: (n_epochs, n_quantiles): quantiles of collapsed runs; empty unless "collapse"

    @property
    def n_outputs(self) -> int:
        """Return how many numbers per architecture it takes."""
        return len(self.basis)

    def at(self, position: int, first: int = 0) -> Curve:
        """Return what makes `z` at one epoch of a row of outputs, of which this target's begin at `first`."""
        weights = [(first + k, weight) for k, weight in enumerate(self.basis[:, position].tolist()) if weight]
        return Curve(self.offset[position].item(), weights)

    def to_json(self) -> dict[str, Any]:
        """Return what the card says of it."""
        arrays = {name: getattr(self, name).tolist() for name in ("offset", "basis", "collapsed")}
        return self._asdict() | arrays

    @classmethod
    def from_json(cls, entry: Mapping[str, Any], n_epochs: int) -> Target:
        """Read what a card says.

        Raises:
            SurrogateError: It does not fit together.
        """
        offset, basis, collapsed = (np.array(entry[name], np.float64) for name in ("offset", "basis", "collapsed"))
        made = cls(entry["dataset"], entry["metric"], entry["kind"], entry["transform"], offset, basis, collapsed)
        where = f"target {made.kind!r} of {made.dataset}: {made.metric}"
        if made.kind not in KINDS or made.transform not in TRANSFORMS:
            raise SurrogateError(f"{where}: transform {made.transform!r}; choose kinds from {KINDS}, from {TRANSFORMS}")
        wrong = offset.shape != (n_epochs,) or basis.ndim != 2 or basis.shape[1] != n_epochs
        if wrong or (made.kind == COLLAPSE and (collapsed.ndim != 2 or len(collapsed) != n_epochs)):
            raise SurrogateError(f"{where}: arrays of shape {offset.shape}, {basis.shape}; {n_epochs} epochs expected")
        if not all(np.isfinite(array).all() for array in (offset, basis, collapsed)):
            raise SurrogateError(f"{where}: numbers that are not finite")
        return made


class Curve(NamedTuple):
    """What makes `z` at one epoch of outputs: added up in order, so that one alone and a batch give the same bits."""

    offset: float
    weights: list[tuple[int, float]]  #: the outputs that count, and how much

    def many(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return `z` of a batch: the shape of `outputs` without its last axis."""
        if not self.weights:
            return np.full(outputs.shape[:-1], self.offset)
        (k, weight), *others = self.weights
        z: NDArray[np.float64] = outputs[..., k] * weight
        z += self.offset
        for k, weight in others:
            z += outputs[..., k] * weight
        return z


def forward(transform: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Make `z` of values."""
    if transform == "log":
        return np.log(values)
    return -np.log1p(-values) if transform == "log_error" else values


def backward(transform: str, z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Make values of `z`."""
    if transform == "log":
        return np.exp(z)
    return -np.expm1(-z) if transform == "log_error" else z


def slope(transform: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how much a value changes with `z`: the derivative of `backward`, by the value."""
    if transform == "log":
        return values
    return 1 - values if transform == "log_error" else np.ones_like(values)


def components(z: NDArray[np.float64], *, keep: float, most: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Find offset (n_epochs,) and basis (n_outputs, n_epochs) of curves `z` (n_archs, n_epochs).

    These are principal components until the share `keep` of the variance is explained, at most `most` of them;
    their outputs are uncorrelated. Curves of up to four epochs are kept as they are, one output per epoch, each of unit
    variance; only these may have missing values, as NaN.
    """
    offset = np.nanmean(z, axis=0)
    scale = np.nanstd(z, axis=0)
    if z.shape[1] <= FEW:
        return offset, np.diag(np.where(scale > 0, scale, 1.0))
    whole = z[~np.isnan(z).any(axis=1)] - offset
    _, singular, directions = np.linalg.svd(whole, full_matrices=False)
    explained = np.cumsum(singular**2) / (singular**2).sum()
    n = min(most, int(np.searchsorted(explained, keep)) + 1)
    return offset, directions[:n] * (singular[:n, None] / np.sqrt(len(whole)))

"""Members of a network that follows a single one: its last layer, fitted again to bootstrap samples."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.surrogates.card import Card
from nasbench_kit.surrogates.targets import VALUE

_SAMPLE = 20_000  # architectures that each member's last layer is fitted to
_RIDGE = 1e-4  # of the mean squared unit

Last = tuple[NDArray[np.float64], NDArray[np.float64]]


def bootstrapped(
    card: Card,
    last: Last,
    units: Callable[[NDArray[np.intp]], NDArray[np.float64]],
    labels: NDArray[np.float64],
    held_out: NDArray[np.bool_],
    *,
    n_members: int,
    seed: int,
) -> tuple[Last, dict[str, float]]:
    """Fit so many members in the place of one.

    Each is fitted to a bootstrap sample, drawn to the network's own layer by a ridge. Its deviation from their mean is
    multiplied such that, in each target, the spread of the members after the last epoch is as large as the error of
    the network on architectures that it was not trained on.

    Args:
        card: What the outputs mean.
        last: Weights and shift of the network's last layer, to the outputs of one member and of the noise.
        units: From rows of the labels to what the last layer reads: (n_rows, n_units).
        labels: The outputs to follow.
        held_out: Which rows are not trained on.
        n_members, seed: How many, and of the samples.

    Returns:
        The last layer with the outputs of all members; and by how much the deviations of each target were multiplied.
    """
    rng = np.random.default_rng(seed)
    n_values = card.n_outputs(VALUE)
    own = np.vstack(last)  # the shift is the weight of a unit that is always 1
    learns, kept = np.flatnonzero(~held_out), np.flatnonzero(held_out)
    fitted = []
    for _ in range(n_members):
        rows = rng.choice(learns, min(_SAMPLE, len(learns)))
        read = _with_one(units(rows))
        gram = read.T @ read
        gram += np.eye(len(gram)) * np.trace(gram) / len(gram) * _RIDGE
        fitted.append(np.linalg.solve(gram, read.T @ (labels[rows] - read @ own)[:, :n_values]))
    deviations = np.stack(fitted, axis=1)  # (n_units + 1, n_members, n_values)
    deviations -= deviations.mean(axis=1, keepdims=True)
    read = _with_one(units(kept))
    wrong = labels[kept] - read @ own
    factors, start = {}, 0
    for target in card.targets:
        if target.kind == VALUE:
            which = slice(start, start + target.n_outputs)
            start = which.stop
            spread = np.einsum("au,umv->amv", read, deviations[..., which]) @ target.basis[:, -1]
            error = wrong[:, which] @ target.basis[:, -1]
            factor = np.sqrt((error**2).mean() / max(spread.var(axis=1).mean(), 1e-300))
            deviations[..., which] *= factor
            factors[f"{target.dataset}/{target.metric}"] = round(float(factor), 3)
    members = (own[:, None, :n_values] + deviations).reshape(len(own), -1)
    whole = np.hstack([members, own[:, n_values:]])
    return (whole[:-1], whole[-1]), factors


def _with_one(units: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([units, np.ones(len(units))])

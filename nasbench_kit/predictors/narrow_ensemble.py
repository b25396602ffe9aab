"""An ensemble of deep, narrow networks, trained together: BANANAS, White et al. 2021, https://arxiv.org/abs/1910.11858."""

from __future__ import annotations

from itertools import pairwise
from math import prod, sqrt
from typing import TYPE_CHECKING, final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BETAS, _TINY = (0.9, 0.99), 1e-7  # of Adam, as in the reference
_SMALLEST_SD = 1e-12


@final
class NarrowEnsemble:
    """Networks of equal shape, which differ in their first weights and in the order of what they learn from.

    Dense layers with ReLU, mean absolute error, Adam. All networks take a step at once, as one product of stacked
    matrices. Values are standardized first, where the reference learns percentages as they are.

    Args:
        features: Of the architectures to learn from: (n, d).
        values: Their values: (n,).
        rng: First weights and orders.
        n_members: Networks.
        n_layers: Hidden layers of each.
        width: Of the hidden layers.
        epochs: How often all architectures are seen.
        batch_size: Architectures per step.
        learning_rate: Of Adam.

    Source: `meta_neural_net.py` and `params.py` in naszilla/naszilla, which are where the defaults come from.
    """

    def __init__(
        self,
        features: NDArray[np.float64],
        values: NDArray[np.float64],
        rng: np.random.Generator,
        *,
        n_members: int = 5,
        n_layers: int = 10,
        width: int = 20,
        epochs: int = 150,
        batch_size: int = 32,
        learning_rate: float = 0.01,
    ) -> None:
        self._mean = float(values.mean())
        self._sd = max(float(values.std()), _SMALLEST_SD)
        sizes = [features.shape[1], *[width] * n_layers, 1]
        shapes: list[tuple[int, ...]] = [(n_members, *of) for of in pairwise(sizes)]
        shapes += [(n_members, 1, b) for b in sizes[1:]]
        self._flat = np.zeros(sum(map(prod, shapes)))
        parts = _views(self._flat, shapes)
        self._weights, self._biases = parts[: n_layers + 1], parts[n_layers + 1 :]
        for weights in self._weights:  # Glorot and Bengio 2010, eq. 16
            bound = sqrt(6 / (weights.shape[1] + weights.shape[2]))
            weights[:] = rng.uniform(-bound, bound, weights.shape)
        targets = (values - self._mean) / self._sd
        gradients = np.zeros_like(self._flat)
        of = _views(gradients, shapes)
        first, second = np.zeros_like(self._flat), np.zeros_like(self._flat)
        step = 0
        for _ in range(epochs):
            orders = rng.permuted(np.tile(np.arange(len(values)), (n_members, 1)), axis=1)
            for start in range(0, len(values), batch_size):
                rows = orders[:, start : start + batch_size]
                self._gradients(features[rows], targets[rows], of[: n_layers + 1], of[n_layers + 1 :])
                step += 1
                first += (1 - _BETAS[0]) * (gradients - first)
                second += (1 - _BETAS[1]) * (gradients**2 - second)
                rate = learning_rate * sqrt(1 - _BETAS[1] ** step) / (1 - _BETAS[0] ** step)
                self._flat -= rate * first / (np.sqrt(second) + _TINY)

    def predict(self, features: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and standard deviation over the networks, of the value of each of a batch: (m,) both."""
        layers = self._activations(np.broadcast_to(features, (len(self._weights[0]), *features.shape)))
        outputs = self._mean + self._sd * layers[-1][:, :, 0]
        return outputs.mean(axis=0), outputs.std(axis=0)

    def _activations(self, inputs: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """What each layer gives: (n_members, n, width), the inputs first."""
        layers = [inputs]
        last = len(self._weights) - 1
        for i, (weights, bias) in enumerate(zip(self._weights, self._biases, strict=True)):
            found = layers[-1] @ weights
            found += bias
            layers.append(np.maximum(found, 0.0, out=found) if i < last else found)
        return layers

    def _gradients(
        self,
        inputs: NDArray[np.float64],
        targets: NDArray[np.float64],
        of_weights: list[NDArray[np.float64]],
        of_biases: list[NDArray[np.float64]],
    ) -> None:
        """Of the mean absolute error of each network, written into the given arrays."""
        layers = self._activations(inputs)
        error = np.sign(layers[-1] - targets[:, :, None]) / targets.shape[1]
        for i in range(len(self._weights) - 1, -1, -1):
            np.matmul(layers[i].transpose(0, 2, 1), error, out=of_weights[i])
            error.sum(axis=1, keepdims=True, out=of_biases[i])
            if i:
                error = error @ self._weights[i].transpose(0, 2, 1)
                error *= layers[i] > 0


def _views(flat: NDArray[np.float64], shapes: list[tuple[int, ...]]) -> list[NDArray[np.float64]]:
    """Parts of one array, one after the other, in these shapes."""
    ends = np.cumsum([prod(shape) for shape in shapes]).tolist()
    return [flat[end - prod(shape) : end].reshape(shape) for end, shape in zip(ends, shapes, strict=True)]

"""What a surrogate predicts of a mixture of choices, with its gradient. Importing this imports torch."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, final

import numpy as np
import torch
from torch import Tensor

from nasbench_kit.errors import SettingError, listed
from nasbench_kit.formats.safetensors import read_tensors
from nasbench_kit.optimizers.differentiable.chosen import chosen_surrogate, opened_surrogates
from nasbench_kit.optimizers.differentiable.mixtures import Mixture, can_be_relaxed, relaxation
from nasbench_kit.spaces import Space
from nasbench_kit.surrogates import Surrogate
from nasbench_kit.surrogates.network import LARGEST
from nasbench_kit.surrogates.targets import COLLAPSE, VALUE

if TYPE_CHECKING:
    from numpy.typing import NDArray

# the transforms of `nasbench_kit.surrogates.targets`
_BACKWARD: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda z: z,
    "log": torch.exp,
    "log_error": lambda z: -torch.expm1(-z),
}
_FORWARD: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda value: value,
    "log": torch.log,
    "log_error": lambda value: -torch.log1p(-value),
}


def relaxed_surrogate(space: Space, name: str | None) -> RelaxedSurrogate:
    """What `chosen_surrogate` chooses, relaxed.

    Raises:
        SettingError, UnknownNameError: As there; or it has no gradient.
    """
    surrogate, dataset = chosen_surrogate(space, name)
    if not _has_gradient(surrogate):
        reads = f"reads the encoding {surrogate.card.predictor.get('encoding')!r}"
        why = reads if surrogate.card.predictor["kind"] == "network" else "is no network"
        others = listed(
            f"{other.name} of {other.space.name}" for other in opened_surrogates().values() if _has_gradient(other)
        )
        raise SettingError(f"surrogate {surrogate.name!r} has no gradient, as it {why}; those that have one: {others}")
    return _built(surrogate.path, surrogate.sha256, dataset)


def _has_gradient(surrogate: Surrogate) -> bool:
    predictor = surrogate.card.predictor
    return predictor["kind"] == "network" and can_be_relaxed(surrogate.space, str(predictor.get("encoding")))


@lru_cache(maxsize=8)
def _built(path: str, sha256: str, dataset: str) -> RelaxedSurrogate:
    return RelaxedSurrogate(Surrogate(path), dataset)


@final
class RelaxedSurrogate:
    """The network of a surrogate without its rounding: its objective after the last epoch, of any mixture.

    Args:
        surrogate: A network that reads an encoding that can be relaxed.
        dataset: One of its datasets.

    Attributes:
        shapes: Of the tensors of a mixture.
    """

    def __init__(self, surrogate: Surrogate, dataset: str) -> None:
        card = surrogate.card
        assert surrogate.predictor  # the files were compared with the card
        self.shapes, self._encode, self.choices = relaxation(card.space, card.predictor["encoding"])
        tensors = read_tensors(os.path.join(surrogate.path, card.predictor["file"]))
        objective = surrogate.objectives[dataset]
        value, collapse = (card.target(dataset, objective, kind) for kind in (VALUE, COLLAPSE))
        assert value
        self._sign = card.metrics[dataset][objective].sign()
        self._transform = value.target.transform
        self._n_members = card.n_members
        n_values = card.n_outputs(VALUE)
        # z of each member, then the log-odds of a collapse, as sums over outputs: at the last epoch
        starts = [member * n_values + value.first for member in range(card.n_members)]
        curves = [(start, value.target) for start in starts]
        self._collapsed: float | None = None
        if collapse:
            curves.append((card.n_members * n_values + collapse.first, collapse.target))
            self._collapsed = float(collapse.target.collapsed[-1].mean())
        weights = np.zeros((len(tensors["scale"]), len(curves)))
        for column, (start, target) in enumerate(curves):
            weights[start : start + target.n_outputs, column] = target.basis[:, -1]
        offset = np.array([target.offset[-1] for _, target in curves])
        self._offset = torch.tensor(tensors["shift"] @ weights + offset)
        self._embedding = _double(tensors["embedding"])
        n_layers = sum(key.startswith("bias.") for key in tensors)
        last = f"weights.{n_layers - 1}"
        tensors[last] = tensors[last] @ (tensors["scale"][:, None] * weights)
        self._layers = [
            tuple(_double(tensors[f"{kind}.{i}"]) for kind in ("bias", "factor", "weights")) for i in range(n_layers)
        ]

    def value(self, mixture: Mixture) -> Tensor:
        """What is expected of a mixture: of an architecture, the mean of the members that the surrogate answers."""
        units = self._encode(mixture) @ self._embedding
        for bias, factor, weights in self._layers:
            units = ((units + bias) * factor).clamp(0, LARGEST) @ weights
        z = units + self._offset
        members = _BACKWARD[self._transform](z[: self._n_members])
        if self._collapsed is not None:
            members = members + torch.sigmoid(z[self._n_members]) * (self._collapsed - members)
        return members.mean()

    def loss(self, mixture: Mixture) -> Tensor:
        """What is minimized: the value as the surrogate models it; of accuracies, the logarithm of the error."""
        return -self._sign * _FORWARD[self._transform](self.value(mixture))


def _double(array: NDArray[np.generic]) -> Tensor:
    return torch.tensor(array.astype(np.float64))

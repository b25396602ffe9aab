"""Training of the small network that follows an ensemble, and its conversion to integers. Needs torch."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.jobs import Workshop
from nasbench_kit.surrogates.card import Card
from nasbench_kit.surrogates.network import LARGEST, LARGEST_BIAS
from nasbench_kit.surrogates.surrogate import split_outputs
from nasbench_kit.surrogates.targets import VALUE

_MEMBERS_COUNT, _NOISE_COUNTS = 0.4, 0.3  # in the loss, beside the mean of the members, which counts 1
_LEAST = 0.02  # share of the loss that a component of a curve has in any case
_WARM_UP = 0.1  # share of the steps
_HEADROOM = 1.25  # an activation may be so much larger than any that was seen in training
_TOGETHER = 4_096  # architectures that go through the layers together
_STATE, _OF_ADAM = "state", ("step", "exp_avg", "exp_avg_sq")
_MOST_SEEN = 65_536  # architectures whose activations are looked at for that


class Learned(NamedTuple):
    """Make what the network learns in the place of outputs: their mean over members, deviations from it, noise.

    The members are nearly equal, so their outputs told one by one would be the same number many times.
    """

    center: NDArray[np.float64]  #: (n_learned,)
    scale: NDArray[np.float64]  #: (n_learned,)
    weight: NDArray[np.float64]  #: (n_learned,), of each squared error in the loss
    n_members: int
    n_values: int

    @classmethod
    def of(cls, card: Card, outputs: NDArray[np.float64]) -> Learned:
        """Make it of the outputs of the architectures to train on: (n_archs, n_members * n_values + n_noise)."""
        n_members, n_values = card.n_members, card.n_outputs(VALUE)
        found = _rearranged(outputs, n_members, n_values)
        spread = found.std(axis=0)
        values, noise = _importance(card, True), _importance(card, False)
        weight = np.concatenate(
            [values, np.tile(values, n_members) * _MEMBERS_COUNT / n_members, noise * _NOISE_COUNTS]
        )
        if n_members == 1:
            weight[n_values : 2 * n_values] = 0
        return cls(found.mean(axis=0), np.where(spread > 1e-9, spread, 1), weight, n_members, n_values)

    def standardized(self, outputs: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return what is learned of some outputs, of about unit variance: (n_archs, n_learned)."""
        found = _rearranged(outputs, self.n_members, self.n_values)
        return ((found - self.center) / self.scale).astype(np.float32)

    def back(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give the linear map from what is learned to outputs: (n_learned, n_outputs), and what it adds.

        What the deviations that were learnt have in common is error, and left out: the mean stays what was learnt.
        """
        n = self.n_members * self.n_values
        n_noise = len(self.center) - self.n_values - n
        to = np.zeros((len(self.center), n + n_noise))
        to[: self.n_values, :n] = np.tile(np.eye(self.n_values), self.n_members)
        to[self.n_values :] = np.eye(n + n_noise)
        apart = np.eye(self.n_members) - 1 / self.n_members
        to[self.n_values : self.n_values + n, :n] = np.kron(apart, np.eye(self.n_values))
        return self.scale[:, None] * to, self.center @ to


def _rearranged(outputs: NDArray[np.float64], n_members: int, n_values: int) -> NDArray[np.float64]:
    """Put the mean over members first, then their deviations from it, then the noise: (n_archs, n_learned)."""
    members, noise = split_outputs(outputs, n_members, n_values)
    mean = members.mean(axis=1, keepdims=True)
    return np.hstack([mean[:, 0], (members - mean).reshape(len(outputs), -1), noise])


def _importance(card: Card, is_value: bool) -> NDArray[np.float64]:
    """Compute which share each output has in the variance of its target's curve, mean over epochs."""
    shares = [np.zeros(0)]
    for target in card.targets:
        if (target.kind == VALUE) == is_value:
            variance = target.basis**2 / np.maximum((target.basis**2).sum(axis=0), 1e-300)
            share = np.maximum(variance.mean(axis=1), _LEAST)
            shares.append(share / share.sum())
    return np.concatenate(shares)


def train(
    columns: NDArray[np.intp],
    learned: NDArray[np.float32],
    weight: NDArray[np.float64],
    settings: Mapping[str, Any],
    *,
    n_columns: int,
    shop: Workshop,
    progress: Callable[[int, int], None],
) -> dict[str, NDArray[np.float32]]:
    """Train a network; goes on from what is kept of an earlier call, with the same result.

    Args:
        columns: Which columns of the sparse encoding are 1: (n_archs, at most so many); `n_columns` stands for none.
        learned: What to learn: (n_archs, n_learned), of about unit variance.
        weight: Of each output in the loss.
        settings: `hidden`, `epochs`, `batch`, `learning_rate` and `seed` of `DistillSettings`.
        n_columns: Of the encoding.
        shop: Keeps the state after each epoch.
        progress: Told how many epochs are done.

    Returns:
        `embedding`, `bias.i`, and `weights.i` that lead on from hidden layer `i`; the last `bias` is of the outputs.
    """
    import torch

    epochs, batch, seed = (settings[name] for name in ("epochs", "batch", "seed"))
    sizes = [*settings["hidden"], learned.shape[1]]
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int, sd: float) -> Any:
        return torch.randn(*shape, generator=generator) * sd

    n_rows = float((columns < n_columns).sum(axis=1).mean())
    parameters: dict[str, Any] = {"embedding": normal(n_columns + 1, sizes[0], sd=0.75 / math.sqrt(n_rows))}
    parameters["embedding"][n_columns] = 0
    for i, (n, n_next) in enumerate(pairwise(sizes)):
        parameters[f"bias.{i}"] = torch.zeros(n)
        parameters[f"weights.{i}"] = normal(n, n_next, sd=math.sqrt((2 if n_next != sizes[-1] else 1) / n))
    parameters["bias"] = torch.zeros(sizes[-1])
    for parameter in parameters.values():
        parameter.requires_grad_()
    optimizer = torch.optim.Adam(parameters.values(), fused=True)
    begun = _restore(shop.kept(_STATE), parameters, optimizer)

    inputs, wanted = torch.from_numpy(columns.astype(np.int32)), torch.from_numpy(learned)
    weights = torch.from_numpy((weight / weight.sum()).astype(np.float32))
    n_steps = math.ceil(len(columns) / batch)
    progress(begun, epochs)
    for epoch in range(begun, epochs):
        order = torch.from_numpy(np.random.default_rng((seed, epoch)).permutation(len(columns)))
        for step, rows in enumerate(torch.split(order, batch)):
            done = (epoch * n_steps + step) / (epochs * n_steps)
            optimizer.param_groups[0]["lr"] = settings["learning_rate"] * _schedule(done)
            found = _forward(parameters, inputs[rows], n_columns)
            loss = ((found - wanted[rows]) ** 2 * weights).sum() / len(rows)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        shop.keep(_STATE, _state(parameters, optimizer, epoch + 1))
        progress(epoch + 1, epochs)
    return {name: parameter.detach().numpy() for name, parameter in parameters.items()}


def _schedule(done: float) -> float:
    """Return the share of the highest learning rate at a share of the steps."""
    if done < _WARM_UP:
        return 0.04 + 0.96 * done / _WARM_UP
    return 0.5 + 0.5 * math.cos(math.pi * (done - _WARM_UP) / (1 - _WARM_UP))


def _forward(parameters: Mapping[str, Any], inputs: Any, n_columns: int) -> Any:
    import torch

    units = torch.nn.functional.embedding_bag(inputs, parameters["embedding"], mode="sum", padding_idx=n_columns)
    for i in range(_n_layers(parameters)):
        units = torch.relu(units + parameters[f"bias.{i}"]) @ parameters[f"weights.{i}"]
    return units + parameters["bias"]


def _state(parameters: Mapping[str, Any], optimizer: Any, epoch: int) -> bytes:
    arrays = {name: parameter.detach().numpy() for name, parameter in parameters.items()}
    for name, parameter in parameters.items():
        arrays |= {f"{what} {name}": optimizer.state[parameter][what].numpy() for what in _OF_ADAM}
    content = io.BytesIO()
    np.savez(content, epoch=epoch, **arrays)
    return content.getvalue()


def _restore(state: bytes | None, parameters: Mapping[str, Any], optimizer: Any) -> int:
    """Put a kept state in place, and return how many epochs it is of."""
    import torch

    if state is None:
        return 0
    arrays = np.load(io.BytesIO(state), allow_pickle=False)
    for name, parameter in parameters.items():
        with torch.no_grad():
            parameter.copy_(torch.from_numpy(arrays[name]))
        optimizer.state[parameter] = {what: torch.from_numpy(arrays[f"{what} {name}"]) for what in _OF_ADAM}
    return int(arrays["epoch"])


# ---- integers ----


def last_layer(
    parameters: Mapping[str, NDArray[Any]], learned: Learned
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Join the last layer with the way back to outputs: weights (n_units, n_outputs), and what they add."""
    to, added = learned.back()
    weights = parameters[f"weights.{_n_layers(parameters) - 1}"].astype(np.float64)
    return weights @ to, parameters["bias"].astype(np.float64) @ to + added


def last_units(parameters: Mapping[str, NDArray[Any]], columns: NDArray[np.intp]) -> NDArray[np.float64]:
    """Compute what the last layer reads, before anything is rounded: (n_archs, n_units)."""
    return np.concatenate([found[-1].astype(np.float64) for found in _activations(parameters, columns)])


def to_integers(
    parameters: Mapping[str, NDArray[Any]],
    last: tuple[NDArray[np.float64], NDArray[np.float64]],
    columns: NDArray[np.intp],
) -> dict[str, NDArray[Any]]:
    """Make the tensors of `Network`: each unit's weights and activations with a factor of their own.

    `last` stands in the place of the last layer; `columns` of some architectures show how large the activations get.
    """
    n_layers = _n_layers(parameters)
    weights = [*(parameters[f"weights.{i}"].astype(np.float64) for i in range(n_layers - 1)), last[0]]
    made: dict[str, NDArray[Any]] = {}
    made["embedding"], unit = _rounded(parameters["embedding"][:-1].astype(np.float64))
    largest = [np.zeros(len(parameters[f"bias.{i}"])) for i in range(n_layers)]
    for found in _activations(parameters, columns[:: max(1, len(columns) // _MOST_SEEN)]):
        largest = [np.maximum(seen, units.max(axis=0)) for seen, units in zip(largest, found, strict=True)]
    for i in range(n_layers):
        bias = parameters[f"bias.{i}"].astype(np.float64)
        step = np.maximum(largest[i] * _HEADROOM, 1e-12) / LARGEST  # what 1 of an activation means
        made[f"bias.{i}"] = np.clip(np.rint(bias / unit), -LARGEST_BIAS, LARGEST_BIAS).astype(np.int64)
        made[f"factor.{i}"] = unit / step
        made[f"weights.{i}"], unit = _rounded(weights[i] * step[:, None])
    made["scale"] = unit
    made["shift"] = last[1]
    return made


def _rounded(weights: NDArray[np.float64]) -> tuple[NDArray[np.int16], NDArray[np.float64]]:
    """Round weights to integers, and say what 1 means of each unit that they lead to."""
    unit = np.abs(weights).max(axis=0) / LARGEST
    unit = np.where(unit > 0, unit, 1.0)
    return np.rint(weights / unit).astype(np.int16), unit


def _activations(
    parameters: Mapping[str, NDArray[Any]], columns: NDArray[np.intp]
) -> Iterator[list[NDArray[np.float32]]]:
    """Compute the activations of each hidden layer, piece by piece."""
    for start in range(0, len(columns), _TOGETHER):
        sums = parameters["embedding"][columns[start : start + _TOGETHER]].sum(axis=1)
        found = []
        for i in range(_n_layers(parameters)):
            found.append(np.maximum(sums + parameters[f"bias.{i}"], 0))
            sums = found[-1] @ parameters[f"weights.{i}"]
        yield found


def _n_layers(parameters: Mapping[str, Any]) -> int:
    return sum(name.startswith("weights.") for name in parameters)

"""One cell of the NAS-Bench-201 space as a small 1-D network, and its training, in plain PyTorch.

The skeleton is that of NAS-Bench-201 (Dong and Yang 2020, https://arxiv.org/abs/2001.00326, figure 1) with one cell a
stage, and with the residual blocks between the stages left at their shortcuts, so that what a network can compute rests
on its cell: a stem; cell, halving, cell, halving, cell; BN, ReLU, mean over positions, linear. Halving is a mean of two
positions and a 1-tap convolution.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from mnist1d.recipe import Recipe, batch_order, uniform
from mnist1d.signals import CLASSES, Split
from nasbench_kit.spaces.nasbench201_forms import EDGES, NONE

CONV1, CONV3, POOL = 2, 3, 4  # beside none and skip, as in the space
N_STAGES = 3


class Correct(NamedTuple):
    """How many answers are right after an epoch; those of `train` are gathered over it, while the weights change."""

    train: int  #: of 3,968
    val: int  #: of 4,000
    test: int  #: of 10,000


class ConvBN(nn.Module):
    """ReLU (left out in the stem), convolution without bias, batch normalization."""

    def __init__(self, n_in: int, n_out: int, taps: int, relu: bool = True) -> None:
        super().__init__()
        self.relu = relu
        self.conv = nn.Conv1d(n_in, n_out, taps, padding=taps // 2, bias=False)
        self.bn = nn.BatchNorm1d(n_out)

    def forward(self, x: Tensor) -> Tensor:
        """Signals (n, n_in, length) to (n, n_out, length)."""
        normalized: Tensor = self.bn(self.conv(functional.relu(x) if self.relu else x))
        return normalized


class Cell(nn.Module):
    """Four nodes, an operation on each of the six edges; a node is the sum of its incoming edges."""

    def __init__(self, cell: Sequence[int], n_channels: int) -> None:
        super().__init__()
        self.cell = tuple(cell)
        self.convs = nn.ModuleList(
            ConvBN(n_channels, n_channels, 3 if op == CONV3 else 1) if op in (CONV1, CONV3) else nn.Identity()
            for op in cell
        )

    def forward(self, x: Tensor) -> Tensor:
        """Signals (n, n_channels, length) to others of the same shape."""
        nodes = [x]
        for node in (1, 2, 3):
            total = torch.zeros_like(x)
            for op, conv, (source, target) in zip(self.cell, self.convs, EDGES, strict=True):
                if target == node and op != NONE:
                    total = total + (mean_of_three(nodes[source]) if op == POOL else conv(nodes[source]))
            nodes.append(total)
        return nodes[3]


def mean_of_three(x: Tensor) -> Tensor:
    """Mean over three positions, two at the ends."""
    return functional.avg_pool1d(x, 3, 1, 1, count_include_pad=False)


class Network(nn.Module):
    """A cell in its skeleton: signals (n, 40) to ten logits (n, 10)."""

    def __init__(self, cell: Sequence[int], n_channels: int) -> None:
        super().__init__()
        self.n_channels = n_channels
        self.stem = ConvBN(1, n_channels, 3, relu=False)
        self.cells = nn.ModuleList(Cell(cell, n_channels) for _ in range(N_STAGES))
        self.downs = nn.ModuleList(nn.Conv1d(n_channels, n_channels, 1, bias=False) for _ in range(N_STAGES - 1))
        self.bn = nn.BatchNorm1d(n_channels)
        self.head = nn.Linear(n_channels, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """The logits of each signal."""
        x = self.cells[0](self.stem(x[:, None]))
        for down, cell in zip(self.downs, self.cells[1:], strict=True):
            x = cell(down(functional.avg_pool1d(x, 2)))
        logits: Tensor = self.head(functional.relu(self.bn(x)).mean(2))
        return logits

    @torch.no_grad()
    def initialize(self, identity: int, seed: int) -> None:
        """Draw the weights from PyTorch's default distributions, by `uniform` at the places of `_drawn`."""
        for weight, start, fan_in in self._drawn():
            flat = uniform(identity, seed, start + np.arange(weight.numel())) * np.float32(1 / math.sqrt(fan_in))
            n_out, n_in, taps = (*weight.shape, 1, 1)[:3]
            weight.copy_(torch.from_numpy(flat).reshape(n_in, taps, n_out).movedim(2, 0).reshape(weight.shape))

    def _drawn(self) -> Iterator[tuple[Tensor, int, int]]:
        """Each tensor that is drawn at random, its place in the flat vector of parameters, and its fan-in.

        The vector holds the cells, each with six edges (room for a 3-tap convolution, then scale and shift of its BN);
        the stem; the 1-tap convolutions between cells; the last BN; the linear layer. A weight lies as (in, tap, out).
        """
        n, start = self.n_channels, 0
        edges = [conv for cell in self.cells for conv in cell.convs]  # type: ignore[union-attr]
        rooms = [(edge, 3 * n**2 + 2 * n) for edge in edges] + [(self.stem, 5 * n)]
        rooms += [(down, n**2) for down in self.downs]
        for module, room in rooms:
            conv = module.conv if isinstance(module, ConvBN) else module
            if isinstance(conv, nn.Conv1d):
                yield conv.weight, start, conv.in_channels * conv.kernel_size[0]
            start += room
        start += 2 * n
        yield self.head.weight, start, n
        yield self.head.bias, start + self.head.weight.numel(), n


def train(
    cell: Sequence[int], identity: int, seed: int, data: Mapping[str, Split], recipe: Recipe
) -> Iterator[Correct]:
    """Train one cell from scratch, epoch by epoch.

    Args:
        cell: The operation on each edge.
        identity: The number of its class, which its initial weights depend on.
        seed: Of the initial weights and of the order of the samples.
        data: From `make_data`.
        recipe: How to train.
    """
    splits = {name: (torch.from_numpy(x), torch.from_numpy(y).long()) for name, (x, y) in data.items()}
    network = Network(cell, recipe.n_channels)
    network.initialize(identity, seed)
    optimizer = torch.optim.SGD(
        network.parameters(), recipe.learning_rate, recipe.momentum, weight_decay=recipe.weight_decay, nesterov=True
    )
    x, y = splits["train"]
    n_steps = len(x) // recipe.batch_size
    rates = recipe.learning_rates(n_steps * recipe.epochs).reshape(recipe.epochs, n_steps).tolist()
    for epoch in range(recipe.epochs):
        order = torch.from_numpy(batch_order(seed, epoch, len(x)))
        correct = 0
        for rate, batch in zip(rates[epoch], torch.split(order, recipe.batch_size), strict=False):
            optimizer.param_groups[0]["lr"] = rate
            correct += step(network, optimizer, x[batch], y[batch])
        yield Correct(correct, count_correct(network, *splits["val"]), count_correct(network, *splits["test"]))


def step(network: Network, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> int:
    """One step of training on one batch; how many answers were right before it."""
    logits = network(x)
    optimizer.zero_grad()
    functional.cross_entropy(logits, y).backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return int((logits.argmax(1) == y).sum())


@torch.no_grad()
def count_correct(network: Network, x: Tensor, y: Tensor) -> int:
    """How many answers are right by the running statistics of BN."""
    network.eval()
    correct = int((network(x).argmax(1) == y).sum())
    network.train()
    return correct

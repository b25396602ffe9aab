"""Parameters and multiply-adds of the networks of NAS-Bench-201, which follow from their operations.

The network stacks five copies of the cell at each of three widths; an edge with a convolution adds, per copy, its
weights and the scale and shift of its normalization.
"""

from __future__ import annotations

from collections.abc import Iterable

PARAMS = {
    "nor_conv_1x1": 5 * sum(width * width + 2 * width for width in (16, 32, 64)),
    "nor_conv_3x3": 5 * sum(9 * width * width + 2 * width for width in (16, 32, 64)),
}
"""Operation with parameters -> how many an edge with it adds."""

BARE_PARAMS = {"cifar10": 73_306, "cifar100": 79_156, "imagenet16-120": 80_456}
"""Dataset -> parameters of a network whose cell has no convolutions: the stem, the reductions, the classifier."""

BARE_FLOPS = {"cifar10": 778_305, "cifar100": 778_890, "imagenet16-120": 195_340}
"""The same of multiply-adds, in units of 10."""

_FLOPS_1X1 = {"cifar10": 393_216, "cifar100": 393_216, "imagenet16-120": 98_304}  # units of 10 multiply-adds


def flops(dataset: str) -> dict[str, int]:
    """Operation -> how many multiply-adds an edge with it adds, in units of 10."""
    return {"nor_conv_1x1": _FLOPS_1X1[dataset], "nor_conv_3x3": 9 * _FLOPS_1X1[dataset]}


def sizes(operations: Iterable[str], dataset: str) -> tuple[float, float]:
    """Millions of parameters, and of multiply-adds, of the network with these operations on its edges."""
    edges, added = list(operations), flops(dataset)
    n_params = BARE_PARAMS[dataset] + sum(PARAMS.get(operation, 0) for operation in edges)
    n_flops = BARE_FLOPS[dataset] + sum(added.get(operation, 0) for operation in edges)
    return n_params / 1e6, n_flops / 1e5

"""Encodings of DARTS: the columns of NAS-Bench-301, and edges with their operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nasbench_kit.encodings.sparse import Sparse
from nasbench_kit.spaces import Arch, DARTSSpace, Space
from nasbench_kit.spaces.darts_forms import FIRST_EDGE, NODES, OPERATIONS, OPERATIONS_AT, PAIR_AT, PAIRS, PER_CELL

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def configuration(space: Space, archs: object) -> NDArray[Any]:
    """The 56 columns that the surrogates of NAS-Bench-301 read; see `DARTSSpace.vector`."""
    whole = space.whole
    assert isinstance(whole, DARTSSpace)
    return whole.vector(archs)


def edges(space: Space) -> Sparse:
    """One column per edge and operation, and per node and its inputs.

    There are two cells of 14 edges and 7 operations, and 19 ways in which three nodes of a cell choose their inputs.
    """
    import numpy as np

    n_operations = len(OPERATIONS)
    n_edges = sum(NODES)
    inputs_from = dict.fromkeys(PAIR_AT, 2 * n_edges * n_operations)
    per_cell = sum(len(PAIRS[node]) for node in PAIR_AT)
    for earlier, node in zip(PAIR_AT, list(PAIR_AT)[1:], strict=False):
        inputs_from[node] = inputs_from[earlier] + len(PAIRS[earlier])
    steps = [
        (
            -1 if node not in PAIR_AT else PER_CELL * cell + PAIR_AT[node],
            PER_CELL * cell + OPERATIONS_AT[node],
            inputs_from.get(node, 0) + per_cell * cell,
            [
                tuple((cell * n_edges + FIRST_EDGE[node] + source) * n_operations for source in pair)
                for pair in PAIRS[node]
            ],
        )
        for cell in (0, 1)
        for node in NODES
    ]

    def one(arch: Arch) -> list[int]:
        found = []
        for pair_at, operation_at, inputs, edges in steps:
            chosen = 0
            if pair_at >= 0:
                chosen = arch[pair_at]
                found.append(inputs + chosen)
            first, second = edges[chosen]
            found += (first + arch[operation_at], second + arch[operation_at + 1])
        return found

    def many(archs: NDArray[np.uint8]) -> NDArray[np.intp]:
        wide = archs.astype(np.intp)
        found = []
        for pair_at, operation_at, inputs, edges in steps:
            chosen = np.zeros(len(wide), np.intp)
            if pair_at >= 0:
                chosen = wide[:, pair_at]
                found.append(inputs + chosen)
            ends = np.array(edges)[chosen]
            found += [ends[:, i] + wide[:, operation_at + i] for i in (0, 1)]
        return np.stack(found, axis=1)

    return Sparse(2 * (n_edges * n_operations + per_cell), one, many)

"""Neural graph features (GRAF), Kadlecova et al. 2024, https://arxiv.org/abs/2404.16551: an encoding, `graf`.

A forest that reads them asks what people ask of a cell: how many convolutions does it have, how deep is it where only
convolutions count, does a skip connection lead from input to output?
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nasbench_kit.encodings.named import of_a_space
from nasbench_kit.encodings.nasbench201 import PATHS
from nasbench_kit.errors import SettingError
from nasbench_kit.spaces import DARTSSpace, NASBench101Space, NASBench201Space, Space, TransNASMicroSpace
from nasbench_kit.spaces.darts_forms import CELLS, FIRST_EDGE, NODES, OPERATIONS_AT, PAIR_AT, PAIRS, PER_CELL
from nasbench_kit.spaces.nasbench201_forms import EDGES, NONE

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CHUNK = 2_048  # architectures whose paths are held in memory at a time
_FAR = np.int8(60)  # longer than all paths, and twice as long is still a number of eight bits
_ABSENT = 1 << 15  # a bit that no subset of operations has


class _Cells(NamedTuple):
    """Cells as directed acyclic graphs whose edges stand in the same places; operations are bits."""

    name: str  #: before the names of the columns
    edges: tuple[tuple[int, int], ...]  #: from node, to node; those into a node before those that leave it
    met: NDArray[np.uint16]  #: (n_edges, n_archs): the operations that a path meets on this edge, or `_ABSENT`
    source: NDArray[np.uint16]  #: (n_edges, n_archs): the operation that the edge comes from; 0 if none
    target: NDArray[np.uint16]  #: (n_edges, n_archs): the operation that it leads to; the same where edges carry them
    on_nodes: bool  #: whether nodes carry the operations
    n_nodes: NDArray[np.int64]  #: (n_archs,)
    counts: NDArray[np.int64]  #: (n_archs, n_operations)
    inputs: dict[str, int]  #: name of an input -> its node
    output: int


@of_a_space
def graf(space: Space, archs: object) -> NDArray[np.float32]:
    """Counts of operations; then for each subset of operations, paths and degrees that see no others.

    Per subset, the smaller ones first: the fewest and the most operations on a path from input to output (number of
    nodes and -1 where there is none); how many of these operations the input leads to and the output reads; and how
    many a node does on average. `graf_names` names the columns. As published, `none` is an operation like the others,
    and DARTS has two cells, two inputs, and no shortest paths or degree of the output, which are the same for all.
    An operation that no path leads through counts as `none`: the paper leaves out the cells that have one.

    Not injective: it knows how long paths are, not in which order they meet operations.

    Args:
        space: NAS-Bench-101, NAS-Bench-201, the cells of TransNAS-Bench-101, or DARTS.
        archs: A batch in any form.

    Returns:
        float32 (n_archs, n_columns): 45, 160, 79 and 1,284 columns.

    Raises:
        SettingError: The space has no such features.

    Source: section 4 of the paper; `features/` and `configs/` in gabikadlecova/zc_combine, whose paths are a constant
        longer or shorter, and whose `avg_out` is `avg_in` where edges carry the operations.
    """
    batch = space.parse_many(archs)
    cells_of = _cells_of(space)
    pieces = [_features(cells_of(space, batch[at : at + _CHUNK])) for at in range(0, max(len(batch), 1), _CHUNK)]
    return np.concatenate(pieces)


@of_a_space
def graf_names(space: Space) -> list[str]:
    """What each column of `graf` is: "count of none", "longest path of skip_connect, avg_pool_3x3", ...

    Raises:
        SettingError: As `graf`.
    """
    cells_of = _cells_of(space)
    operations = _operations(space)
    names = []
    for cells in cells_of(space, space.sample_many(np.random.default_rng(0), 1)):
        names += [f"{cells.name}count of {operation}" for operation in operations]
        for subset in _subsets(len(operations)):
            of = ", ".join(operations[i] for i in subset)
            names += [f"{cells.name}{kind} {of}" for kind in _kinds(cells)]
    return names


def _kinds(cells: _Cells) -> list[str]:
    """What there is for each subset."""
    if len(cells.inputs) > 1:
        paths = [f"longest path from {name} of" for name in cells.inputs]
        return [*paths, *[f"degree of {name} in" for name in cells.inputs], "average degree in"]
    averages = ["average in-degree in", "average out-degree in"] if cells.on_nodes else ["average degree in"]
    return ["shortest path of", "longest path of", "degree of the input in", "degree of the output in", *averages]


def _subsets(n: int) -> list[tuple[int, ...]]:
    """All subsets of operations but the empty one, the smaller ones first."""
    return list(chain.from_iterable(combinations(range(n), size) for size in range(1, n + 1)))


def _features(both: list[_Cells]) -> NDArray[np.float32]:
    parts: list[NDArray[Any]] = []
    for cells in both:
        n_operations = cells.counts.shape[1]
        subsets = np.array([[i in subset for i in range(n_operations)] for subset in _subsets(n_operations)])
        starts, ends = np.array(cells.edges).T
        inputs = cells.inputs.values()
        lengths = [_lengths(cells, subsets, start) for start in inputs]
        columns: list[NDArray[Any]] = [longest for _, longest in lengths] if len(inputs) > 1 else [*lengths[0]]
        columns += [_n_edges(cells.target[starts == start], subsets) for start in inputs]
        if len(inputs) == 1:
            columns.append(_n_edges(cells.source[ends == cells.output], subsets))
        columns.append(_n_edges(cells.source, subsets) / cells.n_nodes)
        if cells.on_nodes:
            columns.append(_n_edges(cells.target, subsets) / cells.n_nodes)
        per_subset = np.stack(columns, axis=1)  # (n_subsets, n_kinds, n_archs)
        parts += [cells.counts, per_subset.reshape(len(subsets) * len(columns), len(cells.n_nodes)).T]
    return np.hstack(parts).astype(np.float32)


def _n_edges(operations: NDArray[np.uint16], subsets: NDArray[np.bool_]) -> NDArray[np.float32]:
    """How many of these edges (n_edges, n_archs) have an operation of each subset: (n_subsets, n_archs)."""
    of_each = np.stack([((operations >> i) & 1).sum(axis=0) for i in range(subsets.shape[1])])
    return subsets.astype(np.float32) @ of_each.astype(np.float32)


def _lengths(cells: _Cells, subsets: NDArray[np.bool_], start: int) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """The fewest and the most operations on a path from a node to the output: (n_subsets, n_archs) both."""
    forbidden = ~(subsets @ (1 << np.arange(subsets.shape[1]))).astype(np.uint16)[:, None]
    n_nodes = 1 + cells.output
    shortest = np.full((n_nodes, len(subsets), len(cells.n_nodes)), _FAR, np.int8)
    longest = -shortest
    shortest[start] = longest[start] = 0
    for (a, b), met, target in zip(cells.edges, cells.met, cells.target, strict=True):
        blocked = ((met & forbidden) > 0).view(np.int8) * _FAR
        step = (target > 0).view(np.int8)  # an edge to the output may lead to no operation
        np.minimum(shortest[b], shortest[a] + (step + blocked), out=shortest[b])
        np.maximum(longest[b], longest[a] + (step - blocked), out=longest[b])
    fewest, most = shortest[cells.output], longest[cells.output]
    return np.where(fewest < _FAR, fewest, np.int8(n_nodes)), np.maximum(most, np.int8(-1))


# ---- cells of each space ----


def _on_edges(space: Space, archs: NDArray[np.uint8]) -> list[_Cells]:
    """Cells of NAS-Bench-201 and TransNAS-Bench-101: what lies on no path of operations is `none`."""
    is_there = np.zeros(archs.shape, bool)
    for path in PATHS:
        is_there[:, path] |= (archs[:, path] != NONE).all(axis=1)[:, None]
    archs = np.where(is_there, archs, np.uint8(NONE))
    bits = np.uint16(1) << archs.T.astype(np.uint16)
    counts = (archs[:, :, None] == np.arange(len(_operations(space)))).sum(axis=1)
    n_nodes = np.full(len(archs), 4)
    return [_Cells("", EDGES, bits, bits, bits, False, n_nodes, counts, {"the input": 0}, 3)]


def _on_nodes(space: Space, archs: NDArray[np.uint8]) -> list[_Cells]:
    """Cells of NAS-Bench-101, pruned."""
    graphs = space.graph_many(archs)
    n_ends = 2  # labels that are no operations: input and output
    codes = graphs.nodes.T - n_ends
    bits = np.where(codes < 0, 0, 1 << np.maximum(codes, 0)).astype(np.uint16)
    starts, ends = np.triu_indices(len(bits), 1)
    there = graphs.adjacency[:, starts, ends].T > 0
    source, target = (np.where(there, bits[nodes], np.uint16(0)) for nodes in (starts, ends))
    met = np.where(there, source | target, np.uint16(_ABSENT))
    counts = (codes.T[:, :, None] == np.arange(len(graphs.labels) - n_ends)).sum(axis=1)
    edges = tuple(zip(starts.tolist(), ends.tolist(), strict=True))
    n_nodes = (graphs.nodes >= 0).sum(axis=1)
    return [_Cells("", edges, met, source, target, True, n_nodes, counts, {"the input": 0}, len(bits) - 1)]


def _in_two_cells(space: Space, archs: NDArray[np.uint8]) -> list[_Cells]:
    """Both cells of DARTS: what leads from its nodes to its output carries no operation."""
    rows = np.arange(len(archs))
    edges = tuple((source, node) for node in NODES for source in range(node))
    to_output = tuple((node, NODES[-1] + 1) for node in NODES)
    found = []
    for which, name in enumerate(CELLS):
        cell = archs[:, PER_CELL * which : PER_CELL * (which + 1)].astype(np.intp)
        bits = np.zeros((len(edges) + len(to_output), len(archs)), np.uint16)
        for node in NODES:
            pairs = np.array(PAIRS[node])[cell[:, PAIR_AT[node]] if node in PAIR_AT else rows * 0]
            for i in (0, 1):
                bits[FIRST_EDGE[node] + pairs[:, i], rows] = 1 << cell[:, OPERATIONS_AT[node] + i]
        met = bits.copy()
        met[: len(edges)][bits[: len(edges)] == 0] = _ABSENT
        counts = np.stack([(bits == 1 << i).sum(axis=0) for i in range(len(_operations(space)))], axis=1)
        n_nodes = np.full(len(archs), NODES[-1] + 2)
        inputs = {"c_{k-2}": 0, "c_{k-1}": 1}
        found.append(
            _Cells(f"{name} ", edges + to_output, met, bits, bits, False, n_nodes, counts, inputs, NODES[-1] + 1)
        )
    return found


_CELLS: dict[type[Space], Callable[[Space, NDArray[np.uint8]], list[_Cells]]] = {
    DARTSSpace: _in_two_cells,
    NASBench101Space: _on_nodes,
    NASBench201Space: _on_edges,
    TransNASMicroSpace: _on_edges,
}


def _cells_of(space: Space) -> Callable[[Space, NDArray[np.uint8]], list[_Cells]]:
    found = _CELLS.get(type(space.whole))
    if found is None:
        raise SettingError(
            f"{space.name} has no graph features; cells of nasbench101, nasbench201, transnas_micro or darts expected"
        )
    return found


def _operations(space: Space) -> tuple[str, ...]:
    """What edges or nodes may carry: in all of these spaces, the choices of the last decision."""
    return space.whole.decisions[-1].choices

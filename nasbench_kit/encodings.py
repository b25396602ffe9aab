"""Encodings: architectures of any space as arrays that models read.

All are functions of a space and a batch in any form that `space.parse_many` reads, without state: the columns depend
on the space alone, so that what is encoded today fits a model of yesterday.

| encoding | differs for all different architectures? |
|---|---|
| `one_hot` | yes |
| `adjacency` | as far as `space.graph_many` does: it holds all that the graphs say |
| `paths` | no: two equal branches are one path, and where branches meet before the output is not seen |
| `weisfeiler_lehman` | no: isomorphic graphs are meant to be the same; a few others are too, and hashes may collide |
| `graph_tensors` | as `adjacency` |
| `sparse_graphs` | no: absent nodes are left out, so graphs that differ in their places alone are the same |

Bits are `uint8`, which wraps around in products: convert before taking inner products of rows.

Source: White, Neiswanger, Nolen and Savani 2020, A Study on Encodings for Neural Architecture Search,
https://arxiv.org/abs/2007.04965, section 3.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from hashlib import blake2b
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from nasbench_kit.errors import SettingError
from nasbench_kit.spaces import GraphBatch, Space
from nasbench_kit.spaces.recorded import RecordedSpace

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_COLUMNS = 1_000_000  # of path encodings that are not truncated

_Number = TypeVar("_Number", bound=np.generic)

_CHUNK = 8_192  # architectures whose graphs are held in memory at a time
_ENUMERATED = 1 << 16  # spaces up to this size are looked at whole to find their paths
_SAMPLED = 8_192  # architectures looked at in larger ones


# ---- decisions and edges ----


def one_hot(space: Space, archs: object) -> NDArray[np.uint8]:
    """One column per decision and choice, 1 where it is taken. Injective.

    Returns:
        uint8 (n_archs, sum of `space.n_choices`).
    """
    return space.one_hot(archs)


def adjacency(space: Space, archs: object) -> NDArray[np.uint8]:
    """The adjacency matrix above its diagonal, row by row, then for each node its operation, one-hot.

    A node that an architecture does not have is all zeros. Injective as far as `space.graph_many` is.

    Source: White et al. 2020, section 3.1: one-hot adjacency matrix.

    Returns:
        uint8 (n_archs, n_nodes * (n_nodes - 1) / 2 + n_nodes * n_labels).
    """

    def encode(graphs: GraphBatch) -> NDArray[np.uint8]:
        above = np.triu_indices(graphs.nodes.shape[1], 1)
        labels = graphs.nodes[:, :, None] == np.arange(len(graphs.labels))
        return np.hstack([graphs.adjacency[:, *above], labels.reshape(len(labels), np.prod(labels.shape[1:]))])

    return _in_pieces(space, archs, encode)


# ---- paths ----


def paths(space: Space, archs: object, length: int | None = None) -> NDArray[np.uint8]:
    """One column per sequence of operations that a path from input to output can meet, 1 where there is such a path.

    Shorter sequences come first; those of the same length are in lexicographic order of the operations as
    `space.graph_many` lists them. Cells, and inputs of the same cell, have columns of their own. An edge with the
    operation `none` is no path; a skip connection counts as an operation. `path_names` names the columns.

    Not injective: equal branches are one path, and where branches meet before the output is not seen.

    Args:
        space: Where the architectures come from.
        archs: A batch in any form.
        length: Keep this many columns: the truncated path encoding.

    Returns:
        uint8 (n_archs, n_paths): 364 columns for a NAS-Bench-101 cell (3^0 + ... + 3^5), 84 for NAS-Bench-201
        (4 + 4^2 + 4^3); or `length`, if that is less.

    Raises:
        SettingError: There are more than a million columns and no `length`; or `length` is not positive.

    Source: White, Neiswanger and Savani 2021, BANANAS, https://arxiv.org/abs/1910.11858, section 3; the truncated one
        in section 4.
    """
    vocabulary = _vocabulary(space)
    n_columns = _n_columns(space, vocabulary, length)
    return _in_pieces(space, archs, lambda graphs: _paths(graphs, vocabulary, n_columns))


def path_names(space: Space, length: int | None = None) -> list[str]:
    """What each column of `paths` stands for: the operations from input to output, joined by `>`.

    Cells and inputs are numbered in front, where there are several.

    Raises:
        SettingError: As `paths`.
    """
    vocabulary = _vocabulary(space)
    n_columns = _n_columns(space, vocabulary, length)
    many_cells = any(block.cell for block in vocabulary)
    many_inputs = any(block.source for block in vocabulary)
    labels = next(_graphs(space, space.sample_many(np.random.default_rng(0), 1))).labels
    names: list[str] = []
    for block in vocabulary:
        prefix = (f"cell {block.cell}: " if many_cells else "") + (f"input {block.source}: " if many_inputs else "")
        for sequence in product(*block.steps):
            if len(names) == n_columns:
                return names
            names.append(prefix + (" > ".join(labels[label] for label in sequence) or "(nothing between)"))
    return names


class _Block(NamedTuple):
    """Columns for the paths of one length from one input of one cell."""

    cell: int
    source: int  # number of the input in its cell
    steps: tuple[tuple[int, ...], ...]  # for each operation on the way, the labels that it may have
    first: int  # the column of the first


def _n_columns(space: Space, vocabulary: tuple[_Block, ...], length: int | None) -> int:
    there = vocabulary[-1].first + prod(map(len, vocabulary[-1].steps)) if vocabulary else 0
    if length is None and there > MOST_COLUMNS:
        raise SettingError(
            f"{space.name} has {there:,} paths, more than {MOST_COLUMNS:,} columns; give length= to keep the first"
        )
    if length is not None and length < 1:
        raise SettingError(f"length={length} keeps no path; give at least 1")
    return min(there, length or there)


def _paths(graphs: GraphBatch, vocabulary: tuple[_Block, ...], n_columns: int) -> NDArray[np.uint8]:
    """Walk all paths of positions that some architecture has, in all architectures that have it at once."""
    nodes, joined = graphs.nodes, graphs.adjacency.astype(bool)
    n_archs, n_nodes = nodes.shape
    roles = _roles(graphs)
    blocks = {(block.cell, block.source, len(block.steps)): block for block in vocabulary}
    kept_lengths = [len(block.steps) for block in vocabulary if block.first < n_columns]
    longest = n_nodes if len(kept_lengths) == len(vocabulary) else max(kept_lengths)
    digits = {key: _digits(block, len(graphs.labels)) for key, block in blocks.items()}
    encoded = np.zeros((n_archs, n_columns), np.uint8)

    def mark(key: tuple[int, int, int], trail: tuple[int, ...], rows: NDArray[np.intp]) -> None:
        if key not in blocks:
            raise _unforeseen(graphs, trail, rows)
        columns = np.zeros(len(rows), np.int64)
        for node, values, labels in zip(trail, digits[key], blocks[key].steps, strict=True):
            value = values[nodes[rows, node]]
            if len(value) and value.min() < 0:
                raise _unforeseen(graphs, trail, rows)
            columns = columns * len(labels) + value
        columns += blocks[key].first
        kept = columns < n_columns
        encoded[rows[kept], columns[kept]] = 1

    def walk(cell: int, source: int, trail: tuple[int, ...], at: int, rows: NDArray[np.intp]) -> None:
        for to in range(at + 1, n_nodes):
            there = rows[joined[rows, at, to]]
            if not len(there):
                continue
            ends = roles.is_output[there, to]
            if ends.any():
                mark((cell, source, len(trail)), trail, there[ends])
            if len(trail) < longest and not ends.all():
                walk(cell, source, (*trail, to), to, there[~ends])

    for at in np.flatnonzero(roles.is_input.any(axis=0)).tolist():
        starts = np.flatnonzero(roles.is_input[:, at])
        cells, sources = roles.cell[starts, at], roles.source[starts, at]
        for cell, source in sorted(set(zip(cells.tolist(), sources.tolist(), strict=True))):
            walk(cell, source, (), at, starts[(cells == cell) & (sources == source)])
    return encoded


def _digits(block: _Block, n_labels: int) -> list[NDArray[np.int64]]:
    """For each step, label -> its number among those that the step may have; -1 for others."""
    digits = []
    for labels in block.steps:
        values = np.full(n_labels, -1, np.int64)
        values[list(labels)] = np.arange(len(labels))
        digits.append(values)
    return digits


def _unforeseen(graphs: GraphBatch, trail: tuple[int, ...], rows: NDArray[np.intp]) -> SettingError:
    sequence = " > ".join(graphs.labels[graphs.nodes[rows[0], node]] for node in trail)
    return SettingError(
        f"path {sequence!r} has no column: it is too rare to be found by sampling; take another encoding"
    )


@lru_cache(maxsize=32)
def _vocabulary(space: Space) -> tuple[_Block, ...]:
    """The possible paths, read off the union of the graphs of many architectures (all, in spaces of tables' size).

    A step's labels are those of all positions that may be reached with so many steps behind and ahead.
    """
    if isinstance(space, RecordedSpace):
        return _vocabulary(space.whole)  # the same columns for a part
    rng = np.random.default_rng(0)
    archs = space.all_archs() if space.size <= _ENUMERATED else space.sample_many(rng, _SAMPLED)
    joined, carries = [], []  # of each chunk
    starts: dict[tuple[int, int], set[int]] = {}
    ends: dict[int, set[int]] = {}
    for graphs in _graphs(space, archs):
        roles = _roles(graphs)
        joined.append(graphs.adjacency.any(axis=0))
        carried = graphs.nodes[:, :, None] == np.arange(len(graphs.labels))
        carries.append((carried & ~(roles.is_input | roles.is_output)[:, :, None]).any(axis=0))
        for row, node in np.argwhere(roles.is_input).tolist():
            starts.setdefault((int(roles.cell[row, node]), int(roles.source[row, node])), set()).add(node)
        for row, node in np.argwhere(roles.is_output).tolist():
            ends.setdefault(int(roles.cell[row, node]), set()).add(node)
    reads: NDArray[np.bool_] = np.logical_or.reduce(joined)
    labels: NDArray[np.bool_] = np.logical_or.reduce(carries)
    is_operation = labels.any(axis=1)
    found = []
    n_nodes = len(reads)
    for (cell, source), positions in starts.items():
        ahead: list[NDArray[np.bool_]] = [_mask(positions, n_nodes)]  # after so many steps
        behind: list[NDArray[np.bool_]] = [_mask(ends.get(cell, set()), n_nodes)]  # so many steps before the end
        for _ in range(n_nodes):
            ahead.append(np.logical_or.reduce(reads[ahead[-1]], axis=0) & is_operation)
            behind.append(np.logical_or.reduce(reads[:, behind[-1]], axis=1) & is_operation)
        for n_steps in range(n_nodes - 1):
            last = ahead[n_steps]  # from where the end is read
            if not reads[np.ix_(last, behind[0])].any():
                continue
            at = [ahead[step] & behind[n_steps + 1 - step] for step in range(1, n_steps + 1)]
            steps = tuple(tuple(np.flatnonzero(labels[nodes].any(axis=0)).tolist()) for nodes in at)
            found.append((n_steps, cell, source, steps))
    blocks, first = [], 0
    for _, cell, source, steps in sorted(found):
        blocks.append(_Block(cell, source, steps, first))
        first += prod(map(len, steps))
    return tuple(blocks)


def _mask(positions: set[int], n_nodes: int) -> NDArray[np.bool_]:
    mask = np.zeros(n_nodes, bool)
    mask[list(positions)] = True
    return mask


class _Roles(NamedTuple):
    """Where cells begin and end: arrays (n_archs, n_nodes)."""

    is_input: NDArray[np.bool_]
    is_output: NDArray[np.bool_]
    cell: NDArray[np.int64]  # a cell ends with its output
    source: NDArray[np.int64]  # how many inputs of the same cell stand before


def _roles(graphs: GraphBatch) -> _Roles:
    is_input, is_output = (
        np.array([bool(re.fullmatch(rf"{role}\w*", label)) for label in graphs.labels] + [False])[graphs.nodes]
        for role in ("input", "output")  # the last one is for -1, an absent node
    )
    cell = np.cumsum(is_output, axis=1) - is_output
    before = np.cumsum(is_input, axis=1) - is_input
    of_earlier_cells = np.maximum.accumulate(np.where(np.diff(cell, axis=1, prepend=0) > 0, before, 0), axis=1)
    return _Roles(is_input, is_output, cell, before - of_earlier_cells)


# ---- neighborhoods ----


def weisfeiler_lehman(space: Space, archs: object, rounds: int = 2, *, n_features: int = 512) -> NDArray[np.float32]:
    """Histograms of Weisfeiler-Lehman labels; the inner product of two rows is their subtree kernel.

    First the number of nodes with each label. In every round a node's label becomes what it and its predecessors and
    successors had before; the new labels are counted in `n_features` columns, chosen by a hash that is the same
    everywhere and for all spaces (only the columns before them are the space's own).

    Not injective: isomorphic graphs are the same, as are a few others that the test cannot tell apart, and two labels
    share a column by chance, each pair with probability 1 / `n_features`.

    Args:
        space: Where the architectures come from.
        archs: A batch in any form.
        rounds: How far a node sees.
        n_features: Columns per round.

    Returns:
        float32 (n_archs, n_labels + rounds * n_features): counts.

    Raises:
        SettingError: `rounds` is negative or `n_features` not positive.

    Source: Shervashidze et al. 2011, Weisfeiler-Lehman Graph Kernels, section 3; for architectures Ru et al. 2021,
        NAS-BOWL, https://arxiv.org/abs/2006.07556, section 3.
    """
    if rounds < 0 or n_features < 1:
        raise SettingError(f"rounds={rounds}, n_features={n_features}: at least 0 and 1 expected")
    return _in_pieces(space, archs, lambda graphs: _histograms(graphs, rounds, n_features))


def _histograms(graphs: GraphBatch, rounds: int, n_features: int) -> NDArray[np.float32]:
    there = graphs.nodes >= 0
    joined = graphs.adjacency.astype(bool)
    rows = np.broadcast_to(np.arange(len(there))[:, None], there.shape)[there]
    n_labels = len(graphs.labels)
    counts = np.zeros((len(there), n_labels + rounds * n_features), np.float32)
    _count(counts, rows, graphs.nodes[there])
    known = [int.from_bytes(blake2b(label.encode(), digest_size=8).digest(), "little") for label in graphs.labels]
    colors = np.array([*known, 0], np.uint64)[graphs.nodes]
    for n in range(rounds):
        # a sum does not care about order; mixed first, so that a sum tells which colors it is of
        shown = _mix(colors)
        before = np.where(joined, shown[:, :, None], np.uint64(0)).sum(axis=1, dtype=np.uint64)
        after = np.where(joined, shown[:, None, :], np.uint64(0)).sum(axis=2, dtype=np.uint64)
        colors = _mix(_mix(_mix(shown) + before) + after)  # no part can cancel another: each is mixed another time
        features = (colors[there] % np.uint64(n_features)).astype(np.intp)
        _count(counts, rows, n_labels + n * n_features + features)
    return counts


def _count(counts: NDArray[np.float32], rows: NDArray[np.intp], columns: NDArray[np.integer[Any]]) -> None:
    np.add.at(counts.reshape(-1), rows * counts.shape[1] + columns, np.float32(1))  # one index is faster than two


def _mix(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64-bit numbers. Source: Steele, Lea and Flood 2014, SplitMix, with the constants of Stafford's mix."""
    numbers = numbers + np.uint64(0x9E3779B97F4A7C15)
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


# ---- for graph neural networks ----


class GraphTensors(NamedTuple):
    """Graphs of the same number of nodes, as dense arrays; `torch.from_numpy` takes each as it is."""

    nodes: NDArray[np.float32]  #: (n_archs, n_nodes, n_labels): the operation of each node, one-hot
    adjacency: NDArray[np.float32]  #: (n_archs, n_nodes, n_nodes): 1 at [a, i, j] for an edge from node i to node j
    mask: NDArray[np.bool_]  #: (n_archs, n_nodes): False where an architecture has no such node


class SparseGraphs(NamedTuple):
    """Graphs as one large graph of those nodes that there are, in the form that PyTorch Geometric's batches have."""

    edge_index: NDArray[np.int64]  #: (2, n_edges): from node, to node
    node_label: NDArray[np.int64]  #: (n_nodes,): position of the operation in `space.graph_many(archs).labels`
    graph_of_node: NDArray[np.int64]  #: (n_nodes,): number of the architecture


def graph_tensors(space: Space, archs: object) -> GraphTensors:
    """The graphs of a batch as dense arrays. Injective as far as `space.graph_many` is."""
    graphs = space.graph_many(archs)
    nodes = (graphs.nodes[:, :, None] == np.arange(len(graphs.labels))).astype(np.float32)
    return GraphTensors(nodes, graphs.adjacency.astype(np.float32), graphs.nodes >= 0)


def sparse_graphs(space: Space, archs: object) -> SparseGraphs:
    """The graphs of a batch as lists of nodes and edges. Nodes that an architecture does not have are left out.

    Not injective: cells that use different places for the same graph are the same.
    """
    graphs = space.graph_many(archs)
    there = graphs.nodes >= 0
    number = np.cumsum(there).reshape(there.shape) - 1
    graph, source, target = np.nonzero(graphs.adjacency)
    edge_index = np.stack([number[graph, source], number[graph, target]]).astype(np.int64)
    return SparseGraphs(edge_index, graphs.nodes[there].astype(np.int64), np.nonzero(there)[0].astype(np.int64))


def _in_pieces(space: Space, archs: object, encode: Callable[[GraphBatch], NDArray[_Number]]) -> NDArray[_Number]:
    """The rows that `encode` gives, with no more graphs in memory than `_CHUNK`."""
    batch = space.parse_many(archs)
    pieces = map(encode, _graphs(space, batch))
    first = next(pieces)
    encoded = np.empty((len(batch), first.shape[1]), first.dtype)
    encoded[: len(first)] = first
    for i, piece in enumerate(pieces, 1):
        encoded[i * _CHUNK : i * _CHUNK + len(piece)] = piece
    return encoded


def _graphs(space: Space, archs: object) -> Iterator[GraphBatch]:
    """The graphs of a batch, some thousand architectures at a time; at least one, maybe empty, batch."""
    batch = space.parse_many(archs)
    for start in range(0, max(len(batch), 1), _CHUNK):
        yield space.graph_many(batch[start : start + _CHUNK])

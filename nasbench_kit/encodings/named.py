"""The encodings that are functions of the space alone; `nasbench_kit.encodings` says what they keep apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache, wraps
from hashlib import blake2b
from itertools import accumulate, chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, TypeVar

import numpy as np

from nasbench_kit.errors import SettingError
from nasbench_kit.spaces import GraphBatch, Space
from nasbench_kit.spaces.splitmix import mix_many

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_COLUMNS = 1_000_000  # of path encodings that are not truncated

_Number = TypeVar("_Number", bound=np.generic)
_Given = ParamSpec("_Given")
_Encoded = TypeVar("_Encoded")

_CHUNK = 8_192  # architectures whose graphs are held in memory at a time
_ENUMERATED = 1 << 16  # spaces up to this size are looked at whole to find their paths
_SAMPLED = 8_192  # architectures looked at in larger ones
_NOTHING = ("none", "zero")  # operations that no path leads through
_CLIPPED = 1 << 40  # columns from here on are never kept; their exact numbers do not matter


def of_a_space(encode: Callable[_Given, _Encoded]) -> Callable[_Given, _Encoded]:
    """Refuse to encode architectures of what is no space, such as a benchmark."""

    @wraps(encode)
    def checked(*args: _Given.args, **kwargs: _Given.kwargs) -> _Encoded:
        space = args[0] if args else kwargs.get("space")
        if not isinstance(space, Space):
            raise SettingError(f"space={space!r:.80}; a space expected, such as benchmark.space")
        return encode(*args, **kwargs)

    return checked


# ---- decisions and edges ----


@of_a_space
def one_hot(space: Space, archs: object) -> NDArray[np.uint8]:
    """One column per decision and choice, 1 where it is taken. Injective.

    Returns:
        uint8 (n_archs, sum of `space.n_choices`).
    """
    return space.one_hot(archs)


@of_a_space
def adjacency(space: Space, archs: object) -> NDArray[np.uint8]:
    """The adjacency matrix above its diagonal, row by row, then for each node its operation, one-hot.

    A node that an architecture does not have is all zeros. Injective as far as `space.graph_many` is.

    Source: White et al. 2020, section 3: the one-hot adjacency matrix encoding.

    Returns:
        uint8 (n_archs, n_nodes * (n_nodes - 1) / 2 + n_nodes * n_labels).
    """

    def encode(graphs: GraphBatch) -> NDArray[np.uint8]:
        above = np.triu_indices(graphs.nodes.shape[1], 1)
        labels = graphs.nodes[:, :, None] == np.arange(len(graphs.labels))
        return np.hstack([graphs.adjacency[:, *above], labels.reshape(len(labels), np.prod(labels.shape[1:]))])

    return _in_pieces(space, archs, encode)


# ---- paths ----


@of_a_space
def paths(space: Space, archs: object, length: int | None = None) -> NDArray[np.uint8]:
    """One column per sequence of operations that a path from input to output can meet, 1 where there is such a path.

    Shorter sequences come first; those of the same length are in lexicographic order of the operations as
    `space.graph_many` lists them. What else it names on the way (the cells of DARTS, their inputs and sums; which of
    several inputs and outputs) is part of the sequence. No path leads through the operation `none`; a skip connection
    counts as an operation.
    `path_names` names the columns.

    Not injective: equal branches are one path, and where branches meet before the output is not seen.

    Args:
        space: Where the architectures come from.
        archs: A batch in any form.
        length: Keep this many columns: the truncated path encoding.

    Returns:
        uint8 (n_archs, n_paths): 364 columns for a NAS-Bench-101 cell (3^0 + ... + 3^5), 84 for NAS-Bench-201
        (4 + 4^2 + 4^3, without those through `none` that would be 0); or `length`, if that is less.

    Raises:
        SettingError: There are more than a million columns and no `length`; or `length` is not positive.

    Source: White, Neiswanger and Savani 2021, BANANAS, https://arxiv.org/abs/1910.11858: the path encoding, whole and
        truncated.
    """
    known = _known_paths(space)
    n_columns = _n_columns(space, known, length)
    return _in_pieces(space, archs, lambda graphs: _paths(_with_ends(graphs), known, n_columns))


@of_a_space
def path_names(space: Space, length: int | None = None) -> list[str]:
    """What each column of `paths` stands for: the operations from input to output, joined by `>`.

    Raises:
        SettingError: As `paths`.
    """
    known = _known_paths(space)
    n_columns = _n_columns(space, known, length)

    def spell(state: int, n_steps: int) -> Iterator[tuple[str, ...]]:
        if n_steps == 0:
            yield ()
        for label, to in enumerate(known.follows[state].tolist()):
            if n_steps and known.ways[n_steps - 1][to]:
                yield from ((known.labels[label], *rest) for rest in spell(to, n_steps - 1))

    lengths = [n_steps for n_steps, ways in enumerate(known.ways) if ways[_START]]
    sequences = chain.from_iterable(spell(_START, n_steps) for n_steps in lengths)
    return [" > ".join(sequence) or "(nothing between)" for sequence in islice(sequences, n_columns)]


_NOWHERE, _START = 0, 1  # states


class _KnownPaths(NamedTuple):
    """The sequences of operations between input and output that a space has, as an automaton that reads them.

    A state is the set of positions where a path may be after the operations read so far.
    """

    labels: tuple[str, ...]
    follows: NDArray[np.intp]  # (n_states, n_labels): state after one more operation
    ways: list[list[int]]  # [n_steps][state]: how many sequences of so many operations lead on to the output
    before: NDArray[np.int64]  # (n_steps, n_states, n_labels): how many of them begin with an earlier label
    first: list[int]  # [n_steps]: the column of the first sequence of so many operations; the last: of all


def _n_columns(space: Space, known: _KnownPaths, length: int | None) -> int:
    there = known.first[-1]
    if length is None and there > MOST_COLUMNS:
        raise SettingError(
            f"{space.name} has {there:,} paths, more than {MOST_COLUMNS:,} columns; give length= to keep the first"
        )
    if length is not None and length < 1:
        raise SettingError(f"length={length} keeps no path; give at least 1")
    return min(there, length or there)


def _paths(graphs: GraphBatch, known: _KnownPaths, n_columns: int) -> NDArray[np.uint8]:
    """Walk all paths of positions that some architecture has, in all architectures that have it at once."""
    nodes, joined = graphs.nodes, graphs.adjacency.astype(bool)
    n_archs, n_nodes = nodes.shape
    is_input, is_output, is_operation = _roles(graphs)
    longest = max((n for n, first in enumerate(known.first[:-1]) if first < n_columns), default=0)
    if n_columns == known.first[-1]:
        longest = n_nodes  # a path that is longer than all known ones is found, and refused
    encoded = np.zeros((n_archs, n_columns), np.uint8)

    def mark(trail: tuple[int, ...], rows: NDArray[np.intp]) -> None:
        state = np.full(len(rows), _START)
        column = np.zeros(len(rows), np.int64)
        for n_left, node in zip(reversed(range(len(trail))), trail, strict=True):
            label = nodes[rows, node]
            if n_left < len(known.before):
                column += known.before[n_left, state, label]
            state = known.follows[state, label]
        if len(trail) >= len(known.ways) or not np.array(known.ways[0])[state].all():
            sequence = " > ".join(graphs.labels[nodes[rows[0], node]] for node in trail)
            raise SettingError(f"path {sequence!r} has no column: too rare for sampling to find; take another encoding")
        column += min(known.first[len(trail)], _CLIPPED)
        kept = column < n_columns
        encoded[rows[kept], column[kept]] = 1

    def walk(trail: tuple[int, ...], at: int, rows: NDArray[np.intp]) -> None:
        for to in range(at + 1, n_nodes):
            there = rows[joined[rows, at, to]]
            ends = there[is_output[there, to]]
            if len(ends):
                mark(trail, ends)
            going_on = there[is_operation[there, to]]
            if len(going_on) and len(trail) < longest:
                walk((*trail, to), to, going_on)

    for at in np.flatnonzero(is_input.any(axis=0)).tolist():
        walk((), at, np.flatnonzero(is_input[:, at]))
    return encoded


def _known_paths(space: Space) -> _KnownPaths:
    return _paths_of_whole(space.whole)  # a part has the same columns


@lru_cache(maxsize=32)
def _paths_of_whole(space: Space) -> _KnownPaths:
    """Read off the union of the graphs of many architectures: all, in spaces of the size of tables."""
    rng = np.random.default_rng(0)
    archs = space.all_archs() if space.size <= _ENUMERATED else space.sample_many(rng, _SAMPLED)
    chunks = []
    for graphs in map(_with_ends, _graphs(space, archs)):
        labels, roles = graphs.labels, _roles(graphs)
        carried = (graphs.nodes[:, :, None] == np.arange(len(labels))) & roles[2][:, :, None]
        chunks.append((graphs.adjacency.any(axis=0), carried.any(axis=0), roles[0].any(axis=0), roles[1].any(axis=0)))
    reads, carries, is_input, is_output = (np.logical_or.reduce(parts) for parts in zip(*chunks, strict=True))
    # the subset construction: a state for every set of positions that some sequence of labels leads to
    states: dict[tuple[int, ...], int] = {(): _NOWHERE, tuple(np.flatnonzero(is_input).tolist()): _START}
    follows: list[list[int]] = []
    while len(follows) < len(states):
        at = list(states)[len(follows)]
        reached = reads[list(at)].any(axis=0)[:, None] & carries
        sets = [tuple(np.flatnonzero(column).tolist()) for column in reached.T]
        follows.append([states.setdefault(positions, len(states)) for positions in sets])
    ways = [[int(reads[list(at)][:, is_output].any()) for at in states]]
    before = []
    while len(ways) < reads.shape[0]:
        earlier = [list(accumulate((ways[-1][to] for to in row), initial=0)) for row in follows]
        before.append([[min(n, _CLIPPED) for n in row[:-1]] for row in earlier])
        ways.append([row[-1] for row in earlier])
    while len(ways) > 1 and not ways[-1][_START]:
        ways.pop()
    first = list(accumulate((way[_START] for way in ways), initial=0))
    return _KnownPaths(labels, np.array(follows), ways, np.array(before, np.int64), first)


def _with_ends(graphs: GraphBatch) -> GraphBatch:
    """The same graphs with one input, before those that read nothing, and one output, after those that nothing reads.

    Recurrent cells have several of both, which then are part of the paths.
    """
    if "input" in graphs.labels and "output" in graphs.labels:
        return graphs
    reads, is_read = graphs.adjacency.any(axis=1), graphs.adjacency.any(axis=2)
    n_archs, n_nodes = graphs.nodes.shape
    nodes = np.full((n_archs, n_nodes + 2), len(graphs.labels), np.int16)
    nodes[:, 1:-1] = graphs.nodes
    nodes[:, -1] += 1
    adjacency = np.zeros((n_archs, n_nodes + 2, n_nodes + 2), np.uint8)
    adjacency[:, 1:-1, 1:-1] = graphs.adjacency
    adjacency[:, 0, 1:-1] = is_read & ~reads
    adjacency[:, 1:-1, -1] = reads & ~is_read
    return GraphBatch((*graphs.labels, "input", "output"), nodes, adjacency)


def _roles(graphs: GraphBatch) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Which nodes are the input, the output, operations that compute something: bool (n_archs, n_nodes) each."""
    is_input, is_output, is_nothing = (
        np.array([label in names for label in (*graphs.labels, "none")])[graphs.nodes]  # the last is for -1, absent
        for names in (("input",), ("output",), _NOTHING)
    )
    return is_input, is_output, ~(is_input | is_output | is_nothing)


# ---- neighborhoods ----


@of_a_space
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

    Source: Shervashidze et al. 2011, https://jmlr.org/papers/v12/shervashidze11a.html: the subtree kernel, here with
        predecessors and successors told apart; for architectures Ru et al. 2021 (NAS-BOWL),
        https://arxiv.org/abs/2006.07556.
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
        shown = mix_many(colors)
        before = np.where(joined, shown[:, :, None], np.uint64(0)).sum(axis=1, dtype=np.uint64)
        after = np.where(joined, shown[:, None, :], np.uint64(0)).sum(axis=2, dtype=np.uint64)
        colors = mix_many(
            mix_many(mix_many(shown) + before) + after
        )  # no part can cancel another: each is mixed another time
        features = (colors[there] % np.uint64(n_features)).astype(np.intp)
        _count(counts, rows, n_labels + n * n_features + features)
    return counts


def _count(counts: NDArray[np.float32], rows: NDArray[np.intp], columns: NDArray[np.integer[Any]]) -> None:
    np.add.at(counts.reshape(-1), rows * counts.shape[1] + columns, np.float32(1))  # one index is faster than two


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


@of_a_space
def graph_tensors(space: Space, archs: object) -> GraphTensors:
    """The graphs of a batch as dense arrays. Injective as far as `space.graph_many` is."""
    graphs = space.graph_many(archs)
    nodes = (graphs.nodes[:, :, None] == np.arange(len(graphs.labels))).astype(np.float32)
    return GraphTensors(nodes, graphs.adjacency.astype(np.float32), graphs.nodes >= 0)


@of_a_space
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

"""Cells of NAS-Bench-101 as graphs: pruning, the identity of isomorphic cells, and the official hash.

An architecture is a tuple of 26 numbers: the 21 bits of the upper triangle of its 7x7 matrix, row by row, then the
operations of the five vertices between input and output. A batch is worked on in columns, (26, n_archs).

Source: Ying et al. 2019, https://arxiv.org/abs/1902.09635, section 2; google-research/nasbench, `lib/model_spec.py`
(pruning) and `lib/graph_util.py` (hash).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations, compress
from typing import TYPE_CHECKING, NamedTuple

try:
    from _md5 import md5  # type: ignore[import-not-found]  # Python's own: on short texts twice as fast as OpenSSL's
except ImportError:
    from hashlib import md5

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

N_VERTICES = 7
MAX_EDGES = 9
EDGES = tuple(combinations(range(N_VERTICES), 2))  # the upper triangle, row by row
N_EDGES = len(EDGES)
LAST = N_VERTICES - 1

_CHUNK = 4_096  # cells of a batch worked on together, so that they stay in the processor's cache
# the edges that leave a vertex stand together, those of vertex v in this slice; they lead to v + 1, v + 2, ...
_LEAVING = tuple(slice(EDGES.index((v, v + 1)), EDGES.index((v, v + 1)) + LAST - v) for v in range(LAST))

# Identities are kept in files, so these numbers must never change: digits of pi, one number for each operation, and
# the multipliers of SplitMix64 (Steele et al. 2014, https://doi.org/10.1145/2714064.2660195).
_INPUT_LABEL, _OUTPUT_LABEL = 0x082EFA98EC4E6C89, 0x452821E638D01377
_LABELS = (0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0)
_MULTIPLIERS = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
_MASK = 2**64 - 1

_MEMO_SIZE = 65_536  # states of vertices whose hash is remembered
_MEMO_ROUNDS = 2  # in later rounds hardly any state occurs twice


class Pruned(NamedTuple):
    """What is left of a matrix after pruning."""

    vertices: tuple[int, ...]  #: ascending; empty where no path leads from input to output
    sources: tuple[tuple[int, ...], ...]  #: of each of the 7 vertices: where edges to it come from
    targets: tuple[tuple[int, ...], ...]  #: of each of the 7 vertices: where edges from it lead to
    n_edges: int


@lru_cache(maxsize=4_096)
def prune(bits: tuple[int, ...]) -> Pruned:
    """The vertices and edges that lie on a path from input to output.

    Args:
        bits: The first 21 numbers of an architecture.
    """
    edges = list(compress(EDGES, bits))
    ahead, behind = 1, 1 << LAST  # vertices reached from the input, vertices that reach the output, as bits
    for a, b in edges:  # in order of a, so all that leads to a was seen
        ahead |= (ahead >> a & 1) << b
    for a, b in reversed(edges):
        behind |= (behind >> b & 1) << a
    kept = ahead & behind
    sources: list[list[int]] = [[] for _ in range(N_VERTICES)]
    targets: list[list[int]] = [[] for _ in range(N_VERTICES)]
    n_edges = 0
    for a, b in edges:
        if kept >> a & kept >> b & 1:
            targets[a].append(b)
            sources[b].append(a)
            n_edges += 1
    vertices = tuple([v for v in range(N_VERTICES) if kept >> v & 1])
    return Pruned(vertices, tuple(map(tuple, sources)), tuple(map(tuple, targets)), n_edges)


# ---- identity ----
#
# Each vertex gets a number from its operation and the sum over the vertices before it, then a second one from that and
# the sum over the vertices behind it. The identity is the sum of the second ones, modulo 2^64. No sum depends on how
# vertices are numbered, so isomorphic cells have the same; that all others differ is tested on the whole space.


def identity(arch: tuple[int, ...]) -> int:
    """The identity of one cell, without numpy."""
    vertices, sources, targets, _ = prune(arch[:N_EDGES])
    first, second, third = _MULTIPLIERS
    number = [_INPUT_LABEL, *[_LABELS[operation] for operation in arch[N_EDGES:]], _OUTPUT_LABEL]
    for v in vertices:
        x = number[v]
        for u in sources[v]:
            x += number[u]
        x = x * first & _MASK
        x = (x ^ x >> 32) * second & _MASK
        number[v] = x ^ x >> 29
    total = 0
    for v in reversed(vertices):
        x = number[v] * third
        for w in targets[v]:
            x += number[w]
        x = x * first & _MASK
        x = (x ^ x >> 32) * second & _MASK
        number[v] = x ^ x >> 29
        total += number[v]
    return total & _MASK


def identity_many(archs: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """`identity` of each row of a batch of valid cells: uint64 (n_archs,)."""
    import numpy as np

    found = np.empty(len(archs), np.uint64)
    labels, third = np.array(_LABELS, np.uint64), np.uint64(_MULTIPLIERS[2])
    for rows, columns in _chunks(archs):
        kept = kept_vertices(columns)
        edges = columns[:N_EDGES].astype(np.uint64)
        number = np.empty((N_VERTICES, columns.shape[1]), np.uint64)
        number[0], number[LAST] = _INPUT_LABEL, _OUTPUT_LABEL
        labels.take(columns[N_EDGES:], out=number[1:LAST])
        for v in range(N_VERTICES):
            _mix(number[v])
            number[v] *= kept[v]
            if v < LAST:
                number[v + 1 :] += edges[_LEAVING[v]] * number[v]
        number *= third
        _mix(number[LAST])
        for v in reversed(range(LAST)):
            number[v] += (edges[_LEAVING[v]] * number[v + 1 :]).sum(axis=0)
            _mix(number[v])
            number[v] *= kept[v]
        number.sum(axis=0, out=found[rows])
    return found


def _mix(x: NDArray[np.uint64]) -> None:
    """A one-to-one scattering of 64-bit numbers, in place."""
    x *= _MULTIPLIERS[0]
    x ^= x >> 32
    x *= _MULTIPLIERS[1]
    x ^= x >> 29


# ---- batches ----


def _chunks(archs: NDArray[np.uint8]) -> Iterator[tuple[slice, NDArray[np.uint8]]]:
    """Parts of a batch: where they stand in it, and their columns (26, at most _CHUNK)."""
    for start in range(0, len(archs), _CHUNK):
        rows = slice(start, start + _CHUNK)
        yield rows, archs[rows].T.copy()


def kept_vertices(columns: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """1 for each vertex on a path from input to output: uint8 (7, n_archs)."""
    import numpy as np

    ahead = np.zeros((N_VERTICES, columns.shape[1]), np.uint8)
    behind = np.zeros_like(ahead)
    ahead[0] = behind[LAST] = 1
    for v, leaving in enumerate(_LEAVING):
        ahead[v + 1 :] |= columns[leaving] & ahead[v]
    for v, leaving in reversed(list(enumerate(_LEAVING))):
        behind[v] = np.bitwise_or.reduce(columns[leaving] & behind[v + 1 :], axis=0)
    return ahead & behind


def prune_many(archs: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Which vertices and edges of each row of a batch lie on a path from input to output.

    Returns:
        uint8 (n_archs, 7), 1 for each such vertex, and uint8 (n_archs, 21), 1 for each such edge.
    """
    import numpy as np

    vertices = np.empty((len(archs), N_VERTICES), np.uint8)
    edges = np.empty((len(archs), N_EDGES), np.uint8)
    for rows, columns in _chunks(archs):
        kept = kept_vertices(columns)
        vertices[rows] = kept.T
        edges[rows] = _kept_edges(columns, kept).T
    return vertices, edges


def _kept_edges(columns: NDArray[np.uint8], kept: NDArray[np.uint8]) -> NDArray[np.uint8]:
    edges = columns[:N_EDGES].copy()
    for v, leaving in enumerate(_LEAVING):
        edges[leaving] &= kept[v + 1 :] & kept[v]
    return edges


def valid_many(archs: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Whether at most 9 edges, on some path, join input and output, for each row of a batch: bool (n_archs,)."""
    import numpy as np

    valid = np.empty(len(archs), np.bool_)
    for rows, columns in _chunks(archs):
        kept = kept_vertices(columns)
        n_edges = _kept_edges(columns, kept).sum(axis=0, dtype=np.uint8)
        valid[rows] = (n_edges <= MAX_EDGES) & (kept[0] == 1)
    return valid


# ---- the official hash ----


def official_hash(arch: tuple[int, ...], known: dict[str, str] | None = None) -> str:
    """The md5 by which the release knows one cell: 32 hexadecimal digits.

    Args:
        arch: The cell.
        known: Hashes of states of vertices, to be shared between calls.
    """
    vertices, sources, targets, _ = prune(arch[:N_EDGES])
    return hash_graph(vertices, sources, targets, (-1, *arch[N_EDGES:], -2), {} if known is None else known)


def hash_graph(
    vertices: Sequence[int],
    sources: Sequence[Sequence[int]],
    targets: Sequence[Sequence[int]],
    labels: Sequence[int],
    known: dict[str, str],
) -> str:
    """The reference's hash of a graph: 32 hexadecimal digits.

    Every vertex begins with a hash of its degrees and label. For as many rounds as there are vertices it gets that of
    the hashes before it, those behind it, and its own. What is hashed is the reference's text, to the letter.

    Args:
        vertices: Which ones the graph has; the other arguments may know of more.
        sources: Of each vertex, where edges to it come from.
        targets: Of each vertex, where edges from it lead to.
        labels: Of each vertex, its operation; -1 for the input, -2 for the output.
        known: Hashes of states of vertices, shared between calls.

    Source: google-research/nasbench, `lib/graph_util.py`, `hash_module`.
    """
    hashes = [""] * len(labels)
    for v in vertices:
        state = f"({len(targets[v])}, {len(sources[v])}, {labels[v]})"
        hashes[v] = known.get(state) or _remember(state, known)
    wiring = [(v, sources[v], targets[v]) for v in vertices]
    for n_round in range(len(vertices)):
        states = [f"{_joined(before, hashes)}|{_joined(behind, hashes)}|{hashes[v]}" for v, before, behind in wiring]
        if n_round < _MEMO_ROUNDS:
            new = [known.get(state) or _remember(state, known) for state in states]
        else:
            new = [md5(state.encode()).hexdigest() for state in states]  # noqa: S324 (nothing secret)
        for v, found in zip(vertices, new, strict=True):
            hashes[v] = found
    return str(md5(str(sorted(filter(None, hashes))).encode()).hexdigest())  # noqa: S324 (nothing secret)


def _joined(vertices: Sequence[int], hashes: list[str]) -> str:
    if len(vertices) == 1:
        return hashes[vertices[0]]
    if len(vertices) == 2:
        one, other = hashes[vertices[0]], hashes[vertices[1]]
        return one + other if one < other else other + one
    return "".join(sorted([hashes[v] for v in vertices]))


def _remember(state: str, known: dict[str, str]) -> str:
    if len(known) >= _MEMO_SIZE:
        known.clear()
    known[state] = found = md5(state.encode()).hexdigest()  # noqa: S324 (nothing secret)
    return found

"""Cells of NAS-Bench-101 as graphs: pruning, the identity of isomorphic cells, and the official hash.

An architecture is a tuple of 26 numbers: the 21 bits of the upper triangle of its 7x7 matrix, row by row, then the
operations of the five vertices between input and output. A batch is worked on in columns, (26, n_archs).

Source: Ying et al. 2019, https://arxiv.org/abs/1902.09635, section 2; google-research/nasbench, `lib/model_spec.py`
(pruning) and `lib/graph_util.py` (hash).
"""

from __future__ import annotations

from binascii import hexlify
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import combinations, compress
from typing import TYPE_CHECKING, NamedTuple

from nasbench_kit.spaces.splitmix import GOLDEN, MASK, MULTIPLIERS

try:
    # Python's own is on short texts twice as fast as OpenSSL's. (Nothing is kept secret by it: "noqa: S324" below.)
    from _md5 import md5  # type: ignore[import-not-found]
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
# three odd multipliers. (What is made of them is not SplitMix64: it multiplies first.)
_INPUT_LABEL, _OUTPUT_LABEL = 0x082EFA98EC4E6C89, 0x452821E638D01377
_LABELS = (0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0)
_MULTIPLIERS = (GOLDEN, *MULTIPLIERS)


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
    return sum(_numbers(arch, *prune(arch[:N_EDGES])[:3])) & MASK


def _numbers(
    arch: tuple[int, ...],
    vertices: tuple[int, ...],
    sources: tuple[tuple[int, ...], ...],
    targets: tuple[tuple[int, ...], ...],
) -> list[int]:
    """The second number of each of the 7 vertices; 0 for those that are pruned away."""
    first, second, third = _MULTIPLIERS
    labels = [_INPUT_LABEL, *[_LABELS[operation] for operation in arch[N_EDGES:]], _OUTPUT_LABEL]
    number = [0] * N_VERTICES
    for v in vertices:
        x = labels[v]
        for u in sources[v]:
            x += number[u]
        x = x * first & MASK
        x = (x ^ x >> 32) * second & MASK
        number[v] = x ^ x >> 29
    for v in reversed(vertices):
        x = number[v] * third
        for w in targets[v]:
            x += number[w]
        x = x * first & MASK
        x = (x ^ x >> 32) * second & MASK
        number[v] = x ^ x >> 29
    return number


def identity_many(archs: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """`identity` of each row of a batch of valid cells: uint64 (n_archs,)."""
    import numpy as np

    found = np.empty(len(archs), np.uint64)
    for rows, columns in _chunks(archs):
        _numbers_many(columns, kept_vertices(columns)).sum(axis=0, out=found[rows])
    return found


def _numbers_many(columns: NDArray[np.uint8], kept: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """`_numbers` of a batch: uint64 (7, n_archs)."""
    import numpy as np

    labels, third = np.array(_LABELS, np.uint64), np.uint64(_MULTIPLIERS[2])
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
    return number


def _mix(x: NDArray[np.uint64]) -> None:
    """A one-to-one scattering of 64-bit numbers, in place."""
    x *= _MULTIPLIERS[0]
    x ^= x >> 32
    x *= _MULTIPLIERS[1]
    x ^= x >> 29


# ---- the canonical form ----
#
# The vertices that pruning leaves, in order of their distance from the input (the longest way), then of their numbers,
# then of where the edges to them come from. Vertices that are equal in all of that can trade places, so isomorphic
# cells have the same form; this too is tested on the whole space.

_ROUNDS = 3  # in which the places of earlier vertices settle those of later ones


def canonical(arch: tuple[int, ...]) -> tuple[int, ...]:
    """The form that all cells isomorphic to this one share: pruned, unconnected vertices before the output."""
    vertices, sources, targets, _ = prune(arch[:N_EDGES])
    number = _numbers(arch, vertices, sources, targets)
    level = [0] * N_VERTICES
    for v in vertices[1:]:
        level[v] = 1 + max([level[u] for u in sources[v]])
    keys = [(level[v], number[v]) for v in range(N_VERTICES)]
    inner = sorted(vertices[1:-1], key=keys.__getitem__)
    place = [0] * N_VERTICES
    if len({keys[v] for v in inner}) < len(inner):
        for _ in range(_ROUNDS):
            for i, v in enumerate(inner):
                place[v] = i + 1
            inner.sort(key=lambda v: (keys[v], sum([1 << place[u] for u in sources[v]])))
    for i, v in enumerate(inner):
        place[v] = i + 1
    place[LAST] = LAST
    found = [0] * len(arch)
    for v in vertices[:-1]:
        for w in targets[v]:
            found[_AT[place[v]][place[w]]] = 1
    for i, v in enumerate(inner):
        found[N_EDGES + i] = arch[N_EDGES - 1 + v]
    return tuple(found)


_AT = [[EDGES.index((a, b)) if a < b else -1 for b in range(N_VERTICES)] for a in range(N_VERTICES)]


def canonical_many(archs: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`canonical` of each row of a batch of valid cells: uint8 (n_archs, 26)."""
    import numpy as np

    found = np.empty_like(archs)
    above = np.triu_indices(N_VERTICES, 1)
    for rows, columns in _chunks(archs):
        kept = kept_vertices(columns)
        matrix = np.zeros((columns.shape[1], N_VERTICES, N_VERTICES), np.int64)
        matrix[:, above[0], above[1]] = _kept_edges(columns, kept).T
        level = np.zeros((len(matrix), N_VERTICES), np.int64)
        for v in range(1, N_VERTICES):
            level[:, v] = ((level[:, :v] + 1) * matrix[:, :v, v]).max(axis=1)
        level = np.where(kept.T, level, N_VERTICES)  # pruned ones come behind the others
        level[:, LAST] = N_VERTICES + 1  # and the output last
        number = _numbers_many(columns, kept).T
        sources = np.zeros_like(level)
        for _ in range(_ROUNDS + 1):
            order = np.lexsort((sources, number, level), axis=1)
            place = np.argsort(order, axis=1)
            sources = ((1 << place)[:, :, None] * matrix).sum(axis=1)
        matrix = np.take_along_axis(np.take_along_axis(matrix, order[:, :, None], 1), order[:, None, :], 2)
        found[rows, :N_EDGES] = matrix[:, above[0], above[1]]
        operations = np.zeros((len(matrix), N_VERTICES), np.uint8)
        operations[:, 1:LAST] = columns[N_EDGES:].T
        found[rows, N_EDGES:] = np.take_along_axis(operations * kept.T, order, axis=1)[:, 1:LAST]
    return found


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
#
# Every vertex begins with a hash of its degrees and label. For as many rounds as there are vertices it gets that of the
# hashes before it, those behind it, and its own; the hash of the graph is that of all of them. What is hashed is the
# reference's text, to the letter. Source: google-research/nasbench, `lib/graph_util.py`, `hash_module`.


def official_hash(arch: tuple[int, ...]) -> str:
    """The md5 by which the release knows one cell: 32 hexadecimal digits."""
    vertices, sources, targets, _ = prune(arch[:N_EDGES])
    position = {v: i for i, v in enumerate(vertices)}
    before, behind = ([[position[u] for u in near[v]] for v in vertices] for near in (sources, targets))
    labels = (-1, *arch[N_EDGES:], -2)
    return hash_graph(before, behind, [labels[v] for v in vertices])


def hash_graph(before: Sequence[Sequence[int]], behind: Sequence[Sequence[int]], labels: Sequence[int]) -> str:
    """The reference's hash of a graph: 32 hexadecimal digits.

    Args:
        before: Of each vertex, where edges to it come from.
        behind: Of each vertex, where edges from it lead to.
        labels: Of each vertex, its operation; -1 for the input, -2 for the output.
    """
    hashes = [_first_hash(*state) for state in zip(map(len, behind), map(len, before), labels, strict=True)]
    for _ in labels:
        first, last = (["".join(sorted([hashes[u] for u in near])) for near in side] for side in (before, behind))
        hashes = [_md5(f"{a}|{b}|{own}".encode()) for a, b, own in zip(first, last, hashes, strict=True)]
    return _md5(str(sorted(hashes)).encode())


@cache
def _first_hash(n_behind: int, n_before: int, label: int) -> str:
    return _md5(str((n_behind, n_before, label)).encode())


def _md5(text: bytes) -> str:
    return str(md5(text).hexdigest())  # noqa: S324 (nothing is kept secret by it)


def official_hash_many(archs: NDArray[np.uint8]) -> list[str]:
    """`official_hash` of each row of a batch of valid cells, several times as fast."""
    import numpy as np

    hashes = np.empty(len(archs), "S32")
    vertices, edges = prune_many(archs)
    labels = np.full(vertices.shape, -1, np.int64)
    labels[:, 1:LAST] = archs[:, N_EDGES:]
    labels[:, LAST] = -2
    ends = np.array(EDGES)
    for n in range(2, N_VERTICES + 1):
        of_size = np.flatnonzero(vertices.sum(axis=1) == n)
        for start in range(0, len(of_size), _CHUNK):
            rows = of_size[start : start + _CHUNK]
            there = vertices[rows] == 1
            number = there.cumsum().reshape(there.shape) - 1  # the vertices of these cells are counted through
            cell, edge = np.nonzero(edges[rows])
            source, target = number[cell, ends[edge, 0]], number[cell, ends[edge, 1]]
            hashes[rows] = _hash_graphs(n, source, target, labels[rows][there])
    return hashes.astype(str).tolist()


def _hash_graphs(
    n: int, source: NDArray[np.int64], target: NDArray[np.int64], labels: NDArray[np.int64]
) -> NDArray[np.bytes_]:
    """The hashes of graphs of n vertices each: `hash_graph`, with the texts put together in arrays.

    Args:
        n: Vertices per graph; those of all graphs are counted through.
        source: Where each edge comes from.
        target: Where it leads to.
        labels: Of each vertex.
    """
    import numpy as np

    n_before, before = _neighbors(target, source, len(labels))
    n_behind, behind = _neighbors(source, target, len(labels))
    states = zip(n_behind.tolist(), n_before.tolist(), labels.tolist(), strict=True)
    hashes = np.array([_first_hash(*state) for state in states], "S32")
    degrees = n_before * N_VERTICES + n_behind  # vertices with the same are hashed together: their texts are as long
    together = [np.flatnonzero(degrees == pair) for pair in np.unique(degrees)]
    for _ in range(n):
        new = np.empty_like(hashes)
        for some in together:
            bar = np.full((len(some), 1), ord("|"), np.uint8)
            first = _sorted_hashes(hashes[before[some, : n_before[some[0]]]])
            last = _sorted_hashes(hashes[behind[some, : n_behind[some[0]]]])
            new[some] = _md5_many(np.concatenate([first, bar, last, bar, _sorted_hashes(hashes[some, None])], axis=1))
        hashes = new
    frame = "['" + "', '".join(["0" * 32] * n) + "']"  # a list as Python writes it
    texts = np.tile(np.frombuffer(frame.encode(), np.uint8), (len(hashes) // n, 1))
    texts[:, np.flatnonzero(texts[0] == ord("0"))] = _sorted_hashes(hashes.reshape(-1, n))
    return _md5_many(texts)


def _neighbors(vertex: NDArray[np.int64], neighbor: NDArray[np.int64], n: int) -> tuple[NDArray[np.int64], ...]:
    """How many neighbors each of n vertices has, (n,), and which, (n, most): the first so many of its row."""
    import numpy as np

    order = np.argsort(vertex, kind="stable")
    counts = np.bincount(vertex, minlength=n)
    starts = np.cumsum(counts) - counts
    table = np.zeros((n, counts.max()), np.int64)
    table[vertex[order], np.arange(len(vertex)) - starts[vertex[order]]] = neighbor[order]
    return counts, table


def _sorted_hashes(hashes: NDArray[np.bytes_]) -> NDArray[np.uint8]:
    """Rows of hashes, each sorted and as one text: (n, m) -> uint8 (n, 32 * m)."""
    import numpy as np

    n, m = hashes.shape
    if m > 1:
        hashes = np.sort(hashes, axis=1)
    return np.ascontiguousarray(hashes).view(np.uint8).reshape(n, 32 * m)


def _md5_many(texts: NDArray[np.uint8]) -> NDArray[np.bytes_]:
    """The hash of each row."""
    import numpy as np

    whole, length = texts.tobytes(), texts.shape[1]
    digests = [md5(whole[start : start + length]).digest() for start in range(0, len(whole), length)]  # noqa: S324
    return np.frombuffer(hexlify(b"".join(digests)), "S32")

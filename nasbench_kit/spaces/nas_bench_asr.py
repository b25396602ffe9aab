"""The cell space of NAS-Bench-ASR (speech recognition): three nodes, each an operation and skip connections.

Node i applies its operation to the output of the node before it (the first: to the cell's input), and adds what its
skip connections bring: the outputs of earlier nodes, and the cell's input.

Source: Mehrotra et al. 2021, https://openreview.net/forum?id=CU0APx9LMaL, section 3; SamsungLabs/nb-asr,
`search_space.py` and `graph_utils.py`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any, final

from nasbench_kit.errors import ArchitectureError, unknown
from nasbench_kit.spaces.base import Arch, Decision, Form, Space
from nasbench_kit.spaces.graph import Graph, GraphBatch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OPERATIONS = ("linear", "conv5", "conv5d2", "conv7", "conv7d2", "zero")
ZERO = 5
_EXAMPLE = "[[0, 1], [1, 0, 0], [3, 1, 1, 1]]"
_STARTS = (0, 2, 5)  # where each node begins in an architecture: its operation, then its skip connections
_VERTICES = 5  # the input, three operations, the output
_BRACKETS = str.maketrans("()", "[]")
_ENTRY = r"\s*['\"]?(\w+)['\"]?\s*"
_TEXT = re.compile(
    rf"\s*\[\s*\[{_ENTRY},{_ENTRY}\]\s*,\s*\[{_ENTRY},{_ENTRY},{_ENTRY}\]\s*,"
    rf"\s*\[{_ENTRY},{_ENTRY},{_ENTRY},{_ENTRY}\]\s*\]\s*"
)


@final
class NASBenchASRSpace(Space):
    """NAS-Bench-ASR: three operations of six, and six skip connections; 13,824 cells, 8,242 different ones.

    `parse` reads the official nested list, `[[0, 1], [1, 0, 0], [3, 1, 1, 1]]` (operation, then skip connections, per
    node), as a list or text, with operations by number or name; nine integers; a mapping
    `{"op1": "linear", "skip_0_1": 1, ...}`.
    """

    noun = "cell"
    keyed_by_identity = True

    def __init__(self) -> None:
        decisions = []
        for node in range(3):
            decisions.append(Decision(f"op{node + 1}", OPERATIONS))
            decisions += [Decision(f"skip_{start}_{node + 1}", ("0", "1")) for start in range(node + 1)]
        super().__init__("nas_bench_asr", decisions, {"official": Form(self._read, _write, _EXAMPLE)})
        self.n_keys = 8_242

    # ---- forms ----

    def _read(self, arch: Any) -> Arch | None:
        if isinstance(arch, str):
            found = _TEXT.fullmatch(arch.translate(_BRACKETS))
            return found and self._checked(_numbered(found.groups()))
        if not isinstance(arch, list | tuple) or not all(isinstance(node, list | tuple) for node in arch):
            return None
        if [len(node) for node in arch] != [2, 3, 4]:
            raise _not_a_cell(arch)
        return self._checked(_numbered([entry for node in arch for entry in node]))

    # ---- which cells are the same ----

    def key(self, arch: Arch) -> int:
        """`identity` of one cell, without numpy."""
        vertices, edges = _minimized(arch)
        if vertices[1:-1] == (1, 3) and (1, 3) not in edges and arch[_STARTS[0]] > arch[_STARTS[2]]:
            vertices = (0, 3, 1, 4)  # side by side, so that neither comes first
        code = len(vertices)
        for vertex in vertices[1:-1]:
            code = code * len(OPERATIONS) + arch[_STARTS[vertex - 1]]
        for a, b in combinations(vertices, 2):
            code = 2 * code + ((min(a, b), max(a, b)) in edges)
        return code

    def identity(self, archs: object) -> NDArray[np.uint64]:
        """A number per cell, equal for cells that the reference calls the same: 8,242 classes.

        Operations `zero`, and what only they join to input or output, do not count; nor does the order of nodes.

        Source: nb-asr, `get_model_hash`.

        Returns:
            uint64 (n_archs,): a number that says which operations remain and how they are joined.
        """
        import numpy as np

        ranks, where = np.unique(self.rank_many(archs), return_inverse=True)
        return np.array([_key_of_rank(self, rank) for rank in ranks.tolist()], np.uint64)[where]

    def official_hash(self, arch: object) -> str:
        """The md5 by which the release's files know one cell: `get_model_hash` of nb-asr."""
        cell = self.parse(arch)
        vertices, edges = _minimized(cell)
        labels = [-1, *(cell[_STARTS[vertex - 1]] for vertex in vertices[1:-1]), -2][: len(vertices)]
        sources = [[i for i, start in enumerate(vertices) if (start, vertex) in edges] for vertex in vertices]
        targets = [[i for i, end in enumerate(vertices) if (vertex, end) in edges] for vertex in vertices]
        hashes = [
            _md5(f"({float(len(outward))}, {float(len(inward))}, {label})")  # degrees are floats in the reference
            for inward, outward, label in zip(sources, targets, labels, strict=True)
        ]
        for _ in vertices:
            hashes = [
                _md5(f"{_joined(hashes, inward)}|{_joined(hashes, outward)}|{own}")
                for own, inward, outward in zip(hashes, sources, targets, strict=True)
            ]
        return _md5(str(sorted(hashes)))

    # ---- graphs ----

    def graphs(self, arch: Arch) -> dict[str, Graph]:
        """The cell: its input, the sums in its nodes, and on the way the operations; no edge where there is `zero`."""
        cell = self._checked(arch)
        edges = []
        for node, start in enumerate(_STARTS):
            if cell[start] != ZERO:
                edges.append((node, node + 1, OPERATIONS[cell[start]]))
            edges += [(source, node + 1, "skip") for source in range(node + 1) if cell[start + 1 + source]]
        return {"cell": Graph(("input", "1", "2", "3"), tuple(edges))}

    def graph_many(self, archs: object) -> GraphBatch:
        """A batch as graphs of the input, three operations and the output; `zero` is an absent node."""
        import numpy as np

        batch = self.parse_many(archs)
        operations = batch[:, list(_STARTS)].astype(np.int16)
        there = np.ones((len(batch), _VERTICES), np.uint8)
        there[:, 1:4] = operations != ZERO
        nodes = np.zeros((len(batch), _VERTICES), np.int16)
        nodes[:, 1:4] = np.where(operations == ZERO, -1, operations + 2)
        nodes[:, 4] = 1
        adjacency = np.zeros((len(batch), _VERTICES, _VERTICES), np.uint8)
        for node, start in enumerate(_STARTS):
            adjacency[:, node, node + 1] = 1
            for source in range(node + 1):
                adjacency[:, source, node + 2] = batch[:, start + 1 + source]
        adjacency[:, 3, 4] = 1
        adjacency *= there[:, :, None] * there[:, None, :]
        return GraphBatch(("input", "output", *OPERATIONS[:ZERO]), nodes, adjacency)


def _numbered(entries: Iterable[Any]) -> list[Any]:
    """The nine entries of a nested list, those that are text as numbers."""
    numbers = []
    for i, entry in enumerate(entries):
        if isinstance(entry, str) and entry.isascii() and entry.isdecimal():
            entry = int(entry[:9])
        elif isinstance(entry, str):
            if i not in _STARTS:
                raise _not_a_cell(entry)
            if entry not in OPERATIONS:
                raise unknown("operation", entry, OPERATIONS)
            entry = OPERATIONS.index(entry)
        numbers.append(entry)
    return numbers


def _write(arch: Arch) -> str:
    return str([list(arch[start:stop]) for start, stop in ((0, 2), (2, 5), (5, 9))])


def _minimized(cell: Sequence[int]) -> tuple[tuple[int, ...], set[tuple[int, int]]]:
    """The vertices (0 the input, 4 the output) and edges of a cell's graph that lie on some way from input to output.

    In the reference's graph a skip connection into the sum of node i leads to whatever reads that sum.
    """
    edges = {(0, 1), (1, 2), (2, 3), (3, 4)}
    for node, start in enumerate(_STARTS):
        edges |= {(source, node + 2) for source in range(node + 1) if cell[start + 1 + source]}
    zeros = {vertex for vertex in (1, 2, 3) if cell[_STARTS[vertex - 1]] == ZERO}
    edges = {(a, b) for a, b in edges if a not in zeros and b not in zeros}
    reached, reaching = {0}, {4}
    for a, b in sorted(edges):
        if a in reached:
            reached.add(b)
    for a, b in sorted(edges, reverse=True):
        if b in reaching:
            reaching.add(a)
    kept = reached & reaching
    return tuple(sorted(kept)), {(a, b) for a, b in edges if a in kept and b in kept}


def _key_of_rank(space: NASBenchASRSpace, rank: int) -> int:
    if rank not in _KEYS:
        _KEYS[rank] = space.key(space.unrank(rank))
    return _KEYS[rank]


_KEYS: dict[int, int] = {}  # those of at most 13,824 cells


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _joined(hashes: Sequence[str], of: Iterable[int]) -> str:
    return "".join(sorted(hashes[i] for i in of))


def _not_a_cell(got: object) -> ArchitectureError:
    return ArchitectureError(
        f"{got!r:.120} is no cell of nas_bench_asr; one looks like {_EXAMPLE}: per node an operation and its skip"
        " connections"
    )

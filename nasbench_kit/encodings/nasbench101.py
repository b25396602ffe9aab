"""Sparse columns of NAS-Bench-101's cells, from their canonical form, so that isomorphic cells have the same."""

from __future__ import annotations

from itertools import pairwise, product
from typing import TYPE_CHECKING, Any, final

from nasbench_kit.encodings.sparse import Sparse, side_by_side
from nasbench_kit.spaces import Arch, Space
from nasbench_kit.spaces.nasbench101_graphs import EDGES, LAST, N_EDGES, N_VERTICES, canonical, canonical_many

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

N_OPERATIONS = 3
INPUT, OUTPUT = N_OPERATIONS, N_OPERATIONS + 1  # labels of these two vertices
_N_LABELS = N_OPERATIONS + 2
_INNER = range(1, LAST)
_MOST_EDGES_AND_VERTICES = 14  # a cell has at most 9 edges and 5 inner vertices
_MOST_PATHS = 8  # that 9 edges can make, as a look at all cells shows


def cell(space: Space) -> Sparse:
    """One column per vertex and operation, and per edge and the operations at its ends."""
    return _of_canonical_cells(Places())


def neighborhoods(space: Space) -> Sparse:
    """`cell`; per vertex its operation with those before and behind it; and per path its operations."""
    return _of_canonical_cells(Places(), Neighborhoods(), Paths())


def _of_canonical_cells(*parts: Any) -> Sparse:
    joined = side_by_side(parts)
    return Sparse(
        joined.n_columns,
        lambda arch: joined.one(canonical(arch)),
        lambda archs: joined.many(canonical_many(archs)),
    )


@final
class Places:
    """21 edges with 5 x 5 labels at their ends, then 5 vertices with 3 operations."""

    _vertices_at = N_EDGES * _N_LABELS**2
    n_columns = _vertices_at + (LAST - 1) * N_OPERATIONS

    def one(self, cell: Arch) -> list[int]:
        """Of one canonical cell."""
        labels = (INPUT, *cell[N_EDGES:], OUTPUT)
        there = [0] * N_VERTICES
        found = []
        for i, (a, b) in enumerate(EDGES):
            if cell[i]:
                there[a] = there[b] = 1
                found.append((i * _N_LABELS + labels[a]) * _N_LABELS + labels[b])
        return [*found, *[self._vertices_at + (v - 1) * N_OPERATIONS + labels[v] for v in _INNER if there[v]]]

    def many(self, cells: NDArray[np.uint8]) -> NDArray[np.intp]:
        """Of a batch of canonical cells; `n_columns` stands for none."""
        import numpy as np

        labels, edges, there = _unpacked(cells)
        a, b = np.array(EDGES).T
        on_edges = (np.arange(N_EDGES) * _N_LABELS + labels[:, a]) * _N_LABELS + labels[:, b]
        on_vertices = self._vertices_at + np.arange(LAST - 1) * N_OPERATIONS + labels[:, 1:LAST]
        columns = np.hstack([on_edges, on_vertices])
        columns[~np.hstack([edges, there])] = self.n_columns
        columns.sort(axis=1)  # the absent ones last
        return columns[:, :_MOST_EDGES_AND_VERTICES]


@final
class Neighborhoods:
    """Each vertex: its label, how many vertices of each label lead to it, and to how many of each it leads."""

    def __init__(self) -> None:
        # who is near is a number: 1 for each first operation, 5 for each second, ... and 125 for input or output
        self._unit = [5**operation for operation in range(N_OPERATIONS)]
        self._end = 5**N_OPERATIONS
        n_near = 2 * self._end
        counts = [c for c in product(range(5), repeat=N_OPERATIONS) if sum(c) < LAST - 1]
        near = [(sum(c), number + end) for c in counts for end in (0, self._end) if (number := self._number(c)) + end]
        self._n_near = n_near
        inner = [
            (label * n_near + before) * n_near + behind
            for label in range(N_OPERATIONS)
            for n_before, before in near
            for n_behind, behind in near
            if n_before + n_behind < LAST - 1
        ]
        self._column = {number: column for column, number in enumerate(sorted(inner))}
        self.n_columns = len(inner)

    def _number(self, counts: tuple[int, ...]) -> int:
        return sum(n * unit for n, unit in zip(counts, self._unit, strict=True))

    def one(self, cell: Arch) -> list[int]:
        """Of one canonical cell."""
        labels = cell[N_EDGES:]
        unit = (self._end, *[self._unit[label] for label in labels], self._end)
        before, behind = [0] * N_VERTICES, [0] * N_VERTICES
        for there, (a, b) in zip(cell, EDGES, strict=False):
            if there:
                before[b] += unit[a]
                behind[a] += unit[b]
        n, column = self._n_near, self._column
        return [column[(labels[v - 1] * n + before[v]) * n + behind[v]] for v in _INNER if before[v]]

    def many(self, cells: NDArray[np.uint8]) -> NDArray[np.intp]:
        """Of a batch of canonical cells; `n_columns` stands for none."""
        import numpy as np

        labels, edges, there = _unpacked(cells)
        unit = np.array([*self._unit, self._end, self._end])[labels]
        before, behind = np.zeros_like(unit), np.zeros_like(unit)
        for (a, b), on in zip(EDGES, edges.T, strict=True):
            before[:, b] += unit[:, a] * on
            behind[:, a] += unit[:, b] * on
        numbers = (labels * self._n_near + before) * self._n_near + behind
        known = np.fromiter(self._column, np.intp)  # ascending
        columns = np.searchsorted(known, np.where(there, numbers[:, 1:LAST], known[0]))
        columns[~there] = self.n_columns
        return columns


@final
class Paths:
    """Each path from input to output: its operations, in order; as often as there is such a path."""

    n_columns = sum(N_OPERATIONS**length for length in range(LAST))

    def one(self, cell: Arch) -> list[int]:
        """Of one canonical cell."""
        codes: list[list[int]] = [[0], *[[] for _ in range(LAST)]]
        for there, (a, b) in zip(cell, EDGES, strict=False):
            if there:
                if b == LAST:
                    codes[b] += codes[a]
                else:
                    digit = cell[N_EDGES + b - 1] + 1
                    codes[b] += [code * N_OPERATIONS + digit for code in codes[a]]
        return codes[LAST]

    def many(self, cells: NDArray[np.uint8]) -> NDArray[np.intp]:
        """Of a batch of canonical cells; `n_columns` stands for none."""
        import numpy as np

        _, edges, _ = _unpacked(cells)
        at = {ends: i for i, ends in enumerate(EDGES)}
        digits = cells[:, N_EDGES:].astype(np.intp) + 1
        found = []
        for chosen in product((False, True), repeat=LAST - 1):
            stops = [0, *[v for v in _INNER if chosen[v - 1]], LAST]
            there = edges[:, [at[ends] for ends in pairwise(stops)]].all(axis=1)
            code = np.zeros(len(cells), np.intp)
            for v in stops[1:-1]:
                code = code * N_OPERATIONS + digits[:, v - 1]
            found.append(np.where(there, code, self.n_columns))
        return np.sort(np.stack(found, axis=1), axis=1)[:, :_MOST_PATHS]


def _unpacked(cells: NDArray[np.uint8]) -> tuple[NDArray[np.intp], NDArray[np.bool_], NDArray[np.bool_]]:
    """Labels of the 7 vertices, which of the 21 edges are there, and which of the 5 inner vertices."""
    import numpy as np

    labels = np.full((len(cells), N_VERTICES), OUTPUT, np.intp)
    labels[:, 0] = INPUT
    labels[:, 1:LAST] = cells[:, N_EDGES:]
    edges = cells[:, :N_EDGES] > 0
    sources = np.array([a for a, _ in EDGES])
    there = np.stack([edges[:, sources == v].any(axis=1) for v in _INNER], axis=1)  # all that are kept lead on
    return labels, edges, there

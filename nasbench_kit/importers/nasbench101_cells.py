"""The distinct cells in a file of NAS-Bench-101, and whether all that is said of each agrees."""

from __future__ import annotations

from array import array
from math import isqrt
from typing import final

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import ImportDataError, NasbenchKitError
from nasbench_kit.formats.tfrecord import RecordError
from nasbench_kit.spaces import NASBench101Space

_MOST_LABELINGS = 512  # there are 364 lists of at most five of three operations
_CONV = "conv3x3-bn-relu"


@final
class Cells:
    """The cells met so far, numbered from 0 in order.

    A cell is recognized by its hash, as text, and its first record is parsed; in the others, matrix and operations are
    compared with it. Few matrices and lists of operations make up all cells, so each is parsed once.
    """

    def __init__(self, space: NASBench101Space) -> None:
        self.space = space
        self._rows: dict[str, int] = {}
        self._codes = array("q")  # which matrix and operations each cell has
        self._matrices: dict[str, int] = {}
        self._labelings: dict[str, int] = {}
        self._edges: list[bytes] = []
        self._operations: list[bytes] = []
        self._archs = bytearray()
        self._params = np.zeros(0, np.int64)
        self._unverified: list[tuple[str, int]] = []  # hash, position in its batch

    def row(self, module_hash: str, adjacency: str, operations: str, position: int) -> int:
        """The number of a cell, which is a new one if its hash is.

        Args:
            module_hash: The official hash that a record says it has; `verify` looks whether it has.
            adjacency: Its matrix, row by row.
            operations: One per vertex, separated by commas.
            position: Of the record in its batch, for errors.

        Raises:
            ImportDataError: It is no cell, or another one than an earlier record of the same hash.
        """
        row = self._rows.get(module_hash)
        if row is None:
            return self._add(module_hash, adjacency, operations, position)
        try:
            code = self._matrices[adjacency] * _MOST_LABELINGS + self._labelings[operations]
        except KeyError:
            code = -1
        if code != self._codes[row]:
            raise ImportDataError(f"has another matrix or operations than an earlier record of cell {module_hash}")
        return row

    def _add(self, module_hash: str, adjacency: str, operations: str, position: int) -> int:
        if len(module_hash) != 32 or module_hash.strip("0123456789abcdef"):
            raise ImportDataError(f"has the hash {module_hash!r:.80}; 32 hexadecimal digits expected")
        try:
            matrix = self._matrix(adjacency)
            labeling = self._labeling(operations)
        except NasbenchKitError as error:
            raise ImportDataError(f"holds no cell: {error}") from None
        n_vertices, n_operations = isqrt(len(adjacency)), operations.count(",") + 1
        if n_vertices != n_operations:
            raise ImportDataError(f"has {n_operations} operations for {n_vertices} vertices; one each expected")
        row = self._rows[module_hash] = len(self._rows)
        self._codes.append(matrix * _MOST_LABELINGS + labeling)
        self._archs += self._edges[matrix] + self._operations[labeling]
        self._unverified.append((module_hash, position))
        return row

    def _matrix(self, adjacency: str) -> int:
        known = self._matrices.get(adjacency)
        if known is None:
            n_inner = isqrt(len(adjacency)) - 2
            arch = self.space.parse((adjacency, ["input", *[_CONV] * n_inner, "output"]))
            known = self._matrices[adjacency] = len(self._edges)
            self._edges.append(bytes(arch[:-5]))
        return known

    def _labeling(self, operations: str) -> int:
        known = self._labelings.get(operations)
        if known is None:
            n = operations.count(",") + 1
            chain = "".join("1" if column == row + 1 else "0" for row in range(n) for column in range(n))
            arch = self.space.parse((chain, operations.split(",")))
            known = self._labelings[operations] = len(self._operations)
            self._operations.append(bytes(arch[-5:]))
        return known

    def agree(self, rows: NDArray[np.int32], params: NDArray[np.int64]) -> None:
        """Note the numbers of parameters that the records of a batch say, which must not differ for the same cell.

        Raises:
            RecordError: They do.
        """
        if len(self._rows) > len(self._params):
            grown = np.full(2 * len(self._rows), -1, np.int64)
            grown[: len(self._params)] = self._params
            self._params = grown
        new = np.flatnonzero(self._params[rows] < 0)[::-1]  # the first record of a cell is set last, and stays
        self._params[rows[new]] = params[new]
        wrong = np.flatnonzero(self._params[rows] != params)
        if len(wrong):
            position = int(wrong[0])
            raise RecordError(
                position,
                f"says {params[position]:,} trainable parameters; another record of the same cell says"
                f" {self._params[rows[position]]:,}",
            )

    def verify(self) -> None:
        """Compute the official hash of each cell that is new since the last call, and compare.

        Raises:
            RecordError: It is another than its record says.
        """
        n_decisions, n_new = self.space.n_decisions, len(self._unverified)
        if not n_new:
            return
        archs = np.frombuffer(self._archs[-n_new * n_decisions :], np.uint8).reshape(n_new, n_decisions)
        for (said, position), computed in zip(self._unverified, self.space.official_hash_many(archs), strict=True):
            if said != computed:
                raise RecordError(position, f"says that its cell has the hash {said}; it has {computed}")
        self._unverified.clear()

    def archs(self) -> NDArray[np.uint8]:
        """The cells in order: (n_cells, n_decisions)."""
        return np.frombuffer(bytes(self._archs), np.uint8).reshape(-1, self.space.n_decisions)

    def params(self) -> NDArray[np.uint32]:
        """The number of trainable parameters of each: (n_cells,)."""
        return self._params[: len(self._rows)].astype(np.uint32)

    def forget(self) -> None:
        """Forget all cells, to save memory."""
        self._rows.clear()
        self._matrices.clear()
        self._codes = array("q")
        self._archs = bytearray()
        self._params = np.zeros(0, np.int64)

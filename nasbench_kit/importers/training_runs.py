"""Results of training runs, met in any order, gathered into columns (seeds, epochs, architectures).

Made for millions of runs: values are kept in the fewest bytes that hold them exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from mmap import mmap
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import ImportDataError
from nasbench_kit.tables import Metric, Stored

MISSING = 65_535
_BLOCK = 1 << 17  # runs kept together
_SPARSEST = 64  # places per run, above which a table would be nothing but gaps


@final
class TrainingRuns:
    """Values of several metrics for one training run after another.

    The runs of one architecture at one epoch are numbered 0, 1, 2 ... in the order in which they are added: these
    numbers are the seeds of the columns.

    Args:
        epochs: The epochs that runs may end at, ascending.
        n_images: Accuracies that are the float32 numbers nearest to multiples of `1 / n_images` are kept as counts.
    """

    def __init__(self, epochs: Sequence[int], n_images: int) -> None:
        self._epochs = tuple(epochs)
        self._n_images = n_images
        self._pending: list[tuple[NDArray[np.int32], Mapping[str, NDArray[np.float64]]]] = []
        self._n_pending = 0
        self._groups: list[NDArray[np.int32]] = []  # architecture * len(epochs) + position of the epoch
        self._numbers: list[NDArray[np.int32]] = []
        self._columns: dict[str, list[NDArray[Any]]] = {}
        self._n_runs = np.zeros(0, np.int32)  # in each group

    def add(self, archs: NDArray[Any], epochs: NDArray[Any], values: Mapping[str, NDArray[np.float64]]) -> None:
        """Add some runs.

        Args:
            archs: The number of the architecture, counted from 0: (n,).
            epochs: Positions among `epochs`: (n,).
            values: Metric -> (n,); the same metrics every time.
        """
        self._pending.append((archs.astype(np.int32) * np.int32(len(self._epochs)) + epochs, values))
        self._n_pending += len(archs)
        if self._n_pending >= _BLOCK:
            self._close_block()

    def _close_block(self) -> None:
        if not self._pending:
            return
        groups = np.concatenate([group for group, _ in self._pending])
        self._groups.append(_apart(groups))
        self._numbers.append(_apart(self._number(groups)))
        for name in self._pending[0][1]:
            column = np.concatenate([values[name] for _, values in self._pending])
            self._columns.setdefault(name, []).append(_apart(self._compact(name, column)))
        self._pending.clear()
        self._n_pending = 0

    def _number(self, groups: NDArray[np.int32]) -> NDArray[np.int32]:
        """How many runs each has before it in its group."""
        n_archs = int(groups.max()) // len(self._epochs) + 1
        if n_archs * len(self._epochs) > len(self._n_runs):
            more = 2 * n_archs * len(self._epochs) - len(self._n_runs)
            self._n_runs = np.concatenate([self._n_runs, np.zeros(more, np.int32)])
        order = np.argsort(groups, kind="stable")
        first = np.flatnonzero(np.diff(groups[order], prepend=-1))  # where the next group begins
        size = np.diff(first, append=len(groups))
        numbers = np.empty(len(groups), np.int32)
        numbers[order] = np.arange(len(groups)) - np.repeat(first, size)
        numbers += self._n_runs[groups]
        self._n_runs[groups[order[first]]] += size.astype(np.int32)
        return numbers

    def _compact(self, name: str, values: NDArray[np.float64]) -> NDArray[Any]:
        """Counts of images, or float32, or float64: the first that says the same."""
        if "accuracy" in name:
            counts = np.rint(values * self._n_images)
            if np.array_equal((counts / self._n_images).astype(np.float32), values):
                return counts.astype(np.uint16)
        with np.errstate(over="ignore"):  # what is too large for float32 is not equal
            single = values.astype(np.float32)
        return single if np.array_equal(single, values, equal_nan=True) else values

    def stored(self, metrics: Mapping[str, Metric], ranks: NDArray[np.int64]) -> list[Stored]:
        """The columns. What was added is forgotten, bit by bit, to save memory.

        Args:
            metrics: What the values mean; seeds and epochs are filled in. Metrics without a single value are left out.
            ranks: The place of each architecture in the columns.

        Raises:
            ImportDataError: The runs are distributed so unevenly that the columns would be nothing but gaps.
        """
        self._close_block()
        there = np.flatnonzero(self._n_runs.reshape(-1, len(self._epochs)).any(axis=0))
        epochs = tuple(self._epochs[i] for i in there.tolist())
        shape = (int(self._n_runs.max()), len(epochs), len(ranks))
        n_runs = int(self._n_runs.sum(dtype=np.int64))
        if shape[0] * shape[1] * shape[2] > _SPARSEST * n_runs:
            raise ImportDataError(
                f"some architecture has {shape[0]:,} training runs, where {len(ranks):,} architectures have {n_runs:,}"
                " in all; about the same number for each expected"
            )
        places = []
        for _ in range(len(self._groups)):
            archs, positions = np.divmod(self._groups.pop(0), len(self._epochs))
            row = self._numbers.pop(0) * len(epochs) + np.searchsorted(there, positions)
            places.append(row * len(ranks) + ranks[archs])
        columns = []
        for name, metric in metrics.items():
            blocks = self._columns.pop(name)
            described = metric._replace(seeds=tuple(range(shape[0])), epochs=epochs)
            dtype = max((block.dtype for block in blocks), key=lambda dtype: dtype.itemsize)
            if dtype == np.uint16:
                raw = np.full(shape, MISSING, dtype)
                _scatter(blocks, places, raw)
                columns.append(Stored(described, raw, (1, self._n_images), MISSING))
                continue
            raw = np.full(shape, np.nan, dtype)
            _scatter(blocks, places, raw, self._n_images)
            if not np.isnan(raw).all():
                columns.append(Stored(described, raw))
        return columns


def _apart(values: NDArray[Any]) -> NDArray[Any]:
    """A copy in pages of its own, so that its memory goes back to the system as soon as it is forgotten."""
    pages = np.frombuffer(mmap(-1, values.nbytes), values.dtype)
    pages[:] = values
    return pages


def _scatter(
    blocks: list[NDArray[Any]], places: Sequence[NDArray[np.int64]], raw: NDArray[Any], n_images: int | None = None
) -> None:
    """Put values in their places; `n_images` says that counts become the fractions, to float32, that they were."""
    flat = raw.reshape(-1)
    for place in places:
        block = blocks.pop(0)
        if n_images is not None and block.dtype == np.uint16:
            block = (block / n_images).astype(np.float32)
        flat[place] = block

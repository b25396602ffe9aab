"""Results of training runs, met in any order, gathered into columns (seeds, epochs, architectures).

Made for millions of runs: values are kept in the fewest bytes that hold them exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import ImportDataError
from nasbench_kit.tables import Metric, Stored

MISSING = 65_535
_SPARSEST = 64  # places per run, above which a table would be nothing but gaps


@final
class TrainingRuns:
    """Values of several metrics for one training run after another.

    The runs of one architecture at one epoch are numbered 0, 1, 2 ... in the order in which they are added: these
    numbers are the seeds of the columns.

    Args:
        epochs: The epochs that runs may end at.
        n_images: Accuracies that are float32 numbers nearest to multiples of `1 / n_images` are kept as counts.
    """

    def __init__(self, epochs: Sequence[int], n_images: int) -> None:
        self._epochs = tuple(epochs)
        self._n_images = n_images
        self._columns: dict[str, list[NDArray[Any]]] = {}
        self._places: list[tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.int32]]] = []
        self._n_runs = np.zeros(0, np.int32)  # of each architecture at each epoch

    def add(self, archs: NDArray[Any], epochs: NDArray[Any], values: Mapping[str, NDArray[np.float64]]) -> None:
        """Add some runs.

        Args:
            archs: The number of the architecture, counted from 0: (n,).
            epochs: Positions among `epochs`: (n,).
            values: Metric -> (n,); the same metrics every time.
        """
        group = archs.astype(np.int32) * len(self._epochs) + epochs
        n_groups = int(group.max()) + 1
        if n_groups > len(self._n_runs):
            grown = np.zeros(2 * n_groups, np.int32)
            grown[: len(self._n_runs)] = self._n_runs
            self._n_runs = grown
        order = np.argsort(group, kind="stable")
        first = np.flatnonzero(np.diff(group[order], prepend=-1))  # where another group begins
        size = np.diff(first, append=len(group))
        number = np.empty(len(group), np.int32)
        number[order] = np.arange(len(group)) - np.repeat(first, size)
        number += self._n_runs[group]
        self._n_runs[group[order[first]]] += size.astype(np.int32)
        self._places.append((archs.astype(np.int32), epochs.astype(np.uint8), number))
        for name, column in values.items():
            self._columns.setdefault(name, []).append(self._compact(name, column))

    def _compact(self, name: str, values: NDArray[np.float64]) -> NDArray[Any]:
        """Counts of images, or float32, or float64: the first that says the same."""
        single = values.astype(np.float32)
        if "accuracy" in name:
            counts = np.rint(values * self._n_images)
            if ((counts / self._n_images).astype(np.float32) == values).all():
                return counts.astype(np.uint16)
        return single if np.array_equal(single, values, equal_nan=True) else values

    def stored(self, metrics: Mapping[str, Metric], ranks: NDArray[np.int64]) -> list[Stored]:
        """The columns. What was added is forgotten, bit by bit, to save memory.

        Args:
            metrics: What the values mean; seeds and epochs are filled in. Metrics without a single value are left out.
            ranks: The place of each architecture in the columns.

        Raises:
            ImportDataError: The runs are distributed so unevenly that the columns would be nothing but gaps.
        """
        archs, position, number = (np.concatenate(parts) for parts in zip(*self._places, strict=True))
        self._places.clear()
        there = np.unique(position)
        epochs = tuple(self._epochs[i] for i in there.tolist())
        shape = (int(number.max()) + 1, len(epochs), len(ranks))
        if shape[0] * shape[1] * shape[2] > _SPARSEST * len(archs):
            raise ImportDataError(
                f"some architecture has {shape[0]:,} training runs, where {len(ranks):,} architectures have"
                f" {len(archs):,} in all; about the same number for each expected"
            )
        place = number.astype(np.int64)
        place *= len(epochs)
        place += np.searchsorted(there, position)
        place *= len(ranks)
        place += ranks[archs]
        del archs, position, number
        columns = []
        for name, metric in metrics.items():
            raw = _concatenated(self._columns.pop(name), self._n_images)
            counts = raw.dtype == np.uint16
            if not counts and np.isnan(raw).all():
                continue
            dense = np.full(shape, MISSING if counts else np.nan, raw.dtype)
            dense.reshape(-1)[place] = raw
            described = metric._replace(seeds=tuple(range(shape[0])), epochs=epochs)
            columns.append(
                Stored(described, dense, (1, self._n_images), MISSING) if counts else Stored(described, dense)
            )
        return columns


def _concatenated(parts: list[NDArray[Any]], n_images: int) -> NDArray[Any]:
    """All values of a metric in the type that holds each of them exactly."""
    dtype = max((part.dtype for part in parts), key=lambda dtype: dtype.itemsize)
    if dtype == np.uint16:
        return np.concatenate(parts)
    return np.concatenate(
        [((part / n_images).astype(np.float32) if part.dtype == np.uint16 else part).astype(dtype) for part in parts]
    )

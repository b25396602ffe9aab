"""Measured results of architectures of one space on one or more datasets: an HDF5 file, read lazily."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from math import nan
from typing import TYPE_CHECKING, Any, final

from nasbench_kit.errors import NotRecordedError, TableError, listed, unknown
from nasbench_kit.spaces import Space, space_from
from nasbench_kit.tables.format import Dataset, damaged, read_index
from nasbench_kit.tables.metric import DIRECTIONS, SPLITS, Metric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nasbench_kit.tables.spec import DatasetSpec

KEYS = "/keys"  # the column that says which architectures a partial table holds


@final
class Column:
    """The values of one metric on one dataset, mapped from the file.

    A stored value `raw` means `raw * scale[0] / scale[1]`; `raw == missing`, or NaN, means that none was recorded.
    """

    __slots__ = ("_dataset", "_missing", "_scale", "_where", "metric")

    def __init__(
        self, where: str, metric: Metric, dataset: Dataset, scale: tuple[int, int], missing: int | None
    ) -> None:
        self.metric = metric
        self._where = where
        self._dataset = dataset
        self._scale = scale
        self._missing = missing

    def seed_positions(self, seed: int | None) -> Sequence[int]:
        """Positions on the first axis: of one recorded seed, or of all for None.

        Raises:
            NotRecordedError: The seed was not recorded.
        """
        if seed is None:
            return range(self._dataset.shape[0])
        return (self._position("seed", seed, self.metric.seeds),)

    def epoch_position(self, epoch: int | None) -> int:
        """Position on the second axis: of one recorded epoch, or of the last for None.

        Raises:
            NotRecordedError: The epoch was not recorded.
        """
        return self._dataset.shape[1] - 1 if epoch is None else self._position("epoch", epoch, self.metric.epochs)

    def _position(self, what: str, wanted: int, recorded: tuple[int, ...]) -> int:
        if wanted not in recorded:
            choices = f"choose from {listed(recorded)}" if recorded else f"it does not depend on the {what}"
            raise NotRecordedError(f"{self._where}: {what} {wanted!r} was not recorded; {choices}")
        return recorded.index(wanted)

    def at(self, seed: int, epoch: int) -> Values:
        """The values at one position on each of the first two axes."""
        start = (seed * self._dataset.shape[1] + epoch) * self._dataset.shape[2]
        return Values(
            self._dataset.items(start, self._dataset.shape[2]), self._dataset.dtype, self._scale, self._missing
        )


@final
class Values:
    """One value per architecture of a table: `values(row)` is one of them, `values.all()` are all."""

    __slots__ = ("_denominator", "_dtype", "_items", "_missing", "_numerator")

    def __init__(self, items: memoryview, dtype: str, scale: tuple[int, int], missing: int | None) -> None:
        self._items = items
        self._dtype = dtype
        self._numerator, self._denominator = scale
        self._missing = missing

    def __call__(self, row: int) -> float:
        """One value, without numpy; NaN where missing."""
        raw = self._items[row]
        return nan if raw == self._missing else raw * self._numerator / self._denominator

    def all(self) -> NDArray[np.float64]:
        """All values: float64 (n_archs,), NaN where missing."""
        import numpy as np

        raw = np.frombuffer(self._items, np.dtype(self._dtype))
        values = raw.astype(np.float64) * self._numerator / self._denominator
        if self._missing is not None:
            values[raw == self._missing] = nan
        return values


def mean_recorded(runs: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Mean over the runs that recorded a value: float64 (n_archs,), NaN where none did."""
    import numpy as np

    if len(runs) == 1:
        return runs[0]
    stacked = np.stack(runs)
    there = ~np.isnan(stacked)
    n_runs = there.sum(axis=0)
    total = np.where(there, stacked, 0).sum(axis=0)
    return np.divide(total, n_runs, out=np.full(len(n_runs), nan), where=n_runs > 0)


@final
class Additive:
    """A metric that is a sum over the decisions of an architecture, such as its number of parameters.

    Its value is `(intercept + sum of weights[choice]) * scale[0] / scale[1]`; a choice without weight counts 0.
    """

    __slots__ = ("_intercept", "_scale", "_weights", "metric")

    def __init__(self, metric: Metric, intercept: int, weights: Mapping[str, int], scale: tuple[int, int]) -> None:
        self.metric = metric
        self._intercept = intercept
        self._weights = dict(weights)
        self._scale = scale

    def values(self, archs: NDArray[np.uint8], space: Space) -> NDArray[np.float64]:
        """One value per architecture of a batch: float64 (n_archs,)."""
        import numpy as np

        total = np.full(len(archs), self._intercept, np.int64)
        for i, decision in enumerate(space.decisions):
            total += np.array([self._weights.get(choice, 0) for choice in decision.choices])[archs[:, i]]
        return total.astype(np.float64) * self._scale[0] / self._scale[1]


@final
class Table:
    """A table file. It stays closed to writing; values are read as they are asked for.

    Attributes:
        path: Where the file lies.
        name: The name that its benchmarks carry.
        space: What its architectures are.
        n_archs: How many of them it holds.
        objectives: Dataset -> name of the metric that a search optimizes.
        sha256: Hash of its content (meaning and values), the same whatever version of HDF5 wrote it.
        about: `title`, `licence`, `sources` and whatever else its maker recorded.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(path)
        index, columns = read_index(path)
        try:
            self._fill(index, columns)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, TableError):
                raise
            raise damaged(os.fspath(path), error) from None

    def _fill(self, index: dict[str, Any], columns: dict[str, Dataset]) -> None:
        self.name = str(index["name"])
        self.space = space_from(index["space"])
        self.sha256 = str(index["sha256"])
        self.about: dict[str, Any] = dict(index["about"])
        self._keys = columns[KEYS].items() if KEYS in columns else None
        self.n_archs = self.space.size if self._keys is None else len(self._keys)
        self.objectives: dict[str, str] = {}
        self._metrics: dict[str, dict[str, Column | Additive]] = {}
        for dataset, description in index["datasets"].items():
            metrics = {
                name: self._metric(f"{self.name}/{dataset}", name, entry, columns)
                for name, entry in description["metrics"].items()
            }
            self.objectives[dataset] = description["objective"]
            if not isinstance(metrics[description["objective"]], Column):
                raise TypeError(f"the objective of {dataset!r} is not a stored column")
            self._metrics[dataset] = metrics

    def _metric(self, where: str, name: str, entry: dict[str, Any], columns: dict[str, Dataset]) -> Column | Additive:
        seeds, epochs = tuple(map(int, entry["seeds"])), tuple(map(int, entry["epochs"]))
        metric = Metric(name, entry["split"], str(entry["unit"]), entry["direction"], seeds, epochs)
        numerator, denominator = map(int, entry["scale"])
        if metric.split not in (*SPLITS, None) or metric.direction not in (*DIRECTIONS, None) or not denominator:
            raise ValueError(f"split, direction or scale of {name!r}")
        if "additive" in entry:
            sum_ = entry["additive"]
            weights = {str(choice): int(weight) for choice, weight in sum_["weights"].items()}
            return Additive(metric, int(sum_["intercept"]), weights, (numerator, denominator))
        dataset = columns[entry["column"]]
        shape = (max(len(seeds), 1), max(len(epochs), 1), self.n_archs)
        if dataset.shape != shape:
            raise ValueError(f"column {entry['column']} has shape {dataset.shape}, its metric {shape}")
        missing = None if entry["missing"] is None else int(entry["missing"])
        return Column(f"{where}: {name}", metric, dataset, (numerator, denominator), missing)

    def __repr__(self) -> str:
        return f"<Table {self.name!r}: {self.n_archs:,} architectures on {', '.join(self.datasets)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return Table, (self.path,)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Table:
        """The table in a file; reads its index, maps the rest.

        Raises:
            TableError: The file is absent, no table, truncated, damaged in its index, or of a newer version.
        """
        return cls(path)

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        *,
        name: str,
        space: Space,
        datasets: Mapping[str, DatasetSpec],
        archs: object = None,
        about: Mapping[str, Any] | None = None,
    ) -> Table:
        """Write a table and open it; `nasbench_kit.tables.write.write_table` says how. Needs h5py."""
        from nasbench_kit.tables.write import write_table

        write_table(path, name=name, space=space, datasets=datasets, archs=archs, about=about)
        return cls(path)

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        path: str | os.PathLike[str],
        *,
        name: str,
        space: Space,
        metrics: Mapping[str | Metric, str] | Sequence[str],
        arch: str | Sequence[str] = "arch",
        dataset: str = "default",
        seed: str | None = None,
        epoch: str | None = None,
        objective: str = "val_accuracy",
        scale: Mapping[str, tuple[int, int]] | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> Table:
        """Make a table of one dataset from rows of results: one architecture each, at one seed and epoch if given.

        Metrics that belong to a split, and `cost_s`, may differ between seeds and epochs. All others describe the
        architecture and must not. An empty cell or NaN is a value that was not recorded. Needs h5py.

        Args:
            frame: A DataFrame, a mapping from column name to values, or the path of a CSV file with a header.
            path: The table file to make.
            name: The first part of the benchmark's name, `name/dataset`.
            space: What the architectures are.
            metrics: Metric -> column that holds it, or just the columns' names if they are the metrics' names. A name
                in the usual scheme, `val_accuracy`, `cost_s`, `latency_ms[pixel3]`, says split, unit and direction; any
                other quantity is given as a `Metric`.
            arch: The column with the architecture in any form that the space reads, or one column per decision with
                the names of the choices.
            dataset: The second part of the benchmark's name.
            seed: The column with the seed (or number) of the training run, if there is one.
            epoch: The column with the number of epochs trained, counted from 1, if there is one.
            objective: Which metric a search optimizes.
            scale: Metric name -> (numerator, denominator) to multiply by: `{"val_accuracy": (1, 100)}` for percentages.
            about: `title`, `licence`, `sources` and whatever else should be kept.

        Raises:
            UnknownNameError: There is no such column.
            ArchitectureError: Some entry is no architecture of the space.
            TableError: A value is no number, or is given twice and differently.
        """
        from nasbench_kit.tables.frame import read_frame
        from nasbench_kit.tables.spec import DatasetSpec

        archs, stored = read_frame(
            frame, space=space, metrics=metrics, arch=arch, seed=seed, epoch=epoch, scale=scale or {}
        )
        datasets = {dataset: DatasetSpec(stored, objective)}
        return cls.create(path, name=name, space=space, datasets=datasets, archs=archs, about=about)

    def verify(self) -> None:
        """Read the whole file through HDF5 and compare it with the index and with its recorded hash. Needs h5py.

        Raises:
            TableError: Some byte of the content is not what was written.
        """
        from nasbench_kit.tables.write import verify_table

        verify_table(self.path)

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of the datasets that the architectures were trained on."""
        return tuple(self._metrics)

    def metrics(self, dataset: str) -> dict[str, Metric]:
        """What was recorded on one dataset, by name."""
        return {name: column.metric for name, column in self._on(dataset).items()}

    def column(self, dataset: str, metric: str) -> Column | Additive:
        """The values of one metric on one dataset.

        Raises:
            UnknownNameError: There is no such dataset or metric; nothing else stands in for it.
        """
        columns = self._on(dataset)
        if metric not in columns:
            raise self._no_metric(dataset, metric, columns)
        return columns[metric]

    def _on(self, dataset: str) -> dict[str, Column | Additive]:
        if dataset not in self._metrics:
            raise unknown(f"dataset of {self.name}", dataset, self._metrics)
        return self._metrics[dataset]

    def _no_metric(self, dataset: str, metric: str, columns: Mapping[str, Column | Additive]) -> Exception:
        where = f"{self.name}/{dataset}"
        recorded = {column.metric.split for column in columns.values()}
        split = str(metric).partition("_")[0]
        if split in SPLITS and split not in recorded:
            return NotRecordedError(
                f"{where} records nothing on the {split} split, so no {metric!r}; it has {listed(columns)}"
            )
        return unknown(f"metric of {where}", metric, columns)

    # ---- which architecture stands where ----

    def row(self, arch: tuple[int, ...]) -> int:
        """The row of one (valid) architecture.

        Raises:
            NotRecordedError: The table does not hold it.
        """
        rank = self.space.rank(arch)
        if self._keys is None:
            return rank
        row = bisect_left(self._keys, rank)
        if row == len(self._keys) or self._keys[row] != rank:
            raise self._absent(arch)
        return row

    def rows(self, archs: object) -> NDArray[np.int64]:
        """The row of each architecture of a batch, in any form that `space.parse_many` reads: int64 (n_archs,).

        Raises:
            NotRecordedError: The table does not hold one of them.
        """
        import numpy as np

        ranks = self.space.rank_many(archs)
        if self._keys is None:
            return ranks
        keys = np.frombuffer(self._keys, np.uint64)
        rows = np.searchsorted(keys, ranks.astype(np.uint64))
        absent = keys[np.minimum(rows, len(keys) - 1)] != ranks
        if absent.any():
            raise self._absent(self.space.unrank(int(ranks[absent.argmax()])))
        return rows.astype(np.int64, copy=False)

    def _absent(self, arch: Sequence[int]) -> NotRecordedError:
        text = self.space.format(arch)
        return NotRecordedError(f"{text!r} is not among the {self.n_archs:,} architectures of table {self.name!r}")

    def archs(self) -> NDArray[np.uint8]:
        """The architectures in the order of the rows: uint8 (n_archs, n_decisions)."""
        import numpy as np

        if self._keys is None:
            return self.space.all_archs()
        return self.space.unrank_many(np.frombuffer(self._keys, np.uint64).astype(np.int64))

"""Measured results of architectures of one space on one or more datasets: an HDF5 file, read lazily."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

from nasbench_kit.errors import NasbenchKitError, NotRecordedError, TableError, UnknownNameError, listed, unknown
from nasbench_kit.spaces import Space
from nasbench_kit.tables.column import AdditiveColumn, Column
from nasbench_kit.tables.format import read_index
from nasbench_kit.tables.metric import SPLITS, Metric
from nasbench_kit.tables.schema import parse_index

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nasbench_kit.tables.spec import DatasetSpec


@final
class Table:
    """A table file. It stays closed to writing; values are read as they are asked for.

    Attributes:
        path: Where the file lies.
        name: The name that its benchmarks carry.
        space: What its architectures are.
        n_archs: How many of them it holds, isomorphic ones counted once where they share a row.
        keyed_by_identity: Whether isomorphic architectures share a row.
        objectives: Dataset -> name of the metric that a search optimizes.
        sha256: Hash of its content (meaning and values), the same whatever version of HDF5 wrote it.
        about: `title`, `licence`, `sources` and whatever else its maker recorded.
    """

    kind = "table"

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(path)
        index, columns = read_index(path)
        try:
            contents = parse_index(index, columns)
        except NasbenchKitError as error:
            raise TableError(f"{os.fspath(path)!r} is no valid table: {error}") from None
        self.name, self.space, self.about, self.sha256 = contents[:4]
        self.objectives = {dataset: roles.objective for dataset, roles in contents.roles.items()}
        self.n_archs = contents.n_archs
        self.keyed_by_identity = contents.keyed_by_identity
        self._contents, self._metrics = contents, contents.metrics
        self._is_whole = contents.keys is None  # rows are then ranks
        self._searchable: set[str] = set()

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
        keyed_by_identity: bool = False,
    ) -> Table:
        """Write a table and open it; `nasbench_kit.tables.write.write_table` says how. Needs h5py."""
        from nasbench_kit.tables.write import write_table

        write_table(
            path,
            name=name,
            space=space,
            datasets=datasets,
            archs=archs,
            about=about,
            keyed_by_identity=keyed_by_identity,
        )
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
        form: str | None = None,
        dataset: str = "default",
        seed: str | None = None,
        epoch: str | None = None,
        failed: str | None = None,
        objective: str = "val_accuracy",
        epochs_are: str = "one training",
        scale: Mapping[str, tuple[int, int]] | None = None,
        about: Mapping[str, Any] | None = None,
        keyed_by_identity: bool = False,
    ) -> Table:
        """Make a table of one dataset from rows of results: one architecture each, at one seed and epoch if given.

        Metrics that belong to a split, and `cost_s`, may differ between seeds and epochs. All others describe the
        architecture and must not. An empty cell or NaN is a value that was not recorded. Needs h5py.

        Args:
            frame: A DataFrame, a mapping from column name to values, or the path of a CSV file with a header (which may
                be compressed by gzip) or of a Parquet file.
            path: The table file to make.
            name: The first part of the benchmark's name, `name/dataset`.
            space: What the architectures are.
            metrics: Metric -> column that holds it, or just the columns' names if they are the metrics' names. A name
                in the usual scheme, `val_accuracy`, `cost_s`, `latency_ms[pixel3]`, says split, unit and direction; any
                other quantity is given as a `Metric`.
            arch: The column with the architecture in any text form of the space, or one column per decision with the
                names of the choices: in the order of the decisions, or in any order if named as they are.
            form: The text form of the space that the architectures have, by default whichever can be told; "index" for
                official positions, as numbers or texts.
            dataset: The second part of the benchmark's name.
            seed: The column with the seed (or number) of the training run, if there is one; "order" (if no column is
                called so) numbers the rows of the same architecture and epoch 0, 1, 2, ...
            epoch: The column with the number of epochs trained, counted from 1, if there is one.
            failed: The column that says by 1 or true that the run failed, if there is one. Its objective is then left
                empty, or NaN or infinite; its cost is what the failed training took.
            objective: Which metric a search optimizes.
            epochs_are: "one training", if the epochs of a run lie on one curve, or "separate trainings".
            scale: Metric name -> (numerator, denominator) to multiply by: `{"val_accuracy": (1, 100)}` for percentages.
            about: `title`, `licence`, `sources` and whatever else should be kept.
            keyed_by_identity: Whether isomorphic architectures share a row, as for `create`: rows of results on several
                members of a class are results of one architecture.

        Raises:
            UnknownNameError: There is no such column.
            ArchitectureError: Some entry is no architecture of the space.
            TableError: A value is no number, or is given twice and differently.
        """
        from nasbench_kit.tables.frame import read_frame
        from nasbench_kit.tables.spec import checked_about

        results, spec = read_frame(
            frame,
            space=space,
            metrics=metrics,
            arch=arch,
            form=form,
            seed=seed,
            epoch=epoch,
            failed=failed,
            objective=objective,
            epochs_are=epochs_are,
            scale=scale or {},
            keyed_by_identity=keyed_by_identity,
        )
        about = checked_about(about)
        if results.notes:
            about["notes"] = [*about.get("notes", ()), *results.notes]
        return cls.create(
            path,
            name=name,
            space=space,
            datasets={dataset: spec},
            archs=results.archs,
            about=about,
            keyed_by_identity=keyed_by_identity,
        )

    def verify(self) -> None:
        """Read the whole file and compare it with its recorded hash; then see that HDF5 finds the same in it.

        HDF5 is asked in a process of its own, because some damaged files never let it come back. Needs h5py.

        Raises:
            TableError: Some byte of the content is not what was written.
        """
        from nasbench_kit.tables.verify import verify_table

        verify_table(self.path)

    @property
    def is_complete(self) -> bool:
        """Whether it holds every architecture of its space, isomorphic ones counted once where they share a row."""
        return self.n_archs == self.n_possible

    @property
    def n_possible(self) -> int | None:
        """How many architectures a table like it holds of the whole space; None where nobody has counted."""
        as_usual = self.keyed_by_identity == self.space.keyed_by_identity
        return self.space.n_keys if as_usual else self.space.n_classes

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of the datasets that the architectures were trained on."""
        return tuple(self._metrics)

    def metrics(self, dataset: str) -> dict[str, Metric]:
        """What was recorded on one dataset, by name."""
        return {name: column.metric for name, column in self._on(dataset).items()}

    def epochs_are(self, dataset: str) -> str:
        """`ONE_TRAINING` where the epochs of a dataset lie on one training, or `SEPARATE_TRAININGS`."""
        self._on(dataset)
        return self._contents.roles[dataset].epochs_are

    def failed(self, dataset: str) -> str | None:
        """The metric that is 1 where a training failed, if failures were recorded on a dataset."""
        self._on(dataset)
        return self._contents.roles[dataset].failed

    def values_are(self, dataset: str) -> str:
        """What the values of the objective are: "recorded runs", "means" of runs that are not here, or "predicted"."""
        self._on(dataset)
        return self._contents.roles[dataset].values_are

    def coverage(self, dataset: str, metric: str) -> float:
        """The share of architectures that have a value of a metric in some run, at the last epoch."""
        column = self.column(dataset, metric)
        return column.coverage() if isinstance(column, Column) else 1.0

    def runs(self, dataset: str, metric: str) -> NDArray[np.float64]:
        """All values of a metric: float64 (n_seeds, n_epochs, n_archs), NaN where missing.

        An axis that the metric does not have is of length 1.
        """
        column = self.column(dataset, metric)
        return column.runs() if isinstance(column, Column) else column.values(self.archs(), self.space)[None, None]

    def check_searchable(self, dataset: str) -> None:
        """Refuse a dataset whose objective has no direction or no value, or whose costs cannot advance a clock.

        What is written today was checked then; files of format 1.0 were not, and are looked through once.

        Raises:
            TableError: It names the row, what is wrong there and what may be the cause.
        """
        self._on(dataset)
        if self._contents.minor < 1 and dataset not in self._searchable:
            from nasbench_kit.tables.check import check_searchable

            check_searchable(self._contents, dataset)
            self._searchable.add(dataset)

    def column(self, dataset: str, metric: str) -> Column | AdditiveColumn:
        """The values of one metric on one dataset.

        Raises:
            UnknownNameError: There is no such dataset or metric; nothing else stands in for it.
        """
        columns = self._on(dataset)
        if metric not in columns:
            raise self._no_metric(dataset, metric, columns)
        return columns[metric]

    def _on(self, dataset: str) -> dict[str, Column | AdditiveColumn]:
        if dataset not in self._metrics:
            raise unknown(f"dataset of {self.name}", dataset, self._metrics)
        return self._metrics[dataset]

    def _no_metric(self, dataset: str, metric: str, columns: Mapping[str, Column | AdditiveColumn]) -> Exception:
        where = f"{self.name}/{dataset}"
        recorded = {column.metric.split for column in columns.values()}
        split = str(metric).partition("_")[0]
        if split in SPLITS and split not in recorded:
            return NotRecordedError(
                f"{where} records nothing on the {split} split, so no {metric!r}; it has {listed(columns)}"
            )
        variants = [name for name in columns if name.startswith(f"{metric}[")]
        if variants:
            return UnknownNameError(f"unknown metric of {where} {metric!r}; choose from {listed(variants)}")
        return unknown(f"metric of {where}", metric, columns)

    # ---- which architecture stands where ----

    @cached_property
    def _keys(self) -> memoryview:
        assert self._contents.keys is not None
        return self._contents.keys.items()

    def row(self, arch: tuple[int, ...]) -> int:
        """The row of one (valid) architecture.

        Raises:
            NotRecordedError: The table does not hold it.
        """
        key = self.space.class_of(arch) if self.keyed_by_identity else self.space.key(arch)
        if self._is_whole:
            return key
        keys = self._keys
        row = bisect_left(keys, key)
        if row == len(keys) or keys[row] != key:
            raise self._absent(arch)
        return row

    def rows(self, archs: object) -> NDArray[np.int64]:
        """The row of each architecture of a batch, in any form that `space.parse_many` reads: int64 (n_archs,).

        Raises:
            NotRecordedError: The table does not hold one of them.
        """
        if self._is_whole:
            return self.space.rank_many(archs)
        rows = self.rows_or_absent(archs)
        if len(rows) and rows.min() < 0:
            raise self._absent(self.space.parse_many(archs)[int(rows.argmin())].tolist())
        return rows

    def rows_or_absent(self, archs: object) -> NDArray[np.int64]:
        """`rows`, with -1 for an architecture that the table does not hold."""
        import numpy as np

        if self._is_whole:
            return self.space.rank_many(archs)
        wanted = self.space.identity(archs) if self.keyed_by_identity else self.space.key_many(archs)
        keys = np.frombuffer(self._keys, np.uint64)
        rows = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where(keys[rows] == wanted, rows, -1)

    def _absent(self, arch: Sequence[int]) -> NotRecordedError:
        text = self.space.format(arch)
        return NotRecordedError(f"{text!r} is not among the {self.n_archs:,} architectures of table {self.name!r}")

    def representative_archs(self) -> NDArray[np.uint8]:
        """What stands for all architectures where all must be looked at: all; a surrogate gives a sample of its own."""
        return self.archs()

    def members(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Every architecture that it answers for, and the row of each: uint8 (n, n_decisions) and int64 (n,).

        These are the rows themselves, and where isomorphic architectures share one although the space tells them
        apart, all members of their classes.
        """
        import numpy as np

        if self.keyed_by_identity == self.space.keyed_by_identity:
            return self.archs(), np.arange(self.n_archs)
        archs = self.space.all_archs()
        rows = self.rows_or_absent(archs)
        return archs[rows >= 0], rows[rows >= 0]

    def archs(self) -> NDArray[np.uint8]:
        """The architectures in the order of the rows: uint8 (n_archs, n_decisions)."""
        import numpy as np

        if self._is_whole:
            return self.space.all_archs()
        archs = self._contents.archs
        if archs is not None:
            return np.frombuffer(archs.raw, np.uint8).reshape(self.n_archs, self.space.n_decisions)
        return self.space.unrank_many(np.frombuffer(self._keys, np.uint64).astype(np.int64))

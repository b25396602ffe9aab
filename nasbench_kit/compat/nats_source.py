"""A table of NAS-Bench-201 or NATS-Bench, as the official releases number and name things."""

from __future__ import annotations

from functools import cached_property
from math import isnan, nan
from typing import Any, final

from nasbench_kit.errors import SettingError, listed
from nasbench_kit.importers.nats_results import FULL, TRAININGS, dataset_name
from nasbench_kit.tables import Table
from nasbench_kit.tables.column import AdditiveColumn, Column, Values

_HPS = {"nasbench201": ("12", "200"), "natsbench_sss": ("01", "12", "90")}


@final
class Source:
    """A table as official releases number and name things.

    Args:
        table: Of the space nasbench201 or natsbench_sss.

    Raises:
        SettingError: It is of another space.
    """

    def __init__(self, table: Table) -> None:
        if table.space.name not in FULL:
            raise SettingError(f"table {table.name!r} is of space {table.space.name}; choose one of {listed(FULL)}")
        self.table = table
        self.space: Any = table.space
        self.hps = tuple(
            hp
            for hp in _HPS[self.space.name]
            if any(dataset_name(self.space.name, training, hp) in table.datasets for training in TRAININGS)
        )
        self._columns: dict[tuple[str, str, str], Column | AdditiveColumn | None] = {}
        self._values: dict[tuple[Column, int, int], Values | None] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return Source, (self.table,)

    @cached_property
    def row_of(self) -> dict[int, int]:
        """Official index -> row, for the architectures that the table holds, in order of the index."""
        indexes = self.space.index_many(self.table.archs()).tolist()
        return dict(sorted((index, row) for row, index in enumerate(indexes)))

    def column(self, hp: str, training: str, quantity: str) -> Column | AdditiveColumn | None:
        """The column of a metric without its bracket; None if the table has none."""
        key = (hp, training, quantity)
        if key not in self._columns:
            dataset = dataset_name(self.space.name, training, hp)
            known = self.table.metrics(dataset) if dataset in self.table.datasets else {}
            name = quantity + TRAININGS[training].bracket
            if name not in known and quantity in ("latency_s", "params_m", "flops_m"):
                name = quantity  # the importer writes these once where both trainings on CIFAR-10 agree
            self._columns[key] = self.table.column(dataset, name) if name in known else None
        return self._columns[key]

    def seeds(self, hp: str, training: str, row: int) -> list[int]:
        """The runs of an architecture, in order."""
        for quantity in ("train_accuracy", "val_accuracy", "test_accuracy"):
            column = self.column(hp, training, quantity)
            if isinstance(column, Column):
                return [
                    seed
                    for seed in column.metric.seeds
                    if any(not isnan(self.value(column, seed, epoch, row)) for epoch in column.metric.epochs[::-1])
                ]
        return []

    def value(self, column: Column | AdditiveColumn | None, seed: int, epoch: int, row: int) -> float:
        """One value, whether or not it depends on seed and epoch; NaN if it was not recorded."""
        if column is None:
            return nan
        if isinstance(column, AdditiveColumn):
            return float(column.values(self.table.archs()[row : row + 1], self.space)[0])
        key = column, seed, epoch
        if key not in self._values:
            self._values[key] = _values_of(column, seed, epoch)
        values = self._values[key]
        return nan if values is None else values(row)


def _values_of(column: Column, seed: int, epoch: int) -> Values | None:
    """Of all architectures; None if there is no such run."""
    seeds, epochs = column.metric.seeds, column.metric.epochs
    if (seeds and seed not in seeds) or (epochs and epoch not in epochs):
        return None
    return column.at(seeds.index(seed) if seeds else 0, epochs.index(epoch) if epochs else 0)

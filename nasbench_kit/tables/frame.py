"""Anybody's results as a table: from a DataFrame, a dictionary of columns, or a CSV file."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import TableError, listed, unknown
from nasbench_kit.spaces import Space
from nasbench_kit.tables.metric import Metric
from nasbench_kit.tables.schema import COST
from nasbench_kit.tables.spec import Stored

_EMPTY = ("", "none", "nan", "<na>", "nat")  # how a cell without value reads, in CSV and in pandas


def read_frame(
    frame: Any,
    *,
    space: Space,
    metrics: Mapping[str | Metric, str] | Sequence[str],
    arch: str | Sequence[str],
    seed: str | None,
    epoch: str | None,
    scale: Mapping[str, tuple[int, int]],
) -> tuple[NDArray[np.uint8], list[Stored]]:
    """The architectures and metrics in rows of results; `Table.from_frame` says what the arguments mean."""
    columns = _Columns(frame)
    if not isinstance(metrics, Mapping):
        metrics = {metric: metric for metric in metrics}
    names = [metric.name if isinstance(metric, Metric) else metric for metric in metrics]
    for name in scale:
        if name not in names:
            raise unknown("metric to scale", name, names)
    archs = _archs(columns, arch, space)
    _, first_row, arch_of_row = np.unique(space.key_many(archs), return_index=True, return_inverse=True)
    seeds, seed_of_row = _axis(columns, seed)
    epochs, epoch_of_row = _axis(columns, epoch)
    stored = []
    for key, column in metrics.items():
        metric = key if isinstance(key, Metric) else Metric.from_name(key)
        if metric.split is not None or metric.name == COST:
            metric = metric._replace(seeds=seeds, epochs=epochs)
            place = (seed_of_row, epoch_of_row, arch_of_row)
        else:  # a property of the architecture
            metric = metric._replace(seeds=(), epochs=())
            place = (np.zeros(1, np.intp), np.zeros(1, np.intp), arch_of_row)
        raw = np.full((max(len(metric.seeds), 1), max(len(metric.epochs), 1), len(first_row)), np.nan)
        _fill(raw, place, columns.numbers(column), f"column {column!r}")
        stored.append(Stored(metric, raw, scale.get(metric.name, (1, 1))))
    return archs[first_row], stored


class _Columns:
    """The columns of whatever was given."""

    def __init__(self, frame: Any) -> None:
        if isinstance(frame, (str, os.PathLike)):
            frame = _read_csv(frame)
        self._frame = frame
        self._names = {str(column): column for column in getattr(frame, "columns", frame)}

        self._n_rows: int | None = None

    def __getitem__(self, column: str) -> list[Any]:
        column = str(column)
        if column not in self._names:
            raise unknown("column", column, self._names)
        values = list(self._frame[self._names[column]])
        self._n_rows = len(values) if self._n_rows is None else self._n_rows
        if len(values) != self._n_rows:
            raise TableError(f"column {column!r} has {len(values)} rows; others have {self._n_rows}")
        return values

    def numbers(self, column: str) -> NDArray[np.float64]:
        values = self[column]
        numbers = np.empty(len(values))
        for row, value in enumerate(values):
            try:
                numbers[row] = np.nan if str(value).strip().lower() in _EMPTY else float(value)
            except (TypeError, ValueError):
                raise TableError(f"row {row} of column {column!r} is {value!r}; a number expected") from None
        return numbers


def _read_csv(path: str | os.PathLike[str]) -> dict[str, list[str]]:
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            header, *rows = csv.reader(file)
    except (OSError, ValueError, csv.Error) as error:
        raise TableError(f"cannot read CSV file {os.fspath(path)!r}: {error}") from None
    if len(set(header)) < len(header):
        raise TableError(f"the header of {os.fspath(path)!r} names a column twice: {listed(header)}")
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise TableError(
                f"line {number} of {os.fspath(path)!r} has {len(row)} fields; its header has {len(header)}"
            )
    return dict(zip(header, map(list, zip(*rows, strict=True)), strict=True)) if rows else {name: [] for name in header}


def _archs(columns: _Columns, arch: str | Sequence[str], space: Space) -> NDArray[np.uint8]:
    if isinstance(arch, str):
        archs = columns[arch]
        if any(hasattr(entry, "__index__") for entry in archs):
            raise TableError(
                f"column {arch!r} holds integers, which may be digits that lost their zeros; give texts (dtype=str in"
                " pandas), or parse official positions first"
            )
        return space.parse_many(archs)
    if len(arch) != space.n_decisions:
        raise TableError(f"{len(arch)} columns for the architecture; {space.name} has {space.n_decisions} decisions")
    names = [decision.name for decision in space.decisions]
    if set(arch) == set(names):
        arch = names  # they say what they are: their order does not count
    rows = zip(*(map(str, columns[column]) for column in arch), strict=True)
    return space.parse_many([space.parse(dict(zip(names, row, strict=True))) for row in rows])


def _axis(columns: _Columns, column: str | None) -> tuple[tuple[int, ...], NDArray[np.intp]]:
    """The distinct numbers in a column, ascending, and the position of each row's among them."""
    if column is None:
        return (), np.zeros(1, np.intp)
    numbers = columns.numbers(column)
    whole = np.isfinite(numbers) & (numbers == np.round(numbers))
    if not whole.all():
        raise TableError(f"column {column!r} holds {numbers[~whole][0]}; whole numbers expected")
    distinct, position = np.unique(numbers.astype(np.int64), return_inverse=True)
    return tuple(distinct.tolist()), position


def _fill(
    raw: NDArray[np.float64], place: tuple[NDArray[np.intp], ...], values: NDArray[np.float64], what: str
) -> None:
    """Put each value in its place; the same place may be given twice only with the same value."""
    there = ~np.isnan(values)
    place = tuple(np.broadcast_to(axis, values.shape)[there] for axis in place)
    values = values[there]
    raw[place] = values
    differing = np.flatnonzero(raw[place] != values)
    if len(differing):
        row = int(np.flatnonzero(there)[differing[0]])
        raise TableError(f"{what}: row {row} gives a second, different value for its architecture, seed and epoch")

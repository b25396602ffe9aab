"""Anybody's results as a table: from a DataFrame, a dictionary of columns, a CSV or a Parquet file."""

from __future__ import annotations

import csv
import gzip
import os
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import ArchitectureError, NasbenchKitError, SettingError, TableError, listed, unknown
from nasbench_kit.formats.parquet import read_parquet_columns
from nasbench_kit.spaces import Decision, Space, check_is_space
from nasbench_kit.tables.check import ROUNDING
from nasbench_kit.tables.metric import FAILED_UNIT, Metric
from nasbench_kit.tables.schema import COST
from nasbench_kit.tables.spec import ONE_TRAINING, DatasetSpec, Stored

ORDER = "order"  # in place of a column of seeds: rows of the same architecture are runs 0, 1, 2, ...
INDEX = "index"  # in place of a form of texts: official positions
FAILED = "failed"  # what the metric is called that a column of failures becomes
_EMPTY = ("", "none", "nan", "<na>", "nat")  # how a cell without value reads, in CSV and in pandas
_TRUTHS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}
_PAIR = 2  # numerator and denominator
_MOST_EMPTY = 2**20  # cells of a metric, from which on at least one in fifty must have a value


class Part(NamedTuple):
    """A column with values of a metric, and the seed and epoch that are the same in all its rows, if they are."""

    column: str
    seed: int | None = None
    epoch: int | None = None


def read_frame(
    frame: Any,
    *,
    space: Space,
    metrics: Mapping[str | Metric, str] | Sequence[str],
    arch: str | Sequence[str],
    form: str | None,
    seed: str | None,
    epoch: str | None,
    failed: str | None,
    objective: str,
    epochs_are: str,
    scale: Mapping[str, tuple[int, int]],
    keyed_by_identity: bool,
) -> tuple[Results, DatasetSpec]:
    """Rows of results, and what they say on one dataset; `Table.from_frame` says what the arguments mean."""
    check_is_space(space)
    results = Results(
        frame,
        space=space,
        arch=arch,
        form=form,
        seed=seed,
        epoch=epoch,
        failed=failed,
        keyed_by_identity=keyed_by_identity,
    )
    if isinstance(metrics, str) or not isinstance(metrics, Iterable):
        raise SettingError(
            f"metrics={metrics!r:.80}; a list of metrics, or a mapping from each to its column, expected"
        )
    if not isinstance(metrics, Mapping):
        metrics = {metric: metric for metric in metrics}
    names = [metric.name if isinstance(metric, Metric) else metric for metric in metrics]
    for name, by in scale.items():
        if not isinstance(by, Sequence) or len(by) != _PAIR:
            raise SettingError(
                f"scale[{name!r}]={by!r:.60}; (numerator, denominator) expected, such as (1, 100) for percentages"
            )
        if name not in names:
            raise unknown("metric to scale", name, names)
    stored = []
    for key, column in metrics.items():
        metric = key if isinstance(key, Metric) else Metric.from_name(key)
        stored.append(results.metric(metric, [Part(column)], scale.get(metric.name, (1, 1))))
    return results, results.dataset(stored, objective, epochs_are, [Part("")])


@final
class Results:
    """Rows of results: each of one architecture, at one seed and epoch if there are columns that say so.

    Args:
        frame: As for `Table.from_frame`.
        space: As for `Table.from_frame`.
        arch: As for `Table.from_frame`.
        form: As for `Table.from_frame`.
        seed: As for `Table.from_frame`; `ORDER` counts the rows of the same architecture and epoch.
        epoch: As for `Table.from_frame`.
        failed: As for `Table.from_frame`.
        dataset: The column that tells the dataset, if there is one: runs are counted in each.
        keyed_by_identity: As for `Table.from_frame`.

    Attributes:
        archs: The different architectures, in the order of the metrics' last axis: uint8 (n_archs, n_decisions).
        notes: What was done to the values beside reading them, a sentence each.
    """

    def __init__(
        self,
        frame: Any,
        *,
        space: Space,
        arch: str | Sequence[str],
        form: str | None = None,
        seed: str | None = None,
        epoch: str | None = None,
        failed: str | None = None,
        dataset: str | None = None,
        keyed_by_identity: bool = False,
    ) -> None:
        self.notes: list[str] = []
        self._columns = _Columns(frame)
        archs = _archs(self._columns, arch, space, form)
        keys = space.identity(archs) if keyed_by_identity else space.key_many(archs)
        _, first_row, self._arch_of_row = np.unique(keys, return_index=True, return_inverse=True)
        self.archs = archs[first_row]
        self._seed = seed
        self._epochs = None if epoch is None else _whole_numbers(self._columns, epoch)
        self._failed = failed
        self._has_failed = np.zeros(len(archs), bool) if failed is None else self._columns.truths(failed) == 1
        if seed is None or seed in self._columns or seed != ORDER:
            self._seeds = None if seed is None else _whole_numbers(self._columns, seed)
        else:
            self._seeds = self._counted(dataset)

    def _counted(self, dataset: str | None) -> NDArray[np.int64]:
        """The number of each row among those of its architecture, epoch and dataset."""
        n_rows = len(self._arch_of_row)
        epochs = [0] * n_rows if self._epochs is None else self._epochs.tolist()
        datasets = [""] * n_rows if dataset is None else list(map(str, self._columns[dataset]))
        n_runs: Counter[Any] = Counter()
        numbers = []
        for place in zip(self._arch_of_row.tolist(), epochs, datasets, strict=True):
            numbers.append(n_runs[place])
            n_runs[place] += 1
        return np.array(numbers, np.int64)

    def groups(self, column: str) -> dict[str, NDArray[np.intp]]:
        """The different texts in a column, in order of appearance -> the rows that have them."""
        rows: dict[str, list[int]] = {}
        for row, text in enumerate(self._columns[column]):
            rows.setdefault(str(text).strip(), []).append(row)
        return {text: np.array(found, np.intp) for text, found in rows.items()}

    def metric(
        self,
        metric: Metric,
        parts: Sequence[Part],
        scale: tuple[int, int] = (1, 1),
        *,
        missing: float | None = None,
        rows: NDArray[np.intp] | None = None,
        varies: bool = False,
    ) -> Stored:
        """The values of one metric; its seeds and epochs are those that are found.

        Args:
            metric: What it is.
            parts: Where its values are.
            scale: What to multiply them by.
            missing: The number that means "not recorded"; an empty cell means it in any case.
            rows: The rows to look at; all by default.
            varies: Whether it may differ between seeds and epochs; metrics of a split, and `cost_s`, may in any case.

        Raises:
            TableError: A value is no number, or is given twice and differently.
        """
        rows = np.arange(len(self._arch_of_row)) if rows is None else rows
        depends = varies or metric.split is not None or metric.name == COST  # else it is a property of the architecture
        axes = []
        for what, of_rows in (("seed", self._seeds), ("epoch", self._epochs)):
            fixed = [getattr(part, what) for part in parts]
            if any(number is not None for number in fixed) and (not depends or of_rows is not None or None in fixed):
                raise TableError(
                    f"{metric.name}: the {what} is given with its column; that takes a metric that may differ between"
                    f" {what}s, a {what} for each column, and no column of {what}s"
                )
            if depends and of_rows is not None:
                axes.append([of_rows[rows]] * len(parts))
            else:
                axes.append([np.full(len(rows), number if number is not None else -1) for number in fixed])
        distinct = [np.unique(np.concatenate(axis)) for axis in axes]
        seeds, epochs = (tuple(numbers.tolist()) if (numbers >= 0).any() else () for numbers in distinct)
        shape = len(distinct[0]), len(distinct[1]), len(self.archs)
        self._check_density(metric, shape, len(rows) * len(parts))
        raw = np.full(shape, np.nan)
        for part, *numbers in zip(parts, *axes, strict=True):
            place = tuple(np.searchsorted(known, found) for known, found in zip(distinct, numbers, strict=True))
            if metric.unit == FAILED_UNIT:
                values = self._columns.truths(part.column)[rows]
            else:
                values = self._columns.numbers(part.column)[rows]
            values[values == missing] = np.nan
            if depends and metric.name != COST:  # what a failed training shows for a value
                values[self._has_failed[rows] & ~np.isfinite(values)] = np.nan
            self._cut(values, metric, scale)
            _fill(raw, (*place, self._arch_of_row[rows]), values, rows, f"column {part.column!r}")
        return Stored(metric._replace(seeds=seeds, epochs=epochs), raw, scale)

    def dataset(
        self,
        stored: list[Stored],
        objective: str,
        epochs_are: str,
        parts: Sequence[Part],
        rows: NDArray[np.intp] | None = None,
    ) -> DatasetSpec:
        """A dataset of these metrics, and the failures among its runs if a column tells them.

        Args:
            stored: Its metrics.
            objective: What a search optimizes.
            epochs_are: As for `Table.from_frame`.
            parts: The parts of the objective: the failures are those of the same runs.
            rows: As for `metric`.
        """
        if self._failed is None:
            return DatasetSpec(stored, objective, epochs_are)
        whole = [part._replace(column=self._failed) for part in parts]
        failed = self.metric(Metric.from_name(FAILED), whole, rows=rows, varies=True)
        if epochs_are == ONE_TRAINING:
            for metric in stored:
                if metric.metric.name == COST and metric.raw.shape == failed.raw.shape:
                    _carry_failures(failed.raw, metric.raw)
        return DatasetSpec([*stored, failed], objective, epochs_are, FAILED)

    def _check_density(self, metric: Metric, shape: tuple[int, int, int], n_values: int) -> None:
        """Refuse to make a cell for every seed of every architecture where hardly one in fifty would have a value."""
        n_cells = prod(shape)
        if n_cells > max(_MOST_EMPTY, 50 * n_values):
            raise TableError(
                f"{metric.name}: {n_values:,} values of {shape[2]:,} architectures at {shape[0]:,} different seeds and"
                f" {shape[1]:,} epochs would fill {n_cells:,} cells ({8 * n_cells / 1e6:,.0f} MB); if every run has a"
                ' seed of its own, let them be counted: seed="order" (seed = { from = "order" } in TOML)'
            )

    def _cut(self, values: NDArray[np.float64], metric: Metric, scale: tuple[int, int]) -> None:
        """Cut values that are beyond a bound of the metric by no more than float32 rounds, and make a note of it."""
        numerator, denominator = scale
        for bound, sign in zip(metric.bounds, (-1, 1), strict=True):
            with np.errstate(invalid="ignore"):  # infinities; they are told when all is known
                beyond = sign * (values * numerator / denominator - bound)
            rounded = (beyond > 0) & (beyond <= ROUNDING * max(abs(bound), 1))
            if rounded.any():
                values[rounded] = bound * denominator / numerator
                self.notes.append(
                    f"{metric.name}: values beyond {bound:g} by rounding ({rounded.sum()}, by at most"
                    f" {beyond[rounded].max():.1g}) are stored as {bound:g}."
                )


@final
class _Columns:
    """The columns of whatever was given."""

    def __init__(self, frame: Any) -> None:
        if isinstance(frame, (str, os.PathLike)):
            frame = _read_file(Path(frame))
        if not isinstance(frame, Mapping) and not hasattr(frame, "columns"):
            raise SettingError(
                f"frame={frame!r:.80}; a DataFrame, a mapping from column to values, or the path of a CSV or"
                " Parquet file expected"
            )
        self._frame = frame
        self._names = {str(column): column for column in getattr(frame, "columns", frame)}
        self._n_rows: int | None = None

    def __contains__(self, column: str) -> bool:
        return column in self._names

    def __getitem__(self, column: str) -> list[Any]:
        column = str(column)
        if column not in self._names:
            raise unknown("column", column, self._names)
        found = self._frame[self._names[column]]
        if isinstance(found, str) or not isinstance(found, Iterable):
            raise TableError(f"column {column!r} is {found!r:.80}; a list of values expected")
        values = list(found)
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

    def truths(self, column: str) -> NDArray[np.float64]:
        """1, 0, or NaN where a cell is empty."""
        values = self[column]
        truths = np.empty(len(values))
        for row, value in enumerate(values):
            text = str(value).strip().lower()
            try:
                truths[row] = np.nan if text in _EMPTY else _TRUTHS[text] if text in _TRUTHS else float(text)
                if truths[row] not in (0, 1) and text not in _EMPTY:
                    raise ValueError
            except ValueError:
                raise TableError(
                    f"row {row} of column {column!r} is {value!r}; 0 or 1, or false or true, expected"
                ) from None
        return truths


def _read_file(path: Path) -> dict[str, list[Any]]:
    """The columns of a CSV file, which may be compressed by gzip, or of a Parquet file."""
    with _reading(path), open(path, "rb") as file:
        head = file.read(4)
    return _read_parquet(path) if head == b"PAR1" else _read_csv(path, gzip.open if head[:2] == b"\x1f\x8b" else open)


@contextmanager
def _reading(path: Path, kind: str = "CSV") -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, ValueError, zlib.error, csv.Error) as error:
        if isinstance(error, TableError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise TableError(f"cannot read {kind} file {os.fspath(path)!r}: {reason}") from None


def _read_csv(path: Path, opened: Any) -> dict[str, list[Any]]:
    rows: list[list[str]] = []
    with _reading(path), opened(path, "rt", newline="", encoding="utf-8-sig") as file:
        lines = csv.reader(file)
        header = next(lines, [])
        if not header:
            raise ValueError("a header expected in its first line")
        if len(set(header)) < len(header):
            raise TableError(f"the header of {os.fspath(path)!r} names a column twice: {listed(header)}")
        for row in lines:
            if row and len(row) != len(header):
                raise TableError(
                    f"line {lines.line_num} of {os.fspath(path)!r} has {len(row)} fields; its header has {len(header)}"
                )
            rows += [row] if row else []
    return dict(zip(header, map(list, zip(*rows, strict=True)), strict=True)) if rows else {name: [] for name in header}


def _read_parquet(path: Path) -> dict[str, list[Any]]:
    try:
        with _reading(path, "Parquet"):
            return read_parquet_columns(path)
    except ImportError:
        raise TableError(
            f"{os.fspath(path)!r} is a Parquet file, which needs pyarrow: pip install 'nasbench-kit[parquet]'"
        ) from None


def _archs(columns: _Columns, arch: str | Sequence[str], space: Space, form: str | None) -> NDArray[np.uint8]:
    if isinstance(arch, str):
        archs = columns[arch]
        if form == INDEX and form not in space.forms:
            return _of_positions(archs, arch, space)
        if any(hasattr(entry, "__index__") for entry in archs):
            raise TableError(
                f"column {arch!r} holds integers, maybe digits that lost their zeros; say form = {INDEX!r} if they"
                " are official positions, else give texts (dtype=str in pandas)"
            )
        try:
            if form is None:
                return space.parse_many(archs)
            known = {text: bytes(space.parse(text, form)) for text in dict.fromkeys(archs)}
        except NasbenchKitError as error:
            if all(str(entry).strip().removesuffix(".0").isdigit() for entry in archs):
                hint = f"say form = {INDEX!r} if column {arch!r} holds official positions"
                raise ArchitectureError(f"{error}; {hint}") from None
            raise
        return np.frombuffer(b"".join([known[text] for text in archs]), np.uint8).reshape(-1, space.n_decisions)
    if not isinstance(arch, Sequence):
        raise SettingError(f"arch={arch!r:.80}; the name of a column, or one name per decision, expected")
    if len(arch) != space.n_decisions:
        raise TableError(f"{len(arch)} columns for the architecture; {space.name} has {space.n_decisions} decisions")
    names = [decision.name for decision in space.decisions]
    if set(arch) == set(names):
        arch = names  # they say what they are: their order does not count
    choices = [
        [_choice(entry, decision) for entry in columns[column]]
        for column, decision in zip(arch, space.decisions, strict=True)
    ]
    rows = zip(*choices, strict=True)
    return space.parse_many([space.parse(dict(zip(names, row, strict=True))) for row in rows])


def _of_positions(entries: Sequence[Any], column: str, space: Space) -> NDArray[np.uint8]:
    """The architectures at official positions: whole numbers, or texts of them."""
    known: dict[Any, bytes] = {}
    for row, entry in enumerate(entries):
        if entry not in known:
            try:
                number = float(entry)
                if number != int(number):
                    raise ValueError
            except (TypeError, ValueError, OverflowError):
                raise TableError(
                    f"row {row} of column {column!r} is {entry!r}; an official position expected"
                ) from None
            known[entry] = bytes(space.parse(int(number)))
    return np.frombuffer(b"".join([known[entry] for entry in entries]), np.uint8).reshape(-1, space.n_decisions)


def _choice(entry: Any, decision: Decision) -> str:
    """The choice that a cell names: pandas makes 2 into 2.0 in a column with a gap, yet it is the choice "2"."""
    text = str(entry)
    if text not in decision.choices and isinstance(entry, float) and entry.is_integer():
        return str(int(entry))
    return text


def _whole_numbers(columns: _Columns, column: str) -> NDArray[np.int64]:
    numbers = columns.numbers(column)
    whole = np.isfinite(numbers) & (numbers == np.round(numbers)) & (numbers >= 0)
    if not whole.all():
        raise TableError(f"column {column!r} holds {numbers[~whole][0]}; whole numbers expected")
    return numbers.astype(np.int64)


def _fill(
    raw: NDArray[np.float64],
    place: tuple[NDArray[np.intp], ...],
    values: NDArray[np.float64],
    rows: NDArray[np.intp],
    what: str,
) -> None:
    """Put each value in its place; the same place may be given twice only with the same value."""
    there = np.flatnonzero(~np.isnan(values))[::-1]  # in this order the first of several for a place stays
    place = tuple(axis[there] for axis in place)
    values = values[there]
    known = raw[place]
    raw[place] = np.where(np.isnan(known), values, known)
    differing = raw[place] != values
    if differing.any():
        row = int(rows[there][differing].min())
        raise TableError(f"{what}: row {row} gives a second, different value for its architecture, seed and epoch")


def _carry_failures(failed: NDArray[np.float64], cost: NDArray[np.float64]) -> None:
    """A training that failed has failed at all later epochs too, at the cost at which it ended: in place."""
    for epoch in range(1, failed.shape[1]):
        ended = (failed[:, epoch - 1] == 1) & np.isnan(failed[:, epoch])
        failed[:, epoch][ended] = 1
        unknown_cost = ended & np.isnan(cost[:, epoch])
        cost[:, epoch][unknown_cost] = cost[:, epoch - 1][unknown_cost]

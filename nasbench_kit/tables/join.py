"""Several tables of one space made into one: accuracy, hardware, proxies and robustness in one benchmark."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench_kit.errors import TableError
from nasbench_kit.spaces import describe_space
from nasbench_kit.tables.schema import COST
from nasbench_kit.tables.spec import PREDICTED, Additive, DatasetSpec, Stored

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.tables.table import Table

_LARGEST = 2**53 - 1  # a marker stands in the index, where integers are below 2^53


def join_tables(tables: Sequence[Table], path: str | os.PathLike[str], *, name: str | None = None) -> Table:
    """Write a table with the architectures of the first table and the metrics of all.

    Metrics that several tables hold on a dataset of the same name stand side by side there; a dataset that only a later
    table has is added. A metric that two tables hold is taken once if the later one tells nothing else. What a later
    table did not record for an architecture is missing, and its own further architectures are left out. Isomorphic
    architectures share a row where they do so in all tables.

    Args:
        tables: At least two tables of the same space.
        path: The table file to make.
        name: What to call it; as the first table by default.

    Raises:
        TableError: The spaces differ, or a metric of a dataset is in two tables with different values.
    """
    if len(tables) < 2:
        raise TableError(f"{len(tables)} table given; at least two are needed to join")
    for table in tables:
        if not hasattr(table, "rows_or_absent"):
            raise TableError(f"{table!r:.80} is no table; join opened ones: Table.open(path)")
    first = tables[0]
    for table in tables[1:]:
        if describe_space(table.space) != describe_space(first.space):
            raise TableError(
                f"cannot join {table.name}, of space {table.space.name}, with {first.name}, of space {first.space.name}"
            )
    keyed_by_identity = all(table.keyed_by_identity for table in tables)
    shared = first.keyed_by_identity and not keyed_by_identity  # one row per member then, as in the other tables
    archs = first.members()[0] if shared else first.archs()
    metrics: dict[str, dict[str, Stored | Additive]] = {}
    specs: dict[str, DatasetSpec] = {}  # what the first table with a dataset says of it
    for table in tables:
        rows = None if table is first and not shared else table.rows_or_absent(archs)
        moved: dict[tuple[int, int | None], NDArray[Any]] = {}
        for dataset in table.datasets:
            said = _said(table, dataset)
            if said.epochs_are != specs.setdefault(dataset, said).epochs_are and COST in table.metrics(dataset):
                raise TableError(
                    f"the epochs of {dataset} are {said.epochs_are} in {table.name} and {specs[dataset].epochs_are} in"
                    " an earlier table; join tables in which they are the same"
                )
            known = metrics.setdefault(dataset, {})
            for metric in table.metrics(dataset):
                entry = table.column(dataset, metric).spec()
                if isinstance(entry, Stored) and rows is not None:
                    entry = _move(entry, rows, moved)
                if metric in known and not _same(known[metric], entry):
                    raise TableError(
                        f"{metric} of {dataset} is in {table.name} and in an earlier table, with different values;"
                        " join tables that measured different things"
                    )
                known.setdefault(metric, entry)
    return type(first).create(
        path,
        name=name or first.name,
        space=first.space,
        datasets={
            dataset: specs[dataset]._replace(metrics=list(entries.values())) for dataset, entries in metrics.items()
        },
        archs=archs,
        about=_about(tables),
        keyed_by_identity=keyed_by_identity,
    )


def _said(table: Table, dataset: str) -> DatasetSpec:
    """What a table says of a dataset, without its metrics."""
    predicted = PREDICTED if table.values_are(dataset) == PREDICTED else None
    return DatasetSpec([], table.objectives[dataset], table.epochs_are(dataset), table.failed(dataset), predicted)


def _move(entry: Stored, rows: NDArray[np.int64], moved: dict[tuple[int, int | None], NDArray[Any]]) -> Stored:
    """The values in the order of the joined table, missing where the architecture is absent (row -1)."""
    absent = rows < 0
    raw, missing = entry.raw, entry.missing
    if absent.any() and raw.dtype.kind in "ui" and missing is None:
        missing = min(int(np.iinfo(raw.dtype).max), _LARGEST)
        if (raw == missing).any():
            raw, missing = raw.astype(np.float64), None
    key = entry.raw.ctypes.data, missing  # metrics that share a column go on sharing it, if they mark alike
    if key not in moved:
        moved[key] = raw[..., rows]
        if absent.any():
            moved[key][..., absent] = np.nan if missing is None else missing
    return entry._replace(raw=moved[key], missing=missing)


def _same(one: Stored | Additive, other: Stored | Additive) -> bool:
    """Whether the first tells all that the other does."""
    if isinstance(one, Stored) and isinstance(other, Stored) and one.metric == other.metric:
        return all(
            bool(np.all((known == found) | np.isnan(found)))
            for known, found in zip(_values(one), _values(other), strict=True)
        )
    return one == other if isinstance(one, Additive) and isinstance(other, Additive) else False


def _values(entry: Stored) -> Iterator[NDArray[np.float64]]:
    """What is recorded, for each seed and epoch: float64 (n_archs,), NaN where missing."""
    for raw in entry.raw.reshape(-1, entry.raw.shape[-1]):
        values = raw.astype(np.float64) * entry.scale[0] / entry.scale[1]
        if entry.missing is not None:
            values[raw == entry.missing] = np.nan
        yield values


def _about(tables: Sequence[Table]) -> dict[str, Any]:
    notes = [f"{table.name}: {note}" for table in tables for note in table.about.get("notes", ())]
    return {
        "title": "; ".join(str(table.about.get("title", table.name)) for table in tables),
        "licence": "; ".join(dict.fromkeys(str(table.about.get("licence", "not stated")) for table in tables)),
        "citation": "; ".join(
            dict.fromkeys(str(table.about["citation"]) for table in tables if "citation" in table.about)
        ),
        "sources": [source for table in tables for source in table.about.get("sources", ())],
        "joined": [{"table": table.name, "sha256": table.sha256} for table in tables],
        **({"notes": notes} if notes else {}),
    }

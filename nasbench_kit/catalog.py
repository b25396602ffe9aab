"""Names to objects: the benchmarks that come with the package, and those in a table of yours."""

from __future__ import annotations

import os
from functools import cache

from nasbench_kit.benchmark import Benchmark
from nasbench_kit.errors import UnknownNameError, unknown
from nasbench_kit.tables import Table

_PACKAGE = os.path.dirname(os.path.abspath(__file__))


def shipped(folder: str) -> str:
    """Where the files of `data` or `surrogates` lie: inside an installed package, beside it in a checkout."""
    inside = os.path.join(_PACKAGE, "shipped", folder)
    return inside if os.path.isdir(inside) else os.path.join(os.path.dirname(_PACKAGE), folder)


@cache
def _embedded_tables() -> dict[str, str]:
    folder = shipped("data")
    return {name[:-3]: os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(".h5")}


def list_benchmarks() -> list[str]:
    """Names of the benchmarks that come with the package, each `table/dataset`."""
    tables = (Table.open(path) for path in _embedded_tables().values())
    return [f"{table.name}/{dataset}" for table in tables for dataset in table.datasets]


def load(name: str, *, table: str | os.PathLike[str] | None = None) -> Benchmark:
    """The benchmark of this name.

    Args:
        name: `table/dataset`, one of `list_benchmarks()`; for a table of your own, its datasets' names.
        table: A table file of your own to take it from.

    Raises:
        UnknownNameError: There is no such benchmark.
        TableError: The table file is absent, damaged or no table.
    """
    stem, _, dataset = str(name).partition("/")
    tables = _embedded_tables()
    if table is None and stem not in tables:
        raise unknown("benchmark", name, list_benchmarks())
    opened = Table.open(tables[stem] if table is None else table)
    if stem != opened.name or dataset not in opened.datasets:
        names = [f"{opened.name}/{known}" for known in opened.datasets]
        if not dataset and stem == opened.name:
            raise UnknownNameError(f"{name!r} names no dataset; choose from {', '.join(names)}")
        raise unknown("benchmark", name, names)
    return Benchmark(opened, dataset)

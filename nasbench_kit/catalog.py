"""Names to objects: the benchmarks that come with the package, those in your data folder, those in a table of yours."""

from __future__ import annotations

import os
from functools import cache

from nasbench_kit.benchmark import Benchmark
from nasbench_kit.errors import TableError, UnknownNameError, unknown
from nasbench_kit.tables import Table

_PACKAGE = os.path.dirname(os.path.abspath(__file__))
DATA_FOLDER = "NASBENCH_KIT_DATA"  # the environment variable that says where your tables are


def shipped(folder: str) -> str:
    """Where the files of `data` or `surrogates` lie: inside an installed package, beside it in a checkout."""
    inside = os.path.join(_PACKAGE, "shipped", folder)
    return inside if os.path.isdir(inside) else os.path.join(os.path.dirname(_PACKAGE), folder)


def data_folder() -> str:
    """Where tables of your own are looked for: `$NASBENCH_KIT_DATA`, or the system's place for data of users."""
    folder = os.environ.get(DATA_FOLDER)
    if folder:
        return os.path.expanduser(folder)
    from platformdirs import user_data_dir

    return user_data_dir("nasbench_kit", appauthor=False)


def _tables_in(folder: str) -> dict[str, str]:
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return {}
    return {name[:-3]: os.path.join(folder, name) for name in names if name.endswith(".h5")}


@cache
def _embedded_tables() -> dict[str, str]:
    return _tables_in(shipped("data"))


def list_tables() -> dict[str, str]:
    """Table name -> its file: those that come with the package, and those in the data folder, which come first."""
    return _embedded_tables() | _tables_in(data_folder())


def _openings() -> list[Table | UnknownNameError | TableError]:
    """Each table that is found by its name, or what is wrong with its file."""
    found: list[Table | UnknownNameError | TableError] = []
    for stem, path in list_tables().items():
        try:
            table = Table.open(path)
        except TableError as error:
            found.append(error)
            continue
        found.append(table if table.name == stem else _misnamed(table))
    return found


def _misnamed(table: Table) -> UnknownNameError:
    return UnknownNameError(f"{table.path!r} holds the table {table.name!r}; name the file {table.name}.h5")


def list_benchmarks() -> list[str]:
    """Names of the benchmarks that `load` finds, each `table/dataset`; files that are no tables are left out."""
    tables = [table for table in _openings() if isinstance(table, Table)]
    return [f"{table.name}/{dataset}" for table in tables for dataset in table.datasets]


def problems() -> list[str]:
    """What is wrong with the files that `list_benchmarks` left out, one line each."""
    return [str(error) for error in _openings() if not isinstance(error, Table)]


def load(name: str, *, table: str | os.PathLike[str] | None = None) -> Benchmark:
    """The benchmark of this name.

    Args:
        name: `table/dataset`, one of `list_benchmarks()`; for a table of your own, its datasets' names. A table
            `NAME.h5` in the data folder takes the place of one of that name that comes with the package.
        table: A table file of your own to take it from.

    Raises:
        UnknownNameError: There is no such benchmark.
        TableError: The table file is absent, damaged or no table.
    """
    stem, _, dataset = str(name).partition("/")
    if table is None:
        tables = list_tables()
        if stem not in tables:
            raise unknown("benchmark", name, list_benchmarks())
        table = tables[stem]
    opened = Table.open(table)
    if stem != opened.name or dataset not in opened.datasets:
        names = [f"{opened.name}/{known}" for known in opened.datasets]
        if stem != opened.name and opened.path == os.path.abspath(list_tables().get(stem, "")):
            raise _misnamed(opened)
        if not dataset and stem == opened.name:
            raise UnknownNameError(f"{name!r} names no dataset; choose from {', '.join(names)}")
        raise unknown("benchmark", name, names)
    return Benchmark(opened, dataset)

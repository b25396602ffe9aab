"""Names to objects: the benchmarks that come with the package, those in your data folder, those in a table of yours."""

from __future__ import annotations

import contextlib
import os
from functools import cache
from typing import TYPE_CHECKING

from nasbench_kit.benchmark import Benchmark, Results, open_results
from nasbench_kit.errors import DataError, UnknownNameError, unknown
from nasbench_kit.places import data_folder, shipped, surrogates_in, tables_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nasbench_kit.benchmark import Constraint


@cache
def embedded() -> dict[str, str]:
    """Name of a table or surrogate that comes with the package -> its file or folder."""
    return surrogates_in(shipped("surrogates")) | tables_in(shipped("data"))


def list_tables() -> dict[str, str]:
    """Table name -> its file: those that come with the package, and those in the data folder, which come first."""
    return tables_in(shipped("data")) | tables_in(data_folder())


def list_results() -> dict[str, str]:
    """Name of a table or surrogate -> its file or folder.

    Those in the data folder come before those that come with the package, and tables before surrogates.
    """
    folder = data_folder()
    return embedded() | surrogates_in(folder) | tables_in(folder)


def find(sha256: str) -> str | None:
    """The file or folder of the table or surrogate with this hash; None if it is not one that `list_results` lists."""
    for path in list_results().values():
        with contextlib.suppress(DataError):
            if open_results(path).sha256 == sha256:
                return path
    return None


def _openings() -> list[Results | UnknownNameError | DataError]:
    """Each table or surrogate that is found by its name, or what is wrong with it."""
    found: list[Results | UnknownNameError | DataError] = []
    for stem, path in list_results().items():
        try:
            opened = open_results(path)
        except DataError as error:
            found.append(error)
            continue
        found.append(opened if opened.name == stem else _misnamed(opened))
    return found


def _misnamed(opened: Results) -> UnknownNameError:
    right = f"the file {opened.name}.h5" if opened.kind == "table" else f"the folder {opened.name}"
    return UnknownNameError(f"{opened.path!r} holds the {opened.kind} {opened.name!r}; name {right}")


def list_benchmarks() -> list[str]:
    """Names of the benchmarks that `load` finds, each `results/dataset`; what can be opened as none is left out."""
    opened = [results for results in _openings() if not isinstance(results, Exception)]
    return [f"{results.name}/{dataset}" for results in opened for dataset in results.datasets]


def problems() -> list[str]:
    """What is wrong with what `list_benchmarks` left out, one line each."""
    return [str(error) for error in _openings() if isinstance(error, Exception)]


def load(
    name: str,
    *,
    results: str | os.PathLike[str] | None = None,
    objectives: Sequence[str] | None = None,
    costs: Sequence[str] | None = None,
    constraints: Sequence[str | Constraint] | None = None,
) -> Benchmark:
    """The benchmark of this name.

    Args:
        name: `results/dataset`, one of `list_benchmarks()`; for a table of your own, its datasets' names. A table
            `NAME.h5`, or a surrogate `NAME`, in the data folder takes the place of one of that name that comes with the
            package.
        results: A table file, or the folder of a surrogate, of your own to take it from.
        objectives: What to optimize instead, as in `Benchmark`.
        costs: What a training costs instead, as in `Benchmark`.
        constraints: Limits to keep to, as in `Benchmark`.

    Raises:
        UnknownNameError: There is no such benchmark.
        DataError: The file or folder is absent, damaged, or no table or surrogate.
    """
    stem, _, dataset = str(name).partition("/")
    if results is None:
        there = list_results()
        if stem not in there:
            raise unknown("benchmark", name, list_benchmarks())
        results = there[stem]
    opened = open_results(results)
    if stem != opened.name or dataset not in opened.datasets:
        names = [f"{opened.name}/{known}" for known in opened.datasets]
        if stem != opened.name and opened.path == os.path.abspath(list_results().get(stem, "")):
            raise _misnamed(opened)
        if not dataset and stem == opened.name:
            raise UnknownNameError(f"{name!r} names no dataset; choose from {', '.join(names)}")
        raise unknown("benchmark", name, names)
    return Benchmark(opened, dataset, objectives=objectives, costs=costs, constraints=constraints)

"""Logs of IOHprofiler's experimenter, which `nasbench_kit.analysis.iohprofiler` writes, too."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench_kit.analysis.external.logs import MOST_BYTES, Log, Values, metric_of, trajectories_of_logs
from nasbench_kit.errors import ImportDataError, SettingError, listed
from nasbench_kit.formats.files import read_file
from nasbench_kit.simulator import EVALUATIONS

if TYPE_CHECKING:
    from os import PathLike

    from numpy.typing import NDArray

    from nasbench_kit.analysis.trajectories import Trajectories


def read_iohprofiler(
    path: str | PathLike[str],
    values: Values,
    *,
    value: str = "raw_y",
    spent: str = "evaluations",
    axis: str = EVALUATIONS,
    dimension: int | None = None,
) -> Trajectories:
    """The runs of one algorithm on one function: what a file `IOHprofiler_f*.json` lists.

    Source: the format, https://iohprofiler.github.io/IOHanalyzer/data/, as IOHexperimenter 0.3 and 0.4 write it.

    Args:
        path: The file; the data lie in the folder that it names.
        values: What the values are.
        value: The column of values.
        spent: The column of what a run had spent in all.
        axis: What `spent` counts.
        dimension: Of the function, where the file lists several.

    Raises:
        ImportDataError: A file is damaged, or has no such columns.
        SettingError: The values cannot be what is said of them; or which dimension is open.
        OSError: A file is not there, or cannot be read.
    """
    file = Path(path)
    about = _about(file)
    wanted = "max" if about["maximization"] else "min"
    metric = metric_of(values)
    if not values.are_regrets and metric.direction != wanted:
        raise SettingError(
            f"{file.name} was {wanted}imized, and of {metric.name} {metric.direction} is better; another metric, or"
            " are_regrets=True, expected"
        )
    scenario = _scenario(about, file.name, dimension)
    place = PurePosixPath(scenario["path"])
    if place.is_absolute() or ".." in place.parts:
        raise ImportDataError(f"{file.name} names the data {str(place)!r:.60}; a file in its own folder expected")
    data = file.parent / place
    logs = _logs(read_file(data, MOST_BYTES), data.name, value, spent)
    if len(logs) != len(scenario["runs"]):
        raise ImportDataError(f"{data.name} holds {len(logs)} runs, and {file.name} lists {len(scenario['runs'])}")
    return trajectories_of_logs(logs, values, axis, file.name)


def _about(file: Path) -> dict[str, Any]:
    try:
        about = json.loads(read_file(file, MOST_BYTES))
        scenarios = about["scenarios"]
        if not isinstance(about["maximization"], bool):
            raise TypeError(f"maximization={about['maximization']!r:.20}")
        if not all(
            isinstance(one["path"], str) and isinstance(one["runs"], list) and type(one["dimension"]) is int
            for one in scenarios
        ):
            raise TypeError("a scenario without path, runs or dimension")
        found: dict[str, Any] = about
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ImportDataError(
            f"{file.name} is no file of IOHprofiler ({type(error).__name__}: {error!s:.60})"
        ) from None
    return found


def _scenario(about: dict[str, Any], name: str, dimension: int | None) -> dict[str, Any]:
    known = [one["dimension"] for one in about["scenarios"]]
    found = [one for one in about["scenarios"] if dimension in (None, one["dimension"])]
    if len(found) != 1:
        raise SettingError(f"{name} holds dimensions {listed(known)}; dimension={dimension} expected to be one of them")
    one: dict[str, Any] = found[0]
    return one


def _logs(content: bytes, name: str, value: str, spent: str) -> list[Log]:
    """A run begins at each line of names."""
    try:
        lines = content.decode("ascii").splitlines()
    except UnicodeDecodeError:
        raise ImportDataError(f"{name} is no data file of IOHprofiler: plain text expected") from None
    logs: list[list[tuple[float, float]]] = []
    places: list[int] = []
    for number, line in enumerate(lines, 1):
        cells = line.split()
        if not cells:
            continue
        if cells[0] == "evaluations":
            absent = [column for column in (spent, value) if column not in cells]
            if absent:
                raise ImportDataError(f"{name} has the columns {listed(cells)}; {absent[0]} expected")
            places = [cells.index(spent), cells.index(value)]
            logs.append([])
            continue
        try:
            if not logs:
                raise ValueError("no line of names before it")
            at, found = (float(cells[place]) for place in places)
        except (ValueError, IndexError) as error:
            raise ImportDataError(f"{name}, line {number} is damaged ({error!s:.60})") from None
        if np.isfinite(at) or np.isfinite(found):  # else nothing was found yet, and when is not known
            logs[-1].append((at, found))
    return [_log(rows) for rows in logs]


def _log(rows: list[tuple[float, float]]) -> Log:
    columns: NDArray[np.float64] = np.array(rows, np.float64).reshape(-1, 2)
    return Log(columns[:, 0], columns[:, 1])

"""Logs of Syne Tune."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nasbench_kit.analysis.external.logs import Log, Values, at_highest, columns_of, trajectories_of_logs
from nasbench_kit.formats.csv_columns import numbers
from nasbench_kit.simulator import SECONDS

if TYPE_CHECKING:
    from os import PathLike

    from nasbench_kit.analysis.trajectories import Trajectories


def read_syne_tune(
    path: str | PathLike[str], values: Values, *, value: str, resource: str | None = None
) -> Trajectories:
    """The run that Syne Tune wrote to `results.csv.zip`; its seconds are `st_tuner_time`, simulated or real.

    Source: Syne Tune, https://github.com/syne-tune/syne-tune, StoreResultsCallback.

    Args:
        path: The file, or `results.csv` unpacked.
        values: What the values are.
        value: The column of the metric, by the name that was reported.
        resource: The column of epochs, if only reports at the highest of all may be incumbents; any may by default.

    Raises:
        ImportDataError: The file is damaged, or has no such columns.
        SettingError: The values cannot be what is said of them.
        OSError: It is not there, or cannot be read.
    """
    file = Path(path)
    needed = ["st_tuner_time", value, *([resource] if resource else [])]
    columns = columns_of(file, needed)
    found = numbers(columns, value, file.name)
    if resource:
        found = at_highest(found, numbers(columns, resource, file.name))
    return trajectories_of_logs([Log(numbers(columns, "st_tuner_time", file.name), found)], values, SECONDS, file.name)

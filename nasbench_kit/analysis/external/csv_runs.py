"""Any CSV file of what was spent and what it found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nasbench_kit.analysis.external.logs import Log, Values, columns_of, trajectories_of_logs
from nasbench_kit.formats.csv_columns import numbers
from nasbench_kit.simulator import SECONDS

if TYPE_CHECKING:
    from os import PathLike

    from nasbench_kit.analysis.trajectories import Trajectories


def read_runs(
    path: str | PathLike[str],
    values: Values,
    *,
    spent: str,
    value: str,
    run: str | None = None,
    axis: str = SECONDS,
) -> Trajectories:
    """Runs from a CSV file, one row per evaluation or per point of a curve.

    Args:
        path: The file; may be compressed by gzip.
        values: What the values are.
        spent: The column of what a run had spent in all when it found the value.
        value: The column of values; an empty cell is no value.
        run: The column that says which run a row is of; all are of one run by default.
        axis: What `spent` counts.

    Raises:
        ImportDataError: The file is damaged, or has no such columns.
        SettingError: The values cannot be what is said of them.
        OSError: It is not there, or cannot be read.
    """
    file = Path(path)
    columns = columns_of(file, [spent, value, *([run] if run else [])])
    found = Log(numbers(columns, spent, file.name), numbers(columns, value, file.name))
    return trajectories_of_logs(_by_run(found, columns[run] if run else None), values, axis, file.name)


def _by_run(log: Log, runs: Sequence[str] | None) -> list[Log]:
    if runs is None:
        return [log]
    names, codes = np.unique(np.array(runs), return_inverse=True)
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(names)))[:-1]
    return [Log(*parts) for parts in zip(*(np.split(column[order], ends) for column in log), strict=True)]

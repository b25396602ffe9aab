"""Studies of Optuna, open or as the CSV file of their trials."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nasbench_kit.analysis.external.logs import Log, Values, columns_of, trajectories_of_logs
from nasbench_kit.errors import ImportDataError, SettingError
from nasbench_kit.formats.csv_columns import numbers
from nasbench_kit.simulator import SECONDS

if TYPE_CHECKING:
    from os import PathLike

    from nasbench_kit.analysis.trajectories import Trajectories


def read_optuna(path: str | PathLike[str], values: Values, *, cost: str | None = None) -> Trajectories:
    """The run of an Optuna study, from the CSV file that `study.trials_dataframe().to_csv(path)` writes.

    Trials that are complete may be incumbents; seconds are those on the wall since the first began, unless told.
    Of a study in a database or a journal, open it by `optuna.load_study` and call `of_optuna`.

    Args:
        path: The file.
        values: What the values are.
        cost: The user attribute with the seconds that a trial cost; they are summed.

    Raises:
        ImportDataError: The file is damaged, or has no such columns.
        SettingError: The values cannot be what is said of them.
        OSError: It is not there, or cannot be read.
    """
    file = Path(path)
    attribute = None if cost is None else f"user_attrs_{cost}"
    columns = columns_of(
        file, ["value", "datetime_start", "datetime_complete", "state", *([attribute] if attribute else [])]
    )
    costs = numbers(columns, attribute, file.name) if attribute else None
    trials = zip(
        columns["state"],
        numbers(columns, "value", file.name),
        (_time(cell, file.name) for cell in columns["datetime_start"]),
        (_time(cell, file.name) for cell in columns["datetime_complete"]),
        [None] * len(columns["state"]) if costs is None else costs,
        strict=True,
    )
    return _of_trials([_Trial(*trial) for trial in trials], values, file.name)


def of_optuna(study: Any, values: Values, *, cost: str | None = None) -> Trajectories:
    """The run of an Optuna study that is open, wherever it is stored; see `read_optuna`.

    Args:
        study: What `optuna.load_study` or `optuna.create_study` returned, of one objective.
        values: What the values are.
        cost: As in `read_optuna`.

    Raises:
        SettingError: It has several objectives, or its values cannot be what is said of them.
    """
    if len(study.directions) != 1:
        raise SettingError(f"study {study.study_name!r} has {len(study.directions)} objectives; one expected")
    trials = [
        _Trial(
            trial.state.name,
            np.nan if trial.values is None else trial.values[0],
            trial.datetime_start,
            trial.datetime_complete,
            None if cost is None else float(trial.user_attrs.get(cost, np.nan)),
        )
        for trial in study.get_trials(deepcopy=False)
    ]
    return _of_trials(trials, values, f"study {study.study_name!r}")


class _Trial(NamedTuple):
    state: str
    value: float
    start: datetime | None
    complete: datetime | None
    cost: float | None


def _of_trials(trials: Sequence[_Trial], values: Values, name: str) -> Trajectories:
    """Seconds by the clock on the wall, or by summed costs in the order of completion."""
    starts = [trial.start for trial in trials if trial.start is not None]
    ended = [(trial.complete, trial) for trial in trials if trial.complete is not None]
    if not ended or not starts:
        raise SettingError(f"{name}: none of {len(trials)} trials has ended; a study with some expected")
    ended.sort(key=lambda pair: pair[0])
    found = np.array([trial.value if trial.state == "COMPLETE" else np.nan for _, trial in ended])
    costs = [trial.cost for _, trial in ended if trial.cost is not None]
    passed = [(complete - min(starts)).total_seconds() for complete, _ in ended]
    spent = np.cumsum(costs) if costs else np.array(passed)
    return trajectories_of_logs([Log(spent, found)], values, SECONDS, name)


def _time(cell: str, name: str) -> datetime | None:
    try:
        read = datetime.fromisoformat(cell) if cell else None
        return read.astimezone(UTC).replace(tzinfo=None) if read and read.tzinfo else read
    except (ValueError, OverflowError):
        raise ImportDataError(f"{name} has the time {cell!r:.40}; one like 2026-01-31 12:00:00 expected") from None

"""What others measured, to lay over our runs: logs of other tools as runs, published curves as points.

Files are read as data: nothing in them is executed, and none takes more memory than its size allows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nasbench_kit.analysis.trajectories import Trajectories
from nasbench_kit.errors import ImportDataError, SettingError, unknown
from nasbench_kit.formats.compressed import unpacked, zip_members
from nasbench_kit.formats.csv_columns import numbers, parse_csv
from nasbench_kit.formats.parquet import read_parquet_columns
from nasbench_kit.simulator import SECONDS
from nasbench_kit.tables import Metric

if TYPE_CHECKING:
    from os import PathLike

    from numpy.typing import NDArray

    from nasbench_kit.analysis.panels import Panel

_MOST_BYTES = 1 << 26  # of a log, unpacked
_ALLOWED = 1e-9  # by how much a value may be better than the best, which was rounded elsewhere


class Points(NamedTuple):
    """Some points of a published curve, which are no runs: there is nothing to test or rank in them."""

    axis: str  #: what `spent` counts
    spent: NDArray[np.float64]  #: (n_points,), ascending
    regret: NDArray[np.float64]  #: (n_points,), in the unit of `metric`; smaller is better
    metric: str  #: what the regret is of
    statistic: str  #: what was taken over how many runs
    source: str


class Values(NamedTuple):
    """What the values of a log are.

    Attributes:
        metric: Their name, which says split, unit and direction, as in `Metric.from_name`; or a `Metric`.
        best: The best of the benchmark by that metric, in its unit. Not needed of regrets.
        scale: By what the values in the file are multiplied: 0.01 for percentages of a metric that is a fraction.
        are_regrets: Whether they are distances from the best, of which smaller is better whatever the metric.
    """

    metric: str | Metric
    best: float | None = None
    scale: float = 1.0
    are_regrets: bool = False


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
    columns = _csv(file, [spent, value, *([run] if run else [])])
    found = _Log(numbers(columns, spent, file.name), numbers(columns, value, file.name))
    return _trajectories(_by_run(found, columns[run] if run else None), values, axis, file.name)


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
    columns = _csv(file, needed)
    found = numbers(columns, value, file.name)
    if resource:
        found = _at_highest(found, numbers(columns, resource, file.name))
    return _trajectories([_Log(numbers(columns, "st_tuner_time", file.name), found)], values, SECONDS, file.name)


def read_dehb(path: str | PathLike[str], values: Values) -> Trajectories:
    """The run of which DEHB saved the history, `history.parquet.gzip`: seconds are its costs, summed.

    Incumbents are evaluations at the highest fidelity. DEHB minimizes its fitness: name a metric of which smaller is
    better, such as `val_error`. With several workers costs overlap, and their sum is more than what passed.

    Source: DEHB, https://github.com/automl/DEHB, columns config_id, config, fitness, cost, fidelity.

    Args:
        path: The file.
        values: What the fitness is.

    Raises:
        ImportDataError: The file is damaged, or has no such columns.
        SettingError: The values cannot be what is said of them; or there is no pyarrow.
        OSError: It is not there, or cannot be read.
    """
    file = Path(path)
    needed = ("fitness", "cost", "fidelity")
    try:
        columns = read_parquet_columns(file)
        absent = [name for name in needed if name not in columns]
        if absent:
            raise ImportDataError(f"{file.name} has no column {absent[0]}; the history that DEHB saves has")
        fitness, cost, fidelity = (np.array(columns[name], np.float64) for name in needed)
    except ImportError:
        raise SettingError("Parquet needs pyarrow: pip install 'nasbench-kit[parquet]'") from None
    except (ImportDataError, FileNotFoundError, PermissionError):
        raise
    except Exception as error:  # a damaged file makes pyarrow raise nearly anything
        raise ImportDataError(f"{file.name} is no history that DEHB saved ({error!s:.80})") from None
    if not (cost >= 0).all():
        raise ImportDataError(f"{file.name} has a cost below 0, or none; seconds expected")
    return _trajectories([_Log(np.cumsum(cost), _at_highest(fitness, fidelity))], values, SECONDS, file.name)


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
    columns = _csv(file, ["value", "datetime_start", "datetime_complete", "state", *([attribute] if attribute else [])])
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


class _Log(NamedTuple):
    """One run: what was spent in all when each value was found, in any order, and the values; NaN for none."""

    spent: NDArray[np.float64]
    values: NDArray[np.float64]


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
    return _trajectories([_Log(spent, found)], values, SECONDS, name)


def _csv(file: Path, needed: Sequence[str]) -> dict[str, list[str]]:
    """The columns of a CSV file, plain, compressed by gzip, or `results.csv` in a zip archive."""
    if file.suffix.lower() == ".zip":
        content = zip_members(file, ["results.csv"])["results.csv"]
        if len(content) > _MOST_BYTES:
            raise ImportDataError(f"{file.name} unpacks to more than {_MOST_BYTES:,} bytes; no log does")
    else:
        content = unpacked(file, _MOST_BYTES)
    return parse_csv(content, needed, file.name)


def _time(cell: str, name: str) -> datetime | None:
    try:
        read = datetime.fromisoformat(cell) if cell else None
        return read.astimezone(UTC).replace(tzinfo=None) if read and read.tzinfo else read
    except (ValueError, OverflowError):
        raise ImportDataError(f"{name} has the time {cell!r:.40}; one like 2026-01-31 12:00:00 expected") from None


def _at_highest(values: NDArray[np.float64], resources: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values at the highest of all epochs or fidelities; NaN for the others."""
    return np.where(resources == np.nanmax(resources, initial=-np.inf), values, np.nan)


def _by_run(log: _Log, runs: Sequence[str] | None) -> list[_Log]:
    if runs is None:
        return [log]
    names, codes = np.unique(np.array(runs), return_inverse=True)
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(names)))[:-1]
    return [_Log(*parts) for parts in zip(*(np.split(column[order], ends) for column in log), strict=True)]


def _trajectories(logs: Iterable[_Log], values: Values, axis: str, name: str) -> Trajectories:
    """Runs of what others logged: the value that a search was told is the one that reports it."""
    metric = Metric.from_name(values.metric) if isinstance(values.metric, str) else values.metric
    if metric.direction is None:
        raise SettingError(f"{metric.name} has no direction, so no regret; another metric expected")
    if values.best is None and not values.are_regrets:
        raise SettingError(f"{name}: best=None; the best {metric.name} of the benchmark expected, or are_regrets=True")
    best = metric.sign() * (0.0 if values.best is None else values.best)
    if not np.isfinite(best) or not np.isfinite(values.scale) or not values.scale:
        raise SettingError(f"{name}: best={values.best}, scale={values.scale}; numbers expected, a scale that is not 0")
    runs = []
    for log in logs:
        if not (np.isfinite(log.spent) & (log.spent >= 0)).all():
            raise SettingError(f"{name}: what was spent is not always a number from 0; give another column")
        order = np.argsort(log.spent, kind="stable")
        scaled = values.scale * log.values[order]
        oriented = best - scaled if values.are_regrets else metric.sign() * scaled
        told = np.where(np.isfinite(oriented), oriented, -np.inf)
        _check_best(told.max(initial=-np.inf), best, values, metric, name)
        runs.append((log.spent[order], told, told))
    return Trajectories.of_arrays(metric, runs, best=best, axis=axis, values_are=f"as in {name}")


def _check_best(found: float, best: float, values: Values, metric: Metric, name: str) -> None:
    if found > best + _ALLOWED:
        got = f"a regret of {best - found:g}" if values.are_regrets else f"{metric.name} {metric.sign() * found:g}"
        raise SettingError(
            f"{name} holds {got}, better than the best, {metric.sign() * best:g}; values in the unit {metric.unit}"
            f" expected, by scale={values.scale:g}: 0.01 for percentages of fractions"
        )


# ---- published curves ----

_ARCH2VEC = "Yan et al. 2020, https://arxiv.org/abs/2006.06936, results of its repository"
_ARCH2VEC_S = (1e4, 3e4, 1e5, 3e5, 1e6)

# benchmark -> label -> points; mean test regret of 500 runs in encoding A
_PUBLISHED: dict[str, dict[str, tuple[float, ...]]] = {
    "nasbench101/cifar10": {
        "RS (arch2vec)": (0.01239, 0.01005, 0.00901, 0.00857, 0.00858),
        "RE (arch2vec)": (0.01242, 0.01029, 0.00914, 0.00853, 0.00751),
        "REINFORCE (arch2vec)": (0.01280, 0.01001, 0.00889, 0.00847, 0.00837),
        "BOHB (arch2vec)": (0.01169, 0.00995, 0.00882, 0.00766, 0.00720),
        "BO-arch2vec": (0.01872, 0.01279, 0.00468, 0.00314, 0.00275),
    }
}


def published_curves(benchmark: str) -> dict[str, Points]:
    """Label -> points of curves that papers print of a benchmark; none where we know of none."""
    return {
        label: Points(
            SECONDS,
            np.array(_ARCH2VEC_S),
            np.array(regret),
            "test_accuracy",
            "mean of 500 runs in encoding A",
            _ARCH2VEC,
        )
        for label, regret in _PUBLISHED.get(benchmark, {}).items()
    }


# ---- as they are typed ----

# format -> its reader, the arguments that it needs, and those that it may have
_READERS: dict[str, tuple[Callable[..., Trajectories], tuple[str, ...], tuple[str, ...]]] = {
    "csv": (read_runs, ("spent", "value"), ("run", "axis")),
    "optuna": (read_optuna, (), ("cost",)),
    "syne-tune": (read_syne_tune, ("value",), ("resource",)),
    "dehb": (read_dehb, (), ()),
}
_OF_VALUES = ("metric", "best", "scale", "are_regrets")


def read_overlay(text: str, panel: Panel) -> dict[str, Trajectories | Points]:
    """What is to be laid over a panel, as it is typed: label -> runs or points.

    `published`, all that papers print of its benchmark; or `FORMAT:PATH,NAME=VALUE,...` with a format of csv, optuna,
    syne-tune and dehb, the names of its reader's arguments and those of `Values`, and `label=`. The metric and the
    best are those of the panel, unless told.

    Args:
        text: `csv:curve.csv,spent=time_s,value=test_acc,scale=0.01,label=Theirs`.
        panel: What it is laid over.

    Raises:
        SettingError, UnknownNameError: It cannot be read so.
        ImportDataError: The file is damaged, or has no such columns.
        OSError: It cannot be read.
    """
    if text == "published":
        found = published_curves(panel.benchmark.name)
        if not found:
            raise SettingError(f"no curves of {panel.benchmark.name} are known; there are of {', '.join(_PUBLISHED)}")
        return dict(found)
    kind, _, rest = text.partition(":")
    if kind not in _READERS:
        raise unknown("format of an overlay", kind, [*_READERS, "published"])
    path, *pairs = rest.split(",")
    given = dict(pair.partition("=")[::2] for pair in pairs)
    label = given.pop("label", Path(path).name)
    read, needed, further = _READERS[kind]
    names = (*needed, *further)
    for name in given:
        if name not in (*names, *_OF_VALUES):
            raise unknown(f"setting of a {kind} overlay", name, [*names, *_OF_VALUES, "label"])
    absent = [name for name in needed if name not in given]
    if absent:
        raise SettingError(f"overlay {text!r:.80} lacks {absent[0]}=; the name of a column of {path!r:.80} expected")
    one = next(iter(panel.trajectories.values()))
    best = None if "metric" in given else one.metric.sign() * one.best
    are_regrets = given.get("are_regrets", "false")
    if are_regrets not in ("true", "false"):
        raise SettingError(f"are_regrets={are_regrets!r:.40}; true or false expected")
    values = Values(
        given.get("metric", one.metric),
        _number(given, "best") if "best" in given else best,
        _number(given, "scale") if "scale" in given else 1.0,
        are_regrets == "true",
    )
    if not Path(path).is_file():
        raise SettingError(f"overlay={text!r:.80}: there is no file {path!r:.80}; {kind}:FILE,NAME=VALUE,... expected")
    return {label: read(path, values, **{name: given[name] for name in names if name in given})}


def _number(given: Mapping[str, str], name: str) -> float:
    try:
        return float(given[name])
    except ValueError:
        raise SettingError(f"{name}={given[name]!r:.40}; a number expected") from None

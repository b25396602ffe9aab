"""What logs of other tools have in common: runs of values, each with what was spent when it was found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nasbench_kit.analysis.trajectories import Trajectories
from nasbench_kit.errors import ImportDataError, SettingError
from nasbench_kit.formats.compressed import unpacked, zip_members
from nasbench_kit.formats.csv_columns import parse_csv
from nasbench_kit.tables import Metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_BYTES = 1 << 26  #: of a log, unpacked
_ALLOWED = 1e-9  # by how much a value may be better than the best, which was rounded elsewhere


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


class Log(NamedTuple):
    """One run: what was spent in all when each value was found, in any order, and the values; NaN for none."""

    spent: NDArray[np.float64]
    values: NDArray[np.float64]


def columns_of(file: Path, needed: Sequence[str]) -> dict[str, list[str]]:
    """The columns of a CSV file, plain, compressed by gzip, or `results.csv` in a zip archive."""
    if file.suffix.lower() == ".zip":
        content = zip_members(file, ["results.csv"])["results.csv"]
        if len(content) > MOST_BYTES:
            raise ImportDataError(f"{file.name} unpacks to more than {MOST_BYTES:,} bytes; no log does")
    else:
        content = unpacked(file, MOST_BYTES)
    return parse_csv(content, needed, file.name)


def at_highest(values: NDArray[np.float64], resources: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values at the highest of all epochs or fidelities; NaN for the others."""
    return np.where(resources == np.nanmax(resources, initial=-np.inf), values, np.nan)


def metric_of(values: Values) -> Metric:
    """What the values of a log are.

    Raises:
        SettingError: It has no direction.
    """
    metric = Metric.from_name(values.metric) if isinstance(values.metric, str) else values.metric
    if metric.direction is None:
        raise SettingError(f"{metric.name} has no direction, so no regret; another metric expected")
    return metric


def trajectories_of_logs(logs: Iterable[Log], values: Values, axis: str, name: str) -> Trajectories:
    """Runs of what others logged: the value that a search was told is the one that reports it."""
    metric = metric_of(values)
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

"""Regret and hypervolume over time of many optimizers, as few bytes: one grid of times, and numbers of 16 bits each."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.analysis import (
    aggregate,
    bootstrap_band,
    quantile_band,
    regret_curves,
    standard_error_band,
    time_grid,
)
from nasbench_kit.analysis.volumes import HYPERVOLUME, indicator_of, indicator_values
from nasbench_kit.errors import SettingError
from nasbench_kit.report.statistics import SEED, ecdf_over_time, ranks_over_time

if TYPE_CHECKING:
    from nasbench_kit.analysis import Trajectories
    from nasbench_kit.analysis.front_trajectories import FrontTrajectories

N_TIMES = 200
N_RESAMPLES = 300  #: of the interval of an interquartile mean
ERRORS = 1.96  #: standard errors of the mean, to both sides
BAND = (0.25, 0.75)
#: statistic -> what its band is, in words
STATISTICS = {
    "median": "from the 25 % to the 75 % quantile over runs",
    "mean": "the mean ± 1.96 standard errors",
    "iqm": "95 % bootstrap interval of the interquartile mean, at each time for itself",
}
_LAST_CODE = 65_534
_NO_NUMBER = 65_535


class Curve(NamedTuple):
    """A statistic of many runs at each time, with its band: regrets, shape (n_times,), inf where it has none."""

    middle: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


class Curves(NamedTuple):
    """The runs of several optimizers on one benchmark along one axis."""

    times: NDArray[np.float64]  #: (n_times,)
    of: dict[str, dict[str, Curve]]  #: optimizer -> statistic -> curve
    begun: dict[str, float]  #: optimizer -> when all of its runs had an incumbent; inf if some never have
    ended: dict[str, float]  #: optimizer -> when the first of its runs ended; inf if all went on to the budget


def curves_of(trajectories: Mapping[str, Trajectories], axis: str, n_times: int = N_TIMES) -> Curves:
    """Median, mean and interquartile mean of the regret over time, each with a band.

    Raises:
        SettingError: No run has an incumbent.
    """
    times = time_grid(list(trajectories.values()), n_times, axis=axis)
    regrets = {name: regret_curves(one, times, axis) for name, one in trajectories.items()}
    begun = {name: _all_begun(one, axis) for name, one in trajectories.items()}
    ended = {name: _first_end(one, axis) for name, one in trajectories.items()}
    return Curves(times, _statistics(regrets), begun, ended)


def volume_curves_of(volumes: Mapping[str, Volumes], curves: Curves, axis: str) -> Curves:
    """The same of how far the hypervolume of a run's front is from that of the true front, at the same times."""
    distances = {name: one.fronts.curves(one.distances, curves.times, axis) for name, one in volumes.items()}
    begun = {name: _all_begun(one.fronts, axis) for name, one in volumes.items()}
    return Curves(curves.times, _statistics(distances), begun, {name: curves.ended[name] for name in volumes})


class Volumes(NamedTuple):
    """The fronts of an optimizer's runs, and their hypervolumes."""

    fronts: FrontTrajectories
    distances: NDArray[np.float64]  #: after each change of a front: (n_members,); smaller is better


def volumes_of(fronts: Mapping[str, FrontTrajectories]) -> dict[str, Volumes]:
    """How far the hypervolume of the fronts is from that of the true front, whenever it changes."""
    found = {}
    for name, one in fronts.items():
        indicator = indicator_of(one.reference, HYPERVOLUME)
        found[name] = Volumes(one, indicator.distance(indicator_values(one, indicator)))
    return found


def _statistics(losses: Mapping[str, NDArray[np.float64]]) -> dict[str, dict[str, Curve]]:
    """Optimizer -> statistic -> curve, of what is smaller the better: (n_runs, n_times) of each optimizer."""
    changes = _changes(np.concatenate(list(losses.values())))
    at = np.cumsum(changes) - 1
    few = {name: values[:, changes] for name, values in losses.items()}
    return {
        name: {statistic: Curve(*(part[at] for part in curve)) for statistic, curve in curves.items()}
        for name, curves in _statistics_at_each(few).items()
    }


def _changes(losses: NDArray[np.float64]) -> NDArray[np.bool_]:
    """At which times anything is other than at the one before: early evaluations lie apart on a grid of logarithms."""
    before, after = losses[:, :-1], losses[:, 1:]
    is_same = (before == after) | (np.isnan(before) & np.isnan(after))
    return np.append(True, ~is_same.all(axis=0))


def _statistics_at_each(losses: Mapping[str, NDArray[np.float64]]) -> dict[str, dict[str, Curve]]:
    found: dict[str, dict[str, Curve]] = {name: {} for name in losses}
    for name, curves in losses.items():
        found[name]["median"] = Curve(aggregate(curves, "median"), *quantile_band(curves, *BAND))
        low, high = standard_error_band(curves, ERRORS)
        found[name]["mean"] = Curve(aggregate(curves, "mean"), np.maximum(low, 0), high)
    for names in _of_as_many_runs(losses):
        beside = np.hstack([losses[name] for name in names])
        rng = np.random.default_rng(SEED)
        parts = (
            aggregate(beside, "iqm"),
            *bootstrap_band(beside, "iqm", rng, n_replications=N_RESAMPLES),
        )
        for name, *columns in zip(names, *(np.split(part, len(names)) for part in parts), strict=True):
            found[name]["iqm"] = Curve(*columns)
    return found


def _of_as_many_runs(losses: Mapping[str, NDArray[np.float64]]) -> list[list[str]]:
    together: dict[int, list[str]] = {}
    for name, curves in losses.items():
        together.setdefault(len(curves), []).append(name)
    return list(together.values())


def _all_begun(one: Trajectories | FrontTrajectories, axis: str) -> float:
    firsts = one.along(axis)[one.starts[:-1][np.diff(one.starts) > 0]]
    return float(firsts.max()) if len(firsts) == one.n_runs else np.inf


def _first_end(one: Trajectories, axis: str) -> float:
    """Nothing finishes between the last evaluation and the end of the budget, along the axis that it counts."""
    return np.inf if axis in one.budgets else float(one.ended[axis].min())


def as_json(curves: Curves, factor: float) -> dict[str, Any]:
    """Curves as the page reads them; regrets times a factor, logarithms of them in steps of the same size.

    Code 0 is no regret, codes from 1 to 65,534 are regrets from the lowest above 0 to the highest, and 65,535 is none.
    """
    every = factor * np.concatenate([part for one in curves.of.values() for curve in one.values() for part in curve])
    above = every[np.isfinite(every) & (every > 0)]
    low, high = (float(above.min()), float(above.max())) if len(above) else (1.0, 1.0)
    step = np.log(high / low) / (_LAST_CODE - 1) or 1.0
    return {
        "low": low,
        "step": step,
        "curves": {
            name: {
                "begun": _finite(curves.begun[name]),
                "ended": _finite(curves.ended[name]),
                **{
                    statistic: [_coded(factor * part, low, step) for part in curve]
                    for statistic, curve in statistics.items()
                },
            }
            for name, statistics in curves.of.items()
        },
    }


def _rounded(curves: Mapping[str, NDArray[np.float64]]) -> dict[str, list[float]]:
    return {name: np.round(values, 3).tolist() for name, values in curves.items()}


def _finite(value: float) -> float | None:
    return float(f"{value:.6g}") if np.isfinite(value) else None


def _coded(values: NDArray[np.float64], low: float, step: float) -> str:
    codes = np.full(len(values), _NO_NUMBER, "<u2")
    codes[values <= 0] = 0
    above = np.isfinite(values) & (values > 0)
    codes[above] = 1 + np.round(np.log(values[above] / low) / step).astype(np.intp)
    return b64encode(codes.tobytes()).decode()


def decoded(text: str, low: float, step: float) -> NDArray[np.float64]:
    """What the page makes of codes: NaN where there is no number."""
    from base64 import b64decode

    codes = np.frombuffer(b64decode(text), "<u2").astype(np.float64)
    values = np.where(codes == 0, 0, low * np.exp((codes - 1) * step))
    return np.where(codes == _NO_NUMBER, np.nan, values)


def axes_of(trajectories: Mapping[str, Trajectories]) -> list[str]:
    """Along what all of these can be drawn: first what the budget counts."""
    every = list(trajectories.values())
    own = every[0].axis
    shared = [axis for axis in every[0].spent if all(axis in one.spent for one in every)]
    return sorted(shared, key=lambda axis: axis != own)


def panel_curves(
    trajectories: Mapping[str, Trajectories], fronts: Mapping[str, FrontTrajectories]
) -> dict[str, dict[str, Any]]:
    """Axis -> curves as JSON; empty where no run has an incumbent."""
    volumes = volumes_of(fronts)
    factor = next(iter(trajectories.values())).show.factor
    found = {}
    for axis in axes_of(trajectories):
        try:
            curves = curves_of(trajectories, axis)
        except SettingError:  # no run has an incumbent
            return {}
        found[axis] = as_json(curves, factor) | {
            "times": [float(f"{time:.6g}") for time in curves.times],
            "ranks": _rounded(ranks_over_time(trajectories, curves.times, axis)),
            "shares": _rounded(ecdf_over_time(trajectories, curves.times, axis)),
        }
        if volumes:
            found[axis]["volumes"] = as_json(volume_curves_of(volumes, curves, axis), 1.0)
    return found

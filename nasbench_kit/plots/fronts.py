"""Several objectives: the fronts that optimizers attain, where they differ, and how good they are over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from nasbench_kit.analysis.attainment import attainment_difference, attainment_surface
from nasbench_kit.analysis.shown import shown
from nasbench_kit.analysis.volumes import HYPERVOLUME, indicator_curves, indicator_of
from nasbench_kit.errors import SettingError
from nasbench_kit.plots.style import COLORS, GRAY, LINE_STYLES, quiet
from nasbench_kit.simulator import EPOCHS, EVALUATIONS, SECONDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.collections import QuadMesh
    from numpy.typing import NDArray

    from nasbench_kit.analysis.front_trajectories import FrontTrajectories
    from nasbench_kit.analysis.fronts import Reference
    from nasbench_kit.tables import Metric

BAND = (0.25, 0.75)
N_TIMES = 400
SHADES = ("0.92", "0.78", "0.6", "0.4", "0.15")  # of differences up to 0.2, 0.4, ...
_MARGIN = 0.05  # of what is drawn, around it
_WIDE = 5.0  # a larger ratio of the ends is drawn on a logarithmic axis
_AXES = {SECONDS: "simulated time [s]", EVALUATIONS: "evaluations", EPOCHS: "epochs trained"}
_INDICATORS = {
    "hypervolume": "hypervolume, distance to the true front",
    "igd_plus": "IGD+ to the true front",
    "epsilon": "additive epsilon to the true front",
    "r2": "R2, distance to the true front",
}


def plot_front(
    ax: Axes, fronts: Mapping[str, FrontTrajectories], *, at: float = np.inf, axis: str | None = None
) -> None:
    """The true Pareto front in gray, and of each optimizer what half of its runs attain, in steps.

    Accuracies are shown as errors, so that better is left or below, on a logarithmic axis where they differ much.

    Args:
        ax: Where to draw.
        fronts: Label -> runs of that optimizer, of two objectives, all on the same benchmark.
        at: When so much was spent; at the end by default.
        axis: Of what; that of the budget by default.

    Raises:
        SettingError: Nothing is given, or other than two objectives.
    """
    reference = _common_reference(fronts)
    surfaces = {label: _median(one, at, axis) for label, one in fronts.items()}
    worst = _worst([reference.front, *surfaces.values()])
    _plot_reference(ax, reference, worst)
    for i, (label, surface) in enumerate(surfaces.items()):
        name = _legend(label, fronts[label])
        ax.plot(*_staircase(reference, surface, worst), **_look(i), label=name)
    _label_objectives(ax, reference, worst)


def plot_attainment_difference(
    ax_pair: tuple[Axes, Axes], fronts: Mapping[str, FrontTrajectories], *, at: float = np.inf, axis: str | None = None
) -> QuadMesh:
    """Where the runs of either of two optimizers attain more than those of the other, by how large a share of runs.

    On each panel also the true front, and what half of that optimizer's runs attain.

    Args:
        ax_pair: Where to draw: the first optimizer's advantages, and the second's.
        fronts: Label -> runs of that optimizer, two of them, of two objectives, on the same benchmark.
        at: When so much was spent; at the end by default.
        axis: Of what; that of the budget by default.

    Returns:
        What a color bar explains.

    Raises:
        SettingError: Not two optimizers, or other than two objectives.
    """
    if len(fronts) != 2:
        raise SettingError(f"the difference of {len(fronts)} optimizers; two expected")
    reference = _common_reference(fronts)
    one, other = fronts.values()
    (points, runs), (other_points, other_runs) = one.points_at(at, axis), other.points_at(at, axis)
    x, y, share = attainment_difference((points, other_points), (runs, other_runs), (one.n_runs, other.n_runs))
    worst = _worst([reference.front, points, other_points])
    corners = [_shown(metric, reference, i, np.append(lines, worst[i])) for i, metric, lines in _each(reference, x, y)]
    norm = BoundaryNorm(np.linspace(0, 1, len(SHADES) + 1), len(SHADES))
    for i, (ax, label, own) in enumerate(zip(ax_pair, fronts, (share, -share), strict=True)):
        mesh = ax.pcolormesh(
            *corners, np.ma.masked_less_equal(own.T, 0.0), cmap=ListedColormap(SHADES), norm=norm, rasterized=True
        )
        _plot_reference(ax, reference, worst)
        ax.plot(*_staircase(reference, _median(fronts[label], at, axis), worst), **_look(i), label="median")
        ax.set_title(f"{label.replace('_', ' ')} attains more", fontsize=10)
        _label_objectives(ax, reference, worst)
    return mesh


def plot_volume(
    ax: Axes,
    fronts: Mapping[str, FrontTrajectories],
    *,
    indicator: str = HYPERVOLUME,
    axis: str | None = None,
    band: tuple[float, float] | None = BAND,
) -> None:
    """How far the runs' fronts are from the true one, over what was spent: median with a quantile band, in steps.

    Runs without a front are worse than all others: a line begins when half of the runs have one, and ends with the last
    run. As good as the true front, which a logarithm does not show, is drawn at the bottom.

    Args:
        ax: Where to draw.
        fronts: Label -> runs of that optimizer, all on the same benchmark.
        indicator: One of `nasbench_kit.analysis.volumes.INDICATORS`.
        axis: What was spent; what the budget counts by default.
        band: The two quantiles that bound the band; None for no band.

    Raises:
        UnknownNameError, SettingError: As `indicator_curves`; or nothing is given.
    """
    reference = _common_reference(fronts, n_objectives=None)
    axis = axis or next(iter(fronts.values())).axis
    low, high = band or (0.5, 0.5)
    drawn = {
        label: (*_distances(one, indicator, axis, (low, 0.5, high)), i)
        for i, (label, one) in enumerate(fronts.items())
        if len(one.points)
    }
    curves = np.concatenate([np.ones(1), *(curve.ravel() for _, curve, _ in drawn.values())])
    floor = float(curves[curves > 0].min()) / 2
    for label, (times, (lower, median, upper), i) in drawn.items():
        there, both = np.isfinite(median), np.isfinite(upper)
        ax.step(
            times[there],
            np.maximum(median[there], floor),
            where="post",
            **_look(i),
            label=_legend(label, fronts[label]),
        )
        if band is not None:
            lower, upper = np.maximum(lower[both], floor), np.maximum(upper[both], floor)
            ax.fill_between(times[both], lower, upper, step="post", color=_look(i)["color"], alpha=0.18, linewidth=0)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel(_AXES.get(axis, axis.replace("_", " ")))
    ax.set_ylabel(_INDICATORS[indicator].replace("true", "true" if reference.is_proven else "best known"))
    if axis != SECONDS:
        _plain_numbers(ax.xaxis)
    _plain_numbers(ax.yaxis)
    quiet(ax)


def _distances(
    one: FrontTrajectories, indicator: str, axis: str, quantiles: tuple[float, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times, and quantiles over runs of the distance to the true front at each, inf without a front."""
    first, last = float(one.along(axis).min()), float(one.ended[axis].max())
    times = np.geomspace(first, last, N_TIMES)
    times[[0, -1]] = first, last  # not rounding errors beside them
    distances = indicator_of(one.reference, indicator).distance(indicator_curves(one, times, indicator, axis))
    distances[one.curves(np.zeros(len(one.points)), times, axis) != 0] = np.inf  # NaN before the first
    return times, np.quantile(distances, quantiles, axis=0, method="inverted_cdf")


def _common_reference(fronts: Mapping[str, FrontTrajectories], n_objectives: int | None = 2) -> Reference:
    """What all of them are measured against."""
    if not fronts:
        raise SettingError("fronts of no optimizer; {label: fronts} expected")
    first, *others = (one.reference for one in fronts.values())
    if n_objectives not in (None, len(first.metrics)):
        raise SettingError(f"a figure of {len(first.metrics)} objectives; {n_objectives} expected")
    for other in others:
        if other.metrics != first.metrics or not np.array_equal(other.front, first.front):
            raise SettingError("fronts of different benchmarks or rules; draw them in figures of their own")
    return first


def _median(fronts: FrontTrajectories, at: float, axis: str | None) -> NDArray[np.float64]:
    """What half of the runs attain."""
    return attainment_surface(*fronts.points_at(at, axis), fronts.n_runs, (fronts.n_runs + 1) // 2)


def _worst(points: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The worst losses that a panel shows: a little beyond the worst points."""
    every = np.concatenate(points)
    span = np.ptp(every, axis=0)
    return every.max(axis=0) + _MARGIN * np.where(span > 0, span, 1.0)


def _plot_reference(ax: Axes, reference: Reference, worst: NDArray[np.float64]) -> None:
    """The true front, its points and the border of what they dominate."""
    name = "true front" if reference.is_proven else "best known front"
    dots = [_shown(metric, reference, i, losses) for i, metric, losses in _each(reference, *reference.front.T)]
    ax.plot(*_staircase(reference, reference.front, worst), color=GRAY, linewidth=2.5, alpha=0.5, label=name)
    ax.plot(*dots, "o", color=GRAY, markersize=3)


def _staircase(
    reference: Reference, losses: NDArray[np.float64], worst: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    """The border of what points dominate, as it is shown."""
    if not len(losses):
        return [np.zeros(0), np.zeros(0)]
    losses = losses[np.lexsort(losses.T[::-1])]
    x = np.append(np.repeat(losses[:, 0], 2), worst[0])
    y = np.append(worst[1], np.repeat(np.minimum.accumulate(losses[:, 1]), 2))
    return [_shown(metric, reference, i, column) for i, metric, column in _each(reference, x, y)]


def _each(
    reference: Reference, x: NDArray[np.float64], y: NDArray[np.float64]
) -> list[tuple[int, Metric, NDArray[np.float64]]]:
    return [(i, metric, column) for i, (metric, column) in enumerate(zip(reference.metrics, (x, y), strict=True))]


def _shown(metric: Metric, reference: Reference, i: int, losses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Losses of objective `i` as they are shown: in the metric's unit, accuracies as errors."""
    values = reference.ideal[i] + losses * reference.spans[i]
    return shown(metric.name, metric.unit).factor * (1.0 - values if _is_accuracy(metric) else values)


def _is_accuracy(metric: Metric) -> bool:
    return metric.name.endswith("accuracy") and metric.unit == "fraction"


def _label_objectives(ax: Axes, reference: Reference, worst: NDArray[np.float64]) -> None:
    best = reference.front.min(axis=0)
    labels = []
    for i, metric, losses in _each(reference, *np.column_stack([best - _MARGIN * (worst - best), worst])):
        name, _, unit, _ = shown(metric.name, metric.unit)
        labels.append(f"{name.replace('accuracy', 'error') if _is_accuracy(metric) else name} [{unit}]")
        ends = _shown(metric, reference, i, losses)
        ideal = float(_shown(metric, reference, i, best[i : i + 1])[0])
        is_log = ideal > 0 and ends[1] > _WIDE * ideal
        (ax.set_xscale, ax.set_yscale)[i]("log" if is_log else "linear")
        (ax.set_xlim, ax.set_ylim)[i](*sorted((ideal / 1.1 if is_log else ends[0], ends[1])))
        if is_log:
            _plain_numbers((ax.xaxis, ax.yaxis)[i])
    ax.set_xlabel(labels[0])
    ax.set_ylabel(labels[1])
    quiet(ax)


def _plain_numbers(axis: Axis) -> None:
    """1, 2, 5, 10, ... on a logarithmic axis."""
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _look(i: int) -> dict[str, Any]:
    return {"color": COLORS[i % len(COLORS)], "linestyle": LINE_STYLES[i % len(LINE_STYLES)], "linewidth": 1.6}


def _legend(label: str, fronts: FrontTrajectories) -> str:
    n_with, n_runs = len(np.unique(fronts.runs)), fronts.n_runs
    return f"{label.replace('_', ' ')}, n = {n_with}{f' of {n_runs}' if n_with < n_runs else ''}"

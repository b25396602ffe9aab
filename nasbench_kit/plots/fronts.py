"""Several objectives: the fronts that runs end with, what half of them attain, and where two optimizers differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import rcParams
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from nasbench_kit.analysis import Panel, shown
from nasbench_kit.analysis.attainment import attainment_difference, attainment_surface
from nasbench_kit.analysis.shown import without_unit
from nasbench_kit.analysis.volumes import final_indicator_values
from nasbench_kit.errors import SettingError, counted
from nasbench_kit.optimizers.base import check_number
from nasbench_kit.plots.grids import BASELINES, Drawn, Grid, grid, titles_of
from nasbench_kit.plots.looks import Look, best_few, looks_of
from nasbench_kit.plots.style import GRAY, Size, quiet
from nasbench_kit.plots.titles import metric_title, optimizer_title

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from numpy.typing import NDArray

    from nasbench_kit.analysis.front_trajectories import FrontTrajectories
    from nasbench_kit.analysis.fronts import Reference
    from nasbench_kit.tables import Metric

SHADES = ("0.92", "0.78", "0.6", "0.4", "0.15")  # of differences up to 0.2, 0.4, ...
_MARGIN = 0.05  # of what is drawn, around it
_WIDE = 5.0  # a larger ratio of the ends is drawn on a logarithmic axis
_SIDE_BY_SIDE = 0.52  # inches per point of letters, from which two panels stand in a row
_MANY = 1_000  # points that are drawn as a picture in PDF and SVG
_ERRORS = "Accuracies are shown as errors: better is left and below"


def plot_front(
    ax: Axes, fronts: Mapping[str, FrontTrajectories], *, looks: Mapping[str, Look] | None = None
) -> tuple[str, str]:
    """The true Pareto front in gray, what runs ended with, a point each, and the border of what any of them dominates.

    Accuracies are shown as errors, so that better is left or below, on a logarithmic axis where they differ much.

    Args:
        ax: Where to draw.
        fronts: Label -> runs of that optimizer, of two objectives, all on the same benchmark.
        looks: Label -> how its line looks.

    Returns:
        What the lower and the left axis are.

    Raises:
        SettingError: Nothing is given, or other than two objectives.
    """
    reference, looks = common_reference(fronts), looks or looks_of(fronts)
    ends = {label: one.points_at()[0] for label, one in fronts.items()}
    worst = _worst([reference.front, *ends.values()])
    _plot_reference(ax, reference, worst)
    for label, points in ends.items():
        look, size = looks[label], 0.5 * rcParams["lines.markersize"]
        x, y = (_shown(metric, reference, i, losses) for i, metric, losses in _each(reference, *points.T))
        how: dict[str, Any] = {"color": look.color, "zorder": look.line["zorder"] - 0.3, "gid": f"points of {label}"}
        ax.plot(x, y, look.marker or ".", markersize=size, alpha=0.4, rasterized=len(points) > _MANY, **how)
        ax.plot(*_staircase(reference, points, worst), label=name_with_n(label, [fronts[label]]), **_line(look))
    return _scale_objectives(ax, reference, worst)


def plot_attainment(
    ax: Axes,
    fronts: Mapping[str, FrontTrajectories],
    *,
    looks: Mapping[str, Look] | None = None,
    at: float = np.inf,
    axis: str | None = None,
) -> tuple[str, str]:
    """The true Pareto front in gray, and of each optimizer what half of its runs attain, in steps.

    Args:
        ax: Where to draw.
        fronts: Label -> runs of that optimizer, of two objectives, all on the same benchmark.
        looks: Label -> how its line looks.
        at: When so much was spent; at the end by default.
        axis: Of what; that of the budget by default.

    Returns:
        What the lower and the left axis are, as of `plot_front`.

    Raises:
        SettingError: Nothing is given, or other than two objectives.
    """
    reference, looks = common_reference(fronts), looks or looks_of(fronts)
    surfaces = {label: _median(one, at, axis) for label, one in fronts.items()}
    worst = _worst([reference.front, *surfaces.values()])
    _plot_reference(ax, reference, worst)
    for label, surface in surfaces.items():
        name = name_with_n(label, [fronts[label]])
        ax.plot(*_staircase(reference, surface, worst), label=name, **looks[label].line)
    return _scale_objectives(ax, reference, worst)


def plot_attainment_difference(
    ax_pair: tuple[Axes, Axes],
    fronts: Mapping[str, FrontTrajectories],
    *,
    looks: Mapping[str, Look] | None = None,
    at: float = np.inf,
    axis: str | None = None,
) -> tuple[str, str]:
    """Where the runs of either of two optimizers attain more than those of the other, by how large a share of runs.

    The darker of five shades, the more: up to 20 %, 40 %, ... On each panel also the true front, and what half of that
    optimizer's runs attain.

    Args:
        ax_pair: Where to draw: the first optimizer's advantages, and the second's.
        fronts: Label -> runs of that optimizer, two of them, of two objectives, on the same benchmark.
        looks: Label -> how its line looks.
        at: When so much was spent; at the end by default.
        axis: Of what; that of the budget by default.

    Returns:
        What the lower and the left axis are, as of `plot_front`.

    Raises:
        SettingError: Not two optimizers, or other than two objectives.
    """
    if len(fronts) != 2:
        raise SettingError(f"the difference of {counted(len(fronts), 'optimizer')}; two expected")
    reference, looks = common_reference(fronts), looks or looks_of(fronts)
    one, other = fronts.values()
    (points, runs), (other_points, other_runs) = one.points_at(at, axis), other.points_at(at, axis)
    x, y, share = attainment_difference((points, other_points), (runs, other_runs), (one.n_runs, other.n_runs))
    worst = _worst([reference.front, points, other_points])
    corners = [_shown(metric, reference, i, np.append(lines, worst[i])) for i, metric, lines in _each(reference, x, y)]
    norm = BoundaryNorm(np.linspace(0, 1, len(SHADES) + 1), len(SHADES))
    names = ("", "")
    for ax, label, own in zip(ax_pair, fronts, (share, -share), strict=True):
        ax.pcolormesh(
            *corners, np.ma.masked_less_equal(own.T, 0.0), cmap=ListedColormap(SHADES), norm=norm, rasterized=True
        )
        _plot_reference(ax, reference, worst)
        line = _line(looks[label])
        ax.plot(*_staircase(reference, _median(fronts[label], at, axis), worst), label="median", **line)
        names = _scale_objectives(ax, reference, worst)
    return names


# ---- figures ----


def front_figure(panels: Mapping[str, Panel], size: Size, *, highlight: Iterable[str] | None = None) -> Drawn:
    """The fronts that runs ended with beside the true one, a panel per benchmark; see `plot_front`.

    Raises:
        UnknownNameError, SettingError: It cannot be drawn so, as where there is one objective.
    """
    fronts = fronts_of(panels)
    looks, made = looks_by_volume(fronts, highlight), grid(titles_of(panels), size)
    _label(made, [plot_front(ax, some, looks=looks) for ax, some in zip(made.axes, fronts.values(), strict=True)])
    said = f"Points: final fronts of {_runs(fronts)}; steps: what any run of an optimizer attains. {_ERRORS}"
    return _drawn(made, said, looks, fronts)


def attainment_figure(
    panels: Mapping[str, Panel],
    size: Size,
    *,
    at: float | None = None,
    axis: str | None = None,
    highlight: Iterable[str] | None = None,
) -> Drawn:
    """What half of the runs of each optimizer attain, a panel per benchmark; of two optimizers, where they differ.

    Args:
        panels: Title -> what to draw.
        size: Of the figure in print.
        at: When so much was spent; at the end by default.
        axis: Of what; that of the budget by default.
        highlight: Labels of those in color.

    Raises:
        UnknownNameError, SettingError: It cannot be drawn so, as where there is one objective.
    """
    if at is not None:
        check_number("a number above 0", lambda spent: spent > 0, at=at)
    fronts, titles = fronts_of(panels), titles_of(panels)
    if at is not None:
        firsts = [one.along(axis).min() for some in fronts.values() for one in some.values() if len(one.points)]
        if at < min(firsts, default=np.inf):
            raise SettingError(f"at={at:g}; {min(firsts, default=np.inf):.6g} or more expected, where fronts begin")
    looks = looks_by_volume(fronts, highlight)
    when: dict[str, Any] = {"at": np.inf if at is None else at, "axis": axis}
    pairs = all(len(some) == 2 for some in fronts.values())
    if pairs:
        heads = [
            f"{title}: {optimizer_title(label)} attains more"
            for title, some in zip(titles, fronts.values(), strict=True)
            for label in some
        ]
        made = grid(heads, size, n_across=2 if size.width >= _SIDE_BY_SIDE * size.font else 1)
        sides = zip(made.axes[::2], made.axes[1::2], fronts.values(), strict=True)
        _label(made, [plot_attainment_difference((a, b), some, looks=looks, **when) for a, b, some in sides])
    else:
        made = grid(titles, size)
        each = zip(made.axes, fronts.values(), strict=True)
        _label(made, [plot_attainment(ax, some, looks=looks, **when) for ax, some in each])
    said = f"Lines: what half of {_runs(fronts)} attain"
    if at is not None:
        name = axis or next(iter(next(iter(fronts.values())).values())).axis
        said += f" by {at:g} {name}"
    said += ". Shades: by how many more of its runs a point is attained" if pairs else ""
    shades: list[tuple[str, Artist]] = [
        (f"{100 * low:.0f}-{100 * high:.0f} %", Patch(color=shade))
        for (low, high), shade in zip(pairwise(np.linspace(0, 1, len(SHADES) + 1)), SHADES, strict=True)
    ]
    return _drawn(made, f"{said}. {_ERRORS}", looks, fronts, shades if pairs else [])


def fronts_of(panels: Mapping[str, Panel]) -> dict[str, Mapping[str, FrontTrajectories]]:
    """Title -> label -> the fronts of its runs.

    Raises:
        SettingError: There is one objective.
    """
    for title, panel in panels.items():
        if not panel.fronts:
            objective = panel.benchmark.objective_metric.name
            raise SettingError(f"{title} has one objective, {objective}; a study of several expected")
    return {title: panel.fronts for title, panel in panels.items()}


def looks_by_volume(
    fronts: Mapping[str, Mapping[str, FrontTrajectories]], highlight: Iterable[str] | None
) -> dict[str, Look]:
    """How the line of each optimizer looks: of many, those with the largest final hypervolumes are in color."""
    if highlight is None:
        every = [{label: -final_indicator_values(one) for label, one in some.items()} for some in fronts.values()]
        highlight = best_few(every, BASELINES)
    return looks_of(dict.fromkeys(label for some in fronts.values() for label in some), highlight)


def name_with_n(label: str, some: Iterable[FrontTrajectories]) -> str:
    """The optimizer, and how many of its runs have a front, in each panel."""
    counts = [(len(np.unique(one.runs)), one.n_runs) for one in some]
    numbers = dict.fromkeys(f"{n_with:,}" if n_with == n else f"{n_with:,} of {n:,}" for n_with, n in counts)
    return f"{optimizer_title(label)}, n = {' / '.join(numbers)}"


def same_number(fronts: Mapping[str, Mapping[str, FrontTrajectories]]) -> int | None:
    """How many runs there are of each optimizer, if they are as many and all have a front."""
    numbers = {(len(np.unique(one.runs)), one.n_runs) for some in fronts.values() for one in some.values()}
    ((n_with, n_runs), *others) = numbers
    return n_runs if not others and n_with == n_runs else None


def _runs(fronts: Mapping[str, Mapping[str, FrontTrajectories]]) -> str:
    n_same = same_number(fronts)
    return "all runs" if n_same is None else f"{n_same:,} run{'s' * (n_same > 1)} each"


def _label(made: Grid, names: list[tuple[str, str]]) -> None:
    """Name the axes: once, where all panels have the same objectives."""
    if len(set(names)) == 1:
        made.label(*names[0])
        return
    per_name = len(made.axes) // len(names)
    for i, ax in enumerate(made.axes):
        x, y = names[i // per_name]
        ax.set_xlabel(x, parse_math=False)
        ax.set_ylabel(y, parse_math=False)


def _drawn(
    made: Grid,
    said: str,
    looks: Mapping[str, Look],
    fronts: Mapping[str, Mapping[str, FrontTrajectories]],
    more: Iterable[tuple[str, Artist]] = (),
) -> Drawn:
    ones: dict[str, list[FrontTrajectories]] = {}
    for some in fronts.values():
        for label, one in some.items():
            ones.setdefault(label, []).append(one)
    is_proven = all(one.reference.is_proven for some in ones.values() for one in some)
    behind = (_name_of_reference(is_proven), Line2D([], [], **_reference_line()))
    name_of = optimizer_title if same_number(fronts) else lambda label: name_with_n(label, ones[label])
    return Drawn(made.figure, said, looks, name_of, more=[behind, *more])


# ---- what is drawn ----


def common_reference(fronts: Mapping[str, FrontTrajectories], n_objectives: int | None = 2) -> Reference:
    """What all of them are measured against.

    Raises:
        SettingError: They differ in it, there are none, or they have another number of objectives.
    """
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


def _line(look: Look) -> dict[str, Any]:
    """A line without markers, which would look like points of a front."""
    return look.line | {"marker": ""}


def _name_of_reference(is_proven: bool) -> str:
    return "true front" if is_proven else "best known front"


def _reference_line() -> dict[str, Any]:
    return {"color": GRAY, "linewidth": 1.6 * rcParams["lines.linewidth"], "alpha": 0.5}


def _plot_reference(ax: Axes, reference: Reference, worst: NDArray[np.float64]) -> None:
    """The true front, its points and the border of what they dominate."""
    dots = [_shown(metric, reference, i, losses) for i, metric, losses in _each(reference, *reference.front.T)]
    name = _name_of_reference(reference.is_proven)
    ax.plot(*_staircase(reference, reference.front, worst), label=name, **_reference_line())
    ax.plot(*dots, "o", color=GRAY, markersize=0.5 * rcParams["lines.markersize"])


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


def _scale_objectives(ax: Axes, reference: Reference, worst: NDArray[np.float64]) -> tuple[str, str]:
    """Limits and ticks; what the axes are."""
    best = reference.front.min(axis=0)
    names = []
    for i, metric, losses in _each(reference, *np.column_stack([best - _MARGIN * (worst - best), worst])):
        show = shown(metric.name, metric.unit)
        name = metric_title(without_unit(show))
        names.append(f"{name.replace('accuracy', 'error') if _is_accuracy(metric) else name} [{show.unit}]")
        ends = np.minimum(_shown(metric, reference, i, losses), show.factor if _is_accuracy(metric) else np.inf)
        ideal = float(_shown(metric, reference, i, best[i : i + 1])[0])
        is_log = ideal > 0 and ends[1] > _WIDE * ideal
        (ax.set_xscale, ax.set_yscale)[i]("log" if is_log else "linear")
        (ax.set_xlim, ax.set_ylim)[i](*sorted((ideal / 1.1 if is_log else ends[0], ends[1])))
        if is_log:
            _plain_numbers((ax.xaxis, ax.yaxis)[i])
    quiet(ax)
    return names[0], names[1]


def _plain_numbers(axis: Axis) -> None:
    """1, 2, 5, 10, ... on a logarithmic axis."""
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())

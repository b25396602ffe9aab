"""Anytime performance: what the incumbents of many runs are worth over time, in every usual convention."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib import rcParams
from matplotlib.patches import Patch

from nasbench_kit.analysis import Trajectories
from nasbench_kit.errors import SettingError
from nasbench_kit.plots.curves import BAND, Anytime, Curve, check_inside, curves_of, law_band, law_curve
from nasbench_kit.plots.grids import Drawn, finish, grid, looks_for
from nasbench_kit.plots.looks import Look
from nasbench_kit.plots.overlays import Laid, Overlay, draw_overlay, laid_over, overlay_lines, overlays_in_words
from nasbench_kit.plots.scales import Heights, axis_title, heights_of, scale_x, scale_y
from nasbench_kit.plots.style import DOTTED, GRAY, ShownFigure, Size, drawn_at, quiet, size_of, text_width, wrapped
from nasbench_kit.plots.titles import benchmark_title, metric_title, optimizer_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nasbench_kit.analysis import RandomSearchLaw

_LAW = "random search, exact law"
_MOST_BANDS = 3  # lines in color with bands, which else hide each other


class Told(NamedTuple):
    """What a panel shows that a caption has to explain."""

    begins: bool = False  #: lines are dotted before all runs have an incumbent
    ends: bool = False  #: lines are dotted where some runs have ended
    stops: bool = False  #: lines stop, where all runs have ended
    has_zero: bool = False  #: 0 stands on a logarithmic axis
    band: str = ""  #: what the bands are


def plot_anytime(
    ax: Axes,
    trajectories: Mapping[str, Trajectories],
    *,
    law: RandomSearchLaw | None = None,
    overlays: Mapping[str, Overlay] | None = None,
    looks: Mapping[str, Look] | None = None,
    n_workers: int = 1,
    how: Anytime | None = None,
    **choices: Any,
) -> Told:
    """Draw a statistic over runs of what their incumbents are worth, over what was spent, in steps.

    Each line begins where its statistic exists. It is dotted up to a dot where all runs that ever have an incumbent
    have one, and dotted again from where the first of its runs ended to where the last did. A stroke marks that, if the
    axis goes on: no run does after its end. Where a budget ends the runs, and not they themselves, it is the end. A
    regret of 0, which a logarithm does not show, is drawn on the floor of the panel, labeled 0.

    Args:
        ax: Where to draw.
        trajectories: Label -> runs of that optimizer, all on the same benchmark.
        law: The exact law of random search under the same rules, drawn behind as a hatched band around its line.
        overlays: Label -> what others measured, as `nasbench_kit.analysis.external` reads it: thin marked lines.
        looks: Label -> how its line looks; by default each in its own color, as far as colors go.
        n_workers: Of a run: what they still train when a budget ends is no early end.
        how: What is drawn.
        choices: Attributes of `Anytime` by their names, instead of or beside `how`.

    Returns:
        What there is to be explained.

    Raises:
        UnknownNameError: There is no such axis, or no such choice.
        SettingError: A choice does not go with another one, with the law or with an overlay.
    """
    how = (how or Anytime()).changed(choices)
    looks = looks or looks_for([trajectories])
    for one in trajectories.values():
        one.checked_axis(how.axis)  # also of those that are not drawn
    ones = {label: one for label, one in trajectories.items() if one.has_incumbent.any()}
    for label, one in trajectories.items():
        if label not in ones:  # nothing to draw, and still in the legend
            ax.plot([], [], label=_with_n(label, [one]), **looks[label].line)
    if not ones:
        return nothing_to_draw(ax)
    how = with_band(how, [looks[label] for label in ones])
    first = next(iter(ones.values()))
    curves = curves_of(ones, how, n_workers, tuple(label for label in ones if looks[label].in_color))
    behind = None if law is None else law_curve(law, first, how)
    names = {label: _with_n(label, [one]) for label, one in ones.items()}
    beside = laid_over(overlays or {}, first, how)
    return draw_curves(ax, curves, how, first.checked_axis(how.axis), looks, names, behind, beside)


def nothing_to_draw(ax: Axes) -> Told:
    """Say so instead of lines."""
    ax.text(0.5, 0.5, "no run has an incumbent", ha="center", va="center", transform=ax.transAxes)
    return Told()


def with_band(how: Anytime, looks: Iterable[Look]) -> Anytime:
    """The same, where "auto" is quartiles of few lines in color, and no band of many."""
    if how.band != "auto":
        return how
    return replace(how, band=BAND if sum(look.in_color for look in looks) <= _MOST_BANDS else None)


def draw_curves(
    ax: Axes,
    curves: Mapping[str, Curve],
    how: Anytime,
    axis: str,
    looks: Mapping[str, Look],
    names: Mapping[str, str],
    behind: Curve | None = None,
    beside: Mapping[str, Laid] | None = None,
) -> Told:
    """Lines over what was spent, on axes that hold all of their parts that hold for all runs.

    Args:
        ax: Where to draw.
        curves: Label -> line, one or more.
        how: The axes.
        axis: What was spent.
        looks: Label -> how its line looks.
        names: Label -> what it is called.
        behind: The law of random search.
        beside: Label -> what others measured.
    """
    others = [laid.curve for laid in (beside or {}).values()]
    every = [*curves.values(), *([behind] if behind else []), *others]
    shown = (
        values[part] for curve in every for part in curve.parts()[1:] for values in (curve.center, *(curve.band or ()))
    )
    heights = heights_of(shown, how.scale_of_y, how.y_limits)
    end = max(curve.last_end for curve in (*curves.values(), *others))
    marks = [draw_curve(ax, curve, looks[label], heights, end, names[label]) for label, curve in curves.items()]
    if behind:
        _draw_law(ax, behind, heights)
    for i, (label, laid) in enumerate((beside or {}).items()):
        center = heights.lifted(laid.curve.center)
        draw_overlay(ax, laid._replace(curve=laid.curve._replace(center=center)), i, label)
    there = [curve.times[np.isfinite(curve.center)] for curve in every]
    begin = float(min((times[0] for times in there if len(times)), default=end))
    check_inside(begin, end, axis, x_limits=how.x_limits)
    begin = 0.0 if how.x_scale == "linear" else begin
    scale_x(ax, how.x_scale, how.x_limits or (begin, end), axis)
    scale_y(ax, heights)
    quiet(ax)
    begins, ends, stops = (any(each) for each in zip(*marks, strict=True))
    return Told(begins, ends, stops, heights.has_zero, _band_in_words(how))


def draw_curve(ax: Axes, curve: Curve, look: Look, heights: Heights, end: float, label: str) -> tuple[bool, bool, bool]:
    """The line of one optimizer; whether it is dotted at its beginning, at its end, and stops before others do."""
    before, whole, after = curve.parts()
    times, center = curve.times, heights.lifted(curve.center)
    ax.step(times[whole], center[whole], where="post", label=label, **look.line)
    if whole.stop == 0:  # no line, and still in the legend
        return False, False, False
    thin = {**look.line, "linestyle": DOTTED, "linewidth": 0.75 * look.line["linewidth"], "marker": ""}
    for part, name in ((before, "before"), (after, "after")):
        if part.stop - part.start > 1:
            ax.step(times[part], center[part], where="post", gid=f"{name} {label}", **thin)
    begins, ends, stops = before.start < whole.start, after.start < after.stop - 1, curve.last_end < end
    mark = {"linestyle": "", "color": look.color, "zorder": look.line["zorder"] + 0.1}
    is_point = times[whole.start] == times[whole.stop - 1]  # such as a run of one evaluation: its line has no length
    if is_point or (begins and look.in_color):
        ax.plot(times[whole.start], center[whole.start], "o", markersize=0.55 * rcParams["lines.markersize"], **mark)
    if stops:
        ax.plot(
            times[after.stop - 1], center[after.stop - 1], "|", markersize=1.4 * rcParams["lines.markersize"], **mark
        )
    if curve.band is not None:
        low, high = map(heights.lifted, curve.band)
        drawn = slice(before.start, after.stop)
        ax.fill_between(
            times[drawn], low[drawn], high[drawn], step="post", color=look.color, alpha=0.16, linewidth=0, zorder=1
        )
    return begins, ends, stops


def _draw_law(ax: Axes, curve: Curve, heights: Heights) -> None:
    there = np.isfinite(curve.center)
    assert curve.band is not None
    low, high = (heights.lifted(edge)[there] for edge in curve.band)
    times, center = curve.times[there], heights.lifted(curve.center)[there]
    ax.fill_between(times, low, high, step="post", zorder=0, **_HATCHED)
    ax.step(
        times, center, where="post", color=GRAY, linewidth=0.7 * rcParams["lines.linewidth"], zorder=0.1, label=_LAW
    )


_HATCHED: dict[str, Any] = {"facecolor": "none", "edgecolor": GRAY, "hatch": "////", "linewidth": 0}


def _with_n(label: str, some: Sequence[Trajectories]) -> str:
    """The optimizer, and how many runs there are in each panel."""
    n_runs = [one.n_runs for one in some]
    n_with = [int(one.has_incumbent.sum()) for one in some]
    of = "" if n_with == n_runs else f" of {_span(n_runs)}"
    return f"{optimizer_title(label)}, n = {_span(n_with)}{of}"


def _span(numbers: Sequence[int]) -> str:
    return " to ".join(f"{n:,}" for n in dict.fromkeys((min(numbers), max(numbers))))


# ---- figures ----


def compare_figure(
    panels: Mapping[str, Mapping[str, Trajectories]],
    *,
    note: str = "",
    width: str | float = "text",
    caption: bool = True,
    **choices: Any,
) -> ShownFigure:
    """One `plot_anytime` panel per benchmark, with one legend, at the size in which it is printed.

    Args:
        panels: Benchmark, or any title -> label -> runs.
        note: How the runs were made (budget, seeds, workers), written below.
        width: "column", "text" (of a page with two columns), "slide", or inches.
        caption: Whether to write below how the numbers came about.
        choices: What else `anytime_figure` takes.

    Raises:
        UnknownNameError, SettingError: There is nothing to draw, or it cannot be drawn so.
    """
    size = size_of(width)
    with drawn_at(size):
        drawn = anytime_figure(panels, size, note=note, caption=caption, **choices)
        return finish(drawn, note=note, caption=caption)


def anytime_figure(
    panels: Mapping[str, Mapping[str, Trajectories]],
    size: Size,
    *,
    note: str = "",
    caption: bool = True,
    laws: Mapping[str, RandomSearchLaw] | None = None,
    overlays: Mapping[str, Mapping[str, Overlay]] | None = None,
    highlight: Iterable[str] | None = None,
    n_workers: Mapping[str, int] | None = None,
    how: Anytime | None = None,
    **choices: Any,
) -> Drawn:
    """One `plot_anytime` panel per benchmark.

    Args:
        panels: Benchmark, or any title -> label -> runs.
        size: Of the figure in print.
        note: How the runs were made.
        caption: Whether one will say how many they are; else the legend does.
        laws: Benchmark -> the exact law of random search there, to be drawn too.
        overlays: Benchmark -> label -> what others measured there.
        highlight: Labels of those in color, where the others are to be gray. By default all; of more than there are
            colors, the best few by their median at the end, and random search.
        n_workers: Benchmark -> workers of a run, where there are several.
        how: What is drawn.
        choices: Attributes of `Anytime` by their names, instead of or beside `how`.

    Raises:
        UnknownNameError, SettingError: There is nothing to draw, or it cannot be drawn so.
    """
    if not panels or not all(panels.values()):
        raise SettingError("compare_figure of no runs; {benchmark: {label: trajectories}} expected")
    runs: dict[str, list[Trajectories]] = {}
    for trajectories in panels.values():
        for label, one in trajectories.items():
            runs.setdefault(label, []).append(one)
    looks = looks_for(panels.values(), highlight)
    how = with_band((how or Anytime()).changed(choices), looks.values())  # the same in all panels
    told = []
    made = grid(list(map(benchmark_title, panels)), size)
    ylabels = [_quantity_in_words(_any(some), how, size.font, 0.86 * made.up) for some in panels.values()]
    for i, (ax, (title, trajectories)) in enumerate(zip(made.axes, panels.items(), strict=True)):
        law, over = (laws or {}).get(title), (overlays or {}).get(title)
        workers = (n_workers or {}).get(title, 1)
        told.append(plot_anytime(ax, trajectories, law=law, overlays=over, looks=looks, n_workers=workers, how=how))
        if i + made.n_across >= len(panels):  # nothing below it
            ax.set_xlabel(axis_title(_any(trajectories).checked_axis(how.axis)))
        if i % made.n_across == 0 or len(set(ylabels)) > 1:
            ax.set_ylabel(ylabels[i], parse_math=False)
    n_same = _same_number(runs.values()) if caption else None
    said = _how_to_read(list(map(_any, panels.values())), told, how, n_same, bool(laws), note)
    beside = {label: one for some in (overlays or {}).values() for label, one in some.items()}
    said += f"; {overlays_in_words(beside)}" if beside else ""
    behind = [(_LAW, Patch(**_HATCHED))] if laws else []
    name_of = optimizer_title if n_same else lambda label: _with_n(label, runs[label])
    return Drawn(
        made.figure,
        said,
        looks,
        name_of,
        more=[*behind, *overlay_lines(beside, _any(next(iter(panels.values()))).metric)],
    )


def _same_number(runs: Iterable[Sequence[Trajectories]]) -> int | None:
    """How many runs there are of each optimizer in each panel, if they are as many and all have an incumbent."""
    every = [one for some in runs for one in some]
    numbers = {one.n_runs for one in every}
    return numbers.pop() if len(numbers) == 1 and all(one.has_incumbent.all() for one in every) else None


def _any(trajectories: Mapping[str, Trajectories]) -> Trajectories:
    return next(iter(trajectories.values()))


def _quantity_in_words(one: Trajectories, how: Anytime, font: float, room: float) -> str:
    """What is drawn and its unit, in lines of at most `room` inches."""
    is_value, name = how.quantity == "value", metric_title(one.show.name)
    unit = f"[{one.show.unit if is_value else one.show.difference_unit}]"
    said = name if is_value else f"regret in {name}"
    whole = f"{said} {unit}"
    return whole if text_width(whole, font) <= room else "\n".join(wrapped(part, font, room) for part in (said, unit))


def _band_in_words(how: Anytime) -> str:
    if how.band is None or how.band == "auto":
        return ""
    if isinstance(how.band, str):
        return {"bootstrap": "95 % bootstrap intervals"}.get(how.band, f"one {how.band}")
    low, high = (f"{100 * quantile:g}" for quantile in how.band)
    return f"{low}-{high} % quantiles"


def _how_to_read(
    ones: Sequence[Trajectories], told: Sequence[Told], how: Anytime, n_same: int | None, has_law: bool, note: str
) -> str:
    """What of it is there; the budget, where the note does not say it."""
    best = "the best" if all(one.is_proven for one in ones) else "the best known"
    said = [f"Lines: {told_in_words(told, how, n_same, has_law=has_law)}"]
    means = " or ".join(dict.fromkeys(one.values_are for one in ones))
    budgets = dict.fromkeys(one.budgets.get(one.axis) for one in ones)
    if "budget" not in note and None not in budgets:
        numbers = " / ".join(f"{budget:,.0f}" for budget in budgets)
        said.append(f"budget: {numbers} {ones[0].axis}")
    meant = f"Incumbents are reported by {means}"
    meant += f", regret is to {best}" if how.quantity == "regret" else ""
    return f"{'; '.join(said)}. {meant}"


def told_in_words(told: Sequence[Told], how: Anytime, n_same: int | None, *, has_law: bool = False) -> str:
    """What lines, bands and marks of panels mean.

    Args:
        told: What there is in each panel.
        how: What is drawn.
        n_same: How many runs each line is of, if that is the same of all.
        has_law: Whether there is the law of random search.
    """
    statistic = {"iqm": "interquartile mean"}.get(how.statistic, how.statistic)
    said = [f"{statistic} over {'runs' if n_same is None else f'{n_same:,} runs each'}"]
    if n_same == 1:
        said = ["one run each"]
    said += [f"bands: {told[0].band}"] * bool(told[0].band and n_same != 1)
    if has_law:
        low, high = law_band(how)
        said.append(f"hatched: {100 * low:g}-{100 * high:g} % of the exact law")
    said += ["dotted up to a dot: not all runs have an incumbent yet"] * any(one.begins for one in told)
    said += ["dotted at the end: some runs have ended"] * any(one.ends for one in told)
    said += ["a stroke: all have ended"] * any(one.stops for one in told)
    said += ["0 on the axis: no regret"] * any(one.has_zero for one in told)
    return "; ".join(said)

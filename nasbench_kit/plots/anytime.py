"""Anytime performance: regret over simulated time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    LogFormatterSciNotation,
    LogLocator,
    MaxNLocator,
    NullFormatter,
)

from nasbench_kit.analysis import Trajectories, quantile_curves, regret_curves, time_grid
from nasbench_kit.errors import SettingError
from nasbench_kit.plots.style import COLORS, GRAY, LINE_STYLES, ShownFigure, add_caption, quiet
from nasbench_kit.simulator import EPOCHS, EVALUATIONS, SECONDS

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from nasbench_kit.analysis import RandomSearchLaw

BAND = (0.25, 0.75)
_MOST_ACROSS = 4  # panels in a row
_CLOCKS = {SECONDS: "simulated time [s]", EVALUATIONS: "evaluations", EPOCHS: "epochs trained"}
_LAW = "random search, exact law"
_LETTER = 0.09  # inches, of a label of the legend
_HANDLE = 0.8  # inches, of the line before it


def plot_anytime(
    ax: Axes,
    trajectories: Mapping[str, Trajectories],
    *,
    band: tuple[float, float] = BAND,
    law: RandomSearchLaw | None = None,
    labels: Sequence[str] | None = None,
) -> None:
    """Median regret over simulated time with a quantile band, in steps, on logarithmic axes.

    A regret of 0, which a logarithm does not show, is drawn on the floor of the panel, labeled 0. Runs that never have
    an incumbent have no regret: the legend says of how many runs the lines are.

    Args:
        ax: Where to draw.
        trajectories: Label -> runs of that optimizer, all on the same benchmark.
        band: The two quantiles that bound the band.
        law: The exact law of random search under the same rules, drawn behind as a hatched band around its median.
        labels: Those of all panels of a figure, so that each looks the same in all of them; by default these.
    """
    looks = list(dict.fromkeys((*(labels or ()), *trajectories)))
    factor = next(iter(trajectories.values())).show.factor
    if not any(one.has_incumbent.any() for one in trajectories.values()):
        ax.text(0.5, 0.5, "no run has an incumbent", ha="center", va="center", transform=ax.transAxes)
        return
    times_s = time_grid(list(trajectories.values()), all_begun=True)
    curves = {label: factor * regret_curves(one, times_s) for label, one in trajectories.items()}
    floor = _floor(np.concatenate([curve.ravel() for curve in curves.values()]))
    lowest = inf
    for label, runs in curves.items():
        i = looks.index(label)
        low, median, high = np.maximum(quantile_curves(runs, (band[0], 0.5, band[1])), floor)
        color, style = COLORS[i % len(COLORS)], LINE_STYLES[i % len(LINE_STYLES)]
        n_runs = int((~np.isnan(runs[:, -1])).sum())
        name = f"{label.replace('_', ' ')}, n = {n_runs}{f' of {len(runs)}' if n_runs < len(runs) else ''}"
        ax.step(times_s, median, where="post", color=color, linestyle=style, linewidth=1.6, label=name)
        lowest = min(lowest, low.min())
        ax.fill_between(times_s, low, high, step="post", color=color, alpha=0.18, linewidth=0)
    if law is not None:
        lowest = min(lowest, _draw_law(ax, law, next(iter(trajectories.values())), times_s, band, floor))
    ax.set_xscale("log")
    ax.set_yscale("log")
    if times_s[0] < times_s[-1]:
        ax.set_xlim(times_s[0], times_s[-1])
    span = times_s[-1] / times_s[0]
    if span < 100:  # too few powers of ten to read the axis by
        subs = (1.0, 3.0) if span >= 10 else (1.0, 2.0, 5.0)
        ax.xaxis.set_major_locator(LogLocator(subs=subs) if span >= 5 else MaxNLocator(3))
        ax.xaxis.set_major_formatter(LogFormatterSciNotation(labelOnlyBase=False, minor_thresholds=(inf, inf)))
    if next(iter(trajectories.values())).axis != SECONDS:  # what is counted: 10, not a power of ten
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    _label_regret(ax, floor, lowest)


def _draw_law(
    ax: Axes,
    law: RandomSearchLaw,
    one: Trajectories,
    times: NDArray[np.float64],
    band: tuple[float, float],
    floor: float,
) -> float:
    """Quantiles of the law's regret to the best that the runs are compared with; the lowest that was drawn."""
    there = (law.times >= times[0]) & (law.times <= times[-1]) & (law.has_incumbent > 0.5)
    values = law.metric.sign() * law.quantiles((band[0], 0.5, band[1]))[:, there]
    high, median, low = np.maximum(one.show.factor * (one.best - values), floor)
    behind: dict[str, Any] = {
        "step": "post",
        "facecolor": "none",
        "edgecolor": GRAY,
        "hatch": "////",
        "linewidth": 0,
        "zorder": 0,
    }
    ax.fill_between(law.times[there], low, high, **behind)
    ax.step(law.times[there], median, where="post", color=GRAY, linewidth=1.0, zorder=0, label=_LAW)
    return float(low.min(initial=inf))


def _floor(regret: NDArray[np.float64]) -> float:
    """A place for 0 on a logarithmic axis: half of the smallest regret above 0."""
    above = regret[regret > 0]
    return float(above.min()) / 2 if len(above) else 1e-3


def _label_regret(ax: Axes, floor: float, lowest: float) -> None:
    """Plain numbers at 1, 2, 5, 10, ...; 0 at the floor, if anything lies there."""
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())
    if lowest <= floor:
        ax.set_ylim(0.9 * floor, max(ax.get_ylim()[1], 2 * floor))
        ticks = [tick for tick in ax.yaxis.get_majorticklocs() if tick > 1.3 * floor]
        ax.yaxis.set_major_locator(FixedLocator([floor, *ticks]))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: "0" if value <= floor else f"{value:g}"))
    quiet(ax)


def _regret_in_words(one: Trajectories) -> str:
    show = one.show
    against = "" if one.is_proven else "; to the best known"
    return f"regret of the incumbent [{show.difference_unit}]\n({show.name}, {one.values_are}{against})"


def compare_figure(
    panels: Mapping[str, Mapping[str, Trajectories]],
    *,
    note: str = "",
    band: tuple[float, float] = BAND,
    laws: Mapping[str, RandomSearchLaw] | None = None,
) -> ShownFigure:
    """One `plot_anytime` panel per benchmark, up to four side by side, with one legend.

    Args:
        panels: Benchmark -> label -> runs.
        note: How the runs were made (budget, seeds, workers), written below.
        band: The two quantiles that bound the bands.
        laws: Benchmark -> the exact law of random search there, to be drawn too.

    Raises:
        SettingError: There is nothing to draw.
    """
    if not panels or not all(panels.values()):
        raise SettingError("compare_figure of no runs; {benchmark: {label: trajectories}} expected")
    n_across = min(len(panels), _MOST_ACROSS)
    n_down = -(-len(panels) // n_across)
    width = 1.2 + max(3.6 * n_across, 4.2)
    figure = ShownFigure(figsize=(width, 0.8 + 3.2 * n_down), layout="constrained")
    grid: NDArray[np.object_] = figure.subplots(n_down, n_across, squeeze=False)
    axes: Sequence[Axes] = grid.ravel()[: len(panels)].tolist()
    for unused in grid.ravel()[len(panels) :]:
        unused.remove()
    labels = list(dict.fromkeys(label for trajectories in panels.values() for label in trajectories))
    for ax, (benchmark, trajectories) in zip(axes, panels.items(), strict=True):
        plot_anytime(ax, trajectories, band=band, law=(laws or {}).get(benchmark), labels=labels)
        ax.set_title(benchmark, fontsize=10)
        ax.set_xlabel(_CLOCKS[next(iter(trajectories.values())).axis])
    labels_y = [_regret_in_words(next(iter(trajectories.values()))) for trajectories in panels.values()]
    same = len(set(labels_y)) == 1
    for i, (ax, label) in enumerate(zip(axes, labels_y, strict=True)):
        if not same or i % n_across == 0:
            ax.set_ylabel(label)
    _add_legend(figure, axes, width)
    low, high = (f"{100 * quantile:g}" for quantile in band)
    add_caption(figure, f"Lines: median over runs; bands: {low}-{high} % quantiles; 0 on the axis: no regret. {note}")
    return figure


def _add_legend(figure: ShownFigure, axes: Sequence[Axes], width: float) -> None:
    """One legend for all panels above them, as many labels side by side as fit; long ones take several lines."""
    lines: dict[str, Artist] = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            lines.setdefault("\n".join(wrap(label, int((width - _HANDLE) / _LETTER))), handle)
    if not lines:
        return
    longest = max(len(line) for label in lines for line in label.split("\n"))
    n_columns = min(len(lines), max(1, int(width / (_HANDLE + _LETTER * longest))))
    n_rows = -(-len(lines) // n_columns) * max(label.count("\n") + 1 for label in lines)
    figure.set_figheight(figure.get_figheight() + 0.2 * n_rows)
    figure.legend(
        list(lines.values()), list(lines), loc="outside upper center", ncols=n_columns, frameon=False, fontsize=9
    )

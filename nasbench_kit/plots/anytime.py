"""Anytime performance: regret over simulated time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, LogFormatterSciNotation, LogLocator, NullFormatter

from nasbench_kit.analysis import Outcomes, quantile_curves, regret_curves, time_grid
from nasbench_kit.simulator import SECONDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

BAND = (0.25, 0.75)
_MOST_ACROSS = 4  # panels in a row
# Okabe and Ito's palette, told apart by color-blind readers too; the line styles serve those who print in gray.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_STYLES = ("-", "--", "-.", (0, (1, 1)), (0, (5, 1, 1, 1, 1, 1)))


def plot_anytime(
    ax: Axes,
    outcomes: Mapping[str, Outcomes],
    *,
    band: tuple[float, float] = BAND,
) -> None:
    """Median regret over simulated time with a quantile band, in steps, on logarithmic axes.

    A regret of 0, which a logarithm does not show, is drawn on the floor of the panel, labeled 0.

    Args:
        ax: Where to draw.
        outcomes: Label -> runs of that optimizer, all on the same benchmark.
        band: The two quantiles that bound the band.
    """
    scale, _ = next(iter(outcomes.values())).shown_as
    times_s = time_grid(list(outcomes.values()))
    curves = {label: scale * regret_curves(one, times_s) for label, one in outcomes.items()}
    floor = _floor(np.concatenate([curve.ravel() for curve in curves.values()]))
    lowest = inf
    for i, (label, runs) in enumerate(curves.items()):
        low, median, high = np.maximum(quantile_curves(runs, (band[0], 0.5, band[1])), floor)
        color, style = _COLORS[i % len(_COLORS)], _STYLES[i % len(_STYLES)]
        name = f"{label.replace('_', ' ')}, n = {len(runs)}"
        ax.step(times_s, median, where="post", color=color, linestyle=style, linewidth=1.6, label=name)
        lowest = min(lowest, low.min())
        ax.fill_between(times_s, low, high, step="post", color=color, alpha=0.18, linewidth=0)
    ax.set_xscale("log")
    ax.set_yscale("log")
    if times_s[0] < times_s[-1]:
        ax.set_xlim(times_s[0], times_s[-1])
    if times_s[-1] < 100 * times_s[0]:  # too few powers of ten to read the axis by
        ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
        ax.xaxis.set_major_formatter(LogFormatterSciNotation(labelOnlyBase=False, minor_thresholds=(inf, inf)))
    if next(iter(outcomes.values())).clock != SECONDS:  # evaluations are counted: 10, not a power of ten
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    _label_regret(ax, floor, lowest)


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
    ax.grid(visible=True, which="major", alpha=0.25, linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)


def _regret_in_words(one: Outcomes) -> str:
    unit = one.shown_as[1].replace("%", "percentage points")
    against = "" if one.is_proven else "; to the best known"
    return f"regret of the incumbent [{unit}]\n({one.metric_in_words}, {one.mean_in_words}{against})"


def compare_figure(
    panels: Mapping[str, Mapping[str, Outcomes]], *, note: str = "", band: tuple[float, float] = BAND
) -> Figure:
    """One `plot_anytime` panel per benchmark, up to four side by side, with one legend.

    Args:
        panels: Benchmark -> label -> runs.
        note: How the runs were made (budget, seeds, workers), written below.
        band: The two quantiles that bound the bands.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    n_across = min(len(panels), _MOST_ACROSS)
    n_down = -(-len(panels) // n_across)
    width = 1.2 + max(3.6 * n_across, 4.2)
    labels = [label for outcomes in panels.values() for label in outcomes]
    n_columns = max(1, int(width / (1.0 + 0.09 * max(map(len, labels)))))  # as many as fit side by side
    n_rows = -(-len(dict.fromkeys(labels)) // n_columns)
    figure = Figure(figsize=(width, 0.8 + 3.2 * n_down + 0.2 * n_rows), layout="constrained")
    FigureCanvasAgg(figure)
    grid: NDArray[np.object_] = figure.subplots(n_down, n_across, squeeze=False)
    axes: Sequence[Axes] = grid.ravel()[: len(panels)].tolist()
    for unused in grid.ravel()[len(panels) :]:
        unused.remove()
    for ax, (benchmark, outcomes) in zip(axes, panels.items(), strict=True):
        plot_anytime(ax, outcomes, band=band)
        ax.set_title(benchmark, fontsize=10)
        clock = next(iter(outcomes.values())).clock
        ax.set_xlabel("simulated time [s]" if clock == SECONDS else "evaluations")
    judged = {benchmark: next(iter(outcomes.values())) for benchmark, outcomes in panels.items()}
    labels_y = [_regret_in_words(one) for one in judged.values()]
    same = len(set(labels_y)) == 1
    for i, (ax, label) in enumerate(zip(axes, labels_y, strict=True)):
        if not same or i % n_across == 0:
            ax.set_ylabel(label)
    handles, labels = axes[0].get_legend_handles_labels()
    columns = min(n_columns, len(labels))
    figure.legend(handles, labels, loc="outside upper center", ncols=columns, frameon=False, fontsize=9)
    low, high = (f"{100 * quantile:g}" for quantile in band)
    caption = f"Lines: median over runs; bands: {low}-{high} % quantiles; 0 on the axis: no regret. {note}"
    figure.supxlabel("\n".join(wrap(caption, int(18 * width))), fontsize=7.5, color="0.35")
    return figure

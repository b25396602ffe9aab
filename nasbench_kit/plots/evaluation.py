"""A surrogate evaluated by a table: predicted against true, residuals by rank, calibration of its noise."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import rcParams
from matplotlib.ticker import FuncFormatter

from nasbench_kit.analysis import shown
from nasbench_kit.plots.grids import Drawn, finish, grid
from nasbench_kit.plots.style import (
    CAPTION_GRAY,
    COLORS,
    GRAY,
    ShownFigure,
    drawn_at,
    quiet,
    size_of,
    small_letters,
    thick,
)
from nasbench_kit.predictors.agreement import r2
from nasbench_kit.surrogates.quality.calibration import LEVELS, distances_of_repeated, if_not_failed
from nasbench_kit.surrogates.quality.evaluate import Comparison

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

_BLUE = COLORS[0]
_SHOWN = 0.02  # quantile of the worse end where the axes begin: a few that collapsed would take all the room
_LEAST_PER_BIN = 12
_MOST_BINS = 40
_TIGHT: dict[str, Any] = {"handlelength": 1.4, "borderpad": 0.2, "labelspacing": 0.25, "alignment": "left"}
_SIDE_BY_SIDE = 0.7  # inches per point of letters, from which the three panels stand in a row
_BANDS = ((0.05, 0.95, 0.18), (0.25, 0.75, 0.3))


def plot_predicted(ax: Axes, compared: Comparison) -> None:
    """Draw recorded against predicted values: the density of architectures, and the diagonal.

    The axes leave out the worst two percent, which may lie far away; how many are not shown is written there.

    Args:
        ax: Where to draw.
        compared: What `nasbench_kit.surrogates.quality.evaluate.compare` returned.
    """
    show = shown(compared.metric.name, compared.metric.unit)
    factor, unit = show.factor, show.unit
    true, predicted = factor * compared.true, factor * compared.predicted
    low, high = _limits(np.concatenate([true, predicted]), compared.metric.sign())
    inside = (np.minimum(true, predicted) >= low) & (np.maximum(true, predicted) <= high)
    ax.plot((low, high), (low, high), color=GRAY, linewidth=thick(0.6), zorder=3)
    ax.hexbin(
        predicted[inside],
        true[inside],
        gridsize=55,
        extent=(low, high, low, high),
        bins="log",
        mincnt=1,
        cmap="Blues",
        vmin=0.4,
        linewidths=0.1,
    )
    ax.set_xlim(low, high)
    ax.set_ylim(low, high)
    ax.set_aspect("equal")
    ax.set_xlabel(f"predicted [{unit}]")
    ax.set_ylabel(f"recorded [{unit}]")
    lines = [f"n = {len(true):,}", f"R² = {r2(compared.true, compared.predicted):.3f}"]
    lines += [f"{int((~inside).sum()):,} outside of the axes"] * bool((~inside).any())
    ax.text(0.03, 0.97, "\n".join(lines), transform=ax.transAxes, va="top", fontsize=small_letters())
    quiet(ax)


def _limits(values: NDArray[np.float64], sign: int) -> tuple[float, float]:
    ends = np.quantile(values, (_SHOWN, 1.0) if sign > 0 else (0.0, 1 - _SHOWN))
    margin = 0.03 * float(ends[1] - ends[0]) or 1.0
    return float(ends[0]) - margin, float(ends[1]) + margin


def plot_residuals(ax: Axes, compared: Comparison) -> None:
    """Draw recorded minus predicted, over the rank of the prediction, the best first: median and quantile bands.

    Args:
        ax: Where to draw.
        compared: What `nasbench_kit.surrogates.quality.evaluate.compare` returned.
    """
    show = shown(compared.metric.name, compared.metric.unit)
    factor, unit = show.factor, show.difference_unit
    order = np.argsort(-compared.metric.sign() * compared.predicted, kind="stable")
    residuals = factor * (compared.true - compared.predicted)[order]
    edges = _rank_bins(len(residuals))
    parts = [residuals[start:end] for start, end in pairwise(edges)]
    ranks = np.array([np.sqrt((start + 1) * end) for start, end in pairwise(edges)])
    for low, high, alpha in _BANDS:
        ends = np.array([np.quantile(part, (low, high)) for part in parts]).T
        label = f"{100 * low:.0f}-{100 * high:.0f} %"
        ax.fill_between(ranks, *ends, color=_BLUE, alpha=alpha, linewidth=0, label=label)
    ax.plot(ranks, [np.median(part) for part in parts], color=_BLUE, linewidth=thick(), label="median")
    ax.axhline(0, color=GRAY, linewidth=thick(0.6))
    ax.set_xscale("log")
    ax.set_xlim(ranks[0], max(ranks[-1], ranks[0] * 1.1))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    outer = np.concatenate([np.quantile(part, (0.05, 0.95)) for part in parts])
    reach = 1.1 * float(np.quantile(np.abs(outer), 0.9)) or 1.0
    lowest, highest = float(outer.min()), float(outer.max())
    ax.set_ylim(
        max(1.1 * min(lowest, 0), -2 * reach) - 0.1 * reach, min(1.1 * max(highest, 0), 2 * reach) + 0.1 * reach
    )
    ax.set_xlabel("rank of the prediction, the best first")
    ax.set_ylabel(f"recorded - predicted [{unit}]")
    ax.legend(frameon=False, fontsize=small_letters(), loc="best", **_TIGHT)
    quiet(ax)


def _rank_bins(n: int) -> list[int]:
    """Say where bins begin and end: ever wider ones, of a dozen at least."""
    edges = [0]
    for end in np.unique(np.geomspace(_LEAST_PER_BIN, max(n, _LEAST_PER_BIN + 1), _MOST_BINS).astype(int)).tolist():
        if end - edges[-1] >= _LEAST_PER_BIN and n - end >= _LEAST_PER_BIN:
            edges.append(end)
    return [*edges, n]


def plot_calibration(ax: Axes, compared: Comparison) -> None:
    """Draw the share of recorded runs inside of central intervals, against their level; and a histogram of quantiles.

    A curve below the diagonal: what is predicted is too narrow. The dashed one, where runs were repeated, is of
    intervals around the mean of an architecture's other runs, so that errors of the predicted means do not count. In
    the histogram, where runs lie in the distribution that was predicted for each: level if it is right.

    Args:
        ax: Where to draw.
        compared: What `nasbench_kit.surrogates.quality.evaluate.compare` returned.
    """
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    ax.set_aspect("equal")
    ax.set_xlabel("level of the interval [%]")
    ax.set_ylabel("runs inside [%]")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f}"))
    ax.plot((0, 1), (0, 1), color=GRAY, linewidth=thick(0.6))
    quiet(ax)
    if not compared.distribution or not compared.calibration:
        how: dict[str, Any] = {"fontsize": small_letters(), "color": CAPTION_GRAY, "transform": ax.transAxes}
        ax.text(0.5, 0.5, "no noise is predicted", ha="center", **how)
        return
    found, quantiles = compared.calibration
    _draw_coverage(ax, 2 * np.abs(quantiles - 0.5), "-", "the prediction")
    ax.plot(*zip(*found.coverage, strict=True), "o", color=_BLUE, markersize=0.8 * rcParams["lines.markersize"])
    if found.spread:
        runs = if_not_failed(compared.distribution, compared.runs, compared.collapsed)
        _draw_coverage(ax, distances_of_repeated(compared.distribution, runs), "--", "the other runs")
    letters, head = small_letters(), f"n = {found.n_runs:,}, around"
    tiny = 0.9 * letters
    ax.legend(frameon=False, fontsize=tiny, loc="upper left", title=head, title_fontsize=tiny, **_TIGHT)
    below = dict(found.coverage)[LEVELS[0]] < LEVELS[0]
    small = ax.inset_axes((0.08, 0.4, 0.32, 0.16) if below else (0.62, 0.08, 0.34, 0.16))
    share = np.array(found.pit) / found.n_runs * len(found.pit)
    small.bar((np.arange(len(share)) + 0.5) / len(share), share, 1 / len(share), color=_BLUE, alpha=0.5, linewidth=0)
    small.axhline(1, color=GRAY, linewidth=thick(0.6))
    small.set_xlim(0, 1)
    small.set_xticks([])
    small.set_yticks([])
    small.set_title("quantiles", fontsize=tiny, pad=2)
    small.spines[["top", "right", "left"]].set_visible(False)
    small.patch.set_alpha(0)


def _draw_coverage(ax: Axes, distances: NDArray[np.float64], style: str, label: str) -> None:
    levels = np.linspace(0, 1, 201)
    covered = np.searchsorted(np.sort(distances), levels, side="right") / len(distances)
    ax.plot(levels, covered, style, color=_BLUE, linewidth=thick(), label=label)


def evaluation_figure(comparisons: Sequence[Comparison], *, note: str = "", width: str | float = "text") -> ShownFigure:
    """Draw a row of three panels per comparison: predicted against recorded, residuals by rank, calibration.

    Args:
        comparisons: What `evaluate.compare` returned, of one or several datasets or epochs.
        note: Written below.
        width: In print: "column", where the panels stand below each other, "text" (of a page with two columns),
            "slide", or inches.

    Raises:
        UnknownNameError, SettingError: There is no such width.
    """
    size = size_of(width)
    n_across = 3 if size.width >= _SIDE_BY_SIDE * size.font else 1
    title_at = n_across // 2  # in the middle of a row, or above the first panel
    titles = [_title(compared) if i == title_at else "" for compared in comparisons for i in range(3)]
    with drawn_at(size):
        made = grid(titles, size, n_across=n_across, up=0.95 * size.width / n_across)
        for i, compared in enumerate(comparisons):
            left, middle, right = made.axes[3 * i : 3 * i + 3]
            plot_predicted(left, compared)
            plot_residuals(middle, compared)
            plot_calibration(right, compared)
        made.fit_labels(size.small)
        first = comparisons[0]
        said = (
            f"Split {first.split}: {first.case}. Recorded: {first.truth}, in table {first.table}. Predicted against"
            " recorded: darker where there are more architectures (logarithmic). Runs inside of intervals: points at"
            f" {', '.join(f'{100 * level:.0f}' for level in LEVELS)} %; noise {first.noise}"
        )
        return finish(Drawn(made.figure, said), note=note)


def _title(compared: Comparison) -> str:
    at = "" if compared.epoch is None else f" after {compared.epoch} epochs"
    name = compared.metric.name.replace("[", " (").replace("]", ")").replace("_", " ")
    return f"{compared.surrogate}/{compared.dataset}: {name}{at}"

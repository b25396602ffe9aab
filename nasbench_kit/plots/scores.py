"""Scores over several benchmarks: performance profiles, and aggregates with their intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import rcParams
from matplotlib.ticker import MaxNLocator

from nasbench_kit.analysis import Estimate, Panel, Profile, aggregate_scores, normalized_scores, performance_profiles
from nasbench_kit.analysis import probabilities_of_improvement as improvement_over
from nasbench_kit.errors import unknown
from nasbench_kit.plots.anytime import draw_curve
from nasbench_kit.plots.curves import Curve
from nasbench_kit.plots.grids import BASELINES, Drawn, finals, grid, looks_for, pooled
from nasbench_kit.plots.looks import Look
from nasbench_kit.plots.scales import Heights
from nasbench_kit.plots.style import COLORS, GRAY, Size, quiet, text_height, wrapped
from nasbench_kit.plots.titles import optimizer_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

_N_THRESHOLDS = 201
_MOST_BANDS = 3  # lines in color with bands, which else hide each other
_SCORES = (
    "Scores: 1 is the best of the benchmark, 0 the worst of all these runs on it, or a run without an incumbent;"
    " benchmarks count the same"
)
_AGGREGATES = {"iqm": "IQM", "median": "median", "mean": "mean", "optimality_gap": "optimality gap"}
_NAMES = 1.35  # inches, at least, for the names of optimizers beside intervals,
_NAMES_SHARE = 0.3  # or so much of the width
_NARROWEST = 0.09  # inches of a panel of intervals per point of its letters
_GAP = 0.5  # of a line of text, from one optimizer to the next


def plot_profiles(
    ax: Axes,
    profiles: Mapping[str, Profile],
    *,
    looks: Mapping[str, Look],
    bands: bool = True,
) -> None:
    """Draw which share of runs scores above each threshold, of each optimizer; bands are their intervals.

    Args:
        ax: Where to draw.
        profiles: Label -> what `nasbench_kit.analysis.performance_profiles` returned.
        looks: Label -> how its line looks.
        bands: Whether to draw the intervals of those in color.
    """
    heights = Heights("linear", 0.0, 1.0, -np.inf, has_zero=False)
    for label, one in profiles.items():
        band = (one.low, one.high) if bands and looks[label].in_color else None
        begin, end = float(one.thresholds[0]), float(one.thresholds[-1])
        draw_curve(ax, Curve(one.thresholds, one.shares, band, begin, end, end), looks[label], heights, end, label)
        ax.set_xlim(begin, end)
    ax.set_ylim(0, 1.02)
    quiet(ax)


def profiles_figure(
    panels: Mapping[str, Panel],
    size: Size,
    *,
    each: bool = False,
    band: str | None = "auto",
    highlight: Iterable[str] | None = None,
) -> Drawn:
    """Performance profiles of final scores, over all benchmarks or a panel for `each`; see `plot_profiles`.

    Args:
        panels: Title -> what to draw.
        size: Of the figure in print.
        each: Whether each benchmark has a panel.
        band: "bootstrap", 95 % intervals; None; "auto": of few lines.
        highlight: Labels of those in color.

    Raises:
        UnknownNameError, SettingError: It cannot be drawn so.
    """
    if band not in ("auto", "bootstrap", None):
        raise unknown("band of profiles", str(band), ("auto", "bootstrap", "none"))
    groups = pooled(panels, each)
    looks = looks_for([panel.trajectories for panel in panels.values()], highlight)
    bands = band == "bootstrap" or (band == "auto" and sum(look.in_color for look in looks.values()) <= _MOST_BANDS)
    found = []
    for some in groups.values():
        scores = normalized_scores([finals(one.trajectories) for one in some])
        low = min(float(each.min()) for every in scores.values() for each in every)
        found.append(performance_profiles(scores, _thresholds(low), np.random.default_rng(0)))
    made = grid(list(groups), size)
    for ax, profiles in zip(made.axes, found, strict=True):
        plot_profiles(ax, profiles, looks=looks, bands=bands)
    made.label("score", "share of runs above")
    said = "Share of runs whose final score is above each threshold" + "; bands: 95 % bootstrap intervals" * bands
    return Drawn(made.figure, f"{said}. {_SCORES}", looks)


def _thresholds(low: float) -> NDArray[np.float64]:
    """Scores from just below the least of all to 1."""
    return np.linspace(low - 0.02 * max(1 - low, 0.05), 1, _N_THRESHOLDS)


def plot_intervals(
    ax: Axes, estimates: Mapping[str, Estimate], *, at: float | None = None, heights: Sequence[float] | None = None
) -> None:
    """Draw estimates as points with their intervals, one below the other, the first at the top.

    Args:
        ax: Where to draw.
        estimates: Label -> number and its interval.
        at: Where to draw a line to compare with.
        heights: Of each row, in any unit; all the same by default.
    """
    ends = np.cumsum(np.ones(len(estimates)) if heights is None else heights)
    y = (ends + np.append(0.0, ends[:-1])) / 2
    values = np.array(list(estimates.values()))
    thin = rcParams["lines.linewidth"]
    ax.hlines(y, values[:, 1], values[:, 2], color=COLORS[0], linewidth=3.2 * thin, alpha=0.45)
    ax.plot(values[:, 0], y, "|", color="black", markersize=1.3 * rcParams["lines.markersize"], markeredgewidth=thin)
    if at is not None:
        ax.axvline(at, color=GRAY, linewidth=0.7 * thin, linestyle=(0, (4, 2)), zorder=0.5)
    ax.set_ylim(ends[-1], 0)
    ax.set_yticks(y, [""] * len(y))
    ax.xaxis.set_major_locator(MaxNLocator(2))
    ax.margins(x=0.12)
    quiet(ax)


def intervals_figure(panels: Mapping[str, Panel], size: Size, *, over: str | None = None) -> Drawn:
    """Aggregates of final scores over all benchmarks, with 95 % bootstrap intervals, the best optimizer at the top.

    Args:
        panels: Title -> what to draw.
        size: Of the figure in print.
        over: The optimizer over which the others' probability of improvement is drawn, too; random search, if there.

    Raises:
        UnknownNameError: There is no optimizer `over`.
        SettingError: An optimizer has no runs on one of the benchmarks.
    """
    ((_, some),) = pooled(panels, each=None).items()
    scores = normalized_scores([finals(one.trajectories) for one in some])
    if over is None:
        over = next((label for label in BASELINES if label in scores), None)
    elif over not in scores:
        raise unknown("optimizer to compare with", over, scores)
    aggregates = aggregate_scores(scores, np.random.default_rng(0))
    order = sorted(scores, key=lambda label: -aggregates[label].iqm.value)
    columns: dict[str, dict[str, Estimate]] = {
        title: {label: getattr(aggregates[label], name) for label in order} for name, title in _AGGREGATES.items()
    }
    if over is not None and len(scores) > 1:
        better = improvement_over(scores, over, np.random.default_rng(0))
        nothing = Estimate(0.5, 0.5, 0.5)
        columns[f"P(better than {optimizer_title(over)})"] = {label: better.get(label, nothing) for label in order}
    beside = max(_NAMES, _NAMES_SHARE * size.width)
    names = [wrapped(optimizer_title(label), size.small, beside) for label in order]
    heights = [text_height(name, size.small) + _GAP * size.small / 72 for name in names]
    n_across = max(1, min(len(columns), int((size.width - beside) / (_NARROWEST * size.small))))
    made = grid(list(columns), size, n_across=n_across, up=sum(heights) + 5 * size.font / 72)
    across = (size.width - beside) / n_across
    for i, (ax, column) in enumerate(zip(made.axes, columns.values(), strict=True)):
        plot_intervals(ax, column, at=0.5 if i == len(_AGGREGATES) else None, heights=heights)
        title = wrapped(ax.get_title(), size.small, across)
        ax.set_title(title, fontsize=size.small, parse_math=False)
        if i % n_across == 0:
            ax.set_yticklabels(names, parse_math=False)
    n = f"{len(some)} benchmark{'s' * (len(some) > 1)}"
    said = (
        f"Strokes: aggregates of final scores over {n} and all runs; larger is better, but of the gap; bars: 95 %"
        f" stratified bootstrap intervals. {_SCORES}"
    )
    return Drawn(made.figure, said)

"""The landscape of a benchmark on one page: what a search meets, and what the measurements are worth."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import Normalize
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from nasbench_kit.analysis import Shown, shown
from nasbench_kit.analysis.landscape import Landscape, RankCorrelations, correlation_length
from nasbench_kit.plots.style import COLORS, GRAY, ShownFigure, add_caption, quiet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

_BLUE, _ORANGE = COLORS[:2]
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_SMALL = 7.0  # points
_N_BINS = 50
_ACROSS = 3  # panels in a row
_SHOWN = 0.03  # quantile of the worse end where values begin: a few that collapsed would take all the room
_LONGEST = 16  # letters of a name beside a matrix
_TIGHT: dict[str, Any] = {
    "frameon": False,
    "fontsize": _SMALL,
    "loc": "upper center",
    "ncols": 3,
    "borderpad": 0.1,
    "handlelength": 1.0,
    "handletextpad": 0.4,
    "columnspacing": 1.0,
    "labelspacing": 0.3,
}  # of a legend in a row of its own, above the others
_MOST_DECISIONS = 12
_FEWEST = 5  # architectures that have quantiles
_DENSE = 2_000  # points from which their density is drawn


def _show(landscape: Landscape) -> Shown:
    return shown(landscape.metric.name, landscape.metric.unit)


def plot_distribution(ax: Axes, landscape: Landscape) -> None:
    """Draw how many architectures have which value, of the objective and of what incumbents are reported by."""
    show, measured = _show(landscape), landscape.measurements
    columns = {landscape.metric.name: measured.values}
    if measured.reported is not None:
        metric, values = measured.reported
        columns[metric.name] = values
    known = {name: show.factor * values[~np.isnan(values)] for name, values in columns.items()}
    every = np.concatenate(list(known.values()))
    edges = np.linspace(every.min(), max(every.max(), every.min() + 1e-9), _N_BINS + 1)
    for (name, values), color in zip(known.items(), (_BLUE, _ORANGE), strict=False):
        how: dict[str, Any] = {"histtype": "stepfilled", "alpha": 0.5}
        if color != _BLUE:
            how = {"histtype": "step", "linewidth": 1.3}
        ax.hist(values, edges.tolist(), color=color, label=name.replace("_", " "), **how)
    ax.set_yscale("log")
    ax.set_ylim(top=8 * ax.get_ylim()[1])  # room for the legend
    ax.set_xlabel(f"value [{show.unit}]")
    ax.set_ylabel("architectures")
    ax.legend(frameon=False, fontsize=_SMALL, loc="upper left")
    quiet(ax)


def plot_ascents(ax: Axes, landscape: Landscape) -> None:
    """Draw the share of architectures whose steepest ascent ends within some gap to the best; a step per optimum."""
    show, surface = _show(landscape), landscape.surface
    assert surface.optima is not None
    signed = landscape.metric.sign() * show.factor * surface.values[surface.optima.archs]
    gaps = signed[0] - signed
    shares = 100 * np.cumsum(surface.optima.basins) / len(surface.archs)
    ax.step([*gaps, 1.05 * gaps[-1]], [*shares, 100], where="post", color=_BLUE, linewidth=1.4)
    ax.plot(gaps, shares, "o", color=_BLUE, markersize=3)
    reach = max(2 * float(gaps[np.searchsorted(shares, 99)]), 1e-9)
    ax.set_xlim(-0.04 * min(reach, 1.05 * gaps[-1] or 1), min(reach, 1.05 * gaps[-1]) or 1)
    ax.set_ylim(0, 104)
    ax.set_xlabel(f"gap to the best [{show.difference_unit}]")
    ax.set_ylabel("ascents that end within [%]")
    _write(ax, 0.97, 0.06, f"{len(gaps):,} local optima", ha="right")
    quiet(ax)


def plot_distances(ax: Axes, landscape: Landscape) -> None:
    """Draw values by the distance to the nearest best architecture: median, quartiles, and the central 90 %.

    Distances of fewer than five architectures are left out.
    """
    show, surface = _show(landscape), landscape.surface
    for distance in np.unique(surface.distances).tolist():
        values = show.factor * surface.values[surface.distances == distance]
        if len(values) < _FEWEST and distance > 0:
            continue
        low, first, median, third, high = np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95))
        ax.plot((distance, distance), (low, high), color=_BLUE, linewidth=0.9)
        ax.plot((distance, distance), (first, third), color=_BLUE, linewidth=5, alpha=0.45, solid_capstyle="butt")
        ax.plot(distance, median, "o", color=_BLUE, markersize=4)
    low, high = ax.get_ylim()
    ax.set_ylim(low - 0.15 * (high - low), high)  # room for the text
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("decisions that differ from the nearest best")
    ax.set_ylabel(f"value [{show.unit}]")
    _write(ax, 0.03, 0.06, f"fitness-distance correlation {surface.fdc:.2f}")
    quiet(ax)


def plot_walks(ax: Axes, landscape: Landscape) -> None:
    """Draw the autocorrelation of random walks, and the exponential that its first step suggests."""
    found = landscape.surface.autocorrelation
    assert found is not None
    steps, length = np.arange(len(found)), correlation_length(found)
    ax.plot(steps, found, "o-", color=_BLUE, markersize=3.5, linewidth=1.2, label="random walk")
    if length == length:
        ax.plot(steps, np.exp(-steps / length), "--", color=GRAY, linewidth=1, label=f"exp(-k / {length:.2f})")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_ylim(min(0.0, 1.1 * float(np.nanmin(found))), 1.03)
    ax.set_xlabel("steps k")
    ax.set_ylabel("autocorrelation")
    ax.legend(frameon=False, fontsize=_SMALL)
    quiet(ax)


def plot_variance(ax: Axes, landscape: Landscape) -> None:
    """Draw what each decision explains alone, its Shapley effect, which shares interactions out, and that of ranks."""
    parts, of_ranks = landscape.surface.variance, landscape.surface.variance_of_ranks
    assert parts is not None
    assert of_ranks is not None
    names = [name for name, _ in landscape.decisions]
    at = np.arange(len(names))
    ax.barh(at, 100 * parts.main, color=_BLUE, height=0.7, label="alone")
    shared = parts.shapley - parts.main
    ax.barh(at, 100 * shared, left=100 * parts.main, color=_BLUE, alpha=0.35, height=0.7, label="with interactions")
    ax.plot(100 * of_ranks.shapley, at, "D", color=_ORANGE, markersize=4, label="Shapley of ranks")
    ax.set_yticks(at, [_short(name) for name in names])
    ax.set_ylim(len(names) - 0.4, -1.3)
    ax.set_xlim(0, 1.03 * ax.get_xlim()[1])
    ax.set_xlabel("variance explained [%]")
    ax.legend(**_TIGHT)
    quiet(ax)


def plot_effects(ax: Axes, landscape: Landscape) -> None:
    """Draw the mean effect of every choice of every decision.

    Where decisions have the same few choices, each has a color and a mark; else the names of the extreme ones stand
    beside them. Of many decisions, those whose choices differ most.
    """
    show = _show(landscape)
    most = _most_varied(landscape)
    decisions = [landscape.decisions[i] for i in most]
    choices = list(dict.fromkeys(chain.from_iterable(choices for _, choices in decisions)))
    few = len(choices) <= len(_MARKERS)
    effects = [show.factor * landscape.surface.effects[i] for i in most]
    ax.axvline(0, color=GRAY, linewidth=0.8)
    for at, ((_, own), values) in enumerate(zip(decisions, effects, strict=True)):
        if few:
            for choice, value in zip(own, values, strict=True):
                i = choices.index(choice)
                ax.plot(value, at, _MARKERS[i], color=COLORS[i], markersize=5, alpha=0.9)
            continue
        ax.plot(values, np.full(len(values), at), "o", color=_BLUE, markersize=4, alpha=0.6)
        for i, side in ((int(np.nanargmin(values)), "right"), (int(np.nanargmax(values)), "left")):
            where = (-5 if side == "right" else 5, 0)
            ax.annotate(
                _short(own[i]), (values[i], at), where, textcoords="offset points", fontsize=6.5, ha=side, va="center"
            )
    if few:
        for i, choice in enumerate(choices):
            ax.plot([], [], _MARKERS[i], color=COLORS[i], markersize=5, label=choice.replace("_", " "))
        ax.legend(**_TIGHT)
    else:
        ax.margins(x=0.5)  # room for the names
    ax.set_yticks(range(len(effects)), [_short(name) for name, _ in decisions])
    ax.set_ylim(len(effects) - 0.4, -0.7 * (1 + -(-len(choices) // 3)) if few else -0.6)
    ax.set_xlabel(f"mean effect [{show.difference_unit}]")
    quiet(ax)


def _most_varied(landscape: Landscape) -> list[int]:
    """The decisions whose choices differ most in their mean effect, in their own order."""
    spread = [np.nan_to_num(np.fmax.reduce(one) - np.fmin.reduce(one)) for one in landscape.surface.effects]
    most = np.argsort(spread, kind="stable")[-_MOST_DECISIONS:].tolist()
    return [i for i in sorted(most) if spread[i] > 0]


def plot_rank_correlations(ax: Axes, found: RankCorrelations) -> None:
    """Draw Kendall's tau of every two columns below the diagonal, Spearman's correlation above it."""
    n = len(found.names)
    below = np.tri(n, k=-1, dtype=bool)
    values = np.where(below, found.kendall_tau, found.spearman)
    values[np.diag_indices(n)] = np.nan
    ax.imshow(values, cmap="RdBu", norm=Normalize(-1, 1), aspect="auto")
    size = _SMALL if n <= 6 else 5.5
    for i, j in np.argwhere(~np.isnan(values)).tolist():
        color = "white" if abs(values[i, j]) > 0.75 else "black"
        text = f"{values[i, j]:.2f}".replace("0.", ".", 1)
        ax.text(j, i, text, ha="center", va="center", fontsize=size, color=color)
    labels = [_short(name) for name in found.names]
    flat = max(map(len, labels)) * n <= 26
    ax.set_xticks(
        range(n), labels, rotation=0 if flat else 40, ha="center" if flat else "right", rotation_mode="anchor"
    )
    ax.set_yticks(range(n), labels)
    ax.tick_params(length=0, labelsize=_SMALL)
    ax.spines[:].set_visible(False)


def plot_noise(ax: Axes, landscape: Landscape) -> None:
    """Draw the mean and median sd between training runs, by the rank of the architecture's mean."""
    show, noise = _show(landscape), landscape.measurements.noise
    assert noise is not None
    ends = 100 * np.array([0.0, *noise.shares])
    for values, style, label in ((noise.mean_sd, "-", "mean"), (noise.median_sd, "--", "median")):
        ax.stairs(show.factor * values, ends, baseline=None, color=_BLUE, linestyle=style, linewidth=1.4, label=label)
    ax.set_xscale("symlog", linthresh=1, linscale=0.3)
    ax.set_xlim(0, ends[-1])
    ax.set_xticks([1, 10, 50, 100])
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_locator(FixedLocator([]))
    ax.set_ylim(0)
    ax.set_xlabel("rank of the architecture [%], the best first")
    ax.set_ylabel(f"sd of runs [{show.difference_unit}]")
    lines = None
    if (ceiling := landscape.measurements.ceiling) is not None:
        one = ceiling.one_run
        lines = (
            f"one run and the others: τ = {one.kendall_tau:.2f}\namong the best tenth: τ = {one.kendall_tau_best:.2f}"
        )
    how: dict[str, Any] = {"title": lines, "title_fontsize": _SMALL, "alignment": "left"}
    ax.legend(frameon=False, fontsize=_SMALL, loc="upper left", **how)
    quiet(ax)


def plot_front(ax: Axes, landscape: Landscape) -> None:
    """Draw all architectures by cost and objective, and those that no other one dominates."""
    measured, show = landscape.measurements, _show(landscape)
    front = measured.front
    assert front is not None
    of_cost = shown(front.cost.name, front.cost.unit)
    costs, values = of_cost.factor * front.costs, show.factor * measured.values
    there = ~(np.isnan(costs) | np.isnan(values))
    is_log = bool(costs[there].min() > 0 and costs[there].max() > 20 * costs[there].min())
    low, high = _limits(values[there], landscape.metric.sign())
    inside = there & (values >= low) & (values <= high)
    if inside.sum() > _DENSE:
        ax.hexbin(
            costs[inside],
            values[inside],
            gridsize=45,
            bins="log",
            mincnt=1,
            cmap="Blues",
            xscale="log" if is_log else "linear",
            vmin=0.3,
            linewidths=0.1,
        )
    else:
        ax.plot(costs[inside], values[inside], ".", color=_BLUE, alpha=0.4, markersize=3)
        ax.set_xscale("log" if is_log else "linear")
    optimal = front.on_front[np.argsort(costs[front.on_front], kind="stable")]
    ax.step(costs[optimal], values[optimal], where="post", color=_ORANGE, linewidth=1)
    ax.plot(costs[optimal], values[optimal], "o", color=_ORANGE, markersize=3, label=f"{len(optimal)} on the front")
    ax.set_ylim(low, high)
    ax.set_xlabel(f"{_without_unit(of_cost)} [{of_cost.unit}]")
    ax.set_ylabel(f"value [{show.unit}]")
    n_outside = int(there.sum() - inside.sum())
    ax.legend(
        frameon=False,
        fontsize=_SMALL,
        loc="lower right" if landscape.metric.sign() > 0 else "upper right",
        title=f"{n_outside:,} worse not shown" * (n_outside > 0) or None,
        title_fontsize=_SMALL,
    )
    quiet(ax)


def _without_unit(show: Shown) -> str:
    """`latency (pixel3)` of `latency ms (pixel3)`, where the unit stands behind."""
    return show.name.replace({"million": " m"}.get(show.unit, f" {show.unit.lower()}"), "", 1)


def _limits(values: NDArray[np.float64], sign: int) -> tuple[float, float]:
    ends = np.quantile(values, (_SHOWN, 1.0) if sign > 0 else (0.0, 1 - _SHOWN))
    margin = 0.04 * float(ends[1] - ends[0]) or 1.0
    return float(ends[0]) - margin, float(ends[1]) + margin


def _short(name: str) -> str:
    stem, _, variant = name.rstrip("]").partition("[")  # `pixel3 latency ms` of latency_ms[pixel3]: cut behind
    text = f"{variant} {stem}".strip().replace("_", " ")
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _write(ax: Axes, x: float, y: float, text: str, ha: str = "left") -> None:
    ax.text(
        x,
        y,
        text,
        transform=ax.transAxes,
        fontsize=_SMALL,
        ha=ha,
        bbox={"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 1},
    )


def _panels(landscape: Landscape) -> list[tuple[str, Callable[[Axes], None]]]:
    """Title and drawing of each panel that there is."""
    surface, measured = landscape.surface, landscape.measurements
    drawn: list[tuple[str, Callable[..., None], bool]] = [
        ("distribution", plot_distribution, True),
        ("where ascents end", plot_ascents, surface.optima is not None),
        ("distance to the best", plot_distances, surface.fdc == surface.fdc),
        ("random walks", plot_walks, surface.autocorrelation is not None),
        ("variance by decision", plot_variance, surface.variance is not None),
        ("mean effects of choices", plot_effects, bool(_most_varied(landscape))),
        ("noise", plot_noise, measured.noise is not None),
        ("Pareto front", plot_front, measured.front is not None),
    ]
    panels: list[tuple[str, Callable[[Axes], None]]]
    panels = [(title, partial(draw, landscape=landscape)) for title, draw, is_there in drawn if is_there]
    for what, found in measured.correlations.items():
        panels.append((f"ranks of {what}", partial(plot_rank_correlations, found=found)))
    return panels


def landscape_figure(landscape: Landscape, *, note: str = "") -> Figure:
    """Draw a page of small panels, one for each statistic that there is; the caption names those left out.

    Args:
        landscape: What `nasbench_kit.analysis.landscape.describe` returned.
        note: Written below.
    """
    panels = _panels(landscape)
    n_down = -(-len(panels) // _ACROSS)
    figure = ShownFigure(figsize=(9.6, 0.9 + 2.55 * n_down), layout="constrained")
    figure.get_layout_engine().set(wspace=0.04, hspace=0.05)  # type: ignore[union-attr,call-arg]
    grid: NDArray[np.object_] = figure.subplots(n_down, _ACROSS, squeeze=False)
    for ax, (title, draw) in zip(grid.ravel(), panels, strict=False):
        draw(ax)
        ax.set_title(title, fontsize=9, loc="left", fontweight="bold")
        ax.tick_params(labelsize=_SMALL)
        ax.xaxis.label.set_size(8)
        ax.yaxis.label.set_size(8)
    for ax in grid.ravel()[len(panels) :]:
        ax.set_axis_off()
    show = _show(landscape)
    figure.suptitle(f"{landscape.benchmark}: {show.name}", fontsize=11)
    add_caption(figure, _caption(landscape, note))
    return figure


def _caption(landscape: Landscape, note: str) -> str:
    reasons: dict[str, list[str]] = {}
    for what, why in landscape.left_out.items():
        reasons.setdefault(why, []).append(what)
    left_out = "; ".join(f"{', '.join(what)} ({why})" for why, what in reasons.items())
    sentences = [
        f"Values: {landscape.values_are}. Searched: {landscape.surface.which}.",
        *(f"{text[0].upper()}{text[1:]}." for text in landscape.surface.notes),
        "Neighbors differ in one decision; ascents go to the best neighbor; plateaus count as one place."
        if landscape.surface.optima is not None
        else "",
        "Ranks: Kendall tau below the diagonal, Spearman above.",
        f"Left out: {left_out}." if left_out else "",
        note,
    ]
    return " ".join(filter(None, sentences))

"""The landscape of a benchmark on one page: what a search meets, and what the measurements are worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import rcParams
from matplotlib.colors import Normalize
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from nasbench_kit.analysis import Shown, shown
from nasbench_kit.analysis.landscape import Landscape, RankCorrelations, correlation_length
from nasbench_kit.analysis.shown import without_unit
from nasbench_kit.plots.grids import Drawn, finish, grid
from nasbench_kit.plots.style import (
    COLORS,
    GRAY,
    MARKERS,
    ROOM,
    ShownFigure,
    drawn_at,
    quiet,
    size_of,
    small_letters,
    text_width,
    thick,
    wrapped,
)
from nasbench_kit.plots.titles import benchmark_title, metric_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

_BLUE, _ORANGE = COLORS[:2]
_N_BINS = 50
_SHOWN = 0.03  # quantile of the worse end where values begin: a few that collapsed would take all the room
_LONGEST = 16  # letters of a name beside a matrix
_UP = 0.27  # inches of a panel per point of its letters
_PAGE = 9.5  # inches that the panels of a page are high, at most
_MOST_DECISIONS = 12
_FEWEST = 5  # architectures that have quantiles
_DENSE = 2_000  # points from which their density is drawn


def _show(landscape: Landscape) -> Shown:
    return shown(landscape.metric.name, landscape.metric.unit)


def _wide(times: float = 1.0) -> float:
    """So many times as large as marks are drawn."""
    return times * float(rcParams["lines.markersize"])


def _add_legend(ax: Axes, loc: Any = "best", **how: Any) -> None:
    """A legend that takes no room beside the panel."""
    letters = small_letters()
    legend = ax.legend(frameon=False, fontsize=letters, title_fontsize=letters, loc=loc, handlelength=1.2, **how)
    legend.set_in_layout(False)


def _add_rows(ax: Axes, names: Sequence[str], n_below: int) -> None:
    """A legend in rows of their own, above others; as many names side by side as fit.

    Args:
        ax: Where; what has these names as labels is drawn.
        names: In the legend.
        n_below: Rows of what is drawn, which begin at 0 and go down.
    """
    letters, figure = small_letters(), ax.get_figure(root=True)
    assert figure is not None
    room, height = np.array(ax.get_window_extent().size) / figure.dpi
    across = max(1, int(room / (max(text_width(name, letters) for name in names) + 2.2 * letters / 72)))
    taken = min(1.3 * letters / 72 * -(-len(names) // across) / height, 0.6)
    ax.set_ylim(n_below - 0.4, n_below - 0.4 - (n_below + 0.1) / (1 - taken))
    how: dict[str, Any] = {"borderpad": 0.0, "handletextpad": 0.4, "columnspacing": 0.8, "labelspacing": 0.2}
    _add_legend(ax, "upper center", ncols=across, borderaxespad=0.0, **how)


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
            how = {"histtype": "step", "linewidth": thick(0.8)}
        ax.hist(values, edges.tolist(), color=color, label=name.replace("_", " "), **how)
    ax.set_yscale("log")
    ax.set_ylim(top=8 * ax.get_ylim()[1])  # room for the legend
    ax.set_xlabel(f"value [{show.unit}]")
    ax.set_ylabel("architectures")
    _add_legend(ax, "upper left")
    quiet(ax)


def plot_ascents(ax: Axes, landscape: Landscape) -> None:
    """Draw the share of architectures whose steepest ascent ends within some gap to the best; a step per optimum."""
    show, surface = _show(landscape), landscape.surface
    assert surface.optima is not None
    signed = landscape.metric.sign() * show.factor * surface.values[surface.optima.archs]
    gaps = signed[0] - signed
    shares = 100 * np.cumsum(surface.optima.basins) / len(surface.archs)
    ax.step([*gaps, 1.05 * gaps[-1]], [*shares, 100], where="post", color=_BLUE, linewidth=thick(0.8))
    ax.plot(gaps, shares, "o", color=_BLUE, markersize=_wide(0.6))
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
        ax.plot((distance, distance), (low, high), color=_BLUE, linewidth=thick(0.6))
        bar = thick(3)
        ax.plot((distance, distance), (first, third), color=_BLUE, linewidth=bar, alpha=0.45, solid_capstyle="butt")
        ax.plot(distance, median, "o", color=_BLUE, markersize=_wide(0.8))
    low, high = ax.get_ylim()
    ax.set_ylim(low - 0.15 * (high - low), high)  # room for the text
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("distance to the nearest best")
    ax.set_ylabel(f"value [{show.unit}]")
    _write(ax, 0.03, 0.06, f"correlation {surface.fdc:.2f}")
    quiet(ax)


def plot_walks(ax: Axes, landscape: Landscape) -> None:
    """Draw the autocorrelation of random walks, and the exponential that its first step suggests."""
    found = landscape.surface.autocorrelation
    assert found is not None
    steps, length = np.arange(len(found)), correlation_length(found)
    ax.plot(steps, found, "o-", color=_BLUE, markersize=_wide(0.7), linewidth=thick(0.8), label="random walk")
    if length == length:
        ax.plot(steps, np.exp(-steps / length), "--", color=GRAY, linewidth=thick(0.6), label=f"exp(-k / {length:.2f})")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_ylim(min(0.0, 1.1 * float(np.nanmin(found))), 1.03)
    ax.set_xlabel("steps k")
    ax.set_ylabel("autocorrelation")
    _add_legend(ax)
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
    ax.plot(100 * of_ranks.shapley, at, "D", color=_ORANGE, markersize=_wide(0.8), label="Shapley of ranks")
    ax.set_yticks(at, [_short(name) for name in names])
    ax.set_xlim(0, 1.03 * ax.get_xlim()[1])
    ax.set_xlabel("variance explained [%]")
    _add_rows(ax, ["alone", "with interactions", "Shapley of ranks"], len(names))
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
    few = len(choices) <= len(MARKERS)
    effects = [show.factor * landscape.surface.effects[i] for i in most]
    ax.vlines(0, -0.4, len(effects) - 0.6, color=GRAY, linewidth=thick(0.5))  # not through the legend
    for at, ((_, own), values) in enumerate(zip(decisions, effects, strict=True)):
        if few:
            for choice, value in zip(own, values, strict=True):
                i = choices.index(choice)
                ax.plot(value, at, MARKERS[i], color=COLORS[i], markersize=_wide(), alpha=0.9)
            continue
        ax.plot(values, np.full(len(values), at), "o", color=_BLUE, markersize=_wide(0.8), alpha=0.6)
        for i, side in ((int(np.nanargmin(values)), "right"), (int(np.nanargmax(values)), "left")):
            where = (-5 if side == "right" else 5, 0)
            how: dict[str, Any] = {
                "textcoords": "offset points",
                "fontsize": 0.9 * small_letters(),
                "ha": side,
                "va": "center",
            }
            ax.annotate(_short(own[i]), (values[i], at), where, **how)
    ax.set_yticks(range(len(effects)), [_short(name) for name, _ in decisions])
    if few:
        names = [choice.replace("_", " ") for choice in choices]
        for i, name in enumerate(names):
            ax.plot([], [], MARKERS[i], color=COLORS[i], markersize=_wide(), label=name)
        _add_rows(ax, names, len(effects))
    else:
        ax.margins(x=0.5)  # room for the names
        ax.set_ylim(len(effects) - 0.4, -0.6)
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
    size = (1.0 if n <= 6 else 0.75) * small_letters()
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
    ax.tick_params(length=0, labelsize=small_letters())
    ax.spines[:].set_visible(False)


def plot_noise(ax: Axes, landscape: Landscape) -> None:
    """Draw the mean and median sd between training runs, by the rank of the architecture's mean."""
    show, noise = _show(landscape), landscape.measurements.noise
    assert noise is not None
    ends = 100 * np.array([0.0, *noise.shares])
    for values, style, label in ((noise.mean_sd, "-", "mean"), (noise.median_sd, "--", "median")):
        ax.stairs(
            show.factor * values, ends, baseline=None, color=_BLUE, linestyle=style, linewidth=thick(0.8), label=label
        )
    ax.set_xscale("symlog", linthresh=1, linscale=0.3)
    ax.set_xlim(0, ends[-1])
    ax.set_xticks([1, 10, 100])
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_locator(FixedLocator([]))
    ax.set_ylim(0, 1.5 * ax.get_ylim()[1])  # room for the legend
    ax.set_xlabel("rank [%], the best first")
    ax.set_ylabel(f"sd of runs [{show.difference_unit}]")
    lines = None
    if (ceiling := landscape.measurements.ceiling) is not None:
        one = ceiling.one_run
        lines = f"τ of one run: {one.kendall_tau:.2f}\nof the best tenth: {one.kendall_tau_best:.2f}"
    _add_legend(ax, "upper left", title=lines, alignment="left")
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
        ax.plot(costs[inside], values[inside], ".", color=_BLUE, alpha=0.4, markersize=_wide(0.6))
        ax.set_xscale("log" if is_log else "linear")
    optimal = front.on_front[np.argsort(costs[front.on_front], kind="stable")]
    ax.step(costs[optimal], values[optimal], where="post", color=_ORANGE, linewidth=thick(0.6))
    ax.plot(
        costs[optimal], values[optimal], "o", color=_ORANGE, markersize=_wide(0.6), label=f"{len(optimal)} on the front"
    )
    ax.set_ylim(low, high)
    ax.set_xlabel(f"{without_unit(of_cost)} [{of_cost.unit}]")
    ax.set_ylabel(f"value [{show.unit}]")
    n_outside = int(there.sum() - inside.sum())
    where = "lower right" if landscape.metric.sign() > 0 else "upper right"
    _add_legend(ax, where, title=f"{n_outside:,} worse not shown" * (n_outside > 0) or None)
    quiet(ax)


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
        fontsize=small_letters(),
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


def landscape_figure(landscape: Landscape, *, note: str = "", width: str | float = "text") -> ShownFigure:
    """Draw a page of small panels, one for each statistic that there is; the caption names those left out.

    It is made for the width of a text: at others, panels may be more than a page has room for, and the caption says so.

    Args:
        landscape: What `nasbench_kit.analysis.landscape.describe` returned.
        note: Written below.
        width: In print: "column", "text" (of a page with two columns), "slide", or inches.

    Raises:
        UnknownNameError, SettingError: There is no such width.
    """
    size, panels = size_of(width), _panels(landscape)
    with drawn_at(size):
        made = grid([title for title, _ in panels], size, up=_UP * size.font)
        for ax, (_, draw) in zip(made.axes, panels, strict=True):
            draw(ax)
        made.fit_labels(size.small)
        head = f"{benchmark_title(landscape.benchmark)}: {metric_title(_show(landscape).name)}"
        made.figure.suptitle(wrapped(head, size.font, ROOM * size.width), parse_math=False)
        height = made.figure.get_figheight()
        if height > _PAGE:
            note = f"{note} At this width it is {height:.0f} inches high; at that of a text it fits a page.".lstrip()
        return finish(Drawn(made.figure, _how_to_read(landscape)), note=note)


def _how_to_read(landscape: Landscape) -> str:
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
    ]
    return " ".join(filter(None, sentences)).removesuffix(".")

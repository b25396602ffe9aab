"""Which optimizers differ: critical-difference diagrams and matrices of win rates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib import rcParams
from matplotlib.markers import CARETRIGHT

from nasbench_kit.analysis import (
    Cliques,
    Panel,
    average_ranks,
    better_by_nemenyi,
    cliques,
    critical_difference,
    final_regrets,
    friedman_test,
    pairwise_mann_whitney,
    ranks,
    win_rates,
)
from nasbench_kit.errors import SettingError, counted, unknown
from nasbench_kit.plots.grids import Drawn, finals, grid, pooled
from nasbench_kit.plots.style import COLORS, GRAY, ShownFigure, Size, small_letters, text_height, text_width, wrapped
from nasbench_kit.plots.titles import optimizer_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

_TESTS = ("nemenyi", "mann-whitney")
_ALPHA = 0.05
_LEAST = 3  # optimizers of Friedman's test
_SIDES, _SIDE = 0.34, 0.4  # of the width, for the names on either side, or on one
_WIDE = 4.5  # inches of a diagram with names on both sides
_LINE_END = 0.2  # inches of the line to a name, at least
_WIDER = 1.06  # than letters of the size that was measured may become, with few dots per inch
_PAD = 0.08  # inches around a diagram
_BESIDE = 0.3  # of the width, for names beside a matrix,
_LEAST_BESIDE = 1.4  # or so many inches
_NUMBER = 0.9  # of the size of small letters, of numbers in cells,
_NUMBER_ROOM = 1.12  # and how wide a cell has to be for them, in widths of the widest
_DARK = 0.7  # from which rate on a cell is so dark that its number is white
_MATRIX, _MATRIX_PAD = 3.3, 0.15  # inches of a matrix with the names beside it, at least, and of what is around both


class Difference(NamedTuple):
    """What a critical-difference diagram shows."""

    ranks: dict[str, float]  #: average rank of each optimizer, the best first
    cliques: Cliques  #: of these, by position
    difference: float | None  #: of ranks that is critical, by Nemenyi's test
    test: str  #: in words


def difference_by_nemenyi(panels: Sequence[Panel], alpha: float = _ALPHA) -> Difference:
    """Which optimizers differ over benchmarks: Friedman's test and Nemenyi's, on the median regrets of their runs.

    Raises:
        SettingError: Fewer than two benchmarks or optimizers.
    """
    labels = list(panels[0].trajectories)
    if len(panels) < 2 or len(labels) < 2:
        there = f"{counted(len(labels), 'optimizer')} on {counted(len(panels), 'benchmark')}"
        raise SettingError(
            f"Nemenyi's test of {there}; two or more of each expected, and test=mann-whitney compares runs on one"
            " benchmark"
        )
    medians = np.array([[_median(panel, label) for panel in panels] for label in labels])
    average = ranks(medians).mean(axis=1)
    order = np.argsort(average, kind="stable")
    difference = critical_difference(len(labels), len(panels), alpha)
    average = average[order]
    told = f"Nemenyi's test over {len(panels)} benchmarks, of median regrets, at {alpha:g}"
    if len(labels) >= _LEAST:
        told += f" (Friedman: p = {friedman_test(medians).p_value:.2g})"
    found = cliques(average, better_by_nemenyi(average, difference))
    return Difference(_named(labels, order, average), found, difference, told)


def difference_by_mann_whitney(panel: Panel, alpha: float = _ALPHA) -> Difference:
    """Which optimizers differ on one benchmark: Mann-Whitney tests of their runs, corrected by Holm.

    Raises:
        SettingError: Fewer than two optimizers.
    """
    regrets = finals(panel.trajectories)
    if len(regrets) < 2:
        raise SettingError(f"a test of {len(regrets)} optimizer; two or more expected")
    labels = list(regrets)
    average = average_ranks([one[:, None] for one in regrets.values()], by="every pair")[:, 0]
    order = np.argsort(average, kind="stable")
    better = pairwise_mann_whitney(regrets).better(alpha)[np.ix_(order, order)]
    average = average[order]
    told = f"Mann-Whitney tests of runs, corrected by Holm, at {alpha:g}"
    return Difference(_named(labels, order, average), cliques(average, better), None, told)


def _median(panel: Panel, label: str) -> float:
    regrets = final_regrets(panel.trajectories[label])
    return float(np.median(np.where(np.isnan(regrets), np.inf, regrets)))


def _named(labels: Sequence[str], order: NDArray[np.intp], average: NDArray[np.float64]) -> dict[str, float]:
    return {labels[i]: rank for i, rank in zip(order.tolist(), average.tolist(), strict=True)}


class _Layout(NamedTuple):
    """Where the parts of a diagram are, in inches."""

    width: float
    sides: tuple[float, float]  # of the names on the left and on the right
    letters: float  # points
    line: float  # from one line of text to the next
    names: tuple[str, ...]
    bars: tuple[int, ...]  # row of each clique
    heights: tuple[float, ...]  # of each name
    has_difference: bool

    @property
    def n_left(self) -> int:
        """How many names stand on the left: the better half, or all where there is no room on the right."""
        return -(-len(self.names) // 2) if self.width >= _WIDE else len(self.names)

    @property
    def top(self) -> float:
        """Above the axis: its numbers, and the critical difference."""
        return 1.7 * self.line + 1.6 * self.line * self.has_difference

    @property
    def under_axis(self) -> float:
        """For the bars."""
        return 0.55 * self.line * (1 + max(self.bars, default=-1)) + 0.7 * self.line

    @property
    def height(self) -> float:
        on_sides = (self.heights[: self.n_left], self.heights[self.n_left :])
        return self.top + self.under_axis + max(map(sum, on_sides)) + 0.2 * self.line


def _layout(shown: Difference, width: float, letters: float) -> _Layout:
    side = (_SIDES if width >= _WIDE else _SIDE) * width
    numbered = [f"{i}. {optimizer_title(label)} ({rank:.2f})" for i, (label, rank) in enumerate(shown.ranks.items(), 1)]
    names = tuple(wrapped(name, letters, 0.92 * side) for name in numbered)
    heights = tuple(text_height(name, letters) + 0.25 * letters / 72 for name in names)
    average = list(shown.ranks.values())
    rows: list[float] = []  # where each row of bars is taken up to
    bars = []
    for members in shown.cliques.members:
        low, high = average[members[0]], average[members[-1]]
        row = next((i for i, until in enumerate(rows) if until < low - _gap(average)), len(rows))
        rows[row : row + 1] = [high]
        bars.append(row)
    line = text_height("x", letters)
    layout = _Layout(width, (0.0, 0.0), letters, line, names, tuple(bars), heights, shown.difference is not None)
    return layout._replace(sides=(_widest(names[: layout.n_left], letters), _widest(names[layout.n_left :], letters)))


def _widest(names: Sequence[str], letters: float) -> float:
    """Inches that names take, with room for the ends of their lines."""
    lines = [line for name in names for line in name.split("\n")]
    return _LINE_END + max((_WIDER * text_width(line, letters) for line in lines), default=0.0)


def _gap(average: Sequence[float]) -> float:
    """Between two bars in a row, in ranks."""
    return 0.04 * max(average[-1] - average[0], 1e-9)


def plot_critical_difference(ax: Axes, shown: Difference) -> None:
    """Draw the axis of average ranks, the names of optimizers beside it, and a bar over each clique.

    The better half stands on the left, the others on the right (all on the left of a narrow one), each with its place
    and average rank. The Axes should
    be `difference_height` high: text does not shrink.

    Args:
        ax: Where to draw; its axes are hidden.
        shown: What to draw.
    """
    figure = ax.get_figure(root=True)
    assert figure is not None
    window, letters = ax.get_window_extent(), small_letters()
    width, height = window.width / figure.dpi, window.height / figure.dpi
    layout = _layout(shown, width, letters)
    average, n = list(shown.ranks.values()), len(shown.ranks)
    low, high = _ends(shown)
    left, right = layout.sides[0], width - layout.sides[1]

    def x_of(rank: float) -> float:
        return float(left + (rank - low) / (high - low) * (right - left))

    ax.set_axis_off()
    ax.set_xlim(0, width)
    ax.set_ylim(-height, 0)
    y, thin = -layout.top, rcParams["axes.linewidth"]
    ax.plot([left, right], [y, y], color="black", linewidth=thin, solid_capstyle="projecting", gid="axis")
    step = max(1, int(np.ceil((high - low) * 2.4 * letters / 72 / (right - left))))
    for rank in np.arange(low, high + 0.5, step):
        ax.plot([x_of(rank)] * 2, [y, y + 0.3 * layout.line], color="black", linewidth=thin)
        ax.text(x_of(rank), y + 0.4 * layout.line, f"{rank:g}", ha="center", va="bottom", fontsize=letters, gid="tick")
    if shown.difference is not None:
        over = y + 2.1 * layout.line
        ends, goes_on = (left, x_of(min(low + shown.difference, high))), _is_longer_than_axis(shown)
        ax.plot(ends, [over, over], color=GRAY, linewidth=1.4 * thin, gid="critical difference")
        for end, mark in zip(ends, ("|", CARETRIGHT if goes_on else "|"), strict=True):
            ax.plot(end, over, marker=mark, color=GRAY, markeredgewidth=1.4 * thin, markersize=5)
        said = f"critical difference {shown.difference:.2f}"
        ax.text(ends[0], over + 0.25 * layout.line, said, ha="left", va="bottom", fontsize=letters, color=GRAY)
    for row, members in zip(layout.bars, shown.cliques.members, strict=True):
        level = y - layout.line * (0.5 + 0.55 * row)
        pad = 0.02 * (right - left) * 0.5
        ends = x_of(average[members[0]]) - pad, x_of(average[members[-1]]) + pad
        ax.plot(
            ends, [level, level], color=COLORS[1], linewidth=4.5 * thin, solid_capstyle="butt", gid="clique", zorder=3
        )
    n_left = layout.n_left
    sides = ((range(n_left), 0.0, "left", 1), (range(n - 1, n_left - 1, -1), width, "right", -1))
    for places, edge, align, sign in sides:
        level = y - layout.under_axis
        for i in places:
            middle = level - layout.heights[i] / 2
            first = layout.names[i].partition("\n")[0]
            end = edge + sign * (_WIDER * text_width(first, letters) + 0.3 * _LINE_END)
            lines = layout.names[i].count("\n") + 1
            elbow = middle + (lines - 1) / 2 * layout.line * 0.95
            ax.plot([x_of(average[i])] * 2 + [end], [y, elbow, elbow], color="0.35", linewidth=0.8 * thin, gid="elbow")
            ax.text(
                edge,
                middle,
                layout.names[i],
                ha=align,
                va="center",
                fontsize=letters,
                linespacing=1.15,
                parse_math=False,
                gid="name",
            )
            level -= layout.heights[i]


def _ends(shown: Difference) -> tuple[float, float]:
    """The ranks at the ends of the axis: around those of all, and as far apart as is critical if ranks can be."""
    average, n = list(shown.ranks.values()), len(shown.ranks)
    low, high = np.floor(average[0] + 1e-9), max(np.ceil(average[-1] - 1e-9), np.floor(average[0]) + 1)
    if shown.difference is not None:
        high = max(high, min(np.ceil(low + shown.difference), n))
        low = min(low, max(np.floor(high - shown.difference), 1))
    return float(low), float(high)


def _is_longer_than_axis(shown: Difference) -> bool:
    """Whether more is critical than ranks of so many optimizers can differ."""
    low, high = _ends(shown)
    return shown.difference is not None and shown.difference > high - low


def difference_height(shown: Difference, width: float) -> float:
    """How high a diagram of so many inches is, in inches; within `drawn_at`."""
    return _layout(shown, width, small_letters()).height


def difference_figure(panels: Mapping[str, Panel], size: Size, *, test: str | None = None, each: bool = False) -> Drawn:
    """Critical-difference diagrams: of all benchmarks together, or one for `each`.

    Args:
        panels: Title -> what to draw.
        size: Of the figure in print.
        test: "nemenyi", over benchmarks; "mann-whitney", on each; by default Nemenyi's of two or more together.
        each: Whether each benchmark has a panel.

    Raises:
        UnknownNameError: There is no such test.
        SettingError: Nemenyi's test has fewer than two benchmarks or optimizers.
    """
    if test not in (None, *_TESTS):
        raise unknown("test", test or "", _TESTS)
    if test == "nemenyi" and each:
        raise SettingError("Nemenyi's test of each benchmark; it is over benchmarks, so leave one of them out")
    groups = pooled(panels, each or test == "mann-whitney")
    found = [
        difference_by_nemenyi(some) if test == "nemenyi" or len(some) > 1 else difference_by_mann_whitney(some[0])
        for some in groups.values()
    ]
    figure, below = _stacked(list(groups), found, size)
    said = f"{found[0].test}: no two under a bar are told apart; numbers in brackets are average ranks, 1 is best"
    if test is None and len(panels) == 1:
        said += "; Nemenyi's test would need two or more benchmarks"
    return Drawn(figure, said, always=below.strip())


def _stacked(titles: Sequence[str], found: Sequence[Difference], size: Size) -> tuple[ShownFigure, str]:
    """Diagrams one below the other, and what their bars cannot say."""
    width = size.width - 2 * _PAD
    heads = [1.6 * text_height(title, size.font) if title else 0.0 for title in titles]
    heights = [difference_height(one, width) for one in found]
    total = sum(heads) + sum(heights) + _PAD * len(found)
    total += _PAD
    figure, down, below = ShownFigure(figsize=(size.width, total)), _PAD, ""
    for title, head, height, one in zip(titles, heads, heights, found, strict=True):
        if title:
            figure.text(0.5, 1 - down / total, title, ha="center", va="top", fontsize=size.font, parse_math=False)
        down += head + height
        ax = figure.add_axes((_PAD / size.width, 1 - down / total, width / size.width, height / total))
        plot_critical_difference(ax, one)
        down += _PAD
        where = f" on {title}" if len(found) > 1 else ""
        if _is_longer_than_axis(one):
            below += (
                f" The critical difference is longer than the axis{where}: the ranks of {len(one.ranks)} optimizers"
                " cannot differ by so much, on so few benchmarks."
            )
        if one.cliques.unjoined:
            below += (
                f" No bar joins these{where}, and yet they are not told apart: {_pairs(one.cliques.unjoined, 'and')}."
            )
        if one.cliques.against_ranks:
            below += (
                f" Better{where} by the tests, though no better by rank: {_pairs(one.cliques.against_ranks, 'than')}."
            )
    return figure, below


def _pairs(pairs: Sequence[tuple[int, int]], word: str) -> str:
    """`1 and 4, 5; 2 and 5` of places counted from 0."""
    grouped = groupby(sorted(pairs), key=lambda pair: pair[0])
    return "; ".join(f"{a + 1} {word} {', '.join(str(b + 1) for _, b in some)}" for a, some in grouped)


def plot_win_rates(
    ax: Axes,
    rates: Mapping[str, Mapping[str, float]],
    names: Sequence[str] | None = None,
    *,
    room: float | None = None,
) -> None:
    """Draw how often a run of the optimizer of a row ends better than one of that of a column, darker if more often.

    Cells that are wide enough hold their numbers.

    Args:
        ax: Where to draw.
        rates: Label -> label -> rate, in the order in which they are drawn; columns have the places of their rows.
        names: How to call the rows.
        room: Inches of all columns, once names stand beside them; by default as the Axes are, less some for names.
    """
    values = np.array([list(row.values()) for row in rates.values()])
    n = len(values)
    shown = values.copy()
    np.fill_diagonal(shown, np.nan)
    ax.imshow(np.ma.masked_invalid(shown), cmap="Blues", vmin=0, vmax=1, aspect="auto")
    letters = small_letters()
    ax.set_yticks(range(n), _beside(rates, _LEAST_BESIDE) if names is None else list(names), parse_math=False)
    if room is None:
        figure = ax.get_figure(root=True)
        assert figure is not None
        room = max(ax.get_window_extent().width / figure.dpi - _LEAST_BESIDE, 1.0)
    step = max(1, int(np.ceil(n * 2.2 * letters / 72 / room)))
    ax.set_xticks(range(0, n, step), [str(i) for i in range(1, n + 1, step)])
    ax.tick_params(length=0, labelsize=letters, top=True, labeltop=True, bottom=False, labelbottom=False)
    ax.spines[:].set_visible(False)
    if _holds_numbers(n, room):
        for i, j in np.argwhere(~np.isnan(shown)).tolist():
            ax.text(
                j,
                i,
                f"{100 * values[i, j]:.0f}",
                ha="center",
                va="center",
                fontsize=_NUMBER * letters,
                color="white" if values[i, j] > _DARK else "black",
            )


def _holds_numbers(n: int, room: float) -> bool:
    """Whether so many cells side by side, in so many inches, are wide enough for their numbers."""
    return room >= n * _NUMBER_ROOM * text_width("100", _NUMBER * small_letters())


def _beside(labels: Iterable[str], room: float) -> list[str]:
    """The names of the rows of a matrix, with their places."""
    names = (f"{i}. {optimizer_title(label)}" for i, label in enumerate(labels, 1))
    return [wrapped(name, small_letters(), room) for name in names]


class _Matrices(NamedTuple):
    """How matrices lie side by side."""

    n_across: int
    names: list[list[str]]  # of the rows of each
    rooms: list[float]  # inches of the columns of each

    @property
    def hold_numbers(self) -> bool:
        """Whether all cells are wide enough for their numbers."""
        return all(_holds_numbers(len(names), room) for names, room in zip(self.names, self.rooms, strict=True))


def _side_by_side(found: Sequence[Iterable[str]], width: float, n_across: int) -> _Matrices:
    across = width / n_across
    names = [_beside(labels, max(_BESIDE * across, _LEAST_BESIDE)) for labels in found]
    rooms = [across - _MATRIX_PAD - max(_width(name) for name in every) for every in names]
    return _Matrices(n_across, names, rooms)


def _width(name: str) -> float:
    """Inches of the longest line of a name."""
    return max(text_width(line, small_letters()) for line in name.split("\n"))


def win_rates_figure(panels: Mapping[str, Panel], size: Size, *, each: bool = False) -> Drawn:
    """The matrix of win rates: in the mean over benchmarks, or one for `each`; the best optimizer at the top.

    As many stand side by side as leave room for numbers in all cells; where not even one does, color alone shows them.

    Raises:
        SettingError: An optimizer has no runs on one of the benchmarks.
    """
    groups = pooled(panels, each)
    found = []
    for some in groups.values():
        labels = list(some[0].trajectories)
        rates = np.mean([win_rates(list(finals(one.trajectories).values())) for one in some], axis=0)
        order = np.argsort(-rates.mean(axis=1), kind="stable").tolist()
        found.append({labels[i]: {labels[j]: float(rates[i, j]) for j in order} for i in order})
    most = max(1, min(len(found), int(size.width / _MATRIX)))
    ways = [_side_by_side(found, size.width, n_across) for n_across in range(most, 0, -1)]
    way = next((way for way in ways if way.hold_numbers), ways[0])
    row = max(text_height(name, size.small) for every in way.names for name in every) + 0.3 * size.small / 72
    most_below = [max(map(len, found[i : i + way.n_across])) for i in range(0, len(found), way.n_across)]
    up = [n * row + 4 * size.font / 72 for n in most_below]
    made = grid(list(groups), size, n_across=way.n_across, up=up)
    for ax, rates, names, room in zip(made.axes, found, way.names, way.rooms, strict=True):
        plot_win_rates(ax, rates, names, room=room)
    over = f", in the mean over {len(panels)} benchmarks" if len(panels) > 1 and not each else ""
    said = (
        "Percentage of pairs of runs in which that of the row ends better than that of the column, ties counting"
        f" half{over}; darker is more often, and the best optimizer is at the top"
    )
    if not way.hold_numbers:
        said += "; where cells are too narrow for their numbers, color alone shows them"
    return Drawn(made.figure, said)

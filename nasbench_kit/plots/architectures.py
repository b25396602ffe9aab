"""What searches end on: parallel coordinates of architectures, and the cells of incumbents."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib import colormaps, rcParams
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.ticker import FuncFormatter

from nasbench_kit.analysis import Panel, shown
from nasbench_kit.errors import SettingError, counted
from nasbench_kit.plots.cells import lay_out_graph, operation_colors, plot_graph
from nasbench_kit.plots.grids import Drawn, grid, looks_for, titles_of
from nasbench_kit.plots.single_runs import chosen_run
from nasbench_kit.plots.style import CAPTION_GRAY, ShownFigure, Size, small_letters, text_height, text_width
from nasbench_kit.plots.titles import metric_title, optimizer_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from nasbench_kit.analysis import Shown
    from nasbench_kit.spaces import Graph, Space

_COLORS = "viridis_r"  # the best are darkest, in gray, too
_LEAST_SHOWN = 0.1  # quantile of values at which colors begin: a few bad ones would take all of them
_JITTER = 0.16  # of the distance of two choices: how far lines of one choice lie apart
_MANY = 1_000  # architectures that are drawn as a picture in PDF and SVG
_LONGEST_TICK = 14  # letters
_LEAST_LETTERS = 0.8  # of those of captions, for two architectures to stand side by side
_GAP = 0.1  # inches
_MOST_DECISIONS = 40  # that are told apart side by side


class Found(NamedTuple):
    """Architectures, and what they are worth."""

    archs: NDArray[np.uint8]  #: (n_archs, n_decisions)
    values: NDArray[np.float64]  #: (n_archs,), larger is better; NaN of what failed


def final_incumbents(panel: Panel, label: str) -> Found:
    """The final incumbents of the runs of one optimizer, and what they are reported by.

    Raises:
        SettingError: They are not known, as those of an archive.
    """
    trajectories = panel.trajectories[label]
    if trajectories.archs is None:
        raise SettingError(
            f"which architectures {label} found is not known: an archive holds values only; a study holds them"
        )
    return Found(trajectories.archs[trajectories.finals], trajectories.reported[trajectories.finals])


def plot_coordinates(ax: Axes, space: Space, archs: NDArray[np.uint8], values: NDArray[np.float64]) -> ScalarMappable:
    """Draw architectures as lines over their decisions, each at its choice, the best ones darkest and on top.

    Args:
        ax: Where to draw.
        space: Of the architectures.
        archs: Shape (n_archs, n_decisions).
        values: What they are worth, by which they are colored, larger is better, shape (n_archs,); NaN is left out.

    Returns:
        What a color bar explains.

    Raises:
        SettingError: There is none with a value.
    """
    there = np.isfinite(values)
    archs, values = np.asarray(archs)[there], np.asarray(values)[there]
    if not len(archs):
        raise SettingError("no architecture with a value; one or more expected")
    order = np.argsort(values, kind="stable")
    archs, values = archs[order], values[order]
    n_choices = np.array([len(decision.choices) for decision in space.decisions])
    spread = np.random.default_rng(0).uniform(-_JITTER, _JITTER, (len(archs), 1))
    lowest = float(np.quantile(values, _LEAST_SHOWN))
    norm = Normalize(min(lowest, float(values[-1])), max(float(values[-1]), lowest + 1e-12))
    colors = ScalarMappable(norm, colormaps[_COLORS])
    lines = np.stack(
        [np.broadcast_to(np.arange(archs.shape[1]), archs.shape), _heights(archs, n_choices, spread)], axis=2
    )
    alpha = float(np.clip(40 / len(archs), 0.15, 0.8))
    width = 0.6 * rcParams["lines.linewidth"]
    ax.add_collection(
        LineCollection(
            list(lines), colors=colors.to_rgba(values), linewidths=width, alpha=alpha, rasterized=len(archs) > _MANY
        )
    )
    ax.plot(lines[-1, :, 0], lines[-1, :, 1], color="black", linewidth=2.2 * width, gid="best")
    ax.set_xlim(-0.3, archs.shape[1] - 0.7)
    ax.set_ylim(-0.08, 1.08)
    names = [decision.name for decision in space.decisions]
    ax.set_xticks(range(len(names)), names if len(names) <= _MOST_DECISIONS else [""] * len(names), parse_math=False)
    if sum(text_width(name, small_letters()) for name in names) > 0.8 * _inches(ax):
        ax.tick_params(axis="x", labelrotation=90)
    ax.vlines(range(len(names)), 0, 1, color="0.6", linewidth=rcParams["axes.linewidth"], zorder=0.5)
    same = len({decision.choices for decision in space.decisions}) == 1
    if same:
        choices = space.decisions[0].choices
        ax.set_yticks(np.linspace(0, 1, len(choices)), [choice[:_LONGEST_TICK] for choice in choices], parse_math=False)
    else:
        ax.set_yticks([])
        for x, decision in enumerate(space.decisions[:_MOST_DECISIONS]):
            for i, choice in enumerate(decision.choices):
                ax.text(
                    x + 0.04,
                    i / max(len(decision.choices) - 1, 1),
                    choice[:_LONGEST_TICK],
                    fontsize=0.8 * small_letters(),
                    va="center",
                    color=CAPTION_GRAY,
                    parse_math=False,
                    clip_on=True,
                )
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return colors


def _heights(archs: NDArray[np.uint8], n_choices: NDArray[np.intp], spread: NDArray[np.float64]) -> NDArray[np.float64]:
    """From 0 for the first choice of a decision to 1 for its last, a little apart: (n_archs, n_decisions)."""
    return np.where(n_choices > 1, (archs + spread) / np.maximum(n_choices - 1, 1), 0.5)


def _inches(ax: Axes) -> float:
    figure = ax.get_figure(root=True)
    assert figure is not None
    return float(ax.get_window_extent().width / figure.dpi)


def coordinates_figure(
    panels: Mapping[str, Panel],
    size: Size,
    *,
    study: str | os.PathLike[str] | None = None,
    seed: int | None = None,
) -> Drawn:
    """Parallel coordinates of all final incumbents, a panel per benchmark; or of all that one run evaluated.

    Args:
        panels: Title -> what to draw.
        size: Of the figure in print.
        study: Where the run is.
        seed: Of the run; see `nasbench_kit.plots.single_runs.chosen_run`. By default final incumbents are drawn.

    Raises:
        SettingError, StudyError: Architectures are not known, or there is no such run.
    """
    if seed is None:
        titles, drawn = titles_of(panels), [_all_finals(panel) for panel in panels.values()]
        chosen = list(panels.values())
        metric = next(iter(chosen[0].trajectories.values())).metric
        said, note = "Lines: final incumbents of all runs", None
    else:
        run = chosen_run(panels, study, seed)
        metric = run.panel.benchmark.objective_metric
        values = np.where(run.records.failed, np.nan, metric.sign() * run.records.value)
        last = run.records.epoch == run.records.epoch.max(initial=-1)
        titles, chosen, drawn = [run.title], [run.panel], [Found(run.records.archs[last], values[last])]
        said, note = "Lines: what the run trained to the end", run.panel.in_words
    show = shown(metric.name, metric.unit)
    n_across = max(1, min(len(drawn), int(size.width / (0.42 * size.font))))
    made = grid(titles, size, n_across=n_across, up=min(0.55 * size.width, 0.3 * size.font))
    for ax, panel, some in zip(made.axes, chosen, drawn, strict=True):
        colors = plot_coordinates(ax, panel.benchmark.space, some.archs, some.values)
        bar = made.figure.colorbar(colors, ax=ax, pad=0.02, aspect=30, extend="min")
        bar.ax.yaxis.set_major_formatter(FuncFormatter(partial(_value_text, show.factor * metric.sign())))
        bar.outline.set_visible(False)
        bar.set_label(f"{metric_title(show.name)} [{show.unit}]")
    return Drawn(made.figure, f"{said}, the best one in black", note=note)


def _value_text(factor: float, value: float, _: int | None = None) -> str:
    return f"{factor * value:.4g}"


def _all_finals(panel: Panel) -> Found:
    found = [final_incumbents(panel, label) for label in panel.trajectories]
    return Found(*map(np.concatenate, zip(*found, strict=True)))


class Ended(NamedTuple):
    """What the runs of one optimizer ended on."""

    most_frequent: tuple[int, ...]
    n_times: int
    best: tuple[int, ...]
    value: float  #: of the best one, as it is recorded
    n_runs: int  #: with an incumbent
    is_both: bool  #: whether these two compute the same


def ended_on(panel: Panel, label: str) -> Ended | None:
    """The most frequent and the best final incumbent of an optimizer's runs; None without any.

    Architectures that compute the same count as one; of equally frequent ones, the better.

    Raises:
        SettingError: They are not known, as those of an archive.
    """
    archs, values = final_incumbents(panel, label)
    if not len(archs):
        return None
    order = np.argsort(-values, kind="stable")
    archs, values = archs[order], values[order]
    classes = panel.benchmark.space.identity(archs)
    _, firsts, counts = np.unique(classes, return_index=True, return_counts=True)
    most = min(range(len(counts)), key=lambda i: (-counts[i], firsts[i]))
    sign = panel.trajectories[label].metric.sign()
    return Ended(
        tuple(archs[firsts[most]].tolist()),
        int(counts[most]),
        tuple(archs[0].tolist()),
        sign * float(values[0]),
        len(archs),
        bool(classes[firsts[most]] == classes[0]),
    )


def incumbents_figure(panels: Mapping[str, Panel], size: Size, *, highlight: Iterable[str] | None = None) -> Drawn:
    """The most frequent and the best final incumbent of each optimizer on the first benchmark, drawn as cells.

    Args:
        panels: Title -> what to draw.
        size: Of the figure in print.
        highlight: Labels of the optimizers to draw; all by default, or the best few and random search of many.

    Raises:
        UnknownNameError, SettingError: They are not known, as those of an archive; or no such optimizer.
    """
    panel = next(iter(panels.values()))
    looks = looks_for([panel.trajectories], highlight)
    rows = {label: ended_on(panel, label) for label, look in looks.items() if look.in_color}
    drawn = {label: row for label, row in rows.items() if row is not None}
    space = panel.benchmark.space
    archs = dict.fromkeys(arch for row in drawn.values() for arch in (row.most_frequent, row.best))
    graphs = {arch: space.graphs(arch) for arch in archs}
    colors = operation_colors([graph for cells in graphs.values() for graph in cells.values()])
    others = [optimizer_title(label) for label in looks if label not in drawn]
    line = 1.15 * text_height("x", size.small)
    head = 1.5 * text_height("x", size.font)
    fitting = 0.94 * size.width * 72 / max(map(_width_of, graphs.values()), default=1.0)  # points, one in a row
    n_across = 2 if fitting / 2 >= _LEAST_LETTERS * size.small else 1
    letters = min(size.font, fitting / n_across)
    across = size.width / n_across
    drawings = [
        [
            _Drawing(label, words, graphs[arch], letters)
            for words, arch in _shown_cells(row, panel.trajectories[label].show).items()
        ]
        for label, row in drawn.items()
    ]
    whole = head + sum(_row_height(row, n_across, line) for row in drawings)
    figure = ShownFigure(figsize=(size.width, whole))
    text: dict[str, Any] = {"fontsize": size.small, "va": "top", "ha": "left", "parse_math": False}
    title = titles_of(panels)[0]
    figure.text(0.5, 1 - 0.2 * head / whole, title, **(text | {"fontsize": size.font, "ha": "center"}))
    down = head
    for row in drawings:
        figure.text(0.02, 1 - down / whole, optimizer_title(row[0].label), weight="bold", **text)
        below = down + line
        for first in range(0, len(row), n_across):
            side_by_side = row[first : first + n_across]
            for i, drawing in enumerate(side_by_side):
                left = (i * across + 0.02 * size.width) / size.width
                figure.text(left, 1 - below / whole, drawing.words, color=CAPTION_GRAY, **text)
                drawing.draw(figure, left, below + line, whole, colors)
            below += line + max(one.height for one in side_by_side) + _GAP
        down += _row_height(row, n_across, line)
    said = "Final incumbents: the most frequent one of each optimizer, and its best one"
    said += f"; not drawn: {', '.join(others)}" if others else ""
    return Drawn(figure, said, note=panel.in_words)


class _Drawing(NamedTuple):
    """The cells of one architecture, side by side."""

    label: str
    words: str  # above it
    cells: dict[str, Graph]
    letters: float  # points

    @property
    def scale(self) -> float:
        """Inches per font size of the graphs."""
        return self.letters / 72

    @property
    def height(self) -> float:
        return self.scale * max(lay_out_graph(graph).height for graph in self.cells.values())

    def draw(self, figure: ShownFigure, left: float, down: float, whole: float, colors: Mapping[str, str]) -> None:
        """Draw it so many inches below the top of a figure that is `whole` high."""
        for cell, graph in self.cells.items():
            wide = self.scale * lay_out_graph(graph).width / figure.get_figwidth()
            ax = figure.add_axes((left, 1 - (down + self.height) / whole, wide, self.height / whole))
            plot_graph(ax, graph, colors=colors, letters=self.letters)
            ax.set_gid(f"{self.label}: {self.words}: {cell}")
            left += wide


def _width_of(cells: Mapping[str, Graph]) -> float:
    """How wide cells side by side are, in font sizes."""
    return sum(lay_out_graph(graph).width for graph in cells.values())


def _row_height(row: list[_Drawing], n_across: int, line: float) -> float:
    groups = [row[first : first + n_across] for first in range(0, len(row), n_across)]
    return line + sum(line + max(one.height for one in some) + _GAP for some in groups) + _GAP


def _shown_cells(row: Ended, show: Shown) -> dict[str, tuple[int, ...]]:
    """What is said of each architecture that is drawn; of one that is both the most frequent and the best, at once."""
    most, best = f"{row.n_times:,} of {counted(row.n_runs, 'run')}", f"best, {show.text(row.value)} {show.unit}"
    if row.is_both:
        return {f"{most}; {best}": row.best}
    return {most: row.most_frequent, best: row.best}

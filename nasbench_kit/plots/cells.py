"""Drawings of architectures, as papers draw them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from textwrap import wrap
from typing import TYPE_CHECKING

from matplotlib.font_manager import FontProperties
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path
from matplotlib.textpath import text_to_path

from nasbench_kit.errors import SettingError
from nasbench_kit.plots.layout import Box, Layout, Point, lay_out
from nasbench_kit.plots.style import CAPTION_GRAY, FILLS, ShownFigure
from nasbench_kit.spaces import Arch, Graph, Space

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FONT_SIZE = 9.0  # points
_NEUTRAL = "#f4f4f4"
_LINE = "#404040"
_SMALL = 7.5  # points: the text of the architecture
_LONGEST = 24  # letters of a line in a node
_MOST_LINES = 3  # of the text of the architecture


def operation_colors(graphs: Collection[Graph], operations: Sequence[str] = ()) -> dict[str, str]:
    """A color for each operation that stands on edges, or in nodes if edges have none; inputs and outputs get none.

    Args:
        graphs: All graphs of a figure, so that an operation looks the same in each.
        operations: Those of the space in its order, so that an operation looks the same in all figures of it.
    """
    shown: dict[str, None] = {}  # labels where operations stand: on edges, or in nodes between others
    for graph in graphs:
        inner = {source for source, *_ in graph.edges} & {target for _, target, _ in graph.edges}
        on_edges = [label for *_, label in graph.edges if label]
        in_nodes = [label for i, label in enumerate(graph.nodes) if i in inner]
        shown |= dict.fromkeys(on_edges + in_nodes if operations else on_edges or in_nodes)
    known = dict.fromkeys(_parts(operation)[0] for operation in operations)
    found = dict.fromkeys(part for label in shown for part in _parts(label) if part in known)
    if not found:  # the drawing has names of its own
        known, found = {}, dict.fromkeys(_parts(label)[0] for label in shown)
    colors = dict(zip(known, FILLS, strict=False))
    if not set(found) <= set(colors):  # too many for colors of their own in all figures
        colors = dict(zip(found, FILLS, strict=False))
    return {operation: color for operation, color in colors.items() if operation in found}


def _parts(label: str) -> tuple[str, ...]:
    """Where its operation may stand: `3x3` of `layer 1: 3x3`, `both` of `both: 64 channels`, `64` of `64 channels`."""
    before, _, after = label.rpartition(": ")
    return (after, label, before, label.partition(" ")[0])


def color_of(label: str, colors: Mapping[str, str]) -> str:
    """What a box of this text is filled with."""
    return next((colors[part] for part in _parts(label) if part in colors), _NEUTRAL)


def plot_graph(
    ax: Axes,
    graph: Graph,
    *,
    title: str = "",
    colors: Mapping[str, str] | None = None,
    letters: float = FONT_SIZE,
) -> None:
    """Draw one graph from left to right: boxes for its nodes, arrows for its edges, with their operations on them.

    Text is as large as fits the Axes.

    Args:
        ax: Where to draw; its axes are hidden.
        graph: What to draw.
        title: What to write above.
        colors: Operation -> color; by default `operation_colors([graph])`.
        letters: Points of the text, at most.
    """
    layout = lay_out_graph(graph)
    colors = operation_colors([graph]) if colors is None else colors
    ax.set_axis_off()
    ax.set_xlim(0, layout.width)
    ax.set_ylim(0, layout.height)
    ax.set_aspect("equal")
    if title:
        ax.set_title(title, fontsize=FONT_SIZE + 1)
    figure = ax.get_figure(root=True)
    assert figure is not None
    window = ax.get_window_extent()
    points = 72 / figure.dpi * min(window.width / layout.width, window.height / layout.height)
    size = min(points, letters)
    for edge in layout.edges:
        arrow = FancyArrowPatch(
            path=_curve(edge.points), arrowstyle="-|>", mutation_scale=size, color=_LINE, linewidth=size / 9, zorder=1
        )
        arrow.set_joinstyle("miter")
        ax.add_patch(arrow)
        if edge.label:
            _draw_box(
                ax, edge.label, color_of(edge.label.text, colors), size, rounding=0.5 * edge.label.height, is_node=False
            )
    for box in layout.nodes:
        _draw_box(ax, box, color_of(box.text.replace("\n", " "), colors), size, rounding=0.45)


def _draw_box(ax: Axes, box: Box, color: str, size: float, *, rounding: float, is_node: bool = True) -> None:
    ax.add_patch(
        FancyBboxPatch(
            (box.x - box.width / 2, box.y - box.height / 2),
            box.width,
            box.height,
            boxstyle=f"round,pad=0,rounding_size={rounding}",
            facecolor=color,
            edgecolor=_LINE if is_node else color,
            linewidth=size / 9,
            zorder=3 if is_node else 2,
        )
    )
    text = _as_math(box.text)
    ax.text(
        box.x,
        box.y,
        text,
        fontsize=size,
        ha="center",
        va="center_baseline" if "\n" not in box.text else "center",
        color="black",
        linespacing=1.1,
        parse_math=text != box.text,
        zorder=4,
    )


def _curve(points: Sequence[Point]) -> Path:
    """A smooth line through points, level at each of them."""
    vertices, codes = [points[0]], [Path.MOVETO]
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if x0 == x1:
            vertices.append((x1, y1))
            codes.append(Path.LINETO)
            continue
        middle = (x0 + x1) / 2
        vertices += [(middle, y0), (middle, y1), (x1, y1)]
        codes += [Path.CURVE4] * 3
    return Path(vertices, codes)


@lru_cache(maxsize=256)
def lay_out_graph(graph: Graph) -> Layout:
    """Where the parts of a drawn graph go, in font sizes; long texts are in several lines."""
    return lay_out(graph._replace(nodes=tuple(map(_folded, graph.nodes))), _width)


def _folded(text: str) -> str:
    """`layer 1: 3x3` and other long texts in several lines."""
    parts = text.replace(": ", ":\n").split("\n")
    return "\n".join(line for part in parts for line in wrap(part, _LONGEST, break_on_hyphens=False) or [""])


def _as_math(text: str) -> str:
    """`c_{k-1}`, a name with its index, for mathtext; other texts as they are."""
    return f"${text}$" if re.fullmatch(r"[a-z]+_\{[\w+-]+\}", text) else text


@lru_cache(maxsize=4_096)
def _width(text: str) -> float:
    """In font sizes, measured with the default font."""
    shown = _as_math(text)
    width, _, _ = text_to_path.get_text_width_height_descent(shown, FontProperties(size=1), shown != text)
    return float(width)


def architecture_figure(space: Space, arch: Arch) -> Figure:
    """All cells of one architecture side by side, with its official text above.

    Text has 9 points, whatever the size of the figure that follows from it.

    Args:
        space: Where `arch` comes from.
        arch: One architecture.

    Raises:
        SettingError: `space` is something else, a benchmark for instance.
    """
    if not isinstance(space, Space):
        raise SettingError(f"{space!r:.80} is no space; a space expected, like the attribute `space` of a benchmark")
    graphs = space.graphs(arch)
    colors = operation_colors(graphs.values(), operations_of(space, arch))
    layouts = [lay_out_graph(graph) for graph in graphs.values()]
    inch = FONT_SIZE / 72  # per font size
    gap, named = 0.25, len(graphs) > 1
    widths = [layout.width * inch for layout in layouts]
    width = max(sum(widths) + gap * (len(widths) + 1), 3.6)
    height = max(layout.height for layout in layouts) * inch
    text = _folded_text(space.format(arch), (width - gap) / (_SMALL / 72))
    head = (_SMALL * 1.3 * (text.count("\n") + 1) + FONT_SIZE * 1.6) / 72
    figure_height = height + head + 0.2 * named + 0.16
    figure = ShownFigure(figsize=(width, figure_height))
    figure.text(0.5, 1 - 0.08 / figure_height, space.name, fontsize=FONT_SIZE, ha="center", va="top")
    top = 1 - (0.08 + FONT_SIZE * 1.5 / 72) / figure_height
    figure.text(0.5, top, text, fontsize=_SMALL, ha="center", va="top", color=CAPTION_GRAY, parse_math=False)
    left = (width - sum(widths) - gap * (len(widths) - 1)) / 2
    for (name, graph), own_width in zip(graphs.items(), widths, strict=True):
        ax = figure.add_axes((left / width, 0.1 / figure_height, own_width / width, height / figure_height))
        plot_graph(ax, graph, title=name if named else "", colors=colors)
        left += own_width + gap
    return figure


def operations_of(space: Space, arch: Arch) -> list[str]:
    """What nodes of the space's graphs carry, first those that are choices of its decisions."""
    choices = {choice for decision in space.decisions for choice in decision.choices}
    labels = [label for label in space.graph_many([arch]).labels if label not in ("input", "output")]
    return sorted(labels, key=lambda label: _parts(label)[0] not in choices)


def _folded_text(text: str, width: float) -> str:
    """At most three lines of so many font sizes, broken behind punctuation."""
    lines = [""]
    for word in re.findall(r"[^+,;:]*[+,;:]*\s*", " ".join(text.split())):
        if lines[-1] and _width(lines[-1] + word) > width:
            lines.append("")
        if _width(word) > width:
            word = word[: int(len(word) * width / _width(word)) - 5] + " ... "
        lines[-1] += word
    if len(lines) > _MOST_LINES:
        lines = [*lines[:_MOST_LINES], "..."]
        lines[-2:] = [lines[-2].rstrip() + " ..."]
    return "\n".join(line.strip() for line in lines)

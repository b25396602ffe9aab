"""Pictures as SVG in the page itself, in its colors: cells, and the critical-difference diagram."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from nasbench_kit.plots.cells import color_of, lay_out_graph, operation_colors, operations_of
from nasbench_kit.report.markup import Html, element, joined

if TYPE_CHECKING:
    from nasbench_kit.plots.layout import Box, Curve, Layout
    from nasbench_kit.report.statistics import OverBenchmarks
    from nasbench_kit.spaces import Arch, Graph, Space


_MOST_LETTERS = 23  # of a name beside the diagram; the table has it whole


def cells(space: Space, arch: Arch) -> Html:
    """All cells of an architecture, one picture each."""
    graphs = space.graphs(arch)
    colors = operation_colors(graphs.values(), operations_of(space, arch))
    named = len(graphs) > 1
    return Html("".join(_cell(name if named else "cell", graph, colors) for name, graph in graphs.items()))


def _cell(name: str, graph: Graph, colors: Mapping[str, str]) -> Html:
    layout = lay_out_graph(graph)
    edges = [part for edge in layout.edges for part in _edge(edge, layout, colors)]
    boxes = [part for box in layout.nodes for part in _box(box, layout, color_of(box.text, colors), "frame")]
    words = ", ".join(
        f"{graph.nodes[source]} to {graph.nodes[target]}{f' by {operation}' if operation else ''}"
        for source, target, operation in graph.edges
    )
    return element(
        "svg",
        element("g", edges, boxes, font_size="1"),
        viewBox=f"0 0 {layout.width:.2f} {layout.height:.2f}",
        role="img",
        aria_label=f"{name}: {words}",
        style=f"max-width: {0.8 * layout.width:.1f}rem",
    )


def _edge(edge: Curve, layout: Layout, colors: Mapping[str, str]) -> list[Html]:
    (x, y), *others = [(x, layout.height - y) for x, y in edge.points]
    path = [f"M{x:.2f} {y:.2f}"]
    for x1, y1 in others:
        middle = (x + x1) / 2
        path.append(f"C{middle:.2f} {y:.2f} {middle:.2f} {y1:.2f} {x1:.2f} {y1:.2f}")
        x, y = x1, y1
    head = f"M{x:.2f} {y:.2f}l-.55 -.24v.48z"
    drawn = [
        element("path", d="".join(path), class_="edge", stroke_width=".09"),
        element("path", d=head, class_="head"),
    ]
    return drawn + (_box(edge.label, layout, color_of(edge.label.text, colors), "filled") if edge.label else [])


def _box(box: Box, layout: Layout, color: str, class_: str) -> list[Html]:
    left, top = box.x - box.width / 2, layout.height - box.y - box.height / 2
    lines = [_indexed(line) for line in box.text.split("\n")]
    first = layout.height - box.y - 0.55 * (len(lines) - 1) + 0.35
    spans = [element("tspan", line, x=f"{box.x:.2f}", y=f"{first + 1.1 * i:.2f}") for i, line in enumerate(lines)]
    return [
        element(
            "rect",
            x=f"{left:.2f}",
            y=f"{top:.2f}",
            width=f"{box.width:.2f}",
            height=f"{box.height:.2f}",
            rx=".4",
            class_=class_,
            stroke_width=".09",
            style=f"fill: {color}",
        ),
        element("text", spans, text_anchor="middle", class_="dark"),
    ]


def _indexed(text: str) -> Html:
    """`c_{k-1}`: a name with its index below."""
    found = re.fullmatch(r"([a-z]+)_\{([\w+-]+)\}", text)
    return joined(found[1], element("tspan", found[2], dy=".25", font_size=".7")) if found else joined(text)


def difference_diagram(found: OverBenchmarks) -> Html:
    """The critical-difference diagram: ranks on a line, bars over those that are not told apart."""
    n = len(found.names)
    order = sorted(range(n), key=lambda i: found.average_ranks[i])
    n_left = -(-n // 2)
    width, margin, row = 820.0, 230.0, 22.0
    axis = 62.0
    bars = axis + 14.0
    below = bars + 10.0 * len(found.cliques.members) + 8

    def place(rank: float) -> float:
        return margin + (rank - 1) / (n - 1) * (width - 2 * margin)

    parts = [_line(place(1), axis, place(n), axis, 1.5)]
    for tick in range(1, n + 1):
        parts += [
            _line(place(tick), axis - 6, place(tick), axis, 1.5),
            _text(place(tick), axis - 11, str(tick), "middle"),
        ]
    end = min(place(1) + found.difference / (n - 1) * (width - 2 * margin), width - 8)
    parts += [
        _line(place(1), 22, end, 22, 2),
        *(_line(x, 17, x, 27, 2) for x in (place(1), end)),
        _text(place(1), 13, f"critical difference {found.difference:.2f}", "start"),
    ]
    for i, members in enumerate(found.cliques.members):
        at = [place(float(found.average_ranks[member])) for member in members]
        parts.append(_line(min(at) - 4, bars + 10 * i, max(at) + 4, bars + 10 * i, 5))
    for position, one in enumerate(order):
        rank = float(found.average_ranks[one])
        on_left = position < n_left
        down = below + row * ((position if on_left else n - 1 - position) + 0.5)
        x = place(rank)
        edge = margin - 12 if on_left else width - margin + 12
        parts += [
            _line(x, axis, x, down, 1),
            _line(x, down, edge, down, 1),
            _text(
                edge + (-5 if on_left else 5),
                down + 4.5,
                f"{_cut(found.names[one])} {rank:.2f}" if on_left else f"{rank:.2f} {_cut(found.names[one])}",
                "end" if on_left else "start",
            ),
        ]
    height = below + row * n_left + 10
    words = ", ".join(f"{found.names[i]} {found.average_ranks[i]:.2f}" for i in order)
    together = "; ".join(", ".join(found.names[i] for i in members) for members in found.cliques.members) or "none"
    return element(
        "svg",
        parts,
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        role="img",
        aria_label=f"Average ranks: {words}. Not told apart: {together}.",
        font_size="14",
    )


def _cut(text: str) -> str:
    """A long name without its middle: settings, which tell two of a name apart, stand at the end."""
    half = _MOST_LETTERS // 2
    return text if len(text) <= _MOST_LETTERS else f"{text[:half]}…{text[-half:]}"


def _line(x1: float, y1: float, x2: float, y2: float, width: float) -> Html:
    ends = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
    return element(
        "line", **{name: f"{value:.1f}" for name, value in ends.items()}, class_="axis", stroke_width=f"{width:g}"
    )


def _text(x: float, y: float, text: str, anchor: str) -> Html:
    return element("text", text, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor)

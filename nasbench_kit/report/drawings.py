"""Pictures as SVG in the page itself, in its colors: cells, and figures of matplotlib."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from io import StringIO
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, fromstring

from matplotlib import rc_context

from nasbench_kit.plots.cells import color_of, lay_out_graph, operation_colors, operations_of
from nasbench_kit.plots.style import TEXT_STAYS_TEXT
from nasbench_kit.report.markup import Html, element, joined

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nasbench_kit.plots.layout import Box, Curve, Layout
    from nasbench_kit.spaces import Arch, Graph, Space

_WIDTHS = {"wide": 6.8, "narrow": 3.0}  # inches of what is drawn for a screen of either kind
#: Color of the page -> up to how light a gray it stands for, from black to white.
_GRAYS = {"ink": 0.25, "quiet": 0.65, "line": 0.97, "paper": 1.0}


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


def in_both_widths(draw: Callable[[str | float], Figure], id_: str, **said: str) -> Html:
    """A figure drawn as wide as a page, and as a phone, whose letters would be too small otherwise; one is shown.

    Args:
        draw: Makes the figure, so wide.
        id_: A name that no other element of the page has.
        said: `title` and `words`, as in `embedded`.
    """
    return joined(
        element("div", embedded(draw(inches), f"{id_}-{name}", **said), class_=name) for name, inches in _WIDTHS.items()
    )


def embedded(figure: Figure, id_: str, *, title: str, words: str) -> Html:
    """A figure of matplotlib as part of the page: its letters stay letters, and its grays are those of the page.

    Args:
        figure: What is drawn.
        id_: A name that no other element of the page has.
        title: What the figure is.
        words: What it shows, for those who do not see it.
    """
    file = StringIO()
    nothing: dict[str, None] = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with rc_context({**TEXT_STAYS_TEXT, "svg.hashsalt": id_}):  # names of parts are made of it, so none is there twice
        figure.savefig(file, format="svg", transparent=True, metadata=nothing)
    drawn = fromstring(file.getvalue())  # noqa: S314 it is of our own making
    said = [element("title", title, id=f"{id_}-title"), element("desc", words, id=f"{id_}-words")]
    return element(
        "svg",
        said,
        [_part(part) for part in drawn if _name(part) != "metadata"],
        viewBox=drawn.get("viewBox"),
        role="img",
        aria_labelledby=f"{id_}-title",
        aria_describedby=f"{id_}-words",
    )


def _part(part: Element, is_defined: bool = False) -> Html:
    """An element of an SVG file as one of the page. Only what is defined, to be referred to, keeps its name."""
    is_defined = is_defined or _name(part) == "defs"
    attributes = {key.rpartition("}")[2]: value for key, value in part.attrib.items()}
    if not is_defined:
        attributes.pop("id", None)
    if "style" in attributes:
        font = re.sub(r"font: ([\d.]+px)[^;]*", r"font-size: \1", attributes["style"])
        attributes["style"] = re.sub(r"#([0-9a-f]{2})\1\1\b", _gray, font)
    return element(_name(part), part.text or "", [_part(one, is_defined) for one in part], **attributes)


def _name(part: Element) -> str:
    return part.tag.rpartition("}")[2]


def _gray(found: re.Match[str]) -> str:
    """The color of the page that stands for a gray on white paper."""
    level = int(found[1], 16) / 255
    return f"var(--{next(name for name, until in _GRAYS.items() if level <= until)})"

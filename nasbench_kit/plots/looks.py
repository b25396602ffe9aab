"""How lines look: few in color, so that colors never repeat, the others thin and gray; and their legend."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib import rcParams
from matplotlib.lines import Line2D

from nasbench_kit.errors import SettingError, unknown
from nasbench_kit.plots.style import CAPTION_GRAY, COLORS, LINE_STYLES, MARKERS, ROOM, add_caption, text_height, wrapped

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

MOST_IN_COLOR = len(COLORS)
_BEST = 5  # that are in color where there are too many for all to be
_MOST_WITHOUT_MARKERS = 4
_PALE = "0.72"  # of those that are not in color
_HANDLE = 0.5  # inches, of the line before a label of the legend and the space around
_FULL = 0.95  # of the width of a figure, what a legend fills at most
_MARKERS_EVERY = 0.17  # of the diagonal of the axes


class Look(NamedTuple):
    """How a line looks."""

    color: str
    style: Any
    marker: str  #: "" for none
    begins: float  #: where its markers begin, as a share of the diagonal of the axes

    @property
    def in_color(self) -> bool:
        """Whether it is one of those in color."""
        return self.color != _PALE

    @property
    def line(self) -> dict[str, Any]:
        """What Line2D calls it."""
        width = rcParams["lines.linewidth"]
        if not self.in_color:
            return {"color": self.color, "linewidth": 0.55 * width, "zorder": 1.5}
        how: dict[str, Any] = {"color": self.color, "linestyle": self.style, "linewidth": width, "zorder": 2.5}
        if self.marker:
            size = 0.75 * rcParams["lines.markersize"]
            how |= {"marker": self.marker, "markersize": size, "markevery": (self.begins, _MARKERS_EVERY)}
        return how


OTHERS = Look(_PALE, "-", "", 0.0)


def looks_of(labels: Iterable[str], highlight: Iterable[str] | None = None) -> dict[str, Look]:
    """How each line looks: in color those of `highlight`, each in its own, with its own style; the others gray.

    Args:
        labels: Of all lines.
        highlight: Of those in color; by default all, as far as colors go.

    Raises:
        UnknownNameError: One of them is no line.
        SettingError: They are more than there are colors.
    """
    every = list(dict.fromkeys(labels))
    chosen = every[:MOST_IN_COLOR] if highlight is None else _checked(highlight, every)
    places = {label: i for i, label in enumerate(label for label in every if label in chosen)}
    marked = len(places) > _MOST_WITHOUT_MARKERS
    looks = {}
    for label in every:
        i = places.get(label)
        if i is None:
            looks[label] = OTHERS
        else:
            begins = _MARKERS_EVERY * i / len(places)
            looks[label] = Look(COLORS[i], LINE_STYLES[i], MARKERS[i] if marked else "", begins)
    return looks


def _checked(highlight: Iterable[str], labels: Sequence[str]) -> list[str]:
    wanted = list(dict.fromkeys([highlight] if isinstance(highlight, str) else highlight))
    for label in wanted:
        if label not in labels:
            raise unknown("optimizer to highlight", label, labels)
    if len(wanted) > MOST_IN_COLOR:
        raise SettingError(f"{len(wanted)} optimizers to highlight; {MOST_IN_COLOR} at most expected, one per color")
    return wanted


def best_few(finals: Iterable[Mapping[str, NDArray[np.float64]]], baselines: Sequence[str]) -> list[str]:
    """Labels of those to show in color, if they are too many: the best few, and what others are compared with.

    Args:
        finals: Of each panel: label -> regret at the end of each run, smaller is better, NaN without an incumbent.
        baselines: Labels that are shown in any case.
    """
    panels = list(finals)
    labels = list(dict.fromkeys(label for panel in panels for label in panel))
    if len(labels) <= MOST_IN_COLOR:
        return labels
    places: dict[str, list[int]] = {}
    for panel in panels:
        median = {label: float(np.median(np.where(np.isnan(of), np.inf, of))) for label, of in panel.items()}
        for place, label in enumerate(sorted(median, key=lambda label: median[label])):
            places.setdefault(label, []).append(place)
    best = sorted(labels, key=lambda label: float(np.mean(places[label])))[:_BEST]
    return [label for label in labels if label in best or label in baselines][:MOST_IN_COLOR]


def line_of(look: Look) -> Line2D:
    """A line for the legend."""
    how = look.line | ({"markevery": None} if look.marker else {})
    return Line2D([], [], **how)


def frame(
    figure: Figure, lines: Sequence[tuple[str, Artist]], *, height: float, below: str = "", caption: str = ""
) -> None:
    """Put one legend for all panels above them, a caption below, and leave as much room as both need.

    Args:
        figure: Its panels are drawn; its layout is "constrained".
        lines: (label, line) of each.
        height: Of the panels with all that belongs to them, in inches; the figure becomes higher.
        below: A text that belongs to the legend.
        caption: How the numbers came about.
    """
    small, width = rcParams["legend.fontsize"], figure.get_figwidth()
    legend_height = _add_legend(figure, lines) if lines else 0.0
    said = wrapped(below, small, ROOM * width)
    head = legend_height + (text_height(said, small) if said else 0.0)
    total = height + head + (add_caption(figure, caption) if caption else 0.0)
    figure.set_figheight(total)
    if said:
        text = figure.text(0.5, 1 - legend_height / total, said, fontsize=small, color=CAPTION_GRAY, linespacing=1.15)
        text.set(ha="center", va="top")
        text.set_parse_math(False)
    engine = figure.get_layout_engine()
    assert engine is not None
    engine.set(rect=(0, 0, 1, 1 - head / total))  # type: ignore[call-arg]


def _add_legend(figure: Figure, lines: Sequence[tuple[str, Artist]]) -> float:
    """As many labels side by side as fit; long ones take several lines. How high it is, in inches."""
    size, width = rcParams["legend.fontsize"], figure.get_figwidth()
    texts = [wrapped(label, size, ROOM * width - _HANDLE) for label, _ in lines]
    for n_columns in range(len(lines), 0, -1):
        legend = figure.legend(
            [line for _, line in lines],
            texts,
            loc="upper center",
            ncols=n_columns,
            frameon=False,
            fontsize=size,
            borderaxespad=0.3,
            borderpad=0.3,
            columnspacing=1.4,
            handlelength=2.6,
            handletextpad=0.6,
        )
        for text in legend.get_texts():
            text.set_parse_math(False)
        extent = legend.get_window_extent()
        if n_columns == 1 or extent.width <= _FULL * figure.bbox.width:
            break
        legend.remove()
    return float(figure.bbox.y1 - extent.y0) / figure.dpi

"""Panels side by side: their sizes, titles and labels, and which lines of them are in color."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from nasbench_kit.analysis import Panel, Trajectories, final_regrets
from nasbench_kit.errors import SettingError
from nasbench_kit.plots.looks import OTHERS, Look, best_few, frame, line_of, looks_of
from nasbench_kit.plots.style import ShownFigure, Size, wrapped
from nasbench_kit.plots.titles import benchmark_title, optimizer_title

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

BASELINES = ("random_search", "random search")  #: in color in any case
_LEAST_ACROSS = 0.26  # inches of a panel per point of its letters
_TALLEST, _STEEPEST = 0.4, 0.95  # of a panel: inches per point of its letters, and as a share of its width
_TITLE = 0.85  # of the width of a panel, what its title fills at most


class Grid(NamedTuple):
    """A figure and its panels."""

    figure: ShownFigure
    axes: list[Axes]  #: as many as there are titles
    n_across: int
    up: float  #: how high each panel is, in inches

    def label(self, x: str, y: str) -> None:
        """Name the axes: the lower one of panels with nothing below, the left one of the first in each row."""
        for i, ax in enumerate(self.axes):
            if i + self.n_across >= len(self.axes):
                ax.set_xlabel(x, parse_math=False)
            if i % self.n_across == 0:
                ax.set_ylabel(y, parse_math=False)


def grid(titles: Sequence[str], size: Size, *, n_across: int | None = None, up: float | None = None) -> Grid:
    """Empty panels under titles; draw within `drawn_at(size)`.

    Args:
        titles: Of each panel; "" for none.
        size: Of the figure in print.
        n_across: Panels in a row; as many as fit by default.
        up: How high each is, in inches.
    """
    n_across = n_across or min(len(titles), max(1, int(size.width / (_LEAST_ACROSS * size.font))))
    n_down, across = -(-len(titles) // n_across), size.width / n_across
    up = up or min(_STEEPEST * across, _TALLEST * size.font)
    figure = ShownFigure(figsize=(size.width, n_down * up), layout="constrained")
    axes: list[Axes] = figure.subplots(n_down, n_across, squeeze=False).ravel().tolist()
    letters = size.font if n_across == 1 else size.small
    for ax, title in zip(axes, titles, strict=False):
        ax.set_title(wrapped(title, letters, _TITLE * across), fontsize=letters, parse_math=False)
    for unused in axes[len(titles) :]:
        unused.remove()
    return Grid(figure, axes[: len(titles)], n_across, up)


def finish(
    made: Grid,
    looks: Mapping[str, Look],
    *,
    caption: str,
    more: Iterable[tuple[str, Artist]] = (),
) -> ShownFigure:
    """Put a legend of all lines above the panels, and a caption below."""
    lines: list[tuple[str, Artist]] = [
        (optimizer_title(label), line_of(look)) for label, look in looks.items() if look.in_color
    ]
    n_others = len(looks) - len(lines)
    if n_others:
        lines.append((f"others ({n_others})", line_of(OTHERS)))
    frame(
        made.figure,
        [*lines, *more],
        height=made.figure.get_figheight(),
        below=others_in_words(looks),
        caption=caption,
    )
    return made.figure


def others_in_words(looks: Mapping[str, Look]) -> str:
    """Which optimizers are drawn in gray."""
    others = [optimizer_title(label) for label, look in looks.items() if not look.in_color]
    return f"others: {', '.join(others)}" if others else ""


def titles_of(panels: Mapping[str, Panel]) -> list[str]:
    """How the benchmarks of panels are called in figures."""
    return [benchmark_title(title, _about(panel)) for title, panel in panels.items()]


def _about(panel: Panel) -> str:
    about = getattr(panel.benchmark.results, "about", None) or {}
    return str(about.get("title") or "")


def finals(trajectories: Mapping[str, Trajectories]) -> dict[str, NDArray[np.float64]]:
    """Final regrets of the runs of each optimizer."""
    return {label: final_regrets(one) for label, one in trajectories.items()}


def looks_for(panels: Iterable[Mapping[str, Trajectories]], highlight: Iterable[str] | None = None) -> dict[str, Look]:
    """How the line of each optimizer looks, in all panels: in color those of `highlight`, or all, or the best few."""
    every = list(panels)
    labels = dict.fromkeys(label for panel in every for label in panel)
    return looks_of(labels, best_few(map(finals, every), BASELINES) if highlight is None else highlight)


def pooled(panels: Mapping[str, Panel], each: bool) -> dict[str, list[Panel]]:
    """What is drawn in each panel of a figure: all benchmarks together, or each under its title.

    Raises:
        SettingError: They are to be taken together, and an optimizer has no runs on one of them.
    """
    if each or len(panels) == 1:
        return {title: [panel] for title, panel in zip(titles_of(panels), panels.values(), strict=True)}
    labels = dict.fromkeys(label for panel in panels.values() for label in panel.trajectories)
    for title, panel in panels.items():
        for label in labels:
            if label not in panel.trajectories:
                raise SettingError(
                    f"optimizer {label!r} has no runs on {title}; choose benchmarks or optimizers that have all, or a"
                    " panel for each benchmark"
                )
    return {"": list(panels.values())}

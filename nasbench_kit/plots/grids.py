"""Panels side by side: their sizes, titles and labels, and which lines of them are in color."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from nasbench_kit.analysis import Panel, Trajectories, final_regrets
from nasbench_kit.errors import SettingError
from nasbench_kit.plots.looks import OTHERS, Look, best_few, frame, line_of, looks_of
from nasbench_kit.plots.style import ShownFigure, Size, add_caption, wrapped
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
_LABEL = 0.65  # likewise, what the name of an axis fills
_ABOVE_CAPTION = 0.08  # inches, below a figure without a layout


class Grid(NamedTuple):
    """A figure and its panels."""

    figure: ShownFigure
    axes: list[Axes]  #: as many as there are titles
    n_across: int
    up: float  #: how high each panel of the first row is, in inches

    def label(self, x: str | Sequence[str], y: str | Sequence[str]) -> None:
        """Name axes: of panels with nothing below the lower, of the first in a row the left; if they differ, all."""
        across, up = ([name] * len(self.axes) if isinstance(name, str) else list(name) for name in (x, y))
        for i, ax in enumerate(self.axes):
            if i + self.n_across >= len(self.axes) or len(set(across)) > 1:
                ax.set_xlabel(across[i], parse_math=False)
            if i % self.n_across == 0 or len(set(up)) > 1:
                ax.set_ylabel(up[i], parse_math=False)

    def fit_labels(self, letters: float) -> None:
        """Write the names of axes in so many points, in lines that are no wider than their panels."""
        room = _LABEL * self.figure.get_figwidth() / self.n_across
        for label in (axis.label for ax in self.axes for axis in (ax.xaxis, ax.yaxis)):
            label.set(fontsize=letters, text=wrapped(label.get_text(), letters, room))


def grid(
    titles: Sequence[str], size: Size, *, n_across: int | None = None, up: float | Sequence[float] | None = None
) -> Grid:
    """Empty panels under titles; draw within `drawn_at(size)`.

    Args:
        titles: Of each panel; "" for none.
        size: Of the figure in print.
        n_across: Panels in a row; as many as fit by default.
        up: How high each is, or those of each row, in inches.
    """
    n_across = n_across or min(len(titles), max(1, int(size.width / (_LEAST_ACROSS * size.font))))
    n_down, across = -(-len(titles) // n_across), size.width / n_across
    up = up or min(_STEEPEST * across, _TALLEST * size.font)
    heights = [up] * n_down if isinstance(up, float | int) else list(up)
    figure = ShownFigure(figsize=(size.width, sum(heights)), layout="constrained")
    axes: list[Axes] = figure.subplots(n_down, n_across, squeeze=False, height_ratios=heights).ravel().tolist()
    letters = size.font if n_across == 1 else size.small
    for ax, title in zip(axes, titles, strict=False):
        ax.set_title(wrapped(title, letters, _TITLE * across), fontsize=letters, parse_math=False)
    for unused in axes[len(titles) :]:
        unused.remove()
    return Grid(figure, axes[: len(titles)], n_across, heights[0])


class Drawn(NamedTuple):
    """Panels that are drawn, and what is to be said of them."""

    figure: ShownFigure
    said: str  #: how to read it, a sentence without its full stop
    looks: Mapping[str, Look] = {}  #: of the lines of the legend
    name_of: Callable[[str], str] = optimizer_title  #: what a line is called there
    more: Sequence[tuple[str, Artist]] = ()  #: what else stands there
    note: str | None = None  #: how these runs were made, where they are not all of the panels
    always: str = ""  #: what is said even where no caption is wanted


def finish(drawn: Drawn, *, note: str = "", caption: bool = True) -> ShownFigure:
    """Put a legend of all lines above what is drawn, and a caption below; within `drawn_at`.

    Args:
        drawn: What there is.
        note: How the runs were made.
        caption: Whether to write how to read it, and the note.
    """
    figure, note = drawn.figure, note if drawn.note is None else drawn.note
    text = " ".join(filter(None, (f"{drawn.said}.", drawn.always, note))) if caption else drawn.always
    if figure.get_layout_engine() is None:
        return _captioned(figure, text)
    colored = [label for label, look in drawn.looks.items() if look.in_color]
    others = [optimizer_title(label) for label in drawn.looks if label not in colored]
    lines: list[tuple[str, Artist]] = [(drawn.name_of(label), line_of(drawn.looks[label])) for label in colored]
    lines += [(f"others ({len(others)})", line_of(OTHERS))] * bool(others)
    below = f"others: {', '.join(others)}" if others else ""
    frame(figure, [*lines, *drawn.more], height=figure.get_figheight(), below=below, caption=text)
    return figure


def _captioned(figure: ShownFigure, text: str) -> ShownFigure:
    """A figure without a layout, with a text below; all else stays as large as it is."""
    if not text:
        return figure
    panels, texts, old = list(figure.axes), list(figure.texts), figure.get_figheight()
    new = old + add_caption(figure, text) + _ABOVE_CAPTION
    figure.set_figheight(new)
    for ax in panels:
        box = ax.get_position(original=True)
        ax.set_position((box.x0, 1 - old / new * (1 - box.y0), box.width, old / new * box.height))
    for one in texts:
        one.set_y(1 - old / new * (1 - one.get_position()[1]))
    return figure


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


def pooled(panels: Mapping[str, Panel], each: bool | None) -> dict[str, list[Panel]]:
    """What is drawn in each panel of a figure: all benchmarks together, or each under its title.

    Args:
        panels: Title -> what to draw.
        each: Whether each benchmark has a panel; None where a kind of figure has no such choice.

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
                    f"optimizer {label!r} has no runs on {title}; choose benchmarks or optimizers that have all"
                    + (", or a panel for each benchmark by each=True" if each is not None else "")
                )
    return {"": list(panels.values())}


def over_time(
    plot: Callable[..., str],
    panels: Mapping[str, Panel],
    size: Size,
    *,
    y: str,
    each: bool,
    highlight: Iterable[str] | None,
    **how: Any,
) -> tuple[ShownFigure, dict[str, Look]]:
    """Lines of all optimizers over what was spent, all benchmarks together or a panel for `each`.

    Args:
        plot: Draws on Axes the runs on some benchmarks, and returns the name of the lower axis: `plot_ranks`.
        panels: Title -> what to draw.
        size: Of the figure in print.
        y: What the left axis is called.
        each: As in `pooled`.
        highlight: As in `looks_for`.
        how: What else `plot` takes.

    Raises:
        UnknownNameError, SettingError: As `pooled`, `looks_for` and `plot`.
    """
    groups = pooled(panels, each)
    looks = looks_for([panel.trajectories for panel in panels.values()], highlight)
    made, x = grid(list(groups), size), []
    for ax, some in zip(made.axes, groups.values(), strict=True):
        n_workers = some[0].rules.n_workers
        x.append(plot(ax, [one.trajectories for one in some], looks=looks, n_workers=n_workers, **how))
    made.label(x, y)
    return made.figure, looks

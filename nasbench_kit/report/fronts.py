"""The fronts that searches of several objectives ended with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nasbench_kit.analysis.volumes import final_indicator_values, in_words
from nasbench_kit.plots.fronts import plot_attainment
from nasbench_kit.plots.grids import grid
from nasbench_kit.plots.looks import frame
from nasbench_kit.plots.style import drawn_at, size_of
from nasbench_kit.report.drawings import in_both_widths
from nasbench_kit.report.markup import Html, element, joined

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nasbench_kit.analysis.front_trajectories import FrontTrajectories
    from nasbench_kit.plots.style import ShownFigure
    from nasbench_kit.report.contents import Report

_TWO = 2  # objectives that can be drawn
_HIGH = 0.6  # of the width


def fronts_section(report: Report) -> Html:
    """What half of each optimizer's runs attain, drawn over the true front, for each benchmark."""
    names = report.names
    parts = [
        element(
            "details",
            element("summary", report.titles[title]),
            _front(f"front-{i}", {names[label]: one for label, one in panel.fronts.items()}),
            open=i == 0,
        )
        for i, (title, panel) in enumerate(report.with_runs.items())
        if panel.fronts
    ]
    return joined(
        element(
            "p",
            "Lines: median attainment surfaces, the border of what at least half of an optimizer's runs attain at their"
            " end. How good fronts are over time is drawn above: choose the quantity there.",
            class_="quiet",
        ),
        parts,
    )


def _front(id_: str, fronts: Mapping[str, FrontTrajectories]) -> Html:
    reference = next(iter(fronts.values())).reference
    known = "true front" if reference.is_proven else "best known front"
    caption = f"Gray: the {known}, {len(reference.front)} architectures. Hypervolume: {in_words(reference)}."
    if len(reference.metrics) != _TWO:
        return element("p", f"{len(reference.metrics)} objectives are not drawn. {caption}", class_="note")
    volumes = (f"{name} {final_indicator_values(one).mean():.4f}" for name, one in fronts.items())
    drawn = in_both_widths(
        lambda width: front_figure(fronts, width),
        id_,
        title="Fronts",
        words=f"The {known} and median attainment surfaces. Mean hypervolume at the end: {', '.join(volumes)}.",
    )
    return element("figure", drawn, element("figcaption", caption), class_="drawn")


def front_figure(fronts: Mapping[str, FrontTrajectories], width: str | float) -> ShownFigure:
    """The fronts of one benchmark with a legend, so wide in print."""
    size = size_of(width)
    with drawn_at(size):
        made = grid([""], size, up=_HIGH * size.width)
        made.label(*plot_attainment(made.axes[0], fronts))
        lines, names = made.axes[0].get_legend_handles_labels()
        frame(made.figure, list(zip(names, lines, strict=True)), height=made.figure.get_figheight())
    return made.figure

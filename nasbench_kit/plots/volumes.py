"""Several objectives over what was spent: how far fronts are from the true one, as one number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench_kit.analysis import Panel
from nasbench_kit.analysis.volumes import HYPERVOLUME, in_words, indicator_curves, indicator_of
from nasbench_kit.plots.anytime import Told, draw_curves, nothing_to_draw, told_in_words, with_band
from nasbench_kit.plots.curves import Anytime, curve_over, run_ends, times_of
from nasbench_kit.plots.fronts import common_reference, fronts_of, looks_by_volume, name_with_n, same_number
from nasbench_kit.plots.grids import Drawn, grid, titles_of
from nasbench_kit.plots.looks import Look, looks_of
from nasbench_kit.plots.scales import axis_title
from nasbench_kit.plots.style import Size, wrapped
from nasbench_kit.plots.titles import optimizer_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from nasbench_kit.analysis.front_trajectories import FrontTrajectories

_NAMES = {"hypervolume": "hypervolume", "igd_plus": "IGD+", "epsilon": "additive epsilon", "r2": "R2"}


def plot_volume(
    ax: Axes,
    fronts: Mapping[str, FrontTrajectories],
    *,
    indicator: str = HYPERVOLUME,
    looks: Mapping[str, Look] | None = None,
    ends: Mapping[str, NDArray[np.float64]] | None = None,
    how: Anytime | None = None,
    **choices: Any,
) -> Told:
    """Draw how far the runs' fronts are from the true one over what was spent, as `plot_anytime` draws regret.

    A run without a front is worse than all others.

    Args:
        ax: Where to draw.
        fronts: Label -> runs of that optimizer, all on the same benchmark.
        indicator: One of `nasbench_kit.analysis.volumes.INDICATORS`.
        looks: Label -> how its line looks.
        ends: Label -> up to where each run is drawn, (n_runs,); to its last evaluation by default.
        how: What is drawn: the "value" of the indicator, or its "regret", the distance to that of the true front.
        choices: Attributes of `Anytime` by their names, instead of or beside `how`.

    Returns:
        What there is to be explained.

    Raises:
        UnknownNameError, SettingError: As `indicator_curves`; or nothing is given, or a choice does not go with others.
    """
    how, looks = (how or Anytime()).changed(choices), looks or looks_of(fronts)
    made = indicator_of(common_reference(fronts, n_objectives=None), indicator)
    axis = how.axis or next(iter(fronts.values())).axis
    for one in fronts.values():
        one.along(axis)  # also of those that are not drawn
    ones = {label: one for label, one in fronts.items() if len(one.points)}
    if not ones:
        return nothing_to_draw(ax)
    how = with_band(how, [looks[label] for label in ones])
    firsts = {label: np.sort(one.along(axis)[np.unique(one.starts[one.runs])]) for label, one in ones.items()}
    until = {label: one.ended[axis] if ends is None else ends[label] for label, one in ones.items()}
    times = times_of(list(firsts.values()), list(until.values()), how, axis)

    def shown(distances: NDArray[np.float64]) -> NDArray[np.float64]:
        return distances if how.quantity == "regret" else made.at_front - (made.larger_is_better * 2 - 1) * distances

    curves = {}
    for label, one in ones.items():
        distances = made.distance(indicator_curves(one, times, indicator, axis))
        distances[one.curves(np.zeros(len(one.points)), times, axis) != 0] = np.nan  # before the first
        has_band = looks[label].in_color
        curves[label] = curve_over(distances, times, how, firsts[label], until[label], shown, has_band=has_band)
    return draw_curves(ax, curves, how, axis, looks, {label: name_with_n(label, [one]) for label, one in ones.items()})


def volume_figure(
    panels: Mapping[str, Panel],
    size: Size,
    *,
    caption: bool = True,
    highlight: Iterable[str] | None = None,
    **how: Any,
) -> Drawn:
    """The hypervolume of fronts over what was spent, or its distance to that of the true front; see `plot_volume`.

    Args:
        panels: Title -> what to draw.
        size: Of the figure in print.
        caption: Whether one will say how many runs there are; else the legend does.
        highlight: Labels of those in color.
        how: Attributes of `Anytime` by their names.

    Raises:
        UnknownNameError, SettingError: It cannot be drawn so, as where there is one objective.
    """
    fronts = fronts_of(panels)
    looks = looks_by_volume(fronts, highlight)
    chosen, n_same = with_band(Anytime(**how), looks.values()), same_number(fronts) if caption else None
    made, told = grid(titles_of(panels), size), []
    for ax, panel, some in zip(made.axes, panels.values(), fronts.values(), strict=True):
        workers = panel.rules.n_workers
        ends = {label: run_ends(panel.trajectories[label], chosen.axis, workers) for label in some}
        told.append(plot_volume(ax, some, looks=looks, ends=ends, how=chosen))
    first = next(iter(fronts.values()))
    one = next(iter(first.values()))
    front = "true front" if one.reference.is_proven else "best known front"
    name = _NAMES[HYPERVOLUME] + f", distance to the {front}" * (chosen.quantity == "regret")
    made.label(axis_title(chosen.axis or one.axis), wrapped(name, size.font, 0.86 * made.up))
    box = in_words(one.reference) if len(fronts) == 1 else _BOX
    said = f"Lines: {told_in_words(told, chosen, n_same)}. Hypervolume: {box}"
    names = {label: name_with_n(label, [some[label] for some in fronts.values() if label in some]) for label in looks}
    return Drawn(made.figure, said, looks, optimizer_title if n_same else names.__getitem__)


_BOX = "share of the box from the best to the worst recorded values of each objective that a front dominates"

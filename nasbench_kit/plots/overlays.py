"""What others measured, laid over our lines: runs that were read from logs, and points of published curves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from matplotlib import rcParams
from matplotlib.lines import Line2D

from nasbench_kit.analysis import Trajectories, shown
from nasbench_kit.analysis.external import Points
from nasbench_kit.errors import SettingError
from nasbench_kit.plots.curves import Anytime, Curve, curves_of
from nasbench_kit.plots.style import MARKERS, thick
from nasbench_kit.tables import Metric

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

Overlay = Trajectories | Points
_COLOR = "0.25"
_MARKERS_EVERY = 0.12  # of the diagonal of the axes


class Laid(NamedTuple):
    """An overlay as it is drawn."""

    curve: Curve
    are_points: bool  #: joined by straight lines, not a step function


def laid_over(overlays: Mapping[str, Overlay], one: Trajectories, how: Anytime) -> dict[str, Laid]:
    """Lines of what others measured, in the unit that is shown.

    Args:
        overlays: Label -> what was read.
        one: Runs that they are laid over.
        how: What is drawn.

    Raises:
        SettingError: One of them was counted along another axis, is in another unit or, where values are drawn, of
            another metric or of regrets; or they are too many to be told apart.
    """
    axis = one.checked_axis(how.axis)
    if len(overlays) > len(MARKERS):
        raise SettingError(f"{len(overlays)} overlays; {len(MARKERS)} at most expected, one per marker")
    found = {}
    for label, overlay in overlays.items():
        are_points = isinstance(overlay, Points)
        axes = [overlay.axis] if isinstance(overlay, Points) else list(overlay.spent)
        metric = metric_of(overlay)
        if axis not in axes:
            raise SettingError(f"overlay {label!r} is over {', '.join(axes)}, not over {axis}; axis={axes[0]} expected")
        if metric.unit != one.metric.unit or (how.quantity == "value" and metric.name != one.metric.name):
            raise SettingError(
                f"overlay {label!r} is of {metric.name} [{metric.unit}], these runs are reported by {one.metric.name}"
                f" [{one.metric.unit}]; the same metric expected, or of regrets the same unit"
            )
        if not isinstance(overlay, Points):
            if not overlay.has_incumbent.any():
                raise SettingError(f"overlay {label!r} holds no value; runs with some expected")
            curve = curves_of({label: overlay}, replace(how, axis=axis, band=None))[label]
        elif how.quantity == "value":
            raise SettingError(f"overlay {label!r} holds regrets, not values; quantity=regret expected")
        else:
            first, last = float(overlay.spent[0]), float(overlay.spent[-1])
            curve = Curve(overlay.spent, one.show.factor * overlay.regret, None, first, last, last)
        found[label] = Laid(curve, are_points)
    return found


def metric_of(overlay: Overlay) -> Metric:
    """What its values or regrets are of."""
    return Metric.from_name(overlay.metric) if isinstance(overlay, Points) else overlay.metric


def draw_overlay(ax: Axes, laid: Laid, i: int, label: str) -> None:
    """A thin dark line with the `i`-th marker, open, at every point of a published curve."""
    curve, every = laid.curve, None if laid.are_points else (0.05, _MARKERS_EVERY)
    style: Any = "default" if laid.are_points else "steps-post"
    ax.plot(curve.times, curve.center, drawstyle=style, markevery=every, label=label, gid="overlay", **_look(i))


def overlay_lines(overlays: Mapping[str, Overlay], metric: Metric) -> list[tuple[str, Artist]]:
    """(label, line) of each, for the legend: with the metric, where it is not that of the runs."""
    lines: list[tuple[str, Artist]] = []
    for i, (label, one) in enumerate(overlays.items()):
        n = "" if isinstance(one, Points) else f", n = {one.n_runs:,}"
        own = metric_of(one)
        other = f", {shown(own.name, own.unit).name}" * (own.name != metric.name)
        lines.append((f"{label}{other}{n}", Line2D([], [], **_look(i))))
    return lines


def overlays_in_words(overlays: Mapping[str, Overlay]) -> str:
    """Where they are from."""
    sources = {
        label: f"{one.statistic}; {one.source}" if isinstance(one, Points) else one.values_are
        for label, one in overlays.items()
    }
    of_source: dict[str, list[str]] = {}
    for label, source in sources.items():
        of_source.setdefault(source, []).append(label)
    said = "; ".join(f"{', '.join(labels)} ({source})" for source, labels in of_source.items())
    return f"not run here: {said}"


def _look(i: int) -> dict[str, Any]:
    size = 0.8 * rcParams["lines.markersize"]
    line = {"color": _COLOR, "linewidth": thick(0.5), "marker": MARKERS[i], "markersize": size, "zorder": 2.2}
    return line | {"markerfacecolor": "white", "markeredgewidth": thick(0.5)}

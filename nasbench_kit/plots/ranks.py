"""Average ranks of optimizers over what was spent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nasbench_kit.analysis import Panel, Trajectories, average_ranks, regret_curves
from nasbench_kit.errors import SettingError
from nasbench_kit.plots.anytime import draw_curve
from nasbench_kit.plots.curves import Curve, Scale, check_inside, run_ends
from nasbench_kit.plots.grids import Drawn, looks_for, over_time
from nasbench_kit.plots.looks import Look
from nasbench_kit.plots.scales import Heights, axis_title, scale_x
from nasbench_kit.plots.style import Size, quiet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

By = Literal["every pair", "seed", "median"]
_IN_WORDS = {
    "every pair": "expected rank of one run of each optimizer, whichever",
    "seed": "ranks of runs of the same seed, in the mean over seeds",
    "median": "ranks of medians over runs",
}
_N_TIMES = 100
_MARGIN = 0.25  # ranks


def plot_ranks(
    ax: Axes,
    benchmarks: Sequence[Mapping[str, Trajectories]],
    *,
    looks: Mapping[str, Look] | None = None,
    axis: str | None = None,
    by: By | None = None,
    x_scale: Scale = "log",
    x_limits: tuple[float, float] | None = None,
    n_workers: int = 1,
) -> str:
    """Draw the average rank of each optimizer, 1 (the best) at the top; in the mean over benchmarks, if several.

    Ties share their mean rank, and a run without an incumbent is worse than all others. A line is dotted before all
    runs of its optimizer that ever have an incumbent have one, and after the first of them ended: from there on, ranks
    are those of what was reached by then.

    Args:
        ax: Where to draw.
        benchmarks: Of each, label -> runs; the same labels on all. Several are drawn over the share of the budget.
        looks: Label -> how its line looks.
        axis: What is spent; what the budget counts, by default.
        by: What is ranked: see `nasbench_kit.analysis.average_ranks`; "seed" by default, where there are as many runs
            of all, else "every pair".
        x_scale: "log" or "linear".
        x_limits: From where to where.
        n_workers: Of a run.

    Returns:
        The name of the lower axis.

    Raises:
        UnknownNameError: There is no such axis.
        SettingError: Fewer than two optimizers, runs without any incumbent, or unequal numbers of runs by seed.
    """
    labels = list(benchmarks[0])
    if len(labels) < 2:
        raise SettingError(f"ranks of {len(labels)} optimizer; two or more expected")
    looks, by = looks or looks_for(benchmarks), by or default_by(benchmarks)
    units = [unit_of(one, axis) for one in benchmarks] if len(benchmarks) > 1 else [1.0]
    firsts = [
        [one.along(axis)[one.starts[:-1][one.has_incumbent]] / unit for one in every.values()]
        for every, unit in zip(benchmarks, units, strict=True)
    ]
    ends = [
        [np.nan_to_num(run_ends(one, axis, n_workers)) / unit for one in every.values()]
        for every, unit in zip(benchmarks, units, strict=True)
    ]
    begin = min((float(first.min()) for some in firsts for first in some if len(first)), default=np.inf)
    end = max(float(each.max()) for some in ends for each in some)
    if begin > end:
        raise SettingError("none of these runs has an incumbent; give a larger budget")
    check_inside(begin, end, "share of the budget" if len(benchmarks) > 1 else "what was spent", x_limits=x_limits)
    low, high = x_limits or (begin, end)
    low, high = (max(min(low, end), begin), max(min(high, end), begin)) if x_limits else (begin, end)
    times = np.geomspace(low, high, _N_TIMES) if x_scale == "log" else np.linspace(low, high, _N_TIMES)
    times[[0, -1]] = low, high
    found = np.mean(
        [
            average_ranks([regret_curves(one, times * unit, axis) for one in every.values()], by=by)
            for every, unit in zip(benchmarks, units, strict=True)
        ],
        axis=0,
    )
    heights = Heights("linear", float(found.min()) - _MARGIN, float(found.max()) + _MARGIN, -np.inf, has_zero=False)
    for i, label in enumerate(labels):
        begun = max((float(some[i].max()) for some in firsts if len(some[i])), default=end)
        curve = Curve(times, found[i], None, begun, min(float(some[i].min()) for some in ends), end)
        draw_curve(ax, curve, looks[label], heights, end, label)
    name = benchmarks[0][labels[0]].checked_axis(axis)
    scale_x(ax, x_scale, x_limits or (0.0 if x_scale == "linear" else begin, end), name)
    ax.set_ylim(heights.high, heights.low)
    quiet(ax)
    return axis_title(name) if len(benchmarks) == 1 else share_title(name)


def default_by(benchmarks: Iterable[Mapping[str, Trajectories]]) -> By:
    """Runs of the same position against each other, which is fast, where all have as many; else any."""
    return "seed" if all(len({one.n_runs for one in every.values()}) == 1 for every in benchmarks) else "every pair"


def unit_of(trajectories: Mapping[str, Trajectories], axis: str | None) -> float:
    """The budget along an axis, or the most that any run spent, if there is none."""
    first = next(iter(trajectories.values()))
    name = first.checked_axis(axis)
    spent = max(float(one.ended[one.checked_axis(axis)].max()) for one in trajectories.values())
    return first.budgets.get(name) or spent or 1.0


def share_title(axis: str) -> str:
    """What the axis is called that shows the share of a budget."""
    return f"{axis_title(axis).partition(' [')[0]}, as a share of the budget"


def ranks_figure(
    panels: Mapping[str, Panel],
    size: Size,
    *,
    axis: str | None = None,
    by: By | None = None,
    each: bool = False,
    x_scale: Scale = "log",
    x_limits: tuple[float, float] | None = None,
    highlight: Iterable[str] | None = None,
) -> Drawn:
    """Average ranks over what was spent: in the mean over benchmarks, or a panel for `each`; see `plot_ranks`.

    Raises:
        UnknownNameError, SettingError: It cannot be drawn so.
    """
    by = by or default_by(panel.trajectories for panel in panels.values())
    how: dict[str, Any] = {"axis": axis, "by": by, "x_scale": x_scale, "x_limits": x_limits}
    figure, looks = over_time(plot_ranks, panels, size, y="average rank", each=each, highlight=highlight, **how)
    over = f", in the mean over {len(panels)} benchmarks" if len(panels) > 1 and not each else ""
    said = (
        f"Lines: {_IN_WORDS.get(by, by)}{over}; 1 is the best, ties share their mean rank, and a run without an"
        f" incumbent is last; dotted: not all runs have an incumbent yet, or some have ended"
    )
    return Drawn(figure, said, looks)

"""How long optimizers take to targets: the running-time ECDF, and times beside those of random search."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from nasbench_kit.analysis import (
    Ecdf,
    Panel,
    RandomSearchLaw,
    Trajectories,
    common_targets,
    running_time_ecdf,
    times_to,
    times_until_half,
)
from nasbench_kit.analysis.targets import N_TARGETS
from nasbench_kit.errors import SettingError, unknown
from nasbench_kit.plots.anytime import draw_curve
from nasbench_kit.plots.curves import Curve, Scale, law_of, run_ends
from nasbench_kit.plots.grids import Drawn, grid, looks_for, over_time, titles_of
from nasbench_kit.plots.looks import Look
from nasbench_kit.plots.ranks import share_title, unit_of
from nasbench_kit.plots.scales import Heights, axis_title, scale_x
from nasbench_kit.plots.style import GRAY, Size, quiet, thick
from nasbench_kit.plots.titles import metric_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

_QUANTITIES = ("time", "speed-up")
_LAW = "random search, exact law"


def plot_ecdf(
    ax: Axes,
    benchmarks: Sequence[Mapping[str, Trajectories]],
    *,
    looks: Mapping[str, Look] | None = None,
    axis: str | None = None,
    share: bool | None = None,
    x_scale: Scale = "log",
    n_workers: int = 1,
) -> str:
    """Draw which share of all pairs of a run and a target was reached over what was spent, of each optimizer.

    A line is dotted from when the first run ended that had not reached all targets: from then on it is lower than that
    of longer runs would be.

    Args:
        ax: Where to draw.
        benchmarks: Of each, label -> runs; the same labels on all. Each has its own `common_targets`.
        looks: Label -> how its line looks.
        axis: What is spent; what the budget counts, by default.
        share: Whether as a share of the budget; of several benchmarks by default.
        x_scale: "log" or "linear".
        n_workers: Of a run.

    Returns:
        The name of the lower axis.

    Raises:
        UnknownNameError: There is no such axis.
        SettingError: There are no targets.
    """
    looks = looks or looks_for(benchmarks)
    share = len(benchmarks) > 1 if share is None else share
    units = [unit_of(one, axis) for one in benchmarks] if share else [1.0] * len(benchmarks)
    targets = [common_targets(one) for one in benchmarks]
    found, last = {}, {}
    for label in benchmarks[0]:
        ones = [every[label] for every in benchmarks]
        ends = [np.nan_to_num(run_ends(one, axis, n_workers)) for one in ones]
        times = [times_to(one, some, axis) for one, some in zip(ones, targets, strict=True)]
        found[label] = running_time_ecdf(times, ends, budgets=units)
        last[label] = max(float(end.max()) / unit for end, unit in zip(ends, units, strict=True))
    end = max(last.values())
    begin = min((float(one.times[0]) for one in found.values() if len(one.times)), default=end)
    heights = Heights("linear", 0.0, 1.0, -np.inf, has_zero=False)
    for label, one in found.items():
        inside = min(one.complete_until, end)
        x = np.concatenate([[begin], one.times, [inside, last[label]]])
        y = np.concatenate([[0.0], one.shares, _shares_at(one, [inside, last[label]])])
        order = np.argsort(x, kind="stable")
        curve = Curve(x[order], y[order], None, begin, inside, last[label])
        draw_curve(ax, curve, looks[label], heights, end, label)
    name = next(iter(benchmarks[0].values())).checked_axis(axis)
    scale_x(ax, x_scale, (0.0 if x_scale == "linear" else begin, end), name)
    ax.set_ylim(0, 1.02)
    quiet(ax)
    return share_title(name) if share else axis_title(name)


def _shares_at(ecdf: Ecdf, times: list[float]) -> NDArray[np.float64]:
    return np.append(0.0, ecdf.shares)[np.searchsorted(ecdf.times, times, side="right")]


def ecdf_figure(
    panels: Mapping[str, Panel],
    size: Size,
    *,
    axis: str | None = None,
    each: bool = False,
    share: bool | None = None,
    x_scale: Scale = "log",
    highlight: Iterable[str] | None = None,
) -> Drawn:
    """The running-time ECDF of each optimizer, over all benchmarks or a panel for `each`; see `plot_ecdf`.

    Raises:
        UnknownNameError, SettingError: It cannot be drawn so.
    """
    how: dict[str, Any] = {"axis": axis, "share": share, "x_scale": x_scale}
    y = "share of runs and targets"
    figure, looks = over_time(plot_ecdf, panels, size, y=y, each=each, highlight=highlight, **how)
    said = (
        f"Share of all pairs of a run and one of {N_TARGETS} targets that were reached; targets of each benchmark"
        " are log-spaced from the median regret of first incumbents to the least above 0. Dotted: runs have ended"
        " before they reached all; a stroke: all have ended"
    )
    return Drawn(figure, said, looks)


def plot_times(
    ax: Axes,
    trajectories: Mapping[str, Trajectories],
    *,
    law: RandomSearchLaw | None = None,
    looks: Mapping[str, Look] | None = None,
    quantity: str = "time",
) -> None:
    """Draw how long it takes until half of all runs have an incumbent as good as each target, harder ones to the right.

    Args:
        ax: Where to draw.
        trajectories: Label -> runs, all on the same benchmark.
        law: The exact law of random search there, drawn in gray.
        looks: Label -> how its line looks.
        quantity: "time", or "speed-up": the time of the law over it.

    Raises:
        UnknownNameError: There is no such quantity.
        SettingError: A speed-up without a law, or over another axis; or there are no targets.
    """
    if quantity not in _QUANTITIES:
        raise unknown("quantity", quantity, _QUANTITIES)
    if law is None and quantity == "speed-up":
        raise SettingError("a speed-up over random search needs its exact law; quantity=time does without")
    looks, first = looks or looks_for([trajectories]), next(iter(trajectories.values()))
    targets = common_targets(trajectories)
    of_law = np.full(len(targets), np.nan)
    if law is not None:
        if law.clock != first.axis:
            raise SettingError(f"the law of random search is over {law.clock}, not over {first.axis}")
        sign = law.metric.sign()
        of_law = np.array([law.time_until(sign * (first.best - target)) for target in targets.tolist()])
    x = first.show.factor * targets
    for label, one in trajectories.items():
        times = times_until_half(one, targets)
        times[~np.isfinite(times)] = np.nan
        y = times if quantity == "time" else np.where(np.isfinite(of_law), of_law, np.nan) / times
        ax.plot(x, y, label=label, **looks[label].line)
    behind = np.ones(len(targets)) if quantity == "speed-up" else np.where(np.isfinite(of_law), of_law, np.nan)
    if law is not None:
        ax.plot(x, behind, label=_LAW, **_law_line())
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(float(x[0]), float(x[-1]))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if x[0] / x[-1] < 30 else (1.0, 3.0)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    if quantity == "speed-up":
        ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
    quiet(ax)


def _law_line() -> dict[str, Any]:
    """How the line of the law looks."""
    return {"color": GRAY, "linewidth": thick(0.5), "zorder": 1.8}


def times_figure(
    panels: Mapping[str, Panel], size: Size, *, quantity: str = "time", highlight: Iterable[str] | None = None
) -> Drawn:
    """Time to targets of each optimizer, or its speed-up over the exact law of random search: see `plot_times`.

    The law is drawn where it is known.

    Raises:
        UnknownNameError, SettingError: It cannot be drawn so; of a speed-up also where the law is not known.
    """
    laws: list[RandomSearchLaw | None] = []
    for panel in panels.values():
        laws.append(None)
        with suppress(*(() if quantity == "speed-up" else (SettingError,))):
            found = law_of(panel.benchmark, panel.rules)
            counted = next(iter(panel.trajectories.values())).axis
            laws[-1] = found if found.clock == counted or quantity == "speed-up" else None
    looks = looks_for([panel.trajectories for panel in panels.values()], highlight)
    made = grid(titles_of(panels), size)
    for ax, panel, law in zip(made.axes, panels.values(), laws, strict=True):
        plot_times(ax, panel.trajectories, law=law, looks=looks, quantity=quantity)
    first = next(iter(next(iter(panels.values())).trajectories.values()))
    made.label(
        f"target regret [{first.show.difference_unit}]",
        [axis_title(next(iter(panel.trajectories.values())).axis) for panel in panels.values()]
        if quantity == "time"
        else "speed-up over random search",
    )
    names = dict.fromkeys(metric_title(one.show.name) for p in panels.values() for one in p.trajectories.values())
    said = f"Lines: until half of all runs have an incumbent as good as a target by {' or '.join(names)}, harder ones"
    said += " to the right; they end where fewer have"
    said += ", or where random search is not by the end of the budget" * (quantity == "speed-up")
    missing = sum(law is None for law in laws)
    said += f"; the exact law of random search is not known on {missing} of {len(laws)}" * bool(missing)
    more = [(_LAW, Line2D([], [], **_law_line()))] if missing < len(laws) else []
    return Drawn(made.figure, said, looks, more=more)

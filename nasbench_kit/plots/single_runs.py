"""One run: its trainings and how far they went, and what its simulated workers did."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib import colormaps, rcParams
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from nasbench_kit.analysis import Panel, shown
from nasbench_kit.errors import SettingError, counted
from nasbench_kit.plots.curves import check_inside
from nasbench_kit.plots.grids import Drawn, grid, titles_of
from nasbench_kit.plots.scales import axis_title, scale_x
from nasbench_kit.plots.style import COLORS, Size, quiet
from nasbench_kit.plots.titles import metric_title, optimizer_title
from nasbench_kit.simulator import NO_EPOCH, Records
from nasbench_kit.study import Study

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from nasbench_kit.tables import Metric

_STOPPED, _WENT_ON, _BEST = "0.62", COLORS[0], COLORS[1]
_LEAST_SHOWN = 0.02  # quantile of values at which the axis begins: a few that collapsed would take all the room
_OPAQUE = 150  # trainings from which lines become transparent
_NEW = "0.8"
_MOST_SHADES = 6  # of promotions that are told apart
_MANY = 1_000  # evaluations that are drawn as pictures in PDF and SVG
_MOST_AT_ONCE = 60  # evaluations of a worker that are told apart
_ROW = 2.2  # lines of text for a worker


class ChosenRun(NamedTuple):
    """One run out of a study."""

    panel: Panel
    label: str
    run_seed: int
    records: Records
    title: str


def chosen_run(panels: Mapping[str, Panel], study: str | os.PathLike[str] | None, seed: int | None) -> ChosenRun:
    """The run of a seed, by default the first, of the first optimizer on the first benchmark.

    Raises:
        SettingError: There is no study, or no such run.
        StudyError: It is damaged.
    """
    if study is None:
        raise SettingError(
            "a figure of one run reads it from a study, and these runs were not kept; study=FILE keeps them"
        )
    title, panel = next(iter(panels.items()))
    label, trajectories = next(iter(panel.trajectories.items()))
    seeds = trajectories.run_seeds.tolist()
    wanted = seeds[0] if seed is None else seed
    if wanted not in seeds:
        raise SettingError(
            f"no run of {label} on {title} has the seed {wanted!r:.40}; "
            + (
                f"the only one has {seeds[0]}"
                if len(seeds) == 1
                else f"one of {len(seeds):,} from {min(seeds)} to {max(seeds)} expected"
            )
        )
    with Study(study, create=False) as opened:
        runs = list(opened.runs(panel.configurations[label], [wanted]))
    if not runs:
        raise SettingError(f"{os.fspath(study)} does not hold the run of {label} on {title} with the seed {wanted}")
    heading = f"{optimizer_title(label)} on {titles_of({title: panel})[0]}, seed {wanted}"
    return ChosenRun(panel, label, wanted, runs[0].records, heading)


def plot_trainings(ax: Axes, records: Records, metric: Metric, last_epoch: int | None = None) -> str:
    """Draw the learning curves of a run's trainings: a point for each evaluation, joined within a training.

    Those that were stopped are gray, those that went on to the last epoch are blue, and that of the final incumbent is
    orange.

    Args:
        ax: Where to draw.
        records: The run.
        metric: What `Records.value` is.
        last_epoch: At which an evaluation may be an incumbent; the highest of the run by default.

    Returns:
        How many trainings there are of each kind, in words.

    Raises:
        SettingError: The results know of no epochs, or nothing was evaluated.
    """
    if not len(records.value):
        raise SettingError("a run without evaluations has no learning curves; another seed expected")
    if (records.epoch == NO_EPOCH).any():
        raise SettingError("these results know of no epochs, so there are no learning curves")
    last = last_epoch or int(records.epoch.max())
    values = shown(metric.name, metric.unit).factor * np.where(records.failed, np.nan, records.value)
    order = np.lexsort((records.epoch, records.trial))
    trials, firsts = np.unique(records.trial[order], return_index=True)
    curves = np.split(order, firsts[1:])
    reached = np.array([records.epoch[some].max() >= last for some in curves])
    at_last = np.where((records.epoch >= last) & (records.violation <= 0), metric.sign() * values, np.nan)
    best = int(records.trial[int(np.nanargmax(at_last))]) if np.isfinite(at_last).any() else -1
    is_many = len(curves) > _MANY
    alpha = float(np.clip(_OPAQUE / len(curves), 0.12, 0.7))
    for is_done, color, width in ((False, _STOPPED, 0.45), (True, _WENT_ON, 0.6)):
        some = [curve for curve, done in zip(curves, reached, strict=True) if done == is_done]
        lines = [np.column_stack([records.epoch[curve], values[curve]]) for curve in some if len(curve) > 1]
        thin = width * rcParams["lines.linewidth"]
        ax.add_collection(
            LineCollection(lines, colors=color, linewidths=thin, alpha=alpha, rasterized=is_many, zorder=2 + is_done)
        )
        ends = np.array([curve[-1] for curve in some], np.intp)
        ax.plot(
            records.epoch[ends],
            values[ends],
            "o" if is_done else "x",
            color=color,
            markersize=0.45 * rcParams["lines.markersize"],
            alpha=min(2 * alpha, 1.0),
            rasterized=is_many,
            zorder=2.5 + is_done,
            gid="went on" if is_done else "stopped",
        )
    for curve in (curve for trial, curve in zip(trials, curves, strict=True) if trial == best):
        ax.plot(
            records.epoch[curve],
            values[curve],
            "-o",
            color=_BEST,
            zorder=5,
            markersize=0.7 * rcParams["lines.markersize"],
        )
    _scale_epochs(ax, records.epoch)
    finite = np.sort(values[np.isfinite(values)])
    if metric.sign() > 0 and len(finite):
        low = float(np.quantile(finite, _LEAST_SHOWN))
        ax.set_ylim(low - 0.05 * max(finite[-1] - low, 1e-3), finite[-1] + 0.05 * max(finite[-1] - low, 1e-3))
    ax.yaxis.set_major_locator(MaxNLocator(5))
    quiet(ax)
    n_failed = len(np.unique(records.trial[records.failed]))
    told = f"{len(trials):,} trainings, of which {int(reached.sum()):,} went on to epoch {last}"
    return told + f" and {n_failed:,} failed" * bool(n_failed)


def _scale_epochs(ax: Axes, epochs: NDArray[np.int32]) -> None:
    there = np.unique(epochs)
    is_log = there[-1] >= 8 * there[0]
    ax.set_xscale("log" if is_log else "linear")
    if is_log:
        ax.set_xlim(there[0] / 1.15, there[-1] * 1.15)
    else:
        margin = max(1.0, 0.06 * (there[-1] - there[0]))
        ax.set_xlim(there[0] - margin, there[-1] + margin)
    if len(there) <= 7:
        ax.xaxis.set_major_locator(FixedLocator(there.tolist()))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set_xlabel("epochs trained")


def trainings_figure(
    panels: Mapping[str, Panel],
    size: Size,
    *,
    study: str | os.PathLike[str] | None = None,
    seed: int | None = None,
) -> Drawn:
    """Learning curves of the trainings of one run: see `plot_trainings`, and `chosen_run` for which.

    Raises:
        SettingError, StudyError: There is no such run, or it knows of no epochs.
    """
    run = chosen_run(panels, study, seed)
    metric = run.panel.benchmark.objective_metric
    show = shown(metric.name, metric.unit)
    made = grid([run.title], size, n_across=1, up=min(0.62 * size.width, 3.2 * size.font / 8))
    told = plot_trainings(made.axes[0], run.records, metric, run.panel.rules.last_epoch(run.panel.benchmark))
    made.label("epochs trained", f"{metric_title(show.name)} [{show.unit}]")
    half = 0.55 * rcParams["lines.markersize"]
    more: list[tuple[str, Artist]] = [
        ("stopped", Line2D([], [], color=_STOPPED, marker="x", markersize=half)),
        ("trained to the end", Line2D([], [], color=_WENT_ON, marker="o", markersize=half)),
        ("final incumbent", Line2D([], [], color=_BEST, marker="o", markersize=half)),
    ]
    return Drawn(made.figure, told, more=more, note=run.panel.in_words)


def plot_workers(ax: Axes, records: Records) -> list[tuple[str, Artist]]:
    """Draw what each simulated worker trained when: trainings that begin in gray, those that go on in color.

    Args:
        ax: Where to draw.
        records: The run.

    Returns:
        What the colors mean.

    Raises:
        SettingError: Nothing was evaluated.
    """
    if not len(records.value):
        raise SettingError("workers of a run without evaluations did nothing; another seed expected")
    _, first = np.unique(records.trial, return_index=True)
    is_new = np.zeros(len(records.trial), bool)
    is_new[first] = True
    rungs = np.unique(records.epoch[~is_new])
    groups: list[tuple[str, Any, NDArray[np.bool_]]] = [("a training begins", _NEW, is_new)]
    if len(rungs) > _MOST_SHADES:
        groups.append(("a training goes on", COLORS[0], ~is_new))
    else:
        shades = colormaps["viridis_r"](np.linspace(0.15, 1.0, max(len(rungs), 1)))
        for rung, shade in zip(rungs.tolist(), shades, strict=False):
            groups.append((f"goes on to epoch {rung}", shade, ~is_new & (records.epoch == rung)))
    legend: list[tuple[str, Artist]] = []
    for name, color, some in groups:
        left, right, row = records.started_s[some], records.finished_s[some], records.worker[some]
        corners = [(left, row - 0.4), (right, row - 0.4), (right, row + 0.4), (left, row + 0.4)]
        bars = np.stack([np.column_stack(corner) for corner in corners], axis=1)
        edge = 0.25 if len(records.value) < _MANY else 0.0
        ax.add_collection(
            PolyCollection(
                list(bars),
                facecolors=[color],
                edgecolors="white",
                linewidths=edge,
                rasterized=len(records.value) > _MANY,
                gid=name,
            )
        )
        legend.append((name, Patch(color=color)))
    if records.failed.any():
        at = records.failed
        ax.plot(records.finished_s[at], records.worker[at], "x", color=COLORS[1], markersize=4, gid="failed")
        legend.append(("failed", Line2D([], [], color=COLORS[1], marker="x", linestyle="")))
    n_workers = int(records.worker.max()) + 1
    ax.set_ylim(n_workers - 0.4, -0.6)
    ax.yaxis.set_major_locator(FixedLocator(range(n_workers)) if n_workers <= 12 else MaxNLocator(6, integer=True))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda worker, _: f"{worker + 1:.0f}"))
    quiet(ax)
    ax.grid(visible=False, axis="y")
    return legend


def workers_figure(
    panels: Mapping[str, Panel],
    size: Size,
    *,
    study: str | os.PathLike[str] | None = None,
    seed: int | None = None,
    x_limits: tuple[float, float] | None = None,
) -> Drawn:
    """What the simulated workers of one run did: see `plot_workers`, and `chosen_run` for which.

    Raises:
        SettingError, StudyError: There is no such run, or nothing was evaluated.
    """
    run = chosen_run(panels, study, seed)
    n_workers = int(run.records.worker.max(initial=0)) + 1
    up = min(max(n_workers * _ROW, 4) * size.small / 72, size.width) + 5 * size.font / 72
    made = grid([run.title], size, n_across=1, up=up)
    legend = plot_workers(made.axes[0], run.records)
    finished_s = np.sort(run.records.finished_s)
    end, axis = float(finished_s[-1]), run.panel.rules.clock
    shown_end = float(finished_s[: _MOST_AT_ONCE * n_workers][-1])
    check_inside(0.0, end, axis, x_limits=x_limits)
    low, high = x_limits or (0.0, shown_end)
    scale_x(made.axes[0], "linear", (low, high), axis)
    made.label(axis_title(axis), "worker")
    busy = float((run.records.finished_s - run.records.started_s).sum()) / (end * n_workers) if end else 0.0
    said = f"{counted(len(run.records.value), 'evaluation')}; workers were busy {100 * busy:.0f} % of the time"
    said += f"; drawn from {low:,.0f} to {high:,.0f} of {end:,.0f}" * ((low, high) != (0.0, end))
    return Drawn(made.figure, said, more=legend, note=run.panel.in_words)

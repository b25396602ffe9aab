"""Kinds of figures of a comparison, by name. A new kind is a line of `KINDS`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, NamedTuple

from nasbench_kit.analysis import Panel, random_search_law
from nasbench_kit.errors import SettingError, unknown
from nasbench_kit.plots.anytime import anytime_figure
from nasbench_kit.plots.architectures import coordinates_figure, incumbents_figure
from nasbench_kit.plots.curves import Band, Scale
from nasbench_kit.plots.differences import difference_figure, win_rates_figure
from nasbench_kit.plots.grids import Drawn, finish, titles_of
from nasbench_kit.plots.ranks import ranks_figure
from nasbench_kit.plots.scores import intervals_figure, profiles_figure
from nasbench_kit.plots.single_runs import trainings_figure, workers_figure
from nasbench_kit.plots.style import Size, drawn_at, size_of
from nasbench_kit.plots.targets import ecdf_figure, times_figure

if TYPE_CHECKING:
    from nasbench_kit.plots.style import ShownFigure

_GIVEN = ("note", "caption", "study")  # what `draw` hands on to kinds that ask for it
_OF_ALL: dict[str, Any] = {"width": "text", "caption": True}  # choices of every kind


class Kind(NamedTuple):
    """A kind of figure."""

    figure: Callable[..., Drawn]  #: of panels and a size in print, then what can be chosen, as keywords with defaults
    about: str  #: what it shows, in some words

    @property
    def keywords(self) -> dict[str, Any]:
        """What it takes beside panels and a size, with the defaults."""
        given = signature(self.figure).parameters.values()
        return {one.name: one.default for one in given if one.kind is Parameter.KEYWORD_ONLY}

    @property
    def choices(self) -> dict[str, Any]:
        """What can be chosen, with its defaults."""
        return {name: default for name, default in self.keywords.items() if name not in _GIVEN} | _OF_ALL


def draw(
    kind: str,
    panels: Mapping[str, Panel],
    *,
    note: str = "",
    study: str | os.PathLike[str] | None = None,
    width: str | float = "text",
    caption: bool = True,
    **choices: Any,
) -> ShownFigure:
    """A figure of a kind, at the size in which it is printed.

    Args:
        kind: A name of `KINDS`.
        panels: Title -> what to draw.
        note: How the runs were made, for the caption.
        study: Where the runs are, for kinds that look at what incumbents do not tell.
        width: "column", "text" (of a page with two columns), "slide", or inches.
        caption: Whether to write below how the numbers came about.
        choices: What else the kind lets one choose.

    Raises:
        UnknownNameError: There is no such kind, or choice.
        SettingError: A choice is not for this kind, or cannot be drawn.
    """
    check_choices(kind, choices)
    size, keywords = size_of(width), KINDS[kind].keywords
    given = dict(zip(_GIVEN, (note, caption, study), strict=True))
    given = {name: value for name, value in given.items() if name in keywords}
    with drawn_at(size):
        return finish(KINDS[kind].figure(panels, size, **given, **choices), note=note, caption=caption)


def check_choices(kind: str, choices: Mapping[str, Any]) -> None:
    """Refuse what a kind of figure does not let one choose, before any work is done.

    Raises:
        UnknownNameError: There is no such kind, or choice.
        SettingError: A choice is for other kinds.
    """
    if kind not in KINDS:
        raise unknown("kind of figure", kind, KINDS)
    known = {name for other in KINDS.values() for name in other.choices}
    for name in choices:
        if name not in known:
            raise unknown("choice of a figure", name, sorted(known))
        if name not in KINDS[kind].choices:
            raise SettingError(f"{name}={choices[name]!r:.80} says nothing to a figure of kind {kind}; leave it out")


def selected(
    panels: Mapping[str, Panel],
    *,
    benchmarks: Iterable[str] | None = None,
    optimizers: Iterable[str] | None = None,
    labels: Mapping[str, str] | None = None,
) -> dict[str, Panel]:
    """Some of what there is, in the order that is given, under other labels.

    Args:
        panels: Title -> what there is.
        benchmarks: Titles, or names of benchmarks; all by default.
        optimizers: Labels, or names of optimizers; all by default. Panels that have none of them are left out.
        labels: Label -> how to show it instead.

    Raises:
        UnknownNameError: There is no such benchmark, optimizer or label.
        SettingError: Two optimizers would have the same label.
    """
    titles = {title: (title, panel.benchmark.name) for title, panel in panels.items()}
    called: dict[str, tuple[str, ...]] = {}
    for panel in panels.values():
        for label in panel.trajectories:
            called[label] = (label, panel.configurations[label].optimizer)
    chosen = _named("benchmark", benchmarks, titles)
    shown = _named("optimizer", optimizers, called)
    for old in labels or {}:
        if old not in called:
            raise unknown("optimizer to label", old, called)
    new = {label: (labels or {}).get(label, label) for label in shown}
    if len(set(new.values())) < len(new):
        twice = next(label for label in new.values() if [*new.values()].count(label) > 1)
        raise SettingError(f"two optimizers would be called {twice!r}; give each its own label")
    found = {}
    for title in chosen:
        panel = panels[title]
        parts: Any = {
            name: {new[label]: by[label] for label in new if label in by}
            for name in ("configurations", "trajectories", "failures")
            for by in [getattr(panel, name)]
        }
        if parts["trajectories"]:
            found[title] = replace(panel, **parts)
    return found


def _named(what: str, wanted: Iterable[str] | None, names: Mapping[str, tuple[str, ...]]) -> list[str]:
    """The keys of those that are called so, in the order in which they are wanted."""
    if wanted is None:
        return list(names)
    found: dict[str, None] = {}
    for name in [wanted] if isinstance(wanted, str) else wanted:
        some = [key for key, called in names.items() if name in called]
        if not some:
            raise unknown(what, name, dict.fromkeys(called for every in names.values() for called in every))
        found |= dict.fromkeys(some)
    if not found:
        raise SettingError(f"no {what}; give one or more, or leave it out for all")
    return list(found)


def _anytime(
    panels: Mapping[str, Panel],
    size: Size,
    *,
    note: str = "",
    axis: str | None = None,
    quantity: str = "regret",
    statistic: str = "median",
    band: Band = "auto",
    x_scale: Scale = "log",
    y_scale: Scale | None = None,
    x_limits: tuple[float, float] | None = None,
    y_limits: tuple[float, float] | None = None,
    highlight: Iterable[str] | None = None,
    law: bool = False,
    caption: bool = True,
) -> Drawn:
    """Regret, or what incumbents are worth, over what was spent: see `anytime_figure`."""
    titles = dict(zip(panels, titles_of(panels), strict=True))
    return anytime_figure(
        {titles[title]: panel.trajectories for title, panel in panels.items()},
        size,
        note=note,
        caption=caption,
        laws={titles[title]: random_search_law(panel.benchmark, panel.rules) for title, panel in panels.items()}
        if law
        else None,
        highlight=highlight,
        n_workers={titles[title]: panel.rules.n_workers for title, panel in panels.items()},
        axis=axis,
        quantity=quantity,
        statistic=statistic,
        band=band,
        x_scale=x_scale,
        y_scale=y_scale,
        x_limits=x_limits,
        y_limits=y_limits,
    )


#: Name -> kind of figure.
KINDS = {
    "anytime": Kind(_anytime, "a statistic of regret, or of what incumbents are worth, over what was spent"),
    "ranks": Kind(ranks_figure, "average rank over what was spent"),
    "ecdf": Kind(ecdf_figure, "share of runs and targets that were reached, over what was spent"),
    "time-to-target": Kind(times_figure, "time until half of all runs reach a target, or speed-up over random search"),
    "profiles": Kind(profiles_figure, "share of runs whose final score is above each threshold"),
    "intervals": Kind(intervals_figure, "IQM, median, mean, optimality gap, probability of improvement"),
    "critical-difference": Kind(difference_figure, "average ranks, and who does not differ"),
    "win-rates": Kind(win_rates_figure, "how often a run of one ends better than a run of another"),
    "learning-curves": Kind(trainings_figure, "the trainings of one run, and how far they went"),
    "gantt": Kind(workers_figure, "what the simulated workers of one run did when"),
    "parallel-coordinates": Kind(coordinates_figure, "architectures over their decisions"),
    "incumbents": Kind(incumbents_figure, "the most frequent and the best final incumbents, drawn as cells"),
}

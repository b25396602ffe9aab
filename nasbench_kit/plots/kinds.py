"""Kinds of figures of a comparison, by name. A new kind is a line of `KINDS`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from nasbench_kit.analysis import Panel, Trajectories
from nasbench_kit.analysis.external import Points, read_overlay
from nasbench_kit.errors import SettingError, listed, unknown
from nasbench_kit.plots.anytime import anytime_figure
from nasbench_kit.plots.architectures import coordinates_figure, incumbents_figure
from nasbench_kit.plots.curves import Anytime, check_limits, check_scale, law_of
from nasbench_kit.plots.differences import difference_figure, win_rates_figure
from nasbench_kit.plots.fronts import attainment_figure, front_figure
from nasbench_kit.plots.grids import BASELINES, Drawn, finals, finish, titles_of
from nasbench_kit.plots.looks import best_few
from nasbench_kit.plots.overlays import Overlay
from nasbench_kit.plots.ranks import ranks_figure
from nasbench_kit.plots.scores import intervals_figure, profiles_figure
from nasbench_kit.plots.single_runs import trainings_figure, workers_figure
from nasbench_kit.plots.style import Size, drawn_at, size_of
from nasbench_kit.plots.targets import ecdf_figure, times_figure
from nasbench_kit.plots.titles import optimizer_title
from nasbench_kit.plots.volumes import volume_figure

if TYPE_CHECKING:
    from nasbench_kit.plots.style import ShownFigure

_GIVEN = ("note", "caption", "study")  # what `draw` hands on to kinds that ask for it
_OF_ALL: dict[str, Any] = {"width": "text", "caption": True}  # choices of every kind


class Kind(NamedTuple):
    """A kind of figure."""

    figure: Callable[..., Drawn]  #: of panels and a size in print, then what can be chosen, as keywords with defaults
    about: str  #: what it shows, in some words
    looks_at: Literal["all", "benchmark", "run"] = "all"  #: or the first benchmark alone, or one run of it
    together: bool = False  #: whether it takes benchmarks together, unless it is told to show each

    @property
    def keywords(self) -> dict[str, Any]:
        """What it takes beside panels and a size, with the defaults; a kind that takes any, attributes of `Anytime`."""
        given = signature(self.figure).parameters.values()
        own = {one.name: one.default for one in given if one.kind is Parameter.KEYWORD_ONLY}
        takes_how = any(one.kind is Parameter.VAR_KEYWORD for one in given)
        return own | ({one.name: one.default for one in fields(Anytime)} if takes_how else {})

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
    if KINDS[kind].together and not choices.get("each"):
        panels, left_out = _everywhere(panels)
        note = f"{note} Not on all benchmarks, and left out: {listed(left_out)}.".lstrip() if left_out else note
    given = dict(zip(_GIVEN, (note, caption, study), strict=True))
    given = {name: value for name, value in given.items() if name in keywords}
    if "highlight" in KINDS[kind].choices and any(panel.archived for panel in panels.values()):
        choices.setdefault("highlight", _newcomers_first(panels))
    with drawn_at(size):
        return finish(KINDS[kind].figure(panels, size, **given, **choices), note=note, caption=caption)


def _everywhere(panels: Mapping[str, Panel]) -> tuple[Mapping[str, Panel], list[str]]:
    """Without those of an archive that have no runs on some benchmark; and which these are."""
    archived = sorted({label for panel in panels.values() for label in panel.archived})
    left_out = [label for label in archived if any(label not in panel.trajectories for panel in panels.values())]
    kept = {
        title: replace(
            panel,
            trajectories={label: one for label, one in panel.trajectories.items() if label not in left_out},
            archived=panel.archived - {*left_out},
        )
        for title, panel in panels.items()
    }
    return (kept, [optimizer_title(label) for label in left_out]) if left_out else (panels, [])


def _newcomers_first(panels: Mapping[str, Panel]) -> list[str]:
    """What is set beside an archive, then the best few of all."""
    own = [label for panel in panels.values() for label in panel.trajectories if label not in panel.archived]
    return best_few((finals(panel.trajectories) for panel in panels.values()), (*own, *BASELINES))


def check_choices(kind: str, choices: Mapping[str, Any]) -> None:
    """Refuse what a kind of figure does not let one choose, before any work is done.

    Raises:
        UnknownNameError: There is no such kind, or choice.
        SettingError: A choice is for other kinds, or none.
    """
    if kind not in KINDS:
        raise unknown("kind of figure", kind, KINDS)
    known = {name for other in KINDS.values() for name in other.choices}
    for name in choices:
        if name not in known:
            raise unknown("choice of a figure", name, sorted(known))
        if name not in KINDS[kind].choices:
            raise SettingError(f"{name}={choices[name]!r:.80} says nothing to a figure of kind {kind}; leave it out")
    if "width" in choices:
        size_of(choices["width"])
    own = signature(KINDS[kind].figure).parameters
    if "x_scale" in KINDS[kind].choices and "x_scale" not in own:
        Anytime(**{name: value for name, value in choices.items() if name in Anytime.__dataclass_fields__})
        return
    x_scale = choices.get("x_scale", own["x_scale"].default if "x_scale" in own else "linear")
    check_scale(x_scale=x_scale)
    check_limits(x_scale, x_limits=choices.get("x_limits"))


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
            called[label] = (label, *panel.configurations[label].names)
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
            for name in ("configurations", "trajectories", "failures", "fronts")
            for by in [getattr(panel, name)]
        }
        if parts["trajectories"]:
            archived = frozenset(new[label] for label in panel.archived & new.keys())
            replaced = {new[label]: n for label, n in panel.replaced.items() if label in new}
            found[title] = replace(panel, **parts, archived=archived, replaced=replaced)
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
    caption: bool = True,
    highlight: Iterable[str] | None = None,
    law: bool = False,
    overlay: Iterable[str] | Mapping[str, Overlay] = (),
    **how: Any,
) -> Drawn:
    """Regret, or what incumbents are worth, over what was spent: see `anytime_figure`.

    An overlay is what others measured on the one benchmark: as it is typed for `read_overlay`, or label -> what was
    read.
    """
    if overlay and len(panels) > 1:
        raise SettingError(f"overlays are of one benchmark, and there are {len(panels)}; choose one")
    titles = dict(zip(panels, titles_of(panels), strict=True))
    return anytime_figure(
        {titles[title]: panel.trajectories for title, panel in panels.items()},
        size,
        note=note,
        caption=caption,
        laws={titles[title]: law_of(panel.benchmark, panel.rules) for title, panel in panels.items()} if law else None,
        overlays={titles[title]: _overlays(overlay, panel) for title, panel in panels.items()} if overlay else None,
        highlight=highlight,
        n_workers={titles[title]: panel.rules.n_workers for title, panel in panels.items()},
        **how,
    )


def _overlays(overlay: Iterable[str] | Mapping[str, Overlay], panel: Panel) -> dict[str, Overlay]:
    if isinstance(overlay, Mapping):
        return dict(overlay)
    found: dict[str, Overlay] = {}
    for text in [overlay] if isinstance(overlay, str) else overlay:
        for label, one in read_overlay(text, panel).items():
            if label in found or label in panel.trajectories:
                raise SettingError(f"two lines would be called {label!r}; give the overlay its own label=")
            found[label] = one if isinstance(one, Points) or not text.startswith("csv:") else _along_its_axis(one)
    return found


def _along_its_axis(one: Trajectories) -> Trajectories:
    """The same, counted along the axis that its file tells alone: the rows of a curve are not its evaluations."""
    return replace(one, spent={one.axis: one.spent[one.axis]})


#: Name -> kind of figure.
KINDS = {
    "anytime": Kind(_anytime, "a statistic of regret, or of what incumbents are worth, over what was spent"),
    "ranks": Kind(ranks_figure, "average rank over what was spent", together=True),
    "ecdf": Kind(ecdf_figure, "share of runs and targets that were reached, over what was spent", together=True),
    "time-to-target": Kind(times_figure, "time until half of all runs reach a target, or speed-up over random search"),
    "profiles": Kind(profiles_figure, "share of runs whose final score is above each threshold", together=True),
    "intervals": Kind(intervals_figure, "IQM, median, mean, optimality gap, probability of improvement", together=True),
    "critical-difference": Kind(difference_figure, "average ranks, and who does not differ", together=True),
    "win-rates": Kind(win_rates_figure, "how often a run of one ends better than a run of another", together=True),
    "fronts": Kind(front_figure, "of several objectives: the fronts that runs ended with, beside the true one"),
    "hypervolume": Kind(volume_figure, "of several objectives: hypervolume of fronts over what was spent"),
    "attainment": Kind(attainment_figure, "of several objectives: what half of the runs attain; where two differ"),
    "learning-curves": Kind(trainings_figure, "the trainings of one run, and how far they went", "run"),
    "gantt": Kind(workers_figure, "what the simulated workers of one run did when", "run"),
    "parallel-coordinates": Kind(coordinates_figure, "architectures over their decisions"),
    "incumbents": Kind(incumbents_figure, "the most frequent and the best final incumbents, as cells", "benchmark"),
}

"""Which architectures searches ended on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nasbench_kit.report.drawings import cells
from nasbench_kit.report.markup import Html, element, joined

if TYPE_CHECKING:
    from nasbench_kit.analysis import Panel, Trajectories
    from nasbench_kit.report.contents import Report
    from nasbench_kit.spaces import Arch, Space

MOST = 12  #: architectures of a panel


class Incumbent(NamedTuple):
    """An architecture that runs ended on."""

    arch: Arch
    regret: float
    n_runs: dict[str, int]  #: optimizer -> how many of its runs; of those that had any


def incumbents_of(trajectories: Mapping[str, Trajectories]) -> list[Incumbent]:
    """Of each optimizer the best final incumbent and the most frequent one, by regret; 12 at most.

    Of more than that, those that most runs ended on are left.
    """
    finals: dict[str, dict[Arch, int]] = {}
    regrets: dict[Arch, float] = {}
    for name, one in trajectories.items():
        if one.archs is None or not len(one.finals):
            continue
        archs, which, counts = np.unique(one.archs[one.finals], axis=0, return_inverse=True, return_counts=True)
        own = [tuple(arch.tolist()) for arch in archs]
        finals[name] = dict(zip(own, counts.tolist(), strict=True))
        regrets |= {own[k]: float(one.best - one.reported[i]) for k, i in zip(which.ravel(), one.finals, strict=True)}
    chosen: dict[Arch, None] = {}
    for counted in finals.values():
        chosen[min(counted, key=lambda arch: (regrets[arch], -counted[arch]))] = None
        chosen[max(counted, key=lambda arch: (counted[arch], -regrets[arch]))] = None
    found = [
        Incumbent(arch, regrets[arch], {name: counted[arch] for name, counted in finals.items() if arch in counted})
        for arch in chosen
    ]
    most = sorted(found, key=lambda one: -sum(one.n_runs.values()))[:MOST]
    return sorted(most, key=lambda one: one.regret)


def incumbents_section(report: Report, drawn: Iterable[Sequence[Html]]) -> Html:
    """The cells that searches ended on.

    Args:
        report: What is to be shown.
        drawn: `drawn_incumbents` of each panel that has runs.
    """
    parts = []
    for i, ((code, panel), figures) in enumerate(zip(report.with_runs.items(), drawn, strict=True)):
        title, unknown = report.titles[code], _unknown(panel, report.names)
        shown = element("div", figures, class_="cells") if figures else element("p", "No incumbents are known.")
        said = element("p", unknown, class_="note") if unknown else None
        parts.append(element("details", element("summary", title), said, shown, open=i == 0))
    return joined(
        element(
            "p", "Of each optimizer the best final incumbent, and the one that most runs ended on.", class_="quiet"
        ),
        parts,
    )


def _unknown(panel: Panel, names: Mapping[str, str]) -> str:
    """Whose incumbents are not known; nothing if all are."""
    archived = ", ".join(names[name] for name in panel.trajectories if name in panel.archived)
    return f"Without architectures, as an archive holds values only: {archived}." if archived else ""


def drawn_incumbents(trajectories: Mapping[str, Trajectories], space: Space, names: Mapping[str, str]) -> list[Html]:
    """The incumbents of a panel as figures; `names` says how optimizers are called."""
    return [_figure(trajectories, space, one, names) for one in incumbents_of(trajectories)]


def _figure(trajectories: Mapping[str, Trajectories], space: Space, one: Incumbent, names: Mapping[str, str]) -> Html:
    show = next(iter(trajectories.values())).show
    ended = "; ".join(f"{names[name]}: {n:,} of {trajectories[name].n_runs:,} runs" for name, n in one.n_runs.items())
    caption = joined(
        f"regret {show.text(one.regret)} {show.difference_unit}; {ended}",
        element("br"),
        element("code", space.format(one.arch)),
    )
    return element("figure", cells(space, one.arch), element("figcaption", caption))

"""The page: one HTML file that needs nothing else."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from importlib.resources import files
from itertools import islice
from string import Template
from typing import TYPE_CHECKING, Any, NamedTuple

from nasbench_kit.analysis.volumes import in_words
from nasbench_kit.jobs import run
from nasbench_kit.report.checklist import RANDOM_SEARCH, checklist_table
from nasbench_kit.report.curves import STATISTICS, panel_curves
from nasbench_kit.report.finals import finals
from nasbench_kit.report.fronts import fronts_section
from nasbench_kit.report.incumbents import drawn_incumbents, incumbents_section
from nasbench_kit.report.markup import Html, data_block, element, joined
from nasbench_kit.report.overall import benchmarks_together
from nasbench_kit.report.setup import lead, setup
from nasbench_kit.report.statistics import pairs_of, verdicts_of
from nasbench_kit.version import __version__

if TYPE_CHECKING:
    from nasbench_kit.analysis import PairwiseTests, Panel, Trajectories
    from nasbench_kit.analysis.front_trajectories import FrontTrajectories
    from nasbench_kit.report.contents import Report
    from nasbench_kit.spaces import Space

#: axis -> what stands under it
AXES = {"seconds": "simulated time [s]", "evaluations": "evaluations", "epochs": "epochs trained"}
#: what is drawn over it, of several objectives -> how it is called
QUANTITIES = {"regret": "regret of the first objective", "hypervolume": "hypervolume of all"}
_MANY_CURVES = 100  # computing fewer takes less time than starting other processes


def html_page(report: Report, n_processes: int = 1, *, is_live: bool = False) -> str:
    """The page of a report, complete.

    Args:
        report: What is to be shown.
        n_processes: How many compute curves at the same time, if there are many.
        is_live: Whether the page is served while the study runs, and asks for news.
    """
    panel_by_panel = _computed(report, n_processes)
    computed = [*islice(panel_by_panel, 1)]  # from then on, what is left is computed beside this:
    together = benchmarks_together(report)
    computed += panel_by_panel
    sections = [
        ("setup", "What was compared", setup(report)),
        ("curves", "Over time", _curves(report)),
        (
            "results",
            "Where the runs ended",
            finals(report, [one.pairs for one in computed], verdicts_of(report.with_runs)),
        ),
        *([("fronts", "Fronts", fronts_section(report))] if report.has_fronts else []),
        ("ranks", "Over all benchmarks", together),
        ("incumbents", "Incumbents", incumbents_section(report, [one.incumbents for one in computed])),
        ("checklist", "Checklist", checklist_table(report)),
    ]
    return _page(report.title, lead(report), sections, _data(report, [one.curves for one in computed]), is_live)


def waiting_page(title: str, why: str) -> str:
    """The live page of a study of which nothing can be shown yet."""
    return _page(title, why, [], {}, is_live=True)


def _page(title: str, lead: str, sections: list[tuple[str, str, Html]], data: Any, is_live: bool) -> str:
    scripts = ["vendor/uPlot.iife.min.js", "page.js", *(["live.js"] if is_live else [])]
    script = joined(_asset(name) for name in scripts)
    live = (
        element("p", "This page reloads when there are new runs.", class_="quiet", role="status") if is_live else None
    )
    body = [
        element("section", element("h2", name, id=id_), content, aria_labelledby=id_) for id_, name, content in sections
    ]
    return Template(_asset("page.html")).substitute(
        policy=_policy(script) + ("; connect-src 'self'" if is_live else ""),
        version=__version__,
        title=joined(title),
        style=_asset("vendor/uPlot.min.css") + _asset("page.css"),
        lead=joined(lead),
        live=joined(live),
        links=joined(element("li", element("a", name, href=f"#{id_}")) for id_, name, _ in sections),
        body=joined(body),
        data=data_block("data", data),
        scripts=Html(f"<script>{script}</script>"),
    )


def _asset(name: str) -> Html:
    return Html(files("nasbench_kit.report").joinpath(name).read_text(encoding="utf-8"))


def _policy(script: str) -> str:
    """Nothing is loaded from anywhere; of scripts, this one alone runs."""
    digest = b64encode(sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:"


def page_data(report: Report, n_processes: int = 1) -> dict[str, Any]:
    """All numbers that the script draws, as JSON."""
    return _data(report, [one.curves for one in _computed(report, n_processes)])


class _Asked(NamedTuple):
    """A panel, as far as that takes it, for another process."""

    trajectories: Mapping[str, Trajectories]
    fronts: Mapping[str, FrontTrajectories]
    space: Space
    names: Mapping[str, str]


class _Computed(NamedTuple):
    """What takes long, of one panel."""

    curves: dict[str, Any]
    pairs: PairwiseTests | None
    incumbents: list[Html]


def _computed(report: Report, n_processes: int) -> Iterator[_Computed]:
    panels = report.with_runs.values()
    asked = [_Asked(panel.trajectories, panel.fronts, panel.benchmark.space, report.names) for panel in panels]
    several = n_processes if sum(len(panel.trajectories) for panel in panels) > _MANY_CURVES else 1
    return run(_compute, asked, several)


def _compute(asked: _Asked) -> _Computed:
    trajectories, fronts, space, names = asked
    drawn = drawn_incumbents(trajectories, space, names)
    return _Computed(panel_curves(trajectories, fronts), pairs_of(trajectories), drawn)


def _shown_titles(report: Report) -> list[str]:
    return [report.titles[title] for title in report.with_runs]


def _data(report: Report, curves: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "optimizers": report.optimizers,
        "names": list(report.names.values()),
        "always": _always(report),
        "statistics": STATISTICS,
        "axes": AXES,
        "panels": [
            {
                "title": title,
                "shown": report.titles[title],
                "n_runs": {name: one.n_runs for name, one in panel.trajectories.items()},
                "regret": _regret_in_words(panel),
                "volume": _volume_in_words(panel),
                "unit": next(iter(panel.trajectories.values())).show.difference_unit,
                "axes": axes,
            }
            for (title, panel), axes in zip(report.with_runs.items(), curves, strict=True)
        ],
    }


def _always(report: Report) -> list[str]:
    """Who is in color even where there are too many for all to be: the baseline, what is set beside an archive."""
    panels = report.with_runs.values()
    baselines = [
        name for panel in panels for name, key in panel.configurations.items() if key.optimizer == RANDOM_SEARCH
    ]
    own = [name for panel in panels if panel.archived for name in panel.trajectories if name not in panel.archived]
    return list(dict.fromkeys([*baselines, *own]))


def _regret_in_words(panel: Panel) -> str:
    one = next(iter(panel.trajectories.values()))
    against = "best of the benchmark" if one.is_proven else "best known"
    return f"regret of the incumbent: its {one.show.name} ({one.values_are}) below the {against}"


def _volume_in_words(panel: Panel) -> str | None:
    references = [one.reference for one in panel.fronts.values()][:1]
    return f"hypervolume: {in_words(references[0])}" if references else None


# ---- over time ----


def _curves(report: Report) -> Html:
    if not report.with_runs:
        return element("p", "No run has an incumbent yet.", class_="note")
    several = report.has_fronts
    figures = [
        _figure("regret", "Regret"),
        _figure("rank", "Average rank"),
        _figure("shares", "Runs and targets reached"),
    ]
    return joined(
        element("noscript", element("p", "The curves are drawn by a script in this page; tables need none.")),
        element(
            "div",
            _choice("panel", "Benchmark", zip(report.with_runs, _shown_titles(report), strict=True)),
            _choice("quantity", "Quantity", QUANTITIES.items()) if several else None,
            _choice("axis", "Over", AXES.items()),
            _choice("statistic", "Statistic", ((name, name) for name in STATISTICS)),
            _choice("scale", "Scales", (("logarithmic", "logarithmic"), ("linear", "linear"))),
            element("label", element("input", type="checkbox", id="band", checked=True), " bands", class_="check"),
            class_="controls",
            role="group",
            aria_label="What the plots show",
        ),
        element(
            "div",
            element("div", figures),
            element(
                "div",
                element(
                    "fieldset",
                    element("legend", "Optimizers, and their values at the line"),
                    element("ul", class_="legend", id="legend"),
                    id="optimizers",
                ),
                element("p", id="absent", class_="quiet"),
                element(
                    "div",
                    element(
                        "label",
                        element("span", "Read values at ", element("output", id="at")),
                        element("input", type="range", id="reader", min=0, max=199, value=199),
                    ),
                    class_="read",
                ),
                element(
                    "div",
                    [
                        element("button", text, type="button", id=id_)
                        for id_, text in (("all", "All"), ("none", "None"), ("csv", "CSV"), ("json", "JSON"))
                    ],
                    class_="row",
                ),
                class_="side",
            ),
            class_="plots",
        ),
    )


def _choice(id_: str, name: str, options: Iterable[tuple[str, str]]) -> Html:
    """A list to choose from: of values, and how they are called."""
    listed = [element("option", text, value=value) for value, text in options]
    return element("label", element("span", name), element("select", listed, id=id_))


def _figure(id_: str, title: str) -> Html:
    return element(
        "figure",
        element("h3", title, id=f"{id_}-title"),
        element(
            "div",
            class_="plot",
            id=f"{id_}-plot",
            role="img",
            aria_labelledby=f"{id_}-title",
            aria_describedby=f"{id_}-words",
        ),
        element("figcaption", id=f"{id_}-words"),
        element(
            "details", element("summary", "The numbers as a table"), element("div", id=f"{id_}-table", class_="scroll")
        ),
    )

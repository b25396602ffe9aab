"""The page: one HTML file that needs nothing else."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from importlib.resources import files
from math import isfinite
from string import Template
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench_kit.analysis import summarize
from nasbench_kit.report.checklist import checklist
from nasbench_kit.report.curves import STATISTICS, panel_curves
from nasbench_kit.report.drawings import cells, difference_diagram
from nasbench_kit.report.incumbents import Incumbent, incumbents_of
from nasbench_kit.report.markup import Html, data_block, element, joined, table
from nasbench_kit.report.statistics import ALPHA, over_benchmarks, pairs_of
from nasbench_kit.version import __version__

if TYPE_CHECKING:
    from nasbench_kit.analysis import Panel
    from nasbench_kit.analysis.significance import PairwiseTests
    from nasbench_kit.report.contents import Report

#: axis -> what stands under it
AXES = {"seconds": "simulated time [s]", "evaluations": "evaluations", "epochs": "epochs trained"}
_MANY = 3  # panels whose tables are open from the start
_FEW_BENCHMARKS = 10


def html_page(report: Report) -> str:
    """The page of a report, complete."""
    data = page_data(report)
    script = joined(_asset("vendor/uPlot.iife.min.js"), _asset("page.js"))
    sections = [
        ("setup", "What was compared", _setup(report)),
        ("curves", "Over time", _curves(report)),
        ("results", "Where the runs ended", _results(report)),
        ("ranks", "Over all benchmarks", _over_benchmarks(report)),
        ("incumbents", "Incumbents", _incumbents(report)),
        ("checklist", "Checklist", _checklist(report)),
    ]
    body = [element("section", element("h2", name, id=id_), content, aria_labelledby=id_) for id_, name, content in sections]
    return Template(_asset("page.html")).substitute(
        policy=_policy(script),
        version=__version__,
        title=joined(report.title),
        style=_asset("vendor/uPlot.min.css") + _asset("page.css"),
        lead=joined(_lead(report)),
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


def page_data(report: Report) -> dict[str, Any]:
    """All numbers that the script draws, as JSON."""
    return {
        "optimizers": report.optimizers,
        "statistics": STATISTICS,
        "axes": AXES,
        "panels": [
            {
                "title": title,
                "n_runs": {name: one.n_runs for name, one in panel.trajectories.items()},
                "regret": _regret_in_words(panel),
                "unit": next(iter(panel.trajectories.values())).show.difference_unit,
                "axes": panel_curves(panel.trajectories),
            }
            for title, panel in report.with_runs.items()
        ],
    }


def _regret_in_words(panel: Panel) -> str:
    one = next(iter(panel.trajectories.values()))
    against = "best of the benchmark" if one.is_proven else "best known"
    return f"regret of the incumbent: its {one.show.name} ({one.values_are}) below the {against}"


def _lead(report: Report) -> str:
    n_runs = report.comparison.counts.there
    n_optimizers, n_benchmarks = len(report.optimizers), len({panel.benchmark.name for panel in report.panels.values()})
    return (
        f"{_counted(n_optimizers, 'optimizer')} on {_counted(n_benchmarks, 'benchmark')}, {_counted(n_runs, 'run')},"
        f" from {_counted(len(report.studies), 'study', 'studies')}: {', '.join(report.studies)}."
    )


def _counted(n: int, what: str, several: str = "") -> str:
    return f"{n:,} {what if n == 1 else several or what + 's'}"


# ---- what was compared ----


def _setup(report: Report) -> Html:
    rows = []
    for title, panel in report.panels.items():
        results = panel.benchmark.results
        rows.append(
            [
                title,
                panel.in_words,
                element("span", _seeds(panel)),
                joined(f"{results.kind} ", element("code", results.sha256)),
            ]
        )
    command = "\n".join(report.commands)
    n = len(report.commands)
    return joined(
        table(("benchmark", "rules", "runs", "results (sha256)"), rows, caption="Under which rules", class_="text"),
        _optimizers(report),
        element("h3", "Versions"),
        element("ul", [element("li", _versions(one)) for one in report.versions]),
        element("h3", "The command that makes the same runs again" if n == 1 else f"The {n} commands that make the same runs again"),
        element("pre", element("code", command), tabindex="0", aria_label="commands"),
        element("button", "Copy", type="button", data_copy=command),
        [element("p", note, class_="note fault") for note in faults(report)],
    )


def _versions(versions: Any) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _seeds(panel: Panel) -> str:
    said = []
    for name in panel.configurations:
        n_failed = len(panel.failures.get(name, ()))
        seeds = panel.trajectories[name].run_seeds if name in panel.trajectories else []
        which = f", seeds {min(seeds)} to {max(seeds)}" if len(seeds) > 1 else f", seed {seeds[0]}" if len(seeds) else ""
        said.append(f"{len(seeds):,}{which}" + (f", {n_failed:,} failed" if n_failed else ""))
    if len(set(said)) == 1:
        return f"{said[0]}, each optimizer"
    return "; ".join(f"{name}: {one}" for name, one in zip(panel.configurations, said, strict=True))


def _optimizers(report: Report) -> Html:
    shown = {}
    for panel in report.panels.values():
        for name, key in panel.configurations.items():
            settings = ", ".join(f"{setting}={value!r}" for setting, value in key.settings.items())
            shown.setdefault((name, key.optimizer, settings), None)
    rows = [[name, element("code", optimizer), element("code", settings or "-")] for name, optimizer, settings in shown]
    return table(("shown as", "optimizer", "settings"), rows, caption="Optimizers and all their settings", class_="text")


def faults(report: Report) -> list[str]:
    """What is not as it should be, a sentence each: what a reader has to know before comparing."""
    said = []
    for title, panel in report.panels.items():
        for name, failed in panel.failures.items():
            seed, reason = next(iter(failed.items()))
            every = "all " if name not in panel.trajectories else ""
            said.append(f"{name} on {title}: {every}{_counted(len(failed), 'run')} failed and left out; seed {seed}: {reason}")
        counts = {name: one.n_runs for name, one in panel.trajectories.items()}
        if len(set(counts.values())) > 1:
            said.append(f"{title}: unequal numbers of runs: {', '.join(f'{name} {n:,}' for name, n in counts.items())}")
        if 1 in counts.values():
            single = ", ".join(name for name, n in counts.items() if n == 1)
            said.append(f"{title}: a single run of {single}: it says nothing of the spread over runs")
        for name, one in panel.trajectories.items():
            n_without = one.n_runs - int(one.has_incumbent.sum())
            if n_without:
                said.append(
                    f"{name} on {title}: {n_without:,} of {one.n_runs:,} runs ended without an incumbent; they count as"
                    " worse than all others, and are left out of means of final values"
                )
        if not all(one.is_proven for one in panel.trajectories.values()):
            said.append(f"{title}: regret is to the best known, or that one of these runs evaluated; there may be better")
    names = [panel.benchmark.name for panel in report.panels.values()]
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            said.append(f"{name} was searched under {names.count(name)} sets of rules or tables: compare within a panel only")
    if len(report.versions) > 1:
        said.append(f"runs were made with {len(report.versions)} sets of versions, see above")
    return said


# ---- over time ----


def _curves(report: Report) -> Html:
    if not report.with_runs:
        return element("p", "No run has an incumbent yet.", class_="note")
    figures = [
        _figure("regret", "Regret"),
        _figure("rank", "Average rank"),
        _figure("shares", "Runs and targets reached"),
    ]
    return joined(
        element("noscript", element("p", "The curves are drawn by a script in this page; tables need none.")),
        element(
            "div",
            _choice("panel", "Benchmark", report.with_runs),
            _choice("axis", "Over", AXES.values()),
            _choice("statistic", "Statistic", STATISTICS),
            _choice("scale", "Scales", ("logarithmic", "linear")),
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
                element("fieldset", element("legend", "Optimizers, and their values at the line"), element("ul", class_="legend", id="legend"), id="optimizers"),
                element("div", element("label", element("span", "Read values at ", element("output", id="at")), element("input", type="range", id="reader", min=0, max=199, value=199)), class_="read"),
                element(
                    "div",
                    [element("button", text, type="button", id=id_) for id_, text in (("all", "All"), ("none", "None"), ("csv", "CSV"), ("json", "JSON"))],
                    class_="row",
                ),
                class_="side",
            ),
            class_="plots",
        ),
    )


def _choice(id_: str, name: str, options: Iterable[str]) -> Html:
    return element("label", element("span", name), element("select", [element("option", text) for text in options], id=id_))


def _figure(id_: str, title: str) -> Html:
    return element(
        "figure",
        element("h3", title, id=f"{id_}-title"),
        element("div", class_="plot", id=f"{id_}-plot", role="img", aria_labelledby=f"{id_}-title", aria_describedby=f"{id_}-words"),
        element("figcaption", id=f"{id_}-words"),
        element("details", element("summary", "The numbers as a table"), element("div", id=f"{id_}-table", class_="scroll")),
    )


# ---- where the runs ended ----


def _results(report: Report) -> Html:
    panels = report.with_runs
    parts = []
    for i, (title, panel) in enumerate(panels.items()):
        pairs = pairs_of(panel)
        content = joined(_final_table(title, panel, pairs), _pairs(title, pairs) if pairs else None)
        parts.append(element("details", element("summary", title), content, open=i < _MANY))
    notes = [*report.comparison.notes()[:3], _MARKS] if panels else []
    return joined([element("p", note, class_="quiet") for note in notes], parts)


_MARKS = (
    "bold: no other optimizer is better; better, worse: than how many others (Mann and Whitney's test of final regrets,"
    f" {100 * ALPHA:g} % for all pairs of a benchmark together, by Holm)"
)


def _final_table(title: str, panel: Panel, pairs: PairwiseTests | None) -> Html:
    better = pairs.better(ALPHA) if pairs else np.zeros((1, 1), bool)
    rows = []
    for i, (name, one) in enumerate(panel.trajectories.items()):
        show, summary = one.show, summarize(one)
        spread = f" ± {show.text(summary.sd)}" if isfinite(summary.sd) else ""
        is_best = pairs is not None and not better[:, i].any()
        rows.append(
            [
                element("strong", name) if is_best else name,
                element("strong" if is_best else "span", show.text(summary.mean) + spread),
                show.text(summary.median_regret),
                f"{better[i].sum()} / {better[:, i].sum()}" if pairs else "-",
                f"{100 * summary.found_share:.1f} %",
                f"{100 * summary.kept_share:.1f} %",
                f"{summary.mean_evaluations:,.1f}",
                f"{summary.n_runs:,}",
            ]
        )
    show = next(iter(panel.trajectories.values())).show
    accuracy, regret = f"{show.name} [{show.unit}]", f"regret [{show.difference_unit}]"
    head = ("optimizer", accuracy, regret, "better / worse", "found", "kept", "evaluations", "n")
    return table(head, rows, caption=title)


def _pairs(title: str, pairs: PairwiseTests) -> Html:
    """How often a run of the one ends better than a run of the other, and whether that is more than chance."""
    names, better = pairs.names, pairs.better(ALPHA)
    rows = []
    for i, name in enumerate(names):
        cells: list[Html | str] = [f"{i + 1} {name}"]
        for j in range(len(names)):
            share = f"{100 * pairs.effect[i, j]:.0f}" if i != j else "·"
            cells.append(element("strong", share) if better[i, j] else share)
        rows.append(cells)
    head = ("wins [%]", *(str(i + 1) for i in range(len(names))))
    caption = f"{title}: how often a run of the row ends better than one of the column, ties half; bold: by the test"
    matrix = table(head, rows, caption=caption, class_="matrix")
    scroll = element("div", matrix, class_="scroll", tabindex="0", role="group", aria_label="win rates")
    return element("details", element("summary", "Win rates of all pairs"), scroll)


# ---- over benchmarks ----


def _over_benchmarks(report: Report) -> Html:
    found = over_benchmarks(list(report.with_runs.values()))
    if found is None:
        return element("p", "Average ranks take two optimizers on two benchmarks, or more.", class_="note")
    order = np.argsort(found.average_ranks, kind="stable")
    rows = [[found.names[i], f"{found.average_ranks[i]:.2f}"] for i in order]
    few = " With so few benchmarks, only large differences can be told." if found.n_benchmarks < _FEW_BENCHMARKS else ""
    caption = (
        f"Average rank of the median final regret over {found.n_benchmarks} benchmarks; 1 is the best. Under a bar are"
        f" optimizers that Nemenyi's test does not tell apart: their ranks differ by less than {found.difference:.2f}."
        + few
    )
    return joined(
        element("figure", difference_diagram(found), element("figcaption", caption), class_="diagram"),
        element(
            "details",
            element("summary", "The numbers as a table"),
            table(("optimizer", "average rank"), rows, caption="Average ranks"),
        ),
    )


# ---- incumbents ----


def _incumbents(report: Report) -> Html:
    parts = []
    for i, (title, panel) in enumerate(report.with_runs.items()):
        found = incumbents_of(panel)
        figures = [_incumbent(panel, one) for one in found]
        parts.append(
            element("details", element("summary", title), element("div", figures, class_="cells"), open=i == 0)
            if figures
            else element("p", f"{title}: no incumbents are known.")
        )
    return joined(
        element("p", "Of each optimizer the best final incumbent, and the one that most runs ended on.", class_="quiet"),
        parts,
    )


def _incumbent(panel: Panel, one: Incumbent) -> Html:
    space = panel.benchmark.space
    show = next(iter(panel.trajectories.values())).show
    ended = "; ".join(f"{name}: {n:,} of {panel.trajectories[name].n_runs:,} runs" for name, n in one.n_runs.items())
    caption = joined(
        f"regret {show.text(one.regret)} {show.difference_unit}; {ended}",
        element("br"),
        element("code", space.format(one.arch)),
    )
    return element("figure", cells(space, one.arch), element("figcaption", caption))


# ---- checklist ----


def _checklist(report: Report) -> Html:
    items = checklist(list(report.panels.values()), len(report.commands))
    classes = {"yes": "yes", "no": "no", "yours to say": "say"}
    rows = [
        [item.number, item.question, element("span", item.answer, class_=classes[item.answer]), item.why] for item in items
    ]
    missing = [item for item in items if item.answer != "yes"]
    return joined(
        element(
            "p",
            "Good practice in neural architecture search, by ",
            element("a", "Lindauer and Hutter (2020)", href="https://jmlr.org/papers/v21/20-056.html"),
            f", as far as the study knows. Not answered by it: {', '.join(item.number for item in missing) or 'nothing'}.",
        ),
        table(("item", "question", "answer", "why"), rows, caption="Checklist", class_="text"),
    )

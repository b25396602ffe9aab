"""What was compared, as the page says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nasbench_kit.errors import counted
from nasbench_kit.plots.titles import benchmark_title
from nasbench_kit.report.markup import Html, element, joined, table

if TYPE_CHECKING:
    from nasbench_kit.analysis import Panel
    from nasbench_kit.report.contents import Report


def lead(report: Report) -> str:
    """What the report is of, in a sentence."""
    n_runs = report.comparison.counts.there
    n_optimizers, n_benchmarks = len(report.optimizers), len({panel.benchmark.name for panel in report.panels.values()})
    return (
        f"{counted(n_optimizers, 'optimizer')} on {counted(n_benchmarks, 'benchmark')}, {counted(n_runs, 'run')},"
        f" from {counted(len(report.studies), 'study', 'studies')}: {', '.join(report.studies)}. {report.reference}"
    ).rstrip()


def setup(report: Report) -> Html:
    """Rules, runs, results, optimizers, versions, commands, and what is not as it should be."""
    rows = []
    names, titles = report.names, report.titles
    for title, panel in report.panels.items():
        results = panel.benchmark.results
        rows.append(
            [
                joined(titles[title], element("br"), element("code", title)),
                panel.in_words,
                element("span", _seeds(panel, names)),
                joined(f"{results.kind} ", element("code", results.sha256)),
            ]
        )
    command = "\n".join(report.commands)
    n = len(report.commands)
    return joined(
        table(("benchmark", "rules", "runs", "results (sha256)"), rows, caption="Under which rules", class_="text"),
        _optimizers(report),
        element("h3", "Versions"),
        element("ul", [element("li", versions_in_words(one)) for one in report.versions]),
        element(
            "h3",
            "The command that makes the same runs again"
            if n == 1
            else f"The {n} commands that make the same runs again",
        ),
        element("pre", element("code", command), tabindex="0", aria_label="commands"),
        element("button", "Copy", type="button", data_copy=command),
        [element("p", note, class_="note fault") for note in faults(report)],
    )


def versions_in_words(versions: Mapping[str, str]) -> str:
    """`numpy 2.4.6, python 3.11.7`."""
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _seeds(panel: Panel, names: Mapping[str, str]) -> str:
    said = []
    for name in panel.configurations:
        n_failed = len(panel.failures.get(name, ()))
        seeds = panel.trajectories[name].run_seeds.tolist() if name in panel.trajectories else []
        which = (
            f", seeds {min(seeds)} to {max(seeds)}" if len(seeds) > 1 else f", seed {seeds[0]}" if len(seeds) else ""
        )
        also = (f", {n_failed:,} failed" if n_failed else "") + ", of the archive" * (name in panel.archived)
        said.append(f"{len(seeds):,}{which}{also}")
    if len(set(said)) == 1:
        return f"{said[0]}, each optimizer"
    alike = _alike(dict(zip(panel.configurations, said, strict=True)), names)
    return "; ".join(f"{some}: {one}" for one, some in alike.items())


def _alike(said: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    """What is said of optimizers -> of which: `{"500 runs": "random search, local search"}`."""
    found: dict[str, list[str]] = {}
    for name, one in said.items():
        found.setdefault(one, []).append(names[name])
    return {one: ", ".join(some) for one, some in found.items()}


def _optimizers(report: Report) -> Html:
    shown: dict[tuple[str, str, str], None] = {}
    for panel in report.panels.values():
        for name, key in panel.configurations.items():
            settings = ", ".join(f"{setting}={value!r}" for setting, value in key.settings.items())
            shown.setdefault((name, key.optimizer, settings), None)
    names = report.names
    rows = [
        [names[name], element("code", optimizer), element("code", settings or "-")]
        for name, optimizer, settings in shown
    ]
    return table(
        ("shown as", "optimizer", "settings"), rows, caption="Optimizers and all their settings", class_="text"
    )


def faults(report: Report) -> list[str]:
    """What is not as it should be, a sentence each: what a reader has to know before comparing."""
    said = []
    called, titles = report.names, report.titles
    for code, panel in report.panels.items():
        title = titles[code]
        for name, failed in panel.failures.items():
            seed, reason = next(iter(failed.items()))
            every = "all " if name not in panel.trajectories else ""
            said.append(
                f"{called[name]} on {title}: {every}{counted(len(failed), 'run')} failed and left out;"
                f" seed {seed}: {reason}"
            )
        counts = {name: one.n_runs for name, one in panel.trajectories.items()}
        if len(set(counts.values())) > 1:
            alike = _alike({name: f"{n:,} of" for name, n in counts.items()}, called)
            numbers = "; ".join(f"{n} {some}" for n, some in alike.items())
            said.append(f"{title}: unequal numbers of runs: {numbers}")
        if 1 in counts.values():
            single = ", ".join(called[name] for name, n in counts.items() if n == 1)
            said.append(f"{title}: a single run of {single}: it says nothing of the spread over runs")
        for name, one in panel.trajectories.items():
            n_without = one.n_runs - int(one.has_incumbent.sum())
            if n_without:
                said.append(
                    f"{called[name]} on {title}: {n_without:,} of {one.n_runs:,} runs ended without an incumbent; they"
                    " count as worse than all others, and are left out of means of final values"
                )
        if not all(one.is_proven for one in panel.trajectories.values()):
            said.append(
                f"{title}: regret is to the best known, or that one of these runs evaluated; there may be better"
            )
    names = [panel.benchmark.name for panel in report.panels.values()]
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            said.append(
                f"{benchmark_title(name)} was searched under {names.count(name)} sets of rules or tables: compare"
                " within a panel only"
            )
    if len(report.versions) > 1:
        said.append(f"runs were made with {len(report.versions)} sets of versions, see above")
    return said

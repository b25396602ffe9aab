"""What came out of many runs, as a table and a figure."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite, nan
from typing import TYPE_CHECKING, Any, Self, final

import numpy as np

from nasbench_kit.analysis import (
    Archive,
    Finals,
    Panel,
    RandomSearchLaw,
    Summary,
    Trajectories,
    Verdict,
    random_search_law,
    shown,
    summarize,
)
from nasbench_kit.analysis import load as load_panels
from nasbench_kit.analysis.volumes import final_indicator_values
from nasbench_kit.analysis.volumes import in_words as volume_in_words
from nasbench_kit.comparison.against import beside
from nasbench_kit.comparison.words import in_words
from nasbench_kit.errors import counted
from nasbench_kit.notebook import html_table
from nasbench_kit.simulator import Reported, Rules
from nasbench_kit.study import Configuration, RunCounts, Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray


@final
@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Runs of optimizers on benchmarks, and what came out.

    Attributes:
        panels: Benchmark -> the runs on it; where a study holds runs under several rules, a title that says which.
        counts: How many runs were made now, were there, or failed.
        study: The file with the runs; None if they were not kept.
        reports: Benchmark -> optimizer -> what a protocol reports -> that of each run's final incumbent; a report that
            these results do not hold is left out.
        verdicts: Which pairs are settled, tied or open, where runs were made until they are settled.
        protocol: Which protocol they follow, in a sentence; empty if none.
    """

    panels: Mapping[str, Panel]
    counts: RunCounts
    study: str | None
    reports: Mapping[str, Mapping[str, Mapping[Reported, Finals]]] = field(default_factory=dict)
    verdicts: Sequence[Verdict] = ()
    protocol: str = ""

    @classmethod
    def of_study(
        cls,
        study: Study | str | os.PathLike[str],
        *,
        against: str | os.PathLike[str] | None = None,
        **which: Any,
    ) -> Self:
        """What a study holds, without the call that made it.

        Args:
            study: A study, or its file.
            against: An archive of reference runs to set beside all of it: its file, or "archive" for the one that comes
                with the package.
            which: What of the study, as in `nasbench_kit.analysis.load`.

        Raises:
            StudyError, UnknownNameError: As in `nasbench_kit.analysis.load`.
            SettingError: So, too; or the archive holds no runs that can be compared with these, with the difference.
        """
        reference = None if against is None else Archive.open(against)
        panels = load_panels(study, **which)
        path = study.path if isinstance(study, Study) else os.fspath(study)
        there = sum(one.n_runs for panel in panels.values() for one in panel.trajectories.values())
        failed = sum(len(seeds) for panel in panels.values() for seeds in panel.failures.values())
        counts = RunCounts(made=0, there=there, failed=failed)
        return cls(beside(reference, panels) if reference else panels, counts, path)

    @property
    def in_words(self) -> str:
        """How the runs were made, for captions."""
        return f"{self.protocol} {in_words(self.panels)}".lstrip()

    @property
    def trajectories(self) -> dict[str, Mapping[str, Trajectories]]:
        """Benchmark -> optimizer as it is shown -> its runs."""
        return {title: panel.trajectories for title, panel in self.panels.items()}

    @property
    def rules(self) -> dict[str, Rules]:
        """Benchmark -> the rules that the runs followed."""
        return {title: panel.rules for title, panel in self.panels.items()}

    @property
    def configurations(self) -> dict[str, Mapping[str, Configuration]]:
        """Benchmark -> optimizer as it is shown -> what its runs are in the study."""
        return {title: panel.configurations for title, panel in self.panels.items()}

    @property
    def failures(self) -> dict[tuple[str, str], Mapping[int, str]]:
        """(benchmark, optimizer) -> seed -> reason of the runs that failed, which are left out."""
        return {
            (title, optimizer): failed
            for title, panel in self.panels.items()
            for optimizer, failed in panel.failures.items()
        }

    def __repr__(self) -> str:
        optimizers = counted(len({name for panel in self.trajectories.values() for name in panel}), "optimizer")
        runs = counted(sum(one.n_runs for panel in self.trajectories.values() for one in panel.values()), "run")
        return f"<Comparison of {optimizers} on {', '.join(self.panels)}: {runs}>"

    def summaries(self) -> Iterator[tuple[str, str, Summary]]:
        """(benchmark, optimizer, where its runs ended) of each."""
        for benchmark, panel in self.trajectories.items():
            for optimizer, trajectories in panel.items():
                yield benchmark, optimizer, summarize(trajectories)

    def table(self) -> list[dict[str, Any]]:
        """Where the runs ended: a row per benchmark and optimizer, ready for `pandas.DataFrame`."""
        volumes = self.volumes()
        rows = []
        for benchmark, optimizer, summary in self.summaries():
            row = {"benchmark": benchmark, "optimizer": optimizer, **summary._asdict()}
            if optimizer in volumes.get(benchmark, {}):
                row["hypervolume"] = float(volumes[benchmark][optimizer].mean())
            rows.append(row)
        return rows

    def volumes(self) -> dict[str, dict[str, NDArray[np.float64]]]:
        """Benchmark of several objectives -> optimizer -> hypervolume of the front that each run ended with."""
        return {
            title: {optimizer: final_indicator_values(one) for optimizer, one in panel.fronts.items()}
            for title, panel in self.panels.items()
            if panel.fronts
        }

    def laws(self) -> dict[str, RandomSearchLaw]:
        """Benchmark -> the exact law of random search under the same rules.

        Raises:
            SettingError: It is not known of one of them, such as a surrogate.
        """
        return {title: random_search_law(panel.benchmark, panel.rules) for title, panel in self.panels.items()}

    def figure(
        self,
        kind: str = "anytime",
        *,
        benchmarks: Iterable[str] | None = None,
        optimizers: Iterable[str] | None = None,
        labels: Mapping[str, str] | None = None,
        **choices: Any,
    ) -> Figure:
        """A figure of what came out: by default the median regret over what was spent, a panel per benchmark.

        Args:
            kind: A name of `nasbench_kit.plots.KINDS`.
            benchmarks: Which, by title or name, in this order.
            optimizers: Which, by label or name, in this order.
            labels: Label -> how to show it instead.
            choices: What the kind lets one choose: of "anytime" `axis`, `quantity`, `statistic`, `band`, `x_scale`,
                `y_scale`, `x_limits`, `y_limits` as in `nasbench_kit.plots.Anytime`; `highlight`, `width`, `caption` as
                in `nasbench_kit.plots.compare_figure`; and `law`, whether to draw `laws`, too.

        Raises:
            UnknownNameError: There is no such kind, benchmark, optimizer or choice.
            SettingError: It cannot be drawn so; or as `laws`.
        """
        from nasbench_kit.plots import draw, selected  # takes a while to import

        panels = selected(self.panels, benchmarks=benchmarks, optimizers=optimizers, labels=labels)
        return draw(kind, panels, note=replace(self, panels=panels).in_words, study=self.study, **choices)

    def cells(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """The table as it is shown: its head and its rows, of which those of benchmarks are headings."""
        by = {benchmark: _reported_by(panel) for benchmark, panel in self.trajectories.items()}
        same = len(set(by.values())) == 1
        volumes = self.volumes()
        more = ("hypervolume",) if volumes else ()
        rows: list[tuple[str, ...]] = []
        n_runs = {one.n_runs for panel in self.trajectories.values() for one in panel.values()}
        for benchmark, panel in self.trajectories.items():
            rows.append((benchmark, "", "" if same else by[benchmark], "", "", "", *("" for _ in more)))
            for optimizer, trajectories in panel.items():
                show, summary = trajectories.show, summarize(trajectories)
                spread = f" ± {show.text(summary.sd)}" if isfinite(summary.sd) else ""
                shares = (f"{100 * share:.1f} %" for share in (summary.found_share, summary.kept_share))
                evaluations, regret = f"{summary.mean_evaluations:.1f}", show.text(summary.median_regret)
                volume = (_volume_text(volumes.get(benchmark, {}).get(optimizer)) for _ in more)
                name = f"  {optimizer}" + (f", n = {summary.n_runs:,}" if len(n_runs) > 1 else "")
                rows.append((name, evaluations, show.text(summary.mean) + spread, regret, *shares, *volume))
        fewest = f"{min(n_runs):,} to " if len(n_runs) > 1 else ""
        head = f"n = {fewest}{counted(max(n_runs), 'run')} each"
        metric = next(iter(by.values())) if same else "metric"
        return (head, "evals", metric, "regret", "found", "kept", *more), rows

    def notes(self) -> list[str]:
        """What the columns of the table mean, and what is to be known about the runs; a line each."""
        every = [one for panel in self.trajectories.values() for one in panel.values()]
        names = {one.show.name for one in every}
        units = {one.show.difference_unit for one in every}
        means = " or ".join(dict.fromkeys(one.values_are for one in every))
        notes = [
            f"{names.pop() if len(names) == 1 else 'metric'}: of the final incumbent, {means}; mean ± standard"
            " deviation over runs",
            "regret: its distance from the best of the benchmark"
            + (f" [{units.pop()}]" if len(units) == 1 else "")
            + ", median over runs",
            "found, kept: share of runs that evaluated the best of the benchmark; that ended on it",
        ]
        for title, several in self.panels.items():
            for one in list(several.fronts.values())[:1]:
                notes.append(f"hypervolume on {title}: {volume_in_words(one.reference)}; mean ± standard deviation")
        unproven = [
            name for name, panel in self.trajectories.items() if not all(one.is_proven for one in panel.values())
        ]
        if unproven:
            notes.append(
                f"best: of {', '.join(unproven)} the best known, or that one of these runs evaluated; there may be"
                " better"
            )
        for benchmark, optimizer, summary in self.summaries():
            if summary.n_without:
                without = f"{summary.n_without:,} of {counted(summary.n_runs, 'run')} ended without an incumbent"
                notes.append(
                    f"{optimizer} on {benchmark}: {without}; the mean is of the others, and to the median regret they"
                    " are worse than all others"
                )
        for benchmark, panel in self.reports.items():
            notes += _also_reported(benchmark, panel, self.rules[benchmark].reported)
        notes += _told(self.verdicts)
        for (benchmark, optimizer), failed in self.failures.items():
            seed, reason = next(iter(failed.items()))
            which = f"{counted(len(failed), 'run')} failed and {'is' if len(failed) == 1 else 'are'} left out"
            notes.append(f"{optimizer} on {benchmark}: {which}; seed {seed}: {reason}")
        return notes

    def _repr_html_(self) -> str:
        return html_table(*self.cells(), below=[*self.notes(), f"how: {self.in_words}"])


def _told(verdicts: Sequence[Verdict]) -> list[str]:
    """A line on what verdicts mean, and one per benchmark."""
    if not verdicts:
        return []
    states = {"settled": "{0.better} beats {0.other}", "tied": "{0.better} and {0.other}"}
    states["open"] = states["tied"]
    lines = [
        "settled, tied, open: P is how probable it is that a run of the first ends better than one of the second, in an"
        " interval that holds whenever one stops; that all settled orders are right is 95 % sure"
    ]
    for benchmark in dict.fromkeys(one.benchmark for one in verdicts):
        there = [one for one in verdicts if one.benchmark == benchmark]
        for state, names in states.items():
            said = [
                f"{names.format(one)} (P = {one.probability:.2f} in {one.low:.2f} to {one.high:.2f}, n = {one.n_runs})"
                for one in there
                if one.state == state
            ]
            if said:
                lines.append(f"{benchmark}, {state}: {', '.join(said)}")
    return lines


def _also_reported(
    benchmark: str, panel: Mapping[str, Mapping[Reported, Finals]], in_the_table: Reported | None
) -> list[str]:
    """A line per report of a protocol that the table does not show: the mean of each optimizer."""
    lines = []
    for reported in dict.fromkeys(one for reports in panel.values() for one in reports if one != in_the_table):
        means = []
        for optimizer, (metric, values) in {
            name: reports[reported] for name, reports in panel.items() if reported in reports
        }.items():
            values = values[~np.isnan(values)]
            mean = float(values.mean()) if len(values) else nan
            means.append(f"{optimizer} {shown(metric.name, metric.unit).text(mean)}")
        lines.append(f"{benchmark}, reported by {reported}: {', '.join(means)}")
    return lines


def _volume_text(volumes: NDArray[np.float64] | None) -> str:
    if volumes is None:
        return ""
    return f"{volumes.mean():.4f}" + (f" ± {volumes.std(ddof=1):.4f}" if len(volumes) > 1 else "")


def _reported_by(panel: Mapping[str, Trajectories]) -> str:
    show = next(iter(panel.values())).show
    return f"{show.name} [{show.unit}]"

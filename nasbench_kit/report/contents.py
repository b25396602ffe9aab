"""What a report is about: the runs of one or several studies, what they were made with, and how to make them again."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import final

from nasbench_kit.analysis import Archive, Panel, load
from nasbench_kit.comparison import Comparison
from nasbench_kit.comparison.against import beside
from nasbench_kit.comparison.words import in_one
from nasbench_kit.errors import SettingError
from nasbench_kit.outputs import check_different
from nasbench_kit.plots.grids import titles_of
from nasbench_kit.plots.titles import optimizer_title
from nasbench_kit.report.commands import compare_commands, record_commands
from nasbench_kit.study import Configuration, RunCounts, Study

Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


@final
@dataclass(frozen=True, eq=False, repr=False)
class Report:
    """What is to be shown.

    Attributes:
        title: What it is called.
        panels: Title -> the runs on one benchmark under one set of rules.
        studies: The files that they come from, without their folders.
        versions: Of software, when runs were made: each set that differs.
        commands: What makes the same runs again.
    """

    title: str
    panels: Mapping[str, Panel]
    studies: tuple[str, ...]
    versions: tuple[Mapping[str, str], ...]
    commands: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<Report of {', '.join(self.studies)}: {len(self.panels)} panels>"

    @property
    def with_runs(self) -> dict[str, Panel]:
        """The panels of which some run did not fail."""
        return {title: panel for title, panel in self.panels.items() if panel.trajectories}

    @property
    def has_fronts(self) -> bool:
        """Whether runs on some panel had several objectives."""
        return any(panel.fronts for panel in self.panels.values())

    @property
    def optimizers(self) -> list[str]:
        """All optimizers by their labels, in the order of first use."""
        return list(dict.fromkeys(name for panel in self.panels.values() for name in panel.configurations))

    @property
    def names(self) -> dict[str, str]:
        """Label of an optimizer -> how it is called in words, as in figures; no two are called the same."""
        return _apart({label: optimizer_title(label) for label in self.optimizers})

    @property
    def titles(self) -> dict[str, str]:
        """Title of a panel -> how it is called in words, as in figures; no two are called the same."""
        shown = zip(self.panels, titles_of(self.panels), strict=True)
        return _apart({title: words.replace("\n", " ") for title, words in shown})

    @property
    def comparison(self) -> Comparison:
        """The same as a comparison, for its table and notes."""
        there = sum(one.n_runs for panel in self.panels.values() for one in panel.trajectories.values())
        failed = sum(len(seeds) for panel in self.panels.values() for seeds in panel.failures.values())
        return Comparison(self.with_runs, RunCounts(0, there, failed), self.studies[0])

    @property
    def reference(self) -> str:
        """Which runs are those of an archive, in words; empty if there are none."""
        return in_one({title: panel.archive_in_words for title, panel in self.with_runs.items()})


def _apart(called: Mapping[str, str]) -> dict[str, str]:
    """Names in words, but in code where two would have the same."""
    shared = Counter(called.values())
    return {name: words if shared[words] == 1 else name for name, words in called.items()}


def report_of(
    studies: Paths,
    *,
    benchmarks: Iterable[str] | None = None,
    optimizers: Iterable[str] | None = None,
    results: str | os.PathLike[str] | None = None,
    against: str | os.PathLike[str] | None = None,
    title: str = "",
    n_processes: int = 1,
) -> Report:
    """What is to be shown of some studies.

    Runs of the same benchmark under the same rules stand in one panel, whichever study they are of; where rules or
    tables differ, panels are titled apart.

    Args:
        studies: Files of studies; one or several.
        benchmarks: Names of those to look at; all by default.
        optimizers: Names or labels of those to look at; all by default.
        results: Where the table or surrogate lies, if it is not one that `nbk.list_benchmarks` finds.
        against: An archive of reference runs to set beside all of it: its file, or "archive" for the one that comes
            with the package.
        title: What the report is called; by the names of the files, if empty.
        n_processes: How many read at the same time, if there are many runs.

    Raises:
        StudyError: A file is no study, is damaged, its table is not found; or two hold different records of one run.
        UnknownNameError: There is no such benchmark or optimizer.
        SettingError: There is nothing to show, a file is given twice, or the archive holds no runs that can be compared
            with these.
    """
    reference = None if against is None else Archive.open(against)
    paths = [Path(studies)] if isinstance(studies, str | os.PathLike) else [Path(path) for path in studies]
    if not paths:
        raise SettingError("no study; give one or more")
    check_different("study", paths)
    with _as_one(paths) as study:
        panels = load(
            study,
            benchmarks=benchmarks,
            optimizers=optimizers,
            results=results,
            with_failed=True,
            n_processes=n_processes,
        )
        keys = [key for panel in panels.values() for key in panel.configurations.values()]
        versions: dict[str, Mapping[str, str]] = {}
        for key in keys:
            versions |= {repr(sorted(made.items())): made for made in study.versions(key) if made}
    again = paths[0].name if len(paths) == 1 else "again.db"  # none of several is to be filled with the others' runs
    commands = _commands(panels, again, None if results is None else os.fspath(results))
    if reference:
        panels = beside(reference, panels)
    return Report(
        title or ", ".join(path.stem for path in paths),
        panels,
        tuple(path.name for path in paths),
        tuple(versions.values()),
        tuple(commands),
    )


@contextmanager
def _as_one(paths: Sequence[Path]) -> Iterator[Study]:
    """One study of all: several are merged in a folder that does not last."""
    if len(paths) == 1:
        with Study(paths[0], create=False) as study:
            yield study
        return
    with TemporaryDirectory(prefix="nasbench_kit-") as folder, Study(os.path.join(folder, "study.db")) as study:
        for path in paths:
            study.merge(path)
        yield study


def _commands(panels: Mapping[str, Panel], study: str, results: str | None) -> list[str]:
    runs: dict[Configuration, list[int]] = {}
    for panel in panels.values():
        for name, key in panel.configurations.items():
            made = panel.trajectories[name].run_seeds.tolist() if name in panel.trajectories else []
            if not key.is_recorded:
                runs[key] = made + list(panel.failures.get(name, ()))
    benchmarks = {key.identity: panel.benchmark for panel in panels.values() for key in panel.configurations.values()}
    recorded = [key for panel in panels.values() for key in panel.configurations.values() if key.is_recorded]
    return [
        *compare_commands(runs, benchmarks, study=study, results=results),
        *record_commands(recorded, study=study, results=results),
    ]

"""Panels: what a study holds, benchmark by benchmark, ready to be compared and drawn."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple, final

from nasbench_kit.analysis.front_trajectories import FrontTrajectories, front_trajectories_of
from nasbench_kit.analysis.fronts import reference_of
from nasbench_kit.analysis.trajectories import Trajectories, trajectories_of, with_common_best
from nasbench_kit.errors import SettingError, counted, unknown
from nasbench_kit.jobs import run
from nasbench_kit.simulator import Reported, Rules
from nasbench_kit.study import Configuration, Study, recorded_in_words

if TYPE_CHECKING:
    from nasbench_kit.benchmark import Benchmark
    from nasbench_kit.simulator import Records
    from nasbench_kit.study.study import StoredRun

_MANY = 10_000  # runs: reading fewer takes less time than starting other processes
#: of records, what incumbents follow from
_FIELDS = ("archs", "trial", "epoch", "value", "violation", "failed", "finished_s")


@final
@dataclass(frozen=True, eq=False, repr=False)
class Panel:
    """The runs of several optimizers on one benchmark, under the same rules.

    Attributes:
        benchmark: What was searched.
        rules: Under which rules.
        configurations: Optimizer as it is shown -> what its runs are in the study.
        trajectories: Optimizer -> its runs, with regret to a common best; those all of whose runs failed are left out.
        failures: Optimizer -> seed -> reason of the runs that failed; of those that have any.
        fronts: Optimizer -> the fronts of its runs, where there are several objectives.
        archived: Those optimizers whose runs are of an archive, that others are set beside.
        archive: Which archive that is, in a sentence.
        replaced: Optimizer whose runs stand for those that the archive holds of it -> how many these are.
    """

    benchmark: Benchmark
    rules: Rules
    configurations: Mapping[str, Configuration]
    trajectories: Mapping[str, Trajectories]
    failures: Mapping[str, Mapping[int, str]]
    fronts: Mapping[str, FrontTrajectories] = field(default_factory=dict)
    archived: frozenset[str] = frozenset()
    archive: str = ""
    replaced: Mapping[str, int] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<Panel of {counted(len(self.trajectories), 'optimizer')} on {self.benchmark.name}>"

    @property
    def in_words(self) -> str:
        """The rules, for captions; and what is to be known of runs that were recorded elsewhere."""
        recorded = recorded_in_words(self.configurations.values())
        return " ".join(filter(None, (self.rules.in_words(self.benchmark), recorded)))

    @property
    def archive_in_words(self) -> str:
        """Which runs are those of an archive, and where one's own stand for them, for captions; empty without any."""
        labels: dict[tuple[int, int], list[str]] = {}
        for label, n in self.replaced.items():
            labels.setdefault((self.trajectories[label].n_runs, n), []).append(label)
        stand = [
            f"{', '.join(some)}: {counted(own, 'run')} of one's own{' each' * (len(some) > 1)}"
            f" {'stand' if own > 1 or len(some) > 1 else 'stands'} for the archive's {n:,}."
            for (own, n), some in labels.items()
        ]
        return " ".join([*([self.archive] if self.archived else []), *stand])


def load(
    study: Study | str | os.PathLike[str],
    *,
    benchmarks: Iterable[str] | None = None,
    optimizers: Iterable[str] | None = None,
    run_seeds: Iterable[int] | None = None,
    results: str | os.PathLike[str] | None = None,
    summed: Sequence[str] = (),
    with_failed: bool = False,
    n_processes: int = 1,
) -> dict[str, Panel]:
    """What a study holds: a panel per benchmark and set of rules, each under a title.

    The title is the name of the benchmark; where the study holds runs on it under several rules, or on several tables
    of that name, also what is different.

    Args:
        study: A study, or its file.
        benchmarks: Names of those to look at; all by default.
        optimizers: Names or labels of those to look at; all by default.
        run_seeds: Seeds of the runs to look at; all by default.
        results: Where the table or surrogate lies, if it is not one that `nbk.list_benchmarks` finds.
        summed: Metrics whose sum over trainings is one more axis each, such as `energy_kwh`.
        with_failed: Whether to return panels, too, of which all runs failed.
        n_processes: How many read at the same time, if there are many runs.

    Raises:
        StudyError: It is no study, is damaged, or its table is not found.
        UnknownNameError: There is no such benchmark or optimizer in it.
        SettingError: There is nothing in it, or no run with any evaluation.
    """
    if not isinstance(study, Study):
        with Study(study, create=False) as opened:
            return load(
                opened,
                benchmarks=benchmarks,
                optimizers=optimizers,
                run_seeds=run_seeds,
                results=results,
                summed=summed,
                with_failed=with_failed,
                n_processes=n_processes,
            )
    keys = chosen(study, benchmarks, optimizers)
    if not keys:
        raise SettingError(f"{study.path!r} holds no runs; nasbench-kit compare --study {study.path} makes some")
    seeds = None if run_seeds is None else [*run_seeds]
    groups, seeds_of = titled(keys), dict.fromkeys(keys, seeds)
    several = n_processes if sum(map(study.n_runs, keys)) > _MANY else 1
    reads = _reads(study, [_Asked(key, seeds, results, tuple(summed)) for key in chain(*groups.values())], several)
    panels = {}
    for title, some in groups.items():
        panel = _panel(study, study.benchmark(some[0], results), some, islice(reads, len(some)), seeds_of)
        if panel.trajectories or with_failed:
            panels[title] = panel
    if not panels:
        raise SettingError(f"{study.path!r} holds no runs of these that did not fail; choose others")
    return panels


def panel_of(
    study: Study,
    configurations: Sequence[Configuration],
    *,
    benchmark: Benchmark | None = None,
    run_seeds: Iterable[int] | Mapping[Configuration, Iterable[int]] | None = None,
    results: str | os.PathLike[str] | None = None,
    summed: Sequence[str] = (),
) -> Panel:
    """The runs of configurations that differ in nothing but their optimizer.

    Args:
        study: Where they are.
        configurations: Of one benchmark and one set of rules, at least one.
        benchmark: What they were made on, if it is open already.
        run_seeds: As in `load`; or those of each configuration.
        results: As in `load`.
        summed: As in `load`.

    Raises:
        StudyError: The study is damaged, or its table is not found.
    """
    if isinstance(run_seeds, Mapping):
        seeds_of: _Seeds = {key: [*seeds] for key, seeds in run_seeds.items()}
    else:
        seeds_of = dict.fromkeys(configurations, None if run_seeds is None else [*run_seeds])
    opened = benchmark or study.benchmark(configurations[0], results)
    reads = (_read(study, opened, _Asked(key, seeds_of[key], results, tuple(summed))) for key in configurations)
    return _panel(study, opened, configurations, reads, seeds_of)


_Seeds = Mapping[Configuration, list[int] | None]


class _Asked(NamedTuple):
    """What is to be read."""

    key: Configuration
    run_seeds: list[int] | None
    results: str | os.PathLike[str] | None
    summed: tuple[str, ...]


class _Read(NamedTuple):
    """The runs of a configuration, if some did not fail, and seed -> reason of the others."""

    trajectories: Trajectories | None
    failures: dict[int, str]


def _panel(
    study: Study,
    benchmark: Benchmark,
    configurations: Sequence[Configuration],
    reads: Iterable[_Read],
    run_seeds: _Seeds,
) -> Panel:
    shown = _shown(configurations)
    read = dict(zip(shown, reads, strict=True))
    found = {name: one.trajectories for name, one in read.items() if one.trajectories is not None}
    failures = {name: one.failures for name, one in read.items() if one.failures}
    fronts = _fronts(study, {name: shown[name] for name in found}, benchmark, run_seeds)
    common = with_common_best(found) if found else {}
    return Panel(benchmark, configurations[0].rules, shown, common, failures, fronts)


def _fronts(
    study: Study, configurations: Mapping[str, Configuration], benchmark: Benchmark, run_seeds: _Seeds
) -> dict[str, FrontTrajectories]:
    """The fronts of all runs, by how their optimizers are shown; nothing where there is one objective."""
    if len(benchmark.objectives) == 1 or not configurations:
        return {}
    reference = reference_of(benchmark, next(iter(configurations.values())).rules)
    return {
        name: front_trajectories_of(
            benchmark, (one.records for one in study.runs(key, run_seeds[key])), key.rules, reference=reference
        )
        for name, key in configurations.items()
    }


def _shown(configurations: Sequence[Configuration]) -> dict[str, Configuration]:
    """Configurations by how they are shown; of a label that several share, as in a merged study, also what they are."""
    labels = Counter(key.legend for key in configurations)
    found: dict[str, Configuration] = {}
    for key in configurations:
        name = key.legend if labels[key.legend] == 1 else f"{key.legend}: {replace(key, label='').legend}"
        found[name if name not in found else f"{name} ({len(found) + 1})"] = key
    return found


def _read(study: Study, benchmark: Benchmark, asked: _Asked) -> _Read:
    found: list[int] = []
    failures = study.failures(asked.key, asked.run_seeds)
    runs = study.runs(asked.key, asked.run_seeds, fields=_FIELDS)
    head = next(runs, None)
    if head is None:
        return _Read(None, failures)
    records = _records(head, runs, found)
    made = trajectories_of(
        benchmark,
        records,
        asked.key.rules,
        run_seeds=found,
        summed=asked.summed,
        returns_latest=asked.key.returns_latest,
    )
    return _Read(made, failures)


def _reads(study: Study, asked: Iterable[_Asked], n_processes: int) -> Iterator[_Read]:
    """What is asked for, in its order; read by this process or by several."""
    if n_processes == 1:
        return (_read(study, study.benchmark(one.key, one.results), one) for one in asked)
    return run(partial(_read_apart, study.path), asked, n_processes)


def _read_apart(path: str, asked: _Asked) -> _Read:
    """What a worker does, with a study that it opened itself."""
    study = _opened_once(path)
    return _read(study, study.benchmark(asked.key, asked.results), asked)


@cache
def _opened_once(path: str) -> Study:
    return Study(path, create=False)


def _records(head: StoredRun, others: Iterable[StoredRun], run_seeds: list[int]) -> Iterator[Records]:
    """The records of runs one by one, and their seeds into a list."""
    for stored in chain([head], others):
        run_seeds.append(stored.run_seed)
        yield stored.records


def titled(configurations: Iterable[Configuration]) -> dict[str, list[Configuration]]:
    """Configurations that can be compared, together under a title: what was searched, and what is different."""
    together: dict[str, dict[str, list[Configuration]]] = {}
    for key in configurations:
        together.setdefault(key.benchmark, {}).setdefault(repr(setting_of(key)), []).append(key)
    found = {}
    for benchmark, groups in together.items():
        settings = [setting_of(some[0]) for some in groups.values()]
        different = [
            name
            for name in dict.fromkeys(name for setting in settings for name in setting)
            if len({repr(setting.get(name)) for setting in settings}) > 1
        ]
        for setting, some in zip(settings, groups.values(), strict=True):
            said = ", ".join(f"{name}={in_short(setting[name])}" for name in different if name in setting)
            found[benchmark + (f" ({said or 'default rules'})" if len(groups) > 1 else "")] = some
    return found


def setting_of(key: Configuration) -> dict[str, Any]:
    """All that must be the same for runs on one benchmark to be compared, by its names; default rules are left out."""
    setting: dict[str, Any] = {"sha256": key.results_sha256[:12], **key.rules.to_json()}
    setting |= {"objectives": key.objectives} if key.objectives else {}
    return setting | ({"constraints": key.constraints} if key.constraints else {})


def in_short(value: Any) -> str:
    """A value of `setting_of`, as titles and errors show it."""
    if isinstance(value, list | tuple) and not isinstance(value, Reported):
        return "+".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def chosen(study: Study, benchmarks: Iterable[str] | None, optimizers: Iterable[str] | None) -> list[Configuration]:
    """Configurations of a study by names of benchmarks, and names or labels of optimizers; as in `load`."""
    keys = study.configurations()
    if benchmarks is not None:
        wanted = [benchmarks] if isinstance(benchmarks, str) else [*benchmarks]
        for name in wanted:
            if name not in (key.benchmark for key in keys):
                raise unknown(f"benchmark of {study.path}", name, dict.fromkeys(key.benchmark for key in keys))
        keys = [key for key in keys if key.benchmark in wanted]
    if optimizers is not None:
        wanted = [optimizers] if isinstance(optimizers, str) else [*optimizers]
        some = {key for name in wanted for key in study.configurations(name)}
        keys = [key for key in keys if key in some]
    return keys

"""Compare optimizers: many runs of each on some benchmarks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from itertools import chain
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nasbench_kit.analysis import (
    Archive,
    Finals,
    Panel,
    Verdict,
    check_tolerance,
    final_regrets,
    finals_of,
    panel_of,
    trajectories_of,
    until_settled,
)
from nasbench_kit.analysis.settled import Entry
from nasbench_kit.benchmark import Benchmark
from nasbench_kit.comparison.against import beside, check_fits
from nasbench_kit.comparison.comparison import Comparison
from nasbench_kit.comparison.long_work import warn_of_long_work
from nasbench_kit.comparison.planning import RUNS, Named, Plan, plans_of, protocol_against
from nasbench_kit.errors import NotRecordedError, SettingError, StudyError, UnknownNameError
from nasbench_kit.jobs import n_processors, pool
from nasbench_kit.optimizers.base import check_at_least
from nasbench_kit.progress import progress_bar
from nasbench_kit.protocols import Protocol, protocol_of
from nasbench_kit.simulator import Reported, Rules
from nasbench_kit.study import Configuration, RunCounts, Study, shared_folder

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from numpy.typing import NDArray


def compare(
    benchmarks: str | Benchmark | Iterable[str | Benchmark] | None = None,
    optimizers: str | Iterable[Named] | Mapping[str, Named] | None = None,
    *,
    protocol: str | Protocol | None = None,
    rules: Rules | None = None,
    runs: int | None = None,
    study: Study | str | os.PathLike[str] | None = None,
    against: str | os.PathLike[str] | None = None,
    first_seed: int = 0,
    until_settled: float | None = None,
    n_processes: int | None = None,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
    **how: Any,
) -> Comparison:
    """Run optimizers on benchmarks, many times each.

    Args:
        benchmarks: Names that `load` knows, or opened ones. By default those of the protocol; without one,
            NAS-Bench-201 on its three datasets.
        optimizers: Names that `nasbench_kit.optimizers.OPTIMIZERS` has, or `module:Class`; pairs with settings, triples
            with a label as well; or a mapping of labels to these. With a protocol also its names, with its settings.
            By default those of the protocol; without one, random search, regularized evolution and local search.
        protocol: A name that `nasbench_kit.protocols.PROTOCOLS` has, or a `Protocol`: it says the rules.
        rules: What the searches are told, what they pay, when they end. Without a budget, they end when they have spent
            what 500 evaluations take on average; where no seconds are recorded, after 500 evaluations.
        runs: Runs of each optimizer on each benchmark; those of the protocol, or 500, by default.
        study: Where the runs are kept: with the same study, the same call goes on where it was. By default they are not
            kept. If there is a `plan` beside it, its workers are helped, and what they made is taken over.
        against: An archive of reference runs to set these beside: its file, or "archive" for the one that comes with
            the package. It must hold runs on the same tables under the same rules. Without benchmarks and rules, these
            are those of the protocol suite_small.
        first_seed: Seed of the first run; the others follow.
        until_settled: Make runs ten by ten, and none any more of an optimizer of which every comparison with another
            on that benchmark is settled, or tied: it is known to this much, such as 0.1, how probable it is that a run
            of one ends better than a run of the other (`nasbench_kit.analysis.verdicts`). `runs` are made at most;
            those of an archive are not looked at. Of several objectives, the first counts.
        n_processes: Size of the pool of worker processes; as many as there are processors by default. With an executor,
            about how many tasks it does at a time.
        executor: Anything with the interface of `concurrent.futures.Executor`, instead of a pool, such as those of
            `nasbench_kit.study.clusters`.
        progress: Called with (runs done, runs in all); a bar in terminals and notebooks by default.
        how: Rules by their names, instead of or beside `rules`: `n_evaluations=100, n_workers=4`.

    Raises:
        UnknownNameError, SettingError, NotRecordedError: Something cannot be run as asked for; nothing was run then.
        StudyError: The study cannot be used, or all runs of one optimizer failed.
    """
    asked = _asked(benchmarks, optimizers, protocol, rules, runs, against, first_seed, how)
    plans, run_seeds, reference = asked.plans, asked.run_seeds, asked.reference
    if until_settled is not None:
        check_tolerance(until_settled=until_settled)
        if len(plans[0].configurations) < 2:
            raise SettingError(f"until_settled={until_settled} with one optimizer; two or more expected")
    with opened_study(study) as opened, _shown(progress) as advance:
        if study is not None and shared_folder.is_planned(opened.path):
            if executor is not None:
                raise SettingError(
                    f"{opened.path!r} has a plan for workers that share its folder; give no executor, or remove"
                    f" {os.fspath(shared_folder.folder_of(opened.path))!r}"
                )
            shared_folder.finish(opened, n_processes or n_processors(), advance)
        warn_of_long_work(plans, opened, run_seeds, n_processes or n_processors())
        run = _run if until_settled is None else partial(_run_until_settled, until_settled)
        with _saying_what_is_kept(plans, opened, is_kept=study is not None):
            made = run(plans, opened, run_seeds, n_processes=n_processes, executor=executor, progress=advance)
            found = {plan.benchmark.name: _found(plan, opened, made.run_seeds) for plan in plans}
        if reference:
            found = beside(reference, found)
        return Comparison(
            found,
            made.counts,
            None if study is None else opened.path,
            {plan.benchmark.name: _reports(plan, found[plan.benchmark.name]) for plan in plans},
            made.verdicts,
            asked.follows.in_words() if asked.follows else "",
        )


class _Asked(NamedTuple):
    """What a call asks for, all of it checked."""

    plans: list[Plan]
    run_seeds: range
    follows: Protocol | None
    reference: Archive | None


def _asked(
    benchmarks: str | Benchmark | Iterable[str | Benchmark] | None,
    optimizers: str | Iterable[Named] | Mapping[str, Named] | None,
    protocol: str | Protocol | None,
    rules: Rules | None,
    runs: int | None,
    against: str | os.PathLike[str] | None,
    first_seed: int,
    how: Mapping[str, Any],
) -> _Asked:
    reference = None if against is None else Archive.open(against)
    if reference and optimizers is None:
        raise SettingError("against an archive, but with which optimizers? Give those that it does not hold")
    if benchmarks is None and rules is None and not how:
        protocol = protocol_against(against, protocol)
    follows = None if protocol is None else protocol_of(protocol)
    runs = runs if runs is not None else follows.n_runs if follows else RUNS
    check_at_least(1, runs=runs)
    check_at_least(0, first_seed=first_seed)
    plans = plans_of(benchmarks, optimizers, follows, rules, how)
    if reference:
        check_fits(reference, plans, follows)
    return _Asked(plans, range(first_seed, first_seed + runs), follows, reference)


def plan(
    benchmarks: str | Benchmark | Iterable[str | Benchmark] | None = None,
    optimizers: str | Iterable[Named] | Mapping[str, Named] | None = None,
    *,
    study: str | os.PathLike[str],
    batch: int | None = None,
    protocol: str | Protocol | None = None,
    rules: Rules | None = None,
    runs: int | None = None,
    against: str | os.PathLike[str] | None = None,
    first_seed: int = 0,
    **how: Any,
) -> shared_folder.Plan:
    """Write what `compare` would run as a plan beside the study, for workers that share its folder, and run nothing.

    Args:
        study: Where `compare` will take the runs over.
        batch: Runs that a worker makes at a time; by default as many as take little more time than one, and 50 at most.
        benchmarks, optimizers, protocol, rules, runs, against, first_seed, how: As of `compare`.

    Raises:
        UnknownNameError, SettingError, NotRecordedError, StudyError: As `compare`.
    """
    if batch is not None:
        check_at_least(1, batch=batch)
    asked = _asked(benchmarks, optimizers, protocol, rules, runs, against, first_seed, how)
    with opened_study(study) as opened:
        return shared_folder.write_plan(opened, _configurations(asked.plans), asked.run_seeds, batch=batch)


@contextmanager
def opened_study(study: Study | str | os.PathLike[str] | None) -> Iterator[Study]:
    """The study to fill: an open one stays open, and without any the runs are kept in a folder that does not last."""
    if isinstance(study, Study):
        yield study
    elif study is not None:
        if not isinstance(study, str | os.PathLike):
            raise SettingError(f"study={study!r:.80}; the path of a study, or an open one, expected")
        with Study(study) as opened:
            yield opened
    else:
        with TemporaryDirectory(prefix="nasbench_kit-") as folder, Study(os.path.join(folder, "study.db")) as opened:
            yield opened


@contextmanager
def _shown(progress: Callable[[int, int], None] | None) -> Iterator[Callable[[int, int], None]]:
    if progress is not None:
        yield progress
    else:
        with progress_bar("runs") as advance:
            yield advance


class _Made(NamedTuple):
    """What was run."""

    counts: RunCounts
    run_seeds: Mapping[Configuration, range]
    verdicts: Sequence[Verdict] = ()


def _run(plans: Sequence[Plan], study: Study, run_seeds: range, **how: Any) -> _Made:
    configurations = _configurations(plans)
    return _Made(study.run(configurations, run_seeds, **how), dict.fromkeys(configurations, run_seeds))


def _configurations(plans: Sequence[Plan]) -> list[Configuration]:
    return list(chain.from_iterable(plan.configurations for plan in plans))


def _run_until_settled(
    tolerance: float,
    plans: Sequence[Plan],
    study: Study,
    run_seeds: range,
    *,
    n_processes: int | None,
    executor: Executor | None,
    progress: Callable[[int, int], None],
) -> _Made:
    """Runs in rounds, all of them by the same processes."""
    what = {(plan.benchmark.name, key.legend): (plan, key) for plan in plans for key in plan.configurations}
    counts: list[RunCounts] = []
    n_processes = n_processes or n_processors()

    def make(going: Sequence[Entry], part: range) -> dict[Entry, NDArray[np.float64]]:
        seeds, n_before = run_seeds[part.start : part.stop], sum(map(sum, counts))
        how: dict[str, Any] = {"n_processes": n_processes, "executor": workers}
        how["progress"] = lambda there, _: progress(n_before + there, len(what) * len(run_seeds))
        counts.append(study.run([what[entry][1] for entry in going], seeds, **how))
        ended = {}
        for entry in going:
            plan, key = what[entry]
            records = [run.records for run in study.runs(key, seeds)]
            if not records and not part.start:
                raise _all_failed(key, seeds, study.failures(key, seeds))
            there = trajectories_of(plan.benchmark, records, plan.rules) if records else None
            # whatever the best of these runs: only their order counts
            ended[entry] = final_regrets(replace(there, best=0.0)) if there else np.empty(0)
        return ended

    with nullcontext(executor) if executor or n_processes == 1 else pool(n_processes) as workers:
        n_made, verdicts = until_settled(make, what, len(run_seeds), tolerance)
    there = {what[entry][1]: run_seeds[:n] for entry, n in n_made.items()}
    return _Made(RunCounts(*map(sum, zip(*counts, strict=True))), there, verdicts)


def _found(plan: Plan, study: Study, run_seeds: Mapping[Configuration, range]) -> Panel:
    """The runs on one benchmark.

    Raises:
        StudyError: All runs of one optimizer failed.
    """
    panel = panel_of(study, plan.configurations, benchmark=plan.benchmark, run_seeds=run_seeds)
    for name, failed in panel.failures.items():
        if name not in panel.trajectories:
            key = panel.configurations[name]
            raise _all_failed(key, run_seeds[key], failed)
    return panel


class _AllFailedError(StudyError):
    """All runs of one optimizer failed."""

    def __init__(self, message: str, legend: str) -> None:
        super().__init__(message)
        self.legend = legend


def _all_failed(key: Configuration, run_seeds: range, failures: Mapping[int, str]) -> _AllFailedError:
    seed, reason = next(iter(failures.items()))
    n = len(run_seeds)
    which = f"all {n:,} runs" if n > 1 else "the one run"
    return _AllFailedError(f"{which} of {key.legend} on {key.benchmark} failed; with seed {seed}: {reason}", key.legend)


@contextmanager
def _saying_what_is_kept(plans: Sequence[Plan], study: Study, *, is_kept: bool) -> Iterator[None]:
    """Where all runs of one optimizer failed: where those of the others are, and how to see them."""
    try:
        yield
    except _AllFailedError as error:
        keys = chain.from_iterable(plan.configurations for plan in plans)
        if not any(study.n_runs(key) for key in keys if key.legend != error.legend):
            raise
        others = (
            f"are kept in {study.path}: the same without {error.legend} shows them, and so does"
            f" nasbench-kit plot {study.path}"
            if is_kept
            else "were not kept; study=FILE keeps them"
        )
        raise StudyError(f"{error}; the runs of the others {others}") from None


def _reports(plan: Plan, panel: Panel) -> dict[str, dict[Reported, Finals]]:
    """What else is reported of the final incumbents of each optimizer, as far as the results hold it."""
    found: dict[str, dict[Reported, Finals]] = {optimizer: {} for optimizer in panel.trajectories}
    for optimizer, trajectories in panel.trajectories.items():
        for reported in plan.reports if trajectories.archs is not None else ():
            with suppress(UnknownNameError, NotRecordedError):
                by = replace(plan.rules, reported=reported)
                found[optimizer][reported] = finals_of(plan.benchmark, trajectories, by)
    return found

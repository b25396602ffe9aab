"""Compare optimizers: many runs of each on some benchmarks, and what came out, as a table and a figure."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from math import isfinite, nan
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple, Self, final

import numpy as np

from nasbench_kit.analysis import (
    Archive,
    Finals,
    Panel,
    RandomSearchLaw,
    Summary,
    Trajectories,
    check_reported,
    finals_of,
    panel_of,
    random_search_law,
    shown,
    summarize,
)
from nasbench_kit.analysis import load as load_panels
from nasbench_kit.analysis.fronts import check_fronts
from nasbench_kit.analysis.volumes import final_indicator_values
from nasbench_kit.analysis.volumes import in_words as volume_in_words
from nasbench_kit.benchmark import Benchmark
from nasbench_kit.catalog import load
from nasbench_kit.errors import NotRecordedError, SettingError, StudyError, UnknownNameError
from nasbench_kit.jobs import n_processors
from nasbench_kit.notebook import html_table
from nasbench_kit.optimizers.base import check_at_least
from nasbench_kit.progress import progress_bar
from nasbench_kit.protocols import Protocol, protocol_of
from nasbench_kit.simulator import DRAWN, EPOCHS, EVALUATIONS, SECONDS, Reported, Rules, task_of
from nasbench_kit.simulator.rules import checked_rules
from nasbench_kit.study import Configuration, RunCounts, Study

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

BENCHMARKS = ("nasbench201/cifar10", "nasbench201/cifar100", "nasbench201/imagenet16-120")
OPTIMIZERS = ("random_search", "regularized_evolution", "local_search")
RUNS = 500
AVERAGE_EVALUATIONS = 500  # the default budget: the simulated time that so many evaluations take on average

_TIMED = 10  # evaluations that are timed before a comparison begins
_TIMED_S = 1.0  # at most
_LONG_S = 300.0  # work that takes longer is announced
_MOST_PLACES = 3  # in which captions of several benchmarks may differ, and are still put into one

Named = str | tuple[str, Mapping[str, Any]] | tuple[str, Mapping[str, Any], str | None]
"""An optimizer: its name, or its name and settings, and what it is called in the table and the figure."""


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
            kept.
        against: An archive of reference runs to set these beside: its file, or "archive" for the one that comes with
            the package. It must hold runs on the same tables under the same rules. Without benchmarks and rules, these
            are those of the protocol suite_small.
        first_seed: Seed of the first run; the others follow.
        n_processes: Size of the pool of worker processes; as many as there are processors by default.
        executor: Anything with the interface of `concurrent.futures.Executor`, instead of a pool.
        progress: Called with (runs done, runs in all); a bar in terminals and notebooks by default.
        how: Rules by their names, instead of or beside `rules`: `n_evaluations=100, n_workers=4`.

    Raises:
        UnknownNameError, SettingError, NotRecordedError: Something cannot be run as asked for; nothing was run then.
        StudyError: The study cannot be used, or all runs of one optimizer failed.
    """
    reference = None if against is None else Archive.open(against)
    if reference and optimizers is None:
        raise SettingError("against an archive, but with which optimizers? Give those that it does not hold")
    if benchmarks is None and rules is None and not how:
        protocol = protocol_against(against, protocol)
    follows = None if protocol is None else protocol_of(protocol)
    runs = runs if runs is not None else follows.n_runs if follows else RUNS
    check_at_least(1, runs=runs)
    check_at_least(0, first_seed=first_seed)
    run_seeds = range(first_seed, first_seed + runs)
    if follows is None:
        own = checked_rules(rules).changed(how)
        plans = _planned(
            [(one, own, ()) for one in _opened(BENCHMARKS if benchmarks is None else benchmarks)],
            _named(OPTIMIZERS if optimizers is None else optimizers),
        )
    elif rules is not None or how:
        raise SettingError(f"the protocol {follows.name} says the rules; leave out {', '.join(how) or 'rules'}")
    else:
        setups = _of_protocol(follows, benchmarks)
        named = _published(follows, optimizers)
        for benchmark, _, _ in setups:
            for _, _, label in named:
                if label in follows.optimizers:
                    follows.check(label, benchmark)
        plans = _planned(setups, named)
    if reference:
        for plan in plans:
            reference.fitting(plan.configurations[0])  # else refused before anything is run
    with opened_study(study) as opened, _shown(progress) as advance:
        _warn_of_long_work(plans, opened, run_seeds, 0 if executor else n_processes or n_processors())
        configurations = chain.from_iterable(plan.configurations for plan in plans)
        counts = opened.run(configurations, run_seeds, n_processes=n_processes, executor=executor, progress=advance)
        found = {plan.benchmark.name: _found(plan, opened, run_seeds) for plan in plans}
        if reference:
            found = {benchmark: reference.beside(panel) for benchmark, panel in found.items()}
        said = [*([follows.in_words()] if follows else []), _in_one(panel.in_words for panel in found.values())]
        return Comparison(
            found,
            " ".join([*said, *([reference.in_words] if reference else [])]),
            counts,
            None if study is None else opened.path,
            {plan.benchmark.name: _reports(plan, found[plan.benchmark.name]) for plan in plans},
        )


@final
@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Runs of optimizers on benchmarks, and what came out.

    Attributes:
        panels: Benchmark -> the runs on it; where a study holds runs under several rules, a title that says which.
        in_words: The rules, for captions.
        counts: How many runs were made now, were there, or failed.
        study: The file with the runs; None if they were not kept.
        reports: Benchmark -> optimizer -> what a protocol reports -> that of each run's final incumbent; a report that
            these results do not hold is left out.
    """

    panels: Mapping[str, Panel]
    in_words: str
    counts: RunCounts
    study: str | None
    reports: Mapping[str, Mapping[str, Mapping[Reported, Finals]]] = field(default_factory=dict)

    @classmethod
    def of_study(cls, study: Study | str | os.PathLike[str], **which: Any) -> Self:
        """What a study holds, without the call that made it.

        Args:
            study: A study, or its file.
            which: What of it, as in `nasbench_kit.analysis.load`.

        Raises:
            StudyError, UnknownNameError, SettingError: As in `nasbench_kit.analysis.load`.
        """
        panels = load_panels(study, **which)
        path = study.path if isinstance(study, Study) else os.fspath(study)
        there = sum(one.n_runs for panel in panels.values() for one in panel.trajectories.values())
        failed = sum(len(seeds) for panel in panels.values() for seeds in panel.failures.values())
        counts = RunCounts(made=0, there=there, failed=failed)
        return cls(panels, _in_one(panel.in_words for panel in panels.values()), counts, path)

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
        n_optimizers = len({name for panel in self.trajectories.values() for name in panel})
        n_runs = sum(one.n_runs for panel in self.trajectories.values() for one in panel.values())
        return f"<Comparison of {n_optimizers} optimizers on {', '.join(self.panels)}: {n_runs:,} runs>"

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
        is_part = len(panels) < len(self.panels)
        note = _in_one(panel.in_words for panel in panels.values()) if is_part else self.in_words
        return draw(kind, panels, note=note, study=self.study, **choices)

    def cells(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """The table as it is shown: its head and its rows, of which those of benchmarks are headings."""
        by = {benchmark: _reported_by(panel) for benchmark, panel in self.trajectories.items()}
        same = len(set(by.values())) == 1
        volumes = self.volumes()
        more = ("hypervolume",) if volumes else ()
        rows: list[tuple[str, ...]] = []
        n_runs = set()
        for benchmark, panel in self.trajectories.items():
            rows.append((benchmark, "", "" if same else by[benchmark], "", "", "", *("" for _ in more)))
            for optimizer, trajectories in panel.items():
                show, summary = trajectories.show, summarize(trajectories)
                n_runs.add(summary.n_runs)
                spread = f" ± {show.text(summary.sd)}" if isfinite(summary.sd) else ""
                shares = (f"{100 * share:.1f} %" for share in (summary.found_share, summary.kept_share))
                evaluations, regret = f"{summary.mean_evaluations:.1f}", show.text(summary.median_regret)
                volume = (_volume_text(volumes.get(benchmark, {}).get(optimizer)) for _ in more)
                rows.append((f"  {optimizer}", evaluations, show.text(summary.mean) + spread, regret, *shares, *volume))
        head = f"n = {' to '.join(map(str, dict.fromkeys((min(n_runs), max(n_runs)))))} runs each"
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
                notes.append(
                    f"{optimizer} on {benchmark}: {summary.n_without:,} of {summary.n_runs:,} runs ended without an"
                    " incumbent; mean and regret are of the others"
                )
        for benchmark, panel in self.reports.items():
            notes += _also_reported(benchmark, panel, self.rules[benchmark].reported)
        for (benchmark, optimizer), failed in self.failures.items():
            seed, reason = next(iter(failed.items()))
            notes.append(
                f"{optimizer} on {benchmark}: {len(failed):,} runs failed and are left out; seed {seed}: {reason}"
            )
        return notes

    def _repr_html_(self) -> str:
        return html_table(*self.cells(), below=[*self.notes(), f"how: {self.in_words}"])


class _Plan(NamedTuple):
    """What is to be run on one benchmark."""

    benchmark: Benchmark
    rules: Rules
    configurations: tuple[Configuration, ...]
    reports: tuple[Reported, ...]


def _opened(benchmarks: str | Benchmark | Iterable[str | Benchmark]) -> list[Benchmark]:
    if not isinstance(benchmarks, str | Benchmark | Iterable):
        raise SettingError(
            f"{benchmarks!r:.80} is no benchmark; a name, or what nbk.load opens, or a list of such expected"
        )
    given = [benchmarks] if isinstance(benchmarks, str | Benchmark) else list(benchmarks)
    opened: dict[str, Benchmark] = {}
    for one in given:
        if not isinstance(one, str | Benchmark):
            raise SettingError(f"{one!r:.80} is no benchmark; a name, or what nbk.load opens, expected")
        benchmark = load(one) if isinstance(one, str) else one
        same = opened.setdefault(benchmark.name, benchmark)
        if same.results.sha256 != benchmark.results.sha256:
            raise SettingError(f"two different benchmarks are called {benchmark.name!r}; give one of them another name")
        for what in ("objectives", "costs", "constraints"):
            if getattr(same, what) != getattr(benchmark, what):
                raise SettingError(
                    f"two benchmarks called {benchmark.name!r} differ in their {what}; compare them in two calls"
                )
    if not opened:
        raise SettingError("no benchmark; give one or more")
    return list(opened.values())


def _named(optimizers: str | Iterable[Named] | Mapping[str, Named]) -> list[tuple[str, Mapping[str, Any], str]]:
    """(name, settings, label) of each."""
    if isinstance(optimizers, Mapping):
        named = [_parts(one, label) for label, one in optimizers.items()]
    else:
        is_one = not isinstance(optimizers, Iterable) or isinstance(optimizers, str)
        is_one |= isinstance(optimizers, tuple) and any(isinstance(part, Mapping) for part in optimizers)
        several: Any = [optimizers] if is_one else optimizers
        named = [_parts(one) for one in several]
    if not named:
        raise SettingError("no optimizer; give one or more")
    return named


def _parts(one: Named, label: str | None = None) -> tuple[str, Mapping[str, Any], str]:
    try:
        name, settings, own = (*((one,) if isinstance(one, str) else one), None, None)[:3]
        if not isinstance(name, str):
            raise TypeError
        return name, dict(settings or {}), label or own or ""
    except (TypeError, ValueError):
        raise SettingError(
            f"{one!r:.80} is no optimizer; a name like 'random_search' or 'module:Class', or (name, settings), expected"
        ) from None


def _of_protocol(
    protocol: Protocol, benchmarks: str | Benchmark | Iterable[str | Benchmark] | None
) -> list[tuple[Benchmark, Rules, tuple[Reported, ...]]]:
    """The benchmarks that were given, or all of a protocol, with its rules and what else it reports."""
    if benchmarks is None:
        opened = protocol.load()
    else:
        given = [benchmarks] if isinstance(benchmarks, str | Benchmark) else list(benchmarks)
        opened = _opened([one if isinstance(one, Benchmark) else protocol.load([one])[0] for one in given])
    setups = [protocol.setup(one.name) for one in opened]
    return [(one, setup.rules, setup.all_reports()) for one, setup in zip(opened, setups, strict=True)]


def _published(
    protocol: Protocol, optimizers: str | Iterable[Named] | Mapping[str, Named] | None
) -> list[tuple[str, Mapping[str, Any], str]]:
    """(name, settings, label) of each that was given, or of all of a protocol; its own names mean its own settings."""
    known = protocol.optimizers
    if optimizers is None:
        return _named(known)
    return [
        (*known[name], label or name) if name in known and not settings else (name, settings, label)
        for name, settings, label in _named(optimizers)
    ]


def protocol_against(against: str | os.PathLike[str] | None, protocol: str | Protocol | None) -> str | Protocol | None:
    """What is run where nobody says what: the small suite, if an archive is there to be compared with."""
    return "suite_small" if against is not None and protocol is None else protocol


def _planned(
    benchmarks: Iterable[tuple[Benchmark, Rules, tuple[Reported, ...]]],
    optimizers: Sequence[tuple[str, Mapping[str, Any], str]],
) -> list[_Plan]:
    """What is to be run, all of it checked."""
    plans = []
    for benchmark, rules, reports in benchmarks:
        own = with_budget(rules, benchmark)
        configurations: dict[str, Configuration] = {}
        for name, settings, label in optimizers:
            made = Configuration.of(benchmark, name, settings, rules=own, label=label)
            if made in configurations.values():
                raise SettingError(
                    f"the optimizer {made.legend!r} is given twice; give it once, or with other settings"
                )
            if configurations.setdefault(made.legend, made) is not made:
                raise SettingError(f"two optimizers are called {made.legend!r}; give each its own label")
        check_reported(benchmark, own)
        check_fronts(benchmark, own)
        plans.append(_Plan(benchmark, own, tuple(configurations.values()), reports))
    return plans


def with_budget(rules: Rules, benchmark: Benchmark) -> Rules:
    """The rules, with a budget if they have none: what 500 evaluations take on average.

    Evaluations are counted where no seconds were recorded.
    """
    if rules.clock == SECONDS and rules.budget_s is None and not rules.applied_to(benchmark).costs:
        rules = replace(rules, clock=EVALUATIONS)
    if rules.budget_s or rules.n_evaluations or rules.n_epochs:
        return rules
    if rules.clock != SECONDS:
        last = rules.last_epoch(benchmark)
        if rules.clock == EPOCHS and last is not None:
            return replace(rules, n_epochs=AVERAGE_EVALUATIONS * last)
        return replace(rules, n_evaluations=AVERAGE_EVALUATIONS)
    # six digits: the last bits of a mean differ between processors, and the budget is part of what makes runs the same
    return replace(rules, budget_s=float(f"{AVERAGE_EVALUATIONS * _mean_cost_s(benchmark, rules):.6g}"))


def _mean_cost_s(benchmark: Benchmark, rules: Rules) -> float:
    archs = benchmark.results.representative_archs()
    costs = rules.applied_to(benchmark).query_many(archs, epoch=rules.epoch, missing="nan").cost_s
    costs = costs[~np.isnan(costs)]  # those that were recorded
    if not len(costs):
        raise SettingError(f"{benchmark.name} records no cost at epoch {rules.epoch}; choose another epoch")
    return float(costs.mean())


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


def _warn_of_long_work(plans: Sequence[_Plan], study: Study, run_seeds: range, n_processes: int) -> None:
    """Say in one line that work of more than some minutes begins, by timing a few evaluations."""
    expected_s = 0.0
    slowest = (0.0, "")
    for benchmark, rules, configurations, _ in plans:
        n_left = sum(max(0, len(run_seeds) - study.n_runs(key)) for key in configurations)
        if n_left:
            each_s, n_evaluations = _timed(benchmark, rules)
            expected_s += n_left * n_evaluations * each_s
            slowest = max(slowest, (each_s, benchmark.name))
    expected_s /= n_processes or n_processors()
    if expected_s > _LONG_S:
        warnings.warn(
            f"this takes about {_in_words(expected_s)}: an evaluation of {slowest[1]} takes {1e3 * slowest[0]:.1f} ms;"
            " what optimizers compute comes on top; fewer runs or a smaller budget take less, and `surrogate distill`"
            " makes a fast network of a surrogate",
            stacklevel=3,
        )


def _in_words(seconds: float) -> str:
    minutes = seconds / 60
    return f"{minutes:.0f} minutes" if minutes < 120 else f"{minutes / 60:.0f} hours"


def _timed(benchmark: Benchmark, rules: Rules) -> tuple[float, float]:
    """How long an evaluation takes in fact, and about how many a run has."""
    rng = np.random.default_rng(0)
    space = task_of(benchmark, rules).space
    archs = [space.sample(rng) for _ in range(_TIMED)]
    draw = rng if rules.run == DRAWN else None
    priced = rules.applied_to(benchmark)
    priced.query(archs[0], epoch=rules.epoch, rng=draw)  # reads what all share
    taken_s: list[float] = []
    costs_s: list[float] = []
    while archs and sum(taken_s) < _TIMED_S:
        began = perf_counter()
        evaluation = priced.query(archs.pop(), epoch=rules.epoch, rng=draw)
        taken_s.append(perf_counter() - began)
        costs_s.append(evaluation.cost_s)
    budgets = [
        rules.n_evaluations,
        rules.budget_s and rules.n_workers * rules.budget_s / float(np.mean(costs_s)),
        rules.n_epochs and rules.n_epochs / (rules.last_epoch(benchmark) or 1),
    ]
    return float(np.median(taken_s)), min(budget for budget in budgets if budget)


def _found(plan: _Plan, study: Study, run_seeds: range) -> Panel:
    """The runs on one benchmark.

    Raises:
        StudyError: All runs of one optimizer failed.
    """
    panel = panel_of(study, plan.configurations, benchmark=plan.benchmark, run_seeds=run_seeds)
    for optimizer, failed in panel.failures.items():
        if optimizer not in panel.trajectories:
            seed, reason = next(iter(failed.items()))
            raise StudyError(
                f"all {len(run_seeds)} runs of {optimizer} on {plan.benchmark.name} failed; with seed {seed}: {reason}"
            )
    return panel


def _reports(plan: _Plan, panel: Panel) -> dict[str, dict[Reported, Finals]]:
    """What else is reported of the final incumbents of each optimizer, as far as the results hold it."""
    found: dict[str, dict[Reported, Finals]] = {optimizer: {} for optimizer in panel.trajectories}
    for optimizer, trajectories in panel.trajectories.items():
        for reported in plan.reports if trajectories.archs is not None else ():
            with suppress(UnknownNameError, NotRecordedError):
                by = replace(plan.rules, reported=reported)
                found[optimizer][reported] = finals_of(plan.benchmark, trajectories, by)
    return found


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


def _in_one(sentences: Iterable[str]) -> str:
    """Several sentences, in one where they differ in few words, such as the budget."""
    different = list(dict.fromkeys(sentences))
    words = [sentence.split(" ") for sentence in different]
    if len({len(each) for each in words}) == 1:
        columns = [column if len(set(column)) > 1 else column[:1] for column in zip(*words, strict=True)]
        n_differ = sum(len(column) > 1 for column in columns)
        if n_differ == 1:  # of several places the first words belong together, and so on
            columns = [tuple(dict.fromkeys(column)) for column in columns]
        if n_differ <= _MOST_PLACES:
            return " ".join(map(_choice, columns))
    return " ".join(different)


def _choice(words: Sequence[str]) -> str:
    """Words that stand in the same place, with what ends all of them once at the end."""
    stops = {word[-1:] for word in words} & {".", ",", ";"}
    stop = stops.pop() if len(stops) == 1 and len({word[-1:] for word in words}) == 1 else ""
    return " / ".join(word.removesuffix(stop) for word in words) + stop

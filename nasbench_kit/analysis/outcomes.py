"""Outcomes: the runs of one optimizer on one benchmark, with what their evaluations are reported by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.analysis.incumbents import NONE, may_be_incumbents
from nasbench_kit.analysis.shown import Shown, shown
from nasbench_kit.benchmark import Benchmark
from nasbench_kit.errors import NotRecordedError, SettingError
from nasbench_kit.simulator import EVALUATIONS, SECONDS, Records, Rules, task_of
from nasbench_kit.tables import Metric

_Key = TypeVar("_Key")


class Outcomes(NamedTuple):
    """The runs of one optimizer on one benchmark, and what they are reported by."""

    metric: Metric  #: what incumbents are reported by
    finished_s: list[NDArray[np.float64]]  #: per run, when each evaluation finished, ascending
    told: list[NDArray[np.float64]]  #: per run, what the search was told; -inf of what cannot be an incumbent
    reported: list[NDArray[np.float64]]  #: per run, `metric` of each that can, oriented so that larger is better
    best: float  #: the best of the whole benchmark by that metric, or the best known; oriented likewise
    clock: str = SECONDS  #: what `finished_s` counts: "seconds", "evaluations" or "epochs"
    is_proven: bool = True  #: whether `best` is the best of all, not only of what somebody looked at
    values_are: str = "the mean of the recorded runs"  #: what a value of `metric` is, in words

    @property
    def show(self) -> Shown:
        """How values of `metric` are shown."""
        return shown(self.metric.name, self.metric.unit)


def outcomes_of(benchmark: Benchmark, runs: Sequence[Records], rules: Rules | None = None) -> Outcomes:
    """Look up the values that every evaluated architecture is reported by.

    These are means over the recorded runs, of the metric that the rules name.

    Where the best of the benchmark is not proven, as on a surrogate of a space too large to look at whole, it is the
    best that is known or that one of these runs evaluated; `with_common_best` makes it the same for several optimizers.

    Args:
        benchmark: What was searched.
        runs: What `simulate` returned.
        rules: What it was told; the default ones, if not given.

    Raises:
        SettingError: There is no run, or none with any evaluation.
        NotRecordedError: What may be an incumbent has no value to be reported by.
    """
    rules = rules or Rules()
    if not any(len(run.value) for run in runs):
        raise SettingError(
            f"{benchmark.name}: the budget of all {len(runs)} runs ended before their first evaluation did;"
            " give a larger one"
        )
    where, name, epoch = rules.reported_on(benchmark)
    metric = where.metrics[name]
    counts = [may_be_incumbents(run, benchmark, rules) for run in runs]
    every = np.concatenate(counts)
    values = np.full(len(every), -inf)
    values[every] = metric.sign() * where.values(name, np.concatenate([run.archs for run in runs])[every], epoch=epoch)
    sign = benchmark.objective_metric.sign()
    best, is_proven = _best(benchmark, where, metric, epoch)
    counted = rules.clock == SECONDS and rules.budget_s is None and rules.n_evaluations is not None
    return Outcomes(
        metric=metric,
        finished_s=[np.arange(1.0, len(run.value) + 1) if counted else run.finished_s for run in runs],
        told=[np.where(may_be, sign * run.value, -inf) for may_be, run in zip(counts, runs, strict=True)],
        reported=np.split(values, np.cumsum([len(run.value) for run in runs])[:-1]),
        best=best if is_proven else max(best, float(values.max())),
        clock=EVALUATIONS if counted else rules.clock,
        is_proven=is_proven,
        values_are=where.run_in_words("mean"),
    )


class Finals(NamedTuple):
    """What the final incumbents of some runs are reported by."""

    metric: Metric
    values: NDArray[np.float64]  #: (n_runs,), as recorded; NaN of a run without an incumbent


def finals_of(benchmark: Benchmark, runs: Sequence[Records], rules: Rules) -> Finals:
    """Look up what the final incumbent of each run is reported by.

    Unlike `outcomes_of`, it looks up nothing else, and needs no best of the benchmark.

    Args:
        benchmark: What was searched.
        runs: What `simulate` returned.
        rules: What it was told; their `reported` says what to look up.

    Raises:
        UnknownNameError, NotRecordedError: There is no such metric, or no value of a final incumbent.
    """
    where, name, epoch = rules.reported_on(benchmark)
    sign = benchmark.objective_metric.sign()
    ends = [_final(np.where(may_be_incumbents(run, benchmark, rules), sign * run.value, -inf)) for run in runs]
    found = np.array([end != NONE for end in ends], bool)
    archs = [run.archs[end] for run, end in zip(runs, ends, strict=True) if end != NONE]
    values = np.full(len(runs), np.nan)
    if archs:
        values[found] = where.values(name, np.array(archs), epoch=epoch)
    return Finals(where.metrics[name], values)


def _final(told: NDArray[np.float64]) -> int:
    """The position of the final incumbent."""
    return int(told.argmax()) if len(told) and told.max() > -inf else NONE  # the first of equals, as in `incumbents`


def _best(benchmark: Benchmark, where: Benchmark, metric: Metric, epoch: int | None) -> tuple[float, bool]:
    """The best that a search may end on, oriented, and whether it is the best of all."""
    if benchmark.constraints:
        archs = where.results.representative_archs()
        there = archs[benchmark.feasible(archs)]
        values = metric.sign() * where.values(metric.name, there, epoch=epoch, missing="nan")
        if np.isnan(values).all():
            raise NotRecordedError(
                f"{benchmark.name}: no architecture is known that keeps to {benchmark.limits_in_words()}"
            )
        return float(np.nanmax(values)), len(archs) == where.results.n_archs
    is_proven = where.is_best_proven(metric.name, epoch=epoch)
    try:
        return metric.sign() * where.best(metric.name, epoch=epoch).value, is_proven
    except NotRecordedError:
        if is_proven:
            raise
        return -inf, False


def with_common_best(outcomes: Mapping[_Key, Outcomes]) -> dict[_Key, Outcomes]:
    """Runs of several optimizers on the same benchmark, with regret against the same best: the best known to any."""
    best = max(one.best for one in outcomes.values())
    return {key: one._replace(best=best) for key, one in outcomes.items()}


def check_reported(benchmark: Benchmark, rules: Rules) -> None:
    """Refuse a benchmark on which an incumbent may have no value to be reported by, before it is searched.

    Args:
        benchmark: What is to be searched.
        rules: Under which rules.

    Raises:
        SettingError: The metric that reports was not recorded for some architectures that a search may find.
    """
    where, name, epoch = rules.reported_on(benchmark)
    space = task_of(benchmark, rules).space
    archs = benchmark.results.representative_archs() if space is benchmark.space else space.all_archs()
    has_value = ~np.isnan(benchmark.values(benchmark.objective_metric.name, archs, epoch=rules.epoch, missing="nan"))
    absent = has_value & np.isnan(where.values(name, archs, epoch=epoch, missing="nan"))
    if absent.any():
        raise SettingError(
            f"{benchmark.name}: {name}, which searches are reported by, was not recorded for {absent.sum():,} of the"
            f" {len(archs):,} architectures that they may find; make a table without it, or without these"
        )

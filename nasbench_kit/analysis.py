"""Anytime statistics: what the runs of a study say about an optimizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import inf
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.benchmark import Benchmark
from nasbench_kit.errors import NotRecordedError, SettingError
from nasbench_kit.simulator import SECONDS, Records
from nasbench_kit.surrogates import Surrogate

_LEAST_TIMES = 2
_Key = TypeVar("_Key")


def incumbents(told: NDArray[np.float64]) -> NDArray[np.intp]:
    """Position of the best evaluation so far, after each evaluation; ties keep the earlier one.

    Args:
        told: Values of one run in order of finishing, larger is better, shape (n_evaluations,).
    """
    improved = told > np.concatenate([[-np.inf], np.maximum.accumulate(told)[:-1]])
    return np.maximum.accumulate(np.where(improved, np.arange(len(told)), 0))


def anytime_regret(
    finished_s: NDArray[np.float64],
    told: NDArray[np.float64],
    judged: NDArray[np.float64],
    times_s: NDArray[np.float64],
    *,
    best: float,
) -> NDArray[np.float64]:
    """Regret of the incumbent at each time.

    The incumbent is chosen by what the search was told and judged by another value of the same architecture. Regret is
    how much worse that is than the best of the whole benchmark. A step function: it changes when a trial finishes.

    Args:
        finished_s: When each evaluation of one run finished, ascending, shape (n_evaluations,).
        told: What the search was told, larger is better, same shape.
        judged: What the incumbent is judged by, larger is better, same shape.
        times_s: When to look, shape (n_times,).
        best: The largest value that `judged` can have.

    Returns:
        Shape (n_times,), NaN before the first evaluation finished.
    """
    regret = np.concatenate([[np.nan], best - judged[incumbents(told)]])
    return regret[np.searchsorted(finished_s, times_s, side="right")]


def report_metric(benchmark: Benchmark) -> str:
    """What incumbents are judged by: the test metric that belongs to the objective; without one, the objective.

    In both cases it is the mean over all recorded training runs that counts, at the last epoch. A test metric that was
    not recorded at the last epoch of the objective, or is better the other way round, does not belong to it.
    """
    objective = benchmark.objective_metric
    test = objective.name.replace("val_", "test_", 1) if objective.split == "val" else ""
    found = benchmark.metrics.get(test, objective)
    same_end = not (found.epochs and objective.epochs) or found.epochs[-1] == objective.epochs[-1]
    return found.name if same_end and found.direction == objective.direction else objective.name


def check_judgeable(benchmark: Benchmark, *, epoch: int | None = None) -> None:
    """Refuse a benchmark on which an incumbent may have no value to be judged by, before it is searched.

    Args:
        benchmark: What is to be searched.
        epoch: As in `simulate`.

    Raises:
        SettingError: The metric that judges was not recorded for some architectures that a search may find.
    """
    space = benchmark.search_space(epoch=epoch)
    archs = benchmark.results.representative_archs() if space is benchmark.space else space.all_archs()
    metric = report_metric(benchmark)
    absent = np.isnan(benchmark.values(metric, archs, missing="nan"))
    if absent.any():
        raise SettingError(
            f"{benchmark.name}: {metric}, which judges searches, was not recorded for {absent.sum():,} of the"
            f" {len(archs):,} architectures that they may find; make a table without it, or without these"
        )


class Outcomes(NamedTuple):
    """The runs of one optimizer on one benchmark, judged."""

    metric: str  #: what the incumbents are judged by, mean over the recorded training runs or over the members
    finished_s: list[NDArray[np.float64]]  #: per run, when each evaluation finished
    told: list[NDArray[np.float64]]  #: per run, what the search was told; larger is better
    judged: list[NDArray[np.float64]]  #: per run, the metric of each architecture, oriented so that larger is better
    best: float  #: the best of the whole benchmark by that metric, or the best known; oriented likewise
    sign: int  #: +1 where larger values of the metric are better, -1 where smaller are
    unit: str  #: of the metric
    clock: str = SECONDS  #: what `finished_s` counts: simulated seconds ("cost_s"), or "evaluations"
    is_proven: bool = True  #: whether `best` is the best of all, not only of what somebody looked at
    is_predicted: bool = False  #: whether a surrogate judged

    @property
    def shown_as(self) -> tuple[float, str]:
        """Factor and unit for tables and figures: fractions are shown as percentages."""
        return (100.0, "%") if self.unit == "fraction" else (1.0, self.unit)

    @property
    def metric_in_words(self) -> str:
        """For tables and figures: `latency ms (pixel3)` for latency_ms[pixel3]."""
        return self.metric.replace("[", " (").replace("]", ")").replace("_", " ")

    @property
    def mean_in_words(self) -> str:
        """Over what the metric is a mean."""
        return "predicted mean" if self.is_predicted else "mean of recorded runs"


def judge(benchmark: Benchmark, runs: Sequence[Records], *, clock: str = SECONDS) -> Outcomes:
    """Look up what every evaluated architecture is really worth.

    Where the best of the benchmark is not proven, as on a surrogate of a space too large to look at whole, it is the
    best that is known or that one of these runs evaluated; `with_common_best` makes it the same for several optimizers.

    Args:
        benchmark: What was searched.
        runs: What `simulate` returned.
        clock: What it was told: "cost_s" or "evaluations".

    Raises:
        SettingError: There is no run, or one without any evaluation.
    """
    n_empty = sum(not len(run.value) for run in runs)
    if not runs or n_empty:
        raise SettingError(
            f"{benchmark.name}: the budget of {n_empty} of {len(runs)} runs ended before their first evaluation did;"
            " give a larger one"
        )
    metric = report_metric(benchmark)
    sign = benchmark.metrics[metric].sign()
    values = sign * benchmark.values(metric, np.concatenate([run.archs for run in runs]))
    ends = np.cumsum([len(run.value) for run in runs])
    told_sign = benchmark.objective_metric.sign()
    is_proven = benchmark.is_best_proven(metric)
    try:
        best = sign * benchmark.best(metric).value
    except NotRecordedError:
        if is_proven:
            raise
        best = -inf
    return Outcomes(
        metric,
        [run.finished_s for run in runs],
        [told_sign * run.value for run in runs],
        np.split(values, ends[:-1]),
        best if is_proven else max(best, float(values.max())),
        sign,
        benchmark.metrics[metric].unit,
        clock,
        is_proven,
        isinstance(benchmark.results, Surrogate),
    )


def with_common_best(outcomes: Mapping[_Key, Outcomes]) -> dict[_Key, Outcomes]:
    """Runs of several optimizers on the same benchmark, with regret against the same best: the best known to any."""
    best = max(one.best for one in outcomes.values())
    return {key: one._replace(best=best) for key, one in outcomes.items()}


def time_grid(outcomes: Sequence[Outcomes], n_times: int = 400) -> NDArray[np.float64]:
    """Times, evenly spaced in their logarithm, from when every run has finished an evaluation to the last one."""
    if n_times < _LEAST_TIMES:
        raise SettingError(f"n_times={n_times}; at least {_LEAST_TIMES} expected")
    first = max(finished_s[0] for one in outcomes for finished_s in one.finished_s)
    last = max(finished_s[-1] for one in outcomes for finished_s in one.finished_s)
    times_s = np.geomspace(first, last, n_times)
    times_s[-1] = last  # not a rounding error before it
    return times_s


def regret_curves(outcomes: Outcomes, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """`anytime_regret` of every run: shape (n_runs, n_times)."""
    runs = zip(outcomes.finished_s, outcomes.told, outcomes.judged, strict=True)
    return np.stack([anytime_regret(*run, times_s, best=outcomes.best) for run in runs])


def quantile_curves(curves: NDArray[np.float64], quantiles: Sequence[float]) -> NDArray[np.float64]:
    """Quantiles over runs at each time: shape (n_quantiles, n_times), NaN until every run has an incumbent."""
    return np.quantile(curves, quantiles, axis=0)


class Summary(NamedTuple):
    """Where the runs of one optimizer on one benchmark ended."""

    n_runs: int
    mean_evaluations: float  #: per run
    metric: str  #: what the final incumbents are judged by, mean over the recorded training runs
    mean: float  #: of the final incumbents' metric over runs
    sd: float  #: standard deviation over runs (ddof=1); NaN for a single run
    median_regret: float  #: median distance of the final incumbents from the best of the benchmark
    found_share: float  #: share of runs that evaluated an architecture as good as the best of the benchmark
    kept_share: float  #: share of runs whose final incumbent is as good as that


def summarize(outcomes: Outcomes) -> Summary:
    """Final incumbents in numbers."""
    runs = zip(outcomes.told, outcomes.judged, strict=True)
    final = np.array([judged[incumbents(told)[-1]] for told, judged in runs])
    return Summary(
        n_runs=len(final),
        mean_evaluations=float(np.mean([len(told) for told in outcomes.told])),
        metric=outcomes.metric,
        mean=float(outcomes.sign * final.mean()),
        sd=float(final.std(ddof=1)) if len(final) > 1 else float("nan"),
        median_regret=float(outcomes.best - np.median(final)),
        found_share=float(np.mean([judged.max() >= outcomes.best for judged in outcomes.judged])),
        kept_share=float(np.mean(final >= outcomes.best)),
    )


class Likeness(NamedTuple):
    """How alike searches look on two benchmarks, such as a table and a surrogate of it."""

    times_s: NDArray[np.float64]  #: shape (n_times,)
    distance: dict[str, NDArray[np.float64]]  #: optimizer -> distance of the mean regrets at each time
    agreement: NDArray[np.float64]  #: share of the pairs of optimizers that are in the same order, at each time
    settled: NDArray[np.bool_]  #: (n_pairs, n_times): which pairs the runs tell apart on the first benchmark
    same_order: NDArray[np.bool_]  #: (n_pairs, n_times): which pairs are in the same order


def likeness(
    one: Mapping[str, Outcomes], other: Mapping[str, Outcomes], *, n_times: int = 200, errors: float = 2.0
) -> Likeness:
    """Compare the anytime curves of the same optimizers on two benchmarks.

    The curves are mean regrets, each against the best of its own benchmark. Two optimizers whose curves lie closer
    together on the first benchmark than their sampling error have no order that the second could get wrong: `settled`
    says where they lie further apart.

    Args:
        one: Optimizer -> its runs on the first benchmark.
        other: The same optimizers on the other one, by the same metric and clock.
        n_times: Times to look at, from when every run has an evaluation to the last that is reached everywhere.
        errors: Standard errors of the difference of two curves that settle an order.

    Raises:
        SettingError: There are not the same optimizers, or fewer than two.
    """
    if list(one) != list(other) or len(one) < _LEAST_TIMES:
        raise SettingError(f"optimizers {list(one)} and {list(other)}; the same ones, two or more, expected")
    every = [*one.values(), *other.values()]
    ends = min(finished_s[-1] for each in every for finished_s in each.finished_s)
    times_s = time_grid(every, n_times)
    times_s = np.geomspace(times_s[0], max(ends, times_s[0]), n_times)
    curves = [{name: regret_curves(outcomes, times_s) for name, outcomes in each.items()} for each in (one, other)]
    first, second = ({name: runs.mean(axis=0) for name, runs in each.items()} for each in curves)
    variance = {  # a single run settles nothing
        name: runs.var(axis=0, ddof=1) / len(runs) if len(runs) > 1 else np.full(n_times, inf)
        for name, runs in curves[0].items()
    }
    same, settled = [], []
    for a, b in combinations(one, 2):
        apart = first[a] - first[b]
        same.append(np.sign(apart) == np.sign(second[a] - second[b]))
        settled.append(np.abs(apart) > errors * np.sqrt(variance[a] + variance[b]))
    return Likeness(
        times_s,
        {name: np.abs(first[name] - second[name]) for name in one},
        np.mean(same, axis=0),
        np.array(settled),
        np.array(same),
    )

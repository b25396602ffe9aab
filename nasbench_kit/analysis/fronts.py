"""The Pareto front of a benchmark, and the scale on which fronts of searches are measured.

Points of fronts are *losses* everywhere in the analysis: of each objective how far it is from the best recorded value,
as a share of the way to the worst one. 0 is the best, 1 the worst; smaller is better, whatever the metric's direction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nasbench_kit.errors import NotRecordedError, SettingError, listed
from nasbench_kit.simulator import Rules
from nasbench_kit.simulator.rules import default_metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.benchmark import Benchmark
    from nasbench_kit.tables import Metric

REPORTED, TOLD = BY = ("reported", "told")


class Reference(NamedTuple):
    """What fronts on a benchmark are measured against: fixed by its results, so the same for all searches and studies.

    The reference point is the worst recorded value of each objective, and the ideal point the best one, over all
    architectures whatever the constraints; the front is that of the architectures that keep to them.
    """

    metrics: tuple[Metric, ...]  #: the objectives, or what they are reported by
    ideal: NDArray[np.float64]  #: the best recorded value of each metric: (n_objectives,)
    worst: NDArray[np.float64]  #: the reference point, the worst recorded value of each: (n_objectives,)
    front: NDArray[np.float64]  #: the Pareto front, by the first objective: losses (n_optimal, n_objectives)
    archs: NDArray[np.uint8]  #: the architectures on it: (n_optimal, n_decisions)
    is_proven: bool  #: whether the front is that of all architectures, not only of those that could be looked at

    @property
    def spans(self) -> NDArray[np.float64]:
        """From the ideal to the worst value: (n_objectives,); a unit of a metric that is the same for all."""
        spans = self.worst - self.ideal
        return np.where(spans != 0, spans, [-metric.sign() for metric in self.metrics])

    def losses(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Recorded values (n, n_objectives) as losses: 0 is the ideal, 1 the reference point."""
        return (values - self.ideal) / self.spans

    def values(self, losses: NDArray[np.float64]) -> NDArray[np.float64]:
        """Losses (n, n_objectives) as values in the units in which they were recorded."""
        return self.ideal + losses * self.spans


def non_dominated(losses: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which points no other one dominates: bool (n,). Equal ones do not dominate each other.

    Args:
        losses: Smaller is better: (n, n_objectives).
    """
    from moocore import is_nondominated

    return is_nondominated(losses, keep_weakly=True) if len(losses) else np.zeros(0, bool)


def reference_of(benchmark: Benchmark, rules: Rules | None = None, *, by: str = REPORTED) -> Reference:
    """The ideal point, the reference point and the Pareto front of a benchmark, from all that it recorded.

    Of a surrogate whose space is too large, they are those of `results.representative_archs()`.

    Args:
        benchmark: With two objectives or more.
        rules: Under which it is searched; the default ones, if not given.
        by: "reported": by the metrics that `Rules` report by, the test metrics that belong to the objectives where
            there are any, means over the recorded runs after the last epoch. "told": by the objectives, likewise means,
            after the epoch that the rules name. The two are the same where no test metrics were recorded.

    Raises:
        SettingError: There is one objective.
        NotRecordedError: No architecture has all values and keeps to the constraints.
    """
    archs = benchmark.results.representative_archs()
    measured = measured_by(benchmark, rules or Rules(), by)
    values = values_of(measured, archs, missing="nan")
    metrics = tuple(where.metrics[name] for where, name, _ in measured)
    ideal, worst = _extremes(benchmark, metrics, values)
    there = ~np.isnan(values).any(axis=1) & benchmark.feasible(archs)
    if not there.any():
        kept = f" and keeps to {benchmark.limits_in_words()}" if benchmark.constraints else ""
        raise NotRecordedError(
            f"{benchmark.name}: no architecture has values of {listed(metric.name for metric in metrics)}{kept}"
        )
    made = Reference(metrics, ideal, worst, np.empty(0), archs, len(archs) == benchmark.results.n_archs)
    archs, losses = archs[there], made.losses(values[there])
    optimal = np.flatnonzero(non_dominated(losses))
    optimal = optimal[np.lexsort(losses[optimal].T[::-1])]
    return made._replace(front=losses[optimal], archs=archs[optimal])


def check_fronts(benchmark: Benchmark, rules: Rules) -> None:
    """Refuse several objectives of which fronts cannot be measured or reported, before they are searched.

    Raises:
        SettingError, NotRecordedError: As `reference_of`; or what reports was not recorded for some architectures.
    """
    if len(benchmark.objectives) == 1:
        return
    archs = benchmark.results.representative_archs()
    told, reported = (
        np.isnan(values_of(measured_by(benchmark, rules, by), archs, missing="nan")) for by in (TOLD, REPORTED)
    )
    absent = reported[~told.any(axis=1)].sum(axis=0)
    for (_, name, _), n_absent in zip(measured_by(benchmark, rules, REPORTED), absent.tolist(), strict=True):
        if n_absent:
            raise SettingError(
                f"{benchmark.name}: {name}, which fronts are reported by, was not recorded for {n_absent:,} of the"
                f" {len(archs):,} architectures that they may hold; make a table without it, or without these"
            )
    reference_of(benchmark, rules)


def measured_by(benchmark: Benchmark, rules: Rules, by: str) -> list[tuple[Benchmark, str, int | None]]:
    """Of each objective the benchmark, metric and epoch of the values that fronts are made of.

    `Rules.reported` names what the first objective is reported by; the others are reported by the test metrics that
    belong to them, or themselves, after the last epoch.

    Raises:
        SettingError: There is one objective; `by` is neither.
    """
    if by not in BY:
        raise SettingError(f"by={by!r}; choose from {listed(map(repr, BY))}")
    if len(benchmark.objectives) == 1:
        raise SettingError(
            f"{benchmark.name} has one objective, {benchmark.objective_metric.name}, so no front; give two or more"
        )
    if by == TOLD:
        return [(benchmark, metric.name, rules.epoch if metric.epochs else None) for metric in benchmark.objectives]
    others = [(benchmark, default_metric(benchmark, metric), None) for metric in benchmark.objectives[1:]]
    return [rules.reported_on(benchmark), *others]


def values_of(
    measured: list[tuple[Benchmark, str, int | None]], archs: NDArray[np.uint8], *, missing: str = "raise"
) -> NDArray[np.float64]:
    """What `measured_by` names, of architectures: means over the recorded runs, (n_archs, n_objectives).

    Raises:
        NotRecordedError: There is no such value, unless `missing` is "nan".
    """
    return np.stack(
        [where.values(name, archs, epoch=epoch, missing=missing) for where, name, epoch in measured], axis=1
    )


def _extremes(
    benchmark: Benchmark, metrics: tuple[Metric, ...], values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The best and the worst recorded value of each metric."""
    found = []
    for metric, column in zip(metrics, values.T, strict=True):
        known = column[~np.isnan(column)]
        if not len(known):
            raise NotRecordedError(f"{benchmark.name}: {metric.name} was not recorded for any architecture")
        low, high = known.min(), known.max()
        found.append((high, low) if metric.direction == "max" else (low, high))
    ideal, worst = np.array(found).T
    return ideal, worst

"""What was measured, each architecture once: how alike measurements rank, their noise, the true Pareto front."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.analysis.landscape.agreement import RankCorrelations, rank_correlations
from nasbench_kit.analysis.landscape.noise import NoiseByRank, noise_by_rank
from nasbench_kit.benchmark import Benchmark
from nasbench_kit.errors import SettingError
from nasbench_kit.predictors.ceiling import Ceiling, Measure, ceiling_of_runs
from nasbench_kit.simulator.rules import default_metric
from nasbench_kit.tables import Metric, Table

_MOST_EPOCHS = 8  # whose ranks are compared
_MOST_COLUMNS = 14
BEST_SHARE = 0.1  # among which the ceiling is given too
_COSTS = ("latency", "params_m", "flops_m", "energy", "cost_s")  # what a front is of, the first that there is

FIDELITIES, SEEDS, DATASETS, COLUMNS = "epochs", "training runs", "datasets", "columns"
NOISE, CEILING, FRONT = "noise", "ceiling", "Pareto front"


class Front(NamedTuple):
    """The true Pareto front of the objective and a cost, over everything measured; means of the recorded runs."""

    cost: Metric
    costs: NDArray[np.float64]  #: (n_archs,): of all
    on_front: NDArray[np.intp]  #: (n_optimal,): which are optimal, the best objective first
    archs: NDArray[np.uint8]  #: (n_optimal, n_decisions): these


class Measurements(NamedTuple):
    """Every measurement once, also where isomorphic architectures share it. What is not known is None."""

    values: NDArray[np.float64]  #: (n_archs,): the objective after the last epoch, the mean of the recorded runs
    reported: tuple[Metric, NDArray[np.float64]] | None  #: what incumbents are reported by, where it is another metric
    correlations: dict[str, RankCorrelations]  #: among epochs, training runs, datasets, columns
    noise: NoiseByRank | None
    ceiling: Ceiling | None
    front: Front | None
    left_out: dict[str, str]  #: statistic -> why it is not there


def measurements_of(benchmark: Benchmark, *, against: str | None = None) -> Measurements:
    """Compare what was measured, or is predicted for a sample where architectures are too many.

    Args:
        benchmark: A constraint does not count.
        against: The metric that the front trades the objective for; by default the first of latency, parameters,
            FLOPs, energy and training time that there is.

    Raises:
        UnknownNameError, SettingError: There is no such metric, or it cannot be traded.
    """
    both = with_cost(benchmark, against)
    objective, results = benchmark.objective_metric, benchmark.results
    archs = results.representative_archs()
    values = benchmark.values(objective.name, archs, missing="nan")
    left_out: dict[str, str] = {}
    compared = {
        FIDELITIES: _by_epoch(benchmark, archs),
        SEEDS: _by_seed(benchmark),
        DATASETS: _by_dataset(benchmark, archs),
        COLUMNS: _by_column(benchmark, archs, left_out),
    }
    why = {
        FIDELITIES: "the objective is known after one epoch only",
        SEEDS: "there are no repeated training runs" if results.kind == "table" else "predicted values have none",
        DATASETS: "there is one dataset",
        COLUMNS: "there is one column",
    }
    left_out |= {what: why[what] for what, columns in compared.items() if len(columns) < 2}
    noise, ceiling = _noise(benchmark, left_out)
    reported = default_metric(benchmark)
    found = None if reported == objective.name else benchmark.values(reported, archs, missing="nan")
    return Measurements(
        values,
        None if found is None else (benchmark.metrics[reported], found),
        {what: rank_correlations(columns) for what, columns in compared.items() if len(columns) > 1},
        noise,
        ceiling,
        _front(both, archs, left_out),
        left_out,
    )


def _by_epoch(benchmark: Benchmark, archs: NDArray[np.uint8]) -> dict[str, NDArray[np.float64]]:
    epochs = benchmark.epochs
    if len(epochs) > _MOST_EPOCHS:
        spread = np.geomspace(1, len(epochs), _MOST_EPOCHS)
        epochs = tuple(epochs[i - 1] for i in sorted({*np.round(spread).astype(int).tolist()}))
    name = benchmark.objective_metric.name
    return {f"{epoch}": benchmark.values(name, archs, epoch=epoch, missing="nan") for epoch in epochs}


def _by_seed(benchmark: Benchmark) -> dict[str, NDArray[np.float64]]:
    runs = _runs(benchmark)
    return {} if runs is None else dict(zip(map(str, benchmark.objective_metric.seeds), runs, strict=True))


def _runs(benchmark: Benchmark) -> NDArray[np.float64] | None:
    """The recorded runs after the last epoch: (n_seeds, n_archs); None where they were not repeated."""
    results, metric = benchmark.results, benchmark.objective_metric
    if not isinstance(results, Table) or len(metric.seeds) < 2:
        return None
    return results.runs(benchmark.dataset, metric.name)[:, -1]


def _by_dataset(benchmark: Benchmark, archs: NDArray[np.uint8]) -> dict[str, NDArray[np.float64]]:
    """The objective of each dataset, oriented as it is there."""
    found = {}
    for dataset in benchmark.results.datasets:
        other = Benchmark(benchmark.results, dataset)
        metric = other.objective_metric
        found[dataset] = metric.sign() * other.values(metric.name, archs, missing="nan")
    return found


def _by_column(
    benchmark: Benchmark, archs: NDArray[np.uint8], left_out: dict[str, str]
) -> dict[str, NDArray[np.float64]]:
    """The objective and the other metrics of the dataset, after the last epoch of each."""
    objective = benchmark.objective_metric.name
    names = [objective, *(name for name, metric in benchmark.metrics.items() if _is_quantity(metric, objective))]
    columns = {name: benchmark.values(name, archs, missing="nan") for name in names}
    varying = {name: values for name, values in columns.items() if name == objective or _varies(values)}
    further = list(varying)[_MOST_COLUMNS:]
    if further:
        left_out[f"{COLUMNS} {', '.join(further)}"] = f"the first {_MOST_COLUMNS} are compared"
    return {name: varying[name] for name in list(varying)[:_MOST_COLUMNS]}


def _is_quantity(metric: Metric, objective: str) -> bool:
    return metric.name != objective and not metric.categories and metric.unit != "failed"


def _varies(values: NDArray[np.float64]) -> bool:
    known = values[~np.isnan(values)]
    return len(known) > 0 and bool(known.min() < known.max())


def _noise(benchmark: Benchmark, left_out: dict[str, str]) -> tuple[NoiseByRank | None, Ceiling | None]:
    runs, sign = _runs(benchmark), benchmark.objective_metric.sign()
    if runs is None:
        left_out |= dict.fromkeys((NOISE, CEILING), "no training run was repeated, as far as is recorded")
        return None, None
    runs = runs[:, ~np.isnan(runs).all(axis=0)]
    ceiling = ceiling_of_runs(runs, Measure(None, BEST_SHARE, sign))
    if ceiling is None:
        left_out |= dict.fromkeys((NOISE, CEILING), "fewer than 100 architectures have two recorded runs")
        return None, None
    return noise_by_rank(runs, sign), ceiling


def with_cost(benchmark: Benchmark, against: str | None) -> Benchmark | None:
    """The benchmark of the objective and the cost that the front trades it for; None where there is no cost.

    Raises:
        UnknownNameError, SettingError: As `measurements_of`.
    """
    objective = benchmark.objective_metric.name
    if against == objective:
        raise SettingError(f"against={against!r} is the objective itself; give another metric to trade it for")
    cost = against or _default_cost(benchmark.metrics, objective)
    return None if cost is None else Benchmark(benchmark.results, benchmark.dataset, objectives=[objective, cost])


def _front(both: Benchmark | None, archs: NDArray[np.uint8], left_out: dict[str, str]) -> Front | None:
    if both is None:
        left_out[FRONT] = "there is no latency, size, energy or training time to trade for"
        return None
    if len(archs) < both.results.n_archs:
        left_out[FRONT] = f"that of the {len(archs):,} architectures looked at would not be the true one"
        return None
    cost, optimal = both.objectives[1], both.true_front()
    row_of = {arch: row for row, arch in enumerate(map(tuple, archs.tolist()))}
    on_front = np.array([row_of[tuple(arch)] for arch in optimal.tolist()], np.intp)
    return Front(cost, both.values(cost.name, archs, missing="nan"), on_front, optimal)


def _default_cost(metrics: Mapping[str, Metric], objective: str) -> str | None:
    costs = [name for name, metric in metrics.items() if metric.split is None and metric.direction == "min"]
    return next((name for stem in _COSTS for name in costs if name.startswith(stem) and name != objective), None)

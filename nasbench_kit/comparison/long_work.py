"""Work of more than some minutes is announced."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from nasbench_kit.benchmark import Benchmark
from nasbench_kit.comparison.planning import Plan
from nasbench_kit.jobs import n_processors
from nasbench_kit.simulator import DRAWN, Rules, task_of
from nasbench_kit.study import Study

if TYPE_CHECKING:
    pass


_TIMED = 10  # evaluations that are timed before a comparison begins
_TIMED_S = 1.0  # at most
_LONG_S = 300.0  # work that takes longer is announced


def warn_of_long_work(plans: Sequence[Plan], study: Study, run_seeds: range, n_processes: int) -> None:
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

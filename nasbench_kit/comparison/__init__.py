"""Compare optimizers: many runs of each on some benchmarks, and what came out, as a table and a figure."""

from nasbench_kit.comparison.comparison import Comparison
from nasbench_kit.comparison.planning import (
    AVERAGE_EVALUATIONS,
    BENCHMARKS,
    OPTIMIZERS,
    RUNS,
    Named,
    protocol_against,
    with_budget,
)
from nasbench_kit.comparison.running import compare, opened_study, plan

__all__ = [
    "AVERAGE_EVALUATIONS",
    "BENCHMARKS",
    "OPTIMIZERS",
    "RUNS",
    "Comparison",
    "Named",
    "compare",
    "opened_study",
    "plan",
    "protocol_against",
    "with_budget",
]

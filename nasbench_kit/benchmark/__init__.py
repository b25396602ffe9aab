"""A benchmark: one table or surrogate, one of its datasets, and what counts there."""

from nasbench_kit.benchmark.benchmark import Benchmark
from nasbench_kit.benchmark.constraint import Constraint
from nasbench_kit.benchmark.evaluation import Best, Evaluation, Evaluations
from nasbench_kit.benchmark.results import Results, open_results
from nasbench_kit.benchmark.training import Training

__all__ = ["Benchmark", "Best", "Constraint", "Evaluation", "Evaluations", "Results", "Training", "open_results"]

"""A benchmark: one space, one table or surrogate, and one dataset; what an optimizer is evaluated on."""

from nasbench_kit.benchmark.benchmark import Benchmark
from nasbench_kit.benchmark.evaluation import Best, Evaluation, Evaluations
from nasbench_kit.benchmark.results import open_results

__all__ = ["Benchmark", "Best", "Evaluation", "Evaluations", "open_results"]

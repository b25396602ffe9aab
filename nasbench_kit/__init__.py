"""Tabular and surrogate benchmarks for neural architecture search: query, search, simulate, plot.

import nasbench_kit as nbk

bench = nbk.load("nasbench201/cifar10")
bench.query("|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|")
"""

from __future__ import annotations

from nasbench_kit.benchmark import Benchmark, Evaluation, Evaluations
from nasbench_kit.catalog import list_benchmarks, load
from nasbench_kit.errors import NasbenchKitError
from nasbench_kit.tables import Metric, Table
from nasbench_kit.version import __version__

__all__ = [
    "Benchmark",
    "Evaluation",
    "Evaluations",
    "Metric",
    "NasbenchKitError",
    "Table",
    "__version__",
    "list_benchmarks",
    "load",
]

"""Tabular and surrogate benchmarks for neural architecture search: query, search, simulate, plot.

import nasbench_kit as nbk

bench = nbk.load("nasbench201/cifar10")
bench.query("|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nasbench_kit.benchmark import Benchmark, Evaluation, Evaluations
from nasbench_kit.catalog import list_benchmarks, load
from nasbench_kit.errors import NasbenchKitError
from nasbench_kit.tables import Metric, Table
from nasbench_kit.version import __version__

if TYPE_CHECKING:
    from nasbench_kit.surrogates import Surrogate

__all__ = [
    "Benchmark",
    "Evaluation",
    "Evaluations",
    "Metric",
    "NasbenchKitError",
    "Surrogate",
    "Table",
    "__version__",
    "list_benchmarks",
    "load",
]


def __getattr__(name: str) -> Any:  # who queries tables alone does not wait for the import
    if name == "Surrogate":
        from nasbench_kit.surrogates import Surrogate

        return Surrogate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

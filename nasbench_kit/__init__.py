"""Tabular and surrogate benchmarks for neural architecture search: query, search, simulate, plot.

import nasbench_kit as nbk

bench = nbk.load("nasbench201/cifar10")
bench.query("|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|")
"""

from __future__ import annotations

from nasbench_kit.version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from nasbench_kit.benchmark import Benchmark, Evaluation, Evaluations
    from nasbench_kit.catalog import list_benchmarks, load
    from nasbench_kit.comparison import Comparison, compare
    from nasbench_kit.errors import NasbenchKitError
    from nasbench_kit.optimizers import Task, Trial
    from nasbench_kit.simulator import Rules, simulate, task_of
    from nasbench_kit.study import Study
    from nasbench_kit.surrogates import Surrogate
    from nasbench_kit.tables import Metric, Table

__all__ = [
    "Benchmark",
    "Comparison",
    "Evaluation",
    "Evaluations",
    "Metric",
    "NasbenchKitError",
    "Rules",
    "Study",
    "Surrogate",
    "Table",
    "Task",
    "Trial",
    "__version__",
    "compare",
    "list_benchmarks",
    "load",
    "simulate",
    "task_of",
]

_HOME = {  # public name -> its module, imported when first asked for: who lists tables does not wait for surrogates
    "Benchmark": "benchmark",
    "Comparison": "comparison",
    "Evaluation": "benchmark",
    "Evaluations": "benchmark",
    "Metric": "tables",
    "NasbenchKitError": "errors",
    "Rules": "simulator",
    "Study": "study",
    "Surrogate": "surrogates",
    "Table": "tables",
    "Task": "optimizers",
    "Trial": "optimizers",
    "compare": "comparison",
    "list_benchmarks": "catalog",
    "load": "catalog",
    "simulate": "simulator",
    "task_of": "simulator",
}
_MODULES = (
    "adapters",
    "analysis",
    "benchmark",
    "catalog",
    "cite",
    "claims",
    "comparison",
    "compat",
    "encodings",
    "errors",
    "importers",
    "optimizers",
    "plots",
    "predictors",
    "protocols",
    "report",
    "serving",
    "simulator",
    "spaces",
    "study",
    "surrogates",
    "tables",
    "testing",
)


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name in _HOME:
        globals()[name] = found = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_MODULES])

"""Suites of our own, frozen: what comes with the package, one run of each under the default rules.

Develop on `suite_small`, look at `suite_full` now and then, and keep `suite_held_out` for the final figure: a search
whose settings were chosen by the curves that it is shown on looks better than it is.
"""

from __future__ import annotations

from nasbench_kit.protocols.base import Optimizers, Protocol, Setup
from nasbench_kit.simulator import EVALUATIONS, Rules

_SOURCE = (
    "nasbench_kit itself, after the checklist of Lindauer and Hutter 2020, https://jmlr.org/papers/v21/20-056.html"
)
_OPTIMIZERS: Optimizers = {
    "random_search": ("random_search", {}),
    "regularized_evolution": ("regularized_evolution", {}),
    "local_search": ("local_search", {}),
}
_N_RUNS = 200
_COUNTED = Rules(n_evaluations=500, clock=EVALUATIONS)  # where no seconds were recorded


def _seconds(benchmark: str, budget_s: float) -> Setup:
    """The simulated seconds that 500 evaluations take on average."""
    return Setup(benchmark, Rules(budget_s=budget_s))


_SMALL = (
    _seconds("nasbench201/cifar10", 913_993),
    _seconds("nasbench201_mnist1d/mnist1d", 26_248.2),
    Setup("nas_bench_graph/cora", _COUNTED),
)
_FULL = (
    *_SMALL,
    _seconds("nasbench201/cifar100", 1_827_990),
    _seconds("nasbench201_mnist1d/mnist1d-4", 2_916.47),
    *(Setup(f"nas_bench_graph/{name}", _COUNTED) for name in ("citeseer", "pubmed", "cs", "photo", "arxiv")),
    _seconds("nasbench101/cifar10", 744_183),
    _seconds("nasbench201_surrogate/cifar10", 903_650),
    _seconds("nasbench201_surrogate/cifar100", 1_807_300),
    _seconds("nasbench301/cifar10", 2_998_530),
)
_HELD_OUT = (
    _seconds("nasbench201/imagenet16-120", 5_546_110),
    _seconds("nasbench201_mnist1d/mnist1d-12", 8_749.42),
    *(Setup(f"nas_bench_graph/{name}", _COUNTED) for name in ("physics", "computers", "proteins")),
    _seconds("nasbench201_surrogate/imagenet16-120", 5_483_380),
)

SUITE_SMALL, SUITE_FULL, SUITE_HELD_OUT = (
    Protocol(name=name, title=title, source=_SOURCE, setups=setups, optimizers=_OPTIMIZERS, n_runs=_N_RUNS)
    for name, title, setups in (
        ("suite_small", "Three benchmarks to develop a search on: runs in seconds", _SMALL),
        ("suite_full", "All that comes with the package, but what is held out", _FULL),
        ("suite_held_out", "Benchmarks for the final figure, which no setting was chosen on", _HELD_OUT),
    )
)

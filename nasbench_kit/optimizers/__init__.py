"""Search algorithms: one module each, all behind `ask` and `tell`."""

from __future__ import annotations

from collections.abc import Callable

from nasbench_kit.errors import unknown
from nasbench_kit.optimizers.base import Optimizer, Outcome, Task, Trial, check_needs
from nasbench_kit.optimizers.local_search import LocalSearch
from nasbench_kit.optimizers.own import own_class
from nasbench_kit.optimizers.random_search import RandomSearch
from nasbench_kit.optimizers.regularized_evolution import RegularizedEvolution
from nasbench_kit.optimizers.reinforce import REINFORCE

OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "random_search": RandomSearch,
    "regularized_evolution": RegularizedEvolution,
    "local_search": LocalSearch,
    "reinforce": REINFORCE,
}
"""The algorithms that have a name: `OPTIMIZERS[name](task, rng, **settings)`."""


def optimizer_class(name: str) -> Callable[..., Optimizer]:
    """The class behind a name of `OPTIMIZERS`, or behind `module:Class`, an optimizer of your own.

    Raises:
        UnknownNameError: There is none.
    """
    if ":" in name:
        return own_class(name)
    if name not in OPTIMIZERS:
        raise unknown("optimizer", name, OPTIMIZERS)
    return OPTIMIZERS[name]


__all__ = [
    "OPTIMIZERS",
    "REINFORCE",
    "LocalSearch",
    "Optimizer",
    "Outcome",
    "RandomSearch",
    "RegularizedEvolution",
    "Task",
    "Trial",
    "check_needs",
    "optimizer_class",
]

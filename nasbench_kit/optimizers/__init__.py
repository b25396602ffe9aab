"""Search algorithms, all behind `ask` and `tell`: a folder per group, a module per algorithm."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, final

from nasbench_kit.errors import unknown
from nasbench_kit.optimizers.base import Optimizer, Outcome, Task, Trial, check_needs
from nasbench_kit.optimizers.own import own_class

if TYPE_CHECKING:
    from nasbench_kit.optimizers.model_free.local_search import LocalSearch
    from nasbench_kit.optimizers.model_free.random_search import RandomSearch
    from nasbench_kit.optimizers.model_free.regularized_evolution import RegularizedEvolution
    from nasbench_kit.optimizers.model_free.reinforce import REINFORCE
    from nasbench_kit.optimizers.multi_fidelity.asha import ASHA
    from nasbench_kit.optimizers.multi_fidelity.async_hyperband import AsyncHyperband
    from nasbench_kit.optimizers.multi_fidelity.bohb import BOHB
    from nasbench_kit.optimizers.multi_fidelity.dehb import DEHB
    from nasbench_kit.optimizers.multi_fidelity.hyperband import Hyperband
    from nasbench_kit.optimizers.multi_fidelity.learning_curve_stopping import LearningCurveStopping
    from nasbench_kit.optimizers.multi_fidelity.median_stopping import MedianStopping
    from nasbench_kit.optimizers.multi_fidelity.pasha import PASHA
    from nasbench_kit.optimizers.multi_fidelity.successive_halving import SuccessiveHalving

GROUPS = {
    "model-free": {
        "random_search": "RandomSearch",
        "regularized_evolution": "RegularizedEvolution",
        "local_search": "LocalSearch",
        "reinforce": "REINFORCE",
    },
    "multi-fidelity": {
        "successive_halving": "SuccessiveHalving",
        "hyperband": "Hyperband",
        "asha": "ASHA",
        "async_hyperband": "AsyncHyperband",
        "pasha": "PASHA",
        "bohb": "BOHB",
        "dehb": "DEHB",
        "median_stopping": "MedianStopping",
        "learning_curve_stopping": "LearningCurveStopping",
    },
}
"""The algorithms that have a name: group, which is a folder -> name, which is a module in it -> class."""


@final
class _Optimizers(Mapping[str, Callable[..., Optimizer]]):
    """Name -> class, imported when it is asked for."""

    def __init__(self) -> None:
        self._places = {
            name: (f"{__name__}.{group.replace('-', '_')}.{name}", made)
            for group, names in GROUPS.items()
            for name, made in names.items()
        }

    def __getitem__(self, name: str) -> Callable[..., Optimizer]:
        module, made = self._places[name]
        found: Callable[..., Optimizer] = getattr(import_module(module), made)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, name: object) -> bool:
        return name in self._places


OPTIMIZERS = _Optimizers()
"""The classes of the algorithms that have a name: `OPTIMIZERS[name](task, rng, **settings)`."""


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


def __getattr__(attribute: str) -> Any:  # an optimizer's module is imported when its class is asked for
    for names in GROUPS.values():
        for name, made in names.items():
            if made == attribute:
                return OPTIMIZERS[name]
    raise AttributeError(f"module {__name__!r} has no attribute {attribute!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


__all__ = [
    "ASHA",
    "BOHB",
    "DEHB",
    "GROUPS",
    "OPTIMIZERS",
    "PASHA",
    "REINFORCE",
    "AsyncHyperband",
    "Hyperband",
    "LearningCurveStopping",
    "LocalSearch",
    "MedianStopping",
    "Optimizer",
    "Outcome",
    "RandomSearch",
    "RegularizedEvolution",
    "SuccessiveHalving",
    "Task",
    "Trial",
    "check_needs",
    "optimizer_class",
]

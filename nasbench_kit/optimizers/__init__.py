"""Search algorithms, all behind `ask` and `tell`: a folder per group, a module per algorithm."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, final

from nasbench_kit.errors import SettingError, unknown
from nasbench_kit.optimizers.base import Optimizer, Outcome, Task, Trial, check_needs, needs_of
from nasbench_kit.optimizers.libraries import LIBRARIES, library_search
from nasbench_kit.optimizers.own import own_class

if TYPE_CHECKING:
    from nasbench_kit.optimizers.constrained.constrained_evolution import ConstrainedEvolution
    from nasbench_kit.optimizers.constrained.constrained_random_search import ConstrainedRandomSearch
    from nasbench_kit.optimizers.constrained.eic import EIC
    from nasbench_kit.optimizers.differentiable.darts import DARTS
    from nasbench_kit.optimizers.differentiable.drnas import DrNAS
    from nasbench_kit.optimizers.differentiable.gaea import GAEA
    from nasbench_kit.optimizers.model_based.bananas import BANANAS
    from nasbench_kit.optimizers.model_based.gp_bo import GPBO
    from nasbench_kit.optimizers.model_based.graf_search import GRAFSearch
    from nasbench_kit.optimizers.model_based.nas_bowl import NASBOWL
    from nasbench_kit.optimizers.model_based.npenas import NPENAS
    from nasbench_kit.optimizers.model_based.random_forest import RandomForestSearch
    from nasbench_kit.optimizers.model_based.regret_stopping import RegretStopping
    from nasbench_kit.optimizers.model_based.tpe import TPE
    from nasbench_kit.optimizers.model_based.weak_predictors import WeakPredictors
    from nasbench_kit.optimizers.model_free.differential_evolution import DifferentialEvolution
    from nasbench_kit.optimizers.model_free.encoded_search import EncodedSearch
    from nasbench_kit.optimizers.model_free.genetic_algorithm import GeneticAlgorithm
    from nasbench_kit.optimizers.model_free.grid_search import GridSearch
    from nasbench_kit.optimizers.model_free.local_search import LocalSearch
    from nasbench_kit.optimizers.model_free.neighborhood_search import NeighborhoodSearch
    from nasbench_kit.optimizers.model_free.random_search import RandomSearch
    from nasbench_kit.optimizers.model_free.regularized_evolution import RegularizedEvolution
    from nasbench_kit.optimizers.model_free.reinforce import REINFORCE
    from nasbench_kit.optimizers.model_free.simulated_annealing import SimulatedAnnealing
    from nasbench_kit.optimizers.multi_fidelity.asha import ASHA
    from nasbench_kit.optimizers.multi_fidelity.async_hyperband import AsyncHyperband
    from nasbench_kit.optimizers.multi_fidelity.bohb import BOHB
    from nasbench_kit.optimizers.multi_fidelity.dehb import DEHB
    from nasbench_kit.optimizers.multi_fidelity.hyper_tune import HyperTune
    from nasbench_kit.optimizers.multi_fidelity.hyperband import Hyperband
    from nasbench_kit.optimizers.multi_fidelity.learning_curve_stopping import LearningCurveStopping
    from nasbench_kit.optimizers.multi_fidelity.median_stopping import MedianStopping
    from nasbench_kit.optimizers.multi_fidelity.mobster import MOBSTER
    from nasbench_kit.optimizers.multi_fidelity.pasha import PASHA
    from nasbench_kit.optimizers.multi_fidelity.successive_halving import SuccessiveHalving
    from nasbench_kit.optimizers.multi_fidelity.sync_mobster import SyncMOBSTER
    from nasbench_kit.optimizers.multi_objective.ehvi import EHVI
    from nasbench_kit.optimizers.multi_objective.mo_asha import MOASHA
    from nasbench_kit.optimizers.multi_objective.mo_regularized_evolution import MORegularizedEvolution
    from nasbench_kit.optimizers.multi_objective.nsga2 import NSGA2
    from nasbench_kit.optimizers.multi_objective.parego import ParEGO
    from nasbench_kit.optimizers.zero_cost.proxy_ranking import ProxyRanking
    from nasbench_kit.optimizers.zero_cost.warm_start import WarmStart

GROUPS = {
    "model-free": {
        "random_search": "RandomSearch",
        "grid_search": "GridSearch",
        "regularized_evolution": "RegularizedEvolution",
        "genetic_algorithm": "GeneticAlgorithm",
        "differential_evolution": "DifferentialEvolution",
        "local_search": "LocalSearch",
        "simulated_annealing": "SimulatedAnnealing",
        "neighborhood_search": "NeighborhoodSearch",
        "reinforce": "REINFORCE",
        "encoded_search": "EncodedSearch",
    },
    "model-based": {
        "gp_bo": "GPBO",
        "nas_bowl": "NASBOWL",
        "bananas": "BANANAS",
        "tpe": "TPE",
        "random_forest": "RandomForestSearch",
        "weak_predictors": "WeakPredictors",
        "npenas": "NPENAS",
        "graf_search": "GRAFSearch",
        "regret_stopping": "RegretStopping",
    },
    "multi-fidelity": {
        "successive_halving": "SuccessiveHalving",
        "hyperband": "Hyperband",
        "asha": "ASHA",
        "async_hyperband": "AsyncHyperband",
        "pasha": "PASHA",
        "bohb": "BOHB",
        "dehb": "DEHB",
        "mobster": "MOBSTER",
        "sync_mobster": "SyncMOBSTER",
        "hyper_tune": "HyperTune",
        "median_stopping": "MedianStopping",
        "learning_curve_stopping": "LearningCurveStopping",
    },
    "multi-objective": {
        "nsga2": "NSGA2",
        "mo_regularized_evolution": "MORegularizedEvolution",
        "mo_asha": "MOASHA",
        "parego": "ParEGO",
        "ehvi": "EHVI",
    },
    "constrained": {
        "constrained_random_search": "ConstrainedRandomSearch",
        "constrained_evolution": "ConstrainedEvolution",
        "eic": "EIC",
    },
    "zero-cost": {
        "proxy_ranking": "ProxyRanking",
        "warm_start": "WarmStart",
    },
    "differentiable": {
        "darts": "DARTS",
        "gaea": "GAEA",
        "drnas": "DrNAS",
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


RECORDED = "recorded:"
"""How the names of methods begin whose runs were recorded elsewhere; they cannot be run here."""


def optimizer_class(name: str) -> Callable[..., Optimizer]:
    """The class behind a name of `OPTIMIZERS`, `library:Name`, `module:Class`, one of your own, or `cmd:./program`.

    Raises:
        UnknownNameError: There is none.
        SettingError: The library is not installed; or the name is of runs that were recorded elsewhere.
    """
    if is_recorded(name):
        raise SettingError(
            f"{name!r} was recorded elsewhere and cannot be run here; leave it out, and add what was recorded by"
            " nasbench-kit record"
        )
    if name.startswith("cmd:"):
        from nasbench_kit.optimizers.programs import Command  # imports what few need

        return Command(name)
    if ":" in name:
        return own_class(name) if is_own(name) else library_search(name)
    if name in LIBRARIES and name not in OPTIMIZERS:
        return library_search(f"{name}:")  # which says what is missing
    if name not in OPTIMIZERS:
        raise unknown("optimizer", name, OPTIMIZERS)
    return OPTIMIZERS[name]


def is_own(name: str) -> bool:
    """Whether the name is of an optimizer of one's own, in a file of one's own: `module:Class`, `cmd:./program`."""
    return ":" in name and name.partition(":")[0] not in LIBRARIES and not is_recorded(name)


def is_recorded(name: str) -> bool:
    """Whether the name is of a method whose runs were recorded elsewhere: `recorded:DARTS`."""
    return name.startswith(RECORDED)


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
    "BANANAS",
    "BOHB",
    "DARTS",
    "DEHB",
    "EHVI",
    "EIC",
    "GAEA",
    "GPBO",
    "GROUPS",
    "MOASHA",
    "MOBSTER",
    "NASBOWL",
    "NPENAS",
    "NSGA2",
    "OPTIMIZERS",
    "PASHA",
    "RECORDED",
    "REINFORCE",
    "TPE",
    "AsyncHyperband",
    "ConstrainedEvolution",
    "ConstrainedRandomSearch",
    "DifferentialEvolution",
    "DrNAS",
    "EncodedSearch",
    "GRAFSearch",
    "GeneticAlgorithm",
    "GridSearch",
    "HyperTune",
    "Hyperband",
    "LearningCurveStopping",
    "LocalSearch",
    "MORegularizedEvolution",
    "MedianStopping",
    "NeighborhoodSearch",
    "Optimizer",
    "Outcome",
    "ParEGO",
    "ProxyRanking",
    "RandomForestSearch",
    "RandomSearch",
    "RegretStopping",
    "RegularizedEvolution",
    "SimulatedAnnealing",
    "SuccessiveHalving",
    "SyncMOBSTER",
    "Task",
    "Trial",
    "WarmStart",
    "WeakPredictors",
    "check_needs",
    "is_own",
    "is_recorded",
    "needs_of",
    "optimizer_class",
]

"""NAS-Bench-101 for ten million seconds of training, as in its publication and in automl/nas_benchmarks."""

from __future__ import annotations

from dataclasses import replace

from nasbench_kit.protocols.base import Optimizers, Protocol, Setup
from nasbench_kit.simulator import Reported, Rules

_PAPER = "Ying et al. 2019, https://arxiv.org/abs/1902.09635, and automl/nas_benchmarks"
_ARCH2VEC = "Yan et al. 2020, https://arxiv.org/abs/2006.06936, results of encoding A"
_BUDGET_S = 10_000_000
_ARCH2VEC_S = 1_000_000

# the defaults of experiment_scripts/run_*.py
_RS: Optimizers = {"RS": ("random_search", {})}
_CATEGORICAL: Optimizers = {  # its evolution and REINFORCE know no other decisions than such
    "RE": ("regularized_evolution", {"population_size": 100, "sample_size": 10}),
    "REINFORCE": ("reinforce", {"step": "sgd", "learning_rate": 0.1}),
}
_MODELS: Optimizers = {
    "TPE": ("tpe", {"n_initial": 20, "n_candidates": 24}),  # hyperopt's defaults
    "SMAC": ("random_forest", {"n_initial": 1, "n_trees": 10, "random_fraction": 0.33}),
}
_RUNGS = {"eta": 3, "min_epoch": 4}
_HB: Optimizers = {"HB": ("hyperband", _RUNGS)}
_BOHB: Optimizers = {
    "BOHB": ("bohb", {**_RUNGS, "num_samples": 64, "random_fraction": 0.33, "min_bandwidth": 0.3}),
}
_A: Optimizers = {**_RS, **_CATEGORICAL}

_IMPORT = "the official file: nasbench-kit import nasbench_only108.tfrecord (nasbench_full.tfrecord for fewer epochs)"
_IMPORT_FULL = (
    "the official file: nasbench-kit import nasbench_full.tfrecord (without HB and BOHB, nasbench_only108.tfrecord)"
)
_VALID = (
    "Invalid cells are never proposed, where the reference proposes them at no cost, and tells evolution and models an"
    " error of 1."
)
_OTHERS = "TPE, SMAC, HB and BOHB, which its scripts know too, are in nb101_b."
_MODELS_DIFFER = (
    "TPE is Optuna's instead of hyperopt's; SMAC is a random forest like its, which trains a cell once, not up to four"
    " times."
)
_SLOW = "A run of TPE or SMAC has thousands of steps and takes minutes: choose optimizers, or ask for few runs."
_PLACES = "In brackets of the reference invalid cells take places: a fifth of all that are drawn in B, over half in C."
_LEVELS = "Numbers have 256 levels. BOHB is left out, as its kernels here know no order."
_NO_TEST = "Validation accuracy is reported: no test accuracy is predicted."


def _measured(
    name: str,
    title: str,
    source: str,
    *,
    budget_s: float = _BUDGET_S,
    optimizers: Optimizers = _A,
    data: str = _IMPORT,
    differences: tuple[str, ...] = (),
    incumbents: str = "last epoch",
) -> Protocol:
    rules = Rules(budget_s=budget_s, reported=Reported("cifar10", "test_accuracy"), incumbents=incumbents)
    return Protocol(
        name=name,
        title=title,
        source=source,
        setups=(Setup("nasbench101/cifar10", rules, reports=(Reported("cifar10", "val_accuracy"),)),),
        optimizers=optimizers,
        n_runs=500,
        data=data,
        differences=(_VALID, *differences),
    )


def _in(encoding: str, optimizers: Optimizers) -> Optimizers:
    return {
        label: ("encoded_search", {"encoding": encoding, "optimizer": name, "settings": settings})
        for label, (name, settings) in optimizers.items()
    }


def _encoded(encoding: str, title: str, optimizers: Optimizers, *differences: str) -> Protocol:
    """HB and BOHB, which alone train for fewer epochs, keep the best of all."""
    return _measured(
        f"nb101_{encoding.lower()}",
        title,
        f"{_PAPER}, encoding {encoding}",
        optimizers=_in(encoding, optimizers),
        data=_IMPORT_FULL,
        differences=(_MODELS_DIFFER, _SLOW, _PLACES, *differences),
        incumbents="any epoch",
    )


def _predicted(of: Protocol) -> Protocol:
    (setup,) = of.setups
    rules = replace(setup.rules, reported=Reported("cifar10", "val_accuracy"))
    return replace(
        of,
        name=f"{of.name}_surrogate",
        title=f"{of.name} on predicted accuracies and seconds, without importing anything",
        setups=(Setup(setup.benchmark, rules),),
        data="",
        approximates=of.name,
        differences=(_NO_TEST, *of.differences),
    )


NB101 = _measured(
    "nb101",
    "Ten million seconds of trainings, one of three revealed of each cell",
    f"{_PAPER}, encoding A",
    optimizers=_in("A", _A),
    differences=(_OTHERS,),
)
NB101_SURROGATE = _predicted(NB101)
NB101_B = _encoded(
    "B",
    "nb101, where a search decides on up to nine edges out of 21",
    {**_RS, **_CATEGORICAL, **_MODELS, **_HB, **_BOHB},
)
NB101_B_SURROGATE = _predicted(NB101_B)
NB101_C = _encoded(
    "C",
    "nb101, where a search gives each edge a number, and those of the highest are there",
    {**_RS, **_MODELS, **_HB},
    _LEVELS,
)
NB101_C_SURROGATE = _predicted(NB101_C)
ARCH2VEC = _measured(
    "arch2vec",
    "A million seconds of trainings, one of three revealed of each cell",
    _ARCH2VEC,
    budget_s=_ARCH2VEC_S,
)
ARCH2VEC_SURROGATE = _predicted(ARCH2VEC)

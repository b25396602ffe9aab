"""NAS-Bench-101 for ten million seconds of training, as in its publication and in automl/nas_benchmarks."""

from __future__ import annotations

from dataclasses import replace

from nasbench_kit.protocols.base import Optimizers, Protocol, Setup
from nasbench_kit.simulator import Reported, Rules

_SOURCE = "Ying et al. 2019, https://arxiv.org/abs/1902.09635, and automl/nas_benchmarks, encoding A"
_OPTIMIZERS: Optimizers = {
    "RS": ("random_search", {}),
    "RE": ("regularized_evolution", {"population_size": 100, "sample_size": 10}),
    "REINFORCE": ("reinforce", {"step": "sgd", "learning_rate": 0.1}),
}
_BUDGET_S = 10_000_000
_ARCH2VEC_S = 1_000_000
_ARCH2VEC = "Yan et al. 2020, https://arxiv.org/abs/2006.06936, results of encoding A"

_IMPORT = "the official file: nasbench-kit import nasbench_only108.tfrecord (nasbench_full.tfrecord for fewer epochs)"
_VALID = "Invalid cells are never proposed, where the reference proposes and ignores them, at no cost."
_NO_TEST = "Validation accuracy is reported: no test accuracy is predicted."


def _measured(name: str, title: str, source: str, budget_s: float) -> Protocol:
    return Protocol(
        name=name,
        title=title,
        source=source,
        setups=(
            Setup(
                "nasbench101/cifar10",
                Rules(budget_s=budget_s, reported=Reported("cifar10", "test_accuracy")),
                reports=(Reported("cifar10", "val_accuracy"),),
            ),
        ),
        optimizers=_OPTIMIZERS,
        n_runs=500,
        data=_IMPORT,
        differences=(_VALID,),
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
        differences=(_NO_TEST, _VALID),
    )


NB101 = _measured("nb101", "Ten million seconds of trainings, one of three revealed of each cell", _SOURCE, _BUDGET_S)
NB101_SURROGATE = _predicted(NB101)
ARCH2VEC = _measured(
    "arch2vec",
    "A million seconds of trainings, one of three revealed of each cell",
    _ARCH2VEC,
    _ARCH2VEC_S,
)
ARCH2VEC_SURROGATE = _predicted(ARCH2VEC)

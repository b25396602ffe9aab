"""NAS-Bench-101 for ten million seconds of training, as in its publication and in automl/nas_benchmarks."""

from __future__ import annotations

from nasbench_kit.protocols.base import Optimizers, Protocol, Setup
from nasbench_kit.simulator import Reported, Rules

_SOURCE = "Ying et al. 2019, https://arxiv.org/abs/1902.09635, and automl/nas_benchmarks, encoding A"
_OPTIMIZERS: Optimizers = {
    "RS": ("random_search", {}),
    "RE": ("regularized_evolution", {"population_size": 100, "sample_size": 10}),
    "REINFORCE": ("reinforce", {"step": "sgd", "learning_rate": 0.1}),
}
_BUDGET_S = 10_000_000

NB101 = Protocol(
    name="nb101",
    title="Ten million seconds of trainings of 108 epochs, of which one of three is revealed",
    source=_SOURCE,
    setups=(
        Setup(
            "nasbench101/cifar10",
            Rules(budget_s=_BUDGET_S, reported=Reported("cifar10", "test_accuracy")),
            reports=(Reported("cifar10", "val_accuracy"),),
        ),
    ),
    optimizers=_OPTIMIZERS,
    n_runs=500,
    data="the official file: nasbench-kit import nasbench_only108.tfrecord (nasbench_full.tfrecord for fewer epochs)",
    differences=("Invalid cells are never proposed, where the reference proposes and ignores them, at no cost.",),
)

NB101_SURROGATE = Protocol(
    name="nb101_surrogate",
    title="nb101 on predicted accuracies and seconds, without importing anything",
    source=_SOURCE,
    setups=(Setup("nasbench101/cifar10", Rules(budget_s=_BUDGET_S, reported=Reported("cifar10", "val_accuracy"))),),
    optimizers=_OPTIMIZERS,
    n_runs=500,
    approximates="nb101",
    differences=("Validation accuracy is reported: no test accuracy is predicted.", *NB101.differences),
)

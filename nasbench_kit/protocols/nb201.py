"""NAS-Bench-201 under 12,000 seconds: one search on CIFAR-10, whose cell is reported on three datasets."""

from __future__ import annotations

from nasbench_kit.protocols.base import Optimizers, Protocol, Setup
from nasbench_kit.simulator import Reported, Rules

_SOURCE = "Dong and Yang 2020, https://arxiv.org/abs/2001.00326, table 5"
_REA = ("regularized_evolution", {"population_size": 10, "sample_size": 3, "mutation": "node_then_edge"})
_OPTIMIZERS: Optimizers = {  # the commands of docs/NAS-Bench-201.md in D-X-Y/AutoDL-Projects
    "RS": ("random_search", {}),
    "REA": _REA,  # R-EA.sh cifar10 3 -1
    "REINFORCE": ("reinforce", {"step": "adam", "learning_rate": 0.5}),  # REINFORCE.sh cifar10 0.5 -1
    "BOHB": ("bohb", {"num_samples": 4, "random_fraction": 0.0}),  # BOHB.sh cifar10 -1
}

NB201 = Protocol(
    name="nb201",
    title="One search on CIFAR-10 of 12,000 seconds of trainings of 12 epochs",
    source=_SOURCE,
    setups=(
        Setup(
            "nasbench201/cifar10-hp12",
            Rules(
                budget_s=12_000,
                costs=("cost_s", "val_cost_s"),  # training and one pass over the validation images
                continued="from scratch",  # of BOHB, which alone trains for fewer epochs, and keeps the best of all
                incumbents="any epoch",
                reported=Reported("cifar10", "test_accuracy[trainval]"),  # trained on training and validation images
            ),
            reports=(
                Reported("cifar10", "val_accuracy"),
                Reported("cifar100", "val_accuracy"),
                Reported("cifar100", "test_accuracy"),
                Reported("imagenet16-120", "val_accuracy"),
                Reported("imagenet16-120", "test_accuracy"),
            ),
        ),
    ),
    optimizers=_OPTIMIZERS,
    n_runs=500,
    data="the official file: nasbench-kit import NAS-Bench-201-v1_1-096897.pth",
    differences=(
        "The seconds that an optimizer itself spent, which the reference adds to the clock, are not counted.",
    ),
)

NB201_SURROGATE = Protocol(
    name="nb201_surrogate",
    title="nb201 on predicted accuracies and seconds, without importing anything",
    source=_SOURCE,
    setups=(
        Setup(
            "nasbench201_surrogate/cifar10",
            Rules(budget_s=12_000, epoch=12, reported=Reported("cifar10", "val_accuracy")),
            reports=(Reported("cifar100", "val_accuracy"), Reported("imagenet16-120", "val_accuracy")),
        ),
    ),
    optimizers={name: made for name, made in _OPTIMIZERS.items() if name != "BOHB"},
    n_runs=500,
    approximates="nb201",
    differences=(
        "No pass over the validation images is paid, and no test accuracy is reported: neither is predicted.",
        "BOHB is left out: trainings of fewer than 12 epochs are not predicted.",
    ),
)

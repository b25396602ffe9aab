"""NATS-Bench: a search on each dataset, in the topology space and in the size space."""

from __future__ import annotations

from nasbench_kit.protocols.base import Optimizers, Protocol, Setup
from nasbench_kit.simulator import Reported, Rules

_SOURCE = "Dong et al. 2021, https://arxiv.org/abs/2009.00437, and exps/NATS-algos/run-all.sh in D-X-Y/AutoDL-Projects"
_COMMON: Optimizers = {
    "RS": ("random_search", {}),
    "REINFORCE": ("reinforce", {"step": "adam", "learning_rate": 0.01}),
    "BOHB": ("bohb", {"num_samples": 4, "random_fraction": 0.0}),
}
_REA = {"population_size": 10, "sample_size": 3}
_TOPOLOGY: Optimizers = {**_COMMON, "REA": ("regularized_evolution", {**_REA, "mutation": "node_then_edge"})}
_SIZE: Optimizers = {**_COMMON, "REA": ("regularized_evolution", _REA)}
_BUDGETS_S = {  # dataset -> of the topology space, of the size space
    "cifar10": (20_000, 20_000),
    "cifar100": (40_000, 40_000),
    "imagenet16-120": (120_000, 60_000),
}


def _rules(budget_s: float, dataset: str) -> Rules:
    """The last training may go beyond the budget, and counts. BOHB alone trains for fewer epochs, each time anew."""
    test = "test_accuracy[trainval]" if dataset == "cifar10" else "test_accuracy"
    return Rules(
        budget_s=budget_s,
        costs=("cost_s", "val_cost_s"),
        continued="from scratch",
        overshoot="counted",
        incumbents="any epoch",
        reported=Reported(dataset, test),
    )


def _setups(table: str, which: int) -> tuple[Setup, ...]:
    return tuple(
        Setup(f"{table}/{dataset}-hp12", _rules(budgets_s[which], dataset), (Reported(dataset, "val_accuracy"),))
        for dataset, budgets_s in _BUDGETS_S.items()
    )


NATS_TSS = Protocol(
    name="nats_tss",
    title="A search on each dataset of the topology space, by trainings of 12 epochs",
    source=_SOURCE,
    setups=_setups("nasbench201", 0),
    optimizers=_TOPOLOGY,
    n_runs=500,
    data="the official files: nasbench-kit import NATS-tss-v1_0-3ffb9-simple (or its .pickle.pbz2)",
)

NATS_SSS = Protocol(
    name="nats_sss",
    title="A search on each dataset of the size space, by trainings of 12 epochs",
    source=_SOURCE,
    setups=_setups("natsbench_sss", 1),
    optimizers=_SIZE,
    n_runs=500,
    data="the official files: nasbench-kit import NATS-sss-v1_0-50262-simple (or its .pickle.pbz2)",
    differences=(
        "A mutation of REA always changes a width; the reference's draws it anew, one time in eight the same.",
    ),
)

NATS_TSS_SURROGATE = Protocol(
    name="nats_tss_surrogate",
    title="nats_tss on predicted accuracies and seconds, without importing anything",
    source=_SOURCE,
    setups=tuple(
        Setup(
            f"nasbench201_surrogate/{dataset}",
            Rules(budget_s=budgets_s[0], epoch=12, overshoot="counted", reported=Reported(dataset, "val_accuracy")),
        )
        for dataset, budgets_s in _BUDGETS_S.items()
    ),
    optimizers={name: made for name, made in _TOPOLOGY.items() if name != "BOHB"},
    n_runs=500,
    approximates="nats_tss",
    differences=(
        "No pass over the validation images is paid, and no test accuracy is reported: neither is predicted.",
        "BOHB is left out: trainings of fewer than 12 epochs are not predicted.",
    ),
)

"""Accuracy and latency at once on NAS-Bench-201."""

from __future__ import annotations

from nasbench_kit.protocols.base import Protocol, Setup
from nasbench_kit.simulator import EVALUATIONS, Rules

MULTI_OBJECTIVE = Protocol(
    name="multi_objective",
    title="200 evaluations of accuracy and latency; hypervolume up to the worst of all cells",
    source="Guerrero-Viu et al. 2021, https://arxiv.org/abs/2105.01015: baselines of multi-objective search",
    setups=tuple(
        Setup(
            f"nasbench201/{dataset}",
            Rules(n_evaluations=200, clock=EVALUATIONS),
            objectives=("val_accuracy", "latency_s"),
        )
        for dataset in ("cifar10", "cifar100", "imagenet16-120")
    ),
    optimizers={
        "RS": ("random_search", {}),
        "NSGA-II": ("nsga2", {}),
        "MO-REA": ("mo_regularized_evolution", {}),
        "ParEGO": ("parego", {}),
        "EHVI": ("ehvi", {}),
    },
    n_runs=100,
    differences=("The benchmark is another: their networks are not tabulated.",),
)

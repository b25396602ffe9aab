"""The most accurate cell of NAS-Bench-201 that keeps to a limit of latency or size."""

from __future__ import annotations

from nasbench_kit.protocols.base import Protocol, Setup
from nasbench_kit.simulator import EVALUATIONS, Rules

_RULES = Rules(n_evaluations=200, clock=EVALUATIONS)
_DATASETS = ("cifar10", "cifar100", "imagenet16-120")


def _constrained(name: str, title: str, limits: tuple[str, str, str]) -> Protocol:
    return Protocol(
        name=name,
        title=title,
        source="Li et al. 2021, https://arxiv.org/abs/2103.10584 (HW-NAS-Bench): accuracy under a limit",
        setups=tuple(
            Setup(f"nasbench201/{dataset}", _RULES, constraints=(limit,))
            for dataset, limit in zip(_DATASETS, limits, strict=True)
        ),
        optimizers={
            "RS": ("random_search", {}),
            "constrained RS": ("constrained_random_search", {}),
            "constrained evolution": ("constrained_evolution", {}),
            "EIC": ("eic", {}),
        },
        n_runs=100,
        differences=(
            "Latency is that of one GPU, as NAS-Bench-201 records it; energy and other devices are in HW-NAS-Bench,"
            " which can be imported and joined.",
            "The limits are ours: a quarter of all cells keeps to that of latency, half to that of size.",
        ),
    )


CONSTRAINED = _constrained(
    "constrained",
    "200 evaluations, to find the most accurate cell of the fastest quarter",
    ("latency_s<=0.01428", "latency_s<=0.01315", "latency_s<=0.01225"),
)
CONSTRAINED_SIZE = _constrained(
    "constrained_size",
    "200 evaluations, to find the most accurate cell of the smaller half",
    ("params_m<=0.3444", "params_m<=0.3502", "params_m<=0.3522"),
)

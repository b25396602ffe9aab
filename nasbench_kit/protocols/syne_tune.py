"""Four workers that never wait: how asynchronous multi-fidelity methods are compared in Syne Tune."""

from __future__ import annotations

from nasbench_kit.protocols.base import Protocol, Setup
from nasbench_kit.simulator import Rules

_SOURCE = (
    "Salinas et al. 2022, https://proceedings.mlr.press/v188/salinas22a.html, and docs/source/tutorials of syne-tune"
)
_HOURS_6 = 21_600

SYNE_TUNE = Protocol(
    name="syne_tune",
    title="Six hours of four workers, on trainings that can be stopped and continued",
    source=_SOURCE,
    setups=(
        Setup(
            "nasbench201/cifar100",
            Rules(budget_s=_HOURS_6, n_workers=4, incumbents="any epoch"),
        ),
    ),
    optimizers={"RS": ("random_search", {})},
    n_runs=30,
    data="curves of 200 epochs: nasbench-kit import NAS-Bench-201-v1_1-096897.pth, or NATS-tss-v1_0-3ffb9-full",
)

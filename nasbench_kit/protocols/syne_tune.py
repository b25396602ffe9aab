"""Four workers that never wait: how asynchronous multi-fidelity methods are compared in Syne Tune."""

from __future__ import annotations

from nasbench_kit.protocols.base import Optimizers, Protocol, Setup
from nasbench_kit.simulator import Rules

_SOURCE = (
    "Salinas et al. 2022, https://proceedings.mlr.press/v188/salinas22a.html, and the comparison of multi-fidelity"
    " methods in Syne Tune's documentation"
)
_OPTIMIZERS: Optimizers = {
    "RS": ("random_search", {}),
    "SyncHB": ("hyperband", {}),
    "BOHB": ("bohb", {}),
    "DEHB": ("dehb", {}),
    "ASHA-promotion": ("asha", {"kind": "promotion"}),
    "ASHA-stopping": ("asha", {"kind": "stopping"}),
    "MOBSTER-joint": ("mobster", {"kind": "promotion", "model": "joint"}),
    "MOBSTER-indep": ("mobster", {"kind": "promotion", "model": "independent"}),
    "SyncMOBSTER": ("sync_mobster", {}),
    "Hyper-Tune": ("hyper_tune", {}),
}
_HOURS_6 = 21_600

SYNE_TUNE = Protocol(
    name="syne_tune",
    title="Six hours of four workers, on trainings of 200 epochs that can be stopped and continued",
    source=_SOURCE,
    setups=(Setup("nasbench201/cifar100", Rules(budget_s=_HOURS_6, n_workers=4, incumbents="any epoch")),),
    optimizers=_OPTIMIZERS,
    n_runs=30,
    data="curves of 200 epochs: nasbench-kit import NAS-Bench-201-v1_1-096897.pth, or NATS-tss-v1_0-3ffb9-full",
)

SYNE_TUNE_MNIST1D = Protocol(
    name="syne_tune_mnist1d",
    title="The optimizers of syne_tune on measured curves of 36 epochs, without importing anything",
    source=_SOURCE,
    setups=(Setup("nasbench201_mnist1d/mnist1d", Rules(budget_s=1_000, n_workers=4, incumbents="any epoch")),),
    optimizers=_OPTIMIZERS,
    n_runs=30,
    approximates="syne_tune",
    differences=("Another data set and shorter trainings, so orders may be compared and accuracies may not.",),
)

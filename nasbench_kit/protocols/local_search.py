"""Local search until it has found the best of NAS-Bench-201."""

from __future__ import annotations

from nasbench_kit.protocols.base import Protocol, Setup
from nasbench_kit.simulator import EVALUATIONS, Rules

LOCAL_SEARCH = Protocol(
    name="local_search",
    title="Evaluations, of the mean of the recorded runs, until the best of all cells was found",
    source="White et al. 2020, https://arxiv.org/abs/2005.02960, abstract",
    setups=(Setup("nasbench201/cifar100", Rules(n_evaluations=5_000, clock=EVALUATIONS, run="mean")),),
    optimizers={"LS": ("local_search", {"neighborhood": "full", "n_initial": 1})},
    n_runs=500,
    differences=("The publication does not say which of the variants of local search it counted: one start is ours.",),
)

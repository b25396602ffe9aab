"""NAS-Bench-301: trajectories of ten million seconds on its surrogate."""

from __future__ import annotations

from nasbench_kit.protocols.base import Protocol, Setup
from nasbench_kit.simulator import Rules

NB301 = Protocol(
    name="nb301",
    title="Ten million predicted seconds of trainings of DARTS cells, with predicted noise",
    source="Zela et al. 2022, https://arxiv.org/abs/2008.09777, section 5",
    setups=(Setup("nasbench301/cifar10", Rules(budget_s=10_000_000)),),
    optimizers={
        "RS": ("random_search", {}),
        "RE": ("regularized_evolution", {"population_size": 100, "sample_size": 10}),
        "LS": ("local_search", {}),
        "TPE": ("tpe", {}),
    },
    n_runs=5,
    differences=(
        "The surrogate that comes with the package was distilled from one that others published, and predicts a"
        " validation accuracy without noise between trainings.",
    ),
)

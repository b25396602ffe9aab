"""A few hundred queries, whatever they cost: how BANANAS, local search and NASLib compare."""

from __future__ import annotations

from nasbench_kit.protocols.base import Optimizers, Protocol, Setup
from nasbench_kit.simulator import EVALUATIONS, Rules

_SOURCE = "White et al. 2021, https://arxiv.org/abs/1910.11858, and naszilla/naszilla"
_OPTIMIZERS: Optimizers = {  # DEFAULT_NUM_INIT is 10; params.py, nas_algorithms.py
    "RS": ("random_search", {}),
    "RE": ("regularized_evolution", {"population_size": 30, "sample_size": 10}),
    "LS": ("local_search", {"neighborhood": "first", "n_initial": 10, "known": "ignore"}),
    "REINFORCE": ("reinforce", {}),
    "TPE": ("tpe", {}),
    "GP": ("gp_bo", {}),
    "BANANAS": ("bananas", {}),
    "NAS-BOWL": ("nas_bowl", {}),
}
_DATASETS = ("cifar10", "cifar100", "imagenet16-120")


def _rules(n_evaluations: int) -> Rules:
    """Errors are means over seeds: `deterministic=True`."""
    return Rules(n_evaluations=n_evaluations, clock=EVALUATIONS, run="mean")


def _protocol(n_evaluations: int, name: str) -> Protocol:
    return Protocol(
        name=name,
        title=f"{n_evaluations} queries, each the mean of the recorded runs",
        source=_SOURCE,
        setups=(
            *(Setup(f"nasbench201/{dataset}", _rules(n_evaluations)) for dataset in _DATASETS),
            Setup("nasbench101/cifar10", _rules(n_evaluations)),
            Setup("nasbench301/cifar10", _rules(n_evaluations)),
        ),
        optimizers=_OPTIMIZERS,
        n_runs=200,
        differences=(
            "NAS-Bench-101 without an imported file is its surrogate; validation accuracy is reported where no test"
            " accuracy is recorded.",
            "RE begins to evolve after 30 architectures, and a mutation changes one decision; naszilla's after 10, and"
            " each decision with a probability.",
        ),
    )


QUERIES = _protocol(150, "queries")
QUERIES_300 = _protocol(300, "queries_300")

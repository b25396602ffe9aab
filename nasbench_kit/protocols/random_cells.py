"""The best of some random cells of NAS-Bench-201: what an algorithm must beat."""

from __future__ import annotations

from nasbench_kit.protocols.base import Protocol, Setup
from nasbench_kit.simulator import EVALUATIONS, Reported, Rules


def _best_of(n: int) -> Protocol:
    return Protocol(
        name=f"best_of_{n}",
        title=f"The best of {n} random cells" if n > 1 else "One random cell",
        source="Mellor et al. 2021, https://arxiv.org/abs/2006.04647, table 2 (a)",
        setups=tuple(
            Setup(
                f"nasbench201/{dataset}",
                Rules(n_evaluations=n, clock=EVALUATIONS, run="mean", reported=Reported(dataset, "val_accuracy")),
            )
            for dataset in ("cifar10", "cifar100", "imagenet16-120")
        ),
        optimizers={"best": ("random_search", {})},
        n_runs=500,
        data="for test accuracies the official file: nasbench-kit import NAS-Bench-201-v1_1-096897.pth",
    )


BEST_OF_1 = _best_of(1)
BEST_OF_10 = _best_of(10)
BEST_OF_100 = _best_of(100)

"""Bayesian optimization, Snoek et al. 2012, https://arxiv.org/abs/1206.2944, with a kernel on Hamming distances."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_start
from nasbench_kit.optimizers.model_based.acquisition import EI
from nasbench_kit.optimizers.model_based.processes import process_proposals

if TYPE_CHECKING:
    import numpy as np


@final
class GPBO:
    """Ask for what a Gaussian process on the decisions expects to improve most.

    Args:
        task: What to search.
        rng: Source of all randomness.
        n_initial: Random architectures before the first model.
        batch_size: Asked for between two models.
        acquisition: What is best to ask for: expected improvement "ei", upper confidence bound "ucb", or independent
            Thompson sampling "its".
        pool_size: Architectures among which the best are looked for, half of them mutated from the best told.
        n_parents: How many of the best told are mutated.
    """

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        n_initial: int = 10,
        batch_size: int = 1,
        acquisition: str = EI,
        pool_size: int = 200,
        n_parents: int = 10,
    ) -> None:
        check_start(task, rng)
        self._proposals = process_proposals(
            task,
            rng,
            n_initial=n_initial,
            batch_size=batch_size,
            acquisition=acquisition,
            pool_size=pool_size,
            n_parents=n_parents,
        )

    def ask(self) -> Trial | None:
        """A random architecture, then the most promising of a pool."""
        return self._proposals.ask()

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Learn from the value."""
        self._proposals.tell(trial, outcome)

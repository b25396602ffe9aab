"""Random search, Li and Talwalkar 2019, https://arxiv.org/abs/1902.07638: independent uniform samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_start, trials_of

if TYPE_CHECKING:
    import numpy as np


@final
class RandomSearch:
    """Sample every architecture anew, as the published baselines do.

    Args:
        task: What to search.
        rng: Source of all randomness.
    """

    def __init__(self, task: Task, rng: np.random.Generator) -> None:
        check_start(task, rng)
        self._trials = trials_of(task.space.samples(rng))

    def ask(self) -> Trial:
        """A uniform sample."""
        return next(self._trials)

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Take note of nothing."""

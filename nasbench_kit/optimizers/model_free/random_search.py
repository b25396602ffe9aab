"""Random search, Li and Talwalkar 2019, https://arxiv.org/abs/1902.07638: independent uniform samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_start, trials_of
from nasbench_kit.optimizers.unrepeated import unrepeated

if TYPE_CHECKING:
    import numpy as np


@final
class RandomSearch:
    """Sample every architecture anew, as the published baselines do.

    Args:
        task: What to search.
        rng: Source of all randomness.
        repeats: Whether architectures may be asked for again; if not, the search is over when all were asked for.
    """

    def __init__(self, task: Task, rng: np.random.Generator, *, repeats: bool = True) -> None:
        check_start(task, rng)
        self._trials = trials_of(task.space.samples(rng) if repeats else unrepeated(task.space, rng))

    def ask(self) -> Trial | None:
        """A uniform sample, or None when there is no other."""
        return next(self._trials, None)

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Take note of nothing."""

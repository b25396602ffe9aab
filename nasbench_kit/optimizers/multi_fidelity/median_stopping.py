"""Median stopping rule, Golovin et al. 2017, https://doi.org/10.1145/3097983.3098043, section 3.2.2."""

from __future__ import annotations

from bisect import insort
from itertools import accumulate
from typing import TYPE_CHECKING, ClassVar, final

from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_at_least, check_start
from nasbench_kit.optimizers.multi_fidelity.curves import Curves
from nasbench_kit.optimizers.multi_fidelity.rungs import epochs_from

if TYPE_CHECKING:
    import numpy as np


@final
class MedianStopping:
    """Stop a training whose best value is worse than the median of the averages of the others up to the same epoch.

    The others are those that ended, or were stopped, at that epoch or later. Architectures are random.

    Args:
        task: What to search.
        rng: Source of all randomness.
        min_epoch: Nothing is stopped before it; by default the first epoch that there is.
        min_trainings: Nothing is stopped at an epoch before so many ended there or later; 5 in Syne Tune and Optuna,
            the paper does not say.
    """

    needs: ClassVar[tuple[str, ...]] = ("epochs",)

    def __init__(
        self, task: Task, rng: np.random.Generator, *, min_epoch: int | None = None, min_trainings: int = 5
    ) -> None:
        check_start(task, rng)
        check_at_least(1, min_trainings=min_trainings)
        self._n_before = len(task.epochs) - len(epochs_from(task, min_epoch))
        self._min_trainings = min_trainings
        self._averages: list[list[float]] = [[] for _ in task.epochs]  # per epoch those of what ended, ascending
        self._curves = Curves(task, rng, self._goes_on, self._ended)

    def ask(self) -> Trial:
        """The next epoch of a training that was not stopped, or the first of a new one."""
        return self._curves.ask()

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Decide whether its training goes on."""
        self._curves.tell(trial, outcome)

    def _goes_on(self, values: list[float]) -> bool:
        n = len(values)
        others = self._averages[n - 1]
        if n <= self._n_before or len(others) < self._min_trainings:
            return True
        middle = len(others) // 2
        median = others[middle] if len(others) % 2 else (others[middle - 1] + others[middle]) / 2
        return max(values) >= median

    def _ended(self, values: list[float]) -> None:
        for n, total in enumerate(accumulate(values), start=1):
            insort(self._averages[n - 1], total / n)

"""Random architectures that are trained epoch by epoch, as long as their learning curves say so."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import count
from math import inf
from typing import TYPE_CHECKING, final

from nasbench_kit.optimizers.base import Outcome, Task, Trial

if TYPE_CHECKING:
    import numpy as np

    from nasbench_kit.spaces import Arch


@final
class Curves:
    """Asks for every epoch of a training, one by one, until it is stopped; what failed is stopped.

    Args:
        task: What to search.
        rng: Source of the architectures.
        goes_on: Whether a training with these values, one per epoch of the task so far, goes on.
        ended: Told the values of a training that ended, at the last epoch or before.
    """

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        goes_on: Callable[[list[float]], bool],
        ended: Callable[[list[float]], None],
    ) -> None:
        self._epochs = task.epochs
        self._archs: Iterator[Arch] = task.space.samples(rng)
        self._goes_on, self._ended = goes_on, ended
        self._numbers = count()
        self._going_on: deque[Trial] = deque()
        self._running: dict[int | None, list[float]] = {}  # training -> its values so far

    def ask(self) -> Trial:
        """The next epoch of a training that goes on, or the first of a new one."""
        if self._going_on:
            return self._going_on.popleft()
        trial = Trial(next(self._archs), self._epochs[0], next(self._numbers))
        self._running[trial.training] = []
        return trial

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Decide whether the training goes on; what was not asked for changes nothing."""
        values = self._running.get(trial.training)
        if values is None or trial.epoch != self._epochs[len(values)]:
            return
        if outcome.value > -inf:
            values.append(outcome.value)
            if len(values) < len(self._epochs) and self._goes_on(values):
                self._going_on.append(Trial(trial.arch, self._epochs[len(values)], trial.training))
                return
        del self._running[trial.training]
        self._ended(values)

"""Multi-objective regularized evolution as in Syne Tune, Salinas et al. 2021, https://arxiv.org/abs/2106.05680."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from nasbench_kit.errors import unknown
from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_at_least, check_start
from nasbench_kit.optimizers.multi_objective.fronts import fronts, spread_out
from nasbench_kit.spaces import DrawnAhead

if TYPE_CHECKING:
    from nasbench_kit.spaces import Arch


@final
class MORegularizedEvolution:
    """Mutate the best of a random sample, by front and spread within; let the oldest die.

    Population and sample size are by default those of Syne Tune's `MultiObjectiveRegularizedEvolution`. (Up to version
    0.14 at least, it takes the order of the population for its places, so that its parents are others.)

    Args:
        task: What to search.
        rng: Source of all randomness.
        population_size: Architectures kept alive.
        sample_size: Candidates per tournament, drawn with replacement.
        mutation: How the decision to change is chosen, one of `task.space.mutations`.
    """

    needs: ClassVar[tuple[str, ...]] = ("objectives",)

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        population_size: int = 100,
        sample_size: int = 10,
        mutation: str = "uniform",
    ) -> None:
        check_start(task, rng)
        check_at_least(1, population_size=population_size, sample_size=sample_size)
        if mutation not in task.space.mutations:
            raise unknown("mutation", mutation, task.space.mutations)
        self._space = task.space
        self._rng = DrawnAhead(rng)
        self._sample_size, self._mutation = sample_size, mutation
        self._archs: deque[Arch] = deque(maxlen=population_size)  # the oldest first
        self._values: deque[tuple[float, ...]] = deque(maxlen=population_size)

    def ask(self) -> Trial:
        """A random architecture while the population fills, then the mutated winner of a tournament."""
        n = len(self._archs)
        if n < (self._archs.maxlen or 0):
            return Trial(self._space.sample(self._rng))
        sample = {int(self._rng.random() * n) for _ in range(self._sample_size)}
        return Trial(self._space.mutate(self._archs[self._winner(sample)], self._rng, self._mutation))

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Add to the population; beyond its size the oldest is forgotten."""
        self._archs.append(trial.arch)
        self._values.append(outcome.values)

    def _winner(self, sample: set[int]) -> int:
        """Of the best front among them, the one that comes first where all of the front are spread out."""
        values = np.array(self._values)
        front = next(front for front in fronts(values) if not sample.isdisjoint(front.tolist()))
        return next(int(front[i]) for i in spread_out(values[front]) if int(front[i]) in sample)

"""Evolution with feasibility rules, Deb 2000, https://doi.org/10.1016/S0045-7825(99)00389-8, section 3."""

from __future__ import annotations

from collections import deque
from math import inf
from typing import TYPE_CHECKING, ClassVar, final

from nasbench_kit.errors import unknown
from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_at_least, check_flag, check_start
from nasbench_kit.optimizers.constrained.known_limits import allowed_samples, never_exceeds
from nasbench_kit.spaces import DrawnAhead

if TYPE_CHECKING:
    import numpy as np

    from nasbench_kit.spaces import Arch

_STEPS = 100  # of a child that is known to exceed a limit, until a random architecture takes its place


@final
class ConstrainedEvolution:
    """Mutate the best of a random sample, where what is feasible wins; let the oldest die.

    The rules of Deb decide the tournaments of regularized evolution (Real et al. 2019): feasible before infeasible, of
    the feasible the better, of the infeasible the one that exceeds the limits less.

    Args:
        task: What to search.
        rng: Source of all randomness.
        population_size: Architectures kept alive.
        sample_size: Candidates per tournament, drawn with replacement.
        mutation: How the decision to change is chosen, one of `task.space.mutations`.
        reject: Whether what is known to exceed a limit, by what costs no training, is not trained: a random one is
            drawn anew, and a child mutated again until it keeps to the limits, so that the search passes over what it
            does not pay for.
    """

    needs: ClassVar[tuple[str, ...]] = ("constraints",)

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        population_size: int = 10,
        sample_size: int = 3,
        mutation: str = "uniform",
        reject: bool = True,
    ) -> None:
        check_start(task, rng)
        check_at_least(1, population_size=population_size, sample_size=sample_size)
        check_flag(reject=reject)
        if mutation not in task.space.mutations:
            raise unknown("mutation", mutation, task.space.mutations)
        self._space = task.space
        self._rng = DrawnAhead(rng)
        self._sample_size, self._mutation = sample_size, mutation
        self._is_allowed = never_exceeds(task) if reject else lambda arch: True
        self._first = allowed_samples(task, rng) if reject else task.space.samples(rng)
        self._archs: deque[Arch] = deque(maxlen=population_size)  # the oldest first
        self._merits: deque[tuple[float, float]] = deque(maxlen=population_size)

    def ask(self) -> Trial:
        """A random architecture while the population fills, then the mutated winner of a tournament."""
        n, rng = len(self._archs), self._rng
        if n < (self._archs.maxlen or 0):
            return Trial(next(self._first))
        winner = max([int(rng.random() * n) for _ in range(self._sample_size)], key=self._merits.__getitem__)
        child = self._archs[winner]
        for _ in range(_STEPS):
            child = self._space.mutate(child, rng, self._mutation)
            if self._is_allowed(child):
                return Trial(child)
        return Trial(next(self._first))

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Add to the population; beyond its size the oldest is forgotten. A failure is worse than any violation."""
        violation = outcome.violation if outcome.value > -inf else inf
        self._archs.append(trial.arch)
        self._merits.append((-violation, outcome.value))

"""Regularized evolution, Real et al. 2019, https://arxiv.org/abs/1802.01548, algorithm 1."""

from __future__ import annotations

from collections import deque
from itertools import chain
from typing import TYPE_CHECKING, final

from nasbench_kit.errors import unknown
from nasbench_kit.optimizers.base import Asked, Outcome, Task, Trial, check_at_least, check_start
from nasbench_kit.spaces import DrawnAhead
from nasbench_kit.spaces.base import DrawnInLockstep

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from nasbench_kit.spaces import Arch, Space

REMOVED = ("oldest", "worst", "worst of sample")
_TOURNAMENTS = 64  # drawn at a time: many cost little more than one


@final
class RegularizedEvolution:
    """Mutate the best of a random sample; let the oldest die, or the worst.

    Population and sample size are by default those of the NATS-Bench reference; its mutation is "node_then_edge".

    Args:
        task: What to search.
        rng: Source of all randomness.
        population_size: Architectures kept alive (P in the paper).
        sample_size: Candidates per tournament (S in the paper), drawn with replacement.
        mutation: How the decision to change is chosen, one of `task.space.mutations`: "uniform", and on NAS-Bench-201
            "node_then_edge", the reference's way.
        remove: Who dies: the "oldest" of the living; or, without regularization, the "worst of sample", of which the
            parent was the best (the paper's non-aging evolution), or the "worst" of all (naszilla's).
    """

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        population_size: int = 10,
        sample_size: int = 3,
        mutation: str = "uniform",
        remove: str = "oldest",
    ) -> None:
        check_start(task, rng)
        check_at_least(1, population_size=population_size, sample_size=sample_size)
        if mutation not in task.space.mutations:
            raise unknown("mutation", mutation, task.space.mutations)
        if remove not in REMOVED:
            raise unknown("who to remove:", remove, REMOVED)
        self._space = task.space
        self._rng = DrawnAhead(rng)
        self._sample_size = sample_size
        blocks = iter(lambda: rng.integers(population_size, size=(_TOURNAMENTS, sample_size)).tolist(), None)
        self._tournaments: Iterator[list[int]] = chain.from_iterable(blocks)  # positions among the living
        self._population_size = population_size
        self._mutation = mutation
        # the population, oldest first
        self._archs: deque[Arch] = deque(maxlen=population_size)
        self._values: deque[float] = deque(maxlen=population_size)
        self._value_of = self._values.__getitem__
        self._remove = remove
        self._sample: list[int] = []  # of the last tournament

    def ask(self) -> Trial:
        """A random architecture while the population fills, then the mutated winner of a tournament."""
        if len(self._archs) < self._population_size:
            return Trial(self._space.sample(self._rng))  # line 4
        self._sample = sample = next(self._tournaments)
        winner = max(sample, key=self._value_of)  # lines 9 to 12
        return Trial(self._space.mutate(self._archs[winner], self._rng, self._mutation))  # line 13

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Add to the population; beyond its size the oldest is forgotten (lines 15 and 17)."""
        if self._remove != "oldest" and len(self._values) == self._population_size:
            if self._remove == "worst":
                worst = min(reversed(range(self._population_size)), key=self._value_of)
                if outcome.value <= self._values[worst]:
                    return  # it is the worst itself
            else:
                worst = min(self._sample or next(self._tournaments), key=self._value_of)
            del self._archs[worst], self._values[worst]
        self._archs.append(trial.arch)
        self._values.append(outcome.value)

    def in_lockstep(self, rngs: Sequence[np.random.Generator]) -> RegularizedEvolutions | None:
        """Many such searches at once; None where it is not the oldest that dies, or a space cannot draw so."""
        if not self._space.draws_in_lockstep or self._remove != "oldest":
            return None
        return RegularizedEvolutions(self._space, rngs, self._population_size, self._sample_size, self._mutation)


@final
class RegularizedEvolutions:
    """Many regularized evolutions at once: a population is a row of each array."""

    def __init__(
        self, space: Space, rngs: Sequence[np.random.Generator], population_size: int, sample_size: int, mutation: str
    ) -> None:
        import numpy as np

        self._space, self._rngs, self._mutation = space, rngs, mutation
        self._population_size, self._sample_size = population_size, sample_size
        self._drawn = DrawnInLockstep(rngs)
        self._tournaments = np.empty((0, len(rngs), sample_size), np.int64)
        self._rows = np.arange(len(rngs))
        self._first = self._rows[:, None] * population_size
        # the populations; the oldest stands at `_n_told % population_size`
        self._archs = np.empty((len(rngs), population_size, space.n_decisions), np.uint8)
        self._values = np.empty((len(rngs), population_size))
        self._n_told = 0
        self._asked = self._archs

    def ask(self) -> Asked:
        """A random population at once, then the mutated winner of a tournament of each."""
        import numpy as np

        n_runs, n, n_decisions = self._archs.shape
        if self._n_told == 0:
            self._asked = np.stack([self._space.sampled_each(self._drawn) for _ in range(n)], axis=1)
            return Asked(self._asked, np.full(n_runs, n))
        if not len(self._tournaments):
            size = _TOURNAMENTS, self._sample_size
            self._tournaments = np.stack([rng.integers(n, size=size) for rng in self._rngs], axis=1)
        candidates, self._tournaments = self._tournaments[0] + self._n_told % n, self._tournaments[1:]
        candidates -= n * (candidates >= n)  # faster than the remainder
        candidates += self._first  # in the flat arrays, which are faster to take from
        best = self._values.ravel().take(candidates).argmax(axis=1)
        parents = self._archs.reshape(-1, n_decisions).take(candidates[self._rows, best], axis=0)
        self._asked = self._space.mutated_each(parents, self._drawn, self._mutation)[:, None]
        return Asked(self._asked, np.full(n_runs, 1))

    def tell(self, values: NDArray[np.float64]) -> None:
        """Fill the populations; then each child takes the place of the oldest."""
        place = self._n_told % self._population_size
        n = values.shape[1]
        self._archs[:, place : place + n] = self._asked
        self._values[:, place : place + n] = values
        self._n_told += n

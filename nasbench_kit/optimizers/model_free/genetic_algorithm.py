"""A genetic algorithm, Guo et al. 2020, https://arxiv.org/abs/1904.00420, algorithm 1, weights unshared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, final

from nasbench_kit.optimizers.base import Asked, Outcome, Task, Trial, check_at_least, check_number, check_start
from nasbench_kit.optimizers.variation import crossed, redrawn
from nasbench_kit.spaces import DrawnAhead
from nasbench_kit.spaces.base import MOST_IN_LOCKSTEP, DrawnInLockstep, Space

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nasbench_kit.spaces import Arch

_TRIES = 10  # children that were there before, until a random architecture takes their place


@final
class GeneticAlgorithm:
    """Cross and mutate the best of all architectures so far, a generation at a time.

    Half of a generation is crossed, half mutated. What was asked for before is bred anew, as in the authors' code, and
    replaced by a random architecture after ten tries. With several workers, nothing is asked for while the last
    outcomes of a generation are awaited.

    Args:
        task: What to search.
        rng: Source of all randomness.
        population_size: Architectures of a generation (P in the paper).
        n_parents: The best so far, of all generations, which are bred (k in the paper).
        mutation_rate: Probability that a decision of a mutated parent is drawn anew.
    """

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        population_size: int = 50,
        n_parents: int = 10,
        mutation_rate: float = 0.1,
    ) -> None:
        check_start(task, rng)
        check_at_least(1, population_size=population_size, n_parents=n_parents)
        check_number("above 0 and at most 1", lambda x: 0 < x <= 1, mutation_rate=mutation_rate)
        self._space = task.space
        self._rng = DrawnAhead(rng)
        self._population_size, self._n_parents, self._mutation_rate = population_size, n_parents, mutation_rate
        self._parents: list[tuple[float, Arch]] = []  # the best first (Topk in the paper)
        self._told: list[tuple[float, Arch]] = []  # of this generation
        self._n_asked = 0
        self._visited: set[Arch] = set()

    def ask(self) -> Trial | None:
        """A child of the best so far; a random architecture in the first generation."""
        if self._n_asked == self._population_size:
            if len(self._told) < self._population_size:
                return None
            ranked = sorted(self._parents + self._told, key=lambda one: one[0], reverse=True)  # ties: the earlier first
            self._parents = ranked[: self._n_parents]  # line 6, Update_Topk
            self._told, self._n_asked = [], 0
        arch = self._child()
        self._visited.add(arch)
        self._n_asked += 1
        return Trial(arch)

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Add to the generation."""
        self._told.append((outcome.value, trial.arch))

    def _child(self) -> Arch:
        space, rng = self._space, self._rng
        for _ in range(_TRIES if self._parents else 0):
            if self._n_asked < self._population_size // 2:
                child = crossed(space, self._parent(), self._parent(), rng)  # line 7
            else:
                child = redrawn(space, self._parent(), self._mutation_rate, rng)  # line 8
            if child not in self._visited:
                return child
        for _ in range(_TRIES):
            child = space.sample(rng)
            if child not in self._visited:
                break
        return child

    def _parent(self) -> Arch:
        return self._parents[int(self._rng.random() * len(self._parents))][1]

    def in_lockstep(self, rngs: Sequence[np.random.Generator]) -> GeneticAlgorithms | None:
        """Many such searches at once; None where not every tuple of choices is an architecture, or spaces are large."""
        if not self._space.is_product or self._space.size > MOST_IN_LOCKSTEP:
            return None
        return GeneticAlgorithms(self._space, rngs, self._population_size, self._n_parents, self._mutation_rate)


@final
class GeneticAlgorithms:
    """Many populations at once, a generation at a time."""

    def __init__(
        self,
        space: Space,
        rngs: Sequence[np.random.Generator],
        population_size: int,
        n_parents: int,
        mutation_rate: float,
    ) -> None:
        import numpy as np

        self._space, self._drawn = space, DrawnInLockstep(rngs)
        self._n_parents, self._mutation_rate = n_parents, mutation_rate
        self._rows = np.arange(len(rngs))
        self._parents = np.empty((len(rngs), 0, space.n_decisions), np.uint8)  # the best first
        self._values = np.empty((len(rngs), 0))
        self._asked = np.empty((len(rngs), population_size, space.n_decisions), np.uint8)
        self._visited = np.zeros((len(rngs), space.size), bool)  # by rank

    def ask(self) -> Asked:
        """A generation of each."""
        import numpy as np

        for i in range(self._asked.shape[1]):
            self._asked[:, i] = self._children(i)
        return Asked(self._asked, np.full(len(self._asked), self._asked.shape[1]))

    def tell(self, values: NDArray[np.float64]) -> None:
        """Keep the best so far as parents."""
        import numpy as np

        values = np.concatenate([self._values, values], axis=1)
        archs = np.concatenate([self._parents, self._asked], axis=1)
        best = np.argsort(-values, axis=1, kind="stable")[:, : self._n_parents]
        self._values = np.take_along_axis(values, best, axis=1)
        self._parents = np.take_along_axis(archs, best[:, :, None], axis=1)

    def _children(self, i: int) -> NDArray[np.uint8]:
        """The i-th of the generation of each: (n_runs, n_decisions)."""
        import numpy as np

        found, left = np.empty_like(self._asked[:, 0]), self._rows
        breed = self._crossed if i < self._asked.shape[1] // 2 else self._redrawn
        ways = [breed] * (_TRIES if self._parents.shape[1] else 0) + [self._sampled] * _TRIES
        for way in ways:
            found[left] = way(left)
            left = left[self._visited[left, self._space.rank_many(found[left])]]
            if not len(left):
                break
        self._visited[self._rows, self._space.rank_many(found)] = True
        return found

    def _crossed(self, rows: NDArray[np.intp]) -> NDArray[np.uint8]:
        import numpy as np

        mothers, fathers = self._some_parents(rows), self._some_parents(rows)
        return np.where(self._drawn.random(self._space.n_decisions, rows) < 0.5, mothers, fathers)

    def _redrawn(self, rows: NDArray[np.intp]) -> NDArray[np.uint8]:
        children = self._some_parents(rows)
        for decision, n in enumerate(self._space.n_choices):
            changed = self._drawn.random(1, rows)[:, 0] < self._mutation_rate
            children[changed, decision] = self._drawn.random(1, rows[changed])[:, 0] * n
        return children

    def _sampled(self, rows: NDArray[np.intp]) -> NDArray[np.uint8]:
        return self._space.sampled(self._drawn.random(self._space.n_decisions, rows))

    def _some_parents(self, rows: NDArray[np.intp]) -> NDArray[np.uint8]:
        which = (self._drawn.random(1, rows)[:, 0] * self._parents.shape[1]).astype(int)
        return self._parents[rows, which]

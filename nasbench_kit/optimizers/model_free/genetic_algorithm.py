"""A genetic algorithm, Guo et al. 2020, https://arxiv.org/abs/1904.00420, algorithm 1, weights unshared."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_at_least, check_start
from nasbench_kit.optimizers.variation import crossed, redrawn
from nasbench_kit.spaces import DrawnAhead

if TYPE_CHECKING:
    import numpy as np

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
        if not 0 < mutation_rate <= 1:
            raise SettingError(f"mutation_rate={mutation_rate!r}; above 0 and at most 1 expected")
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

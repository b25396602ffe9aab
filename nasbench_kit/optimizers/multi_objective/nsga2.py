"""NSGA-II, Deb et al. 2002, https://doi.org/10.1109/4235.996017."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, ClassVar, NamedTuple, final

import numpy as np

from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_at_least, check_number, check_start
from nasbench_kit.optimizers.multi_objective.fronts import best, loneliest_first
from nasbench_kit.optimizers.variation import crossed, redrawn
from nasbench_kit.spaces import DrawnAhead

if TYPE_CHECKING:
    from nasbench_kit.spaces import Arch

_TRIES = 10  # children that the population has already, until a random architecture takes their place


class _Member(NamedTuple):
    arch: Arch
    values: tuple[float, ...]
    violation: float


@final
class NSGA2:
    """Breed generations from those that no other one dominates, the loneliest first.

    Decisions are crossed uniformly and drawn anew with probability 1 / their number. As in pymoo, a child that the
    population has already is bred again. The size of the population is that of NSGA-Net (Lu et al. 2019,
    https://arxiv.org/abs/1810.03522). With several workers, nothing is asked for while the last outcomes of a
    generation are awaited.

    Args:
        task: What to search; what keeps to its constraints dominates what does not.
        rng: Source of all randomness.
        population_size: Parents, and children of a generation (N in the paper).
        crossover_rate: Probability that a child has two parents.
    """

    needs: ClassVar[tuple[str, ...]] = ("objectives",)

    def __init__(
        self, task: Task, rng: np.random.Generator, *, population_size: int = 40, crossover_rate: float = 0.9
    ) -> None:
        check_start(task, rng)
        check_at_least(1, population_size=population_size)
        check_number("at least 0 and at most 1", lambda x: 0 <= x <= 1, crossover_rate=crossover_rate)
        self._space = task.space
        self._rng = DrawnAhead(rng)
        self._size, self._crossover_rate = population_size, crossover_rate
        self._parents: list[_Member] = []  # the best first: by front, then by crowding distance
        self._told: list[_Member] = []  # of this generation
        self._archs: set[Arch] = set()  # of the parents, and asked for since
        self._n_asked = 0

    def ask(self) -> Trial | None:
        """A child of the population; a random architecture in the first generation."""
        if self._n_asked == self._size:
            if len(self._told) < self._size:
                return None
            self._parents = _survivors(self._parents + self._told, self._size)
            self._archs = {member.arch for member in self._parents}
            self._told, self._n_asked = [], 0
        arch = self._child()
        self._archs.add(arch)
        self._n_asked += 1
        return Trial(arch)

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Add to the generation; a failure is worse than what exceeds constraints."""
        violation = outcome.violation if outcome.value > -inf else inf
        self._told.append(_Member(trial.arch, outcome.values, violation))

    def _child(self) -> Arch:
        space, rng = self._space, self._rng
        for _ in range(_TRIES if self._parents else 0):
            child = self._winner()
            if rng.random() < self._crossover_rate:
                child = crossed(space, child, self._winner(), rng)
            child = redrawn(space, child, 1 / space.n_decisions, rng)
            if child not in self._archs:
                return child
        return space.sample(rng)

    def _winner(self) -> Arch:
        """The better of two (section III.C)."""
        random, n = self._rng.random, len(self._parents)
        return self._parents[min(int(random() * n), int(random() * n))].arch


def _survivors(members: list[_Member], n: int) -> list[_Member]:
    """The best `n`: front by front, and within a front by crowding distance, the larger first (section III.C)."""
    values = np.array([member.values for member in members])
    violations = np.array([member.violation for member in members])
    return [members[i] for i in best(values, n, loneliest_first, violations)]

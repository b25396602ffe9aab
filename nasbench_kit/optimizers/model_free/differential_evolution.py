"""Differential evolution, Storn and Price 1997, as in Awad et al. 2020, https://arxiv.org/abs/2012.06400."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, final

import numpy as np

from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_at_least, check_start

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.spaces import Arch


@final
class DifferentialEvolution:
    """Challenge each member by others plus a difference of others, in the unit cube ("rand/1/bin").

    A decision of n choices is a coordinate in [0, 1) of n equal parts; where these are no architecture, the nearest one
    is trained, and its value counts for the vector. With several workers, nothing is asked for while the last outcomes
    of a generation are awaited.

    Args:
        task: What to search.
        rng: Source of all randomness.
        population_size: Vectors that evolve (NP in the paper), four or more.
        mutation_factor: How much of the difference is added (F).
        crossover_probability: That a coordinate comes from the mutant (CR); one of them does in any case.
    """

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        population_size: int = 20,
        mutation_factor: float = 0.5,
        crossover_probability: float = 0.5,
    ) -> None:
        check_start(task, rng)
        check_at_least(4, population_size=population_size)
        if not 0 < mutation_factor < inf:
            raise SettingError(f"mutation_factor={mutation_factor!r}; a number above 0 expected")
        if not 0 <= crossover_probability <= 1:
            raise SettingError(f"crossover_probability={crossover_probability!r}; at least 0 and at most 1 expected")
        self._space = task.space
        self._rng = rng
        self._f, self._cr = mutation_factor, crossover_probability
        self._n_choices = np.array(task.space.n_choices)
        self._vectors = rng.random((population_size, task.space.n_decisions))
        self._values = [-inf] * population_size
        self._challengers = self._vectors  # the first generation is its own
        self._next = 0  # who challenges next
        self._awaited: dict[Arch, list[int]] = {}  # asked for and not told yet: their places

    def ask(self) -> Trial | None:
        """The challenger of the next member."""
        if self._next == len(self._values):
            if self._awaited:
                return None
            self._challengers, self._next = self._bred(), 0
        choices = np.minimum(self._challengers[self._next] * self._n_choices, self._n_choices - 1).astype(np.intp)
        arch = self._space.nearest(tuple(choices.tolist()), self._rng)
        self._awaited.setdefault(arch, []).append(self._next)
        self._next += 1
        return Trial(arch)

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """It takes the place of the member that it challenged, if it is no worse; unasked for, that of the worst."""
        places = self._awaited.get(trial.arch)
        if places:
            place = places.pop(0)
            vector = self._challengers[place]
            if not places:
                del self._awaited[trial.arch]
        else:
            place = min(range(len(self._values)), key=self._values.__getitem__)
            vector = (np.array(trial.arch) + 0.5) / self._n_choices
        if outcome.value >= self._values[place]:
            self._vectors[place], self._values[place] = vector, outcome.value

    def _bred(self) -> NDArray[np.float64]:
        """A challenger for each member: float64 (population_size, n_decisions)."""
        x, rng = self._vectors, self._rng
        n, d = x.shape
        order = rng.random((n, n))
        np.fill_diagonal(order, 2.0)  # the member itself comes last
        r1, r2, r3 = np.argsort(order, axis=1)[:, :3].T
        mutants = x[r1] + self._f * (x[r2] - x[r3])  # Storn and Price, equation 2
        outside = (mutants < 0) | (mutants >= 1)
        mutants[outside] = rng.random(int(outside.sum()))
        is_crossed = rng.random((n, d)) < self._cr  # equations 3 and 4
        is_crossed[np.arange(n), rng.integers(d, size=n)] = True
        return np.where(is_crossed, mutants, x)

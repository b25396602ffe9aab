"""Differential evolution, Storn and Price 1997, as in Awad et al. 2020, https://arxiv.org/abs/2012.06400."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING, final

import numpy as np

from nasbench_kit.optimizers.base import Asked, Outcome, Task, Trial, check_at_least, check_number, check_start

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.spaces import Arch, Space


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
        check_number("a number above 0", lambda x: 0 < x < inf, mutation_factor=mutation_factor)
        check_number("at least 0 and at most 1", lambda x: 0 <= x <= 1, crossover_probability=crossover_probability)
        self._space = task.space
        self._rng = rng
        self._f, self._cr = mutation_factor, crossover_probability
        self._n_choices = np.array(task.space.n_choices)
        self._vectors = rng.random((population_size, task.space.n_decisions))
        self._values = [-inf] * population_size
        self._challengers = self._vectors.copy()  # the first generation is its own
        self._next = 0  # who challenges next
        self._awaited: dict[Arch, list[int]] = {}  # asked for and not told yet: their places

    def ask(self) -> Trial | None:
        """The challenger of the next member."""
        if self._next == len(self._values):
            if self._awaited:
                return None
            self._challengers, self._next = bred(self._vectors, self._f, self._cr, self._rng), 0
        choices = _choices(self._challengers[self._next], self._n_choices)
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

    def in_lockstep(self, rngs: Sequence[np.random.Generator]) -> DifferentialEvolutions | None:
        """Many such searches at once; None where not all vectors are architectures."""
        if not self._space.is_product:
            return None
        return DifferentialEvolutions(self._space, rngs, len(self._values), self._f, self._cr)


@final
class DifferentialEvolutions:
    """Many populations at once, a generation at a time."""

    def __init__(
        self, space: Space, rngs: Sequence[np.random.Generator], population_size: int, f: float, cr: float
    ) -> None:
        self._rngs, self._f, self._cr = rngs, f, cr
        self._n_choices = np.array(space.n_choices)
        self._vectors = np.stack([rng.random((population_size, space.n_decisions)) for rng in rngs])
        self._values = np.full((len(rngs), population_size), -inf)
        self._challengers = self._vectors
        self._n_told = 0

    def ask(self) -> Asked:
        """The challengers of each population."""
        if self._n_told:
            pairs = zip(self._vectors, self._rngs, strict=True)
            self._challengers = np.stack([bred(vectors, self._f, self._cr, rng) for vectors, rng in pairs])
        archs = _choices(self._challengers, self._n_choices).astype(np.uint8)
        return Asked(archs, np.full(len(archs), archs.shape[1]))

    def tell(self, values: NDArray[np.float64]) -> None:
        """Challengers that are no worse take the places of the members."""
        wins = values >= self._values
        self._vectors = np.where(wins[:, :, None], self._challengers, self._vectors)
        self._values = np.where(wins, values, self._values)
        self._n_told += 1


def _choices(vectors: NDArray[np.float64], n_choices: NDArray[np.intp]) -> NDArray[np.intp]:
    """Those of whose part of [0, 1) a coordinate is."""
    return np.minimum(vectors * n_choices, n_choices - 1).astype(np.intp)


def bred(x: NDArray[np.float64], f: float, cr: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """A challenger for each vector of a population: float64 (population_size, n_decisions)."""
    n, d = x.shape
    order = rng.random((n, n))
    np.fill_diagonal(order, 2.0)  # the member itself comes last
    r1, r2, r3 = np.argsort(order, axis=1)[:, :3].T
    mutants = x[r1] + f * (x[r2] - x[r3])  # Storn and Price, equation 2
    outside = (mutants < 0) | (mutants >= 1)
    mutants[outside] = rng.random(int(outside.sum()))
    is_crossed = rng.random((n, d)) < cr  # equations 3 and 4
    is_crossed[np.arange(n), rng.integers(d, size=n)] = True
    return np.where(is_crossed, mutants, x)

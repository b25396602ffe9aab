"""DEHB, Awad et al. 2021, https://arxiv.org/abs/2105.09821, algorithm 1, as its release 0.1.2 does it."""

from __future__ import annotations

from itertools import count, cycle
from math import inf
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_number, check_start
from nasbench_kit.optimizers.multi_fidelity.rungs import hyperband_brackets, rungs_down
from nasbench_kit.optimizers.multi_fidelity.synchronous import Places

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.optimizers.multi_fidelity.synchronous import OpenBracket

_LEAST_PARENTS = 3  # of the mutation rand/1


@final
class DEHB:
    """Run Hyperband on populations, one per rung, that evolve by differential evolution.

    An individual is a point of the unit cube; decision i of its architecture is the choice floor(x_i n_choices). In the
    first round of brackets the best of the rung below are promoted; from then on each individual competes with a mutant
    of them. Every trial is a training of its own.

    Args:
        task: What to search.
        rng: Source of all randomness.
        eta: One in `eta` is promoted to the next rung, which has `eta` times the epochs.
        min_epoch: The lowest epoch that may be a rung; by default the first that there is.
        idle: What a worker does that finds a rung asked for but not told: "next bracket" or "wait".
        mutation_factor: How far a mutant goes along the difference of two individuals (F in the paper).
        crossover_prob: That a decision is the mutant's (p in the paper).
    """

    needs: ClassVar[tuple[str, ...]] = ("epochs",)

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        eta: int = 3,
        min_epoch: int | None = None,
        idle: str = "next bracket",
        mutation_factor: float = 0.5,
        crossover_prob: float = 0.5,
    ) -> None:
        check_start(task, rng)
        shares = {"mutation_factor": mutation_factor, "crossover_prob": crossover_prob}
        check_number("a number from 0 to 1", lambda x: 0 <= x <= 1, **shares)
        self._space, self._rng = task.space, rng
        self._factor, self._crossover_prob = mutation_factor, crossover_prob
        self._n_choices = np.array(task.space.n_choices)
        brackets = hyperband_brackets(rungs_down(task, eta, min_epoch), eta)
        largest = {epoch: max(n for b in brackets for n, e in b if e == epoch) for _, epoch in brackets[0]}
        d = task.space.n_decisions
        self._populations = {epoch: _Population(rng.random((n, d))) for epoch, n in largest.items()}
        self._places, self._n_first = Places(cycle(brackets), idle), len(brackets)
        self._numbers = count()
        # training -> its bracket, where its parent is, and the individual
        self._running: dict[int | None, tuple[OpenBracket, int, NDArray[np.float64]]] = {}

    def ask(self) -> Trial | None:
        """The next individual of the oldest bracket that has one, else of a new bracket, or None to wait."""
        bracket = self._places.take()
        if bracket is None:
            return None
        n, epoch = bracket.sizes[bracket.rung]
        below = self._populations[bracket.sizes[max(bracket.rung - 1, 0)][1]]
        population = self._populations[epoch]
        parent = population.next_parent()
        individual = None
        if bracket.rung and self._places.n_begun <= self._n_first:
            individual = population.promoted_from(below, n)
        if individual is None:
            individual = self._child(population.points[parent], below.points[below.best(n)])
        training = next(self._numbers)
        self._running[training] = bracket, parent, individual
        choices = np.minimum((individual * self._n_choices).astype(np.int64), self._n_choices - 1)
        return Trial(self._space.nearest(tuple(choices.tolist()), self._rng), epoch, training)

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Replace the parent by what is as good or better; what was not asked for changes nothing."""
        running = self._running.pop(trial.training, None)
        if running is None:
            return
        bracket, parent, individual = running
        population = self._populations[bracket.epoch]
        if outcome.value >= population.values[parent]:
            population.points[parent], population.values[parent] = individual, outcome.value
        if bracket.is_decided():
            if bracket.n_next:
                bracket.begin_next(bracket.n_next)
            else:
                self._places.close(bracket)

    def _child(self, target: NDArray[np.float64], parents: NDArray[np.float64]) -> NDArray[np.float64]:
        """A mutant of `parents`, crossed with `target`: rand/1/bin."""
        if len(parents) < _LEAST_PARENTS:
            everybody = np.concatenate([population.points for population in self._populations.values()])
            more = [self._mutant(target, everybody) for _ in range(_LEAST_PARENTS - len(parents) + 1)]
            parents = np.vstack([parents, *more])
        crossed = self._rng.random(len(target)) < self._crossover_prob
        if not crossed.any():
            crossed[self._rng.integers(len(target))] = True
        child = np.where(crossed, self._mutant(target, parents), target)
        outside = (child < 0) | (child > 1)
        return np.where(outside, self._rng.random(len(target)), child)

    def _mutant(self, target: NDArray[np.float64], parents: NDArray[np.float64]) -> NDArray[np.float64]:
        """r1 + F (r2 - r3), of three different parents that are not the target."""
        pool = parents[(parents != target).any(axis=1)]
        if len(pool) < _LEAST_PARENTS:
            pool = np.vstack([pool, self._rng.random((_LEAST_PARENTS - len(pool), len(target)))])
        first, second, third = pool[self._rng.choice(len(pool), _LEAST_PARENTS, replace=False)]
        mutant: NDArray[np.float64] = first + self._factor * (second - third)
        return mutant


@final
class _Population:
    """The individuals of one rung, and their values: -inf where there is none yet."""

    def __init__(self, points: NDArray[np.float64]) -> None:
        self.points, self.values = points, np.full(len(points), -inf)
        self._parents = cycle(range(len(points)))
        self._promoted: list[NDArray[np.float64]] = []

    def next_parent(self) -> int:
        """Who is competed with next: one after the other."""
        return next(self._parents)

    def best(self, n: int) -> NDArray[np.intp]:
        """Where the `n` best are."""
        return np.argsort(-self.values, kind="stable")[:n]

    def promoted_from(self, below: _Population, n: int) -> NDArray[np.float64] | None:
        """One of the `n` best of another population that are not in this one; None where nothing has a value there."""
        order = below.best(int((below.values > -inf).sum()))
        if not self._promoted:
            new = [point for point in below.points[order] if not (point == self.points).all(axis=1).any()]
            self._promoted = new[:n][::-1]
        if self._promoted:
            return self._promoted.pop()
        return below.points[order[0]].copy() if len(order) else None

"""What all model-based searches do: begin at random, then ask for what a model proposes, in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple, final

import numpy as np

from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_at_least
from nasbench_kit.optimizers.unrepeated import distinct, unrepeated

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.spaces import Arch, Space

_NONE = np.empty((0, 0))
DIGITS = 9  # scores that agree in so many are equal: their last bits differ between processors


class Observed(NamedTuple):
    """What was told so far, in that order. A failed training counts as the worst that was told, in all respects."""

    archs: NDArray[np.uint8]  #: (n, n_decisions)
    values: NDArray[np.float64]  #: (n,), larger is better, finite
    objectives: NDArray[np.float64] = _NONE  #: (n, n_objectives), likewise
    violations: NDArray[np.float64] = _NONE  #: (n, n_constraints), as `Outcome.violations`

    def latest(self, n: int) -> Observed:
        """The last `n` of it."""
        return Observed(self.archs[-n:], self.values[-n:], self.objectives[-n:], self.violations[-n:])


def first_objective(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of all objectives (n, n_objectives), the one that is optimized where there is one: (n,)."""
    return values[:, 0]


@final
class Proposals:
    """Trials of a model-based search.

    No architecture is asked for twice, unless nothing else can be found. With several workers, batches are made of what
    was told by then.

    Args:
        task: What is searched.
        rng: Source of all randomness.
        n_initial: Random architectures before the first model.
        batch_size: How many are asked for between two models.
        propose: From what was told and the keys of what was asked for (`space.key`), a batch of architectures
            (n, n_decisions) to ask for, the best first.
        scalarize: Makes one value of all objectives (n, n_objectives): (n,); the first by default.
        samples: Where random architectures are from; the whole space by default.
    """

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        n_initial: int,
        batch_size: int,
        propose: Callable[[Observed, Set[int]], NDArray[np.uint8]],
        scalarize: Callable[[NDArray[np.float64]], NDArray[np.float64]] = first_objective,
        samples: Iterator[Arch] | None = None,
    ) -> None:
        check_at_least(1, n_initial=n_initial, batch_size=batch_size)
        self._space, self._rng, self._propose, self._scalarize = task.space, rng, propose, scalarize
        self._batch_size = batch_size
        if samples is None:
            self._initial, self._sample = unrepeated(task.space, rng), partial(task.space.sample, rng)
        else:
            self._initial, self._sample = distinct(task.space, samples, set()), partial(next, samples)
        self._n_initial = n_initial
        self._keys: set[int] = set()  # of what was asked for or told
        self._archs: list[Arch] = []
        self._outcomes: list[Outcome] = []
        self._queue: list[Arch] = []  # the best last

    def ask(self) -> Trial | None:
        """A random architecture, then the best of a batch that was not asked for yet."""
        if not self._queue:
            if self._n_initial > 0 and (arch := next(self._initial, None)) is not None:
                self._n_initial -= 1
                self._keys.add(self._space.key(arch))
                return Trial(arch)
            if not any(isfinite(outcome.value) for outcome in self._outcomes):
                return Trial(self._sample())  # there is nothing yet to learn from
            self._queue = self._next_batch()
        arch = self._queue.pop()
        self._keys.add(self._space.key(arch))
        return Trial(arch)

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Remember the outcome."""
        self._archs.append(trial.arch)
        self._outcomes.append(outcome)
        self._keys.add(self._space.key(trial.arch))

    def _next_batch(self) -> list[Arch]:
        told = np.array([outcome.values for outcome in self._outcomes])
        is_there = np.isfinite(told[:, 0])
        objectives = np.where(is_there[:, None], told, told[is_there].min(axis=0))
        exceeded = np.array([outcome.violations for outcome in self._outcomes if isfinite(outcome.value)])
        violations = np.empty((len(told), exceeded.shape[1]))
        violations[is_there], violations[~is_there] = exceeded, exceeded.max(axis=0)
        archs = np.array(self._archs, np.uint8)
        observed = Observed(archs, self._scalarize(objectives), objectives, violations)
        found = self._propose(observed, self._keys)[: self._batch_size]
        return list(map(tuple, found[::-1].tolist())) or [self._sample()]


def candidates(
    space: Space,
    rng: np.random.Generator,
    observed: Observed,
    known: Set[int],
    *,
    n_mutated: int,
    n_random: int,
    n_parents: int,
) -> NDArray[np.uint8]:
    """A pool of different architectures that were not asked for: mutated from the best, and random ones.

    Args:
        space: Where they are from.
        rng: Draws them.
        observed: What was told.
        known: Keys of what was asked for.
        n_mutated: Children, each of one of the best with one decision changed.
        n_random: Uniform samples.
        n_parents: How many of the best have children.

    Returns:
        At most as many as asked for: (n, n_decisions).
    """
    best = observed.archs[np.argsort(-observed.values, kind="stable")[:n_parents]]
    drawn = [space.sample_many(rng, n_random)] if n_random else []
    if n_mutated:
        drawn.insert(0, space.mutate_many(best[rng.integers(len(best), size=n_mutated)], rng))
    return unasked(space, np.concatenate(drawn), known)


def unasked(space: Space, pool: NDArray[np.uint8], known: Set[int]) -> NDArray[np.uint8]:
    """The different architectures of a pool whose keys are not known, in its order."""
    _, first = np.unique(space.key_many(pool), return_index=True)
    pool = pool[np.sort(first)]
    return pool[[key not in known for key in space.key_many(pool).tolist()]]


def neighbors_of_best(
    space: Space, rng: np.random.Generator, observed: Observed, known: Set[int], *, n: int, n_parents: int
) -> NDArray[np.uint8]:
    """A pool mutated from the best that was told; from the next best, where too few are left; random if none is.

    Args:
        space: Where they are from.
        rng: Draws them.
        observed: What was told.
        known: Keys of what was asked for.
        n: Children that each of the best may have; when there are as many in all, no other has some.
        n_parents: How many of the best may have children.

    Returns:
        Different architectures that were not asked for: (at most 2 n, n_decisions).
    """
    best_first = np.argsort(-observed.values, kind="stable")[:n_parents]
    pools: list[NDArray[np.uint8]] = []
    found = {*known}
    for i in best_first:
        parent = Observed(observed.archs[i : i + 1], observed.values[i : i + 1])
        pools.append(candidates(space, rng, parent, found, n_mutated=n, n_random=0, n_parents=1))
        found.update(space.key_many(pools[-1]).tolist())
        if sum(map(len, pools)) >= n:
            break
    if not any(map(len, pools)):
        return candidates(space, rng, observed, known, n_mutated=0, n_random=n, n_parents=1)
    return np.concatenate(pools)


def by_score(archs: NDArray[np.uint8], scores: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Architectures with the highest scores first; of equals, the earlier one."""
    return archs[np.argsort(-np.round(scores, DIGITS), kind="stable")]

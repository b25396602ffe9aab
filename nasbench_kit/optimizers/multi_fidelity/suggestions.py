"""New architectures for brackets, suggested by a model of what was told at all epochs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple, final

import numpy as np

from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_at_least, check_number
from nasbench_kit.optimizers.model_based.acquisition import expected_improvement
from nasbench_kit.optimizers.model_based.proposals import Observed, by_score, candidates
from nasbench_kit.optimizers.unrepeated import unrepeated

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.spaces import Arch

_GROWN = 1.2  # a model is learned anew when so many more were told


class Model(NamedTuple):
    """What is known of the values at the last epoch."""

    predict: Callable[[NDArray[np.uint8]], tuple[NDArray[np.float64], NDArray[np.float64]]]
    """Mean and standard deviation of each of a batch: (n,) both."""
    best: float  #: the value that is to be improved


Told = Mapping[int, Observed]
"""What was told at each epoch, without failures."""
Learn = Callable[[Told], Model | None]
"""Learns a model; None where too little was told."""


@final
class Suggestions:
    """Suggests what is expected to improve most at the last epoch.

    Args:
        task: What is searched.
        rng: Source of all randomness.
        learn: Gives the model.
        n_initial: Random architectures before the first model.
        pool_size: Candidates of a suggestion, half of them mutated from the best told.
        random_fraction: Of the architectures that are drawn at random after the first model.
    """

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        learn: Learn,
        *,
        n_initial: int,
        pool_size: int,
        random_fraction: float = 0.0,
    ) -> None:
        check_at_least(1, n_initial=n_initial)
        check_at_least(2, pool_size=pool_size)
        check_number("a number from 0 to 1", lambda x: 0 <= x <= 1, random_fraction=random_fraction)
        self._space, self._rng, self._learn, self._last = task.space, rng, learn, task.epochs[-1]
        self._n_initial, self._half, self._random_fraction = n_initial, pool_size // 2, random_fraction
        self._random = unrepeated(task.space, rng)
        self._asked: set[int] = set()
        self._told: dict[int, list[tuple[Arch, float]]] = {}  # per epoch, what did not fail
        self._n_told, self._n_learned = 0, 0
        self._model: Model | None = None

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Remember the value; a failed training has none."""
        epoch = outcome.epoch or trial.epoch or self._last
        if isfinite(outcome.value):
            self._told.setdefault(epoch, []).append((trial.arch, outcome.value))
            self._n_told += 1

    def __call__(self) -> Arch:
        """A random architecture, then the most promising of the candidates."""
        arch = self._promising() or next(self._random, None) or self._space.sample(self._rng)
        self._asked.add(self._space.key(arch))
        return arch

    def _promising(self) -> Arch | None:
        """None where it is to be a random one."""
        if len(self._asked) < self._n_initial or self._n_told < self._n_initial:
            return None
        if self._n_told >= _GROWN * self._n_learned:
            self._n_learned = self._n_told
            self._model = self._learn({epoch: _observed(told) for epoch, told in self._told.items()})
        if self._model is None or (self._random_fraction > 0 and self._rng.random() < self._random_fraction):
            return None
        highest = _observed(self._told[max(self._told)])
        pool = candidates(
            self._space, self._rng, highest, self._asked, n_mutated=self._half, n_random=self._half, n_parents=5
        )
        if not len(pool):
            return None
        mean, sd = self._model.predict(pool)
        found: list[int] = by_score(pool, expected_improvement(mean, sd, self._model.best))[0].tolist()
        return tuple(found)


def _observed(told: list[tuple[Arch, float]]) -> Observed:
    archs, values = zip(*told, strict=True)
    return Observed(np.array(archs, np.uint8), np.array(values))

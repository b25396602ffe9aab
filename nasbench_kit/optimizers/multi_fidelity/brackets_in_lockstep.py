"""Brackets of successive halving of many searches at once: each asks for a whole rung."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING, final

import numpy as np

from nasbench_kit.optimizers.base import NEW, Asked
from nasbench_kit.spaces.base import SAMPLES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.optimizers.multi_fidelity.rungs import Bracket
    from nasbench_kit.spaces import Space


@final
class BracketsInLockstep:
    """As many searches as generators, of random architectures, one bracket after the other, round and round.

    Args:
        space: Where architectures are sampled.
        rngs: A generator of each.
        brackets: One round.
    """

    def __init__(self, space: Space, rngs: Sequence[np.random.Generator], brackets: Sequence[Bracket]) -> None:
        n_runs, n_rungs = len(rngs), max(map(len, brackets))
        self._space, self._rngs = space, rngs
        self._sizes = np.array([[n for n, _ in each] + [0] * (n_rungs + 1 - len(each)) for each in brackets])
        self._epochs = np.array([[epoch for _, epoch in each] + [0] * (n_rungs - len(each)) for each in brackets])
        self._bracket, self._rung = np.zeros(n_runs, np.intp), np.zeros(n_runs, np.intp)
        self._sampled = np.empty((n_runs, 0, space.n_decisions), np.uint8)
        self._n_sampled = np.zeros(n_runs, np.intp)  # that were asked for
        self._n_trials = np.zeros(n_runs, np.intp)
        self._n_asked = self._sizes[self._bracket, 0]
        n = self._sizes.max()
        self._archs = np.zeros((n_runs, n, space.n_decisions), np.uint8)  # of the rung
        self._previous = np.full((n_runs, n), NEW)

    def ask(self) -> Asked:
        """A rung of each: random architectures, or those that were promoted."""
        beginning = np.flatnonzero(self._rung == 0)
        n = self._n_asked.max()
        if len(beginning):
            numbers = self._n_sampled[beginning, None] + np.arange(n)
            while self._sampled.shape[1] <= numbers.max():
                more = np.stack([self._space.sample_many(rng, SAMPLES) for rng in self._rngs])
                self._sampled = np.concatenate([self._sampled, more], axis=1)
            self._archs[beginning, :n] = self._sampled[beginning[:, None], numbers]
            self._previous[beginning] = NEW
            self._n_sampled[beginning] += self._n_asked[beginning]
        epochs = self._epochs[self._bracket, self._rung]
        return Asked(self._archs[:, :n], self._n_asked, epochs, self._previous[:, :n])

    def tell(self, values: NDArray[np.float64]) -> None:
        """Promote the best of each rung that did not fail; of equal ones the first. Where none is, go on anew."""
        n = values.shape[1]
        values = np.where(np.arange(n) < self._n_asked[:, None], values, -inf)
        best = np.argsort(-values, axis=1, kind="stable")
        self._archs[:, :n] = np.take_along_axis(self._archs[:, :n], best[:, :, None], axis=1)
        self._previous[:, :n] = self._n_trials[:, None] + best
        self._n_trials += self._n_asked
        self._rung += 1
        self._n_asked = np.minimum(self._sizes[self._bracket, self._rung], (values > -inf).sum(axis=1))
        over = np.flatnonzero(self._n_asked == 0)
        self._rung[over] = 0
        self._bracket[over] = (self._bracket[over] + 1) % len(self._sizes)
        self._n_asked[over] = self._sizes[self._bracket[over], 0]

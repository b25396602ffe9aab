"""PASHA, progressive ASHA, Bohdal et al. 2023, https://openreview.net/forum?id=syfgJE6nFRW, algorithm 1."""

from __future__ import annotations

from collections import deque
from math import inf
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_number, check_start
from nasbench_kit.optimizers.multi_fidelity.asynchronous import AsyncBrackets
from nasbench_kit.optimizers.multi_fidelity.rungs import rungs_up

if TYPE_CHECKING:
    from numpy.typing import NDArray


@final
class PASHA:
    """Run ASHA on the two lowest rungs, and open the next one whenever the two highest disagree on the order.

    The order is soft: values that differ by no more than epsilon are the same. Epsilon is estimated from the pairs of
    trainings whose curves cross and cross back on the way to the highest rung, so all epochs are asked for, one by one.
    While no ranking changes nothing is trained to the last epoch; such a search has incumbents at "any epoch" only.

    Args:
        task: What to search.
        rng: Source of all randomness.
        eta: One in `eta` goes on to the next rung, which has `eta` times the epochs.
        min_epoch: The lowest rung (r in the paper); by default the first epoch that there is.
        percentile: Of the distances between crossing pairs at the highest rung, which is epsilon (N in the paper).
    """

    needs: ClassVar[tuple[str, ...]] = ("epochs",)

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        eta: int = 3,
        min_epoch: int | None = None,
        percentile: float = 90,
    ) -> None:
        check_start(task, rng)
        check_number("a number from 0 to 100", lambda x: 0 <= x <= 100, percentile=percentile)
        self._rungs, self._percentile = rungs_up(task, eta, min_epoch), percentile
        self._epochs = [epoch for epoch in task.epochs if epoch >= self._rungs[0]]
        self._brackets = AsyncBrackets(self._rungs, eta, "promotion", task.space.samples(rng).__next__)
        self._brackets.n_rungs = min(2, len(self._rungs))
        self._going_on: deque[Trial] = deque()
        self._running: dict[int | None, Trial] = {}  # training -> the trial that ends at its rung
        self._values: dict[int | None, list[float]] = {}  # training -> per epoch
        self._epsilon = 0.0
        self._begin_rung()

    def ask(self) -> Trial:
        """The next epoch of a training that is on its way to a rung, else of one that ASHA asks for."""
        if self._going_on:
            trial = self._going_on.popleft()
        else:
            trial = self._brackets.ask()
            self._running[trial.training] = trial
        n_done = len(self._values.setdefault(trial.training, []))
        return Trial(trial.arch, self._epochs[n_done], trial.training)

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """At a rung, see whether the next one is to be opened; what was not asked for changes nothing."""
        wanted = self._running.get(trial.training)
        if wanted is None or trial.epoch != self._epochs[len(self._values[trial.training])]:
            return
        values = self._values[trial.training]
        values.append(outcome.value)
        if trial.epoch != wanted.epoch and outcome.value > -inf:
            self._going_on.append(wanted)
            return
        del self._running[trial.training]
        self._brackets.tell(wanted, outcome)
        if len(values) == self._n_top and outcome.value > -inf and self._brackets.n_rungs < len(self._rungs):
            self._add_to_top(np.array(values))

    def _begin_rung(self) -> None:
        """The two highest rungs that are in use have changed."""
        k = self._brackets.n_rungs - 1
        self._n_top, self._n_below = (self._epochs.index(self._rungs[max(i, 0)]) + 1 for i in (k, k - 1))
        self._top = np.empty((0, self._n_top))  # the curves that reached the highest
        self._crossing = Sample()

    def _add_to_top(self, curve: NDArray[np.float64]) -> None:
        """Compare the two rankings, by epsilon as it is now."""
        self._crossing.add(distances_of_crossing(self._top, curve))
        self._top = np.vstack([self._top, curve])
        change = change_of_ranking(self._top[:, self._n_below - 1], self._top[:, -1])
        if self._crossing.n:
            is_same = not self._crossing.percentile_is_below(change, self._percentile)
        else:
            is_same = change <= self._epsilon  # that of the rung before
        if not is_same:
            if self._crossing.n:
                self._epsilon = self._crossing.percentile(self._percentile)
            self._brackets.n_rungs += 1
            self._begin_rung()


class Sample:
    """Numbers that come bit by bit, millions of them: a percentile of them is found only where counting is not enough.

    Attributes:
        n: How many have come.
    """

    def __init__(self) -> None:
        self.n = 0
        self._there = np.empty(1_024)

    def add(self, numbers: NDArray[np.float64]) -> None:
        """Add numbers, shape (n,)."""
        end = self.n + len(numbers)
        if end > len(self._there):
            self._there = np.concatenate([self._there[: self.n], np.empty(end)])
        self._there[self.n : end] = numbers
        self.n = end

    def percentile(self, percent: float) -> float:
        """That of all that have come, one or more."""
        return float(np.percentile(self._there[: self.n], percent))

    def percentile_is_below(self, limit: float, percent: float) -> bool:
        """Whether `percentile(percent) < limit`."""
        n_below = np.count_nonzero(self._there[: self.n] < limit)
        place = (self.n - 1) * percent / 100  # between two of them in order; next to them it is looked up
        if abs(n_below - place) > 2:
            return bool(n_below > place)
        return self.percentile(percent) < limit


def distances_of_crossing(curves: NDArray[np.float64], curve: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far from `curve` those of `curves` end that cross it and cross back.

    Args:
        curves: (n, n_epochs).
        curve: (n_epochs,).
    """
    is_below = (curves < curve)[:, ::-1]  # the last epoch first
    is_other = is_below != is_below[:, :1]
    crosses_back = (np.logical_or.accumulate(is_other, axis=1) & ~is_other).any(axis=1)
    distances: NDArray[np.float64] = np.abs(curves[crosses_back, -1] - curve[-1])
    return distances


def change_of_ranking(before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    """How far from it, before, is at most who stood where one stands after; 0 if nobody changed places.

    Args:
        before: (n,), the larger the better.
        after: (n,), of the same.
    """
    order = np.lexsort((-before, -after))
    return float(np.abs(before[order] - np.sort(before)[::-1]).max())

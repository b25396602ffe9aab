"""Brackets of successive halving in which a rung is decided when all of it is told."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import count
from math import inf
from typing import TYPE_CHECKING, final

from nasbench_kit.errors import unknown
from nasbench_kit.optimizers.base import Outcome, Trial

if TYPE_CHECKING:
    from nasbench_kit.optimizers.multi_fidelity.rungs import Bracket
    from nasbench_kit.spaces import Arch

IDLE = ("next bracket", "wait")
"""What a worker does that finds nothing to do in a rung that others still train."""


@final
class Brackets:
    """Asks for the trials of one bracket after another.

    Equal values keep the order in which they were told. What failed is never promoted: a rung may stay smaller.

    Args:
        sizes: The brackets, without end.
        suggest: Gives the next new architecture.
        idle: One of `IDLE`.
    """

    def __init__(self, sizes: Iterator[Bracket], suggest: Callable[[], Arch], idle: str) -> None:
        if idle not in IDLE:
            raise unknown("idle", idle, IDLE)
        self._sizes, self._suggest, self._waits = sizes, suggest, idle == "wait"
        self._numbers = count()
        self._open: list[_Open] = []  # the oldest first
        self._running: dict[int | None, _Open] = {}

    def ask(self) -> Trial | None:
        """A trial of the oldest bracket that has one; else of a new bracket, or None to wait."""
        for bracket in self._open:
            if bracket.promoted:
                trial = bracket.promoted.popleft()
            elif bracket.n_new:
                bracket.n_new -= 1
                trial = Trial(self._suggest(), bracket.epoch, next(self._numbers))
            else:
                continue
            self._running[trial.training] = bracket
            return trial
        if self._open and self._waits:
            return None
        self._open.append(_Open(next(self._sizes)))
        return self.ask()

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Note what its rung awaits; what was not asked for changes nothing."""
        bracket = self._running.pop(trial.training, None)
        if bracket is not None and bracket.is_over_after(trial, outcome.value):
            self._open.remove(bracket)


@final
class _Open:
    """A bracket that is not over."""

    def __init__(self, sizes: Bracket) -> None:
        self._later = list(sizes[:0:-1])  # the next one last
        self.n_new, self.epoch = sizes[0]
        self.promoted: deque[Trial] = deque()
        self._n_awaited = self.n_new
        self._told: list[tuple[float, Trial]] = []

    def is_over_after(self, trial: Trial, value: float) -> bool:
        """Take a value; when it is the last of its rung, promote the best."""
        self._n_awaited -= 1
        if value > -inf:
            self._told.append((value, trial))
        if self._n_awaited:
            return False
        if not self._later or not self._told:
            return True
        n, epoch = self._later.pop()
        best = sorted(self._told, key=lambda told: told[0], reverse=True)[:n]  # stable: of equal ones the first told
        self.promoted.extend(Trial(trial.arch, epoch, trial.training) for _, trial in best)
        self._n_awaited, self._told = len(best), []
        return False

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
class OpenBracket:
    """A bracket of which not all was told: its rungs have places, and the next one begins when all of one are told.

    Args:
        sizes: The places and the epoch of each rung.
    """

    def __init__(self, sizes: Bracket) -> None:
        self.sizes, self.rung = sizes, 0
        self.n_left = self._n_awaited = sizes[0][0]  #: places of the rung that nobody took yet
        self.told: list[tuple[float, Trial]] = []  #: of the rung, for who wants to promote the best
        self.promoted: deque[Trial] = deque()  #: to the rung

    @property
    def epoch(self) -> int:
        """Up to which its rung trains."""
        return self.sizes[self.rung][1]

    def is_decided(self) -> bool:
        """Count an outcome: whether it was the last of the rung."""
        self._n_awaited -= 1
        return not self._n_awaited

    @property
    def n_next(self) -> int:
        """Places of the next rung; 0 where there is none."""
        return self.sizes[self.rung + 1][0] if self.rung + 1 < len(self.sizes) else 0

    def begin_next(self, n: int) -> None:
        """Go to the next rung, of which `n` places are to be taken."""
        self.rung += 1
        self.n_left = self._n_awaited = n


@final
class Places:
    """The places of one bracket after another, those of the oldest first.

    Args:
        sizes: The brackets, without end.
        idle: One of `IDLE`.
    """

    def __init__(self, sizes: Iterator[Bracket], idle: str) -> None:
        if idle not in IDLE:
            raise unknown("idle", idle, IDLE)
        self._sizes, self._waits = sizes, idle == "wait"
        self._open: list[OpenBracket] = []  # the oldest first
        self.n_begun = 0  #: brackets

    def take(self) -> OpenBracket | None:
        """The oldest bracket with a place in its rung, else a new one; None to wait."""
        for bracket in self._open:
            if bracket.n_left:
                break
        else:
            if self._open and self._waits:
                return None
            bracket = OpenBracket(next(self._sizes))
            self._open.append(bracket)
            self.n_begun += 1
        bracket.n_left -= 1
        return bracket

    def close(self, bracket: OpenBracket) -> None:
        """It is over."""
        self._open.remove(bracket)


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
        self._places, self._suggest = Places(sizes, idle), suggest
        self._numbers = count()
        self._running: dict[int | None, OpenBracket] = {}

    def ask(self) -> Trial | None:
        """A trial of the oldest bracket that has one; else of a new bracket, or None to wait."""
        bracket = self._places.take()
        if bracket is None:
            return None
        if bracket.promoted:
            trial = bracket.promoted.popleft()
        else:
            trial = Trial(self._suggest(), bracket.epoch, next(self._numbers))
        self._running[trial.training] = bracket
        return trial

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Note what its rung awaits, and promote when that is all; what was not asked for changes nothing."""
        bracket = self._running.pop(trial.training, None)
        if bracket is None:
            return
        if outcome.value > -inf:
            bracket.told.append((outcome.value, trial))
        if not bracket.is_decided():
            return
        ranked = sorted(bracket.told, key=lambda told: told[0], reverse=True)  # stable: of equal ones the first told
        best = [trial for _, trial in ranked[: bracket.n_next]]
        if not best:
            self._places.close(bracket)
            return
        bracket.begin_next(len(best))
        bracket.promoted.extend(Trial(trial.arch, bracket.epoch, trial.training) for trial in best)
        bracket.told.clear()

"""Rungs in which every training is decided on at once, by those that reached the rung before."""

from __future__ import annotations

from bisect import bisect, bisect_left, insort
from collections import deque
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from itertools import accumulate, count
from math import inf
from typing import TYPE_CHECKING, final

from nasbench_kit.errors import unknown
from nasbench_kit.optimizers.base import Outcome, Trial

if TYPE_CHECKING:
    from nasbench_kit.spaces import Arch, DrawnAhead

PROMOTION, DELAYED, STOPPING = KINDS = ("promotion", "delayed", "stopping")
"""Whether trainings pause at a rung until they are among its best, or also until it has enough for one more; or go on
at once or never."""


@final
class Rung:
    """The trainings that reached one epoch. Of equal values the one told first is better; what failed stays.

    Args:
        eta: One in `eta` goes on.
        delays: Whether no more than one in `eta` of all are ever promoted, although what was is no longer the best.
    """

    def __init__(self, eta: int, *, delays: bool = False) -> None:
        self._eta, self._delays = eta, delays
        self._n = 0
        self.may_promote = False  #: whether something was added since nothing could be promoted
        self._values: list[float] = []  # ascending; where trainings are stopped
        self._paused: list[tuple[float, int, Trial]] = []  # a heap: the best first
        self._promoted: list[tuple[float, int]] = []  # ascending keys: the best first

    def pause(self, trial: Trial, value: float) -> None:
        """Add a training that waits to be promoted."""
        self._n += 1
        self.may_promote = True
        if value > -inf:
            heappush(self._paused, (-value, self._n, trial))

    def promoted(self) -> Trial | None:
        """The best of those that are among the best floor(n / eta) and were not promoted yet.

        Source: Li et al. 2020, https://arxiv.org/abs/1810.05934, algorithm 2, lines 13 to 17; delayed, Li et al. 2022,
        https://arxiv.org/abs/2201.06834, section 4.2: n / (n_promoted + 1) is to be at least eta, as the authors' code
        counts (`async_mq_sh.py` in PKU-DAIR/HyperTune).
        """
        if self._paused:
            value, order, trial = self._paused[0]
            n_better = bisect(self._promoted, (value, order))  # as it is the best of the others, all were promoted
            n_before = len(self._promoted) if self._delays else n_better
            if n_before < self._n // self._eta:
                heappop(self._paused)
                insort(self._promoted, (value, order))
                return trial
        self.may_promote = False
        return None

    def goes_on(self, value: float) -> bool:
        """Add a training that goes on or is stopped: whether it is at least the quantile 1 - 1 / eta of all here.

        The quantile of n values lies (n - 1) / eta places below the best, by linear interpolation as `numpy.quantile`.

        Source: the rule of Syne Tune's experiments, Klein et al. 2020, https://arxiv.org/abs/2003.10865, section 3.
        """
        n_better = self._n - bisect_left(self._values, value)
        insort(self._values, value)
        self._n += 1
        return n_better * self._eta <= self._n - 1 and value > -inf


@final
class AsyncBrackets:
    """Asks for trials whose trainings go on as soon as their rung says so. Nothing is ever waited for.

    Args:
        rungs: The epochs, ascending.
        eta: One in `eta` goes on from a rung.
        kind: One of `KINDS`.
        suggest: Gives the next new architecture.
        bracket: Gives the bracket that a free worker turns to: trainings of bracket s begin at rung s.
        are_shared: Whether trainings of all brackets meet in the same rungs, instead of only those of the same bracket.
    """

    def __init__(
        self,
        rungs: Sequence[int],
        eta: int,
        kind: str,
        suggest: Callable[[], Arch],
        bracket: Callable[[], int] = lambda: 0,
        *,
        are_shared: bool = False,
    ) -> None:
        if kind not in KINDS:
            raise unknown("kind", kind, KINDS)
        self._promotes = kind != STOPPING
        self._suggest, self._bracket, self._are_shared = suggest, bracket, are_shared
        self._epochs = [rungs[s:] for s in range(len(rungs))]
        self._rungs = [[Rung(eta, delays=kind == DELAYED) for _ in epochs[:-1]] for epochs in self._epochs]
        if are_shared:
            self._rungs = [self._rungs[0][s:] for s in range(len(rungs))]
        self._numbers = count()
        self._going_on: deque[tuple[Trial, int, int]] = deque()
        self._running: dict[int | None, tuple[int, int]] = {}  # training -> bracket, rung
        self.n_rungs = len(rungs)  #: those of bracket 0 that are in use; the ones above are not promoted to

    def ask(self) -> Trial:
        """The training that goes on, from the highest rung where there is one; else a new one."""
        if self._going_on:
            trial, s, k = self._going_on.popleft()
            return self._begun(trial.arch, s, k, trial.training)
        s = self._bracket()
        if self._promotes:
            of = 0 if self._are_shared else s  # bracket 0 has all rungs
            rungs = self._rungs[of][: self.n_rungs - 1]
            for k in range(len(rungs) - 1, -1, -1):
                paused = rungs[k].promoted() if rungs[k].may_promote else None
                if paused is not None:
                    return self._begun(paused.arch, of, k + 1, paused.training)
        return self._begun(self._suggest(), s, 0, next(self._numbers))

    def _begun(self, arch: Arch, s: int, k: int, training: int | None) -> Trial:
        self._running[training] = s, k
        return Trial(arch, self._epochs[s][k], training)

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Add it to its rung; what was not asked for changes nothing."""
        place = self._running.pop(trial.training, None)
        if place is None:
            return
        s, k = place
        rungs = self._rungs[s]
        if k == len(rungs):
            return  # the last epoch
        if self._promotes:
            rungs[k].pause(trial, outcome.value)
        elif rungs[k].goes_on(outcome.value):
            self._going_on.append((trial, s, k + 1))


def bracket_weights(rungs: Sequence[int], n_brackets: int) -> list[float]:
    """How often synchronous Hyperband begins trainings in each bracket, up to a factor.

    With K rungs, bracket s, which begins at epoch r_s, has the weight K / ((K - s) r_s).

    Source: Syne Tune's default distribution, for Klein et al. 2020, https://arxiv.org/abs/2003.10865.
    """
    n_rungs = len(rungs)
    return [n_rungs / ((n_rungs - s) * rungs[s]) for s in range(min(n_brackets, n_rungs))]


def sampled_brackets(weights: Sequence[float], rng: DrawnAhead) -> Callable[[], int]:
    """Draws brackets as often as their weights say."""
    *inner, total = accumulate(weights)
    edges = [edge / total for edge in inner]
    return lambda: bisect(edges, rng.random())

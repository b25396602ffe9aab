"""MO-ASHA, multi-objective ASHA, Schmucker et al. 2021, https://arxiv.org/abs/2106.12639, algorithm 1."""

from __future__ import annotations

from itertools import count
from math import inf
from typing import ClassVar, final

import numpy as np

from nasbench_kit.errors import unknown
from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_start
from nasbench_kit.optimizers.multi_fidelity.rungs import rungs_up
from nasbench_kit.optimizers.multi_objective.fronts import best, loneliest_first, spread_out

WITHIN = {"epsilon net": spread_out, "crowding": loneliest_first}


@final
class MOASHA:
    """Train on what is among the best compromises of those that reached its epoch so far; else begin at random.

    Args:
        task: What to search.
        rng: Source of all randomness.
        within: Which come first of those that do not dominate each other: "epsilon net", which spreads out over the
            front, or "crowding", as in NSGA-II.
        eta: One in `eta` goes on to the next rung, which has `eta` times the epochs.
        min_epoch: The lowest rung; by default the first epoch that there is.
    """

    needs: ClassVar[tuple[str, ...]] = ("epochs", "objectives")

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        within: str = "epsilon net",
        eta: int = 3,
        min_epoch: int | None = None,
    ) -> None:
        check_start(task, rng)
        if within not in WITHIN:
            raise unknown("order within a front:", within, WITHIN)
        self._within, self._eta = WITHIN[within], eta
        self._epochs = rungs_up(task, eta, min_epoch)
        self._archs = task.space.samples(rng)
        self._numbers = count()
        self._running: dict[int | None, int] = {}  # training -> its rung
        self._rungs = [_Rung() for _ in self._epochs[:-1]]

    def ask(self) -> Trial:
        """The training to go on with, from the highest rung where there is one, or a new one."""
        for k in range(len(self._rungs) - 1, -1, -1):
            if (paused := self._promotable(self._rungs[k])) is not None:
                return self._begun(paused._replace(epoch=self._epochs[k + 1]), k + 1)
        return self._begun(Trial(next(self._archs), self._epochs[0], next(self._numbers)), 0)

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Add it to its rung; what was not asked for changes nothing."""
        k = self._running.pop(trial.training, len(self._rungs))
        if k < len(self._rungs):
            rung = self._rungs[k]
            rung.trials.append(trial)
            rung.values.append(outcome.values)
            rung.is_settled = False

    def _begun(self, trial: Trial, k: int) -> Trial:
        self._running[trial.training] = k
        return trial

    def _promotable(self, rung: _Rung) -> Trial | None:
        """The first of the best one in eta that was not promoted yet; what failed never is."""
        n = len(rung.trials) // self._eta
        if rung.is_settled or n == 0:
            return None
        for i in best(np.array(rung.values), n, self._within):
            if i not in rung.promoted and rung.values[i][0] > -inf:
                rung.promoted.add(i)
                return rung.trials[i]
        rung.is_settled = True
        return None


@final
class _Rung:
    """The trainings that reached one epoch."""

    def __init__(self) -> None:
        self.trials: list[Trial] = []
        self.values: list[tuple[float, ...]] = []
        self.promoted: set[int] = set()
        self.is_settled = True  # none can be promoted until another one comes

"""Successive halving, Jamieson and Talwalkar 2016, https://arxiv.org/abs/1502.07943, figure 3."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import TYPE_CHECKING, ClassVar, final

from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_at_least, check_start
from nasbench_kit.optimizers.multi_fidelity.brackets_in_lockstep import BracketsInLockstep
from nasbench_kit.optimizers.multi_fidelity.rungs import halving_bracket, rungs_down
from nasbench_kit.optimizers.multi_fidelity.synchronous import Brackets

if TYPE_CHECKING:
    import numpy as np


@final
class SuccessiveHalving:
    """Train many random architectures for few epochs, the best of them for more, and again; then start anew.

    Args:
        task: What to search.
        rng: Source of all randomness.
        n_archs: Architectures that each start begins with; by default as many as leave one for the last epoch.
        eta: One in `eta` is promoted to the next rung, which has `eta` times the epochs.
        min_epoch: The lowest epoch that may be a rung; by default the first that there is.
        idle: What a worker does that finds a rung asked for but not told: "next bracket" starts anew beside it, as
            Falkner et al. 2018 do in parallel; "wait".
    """

    needs: ClassVar[tuple[str, ...]] = ("epochs",)

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        n_archs: int | None = None,
        eta: int = 3,
        min_epoch: int | None = None,
        idle: str = "next bracket",
    ) -> None:
        check_start(task, rng)
        rungs = rungs_down(task, eta, min_epoch)
        if n_archs is None:
            n_archs = eta ** (len(rungs) - 1)
        check_at_least(1, n_archs=n_archs)
        self._space, self._bracket = task.space, halving_bracket(rungs, eta, n_archs)
        self._brackets = Brackets(repeat(self._bracket), task.space.samples(rng).__next__, idle)

    def ask(self) -> Trial | None:
        """A new architecture for the lowest rung, or one that was promoted."""
        return self._brackets.ask()

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Once all of a rung are told, the best are promoted."""
        self._brackets.tell(trial, outcome)

    def in_lockstep(self, rngs: Sequence[np.random.Generator]) -> BracketsInLockstep:
        """Many such searches at once."""
        return BracketsInLockstep(self._space, rngs, [self._bracket])

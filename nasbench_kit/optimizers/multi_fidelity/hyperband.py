"""Hyperband, Li et al. 2018, https://arxiv.org/abs/1603.06560, algorithm 1 and table 1."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING, ClassVar, final

from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_start
from nasbench_kit.optimizers.multi_fidelity.brackets_in_lockstep import BracketsInLockstep
from nasbench_kit.optimizers.multi_fidelity.rungs import hyperband_brackets, rungs_down
from nasbench_kit.optimizers.multi_fidelity.synchronous import Brackets

if TYPE_CHECKING:
    import numpy as np


@final
class Hyperband:
    """Run brackets of successive halving that begin at ever higher epochs, round after round.

    Args:
        task: What to search.
        rng: Source of all randomness.
        eta: One in `eta` is promoted to the next rung, which has `eta` times the epochs.
        min_epoch: The lowest epoch that may be a rung; by default the first that there is.
        idle: What a worker does that finds a rung asked for but not told: "next bracket" begins the next one beside
            it, as HpBandSter does; "wait".
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
    ) -> None:
        check_start(task, rng)
        self._space, self._round = task.space, hyperband_brackets(rungs_down(task, eta, min_epoch), eta)
        self._brackets = Brackets(cycle(self._round), task.space.samples(rng).__next__, idle)

    def ask(self) -> Trial | None:
        """A new architecture for the lowest rung of a bracket, or one that was promoted."""
        return self._brackets.ask()

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Once all of a rung are told, the best are promoted."""
        self._brackets.tell(trial, outcome)

    def in_lockstep(self, rngs: Sequence[np.random.Generator]) -> BracketsInLockstep:
        """Many such searches at once."""
        return BracketsInLockstep(self._space, rngs, self._round)

"""ASHA, asynchronous successive halving, Li et al. 2020, https://arxiv.org/abs/1810.05934, algorithm 2."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, final

from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_at_least, check_start
from nasbench_kit.optimizers.multi_fidelity.asynchronous import AsyncBrackets, bracket_weights, sampled_brackets
from nasbench_kit.optimizers.multi_fidelity.rungs import rungs_up
from nasbench_kit.spaces import DrawnAhead

if TYPE_CHECKING:
    import numpy as np


@final
class ASHA:
    """Train on what is among the best of those that reached its epoch so far; else begin with a random architecture.

    Args:
        task: What to search.
        rng: Source of all randomness.
        kind: "promotion", the paper's, pauses trainings at each rung, and goes on with one when it is among the best of
            its rung; "delayed", Hyper-Tune's, only if no more than one in `eta` went on so far; "stopping", Syne
            Tune's, decides at once whether a training goes on or is stopped for good.
        eta: One in `eta` goes on to the next rung, which has `eta` times the epochs.
        min_epoch: The lowest rung (r in the paper); by default the first epoch that there is.
        n_brackets: From how many of the lowest rungs trainings may begin, each bracket with rungs of its own; which one
            is drawn as in asynchronous Hyperband.
    """

    needs: ClassVar[tuple[str, ...]] = ("epochs",)

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        kind: str = "promotion",
        eta: int = 3,
        min_epoch: int | None = None,
        n_brackets: int = 1,
    ) -> None:
        check_start(task, rng)
        check_at_least(1, n_brackets=n_brackets)
        rungs = rungs_up(task, eta, min_epoch)
        archs = task.space.samples(rng)
        weights = bracket_weights(rungs, n_brackets)
        bracket = sampled_brackets(weights, DrawnAhead(rng)) if n_brackets > 1 else lambda: 0
        self._brackets = AsyncBrackets(rungs, eta, kind, archs.__next__, bracket)

    def ask(self) -> Trial:
        """The training to go on with, or a new one (`get_job` of the algorithm)."""
        return self._brackets.ask()

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Add it to its rung (line 6)."""
        self._brackets.tell(trial, outcome)

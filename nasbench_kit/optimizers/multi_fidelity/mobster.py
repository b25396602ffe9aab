"""MOBSTER, Klein et al. 2020, https://arxiv.org/abs/2003.10865, section 4."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, final

from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_start
from nasbench_kit.optimizers.multi_fidelity.asynchronous import AsyncBrackets
from nasbench_kit.optimizers.multi_fidelity.models import learner
from nasbench_kit.optimizers.multi_fidelity.rungs import rungs_up
from nasbench_kit.optimizers.multi_fidelity.suggestions import Suggestions

if TYPE_CHECKING:
    import numpy as np


@final
class MOBSTER:
    """Run ASHA on architectures that a Gaussian process expects to be better at the last epoch.

    The process learns from at most 150 outcomes, those of the highest epochs first.

    Args:
        task: What to search.
        rng: Source of all randomness.
        kind: "stopping", "promotion" or "delayed", as of ASHA.
        model: "joint" learns from all epochs at once; "independent" from the highest epoch with enough outcomes.
        eta: One in `eta` goes on to the next rung, which has `eta` times the epochs.
        min_epoch: The lowest rung; by default the first epoch that there is.
        n_initial: Random architectures before the first model.
        pool_size: Candidates among which the best is looked for, half of them mutated from the best told.
    """

    needs: ClassVar[tuple[str, ...]] = ("epochs",)

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        kind: str = "stopping",
        model: str = "joint",
        eta: int = 3,
        min_epoch: int | None = None,
        n_initial: int = 10,
        pool_size: int = 200,
    ) -> None:
        check_start(task, rng)
        rungs = rungs_up(task, eta, min_epoch)
        learn = learner(model, task, n_initial)
        self._suggestions = Suggestions(task, rng, learn, n_initial=n_initial, pool_size=pool_size)
        self._brackets = AsyncBrackets(rungs, eta, kind, self._suggestions)

    def ask(self) -> Trial:
        """The training to go on with, or a new one of what was suggested."""
        return self._brackets.ask()

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Add it to its rung, and learn from it."""
        self._brackets.tell(trial, outcome)
        self._suggestions.tell(trial, outcome)

"""SyncMOBSTER of Syne Tune, Salinas et al. 2022, https://proceedings.mlr.press/v188/salinas22a.html."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, ClassVar, final

from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_start
from nasbench_kit.optimizers.multi_fidelity.models import learner
from nasbench_kit.optimizers.multi_fidelity.rungs import hyperband_brackets, rungs_down
from nasbench_kit.optimizers.multi_fidelity.suggestions import Suggestions
from nasbench_kit.optimizers.multi_fidelity.synchronous import Brackets

if TYPE_CHECKING:
    import numpy as np


@final
class SyncMOBSTER:
    """Run Hyperband on architectures that a Gaussian process expects to be better at the last epoch.

    The process learns from at most 150 outcomes, those of the highest epochs first.

    Args:
        task: What to search.
        rng: Source of all randomness.
        eta: One in `eta` is promoted to the next rung, which has `eta` times the epochs.
        min_epoch: The lowest epoch that may be a rung; by default the first that there is.
        idle: What a worker does that finds a rung asked for but not told: "next bracket" or "wait".
        model: "joint" learns from all epochs at once; "independent" from the highest epoch with enough outcomes.
        n_initial: Random architectures before the first model.
        pool_size: Candidates among which the best is looked for, half of them mutated from the best told.
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
        model: str = "joint",
        n_initial: int = 10,
        pool_size: int = 200,
    ) -> None:
        check_start(task, rng)
        brackets = hyperband_brackets(rungs_down(task, eta, min_epoch), eta)
        learn = learner(model, task, n_initial)
        self._suggestions = Suggestions(task, rng, learn, n_initial=n_initial, pool_size=pool_size)
        self._brackets = Brackets(cycle(brackets), self._suggestions, idle)

    def ask(self) -> Trial | None:
        """A suggested architecture for the lowest rung of a bracket, or one that was promoted."""
        return self._brackets.ask()

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Learn from the value; once all of a rung are told, the best are promoted."""
        self._brackets.tell(trial, outcome)
        self._suggestions.tell(trial, outcome)

"""ParEGO, Knowles 2006, https://doi.org/10.1109/TEVC.2005.851274, section III."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_at_least, check_start
from nasbench_kit.optimizers.model_based.acquisition import EI
from nasbench_kit.optimizers.model_based.processes import process_proposals

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RHO = 0.05  # of the augmented Tchebycheff function, eq. 2


@final
class ParEGO:
    """Ask for what a Gaussian process expects to improve most in a weighting of the objectives, drawn anew each time.

    Args:
        task: What to search.
        rng: Source of all randomness.
        n_initial: Random architectures before the first model.
        n_divisions: Weights are multiples of one over it (s in the paper).
        pool_size: Architectures among which the best is looked for, half of them mutated from the best told.
        n_parents: How many of the best told are mutated.
    """

    needs: ClassVar[tuple[str, ...]] = ("objectives",)

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        n_initial: int = 10,
        n_divisions: int = 10,
        pool_size: int = 200,
        n_parents: int = 10,
    ) -> None:
        check_start(task, rng)
        check_at_least(1, n_divisions=n_divisions)
        self._rng, self._n_divisions, self._n_objectives = rng, n_divisions, len(task.objectives)
        self._proposals = process_proposals(
            task,
            rng,
            n_initial=n_initial,
            batch_size=1,
            acquisition=EI,
            pool_size=pool_size,
            n_parents=n_parents,
            scalarize=self._scalarized,
        )

    def ask(self) -> Trial | None:
        """A random architecture, then the most promising of a pool under the weights of this time."""
        return self._proposals.ask()

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Learn from the values."""
        self._proposals.tell(trial, outcome)

    def _scalarized(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The negative augmented Tchebycheff function of the objectives, each scaled to [0, 1] as a loss: eq. 2."""
        weights = drawn_weights(self._n_objectives, self._n_divisions, self._rng)
        best, worst = values.max(axis=0), values.min(axis=0)
        losses = (best - values) / np.where(best > worst, best - worst, 1.0)
        weighted = losses * weights
        return -(weighted.max(axis=1) + _RHO * weighted.sum(axis=1))


def drawn_weights(n: int, n_divisions: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """`n` weights that sum up to 1, multiples of 1 / n_divisions, all such alike: eq. 1."""
    bars = np.sort(rng.choice(n_divisions + n - 1, size=n - 1, replace=False))  # between n_divisions stars
    weights: NDArray[np.float64] = (np.diff(np.concatenate([[-1], bars, [n_divisions + n - 1]])) - 1) / n_divisions
    return weights

"""Stronger NAS with weaker predictors (WeakNAS), Wu et al. 2021, https://arxiv.org/abs/2102.10490, algorithm 1."""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from nasbench_kit.encodings.features import tree_columns
from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_at_least, check_start
from nasbench_kit.optimizers.model_based.proposals import Observed, Proposals, by_score, candidates
from nasbench_kit.optional import require

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PARENTS = 10


@final
class WeakPredictors:
    """Ask for random ones of what a weak predictor ranks on top, and learn it anew from all that was told.

    The predictor is a random forest, one of the three that the paper finds alike. What it ranks is a random pool, half
    of it mutated from the best told, where the paper ranks the whole space.

    Args:
        task: What to search.
        rng: Source of all randomness.
        n_initial: Random architectures before the first predictor (M_0 in the paper).
        batch_size: Drawn from the top between two predictors (M in the paper).
        n_top: On top (N in the paper).
        pool_size: Architectures that are ranked.
        n_trees: In the forest.
    """

    needs: ClassVar[tuple[str, ...]] = ("package:sklearn",)

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        n_initial: int = 50,
        batch_size: int = 10,
        n_top: int = 100,
        pool_size: int = 2_000,
        n_trees: int = 50,
    ) -> None:
        check_start(task, rng)
        check_at_least(2, pool_size=pool_size)
        check_at_least(1, n_top=n_top, n_trees=n_trees)
        self._forest = require("sklearn.ensemble", "optimizers").RandomForestRegressor
        self._space, self._rng = task.space, rng
        self._n_top, self._pool_size, self._n_trees = n_top, pool_size, n_trees
        self._proposals = Proposals(task, rng, n_initial=n_initial, batch_size=batch_size, propose=self._propose)

    def ask(self) -> Trial | None:
        """A random architecture, then a random one of those on top."""
        return self._proposals.ask()

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Learn from the value."""
        self._proposals.tell(trial, outcome)

    def _propose(self, observed: Observed, known: Set[int]) -> NDArray[np.uint8]:
        half = self._pool_size // 2
        pool = candidates(self._space, self._rng, observed, known, n_mutated=half, n_random=half, n_parents=_PARENTS)
        if not len(pool):
            return pool
        forest = self._forest(self._n_trees, n_jobs=1, random_state=int(self._rng.integers(2**32)))
        forest.fit(tree_columns(self._space, observed.archs), observed.values)
        top = by_score(pool, forest.predict(tree_columns(self._space, pool)))[: self._n_top]
        return top[self._rng.permutation(len(top))]

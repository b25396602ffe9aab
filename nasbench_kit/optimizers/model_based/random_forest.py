"""SMAC-like search, Hutter et al. 2011, https://doi.org/10.1007/978-3-642-25566-3_40: a random forest."""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from nasbench_kit.encodings.features import tree_columns
from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_at_least, check_number, check_start
from nasbench_kit.optimizers.model_based.acquisition import EI, scores
from nasbench_kit.optimizers.model_based.proposals import Observed, Proposals, by_score, candidates
from nasbench_kit.optional import require

if TYPE_CHECKING:
    from numpy.typing import NDArray


@final
class RandomForestSearch:
    """Ask for what a random forest expects to improve most, and now and then for a random architecture.

    As in NAS-Bench-101's experiments with SMAC: ten trees, and a third of all architectures at random. The forest is
    scikit-learn's; trees read a column per choice, of ordered ones their number; the spread is that between trees.

    Args:
        task: What to search.
        rng: Source of all randomness.
        n_initial: Random architectures before the first model.
        n_trees: In the forest.
        random_fraction: Of the architectures that are drawn at random after the first model.
        n_candidates: Architectures among which the best is looked for, half of them mutated from the best told.
        n_parents: How many of the best told are mutated.
    """

    needs: ClassVar[tuple[str, ...]] = ("package:sklearn",)

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        n_initial: int = 10,
        n_trees: int = 10,
        random_fraction: float = 0.33,
        n_candidates: int = 1_000,
        n_parents: int = 10,
    ) -> None:
        check_start(task, rng)
        check_at_least(2, n_trees=n_trees, n_candidates=n_candidates)
        check_at_least(1, n_parents=n_parents)
        check_number("a number from 0 to 1", lambda x: 0 <= x <= 1, random_fraction=random_fraction)
        self._forest = require("sklearn.ensemble", "optimizers").RandomForestRegressor
        self._space, self._rng = task.space, rng
        self._n_trees, self._random_fraction = n_trees, random_fraction
        self._n_candidates, self._n_parents = n_candidates, n_parents
        self._proposals = Proposals(task, rng, n_initial=n_initial, batch_size=1, propose=self._propose)

    def ask(self) -> Trial | None:
        """A random architecture, or the one of the highest expected improvement."""
        return self._proposals.ask()

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Learn from the value."""
        self._proposals.tell(trial, outcome)

    def _propose(self, observed: Observed, known: Set[int]) -> NDArray[np.uint8]:
        half, is_random = self._n_candidates // 2, self._rng.random() < self._random_fraction
        pool = candidates(
            self._space,
            self._rng,
            observed,
            known,
            n_mutated=0 if is_random else half,
            n_random=half,
            n_parents=self._n_parents,
        )
        if is_random or not len(pool):
            return pool
        forest = self._forest(self._n_trees, n_jobs=1, random_state=int(self._rng.integers(2**32)))
        forest.fit(tree_columns(self._space, observed.archs), observed.values)
        read = tree_columns(self._space, pool).astype(np.float32)
        outputs = np.stack([tree.predict(read) for tree in forest.estimators_])
        best = float(observed.values.max())
        return by_score(pool, scores(EI, outputs.mean(axis=0), outputs.std(axis=0), best=best, rng=self._rng))

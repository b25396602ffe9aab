"""GRAF-predictor search, Kadlecova et al. 2024, https://arxiv.org/abs/2404.16551: a forest on neural graph features."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from nasbench_kit.encodings.features import encodings_of, matrix
from nasbench_kit.errors import SettingError, unknown
from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_at_least, check_start
from nasbench_kit.optimizers.model_based.proposals import Observed, Proposals, by_score, candidates
from nasbench_kit.optional import require

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GRAF, _ONE_HOT = "graf", "one_hot"
_SHARE = 1 / 3  # of the features that a split chooses from: half the time of all, and as good
_UNKNOWN = -1e30  # below all that columns hold, so that trees can tell it apart


@final
class GRAFSearch:
    """Ask for what a random forest on graph features and zero-cost scores expects to be best.

    The predictor is the paper's; the search around it is that of the other searches here, without regard to how sure
    the forest is.

    Args:
        task: What to search.
        rng: Source of all randomness.
        n_initial: Random architectures before the first model.
        batch_size: Asked for between two models.
        encoding: What the forest reads, a name in `nasbench_kit.encodings.encodings_of(space)`; by default "graf" where
            the space has it, else "one_hot".
        zero_cost: Names in `task.columns`, of scores, sizes or latencies, which the forest reads beside the features.
        n_trees: In the forest.
        n_candidates: Architectures among which the best are looked for, half of them mutated from the best told.
        n_parents: How many of the best told are mutated.
    """

    needs: ClassVar[tuple[str, ...]] = ("package:sklearn",)

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        n_initial: int = 10,
        batch_size: int = 10,
        encoding: str | None = None,
        zero_cost: Sequence[str] = (),
        n_trees: int = 50,
        n_candidates: int = 200,
        n_parents: int = 10,
    ) -> None:
        check_start(task, rng)
        check_at_least(2, n_candidates=n_candidates)
        check_at_least(1, n_trees=n_trees, n_parents=n_parents)
        self._forest = require("sklearn.ensemble", "optimizers").RandomForestRegressor
        self._task, self._rng = task, rng
        if not isinstance(zero_cost, str | list | tuple):
            raise SettingError(f"zero_cost={zero_cost!r:.80}; a list of names of columns expected")
        if encoding is not None and not isinstance(encoding, str):
            raise SettingError(f"encoding={encoding!r:.80}; a name of an encoding expected")
        self._columns = (zero_cost,) if isinstance(zero_cost, str) else tuple(zero_cost)
        for column in self._columns:
            if column not in task.columns:
                raise unknown("column", column, task.columns)
        self._n_trees, self._n_candidates, self._n_parents = n_trees, n_candidates, n_parents
        self._encoding = encoding or (_GRAF if _GRAF in encodings_of(task.space) else _ONE_HOT)
        self._features(task.space.sample_many(np.random.default_rng(0), 1))  # there is such an encoding
        self._proposals = Proposals(task, rng, n_initial=n_initial, batch_size=batch_size, propose=self._propose)

    def ask(self) -> Trial | None:
        """A random architecture, then the one of the highest prediction."""
        return self._proposals.ask()

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Learn from the value."""
        self._proposals.tell(trial, outcome)

    def _features(self, archs: NDArray[np.uint8]) -> NDArray[np.float32]:
        known = self._task.known
        beside = [known(column, archs) for column in self._columns] if known is not None else []
        features = [matrix(self._task.space, archs, self._encoding), *[column[:, None] for column in beside]]
        return np.nan_to_num(np.hstack(features).astype(np.float32), nan=_UNKNOWN)

    def _propose(self, observed: Observed, known: Set[int]) -> NDArray[np.uint8]:
        half = self._n_candidates // 2
        pool = candidates(
            self._task.space,
            self._rng,
            observed,
            known,
            n_mutated=half,
            n_random=self._n_candidates - half,
            n_parents=self._n_parents,
        )
        if not len(pool):
            return pool
        forest = self._forest(
            self._n_trees, max_features=_SHARE, n_jobs=1, random_state=int(self._rng.integers(2**32))
        ).fit(self._features(observed.archs), observed.values)
        return by_score(pool, forest.predict(self._features(pool)))

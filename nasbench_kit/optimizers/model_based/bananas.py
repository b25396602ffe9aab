"""BANANAS, White et al. 2021, https://arxiv.org/abs/1910.11858, algorithm 1."""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING, final

import numpy as np

from nasbench_kit.encodings.features import encodings_of, matrix
from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_at_least, check_start
from nasbench_kit.optimizers.model_based.acquisition import ITS, check_acquisition, scores
from nasbench_kit.optimizers.model_based.proposals import Observed, Proposals, by_score, neighbors_of_best
from nasbench_kit.predictors.narrow_ensemble import NarrowEnsemble

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PATHS, _ONE_HOT = "paths", "one_hot"
_PARENTS = 5  # "patience_factor" of the reference


@final
class BANANAS:
    """Ask for neighbors of the best that an ensemble of networks, which read paths, expects to be better.

    Settings are those of the reference, naszilla/naszilla; one decision of the best is mutated, of the next best where
    too few neighbors are left, until the candidates are complete.

    Args:
        task: What to search.
        rng: Source of all randomness.
        n_initial: Random architectures before the first model (t_0 in the paper).
        batch_size: Asked for between two models (k in the reference).
        acquisition: What is best to ask for: independent Thompson sampling "its", expected improvement "ei", or upper
            confidence bound "ucb".
        n_candidates: Architectures among which the best are looked for (c in the paper).
        n_members: Networks in the ensemble (M in the paper).
        encoding: What the networks read, a name in `nasbench_kit.encodings.encodings_of(space)`; by default "paths"
            where the space has them, else "one_hot".
        epochs: How often a network sees all that was told.
    """

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        n_initial: int = 10,
        batch_size: int = 10,
        acquisition: str = ITS,
        n_candidates: int = 100,
        n_members: int = 5,
        encoding: str | None = None,
        epochs: int = 150,
    ) -> None:
        check_start(task, rng)
        check_acquisition(acquisition)
        check_at_least(1, n_candidates=n_candidates, epochs=epochs)
        check_at_least(2, n_members=n_members)
        self._space, self._rng = task.space, rng
        self._acquisition, self._n_candidates = acquisition, n_candidates
        self._n_members, self._epochs = n_members, epochs
        self._encoding = encoding or (_PATHS if _PATHS in encodings_of(task.space) else _ONE_HOT)
        self._features(task.space.sample_many(np.random.default_rng(0), 1))  # there is such an encoding
        self._proposals = Proposals(task, rng, n_initial=n_initial, batch_size=batch_size, propose=self._propose)

    def ask(self) -> Trial | None:
        """A random architecture, then the most promising neighbor of the best."""
        return self._proposals.ask()

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Learn from the value."""
        self._proposals.tell(trial, outcome)

    def _features(self, archs: NDArray[np.uint8]) -> NDArray[np.float64]:
        return matrix(self._space, archs, self._encoding).astype(float)

    def _propose(self, observed: Observed, known: Set[int]) -> NDArray[np.uint8]:
        n = self._n_candidates
        pool = neighbors_of_best(self._space, self._rng, observed, known, n=n, n_parents=_PARENTS)
        if not len(pool):
            return pool
        features = self._features(observed.archs)
        ensemble = NarrowEnsemble(features, observed.values, self._rng, n_members=self._n_members, epochs=self._epochs)
        mean, sd = ensemble.predict(self._features(pool))
        best = float(observed.values.max())
        return by_score(pool, scores(self._acquisition, mean, sd, best=best, rng=self._rng))

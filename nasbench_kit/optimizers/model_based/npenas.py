"""NPENAS-NP, Wei et al. 2020, https://arxiv.org/abs/2003.12857: evolution that a neural predictor guides."""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_at_least, check_start
from nasbench_kit.optimizers.model_based.proposals import Observed, Proposals, by_score, neighbors_of_best
from nasbench_kit.optional import require
from nasbench_kit.predictors.base import Data
from nasbench_kit.predictors.gin import GIN

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PARENTS = 50  # "num_best_arches * patience_factor" of the reference
_SIZES = {"layers": 3, "hidden": 32, "head": 16}  # of the reference's network
_LEARNING_RATE = 0.005
_SMALLEST_SD = 1e-12


@final
class NPENAS:
    """Mutate the best, and ask for those children that a graph neural network expects to be best.

    As in the reference, auroua/NPENASv1: the best has children until there are enough, then the next best; and the
    network is learned anew for each batch. It is of the reference's size and learning rate; nodes hear in both
    directions and the loss learns the noise, as of our predictor `gin`, which needs a tenth of the epochs. It learns on
    one thread, so that the number of threads does not matter; another kind of processor may round otherwise.

    Args:
        task: What to search.
        rng: Source of all randomness.
        n_initial: Random architectures before the first model.
        batch_size: Asked for between two models (k in the reference).
        n_candidates: Children among which the best are looked for.
        epochs: How often the network sees all that was told; the reference has 300.
    """

    needs: ClassVar[tuple[str, ...]] = ("package:torch",)

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        n_initial: int = 10,
        batch_size: int = 10,
        n_candidates: int = 100,
        epochs: int = 30,
    ) -> None:
        check_start(task, rng)
        check_at_least(1, n_candidates=n_candidates, epochs=epochs)
        require("torch", "torch")
        self._space, self._rng, self._n_candidates = task.space, rng, n_candidates
        self._settings = {**_SIZES, "learning_rate": _LEARNING_RATE, "epochs": epochs}
        self._proposals = Proposals(task, rng, n_initial=n_initial, batch_size=batch_size, propose=self._propose)

    def ask(self) -> Trial | None:
        """A random architecture, then the most promising child of the best."""
        return self._proposals.ask()

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Learn from the value."""
        self._proposals.tell(trial, outcome)

    def _propose(self, observed: Observed, known: Set[int]) -> NDArray[np.uint8]:
        n = self._n_candidates
        pool = neighbors_of_best(self._space, self._rng, observed, known, n=n, n_parents=_PARENTS)
        archs, values = observed.archs, observed.values
        if not len(pool) or len(values) == 1:  # the network learns from two or more
            return pool
        standardized = (values - values.mean()) / max(float(values.std()), _SMALLEST_SD)
        network = GIN(self._space, self._settings)
        none = Data(archs[:0], standardized[:0, None])
        network.fit(Data(archs, standardized[:, None]), none, seed=int(self._rng.integers(2**32)))
        return by_score(pool, network.predict(pool)[:, 0])

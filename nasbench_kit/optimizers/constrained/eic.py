"""EIC, expected improvement with constraints, Gardner et al. 2014, https://proceedings.mlr.press/v32/gardner14.html."""

from __future__ import annotations

from collections.abc import Set
from itertools import islice
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_at_least, check_start
from nasbench_kit.optimizers.constrained.known_limits import allowed_samples, keeps_to_known
from nasbench_kit.optimizers.model_based.acquisition import expected_improvement, probability_of_at_most
from nasbench_kit.optimizers.model_based.processes import KernelChoice, Processes
from nasbench_kit.optimizers.model_based.proposals import Observed, Proposals, by_score, candidates, unasked
from nasbench_kit.predictors.gaussian_process import hamming_kernels

if TYPE_CHECKING:
    from numpy.typing import NDArray


@final
class EIC:
    """Ask for the highest expected improvement times the probability that all limits are kept to.

    A Gaussian process learns the objective, and one more how far each limit is exceeded. What is known without training
    is not learned: what it excludes is never asked for. As long as nothing feasible was told, the highest probability
    decides alone (Gelbart et al. 2014, https://arxiv.org/abs/1403.5607).

    Args:
        task: What to search.
        rng: Source of all randomness.
        n_initial: Random architectures before the first model.
        pool_size: Architectures among which the best is looked for, half of them mutated from the best told.
        n_parents: How many of the best told are mutated: feasible before infeasible, then by value; of the latter by
            how far they exceed the limits.
    """

    needs: ClassVar[tuple[str, ...]] = ("constraints",)

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        n_initial: int = 10,
        pool_size: int = 200,
        n_parents: int = 10,
    ) -> None:
        check_start(task, rng)
        check_at_least(2, pool_size=pool_size)
        check_at_least(1, n_parents=n_parents)
        self._task, self._rng = task, rng
        self._pool_size, self._n_parents = pool_size, n_parents
        self._choice = KernelChoice(hamming_kernels(task.space))
        self._processes = Processes(task.space, len(task.constraints))
        self._samples = allowed_samples(task, rng)
        self._proposals = Proposals(
            task, rng, n_initial=n_initial, batch_size=1, propose=self._propose, samples=self._samples
        )

    def ask(self) -> Trial | None:
        """A random architecture, then the most promising of a pool."""
        return self._proposals.ask()

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Learn from the value and the violations."""
        self._proposals.tell(trial, outcome)

    def _propose(self, observed: Observed, known: Set[int]) -> NDArray[np.uint8]:
        pool = self._pool(observed, known)
        if not len(pool):
            return pool
        exceeds = self._processes.predict(observed.archs, observed.violations, pool, self._task.known_violations)
        promise: NDArray[np.float64] = probability_of_at_most(0.0, *exceeds).prod(axis=1)
        keeps = (observed.violations <= 0).all(axis=1)
        if keeps.any():
            process = self._choice.fit(observed.archs.astype(float), observed.values)
            mean, sd = process.predict(pool.astype(float))
            promise *= expected_improvement(mean, sd, float(observed.values[keeps].max()))
        return by_score(pool, promise / (promise.max() or 1.0))

    def _pool(self, observed: Observed, known: Set[int]) -> NDArray[np.uint8]:
        """Candidates that may keep to the limits."""
        space, half = self._task.space, self._pool_size // 2
        exceeded = np.maximum(observed.violations, 0.0).sum(axis=1)
        merits = np.empty(len(exceeded))
        merits[np.lexsort((observed.values, -exceeded))] = np.arange(float(len(exceeded)))
        ranked = observed._replace(values=merits)
        children = candidates(space, self._rng, ranked, known, n_mutated=half, n_random=0, n_parents=self._n_parents)
        drawn = np.array(list(islice(self._samples, self._pool_size - half)), np.uint8)
        return unasked(space, np.concatenate([children[keeps_to_known(self._task, children)], drawn]), known)

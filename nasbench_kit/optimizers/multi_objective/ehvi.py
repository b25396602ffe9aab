"""EHVI, expected hypervolume improvement, Emmerich et al. 2006, https://doi.org/10.1109/TEVC.2005.859463."""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_at_least, check_start
from nasbench_kit.optimizers.model_based.acquisition import expected_improvement
from nasbench_kit.optimizers.model_based.processes import Processes
from nasbench_kit.optimizers.model_based.proposals import Observed, Proposals, by_score, candidates
from nasbench_kit.optimizers.multi_objective.fronts import best, fronts, loneliest_first

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MARGIN = 0.1  # of the range of what was told


@final
class EHVI:
    """Ask for what Gaussian processes, one per objective, expect to add most to the volume that is dominated.

    An objective that is known without training, like a size, is looked up instead of learned. The volume is measured
    from the worst that was told of each objective, less a tenth of the range of what was told. (Measured from the worst
    of the front, as often done, it would not grow beyond the front's ends.) Its expectation is exact, whatever the
    number of objectives.

    Args:
        task: What to search.
        rng: Source of all randomness.
        n_initial: Random architectures before the first model.
        pool_size: Architectures among which the best is looked for, half of them mutated from the front.
        n_parents: How many are mutated: of the front, and of the next ones where it is smaller, the loneliest first.
    """

    needs: ClassVar[tuple[str, ...]] = ("objectives",)

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
        self._processes = Processes(task.space, len(task.objectives))
        self._proposals = Proposals(
            task, rng, n_initial=n_initial, batch_size=1, propose=self._propose, scalarize=_best_first
        )

    def ask(self) -> Trial | None:
        """A random architecture, then the most promising of a pool."""
        return self._proposals.ask()

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Learn from the values."""
        self._proposals.tell(trial, outcome)

    def _propose(self, observed: Observed, known: Set[int]) -> NDArray[np.uint8]:
        half, n_parents = self._pool_size // 2, self._n_parents
        n_random = self._pool_size - half
        pool = candidates(
            self._task.space, self._rng, observed, known, n_mutated=half, n_random=n_random, n_parents=n_parents
        )
        if not len(pool):
            return pool
        told = observed.objectives
        mean, sd = self._processes.predict(observed.archs, told, pool, self._task.known_values)
        worst = told.min(axis=0)
        span = told.max(axis=0) - worst
        reference = worst - _MARGIN * np.where(span > 0, span, 1.0)
        gains = expected_hypervolume_improvement(mean, sd, told[next(fronts(told))], reference)
        return by_score(pool, gains / (gains.max() or 1.0))


def _best_first(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The larger, the earlier a point comes by front and crowding distance: (n,)."""
    merits = np.empty(len(values))
    merits[best(values, len(values), loneliest_first)] = -np.arange(float(len(values)))
    return merits


def expected_hypervolume_improvement(
    mean: NDArray[np.float64],
    sd: NDArray[np.float64],
    front: NDArray[np.float64],
    reference: NDArray[np.float64],
) -> NDArray[np.float64]:
    """How much volume a point is expected to add to what a front dominates: float64 (n,).

    What is not dominated is cut into slabs along the last objective, each of these along the one before, and so on to
    boxes. As objectives are independent, the expectation within a box from a to b is the product over them of
    E[(Y - a)+] - E[(Y - b)+]; both are expected improvements.

    Args:
        mean: Expected values of n points, larger is better: (n, m).
        sd: Their standard deviations: (n, m).
        front: Points that dominate: (k, m).
        reference: From where the volume is measured: (m,).

    Source: Yang et al. 2019, https://doi.org/10.1016/j.swevo.2018.10.007, of two objectives; Couckuyt et al. 2014,
    https://doi.org/10.1007/s10898-013-0118-2, of any number.
    """
    front = front[(front > reference).all(axis=1)]
    places = np.empty(front.shape, np.intp)  # of the front among the levels; 0 is the reference, -1 infinity
    above: list[NDArray[np.float64]] = []  # per objective, E[(Y - level)+] at each level: (n_levels, n)
    for j, lowest in enumerate(reference):
        levels = np.unique([lowest, *front[:, j]])
        places[:, j] = np.searchsorted(levels, front[:, j])
        gains = expected_improvement(mean[:, j], sd[:, j], levels[:, None])
        above.append(np.vstack([gains, np.zeros(len(mean))]))
    if len(reference) == 1:
        return above[0][-2]

    def expected(points: NDArray[np.intp]) -> NDArray[np.float64]:
        """Of the first objectives, as many as these places have."""
        j = points.shape[1] - 1
        points = points[np.argsort(points[:, j], kind="stable")]
        edges = np.array([0, *points[:, j], -1])
        widths = above[j][edges[:-1]] - above[j][edges[1:]]
        if j == 1:
            heights = [*np.maximum.accumulate(points[::-1, 0])[::-1], 0]  # of what dominates in each slab
            found: NDArray[np.float64] = (widths * above[0][heights]).sum(axis=0)
            return found
        total = np.zeros(len(mean))
        for i, width in enumerate(widths):
            if edges[i] != edges[i + 1]:
                total += width * expected(points[i:, :j])
        return total

    return expected(places)

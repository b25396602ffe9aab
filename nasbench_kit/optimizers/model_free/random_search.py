"""Random search, Li and Talwalkar 2019, https://arxiv.org/abs/1902.07638: independent uniform samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, final

from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_start, trials_of
from nasbench_kit.spaces.base import SAMPLES, Space

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@final
class RandomSearch:
    """Sample every architecture anew, as the published baselines do.

    Args:
        task: What to search.
        rng: Source of all randomness.
    """

    def __init__(self, task: Task, rng: np.random.Generator) -> None:
        check_start(task, rng)
        self._space = task.space
        self._trials = trials_of(task.space.samples(rng))

    def ask(self) -> Trial:
        """A uniform sample."""
        return next(self._trials)

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Take note of nothing."""

    def in_lockstep(self, rngs: Sequence[np.random.Generator]) -> RandomSearches:
        """Many such searches at once."""
        return RandomSearches(self._space, rngs)


@final
class RandomSearches:
    """Many random searches at once."""

    def __init__(self, space: Space, rngs: Sequence[np.random.Generator]) -> None:
        self._space, self._rngs = space, rngs

    def ask(self) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
        """A block of uniform samples for each."""
        import numpy as np

        space, n_runs = self._space, len(self._rngs)
        if space.is_product:
            archs = space.sampled(np.stack([rng.random((SAMPLES, space.n_decisions)) for rng in self._rngs]))
        else:
            archs = np.stack([space.sample_many(rng, SAMPLES) for rng in self._rngs])
        return archs, np.full(n_runs, SAMPLES)

    def tell(self, values: NDArray[np.float64]) -> None:
        """Take note of nothing."""

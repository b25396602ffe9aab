"""Random search, Li and Talwalkar 2019, https://arxiv.org/abs/1902.07638: independent uniform samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, final

from nasbench_kit.optimizers.base import Asked, Outcome, Task, Trial, check_flag, check_start, trials_of
from nasbench_kit.optimizers.unrepeated import unrepeated
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
        repeats: Whether architectures may be asked for again; if not, the search is over when all were asked for.
    """

    def __init__(self, task: Task, rng: np.random.Generator, *, repeats: bool = True) -> None:
        check_start(task, rng)
        check_flag(repeats=repeats)
        self._space, self._repeats = task.space, repeats
        self._trials = trials_of(task.space.samples(rng) if repeats else unrepeated(task.space, rng))

    def ask(self) -> Trial | None:
        """A uniform sample, or None when there is no other."""
        return next(self._trials, None)

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Take note of nothing."""

    def in_lockstep(self, rngs: Sequence[np.random.Generator]) -> RandomSearches | None:
        """Many such searches at once; None without repeats."""
        return RandomSearches(self._space, rngs) if self._repeats else None


@final
class RandomSearches:
    """Many random searches at once."""

    def __init__(self, space: Space, rngs: Sequence[np.random.Generator]) -> None:
        self._space, self._rngs = space, rngs

    def ask(self) -> Asked:
        """A block of uniform samples for each."""
        import numpy as np

        space, n_runs = self._space, len(self._rngs)
        if space.is_product:
            archs = space.sampled(np.stack([rng.random((SAMPLES, space.n_decisions)) for rng in self._rngs]))
        else:
            archs = np.stack([space.sample_many(rng, SAMPLES) for rng in self._rngs])
        return Asked(archs, np.full(n_runs, SAMPLES))

    def tell(self, values: NDArray[np.float64]) -> None:
        """Take note of nothing."""

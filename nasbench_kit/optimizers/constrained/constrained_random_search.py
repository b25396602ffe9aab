"""Random search with rejection, Bender et al. 2020, https://arxiv.org/abs/2008.06120, the baseline of TuNAS."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, final

from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_start, trials_of
from nasbench_kit.optimizers.constrained.known_limits import allowed_samples

if TYPE_CHECKING:
    import numpy as np


@final
class ConstrainedRandomSearch:
    """Sample uniformly among the architectures that are not known to exceed a limit.

    Limits on what costs no training, sizes and latencies, are looked up before anything is paid; of other limits, the
    outcomes tell.

    Args:
        task: What to search.
        rng: Source of all randomness.
    """

    needs: ClassVar[tuple[str, ...]] = ("constraints",)

    def __init__(self, task: Task, rng: np.random.Generator) -> None:
        check_start(task, rng)
        self._trials = trials_of(allowed_samples(task, rng))

    def ask(self) -> Trial:
        """A uniform sample."""
        return next(self._trials)

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Take note of nothing."""

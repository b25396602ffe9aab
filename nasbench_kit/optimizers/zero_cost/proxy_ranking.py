"""Ranking by a zero-cost proxy, Abdelfattah et al. 2021, https://arxiv.org/abs/2101.08134."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, final

from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_start, trials_of
from nasbench_kit.optimizers.zero_cost.pool import ranked_pool

if TYPE_CHECKING:
    import numpy as np


@final
class ProxyRanking:
    """Train the architectures that a stored column ranks first, one after the other.

    The search is over when the pool is.

    Args:
        task: What to search.
        rng: Source of all randomness: the pool, and the order of ties.
        column: What ranks them, one of `task.columns`: a zero-cost score, a size, a latency.
        direction: Whether architectures with the "max" or the "min" of it come first.
        pool_size: How many architectures are drawn and ranked; null ranks the whole space.
    """

    needs: ClassVar[tuple[str, ...]] = ("columns",)

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        column: str = "params_m",
        direction: str = "max",
        pool_size: int | None = None,
    ) -> None:
        check_start(task, rng)
        self._trials = trials_of(ranked_pool(task, rng, column=column, direction=direction, pool_size=pool_size))

    def ask(self) -> Trial | None:
        """The next best, or None after the last."""
        return next(self._trials, None)

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Take note of nothing."""

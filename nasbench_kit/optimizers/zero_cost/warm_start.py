"""Zero-cost warmup, Abdelfattah et al. 2021, https://arxiv.org/abs/2101.08134: the first way of its use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, final

from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_at_least, check_start, trials_of
from nasbench_kit.optimizers.inner import inner_needs, inner_search
from nasbench_kit.optimizers.zero_cost.pool import ranked_pool

if TYPE_CHECKING:
    import numpy as np

_INNER = "regularized_evolution"


@final
class WarmStart:
    """Begin another search with the architectures that a stored column ranks first.

    The other search is told of them as of what it did not ask for: of evolution, they are the first members. The
    authors begin with 64, in a population of as many.

    Args:
        task: What to search.
        rng: Source of all randomness, also of the other search.
        optimizer: Name of the other search.
        settings: Settings of the other search.
        column: What ranks architectures, one of `task.columns`: a zero-cost score, a size, a latency.
        direction: Whether architectures with the "max" or the "min" of it come first.
        n_initial: Architectures to begin with.
        pool_size: How many architectures are drawn and ranked; null ranks the whole space.
    """

    needs: ClassVar[tuple[str, ...]] = ("columns",)

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        optimizer: str = _INNER,
        settings: Mapping[str, Any] | None = None,
        column: str = "params_m",
        direction: str = "max",
        n_initial: int = 10,
        pool_size: int | None = 1_000,
    ) -> None:
        check_start(task, rng)
        check_at_least(1, n_initial=n_initial)
        self._search = inner_search(task, rng, optimizer, settings)
        ranked = ranked_pool(task, rng, column=column, direction=direction, pool_size=pool_size)
        self._trials = trials_of(ranked[:n_initial])

    @staticmethod
    def needs_of_settings(optimizer: str = _INNER, settings: object = None, **_: object) -> tuple[str, ...]:
        """What the other search cannot do without."""
        return inner_needs(optimizer, settings)

    def ask(self) -> Trial | None:
        """The next best of the pool; after the first few, what the other search asks for."""
        return next(self._trials, None) or self._search.ask()

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Tell the other search."""
        self._search.tell(trial, outcome)

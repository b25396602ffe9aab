"""Random search: independent uniform samples, with repetition."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, final

from nasbench_kit.optimizers.base import Trial, unusable_value

if TYPE_CHECKING:
    import numpy as np

    from nasbench_kit.spaces import Space


@final
class RandomSearch:
    """Sample every architecture anew, as the published baselines do.

    Args:
        space: Where to search.
        rng: Source of all randomness.
    """

    def __init__(self, space: Space, rng: np.random.Generator) -> None:
        self._samples = space.samples(rng)

    def ask(self) -> Trial:
        """A uniform sample."""
        return Trial(next(self._samples))

    def tell(self, trial: Trial, value: float) -> None:
        """Take note of nothing; the value is checked all the same."""
        if not value < inf:
            raise unusable_value(trial, value)

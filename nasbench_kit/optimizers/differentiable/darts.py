"""DARTS, Liu et al. 2019, https://arxiv.org/abs/1806.09055, section 2.2: softmax relaxation."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, final

from nasbench_kit.optimizers.base import Outcome, Task, Trial
from nasbench_kit.optimizers.differentiable.descent import Descent, adam, check_rates

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from torch import Tensor

    from nasbench_kit.optimizers.differentiable.relaxed import RelaxedSurrogate


@final
class DARTS:
    """Follow the gradient of a surrogate's prediction in the logits of a softmax over choices; no weights are shared.

    The paper's gradient is that of a network whose weights are trained meanwhile; what is left of it here is how the
    parameters move. Nothing is learned from outcomes.

    Args:
        task: What to search.
        rng: Source of all randomness.
        surrogate: Whose prediction is followed, as `surrogate/dataset`; null is the only one of this space, on its
            first dataset.
        learning_rate: Of Adam.
        weight_decay: Of Adam.
        steps_per_trial: Steps before the architecture of the largest probabilities is looked at.
        patience: Looks without a new architecture, after which the search starts anew nearby.
        noise: Standard deviation of the logits where it starts anew; at first it is 0.001, as in the reference.
        n_starts: Starts after which the search is over; null goes on.
    """

    needs: ClassVar[tuple[str, ...]] = ("package:torch", "surrogate")

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        surrogate: str | None = None,
        learning_rate: float = 3e-4,
        weight_decay: float = 1e-3,
        steps_per_trial: int = 20,
        patience: int = 10,
        noise: float = 0.1,
        n_starts: int | None = None,
    ) -> None:
        check_rates(learning_rate, weight_decay=weight_decay)
        self._rate, self._weight_decay = learning_rate, weight_decay
        self._descent = Descent(
            task,
            rng,
            self._descend,
            surrogate=surrogate,
            steps_per_trial=steps_per_trial,
            patience=patience,
            noise=noise,
            n_starts=n_starts,
        )

    def ask(self) -> Trial | None:
        """The architecture where the descent has led to."""
        return self._descent.ask()

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Nothing is learned."""

    def _descend(self, surrogate: RelaxedSurrogate, alphas: list[Tensor]) -> Iterator[list[Tensor]]:
        import torch

        softmax = partial(torch.softmax, dim=1)  # equation 2
        return adam(surrogate, alphas, softmax, learning_rate=self._rate, weight_decay=self._weight_decay)

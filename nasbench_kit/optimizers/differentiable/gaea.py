"""GAEA, Li et al. 2021, https://arxiv.org/abs/2004.07802: exponentiated gradients on the simplex."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, final

from nasbench_kit.optimizers.base import Outcome, Task, Trial
from nasbench_kit.optimizers.differentiable.descent import Descent, check_rates

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from torch import Tensor

    from nasbench_kit.optimizers.differentiable.relaxed import RelaxedSurrogate

_LEAST = 1e-5  # of a probability, in the reference, liamcli/gaea_release


@final
class GAEA:
    """Multiply probabilities by the exponential of the gradient of a surrogate's prediction; no weights are shared.

    The paper's gradient is that of a network whose weights are trained meanwhile; what is left of it here is how the
    parameters move. Nothing is learned from outcomes.

    Args:
        task: What to search.
        rng: Source of all randomness.
        surrogate: Whose prediction is followed, as `surrogate/dataset`; null is the only one of this space, on its
            first dataset.
        learning_rate: Of the exponentiated gradient (eta in the paper).
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
        learning_rate: float = 0.1,
        steps_per_trial: int = 20,
        patience: int = 10,
        noise: float = 0.3,
        n_starts: int | None = None,
    ) -> None:
        check_rates(learning_rate)
        self._rate = learning_rate
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

    def _descend(self, surrogate: RelaxedSurrogate, logits: list[Tensor]) -> Iterator[list[Tensor]]:
        import torch

        thetas = [table.softmax(dim=1) for table in logits]
        while True:
            for theta in thetas:
                theta.requires_grad_()
            gradients = torch.autograd.grad(surrogate.loss(thetas), thetas)
            with torch.no_grad():
                moved = [theta * (-self._rate * g).exp() for theta, g in zip(thetas, gradients, strict=True)]
                kept = [theta.clamp(min=_LEAST) for theta in moved]
                thetas = [theta / theta.sum(dim=1, keepdim=True) for theta in kept]
            yield thetas

"""DrNAS, Chen et al. 2021, https://arxiv.org/abs/2006.10355: Dirichlet distributions, pathwise gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, final

from nasbench_kit.optimizers.base import Outcome, Task, Trial
from nasbench_kit.optimizers.differentiable.descent import Descent, adam, check_rates

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from torch import Tensor

    from nasbench_kit.optimizers.differentiable.relaxed import RelaxedSurrogate


@final
class DrNAS:
    """Follow the gradient of a surrogate's prediction in parameters of Dirichlet distributions; no weights are shared.

    In each step probabilities are drawn. The paper's gradient is that of a network whose weights are trained meanwhile,
    in two stages; what is left of it here is how the parameters move. Nothing is learned from outcomes.

    Args:
        task: What to search.
        rng: Source of all randomness.
        surrogate: Whose prediction is followed, as `surrogate/dataset`; null is the only one of this space, on its
            first dataset.
        learning_rate: Of Adam.
        regularization: Weight of the distance of the concentrations from 1 (lambda in the paper); as in the reference
            half the squares of the parameters, that are 0 where the concentration is 1.
        steps_per_trial: Steps before the architecture of the largest concentrations is looked at.
        patience: Looks without a new architecture, after which the search starts anew nearby.
        noise: Standard deviation of the parameters where it starts anew; at first it is 0.001, as in the reference.
        n_starts: Starts after which the search is over; null goes on.
    """

    needs: ClassVar[tuple[str, ...]] = ("package:torch", "surrogate")

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        surrogate: str | None = None,
        learning_rate: float = 6e-4,
        regularization: float = 1e-3,
        steps_per_trial: int = 20,
        patience: int = 10,
        noise: float = 0.1,
        n_starts: int | None = None,
    ) -> None:
        check_rates(learning_rate, regularization=regularization)
        self._rate, self._regularization = learning_rate, regularization
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

    def _descend(self, surrogate: RelaxedSurrogate, parameters: list[Tensor]) -> Iterator[list[Tensor]]:
        return adam(surrogate, parameters, dirichlet, learning_rate=self._rate, weight_decay=self._regularization)


def concentration(parameters: Tensor) -> Tensor:
    """The concentrations beta, which are above 0."""
    from torch.nn.functional import elu

    return elu(parameters) + 1


def dirichlet(parameters: Tensor) -> Tensor:
    """A sample of probabilities whose gradient is pathwise."""
    from torch.distributions import Dirichlet

    sample: Tensor = Dirichlet(concentration(parameters), validate_args=False).rsample()
    return sample

"""Simulated annealing, Kirkpatrick et al. 1983, https://doi.org/10.1126/science.220.4598.671."""

from __future__ import annotations

from math import exp, inf
from typing import TYPE_CHECKING, final

from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_at_least, check_start
from nasbench_kit.spaces import DrawnAhead

if TYPE_CHECKING:
    import numpy as np

    from nasbench_kit.spaces import Arch

_COLDEST = 1e-300  # so that nothing is divided by zero; nothing worse is accepted long before


@final
class SimulatedAnnealing:
    """Walk to a neighbor if it is better, and the less likely the worse it is and the later it comes.

    Temperature and cooling are by default those of PaddleSlim's search by simulated annealing (`SAController`).

    Args:
        task: What to search.
        rng: Source of all randomness.
        temperature: At the start, in the unit of the objective: a loss of as much is accepted with probability 1/e.
        cooling: Factor of the temperature after each step.
        n_steps: Outcomes at each temperature.
    """

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        temperature: float = 10.0,
        cooling: float = 0.85,
        n_steps: int = 1,
    ) -> None:
        check_start(task, rng)
        check_at_least(1, n_steps=n_steps)
        if not 0 < temperature < inf:
            raise SettingError(f"temperature={temperature!r}; a number above 0 expected")
        if not 0 < cooling < 1:
            raise SettingError(f"cooling={cooling!r}; above 0 and below 1 expected")
        self._space = task.space
        self._rng = DrawnAhead(rng)
        self._temperature, self._cooling, self._n_steps = temperature, cooling, n_steps
        self._present: Arch | None = None
        self._value = -inf
        self._n_told = 0

    def ask(self) -> Trial:
        """A neighbor of where the walk is; a random architecture before it begins."""
        if self._present is None:
            return Trial(self._space.sample(self._rng))
        return Trial(self._space.mutate(self._present, self._rng))

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Go there, or stay: Metropolis' criterion. With several workers it may come from where the walk was before."""
        loss = self._value - outcome.value if outcome.value < self._value else 0.0
        if self._present is None or not loss or self._rng.random() < exp(-loss / self._temperature):
            self._present, self._value = trial.arch, outcome.value
        self._n_told += 1
        if self._n_told % self._n_steps == 0:
            self._temperature = max(self._cooling * self._temperature, _COLDEST)

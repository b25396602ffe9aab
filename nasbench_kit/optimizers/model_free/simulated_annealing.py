"""Simulated annealing, Kirkpatrick et al. 1983, https://doi.org/10.1126/science.220.4598.671."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, inf
from typing import TYPE_CHECKING, final

from nasbench_kit.optimizers.base import Asked, Outcome, Task, Trial, check_at_least, check_number, check_start
from nasbench_kit.spaces import DrawnAhead
from nasbench_kit.spaces.base import DrawnInLockstep, Space

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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
        check_number("a number above 0", lambda x: 0 < x < inf, temperature=temperature)
        check_number("above 0 and below 1", lambda x: 0 < x < 1, cooling=cooling)
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

    def in_lockstep(self, rngs: Sequence[np.random.Generator]) -> SimulatedAnnealings | None:
        """Many such searches at once; None where a space cannot draw so."""
        if not self._space.draws_in_lockstep:
            return None
        return SimulatedAnnealings(self._space, rngs, self._temperature, self._cooling, self._n_steps)


@final
class SimulatedAnnealings:
    """Many walks at once; exponentials are Python's own, as one by one: numpy's differ in the last bit."""

    def __init__(
        self, space: Space, rngs: Sequence[np.random.Generator], temperature: float, cooling: float, n_steps: int
    ) -> None:
        import numpy as np

        self._space = space
        self._drawn = DrawnInLockstep(rngs)
        self._temperature, self._cooling, self._n_steps = temperature, cooling, n_steps
        self._present = self._asked = np.empty((len(rngs), space.n_decisions), np.uint8)
        self._value = np.full(len(rngs), -inf)
        self._n_told = 0

    def ask(self) -> Asked:
        """A neighbor of where each walk is; a random architecture before they begin."""
        import numpy as np

        if self._n_told == 0:
            self._asked = self._space.sampled_each(self._drawn)
        else:
            self._asked = self._space.mutated_each(self._present, self._drawn)
        return Asked(self._asked[:, None], np.full(len(self._asked), 1))

    def tell(self, values: NDArray[np.float64]) -> None:
        """Go there, or stay."""
        import numpy as np

        value = values[:, 0]
        goes = np.ones(len(value), bool)
        if self._n_told:
            worse = np.flatnonzero(value < self._value)
            losses = (self._value[worse] - value[worse]).tolist()
            chances = [exp(-loss / self._temperature) for loss in losses]
            goes[worse] = self._drawn.random(1, worse)[:, 0] < chances
        self._present = np.where(goes[:, None], self._asked, self._present)
        self._value = np.where(goes, value, self._value)
        self._n_told += 1
        if self._n_told % self._n_steps == 0:
            self._temperature = max(self._cooling * self._temperature, _COLDEST)

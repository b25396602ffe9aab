"""REINFORCE, Williams 1992, https://doi.org/10.1007/BF00992696, with one categorical distribution per decision."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, fsum, inf, isfinite, sqrt
from typing import TYPE_CHECKING, final

from nasbench_kit.errors import unknown
from nasbench_kit.optimizers.base import Asked, Outcome, Task, Trial, check_number, check_start
from nasbench_kit.spaces import DrawnAhead
from nasbench_kit.spaces.base import DrawnInLockstep, Space

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_STEPS = ("sgd", "adam")
_BETAS, _TINY = (0.9, 0.999), 1e-8  # of Adam, as everywhere
_LOWEST = 500.0  # a choice whose logit is so far below the best has no chance


@final
class REINFORCE:
    """Make the choices of architectures that did better than the average of late more likely.

    The default settings are those of NAS-Bench-101's experiments; NATS-Bench's are `step="adam"` and
    `learning_rate=0.01`, NAS-Bench-201's the same with 0.5. Where not every tuple of choices is an architecture, one is
    drawn anew until it is; nothing is learned from those that are not, as they are never trained.

    Args:
        task: What to search.
        rng: Source of all randomness.
        learning_rate: How far a step goes.
        decay: Of the exponential moving average of rewards that is the baseline.
        step: "sgd", or "adam" (Kingma and Ba 2015, https://arxiv.org/abs/1412.6980).

    Source: a baseline of Ying et al. 2019, https://arxiv.org/abs/1902.09635, as in automl/nas_benchmarks.
    """

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        learning_rate: float = 0.1,
        decay: float = 0.9,
        step: str = "sgd",
    ) -> None:
        check_start(task, rng)
        check_number("a number above 0", lambda x: 0 < x < inf, learning_rate=learning_rate)
        check_number("at least 0 and below 1", lambda x: 0 <= x < 1, decay=decay)
        if step not in _STEPS:
            raise unknown("step", step, _STEPS)
        self._space = task.space
        self._rng = DrawnAhead(rng)
        self._rate, self._decay, self._adam = learning_rate, decay, step == "adam"
        self._logits = [[0.0] * n for n in task.space.n_choices]
        self._moments = [[(0.0, 0.0)] * n for n in task.space.n_choices]
        self._n_steps = 0
        self._total, self._weight = 0.0, 0.0  # the baseline is their ratio

    def ask(self) -> Trial:
        """An architecture drawn from the policy."""
        return Trial(self._space.sample_from([list(map(exp, logits)) for logits in self._logits], self._rng))

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """One step along the gradient of the logarithm of the architecture's probability, times its advantage."""
        value = outcome.value
        if not isfinite(value):
            return  # a failure has no reward to learn from
        self._total = self._decay * self._total + (1 - self._decay) * value
        self._weight = self._decay * self._weight + (1 - self._decay)
        advantage = value - self._total / self._weight
        self._n_steps += 1
        for logits, moments, choice in zip(self._logits, self._moments, trial.arch, strict=True):
            chances = list(map(exp, logits))
            total = fsum(chances)
            for i, chance in enumerate(chances):
                gradient = advantage * ((i == choice) - chance / total)
                logits[i] += self._rate * (self._adapted(moments, i, gradient) if self._adam else gradient)
            most = max(logits)  # so that no exponential overflows; probabilities stay the same
            logits[:] = [max(logit - most, -_LOWEST) for logit in logits]

    def _adapted(self, moments: list[tuple[float, float]], i: int, gradient: float) -> float:
        first, second = moments[i]
        first = _BETAS[0] * first + (1 - _BETAS[0]) * gradient
        second = _BETAS[1] * second + (1 - _BETAS[1]) * (gradient * gradient)
        moments[i] = first, second
        first, second = (moment / (1 - beta**self._n_steps) for moment, beta in zip(moments[i], _BETAS, strict=True))
        return first / (sqrt(second) + _TINY)

    def in_lockstep(self, rngs: Sequence[np.random.Generator]) -> REINFORCEs | None:
        """Many such searches at once; None where a sample takes a varying number of random numbers."""
        if not self._space.is_product:
            return None
        return REINFORCEs(self._space, rngs, self._rate, self._decay, adam=self._adam)


@final
class REINFORCEs:
    """Many policies at once: (n_runs, n_decisions, most choices), 0 where there is no choice.

    Exponentials and sums are Python's own, as one by one: numpy's differ in the last bit.
    """

    def __init__(
        self, space: Space, rngs: Sequence[np.random.Generator], rate: float, decay: float, *, adam: bool
    ) -> None:
        import numpy as np

        self._drawn = DrawnInLockstep(rngs)
        self._rate, self._decay, self._adam = rate, decay, adam
        self._n_choices = np.array(space.n_choices)
        self._choices = np.arange(max(space.n_choices))
        self._is_choice = np.broadcast_to(
            self._choices < self._n_choices[:, None], (len(rngs), space.n_decisions, max(space.n_choices))
        )
        self._logits = np.zeros(self._is_choice.shape)
        self._chances = np.where(self._is_choice, 1.0, 0.0)
        self._moments = np.zeros((2, *self._is_choice.shape))
        self._n_steps = np.zeros(len(rngs), np.int64)
        self._asked = np.zeros(self._is_choice.shape[:2], np.uint8)
        self._total, self._weight = np.zeros(len(rngs)), np.zeros(len(rngs))

    def ask(self) -> Asked:
        """An architecture drawn from each policy."""
        import numpy as np

        edges = np.cumsum(self._chances, axis=2)
        at = self._drawn.random(len(self._n_choices)) * edges[:, :, -1]
        found = np.minimum((edges <= at[:, :, None]).sum(axis=2), self._n_choices - 1)
        self._asked = found.astype(np.uint8)
        return Asked(self._asked[:, None], np.full(len(found), 1))

    def tell(self, values: NDArray[np.float64]) -> None:
        """One step of each whose training did not fail."""
        import numpy as np

        rows = np.flatnonzero(np.isfinite(values[:, 0]))
        value = values[rows, 0]
        self._total[rows] = self._decay * self._total[rows] + (1 - self._decay) * value
        self._weight[rows] = self._decay * self._weight[rows] + (1 - self._decay)
        advantage = value - self._total[rows] / self._weight[rows]
        chances, is_choice = self._chances[rows], self._is_choice[rows]
        totals = [
            fsum(row[:n]) for run in chances.tolist() for row, n in zip(run, self._n_choices.tolist(), strict=True)
        ]
        shares = chances / np.reshape(totals, (*chances.shape[:2], 1))
        gradient = advantage[:, None, None] * ((self._choices == self._asked[rows, :, None]) - shares)
        if self._adam:
            gradient = self._adapted(rows, gradient)
        logits = np.where(is_choice, self._logits[rows] + self._rate * gradient, -inf)
        logits = np.maximum(logits - logits.max(axis=2, keepdims=True), -_LOWEST)
        self._logits[rows] = logits
        powers = np.fromiter(map(exp, logits.ravel().tolist()), np.float64, logits.size).reshape(logits.shape)
        self._chances[rows] = np.where(is_choice, powers, 0.0)

    def _adapted(self, rows: NDArray[np.intp], gradient: NDArray[np.float64]) -> NDArray[np.float64]:
        import numpy as np

        self._n_steps[rows] += 1
        steps = self._n_steps[rows].tolist()
        for moment, beta, power in zip(self._moments, _BETAS, (gradient, gradient * gradient), strict=True):
            moment[rows] = beta * moment[rows] + (1 - beta) * power
        first, second = (
            moment[rows] / np.array([1 - beta**n for n in steps])[:, None, None]
            for moment, beta in zip(self._moments, _BETAS, strict=True)
        )
        adapted: NDArray[np.float64] = first / (np.sqrt(second) + _TINY)
        return adapted

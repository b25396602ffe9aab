"""Predictive termination, Domhan et al. 2015, https://www.ijcai.org/Proceedings/15/Papers/487.pdf, without sampling."""

from __future__ import annotations

from math import erfc, fsum, inf, sqrt
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_at_least, check_number, check_start
from nasbench_kit.optimizers.multi_fidelity.curves import Curves
from nasbench_kit.optimizers.multi_fidelity.rungs import epochs_from

if TYPE_CHECKING:
    from numpy.typing import NDArray

_POWERS = (0.1, 0.2, 0.5, 1.0, 2.0)
_SHARES = (1 / 30, 1 / 10, 1 / 3, 1.0)  # of all epochs, after which a curve is nearer to its limit by a factor of e
_LEAST_POINTS = 4  # from which a curve of two coefficients is extrapolated
_LEAST_SD = 1e-6


@final
class LearningCurveStopping:
    """Stop a training that is not likely to end above the best one so far.

    A curve is extrapolated by an ensemble of three of the paper's families, c - a x^-p, c - a / log(x + 1) and
    c - a exp(-x / t), with p and t from a grid. Each is fitted by least squares and weighted by its likelihood; the
    paper samples the parameters of eleven families by Markov chains. Architectures are random.

    Args:
        task: What to search.
        rng: Source of all randomness.
        threshold: Stop where the probability to end above the best is less (delta in the paper).
        every: Decide after so many epochs of the task, and again (p in the paper, there a tenth of all); by default a
            tenth of all, but at least one.
    """

    needs: ClassVar[tuple[str, ...]] = ("epochs",)

    def __init__(
        self, task: Task, rng: np.random.Generator, *, threshold: float = 0.05, every: int | None = None
    ) -> None:
        check_start(task, rng)
        check_number("a probability from 0 to 1", lambda x: 0 <= x <= 1, threshold=threshold)
        epochs = epochs_from(task)
        every = max(len(epochs) // 10, 1) if every is None else every
        check_at_least(1, every=every)
        self._threshold, self._every = threshold, every
        self._n_epochs = len(epochs)
        self._ensemble = Ensemble(epochs)
        self._best = -inf  # at the last epoch
        self._curves = Curves(task, rng, self._goes_on, self._ended)

    def ask(self) -> Trial:
        """The next epoch of a training that was not stopped, or the first of a new one."""
        return self._curves.ask()

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Decide whether its training goes on."""
        self._curves.tell(trial, outcome)

    def _goes_on(self, values: list[float]) -> bool:
        if len(values) < _LEAST_POINTS or len(values) % self._every or self._best == -inf:
            return True
        return self._ensemble.chance_above(self._best, values) >= self._threshold

    def _ended(self, values: list[float]) -> None:
        if len(values) == self._n_epochs:
            self._best = max(self._best, values[-1])


@final
class Ensemble:
    """Extrapolates curves to the last of some epochs.

    Args:
        epochs: At which the curves are known, from the first on, and the last one, where they end.
    """

    def __init__(self, epochs: tuple[int, ...]) -> None:
        x = np.array(epochs, np.float64)[:, None]
        powers, times = np.array(_POWERS), x[-1] * _SHARES
        # what falls with the epoch, per epoch and curve; every one is 1 at the first
        self._falls: NDArray[np.float64] = np.hstack([x**-powers, 1 / np.log(x + 1), np.exp(-x / times)])
        self._falls /= self._falls[:1]

    def chance_above(self, best: float, values: list[float]) -> float:
        """The probability that a curve which begins with these values ends above `best`."""
        mean, sd, weights = self._extrapolated(np.array(values))
        chances = [erfc(z / sqrt(2)) / 2 for z in ((best - mean) / sd).tolist()]
        return fsum(weight * chance for weight, chance in zip(weights.tolist(), chances, strict=True))

    def _extrapolated(self, y: NDArray[np.float64]) -> tuple[Any, Any, Any]:
        """Mean and standard deviation of the last value, and weight, of each curve."""
        n = len(y)
        falls, at_end = self._falls[:n], self._falls[-1]
        middle = falls.sum(axis=0) / n
        centered = falls - middle
        spread = (centered**2).sum(axis=0)
        slope = (centered * y[:, None]).sum(axis=0) / spread
        level = fsum(y.tolist()) / n
        squares = ((y[:, None] - level - slope * centered) ** 2).sum(axis=0)
        variance = squares / (n - 2) + _LEAST_SD**2
        sd = np.sqrt(variance * (1 + 1 / n + (at_end - middle) ** 2 / spread))
        logs = -n / 2 * np.log(variance)  # the likelihoods at the fitted parameters, but for a common factor
        weights = np.exp(logs - logs.max())
        return level + slope * (at_end - middle), sd, weights / weights.sum()

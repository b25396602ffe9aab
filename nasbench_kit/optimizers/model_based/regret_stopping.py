"""Automatic termination, Makarova et al. 2022, https://arxiv.org/abs/2104.08166, section 3."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, isfinite, log, pi, sqrt
from typing import TYPE_CHECKING, Any, final

import numpy as np

from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_at_least, check_number, check_start
from nasbench_kit.optimizers.inner import inner_needs, inner_search
from nasbench_kit.optimizers.model_based.processes import KernelChoice, choices
from nasbench_kit.predictors.gaussian_process import NOISES, GaussianProcess, hamming_kernels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.spaces import Arch, Space

_NOISES = (*NOISES, 3.0, 10.0, 30.0, 100.0)  # up to where values say next to nothing of architectures
_POOL = 2_000  # architectures that may be better, as in the authors' code
_LEAST, _MOST = 20, 150  # of the best told, from which the process learns
_INNER = "gp_bo"


@final
class RegretStopping:
    """Run another search, and end it when there is less to gain than noise in what it is told.

    What there is to gain is bounded by a Gaussian process on what was told at the last epoch. The paper ends a search
    when that is less than the standard deviation of the best one's cross validation, corrected for its folds being
    dependent. Here a training has one validation set, so the bound is compared with `noise_std`. With one given, all
    is as in the authors' experiments on NAS-Bench-201, which have .01, .001 and .0001: the process learns from the
    better half and takes values for exact. Without one, it is the noise that a process finds which learns from all:
    how trainings of one architecture differ, not how far a validation set misleads. Results that are always the same
    have next to none, and end no search.

    Args:
        task: What to search.
        rng: Source of all randomness, also of the other search.
        optimizer: Name of the other search.
        settings: Settings of the other search.
        noise_std: What there must be to gain, in the unit of the objective; null for the noise that is found.
        min_evaluations: How many must be told before the search may end.
        delta: The probability that the bound does not hold.
    """

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        optimizer: str = _INNER,
        settings: Mapping[str, Any] | None = None,
        noise_std: float | None = None,
        min_evaluations: int = 20,
        delta: float = 0.1,
    ) -> None:
        check_start(task, rng)
        check_at_least(2, min_evaluations=min_evaluations)
        if noise_std is not None:
            check_number("a number above 0, or null,", lambda x: 0 < x < inf, noise_std=noise_std)
        check_number("a number above 0 and below 1", lambda x: 0 < x < 1, delta=delta)
        self._search = inner_search(task, rng, optimizer, settings)
        self._noise_std, self._min_evaluations, self._delta = noise_std, min_evaluations, delta
        self._last = task.epochs[-1] if task.epochs else None
        self._choice = KernelChoice(hamming_kernels(task.space), _NOISES if noise_std is None else _NOISES[:1])
        self._pool = choices(_pool(task.space))
        self._archs: list[Arch] = []
        self._values: list[float] = []
        self._n_judged, self._is_over = 0, False

    @staticmethod
    def needs_of_settings(optimizer: str = _INNER, settings: object = None, **_: object) -> tuple[str, ...]:
        """What the other search cannot do without."""
        return inner_needs(optimizer, settings)

    def ask(self) -> Trial | None:
        """What the other search asks for; None from when the rule holds."""
        if len(self._values) >= self._min_evaluations and len(self._values) > self._n_judged and not self._is_over:
            self._n_judged = len(self._values)
            self._is_over = self._holds()
        return None if self._is_over else self._search.ask()

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Tell the other search, and learn from what did not fail."""
        self._search.tell(trial, outcome)
        if isfinite(outcome.value) and outcome.epoch in (None, self._last):
            self._archs.append(trial.arch)
            self._values.append(outcome.value)

    def _holds(self) -> bool:
        """Whether less may be gained than there is noise: the paper's condition, of values to be maximized."""
        n = len(self._values) if self._noise_std is None else max(len(self._values) // 2, _LEAST)
        best = np.argsort(-np.array(self._values), kind="stable")[: min(n, _MOST)]
        archs, values = choices(np.array(self._archs, np.uint8)[best]), np.array(self._values)[best]
        process = self._choice.fit(archs, values)
        bound = regret_bound(process, archs, self._pool, beta(len(best), archs.shape[1], self._delta))
        return bound < (self._noise_std or sqrt(process.noise * process.variance))


def beta(n_told: int, n_decisions: int, delta: float) -> float:
    """How wide confidence bounds are, squared: theorem 1 of Srinivas et al. 2010, https://arxiv.org/abs/0912.3995.

    As in the paper, the number of decisions stands for the size of the space, and a fifth of it is taken, as in the
    experiments of Srinivas et al.
    """
    return 2 * log(n_decisions * n_told**2 * pi**2 / (6 * delta)) / 5


def regret_bound(
    process: GaussianProcess, told: NDArray[np.float64], others: NDArray[np.float64], beta: float
) -> float:
    """How much better than the best of those told the best of all may be.

    Args:
        process: What was learned.
        told: Features of what it learned from.
        others: Features of what may be better.
        beta: The square of how many standard deviations the bounds are from the mean.
    """
    mean, sd = process.predict(told)
    lower = float((mean - sqrt(beta) * sd).max())
    upper = float((mean + sqrt(beta) * sd).max())
    mean, sd = process.predict(others)
    return max(upper, float((mean + sqrt(beta) * sd).max())) - lower


def _pool(space: Space) -> NDArray[np.uint8]:
    """The whole space, or always the same random part of it: the search's own randomness is left alone."""
    return space.all_archs() if space.size <= _POOL else space.sample_many(np.random.default_rng(0), _POOL)

"""New architectures for brackets, suggested by a Gaussian process on what was told at all epochs."""

from __future__ import annotations

from itertools import product
from math import isfinite, log
from typing import TYPE_CHECKING, final

import numpy as np

from nasbench_kit.errors import unknown
from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_at_least
from nasbench_kit.optimizers.model_based.acquisition import EI, scores
from nasbench_kit.optimizers.model_based.proposals import Observed, by_score, candidates
from nasbench_kit.optimizers.unrepeated import unrepeated
from nasbench_kit.predictors.gaussian_process import GaussianProcess, Kernel, hamming_kernels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.spaces import Arch

MODELS = ("joint", "independent")
_EPOCH_LENGTHS = (0.2, 0.5, 1.0)  # of a kernel on log epoch, where the longest training is 1
_MOST = 150  # outcomes that a model learns from, of the highest epochs first
_GROWN = 1.2  # a model is learned anew when so many more were told


@final
class ProcessSuggestions:
    """Suggests what is expected to improve most at the last epoch.

    Args:
        task: What is searched.
        rng: Source of all randomness.
        model: "joint" learns from all epochs, with a kernel on architecture times one on the logarithm of the epoch;
            "independent" from the highest epoch with at least `n_initial` outcomes alone.
        n_initial: Random architectures before the first model.
        pool_size: Candidates of a suggestion, half of them mutated from the best told.
    """

    def __init__(self, task: Task, rng: np.random.Generator, *, model: str, n_initial: int, pool_size: int) -> None:
        check_at_least(1, n_initial=n_initial)
        check_at_least(2, pool_size=pool_size)
        if model not in MODELS:
            raise unknown("model", model, MODELS)
        self._space, self._rng, self._last = task.space, rng, task.epochs[-1]
        self._is_joint, self._n_initial, self._pool_size = model == "joint", n_initial, pool_size
        plain = hamming_kernels(task.space)
        self._kernels = (
            [_with_epochs(kernel, length) for kernel, length in product(plain, _EPOCH_LENGTHS)]
            if self._is_joint
            else plain
        )
        self._random = unrepeated(task.space, rng)
        self._asked: set[int] = set()
        self._told: dict[int, list[tuple[Arch, float]]] = {}  # per epoch, what did not fail
        self._n_told, self._n_learned = 0, 0
        self._process: GaussianProcess | None = None
        self._best = 0.0

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Remember the value; a failed training has none."""
        epoch = outcome.epoch or trial.epoch or self._last
        if isfinite(outcome.value):
            self._told.setdefault(epoch, []).append((trial.arch, outcome.value))
            self._n_told += 1

    def __call__(self) -> Arch:
        """A random architecture, then the most promising of the candidates."""
        arch = self._suggested()
        self._asked.add(self._space.key(arch))
        return arch

    def _suggested(self) -> Arch:
        if len(self._asked) >= self._n_initial and self._n_told >= self._n_initial:
            if self._process is None or self._n_told >= _GROWN * self._n_learned:
                self._learn()
            highest = self._told[max(self._told)]
            observed = Observed(*_columns(highest))
            half = self._pool_size // 2
            pool = candidates(self._space, self._rng, observed, self._asked, n_mutated=half, n_random=half, n_parents=5)
            if len(pool):
                assert self._process is not None
                mean, sd = self._process.predict(self._features(pool, self._last))
                found: list[int] = by_score(pool, scores(EI, mean, sd, best=self._best, rng=self._rng))[0].tolist()
                return tuple(found)
        return next(self._random, None) or self._space.sample(self._rng)

    def _learn(self) -> None:
        """Of the highest epochs, so many outcomes as a model takes."""
        self._n_learned = self._n_told
        levels = sorted(self._told, reverse=True)
        if not self._is_joint:
            levels = [next((epoch for epoch in levels if len(self._told[epoch]) >= self._n_initial), levels[-1])]
        features: list[NDArray[np.float64]] = []
        values: list[NDArray[np.float64]] = []
        left = _MOST
        for epoch in levels:
            archs, of_epoch = _columns(self._told[epoch][-left:])
            features.append(self._features(archs, epoch))
            values.append(of_epoch)
            left -= len(archs)
            if not left:
                break
        self._process = GaussianProcess(np.concatenate(features), np.concatenate(values), kernels=self._kernels)
        at_the_end = np.concatenate(features)
        if self._is_joint:
            at_the_end[:, -1] = 1.0
        self._best = float(self._process.predict(at_the_end)[0].max())

    def _features(self, archs: NDArray[np.uint8], epoch: int) -> NDArray[np.float64]:
        found = archs.astype(float)
        if not self._is_joint:
            return found
        share = log(epoch) / log(self._last) if self._last > 1 else 1.0
        return np.column_stack([found, np.full(len(archs), share)])


def _columns(told: list[tuple[Arch, float]]) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    archs, values = zip(*told, strict=True)
    return np.array(archs, np.uint8), np.array(values)


def _with_epochs(kernel: Kernel, length: float) -> Kernel:
    """A kernel on all columns but the last, times one on the last."""

    def both(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
        apart = np.abs(one[:, -1:] - other[None, :, -1])
        return kernel(one[:, :-1], other[:, :-1]) * np.exp(-apart / length)

    return both

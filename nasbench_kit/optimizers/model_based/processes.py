"""What searches with a Gaussian process ask for: of a pool of candidates, those that promise most."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from typing import TYPE_CHECKING, final

import numpy as np

from nasbench_kit.optimizers.base import Task, check_at_least
from nasbench_kit.optimizers.model_based.acquisition import check_acquisition, scores
from nasbench_kit.optimizers.model_based.proposals import Observed, Proposals, by_score, candidates, first_objective
from nasbench_kit.predictors.gaussian_process import NOISES, GaussianProcess, Kernel, hamming_kernels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.spaces import Space

_GROWN = 1.2


@final
class KernelChoice:
    """Fits processes to ever more values, and chooses the kernel anew when there are many more.

    Args:
        kernels: Those to choose from.
        noises: Variances of the noise to choose from, as of `GaussianProcess`.
    """

    def __init__(self, kernels: Sequence[Kernel], noises: Sequence[float] = NOISES) -> None:
        self._kernels = self._chosen = kernels
        self._noises = noises
        self._n_chosen_by = 0

    def fit(self, features: NDArray[np.float64], values: NDArray[np.float64]) -> GaussianProcess:
        """A process with the kernel that fits best, or that did not long ago."""
        if len(values) >= _GROWN * self._n_chosen_by:
            self._chosen, self._n_chosen_by = self._kernels, len(values)
        process = GaussianProcess(features, values, kernels=self._chosen, noises=self._noises)
        self._chosen = [process.kernel]
        return process


@final
class Processes:
    """A process on the decisions for each of several quantities; what is known without training is not learned.

    Args:
        space: What is searched.
        n: How many quantities there are.
    """

    def __init__(self, space: Space, n: int) -> None:
        self._choices = [KernelChoice(hamming_kernels(space)) for _ in range(n)]

    def predict(
        self,
        archs: NDArray[np.uint8],
        told: NDArray[np.float64],
        pool: NDArray[np.uint8],
        known: Callable[[NDArray[np.uint8]], NDArray[np.float64]] | None,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and standard deviation of each quantity: (n_pool, n) both.

        Args:
            archs: For which they were told.
            told: What was told of them: (n_archs, n).
            pool: For which they are to be predicted.
            known: As `Task.known_values` or `Task.known_violations`.
        """
        mean = np.full((len(pool), len(self._choices)), np.nan) if known is None else known(pool).copy()
        sd = np.zeros(mean.shape)
        for j, choice in enumerate(self._choices):
            is_open = np.isnan(mean[:, j])
            if is_open.any():
                unit = float(told[:, j].std()) or 1.0
                process = choice.fit(choices(archs), told[:, j] / unit)
                found = process.predict(choices(pool[is_open]))
                mean[is_open, j], sd[is_open, j] = unit * found[0], unit * found[1]
        return mean, sd


def choices(archs: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Architectures as `hamming_kernels` compare them."""
    return archs.astype(float)


def process_proposals(
    task: Task,
    rng: np.random.Generator,
    *,
    n_initial: int,
    batch_size: int,
    acquisition: str,
    pool_size: int,
    n_parents: int,
    features: Callable[[NDArray[np.uint8]], NDArray[np.float64]] = choices,
    kernels: Sequence[Kernel] | None = None,
    scalarize: Callable[[NDArray[np.float64]], NDArray[np.float64]] = first_objective,
) -> Proposals:
    """Proposals of a Gaussian process.

    Args:
        task: What is searched.
        rng: Source of all randomness.
        n_initial: Random architectures before the first model.
        batch_size: How many are asked for between two models.
        acquisition: What is promising, as in `acquisition.scores`.
        pool_size: Candidates, half of them mutated from the best told.
        n_parents: How many of the best told are mutated.
        features: What the kernels compare, of a batch.
        kernels: Those that the process chooses from; `hamming_kernels` by default.
        scalarize: Makes one value of all objectives, as for `Proposals`.

    Raises:
        SettingError, UnknownNameError: A setting cannot be such.
    """
    check_acquisition(acquisition)
    check_at_least(2, pool_size=pool_size)
    check_at_least(1, n_parents=n_parents)
    half = pool_size // 2
    choice = KernelChoice(hamming_kernels(task.space) if kernels is None else kernels)

    def propose(observed: Observed, known: Set[int]) -> NDArray[np.uint8]:
        pool = candidates(
            task.space, rng, observed, known, n_mutated=half, n_random=pool_size - half, n_parents=n_parents
        )
        if not len(pool):
            return pool
        mean, sd = choice.fit(features(observed.archs), observed.values).predict(features(pool))
        best = float(observed.values.max())
        return by_score(pool, scores(acquisition, mean, sd, best=best, rng=rng))

    return Proposals(task, rng, n_initial=n_initial, batch_size=batch_size, propose=propose, scalarize=scalarize)

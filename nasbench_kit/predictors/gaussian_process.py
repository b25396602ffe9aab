"""Exact Gaussian process regression with kernels on architectures, Rasmussen and Williams 2006, chapters 2 and 5."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, final

import numpy as np

from nasbench_kit.encodings import weisfeiler_lehman

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.spaces import Space

Kernel = Callable[["NDArray[np.float64]", "NDArray[np.float64]"], "NDArray[np.float64]"]
"""From features (n, d) and (m, d) to similarities (n, m); 1 of an architecture with itself."""

NOISES = tuple(np.geomspace(1e-4, 1.0, 9).tolist())  # variance of the noise, in units of the signal's
_LENGTHS = (0.1, 0.2, 0.4, 0.8, 1.6)
_ROUNDS = (0, 1, 2, 3)
_COLUMNS = 512  # of a round
_TINY = 1e-12


@final
class GaussianProcess:
    """A posterior over values, given values at some places.

    The prior's mean is that of the data. Which of the kernels, how strong the noise is and how far values spread is
    chosen by marginal likelihood: the first two on a grid, the last in closed form.

    Args:
        features: Of the architectures with a value: (n, d).
        values: Their values: (n,).
        kernels: Those to choose from.
        noises: Variances of the noise to choose from, in units of the signal's.

    Attributes:
        kernel: The kernel that was chosen.
        noise: The noise that was chosen.
        variance: Of the signal.
        log_likelihood: The marginal likelihood of the data.
    """

    def __init__(
        self,
        features: NDArray[np.float64],
        values: NDArray[np.float64],
        *,
        kernels: Sequence[Kernel],
        noises: Sequence[float] = NOISES,
    ) -> None:
        self._features, self._mean = features, float(values.mean())
        centered = values - self._mean
        n = len(values)
        self.log_likelihood = -np.inf
        for kernel in kernels:
            scales, axes = np.linalg.eigh(kernel(features, features))
            scales = np.maximum(scales, 0.0)  # rounding may make them negative
            projected = axes.T @ centered
            for noise in noises:
                spread = scales + noise
                variance = max(float((projected**2 / spread).mean()), _TINY)  # the one of the highest likelihood
                # eq. 5.8 with the variance filled in
                likelihood = -0.5 * (n * np.log(2 * np.pi * variance) + float(np.log(spread).sum()) + n)
                if round(likelihood - self.log_likelihood, 9) > 0:
                    self.kernel, self.noise, self.variance = kernel, noise, variance
                    self.log_likelihood = likelihood
                    self._axes, self._spread = axes, spread
                    self._weights = axes @ (projected / spread)

    def predict(self, features: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Posterior mean and standard deviation of the value without noise, of each of a batch: (m,) both."""
        across = self.kernel(features, self._features)
        mean = self._mean + across @ self._weights  # eq. 2.25
        explained = ((across @ self._axes) ** 2 / self._spread).sum(axis=1)
        return mean, np.sqrt(self.variance * np.maximum(1.0 - explained, 0.0))  # eq. 2.26


def hamming_kernels(space: Space) -> list[Kernel]:
    """exp(-d / l), where d is the share of decisions that differ, of several lengths l; of choices as features.

    Source: Hutter 2009, PhD thesis, section 10.1, on categorical parameters.
    """
    n_decisions = space.n_decisions

    def kernel(one: NDArray[np.float64], other: NDArray[np.float64], length: float) -> NDArray[np.float64]:
        differ = np.zeros((len(one), len(other)))
        for i in range(n_decisions):
            differ += one[:, i, None] != other[None, :, i]
        return np.exp(differ / (-n_decisions * length))

    return [lambda one, other, length=length: kernel(one, other, length) for length in _LENGTHS]  # type: ignore[misc]


def weisfeiler_lehman_features(space: Space, archs: object) -> NDArray[np.float64]:
    """Histograms of Weisfeiler-Lehman labels up to three rounds: what `weisfeiler_lehman_kernels` take."""
    return weisfeiler_lehman(space, archs, rounds=max(_ROUNDS), n_features=_COLUMNS).astype(float)


def weisfeiler_lehman_kernels(space: Space) -> list[Kernel]:
    """The subtree kernel of several numbers of rounds, normalized, as in NAS-BOWL, Ru et al. 2021, section 3.1."""
    one_row = weisfeiler_lehman_features(space, space.sample_many(np.random.default_rng(0), 1))
    n_labels = one_row.shape[1] - max(_ROUNDS) * _COLUMNS

    def kernel(one: NDArray[np.float64], other: NDArray[np.float64], rounds: int) -> NDArray[np.float64]:
        n = n_labels + rounds * _COLUMNS
        return _normalized(one[:, :n]) @ _normalized(other[:, :n]).T

    return [lambda one, other, rounds=rounds: kernel(one, other, rounds) for rounds in _ROUNDS]  # type: ignore[misc]


def _normalized(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return rows / np.maximum(np.sqrt((rows**2).sum(axis=1, keepdims=True)), _TINY)

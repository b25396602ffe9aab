"""How promising an architecture is, by what a model expects of it."""

from __future__ import annotations

from math import erfc, pi, sqrt
from typing import TYPE_CHECKING

import numpy as np

from nasbench_kit.errors import unknown

if TYPE_CHECKING:
    from numpy.typing import NDArray

EI, UCB, ITS = ACQUISITIONS = ("ei", "ucb", "its")
_KAPPA = 0.5  # of UCB, in BANANAS's reference
_erfc = np.vectorize(erfc, otypes=[float])


def check_acquisition(name: str) -> None:
    """Refuse one that does not exist.

    Raises:
        UnknownNameError: There is none of this name.
    """
    if name not in ACQUISITIONS:
        raise unknown("acquisition", name, ACQUISITIONS)


def scores(
    acquisition: str,
    mean: NDArray[np.float64],
    sd: NDArray[np.float64],
    *,
    best: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Scores of a batch: larger is more promising.

    Args:
        acquisition: "ei", expected improvement (Mockus 1975; Jones et al. 1998, eq. 15); "ucb", mean + .5 sd; "its",
            independent Thompson sampling (White et al. 2021), one draw per architecture.
        mean: Expected values (n,).
        sd: Their standard deviations (n,).
        best: The best value told so far.
        rng: For "its".
    """
    if acquisition == UCB:
        return mean + _KAPPA * sd
    if acquisition == ITS:
        return rng.normal(mean, sd)
    return expected_improvement(mean, sd, best)


def expected_improvement(
    mean: NDArray[np.float64], sd: NDArray[np.float64], best: float | NDArray[np.float64]
) -> NDArray[np.float64]:
    """E[max(0, Y - best)] of Y ~ N(mean, sd), as arrays that broadcast. Where sd is 0, the improvement itself."""
    gain = mean - best
    z = np.divide(gain, sd, out=np.zeros_like(gain), where=sd > 0)
    density = np.exp(-(z**2) / 2) / sqrt(2 * pi)
    above = _erfc(-z / sqrt(2)) / 2
    return np.where(sd > 0, gain * above + sd * density, np.maximum(gain, 0.0))


def probability_of_at_most(limit: float, mean: NDArray[np.float64], sd: NDArray[np.float64]) -> NDArray[np.float64]:
    """P(Y <= limit) of each Y ~ N(mean, sd). Where sd is 0, whether the mean is."""
    z = np.divide(limit - mean, sd, out=np.zeros_like(mean), where=sd > 0)
    return np.where(sd > 0, _erfc(-z / sqrt(2)) / 2, mean <= limit)

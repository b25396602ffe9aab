"""How training runs are distributed: what one draw is, of one architecture or of many, at one epoch or along a curve.

A run collapses with a probability; its value is then one of a few, equally likely. Else `z` (see `targets`) is normal.
Two numbers, uniform in [0, 1), choose the run: `which` decides whether it collapses, `where` how good it is among those
of its kind. They choose the same run at every epoch, so they are what a training keeps.
"""

from __future__ import annotations

from math import inf
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.surrogates.targets import backward

Bounds = tuple[float, float]
_STANDARD_NORMAL = NormalDist()


class RunDistribution(NamedTuple):
    """Say how the runs of architectures are distributed; `z`, `sd` and `collapse` are numbers of one, or (n_archs,).

    One architecture alone and in a batch draw the same to the last bit.
    """

    transform: str  #: one of `targets.TRANSFORMS`
    z: Any  #: mean of `z` over runs that do not collapse
    sd: Any  #: standard deviation of `z` between these
    collapse: Any  #: probability that a run collapses; 0 where that is not modelled
    collapsed: NDArray[np.float64]  #: (n_quantiles,), equally likely values of a collapsed run; empty if not modelled
    bounds: Bounds = (-inf, inf)  #: of the metric: what lies beyond is cut

    def draw(self, which: Any, where: Any) -> Any:
        """Return the value of one run, rounded to float32.

        Args:
            which: Uniform in [0, 1), a number or (n_archs,): the run collapses where it lies below the probability.
            where: Likewise: the quantile of the run among those that collapse, or among those that do not.
        """
        if isinstance(self.z, float):
            return self._draw_one(which, where)
        normal = np.array([_normal(u) for u in where.tolist()])
        drawn = backward(self.transform, self.z + self.sd * normal)
        if len(self.collapsed):
            ends = self.collapsed[(where * len(self.collapsed)).astype(np.intp)]
            drawn = np.where(which < self.collapse, ends, drawn)
        return within(self.bounds, rounded(drawn))

    def _draw_one(self, which: float, where: float) -> float:
        value: Any
        if which < self.collapse:
            value = self.collapsed.item(int(where * len(self.collapsed)))
        else:
            value = backward(self.transform, self.z + self.sd * _normal(where))
        low, high = self.bounds
        found = rounded_one(value)
        return found if low <= found <= high else min(max(found, low), high)

    def of(self, some: NDArray[Any]) -> RunDistribution:
        """Return those of some architectures of a batch, by their positions or a mask."""
        return self._replace(z=self.z[some], sd=self.sd[some], collapse=self.collapse[some])


def within(bounds: Bounds, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cut values to the bounds of their metric; those that lie inside keep every bit."""
    low, high = bounds
    return values if low == -inf and high == inf else np.minimum(np.maximum(values, low), high)


def rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keep as many digits as float32 holds: the last bits of an exponential may differ between machines."""
    return values.astype(np.float32).astype(np.float64)


def rounded_one(value: Any) -> float:
    """Round one number as `rounded` does a batch."""
    return np.float32(value).item()


def _normal(uniform: float) -> float:
    """Return the standard normal quantile of a number uniform in [0, 1); 0 counts as the smallest number above."""
    return _STANDARD_NORMAL.inv_cdf(max(uniform, 2.0**-53))

"""Which decisions the variance of values comes from: functional ANOVA, Shapley effects, mean effects of choices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import SettingError

MOST_DECISIONS = 12  # whose subsets are all looked at


class VarianceParts(NamedTuple):
    """The variance over all architectures, each as likely as any other, by decisions. Shares sum to 1."""

    variance: float
    shares: dict[tuple[int, ...], float]  #: decisions -> the share that they explain together and fewer of them do not

    @property
    def main(self) -> NDArray[np.float64]:
        """The share of each decision alone: (n_decisions,)."""
        return np.array([share for decisions, share in self.shares.items() if len(decisions) == 1])

    @property
    def pairs(self) -> NDArray[np.float64]:
        """The share of each pair beyond those of the two decisions: (n_decisions, n_decisions), 0 on the diagonal."""
        n = len(self.main)
        found = np.zeros((n, n))
        for decisions, share in self.shares.items():
            if len(decisions) == 2:
                found[decisions] = found[decisions[::-1]] = share
        return found

    def of_order(self, n: int) -> float:
        """The share of all interactions of exactly `n` decisions; of main effects, where that is 1."""
        return float(sum(share for decisions, share in self.shares.items() if len(decisions) == n))

    @property
    def shapley(self) -> NDArray[np.float64]:
        """The Shapley effect of each decision, (n_decisions,), which sum to 1: interactions are shared out evenly.

        It is the Shapley value of a game in which some decisions win the variance that they explain together.

        Source: Owen 2014, https://doi.org/10.1137/130936233, theorem 1.
        """
        found = np.zeros(len(self.main))
        for decisions, share in self.shares.items():
            found[list(decisions)] += share / len(decisions)
        return found


def functional_anova(values: NDArray[np.float64]) -> VarianceParts:
    """Split the variance of values into parts of sets of decisions, exactly.

    Args:
        values: Of every combination of choices: one axis per decision, as long as it has choices.

    Raises:
        SettingError: The values do not vary, some are not known, or there are too many decisions.

    Source: Hutter et al. 2014, https://proceedings.mlr.press/v32/hutter14.html, equations 3 to 5; here over all
    architectures instead of a forest's predictions.
    """
    if values.ndim > MOST_DECISIONS:
        raise SettingError(f"{values.ndim} decisions; the parts of all sets of at most {MOST_DECISIONS} are computed")
    if not np.isfinite(values).all():
        raise SettingError(f"{(~np.isfinite(values)).sum():,} of {values.size:,} values are not finite; all expected")
    if values.max() == values.min():
        raise SettingError(f"all {values.size:,} values are the same; there is no variance to explain")
    centered = values - values.mean()
    found = {decisions: part for decisions, part in _parts(centered, 0, ()) if decisions}
    total = sum(found.values())  # the variance, up to rounding
    ordered = sorted(found, key=lambda decisions: (len(decisions), decisions))
    return VarianceParts(float(values.var()), {decisions: found[decisions] / total for decisions in ordered})


def _parts(
    values: NDArray[np.float64], axis: int, decisions: tuple[int, ...]
) -> Iterator[tuple[tuple[int, ...], float]]:
    """The mean square of each component: along every axis either the mean is taken, or what is left of it."""
    if axis == values.ndim:
        yield decisions, float((values**2).mean())
        return
    mean = values.mean(axis=axis, keepdims=True)
    yield from _parts(mean, axis + 1, decisions)
    yield from _parts(values - mean, axis + 1, (*decisions, axis))


def mean_effects(
    archs: NDArray[np.uint8], values: NDArray[np.float64], n_choices: Sequence[int], *, least: int = 1
) -> list[NDArray[np.float64]]:
    """By how much the mean value of the architectures with a choice differs from that of all.

    Args:
        archs: (n_archs, n_decisions).
        values: (n_archs,).
        n_choices: How many choices each decision has.
        least: How many architectures must have a choice, for its mean to count.

    Returns:
        For each decision (n_choices,), in the unit of the values; NaN of a choice that fewer have.
    """
    found = []
    for column, n in zip(archs.T, n_choices, strict=True):
        n_taken = np.bincount(column, minlength=n)
        totals = np.bincount(column, weights=values, minlength=n)
        means = np.divide(totals, n_taken, out=np.full(n, np.nan), where=n_taken >= max(least, 1))
        found.append(means - values.mean())
    return found

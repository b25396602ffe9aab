"""Exact p-values of rank sums, ties included: many runs on a tabular benchmark end at the same architecture.

Normal approximations are wrong there whatever the number of runs. Where three of 500 runs miss the optimum that 500
others all find, U is 1.7 standard deviations from its mean, yet one time in four it is as far by chance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def signed_rank_p(ranks: NDArray[np.float64], plus: float) -> float:
    """Two-sided p-value of Wilcoxon's sum of positive ranks: every sign of every rank is as likely.

    Args:
        ranks: Of the differences that are not zero, by size, shape (n,); multiples of 1/2.
        plus: Sum of those of positive differences.
    """
    steps = (2 * ranks).astype(np.intp)
    ways = np.zeros(steps.sum() + 1)  # how many sets of ranks have this sum
    ways[0] = 1
    for step in steps:
        ways[step:] += ways[:-step].copy()
    return _two_sided(ways / 2 ** len(steps), np.arange(len(ways)), 2 * plus)


def rank_sum_p(ranks: NDArray[np.float64], n: int) -> float:
    """Two-sided p-value of the sum of the first n ranks: every set of n of them is as likely to be the first.

    Fast where few differ from the most common one, or there are few.

    Args:
        ranks: Of all runs of both optimizers together, ties averaged, shape (n_runs,).
        n: Runs of the first.
    """
    from scipy.special import comb
    from scipy.stats import hypergeom

    doubled = (2 * ranks).astype(np.intp)
    common = np.bincount(doubled).argmax()
    others = doubled[doubled != common]
    least = others.min(initial=doubled.max())
    ways = np.zeros((len(others) + 1, (others - least).sum() + 1))  # sets of so many others, with this sum above least
    ways[0, 0] = 1
    for step in others - least:
        ways[1:, step:] += ways[:-1, : ways.shape[1] - step].copy()
    drawn = np.arange(len(others) + 1)[:, None]
    chances = hypergeom.pmf(drawn, len(ranks), len(others), n) * ways / comb(len(others), drawn)
    sums = drawn * least + np.arange(ways.shape[1]) + (n - drawn) * common
    return _two_sided(chances, sums, doubled[:n].sum())


def _two_sided(chances: NDArray[np.float64], sums: NDArray[np.intp], observed: float) -> float:
    tails = chances[sums <= observed].sum(), chances[sums >= observed].sum()
    return min(1.0, 2 * float(min(tails)))

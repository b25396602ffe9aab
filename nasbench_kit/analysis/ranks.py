"""Ranks of optimizers: over time, whether they differ at all, and which of them are not told apart."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, sqrt
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from nasbench_kit.analysis.win_rates import win_rates
from nasbench_kit.errors import SettingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LEAST = 3  # optimizers; Friedman's test of two is a sign test
_DIGITS = 9  # average ranks that agree so far are the same: means of means carry rounding errors


def ranks(regrets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rank optimizers by regret, or anything of which less is better: 1 is the best, ties share their mean rank.

    Args:
        regrets: Optimizers along the first axis, shape (n_optimizers, ...). NaN, of a run without an incumbent, is
            worse than every number and ties with other NaN.

    Returns:
        The same shape.

    Raises:
        SettingError: No optimizer.
    """
    if not len(regrets):
        raise SettingError("there is nothing to rank; one or more optimizers expected")
    filled = np.where(np.isnan(regrets), inf, regrets)
    return np.stack([((filled < one).sum(axis=0) + (filled <= one).sum(axis=0) + 1) / 2 for one in filled])


def average_ranks(
    curves: Sequence[NDArray[np.float64]], *, by: Literal["seed", "every pair", "median"]
) -> NDArray[np.float64]:
    """Average rank of each optimizer on one benchmark, at each time.

    Over benchmarks, take the mean of what this returns for each of them.

    Args:
        curves: Of each optimizer, the regrets of its runs, shape (n_runs, n_times); smaller is better, and NaN, of a
            run that has no incumbent yet, is worst.
        by: What is ranked. `"seed"`: runs of the same position against each other, then the mean over positions; all
            optimizers need as many runs. `"every pair"`: one run of each optimizer, whichever; the expected rank of
            independent runs, exact where drawing many such sets estimates it. `"median"`: the median regrets.

    Returns:
        Shape (n_optimizers, n_times).

    Raises:
        SettingError: Fewer than two optimizers, one without runs, other times, or unequal numbers of runs by seed.
    """
    shapes = [np.shape(curve) for curve in curves]
    if len(shapes) < 2 or any(len(shape) != 2 or not shape[0] or shape[1] != shapes[0][1] for shape in shapes):
        raise SettingError(
            f"curves of shapes {shapes}; (n_runs, n_times) of two or more optimizers at the same times expected"
        )
    if by == "median":
        return ranks(np.stack([np.median(np.where(np.isnan(curve), inf, curve), axis=0) for curve in curves]))
    if by == "every pair" and len({n_runs for n_runs, _ in shapes}) == 1:
        return _ranks_among_all(curves)
    if by == "every pair":  # 1, and for each rival how often it is better; rates have 1/2 for oneself
        won = [win_rates([curve[:, time] for curve in curves]).sum(axis=1) for time in range(shapes[0][1])]
        return len(curves) + 0.5 - np.reshape(won, (-1, len(curves))).T
    if by != "seed":
        raise SettingError(f"by={by!r}; seed, every pair or median expected")
    if len({n_runs for n_runs, _ in shapes}) > 1:
        raise SettingError(
            f"{[n for n, _ in shapes]} runs ranked by seed; as many of each expected, or by='every pair'"
        )
    return ranks(np.stack(curves)).mean(axis=1)


def _ranks_among_all(curves: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Expected ranks by every pair, of equally many runs, from the ranks among all runs.

    Of the n * n pairs of one's own, and of oneself, half are won: (n + 1) / 2 of the mean rank are no rival's.
    """
    from scipy.stats import rankdata

    n = len(curves[0])
    every = np.concatenate(curves)
    mean = rankdata(np.where(np.isnan(every), inf, every), axis=0).reshape(len(curves), n, -1).mean(axis=1)
    return 1 + (mean - (n + 1) / 2) / n


class Friedman(NamedTuple):
    """Friedman's test of whether any optimizer differs from the others."""

    statistic: float  #: Friedman's chi-square, corrected for ties
    p_value: float  #: by the chi-square distribution with n_optimizers - 1 degrees of freedom
    f_statistic: float  #: Iman and Davenport's F, of more power; inf if the order is the same everywhere
    f_p_value: float


def friedman_test(regrets: NDArray[np.float64]) -> Friedman:
    """Test whether all optimizers are alike, from their ranks on each benchmark.

    Args:
        regrets: What each optimizer reached on each benchmark, such as its median, shape (n_optimizers, n_benchmarks);
            smaller is better, NaN is worst.

    Raises:
        SettingError: Fewer than three optimizers or two benchmarks.

    Source: Demsar 2006, https://jmlr.org/papers/v7/demsar06a.html, section 3.2.2. Its chi-square is not corrected for
    ties; this one is, as in Conover 1999.
    """
    from scipy.stats import f, friedmanchisquare

    if np.ndim(regrets) != 2 or len(regrets) < _LEAST or regrets.shape[1] < 2:
        raise SettingError(
            f"regrets of shape {np.shape(regrets)}; {_LEAST} or more optimizers on 2 or more benchmarks expected"
        )
    k, n = regrets.shape
    found = ranks(regrets)
    if (found == found[0]).all():
        return Friedman(0.0, 1.0, 0.0, 1.0)  # all tie everywhere
    chi2, p_value = map(float, friedmanchisquare(*found))
    rest = n * (k - 1) - chi2
    f_statistic = (n - 1) * chi2 / rest if rest > 1e-9 * n * k else inf
    return Friedman(chi2, p_value, f_statistic, float(f.sf(f_statistic, k - 1, (k - 1) * (n - 1))))


def critical_difference(n_optimizers: int, n_benchmarks: int, alpha: float = 0.05) -> float:
    """How far two average ranks must lie apart to differ by Nemenyi's test.

    The quantile is that of the studentized range divided by the root of two.

    Args:
        n_optimizers: Optimizers that were ranked, two or more.
        n_benchmarks: Benchmarks that the ranks were averaged over, not runs: more runs are no more benchmarks.
        alpha: Chance that any two of optimizers that are all alike differ by this.

    Raises:
        SettingError: Fewer than two optimizers or one benchmark, or alpha outside (0, 1).

    Source: Demsar 2006, https://jmlr.org/papers/v7/demsar06a.html, section 3.2.2 and table 5 (a).
    """
    from scipy.stats import studentized_range

    if n_optimizers < 2 or n_benchmarks < 1 or not 0 < alpha < 1:
        raise SettingError(
            f"n_optimizers={n_optimizers}, n_benchmarks={n_benchmarks}, alpha={alpha}; 2 or more, 1 or more, and"
            " between 0 and 1 expected"
        )
    quantile = float(studentized_range.ppf(1 - alpha, n_optimizers, inf)) / sqrt(2)
    return quantile * sqrt(n_optimizers * (n_optimizers + 1) / (6 * n_benchmarks))


class Cliques(NamedTuple):
    """The bars of a critical-difference diagram, and what they cannot say. Optimizers are given by position."""

    members: tuple[tuple[int, ...], ...]  #: who is under each bar, by rank; two or more; no bar lies within another
    unjoined: tuple[tuple[int, int], ...]  #: not told apart, yet under no common bar: others between them are
    against_ranks: tuple[tuple[int, int], ...]  #: told apart, the better one first, though it ranks no better


def cliques(average_ranks: NDArray[np.float64], better: NDArray[np.bool_]) -> Cliques:
    """Bars over optimizers that are not told apart, such that none contradicts the ranks.

    Who looks at a bar takes it to cover everyone whose average rank lies under it. So a clique is all that rank from
    one average rank to another, no two of them told apart, and as many as that allows; ties are in the same cliques.

    By Nemenyi's test this is every clique of the test, since who ranks between two others lies closer to both. By
    pairwise tests (Benavoli et al. 2016, https://jmlr.org/papers/v17/benavoli16a.html) two may not be told apart while
    one between them is told apart from either; a bar from end to end would deny that, and there is none. A figure then
    owes its reader the pairs `unjoined`: of all others, no common bar means a difference.

    Args:
        average_ranks: Shape (n_optimizers,), 1 is the best.
        better: Shape (n_optimizers, n_optimizers), whether a test says that the one of the row is better than the one
            of the column: `better_by_nemenyi`, or `PairwiseTests.better`.

    Raises:
        SettingError: Shapes that do not fit, ranks that are no numbers, or two that are each better than the other.
    """
    n = len(average_ranks)
    if np.shape(better) != (n, n) or not np.isfinite(average_ranks).all():
        raise SettingError(
            f"average ranks {np.asarray(average_ranks).tolist()} and tests of shape {np.shape(better)};"
            f" numbers and tests of shape {(n, n)} expected"
        )
    if (better & better.T).any():
        a, b = np.argwhere(better & better.T)[0]
        raise SettingError(f"optimizers {a} and {b} are each better than the other; at most one of them expected")
    apart = better | better.T
    rounded = np.round(average_ranks, _DIGITS)
    order = np.argsort(rounded, kind="stable")
    levels = np.unique(rounded)
    members: list[tuple[int, ...]] = []
    covered = -inf  # the worst rank under a bar
    for first in levels:
        for last in levels[(levels >= first) & (levels > covered)][::-1]:  # the longest bar, if it is a new one
            under = order[(rounded[order] >= first) & (rounded[order] <= last)]
            if len(under) > 1 and not apart[np.ix_(under, under)].any():
                members.append(tuple(under.tolist()))
                covered = last
                break
    joined = np.zeros((n, n), dtype=bool)
    for clique in members:
        joined[np.ix_(clique, clique)] = True
    return Cliques(
        tuple(members),
        tuple((a, b) for a, b in np.argwhere(~apart & ~joined).tolist() if a < b),
        tuple((a, b) for a, b in np.argwhere(better & (rounded[:, None] >= rounded)).tolist()),
    )


def better_by_nemenyi(average_ranks: NDArray[np.float64], difference: float) -> NDArray[np.bool_]:
    """Say whether the one of the row ranks better than the one of the column by at least the critical difference.

    Returns:
        Shape (n_optimizers, n_optimizers), as `cliques` needs it.
    """
    return average_ranks[None, :] - average_ranks[:, None] >= difference

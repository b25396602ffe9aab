"""Which differences between optimizers are more than chance: tests of all pairs, corrected for their number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from math import inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.analysis.rank_sums import rank_sum_p, signed_rank_p
from nasbench_kit.analysis.win_rates import win_rates
from nasbench_kit.errors import SettingError

_DIGITS = 12  # of differences, as parts of the largest value: so far they have no rounding errors
_MOST_SIGNED = 50  # differences other than zero whose signed ranks have their exact distribution
_MOST_RUNS = 25  # of two optimizers whose sum of ranks has its exact distribution
_MOST_OTHERS = 12  # the same outside the largest tie, whatever the number of runs


class PairwiseTests(NamedTuple):
    """Tests of all pairs of optimizers; matrices are of shape (n_optimizers, n_optimizers)."""

    names: tuple[str, ...]
    p_values: NDArray[np.float64]  #: two-sided; 1 on the diagonal
    corrected: NDArray[np.float64]  #: for the number of pairs, by `holm`
    effect: NDArray[np.float64]  #: how far the one of the row is better: 1 always, 1/2 not at all, 0 never

    def better(self, alpha: float = 0.05) -> NDArray[np.bool_]:
        """Say whether the one of the row is better than the one of the column, at a level of all pairs together."""
        return (self.corrected <= alpha) & (self.effect > 0.5)


def holm(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correct p-values for their number, step by step down from the smallest.

    Args:
        p_values: Of any shape. NaN, of a test that could not be made, does not count and stays NaN.

    Raises:
        SettingError: Values outside [0, 1].

    Source: Holm 1979, https://www.jstor.org/stable/4615733; adjusted values as by R's `p.adjust`.
    """
    flat = np.ravel(p_values).astype(np.float64)
    if ((flat < 0) | (flat > 1)).any():
        raise SettingError(f"p-values from {np.nanmin(flat):g} to {np.nanmax(flat):g}; values from 0 to 1 expected")
    order = np.argsort(flat)[: np.count_nonzero(~np.isnan(flat))]  # NaN come last
    flat[order] = np.minimum(1, np.maximum.accumulate(np.arange(len(order), 0, -1) * flat[order]))
    return flat.reshape(np.shape(p_values))


def pairwise_wilcoxon(regrets: Mapping[str, NDArray[np.float64]]) -> PairwiseTests:
    """Wilcoxon's signed-rank test of each pair of optimizers: for values that belong together.

    These are what each reached on the same benchmarks, such as medians, or runs of the same seeds where the seed means
    something to both; runs that only have the same number are independent: `pairwise_mann_whitney`.

    The p-values are exact, ties and zeros included, up to 50 differences other than zero, and scipy's normal
    approximation beyond. At least six are needed for one of 0.05. Differences of zero are ranked and speak for neither
    (Pratt 1959, https://doi.org/10.1080/01621459.1959.10501526): if they were dropped before, a worse value could give
    a smaller p-value.

    Args:
        regrets: Optimizer -> shape (n_values,), all in the same order; smaller is better. NaN is worse than every
            number, by more than any other difference, and ties with NaN.

    Returns:
        `effect` is the share of the rank sum that speaks for the one of the row (Kerby 2014,
        https://doi.org/10.2466/11.IT.3.1): the matched-pairs rank-biserial correlation, from 0 to 1.

    Raises:
        SettingError: Fewer than two optimizers, no values, or unequal numbers of them.

    Source: Demsar 2006, https://jmlr.org/papers/v7/demsar06a.html, section 3.1.3.
    """
    from scipy.stats import rankdata, wilcoxon

    filled = _filled(regrets)
    if len({len(values) for values in filled}) > 1:
        raise SettingError(f"{_counts(regrets)} values to be paired; as many of each expected")
    values = np.stack(filled)
    first, second = np.triu_indices(len(values), 1)
    gains = np.zeros((len(first), values.shape[1]))
    np.subtract(values[second], values[first], out=gains, where=values[second] != values[first])  # not inf - inf
    largest = np.abs(values[np.isfinite(values)]).max(initial=0)
    if largest:  # 0.8 - 0.7 > 0.3 - 0.2, by the last bit
        gains = np.round(gains / largest, _DIGITS)
    ranks = rankdata(np.abs(gains), axis=1)
    plus, minus = (np.where(sign * gains > 0, ranks, 0).sum(axis=1) for sign in (1, -1))
    p_values = np.empty(len(first))
    many = np.count_nonzero(gains, axis=1) > _MOST_SIGNED
    for pair in np.flatnonzero(~many):
        p_values[pair] = signed_rank_p(ranks[pair, gains[pair] != 0], plus[pair])
    if many.any():
        p_values[many] = wilcoxon(gains[many], zero_method="pratt", axis=1).pvalue
    effect = np.full((len(values), len(values)), 0.5)
    effect[first, second] = np.where(plus + minus > 0, plus / np.maximum(1, plus + minus), 0.5)
    effect[second, first] = 1 - effect[first, second]
    return _tests(tuple(regrets), p_values, effect)


def pairwise_mann_whitney(regrets: Mapping[str, NDArray[np.float64]]) -> PairwiseTests:
    """Mann and Whitney's U test of each pair of optimizers: for independent runs on one benchmark.

    The p-values are exact, ties included, up to 25 runs of both together, or 12 outside the largest tie; else they are
    scipy's normal approximation. At least four runs of each are needed for one of 0.05: of the ways to draw four of
    eight, 2 in 70 are as extreme as can be; of three of six, 2 in 20.

    Args:
        regrets: Optimizer -> shape (n_runs,), of any numbers of runs; smaller is better. NaN is worse than every number
            and ties with NaN.

    Returns:
        `effect` is the share of pairs of runs in which that of the row is better, as by `win_rates`.

    Raises:
        SettingError: Fewer than two optimizers, or one without runs.

    Source: Mann and Whitney 1947, https://doi.org/10.1214/aoms/1177730491.
    """
    from scipy.stats import mannwhitneyu, rankdata

    filled = _filled(regrets)
    first, second = np.triu_indices(len(filled), 1)
    p_values = np.empty(len(first))
    left = defaultdict(list)  # numbers of runs -> pairs for scipy, which is fast with many at once
    for pair, (a, b) in enumerate(zip(first, second, strict=True)):
        both = rankdata(np.concatenate([filled[a], filled[b]]))
        n_others = len(both) - np.unique(both, return_counts=True)[1].max()
        if len(both) <= _MOST_RUNS or n_others <= _MOST_OTHERS:
            p_values[pair] = rank_sum_p(both, len(filled[a]))
        else:
            left[len(filled[a]), len(filled[b])].append(pair)
    for pairs in left.values():
        ours, theirs = (np.stack([filled[one] for one in who[pairs]]) for who in (first, second))
        p_values[pairs] = mannwhitneyu(ours, theirs, axis=1, method="asymptotic").pvalue
    return _tests(tuple(regrets), p_values, win_rates(filled))


def _counts(regrets: Mapping[str, NDArray[np.float64]]) -> str:
    return ", ".join(f"{name}: {len(values)}" for name, values in regrets.items())


def _filled(regrets: Mapping[str, NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    if len(regrets) < 2 or not all(np.ndim(values) == 1 and len(values) for values in regrets.values()):
        raise SettingError(
            f"regrets of shapes { ({name: np.shape(values) for name, values in regrets.items()}) };"
            " one or more values of each of two or more optimizers expected"
        )
    return [np.where(np.isnan(values), inf, values) for values in regrets.values()]


def _tests(names: tuple[str, ...], of_pairs: NDArray[np.float64], effect: NDArray[np.float64]) -> PairwiseTests:
    def matrix(values: NDArray[np.float64]) -> NDArray[np.float64]:
        made = np.ones(effect.shape)
        made[np.triu_indices(len(names), 1)] = values
        return np.minimum(made, made.T)

    return PairwiseTests(names, matrix(of_pairs), matrix(holm(of_pairs)), effect)

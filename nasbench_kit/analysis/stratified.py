"""One number for an optimizer over several benchmarks, with stratified bootstrap intervals: what rliable recommends.

Scores are larger where better, and comparable between benchmarks: accuracies as shares of the best one, say. An
optimizer has a list of them, shape (n_runs,) for each benchmark. Every benchmark counts the same, however many runs it
has. A score of NaN, of a run without an incumbent, counts as -inf; give such runs a score if means are to be finite.

Source: Agarwal et al. 2021, https://arxiv.org/abs/2108.13264; https://github.com/google-research/rliable.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nasbench_kit.analysis.bootstrap import (
    COVERAGE,
    N_REPLICATIONS,
    Estimate,
    check_bootstrap,
    percentile_interval,
    resample,
    weighted_sums,
)
from nasbench_kit.errors import SettingError, listed, unknown

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TOGETHER = 2**18  # draws that are held at once: what fits a processor's cache is several times as fast
_ROUNDING = 1e-9  # of sums of weights


class ScoreAggregates(NamedTuple):
    """What rliable recommends to say of an optimizer's scores over several benchmarks."""

    mean: Estimate  #: mean over benchmarks of the mean over runs
    median: Estimate  #: median over benchmarks of the mean over runs
    iqm: Estimate  #: interquartile mean of all scores: the mean of the middle half
    optimality_gap: Estimate  #: by how much scores are below `gamma` in the mean; smaller is better


def aggregate_scores(
    scores: Mapping[str, Sequence[NDArray[np.float64]]],
    rng: np.random.Generator,
    *,
    gamma: float = 1.0,
    coverage: float = COVERAGE,
    n_replications: int = N_REPLICATIONS,
) -> dict[str, ScoreAggregates]:
    """Aggregate the scores of each optimizer, with percentile intervals from resampled runs of every benchmark.

    For the interquartile mean, a quarter of all scores, rounded down, is cut off at both ends; where benchmarks have
    unequal numbers of runs, what weighs exactly a quarter, if need be a part of a score. Optimizers with the same
    numbers of runs share resamples: each interval is right, but they are not independent of one another.

    Args:
        scores: Optimizer -> its scores on each benchmark, shapes (n_runs,), larger is better.
        rng: Source of all randomness.
        gamma: The score that is good enough; what is above it makes up for nothing.
        coverage: Of the intervals.
        n_replications: Resamples.

    Raises:
        SettingError: Benchmarks or runs are missing, optimizers have different numbers of benchmarks, or there is
            nothing to make an interval from.
    """
    check_bootstrap(rng, coverage, n_replications)
    checked = checked_scores(scores)
    alike: dict[tuple[int, ...], list[str]] = {}
    for name, every in checked.items():
        alike.setdefault(tuple(map(len, every)), []).append(name)
    found = {}
    for sizes, names in alike.items():
        pooled = {name: _Pooled(checked[name], gamma) for name in names}
        replicates: dict[str, list[NDArray[np.float64]]] = {name: [] for name in names}
        for counts in resample_strata(sizes, n_replications, rng):
            for name in names:
                replicates[name].append(pooled[name].aggregates(counts))
        whole = np.ones((1, sum(sizes)))
        for name in names:
            ends = percentile_interval(np.concatenate(replicates[name]), coverage)
            columns = np.stack([pooled[name].aggregates(whole)[0], *ends])
            found[name] = ScoreAggregates(*(Estimate(*column) for column in columns.T.tolist()))
    return {name: found[name] for name in scores}


def probabilities_of_improvement(
    scores: Mapping[str, Sequence[NDArray[np.float64]]],
    over: str,
    rng: np.random.Generator,
    *,
    coverage: float = COVERAGE,
    n_replications: int = N_REPLICATIONS,
) -> dict[str, Estimate]:
    """How likely a run of each optimizer is better than one of another on a benchmark, in the mean over benchmarks.

    Ties count half. The runs of the two are resampled independently of each other.

    Args:
        scores: Optimizer -> its scores on each benchmark, shapes (n_runs,), larger is better.
        over: The optimizer that the others are compared with.
        rng: Source of all randomness.
        coverage: Of the intervals.
        n_replications: Resamples.

    Returns:
        Of all optimizers but `over`: 0 (always worse) to 1 (always better).

    Raises:
        SettingError: Benchmarks or runs are missing, optimizers have different numbers of benchmarks, or there is
            nothing to make an interval from.
        UnknownNameError: `over` has no scores.

    Source: Agarwal et al. 2021, section 4.3: on each benchmark the statistic of Mann and Whitney over all pairs.
    """
    check_bootstrap(rng, coverage, n_replications)
    checked = checked_scores(scores)
    if over not in checked:
        raise unknown("optimizer", over, list(checked))
    others = {name: every for name, every in checked.items() if name != over}
    n_benchmarks = len(checked[over])
    values = dict.fromkeys(others, 0.0)
    replicates = {name: np.zeros(n_replications) for name in others}
    for i, of_over in enumerate(checked[over]):
        ordered = np.sort(of_over)
        up_to = np.zeros((n_replications, len(ordered) + 1))  # how many resampled runs of `over` are before each place
        np.cumsum(resample(len(ordered), n_replications, rng), axis=1, out=up_to[:, 1:])
        drawn: dict[int, NDArray[np.float64]] = {}  # those with as many runs share resamples
        for name, every in others.items():
            n_runs = len(every[i])
            if n_runs not in drawn:
                drawn[n_runs] = resample(n_runs, n_replications, rng)
            n_pairs = n_runs * len(ordered)
            for side in ("left", "right"):  # runs that are worse, and those that are no better
                place = np.searchsorted(ordered, every[i], side)
                values[name] += float(place.sum()) / n_pairs / 2
                replicates[name] += np.einsum("ij,ij->i", drawn[n_runs], np.take(up_to, place, axis=1)) / n_pairs / 2
    intervals = {name: percentile_interval(each / n_benchmarks, coverage) for name, each in replicates.items()}
    return {
        name: Estimate(values[name] / n_benchmarks, float(low), float(high)) for name, (low, high) in intervals.items()
    }


def checked_scores(
    scores: Mapping[str, Sequence[NDArray[np.float64]]],
) -> dict[str, list[NDArray[np.float64]]]:
    """Scores of optimizers with NaN made -inf.

    Raises:
        SettingError: There is no benchmark, or one without runs, optimizers have different numbers of benchmarks, or a
            score is inf.
    """
    for name, every in scores.items():
        shapes = [np.shape(each) for each in every]
        if not shapes or any(len(shape) != 1 or not shape[0] for shape in shapes):
            got = f"shapes {listed(shapes)}" if shapes else "no benchmark"
            raise SettingError(f"scores of {name} have {got}; shape (n_runs,) with runs for each benchmark expected")
        if any((np.asarray(each) == inf).any() for each in every):
            raise SettingError(f"a score of {name} is inf; finite ones, or NaN of a run without an incumbent, expected")
    if len({len(every) for every in scores.values()}) > 1:
        numbers = listed(f"{name}: {len(every)}" for name, every in scores.items())
        raise SettingError(f"numbers of benchmarks differ ({numbers}); scores on the same benchmarks expected")
    return {name: [np.where(np.isnan(each), -inf, each) for each in every] for name, every in scores.items()}


def resample_strata(
    sizes: Sequence[int], n_replications: int, rng: np.random.Generator
) -> Iterator[NDArray[np.float64]]:
    """How often each run is in each resample: shapes (some replications, n_runs in all), benchmark after benchmark.

    The runs of each benchmark are drawn from that benchmark, as many as it has.
    """
    together = max(1, _TOGETHER // sum(sizes))
    for first in range(0, n_replications, together):
        some = min(together, n_replications - first)
        yield np.concatenate([resample(size, some, rng) for size in sizes], axis=1)


class _Pooled:
    """The scores of an optimizer on all benchmarks, ready to be aggregated over any resample."""

    def __init__(self, scores: list[NDArray[np.float64]], gamma: float) -> None:
        self._gamma = gamma
        self._ends = list(pairwise(np.cumsum([0, *map(len, scores)])))
        self._per_benchmark = [np.stack([each, np.minimum(each, gamma)], axis=1) / len(each) for each in scores]
        pooled = np.concatenate(scores)
        n_runs = len(pooled) / len(scores)
        weights = np.concatenate([np.full(len(each), n_runs / len(each)) for each in scores])  # 1 if all have as many
        self._order = np.argsort(pooled, kind="stable")
        self._ordered, self._weights = pooled[self._order], weights[self._order]
        self._are_equal = len(set(map(len, scores))) == 1
        self._cut = len(pooled) // 4 if self._are_equal else len(pooled) / 4

    def aggregates(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean, median, interquartile mean, optimality gap: (n_replications, 4)."""
        parts = zip(self._ends, self._per_benchmark, strict=True)
        means = np.stack([weighted_sums(counts[:, a:b], values) for (a, b), values in parts], axis=2)
        of_scores, of_clipped = means[:, 0], means[:, 1]  # (n_replications, n_benchmarks)
        gap = self._gamma - of_clipped.mean(axis=1)
        return np.stack([of_scores.mean(axis=1), np.median(of_scores, axis=1), self._iqm(counts), gap], axis=1)

    def _iqm(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Interquartile means: (n_replications,).

        With W the weight of the sorted scores up to each, cut off at the ends of what is kept, the kept scores sum to
        the last score times the upper end, less the first one times the lower end, less all differences of neighbors
        times the W between them (summation by parts). No resample is sorted.
        """
        up_to = np.take(counts, self._order, axis=1)
        if not self._are_equal:
            up_to *= self._weights
        np.cumsum(up_to, axis=1, out=up_to)
        low, high = self._cut, len(self._ordered) - self._cut
        np.clip(up_to, low, high, out=up_to)
        infinite = int(np.searchsorted(self._ordered, -inf, side="right"))
        values = np.maximum(self._ordered, self._ordered[infinite] if infinite < len(self._ordered) else 0.0)
        sums = values[-1] * high - values[0] * low - up_to[:, :-1] @ np.diff(values)
        means = sums / (high - low)
        return np.where(up_to[:, infinite - 1] > low + _ROUNDING, -inf, means) if infinite else means

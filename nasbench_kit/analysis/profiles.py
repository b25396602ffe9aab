"""Performance profiles: how many runs score above each threshold, over several benchmarks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasbench_kit.analysis.bootstrap import (
    COVERAGE,
    N_REPLICATIONS,
    check_bootstrap,
    percentile_interval,
    resample,
    weighted_sums,
)
from nasbench_kit.analysis.stratified import checked_scores
from nasbench_kit.errors import SettingError


class Profile(NamedTuple):
    """Which share scores above each threshold, with the interval of it. Shapes (n_thresholds,)."""

    thresholds: NDArray[np.float64]
    shares: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def performance_profiles(
    scores: Mapping[str, Sequence[NDArray[np.float64]]],
    thresholds: ArrayLike,
    rng: np.random.Generator,
    *,
    of: Literal["runs", "benchmarks"] = "runs",
    coverage: float = COVERAGE,
    n_replications: int = N_REPLICATIONS,
) -> dict[str, Profile]:
    """The share of each optimizer's runs whose score is above each threshold, or of benchmarks whose mean score is.

    Percentile intervals come from resampled runs of every benchmark; optimizers with as many runs share resamples. Each
    benchmark counts the same.

    Args:
        scores: Optimizer -> its scores on each benchmark, shapes (n_runs,), larger is better; NaN is below every
            threshold.
        thresholds: Shape (n_thresholds,).
        rng: Source of all randomness.
        of: What is counted: "runs" (the score distribution) or "benchmarks" (the average-score distribution).
        coverage: Of the intervals.
        n_replications: Resamples.

    Raises:
        SettingError: Benchmarks or runs are missing, optimizers have different numbers of benchmarks, `of` is neither,
            or there is nothing to make an interval from.

    Source: Agarwal et al. 2021, https://arxiv.org/abs/2108.13264, section 4.2.
    """
    check_bootstrap(rng, coverage, n_replications)
    if of not in ("runs", "benchmarks"):
        raise SettingError(f'of={of!r}; "runs" or "benchmarks" expected')
    checked = checked_scores(scores)
    above = np.atleast_1d(np.asarray(thresholds, np.float64))

    def shares(counts: NDArray[np.float64], each: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of one benchmark: (n_replications, n_thresholds)."""
        if of == "runs":
            return counts @ (each[:, None] > above) / len(each)
        return (weighted_sums(counts, each)[:, None] / len(each) > above).astype(np.float64)

    values = {name: np.zeros(len(above)) for name in checked}
    replicates = {name: np.zeros((n_replications, len(above))) for name in checked}
    for benchmark in zip(*checked.values(), strict=True):
        drawn: dict[int, NDArray[np.float64]] = {}
        for name, each in zip(checked, benchmark, strict=True):
            if len(each) not in drawn:
                drawn[len(each)] = resample(len(each), n_replications, rng)
            values[name] += shares(np.ones((1, len(each))), each)[0]
            replicates[name] += shares(drawn[len(each)], each)
    found = {}
    for name, every in checked.items():
        low, high = percentile_interval(replicates[name] / len(every), coverage)
        found[name] = Profile(above, values[name] / len(every), low, high)
    return found

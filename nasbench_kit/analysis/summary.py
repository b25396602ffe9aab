"""Where searches ended, in numbers."""

from __future__ import annotations

from math import inf, isfinite, nan
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nasbench_kit.simulator import EVALUATIONS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.analysis.trajectories import Trajectories


class Summary(NamedTuple):
    """Where the runs of one optimizer on one benchmark ended."""

    n_runs: int
    n_without: int  #: runs that ended without an incumbent; mean and sd are over the others
    mean_evaluations: float  #: per run
    metric: str  #: what the final incumbents are reported by
    mean: float  #: of the final incumbents' metric over runs
    sd: float  #: standard deviation over runs (ddof=1); NaN for a single run
    median_regret: float  #: median distance of the final incumbents from the best of the benchmark; runs without one
    #: are worse than all others, and it is NaN where it falls among them
    found_share: float  #: share of runs of which some evaluation that counts is of an architecture as good as the best
    kept_share: float  #: share of runs whose final incumbent is as good as that


def summarize(trajectories: Trajectories) -> Summary:
    """Final incumbents in numbers. What an architecture is worth is what is reported of it, not what a search saw."""
    n_runs = trajectories.n_runs
    final = trajectories.reported[trajectories.finals]
    median = np.median(np.pad(final, (0, n_runs - len(final)), constant_values=-inf))
    return Summary(
        n_runs=n_runs,
        n_without=n_runs - len(final),
        mean_evaluations=float(trajectories.ended[EVALUATIONS].mean()),
        metric=trajectories.metric.name,
        mean=float(trajectories.metric.sign() * final.mean()) if len(final) else nan,
        sd=float(final.std(ddof=1)) if len(final) > 1 else nan,
        median_regret=float(trajectories.best - median) if isfinite(median) else nan,
        found_share=float(np.sum(trajectories.best_evaluated >= trajectories.best)) / n_runs,
        kept_share=float(np.sum(final >= trajectories.best)) / n_runs,
    )


def selection_bias(trajectories: Trajectories) -> NDArray[np.float64]:
    """By how much a search believes its final incumbent to be better than it is reported: (n_runs,).

    What it was told, such as the validation accuracy of one training run, minus what reports, such as the mean test
    accuracy; oriented so that above 0 is too hopeful. A search picks what was lucky, so noise alone makes a bias; that
    validation and test differ adds theirs. NaN of a run without an incumbent. It means nothing where the two metrics
    have other units.

    Source: Cawley and Talbot 2010, https://jmlr.org/papers/v11/cawley10a.html.
    """
    bias = np.full(trajectories.n_runs, np.nan)
    finals = trajectories.finals
    bias[trajectories.has_incumbent] = trajectories.told[finals] - trajectories.reported[finals]
    return bias

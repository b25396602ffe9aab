"""Where searches ended, in numbers."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nasbench_kit.analysis.incumbents import NONE, incumbents

if TYPE_CHECKING:
    from nasbench_kit.analysis.outcomes import Outcomes


class Summary(NamedTuple):
    """Where the runs of one optimizer on one benchmark ended."""

    n_runs: int
    n_without: int  #: runs that ended without an incumbent; mean, sd and regret are over the others
    mean_evaluations: float  #: per run
    metric: str  #: what the final incumbents are reported by
    mean: float  #: of the final incumbents' metric over runs
    sd: float  #: standard deviation over runs (ddof=1); NaN for a single run
    median_regret: float  #: median distance of the final incumbents from the best of the benchmark
    found_share: float  #: share of runs of which some evaluation that counts is of an architecture as good as the best
    kept_share: float  #: share of runs whose final incumbent is as good as that


def summarize(outcomes: Outcomes) -> Summary:
    """Final incumbents in numbers. What an architecture is worth is what is reported of it, not what a search saw."""
    n_runs = len(outcomes.told)
    runs = zip(outcomes.told, outcomes.reported, strict=True)
    ends = [(reported, incumbents(told)[-1]) for told, reported in runs if len(told)]
    final = np.array([reported[end] for reported, end in ends if end != NONE])
    return Summary(
        n_runs=n_runs,
        n_without=n_runs - len(final),
        mean_evaluations=float(np.mean([len(told) for told in outcomes.told])),
        metric=outcomes.metric.name,
        mean=float(outcomes.metric.sign() * final.mean()) if len(final) else nan,
        sd=float(final.std(ddof=1)) if len(final) > 1 else nan,
        median_regret=float(outcomes.best - np.median(final)) if len(final) else nan,
        found_share=sum(end != NONE and bool(reported.max() >= outcomes.best) for reported, end in ends) / n_runs,
        kept_share=float(np.sum(final >= outcomes.best)) / n_runs,
    )

"""The incumbent: the best so far, by what the search was told, among the evaluations that count."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nasbench_kit.simulator import NO_EPOCH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.benchmark import Benchmark
    from nasbench_kit.simulator import Records, Rules

NONE = -1  # the position of an incumbent where there is none yet


def may_be_incumbents(records: Records, benchmark: Benchmark, rules: Rules) -> NDArray[np.bool_]:
    """Which evaluations of a run may be incumbents: bool (n_evaluations,).

    Those of trainings that did not fail, by architectures that keep to all constraints, at the highest epoch that the
    rules report; at any epoch, if the rules say so.
    """
    counts = ~records.failed & (records.violation == 0)
    if rules.incumbents == "last epoch":
        counts &= records.epoch == (rules.last_epoch(benchmark) or NO_EPOCH)
    return counts


def incumbents(told: NDArray[np.float64]) -> NDArray[np.intp]:
    """Position of the best evaluation so far, after each evaluation; ties keep the earlier one.

    Args:
        told: Values of one run in order of finishing, larger is better, -inf for what cannot be an incumbent, shape
            (n_evaluations,).

    Returns:
        Shape (n_evaluations,), -1 as long as there is no incumbent.
    """
    improved = told > np.concatenate([[-np.inf], np.maximum.accumulate(told)[:-1]])
    return np.maximum.accumulate(np.where(improved, np.arange(len(told)), NONE))


def anytime_regret(
    finished_s: NDArray[np.float64],
    told: NDArray[np.float64],
    reported: NDArray[np.float64],
    times_s: NDArray[np.float64],
    *,
    best: float,
) -> NDArray[np.float64]:
    """Regret of the incumbent at each time.

    The incumbent is chosen by what the search was told and reported by another value of the same architecture. Regret
    is how much worse that is than the best of the whole benchmark. A step function: it changes when a trial finishes.

    Args:
        finished_s: When each evaluation of one run finished, ascending, shape (n_evaluations,).
        told: What the search was told, as in `incumbents`.
        reported: What the incumbent is reported by, larger is better, same shape.
        times_s: When to look, shape (n_times,).
        best: The largest value that `reported` can have.

    Returns:
        Shape (n_times,), NaN as long as there is no incumbent.
    """
    found = incumbents(told)
    regret = np.full(len(told) + 1, np.nan)
    regret[1:][found != NONE] = best - reported[found[found != NONE]]
    return regret[np.searchsorted(finished_s, times_s, side="right")]

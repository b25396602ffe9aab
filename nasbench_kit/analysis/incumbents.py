"""The incumbent: the best so far, by what the search was told, among the evaluations that count.

Of some runs that were recorded elsewhere it is the newest: see `standing`.
"""

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


def standing(
    told: NDArray[np.float64], archs: NDArray[np.uint8], *, returns_latest: bool = False
) -> NDArray[np.float64]:
    """What decides whether an evaluation becomes the incumbent: it does if this is larger than all before it.

    That is what the search was told; or, of a method that returns what it holds at the end, such as one that shares
    weights, how often it has held another architecture: the newest is the incumbent, be it worse.

    Args:
        told: As in `improvements`; of several runs one after another.
        archs: What was evaluated: (n_evaluations, n_decisions).
        returns_latest: Whether the newest is the incumbent.
    """
    if not returns_latest:
        return told
    changes = np.append(0, np.cumsum((archs[1:] != archs[:-1]).any(axis=1)))[: len(told)]
    return np.where(told > -np.inf, changes.astype(np.float64), -np.inf)


def improvements(told: NDArray[np.float64]) -> NDArray[np.intp]:
    """Positions of the evaluations that became the incumbent, in order: (n_incumbents,); ties keep the earlier one.

    Args:
        told: Values of one run in order of finishing, larger is better, -inf for what cannot be an incumbent, shape
            (n_evaluations,).
    """
    return np.flatnonzero(told > np.concatenate([[-np.inf], np.maximum.accumulate(told)[:-1]]))


def improvements_of_runs(told: NDArray[np.float64], runs: NDArray[np.intp]) -> NDArray[np.intp]:
    """`improvements` of several runs, one after another: positions of what became the incumbent of its run.

    Args:
        told: As there, (n_evaluations,).
        runs: Which run each evaluation is of, ascending: (n_evaluations,).
    """
    values, place = np.unique(told, return_inverse=True)
    place = place + runs * len(values)  # so that all of a run are above all of the one before
    before = np.concatenate([[-1], np.maximum.accumulate(place)[:-1]])
    return np.flatnonzero((place > before) & (told > -np.inf))


def incumbents(told: NDArray[np.float64]) -> NDArray[np.intp]:
    """Position of the best evaluation so far, after each evaluation; ties keep the earlier one.

    Args:
        told: As in `improvements`.

    Returns:
        Shape (n_evaluations,), -1 as long as there is no incumbent.
    """
    found = np.full(len(told), NONE, np.intp)
    better = improvements(told)
    found[better] = better
    return np.maximum.accumulate(found)

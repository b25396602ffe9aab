"""How alike searches look on two benchmarks."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from math import inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.analysis.anytime import LEAST_TIMES, regret_curves, time_grid, with_incumbent
from nasbench_kit.analysis.trajectories import Trajectories
from nasbench_kit.errors import SettingError


class Likeness(NamedTuple):
    """How alike searches look on two benchmarks, such as a table and a surrogate of it."""

    times_s: NDArray[np.float64]  #: shape (n_times,)
    distance: dict[str, NDArray[np.float64]]  #: optimizer -> distance of the mean regrets at each time
    agreement: NDArray[np.float64]  #: share of the pairs of optimizers that are in the same order, at each time
    settled: NDArray[np.bool_]  #: (n_pairs, n_times): which pairs the runs tell apart on the first benchmark
    same_order: NDArray[np.bool_]  #: (n_pairs, n_times): which pairs are in the same order


def likeness(
    one: Mapping[str, Trajectories], other: Mapping[str, Trajectories], *, n_times: int = 200, errors: float = 2.0
) -> Likeness:
    """Compare the anytime curves of the same optimizers on two benchmarks.

    The curves are mean regrets, each against the best of its own benchmark. Two optimizers whose curves lie closer
    together on the first benchmark than their sampling error have no order that the second could get wrong: `settled`
    says where they lie further apart.

    Args:
        one: Optimizer -> its runs on the first benchmark.
        other: The same optimizers on the other one, by the same metric and clock.
        n_times: Times to look at, from when every run has an incumbent to the last that is reached everywhere.
        errors: Standard errors of the difference of two curves that settle an order.

    Raises:
        SettingError: There are not the same optimizers, or fewer than two.
    """
    if list(one) != list(other) or len(one) < LEAST_TIMES:
        raise SettingError(f"optimizers {list(one)} and {list(other)}; the same ones, two or more, expected")
    every = [*one.values(), *other.values()]
    ends = np.concatenate([each.ended[each.axis] for each in every])
    first = time_grid(every, n_times, all_begun=True)[0]
    times_s = np.geomspace(first, max(ends[ends > 0].min(), first), n_times)
    curves = [
        {name: with_incumbent(regret_curves(runs, times_s)) for name, runs in each.items()} for each in (one, other)
    ]
    for each in curves:
        for name, runs in each.items():
            if not len(runs):
                raise SettingError(f"no run of {name} finished an evaluation that counts, so it has no curve")
    first, second = ({name: runs.mean(axis=0) for name, runs in each.items()} for each in curves)
    variance = {  # a single run settles nothing
        name: runs.var(axis=0, ddof=1) / len(runs) if len(runs) > 1 else np.full(n_times, inf)
        for name, runs in curves[0].items()
    }
    same, settled = [], []
    for a, b in combinations(one, 2):
        apart = first[a] - first[b]
        same.append(np.sign(apart) == np.sign(second[a] - second[b]))
        settled.append(np.abs(apart) > errors * np.sqrt(variance[a] + variance[b]))
    return Likeness(
        times_s,
        {name: np.abs(first[name] - second[name]) for name in one},
        np.mean(same, axis=0),
        np.array(settled),
        np.array(same),
    )

"""How alike fidelities, training runs, datasets or devices rank architectures."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import SettingError
from nasbench_kit.predictors.agreement import kendall_tau, spearman


class RankCorrelations(NamedTuple):
    """Rank correlations of every two columns, over the architectures that both know."""

    names: tuple[str, ...]
    kendall_tau: NDArray[np.float64]  #: (n, n), tau-b; NaN where either does not vary
    spearman: NDArray[np.float64]  #: (n, n)
    n_archs: NDArray[np.int64]  #: (n, n)


def rank_correlations(columns: Mapping[str, NDArray[np.float64]]) -> RankCorrelations:
    """Compare every two columns.

    Args:
        columns: Name -> values, all (n_archs,) of the same architectures, NaN where not known.

    Raises:
        SettingError: They are not as many each.
    """
    if len({len(values) for values in columns.values()}) > 1:
        lengths = ", ".join(f"{name} {len(values)}" for name, values in columns.items())
        raise SettingError(f"columns of different length: {lengths}; values of the same architectures expected")
    n = len(columns)
    tau, rho, counts = np.eye(n), np.eye(n), np.zeros((n, n), np.int64)
    known = [~np.isnan(values) for values in columns.values()]
    for i, there in enumerate(known):
        counts[i, i] = there.sum()
    for (i, one), (j, other) in combinations(enumerate(columns.values()), 2):
        both = known[i] & known[j]
        counts[i, j] = counts[j, i] = both.sum()
        tau[i, j] = tau[j, i] = kendall_tau(one[both], other[both])
        rho[i, j] = rho[j, i] = spearman(one[both], other[both])
    return RankCorrelations(tuple(columns), tau, rho, counts)

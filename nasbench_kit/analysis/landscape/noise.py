"""How much training runs of the same architecture differ, for good and bad ones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import SettingError

SHARES = (0.01, *(tenth / 10 for tenth in range(1, 11)))  # the best percent apart, as the order there matters most


class NoiseByRank(NamedTuple):
    """The noise in groups of architectures, those with the best mean first. All in the unit of the runs."""

    shares: tuple[float, ...]  #: where each group ends, as a share of the architectures with repeated runs
    n_archs: NDArray[np.int64]  #: (n_groups,)
    mean_sd: NDArray[np.float64]  #: (n_groups,): mean over architectures of the sd of one run (`ddof=1`)
    median_sd: NDArray[np.float64]  #: (n_groups,)
    span: NDArray[np.float64]  #: (n_groups,): how far the best and the worst mean of the group are apart


def noise_by_rank(runs: NDArray[np.float64], sign: int, shares: Sequence[float] = SHARES) -> NoiseByRank | None:
    """The standard deviation between training runs of an architecture, by the rank of its mean.

    Only architectures with two recorded runs or more count; None where there are none. The same runs give rank and
    noise: where both depend on luck, as among the very best, the noise of the luckiest is slightly underestimated.

    Args:
        runs: (n_seeds, n_archs), NaN where not recorded.
        sign: +1 where larger is better, -1 where smaller is.
        shares: Where groups end, ascending in (0, 1].

    Raises:
        SettingError: The shares are not such.
    """
    if not shares or not all(a < b for a, b in pairwise((0.0, *shares))) or shares[-1] > 1:
        raise SettingError(f"shares={tuple(shares)}; ascending numbers above 0, at most 1, expected")
    repeated = runs[:, (~np.isnan(runs)).sum(axis=0) > 1]
    if not repeated.shape[1]:
        return None
    means, sds = np.nanmean(repeated, axis=0), np.nanstd(repeated, axis=0, ddof=1)
    order = np.argsort(-sign * means, kind="stable")
    ends = [round(share * len(order)) for share in shares]
    groups = [(share, order[start:end]) for share, (start, end) in zip(shares, pairwise((0, *ends)), strict=True)]
    groups = [(share, group) for share, group in groups if len(group)]
    return NoiseByRank(
        tuple(share for share, _ in groups),
        np.array([len(group) for _, group in groups]),
        np.array([sds[group].mean() for _, group in groups]),
        np.array([np.median(sds[group]) for _, group in groups]),
        np.array([np.ptp(means[group]) for _, group in groups]),
    )

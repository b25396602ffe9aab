"""Curves that papers print."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nasbench_kit.simulator import SECONDS

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Points(NamedTuple):
    """Some points of a published curve, which are no runs: there is nothing to test or rank in them."""

    axis: str  #: what `spent` counts
    spent: NDArray[np.float64]  #: (n_points,), ascending
    regret: NDArray[np.float64]  #: (n_points,), in the unit of `metric`; smaller is better
    metric: str  #: what the regret is of
    statistic: str  #: what was taken over how many runs
    source: str


_ARCH2VEC = "Yan et al. 2020, https://arxiv.org/abs/2006.06936, results of its repository"
_ARCH2VEC_S = (1e4, 3e4, 1e5, 3e5, 1e6)

# benchmark -> label -> points; mean test regret of 500 runs in encoding A
PUBLISHED: dict[str, dict[str, tuple[float, ...]]] = {
    "nasbench101/cifar10": {
        "RS (arch2vec)": (0.01239, 0.01005, 0.00901, 0.00857, 0.00858),
        "RE (arch2vec)": (0.01242, 0.01029, 0.00914, 0.00853, 0.00751),
        "REINFORCE (arch2vec)": (0.01280, 0.01001, 0.00889, 0.00847, 0.00837),
        "BOHB (arch2vec)": (0.01169, 0.00995, 0.00882, 0.00766, 0.00720),
        "BO-arch2vec": (0.01872, 0.01279, 0.00468, 0.00314, 0.00275),
    }
}


def published_curves(benchmark: str) -> dict[str, Points]:
    """Label -> points of curves that papers print of a benchmark; none where we know of none."""
    return {
        label: Points(
            SECONDS,
            np.array(_ARCH2VEC_S),
            np.array(regret),
            "test_accuracy",
            "mean of 500 runs in encoding A",
            _ARCH2VEC,
        )
        for label, regret in PUBLISHED.get(benchmark, {}).items()
    }

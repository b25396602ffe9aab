"""Which architectures searches ended on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from nasbench_kit.analysis import Panel
    from nasbench_kit.spaces import Arch

MOST = 12  #: architectures of a panel


class Incumbent(NamedTuple):
    """An architecture that runs ended on."""

    arch: Arch
    regret: float
    n_runs: dict[str, int]  #: optimizer -> how many of its runs; of those that had any


def incumbents_of(panel: Panel) -> list[Incumbent]:
    """Of each optimizer the best final incumbent and the most frequent one, by regret; 12 at most.

    Of more than that, those that most runs ended on are left.
    """
    finals: dict[str, dict[Arch, int]] = {}
    regrets: dict[Arch, float] = {}
    for name, one in panel.trajectories.items():
        if one.archs is None or not len(one.finals):
            continue
        archs, which, counts = np.unique(one.archs[one.finals], axis=0, return_inverse=True, return_counts=True)
        own = [tuple(arch.tolist()) for arch in archs]
        finals[name] = dict(zip(own, counts.tolist(), strict=True))
        regrets |= {own[k]: float(one.best - one.reported[i]) for k, i in zip(which.ravel(), one.finals, strict=True)}
    chosen: dict[Arch, None] = {}
    for counted in finals.values():
        chosen[min(counted, key=lambda arch: (regrets[arch], -counted[arch]))] = None
        chosen[max(counted, key=lambda arch: (counted[arch], -regrets[arch]))] = None
    found = [
        Incumbent(arch, regrets[arch], {name: counted[arch] for name, counted in finals.items() if arch in counted})
        for arch in chosen
    ]
    most = sorted(found, key=lambda one: -sum(one.n_runs.values()))[:MOST]
    return sorted(most, key=lambda one: one.regret)

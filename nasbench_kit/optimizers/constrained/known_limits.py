"""What is known of constraints before anything is trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from nasbench_kit.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from nasbench_kit.optimizers.base import Task
    from nasbench_kit.spaces import Arch

_FEWEST, _MOST = 64, 8_192  # architectures looked at together: more where few are allowed
_VAIN = 1_000_000  # draws in a row that find none, before none counts as there


def keeps_to_known(task: Task, archs: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which architectures are not known to exceed a limit: bool (n_archs,)."""
    if task.known_violations is None:
        return np.ones(len(archs), bool)
    exceeds: NDArray[np.bool_] = np.any(task.known_violations(archs) > 0, axis=1)
    return ~exceeds


def never_exceeds(task: Task) -> Callable[[Arch], bool]:
    """Whether one architecture is not known to exceed a limit; remembered, as populations come back to the same."""
    known: dict[Arch, bool] = {}

    def is_allowed(arch: Arch) -> bool:
        if task.known_violations is None:
            return True
        if arch not in known:
            known[arch] = bool(keeps_to_known(task, np.array([arch], np.uint8))[0])
        return known[arch]

    return is_allowed


def allowed_samples(task: Task, rng: np.random.Generator) -> Iterator[Arch]:
    """Uniform samples without those that are known to exceed a limit; `rng` runs ahead of what was taken.

    Raises:
        SettingError: A million draws found none.
    """
    if task.known_violations is None:
        yield from task.space.samples(rng)
        return
    n_vain, size = 0, _FEWEST
    while n_vain < _VAIN:
        block = task.space.sample_many(rng, size)
        allowed = block[keeps_to_known(task, block)]
        n_vain = 0 if len(allowed) else n_vain + size
        if len(allowed) < _FEWEST / 2:
            size = min(2 * size, _MOST)
        yield from map(tuple, allowed.tolist())
    limits = " and ".join(task.constraints)
    raise SettingError(f"none of {n_vain:,} random architectures keeps to {limits}; wider limits expected")

"""Architectures drawn without repeats."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nasbench_kit.spaces import Arch, Space

MOST_LISTED = 10**6  # architectures of a space that are held in memory
_VAIN = 1_000  # draws in a row that find nothing new, before what is left is listed
_VAIN_UNLISTED = 10**6  # the same, before a space that is too large to list counts as exhausted


def unrepeated(space: Space, rng: np.random.Generator) -> Iterator[Arch]:
    """Uniform samples, each architecture once; those that share a row of tables of the space count as one.

    It ends when all were drawn. `rng` runs ahead of what was taken.
    """
    seen: set[int] = set()
    is_listed = space.size <= MOST_LISTED
    yield from distinct(space, space.samples(rng), seen, most_in_vain=_VAIN if is_listed else _VAIN_UNLISTED)
    archs = space.all_archs() if is_listed else np.empty((0, space.n_decisions), np.uint8)
    left = map(tuple, archs[rng.permutation(len(archs))].tolist())
    yield from distinct(space, left, seen, most_in_vain=len(archs) + 1)


def distinct(space: Space, archs: Iterable[Arch], seen: set[int], *, most_in_vain: int = _VAIN) -> Iterator[Arch]:
    """Those of `archs` whose keys are not in `seen`, to which they are added; it ends after so many others in a row."""
    left = most_in_vain
    for arch in archs:
        key = space.key(arch)
        if key not in seen:
            seen.add(key)
            left = most_in_vain
            yield arch
        elif not (left := left - 1):
            return

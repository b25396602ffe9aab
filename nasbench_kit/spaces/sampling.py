"""Samples of different architectures."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from nasbench_kit.spaces.base import Space

_MOST_TRIES = 50


def draw_different(
    space: Space, n: int, draw: Callable[[int], NDArray[np.uint8]], known: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """Draw so many architectures, all different and none of them known; fewer where no more are found.

    Args:
        space: What they are of; two are the same where their keys are.
        n: How many.
        draw: Draws so many, of which some may be the same.
        known: (n_known, n_decisions), none by default.
    """
    known = np.empty((0, space.n_decisions), np.uint8) if known is None else known
    seen, found, lacking = space.key_many(known), [known[:0]], n
    for _ in range(_MOST_TRIES):
        if not lacking:
            break
        drawn = draw(lacking)
        keys = space.key_many(drawn)
        first = np.sort(np.unique(keys, return_index=True)[1])
        new = first[~np.isin(keys[first], seen)]
        seen = np.concatenate([seen, keys[new]])
        found.append(drawn[new])
        lacking -= len(new)
    return np.concatenate(found)

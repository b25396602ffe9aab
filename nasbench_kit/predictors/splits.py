"""Which architectures are held out: decided by a hash of each, so that anyone can redo it on any table.

Isomorphic architectures always fall on the same side.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import SettingError
from nasbench_kit.spaces import Space
from nasbench_kit.spaces.splitmix import GOLDEN, MASK, mix_many


def position(space: Space, archs: object, salt: int = 0) -> NDArray[np.float64]:
    """Compute a number in [0, 1) per architecture, as good as random: float64 (n_archs,).

    It is SplitMix64 (Steele et al. 2014) of `space.identity(archs) + salt * 0x9E3779B97F4A7C15`, its upper 53 bits.

    Args:
        space: Where the architectures come from.
        archs: A batch in any form.
        salt: Another salt gives independent numbers: 0 decides what is held out, 1 the folds.
    """
    states = space.identity(archs) + np.uint64((salt - 1) * GOLDEN & MASK)  # `mix_many` adds the last GOLDEN
    return (mix_many(states) >> np.uint64(11)).astype(np.float64) / 2.0**53


def held_out(space: Space, archs: object, share: float) -> NDArray[np.bool_]:
    """Say which architectures are for testing only: those whose `position` lies below `share`.

    Raises:
        SettingError: `share` is not in [0, 1).
    """
    if not 0 <= share < 1:
        raise SettingError(f"held-out share {share!r}; at least 0 and below 1 expected")
    return position(space, archs) < share


def fold(space: Space, archs: object, n_folds: int) -> NDArray[np.int64]:
    """Return the fold of each architecture, from 0 to `n_folds - 1`: int64 (n_archs,)."""
    return (position(space, archs, salt=1) * n_folds).astype(np.int64)

"""A pool of architectures, in the order of a column that costs no training."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from nasbench_kit.errors import SettingError, unknown
from nasbench_kit.optimizers.base import Task, check_at_least
from nasbench_kit.optimizers.constrained.known_limits import keeps_to_known
from nasbench_kit.optimizers.unrepeated import MOST_LISTED, unrepeated
from nasbench_kit.spaces.base import how_many

if TYPE_CHECKING:
    from nasbench_kit.spaces import Arch

DIRECTIONS = ("max", "min")


def ranked_pool(
    task: Task, rng: np.random.Generator, *, column: str, direction: str, pool_size: int | None
) -> list[Arch]:
    """Architectures of a pool, the most promising first; ties in random order.

    What is not known comes last, and after it what is known to exceed a limit.

    Args:
        task: What to search.
        rng: Draws the pool.
        column: By which of `task.columns`.
        direction: Whether the "max" or the "min" of it is best.
        pool_size: How many different architectures are drawn; None: all of the space.

    Raises:
        UnknownNameError: There is no such column or direction.
        SettingError: The pool is too small, or the space too large for a pool of all.
    """
    if column not in task.columns:
        raise unknown("column", column, task.columns)
    if direction not in DIRECTIONS:
        raise unknown("direction", direction, DIRECTIONS)
    assert task.known is not None  # where there are columns
    space = task.space
    if pool_size is not None:
        check_at_least(1, pool_size=pool_size)
        drawn = list(islice(unrepeated(space, rng), pool_size))
        pool = np.array(drawn, np.uint8).reshape(-1, space.n_decisions)
    elif space.size <= MOST_LISTED:
        archs = space.all_archs()
        pool = archs[rng.permutation(len(archs))]
    else:
        raise SettingError(
            f"pool_size=None in {space.name}, which has {how_many(space.size)} architectures; a number expected"
        )
    scores = task.known(column, pool)
    scores = np.where(np.isnan(scores), np.inf, -scores if direction == "max" else scores)
    return list(map(tuple, pool[np.lexsort((scores, ~keeps_to_known(task, pool)))].tolist()))

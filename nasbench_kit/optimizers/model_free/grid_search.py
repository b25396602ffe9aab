"""Grid search, Bergstra and Bengio 2012, https://jmlr.org/papers/v13/bergstra12a.html."""

from __future__ import annotations

from math import gcd, prod
from typing import TYPE_CHECKING, final

from nasbench_kit.errors import SettingError, unknown
from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_start, trials_of
from nasbench_kit.optimizers.unrepeated import MOST_LISTED
from nasbench_kit.spaces.base import how_many

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from nasbench_kit.spaces import Arch, Space

ORDERS = ("strided", "nested")
_GOLDEN = 0.6180339887498949  # of the steps that never come near where they were, the most even one


@final
class GridSearch:
    """Every architecture once, in an order that no outcome changes; then the search is over.

    The literature's grid is the nested one, whose first part, under a budget, is a corner of the space; the strided one
    is spread over the whole space wherever it stops.

    Args:
        task: What to search.
        rng: Not used: the order is always the same.
        order: "strided" goes on by the golden section of the space at a time, around its end; "nested" counts as nested
            loops do, the last decision fastest.
    """

    def __init__(self, task: Task, rng: np.random.Generator, *, order: str = "strided") -> None:
        check_start(task, rng)
        if order not in ORDERS:
            raise unknown("order", order, ORDERS)
        if order == "nested" and task.space.size > MOST_LISTED:
            raise SettingError(
                f"order='nested' in {task.space.name}, which has {how_many(task.space.size)} architectures;"
                f" order='strided' expected beyond {how_many(MOST_LISTED)}"
            )
        self._trials = trials_of(_grid(task.space, is_strided=order == "strided"))

    def ask(self) -> Trial | None:
        """The next architecture, or None after the last."""
        return next(self._trials, None)

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Take note of nothing."""


def _grid(space: Space, *, is_strided: bool) -> Iterator[Arch]:
    if space.size <= MOST_LISTED:
        archs = space.all_archs()
        yield from (tuple(archs[i].tolist()) for i in _positions(len(archs), is_strided=is_strided))
    else:
        archs_in_order = map(space.unrank, _positions(prod(space.n_choices), is_strided=is_strided))
        yield from filter(space.is_valid, archs_in_order)


def _positions(n: int, *, is_strided: bool) -> Iterator[int]:
    """All numbers below n, each once."""
    stride = max(1, round(n * _GOLDEN)) if is_strided else 1
    while gcd(stride, n) != 1:  # else some would be left out
        stride += 1
    return (i * stride % n for i in range(n))

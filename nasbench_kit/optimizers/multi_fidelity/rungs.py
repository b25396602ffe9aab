"""Which epochs are rungs, and how many architectures reach each: what all searches over several epochs share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers.base import check_at_least

if TYPE_CHECKING:
    from nasbench_kit.optimizers.base import Task

Bracket = tuple[tuple[int, int], ...]
"""One run of successive halving: how many architectures are trained up to which epoch, rung by rung."""


def rungs_down(task: Task, eta: int, min_epoch: int | None) -> tuple[int, ...]:
    """The rungs of Hyperband: the last epoch R, R / eta, R / eta^2, ... as far as `min_epoch`.

    Each is the nearest epoch to which the task may train; those that become the same are one rung.

    Raises:
        SettingError: There are no epochs, or a setting is out of range.
    """
    check_at_least(2, eta=eta)
    epochs = epochs_from(task, min_epoch)
    least, most = epochs[0], epochs[-1]
    levels, divisor = [], 1
    while least * divisor <= most:
        levels.append(most / divisor)
        divisor *= eta
    return _recorded(levels, epochs)


def rungs_up(task: Task, eta: int, min_epoch: int | None) -> tuple[int, ...]:
    """The rungs of asynchronous halving: `min_epoch`, which is r in the paper, r eta, r eta^2, ... and the last epoch.

    Each is the nearest epoch to which the task may train; those that become the same are one rung.

    Raises:
        SettingError: There are no epochs, or a setting is out of range.
    """
    check_at_least(2, eta=eta)
    epochs = epochs_from(task, min_epoch)
    level, most = epochs[0], epochs[-1]
    levels = [most]
    while level < most:
        levels.append(level)
        level *= eta
    return _recorded(levels, epochs)


def epochs_from(task: Task, min_epoch: int | None = None) -> tuple[int, ...]:
    """The epochs of the task from `min_epoch` on; all of them for None.

    Raises:
        SettingError: There are none.
    """
    if not task.epochs:
        raise SettingError("the task knows of no epochs; Task(space, epochs=(1, 3, 9)) expected")
    if min_epoch is None:
        return task.epochs
    check_at_least(1, min_epoch=min_epoch)
    if min_epoch > task.epochs[-1]:
        raise SettingError(f"min_epoch={min_epoch}; at most {task.epochs[-1]}, the last epoch, expected")
    return tuple(epoch for epoch in task.epochs if epoch >= min_epoch)


def _recorded(levels: Sequence[float], epochs: Sequence[int]) -> tuple[int, ...]:
    nearest = {min(epochs, key=lambda epoch: abs(epoch - level)) for level in levels}
    return tuple(sorted(nearest))


def halving_bracket(rungs: Sequence[int], eta: int, n_archs: int) -> Bracket:
    """How many of `n_archs` reach each rung: one in `eta` of those at the rung before, but never none."""
    return tuple((max(n_archs // eta**i, 1), epoch) for i, epoch in enumerate(rungs))


def hyperband_brackets(rungs: Sequence[int], eta: int) -> list[Bracket]:
    """The brackets of one round of Hyperband, from the one that halves most often to the one that never does.

    Bracket s begins with floor((s_max + 1) / (s + 1)) eta^s architectures. That is how table 1 of the paper, HpBandSter
    and DEHB count; line 3 of the paper's algorithm 1 rounds up after the product instead.

    Source: Li et al. 2018, https://arxiv.org/abs/1603.06560, table 1.
    """
    n_rungs = len(rungs)
    return [halving_bracket(rungs[-s - 1 :], eta, n_rungs // (s + 1) * eta**s) for s in reversed(range(n_rungs))]

"""Asynchronous Hyperband, Li et al. 2020, https://arxiv.org/abs/1810.05934, section 3.2: ASHA over all brackets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, cycle, repeat
from typing import TYPE_CHECKING, ClassVar, final

from nasbench_kit.errors import unknown
from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_start
from nasbench_kit.optimizers.multi_fidelity.asynchronous import AsyncBrackets, bracket_weights, sampled_brackets
from nasbench_kit.optimizers.multi_fidelity.rungs import hyperband_brackets, rungs_up
from nasbench_kit.spaces import DrawnAhead

if TYPE_CHECKING:
    import numpy as np

ORDERS = ("sampled", "in turn")


@final
class AsyncHyperband:
    """Halve asynchronously in brackets that begin at ever higher epochs.

    Args:
        task: What to search.
        rng: Source of all randomness.
        kind: "promotion", "delayed" or "stopping", as of ASHA.
        eta: One in `eta` goes on to the next rung, which has `eta` times the epochs.
        min_epoch: The lowest rung; by default the first epoch that there is.
        order: Which bracket a free worker turns to: "sampled" draws it, as Klein et al. 2020
            (https://arxiv.org/abs/2003.10865), so that trainings begin in it as often as in Hyperband; "in turn" keeps
            to one for as many trials as its bracket of Hyperband has, then goes to the next.
    """

    needs: ClassVar[tuple[str, ...]] = ("epochs",)

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        kind: str = "promotion",
        eta: int = 3,
        min_epoch: int | None = None,
        order: str = "sampled",
    ) -> None:
        check_start(task, rng)
        if order not in ORDERS:
            raise unknown("order", order, ORDERS)
        rungs = rungs_up(task, eta, min_epoch)
        archs = task.space.samples(rng)
        drawn = order == "sampled"
        weights = bracket_weights(rungs, len(rungs))
        bracket = sampled_brackets(weights, DrawnAhead(rng)) if drawn else _in_turn(rungs, eta)
        self._brackets = AsyncBrackets(rungs, eta, kind, archs.__next__, bracket)

    def ask(self) -> Trial:
        """The training of one bracket to go on with, or a new one of it."""
        return self._brackets.ask()

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Add it to its rung."""
        self._brackets.tell(trial, outcome)


def _in_turn(rungs: Sequence[int], eta: int) -> Callable[[], int]:
    """Bracket 0 as often as the first bracket of Hyperband has trials, then 1, and so on, round after round."""
    n_trials = [sum(n for n, _ in bracket) for bracket in hyperband_brackets(rungs, eta)]
    turns: Iterator[int] = chain.from_iterable(repeat(s, n) for s, n in cycle(enumerate(n_trials)))
    return turns.__next__

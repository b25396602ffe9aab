"""Repeats that are served from memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, final

from nasbench_kit.optimizers.base import Optimizer, Outcome, Trial

if TYPE_CHECKING:
    from nasbench_kit.spaces import Arch

_MOST_SERVED = 10_000  # repeats in a row after which a search has nothing new to ask for


@final
class ServesRepeats:
    """An optimizer that is told at once what it asks for again: the clock sees only what is new.

    Args:
        optimizer: Who searches.
        parse: Makes a tuple of any form of an architecture.
        last_epoch: Which epoch a trial means that names none.
    """

    def __init__(self, optimizer: Optimizer, parse: Callable[[object], Arch], last_epoch: int | None) -> None:
        self._optimizer, self._parse, self._last_epoch = optimizer, parse, last_epoch
        self._told: dict[tuple[Arch, int | None], Outcome] = {}

    def ask(self) -> Trial | None:
        """The next trial that is new, or goes on with a training; None if there is none in many."""
        for _ in range(_MOST_SERVED):
            trial = self._optimizer.ask()
            if not isinstance(trial, Trial) or trial.training is not None or self._key(trial) not in self._told:
                return trial
            self._optimizer.tell(trial, self._told[self._key(trial)]._replace(cost_s=0.0))
        return None

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Tell it, and remember it."""
        self._told[self._key(trial)] = outcome
        self._optimizer.tell(trial, outcome)

    def _key(self, trial: Trial) -> tuple[Arch, int | None]:
        return self._parse(trial.arch), self._last_epoch if trial.epoch is None else trial.epoch

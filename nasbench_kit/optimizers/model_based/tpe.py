"""Tree-structured Parzen estimator, Bergstra et al. 2011, https://papers.nips.cc/paper/4443, section 4, by Optuna."""

from __future__ import annotations

import logging
from math import isfinite
from typing import TYPE_CHECKING, Any, ClassVar, final

from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_at_least, check_flag, check_start
from nasbench_kit.optional import require

if TYPE_CHECKING:
    import numpy as np

    from nasbench_kit.spaces import Arch


@final
class TPE:
    """Ask for choices that are more frequent among the good than among the bad.

    Optuna's sampler with the settings that are its defaults; ordered choices are numbers. What a constrained space does
    not hold is replaced by the nearest architecture, of which the sampler learns the value.

    Args:
        task: What to search.
        rng: Source of all randomness.
        n_initial: Random architectures before the first model.
        n_candidates: Draws among which the best is looked for, per decision (n_EI in the paper).
        multivariate: Whether the decisions are modelled jointly.
    """

    needs: ClassVar[tuple[str, ...]] = ("package:optuna",)

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        n_initial: int = 10,
        n_candidates: int = 24,
        multivariate: bool = False,
    ) -> None:
        check_start(task, rng)
        check_flag(multivariate=multivariate)
        check_at_least(1, n_initial=n_initial, n_candidates=n_candidates)
        self._optuna = optuna = require("optuna", "optimizers")
        self._space, self._rng = task.space, rng
        self._last = [n - 1 for n in task.space.n_choices]
        self._names = [f"{i}" for i in range(task.space.n_decisions)]
        of_choices, of_numbers = optuna.distributions.CategoricalDistribution, optuna.distributions.FloatDistribution
        # of ordered choices, all numbers from i to i + 1 are choice i: whole numbers would take Optuna twice as long
        self._distributions = {
            name: of_numbers(0, n) if decision.ordered else of_choices(tuple(range(n)))
            for name, n, decision in zip(self._names, task.space.n_choices, task.space.decisions, strict=True)
        }
        sampler = optuna.samplers.TPESampler(
            n_startup_trials=n_initial,
            n_ei_candidates=n_candidates,
            multivariate=multivariate,
            constant_liar=task.n_workers > 1,
            seed=int(rng.integers(2**32)),
        )
        logging.getLogger("optuna").setLevel(logging.WARNING)
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        self._asked: dict[Arch, list[Any]] = {}  # trials of Optuna's that were asked for as this architecture

    def ask(self) -> Trial | None:
        """The architecture of the highest ratio of densities."""
        trial = self._study.ask(self._distributions)
        drawn = [int(trial.params[name]) for name in self._names]
        arch = self._space.nearest(tuple(map(min, drawn, self._last)), self._rng)
        self._asked.setdefault(arch, []).append(trial)
        return Trial(arch)

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Learn from the value; a failed training is told as one."""
        states = self._optuna.trial.TrialState
        waiting = self._asked.get(trial.arch)
        if waiting:
            asked = waiting.pop(0)
            if isfinite(outcome.value):
                self._study.tell(asked, outcome.value)
            else:
                self._study.tell(asked, state=states.FAIL)
        elif isfinite(outcome.value):
            middle = [n + decision.ordered / 2 for n, decision in zip(trial.arch, self._space.decisions, strict=True)]
            params = dict(zip(self._names, middle, strict=True))
            self._study.add_trial(
                self._optuna.trial.create_trial(params=params, distributions=self._distributions, value=outcome.value)
            )

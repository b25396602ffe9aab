"""Samplers and pruners of Optuna, Akiba et al. 2019, https://doi.org/10.1145/3292500.3330701."""

from __future__ import annotations

import logging
import warnings
from collections import deque
from collections.abc import Mapping
from functools import partial
from itertools import count
from math import isfinite
from typing import TYPE_CHECKING, Any, ClassVar

from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_flag, check_needs, check_start
from nasbench_kit.optimizers.libraries.wrapped import (
    Waiting,
    argument_names,
    changed,
    check_arguments,
    check_defaults,
    named_of,
    seed_of,
    with_settings_of,
)
from nasbench_kit.optional import require

if TYPE_CHECKING:
    import numpy as np

    from nasbench_kit.spaces import Arch

_OF_NUMBERS = ("CmaEsSampler",)  # it says nothing, and samples categories at random
_PACKAGES = {"CmaEsSampler": "cmaes", "GPSampler": "torch"}  # what else samplers need


def search_class(name: str) -> type:
    """The searches by the sampler of this name.

    Raises:
        UnknownNameError: Optuna has none.
    """
    samplers = require("optuna", "optuna").samplers
    sampler = named_of(samplers, name, samplers.BaseSampler, "sampler of optuna")
    needs = (*OptunaSearch.needs, *(f"package:{_PACKAGES[each]}" for each in [name] if each in _PACKAGES))
    check_defaults(sampler, f"optuna:{name}", ["search_space"])
    hidden = ("search_space", "independent_sampler", "constraints_func")
    return with_settings_of(OptunaSearch, sampler, f"optuna:{name}", hidden=hidden, needs=needs)


class OptunaSearch:
    """A search by a sampler of Optuna, with a pruner if one is named.

    Choices are categories, ordered ones integers. What a constrained space does not hold is replaced by the nearest
    architecture, of which the sampler learns the value. With several objectives the study has as many directions;
    how far constraints are exceeded is told. A training that failed is told as failed.

    Args:
        task: What to search.
        rng: Source of all randomness.
        pruner: A pruner of Optuna, such as "HyperbandPruner": then trainings go epoch by epoch while it does not prune.
        pruner_settings: Its arguments.
        numbers: Every decision is a number to the sampler: for samplers that know nothing else, such as CmaEsSampler.
        settings: Of the sampler.
    """

    needs: ClassVar[tuple[str, ...]] = ("package:optuna",)
    wrapped: ClassVar[Any]
    their_defaults: ClassVar[Mapping[str, Any]]

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        pruner: str | None = None,
        pruner_settings: Mapping[str, Any] | None = None,
        numbers: bool = False,
        **settings: Any,
    ) -> None:
        check_start(task, rng)
        check_flag(numbers=numbers)
        name = type(self).__name__
        check_needs(type(self), task, name, {"pruner": pruner})
        is_of_numbers = self.wrapped.__name__ in _OF_NUMBERS
        if is_of_numbers and not (numbers or all(decision.ordered for decision in task.space.decisions)):
            raise SettingError(f"{name} with numbers=false, which samples choices at random; numbers=true expected")
        self._optuna = optuna = require("optuna", "optuna")
        if task.constraints and not hasattr(optuna.trial.Trial, "set_constraint"):
            raise SettingError(f"{name} with constraints needs Optuna 5; installed is {optuna.__version__}")
        logging.getLogger("optuna").setLevel(logging.ERROR)
        self._space, self._rng, self._constraints = task.space, rng, task.constraints
        self._epochs = task.epochs if pruner else (None,)
        self._distributions = {
            decision.name: optuna.distributions.IntDistribution(0, n - 1)
            if decision.ordered or numbers
            else optuna.distributions.CategoricalDistribution(tuple(range(n)))
            for decision, n in zip(task.space.decisions, task.space.n_choices, strict=True)
        }
        if pruner and len(task.objectives) > 1:
            raise SettingError(
                f"{name} with pruner={pruner!r} on {len(task.objectives)} objectives; Optuna prunes by one"
            )
        self._study = optuna.create_study(
            directions=["maximize"] * len(task.objectives),
            sampler=self._sampler(task, settings),
            pruner=_pruner(optuna, pruner, pruner_settings),
            study_name="nasbench_kit",  # HyperbandPruner draws brackets by it
        )
        self._numbers = count()
        self._asked: Waiting[Any] = Waiting()
        self._going_on: deque[Trial] = deque()
        self._running: dict[int | None, Any] = {}  # by our number of the training, where there is a pruner

    @staticmethod
    def needs_of_settings(pruner: object = None, **_: object) -> tuple[str, ...]:
        """A pruner needs epochs."""
        return ("epochs",) if pruner else ()

    def _sampler(self, task: Task, settings: Mapping[str, Any]) -> Any:
        given = changed(settings, self.their_defaults)
        accepted = argument_names(self.wrapped)
        if "seed" in accepted:
            given["seed"] = seed_of(self._rng)
        if "search_space" in accepted:
            given["search_space"] = {
                decision.name: list(range(n))
                for decision, n in zip(task.space.decisions, task.space.n_choices, strict=True)
            }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", self._optuna.exceptions.ExperimentalWarning)  # some samplers as such
            return self.wrapped(**given)

    def ask(self) -> Trial | None:
        """What the sampler suggests, or the next epoch of a training that the pruner lets go on."""
        if self._going_on:
            return self._going_on.popleft()
        asked = self._study.ask(self._distributions)
        arch = self._space.nearest(tuple(asked.params.values()), self._rng)
        if self._epochs == (None,):
            self._asked.add(arch, asked)
            return Trial(arch)
        number = next(self._numbers)
        self._running[number] = asked
        return Trial(arch, self._epochs[0], number)

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Tell the sampler; with a pruner, ask that whether the training goes on."""
        asked = self._running.get(trial.training) if trial.training is not None else self._asked.pop(trial.arch)
        if asked is None:
            self._add(trial.arch, outcome)
        elif not isfinite(outcome.value):
            self._end(trial, asked, state=self._optuna.trial.TrialState.FAIL)
        elif trial.training is None or trial.epoch == self._epochs[-1]:
            for constraint, violation in zip(self._constraints, outcome.violations, strict=False):
                asked.set_constraint(constraint, violation)
            self._end(trial, asked, outcome.values)
        else:
            asked.report(outcome.value, trial.epoch)
            if asked.should_prune():
                self._end(trial, asked, state=self._optuna.trial.TrialState.PRUNED)
            else:
                after = self._epochs[self._epochs.index(trial.epoch) + 1]
                self._going_on.append(trial._replace(epoch=after))

    def _end(self, trial: Trial, asked: Any, *values: Any, **state: Any) -> None:
        self._running.pop(trial.training, None)
        self._study.tell(asked, *values, **state)

    def _add(self, arch: Arch, outcome: Outcome) -> None:
        """What was not asked for: of one that failed there is nothing to learn."""
        if isfinite(outcome.value):
            params = dict(zip(self._distributions, arch, strict=True))
            made = partial(self._optuna.trial.create_trial, params=params, distributions=self._distributions)
            further = {"constraints": dict(zip(self._constraints, outcome.violations, strict=True))}
            self._study.add_trial(made(values=outcome.values, **(further if self._constraints else {})))


def _pruner(optuna: Any, name: str | None, settings: Mapping[str, Any] | None) -> Any:
    if not isinstance(settings, Mapping | None):
        raise SettingError(f"pruner_settings={settings!r:.80}; a mapping of the pruner's arguments expected")
    if name is None:
        if settings:
            raise SettingError(f"pruner_settings={settings!r:.80} without a pruner; name one, like HyperbandPruner")
        return optuna.pruners.NopPruner()
    pruner = named_of(optuna.pruners, name, optuna.pruners.BasePruner, "pruner of optuna")
    check_arguments(pruner, name, settings or ())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        try:
            return pruner(**(settings or {}))
        except (TypeError, ValueError) as error:
            raise SettingError(f"pruner={name!r} with pruner_settings={settings!r:.80}: {error}") from None

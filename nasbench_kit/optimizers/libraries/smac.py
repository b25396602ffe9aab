"""Facades of SMAC3, Lindauer et al. 2022, https://jmlr.org/papers/v23/21-0888.html."""

from __future__ import annotations

import contextlib
import inspect
import logging
import warnings
from collections.abc import Callable, Mapping
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar

from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_at_least, check_flag, check_needs, check_start
from nasbench_kit.optimizers.libraries.wrapped import (
    Losses,
    Trainings,
    Waiting,
    argument_names,
    changed,
    named_of,
    seed_of,
    with_settings_of,
)
from nasbench_kit.optional import require

if TYPE_CHECKING:
    import numpy as np

    from nasbench_kit.spaces import Arch, Space

_WEIGHING = "multi_objective_algorithm"  # the part that there is with several objectives alone
_PARTS = (
    "model",
    "acquisition_function",
    "acquisition_maximizer",
    "intensifier",
    "initial_design",
    "random_design",
    "runhistory_encoder",
    "config_selector",
    _WEIGHING,
)
"""What a facade puts together, each by a method `get_...` of it, whose arguments are settings here."""
_HIDDEN = ("scenario", "kernel", "additional_configs", "n_seeds", "instance_seed_order")
"""Arguments that no setting can be, or that say nothing where there are no instances."""


def search_class(name: str) -> type:
    """The searches by the facade of this name.

    Raises:
        UnknownNameError: SMAC has none.
    """
    facades = require("smac", "smac").facade
    facade = named_of(facades, name, facades.AbstractFacade, "facade of smac")
    has_budgets = issubclass(facade, (facades.MultiFidelityFacade, facades.HyperbandFacade))
    needs = (*SMACSearch.needs, "epochs") if has_budgets else SMACSearch.needs
    return with_settings_of(SMACSearch, _maker_of(facade), f"smac:{name}", hidden=_HIDDEN, needs=needs)


def _maker_of(facade: Any) -> Callable[..., Any]:
    """A function that makes this facade for a scenario, by arguments of the parts that it puts together."""
    getters = {part: getattr(facade, f"get_{part}") for part in _PARTS}

    def made(scenario: Any, *, parego: bool, **settings: Any) -> Any:
        parts = {
            part: getter(scenario, **{name: settings[name] for name in argument_names(getter) if name in settings})
            for part, getter in getters.items()
        }
        in_order(parts["acquisition_maximizer"])
        if parego:
            parts[_WEIGHING] = require("smac.multi_objective.parego", "smac").ParEGO(scenario)
        elif scenario.count_objectives() == 1:
            del parts[_WEIGHING]
        return facade(scenario, logging_level=False, **parts)

    arguments = {
        each.name: each.replace(kind=each.KEYWORD_ONLY)
        for getter in getters.values()
        for each in inspect.signature(getter).parameters.values()
    }
    made.__module__, made.__qualname__ = facade.__module__, facade.__qualname__
    made.__signature__ = inspect.Signature([*arguments.values()])  # type: ignore[attr-defined]
    return made


def in_order(maximizer: Any) -> None:
    """Have local search begin in one order: SMAC's is that of a set of texts, which differs from process to process."""
    local = getattr(maximizer, "_local_search", None)
    if local is not None:
        points = local._get_init_points_from_previous_configs
        local._get_init_points_from_previous_configs = lambda *given: sorted(points(*given), key=repr)


class SMACSearch:
    """A search by a facade of SMAC3, by its ask and tell.

    Choices are categories, ordered ones integers. What a constrained space does not hold is replaced by the nearest
    architecture, of which SMAC learns the value. A facade with budgets trains to the highest epoch that there is up to
    each budget, and goes on with the same training at the next one. Of several objectives SMAC weighs the normalized
    ones, or draws the weights (ParEGO). A training that failed is told as crashed, as bad as the worst so far.

    Args:
        task: What to search.
        rng: Source of all randomness.
        n_trials: The number of trials that SMAC is told to expect: its initial design is a part of these.
        deterministic: SMAC trains no architecture twice. If false, it trains the best ones again, with other seeds.
        min_budget: The lowest budget, where there are any; by default the first epoch that there is.
        parego: Several objectives are weighed by ParEGO.
        settings: Of the parts that the facade puts together.
    """

    needs: ClassVar[tuple[str, ...]] = ("package:smac",)
    wrapped: ClassVar[Any]
    their_defaults: ClassVar[Mapping[str, Any]]

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        n_trials: int = 100,
        deterministic: bool = True,
        min_budget: int | None = None,
        parego: bool = False,
        **settings: Any,
    ) -> None:
        check_start(task, rng)
        check_at_least(1, n_trials=n_trials)
        check_flag(deterministic=deterministic, parego=parego)
        name = type(self).__name__
        check_needs(type(self), task, name)
        smac = require("smac", "smac")
        logging.getLogger("smac").setLevel(logging.CRITICAL)
        history = smac.runhistory
        self._info, self._told, self._statuses = history.TrialInfo, history.TrialValue, history.StatusType
        self._configured = require("ConfigSpace", "smac").Configuration
        self._space, self._rng = task.space, rng
        self._epochs = task.epochs if "epochs" in self.needs else ()
        budgets = _budgets(name, self._epochs, min_budget)
        if parego and len(task.objectives) == 1:
            raise SettingError(f"{name} with parego=true on one objective; it weighs two or more")
        with TemporaryDirectory() as folder:  # it writes there what it would go on from; that is not done here
            scenario = smac.Scenario(
                _config_space(task.space),
                output_directory=Path(folder),
                objectives=list(task.objectives) if len(task.objectives) > 1 else task.objectives[0],
                n_trials=n_trials,
                deterministic=deterministic,
                seed=seed_of(rng),
                **budgets,
            )
            self._facade = type(self).wrapped(scenario, parego=parego, **changed(settings, self.their_defaults))
        self._asked: Waiting[Any] = Waiting()
        self._numbers: dict[Any, tuple[Arch, int]] = {}  # configuration -> its training, where there are budgets
        self._trainings: Trainings[Any] = Trainings(self._epochs)
        self._failed: list[Any] = []  # before anything had a value
        self._losses = Losses()

    def ask(self) -> Trial | None:
        """What the facade wants to be run next; None once it finds nothing new."""
        while (info := self._next()) is not None:
            if not self._epochs:
                arch = self._arch_of(info.config)
                self._asked.add(arch, info)
                return Trial(arch)
            if info.config not in self._numbers:
                arch = self._arch_of(info.config)
                self._numbers[info.config] = arch, len(self._numbers)
            trial = self._trainings.next(*self._numbers[info.config], info.budget, info)
            if isinstance(trial, Trial):
                return trial
            self._learn(info, trial)
        return None

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Compare it with the incumbent, or with its rung."""
        if trial.training is None:
            info = self._asked.pop(trial.arch) or self._info_of(trial)
        else:
            info = self._trainings.pop(trial, outcome)
        if info is not None:
            self._learn(info, outcome)

    def _next(self) -> Any:
        """What SMAC asks for; None if it asks for nothing, now and ever after."""
        exhausted = require("smac.main.exceptions", "smac").ConfigurationSpaceExhaustedException
        one_thread = require("joblib", "smac").parallel_config("sequential")  # for a tree, more of them cost more
        with warnings.catch_warnings(), one_thread, contextlib.suppress(StopIteration, exhausted):
            warnings.simplefilter("ignore")
            return self._facade.ask()
        return None

    def _learn(self, info: Any, outcome: Outcome) -> None:
        losses = self._losses.of(outcome.values)
        if losses is None:
            self._failed.append(info)
            return
        for crashed in self._failed:
            self._add(crashed, losses, self._statuses.CRASHED)
        self._failed = []
        self._add(info, losses, self._statuses.SUCCESS if isfinite(outcome.value) else self._statuses.CRASHED)

    def _add(self, info: Any, losses: list[float], status: Any) -> None:
        cost = losses if len(losses) > 1 else losses[0]
        self._facade.tell(info, self._told(cost=cost, status=status), save=False)

    def _info_of(self, trial: Trial) -> Any:
        """Of a trial that was not asked for; None if it did not go as far as SMAC compares by."""
        if self._epochs and trial.epoch not in (None, self._epochs[-1]):
            return None
        choices = {decision.name: n for decision, n in zip(self._space.decisions, trial.arch, strict=True)}
        configured = self._configured(self._facade.scenario.configspace, choices)
        return self._info(configured, seed=0, budget=self._epochs[-1] if self._epochs else None)

    def _arch_of(self, config: Mapping[str, Any]) -> Arch:
        """Of a configuration, whose names stand in another order."""
        return self._space.nearest(tuple(int(config[each.name]) for each in self._space.decisions), self._rng)


def _config_space(space: Space) -> Any:
    """The decisions of a space as a ConfigSpace."""
    there = require("ConfigSpace", "smac")
    made = there.ConfigurationSpace()
    made.add(
        there.UniformIntegerHyperparameter(decision.name, 0, n - 1)
        if decision.ordered and n > 1
        else there.CategoricalHyperparameter(decision.name, range(n))
        for decision, n in zip(space.decisions, space.n_choices, strict=True)
    )
    return made


def _budgets(name: str, epochs: tuple[int, ...], lowest: int | None) -> dict[str, int]:
    """The lowest and the highest budget, where there are any."""
    if not epochs and lowest is not None:
        raise SettingError(f"{name} with min_budget={lowest!r:.80}; it has no budgets")
    if not epochs:
        return {}
    if lowest is not None and lowest not in range(epochs[0], epochs[-1]):
        raise SettingError(f"min_budget={lowest!r:.80}; an epoch of {epochs[0]} to below {epochs[-1]} expected")
    return {"min_budget": lowest or epochs[0], "max_budget": epochs[-1]}

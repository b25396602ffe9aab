"""Schedulers of Syne Tune, Salinas et al. 2022, https://proceedings.mlr.press/v188/salinas22a.html."""

from __future__ import annotations

import logging
import warnings
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import count
from math import inf, isfinite
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers.base import (
    Outcome,
    Task,
    Trial,
    check_at_least,
    check_flag,
    check_needs,
    check_number,
    check_start,
)
from nasbench_kit.optimizers.libraries.wrapped import (
    GlobalRandomness,
    Waiting,
    argument_names,
    changed,
    check_arguments,
    named_of,
    seed_of,
    with_settings_of,
)
from nasbench_kit.optional import require

if TYPE_CHECKING:
    import numpy as np

    from nasbench_kit.spaces import Space

_HIDDEN = (
    "config_space",
    "metric",
    "metrics",
    "do_minimize",
    "random_seed",
    "points_to_evaluate",
    "time_attr",
    "max_t",
    "multiobjective_priority",
)
_PACKAGES = {
    "BORE": "xgboost",
    "ASHABORE": "xgboost",
    "CQR": "huggingface_hub",
    "ASHACQR": "huggingface_hub",
    "BOTorch": "botorch",
    "EHVI": "botorch",
}
"""What these need besides."""
_COUNTS = ("brackets", "grace_period", "num_candidates", "population_size", "sample_size")  # at least 1
_RANGES: Mapping[str, tuple[str, Callable[[float], bool]]] = {
    "bandwidth_factor": ("a number above 0", lambda factor: 0 < factor < inf),
    "min_bandwidth": ("a number above 0", lambda width: 0 < width < inf),
    "random_fraction": ("a share from 0 to 1", lambda share: 0 <= share <= 1),
    "reduction_factor": ("a number above 1", lambda factor: 1 < factor < inf),
    "top_n_percent": ("a percentage above 0 and below 100", lambda share: 0 < share < 100),
}
"""Settings with which a scheduler searches at random without a word, or fails late, unless they are such."""
_EPOCH = "epoch"


def search_class(name: str) -> type:
    """The searches by the scheduler of this name: a baseline of Syne Tune, or MOASHA.

    Raises:
        UnknownNameError: There is none.
    """
    there = SimpleNamespace(
        **vars(require("syne_tune.optimizer.baselines", "syne_tune")),
        MOASHA=require("syne_tune.optimizer.schedulers.multiobjective.moasha", "syne_tune").MOASHA,
    )
    base = require("syne_tune.optimizer.scheduler", "syne_tune").TrialScheduler
    scheduler = named_of(there, name, base, "scheduler of syne_tune")
    needs = [*SyneTuneSearch.needs]
    if "time_attr" in argument_names(scheduler):
        needs.append("epochs")
    if name in ("MOASHA", "EHVI"):
        needs.append("objectives")
    if name in _PACKAGES:
        needs.append(f"package:{_PACKAGES[name]}")
    return with_settings_of(SyneTuneSearch, scheduler, f"syne_tune:{name}", hidden=_HIDDEN, needs=tuple(needs))


class SyneTuneSearch:
    """A search by a scheduler of Syne Tune, driven as its tuner does.

    Choices are categories, ordered ones integers. What a constrained space does not hold is replaced by the nearest
    architecture, of which the scheduler learns the value. With a scheduler of several fidelities trainings go epoch by
    epoch for as long as it says. A training that failed is told as an error.

    Args:
        task: What to search; of several objectives, the first, but for the schedulers that take several.
        rng: Source of all randomness. Syne Tune draws from the global generators too: these are put back.
        median_stopping: Trainings go epoch by epoch, and end when they are worse than the median.
        settings: Of the scheduler.
    """

    needs: ClassVar[tuple[str, ...]] = ("package:syne_tune",)
    wrapped: ClassVar[Any]
    their_defaults: ClassVar[Mapping[str, Any]]

    def __init__(self, task: Task, rng: np.random.Generator, *, median_stopping: bool = False, **settings: Any) -> None:
        check_start(task, rng)
        check_flag(median_stopping=median_stopping)
        _check(settings)
        name, arguments = type(self).__name__, argument_names(self.wrapped)
        check_needs(type(self), task, name, {"median_stopping": median_stopping})
        by_epochs = "epochs" in self.needs
        if median_stopping and by_epochs:
            raise SettingError(f"{name} with median_stopping=true; it stops trainings by itself")
        if settings.get("searcher_kwargs") and name.endswith(":BOTorch"):
            of = require("syne_tune.optimizer.schedulers.searchers.botorch.botorch_searcher", "botorch")
            check_arguments(of.BoTorchSearcher, f"the searcher of {name}", settings["searcher_kwargs"])
        logging.getLogger("syne_tune").setLevel(logging.ERROR)
        self._space, self._rng = task.space, rng
        self._epochs = task.epochs if by_epochs or median_stopping else (None,)
        self._objectives = task.objectives if "objectives" in self.needs else task.objectives[:1]
        given: dict[str, Any] = {"metrics": list(self._objectives), "metric": self._objectives[0]}
        if by_epochs:
            given |= {"time_attr": _EPOCH, "max_t": task.epochs[-1]}
        given = {key: value for key, value in given.items() if key in arguments}
        seed = seed_of(rng)
        self._randomness = GlobalRandomness(seed)
        with self._randomness.used():
            self._scheduler = self.wrapped(
                _config_space(task.space),
                do_minimize=False,
                random_seed=seed,
                **given,
                **changed(settings, self.their_defaults),
            )
        self._inner = self._scheduler  # what learns of trainings that ended by themselves
        if median_stopping:
            rule = require("syne_tune.optimizer.schedulers", "syne_tune").MedianStoppingRule
            self._scheduler = rule(
                self._inner, time_attr=_EPOCH, metric=self._objectives[0], random_seed=seed, do_minimize=False
            )
        self._trial = require("syne_tune.backend.trial_status", "syne_tune").Trial
        self._numbers = count()
        self._asked: Waiting[Any] = Waiting()
        self._going_on: deque[Trial] = deque()
        self._running: dict[int | None, Any] = {}  # by our number of the training, where there are epochs

    @staticmethod
    def needs_of_settings(median_stopping: object = False, **_: object) -> tuple[str, ...]:
        """To stop a training needs epochs."""
        return ("epochs",) if median_stopping else ()

    def ask(self) -> Trial | None:
        """The next epoch of a training that goes on, or what the scheduler suggests; None if it has nothing left."""
        if self._going_on:
            return self._going_on.popleft()
        with self._randomness.used(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            suggested = self._scheduler.suggest()
            if suggested is None:
                return None
            made = self._added(suggested.config)
        arch = self._space.nearest(tuple(int(suggested.config[each.name]) for each in self._space.decisions), self._rng)
        if self._epochs == (None,):
            self._asked.add(arch, made)
            return Trial(arch)
        self._running[made.trial_id] = made
        return Trial(arch, self._epochs[0], made.trial_id)

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Tell the scheduler, and go on with the training if it says so."""
        made = self._running.get(trial.training) if trial.training is not None else self._asked.pop(trial.arch)
        epoch = trial.epoch or self._epochs[-1]
        with self._randomness.used():
            if made is None:
                made = self._added(dict(zip([each.name for each in self._space.decisions], trial.arch, strict=True)))
            if not isfinite(outcome.value):
                self._running.pop(trial.training, None)
                self._inner.on_trial_error(made)
                return
            result = {**dict(zip(self._objectives, outcome.values, strict=False)), _EPOCH: epoch}
            if self._epochs == (None,):
                self._scheduler.on_trial_complete(made, result)
                return
            goes_on = self._scheduler.on_trial_result(made, result) == "CONTINUE"
            if goes_on and epoch == self._epochs[-1]:
                self._inner.on_trial_complete(made, result)
        if goes_on and epoch != self._epochs[-1] and trial.training in self._running:
            self._going_on.append(trial._replace(epoch=self._epochs[self._epochs.index(epoch) + 1]))
        else:
            self._running.pop(trial.training, None)

    def _added(self, config: Mapping[str, Any]) -> Any:
        """A trial of this configuration that the scheduler knows of."""
        made = self._trial(next(self._numbers), config, datetime.min)
        self._scheduler.on_trial_add(made)
        return made


def _check(settings: Mapping[str, Any]) -> None:
    """Refuse what would not search as asked.

    Raises:
        SettingError: A setting is such.
    """
    for name, value in settings.items():
        if name in _COUNTS:
            check_at_least(1, **{name: value})
        elif name in _RANGES:
            expected, is_right = _RANGES[name]
            check_number(expected, is_right, **{name: value})
        elif name == "searcher_kwargs" and not isinstance(value, Mapping | None):
            raise SettingError(f"searcher_kwargs={value!r:.80}; a mapping of the searcher's arguments expected")


def _config_space(space: Space) -> dict[str, Any]:
    """The decisions of a space as domains of Syne Tune."""
    there = require("syne_tune.config_space", "syne_tune")
    return {
        decision.name: there.randint(0, n - 1) if decision.ordered and n > 1 else there.choice(list(range(n)))
        for decision, n in zip(space.decisions, space.n_choices, strict=True)
    }

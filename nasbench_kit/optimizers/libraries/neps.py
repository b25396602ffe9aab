"""Algorithms of NePS, Stoll et al. 2023, https://github.com/automl/neps."""

from __future__ import annotations

import logging
import warnings
from collections import deque
from collections.abc import Mapping
from math import floor, inf, log
from typing import TYPE_CHECKING, Any, ClassVar

from nasbench_kit.errors import SettingError, unknown
from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_at_least, check_needs, check_number, check_start
from nasbench_kit.optimizers.libraries.wrapped import (
    GlobalRandomness,
    Losses,
    Trainings,
    Waiting,
    argument_names,
    changed,
    seed_of,
    with_settings_of,
)
from nasbench_kit.optional import require

if TYPE_CHECKING:
    import numpy as np

    from nasbench_kit.spaces import Arch

_ALGORITHMS: Mapping[str, tuple[str, ...]] = {
    "random_search": (),
    "bayesian_optimization": (),
    "pibo": (),
    "successive_halving": ("epochs",),
    "hyperband": ("epochs",),
    "asha": ("epochs",),
    "async_hb": ("epochs",),
    "priorband": ("epochs",),
    "mo_hyperband": ("epochs", "objectives"),
    "moasha": ("epochs", "objectives"),
}
"""Name -> what it needs. Those that are left out would download a model, take what no setting can hold, or are the same
on other pipelines; neps_regularized_evolution (of 0.17.0) finds none of its parents' choices and draws anew."""
_HIDDEN = ("pipeline_space", "ignore_fidelity", "use_priors", "device", "cost_aware", "reference_point")
_CONFIDENCES = ("low", "medium", "high")
_LEAST = {"eta": 2, "early_stopping_rate": 0, "n_initial_start_points": 1, "num_restarts": 1}
"""Settings with which it fails late, or searches otherwise than asked without a word, unless they are such."""
_EPOCH = "epoch"


def search_class(name: str) -> type:
    """The searches by the algorithm of this name.

    Raises:
        UnknownNameError: NePS has none, or none that can be used here.
    """
    if name not in _ALGORITHMS:
        raise unknown("algorithm of neps", name, _ALGORITHMS)
    algorithm = getattr(require("neps.optimizers.algorithms", "neps"), name)
    needs = (*NePSSearch.needs, *_ALGORITHMS[name])
    return with_settings_of(NePSSearch, algorithm, f"neps:{name}", hidden=_HIDDEN, needs=needs)


class NePSSearch:
    """A search by an algorithm of NePS, by its ask and tell.

    Choices are categories, ordered ones integers. What a constrained space does not hold is replaced by the nearest
    architecture, of which NePS learns the value. An algorithm with fidelities trains to the highest epoch that there is
    up to each of its rungs, and goes on with the same training at the next one. A training that failed is told as
    the worst so far; what NePS did not ask for it does not learn.

    Args:
        task: What to search; of several objectives, the first, but for the algorithms that take several.
        rng: Source of all randomness. NePS draws from the global generators: these are put back.
        prior: An architecture that is believed to be good, in a text form of the space.
        prior_confidence: How firmly: "low", "medium" or "high".
        settings: Of the algorithm.
    """

    needs: ClassVar[tuple[str, ...]] = ("package:neps",)
    wrapped: ClassVar[Any]
    their_defaults: ClassVar[Mapping[str, Any]]

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        prior: str | None = None,
        prior_confidence: str = "medium",
        **settings: Any,
    ) -> None:
        check_start(task, rng)
        name, algorithm = type(self).__name__, type(self).wrapped
        check_needs(type(self), task, name)
        if prior_confidence not in _CONFIDENCES:
            raise unknown("prior_confidence", prior_confidence, _CONFIDENCES)
        if prior is None and prior_confidence != "medium":
            raise SettingError(f"prior_confidence={prior_confidence!r} without a prior; prior=ARCHITECTURE expected")
        chosen = {**self.their_defaults, **settings}
        if prior is not None and chosen.get("sampler") == "uniform" and not chosen["sample_prior_first"]:
            raise SettingError(
                f"{name} with a prior that it does not sample by; sampler='prior' expected, or priorband"
            )
        neps = require("neps", "neps")
        logging.getLogger("neps").setLevel(logging.ERROR)
        self._space, self._rng = task.space, rng
        self._epochs = task.epochs if "epochs" in self.needs else ()
        self._n_objectives = len(task.objectives) if "objectives" in self.needs else 1
        _check(chosen, self._epochs)
        given = changed(settings, self.their_defaults)
        if "use_priors" in argument_names(algorithm):
            given["use_priors"] = prior is not None
        self._randomness = GlobalRandomness(seed_of(rng))
        space = self._pipeline_space(neps, prior, prior_confidence)
        with self._randomness.used():
            self._neps = neps.AskAndTell(algorithm(space, **given))
        self._asked: Waiting[Any] = Waiting()
        self._numbers: dict[str, tuple[Arch, int]] = {}  # NePS's trial -> its training, where there are epochs
        self._trainings: Trainings[Any] = Trainings(self._epochs)
        self._early: dict[str, Any] = {}  # what it promoted while that still ran, as it does with several workers
        self._ready: deque[Any] = deque()  # and could be promoted since
        self._failed: list[Any] = []  # before anything had a value
        self._losses = Losses()

    def ask(self) -> Trial | None:
        """What the algorithm samples or promotes; None where it cannot say before the next outcome."""
        while (asked := self._ready.popleft() if self._ready else self._next()) is not None:
            if not self._epochs:
                arch = self._arch_of(asked.config)
                self._asked.add(arch, asked)
                return Trial(arch)
            before = asked.metadata.previous_trial_id
            known = self._numbers[before] if before else (self._arch_of(asked.config), len(self._numbers))
            self._numbers[asked.metadata.id] = known
            if before and self._neps.trials[before].report is None:
                self._early[before] = asked
                continue
            trial = self._trainings.next(*known, asked.config[_EPOCH], asked)
            if isinstance(trial, Trial):
                return trial
            self._learn(asked, trial)
        return None

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Tell the loss."""
        asked = self._asked.pop(trial.arch) if trial.training is None else self._trainings.pop(trial, outcome)
        if asked is not None:
            self._learn(asked, outcome)

    def _next(self) -> Any:
        """What NePS asks for; None where its selection by several objectives finds nothing that has ended."""
        with self._randomness.used(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return self._neps.ask()
            except ValueError:
                if self._n_objectives > 1 and any(trial.report is None for trial in self._neps.trials.values()):
                    return None
                raise

    def _learn(self, asked: Any, outcome: Outcome) -> None:
        losses = self._losses.of(outcome.values[: self._n_objectives])
        if losses is None:
            self._failed.append(asked)
            return
        told, self._failed = [*self._failed, asked], []
        for each in told:
            self._neps.tell(each, losses if len(losses) > 1 else losses[0])
            if each.metadata.id in self._early:
                self._ready.append(self._early.pop(each.metadata.id))

    def _arch_of(self, config: Mapping[str, Any]) -> Arch:
        return self._space.nearest(tuple(int(config[each.name]) for each in self._space.decisions), self._rng)

    def _pipeline_space(self, neps: Any, prior: str | None, confidence: str) -> Any:
        """The decisions as NePS takes them, with the prior, and the epochs where these are fidelities."""
        believed = self._space.parse(prior) if prior is not None else None
        members: dict[str, Any] = {}
        for i, (decision, n) in enumerate(zip(self._space.decisions, self._space.n_choices, strict=True)):
            known = {"prior": believed[i], "prior_confidence": confidence} if believed is not None else {}
            members[decision.name] = (
                neps.Integer(lower=0, upper=n - 1, **known)
                if decision.ordered and n > 1
                else neps.Categorical(choices=tuple(range(n)), **known)
            )
        if self._epochs:
            members[_EPOCH] = neps.IntegerFidelity(lower=self._epochs[0], upper=self._epochs[-1])
        return type("Space", (neps.PipelineSpace,), members)()


def _check(settings: Mapping[str, Any], epochs: tuple[int, ...]) -> None:
    """Refuse what would not search as asked.

    Raises:
        SettingError: A setting is such.
    """
    for name, value in settings.items():
        if name in _LEAST and value is not None:
            check_at_least(_LEAST[name], **{name: value})
        elif name == "bayesian_optimization_kick_in_point" and value is not None:
            check_number("a number above 0", lambda point: 0 < point < inf, **{name: value})
    if "early_stopping_rate" in settings:
        most, rate = floor(log(epochs[-1] / epochs[0]) / log(settings["eta"])), settings["early_stopping_rate"]
        if rate > most:
            raise SettingError(f"early_stopping_rate={rate}; at most {most} expected, as there are {most + 1} rungs")

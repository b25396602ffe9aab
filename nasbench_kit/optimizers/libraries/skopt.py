"""Bayesian optimization of scikit-optimize, https://scikit-optimize.github.io."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from nasbench_kit.errors import SettingError, unknown
from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_start
from nasbench_kit.optimizers.libraries.wrapped import Losses, Waiting, changed, seed_of, with_settings_of
from nasbench_kit.optional import require

if TYPE_CHECKING:
    import numpy as np

_ESTIMATORS = ("GP", "RF", "ET")  # GBRT is no regressor to scikit-learn since 1.7
_LEARNS_SECONDS = ("EIps", "PIps")
_HIDDEN = ("dimensions", "base_estimator", "n_random_starts", "random_state", "space_constraint")


def search_class(name: str) -> type:
    """The searches by `skopt.Optimizer` with the base estimator of this name.

    Raises:
        UnknownNameError: It has none.
    """
    if name not in _ESTIMATORS:
        raise unknown("base estimator of skopt", name, _ESTIMATORS)
    return with_settings_of(
        SkoptSearch, require("skopt", "skopt").Optimizer, f"skopt:{name}", hidden=_HIDDEN, estimator=name
    )


class SkoptSearch:
    """A search by scikit-optimize: a regression model, and an acquisition function on it.

    Choices are categories, ordered ones integers. What a constrained space does not hold is replaced by the nearest
    architecture, of which the model learns the value. While trials run, a copy of the optimizer is told that they have
    the best value so far, and asked: as scikit-optimize asks for several points (its "cl_min"). A training that failed
    is told as the worst so far.

    Args:
        task: What to search; of several objectives, the first.
        rng: Source of all randomness.
        settings: Of `skopt.Optimizer`.
    """

    needs: ClassVar[tuple[str, ...]] = ("package:skopt",)
    estimator: ClassVar[str]
    wrapped: ClassVar[Any]
    their_defaults: ClassVar[Mapping[str, Any]]

    def __init__(self, task: Task, rng: np.random.Generator, **settings: Any) -> None:
        check_start(task, rng)
        if settings.get("acq_func") in _LEARNS_SECONDS:
            raise SettingError(
                f"acq_func={settings['acq_func']!r} learns seconds, which are not told; EI or PI expected"
            )
        space = require("skopt", "skopt").space
        self._space, self._rng = task.space, rng
        dimensions = [
            space.Integer(0, n - 1, name=decision.name)
            if decision.ordered and n > 1
            else space.Categorical(range(n), name=decision.name)
            for decision, n in zip(task.space.decisions, task.space.n_choices, strict=True)
        ]
        given = changed(settings, self.their_defaults)
        self._optimizer = self.wrapped(dimensions, self.estimator, random_state=seed_of(rng), **given)
        self._asked: Waiting[list[int]] = Waiting()
        self._failed: list[list[int]] = []  # before anything had a value
        self._losses = Losses()

    def ask(self) -> Trial:
        """Where the acquisition function is best."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it would ask again for what it asked for, and asks for another
            running = [*self._asked, *self._failed]
            point = self._beside(running).ask() if running else self._optimizer.ask()
        choices = [int(choice) for choice in point]
        arch = self._space.nearest(choices, self._rng)
        self._asked.add(arch, choices)
        return Trial(arch)

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Fit the model anew."""
        choices, losses = self._asked.pop(trial.arch) or list(trial.arch), self._losses.of(outcome.values[:1])
        if losses is None:
            self._failed.append(choices)
            return
        told, self._failed = [choices, *self._failed], []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._optimizer.tell(told, losses * len(told))

    def _beside(self, running: list[list[int]]) -> Any:
        """A copy of the optimizer that was told of what runs."""
        copied = self._optimizer.copy(random_state=self._optimizer.rng.randint(2**31 - 1))
        copied.tell(running, [min(copied.yi, default=0.0)] * len(running))
        return copied

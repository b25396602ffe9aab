"""Nevergrad's optimizers, Rapin and Teytaud 2018, https://github.com/facebookresearch/nevergrad."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from inspect import isclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from nasbench_kit.errors import SettingError, unknown
from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_at_least, check_start
from nasbench_kit.optimizers.libraries.wrapped import (
    GlobalRandomness,
    Losses,
    Waiting,
    changed,
    check_defaults,
    refusals_of,
    seed_of,
    with_settings_of,
)
from nasbench_kit.optional import require

if TYPE_CHECKING:
    pass

_MOMENT_S = 1e-4
_UNKNOWN = 5e20  # of a training that failed when nothing else has a value: what Nevergrad makes of infinity


def search_class(name: str) -> type:
    """The searches by the optimizer of this name in Nevergrad's registry, or by a family, whose settings are these.

    Raises:
        UnknownNameError: Nevergrad has none.
    """
    nevergrad = require("nevergrad", "nevergrad")
    _make_daemons(nevergrad.optimization.recaster)
    registry, families = nevergrad.optimizers.registry, nevergrad.families
    if name in families.__all__ and isclass(family := getattr(families, name)):
        check_defaults(family, f"nevergrad:{name}")
        return with_settings_of(NevergradSearch, family, f"nevergrad:{name}")
    if name not in registry:
        raise unknown("optimizer of nevergrad", name, [*registry, *families.__all__])

    def registered() -> Any:
        return registry[name]

    registered.__module__, registered.__qualname__ = "nevergrad.optimizers", f"registry[{name!r}]"
    return with_settings_of(NevergradSearch, registered, f"nevergrad:{name}")


def _make_daemons(recaster: Any) -> None:
    """Its threads wait for values for ever: Python would not end before they do."""
    thread = recaster._MessagingThread
    if thread.__module__ != __name__:

        def made(self: Any, *args: Any, **kwargs: Any) -> None:
            thread.__init__(self, *args, **kwargs)
            self.daemon = True

        recaster.RecastOptimizer._messaging_thread = None  # of one that was not made, when it is deleted
        recaster._MessagingThread = type(thread.__name__, (thread,), {"__init__": made, "__module__": __name__})


class NevergradSearch:
    """A search by an optimizer of Nevergrad.

    Choices are `Choice`s, ordered ones `TransitionChoice`s. What a constrained space does not hold is replaced by the
    nearest architecture, of which the optimizer learns the value. Several objectives and violated constraints are told
    as Nevergrad takes them: it penalizes violations in the second half of `budget`. A training that failed is told as
    the worst so far; what the optimizer did not ask for it does not learn. What knows no parallel evaluations waits for
    the outcome of each.

    It is deterministic, but for optimizers that take a seed or a limit from the clock (CmaFmin2, the ImageMetaModels).

    Args:
        task: What to search.
        rng: Source of all randomness.
        budget: Evaluations that the optimizer plans with: NGOpt and others choose by it, some cannot do without.
        settings: Of the family.
    """

    needs: ClassVar[tuple[str, ...]] = ("package:nevergrad",)
    wrapped: ClassVar[Any]
    their_defaults: ClassVar[Mapping[str, Any]]

    def __init__(self, task: Task, rng: np.random.Generator, *, budget: int | None = None, **settings: Any) -> None:
        check_start(task, rng)
        if budget is not None:
            check_at_least(1, budget=budget)
        self._nevergrad = nevergrad = require("nevergrad", "nevergrad")
        self._space, self._rng = task.space, rng
        seed = seed_of(rng)
        self._randomness = GlobalRandomness(seed + 1)  # another stream than that of the parametrization
        self._parametrization = nevergrad.p.Tuple(
            *(
                (nevergrad.p.TransitionChoice if decision.ordered else nevergrad.p.Choice)(range(n))
                for decision, n in zip(task.space.decisions, task.space.n_choices, strict=True)
            )
        )
        self._parametrization.random_state = np.random.RandomState(seed)
        given = changed(settings, self.their_defaults)
        self._given = given | ({"budget": budget} if budget else {})
        with self._theirs():
            made = type(self).wrapped(**given)
            self._at_once = 1 if made.no_parallelization else task.n_workers
            try:
                self._optimizer = made(self._parametrization, budget=budget, num_workers=self._at_once)
            except ValueError:  # a part of it knows no parallel evaluations
                self._at_once = 1
                self._optimizer = made(self._parametrization, budget=budget, num_workers=1)
        self._asked: Waiting[Any] = Waiting()
        self._losses = Losses()

    def ask(self) -> Trial | None:
        """What the optimizer asks for; None while as many trials run as it can take, or once it has ended."""
        if len(self._asked) >= self._at_once:
            return None
        with self._theirs():
            try:
                candidate = self._optimizer.ask()
            except self._nevergrad.errors.NevergradEarlyStopping:
                return None
        arch = self._space.nearest(candidate.value, self._rng)
        self._asked.add(arch, candidate)
        return Trial(arch)

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Tell the optimizer; what it did not ask for would lead some astray, and is not told."""
        losses = self._losses.of(outcome.values) or [_UNKNOWN] * len(outcome.values)
        candidate = self._asked.pop(trial.arch)
        if candidate is None:
            return
        with self._theirs():
            loss = losses if len(losses) > 1 else losses[0]
            self._optimizer.tell(candidate, loss, constraint_violation=list(outcome.violations) or None)

    @contextmanager
    def _theirs(self) -> Iterator[None]:
        """A block in which Nevergrad draws; what it warns of is how it works."""
        with self._randomness.used(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                with refusals_of(type(self).__name__, self._given, self.their_defaults), _as_raised():
                    yield
            except SettingError as error:
                if self._given or isinstance(error.__cause__, ImportError):
                    raise
                raise SettingError(f"{error}; a budget may help") from error.__cause__
            self._wait_for_threads()

    def _wait_for_threads(self) -> None:
        """What Nevergrad runs in a thread (Cobyla, Powell, ...) thinks on after `tell`, until it calls for a value."""
        kind = self._nevergrad.optimization.recaster._MessagingThread
        for thread in threading.enumerate():
            if isinstance(thread, kind):
                messages: Any = thread
                while thread.is_alive() and messages.call_count <= messages.messages_tell.unfinished_tasks:
                    time.sleep(_MOMENT_S)


@contextmanager
def _as_raised() -> Iterator[None]:
    """A block in which what was raised in a thread is raised: Nevergrad wraps it if the thread was quicker."""
    try:
        yield
    except RuntimeError as error:
        raise error.__cause__ or error from None

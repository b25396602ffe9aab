"""What every search algorithm looks like: `ask` for a trial, `tell` its outcome."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from inspect import Parameter, signature
from itertools import repeat
from numbers import Real
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from nasbench_kit.errors import SettingError, UnknownNameError, check_generator, listed, unknown
from nasbench_kit.optimizers.libraries import LIBRARIES
from nasbench_kit.optional import require
from nasbench_kit.spaces import Arch, Space

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_NEEDS = {
    "epochs": "epochs",
    "objectives": "objectives",
    "constraints": "constraints",
    "known": "known:NAME",
    "package": "package:NAME",
    "columns": "columns",
    "surrogate": "surrogate",
    "space": "space:NAME",
}
_EXTRAS = {
    "torch": "torch",
    "cmaes": "optuna",
    "xgboost": "xgboost",
    "huggingface_hub": "syne_tune",
    "botorch": "botorch",
} | {library.package: prefix for prefix, library in LIBRARIES.items()}
"""Package -> the extra that installs it, where that is not `optimizers`."""


class Trial(NamedTuple):
    """An architecture that the optimizer wants trained."""

    arch: Arch
    epoch: int | None = None  #: train up to this epoch; None: as far as the rules say
    training: int | None = None
    """A number of the optimizer's own: the same number goes on with that training, the same recorded run, and pays the
    difference only. None: a training of its own."""


def trials_of(archs: Iterable[Arch]) -> Iterator[Trial]:
    """A `Trial` of each architecture, made at half the cost of a call."""
    return map(partial(tuple.__new__, Trial), zip(archs, repeat(None), repeat(None)))


class Outcome(NamedTuple):
    """What a search learns of one trial."""

    value: float  #: the first objective, larger is better; -inf where the training failed
    values: tuple[float, ...]  #: all objectives of the task, oriented likewise
    epoch: int | None = None  #: up to which it was trained
    cost_s: float = 0.0  #: seconds that were paid for it; NaN where the results record none
    violations: tuple[float, ...] = ()
    """How far each constraint of the task is exceeded, in its metric's unit; negative: how far it is kept to. Empty
    where there are none, or the training failed."""

    @classmethod
    def of(
        cls, *values: float, epoch: int | None = None, cost_s: float = 0.0, violations: tuple[float, ...] = ()
    ) -> Outcome:
        """The outcome with these objectives: `Outcome.of(0.93)`."""
        return cls(values[0], values, epoch, cost_s, violations)

    @property
    def violation(self) -> float:
        """How far the constraints are exceeded, in sum; 0 where it is feasible."""
        total = 0.0
        for exceeded_by in self.violations:  # not `sum`: its last bit is another one since Python 3.12
            total += max(exceeded_by, 0.0)
        return total


@dataclass(frozen=True)
class Task:
    """All that a search may know before it begins. It holds no results.

    Attributes:
        space: Where to search: what was recorded of a space, or all of it.
        epochs: The epochs to which it may train, ascending; empty where the results know of none.
        objectives: Names of the objectives that `Outcome.values` holds.
        constraints: The limits whose violations an outcome tells, in words.
        n_workers: Trials that run at the same time.
        columns: Names of what is known of each architecture without training it: sizes, latencies, zero-cost scores.
        known: Their values: `known(name, archs)` is float64 (n_archs,), NaN where not known.
        known_values: As `Outcome.values`, as far as the objectives are on `columns`: of architectures, float64
            (n_archs, n_objectives), NaN where not known. None: no objective is.
        known_violations: As `Outcome.violations`, as far as the constraints are on `columns`: of architectures, float64
            (n_archs, n_constraints), NaN where not known. None: no constraint is.
    """

    space: Space
    epochs: tuple[int, ...] = ()
    objectives: tuple[str, ...] = ("val_accuracy",)
    constraints: tuple[str, ...] = ()
    n_workers: int = 1
    columns: tuple[str, ...] = ()
    known: Callable[[str, NDArray[np.uint8]], NDArray[np.float64]] | None = None
    known_values: Callable[[NDArray[np.uint8]], NDArray[np.float64]] | None = None
    known_violations: Callable[[NDArray[np.uint8]], NDArray[np.float64]] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.space, Space):
            raise SettingError(
                f"Task of {self.space!r:.80}; a space expected. task_of(benchmark) makes the task of a benchmark"
            )


class Optimizer(Protocol):
    """A search algorithm. It is built from a task and a random generator, and learns only what it is told.

    Every constructor argument after `task` and `rng` is a setting with a default. A class may state what it cannot do
    without as `needs`, checked before a run: "epochs" (several), "objectives" (two or more), "constraints", "columns"
    that cost no training, "known:NAME", a certain one of them, "package:NAME", what is to be imported, "space:NAME",
    all of it, or "surrogate", one of the space, which it looks for itself when it is built.
    """

    def ask(self) -> Trial | None:
        """The next trial, while others may still be without outcome.

        None: nothing before the next outcome; when no trial is running, the search is over.
        """
        ...

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """The outcome of a trial, asked for or not. Its values are numbers, or -inf of a training that failed."""
        ...


NEW = -1  #: in `Asked.previous`: a training of its own


class Asked(NamedTuple):
    """The next trials of each of many searches, up to where an outcome decides what comes next."""

    archs: NDArray[np.uint8]  #: (n_runs, n, n_decisions)
    n_asked: NDArray[np.intp]
    """How many of these n each search asks for, at least 1: (n_runs,). What stands behind these is some architecture,
    and is not told."""
    epochs: NDArray[np.intp] | None = None  #: up to which those of each are trained (n_runs,); None: as the rules say
    previous: NDArray[np.intp] | None = None
    """The trial, counted from 0 in its search, whose training each goes on with, or `NEW`: (n_runs, n). None: all are
    new, now and ever after."""


class Lockstep(Protocol):
    """Many searches of one algorithm at once, as arrays: the same settings, a random generator each.

    An optimizer that can be run so has a method `in_lockstep(rngs)`, which gives one, or None on a task where it
    cannot. Each search asks for the same trials as one by one would, and takes the same numbers from its generator, so
    records agree to the last bit.
    """

    def ask(self) -> Asked:
        """The next trials of each search."""
        ...

    def tell(self, values: NDArray[np.float64]) -> None:
        """The outcomes of all that was asked for: `Outcome.value` of each trial, (n_runs, n)."""
        ...


def needs_of(optimizer: object, settings: Mapping[str, Any] | None = None) -> tuple[str, ...]:
    """What an optimizer, or its class, states that it cannot do without.

    With settings of a class, also what it states of these: a search inside another one has needs of its own.
    """
    further = getattr(optimizer, "needs_of_settings", None)
    of_settings = further(**settings) if further and settings is not None else ()
    return (*getattr(optimizer, "needs", ()), *of_settings)


def check_needs(optimizer: object, task: Task, name: str, settings: Mapping[str, Any] | None = None) -> None:
    """Refuse a task that lacks what an optimizer states that it needs.

    Args:
        optimizer: Its class, or one of it.
        task: What it is to search.
        name: What the optimizer is called, for the error.
        settings: Of the class, if what these need is to be checked too.

    Raises:
        SettingError: The task lacks it.
        UnknownNameError: The statement itself is not understood, or names an unknown column.
    """
    for need in needs_of(optimizer, settings):
        kind, _, column = need.partition(":")
        if kind == "epochs" and len(task.epochs) < 2:
            has = f"only epoch {task.epochs[0]}" if task.epochs else "none"
            raise SettingError(f"{name} needs several epochs to choose from; there is {has}")
        if kind == "objectives" and len(task.objectives) < 2:
            raise SettingError(f"{name} needs two objectives or more; there is {listed(task.objectives)} alone")
        if kind == "constraints" and not task.constraints:
            raise SettingError(f"{name} needs a constraint, like 'latency_ms[edgegpu]<=5'; there is none")
        if kind == "columns" and not task.columns:
            raise SettingError(f"{name} needs a column that costs no training, like params_m; there is none")
        if kind == "known" and column not in task.columns:
            raise unknown(f"column, which {name} needs", column, task.columns)
        if kind == "space" and (task.space.name != column or task.space.whole is not task.space):
            has = "a part of it was recorded" if task.space.name == column else f"the space is {task.space.name}"
            raise SettingError(f"{name} needs the whole space {column}; {has}")
        if kind == "package":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what some of them import is deprecated
                require(column, _EXTRAS.get(column, "optimizers"))
        if kind not in _NEEDS:
            raise UnknownNameError(f"{name} needs {need!r}; {listed(_NEEDS.values())} expected")


def accepted_settings(made: Callable[..., object], name: str) -> list[Parameter]:
    """The arguments of an optimizer's constructor after `task` and `rng`.

    Raises:
        UnknownNameError: It is no optimizer.
    """
    try:
        return list(signature(made).parameters.values())[2:]
    except (TypeError, ValueError):
        raise UnknownNameError(f"{name!r} is no optimizer: a class made from a task and an rng expected") from None


def check_settings(made: Callable[..., object], name: str, settings: Iterable[str]) -> None:
    """Refuse names of settings that an optimizer does not have.

    Raises:
        UnknownNameError: It has no such setting, or is no optimizer.
    """
    accepted = accepted_settings(made, name)
    names = [parameter.name for parameter in accepted]
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in accepted):
        for setting in settings:
            if setting not in names:
                raise unknown(f"setting of {name}", setting, names)


def check_can_be_asked(optimizer: object, name: str = "") -> None:
    """Refuse what has no `ask` or no `tell`, or is a class of such that has yet to be built.

    Args:
        optimizer: What is to be asked.
        name: What makes it, for the error; its class, if empty.

    Raises:
        SettingError: It cannot be asked, or told.
    """
    if isinstance(optimizer, type):
        raise SettingError(f"{optimizer.__name__} is no optimizer that can be asked; make one: Class(task, rng)")
    absent = [method for method in ("ask", "tell") if not callable(getattr(optimizer, method, None))]
    if absent:
        made = type(optimizer).__name__
        is_class = not name or name.rpartition(":")[2] == made
        whose = f"{name or made} is no optimizer: it" if is_class else f"{name} makes no optimizer: its {made}"
        raise SettingError(f"{whose} has no {' and no '.join(absent)}; ask() and tell(trial, outcome) expected")


def check_at_least(least: int, **settings: int) -> None:
    """Refuse settings that are too small.

    Raises:
        SettingError: One of them is below `least`, or no integer.
    """
    for name, value in settings.items():
        if isinstance(value, bool) or not hasattr(value, "__index__") or value < least:
            raise SettingError(f"{name}={value!r}; an integer of at least {least} expected")


def check_number(expected: str, is_right: Callable[[float], bool], **settings: object) -> None:
    """Refuse settings that are no numbers, or not such as expected.

    Args:
        expected: Which numbers are right, in words.
        is_right: Whether a number is.
        settings: Name -> value.

    Raises:
        SettingError: One is not.
    """
    for name, value in settings.items():
        if isinstance(value, bool) or not isinstance(value, Real) or not is_right(float(value)):
            raise SettingError(f"{name}={value!r:.80}; {expected} expected")


def check_flag(**settings: object) -> None:
    """Refuse settings that are neither true nor false.

    Raises:
        SettingError: One is not.
    """
    for name, value in settings.items():
        if not isinstance(value, bool):
            raise SettingError(f"{name}={value!r:.80}; true or false expected")


def check_start(task: object, rng: object) -> None:
    """Refuse to build an optimizer of something else than a task and a generator, such as a benchmark and a seed.

    Raises:
        SettingError: It is something else.
    """
    if not isinstance(task, Task):
        raise SettingError(f"{task!r:.80} is no task; a task expected: task_of(benchmark), or Task(space)")
    check_generator(rng)

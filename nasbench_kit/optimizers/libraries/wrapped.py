"""What the adapters of all libraries share: classes with settings of theirs, trials told apart, global randomness."""

from __future__ import annotations

import contextlib
import inspect
import json
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from math import isfinite
from typing import TYPE_CHECKING, Any, Generic, TypeVar, final

import numpy as np

from nasbench_kit.errors import NasbenchKitError, SettingError, UnknownNameError, unknown, words_of
from nasbench_kit.optimizers.base import Outcome, Trial
from nasbench_kit.optimizers.libraries.kinds import as_taken, check_value

if TYPE_CHECKING:
    from nasbench_kit.spaces import Arch

Handle = TypeVar("Handle")
_HIDDEN = ("self", "seed")


def named_of(module: Any, name: str, base: type, what: str) -> type:
    """The class of this name that a module exports, of those that have this base.

    Raises:
        UnknownNameError: It exports none.
    """
    found = getattr(module, name, None)
    if inspect.isclass(found) and issubclass(found, base) and found is not base:
        return found
    there = [each for each, made in vars(module).items() if inspect.isclass(made) and issubclass(made, base)]
    raise unknown(what, name, [each for each in there if getattr(module, each) is not base])


def with_settings_of(
    search: type,
    made: Callable[..., object],
    name: str,
    *,
    hidden: Iterable[str] = (),
    further: Iterable[inspect.Parameter] = (),
    **attributes: Any,
) -> type:
    """A class of searches whose settings are its own and those of what it wraps.

    Args:
        search: The class; its `__init__(task, rng, *, ..., **settings)` takes settings of its own, and any others. What
            it raises, the library does: it is said in one line, with the settings.
        made: What these others are arguments of. Those whose default no study could store cannot be set.
        name: What the optimizer is called.
        hidden: Arguments that the search gives itself, besides the seed.
        further: Arguments that it takes without naming them (`**kwargs`) and hands on.
        attributes: Of the new class.
    """
    own = [each for each in _parameters(search)[3:] if each.kind is not each.VAR_KEYWORD]
    taken = {*_HIDDEN, *hidden, *(each.name for each in own)}
    named = {each.name: each for each in (*further, *_parameters(made))}
    theirs = [each for each in named.values() if each.name not in taken and _is_stored(each)]
    settings = [each.replace(kind=each.KEYWORD_ONLY, annotation=each.empty) for each in (*own, *theirs)]
    first = _parameters(search)[1:3]
    source = f"{made.__module__}.{getattr(made, '__qualname__', name)}"
    first_line, _, rest = (inspect.getdoc(search) or "").partition("\n")
    documented = f"{first_line} Here: {source}.\n{rest}"
    made_of = {each.name: each.default for each in theirs}
    arguments = {each.name: each for each in theirs}
    defaults = {each.name: each.default for each in (*own, *theirs)}

    def begin(self: object, task: object, rng: object, **settings: Any) -> None:
        given = changed(settings, defaults)
        for setting, value in given.items():
            if setting in arguments:
                check_value(arguments[setting], value, name)
                settings[setting] = as_taken(arguments[setting], value)
        with refusals_of(name, given, defaults):
            search.__init__(self, task, rng, **settings)  # type: ignore[misc]

    attributes |= {"wrapped": made, "their_defaults": made_of, "__doc__": documented, "__module__": search.__module__}
    attributes["__init__"] = begin
    return type(name, (search,), attributes | {"__signature__": inspect.Signature([*first, *settings])})


def check_defaults(made: Callable[..., object], name: str, given: Iterable[str] = ()) -> None:
    """Refuse what is made from more than settings.

    Raises:
        UnknownNameError: An argument has no default, and is none of those that are given.
    """
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    for each in _parameters(made):
        if each.default is each.empty and each.kind not in kinds and each.name not in ("self", *given):
            raise UnknownNameError(f"{name} cannot be used by its name: it is made from {each.name}, without a default")


def changed(settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that are not what a library does by itself: to say such a one may be deprecated, or warned of."""
    return {name: value for name, value in settings.items() if name not in defaults or defaults[name] != value}


def argument_names(made: Callable[..., object]) -> list[str]:
    """Names of what a class of a library, or a function, is made from."""
    return [each.name for each in _parameters(made) if each.name != "self"]


def check_arguments(made: Callable[..., object], name: str, given: Iterable[str]) -> None:
    """Refuse what is no argument of something of a library.

    Raises:
        UnknownNameError: One of them is none.
    """
    for argument in given:
        if argument not in argument_names(made):
            raise unknown(f"setting of {name}", argument, argument_names(made))


@contextlib.contextmanager
def refusals_of(name: str, settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> Iterator[None]:
    """A block in which a library is given its arguments, or asked; what it refuses is said in one line.

    Args:
        name: What the optimizer is called.
        settings: Those that are not the default ones.
        defaults: What they would be.

    Raises:
        SettingError: It raises anything but an error of ours.
    """
    try:
        yield
    except NasbenchKitError:
        raise
    except Exception as error:  # whatever a library raises
        kind = "" if type(error) in (AssertionError, Exception, ValueError) else f"{type(error).__name__}: "
        said = f"{name}: {kind}{' '.join(words_of(error).split())}".rstrip(":. ")
        given = [f"{each}={value!r:.80} (by default {defaults.get(each)!r:.40})" for each, value in settings.items()]
        raise SettingError(f"{said}; with {', '.join(given)}" if given else said) from error


def _parameters(made: Callable[..., object]) -> list[inspect.Parameter]:
    made = made.__init__ if inspect.isclass(made) else made
    return list(inspect.signature(made).parameters.values())


def _is_stored(parameter: inspect.Parameter) -> bool:
    """Whether it is an argument with a name, and a study can store its default."""
    if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY):
        return False
    if parameter.default is parameter.empty:
        return True
    with contextlib.suppress(TypeError, ValueError):
        return bool(json.loads(json.dumps(parameter.default, allow_nan=False)) == parameter.default)
    return False


@final
class Waiting(Generic[Handle]):
    """A library's own trials that were asked for, by architecture; of several of the same, the first is told first."""

    def __init__(self) -> None:
        self._of: dict[Arch, list[Handle]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._of.values()))

    def __iter__(self) -> Iterator[Handle]:
        return chain.from_iterable(self._of.values())

    def add(self, arch: Arch, handle: Handle) -> None:
        """It was asked for."""
        self._of.setdefault(arch, []).append(handle)

    def pop(self, arch: Arch) -> Handle | None:
        """The one whose outcome this is; None of an architecture that was not asked for."""
        handles = self._of.get(arch)
        if not handles:
            return None
        handle = handles.pop(0)
        if not handles:
            del self._of[arch]
        return handle


@final
class Trainings(Generic[Handle]):
    """A library's own trials at budgets: each trains to the highest epoch within its budget, and goes on from there.

    Args:
        epochs: Those that there are, ascending.
    """

    def __init__(self, epochs: tuple[int, ...]) -> None:
        self._epochs = epochs
        self._running: dict[int | None, Handle] = {}
        self._reached: dict[int | None, Outcome] = {}

    def next(self, arch: Arch, training: int, budget: float, handle: Handle) -> Trial | Outcome:
        """The trial to run; or the outcome, where the training went that far for a lower budget."""
        epoch = max(each for each in self._epochs if each <= max(budget, self._epochs[0]))
        reached = self._reached.get(training)
        if reached is not None and (reached.epoch or 0) >= epoch:
            return reached
        self._running[training] = handle
        return Trial(arch, epoch, training)

    def pop(self, trial: Trial, outcome: Outcome) -> Handle | None:
        """The one whose outcome this is; None of a training that does not run."""
        handle = self._running.pop(trial.training, None)
        if handle is not None:
            self._reached[trial.training] = outcome._replace(epoch=trial.epoch)
        return handle


@final
class Losses:
    """Values as losses, for a library that knows no failures: one is as bad as the worst so far, in each objective."""

    def __init__(self) -> None:
        self._worst: list[float] | None = None

    def of(self, values: Iterable[float]) -> list[float] | None:
        """Smaller is better. None: it failed, and nothing had a value before."""
        losses = [-value for value in values]
        if not all(map(isfinite, losses)):
            return self._worst and [*self._worst]
        self._worst = [*map(max, losses, self._worst or losses)]
        return losses


@final
class GlobalRandomness:
    """The global generators of Python, numpy and torch, as a library finds them that draws from these.

    Outside of `with` they are as before, so that two searches in one process do not change each other.

    Args:
        seed: Of all of them.
    """

    def __init__(self, seed: int) -> None:
        self._states: list[Any] = []
        before = self._get()
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        if "torch" in sys.modules:
            sys.modules["torch"].manual_seed(seed)
        self._states = self._get()
        self._set(before)

    @contextlib.contextmanager
    def used(self) -> Iterator[None]:
        """A block in which the library draws."""
        before = self._get()
        self._set(self._states)
        try:
            yield
        finally:
            self._states = self._get()
            self._set(before)

    @staticmethod
    def _get() -> list[Any]:
        torch = sys.modules.get("torch")
        return [random.getstate(), np.random.get_state(), torch.get_rng_state() if torch else None]  # noqa: NPY002

    @staticmethod
    def _set(states: list[Any]) -> None:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        if states[2] is not None:
            sys.modules["torch"].set_rng_state(states[2])


def seed_of(rng: np.random.Generator) -> int:
    """A seed for a library, drawn once."""
    return int(rng.integers(2**31))

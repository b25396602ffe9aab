"""A search that is a part of another one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from nasbench_kit.errors import SettingError, UnknownNameError
from nasbench_kit.optimizers import optimizer_class
from nasbench_kit.optimizers.base import Optimizer, Task, accepted_settings, check_needs, check_settings, needs_of

if TYPE_CHECKING:
    import numpy as np


def inner_search(task: Task, rng: np.random.Generator, optimizer: str, settings: Mapping[str, Any] | None) -> Optimizer:
    """The search of this name, with these settings.

    Raises:
        SettingError: The settings are no mapping, or the task lacks what it needs.
        UnknownNameError: There is none of this name, or it has no such setting.
    """
    if not (settings is None or isinstance(settings, Mapping)):
        raise SettingError(f"settings={settings!r:.80}; a mapping of settings of {optimizer} expected")
    if not isinstance(optimizer, str):
        raise SettingError(f"optimizer={optimizer!r:.80}; a name, or module:Class, expected")
    made = optimizer_class(optimizer)
    check_needs(made, task, optimizer)
    check_settings(made, optimizer, settings or ())
    return made(task, rng, **(settings or {}))


def searches_of(optimizer: str, settings: object) -> Iterator[tuple[str, Callable[..., Optimizer], Mapping[str, Any]]]:
    """A search, the one that runs inside it, if one does, and so on: name, class, settings.

    It ends at what is no search inside another; who builds that says so.

    Raises:
        UnknownNameError: There is none of this name.
    """
    made, given = optimizer_class(optimizer), settings if isinstance(settings, Mapping) else {}
    yield optimizer, made, given
    if hasattr(made, "needs_of_settings"):
        whole = {setting.name: setting.default for setting in accepted_settings(made, optimizer)} | dict(given)
        inner = whole.get("optimizer")
        if isinstance(inner, str):
            with contextlib.suppress(UnknownNameError):
                yield from searches_of(inner, whole.get("settings"))


def inner_needs(optimizer: object, settings: object) -> tuple[str, ...]:
    """What the search of this name, with these settings, cannot do without; nothing where it is none: said later."""
    with contextlib.suppress(UnknownNameError):
        if isinstance(optimizer, str):
            return tuple([need for _, made, _ in searches_of(optimizer, settings) for need in needs_of(made)])
    return ()

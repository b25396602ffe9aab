"""A search that is a part of another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers import optimizer_class
from nasbench_kit.optimizers.base import Optimizer, Task, check_needs

if TYPE_CHECKING:
    import numpy as np


def inner_search(task: Task, rng: np.random.Generator, optimizer: str, settings: Mapping[str, Any] | None) -> Optimizer:
    """The search of this name, with these settings.

    Raises:
        SettingError: The settings are no mapping, or the task lacks what it needs.
        UnknownNameError: There is none of this name.
    """
    if not isinstance(settings or {}, Mapping):
        raise SettingError(f"settings={settings!r:.80}; a mapping of settings of {optimizer} expected")
    made = optimizer_class(optimizer)
    check_needs(made, task, optimizer)
    return made(task, rng, **(settings or {}))

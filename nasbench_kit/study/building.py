"""From the name and settings of an optimizer to one that can be asked."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench_kit.catalog import list_benchmarks, load
from nasbench_kit.errors import NasbenchKitError, SettingError, UnknownNameError, listed
from nasbench_kit.optimizers import check_needs, needs_of, optimizer_class
from nasbench_kit.optimizers.base import accepted_settings, check_can_be_asked, check_settings
from nasbench_kit.simulator import task_of

if TYPE_CHECKING:
    from nasbench_kit.benchmark import Benchmark
    from nasbench_kit.simulator import Rules


def build(
    optimizer: str, settings: Mapping[str, Any], benchmark: Benchmark, rules: Rules, rng: np.random.Generator
) -> Any:
    """The optimizer of a name, `OPTIMIZERS`' or `module:Class`, for a benchmark under rules.

    Raises:
        UnknownNameError: There is no such optimizer, or it has no such setting.
        SettingError: The benchmark lacks what it needs, as others do not; or what was built has no `ask` or no `tell`;
            or whatever its constructor raises.
    """
    made = optimizer_class(optimizer)
    check_settings(made, optimizer, settings)
    task = task_of(benchmark, rules, needs=needs_of(made, settings))
    try:
        check_needs(made, task, optimizer)
    except (SettingError, UnknownNameError) as error:
        raise type(error)(f"{error}{_that_do(made, optimizer, rules)}") from None
    built = made(task, rng, **settings)
    check_can_be_asked(built, optimizer)
    return built


def _that_do(made: Any, optimizer: str, rules: Rules) -> str:
    """The benchmarks that have what an optimizer needs, for the error of one that has not."""
    found = []
    for name in list_benchmarks():
        with contextlib.suppress(NasbenchKitError):
            check_needs(made, task_of(load(name), rules, needs=needs_of(made)), optimizer)
            found.append(name)
    return f"; it can search {listed(found)}" if found else ""


def defaults_of(optimizer: str) -> dict[str, Any]:
    """The default settings of an optimizer, as far as a study can store them.

    Raises:
        UnknownNameError: There is no such optimizer.
    """
    defaults = {}
    for parameter in accepted_settings(optimizer_class(optimizer), optimizer):
        if parameter.default is not parameter.empty:
            with contextlib.suppress(TypeError, ValueError):
                defaults[parameter.name] = json.loads(json.dumps(parameter.default, allow_nan=False))
    return defaults

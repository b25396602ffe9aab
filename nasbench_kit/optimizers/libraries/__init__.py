"""Optimizers of other libraries, behind our `ask` and `tell`: `optuna:TPESampler`. A module per library."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, NamedTuple

from nasbench_kit.errors import UnknownNameError
from nasbench_kit.optional import require

if TYPE_CHECKING:
    from nasbench_kit.optimizers.base import Optimizer


class Library(NamedTuple):
    """A library whose optimizers can be asked for by name. The extra that installs it has the name of its prefix."""

    package: str  #: what is imported
    named: str  #: what the name behind the prefix is, with an example
    distribution: str  #: what pip calls it

    def installed(self) -> str | None:
        """Its version; None where it is not installed."""
        try:
            return version(self.distribution)
        except PackageNotFoundError:
            return None


LIBRARIES = {
    "dehb": Library("dehb", "its class, dehb:DEHB", "dehb"),
    "neps": Library("neps", "an algorithm, such as neps:hyperband", "neural-pipeline-search"),
    "nevergrad": Library("nevergrad", "an optimizer, such as nevergrad:NGOpt", "nevergrad"),
    "optuna": Library("optuna", "a sampler, such as optuna:TPESampler", "optuna"),
    "pymoo": Library("pymoo", "an algorithm, such as pymoo:NSGA2", "pymoo"),
    "skopt": Library("skopt", "a base estimator, such as skopt:GP", "scikit-optimize"),
    "smac": Library("smac", "a facade, such as smac:BlackBoxFacade", "smac"),
    "syne_tune": Library("syne_tune", "a scheduler, such as syne_tune:ASHA", "syne-tune"),
}
"""Prefix of their names, which is a module here -> the library."""


@cache
def library_search(name: str) -> Callable[..., Optimizer]:
    """The class behind `library:Name`: what it names in that library, made from a task and a random generator.

    Its settings are those of what it names, and a few of how it is used here.

    Raises:
        SettingError: The library is not installed.
        UnknownNameError: It has nothing of that name.
    """
    prefix, _, inner = name.partition(":")
    library = LIBRARIES[prefix]
    if not inner:
        raise UnknownNameError(f"{name!r} names nothing of {prefix}; {library.named} expected")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what some of them import is deprecated
        require(library.package, prefix)
    found: Callable[..., Optimizer] = import_module(f"{__name__}.{prefix}").search_class(inner)
    return found

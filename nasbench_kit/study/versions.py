"""What else the records of a run depend on, but its configuration and seed."""

from __future__ import annotations

import contextlib
import hashlib
import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from inspect import getsourcefile
from pathlib import Path
from typing import Any

import numpy as np

from nasbench_kit.optimizers import OPTIMIZERS, needs_of, optimizer_class
from nasbench_kit.study.building import defaults_of
from nasbench_kit.study.configuration import Configuration
from nasbench_kit.study.running import benchmark_of
from nasbench_kit.version import __version__

_DISTRIBUTIONS = {"sklearn": "scikit-learn"}  # package -> what installs it, where that has another name
_FILE = "_sha256"  # how names end of what is hashed


def versions_of(configuration: Configuration) -> dict[str, str]:
    """Versions of software; hashes of the file of an optimizer of one's own, and of a surrogate that is followed."""
    versions = {"nasbench_kit": __version__, "numpy": np.__version__, "python": platform.python_version()}
    for optimizer, settings in _searches(configuration.optimizer, configuration.settings):
        made, is_ours = optimizer_class(optimizer), optimizer in OPTIMIZERS
        if not is_ours:
            with contextlib.suppress(TypeError, OSError):
                versions[f"optimizer{_FILE}"] = hashlib.sha256(Path(getsourcefile(made) or "").read_bytes()).hexdigest()
        for kind, _, name in (need.partition(":") for need in needs_of(made, None if is_ours else settings)):
            if kind == "package":
                with contextlib.suppress(PackageNotFoundError):  # the runs will say so
                    versions[name] = version(_DISTRIBUTIONS.get(name, name))
            if kind == "surrogate":
                from nasbench_kit.optimizers.differentiable.chosen import chosen_surrogate

                found, _ = chosen_surrogate(benchmark_of(configuration).space, settings.get("surrogate"))
                versions[f"surrogate{_FILE}"] = found.sha256
    return versions


def _searches(optimizer: str, settings: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Name and settings of a search, and of those that it runs inside it."""
    settings = defaults_of(optimizer) | dict(settings)
    yield optimizer, settings
    if optimizer in OPTIMIZERS and "optimizer" in settings:
        yield from _searches(settings["optimizer"], settings["settings"] or {})


def different(now: Mapping[str, str], then: Mapping[str, str], *, in_files_alone: bool = False) -> str | None:
    """The first name of what may give other records; None if both give the same.

    Args:
        now: Some versions.
        then: Others.
        in_files_alone: Whether only hashes count: of runs that are there, which nothing else will join.
    """
    names = [name for name in {**now, **then} if name.endswith(_FILE) or not (in_files_alone or name == "python")]
    return next((name for name in names if now.get(name) != then.get(name)), None)

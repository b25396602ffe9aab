"""What else the records of a run depend on, but its configuration and seed."""

from __future__ import annotations

import contextlib
import hashlib
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from inspect import getsourcefile
from pathlib import Path

import numpy as np

from nasbench_kit.optimizers import is_own, needs_of
from nasbench_kit.optimizers.inner import searches_of
from nasbench_kit.optimizers.libraries import LIBRARIES
from nasbench_kit.study.configuration import Configuration
from nasbench_kit.study.running import benchmark_of
from nasbench_kit.version import __version__

_DISTRIBUTIONS = {"sklearn": "scikit-learn"} | {each.package: each.distribution for each in LIBRARIES.values()}
"""Package -> what installs it, where that has another name."""

_FILE = "_sha256"  # how names end of what is hashed


def versions_of(configuration: Configuration) -> dict[str, str]:
    """Versions of software; hashes of the files of optimizers of one's own, and of a surrogate that is followed.

    None of what was recorded elsewhere: no software here made it.
    """
    if configuration.is_recorded:
        return {}
    versions = {"nasbench_kit": __version__, "numpy": np.__version__, "python": platform.python_version()}
    own = []
    for name, made, settings in searches_of(configuration.optimizer, configuration.settings):
        if is_own(name):
            with contextlib.suppress(TypeError, OSError):
                own.append(Path(getattr(made, "file", "") or getsourcefile(made) or "").read_bytes())
        for kind, _, needed in (need.partition(":") for need in needs_of(made)):
            if kind == "package":
                with contextlib.suppress(PackageNotFoundError):  # the runs will say so
                    versions[needed] = version(_DISTRIBUTIONS.get(needed, needed))
            if kind == "surrogate":
                from nasbench_kit.optimizers.differentiable.chosen import chosen_surrogate

                space = benchmark_of(configuration).space
                versions[f"surrogate{_FILE}"] = chosen_surrogate(space, settings.get("surrogate"))[0].sha256
    if own:
        versions[f"optimizer{_FILE}"] = hashlib.sha256(b"".join(own)).hexdigest()
    return versions


def different(now: Mapping[str, str], then: Mapping[str, str], *, in_files_alone: bool = False) -> str | None:
    """The first name of what may give other records; None if both give the same.

    Args:
        now: Some versions.
        then: Others.
        in_files_alone: Whether only hashes count: of runs that are there, which nothing else will join.
    """
    names = [name for name in {**now, **then} if name.endswith(_FILE) or not (in_files_alone or name == "python")]
    return next((name for name in names if now.get(name) != then.get(name)), None)

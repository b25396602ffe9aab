"""What fitting and distilling do alike: they go on with what was begun, and say what they were made by."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from nasbench_kit.errors import SettingError
from nasbench_kit.jobs import Workshop, difference
from nasbench_kit.optional import require
from nasbench_kit.version import __version__

Progress = Callable[[int, int], None]

_PERCENT = 100
_WHOSE = {"table": "the table's ", "arguments": "", "versions": "the version of "}


def versions(packages: Mapping[str, str]) -> dict[str, str]:
    """Return the versions of what computes; raises for a package that is not installed.

    Args:
        packages: Name -> the extra that installs it.
    """
    found = {"python": platform.python_version(), "numpy": np.__version__, "nasbench_kit": __version__}
    return found | {package: str(require(package, extra).__version__) for package, extra in packages.items()}


def begin(out: Path, shop: Workshop, what: str, job: Mapping[str, Any]) -> None:
    """Make the folder of what is kept until the end, or go on with that of an earlier call for the same job.

    Raises:
        SettingError: It is of another job, or cannot be made.
    """
    refuse_other(out, f"the beginning of another {what}", Workshop.job_of(shop.folder) or job, job)
    try:
        shop.begin()
    except OSError as error:
        raise SettingError(f"cannot make the folder {str(out)!r}: {error.strerror or error}") from None


def refuse_other(out: Path, what: str, known: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuse to go on where a job differs: its entries are objects with the names of `_WHOSE`.

    Raises:
        SettingError: It names the first entry in which they differ.
    """
    wanted = json.loads(json.dumps(wanted))
    for part, whose in _WHOSE.items():
        there, here = (job[part] if isinstance(job.get(part), dict) else {} for job in (known, wanted))
        found = difference(there, here)
        if found:
            name, before, now = found
            raise SettingError(
                f"{str(out)!r} holds {what}: {whose}{name} is {before!r} there, {now!r} now; give another folder, or"
                " remove that one"
            )


@contextmanager
def writing_to(out: Path) -> Iterator[None]:
    """Say of a file that cannot be written where it was to be."""
    try:
        yield
    except OSError as error:
        raise SettingError(f"cannot write to {str(out)!r}: {error.strerror or error}") from None


class Percent:
    """Tell whole percents of some steps, each once."""

    def __init__(self, progress: Progress, n_steps: float) -> None:
        self._progress, self._n_steps, self._told = progress, n_steps, -1

    def __call__(self, done: float) -> None:
        """Tell that so many steps are done; parts count."""
        percent = int(_PERCENT * done / self._n_steps)
        if percent > self._told:
            self._told = percent
            self._progress(percent, _PERCENT)

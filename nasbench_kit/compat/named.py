"""What the shims are given: a path, as the originals take it, or the name of a table or surrogate."""

from __future__ import annotations

import os

from nasbench_kit.catalog import list_results
from nasbench_kit.errors import SettingError


def path_of(given: str | os.PathLike[str]) -> str:
    """A path as it is, if there is such a file or folder; else that of the table or surrogate of this name, if any.

    Raises:
        SettingError: Neither a path nor a name is given.
    """
    if not isinstance(given, str | os.PathLike):
        raise SettingError(f"{given!r:.60} is neither the path nor the name of a table or surrogate")
    path = os.fspath(given)
    return path if os.path.exists(path) else list_results().get(path, path)

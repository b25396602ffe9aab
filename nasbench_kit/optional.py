"""Packages that fitting needs and reading a shipped surrogate does not: imported when first used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from nasbench_kit.errors import SettingError


def require(package: str, extra: str) -> Any:
    """A package that may be absent.

    Args:
        package: What to import; may be a module of a package.
        extra: The extra of nasbench-kit that installs it; the prefix of a library will do.

    Raises:
        SettingError: It is not installed, or cannot be imported.
    """
    try:
        return import_module(package)
    except ImportError as error:
        name = package.partition(".")[0]
        if isinstance(error, ModuleNotFoundError) and error.name == name:
            why = "is not installed"
        else:
            why = f"cannot be imported ({error})"
        extra = extra_of(extra)
        raise SettingError(
            f"this needs the package {name}, which {why}: pip install 'nasbench-kit[{extra}]',"
            f" or '.[{extra}]' in a checkout"
        ) from None


def extra_of(prefix: str) -> str:
    """What the extra is called that has the name of a prefix: pip before 23.3 takes no `_` for a `-` there."""
    return prefix.replace("_", "-")

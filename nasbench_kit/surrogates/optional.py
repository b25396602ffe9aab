"""Packages that fitting needs and reading a shipped surrogate does not: imported when first used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from nasbench_kit.errors import SettingError


def require(package: str, extra: str) -> Any:
    """A package that may be absent.

    Args:
        package: What to import.
        extra: The extra of nasbench-kit that installs it.

    Raises:
        SettingError: It is not installed, or cannot be imported.
    """
    try:
        return import_module(package)
    except ImportError as error:
        why = "" if isinstance(error, ModuleNotFoundError) and error.name == package else f" ({error})"
        raise SettingError(
            f"this needs the package {package}, which cannot be imported{why}: pip install 'nasbench-kit[{extra}]'"
        ) from None

"""Optimizers that do not come with the package: `module:Class`, also of a module in the working directory."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from nasbench_kit.errors import UnknownNameError
from nasbench_kit.optimizers.libraries import LIBRARIES


def own_class(name: str) -> Any:
    """What `module:Class` means: a class of an installed module, or of one in the working directory.

    The working directory is looked at last, and only when such a name is asked for: a file in it never takes the place
    of a module that Python or a package imports.

    Raises:
        UnknownNameError: There is no such module, it fails while it is imported, or it has no such class.
    """
    module, _, attribute = name.partition(":")
    if not (module and attribute):
        raise UnknownNameError(f"{name!r} names no optimizer; module:Class expected")
    here = os.getcwd()
    if here not in sys.path:
        sys.path.append(here)
    try:
        found: Any = import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except Exception as error:  # importing runs the module, which may do anything
        reason = f"{type(error).__name__}: {error}{_hidden(module)}{_meant(module, error)}"
        raise UnknownNameError(f"cannot import optimizer {name!r}: {reason}") from error
    return found


def _meant(module: str, error: Exception) -> str:
    """A library whose name is nearly that of a module that is not there."""
    from difflib import get_close_matches  # an error may take its time; an import may not

    near = get_close_matches(module, LIBRARIES, n=1) if isinstance(error, ModuleNotFoundError) else []
    return f"; did you mean {near[0]!r}?" if near else ""


def _hidden(module: str) -> str:
    """A file of the working directory that was meant, where another module of its name comes first."""
    imported = getattr(sys.modules.get(module), "__file__", None) or "Python"
    beside = Path(f"{module.replace('.', '/')}.py")
    if module not in sys.modules or not beside.exists() or Path(imported) == beside.absolute():
        return ""
    return f"; {str(beside)!r} is hidden by {imported}: give it another name"

"""Pickles read as data: lists, dictionaries, strings, numbers, and nothing that is code.

A pickle is a program. This reader knows no global name except those it is given, so no function of anybody's runs.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import IO, Any, final

from nasbench_kit.errors import ImportDataError


@final
class _PlainUnpickler(pickle.Unpickler):
    def __init__(self, file: IO[bytes], allowed: Mapping[tuple[str, str], Any]) -> None:
        super().__init__(file)
        self._allowed = allowed

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._allowed:
            raise ImportDataError(f"the pickle asks for {module}.{name}, which is no plain data; it was not executed")
        return self._allowed[module, name]

    def persistent_load(self, pid: Any) -> Any:
        raise ImportDataError(f"the pickle refers to an object outside of it ({pid!r:.40}); it is not self-contained")


def read_plain_pickle(file: IO[bytes], name: str, allowed: Mapping[tuple[str, str], Any] | None = None) -> Any:
    """The data in a pickle.

    Args:
        file: Where to read from; left after the first pickle in it.
        name: What to call it in errors.
        allowed: (module, name) -> what stands for it; nothing by default.

    Raises:
        ImportDataError: It names anything else, is damaged, or is no pickle.
    """
    try:
        return _PlainUnpickler(file, allowed or {}).load()
    except ImportDataError as error:
        raise ImportDataError(f"{name}: {error}") from None
    except Exception as error:  # damaged bytes make an unpickler raise nearly anything
        raise ImportDataError(f"{name} is no readable pickle: {error or type(error).__name__}") from None

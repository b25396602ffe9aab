"""Boosters in pickles, as XGBoost and LightGBM write themselves: taken out of them without unpickling."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, final

from nasbench_kit.errors import ImportDataError
from nasbench_kit.formats.numpy_pickles import PLAIN
from nasbench_kit.formats.pickles import read_plain_pickle


@final
class _PlainBooster:
    """A booster in a pickle: its state, a dictionary."""

    __slots__ = ("state",)

    def __init__(self, *_: object) -> None:
        self.state: Mapping[Any, Any] = {}

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, dict):
            raise ImportDataError(f"the pickle gives a booster the state {state!r:.40}; a dictionary expected")
        self.state = state


def _plain_bytearray(content: object = b"", encoding: object = None) -> bytes:
    """Read a bytearray in a pickle of a protocol before 5."""
    if isinstance(content, str) and encoding in ("latin-1", "latin1"):
        return content.encode("latin-1")
    if not isinstance(content, bytes | bytearray):
        raise ImportDataError(f"the pickle makes a bytearray of {content!r:.40}; bytes expected")
    return bytes(content)


_ALLOWED: Mapping[tuple[str, str], Any] = {
    **PLAIN,
    ("xgboost.core", "Booster"): _PlainBooster,
    ("lightgbm.basic", "Booster"): _PlainBooster,
    ("builtins", "bytearray"): _plain_bytearray,
    ("__builtin__", "bytearray"): _plain_bytearray,
    ("collections", "defaultdict"): lambda *_: {},
}


def read_booster_pickle(path: Path, library: str) -> tuple[bytes, int]:
    """Read the model in a pickled booster of "xgb" or "lgb", and its best round, -1 for the last.

    Raises:
        ImportDataError: The pickle is absent or damaged, or holds anything but such a booster.
    """
    try:
        with open(path, "rb") as file:
            made = read_plain_pickle(file, str(path), _ALLOWED)
    except OSError as error:
        raise ImportDataError(f"cannot read {str(path)!r}: {error.strerror or error}") from None
    state = made.state if isinstance(made, _PlainBooster) else {}
    content = state.get("handle", state.get("_handle"))  # LightGBM renamed it in version 4
    if library == "lgb" and isinstance(content, str):
        best = state.get("best_iteration")
        return content.encode(), best if type(best) is int and best > 0 else -1
    if library == "xgb" and isinstance(content, bytes | bytearray):
        return bytes(content), -1
    raise ImportDataError(f"{str(path)!r} holds no booster of {library}, but a {type(made).__name__}")

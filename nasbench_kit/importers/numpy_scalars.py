"""Numbers of numpy in other people's pickles, read as plain ones: numpy itself is not given what the files say."""

from __future__ import annotations

import struct
from typing import Any, final

from nasbench_kit.errors import ImportDataError

_CODES = {"f2": "e", "f4": "f", "f8": "d", "b1": "?"} | {
    f"{kind}{size}": code if kind == "i" else code.upper()
    for kind in "iu"
    for size, code in ((1, "b"), (2, "h"), (4, "i"), (8, "q"))
}


@final
class _DType:
    """What a pickle says about a number: `dtype("f8", False, True)`, then its byte order."""

    def __init__(self, name: str, *_: object) -> None:
        if name not in _CODES:
            raise ImportDataError(f"the pickle holds a numpy value of type {name!r:.40}; numbers expected")
        self._code = _CODES[name]
        self._order = "<"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._order = ">" if state[1] == ">" else "<"

    def unpack(self, raw: bytes) -> Any:
        return struct.unpack(self._order + self._code, raw)[0]


def _scalar(kind: Any, raw: Any) -> Any:
    if not isinstance(kind, _DType) or not isinstance(raw, bytes | str):
        raise ImportDataError("the pickle holds a numpy value that is no number")
    return kind.unpack(raw.encode("latin-1") if isinstance(raw, str) else raw)


def _encode(text: str, encoding: str) -> bytes:
    """The bytes that an old pickle holds as text."""
    if encoding != "latin1":
        raise ImportDataError(f"the pickle holds text in encoding {encoding!r:.40}; latin1 expected")
    return text.encode("latin-1")


NUMPY_SCALARS: dict[tuple[str, str], Any] = {
    ("numpy", "dtype"): _DType,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy._core.multiarray", "scalar"): _scalar,
    ("_codecs", "encode"): _encode,
}
"""For `read_plain_pickle`: global name -> what stands for it. The numbers come out as those of Python."""

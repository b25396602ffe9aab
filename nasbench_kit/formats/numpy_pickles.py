"""What pickles of numpy's numbers and arrays ask for, played by harmless stand-ins: no function of numpy is called.

Numpy's own functions do what their arguments say, and with `dtype("O")` these may be a pickle of its own.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Mapping
from math import prod
from typing import Any, final

from nasbench_kit.errors import ImportDataError, listed

_FORMATS = {
    **{"f8": "d", "f4": "f", "f2": "e", "b1": "?"},
    **{"i8": "q", "i4": "i", "i2": "h", "i1": "b", "u8": "Q", "u4": "I", "u2": "H", "u1": "B"},
}
_BYTE_ORDERS = {"<": "<", ">": ">", "|": "<", "=": "<"}
_ARRAY_STATE = 5  # version, shape, type, whether columns come first, bytes
_MATRIX = 2
_MOST_AXES, _MOST_EXTENT = 8, 1 << 62  # the product of more, or of longer numbers, would take its time
_STATE_LENGTHS = (8, 9)  # version, byte order, five fields of structured types, flags; metadata


@final
class PlainDtype:
    """The type of a number in a pickle: a code such as "f8", and a byte order."""

    __slots__ = ("code", "order")

    def __init__(self, code: object = None, align: object = False, copy: object = False) -> None:
        if not isinstance(code, str) or code not in _FORMATS:
            raise ImportDataError(
                f"the pickle holds a number of numpy's type {code!r:.40}; choose from {listed(_FORMATS)}"
            )
        self.code = code
        self.order = "<"

    def __setstate__(self, state: object) -> None:
        if (
            not isinstance(state, tuple)
            or len(state) not in _STATE_LENGTHS
            or state[1] not in _BYTE_ORDERS
            or any(part is not None for part in (*state[2:5], *state[8:]))
        ):
            raise ImportDataError(f"the pickle holds a number of a structured type of numpy's ({state!r:.60})")
        self.order = _BYTE_ORDERS[state[1]]


def plain_scalar(dtype: object, data: object = None) -> float | int | bool:
    """One number of numpy's, as a number of Python's."""
    if not isinstance(dtype, PlainDtype) or not isinstance(data, bytes):
        raise ImportDataError(
            f"the pickle makes a number of {dtype!r:.40} and {data!r:.40}; a plain type and bytes expected"
        )
    layout = struct.Struct(dtype.order + _FORMATS[dtype.code])
    if len(data) != layout.size:
        raise ImportDataError(
            f"the pickle makes a number of type {dtype.code} of {len(data)} bytes; {layout.size} expected"
        )
    number: float | int | bool = layout.unpack(data)[0]
    return number


@final
class PlainArray:
    """An array of numbers in a pickle."""

    __slots__ = ("shape", "values")

    def __init__(self, *_: object) -> None:
        self.shape: tuple[int, ...] = ()
        self.values: list[float | int | bool] = []  #: in the order of rows

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) != _ARRAY_STATE:
            raise ImportDataError(f"the pickle holds an array of numpy's in no form known ({state!r:.60})")
        _, shape, dtype, by_columns, content = state
        if (
            not isinstance(dtype, PlainDtype)
            or not isinstance(content, bytes)
            or not isinstance(shape, tuple)
            or len(shape) > _MOST_AXES
            or not all(type(extent) is int and 0 <= extent < _MOST_EXTENT for extent in shape)
        ):
            raise ImportDataError(f"the pickle holds an array of {dtype!r:.40}; a plain type and bytes expected")
        layout = struct.Struct(dtype.order + _FORMATS[dtype.code])
        if len(content) != prod(shape) * layout.size:
            raise ImportDataError(f"the pickle holds an array of shape {shape} in {len(content)} bytes")
        values = [value for (value,) in layout.iter_unpack(content)]
        if by_columns and len(shape) > 1:
            if len(shape) != _MATRIX:
                raise ImportDataError(f"the pickle holds an array of shape {shape} by columns; a matrix expected")
            values = [values[column * shape[0] + row] for row in range(shape[0]) for column in range(shape[1])]
        self.shape, self.values = shape, values


def plain_encode(text: object, encoding: object = None) -> bytes:
    """Bytes in a pickle of a protocol before 3, which knows none: characters up to 255 in their stead."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise ImportDataError(f"the pickle encodes {text!r:.40} as {encoding!r:.40}; a text in latin1 expected")
    return text.encode("latin-1")


def plain_set(items: object = ()) -> set[Any]:
    """A set of the numbers and texts in a list."""
    if not isinstance(items, list | tuple):
        raise ImportDataError(f"the pickle makes a set of {items!r:.40}; a list expected")
    return set(items)


def plain_ordered_dict(*pairs: object) -> OrderedDict[Any, Any]:
    """An ordered dictionary; a pickle fills it afterwards."""
    if pairs and not (len(pairs) == 1 and isinstance(pairs[0], list | tuple)):
        raise ImportDataError(f"the pickle makes an OrderedDict of {pairs!r:.40}; a list of pairs expected")
    return OrderedDict(*pairs)


PLAIN: Mapping[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): plain_ordered_dict,
    ("builtins", "set"): plain_set,
    ("__builtin__", "set"): plain_set,  # its name of old, which protocols before 3 keep
    ("_codecs", "encode"): plain_encode,
    ("numpy", "dtype"): PlainDtype,
    ("numpy.core.multiarray", "scalar"): plain_scalar,
    ("numpy._core.multiarray", "scalar"): plain_scalar,  # its name since numpy 2
}
"""The names in the pickles of NAS-Bench-201 and its kin -> what stands for them."""

PLAIN_ARRAYS: Mapping[tuple[str, str], Any] = {
    **PLAIN,
    ("numpy", "ndarray"): PlainArray,
    ("numpy.core.multiarray", "_reconstruct"): PlainArray,
    ("numpy._core.multiarray", "_reconstruct"): PlainArray,
}
"""The same, and arrays of numbers."""

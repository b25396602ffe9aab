"""Protocol buffers without their library: the fields of one message, as far as benchmarks need them.

Source: https://protobuf.dev/programming-guides/encoding
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from nasbench_kit.errors import ImportDataError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  #: wire types
_DOUBLE = struct.Struct("<d")


def fields(message: bytes) -> Iterator[tuple[int, int, Any]]:
    """Number, wire type and value of each field of a message, in the order of the bytes.

    Fields of eight bytes are read as a double, the only use that benchmarks make of them. Those of
    four are passed over.

    Raises:
        ImportDataError: The bytes are no message.
    """
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        number, wire = tag >> 3, tag & 7
        if not number:
            raise ImportDataError("a field has the number 0")
        if wire == VARINT:
            value, position = _varint(message, position)
            yield number, wire, value
            continue
        if wire == BYTES:
            n_bytes, position = _varint(message, position)
        elif wire in (FIXED64, FIXED32):
            n_bytes = 8 if wire == FIXED64 else 4
        else:
            raise ImportDataError(f"field {number} has the wire type {wire}; 0, 1, 2 or 5 expected")
        content = message[position : position + n_bytes]
        position += n_bytes
        if len(content) < n_bytes:
            raise ImportDataError(f"field {number} ends after the message")
        if wire == FIXED64:
            yield number, wire, _DOUBLE.unpack(content)[0]
        elif wire == BYTES:
            yield number, wire, content


def _varint(message: bytes, position: int) -> tuple[int, int]:
    """An integer in base 128, least significant digits first, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(message):
            raise ImportDataError("an integer ends after the message")
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ImportDataError("an integer has more than ten bytes")

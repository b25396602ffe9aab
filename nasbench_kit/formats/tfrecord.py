"""TensorFlow's TFRecord files, uncompressed, without TensorFlow.

A record is its length (uint64), the checksum of these eight bytes (uint32), the data, and the checksum of the data
(uint32), all little-endian. The checksum is CRC-32C, rotated and shifted so that a checksum of data that hold checksums
is none by accident.

Source: https://www.tensorflow.org/tutorials/load_data/tfrecord, "TFRecords format details".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO

import google_crc32c

from nasbench_kit.errors import ImportDataError

LARGEST = 1 << 20  #: bytes; a record of a benchmark is a few hundred
_LENGTH = struct.Struct("<Q")
_HEADER = struct.Struct("<8sI")
_CHECKSUM = struct.Struct("<I")


def masked_crc32c(data: bytes) -> int:
    """The checksum of some bytes, as TFRecord files store it."""
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def first_record(head: bytes) -> bytes | None:
    """As much as `head` has of the data of the first record, or None if it is not the beginning of a TFRecord file."""
    if len(head) < _HEADER.size:
        return None
    length, checksum = _HEADER.unpack_from(head)
    return head[_HEADER.size :][: _LENGTH.unpack(length)[0]] if masked_crc32c(length) == checksum else None


def records(file: IO[bytes], name: str) -> Iterator[tuple[int, bytes]]:
    """Each record of a file: the byte that it begins at, and its data. Both checksums of each are compared.

    Args:
        file: Opened for reading, at its beginning.
        name: What to call it in errors.

    Raises:
        ImportDataError: A record is damaged or truncated.
    """
    crc32c = google_crc32c.value
    offset = 0
    while header := file.read(_HEADER.size):
        if len(header) < _HEADER.size:
            raise broken(name, offset, "is truncated: the file ends within its length")
        length, checksum = _HEADER.unpack(header)
        if masked_crc32c(length) != checksum:
            raise broken(name, offset, "is damaged: the checksum of its length does not match")
        (n_bytes,) = _LENGTH.unpack(length)
        if n_bytes > LARGEST:
            raise broken(name, offset, f"has {n_bytes:,} bytes; at most {LARGEST:,} expected")
        data, end = file.read(n_bytes), file.read(_CHECKSUM.size)
        if len(end) < _CHECKSUM.size:
            raise broken(name, offset, f"is truncated: the file ends within its {n_bytes:,} bytes of data")
        crc = crc32c(data)  # `masked_crc32c`, written out: there are millions
        if ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF != _CHECKSUM.unpack(end)[0]:
            raise broken(name, offset, "is damaged: the checksum of its data does not match")
        yield offset, data
        offset += _HEADER.size + n_bytes + _CHECKSUM.size


def broken(name: str, offset: int, what: str) -> ImportDataError:
    """The error for one record of a file."""
    return ImportDataError(f"{name!r}: the record at byte {offset:,} {what}")


class RecordError(ImportDataError):
    """One record of a batch is wrong: that at `position` in it."""

    def __init__(self, position: int, what: str) -> None:
        super().__init__(what)
        self.position = position

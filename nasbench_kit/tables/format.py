"""The file format of tables, reading side: `docs/table-format.md` in code. It needs the standard library alone.

A table is an ordinary HDF5 file. Its user block, the bytes before HDF5's own, holds an index: what the columns mean and
at which offset the bytes of each begin. So a reader maps the file and is done.
"""

from __future__ import annotations

import json
import mmap
import os
import stat
import sys
import zlib
from collections.abc import Sequence
from math import prod
from typing import Any, final

from nasbench_kit.errors import TableError, listed

MAGIC = b"nasbench_kit table "
VERSION = 1  # a reader of this version reads all its minor versions
MINOR = 1
_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_MAX_INDEX_BYTES = 1 << 26

#: dtype in the index -> format character of `memoryview.cast`; all little-endian
DTYPES = {"|u1": "B", "<u2": "H", "<u4": "I", "<u8": "Q", "<i2": "h", "<i4": "i", "<i8": "q", "<f4": "f", "<f8": "d"}
_ITEM_BYTES = {name: int(name[2:]) for name in DTYPES}


@final
class RawColumn:
    """The stored bytes of one column array, mapped, each run of them checked against its checksum when first touched.

    Args:
        mapped: Its bytes.
        dtype: A key of `DTYPES`.
        shape: Its extents.
        checksums: The CRC-32 of each run, four bytes: of the values at one position on the first two of three axes,
            else of all. None where the file has none.
        where: What to call it in an error.
    """

    __slots__ = ("_checked", "_checksums", "_mapped", "_where", "dtype", "shape")

    def __init__(
        self,
        mapped: memoryview,
        dtype: str,
        shape: tuple[int, ...],
        checksums: bytes | None = None,
        where: str = "",
    ) -> None:
        self._mapped, self.dtype, self.shape = mapped, dtype, shape
        self._checksums, self._where = checksums, where
        self._checked: set[int] = set()

    @property
    def raw(self) -> memoryview:
        """All of its bytes.

        Raises:
            TableError: They are not those that were written.
        """
        for run in range(n_runs(self.shape)):
            self._check(run)
        return self._mapped

    def items(self) -> memoryview:
        """All elements, flattened, as Python numbers when indexed."""
        return self._cast(self.raw)

    def run(self, position: int) -> memoryview:
        """The elements of one run, as Python numbers when indexed.

        Raises:
            TableError: Their bytes are not those that were written.
        """
        return self._cast(self._check(position))

    def last(self) -> int | float:
        """The last element, unchecked: for looking at a file without reading it."""
        found: int | float = self._cast(self._mapped[-_ITEM_BYTES[self.dtype] :])[0]
        return found

    def _cast(self, raw: memoryview) -> memoryview:
        return raw.cast(DTYPES[self.dtype])  # type: ignore[call-overload]

    def _check(self, run: int) -> memoryview:
        n_bytes = len(self._mapped) // n_runs(self.shape)
        raw = self._mapped[run * n_bytes : (run + 1) * n_bytes]
        if self._checksums is not None and run not in self._checked:
            if zlib.crc32(raw).to_bytes(4) != self._checksums[4 * run : 4 * run + 4]:
                raise TableError(f"{self._where} is damaged: its checksum does not match; get the file anew")
            self._checked.add(run)
        return raw


def n_runs(shape: Sequence[int]) -> int:
    """How many checksums a column of this shape has: one for each seed and epoch, or one for all of it."""
    return shape[0] * shape[1] if len(shape) == 3 else 1


def encode_checksums(raw: memoryview, shape: Sequence[int]) -> str:
    """The checksums of a column, as the index holds them."""
    n_bytes = len(raw) // n_runs(shape)
    return "".join(f"{zlib.crc32(raw[start : start + n_bytes]):08x}" for start in range(0, len(raw), n_bytes))


def _decode_checksums(text: str, shape: Sequence[int]) -> bytes:
    checksums = bytes.fromhex(text)
    if len(checksums) != 4 * n_runs(shape):
        raise ValueError(f"{len(checksums)} bytes of checksums; {4 * n_runs(shape)} expected")
    return checksums


def encode_index(index: dict[str, Any]) -> bytes:
    """The user block's content (unpadded) for an index."""
    body = json.dumps(index, separators=(",", ":"), ensure_ascii=False).encode()
    return MAGIC + b"%d\n%d %08x\n" % (VERSION, len(body), zlib.crc32(body)) + body


def read_index(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, RawColumn]]:
    """Index and mapped columns of a table file.

    Raises:
        TableError: The file is absent, no table, truncated, damaged in its index, or of a newer version.
    """
    name = os.fspath(path)
    if sys.byteorder != "little":
        raise TableError("tables hold little-endian numbers, which this processor cannot map")
    try:
        if stat.S_ISFIFO(os.stat(name).st_mode):
            raise ValueError("it is a pipe")  # opening it would wait for somebody to write
        with open(name, "rb") as file:
            n_bytes = os.fstat(file.fileno()).st_size
            mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) if n_bytes else memoryview(b"")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise TableError(f"cannot open table {name!r}: {reason}") from None
    index, start = _decode_index(name, mapped)
    try:
        return index, _locate(name, index, mapped, start)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        if isinstance(error, TableError):
            raise
        raise damaged(name, error) from None


def damaged(name: str, error: Exception) -> TableError:
    """The error for an index that has the right checksum and still makes no sense."""
    return TableError(f"{name!r} is no valid table: its index is malformed ({type(error).__name__}: {error})")


def _decode_index(name: str, mapped: memoryview) -> tuple[dict[str, Any], int]:
    head = bytes(mapped[:80])
    if not head.startswith(MAGIC):
        kind = "an HDF5 file without our index" if _HDF5_SIGNATURE in head else f"it begins with {head[:8]!r}"
        raise TableError(
            f"{name!r} is not a nasbench_kit table ({kind}); `nasbench-kit import` or Table.from_frame makes one"
        )
    lines = head.split(b"\n", 2)
    version = lines[0][len(MAGIC) :]
    if version.isdigit() and int(version) > VERSION:
        raise TableError(
            f"{name!r} has table format {int(version)}; this nasbench_kit reads up to {VERSION}: upgrade nasbench_kit"
        )
    try:
        if int(version) != VERSION or len(lines) != 3:
            raise ValueError
        n_bytes, checksum = int(lines[1].split()[0]), int(lines[1].split()[1], 16)
    except (ValueError, IndexError):
        raise TableError(f"{name!r} is damaged: the first lines of its index are unreadable") from None
    start = len(lines[0]) + len(lines[1]) + 2
    if not 0 < n_bytes <= _MAX_INDEX_BYTES:
        raise TableError(
            f"{name!r} is damaged: an index of {n_bytes:,} bytes; at most {_MAX_INDEX_BYTES:,} are allowed"
        )
    body = mapped[start : start + n_bytes]
    if len(body) < n_bytes:
        raise TableError(f"{name!r} is truncated: {len(mapped):,} bytes end within its index")
    if zlib.crc32(body) != checksum:
        raise TableError(f"{name!r} is damaged: the checksum of its index does not match")
    try:
        index = json.loads(bytes(body), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise damaged(name, error) from None
    if not isinstance(index, dict):
        raise damaged(name, TypeError("an object expected"))
    return index, start + n_bytes


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _locate(name: str, index: dict[str, Any], mapped: memoryview, start: int) -> dict[str, RawColumn]:
    n_bytes = index["file_bytes"]
    if len(mapped) < n_bytes:
        raise TableError(f"{name!r} is truncated: {len(mapped):,} of {n_bytes:,} bytes")
    if len(mapped) > n_bytes:
        raise TableError(f"{name!r} is damaged: {len(mapped):,} bytes where {n_bytes:,} were written")
    located = {}
    for path, entry in index["columns"].items():
        dtype, offset = entry["dtype"], int(entry["offset"])
        shape = tuple(int(extent) for extent in entry["shape"])
        if dtype not in DTYPES:
            raise TableError(f"{name!r} is no valid table: column {path} is of {dtype!r}; choose from {listed(DTYPES)}")
        stop = offset + prod(shape) * _ITEM_BYTES[dtype]
        if min(shape, default=0) < 1 or not start <= offset <= stop <= n_bytes:
            raise TableError(f"{name!r} is no valid table: column {path} lies outside the file")
        checksums = _decode_checksums(entry["crc32"], shape) if "crc32" in entry else None
        located[path] = RawColumn(mapped[offset:stop], dtype, shape, checksums, f"{name!r}: column {path}")
    return located

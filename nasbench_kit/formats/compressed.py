"""Compressed files: read whole, with a bound on what they unpack to."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from pathlib import Path

from nasbench_kit.errors import ImportDataError

HEAD_BYTES = 65_536  #: of a file, enough to tell what it is
_GZIP = b"\x1f\x8b"
MOST_UNPACKED = 1 << 28  #: bytes of one file


def unpacked_head(head: bytes) -> bytes:
    """The beginning of what a file that begins so holds, if it is compressed by gzip; of others, `head` itself."""
    if not head.startswith(_GZIP):
        return head
    try:
        return zlib.decompressobj(wbits=31).decompress(head, HEAD_BYTES)
    except zlib.error:
        return b""


def unpacked(path: Path) -> bytes:
    """The content of a file, unpacked if it is compressed by gzip.

    Raises:
        ImportDataError: It is damaged, or unpacks to more than any release holds.
    """
    with open(path, "rb") as file:
        if file.read(len(_GZIP)) != _GZIP:
            file.seek(0)
            return file.read()
        file.seek(0)
        try:
            with gzip.open(file) as packed:
                content = packed.read(MOST_UNPACKED + 1)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ImportDataError(f"{str(path)!r} is damaged ({error!s:.80}); packed by gzip expected") from None
    if len(content) > MOST_UNPACKED:
        raise ImportDataError(f"{str(path)!r} unpacks to more than {MOST_UNPACKED:,} bytes; no release does")
    return content


def unzipped(archive: zipfile.ZipFile, name: str) -> bytes:
    """The content of one file of an archive.

    Raises:
        ImportDataError: It unpacks to more than any release holds.
        KeyError, zipfile.BadZipFile: It is not there, or damaged.
    """
    if archive.getinfo(name).file_size > MOST_UNPACKED:
        raise ImportDataError(f"{name} unpacks to more than {MOST_UNPACKED:,} bytes; no release does")
    return archive.read(name)

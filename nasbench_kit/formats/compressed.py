"""Compressed files, unpacked as far as their own size allows: bytes are counted, what a file says is not believed."""

from __future__ import annotations

import bz2
import gzip
import os
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO, final

from nasbench_kit.errors import ImportDataError
from nasbench_kit.formats.files import open_file, read_file

HEAD_BYTES = 65_536  #: of a file, enough to tell what it is
MOST_UNPACKED = 1 << 28  #: bytes of one file
MOST_TIMES = 200  #: a file may unpack to so many times its size; results, which hardly repeat, to a tenth of that
SPARE = 1 << 22  #: bytes more that it may unpack to, however small
_GZIP, _BZ2 = b"\x1f\x8b", b"BZh"
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # those of wheels, torch and numpy; none unpacks more than asked


def most_unpacked(n_bytes: int, most: int = MOST_UNPACKED) -> int:
    """How much so many bytes of a compressed file may unpack to."""
    return min(most, SPARE + MOST_TIMES * n_bytes)


def unpacked_head(head: bytes) -> bytes:
    """The beginning of what a file that begins so holds, if gzip or bz2 compressed it; of others, `head` itself."""
    try:
        if head.startswith(_GZIP):
            return zlib.decompressobj(wbits=31).decompress(head, HEAD_BYTES)
        if head.startswith(_BZ2):
            return bz2.BZ2Decompressor().decompress(head, HEAD_BYTES)
    except (zlib.error, OSError):
        return b""
    return head


def unpacked(path: Path, most: int = MOST_UNPACKED) -> bytes:
    """The content of a file, unpacked if it is compressed by gzip or bz2.

    Raises:
        ImportDataError: It is damaged, no file, or unpacks to more than its size allows.
        OSError: It is not there, or cannot be read.
    """
    with open_file(path) as file:
        head = file.read(len(_BZ2))
        if not head.startswith((_GZIP, _BZ2)):
            return read_file(path, most)
        file.seek(0)
        allowed = most_unpacked(os.fstat(file.fileno()).st_size, most)
        try:
            with (gzip.open if head.startswith(_GZIP) else bz2.open)(file) as packed:
                content: bytes = packed.read(allowed + 1)
        except (EOFError, zlib.error, OSError, ValueError) as error:
            raise ImportDataError(f"{str(path)!r} is damaged ({error!s:.80}); compressed data expected") from None
    if len(content) > allowed:
        raise ImportDataError(f"{str(path)!r} unpacks to more than {allowed:,} bytes; no release does")
    return content


@final
class UnpackedStream:
    """A file compressed by bz2 that is read in parts: however large, it unpacks to no more than `MOST_TIMES` its size.

    Args:
        file: The compressed file, opened; it is not closed.
        name: What to call it in errors.
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file, self._name = file, name
        self._unpacked = bz2.BZ2File(file)

    def read(self, n: int) -> bytes:
        """Up to `n` more bytes.

        Raises:
            ImportDataError: The file is damaged, or unpacks to more than its size allows.
        """
        try:
            part = self._unpacked.read(n)
            n_unpacked = self._unpacked.tell()
        except (EOFError, OSError, ValueError) as error:
            raise ImportDataError(f"{self._name} is damaged ({error!s:.80}); data compressed by bz2 expected") from None
        if n_unpacked > SPARE + MOST_TIMES * self._file.tell():
            raise ImportDataError(f"{self._name} unpacks to more than {MOST_TIMES} times its size; no release does")
        return part

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to another place in what it unpacks to."""
        return self._unpacked.seek(offset, whence)


def zip_members(path: Path, names: Iterable[str]) -> dict[str, bytes]:
    """The contents of some files of a zip archive, by name.

    Raises:
        ImportDataError: It is no zip archive, damaged, lacks one of them, or unpacks to more than its size allows.
        OSError: It is not there, or cannot be read.
    """
    found: dict[str, bytes] = {}
    name = "its directory"
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        room = most_unpacked(size)
        try:
            with zipfile.ZipFile(file) as archive:
                for name in names:
                    entry = archive.getinfo(name)
                    if entry.compress_type not in _PACKINGS:
                        raise ImportDataError(f"{str(path)!r}: {name} is packed in an unusual way; deflate expected")
                    with archive.open(entry) as member:
                        content = member.read(min(room, most_unpacked(entry.compress_size)) + 1)
                    if len(content) != entry.file_size:
                        said = f"says that it has {entry.file_size:,} bytes, and has {len(content):,} or more"
                        raise ImportDataError(f"{str(path)!r}: {name} {said}; no release does")
                    room -= len(content)
                    found[name] = content
        except ImportDataError:
            raise
        except KeyError:
            raise ImportDataError(f"{str(path)!r} holds no {name}") from None
        except Exception as error:  # a damaged directory makes zipfile raise nearly anything
            raise ImportDataError(f"{str(path)!r} is a damaged zip archive ({name}: {error!s:.80})") from None
    return found

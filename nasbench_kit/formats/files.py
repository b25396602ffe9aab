"""Files opened only where they are files: a pipe would wait, a device never end. Links are followed."""

from __future__ import annotations

import os
import stat
from io import BufferedReader

from nasbench_kit.errors import ImportDataError

MOST_READ = 1 << 28  #: bytes of a file that is read whole


def open_file(path: str | os.PathLike[str]) -> BufferedReader:
    """A file, opened for reading its bytes.

    Raises:
        ImportDataError: It is a folder, a pipe, a socket or a device.
        OSError: It is not there, or cannot be opened.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ImportDataError(f"{os.fspath(path)!r} is a folder, pipe or device; a file expected")
    return open(path, "rb")


def read_file(path: str | os.PathLike[str], most: int = MOST_READ) -> bytes:
    """The content of a file.

    Raises:
        ImportDataError: It is none, or larger than any release has.
        OSError: It is not there, or cannot be read.
    """
    with open_file(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ImportDataError(f"{os.fspath(path)!r} has more than {most:,} bytes; no release does")
    return content

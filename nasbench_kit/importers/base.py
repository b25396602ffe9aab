"""What all importers share: what they are given and return, finding and reading files, recording their origin."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from nasbench_kit.errors import ImportDataError
from nasbench_kit.formats.compressed import HEAD_BYTES
from nasbench_kit.formats.files import open_file, read_file
from nasbench_kit.spaces import Space
from nasbench_kit.tables import DatasetSpec

Progress = Callable[[int, int], None]
"""Called with how much is done, of how much; bytes, files or architectures, as the importer likes."""

_MOST_ENTRIES = 100_000  # looked at to tell what a folder is
_MOST_JSON = 1 << 27  # bytes; the largest of any release has 40 MB


class Content(NamedTuple):
    """What an importer read: the arguments of `Table.create`, but the path."""

    name: str  #: of the table
    space: Space
    datasets: Mapping[str, DatasetSpec]
    archs: object = None  #: in the order of the arrays; None: all of the space in lexicographic order
    about: Mapping[str, Any] = {}  #: `title`, `licence`, `citation`; the sources are added to it
    files: Sequence[Path] = ()  #: what it was read from; all that was given by default
    keyed_by_identity: bool = False  #: whether isomorphic architectures share a row


def files_of(paths: Sequence[Path], pattern: str = "*") -> list[Path]:
    """The files among `paths` and below the folders among them, those in folders sorted by name.

    Raises:
        ImportDataError: There is none.
    """
    found = [file for path in paths for file in (sorted(path.rglob(pattern)) if path.is_dir() else [path])]
    files = [file for file in found if file.is_file()]  # no pipe, which would wait, and no device
    if not files:
        raise ImportDataError(f"{str(paths[0])!r} holds no file {pattern}")
    return files


def head_of(path: Path) -> bytes:
    """The beginning of a file."""
    with open_file(path) as file:
        return file.read(HEAD_BYTES)


def first_file(folder: Path, *patterns: str, depth: int = 0) -> Path | None:
    """Some file that is named like one of the patterns, in a folder or at most `depth` levels below.

    For telling what a folder is: levels are looked at one after the other, and no more than 100,000 names in all, so
    that a folder of anything is soon dismissed.
    """
    named = re.compile("|".join(map(fnmatch.translate, patterns))).match
    level, n_seen = [os.fspath(folder)], 0
    for deeper in range(depth, -1, -1):
        below = []
        for place in level:
            try:
                entries = os.scandir(place)
            except OSError:  # not ours to read
                continue
            with entries:
                for entry in entries:
                    if named(entry.name) and entry.is_file():
                        return Path(entry.path)
                    if deeper and entry.is_dir():
                        below.append(entry.path)
                    n_seen += 1
                    if n_seen == _MOST_ENTRIES:
                        return None
        level = below
    return None


def recognizes_file(file: Path | None, recognizes: Callable[[Path, bytes], bool]) -> bool:
    """Whether a folder's file, found by its name, has the content too."""
    return file is not None and file.is_file() and recognizes(file, head_of(file))


def read_json(path: Path) -> Any:
    """What a file of JSON holds.

    Raises:
        ImportDataError: It holds something else.
    """
    try:
        return json.loads(read_file(path, _MOST_JSON))
    except ImportDataError:
        raise
    except (ValueError, RecursionError) as error:
        raise ImportDataError(f"{str(path)!r} is no readable JSON: {error!s:.80}") from None


def origin(path: Path) -> dict[str, Any]:
    """Name, size and sha256 of a file, or of a folder's files."""
    if not path.is_dir():
        return {"file": path.name, "bytes": path.stat().st_size, "sha256": _sha256(path)}
    files = files_of([path])
    listing = "".join(f"{_sha256(file)}  {file.relative_to(path).as_posix()}\n" for file in files)
    return {"folder": path.name, "files": len(files), "sha256": hashlib.sha256(listing.encode()).hexdigest()}


def _sha256(path: Path) -> str:
    with open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def each(items: Sequence[Any], progress: Progress, every: int = 100) -> Iterable[Any]:
    """The items, one after the other, telling `progress` how far one is."""
    for i, item in enumerate(items):
        if i % every == 0:
            progress(i, len(items))
        yield item
    progress(len(items), len(items))

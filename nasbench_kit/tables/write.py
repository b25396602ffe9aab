"""The file format of tables, writing side. Uses h5py."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import SettingError, TableError, listed
from nasbench_kit.spaces import Space, check_is_space, describe_space
from nasbench_kit.tables.check import check_values
from nasbench_kit.tables.format import DTYPES, MAGIC, MINOR, VERSION, RawColumn, encode_checksums, encode_index
from nasbench_kit.tables.metric import Metric
from nasbench_kit.tables.schema import ARCHS, IDENTITY, KEYS, archs_follow_from_keys, parse_index
from nasbench_kit.tables.spec import ONE_TRAINING, Additive, DatasetSpec, Stored, checked_about
from nasbench_kit.tables.verify import content_hash

_SMALLEST_USER_BLOCK = 4_096  # HDF5 would allow 512
_LARGEST = 2**52  # holds the place of offsets in the index until HDF5 has laid out the file
_ALIGNMENT = 64
_ERRNO = re.compile(r"errno = (\d+)")  # in the messages of HDF5


def write_table(
    path: str | os.PathLike[str],
    *,
    name: str,
    space: Space,
    datasets: Mapping[str, DatasetSpec],
    archs: object = None,
    about: Mapping[str, Any] | None = None,
    keyed_by_identity: bool = False,
) -> None:
    """Write a table file: completely, or not at all.

    Args:
        path: The file to make; a table that is there is replaced, any other file is not.
        name: The first part of its benchmarks' names, which are `name/dataset`.
        space: What the architectures are.
        datasets: The results per dataset.
        archs: The architectures in the order of the arrays' last axis, in any form that `space.parse_many` reads.
            None: all of the space in lexicographic order.
        about: What to record beside the values: `title`, `licence`, `sources` (each with url or package and sha256).
        keyed_by_identity: Whether isomorphic architectures share a row, also where tables of the space usually hold
            them apart: `archs` holds one of each class, and every other member is answered with its values.

    Raises:
        SettingError: The space is none, or `datasets` does not say what to store.
        TableError: Shapes, types or values do not fit the description, or the file cannot be written.
    """
    if not str(name).isprintable():
        raise TableError(f"{name!r} cannot be a name; a text of one line without a slash expected")
    check_is_space(space)
    _check_datasets(datasets)
    check_replaceable(path)
    columns, order = _architectures(space, archs, keyed_by_identity)
    n_archs = len(columns[KEYS]) if KEYS in columns else space.size
    stored: dict[tuple[Any, ...], str] = {}  # which bytes of memory -> where they are stored
    described: dict[str, Any] = {}
    if not datasets:
        raise TableError("a table needs at least one dataset")
    for dataset, spec in datasets.items():
        metrics: dict[str, Any] = {}
        for entry in spec.metrics:
            where = f"/{dataset}/{entry.metric.name}"
            if entry.metric.name in metrics or "/" in entry.metric.name or where.startswith((KEYS, ARCHS)):
                raise TableError(f"{where[1:]}: that name is taken, or holds a slash; rename it")
            description = _describe_metric(entry)
            if isinstance(entry, Stored):
                _check_array(entry, where[1:], n_archs)
                description["column"] = stored.setdefault(_memory(entry.raw), where)
                columns.setdefault(description["column"], entry.raw if order is None else entry.raw[..., order])
            metrics[entry.metric.name] = description
        described[dataset] = {"objective": spec.objective, "metrics": metrics} | _describe_roles(spec)
    meaning = {"name": name, "space": describe_space(space), "about": checked_about(about), "datasets": described}
    if keyed_by_identity and not space.keyed_by_identity:
        meaning["keyed_by"] = IDENTITY
    try:
        meaning = json.loads(json.dumps(meaning, allow_nan=False))
        json.dumps(meaning, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        raise TableError(f"about, or a name, holds what JSON cannot: {error}") from None
    _write(os.fspath(path), meaning, columns)


def check_replaceable(path: str | os.PathLike[str]) -> None:
    """Refuse to put a table in the place of what is none: it may be the only copy of somebody's results.

    Raises:
        TableError: There is a file, and it is neither a table nor empty.
    """
    name = os.fspath(path)
    try:
        if not os.path.isfile(name):
            return  # writing says what is wrong with a folder
        with open(name, "rb") as file:
            head = file.read(len(MAGIC))
    except OSError as error:
        raise TableError(f"cannot write table {name!r}: {error.strerror}") from None
    if head and head != MAGIC:
        raise TableError(f"{name!r} is there and is no table, so it is not replaced; write elsewhere, or remove it")


def _check_datasets(datasets: object) -> None:
    if not isinstance(datasets, Mapping) or not all(isinstance(spec, DatasetSpec) for spec in datasets.values()):
        raise SettingError(f"datasets={datasets!r:.80}; a mapping from dataset to DatasetSpec expected")
    for dataset, spec in datasets.items():
        for entry in spec.metrics if isinstance(spec.metrics, list | tuple) else [spec.metrics]:
            is_stored = isinstance(entry, Stored) and isinstance(entry.raw, np.ndarray)
            if not isinstance(entry, Additive) and not (is_stored and isinstance(entry.metric, Metric)):
                raise SettingError(f"{dataset}: {entry!r:.80} among its metrics; Stored(Metric, array) expected")


def _architectures(
    space: Space, archs: object, keyed_by_identity: bool
) -> tuple[dict[str, NDArray[Any]], NDArray[np.intp] | None]:
    """The columns that say which architectures the rows are, and the order to bring the given ones into."""
    if archs is None:
        archs = space.all_archs()
    batch = space.parse_many(archs)
    keys = space.identity(batch) if keyed_by_identity else space.key_many(batch)
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    twice = np.flatnonzero(keys[1:] == keys[:-1])
    if len(twice):
        first, second = (space.format(batch[order[twice[0] + i]].tolist()) for i in (0, 1))
        same = f", also as {second!r}" if first != second else ""
        raise TableError(f"architecture {first!r} is given twice{same}")
    if not len(keys):
        raise TableError("a table needs at least one architecture")
    columns: dict[str, NDArray[Any]] = {}
    if not archs_follow_from_keys(space, keyed_by_identity or space.keyed_by_identity):
        columns = {KEYS: keys, ARCHS: batch[order]}
    elif len(keys) < space.size:
        columns = {KEYS: keys}
    return columns, None if (order[1:] > order[:-1]).all() else order


def _memory(raw: NDArray[Any]) -> tuple[Any, ...]:
    """Equal for arrays that are the same bytes of memory."""
    return raw.ctypes.data, raw.shape, raw.strides, raw.dtype.str


def _describe_roles(spec: DatasetSpec) -> dict[str, str]:
    """What a dataset says beside its objective, where it is not what it says by default."""
    said = {"epochs_are": spec.epochs_are, "failed": spec.failed, "values_are": spec.values_are}
    return {key: value for key, value in said.items() if value not in (None, ONE_TRAINING)}


def _describe_metric(entry: Stored | Additive) -> dict[str, Any]:
    metric = entry.metric
    description: dict[str, Any] = {"split": metric.split, "unit": metric.unit, "direction": metric.direction}
    description |= {"seeds": _plain(metric.seeds), "epochs": _plain(metric.epochs)}
    if metric.bounds != Metric(*metric[:4], categories=metric.categories).bounds:
        description["bounds"] = [float(bound) if isfinite(bound) else None for bound in metric.bounds]
    if metric.categories:
        description["categories"] = list(metric.categories)
    description["scale"] = list(entry.scale)
    if isinstance(entry, Stored):
        return description | {"missing": entry.missing}
    return description | {"additive": {"intercept": entry.intercept, "weights": dict(entry.weights)}}


def _plain(numbers: Sequence[int]) -> list[int]:
    return [int(number) for number in numbers]  # of numpy, they are not JSON


def _check_array(entry: Stored, where: str, n_archs: int) -> None:
    metric, raw = entry.metric, entry.raw
    shape = (max(len(metric.seeds), 1), max(len(metric.epochs), 1), n_archs)
    if raw.shape != shape:
        raise TableError(f"{where}: values of shape {raw.shape} given; {shape} (seeds, epochs, architectures) expected")
    if raw.dtype.newbyteorder("<").str not in DTYPES:
        raise TableError(f"{where}: values of type {raw.dtype} cannot be stored; choose from {listed(DTYPES)}")


def _write(path: str, meaning: dict[str, Any], columns: dict[str, NDArray[Any]]) -> None:
    columns = {where: np.ascontiguousarray(raw, raw.dtype.newbyteorder("<")) for where, raw in columns.items()}
    mapped = {
        where: RawColumn(raw.reshape(-1).view(np.uint8).data, raw.dtype.str, raw.shape)
        for where, raw in columns.items()
    }
    entries: dict[str, dict[str, Any]] = {
        where: {
            "offset": _LARGEST,
            "dtype": raw.dtype,
            "shape": list(raw.shape),
            "crc32": encode_checksums(raw.raw, raw.shape),
        }
        for where, raw in mapped.items()
    }
    index = meaning | {"minor": MINOR, "sha256": content_hash(meaning, mapped), "file_bytes": _LARGEST}
    index["columns"] = entries
    check_values(parse_index(index, mapped))  # what a reader would refuse is not written
    user_block = max(_SMALLEST_USER_BLOCK, 1 << (len(encode_index(index)) - 1).bit_length())
    with _replacing(path) as partial:
        with h5py.File(
            partial,
            "w",
            userblock_size=user_block,
            libver="latest",
            alignment_threshold=1,
            alignment_interval=_ALIGNMENT,
        ) as file:
            file.attrs["format"] = MAGIC.decode().strip()
            file.attrs["version"] = VERSION
            file.attrs["description"] = json.dumps(meaning, sort_keys=True, ensure_ascii=False)
            for where, raw in columns.items():
                file.create_dataset(where, data=raw)
            file.flush()
            for where, entry in entries.items():
                entry["offset"] = int(file[where].id.get_offset())
        index["file_bytes"] = os.path.getsize(partial)
        encoded = encode_index(index)
        assert len(encoded) <= user_block
        with open(partial, "r+b") as raw_file:
            raw_file.write(encoded)
            raw_file.flush()
            os.fsync(raw_file.fileno())


@contextlib.contextmanager
def _replacing(path: str) -> Iterator[str]:
    """A name beside `path` to write to; it takes the place of `path` at the end, or vanishes on an error."""
    _remove_leftovers(path)
    partial = f"{path}.{os.getpid()}.partial"
    try:
        yield partial
        os.replace(partial, path)
        if os.name == "posix":  # after a loss of power the folder, too, knows the new file
            folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except (OSError, RuntimeError) as error:  # on closing, h5py says by a RuntimeError that the disk is full
        number = getattr(error, "errno", None) or next(map(int, _ERRNO.findall(str(error))), 0)
        reason = os.strerror(number) if number else error
        raise TableError(f"cannot write table {path!r}: {reason}") from None
    finally:
        with contextlib.suppress(OSError):
            os.unlink(partial)


def _remove_leftovers(path: str) -> None:
    """Remove what processes left that were killed while they wrote to `path`."""
    for partial in glob.glob(f"{glob.escape(path)}.*.partial"):
        owner = partial[len(path) + 1 : -len(".partial")]
        if owner.isdigit() and os.name == "posix":
            with contextlib.suppress(OSError):
                try:
                    os.kill(int(owner), 0)
                except (ProcessLookupError, OverflowError):
                    os.unlink(partial)

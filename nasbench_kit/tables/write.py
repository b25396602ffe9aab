"""The file format of tables, writing side, and the check of a whole file. Uses h5py."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import TableError, listed
from nasbench_kit.spaces import Space, describe_space
from nasbench_kit.tables.format import DTYPES, MAGIC, VERSION, encode_index, read_index
from nasbench_kit.tables.metric import Metric
from nasbench_kit.tables.spec import DatasetSpec, Stored, Sum
from nasbench_kit.tables.table import KEYS

_SMALLEST_USER_BLOCK = 512
_OFFSET_DIGITS_SPARE = (
    4_096  # room in the user block for offsets, which are known only after HDF5 has laid out the file
)
_ALIGNMENT = 64


def write_table(
    path: str | os.PathLike[str],
    *,
    name: str,
    space: Space,
    datasets: Mapping[str, DatasetSpec],
    archs: object = None,
    about: Mapping[str, Any] | None = None,
) -> None:
    """Write a table file: completely, or not at all.

    Args:
        path: The file to make; one that exists is replaced.
        name: The first part of its benchmarks' names, which are `name/dataset`.
        space: What the architectures are.
        datasets: The results per dataset.
        archs: The architectures in the order of the arrays' last axis, in any form that `space.parse_many` reads.
            None: all of the space in lexicographic order.
        about: What to record beside the values: `title`, `licence`, `sources` (each with url or package and sha256).

    Raises:
        TableError: Shapes, types or values do not fit the description.
    """
    keys, order = _sorted_keys(space, archs)
    n_archs = space.size if keys is None else len(keys)
    columns: dict[str, NDArray[Any]] = {} if keys is None else {KEYS: keys}
    stored: dict[int, str] = {}  # id of an array -> where it is stored
    described: dict[str, Any] = {}
    if not datasets:
        raise TableError("a table needs at least one dataset")
    for dataset, spec in datasets.items():
        names = [entry.metric.name for entry in spec.metrics]
        if spec.objective not in names:
            raise TableError(f"the objective {spec.objective!r} of {dataset!r} is none of its metrics: {listed(names)}")
        metrics = {}
        for entry in spec.metrics:
            description = _describe_metric(entry.metric)
            if isinstance(entry, Sum):
                sum_ = {"intercept": entry.intercept, "weights": dict(entry.weights)}
                description |= {"additive": sum_, "scale": list(entry.scale)}
            else:
                _check(entry, f"{dataset}/{entry.metric.name}", n_archs)
                if id(entry.raw) not in stored:
                    stored[id(entry.raw)] = f"/{dataset}/{entry.metric.name}"
                    columns[stored[id(entry.raw)]] = entry.raw if order is None else entry.raw[..., order]
                where = stored[id(entry.raw)]
                description |= {"column": where, "scale": list(entry.scale), "missing": entry.missing}
            metrics[entry.metric.name] = description
        described[dataset] = {"objective": spec.objective, "metrics": metrics}
    meaning = {"name": name, "space": describe_space(space), "about": dict(about or {}), "datasets": described}
    _write(os.fspath(path), meaning, columns)


def _sorted_keys(space: Space, archs: object) -> tuple[NDArray[np.uint64] | None, NDArray[np.intp] | None]:
    if archs is None:
        return None, None
    batch = space.parse_many(archs)
    ranks = space.rank_many(batch).astype(np.uint64)
    order = np.argsort(ranks, kind="stable")
    keys = ranks[order]
    twice = np.flatnonzero(keys[1:] == keys[:-1])
    if len(twice):
        raise TableError(f"architecture {space.format(batch[order[twice[0]]].tolist())!r} is given twice")
    if not len(keys):
        raise TableError("a table needs at least one architecture")
    return (None if len(keys) == space.size else keys), order


def _describe_metric(metric: Metric) -> dict[str, Any]:
    description: dict[str, Any] = metric._asdict()
    del description["name"]
    return description | {"seeds": list(metric.seeds), "epochs": list(metric.epochs)}


def _check(entry: Stored, where: str, n_archs: int) -> None:
    metric, raw = entry.metric, entry.raw
    shape = (max(len(metric.seeds), 1), max(len(metric.epochs), 1), n_archs)
    if raw.shape != shape:
        raise TableError(f"{where}: values of shape {raw.shape} given; {shape} (seeds, epochs, architectures) expected")
    if raw.dtype.newbyteorder("<").str not in DTYPES:
        raise TableError(f"{where}: values of type {raw.dtype} cannot be stored; choose from {listed(DTYPES)}")
    if metric.unit == "fraction":
        there = raw[~np.isnan(raw)] if raw.dtype.kind == "f" else raw[raw != entry.missing]
        values = there.astype(np.float64) * entry.scale[0] / entry.scale[1]
        wrong = (values < 0) | (values > 1)
        if wrong.any():
            raise TableError(
                f"{where}: {values[wrong][0]:g} is no fraction; if these are percentages, say so by scale=(1, 100)"
            )


def _write(path: str, meaning: dict[str, Any], columns: dict[str, NDArray[Any]]) -> None:
    columns = {where: np.ascontiguousarray(raw, raw.dtype.newbyteorder("<")) for where, raw in columns.items()}
    index = meaning | {"sha256": _content_hash(meaning, columns)}
    entries: dict[str, dict[str, Any]] = {
        where: {"dtype": raw.dtype.str, "shape": list(raw.shape)} for where, raw in columns.items()
    }
    index["columns"] = entries
    with _replacing(path) as partial:
        room = len(encode_index(index)) + _OFFSET_DIGITS_SPARE
        user_block = max(_SMALLEST_USER_BLOCK, 1 << (room - 1).bit_length())
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
    partial = f"{path}.{os.getpid()}.partial"
    try:
        yield partial
        os.replace(partial, path)
    except OSError as error:
        raise TableError(f"cannot write table {path!r}: {error.strerror or error}") from None
    finally:
        with contextlib.suppress(OSError):
            os.unlink(partial)


def _content_hash(meaning: Mapping[str, Any], columns: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256(json.dumps(meaning, sort_keys=True, ensure_ascii=False).encode())
    for where in sorted(columns):
        raw = columns[where]
        digest.update(f"\n{where} {raw.dtype.str} {list(raw.shape)}\n".encode())
        digest.update(raw.tobytes())
    return digest.hexdigest()


def verify_table(path: str | os.PathLike[str]) -> None:
    """Read a whole table through HDF5; compare with its index and with the hash recorded when it was written.

    Raises:
        TableError: Index, HDF5 structure and content do not agree.
    """
    name = os.fspath(path)
    index, mapped = read_index(path)
    meaning = {key: index[key] for key in ("name", "space", "about", "datasets")}
    try:
        with h5py.File(name, "r") as file:
            if json.loads(str(file.attrs["description"])) != meaning:
                raise TableError(f"{name!r} is damaged: its index and its HDF5 attribute 'description' differ")
            columns = {}
            for where, entry in index["columns"].items():
                stored = file[where]
                if stored.id.get_offset() != entry["offset"] or stored.dtype.str != entry["dtype"]:
                    raise TableError(f"{name!r} is damaged: HDF5 places column {where} elsewhere than the index")
                columns[where] = stored[()]
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        if isinstance(error, TableError):
            raise
        raise TableError(f"{name!r} is damaged: HDF5 cannot read it ({error})") from None
    if _content_hash(meaning, columns) != index["sha256"]:
        raise TableError(
            f"{name!r} is damaged: its content does not have the recorded sha256 {index['sha256'][:12]}..."
        )
    assert set(mapped) == set(columns)

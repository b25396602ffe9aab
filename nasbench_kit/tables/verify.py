"""Whether a whole file is as it was written: first by our own index and hash, then by what HDF5 finds in it.

A damaged file can keep HDF5 busy for ever, or make it crash: so it looks in a process of its own, with a time limit.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from itertools import accumulate
from typing import Any

import numpy as np

from nasbench_kit.errors import NasbenchKitError, TableError
from nasbench_kit.tables.format import RawColumn, read_index
from nasbench_kit.tables.schema import KEYS, parse_index

_HDF5_S = 120.0  # far longer than HDF5 takes to list what is in a file, on the busiest machine
_HDF5_CPU_S = 10  # the same on the processor, which does not depend on what else runs
_CHILD = """
import os, sys
if os.name == "posix":
    import resource
    resource.setrlimit(resource.RLIMIT_CPU, (int(sys.argv[2]), int(sys.argv[2]) + 5))
sys.path[:] = sys.argv[3:]
from nasbench_kit.tables.verify import hdf5_fault
print(hdf5_fault(sys.argv[1]))
"""


def content_hash(meaning: Mapping[str, Any], columns: Mapping[str, RawColumn]) -> str:
    """The sha256 of a table's content, as docs/table-format.md defines it."""
    digest = hashlib.sha256(json.dumps(meaning, sort_keys=True, ensure_ascii=False).encode())
    for where in sorted(columns):
        column = columns[where]
        digest.update(f"\n{where} {column.dtype} {list(column.shape)}\n".encode())
        digest.update(column.raw)
    return digest.hexdigest()


def verify_table(path: str | os.PathLike[str]) -> None:
    """Read a whole table; compare it with its index and with the hash recorded when it was written, then with HDF5's.

    Raises:
        TableError: Index, content and HDF5 structure do not agree.
    """
    name = os.fspath(path)
    verify_content(name)
    command = [sys.executable, "-P", "-c", _CHILD, os.path.abspath(name), str(_HDF5_CPU_S), *filter(None, sys.path)]
    environment = os.environ | {"HDF5_USE_FILE_LOCKING": "FALSE"}  # others may hold the file: it is only read
    try:
        done = subprocess.run(  # noqa: S603 (our own text)
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=_HDF5_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise TableError(f"cannot verify {name!r}: HDF5 was not done with it after {_HDF5_S:g} s") from None
    except OSError as error:
        raise TableError(f"cannot verify {name!r}: no process can be started ({error.strerror})") from None
    if done.returncode == -getattr(signal, "SIGXCPU", 0) < 0:
        raise TableError(f"{name!r} is damaged: HDF5 does not come to an end with it in {_HDF5_CPU_S} s of work")
    if done.returncode < 0:
        raise TableError(f"{name!r} is damaged: HDF5 crashes on it (signal {-done.returncode})")
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise TableError(f"cannot verify {name!r}: {last:.200}")
    fault = done.stdout.decode(errors="replace").strip()
    if fault:
        raise TableError(f"{name!r} is damaged: {fault:.300}")


def verify_content(name: str) -> None:
    """Compare the bytes of a file with its index and its recorded hash, without HDF5.

    Raises:
        TableError: They do not agree.
    """
    index, columns = read_index(name)
    try:
        parse_index(index, columns)
    except NasbenchKitError as error:
        raise TableError(f"{name!r} is no valid table: {error}") from None
    if content_hash(_meaning(index), columns) != index["sha256"]:
        raise TableError(
            f"{name!r} is damaged: its content does not have the recorded sha256 {index['sha256'][:12]}..."
        )
    if KEYS in columns:
        keys = np.frombuffer(columns[KEYS].raw, np.uint64)
        if (keys[1:] <= keys[:-1]).any():
            raise TableError(f"{name!r} is no valid table: its architectures are not in order")


def hdf5_fault(name: str) -> str:
    """What HDF5 finds elsewhere than the index says, in words; empty where they agree. It may never come back."""
    import h5py

    index, _ = read_index(name)
    try:
        with h5py.File(name, "r") as file:
            if json.loads(str(file.attrs["description"])) != _meaning(index):
                return "its index and its HDF5 attribute 'description' differ"
            for where, entry in index["columns"].items():
                if not _is_inside(file, where):
                    return f"column {where} is a link, which is not followed"
                stored = file[where]
                there = stored.id.get_offset(), stored.dtype.str, list(stored.shape)
                if there != (entry["offset"], entry["dtype"], entry["shape"]) or stored.chunks:
                    return f"HDF5 places column {where} elsewhere than the index"
    except (OSError, KeyError, ValueError, RuntimeError, AttributeError, TypeError, RecursionError) as error:
        return f"HDF5 cannot read it ({error})"
    return ""


def _is_inside(file: Any, where: str) -> bool:
    """Whether a path leads to an object of this file, by no link that could lead elsewhere."""
    import h5py

    steps = accumulate(where.strip("/").split("/"), lambda path, step: f"{path}/{step}")
    return all(isinstance(file.get(step, getlink=True), h5py.HardLink) for step in steps)


def _meaning(index: Mapping[str, Any]) -> dict[str, Any]:
    named = ("name", "space", "about", "datasets", "keyed_by")
    return {key: index[key] for key in named if key in index}

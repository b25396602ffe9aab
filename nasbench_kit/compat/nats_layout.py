"""Tables written in the official layouts, so that the original libraries open them.

    write_simple(table, "NATS-tss-v1_0-mine-simple")  # nats_bench.create(..., "tss", fast_mode=True)
    write_release(table, "NATS-tss.pickle.pbz2")      # nats_bench.create(..., "tss")
    write_torch(table, "NAS-Bench-201.pth")           # nas_201_api.NASBench201API(...)

What is written is there complete, or not at all. Values are of plain types, text and numbers: nothing in the files is
code, and all versions of the originals read them.
"""

from __future__ import annotations

import bz2
import os
import pickle
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nasbench_kit.compat.nats_results import ArchResults
from nasbench_kit.compat.nats_source import Source
from nasbench_kit.errors import SettingError
from nasbench_kit.tables import Table

_TORCH_MAGIC, _TORCH_PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
__all__ = ["write_release", "write_simple", "write_torch"]

_TORCH_MACHINE = {
    "protocol_version": _TORCH_PROTOCOL,
    "little_endian": True,
    "type_sizes": {"short": 2, "int": 4, "long": 4},
}


def write_simple(table: Table, folder: str | os.PathLike[str]) -> None:
    """A folder as `NATS-*-simple`: the list of architectures, and one file for each that the table holds.

    Raises:
        SettingError: The table is of another space, or the folder exists.
    """
    source, out = Source(table), Path(folder)
    if out.exists():
        raise SettingError(f"{os.fspath(folder)!r} exists; give a folder that does not")
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out.parent, prefix=f"{out.name}.") as partial:
        made = Path(partial) / out.name
        made.mkdir()
        _dump(_meta(source) | {"arch2infos": None, "evaluated_indexes": set()}, made / "meta.pickle.pbz2")
        for index in source.row_of:
            _dump(_record(source, index), made / f"{index:06d}.pickle.pbz2")
        made.rename(out)


def write_release(table: Table, path: str | os.PathLike[str]) -> None:
    """A file as `NATS-*.pickle.pbz2`. All of it is held in memory.

    Raises:
        SettingError: The table is of another space.
    """
    source = Source(table)
    records = {index: _record(source, index) for index in source.row_of}
    with _replaced(Path(path)) as partial:
        _dump(_meta(source) | {"arch2infos": records, "evaluated_indexes": set(records)}, partial)


def write_torch(table: Table, path: str | os.PathLike[str]) -> None:
    """A file as `NAS-Bench-201-v1_1-096897.pth`, in torch's older container. All of it is held in memory.

    Raises:
        SettingError: The table is of another space, or lacks one of the two settings of training.
    """
    source = Source(table)
    if source.hps != ("12", "200"):
        raise SettingError(
            f"table {table.name!r} has the settings {', '.join(source.hps)}; 12 and 200 of nasbench201 expected"
        )
    records = {}
    for index in source.row_of:
        record = _record(source, index)
        records[index] = {"full": record["200"], "less": record["12"]}
    release = _meta(source) | {"basestr": "C16-N5", "arch2infos": records, "evaluated_indexes": list(records)}
    parts: tuple[Any, ...] = (_TORCH_MAGIC, _TORCH_PROTOCOL, _TORCH_MACHINE, release, [])
    with _replaced(Path(path)) as partial, open(partial, "wb") as file:
        for part in parts:
            pickle.dump(part, file, protocol=2)


def _meta(source: Source) -> dict[str, Any]:
    import numpy as np

    archs = source.space.parse_many(np.arange(source.space.size))
    return {"meta_archs": source.space.format_many(archs), "total_archs": len(archs)}


def _record(source: Source, index: int) -> OrderedDict[str, dict[str, Any]]:
    return OrderedDict((hp, ArchResults(source, index, hp).state_dict()) for hp in source.hps)


@contextmanager
def _replaced(path: Path) -> Iterator[Path]:
    """A file to write, which takes the place of another at the end."""
    with TemporaryDirectory(dir=path.parent, prefix=f"{path.name}.") as folder:
        partial = Path(folder) / path.name
        yield partial
        partial.replace(path)


def _dump(content: Any, path: Path) -> None:
    with bz2.open(path, "wb") as file:
        pickle.dump(content, file, protocol=4)

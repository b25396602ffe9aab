"""Records as rows of a study file: a column is a row, and one that is not there has a default."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from math import isfinite, prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nasbench_kit.simulator import NO_EPOCH, NO_SEED, Records
from nasbench_kit.simulator.records import DTYPES

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_INFLATED = 100  # a run takes no more than so many times its stored bytes
_OVERHEAD = 1_000  # bytes beyond that, for runs of few evaluations
_MOST_SHAPE = 100  # letters

_DTYPES = {name: np.dtype(kind).newbyteorder("<").str for name, kind in DTYPES.items()}  # "<f8", ...
_KINDS = {name: np.dtype(written) for name, written in _DTYPES.items()}
_TWO_AXES = ("archs", "values")

_AS_THEY_ARE = ("archs", "value", "values", "cost_s", "finished_s")  # compressing them saves little and takes long


@lru_cache(maxsize=1_024)
def _same(name: str, n: int, value: float) -> NDArray[Any]:
    """A column that says the same of all evaluations, made once for all runs of this length."""
    return _fixed(np.full(n, value, _KINDS[name]))


@lru_cache(maxsize=1_024)
def _counted(n: int) -> NDArray[Any]:
    return _fixed(np.arange(n, dtype="<i4"))


def _fixed(column: NDArray[Any]) -> NDArray[Any]:
    column.flags.writeable = False  # as those are that were read
    return column


# of a column that a run lacks, from the number of evaluations and the columns that it has or that come before
_DEFAULTS: dict[str, Callable[[int, Mapping[str, Any]], Any]] = {
    "trial": lambda n, _: _counted(n),
    "epoch": lambda n, _: _same("epoch", n, NO_EPOCH),
    "seed": lambda n, _: _same("seed", n, NO_SEED),
    "values": lambda _, there: there["value"][:, None],
    "violation": lambda n, _: _same("violation", n, 0.0),
    "failed": lambda n, _: _same("failed", n, False),
    "cost_s": lambda n, _: _same("cost_s", n, np.nan),
    "finished_s": lambda _, there: np.cumsum(there["cost_s"]),  # one worker without a pause, on a clock of seconds
    "started_s": lambda _, there: np.concatenate([[0.0], there["finished_s"]])[:-1],  # likewise
    "worker": lambda n, _: _same("worker", n, 0),
    "optimizer_s": lambda n, _: _same("optimizer_s", n, np.nan),
}
_REQUIRED = tuple(name for name in Records._fields if name not in _DEFAULTS)
_NEEDS = ("value", "cost_s", "finished_s")  # what is checked, or stands for others
_EMPTY = {name: np.zeros((0, 0) if name in _TWO_AXES else 0, kind) for name, kind in _KINDS.items()}


class Column(NamedTuple):
    """A row of the table `columns`, but for its run."""

    name: str
    dtype: str  #: as numpy writes it, little-endian: "<f8", "<i8", "<i4", "|u1", "|b1"
    shape: str  #: JSON: [n_evaluations] or [n_evaluations, n]
    data: bytes  #: compressed by zlib


def pack(records: Records) -> tuple[Column, ...]:
    """The columns of a run that are not what stands for an absent one."""
    there, n = records._asdict(), len(records.value)
    contents = {name: values.astype(_KINDS[name], copy=False).tobytes() for name, values in there.items()}
    stored = [
        name
        for name in there
        if name not in _DEFAULTS
        or contents[name] != _DEFAULTS[name](n, there).astype(_KINDS[name], copy=False).tobytes()
    ]
    packed = {name: zlib.compress(contents[name], 0 if name in _AS_THEY_ARE else 1) for name in stored}
    if sum(len(contents[name]) for name in stored) > MOST_INFLATED * sum(map(len, packed.values())):
        packed = {name: zlib.compress(contents[name], 0) for name in stored}
    return tuple(Column(name, _DTYPES[name], json.dumps(there[name].shape), packed[name]) for name in stored)


def unpack(columns: Iterable[Column], n_evaluations: int, fields: Sequence[str] = Records._fields) -> Records:
    """The records of a run; columns of other names than ours are passed over.

    Args:
        columns: As `pack` made them.
        n_evaluations: Of the run.
        fields: Those of records that are needed; the others are empty, which saves half of the time.

    Raises:
        ValueError, TypeError, zlib.error, MemoryError: They are damaged, or would take more memory than what was
            stored can stand for.
    """
    ours = {column.name: column for column in columns if column.name in _DTYPES}
    shapes = {name: _checked_shape(name, one.dtype, one.shape, n_evaluations) for name, one in ours.items()}
    n_bytes = sum(prod(shape) * _KINDS[name].itemsize for name, shape in shapes.items())
    n_stored = sum(len(column.data) for column in ours.values())
    if n_bytes > MOST_INFLATED * n_stored + _OVERHEAD:
        raise ValueError(f"{n_stored:,} bytes cannot hold {n_bytes:,}")
    for name in _REQUIRED:
        if name not in ours:
            raise ValueError(f"there is no {name}")
    if n_evaluations and "finished_s" not in ours and "cost_s" not in ours:
        raise ValueError("there is no finished_s")
    needed = {*fields, *_NEEDS}
    arrays = {name: _array(column, shapes[name]) for name, column in ours.items() if name in needed}
    for name, default in _DEFAULTS.items():
        if name not in arrays and name in needed:
            arrays[name] = default(n_evaluations, arrays)
    finished_s = arrays["finished_s"]
    # what never falls, from a finite number to one, has no other between; NaN is not as large as anything
    if n_evaluations and not (isfinite(finished_s[0]) and isfinite(finished_s[-1]) and _never_falls(finished_s)):
        raise ValueError("finished_s does not rise")
    return Records(**(_EMPTY | arrays))


def _never_falls(numbers: NDArray[np.float64]) -> bool:
    return bool((numbers[1:] >= numbers[:-1]).all())


@lru_cache(maxsize=4_096)
def _length(n: int) -> bytes:
    return n.to_bytes(8, "little")


def digest_of(*parts: str | bytes) -> str:
    """SHA-256 over the parts, each behind its length in bytes (8 bytes, little-endian)."""
    pieces: list[bytes] = []
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        pieces += (_length(len(content)), content)
    return hashlib.sha256(b"".join(pieces)).hexdigest()


def digest_of_run(
    identity: str, run_seed: int, versions: str, n_evaluations: int, failure: str | None, columns: Iterable[Column]
) -> str:
    """SHA-256 over all that a run is and whose it is."""
    ordered = sorted(columns)
    parts = [part for column in ordered for part in column]
    failed = () if failure is None else (failure,)
    return digest_of(identity, str(run_seed), versions, str(n_evaluations), str(len(ordered)), *parts, *failed)


@lru_cache(maxsize=4_096)
def _checked_shape(name: str, dtype: str, text: str, n_evaluations: int) -> tuple[int, ...]:
    if dtype != _DTYPES[name]:
        raise ValueError(f"{name} is of dtype {dtype!r:.20}; {_DTYPES[name]} expected")
    shape: Any = json.loads(text) if isinstance(text, str) and len(text) <= _MOST_SHAPE else None
    n_axes = 1 + (name in _TWO_AXES)
    is_shape = isinstance(shape, list) and len(shape) == n_axes and all(type(n) is int and n >= 0 for n in shape)
    if not is_shape or shape[0] != n_evaluations:
        raise ValueError(f"{name} has not the shape of {n_evaluations} evaluations")
    return tuple(shape)


def _array(column: Column, shape: tuple[int, ...]) -> NDArray[Any]:
    if not isinstance(column.data, bytes):
        raise ValueError(f"{column.name} is no bytes")
    n_bytes = prod(shape) * _KINDS[column.name].itemsize
    inflater = zlib.decompressobj()
    data = inflater.decompress(column.data, n_bytes + 1)  # never more than expected, whatever the file says
    if len(data) != n_bytes or not inflater.eof or inflater.unused_data:
        raise ValueError(f"{column.name} has not the {n_bytes} bytes expected")
    if column.dtype == "|b1" and data.strip(b"\0\1"):
        raise ValueError(f"{column.name} is not true or false")
    return np.frombuffer(data, _KINDS[column.name]).reshape(shape)

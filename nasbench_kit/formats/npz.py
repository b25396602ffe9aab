"""Numpy's archives of arrays, `.npz`: what their headers say is compared with what is there."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import ImportDataError
from nasbench_kit.formats.compressed import zip_members

_MAGIC = b"\x93NUMPY"
_LENGTH_BYTES = {1: 2, 2: 4, 3: 4}  # version -> bytes that say how long the header is
_MOST_HEADER, _MOST_AXES, _MOST_EXTENT = 10_000, 8, 1 << 62


def read_npz(path: Path, names: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Some of the arrays of numbers in an archive, by name.

    Raises:
        ImportDataError: It is no such archive, is damaged, or lacks one of them.
        OSError: It is not there, or cannot be read.
    """
    contents = zip_members(path, [f"{name}.npy" for name in names])
    return {name.removesuffix(".npy"): _array(content, f"{str(path)!r}: {name}") for name, content in contents.items()}


def _array(content: bytes, where: str) -> NDArray[Any]:
    try:
        if not content.startswith(_MAGIC):
            raise ValueError("no array of numpy's")
        start = len(_MAGIC) + 2 + _LENGTH_BYTES[content[len(_MAGIC)]]
        length = int.from_bytes(content[len(_MAGIC) + 2 : start], "little")
        if length > _MOST_HEADER:
            raise ValueError(f"a header of {length:,} bytes")
        header = ast.literal_eval(content[start : start + length].decode("latin-1").strip())
        shape, dtype = header["shape"], np.dtype(header["descr"])
        if len(shape) > _MOST_AXES or not all(type(n) is int and 0 <= n < _MOST_EXTENT for n in shape):
            raise ValueError(f"an array of shape {shape!r:.40}")
        if dtype.kind not in "biuf":
            raise ValueError(f"an array of {dtype!s:.40}")
        if prod(shape) * dtype.itemsize != len(content) - start - length:
            raise ValueError(f"an array of {dtype} of shape {shape} in {len(content) - start - length:,} bytes")
        array = np.frombuffer(content, dtype, offset=start + length)
    except Exception as error:  # damaged bytes make the parser of Python raise nearly anything
        raise ImportDataError(f"{where} is damaged ({error!s:.80}); numbers expected") from None
    return array.reshape(shape, order="F" if header.get("fortran_order") else "C")

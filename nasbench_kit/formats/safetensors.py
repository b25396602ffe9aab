"""Safetensors files: a header that says where each array lies, then the arrays. Reading needs numpy alone."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING, Any

from nasbench_kit.errors import TableError, listed
from nasbench_kit.formats.files import read_file
from nasbench_kit.optional import require

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1", "U8": "|u1"}
_LENGTH = 8  # bytes that say how long the header is
_MOST_HEADER = 1 << 24
_MOST_AXES = 8


def read_tensors(path: str | os.PathLike[str]) -> dict[str, NDArray[Any]]:
    """The arrays of a safetensors file, by name.

    Raises:
        TableError: The file is absent, truncated or no such file.

    Source: https://github.com/huggingface/safetensors, section Format.
    """
    import numpy as np

    try:
        content = read_file(path)
        length = int.from_bytes(content[:_LENGTH], "little")
        if not 1 < length <= min(_MOST_HEADER, len(content) - _LENGTH):
            raise ValueError(f"a header of {length} bytes")
        header = json.loads(content[_LENGTH : _LENGTH + length])
        body = memoryview(content)[_LENGTH + length :]
        found: dict[str, NDArray[Any]] = {}
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            if entry["dtype"] not in list(_TYPES):
                raise ValueError(
                    f"tensor {name!r:.40} is of dtype {entry['dtype']!r:.20}; this version reads {listed(_TYPES)}"
                )
            (start, end), shape, dtype = entry["data_offsets"], entry["shape"], np.dtype(_TYPES[entry["dtype"]])
            if len(shape) > _MOST_AXES or not all(type(n) is int and 0 <= n <= len(body) for n in (start, end, *shape)):
                raise ValueError(f"tensor {name!r:.40} has the shape {shape!r:.40}")
            if not 0 <= start <= end <= len(body) or end - start != prod(shape) * dtype.itemsize:
                raise ValueError(f"tensor {name!r:.40} does not fit")
            found[name] = np.frombuffer(body[start:end], dtype).reshape(shape)
    except OSError as error:
        raise TableError(f"cannot read {os.fspath(path)!r}: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise TableError(f"{os.fspath(path)!r} is no safetensors file, or damaged: {error!s:.200}") from None
    return found


def write_tensors(path: str | os.PathLike[str], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays to a safetensors file; the same arrays give the same bytes. Needs the safetensors package."""
    import numpy as np

    save = require("safetensors.numpy", "fit").save
    content = save({name: np.asarray(arrays[name], order="C") for name in sorted(arrays)})
    with open(path, "wb") as file:  # `save_file` makes files that only their owner may read
        file.write(content)

"""Networks in ONNX files, run by onnxruntime on one processor, in batches of any size where the network allows."""

from __future__ import annotations

from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import DataError, ImportDataError
from nasbench_kit.formats.protobuf import BYTES, fields
from nasbench_kit.optional import require

_GRAPH, _INPUT, _OUTPUT = 7, 11, 12  # numbers of fields in onnx.proto: ModelProto.graph, GraphProto.input and .output
_ONE = b"\x0a\x02\x08\x01"  # TensorShapeProto.dim { dim_value: 1 }
_ANY = b"\x0a\x02\x12\x00"  # TensorShapeProto.dim { dim_param: "" }
_TYPES = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}  # all else is float32


@final
class OnnxNetwork:
    """A network that gives one array, with a row per row of its inputs.

    Args:
        content: What is in its file.
        where: What to call the file in messages.

    Attributes:
        inputs: Name -> how many numbers it reads of each row.
        outputs: How many numbers each of its outputs has per row.

    Raises:
        DataError: onnxruntime does not read it.
        SettingError: The package onnxruntime is not installed.
    """

    def __init__(self, content: bytes, where: str) -> None:
        runtime = require("onnxruntime", "onnx")
        options = runtime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = 1  # layers are small: more threads wait for each other
        try:
            self._session = runtime.InferenceSession(
                _of_any_batch(content), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime has its own, and many
            raise DataError(f"{where!r} is no network that onnxruntime reads: {_one_line(error)}") from None
        self._where, read = where, self._session.get_inputs()
        self.inputs = {one.name: _width(one) for one in read}
        self.outputs = list(map(_width, self._session.get_outputs()))
        self._types = {one.name: _TYPES.get(one.type, np.float32) for one in read}
        self._any_batch = all(not isinstance(one.shape[0], int) for one in read if one.shape)

    def run(self, **inputs: NDArray[np.generic]) -> NDArray[np.float64]:
        """Compute its first output for (n_rows, ...) of each input, as the type that it reads.

        Raises:
            DataError: It fails, or gives what is not a row of finite numbers per row.
        """
        given = {name: rows.astype(self._types[name]) for name, rows in inputs.items()}
        n_rows = len(next(iter(given.values())))
        step = n_rows if self._any_batch else 1
        try:
            parts = [
                self._session.run(None, {name: rows[start : start + step] for name, rows in given.items()})[0]
                for start in range(0, n_rows, step)
            ]
        except Exception as error:  # onnxruntime has its own, and many
            raise DataError(f"{self._where!r} cannot be run: {_one_line(error)}") from None
        found = np.concatenate(parts)
        if found.shape != (n_rows, self.outputs[0]) or not np.isfinite(found).all():
            raise DataError(f"{self._where!r} gives what is not {self.outputs[0]} finite numbers per row")
        return found.astype(np.float64)


def _width(tensor: Any) -> object:
    """Say how long its last axis is: a number where the file says so."""
    return tensor.shape[-1] if tensor.shape else None


def _of_any_batch(model: bytes) -> bytes:
    """Leave the size of a batch open, which was fixed to 1 where the network was exported.

    That is right for networks in which nothing depends on it: each row is looked up and multiplied for itself. Files of
    another form are left as they are.
    """
    try:
        (graph,) = [content for number, wire, content in fields(model) if (number, wire) == (_GRAPH, BYTES)]
        ends = [content for number, wire, content in fields(graph) if number in (_INPUT, _OUTPUT) and wire == BYTES]
    except (ImportDataError, ValueError):
        return model
    for end in ends:
        if model.count(end) == 1:
            model = model.replace(end, end.replace(_ONE, _ANY, 1))
    return model


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]

"""NASLib's copy of NAS-Bench-101: a pickle of what the original library answers per cell. Nothing in it is executed.

It maps a hash to a pair: matrix, operations and parameters; and budget -> a list of repeats, each with four numbers
halfway and four at the end. The published file has the budget of 108 epochs alone.

Source: automl/NASLib, `naslib/utils/nb101_api.py`, and its 30 cells for tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, final

from nasbench_kit.errors import ImportDataError
from nasbench_kit.importers.plain_pickle import read_plain_pickle

_QUANTITIES = ("training_time", "train_accuracy", "validation_accuracy", "test_accuracy")
_INTEGERS = {"i1": 1, "i2": 2, "i4": 4, "i8": 8, "u1": 1, "b1": 1}  # numpy's name of a type -> bytes


class PickledRun(NamedTuple):
    """One training run of one cell."""

    module_hash: str
    adjacency: str  #: the matrix row by row
    operations: str  #: separated by commas
    params: int
    budget: int
    evaluations: list[list[float]]  #: halfway, at the end: seconds, accuracy in training, validation and test


@final
class _Dtype:
    """Stands for numpy's."""

    def __init__(self, kind: str, *_: object) -> None:
        self.kind = kind

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.little = state[1] in "<|"


@final
class _Array:
    """Stands for numpy's, as far as matrices of small integers need it."""

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, self.shape, self.dtype, self.by_columns, self.content = state

    def text(self) -> str:
        """The entries, row by row."""
        size = _INTEGERS[self.dtype.kind]
        n, n_columns = self.shape
        if n != n_columns or len(self.content) != n * n * size:
            raise ValueError(f"a matrix of shape {self.shape} in {len(self.content)} bytes")
        little = size == 1 or self.dtype.little
        starts = range(0, len(self.content), size)
        entries = [int.from_bytes(self.content[i : i + size], "little" if little else "big") for i in starts]
        if self.by_columns:
            entries = [entries[column * n + row] for row in range(n) for column in range(n)]
        return "".join(map(str, entries))


_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
}


def recognizes(head: bytes) -> bool:
    """Whether a file that begins so is NASLib's pickle."""
    return head.startswith(b"\x80") and b"module_adjacency" in head and b"halfway_training_time" in head


def pickled_runs(path: Path) -> Iterator[PickledRun]:
    """The training runs in a file, in its order.

    Raises:
        ImportDataError: It is damaged, hostile, or something else.
    """
    name = repr(str(path))
    with open(path, "rb") as file:
        cells = read_plain_pickle(file, name, _ALLOWED)
        if file.read(1):
            raise ImportDataError(f"{name}: something follows the pickle; its end expected")
    if not isinstance(cells, dict) or not cells:
        raise ImportDataError(f"{name} holds no cells; a dictionary from hash to results expected")
    while cells:  # what was read is forgotten, cell by cell
        module_hash = next(iter(cells))
        entry = cells.pop(module_hash)
        try:
            fixed, computed = entry
            matrix, operations = fixed["module_adjacency"], ",".join(fixed["module_operations"])
            adjacency = matrix.text() if isinstance(matrix, _Array) else _text_of(matrix)
            params = fixed["trainable_parameters"]
            if type(params) is not int or not 0 <= params < 1 << 31 or not isinstance(module_hash, str):
                raise TypeError(f"{params!r:.40} trainable parameters")
            runs = [
                PickledRun(module_hash, adjacency, operations, params, budget, _evaluations(run))
                for budget, repeats in computed.items()
                for run in repeats
            ]
        except (TypeError, ValueError, LookupError, AttributeError) as error:
            what = f"{type(error).__name__}: {error}"
            raise ImportDataError(f"{name}: cell {module_hash!r:.40} is not as NASLib keeps it ({what:.100})") from None
        yield from runs


def _text_of(rows: list[list[int]]) -> str:
    return "".join(str(int(entry)) for row in rows for entry in row)


def _evaluations(run: dict[str, float]) -> list[list[float]]:
    found = [[run[f"{when}_{quantity}"] for quantity in _QUANTITIES] for when in ("halfway", "final")]
    if not all(isinstance(number, float) for numbers in found for number in numbers):
        raise TypeError(f"{found!r:.60}; numbers expected")
    return found

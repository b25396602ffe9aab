"""NASLib's copy of NAS-Bench-101: a pickle of what the original library answers per cell. Nothing in it is executed.

It maps a hash to a pair: matrix, operations and parameters; and budget -> a list of repeats, each with four numbers
halfway and four at the end. The published file has the budget of 108 epochs alone.

Source: automl/NASLib, `naslib/utils/nb101_api.py`, and its 30 cells for tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from nasbench_kit.errors import ImportDataError
from nasbench_kit.formats.files import open_file
from nasbench_kit.formats.numpy_pickles import PLAIN_ARRAYS, PlainArray
from nasbench_kit.formats.pickles import read_plain_pickle

_MOST_NODES = 7
_QUANTITIES = ("training_time", "train_accuracy", "validation_accuracy", "test_accuracy")


class PickledRun(NamedTuple):
    """One training run of one cell."""

    module_hash: str
    adjacency: str  #: the matrix row by row
    operations: str  #: separated by commas
    params: int
    budget: int
    evaluations: list[list[float]]  #: halfway, at the end: seconds, accuracy in training, validation and test


def recognizes(head: bytes) -> bool:
    """Whether a file that begins so is NASLib's pickle."""
    return head.startswith(b"\x80") and b"module_adjacency" in head and b"halfway_training_time" in head


def pickled_runs(path: Path) -> Iterator[PickledRun]:
    """The training runs in a file, in its order.

    Raises:
        ImportDataError: It is damaged, hostile, or something else.
    """
    name = repr(str(path))
    with open_file(path) as file:
        cells = read_plain_pickle(file, name, PLAIN_ARRAYS)
        if file.read(1):
            raise ImportDataError(f"{name}: something follows the pickle; its end expected")
    if not isinstance(cells, dict) or not cells:
        raise ImportDataError(f"{name} holds no cells; a dictionary from hash to results expected")
    while cells:  # what was read is forgotten, cell by cell
        module_hash = next(iter(cells))
        entry = cells.pop(module_hash)
        try:
            fixed, computed = entry
            if len(fixed["module_operations"]) > _MOST_NODES:
                raise ValueError(f"{len(fixed['module_operations'])} operations")
            matrix, operations = fixed["module_adjacency"], ",".join(fixed["module_operations"])
            adjacency = _text_of(matrix)
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


def _text_of(matrix: PlainArray | list[list[int]]) -> str:
    """The entries, row by row."""
    if isinstance(matrix, PlainArray):
        if len(matrix.shape) != 2 or matrix.shape[0] != matrix.shape[1]:
            raise ValueError(f"a matrix of shape {matrix.shape}")
        entries = matrix.values
    else:
        entries = [entry for row in matrix for entry in row]
    if not all(isinstance(entry, int) for entry in entries):
        raise TypeError("a matrix of other than integers")
    return "".join(str(int(entry)) for entry in entries)


def _evaluations(run: dict[str, float]) -> list[list[float]]:
    found = [[run[f"{when}_{quantity}"] for quantity in _QUANTITIES] for when in ("halfway", "final")]
    if not all(isinstance(number, float) for numbers in found for number in numbers):
        raise TypeError(f"{found!r:.60}; numbers expected")
    return found

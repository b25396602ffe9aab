"""CSV files of results, plain or compressed by gzip: a header, then a row per architecture."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import ImportDataError, listed

_GZIP = b"\x1f\x8b"


def csv_header(head: bytes) -> list[str]:
    """The names in the first line of a file that begins so; none where that is no text."""
    if head.startswith(_GZIP):
        try:
            head = zlib.decompressobj(wbits=31).decompress(head, 65_536)
        except zlib.error:
            return []
    line, newline, _ = head.partition(b"\n")
    if not newline:
        return []
    try:
        return next(csv.reader([line.decode("utf-8-sig").rstrip("\r")]), [])
    except (UnicodeDecodeError, csv.Error):
        return []


def read_csv_columns(path: Path, needed: Sequence[str]) -> dict[str, list[str]]:
    """The columns of a file, as text.

    Raises:
        ImportDataError: It is damaged, a row has more or fewer cells than the header, or a needed column is missing.
    """
    try:
        with path.open("rb") as raw, _text(raw) as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            missing = [name for name in needed if name not in header]
            if missing or len(set(header)) != len(header):
                raise ImportDataError(
                    f"{path.name} has the columns {listed(header)}; {listed(missing or needed)} expected, each once"
                )
            rows = list(reader)
    except (EOFError, zlib.error, gzip.BadGzipFile, UnicodeDecodeError, csv.Error) as error:
        raise ImportDataError(f"{path.name} is a damaged CSV file: {error}") from None
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise ImportDataError(f"{path.name}, row {number} has {len(row)} cells; {len(header)} expected")
    if not rows:
        raise ImportDataError(f"{path.name} holds no rows; one per architecture expected")
    return dict(zip(header, map(list, zip(*rows, strict=True)), strict=True))


def _text(raw: IO[bytes]) -> IO[str]:
    compressed = raw.read(2) == _GZIP
    raw.seek(0)
    if compressed:
        return io.TextIOWrapper(gzip.GzipFile(fileobj=raw), "utf-8-sig", newline="")
    return io.TextIOWrapper(raw, "utf-8-sig", newline="")


def numbers(columns: Mapping[str, Sequence[str]], name: str, file: str) -> NDArray[np.float64]:
    """One column as numbers: float64 (n_rows,); an empty cell is NaN.

    Raises:
        ImportDataError: Some other cell is no number.
    """
    values = np.empty(len(columns[name]))
    for row, cell in enumerate(columns[name]):
        try:
            values[row] = float(cell) if cell else np.nan
        except ValueError:
            raise ImportDataError(f"{file}, row {row + 2}: {name} is {cell!r:.40}; a number expected") from None
    return values


def exact(values: NDArray[np.float64]) -> NDArray[np.float32] | NDArray[np.float64]:
    """The same numbers in half the space, where that loses nothing."""
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
    return single if np.array_equal(single, values, equal_nan=True) else values

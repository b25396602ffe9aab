"""CSV files of results, plain or compressed by gzip: a header, then a row per architecture."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import ImportDataError, listed
from nasbench_kit.formats.compressed import unpacked, unpacked_head


def csv_header(head: bytes) -> list[str]:
    """The names in the first line of a file that begins so; none where that is no text."""
    line, newline, _ = unpacked_head(head).partition(b"\n")
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
    return parse_csv(unpacked(path), needed, path.name)


def parse_csv(content: bytes, needed: Sequence[str], file: str) -> dict[str, list[str]]:
    """The columns of a file of this content, as text.

    Raises:
        ImportDataError: As `read_csv_columns`.
    """
    try:
        reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        header = next(reader, [])
        missing = [name for name in needed if name not in header]
        if missing or len(set(header)) != len(header):
            raise ImportDataError(
                f"{file} has the columns {listed(header)}; {listed(missing or needed)} expected, each once"
            )
        rows: list[list[str]] = []
        for row in reader:
            if len(row) != len(header):
                number = len(rows) + 2
                raise ImportDataError(f"{file}, row {number} has {len(row)} cells; {len(header)} expected")
            rows.append(row)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ImportDataError(f"{file} is a damaged CSV file: {error!s:.80}") from None
    if not rows:
        raise ImportDataError(f"{file} holds no rows; one per architecture expected")
    return dict(zip(header, map(list, zip(*rows, strict=True)), strict=True))


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

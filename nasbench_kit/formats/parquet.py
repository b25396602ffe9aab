"""Parquet files by pyarrow, as columns of Python's values, no larger than the size of the file allows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from nasbench_kit.errors import ImportDataError
from nasbench_kit.formats.compressed import most_unpacked
from nasbench_kit.formats.files import open_file


def read_parquet_columns(path: Path) -> dict[str, list[Any]]:
    """The columns of a file, by name. Needs pyarrow.

    Raises:
        ImportDataError: It unpacks to more than its size allows, or is no file.
        OSError, ValueError: It is not there, cannot be read, or is damaged.
        ImportError: There is no pyarrow.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with open_file(path) as file:
        parquet = pq.ParquetFile(file)
        about, schema = parquet.metadata, parquet.schema_arrow
        allowed = most_unpacked(os.fstat(file.fileno()).st_size)
        n_bytes = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
        if max(n_bytes, about.num_rows * about.num_columns) > allowed:
            raise ImportDataError(
                f"{str(path)!r} unpacks to {about.num_rows:,} rows of {about.num_columns:,} columns in {n_bytes:,}"
                f" bytes, more than {allowed:,}; no results of its size do"
            )
        kinds = (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())
        texts = [field.name for field in schema if field.type in kinds]  # a long one may stand in every row
        table = pq.ParquetFile(file, read_dictionary=texts).read()
    return {name: _values(table.column(name)) for name in table.column_names}


def _values(column: Any) -> list[Any]:
    """The values of a column; the same text is the same object wherever it stands."""
    found: list[Any] = []
    for chunk in column.chunks:
        if hasattr(chunk, "dictionary"):
            texts = chunk.dictionary.to_pylist()
            found += [None if i is None else texts[i] for i in chunk.indices.to_pylist()]
        else:
            found += chunk.to_pylist()
    return found

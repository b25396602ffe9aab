"""Rows as columns, some at a time: written to CSV and Parquet in bounded memory, or joined into a pandas frame."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nasbench_kit.errors import NasbenchKitError, SettingError
from nasbench_kit.jobs import replacing
from nasbench_kit.optional import require

if TYPE_CHECKING:
    from os import PathLike

    from numpy.typing import NDArray

_GROUP = 1 << 17  # rows of a group of a Parquet file
_ZSTD = 3  # level


class Texts(NamedTuple):
    """A column of texts that repeat."""

    codes: NDArray[np.int32]  #: (n_rows,), positions in `texts`; -1 for none
    texts: Sequence[str]

    @classmethod
    def same(cls, text: str | None, n_rows: int) -> Texts:
        """The same text, or none, in every row."""
        return cls(np.full(n_rows, -(text is None), np.int32), [] if text is None else [text])


Column = Any
"""`Texts`, or an array (n_rows,); a masked one, where some rows have no value."""

Rows = Mapping[str, Column]
"""Some rows: column -> its values."""

Kinds = Mapping[str, str]
"""Column -> "text", "int", "float" or "bool"."""

_DTYPES = {"int": np.int64, "float": np.float64, "bool": np.bool_}


def write_rows(path: str | PathLike[str], kinds: Kinds, chunks: Iterable[Rows]) -> int:
    """Write rows to a .csv or .parquet file, completely or not at all.

    In CSV an empty cell stands for no value, and truth is written true and false. Parquet keeps texts as dictionaries.

    Args:
        path: The file.
        kinds: The columns, in order.
        chunks: The rows.

    Returns:
        How many rows were written.

    Raises:
        SettingError: The name ends otherwise, the file cannot be written, or there is no pyarrow for Parquet.
    """
    write = _WRITERS[check_ending(path)]
    try:
        with replacing(path) as partial:
            return write(partial, kinds, chunks)
    except NasbenchKitError:
        raise  # of what is written, not of the file
    except OSError as error:
        raise SettingError(f"cannot write {str(path)!r}: {error.strerror or error}") from None


def check_ending(path: str | PathLike[str]) -> str:
    """The ending of a file's name, if rows can be written to such a file.

    Raises:
        SettingError: They cannot.
    """
    ending = Path(path).suffix.lower()
    if ending not in _WRITERS:
        raise SettingError(f"{str(path)!r}: the file name must end in {' or '.join(_WRITERS)}")
    return ending


def joined(kinds: Kinds, chunks: Iterable[Rows]) -> Rows:
    """All rows together."""
    parts: dict[str, list[Column]] = {name: [] for name in kinds}
    known: dict[str, dict[str, int]] = {name: {} for name, kind in kinds.items() if kind == "text"}
    for chunk in chunks:
        for name in kinds:
            column = chunk[name]
            if isinstance(column, Texts):
                numbers = [known[name].setdefault(text, len(known[name])) for text in column.texts]
                column = np.array([*numbers, -1], np.int32)[column.codes]  # -1 takes the last, which is -1
            parts[name].append(column)
    whole: dict[str, Column] = {}
    for name, kind in kinds.items():
        none: NDArray[Any] = np.zeros(0, np.int32 if kind == "text" else _DTYPES[kind])
        column = np.ma.concatenate([none, *parts[name]])  # type: ignore[no-untyped-call]
        if kind == "text":
            whole[name] = Texts(np.asarray(column), [*known[name]])
        else:
            may_lack = any(map(np.ma.isMaskedArray, parts[name]))  # whether or not one of these does
            whole[name] = column if may_lack else np.asarray(column)
    return whole


def to_frame(kinds: Kinds, chunks: Iterable[Rows]) -> Any:
    """All rows as a pandas frame: texts as categories, whole numbers that may be absent as "Int64".

    Raises:
        SettingError: There is no pandas.
    """
    pd = require("pandas", "frames")
    columns = {}
    for name, column in joined(kinds, chunks).items():
        if isinstance(column, Texts):
            columns[name] = pd.Categorical.from_codes(column.codes, categories=column.texts)
        elif not np.ma.isMaskedArray(column):
            columns[name] = column
        elif kinds[name] == "int":
            columns[name] = pd.arrays.IntegerArray(column.data, np.ma.getmaskarray(column))
        else:
            columns[name] = column.filled(np.nan)
    return pd.DataFrame(columns)


def _write_csv(path: Path, kinds: Kinds, chunks: Iterable[Rows]) -> int:
    try:
        from pyarrow import csv as arrow_csv
    except ImportError:
        return _write_csv_plain(path, kinds, chunks)
    options = arrow_csv.WriteOptions(include_header=False, quoting_style="needed")
    n_rows = 0
    with open(path, "wb") as file, arrow_csv.CSVWriter(file, _schema(kinds), write_options=options) as writer:
        file.write(f"{','.join(kinds)}\n".encode())
        for table in _tables(kinds, chunks):
            writer.write_table(table)
            n_rows += len(table)
    return n_rows


def _write_csv_plain(path: Path, kinds: Kinds, chunks: Iterable[Rows]) -> int:
    n_rows = 0
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(kinds)
        for chunk in chunks:
            rows = list(zip(*(_as_list(chunk[name]) for name in kinds), strict=True))
            writer.writerows(rows)
            n_rows += len(rows)
    return n_rows


def _as_list(column: Column) -> list[Any]:
    """The values of a column as Python's, as they are written to CSV; None where there is none."""
    if isinstance(column, Texts):
        texts = [*column.texts, None]
        return [texts[code] for code in column.codes.tolist()]
    if column.dtype == bool:
        return [None if value is None else "true" if value else "false" for value in column.tolist()]
    values: list[Any] = column.tolist()
    return values


def _write_parquet(path: Path, kinds: Kinds, chunks: Iterable[Rows]) -> int:
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise SettingError("Parquet needs pyarrow: pip install 'nasbench-kit[parquet]'") from None
    n_rows = 0
    with pq.ParquetWriter(path, _schema(kinds), compression="zstd", compression_level=_ZSTD) as writer:
        for table in _grouped(_tables(kinds, chunks)):
            writer.write_table(table)
            n_rows += len(table)
    return n_rows


def _schema(kinds: Kinds) -> Any:
    import pyarrow as pa

    types = {"text": pa.dictionary(pa.int32(), pa.string()), "int": pa.int64(), "float": pa.float64()}
    return pa.schema([(name, types.get(kind, pa.bool_())) for name, kind in kinds.items()])


def _tables(kinds: Kinds, chunks: Iterable[Rows]) -> Iterator[Any]:
    """The rows as tables of pyarrow."""
    import pyarrow as pa

    schema = _schema(kinds)
    for chunk in chunks:
        yield pa.table([_arrow(chunk[name], schema.field(name).type) for name in kinds], schema=schema)


def _arrow(column: Column, kind: Any) -> Any:
    import pyarrow as pa

    if isinstance(column, Texts):
        codes = pa.array(column.codes, mask=column.codes < 0)
        return pa.DictionaryArray.from_arrays(codes, pa.array(column.texts, pa.string()))
    if np.ma.isMaskedArray(column):
        return pa.array(column.data, kind, mask=np.ma.getmaskarray(column))
    return pa.array(column, kind)


def _grouped(tables: Iterable[Any]) -> Iterator[Any]:
    """Tables of about as many rows as a group of a Parquet file has."""
    import pyarrow as pa

    some: list[Any] = []
    for table in tables:
        some.append(table)
        if sum(map(len, some)) >= _GROUP:
            yield pa.concat_tables(some).unify_dictionaries()
            some = []
    if some:
        yield pa.concat_tables(some).unify_dictionaries()


_WRITERS = {".csv": _write_csv, ".parquet": _write_parquet}

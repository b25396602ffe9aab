"""Rows in files and frames: what is written comes back, and what cannot be is one line."""

import csv
import os
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasbench_kit.errors import SettingError, StudyError
from nasbench_kit.formats.rows import Texts, joined, to_frame, write_rows

KINDS = {"name": "text", "number": "int", "value": "float", "holds": "bool"}
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), max_size=5)
FLOATS = st.floats(allow_nan=False)
ROWS = st.tuples(TEXTS | st.none(), st.integers(0, 2**53) | st.none(), FLOATS | st.none(), st.booleans())


def chunk(rows):
    names, numbers, values, holds = zip(*rows, strict=True)
    texts = sorted({name for name in names if name is not None})
    return {
        "name": Texts(np.array([-1 if name is None else texts.index(name) for name in names], np.int32), texts),
        "number": np.ma.MaskedArray(
            [number or 0 for number in numbers], [number is None for number in numbers], np.int64
        ),
        "value": np.ma.MaskedArray([value or 0.0 for value in values], [value is None for value in values], float),
        "holds": np.array(holds),
    }


@given(st.lists(st.lists(ROWS, min_size=1, max_size=5), max_size=4))
def test_what_is_written_to_parquet_comes_back(new_path, chunks):
    parquet = pytest.importorskip("pyarrow.parquet")
    path = new_path(".parquet")
    rows = [row for some in chunks for row in some]
    assert write_rows(path, KINDS, map(chunk, chunks)) == len(rows)
    assert [tuple(row.values()) for row in parquet.read_table(path).to_pylist()] == rows


@pytest.mark.parametrize("plain", [False, True])
@given(chunks=st.lists(st.lists(ROWS, min_size=1, max_size=5), max_size=4))
def test_what_is_written_to_csv_comes_back(new_path, chunks, plain):
    path = new_path(".csv")
    with pytest.MonkeyPatch.context() as patch:
        if plain:
            patch.setitem(sys.modules, "pyarrow", None)
        write_rows(path, KINDS, map(chunk, chunks))
    with open(path, newline="", encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    assert head == list(KINDS)
    expected = [row for some in chunks for row in some]
    assert [
        (name, int(number) if number else None, float(value) if value else None, holds)
        for name, number, value, holds in rows
    ] == [(name or "", number, value, str(holds).lower()) for name, number, value, holds in expected]


@given(st.lists(st.lists(ROWS, min_size=1, max_size=5), max_size=4))
def test_chunks_are_joined_whatever_their_texts(chunks):
    whole = joined(KINDS, map(chunk, chunks))
    texts = [*whole["name"].texts, None]
    rows = [row for some in chunks for row in some]
    assert [texts[code] for code in whole["name"].codes.tolist()] == [row[0] for row in rows]
    assert len(set(texts)) == len(texts)
    assert [whole[name].tolist() for name in ("number", "value", "holds")] == [
        [row[i] for row in rows] for i in (1, 2, 3)
    ]


def test_a_frame_has_the_same_types_whatever_is_absent():
    pytest.importorskip("pandas")
    for rows in ([("a", 1, 0.5, True)], [(None, None, None, False)]):
        frame = to_frame(KINDS, [chunk(rows)])
        assert [str(kind) for kind in frame.dtypes] == ["category", "Int64", "float64", "bool"]
        assert frame.isna().sum().sum() == sum(value is None for value in rows[0])


def test_a_file_of_another_ending_or_place_is_refused(tmp_path):
    with pytest.raises(SettingError, match=r"the file name must end in \.csv or \.parquet"):
        write_rows(tmp_path / "rows.xlsx", KINDS, [])
    with pytest.raises(SettingError, match=r"cannot write '.*nowhere.*': No such file"):
        write_rows(tmp_path / "nowhere" / "rows.csv", KINDS, [])


@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet"])
def test_rows_that_end_in_an_error_leave_the_earlier_file(tmp_path, name):
    def chunks():
        yield chunk([("a", 1, 0.5, True)])
        raise StudyError("damaged")

    (tmp_path / name).write_text("earlier")
    with pytest.raises(StudyError, match="damaged"):
        write_rows(tmp_path / name, KINDS, chunks())
    assert os.listdir(tmp_path) == [name]
    assert (tmp_path / name).read_text() == "earlier"


def test_parquet_without_pyarrow_is_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(SettingError, match=r"Parquet needs pyarrow: pip install 'nasbench-kit\[parquet\]'"):
        write_rows(tmp_path / "rows.parquet", KINDS, [])

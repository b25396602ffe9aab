"""Pickles larger than memory: read as Python's own unpickler reads them, part by part."""

import bz2
import io
import os
import pickle
import pickletools
import struct
import tracemalloc
from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench_kit.errors import ImportDataError
from nasbench_kit.formats.numpy_pickles import PLAIN
from nasbench_kit.formats.pickles import read_plain_pickle

PLAIN_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=400)
    | st.sampled_from([np.float64(0.5), np.float32(0.1), np.int64(-3), OrderedDict(a=1.0), "x-valid@199", {1, 2}]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8) | st.integers(0, 300), inner, max_size=5)
        | st.dictionaries(st.integers(0, 255), st.floats(allow_nan=False), max_size=30)
        | st.tuples(inner, inner)
    ),
    max_leaves=30,
)


def read(data, take=lambda key, value: False):
    return read_plain_pickle(io.BytesIO(data), "p", PLAIN, take)


@settings(max_examples=75, deadline=None)
@given(value=PLAIN_VALUES, protocol=st.sampled_from([2, 3, 4, 5]))
def test_plain_data_come_back(value, protocol):
    data = pickle.dumps(value, protocol)
    found = read(data)
    assert found == value
    assert repr(found) == repr(read_plain_pickle(io.BytesIO(data), "p", PLAIN))  # the same types, too


@settings(max_examples=75, deadline=None)
@given(value=PLAIN_VALUES, protocol=st.sampled_from([2, 4]), at=st.floats(0, 1), byte=st.integers(0, 255))
def test_damaged_pickles_end_in_one_line_or_are_read(value, protocol, at, byte):
    data = bytearray(pickle.dumps(value, protocol))
    place = int(at * (len(data) - 1))
    for damaged in (bytes(data[:place]), bytes(data[:place]) + bytes([byte]) + bytes(data[place + 1 :])):
        try:
            read(damaged)
        except ImportDataError as error:
            assert str(error).startswith("p")  # noqa: PT017 (it need not be raised)


@settings(max_examples=75, deadline=None)
@given(data=st.binary(max_size=200))
def test_anything_else_ends_in_one_line_or_is_read(data):
    try:
        read(b"\x80\x04" + data)
    except ImportDataError as error:
        assert "\n" not in str(error)  # noqa: PT017


@pytest.mark.parametrize("protocol", [2, 4])
def test_it_reads_where_a_chunk_ends_and_stops_behind_the_pickle(protocol):
    value = {"numbers": {i: i / 3 for i in range(256)}, "texts": [f"text {i}" * 7 for i in range(40_000)]}
    data = pickle.dumps(value, protocol)
    assert len(data) > 1 << 20
    file = io.BytesIO(data + b"the rest")
    assert read_plain_pickle(file, "p", PLAIN, lambda key, value: False) == value
    assert file.read() == b"the rest"


class Hostile:
    def __reduce__(self):
        return os.system, ("false",)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (pickle.dumps(Hostile(), 2), "asks for .*system, which is no plain data; it was not executed"),
        (pickle.dumps(Hostile(), 4), "asks for .*system, which is no plain data; it was not executed"),
        (b"\x80\x04\x8c\x05printK\x01\x85R.", "calls a str; it was not executed"),
        (b"\x80\x04Pstorage\n.", "refers to an object outside of it"),
        (b"\x80\x04\x8c\x01aQ.", "refers to an object outside of it"),
        (b"\x80\x04))\x81.", "calls a tuple; it was not executed"),
        (b"\x80\x04ios\nsystem\n.", "the opcode b'i' is none that plain data need"),
        (b"\x80\x04}r\xff\xff\xff\x7f.", "uses slot 2,147,483,647 within 9 bytes"),
        (b"\x80\x04B\xff\xff\xff\x7fabc.", "ends too early"),
        (b"\x80\x04}K\x01e.", "no readable pickle"),
        (b"\x80\x04]K\x01K\x02s.", "sets items of a list"),
        (b"\x80\x04K\x01K\x02a.", "appends to a int"),
        (b"\x80\x01K\x01.", "of protocol 1; 2 to 5 expected"),
        (b"\x80\x04K\x01K\x02.", "no readable pickle"),
        (b"", "ends too early"),
    ],
)
def test_what_is_no_plain_data_is_refused(data, message):
    with pytest.raises(ImportDataError, match=message):
        read(data)


def records(n, protocol):
    made = {i: {"200": {"results": {e: i + e / 7 for e in range(3_000)}, "index": i}} for i in range(n)}
    return pickle.dumps({"all": made, "n": n}, protocol)


@pytest.mark.parametrize("protocol", [2, 4])
def test_parts_that_were_taken_are_forgotten(protocol):
    sums = []

    def take(key, value):
        if "results" in value:
            sums.append((value["index"], sum(value["results"].values())))
        return "results" in value

    data = records(60, protocol)
    expected = [(i, sum(i + e / 7 for e in range(3_000))) for i in range(60)]
    tracemalloc.start()
    found = read(data, take)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sums == expected
    assert found == {"all": {i: {"200": {}} for i in range(60)}, "n": 60}
    assert peak < 4 * len(data) + 3_000_000  # all of it at once takes 60 x 0.3 MB more
    tracemalloc.start()
    whole = pickle.loads(data)
    _, whole_peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(whole["all"]) == 60
    assert peak < whole_peak / 2


@pytest.mark.parametrize("opcode", [b"C\xff" + bytes(255), b"X\x00\x00\x10\x00" + bytes(1 << 20)])
def test_a_file_that_unpacks_to_more_than_memory_holds_is_refused(opcode):
    packed = bz2.compress(b"\x80\x04" + opcode * (40_000_000 // len(opcode)))
    assert len(packed) < 10_000
    with bz2.open(io.BytesIO(packed)) as file, pytest.raises(ImportDataError, match="more than 33,554,432 bytes"):
        read_plain_pickle(file, "p", PLAIN, lambda key, value: False)


def test_a_part_that_is_asked_for_again_is_an_error():
    part = {"results": {1: 2.0}}
    shared = pickle.dumps({"a": {"x": part}, "b": {"x": part}}, 4)
    with pytest.raises(ImportDataError, match="shares a part between architectures"):
        read(shared, lambda key, value: "results" in value)
    assert "BINGET" in {opcode.name for opcode, *_ in pickletools.genops(shared)}
    assert read(shared) == {"a": {"x": part}, "b": {"x": part}}


def test_what_is_handed_over_ends_even_if_nothing_is_forgotten():
    lists = b"(]\x94" + b"".join(b"](h" + bytes([i]) + b"h" + bytes([i]) + b"e\x94" for i in range(60)) + b"l"
    in_itself = b"}\x94K\x02h\x00s"
    for inner, message in (
        (b"}K\x02" + lists + b"s", "unfolds to much more"),
        (in_itself, "a container that holds itself"),
    ):
        handed = []
        with pytest.raises(ImportDataError, match=message):
            read(b"\x80\x04}K\x01" + inner + b"s.", lambda key, value, handed=handed: handed.append(value))
        assert handed == []


def test_forgetting_costs_no_more_than_so_often_reading_it():
    # lists that stay in the memory, and dictionaries that are taken and were not put there
    lists, taken = (
        b"(" + b"]\x94" * 50_000 + b"l",
        b"}(" + b"".join(b"M" + struct.pack("<H", i) + b"}" for i in range(50_000)) + b"u",
    )
    with pytest.raises(ImportDataError, match="does the same too often"):
        read(b"\x80\x04" + lists + taken + b"\x86.", lambda key, value: True)

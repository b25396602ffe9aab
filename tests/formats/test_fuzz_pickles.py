"""Pickles from strangers: plain data or one line, at a cost that their size bounds. Never anybody's code."""

import bz2
import collections
import io
import os
import pickle
import resource
import struct
import subprocess
import sys
import time
import tracemalloc
from collections import OrderedDict
from math import isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench_kit.errors import ImportDataError
from nasbench_kit.formats.numpy_pickles import PLAIN
from nasbench_kit.formats.pickles import read_plain_pickle

TYPES = (type(None), bool, int, float, str, bytes, bytearray, list, tuple, dict, set, frozenset, OrderedDict)

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
keys = st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.tuples(st.text(), st.integers())
plain = st.recursive(
    scalars | st.sets(keys) | st.frozensets(keys),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(keys, inner)
        | st.dictionaries(keys, inner).map(OrderedDict)
    ),
    max_leaves=20,
)


TAKES = {"whole": None, "in parts": lambda key, value: False}  # of which none is taken here
both = pytest.mark.parametrize("take", TAKES.values(), ids=TAKES)


def read(data, allowed=PLAIN, take=None):
    return read_plain_pickle(io.BytesIO(data), "some.pickle", allowed, take)


def same(one, other):
    """Equal, of the same types, NaN being equal to itself."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float) and isnan(one):
        return isnan(other)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return same(list(one), list(other)) and same(list(one.values()), list(other.values()))
    return one == other


def only_plain(data, allowed=PLAIN, take=None):
    """Read it: either plain data come out, or an error of ours in one line."""
    try:
        made = read(data, allowed, take)
    except ImportDataError as error:
        message = str(error)
        if not message.startswith("some.pickle") or len(message) > 500:
            raise
        return None
    waiting, seen = [made], set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        assert isinstance(one, TYPES) or one in PLAIN.values() or type(one) in PLAIN.values(), type(one)
        if isinstance(one, dict):
            waiting += [*one, *one.values()]
        elif isinstance(one, list | tuple | set | frozenset):
            waiting += one
    return made


# ---- what is plain comes back ----


@given(plain, st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_plain_data_of_every_protocol_come_back(made, protocol):
    data = pickle.dumps(made, protocol)
    try:
        found = read(data)
    except ImportDataError as error:
        if protocol < 4 and "asks for" in str(error):
            return  # bytes and sets are calls of functions there, which are not allowed
        raise
    assert same(found, pickle.loads(data))


@given(plain, plain)
def test_a_file_is_left_after_the_first_pickle_in_it(first, second):
    file = io.BytesIO(b"...." + pickle.dumps(first) + pickle.dumps(second))
    file.seek(4)
    assert same(read_plain_pickle(file, "f", PLAIN), first)
    assert same(read_plain_pickle(file, "f", PLAIN), second)
    assert file.read() == b""


def test_files_on_disk_and_compressed_ones_are_left_after_the_first_pickle_too(tmp_path):
    data = pickle.dumps(["first"]) + pickle.dumps({"second": 2.5})
    (tmp_path / "two.pickle").write_bytes(data)
    (tmp_path / "two.pbz2").write_bytes(bz2.compress(data))
    for name, opened in (("two.pickle", open), ("two.pbz2", bz2.open)):
        with opened(tmp_path / name, "rb") as file:
            assert read_plain_pickle(file, "f") == ["first"]
            assert read_plain_pickle(file, "f") == {"second": 2.5}
            with pytest.raises(ImportDataError, match="f is no readable pickle"):
                read_plain_pickle(file, "f")


def test_an_empty_file_is_no_pickle(tmp_path):
    (tmp_path / "empty").touch()
    with open(tmp_path / "empty", "rb") as file, pytest.raises(ImportDataError, match="f is no readable pickle"):
        read_plain_pickle(file, "f")


def test_what_occurs_twice_in_data_is_one_object():
    inner = [1.5]
    found = read(pickle.dumps({"a": inner, "b": (inner, inner)}))
    assert found == {"a": [1.5], "b": ([1.5], [1.5])}
    assert found["a"] is found["b"][0] is found["b"][1]


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("kind", ["f8", "f4", "i8", "u2", ">f8", "?"])
def test_numbers_of_numpy_become_numbers(kind, protocol):
    data = pickle.dumps([np.array([1], kind)[0], np.array([0], kind)[0]], protocol)
    assert read(data) == [1, 0]


@pytest.mark.shared
@pytest.mark.parametrize("file", ["000000", "000011"])
def test_a_genuine_file_is_read_as_pythons_own_reader_does(shared_data, file):
    path = shared_data / "natsbench" / "NATS-tss-v1_0-3ffb9-simple" / f"{file}.pickle.pbz2"
    data = bz2.decompress(path.read_bytes())
    assert read(data) == pickle.loads(data)


# ---- arbitrary and damaged bytes ----


@given(st.binary(max_size=200), st.sampled_from([*TAKES.values()]))
def test_arbitrary_bytes_are_plain_data_or_an_error(data, take):
    only_plain(data, take=take)


OPCODES = st.sampled_from([bytes([code]) for code in range(256)])
ARGUMENTS = st.sampled_from(
    [
        b"\x00",
        b"\x01",
        b"\x02",
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x80",
        b"builtins\neval\n",
        b"collections\nOrderedDict\n",
    ]
)


@settings(max_examples=250)
@given(st.lists(OPCODES | ARGUMENTS, max_size=60).map(b"".join), st.sampled_from([*TAKES.values()]))
def test_arbitrary_instructions_are_plain_data_or_an_error(data, take):
    only_plain(data + b".", take=take)


@settings(max_examples=150)
@given(plain, st.integers(0, 5), st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=4), st.data())
def test_damaged_pickles_are_plain_data_or_an_error(made, protocol, changes, data):
    damaged = bytearray(pickle.dumps(made, protocol))
    for position, value in changes:
        damaged[position % len(damaged)] = value
    for take in TAKES.values():
        only_plain(bytes(damaged[: data.draw(st.integers(0, len(damaged)))]), take=take)
        only_plain(bytes(damaged), take=take)


@settings(max_examples=100)
@given(st.integers(0, 10**6), st.integers(0, 255))
def test_a_damaged_number_of_numpy_is_plain_data_or_an_error(position, value):
    damaged = bytearray(pickle.dumps({("cifar10", 777): OrderedDict(a=np.float64(0.5), b={np.int64(3)})}))
    damaged[position % len(damaged)] = value
    only_plain(bytes(damaged))


@given(plain)
def test_every_truncated_pickle_is_an_error(made):
    data = pickle.dumps(made)
    for length in range(0, len(data), max(1, len(data) // 20)):
        with pytest.raises(ImportDataError, match=r"some\.pickle"):
            read(data[:length])


# ---- hostile pickles ----


class Reduced:
    def __init__(self, *how):
        self.how = how

    def __reduce__(self):
        return self.how


GETATTR = b"cbuiltins\ngetattr\n(c__builtin__\ndict\nX\x03\x00\x00\x00gettR."
CALLED = b"\x80\x04\x8c\x0bcollections\x8c\x0bOrderedDict\x93"  # the class itself lies on the stack
HOSTILE = {
    "os.system": pickle.dumps(Reduced(os.system, ("touch hacked",))),
    "eval": pickle.dumps(Reduced(eval, ("open('hacked', 'w')",))),
    "exec in protocol 0": b"c__builtin__\nexec\n(S'1'\ntR.",
    "getattr": GETATTR,
    "dotted name": b"\x80\x04\x8c\x0bcollections\x8c\x14OrderedDict.__init__\x93.",
    "dotted module": b"\x80\x04\x8c\x02os\x8c\x0bpath.system\x93.",
    "module by its path": b"\x80\x04\x8c\x13collections.abc.sys\x8c\x07modules\x93.",
    "INST": b"(S'touch hacked'\nios\nsystem\n.",
    "OBJ": b"(cos\nsystem\nS'touch hacked'\no.",
    "EXT1": b"\x82\x01.",
    "EXT2": b"\x83\x01\x00.",
    "EXT4": b"\x84\x01\x00\x00\x00.",
    "persistent id": b"\x80\x04\x8c\x01xQ.",
    "persistent id of protocol 0": b"Px\n.",
    "an object array": pickle.dumps(np.array([Reduced(os.system, ("touch hacked",))], object)),
    "a plain array, which is not asked for here": pickle.dumps(np.arange(3)),
    "the state of a class": CALLED + b"}\x8c\x05items\x4e" + b"sb.",
    "slots of a class": CALLED + b"N}\x8c\x05itemsNs\x86b.",
    "the state of an object": CALLED + b")R}\x8c\x05itemsNsb.",
    "slots of an object": CALLED + b")RN}\x8c\x09__class__Ns\x86b.",
    "a method of an object": CALLED + b")R)R.",
    "the result of a call": CALLED + b")R)\x81.",
    "NEWOBJ of a function": CALLED + b")\x81.",
    "NEWOBJ_EX": CALLED + b")}\x92.",
    "arguments that are a list": CALLED + b"]R.",
    "OrderedDict of a number": CALLED + b"K\x07\x85R.",
    "OrderedDict of several": CALLED + b"]]\x86R.",
    "OrderedDict of what is no pair": CALLED + b"]K\x01a\x85R.",
    "a name that is a list": b"\x80\x04\x8c\x02os]\x93.",
    "a buffer outside": b"\x97.",
    "append to a tuple": b")K\x01a.",
    "items of a list": b"]K\x01K\x02s.",
    "a key without value": b"}(K\x01u.",
    "an unhashable key": b"}]K\x01s.",
    "add to a list": b"](K\x01\x90.",
    "set of a text": b"\x80\x04\x8c\x08builtins\x8c\x03set\x93\x8c\x03abc\x85R.",
    "a name of two lines": b"\x80\x04\x8c\x05os\n\nx\x8c\x06system\x93.",
    "a call of what lies in the memory": b"\x80\x04]\x94h\x00)R.",
    "a slot below the first": b"K\x01p0\ng-1\n.",
    "a slot that was left out": b"K\x01p3\ng1\n.",
    "two objects": b"K\x01K\x02.",
    "a mark too many": b"K\x01(.",
    "POP": b"K\x01K\x020.",
    "DUP": b"K\x012\x86.",
    "below the bottom": b"0.",
    "append below the bottom": b"a.",
    "no mark": b"t.",
    "an unknown slot": b"h\x07.",
    "a negative slot": b"K\x01p-1\n.",
    "a list in itself": b"]q\x00h\x00a.",
    "a tuple in itself, by a list": b"]q\x00h\x00\x85a.",
    "a dictionary in itself": b"}q\x00K\x01h\x00s.",
    "a float that is none": b"Fabc\n.",
    "a number of 10,000 digits": b"I" + b"9" * 10_000 + b"\n.",
    "a string without quotes": b"Sabc\n.",
    "an escape cut short": b"S'\\x'\n.",
    "text that is no UTF-8": b"\x8c\x01\xff.",
    "a string of Python 2 that is no ASCII": b"U\x01\xff.",
    "a number of type O": pickle.dumps(np.array([None], object))[:-1] + b".",
}
DTYPE = b"\x80\x04\x8c\x05numpy\x8c\x05dtype\x93"
SCALAR = b"\x8c\x16numpy._core.multiarray\x8c\x06scalar\x93"
HOSTILE |= {
    "dtype O": DTYPE + b"\x8c\x02O8\x89\x88\x87R.",
    "dtype of a list": DTYPE + b"]\x89\x88\x87R.",
    "dtype V with fields": DTYPE + b"\x8c\x02V8\x89\x88\x87R(K\x03\x8c\x01|N\x8c\x01a\x85}K\x08K\x01K\x10tb.",
    "dtype of which fields are set": DTYPE + b"\x8c\x02f8\x89\x88\x87R(K\x03\x8c\x01|N\x8c\x01a\x85}K\x08K\x01K\x3ftb.",
    "dtype with a short state": DTYPE + b"\x8c\x02f8\x89\x88\x87RK\x03\x85b.",
    "the state of the class dtype": DTYPE + b"K\x03\x85b.",
    "a number of too few bytes": SCALAR + DTYPE[2:] + b"\x8c\x02f8\x89\x88\x87RC\x01a\x86R.",
    "a number of too many bytes": SCALAR + DTYPE[2:] + b"\x8c\x02f4\x89\x88\x87RC\x08aaaaaaaa\x86R.",
    "a number of a text": SCALAR + b"\x8c\x02f8C\x01a\x86R.",
}


@both
@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_pickle_is_refused_in_one_line_and_runs_nothing(data, take, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = OrderedDict.items, dict(vars(collections)), set(sys.modules)
    with pytest.raises(ImportDataError, match=r"^some\.pickle(:| is no readable pickle)") as caught:
        read(data, take=take)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    assert (OrderedDict.items, dict(vars(collections)), set(sys.modules)) == before


def test_the_error_names_what_the_pickle_asks_for_cut_short():
    with pytest.raises(ImportDataError, match=r"asks for (posix|nt)\.system, which is no plain data; it was not exec"):
        read(HOSTILE["os.system"])
    with pytest.raises(ImportDataError, match="which is no plain data") as caught:
        read(b"c" + b"m" * 100_000 + b"\n" + b"n" * 100_000 + b"\n.")
    assert len(str(caught.value)) < 300


# ---- what a pickle may cost ----


def doublings(n, first=b"]", one=b"\x86"):
    """`n` tuples, each with the one before in it twice."""
    return first + b"\x94" + b"".join(b"h" + bytes([i]) + b"h" + bytes([i]) + one + b"\x94" for i in range(n))


def doubled_lists(n):
    levels = (b"](h" + bytes([i]) + b"h" + bytes([i]) + b"e\x94" for i in range(n))
    return b"(]\x94" + b"".join(levels) + b"t"


HUGE = struct.pack("<Q", 2**62)
COSTLY = {
    "tuples doubled 60 times": doublings(60, b"K\x01\x85") + b".",
    "tuples doubled 60 times as a key": b"}" + doublings(60, b"K\x01\x85") + b"Ns.",
    "the same wide tuple in wide tuples": b"("
    + b"K\x01" * 999
    + b"t\x94"
    + b"".join(b"(" + (b"h" + bytes([i])) * 999 + b"t\x94" for i in range(4))
    + b"\x8f(h\x04\x90.",
    "tuples in tuples": b"}" + b"K\x01" + b"\x85" * 200_000 + b"Ns.",  # whose hash takes more than all of the stack
    "lists doubled 60 times": doubled_lists(60) + b".",
    "lists doubled 60 times as an argument": DTYPE + doubled_lists(60) + b"\x89\x88\x87R.",
    "lists doubled 60 times as a persistent id": doubled_lists(60) + b"Q.",
    "lists doubled 60 times as a name": doubled_lists(60) + b"\x8c\x01x\x93.",
    "lists doubled 60 times as a key": b"}" + doubled_lists(60) + b"Ns.",
    "lists doubled 60 times as a state": DTYPE + b"\x8c\x02f8\x89\x88\x87R" + b"\x94" * 1 + doubled_lists(60) + b"b.",
    "a slot far away": b"K\x01r\xff\xff\xff\x7f.",
    "a slot far away in protocol 0": b"K\x01p9000000000000000000\n.",
    "bytes without end": b"\x8e" + HUGE + b"a.",
    "a text without end": b"\x8d" + HUGE + b"a.",
    "a bytearray without end": b"\x96" + HUGE + b"a.",
    "bytes of 4 GB": b"B\xff\xff\xff\xffa.",
    "a text of 4 GB": b"X\xff\xff\xff\xffa.",
    "a number of 4 GB": b"\x8b\xff\xff\xff\xffa.",
    "a frame without end": b"\x80\x04\x95" + HUGE + b".",
    "a million marks": b"(" * 1_000_000 + b".",
    "a wide tuple put again and again": b"(" + b"K\x01" * 100_000 + b"t" + b"\x94" * 200_000,
    "a large number put again and again": b"\x8b\x40\x42\x0f\x00" + b"\x01" * 1_000_000 + b"\x94" * 200_000,
    "a line without end": b"I" + b"9" * 5_000_000,
    "slots far apart": b"".join(b"K\x01r" + struct.pack("<I", i << 16) for i in range(2_000)) + b".",
    "the same large list looked at again and again": b"("
    + b"K\x01" * 50_000
    + b"l\x94"
    + (b"\x8c\x08builtins\x8c\x03set\x93" + b"h\x00\x85R") * 20_000
    + b".",
}


@both
@pytest.mark.parametrize("data", COSTLY.values(), ids=COSTLY)
def test_a_small_pickle_costs_neither_much_time_nor_much_memory(data, take):
    tracemalloc.start()
    began = time.process_time()
    try:
        with pytest.raises(ImportDataError, match=r"some\.pickle"):
            read(data, take=take)
    finally:
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert time.process_time() - began < 20  # under a tracer, on a busy machine; without limits it would take ages
    assert most < 120e6


def test_deep_lists_are_read_and_forgotten_without_harm():
    found = read(b"]" * 300_000 + b"a" * 299_999 + b".")
    assert type(found) is list
    del found


def test_a_pickle_that_pythons_reader_takes_gigabytes_for_is_read_in_little():
    code = (
        "import io, resource\n"
        "from nasbench_kit.errors import ImportDataError\n"
        "from nasbench_kit.formats.pickles import read_plain_pickle\n"
        "resource.setrlimit(resource.RLIMIT_AS, (600_000_000, 600_000_000))\n"
        "try: read_plain_pickle(io.BytesIO(b'K\\x01r\\xff\\xff\\xff\\x7f.'), 'f')\n"
        "except ImportDataError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "slot 2,147,483,647" in done.stdout
    assert resource.getrlimit(resource.RLIMIT_AS)


def test_the_slots_of_python_2_begin_with_1():
    # Source: cPickle of Python 2.7, `put`: the number of a slot is the size of the memory after it
    assert read(b"\x80\x02]q\x01(U\x01aq\x02h\x02}q\x03h\x03e.") == ["a", "a", {}, {}]


@both
def test_what_is_equal_and_yet_different_stays_so(take):
    made = [0.0, -0.0, 0, False, (1, "a"), (True, "a"), np.float64(0.0), np.float64(-0.0), np.int64(0), np.bool_(False)]
    made += [(0, b"a"), (False, b"a"), b"a", "a"]
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        found = read(pickle.dumps(made + made, protocol), take=take)
        expected = [one.item() if isinstance(one, np.generic) else one for one in made + made]
        assert repr(found) == repr(expected)


def test_a_shared_part_that_is_small_may_stand_in_many_places():
    shape = (1, 2)
    assert read(pickle.dumps({(shape, i): [shape, shape] for i in range(1_000)}))[shape, 7] == [shape, shape]

"""What a file says of its size is not believed: bombs, and sizes that lie either way, end in one line under a limit."""

import bz2
import gzip
import io
import lzma
import pickle
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib

import numpy as np
import pytest

from nasbench_kit.errors import ImportDataError, TableError
from nasbench_kit.formats.compressed import MOST_TIMES, SPARE, UnpackedStream, unpacked, zip_members
from nasbench_kit.formats.csv_columns import read_csv_columns
from nasbench_kit.formats.npz import read_npz
from nasbench_kit.formats.parquet import read_parquet_columns
from nasbench_kit.formats.pickles import read_plain_pickle
from nasbench_kit.formats.safetensors import read_tensors, write_tensors
from nasbench_kit.formats.tar import tar_members
from nasbench_kit.formats.torch_file import read_torch_file

MERSENNE = (1 << 61) - 1  # whole numbers are hashed modulo this


# ---- bombs: in a process of its own, which has 700 MB for all ----


def zipped(content, *, method, size, name=b"a", crc=0):
    """A zip archive of one member that is said to have `size` bytes."""
    about = struct.pack("<5H3I", 20, 0, method, 0, 33, crc, len(content), size)
    local = b"PK\3\4" + about + struct.pack("<2H", len(name), 0) + name + content
    entry = b"PK\1\2" + struct.pack("<H", 20) + about + struct.pack("<5H2I", len(name), 0, 0, 0, 0, 0, 0) + name
    return local + entry + b"PK\5\6" + struct.pack("<4H2IH", 0, 0, 1, 1, len(entry), len(local), 0)


GIGABYTE = 1 << 30


def deflated(wbits, n_times=64):
    """A gigabyte of zeros: one block after the other, each of which can be read without those before."""
    compressor = zlib.compressobj(9, wbits=wbits)
    head = compressor.compress(bytes(1 << 10)) + compressor.flush(zlib.Z_FULL_FLUSH)
    block = compressor.compress(bytes(GIGABYTE // n_times)) + compressor.flush(zlib.Z_FULL_FLUSH)
    return head + block * n_times + compressor.flush()


@pytest.fixture(scope="module")
def bombs(tmp_path_factory):
    """Kind -> a file that unpacks to gigabytes."""
    folder = tmp_path_factory.mktemp("bombs")
    raw, packed = deflated(-15), bz2.compress(bytes(GIGABYTE // 64)) * 64
    xz = lzma.compress(bytes(1 << 24), lzma.FORMAT_ALONE)
    contents = {
        "gzip.csv.gz": gzip.compress(bytes(GIGABYTE // 64)) * 64,
        "bz2.pickle.pbz2": packed,
        "deflate.zip": zipped(raw, method=zipfile.ZIP_DEFLATED, size=GIGABYTE),
        "deflate that says 100.zip": zipped(raw, method=zipfile.ZIP_DEFLATED, size=100),
        "bz2.zip": zipped(packed, method=zipfile.ZIP_BZIP2, size=GIGABYTE),
        "bz2 that says 100.zip": zipped(packed, method=zipfile.ZIP_BZIP2, size=100),
        "lzma.zip": zipped(xz, method=zipfile.ZIP_LZMA, size=1 << 24),
        "stored that says 4 GB.zip": zipped(b"abc", method=0, size=(1 << 32) - 2, crc=zlib.crc32(b"abc")),
        "deflate that says 4 GB.zip": zipped(
            zlib.compress(b"abc")[2:-4], method=8, size=(1 << 32) - 2, crc=zlib.crc32(b"abc")
        ),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


READ = """
import resource, sys
from pathlib import Path
from nasbench_kit.errors import ImportDataError
from nasbench_kit.formats.compressed import unpacked, zip_members
resource.setrlimit(resource.RLIMIT_AS, (700_000_000, 700_000_000))
resource.setrlimit(resource.RLIMIT_CPU, (30, 30))
path = Path(sys.argv[1])
try: print(len(zip_members(path, ["a"])["a"] if path.suffix == ".zip" else unpacked(path)))
except ImportDataError as error: print("refused:", error)
"""


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gzip.csv.gz", "unpacks to more than"),
        ("bz2.pickle.pbz2", "unpacks to more than"),
        ("deflate.zip", "says that it has 1,073,741,824 bytes, and has"),
        ("deflate that says 100.zip", "damaged zip archive"),  # what it holds does not match
        ("bz2.zip", "packed in an unusual way; deflate expected"),
        ("bz2 that says 100.zip", "packed in an unusual way; deflate expected"),
        ("lzma.zip", "packed in an unusual way; deflate expected"),
        ("stored that says 4 GB.zip", "says that it has 4,294,967,294 bytes, and has 3 or more"),
        ("deflate that says 4 GB.zip", "says that it has 4,294,967,294 bytes, and has 3 or more"),
    ],
)
def test_a_bomb_ends_in_one_line_under_a_limit_of_memory(bombs, name, message):
    done = subprocess.run([sys.executable, "-c", READ, bombs / name], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("refused: ")
    assert message in done.stdout


def test_a_stream_unpacks_to_no_more_than_its_size_allows_however_it_is_read():
    packed = bz2.compress(bytes(1 << 20)) * 64
    stream = UnpackedStream(io.BytesIO(packed), "s")
    with pytest.raises(ImportDataError, match=f"s unpacks to more than {MOST_TIMES} times its size"):
        all(stream.read(1 << 20) for _ in range(64))
    noise = np.random.default_rng(0).bytes(2 * SPARE)
    assert UnpackedStream(io.BytesIO(bz2.compress(noise)), "s").read(3 * SPARE) == noise


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, bytes])
def test_what_unpacks_to_as_much_as_its_size_allows_comes_back(tmp_path, compress):
    content = np.random.default_rng(0).bytes(100_000) + bytes(SPARE - 100_000)
    (tmp_path / "f").write_bytes(compress(content))
    assert unpacked(tmp_path / "f") == content


def test_members_of_an_archive_share_what_its_size_allows(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in "abc":
            archive.writestr(name, bytes(SPARE // 2))
    assert zip_members(tmp_path / "a.zip", "ab") == {name: bytes(SPARE // 2) for name in "ab"}
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(4):
            archive.writestr(str(number), bytes(SPARE - 1))
    with pytest.raises(ImportDataError, match="says that it has 4,194,303 bytes, and has"):
        zip_members(tmp_path / "b.zip", map(str, range(4)))


# ---- containers whose headers lie ----


def npy(header, body=b""):
    text = repr(header).encode() if isinstance(header, dict) else header
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + body


DENSE = {"descr": "<f4", "fortran_order": False, "shape": (2, 3)}


@pytest.mark.parametrize(
    "content",
    [
        npy(DENSE, bytes(20)),
        npy(DENSE, bytes(28)),
        npy(DENSE | {"shape": (1 << 40, 1 << 40)}),
        npy(DENSE | {"shape": (1 << 61, 1 << 61)}),
        npy(DENSE | {"shape": (-2, -3)}, bytes(24)),
        npy(DENSE | {"shape": (1,) * 40}, bytes(4)),
        npy(DENSE | {"shape": 6}, bytes(24)),
        npy(DENSE | {"descr": "|O"}, bytes(48)),
        npy(DENSE | {"descr": [("a", "<f4")]}, bytes(24)),
        npy(b"(" * 9_000),
        npy(b"{" * 60_000),
        npy(b"__import__('os')"),
        b"\x93NUMPY\x09\0",
        b"",
    ],
)
def test_an_array_that_is_not_as_its_header_says_is_refused(tmp_path, content):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", content)
    with pytest.raises(ImportDataError, match=r"a\.npz'.*x\.npy is damaged \(.*numbers expected"):
        read_npz(tmp_path / "a.npz", ["x"])


def test_arrays_of_numpy_come_back(tmp_path):
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.arange(6, dtype=">i2").reshape(3, 2).T, "c": np.array(7.5)}
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", **arrays)
        found = read_npz(tmp_path / "a.npz", arrays)
        assert all(
            np.array_equal(found[name], array) and found[name].shape == array.shape for name, array in arrays.items()
        )


def tar(**contents):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def with_size(content, size):
    """The archive whose first member is said to have so many bytes, written as given, with the checksum of that."""
    header = bytearray(content[:512])
    header[124:136] = size.ljust(12, b"\0")
    header[148:156] = b"%06o\0 " % (sum(header) - sum(header[148:156]) + 8 * 32)
    return bytes(header) + content[512:]


def test_members_of_a_tar_archive_come_back():
    contents = {"a": b"one", "b": b"", "c": bytes(2_000)}
    assert dict(tar_members(tar(**contents), "t")) == contents


@pytest.mark.parametrize(
    "size", [b"77777777777", b"-0000001000", b"-1", b"0x10", b"1_0", b"\x80" + bytes(10) + b"\xff"]
)
def test_a_tar_member_whose_size_lies_is_refused(size):
    with pytest.raises(ImportDataError, match="t is damaged"):
        list(tar_members(with_size(tar(a=b"one", b=b"two"), size), "t"))


def test_what_is_no_tar_archive_is_refused():
    for content in (b"x" * 10_000, tar(a=b"one")[:513], tar(a=b"one")[:300]):
        with pytest.raises(ImportDataError, match="t is damaged"):
            list(tar_members(content, "t"))


def test_a_file_of_torch_that_is_compressed_or_lies_is_refused(tmp_path):
    deflated = zlib.compress(pickle.dumps({}))[2:-4]
    for method, size in ((8, 100), (0, 1 << 31), (0, 1)):
        (tmp_path / "a.pth").write_bytes(zipped(deflated, method=method, size=size, name=b"a/data.pkl"))
        with pytest.raises(ImportDataError, match=r"a\.pth"):
            read_torch_file(tmp_path / "a.pth")


@pytest.mark.parametrize("shape", [[10**18, 10**18], [9 * 10**4_000] * 2_000, [-1, -6], [1] * 9, ["6"], 6])
def test_a_tensor_whose_shape_lies_is_refused(tmp_path, shape):
    pytest.importorskip("safetensors")
    write_tensors(tmp_path / "t", {"a": np.zeros(6, np.float32)})
    content = (tmp_path / "t").read_bytes()
    with_limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        header = str({"a": {"dtype": "F32", "shape": shape, "data_offsets": [0, 24]}}).replace("'", '"').encode()
    finally:
        sys.set_int_max_str_digits(with_limit)
    (tmp_path / "t").write_bytes(struct.pack("<Q", len(header)) + header + content[-24:])
    with pytest.raises(TableError, match="is no safetensors file, or damaged"):
        read_tensors(tmp_path / "t")


def test_rows_without_cells_are_refused_before_they_are_gathered(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"a,b\n1,2\n" + b"\n" * 1_000_000)
    with pytest.raises(ImportDataError, match="row 3 has 0 cells; 2 expected"):
        read_csv_columns(tmp_path / "a.csv", ["a"])


def test_a_parquet_file_of_the_same_row_again_and_again_is_refused(tmp_path):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    once = pa.array(["x" * 100_000], pa.string())
    for n, values in (
        (20_000, {"t": pa.DictionaryArray.from_arrays(np.zeros(20_000, np.int32), once)}),
        (40_000_000, {}),
    ):
        pq.write_table(pa.table(values | {"n": np.zeros(n, np.int8)}), tmp_path / f"{n}.parquet", compression="zstd")
    with pytest.raises(ImportDataError, match="unpacks to 40,000,000 rows of 1 columns in"):
        read_parquet_columns(tmp_path / "40000000.parquet")
    texts = read_parquet_columns(tmp_path / "20000.parquet")["t"]  # 2 GB, if each row had its own
    assert len(texts) == 20_000
    assert len(set(map(id, texts))) == 1


def test_columns_of_a_parquet_file_come_back(tmp_path):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    columns = {"a": ["x", None, "y"], "b": [1, 2, None], "c": [0.5, 1.5, 2.5], "d": [True, None, False]}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet", row_group_size=2)
    assert read_parquet_columns(tmp_path / "a.parquet") == columns


# ---- keys of one hash ----


def number(value):
    content = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(content)]) + content


def colliding_tuples(n):
    """Tuples of two whole numbers, all of the hash of (0, 0).

    Source: CPython, Objects/tupleobject.c: xxHash of the items' hashes, which are the numbers if below 2^61 - 1.
    """
    prime_1, prime_2, prime_5, mask = 11400714785074694791, 14029467366897019727, 2870177450012600261, (1 << 64) - 1

    def step(state, lane):
        state = (state + lane * prime_2) & mask
        return (state << 31 | state >> 33) * prime_1 & mask

    goal, inverse_1, inverse_2 = step(step(prime_5, 0), 0), pow(prime_1, -1, 1 << 64), pow(prime_2, -1, 1 << 64)
    turned = goal * inverse_1 & mask
    before = (turned >> 31 | turned << 33) & mask
    found, first = [], 0
    while len(found) < n:
        lane = (before - step(prime_5, first)) * inverse_2 & mask
        if lane < MERSENNE:
            found.append((first, lane))
        first += 1
    return found


LONG = [number(k * MERSENNE) for k in range(1, 60_001)]
TUPLES = [number(a) + number(b) + b"\x86" for a, b in colliding_tuples(20_000)]
SET = b"\x8c\x08builtins\x8c\x03set\x93"


def test_the_tuples_have_one_hash():
    assert len({hash(pair) for pair in colliding_tuples(50)}) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"}(" + b"".join(key + b"N" for key in LONG) + b"u.",
        b"}" + b"".join(key + b"Ns" for key in LONG) + b".",
        b"(" + b"".join(key + b"N" for key in LONG) + b"d.",
        b"\x8f(" + b"".join(LONG) + b"\x90.",
        b"(" + b"".join(LONG) + b"\x91.",
        SET + b"](" + b"".join(LONG) + b"e\x85R.",
        b"}(" + b"".join(key + b"N" for key in TUPLES) + b"u.",
        b"\x8f" + b"".join(b"(" + key + b"\x90" for key in TUPLES) + b".",
        b"](" + b"".join(key + b"\x94" for key in TUPLES) + b"e" + b"\x8f(" + b"".join(TUPLES) + b"\x90\x86.",
    ],
)
def test_keys_of_one_hash_are_refused_before_they_are_compared_with_each_other(data):
    with pytest.raises(ImportDataError, match="p: the pickle holds more than 64 keys of one hash"):
        read_plain_pickle(io.BytesIO(b"\x80\x04" + data), "p", {("builtins", "set"): set})


def test_more_keys_that_are_no_texts_than_any_release_has_are_refused():
    many = b"".join(b"J" + struct.pack("<i", k) + b"N" for k in range(100_000))
    with pytest.raises(ImportDataError, match="more keys that are no texts than any release"):
        read_plain_pickle(io.BytesIO(b"\x80\x04}(" + many + b"u."), "p")
    largest = dict.fromkeys(range(32768))  # NATS-Bench's size space, and the set of its indexes
    assert read_plain_pickle(io.BytesIO(pickle.dumps([largest, set(largest)])), "p") == [largest, set(largest)]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x8b\x00\x00\x01\x00" + b"\x01" * 65_536 + b".", "a whole number of 65,536 bytes"),
        (b"I" + b"9" * 4_000 + b"\n.", "a whole number of 4,000 digits"),
        (b"(" + b"K\x01" * 1_000 + b"t\x94" + b"}h\x00Ns\x86.", "has a key that is neither a text, a number nor"),
        (b"}(K\x01\x91Ns.", "has a key that is neither a text, a number nor"),
        (b"X\x40\x42\x0f\x00" + b"a" * 1_000_000 + b"\x940](" + b"h\x00" * 1_000 + b"e.", "opcode b'0'"),
        (b"](X\x40\x42\x0f\x00" + b"a" * 1_000_000 + b"\x94" + b"h\x00" * 1_000 + b"e.", "unfolds to much more"),
    ],
)
def test_what_would_be_hashed_or_copied_at_a_cost_is_refused(data, message):
    with pytest.raises(ImportDataError, match=message):
        read_plain_pickle(io.BytesIO(b"\x80\x04" + data), "p")

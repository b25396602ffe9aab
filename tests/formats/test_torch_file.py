"""Files of torch.save without torch: made here in both layouts, and by torch itself; no release was available."""

import io
import os
import pickle
import zipfile
from collections import OrderedDict
from importlib import import_module

import numpy as np
import pytest

from nasbench_kit.errors import ImportDataError
from nasbench_kit.formats.torch_file import is_torch_file, read_torch_file

# Source: torch/serialization.py, MAGIC_NUMBER, PROTOCOL_VERSION and _legacy_save.
MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
MACHINE = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}


def legacy(path, pickled, keys=(), machine=MACHINE):
    head = [pickle.dumps(part, 2) for part in (MAGIC, PROTOCOL, machine)]
    path.write_bytes(b"".join([*head, pickled, pickle.dumps(list(keys), 2)]))
    return path


def archive(path, pickled, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("archive/data.pkl", pickled)
        file.writestr("archive/version", b"3\n")
    return path


OBJECT = {
    "ordered": OrderedDict(a=1),
    "set": {0, 11},
    "float": np.float64(0.25),
    "single": np.float32(0.1),
    "integer": np.int64(-7),
    ("cifar10", 777): [1.5, None, True, "0777"],
}


@pytest.mark.parametrize("container", [legacy, archive])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_both_containers_are_read(tmp_path, container, protocol):
    path = container(tmp_path / "a.pth", pickle.dumps(OBJECT, protocol))
    assert is_torch_file(path.read_bytes()[:65536])
    read = read_torch_file(path)
    assert read == OBJECT
    assert type(read["float"]) is float
    assert type(read["integer"]) is int


@pytest.mark.filterwarnings("ignore")  # torch's own
@pytest.mark.parametrize("archive_of_torch", [True, False])
def test_what_torch_itself_writes_is_read(tmp_path, archive_of_torch):
    torch = import_module("torch")
    path = tmp_path / "a.pth"
    torch.save(OBJECT, path, _use_new_zipfile_serialization=archive_of_torch)
    assert is_torch_file(path.read_bytes()[:65536])
    assert read_torch_file(path) == OBJECT
    torch.save({"weights": torch.zeros(3)}, path, _use_new_zipfile_serialization=archive_of_torch)
    with pytest.raises(ImportDataError, match=r"asks for torch\._utils\._rebuild_tensor_v2, which is no plain data"):
        read_torch_file(path)


class Hostile:
    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


class WithTensor(pickle.Pickler):
    def persistent_id(self, obj):
        return ("storage", "FloatStorage", "0") if obj == "tensor" else None


def with_persistent_id():
    file = io.BytesIO()
    WithTensor(file, 2).dump({"x": "tensor"})
    return file.getvalue()


BAD = {
    "a command": (lambda: pickle.dumps(Hostile(os.system, "false")), "asks for .*system, which is no plain data"),
    "an object array's scalar": (lambda: pickle.dumps(Hostile(np.dtype, "O")), "numpy's type 'O'"),
    "a tensor": (with_persistent_id, "refers to an object outside"),
    "a codec": (
        lambda: pickle.dumps(Hostile(__import__("_codecs").encode, "a", "rot13"), 2),
        "as 'rot13'; a text in latin1",
    ),
    "nothing": (lambda: b"", "no readable pickle"),
    "half a pickle": (lambda: pickle.dumps(OBJECT, 2)[:-20], "no readable pickle|holds tensors|following"),
}


@pytest.mark.parametrize("container", [legacy, archive])
@pytest.mark.parametrize("what", BAD)
def test_what_is_no_plain_data_is_refused_in_one_line(tmp_path, container, what):
    make, message = BAD[what]
    with pytest.raises(ImportDataError, match=message) as caught:
        read_torch_file(container(tmp_path / "a.pth", make()))
    assert "\n" not in str(caught.value)


def test_a_number_of_numpys_from_an_object_type_is_refused(tmp_path):
    scalar = np._core.multiarray.scalar
    with pytest.raises(ImportDataError, match="numpy's type 'O8'"):
        read_torch_file(legacy(tmp_path / "a.pth", pickle.dumps(Hostile(scalar, np.dtype("O"), b"cos\n"), 4)))
    with pytest.raises(ImportDataError, match="type f8 of 3 bytes; 8 expected"):
        read_torch_file(legacy(tmp_path / "a.pth", pickle.dumps(Hostile(scalar, np.dtype("f8"), b"abc"), 4)))


def test_wrong_containers_are_refused(tmp_path):
    good = pickle.dumps(OBJECT, 2)
    (tmp_path / "a.pth").write_bytes(good)
    with pytest.raises(ImportDataError, match=r"a\.pth begins with .*; a file of torch.save expected"):
        read_torch_file(tmp_path / "a.pth")
    with pytest.raises(ImportDataError, match="compressed zip archive; torch writes uncompressed ones"):
        read_torch_file(archive(tmp_path / "a.pth", bytes(10**6), zipfile.ZIP_DEFLATED))
    with pytest.raises(ImportDataError, match="holds tensors"):
        read_torch_file(legacy(tmp_path / "a.pth", good, keys=["0"]))
    with pytest.raises(ImportDataError, match="a little-endian one expected"):
        read_torch_file(legacy(tmp_path / "a.pth", good, machine={"little_endian": False}))
    cut = legacy(tmp_path / "a.pth", good)
    for size in range(10, cut.stat().st_size - 1, 7):
        (tmp_path / "b.pth").write_bytes(cut.read_bytes()[:size])
        with pytest.raises(ImportDataError, match=r"b\.pth"):
            read_torch_file(tmp_path / "b.pth")
    whole = archive(tmp_path / "c.pth", good).read_bytes()
    for size in range(10, len(whole) - 1, 7):
        (tmp_path / "b.pth").write_bytes(whole[:size])
        with pytest.raises(ImportDataError, match=r"b\.pth"):
            read_torch_file(tmp_path / "b.pth")

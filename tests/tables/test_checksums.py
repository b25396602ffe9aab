"""One flipped bit is never an answer: columns are checked when first touched, and whole files by `verify`."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.errors import TableError
from nasbench_kit.tables import Additive, DatasetSpec, Metric, Stored, Table
from nasbench_kit.tables import format as table_format
from nasbench_kit.tables.format import encode_index, n_runs, read_index
from nasbench_kit.tables.verify import hdf5_fault, verify_content


@pytest.fixture(scope="module")
def table(new_path):
    """Seeds, epochs, counts, floats, sums, keys and architectures: all that a file can hold."""
    space = nbk.load("nas_bench_graph/cora").space
    rng = np.random.default_rng(0)
    archs = space.all_archs()[:300]
    archs = archs[np.unique(space.key_many(archs), return_index=True)[1]]
    counts = rng.integers(1, 10_000, (3, 4, len(archs))).astype("<u2")
    cost = np.cumsum(rng.uniform(1, 9, (3, 4, len(archs))), axis=1).astype("<f4")
    metrics = [
        Stored(Metric.from_name("val_accuracy", (1, 2, 3), (1, 3, 9, 27)), counts, (1, 10_000)),
        Stored(Metric.from_name("cost_s", (1, 2, 3), (1, 3, 9, 27)), cost),
        Additive(Metric.from_name("params_m"), 7, {"gcn": 10, "gat": 100}),
    ]
    return Table.create(new_path(), name="t", space=space, datasets={"d": DatasetSpec(metrics)}, archs=archs)


def answers(path):
    """All that a table says, or what it says instead."""
    found = Table.open(path)
    values = [found.runs("d", metric) for metric in found.metrics("d")]
    return [*values, found.archs(), found.rows(found.archs())], found.metrics("d"), found.space.decisions


def same(one, other):
    arrays = zip(one[0], other[0], strict=True)
    return all(np.array_equal(a, b, equal_nan=True) for a, b in arrays) and one[1:] == other[1:]


def test_any_flipped_bit_is_found_when_touched_or_changes_no_answer(table, new_path):
    content = Path(table.path).read_bytes()
    right, rng = answers(table.path), np.random.default_rng(0)
    places = rng.choice(8 * len(content), 400, replace=False)
    n_found = 0
    for place in places.tolist():
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << place % 8
        path = new_path()
        path.write_bytes(flipped)
        try:
            assert same(answers(path), right)
        except TableError as error:
            assert "\n" not in str(error)  # noqa: PT017 (either is right)
            n_found += 1
        path.unlink()
    columns = sum(len(column.raw) for column in read_index(table.path)[1].values())
    assert n_found >= 0.9 * 400 * columns / len(content)  # those that fell into a column, at the least


def test_every_column_is_checked_in_every_place(table, new_path):
    """Each run of each column, first and last byte: found on touching it, and by `verify`."""
    content = Path(table.path).read_bytes()
    for where, entry in read_index(table.path)[0]["columns"].items():
        n_bytes = len(read_index(table.path)[1][where].raw)
        length = n_bytes // n_runs(entry["shape"])
        for start in range(0, n_bytes, length):
            for place in (start, start + length - 1):
                flipped = bytearray(content)
                flipped[entry["offset"] + place] ^= 0x10
                path = new_path()
                path.write_bytes(flipped)
                for look in (answers, lambda path: verify_content(str(path))):
                    with pytest.raises(TableError, match=rf"column {where} is damaged: its checksum does not match"):
                        look(path)


def test_a_query_of_a_flipped_bit_is_one_line(table, new_path):
    content = bytearray(Path(table.path).read_bytes())
    content[read_index(table.path)[0]["columns"]["/d/val_accuracy"]["offset"]] ^= 1
    path = new_path()
    path.write_bytes(content)
    bench = None
    with pytest.raises(TableError, match="column /d/val_accuracy is damaged") as caught:  # noqa: PT012 (either may)
        bench = nbk.Benchmark(Table.open(path), "d")
        bench.query(tuple(table.archs()[0].tolist()), epoch=1)
    assert "\n" not in str(caught.value)


def test_only_what_is_touched_is_read_and_only_once(table, monkeypatch):
    checked = []
    crc32 = table_format.zlib.crc32
    opened = Table.open(table.path)
    monkeypatch.setattr(table_format.zlib, "crc32", lambda raw: checked.append(len(raw)) or crc32(raw))
    column = opened.column("d", "val_accuracy")
    for _ in range(3):
        column.at(1, 2)
    assert checked == [2 * opened.n_archs]  # one seed and epoch of twelve
    for _ in range(3):
        opened.row(tuple(opened.archs()[0].tolist()))
    assert sorted(checked[1:]) == sorted([8 * opened.n_archs, opened.space.n_decisions * opened.n_archs])


def test_a_file_of_the_first_minor_version_answers_as_before(table, new_path, as_format_1_0):
    path = new_path()
    path.write_bytes(as_format_1_0(Path(table.path).read_bytes()))
    assert same(answers(path), answers(table.path))
    old = Table.open(path)
    old.verify()
    assert (old.epochs_are("d"), old.failed("d")) == ("one training", None)
    assert old.sha256 == table.sha256


def test_a_file_of_a_later_minor_version_is_read(table, new_path, with_index):
    path = new_path()
    later = {"minor": 9, "colour": "blue"}
    path.write_bytes(with_index(Path(table.path).read_bytes(), lambda index: index | later))
    assert same(answers(path), answers(table.path))


def test_a_checksum_that_is_none_is_refused(table, new_path, with_index):
    path = new_path()
    for wrong in ("", "00", "x" * 96, 7, None, "é" * 96):

        def change(index, wrong=wrong):
            index["columns"]["/d/val_accuracy"]["crc32"] = wrong
            return index

        path.write_bytes(with_index(Path(table.path).read_bytes(), change))
        with pytest.raises(TableError, match="its index is malformed"):
            Table.open(path)


# ---- verify ----


def test_hdf5_is_asked_in_a_process_that_may_not_come_back(table, new_path, monkeypatch):
    from nasbench_kit.tables import verify

    for child, message in {
        "import time; time.sleep(60)": "cannot verify .*: HDF5 was not done with it after 0.2 s",
        "import os, signal; os.kill(os.getpid(), signal.SIGXCPU)": "HDF5 does not come to an end with it in 10 s",
        "import os; os.abort()": f"HDF5 crashes on it .signal {int(signal.SIGABRT)}",
        "raise SystemExit('no h5py')": "cannot verify .*: no h5py",
        "print('something is odd')": "is damaged: something is odd",
    }.items():
        monkeypatch.setattr(verify, "_CHILD", child)
        monkeypatch.setattr(verify, "_HDF5_S", 0.2 if "sleep" in child else 20)
        with pytest.raises(TableError, match=message):
            table.verify()


def test_our_own_checks_come_before_hdf5(table, new_path, monkeypatch):
    from nasbench_kit.tables import verify

    content = bytearray(Path(table.path).read_bytes())
    content[read_index(table.path)[0]["columns"]["/keys"]["offset"]] ^= 1
    path = new_path()
    path.write_bytes(content)
    monkeypatch.setattr(verify.subprocess, "run", lambda *_, **__: pytest.fail("HDF5 was asked"))
    with pytest.raises(TableError, match="column /keys is damaged"):
        Table.open(path).verify()


def test_what_hdf5_finds_elsewhere_is_told(table, new_path, with_index):
    path = new_path()
    content = Path(table.path).read_bytes()
    assert hdf5_fault(table.path) == ""
    path.write_bytes(with_index(content, lambda index: index | {"about": {"title": "other"}}))
    assert hdf5_fault(str(path)) == "its index and its HDF5 attribute 'description' differ"


@pytest.mark.skipif(sys.platform == "win32", reason="locks are mandatory there")
def test_a_table_that_another_program_has_locked_is_whole(table, new_path):
    import fcntl

    path = new_path()
    shutil.copy(table.path, path)
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        Table.open(path).verify()


# ---- replacing ----


def test_a_reader_keeps_its_values_while_a_table_is_replaced(table, new_path):
    path = new_path()
    shutil.copy(table.path, path)
    reader = Table.open(path)
    before = reader.column("d", "cost_s")
    other = DatasetSpec([Stored(Metric.from_name("val_accuracy"), np.full((1, 1, table.n_archs), 0.5))])
    Table.create(path, name="o", space=table.space, datasets={"d": other}, archs=table.archs())
    np.testing.assert_array_equal(before.runs(), table.runs("d", "cost_s"))


@pytest.mark.skipif(os.name != "posix", reason="processes are asked for by signals")
def test_what_a_killed_writer_left_is_removed_by_the_next(make_table, stored, tmp_path):
    killed = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    killed.kill()
    killed.wait()
    alive = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    path = tmp_path / "t.h5"
    try:
        for owner in (killed.pid, alive.pid, "somebody"):
            (tmp_path / f"t.h5.{owner}.partial").touch()
            (tmp_path / f"other.h5.{owner}.partial").touch()
        make_table(stored("val_accuracy", np.zeros(6)), path=path)
        left = sorted(name.name for name in tmp_path.glob("t.h5.*"))
        assert left == sorted([f"t.h5.{alive.pid}.partial", "t.h5.somebody.partial"])
        assert len(list(tmp_path.glob("other.h5.*"))) == 3
    finally:
        alive.kill()
        alive.wait()


def test_the_folder_too_is_written_to_the_disk(make_table, stored, tmp_path, monkeypatch):
    import stat

    done, fsync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(
        os, "fsync", lambda fd: done.append("folder" if stat.S_ISDIR(os.fstat(fd).st_mode) else "file") or fsync(fd)
    )
    monkeypatch.setattr(os, "replace", lambda *paths: done.append("replaced") or replace(*paths))
    make_table(stored("val_accuracy", np.zeros(6)), path=tmp_path / "t.h5")
    assert done == ["file", "replaced", "folder"]


def test_a_link_out_of_a_table_is_not_followed(make_table, stored, tmp_path):
    path, other = tmp_path / "linked.h5", tmp_path / "other.h5"
    for where in (path, other):
        make_table(stored("val_accuracy", np.arange(6) / 10), path=where)
    index = read_index(path)[0]
    (column,) = index["columns"]
    with h5py.File(path, "r+") as file:
        file.move(column, "/kept")
        file[column] = h5py.ExternalLink(str(other), column)
    index["file_bytes"] = path.stat().st_size
    with open(path, "r+b") as raw:
        raw.write(encode_index(index))
    with pytest.raises(TableError, match=f"column {column} is a link, which is not followed"):
        nbk.Table.open(path).verify()

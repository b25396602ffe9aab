"""What is written is never something that is read, or written as something else."""

import os
from pathlib import Path

import pytest

from nasbench_kit.errors import SettingError
from nasbench_kit.outputs import check_outputs


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("there.h5").write_text("data")
    Path("link.h5").symlink_to("there.h5")
    os.link("there.h5", "hard.h5")
    Path("models").mkdir()
    Path("models/card.json").write_text("{}")
    Path("linked").symlink_to("models")
    Path("dangling.h5").symlink_to("new.h5")
    return tmp_path


@pytest.mark.parametrize(
    ("read", "written"),
    [
        ("there.h5", "there.h5"),
        ("there.h5", "./models/../there.h5"),
        ("there.h5", "link.h5"),
        ("link.h5", "there.h5"),
        ("there.h5", "hard.h5"),
        ("models", "models"),
        ("models", "linked"),
    ],
)
def test_an_output_that_is_an_input_is_refused(read, written):
    with pytest.raises(SettingError, match=r"^--out '.*' would overwrite --table '.*'; give another file to write$"):
        check_outputs(reads=[("--table", read)], writes=[("--out", written)])


@pytest.mark.parametrize("written", ["models/card.json", "models/new.h5", "linked/new.h5", "models/a/b/new.h5"])
def test_an_output_in_a_folder_that_is_read_is_refused(written):
    with pytest.raises(SettingError, match=r"^--out '.*' lies in SURROGATE 'models', which is read"):
        check_outputs(reads=[("SURROGATE", "models")], writes=[("--out", written)])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a.png", "a.png"),
        ("new.h5", "dangling.h5"),
        ("there.h5", "hard.h5"),
        ("a.png", "A.PNG"),
        ("models/a.png", "linked/a.png"),
    ],
)
def test_two_outputs_that_are_one_file_are_refused(one, other):
    with pytest.raises(SettingError, match=r"^--study '.*' and --figure '.*' are the same file; give two$"):
        check_outputs(writes=[("--study", one), ("--figure", other)])


def test_different_files_pass(folder):
    Path("b.png").write_text("")
    check_outputs(
        reads=[("--table", "there.h5"), ("--from", None), ("SOURCE", folder / "absent.h5")],
        writes=[
            ("--study", "a.db"),
            ("--figure", "a.png"),
            ("--figure", Path("a.pdf")),
            ("--out", None),
            ("--t", "B.png"),
        ],
    )
    check_outputs(reads=[("--table", "models")], writes=[("--out", "models.h5")])
    assert sorted(os.listdir()) == ["b.png", "dangling.h5", "hard.h5", "link.h5", "linked", "models", "there.h5"]

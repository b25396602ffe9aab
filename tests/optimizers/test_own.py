"""Optimizers of one's own are found in the working directory, and nothing else there is ever run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nasbench_kit.errors import UnknownNameError
from nasbench_kit.optimizers.own import own_class

MINE = "from nasbench_kit.optimizers import RandomSearch as Mine\n"
STRAY = "open(__file__ + '.run', 'w').close()\nraise SystemExit('a stray module was run')\n"
SCRIPT = "from nasbench_kit.__main__ import run\nif __name__ == '__main__':\n    run()\n"  # as pip writes it
LIBRARY = """import sys
import nasbench_kit as nbk
if __name__ == "__main__":
    nbk.compare("nasbench201/cifar10", sys.argv[1:], runs=4, n_processes=2, n_evaluations=5)
"""
STRAYS = ("random", "pickle", "numpy", "rich", "lightgbm", "click", "sqlite3", "matplotlib", "queue", "statistics")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    Path("my_search.py").write_text(MINE)
    yield tmp_path
    for name in ("my_search", "my_package", "my_package.inner"):
        sys.modules.pop(name, None)


def test_a_class_in_the_working_directory_is_found_last(folder):
    before = [*sys.path]
    assert own_class("my_search:Mine").__name__ == "RandomSearch"
    assert sys.path == [*before, str(folder)]
    own_class("my_search:Mine")
    assert sys.path == [*before, str(folder)]


def test_a_class_within_a_package_is_found(folder):
    Path("my_package").mkdir()
    Path("my_package/inner.py").write_text(f"{MINE}class Outer:\n    Inner = Mine\n")
    assert own_class("my_package.inner:Outer.Inner") is own_class("my_search:Mine")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent:Mine", "cannot import optimizer 'absent:Mine': ModuleNotFoundError: No module named 'absent'"),
        ("optunna:TPESampler", "No module named 'optunna'; did you mean 'optuna'"),
        ("my_search:Other", "cannot import optimizer 'my_search:Other': AttributeError: .* has no attribute 'Other'"),
        ("my_search:", "'my_search:' names no optimizer; module:Class expected"),
        (":Mine", "':Mine' names no optimizer; module:Class expected"),
        ("..:Mine", "cannot import optimizer"),
        ("json:Mine", "'json.py' is hidden by .*json/__init__.py: give it another name$"),
    ],
)
def test_what_cannot_be_imported_is_one_line(folder, name, message):
    Path("json.py").write_text(MINE)
    with pytest.raises(UnknownNameError, match=message):
        own_class(name)


@pytest.mark.parametrize(
    ("how", "optimizer"), [("module", "random_search"), ("module", "my_search:Mine"), ("script", "my_search:Mine")]
)
def test_no_other_file_of_the_working_directory_is_run_by_a_command_or_its_workers(folder, how, optimizer):
    for name in STRAYS:
        Path(f"{name}.py").write_text(STRAY)
    (folder / "bin").mkdir()
    (folder / "bin" / "nasbench-kit").write_text(SCRIPT)
    command = [sys.executable, *(["-m", "nasbench_kit"] if how == "module" else ["bin/nasbench-kit"]), "compare"]
    arguments = ["-b", "nasbench201/cifar10", "-o", optimizer, "--runs", "4", "--evaluations", "5", "--processes", "2"]
    assert_runs_without_strays(folder, [*command, *arguments])


@pytest.mark.parametrize("optimizer", ["random_search", "my_search:Mine"])
def test_no_other_file_of_the_working_directory_is_run_by_workers_of_a_program_that_lies_elsewhere(folder, optimizer):
    for name in STRAYS:
        Path(f"{name}.py").write_text(STRAY)
    (folder / "libs").mkdir()
    (folder / "libs" / "program.py").write_text(LIBRARY)
    assert_runs_without_strays(folder, [sys.executable, "libs/program.py", optimizer])


def assert_runs_without_strays(folder, command):
    env = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(folder.glob("*.run")) == []

"""The data folder: what lies there is found by its name, first, and what is wrong there disturbs nothing else."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import nasbench_kit as nbk
from nasbench_kit.catalog import list_tables
from nasbench_kit.cli import main
from nasbench_kit.cli.shared import numbers_in_short
from nasbench_kit.errors import TableError, UnknownNameError
from nasbench_kit.places import data_folder, shipped
from nasbench_kit.spaces import NASBench201Space

EMBEDDED = nbk.list_benchmarks()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty data folder."""
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("NASBENCH_KIT_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def replacing(folder, stored):
    """A table in it of the same name as one that comes with the package."""
    space = NASBench201Space()
    archs = space.all_archs()[:50]
    spec = {"cifar10": nbk.tables.DatasetSpec([stored("val_accuracy", np.linspace(0, 1, 50))])}
    return nbk.Table.create(folder / "nasbench201.h5", name="nasbench201", space=space, datasets=spec, archs=archs)


def command(*arguments, code=0):
    done = CliRunner().invoke(main, list(map(str, arguments)))
    assert done.exit_code == code, done.output
    return done.stdout if code == 0 else done.stderr


def test_the_folder_is_where_the_environment_says_and_else_where_the_system_keeps_data(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NASBENCH_KIT_DATA", "~/tables")
    assert data_folder() == str(tmp_path / "tables")
    monkeypatch.delenv("NASBENCH_KIT_DATA")
    assert "nasbench_kit" in data_folder()
    monkeypatch.setenv("NASBENCH_KIT_DATA", "")
    assert "nasbench_kit" in data_folder()


def test_a_folder_that_is_not_there_is_empty(monkeypatch, tmp_path):
    monkeypatch.setenv("NASBENCH_KIT_DATA", str(tmp_path / "absent"))
    assert "nasbench201/cifar10" in nbk.list_benchmarks()


def test_a_table_in_the_folder_is_found_by_its_name(folder, make_table, stored):
    make_table(stored("val_accuracy", np.arange(6) / 10), path=folder / "mine.h5")
    assert "mine/d" in nbk.list_benchmarks()
    assert nbk.load("mine/d").query("5,64").val_accuracy == 0.5
    assert "in the data folder" in command("info", "mine")
    assert "mine/d" in command("list")
    (answer,) = json.loads(command("query", "mine/d", "5,64", "--json"))
    assert answer["val_accuracy"] == 0.5


def test_a_table_of_the_same_name_takes_the_place_of_the_one_that_comes_along(replacing, cifar10):
    bench = nbk.load("nasbench201/cifar10")
    assert bench.results.path == replacing.path
    assert bench.results.n_archs == 50
    assert [name for name in nbk.list_benchmarks() if name.startswith("nasbench201/")] == ["nasbench201/cifar10"]
    shown = command("info", "nasbench201")
    assert f"{replacing.path} (in the data folder, instead of the one that comes with the package)" in shown
    assert "50 of 15,625 architectures" in shown
    rows = {row["name"]: row for row in json.loads(command("list", "--json"))["benchmarks"]}
    assert rows["nasbench201/cifar10"]["place"] == "in the data folder, instead of the one that comes with the package"
    shown = command("info", os.path.join(shipped("data"), "nasbench201.h5"))
    assert "(comes with the package)" in shown
    with pytest.raises(UnknownNameError, match="unknown benchmark 'nasbench201/cifar100'"):
        nbk.load("nasbench201/cifar100")


def test_a_damaged_file_there_is_left_out_and_named(folder):
    (folder / "broken.h5").write_bytes(b"nothing")
    (folder / "notes.txt").write_text("mine")
    (folder / "folder.h5").mkdir()
    assert [name for name in nbk.list_benchmarks() if "broken" in name] == []
    shown = command("list")
    assert "nasbench201/cifar10" in shown
    assert "left out: '" in shown
    assert "broken.h5' is not a nasbench_kit table" in shown
    assert "folder.h5" in shown
    assert "broken" not in str(json.loads(command("list", "--json")))
    with pytest.raises(TableError, match=r"broken\.h5' is not a nasbench_kit table"):
        nbk.load("broken/d")


def test_a_file_named_otherwise_than_its_table_is_explained(folder, make_table, stored):
    made = make_table(stored("val_accuracy", np.arange(6) / 10), path=folder / "mine.h5")
    shutil.copy(made.path, folder / "other.h5")
    assert [name for name in nbk.list_benchmarks() if name not in EMBEDDED] == ["mine/d"]
    message = r"other\.h5' holds the table 'mine'; name the file mine\.h5"
    for name in ("other/d", "other", "other/x"):
        with pytest.raises(UnknownNameError, match=message):
            nbk.load(name)
    assert "holds the table 'mine'; name the file mine.h5" in command("list")


def test_a_relative_folder_works(folder, make_table, stored, monkeypatch):
    make_table(stored("val_accuracy", np.arange(6) / 10), path=folder / "mine.h5")
    shutil.copy(folder / "mine.h5", folder / "other.h5")
    monkeypatch.chdir(folder.parent)
    monkeypatch.setenv("NASBENCH_KIT_DATA", "data")
    assert nbk.load("mine/d").results.path == str(folder / "mine.h5")
    with pytest.raises(UnknownNameError, match="holds the table 'mine'; name the file"):
        nbk.load("other/d")
    assert "in the data folder" in command("info", "mine")


def test_import_writes_into_the_folder_and_makes_it(folder):
    folder.rmdir()
    Path(folder.parent / "r.csv").write_text("arch,val_accuracy\n3,0.5\n5,0.6\n")
    toml = folder.parent / "m.toml"
    toml.write_text(
        'name = "m"\ndata = "r.csv"\n[space.decisions]\nk = ["3", "5"]\n[metrics]\nval_accuracy = "val_accuracy"\n'
    )
    command("import", toml)
    assert list_tables()["m"] == str(folder / "m.h5")
    assert "unknown kind of file 'x'" in command("import", toml, "--kind", "x", code=2)


def test_import_says_what_a_table_takes_the_place_of(folder):
    (folder.parent / "r.csv").write_text("arch,val_accuracy\n333132,0.5\n")
    toml = folder.parent / "m.toml"
    text = 'name = "{}"\ndata = "r.csv"\nspace = "nasbench201"\n[metrics]\nval_accuracy = "val_accuracy"\n'
    toml.write_text(text.format("m"))
    shown = command("import", toml)
    assert "replaced" not in shown
    assert "from now on" not in shown
    assert "it replaced the table that was there" in command("import", toml)
    toml.write_text(text.format("nasbench201"))
    assert "the one that comes with" not in command("import", toml, "--out", folder.parent / "elsewhere.h5")
    shown = command("import", toml)
    assert "nasbench201 means this table from now on, not the one that comes with the package" in shown
    assert "it replaced the table that was there" in command("import", toml)


# ---- what info shows ----


@pytest.mark.parametrize(
    ("numbers", "shown"),
    [
        ((), "-"),
        ((200,), "200"),
        ((4, 12, 36, 108), "4, 12, 36, 108"),
        (tuple(range(1, 201)), "1-200"),
        ((0, 1), "0, 1"),
        ((0, 1, 2, 777), "0-2, 777"),
        ((*range(1, 13), 200), "1-12, 200"),
        (tuple(range(0, 200, 2)), "0, 2, 4, 6, 8, 10, 12, 14, ..., 198 (100)"),
    ],
)
def test_long_lists_of_epochs_are_shown_in_short(numbers, shown):
    assert numbers_in_short(numbers) == shown


def test_info_says_how_much_was_recorded(make_table, stored):
    values = np.array([[0.1, 0.2, np.nan, 0.4, 0.5, 0.6], [np.nan] * 5 + [0.1]])
    about = {"title": "T", "licence": "L", "citation": "C", "sources": [{"file": "f", "sha256": "s"}]}
    table = make_table(
        stored("val_accuracy", values, seeds=[1, 2]),
        stored("latency_ms", np.array([1, 2, 3, 4, 5, 9], "u1"), missing=9),
        stored("params_m", np.arange(6.0)),
        about=about,
    )
    shown = " ".join(command("info", table.path).split())
    assert "d val_accuracy * val fraction max - 1, 2 6 of 12 (50.0 %)" in shown
    assert "d latency_ms - ms min - - 5 of 6 (83.3 %)" in shown
    assert "d params_m - million min - - all" in shown
    for what in (
        "mine: T",
        "licence L",
        "citation C",
        "source file f, sha256 s",
        f"{table.path} (a file)",
        table.sha256,
    ):
        assert what in shown
    (metric, *_) = json.loads(command("info", table.path, "--json"))["datasets"]["d"]["metrics"]
    assert (metric["n_recorded"], metric["n_possible"]) == (6, 12)


def test_benchmarks_with_different_metrics_and_clocks_are_compared_without_mixing_them_up(
    folder, make_table, stored, monkeypatch
):
    monkeypatch.chdir(folder.parent)
    make_table(stored("val_accuracy", np.arange(6) / 10), stored("cost_s", np.ones(6)), path=folder / "mine.h5")
    losses = make_table(
        stored("val_loss", np.arange(6.0)), objective="val_loss", name="losses", path=folder / "losses.h5"
    )
    both = ["-b", "mine/d", "-b", "losses/d", "--runs", "2", "--processes", "1", "-o", "random_search"]
    lines = command("compare", *both).splitlines()
    assert [" ".join(line.split()) for line in lines if "/d" in line and not line.startswith("how")] == [
        "mine/d val accuracy [%]",
        "losses/d val loss [nats]",
    ]
    assert " metric " in lines[0]
    (how,) = [line for line in lines if line.startswith("how: ")]
    assert "budget 500 simulated seconds" in how
    assert "budget 500 evaluations" in how
    assert losses.name == "losses"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_one_line(folder):
    (folder.parent / "secret.csv").write_text("arch\n")
    (folder.parent / "secret.csv").chmod(0)
    message = command("import", folder.parent / "secret.csv", code=2)
    assert message.startswith("error: cannot read '")
    assert message.endswith("Permission denied\n")

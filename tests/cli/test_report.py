"""`report` and `watch`: what is typed wrong is one line, what is read is never written."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

import nasbench_kit as nbk
from nasbench_kit.cli import main

C10 = "nasbench201/cifar10"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    path = tmp_path_factory.mktemp("typed") / "mine.db"
    nbk.compare(C10, ["random_search", "local_search"], runs=3, n_evaluations=5, study=path, n_processes=1)
    return path


@pytest.fixture
def folder(study, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(study, "mine.db")
    return tmp_path


def typed(*words):
    return CliRunner().invoke(main, words)


def test_a_page_is_written_where_it_is_asked_for(folder):
    assert typed("report", "mine.db").output == "report.html\n"
    assert "<title>mine</title>" in Path("report.html").read_text()
    assert typed("report", "mine.db", "-o", "x.html", "--title", "a < b", "--optimizer", "local_search").exit_code == 0
    page = Path("x.html").read_text()
    assert "<title>a &lt; b</title>" in page
    assert "1 optimizer on 1 benchmark" in page


def test_a_folder_for_a_paper_is_written(folder, monkeypatch):
    monkeypatch.setattr("nasbench_kit.report.paper._KINDS", ("anytime",))  # the others take their time
    result = typed("report", "mine.db", "--format", "paper", "-o", "appendix")
    assert result.exit_code == 0, result.output
    assert {path.name for path in Path("appendix").iterdir()} >= {"report.md", "tables.tex", "anytime.pdf"}
    assert typed("report", "mine.db", "--format", "paper", "-o", "appendix").exit_code == 0  # anew


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["other.db"], "error: there is no study 'other.db'\n"),
        (["mine.db", "-b", "nasbench201/cifar"], "did you mean 'nasbench201/cifar10'?"),
        (["mine.db", "--optimizer", "local"], "unknown optimizer of mine.db 'local'"),
        (["mine.db", "-o", "mine.db"], "error: --out 'mine.db' would overwrite STUDY 'mine.db'"),
        (["mine.db", "-o", "none/page.html"], "error: cannot write 'none/page.html': there is no folder"),
        (["mine.db", "-o", "."], "it is a folder; a file that ends in .html expected, or --format paper"),
        (["mine.db", "-o", "x.txt"], "cannot write 'x.txt': a page is HTML; a name that ends in .html expected"),
        (["mine.db", "-o", "report"], "cannot write 'report': a page is HTML; a name that ends in .html expected"),
        (["mine.db", "--format", "paper", "-o", "taken"], "cannot write into 'taken': it is a file; a folder expected"),
        (["mine.db", "--format", "paper", "-o", "none/new"], "cannot write into 'none/new': there is no folder"),
        (
            ["mine.db", "--format", "paper", "-o", "."],
            "cannot write into '.': it holds 'mine.db', and is of no earlier",
        ),
        (["mine.db", "--format", "pdf"], "Invalid value for '--format'"),
        (["mine.db", "--from", "none.h5"], "none.h5"),
        ([], "Missing argument 'STUDY...'"),
    ],
)
def test_what_is_typed_wrong_is_one_line(folder, words, said):
    Path("taken").write_text("mine")
    before = {path: path.read_bytes() for path in Path().iterdir()}
    result = typed("report", *words)
    assert result.exit_code == 2
    assert said in result.output
    assert result.output.count("\n") == 1
    assert {path: path.read_bytes() for path in Path().iterdir()} == before


def test_a_study_of_nothing_is_one_line(folder):
    Path("empty.db").touch()
    assert typed("report", "empty.db").output == "error: 'empty.db' is empty, no study\n"


def test_watch_refuses_a_port_that_is_none(folder):
    result = typed("watch", "mine.db", "--port", "70000")
    assert (result.exit_code, result.output.count("\n")) == (2, 1)
    assert "--port" in result.output


def test_a_study_that_is_given_twice_is_refused_by_whatever_path(folder):
    Path("link.db").symlink_to("mine.db")
    Path("hard.db").hardlink_to("mine.db")
    for other, said in (
        ("mine.db", "the study 'mine.db' is given twice; give different ones"),
        ("./mine.db", None),
        ("link.db", "the study 'mine.db' is given twice, as 'link.db' is the same file; give different ones"),
        ("hard.db", None),
        (str(folder / "mine.db"), None),
    ):
        for command in (["report"], ["merge"], ["merge", "-o", "new.db"]):
            result = typed(*command, "mine.db", other)
            assert result.exit_code == 2
            assert (said or "the study 'mine.db' is given twice") in result.output
            assert result.output.count("\n") == 1
    assert not Path("report.html").exists()
    assert not Path("new.db").exists()

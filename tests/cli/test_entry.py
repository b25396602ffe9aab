"""From its first import to its last word, the command ends in one line, whatever the machine does to it."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from nasbench_kit.cli.shared import Group, example

COMMAND = [sys.executable, "-m", "nasbench_kit"]
SMALL = ["-b", "nasbench201/cifar10", "-o", "random_search", "--runs", "2", "--evaluations", "5", "--processes", "1"]


def run(*arguments, **how):
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "check": False} | how
    return subprocess.run([*COMMAND, *arguments], **how)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


# ---- what happens while modules are imported ----

FAILING_IMPORT = """
import sys
class Finder:
    def find_spec(self, name, *rest):
        if name == {module!r}:
            raise {error}
sys.meta_path.insert(0, Finder())
sys.argv = ["nasbench-kit", "list"]
from nasbench_kit.__main__ import run
run()
"""


STOPPED = "KeyboardInterrupt", 130, "error: stopped"
FEW_FILES = "OSError(24, 'Too many open files', name)", 2, "Too many open files"
NO_LIBRARY = "ImportError('no\\nshared\\nlibrary')", 2, "error: ImportError: no shared library"
ODD = "RuntimeError('odd')", 2, "error: RuntimeError: odd; NASBENCH_KIT_DEBUG=1 shows where"


@pytest.mark.parametrize(
    ("module", "error", "code", "line"),
    [
        ("nasbench_kit.cli", *STOPPED),
        ("nasbench_kit.cli", *ODD),
        ("click", *FEW_FILES),
        ("click", *NO_LIBRARY),
        ("nasbench_kit.spaces.base", *NO_LIBRARY),
        ("nasbench_kit.spaces.base", *STOPPED),
        ("nasbench_kit.tables.column", *ODD),
        ("nasbench_kit.tables.column", *FEW_FILES),
    ],
)
def test_what_goes_wrong_while_importing_is_one_line(module, error, code, line):
    script = FAILING_IMPORT.format(module=module, error=error)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert line in done.stderr
    assert done.stderr.count("\n") == 1


def test_nothing_but_our_own_name_is_imported_before_ctrl_c_is_minded():
    script = "import sys; before = set(sys.modules); import nasbench_kit.__main__; print(*set(sys.modules) - before)"
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert set(printed.split()) <= {"nasbench_kit", "nasbench_kit.version", "nasbench_kit.__main__", "__future__"}


def test_a_fault_shows_where_it_is_if_asked():
    script = FAILING_IMPORT.format(module="numpy", error="RuntimeError('odd')")
    environment = os.environ | {"NASBENCH_KIT_DEBUG": "1"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, env=environment)
    assert "Traceback" in done.stderr


# ---- errors of the machine within a command ----


def failing(error):
    @click.group(cls=Group)
    def group():
        """Group."""

    @group.command(epilog=example("x"))
    @click.option("--reveal", "seed", help="Which.")
    @click.option("--evaluations", "n_evaluations", help="How many.")
    def fail(seed, n_evaluations):
        """Fail."""
        raise error

    return CliRunner().invoke(group, ["fail"])


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (EOFError("compressed file ended"), "error: a file or a process ended too early: compressed file ended"),
        (OSError(28, "No space left on device", "a.h5"), "error: No space left on device (a.h5)"),
        (OSError("odd"), "error: odd"),
        (MemoryError(), "error: out of memory"),
    ],
)
def test_an_error_of_the_machine_is_one_line(error, line):
    result = failing(error)
    assert result.exit_code == 2
    assert result.stderr == f"{line}\n"


def test_ctrl_c_is_one_line():
    result = failing(KeyboardInterrupt())
    assert (result.exit_code, result.stderr) == (130, "error: stopped\n")


# ---- the streams ----


def test_a_full_disk_under_the_output_is_one_line():
    with open("/dev/full", "w") as full:
        done = run("list", stdout=full)
    assert (done.returncode, done.stderr) == (2, "error: No space left on device\n")


def test_a_full_disk_under_output_and_errors_is_no_success():
    with open("/dev/full", "w") as full:
        assert run("query", "nasbench201/cifar10", "no cell", stdout=full, stderr=full).returncode != 0


def test_whoever_reads_one_line_only_gets_it_and_no_error():
    reading, writing = os.pipe()
    os.close(reading)
    done = run("list", stdout=writing)
    os.close(writing)
    assert done.stderr == ""


def test_a_closed_output_is_no_error():
    done = subprocess.run(
        ["/bin/sh", "-c", '"$@" >&-', "sh", *COMMAND, "list"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


ENCODING, LOCALE = {"PYTHONIOENCODING": "ascii"}, {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0"}


@pytest.mark.parametrize(
    ("settings", "arguments"),
    [
        (ENCODING, ["list"]),
        (LOCALE, ["list"]),
        (ENCODING, ["info", "nasbench201_surrogate"]),
        (LOCALE, ["compare", *SMALL]),
    ],
)
def test_a_terminal_that_knows_ascii_alone_is_enough(settings, arguments):
    done = run(*arguments, env=os.environ | settings, text=False)
    assert (done.returncode, done.stderr) == (0, b"")


# ---- few files, odd settings ----


def _limit(n):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (n, n))


@pytest.mark.parametrize("n", [6, 9, 16])
@pytest.mark.parametrize("arguments", [["list"], ["show", "333132", "-o", "c.pdf"], ["compare", *SMALL]], ids=" ".join)
def test_few_open_files_are_enough_or_one_line(n, arguments):
    done = run(*arguments, preexec_fn=_limit(n))
    assert done.returncode in (0, 2)
    if done.returncode:
        assert done.stderr.count("\n") == 1
        assert done.stderr.startswith("error: ")
    assert list(Path().glob("*.partial")) == []


@pytest.mark.parametrize("backend", ["module://matplotlib_inline.backend_inline", "tkagg", "mistyped"])
def test_the_backend_of_a_notebook_or_a_mistyped_one_is_no_hindrance(backend):
    done = run("show", "333132", "-o", "cell.png", env=os.environ | {"MPLBACKEND": backend})
    assert (done.returncode, done.stderr) == (0, "")
    assert Path("cell.png").read_bytes().startswith(b"\x89PNG")

"""What `pip install` gives: the wheel carries its data and needs no checkout."""

import email
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import nasbench_kit as nbk

ROOT = Path(__file__).resolve().parents[1]

USE = """
import json, sys
import nasbench_kit as nbk
bench = nbk.load("nasbench201/cifar10")
bench.results.verify()
print(json.dumps({
    "package": nbk.__file__,
    "table": bench.results.path,
    "sha256": bench.results.sha256,
    "benchmarks": nbk.list_benchmarks(),
    "answer": bench.query((3, 3, 3, 1, 3, 2)),
    "best": {name: nbk.load(name).best() for name in nbk.list_benchmarks()},
}))
"""


def run(*command, **how):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=300, **how)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Run something with the installed wheel, outside the checkout."""
    target = tmp_path_factory.mktemp("site")
    run(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", target, wheel)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    environment = {**os.environ, "PYTHONPATH": str(target)}  # comes before the checkout that pip -e put on the path

    def use(*arguments):
        return run(sys.executable, "-P", "-s", *arguments, cwd=elsewhere, env=environment)

    use.target = target
    return use


def shipped_files():
    """What lies in `data/` and `surrogates/`, folders in them included."""
    found = [path for folder in ("data", "surrogates") for path in (ROOT / folder).rglob("*") if path.is_file()]
    assert found
    return {path.relative_to(ROOT).as_posix() for path in found if "__pycache__" not in path.parts}


def test_the_source_distribution_holds_data_surrogates_and_tests(tmp_path):
    run(sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", tmp_path, ROOT)
    (path,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert shipped_files() <= names
    assert {"README.md", "LICENSE", "NOTICE", "pyproject.toml", "tests/test_wheel.py"} <= names


def test_the_wheel_holds_data_surrogates_and_licences(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"nasbench_kit/shipped/{file}" for file in shipped_files()} <= names
    assert "nasbench_kit/py.typed" in names
    licences = {Path(name).name for name in names if ".dist-info/licenses/" in name}
    assert licences == {"LICENSE", "NOTICE", "uPlot.LICENSE"}


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    inside = {name for name in names if name.startswith("nasbench_kit/") and name.endswith(".py")}
    inside -= {f"nasbench_kit/shipped/{file}" for file in shipped_files()}  # scripts that make surrogates
    assert inside == {str(path.relative_to(ROOT)) for path in (ROOT / "nasbench_kit").rglob("*.py")}
    assert {name.split("/")[0] for name in names} == {"nasbench_kit", f"nasbench_kit-{nbk.__version__}.dist-info"}


def test_the_wheel_names_its_version_and_what_it_needs(wheel):
    archive = zipfile.ZipFile(wheel)
    (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
    metadata = email.message_from_bytes(archive.read(name))
    assert metadata["Version"] == nbk.__version__
    assert metadata["License-Expression"] == "Apache-2.0"
    needed = {text.split(">")[0] for text in metadata.get_all("Requires-Dist") if "extra ==" not in text}
    others = {"click", "google-crc32c", "platformdirs", "rich", "threadpoolctl"}
    assert needed == {"h5py", "matplotlib", "moocore", "numpy", "scipy", *others}


def test_the_installed_package_answers_from_its_own_table(installed, cifar10):
    found = json.loads(installed("-c", USE))
    assert found["package"].startswith(str(installed.target))
    assert found["table"].startswith(str(installed.target))
    assert found["sha256"] == cifar10.results.sha256
    assert found["benchmarks"] == nbk.list_benchmarks()
    assert found["answer"] == json.loads(json.dumps(cifar10.query((3, 3, 3, 1, 3, 2))))
    assert found["best"] == json.loads(json.dumps({name: nbk.load(name).best() for name in nbk.list_benchmarks()}))


def test_the_installed_command_runs(installed):
    script = installed.target / "bin" / "nasbench-kit"
    assert script.exists()
    arguments = ["compare", "-b", "nasbench201/cifar10", "-o", "random_search", "--runs", "2", "--evaluations", "5"]
    (row,) = json.loads(installed(script, *arguments, "--processes", "2", "--json"))
    assert row["n_runs"] == 2
    shown = json.loads(installed(script, "info", "nasbench201", "--verify", "--json"))
    assert shown["path"].startswith(str(installed.target))

"""Small studies, and what the tests of them share."""

import contextlib
import sqlite3
import sys

import pytest

from nasbench_kit.simulator import Records
from nasbench_kit.study import Configuration, Study

SAME = [name for name in Records._fields if name != "optimizer_s"]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "study.db"


@pytest.fixture
def random_search(cifar10):
    return Configuration.of(cifar10, "random_search", n_evaluations=20)


@pytest.fixture
def evolution(cifar10):
    return Configuration.of(cifar10, "regularized_evolution", {"sample_size": 5}, n_evaluations=20, n_workers=3)


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module that can be imported, also by worker processes."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(name, body):
        (tmp_path / f"{name}.py").write_text(f"from nasbench_kit.optimizers import RandomSearch\n\n{body}\n")
        sys.modules.pop(name, None)

    yield write
    for name in [
        name for name, loaded in sys.modules.items() if str(tmp_path) in (getattr(loaded, "__file__", "") or "")
    ]:
        del sys.modules[name]


@pytest.fixture(scope="session")
def content():
    """All that must not depend on when and where a run was made."""

    def read(path):
        with Study(path, create=False) as study:
            return {
                (key.identity, run.run_seed): [getattr(run.records, name).tobytes() for name in SAME]
                for key in study.configurations()
                for run in study.runs(key)
            }

    return read


@pytest.fixture(scope="session")
def filled():
    """Make a study file with some runs."""

    def fill(path, configuration, n_runs=3):
        with Study(path) as study:
            study.run([configuration], range(n_runs), n_processes=1)
        return path

    return fill


@pytest.fixture(scope="session")
def sql():
    """Change a study behind its back."""

    def change(path, *statement):
        with contextlib.closing(sqlite3.connect(path)) as db, db:
            return db.execute(*statement).fetchall()

    return change

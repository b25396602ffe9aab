"""Small studies, and their pages."""

from importlib import import_module

import pytest

import nasbench_kit as nbk
from nasbench_kit.report import html_page, report_of

HOSTILE = "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=1>"
OPTIMIZERS = ["random_search", ("regularized_evolution", {"sample_size": 5}, HOSTILE), "local_search"]


@pytest.fixture(scope="session")
def hostile():
    """A label that tries to be markup."""
    return HOSTILE


@pytest.fixture
def undrawn(monkeypatch):
    """Let `compare` draw no figure, which takes longer than a few runs."""
    monkeypatch.setattr(import_module("nasbench_kit.cli.compare"), "_draw", lambda made, pictures, **how: None)


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """Three optimizers on two benchmarks; one of them has a label that tries to be markup."""
    path = tmp_path_factory.mktemp("report") / "small.db"
    benchmarks = ["nasbench201/cifar10", "nasbench201/cifar100"]
    nbk.compare(benchmarks, OPTIMIZERS, runs=12, n_evaluations=40, study=path, n_processes=1)
    return path


@pytest.fixture(scope="session")
def report(study):
    return report_of(study)


@pytest.fixture(scope="session")
def page(report, tmp_path_factory):
    """The page, as a file."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(html_page(report), encoding="utf-8")
    return path

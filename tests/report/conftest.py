"""Small studies, and their pages."""

import re
from collections import defaultdict
from html import unescape
from html.parser import HTMLParser
from importlib import import_module

import pytest

import nasbench_kit as nbk
from nasbench_kit.analysis import write_archive
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


class Reader(HTMLParser):
    """Elements and texts, as a browser sees them."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.texts, self.scripts, self._in = [], [], [], [], ""
        self.within = defaultdict(list)  # tag -> texts that stand directly in it
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self._in = tag
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data):
        if self._in == "script":
            self.scripts[-1] += data
        else:
            self.texts.append(data)
            self.within[self._in].append(data)

    def handle_endtag(self, tag):
        self._in = ""


def table_rows(html, caption):
    """Texts of the cells of the table whose caption begins so."""
    body = next(part for part in html.split("<caption>")[1:] if part.startswith(caption)).split("</table>")[0]
    cells = (re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in body.split("<tbody>")[1].split("<tr>")[1:])
    return [[unescape(re.sub("<[^>]*>", "", cell)) for cell in row] for row in cells]


@pytest.fixture(scope="session")
def read():
    """Makes a `Reader` of a page."""
    return Reader


@pytest.fixture(scope="session")
def rows_of():
    """`table_rows`."""
    return table_rows


@pytest.fixture(scope="session")
def beside_many(tmp_path_factory):
    """A bad search and random search on two benchmarks; an archive of ten good ones, only one of them on the second."""
    place = tmp_path_factory.mktemp("many")
    how = {"runs": 10, "n_evaluations": 30, "n_processes": 1}
    bad = [("grid_search", {"order": "nested"}, "ours"), "random_search"]
    nbk.compare(["nasbench201/cifar10", "nasbench201/cifar100"], bad, study=place / "ours.db", **how)
    many = [("local_search", {"n_initial": k}, f"local search {k}") for k in range(1, 11)]
    made = [nbk.compare("nasbench201/cifar10", many, study=place / "others.db", **how)]
    made.append(nbk.compare("nasbench201/cifar100", many[:1], study=place / "one.db", **how))
    panels = [panel for one in made for panel in one.panels.values()]
    entries = [(panel.configurations[name], {}, one) for panel in panels for name, one in panel.trajectories.items()]
    write_archive(place / "others.npz", entries)
    return place / "ours.db", place / "others.npz"


@pytest.fixture(scope="session")
def fronts_study(tmp_path_factory):
    """Two objectives on one benchmark, which not all runs can reach in their first evaluations; one on another."""
    path = tmp_path_factory.mktemp("fronts") / "fronts.db"
    both = nbk.load("nasbench201/cifar10", objectives=["val_accuracy", "params_m"], constraints=["params_m<=0.3"])
    nbk.compare(both, ["random_search", "nsga2"], runs=8, n_evaluations=30, study=path, n_processes=1)
    nbk.compare("nasbench201/cifar100", "random_search", runs=8, n_evaluations=30, study=path, n_processes=1)
    return path


@pytest.fixture(scope="session")
def fronts_page(fronts_study, tmp_path_factory):
    """The page of it, as a file."""
    path = tmp_path_factory.mktemp("page") / "fronts.html"
    path.write_text(html_page(report_of(fronts_study)), encoding="utf-8")
    return path

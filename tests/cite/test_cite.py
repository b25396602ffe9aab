"""What to cite: every entry is BibTeX, everything of the literature has one, and a study names what it used."""

import json
import re
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner

import nasbench_kit as nbk
from nasbench_kit.benchmark import open_results
from nasbench_kit.catalog import list_results
from nasbench_kit.cite import ALWAYS, bibliography, entries, keys_in, of_optimizer, of_protocol, of_results
from nasbench_kit.cli import main
from nasbench_kit.importers import KINDS
from nasbench_kit.optimizers import OPTIMIZERS, needs_of
from nasbench_kit.optimizers.libraries import LIBRARIES
from nasbench_kit.protocols import PROTOCOLS
from nasbench_kit.version import __version__

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "nasbench_kit" / "cite" / "references.bib").read_text(encoding="utf-8")
IMPORTERS = ROOT / "nasbench_kit" / "importers"
LIBRARY_MODULES = [f"nasbench_kit.optimizers.libraries.{prefix}" for prefix in LIBRARIES]
NEEDED = {"article": {"journal", "year"}, "inproceedings": {"booktitle", "year"}, "misc": set()}
NAMES = [
    "nasbench201/cifar10",
    *list_results(),
    *OPTIMIZERS,
    *PROTOCOLS,
    *(each.named.split()[-1] for each in LIBRARIES.values()),
]


def parsed(text):
    """(kind, key, fields) of each entry, as BibTeX reads it: what stands between entries is a comment."""
    found, at = [], 0
    while (at := text.find("@", at)) >= 0:
        head = re.compile(r"@(\w+)\{([\w.:-]+),").match(text, at)
        assert head, text[at : at + 40]
        fields, at = {}, head.end()
        while not (end := re.compile(r"\s*\}").match(text, at)):
            field = re.compile(r"\s*(\w+) = \{").match(text, at)
            assert field, text[at : at + 40]
            begin = at = field.end()
            depth = 1
            while depth:
                assert at < len(text), f"{head[2]}: {field[1]} has no end"
                depth += {"{": 1, "}": -1}.get(text[at], 0)
                at += 1
            assert field[1] not in fields, f"{head[2]}: {field[1]} stands twice"
            fields[field[1]] = text[begin : at - 1]
            at += text[at] == ","
        found.append((head[1], head[2], fields))
        at = end.end()
    return found


def first_line(module):
    return import_module(module).__doc__.partition("\n")[0]


def cite(*arguments):
    done = CliRunner().invoke(main, ["cite", *map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done.stdout


# ---- the entries ----


def test_the_file_is_read_as_bibtex_reads_it():
    assert parsed(TEXT) == [(entry.kind, entry.key, dict(entry.fields)) for entry in entries().values()]
    assert len(parsed(TEXT)) == len(re.findall("^@", TEXT, flags=re.MULTILINE)) == len(entries())


@pytest.mark.parametrize("key", entries())
def test_an_entry_says_who_what_where_and_when(key):
    kind, fields = entries()[key].kind, entries()[key].fields
    assert {"author", "title"} | NEEDED[kind] <= {*fields}
    assert re.fullmatch(r"(19|20)\d\d", fields.get("year", "2020"))
    assert key in ALWAYS or fields["url"].startswith("https://")
    assert fields["url"].endswith(fields["eprint"]) if "eprint" in fields else True
    assert fields["url"] == f"https://doi.org/{fields['doi']}" if "doi" in fields else True
    text = "".join(value for name, value in fields.items() if name not in ("url", "doi", "note"))
    assert text.isascii()
    assert not re.search(r"(?<!\\)[#$%&_~^]", text)  # which LaTeX would not print
    digits = re.search(r"\d{4}", key)
    assert digits is None or digits[0] == fields["year"]


def test_no_two_entries_are_of_the_same_publication():
    links = [entry.fields["url"] for entry in entries().values() if "url" in entry.fields]
    titles = [entry.fields["title"].lower() for entry in entries().values()]
    assert len({*links}) == len(links)
    assert len({*titles}) == len(titles)


def test_the_entry_of_this_package_is_what_its_citation_file_says():
    said = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    fields = {name: value.replace("\\", "").strip("{}") for name, value in entries()["nasbench_kit"].fields.items()}
    assert f'title: "{fields["title"]}"' in said
    assert f"name: {fields['author']}" in said
    assert f"version: {fields['version']}" in said
    assert re.search(rf"date-released: {fields['year']}", said)
    assert fields["version"] == __version__


# ---- what they are of ----

SOURCES = {
    **{name: first_line(made.__module__) for name, made in OPTIMIZERS.items()},
    **{module.rpartition(".")[2]: first_line(module) for module in LIBRARY_MODULES},
    **{f"{name} (protocol)": protocol.source for name, protocol in PROTOCOLS.items()},
    **{name: open_results(path).about["citation"] for name, path in list_results().items()},
    **{
        f"{kind} (release)": citation
        for kind in KINDS
        for citation in re.findall(r'"citation": "(.*)"', (IMPORTERS / f"{kind}.py").read_text(encoding="utf-8"))
    },
}


@pytest.mark.parametrize("name", SOURCES)
def test_everything_of_the_literature_has_an_entry_with_the_author_and_year_that_it_names(name):
    said = SOURCES[name]
    assert keys_in(said)
    cited = [entries()[key] for key in keys_in(said)]
    parts = re.split(r"(https://[^\s,;]+)", said)
    for before, link in zip(parts[::2], parts[1::2], strict=False):
        (entry,) = [entry for entry in cited if link.rstrip(".:") in entry.text]
        family = re.sub(r"\{\\\W?(\w)\}|\{\\\W(\w)\}", r"\1\2", entry.fields["author"]).partition(",")[0]
        years = re.findall(r"\b(?:19|20)\d\d\b", before)
        if years:
            assert entry.fields["year"] == years[-1]
            assert family in before


@pytest.mark.parametrize("name", NAMES)
def test_everything_that_comes_with_the_package_can_be_cited_by_name(name):
    found = cite(name)
    keys = [key for _, key, _ in parsed(found)]
    assert keys[:2] == [*ALWAYS]
    assert len(keys) > 2
    assert len({*keys}) == len(keys)
    assert "nothing is known" not in found


def test_what_a_library_has_is_not_asked_where_it_is_not_installed(monkeypatch):
    monkeypatch.setitem(LIBRARIES, "optuna", LIBRARIES["optuna"]._replace(distribution="no-such-distribution"))
    assert parsed(cite("optuna:Anything")) == parsed(cite("optuna:TPESampler"))


def test_packages_that_an_optimizer_needs_are_cited():
    needed = {need for made in OPTIMIZERS.values() for need in needs_of(made) if need.startswith("package:")}
    assert {need.partition(":")[2] for need in needed} <= {*entries()}
    assert [used.keys for used in of_optimizer("tpe")] == [("bergstra2011algorithms",), ("optuna",)]


def test_a_search_inside_another_one_is_cited():
    keys = [key for used in of_optimizer("warm_start", {"optimizer": "local_search"}) for key in used.keys]
    assert keys == ["abdelfattah2021zerocost", "white2020local"]


def test_an_optimizer_of_ones_own_is_named_and_never_imported(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text("raise SystemExit('it was run')\n")
    found = cite("mine:Search", "cmd:./mine --x @3")
    assert "% mine:Search: nothing is known of what to cite for it" in found
    assert [key for _, key, _ in parsed(found)] == [*ALWAYS]


# ---- studies and tables of one's own ----


def test_a_study_cites_what_its_runs_used_each_once(tmp_path):
    path = tmp_path / "mine.db"
    optimizers = ["random_search", "asha", ("warm_start", {"optimizer": "local_search", "pool_size": 20})]
    nbk.compare("nasbench201_mnist1d/mnist1d", optimizers, runs=1, n_evaluations=5, study=path, n_processes=1)
    keys = [key for _, key, _ in parsed(cite(path))]
    assert keys == [
        *ALWAYS,
        *("dong2020nasbench201", "greydanus2020scaling", "li2019random", "li2020system", "abdelfattah2021zerocost"),
        "white2020local",
    ]


def test_a_study_that_keeps_to_a_protocol_cites_it(tmp_path):
    path = tmp_path / "mine.db"
    nbk.compare(protocol="best_of_10", runs=1, study=path, n_processes=1)
    found = json.loads(cite(path, "--json"))
    cited = {entry["key"]: entry["cited_for"] for entry in found["entries"]}
    assert "best_of_10" in cited["mellor2021training"]
    assert "best_of_100" not in cited["mellor2021training"]
    assert cited["dong2020nasbench201"] == ["nasbench201"]
    assert found["unknown"] == []


def test_a_study_whose_table_is_gone_is_still_cited(tmp_path, make_table, stored):
    accuracy = stored("val_accuracy", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    table = make_table(accuracy, path=tmp_path / "mine.h5")
    how = {"runs": 1, "n_evaluations": 3, "clock": "evaluations", "study": tmp_path / "mine.db", "n_processes": 1}
    nbk.compare(nbk.Benchmark(table, "d"), "random_search", **how)
    Path(table.path).unlink()
    assert "% mine: nothing is known of what to cite for it" in cite(tmp_path / "mine.db")


@pytest.mark.parametrize(
    ("citation", "note"),
    [
        ("Me 2026, 100 % mine & yours_1", r"Me 2026, 100 \% mine \& yours\_1"),
        ("Me 2026, https://example.org/a_b%20c#d", r"Me 2026, \url{https://example.org/a_b%20c#d}"),
        ("{Me}\n\\ and @you", r"Me \textbackslash  and @you"),
    ],
)
def test_a_table_of_ones_own_is_cited_as_it_asks_to_be(make_table, stored, citation, note):
    accuracy = stored("val_accuracy", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    table = make_table(accuracy, about={"citation": citation})
    kind, key, fields = parsed(cite(table.path))[-1]
    assert (kind, key, fields) == ("misc", "mine", {"title": "mine", "note": note})


def test_a_table_that_names_a_known_paper_is_cited_by_it(make_table, stored):
    accuracy = stored("val_accuracy", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    table = make_table(accuracy, about={"citation": "as in https://arxiv.org/abs/1902.09635."})
    assert of_results(table).keys == ("ying2019nasbench101",)


def test_what_is_cited_for_several_things_names_them_all():
    used = [of_protocol(PROTOCOLS["nb101"]), of_results(nbk.load("nasbench101/cifar10").results)]
    (_, _, (entry, names)) = bibliography([*used, *used])
    assert (entry.key, names) == ("ying2019nasbench101", ["nb101", "nasbench101"])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nasbnch201", "unknown name 'nasbnch201'; did you mean 'nasbench201'"),
        ("absent.db", "there is no study, table or surrogate 'absent.db'"),
        ("absent/cifar10", "there is no study, table or surrogate 'absent/cifar10'"),
        ("optuna:TPESamplr", "unknown sampler of optuna 'TPESamplr'; did you mean 'TPESampler'"),
        ("optuna:", "'optuna:' names nothing of optuna; a sampler, such as optuna:TPESampler expected"),
    ],
)
def test_what_there_is_not_is_refused_in_one_line(tmp_path, monkeypatch, name, message):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["cite", name])
    assert done.exit_code == 2
    assert re.fullmatch(f"error: .*{message}.*\n", done.stderr)

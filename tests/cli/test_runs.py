"""`runs`: what a study holds, as a table, JSON, CSV and Parquet; failures; removing."""

import contextlib
import csv
import json
import os
import sqlite3
import sys

import pytest
from click.testing import CliRunner

import nasbench_kit as nbk
from nasbench_kit.cli import main
from nasbench_kit.spaces import ChoiceSpace
from nasbench_kit.study import Configuration, Study
from nasbench_kit.study.rows import STORED_COLUMNS

TRUTHS = ("failed", "may_be_incumbent")

FAILING = """
from nasbench_kit.optimizers import RandomSearch


class Failing(RandomSearch):
    def ask(self):
        raise RuntimeError("out of ideas")
"""


def run(*arguments, code=0, **how):
    """What a command prints, on stdout and stderr."""
    result = CliRunner().invoke(main, list(map(str, arguments)), **how)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    assert result.exit_code == code, result.output
    return result if code else result.stdout


def run_json(*arguments):
    return json.loads(run(*arguments, "--json"))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, cifar10):
    """A study of two optimizers, one of them labelled."""
    path = tmp_path_factory.mktemp("prepared") / "compare.db"
    keys = [
        Configuration.of(cifar10, "random_search", n_evaluations=30),
        Configuration.of(cifar10, "regularized_evolution", {"sample_size": 5}, label="ours", budget_s=5e4, n_workers=3),
    ]
    with Study(path) as study:
        study.run(keys, range(2), n_processes=1)
    return path


@pytest.fixture
def folder(prepared, tmp_path, monkeypatch):
    """A copy of it to work in."""
    (tmp_path / "compare.db").write_bytes(prepared.read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.fixture
def failed(folder, cifar10):
    """Three runs more, which failed."""
    (folder / "failing.py").write_text(FAILING)
    with Study("compare.db") as study:
        study.run([Configuration.of(cifar10, "failing:Failing", n_evaluations=5)], range(3), n_processes=1)


def expected_rows():
    """What the export must hold, from the study itself."""
    bench = nbk.load("nasbench201/cifar10")
    space, best = bench.space, bench.best().value
    with Study("compare.db") as study:
        for key in study.configurations():
            what = json.loads(key.identity)
            for stored in study.runs(key):
                records, incumbent = stored.records._asdict(), -1
                for i, arch in enumerate(stored.records.archs):
                    if incumbent < 0 or records["value"][i] > records["value"][incumbent]:
                        incumbent = i
                    mean, its = (bench.query(tuple(records["archs"][j].tolist())).val_accuracy for j in (i, incumbent))
                    yield {
                        "benchmark": key.benchmark,
                        "results_sha256": key.results_sha256,
                        "optimizer": key.optimizer,
                        "label": key.legend,
                        "settings": json.dumps(what["settings"], sort_keys=True),
                        "rules": json.dumps(what["rules"], sort_keys=True),
                        "objectives": None,
                        "constraints": None,
                        "run_seed": stored.run_seed,
                        "evaluation": i + 1,
                        "arch": space.format(arch.tolist()),
                        **{
                            name: None if name == "values" else column[i].item()
                            for name, column in records.items()
                            if name != "archs"
                        },
                        "told_metric": "val_accuracy",
                        "reported_metric": "val_accuracy",
                        "unit": "fraction",
                        "may_be_incumbent": True,
                        "reported": mean,
                        "regret": best - mean,
                        "incumbent_reported": its,
                        "incumbent_regret": best - its,
                    }


def test_runs_shows_what_a_study_holds(folder):
    rows = run_json("runs", "compare.db")
    assert [(row["optimizer"], row["label"], row["n_runs"], row["failures"]) for row in rows] == [
        ("random_search", "random_search", 2, {}),
        ("regularized_evolution", "ours", 2, {}),
    ]
    assert rows[1]["rules"] == {"budget_s": 5e4, "n_workers": 3}
    text = run("runs", "compare.db")
    assert "budget_s=50000.0, n_workers=3" in text
    assert "ours" in text


def test_runs_shows_what_failed_and_why(failed):
    row = run_json("runs", "compare.db")[-1]
    assert (row["n_runs"], row["failures"]) == (0, {str(seed): "RuntimeError: out of ideas" for seed in range(3)})
    text = run("runs", "compare.db")
    assert "failing:Failing on nasbench201/cifar10 failed with seed 0: RuntimeError: out of ideas" in text


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE runs SET versions = replace(versions, ':', ';') WHERE run_seed = 1",
        "UPDATE runs SET n_evaluations = n_evaluations + 1 WHERE run_seed = 1",
        "UPDATE columns SET data = zeroblob(length(data)) WHERE run = (SELECT id FROM runs WHERE run_seed = 1)",
        "DELETE FROM columns WHERE run = (SELECT id FROM runs WHERE run_seed = 1)",
    ],
)
@pytest.mark.parametrize("how", [(), ("--json",)])
def test_runs_names_a_damaged_run_and_shows_the_study_nevertheless(folder, damage, how):
    whole = run("runs", "compare.db", *how)
    with contextlib.closing(sqlite3.connect("compare.db")) as db, db:
        db.execute(damage)
    result = run("runs", "compare.db", *how, code=2)
    assert result.stdout == whole
    assert result.stderr.startswith("error: 'compare.db' is damaged: run with seed 1 (")
    assert result.stderr.count("\n") == 1


def test_the_csv_file_holds_all_evaluations_under_the_names_of_records(folder):
    expected = list(expected_rows())
    assert f"{len(expected)} evaluations in runs.csv" in run("runs", "compare.db", "--out", "runs.csv")
    with open("runs.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(expected) > 60
    assert list(rows[0]) == list(expected[0])
    for row, right in zip(rows, expected, strict=True):
        as_typed = {
            name: None if not text else text == "true" if name in TRUTHS else type(right[name])(text)
            for name, text in row.items()
        }
        assert as_typed == right


def test_the_parquet_file_holds_all_evaluations(folder):
    parquet = pytest.importorskip("pyarrow.parquet")
    run("runs", "compare.db", "--out", "runs.parquet")
    table = parquet.read_table("runs.parquet")
    assert table.to_pylist() == list(expected_rows())
    assert str(table.schema.field("value").type) == "double"
    assert str(table.schema.field("seed").type) == "int64"


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_what_is_stored_is_exported_alone_where_that_is_asked_for(folder, ending):
    pd, out = pytest.importorskip("pandas"), f"runs.{ending}"
    run("runs", "compare.db", "--out", out, "--as-stored")
    frame = pd.read_csv(out) if ending == "csv" else pd.read_parquet(out)
    assert list(frame) == list(STORED_COLUMNS)
    assert frame["value"].tolist() == [row["value"] for row in expected_rows()]


def test_csv_files_hold_the_same_without_pyarrow(folder, monkeypatch):
    run("runs", "compare.db", "--out", "fast.csv")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    run("runs", "compare.db", "--out", "plain.csv")
    with open("fast.csv", newline="") as fast, open("plain.csv", newline="") as plain:
        for one, other in zip(csv.reader(fast), csv.reader(plain), strict=True):
            assert [_number(cell) for cell in one] == [_number(cell) for cell in other]


def _number(cell):
    try:
        return float(cell) if cell != "nan" else "nan"
    except ValueError:
        return cell


def test_incumbents_alone_are_the_steps_of_the_curves(folder):
    expected = []
    for row in expected_rows():
        if not expected or row["run_seed"] != expected[-1]["run_seed"] or row["label"] != expected[-1]["label"]:
            best = -1
        if row["value"] > best:
            best = row["value"]
            expected.append(row)
    assert f"{len(expected)} incumbents in steps.csv" in run("runs", "compare.db", "--out", "steps.csv", "--incumbents")
    with open("steps.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["arch"], float(row["told"]), float(row["evaluations"]), float(row["seconds"])) for row in rows] == [
        (row["arch"], row["value"], row["evaluation"], row["finished_s"]) for row in expected
    ]
    assert [float(row["regret"]) for row in rows] == [row["incumbent_regret"] for row in expected]
    assert {row["reported_metric"] for row in rows} == {"val_accuracy"}
    first = [row for row in rows if row["label"] == "random_search" and row["run_seed"] == "0"]
    assert [row["incumbent"] for row in first] == [str(i + 1) for i in range(len(first))]
    assert {row["run_evaluations"] for row in first} == {"30"}


@pytest.mark.parametrize("how", [(), ("--incumbents",), ("--as-stored",)])
def test_what_is_written_may_be_chosen(folder, how):
    chosen = ("-b", "nasbench201/cifar10", "-o", "ours", "--seeds", "1,5-7")
    run("runs", "compare.db", "--out", "some.csv", *how, *chosen)
    with open("some.csv", newline="") as file:
        assert {(row["label"], row["run_seed"]) for row in csv.DictReader(file)} == {("ours", "1")}


def test_a_mean_over_seeds_is_exported_without_seed(folder, cifar10):
    with Study("mean.db") as study:
        study.run([Configuration.of(cifar10, "random_search", n_evaluations=5, run="mean")], [0], n_processes=1)
    run("runs", "mean.db", "--out", "mean.csv")
    with open("mean.csv", newline="") as file:
        assert {row["seed"] for row in csv.DictReader(file)} == {""}


def test_several_objectives_are_exported_as_a_list(folder, cifar10):
    both = nbk.Benchmark(cifar10.results, "cifar10", objectives=["val_accuracy", "latency_s"])
    with Study("two.db") as study:
        study.run([Configuration.of(both, "random_search", n_evaluations=5)], [0], n_processes=1)
        (key,) = study.configurations()
        (stored,) = study.runs(key)
    run("runs", "two.db", "--out", "two.csv")
    with open("two.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [json.loads(row["values"]) for row in rows] == stored.records.values.tolist()
    assert {row["objectives"] for row in rows} == {'["val_accuracy", "latency_s"]'}


def test_an_export_that_fails_leaves_nothing_and_names_the_study(folder):
    with contextlib.closing(sqlite3.connect("compare.db")) as db, db:
        db.execute("UPDATE columns SET data = x'00' WHERE run = 2 AND name = 'value'")
    before = sorted(os.listdir())
    result = run("runs", "compare.db", "--out", "runs.csv", code=2)
    assert "'compare.db' is damaged: run with seed 1" in result.stderr
    assert "cannot write" not in result.stderr  # nothing is wrong with that file
    assert sorted(os.listdir()) == before


def letters(path, accuracy):
    space = ChoiceSpace("letter", {"letter": ("a", "b", "c")})
    frame = {"arch": ["a", "b", "c"], "val_accuracy": [accuracy, 0.5, 0.6], "cost_s": [1, 2, 3]}
    nbk.Table.from_frame(frame, path, name="letters", space=space, metrics=["val_accuracy", "cost_s"])
    return nbk.load("letters/default", results=path)


def test_an_export_needs_the_results_of_the_runs_where_these_name_the_architectures(folder):
    key = Configuration.of(letters("t.h5", 0.1), "random_search", n_evaluations=4)
    with Study("letters.db") as study:
        study.run([key], [0], n_processes=1)
    result = run("runs", "letters.db", "--out", "l.csv", code=2)
    assert "'letters' that these runs were made on, with the sha256" in result.stderr
    assert "or name its file by --from" in result.stderr
    assert "4 evaluations in l.csv" in run("runs", "letters.db", "--out", "l.csv", "--from", "t.h5")
    letters("other.h5", 0.2)
    result = run("runs", "letters.db", "--out", "l.csv", "--from", "other.h5", code=2)
    assert "other.h5' is not the one that these runs were made on" in result.stderr


@pytest.mark.parametrize(("study", "extra"), [("compare.csv", ()), ("compare.db", ("--from", "t.csv"))])
@pytest.mark.parametrize("prefix", ["", "./", "link/"])
def test_an_export_never_overwrites_what_it_reads(folder, study, extra, prefix):
    os.symlink(".", "link")
    if study != "compare.db":
        os.rename("compare.db", study)
    letters("t.csv", 0.1)
    out = study if not extra else "t.csv"
    with open(out, "rb") as file:
        before = file.read()
    result = run("runs", study, "--out", prefix + out, *extra, code=2)
    assert "would overwrite" in result.stderr
    with open(out, "rb") as file:
        assert file.read() == before


def test_runs_of_an_optimizer_are_removed_after_a_question(folder):
    assert "Remove 2 runs of ours" in run("runs", "compare.db", "--remove", "ours", code=1, input="n\n").stderr
    assert [row["n_runs"] for row in run_json("runs", "compare.db")] == [2, 2]
    assert "2 runs removed" in run("runs", "compare.db", "--remove", "ours", input="y\n")
    assert [row["optimizer"] for row in run_json("runs", "compare.db")] == ["random_search"]
    assert run_json("runs", "compare.db", "--remove", "random_search", "--yes") == {"removed": 2}
    assert run_json("runs", "compare.db") == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent.db"], "there is no study 'absent.db'"),
        (["mine.h5"], "'mine.h5' is no study"),
        (["compare.db", "--out", "runs.xlsx"], "must end in .csv or .parquet"),
        (["compare.db", "--out", "nowhere/runs.csv"], "cannot write 'nowhere/runs.csv'"),
        (["compare.db", "--out", "runs.csv", "--from", "absent.h5"], "absent.h5"),
        (["compare.db", "--out", "runs.csv", "--remove", "ours"], "--out and --remove exclude each other; give one"),
        (["compare.db", "--out", "runs.csv", "--incumbents", "--as-stored"], "--as-stored exclude each other"),
        (["compare.db", "--incumbents"], "--incumbents says what --out writes; give that, too"),
        (["compare.db", "--iohprofiler", "ioh", "--incumbents"], "--incumbents says what --out writes"),
        (["compare.db", "--seeds", "3"], "--seeds and --from say what of it is written; give --out, too"),
        (["compare.db", "--out", "runs.csv", "--seeds", "9-3"], "--seeds '9-3'; a range from the lower"),
        (["compare.db", "--out", "runs.csv", "--seeds", "0-9999999999"], "of at most a million expected"),
        (["compare.db", "--out", "runs.csv", "--seeds", "-1"], "seeds or ranges of them expected, such as 0-9"),
        (["compare.db", "--out", "runs.csv", "--seeds", "7"], "holds no runs of these that did not fail"),
        (["compare.db", "--out", "runs.csv", "-b", "nasbench201/cifar"], "did you mean 'nasbench201/cifar10'"),
        (["compare.db", "--iohprofiler", "."], "'.' is there already; give a folder that is to be made"),
        (["compare.db", "--remove", "our"], "unknown optimizer of compare.db 'our'; did you mean"),
    ],
    ids=lambda what: " ".join(what) if isinstance(what, list) else None,
)
def test_an_error_is_one_line_on_stderr_with_exit_code_2(folder, arguments, message):
    (folder / "mine.h5").write_bytes(b"\x89HDF\r\n\x1a\n" * 100)
    result = run("runs", *arguments, code=2)
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert message in result.stderr
    assert result.stdout == ""

"""`merge`: the runs of two studies in one file; what contradicts is refused and nothing is damaged."""

import os

import pytest

import nasbench_kit as nbk
from nasbench_kit.spaces import ChoiceSpace
from nasbench_kit.study import Configuration, Study, study


@pytest.fixture
def folder(tmp_path, monkeypatch, cifar10):
    """`a.db` with seeds 0 and 1 of random search, `b.db` with 1 and 2 of it and one of local search."""
    monkeypatch.chdir(tmp_path)
    key = Configuration.of(cifar10, "random_search", n_evaluations=10)
    fill("a.db", key, [0, 1])
    fill("b.db", key, [1, 2])
    fill("b.db", Configuration.of(cifar10, "local_search", n_evaluations=10), [0])
    return tmp_path


def fill(path, key, run_seeds):
    with Study(path) as opened:
        opened.run([key], run_seeds, n_processes=1)


def held(path):
    with Study(path, create=False) as opened:
        opened.verify()
        return [(key.legend, run.run_seed) for key in opened.configurations() for run in opened.runs(key)]


ALL = [("random_search", 0), ("random_search", 1), ("random_search", 2), ("local_search", 0)]


def test_what_one_study_lacks_is_taken_over_from_the_other_and_said(folder, invoke):
    other = (folder / "b.db").read_bytes()
    printed = invoke("merge", "a.db", "b.db")
    assert held("a.db") == ALL
    rows = [line.split() for line in printed.splitlines()]
    assert ["nasbench201/cifar10", "8ed6d9fb", "random_search", "1", "3"] in rows
    assert ["nasbench201/cifar10", "8ed6d9fb", "local_search", "1", "1"] in rows
    assert "2 runs of b.db taken over into a.db" in printed
    assert (folder / "b.db").read_bytes() == other
    assert invoke("merge", "a.db", "b.db").splitlines() == ["0 runs of b.db taken over into a.db"]


def test_a_third_file_holds_both_and_the_two_stay_as_they_are(folder, invoke_json):
    before = [(folder / name).read_bytes() for name in ("a.db", "b.db")]
    done = invoke_json("merge", "a.db", "b.db", "-o", "both.db")
    assert (done["study"], done["n_taken"]) == ("both.db", 2)
    assert [(row["label"], row["n_taken"], row["n_runs"]) for row in done["configurations"]] == [
        ("random_search", 1, 3),
        ("local_search", 1, 1),
    ]
    assert held("both.db") == ALL
    assert [(folder / name).read_bytes() for name in ("a.db", "b.db")] == before


def test_a_third_file_that_is_there_already_is_left_alone(folder, invoke):
    (folder / "both.db").write_text("earlier")
    result = invoke("merge", "a.db", "b.db", "-o", "both.db", code=2)
    assert result.stderr == "error: cannot write --out 'both.db': it is there already; a new file expected\n"
    assert (folder / "both.db").read_text() == "earlier"


@pytest.mark.parametrize("out", [(), ("-o", "both.db")])
def test_a_conflict_is_one_line_and_nothing_is_written(folder, invoke, out, monkeypatch, cifar10):
    versions = study.versions_of
    monkeypatch.setattr(study, "versions_of", lambda key: {**versions(key), "nasbench_kit": "0.1.9"})
    fill("b.db", Configuration.of(cifar10, "regularized_evolution", n_evaluations=10), [7])
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    fill("a.db", Configuration.of(cifar10, "regularized_evolution", n_evaluations=10), [8])
    before = {name: (folder / name).read_bytes() for name in os.listdir(folder)}
    result = invoke("merge", "a.db", "b.db", *out, code=2)
    assert result.stderr.startswith("error: 'a.db' holds runs of regularized_evolution made with nasbench_kit")
    assert result.stderr.count("\n") == 1
    assert {name: (folder / name).read_bytes() for name in os.listdir(folder)} == before


def letters(path, accuracy):
    space = ChoiceSpace("letter", {"letter": ("a", "b", "c")})
    frame = {"arch": ["a", "b", "c"], "val_accuracy": [accuracy, 0.5, 0.6], "cost_s": [1, 2, 3]}
    nbk.Table.from_frame(frame, path, name="letters", space=space, metrics=["val_accuracy", "cost_s"])
    return nbk.load("letters/default", results=path)


def test_runs_on_other_tables_of_the_same_name_are_kept_apart_and_said(folder, invoke):
    for name, accuracy in (("one.db", 0.1), ("other.db", 0.2)):
        fill(name, Configuration.of(letters(f"{name}.h5", accuracy), "random_search", n_evaluations=4), [0])
    printed = invoke("merge", "one.db", "other.db")
    assert "note: letters/default: runs on 2 different tables of that name" in printed
    with Study("one.db") as opened:
        assert [opened.n_runs(key) for key in opened.configurations()] == [1, 1]


def test_different_optimizers_of_one_label_are_said(folder, invoke, cifar10):
    fill("c.db", Configuration.of(cifar10, "local_search", n_evaluations=10, label="random_search"), [0])
    printed = invoke("merge", "a.db", "c.db")
    assert "note: nasbench201/cifar10: 2 different configurations are shown as 'random_search'" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a.db", "a.db"), "the study 'a.db' is given twice; give different ones"),
        (("a.db", "./a.db"), "the study 'a.db' is given twice, as './a.db' is the same file"),
        (("a.db", "b.db", "-o", "b.db"), "--out 'b.db' would overwrite OTHER 'b.db'"),
        (("a.db", "no.db"), "there is no study 'no.db'"),
        (("no.db", "a.db"), "there is no study 'no.db'"),
        (("a.db", "mine.txt"), "'mine.txt' is no study"),
        (("a.db", "b.db", "-o", "nowhere/both.db"), "cannot write 'nowhere/both.db': No such file or directory"),
        (("a.db",), "Missing argument 'OTHER'"),
    ],
)
def test_what_cannot_be_merged_is_one_line(folder, invoke, arguments, message):
    (folder / "mine.txt").write_text("no study at all, but a text of some length" * 9)
    before = sorted(os.listdir(folder))
    result = invoke("merge", *arguments, code=2)
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert sorted(os.listdir(folder)) == before
    assert held("a.db") == ALL[:2]

"""`compare`: options are rules, numbers are those of the study, outputs are never inputs, errors are one line."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

import nasbench_kit as nbk
from nasbench_kit.analysis import summarize, trajectories_of
from nasbench_kit.cli import main
from nasbench_kit.comparison import long_work
from nasbench_kit.simulator import Rules
from nasbench_kit.spaces import ChoiceSpace
from nasbench_kit.study import Study

COMMAND = Path(sys.executable).with_name("nasbench-kit")
ONE = ["-o", "random_search"]
SMALL = ["--runs", "2", "--evaluations", "30", "--processes", "1"]
C10 = ["-b", "nasbench201/cifar10"]
MINE = ["-b", "mine/default", "--from", "mine.h5"]
MY_MODULE = """
from nasbench_kit.optimizers import RandomSearch

class MyOptimizer(RandomSearch):
    def __init__(self, task, rng, rate=0.5):
        super().__init__(task, rng)
        if not isinstance(rate, float):
            raise ValueError(f"rate={rate!r} is no number")
"""


def make_table(path, name="mine", **columns):
    """A table of three architectures."""
    space = ChoiceSpace("letter", {"letter": ("a", "b", "c")})
    columns = columns or {"val_accuracy": [0.1, 0.5, 0.6], "cost_s": [1, 2, 3], "params_m": [1.0, 2.0, 3.0]}
    frame = {"arch": ["a", "b", "c"]} | columns
    nbk.Table.from_frame(frame, path, name=name, space=space, metrics=list(columns), objective=next(iter(columns)))


@pytest.fixture
def folder(tmp_path, monkeypatch, undrawn):
    """A folder with a table and a module with an optimizer."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])  # `module:Class` extends it
    make_table("mine.h5")
    Path("my_module.py").write_text(MY_MODULE)
    yield tmp_path
    for name in ("my_module", "edited"):
        sys.modules.pop(name, None)


def all_runs():
    with Study("compare.db") as study:
        return [(key, stored) for key in study.configurations() for stored in study.runs(key)]


# ---- numbers ----


def test_compare_prints_the_numbers_of_its_study(folder, invoke_json, cifar10):
    rows = invoke_json("compare", *C10, *ONE, "-o", "regularized_evolution,sample_size=5,label=ours", *SMALL)
    with Study("compare.db") as study:
        for row, key in zip(rows, study.configurations(), strict=True):
            expected = summarize(trajectories_of(cifar10, [stored.records for stored in study.runs(key)], key.rules))
            assert {name: row[name] for name in expected._fields} == expected._asdict()
            assert (row["optimizer"], row["settings"], row["label"]) == (key.optimizer, key.settings, key.legend)
            assert row["results_sha256"] == cifar10.results.sha256
    assert [row["n_runs"] for row in rows] == [2, 2]
    assert [row["label"] for row in rows] == ["random_search", "ours"]


def test_compare_shows_percentages_and_how_they_were_made(folder, invoke, invoke_json):
    arguments = ["compare", *C10, *ONE, *SMALL, "--run", "mean", "--workers", "3"]
    text = invoke(*arguments)
    (row,) = invoke_json(*arguments)
    assert f"{100 * row['mean']:.2f} ± {100 * row['sd']:.2f}" in text
    assert "val accuracy [%]" in text
    assert "how: A search sees the mean of the recorded runs; budget 30 evaluations, 3 workers." in text
    assert "figure: compare.png, compare.pdf" in text
    assert "study: compare.db, 2 runs made now, 0 were there" in text


def test_compare_goes_on_where_the_study_is(folder, invoke):
    arguments = ["compare", *MINE, *ONE, "--evaluations", "30", "--processes", "1"]
    invoke(*arguments, "--runs", "2")
    before = {stored.run_seed: stored.records.optimizer_s.tobytes() for _, stored in all_runs()}
    assert "2 runs made now, 2 were there" in invoke(*arguments, "--runs", "4")
    after = {stored.run_seed: stored.records.optimizer_s.tobytes() for _, stored in all_runs()}
    assert len(after) == 4
    assert before.items() <= after.items()  # measured times: had these runs been made anew, they would differ


def test_compare_shows_only_the_runs_asked_for(folder, invoke_json):
    arguments = ["compare", *MINE, *ONE, *SMALL]
    assert invoke_json(*arguments, "--first-seed", "7")[0]["n_runs"] == 2
    assert invoke_json(*arguments)[0]["n_runs"] == 2
    assert sorted(stored.run_seed for _, stored in all_runs()) == [0, 1, 7, 8]


def test_until_settled_stops_what_is_settled_and_says_so(folder, invoke, invoke_json):
    two = ["compare", *C10, *ONE, "-o", "regularized_evolution", "--evaluations", "150", "--processes", "1"]
    text = invoke(*two, "--until-settled", "0.1")
    assert "nasbench201/cifar10, settled: regularized_evolution beats random_search (P = " in text
    rows = invoke_json(*two, "--until-settled", "0.1")
    assert {row["n_runs"] for row in rows} <= set(range(10, 100, 10))
    assert "until-settled" in invoke(*two, "--until-settled", "0.5", code=2).stderr


def test_by_default_the_budget_is_what_500_evaluations_take_on_average(folder, invoke_json, cifar10):
    (row,) = invoke_json("compare", *C10, *ONE, "--runs", "2", "--processes", "1")
    mean_s = cifar10.query_many(cifar10.space.all_archs()).cost_s.mean()
    budget_s = row["rules"]["budget_s"]
    assert budget_s == pytest.approx(500 * mean_s, rel=1e-5)
    assert budget_s == float(f"{budget_s:.6g}")  # the same on any machine, where a mean's last bits are not
    assert row["mean_evaluations"] == pytest.approx(500, rel=0.05)


def test_a_single_run_of_a_single_evaluation_prints_valid_json(folder, invoke_json):
    (row,) = invoke_json("compare", *MINE, *ONE, "--runs", "1", "--evaluations", "1", "--processes", "1")
    assert (row["sd"], row["rules"]) == (None, {"n_evaluations": 1})


def test_a_loss_is_not_shown_as_a_percentage(folder, invoke):
    make_table("mine.h5", val_loss=[2.5, 1.5, 1.25], cost_s=[1, 2, 3])
    text = invoke("compare", *MINE, "-o", "local_search", *SMALL)
    assert "1.25" in text
    assert "125.00" not in text
    assert "%" not in text.splitlines()[0]


def test_what_was_never_recorded_is_not_called_recorded(folder, invoke):
    text = invoke("compare", *MINE, *ONE, *SMALL)
    assert "A search sees the mean of training runs; budget 30 evaluations" in text
    assert "drawn" not in text
    assert "recorded" not in text


def test_evaluations_are_counted_where_no_seconds_were_recorded(folder, invoke, invoke_json):
    make_table("mine.h5", val_accuracy=[0.1, 0.5, 0.6])
    (row,) = invoke_json("compare", *MINE, *ONE, "--runs", "2", "--processes", "1")
    assert row["rules"] == {"clock": "evaluations", "n_evaluations": 500}
    assert row["mean_evaluations"] == 500
    result = invoke("compare", *MINE, *ONE, "--runs", "2", "--budget-s", "5", code=2)
    assert "mine/default records no cost_s" in result.stderr
    assert "--clock 'evaluations'" in result.stderr


def test_the_figure_is_written_as_it_is_named_and_as_pdf(tmp_path, monkeypatch, invoke):
    monkeypatch.chdir(tmp_path)
    make_table("mine.h5")
    invoke("compare", *MINE, *ONE, *SMALL, "--figure", "mine.svg")
    assert "<svg" in Path("mine.svg").read_text()
    assert Path("mine.pdf").read_bytes().startswith(b"%PDF-")


# ---- options are rules ----


def test_every_rule_has_an_option_that_sets_it(folder, invoke_json, make_table, stored):
    frame = {"arch": ["a", "b", "c"] * 2, "epoch": [1, 1, 1, 2, 2, 2], "val_accuracy": np.arange(6) / 10}
    frame |= {"test_error": [0.5] * 6, "cost_s": [1.0] * 3 + [3.0] * 3, "val_cost_s": [0.1] * 3 + [0.2] * 3}
    frame |= {"params_m": [1.0, 2.0, 3.0] * 2}
    space, metrics = ChoiceSpace("letter", {"letter": ("a", "b", "c")}), list(frame)[2:]
    nbk.Table.from_frame(frame, "curves.h5", name="curves", space=space, metrics=metrics, epoch="epoch")
    given = {
        "budget_s": ("--budget-s", "50", 50.0),
        "n_evaluations": ("--evaluations", "9", 9),
        "n_epochs": ("--budget-epochs", "12", 12),
        "n_workers": ("--workers", "2", 2),
        "run": ("--run", "mean", "mean"),
        "epoch": ("--epoch", "2", 2),
        "clock": ("--clock", "seconds", None),
        "costs": ("--costs", "cost_s, val_cost_s", ["cost_s", "val_cost_s"]),
        "continued": ("--continued", "from scratch", "from scratch"),
        "repeats": ("--repeats", "served", "served"),
        "overshoot": ("--overshoot", "counted", "counted"),
        "optimizer_time": ("--optimizer-time", "charged", "charged"),
        "reported": ("--reported", "default:test_error@2", ["default", "test_error", 2]),
        "incumbents": ("--incumbents", "any epoch", "any epoch"),
    }
    assert list(given) == [field.name for field in fields(Rules)]
    assert set(given) <= {parameter.name for parameter in main.commands["compare"].params}
    typed = [word for option, value, _ in given.values() for word in (option, value)]
    aims = ["--objective", "val_accuracy", "--objective", "params_m", "--constraint", "params_m<=2"]
    rows = invoke_json("compare", "-b", "curves/default", "--from", "curves.h5", *ONE, "--runs", "1", *typed, *aims)
    assert rows[0]["rules"] == {name: value for name, (_, _, value) in given.items() if value is not None}
    assert rows[0]["objectives"] == ["val_accuracy", "params_m"]
    assert rows[0]["constraints"] == ["params_m<=2"]
    assert rows[0]["metric"] == "test_error"


def test_a_run_may_be_a_recorded_one(folder, invoke_json, cifar10):
    (row,) = invoke_json("compare", *C10, *ONE, *SMALL, "--run", "777")
    assert row["rules"]["run"] == 777
    assert all((stored.records.seed == 777).all() for _, stored in all_runs())


# ---- outputs ----


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--study", "a.png", "--figure", "a.png"], "--study 'a.png' and --figure 'a.png' are the same file"),
        (["--study", "a.pdf", "--figure", "a.png"], "--study 'a.pdf' and --figure 'a.pdf' are the same file"),
        (["--study", "link.db", "--figure", "a.png"], "--figure 'a.png' are the same file"),
        (["--figure", "./mine.png", "--study", "mine.h5"], "--study 'mine.h5' would overwrite the results of mine"),
    ],
    ids=lambda what: " ".join(what) if isinstance(what, list) else None,
)
def test_an_output_that_is_an_input_or_another_output_is_refused_and_nothing_changes(
    folder, invoke, arguments, message
):
    Path("a.png").write_bytes(b"")
    Path("link.db").symlink_to("a.png")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    result = invoke("compare", *MINE, *ONE, *SMALL, *arguments, code=2)
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


# ---- errors ----


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "random_serch"], "unknown optimizer 'random_serch'; did you mean 'random_search'?"),
        (["-o", "random_search,size=3"], "size"),
        (["-o", "regularized_evolution,sample_size=x"], "sample_size='x'; an integer of at least 1 expected"),
        (["-o", "local_search,neighborhood=ful"], "unknown neighborhood 'ful'; did you mean 'full'?"),
        (["-o", "random_search,size"], "'size' in 'random_search,size' is no setting"),
        ([*ONE, *ONE], "the optimizer 'random_search' is given twice"),
        ([*ONE, "-o", "local_search,label=random_search"], "two optimizers are called 'random_search'"),
        (["-o", "no_module:Mine"], "cannot import optimizer 'no_module:Mine'"),
        (["-o", "my_module:Absent"], "cannot import optimizer 'my_module:Absent'"),
        (["-o", "my_module:MyOptimizer,rate=x"], "rate='x' is no number"),
        (["-o", "json:loads"], "json:loads"),
        ([*ONE, "--run", "5"], "seed 5 was not recorded"),
        ([*ONE, "--run", "median"], "--run 'median'; choose 'drawn', 'mean' or the number of a recorded run"),
        ([*ONE, "--clock", "steps"], "--clock 'steps'; choose from 'seconds', 'evaluations', 'epochs'"),
        ([*ONE, "--epoch", "12"], "epoch 12 was not recorded"),
        ([*ONE, "--reported", "test_accuracy"], "'test_accuracy' is nothing to report by; DATASET:METRIC"),
        ([*ONE, "--reported", "default:test_accuracy"], "unknown metric of mine/default 'test_accuracy'"),
        ([*ONE, "--constraint", "params_m"], "'params_m' is no constraint; a text like"),
        ([*ONE, "--objective", "params"], "unknown metric of mine/default 'params'; did you mean 'params_m'?"),
        ([*ONE, "--costs", "params_m"], "the cost params_m is in million; a metric in s expected"),
        ([*ONE, "--study", "my_module.py"], "'my_module.py' is no study"),
        ([*ONE, "--study", "nowhere/new.db"], "cannot open study 'nowhere/new.db'"),
        ([*ONE, "--figure", "nowhere/new.png"], "cannot write figure 'nowhere/new.png'"),
        ([*ONE, "--figure", "new.xyz"], "cannot write figure 'new.xyz'"),
    ],
    ids=lambda what: " ".join(what) if isinstance(what, list) else None,
)
def test_an_error_is_one_line_on_stderr_before_any_run(folder, invoke, arguments, message):
    result = invoke("compare", *MINE, *SMALL, *arguments, code=2)
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not Path("compare.db").exists()


def test_a_budget_below_one_evaluation_is_one_line_too(folder, invoke):
    result = invoke("compare", *MINE, *ONE, "--budget-s", "0.5", "--runs", "2", "--processes", "1", code=2)
    assert "the budget of 2 runs ended before the first evaluation did; give a larger one" in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_law_of_random_search_is_refused_where_it_is_not_known(folder, invoke):
    result = invoke("compare", "-b", "nasbench301/cifar10", "--law", *SMALL, code=2)
    assert "no law of random search is known: nasbench301/cifar10 is a surrogate" in result.stderr
    assert not Path("compare.db").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--runs", "0"], "0 is not in the range x>=1"),
        (["--budget-s", "0"], "0.0 is not in the range x>0"),
        (["--workers", "two"], "'two' is not a valid integer"),
        (["--wokers", "2"], "--workers"),
    ],
    ids=" ".join,
)
def test_a_usage_error_names_the_help_and_has_exit_code_2(invoke, arguments, message):
    result = invoke("compare", *arguments, code=2)
    assert message in result.stderr
    assert "--help" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_error_in_an_optimizer_is_one_line_too(folder, invoke):
    Path("my_module.py").write_text(MY_MODULE + "    def ask(self):\n        return 1 / 0\n")
    result = invoke("compare", *MINE, *SMALL, "-o", "my_module:MyOptimizer", code=2)
    assert "all 2 runs of my_module:MyOptimizer on mine/default failed; with seed 0: ZeroDivision" in result.stderr
    assert result.stderr.count("\n") == 1


def test_long_work_is_announced_in_one_line_on_stderr(folder, monkeypatch):
    monkeypatch.setattr(long_work, "_LONG_S", 0.0)
    result = CliRunner().invoke(main, ["compare", *MINE, *ONE, *SMALL, "--json"])
    assert result.exit_code == 0
    assert re.fullmatch(r"warning: this takes about 0 minutes: an evaluation of mine/default takes .*\n", result.stderr)


def test_a_benchmark_whose_searches_cannot_be_reported_is_refused_before_any_run(folder, invoke):
    make_table("mine.h5", val_accuracy=[0.1, 0.2, 0.3], test_accuracy=[0.1, np.nan, 0.3])
    result = invoke("compare", *MINE, "--runs", "1", code=2)
    assert "test_accuracy, which searches are reported by, was not recorded for 1 of the 3 arch" in result.stderr
    assert not Path("compare.db").exists()
    make_table("mine.h5", val_accuracy=[0.1, np.nan, 0.3], test_accuracy=[0.1, np.nan, 0.3])  # nobody finds the second
    invoke("compare", *MINE, *ONE, *SMALL)


# ---- Ctrl-C ----


def n_stored(path):
    try:
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        found = db.execute("SELECT count(*) FROM runs").fetchone()[0]
        db.close()
    except sqlite3.Error:
        return 0
    return found


@pytest.mark.parametrize("n_processes", [1, 2])
def test_an_interrupted_compare_says_how_to_go_on(tmp_path, n_processes):
    command = [COMMAND, "compare", *C10, *ONE, "--runs", "30000", "--processes", str(n_processes)]
    process = subprocess.Popen(
        command, cwd=tmp_path, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 600
    while n_stored(tmp_path / "compare.db") < 10 and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # what a terminal does: to all processes of the group
    stdout, stderr = process.communicate(timeout=600)  # returns when no worker has these files open any more
    assert process.returncode == 130  # as shells count: 128 + SIGINT
    assert re.fullmatch(r"error: stopped; .*compare\.db.* the same command goes on.*", stderr.splitlines()[-1])
    assert "Traceback" not in stderr
    assert stdout == ""
    with Study(tmp_path / "compare.db") as study:
        (key,) = study.configurations()
        lengths = [len(stored.records.value) for stored in study.runs(key)]
    assert len(lengths) >= 10
    assert np.min(lengths) > 400


# ---- what changed meanwhile ----


def test_an_optimizer_that_was_edited_is_not_mistaken_for_the_earlier_one(folder, invoke):
    command = ["compare", *MINE, "-o", "edited:Mine", *SMALL]
    Path("edited.py").write_text(MY_MODULE.replace("MyOptimizer", "Mine"))
    invoke(*command)
    assert "0 runs made now, 2 were there" in invoke(*command)
    Path("edited.py").write_text(MY_MODULE.replace("MyOptimizer", "Mine") + "# edited\n")
    del sys.modules["edited"]  # as in another process
    assert "made with optimizer_sha256" in invoke(*command, code=2).stderr


def test_a_table_that_was_edited_by_hand_is_not_mistaken_for_the_earlier_one(folder, invoke):
    invoke("compare", *MINE, *ONE, *SMALL)
    with h5py.File("mine.h5", "r+") as file:
        file["/default/val_accuracy"][0, 0, 0] = 0.99
    result = invoke("compare", *MINE, *ONE, *SMALL, code=2)
    assert "column /default/val_accuracy is damaged" in result.stderr
    assert result.stderr.count("\n") == 1

"""Runs that were recorded elsewhere stand beside those of a study, and are marked wherever they are shown."""

import csv
import gzip
import json
import re
import shlex
import shutil

import matplotlib.pyplot as plt
import numpy as np
import pytest
from click.testing import CliRunner

import nasbench_kit as nbk
from nasbench_kit.analysis import evaluation_frame, final_regrets, incumbent_frame, load
from nasbench_kit.cli import main
from nasbench_kit.comparison import Comparison
from nasbench_kit.errors import ImportDataError, NotRecordedError, SettingError, UnknownNameError
from nasbench_kit.report import report_of
from nasbench_kit.report.checklist import checklist
from nasbench_kit.simulator import Rules
from nasbench_kit.study import Configuration, RecordedRun, Recording, Study, read_recording
from nasbench_kit.study.recorded import records_of
from nasbench_kit.tables import DatasetSpec, Stored

GOOD, FAIR, POOR = "333132", "333333", "111111"  # cells by their digits, the better the further left
ROWS = [
    ("A", 0, POOR, 100.0),
    ("A", 0, GOOD, 50.0),
    ("A", 0, GOOD, 50.0),
    ("A", 0, FAIR, 200.0),
    ("A", 1, POOR, 90.0),
    ("A", 1, FAIR, 90.0),
    ("B", 0, FAIR, 300.0),
]


@pytest.fixture
def write(tmp_path):
    def make(content, name="recorded.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return make


def as_csv(rows, head="method,seed,arch,runtime_s"):
    return "\n".join([head, *(",".join(map(str, row)) for row in rows)]) + "\n"


def as_json(rows):
    runs = {}
    for method, seed, arch, seconds in rows:
        run = runs.setdefault((method, seed), {"method": method, "seed": seed, "arch": [], "runtime_s": [], "note": 3})
        run["arch"].append(arch)
        run["runtime_s"].append(seconds)
    return json.dumps(list(runs.values()))


@pytest.fixture
def file(write):
    return write(as_csv(ROWS))


@pytest.fixture
def with_runs(path, cifar10):
    """A study with two runs of random search, under rules that recorded runs can follow."""
    key = Configuration.of(cifar10, "random_search", budget_s=20_000.0)
    with Study(path) as study:
        study.run([key], range(2), n_processes=1)
    return path


# ---- files ----


def test_csv_and_json_packed_or_not_say_the_same(write):
    plain = read_recording(write(as_csv(ROWS)))
    assert plain.methods == ("A", "B")
    assert plain.runs[0] == RecordedRun("A", 0, (POOR, GOOD, GOOD, FAIR), (100.0, 50.0, 50.0, 200.0))
    for content, name in ((as_json(ROWS), "r.json"), (gzip.compress(as_json(ROWS).encode(), mtime=0), "r.json.gz")):
        other = read_recording(write(content, name))
        assert other.runs == plain.runs
        assert (other.source, len(other.sha256)) == (name, 64)
    without = read_recording(write(as_csv([row[:3] for row in ROWS], "method,seed,arch"), "no_seconds.csv"))
    assert [run.seconds for run in without.runs] == [None] * 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "r.csv has the columns ; method, seed, arch expected, each once"),
        (
            "method,seed,arch,runtime\nA,0,333132,3\n",
            "r.csv has 'runtime' and no 'runtime_s'; seconds of each step expected by that name, or neither",
        ),
        (
            "method,seed,arch,hours\nA,0,333132,3\n",
            "r.csv has 'hours' and no 'runtime_s'; seconds of each step expected by that name, or neither",
        ),
        (
            "method,seed,arch,t_s\nA,0,333132,3\n",
            "r.csv has 't_s' and no 'runtime_s'; seconds of each step expected by that name, or neither",
        ),
        (
            '[{"method": "A", "seed": 0, "arch": ["333132"], "Runtime_s": [3]}]',
            "r.csv has 'Runtime_s' and no 'runtime_s'; seconds of each step expected by that name, or neither",
        ),
        ("method,seed\nA,0\n", "r.csv has the columns method, seed; arch expected"),
        (as_csv([("A", "x", GOOD, 1)]), "r.csv, A with seed 'x': an integer from 0 to 2^63 - 1 expected"),
        (as_csv([("A", 0, GOOD, "many")]), "r.csv, row 2: runtime_s is 'many'; a number expected"),
        (as_csv([("A", 0, GOOD, "")]), "r.csv, A with seed 0: nan seconds for a step; a number from 0 expected"),
        (as_csv([("A", 0, GOOD, -1)]), "r.csv, A with seed 0: -1.0 seconds for a step; a number from 0 expected"),
        (as_csv([("", 0, GOOD, 1)]), "r.csv: method ''; a name of at most 60 letters expected"),
        (as_csv([("a\x1b[2J", 0, GOOD, 1)]), "a name of at most 60 letters expected"),
        ("{}", "r.csv holds {}; a list of runs with method, seed, arch, runtime_s expected"),
        ("[]", "r.csv holds []; a list of runs with"),
        ("[1]", "r.csv holds [1]; a list of runs with"),
        ("[{", "r.csv is no readable JSON"),
        ("[" * 99_999, "r.csv is no readable JSON"),
        ('[{"method": "A", "seed": 0}]', "r.csv: a run lacks arch; method, seed, arch, runtime_s expected"),
        ('[{"method": 1, "seed": 0, "arch": ["333333"]}]', "r.csv: method 1; a name of at most 60 letters expected"),
        ('[{"method": "A", "seed": true, "arch": ["333333"]}]', "an integer from 0 to 2^63 - 1 expected as its seed"),
        ('[{"method": "A", "seed": 0, "arch": []}]', "its architectures are []; a list of some expected"),
        ('[{"method": "A", "seed": 0, "arch": "333333"}]', "its architectures are '333333'; a list of some expected"),
        (
            '[{"method": "A", "seed": 0, "arch": ["333333"], "runtime_s": [1, 2]}]',
            "r.csv, A with seed 0: 1 architectures and 2 seconds; as many expected",
        ),
        ('[{"method": "A", "seed": 0, "arch": ["333333"], "runtime_s": [NaN]}]', "nan seconds for a step"),
        (json.dumps([json.loads(as_json(ROWS))[0]] * 2), "r.csv has two runs of A with seed 0; one expected"),
    ],
)
def test_what_is_no_recording_is_one_line(write, content, message):
    with pytest.raises(ImportDataError, match=re.escape(message)) as caught:
        read_recording(write(content, "r.csv"))
    assert "\n" not in str(caught.value)


# ---- in a study ----


def test_each_step_is_an_evaluation_at_its_seconds_with_the_value_of_the_benchmark(cifar10):
    run = RecordedRun("A", 0, (POOR, GOOD, FAIR), (100.0, 50.0, 200.0))
    records = records_of(cifar10, run, Rules(budget_s=340.0))
    assert records.finished_s.tolist() == [100, 150]  # the third ends beyond the budget
    assert records.started_s.tolist() == [0, 100]
    assert records.cost_s.tolist() == [100, 50]
    assert records.value.tolist() == [cifar10.query(arch).value for arch in (POOR, GOOD)]  # means over trainings
    assert records.archs.tolist() == [list(cifar10.space.parse(arch)) for arch in (POOR, GOOD)]
    assert (records.epoch.tolist(), records.seed.tolist(), records.trial.tolist()) == ([200, 200], [-1, -1], [0, 1])
    without = records_of(cifar10, run._replace(seconds=None), Rules(budget_s=1e6))
    assert without.cost_s.tolist() == [cifar10.query(arch).cost_s for arch in (POOR, GOOD, FAIR)]


def test_what_the_method_holds_is_its_incumbent_be_it_worse_than_before(with_runs, file, cifar10):
    with Study(with_runs) as study:
        assert study.add_recorded(cifar10, file) == (3, 0, 0)
    (panel,) = load(with_runs).values()
    assert list(panel.trajectories) == ["random_search", "A (recorded)", "B (recorded)"]
    one = panel.trajectories["A (recorded)"]
    value = {arch: cifar10.query(arch).value for arch in (GOOD, FAIR, POOR)}
    assert value[GOOD] > value[FAIR] > value[POOR]
    assert one.along().tolist() == [100, 150, 400, 90, 180]  # that it holds the same again is no change
    assert one.reported.tolist() == [value[arch] for arch in (POOR, GOOD, FAIR, POOR, FAIR)]
    assert one.ended["seconds"].tolist() == [400, 180]
    assert "epochs" not in one.spent  # it trained none of these
    np.testing.assert_allclose(final_regrets(one), cifar10.best().value - value[FAIR])


def test_of_a_method_that_evaluates_the_best_is_the_incumbent(with_runs, file, cifar10):
    with Study(with_runs) as study:
        study.add_recorded(cifar10, file, methods=["A"], returns="best")
    (panel,) = load(with_runs).values()
    one = panel.trajectories["A (recorded)"]
    assert one.along().tolist() == [100, 150, 90, 180]
    assert final_regrets(one)[0] == pytest.approx(cifar10.best().value - cifar10.query(GOOD).value)


def test_frames_and_curves_agree_on_what_the_incumbent_is(with_runs, file, cifar10):
    pytest.importorskip("pandas")
    with Study(with_runs) as study:
        study.add_recorded(cifar10, file, methods="A")
        panels = load(study)
        frame = evaluation_frame(study, panels)
    of_a = frame[frame["optimizer"] == "recorded:A"]
    last = of_a.groupby("run_seed")["incumbent_regret"].last()
    (panel,) = panels.values()
    np.testing.assert_allclose(last, final_regrets(panel.trajectories["A (recorded)"]))
    steps = incumbent_frame(panels)
    assert (steps["optimizer"] == "recorded:A").sum() == 5


def test_the_configuration_says_where_the_runs_come_from(with_runs, file, cifar10):
    with Study(with_runs) as study:
        study.add_recorded(cifar10, file)
        (key,) = study.configurations("recorded:A")
        assert study.versions(key) == [{}]  # no software of ours made them
    assert key.is_recorded
    assert (key.legend, key.rules) == ("A (recorded)", Rules(budget_s=20_000.0))  # those of the others
    recording = read_recording(file)
    assert key.settings == {
        "source": "recorded.csv",
        "source_sha256": recording.sha256,
        "returns": "latest",
        "seconds": "recorded",
    }
    study = Study(with_runs)
    study.verify()
    study.close()


def test_added_again_they_are_there_and_merged_they_are_taken_over_once(with_runs, file, cifar10, tmp_path):
    other = tmp_path / "other.db"
    with Study(with_runs) as study, Study(other) as empty:
        assert study.add_recorded(cifar10, file, methods=["A"]) == (2, 0, 0)
        assert study.add_recorded(cifar10, file) == (1, 2, 0)
        assert empty.add_recorded(cifar10, file, budget_s=20_000.0) == (3, 0, 0)
        assert study.merge(empty) == 0
        assert empty.merge(study) == 2  # of random search


def test_recorded_runs_are_not_run_and_the_line_says_so(with_runs, file, cifar10):
    with Study(with_runs) as study:
        study.add_recorded(cifar10, file)
        (key,) = study.configurations("A (recorded)")
        assert study.run([key], [0, 1], n_processes=1) == (0, 2, 0)  # they are there
        with pytest.raises(
            SettingError, match=r"A \(recorded\) was recorded elsewhere .* lacks seed 2, 3 of it; ask for"
        ):
            study.run([key], range(4), n_processes=1)
    line = "'recorded:A' was recorded elsewhere and cannot be run here; leave it out"
    with pytest.raises(SettingError, match=line):
        Configuration.of(cifar10, "recorded:A", budget_s=1.0)
    with pytest.raises(SettingError, match=line):
        nbk.compare(cifar10, ["recorded:A"], runs=1)


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"methods": ["C"], "budget_s": 1e5}, UnknownNameError, "unknown method of recorded.csv 'C'; choose from A, B"),
        ({"returns": "last", "budget_s": 1e5}, SettingError, "returns='last'; choose from 'latest', 'best'"),
        ({"n_evaluations": 5}, SettingError, "recorded runs are counted in seconds, and these rules are not"),
        ({"budget_s": 5.0, "clock": "evaluations"}, SettingError, "budget_s needs a clock of seconds"),
        ({"budget": 5.0}, UnknownNameError, "unknown rule 'budget'"),
        ({}, SettingError, "the study holds no runs on nasbench201/cifar10 to stand beside; give budget_s=SECONDS"),
    ],
)
def test_what_cannot_be_added_is_one_line_and_nothing_is(path, file, cifar10, how, error, message):
    with Study(path) as study:
        with pytest.raises(error, match=re.escape(message)):
            study.add_recorded(cifar10, file, **how)
        assert study.configurations() == []


def test_the_rules_to_stand_beside_must_be_one_set(with_runs, file, cifar10):
    with Study(with_runs) as study:
        study.run([Configuration.of(cifar10, "random_search", budget_s=9_000.0)], [0], n_processes=1)
        with pytest.raises(SettingError, match=r"under 2 sets of rules, .* give budget_s=SECONDS"):
            study.add_recorded(cifar10, file)
        assert study.add_recorded(cifar10, file, budget_s=9_000.0).made == 3


def test_a_step_that_is_no_architecture_is_named(path, write, cifar10, make_benchmark, stored, toy_space):
    bad = write(as_csv([*ROWS, ("B", 0, "|conv~0|+|", 1.0)]))
    with Study(path) as study:
        with pytest.raises(SettingError, match=r"B with seed 0, step 2: '\|conv~0\|\+\|' is no cell of nasbench201"):
            study.add_recorded(cifar10, bad, budget_s=1e5)
        assert study.configurations() == []
    # and what the benchmark has no value of
    some = make_benchmark(stored("val_accuracy", [0.1, 0.2, np.nan, 0.4, 0.5, 0.6]), stored("cost_s", np.ones(6)))
    run = RecordedRun("A", 0, tuple(toy_space.format(toy_space.unrank(i)) for i in range(6)), None)
    with Study(path) as study, pytest.raises(NotRecordedError):
        study.add_recorded(some, Recording("x", "0" * 64, (run,)), budget_s=99.0)


# ---- shown ----


def test_they_are_marked_in_captions_tables_figures_and_the_checklist(with_runs, file, cifar10):
    with Study(with_runs) as study:
        study.add_recorded(cifar10, file)
    made = Comparison.of_study(with_runs)
    said = "(recorded): not run here but recorded elsewhere, in its own seconds; shown is the architecture that"
    assert said in made.in_words
    assert "A (recorded)" in [row["optimizer"] for row in made.table()]
    figure = made.figure()
    texts = [text.get_text() for text in figure.findobj(plt.Text)]
    assert any("(recorded): not run here" in text.replace("\n", " ") for text in texts)
    assert any("A (recorded)" in text for text in texts)
    plt.close(figure)
    alone = made.figure(optimizers=["random_search"])
    assert not any("(recorded)" in text.get_text() for text in alone.findobj(plt.Text))
    plt.close(alone)
    report = report_of(with_runs)
    assert report.versions == tuple(made for made in report.versions if made)
    answers = {item.number: item for item in checklist(list(report.panels.values()), len(report.commands))}
    assert {number: answers[number].answer for number in ("1d", "1e", "2b", "2d")} == {
        "1d": "yours to say",
        "1e": "yours to say",
        "2b": "no",
        "2d": "no",
    }
    assert answers["2b"].why.endswith("the seconds of A, B are of whatever machine they were recorded on")
    assert answers["2d"].why.endswith("A, B recorded elsewhere, not run here")


def test_the_commands_of_a_report_add_the_same_runs_again(with_runs, file, cifar10, monkeypatch):
    before = with_runs.with_name("before.db")
    shutil.copy(with_runs, before)
    with Study(with_runs) as study:
        study.add_recorded(cifar10, file, methods=["A"])
        study.add_recorded(cifar10, file, methods=["B"], returns="best")
        keys = study.configurations()
    compare, *record = report_of(with_runs).commands
    assert shlex.split(compare)[1:6] == ["compare", "-b", "nasbench201/cifar10", "-o", "random_search"]
    assert "recorded" not in compare
    monkeypatch.chdir(with_runs.parent)
    for command in record:
        _, *words, study = shlex.split(command)
        assert study == with_runs.name
        result = CliRunner().invoke(main, [*words, before.name])
        assert result.exit_code == 0, result.output
    with Study(before, create=False) as again:
        assert again.configurations() == keys
        assert again.merge(with_runs) == 0


def test_the_command_says_of_whom_no_step_ends_within_the_budget(tmp_path, file):
    how = ["record", str(file), "-b", "nasbench201/cifar10", "--study", str(tmp_path / "short.db"), "--budget-s", "0.5"]
    result = CliRunner().invoke(main, how)
    assert result.exit_code == 0, result.output
    assert result.stderr == (
        "no step of A (recorded), B (recorded) ends within the budget; a larger one, by --budget-s, shows some\n"
    )


def test_the_command_adds_them_and_says_what_it_did(with_runs, file):
    run = CliRunner().invoke
    how = ["record", str(file), "-b", "nasbench201/cifar10", "--study", str(with_runs)]
    first = run(main, how)
    assert first.exit_code == 0, first.output
    assert f"3 runs of {file} added to {with_runs}\n" in first.output
    assert re.search(r"nasbench201/cifar10 +A \(recorded\) +latest +2 +6\n", first.output)
    again = json.loads(run(main, [*how, "--json"]).output)
    assert (again["n_added"], again["n_there"]) == (0, 3)
    assert again["recorded"][1] == {
        "benchmark": "nasbench201/cifar10",
        "optimizer": "B (recorded)",
        "returns": "latest",
        "n_runs": 1,
        "n_steps": 1,
    }
    wrong = run(main, [*how, "--method", "C"])
    assert (wrong.exit_code, wrong.output) == (2, "error: unknown method of recorded.csv 'C'; choose from A, B\n")
    alone = run(main, [*how[:-1], str(with_runs.parent / "new.db")])
    assert alone.exit_code == 2
    assert alone.output.endswith("to stand beside; give --budget-s SECONDS\n")
    cited = run(main, ["cite", str(with_runs)])  # nothing is known of methods of others
    assert cited.exit_code == 0, cited.output
    itself = run(main, ["record", str(with_runs), "-b", "nasbench201/cifar10", "--study", str(with_runs)])
    assert itself.exit_code == 2


# ---- real ones ----

COLLAPSED = "|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|none~1|none~2|"
SHARING = ["DARTS", "GDAS", "PCDARTS", "SDARTSDARTS", "SDARTSGDAS", "SDARTSPCDARTS"]


@pytest.fixture(scope="module")
def tested(shared_data, cifar10, tmp_path_factory):
    """NAS-Bench-201 on CIFAR-10 with test accuracies, from published copies of the complete release."""
    with gzip.open(shared_data / "nasbench201" / "nb201_all.csv.gz", "rt") as lines:
        rows = list(csv.DictReader(lines))
    archs = cifar10.space.parse_many([row["arch_str"] for row in rows])
    val, test = (
        np.array([float(row[name]) for row in rows])[None, None] / 100
        for name in ("c10valid_xvalid_200ep_mean_nwot", "c10_test_200ep_nwot")
    )
    metrics = [
        Stored(nbk.Metric.from_name("val_accuracy", (), (200,)), val),
        Stored(nbk.Metric.from_name("test_accuracy", (), (200,)), test),
        Stored(nbk.Metric.from_name("cost_s", (), (200,)), cifar10.query_many(archs).cost_s[None, None]),
    ]
    path = tmp_path_factory.mktemp("tested") / "tested.h5"
    datasets = {"cifar10": DatasetSpec(metrics, "val_accuracy")}
    return nbk.Benchmark(
        nbk.Table.create(path, name="tested", space=cifar10.space, datasets=datasets, archs=archs), "cifar10"
    )


@pytest.mark.shared
def test_the_39_recorded_runs_show_the_known_collapse_beside_random_search(tested, shared_data, path):
    file = shared_data / "weight_sharing" / "naslib_recorded_trajectories.json.gz"
    nbk.compare(tested, "random_search", runs=10, study=path, budget_s=20_000, n_processes=1)
    with Study(path) as study:
        assert study.add_recorded(tested, file).made == 39
        returns = {key.label: key.settings["returns"] for key in study.configurations() if key.is_recorded}
        panels = load(study, results=tested.results.path)
    # searches that evaluate return their best; those of them have no seconds
    assert returns == dict.fromkeys((f"{method} (recorded)" for method in SHARING), "latest") | dict.fromkeys(
        ("RE (recorded)", "RS (recorded)", "TPE (recorded)"), "best"
    )
    (panel,) = panels.values()
    with gzip.open(file) as opened:
        recorded = json.load(opened)
    # what the release says of each architecture is what NASLib wrote down of it, at every step
    archs = tested.space.parse_many([arch for run in recorded for arch in run["arch"]])
    written = np.array([value for run in recorded for value in run["test200_c10"]]) / 100
    np.testing.assert_allclose(tested.values("test_accuracy", archs), written, atol=2e-6)
    finals = {name: one.reported[one.finals] for name, one in panel.trajectories.items()}
    # DARTS and S-DARTS end on a skip connection from input to output: 86.49 % test accuracy, all eight runs
    for method in ("DARTS", "SDARTSDARTS"):
        np.testing.assert_allclose(finals[f"{method} (recorded)"], [0.8649] * 4, atol=1e-9)
        one = panel.trajectories[f"{method} (recorded)"]
        assert {tested.space.format(tuple(arch)) for arch in one.archs[one.finals].tolist()} == {COLLAPSED}
        assert (one.best_evaluated > 0.89).all()  # each had held a better one on the way
    np.testing.assert_allclose(finals["GDAS (recorded)"], [0.9213] * 4, atol=1e-9)
    np.testing.assert_allclose(finals["PCDARTS (recorded)"], [0.893867, 0.893867, 0.4921, 0.9309], atol=1e-6)
    assert finals["random_search"].mean() > finals["DARTS (recorded)"].max() + 0.05
    # seconds are those of 50 epochs each, as they were written down
    (darts,) = (run for run in recorded if (run["method"], run["seed"]) == ("DARTS", 0))
    assert panel.trajectories["DARTS (recorded)"].ended["seconds"][0] == pytest.approx(sum(darts["runtime_s"]))
    figure = Comparison.of_study(path, results=tested.results.path).figure(
        highlight=["random_search", "DARTS (recorded)", "GDAS (recorded)"]
    )
    texts = " ".join(text.get_text() for text in figure.findobj(plt.Text))
    for name in ("random search", "DARTS (recorded)", "SDARTSPCDARTS"):
        assert name in texts
    plt.close(figure)

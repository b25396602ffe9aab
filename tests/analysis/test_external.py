"""What others measured: logs of other tools become runs, damaged ones one line."""

import gzip
import re
import warnings
import zipfile

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.analysis import Panel, final_regrets, load, regret_curves
from nasbench_kit.analysis.external import (
    Points,
    Values,
    of_optuna,
    published_curves,
    read_dehb,
    read_iohprofiler,
    read_optuna,
    read_overlay,
    read_runs,
    read_syne_tune,
)
from nasbench_kit.analysis.iohprofiler import write_iohprofiler
from nasbench_kit.errors import ImportDataError, SettingError, UnknownNameError
from nasbench_kit.simulator import Rules

ACCURACY = Values("val_accuracy", best=0.9)
CSV = "seed,time_s,acc\n0,2,0.5\n1,1,0.6\n0,1,0.4\n1,5,\n0,7,0.45\n1,9,0.8\n"


@pytest.fixture
def write(tmp_path):
    def make(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return make


# ---- CSV ----


def test_rows_of_a_csv_file_become_runs_in_order_of_time(write):
    one = read_runs(write("c.csv", CSV), ACCURACY, spent="time_s", value="acc", run="seed")
    assert one.n_runs == 2
    assert np.split(one.along(), one.starts[1:-1])[0].tolist() == [1, 2]
    assert one.reported.tolist() == [0.4, 0.5, 0.6, 0.8]
    assert one.ended["seconds"].tolist() == [7, 9]
    curves = regret_curves(one, np.array([0.5, 1.0, 2.0, 9.0]))
    np.testing.assert_allclose(curves, [[np.nan, 0.5, 0.4, 0.4], [np.nan, 0.3, 0.3, 0.1]])


def test_all_rows_are_of_one_run_where_no_column_says_otherwise(write):
    one = read_runs(write("c.csv.gz", gzip.compress(CSV.encode())), ACCURACY, spent="time_s", value="acc")
    assert one.n_runs == 1
    assert (one.along().tolist(), one.reported.tolist()) == ([1, 9], [0.6, 0.8])


def test_percentages_are_scaled_and_refused_where_they_are_not(write):
    path = write("c.csv", "t,acc\n1,50\n2,80\n")
    one = read_runs(path, Values("val_accuracy", 0.9, scale=0.01), spent="t", value="acc")
    np.testing.assert_allclose(final_regrets(one), [0.1])
    with pytest.raises(SettingError, match=r"c\.csv holds val_accuracy 80, better than the best, 0\.9; .* 0\.01 for"):
        read_runs(path, ACCURACY, spent="t", value="acc")


def test_regrets_are_regrets_whatever_the_direction_of_the_metric(write):
    path = write("c.csv", "t,r\n1,0.3\n2,0.1\n3,0.2\n")
    for metric in ("val_accuracy", "val_error"):
        one = read_runs(path, Values(metric, are_regrets=True), spent="t", value="r")
        np.testing.assert_allclose(regret_curves(one, np.array([1.0, 2.0, 3.0])), [[0.3, 0.1, 0.1]])
    with pytest.raises(SettingError, match=r"holds a regret of -0\.5, better than the best"):
        read_runs(write("n.csv", "t,r\n1,-0.5\n"), Values("val_error", are_regrets=True), spent="t", value="r")


def test_of_an_error_the_smallest_is_the_best(write):
    path = write("c.csv", "t,e\n1,0.3\n2,0.4\n3,0.2\n")
    one = read_runs(path, Values("val_error", best=0.1), spent="t", value="e")
    np.testing.assert_allclose(regret_curves(one, np.array([1.0, 2.0, 3.0])), [[0.2, 0.2, 0.1]])


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("", ImportDataError, "c.csv has the columns ; t, v expected, each once"),
        ("t,v\n", ImportDataError, "c.csv holds no rows"),
        ("t,w\n1,2\n", ImportDataError, "c.csv has the columns t, w; v expected"),
        ("t,v\n1,2,3\n", ImportDataError, "c.csv, row 2 has 3 cells; 2 expected"),
        ("t,v\n1\n", ImportDataError, "c.csv, row 2 has 1 cells; 2 expected"),
        ("t,v\n1,many\n", ImportDataError, "c.csv, row 2: v is 'many'; a number expected"),
        (b"t,v\n\xff\xfe\n", ImportDataError, "c.csv is a damaged CSV file"),
        (gzip.compress(b"t,v\n1,2\n" * 99, mtime=0)[:-9], ImportDataError, "c.csv' is damaged"),
        (gzip.compress(b"t" * 9_000_000, mtime=0), ImportDataError, "c.csv' unpacks to more than"),
        ("t,v\n-1,0.2\n", SettingError, "c.csv: what was spent is not always a number from 0"),
        ("t,v\ninf,0.2\n", SettingError, "c.csv: what was spent is not always a number from 0"),
        ("t,v\n,0.2\n", SettingError, "c.csv: what was spent is not always a number from 0"),
    ],
)
def test_a_damaged_or_hostile_csv_file_is_one_line(write, content, error, message):
    with pytest.raises(error, match=re.escape(message)) as caught:
        read_runs(write("c.csv", content), ACCURACY, spent="t", value="v")
    assert "\n" not in str(caught.value)


def test_values_need_their_best_and_a_direction(write):
    path = write("c.csv", "t,v\n1,0.2\n")
    with pytest.raises(SettingError, match=r"best=None; the best val_accuracy of the benchmark expected"):
        read_runs(path, Values("val_accuracy"), spent="t", value="v")
    with pytest.raises(SettingError, match="depth has no direction, so no regret"):
        read_runs(path, Values(nbk.Metric("depth", None, "layers", None), 9.0), spent="t", value="v")


@pytest.mark.parametrize("values", [ACCURACY._replace(best=np.nan), ACCURACY._replace(scale=0.0)])
def test_a_best_or_scale_that_is_no_number_is_refused(write, values):
    with pytest.raises(SettingError, match=r"c\.csv: best=.*, scale=.*; numbers expected, a scale that is not 0"):
        read_runs(write("c.csv", "t,v\n1,0.2\n"), values, spent="t", value="v")


def test_values_that_are_none_are_no_incumbents(write):
    one = read_runs(write("c.csv", "t,v\n1,nan\n2,inf\n3,0.5\n"), ACCURACY, spent="t", value="v")
    assert one.along().tolist() == [3]
    assert np.isnan(final_regrets(read_runs(write("n.csv", "t,v\n1,\n"), ACCURACY, spent="t", value="v"))).all()


# ---- Optuna ----


@pytest.fixture
def study():
    """A study of seven trials, of which one was pruned, one failed, and one never ended."""
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def objective(trial):
        value = [0.5, 0.4, 0.8, 0.7, 0.85, 0.6][trial.number]
        trial.suggest_categorical("op", ["a", "b"])
        trial.set_user_attr("cost_s", 10.0 * (trial.number + 1))
        if trial.number == 2:
            trial.report(0.8, 1)
            raise optuna.TrialPruned
        if trial.number == 3:
            raise ValueError("diverged")
        return value

    def make(storage=None):
        sampler = optuna.samplers.RandomSampler(0)
        made = optuna.create_study(direction="maximize", storage=storage, sampler=sampler)
        made.optimize(objective, n_trials=6, catch=(ValueError,))
        made.ask()
        return made

    return make


def check_optuna(one):
    assert one.reported.tolist() == [0.5, 0.85]
    assert one.along().tolist() == [10.0, 10.0 + 20 + 30 + 40 + 50]
    assert one.ended["seconds"].tolist() == [210.0]
    assert one.ended["evaluations"].tolist() == [6]


def test_a_study_of_optuna_is_a_run_wherever_it_is_stored(study, tmp_path):
    check_optuna(of_optuna(study(), ACCURACY, cost="cost_s"))
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend

    for storage in (
        JournalStorage(JournalFileBackend(str(tmp_path / "j.log"))),
        RDBStorage(f"sqlite:///{tmp_path / 'o.db'}"),
    ):
        check_optuna(of_optuna(study(storage), ACCURACY, cost="cost_s"))
        if isinstance(storage, RDBStorage):
            storage.engine.dispose()


def test_the_csv_file_of_its_trials_holds_the_same_run(study, tmp_path):
    pytest.importorskip("pandas")
    made = study()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made.trials_dataframe().to_csv(tmp_path / "trials.csv")
    check_optuna(read_optuna(tmp_path / "trials.csv", ACCURACY, cost="cost_s"))
    by_clock = read_optuna(tmp_path / "trials.csv", ACCURACY)
    assert by_clock.along().tolist() == of_optuna(made, ACCURACY).along().tolist()
    assert 0 <= by_clock.along()[0] < by_clock.along()[-1]


def test_a_study_without_trials_or_of_several_objectives_is_said(study, write):
    import optuna

    empty = optuna.create_study()
    with pytest.raises(SettingError, match="none of 0 trials has ended"):
        of_optuna(empty, ACCURACY)
    with pytest.raises(SettingError, match="has 2 objectives; one expected"):
        of_optuna(optuna.create_study(directions=["maximize", "minimize"]), ACCURACY)
    head = "number,value,datetime_start,datetime_complete,state\n"
    with pytest.raises(ImportDataError, match="has the time 'noon'; one like 2026-01-31 12:00:00 expected"):
        read_optuna(write("t.csv", f"{head}0,0.5,noon,noon,COMPLETE\n"), ACCURACY)
    some = "2,0.5,2026-01-01 10:00:00,2026-01-01 10:00:05,COMPLETE\n"
    mixed = "3,0.6,2026-01-01 11:00:00+01:00,2026-01-01 11:00:09+01:00,COMPLETE\n"
    assert read_optuna(write("t.csv", head + some + mixed), ACCURACY).along().tolist() == [5, 9]
    with pytest.raises(SettingError, match=r"t\.csv: none of 1 trials has ended"):
        read_optuna(write("t.csv", f"{head}0,,2026-01-01 10:00:00,,RUNNING\n"), ACCURACY)


# what `study.trials_dataframe().to_csv(path)` wrote of the study above: Optuna 3.6.1 with pandas 3.1, and Optuna 5.0.0
OPTUNA = {
    "3.6.1": """\
,number,value,datetime_start,datetime_complete,duration,params_op,user_attrs_cost_s,state
0,0,0.5,2026-11-29 06:54:19.611147,2026-11-29 06:54:19.611707,0 days 00:00:00.000560,b,10.0,COMPLETE
1,1,0.4,2026-11-29 06:54:19.611889,2026-11-29 06:54:19.612174,0 days 00:00:00.000285,a,20.0,COMPLETE
2,2,0.8,2026-11-29 06:54:19.612306,2026-11-29 06:54:19.612594,0 days 00:00:00.000288,b,30.0,PRUNED
3,3,,2026-11-29 06:54:19.612719,2026-11-29 06:54:19.612957,0 days 00:00:00.000238,b,40.0,FAIL
4,4,0.85,2026-11-29 06:54:19.632046,2026-11-29 06:54:19.632512,0 days 00:00:00.000466,a,50.0,COMPLETE
5,5,0.6,2026-11-29 06:54:19.632656,2026-11-29 06:54:19.632879,0 days 00:00:00.000223,a,60.0,COMPLETE
6,6,,2026-11-29 06:54:19.633003,,,,,RUNNING
""",
    "5.0.0": """\
,number,value,datetime_start,datetime_complete,duration,params_op,user_attrs_cost_s,state
0,0,0.5,2026-11-29 06:54:35.764504,2026-11-29 06:54:35.781772,0 days 00:00:00.017268,b,10.0,COMPLETE
1,1,0.4,2026-11-29 06:54:35.781926,2026-11-29 06:54:35.782651,0 days 00:00:00.000725,a,20.0,COMPLETE
2,2,0.8,2026-11-29 06:54:35.782749,2026-11-29 06:54:35.783247,0 days 00:00:00.000498,b,30.0,PRUNED
3,3,,2026-11-29 06:54:35.783328,2026-11-29 06:54:35.783727,0 days 00:00:00.000399,b,40.0,FAIL
4,4,0.85,2026-11-29 06:54:35.783844,2026-11-29 06:54:35.784206,0 days 00:00:00.000362,a,50.0,COMPLETE
5,5,0.6,2026-11-29 06:54:35.784267,2026-11-29 06:54:35.784554,0 days 00:00:00.000287,a,60.0,COMPLETE
6,6,,2026-11-29 06:54:35.784632,,,,,RUNNING
""",
}


@pytest.mark.parametrize("version", OPTUNA)
def test_trials_as_optuna_3_and_5_write_them_are_the_same_run(write, version):
    path = write("trials.csv", OPTUNA[version])
    check_optuna(read_optuna(path, ACCURACY, cost="cost_s"))
    by_clock = read_optuna(path, ACCURACY)
    # from the start of the first trial to where those of 0.5 and 0.85 were complete
    passed = {"3.6.1": [0.000560, 0.021365], "5.0.0": [0.017268, 0.019702]}[version]
    np.testing.assert_allclose(by_clock.along(), passed, atol=1e-9)
    with pytest.raises(ImportDataError, match=r"; value expected, each once"):
        read_optuna(write("m.csv", OPTUNA[version].replace(",value,", ",values_0,")), ACCURACY)  # several objectives


# ---- IOHprofiler ----

# what ioh 0.4.2 wrote: ioh.logger.Analyzer on OneMax of 8 bits, 12 random points, twice
ONE_MAX = """\
{
\t"version": "0.4.2",\x20
\t"suite": "unknown_suite",\x20
\t"function_id": 1,\x20
\t"function_name": "OneMax",\x20
\t"maximization": true,\x20
\t"algorithm": {"name": "RS", "info": "plain"},
\t"attributes": ["evaluations", "raw_y"],
\t"scenarios": [
\t\t{"dimension": 8,
\t\t"path": "data_f1_OneMax/IOHprofiler_f1_DIM8.dat",
\t\t"runs": [
\t\t\t{"instance": 1, "evals": 12, "best": {"evals": 12, "y": 7, "x": [0, 1, 1, 1, 1, 1, 1, 1]}},
\t\t\t{"instance": 1, "evals": 12, "best": {"evals": 1, "y": 5, "x": [0, 0, 1, 1, 0, 1, 1, 1]}}
\t\t]}
\t]
}
"""
ONE_MAX_RUNS = """\
evaluations raw_y
1 5.0000000000
3 6.0000000000
12 7.0000000000
evaluations raw_y
1 5.0000000000
12 4.0000000000
"""


@pytest.fixture
def one_max(tmp_path):
    def make(about=ONE_MAX, runs=ONE_MAX_RUNS):
        (tmp_path / "data_f1_OneMax").mkdir(exist_ok=True)
        (tmp_path / "data_f1_OneMax" / "IOHprofiler_f1_DIM8.dat").write_text(runs)
        (tmp_path / "IOHprofiler_f1_OneMax.json").write_text(about)
        return tmp_path / "IOHprofiler_f1_OneMax.json"

    return make


ONES = Values(nbk.Metric("n_ones", None, "bits", "max"), best=8.0)


def test_logs_of_iohprofiler_are_runs_over_evaluations(one_max):
    one = read_iohprofiler(one_max(), ONES)
    assert (one.n_runs, one.axis) == (2, "evaluations")
    assert one.along().tolist() == [1, 3, 12, 1]  # its last row is its last evaluation, which was no better
    assert one.reported.tolist() == [5, 6, 7, 5]
    assert one.ended["evaluations"].tolist() == [12, 12]
    assert final_regrets(one).tolist() == [1, 3]
    assert read_iohprofiler(one_max(), ONES, dimension=8).n_runs == 2


def test_what_we_write_for_iohprofiler_comes_back(cifar10, tmp_path):
    study = tmp_path / "s.db"
    nbk.compare(cifar10, "random_search", runs=3, n_evaluations=20, study=study, n_processes=1)
    panels = load(study)
    write_iohprofiler(panels, tmp_path / "ioh")
    (path,) = (tmp_path / "ioh").glob("*/IOHprofiler_f1_*.json")
    (ours,) = panels["nasbench201/cifar10"].trajectories.values()
    values = Values("val_accuracy", best=cifar10.best().value + 0.01)  # single trainings may exceed the best mean
    one = read_iohprofiler(path, values)
    assert one.along().tolist() == ours.along("evaluations").tolist()
    assert one.reported.tolist() == ours.told.tolist()
    in_seconds = read_iohprofiler(path, values, spent="seconds", axis="seconds")
    assert in_seconds.along().tolist() == ours.along("seconds").tolist()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"about": ""}, ImportDataError, "IOHprofiler_f1_OneMax.json is no file of IOHprofiler (JSONDecodeError"),
        ({"about": "[]"}, ImportDataError, "is no file of IOHprofiler (TypeError"),
        ({"about": ONE_MAX.replace("true", "1")}, ImportDataError, "(TypeError: maximization=1)"),
        ({"about": ONE_MAX.replace('"runs": [', '"ran": [')}, ImportDataError, "is no file of IOHprofiler (KeyError"),
        ({"about": ONE_MAX.replace("data_f1", "../data_f1")}, ImportDataError, "a file in its own folder expected"),
        ({"about": ONE_MAX.replace("data_f1", "/data_f1")}, ImportDataError, "a file in its own folder expected"),
        ({"about": ONE_MAX.replace("true", "false")}, SettingError, "was minimized, and of n_ones max is better"),
        ({"runs": ONE_MAX_RUNS[:40]}, ImportDataError, "DIM8.dat holds 1 runs, and IOHprofiler_f1_OneMax.json lists 2"),
        ({"runs": "1 5.0\n"}, ImportDataError, "DIM8.dat, line 1 is damaged (no line of names before it)"),
        ({"runs": ONE_MAX_RUNS.replace("6.0", "x")}, ImportDataError, "DIM8.dat, line 3 is damaged (could not convert"),
        ({"runs": ONE_MAX_RUNS.replace("3 6.0000000000", "3")}, ImportDataError, "line 3 is damaged (list index"),
        (
            {"runs": ONE_MAX_RUNS.replace("raw_y", "y")},
            ImportDataError,
            "has the columns evaluations, y; raw_y expected",
        ),
        ({"runs": "\u00e9"}, ImportDataError, "is no data file of IOHprofiler: plain text expected"),
        ({"runs": ONE_MAX_RUNS.replace("7.0", "9.0")}, SettingError, "holds n_ones 9, better than the best, 8"),
    ],
)
def test_a_log_that_is_none_of_iohprofiler_s_is_one_line(one_max, change, error, message):
    with pytest.raises(error, match=re.escape(message)) as caught:
        read_iohprofiler(one_max(**change), ONES)
    assert "\n" not in str(caught.value)


def test_which_dimension_is_asked_for_where_several_are_there(one_max):
    scenario = ONE_MAX[ONE_MAX.index('{"dimension"') : ONE_MAX.rindex("\n\t]")]
    two = ONE_MAX.replace(scenario, f"{scenario}, {scenario.replace('8,', '9,', 1)}")
    with pytest.raises(SettingError, match="holds dimensions 8, 9; dimension=None expected to be one of them"):
        read_iohprofiler(one_max(two), ONES)
    assert read_iohprofiler(one_max(two), ONES, dimension=8).n_runs == 2


# ---- Syne Tune ----

REPORTS = """\
,acc,epoch,trial_id,st_decision,st_status,st_tuner_time,st_worker_time
0,0.3,1,0,CONTINUE,InProgress,10.0,5.0
1,0.7,1,1,STOP,Stopped,12.0,5.0
2,0.6,9,0,CONTINUE,Completed,90.0,80.0
"""


@pytest.mark.parametrize("name", ["results.csv", "results.csv.zip"])
def test_reports_of_syne_tune_are_a_run_over_its_own_time(tmp_path, name):
    path = tmp_path / name
    if name.endswith("zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("results.csv", REPORTS)
    else:
        path.write_text(REPORTS)
    one = read_syne_tune(path, ACCURACY, value="acc")
    assert (one.along().tolist(), one.reported.tolist()) == ([10, 12], [0.3, 0.7])
    assert one.ended["seconds"].tolist() == [90]
    at_the_end = read_syne_tune(path, ACCURACY, value="acc", resource="epoch")
    assert (at_the_end.along().tolist(), at_the_end.reported.tolist()) == ([90], [0.6])


def test_a_truncated_zip_file_or_one_of_something_else_is_one_line(tmp_path, write):
    path = tmp_path / "results.csv.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other.csv", REPORTS)
    with pytest.raises(ImportDataError, match=r"holds no results\.csv"):
        read_syne_tune(path, ACCURACY, value="acc")
    with pytest.raises(ImportDataError, match="is a damaged zip archive"):
        read_syne_tune(write("cut.zip", path.read_bytes()[:-30]), ACCURACY, value="acc")
    with pytest.raises(ImportDataError, match=r"has the columns .*; loss expected"):
        read_syne_tune(write("r.csv", REPORTS), ACCURACY, value="loss")


# ---- DEHB ----


def history(path, **columns):
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = {
        "config_id": [0, 1, 2, 1],
        "config": [[0.1, 0.2]] * 4,
        "fitness": [0.5, 0.2, 0.4, 0.3],
        "cost": [1.0, 1.0, 9.0, 9.0],
        "fidelity": [1.0, 1.0, 9.0, 9.0],
    } | columns
    pd.DataFrame(frame).to_parquet(path, compression="gzip")
    return path


def test_the_history_of_dehb_is_a_run_whose_incumbents_had_the_full_fidelity(tmp_path):
    one = read_dehb(history(tmp_path / "history.parquet.gzip"), Values("val_error", best=0.1))
    assert one.along().tolist() == [11, 20]
    np.testing.assert_allclose(one.best - one.reported, [0.3, 0.2])
    assert one.ended["evaluations"].tolist() == [4]


def test_a_damaged_history_is_one_line(tmp_path, write):
    values = Values("val_error", best=0.1)
    whole = history(tmp_path / "history.parquet.gzip").read_bytes()
    for content in (whole[:-20], whole[: len(whole) // 2], b"", b"PAR1"):
        with pytest.raises(ImportDataError, match=r"h\.parquet\.gzip is no history that DEHB saved") as caught:
            read_dehb(write("h.parquet.gzip", content), values)
        assert "\n" not in str(caught.value)
    with pytest.raises(ImportDataError, match="has a cost below 0, or none"):
        read_dehb(history(tmp_path / "c.parquet", cost=[1.0, -1.0, None, 2.0]), values)
    with pytest.raises(ImportDataError, match="is no history that DEHB saved"):
        read_dehb(history(tmp_path / "t.parquet", fitness=["a", "b", "c", "d"]), values)
    import pandas as pd

    pd.DataFrame({"fitness": [0.5]}).to_parquet(tmp_path / "l.parquet")
    with pytest.raises(ImportDataError, match="has no column cost; the history that DEHB saves has"):
        read_dehb(tmp_path / "l.parquet", values)


def test_whatever_is_damaged_in_a_log_is_one_line_or_no_harm(tmp_path, write):
    history(tmp_path / "h.parquet")
    with zipfile.ZipFile(tmp_path / "r.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("results.csv", REPORTS * 9)
    (tmp_path / "c.csv").write_text(CSV)
    readers = {
        "h.parquet": lambda path: read_dehb(path, Values("val_error", best=0.1)),
        "r.zip": lambda path: read_syne_tune(path, ACCURACY, value="acc"),
        "c.csv": lambda path: read_runs(path, ACCURACY, spent="time_s", value="acc", run="seed"),
    }
    rng = np.random.default_rng(0)
    for name, read in readers.items():
        whole, refused = (tmp_path / name).read_bytes(), []
        for _ in range(100):
            content = np.frombuffer(whole, np.uint8).copy()
            content[rng.integers(len(content), size=3)] = rng.integers(256, size=3)
            try:
                read(write(f"damaged.{name}", content.tobytes()))
            except (ImportDataError, SettingError) as error:
                refused.append(str(error))
        assert len(refused) > 30
        assert not any("\n" in message for message in refused)


# ---- published curves, and what is typed ----


def test_published_points_are_those_of_the_paper():
    curves = published_curves("nasbench101/cifar10")
    assert set(curves) == {"RS (arch2vec)", "RE (arch2vec)", "REINFORCE (arch2vec)", "BOHB (arch2vec)", "BO-arch2vec"}
    # Yan et al. 2020, https://arxiv.org/abs/2006.06936: the results in its repository after 1e6 seconds
    assert {label: one.regret[-1] for label, one in curves.items()} == {
        "RS (arch2vec)": 0.00858,
        "RE (arch2vec)": 0.00751,
        "REINFORCE (arch2vec)": 0.00837,
        "BOHB (arch2vec)": 0.0072,
        "BO-arch2vec": 0.00275,
    }
    assert all(one.spent.tolist() == [1e4, 3e4, 1e5, 3e5, 1e6] and one.axis == "seconds" for one in curves.values())
    assert published_curves("nasbench201/cifar10") == {}


@pytest.fixture
def panel(cifar10, trajectories):
    return Panel(cifar10, Rules(), {}, {"ours": trajectories([(1.0, 0.5, 0.5)], best=0.9)}, {})


def test_an_overlay_is_read_as_it_is_typed_with_metric_and_best_of_the_panel(panel, write):
    path = write("c.csv", "t,acc\n1,50\n2,80\n")
    ((label, one),) = read_overlay(f"csv:{path},spent=t,value=acc,scale=0.01,label=Theirs", panel).items()
    assert label == "Theirs"
    np.testing.assert_allclose(final_regrets(one), [0.1])
    assert list(read_overlay(f"csv:{path},spent=t,value=acc,scale=0.01", panel)) == ["c.csv"]
    errors = read_overlay(f"csv:{path},spent=t,value=acc,scale=0.01,metric=val_error,best=0.2", panel)
    np.testing.assert_allclose(final_regrets(errors["c.csv"]), [0.3])
    regrets = read_overlay(f"csv:{path},spent=t,value=acc,scale=0.01,are_regrets=true", panel)
    np.testing.assert_allclose(final_regrets(regrets["c.csv"]), [0.5])


def test_published_points_are_overlays_that_are_no_runs(panel):
    nb101 = Panel(nbk.load("nasbench101/cifar10"), Rules(), {}, panel.trajectories, {})
    assert all(isinstance(one, Points) for one in read_overlay("published", nb101).values())
    with pytest.raises(SettingError, match="no curves of nasbench201/cifar10 are known; there are of nasbench101"):
        read_overlay("published", panel)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("excel:c.xls", UnknownNameError, "unknown format of an overlay 'excel'; choose from csv, optuna"),
        ("c.csv", UnknownNameError, "unknown format of an overlay 'c.csv'"),
        ("csv:c.csv,spent=t", SettingError, "lacks value=; the name of a column of 'c.csv' expected"),
        ("csv:c.csv,spent=t,valu=a", UnknownNameError, "unknown setting of a csv overlay 'valu'; did you mean 'value'"),
        ("dehb:c.csv,value=a", UnknownNameError, "unknown setting of a dehb overlay 'value'"),
        ("csv:c.csv,spent=t,value=a,scale=much", SettingError, "scale='much'; a number expected"),
        ("csv:c.csv,spent=t,value=a,are_regrets=yes", SettingError, "are_regrets='yes'; true or false expected"),
        ("csv:absent.csv,spent=t,value=a", SettingError, "there is no file 'absent.csv'"),
    ],
)
def test_an_overlay_that_cannot_be_read_is_said(panel, text, error, message):
    with pytest.raises(error, match=re.escape(message)):
        read_overlay(text, panel)

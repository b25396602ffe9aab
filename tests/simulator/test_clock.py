"""The clock of evaluations, for benchmarks that record no seconds and comparisons that do not ask for them."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import nasbench_kit as nbk
from nasbench_kit.analysis import judge
from nasbench_kit.cli import main
from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers import RandomSearch
from nasbench_kit.plots import compare_figure
from nasbench_kit.simulator import EVALUATIONS, SECONDS, simulate, task_of
from nasbench_kit.study import Configuration, Study


@pytest.fixture
def free(make_benchmark, stored):
    """A benchmark without costs."""
    return make_benchmark(stored("val_accuracy", np.arange(6) / 10))


def searched(bench, n_evaluations=12, **how):
    rng = np.random.default_rng(0)
    return simulate(bench, RandomSearch(task_of(bench), rng), rng=rng, n_evaluations=n_evaluations, **how)


def test_every_trial_takes_one(free):
    records = searched(free, clock=EVALUATIONS)
    assert records.finished_s.tolist() == list(range(1, 13))
    assert np.isnan(records.cost_s).all()


def test_workers_work_at_the_same_time(free):
    records = searched(free, clock=EVALUATIONS, n_workers=5)
    assert records.finished_s.tolist() == [1] * 5 + [2] * 5 + [3] * 2
    assert sorted(records.worker.tolist()[:5]) == list(range(5))


def test_recorded_costs_do_not_move_it(cifar10):
    seconds, evaluations = searched(cifar10), searched(cifar10, clock=EVALUATIONS)
    assert evaluations.archs.tolist() == seconds.archs.tolist()
    assert evaluations.cost_s.tolist() == seconds.cost_s.tolist()
    assert evaluations.finished_s.tolist() == list(range(1, 13))
    np.testing.assert_allclose(seconds.finished_s, np.cumsum(seconds.cost_s))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"clock": EVALUATIONS, "budget_s": 5.0}, "budget_s needs the clock to count seconds; give n_evaluations"),
        ({"clock": "steps"}, "clock='steps'; choose from cost_s, evaluations"),
        ({"clock": EVALUATIONS, "n_evaluations": None}, "no budget"),
    ],
)
def test_what_does_not_fit_the_clock_is_refused(free, how, message):
    settings = {"n_evaluations": 3} | how
    with pytest.raises(SettingError, match=message):
        searched(free, **settings)
    with pytest.raises(SettingError, match=message):
        Configuration.of(free, "random_search", **settings)


def test_the_clock_of_seconds_leaves_the_identity_of_a_study_as_it_was():
    # the identity that version 0.1.0 wrote for these settings
    key = Configuration("nasbench201/cifar10", "ab", "random_search", n_evaluations=20)
    assert key.identity == (
        '{"benchmark": "nasbench201/cifar10", "budget_s": null, "epoch": null, "n_evaluations": 20, "n_workers": 1,'
        ' "optimizer": "random_search", "seed": "drawn", "settings": {}, "table_sha256": "ab"}'
    )
    assert Configuration("b", "ab", "random_search", n_evaluations=20, clock=SECONDS).clock == "cost_s"
    other = Configuration("nasbench201/cifar10", "ab", "random_search", n_evaluations=20, clock=EVALUATIONS)
    assert other != key
    assert json.loads(other.identity) == json.loads(key.identity) | {"clock": "evaluations"}


def test_a_study_keeps_the_clock(free, tmp_path):
    key = Configuration.of(free, "random_search", n_evaluations=7, clock=EVALUATIONS)
    with Study(tmp_path / "s.db") as study:
        study.run([key], range(2), n_processes=1)
    with Study(tmp_path / "s.db") as study:
        (stored,) = study.configurations()
        assert stored == key
        assert stored.clock == EVALUATIONS
        assert [run.records.finished_s.tolist() for run in study.runs(stored)] == [list(range(1, 8))] * 2


@pytest.mark.parametrize(("clock", "label"), [(EVALUATIONS, "evaluations"), (SECONDS, "simulated time [s]")])
def test_the_figure_names_the_clock(cifar10, clock, label):
    outcomes = judge(cifar10, [searched(cifar10, clock=clock)], clock=clock)
    (ax,) = compare_figure({"b": {"o": outcomes}}).axes
    assert ax.get_xlabel() == label


def test_compare_counts_evaluations_where_no_seconds_were_recorded(free, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = ["compare", "-b", "mine/d", "--table", free.results.path, "--runs", "2", "--processes", "1"]
    done = CliRunner().invoke(main, [*arguments, "-o", "random_search", "--json"])
    assert done.exit_code == 0, done.output
    (row,) = json.loads(done.stdout)
    assert (row["clock"], row["n_evaluations"], row["mean_evaluations"]) == ("evaluations", 500, 500)
    done = CliRunner().invoke(main, [*arguments, "--evaluations", "9"])
    assert done.exit_code == 0, done.output
    assert Path("compare.png").exists()
    assert nbk.__version__


def test_a_benchmark_whose_searches_cannot_be_judged_is_refused_before_any_run(
    make_table, stored, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    test = stored("test_accuracy", [0.1, 0.2, np.nan, 0.4, 0.5, 0.6])
    table = make_table(stored("val_accuracy", np.arange(6) / 10), test)
    done = CliRunner().invoke(main, ["compare", "-b", "mine/d", "--table", table.path, "--runs", "1"])
    assert done.exit_code == 2
    assert "test_accuracy, which judges searches, was not recorded for 1 of the 6 architectures" in done.stderr
    assert not Path("compare.db").exists()
    table = make_table(stored("val_accuracy", [0, 0.1, np.nan, 0.3, 0.4, 0.5]), test)  # nobody finds the third
    done = CliRunner().invoke(
        main, ["compare", "-b", "mine/d", "--table", table.path, "--runs", "1", "--evaluations", "9"]
    )
    assert done.exit_code == 0, done.output

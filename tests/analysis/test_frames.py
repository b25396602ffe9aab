"""Runs as rows: what is reported of every evaluation and incumbent, by hand on small tables."""

import sys

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.analysis import evaluation_frame, incumbent_frame, load
from nasbench_kit.analysis.frames import EVALUATION_COLUMNS, INCUMBENT_COLUMNS
from nasbench_kit.errors import SettingError
from nasbench_kit.study import Configuration, Study
from nasbench_kit.study.rows import STORED_COLUMNS

pd = pytest.importorskip("pandas")

IN_ORDER = """
class InOrder(RandomSearch):
    def ask(self):
        self.n = getattr(self, "n", -1) + 1
        archs = [(0,), (1,), (2,), (0,), (3,)]
        return Trial(archs[self.n]) if self.n < len(archs) else None
"""


@pytest.fixture
def in_order(tmp_path, monkeypatch):
    """An optimizer that asks for a, b, c, a and d."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "in_order_of_letters.py").write_text(
        f"from nasbench_kit.optimizers import RandomSearch\nfrom nasbench_kit.optimizers.base import Trial\n{IN_ORDER}"
    )
    return "in_order_of_letters:InOrder"


@pytest.fixture
def ordered(letters, in_order, tmp_path):
    """A study of one run of it on a table of letters, and the arguments that find that table."""

    def make(benchmark=None, rules=None, **results):
        bench = letters(benchmark=benchmark, **results)
        path = tmp_path / "s.db"
        with Study(path) as study:
            study.run([Configuration.of(bench, in_order, **rules or {})], [0], n_processes=1)
        return path, {"results": bench.results.path}

    return make


def both(made):
    path, where = made
    panels = load(path, **where)
    with Study(path) as study:
        return evaluation_frame(study, panels), incumbent_frame(panels)


def test_an_evaluation_is_reported_by_the_test_metric_and_the_incumbent_chosen_by_what_was_told(ordered):
    evaluations, incumbents = both(
        ordered(
            rules={"n_evaluations": 5},
            val_accuracy=[0.5, 0.7, 0.6, 0.8],
            test_accuracy=[0.6, 0.5, 0.9, 0.7],
            cost_s=[1.0, 2.0, 4.0, 8.0],
        )
    )
    assert list(evaluations) == list(EVALUATION_COLUMNS)
    assert evaluations["arch"].tolist() == ["a", "b", "c", "a", "d"]
    assert evaluations["value"].tolist() == [0.5, 0.7, 0.6, 0.5, 0.8]
    assert evaluations["reported"].tolist() == [0.6, 0.5, 0.9, 0.6, 0.7]
    np.testing.assert_allclose(evaluations["regret"], [0.3, 0.4, 0.0, 0.3, 0.2], atol=1e-12)
    assert evaluations["incumbent_reported"].tolist() == [0.6, 0.5, 0.5, 0.5, 0.7]
    np.testing.assert_allclose(evaluations["incumbent_regret"], [0.3, 0.4, 0.4, 0.4, 0.2], atol=1e-12)
    assert set(evaluations["told_metric"]) == {"val_accuracy"}
    assert set(evaluations["reported_metric"]) == {"test_accuracy"}
    assert set(evaluations["unit"]) == {"fraction"}
    assert list(incumbents) == list(INCUMBENT_COLUMNS)
    assert incumbents["arch"].tolist() == ["a", "b", "d"]
    assert incumbents["told"].tolist() == [0.5, 0.7, 0.8]
    assert incumbents["reported"].tolist() == [0.6, 0.5, 0.7]
    np.testing.assert_allclose(incumbents["regret"], [0.3, 0.4, 0.2], atol=1e-12)
    assert incumbents["seconds"].tolist() == [1, 3, 16]
    assert incumbents["evaluations"].tolist() == [1, 2, 5]
    assert set(incumbents["run_seconds"]) == {16}


def test_a_metric_of_which_smaller_is_better_is_shown_as_recorded_and_regret_is_not_below_0(ordered):
    evaluations, incumbents = both(
        ordered(
            benchmark={"objectives": ["val_error"]},
            rules={"n_evaluations": 5},
            val_accuracy=[0.5, 0.7, 0.6, 0.8],
            val_error=[0.5, 0.3, 0.4, 0.2],
            cost_s=[1.0, 2.0, 4.0, 8.0],
        )
    )
    assert evaluations["reported"].tolist() == [0.5, 0.3, 0.4, 0.5, 0.2]
    np.testing.assert_allclose(evaluations["regret"], [0.3, 0.1, 0.2, 0.3, 0.0], atol=1e-12)
    assert incumbents["told"].tolist() == [0.5, 0.3, 0.2]
    np.testing.assert_allclose(incumbents["regret"], [0.3, 0.1, 0.0], atol=1e-12)


def test_what_keeps_to_no_constraint_has_no_regret_and_is_no_incumbent(ordered):
    evaluations, incumbents = both(
        ordered(
            benchmark={"constraints": ["params_m<=2"]},
            rules={"n_evaluations": 5},
            val_accuracy=[0.5, 0.7, 0.6, 0.8],
            cost_s=[1.0, 2.0, 4.0, 8.0],
            params_m=[3.0, 1.0, 2.0, 4.0],
        )
    )
    assert evaluations["may_be_incumbent"].tolist() == [False, True, True, False, False]
    assert evaluations["reported"].tolist() == [0.5, 0.7, 0.6, 0.5, 0.8]
    np.testing.assert_allclose(evaluations["regret"], [np.nan, 0.0, 0.1, np.nan, np.nan], atol=1e-12)
    np.testing.assert_allclose(evaluations["incumbent_regret"], [np.nan, 0, 0, 0, 0], atol=1e-12)
    assert incumbents["arch"].tolist() == ["b"]
    assert incumbents["evaluations"].tolist() == [2]
    assert incumbents["run_evaluations"].tolist() == [5]


def test_a_run_without_an_incumbent_is_a_row_without_values(tmp_path):
    path = tmp_path / "s.db"
    nbk.compare(
        "nasbench201_mnist1d/mnist1d",
        ["hyperband", "random_search"],
        runs=2,
        n_evaluations=3,
        study=path,
        n_processes=1,
    )
    frame = incumbent_frame(load(path))
    without = frame[frame["label"] == "hyperband"]
    assert without["run_seed"].tolist() == [0, 1]
    assert without["incumbent"].tolist() == [0, 0]
    assert without[["told", "reported", "regret", "arch", "evaluations"]].isna().all(axis=None)
    assert without["run_evaluations"].tolist() == [3, 3]
    assert (frame[frame["label"] == "random_search"]["incumbent"] > 0).all()


def test_the_best_that_is_not_proven_is_the_same_for_all_optimizers(tmp_path):
    path = tmp_path / "s.db"
    nbk.compare(
        "nasbench301/cifar10", ["random_search", "local_search"], runs=2, n_evaluations=4, study=path, n_processes=1
    )
    panels = load(path)
    with Study(path) as study:
        frame = evaluation_frame(study, panels)
    best = (frame["reported"] + frame["regret"]).round(12).unique()
    assert len(best) == 1
    assert (frame["regret"] >= -1e-12).all()


def test_another_dataset_and_epoch_that_report_stand_in_the_name_of_the_metric(tmp_path):
    path = tmp_path / "s.db"
    how = {"reported": "cifar100:val_accuracy@200", "runs": 1, "n_processes": 1}
    nbk.compare("nasbench201/cifar10", "random_search", n_evaluations=4, study=path, **how)
    frame = incumbent_frame(load(path))
    assert set(frame["reported_metric"]) == {"cifar100:val_accuracy@200"}
    assert set(frame["told_metric"]) == {"val_accuracy"}


def test_the_stored_columns_alone_need_no_results_of_a_space_that_has_a_name(cifar10, tmp_path):
    with Study(tmp_path / "s.db") as study:
        key = Configuration.of(cifar10, "random_search", n_evaluations=6)
        other = Configuration.of(cifar10, "random_search", n_evaluations=7)
        study.run([key, other], range(3), n_processes=1)
        frame = study.to_frame([key], [0, 2])
        assert list(frame) == list(STORED_COLUMNS)
        runs = [run.records for run in study.runs(key, [0, 2])]
        assert len(study.to_frame()) == 39
        assert len(study.to_frame([])) == 0
    assert frame["run_seed"].tolist() == [0] * 6 + [2] * 6
    assert frame["finished_s"].tolist() == [value for run in runs for value in run.finished_s.tolist()]
    assert [cifar10.space.parse(text) for text in frame["arch"]] == [
        tuple(arch) for run in runs for arch in run.archs.tolist()
    ]
    assert str(frame["epoch"].dtype) == "Int64"
    assert isinstance(frame["arch"].dtype, pd.CategoricalDtype)


def test_an_architecture_of_many_decisions_is_written_as_the_space_writes_it(tmp_path):
    bench = nbk.load("nasbench301/cifar10")
    with Study(tmp_path / "s.db") as study:
        key = Configuration.of(bench, "random_search", n_evaluations=5)
        study.run([key], [0], n_processes=1)
        (run,) = study.runs(key)
        assert study.to_frame()["arch"].tolist() == bench.space.format_many(run.records.archs)


def test_where_there_is_no_pandas_one_line_says_how_to_get_it(cifar10, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with (
        Study(tmp_path / "s.db") as study,
        pytest.raises(SettingError, match=r"this needs the package pandas, .* pip install 'nasbench-kit\[frames\]'"),
    ):
        study.to_frame()

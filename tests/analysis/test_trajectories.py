"""What evaluations are reported by, and where runs ended."""

from math import isnan, nan

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.analysis import (
    Trajectories,
    check_reported,
    regret_curves,
    selection_bias,
    shown,
    summarize,
    trajectories_of,
)
from nasbench_kit.errors import NotRecordedError, SettingError, UnknownNameError
from nasbench_kit.simulator import EVALUATIONS, SECONDS, Rules
from nasbench_kit.simulator.rules import default_metric
from nasbench_kit.tables import DatasetSpec, Metric, Stored

LOSS = Metric.from_name("val_loss")

# ---- summary ----


@pytest.fixture
def two_runs(trajectories):
    return trajectories([(10.0, 0.5, 0.4), (20.0, 0.8, 0.7), (40.0, 0.6, 1.0)], [(5.0, 0.9, 1.0), (30.0, 0.1, 0.2)])


def test_a_summary_by_hand(two_runs):
    summary = summarize(two_runs)
    assert (summary.n_runs, summary.n_without, summary.metric) == (2, 0, "val_accuracy")
    assert summary.mean_evaluations == 2.5
    assert summary.mean == pytest.approx((0.7 + 1.0) / 2)
    assert summary.sd == pytest.approx(0.3 / np.sqrt(2))
    assert summary.median_regret == pytest.approx(0.15)
    assert (summary.found_share, summary.kept_share) == (1, 0.5)


@pytest.mark.parametrize(
    ("told", "reported", "found"),
    [((0.5, 1.0), (0.5, 0.9), 0), ((0.5, 0.6), (1.0, 0.9), 1), ((1.0, 1.2), (0.9, 0.8), 0)],
    ids=["a lucky run of another", "an unlucky run of the best", "runs better than the best"],
)
def test_the_best_is_found_by_what_is_reported_of_it_and_not_by_what_a_search_saw(trajectories, told, reported, found):
    summary = summarize(trajectories(list(zip((1.0, 2.0), told, reported, strict=True))))
    assert summary.found_share == found
    assert summary.kept_share == 0


def test_a_single_run_has_no_standard_deviation(trajectories):
    assert isnan(summarize(trajectories([(1.0, 0.5, 0.5)])).sd)


def test_the_summary_of_a_loss_shows_losses(trajectories):
    summary = summarize(trajectories([(1.0, -0.7, -0.7), (2.0, -0.3, -0.3)], best=-0.2, metric=LOSS))
    assert summary.mean == pytest.approx(0.3)
    assert summary.median_regret == pytest.approx(0.1)
    assert summary.kept_share == 0


@pytest.mark.parametrize(
    ("metric", "name", "unit", "text"),
    [
        ("test_accuracy", "test accuracy", "percentage points", "12.30"),
        ("latency_ms[edge_gpu]", "latency ms (edge gpu)", "ms", "0.1230"),
    ],
)
def test_a_metric_is_shown_in_its_unit_and_fractions_in_percent(metric, name, unit, text):
    show = shown(metric, Metric.from_name(metric).unit)
    assert (show.name, show.difference_unit, show.text(0.123), show.text(nan)) == (name, unit, text, "-")


# ---- what an incumbent is reported by ----


def test_incumbents_are_chosen_by_validation_and_reported_by_test(letters, records):
    bench = letters(val_accuracy=[0.5, 0.7, 0.9], test_accuracy=[0.95, 0.6, 0.8], cost_s=[1, 1, 1])
    one = trajectories_of(bench, [records([0, 1, 2], [0.5, 0.7, 0.9]), records([1, 0], [0.7, 0.5])])
    assert one.metric.name == "test_accuracy"
    assert one.best == 0.95
    assert one.starts.tolist() == [0, 3, 4]
    assert one.told.tolist() == [0.5, 0.7, 0.9, 0.7]
    assert one.reported.tolist() == [0.95, 0.6, 0.8, 0.6]
    assert one.best_evaluated.tolist() == [0.95, 0.95]
    assert one.archs.ravel().tolist() == [0, 1, 2, 1]
    summary = summarize(one)
    assert summary.mean == pytest.approx((0.8 + 0.6) / 2)  # not 0.95, which validation never favored
    assert (summary.found_share, summary.kept_share) == (1, 0)
    regret = regret_curves(one, np.array([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(regret, [[0, 0.35, 0.15], [0.35, 0.35, 0.35]], atol=1e-12)


@pytest.mark.parametrize(
    ("test", "reported_by"),
    [
        ({"epochs": (1, 9)}, "test_error"),
        ({"epochs": (9,)}, "test_error"),
        ({"epochs": ()}, "test_error"),
        ({"epochs": (1,)}, "val_error"),  # of other training than what was searched
        ({"epochs": (1, 9), "direction": "max"}, "val_error"),
        ({"epochs": (1, 9), "name": "test_accuracy"}, "val_error"),
    ],
)
def test_the_test_metric_that_reports_is_that_of_the_objective(make_benchmark, test, reported_by):
    metrics = [Metric("val_error", "val", "fraction", "min", (), (1, 9))]
    metrics.append(Metric("test_error", "test", "fraction", "min")._replace(**test))
    values = [Stored(metric, np.full((1, max(1, len(metric.epochs)), 6), 0.5)) for metric in metrics]
    assert default_metric(make_benchmark(*values, objective="val_error")) == reported_by


def test_without_test_values_the_mean_validation_value_reports(cifar10, records):
    arch = (3, 3, 3, 1, 3, 2)
    run = records([0], [0.9], epoch=[200])._replace(archs=np.array([arch], np.uint8))
    one = trajectories_of(cifar10, [run])
    assert one.metric.name == "val_accuracy"
    assert one.told.tolist() == [0.9]  # what the search saw
    assert one.reported.tolist() == [cifar10.query(arch).value]  # what it is worth
    assert one.best == cifar10.best().value
    assert one.values_are == "the mean of the recorded runs"


def test_rules_may_report_another_dataset_metric_and_epoch(make_table, stored, records):
    table = make_table(
        datasets={
            "d": DatasetSpec([stored("val_accuracy", np.arange(6) / 10)], "val_accuracy"),
            "other": DatasetSpec(
                [
                    stored("val_accuracy", np.zeros(6)),
                    stored("test_error", [[np.full(6, 0.5), [0.3] * 5 + [0.1]]], epochs=(4, 9)),
                ],
                "val_accuracy",
            ),
        }
    )
    bench = nbk.Benchmark(table, "d")
    run = records([0, 1], [0.4, 0.5])._replace(archs=bench.space.all_archs()[[4, 5]])
    last = trajectories_of(bench, [run], Rules(reported=("other", "test_error")))
    assert (last.metric.name, last.best) == ("test_error", -0.1)
    assert last.reported.tolist() == [-0.3, -0.1]
    early = trajectories_of(bench, [run], Rules(reported=("other", "test_error", 4)))
    assert (early.best, early.reported.tolist()) == (-0.5, [-0.5, -0.5])


def test_a_missing_test_value_is_not_replaced_by_validation(letters, records):
    bench = letters(val_accuracy=[0.5, 0.7], test_accuracy=[0.6, nan], cost_s=[1, 1])
    with pytest.raises(NotRecordedError, match="test_accuracy was not recorded for 1 of these 2 architectures"):
        trajectories_of(bench, [records([0, 1], [0.5, 0.7])])


def test_what_a_search_may_find_must_have_a_value_to_be_reported_by(letters):
    bench = letters(val_accuracy=[0.5, 0.7, nan], test_accuracy=[0.6, nan, nan], cost_s=[1, 1, 1])
    with pytest.raises(SettingError, match="test_accuracy, which searches are reported by, was not recorded for 1 of"):
        check_reported(bench, Rules())
    check_reported(bench, Rules(reported=("default", "val_accuracy")))


def test_a_minimized_objective_is_reported_by_the_smallest_loss(letters, records):
    bench = letters("val_loss", val_loss=[0.7, 0.2, 0.4], test_loss=[0.6, 0.3, 0.1], cost_s=[1, 1, 1])
    one = trajectories_of(bench, [records([0, 2, 1], [0.7, 0.4, 0.2])])
    assert (one.metric.name, one.best, one.values_are) == ("test_loss", -0.1, "the mean of training runs")
    summary = summarize(one)
    assert summary.mean == 0.3
    assert summary.median_regret == pytest.approx(0.2)
    np.testing.assert_allclose(regret_curves(one, np.arange(1.0, 4.0)), [[0.5, 0, 0.2]], atol=1e-12)


@pytest.mark.parametrize(
    ("how", "clock", "finished_s"),
    [
        ({}, SECONDS, [10, 30]),
        ({"budget_s": 50}, SECONDS, [10, 30]),
        ({"n_evaluations": 2}, EVALUATIONS, [1, 2]),
        ({"n_evaluations": 2, "budget_s": 50}, SECONDS, [10, 30]),
        ({"n_evaluations": 2, "clock": "epochs"}, "epochs", [10, 30]),
    ],
    ids=str,
)
def test_what_is_spent_is_counted_in_what_the_budget_is(letters, records, how, clock, finished_s):
    bench = letters(val_accuracy=[0.5, 0.7], cost_s=[10, 20])
    one = trajectories_of(bench, [records([0, 1], [0.5, 0.7], finished_s=[10.0, 30.0])], Rules(**how))
    assert (one.axis, one.along().tolist()) == (clock, finished_s)


def test_epochs_are_counted_where_they_alone_are_the_budget():
    bench = nbk.load("nasbench201_mnist1d/mnist1d")
    made = nbk.compare(bench, "random_search", runs=2, n_epochs=72, n_processes=1)
    (one,) = made.trajectories[bench.name].values()
    assert one.axis == "epochs"
    assert set(one.along().tolist()) <= {36.0, 72.0}
    assert one.budgets == {"epochs": 72.0}
    both = nbk.compare(bench, "random_search", runs=2, n_epochs=72, budget_s=1e6, n_processes=1)
    assert both.trajectories[bench.name]["random_search"].axis == "seconds"


@pytest.mark.parametrize("n_runs", [0, 2])
def test_there_must_be_something_to_report(cifar10, records, n_runs):
    with pytest.raises(SettingError, match=f"the budget of {n_runs} runs ended before the first evaluation did"):
        trajectories_of(cifar10, [records([], [])] * n_runs)


def test_a_run_without_evaluations_is_one_without_incumbent(letters, records):
    bench = letters(val_accuracy=[0.5, 0.7], cost_s=[10, 20])
    summary = summarize(trajectories_of(bench, [records([], []), records([1], [0.7])]))
    assert (summary.n_runs, summary.n_without, summary.kept_share) == (2, 1, 0.5)


def test_the_bias_of_selection_is_what_a_search_was_told_minus_what_reports(letters, records):
    bench = letters(val_accuracy=[0.5, 0.7], test_accuracy=[0.6, 0.65], cost_s=[1, 1])
    lucky, unlucky, none = records([1], [0.75]), records([0], [0.55]), records([], [])
    found = selection_bias(trajectories_of(bench, [lucky, unlucky, none._replace(archs=lucky.archs[:0])]))
    np.testing.assert_allclose(found, [0.1, -0.05, nan])
    loss = letters("val_loss", val_loss=[0.5, 0.4], test_loss=[0.6, 0.5], cost_s=[1, 1])
    np.testing.assert_allclose(selection_bias(trajectories_of(loss, [records([1], [0.3])])), [0.2])  # .3 looks better


# ---- axes ----


def test_what_a_run_spent_is_counted_in_seconds_evaluations_and_epochs(make_benchmark, stored, records):
    early, late = [0.1, 0.9, 0.2, 0.3, 0.4, 0.5], [0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    cost_s = stored("cost_s", [[np.full(6, 5.0), np.full(6, 15.0)]], epochs=(1, 3))
    bench = make_benchmark(stored("val_accuracy", [[early, late]], epochs=(1, 3)), cost_s)
    archs = bench.space.all_archs()[[0, 4, 4, 5]]
    run = records([0] * 4, [0.1, 0.4, 0.6, 0.7], epoch=[3, 1, 3, 3], trial=[0, 1, 1, 2])._replace(archs=archs)
    run = run._replace(value=np.array([0.2, 0.4, 0.6, 0.7]), finished_s=np.array([15.0, 20, 30, 45]))
    one = trajectories_of(bench, [run], Rules(budget_s=50))
    assert one.along().tolist() == [15, 30, 45]
    assert one.along("evaluations").tolist() == [1, 3, 4]
    assert one.along("epochs").tolist() == [3, 6, 9]  # the training that went on took two more
    assert {axis: ends.tolist() for axis, ends in one.ended.items()} == {
        "seconds": [45],
        "evaluations": [4],
        "epochs": [9],
    }
    assert one.budgets == {"seconds": 50}
    assert (one.known_until().tolist(), one.known_until("epochs").tolist()) == ([50], [9])
    nothing = records([], [])._replace(archs=archs[:0])
    counted = trajectories_of(bench, [run, nothing], Rules(n_evaluations=4, clock="evaluations"))
    assert counted.along("epochs").tolist() == [3, 6, 9]
    assert counted.ended["epochs"].tolist() == [9, 0]  # a run of nothing has the axes of the others
    from_scratch = trajectories_of(bench, [run], Rules(budget_s=50, continued="from scratch"))
    assert from_scratch.along("epochs").tolist() == [3, 7, 10]


def test_a_metric_of_trainings_may_be_summed(letters, records):
    bench = letters(val_accuracy=[0.5, 0.7], cost_s=[1, 1], energy_mj=[10, 30])
    one = trajectories_of(bench, [records([1, 0], [0.7, 0.5]), records([0, 1], [0.5, 0.7])], summed=["energy_mj"])
    assert one.along("energy_mj").tolist() == [30, 10, 40]
    assert one.ended["energy_mj"].tolist() == [40, 40]
    with pytest.raises(UnknownNameError, match="unknown metric of letters/default 'joules'; choose from"):
        trajectories_of(bench, [records([0], [0.5])], summed=["joules"])


def test_runs_from_elsewhere_must_be_columns_that_rise():
    metric = Metric.from_name("val_accuracy")
    with pytest.raises(SettingError, match=r"a run of shapes \(2,\), \(1,\) and \(2,\); three columns of one length"):
        Trajectories.of_arrays(metric, [([1, 2], [0.5], [0.5, 0.6])], best=1.0)
    with pytest.raises(SettingError, match="what a run spent does not rise"):
        Trajectories.of_arrays(metric, [([2, 1], [0.5, 0.6], [0.5, 0.6])], best=1.0)
    nothing = Trajectories.of_arrays(metric, [([], [], [])], best=1.0)
    assert (nothing.n_runs, nothing.has_incumbent.tolist(), nothing.ended["seconds"].tolist()) == (1, [False], [0])


def test_many_runs_are_the_same_as_each_alone(letters, records):
    bench = letters(val_accuracy=[0.5, 0.7, 0.6], test_accuracy=[0.6, 0.2, 0.8], cost_s=[1, 1, 1])
    rng = np.random.default_rng(0)
    values = np.array([0.5, 0.7, 0.6])
    runs = [records(found, values[found]) for found in (rng.integers(3, size=rng.integers(1, 6)) for _ in range(150))]
    together = trajectories_of(bench, runs, run_seeds=range(7, 157))
    assert (together.n_runs, together.run_seeds[[0, -1]].tolist()) == (150, [7, 156])
    for i, run in enumerate(runs):
        alone, part = trajectories_of(bench, [run]), slice(*together.starts[i : i + 2])
        assert alone.along().tolist() == together.along()[part].tolist()
        assert alone.reported.tolist() == together.reported[part].tolist()
        assert alone.best_evaluated[0] == together.best_evaluated[i]

"""What evaluations are reported by, and where runs ended."""

from math import isnan, nan

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.analysis import check_reported, outcomes_of, regret_curves, shown, summarize
from nasbench_kit.errors import NotRecordedError, SettingError
from nasbench_kit.simulator import EVALUATIONS, SECONDS, Rules
from nasbench_kit.simulator.rules import default_metric
from nasbench_kit.tables import DatasetSpec, Metric, Stored

LOSS = Metric.from_name("val_loss")

# ---- summary ----


@pytest.fixture
def two_runs(outcomes):
    return outcomes([(10.0, 0.5, 0.4), (20.0, 0.8, 0.7), (40.0, 0.6, 1.0)], [(5.0, 0.9, 1.0), (30.0, 0.1, 0.2)])


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
def test_the_best_is_found_by_what_is_reported_of_it_and_not_by_what_a_search_saw(outcomes, told, reported, found):
    summary = summarize(outcomes(list(zip((1.0, 2.0), told, reported, strict=True))))
    assert summary.found_share == found
    assert summary.kept_share == 0


def test_a_single_run_has_no_standard_deviation(outcomes):
    assert isnan(summarize(outcomes([(1.0, 0.5, 0.5)])).sd)


def test_the_summary_of_a_loss_shows_losses(outcomes):
    summary = summarize(outcomes([(1.0, -0.7, -0.7), (2.0, -0.3, -0.3)], best=-0.2, metric=LOSS))
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
    one = outcomes_of(bench, [records([0, 1, 2], [0.5, 0.7, 0.9]), records([1, 0], [0.7, 0.5])])
    assert one.metric.name == "test_accuracy"
    assert one.best == 0.95
    assert [told.tolist() for told in one.told] == [[0.5, 0.7, 0.9], [0.7, 0.5]]
    assert [reported.tolist() for reported in one.reported] == [[0.95, 0.6, 0.8], [0.6, 0.95]]
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
    one = outcomes_of(cifar10, [run])
    assert one.metric.name == "val_accuracy"
    assert one.told[0].tolist() == [0.9]  # what the search saw
    assert one.reported[0].tolist() == [cifar10.query(arch).value]  # what it is worth
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
    last = outcomes_of(bench, [run], Rules(reported=("other", "test_error")))
    assert (last.metric.name, last.best) == ("test_error", -0.1)
    assert last.reported[0].tolist() == [-0.3, -0.1]
    early = outcomes_of(bench, [run], Rules(reported=("other", "test_error", 4)))
    assert (early.best, early.reported[0].tolist()) == (-0.5, [-0.5, -0.5])


def test_a_missing_test_value_is_not_replaced_by_validation(letters, records):
    bench = letters(val_accuracy=[0.5, 0.7], test_accuracy=[0.6, nan], cost_s=[1, 1])
    with pytest.raises(NotRecordedError, match="test_accuracy was not recorded for 1 of these 2 architectures"):
        outcomes_of(bench, [records([0, 1], [0.5, 0.7])])


def test_what_a_search_may_find_must_have_a_value_to_be_reported_by(letters):
    bench = letters(val_accuracy=[0.5, 0.7, nan], test_accuracy=[0.6, nan, nan], cost_s=[1, 1, 1])
    with pytest.raises(SettingError, match="test_accuracy, which searches are reported by, was not recorded for 1 of"):
        check_reported(bench, Rules())
    check_reported(bench, Rules(reported=("default", "val_accuracy")))


def test_a_minimized_objective_is_reported_by_the_smallest_loss(letters, records):
    bench = letters("val_loss", val_loss=[0.7, 0.2, 0.4], test_loss=[0.6, 0.3, 0.1], cost_s=[1, 1, 1])
    one = outcomes_of(bench, [records([0, 2, 1], [0.7, 0.4, 0.2])])
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
    one = outcomes_of(bench, [records([0, 1], [0.5, 0.7], finished_s=[10.0, 30.0])], Rules(**how))
    assert (one.clock, one.finished_s[0].tolist()) == (clock, finished_s)


@pytest.mark.parametrize("n_runs", [0, 2])
def test_there_must_be_something_to_report(cifar10, records, n_runs):
    with pytest.raises(SettingError, match=f"the budget of all {n_runs} runs ended before their first evaluation did"):
        outcomes_of(cifar10, [records([], [])] * n_runs)


def test_a_run_without_evaluations_is_one_without_incumbent(letters, records):
    bench = letters(val_accuracy=[0.5, 0.7], cost_s=[10, 20])
    summary = summarize(outcomes_of(bench, [records([], []), records([1], [0.7])]))
    assert (summary.n_runs, summary.n_without, summary.kept_share) == (2, 1, 0.5)

"""Anytime statistics, against hand-computed numbers and against a slow and obvious implementation."""

from math import isnan, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nasbench_kit as nbk
from nasbench_kit.analysis import (
    Outcomes,
    anytime_regret,
    incumbents,
    judge,
    quantile_curves,
    regret_curves,
    report_metric,
    summarize,
    time_grid,
)
from nasbench_kit.errors import NotRecordedError, SettingError
from nasbench_kit.simulator import Records
from nasbench_kit.spaces import ChoiceSpace
from nasbench_kit.tables import Metric, Stored

FEW_VALUES = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])  # so that ties happen
EVALUATIONS = st.lists(st.tuples(st.integers(1, 5), FEW_VALUES, FEW_VALUES), min_size=1, max_size=15)
TIMES = st.lists(st.floats(0, 80), min_size=1, max_size=10)


def slow_regret(finished_s, told, judged, time_s, best):
    """The definition, word by word."""
    incumbent = None
    for i, finished in enumerate(finished_s):
        if finished <= time_s and (incumbent is None or told[i] > told[incumbent]):
            incumbent = i
    return nan if incumbent is None else best - judged[incumbent]


def columns(evaluations):
    costs, told, judged = map(np.array, zip(*evaluations, strict=True))
    return np.cumsum(costs).astype(float), told, judged


def outcomes(*runs, best=1.0, sign=1):
    """Outcomes of runs given as lists of (finished_s, told, judged)."""
    finished_s, told, judged = zip(*(map(np.array, zip(*run, strict=True)) for run in runs), strict=True)
    return Outcomes("val_accuracy", list(finished_s), list(told), list(judged), best, sign, "fraction")


TWO_RUNS = outcomes([(10.0, 0.5, 0.4), (20.0, 0.8, 0.7), (40.0, 0.6, 1.0)], [(5.0, 0.9, 1.0), (30.0, 0.1, 0.2)])


@pytest.fixture
def letters(tmp_path):
    """Make a benchmark of one decision from columns of results, one row a letter."""

    def make(objective="val_accuracy", **results):
        names = "abcdefgh"[: len(next(iter(results.values())))]
        path = tmp_path / "letters.h5"
        space = ChoiceSpace("letter", {"letter": tuple(names)})
        frame = {"arch": list(names)} | results
        nbk.Table.from_frame(frame, path, name="letters", space=space, metrics=list(results), objective=objective)
        return nbk.load("letters/default", results=path)

    return make


def records(letters, values):
    """A run that evaluated letters by number, one a second, and saw these values."""
    n = len(letters)
    archs = np.array(letters, np.uint8).reshape(n, 1)
    numbers, seconds = np.full(n, -1, np.int32), np.ones(n)
    return Records(archs, numbers, numbers, np.array(values), seconds, np.cumsum(seconds), numbers + 1, seconds)


# ---- incumbents and regret ----


def test_the_earlier_of_two_equal_evaluations_stays_the_incumbent():
    assert incumbents(np.array([0.5, 0.5, 0.4, 0.9, 0.9])).tolist() == [0, 0, 0, 3, 3]


def test_a_failed_first_evaluation_is_the_incumbent_until_something_works():
    assert incumbents(np.array([-np.inf, -np.inf, 0.1, -np.inf])).tolist() == [0, 0, 2, 2]


def test_regret_by_hand():
    finished_s, told, judged = np.array([10.0, 20.0, 30.0]), np.array([0.5, 0.9, 0.7]), np.array([0.6, 0.4, 1.0])
    times_s = np.array([0, 9.99, 10, 15, 20, 29, 30, 1e9])
    regret = anytime_regret(finished_s, told, judged, times_s, best=1.0)
    # judged by the second value: it may get worse when the search is misled, and the best one is never noticed
    np.testing.assert_allclose(regret, [nan, nan, 0.4, 0.4, 0.6, 0.6, 0.6, 0.6])


@given(evaluations=EVALUATIONS, times_s=TIMES)
@settings(max_examples=300, deadline=None)
def test_regret_is_what_the_definition_says(evaluations, times_s):
    finished_s, told, judged = columns(evaluations)
    fast = anytime_regret(finished_s, told, judged, np.array(times_s), best=1.0)
    slow = [slow_regret(finished_s, told, judged, time_s, 1.0) for time_s in times_s]
    np.testing.assert_array_equal(fast, slow)


@given(evaluations=EVALUATIONS)
@settings(deadline=None)
def test_regret_never_rises_if_one_value_selects_and_judges(evaluations):
    finished_s, told, _ = columns(evaluations)
    regret = anytime_regret(finished_s, told, told, finished_s, best=1.0)
    assert (np.diff(regret) <= 0).all()
    assert regret[-1] == 1 - told.max()


def test_several_evaluations_that_finish_together_all_count_at_that_moment():
    finished_s, told = np.array([5.0, 5.0, 5.0]), np.array([0.1, 0.9, 0.2])
    assert anytime_regret(finished_s, told, told, np.array([5.0]), best=1.0) == pytest.approx([0.1])


# ---- time grid, curves, quantiles ----


def test_the_grid_begins_when_every_run_has_an_incumbent_and_ends_with_the_last():
    times_s = time_grid([TWO_RUNS], 7)
    assert len(times_s) == 7
    assert times_s[0] == pytest.approx(10)
    assert times_s[-1] == 40
    np.testing.assert_allclose(np.diff(np.log(times_s)), np.log(4) / 6)
    assert not np.isnan(regret_curves(TWO_RUNS, times_s)).any()


@given(firsts=st.lists(st.floats(0.1, 1e6), min_size=1, max_size=5), n_times=st.integers(2, 500))
@settings(deadline=None)
def test_no_rounding_error_puts_the_grid_before_the_first_or_the_last_evaluation(firsts, n_times):
    every = outcomes(*[[(first, 0.5, 0.5), (first * 3.7, 0.6, 0.6)] for first in firsts])
    curves = regret_curves(every, time_grid([every], n_times))
    assert not np.isnan(curves).any()
    assert curves[:, -1] == pytest.approx(0.4)


def test_a_grid_needs_two_times():
    with pytest.raises(SettingError, match="n_times=1; at least 2 expected"):
        time_grid([TWO_RUNS], 1)


def test_the_grid_is_common_to_all_optimizers():
    other = outcomes([(15.0, 0.5, 0.5), (100.0, 0.5, 0.5)])
    assert time_grid([TWO_RUNS, other])[[0, -1]] == pytest.approx([15, 100])


def test_curves_by_hand():
    curves = regret_curves(TWO_RUNS, np.array([1.0, 7, 10, 20, 40]))
    np.testing.assert_allclose(curves, [[nan, nan, 0.6, 0.3, 0.3], [nan, 0, 0, 0, 0]])


@given(runs=st.lists(EVALUATIONS, min_size=1, max_size=6), times_s=TIMES)
@settings(deadline=None)
def test_quantiles_are_those_of_numpy_on_the_stacked_runs(runs, times_s):
    every = [columns(run) for run in runs]
    stacked = [[slow_regret(*run, time_s, 1.0) for time_s in times_s] for run in every]
    made = Outcomes("val_accuracy", *map(list, zip(*every, strict=True)), 1.0, 1, "fraction")
    found = quantile_curves(regret_curves(made, np.array(times_s)), (0.1, 0.5, 0.9))
    assert found.shape == (3, len(times_s))
    for column, values in zip(found.T, zip(*stacked, strict=True), strict=True):
        if any(map(isnan, values)):
            assert np.isnan(column).all()
        else:
            np.testing.assert_allclose(column, np.quantile(values, (0.1, 0.5, 0.9)))


# ---- summary ----


def test_a_summary_by_hand():
    summary = summarize(TWO_RUNS)
    assert (summary.n_runs, summary.metric) == (2, "val_accuracy")
    assert summary.mean_evaluations == 2.5
    assert summary.mean == pytest.approx((0.7 + 1.0) / 2)
    assert summary.sd == pytest.approx(0.3 / np.sqrt(2))
    assert summary.median_regret == pytest.approx(0.15)
    assert summary.kept_share == 0.5


def test_a_single_run_has_no_standard_deviation():
    assert isnan(summarize(outcomes([(1.0, 0.5, 0.5)])).sd)


def test_the_summary_of_a_loss_shows_losses():
    summary = summarize(outcomes([(1.0, -0.7, -0.7), (2.0, -0.3, -0.3)], best=-0.2, sign=-1))
    assert summary.mean == pytest.approx(0.3)
    assert summary.median_regret == pytest.approx(0.1)
    assert summary.kept_share == 0


# ---- what an incumbent is judged by ----


def test_incumbents_are_chosen_by_validation_and_judged_by_test(letters):
    bench = letters(val_accuracy=[0.5, 0.7, 0.9], test_accuracy=[0.95, 0.6, 0.8], cost_s=[1, 1, 1])
    assert report_metric(bench) == "test_accuracy"
    one = judge(bench, [records([0, 1, 2], [0.5, 0.7, 0.9]), records([1, 0], [0.7, 0.5])])
    assert one.metric == "test_accuracy"
    assert one.best == 0.95
    assert [told.tolist() for told in one.told] == [[0.5, 0.7, 0.9], [0.7, 0.5]]
    assert [judged.tolist() for judged in one.judged] == [[0.95, 0.6, 0.8], [0.6, 0.95]]
    summary = summarize(one)
    assert summary.mean == pytest.approx((0.8 + 0.6) / 2)  # not 0.95, which validation never favored
    assert summary.kept_share == 0
    regret = regret_curves(one, np.array([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(regret, [[0, 0.35, 0.15], [0.35, 0.35, 0.35]], atol=1e-12)


@pytest.mark.parametrize(
    ("test", "judge_by"),
    [
        ({"epochs": (1, 9)}, "test_error"),
        ({"epochs": (9,)}, "test_error"),
        ({"epochs": ()}, "test_error"),
        ({"epochs": (1,)}, "val_error"),  # of other training than what was searched
        ({"epochs": (1, 9), "direction": "max"}, "val_error"),
        ({"epochs": (1, 9), "name": "test_accuracy"}, "val_error"),
    ],
)
def test_the_test_metric_that_judges_is_that_of_the_objective(make_benchmark, test, judge_by):
    metrics = [Metric("val_error", "val", "fraction", "min", (), (1, 9))]
    metrics.append(Metric("test_error", "test", "fraction", "min")._replace(**test))
    values = [Stored(metric, np.full((1, max(1, len(metric.epochs)), 6), 0.5)) for metric in metrics]
    assert report_metric(make_benchmark(*values, objective="val_error")) == judge_by


def test_without_test_values_the_mean_validation_value_judges(cifar10):
    arch = (3, 3, 3, 1, 3, 2)
    run = records([0], [0.9])._replace(archs=np.array([arch], np.uint8))
    one = judge(cifar10, [run])
    assert one.metric == "val_accuracy"
    assert one.told[0].tolist() == [0.9]  # what the search saw
    assert one.judged[0].tolist() == [cifar10.query(arch).val_accuracy]  # what it is worth
    assert one.best == cifar10.best().value


def test_a_missing_test_value_is_not_replaced_by_validation(letters):
    bench = letters(val_accuracy=[0.5, 0.7], test_accuracy=[0.6, nan], cost_s=[1, 1])
    with pytest.raises(NotRecordedError, match="test_accuracy was not recorded for 1 of these 2 architectures"):
        judge(bench, [records([0, 1], [0.5, 0.7])])


def test_a_minimized_objective_is_judged_by_the_smallest_loss(letters):
    bench = letters("val_loss", val_loss=[0.7, 0.2, 0.4], test_loss=[0.6, 0.3, 0.1], cost_s=[1, 1, 1])
    one = judge(bench, [records([0, 2, 1], [0.7, 0.4, 0.2])])
    assert (one.metric, one.sign, one.best) == ("test_loss", -1, -0.1)
    summary = summarize(one)
    assert summary.mean == 0.3
    assert summary.median_regret == pytest.approx(0.2)
    np.testing.assert_allclose(regret_curves(one, np.arange(1.0, 4.0)), [[0.5, 0, 0.2]], atol=1e-12)


@pytest.mark.parametrize("runs", [[], [records([], [])]], ids=["no run", "an empty run"])
def test_there_must_be_something_to_judge(cifar10, runs):
    with pytest.raises(SettingError, match="runs ended before their first evaluation did"):
        judge(cifar10, runs)

"""Incumbents and their regret, against hand-computed numbers and against a slow and obvious implementation."""

from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nasbench_kit as nbk
from nasbench_kit.analysis import (
    Trajectories,
    improvements,
    incumbents,
    may_be_incumbents,
    regret_curves,
    summarize,
    trajectories_of,
)
from nasbench_kit.analysis.incumbents import improvements_of_runs
from nasbench_kit.simulator import Rules

FEW_VALUES = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])  # so that ties happen
TOLD = FEW_VALUES | st.just(-inf)
EVALUATIONS = st.lists(st.tuples(st.integers(1, 5), TOLD, FEW_VALUES), min_size=1, max_size=15)
TIMES = st.lists(st.floats(0, 80), min_size=1, max_size=10)


def slow_regret(finished_s, told, reported, time_s, best):
    """The definition, word by word."""
    incumbent = None
    for i, finished in enumerate(finished_s):
        counts = told[i] > -inf
        if finished <= time_s and counts and (incumbent is None or told[i] > told[incumbent]):
            incumbent = i
    return nan if incumbent is None else best - reported[incumbent]


def anytime_regret(finished_s, told, reported, times_s, best):
    """Of one run."""
    one = Trajectories.of_arrays(nbk.Metric.from_name("val_accuracy"), [(finished_s, told, reported)], best=best)
    return regret_curves(one, times_s)[0]


def columns(evaluations):
    costs, told, reported = map(np.array, zip(*evaluations, strict=True))
    return np.cumsum(costs).astype(float), told, reported


def test_the_earlier_of_two_equal_evaluations_stays_the_incumbent():
    assert incumbents(np.array([0.5, 0.5, 0.4, 0.9, 0.9])).tolist() == [0, 0, 0, 3, 3]


def test_what_does_not_count_is_never_the_incumbent_and_before_anything_counts_there_is_none():
    assert incumbents(np.array([-inf, -inf, 0.1, -inf])).tolist() == [-1, -1, 2, 2]
    assert incumbents(np.array([-inf, -inf])).tolist() == [-1, -1]
    assert incumbents(np.array([])).tolist() == []
    assert improvements(np.array([-inf, 0.1, 0.1, -inf, 0.3])).tolist() == [1, 4]


def test_regret_by_hand():
    finished_s, told, reported = np.array([10.0, 20.0, 30.0]), np.array([0.5, 0.9, 0.7]), np.array([0.6, 0.4, 1.0])
    times_s = np.array([0, 9.99, 10, 15, 20, 29, 30, 1e9])
    regret = anytime_regret(finished_s, told, reported, times_s, best=1.0)
    # reported by the second value: it may get worse when the search is misled, and the best one is never noticed
    np.testing.assert_allclose(regret, [nan, nan, 0.4, 0.4, 0.6, 0.6, 0.6, 0.6])


@given(evaluations=EVALUATIONS, times_s=TIMES)
@settings(max_examples=300, deadline=None)
def test_regret_is_what_the_definition_says(evaluations, times_s):
    finished_s, told, reported = columns(evaluations)
    fast = anytime_regret(finished_s, told, reported, np.array(times_s), best=1.0)
    slow = [slow_regret(finished_s, told, reported, time_s, 1.0) for time_s in times_s]
    np.testing.assert_array_equal(fast, slow)


@given(evaluations=st.lists(st.tuples(st.integers(1, 5), FEW_VALUES, FEW_VALUES), min_size=1, max_size=15))
@settings(deadline=None)
def test_regret_never_rises_if_one_value_selects_and_reports(evaluations):
    finished_s, told, _ = columns(evaluations)
    regret = anytime_regret(finished_s, told, told, finished_s, best=1.0)
    assert (np.diff(regret) <= 0).all()
    assert regret[-1] == 1 - told.max()


def test_several_evaluations_that_finish_together_all_count_at_that_moment():
    finished_s, told = np.array([5.0, 5.0, 5.0]), np.array([0.1, 0.9, 0.2])
    assert anytime_regret(finished_s, told, told, np.array([5.0]), best=1.0) == pytest.approx([0.1])


# ---- which evaluations count ----


@pytest.fixture
def curves(make_benchmark, stored):
    """Six architectures after 1 and 3 epochs; the second looks best after one, the last is best after three."""
    early, late = [0.1, 0.9, 0.2, 0.3, 0.4, 0.5], [0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    return make_benchmark(stored("val_accuracy", [[early, late]], epochs=(1, 3)))


def of(bench, records, letters, values, **columns):
    archs = bench.space.all_archs()[letters]
    return records(range(len(letters)), values, **columns)._replace(archs=archs)


def test_a_value_after_one_epoch_does_not_beat_a_finished_training(curves, records):
    run = of(curves, records, [1, 4, 5, 1], [0.9, 0.6, 0.7, 0.3], epoch=[1, 3, 3, 3])
    one = trajectories_of(curves, [run])
    assert one.told.tolist() == [0.6, 0.7]
    assert one.along("evaluations").tolist() == [2, 3]
    np.testing.assert_allclose(regret_curves(one, np.arange(1.0, 5)), [[nan, 0.1, 0, 0]])
    assert summarize(one).mean == 0.7
    any_epoch = trajectories_of(curves, [run], Rules(incumbents="any epoch"))
    np.testing.assert_allclose(regret_curves(any_epoch, np.arange(1.0, 5)), [[0.4] * 4])


def test_the_epoch_that_counts_is_the_one_that_the_rules_report(curves, records):
    run = of(curves, records, [1, 4], [0.9, 0.6], epoch=[1, 3])
    assert may_be_incumbents(run, curves, Rules()).tolist() == [False, True]
    assert may_be_incumbents(run, curves, Rules(epoch=1)).tolist() == [True, False]


def test_a_failed_training_is_never_the_incumbent(curves, records):
    run = of(curves, records, [5, 0, 4], [nan, 0.2, 0.6], epoch=[3] * 3, failed=[True, False, False])
    np.testing.assert_allclose(
        regret_curves(trajectories_of(curves, [run]), np.arange(1.0, 4)), [[nan, 0.5, 0.1]], atol=1e-12
    )


def test_only_what_keeps_to_the_constraints_is_an_incumbent_and_the_best_is_the_best_of_these(letters, records):
    results = {"val_accuracy": [0.5, 0.7, 0.9], "params_m": [1.0, 2.0, 3.0], "cost_s": [1, 1, 1]}
    bench = letters(**results, benchmark={"constraints": ["params_m<=2"]})
    one = trajectories_of(bench, [records([2, 0, 1], [0.9, 0.5, 0.7], violation=[1.0, 0.0, 0.0])])
    assert (one.best, one.is_proven) == (0.7, True)
    np.testing.assert_allclose(regret_curves(one, np.arange(1.0, 4)), [[nan, 0.2, 0]], atol=1e-12)
    summary = summarize(one)
    assert (summary.found_share, summary.kept_share) == (1, 1)


def test_where_nothing_keeps_to_the_constraints_there_is_no_best(letters, records):
    limits = {"constraints": ["params_m<=0.5"]}
    bench = letters(val_accuracy=[0.5, 0.6], params_m=[1.0, 2.0], cost_s=[1, 1], benchmark=limits)
    with pytest.raises(nbk.NasbenchKitError, match=r"no architecture is known that keeps to params_m<=0\.5"):
        trajectories_of(bench, [records([0], [0.5], violation=[0.5])])


def test_a_run_that_never_has_an_incumbent_is_counted_as_such(curves, records):
    without = of(curves, records, [1, 5], [0.9, 0.5], epoch=[1, 1])
    with_one = of(curves, records, [1, 5], [0.9, 0.7], epoch=[1, 3])
    summary = summarize(trajectories_of(curves, [without, with_one]))
    assert (summary.n_runs, summary.n_without) == (2, 1)
    assert summary.mean == 0.7
    assert np.isnan(summary.median_regret)  # between 0 and worse than everything
    more = summarize(trajectories_of(curves, [without, with_one, with_one]))
    assert (more.n_without, more.median_regret) == (1, 0)
    assert (summary.found_share, summary.kept_share) == (0.5, 0.5)
    none = summarize(trajectories_of(curves, [without]))
    assert (none.n_without, none.found_share, none.kept_share) == (1, 0, 0)
    assert np.isnan([none.mean, none.sd, none.median_regret]).all()


@given(runs=st.lists(st.lists(st.sampled_from([-inf, 0.0, 0.25, 0.5]), max_size=8), min_size=1, max_size=6))
def test_improvements_of_several_runs_are_those_of_each(runs):
    told = np.concatenate([np.array(run, float) for run in runs])
    numbers = np.repeat(np.arange(len(runs)), [len(run) for run in runs])
    starts = np.cumsum([0, *map(len, runs)])
    expected = [
        start + place for run, start in zip(runs, starts, strict=False) for place in improvements(np.array(run, float))
    ]
    assert improvements_of_runs(told, numbers).tolist() == expected

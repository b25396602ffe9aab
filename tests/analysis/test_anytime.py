"""Grids of times, curves over them, and their quantiles."""

from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench_kit.analysis import final_regrets, regret_curves, time_grid, times_to, times_until_half
from nasbench_kit.errors import SettingError, UnknownNameError

FEW_VALUES = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
EVALUATIONS = st.lists(st.tuples(st.integers(1, 5), FEW_VALUES), min_size=1, max_size=15)
TIMES = st.lists(st.floats(0, 80), min_size=1, max_size=10)


@pytest.fixture
def two_runs(trajectories):
    return trajectories([(10.0, 0.5, 0.4), (20.0, 0.8, 0.7), (40.0, 0.6, 1.0)], [(5.0, 0.9, 1.0), (30.0, 0.1, 0.2)])


def test_the_grid_may_begin_when_every_run_has_an_incumbent_and_ends_with_the_last(two_runs):
    times_s = time_grid([two_runs], 7, all_begun=True)
    assert len(times_s) == 7
    assert times_s[0] == pytest.approx(10)
    assert times_s[-1] == 40
    np.testing.assert_allclose(np.diff(np.log(times_s)), np.log(4) / 6)
    assert not np.isnan(regret_curves(two_runs, times_s)).any()


def test_the_grid_waits_for_evaluations_that_count_but_not_for_runs_that_have_none(trajectories):
    late = trajectories([(1.0, -inf, -inf), (8.0, 0.5, 0.5), (9.0, 0.6, 0.6)], [(2.0, -inf, -inf), (70.0, -inf, -inf)])
    assert time_grid([late], all_begun=True)[[0, -1]] == pytest.approx([8, 70])
    with pytest.raises(SettingError, match="none of 1 run finished an evaluation that counts"):
        time_grid([trajectories([(1.0, -inf, -inf)])])


@given(firsts=st.lists(st.floats(0.1, 1e6), min_size=1, max_size=5), n_times=st.integers(2, 500))
@settings(deadline=None)
def test_no_rounding_error_puts_the_grid_before_the_first_or_the_last_evaluation(trajectories, firsts, n_times):
    every = trajectories(*[[(first, 0.5, 0.5), (first * 3.7, 0.6, 0.6)] for first in firsts])
    curves = regret_curves(every, time_grid([every], n_times, all_begun=True))
    assert not np.isnan(curves).any()
    assert curves[:, -1] == pytest.approx(0.4)


def test_the_grid_begins_with_the_first_incumbent_of_any_run(two_runs):
    times_s = time_grid([two_runs], 7)
    assert times_s[[0, -1]] == pytest.approx([5, 40])


def test_a_grid_needs_two_times(two_runs):
    with pytest.raises(SettingError, match="n_times=1; at least 2 expected"):
        time_grid([two_runs], 1)


def test_the_grid_is_common_to_all_optimizers(trajectories, two_runs):
    other = trajectories([(15.0, 0.5, 0.5), (100.0, 0.5, 0.5)])
    assert time_grid([two_runs, other], all_begun=True)[[0, -1]] == pytest.approx([15, 100])
    assert time_grid([two_runs, other])[[0, -1]] == pytest.approx([5, 100])


def test_curves_by_hand(two_runs):
    curves = regret_curves(two_runs, np.array([1.0, 7, 10, 20, 40]))
    np.testing.assert_allclose(curves, [[nan, nan, 0.6, 0.3, 0.3], [nan, 0, 0, 0, 0]])


def test_curves_may_be_looked_at_in_any_order(two_runs):
    curves = regret_curves(two_runs, np.array([40.0, 7, 20, 1, 10, 10]))
    np.testing.assert_allclose(curves, [[0.3, nan, 0.3, nan, 0.6, 0.6], [0, 0, 0, nan, 0, 0]])


def test_curves_along_another_axis(two_runs):
    np.testing.assert_allclose(
        regret_curves(two_runs, np.arange(1.0, 4), "evaluations"), [[0.6, 0.3, 0.3], [0, 0, 0]], atol=1e-12
    )
    with pytest.raises(UnknownNameError, match="unknown axis of these runs 'epochs'; choose from seconds, evaluations"):
        regret_curves(two_runs, np.arange(1.0, 4), "epochs")


def test_times_to_targets_by_hand(two_runs):
    found = times_to(two_runs, np.array([0.61, 0.3, 0.0, -0.1]))
    np.testing.assert_allclose(found[:, [0, 2, 3]], [[10, inf, inf], [5, 5, inf]])
    np.testing.assert_allclose(times_to(two_runs, np.array([0.31]), "evaluations"), [[2], [1]])


def test_a_target_counts_as_reached_though_the_incumbent_gets_worse_again(trajectories):
    misled = trajectories([(1.0, 0.5, 0.9), (2.0, 0.6, 0.2)])
    assert times_to(misled, np.array([0.2])).tolist() == [[1]]
    assert final_regrets(misled) == pytest.approx([0.8])


def test_runs_without_incumbent_have_no_regret_and_reach_nothing(trajectories):
    some = trajectories([(1.0, -inf, -inf)], [(1.0, 0.5, 0.5)], [(3.0, -inf, -inf)])
    np.testing.assert_allclose(final_regrets(some), [nan, 0.5, nan])
    assert times_to(some, np.array([0.5, 0.4])).tolist() == [[inf, inf], [1, inf], [inf, inf]]
    none = trajectories([(1.0, -inf, -inf)])
    assert np.isnan(regret_curves(none, np.array([1.0, 2.0]))).all()
    assert times_to(none, np.array([0.5])).tolist() == [[inf]]


@given(runs=st.lists(EVALUATIONS, min_size=1, max_size=6), target=FEW_VALUES)
@settings(deadline=None)
def test_a_target_is_reached_when_the_curve_is_first_that_low(trajectories, runs, target):
    every = trajectories(
        *[[(float(i + 1), *each) for i, each in enumerate(((a / 5, b) for a, b in run))] for run in runs]
    )
    times = np.arange(1.0, 17)
    is_low = regret_curves(every, times) <= target
    expected = np.where(is_low.any(axis=1), times[is_low.argmax(axis=1)], inf)
    np.testing.assert_array_equal(times_to(every, np.array([target]))[:, 0], expected)


def test_half_of_all_runs_must_be_as_good_at_the_same_time(trajectories):
    up_and_down = [(1.0, 0.1, 0.5), (2.0, 0.2, 0.9), (3.0, 0.3, 0.5)]
    late = [(1.0, 0.1, 0.5), (4.0, 0.2, 0.9)]
    runs = trajectories(up_and_down, late, [(1.0, -inf, -inf)])
    targets = np.array([0.5, 0.11])
    assert np.quantile(times_to(runs, targets), 0.5, axis=0, method="inverted_cdf").tolist() == [1, 4]
    assert times_until_half(runs, targets).tolist() == [1, inf]  # two of three are at some time, but never at once
    assert times_until_half(trajectories(up_and_down, late), targets).tolist() == [1, 2]
    assert times_until_half(trajectories([(1.0, -inf, -inf)]), targets).tolist() == [inf, inf]

"""The running-time ECDF over runs and targets."""

from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench_kit.analysis import running_time_ecdf
from nasbench_kit.errors import SettingError

TIMES = np.array([[2.0, 4], [4, inf]])
ENDS = np.array([10.0, 8])


def at(ecdf, times):
    """The shares at some times, as a reader of the steps would take them."""
    return np.concatenate([[0], ecdf.shares])[np.searchsorted(ecdf.times, times, side="right")]


def test_an_ecdf_by_hand():
    found = running_time_ecdf([TIMES], [ENDS], budgets=None)
    assert found.times.tolist() == [2, 4]
    assert found.shares.tolist() == [1 / 4, 3 / 4]
    assert found.complete_until == 8


def test_benchmarks_count_the_same_with_their_own_targets_and_numbers_of_runs():
    other = np.array([[1.0, 1, 20, inf]] * 3)
    found = running_time_ecdf([TIMES, other], [ENDS, np.full(3, 20.0)], budgets=None)
    assert found.times.tolist() == [1, 2, 4, 20]
    np.testing.assert_allclose(found.shares, [(0 + 2 / 4) / 2, (1 / 4 + 2 / 4) / 2, (3 / 4 + 2 / 4) / 2, 3 / 4])
    assert found.complete_until == 8


def test_times_are_divided_by_budgets_if_asked():
    other = np.array([[30.0, inf]])
    found = running_time_ecdf([TIMES, other], [ENDS, np.array([50.0])], budgets=[10, 100])
    np.testing.assert_allclose(found.times, [0.2, 0.3, 0.4])
    np.testing.assert_allclose(found.shares, [1 / 8, 1 / 8 + 1 / 4, 3 / 8 + 1 / 4])
    assert found.complete_until == 0.5


def test_runs_that_reached_all_targets_may_end_early():
    assert running_time_ecdf([np.array([[1.0, 2], [5, 9]])], [np.array([2.0, 9])], budgets=None).complete_until == inf


def test_targets_never_reached_give_no_steps():
    found = running_time_ecdf([np.full((2, 3), inf)], [ENDS], budgets=None)
    assert len(found.times) == len(found.shares) == 0
    assert found.complete_until == 8


@given(seed=st.integers(0, 999), n_runs=st.integers(1, 6), n_targets=st.integers(1, 5))
@settings(deadline=None, max_examples=50)
def test_every_share_is_that_of_all_pairs(seed, n_runs, n_targets):
    rng = np.random.default_rng(seed)
    times = rng.integers(0, 12, (n_runs, n_targets)).astype(float)
    times[times > 9] = inf
    found = running_time_ecdf([times], [np.full(n_runs, 9.0)], budgets=None)
    when = np.arange(-1, 12)
    np.testing.assert_allclose(at(found, when), [(times <= t).mean() for t in when])
    assert (np.diff(found.times) > 0).all()
    assert (np.diff(found.shares, prepend=0) > 0).all()
    assert (found.shares <= 1).all()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (([], [], None), "times of 0 benchmarks, ends of 0, budgets of 0; as many of each, and one or more, expected"),
        (([TIMES], [ENDS, ENDS], None), "times of 1 benchmarks, ends of 2"),
        (([TIMES], [ENDS], [1, 2]), "budgets of 2"),
        (([TIMES], [ENDS], [0]), "a budget of 0; a number above 0 expected"),
        (([TIMES], [ENDS], [inf]), "a budget of inf"),
        (([np.ones((2, 0))], [ENDS], None), "there are no targets; one or more for each benchmark expected"),
        (([TIMES], [ENDS[:1]], None), r"ends of shape \(1,\)"),
    ],
)
def test_what_has_no_ecdf_is_refused(arguments, expected):
    times, ends, budgets = arguments
    with pytest.raises(SettingError, match=expected):
        running_time_ecdf(times, ends, budgets=budgets)

"""How long runs take to targets: success rate, expected running time, SP1."""

from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench_kit.analysis import running_time_intervals, running_times, targets_between
from nasbench_kit.errors import SettingError

TIMES = np.array([[2.0, 5, inf, inf], [4, 4, 30, inf], [6, inf, inf, inf]])
ENDS = np.array([10.0, 30, 20])

# three runs as (evaluations, best values so far), and what iohinspector 0.0.8 says of them:
# metrics.fixed_target.aggregate_running_time(data, f_min=1e-3, f_max=1.0, eval_max=100)
RUNS = [([1, 3, 10, 40], [1.0, 0.3, 0.05, 0.001]), ([2, 5, 60], [0.5, 0.2, 0.02]), ([1, 4, 80], [2.0, 0.8, 0.1])]
RUNNING_TIMES = [  # target, success ratio, ERT
    (0.868511, 1, 3),
    (0.754312, 1, 85 / 3),
    (0.429193, 1, 88 / 3),
    (0.212095, 1, 95 / 3),
    (0.104811, 1, 50),
    (0.051795, 2 / 3, 85),
    (0.02223, 2 / 3, 100),
    (0.001, 1 / 3, 240),
]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def times_to(targets):
    """When each of the runs came to each target."""
    firsts = [[next((t for t, y in zip(*run, strict=True) if y <= target), inf) for target in targets] for run in RUNS]
    return np.array(firsts, float)


def test_running_times_by_hand():
    found = running_times(TIMES, ENDS)
    np.testing.assert_allclose(found.success_rate, [1, 2 / 3, 1 / 3, 0])
    np.testing.assert_allclose(found.ert, [4, (5 + 4 + 20) / 2, (10 + 30 + 20) / 1, inf])
    np.testing.assert_allclose(found.sp1, [4, 4.5 / (2 / 3), 30 / (1 / 3), inf])


def test_success_rates_and_expected_running_times_are_those_of_iohinspector():
    targets, rates, times = zip(*RUNNING_TIMES, strict=True)
    found = running_times(times_to(targets), np.full(3, 100.0))
    np.testing.assert_allclose(found.success_rate, rates)
    np.testing.assert_allclose(found.ert, times)


@given(seed=st.integers(0, 999), n_runs=st.integers(1, 8))
@settings(deadline=None, max_examples=50)
def test_of_equally_long_runs_the_expected_running_time_is_never_below_the_mean_of_those_that_came(seed, n_runs):
    times = np.random.default_rng(seed).exponential(5.0, (n_runs, 3))
    times[times > 10] = inf
    found = running_times(times, np.full(n_runs, 10.0))
    for target, rate, ert, sp1 in zip(times.T, *found, strict=True):
        came = target[target < inf]
        assert rate == pytest.approx(len(came) / n_runs)
        if len(came):
            # Auger and Hansen: the mean of those that came, and one budget for each failure that success needs
            assert ert == pytest.approx(came.mean() + 10 * (1 - rate) / rate)
            assert sp1 == pytest.approx(came.mean() / rate)
            assert came.mean() - 1e-9 <= sp1 <= ert + 1e-9
        else:
            assert ert == sp1 == inf


def test_intervals_hold_the_estimate_and_have_no_width_where_all_runs_are_alike(rng):
    found, (low, high) = running_times(TIMES, ENDS), running_time_intervals(TIMES, ENDS, rng)
    for a, b, c in zip(low, found, high, strict=True):
        assert ((a <= b) & (b <= c)).all()
    alike = running_time_intervals(np.full((5, 1), 3.0), np.full(5, 9.0), rng)
    assert np.ravel(alike).tolist() == [1, 3, 3, 1, 3, 3]


def test_intervals_are_those_of_all_possible_resamples(rng):
    low, high = running_time_intervals(TIMES[:, 1:3], ENDS, rng, coverage=0.9, n_replications=20_000)
    # of 27 resamples, one gives less than the lower end of each expected running time
    assert low.success_rate.tolist() == [1 / 3, 0]
    assert high.success_rate.tolist() == [1, 2 / 3]
    assert low.ert.tolist() == pytest.approx([13 / 3, (10 + 30 + 30) / 2])
    assert high.ert.tolist() == pytest.approx([45, inf])  # 5 + 20 + 20 for one success


def test_the_same_seed_gives_the_same_intervals_and_another_seed_others():
    times = np.random.default_rng(3).exponential(size=(30, 2))
    one, same, other = (
        running_time_intervals(times, np.full(30, 99.0), np.random.default_rng(seed)).low.ert for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert (one != other).all()


def test_targets_are_evenly_spaced_in_their_logarithm():
    targets = targets_between(100, 1e-8)  # COCO's 51
    assert len(targets) == 51
    np.testing.assert_allclose(targets, 10.0 ** np.linspace(2, -8, 51))
    assert targets[[0, -1]].tolist() == [100, 1e-8]
    np.testing.assert_allclose(targets_between(8, 1, 4), [8, 4, 2, 1])


@pytest.mark.parametrize("ends", [(1, 0), (1, 1), (0.1, 1), (inf, 1), (nan, 1)])
def test_targets_that_cannot_be_spaced_are_refused(ends):
    with pytest.raises(SettingError, match="the larger regret first, and both above 0 expected"):
        targets_between(*ends)
    with pytest.raises(SettingError, match="n_targets=1; an integer of at least 2 expected"):
        targets_between(1, 0.1, 1)


@pytest.mark.parametrize(
    ("times", "ends", "expected"),
    [
        (np.empty((0, 2)), np.empty(0), r"times of shape \(0, 2\) and ends of shape \(0,\); \(n_runs, n_targets\) and"),
        (np.ones(3), np.ones(3), r"times of shape \(3,\)"),
        (np.ones((3, 1)), np.ones(2), r"ends of shape \(2,\); .* with one run or more expected"),
        ([[1, 2], [3, 9]], [5, 8], "run 1 came to target 1 at 9.0 and ended at 8.0; a time from 0 to the end, or inf"),
        ([[1, nan]], [5], "run 0 came to target 1 at nan"),
        ([[-1]], [5], "run 0 came to target 0 at -1.0"),
        ([[1], [1]], [5, inf], "run 1 ended at inf; a finite time of 0 or more expected"),
        ([[1], [1]], [nan, 5], "run 0 ended at nan"),
    ],
)
def test_times_that_cannot_be_are_refused(times, ends, expected, rng):
    with pytest.raises(SettingError, match=expected):
        running_times(np.array(times), np.array(ends))
    with pytest.raises(SettingError, match=expected):
        running_time_intervals(np.array(times), np.array(ends), rng)

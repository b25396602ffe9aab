"""Many runs in one curve: statistics at each time, and their bootstrap intervals."""

from itertools import product
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import trim_mean

from nasbench_kit.analysis import aggregate, aggregates, bootstrap_band, quantile_band, standard_error_band
from nasbench_kit.errors import SettingError

STATISTICS = ["mean", "median", "iqm", 0.1, 0.9]
REGRETS = arrays(float, st.tuples(st.integers(1, 12), st.integers(1, 4)), elements=st.floats(0, 1, width=16))

# twelve runs at three times, and their percentile intervals by scipy 1.17.1: scipy.stats.bootstrap((CURVES,), f,
# method="percentile", n_resamples=100_000, rng=np.random.default_rng(1), axis=0) with f: np.mean, np.median,
# trim_mean(0.25)
CURVES = np.array(
    [
        [0.86, 3.7, 0.51],
        [1.29, 2.02, 0.85],
        [0.74, 0.6, 0.07],
        [4.45, 1.67, 0.52],
        [1.76, 1.01, 0.01],
        [1.37, 1.41, 0.51],
        [0.01, 2.73, 2.09],
        [3.8, 0.05, 2.89],
        [2.64, 3.19, 2.19],
        [0.35, 2.34, 0.52],
        [0.61, 1.44, 0.84],
        [0.86, 0.1, 0.71],
    ]
)
INTERVALS = {
    "mean": ([0.873333, 1.069167, 0.5225], [2.360833, 2.33, 1.5]),
    "median": ([0.675, 0.805, 0.51], [2.2, 2.535, 1.47]),
    "iqm": ([0.691667, 0.871667, 0.431667], [2.293333, 2.45, 1.461667]),
}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def column(*regrets):
    return np.array(regrets, float)[:, None]


@pytest.mark.parametrize(
    ("statistic", "regrets", "by_hand"),
    [
        ("mean", (1, 2, 6), 3),
        ("median", (9, 1, 4), 4),
        ("median", (9, 1, 4, 6), 5),
        ("iqm", (8, 0, 3, 5), 4),  # one of four is cut off at both ends
        ("iqm", (0, 1, 2, 3, 4, 5, 60), 3),  # one of seven, as in scipy; not one and three quarters
        ("iqm", (0, 3, 9), 4),  # nothing of three
        ("iqm", (7,), 7),
        (0.25, (0, 4, 8, 12, 16), 4),
        (0.1, (0, 4, 8, 12, 16), 1.6),
        (1, (0, 4), 4),
    ],
)
def test_statistics_by_hand(statistic, regrets, by_hand):
    assert aggregate(column(*regrets), statistic) == pytest.approx([by_hand])


@given(curves=REGRETS)
@settings(deadline=None)
def test_statistics_are_those_of_numpy_and_scipy(curves):
    np.testing.assert_allclose(aggregate(curves, "mean"), curves.mean(axis=0), atol=1e-15)
    np.testing.assert_allclose(aggregate(curves, "median"), np.median(curves, axis=0), atol=1e-15)
    np.testing.assert_allclose(aggregate(curves, "iqm"), trim_mean(curves, 0.25, axis=0), atol=1e-15)
    for quantile in (0, 0.1, 0.37, 1):
        np.testing.assert_allclose(aggregate(curves, quantile), np.quantile(curves, quantile, axis=0), atol=1e-15)


@pytest.mark.parametrize("statistic", STATISTICS)
@given(curves=REGRETS, lost=st.integers(0, 12))
@settings(deadline=None)
def test_a_run_without_an_incumbent_counts_as_worse_than_any_regret(statistic, curves, lost):
    without, terrible = curves.copy(), curves.copy()
    without[:lost], terrible[:lost] = nan, 1e9
    found, as_terrible = aggregate(without, statistic), aggregate(terrible, statistic)
    np.testing.assert_array_equal(np.isinf(found), as_terrible > 1e3)
    np.testing.assert_allclose(found[np.isfinite(found)], as_terrible[np.isfinite(found)])


def test_the_mean_begins_with_the_last_run_and_the_median_when_more_than_half_have_an_incumbent():
    curves = np.array([[1, 1, 1, 1, 1.0], [nan, 3, 3, 3, 3], [nan, nan, 5, 5, 5], [nan, nan, nan, 7, 7]])
    np.testing.assert_array_equal(aggregate(curves, "mean"), [inf, inf, inf, 4, 4])
    np.testing.assert_array_equal(aggregate(curves, "median"), [inf, inf, 4, 4, 4])
    np.testing.assert_array_equal(aggregate(curves, "iqm"), [inf, inf, 4, 4, 4])


def test_a_quantile_band_by_hand():
    low, high = quantile_band(np.array([[nan, 0.0], [0, 10], [1, 20], [2, 30], [3, 40]]), 0.25, 0.75)
    np.testing.assert_allclose(low, [1, 10])
    np.testing.assert_allclose(high, [3, 30])
    low, high = quantile_band(np.array([[nan, 0.0], [1, 10]]))
    np.testing.assert_allclose(high, [inf, 9])
    np.testing.assert_allclose(low, [inf, 1])  # nine parts of the better run, one of infinity


def test_a_band_of_standard_errors_by_hand():
    low, high = standard_error_band(np.array([[1.0, nan], [3, 1], [5, 1], [7, 1]]), errors=2)  # sd^2 = 20/3
    np.testing.assert_allclose(low, [4 - 2 * np.sqrt(20 / 3) / 2, nan])
    np.testing.assert_allclose(high, [4 + 2 * np.sqrt(20 / 3) / 2, nan])


def test_a_single_run_has_no_standard_error():
    assert np.isnan(standard_error_band(np.ones((1, 3)))).all()


@pytest.mark.parametrize("statistic", list(INTERVALS))
def test_bootstrap_intervals_are_those_of_scipy(statistic, rng):
    found = bootstrap_band(CURVES, statistic, rng, n_replications=40_000)
    np.testing.assert_allclose(found, INTERVALS[statistic], atol=0.03)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_bootstrap_intervals_are_those_of_all_possible_resamples(statistic, rng):
    runs = column(0, 1, 3, 7, 20)
    every = np.array([runs[list(drawn), 0] for drawn in product(range(5), repeat=5)])  # 3125 resamples
    replicates = aggregate(every.T, statistic)
    for coverage in (0.5, 0.8):
        low, high = bootstrap_band(runs, statistic, rng, coverage=coverage, n_replications=50_000)
        ends = (1 - coverage) / 2, (1 + coverage) / 2
        for found, end in zip((low[0], high[0]), ends, strict=True):
            around = np.quantile(replicates, (end - 0.01, end + 0.01))  # they are few numbers, so a step may be near
            assert around[0] - 1e-9 <= found <= around[1] + 1e-9


@pytest.mark.parametrize("statistic", STATISTICS)
def test_the_interval_of_a_time_does_not_depend_on_other_times_nor_on_what_is_held_at_once(statistic, monkeypatch):
    curves = np.random.default_rng(5).random((9, 7))
    whole = bootstrap_band(curves, statistic, np.random.default_rng(1), n_replications=200)
    alone = [bootstrap_band(curves[:, [i]], statistic, np.random.default_rng(1), n_replications=200) for i in range(7)]
    np.testing.assert_allclose(whole, np.concatenate(alone, axis=1))
    monkeypatch.setattr(aggregates, "_TOGETHER", 400)
    in_parts = bootstrap_band(curves, statistic, np.random.default_rng(1), n_replications=200)
    np.testing.assert_allclose(whole, in_parts)


def test_the_same_seed_gives_the_same_intervals_and_another_seed_others():
    one, same, other = (bootstrap_band(CURVES, "iqm", np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (np.array(one) != np.array(other)).any()


@pytest.mark.parametrize("statistic", STATISTICS)
def test_a_single_run_and_equal_runs_have_intervals_without_width(statistic, rng):
    np.testing.assert_allclose(bootstrap_band(np.array([[2.0, 3]]), statistic, rng), [[2, 3], [2, 3]])
    np.testing.assert_allclose(bootstrap_band(np.full((6, 1), 4.0), statistic, rng), [[4], [4]])


def test_an_interval_reaches_to_infinity_where_enough_resamples_have_no_incumbent(rng):
    curves = np.array([[nan, nan, 1.0], *[[0.5, nan, 1]] * 9])
    low, high = bootstrap_band(curves, "mean", rng)
    np.testing.assert_allclose(low, [0.5, inf, 1])  # a third of the resamples are without the first run
    np.testing.assert_allclose(high, [inf, inf, 1])
    np.testing.assert_allclose(bootstrap_band(curves, "median", rng), [[0.5, inf, 1], [0.5, inf, 1]])


@pytest.mark.parametrize("statistic", ["average", -0.1, 1.5, None, True])
def test_an_unknown_statistic_is_refused(statistic, rng):
    expected = 'statistic=.*; "mean", "median", "iqm" or a quantile from 0 to 1 expected'
    with pytest.raises(SettingError, match=expected):
        aggregate(CURVES, statistic)
    with pytest.raises(SettingError, match=expected):
        bootstrap_band(CURVES, statistic, rng)


@pytest.mark.parametrize("curves", [np.empty((0, 3)), np.ones(3), np.ones((2, 2, 2))])
def test_curves_of_another_shape_are_refused(curves, rng):
    for method in (
        lambda: aggregate(curves, "mean"),
        lambda: quantile_band(curves),
        lambda: standard_error_band(curves),
        lambda: bootstrap_band(curves, "mean", rng),
    ):
        with pytest.raises(
            SettingError, match=r"curves of shape .*; \(n_runs, n_times\) with one run or more expected"
        ):
            method()


def test_what_no_interval_can_be_made_from_is_refused(rng):
    with pytest.raises(SettingError, match="rng=1; a generator expected"):
        bootstrap_band(CURVES, "mean", 1)
    with pytest.raises(SettingError, match="coverage=95; a number between 0 and 1 expected"):
        bootstrap_band(CURVES, "mean", rng, coverage=95)
    with pytest.raises(SettingError, match="n_replications=0; an integer of at least 1 expected"):
        bootstrap_band(CURVES, "mean", rng, n_replications=0)
    with pytest.raises(SettingError, match=r"a band from quantile 0.9 to 0.1; the lower one first expected"):
        quantile_band(CURVES, 0.9, 0.1)


def test_no_times_give_no_intervals(rng):
    assert np.shape(bootstrap_band(np.empty((3, 0)), "mean", rng)) == (2, 0)

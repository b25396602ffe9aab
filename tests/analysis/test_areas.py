"""Areas under step functions: AUC of an ECDF, AOCC of runs."""

from itertools import pairwise
from math import inf, log, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench_kit.analysis import (
    Ecdf,
    area_over_convergence_curves,
    area_under_ecdf,
    running_time_ecdf,
    targets_between,
)
from nasbench_kit.errors import SettingError

ECDF = Ecdf(np.array([2.0, 8]), np.array([0.5, 0.75]), inf)
FINE = 200_000  # places that an integral by sums looks at

# three runs as packed incumbents (spent, regrets)
STARTS = np.array([0, 4, 7, 10])
SPENT = np.array([1.0, 3, 10, 40, 2, 5, 60, 1, 4, 80])
REGRETS = np.array([1.0, 0.3, 0.05, 0.001, 0.5, 0.2, 0.02, 2.0, 0.8, 0.1])
ENDS = np.full(3, 100.0)
BOUNDS = {"best": 1e-3, "worst": 1.0, "end": 100}


def mean_height(heights_at, start, end, *, is_log):
    """The mean of a function between two times, by sums."""
    middles = (np.arange(FINE) + 0.5) / FINE
    return heights_at(start * (end / start) ** middles if is_log else start + (end - start) * middles).mean()


def test_the_area_under_an_ecdf_by_hand():
    assert area_under_ecdf(ECDF, 0, 10, log_time=False) == pytest.approx((6 * 0.5 + 2 * 0.75) / 10)
    assert area_under_ecdf(ECDF, 1, 16) == pytest.approx((2 * 0.5 + 1 * 0.75) / 4)
    assert area_under_ecdf(ECDF, 4, 8) == pytest.approx(0.5)  # what happened before the start counts
    assert area_under_ecdf(ECDF, 10, 1000) == pytest.approx(0.75)
    assert area_under_ecdf(ECDF, 0.1, 2) == 0


@given(seed=st.integers(0, 999), is_log=st.booleans())
@settings(deadline=None, max_examples=30)
def test_the_area_under_an_ecdf_is_its_integral_and_the_mean_over_pairs(seed, is_log):
    times = np.random.default_rng(seed).exponential(10.0, (4, 3))
    times[times > 20] = inf
    ecdf = running_time_ecdf([times], [np.full(4, 20.0)], budgets=None)
    found = area_under_ecdf(ecdf, 0.5, 20, log_time=is_log)
    steps = np.concatenate([[0], ecdf.shares])
    by_sums = mean_height(lambda t: steps[np.searchsorted(ecdf.times, t, side="right")], 0.5, 20, is_log=is_log)
    assert found == pytest.approx(by_sums, abs=1e-4)
    clipped = np.clip(times, 0.5, 20)
    left = np.log(20 / clipped) / log(40) if is_log else (20 - clipped) / 19.5
    assert found == pytest.approx(left.mean())


def test_an_ecdf_without_steps_has_no_area():
    assert area_under_ecdf(running_time_ecdf([np.full((2, 3), inf)], [np.ones(2)], budgets=None), 1, 2) == 0


@pytest.mark.parametrize(("log_time", "start"), [(False, 0), (True, 1)])
def test_the_area_over_convergence_curves_is_that_of_iohinspector(log_time, start):
    # iohinspector 0.0.8, metrics.get_aocc(metrics.utils.transform_fval(run, lb=1e-3, ub=1.0), eval_max=100,
    # scale_eval_log=log_time), where the first incumbent counts from the start on
    aocc = [0.3750867193648214, 0.22360677145023752, 0.03716547446862077]
    if not log_time:
        aocc = [0.7423035036229393, 0.35969100130080567, 0.09121720329537429]
    from_the_start = SPENT.copy()
    from_the_start[STARTS[:-1]] = start
    found = area_over_convergence_curves(
        STARTS, from_the_start, REGRETS, ENDS, start=start, log_time=log_time, **BOUNDS
    )
    np.testing.assert_allclose(found, aocc)


def test_the_area_over_convergence_curves_by_hand():
    """The second run of two, as 0 until 2, then half, nothing and all of the way from 1 to 0.01."""
    starts, spent, regrets = np.array([0, 1, 4]), np.array([0, 2, 4, 6.0]), np.array([5, 0.1, 3, 1e-9])
    found = area_over_convergence_curves(starts, spent, regrets, [10, 8], best=0.01, worst=1, start=0, end=8)
    np.testing.assert_allclose(found, [0, (2 * 0.5 + 2 * 0 + 2 * 1) / 8])
    linear = area_over_convergence_curves(
        starts, spent, regrets, [10, 8], best=0, worst=1, start=0, end=8, log_regret=False
    )
    np.testing.assert_allclose(linear, [0, (2 * 0.9 + 2) / 8])
    late = area_over_convergence_curves(
        starts, spent, regrets, [10, 8], best=0.01, worst=1, start=1, end=8, log_time=True
    )
    np.testing.assert_allclose(late, [0, (0.5 * log(2) + log(8 / 6)) / log(8)])


@pytest.mark.parametrize("is_log", [False, True])
def test_areas_over_convergence_curves_are_their_integrals(is_log):
    found = area_over_convergence_curves(STARTS, SPENT, REGRETS, ENDS, start=0.5, log_time=is_log, **BOUNDS)
    for run, (a, b) in enumerate(pairwise(STARTS)):
        reached = np.concatenate([[0], 1 - np.log(np.clip(REGRETS[a:b], 1e-3, 1) / 1e-3) / log(1e3)])
        spent = SPENT[a:b]
        by_sums = mean_height(
            lambda t, spent=spent, reached=reached: reached[np.searchsorted(spent, t, side="right")],
            0.5,
            100,
            is_log=is_log,
        )
        assert found[run] == pytest.approx(by_sums, abs=1e-4)


@pytest.mark.parametrize("is_log", [False, True])
def test_the_mean_area_over_convergence_curves_is_that_under_the_ecdf_of_ever_more_targets(is_log):
    """López-Ibáñez et al. 2025, https://doi.org/10.1109/TEVC.2024.3462758."""
    targets = targets_between(BOUNDS["worst"], BOUNDS["best"], 5000)
    runs = [(SPENT[a:b], REGRETS[a:b]) for a, b in pairwise(STARTS)]
    times = np.array([[min(spent[regrets <= target], default=inf) for target in targets] for spent, regrets in runs])
    ecdf = running_time_ecdf([times], [ENDS], budgets=None)
    found = area_over_convergence_curves(STARTS, SPENT, REGRETS, ENDS, start=0.5, log_time=is_log, **BOUNDS)
    assert area_under_ecdf(ecdf, 0.5, 100, log_time=is_log) == pytest.approx(found.mean(), abs=1e-3)


def test_curves_on_a_grid_are_given_run_after_run():
    curves = np.array([[nan, 0.1, 0.01], [1, 1, 0.1]])
    found = area_over_convergence_curves(
        np.arange(3) * 3, np.tile([0.0, 2, 4], 2), curves.ravel(), [8, 8], best=0.01, worst=1, start=0, end=8
    )
    np.testing.assert_allclose(found, [(2 * 0.5 + 4) / 8, 4 * 0.5 / 8])


def test_runs_without_incumbents_have_reached_nothing():
    starts = np.array([0, 0, 2, 2])
    found = area_over_convergence_curves(
        starts, np.array([0.0, 5]), np.array([nan, 0.0]), [10, 10, 10], best=0.1, worst=1, start=0, end=10
    )
    np.testing.assert_allclose(found, [0, 0.5, 0])
    none = area_over_convergence_curves(
        np.zeros(3, int), np.empty(0), np.empty(0), [1, 1], best=0.1, worst=1, start=0, end=1
    )
    np.testing.assert_array_equal(none, [0, 0])


def test_a_run_that_ended_early_has_no_area_up_to_a_later_time():
    with pytest.raises(SettingError, match="run 1 ended at 90; one of 100 or later expected"):
        area_over_convergence_curves(STARTS, SPENT, REGRETS, [100, 90, 80], start=0, **BOUNDS)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            {"start": 0, "log_time": True},
            "an area from time 0 to 100; the smaller one first, and both above 0 on a log",
        ),
        ({"start": 200}, "an area from time 200 to 100; the smaller one first expected"),
        ({"start": 0, "best": 0}, "an area from regret 0 to 1.0; the smaller one first, and both above 0 on a log"),
        ({"start": 0, "best": 1}, "an area from regret 1 to 1.0; the smaller one first"),
    ],
)
def test_bounds_that_enclose_nothing_are_refused(settings, expected):
    with pytest.raises(SettingError, match=expected):
        area_over_convergence_curves(STARTS, SPENT, REGRETS, ENDS, **{**BOUNDS, **settings})


def test_incumbents_that_do_not_fit_their_runs_are_refused():
    with pytest.raises(SettingError, match="4 starts, the last one 10, 9 times, 10 regrets and 3 ends; n_runs"):
        area_over_convergence_curves(STARTS, SPENT[1:], REGRETS, ENDS, start=0, **BOUNDS)
    with pytest.raises(SettingError, match="10 regrets and 2 ends"):
        area_over_convergence_curves(STARTS, SPENT, REGRETS, ENDS[1:], start=0, **BOUNDS)


@pytest.mark.parametrize("bounds", [(0, 1), (2, 1), (1, inf), (nan, 1)])
def test_an_ecdf_has_no_area_between_such_times(bounds):
    with pytest.raises(SettingError, match=r"an area from time .*; the smaller one first, and both above 0"):
        area_under_ecdf(ECDF, *bounds)

"""Empirical attainment, by hand, against moocore's differences and against the definition."""

from math import inf, nan

import moocore
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench_kit.analysis.attainment import (
    attained_by_time,
    attained_share,
    attainment_difference,
    attainment_surface,
)
from nasbench_kit.errors import SettingError

COORDINATE = st.integers(0, 6).map(lambda k: k / 4)
RUN = st.lists(st.tuples(COORDINATE, COORDINATE), max_size=5)
RUNS = st.lists(RUN, min_size=1, max_size=6)
GRID = np.arange(-1, 8) / 4


def packed(runs, m=2):
    """Points, their runs, and how many runs there are."""
    points = np.array([point for run in runs for point in run], float).reshape(-1, m)
    return points, np.repeat(np.arange(len(runs)), [len(run) for run in runs]), len(runs)


def attains(run, target):
    return any(all(x <= y for x, y in zip(point, target, strict=True)) for point in run)


def slow_share(runs, target):
    return sum(attains(run, target) for run in runs) / len(runs)


THREE = [[(0.1, 0.8), (0.5, 0.2)], [(0.2, 0.6)], [(0.4, 0.7), (0.6, 0.1)]]


# ---- surfaces ----


@pytest.mark.parametrize(
    ("at_least", "surface"),
    [
        (1, [(0.1, 0.8), (0.2, 0.6), (0.5, 0.2), (0.6, 0.1)]),
        (2, [(0.2, 0.8), (0.4, 0.7), (0.5, 0.6), (0.6, 0.2)]),
        (3, [(0.4, 0.8), (0.5, 0.7), (0.6, 0.6)]),
    ],
    ids=["best", "median", "worst"],
)
def test_surfaces_of_three_runs_by_hand(at_least, surface):
    np.testing.assert_allclose(attainment_surface(*packed(THREE), at_least), surface)


@given(runs=RUNS)
@settings(max_examples=50, deadline=None)
def test_a_surface_is_the_border_of_what_so_many_runs_attain(runs):
    for at_least in range(1, len(runs) + 1):
        surface = attainment_surface(*packed(runs), at_least)
        for target in ((x, y) for x in GRID for y in GRID):
            assert attains(surface, target) == (slow_share(runs, target) * len(runs) > at_least - 0.5)
        assert not any(attains(np.delete(surface, i, axis=0), point) for i, point in enumerate(surface))


def test_surfaces_of_three_objectives():
    runs = [[(0.1, 0.5, 0.3)], [(0.3, 0.2, 0.9), (0.9, 0.9, 0.1)]]
    np.testing.assert_allclose(attainment_surface(*packed(runs, 3), 2), [(0.3, 0.5, 0.9), (0.9, 0.9, 0.3)])


def test_runs_without_a_point_attain_nothing_and_count():
    runs = [[(0.2, 0.2)], [], [(0.1, 0.4)], []]
    np.testing.assert_allclose(attainment_surface(*packed(runs), 2), [(0.2, 0.4)])
    assert attainment_surface(*packed(runs), 3).shape == (0, 2)
    assert attained_share(*packed(runs), np.array([1.0]), np.array([1.0])) == 0.5
    assert attainment_surface(*packed([[], []]), 1).shape == (0, 2)


def test_the_order_of_points_does_not_matter():
    points, runs, n_runs = packed(THREE)
    order = [4, 0, 2, 3, 1]
    np.testing.assert_array_equal(
        attainment_surface(points[order], runs[order], n_runs, 2), attainment_surface(points, runs, n_runs, 2)
    )


@pytest.mark.parametrize(
    ("points", "runs", "n_runs", "at_least", "message"),
    [
        (np.zeros((2, 2)), np.array([0, 1]), 2, 3, "at_least=3 of 2 runs; 2 or fewer expected"),
        (np.zeros((2, 2)), np.array([0, 1]), 2, 0, "at_least=0; an integer of at least 1 expected"),
        (np.zeros((2, 2)), np.array([0, 2]), 2, 1, "runs 0 to 2 of 2; numbers from 0 to 1 expected"),
        (np.zeros((2, 4)), np.array([0, 1]), 2, 1, "attainment of 4 objectives; two or three expected"),
        (np.zeros((2, 2)), np.array([0]), 2, 1, r"points of shape \(2, 2\) and runs of \(1,\)"),
        (np.array([[nan, 1.0]]), np.array([0]), 1, 1, "1 of 1 points are NaN; leave them out"),
        (np.zeros((0, 2)), np.zeros(0, int), 0, 1, "n_runs=0; an integer of at least 1 expected"),
    ],
)
def test_what_has_no_surface_is_refused_in_one_line(points, runs, n_runs, at_least, message):
    with pytest.raises(SettingError, match=message):
        attainment_surface(points, runs, n_runs, at_least)


# ---- shares and their differences ----


@given(runs=RUNS)
@settings(max_examples=100, deadline=None)
def test_the_share_is_that_of_runs_with_a_point_as_good(runs):
    share = attained_share(*packed(runs), GRID, GRID[::2])
    np.testing.assert_allclose(share, [[slow_share(runs, (x, y)) for y in GRID[::2]] for x in GRID])


def test_the_difference_of_two_by_hand_with_unequal_numbers_of_runs():
    one, other = [[(0.0, 0.0)]], [[(0.0, 1.0)], [(1.0, 0.0)], []]
    points, runs, n_runs = zip(packed(one), packed(other), strict=True)
    x, y, share = attainment_difference(points, runs, n_runs)
    assert (x.tolist(), y.tolist()) == ([0, 1], [0, 1])
    np.testing.assert_allclose(share, [[1, 2 / 3], [2 / 3, 1 / 3]])


@pytest.mark.parametrize("seed", range(3))
def test_the_difference_is_that_of_moocore(seed):
    rng = np.random.default_rng(seed)
    sets = [rng.integers(0, 12, (8, 5, 2)).astype(float) for _ in range(2)]  # as many runs of both, as moocore wants
    tables = [np.column_stack([runs.reshape(-1, 2), np.repeat(np.arange(8), 5)]) for runs in sets]
    x, y, share = attainment_difference(
        (tables[0][:, :2], tables[1][:, :2]), (tables[0][:, 2], tables[1][:, 2]), (8, 8)
    )
    rectangles = moocore.eafdiff(*tables, rectangles=True)
    for left, low, right, high, n in rectangles:  # n: more runs of the first
        inside = share[np.ix_((x >= left) & (x < right), (y >= low) & (y < high))]
        assert inside.size
        np.testing.assert_allclose(inside, n / 8)


def test_of_many_coordinates_some_are_taken_and_the_difference_is_exact_there():
    rng = np.random.default_rng(0)
    one, other = rng.random((2, 20, 10, 2))
    points, runs, n_runs = zip(packed(one), packed(other), strict=True)
    every = attainment_difference(points, runs, n_runs)
    some = attainment_difference(points, runs, n_runs, n_lines=30)
    assert (len(every.x), len(some.x), len(some.y)) == (400, 30, 30)
    assert some.x[[0, -1]].tolist() == every.x[[0, -1]].tolist()
    there = np.ix_(np.isin(every.x, some.x), np.isin(every.y, some.y))
    np.testing.assert_array_equal(some.share, every.share[there])


def test_the_difference_of_three_objectives_is_refused():
    points, runs, n_runs = packed([[(0.0, 0.0, 0.0)]], 3)
    with pytest.raises(SettingError, match=r"attainment of points \(1, 3\) and \(1, 3\); \(n, 2\) expected"):
        attainment_difference((points, points), (runs, runs), (n_runs, n_runs))


# ---- one objective over time ----


def test_attainment_over_time_by_hand():
    regrets = np.array([[nan, 0.5, 0.1], [0.3, 0.3, 0.3], [nan, nan, nan]])
    share = attained_by_time(regrets, np.array([0.0, 0.1, 0.3, 0.6, inf]))
    np.testing.assert_allclose(share * 3, [[0, 0, 0], [0, 0, 1], [1, 1, 2], [1, 2, 2], [3, 3, 3]])


def test_a_run_that_was_as_good_before_a_lucky_newcomer_has_attained_it():
    assert attained_by_time(np.array([[0.1, 0.4]]), np.array([0.2])).tolist() == [[1, 1]]


def test_no_runs_have_no_share():
    with pytest.raises(SettingError, match="no run, so no share of runs"):
        attained_by_time(np.empty((0, 3)), np.array([0.1]))

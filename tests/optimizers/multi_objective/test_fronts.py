"""Non-dominated sorting and the orders within a front."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nasbench_kit.optimizers.multi_objective.fronts import best, crowding, fronts, loneliest_first, spread_out

# Larger is better. By pymoo 0.6.2: NonDominatedSorting; and get_crowding_function("cd"), whose distances are means over
# objectives where those of the paper are sums.
POINTS = (
    np.array(
        [
            (64, 27),
            (4, 2),
            (81, 91),
            (61, 73),
            (54, 94),
            (82, 0),
            (86, 3),
            (73, 18),
            (86, 54),
            (30, 42),
            (3, 12),
            (67, 65),
        ]
    )
    / 100
)
FRONTS = [{2, 4, 8}, {3, 6, 7, 11}, {0, 5, 9}, {1, 10}]
CROWDING = {0: 1, 1: np.inf, 2: 1, 3: np.inf, 4: np.inf, 5: np.inf, 6: np.inf, 7: 0.822857, 8: np.inf, 9: np.inf}
CROWDING |= {10: np.inf, 11: 0.632857}
FIRST, SECOND = (6, 10, 7, 7, 5, 4, 6, 9, 1, 2, 3, 8), (4, 7, 4, 5, 9, 6, 3, 2, 8, 9, 2, 2)
THREE = np.array([FIRST, SECOND, (10, 7, 1, 3, 9, 3, 4, 6, 8, 1, 5, 1)]).T / 10
FRONTS_OF_THREE = [{0, 1, 4}, {3, 5, 6, 7, 8, 9}, {2, 10, 11}]


def fronts_of(values, *how):
    return [set(front.tolist()) for front in fronts(np.array(values, float), *how)]


@pytest.mark.parametrize(("points", "expected"), [(POINTS, FRONTS), (THREE, FRONTS_OF_THREE)], ids=["two", "three"])
def test_fronts_are_those_of_pymoo(points, expected):
    assert fronts_of(points) == expected


def test_crowding_distances_are_those_of_pymoo():
    for front in map(sorted, FRONTS):
        found = crowding(POINTS[front]) / 2
        np.testing.assert_allclose(found, [CROWDING[i] for i in front], atol=1e-6)


@given(values=arrays(float, st.tuples(st.integers(1, 25), st.integers(1, 4)), elements=st.integers(0, 4).map(float)))
def test_a_front_is_dominated_by_the_one_before_and_by_none_of_its_own_or_later(values):
    number_of = {i: number for number, front in enumerate(fronts(values)) for i in front.tolist()}
    assert set(number_of) == set(range(len(values)))
    for i in number_of:
        dominating = [j for j in number_of if (values[j] >= values[i]).all() and (values[j] > values[i]).any()]
        assert max((number_of[j] for j in dominating), default=-1) == number_of[i] - 1


def test_what_is_feasible_dominates_what_is_not_and_the_lesser_violation_the_greater():
    values = [(9, 9), (1, 5), (5, 1), (1, 1), (8, 8)]
    assert fronts_of(values, np.array([0.5, 0, 0, 0, 0.5])) == [{1, 2}, {3}, {0, 4}]  # equal violations: neither
    assert fronts_of(values, np.array([0.5, 0, 0, 0, 0.4])) == [{1, 2}, {3}, {4}, {0}]


def test_failures_are_the_last_front_and_crowded():
    values = np.array([(-np.inf, -np.inf), (0.1, -9), (-np.inf, -np.inf)])
    assert fronts_of(values) == [{1}, {0, 2}]
    assert crowding(values[[0, 2]]).tolist() == [0, 0]
    assert list(spread_out(values[[0, 2]])) == [0, 1]


def test_crowding_of_equal_points_and_of_few_is_a_number_or_infinite():
    assert crowding(np.ones((4, 2))).tolist() == [np.inf, 0, 0, np.inf]
    assert crowding(np.ones((1, 2))).tolist() == [np.inf]
    assert crowding(np.array([(1.0, 2), (2, 1)])).tolist() == [np.inf, np.inf]


def test_each_point_of_a_spread_is_the_farthest_from_those_before():
    front = np.array([(0.0, 10), (1, 9), (4, 6), (9, 1), (10, 0)])
    # 10 leads; then 0 is farthest (14.1 off); 4 is 5.7 from 0, 8.5 from 10; 9 and 1 are both 1.4 off: the first one
    assert list(spread_out(front)) == [4, 0, 2, 1, 3]
    assert list(spread_out(np.ones((3, 2)))) == [0, 1, 2]


def test_the_best_are_whole_fronts_and_the_first_of_the_last_one():
    assert best(POINTS, 5, loneliest_first) == [4, 8, 2, 3, 6]
    assert sorted(best(POINTS, 12, spread_out)) == list(range(12))

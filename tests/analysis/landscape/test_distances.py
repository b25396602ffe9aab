import numpy as np
import pytest

from nasbench_kit.analysis.landscape import distances_to_nearest, fitness_distance_correlation


def test_distance_is_the_number_of_decisions_that_differ_from_the_nearest():
    archs = np.array([[0, 0, 0], [0, 1, 2], [1, 1, 1], [2, 2, 2]], np.uint8)
    assert distances_to_nearest(archs, archs[:1]).tolist() == [0, 2, 3, 3]
    assert distances_to_nearest(archs, archs[[0, 2]]).tolist() == [0, 2, 0, 3]


def test_a_landscape_that_leads_straight_to_the_best_has_a_correlation_of_minus_one(every):
    distances = every(2, 2, 2).sum(axis=1)
    assert fitness_distance_correlation(5.0 - distances, distances) == pytest.approx(-1)
    assert fitness_distance_correlation(distances - 5.0, distances) == pytest.approx(1)  # it leads away


def test_values_that_do_not_vary_have_no_correlation_with_distance():
    assert np.isnan(fitness_distance_correlation(np.ones(3), np.arange(3)))

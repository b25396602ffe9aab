from math import e, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasbench_kit.analysis.landscape import (
    Neighborhood,
    correlation_length,
    estimated_autocorrelation,
    functional_anova,
    single_changes,
    walk_autocorrelation,
)
from nasbench_kit.errors import SettingError
from nasbench_kit.spaces import ChoiceSpace


def test_walks_on_three_neighbors_counted_by_hand(line):
    # from a value z of sum zero a step leads to the mean of the other two, -z / 2
    np.testing.assert_allclose(walk_autocorrelation(np.array([1.0, 5, 0]), line(3), 3), [1, -1 / 2, 1 / 4, -1 / 8])


def test_walks_begin_in_proportion_to_the_number_of_neighbors():
    # 0 - 1 - 2: the middle is visited half of the time, so the mean is (0 + 2 * 2 + 4) / 4 = 2, the variance 2
    neighborhood = Neighborhood(3, np.array([0, 1, 1, 2]), np.array([1, 0, 2, 1]))
    found = walk_autocorrelation(np.array([0.0, 2, 4]), neighborhood, 2)
    # one step from an end: to the middle, 0; two steps: back, or across, on average 0
    np.testing.assert_allclose(found, [1, 0, 0], atol=1e-12)
    values = np.array([1.0, 0, 1])  # a step always changes the value
    np.testing.assert_allclose(walk_autocorrelation(values, neighborhood, 2), [1, -1, 1])


@given(st.lists(st.floats(-10, 10), min_size=24, max_size=24), st.integers(0, 5))
def test_autocorrelation_is_that_of_the_variance_parts(values, steps):
    # On a product of choices a component of decisions S is an eigenvector of the walk, with the eigenvalue
    # 1 - (sum of n_choices in S) / n_neighbors. Source: Stadler 1996, https://doi.org/10.1007/BF01165154, on products
    # of complete graphs.
    n_choices = (2, 3, 4)
    values = np.array(values)
    if values.std() < 1e-3:
        return
    parts = functional_anova(values.reshape(n_choices))
    archs = np.array(list(np.ndindex(*n_choices)), np.uint8)
    found = walk_autocorrelation(values, single_changes(archs, n_choices), 5)
    shrinking = {decisions: 1 - sum(n_choices[i] for i in decisions) / (1 + 2 + 3) for decisions in parts.shares}
    expected = sum(share * shrinking[decisions] ** steps for decisions, share in parts.shares.items())
    assert found[steps] == pytest.approx(expected, abs=1e-9)


def test_values_that_do_not_vary_have_no_autocorrelation(line):
    assert np.isnan(walk_autocorrelation(np.ones(3), line(3))).all()


def test_architectures_without_neighbors_cannot_be_walked_on():
    with pytest.raises(SettingError, match="no architecture has a neighbor; a walk needs some"):
        walk_autocorrelation(np.arange(2.0), Neighborhood(2, np.array([], int), np.array([], int)))


def test_estimated_walks_are_near_the_exact_ones():
    space = ChoiceSpace("steps", {f"d{i}": tuple("abc") for i in range(4)})
    archs = space.all_archs()
    weights = np.array([1.0, 2, 3, 4])
    values = archs @ weights
    exact = walk_autocorrelation(values, single_changes(archs, space.n_choices))
    rng = np.random.default_rng(0)
    found = estimated_autocorrelation(space, lambda some: some @ weights, rng, n_walks=400, length=60)
    np.testing.assert_allclose(found, exact, atol=0.03)


def test_estimated_walks_must_be_longer_than_what_they_estimate(toy_space):
    with pytest.raises(SettingError, match="walks of 10 steps, autocorrelation of 10; longer walks expected"):
        estimated_autocorrelation(toy_space, len, np.random.default_rng(0), length=10)


def test_the_correlation_length_is_that_of_an_exponential():
    assert correlation_length(np.exp(-np.arange(4) / 2.5)) == pytest.approx(2.5)
    assert correlation_length(np.array([1, 1 / e])) == pytest.approx(1)
    assert correlation_length(np.array([1, 0.5])) == pytest.approx(1 / log(2))


@pytest.mark.parametrize("first", [0.0, -0.2, 1.0, np.nan])
def test_what_does_not_shrink_has_no_correlation_length(first):
    assert np.isnan(correlation_length(np.array([1, first])))

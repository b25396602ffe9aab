from itertools import combinations
from math import factorial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nasbench_kit.analysis.landscape import functional_anova, mean_effects
from nasbench_kit.errors import SettingError

SHAPE = (2, 3, 2)
TENSORS = arrays(float, SHAPE, elements=st.integers(-100, 100).map(float)).filter(lambda values: values.std() > 0)


def explained(values, decisions):
    """The variance of the mean given the choices of some decisions, by its definition."""
    others = tuple(set(range(values.ndim)) - set(decisions))
    return values.mean(axis=others).var()


def subsets(items):
    return [each for n in range(len(items) + 1) for each in combinations(items, n)]


def test_the_parts_of_a_sum_and_a_product_counted_by_hand():
    # f = 2 a + a b with a, b in {-1, 1}: 2 a has the variance 4, a b 1, b alone none
    a, b = np.array([-1.0, 1])[:, None], np.array([-1.0, 1])
    found = functional_anova(2 * a + a * b)
    assert found.variance == pytest.approx(5)
    assert found.shares == pytest.approx({(0,): 4 / 5, (1,): 0, (0, 1): 1 / 5})
    np.testing.assert_allclose(found.main, [4 / 5, 0])
    np.testing.assert_allclose(found.pairs, [[0, 1 / 5], [1 / 5, 0]])
    np.testing.assert_allclose(found.shapley, [4 / 5 + 1 / 10, 1 / 10])
    assert [found.of_order(n) for n in (1, 2, 3)] == pytest.approx([4 / 5, 1 / 5, 0])


def test_a_parity_has_nothing_but_the_interaction_of_all():
    found = functional_anova(np.indices((2, 2, 2)).sum(axis=0) % 2.0)
    assert found.shares[0, 1, 2] == pytest.approx(1)
    np.testing.assert_allclose(found.shapley, [1 / 3] * 3)


@given(TENSORS)
def test_the_parts_sum_to_one_and_none_is_below_zero(values):
    found = functional_anova(values)
    assert len(found.shares) == 2 ** len(SHAPE) - 1
    assert sum(found.shares.values()) == pytest.approx(1)
    assert min(found.shares.values()) >= 0
    assert found.shapley.sum() == pytest.approx(1)
    assert sum(found.of_order(n) for n in range(1, 4)) == pytest.approx(1)


@given(TENSORS)
def test_the_parts_are_those_of_the_definition(values):
    # Hoeffding's decomposition by inclusion and exclusion of explained variances.
    found = functional_anova(values)
    for decisions in subsets(range(len(SHAPE)))[1:]:
        part = sum((-1) ** (len(decisions) - len(inner)) * explained(values, inner) for inner in subsets(decisions))
        assert found.shares[decisions] == pytest.approx(part / values.var(), abs=1e-9)


@given(TENSORS)
def test_shapley_effects_are_those_of_the_definition(values):
    # Owen 2014, https://doi.org/10.1137/130936233, equation 3: what a decision adds to all sets of others, on average.
    found, n = functional_anova(values).shapley, len(SHAPE)
    for i in range(n):
        value = 0.0
        for others in subsets([j for j in range(n) if j != i]):
            weight = factorial(len(others)) * factorial(n - len(others) - 1) / factorial(n)
            value += weight * (explained(values, (*others, i)) - explained(values, others))
        assert found[i] == pytest.approx(value / values.var(), abs=1e-9)


def test_anova_of_nasbench201_is_that_of_its_definition(described, cifar10):
    surface = described("nasbench201/cifar10").surface
    values = cifar10.values("val_accuracy", cifar10.space.all_archs()).reshape((5,) * 6)
    alone = [values.mean(axis=tuple({*range(6)} - {i})).var() / values.var() for i in range(6)]
    np.testing.assert_allclose(surface.variance.main, alone)
    pair = values.mean(axis=(1, 2, 4, 5)).var() / values.var()  # 0->1 and 0->3
    assert surface.variance.pairs[0, 3] == pytest.approx(pair - alone[0] - alone[3])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ones((2, 3)), "all 6 values are the same; there is no variance to explain"),
        (np.array([[1.0, np.nan]]), "1 of 2 values are not finite; all expected"),
        (np.zeros((1,) * 13), "13 decisions; the parts of all sets of at most 12 are computed"),
    ],
)
def test_what_has_no_parts_is_refused(values, message):
    with pytest.raises(SettingError, match=message):
        functional_anova(values)


def test_a_mean_effect_is_what_a_choice_adds_to_the_mean():
    archs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.uint8)
    first, second = mean_effects(archs, np.array([1.0, 2, 5, 8]), (2, 3))
    assert first.tolist() == [-2.5, 2.5]  # means 1.5 and 6.5 of 4
    assert second[:2].tolist() == [-1, 1]
    assert np.isnan(second[2])  # nothing has it
    assert np.isnan(mean_effects(archs[:3], np.ones(3), (2, 2), least=2)[0]).tolist() == [False, True]

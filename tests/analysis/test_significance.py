"""Tests of all pairs of optimizers, exact where it matters, and their correction."""

import subprocess
import sys
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, rankdata, wilcoxon

from nasbench_kit.analysis import holm, pairwise_mann_whitney, pairwise_wilcoxon
from nasbench_kit.errors import SettingError

NAN = np.nan


def wilcoxon_of(one, other):
    """P-value and effect of a pair."""
    found = pairwise_wilcoxon({"one": np.array(one, float), "other": np.array(other, float)})
    return found.p_values[0, 1], found.effect[0, 1]


def mann_whitney_of(one, other):
    found = pairwise_mann_whitney({"one": np.array(one, float), "other": np.array(other, float)})
    return found.p_values[0, 1], found.effect[0, 1]


def test_the_analysis_is_imported_without_scipy():
    script = "import sys, nasbench_kit.analysis; print('scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


# ---- Holm ----


def test_holms_correction_multiplies_the_smallest_by_the_number_of_tests_and_so_on_down():
    # statsmodels 0.15.0, multipletests([.01, .04, .03, .005, .5], method="holm")[1]
    assert holm(np.array([0.01, 0.04, 0.03, 0.005, 0.5])) == pytest.approx([0.04, 0.09, 0.09, 0.025, 0.5])


def test_tests_that_could_not_be_made_do_not_count():
    found = holm(np.array([[0.01, NAN], [0.04, NAN]]))
    assert found == pytest.approx(np.array([[0.02, NAN], [0.04, NAN]]), nan_ok=True)
    assert np.isnan(holm(np.array([NAN]))).all()
    assert holm(np.array([])).shape == (0,)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_corrected_p_values_lie_between_the_plain_ones_and_bonferronis_in_the_same_order(given_):
    p_values = np.array(given_)
    found = holm(p_values)
    assert (found >= p_values).all()
    assert (found <= np.minimum(1, p_values * len(p_values))).all()
    assert (np.diff(found[np.argsort(p_values)]) >= 0).all()


def test_correcting_leaves_the_given_values_alone():
    given_ = np.array([0.01, 0.02])
    holm(given_)
    assert given_.tolist() == [0.01, 0.02]


@pytest.mark.parametrize("wrong", [-0.1, 1.5])
def test_what_is_no_p_value_is_refused(wrong):
    with pytest.raises(SettingError, match="values from 0 to 1 expected"):
        holm(np.array([0.5, wrong, NAN]))


# ---- Wilcoxon ----


def test_the_signed_ranks_are_those_published_of_two_classifiers():
    # Demsar 2006, https://jmlr.org/papers/v7/demsar06a.html, table 2: AUC of C4.5 and C4.5+m, R+ = 93 and R- = 12, each
    # with 1.5 of the 3 of two zeros; significant at 0.05
    plain = [0.763, 0.599, 0.954, 0.628, 0.882, 0.936, 0.661, 0.583, 0.775, 1.0, 0.940, 0.619, 0.972, 0.957]
    tuned = [0.768, 0.591, 0.971, 0.661, 0.888, 0.931, 0.668, 0.583, 0.838, 1.0, 0.962, 0.666, 0.981, 0.978]
    p_value, effect = wilcoxon_of(-np.array(tuned), -np.array(plain))
    assert effect * (14 * 15 / 2 - 3) + 1.5 == pytest.approx(93)
    assert p_value < 0.05


@pytest.mark.parametrize(("n", "least"), [(1, 1), (2, 1 / 2), (3, 1 / 4), (5, 1 / 16), (6, 1 / 32), (20, 2 / 2**20)])
def test_few_values_cannot_be_significant_and_their_least_p_value_is_exact(n, least):
    gains = np.arange(1.0, n + 1)
    assert wilcoxon_of(np.zeros(n), gains) == (pytest.approx(least), 1)
    assert wilcoxon_of(np.zeros(n), np.ones(n)) == (pytest.approx(least), 1)  # ties change nothing
    zeros = np.zeros(100)
    assert wilcoxon_of(np.zeros(n + 100), [*gains, *zeros]) == (
        pytest.approx(least),
        1,
    )  # and values that are alike neither


def test_values_that_are_all_alike_tell_nothing_apart():
    assert wilcoxon_of([0.1, NAN, 0.3], [0.1, NAN, 0.3]) == (1, 0.5)
    assert wilcoxon_of(np.zeros(80), np.zeros(80)) == (1, 0.5)


@given(st.lists(st.integers(-4, 4), min_size=1, max_size=8))
def test_p_values_of_signed_ranks_with_ties_and_zeros_are_those_of_all_signs(gains):
    ranked = rankdata(np.abs(gains)) * (np.array(gains) != 0)
    sums = [
        sum(r for r, positive in zip(ranked, signs, strict=True) if positive)
        for signs in product([0, 1], repeat=len(gains))
    ]
    plus = sum(r for r, gain in zip(ranked, gains, strict=True) if gain > 0)
    tails = np.mean(np.array(sums) <= plus), np.mean(np.array(sums) >= plus)
    assert wilcoxon_of(np.zeros(len(gains)), gains)[0] == pytest.approx(min(1, 2 * min(tails)))


@pytest.mark.parametrize("n", [7, 30, 50])
def test_p_values_of_signed_ranks_without_ties_are_the_exact_ones_of_scipy(n):
    rng = np.random.default_rng(n)
    gains = rng.permutation(np.arange(1, n + 1)) * rng.choice([-1, 1, 1], n)
    assert wilcoxon_of(np.zeros(n), gains)[0] == pytest.approx(wilcoxon(gains.astype(float), method="exact").pvalue)


def test_many_pairs_of_values_are_tested_by_the_normal_approximation():
    # scikit-posthocs 0.17.1, posthoc_wilcoxon(values, p_adjust="holm", zero_method="pratt")
    i = np.arange(80)
    values = {"a": i * i * 7 % 101, "b": i * i * 11 % 101 + 9, "c": i**3 % 97 + 20}
    found = pairwise_wilcoxon({name: column.astype(float) for name, column in values.items()})
    golden = [0.11066752327806194, 0.0012221921972849297, 0.11066752327806194]
    assert found.corrected[np.triu_indices(3, 1)] == pytest.approx(golden)


def test_a_run_without_an_incumbent_loses_by_more_than_any_other():
    p_value, effect = wilcoxon_of([NAN, 0.0, 0.0], [0.0, 5.0, 1.0])
    assert (p_value, effect) == (1, 0.5)  # ranks 3 against 2 + 1
    assert wilcoxon_of([NAN, NAN, 0.0], [0.0, NAN, 1.0])[1] == pytest.approx(2 / 5)  # a tie between them ranks first


def test_differences_that_agree_to_rounding_errors_tie():
    assert 0.8 - 0.7 > 0.3 - 0.2
    assert wilcoxon_of([0.8, 0.2], [0.7, 0.3]) == (1, 0.5)


def test_the_sign_of_a_better_value_is_that_of_smaller_regret():
    found = pairwise_wilcoxon({"good": np.zeros(8), "bad": np.arange(1.0, 9)})
    assert found.better().tolist() == [[False, True], [False, False]]
    assert not found.better(alpha=0.001).any()


# ---- Mann and Whitney ----


@pytest.mark.parametrize(("n", "least"), [(1, 1), (2, 2 / 6), (3, 2 / 20), (4, 2 / 70), (12, 2 / 2704156)])
def test_few_runs_cannot_be_significant_and_their_least_p_value_is_exact(n, least):
    assert mann_whitney_of(np.arange(n), np.arange(n) + 100) == (pytest.approx(least), 1)
    assert mann_whitney_of(np.zeros(n), np.ones(n)) == (pytest.approx(least), 1)  # ties change nothing


def test_runs_that_are_all_alike_tell_nothing_apart():
    assert mann_whitney_of([0.1] * 3, [0.1] * 4) == (1, 0.5)
    assert mann_whitney_of([NAN] * 300, [NAN] * 300) == (1, 0.5)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=5), st.lists(st.integers(0, 3), min_size=1, max_size=5))
def test_p_values_of_rank_sums_with_ties_are_those_of_all_ways_to_draw_the_runs(one, other):
    ranked = rankdata([*one, *other])
    sums = np.array([sum(each) for each in combinations(ranked, len(one))])
    seen = ranked[: len(one)].sum()
    assert mann_whitney_of(one, other)[0] == pytest.approx(
        min(1, 2 * min(np.mean(sums <= seen), np.mean(sums >= seen)))
    )


def test_p_values_of_rank_sums_without_ties_are_the_exact_ones_of_scipy():
    values = np.random.default_rng(1).permutation(24).astype(float)
    for n in (1, 5, 12):
        expected = mannwhitneyu(values[:n], values[n:], method="exact").pvalue
        assert mann_whitney_of(values[:n], values[n:])[0] == pytest.approx(expected)


@pytest.mark.parametrize("side", [1, -1])
def test_a_few_of_many_runs_that_miss_what_all_others_find_are_not_significant(side):
    """Scipy's normal approximation says 0.046 of the four: they are in one half by chance one time in eight."""
    found = np.zeros(500)
    missed = found.copy()
    missed[:4] = side * np.arange(1, 5)
    chance = 2 * np.prod([(500 - k) / (1000 - k) for k in range(4)])
    assert mannwhitneyu(found, missed).pvalue < 0.05
    assert mann_whitney_of(found, missed)[0] == pytest.approx(chance)


def test_many_runs_of_unequal_numbers_are_tested_by_the_normal_approximation():
    # scikit-posthocs 0.17.1, posthoc_mannwhitney([...], p_adjust="holm")
    i = np.arange(60)
    values = {
        "a": i * i * 7 % 101,
        "b": (i * i * 11 % 101 + 9)[:50],
        "c": (i**3 % 97 + 20)[:50],
        "d": (i * 5 % 97)[:20],
    }
    found = pairwise_mann_whitney({name: column.astype(float) for name, column in values.items()})
    golden = [
        [0.1641036858164156, 0.026314443838896247, 0.9940452577005627],
        [0.9940452577005627, 0.4866491331734605],
        [0.20128066308424097],
    ]
    assert found.corrected[np.triu_indices(4, 1)] == pytest.approx(np.concatenate(golden))


def test_the_effect_is_the_share_of_pairs_of_runs_that_are_better():
    found = pairwise_mann_whitney({"one": np.array([0.1, 0.2, NAN]), "other": np.array([0.2, 0.3])})
    assert found.effect.tolist() == [[0.5, pytest.approx(3.5 / 6)], [pytest.approx(2.5 / 6), 0.5]]


# ---- both ----


@pytest.mark.parametrize("test", [pairwise_wilcoxon, pairwise_mann_whitney])
def test_matrices_are_of_all_pairs_by_name_and_fit_together(test):
    rng = np.random.default_rng(0)
    regrets = {name: rng.integers(0, 9, 15) + 2.0 * i for i, name in enumerate("abcd")}
    found = test(regrets)
    assert found.names == ("a", "b", "c", "d")
    assert (found.p_values == found.p_values.T).all()
    assert (found.corrected == found.corrected.T).all()
    assert found.effect + found.effect.T == pytest.approx(np.ones((4, 4)))
    assert np.diag(found.p_values).tolist() == np.diag(found.corrected).tolist() == [1] * 4
    above = np.triu_indices(4, 1)
    assert (found.corrected[above] == holm(found.p_values[above])).all()
    alone = test({"d": regrets["d"], "b": regrets["b"]})
    assert alone.p_values[0, 1] == pytest.approx(found.p_values[3, 1])
    assert alone.effect[0, 1] == pytest.approx(found.effect[3, 1])
    assert found.better()[0, 3]
    assert not (found.better() & found.better().T).any()


@pytest.mark.parametrize("test", [pairwise_wilcoxon, pairwise_mann_whitney])
@pytest.mark.parametrize(
    "regrets",
    [{}, {"a": np.zeros(3)}, {"a": np.zeros(3), "b": np.zeros(0)}, {"a": np.zeros((3, 1)), "b": np.zeros((3, 1))}],
)
def test_too_little_to_compare_is_refused(test, regrets):
    with pytest.raises(SettingError, match="one or more values of each of two or more optimizers expected"):
        test(regrets)


def test_unequal_numbers_of_values_cannot_be_paired():
    with pytest.raises(SettingError, match="a: 3, b: 4 values to be paired; as many of each expected"):
        pairwise_wilcoxon({"a": np.zeros(3), "b": np.zeros(4)})

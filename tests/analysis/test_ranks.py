"""Ranks of optimizers, the tests on them, and the bars of a critical-difference diagram."""

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import rankdata

from nasbench_kit.analysis import (
    Cliques,
    average_ranks,
    better_by_nemenyi,
    cliques,
    critical_difference,
    friedman_test,
    ranks,
)
from nasbench_kit.errors import SettingError

NAN = np.nan

# Demsar 2006, https://jmlr.org/papers/v7/demsar06a.html, table 6: AUC of C4.5, C4.5+m, C4.5+cf and C4.5+m+cf on 14 data
# sets. On "voting" the last two are both printed as 0.975, and ranked 2 and 3.
DEMSAR_AUC = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975],
        [0.957, 0.978, 0.946, 0.970],
    ]
)
C45, C45_M, C45_CF, C45_M_CF = range(4)


# ---- ranks ----


def test_the_least_regret_ranks_first_and_ties_share_their_mean_rank():
    assert ranks(np.array([0.2, 0.1, 0.2, 0.5])).tolist() == [2.5, 1, 2.5, 4]


def test_who_has_no_incumbent_ranks_after_all_others_and_ties_with_its_like():
    assert ranks(np.array([NAN, 1e9, NAN, 0.0])).tolist() == [3.5, 2, 3.5, 1]


@given(
    arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(1, 5), st.integers(1, 3)), elements=st.integers(0, 3))
)
def test_ranks_are_those_of_scipy_along_the_first_axis(regrets):
    assert (ranks(regrets) == rankdata(regrets, axis=0)).all()


def test_average_ranks_by_seed_are_of_runs_side_by_side():
    one, other = np.array([[0.1, 0.1], [0.3, 0.1]]), np.array([[0.2, 0.2], [0.2, 0.1]])
    assert average_ranks([one, other], by="seed").tolist() == [[1.5, 1.25], [1.5, 1.75]]


def test_average_ranks_of_every_pair_are_the_mean_over_all_ways_to_draw_a_run_of_each():
    rng = np.random.default_rng(3)
    curves = [rng.integers(0, 5, (n_runs, 4)).astype(float) for n_runs in (2, 3, 4)]
    curves[1][0, :2] = NAN
    drawn = [ranks(np.stack(picked)) for picked in product(*curves)]
    assert average_ranks(curves, by="every pair") == pytest.approx(np.mean(drawn, axis=0), abs=1e-12)


def test_average_ranks_of_every_pair_do_not_depend_on_the_order_of_runs_as_those_by_seed_do():
    one, other = np.array([[1.0], [3.0], [5.0]]), np.array([[2.0], [4.0], [6.0]])
    assert average_ranks([one, other], by="seed").tolist() == [[1], [2]]
    turned = other[[2, 0, 1]]
    assert average_ranks([one, turned], by="seed")[0, 0] == pytest.approx(5 / 3)
    for runs in (other, turned):
        assert average_ranks([one, runs], by="every pair")[:, 0] == pytest.approx([4 / 3, 5 / 3])


def test_average_ranks_by_median_count_runs_without_an_incumbent_as_worst():
    mostly = np.array([[0.1], [NAN], [NAN]])
    assert average_ranks([mostly, np.array([[9.0], [9.0]])], by="median").tolist() == [[2], [1]]


@pytest.mark.parametrize("by", ["seed", "every pair", "median"])
def test_optimizers_without_any_incumbent_yet_share_the_middle_rank(by):
    assert average_ranks([np.full((2, 3), NAN)] * 3, by=by).tolist() == [[2.0] * 3] * 3


@pytest.mark.parametrize(
    ("curves", "by", "message"),
    [
        ([np.zeros((2, 3))], "seed", r"shapes \[\(2, 3\)\]; \(n_runs, n_times\) of two or more optimizers"),
        ([np.zeros((2, 3)), np.zeros((0, 3))], "median", "at the same times expected"),
        ([np.zeros((2, 3)), np.zeros((2, 4))], "every pair", "at the same times expected"),
        ([np.zeros(3), np.zeros(3)], "seed", "at the same times expected"),
        ([np.zeros((2, 3)), np.zeros((4, 3))], "seed", r"\[2, 4\] runs ranked by seed; .* or by='every pair'"),
        ([np.zeros((2, 3))] * 2, "mean", "by='mean'; seed, every pair or median expected"),
    ],
)
def test_curves_that_cannot_be_ranked_are_refused(curves, by, message):
    with pytest.raises(SettingError, match=message):
        average_ranks(curves, by=by)


def test_nobody_cannot_be_ranked():
    with pytest.raises(SettingError, match="nothing to rank; one or more optimizers expected"):
        ranks(np.zeros((0, 3)))
    assert ranks(np.zeros((3, 0))).shape == (3, 0)


# ---- Friedman and Nemenyi ----


def test_average_ranks_and_friedmans_test_are_those_published_of_four_classifiers():
    found = ranks(-DEMSAR_AUC.T)
    assert found.mean(axis=1).round(3).tolist() == [3.143, 2.000, 2.893, 1.964]
    tested = friedman_test(-DEMSAR_AUC.T)
    tied = 1 - (3 * (2**3 - 2) + 4**3 - 4) / (14 * (4**3 - 4))  # the paper does not correct for ties
    assert tested.statistic * tied == pytest.approx(9.28, abs=0.005)
    uncorrected = tested.statistic * tied
    assert 13 * uncorrected / (14 * 3 - uncorrected) == pytest.approx(3.69, abs=0.005)


def test_friedmans_test_is_that_of_scipy_and_of_iman_and_davenport():
    # scipy 1.17.1, friedmanchisquare(*DEMSAR_AUC.T); R 4, 1 - pf(13 * q / (42 - q), 3, 39)
    tested = friedman_test(-DEMSAR_AUC.T)
    assert tested[:2] == pytest.approx((10.228346456692925, 0.016721580328441323))
    assert tested.f_statistic == pytest.approx(13 * 10.228346456692925 / (42 - 10.228346456692925))
    assert 0 < tested.f_p_value < tested.p_value


def test_optimizers_that_tie_everywhere_do_not_differ_and_those_always_in_one_order_do():
    assert friedman_test(np.full((3, 5), NAN)) == (0, 1, 0, 1)
    same = friedman_test(np.tile([[1.0], [2.0], [NAN]], 5))
    assert (same.statistic, same.f_statistic, same.f_p_value) == (pytest.approx(10), np.inf, 0)


@pytest.mark.parametrize("shape", [(2, 5), (3, 1), (3,), (0, 0)])
def test_friedmans_test_needs_three_optimizers_on_two_benchmarks(shape):
    with pytest.raises(SettingError, match="3 or more optimizers on 2 or more benchmarks expected"):
        friedman_test(np.zeros(shape))


@pytest.mark.parametrize(
    ("alpha", "published"),  # Demsar 2006, table 5 (a), 2 to 10 classifiers
    [
        (0.05, [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164]),
        (0.10, [1.645, 2.052, 2.291, 2.459, 2.589, 2.693, 2.780, 2.855, 2.920]),
    ],
)
def test_critical_differences_are_of_the_published_quantiles_which_are_divided_by_the_root_of_two(alpha, published):
    n = 14
    found = [critical_difference(k, n, alpha) / np.sqrt(k * (k + 1) / (6 * n)) for k in range(2, 11)]
    assert found == pytest.approx(published, abs=0.001)


def test_the_critical_difference_and_the_groups_are_those_published_of_four_classifiers():
    average = ranks(-DEMSAR_AUC.T).mean(axis=1)
    strict, loose = critical_difference(4, 14), critical_difference(4, 14, alpha=0.10)
    assert (strict, loose) == (pytest.approx(1.25, abs=0.005), pytest.approx(1.12, abs=0.005))
    assert cliques(average, better_by_nemenyi(average, strict)).members == ((C45_M_CF, C45_M, C45_CF, C45),)
    # "The performance of pure C4.5 is significantly worse than that of C4.5+m and C4.5+m+cf. We cannot tell which group
    # C4.5+cf belongs to."
    found = cliques(average, better_by_nemenyi(average, loose))
    assert found == Cliques(((C45_M_CF, C45_M, C45_CF), (C45_CF, C45)), (), ())


@pytest.mark.parametrize("given_", [(1, 5, 0.05), (3, 0, 0.05), (3, 5, 0.0), (3, 5, 1.0), (3, 5, NAN)])
def test_a_critical_difference_of_nothing_is_refused(given_):
    with pytest.raises(SettingError, match="2 or more, 1 or more, and between 0 and 1 expected"):
        critical_difference(*given_)


# ---- cliques ----


def found_better(n, *pairs):
    better = np.zeros((n, n), dtype=bool)
    for a, b in pairs:
        better[a, b] = True
    return better


def test_a_bar_never_passes_over_one_that_is_told_apart_from_its_ends():
    average = np.array([1.5, 2.0, 2.5])
    assert cliques(average, found_better(3, (0, 1))) == Cliques(((1, 2),), ((0, 2),), ())
    assert cliques(average, found_better(3, (0, 1), (1, 2))) == Cliques((), ((0, 2),), ())


def test_ties_in_rank_are_under_the_same_bars_whatever_their_order():
    assert cliques(np.array([1.5, 3.0, 1.5]), found_better(3, (0, 1))) == Cliques(((0, 2),), ((1, 2),), ())
    assert cliques(np.array([1.0, 2.5, 2.5]), found_better(3, (1, 2))) == Cliques((), ((0, 1), (0, 2)), ((1, 2),))


def test_ranks_that_differ_by_rounding_errors_are_ties():
    average = np.array([0.1 + 0.2, 0.3, 0.5])
    assert cliques(average, found_better(3, (0, 2))).members == ((0, 1),)


def test_a_test_that_says_otherwise_than_the_ranks_is_named():
    found = cliques(np.array([1.4, 1.6]), found_better(2, (1, 0)))
    assert found == Cliques((), (), ((1, 0),))


@given(st.data())
def test_cliques_are_all_the_largest_ranges_of_ranks_without_two_that_are_told_apart(data):
    n = data.draw(st.integers(1, 7))
    average = np.array(data.draw(st.lists(st.integers(1, 7), min_size=n, max_size=n))) / 2
    better = found_better(n, *[p for p in combinations(range(n), 2) if data.draw(st.integers(0, 2)) == 0])
    turned = data.draw(st.permutations(range(n)))
    better = better[np.ix_(turned, turned)]
    found = cliques(average, better)
    ranges = [{i for i in range(n) if low <= average[i] <= high} for low in average for high in average]
    free = [each for each in ranges if not any(better[a, b] for a in each for b in each)]
    largest = {frozenset(each) for each in free if len(each) > 1 and not any(each < other for other in free)}
    assert {frozenset(each) for each in found.members} == largest
    assert len(found.members) == len(largest)
    assert [average[each[0]] for each in found.members] == sorted(average[each[0]] for each in found.members)
    for a, b in combinations(range(n), 2):  # told apart, under one bar, or named: exactly one of the three
        together = any({a, b} <= set(each) for each in found.members)
        assert [bool(better[a, b] or better[b, a]), together, (a, b) in found.unjoined].count(True) == 1
    assert all(better[a, b] and average[a] >= average[b] for a, b in found.against_ranks)


@given(st.lists(st.integers(2, 20), min_size=2, max_size=8), st.floats(0.1, 5))
def test_nemenyis_test_never_needs_an_exception(halves, difference):
    average = np.array(halves) / 2
    found = cliques(average, better_by_nemenyi(average, difference))
    assert found.unjoined == found.against_ranks == ()
    assert all(np.ptp(average[list(each)]) < difference for each in found.members)


@pytest.mark.parametrize(
    ("average", "better", "message"),
    [
        ([1.0, NAN], np.zeros((2, 2), bool), r"average ranks \[1.0, nan\] and tests of shape \(2, 2\); numbers"),
        ([1.0, 2.0], np.zeros((3, 3), bool), r"tests of shape \(3, 3\); numbers and tests of shape \(2, 2\) expected"),
        ([1.0, 2.0], np.ones((2, 2), bool), "optimizers 0 and 0 are each better than the other"),
    ],
)
def test_cliques_of_what_does_not_fit_are_refused(average, better, message):
    with pytest.raises(SettingError, match=message):
        cliques(np.array(average), better)

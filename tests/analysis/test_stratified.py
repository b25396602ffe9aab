"""One number for an optimizer over several benchmarks, with stratified bootstrap intervals."""

from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, trim_mean

from nasbench_kit.analysis import aggregate_scores, probabilities_of_improvement, stratified
from nasbench_kit.errors import SettingError, UnknownNameError

SCORE = st.integers(-8, 8).map(lambda score: score / 4)
SAME_RUNS = st.tuples(st.integers(1, 9), st.integers(1, 4)).flatmap(
    lambda shape: st.lists(st.lists(SCORE, min_size=shape[0], max_size=shape[0]), min_size=shape[1], max_size=shape[1])
)
ANY_RUNS = st.lists(st.lists(SCORE, min_size=1, max_size=9), min_size=1, max_size=4)

# ten and fourteen runs on three benchmarks
X = np.array(
    [
        [0.54, 0.53, 0.89, 0.12, -0.2, 0.28, 0.62, 0.91, 0.77, 0.22],
        [0.46, 0.34, 0.78, 0.31, 0.43, 0.34, 0.81, 0.3, 0.53, 0.36],
        [0.69, 0.61, 0.29, 0.51, 0.13, 0.41, 0.46, 0.61, 0.28, 0.57],
    ]
)
Y = np.array(
    [
        [0.3, 0.76, 0.4, 1.05, 1.0, 0.51, 1.14, 0.24, 0.21, 0.81, 0.47, 0.45, 1.08, -0.06],
        [0.54, 0.66, 0.56, 0.22, 0.83, 1.04, 0.99, 0.6, 0.72, 0.24, 0.25, 0.7, 1.0, 0.62],
        [0.55, 0.71, 0.84, 1.05, 0.68, 1.19, 0.71, 0.8, 0.73, 0.4, 1.12, 0.52, 0.79, 0.81],
    ]
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def values(scores, **settings):
    """Mean, median, interquartile mean and optimality gap, without their intervals."""
    arrays = [np.array(each, float) for each in scores]
    rng = np.random.default_rng(0)
    return [found.value for found in aggregate_scores({"a": arrays}, rng, n_replications=1, **settings)["a"]]


def improvement(x, y):
    scores = {"x": [np.array(each, float) for each in x], "y": [np.array(each, float) for each in y]}
    return probabilities_of_improvement(scores, "y", np.random.default_rng(0), n_replications=1)["x"].value


def test_aggregates_by_hand():
    mean, median, iqm, gap = values([[0, 1], [0.5, 0.5], [2, 4]])
    assert mean == pytest.approx((0.5 + 0.5 + 3) / 3)
    assert median == pytest.approx(0.5)
    assert iqm == pytest.approx((0.5 + 0.5 + 1 + 2) / 4)  # one of six is cut off at both ends
    assert gap == pytest.approx((0.5 + 0.5 + 0) / 3)
    assert values([[0, 1], [0.5, 0.5], [2, 4]], gamma=3)[3] == pytest.approx((2.5 + 2.5 + 0.5) / 3)


def test_aggregates_are_those_of_rliable():
    # rliable 1.2.0, rliable.metrics.aggregate_mean, _median, _iqm, _optimality_gap of X.T and Y.T
    assert values(X) == pytest.approx([0.4633333333333334, 0.466, 0.45687500000000003, 0.5366666666666666])
    assert values(Y) == pytest.approx([0.6721428571428572, 0.6407142857142857, 0.6781818181818183, 0.3438095238095238])


@given(scores=SAME_RUNS)
@settings(deadline=None)
def test_where_all_benchmarks_have_as_many_runs_the_iqm_is_that_of_all_scores(scores):
    assert values(scores)[2] == pytest.approx(trim_mean(np.ravel(scores), 0.25))


@given(scores=ANY_RUNS)
@settings(deadline=None)
def test_a_benchmark_counts_the_same_however_often_its_runs_are_repeated(scores):
    scores = [each * 4 for each in scores]  # nothing is rounded when a quarter of all is cut off
    often = [each * (1 + 3 * i) for i, each in enumerate(scores)]
    assert values(scores) == pytest.approx(values(often))


@given(scores=ANY_RUNS, order=st.permutations(range(4)))
@settings(deadline=None)
def test_neither_the_order_of_benchmarks_nor_of_runs_matters_even_with_ties(scores, order):
    shuffled = [scores[i][::-1] for i in order if i < len(scores)]
    assert values(scores) == pytest.approx(values(shuffled))


def test_the_iqm_of_unequal_numbers_of_runs_by_hand():
    # one run weighs 1/2, four weigh 1/8 each: 0 and 1 are the lowest quarter, half of the 9 the highest
    assert values([[9], [0, 1, 2, 3]])[2] == pytest.approx((2 / 8 + 3 / 8 + 9 / 4) / (1 / 2))
    assert values([[-9], [0, 1, 2, 3]])[2] == pytest.approx((-9 / 4 + 0 / 8 + 1 / 8) / (1 / 2))


@given(scores=ANY_RUNS, shift=st.floats(-3, 3), factor=st.floats(0.1, 5))
@settings(deadline=None)
def test_mean_median_and_iqm_move_with_the_scores(scores, shift, factor):
    moved = [[shift + factor * score for score in each] for each in scores]
    assert values(moved)[:3] == pytest.approx([shift + factor * value for value in values(scores)[:3]], abs=1e-6)


def test_intervals_are_those_of_rliable(rng):
    # rliable 1.2.0 with arch 8.0.0 (which no longer takes rliable's random_state: not passed on),
    # rliable.library.get_interval_estimates({"x": X.T}, all four, reps=50_000)
    low = [0.37633333333333335, 0.377, 0.371875, 0.45066666666666666]
    high = [0.5493333333333333, 0.552, 0.555, 0.6236666666666667]
    found = aggregate_scores({"x": list(X)}, rng, n_replications=40_000)["x"]
    assert [each.low for each in found] == pytest.approx(low, abs=0.003)
    assert [each.high for each in found] == pytest.approx(high, abs=0.003)


@given(scores=ANY_RUNS, lost=st.integers(0, 3))
@settings(deadline=None, max_examples=40)
def test_each_resample_is_aggregated_as_if_its_runs_were_listed(scores, lost):
    """The counting, weighing and cutting off, against plain lists."""
    scores = [np.array(each) for each in scores]
    scores[0][:lost] = -inf
    pooled = stratified._Pooled(scores, 1.0)
    (counts,) = stratified.resample_strata([len(each) for each in scores], 5, np.random.default_rng(1))
    splits = np.cumsum([len(each) for each in scores])[:-1]
    for row, found in zip(counts.astype(int), pooled.aggregates(counts), strict=True):
        listed = [np.repeat(each, often) for each, often in zip(scores, np.split(row, splits), strict=True)]
        means = [each.mean() for each in listed]
        if len({len(each) for each in scores}) == 1:
            iqm = trim_mean(np.concatenate(listed), 0.25)
        else:  # as many copies of each score as make all benchmarks equally long, and lengths divisible by four
            iqm = trim_mean(np.concatenate([np.repeat(each, 4 * 2520 // len(each)) for each in listed]), 0.25)
        gap = np.mean([1 - np.minimum(each, 1).mean() for each in listed])
        assert found == pytest.approx([np.mean(means), np.median(means), iqm, gap], abs=1e-9)


def test_runs_are_drawn_from_their_own_benchmark_as_many_as_it_has(rng):
    counts = np.concatenate(list(stratified.resample_strata([2, 5], 30_000, rng)))
    assert (counts[:, :2].sum(axis=1) == 2).all()
    assert (counts[:, 2:].sum(axis=1) == 5).all()
    assert counts.mean(axis=0) == pytest.approx(1, abs=0.05)
    assert np.mean(counts[:, 0] == 2) == pytest.approx(1 / 4, abs=0.02)
    assert np.mean(counts[:, 6] == 0) == pytest.approx((4 / 5) ** 5, abs=0.02)


def test_the_same_seed_gives_the_same_intervals_and_another_seed_others():
    """In rliable 1.2.0 random_state has no effect, because it draws from numpy's global generator."""

    def found(seed):
        rng = np.random.default_rng(seed)
        both = {"x": list(X), "y": list(Y)}
        improvements = probabilities_of_improvement(both, "y", rng, n_replications=199)
        return aggregate_scores(both, rng)["x"], improvements["x"]

    np.random.seed(0)  # noqa: NPY002
    one = found(1)
    np.random.seed(5)  # noqa: NPY002
    assert one == found(1)
    other = found(2)
    assert all(a[1:] != b[1:] for a, b in zip(one[0], other[0], strict=True))
    assert one[1][1:] != other[1][1:]


def test_the_estimates_of_an_optimizer_are_in_its_interval_and_under_its_name(rng):
    found = aggregate_scores({"x": list(X), "few": list(Y[:, :3]), "x again": list(X)}, rng)
    assert list(found) == ["x", "few", "x again"]
    assert found["x"] == found["x again"]
    assert found["few"].mean.value == pytest.approx(Y[:, :3].mean())
    for aggregates in found.values():
        assert all(each.low < each.value < each.high for each in aggregates)


def test_a_run_without_an_incumbent_is_worse_than_any_score(rng):
    found = aggregate_scores({"a": [np.array([nan, 0.5, 0.5, 0.5]), np.full(4, 0.5)]}, rng)["a"]
    assert found.mean == (-inf, -inf, 0.5)
    assert found.median == (-inf, -inf, 0.5)
    assert found.iqm.value == found.iqm.high == 0.5
    assert found.optimality_gap == (inf, 0.5, inf)
    none = aggregate_scores({"a": [np.array([nan, nan])]}, rng)["a"]
    assert none == ((-inf,) * 3, (-inf,) * 3, (-inf,) * 3, (inf,) * 3)


@pytest.mark.parametrize("n_runs", [(12, 2), (20, 8), (28, 30), (36, 38), (8, 8)])
def test_exactly_a_quarter_without_incumbents_is_cut_off_whatever_rounding_does(n_runs):
    lost = np.r_[np.full(n_runs[0] // 2, nan), np.ones(n_runs[0] // 2)]
    assert values([lost, np.ones(n_runs[1])])[2] == pytest.approx(1)
    one_more = np.r_[lost[1:], nan]
    assert values([one_more, np.r_[nan, np.ones(n_runs[1] - 1)]])[2] == -inf


def test_probability_of_improvement_by_hand():
    assert improvement([[1, 3]], [[2, 0, 3, 3]]) == pytest.approx((1 + 2 + 2 / 2) / 8)
    assert improvement([[1, 3], [5]], [[2, 0, 3, 3], [1]]) == pytest.approx((0.5 + 1) / 2)
    assert improvement([[1, 1]], [[1, 1]]) == 0.5
    assert improvement([[nan, 1]], [[nan, nan]]) == pytest.approx((2 / 2 + 2) / 4)


def test_probability_of_improvement_and_its_interval_are_those_of_rliable(rng):
    # rliable 1.2.0, rliable.metrics.probability_of_improvement(X.T, Y.T); rliable.library.get_interval_estimates(
    # {"xy": [X.T, Y.T]}, probability_of_improvement, reps=4_000)
    found = probabilities_of_improvement({"y": list(Y), "x": list(X)}, "y", rng, n_replications=20_000)
    assert list(found) == ["x"]
    assert found["x"].value == pytest.approx(0.2833333333333334)
    assert found["x"][1:] == pytest.approx((0.16666667, 0.40482143), abs=0.006)


def test_each_improvement_is_that_of_the_pair_alone(rng):
    names = {"y": Y, "x": X, "few": X[:, :4], "better": X + 2, "x again": X}
    found = probabilities_of_improvement({name: list(each) for name, each in names.items()}, "y", rng)
    assert list(found) == ["x", "few", "better", "x again"]
    assert found["x"] == found["x again"]
    assert found["better"] == (1, 1, 1)
    assert found["few"].value == pytest.approx(improvement(X[:, :4], Y))
    assert found["few"].high - found["few"].low > found["x"].high - found["x"].low > 0


@given(x=SAME_RUNS, seed=st.integers(0, 99))
@settings(deadline=None, max_examples=40)
def test_probability_of_improvement_is_the_statistic_of_mann_and_whitney(x, seed):
    y = np.random.default_rng(seed).integers(-8, 8, (len(x), 5)) / 4
    by_scipy = [mannwhitneyu(a, b, method="asymptotic").statistic / len(a) / 5 for a, b in zip(x, y, strict=True)]
    assert improvement(x, y) == pytest.approx(np.mean(by_scipy))
    assert improvement(y, x) == pytest.approx(1 - np.mean(by_scipy))


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([], "scores of a have no benchmark"),
        ([np.ones(2), np.ones(0)], r"scores of a have shapes \(2,\), \(0,\); shape \(n_runs,\) with runs"),
        ([np.ones((2, 2))], r"scores of a have shapes \(2, 2\)"),
        ([np.array([1, inf])], "a score of a is inf; finite ones, or NaN of a run without an incumbent, expected"),
    ],
)
def test_scores_that_are_none_are_refused(scores, expected, rng):
    with pytest.raises(SettingError, match=expected):
        aggregate_scores({"a": scores}, rng)


def test_optimizers_on_different_benchmarks_are_refused(rng):
    with pytest.raises(SettingError, match=r"numbers of benchmarks differ \(a: 3, b: 2\); scores on the same"):
        aggregate_scores({"a": list(X), "b": list(X[:2])}, rng)
    with pytest.raises(SettingError, match=r"numbers of benchmarks differ \(a: 3, b: 2\); scores on the same"):
        probabilities_of_improvement({"a": list(X), "b": list(X[:2])}, "a", rng)
    with pytest.raises(UnknownNameError, match="unknown optimizer 'c'; choose from a, b"):
        probabilities_of_improvement({"a": list(X), "b": list(X)}, "c", rng)


def test_what_no_interval_can_be_made_from_is_refused(rng):
    with pytest.raises(SettingError, match="rng=1; a generator expected"):
        aggregate_scores({"a": list(X)}, 1)
    with pytest.raises(SettingError, match="coverage=1; a number between 0 and 1 expected"):
        probabilities_of_improvement({"a": list(X)}, "a", rng, coverage=1)

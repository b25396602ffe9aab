"""How often a ranking comes out again: by hand, of ties, of runs without an incumbent."""

from math import nan

import numpy as np
import pytest

from nasbench_kit.analysis import probability_of_ranking, ranking_with_fewer_runs
from nasbench_kit.errors import SettingError

MANY = 20_000  # resamples, of which a share has a standard deviation of at most 0.0036
CLOSE = 0.015


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def of(regrets, rng, statistic="mean", **how):
    return probability_of_ranking(regrets, statistic, rng, **how)


# ---- by hand ----


def test_what_always_comes_out_again_is_certain(rng):
    found = of({"worst": [3.0, 4.0], "best": [0.0, 1.0], "middle": [2.0]}, rng)
    assert found.order == ("best", "middle", "worst")
    assert found.whole == 1
    np.testing.assert_array_equal(found.pairs, np.ones((3, 3)))


def test_the_share_of_resampled_studies_by_hand(rng):
    # two runs of x drawn anew have a mean of 0 or 0.5, below 0.6, three times of four
    found = of({"y": [0.6, 0.6], "x": [0.0, 1.0]}, rng, n_replications=MANY)
    assert found.order == ("x", "y")
    assert found.whole == pytest.approx(3 / 4, abs=CLOSE)
    np.testing.assert_array_equal(found.pairs, [[1, found.whole], [found.whole, 1]])


def test_the_whole_ranking_needs_every_pair(rng):
    # x before y: 3/4; x and y before z: as x always is, and y always is
    found = of({"z": [5.0], "y": [0.6], "x": [0.0, 1.0]}, rng, n_replications=MANY)
    assert found.order == ("x", "y", "z")
    assert found.pairs[0, 1] == found.whole == pytest.approx(3 / 4, abs=CLOSE)
    assert found.pairs[0, 2] == found.pairs[1, 2] == 1
    independent = of({"a": [0.0, 1.0], "b": [0.6], "c": [10.0, 11.0], "d": [10.6]}, rng, n_replications=MANY)
    assert independent.whole == pytest.approx(9 / 16, abs=CLOSE)


def test_a_tie_is_right_where_it_is_one_again(rng):
    found = of({"x": [0.0, 2.0], "y": [1.0]}, rng, n_replications=MANY)  # the mean of two is 0, 1, 1, 2
    assert (found.order, found.whole) == (("x", "y"), pytest.approx(1 / 2, abs=CLOSE))


def test_averages_that_differ_by_rounding_alone_tie(rng):
    assert np.mean([0.1] * 3) != np.mean([0.1] * 2)
    assert of({"x": [0.1] * 3, "y": [0.1] * 2, "z": [0.2]}, rng).whole == 1


@pytest.mark.parametrize(
    ("statistic", "best"), [("mean", "steady"), ("median", "lucky"), ("iqm", "usual"), (0.2, "lucky"), (1.0, "steady")]
)
def test_it_is_said_what_ranks(rng, statistic, best):
    regrets = {
        "steady": [2.0] * 8,  # 2, 2, 2
        "lucky": [0.0] * 5 + [9.0] * 3,  # 3.375, 0, 9 / 4
        "usual": [0.0] * 2 + [1.0] * 4 + [40.0] * 2,  # 10.5, 1, 1
    }
    assert of(regrets, rng, statistic).order[0] == best


# ---- fewer runs ----


def test_fewer_runs_are_drawn_without_replacement(rng):
    regrets = {"x": [0.0, 1.0, 0.0, 1.0], "y": [0.6] * 5}
    found = ranking_with_fewer_runs(regrets, [1, 2, 4], statistic="mean", rng=rng, n_replications=MANY)
    assert [one.order for one in found.values()] == [("x", "y")] * 3
    # one of x is 0: 1/2; two of four are not both 1: 5/6; all four: 1
    assert [one.whole for one in found.values()] == pytest.approx([1 / 2, 5 / 6, 1], abs=CLOSE)
    assert found[4].whole == 1


def test_more_runs_give_the_ranking_more_often(rng):
    regrets = {name: rng.normal(mean, 1, 400) for name, mean in (("x", 0), ("y", 0.3), ("z", 1))}
    found = ranking_with_fewer_runs(regrets, [5, 20, 80, 320], statistic="iqm", rng=rng)
    shares = [one.whole for one in found.values()]
    assert shares == sorted(shares)
    assert shares[0] < 0.8 < shares[-1]


# ---- runs without an incumbent, seeds ----


@pytest.mark.parametrize("statistic", ["mean", "median", "iqm", 0.9])
def test_runs_without_an_incumbent_are_the_worst(rng, statistic):
    found = of({"none": [nan] * 3, "poor": [1e9] * 3, "none too": [nan] * 3}, rng, statistic)
    assert (found.order, found.whole) == (("poor", "none", "none too"), 1)


def test_one_run_without_an_incumbent_makes_a_mean_as_bad_as_can_be_and_a_median_not(rng):
    regrets = {"one": [0.0, 0.0, nan], "poor": [1e9] * 3}
    assert of(regrets, rng, "mean").order == ("poor", "one")
    assert of(regrets, rng, "median").order == ("one", "poor")


def test_the_same_generator_gives_the_same():
    regrets = {"x": [0.0, 1.0, 3.0], "y": [0.6, 0.7]}
    one, same, other = (of(regrets, np.random.default_rng(seed)).whole for seed in (1, 1, 2))
    assert one == same != other


# ---- what is refused ----


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"regrets": {}}, "regrets={}; those of two optimizers or more expected, by their names"),
        ({"regrets": {"x": [1.0]}}, "those of two optimizers or more expected"),
        ({"regrets": [[1.0], [2.0]]}, "those of two optimizers or more expected, by their names"),
        ({"regrets": {"x": [1.0], "y": []}}, "'y' has no runs; one or more expected"),
        ({"regrets": {"x": [1.0], "y": [[1.0]]}}, "regrets of 'y' are .*; an array of numbers"),
        ({"statistic": "mode"}, """statistic='mode'; "mean", "median", "iqm" or a quantile from 0 to 1"""),
        ({"rng": 3}, "rng=3; a generator expected"),
        ({"n_replications": 0}, "n_replications=0; an integer of at least 1 expected"),
        ({"n_runs": [0]}, "n_runs=0; an integer of at least 1 expected"),
        ({"n_runs": [3]}, "n_runs=3; 'y' has 2 runs, at most so many expected"),
    ],
    ids=str,
)
def test_what_cannot_be_ranked_is_refused_in_one_line(rng, given, message):
    how = {"regrets": {"x": [0.0] * 3, "y": [1.0] * 2}, "statistic": "mean", "rng": rng} | given
    asked = ranking_with_fewer_runs if "n_runs" in how else probability_of_ranking
    with pytest.raises(SettingError, match=message):
        asked(**how)

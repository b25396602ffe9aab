"""When two optimizers are settled, tied or open: by hand, against plain loops, and by how often it is wrong."""

from itertools import pairwise
from math import isnan, log, nan

import numpy as np
import pytest

from nasbench_kit.analysis import until_settled, verdicts
from nasbench_kit.analysis.settled import ROUND, _log_capital, _lower_bounds, _met, _settled, _whole_rounds
from nasbench_kit.errors import SettingError

BETS = (0.15, 0.3, 0.6)


def verdict(first, second, tolerance=0.1, **how):
    (one,) = verdicts({"b": {"first": first, "second": second}}, tolerance, **how)
    return one


def pairs_of(rng, n_pairs, n_runs, draw):
    return _met([_whole_rounds(*draw(rng, (2, n_runs))) for _ in range(n_pairs)])


def uniform(rng, shape):
    return rng.random(shape)


def with_many_ties(rng, shape):
    return rng.integers(3, size=shape).astype(float)


def unlike(rng, shape):
    """One that ends on 0 or 2, the other on 1: either is better half the time."""
    return np.stack([rng.choice([0.0, 2.0], size=shape[1]), np.ones(shape[1])])


# ---- by hand ----


def test_ten_wins_of_ten_multiply_the_capital_by_what_can_be_computed_by_hand():
    capital = sum((1 + bet) ** 10 for bet in BETS) / 3  # at 1/2 a win pays as much as was bet: 42.6
    assert 40 < capital < 50
    wins = np.zeros(10), np.ones(10)
    assert verdict(*wins).state == "settled"  # two directions at 5 %: 40 needed
    assert verdict(*wins, error=0.04).state == "open"  # 50
    low = verdict(*wins).low
    for value, is_won in ((low, True), (low + 1e-4, False)):
        assert (sum((1 + bet * (1 / value - 1)) ** 10 for bet in BETS) / 3 >= 40) == is_won
    assert verdict(*wins).high == 1


def test_runs_that_always_tie_are_tied_once_the_interval_is_narrow():
    def reaches(n):  # the bets against 0.4 that a tie, which counts 0.5, wins
        return sum((1 + bet * (0.5 / 0.4 - 1)) ** n for bet in BETS) / 3 >= 40

    assert [reaches(n) for n in (10, 20, 30, 40)] == [False, False, False, True]
    states = [verdict(np.zeros(n), np.zeros(n)).state for n in (10, 20, 30, 40)]
    assert states == ["open", "open", "open", "tied"]
    one = verdict(np.zeros(40), np.zeros(40))
    assert (one.better, one.probability, one.low) == ("first", 0.5, pytest.approx(1 - one.high))


def test_a_round_makes_of_the_capital_the_mean_over_its_pairings():
    rng = np.random.default_rng(0)
    first, second = rng.integers(4, size=(2, 3 * ROUND)).astype(float)
    most = dict.fromkeys((0.2, 0.5, 0.7), 1.0)
    for value in most:
        capitals = [1.0, 1.0, 1.0]
        for start in range(0, 3 * ROUND, ROUND):
            for i, bet in enumerate(BETS):
                made = []
                for shift in range(ROUND):
                    product = 1.0
                    for j in range(ROUND):
                        a, b = first[start + j], second[start + (j + shift) % ROUND]
                        payoff = 1.0 if a < b else 0.5 if a == b else 0.0
                        product *= 1 + bet * (payoff / value - 1)
                    made.append(product)
                capitals[i] *= sum(made) / ROUND
            most[value] = max(most[value], sum(capitals) / 3)
    counts = _met([_whole_rounds(first, second)])
    for value, expected in most.items():
        assert _log_capital(counts, value)[0] == pytest.approx(log(expected), abs=1e-12)


def test_the_probability_is_over_all_pairs_of_the_runs_compared():
    one = verdict([0.0, 1.0] * 5 + [9.0] * 9, [0.5, 1.0] * 5)  # the nine of no whole round count for nothing
    assert one.n_runs == 10
    assert one.probability == pytest.approx((3 + 0.5) / 4 - 0.25)  # 0 < 0.5, 0 < 1, 1 = 1; not 1 < 0.5


@pytest.mark.parametrize(
    ("capitals", "settled", "needed"),
    [
        ([130, 90, 30], [True, True, False], [120, 80, 40]),
        ([130, 70, 60], [True, False, False], [120, 80, 80]),  # 60 is more than 40, but no step is made after 70
        ([30, 90, 130], [False, True, True], [40, 80, 120]),
        ([90, 90, 90], [False, False, False], [120, 120, 120]),
        ([130, 130, 130], [True, True, True], [120, 80, 40]),
    ],
    ids=str,
)
def test_holm_asks_less_of_each_pair_after_one_that_is_settled(capitals, settled, needed):
    found, asked = _settled(np.log(capitals), 0.05)
    assert found.tolist() == settled
    np.testing.assert_allclose(np.exp(asked), needed)


# ---- how often it is wrong ----


@pytest.mark.parametrize("draw", [uniform, with_many_ties, unlike])
def test_a_true_one_half_is_hardly_ever_left_out_at_any_of_fifty_looks(draw):
    counts = pairs_of(np.random.default_rng(1), 300, 500, draw)
    needed = np.full(len(counts), log(2 / 0.05))
    above = _lower_bounds(counts, needed) > 0.5
    below = _lower_bounds(counts[..., ::-1], needed) > 0.5
    assert 0 < np.mean(above | below) <= 0.05


def test_bounds_are_below_any_true_probability_and_close_to_it():
    rng = np.random.default_rng(2)
    for probability in (0.05, 0.3, 0.8):
        first = np.where(rng.random((100, 300)) < probability, 0.0, 2.0)
        counts = _met([_whole_rounds(one, np.ones(500)) for one in first])
        bounds = _lower_bounds(counts, np.full(100, log(1 / 0.05)))
        assert np.mean(bounds > probability) <= 0.05
        assert 0 < probability - np.median(bounds) < 0.1


def test_of_many_equal_pairs_hardly_ever_any_is_settled():
    rng = np.random.default_rng(3)
    studies = ({b: dict(zip("xyz", rng.random((3, 100)), strict=True)) for b in "abc"} for _ in range(60))
    wrong = [any(one.state == "settled" for one in verdicts(study, 0.1)) for study in studies]
    assert np.mean(wrong) <= 0.05


def test_replays_of_a_comparison_have_the_right_orders_with_a_quarter_of_the_runs():
    rng = np.random.default_rng(4)
    means = {"poor": 1.0, "good": 0.5, "as good": 0.49}
    runs = {("b", name): np.maximum(rng.normal(mean, 0.2, 500), 0.4).round(2) for name, mean in means.items()}
    shares, states = [], []
    for _ in range(20):
        order = rng.permutation(500)
        made, found = until_settled(
            lambda going, part, order=order: {e: runs[e][order[part]] for e in going}, runs, 500, 0.1
        )
        shares.append(sum(made.values()) / 1500)
        states += [one.state for one in found]
        assert all(one.other == "poor" for one in found if one.state == "settled")
    assert np.mean(shares) <= 0.25
    assert (states.count("settled"), states.count("tied"), states.count("open")) == (40, 20, 0)


# ---- what stays, and what does not matter ----


def test_what_is_settled_stays_settled_and_what_is_tied_never_opens():
    rng = np.random.default_rng(5)
    runs = {b: {name: rng.normal(mean, 1, 300) for name, mean in zip("xyz", (0, 0.2, 1), strict=True)} for b in "ab"}
    looks = [
        [one.state for one in verdicts({b: {k: v[:n] for k, v in p.items()} for b, p in runs.items()}, 0.1)]
        for n in range(0, 301, 10)
    ]
    allowed = {"open": {"open", "tied", "settled"}, "tied": {"tied", "settled"}, "settled": {"settled"}}
    for before, after in pairwise(looks):
        assert all(now in allowed[was] for was, now in zip(before, after, strict=True))
    assert {state for look in looks for state in look} == {"open", "tied", "settled"}


def test_the_order_in_which_two_are_given_does_not_matter():
    rng = np.random.default_rng(6)
    runs = {"x": rng.random(60), "y": rng.random(60) + 0.2}
    ((one,), (other,)) = (verdicts({"b": {k: runs[k] for k in order}}, 0.1) for order in ("xy", "yx"))
    assert one[:5] == other[:5] == ("b", "x", "y", "settled", 60)
    assert one[5:] == pytest.approx(other[5:])


@pytest.mark.parametrize("draw", [uniform, with_many_ties])
def test_two_that_are_equal_to_the_bit_are_tied(draw):
    rng = np.random.default_rng(7)
    for _ in range(20):
        runs = draw(rng, 300)
        assert verdict(runs, runs).state == "tied"


def test_a_run_without_an_incumbent_is_worse_than_all_others_and_ties_with_its_like():
    assert verdict([1e9] * 10, [nan] * 10)[1:4] == ("first", "second", "settled")
    assert verdict([nan] * 10, [1e9] * 10)[1:4] == ("second", "first", "settled")
    both = verdict([nan] * 40, [nan] * 40)
    assert (both.state, both.probability) == ("tied", 0.5)


@pytest.mark.parametrize("n", [0, 1, 9])
def test_before_the_first_round_all_is_open(n):
    one = verdict(np.zeros(n), np.ones(20))
    assert (one.state, one.n_runs, one.low, one.high) == ("open", 0, 0, 1)
    assert isnan(one.probability)


def test_only_what_is_of_one_benchmark_is_compared():
    runs = np.zeros(10)
    assert verdicts({}, 0.1) == verdicts({"a": {"x": runs}, "b": {"y": runs}}, 0.1) == []
    found = verdicts({"a": {"x": runs, "y": runs, "z": runs}, "b": {"x": runs, "y": runs}}, 0.1)
    assert [one[:3] for one in found] == [("a", "x", "y"), ("a", "x", "z"), ("a", "y", "z"), ("b", "x", "y")]


# ---- making runs ----


class Maker:
    """Makes runs of constant regret, and keeps what it was asked for."""

    def __init__(self, **regrets):
        self.regrets, self.asked = regrets, []

    def __call__(self, going, part):
        self.asked.append(([name for _, name in going], part))
        return {(b, name): np.full(len(part), self.regrets[name]) for b, name in going}


def test_runs_are_made_in_rounds_of_those_that_are_in_an_open_pair():
    make = Maker(poor=1.0, good=0.0, same=0.0)
    made, found = until_settled(make, [("b", name) for name in make.regrets], 500, 0.1)
    names = ["poor", "good", "same"]
    # two directions of three pairs: 120 needed, which 20 wins give and 10 do not
    assert make.asked[:3] == [(names, range(10)), (names, range(10, 20)), (["good", "same"], range(20, 30))]
    assert made == {("b", "poor"): 20, ("b", "good"): make.asked[-1][1].stop, ("b", "same"): make.asked[-1][1].stop}
    assert made["b", "same"] < 100
    assert [(one.better, one.other, one.state) for one in found] == [
        ("good", "poor", "settled"),
        ("same", "poor", "settled"),
        ("good", "same", "tied"),
    ]


def test_no_more_runs_are_made_than_allowed_and_what_is_then_open_is_said():
    make = Maker(x=1.0, y=0.0)
    made, (found,) = until_settled(make, [("b", "x"), ("b", "y")], 7, 0.1)
    assert make.asked == [(["x", "y"], range(7))]
    assert (set(made.values()), found.state, found.n_runs) == ({7}, "open", 0)


def test_runs_that_are_missing_leave_a_pair_open_until_there_are_enough():
    def make(going, part):  # half of those of x fail
        return {entry: np.zeros(len(part) // 2) if entry[1] == "x" else np.ones(len(part)) for entry in going}

    made, (found,) = until_settled(make, [("b", "x"), ("b", "y")], 500, 0.1)
    assert (set(made.values()), found.state, found.n_runs) == ({20}, "settled", 10)


# ---- what is refused ----


@pytest.mark.parametrize("tolerance", [0, 0.5, -0.1, 7, nan, "0.1", True, None], ids=str)
def test_a_tolerance_that_is_none_is_refused(tolerance):
    with pytest.raises(SettingError, match=r"tolerance=.*; a number between 0 and 0.5, such as 0.1, expected"):
        verdict([0.0], [1.0], tolerance)


@pytest.mark.parametrize("error", [0, 1, nan, "5 %", True], ids=str)
def test_an_error_that_is_no_probability_is_refused(error):
    with pytest.raises(SettingError, match=r"error=.*; a number between 0 and 1, such as 0.05, expected"):
        verdict([0.0], [1.0], error=error)


@pytest.mark.parametrize("runs", [[[0.0, 1.0]], 3.0, ["x"], None], ids=str)
def test_what_are_no_runs_is_refused(runs):
    with pytest.raises(SettingError, match=r"regrets of 'second' are .*; an array of numbers \(n_runs,\) expected"):
        verdict([0.0], runs)


def test_one_optimizer_alone_is_refused():
    with pytest.raises(SettingError, match="only 'x' is to run on b; two optimizers or more expected"):
        until_settled(Maker(x=0.0), [("b", "x")], 10, 0.1)

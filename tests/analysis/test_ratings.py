"""How often one optimizer beats another, and ratings from that."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import mannwhitneyu

from nasbench_kit.analysis import bradley_terry, elo_ratings, win_rates
from nasbench_kit.analysis.win_rates import resampled_win_rates
from nasbench_kit.errors import SettingError

NAN = np.nan


@pytest.fixture
def rng():
    return np.random.default_rng(0)


# ---- win rates ----


def test_a_win_rate_is_the_share_of_pairs_of_runs_and_ties_count_half():
    found = win_rates([np.array([0.1, 0.2]), np.array([0.2, 0.3, 0.0])])
    assert found[0, 1] == 3.5 / 6


@given(st.lists(st.lists(st.sampled_from([0.0, 0.1, 0.2, NAN]), min_size=1, max_size=5), min_size=1, max_size=4))
def test_win_rates_are_those_of_all_pairs_counted_and_add_up_to_one(runs):
    found = win_rates([np.array(one) for one in runs])
    for (i, one), (j, other) in product(enumerate(runs), enumerate(runs)):
        won = [
            0.5 if a == b or (a != a and b != b) else float(b != b or a < b)  # who has no incumbent loses
            for a, b in product(one, other)
        ]
        assert found[i, j] == pytest.approx(np.mean(won))
    assert found + found.T == pytest.approx(np.ones(found.shape))
    assert (np.diag(found) == 0.5).all()


def test_win_rates_are_mann_and_whitneys_u_over_the_number_of_pairs(rng):
    one, other = rng.normal(size=300).round(1), rng.normal(0.3, size=200).round(1)
    assert win_rates([one, other])[0, 1] == pytest.approx(mannwhitneyu(other, one).statistic / (300 * 200))


def test_an_optimizer_without_runs_has_no_win_rate():
    with pytest.raises(SettingError, match=r"\[2, 0\] runs of the optimizers; one or more of each expected"):
        win_rates([np.zeros(2), np.zeros(0)])


def test_resampled_win_rates_vary_around_those_of_the_runs_as_much_as_the_runs_say(rng):
    one, other = rng.normal(size=40), rng.normal(0.5, size=60)
    found = resampled_win_rates([one, other], rng, 2000)
    assert found.shape == (2000, 2, 2)
    assert found[:, 0, 1].mean() == pytest.approx(win_rates([one, other])[0, 1], abs=0.01)
    beaten = (one[:, None] < other).mean(axis=1), (one[:, None] < other).mean(axis=0)  # placements
    error = np.sqrt(beaten[0].var() / 40 + beaten[1].var() / 60)
    assert found[:, 0, 1].std() == pytest.approx(error, rel=0.1)
    assert found[:, 0, 1] + found[:, 1, 0] == pytest.approx(np.ones(2000))


def test_runs_that_are_all_alike_stay_so_when_resampled(rng):
    found = resampled_win_rates([np.zeros(5), np.ones(3)], rng, 4)
    assert (found == [[0.5, 1], [0, 0.5]]).all()


# ---- Bradley and Terry ----


def test_the_strengths_of_two_are_the_odds_of_their_wins():
    assert bradley_terry(np.array([[0, 10.0], [1, 0]])) == pytest.approx(np.array([0.5, -0.5]) * np.log(10))


def test_strengths_are_those_of_another_implementation():
    # choix 0.4.1, opt_pairwise(4, [(i, j)] * int(2 * wins[i, j]) for all pairs, alpha=0, tol=1e-12)
    wins = np.array([[0, 7, 9, 5.5], [3, 0, 6, 4], [1, 4, 0, 2.5], [4.5, 6, 7.5, 0]])
    expected = [0.734101943453, -0.21443108002, -0.852005546438, 0.332334683006]
    assert bradley_terry(wins) == pytest.approx(expected, abs=1e-8)
    assert bradley_terry(wins / 10 + np.eye(4)) == pytest.approx(expected, abs=1e-8)  # shares; a diagonal is not read


@given(st.integers(2, 8), st.integers(0, 1000), st.floats(0.1, 20))
def test_at_the_most_likely_strengths_everyone_is_expected_to_win_as_often_as_it_did(n, seed, spread):
    rng = np.random.default_rng(seed)
    skill = spread * rng.normal(size=n)
    wins = np.triu(rng.binomial(50, expit(skill[:, None] - skill)) + 0.5, 1)
    wins += np.tril(51 - wins.T, -1)
    found = bradley_terry(wins)
    expected = np.where(np.eye(n, dtype=bool), 0, 51 * expit(found[:, None] - found))
    assert expected.sum(axis=1) == pytest.approx(wins.sum(axis=1), abs=1e-6)
    assert found.sum() == pytest.approx(0, abs=1e-8)


def test_many_matrices_are_solved_as_one_by_one(rng):
    wins = rng.uniform(0.01, 1, (3, 2, 5, 5))
    expected = [[bradley_terry(one) for one in some] for some in wins]
    assert bradley_terry(wins) == pytest.approx(np.array(expected), abs=1e-9)


def test_a_long_chain_in_which_all_but_never_an_upset_happened_is_solved():
    """The strengths lie 120 units apart; the classic iteration has not arrived after 100,000 steps."""
    wins = np.triu(np.full((25, 25), 1 - 5e-5), 1) + np.tril(np.full((25, 25), 5e-5), -1)
    found = bradley_terry(wins)
    expected = np.where(np.eye(25, dtype=bool), 0, expit(found[:, None] - found)).sum(axis=1)
    assert expected == pytest.approx(wins.sum(axis=1), abs=1e-9)
    assert (np.diff(found) < 0).all()


def test_strengths_of_very_unequal_numbers_of_games_are_found():
    """Whole steps of Newton's method go astray here."""
    wins = np.array([[0, 0.1, 0.1, 1], [1000, 0, 0.1, 0.01], [0.01, 10000, 0, 10000], [1, 0.1, 0.01, 0]])
    found = bradley_terry(wins)
    expected = (wins + wins.T) * expit(found[:, None] - found)
    assert expected.sum(axis=1) == pytest.approx(wins.sum(axis=1), abs=1e-6)


@pytest.mark.parametrize(
    "wins",
    [
        [[0, 1.0], [0, 0]],
        [[0, 2.0, 3], [0, 0, 1], [0, 1, 0]],  # the first never lost
        [[0, 1.0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]],  # two pairs that never met
    ],
)
def test_strengths_without_a_bound_are_refused(wins):
    with pytest.raises(SettingError, match=r"in 2 parts .* have no bound; add half a win to each side of every pair"):
        bradley_terry(np.array(wins))


# ---- Elo ----


def of_rate(wins, losses):
    """Runs of two optimizers: one beats the other in so many of so many pairs."""
    return {"one": [np.array([0.5])], "other": [np.array([1.0] * wins + [0.0] * losses)]}


def test_odds_of_ten_to_one_are_400_points_about_a_mean_of_1500(rng):
    found = elo_ratings(of_rate(10, 1), rng, draws=0)
    assert found.elo == pytest.approx([1700, 1300])
    assert found.win_rates[0, 1] == pytest.approx(10 / 11)


def test_the_anchor_is_at_1000_and_so_is_its_interval(rng):
    regrets = {name: [rng.normal(mean, size=9)] for name, mean in (("a", 0.0), ("b", 0.5), ("c", 1.0))}
    found = elo_ratings(regrets, rng, anchor="b")
    assert (found.elo[1], found.low[1], found.high[1]) == pytest.approx((1000, 1000, 1000))
    free = elo_ratings(regrets, rng)
    assert free.elo - free.elo[1] == pytest.approx(found.elo - 1000)
    assert free.elo.mean() == pytest.approx(1500)


def test_an_optimizer_that_always_wins_has_a_finite_rating_by_the_draws_and_none_without(rng):
    always = {"best": [np.zeros(9)], "worst": [np.ones(9)]}
    odds = (9 + 0.5) / 0.5  # nine games and a draw
    assert np.diff(elo_ratings(always, rng).elo)[0] == pytest.approx(-400 * np.log10(odds))
    with pytest.raises(SettingError, match="have no bound"):
        elo_ratings(always, rng, draws=0)


def test_benchmarks_count_alike_whatever_their_numbers_of_runs(rng):
    many, few = np.zeros(1000), np.zeros(10)
    found = elo_ratings({"a": [many, few], "b": [many + 1, few - 1]}, rng)
    assert found.win_rates[0, 1] == 0.5
    assert found.elo == pytest.approx([1500, 1500])


def test_scales_of_benchmarks_do_not_matter_and_runs_without_incumbents_lose(rng):
    regrets = {"a": [np.array([0.1, NAN]), np.array([0.1, 0.2])], "b": [np.array([0.2, 0.3]), np.array([NAN, NAN])]}
    found = elo_ratings(regrets, np.random.default_rng(1))
    assert found.win_rates[0, 1] == 0.75
    scaled = {name: [1e6 * on[0], 1e-6 * on[1]] for name, on in regrets.items()}
    again = elo_ratings(scaled, np.random.default_rng(1))
    assert all((one == other).all() for one, other in zip(found[1:], again[1:], strict=True))


def test_a_single_run_has_a_rating_but_no_interval(rng):
    found = elo_ratings(of_rate(3, 1), rng)
    assert np.isfinite(found.elo).all()
    assert np.isnan([found.low, found.high]).all()


def test_the_same_generator_gives_the_same_intervals():
    regrets = {name: [np.random.default_rng(i).normal(size=30)] for i, name in enumerate("ab")}
    one, other, else_ = (elo_ratings(regrets, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert (one.low == other.low).all()
    assert (one.low != else_.low).any()


def test_intervals_cover_the_ratings_that_very_many_runs_have():
    rng = np.random.default_rng(7)

    def runs(n_runs):
        return {name: [rng.normal(mean, size=n_runs)] for name, mean in (("a", 0.0), ("b", 0.4), ("c", 1.0))}

    true = elo_ratings(runs(50_000), rng, n_replications=1).elo
    covered = []
    for _ in range(60):
        found = elo_ratings(runs(25), rng, n_replications=60, coverage=0.9)
        covered.append((found.low <= true) & (true <= found.high))
    assert np.mean(covered) == pytest.approx(0.9, abs=0.06)


def test_more_coverage_gives_wider_intervals():
    regrets = {"a": [np.arange(9.0)], "b": [np.arange(9.0) + 1]}
    narrow, wide = (elo_ratings(regrets, np.random.default_rng(1), coverage=c) for c in (0.5, 0.99))
    assert ((wide.low < narrow.low) & (narrow.low < narrow.elo) & (narrow.high < wide.high)).all()


@pytest.mark.parametrize(
    ("regrets", "settings", "message"),
    [
        ({"a": [np.zeros(2)]}, {}, "benchmarks by optimizer: a: 1; two or more on the same ones expected"),
        ({"a": [np.zeros(2)], "b": []}, {}, "a: 1, b: 0; two or more on the same ones expected"),
        ({"a": [], "b": []}, {}, "a: 0, b: 0; two or more"),
        (
            {"a": [np.zeros(2)], "b": [np.zeros(0)]},
            {},
            r"\[2, 0\] runs of the optimizers; one or more of each expected",
        ),
        (of_rate(1, 1), {"anchor": "two"}, "anchor='two'; one of one, other expected"),
        (of_rate(1, 1), {"draws": -1}, "draws=-1; 0 or more expected"),
        (of_rate(1, 1), {"n_replications": 0}, "n_replications=0"),
        (of_rate(1, 1), {"coverage": 1.0}, "coverage=1.0"),
    ],
)
def test_what_cannot_be_rated_is_refused(rng, regrets, settings, message):
    with pytest.raises(SettingError, match=message):
        elo_ratings(regrets, rng, **settings)


def test_a_seed_is_no_generator():
    with pytest.raises(SettingError, match="rng=0; a generator expected"):
        elo_ratings({"a": [np.zeros(2)], "b": [np.ones(2)]}, 0)

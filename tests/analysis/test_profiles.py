"""Performance profiles: how many runs score above each threshold."""

from math import nan

import numpy as np
import pytest

from nasbench_kit.analysis import performance_profiles
from nasbench_kit.errors import SettingError

# ten runs on three benchmarks, and their profiles by rliable 1.2.0 with arch 8.0.0 (which no longer takes rliable's
# random_state: not passed on): rliable.library.create_profile({"x": X.T}, THRESHOLDS,
# use_score_distribution, reps=50_000 or 20_000)
X = np.array(
    [
        [0.54, 0.53, 0.89, 0.12, -0.2, 0.28, 0.62, 0.91, 0.77, 0.22],
        [0.46, 0.34, 0.78, 0.31, 0.43, 0.34, 0.81, 0.3, 0.53, 0.36],
        [0.69, 0.61, 0.29, 0.51, 0.13, 0.41, 0.46, 0.61, 0.28, 0.57],
    ]
)
THRESHOLDS = [0, 0.25, 0.5, 0.75, 1]
PROFILES = {
    "runs": ([29 / 30, 26 / 30, 14 / 30, 5 / 30, 0], [0.9, 22 / 30, 0.3, 2 / 30, 0], [1, 29 / 30, 19 / 30, 0.3, 0]),
    "benchmarks": ([1, 1, 0, 0, 0], [1, 1, 0, 0, 0], [1, 1, 2 / 3, 0, 0]),
}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def profile(scores, *arguments, **settings):
    return performance_profiles({"x": scores}, *arguments, **settings)["x"]


@pytest.mark.parametrize("of", ["runs", "benchmarks"])
def test_profiles_and_their_intervals_are_those_of_rliable(of, rng):
    found = profile(list(X), THRESHOLDS, rng, of=of, n_replications=20_000)
    np.testing.assert_array_equal(found.thresholds, THRESHOLDS)
    np.testing.assert_allclose(found[1:], PROFILES[of], atol=1e-12)


def test_a_profile_by_hand_counts_every_benchmark_the_same_and_a_score_at_the_threshold_not(rng):
    scores = [np.array([0.0, 1, nan, 1]), np.array([2.0])]
    np.testing.assert_allclose(profile(scores, [-9, 0, 1, 2], rng).shares, [7 / 8, 3 / 4, 1 / 2, 0])
    no_mean = profile(scores, [-9, 1, 2], rng, of="benchmarks").shares
    np.testing.assert_allclose(no_mean, [1 / 2, 1 / 2, 0])  # a run without a score leaves the benchmark without a mean


def test_the_same_seed_gives_the_same_intervals_and_another_seed_others():
    runs = np.linspace(0, 1, 40)
    one, same, other = (profile([runs], [0.5], np.random.default_rng(seed), n_replications=99) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (np.array(one[2:]) != np.array(other[2:])).any()


def test_a_single_run_has_an_interval_without_width(rng):
    found = profile([np.array([0.5])], [0.4, 0.6], rng)
    assert found.low.tolist() == found.shares.tolist() == found.high.tolist() == [1, 0]


def test_what_has_no_profile_is_refused(rng):
    with pytest.raises(SettingError, match='of=\'tasks\'; "runs" or "benchmarks" expected'):
        profile(list(X), THRESHOLDS, rng, of="tasks")
    with pytest.raises(SettingError, match="scores of x have no benchmark"):
        profile([], THRESHOLDS, rng)
    with pytest.raises(SettingError, match=r"numbers of benchmarks differ \(a: 3, b: 1\)"):
        performance_profiles({"a": list(X), "b": list(X[:1])}, THRESHOLDS, rng)


def test_each_profile_is_that_of_the_optimizer_alone(rng):
    found = performance_profiles({"x": list(X), "few": list(X[:, :4]), "x again": list(X)}, THRESHOLDS, rng)
    assert list(found) == ["x", "few", "x again"]
    np.testing.assert_array_equal(found["x"], found["x again"])
    np.testing.assert_allclose(found["few"].shares, [(X[:, :4] > threshold).mean() for threshold in THRESHOLDS])
    assert (found["few"].low <= found["few"].shares).all()

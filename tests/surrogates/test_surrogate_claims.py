"""What the notebook on the claims of surrogate benchmarks computes, on worlds that are known."""

import numpy as np
import pytest

from nasbench_kit.errors import NotRecordedError, SettingError
from nasbench_kit.spaces import ChoiceSpace
from nasbench_kit.surrogates.quality.one_seed import against_one_seed

pytest.importorskip("lightgbm")
pytest.importorskip("scipy")

SPACE = ChoiceSpace("many", {f"d{i}": tuple("abcd") for i in range(5)})  # 1,024 architectures


@pytest.fixture(scope="module")
def noisy(make_table, stored):
    """An additive world in which single runs are off by a standard deviation of 0.02."""
    rng = np.random.default_rng(0)
    archs = SPACE.all_archs()
    quality = 0.6 + 0.02 * archs @ np.array([1, 2, 0.5, 1.5, 1])
    runs = quality + rng.normal(0, 0.02, (3, 1, len(archs)))
    return make_table(stored("val_accuracy", runs, seeds=(1, 2, 3), epochs=(9,)), space=SPACE)


def test_a_surrogate_of_single_runs_beats_them_where_the_world_is_simple(noisy):
    few, many = against_one_seed(noisy, "d", seed=1, shares=(0.02, 0.8), settings={"encoding": "one_hot"})
    # |N(0, s)| is 0.8 s on average; single run against the mean of two others: s^2 = 0.02^2 * (1 + 1/2)
    assert few.table.mae == pytest.approx(np.sqrt(2 / np.pi * 1.5) * 0.02, rel=0.1)
    assert few.table == many.table
    assert few.surrogate.mae > few.table.mae > many.surrogate.mae
    assert many.surrogate.kendall_tau > many.table.kendall_tau
    # what is left is mostly the noise of the mean of two runs: the surrogate itself is nearly right
    assert many.surrogate.mae < 1.2 * np.sqrt(2 / np.pi / 2) * 0.02


def test_what_a_surrogate_learns_from_is_never_judged(noisy):
    (found,) = against_one_seed(noisy, "d", seed=2, shares=(0.8,), settings={"encoding": "one_hot", "rounds": 5})
    assert found.n_train + found.table.n == noisy.n_archs


def test_what_is_left_out_is_neither_learned_from_nor_judged(noisy):
    half = np.arange(noisy.n_archs) % 2 == 0
    (found,) = against_one_seed(
        noisy, "d", seed=2, shares=(0.8,), leave_out=half, settings={"encoding": "one_hot", "rounds": 5}
    )
    assert found.n_train + found.table.n == (~half).sum()


def test_a_table_of_single_runs_has_nothing_to_compare_with(make_table, stored):
    table = make_table(stored("val_accuracy", np.full(SPACE.size, 0.5), seeds=(7,), epochs=(9,)), space=SPACE)
    with pytest.raises(
        NotRecordedError, match=r"mine/d: seed 7 and others needed; val_accuracy was recorded for \(7,\)"
    ):
        against_one_seed(table, "d", seed=7, shares=(0.5,))


def test_shares_that_overlap_with_what_is_held_out_are_refused(noisy):
    with pytest.raises(SettingError, match="what is held out is not learned from"):
        against_one_seed(noisy, "d", seed=1, shares=(0.9,))

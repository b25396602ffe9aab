"""Architectures drawn without repeats, and in the order of a grid."""

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nasbench_kit as nbk
from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers import GridSearch, RandomSearch, Task
from nasbench_kit.optimizers.model_free.grid_search import _positions
from nasbench_kit.optimizers.unrepeated import unrepeated
from nasbench_kit.spaces import ChoiceSpace, NASBench101Space, NASBench201Space
from nasbench_kit.spaces.recorded import RecordedSpace

CUBE = ChoiceSpace("cube", dict.fromkeys(("x", "y", "z"), tuple("abcd")))
ALL = list(map(tuple, CUBE.all_archs().tolist()))
PART = RecordedSpace(NASBench201Space(), NASBench201Space().sample_many(np.random.default_rng(0), 40))


def asked(optimizer, n=None):
    return [trial.arch for trial in islice(iter(optimizer.ask, None), n)]


def random_search(space, seed=0, **how):
    return RandomSearch(Task(space), np.random.default_rng(seed), **how)


# ---- random search ----


def test_without_repeats_random_search_asks_for_every_architecture_once_and_is_over():
    optimizer = random_search(CUBE, repeats=False)
    archs = asked(optimizer)
    assert archs != ALL
    assert sorted(archs) == ALL
    assert optimizer.ask() is None


def test_without_repeats_the_first_samples_are_those_with_repeats_less_the_repeats():
    with_repeats = asked(random_search(CUBE, seed=3), 60)
    first = list(dict.fromkeys(with_repeats))
    assert len(first) < 60
    assert asked(random_search(CUBE, seed=3, repeats=False), len(first)) == first


def test_without_repeats_all_orders_are_alike():
    last = np.array([asked(random_search(CUBE, seed, repeats=False))[-1] for seed in range(600)])
    counts = np.array([np.bincount(column, minlength=4) for column in last.T])
    assert (np.abs(counts - 150) < 5 * np.sqrt(600 * 0.25 * 0.75)).all()


def test_isomorphic_architectures_of_one_row_count_as_one():
    space = NASBench101Space()
    archs = list(islice(unrepeated(space, np.random.default_rng(0)), 3_000))
    assert len(set(space.identity(archs).tolist())) == 3_000


def test_a_recorded_part_is_exhausted_too():
    n_recorded = len(set(map(tuple, PART.all_archs().tolist())))
    assert len(set(asked(random_search(PART, repeats=False)))) == n_recorded


# ---- grid search ----


@pytest.mark.parametrize("order", ["strided", "nested"])
@pytest.mark.parametrize("space", [CUBE, PART, ChoiceSpace("tiny", {"x": ["a", "b"]})], ids=str)
def test_a_grid_holds_every_architecture_once_and_is_over(space, order):
    optimizer = GridSearch(Task(space), np.random.default_rng(0), order=order)
    archs = asked(optimizer)
    assert sorted(archs) == sorted(map(tuple, space.all_archs().tolist()))
    assert optimizer.ask() is None


def test_a_nested_grid_counts_as_nested_loops_do():
    archs = asked(GridSearch(Task(CUBE), np.random.default_rng(0), order="nested"), 6)
    assert archs == [(0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 0, 3), (0, 1, 0), (0, 1, 1)]


def test_a_strided_grid_is_spread_over_the_space_wherever_it_stops():
    space = NASBench201Space()
    for n in (50, 100, 250):
        ranks = space.rank_many(np.array(asked(GridSearch(Task(space), np.random.default_rng(0)), n), np.uint8))
        gaps = np.diff(np.sort(ranks))
        assert gaps.max() < 3 * space.size / n
        assert len(set(gaps.tolist())) <= 3  # the three-gap theorem


@given(n=st.integers(1, 3_000), is_strided=st.booleans())
def test_a_grid_of_any_size_leaves_no_position_out(n, is_strided):
    assert sorted(_positions(n, is_strided=is_strided)) == list(range(n))


def test_a_grid_depends_on_no_seed():
    first, second = (asked(GridSearch(Task(CUBE), np.random.default_rng(seed))) for seed in (1, 2))
    assert first == second


@pytest.mark.parametrize("name", ["nasbench101", "nasbench301"])
def test_a_grid_goes_through_a_space_that_is_too_large_to_list(name):
    space = nbk.load(f"{name}/cifar10").space
    archs = asked(GridSearch(Task(space), np.random.default_rng(0)), 200)
    assert len(set(archs)) == 200
    assert all(map(space.is_valid, archs))
    with pytest.raises(
        SettingError, match=r"order='nested' in .* architectures; order='strided' expected beyond 1,000,000"
    ):
        GridSearch(Task(space), np.random.default_rng(0), order="nested")

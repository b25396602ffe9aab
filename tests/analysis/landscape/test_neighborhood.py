import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.analysis.landscape import single_changes
from nasbench_kit.analysis.landscape.neighborhood import MOST_TUPLES, has_single_changes
from nasbench_kit.errors import SettingError


def near(neighborhood, i):
    return sorted(neighborhood.targets[neighborhood.sources == i].tolist())


def test_neighbors_differ_in_one_decision(every):
    neighborhood = single_changes(every(2, 3), (2, 3))
    # 0: (0, 0), 1: (0, 1), 2: (0, 2), 3: (1, 0), 4: (1, 1), 5: (1, 2)
    assert near(neighborhood, 0) == [1, 2, 3]
    assert near(neighborhood, 4) == [1, 3, 5]
    assert neighborhood.n_neighbors().tolist() == [3] * 6


@pytest.mark.parametrize("name", ["nasbench201/cifar10", "nas_bench_graph/cora"])
def test_neighbors_are_those_of_the_space(name):
    space = nbk.load(name).space
    assert has_single_changes(space)
    archs = space.all_archs()
    neighborhood = single_changes(archs, space.n_choices)
    for i in np.random.default_rng(0).integers(len(archs), size=20).tolist():
        assert {tuple(archs[j].tolist()) for j in near(neighborhood, i)} == set(
            space.neighbors(tuple(archs[i].tolist()))
        )


def test_an_architecture_that_is_not_there_is_no_neighbor(every):
    archs = every(2, 2)[:3]  # without (1, 1)
    assert near(single_changes(archs, (2, 2)), 1) == [0]


def test_the_best_neighbor_of_an_architecture_without_any_is_worse_than_everything(every):
    archs = every(2, 2)[[0, 3]]  # they differ in both decisions
    best = single_changes(archs, (2, 2)).best_neighbor_values(np.array([1.0, 2.0]))
    assert best.tolist() == [-np.inf, -np.inf]


def test_spaces_that_are_too_large_or_walk_otherwise_are_told_apart():
    assert not has_single_changes(nbk.load("nasbench301/cifar10").space)
    assert not has_single_changes(nbk.load("nas_bench_graph/proteins").search_space())  # among the recorded ones
    with pytest.raises(SettingError, match=f"1e\\+06 tuples of choices; at most {MOST_TUPLES:,} are"):
        single_changes(np.zeros((1, 6), np.uint8), (10,) * 6)

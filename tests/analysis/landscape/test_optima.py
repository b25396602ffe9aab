import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nasbench_kit as nbk
from nasbench_kit.analysis.landscape import Neighborhood, local_optima, share_within, single_changes
from nasbench_kit.errors import SettingError


def path(n):
    """Architectures in a row, each the neighbor of the next."""
    pairs = sorted([(i, i + 1) for i in range(n - 1)] + [(i + 1, i) for i in range(n - 1)])
    sources, targets = np.array(pairs).T
    return Neighborhood(n, sources, targets)


def test_every_ascent_ends_at_an_optimum_counted_by_hand():
    #         0  1  2  3  4  5  6
    values = [1, 3, 2, 1, 2, 5, 4]
    found = local_optima(np.array(values, float), path(7))
    assert found.archs.tolist() == [5, 1]  # the best first
    assert found.basins.tolist() == [3, 4]
    assert found.optimum_of.tolist() == [1, 1, 1, 1, 0, 0, 0]  # 3 goes to 2 rather than 4: equally good, and first
    assert found.sizes.tolist() == [1, 1]
    assert found.n_without_better == 2


def test_a_plateau_is_one_optimum():
    found = local_optima(np.array([1.0, 2, 2, 2, 1, 0, 2]), path(7))
    assert found.archs.tolist() == [1, 6]
    assert found.sizes.tolist() == [3, 1]
    assert found.basins.tolist() == [5, 2]
    assert found.n_without_better == 4


def test_an_ascent_leaves_a_plateau_where_it_leads_highest():
    values = np.array([3.0, 1, 1, 1, 4])  # both ends of the plateau lead on, the right one higher
    found = local_optima(values, path(5))
    assert found.archs.tolist() == [4, 0]
    assert found.optimum_of.tolist() == [1, 0, 0, 0, 0]
    assert found.n_without_better == 3  # 0 and 4, and the middle of the plateau, which leads on


def test_a_landscape_without_differences_is_one_plateau(line):
    found = local_optima(np.ones(4), line(4))
    assert (found.archs.tolist(), found.sizes.tolist(), found.basins.tolist()) == ([0], [4], [4])


def test_a_value_that_is_not_known_is_refused():
    with pytest.raises(SettingError, match=r"1 of 3 values are NaN; local optima need all"):
        local_optima(np.array([1.0, np.nan, 2]), path(3))


@given(st.lists(st.integers(0, 3), min_size=12, max_size=12))
def test_optima_are_what_a_slow_search_finds(levels):
    archs = np.array([(a, b) for a in range(3) for b in range(4)], np.uint8)
    values, neighborhood = np.array(levels, float), single_changes(archs, (3, 4))
    found = local_optima(values, neighborhood)
    near = {i: neighborhood.targets[neighborhood.sources == i].tolist() for i in range(12)}

    def plateau(i):
        seen, left = {i}, [i]
        while left:
            new = [j for j in near[left.pop()] if values[j] == values[i] and j not in seen]
            seen.update(new)
            left += new
        return seen

    def climb(i):
        place = plateau(i)
        around = {j for k in place for j in near[k]} - place
        best = min(around, key=lambda j: (-values[j], j), default=None)
        return min(place) if best is None or values[best] < values[i] else climb(best)

    ends = [climb(i) for i in range(12)]
    assert found.archs[found.optimum_of].tolist() == ends
    assert found.basins.sum() == 12
    assert found.n_without_better == sum(values[i] >= max(values[near[i]]) for i in range(12))
    assert found.sizes.tolist() == [len(plateau(i)) for i in found.archs.tolist()]


def test_the_share_of_ascents_near_the_best_grows_with_the_gap():
    values = np.array([1.0, 3, 2, 1, 2, 5, 4])
    optima = local_optima(values, path(7))
    assert [share_within(values, optima, gap) for gap in (0, 1.9, 2)] == [3 / 7, 3 / 7, 1]


# Architectures of NAS-Bench-201 of which no neighbor is better, counted by another program for this project from the
# official data: the mean over the recorded runs, and single runs, on which there are more, as White et al. 2021,
# https://arxiv.org/abs/2005.02960, say of noise.
@pytest.mark.parametrize(
    ("dataset", "seed", "n"),
    [
        ("cifar10", None, 13),
        ("cifar100", None, 26),
        ("imagenet16-120", None, 38),
        ("cifar100", 777, 63),
        ("cifar100", 888, 48),
    ],
)
def test_the_local_optima_of_nasbench201_are_as_many_as_were_counted_before(dataset, seed, n):
    bench = nbk.load(f"nasbench201/{dataset}")
    archs = bench.space.all_archs()
    values = bench.values("val_accuracy", archs, seed=seed)
    assert local_optima(values, single_changes(archs, bench.space.n_choices)).n_without_better == n


def test_the_best_optimum_is_the_best_architecture(described, cifar10):
    surface = described("nasbench201/cifar10").surface
    assert tuple(surface.archs[surface.optima.archs[0]].tolist()) == cifar10.best().arch

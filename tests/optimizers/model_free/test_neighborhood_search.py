"""Neighborhood-aware search: which neighborhoods it looks at, what they are worth, and what it would recommend."""

from statistics import mean, median

import numpy as np
import pytest

from nasbench_kit.errors import SettingError, UnknownNameError
from nasbench_kit.optimizers import NeighborhoodSearch, Outcome, Task
from nasbench_kit.optimizers.model_free.neighborhood_search import AGGREGATES
from nasbench_kit.spaces import ChoiceSpace, NASBench201Space

SPACE = NASBench201Space()
CUBE = ChoiceSpace("cube", dict.fromkeys("xyz", ("0", "1")))  # 8 architectures of 3 neighbors


def search(space=SPACE, seed=0, **how):
    return NeighborhoodSearch(Task(space), np.random.default_rng(seed), **how)


def run(optimizer, value_of, n):
    asked = []
    for _ in range(n):
        trial = optimizer.ask()
        asked.append(trial.arch)
        optimizer.tell(trial, Outcome.of(value_of(trial.arch)))
    return asked


def distance(arch, other):
    return sum(a != b for a, b in zip(arch, other, strict=True))


def some_values(seed=0):
    values = np.random.default_rng(seed).random(SPACE.size)
    return lambda arch: float(values[SPACE.rank(arch)])


def test_a_random_search_asks_for_centers_and_ten_neighbors_of_each():
    asked = run(search(), some_values(), 110)
    centers = asked[::11]
    for i, center in enumerate(centers):
        near = asked[11 * i + 1 : 11 * i + 11]
        assert {distance(center, arch) for arch in near} == {1}
        assert len({*near}) == 10
    assert np.mean([distance(a, b) for a in centers for b in centers if a != b]) > 3  # anywhere


def test_equal_neighborhoods_tie_in_whatever_order_they_are_told_and_whatever_python_adds_them_up():
    # from 3.12 on `sum` rounds once; before, after every number: .1 + .2 + .3 was not .3 + .2 + .1
    assert AGGREGATES["mean"]([0.1, 0.2, 0.3]) == AGGREGATES["mean"]([0.3, 0.2, 0.1])
    assert AGGREGATES["mean"]([0.1] * 10) == 0.1


@pytest.mark.parametrize(("name", "aggregate"), [("mean", mean), ("median", median), ("worst", min)])
def test_it_recommends_the_center_of_the_best_neighborhood(name, aggregate):
    value_of, optimizer = some_values(), search(aggregate=name)
    asked = run(optimizer, value_of, 20 * 11)
    worth = {asked[i]: aggregate(list(map(value_of, asked[i : i + 11]))) for i in range(0, len(asked), 11)}
    assert optimizer.recommended == max(worth, key=worth.get)
    assert optimizer.recommended != max(asked, key=value_of)  # what rules report


def test_a_peak_among_bad_neighbors_is_not_recommended():
    value_of = lambda arch: (1.0, 0.1, 0.8, 0.8)[sum(arch)]  # noqa: E731
    optimizer = search(CUBE, n_neighbors=3)
    asked = run(optimizer, value_of, 60)
    assert max(asked, key=value_of) == (0, 0, 0)  # worth (1 + .1 + .1 + .1) / 4
    assert optimizer.recommended == (1, 1, 1)  # worth .8


def test_a_neighborhood_counts_when_all_of_it_was_told_however_late():
    optimizer = search(n_neighbors=2)
    first, second = ([optimizer.ask() for _ in range(3)] for _ in range(2))
    for trial in (*second, *first[1:]):
        optimizer.tell(trial, Outcome.of(0.5))
    assert optimizer.recommended == second[0].arch
    optimizer.tell(first[0], Outcome.of(0.9))
    assert optimizer.recommended == first[0].arch


def test_without_neighbors_the_best_told_is_recommended():
    value_of, optimizer = some_values(), search(n_neighbors=0)
    asked = run(optimizer, value_of, 50)
    assert optimizer.recommended == max(asked, key=value_of)


def test_a_local_search_moves_to_the_first_better_neighbor_and_starts_anew_where_none_is():
    value_of = some_values()
    asked = run(search(kind="local", n_neighbors=0), value_of, 300)  # a center is worth what it is
    at, n_climbs = asked[0], 1
    for i, arch in enumerate(asked[1:], 1):
        if distance(arch, at) != 1:  # known neighbors that are better were moved to
            while better := [
                near for near in SPACE.neighbors(at) if near in asked[:i] and value_of(near) > value_of(at)
            ]:
                at = max(better, key=value_of)
            assert all(near in asked[:i] for near in SPACE.neighbors(at)) or distance(arch, at) == 1
            n_climbs += distance(arch, at) != 1
            at = arch
        elif value_of(arch) > value_of(at):
            at = arch
    assert n_climbs > 2


@pytest.mark.parametrize("seed", range(10))
def test_a_local_search_stops_where_no_neighbor_has_a_better_neighborhood(seed):
    values = np.random.default_rng(seed).random(CUBE.size)
    value_of = lambda arch: float(values[CUBE.rank(arch)])  # noqa: E731
    optimizer = search(CUBE, seed, kind="local", n_neighbors=3)
    run(optimizer, value_of, CUBE.size)
    optimizer.ask()  # all was told: it climbs on what it knows, then starts anew
    worth = lambda arch: mean(map(value_of, (arch, *CUBE.neighbors(arch))))  # noqa: E731
    assert worth(optimizer.recommended) > max(map(worth, CUBE.neighbors(optimizer.recommended)))


def test_a_local_search_waits_for_the_outcomes_that_decide_its_next_move():
    optimizer = search(kind="local", n_neighbors=4)
    trials = [optimizer.ask() for _ in range(5)]
    assert optimizer.ask() is None
    for trial in trials:
        optimizer.tell(trial, Outcome.of(0.5))
    assert distance(optimizer.ask().arch, trials[0].arch) == 1


@pytest.mark.parametrize("kind", ["random", "local"])
def test_what_was_told_is_not_asked_for_again(kind):
    asked = run(search(kind=kind), some_values(), 400)
    assert len({*asked}) == 400


def test_failed_trainings_make_a_bad_neighborhood():
    optimizer = search(n_neighbors=1)
    asked = [optimizer.ask() for _ in range(4)]
    for trial, value in zip(asked, (0.9, -np.inf, 0.2, 0.2), strict=True):
        optimizer.tell(trial, Outcome.of(value))
    assert optimizer.recommended == asked[2].arch


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"kind": "lokal"}, UnknownNameError, "unknown kind of neighborhood search 'lokal'; did you mean 'local'"),
        ({"aggregate": "avg"}, UnknownNameError, "unknown aggregate 'avg'; choose from mean, median, worst"),
        ({"n_neighbors": -1}, SettingError, "n_neighbors=-1; an integer of at least 0 expected"),
    ],
)
def test_wrong_settings_are_told_in_one_line(how, error, message):
    with pytest.raises(error, match=message):
        search(**how)

"""Expected hypervolume improvement: by hand, against others' hypervolume, and more of the front than chance finds."""

from itertools import combinations

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers import EHVI, OPTIMIZERS, Outcome, Task, Trial
from nasbench_kit.optimizers.model_based.acquisition import expected_improvement
from nasbench_kit.optimizers.multi_objective.ehvi import expected_hypervolume_improvement
from nasbench_kit.simulator import EVALUATIONS, Rules, simulate, task_of
from nasbench_kit.spaces import NASBench201Space

SPACE = NASBench201Space()
TWO = Task(SPACE, objectives=("val_accuracy", "latency_s"))
FRONTS = {
    2: [[0.2, 0.8], [0.5, 0.6], [0.9, 0.1]],
    3: [[0.2, 0.8, 0.5], [0.6, 0.3, 0.7], [0.5, 0.6, 0.2], [0.8, 0.1, 0.4]],
    4: [[0.2, 0.8, 0.5, 0.1], [0.6, 0.3, 0.7, 0.4], [0.5, 0.6, 0.2, 0.5], [0.8, 0.1, 0.4, 0.6]],
}


def hypervolume(points, reference):
    """By inclusion and exclusion of the boxes that the points span."""
    edges = np.maximum(np.asarray(points) - reference, 0.0)
    return sum(
        (-1) ** (n + 1) * edges[list(chosen)].min(axis=0).prod()
        for n in range(1, len(edges) + 1)
        for chosen in combinations(range(len(edges)), n)
    )


def test_without_spread_it_is_the_area_that_a_point_adds_to_that_of_another():
    mean = np.array([[2, 2], [2, 0.5], [0.5, 2], [0.5, 0.5], [1, 1], [-1, 3]])
    found = expected_hypervolume_improvement(mean, np.zeros((6, 2)), np.ones((1, 2)), np.zeros(2))
    assert found == pytest.approx([3, 0.5, 0.5, 0, 0, 0])


@pytest.mark.parametrize("m", [1, 2, 3, 4])
def test_without_spread_it_is_the_volume_that_a_point_adds(m):
    rng = np.random.default_rng(m)
    for _ in range(20):
        front, mean = rng.random((5, m)).round(1), rng.random((6, m)).round(1)  # with ties
        reference = np.full(m, 0.15)  # above some of them
        before = hypervolume(front, reference)
        expected = [hypervolume([*front, point], reference) - before for point in mean]
        found = expected_hypervolume_improvement(mean, np.zeros((6, m)), front, reference)
        assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("m", "mean", "sd", "expected", "error"),
    # means and standard errors of 400,000 draws each, hypervolumes by moocore 0.3.2, its reference at 0
    [
        (2, [0.6, 0.5], [0.2, 0.1], 0.0586642, 0.000105),
        (3, [0.6, 0.5, 0.5], [0.2, 0.1, 0.3], 0.0535896, 0.000108),
        (4, [0.6, 0.5, 0.5, 0.4], [0.2, 0.1, 0.3, 0.2], 0.0287337, 0.0000634),
    ],
)
def test_it_is_the_mean_of_what_moocore_finds_for_random_points(m, mean, sd, expected, error):
    found = expected_hypervolume_improvement(np.array([mean]), np.array([sd]), np.array(FRONTS[m]), np.zeros(m))
    assert abs(found[0] - expected) < 4 * error


def test_of_one_objective_it_is_the_expected_improvement():
    mean, sd = np.array([[0.3], [0.7]]), np.array([[0.2], [0.1]])
    found = expected_hypervolume_improvement(mean, sd, np.array([[0.2], [0.6]]), np.zeros(1))
    assert found == pytest.approx(expected_improvement(mean[:, 0], sd[:, 0], 0.6))


def test_units_of_objectives_do_not_matter():
    told = SPACE.sample_many(np.random.default_rng(0), 20).tolist()
    asked = []
    for unit in (1.0, 1e-9):
        optimizer = EHVI(TWO, np.random.default_rng(1), n_initial=1)
        optimizer.ask()
        for i, arch in enumerate(told):
            optimizer.tell(Trial(tuple(arch)), Outcome.of(sum(arch), -unit * (i % 7)))
        asked.append(optimizer.ask().arch)
    assert asked[0] == asked[1]


def test_an_objective_that_is_known_without_training_is_looked_up():
    def known(archs):
        return np.stack([np.full(len(archs), np.nan), np.where((archs[:, :2] == 4).all(axis=1), 9.0, 0.0)], axis=1)

    rng = np.random.default_rng(0)
    told = [arch for arch in SPACE.sample_many(rng, 30).tolist() if arch[:2] != [4, 4]]
    asked = {}
    for task in (TWO, Task(SPACE, objectives=TWO.objectives, known_values=known)):
        optimizer = EHVI(task, np.random.default_rng(1), n_initial=1)
        optimizer.ask()
        for arch in told:
            optimizer.tell(Trial(tuple(arch)), Outcome.of(sum(arch), rng.random()))
        asked[task.known_values] = optimizer.ask().arch
    assert asked[None][:2] != (4, 4)
    assert asked[known][:2] == (4, 4)


def test_a_task_tells_objectives_that_are_known_oriented_and_no_others():
    bench = nbk.load("nasbench201/cifar10", objectives=["val_accuracy", "params_m"])
    archs = SPACE.sample_many(np.random.default_rng(0), 10)
    known = task_of(bench).known_values(archs)
    assert np.isnan(known[:, 0]).all()
    assert known[:, 1].tolist() == (-bench.values("params_m", archs)).tolist()
    assert task_of(nbk.load("nasbench201/cifar10")).known_values is None


def test_it_finds_more_of_the_front_than_chance():
    bench = nbk.load("nasbench201/imagenet16-120", objectives=["val_accuracy", "params_m"])
    rules, signs = Rules(n_evaluations=50, clock=EVALUATIONS, run="mean"), np.array([1, -1])
    reference = np.array(bench.reference_point()) * signs

    def found(name, seed):
        rng = np.random.default_rng(seed)
        records = simulate(bench, OPTIMIZERS[name](task_of(bench, rules), rng), rng=rng, rules=rules)
        return area(records.values * signs, reference)

    ours = np.mean([found("ehvi", seed) for seed in range(3)])
    chance = [found("random_search", seed) for seed in range(20)]
    assert ours > np.mean(chance) + 2 * np.std(chance) / np.sqrt(3)


def area(values, reference):
    """As `hypervolume`, of two objectives and many points."""
    total, reached = 0.0, reference[1]
    for first, second in sorted(values.tolist(), reverse=True):
        total += max(first - reference[0], 0.0) * max(second - reached, 0.0)
        reached = max(reached, second)
    return total


@pytest.mark.parametrize("name", ["pool_size", "n_parents", "n_initial"])
def test_wrong_settings_are_told_in_one_line(name):
    with pytest.raises(SettingError, match=f"{name}=0; an integer of at least"):
        EHVI(TWO, np.random.default_rng(0), **{name: 0})

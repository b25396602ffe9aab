"""NSGA-II."""

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers import NSGA2, OPTIMIZERS, Outcome, Task, Trial
from nasbench_kit.optimizers.multi_objective.nsga2 import _Member, _survivors
from nasbench_kit.simulator import simulate, task_of
from nasbench_kit.spaces import ChoiceSpace, NASBench201Space

SPACE = NASBench201Space()
TWO = ("val_accuracy", "params_m")


@pytest.fixture(scope="module")
def bench():
    return nbk.Benchmark(nbk.load("nasbench201/cifar10").results, "cifar10", objectives=TWO)


def hypervolume(values, reference):
    """The area that is dominated by points (accuracy, parameters), up to a reference point."""
    area, left = 0.0, reference[1]
    for accuracy, params in sorted(values, key=lambda one: (-one[0], one[1])):
        if params < left:
            area += (accuracy - reference[0]) * (left - params)
            left = params
    return area


def members(values, violations=None):
    violations = violations or [0.0] * len(values)
    return [
        _Member((i,), value, violation) for i, (value, violation) in enumerate(zip(values, violations, strict=True))
    ]


def kept(*args):
    n, given = args[-1], members(*args[:-1])
    return [member.arch[0] for member in _survivors(given, n)]


def test_survivors_are_whole_fronts_and_of_the_last_one_the_loneliest():
    values = [(0, 10), (1, 9.5), (5, 5), (9.5, 1), (10, 0), (0, 0), (4, 4)]
    assert set(kept(values, 3)) == {0, 4, 2}
    assert set(kept(values, 5)) == {0, 1, 2, 3, 4}
    assert kept(values, 6)[-1] == 6
    assert kept(values, 7)[-1] == 5


def test_what_keeps_to_the_constraints_survives_what_does_not():
    assert kept([(9, 9), (1, 1), (8, 8)], [0.2, 0.0, 0.1], 3) == [1, 2, 0]


def test_a_failure_does_not_survive_what_exceeds_constraints():
    optimizer = NSGA2(Task(SPACE, objectives=TWO), np.random.default_rng(0), population_size=2)
    failed, exceeding = (optimizer.ask() for _ in range(2))
    optimizer.tell(failed, Outcome.of(-np.inf, -np.inf))
    optimizer.tell(exceeding, Outcome.of(0.1, -1, violations=(7.0,)))
    optimizer.ask()
    assert [member.arch for member in optimizer._parents] == [exceeding.arch, failed.arch]


def test_a_generation_is_bred_when_all_of_the_one_before_is_told():
    optimizer = NSGA2(Task(SPACE, objectives=TWO), np.random.default_rng(0), population_size=6)
    for _ in range(10):
        trials = [optimizer.ask() for _ in range(6)]
        for trial in reversed(trials):
            assert optimizer.ask() is None
            optimizer.tell(trial, Outcome.of(sum(trial.arch), trial.arch[0]))
        assert len(set(trials)) == 6


def test_without_crossing_children_differ_from_their_parents_in_one_decision_on_average():
    space = ChoiceSpace("wide", {f"x{i}": [str(n) for n in range(100)] for i in range(20)})
    optimizer = NSGA2(Task(space, objectives=TWO), np.random.default_rng(0), population_size=100, crossover_rate=0.0)
    for _ in range(100):
        optimizer.tell(optimizer.ask(), Outcome.of(0.0, 0.0))
    children = np.array([optimizer.ask().arch for _ in range(100)])
    parents = np.array([member.arch for member in optimizer._parents])
    changed = (children[:, None] != parents).sum(axis=2).min(axis=1)
    assert (changed >= 1).all()  # others are bred again
    assert abs(changed.mean() - 0.99 / (1 - 0.9505**20)) < 0.5  # binomial(20, 0.0495), without 0


def test_it_finds_as_much_as_pymoo_does(bench):
    # pymoo 0.6.2, NSGA2(40), UX(prob=0.9), decisions redrawn with probability 1/6, tournaments by rank and crowding as
    # in the paper, on the means of nasbench201/cifar10, 400 evaluations, 200 runs; hypervolume by moocore 0.3.2:
    # mean 1.180225, standard error 0.000065. (Random search: 1.17732.)
    reference = bench.reference_point()
    found = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        optimizer = NSGA2(task_of(bench), rng)
        records = simulate(bench, optimizer, rng=rng, n_evaluations=400, run="mean")
        found.append(hypervolume(records.values.tolist(), reference))
    assert abs(np.mean(found) - 1.180225) < 4 * np.hypot(np.std(found, ddof=1) / np.sqrt(60), 0.000065)


@pytest.mark.parametrize("name", ["nsga2", "mo_regularized_evolution"])
def test_one_objective_is_refused_with_benchmarks_left_unnamed(name):
    bench = nbk.load("nasbench201/cifar10")
    with pytest.raises(SettingError, match=f"{name} needs two objectives or more; there is val_accuracy alone"):
        nbk.compare(bench, name, runs=1, n_evaluations=5)


def test_random_search_serves_several_objectives(bench):
    rng = np.random.default_rng(0)
    records = simulate(bench, OPTIMIZERS["random_search"](task_of(bench), rng), rng=rng, n_evaluations=30)
    assert records.values.shape == (30, 2)


def test_what_was_never_asked_for_may_become_a_parent():
    optimizer = NSGA2(Task(SPACE, objectives=TWO), np.random.default_rng(0), population_size=4)
    optimizer.tell(Trial((4,) * 6), Outcome.of(9.0, 9.0))
    for _ in range(4):
        optimizer.tell(optimizer.ask(), Outcome.of(0.0, 0.0))
    optimizer.ask()
    assert optimizer._parents[0].arch == (4,) * 6

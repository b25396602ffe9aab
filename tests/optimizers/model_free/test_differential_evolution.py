"""Differential evolution on the unit cube."""

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.optimizers import DifferentialEvolution, Outcome, Task, Trial
from nasbench_kit.optimizers.model_free.differential_evolution import bred
from nasbench_kit.spaces import ChoiceSpace

CUBE = ChoiceSpace("cube", dict.fromkeys("uvwxyz", tuple("abcd")))
N = 8


def evolution(**how):
    return DifferentialEvolution(Task(CUBE), np.random.default_rng(0), population_size=N, **how)


def generation(optimizer, value_of):
    trials = [optimizer.ask() for _ in range(N)]
    assert optimizer.ask() is None, "the next generation begins before this one is told"
    for trial in trials:
        optimizer.tell(trial, Outcome.of(value_of(trial.arch)))
    return trials


def test_what_was_told_without_being_asked_for_is_a_member_and_not_asked_for():
    optimizer = evolution()
    told = [(0, 0, 0, 0, 0, n) for n in range(4)]
    for arch in told:
        optimizer.tell(Trial(arch), Outcome.of(1.0))
    assert not {*told} & {trial.arch for trial in generation(optimizer, lambda arch: 0.0)}
    assert {*told} <= {tuple(row) for row in (optimizer._vectors * 4).astype(int).tolist()}


def test_a_mutant_is_a_member_plus_a_difference_of_two_others_and_none_is_the_challenged_one():
    rng = np.random.default_rng(0)
    x = rng.random((N, 6))
    for _ in range(50):
        mutants = bred(x, 0.001, 1.0, rng)
        for i, mutant in enumerate(mutants):
            base = int(np.abs(x - mutant).max(axis=1).argmin())
            difference = (mutant - x[base]) / 0.001
            pairs = [(a, b) for a in range(N) for b in range(N) if np.allclose(x[a] - x[b], difference, atol=1e-9)]
            assert base != i
            assert any(i not in pair and base not in pair and pair[0] != pair[1] for pair in pairs)


@pytest.mark.parametrize("probability", [0.0, 0.5, 1.0])
def test_as_many_coordinates_come_from_the_mutant_as_the_probability_says_and_at_least_one(probability):
    rng = np.random.default_rng(0)
    x = rng.random((N, 6))
    changed = np.array([bred(x, 0.5, probability, rng) != x for _ in range(500)])
    assert changed.any(axis=2).all()
    expected = probability + (1 - probability) / 6
    assert abs(changed.mean() - expected) <= 5 * np.sqrt(expected * (1 - expected) / changed.size)


def test_coordinates_stay_in_the_cube():
    optimizer = evolution(mutation_factor=2.0)
    for _ in range(20):
        generation(optimizer, sum)
        assert ((optimizer._vectors >= 0) & (optimizer._vectors < 1)).all()


def test_a_challenger_that_is_no_worse_takes_the_place_and_no_other():
    optimizer = evolution()
    generation(optimizer, sum)
    for _ in range(10):
        before, vectors = list(optimizer._values), optimizer._vectors.copy()
        trials = generation(optimizer, sum)
        for i, trial in enumerate(trials):
            assert optimizer._values[i] == max(before[i], sum(trial.arch))
            took = not (optimizer._vectors[i] == vectors[i]).all()
            assert took == (sum(trial.arch) >= before[i])


def test_the_same_architecture_may_challenge_two_at_once():
    optimizer = DifferentialEvolution(
        Task(ChoiceSpace("tiny", {"x": ["a", "b"]})), np.random.default_rng(0), population_size=N
    )
    for _ in range(30):
        trials = generation(optimizer, sum)
    assert {trial.arch for trial in trials} == {(1,)}
    assert optimizer._values == [1.0] * N


def test_what_was_never_asked_for_takes_the_place_of_the_worst():
    optimizer = evolution()
    generation(optimizer, sum)
    worst = int(np.argmin(optimizer._values))
    optimizer.tell(Trial((3,) * 6), Outcome.of(18.0))
    assert optimizer._values[worst] == 18
    assert optimizer._vectors[worst].tolist() == [0.875] * 6


def test_it_does_as_well_as_the_implementation_of_its_authors(cifar100):
    # the DE of dehb 0.1.2 (rand1_bin, NP=20, F=CR=0.5) on the same data, 200 evaluations, 300 runs: the best of
    # CIFAR-100 by the mean of seeds in percent has mean 72.676 and standard error 0.034
    best = []
    for seed in range(150):
        optimizer, values = DifferentialEvolution(Task(cifar100.space), np.random.default_rng(seed)), []
        for _ in range(200):
            trial = optimizer.ask()
            values.append(cifar100.objective(trial.arch))
            optimizer.tell(trial, Outcome.of(values[-1]))
        best.append(100 * max(values))
    assert abs(np.mean(best) - 72.676) < 4 * np.hypot(np.std(best, ddof=1) / np.sqrt(150), 0.034)


def test_in_a_space_with_rules_the_nearest_architecture_is_trained():
    space = nbk.load("nasbench101/cifar10").space
    optimizer = DifferentialEvolution(Task(space), np.random.default_rng(0))
    for _ in range(100):
        trial = optimizer.ask()
        assert space.is_valid(trial.arch)
        optimizer.tell(trial, Outcome.of(sum(trial.arch)))

"""The genetic algorithm of single path one-shot search."""

import numpy as np
import pytest

from nasbench_kit.optimizers import GeneticAlgorithm, Outcome, Task, Trial
from nasbench_kit.optimizers.variation import crossed, redrawn
from nasbench_kit.spaces import ChoiceSpace, NASBench101Space, NASBench201Space

SPACE = NASBench201Space()
WIDE = ChoiceSpace("wide", {f"x{i}": [str(n) for n in range(100)] for i in range(20)})


def generation(optimizer, n, value_of):
    trials = [optimizer.ask() for _ in range(n)]
    assert optimizer.ask() is None, "the next generation begins before this one is told"
    for trial in reversed(trials):  # in any order
        optimizer.tell(trial, Outcome.of(value_of(trial.arch)))
    return [trial.arch for trial in trials]


def best_of(archs, n):
    return sorted(archs, key=sum, reverse=True)[:n]


def test_the_children_have_the_decisions_of_the_best_of_all_generations():
    optimizer = GeneticAlgorithm(Task(WIDE), np.random.default_rng(0), population_size=20, n_parents=4)
    so_far = generation(optimizer, 20, sum)
    for _ in range(6):
        parents = np.array(best_of(so_far, 4))
        children = np.array(generation(optimizer, 20, sum))
        inherited = (children[:, None] == parents).any(axis=1)
        assert inherited[:10].all()  # crossed
        assert not inherited[10:].all()
        per_parent = (children[10:, None] == parents).mean(axis=2).max(axis=1)  # mutated: a tenth of the decisions
        assert (per_parent >= 0.5).all()
        assert 0.8 < per_parent.mean() < 0.98
        so_far += map(tuple, children.tolist())


def test_nothing_is_trained_twice():
    optimizer = GeneticAlgorithm(Task(SPACE), np.random.default_rng(0), population_size=10, n_parents=2)
    asked = [arch for _ in range(60) for arch in generation(optimizer, 10, sum)]
    assert len(set(asked)) == len(asked)


def test_what_was_never_asked_for_may_become_a_parent():
    optimizer = GeneticAlgorithm(Task(WIDE), np.random.default_rng(0), population_size=4, n_parents=1)
    best = (99,) * 20
    optimizer.tell(Trial(best), Outcome.of(1e6))
    generation(optimizer, 4, sum)
    assert all(np.mean(np.array(child) == 99) >= 0.5 for child in generation(optimizer, 4, sum)[2:])


@pytest.mark.parametrize("space", [SPACE, NASBench101Space()], ids=str)
def test_breeding_gives_architectures_of_the_space(space):
    rng = np.random.default_rng(0)
    for _ in range(100):
        mother, father = space.sample(rng), space.sample(rng)
        assert space.is_valid(crossed(space, mother, father, rng))
        assert space.is_valid(redrawn(space, mother, 0.5, rng))


def test_crossing_takes_half_of_each_parent_and_redrawing_as_many_decisions_as_its_rate_says():
    rng = np.random.default_rng(0)
    mother, father = (0,) * 20, (1,) * 20
    share = np.mean([crossed(WIDE, mother, father, rng) for _ in range(1_000)])
    assert abs(share - 0.5) < 5 * np.sqrt(0.25 / 20_000)
    changed = np.mean([redrawn(WIDE, mother, 0.1, rng) != np.zeros(20) for _ in range(1_000)])
    assert abs(changed - 0.1 * 0.99) < 5 * np.sqrt(0.09 / 20_000)

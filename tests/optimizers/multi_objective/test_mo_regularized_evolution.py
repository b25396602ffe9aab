"""Multi-objective regularized evolution."""

import numpy as np

from nasbench_kit.optimizers import MORegularizedEvolution, Outcome, Task, Trial
from nasbench_kit.optimizers.multi_objective.fronts import best, spread_out
from nasbench_kit.spaces import NASBench201Space

SPACE = NASBench201Space()
FAR_APART = [(a, a, a, b, b, b) for a in range(5) for b in range(5)]  # any two differ in at least 3 decisions
TWO = Task(SPACE, objectives=("a", "b"))


def parent_of(child):
    return min(range(25), key=lambda i: sum(a != b for a, b in zip(FAR_APART[i], child, strict=True)))


def test_the_parent_is_the_first_of_the_sample_by_front_and_spread():
    rng = np.random.default_rng(0)
    values = rng.random((25, 2)).round(1)
    n, size = 4_000, 3
    optimizer = MORegularizedEvolution(TWO, rng, population_size=25, sample_size=size)
    for arch, (a, b) in zip(FAR_APART, values.tolist(), strict=True):
        optimizer.tell(Trial(arch), Outcome.of(a, b))
    counts = np.bincount([parent_of(optimizer.ask().arch) for _ in range(n)], minlength=25)
    worse = 24 - np.argsort(best(values, 25, spread_out))
    shares = ((worse + 1) ** size - worse**size) / 25**size  # of a sample with replacement
    assert (np.abs(counts - n * shares) <= 5 * np.sqrt(n * shares * (1 - shares)) + 1e-9).all()


def test_the_oldest_dies_even_if_nothing_dominates_it():
    optimizer = MORegularizedEvolution(TWO, np.random.default_rng(0), population_size=3, sample_size=50)
    for i, value in enumerate((9, 5, 1)):
        optimizer.tell(Trial(FAR_APART[i]), Outcome.of(value, value))
    assert {parent_of(optimizer.ask().arch) for _ in range(20)} == {0}
    optimizer.tell(Trial(FAR_APART[7]), Outcome.of(2, 2))
    assert {parent_of(optimizer.ask().arch) for _ in range(20)} == {1}


def test_failures_are_no_parents_while_there_are_others():
    optimizer = MORegularizedEvolution(TWO, np.random.default_rng(0), population_size=3, sample_size=50)
    for i, value in enumerate((-np.inf, 0.1, -np.inf)):
        optimizer.tell(Trial(FAR_APART[i]), Outcome.of(value, value))
    assert {parent_of(optimizer.ask().arch) for _ in range(20)} == {1}

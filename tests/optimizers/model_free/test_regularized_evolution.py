"""Who dies in evolution without regularization."""

import numpy as np

from nasbench_kit.optimizers import Outcome, RegularizedEvolution, Task, Trial
from nasbench_kit.spaces import NASBench201Space

SPACE = NASBench201Space()
FAR_APART = [(a, a, a, b, b, b) for a in range(5) for b in range(5)]  # any two differ in at least 3 decisions


def evolution(values, seed=0, **how):
    optimizer = RegularizedEvolution(Task(SPACE), np.random.default_rng(seed), population_size=len(values), **how)
    for arch, value in zip(FAR_APART, values, strict=False):
        optimizer.tell(Trial(arch), Outcome.of(value))
    return optimizer


def told(optimizer, i, value):
    optimizer.tell(Trial(FAR_APART[i]), Outcome.of(value))
    return [FAR_APART.index(arch) for arch in optimizer._archs]


def test_the_worst_of_all_dies_wherever_it_stands():
    assert told(evolution([0.3, 0.1, 0.2], remove="worst"), 3, 0.4) == [0, 2, 3]


def test_of_equally_bad_ones_the_newest_dies_also_if_it_is_the_newcomer():
    # naszilla, nas_algorithms.py, evolution_search(regularize=False): the last of a stable sort by loss
    optimizer = evolution([0.3, 0.1, 0.1], remove="worst")
    assert told(optimizer, 3, 0.1) == [0, 1, 2]
    assert told(optimizer, 4, 0.05) == [0, 1, 2]
    assert told(optimizer, 5, 0.2) == [0, 1, 5]


def test_the_worst_of_the_sample_dies_of_which_the_parent_was_the_best():
    # Real et al. 2019, https://arxiv.org/abs/1802.01548: "killing the worst model in the random S-sample"
    values = [0.5, 0.1, 0.2, 0.3, 0.4]
    died = set()
    for seed in range(50):
        optimizer = evolution(values, seed, sample_size=2, remove="worst of sample")
        optimizer.ask()
        worst = min(optimizer._sample, key=values.__getitem__)
        assert told(optimizer, 9, 0.0) == [i for i in range(5) if i != worst] + [9]
        died.add(worst)
    assert len(died) == 5  # the best too, where both are the same


def test_without_a_sample_to_die_in_one_is_drawn():
    assert len(told(evolution([0.5, 0.1, 0.2], remove="worst of sample"), 9, 0.0)) == 3


def test_the_best_is_never_forgotten_without_regularization():
    rng = np.random.default_rng(1)
    optimizer = evolution([0.9, 0.1, 0.2], sample_size=2, remove="worst")
    for _ in range(200):
        optimizer.tell(optimizer.ask(), Outcome.of(float(rng.random() / 2)))
    assert FAR_APART[0] in optimizer._archs

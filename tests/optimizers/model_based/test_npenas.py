"""NPENAS: whose children it asks for, which of them, and that threads do not matter."""

import numpy as np
import pytest
import torch

import nasbench_kit as nbk
from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers import NPENAS, Outcome, Task, Trial
from nasbench_kit.simulator import EVALUATIONS, Rules, simulate, task_of
from nasbench_kit.spaces import NASBench201Space

SPACE = NASBench201Space()


def search(**how):
    return NPENAS(Task(SPACE), np.random.default_rng(0), n_initial=1, **how)


def first_batch(optimizer, archs, value_of):
    """What it asks for after these were told."""
    for arch in archs:
        optimizer.tell(Trial(arch), Outcome.of(value_of(arch)))
    return [optimizer.ask().arch for _ in range(11)][1:]  # the first one is random


def some(n):
    return list(map(tuple, SPACE.sample_many(np.random.default_rng(1), n).tolist()))


def distance(arch, other):
    return sum(a != b for a, b in zip(arch, other, strict=True))


def test_it_asks_for_the_children_of_the_best_that_the_network_expects_to_be_best():
    archs, weights = some(60), np.random.default_rng(2).normal(size=5)
    value_of = lambda arch: float(weights[list(arch)].sum())  # noqa: E731
    batch = first_batch(search(), archs, value_of)
    best_first = sorted(archs, key=value_of, reverse=True)
    assert {min(distance(arch, parent) for parent in best_first[:8]) for arch in batch} == {1}
    children = [child for parent in best_first[:5] for child in SPACE.neighbors(parent)]
    assert np.mean([*map(value_of, batch)]) > np.quantile([*map(value_of, children)], 0.9)


@pytest.mark.parametrize("n", [1, 2])
def test_a_network_is_learned_from_two_or_more(n):
    asked = first_batch(search(epochs=2), some(n), lambda arch: 0.5)
    assert len({*asked}) == 10


def test_the_number_of_threads_does_not_matter():
    bench, rules = nbk.load("nasbench201/cifar100"), Rules(n_evaluations=30, clock=EVALUATIONS)

    def run(threads):
        before, rng = torch.get_num_threads(), np.random.default_rng(3)
        torch.set_num_threads(threads)
        try:
            return simulate(bench, NPENAS(task_of(bench, rules), rng, epochs=3), rng=rng, rules=rules).archs
        finally:
            torch.set_num_threads(before)

    np.testing.assert_array_equal(run(1), run(4))


def test_wrong_settings_are_told_in_one_line():
    with pytest.raises(SettingError, match="epochs=0; an integer of at least 1 expected"):
        search(epochs=0)
    with pytest.raises(SettingError, match="n_candidates=0; an integer of at least 1 expected"):
        search(n_candidates=0)

"""ParEGO: its weighting by hand, and more of the front than chance finds."""

from collections import Counter
from math import comb, sqrt

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers import OPTIMIZERS, ParEGO, Task
from nasbench_kit.optimizers.multi_objective.parego import drawn_weights
from nasbench_kit.simulator import EVALUATIONS, Rules, simulate, task_of
from nasbench_kit.spaces import NASBench201Space

TASK = Task(NASBench201Space(), objectives=("val_accuracy", "latency_s"))
RULES = Rules(n_evaluations=60, clock=EVALUATIONS, run="mean")


def test_the_weighting_is_the_papers():
    # losses 0, 1/2, 1 and 1, 1/2, 0; with one division the weights are (0, 1) or (1, 0), of two they may be (1/2, 1/2)
    values = np.array([[0.9, -3.0], [0.8, -2.0], [0.7, -1.0]])
    found = {
        tuple(np.round(ParEGO(TASK, np.random.default_rng(seed), n_divisions=2)._scalarized(values), 9).tolist())
        for seed in range(30)
    }
    ends = {(0.0, -0.525, -1.05), (-1.05, -0.525, 0.0)}
    middle = (-(0.5 + 0.05 * 0.5), -(0.25 + 0.05 * 0.5), -(0.5 + 0.05 * 0.5))
    rounded = {tuple(np.round(one, 9).tolist()) for one in (*ends, middle)}
    assert {tuple(abs(x) for x in one) for one in found} == {tuple(abs(x) for x in one) for one in rounded}


@pytest.mark.parametrize("n", [2, 3, 4])
def test_all_weights_are_drawn_as_often(n):
    rng, n_drawn, n_each = np.random.default_rng(0), comb(4 + n - 1, n - 1), 400
    drawn = np.array([drawn_weights(n, 4, rng) for _ in range(n_each * n_drawn)])
    assert (drawn >= 0).all()
    assert (drawn.sum(axis=1) == 1).all()
    counts = Counter(map(tuple, (4 * drawn).tolist()))
    assert len(counts) == n_drawn
    assert all(abs(count - n_each) < 5 * sqrt(n_each) for count in counts.values())


def test_an_objective_that_never_differs_does_not_count():
    values = np.array([[0.9, -3.0], [0.8, -3.0]])
    found = ParEGO(TASK, np.random.default_rng(0))._scalarized(values)
    assert np.isfinite(found).all()


def test_it_finds_more_of_the_front_than_chance():
    bench = nbk.load("nasbench201/cifar10", objectives=["val_accuracy", "latency_s"])
    worst = np.array(bench.reference_point())

    def area(name, seed):
        rng = np.random.default_rng(seed)
        records = simulate(bench, OPTIMIZERS[name](task_of(bench, RULES), rng), rng=rng, rules=RULES)
        accuracy = bench.values("val_accuracy", records.archs)
        latency = bench.values("latency_s", records.archs)
        total, reached = 0.0, worst[0]
        for one, other in sorted(zip(latency, accuracy, strict=True)):  # the fastest first
            if other > reached:
                total += (other - reached) * (worst[1] - one)
                reached = other
        return total

    ours, chance = (np.array([area(name, seed) for seed in range(6)]) for name in ("parego", "random_search"))
    assert ours.mean() > chance.mean() + 2 * chance.std() / sqrt(6)


def test_wrong_settings_are_told_in_one_line():
    with pytest.raises(SettingError, match="n_divisions=0; an integer of at least 1"):
        ParEGO(TASK, np.random.default_rng(0), n_divisions=0)

"""Simulated annealing: where the walk goes."""

from math import exp, inf

import numpy as np
import pytest

from nasbench_kit.optimizers import Outcome, SimulatedAnnealing, Task, Trial
from nasbench_kit.spaces import NASBench201Space

SPACE = NASBench201Space()
HERE, THERE = (0,) * 6, (4,) * 6


def annealing(seed=0, **how):
    optimizer = SimulatedAnnealing(Task(SPACE), np.random.default_rng(seed), **how)
    optimizer.tell(Trial(HERE), Outcome.of(1.0))
    return optimizer


def distance(arch, other):
    return sum(a != b for a, b in zip(arch, other, strict=True))


def goes(optimizer, value):
    optimizer.tell(Trial(THERE), Outcome.of(value))
    return distance(optimizer.ask().arch, THERE) == 1


@pytest.mark.parametrize("loss", [0.1, 1.0, 3.0])
def test_what_is_worse_is_accepted_as_often_as_metropolis_says(loss):
    n, temperature = 4_000, 2.0
    accepted = sum(goes(annealing(seed, temperature=temperature / 0.85), 1 - loss) for seed in range(n))
    expected = exp(-loss / temperature)  # cooled once
    assert abs(accepted - n * expected) < 5 * np.sqrt(n * expected * (1 - expected))


@pytest.mark.parametrize("value", [1.0, 1.1])
def test_what_is_no_worse_is_accepted_however_cold_it_is(value):
    assert all(goes(annealing(seed, temperature=1e-9), value) for seed in range(50))


def test_a_failure_is_left_at_once_and_never_gone_to():
    assert not any(goes(annealing(seed, temperature=1e9), -inf) for seed in range(50))
    optimizer = SimulatedAnnealing(Task(SPACE), np.random.default_rng(0))
    optimizer.tell(Trial(HERE), Outcome.of(-inf))
    assert goes(optimizer, 0.0)


def test_the_temperature_falls_geometrically_with_the_outcomes():
    optimizer = SimulatedAnnealing(Task(SPACE), np.random.default_rng(0), temperature=8.0, cooling=0.5, n_steps=3)
    found = []
    for _ in range(9):
        optimizer.tell(Trial(HERE), Outcome.of(0.0))
        found.append(optimizer._temperature)
    assert found == [8, 8, 4, 4, 4, 2, 2, 2, 1]


def test_a_long_search_is_not_too_cold_to_go_on():
    optimizer = annealing(cooling=0.01)
    for _ in range(500):
        optimizer.tell(optimizer.ask(), Outcome.of(0.5))
    assert distance(optimizer.ask().arch, HERE) == 1


def test_it_begins_at_random_and_goes_on_from_neighbor_to_neighbor():
    starts = {SimulatedAnnealing(Task(SPACE), np.random.default_rng(seed)).ask().arch for seed in range(20)}
    assert len(starts) > 15
    assert {distance(annealing(seed).ask().arch, HERE) for seed in range(20)} == {1}

"""DEHB: Hyperband on populations that evolve."""

import random
from math import inf

import numpy as np
import pytest

from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers import DEHB, Outcome, Task, Trial
from nasbench_kit.spaces import ChoiceSpace, NASBench201Space

TASK = Task(NASBench201Space(), epochs=(1, 3, 9))

# dehb 0.1.2, DEHB(dimensions=3, min_fidelity=1, max_fidelity=9, eta=3): fidelity and parent of 60 jobs, of which five
# are in flight; which of them ends, and with which fitness, is drawn by random.Random(0), as below
FIDELITIES = "111111111333999113339111111133939991133311191191133399991111"
PARENTS = "012345678012012010120234567801122010101223425607801212010123"


def dehb(task=TASK, **how):
    return DEHB(task, np.random.default_rng(0), **how)


def tell(optimizer, trial, value):
    optimizer.tell(trial, Outcome.of(value, epoch=trial.epoch))


def run(optimizer, value_of, n):
    trials = []
    for _ in range(n):
        trials.append(optimizer.ask())
        tell(optimizer, trials[-1], value_of(trials[-1].arch))
    return trials


def test_epochs_and_parents_follow_each_other_as_in_the_release():
    optimizer, draw = dehb(), random.Random(0)
    running, jobs = [], []
    while len(jobs) < len(FIDELITIES):
        if len(running) < 5:
            running.append(optimizer.ask())
            jobs.append((running[-1].epoch, optimizer._running[running[-1].training][1]))
        else:
            tell(optimizer, running.pop(draw.randrange(5)), -draw.random())
    assert "".join(str(epoch) for epoch, _ in jobs) == FIDELITIES
    assert "".join(str(parent) for _, parent in jobs) == PARENTS


def test_in_the_first_round_the_best_of_the_rung_below_are_promoted():
    optimizer = dehb()
    values = random.Random(1).sample(range(100), 13)
    trials = [optimizer.ask() for _ in range(9)]
    for trial, value in zip(trials, values, strict=False):
        tell(optimizer, trial, value)
    best = sorted(range(9), key=lambda i: -values[i])[:3]
    promoted = [optimizer.ask() for _ in range(3)]
    assert [(trial.arch, trial.epoch) for trial in promoted] == [(trials[i].arch, 3) for i in best]
    for trial, value in zip(promoted, (1, 3, 2), strict=True):
        tell(optimizer, trial, value)
    assert optimizer.ask()[:2] == (promoted[1].arch, 9)


def test_after_the_first_round_nothing_is_promoted_as_it_is():
    trials = run(dehb(), lambda arch: float(sum(arch)), 40)
    first, second = trials[:20], trials[20:]
    assert [trial.epoch for trial in second] == [trial.epoch for trial in first]
    of = {epoch: {trial.arch for trial in second if trial.epoch == epoch} for epoch in (1, 3)}
    assert len(of[1] & of[3]) <= 2  # of six at epoch 3


def test_every_trial_is_a_training_of_its_own():
    trials = run(dehb(), sum, 100)
    assert len({trial.training for trial in trials}) == 100


def test_a_mutant_is_made_of_three_parents_and_crossed_with_the_target():
    optimizer = dehb(crossover_prob=0.0, mutation_factor=0.5)
    target, parents = np.full(6, 0.45), np.array([[0.4] * 6, [0.6] * 6, [0.2] * 6])
    expected = {round(a + 0.5 * (b - c), 9) for a in (0.4, 0.6, 0.2) for b in (0.4, 0.6, 0.2) for c in (0.4, 0.6, 0.2)}
    for _ in range(50):
        child = optimizer._child(target, parents)
        (changed,) = np.flatnonzero(child != target)  # at least one decision is the mutant's
        assert round(child[changed], 9) in expected
    optimizer = dehb(crossover_prob=1.0, mutation_factor=0.5)
    assert all((optimizer._child(target, parents) != target).all() for _ in range(50))


def test_what_leaves_the_unit_cube_is_drawn_anew():
    optimizer = dehb(crossover_prob=1.0, mutation_factor=1.0)
    parents = np.array([[0.0] * 6, [1.0] * 6, [0.9] * 6])
    children = np.array([optimizer._child(np.full(6, 0.5), parents) for _ in range(200)])
    assert ((children >= 0) & (children <= 1)).all()
    assert len(np.unique(children)) > 100


def test_it_climbs():
    early, late = np.split(np.array([sum(trial.arch) for trial in run(dehb(), sum, 1_000)]), [100])
    assert late[-100:].mean() > early.mean() + 6


def test_failures_and_strangers_change_nothing():
    optimizer = dehb()
    tell(optimizer, Trial((0,) * 6, 1, training=10**6), 1.0)
    tell(optimizer, Trial((0,) * 6), 1.0)
    trials = run(optimizer, lambda arch: -inf, 200)
    assert {trial.epoch for trial in trials} == {1, 3, 9}


@pytest.mark.parametrize("epochs", [(9,), (4, 12)])
def test_one_rung_or_two_and_a_space_of_one_decision_are_no_problem(epochs):
    task = Task(ChoiceSpace("coin", {"side": ("heads", "tails")}), epochs=epochs)
    assert {trial.epoch for trial in run(dehb(task), sum, 50)} == set(epochs)


@pytest.mark.parametrize("name", ["mutation_factor", "crossover_prob"])
def test_a_wrong_setting_is_named_with_what_would_be_right(name):
    with pytest.raises(SettingError, match=f"{name}=1.5; a number from 0 to 1 expected"):
        dehb(**{name: 1.5})

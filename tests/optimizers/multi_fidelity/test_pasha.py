"""PASHA: rungs are opened when the two highest disagree."""

import random
from itertools import combinations
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers import PASHA, Outcome, Task
from nasbench_kit.optimizers.multi_fidelity.pasha import Sample, change_of_ranking, distances_of_crossing
from nasbench_kit.spaces import NASBench201Space

TASK = Task(NASBench201Space(), epochs=tuple(range(1, 82)))

# Syne Tune 0.13.0, schedulers/hyperband_pasha.py: PASHARungSystem([1, 3, 9, 27], [1 / 3] * 4, "m", "max", "e", 81) was
# reported what `opened` tells, with milestones as asked: noise, seed -> (report, rungs in use, epsilon)
SYNE_TUNE = {
    (0.02, 0): [(41, 3, 0.0), (775, 4, 0.005448147298233219)],
    (0.3, 2): [(9, 3, 0.0), (91, 4, 0.028203136776130313)],
    (0.001, 3): [(109, 3, 0.0), (1741, 4, 0.00022228138470997694)],
}


def opened(noise, seed, n=2_000):
    """When rungs were opened, with epsilon, by trials told one by one: curves quality - 1 / epoch + noise / epoch."""
    draw, curves, found = random.Random(seed), {}, []
    optimizer = PASHA(TASK, np.random.default_rng(0))
    n_rungs, epsilon = 2, 0.0
    for i in range(n):
        trial = optimizer.ask()
        if trial.training not in curves:
            quality = draw.random()
            curves[trial.training] = [quality - 1 / e + noise * draw.random() / e for e in TASK.epochs]
        optimizer.tell(trial, Outcome.of(curves[trial.training][trial.epoch - 1], epoch=trial.epoch))
        if optimizer._brackets.n_rungs != n_rungs:
            n_rungs, epsilon = optimizer._brackets.n_rungs, optimizer._epsilon
            found.append((i, n_rungs, pytest.approx(epsilon, rel=1e-9)))
    return found


@pytest.mark.parametrize(("noise", "seed"), SYNE_TUNE)
def test_rungs_are_opened_when_syne_tune_opens_them(noise, seed):
    assert opened(noise, seed) == SYNE_TUNE[noise, seed]


def run(optimizer, value_of, n):
    trials = []
    for _ in range(n):
        trials.append(optimizer.ask())
        optimizer.tell(trials[-1], Outcome.of(value_of(trials[-1]), epoch=trials[-1].epoch))
    return trials


def test_as_long_as_the_ranking_stays_it_trains_no_further_than_the_second_rung():
    trials = run(PASHA(TASK, np.random.default_rng(0)), lambda trial: trial.training % 97 + trial.epoch / 100, 3_000)
    assert max(trial.epoch for trial in trials) == 3
    assert {trial.epoch for trial in trials} == {1, 2, 3}


def test_when_the_ranking_changes_at_every_rung_all_are_opened():
    def value(trial):  # the better at an odd power of three, the worse at an even one
        rung = sum(trial.epoch >= 3**k for k in range(5))
        return (trial.training % 97) * (-1.0) ** rung

    trials = run(PASHA(TASK, np.random.default_rng(0)), value, 5_000)
    assert max(trial.epoch for trial in trials) == 81


def test_a_training_is_asked_for_epoch_by_epoch():
    trials = run(PASHA(TASK, np.random.default_rng(0)), lambda trial: (trial.training * 37 % 101) / trial.epoch, 3_000)
    reached = {}
    for trial in trials:
        assert trial.epoch == reached.get(trial.training, 0) + 1
        reached[trial.training] = trial.epoch


def test_what_failed_on_the_way_to_a_rung_is_not_gone_on_with():
    trials = run(PASHA(TASK, np.random.default_rng(0)), lambda trial: -inf if trial.epoch == 2 else trial.training, 999)
    assert {trial.epoch for trial in trials} == {1, 2}
    assert len({(trial.training, trial.epoch) for trial in trials}) == len(trials)


def crosses_back(one, other):
    """Whether, read from the end, the order of two curves is another one and later the same again."""
    order = [a > b for a, b in zip(one, other, strict=True)]
    return any(
        order[i] != order[-1] and order[j] == order[-1] for i, j in combinations(range(len(order) - 1, -1, -1), 2)
    )


@given(
    curves=st.integers(1, 6).flatmap(
        lambda n: st.lists(st.lists(st.integers(0, 9), min_size=n, max_size=n), min_size=1, max_size=8)
    )
)
def test_epsilon_is_taken_from_the_pairs_that_cross_and_cross_back(curves):
    *others, last = curves
    expected = [abs(other[-1] - last[-1]) for other in others if crosses_back(last, other)]
    found = distances_of_crossing(np.array(others, float).reshape(-1, len(last)), np.array(last, float))
    assert found.tolist() == expected


def test_the_change_of_a_ranking_is_how_far_apart_those_are_who_changed_places():
    before, swapped = np.array([0.9, 0.8, 0.5]), np.array([0.8, 0.9, 0.5])
    assert change_of_ranking(before, before * 2) == 0
    assert change_of_ranking(before, swapped) == pytest.approx(0.1)
    assert change_of_ranking(before, swapped[::-1]) == pytest.approx(0.4)
    assert change_of_ranking(before, np.zeros(3)) == 0  # what is equal changes no place


@given(
    parts=st.lists(st.lists(st.integers(0, 20), max_size=9), min_size=1, max_size=9).filter(any),
    percent=st.floats(0, 100),
    limit=st.integers(-1, 21),
)
def test_a_percentile_is_compared_with_a_limit_as_if_it_were_known(parts, percent, limit):
    sample, every = Sample(), np.concatenate([np.array(part, float) for part in parts])
    for part in parts:
        sample.add(np.array(part, float))
    found = np.percentile(every, percent)
    assert (sample.n, sample.percentile(percent)) == (len(every), found)
    for at in (limit, found):
        assert sample.percentile_is_below(at, percent) == (found < at)


def test_a_sample_of_many_parts_keeps_all():
    sample = Sample()
    for part in np.arange(10_000.0).reshape(100, 100):
        sample.add(part)
    assert [sample.n, sample.percentile(50), sample.percentile(100)] == [10_000, 4_999.5, 9_999]


@pytest.mark.parametrize("epochs", [(4,), (4, 12)])
def test_one_rung_or_two_are_all_in_use(epochs):
    optimizer = PASHA(Task(TASK.space, epochs=epochs), np.random.default_rng(0))
    trials = run(optimizer, lambda trial: float(trial.training), 50)
    assert {trial.epoch for trial in trials} == set(epochs)


def test_a_wrong_percentile_is_named_with_what_would_be_right():
    with pytest.raises(SettingError, match="percentile=101; a number from 0 to 100 expected"):
        PASHA(TASK, np.random.default_rng(0), percentile=101)

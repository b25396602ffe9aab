"""Successive halving and Hyperband: rungs that are decided when all of them is told."""

from collections import Counter
from itertools import chain
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasbench_kit.errors import SettingError, UnknownNameError
from nasbench_kit.optimizers import Hyperband, Outcome, SuccessiveHalving, Task, Trial
from nasbench_kit.spaces import NASBench201Space

TASK = Task(NASBench201Space(), epochs=(1, 3, 9))


def halving(**how):
    return SuccessiveHalving(TASK, np.random.default_rng(0), **how)


def asked(optimizer, n):
    return [optimizer.ask() for _ in range(n)]


def tell(optimizer, trials, values):
    for trial, value in zip(trials, values, strict=True):
        optimizer.tell(trial, Outcome.of(value, epoch=trial.epoch))


def one_by_one(optimizer, n, value_of=lambda trial: 0.5):
    """The trials of n rounds of ask and tell."""
    trials = []
    for _ in range(n):
        trials.append(optimizer.ask())
        tell(optimizer, trials[-1:], [value_of(trials[-1])])
    return trials


def test_the_best_third_of_each_rung_goes_on_and_then_it_starts_anew():
    optimizer = halving()
    first = asked(optimizer, 9)
    assert [trial.epoch for trial in first] == [1] * 9
    tell(optimizer, first, [0.1, 0.9, 0.2, 0.8, 0.3, 0.7, 0.4, 0.6, 0.5])
    second = asked(optimizer, 3)
    assert second == [trial._replace(epoch=3) for trial in (first[1], first[3], first[5])]
    tell(optimizer, second, [0.7, 0.9, 0.8])
    (last,) = asked(optimizer, 1)
    assert last == first[3]._replace(epoch=9)
    tell(optimizer, [last], [0.9])
    again = asked(optimizer, 9)
    assert {trial.epoch for trial in again} == {1}
    assert not {trial.training for trial in again} & {trial.training for trial in first}


def test_rounds_of_hyperband_repeat_its_brackets_for_ever():
    trials = one_by_one(Hyperband(TASK, np.random.default_rng(0)), 2 * (9 + 3 + 1 + 3 + 1 + 3))
    sizes = [(9, 1), (3, 3), (1, 9), (3, 3), (1, 9), (3, 9)]  # n // (s + 1) * 3^s of n = 3 rungs; s = 2, 1, 0
    assert [trial.epoch for trial in trials] == 2 * list(chain.from_iterable([epoch] * n for n, epoch in sizes))


def test_of_equal_ones_those_told_first_are_promoted():
    optimizer = halving(n_archs=6)
    trials = asked(optimizer, 6)
    order = [trials[i] for i in (3, 5, 0, 1, 2, 4)]
    tell(optimizer, order, [0.5, 0.5, 0.5, 0.4, 0.5, 0.5])
    assert [trial.training for trial in asked(optimizer, 2)] == [trials[3].training, trials[5].training]


@pytest.mark.parametrize(("values", "n_promoted"), [([-inf] * 5 + [0.1, -inf, 0.0, -inf], 2), ([-inf] * 9, 0)])
def test_what_failed_is_not_promoted_even_if_places_stay_free(values, n_promoted):
    optimizer = halving()
    tell(optimizer, asked(optimizer, 9), values)
    epochs = [trial.epoch for trial in asked(optimizer, 9)]
    assert epochs == [3] * n_promoted + [1] * (9 - n_promoted)


def test_workers_without_work_begin_the_next_bracket_or_wait():
    optimizer, patient = halving(), halving(idle="wait")
    assert [trial.epoch for trial in asked(optimizer, 20)] == [1] * 20
    trials = asked(patient, 9)
    assert patient.ask() is None
    tell(patient, trials[:8], np.arange(8))
    assert patient.ask() is None
    tell(patient, trials[8:], [8])
    assert [trial.epoch for trial in asked(patient, 3)] == [3] * 3
    assert patient.ask() is None


def test_the_oldest_bracket_goes_first():
    optimizer = halving(n_archs=3)
    first, second = asked(optimizer, 3), asked(optimizer, 3)
    tell(optimizer, second, [0.1, 0.2, 0.3])
    tell(optimizer, first, [0.1, 0.2, 0.3])
    assert [trial.training for trial in asked(optimizer, 2)] == [first[2].training, second[2].training]


def test_idle_makes_no_difference_to_one_worker():
    values = np.random.default_rng(1).random(500)

    def run(idle):
        return one_by_one(halving(idle=idle), 500, lambda trial: values[trial.training])

    assert run("wait") == run("next bracket")


@given(
    seed=st.integers(0, 2**32 - 1),
    n_workers=st.integers(1, 40),
    n_archs=st.integers(1, 30),
    failing=st.sampled_from((0.0, 0.3, 0.9)),
)
def test_in_any_order_of_tells_each_rung_holds_the_best_of_the_one_below(seed, n_workers, n_archs, failing):
    rng = np.random.default_rng(seed)
    optimizer = halving(n_archs=n_archs, idle="wait")
    running, told = [], []
    for _ in range(300):
        trial = optimizer.ask() if len(running) < n_workers else None
        if trial is not None:
            running.append(trial)
        else:
            trial = running.pop(int(rng.integers(len(running))))
            value = -inf if rng.random() < failing else float(rng.integers(6))
            tell(optimizer, [trial], [value])
            told.append((trial, value))
    of_bracket = [[entry for entry in told if entry[0].training // n_archs == b] for b in range(len(told))]
    for entries in filter(None, of_bracket[: told[-1][0].training // n_archs]):  # those that are over
        rungs = {epoch: [e for e in entries if e[0].epoch == epoch] for epoch in TASK.epochs}
        for i, (low, high) in enumerate(zip(TASK.epochs, TASK.epochs[1:], strict=False)):
            promoted = [trial.training for trial, _ in rungs[high]]
            finite = [e for e in rungs[low] if e[1] > -inf]
            best = sorted(finite, key=lambda e: -e[1])[: max(n_archs // 3 ** (i + 1), 1)]
            expected = [trial.training for trial, _ in best]
            assert sorted(promoted) == sorted(expected)


def test_trials_that_were_never_asked_for_take_nobodys_place():
    optimizer = halving()
    stranger = Trial((0,) * 6, 1, training=10**6)
    trials = asked(optimizer, 9)
    for trial in (stranger, Trial((0,) * 6)):
        tell(optimizer, [trial], [99.0])
    tell(optimizer, trials, range(9))
    tell(optimizer, trials, [99.0] * 9)  # told again
    assert [trial.training for trial in asked(optimizer, 3)] == [trials[i].training for i in (8, 7, 6)]


def test_a_ladder_of_one_rung_is_random_search():
    task = Task(TASK.space, epochs=(9,))
    for make in (SuccessiveHalving, Hyperband):
        trials = one_by_one(make(task, np.random.default_rng(0)), 5)
        assert Counter(trial.epoch for trial in trials) == {9: 5}
        assert len({trial.training for trial in trials}) == 5


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"n_archs": 0}, SettingError, "n_archs=0; an integer of at least 1 expected"),
        ({"idle": "waits"}, UnknownNameError, "unknown idle 'waits'; did you mean 'wait'"),
    ],
)
def test_a_wrong_setting_is_named_with_what_would_be_right(how, error, message):
    with pytest.raises(error, match=message):
        halving(**how)

"""MO-ASHA: which trainings go on."""

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.errors import SettingError, UnknownNameError
from nasbench_kit.optimizers import MOASHA, Outcome, Task, Trial
from nasbench_kit.simulator import simulate, task_of
from nasbench_kit.spaces import NASBench201Space
from nasbench_kit.testing import check_optimizer

TASK = Task(NASBench201Space(), epochs=(1, 3, 9), objectives=("a", "b"))
CURVES = "nasbench201_mnist1d/mnist1d"


def moasha(**how):
    return MOASHA(TASK, np.random.default_rng(0), **how)


def told(optimizer, *values):
    trials = [optimizer.ask() for _ in values]
    for trial, value in zip(trials, values, strict=True):
        optimizer.tell(trial, Outcome.of(*value))
    return trials


def asked(optimizer, trials):
    """Number among `trials`, and epoch, of what is asked for next; None of a new one."""
    trial = optimizer.ask()
    numbers = [one.training for one in trials]
    return (numbers.index(trial.training) if trial.training in numbers else None), trial.epoch


def test_one_in_eta_of_a_rung_goes_on_the_first_front_first():
    optimizer = moasha()
    trials = told(optimizer, (1, 1), (2, 2), (0, 0))
    assert asked(optimizer, trials) == (1, 3)
    assert asked(optimizer, trials) == (None, 1)


def test_of_a_front_those_go_on_that_are_spread_out_or_lonely():
    values = [(0, 10), (5, 5), (10, 0), (9.9, 0.1), (-1, -1), (-2, -2)]
    by_net, by_crowding = moasha(), moasha(within="crowding")
    trials = told(by_net, *values)
    assert [asked(by_net, trials)[0] for _ in range(3)] == [2, 0, None]  # the best of the first objective, the farthest
    trials = told(by_crowding, *values)
    assert [asked(by_crowding, trials)[0] for _ in range(3)] == [0, 2, None]  # the ends


def test_who_joins_the_best_later_goes_on_and_nothing_goes_on_twice():
    optimizer = moasha()
    trials = told(optimizer, (1, 1), (2, 2), (0, 0))
    assert asked(optimizer, trials) == (1, 3)
    trials += told(optimizer, (3, 3), (0, 0))
    assert asked(optimizer, trials) == (3, 3)  # best of five, of which one may go on, and another one has
    assert asked(optimizer, trials) == (None, 1)


def test_the_highest_rung_comes_first_and_the_last_epoch_is_the_last():
    optimizer = moasha()
    first = told(optimizer, *[(i, i) for i in range(9)])
    second = told(optimizer, (3, 3), (5, 5), (4, 4))
    assert [trial.epoch for trial in second] == [3, 3, 3]
    assert {trial.training for trial in second} == {first[i].training for i in (6, 7, 8)}
    (third,) = told(optimizer, (9, 9))
    assert (third.epoch, third.training) == (9, second[1].training)
    assert asked(optimizer, first) == (None, 1)


def test_a_failure_never_goes_on():
    optimizer = moasha()
    trials = told(optimizer, *[(-np.inf, -np.inf)] * 9)
    assert asked(optimizer, trials) == (None, 1)


def test_what_was_never_asked_for_changes_nothing():
    optimizer = moasha()
    for _ in range(9):
        optimizer.tell(Trial((0,) * 6, 1, 77), Outcome.of(1.0, 1.0))
    assert optimizer.ask().epoch == 1


def test_wrong_settings_and_tasks_are_one_line():
    with pytest.raises(
        UnknownNameError, match="unknown order within a front: 'net'; choose from epsilon net, crowding"
    ):
        moasha(within="net")
    with pytest.raises(SettingError, match="eta=1; an integer of at least 2"):
        moasha(eta=1)
    with pytest.raises(SettingError, match="mo_asha needs two objectives or more"):
        nbk.compare(CURVES, "mo_asha", runs=1, n_evaluations=5)


@pytest.mark.parametrize("within", ["epsilon net", "crowding"])
def test_it_conforms_on_learning_curves(equipped, within):
    bench = equipped("mo_asha", nbk.load(CURVES))
    check_optimizer(lambda task, rng: MOASHA(task, rng, within=within), bench)


def test_it_trains_more_architectures_than_random_search_in_the_same_time(equipped):
    bench = equipped("mo_asha", nbk.load(CURVES))
    rng = np.random.default_rng(0)
    records = simulate(bench, MOASHA(task_of(bench, needs=("epochs",)), rng), rng=rng, n_epochs=36 * 50, n_workers=4)
    reached = {epoch: (records.epoch >= epoch).sum() for epoch in (1, 36)}
    assert reached[1] > 200
    assert 5 < reached[36] < 50

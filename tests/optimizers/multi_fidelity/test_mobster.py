"""MOBSTER and SyncMOBSTER: what the process learns from, and what it is asked."""

from math import log, sqrt

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.errors import SettingError, UnknownNameError
from nasbench_kit.optimizers import MOBSTER, Outcome, SyncMOBSTER, Task, Trial
from nasbench_kit.optimizers.multi_fidelity.models import learner
from nasbench_kit.optimizers.multi_fidelity.suggestions import Suggestions
from nasbench_kit.spaces import NASBench201Space

SPACE = NASBench201Space()
TASK = Task(SPACE, epochs=(1, 3, 9, 27))
WEIGHTS = np.random.default_rng(9).normal(size=(6, 5))


def value(arch):
    return sum(WEIGHTS[i, choice] for i, choice in enumerate(arch))


def told(model, n=40, epochs=(1, 3, 9, 27)):
    """Suggestions after outcomes that get better with the epoch, by the same amount for all."""
    made = Suggestions(TASK, np.random.default_rng(0), learner(model, TASK, 10), n_initial=10, pool_size=200)
    for arch in map(tuple, SPACE.sample_many(np.random.default_rng(1), n).tolist()):
        made()
        for epoch in epochs:
            made.tell(Trial(arch, epoch), Outcome.of(value(arch) + log(epoch), epoch=epoch))
    return made


@pytest.mark.parametrize("model", ["joint", "independent"])
def test_what_is_suggested_is_better_than_chance(model):
    suggest = told(model)
    suggested = np.array([value(suggest()) for _ in range(10)])
    chance = np.array([value(arch) for arch in SPACE.sample_many(np.random.default_rng(2), 500)])
    assert suggested.mean() > chance.mean() + 2 * chance.std() / sqrt(10)


def test_a_joint_process_tells_the_last_epoch_from_lower_ones():
    suggest = told("joint", epochs=(1, 3, 9))
    suggest()
    cells = SPACE.sample_many(np.random.default_rng(3), 50)
    low, high = (suggest._model.predict(cells, epoch) for epoch in (1, 27))
    assert np.corrcoef(low[0], high[0])[0, 1] > 0.5
    assert high[0].mean() > low[0].mean()  # values grow with the epoch
    assert high[1].mean() > low[1].mean()  # which nobody has trained to


def test_an_independent_process_learns_from_the_highest_epoch_with_enough_outcomes():
    suggest = told("independent", n=20, epochs=(1, 3))
    for arch in map(tuple, SPACE.sample_many(np.random.default_rng(5), 4).tolist()):
        suggest.tell(Trial(arch, 9), Outcome.of(100.0, epoch=9))  # four are too few
    suggest()
    assert suggest._model.predict(SPACE.sample_many(np.random.default_rng(3), 20))[0].max() < 50


@pytest.mark.parametrize("make", [MOBSTER, SyncMOBSTER])
def test_failures_are_not_learned_from(make):
    optimizer = make(TASK, np.random.default_rng(0), n_initial=3)
    for i in range(80):
        trial = optimizer.ask()
        told = -np.inf if i % 2 else value(trial.arch)
        optimizer.tell(trial, Outcome.of(told, epoch=trial.epoch))
    assert SPACE.is_valid(optimizer.ask().arch)


def test_it_is_better_than_asha_and_random_search_on_measured_curves():
    # the order of Syne Tune's comparison: MOBSTER before ASHA before random search
    made = nbk.compare(
        "nasbench201_mnist1d/mnist1d",
        {"RS": "random_search", "MOBSTER": ("mobster", {"model": "independent"})},
        budget_s=600,
        n_workers=4,
        runs=8,
        n_processes=1,
    )
    rows = {row["optimizer"]: row for row in made.table()}
    noise = sqrt(sum(row["sd"] ** 2 for row in rows.values()) / 8)
    assert rows["MOBSTER"]["mean"] > rows["RS"]["mean"] + noise


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"model": "gp"}, UnknownNameError, "unknown model 'gp'; choose from joint, independent"),
        ({"kind": "stop"}, UnknownNameError, "unknown kind 'stop'; did you mean 'stopping'"),
        ({"pool_size": 1}, SettingError, "pool_size=1; an integer of at least 2"),
    ],
)
def test_wrong_settings_are_told_in_one_line(how, error, message):
    with pytest.raises(error, match=message):
        MOBSTER(TASK, np.random.default_rng(0), **how)

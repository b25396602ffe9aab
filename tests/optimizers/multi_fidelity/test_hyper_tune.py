"""Hyper-Tune: what its rungs are worth, where trainings begin, and what the ensemble expects."""

import random
from collections import Counter

import numpy as np
import pytest

from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers import HyperTune, Outcome, Task, Trial
from nasbench_kit.optimizers.multi_fidelity import hyper_tune
from nasbench_kit.optimizers.multi_fidelity.hyper_tune import bracket_shares, ranking_losses, shares_of_wins
from nasbench_kit.predictors.gaussian_process import GaussianProcess, hamming_kernels
from nasbench_kit.spaces import NASBench201Space

SPACE = NASBench201Space()
TASK = Task(SPACE, epochs=(1, 3, 9))
WEIGHTS = np.random.default_rng(9).normal(size=(6, 5))
CELLS = SPACE.sample_many(np.random.default_rng(1), 40)
OTHERS = SPACE.sample_many(np.random.default_rng(2), 30)


def value(arch):
    return sum(WEIGHTS[i, choice] for i, choice in enumerate(arch))


def made(**how):
    return HyperTune(TASK, np.random.default_rng(0), **{"random_fraction": 0.0} | how)


def tell(optimizer, epoch, values, cells=CELLS):
    """Outcomes that were not asked for: they are learned from, and no training goes on."""
    for arch, one in zip(map(tuple, cells.tolist()), values, strict=True):
        optimizer.tell(Trial(arch, epoch), Outcome.of(float(one), epoch=epoch))


def begun(optimizer, n):
    """At which epochs the next trainings begin."""
    return Counter(optimizer.ask().epoch for _ in range(n))


# ---- what a rung is worth ----


def test_losses_and_shares_are_those_of_syne_tune():
    # Syne Tune 0.13.0, gpautograd/hypertune/utils.py: _losses_for_rung, which counts each pair once, of these draws
    draw = random.Random(0)
    draws = np.array([[draw.sample(range(100), 7) for _ in range(8)] for _ in range(3)])
    losses = np.array([ranking_losses(of, np.array([24, 77, 73, 15, 50, 11, 47])) for of in draws])
    expected = [[8, 7, 5, 13, 13, 4, 12, 8], [6, 12, 9, 12, 8, 5, 14, 4], [9, 13, 14, 10, 10, 12, 11, 7]]
    assert (losses == 2 * np.array(expected)).all()
    assert shares_of_wins(losses).tolist() == [0.375, 0.375, 0.25]  # gp_model.py: fit_distributions


def test_all_that_tie_win():
    assert shares_of_wins(np.array([[1, 5], [1, 2], [3, 2]])) == pytest.approx([1 / 4, 2 / 4, 1 / 4])


def test_equal_values_count_against_all_alike():
    draws = np.array([[0.3, 0.1, 0.2], [0.1, 0.3, 0.2]])
    assert ranking_losses(draws, np.array([0.5, 0.5, 0.5])).tolist() == [3, 3]


def test_shares_of_brackets_are_theta_per_epoch_and_leave_the_others_as_they_are():
    weights = [0.6, 0.2, 0.2]
    assert bracket_shares(np.array([0.5, 0.5]), [0, 1], (1, 3, 9), weights) == pytest.approx([0.6, 0.2, 0.2])
    assert bracket_shares(np.array([0.1, 0.9]), [0, 1], (1, 3, 9), weights) == pytest.approx([0.2, 0.6, 0.2])
    assert bracket_shares(np.array([0.0, 1.0]), [0, 2], (1, 3, 9), weights) == pytest.approx([0.0, 0.2, 0.8])
    assert bracket_shares(np.array([0.2, 0.3, 0.5]), [0, 1, 2], (1, 3, 9), weights) == pytest.approx(
        np.array([0.2, 0.1, 0.5 / 9]) / (0.3 + 0.5 / 9)
    )


# ---- where trainings begin ----


def test_before_anything_is_learned_trainings_begin_as_often_as_in_hyperband():
    counts = begun(made(n_initial=10**6), 3_000)
    expected = np.array([1, 1 / 2, 1 / 3]) / (1 + 1 / 2 + 1 / 3)  # K / ((K - s) r_s), as of asynchronous Hyperband
    assert [counts[epoch] / 3_000 for epoch in (1, 3, 9)] == pytest.approx(expected, abs=0.05)


def test_trainings_begin_where_values_tell_the_order_at_the_last_epoch():
    values = [value(arch) for arch in CELLS]
    noise = np.random.default_rng(3).normal(size=40)
    early, late = made(), made()
    for optimizer, first in ((early, values), (late, noise)):
        for epoch, of in ((1, first), (3, values), (9, values)):
            tell(optimizer, epoch, of)
        begun(optimizer, 10)  # random, before the first model
    of_early, of_late = begun(early, 100), begun(late, 100)
    assert of_early[1] > of_early[3]  # both tell the same, and one epoch is cheaper
    assert of_late[1] < 10
    assert of_late[3] > 60


def test_a_rung_with_less_than_six_outcomes_keeps_its_share():
    optimizer = made()
    tell(optimizer, 1, [value(arch) for arch in CELLS])
    tell(optimizer, 9, [0.5] * 5, CELLS[:5])
    begun(optimizer, 11)
    counts = Counter(optimizer._bracket() for _ in range(3_000))
    assert counts[2] / 3_000 == pytest.approx((1 / 3) / (1 + 1 / 2 + 1 / 3), abs=0.03)


# ---- the ensemble ----


def test_means_are_weighted_by_theta_and_variances_by_its_square(monkeypatch):
    monkeypatch.setattr(hyper_tune, "shares_of_wins", lambda losses: np.array([0.25, 0.0, 0.75]))
    values = np.array([value(arch) for arch in CELLS])
    told = {1: 5 + 2 * values, 3: -values, 9: values + np.random.default_rng(4).normal(size=40)}
    optimizer = made()
    for epoch, of in told.items():
        tell(optimizer, epoch, of)
    begun(optimizer, 11)
    mean, sd = optimizer._suggestions._model.predict(OTHERS)
    each = [
        GaussianProcess(CELLS.astype(float), (of - of.mean()) / of.std(), kernels=hamming_kernels(SPACE)).predict(
            OTHERS.astype(float)
        )
        for of in (told[1], told[9])
    ]
    assert mean == pytest.approx(0.25 * each[0][0] + 0.75 * each[1][0])
    assert sd == pytest.approx(np.sqrt((0.25 * each[0][1]) ** 2 + (0.75 * each[1][1]) ** 2))
    assert optimizer._suggestions._model.best == pytest.approx(((told[9] - told[9].mean()) / told[9].std()).max())


def test_the_process_of_the_highest_rung_is_judged_by_what_it_did_not_learn_from():
    values = np.random.default_rng(5).normal(size=40)  # nothing but noise, which a process can learn by heart
    optimizer = made()
    for epoch, of in ((1, [value(arch) for arch in CELLS]), (3, values), (9, values)):
        tell(optimizer, epoch, of)
    begun(optimizer, 10)
    counts = begun(optimizer, 100)
    assert counts[9] == 0  # what the one of rung 3 learned is the very order at the last epoch
    assert counts[3] > 90


def test_what_is_suggested_is_better_than_chance():
    optimizer = made()
    for epoch in (1, 3, 9):
        tell(optimizer, epoch, [value(arch) + epoch for arch in CELLS])
    begun(optimizer, 10)
    suggested = np.array([value(optimizer.ask().arch) for _ in range(20)])
    chance = np.array([value(arch) for arch in SPACE.sample_many(np.random.default_rng(6), 500)])
    assert suggested.mean() > chance.mean() + 2 * chance.std() / np.sqrt(20)


# ---- rungs ----


def test_trainings_that_began_at_different_rungs_meet_in_the_same_ones():
    optimizer, first = made(n_initial=10**6), {1: [], 3: [], 9: []}
    while len(first[1]) < 3 or len(first[3]) < 2:
        trial = optimizer.ask()
        first[trial.epoch].append(trial)
    for i, trial in enumerate(first[1][:3]):
        optimizer.tell(trial, Outcome.of(i / 10, epoch=1))
    promoted = optimizer.ask()
    assert promoted == first[1][2]._replace(epoch=3)
    for trial, of in zip((promoted, *first[3][:2]), (0.5, 0.6, 0.4), strict=True):
        optimizer.tell(trial, Outcome.of(of, epoch=3))
    assert optimizer.ask() == first[3][0]._replace(epoch=9)  # the best of three, of which one began below


def test_failures_are_not_learned_from():
    optimizer = made(n_initial=3)
    for i in range(60):
        trial = optimizer.ask()
        optimizer.tell(trial, Outcome.of(-np.inf if i % 2 else value(trial.arch), epoch=trial.epoch))
    assert SPACE.is_valid(optimizer.ask().arch)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"n_draws": 0}, "n_draws=0; an integer of at least 1"),
        ({"random_fraction": 1.5}, "random_fraction=1.5; a number from 0 to 1"),
        ({"pool_size": 1}, "pool_size=1; an integer of at least 2"),
    ],
)
def test_wrong_settings_are_told_in_one_line(how, message):
    with pytest.raises(SettingError, match=message):
        made(**how)

"""Median stopping and predictive termination: trainings are stopped by their learning curves."""

from collections import defaultdict
from math import erfc, inf, sqrt
from statistics import median

import numpy as np
import pytest

from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers import LearningCurveStopping, MedianStopping, Outcome, Task, Trial
from nasbench_kit.optimizers.multi_fidelity.learning_curve_stopping import Ensemble
from nasbench_kit.spaces import NASBench201Space

TASK = Task(NASBench201Space(), epochs=tuple(range(1, 21)))
BOTH = pytest.mark.parametrize("make", [MedianStopping, LearningCurveStopping])


def reached(optimizer, curve_of, n_trainings):
    """How far each of the first trainings got, told one by one."""
    epochs = {}
    while True:
        trial = optimizer.ask()
        if trial.training == n_trainings:
            return [epochs[i] for i in range(n_trainings)]
        assert trial.epoch == epochs.get(trial.training, 0) + 1
        epochs[trial.training] = trial.epoch
        optimizer.tell(trial, Outcome.of(curve_of(trial.training)(trial.epoch), epoch=trial.epoch))


def constant(*levels):
    """Curves that stay at their level, of trainings 0, 1, ..."""
    return lambda training: lambda epoch: levels[training]


# ---- both ----


@BOTH
def test_what_failed_is_stopped_at_once_and_a_stranger_is_ignored(make):
    optimizer = make(TASK, np.random.default_rng(0))
    optimizer.tell(Trial((0,) * 6, 1, training=10**6), Outcome.of(1.0))
    optimizer.tell(Trial((0,) * 6), Outcome.of(1.0))
    fails_at_3 = reached(optimizer, lambda training: lambda epoch: -inf if epoch == 3 else 0.5, 5)
    assert fails_at_3 == [3] * 5


@BOTH
def test_a_trial_told_twice_counts_once(make):
    optimizer = make(TASK, np.random.default_rng(0))
    first = optimizer.ask()
    for _ in range(2):
        optimizer.tell(first, Outcome.of(0.5, epoch=1))
    assert optimizer.ask() == first._replace(epoch=2)
    assert optimizer.ask().training != first.training


# ---- the median rule ----


def test_a_training_below_the_median_is_stopped_and_one_at_it_goes_on():
    levels = (0.5, 0.625, 0.75, 0.875, 1.0, 0.6875, 0.75, 0.8125)  # the median is 0.75, after the sixth 0.71875
    assert reached(MedianStopping(TASK, np.random.default_rng(0)), constant(*levels), 8) == [20] * 5 + [1, 20, 20]


def test_nothing_is_stopped_before_the_first_epoch_that_is_allowed_or_with_too_few_to_compare_with():
    levels = (0.5, 0.6, 0.7, 0.1)
    optimizer = MedianStopping(TASK, np.random.default_rng(0), min_trainings=3, min_epoch=7)
    assert reached(optimizer, constant(*levels), 4) == [20, 20, 20, 7]
    assert reached(MedianStopping(TASK, np.random.default_rng(0)), constant(*levels), 4) == [20] * 4


def test_the_median_rule_is_that_of_the_paper_on_random_curves():
    rng = np.random.default_rng(3)
    curves = np.sort(rng.random((40, 20)), axis=1) + rng.normal(0, 0.2, (40, 20))
    found = reached(MedianStopping(TASK, rng, min_trainings=1), lambda i: lambda epoch: curves[i, epoch - 1], 40)
    averages, expected = defaultdict(list), []
    for curve in curves.tolist():
        s = 1
        # "strictly worse than the median value of the running averages of all completed trials' objectives"
        while s < 20 and not (averages[s] and max(curve[:s]) < median(averages[s])):
            s += 1
        expected.append(s)
        for n in range(1, s + 1):
            averages[n].append(sum(curve[:n]) / n)
    assert found == expected
    assert 1 < len(set(found)) < 40


# ---- extrapolation ----


def test_extrapolations_are_least_squares_fits_weighted_by_their_likelihood():
    x = np.arange(1, 21.0)
    rng = np.random.default_rng(0)
    y = 0.9 - 0.4 * x[:8] ** -0.6 + rng.normal(0, 0.01, 8)
    shapes = [x**-p for p in (0.1, 0.2, 0.5, 1.0, 2.0)]
    shapes += [1 / np.log(x + 1), *(np.exp(-x / (20 * share)) for share in (1 / 30, 0.1, 1 / 3, 1))]
    chances, likelihoods = [], []
    for shape in shapes:
        design = np.stack([np.ones(20), shape], axis=1)
        fitted, squares, *_ = np.linalg.lstsq(design[:8], y, rcond=None)
        variance = squares[0] / (8 - 2)
        spread = 1 + design[-1] @ np.linalg.inv(design[:8].T @ design[:8]) @ design[-1]
        z = (0.85 - design[-1] @ fitted) / np.sqrt(variance * spread)
        chances.append(erfc(z / sqrt(2)) / 2)
        likelihoods.append(variance ** (-8 / 2))
    expected = np.average(chances, weights=likelihoods)
    assert Ensemble(TASK.epochs).chance_above(0.85, y.tolist()) == pytest.approx(expected, rel=1e-3)
    assert 0.1 < expected < 0.9


@pytest.mark.parametrize("power", [0.2, 0.5, 1.0])
def test_a_curve_of_one_of_the_families_is_foreseen(power):
    curve = [0.9 - 0.5 * epoch**-power for epoch in TASK.epochs]
    ensemble = Ensemble(TASK.epochs)
    assert ensemble.chance_above(curve[-1] - 0.01, curve[:8]) > 0.99
    assert ensemble.chance_above(curve[-1] + 0.01, curve[:8]) < 0.01


def test_what_cannot_end_above_the_best_is_stopped_at_the_first_decision():
    levels = (0.5, 0.7, 0.6, 0.8)
    optimizer = LearningCurveStopping(TASK, np.random.default_rng(0), every=5)
    assert reached(optimizer, lambda i: lambda epoch: levels[i] - 0.3 / epoch, 4) == [20, 20, 5, 20]


def test_with_threshold_0_nothing_is_stopped():
    curves = np.random.default_rng(0).random((20, 20))
    optimizer = LearningCurveStopping(TASK, np.random.default_rng(0), threshold=0)
    assert reached(optimizer, lambda i: lambda epoch: curves[i, epoch - 1], 20) == [20] * 20


@pytest.mark.parametrize("epochs", [(1,), (4, 12), (4, 12, 36, 108), (12, 200), tuple(range(50, 1000, 50))])
def test_few_and_late_epochs_and_flat_curves_are_no_problem(epochs):
    task = Task(TASK.space, epochs=epochs)
    for make in (MedianStopping, LearningCurveStopping):
        optimizer, trials = make(task, np.random.default_rng(0)), []
        for _ in range(100):
            trials.append(optimizer.ask())
            optimizer.tell(trials[-1], Outcome.of(0.5, epoch=trials[-1].epoch))
        assert epochs[-1] in {trial.epoch for trial in trials}


@pytest.mark.parametrize(
    ("make", "how", "message"),
    [
        (MedianStopping, {"min_trainings": 0}, "min_trainings=0; an integer of at least 1 expected"),
        (MedianStopping, {"min_epoch": 21}, "min_epoch=21; at most 20, the last epoch, expected"),
        (LearningCurveStopping, {"threshold": 1.5}, "threshold=1.5; a probability from 0 to 1 expected"),
        (LearningCurveStopping, {"every": 0}, "every=0; an integer of at least 1 expected"),
    ],
)
def test_a_wrong_setting_is_named_with_what_would_be_right(make, how, message):
    with pytest.raises(SettingError, match=message):
        make(TASK, np.random.default_rng(0), **how)

"""scikit-optimize's optimizer as an optimizer of ours."""

import warnings
from functools import partial
from math import inf

import numpy as np
import pytest
import skopt

import nasbench_kit as nbk
from nasbench_kit.errors import SettingError, UnknownNameError
from nasbench_kit.optimizers import Outcome, optimizer_class
from nasbench_kit.study import Configuration
from nasbench_kit.study.versions import versions_of
from nasbench_kit.testing import check_optimizer

CIFAR10 = nbk.load("nasbench201/cifar10")
FEW = {"n_initial_points": 3, "acq_optimizer_kwargs": {"n_points": 50}}  # candidates of the acquisition function


def made(name, **settings):
    return optimizer_class(f"skopt:{name}")(nbk.task_of(CIFAR10), np.random.default_rng(3), **FEW, **settings)


def test_it_keeps_to_ask_and_tell():
    check_optimizer(partial(optimizer_class("skopt:GP"), **FEW), CIFAR10, n_evaluations=5)


def test_a_search_asks_for_what_skopt_itself_would():
    ours, asked = made("GP"), []
    for _ in range(7):
        trial = ours.ask()
        asked.append(trial.arch)
        ours.tell(trial, Outcome.of(CIFAR10.query(trial.arch).val_accuracy))

    seed = int(np.random.default_rng(3).integers(2**31))
    dimensions = [skopt.space.Categorical(range(5)) for _ in range(6)]
    theirs, expected = skopt.Optimizer(dimensions, "GP", random_state=seed, **FEW), []
    for _ in range(7):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            point = theirs.ask()
        expected.append(tuple(map(int, point)))
        theirs.tell(point, -CIFAR10.query(expected[-1]).val_accuracy)
    assert asked == expected


def test_what_runs_is_not_asked_for_again():
    search = made("GP")
    for _ in range(3):
        search.tell(trial := search.ask(), Outcome.of(CIFAR10.query(trial.arch).val_accuracy))
    assert len({search.ask().arch for _ in range(3)}) == 3


def test_failed_trainings_are_told_as_the_worst_once_there_is_one():
    search = made("GP")
    for value in (-inf, -inf):
        search.tell(search.ask(), Outcome.of(value))
    assert search._optimizer.yi == []
    for value in (0.5, 0.9, -inf):
        search.tell(search.ask(), Outcome.of(value))
    assert search._optimizer.yi == [-0.5, -0.5, -0.5, -0.9, -0.5]


def test_a_study_stores_the_settings_and_the_version_of_the_library():
    configuration = Configuration.of(CIFAR10, "skopt:ET", {"acq_func": "EI"}, n_evaluations=10)
    assert configuration.settings["acq_func"] == "EI"
    assert configuration.settings["n_initial_points"] == 10  # scikit-optimize's default
    assert versions_of(configuration)["skopt"] == skopt.__version__


def test_what_skopt_has_not_is_refused():
    with pytest.raises(UnknownNameError, match="unknown base estimator of skopt 'SVM'; choose from GP, RF, ET"):
        optimizer_class("skopt:SVM")
    with pytest.raises(SettingError, match="acq_func='EIps' learns seconds, which are not told; EI or PI expected"):
        made("GP", acq_func="EIps")

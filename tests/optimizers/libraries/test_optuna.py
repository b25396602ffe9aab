"""Optuna's samplers and pruners as optimizers of ours."""

from functools import partial

import numpy as np
import optuna
import pytest

import nasbench_kit as nbk
from nasbench_kit.errors import SettingError, UnknownNameError
from nasbench_kit.optimizers import Outcome, needs_of, optimizer_class
from nasbench_kit.study import Configuration
from nasbench_kit.study.versions import versions_of
from nasbench_kit.testing import check_optimizer

CIFAR10 = nbk.load("nasbench201/cifar10")
CURVES = nbk.load("nasbench201_mnist1d/mnist1d")


@pytest.mark.parametrize("sampler", ["RandomSampler", "TPESampler", "NSGAIISampler", "QMCSampler", "GridSampler"])
def test_a_sampler_keeps_to_ask_and_tell(sampler):
    check_optimizer(optimizer_class(f"optuna:{sampler}"), CIFAR10, n_evaluations=40)


@pytest.mark.parametrize("pruner", ["HyperbandPruner", "MedianPruner", "SuccessiveHalvingPruner"])
def test_a_pruner_keeps_to_ask_and_tell(pruner):
    check_optimizer(partial(optimizer_class("optuna:TPESampler"), pruner=pruner), CURVES, n_evaluations=60)


def test_a_search_asks_for_what_optuna_itself_would():
    made = optimizer_class("optuna:TPESampler")(nbk.task_of(CIFAR10), np.random.default_rng(3), n_startup_trials=5)
    asked = []
    for _ in range(30):
        trial = made.ask()
        asked.append(trial.arch)
        made.tell(trial, Outcome.of(CIFAR10.query(trial.arch).val_accuracy))

    seed = int(np.random.default_rng(3).integers(2**31))
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=5))
    names = [decision.name for decision in CIFAR10.space.decisions]

    def objective(trial):
        arch = tuple(trial.suggest_categorical(name, tuple(range(5))) for name in names)
        return CIFAR10.query(arch).val_accuracy

    study.optimize(objective, n_trials=30)
    assert asked == [tuple(trial.params.values()) for trial in study.trials]


def test_a_study_stores_the_settings_of_the_sampler_and_the_version_of_the_library():
    made = Configuration.of(CIFAR10, "optuna:TPESampler", {"n_startup_trials": 5}, n_evaluations=10)
    assert made.settings["n_startup_trials"] == 5
    assert made.settings["n_ei_candidates"] == 24  # Optuna's default
    assert made.legend == "optuna:TPESampler (n_startup_trials=5)"
    versions = versions_of(made)
    assert versions["optuna"] == optuna.__version__
    assert "optimizer_sha256" not in versions


def test_what_optuna_has_not_is_refused_with_what_it_has():
    with pytest.raises(UnknownNameError, match=r"unknown sampler of optuna 'TPE'; choose from .*TPESampler"):
        optimizer_class("optuna:TPE")
    with pytest.raises(
        UnknownNameError, match="'optuna:' names nothing of optuna; a sampler, such as optuna:TPESampler"
    ):
        optimizer_class("optuna:")
    with pytest.raises(UnknownNameError, match="unknown setting of optuna:TPESampler 'n_startup'; did you mean"):
        Configuration.of(CIFAR10, "optuna:TPESampler", {"n_startup": 5}, n_evaluations=10)
    with pytest.raises(SettingError, match="needs several epochs to choose from; there is only epoch 200"):
        Configuration.of(CIFAR10, "optuna:TPESampler", {"pruner": "HyperbandPruner"}, n_evaluations=10)
    assert "epochs" in needs_of(optimizer_class("optuna:TPESampler"), {"pruner": "HyperbandPruner"})

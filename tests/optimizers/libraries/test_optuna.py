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
LIMIT = 0.3  # a quarter of the cells keeps to it
SMALL = nbk.load("nasbench201/cifar10", objectives=["val_accuracy", "params_m"], constraints=[f"params_m<={LIMIT}"])
CURVES = nbk.load("nasbench201_mnist1d/mnist1d")


@pytest.mark.parametrize("sampler", ["RandomSampler", "TPESampler", "NSGAIISampler", "QMCSampler", "GridSampler"])
def test_a_sampler_keeps_to_ask_and_tell(sampler):
    check_optimizer(optimizer_class(f"optuna:{sampler}"), CIFAR10, n_evaluations=25)


@pytest.mark.parametrize("pruner", ["HyperbandPruner", "MedianPruner", "WilcoxonPruner"])
def test_a_pruner_keeps_to_ask_and_tell(pruner):
    check_optimizer(partial(optimizer_class("optuna:TPESampler"), pruner=pruner), CURVES, n_evaluations=50)


@pytest.mark.parametrize("sampler", ["TPESampler", "NSGAIISampler", "NSGAIIISampler"])
def test_a_sampler_keeps_to_ask_and_tell_with_objectives_and_a_constraint(sampler):
    small = {"n_startup_trials": 5} if sampler == "TPESampler" else {"population_size": 8}
    check_optimizer(partial(optimizer_class(f"optuna:{sampler}"), **small), SMALL, n_evaluations=20)


def test_a_sampler_of_numbers_is_given_numbers():
    made = partial(optimizer_class("optuna:CmaEsSampler"), numbers=True, warn_independent_sampling=False)
    check_optimizer(made, CIFAR10, n_evaluations=25)


def asked_for(benchmark, name, n, **settings):
    """By a search that is told value, size and violation of what it asks for."""
    made = optimizer_class(name)(nbk.task_of(benchmark), np.random.default_rng(3), **settings)
    asked = []
    for _ in range(n):
        trial = made.ask()
        asked.append(trial.arch)
        value, size, excess = told(trial.arch)
        made.tell(trial, Outcome.of(value, -size, violations=(excess,)))
    return asked


def told(arch):
    size = CIFAR10.values("params_m", [arch])[0]
    return CIFAR10.query(arch).val_accuracy, size, size - LIMIT


@pytest.mark.parametrize("sampler", ["TPESampler", "NSGAIISampler"])
def test_a_search_for_several_objectives_with_a_constraint_asks_for_what_optuna_itself_would(sampler):
    settings = {"n_startup_trials": 5} if sampler == "TPESampler" else {"population_size": 8}
    seed = int(np.random.default_rng(3).integers(2**31))
    theirs = getattr(optuna.samplers, sampler)(seed=seed, **settings)
    study = optuna.create_study(directions=["maximize", "maximize"], sampler=theirs)
    names = [decision.name for decision in CIFAR10.space.decisions]

    def objective(trial):
        value, size, excess = told(tuple(trial.suggest_categorical(name, tuple(range(5))) for name in names))
        trial.set_constraint("params_m<=0.3", excess)
        return value, -size

    study.optimize(objective, n_trials=30)
    assert asked_for(SMALL, f"optuna:{sampler}", 30, **settings) == [
        tuple(trial.params.values()) for trial in study.trials
    ]


def test_the_optimizer_learns_the_constraint():
    size = CIFAR10.values("params_m", asked_for(SMALL, "optuna:TPESampler", 60, n_startup_trials=10))
    random = CIFAR10.values("params_m", CIFAR10.space.sample_many(np.random.default_rng(0), 2000))
    assert (size[10:] <= LIMIT).mean() > 2 * (random <= LIMIT).mean()


@pytest.mark.parametrize("n_workers", [1, 4])
def test_a_pruned_training_goes_epoch_by_epoch_and_then_ends(n_workers):
    rules = nbk.Rules(n_evaluations=300, n_workers=n_workers)
    rng = np.random.default_rng(0)
    made = optimizer_class("optuna:RandomSampler")(nbk.task_of(CURVES, rules), rng, pruner="SuccessiveHalvingPruner")
    records = nbk.simulate(CURVES, made, rng=rng, rules=rules)
    epochs = [records.epoch[records.trial == number].tolist() for number in sorted({*records.trial.tolist()})]
    assert all(of_one == [*range(1, len(of_one) + 1)] for of_one in epochs)
    ended = [(trial.state.name, len(of_one)) for trial, of_one in zip(made._study.trials, epochs, strict=False)]
    assert {n for state, n in ended if state == "COMPLETE"} == {36}
    pruned = [n for state, n in ended if state == "PRUNED"]
    assert pruned.count(1) > 10  # the lowest rung
    assert pruned.count(4) > 2  # with a reduction factor of 4
    assert max(pruned) < 36


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
    with pytest.raises(UnknownNameError, match="'optuna:' names nothing of optuna"):
        optimizer_class("optuna")
    with pytest.raises(UnknownNameError, match="unknown setting of optuna:TPESampler 'n_startup'; did you mean"):
        Configuration.of(CIFAR10, "optuna:TPESampler", {"n_startup": 5}, n_evaluations=10)
    with pytest.raises(
        UnknownNameError, match="optuna:PartialFixedSampler cannot be used by its name: it is made from"
    ):
        optimizer_class("optuna:PartialFixedSampler")
    made = optimizer_class("optuna:TPESampler")
    with pytest.raises(SettingError, match="pruner='ThresholdPruner' with pruner_settings=None: Either lower or upper"):
        made(nbk.task_of(CURVES), np.random.default_rng(0), pruner="ThresholdPruner")
    several = nbk.load("nasbench201_mnist1d/mnist1d", objectives=["val_accuracy", "params_m"])
    with pytest.raises(SettingError, match="with pruner='MedianPruner' on 2 objectives; Optuna prunes by one"):
        made(nbk.task_of(several), np.random.default_rng(0), pruner="MedianPruner")
    with pytest.raises(SettingError, match="needs several epochs to choose from; there is only epoch 200"):
        Configuration.of(CIFAR10, "optuna:TPESampler", {"pruner": "HyperbandPruner"}, n_evaluations=10)
    assert "epochs" in needs_of(optimizer_class("optuna:TPESampler"), {"pruner": "HyperbandPruner"})


def test_settings_of_a_pruner_that_are_no_mapping_are_refused():
    expected = "pruner_settings=3; a mapping of the pruner's arguments expected"
    with pytest.raises(SettingError, match=expected):
        Configuration.of(CURVES, "optuna:TPESampler", {"pruner": "MedianPruner", "pruner_settings": 3}, n_evaluations=9)

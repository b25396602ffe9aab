"""SMAC3's facades as optimizers of ours."""

import logging
from functools import partial
from importlib.metadata import version

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.errors import SettingError, UnknownNameError
from nasbench_kit.optimizers import Outcome, needs_of, optimizer_class
from nasbench_kit.optimizers.libraries.smac import in_order
from nasbench_kit.spaces import ChoiceSpace
from nasbench_kit.study import Configuration
from nasbench_kit.study.versions import versions_of
from nasbench_kit.testing import check_optimizer

smac = pytest.importorskip("smac", reason="pip install 'nasbench-kit[smac]'; run with smac 2.4.1")

CIFAR10 = nbk.load("nasbench201/cifar10")
CURVES = nbk.load("nasbench201_mnist1d/mnist1d")
LIGHT = {"n_configs": 6, "challengers": 20, "local_search_iterations": 1}
FOREST = {**LIGHT, "n_trees": 1}


@pytest.mark.parametrize(
    ("facade", "settings"),
    [
        ("HyperparameterOptimizationFacade", FOREST),
        ("BlackBoxFacade", LIGHT),
        ("RandomFacade", {}),
        ("RandomFacade", {"deterministic": False}),
    ],
)
def test_a_facade_keeps_to_ask_and_tell(facade, settings):
    check_optimizer(partial(optimizer_class(f"smac:{facade}"), **settings), CIFAR10, n_evaluations=7)


@pytest.mark.parametrize(("facade", "settings"), [("MultiFidelityFacade", FOREST), ("HyperbandFacade", {})])
def test_a_facade_with_budgets_keeps_to_ask_and_tell(facade, settings):
    made = partial(optimizer_class(f"smac:{facade}"), min_budget=12, **settings)
    check_optimizer(made, CURVES, n_evaluations=10)


def test_what_a_constrained_space_does_not_hold_is_replaced_by_what_is_near():
    check_optimizer(optimizer_class("smac:RandomFacade"), nbk.load("nasbench101/cifar10"), n_evaluations=8)


def simulated(benchmark, name, n_evaluations, **settings):
    rng, rules = np.random.default_rng(0), nbk.Rules(n_evaluations=n_evaluations)
    made = optimizer_class(name)(nbk.task_of(benchmark, rules), rng, **settings)
    return nbk.simulate(benchmark, made, rng=rng, rules=rules)


@pytest.mark.parametrize("settings", [{"parego": True}, {"objective_weights": [3, 1]}])
def test_several_objectives_are_weighed(settings):
    both = nbk.load("nasbench201/cifar10", objectives=("val_accuracy", "params_m"))
    records = simulated(both, "smac:HyperparameterOptimizationFacade", 8, **FOREST, **settings)
    assert records.values.shape == (8, 2)
    made = optimizer_class("smac:RandomFacade")(nbk.task_of(both), np.random.default_rng(0))
    made.tell(made.ask(), Outcome.of(0.9, -1.5))
    made.tell(made.ask(), Outcome.of(-np.inf, -np.inf))
    assert [trial.cost for trial in made._facade.runhistory.values()] == [[-0.9, 1.5], [-0.9, 1.5]]


def asked_and_told(made, benchmark, n):
    trials = []
    for _ in range(n):
        trials.append(made.ask())
        value = benchmark.query(trials[-1].arch, epoch=trials[-1].epoch).val_accuracy
        made.tell(trials[-1], Outcome.of(value, epoch=trials[-1].epoch))
    return trials


def smac_itself(facade, benchmark, folder, parts, **of_the_scenario):
    """What a facade runs by its own loop: choices, and the budget."""
    from ConfigSpace import Categorical, ConfigurationSpace

    space = ConfigurationSpace()
    space.add(Categorical(decision.name, range(5)) for decision in benchmark.space.decisions)
    scenario = smac.Scenario(
        space,
        output_directory=folder,
        objectives="val_accuracy",
        deterministic=True,
        seed=int(np.random.default_rng(3).integers(2**31)),
        **of_the_scenario,
    )
    ran = []

    def loss(config, seed=0, budget=None):
        arch = tuple(int(config[decision.name]) for decision in benchmark.space.decisions)
        ran.append((arch, budget))
        return -benchmark.query(arch, epoch=None if budget is None else int(budget)).val_accuracy

    def loss_at_the_end(config, seed=0):
        return loss(config, seed)

    target = loss if "min_budget" in of_the_scenario else loss_at_the_end
    given = {part: getattr(facade, f"get_{part}")(scenario, **settings) for part, settings in parts.items()}
    in_order(given.get("acquisition_maximizer"))
    facade(scenario, target, logging_level=False, **given).optimize()
    return ran


def test_a_search_asks_for_what_smac_itself_would(tmp_path):
    name = "HyperparameterOptimizationFacade"
    made = optimizer_class(f"smac:{name}")(nbk.task_of(CIFAR10), np.random.default_rng(3), n_trials=15, **FOREST)
    asked = [(trial.arch, None) for trial in asked_and_told(made, CIFAR10, 15)]
    parts = {
        "initial_design": {"n_configs": 6},
        "acquisition_maximizer": {"challengers": 20, "local_search_iterations": 1},
        "model": {"n_trees": 1},
    }
    assert asked == smac_itself(getattr(smac, name), CIFAR10, tmp_path, parts, n_trials=15)


def test_local_search_begins_in_an_order_that_is_the_same_in_all_processes():
    made = optimizer_class("smac:HyperparameterOptimizationFacade")(
        nbk.task_of(CIFAR10), np.random.default_rng(3), **FOREST
    )
    asked_and_told(made, CIFAR10, 9)
    local = made._facade._acquisition_maximizer._local_search
    begun = local._get_init_points_from_previous_configs(made._facade.runhistory.get_configs(), 9, None)
    assert [*map(repr, begun)] == sorted(map(repr, begun))
    assert len(begun) == 9


def test_budgets_are_smacs_own_rounded_down_to_an_epoch(tmp_path):
    made = optimizer_class("smac:HyperbandFacade")(nbk.task_of(CURVES), np.random.default_rng(3))
    asked = [(trial.arch, trial.epoch) for trial in asked_and_told(made, CURVES, 42)]
    theirs = smac_itself(smac.HyperbandFacade, CURVES, tmp_path, {}, n_trials=42, min_budget=1, max_budget=36)
    assert asked == [(arch, int(budget)) for arch, budget in theirs]
    assert {epoch for _, epoch in asked} == {1, 4, 12, 36}  # 36 / 3^k, from 1.33 on


def test_a_promoted_architecture_goes_on_with_its_training_and_pays_the_difference():
    records = simulated(CURVES, "smac:HyperbandFacade", 60)
    costs = {}
    for arch, trial, epoch, cost_s in zip(records.archs, records.trial, records.epoch, records.cost_s, strict=True):
        whole = CURVES.query(tuple(arch.tolist()), epoch=int(epoch)).cost_s
        assert cost_s == pytest.approx(whole - costs.get(trial, 0.0))
        costs[trial] = whole
    assert len(costs) < len(records.epoch)


def test_budgets_within_one_epoch_are_trained_once():
    coarse = nbk.Task(CURVES.space, epochs=(12, 36))
    made = optimizer_class("smac:HyperbandFacade")(coarse, np.random.default_rng(0), min_budget=12, eta=2)
    seen = [(trial.training, trial.epoch) for trial in asked_and_told(made, CURVES, 40)]
    assert len(set(seen)) == len(seen)
    assert {epoch for _, epoch in seen} == {12, 36}


def test_a_failed_training_is_told_as_crashed_and_as_bad_as_the_worst():
    made = optimizer_class("smac:RandomFacade")(nbk.task_of(CIFAR10), np.random.default_rng(0))
    for value in (-np.inf, 0.9, 0.5, -np.inf):
        made.tell(made.ask(), Outcome.of(value))
    history = [(trial.cost, trial.status.name) for trial in made._facade.runhistory.values()]
    assert sorted(history) == [(-0.9, "CRASHED"), (-0.9, "SUCCESS"), (-0.5, "CRASHED"), (-0.5, "SUCCESS")]


def test_nothing_is_written_or_printed(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    handlers = logging.getLogger().handlers[:]
    simulated(CURVES, "smac:HyperbandFacade", 20)
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger().handlers == handlers


def test_a_space_that_is_exhausted_ends_the_search():
    few = nbk.Task(ChoiceSpace("few", {"a": ("x", "y"), "b": (1, 2, 4)}))
    made = optimizer_class("smac:RandomFacade")(few, np.random.default_rng(0))
    asked = []
    while (trial := made.ask()) is not None:
        asked.append(trial.arch)
        made.tell(trial, Outcome.of(0.5))
    assert sorted(asked) == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    assert made.ask() is None


def test_a_study_stores_the_settings_of_the_parts_and_the_version():
    made = Configuration.of(CIFAR10, "smac:BlackBoxFacade", {"n_configs": 5}, n_evaluations=10)
    assert made.settings["n_configs"] == 5
    assert made.settings["challengers"] == 1000  # SMAC's default
    assert versions_of(made)["smac"] == version("smac")


def test_what_smac_has_not_is_refused_with_what_it_has():
    with pytest.raises(UnknownNameError, match=r"unknown facade of smac 'BOHB'; choose from .*MultiFidelityFacade"):
        optimizer_class("smac:BOHB")
    with pytest.raises(UnknownNameError, match="unknown setting of smac:BlackBoxFacade 'n_config'; did you mean"):
        Configuration.of(CIFAR10, "smac:BlackBoxFacade", {"n_config": 5}, n_evaluations=10)
    with pytest.raises(SettingError, match="needs several epochs to choose from; there is only epoch 200"):
        Configuration.of(CIFAR10, "smac:MultiFidelityFacade", n_evaluations=10)
    assert "epochs" in needs_of(optimizer_class("smac:HyperbandFacade"))
    task, rng = nbk.task_of(CURVES), np.random.default_rng(0)
    with pytest.raises(SettingError, match="min_budget=36; an epoch of 1 to below 36 expected"):
        optimizer_class("smac:HyperbandFacade")(task, rng, min_budget=36)
    with pytest.raises(SettingError, match="smac:RandomFacade with min_budget=2; it has no budgets"):
        optimizer_class("smac:RandomFacade")(task, rng, min_budget=2)
    with pytest.raises(SettingError, match="with parego=true on one objective; it weighs two or more"):
        optimizer_class("smac:RandomFacade")(task, rng, parego=True)
    both = nbk.Task(CIFAR10.space, objectives=("a", "b"))
    with pytest.raises(SettingError, match="smac:RandomFacade: Number of objectives and number of weights must be"):
        optimizer_class("smac:RandomFacade")(both, rng, objective_weights=[1, 2, 3])

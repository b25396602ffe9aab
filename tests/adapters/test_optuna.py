"""Our benchmarks as objectives of Optuna."""

import math
import pickle

import numpy as np
import optuna
import pytest

from nasbench_kit.adapters.optuna import Objective, constraints_func
from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers import optimizer_class
from nasbench_kit.simulator import simulate, task_of

optuna.logging.set_verbosity(optuna.logging.ERROR)


def optimized(objective, n_trials=30, sampler=None, pruner=None):
    sampler = sampler or optuna.samplers.TPESampler(seed=0, n_startup_trials=5)
    study = optuna.create_study(directions=objective.directions, sampler=sampler, pruner=pruner)
    study.optimize(objective, n_trials=n_trials)
    return study


def test_the_values_of_a_study_are_those_of_the_benchmark(cifar10):
    objective = Objective(cifar10)
    study = optimized(objective)
    assert len(study.trials) == 30
    for trial in study.trials:
        answer = cifar10.query(objective.arch(trial.params))
        assert trial.value == answer.val_accuracy
        assert trial.user_attrs["cost_s"] == answer.cost_s
        assert cifar10.query(trial.user_attrs["arch"]) == answer
    assert study.best_value == max(trial.value for trial in study.trials) > 0.9


def test_optuna_on_ours_and_ours_in_optuna_search_alike(cifar10):
    made = optimizer_class("optuna:TPESampler")(task_of(cifar10), np.random.default_rng(3), n_startup_trials=5)
    records = simulate(cifar10, made, rng=np.random.default_rng(0), run="mean", n_evaluations=30)
    sampler = optuna.samplers.TPESampler(seed=int(np.random.default_rng(3).integers(2**31)), n_startup_trials=5)
    objective = Objective(cifar10)
    study = optimized(objective, sampler=sampler)
    assert [objective.arch(trial.params) for trial in study.trials] == list(map(tuple, records.archs.tolist()))
    assert [trial.value for trial in study.trials] == records.value.tolist()


def test_a_pruned_trial_took_the_seconds_up_to_its_last_epoch(curves):
    objective = Objective(curves, pruning=True)
    study = optimized(objective, pruner=optuna.pruners.MedianPruner(n_startup_trials=3))
    states = {trial.state.name for trial in study.trials}
    assert states == {"PRUNED", "COMPLETE"}
    for trial in study.trials:
        last = max(trial.intermediate_values)
        assert [*trial.intermediate_values] == [*range(1, last + 1)]
        for epoch, value in trial.intermediate_values.items():
            assert value == curves.query(objective.arch(trial.params), epoch=epoch).val_accuracy
        assert trial.user_attrs["epoch"] == last
        assert trial.user_attrs["cost_s"] == curves.query(objective.arch(trial.params), epoch=last).cost_s
        assert (last == 36) == (trial.state.name == "COMPLETE")


def test_separate_trainings_are_paid_in_full_each(budgets):
    objective = Objective(budgets, epoch=36, pruning=True)
    trial = optimized(objective, 1).trials[0]
    costs = [budgets.query(objective.arch(trial.params), epoch=epoch).cost_s for epoch in (4, 12, 36)]
    assert [*trial.intermediate_values] == [4, 12, 36]
    assert trial.user_attrs["cost_s"] == sum(costs)


def test_a_drawn_run_stays_the_same_over_the_epochs_of_a_trial_and_its_seed_gives_it_again(curves):
    def values():
        objective = Objective(curves, run="drawn", rng=np.random.default_rng(1), pruning=True)
        study = optimized(objective, 10, pruner=optuna.pruners.NopPruner())
        for trial in study.trials:
            arch = objective.arch(trial.params)
            runs = [[curves.query(arch, epoch=e, seed=s).val_accuracy for e in range(1, 37)] for s in (0, 1, 2)]
            assert [*trial.intermediate_values.values()] in runs
        return [trial.value for trial in study.trials]

    assert values() == values()


def test_several_objectives_keep_their_directions_and_constraints_are_told(two_objectives):
    objective = Objective(two_objectives)
    assert objective.directions == ["maximize", "minimize"]
    study = optimized(objective, 40, optuna.samplers.NSGAIISampler(seed=0, population_size=10))
    for trial in study.trials:
        arch = objective.arch(trial.params)
        columns = [two_objectives.values(name, [arch])[0] for name in ("val_accuracy", "params_m", "flops_m")]
        assert trial.values == columns[:2]
        assert trial.user_attrs["violations"] == [pytest.approx(columns[2] - 100)] == [*constraints_func(trial)]
        assert trial.constraints == {"flops_m<=100": trial.user_attrs["violations"][0]}
    assert {trial.constraints["flops_m<=100"] <= 0 for trial in study.trials} == {True, False}
    assert all(trial.constraints["flops_m<=100"] <= 0 for trial in study.best_trials)


def test_a_study_of_another_direction_is_refused(cifar10, failing):
    with pytest.raises(SettingError, match=r"^a study with directions=\['minimize'\]; this needs .*\['maximize'\]"):
        optuna.create_study().optimize(Objective(cifar10), n_trials=1)
    with pytest.raises(SettingError, match=r"^a study with directions=\['maximize'\]; this needs .*\['minimize'\]"):
        optuna.create_study(direction="maximize").optimize(Objective(failing), n_trials=1)


@pytest.mark.parametrize("pruning", [False, True])
def test_a_training_that_failed_is_a_failed_trial_with_its_seconds(failing, pruning):
    objective = Objective(failing, pruning=pruning)
    study = optuna.create_study(directions=objective.directions)
    study.enqueue_trial(objective.params("5,64"))
    study.enqueue_trial(objective.params("3,16"))
    study.optimize(objective, n_trials=2)
    assert failing.query("5,64").failed == 1
    assert [trial.state.name for trial in study.trials] == ["FAIL", "COMPLETE"]
    assert study.best_value == failing.query("3,16").val_loss
    assert study.trials[0].user_attrs["cost_s"] == (10 if pruning else 30)  # it failed after the first epoch already


def test_ordered_choices_are_integers_to_optuna(failing):
    assert Objective(failing).search_space == {
        "kernel": optuna.distributions.IntDistribution(0, 1),
        "width": optuna.distributions.IntDistribution(0, 2),
    }
    assert Objective(failing).params("5,64") == {"kernel": 1, "width": 2}


def test_an_objective_takes_a_trial_of_fixed_parameters(cifar10, cell):
    objective = Objective(cifar10)
    assert objective(optuna.trial.FixedTrial(cell)) == cifar10.query((3, 3, 3, 1, 3, 2)).val_accuracy
    assert pickle.loads(pickle.dumps(objective))(optuna.trial.FixedTrial(cell)) == objective(
        optuna.trial.FixedTrial(cell)
    )


def test_pruning_needs_one_objective_and_several_epochs(cifar10, uncosted, two_objectives):
    with pytest.raises(SettingError, match=r"^pruning=True with 2 objectives; Optuna prunes by one$"):
        Objective(two_objectives, pruning=True)
    with pytest.raises(SettingError, match=r"^pruning=True needs several epochs; nasbench201/cifar10 has 200$"):
        Objective(cifar10, pruning=True)
    with pytest.raises(SettingError, match=r"^pruning=True needs several epochs; nas_bench_graph/cora has none$"):
        Objective(uncosted, pruning=True)


def test_a_benchmark_without_seconds_is_searched_and_says_so(uncosted):
    trial = optimized(Objective(uncosted), 1).trials[0]
    assert trial.user_attrs["epoch"] is None
    assert math.isnan(trial.user_attrs["cost_s"])

"""Our benchmarks as problems of OptunaHub."""

import math

import optuna
import pytest

from nasbench_kit.errors import SettingError

optunahub = pytest.importorskip("optunahub", reason="optunahub is absent: pip install 'nasbench-kit[optunahub]'")

from nasbench_kit.adapters.optunahub import Problem  # noqa: E402

optuna.logging.set_verbosity(optuna.logging.ERROR)


def test_a_problem_is_what_optunahub_says_and_gives_what_the_benchmark_does(two_objectives):
    problem = Problem(two_objectives)
    assert isinstance(problem, optunahub.benchmarks.BaseProblem)
    assert problem.directions == [optuna.study.StudyDirection.MAXIMIZE, optuna.study.StudyDirection.MINIMIZE]
    study = optuna.create_study(directions=problem.directions, sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(problem, n_trials=30)
    for trial in study.trials:
        arch = problem.arch(trial.params)
        columns = [two_objectives.values(name, [arch])[0] for name in ("val_accuracy", "params_m", "flops_m")]
        assert trial.values == [*problem.evaluate(trial.params)] == columns[:2]
        assert problem.evaluate_constraints(trial.params) == {"flops_m<=100": pytest.approx(columns[2] - 100)}
        assert trial.constraints == problem.evaluate_constraints(trial.params)
        assert trial.user_attrs["cost_s"] == problem.cost_s(trial.params) == two_objectives.query(arch).cost_s


def test_one_objective_is_one_number(cifar10, cell):
    problem = Problem(cifar10, run=777)
    assert problem.evaluate(cell) == cifar10.query((3, 3, 3, 1, 3, 2), seed=777).val_accuracy
    assert problem.evaluate(problem.params((3, 3, 3, 1, 3, 2))) == problem.evaluate(cell)


def test_a_training_that_failed_is_nan(failing):
    assert math.isnan(Problem(failing).evaluate({"kernel": "5", "width": "64"}))


def test_a_study_of_another_direction_is_refused(cifar10):
    with pytest.raises(SettingError, match=r"^a study with directions=\['minimize'\]; this needs"):
        optuna.create_study().optimize(Problem(cifar10), n_trials=1)


def test_a_problem_draws_no_runs(cifar10):
    with pytest.raises(
        SettingError, match=r"^run='drawn'; a problem is a function of its parameters: 'mean', or the number"
    ):
        Problem(cifar10, run="drawn")

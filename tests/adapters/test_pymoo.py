"""Our benchmarks as problems of pymoo."""

import pickle

import moocore
import numpy as np
import pytest

import nasbench_kit as nbk

pytest.importorskip("pymoo", reason="pymoo is absent: pip install 'nasbench-kit[pymoo]'")

from pymoo.algorithms.moo.nsga2 import NSGA2, RankAndCrowdingSurvival
from pymoo.core.mixed import MixedVariableGA
from pymoo.operators.crossover.ux import UX
from pymoo.operators.mutation.pm import PM
from pymoo.operators.repair.rounding import RoundingRepair
from pymoo.operators.sampling.rnd import IntegerRandomSampling
from pymoo.optimize import minimize

from nasbench_kit.adapters.pymoo import BenchmarkProblem


@pytest.fixture(scope="module")
def sizes():
    return nbk.load("nasbench201/cifar10", objectives=["val_accuracy", "params_m"])


def searched(problem, n_generations):
    mutation = PM(prob_var=0.3, eta=3, vtype=float, repair=RoundingRepair())
    nsga2 = NSGA2(40, sampling=IntegerRandomSampling(), crossover=UX(), mutation=mutation)
    return minimize(problem, nsga2, ("n_gen", n_generations), seed=0)


def test_nsga2_finds_a_part_of_the_true_front_comes_near_to_the_rest_and_finds_nothing_beyond_it(sizes):
    problem = BenchmarkProblem(sizes)
    found, true = searched(problem, 15), problem.pareto_front()
    accuracies, params_m = (sizes.values(name, sizes.true_front()) for name in ("val_accuracy", "params_m"))
    assert sorted(map(tuple, true.tolist())) == sorted(zip((1 - accuracies).tolist(), params_m.tolist(), strict=True))
    on_front = [row for row in found.F if np.isclose(true, row, rtol=0, atol=1e-12).all(axis=1).any()]
    assert len(on_front) >= 3
    volumes = [moocore.hypervolume(front, ref=[0.9, 1.6]) for front in (found.F, true)]
    assert 0.97 < volumes[0] / volumes[1] <= 1
    for row in found.F:
        assert ((true <= row + 1e-12).all(axis=1)).any()


def test_an_individual_has_the_losses_and_seconds_of_its_architecture(two_objectives):
    problem = BenchmarkProblem(two_objectives)
    assert (problem.n_var, problem.n_obj, problem.n_ieq_constr, problem.vtype) == (6, 2, 1, int)
    assert (problem.xl.tolist(), problem.xu.tolist()) == ([0] * 6, [4] * 6)
    for one in searched(problem, 3).pop:
        arch = problem.arch(one.X)
        answer = two_objectives.query(arch)
        columns = [two_objectives.values(name, [arch])[0] for name in ("params_m", "flops_m")]
        assert one.F.tolist() == [1 - answer.val_accuracy, columns[0]]
        assert pytest.approx([columns[1] - 100]) == one.G
        assert one.get("cost_s") == answer.cost_s


def test_what_a_search_finds_keeps_to_the_constraints(two_objectives):
    found = searched(BenchmarkProblem(two_objectives), 6)
    kept = two_objectives.values("flops_m", found.X)
    assert len(kept)
    assert (kept <= 100).all()


def test_variables_of_several_kinds_have_the_names_of_the_decisions_and_choices(two_objectives, failing):
    problem = BenchmarkProblem(two_objectives, mixed=True)
    found = minimize(problem, MixedVariableGA(20, survival=RankAndCrowdingSurvival()), ("n_gen", 5), seed=0)
    for config, losses in zip(found.X, found.F, strict=True):
        assert set(config) == {decision.name for decision in two_objectives.space.decisions}
        assert set(config.values()) <= {*two_objectives.space.decisions[0].choices}
        assert 1 - losses[0] == two_objectives.query(problem.arch(config)).val_accuracy
    kinds = {name: type(variable).__name__ for name, variable in BenchmarkProblem(failing, mixed=True).vars.items()}
    assert kinds == {"kernel": "Integer", "width": "Integer"}  # which are ordered


def test_a_training_that_failed_is_the_worst_and_exceeds_every_constraint(failing):
    problem = BenchmarkProblem(failing)
    losses, violations = problem.evaluate(np.array([[1, 2], [1, 1]]))
    assert losses.tolist() == [[3.5], [3.5]]  # the second is the worst that was recorded
    assert violations.tolist() == [[np.inf], [0.5]]


def test_numbers_between_choices_are_rounded_and_what_was_not_recorded_is_the_nearest(budgets):
    problem = BenchmarkProblem(budgets)
    rows = np.random.default_rng(0).random((5, problem.n_var)) * problem.xu
    assert (problem.evaluate(rows) == problem.evaluate(np.rint(rows))).all()
    assert problem.evaluate(rows)[:, 0].tolist() == [1 - budgets.query(problem.arch(row)).value for row in rows]


def test_a_front_is_known_of_what_is_asked_for_alone(sizes, loaded):
    rng = np.random.default_rng(0)
    assert BenchmarkProblem(sizes, run=777).pareto_front() is None
    assert BenchmarkProblem(sizes, run="drawn", rng=rng).pareto_front() is None
    assert BenchmarkProblem(loaded("nasbench301/cifar10")).pareto_front() is None  # 10^18 architectures


def test_runs_are_drawn_per_evaluation_by_the_generator(cifar10):
    values = [
        BenchmarkProblem(cifar10, run="drawn", rng=np.random.default_rng(0)).evaluate(np.full((20, 6), 3))
        for _ in range(2)
    ]
    recorded = {1 - cifar10.query((3,) * 6, seed=seed).value for seed in cifar10.query((3,) * 6).seeds}
    assert (values[0] == values[1]).all()
    assert {*values[0][:, 0].tolist()} == recorded


def test_a_problem_survives_being_sent_to_another_process(two_objectives):
    row = np.array([[3, 3, 3, 1, 3, 2]])
    problem = BenchmarkProblem(two_objectives)
    sent = pickle.loads(pickle.dumps(problem))
    assert [part.tolist() for part in sent.evaluate(row)] == [part.tolist() for part in problem.evaluate(row)]

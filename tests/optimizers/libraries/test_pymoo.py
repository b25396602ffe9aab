"""pymoo's algorithms as optimizers of ours."""

from functools import partial
from math import inf

import numpy as np
import pytest
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.algorithms.soo.nonconvex.de import DE
from pymoo.core.mixed import MixedVariableDuplicateElimination, MixedVariableMating, MixedVariableSampling
from pymoo.core.problem import ElementwiseProblem
from pymoo.core.variable import Choice
from pymoo.optimize import minimize

import nasbench_kit as nbk
from nasbench_kit.errors import SettingError, UnknownNameError
from nasbench_kit.optimizers import Outcome, optimizer_class
from nasbench_kit.study import Configuration
from nasbench_kit.study.versions import versions_of
from nasbench_kit.testing import check_optimizer

LIMIT = 0.3  # a quarter of the cells keeps to it
CIFAR10 = nbk.load("nasbench201/cifar10")
SEVERAL = nbk.load("nasbench201/cifar10", objectives=["val_accuracy", "params_m"])
SMALL = nbk.load("nasbench201/cifar10", objectives=["val_accuracy", "latency_s"], constraints=[f"params_m<={LIMIT}"])
NAMES = [decision.name for decision in CIFAR10.space.decisions]
SEED = int(np.random.default_rng(3).integers(2**31))  # of a search made with default_rng(3)


@pytest.mark.parametrize("name", ["GA", "DE", "PSO", "CMAES", "NelderMead", "PatternSearch", "NSGA2"])
def test_an_algorithm_keeps_to_ask_and_tell(name):
    small = {"pop_size": 8} if name not in ("NelderMead", "PatternSearch") else {}
    check_optimizer(partial(optimizer_class(f"pymoo:{name}"), **small), CIFAR10, n_evaluations=40)


@pytest.mark.parametrize(
    ("name", "settings"), [("NSGA2", {"pop_size": 10}), ("NSGA3", {"n_partitions": 8}), ("SPEA2", {"pop_size": 10})]
)
def test_an_algorithm_for_several_objectives_keeps_to_ask_and_tell_also_with_constraints(name, settings):
    check_optimizer(partial(optimizer_class(f"pymoo:{name}"), **settings), SMALL, n_evaluations=40)


def test_a_constrained_space_is_searched_as_well():
    bench = nbk.load("nasbench101/cifar10")
    for name in ("GA", "DE"):
        check_optimizer(partial(optimizer_class(f"pymoo:{name}"), pop_size=10), bench, n_evaluations=30)


class Recorded(ElementwiseProblem):
    """Accuracy and size of cells, as pymoo minimizes them; the cells in the order in which it asked."""

    def __init__(self, n_obj, to_arch, **how):
        super().__init__(n_obj=n_obj, **how)
        self.asked, self.to_arch = [], to_arch

    def _evaluate(self, x, out, *args, **kwargs):
        arch = self.to_arch(x)
        self.asked.append(arch)
        values = [-CIFAR10.query(arch).val_accuracy, CIFAR10.values("params_m", [arch])[0]]
        out["F"] = values[: self.n_obj]


def asked_for(name, bench, n, **settings):
    made = optimizer_class(f"pymoo:{name}")(nbk.task_of(bench), np.random.default_rng(3), **settings)
    asked = []
    for _ in range(n):
        trial = made.ask()
        asked.append(trial.arch)
        values = CIFAR10.query(trial.arch).val_accuracy, -CIFAR10.values("params_m", [trial.arch])[0]
        made.tell(trial, Outcome.of(*values[: len(bench.objectives) or 1]))
    return asked


def test_a_genetic_search_asks_for_what_pymoo_itself_would():
    problem = Recorded(
        2, lambda x: tuple(int(c) for c in x.values()), vars={name: Choice(options=range(5)) for name in NAMES}
    )
    same = MixedVariableDuplicateElimination()
    mating = MixedVariableMating(selection=NSGA2().mating.selection, eliminate_duplicates=same)
    algorithm = NSGA2(pop_size=20, sampling=MixedVariableSampling(), mating=mating, eliminate_duplicates=same)
    minimize(problem, algorithm, ("n_gen", 5), seed=SEED)
    assert asked_for("NSGA2", SEVERAL, 100, pop_size=20) == problem.asked


def test_a_search_over_numbers_asks_for_what_pymoo_itself_would():
    problem = Recorded(1, lambda x: tuple(min(int(c), 4) for c in x), n_var=6, xl=0.0, xu=5.0)
    minimize(problem, DE(pop_size=20), ("n_gen", 5), seed=SEED)
    assert asked_for("DE", CIFAR10, 100, pop_size=20) == problem.asked


def test_two_searches_in_one_process_do_not_share_what_they_learn():
    first, second = (asked_for("SPEA2", SEVERAL, 60, pop_size=10) for _ in range(2))
    assert first == second


def test_a_generation_is_told_at_once_in_the_order_in_which_it_was_asked():
    def run(order):
        made = optimizer_class("pymoo:GA")(nbk.task_of(CIFAR10), np.random.default_rng(3), pop_size=10)
        asked = []
        for _ in range(5):
            generation = [*iter(made.ask, None)]
            asked += [trial.arch for trial in generation]
            for trial in order(generation):
                made.tell(trial, Outcome.of(CIFAR10.query(trial.arch).val_accuracy))
        return asked

    assert run(list) == run(reversed) == run(sorted)
    assert len(run(list)) > 40


def test_a_failed_training_does_not_survive():
    made = optimizer_class("pymoo:GA")(nbk.task_of(CIFAR10), np.random.default_rng(3), pop_size=4)
    generation = [made.ask() for _ in range(4)]
    for trial, value in zip(generation, [-inf, 0.5, 0.6, -inf], strict=True):
        made.tell(trial, Outcome.of(value))
    for _ in range(2):
        children = [made.ask() for _ in range(4)]
        for trial in children:
            made.tell(trial, Outcome.of(0.7))
    losses = made._algorithm.pop.get("F")[:, 0].tolist()
    assert sorted(losses) == [-0.7] * 4


def test_search_by_pymoo_finds_better_cells_than_random_search():
    def best(name, **settings):
        found = []
        for seed in range(8):
            rng = np.random.default_rng(seed)
            made = optimizer_class(name)(nbk.task_of(CIFAR10), rng, **settings)
            records = nbk.simulate(CIFAR10, made, rng=rng, n_evaluations=200)
            found.append(max(CIFAR10.query_many(records.archs).value))
        return np.mean(found)

    assert best("pymoo:GA", pop_size=20) > best("random_search") + 0.001


def test_children_keep_to_a_constraint_more_often_than_random_cells():
    rng = np.random.default_rng(0)
    made = optimizer_class("pymoo:NSGA2")(nbk.task_of(SMALL), rng, pop_size=20)
    records = nbk.simulate(SMALL, made, rng=rng, n_evaluations=300)
    kept = SMALL.values("params_m", records.archs) <= LIMIT
    random = SMALL.values("params_m", SMALL.space.sample_many(rng, 2000)) <= LIMIT
    assert kept[100:].mean() > 1.4 * random.mean()
    assert (made._algorithm.pop.get("CV") == 0).all()


def test_a_study_stores_the_settings_of_the_algorithm_and_the_version_of_the_library():
    made = Configuration.of(CIFAR10, "pymoo:DE", {"variant": "DE/rand/1/bin"}, n_evaluations=10)
    assert made.settings["variant"] == "DE/rand/1/bin"
    assert made.settings["pop_size"] == 100  # pymoo's default
    assert versions_of(made)["pymoo"] >= "0.6.2"


@pytest.mark.parametrize(
    ("name", "settings", "found"),
    [
        ("NSGA2", {"pop_size": 40, "n_offsprings": 10}, lambda made: made.n_offsprings == 10),  # pymoo's first example
        ("DE", {"CR": 0.3, "F": 0.6}, lambda made: (made.mating.CR.value, made.mating.F.value) == (0.3, 0.6)),
        ("ISRES", {"n_offsprings": 70}, lambda made: made.n_offsprings == 70),
        ("BIPOPCMAES", {"tolfun": 1e-6}, lambda made: made.options["tolfun"] == 1e-6),
    ],
)
def test_what_an_algorithm_hands_on_to_what_it_is_made_of_is_a_setting_too(name, settings, found):
    assert found(
        optimizer_class(f"pymoo:{name}")(nbk.task_of(SEVERAL), np.random.default_rng(0), **settings)._algorithm
    )


def test_what_pymoo_has_not_or_cannot_is_refused():
    with pytest.raises(UnknownNameError, match=r"unknown algorithm of pymoo 'NSGA4'; did you mean 'NSGA[23]'"):
        optimizer_class("pymoo:NSGA4")
    with pytest.raises(UnknownNameError, match="pymoo:PINSGA2 cannot be used here, as it asks a person"):
        optimizer_class("pymoo:PINSGA2")
    with pytest.raises(SettingError, match="pymoo:NSGA3 needs two objectives or more; there is val_accuracy alone"):
        Configuration.of(CIFAR10, "pymoo:NSGA3", {}, n_evaluations=10)
    with pytest.raises(SettingError, match=r"pymoo:MOEAD: .* does not support any constraints"):
        optimizer_class("pymoo:MOEAD")(nbk.task_of(SMALL), np.random.default_rng(0))

"""What all searches over several epochs have in common, on the benchmarks that ship."""

from functools import cache

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.optimizers import GROUPS, OPTIMIZERS, Task
from nasbench_kit.simulator import Rules, simulate, task_of
from nasbench_kit.spaces import NASBench201Space
from nasbench_kit.testing import check_optimizer

NAMES = pytest.mark.parametrize("name", GROUPS["multi-fidelity"])
LAST_EPOCH = 36
THINKING = ("mobster", "sync_mobster", "hyper_tune")  # long, so they are asked less
# separate trainings of four epochs, of two, and curves of 98 and of 4
BENCHMARKS = [
    "nasbench101/cifar10",
    "nasbench201_surrogate/cifar10",
    "nasbench301/cifar10",
    "nasbench201_mnist1d/mnist1d-4",
]


@pytest.fixture(scope="module")
def mnist1d():
    return nbk.load("nasbench201_mnist1d/mnist1d")


def run(bench, name, how=None, seed=0, **rules):
    rules, rng = Rules(**rules), np.random.default_rng(seed)
    optimizer = OPTIMIZERS[name](task_of(bench, rules, needs=("epochs",)), rng, **(how or {}))
    return simulate(bench, optimizer, rng=rng, rules=rules)


@NAMES
@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_they_conform_on_curves_and_on_separate_trainings(loaded, n_enough, name, benchmark):
    bench = loaded(benchmark)
    check_optimizer(OPTIMIZERS[name], bench, n_evaluations=n_enough(name, bench))


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("successive_halving", {"n_archs": 7, "eta": 2, "idle": "wait"}),
        ("hyperband", {"eta": 4, "idle": "wait"}),
        ("asha", {"kind": "stopping", "n_brackets": 3}),
        ("async_hyperband", {"order": "in turn", "min_epoch": 3}),
        ("pasha", {"eta": 2, "percentile": 100}),
        ("median_stopping", {"min_epoch": 9, "min_trainings": 1}),
        ("learning_curve_stopping", {"threshold": 0.5, "every": 2}),
        ("bohb", {"idle": "wait", "random_fraction": 0.0}),
        ("dehb", {"crossover_prob": 1.0}),
    ],
    ids=str,
)
def test_they_conform_with_other_settings(mnist1d, name, how):
    check_optimizer(lambda task, rng: OPTIMIZERS[name](task, rng, **how), mnist1d)


@NAMES
def test_more_workers_than_trials_and_budgets_that_end_anywhere_are_no_problem(mnist1d, name):
    for how in ({"n_evaluations": 1}, {"n_evaluations": 50}, {"budget_s": 20}, {"n_epochs": 100}):
        records = run(mnist1d, name, n_workers=64, **how)
        assert len(records.value) <= how.get("n_evaluations", 10**6)
        assert len(run(mnist1d, name, n_workers=64, **how).value) == len(records.value)


@pytest.fixture(scope="module")
def best(mnist1d):
    """The best value at the last epoch that a run ends with."""

    @cache
    def found(name, seed, budget_s):
        records = run(mnist1d, name, seed=seed, budget_s=budget_s, n_workers=4, run="mean")
        return records.value[records.epoch == LAST_EPOCH].max()

    return found


# PASHA stops training where the ranking is stable, and so may end without a value at the last epoch: see test_pasha.py
@pytest.mark.parametrize("name", [name for name in GROUPS["multi-fidelity"] if name != "pasha"])
def test_a_search_ends_above_random_search_at_the_same_budget(best, name):
    # those with a model take a second to think; their four runs are 1.3 to 1.6 points above, standard error 0.5
    budget_s, n_runs = (500, 4) if name in THINKING else (1_000, 10)
    gains = [best(name, seed, budget_s) - best("random_search", seed, budget_s) for seed in range(n_runs)]
    assert np.mean(gains) > 0


@NAMES
def test_no_more_is_trained_than_the_rules_report(mnist1d, name):
    records = run(mnist1d, name, epoch=12, n_evaluations=150 if name in THINKING else 600, n_workers=3)
    assert 1 < records.epoch.max() <= 12


@NAMES
def test_a_ladder_of_one_rung_trains_to_it(name):
    task = Task(NASBench201Space(), epochs=(7,))
    optimizer = OPTIMIZERS[name](task, np.random.default_rng(0))
    assert {optimizer.ask().epoch for _ in range(20)} == {7}

"""The archive of reference runs as a gate: an optimizer that searches otherwise than it did is seen here."""

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.analysis import Archive, load, pairwise_mann_whitney, regret_curves
from nasbench_kit.optimizers import GROUPS
from nasbench_kit.study import Configuration, Study

TABLE, CURVES = "nasbench201/cifar10", "nasbench201_mnist1d/mnist1d-4"
N_RUNS = 10
SHARES = np.array([0.03, 0.1, 0.3, 1.0])  # of the budget
LEVEL = 0.001  # of what searches as it did, one optimizer in a thousand is told apart


@pytest.fixture(scope="module")
def archived():
    """(benchmark, optimizer) -> configuration and runs of the archive."""
    archive = Archive.open()
    benchmarks = {name: nbk.load(name) for name in (TABLE, CURVES)}
    return {
        (entry.configuration.benchmark, entry.configuration.optimizer): (
            entry.configuration,
            archive.trajectories(entry, benchmarks[entry.configuration.benchmark]),
        )
        for entry in archive.entries
        if entry.configuration.benchmark in benchmarks
    }


def p_value_of_change(then, now):
    """Whether the regret at one of the times or the evaluations that were paid for are others, by Mann and Whitney.

    Corrected for how many are looked at (Bonferroni).
    """
    times = SHARES * then.budgets[then.axis]
    then, now = ([*regret_curves(runs, times, then.axis).T, runs.ended["evaluations"]] for runs in (then, now))
    tests = [pairwise_mann_whitney({"then": one, "now": other}) for one, other in zip(then, now, strict=True)]
    return min(1.0, len(tests) * min(float(test.p_values[0, 1]) for test in tests))


def made_now(configuration, folder):
    path = folder / f"{configuration.optimizer}.db"
    with Study(path) as study:
        study.run([configuration], range(N_RUNS), n_processes=1, progress=lambda *_: None)
    ((runs,),) = (panel.trajectories.values() for panel in load(path).values())
    return runs


@pytest.mark.slow
@pytest.mark.parametrize(("benchmark", "group"), [(TABLE, "model-free"), (CURVES, "multi-fidelity")])
def test_no_optimizer_searches_otherwise_than_the_archive_says(archived, benchmark, group, tmp_path):
    found = {
        name: p_value_of_change(archived[benchmark, name][1], made_now(archived[benchmark, name][0], tmp_path))
        for name in GROUPS[group]
        if (benchmark, name) in archived
    }
    assert len(found) == 9
    assert {name: p for name, p in found.items() if p < LEVEL} == {}


@pytest.mark.parametrize(
    ("benchmark", "name", "other", "settings"),
    [
        (TABLE, "regularized_evolution", "regularized_evolution", {"sample_size": 1}),
        (TABLE, "random_search", "local_search", {}),
        (CURVES, "hyperband", "hyperband", {"eta": 2}),
        (CURVES, "async_hyperband", "asha", {}),
    ],
)
def test_one_that_searches_otherwise_is_seen(archived, benchmark, name, other, settings, tmp_path):
    configuration, then = archived[benchmark, name]
    changed = Configuration.of(nbk.load(benchmark), other, settings, rules=configuration.rules)
    assert p_value_of_change(then, made_now(changed, tmp_path)) < LEVEL

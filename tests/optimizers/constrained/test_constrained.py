"""Searches under limits."""

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers import (
    OPTIMIZERS,
    ConstrainedEvolution,
    Outcome,
    Task,
    Trial,
)
from nasbench_kit.simulator import simulate, task_of
from nasbench_kit.spaces import NASBench201Space

SPACE = NASBench201Space()
FAR_APART = [(a, a, a, b, b, b) for a in range(5) for b in range(5)]  # any two differ in at least 3 decisions
NAMES = ("constrained_random_search", "constrained_evolution")


def limited(*constraints):
    return nbk.Benchmark(nbk.load("nasbench201/cifar10").results, "cifar10", constraints=constraints)


def run(bench, name, seed=0, n=200, **how):
    rng = np.random.default_rng(seed)
    return simulate(bench, OPTIMIZERS[name](task_of(bench), rng, **how), rng=rng, n_evaluations=n)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "limits", [["params_m<=0.2"], ["0.3<=params_m<=0.35", "flops_m<=60"], ["latency_s<=0.012"]], ids=str
)
def test_nothing_is_paid_for_what_is_known_to_exceed_a_limit(name, limits):
    records = run(limited(*limits), name)
    assert len(records.violation) == 200
    assert (records.violation == 0).all()


def test_random_search_is_uniform_among_what_keeps_to_the_limits():
    bench = limited("params_m<=0.09")
    allowed = bench.space.all_archs()[bench.feasible(bench.space.all_archs())]
    assert len(allowed) == 729
    counts = np.bincount(bench.space.rank_many(run(bench, NAMES[0], n=20_000).archs), minlength=bench.space.size)
    counts = counts[bench.space.rank_many(allowed)]
    assert counts.sum() == 20_000
    expected = 20_000 / len(allowed)
    assert (np.abs(counts - expected) < 5 * np.sqrt(expected) + 5).all()


def test_limits_that_nothing_keeps_to_are_told_in_one_line():
    with pytest.raises(
        SettingError, match=r"none of 1,\d{3},\d{3} random architectures keeps to params_m<=0.01; wider"
    ):
        run(limited("params_m<=0.01"), NAMES[0], n=1)


@pytest.mark.parametrize("name", NAMES)
def test_limits_that_only_outcomes_tell_are_learned_from_outcomes(name):
    rng = np.random.default_rng(0)
    optimizer = OPTIMIZERS[name](Task(SPACE, constraints=("energy<=1",)), rng)
    for _ in range(100):
        optimizer.tell(optimizer.ask(), Outcome.of(float(rng.random()), violations=(float(rng.normal()),)))


@pytest.mark.parametrize("name", NAMES)
def test_without_a_constraint_it_is_refused(name):
    with pytest.raises(SettingError, match=f"{name} needs a constraint, like 'latency_ms.edgegpu.<=5'; there is none"):
        nbk.compare("nasbench201/cifar10", name, runs=1, n_evaluations=5)


def parents(optimizer):
    children = [optimizer.ask().arch for _ in range(40)]
    return {min(range(25), key=lambda i: sum(a != b for a, b in zip(FAR_APART[i], c, strict=True))) for c in children}


@pytest.mark.parametrize(
    ("outcomes", "winner"),
    # Deb 2000, section 3: feasible before infeasible; of the former the better, of the latter the lesser violation
    [
        ([(0.9, 0.1), (0.1, 0.0)], 1),
        ([(0.2, 0.0), (0.3, 0.0)], 1),
        ([(0.2, -0.9), (0.3, -0.1)], 1),
        ([(0.9, 0.5), (0.1, 0.4)], 1),
        ([(0.2, 0.5), (0.3, 0.5)], 1),
        ([(-np.inf, 0.0), (0.1, 9.0)], 1),
    ],
)
def test_feasibility_decides_tournaments(outcomes, winner):
    task = Task(SPACE, constraints=("energy<=1",))
    optimizer = ConstrainedEvolution(task, np.random.default_rng(0), population_size=2, sample_size=50)
    for arch, (value, violation) in zip(FAR_APART, outcomes, strict=False):
        optimizer.tell(Trial(arch), Outcome.of(value, violations=(violation,)))
    assert parents(optimizer) == {winner}


def test_without_rejection_it_learns_to_keep_to_the_limit():
    records = run(limited("params_m<=0.1"), NAMES[1], reject=False)
    exceeds = records.violation > 0
    assert exceeds[:10].any()
    assert exceeds[-100:].mean() < exceeds[:30].mean()


def test_children_reach_what_lies_behind_architectures_that_exceed_a_limit():
    def known(archs):  # to keep to it, the first two decisions must change at once
        return np.where(archs[:, 0] == archs[:, 1], -1.0, 1.0)[:, None]

    task = Task(SPACE, constraints=("size<=1",), known_violations=known)
    optimizer = ConstrainedEvolution(task, np.random.default_rng(0), population_size=1)
    optimizer.tell(Trial((2, 2, 0, 0, 0, 0)), Outcome.of(0.5, violations=(-1.0,)))
    children = np.array([optimizer.ask().arch for _ in range(200)])
    assert (children[:, 0] == children[:, 1]).all()
    assert set(children[:, 0].tolist()) == {0, 1, 2, 3, 4}
    assert (children[:, 0] == 2).mean() > 0.5  # where there is a neighbor, it stays one


def test_under_a_limit_constrained_searches_find_better_than_others():
    def best(name, limit):
        found, bench = [], limited(limit)
        for seed in range(20):
            records = run(bench, name, seed, n=100)
            found.append(records.value[records.violation == 0].max(initial=0))
        return np.mean(found)

    assert best("constrained_random_search", "latency_s<=0.014") > best("random_search", "latency_s<=0.014") + 0.002
    assert best("constrained_evolution", "params_m<=0.8") > best("random_search", "params_m<=0.8") + 0.001


def test_the_task_tells_violations_of_what_is_known_and_of_nothing_else():
    bench = limited("params_m<=0.3", "val_accuracy>=0.9")
    archs = bench.space.sample_many(np.random.default_rng(0), 50)
    params = bench.values("params_m", archs)
    known = task_of(bench).known_violations(archs)
    assert known[:, 0].tolist() == (params - 0.3).tolist()
    assert np.isnan(known[:, 1]).all()
    assert task_of(limited("val_accuracy>=0.9")).known_violations is None

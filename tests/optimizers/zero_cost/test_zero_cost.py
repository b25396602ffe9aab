"""Searches by a column that costs no training."""

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.errors import SettingError, UnknownNameError
from nasbench_kit.optimizers import OPTIMIZERS, Outcome, ProxyRanking, Task, WarmStart
from nasbench_kit.simulator import simulate, task_of
from nasbench_kit.spaces import ChoiceSpace, DARTSSpace

CUBE = ChoiceSpace("cube", dict.fromkeys(("x", "y", "z"), tuple("abcd")))


def task(score=lambda archs: archs.sum(axis=1), space=CUBE):
    return Task(space, columns=("synflow",), known=lambda name, archs: score(archs.astype(float)))


def ranking(seed=0, **how):
    return ProxyRanking(task(), np.random.default_rng(seed), column="synflow", **how)


def asked(optimizer):
    return [trial.arch for trial in iter(optimizer.ask, None)]


@pytest.mark.parametrize(("direction", "sign"), [("max", 1), ("min", -1)])
def test_the_whole_space_is_asked_for_in_the_order_of_the_column(direction, sign):
    archs = asked(ranking(direction=direction))
    assert sorted(archs) == sorted(map(tuple, CUBE.all_archs().tolist()))
    scores = [sign * sum(arch) for arch in archs]
    assert scores == sorted(scores, reverse=True)


def test_ties_are_in_an_order_that_depends_on_the_seed():
    assert len({asked(ranking(seed))[1] for seed in range(50)}) == 3  # 3 of sum 8


def test_a_pool_is_of_different_architectures_and_the_search_is_over_after_it():
    archs = asked(ranking(pool_size=20))
    assert len(set(archs)) == 20
    assert sorted(map(sum, archs), reverse=True) == list(map(sum, archs))
    assert len(asked(ranking(pool_size=1_000))) == 64


def test_what_is_not_known_comes_last():
    unknown = task(lambda archs: np.where(archs[:, 0] == 3, np.nan, archs.sum(axis=1)))
    for direction in ("max", "min"):
        archs = asked(ProxyRanking(unknown, np.random.default_rng(0), column="synflow", direction=direction))
        assert [arch[0] == 3 for arch in archs] == [False] * 48 + [True] * 16


@pytest.mark.parametrize("name", ["proxy_ranking", "warm_start"])
@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"column": "synflo"}, UnknownNameError, "unknown column 'synflo'; did you mean 'synflow'"),
        ({"column": "latency"}, UnknownNameError, "unknown column 'latency'; choose from synflow"),
        ({"column": "synflow", "direction": "up"}, UnknownNameError, "unknown direction 'up'; choose from max, min"),
        ({"column": "synflow", "pool_size": 0}, SettingError, "pool_size=0; an integer of at least 1 expected"),
    ],
    ids=str,
)
def test_a_wrong_column_or_pool_is_named_with_what_would_be_right(name, how, error, message):
    with pytest.raises(error, match=message):
        OPTIMIZERS[name](task(), np.random.default_rng(0), **how)


def test_a_space_that_is_too_large_to_rank_needs_a_pool():
    large = task(space=DARTSSpace())
    with pytest.raises(SettingError, match=r"pool_size=None in darts, which has about 10.18 architectures; a number"):
        ProxyRanking(large, np.random.default_rng(0), column="synflow")
    assert len(asked(ProxyRanking(large, np.random.default_rng(0), column="synflow", pool_size=30))) == 30


def test_a_benchmark_without_columns_is_refused_with_those_that_have_some():
    with pytest.raises(SettingError, match=r"needs a column .* it can search nas_bench_graph/cora, "):
        nbk.compare("nasbench101/cifar10", "proxy_ranking", runs=1, n_evaluations=5)


def test_ranking_by_size_trains_the_largest_networks_of_nasbench201(cifar10):
    rng = np.random.default_rng(0)
    records = simulate(cifar10, ProxyRanking(task_of(cifar10), rng), rng=rng, n_evaluations=50)
    params = np.sort(cifar10.values("params_m", cifar10.space.all_archs()))[::-1]
    assert cifar10.values("params_m", records.archs).tolist() == params[:50].tolist()


def test_what_is_known_to_exceed_a_limit_comes_last(cifar10):
    bench = nbk.Benchmark(cifar10.results, "cifar10", constraints=["params_m<=0.3"])
    params = bench.values("params_m", asked(ProxyRanking(task_of(bench), np.random.default_rng(0))))
    n_within = int((params <= 0.3).sum())
    assert 0 < n_within < len(params)
    for part in (params[:n_within], params[n_within:]):
        assert part.tolist() == sorted(part.tolist(), reverse=True)
    assert params[n_within - 1] <= params[0] <= 0.3 < params[n_within:].min()


# ---- warm start ----


def warm(seed=0, **how):
    return WarmStart(task(), np.random.default_rng(seed), column="synflow", **how)


def test_another_search_begins_with_the_best_of_the_pool():
    optimizer = warm(n_initial=10, pool_size=None, settings={"population_size": 10, "sample_size": 100})
    first = [optimizer.ask() for _ in range(10)]
    assert [sum(trial.arch) for trial in first] == [9, 8, 8, 8, 7, 7, 7, 7, 7, 7]
    for i, trial in enumerate(first):
        optimizer.tell(trial, Outcome.of(float(i == 4)))
    child = optimizer.ask().arch  # evolution, whose population is full of them
    assert sum(a != b for a, b in zip(child, first[4].arch, strict=True)) == 1


def test_outcomes_that_come_late_are_told_to_the_other_search():
    optimizer = warm(n_initial=3, optimizer="local_search", settings={"n_initial": 3})
    trials = [optimizer.ask() for _ in range(3)]
    for trial in reversed(trials):
        optimizer.tell(trial, Outcome.of(float(sum(trial.arch))))
    assert sum(a != b for a, b in zip(optimizer.ask().arch, trials[0].arch, strict=True)) == 1


def test_the_other_search_ends_it():
    optimizer = warm(n_initial=5, optimizer="grid_search")
    assert len(asked(optimizer)) == 5 + 64


def test_a_warm_start_by_a_good_proxy_helps(cifar100):
    def mean_of_best(name, **how):
        found = []
        for seed in range(20):
            rng = np.random.default_rng(seed)
            optimizer = OPTIMIZERS[name](task_of(cifar100), rng, **how)
            found.append(simulate(cifar100, optimizer, rng=rng, n_evaluations=50, run="mean").value.max())
        return np.mean(found)

    assert mean_of_best("warm_start", column="flops_m") > mean_of_best("regularized_evolution") + 0.005

"""Trainings that failed: recorded as such, with their cost; told as -inf."""

import math

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.optimizers import OPTIMIZERS, Trial, needs_of
from nasbench_kit.simulator import simulate, task_of
from nasbench_kit.tables import DatasetSpec, Stored

# these have one epoch and no column beside the accuracy
SEARCHES = [name for name, made in OPTIMIZERS.items() if all(need.startswith("package:") for need in needs_of(made))]
NAN = math.nan
ACCURACY = [[0.1, 0.2, NAN, 0.4, 0.5, NAN], [0.3, NAN, NAN, 0.6, NAN, NAN]]  # two runs of six architectures
FAILED = [[0, 0, 1, 0, 0, 0], [0, 1, 1, 0, 0, 0]]  # the last one was not recorded at all, nor the fifth's second run
COST = [[10, 20, 5, 40, 50, NAN], [12, 3, 7, 42, NAN, NAN]]


@pytest.fixture(scope="module")
def bench(make_table, stored):
    metrics = [
        stored("val_accuracy", ACCURACY, seeds=(0, 1)),
        stored("cost_s", COST, seeds=(0, 1)),
        Stored(nbk.Metric("diverged", None, "failed", None, (0, 1)), np.array(FAILED, "u1")[:, None]),
    ]
    return nbk.Benchmark(make_table(datasets={"d": DatasetSpec(metrics, "val_accuracy", failed="diverged")}), "d")


def test_a_failed_run_has_its_cost_and_no_value(bench):
    failed = bench.query("3,32", seed=1)
    assert math.isnan(failed.value)
    assert (failed.cost_s, failed.failed) == (3, 1)
    assert repr(failed) == "Evaluation(epoch=None, val_accuracy=nan, cost_s=3.0, seeds=(1,), failed=1.0)"


def test_a_mean_is_that_of_the_runs_that_did_not_fail_and_says_how_many_did(bench):
    half = bench.query("3,32")
    assert (half.value, half.cost_s, half.failed, half.seeds) == (0.2, 11.5, 0.5, (0, 1))
    whole = bench.query("3,64")
    assert math.isnan(whole.value)
    assert (whole.cost_s, whole.failed) == (6, 1)
    assert bench.query("3,16").failed == 0


def test_batches_say_the_same(bench):
    archs = bench.space.all_archs()
    for seed in (None, 0, 1):
        batch = bench.query_many(archs, seed=seed, missing="nan")
        for i, arch in enumerate(map(tuple, archs.tolist())):
            try:
                single = bench.query(arch, seed=seed)
            except nbk.NasbenchKitError:
                assert math.isnan(batch.value[i])
                assert math.isnan(batch.cost_s[i])
                continue
            assert repr(single[1:3]) == repr((batch.value[i].item(), batch.cost_s[i].item()))
            assert single.failed == batch.failed[i]


def test_a_failure_is_no_gap_and_a_gap_no_failure(bench):
    bench.query_many(["3,64"])
    with pytest.raises(nbk.NasbenchKitError, match="was not recorded for 1 of these 1 architectures"):
        bench.query_many(["5,64"])
    with pytest.raises(nbk.NasbenchKitError, match="val_accuracy of '5,64' was not recorded"):
        bench.query("5,64")


def test_architectures_that_fail_are_searched_and_told_as_the_worst_there_is(bench):
    assert len(bench.search_space().all_archs()) == 5
    told = {}

    class Each:
        archs = iter(map(tuple, bench.search_space().all_archs().tolist()))

        def ask(self):
            return Trial(next(self.archs))

        def tell(self, trial, outcome):
            told[bench.space.format(trial.arch)] = outcome

    records = simulate(bench, Each(), rng=np.random.default_rng(0), n_evaluations=5, run="mean")
    assert told["3,64"].value == -math.inf
    assert told["3,64"].values == (-math.inf,)
    assert told["3,32"].value == 0.2
    assert records.failed.tolist() == [False, False, True, False, False]
    assert math.isnan(records.value[2])
    assert records.cost_s.tolist() == [11, 11.5, 6, 41, 50]


def test_a_failed_run_is_drawn_as_often_as_others(bench):
    rng = np.random.default_rng(1)
    drawn = np.array([bench.query("3,32", rng=rng).failed for _ in range(2_000)])
    assert abs(drawn.mean() - 0.5) < 5 * math.sqrt(0.25 / 2_000)
    batch = bench.query_many(["3,32"] * 2_000, rng=rng)
    assert abs(batch.failed.mean() - 0.5) < 5 * math.sqrt(0.25 / 2_000)
    assert set(batch.cost_s) == {20, 3}


@pytest.mark.parametrize("name", SEARCHES)
def test_every_optimizer_gets_over_failures(bench, equipped, n_enough, quickly, name):
    bench, rng = equipped(name, bench), np.random.default_rng(2)
    n = min(200, 3 * n_enough(name, bench))
    records = simulate(bench, quickly(name)(task_of(bench), rng), rng=rng, n_evaluations=n, n_workers=3)
    assert records.failed.any()
    assert np.nanmax(records.value) == (0.5 if name == "grid_search" else 0.6)  # it draws one run of each

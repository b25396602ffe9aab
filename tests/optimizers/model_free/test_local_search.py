"""Evaluations to the optimum of CIFAR-100 on NAS-Bench-201, in all published variants of local search."""

import numpy as np
import pytest

from nasbench_kit.optimizers import LocalSearch, Outcome, Task

FULL, FIRST = {}, {"neighborhood": "first"}
FULL_10, FIRST_10 = {"n_initial": 10}, {"neighborhood": "first", "n_initial": 10}
NEW, ON = {"known": "ignore"}, {"at_minimum": "continue"}
RUNS = 150


def evaluations_to_the_best(space, values, how):
    best, needed = max(values.values()), []
    for seed in range(RUNS):
        optimizer = LocalSearch(Task(space), np.random.default_rng(seed), **how)
        n, value = 0, -1.0
        while value < best:
            trial = optimizer.ask()
            n, value = n + 1, values[trial.arch]
            optimizer.tell(trial, Outcome.of(value))
        needed.append(n)
    return np.array(needed)


@pytest.mark.parametrize(
    ("recorded_run", "how", "expected", "runs"),
    [
        # 500 runs of an independent implementation: shared/reference/protocols.md, section 5.3
        (None, FULL, 119.7, 500),
        (None, FIRST, 66.4, 500),
        (None, FULL_10, 95.7, 500),
        (None, FIRST_10, 62.7, 500),
        (777, FULL, 214.6, 500),
        (777, FIRST, 139.4, 500),
        (777, FULL_10, 148.1, 500),
        (777, FIRST_10, 130.4, 500),
        (888, FULL, 399.3, 500),
        (888, FIRST, 330.4, 500),
        (888, FULL_10, 291.4, 500),
        (888, FIRST_10, 306.0, 500),
        # 1,000 runs of the loop of naszilla's local_search, written anew; then with stop_at_minimum=False
        (888, FULL | NEW, 518.6, 1_000),
        (888, FIRST | NEW, 497.2, 1_000),
        (888, FULL_10 | NEW, 404.1, 1_000),
        (888, FIRST_10 | NEW, 466.1, 1_000),
        (None, FULL | NEW | ON, 114.9, 1_000),
        (None, FIRST | NEW | ON, 60.8, 1_000),
        (None, FULL_10 | NEW | ON, 92.1, 1_000),
        (None, FIRST_10 | NEW | ON, 60.7, 1_000),
    ],
    ids=str,
)
def test_local_search_needs_as_many_evaluations_as_independent_runs_did(cifar100, recorded_run, how, expected, runs):
    archs = cifar100.space.all_archs()
    recorded = cifar100.query_many(archs, seed=recorded_run, missing="nan").value
    values = dict(zip(map(tuple, archs.tolist()), np.nan_to_num(recorded).tolist(), strict=True))
    needed = evaluations_to_the_best(cifar100.space, values, how)
    assert abs(needed.mean() - expected) < 4 * needed.std(ddof=1) * np.sqrt(1 / RUNS + 1 / runs)


def test_where_it_continues_the_next_center_is_the_best_that_was_none(cifar100):
    space, rng = cifar100.space, np.random.default_rng(0)
    optimizer = LocalSearch(Task(space), rng, at_minimum="continue")
    told, centers = {}, set()
    for _ in range(2_000):
        center, known = optimizer._center, dict(told)
        trial = optimizer.ask()
        if optimizer._center != center:
            assert known[optimizer._center] == max(value for arch, value in known.items() if arch not in centers)
            centers.add(optimizer._center)
        told[trial.arch] = float(rng.random())
        optimizer.tell(trial, Outcome.of(told[trial.arch]))
    assert len(told) == 2_000
    assert len(centers) > 50

"""Conformance checks: what every space, optimizer and benchmark must do, ours or yours.

Each raises AssertionError with one line that says what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan

import numpy as np

from nasbench_kit.benchmark import Benchmark
from nasbench_kit.errors import NasbenchKitError
from nasbench_kit.optimizers import Optimizer, Trial
from nasbench_kit.simulator import EVALUATIONS, SECONDS, Records, simulate
from nasbench_kit.spaces import Space
from nasbench_kit.spaces.base import MOST_RANKS

_SAMPLES = 50
_ASKED = 300


def check_space(space: Space, rng: np.random.Generator) -> None:
    """Texts, numbers and neighborhoods of a space agree with each other, one by one and in batches.

    Raises:
        AssertionError: They do not.
    """
    state = rng.bit_generator.state
    batch = space.sample_many(rng, _SAMPLES)
    rng.bit_generator.state = state
    archs = [space.sample(rng) for _ in range(_SAMPLES)]
    assert batch.tolist() == list(map(list, archs)), "sample_many and repeated sample differ"
    state = rng.bit_generator.state
    children = space.mutate_many(batch, rng)
    rng.bit_generator.state = state
    assert children.tolist() == [list(space.mutate(arch, rng)) for arch in archs], "mutate_many and mutate differ"
    if space.size <= MOST_RANKS:  # larger spaces have ranks that no array of integers holds
        assert space.rank_many(batch).tolist() == [space.rank(arch) for arch in archs], "rank_many and rank differ"
        assert (space.unrank_many(space.rank_many(batch)) == batch).all(), "unrank_many does not undo rank_many"
    assert all(space.unrank(space.rank(arch)) == arch for arch in archs), "unrank does not undo rank"
    assert space.key_many(batch).tolist() == [space.key(arch) for arch in archs], "key_many and key differ"
    assert (space.one_hot(batch).sum(axis=1) == space.n_decisions).all(), "one_hot has not one 1 per decision"
    texts = space.format_many(batch)
    assert space.parse_many(texts).tolist() == batch.tolist(), "parse_many does not undo format_many"
    for arch, text in zip(archs, texts, strict=True):
        assert text == space.format(arch), f"format_many and format differ on {arch}"
        for form in space.forms:
            assert space.parse(space.format(arch, form), form) == arch, f"form {form!r} of {arch} does not come back"
    for arch, found in zip(archs[:5], space.neighbors_many(batch[:5]), strict=True):
        neighbors = space.neighbors(arch)
        assert found.tolist() == list(map(list, neighbors)), f"neighbors_many and neighbors differ on {arch}"
        assert len({arch, *neighbors}) == len(neighbors) + 1, f"neighbors of {arch} repeat"
        assert all(arch in space.neighbors(near) for near in neighbors), f"{arch} is no neighbor of a neighbor"
    same = space.identity(batch)
    assert (space.identity(batch[::-1])[::-1] == same).all(), "identity depends on the rest of the batch"


def check_optimizer(make: Callable[[Space, np.random.Generator], Optimizer], benchmark: Benchmark) -> None:
    """An optimizer keeps to ask and tell: reproducible, with outcomes late or never asked for, and with failures.

    Args:
        make: Called with a space and a random generator.
        benchmark: What to try it on.

    Raises:
        AssertionError: It does not. (What the optimizer itself raises comes through.)
    """
    space = benchmark.search_space()

    clock = SECONDS if "cost_s" in benchmark.metrics else EVALUATIONS

    def run(n_workers: int) -> Records:
        rng = np.random.default_rng(7)
        optimizer = make(space, rng)
        return simulate(benchmark, optimizer, rng=rng, n_evaluations=_ASKED, n_workers=n_workers, clock=clock)

    for n_workers in (1, 7):
        first, second = run(n_workers), run(n_workers)
        assert len(first.value) == _ASKED, f"{len(first.value)} of {_ASKED} evaluations with {n_workers} workers"
        for name in set(Records._fields) - {"optimizer_s"}:
            same = np.array_equal(getattr(first, name), getattr(second, name), equal_nan=True)
            assert same, f"two runs with the same seed differ in {name!r}, with {n_workers} workers"
    optimizer = make(space, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    for value in (0.5, -inf, 0.0):
        optimizer.tell(Trial(space.sample(rng)), value)  # never asked for
    for _ in range(_ASKED):
        optimizer.tell(optimizer.ask(), -inf)  # nothing works
    for value in (nan, inf):
        try:
            optimizer.tell(optimizer.ask(), value)
        except (NasbenchKitError, ValueError):
            continue
        raise AssertionError(f"tell({value}) raised nothing; it must be a ValueError")


def check_benchmark(benchmark: Benchmark, rng: np.random.Generator) -> None:
    """Single and batch answers of a benchmark agree, and name only what was recorded.

    Raises:
        AssertionError: They do not.
    """
    archs = benchmark.results.some_archs()
    archs = archs[rng.permutation(len(archs))[:_SAMPLES]]
    for epoch in benchmark.objective_metric.epochs or (None,):
        batch = benchmark.query_many(archs, epoch=epoch, missing="nan")
        for i, arch in enumerate(map(tuple, archs.tolist())):
            if np.isnan(batch[1][i]):
                continue
            single = benchmark.query(arch, epoch=epoch)
            assert single.epoch == batch.epoch, f"epoch of {arch}: {single.epoch} and {batch.epoch}"
            assert single[1] == batch[1][i], f"value of {arch}: {single[1]} alone, {batch[1][i]} in a batch"
            assert np.array_equal(single.cost_s, batch.cost_s[i], equal_nan=True), f"cost_s of {arch} differs"
            runs = [benchmark.query(arch, epoch=epoch, seed=seed)[1] for seed in single.seeds]
            assert not runs or abs(np.mean(runs) - single[1]) <= 1e-12, f"the mean of {arch} is not that of its runs"
    sign = benchmark.objective_metric.sign()
    best = benchmark.best()
    known = benchmark.query_many(benchmark.results.some_archs(), missing="nan")[1]
    assert sign * best.value == np.nanmax(sign * known), f"{best} is not the best"
    assert benchmark.query(best.arch)[1] == best.value, f"the best architecture does not have its value {best.value}"

"""Conformance checks: what every space, optimizer and benchmark must do, ours or yours.

Each raises AssertionError with one line that says what is wrong.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from math import inf
from operator import ne

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.benchmark import Benchmark
from nasbench_kit.errors import NasbenchKitError, NotRecordedError, SettingError, UnknownNameError
from nasbench_kit.optimizers import Optimizer, Outcome, Task, Trial, check_needs, needs_of
from nasbench_kit.simulator import (
    EVALUATIONS,
    NO_EPOCH,
    SECONDS,
    Records,
    Rules,
    simulate,
    simulate_in_lockstep,
    task_of,
)
from nasbench_kit.spaces import Arch, DrawnAhead, Space
from nasbench_kit.spaces.base import MOST_RANKS, DrawnInLockstep
from nasbench_kit.tables import Table

_SAMPLES = 50
_NEIGHBORS = 250  # of an architecture, at most, whose neighbors are looked at
_ASKED = 300
_IN_FLIGHT = 7
_EPOCHS = 10  # of a learning curve that are looked at
_DRAWS = 200
_DIGITS = 1e-6  # predictions have as many digits as float32 holds


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
        for same in (list(arch), np.array(arch), np.array(arch, np.uint8)):
            assert space.parse(same) == arch, f"{type(same).__name__} of the choices of {arch} is read as another"
        for form in space.forms:
            assert space.parse(space.format(arch, form), form) == arch, f"form {form!r} of {arch} does not come back"
    for name, known in space.forms.items():
        assert space.is_valid(space.parse(known.example, name)), f"the example of form {name!r} is not read"
    for i, decision in enumerate(space.decisions):
        read = [space.choice(i, choice) for choice in decision.choices]
        assert read == list(range(len(read))), f"choice does not know the choices of {decision.name}"
    _check_nearest(space, archs, rng)
    if space.draws_in_lockstep:
        _check_draws_in_lockstep(space)
    for arch, found in zip(archs[:5], space.neighbors_many(batch[:5]), strict=True):
        neighbors = space.neighbors(arch)
        assert found.tolist() == list(map(list, neighbors)), f"neighbors_many and neighbors differ on {arch}"
        assert len({arch, *neighbors}) == len(neighbors) + 1, f"neighbors of {arch} repeat"
        some = neighbors[:: len(neighbors) // _NEIGHBORS + 1]
        assert all(arch in space.neighbors(near) for near in some), f"{arch} is no neighbor of a neighbor"
    same = space.identity(batch)
    assert (space.identity(batch[::-1])[::-1] == same).all(), "identity depends on the rest of the batch"
    assert same.tolist() == [space.class_of(arch) for arch in archs], "identity and class_of differ"


def _check_nearest(space: Space, archs: list[Arch], rng: np.random.Generator) -> None:
    """Of an architecture, of one with another choice at one decision, and of choices at random."""
    for arch in archs[:10]:
        i = int(rng.integers(space.n_decisions))
        changed = (*arch[:i], int(rng.integers(space.n_choices[i])), *arch[i + 1 :])
        drawn = tuple(rng.integers(space.n_choices).tolist())
        assert space.nearest(arch, rng) == arch, f"{arch} is not nearest to itself"
        for choices in (changed, drawn):
            seed = int(rng.integers(2**32))
            found, again = (space.nearest(choices, np.random.default_rng(seed)) for _ in range(2))
            assert found == again, f"the nearest to {choices} is another one with the same rng"
            assert space.parse(found) == found, f"{found}, nearest to {choices}, is no architecture"
            assert found == choices or not space.is_valid(choices) or space is not space.whole, (
                f"{choices} is valid, but {found} its nearest"
            )
        near = sum(map(ne, space.nearest(changed, rng), changed))
        assert near <= 1, f"nearest to {changed} differs in {near} decisions, where {arch} differs in one"


def _check_draws_in_lockstep(space: Space) -> None:
    """Many generators at once give what each gives alone, though some draw more often than others."""
    seeds = range(4)
    together = DrawnInLockstep([np.random.default_rng(seed) for seed in seeds])
    alone = [DrawnAhead(np.random.default_rng(seed)) for seed in seeds]
    archs = [space.sample(drawn) for drawn in alone]
    assert space.sampled_each(together).tolist() == list(map(list, archs)), "sampled_each and sample differ"
    for mutation in [*space.mutations] * 10:
        children = space.mutated_each(np.array(archs, np.uint8), together, mutation)
        archs = [space.mutate(arch, drawn, mutation) for arch, drawn in zip(archs, alone, strict=True)]
        assert children.tolist() == list(map(list, archs)), f"mutated_each and mutate differ: {mutation}"


def check_optimizer(
    make: Callable[[Task, np.random.Generator], Optimizer], benchmark: Benchmark, *, n_evaluations: int = _ASKED
) -> None:
    """An optimizer keeps to ask and tell.

    It is reproducible, with one worker and with several; takes outcomes late, in any order, of trials that it never
    asked for, and of trainings that failed; waits (`ask` returns None) no longer than until the next outcome; goes on
    with trainings at higher epochs only; in lock-step, if it says how, is what it is alone. Where it states needs, the
    benchmark must meet them.

    Args:
        make: The class, or what else makes one of a task and a random generator.
        benchmark: What to try it on.
        n_evaluations: How long a search of it is: fewer for what takes long to think.

    Raises:
        AssertionError: It does not. (What the optimizer itself raises comes through.)
    """
    if not isinstance(benchmark, Benchmark):
        raise SettingError(f"check_optimizer(..., {benchmark!r:.80}); a benchmark expected, as nbk.load opens one")
    rules = Rules(n_evaluations=n_evaluations, clock=SECONDS if benchmark.costs else EVALUATIONS)
    needs = needs_of(make)
    task = task_of(benchmark, rules, needs=needs)
    check_needs(make, task, getattr(make, "__name__", "the optimizer"))

    def run(n_workers: int) -> Records:
        rng = np.random.default_rng(7)
        own = replace(rules, n_workers=n_workers)
        return simulate(benchmark, make(task_of(benchmark, own, needs=needs), rng), rng=rng, rules=own)

    for n_workers in (1, 7):
        first, second = run(n_workers), run(n_workers)
        assert len(first.value), f"no evaluation with {n_workers} workers: ask returned None at once"
        for name in (name for name in Records._fields if name != "optimizer_s"):
            same = np.array_equal(getattr(first, name), getattr(second, name), equal_nan=True)
            assert same, f"two runs with the same seed differ in {name!r}, with {n_workers} workers"
        assert np.isin(first.epoch, (*task.epochs, NO_EPOCH)).all(), (
            "it trained to an epoch that the task does not name"
        )
    _check_failures(make, task, n_evaluations)
    _check_late_outcomes(make, task, n_evaluations)
    _check_lockstep(make, benchmark, rules, task)


def _check_lockstep(
    make: Callable[[Task, np.random.Generator], Optimizer], benchmark: Benchmark, rules: Rules, task: Task
) -> None:
    """Several searches at once, where the optimizer and the benchmark can: each as if alone."""
    streams = [(np.random.default_rng(i), np.random.default_rng(100 + i)) for i in range(_IN_FLIGHT)]
    together = simulate_in_lockstep(benchmark, make(task, np.random.default_rng(0)), streams, rules)
    for i, records in enumerate(together or ()):
        alone = simulate(
            benchmark, make(task, np.random.default_rng(i)), rng=np.random.default_rng(100 + i), rules=rules
        )
        for name in (name for name in Records._fields if name != "optimizer_s"):
            same = np.array_equal(getattr(alone, name), getattr(records, name), equal_nan=True)
            assert same, f"a run in lock-step differs from the one alone in {name!r}"


def _check_failures(make: Callable[[Task, np.random.Generator], Optimizer], task: Task, n_asked: int) -> None:
    """Trials that were never asked for, then nothing but failures."""
    failed = Outcome(-inf, (-inf,) * len(task.objectives), task.epochs[-1] if task.epochs else None, 1.0)
    optimizer, rng = make(task, np.random.default_rng(0)), np.random.default_rng(1)
    for value in (0.5, -inf, 0.0):
        violations = (0.1,) * len(task.constraints) if value > -inf else ()
        told = failed._replace(value=value, values=(value,) * len(task.objectives), violations=violations)
        optimizer.tell(Trial(task.space.sample(rng)), told)  # never asked for
    for i in range(n_asked):
        trial = optimizer.ask()
        if trial is None:
            assert i, "it asks for nothing once it was told of trials that it did not ask for"
            break
        optimizer.tell(trial, failed._replace(epoch=trial.epoch or failed.epoch))


def _check_late_outcomes(make: Callable[[Task, np.random.Generator], Optimizer], task: Task, n_asked: int) -> None:
    """Up to seven trials in flight, of which any may end next."""
    optimizer, rng = make(task, np.random.default_rng(0)), np.random.default_rng(1)
    in_flight: list[Trial] = []
    for _ in range(n_asked):
        trial = optimizer.ask() if len(in_flight) < _IN_FLIGHT else None
        if trial is not None:
            in_flight.append(trial)
        elif not in_flight:
            break  # the search is over
        else:
            ended = in_flight.pop(int(rng.integers(len(in_flight))))
            values = tuple(rng.random(len(task.objectives)).tolist())
            violations = tuple(rng.normal(size=len(task.constraints)).tolist())
            epoch = ended.epoch or (task.epochs[-1] if task.epochs else None)
            optimizer.tell(ended, Outcome(values[0], values, epoch, 1.0, violations))


def check_benchmark(benchmark: Benchmark, rng: np.random.Generator) -> None:
    """A benchmark keeps to its contract, whether its answers were recorded or are predicted.

    Single and batch answers agree to the last bit, also after pickling; means are those of their runs; runs drawn with
    the same rng are the same, with another one others, and scatter about the mean; nothing else stands in for an epoch,
    seed or metric that is not there; a surrogate leaves no gap; the best is the best.

    Raises:
        AssertionError: It does not.
    """
    archs = benchmark.results.representative_archs()
    archs = archs[rng.permutation(len(archs))[:_SAMPLES]]
    epochs = benchmark.objective_metric.epochs
    for epoch in sorted({*epochs[:: max(1, len(epochs) // _EPOCHS)], *epochs[-1:]}) or (None,):
        _check_answers(benchmark, archs, epoch)
    for epoch in (*epochs[:1], None):
        _check_draws(benchmark, archs, epoch, rng)
    _check_metrics(benchmark, archs)
    _check_refusals(benchmark, archs)
    again = pickle.loads(pickle.dumps(benchmark))  # noqa: S301 (what was just written)
    assert repr(again.query_many(archs, missing="nan")) == repr(benchmark.query_many(archs, missing="nan")), (
        "a benchmark that was pickled answers otherwise"
    )
    _check_best(benchmark)


def _check_answers(benchmark: Benchmark, archs: NDArray[np.uint8], epoch: int | None) -> None:
    """At one epoch: means and runs, alone and in batches."""
    is_table = isinstance(benchmark.results, Table)
    seeds = benchmark.objective_metric.seeds
    batch = benchmark.query_many(archs, epoch=epoch, missing="nan")
    runs = {seed: benchmark.query_many(archs, epoch=epoch, seed=seed, missing="nan") for seed in seeds}
    assert is_table or not np.isnan(batch.value).any(), f"no value for some architectures at epoch {epoch}"
    for i, arch in enumerate(map(tuple, archs.tolist())):
        if np.isnan(batch.value[i]):
            continue
        single = benchmark.query(arch, epoch=epoch)
        of_text = benchmark.query(benchmark.space.format(arch), epoch=epoch)
        assert repr(of_text) == repr(single), f"the text of {arch} answers otherwise"  # NaN is not equal to itself
        assert single.epoch == batch.epoch, f"epoch of {arch}: {single.epoch} and {batch.epoch}"
        assert single.value == batch.value[i], f"value of {arch}: {single.value} alone, {batch.value[i]} in a batch"
        assert np.array_equal(single.cost_s, batch.cost_s[i], equal_nan=True), f"cost_s of {arch} differs"
        recorded = []
        for seed in single.seeds:
            run = benchmark.query(arch, epoch=epoch, seed=seed)
            assert run.seeds == (seed,), f"seed {seed} of {arch} is answered as {run.seeds}"
            assert run.value == runs[seed].value[i], (
                f"seed {seed} of {arch}: {run.value} alone, {runs[seed].value[i]} in a batch"
            )
            recorded.append(run.value)
        near = 1e-12 if is_table else _DIGITS * abs(single.value)
        same = not recorded or abs(np.mean(recorded) - single.value) <= near
        assert same, f"the mean of {arch} is not that of its runs"


def _check_draws(benchmark: Benchmark, archs: NDArray[np.uint8], epoch: int | None, rng: np.random.Generator) -> None:
    """Runs drawn at random, alone and in batches, at one epoch."""
    seeds = benchmark.objective_metric.seeds
    means = benchmark.query_many(archs, epoch=epoch, missing="nan").value
    recorded = [benchmark.query_many(archs, epoch=epoch, seed=given, missing="nan") for given in seeds or (None,)]
    runs, costs_s = (np.array([each[i] for each in recorded]) for i in (1, 2))
    # a run without its cost is not drawn, but counts in means
    drawn = np.isnan(runs) | ~np.isnan(costs_s) | (not benchmark.costs)
    there = ~np.isnan(means) & drawn.all(axis=0)
    archs, mean, runs = archs[there], means[there], runs[:, there]
    if not len(archs):
        return
    asked = list(map(tuple, archs.tolist()))
    seed = int(rng.integers(2**32))
    one, other, one_by_one = (np.random.default_rng(seed) for _ in range(3))
    first, second = (
        [benchmark.query_many(archs, epoch=epoch, rng=same).value.tolist() for _ in range(2)] for same in (one, other)
    )
    assert first == second, "two batches drawn with the same rng differ"
    alone = [[benchmark.query(arch, epoch=epoch, rng=one_by_one).value for arch in asked] for _ in range(2)]
    assert alone == first, "runs drawn one by one are not those drawn in a batch"
    # one by one: a surrogate predicts anew for each batch, but keeps what it predicted of one architecture
    many = np.array([[benchmark.query(arch, epoch=epoch, rng=rng).value for arch in asked] for _ in range(_DRAWS)])
    differ = len(seeds) > 0 and (np.nanmax(runs, axis=0) > np.nanmin(runs, axis=0)).any()
    assert not differ or (many != many[0]).any(), "rng makes no difference"
    sd = many.std(axis=0)
    spread = (
        np.nanstd(runs, axis=0).mean() if len(seeds) else 0.0
    )  # curved scales: the mean moves with noise and spread
    allowed = 6 * np.sqrt((sd**2).mean() / many.size) + (sd.mean() + spread) / 4 + _DIGITS * np.abs(mean).mean()
    assert abs(many.mean() - mean.mean()) <= allowed, "drawn runs do not scatter about the mean"


def _check_metrics(benchmark: Benchmark, archs: NDArray[np.uint8]) -> None:
    """Every metric alone and in a batch; the objective as `query_many` gives it."""
    for metric in benchmark.metrics.values():
        values = benchmark.values(metric.name, archs, missing="nan")
        alone = [benchmark.values(metric.name, [arch], missing="nan")[0] for arch in archs[:5].tolist()]
        assert np.array_equal(alone, values[:5], equal_nan=True), f"{metric.name} differs alone and in a batch"
    objective = benchmark.values(benchmark.objective_metric.name, archs, missing="nan")
    same = np.array_equal(objective, benchmark.query_many(archs, missing="nan").value, equal_nan=True)
    assert same, "values and query_many differ in the objective"


def _check_refusals(benchmark: Benchmark, archs: NDArray[np.uint8]) -> None:
    """An epoch, seed or metric that is not there raises the right error."""
    arch, metric = tuple(archs[0].tolist()), benchmark.objective_metric
    absent: list[tuple[str, type[Exception], Callable[[], object]]] = [
        ("epoch 0", NotRecordedError, lambda: benchmark.query(arch, epoch=0)),
        ("epoch 0 of a batch", NotRecordedError, lambda: benchmark.query_many(archs, epoch=0)),
        ("seed -1", NotRecordedError, lambda: benchmark.query(arch, seed=-1)),
        ("seed -1 of a batch", NotRecordedError, lambda: benchmark.query_many(archs, seed=-1)),
        ("epoch 0 of the metric", NotRecordedError, lambda: benchmark.values(metric.name, archs, epoch=0)),
        ("a metric without name", UnknownNameError, lambda: benchmark.values("", archs)),
    ]
    for what, kind, ask in absent:
        try:
            found = ask()
        except kind:
            continue
        except NasbenchKitError as error:
            raise AssertionError(f"{what} raises {type(error).__name__}; {kind.__name__} expected") from error
        raise AssertionError(f"{what} is answered with {found!r:.100}; it must raise {kind.__name__}")


def _check_best(benchmark: Benchmark) -> None:
    best = benchmark.best()
    known = benchmark.query_many(benchmark.results.representative_archs(), missing="nan").value
    found = np.nanmax(benchmark.objective_metric.sign() * known)
    is_whole = len(known) == benchmark.results.n_archs
    value = benchmark.objective_metric.sign() * best.value
    assert value == found if is_whole else value >= found, f"{best} is not the best"
    assert benchmark.query(best.arch).value == best.value, f"the best architecture does not have its value {best.value}"
    assert benchmark.is_best_proven() or not isinstance(benchmark.results, Table), "the best of a table is not proven"

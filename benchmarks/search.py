"""Speed of searches: the simulated clock alone, many runs in lock-step, protocols, and models, beside other packages.

    python benchmarks/search.py [--rounds N] [--quick] [--nasbench101 TABLE]

Rows with the peer "allowed" compare ours with what we allow ourselves. With a table of NAS-Bench-101 (full size;
benchmarks/tables.py makes one), the protocol of its experiments is run whole: 500 runs of evolution to 10^7 s on two
processes. All else is on one thread.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import count, repeat
from pathlib import Path
from typing import Any

import side_by_side
from side_by_side import Row, Side, interleaved, timed

N_RUNS, N_EVALUATIONS, N_OBSERVED = 500, 200, 150
CURVES, RUNGS = "nasbench201_mnist1d/mnist1d", (1, 4, 12, 36)


def main() -> None:
    """Enter the environment, making it if needed; once inside, measure and print."""
    parser = side_by_side.parser(__doc__)
    parser.add_argument("--nasbench101", type=Path, help="a table of NAS-Bench-101, imported")
    parser.add_argument("--here", action="store_true", help="stay in this environment, whatever it has")
    arguments = parser.parse_args()
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"  # numpy is not imported yet
    if not arguments.here:
        side_by_side.enter_environment(arguments.venv, __file__)
    side_by_side.print_rows(_rows(arguments))


def _rows(arguments: Any) -> Iterator[Row]:
    rounds, few = (2, 1) if arguments.quick else (arguments.rounds, 3)
    yield from _clock(rounds)
    yield from _lockstep(rounds)
    yield from _default_comparison(few)
    yield from _asynchronous(few)
    yield from _models(few)
    if arguments.nasbench101:
        yield from _nasbench101(arguments.nasbench101)


def _allowed(what: str, ours_s: float, most_s: float) -> Row:
    return Row(what, "allowed", ours_s, most_s, at_most=1.0)


def _clock(rounds: int) -> Iterator[Row]:
    """One by one: trials that stand in a list, so that what is timed is the clock, the records and the benchmark."""
    import numpy as np

    import nasbench_kit as nbk
    from nasbench_kit.optimizers import Trial
    from nasbench_kit.simulator import Rules

    n = 100_000
    rng = np.random.default_rng(0)
    for what, name, limit_s in (
        ("an evaluation, one by one", "nasbench201/cifar10", 4e-6),
        ("an evaluation that goes on with a training", CURVES, 6e-6),
    ):
        bench = nbk.load(name)
        archs = list(map(tuple, bench.space.sample_many(rng, n).tolist()))
        if name == CURVES:
            trials = [Trial(arch, epoch, i) for i, arch in enumerate(archs[: n // len(RUNGS)]) for epoch in RUNGS]
        else:
            trials = [Trial(arch) for arch in archs]
        side = timed(lambda given: _simulated(*given), repeat((bench, trials, Rules(n_evaluations=n))), n)
        yield _allowed(what, *interleaved(rounds, side), limit_s)


def _simulated(bench: Any, trials: list[Any], rules: Any) -> None:
    import numpy as np

    from nasbench_kit.simulator import simulate

    class Written:
        """Asks for what is written down, and learns nothing."""

        def __init__(self) -> None:
            self.ask = iter(trials).__next__

        def tell(self, trial: Any, outcome: Any) -> None:
            """Nothing."""

    simulate(bench, Written(), rng=np.random.default_rng(1), rules=rules)


def _lockstep(rounds: int) -> Iterator[Row]:
    """500 runs at a time, records included."""
    goals = {"random_search": 0.06, "regularized_evolution": 0.15}
    others = ("local_search", "genetic_algorithm", "differential_evolution", "simulated_annealing", "reinforce")
    for name in (*goals, *others):
        together, alone = interleaved(rounds, *_both_ways("nasbench201/cifar10", name))
        what = f"{name}, {N_RUNS} runs x {N_EVALUATIONS} in lock-step"
        yield Row(what, "ours one by one", together, alone)
        if name in goals:
            yield _allowed(what, together, goals[name])
    for name in ("successive_halving", "hyperband"):
        together, alone = interleaved(rounds, *_both_ways(CURVES, name))
        yield Row(f"{name}, {N_RUNS} runs x {N_EVALUATIONS} in lock-step", "ours one by one", together, alone)


def _both_ways(benchmark: str, name: str) -> tuple[Side, Side]:
    """All runs in lock-step, and one by one (a twentieth of them)."""
    import numpy as np

    import nasbench_kit as nbk
    from nasbench_kit.optimizers import OPTIMIZERS, needs_of
    from nasbench_kit.simulator import Rules, n_in_lockstep, simulate, simulate_in_lockstep, task_of

    bench, rules, made = nbk.load(benchmark), Rules(n_evaluations=N_EVALUATIONS), OPTIMIZERS[name]
    task = task_of(bench, rules, needs=needs_of(made))
    n_few = N_RUNS // 20

    def streams(n: int) -> list[tuple[np.random.Generator, np.random.Generator]]:
        return [(np.random.default_rng((0, i)), np.random.default_rng((1, i))) for i in range(n)]

    def together(given: Any) -> None:
        anyone = made(task, np.random.default_rng(0))
        n = n_in_lockstep(bench, anyone, rules)
        for start in range(0, N_RUNS, n):
            simulate_in_lockstep(bench, anyone, given[start : start + n], rules)

    def alone(given: Any) -> None:
        for search, draw in given:
            simulate(bench, made(task, search), rng=draw, rules=rules)

    return timed(together, iter(lambda: streams(N_RUNS), None)), timed(
        alone, iter(lambda: streams(n_few), None), units=n_few / N_RUNS
    )


def _default_comparison(rounds: int) -> Iterator[Row]:
    """The README's command, figure included, less what the interpreter takes to start."""

    def side(command: list[str]) -> float:
        with tempfile.TemporaryDirectory() as folder:
            begun = time.perf_counter()
            subprocess.run([sys.executable, *command], cwd=folder, check=True, capture_output=True)
            return time.perf_counter() - begun

    compare = ["-m", "nasbench_kit", "compare", "--processes", "2", "--study", "s.db", "--figure", "f.png"]
    whole, bare = interleaved(rounds, lambda: side(compare), lambda: side(["-c", "pass"]))
    yield _allowed("the default compare: 4,500 runs, two processes, figure", whole - bare, 3.0)


def _asynchronous(rounds: int) -> Iterator[Row]:
    """ASHA in its stopping form, per result: of 1,000 architectures there, of ten runs of 1,500 results here."""
    import search_peers

    import nasbench_kit as nbk

    bench, n_workers = nbk.load(CURVES), 64
    ours = _per_result(_run(bench, "asha", {"kind": "stopping"}, n_workers=n_workers, n_evaluations=1_500), 10)
    theirs = _per_result(search_peers.syne_tune_asha(bench, RUNGS, n_workers, 1_000))
    ours_s, theirs_s = interleaved(rounds, ours, theirs)
    yield Row(f"asha, {n_workers} workers, a result", "Syne Tune", ours_s, theirs_s, at_least=50)


def _per_result(run: Callable[[int], int], n_runs: int = 1) -> Side:
    seeds = count()

    def side() -> float:
        begun = time.perf_counter()
        n_results = sum(run(next(seeds)) for _ in range(n_runs))
        return (time.perf_counter() - begun) / n_results

    return side


def _models(rounds: int) -> Iterator[Row]:
    """Whole runs of 150 evaluations, and the step after 150."""
    import search_peers

    import nasbench_kit as nbk
    from nasbench_kit.optimizers import GROUPS

    bench = nbk.load("nasbench201/cifar100")
    for name in GROUPS["model-based"]:
        run = timed(_run(bench, name, {}, n_evaluations=N_OBSERVED), count())
        what = f"{name}, a run of {N_OBSERVED}"
        if name == "tpe":
            theirs = timed(search_peers.optuna_tpe(bench, N_OBSERVED), count())
            yield Row(what, "Optuna alone", *interleaved(rounds, run, theirs))
        else:
            yield _allowed(what, *interleaved(rounds, run), 10.0)
        yield _allowed(f"{name}, an evaluation after {N_OBSERVED}", *interleaved(rounds, _steps(bench, name)), 0.05)


def _steps(bench: Any, name: str, n: int = 20) -> Side:
    """Mean over some evaluations after the first 150, since a batch is made at once."""
    import numpy as np

    from nasbench_kit.optimizers import OPTIMIZERS, Outcome
    from nasbench_kit.simulator import task_of

    def side() -> float:
        optimizer = OPTIMIZERS[name](task_of(bench), np.random.default_rng(0))
        for i in range(N_OBSERVED + n):
            if i == N_OBSERVED:
                begun = time.perf_counter()
            trial = optimizer.ask()
            optimizer.tell(trial, Outcome.of(bench.objective(trial.arch)))
        return (time.perf_counter() - begun) / n

    return side


def _nasbench101(path: Path) -> Iterator[Row]:
    """Evolution under the protocol of NAS-Bench-101's experiments: 500 runs to 10^7 s."""
    import nasbench_kit as nbk

    def side() -> float:
        begun = time.perf_counter()
        how = {"population_size": 100, "sample_size": 10}
        bench = nbk.load("nasbench101/cifar10", results=path)
        nbk.compare(bench, [("regularized_evolution", how)], runs=500, budget_s=1e7, n_processes=2)
        return time.perf_counter() - begun

    yield _allowed("evolution on NAS-Bench-101, 500 runs to 10^7 s, two processes", side(), 20.0)


def _run(bench: Any, name: str, how: Mapping[str, Any], **rule: Any) -> Callable[[int], int]:
    """A run, from its seed to how many evaluations it had."""
    import numpy as np

    from nasbench_kit.optimizers import OPTIMIZERS, needs_of
    from nasbench_kit.simulator import Rules, simulate, task_of

    rules, made = Rules(**rule), OPTIMIZERS[name]
    task = task_of(bench, rules, needs=needs_of(made))

    def run(seed: int) -> int:
        optimizer = made(task, np.random.default_rng(seed), **how)
        return len(simulate(bench, optimizer, rng=np.random.default_rng(seed), rules=rules).value)

    return run


if __name__ == "__main__":
    main()

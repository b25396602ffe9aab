"""The clock: run an optimizer on a benchmark as if its trials took the seconds that were recorded for them."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from math import inf
from sys import maxsize
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nasbench_kit.benchmark import Benchmark, Evaluation
from nasbench_kit.errors import NotRecordedError, SettingError, listed
from nasbench_kit.optimizers.base import Optimizer, Trial, check_at_least
from nasbench_kit.spaces import DrawnAhead

if TYPE_CHECKING:
    from numpy.typing import NDArray

DRAWN, MEAN = "drawn", "mean"
SECONDS, EVALUATIONS = CLOCKS = ("cost_s", "evaluations")
NO_SEED = -1  # in `Records.seed`: the value is a mean over seeds, or does not depend on one
NO_EPOCH = -1


class Records(NamedTuple):
    """One run: its evaluations in the order in which they finished, as arrays of length n_evaluations.

    All but `optimizer_s` are determined by benchmark, optimizer, settings and seed.
    """

    archs: NDArray[np.uint8]  #: (n_evaluations, n_decisions)
    epoch: NDArray[np.int32]  #: epochs trained; -1 where the table knows of none
    seed: NDArray[np.int64]  #: the recorded training run; -1 for a mean over several, or a predicted run
    value: NDArray[np.float64]  #: the objective as recorded, which is what the optimizer was told, up to its sign
    cost_s: NDArray[np.float64]  #: simulated seconds of this evaluation
    finished_s: NDArray[
        np.float64
    ]  #: simulated time at which it was done: seconds, or evaluations if these are the clock
    worker: NDArray[np.int32]  #: the simulated worker that did it
    optimizer_s: NDArray[np.float64]  #: real seconds that `ask` and `tell` took for it; never part of the clock


def simulate(
    benchmark: Benchmark,
    optimizer: Optimizer,
    *,
    rng: np.random.Generator,
    budget_s: float | None = None,
    n_evaluations: int | None = None,
    n_workers: int = 1,
    seed: int | str = DRAWN,
    epoch: int | None = None,
    clock: str = SECONDS,
) -> Records:
    """Let an optimizer search until its budget is spent.

    A worker that is free asks for a trial at once. An outcome is told when the clock reaches the end of its trial;
    trials that end at the same time are told in the order in which they began. What has not finished within
    `budget_s` is not recorded: nobody would know its outcome.

    Args:
        benchmark: What to search.
        optimizer: Who searches; it is told values of which larger are better, negated where the objective is a loss.
        rng: Source of the training runs that `seed="drawn"` draws.
        budget_s: Simulated seconds to spend.
        n_evaluations: Evaluations to finish. At least one of the two budgets is needed.
        n_workers: Trials that run at the same time.
        seed: "drawn": one of the recorded training runs of the architecture, drawn for each trial, or on a surrogate
            a run from the predicted noise; "mean": their mean; a number: that run, or what that member predicts.
        epoch: Train up to this epoch, unless the trial names one; the last recorded one by default.
        clock: "cost_s": a trial takes the seconds that were recorded for it; "evaluations": every trial takes 1, for
            benchmarks that record no cost, or to compare by evaluations.

    Raises:
        SettingError: No budget, or an argument out of range.
        NotRecordedError: The epoch, seed, architecture or its cost was never recorded.
    """
    check_settings(
        benchmark,
        budget_s=budget_s,
        n_evaluations=n_evaluations,
        n_workers=n_workers,
        seed=seed,
        epoch=epoch,
        clock=clock,
    )
    most_s = inf if budget_s is None else budget_s
    most = maxsize if n_evaluations is None else n_evaluations
    sign = benchmark.objective_metric.sign()
    draw = DrawnAhead(rng) if seed == DRAWN else None
    fixed_seed = None if isinstance(seed, str) else int(seed)
    n_decisions = benchmark.space.n_decisions

    ask, tell, query = optimizer.ask, optimizer.tell, benchmark.query
    now, n_begun = 0.0, 0
    seconds = clock == SECONDS
    running: list[tuple[Any, ...]] = []  # a heap: who ends first, then who began first
    idle = list(range(n_workers - 1, -1, -1))
    archs = bytearray()  # columns: a tuple per evaluation would keep the garbage collector busy
    evaluations, times_s, workers, optimizer_s = [], [], [], []
    while True:
        while idle and n_begun < most:
            began = perf_counter()
            trial = ask()
            spent_s = perf_counter() - began
            if not isinstance(trial, Trial):
                raise SettingError(f"ask returned {trial!r}; a Trial expected")
            arch, at = trial
            if type(arch) is not tuple or len(arch) != n_decisions:  # a tuple may be another form
                arch = benchmark.space.parse(arch)
            try:
                evaluation = query(arch, epoch=epoch if at is None else at, seed=fixed_seed, rng=draw)
            except NotRecordedError as error:
                if benchmark.results.is_complete:
                    raise
                raise NotRecordedError(f"{error}; benchmark.search_space() is the part of the space that is") from None
            takes = evaluation.cost_s if seconds else 1.0
            if not 0 < takes < inf:
                raise _no_cost(benchmark, takes)
            heappush(running, (now + takes, n_begun, idle.pop(), trial, arch, evaluation, spent_s))
            n_begun += 1
        if not running:
            break
        finished_s, _, worker, trial, arch, evaluation, spent_s = heappop(running)
        if finished_s > most_s:
            break
        now = finished_s
        began = perf_counter()
        tell(trial, sign * evaluation[1])
        optimizer_s.append(spent_s + perf_counter() - began)
        archs.extend(arch)
        evaluations.append(evaluation)
        times_s.append(finished_s)
        workers.append(worker)
        idle.append(worker)
    return _records(archs, evaluations, times_s, workers, optimizer_s, n_decisions)


def check_settings(
    benchmark: Benchmark,
    *,
    budget_s: float | None,
    n_evaluations: int | None,
    n_workers: int,
    seed: int | str,
    epoch: int | None,
    clock: str = SECONDS,
) -> None:
    """Refuse what `simulate` cannot do, before it is done.

    Raises:
        SettingError: No budget, or an argument out of range.
        NotRecordedError: The epoch or seed was never recorded.
    """
    if budget_s is None and n_evaluations is None:
        raise SettingError("no budget; give budget_s (simulated seconds) or n_evaluations")
    if budget_s is not None and not 0 < budget_s < inf:
        raise SettingError(f"budget_s={budget_s!r}; a finite number of seconds above 0 expected")
    if n_evaluations is not None:
        check_at_least(1, n_evaluations=n_evaluations)
    check_at_least(1, n_workers=n_workers)
    if clock not in CLOCKS:
        raise SettingError(f"clock={clock!r}; choose from {listed(CLOCKS)}")
    if clock == EVALUATIONS and budget_s is not None:
        raise SettingError("budget_s needs the clock to count seconds; give n_evaluations instead")
    if seed not in (DRAWN, MEAN):
        if not hasattr(seed, "__index__"):
            raise SettingError(f"seed={seed!r}; choose 'drawn', 'mean' or a recorded seed")
        benchmark.check_recorded(seed=int(seed))
    benchmark.check_recorded(epoch=epoch)


def _no_cost(benchmark: Benchmark, cost_s: float) -> NotRecordedError:
    if "cost_s" not in benchmark.metrics:
        return NotRecordedError(
            f"{benchmark.name} records no cost_s, so nothing can advance a clock of seconds; give clock='evaluations'"
        )
    return NotRecordedError(f"{benchmark.name}: a cost_s of {cost_s} cannot advance the clock; it must be above 0")


def _records(
    archs: bytearray,
    evaluations: Sequence[Evaluation],
    times_s: Sequence[float],
    workers: Sequence[int],
    optimizer_s: Sequence[float],
    n_decisions: int,
) -> Records:
    epochs, values, costs, seeds = zip(*evaluations, strict=True) if evaluations else ((), (), (), ())
    return Records(
        archs=np.array(archs).reshape(-1, n_decisions),
        epoch=np.array([NO_EPOCH if epoch is None else epoch for epoch in epochs], np.int32),
        seed=np.array([recorded[0] if len(recorded) == 1 else NO_SEED for recorded in seeds], np.int64),
        value=np.array(values, np.float64),
        cost_s=np.array(costs, np.float64),
        finished_s=np.array(times_s, np.float64),
        worker=np.array(workers, np.int32),
        optimizer_s=np.array(optimizer_s, np.float64),
    )

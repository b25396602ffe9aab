"""Many runs in lock-step: the same algorithm, settings and rules, another seed each, as array operations."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from sys import maxsize
from time import perf_counter
from typing import TYPE_CHECKING, Any, final

import numpy as np

from nasbench_kit.benchmark import Benchmark
from nasbench_kit.optimizers.base import Lockstep, Optimizer
from nasbench_kit.simulator.records import NO_EPOCH, Records
from nasbench_kit.simulator.rules import DRAWN, EPOCHS, SECONDS, Rules
from nasbench_kit.tables import Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.benchmark.recorded import Revealed

_DRAWS = 512  # of each run, at a time
_MOST_RUNS, _MOST_EVALUATIONS = 250, 500_000  # in lock-step
_ROUNDING = 1 + 1e-9  # times a sum of costs added up in another order


def simulate_in_lockstep(
    benchmark: Benchmark,
    optimizer: Optimizer,
    streams: Sequence[tuple[np.random.Generator, np.random.Generator]],
    rules: Rules,
) -> list[Records] | None:
    """The records that `simulate` gives of each of many runs, to the last bit but for `optimizer_s`, in less time.

    Args:
        benchmark: What to search; it must be checked that the rules can be kept on it.
        optimizer: One of those who search, asked for nothing yet: it says what all do.
        streams: Of each run, the random generators of the optimizer and of the training runs that are drawn.
        rules: What all are told, what they pay, and when they end.

    Returns:
        None where it has to be done one by one: on a surrogate, with several workers, objectives or constraints,
        with optimizers that do not know how, and where a table may lack what is asked for.
    """
    clock = _clock(benchmark, optimizer, rules)
    searches = _searches(optimizer, [search for search, _ in streams])
    return clock.run(searches, [draw for _, draw in streams]) if clock and searches else None


def n_in_lockstep(benchmark: Benchmark, optimizer: Optimizer, rules: Rules) -> int:
    """How many runs to simulate in lock-step, so that they take little memory; 1 where it has to be done one by one.

    Args:
        benchmark: As in `simulate_in_lockstep`.
        optimizer: As in `simulate_in_lockstep`.
        rules: As in `simulate_in_lockstep`.
    """
    clock = _clock(benchmark, optimizer, rules)
    if not clock or not _searches(optimizer, [np.random.default_rng(0)]):
        return 1
    return int(min(max(1, _MOST_EVALUATIONS / clock.expected()), _MOST_RUNS))


def _searches(optimizer: Optimizer, rngs: Sequence[np.random.Generator]) -> Lockstep | None:
    """As many searches like this one; None if it does not know how."""
    if "in_lockstep" not in vars(type(optimizer)) or not rngs:  # not inherited: who overrides `ask` searches otherwise
        return None
    made: Lockstep | None = optimizer.in_lockstep(rngs)  # type: ignore[attr-defined]
    return made


def _clock(benchmark: Benchmark, optimizer: Optimizer, rules: Rules) -> _Clock | None:
    """What happens under these rules, where that can be written down beforehand."""
    benchmark = rules.applied_to(benchmark)
    is_plain = rules.n_workers == 1 and rules.repeats == "paid" and rules.optimizer_time == "apart"
    is_plain &= isinstance(benchmark.results, Table) and len(benchmark.objectives) == 1 and not benchmark.constraints
    if not is_plain or "in_lockstep" not in vars(type(optimizer)):
        return None
    revealed = benchmark.revealed(epoch=rules.epoch, seed=rules.seed, is_drawn=rules.run == DRAWN)
    clock = _Clock(benchmark, revealed, rules) if revealed else None
    return clock if clock and clock.can_advance else None


@final
class _Clock:
    """What happens to an evaluation of each row and run of a table; a code stands for both."""

    def __init__(self, benchmark: Benchmark, revealed: Revealed, rules: Rules) -> None:
        assert isinstance(benchmark.results, Table)
        self._table, self._rules, self._is_drawn = benchmark.results, rules, rules.run == DRAWN
        self._n_runs, self._most_runs = revealed.n_runs, revealed.value.shape[1]
        self._value, self._cost_s, self._failed, self._seed = (each.ravel() for each in revealed[1:])
        self._told = np.where(self._failed, -inf, float(benchmark.objective_metric.sign()) * self._value)
        self._epoch = rules.last_epoch(benchmark)
        each = 1.0 if rules.clock != EPOCHS else float(self._epoch or 0)
        self._takes = self._cost_s if rules.clock == SECONDS else np.full(len(self._value), each)
        is_run = (np.arange(self._most_runs) < revealed.n_runs[:, None]).ravel()
        advances = (self._takes > 0) & (self._takes < inf) | (self._takes == 0) & self._failed
        self._has_gaps = not revealed.n_runs.all()
        self.can_advance = bool(advances[is_run].all())
        self._most = self._most_evaluations()

    def _most_evaluations(self) -> int:
        """How many the rules allow, whatever these cost."""
        rules, each = self._rules, self._epoch or 0
        most = maxsize if rules.n_evaluations is None else rules.n_evaluations
        if rules.n_epochs is None or not each:
            return most
        begun = -(-rules.n_epochs // each) if rules.overshoot == "counted" else rules.n_epochs // each
        return min(most, begun)

    def expected(self) -> float:
        """How many evaluations a run may have, about."""
        budget_s = self._rules.budget_s
        takes = self._takes[self._takes > 0]
        return self._most if budget_s is None or not len(takes) else min(self._most, 1 + budget_s / float(takes.mean()))

    def run(self, searches: Lockstep, draws: Sequence[np.random.Generator]) -> list[Records] | None:
        """Ask, look up, tell, until the budgets of all are spent; None if something asked for was never recorded."""
        n_runs, n_decisions, width = len(draws), self._table.space.n_decisions, _DRAWS
        most_s = inf if self._rules.budget_s is None else self._rules.budget_s * _ROUNDING
        archs = np.zeros((n_runs, width, n_decisions), np.uint8)
        codes = np.zeros((n_runs, width), np.int64)
        drawn = np.array([draw.random(width) for draw in draws])
        n_begun, spent_s = np.zeros(n_runs, np.int64), np.zeros(n_runs)
        optimizer_s, is_over = 0.0, False
        while not is_over:
            began = perf_counter()
            asked, n_asked = searches.ask()
            optimizer_s += perf_counter() - began
            if (n_begun + n_asked >= self._most).all():
                asked, is_over = asked[:, : self._most - n_begun.min()], True
            n = asked.shape[1]
            while n_begun.max() + n > width:
                width *= 2
                archs, codes = _twice(archs), _twice(codes)
                more = [draw.random(width // 2) for draw in draws] if self._is_drawn else drawn
                drawn = np.hstack([drawn, more])
            places = ((np.arange(n_runs) * width + n_begun)[:, None] + np.arange(n)).ravel()
            asked = asked.reshape(-1, n_decisions)
            found = self._table.rows(asked)
            if self._has_gaps and not self._n_runs[found].all():
                return None
            if self._is_drawn:
                run = (drawn.ravel()[places] * self._n_runs[found]).astype(np.int64)
                found = found * self._most_runs + run
            archs.reshape(-1, n_decisions)[places] = asked
            codes.ravel()[places] = found
            takes = self._takes[found].reshape(n_runs, n)
            spent_s += takes[:, 0] if n == 1 else np.where(np.arange(n) < n_asked[:, None], takes, 0.0).sum(axis=1)
            n_begun += n_asked
            is_over = is_over or bool(((n_begun >= self._most) | (spent_s > most_s)).all())
            if not is_over:
                began = perf_counter()
                searches.tell(self._told[found].reshape(n_runs, n))
                optimizer_s += perf_counter() - began
        return self._records(archs, codes, n_begun, optimizer_s)

    def _records(
        self, archs: NDArray[np.uint8], codes: NDArray[np.int64], n_begun: NDArray[np.intp], optimizer_s: float
    ) -> list[Records]:
        rules, n_most = self._rules, codes.shape[1]
        finished_s = np.cumsum(self._takes[codes], axis=1)  # one after the other, as a clock adds
        started_s = np.hstack([np.zeros((len(codes), 1)), finished_s[:, :-1]])
        is_in = np.arange(n_most) < np.minimum(n_begun, self._most)[:, None]
        if rules.budget_s is not None:
            if rules.overshoot == "dropped":
                is_in &= finished_s <= rules.budget_s
            if rules.overshoot == "counted" or rules.n_epochs is not None:
                is_in &= started_s < rules.budget_s
        value, cost_s, failed, seed = (each[codes] for each in (self._value, self._cost_s, self._failed, self._seed))
        same: dict[str, NDArray[Any]] = {
            "trial": np.arange(n_most, dtype=np.int32),
            "epoch": np.full(n_most, NO_EPOCH if self._epoch is None else self._epoch, np.int32),
            "violation": np.zeros(n_most),
            "worker": np.zeros(n_most, np.int32),
            "optimizer_s": np.full(n_most, optimizer_s / max(1, int(n_begun.sum()))),
        }
        each: dict[str, NDArray[Any]] = {
            "archs": archs,
            "seed": seed,
            "value": value,
            "values": value[:, :, None],
            "failed": failed,
            "cost_s": cost_s,
            "started_s": started_s,
            "finished_s": finished_s,
        }
        n_in = is_in.sum(axis=1).tolist()
        return [
            Records(*[same[name][:n] if name in same else each[name][i, :n] for name in Records._fields])
            for i, n in enumerate(n_in)
        ]


def _twice(array: NDArray[Any]) -> NDArray[Any]:
    """As wide again, with zeros."""
    return np.concatenate([array, np.zeros_like(array)], axis=1)

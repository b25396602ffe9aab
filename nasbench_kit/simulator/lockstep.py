"""Many runs in lock-step: the same algorithm, settings and rules, another seed each, as array operations."""

from __future__ import annotations

from collections.abc import Sequence
from sys import maxsize
from time import perf_counter
from typing import TYPE_CHECKING, Any, final

import numpy as np

from nasbench_kit.benchmark import Benchmark
from nasbench_kit.optimizers.base import NEW, Lockstep, Optimizer
from nasbench_kit.simulator.coded import Coded
from nasbench_kit.simulator.records import Records
from nasbench_kit.simulator.rules import Rules
from nasbench_kit.tables import Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DRAWS = 512  # of each run, at a time
_MOST_RUNS, _MOST_EVALUATIONS = 500, 1_000_000  # in lock-step
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
    coded = Coded(benchmark, rules)
    return _Clock(coded, rules, benchmark.space.n_decisions) if coded.add(rules.epoch) else None


@final
class _Clock:
    """One worker for each of many runs."""

    def __init__(self, coded: Coded, rules: Rules, n_decisions: int) -> None:
        self._coded, self._rules, self._n_decisions = coded, rules, n_decisions
        self._most = maxsize if rules.n_evaluations is None else rules.n_evaluations

    def expected(self) -> float:
        """How many evaluations a run may have, about."""
        return min(self._most, self._coded.expected(self._rules.budget_s, self._rules.n_epochs))

    def run(self, searches: Lockstep, draws: Sequence[np.random.Generator]) -> list[Records] | None:
        """Ask, look up, tell, until the budgets of all are spent; None if something asked for was never recorded."""
        coded, rules, n_runs, width = self._coded, self._rules, len(draws), _DRAWS
        archs = np.zeros((n_runs, width, self._n_decisions), np.uint8)
        codes = np.zeros((n_runs, width), np.int64)
        previous: NDArray[np.int64] | None = None  # the evaluation that each goes on from
        drawn = np.array([draw.random(width) for draw in draws])
        n_begun, n_drawn = np.zeros(n_runs, np.int64), np.zeros(n_runs, np.int64)
        spent, n_epochs = np.zeros(n_runs), np.zeros(n_runs)
        first = (np.arange(n_runs) * width)[:, None]
        optimizer_s, is_over = 0.0, False
        while not is_over:
            began = perf_counter()
            asked = searches.ask()
            optimizer_s += perf_counter() - began
            n_asked, n = asked.n_asked, asked.archs.shape[1]
            if (n_begun + n_asked >= self._most).all():
                n, is_over = min(n, int(self._most - n_begun.min())), True
            while n_begun.max() + n > width:
                width *= 2
                archs, codes = _twice(archs), _twice(codes)
                previous = None if previous is None else _twice(previous)
                drawn = np.hstack([drawn, [draw.random(width // 2) for draw in draws]])
                first = first * 2
            places = (first + n_begun[:, None] + np.arange(n)).ravel()
            new = asked.archs[:, :n].reshape(-1, self._n_decisions)
            is_asked = np.arange(n) < n_asked[:, None]
            before, n_new = None, n_asked
            if asked.previous is not None:
                goes_on = asked.previous[:, :n]
                before = np.where(goes_on == NEW, NEW, codes.ravel()[first + goes_on]).ravel()
                if previous is None:
                    previous = np.full_like(codes, NEW)
                previous.ravel()[places] = goes_on.ravel()
                if not coded.draws_again():
                    n_new = ((goes_on == NEW) & is_asked).sum(axis=1)
            of_each = first + np.minimum(n_drawn[:, None] + np.arange(n), width - 1)
            epochs = None if asked.epochs is None else np.repeat(asked.epochs, n).tolist()
            found = coded.codes(new, epochs, before, drawn.ravel()[of_each.ravel()])
            if found is None or (before is not None and not coded.advances(found, before)[is_asked.ravel()].all()):
                return None
            archs.reshape(-1, self._n_decisions)[places] = new
            codes.ravel()[places] = found
            n_begun, n_drawn = n_begun + n_asked, n_drawn + n_new
            has_ended = n_begun >= self._most
            if rules.budget_s is not None:
                spent += _sums(coded.takes(found, before), is_asked)
                has_ended |= spent > rules.budget_s * _ROUNDING
            if rules.n_epochs is not None:
                n_epochs += _sums(coded.n_epochs(found, before), is_asked)
                has_ended |= n_epochs >= rules.n_epochs
            is_over = is_over or bool(has_ended.all())
            if not is_over:
                began = perf_counter()
                searches.tell(coded.told[found].reshape(n_runs, n))
                optimizer_s += perf_counter() - began
        return self._records(archs, codes, previous, n_begun, optimizer_s)

    def _records(
        self,
        archs: NDArray[np.uint8],
        codes: NDArray[np.int64],
        previous: NDArray[np.int64] | None,
        n_begun: NDArray[np.intp],
        optimizer_s: float,
    ) -> list[Records]:
        rules, coded, n_most = self._rules, self._coded, codes.shape[1]
        trial, before = np.broadcast_to(np.arange(n_most, dtype=np.int32), codes.shape), None
        if previous is not None:
            before = np.where(previous == NEW, NEW, np.take_along_axis(codes, np.maximum(previous, 0), axis=1))
            trial = _beginnings(previous)
        finished = np.cumsum(coded.takes(codes, before), axis=1)  # one after the other, as a clock adds
        started = np.hstack([np.zeros((len(codes), 1)), finished[:, :-1]])
        is_in = np.arange(n_most) < np.minimum(n_begun, self._most)[:, None]
        if rules.budget_s is not None:
            if rules.overshoot == "dropped":
                is_in &= finished <= rules.budget_s
            if rules.overshoot == "counted" or rules.n_epochs is not None:
                is_in &= started < rules.budget_s
        if rules.n_epochs is not None:
            trained = coded.n_epochs(codes, before)
            left = rules.n_epochs - (np.cumsum(trained, axis=1) - trained)
            begins = left >= (1.0 if rules.overshoot == "counted" else trained)
            is_in &= np.logical_and.accumulate(begins, axis=1)
        value = coded.value[codes]
        same: dict[str, NDArray[Any]] = {
            "violation": np.zeros(n_most),
            "worker": np.zeros(n_most, np.int32),
            "optimizer_s": np.full(n_most, optimizer_s / max(1, int(n_begun.sum()))),
        }
        each: dict[str, NDArray[Any]] = {
            "archs": archs,
            "trial": trial,
            "epoch": coded.epoch[codes],
            "seed": coded.seed[codes],
            "value": value,
            "values": value[:, :, None],
            "failed": coded.failed[codes],
            "cost_s": coded.paid_s(codes, before),
            "started_s": started,
            "finished_s": finished,
        }
        n_in = is_in.sum(axis=1).tolist()
        return [
            Records(*[same[name][:n] if name in same else each[name][i, :n] for name in Records._fields])
            for i, n in enumerate(n_in)
        ]


def _sums(values: NDArray[np.float64], is_asked: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Of each run, over what it asked for: (n_runs,)."""
    values = values.reshape(is_asked.shape)
    return values[:, 0] if is_asked.shape[1] == 1 else np.where(is_asked, values, 0.0).sum(axis=1)


def _beginnings(previous: NDArray[np.int64]) -> NDArray[np.int32]:
    """The evaluation with which the training of each began, of those that go on from a previous one or are new."""
    began = np.where(previous == NEW, np.arange(previous.shape[1]), previous)
    while True:
        earlier = np.take_along_axis(began, began, axis=1)
        if (earlier == began).all():
            return began.astype(np.int32)
        began = earlier


def _twice(array: NDArray[Any]) -> NDArray[Any]:
    """As wide again, with zeros."""
    return np.concatenate([array, np.zeros_like(array)], axis=1)

"""All that a table may reveal of an evaluation, as arrays: a code stands for row, run and epoch."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING, final

import numpy as np

from nasbench_kit.benchmark import Benchmark
from nasbench_kit.optimizers.base import NEW
from nasbench_kit.simulator.records import NO_EPOCH
from nasbench_kit.simulator.rules import DRAWN, EPOCHS, SECONDS, Rules
from nasbench_kit.tables import ONE_TRAINING, Table

if TYPE_CHECKING:
    from numpy.typing import NDArray


@final
class Coded:
    """What evaluations reveal, pay and take under some rules.

    Args:
        benchmark: A table, to which the rules were applied.
        rules: Which run is revealed, what is paid, what the clock counts.

    Attributes:
        value: The objective as recorded, by code.
        told: What a search is told: larger is better, -inf of a failure.
        failed: Whether it failed.
        seed: Of the recorded run.
        epoch: Up to which it was trained; -1 where none is known.
    """

    def __init__(self, benchmark: Benchmark, rules: Rules) -> None:
        assert isinstance(benchmark.results, Table)
        self._benchmark, self._table, self._rules = benchmark, benchmark.results, rules
        self._is_drawn, self._is_one_training = rules.run == DRAWN, benchmark.epochs_are == ONE_TRAINING
        self._pays_difference = rules.continued == "difference" and self._is_one_training
        self._first_rows: dict[int | None, int] = {}  # of each epoch
        self.value = self.told = self._cost_s = self._n_epochs = np.empty(0)
        self.failed, self.seed, self.epoch = np.empty(0, bool), np.empty(0, np.int64), np.empty(0, np.int32)
        self._n_runs = np.empty(0, np.int64)  # of each row
        self._most_runs = 1

    def add(self, epoch: int | None) -> bool:
        """Give codes to what is revealed after one epoch more; whether each of these evaluations advances the clock."""
        rules = self._rules
        revealed = self._benchmark.revealed(epoch=epoch, seed=rules.seed, is_drawn=self._is_drawn)
        if revealed is None:
            return False
        value, cost_s, failed, seed = (each.ravel() for each in revealed[1:])
        trained_to = rules.last_epoch(self._benchmark) if epoch is None else epoch
        told = np.where(failed, -inf, float(self._benchmark.objective_metric.sign()) * value)
        self._first_rows[epoch] = len(self._n_runs)
        self._most_runs = revealed.value.shape[1]
        self._n_runs = np.concatenate([self._n_runs, revealed.n_runs])
        self.value, self.told = np.concatenate([self.value, value]), np.concatenate([self.told, told])
        self._cost_s, self.failed = np.concatenate([self._cost_s, cost_s]), np.concatenate([self.failed, failed])
        self.seed = np.concatenate([self.seed, seed])
        self._n_epochs = np.concatenate([self._n_epochs, np.full(len(value), float(trained_to or 0))])
        number = NO_EPOCH if trained_to is None else trained_to
        self.epoch = np.concatenate([self.epoch, np.full(len(value), number, np.int32)])
        self._has_gaps = not self._n_runs.all()
        self._has_all = bool((self._n_runs == self._most_runs).all())
        is_run = (np.arange(self._most_runs) < revealed.n_runs[:, None]).ravel()
        codes = np.arange(len(self.value) - len(value), len(self.value))[is_run]
        return bool(self.advances(codes, None).all())

    def codes(
        self,
        archs: NDArray[np.uint8],
        epochs: Sequence[int] | None,
        before: NDArray[np.int64] | None,
        drawn: NDArray[np.float64],
    ) -> NDArray[np.int64] | None:
        """What evaluations reveal; None where some may not be recorded, or cannot be told beforehand.

        Args:
            archs: Of each (n, n_decisions).
            epochs: Up to which each is trained; None for what the rules say.
            before: Of each the code of the evaluation that it goes on from, or `NEW`; None where all are new.
            drawn: A number in [0, 1) for each, which draws its run.
        """
        rows = self._table.rows(archs)
        if epochs is not None:
            for epoch in sorted(set(epochs) - set(self._first_rows)):
                if not self.add(epoch):
                    return None
            rows = rows + np.array([self._first_rows[epoch] for epoch in epochs])
        if self._has_gaps and not self._n_runs[rows].all():
            return None
        if not self._is_drawn:
            return rows
        run = (drawn * self._n_runs[rows]).astype(np.int64)
        if before is not None and self._is_one_training:
            if None not in self._first_rows and not self.add(None):  # who reaches the last epoch is drawn first
                return None
            if not self._has_all:
                return None  # runs have other places after other epochs
            run = np.where(before == NEW, run, before % self._most_runs)
        return rows * self._most_runs + run

    def draws_again(self) -> bool:
        """Whether a training that is gone on with has another run after each epoch."""
        return not self._is_one_training

    def paid_s(self, codes: NDArray[np.int64], before: NDArray[np.int64] | None) -> NDArray[np.float64]:
        """What evaluations cost, of any shape; `before` as in `codes`."""
        return self._difference(self._cost_s, codes, before)

    def n_epochs(self, codes: NDArray[np.int64], before: NDArray[np.int64] | None) -> NDArray[np.float64]:
        """How many epochs are trained."""
        return self._difference(self._n_epochs, codes, before)

    def takes(self, codes: NDArray[np.int64], before: NDArray[np.int64] | None) -> NDArray[np.float64]:
        """How far the clock advances."""
        if self._rules.clock == SECONDS:
            return self.paid_s(codes, before)
        return self.n_epochs(codes, before) if self._rules.clock == EPOCHS else np.ones(codes.shape)

    def advances(self, codes: NDArray[np.int64], before: NDArray[np.int64] | None) -> NDArray[np.bool_]:
        """Whether the clock can advance so far."""
        takes = self.takes(codes, before)
        return (takes > 0) & (takes < inf) | (takes == 0) & self.failed[codes]

    def expected(self, budget_s: float | None, n_epochs: int | None) -> float:
        """How many evaluations budgets allow, about."""
        most = inf
        for budget, each in ((budget_s, self._cost_s[self._cost_s > 0]), (n_epochs, self._n_epochs)):
            if budget is not None and len(each) and each.mean() > 0:
                most = min(most, 1 + budget / float(each.mean()))
        return most

    def _difference(
        self, column: NDArray[np.float64], codes: NDArray[np.int64], before: NDArray[np.int64] | None
    ) -> NDArray[np.float64]:
        if before is None or not self._pays_difference:
            return column[codes]
        goes_on = before != NEW
        paid = column[codes]
        paid[goes_on] -= column[before[goes_on]]
        return paid

"""Answers from a table: recorded training runs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial, reduce
from itertools import chain, compress, cycle, repeat
from math import isnan, nan
from operator import add
from typing import TYPE_CHECKING, Any, cast, final

from nasbench_kit.benchmark.evaluation import Evaluation, named_as
from nasbench_kit.benchmark.memo import MEMO_SIZE, Memo
from nasbench_kit.errors import NotRecordedError, listed
from nasbench_kit.tables import Table
from nasbench_kit.tables.column import AdditiveColumn, Column, Values, mean_recorded
from nasbench_kit.tables.schema import COST

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nasbench_kit.spaces import Space


@final
class RecordedAnswers:
    """A table on one of its datasets."""

    def __init__(self, table: Table, dataset: str) -> None:
        self.table, self.dataset = table, dataset
        self.name = f"{table.name}/{dataset}"
        self.metrics = table.metrics(dataset)
        self.objective_metric = self.metrics[table.objectives[dataset]]
        self.objective = cast(Column, table.column(dataset, self.objective_metric.name))
        self.cost = cast(Column, table.column(dataset, COST)) if COST in self.metrics else None
        self._epochs: dict[int | None, RecordedAt] = {}

    def check_recorded(self, epoch: int | None, seed: int | None) -> None:
        """Raise `NotRecordedError` for an epoch or seed without any value of the objective."""
        self.objective.epoch_position(epoch)
        self.objective.seed_positions(seed)

    def at(self, epoch: int | None) -> RecordedAt:
        """Objective and cost after one epoch; the last for None."""
        position = self.objective.epoch_position(epoch)
        epochs = self.objective_metric.epochs
        epoch = epochs[position] if epochs else None
        if epoch not in self._epochs:
            self._epochs[epoch] = RecordedAt(self, epoch, position)
        return self._epochs[epoch]

    def values(self, metric: str, archs: object, epoch: int | None, seed: int | None) -> NDArray[np.float64]:
        """Any metric of a batch; NaN where it was not recorded."""
        column = self.table.column(self.dataset, metric)
        rows = self.table.rows(archs)
        if isinstance(column, AdditiveColumn):
            if epoch is not None or seed is not None:
                raise NotRecordedError(f"{self.name}: {metric} depends on neither epoch nor seed")
            return column.values(self.table.space.parse_many(archs), self.table.space)
        if metric == self.objective_metric.name:
            every = self.at(epoch).values(seed)
        else:
            position = column.epoch_position(epoch)
            every = mean_recorded([column.at(i, position).all() for i in column.seed_positions(seed)])
        return _take(every, rows)

    def candidates(self, metric: str, epoch: int | None, seed: int | None) -> NDArray[np.uint8]:
        """Architectures among which the best by a metric is."""
        return self.table.archs()

    def is_proven(self, metric: str, epoch: int | None, seed: int | None) -> bool:
        """Whether no architecture is better than the best of `candidates`: a table knows no others."""
        return True

    def search_space(self, epoch: int | None, seed: int | None) -> Space:
        """The whole space where all of it was recorded, else what was."""
        import numpy as np

        at = self.at(epoch)
        recorded = ~np.isnan(at.values(seed))
        if self.cost is not None:
            recorded &= ~np.isnan(at.costs(seed))
        if self.table.is_complete and recorded.all():
            return self.table.space
        if seed not in at.recorded_spaces:
            from nasbench_kit.spaces.recorded import RecordedSpace

            at.recorded_spaces[seed] = RecordedSpace(self.table.space, self.table.archs()[recorded])
        return at.recorded_spaces[seed]


@final
class RecordedAt:
    """Objective and cost after one epoch."""

    def __init__(self, answers: RecordedAnswers, epoch: int | None, position: int) -> None:
        objective, cost = answers.objective, answers.cost
        self.epoch = epoch
        self._name = answers.name
        self._evaluation = named_as(Evaluation, objective.metric.name)
        self._space, self._table = answers.table.space, answers.table
        self._objective = objective
        self._seeds = objective.metric.seeds
        self._of_runs = [objective.at(i, position) for i in objective.seed_positions(None)]
        self._costs: list[Values] = []  # of each run, one for all runs, or none
        if cost is not None:
            cost_position = cost.epoch_position(epoch if cost.metric.epochs else None)
            self._costs = [cost.at(i, cost_position) for i in cost.seed_positions(None)]
        self.recorded_spaces: dict[int | None, Space] = {}  # seed -> the recorded part, once somebody asked for it
        self._arrays: dict[tuple[str, int | None], NDArray[np.float64]] = {}
        few = self._table.n_archs <= MEMO_SIZE
        self.means: dict[Any, Evaluation] = Memo(self._mean, self._space.parse, self._every_mean if few else None)
        self.runs: dict[Any, tuple[Evaluation, ...]] = Memo(
            self._runs, self._space.parse, self._every_run if few else None
        )

    def run(self, arch: object, seed: int) -> Evaluation:
        """One recorded run."""
        try:
            runs = self.runs[arch]
        except TypeError:  # lists and arrays are not hashable
            runs = self.runs[self._space.parse(arch)]
        for run in runs:
            if seed in run.seeds:
                return run
        self._objective.seed_positions(seed)  # raises if no architecture has this seed
        recorded = listed(run.seeds[0] for run in runs)
        text = self._space.format(self._space.parse(arch))
        raise NotRecordedError(f"{self._name}: seed {seed!r} of {text!r} was not recorded; choose from {recorded}")

    def many(self, archs: object, seed: int | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Objective and cost of a batch; NaN where not recorded."""
        rows = self._table.rows(archs)
        return _take(self.values(seed), rows), _take(self.costs(seed), rows)

    # ---- one architecture, without numpy ----

    def _runs(self, arch: object) -> tuple[Evaluation, ...]:
        row = self._table.row(self._space.parse(arch))
        values = [read(row) for read in self._of_runs]
        costs = [read(row) for read in self._costs] or [nan]
        seeds: list[tuple[int, ...]] = [(seed,) for seed in self._seeds] or [()]
        found = zip(values, cycle(costs), seeds)
        runs = tuple([self._evaluation(self.epoch, *run) for run in found if not isnan(run[0])])
        if not runs:
            text = self._space.format(self._space.parse(arch))
            when = "" if self.epoch is None else f" at epoch {self.epoch}"
            raise NotRecordedError(f"{self._objective.metric.name} of {text!r} was not recorded{when}")
        return runs

    def _mean(self, arch: object) -> Evaluation:
        runs = self._runs(arch)
        _, values, costs, seeds = zip(*runs, strict=True)
        cost_s = _mean(costs) if len(self._costs) > 1 else costs[0]
        return cast(Evaluation, self._evaluation(self.epoch, _mean(values), cost_s, tuple(chain(*seeds))))

    # ---- all architectures of the table ----

    def _every_run(self, kind: type) -> dict[Any, tuple[Evaluation, ...]]:
        import numpy as np

        make = partial(tuple.__new__, self._evaluation)  # as `_make` does, without its call in Python
        seeds: list[tuple[int, ...]] = [(seed,) for seed in self._seeds] or [()]
        values = [run.all() for run in self._of_runs]
        columns = [
            map(make, zip(repeat(self.epoch), run.tolist(), costs.tolist(), repeat(seed)))
            for run, costs, seed in zip(values, cycle(self._costs_of_runs()), seeds)
        ]
        rows: list[tuple[Evaluation, ...]] = list(zip(*columns, strict=True))
        for row in np.flatnonzero(np.isnan(values).any(axis=0)).tolist():
            rows[row] = tuple([run for run in rows[row] if not isnan(run[1])])
        return self._by_key(kind, rows)

    def _every_mean(self, kind: type) -> dict[Any, Evaluation]:
        import numpy as np

        recorded = np.stack([~np.isnan(values.all()) for values in self._of_runs])
        bits = np.array([1 << i for i in range(len(recorded))])  # of Python's integers, where 64 bits are too few
        patterns = (recorded.T @ bits).tolist()  # which runs
        seeds = {
            pattern: tuple(seed for i, seed in enumerate(self._seeds) if pattern >> i & 1) for pattern in set(patterns)
        }
        values, costs = self.values(None).tolist(), self.costs(None).tolist()
        make = partial(tuple.__new__, self._evaluation)
        means = map(make, zip(repeat(self.epoch), values, costs, map(seeds.__getitem__, patterns)))
        return self._by_key(kind, [mean if there else () for mean, there in zip(means, patterns, strict=True)])

    def _by_key(self, kind: type, answers: Sequence[Any]) -> dict[Any, Any]:
        """The answers that are not empty, one per row, by every architecture that finds the row: text or tuple."""
        archs, rows = self._table.members()
        keys = self._space.format_many(archs) if kind is str else map(tuple, archs.tolist())
        found = list(map(answers.__getitem__, rows.tolist()))
        return dict(compress(zip(keys, found, strict=True), found))

    def values(self, seed: int | None) -> NDArray[np.float64]:
        """The objective in order of rows, for one seed or as the mean over the recorded ones; NaN where missing."""
        if ("values", seed) not in self._arrays:
            positions = self._objective.seed_positions(seed)
            self._arrays["values", seed] = mean_recorded([self._of_runs[i].all() for i in positions])
        return self._arrays["values", seed]

    def costs(self, seed: int | None) -> NDArray[np.float64]:
        """`cost_s` in order of rows, of the runs whose objective was recorded."""
        import numpy as np

        if ("costs", seed) not in self._arrays:
            costs = self._costs_of_runs()
            if len(costs) == 1:
                cost_s = np.where(np.isnan(self.values(seed)), nan, costs[0])
            else:
                positions = self._objective.seed_positions(seed)
                cost_s = mean_recorded([np.where(np.isnan(self._of_runs[i].all()), nan, costs[i]) for i in positions])
            self._arrays["costs", seed] = cost_s
        return self._arrays["costs", seed]

    def _costs_of_runs(self) -> list[NDArray[np.float64]]:
        import numpy as np

        return [costs.all() for costs in self._costs] or [np.full(self._table.n_archs, nan)]

    def draw_many(self, archs: object, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Objective and cost of one recorded run per architecture, each as likely as the others."""
        import numpy as np

        rows = self._table.rows(archs)
        runs = np.stack([values.all()[rows] for values in self._of_runs])
        costs = np.stack([costs[rows] for costs in self._costs_of_runs()])
        recorded_first = np.argsort(np.isnan(runs), axis=0, kind="stable")
        n_recorded = (~np.isnan(runs)).sum(axis=0)
        columns = np.arange(len(rows))
        chosen = recorded_first[(rng.random(len(rows)) * n_recorded).astype(np.intp), columns]
        return runs[chosen, columns], costs[chosen if len(costs) > 1 else 0, columns]


def _take(values: NDArray[np.float64], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    return values.take(rows, mode="clip")  # rows are in range; this mode does not check once more


def _mean(values: Sequence[float]) -> float:
    """Mean over what was recorded, added up in order as `mean_recorded` does (`sum` may round differently)."""
    recorded = [value for value in values if not isnan(value)]
    return reduce(add, recorded) / len(recorded) if recorded else nan

"""Answers from a table: recorded training runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial, reduce
from itertools import chain, compress, cycle, repeat
from math import isnan, nan
from operator import add
from typing import TYPE_CHECKING, Any, NamedTuple, final

from nasbench_kit.benchmark.evaluation import Evaluation
from nasbench_kit.benchmark.memo import MEMO_SIZE, Memo
from nasbench_kit.errors import NotRecordedError, SettingError, TableError, listed
from nasbench_kit.tables import ONE_TRAINING, Table
from nasbench_kit.tables.column import AdditiveColumn, Column, Values, mean_recorded
from nasbench_kit.tables.schema import COST

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nasbench_kit.spaces import Arch, Space, Uniform


class Revealed(NamedTuple):
    """All that trainings may reveal after one epoch, by row of the table; each of the runs of a row is as likely."""

    n_runs: NDArray[np.int64]  #: how many runs there are of a row: (n_rows,); 0 where none was recorded
    value: NDArray[np.float64]  #: (n_rows, most runs); what stands behind the runs of a row means nothing
    cost_s: NDArray[np.float64]  #: likewise
    failed: NDArray[np.bool_]  #: whether all that a value stands for failed
    seed: NDArray[np.int64]  #: the recorded run; -1 where a value is a mean over several, or no run is known


@final
class RecordedAnswers:
    """A table on one of its datasets, with the objective and the costs that count."""

    def __init__(self, table: Table, dataset: str, objective: str, costs: Sequence[str]) -> None:
        self.table, self.dataset = table, dataset
        self.name = f"{table.name}/{dataset}"
        self.metrics = table.metrics(dataset)
        self.objective = self._measured(objective)
        self.objective_metric = self.objective.metric
        self.costs = [self._measured(cost) for cost in costs]
        failed = table.failed(dataset)
        self.failed = self._measured(failed) if failed else None
        for column in (*self.costs, *([self.failed] if self.failed else ())):
            if column.metric.seeds not in ((), self.objective_metric.seeds):
                raise SettingError(
                    f"{self.name}: {column.metric.name} has the seeds {listed(column.metric.seeds)}, {objective} has"
                    f" {listed(self.objective_metric.seeds) or 'none'}; the same, or none, expected"
                )
        self.is_one_training = table.epochs_are(dataset) == ONE_TRAINING
        self._epochs: dict[int | None, RecordedAt] = {}
        self._all_end: bool | None = None  # not known yet
        self._of_architectures: dict[str, dict[Arch, float]] = {}
        self._spaces: dict[tuple[object, ...], Space] = {}

    def _measured(self, metric: str) -> Column:
        column = self.table.column(self.dataset, metric)
        if isinstance(column, AdditiveColumn):
            raise SettingError(
                f"{self.name}: {metric} is a sum over decisions, which no training measures; it can be a further"
                " objective or a constraint, not the first objective nor a cost"
            )
        return column

    def check_recorded(self, epoch: int | None, seed: int | None) -> None:
        """Raise `NotRecordedError` for an epoch or seed without any value of the objective."""
        self.objective.epoch_position(epoch)
        self.objective.seed_positions(seed)

    def check_costs(self) -> None:
        """Raise `TableError` for costs that cannot advance a clock; `cost_s` was checked when the table was written."""
        self.table.check_searchable(self.dataset)
        if [cost.metric.name for cost in self.costs] != [COST]:
            for epoch in self.objective_metric.epochs or (None,):
                self._check_costs_at(epoch)

    def _check_costs_at(self, epoch: int | None) -> None:
        import numpy as np

        costs = self.at(epoch).costs_of_runs()
        wrong = np.argwhere((costs <= 0) | np.isinf(costs))
        if len(wrong):
            run, row = wrong[0].tolist()
            text = self.table.space.format(self.table.archs()[row].tolist())
            after = "" if epoch is None else f" after epoch {epoch}"
            raise TableError(
                f"{self.name}: {' + '.join(cost.metric.name for cost in self.costs)} of {text!r}{after} is"
                f" {costs[run, row]:g}, which cannot advance the clock; a number above 0 expected"
            )

    def run_in_words(self, run: str | int) -> str:
        """What an evaluation reveals: of a table of means, or of predictions, no single run is known."""
        are = self.table.values_are(self.dataset)
        if are != "recorded runs":
            return f"the {are[:-1]} of training runs" if are == "means" else "a predicted value"
        drawn = {"drawn": "one recorded training run, drawn per training", "mean": "the mean of the recorded runs"}
        return drawn.get(str(run), f"training run {run}")

    def at(self, epoch: int | None) -> RecordedAt:
        """Objective and cost after one epoch; the last for None."""
        if type(epoch) is int and epoch in self._epochs:
            return self._epochs[epoch]
        position = self.objective.epoch_position(epoch)
        epochs = self.objective_metric.epochs
        epoch = epochs[position] if epochs else None
        if epoch not in self._epochs:
            self._epochs[epoch] = RecordedAt(self, epoch, position)
        return self._epochs[epoch]

    def draw(self, at: RecordedAt, arch: Arch, rng: Uniform) -> Evaluation:
        """A recorded run, for a training: one that reaches the last epoch, if there are such."""
        runs = at.drawn_runs()[arch]
        if self.is_one_training and not self._every_run_ends():
            try:
                ending = {run.seeds for run in self.at(None).drawn_runs()[arch]}
            except NotRecordedError:
                ending = set()
            runs = tuple([run for run in runs if run.seeds in ending]) or runs
        return runs[int(rng.random() * len(runs))]

    def _every_run_ends(self) -> bool:
        """Whether every run of every architecture may be drawn at the last epoch."""
        if self._all_end is None:
            self._all_end = self.at(None).has_every_run()
        return self._all_end

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

    def value_of(self, metric: str, arch: Arch, epoch: int | None, seeds: Sequence[int]) -> float:
        """Another metric of one architecture, of the same training as far as it depends on one; NaN if not recorded."""
        column = self.table.column(self.dataset, metric)
        if isinstance(column, AdditiveColumn):
            known = self._of_architectures.setdefault(metric, {})
            if arch not in known:
                known[arch] = float(self.values(metric, [arch], None, None)[0])
            return known[arch]
        row = self.table.row(arch)
        position = column.epoch_position(epoch if column.metric.epochs else None)
        own = [seed for seed in seeds if seed in column.metric.seeds]
        positions: Iterable[int] = [column.metric.seeds.index(seed) for seed in own] or column.seed_positions(None)
        return _mean([column.at(i, position)(row) for i in positions])

    def candidates(self, metric: str, epoch: int | None, seed: int | None) -> NDArray[np.uint8]:
        """Architectures among which the best by a metric is."""
        return self.table.archs()

    def is_proven(self, metric: str, epoch: int | None, seed: int | None) -> bool:
        """Whether no architecture is better than the best of `candidates`: a table knows no others."""
        return True

    def search_space(self, epochs: Sequence[int | None], seed: int | None, metrics: Sequence[str]) -> Space:
        """The whole space where all of it was recorded, else what was."""
        epochs = tuple(self.at(epoch).epoch for epoch in epochs)
        key = (*epochs, "seed", seed, *metrics)
        if key not in self._spaces:
            self._spaces[key] = self._recorded_space(epochs, seed, metrics)
        return self._spaces[key]

    def _recorded_space(self, epochs: Sequence[int | None], seed: int | None, metrics: Sequence[str]) -> Space:
        import numpy as np

        there = np.ones(self.table.n_archs, bool)
        for epoch in epochs:
            there &= self.at(epoch).can_be_asked(seed)
        for metric in metrics:
            there &= ~np.isnan(self.values(metric, self.table.archs(), None, None))
        if self.table.is_complete and there.all():
            return self.table.space
        from nasbench_kit.spaces.recorded import RecordedSpace

        archs, rows = self.table.members()
        return RecordedSpace(self.table.space, archs[there[rows]])


@final
class RecordedAt:
    """Objective and cost after one epoch."""

    def __init__(self, answers: RecordedAnswers, epoch: int | None, position: int) -> None:
        objective = answers.objective
        self.epoch = epoch
        self._name = answers.name
        self._space, self._table = answers.table.space, answers.table
        self._objective = objective
        self._metric = objective.metric.name
        self._seeds = objective.metric.seeds
        self._of_runs = [objective.at(i, position) for i in objective.seed_positions(None)]
        columns = [_readers(cost, epoch) for cost in answers.costs]  # of each run, or one for all runs
        self._costs: list[Values | _Sum] = list(columns[0]) if columns else []
        if len(columns) > 1:
            n = max(map(len, columns))
            self._costs = [_Sum([column[i % len(column)] for column in columns]) for i in range(n)]
        self._failed = _readers(answers.failed, epoch) if answers.failed else []
        self._arrays: dict[tuple[str, int | None], NDArray[np.float64]] = {}
        few = self._table.n_archs <= MEMO_SIZE
        self.means: dict[Any, Evaluation] = Memo(self._mean, self._space.parse, self._every_mean if few else None)
        self.runs: dict[Any, tuple[Evaluation, ...]] = Memo(
            self._runs, self._space.parse, self._every_run if few else None
        )
        self.drawn: dict[Any, tuple[Evaluation, ...]] | None = None  # once somebody draws

    def drawn_runs(self) -> dict[Any, tuple[Evaluation, ...]]:
        """`drawn`: the runs that may be drawn; where costs are recorded, those without one would stop the clock."""
        import numpy as np

        if self.drawn is None:
            costs = self._costs_of_runs() if self._costs else []
            lacking = [(self._there(i) & np.isnan(costs[i % len(costs)])).any() for i in self._all()] if costs else []
            self.drawn = Memo(self._drawable, self._space.parse, None) if any(lacking) else self.runs
        return self.drawn

    def has_every_run(self) -> bool:
        """Whether no run that may be drawn is missing, of any architecture."""
        return self.drawn_runs() is self.runs and all(bool(self._there(i).all()) for i in self._all())

    def that_was_drawn(self, arch: Arch, drawn: Evaluation) -> Evaluation:
        """The run that `RecordedAnswers.draw` gave, perhaps at another epoch."""
        if drawn.epoch == self.epoch:
            return drawn
        return self.run(arch, drawn.seeds[0]) if drawn.seeds else self.drawn_runs()[arch][0]

    def revealed(self, seed: int | None, is_drawn: bool) -> Revealed:
        """What `run` of a seed reveals of every row; or one of `drawn_runs`; or, without both, `means`."""
        import numpy as np

        positions = self._objective.seed_positions(seed)
        there = np.stack([self._there(i) for i in positions])
        seeds = np.array([self._seeds[i] for i in positions] if self._seeds else [-1])
        if not is_drawn:
            single = np.where(there.sum(axis=0) == 1, seeds[there.argmax(axis=0)], -1)
            columns: list[NDArray[Any]] = [self.values(seed), self.costs(seed), self.failures(seed) == 1, single]
            return Revealed(np.asarray(there.any(axis=0), np.int64), *(column[:, None] for column in columns))
        values = np.stack([runs.all() for runs in self._of_runs])
        costs, failures = (
            np.stack([runs[i % len(runs)] for i in positions])
            for runs in (self._costs_of_runs(), self._failures_of_runs())
        )
        if self._costs:
            there &= ~np.isnan(costs)
        first = np.argsort(~there, axis=0, kind="stable")  # those that are there
        ordered: list[NDArray[Any]] = [
            np.take_along_axis(each, first, axis=0) for each in (values, costs, failures == 1)
        ]
        return Revealed(there.sum(axis=0), *(np.ascontiguousarray(column.T) for column in (*ordered, seeds[first])))

    def _drawable(self, arch: object) -> tuple[Evaluation, ...]:
        runs = tuple([run for run in self.runs[arch] if not isnan(run.cost_s)])
        if not runs:
            text = self._space.format(self._space.parse(arch))
            raise NotRecordedError(f"{self._name}: no cost was recorded of any run of {text!r}, so none is drawn")
        return runs

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

    def many(
        self, archs: object, seed: int | None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64] | None]:
        """Objective, cost and share of failed runs (None where no failure can be) of a batch; NaN if not recorded."""
        rows = self._table.rows(archs)
        failed = _take(self.failures(seed), rows) if self._failed else None
        return _take(self.values(seed), rows), _take(self.costs(seed), rows), failed

    # ---- one architecture, without numpy ----

    def _runs(self, arch: object) -> tuple[Evaluation, ...]:
        row = self._table.row(self._space.parse(arch))
        values = [read(row) for read in self._of_runs]
        costs = [read(row) for read in self._costs] or [nan]
        failed = [read(row) for read in self._failed] or [0.0]
        seeds: list[tuple[int, ...]] = [(seed,) for seed in self._seeds] or [()]
        found = zip(values, cycle(costs), seeds, cycle(failed))
        runs = tuple([Evaluation(self.epoch, *run, self._metric) for run in found if run[3] == 1 or not isnan(run[0])])
        if not runs:
            text = self._space.format(self._space.parse(arch))
            when = "" if self.epoch is None else f" at epoch {self.epoch}"
            raise NotRecordedError(f"{self._metric} of {text!r} was not recorded{when}")
        return runs

    def _mean(self, arch: object) -> Evaluation:
        runs = self._runs(arch)
        _, values, costs, seeds, failed, _ = zip(*runs, strict=True)
        cost_s = _mean(costs) if len(self._costs) > 1 else costs[0]
        return Evaluation(self.epoch, _mean(values), cost_s, tuple(chain(*seeds)), _mean(failed), self._metric)

    # ---- all architectures of the table ----

    def _every_run(self, kind: type) -> dict[Any, tuple[Evaluation, ...]]:
        import numpy as np

        make = partial(tuple.__new__, Evaluation)  # as `_make` does, without its call in Python
        seeds: list[tuple[int, ...]] = [(seed,) for seed in self._seeds] or [()]
        values = [run.all() for run in self._of_runs]
        failed = [run.all().tolist() for run in self._failed] or [[0.0] * self._table.n_archs]
        columns = [
            map(make, zip(repeat(self.epoch), run.tolist(), costs.tolist(), repeat(seed), fails, repeat(self._metric)))
            for run, costs, seed, fails in zip(values, cycle(self._costs_of_runs()), seeds, cycle(failed))
        ]
        rows: list[tuple[Evaluation, ...]] = list(zip(*columns, strict=True))
        for row in np.flatnonzero(~np.all([self._there(i) for i in self._all()], axis=0)).tolist():
            rows[row] = tuple([run for run in rows[row] if run.failed == 1 or not isnan(run.value)])
        return self._by_key(kind, rows)

    def _every_mean(self, kind: type) -> dict[Any, Evaluation]:
        import numpy as np

        recorded = np.stack([self._there(i) for i in self._all()])
        bits = np.array([1 << i for i in range(len(recorded))])  # of Python's integers, where 64 bits are too few
        patterns = (recorded.T @ bits).tolist()  # which runs
        seeds = {
            pattern: tuple(seed for i, seed in enumerate(self._seeds) if pattern >> i & 1) for pattern in set(patterns)
        }
        values, costs, failed = (each.tolist() for each in (self.values(None), self.costs(None), self.failures(None)))
        make = partial(tuple.__new__, Evaluation)
        means = map(
            make,
            zip(repeat(self.epoch), values, costs, map(seeds.__getitem__, patterns), failed, repeat(self._metric)),
        )
        return self._by_key(kind, [mean if there else () for mean, there in zip(means, patterns, strict=True)])

    def _by_key(self, kind: type, answers: Sequence[Any]) -> dict[Any, Any]:
        """The answers that are not empty, one per row, by every architecture that finds the row: text or tuple."""
        archs, rows = self._table.members()
        keys = self._space.format_many(archs) if kind is str else map(tuple, archs.tolist())
        found = list(map(answers.__getitem__, rows.tolist()))
        return dict(compress(zip(keys, found, strict=True), found))

    def _all(self) -> range:
        return range(len(self._of_runs))

    def _there(self, i: int) -> NDArray[np.bool_]:
        """Of which architectures the i-th run was recorded, be it as failed."""
        import numpy as np

        there = ~np.isnan(self._of_runs[i].all())
        return there | (self._failed[i % len(self._failed)].all() == 1) if self._failed else there

    def can_be_asked(self, seed: int | None) -> NDArray[np.bool_]:
        """Which rows a search may ask about: those with a run, and with its cost where costs are recorded."""
        import numpy as np

        costs = self._costs_of_runs()
        found = np.zeros(self._table.n_archs, bool)
        for i in self._objective.seed_positions(seed):
            found |= self._there(i) & ~np.isnan(costs[i % len(costs)]) if self._costs else self._there(i)
        return found

    def values(self, seed: int | None) -> NDArray[np.float64]:
        """The objective in order of rows, for one seed or as the mean over the recorded ones; NaN where missing."""
        if ("values", seed) not in self._arrays:
            positions = self._objective.seed_positions(seed)
            self._arrays["values", seed] = mean_recorded([self._of_runs[i].all() for i in positions])
        return self._arrays["values", seed]

    def costs(self, seed: int | None) -> NDArray[np.float64]:
        """The costs in order of rows, of the runs that were recorded."""
        return self._mean_of_runs("costs", seed, self._costs_of_runs)

    def failures(self, seed: int | None) -> NDArray[np.float64]:
        """The share of failed runs in order of rows, among those that were recorded."""
        return self._mean_of_runs("failures", seed, self._failures_of_runs)

    def _mean_of_runs(
        self, what: str, seed: int | None, of_runs: Callable[[], list[NDArray[np.float64]]]
    ) -> NDArray[np.float64]:
        """Over the recorded runs; `of_runs` gives the values of each, or those that are the same for all."""
        import numpy as np

        if (what, seed) not in self._arrays:
            runs = of_runs()
            there = [self._there(i) for i in self._objective.seed_positions(seed)]
            if len(runs) == 1:
                self._arrays[what, seed] = np.where(np.any(there, axis=0), runs[0], nan)
            else:
                own = [runs[i] for i in self._objective.seed_positions(seed)]
                self._arrays[what, seed] = mean_recorded(
                    [np.where(*both, nan) for both in zip(there, own, strict=True)]
                )
        return self._arrays[what, seed]

    def _costs_of_runs(self) -> list[NDArray[np.float64]]:
        import numpy as np

        return [costs.all() for costs in self._costs] or [np.full(self._table.n_archs, nan)]

    def costs_of_runs(self) -> NDArray[np.float64]:
        """The cost of each run, (n_runs, n_archs), or of all, (1, n_archs); NaN where not recorded."""
        import numpy as np

        return np.stack(self._costs_of_runs())

    def _failures_of_runs(self) -> list[NDArray[np.float64]]:
        import numpy as np

        return [run.all() for run in self._failed] or [np.zeros(self._table.n_archs)]

    def draw_many(
        self, archs: object, rng: np.random.Generator
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64] | None]:
        """Objective, cost and failure of one recorded run per architecture, each as likely as the others."""
        import numpy as np

        rows = self._table.rows(archs)
        values = np.stack([run.all()[rows] for run in self._of_runs])
        costs = np.stack([costs[rows] for costs in self._costs_of_runs()])
        there = np.stack([self._there(i)[rows] for i in self._all()])
        if self._costs:
            there &= ~np.isnan(costs)
        recorded_first = np.argsort(~there, axis=0, kind="stable")
        columns = np.arange(len(rows))
        chosen = recorded_first[(rng.random(len(rows)) * there.sum(axis=0)).astype(np.intp), columns]
        failed = None
        if self._failed:
            failed = np.stack([run.all()[rows] for run in self._failed])[chosen % len(self._failed), columns]
        drawn = np.where(there[chosen, columns], values[chosen, columns], nan)
        return drawn, costs[chosen if len(costs) > 1 else 0, columns], failed


@final
class _Sum:
    """Several costs as one, read as `Values` are."""

    __slots__ = ("_parts",)

    def __init__(self, parts: Sequence[Values]) -> None:
        self._parts = parts

    def __call__(self, row: int) -> float:
        return reduce(add, [part(row) for part in self._parts])

    def all(self) -> NDArray[np.float64]:
        return reduce(add, [part.all() for part in self._parts])


def _readers(column: Column, epoch: int | None) -> list[Values]:
    """The values of each run after an epoch, as far as the column depends on runs and epochs."""
    position = column.epoch_position(epoch if column.metric.epochs else None)
    return [column.at(i, position) for i in column.seed_positions(None)]


def _take(values: NDArray[np.float64], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    return values.take(rows, mode="clip")  # rows are in range; this mode does not check once more


def _mean(values: Sequence[float]) -> float:
    """Mean over what was recorded, added up in order as `mean_recorded` does (`sum` may round differently)."""
    recorded = [value for value in values if not isnan(value)]
    return reduce(add, recorded) / len(recorded) if recorded else nan

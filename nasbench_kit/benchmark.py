"""A benchmark: one space, one table and one of its datasets; what an optimizer is evaluated on."""

from __future__ import annotations

from collections import namedtuple
from functools import cache, partial, reduce
from itertools import chain, compress, cycle, repeat
from math import inf, isnan, nan
from operator import add
from typing import TYPE_CHECKING, Any, NamedTuple, cast, final

from nasbench_kit.errors import NotRecordedError, SettingError, listed
from nasbench_kit.tables import Table
from nasbench_kit.tables.column import AdditiveColumn, Column, Values, mean_recorded
from nasbench_kit.tables.schema import COST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from nasbench_kit.spaces import Arch, Space, Uniform
    from nasbench_kit.tables.metric import Metric

_MEMO_SIZE = 65_536  # architectures remembered per epoch and way to write them
_MANY = 256  # answers computed one by one before all are computed


class Evaluation(NamedTuple):
    """What training one architecture up to `epoch` reveals.

    On a benchmark with another objective than `val_accuracy`, the second field is that objective and has its name
    (`latency_ms_pixel3` for `latency_ms[pixel3]`).
    """

    epoch: int | None  #: epochs trained, counted from 1; None where the table knows of none
    val_accuracy: float  #: fraction in [0, 1], mean over `seeds`
    cost_s: float  #: simulated seconds to train from scratch, up to and including `epoch`; NaN if never recorded
    seeds: tuple[int, ...]  #: the recorded runs that the value averages; empty where the table knows of none


class Evaluations(NamedTuple):
    """What training each architecture of a batch up to `epoch` reveals; the second field is named as the objective."""

    epoch: int | None  #: epochs trained, counted from 1
    val_accuracy: NDArray[np.float64]  #: fraction in [0, 1], shape (n_archs,)
    cost_s: NDArray[np.float64]  #: simulated seconds from scratch, shape (n_archs,)


class Best(NamedTuple):
    """The best architecture of a benchmark, by one metric."""

    arch: Arch
    value: float


@final
class Benchmark:
    """Query a table on one of its datasets.

    Args:
        table: The results.
        dataset: Which of the table's datasets.

    Raises:
        UnknownNameError: The table has no such dataset.

    Attributes:
        name: `table/dataset`.
        space: What its architectures are.
        objective_metric: What a search optimizes: name, direction, recorded seeds and epochs.
    """

    def __init__(self, table: Table, dataset: str) -> None:
        self.table = table
        self.dataset = dataset
        self._metrics = table.metrics(dataset)
        self.name = f"{table.name}/{dataset}"
        self.space = table.space
        self.objective_metric = self._metrics[table.objectives[dataset]]
        self._objective = cast(Column, table.column(dataset, self.objective_metric.name))
        self._cost = cast(Column, table.column(dataset, COST)) if COST in self._metrics else None
        self._evaluation = _named_as(Evaluation, self.objective_metric.name)
        self._evaluations = _named_as(Evaluations, self.objective_metric.name)
        self._epochs: dict[int | None, _AtEpoch] = {}
        self._last = self._at(None)

    def __repr__(self) -> str:
        return f"<Benchmark {self.name!r}: {self.table.n_archs:,} architectures, {', '.join(self._metrics)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return Benchmark, (self.table, self.dataset)

    @property
    def metrics(self) -> dict[str, Metric]:
        """What was recorded, by name."""
        return dict(self._metrics)

    def query(
        self,
        arch: object,
        *,
        epoch: int | None = None,
        seed: int | None = None,
        rng: Uniform | None = None,
    ) -> Evaluation:
        """What training one architecture reveals: the objective, which is a validation value, and the cost.

        Args:
            arch: The architecture, in any form that `space.parse` reads.
            epoch: Epochs trained, counted from 1; the last recorded one by default.
            seed: One recorded training run; by default the mean over all that were recorded.
            rng: Draw one of the recorded runs of this architecture instead.

        Raises:
            ArchitectureError: `arch` is none of this space.
            NotRecordedError: That epoch, seed or architecture was never recorded.
            SettingError: Both `seed` and `rng` are given.
        """
        at = self._last if epoch is None else self._at(epoch)
        if seed is None and rng is None:
            try:
                return at.means[arch]
            except TypeError:  # lists and arrays are not hashable
                return at.means[self.space.parse(arch)]
        if seed is not None and rng is not None:
            raise SettingError("seed and rng exclude each other; give seed to choose a run, rng to draw one")
        try:
            runs = at.runs[arch]
        except TypeError:
            runs = at.runs[self.space.parse(arch)]
        if rng is not None:
            return runs[int(rng.random() * len(runs))]
        for run in runs:
            if seed in run.seeds:
                return run
        self._objective.seed_positions(seed)  # raises if no architecture has this seed
        arch = self.space.parse(arch)
        recorded = listed(run.seeds[0] for run in runs)
        raise NotRecordedError(
            f"{self.name}: seed {seed!r} of {self.space.format(arch)!r} was not recorded; choose from {recorded}"
        )

    def objective(
        self,
        arch: object,
        *,
        epoch: int | None = None,
        seed: int | None = None,
        rng: Uniform | None = None,
    ) -> float:
        """The value of `objective_metric` alone, as `query` gives it: a plain function for any optimizer."""
        return self.query(arch, epoch=epoch, seed=seed, rng=rng)[1]

    def query_many(
        self,
        archs: object,
        *,
        epoch: int | None = None,
        seed: int | None = None,
        rng: np.random.Generator | None = None,
        missing: str = "raise",
    ) -> Evaluations:
        """`query` for a batch.

        Args:
            archs: An integer array (n_archs, n_decisions), or a sequence of what `space.parse` reads.
            epoch: As in `query`.
            seed: As in `query`.
            rng: As in `query`: one recorded run is drawn per architecture.
            missing: "raise" if a value was never recorded, or "nan" to get NaN in its place.

        Raises:
            ArchitectureError, NotRecordedError, SettingError: As `query`.
        """
        at = self._last if epoch is None else self._at(epoch)
        if seed is not None and rng is not None:
            raise SettingError("seed and rng exclude each other; give seed to choose a run, rng to draw one")
        rows = self.table.rows(archs)
        if rng is None:
            found, cost_s = self._take(at.values(seed), rows), self._take(at.costs(seed), rows)
        else:
            found, cost_s = at.drawn(rows, rng)
        self._check_missing(found, missing, self.objective_metric.name, seed)
        return cast(Evaluations, self._evaluations(at.epoch, found, cost_s))

    def values(
        self,
        metric: str,
        archs: object,
        *,
        epoch: int | None = None,
        seed: int | None = None,
        missing: str = "raise",
    ) -> NDArray[np.float64]:
        """Any recorded metric for a batch: float64 (n_archs,).

        This is where test metrics are read; a search never is given them.

        Args:
            metric: One of `metrics`; nothing else stands in for a metric that was not recorded.
            archs: As in `query_many`.
            epoch: As in `query`.
            seed: One recorded run; by default the mean over the recorded ones.
            missing: As in `query_many`.

        Raises:
            UnknownNameError, NotRecordedError: There is no such metric, epoch or seed.
            ArchitectureError: One of `archs` is none of this space.
        """
        column = self.table.column(self.dataset, metric)
        rows = self.table.rows(archs)
        if isinstance(column, AdditiveColumn):
            if epoch is not None or seed is not None:
                raise NotRecordedError(f"{self.name}: {metric} depends on neither epoch nor seed")
            return column.values(self.space.parse_many(archs), self.space)
        if metric == self.objective_metric.name:
            every = self._at(epoch).values(seed)
        else:
            position = column.epoch_position(epoch)
            every = mean_recorded([column.at(i, position).all() for i in column.seed_positions(seed)])
        found = self._take(every, rows)
        self._check_missing(found, missing, metric, seed)
        return found

    def best(self, metric: str | None = None, *, epoch: int | None = None, seed: int | None = None) -> Best:
        """The best architecture of the whole table and its value; the first in order of rows on a tie.

        Args:
            metric: By which metric; the objective by default. Its own direction counts.
            epoch: As in `query`.
            seed: One recorded run; by default the mean over the recorded ones.

        Raises:
            UnknownNameError, NotRecordedError: There is no such metric, epoch or seed.
            SettingError: The metric has no better and worse.
        """
        import numpy as np

        metric = metric or self.objective_metric.name
        archs = self.table.archs()
        values = self.values(metric, archs, epoch=epoch, seed=seed, missing="nan")
        if self._metrics[metric].direction is None:
            raise SettingError(f"{metric} of {self.name} has no direction, so no best")
        if np.isnan(values).all():
            raise NotRecordedError(f"{self.name}: {metric} was not recorded for any architecture, so there is no best")
        row = int(np.nanargmax(values * self._metrics[metric].sign()))
        return Best(tuple(archs[row].tolist()), float(values[row]))

    def search_space(self, *, epoch: int | None = None, seed: int | None = None) -> Space:
        """What an optimizer may propose: the whole space where all of it was recorded, else what was.

        Args:
            epoch: The objective, and its cost where the table has one, must have been recorded after this epoch.
            seed: They must have been recorded in this training run; by default in any.

        Raises:
            NotRecordedError: The epoch or seed was never recorded.
        """
        import numpy as np

        at = self._at(epoch)
        recorded = ~np.isnan(at.values(seed))
        if self._cost is not None:
            recorded &= ~np.isnan(at.costs(seed))
        if self.table.is_complete and recorded.all():
            return self.space
        if seed not in at.recorded_spaces:
            from nasbench_kit.spaces.recorded import RecordedSpace

            at.recorded_spaces[seed] = RecordedSpace(self.space, self.table.archs()[recorded])
        return at.recorded_spaces[seed]

    def check_recorded(self, *, epoch: int | None = None, seed: int | None = None) -> None:
        """Refuse an epoch or seed for which the objective was never recorded.

        Raises:
            NotRecordedError: It was not.
        """
        self._objective.epoch_position(epoch)
        self._objective.seed_positions(seed)

    def _at(self, epoch: int | None) -> _AtEpoch:
        position = self._objective.epoch_position(epoch)
        epochs = self.objective_metric.epochs
        epoch = epochs[position] if epochs else None
        if epoch not in self._epochs:
            self._epochs[epoch] = _AtEpoch(self, epoch, position)
        return self._epochs[epoch]

    @staticmethod
    def _take(values: NDArray[np.float64], rows: NDArray[np.int64]) -> NDArray[np.float64]:
        return values.take(rows, mode="clip")  # rows are in range; this mode does not check once more

    def _check_missing(self, found: NDArray[np.float64], missing: str, metric: str, seed: int | None) -> None:
        import numpy as np

        if missing not in ("raise", "nan"):
            raise SettingError(f"missing={missing!r}; choose from 'raise', 'nan'")
        if missing == "raise" and np.isnan(found.min(initial=inf)):  # the minimum is NaN if any value is
            absent = np.isnan(found)
            what = metric if seed is None else f"{metric} of seed {seed}"
            raise NotRecordedError(
                f"{self.name}: {what} was not recorded for {absent.sum():,} of these {len(found):,} architectures;"
                " missing='nan' returns NaN for them"
            )


@final
class _AtEpoch:
    """Objective and cost after one epoch."""

    def __init__(self, benchmark: Benchmark, epoch: int | None, position: int) -> None:
        objective, cost = benchmark._objective, benchmark._cost
        self.epoch = epoch
        self._evaluation = benchmark._evaluation
        self._space, self._table = benchmark.space, benchmark.table
        self._objective = objective
        self._seeds = objective.metric.seeds
        self._of_runs = [objective.at(i, position) for i in objective.seed_positions(None)]
        self._costs: list[Values] = []  # of each run, one for all runs, or none
        if cost is not None:
            cost_position = cost.epoch_position(epoch if cost.metric.epochs else None)
            self._costs = [cost.at(i, cost_position) for i in cost.seed_positions(None)]
        self.recorded_spaces: dict[int | None, Space] = {}  # seed -> the recorded part, once somebody asked for it
        self._arrays: dict[tuple[str, int | None], NDArray[np.float64]] = {}
        few = self._table.n_archs <= _MEMO_SIZE
        self.means: dict[Any, Evaluation] = _Memo(self._mean, self._space.parse, self._every_mean if few else None)
        self.runs: dict[Any, tuple[Evaluation, ...]] = _Memo(
            self._runs, self._space.parse, self._every_run if few else None
        )

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
        return dict(compress(zip(self._keys(kind), rows, strict=True), rows))

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
        return dict(compress(zip(self._keys(kind), means, strict=True), patterns))

    def _keys(self, kind: type) -> Iterable[Any]:
        """Every architecture of the table, as texts or as tuples."""
        archs = self._table.archs()
        return self._space.format_many(archs) if kind is str else map(tuple, archs.tolist())

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

    def drawn(
        self, rows: NDArray[np.int64], rng: np.random.Generator
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Objective and cost of one recorded run per row, each as likely as the others of its architecture."""
        import numpy as np

        runs = np.stack([values.all()[rows] for values in self._of_runs])
        costs = np.stack([costs[rows] for costs in self._costs_of_runs()])
        recorded_first = np.argsort(np.isnan(runs), axis=0, kind="stable")
        n_recorded = (~np.isnan(runs)).sum(axis=0)
        columns = np.arange(len(rows))
        chosen = recorded_first[(rng.random(len(rows)) * n_recorded).astype(np.intp), columns]
        return runs[chosen, columns], costs[chosen if len(costs) > 1 else 0, columns]


class _Memo(dict[Any, Any]):
    """Answers given so far, by text or tuple; whatever else is asked about is asked about as the tuple that it means.

    An answer is computed when first asked for, and not kept if that raises. After many such, all that the table can
    give are computed at once, which costs much less than one by one.
    """

    def __init__(
        self,
        compute: Callable[[Any], Any],
        parse: Callable[[object], Arch],
        every: Callable[[type], dict[Any, Any]] | None,
    ) -> None:
        self._compute = compute
        self._parse = parse
        self._every = every
        self._n_computed: dict[type, int] = {str: 0, tuple: 0}

    def __missing__(self, arch: object) -> Any:
        kind = type(arch)
        if kind not in self._n_computed:  # of others 5, 5.0 and True are the same key but not the same question
            return self[self._parse(arch)]
        answer = self._compute(arch)
        if len(self) >= 2 * _MEMO_SIZE:
            self.clear()
        self[arch] = answer
        self._n_computed[kind] += 1
        if self._every is not None and self._n_computed[kind] == _MANY:
            self.update(self._every(kind))
        return answer


def _mean(values: Sequence[float]) -> float:
    """Mean over what was recorded, added up in order as `mean_recorded` does (`sum` may round differently)."""
    recorded = [value for value in values if not isnan(value)]
    return reduce(add, recorded) / len(recorded) if recorded else nan


@cache
def _named_as(kind: Any, objective: str) -> Any:
    """`kind` with its second field named as the objective, where that is another one; `_` for what no name can hold."""
    if objective == kind._fields[1]:
        return kind
    named = "".join(letter if letter.isalnum() else "_" for letter in objective).strip("_")
    fields = (kind._fields[0], named, *kind._fields[2:])
    made: Any = namedtuple(kind.__name__, fields, rename=True)  # type: ignore[misc]
    # pickle finds no class by that name: it is made again where the answer is read
    made.__reduce__ = lambda self: (_remake, (kind, objective, tuple(self)))  # type: ignore[arg-type, method-assign]
    return made


def _remake(kind: Any, objective: str, values: tuple[Any, ...]) -> Any:
    return _named_as(kind, objective)._make(values)

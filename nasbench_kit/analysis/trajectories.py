"""Trajectories: the runs of one optimizer on one benchmark, as the incumbents that they had and when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from math import inf
from typing import Any, NamedTuple, Self, TypeVar, final

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.analysis.axes import spent_by
from nasbench_kit.analysis.incumbents import improvements_of_runs, may_be_incumbents, standing
from nasbench_kit.analysis.shown import Shown, shown
from nasbench_kit.benchmark import Benchmark
from nasbench_kit.errors import NotRecordedError, SettingError, counted, unknown
from nasbench_kit.simulator import EPOCHS, EVALUATIONS, SECONDS, Records, Rules, task_of
from nasbench_kit.tables import Metric

_Key = TypeVar("_Key")
_TOGETHER = 256  # runs that are looked up together


@final
@dataclass(frozen=True, eq=False, repr=False)
class Trajectories:
    """The runs of one optimizer on one benchmark: their incumbents, as step functions of what was spent.

    All values are oriented so that larger is better. The incumbents of all runs lie one run after another.

    Attributes:
        metric: What incumbents are reported by.
        best: The best of the whole benchmark by that metric, or the best known.
        axis: What the budget counts, along which curves are drawn unless another axis is named.
        starts: Where the incumbents of each run begin, and the end: intp (n_runs + 1,).
        spent: Axis ("seconds", "evaluations", "epochs", or a metric that was summed) -> what each run had spent when
            each incumbent was found, rising within a run: (n_incumbents,).
        ended: Axis -> what each run had spent when its last evaluation finished; 0 without any: (n_runs,).
        told: What the search was told of each incumbent, rising within a run (not where the newest is the incumbent):
            (n_incumbents,).
        reported: `metric` of each incumbent: (n_incumbents,).
        best_evaluated: The best by `metric` of all that each run evaluated and that counts; -inf without: (n_runs,).
        budgets: Axis -> what each run might spend, where the rules say so.
        archs: The incumbents: uint8 (n_incumbents, n_decisions); None where they are not known.
        run_seeds: Of each run, (n_runs,); 0, 1, 2, ... where they are not known.
        is_proven: Whether `best` is the best of all, not only of what somebody looked at.
        values_are: What a value of `metric` is, in words.
    """

    metric: Metric
    best: float
    axis: str
    starts: NDArray[np.intp]
    spent: Mapping[str, NDArray[np.float64]]
    ended: Mapping[str, NDArray[np.float64]]
    told: NDArray[np.float64]
    reported: NDArray[np.float64]
    best_evaluated: NDArray[np.float64]
    budgets: Mapping[str, float] = field(default_factory=dict)
    archs: NDArray[np.uint8] | None = None
    run_seeds: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    is_proven: bool = True
    values_are: str = "the mean of the recorded runs"

    def __post_init__(self) -> None:
        if not len(self.run_seeds):
            object.__setattr__(self, "run_seeds", np.arange(self.n_runs))

    def __repr__(self) -> str:
        return f"<Trajectories of {counted(self.n_runs, 'run')}: {self.metric.name} over {', '.join(self.spent)}>"

    @classmethod
    def of_arrays(
        cls,
        metric: Metric,
        runs: Iterable[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]],
        *,
        best: float,
        axis: str = SECONDS,
        **what: Any,
    ) -> Self:
        """Trajectories of runs that were made elsewhere.

        Args:
            metric: As the attribute of that name.
            runs: Of each run what was spent when each evaluation finished, ascending; what the search was told of it,
                -inf of what cannot be an incumbent; and what it is reported by: each (n_evaluations,), the latter two
                oriented so that larger is better.
            best: As the attribute of that name.
            axis: What the first array of a run counts.
            what: Other attributes by their names.

        Raises:
            SettingError: The arrays of a run are not of one length, or what was spent falls.
        """
        packed = _Packed()
        for spent, told, reported in runs:
            spent, told, reported = (np.asarray(column, np.float64) for column in (spent, told, reported))
            if not spent.shape == told.shape == reported.shape or spent.ndim != 1:
                raise SettingError(
                    f"a run of shapes {spent.shape}, {told.shape} and {reported.shape}; three columns of one length"
                    " expected"
                )
            if not (np.diff(spent) >= 0).all() or not np.isfinite(spent).all():
                raise SettingError(f"what a run spent does not rise: {spent!r:.80}")
            axes = {axis: spent} | ({EVALUATIONS: np.arange(1.0, len(spent) + 1)} if axis != EVALUATIONS else {})
            packed.add([len(told)], axes, told, reported)
        return cls(metric, best, axis, **packed.columns(), **what)

    @property
    def n_runs(self) -> int:
        """How many runs there are."""
        return len(self.starts) - 1

    @property
    def has_incumbent(self) -> NDArray[np.bool_]:
        """Which runs end with an incumbent: (n_runs,)."""
        return np.diff(self.starts) > 0

    @property
    def finals(self) -> NDArray[np.intp]:
        """The final incumbents, as positions: of the runs that have one."""
        return self.starts[1:][self.has_incumbent] - 1

    @property
    def show(self) -> Shown:
        """How values of `metric` are shown."""
        return shown(self.metric.name, self.metric.unit)

    def along(self, axis: str | None = None) -> NDArray[np.float64]:
        """What was spent when each incumbent was found, along an axis or that of the budget: (n_incumbents,).

        Raises:
            UnknownNameError: It was not counted along that axis.
        """
        return self.spent[self.checked_axis(axis)]

    def known_until(self, axis: str | None = None) -> NDArray[np.float64]:
        """Until when it is known what each run had found: (n_runs,).

        That is the budget, where the axis has one: what runs when it ends is dropped, so a run that was stopped by it
        found nothing more. Else it is when the last evaluation finished.

        Raises:
            UnknownNameError: There is no such axis.
        """
        checked = self.checked_axis(axis)
        return np.maximum(self.ended[checked], self.budgets.get(checked, 0.0))

    def checked_axis(self, axis: str | None) -> str:
        """An axis that was counted; that of the budget for None.

        Raises:
            UnknownNameError: There is no such axis.
        """
        if axis is None:
            return self.axis
        if axis not in self.spent:
            raise unknown("axis of these runs", axis, self.spent)
        return axis


@final
class _Packed:
    """Incumbents of runs, gathered one run after another."""

    def __init__(self) -> None:
        self._n: list[NDArray[np.intp]] = []
        self._parts: dict[str, list[NDArray[Any]]] = {"told": [], "reported": [], "archs": []}
        self._spent: dict[str, list[NDArray[np.float64]]] = {}
        self._ended: dict[str, list[NDArray[np.float64]]] = {}
        self._best: list[NDArray[np.float64]] = []

    def add(
        self,
        lengths: Sequence[int],
        axes: Mapping[str, NDArray[np.float64]],
        told: NDArray[np.float64],
        reported: NDArray[np.float64],
        archs: NDArray[np.uint8] | None = None,
        by: NDArray[np.float64] | None = None,
    ) -> None:
        """Runs by their evaluations, one run after another: told -inf of what cannot be an incumbent.

        Args:
            lengths: Evaluations of each run.
            axes: Axis -> what its run had spent when each evaluation finished.
            told: Of each evaluation, as the others.
            reported: Likewise.
            archs: Likewise, where they are known.
            by: Likewise: what decides whether it becomes the incumbent; what the search was told by default.
        """
        runs = np.repeat(np.arange(len(lengths)), lengths)
        found = improvements_of_runs(told if by is None else by, runs)
        self._n.append(np.bincount(runs[found], minlength=len(lengths)))
        self._parts["told"].append(told[found])
        self._parts["reported"].append(reported[found])
        if archs is not None:
            self._parts["archs"].append(archs[found])
        has_any = np.array(lengths, bool)
        ends = np.cumsum(lengths)[has_any]
        for axis, spent in axes.items():
            self._spent.setdefault(axis, []).append(spent[found])
            ended = np.zeros(len(lengths))
            ended[has_any] = spent[ends - 1]
            self._ended.setdefault(axis, []).append(ended)
        best = np.full(len(lengths), -inf)
        if len(ends):
            best[has_any] = np.maximum.reduceat(np.where(told > -inf, reported, -inf), np.append(0, ends[:-1]))
        self._best.append(best)

    def columns(self) -> dict[str, Any]:
        """What `Trajectories` calls them."""
        return {
            "starts": np.append(0, np.cumsum(np.concatenate(self._n or [np.zeros(0, np.intp)]))),
            "spent": {axis: np.concatenate(parts) for axis, parts in self._spent.items()},
            "ended": {axis: np.concatenate(ends) for axis, ends in self._ended.items()},
            "best_evaluated": np.concatenate(self._best or [np.zeros(0)]),
        } | {name: np.concatenate(parts) for name, parts in self._parts.items() if parts}


def trajectories_of(
    benchmark: Benchmark,
    runs: Iterable[Records],
    rules: Rules | None = None,
    *,
    run_seeds: Sequence[int] = (),
    summed: Sequence[str] = (),
    returns_latest: bool = False,
) -> Trajectories:
    """Find the incumbents of runs, and look up the values that they are reported by.

    These are means over the recorded runs, of the metric that the rules name.

    Where the best of the benchmark is not proven, as on a surrogate of a space too large to look at whole, it is the
    best that is known or that one of these runs evaluated; `with_common_best` makes it the same for several optimizers.

    Args:
        benchmark: What was searched.
        runs: What `simulate` returned.
        rules: What it was told; the default ones, if not given.
        run_seeds: Of each run.
        summed: Metrics whose sum over trainings is one more axis each, such as `energy_kwh`.
        returns_latest: Whether the newest evaluation is the incumbent, not the best: of methods that share weights,
            whose evaluations are what they held after each of their own epochs. These train nothing, so epochs are no
            axis.

    Raises:
        SettingError: There is no run, or none with any evaluation.
        UnknownNameError: There is no such metric.
        NotRecordedError: What may be an incumbent has no value to be reported by.
    """
    rules = rules or Rules()
    where, name, epoch = rules.reported_on(benchmark)
    metric = where.metrics[name]
    sign = benchmark.objective_metric.sign()
    packed, n_runs, n_evaluations = _Packed(), 0, 0
    left = iter(runs)
    while some := list(islice(left, _TOGETHER)):
        every = Records(*map(np.concatenate, zip(*some, strict=True)))
        may_be = may_be_incumbents(every, benchmark, rules)
        reported = np.full(len(may_be), -inf)
        if may_be.any():
            reported[may_be] = metric.sign() * where.values(name, every.archs[may_be], epoch=epoch)
        told = np.where(may_be, sign * every.value, -inf)
        by_run = [spent_by(run, benchmark, rules, summed) for run in some]
        kept = [axis for axis in by_run[0] if axis != EPOCHS or not returns_latest]
        axes = {axis: np.concatenate([spent[axis] for spent in by_run]) for axis in kept}
        by = standing(told, every.archs, returns_latest=returns_latest)
        packed.add([len(run.value) for run in some], axes, told, reported, every.archs, by)
        n_runs += len(some)
        n_evaluations += len(may_be)
    if not n_evaluations:
        raise SettingError(
            f"{benchmark.name}: the budget of {counted(n_runs, 'run')} ended before the first evaluation did;"
            " give a larger one"
        )
    columns = packed.columns()
    return Trajectories(
        **frame_of(benchmark, rules, float(columns["best_evaluated"].max())),
        **columns,
        run_seeds=np.array(run_seeds, np.int64),
    )


def frame_of(benchmark: Benchmark, rules: Rules, best_evaluated: float) -> dict[str, Any]:
    """What is the same for all runs on a benchmark under the same rules, as `Trajectories` calls it.

    Args:
        benchmark: What was searched.
        rules: Under which rules.
        best_evaluated: The best that any of the runs evaluated, which counts where no best is proven.

    Raises:
        NotRecordedError: There is no best.
    """
    where, name, epoch = rules.reported_on(benchmark)
    metric = where.metrics[name]
    best, is_proven = _best(benchmark, where, metric, epoch)
    budgets = {SECONDS: rules.budget_s, EVALUATIONS: rules.n_evaluations, EPOCHS: rules.n_epochs}
    return {
        "metric": metric,
        "best": best if is_proven else max(best, best_evaluated),
        "axis": main_axis(rules),
        "budgets": {axis: float(budget) for axis, budget in budgets.items() if budget is not None},
        "is_proven": is_proven,
        "values_are": where.run_in_words("mean"),
    }


def main_axis(rules: Rules) -> str:
    """What the budget counts: the clock; evaluations or epochs, where no seconds are."""
    if rules.clock != SECONDS or rules.budget_s is not None:
        return rules.clock
    return EVALUATIONS if rules.n_evaluations is not None else EPOCHS if rules.n_epochs is not None else SECONDS


class Finals(NamedTuple):
    """What the final incumbents of some runs are reported by."""

    metric: Metric
    values: NDArray[np.float64]  #: (n_runs,), as recorded; NaN of a run without an incumbent


def finals_of(benchmark: Benchmark, trajectories: Trajectories, rules: Rules) -> Finals:
    """Look up another value of the final incumbent of each run.

    Args:
        benchmark: What was searched.
        trajectories: The runs, with the architectures that were their incumbents.
        rules: Their `reported` says what to look up.

    Raises:
        UnknownNameError, NotRecordedError: There is no such metric, or no value of a final incumbent.
    """
    where, name, epoch = rules.reported_on(benchmark)
    values = np.full(trajectories.n_runs, np.nan)
    if trajectories.archs is not None and len(trajectories.finals):
        values[trajectories.has_incumbent] = where.values(name, trajectories.archs[trajectories.finals], epoch=epoch)
    return Finals(where.metrics[name], values)


def _best(benchmark: Benchmark, where: Benchmark, metric: Metric, epoch: int | None) -> tuple[float, bool]:
    """The best that a search may end on, oriented, and whether it is the best of all."""
    if benchmark.constraints:
        archs = where.results.representative_archs()
        there = archs[benchmark.feasible(archs)]
        values = metric.sign() * where.values(metric.name, there, epoch=epoch, missing="nan")
        if np.isnan(values).all():
            raise NotRecordedError(
                f"{benchmark.name}: no architecture is known that keeps to {benchmark.limits_in_words()}"
            )
        return float(np.nanmax(values)), len(archs) == where.results.n_archs
    is_proven = where.is_best_proven(metric.name, epoch=epoch)
    try:
        return metric.sign() * where.best(metric.name, epoch=epoch).value, is_proven
    except NotRecordedError:
        if is_proven:
            raise
        return -inf, False


def with_common_best(trajectories: Mapping[_Key, Trajectories]) -> dict[_Key, Trajectories]:
    """Runs of several optimizers on the same benchmark, with regret against the same best: the best known to any."""
    best = max(one.best for one in trajectories.values())
    return {key: replace(one, best=best) for key, one in trajectories.items()}


def check_reported(benchmark: Benchmark, rules: Rules) -> None:
    """Refuse a benchmark on which an incumbent may have no value to be reported by, before it is searched.

    Args:
        benchmark: What is to be searched.
        rules: Under which rules.

    Raises:
        SettingError: The metric that reports was not recorded for some architectures that a search may find.
    """
    where, name, epoch = rules.reported_on(benchmark)
    space = task_of(benchmark, rules).space
    archs = benchmark.results.representative_archs() if space is benchmark.space else space.all_archs()
    has_value = ~np.isnan(benchmark.values(benchmark.objective_metric.name, archs, epoch=rules.epoch, missing="nan"))
    absent = has_value & np.isnan(where.values(name, archs, epoch=epoch, missing="nan"))
    if absent.any():
        raise SettingError(
            f"{benchmark.name}: {name}, which searches are reported by, was not recorded for {absent.sum():,} of the"
            f" {len(archs):,} architectures that they may find; make a table without it, or without these"
        )

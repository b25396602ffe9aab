"""Front trajectories: the runs of one optimizer on one benchmark, as the fronts that they had and when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, final

import numpy as np

from nasbench_kit.analysis.axes import spent_by
from nasbench_kit.analysis.fronts import REPORTED, TOLD, Reference, measured_by, reference_of, values_of
from nasbench_kit.analysis.incumbents import may_be_incumbents
from nasbench_kit.analysis.trajectories import main_axis
from nasbench_kit.errors import SettingError, counted, unknown
from nasbench_kit.simulator import Rules

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.benchmark import Benchmark
    from nasbench_kit.simulator import Records

_TOGETHER = 256  # points that are compared with each other at once


@final
@dataclass(frozen=True, eq=False, repr=False)
class FrontTrajectories:
    """The runs of one optimizer on one benchmark: their fronts, as they grew.

    A run's front holds what is best so far *by what the search was told*, as an incumbent is with one objective:
    every evaluation that no earlier one weakly dominates enters, and leaves when a later one dominates it. Its points
    are what these architectures are reported by, of which some may dominate others. The members of all runs lie one run
    after another, in the order in which they entered.

    Attributes:
        reference: What the fronts are measured against.
        by: "reported": the points are the means that architectures are reported by; "told": what the search was told.
        axis: What the budget counts, along which curves are drawn unless another axis is named.
        starts: Where the members of each run begin, and the end: intp (n_runs + 1,).
        spent: Axis -> what each run had spent when each member entered, rising within a run: (n_members,).
        ended: Axis -> what each run had spent when its last evaluation finished; 0 without any: (n_runs,).
        displaced_by: Position of the member that dominates each first; of the end of its run, where none does:
            intp (n_members,).
        points: Losses: (n_members, n_objectives).
        archs: The members: uint8 (n_members, n_decisions).
    """

    reference: Reference
    by: str
    axis: str
    starts: NDArray[np.intp]
    spent: Mapping[str, NDArray[np.float64]]
    ended: Mapping[str, NDArray[np.float64]]
    displaced_by: NDArray[np.intp]
    points: NDArray[np.float64]
    archs: NDArray[np.uint8]

    def __repr__(self) -> str:
        names = ", ".join(metric.name for metric in self.reference.metrics)
        return f"<FrontTrajectories of {counted(self.n_runs, 'run')}: {names} as {self.by}>"

    @property
    def n_runs(self) -> int:
        """How many runs there are."""
        return len(self.starts) - 1

    @property
    def runs(self) -> NDArray[np.intp]:
        """The run of each member: (n_members,), ascending."""
        return np.repeat(np.arange(self.n_runs), np.diff(self.starts))

    def along(self, axis: str | None = None) -> NDArray[np.float64]:
        """What was spent when each member entered, along an axis or that of the budget: (n_members,).

        Raises:
            UnknownNameError: It was not counted along that axis.
        """
        axis = axis or self.axis
        if axis not in self.spent:
            raise unknown("axis of these runs", axis, self.spent)
        return self.spent[axis]

    def are_members(self, at: float = np.inf, axis: str | None = None) -> NDArray[np.bool_]:
        """Which are members when so much was spent, at the end by default: (n_members,).

        Args:
            at: What was spent.
            axis: Of what; that of the budget by default.
        """
        spent = self.along(axis)
        entered = spent <= at
        is_displaced = np.zeros(len(spent), bool)
        by_whom = self.displaced_by < self.starts[self.runs + 1]
        is_displaced[by_whom] = entered[self.displaced_by[by_whom]]
        return entered & ~is_displaced

    def points_at(self, at: float = np.inf, axis: str | None = None) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """All points of the runs' fronts when so much was spent, and their runs: (n, n_objectives) and (n,), ascending.

        Args:
            at: What was spent; all by default.
            axis: Of what; that of the budget by default.
        """
        there = self.are_members(at, axis)
        return self.points[there], self.runs[there]

    def curves(
        self,
        values: NDArray[np.float64],
        times: NDArray[np.float64],
        axis: str | None = None,
        *,
        before: float = np.nan,
    ) -> NDArray[np.float64]:
        """Step functions of what was spent: the value after the last change of the front: (n_runs, n_times).

        The last value holds on after a run has ended; `ended` says when that was.

        Args:
            values: One for each change, such as the hypervolume after each member entered: (n_members,).
            times: What was spent: (n_times,).
            axis: Of what; that of the budget by default.
            before: The value as long as the front is empty.
        """
        spent = self.along(axis)
        made = np.full((self.n_runs, len(times)), before)
        for curve, (start, end) in zip(made, pairwise(self.starts.tolist()), strict=True):
            curve[:] = np.append(before, values[start:end])[np.searchsorted(spent[start:end], times, side="right")]
        return made


def front_changes(losses: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which points enter the front of what came so far, and which of them displaces each of them first.

    Of equal points the first enters alone.

    Args:
        losses: In the order in which they come, smaller is better: (n, n_objectives).

    Returns:
        Positions of those that enter; and for each, which one of those that enter dominates it first, counted among
        them, or their number where none does: both (n_members,).
    """
    entered: list[NDArray[np.intp]] = []
    entrants = np.empty((0, losses.shape[1]))
    for start in range(0, len(losses), _TOGETHER):
        block = losses[start : start + _TOGETHER]
        dominated = _weakly_dominates(entrants, block).any(axis=0)
        dominated |= np.triu(_weakly_dominates(block, block), 1).any(axis=0)  # by an earlier one
        entered.append(start + np.flatnonzero(~dominated))
        entrants = np.concatenate([entrants, block[~dominated]])
    later = np.tril(_weakly_dominates(entrants, entrants), -1)  # [j, i]: whether j > i dominates i
    first = later.argmax(axis=0) if len(entrants) else np.zeros(0, np.intp)
    displaced_by = np.where(later.any(axis=0), first, len(entrants))
    return np.concatenate([np.zeros(0, np.intp), *entered]), displaced_by


def _weakly_dominates(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each point of `a` is as good as each of `b` in all objectives: (len(a), len(b))."""
    found = np.ones((len(a), len(b)), bool)
    for mine, other in zip(a.T, b.T, strict=True):
        found &= mine[:, None] <= other
    return found


def front_trajectories_of(
    benchmark: Benchmark,
    runs: Iterable[Records],
    rules: Rules | None = None,
    *,
    by: str = REPORTED,
    reference: Reference | None = None,
) -> FrontTrajectories:
    """Find the fronts of runs after every evaluation that counts, and look up what their members are reported by.

    Failed and infeasible evaluations never count, nor do those at lower epochs unless the rules say so.

    Args:
        benchmark: What was searched, with two objectives or more.
        runs: What `simulate` returned.
        rules: What it was told; the default ones, if not given.
        by: As in `reference_of`. In both cases what the search was told decides what the fronts hold.
        reference: That of `reference_of` for the same arguments, if it was made before.

    Raises:
        SettingError: There is one objective; or no run.
        NotRecordedError: A member of a front has no value to be reported by.
    """
    rules = rules or Rules()
    measured = measured_by(benchmark, rules, by)
    reference = reference or reference_of(benchmark, rules, by=by)
    signs = np.array([metric.sign() for metric in benchmark.objectives])
    starts, displaced_by, values, archs = [0], [], [], []
    spent: dict[str, list[NDArray[np.float64]]] = {}
    ended: dict[str, list[float]] = {}
    for run in runs:
        counts = may_be_incumbents(run, benchmark, rules) & ~np.isnan(run.values).any(axis=1)
        entered, displaced = front_changes(-signs * run.values[counts])
        there = np.flatnonzero(counts)[entered]
        for axis, column in spent_by(run, benchmark, rules).items():
            spent.setdefault(axis, []).append(column[there])
            ended.setdefault(axis, []).append(float(column[-1]) if len(column) else 0.0)
        displaced_by.append(starts[-1] + displaced)
        starts.append(starts[-1] + len(there))
        values.append(run.values[there])
        archs.append(run.archs[there])
    if not archs:
        raise SettingError(f"{benchmark.name}: no run, so no front; give one or more")
    members = np.concatenate(archs)
    axes = [axis for axis, ends in ended.items() if len(ends) == len(archs)]  # those that all runs have
    return FrontTrajectories(
        reference=reference,
        by=by,
        axis=main_axis(rules),
        starts=np.array(starts),
        spent={axis: np.concatenate(spent[axis]) for axis in axes},
        ended={axis: np.array(ended[axis]) for axis in axes},
        displaced_by=np.concatenate(displaced_by),
        points=reference.losses(np.concatenate(values) if by == TOLD else values_of(measured, members)),
        archs=members,
    )

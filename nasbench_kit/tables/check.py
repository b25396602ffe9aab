"""Whether values mean what they should: what a search can advance its clock by, compare, and call failed."""

from __future__ import annotations

from math import inf

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import TableError
from nasbench_kit.tables.column import Column
from nasbench_kit.tables.metric import DIRECTIONS, FAILED_UNIT, Metric
from nasbench_kit.tables.schema import COST, Contents, Roles
from nasbench_kit.tables.spec import ONE_TRAINING

ROUNDING = float(np.finfo(np.float32).eps)
"""How far beyond a bound a value may lie by rounding alone, relative to the bound: a mean of float32."""


def check_values(contents: Contents) -> None:
    """Refuse values that no reader could use: for what is to be written.

    Raises:
        TableError: It names the architecture, seed and epoch, what is wrong there and what may be the cause.
    """
    for dataset, metrics in contents.metrics.items():
        for column in metrics.values():
            if isinstance(column, Column) and column.metric.name != COST:
                _check_bounds(contents, dataset, column)
        check_searchable(contents, dataset)
        _check_failures(contents, dataset)


def check_searchable(contents: Contents, dataset: str) -> None:
    """Refuse a dataset whose objective has no direction or no value, or whose costs cannot advance a clock.

    Raises:
        TableError: As for `check_values`.
    """
    objective = _objective(contents, dataset)
    where = f"{contents.name}/{dataset}"
    if objective.metric.direction not in DIRECTIONS:
        raise TableError(
            f"{where}: the objective {objective.metric.name} has no direction, so no best; say which is better:"
            ' direction = "min" or direction = "max"'
        )
    if all(np.isnan(values).all() for values in objective.every()):
        raise TableError(f"{where}: the objective {objective.metric.name} has no value at all; every cell is empty")
    _check_clock(contents, dataset)


def _check_clock(contents: Contents, dataset: str) -> None:
    """Seconds since the start of a training are above 0, and on one training they grow with the epoch."""
    cost, roles = contents.metrics[dataset].get(COST), contents.roles[dataset]
    if not isinstance(cost, Column):
        return
    n_seeds, n_epochs = max(len(cost.metric.seeds), 1), max(len(cost.metric.epochs), 1)
    for seed in range(n_seeds):
        before, epoch_before = np.zeros(contents.n_archs), np.zeros(contents.n_archs, np.intp)
        for epoch in range(n_epochs):
            values = cost.at(seed, epoch).all()
            there = ~np.isnan(values)
            for row in np.flatnonzero(there & ~((values > 0) & (values < inf))).tolist():
                raise TableError(
                    f"{_cell(contents, dataset, cost.metric, row, seed, epoch)} is {_exact(values[row])}; seconds of"
                    " training above 0 expected; leave the cell empty if the time was not recorded"
                )
            if roles.epochs_are == ONE_TRAINING:
                grows = (values > before) | (
                    (values == before) & _has_failed(contents, dataset, cost.metric, seed, epoch)
                )
                for row in np.flatnonzero(there & ~grows).tolist():
                    earlier = cost.metric.epochs[epoch_before[row]]
                    raise TableError(
                        f"{_cell(contents, dataset, cost.metric, row, seed, epoch)} is {_exact(values[row])}, but"
                        f" {_exact(before[row])} at epoch {earlier}; it counts the seconds since the training began: if"
                        " these are seconds per epoch, add them up; if each number of epochs was a training of its"
                        ' own, say epochs_are = "separate trainings"'
                    )
            before, epoch_before = np.where(there, values, before), np.where(there, epoch, epoch_before)


def _check_bounds(contents: Contents, dataset: str, column: Column) -> None:
    metric = column.metric
    low, high = metric.bounds
    role = contents.roles[dataset]
    whole = bool(metric.categories) or metric.unit == FAILED_UNIT
    for position, values in enumerate(column.every()):
        seed, epoch = divmod(position, max(len(metric.epochs), 1))
        wrong = (values < low) | (values > high)
        if whole:
            wrong |= values % 1 > 0
        if metric.name == role.objective:
            wrong |= np.isinf(values)
        for row in np.flatnonzero(wrong).tolist():
            cell = _cell(contents, dataset, metric, row, seed, epoch)
            raise TableError(f"{cell} is {_exact(values[row])}; {_expected(metric, role, values[row], column)}")


def _expected(metric: Metric, roles: Roles, value: float, column: Column) -> str:
    """What would be right instead of a value outside the bounds."""
    low, high = metric.bounds
    if metric.name == roles.objective and np.isinf(value):
        return "if the training failed, mark the run as failed and leave the cell empty; or remove the row"
    beyond, bound = max((low - value, low), (value - high, high))
    if metric.categories:
        return f"a whole number from 0 to {len(metric.categories) - 1} expected, the position of a category"
    if metric.unit == FAILED_UNIT:
        return "0 or 1 expected, 1 where the training failed"
    if beyond <= ROUNDING * max(abs(bound), 1):
        return f"that is beyond {bound:g} by rounding; store {bound:g}"
    if metric.unit == "fraction" and column.spec().scale == (1, 1):
        return "it is no fraction; if these are percentages, say so by scale=(1, 100) (scale = [1, 100] in TOML)"
    return f"a value from {low:g} to {high:g} expected; give the metric other bounds if there can be others"


def _check_failures(contents: Contents, dataset: str) -> None:
    """A failed run has no value of the objective: at the epochs where it says so, else at the last one."""
    failed = contents.roles[dataset].failed
    if failed is None:
        return
    objective = _objective(contents, dataset)
    n_epochs = max(len(objective.metric.epochs), 1)
    each = bool(contents.metrics[dataset][failed].metric.epochs)
    for seed in objective.seed_positions(None):
        for epoch in range(0 if each else n_epochs - 1, n_epochs):
            values = objective.at(seed, epoch).all()
            has_failed = _has_failed(contents, dataset, objective.metric, seed, epoch)
            for row in np.flatnonzero(has_failed & ~np.isnan(values)).tolist():
                raise TableError(
                    f"{_cell(contents, dataset, objective.metric, row, seed, epoch)} is {_exact(values[row])}, yet the"
                    f" run has failed; leave the cell empty, or say {failed} = 0"
                )


def _has_failed(contents: Contents, dataset: str, metric: Metric, seed: int, epoch: int) -> NDArray[np.bool_]:
    """Whether the runs at a position of a metric have failed: (n_archs,)."""
    failed = contents.metrics[dataset].get(contents.roles[dataset].failed or "")
    known = failed.metric.epochs if failed else ()
    if not isinstance(failed, Column) or metric.seeds != failed.metric.seeds:
        return np.zeros(contents.n_archs, bool)
    if known and metric.epochs[epoch] not in known:
        return np.zeros(contents.n_archs, bool)
    return failed.at(seed, known.index(metric.epochs[epoch]) if known else 0).all() == 1


def _objective(contents: Contents, dataset: str) -> Column:
    column = contents.metrics[dataset][contents.roles[dataset].objective]
    assert isinstance(column, Column)  # or the index would have been refused
    return column


def _cell(contents: Contents, dataset: str, metric: Metric, row: int, seed: int, epoch: int) -> str:
    """How an error names one value."""
    at = [f"{contents.arch(row)!r}"]
    at += [f"seed {metric.seeds[seed]}"] if metric.seeds else []
    at += [f"epoch {metric.epochs[epoch]}"] if metric.epochs else []
    return f"{contents.name}/{dataset}: {metric.name} of {', '.join(at)}"


def _exact(value: float) -> str:
    return repr(float(value)).removesuffix(".0")

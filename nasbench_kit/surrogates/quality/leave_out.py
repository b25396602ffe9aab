"""Extrapolation: how good surrogates are at architectures of a kind that they were never shown."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import NotRecordedError, SettingError, unknown
from nasbench_kit.predictors.agreement import Agreement, agreement
from nasbench_kit.surrogates.quality.evaluate import compare
from nasbench_kit.surrogates.surrogate import Surrogate, check_opened
from nasbench_kit.tables import Table
from nasbench_kit.tables.column import Column, mean_recorded

OPTIMIZER, BEST = BY = ("optimizer", "best")
_FEWEST = 10  # architectures that are worth a refit
_SHARE = 0.05

Fit = Callable[[NDArray[np.bool_], Path], Surrogate]
"""Fits a surrogate to those architectures of a table, in a folder that does not exist yet."""


class LeftOut(NamedTuple):
    """How well a surrogate, refitted without some architectures, predicts these."""

    by: str  #: one of `BY`
    what: str  #: which were left out
    dataset: str
    metric: str
    unit: str
    epoch: int | None
    n_shown: int  #: architectures it may have learned from, or stopped by
    left_out: Agreement  #: of those left out
    bias: float  #: mean of predicted - true of those, in the unit of the metric
    shown: Agreement  #: of held-out architectures of the kind that it was shown
    auc: float  #: probability that it predicts one left out to be better than one of these held out; NaN unless "best"
    better_than_seen: float  #: share of those left out predicted to be better than any value it was shown; likewise
    found: float  #: share that really were left out of as many architectures of the table as it predicts to be best


def leave_out(
    table: Table,
    fit: Fit,
    *,
    by: str,
    dataset: str | None = None,
    metric: str | None = None,
    epoch: int | None = None,
    share: float = _SHARE,
) -> Iterator[LeftOut]:
    """Refit without some architectures, and evaluate the predictions of them: one result per refit.

    - "optimizer": without all that one optimizer chose (in any run), for each optimizer of the table's metric
      `optimizer` that chose ten or more: leave-one-optimizer-out as in NAS-Bench-301.
    - "best": without the best share of all, by the mean of the recorded runs. A search goes there, and the surrogate
      must know the place for better than what it has seen.

    What the surrogate holds out for testing among the others is evaluated too, for comparison.

    Args:
        table: What was recorded.
        fit: Called with which architectures may be shown, in the order of the table's rows, and a folder to make.
        by: One of `BY`.
        dataset, metric, epoch: The only one of the table, its objective and the last by default.
        share: What counts as the best.

    Raises:
        UnknownNameError, NotRecordedError, SettingError: As they say, before anything is fitted.

    Source: Siems et al. 2020, https://arxiv.org/abs/2008.09777, section on leave-one-optimizer-out.
    """
    check_opened(Table, table)
    if by not in BY:
        raise unknown("way to leave out", by, BY)
    if not 0 < share < 1:
        raise SettingError(f"share={share!r}; above 0 and below 1 expected")
    if dataset is None:
        if len(table.datasets) > 1:
            raise SettingError(f"which dataset? {table.name} has {', '.join(table.datasets)}; give one")
        dataset = table.datasets[0]
    metric = metric or table.objectives.get(dataset, "")
    column = table.column(dataset, metric)
    if not isinstance(column, Column):
        raise SettingError(f"{metric} of {table.name}/{dataset} is a formula: there is nothing to learn")
    position = column.epoch_position(epoch)
    epoch = column.metric.epochs[position] if column.metric.epochs else None
    true = mean_recorded(list(column.runs()[:, position]))
    groups = _optimizers(table, dataset) if by == OPTIMIZER else _best(true, share, column.metric.sign())
    asked = {"dataset": dataset, "metric": metric, "epoch": epoch}

    def each() -> Iterator[LeftOut]:
        with tempfile.TemporaryDirectory(prefix="nasbench_kit_") as temporary:
            for what, left in groups.items():
                where = Path(temporary) / f"without_{re.sub('[^a-z0-9_]+', '_', what.lower()).strip('_')}"
                yield _result(by, what, left, true, fit(~left, where), table, asked)

    return each()


def _result(
    by: str, what: str, left: NDArray[np.bool_], true: NDArray[np.float64], surrogate: Surrogate, table: Table,
    asked: dict[str, Any],
) -> LeftOut:  # fmt: skip
    """Evaluate a surrogate that was not shown those architectures of the table that are `left`, by its rows."""
    tested, every = (compare(surrogate, table, **asked, split=split) for split in ("test", "all"))
    metric, sign = every.metric, every.metric.sign()
    of_shown = ~left[table.rows(tested.archs)]
    known = ~np.isnan(true)
    seen, left = true[~left & known], left[known]
    auc = better = found = np.nan
    if by == BEST:
        auc = _auc(sign * every.predicted[left], sign * tested.predicted[of_shown])
        better = float((sign * every.predicted[left] > (sign * seen).max()).mean())
        chosen = np.argsort(-sign * every.predicted, kind="stable")[: left.sum()]
        found = float(left[chosen].mean())
    return LeftOut(
        by=by,
        what=what,
        dataset=every.dataset,
        metric=metric.name,
        unit=metric.unit,
        epoch=every.epoch,
        n_shown=len(seen) - int(of_shown.sum()),
        left_out=agreement(every.true[left], every.predicted[left], unit=metric.unit),
        bias=float((every.predicted - every.true)[left].mean()),
        shown=agreement(tested.true[of_shown], tested.predicted[of_shown], unit=metric.unit),
        auc=auc,
        better_than_seen=better,
        found=found,
    )


def _auc(high: NDArray[np.float64], low: NDArray[np.float64]) -> float:
    """Estimate how probably one of the first exceeds one of the second; equal ones count half (Mann-Whitney)."""
    if not len(high) or not len(low):
        return float("nan")
    ordered = np.sort(low)
    below, at_most = (np.searchsorted(ordered, high, side=side) for side in ("left", "right"))
    return float((below + at_most).mean() / 2 / len(low))


def _best(true: NDArray[np.float64], share: float, sign: int) -> dict[str, NDArray[np.bool_]]:
    known = np.flatnonzero(~np.isnan(true))
    n = round(share * len(known))
    if n < _FEWEST:
        raise SettingError(f"the best {100 * share:g} % are {n} architectures; at least {_FEWEST} expected")
    left = np.zeros(len(true), bool)
    left[known[np.argsort(-sign * true[known], kind="stable")[:n]]] = True
    return {f"the best {100 * share:g} %": left}


def _optimizers(table: Table, dataset: str) -> dict[str, NDArray[np.bool_]]:
    """Map the name of each optimizer to the architectures that it chose."""
    names = table.metrics(dataset)[OPTIMIZER].categories if OPTIMIZER in table.metrics(dataset) else ()
    if not names:
        raise NotRecordedError(
            f"{table.name}/{dataset} does not record which optimizer chose an architecture (metric {OPTIMIZER!r}),"
            " as tables imported from NAS-Bench-301 do"
        )
    codes = table.runs(dataset, OPTIMIZER)[:, 0]
    chosen = {name: (codes == code).any(axis=0) for code, name in enumerate(names)}
    groups = {name: rows for name, rows in chosen.items() if rows.sum() >= _FEWEST and not rows.all()}
    if not groups:
        raise SettingError(
            f"no optimizer of {table.name}/{dataset} chose {_FEWEST} architectures or more, but not all of them"
        )
    return groups

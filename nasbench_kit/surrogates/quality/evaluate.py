"""How good a surrogate is, by what a table recorded: errors, ranks, noise, and what noise lets anyone reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import NotRecordedError, SettingError, listed, unknown
from nasbench_kit.predictors.agreement import Agreement, agreement
from nasbench_kit.predictors.ceiling import UNKNOWN, Ceiling, Figures, Measure, ceiling_of_noise, ceiling_of_runs
from nasbench_kit.spaces import describe_space
from nasbench_kit.surrogates.distribution import RunDistribution
from nasbench_kit.surrogates.fitting.collapse import mask_collapsed
from nasbench_kit.surrogates.quality.calibration import Calibration, calibration
from nasbench_kit.surrogates.quality.splits import rows_of
from nasbench_kit.surrogates.targets import NOISE
from nasbench_kit.tables.column import mean_recorded
from nasbench_kit.tables.metric import Metric

if TYPE_CHECKING:
    from nasbench_kit.surrogates.surrogate import Surrogate
    from nasbench_kit.tables import Table

BEST = 0.05
_DRAWS = 20  # runs of each architecture that tell how much predicted runs vary
_PREDICTED, _SPREAD = "predicted by the surrogate", "taken from the spread of the members, as none is modelled"


@dataclass(frozen=True)
class Comparison:
    """What a surrogate says of architectures of a table, beside what was recorded."""

    surrogate: str
    table: str
    dataset: str
    metric: Metric  #: as the table has it
    epoch: int | None
    split: str  #: one of `splits.SPLITS`
    case: str  #: whether the surrogate was fitted to these architectures, in words
    archs: NDArray[np.uint8]  #: (n_archs, n_decisions)
    runs: NDArray[np.float64]  #: (n_seeds, n_archs), NaN where not recorded; one at least of each architecture
    true: NDArray[np.float64]  #: (n_archs,), mean of the recorded runs
    predicted: NDArray[np.float64]  #: (n_archs,), expected value
    if_not_failed: NDArray[np.float64]  #: (n_archs,), expected value of runs that do not collapse
    collapsed: NDArray[np.bool_]  #: which runs ended near chance, like `runs`
    distribution: RunDistribution | None  #: of the runs of each; None if nothing says how noisy they are
    noise: str  #: where the noise of `distribution` comes from

    @property
    def truth(self) -> str:
        """Say what counts as true."""
        n_runs = (~np.isnan(self.runs)).sum(axis=0)
        low, high = int(n_runs.min()), int(n_runs.max())
        if high == 1:
            return "one recorded run of each architecture" if self.metric.seeds else "the one recorded value"
        return f"mean of {low if low == high else f'{low} to {high}'} recorded runs of each architecture"

    @cached_property
    def calibration(self) -> tuple[Calibration, NDArray[np.float64]] | None:
        """Compute what `calibration` says of the predicted distributions; None where there are none."""
        return calibration(self.distribution, self.runs, self.collapsed) if self.distribution else None


class Quality(NamedTuple):
    """How good a surrogate is at one metric and epoch. `card.without_nan` makes plain dictionaries of it."""

    surrogate: str
    table: str
    dataset: str
    metric: str
    unit: str  #: of `mae`, `rmse`, `above` and of the standard deviations in `calibration`
    epoch: int | None
    split: str
    case: str  #: whether the surrogate was fitted to these architectures
    truth: str  #: what it was compared with
    agreement: Agreement
    above: float | None  #: architectures truly better than this have figures of their own ...
    n_above: int  #: ... so many
    best: float  #: and so has this share, the best of the truth ...
    n_best: int  #: ... so many
    figures: Figures  #: R2 and Kendall's tau of all, R2 above the value, tau among the best
    ceiling: Ceiling  #: what the noise of the truth lets a perfect predictor reach
    noise: str  #: what counts as predicted noise
    calibration: Calibration | None  #: None where no noise is predicted


def evaluate(
    surrogate: Surrogate,
    table: Table,
    *,
    dataset: str | None = None,
    metric: str | None = None,
    epoch: int | None = None,
    split: str = "test",
    above: float | None = None,
    best: float = BEST,
) -> Quality:
    """Evaluate one metric of a surrogate at one epoch.

    Args:
        surrogate: What is evaluated.
        table: What was recorded. The mean over an architecture's recorded runs counts as the truth.
        dataset: Which dataset; may be left out if they share one only.
        metric: The objective by default.
        epoch: The last that both know by default.
        split: "test": architectures held out when the surrogate was fitted; those of its card's rule, on any table; all
            if the card names no such rule and the surrogate was fitted to another table.
            "val": each by the members that stopped by it and did not learn from it, alone.
            "train": what it was fitted to, each by all members.
            "all": every architecture of the table.
        above: A value of the metric: R2 of the architectures that are truly better is reported apart, with what is
            predicted for runs that do not collapse.
        best: The share of architectures, the best of the truth, whose Kendall tau is reported apart.

    Raises:
        UnknownNameError: There is no such dataset or metric in one of them.
        NotRecordedError: They share no such epoch, or nothing was recorded of the architectures of the split.
        SettingError: The split cannot be told, or a setting is out of range.
    """
    compared = compare(surrogate, table, dataset=dataset, metric=metric, epoch=epoch, split=split)
    return quality_of(compared, above=above, best=best)


def quality_of(compared: Comparison, *, above: float | None = None, best: float = BEST) -> Quality:
    """Compute the figures of a comparison; arguments as of `evaluate`."""
    if not 0 < best <= 1:
        raise SettingError(f"best={best!r}; above 0 and at most 1 expected")
    if above is not None and not isfinite(above):
        raise SettingError(f"above={above!r}; a number expected")
    metric, true, predicted = compared.metric, compared.true, compared.predicted
    measure = Measure(above, best, metric.sign())
    return Quality(
        surrogate=compared.surrogate,
        table=compared.table,
        dataset=compared.dataset,
        metric=metric.name,
        unit=metric.unit,
        epoch=compared.epoch,
        split=compared.split,
        case=compared.case,
        truth=compared.truth,
        agreement=agreement(true, predicted, unit=metric.unit),
        above=above,
        n_above=int(measure.is_good(true).sum()),
        best=best,
        n_best=int(measure.is_best(true).sum()),
        figures=measure.figures(true, predicted, compared.if_not_failed),
        ceiling=_ceiling(compared, measure),
        noise=compared.noise,
        calibration=compared.calibration and compared.calibration[0],
    )


def _ceiling(compared: Comparison, measure: Measure) -> Ceiling:
    found = ceiling_of_runs(compared.runs, measure)
    if found or not compared.distribution or compared.noise != _PREDICTED:
        return found or UNKNOWN
    rng = np.random.default_rng(0)
    drawn = [compared.distribution.draw(*rng.random((2, len(compared.archs)))) for _ in range(_DRAWS)]
    return ceiling_of_noise(np.stack(drawn), compared.runs)


# ---- what is compared ----


def compare(
    surrogate: Surrogate,
    table: Table,
    *,
    dataset: str | None = None,
    metric: str | None = None,
    epoch: int | None = None,
    split: str = "test",
) -> Comparison:
    """Look up what `quality_of` needs; arguments as of `evaluate`."""
    epochs = None if epoch is None else [epoch]
    return compare_epochs(surrogate, table, dataset=dataset, metric=metric, epochs=epochs, split=split)[-1]


def compare_epochs(
    surrogate: Surrogate,
    table: Table,
    *,
    dataset: str | None = None,
    metric: str | None = None,
    epochs: Sequence[int | None] | None = None,
    split: str = "test",
) -> list[Comparison]:
    """Compare at several epochs, all that both know by default, at little more than the cost of one."""
    if describe_space(surrogate.space) != describe_space(table.space):
        raise SettingError(
            f"surrogate {surrogate.name!r} predicts architectures of {surrogate.space.name}, table {table.name!r}"
            f" records those of {table.space.name}"
        )
    dataset = _dataset(surrogate, table, dataset)
    metric = metric or surrogate.objectives[dataset]
    both = shared_epochs(surrogate, table, dataset, metric)
    epochs = both if epochs is None else epochs
    for epoch in epochs:
        if epoch not in both:
            raise NotRecordedError(
                f"{surrogate.name} and {table.name} do not share epoch {epoch!r} of {metric} on {dataset};"
                f" choose from {listed(both)}"
            )
    chosen, validates, case = rows_of(surrogate.card, table, split)
    rows = np.flatnonzero(chosen)
    archs = table.archs()[rows]
    values, noise_outputs = surrogate.predictor.outputs(archs)
    if validates is not None:
        values = _of_validating(values, validates[:, rows])
    recorded = table.runs(dataset, metric).swapaxes(1, 2)  # (n_seeds, n_archs, n_epochs)
    fell = mask_collapsed(recorded, metric)  # it needs all epochs and architectures to tell
    predicted_epochs = surrogate.metrics(dataset)[metric].epochs
    found = []
    for epoch in epochs:
        position = -1 if epoch is None else table.column(dataset, metric).metric.epochs.index(epoch)
        runs = recorded[:, rows, position]
        there = ~np.isnan(runs).all(axis=0)
        if not there.any():
            at_epoch = "" if epoch is None else f" at epoch {epoch}"
            raise NotRecordedError(
                f"{table.name}/{dataset}: {metric} was recorded{at_epoch} for none of the {len(rows):,} architectures"
                f" of the {split} split"
            )
        at = surrogate.at(dataset, metric, epoch if predicted_epochs else None)
        prediction = at.prediction(values[there], noise_outputs[there])
        distribution: RunDistribution | None = at.distribution(values[there], noise_outputs[there])
        noise = _PREDICTED if surrogate.card.target(dataset, metric, NOISE) else _SPREAD
        if distribution and not (distribution.sd > 0).all():
            distribution, noise = None, "not predicted"
        found.append(
            Comparison(
                surrogate=surrogate.name,
                table=table.name,
                dataset=dataset,
                metric=table.metrics(dataset)[metric],
                epoch=epoch,
                split=split,
                case=case,
                archs=archs[there],
                runs=runs[:, there],
                true=mean_recorded(list(runs[:, there])),
                predicted=prediction.mean,
                if_not_failed=prediction.if_not_failed,
                collapsed=fell[:, rows, position][:, there],
                distribution=distribution,
                noise=noise,
            )
        )
    return found


def _dataset(surrogate: Surrogate, table: Table, dataset: str | None) -> str:
    both = shared_datasets(surrogate, table)
    if dataset is None:
        if len(both) != 1:
            raise SettingError(f"which dataset? {surrogate.name} and {table.name} share {listed(both)}; give one")
        return both[0]
    if dataset not in both:
        raise unknown(f"dataset that {surrogate.name} and {table.name} share", dataset, both)
    return dataset


def shared_datasets(surrogate: Surrogate, table: Table) -> list[str]:
    """List the datasets that both know."""
    return [dataset for dataset in surrogate.datasets if dataset in table.datasets]


def shared_epochs(surrogate: Surrogate, table: Table, dataset: str, metric: str) -> Sequence[int | None]:
    """List the epochs of a metric that both know; `[None]` where it does not depend on them in one of both.

    Raises:
        UnknownNameError: One of them does not have the metric.
        NotRecordedError: There are none.
    """
    surrogate.at(dataset, metric)
    predicted, recorded = surrogate.metrics(dataset)[metric].epochs, table.column(dataset, metric).metric.epochs
    if not predicted or not recorded:
        return [None]
    both = [epoch for epoch in predicted if epoch in set(recorded)]
    if not both:
        raise NotRecordedError(
            f"{surrogate.name} predicts {metric} on {dataset} at epochs {listed(predicted)}, {table.name} recorded it"
            f" at {listed(recorded)}"
        )
    return both


def _of_validating(values: NDArray[np.float64], validates: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Replace the outputs of members that learned from an architecture by those of one that did not."""
    one = values[np.arange(len(values)), validates.argmax(axis=0)]
    return np.where(validates.T[:, :, None], values, one[:, None])

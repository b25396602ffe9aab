"""From the training runs of a table to what models learn: a row of outputs per architecture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import NotRecordedError, SurrogateError, listed, unknown
from nasbench_kit.surrogates.fitting.collapse import mask_collapsed
from nasbench_kit.surrogates.targets import FEW, VALUE, Target, components, forward
from nasbench_kit.tables import Metric, Table
from nasbench_kit.tables.schema import COST

# Of the curves of NAS-Bench-NLP over 50 epochs, components beyond the third (99.7 % of the variance of the validation
# loss) or the first (of the time) could not be predicted; what they leave out is a hundredth of the squared error.
KEEP = 0.995  # share of the variance of long curves that their outputs explain
MOST = 6  # outputs of a long curve
LEAST_OBSERVED = 0.5  # share of its epochs that a long curve must have to be learned from


class Recorded(NamedTuple):
    """What training runs recorded of one metric on one dataset."""

    dataset: str
    metric: Metric  #: with the epochs that were chosen
    values: NDArray[np.float64]  #: (n_seeds, n_archs, n_epochs), NaN where missing
    failed: NDArray[np.bool_]  #: of the same shape: which runs the table calls failed

    def of(self, rows: NDArray[np.intp]) -> Recorded:
        """Take those of some architectures."""
        return self._replace(values=self.values[:, rows], failed=self.failed[:, rows])

    def known(self) -> NDArray[np.bool_]:
        """Say for which architectures anything was recorded: (n_archs,)."""
        known: NDArray[np.bool_] = (~np.isnan(self.values) | self.failed).max(axis=(0, 2))
        return known

    def best_first(self) -> NDArray[np.intp]:
        """Order the architectures by their mean after the last epoch, the best first."""
        means = self.metric.sign() * mean_known(self.values[:, :, -1])
        return np.argsort(np.where(np.isnan(means), np.inf, -means), kind="stable")


def read_runs(
    table: Table,
    datasets: Sequence[str] | None = None,
    metrics: Sequence[str] | None = None,
    epochs: Sequence[int] | None = None,
) -> list[Recorded]:
    """Read the runs in a table: the objective of each dataset first, then its other metrics.

    Arguments are the fields of `FitSettings`; metrics that do not depend on the epoch are read whatever the epochs.

    Raises:
        UnknownNameError: There is no such dataset or metric.
        NotRecordedError: One of the epochs was not recorded.
    """
    found = []
    for dataset in table.datasets if datasets is None else dict.fromkeys(datasets):
        there = table.metrics(dataset)
        others = [name for name in (COST,) if name in there] if metrics is None else metrics
        found += [_read(table, dataset, name, epochs) for name in dict.fromkeys((table.objectives[dataset], *others))]
    return found


def _read(table: Table, dataset: str, name: str, epochs: Sequence[int] | None) -> Recorded:
    column = table.column(dataset, name)
    metric = column.metric
    if metric.categories:
        quantities = [name for name, each in table.metrics(dataset).items() if not each.categories]
        raise unknown(f"metric of {table.name}/{dataset} that can be predicted", name, quantities)
    if epochs is not None and not metric.epochs and name == table.objectives[dataset]:
        raise NotRecordedError(f"{table.name}/{dataset}: {name} does not depend on the epoch; give no epochs")
    chosen = metric if epochs is None or not metric.epochs else metric._replace(epochs=tuple(sorted(set(epochs))))
    values = _at_epochs(table, dataset, name, chosen.epochs)
    failed = np.zeros(values.shape, bool)
    if metric.split and (which := table.failed(dataset)):
        failed |= _at_epochs(table, dataset, which, chosen.epochs) == 1
    values[failed] = np.nan
    return Recorded(dataset, chosen, values, failed)


def _at_epochs(table: Table, dataset: str, name: str, epochs: Sequence[int]) -> NDArray[np.float64]:
    """Read the runs of a metric at some epochs, if it depends on them: (n_seeds, n_archs, n_epochs)."""
    column: Any = table.column(dataset, name)  # one that is a formula has no epochs
    positions = [column.epoch_position(epoch) for epoch in epochs] if column.metric.epochs else [0]
    return np.moveaxis(table.runs(dataset, name)[:, positions], 1, 2).copy()


def check_finite(table: Table, archs: NDArray[np.uint8], recorded: Sequence[Recorded]) -> None:
    """Refuse what is no number, which no model can learn: it would spoil the others in silence.

    Raises:
        SurrogateError: It names the run.
    """
    for runs in recorded:
        found = np.argwhere(np.isinf(runs.values))
        if len(found):
            seed, row, epoch = found[0].tolist()
            at = [f"seed {runs.metric.seeds[seed]}"] * bool(runs.metric.seeds)
            at += [f"epoch {runs.metric.epochs[epoch]}"] * bool(runs.metric.epochs)
            n = len(np.unique(found[:, 1]))
            raise SurrogateError(
                f"{runs.dataset}: {runs.metric.name} of {table.space.format(archs[row].tolist())!r:.200}"
                f"{', ' + ', '.join(at) if at else ''} is {runs.values[seed, row, epoch]}"
                f" ({n:,} of {len(archs):,} architectures have such runs); a run that failed has no value: let the"
                " table say which runs failed, or leave that one out"
            )


class TrainingData(NamedTuple):
    """What a model learns of some architectures."""

    targets: tuple[Target, ...]  #: one per metric, in the order of the runs
    outputs: NDArray[np.float64]  #: (n_archs, n_outputs), of about unit variance; NaN where not known

    def slices(self) -> list[slice]:
        """Say which outputs belong to each target."""
        ends = np.cumsum([target.n_outputs for target in self.targets]).tolist()
        return [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]


def training_data(all_runs: Sequence[Recorded], *, mask: bool = True) -> TrainingData:
    """Choose targets that fit these runs; the outputs are those of the mean over the runs.

    `mask` leaves those out that collapsed, which only makes sense where their probability is modelled too.

    Raises:
        NotRecordedError: Of some metric there is nothing, or of no architecture a whole curve.
    """
    targets, outputs = [], []
    for runs in all_runs:
        z, transform = _mean_curve(runs, mask)
        if z.shape[1] > FEW and np.isnan(z).any(axis=1).all():  # long curves are learned from those that are whole
            raise NotRecordedError(
                f"{runs.dataset}: {runs.metric.name} was recorded at all {z.shape[1]} epochs for none of the"
                f" {len(z):,} architectures to learn from; choose epochs that were recorded together, or {FEW} at most"
            )
        offset, basis = components(z, keep=KEEP, most=MOST)
        target = Target(runs.dataset, runs.metric.name, VALUE, transform, offset, basis, np.empty((0, 0)))
        targets.append(target)
        outputs.append(fit_outputs(target, z))
    return TrainingData(tuple(targets), np.hstack(outputs))


def _mean_curve(runs: Recorded, mask: bool) -> tuple[NDArray[np.float64], str]:
    """Average the runs in `z`: (n_archs, n_epochs), NaN where all are missing or masked; and the transform."""
    _check_recorded(runs)
    values = runs.values
    if mask:
        values = np.where(mask_collapsed(values, runs.metric.name), np.nan, values)
    transform = choose_transform(runs.metric, values)
    if transform == "log_error":
        errors = 1 - values[~np.isnan(values)]
        # no run without error is infinitely better than all others: half of the smallest error seen counts for it
        least = errors[errors > 0].min(initial=1.0) / 2
        values = np.minimum(values, 1 - least)
    return mean_known(forward(transform, values)), transform


def mean_known(values: NDArray[np.float64], axis: int = 0) -> NDArray[np.float64]:
    """Average along an axis what is not NaN; NaN where all is."""
    n_known = (~np.isnan(values)).sum(axis=axis)
    return np.divide(np.nansum(values, axis=axis), n_known, out=np.full(n_known.shape, np.nan), where=n_known > 0)


def _check_recorded(runs: Recorded) -> None:
    seen = (~np.isnan(runs.values)).max(axis=(0, 1), initial=False)
    absent = [epoch for epoch, any_there in zip(runs.metric.epochs, seen.tolist(), strict=False) if not any_there]
    if absent or not seen.any():
        where = f" at epoch {listed(absent)}" if absent else ""
        raise NotRecordedError(
            f"{runs.dataset}: {runs.metric.name} was recorded{where} for none of the {runs.values.shape[1]:,}"
            " architectures to learn from"
        )


def choose_transform(metric: Metric, values: NDArray[np.float64]) -> str:
    """Choose one of `targets.TRANSFORMS`: errors and costs are learned as logarithms, wherever they have one."""
    least, most = np.nanmin(values), np.nanmax(values)
    if metric.unit == "fraction" and metric.direction == "max":
        return "log_error" if least >= 0 and most <= 1 else "identity"
    return "log" if metric.direction == "min" and least > 0 else "identity"


def fit_outputs(target: Target, z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fit the outputs of curves `z` (n_archs, n_epochs) of which parts may be missing.

    Where each epoch is an output of its own, those of missing epochs are NaN. The components of a longer curve are
    those that its known epochs make most likely, if at least half of them are known: their conditional mean, as in
    probabilistic principal component analysis (Tipping and Bishop 1999, https://doi.org/10.1111/1467-9868.00196,
    section 3), components being uncorrelated and of unit variance.
    """
    basis = target.basis
    if np.count_nonzero(basis) == len(basis) == basis.shape[1]:  # an output per epoch
        return (z - target.offset) / np.diag(basis)
    found = (z - target.offset) @ np.linalg.pinv(basis)  # least squares; NaN where any epoch is missing
    there = ~np.isnan(z)
    partial = ~there.all(axis=1) & (there.mean(axis=1) >= LEAST_OBSERVED)
    if not partial.any():
        return found
    whole = there.all(axis=1)
    unexplained = (z[whole] - target.offset - found[whole] @ basis).var() + 1e-12
    for pattern in np.unique(there[partial], axis=0):
        rows = np.flatnonzero(partial & (there == pattern).all(axis=1))
        part = basis[:, pattern]  # (n_outputs, n_known)
        known = (z[rows][:, pattern] - target.offset[pattern]) @ part.T
        found[rows] = np.linalg.solve(part @ part.T + unexplained * np.eye(len(part)), known.T).T
    return found


def curve(target: Target, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute `z` at all epochs: (n_archs, n_epochs)."""
    return np.stack([target.at(position).many(outputs) for position in range(len(target.offset))], axis=-1)


def metrics_of(all_runs: Sequence[Recorded]) -> Mapping[str, dict[str, Metric]]:
    """List the metrics as a card does: dataset -> name -> metric."""
    found: dict[str, dict[str, Metric]] = {}
    for runs in all_runs:
        found.setdefault(runs.dataset, {})[runs.metric.name] = runs.metric
    return found

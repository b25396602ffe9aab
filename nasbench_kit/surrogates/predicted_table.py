"""From a surrogate to a table of its predictions, which costs what tables cost."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import SettingError
from nasbench_kit.spaces.sampling import draw_different
from nasbench_kit.surrogates.surrogate import ENUMERATED, AtEpoch, Outputs, Surrogate
from nasbench_kit.tables import DatasetSpec, Stored, Table
from nasbench_kit.tables.metric import Metric
from nasbench_kit.tables.write import check_replaceable

_CHUNK = 8_192


def materialize(
    surrogate: Surrogate,
    out: str | os.PathLike[str],
    *,
    archs: object = None,
    draws: int | None = None,
    mean: bool = False,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Table:
    """Write what a surrogate predicts into a table: every dataset, metric and epoch, as float32.

    Its seeds are the members, each with what it expects; so their mean is the surrogate's.

    Args:
        surrogate: What predicts.
        out: The table to write; a table that is there is replaced, any other file is not.
        archs: Which architectures: a number samples so many, all different; else a batch in any form. By default all,
            where the space has at most 2^20 different ones.
        draws: Draw so many training runs from the predicted noise instead, and let them be the seeds. Costs are those
            that the surrogate expects.
        mean: Store the mean over the members alone, without seeds: as small as can be.
        seed: Of sampling and drawing.
        progress: Told how many architectures are done.

    Raises:
        SettingError: `draws` and `mean` are both given; a number is out of range; or the space cannot be listed and
            `archs` is not given.
        ArchitectureError: One of `archs` is none of the space.
        TableError: The file cannot be written.
    """
    if draws is not None and (mean or draws < 1):
        raise SettingError(f"draws={draws}, mean={mean}; give a number of at least 1, or mean, not both")
    check_replaceable(out)
    rng = np.random.default_rng(seed)
    batch = _batch(surrogate, archs, rng)
    columns = [
        _Column(surrogate, dataset, metric, len(batch), draws=draws, mean=mean)
        for dataset, metrics in surrogate.card.metrics.items()
        for metric in metrics.values()
    ]
    progress(0, len(batch))
    for start in range(0, len(batch), _CHUNK):
        rows = slice(start, min(start + _CHUNK, len(batch)))
        outputs = surrogate.predictor.outputs(batch[rows])
        # of each run, the same at every epoch: it is one curve
        runs = {dataset: rng.random((2, draws or 0, rows.stop - start)) for dataset in surrogate.card.metrics}
        for column in columns:
            column.fill(rows, outputs, *runs[column.dataset])
        progress(rows.stop, len(batch))
    datasets = {
        dataset: DatasetSpec(
            [column.stored for column in columns if column.dataset == dataset],
            objective,
            epochs_are=surrogate.epochs_are(dataset),
            values_are=surrogate.values_are(dataset),
        )
        for dataset, objective in surrogate.objectives.items()
    }
    return Table.create(
        out,
        name=surrogate.name,
        space=surrogate.space,
        datasets=datasets,
        archs=batch,
        about=_about(surrogate, draws, mean),
    )


def _batch(surrogate: Surrogate, archs: object, rng: np.random.Generator) -> NDArray[np.uint8]:
    space = surrogate.space
    if archs is None:
        if surrogate.n_archs > ENUMERATED:
            raise SettingError(
                f"{space.name} has {surrogate.n_archs:.2g} architectures, too many for a table;"
                " say how many to sample: archs"
            )
        return space.all_archs()
    if isinstance(archs, int):
        if not 1 <= archs <= surrogate.n_archs:
            raise SettingError(f"{archs:,} architectures; 1 to {surrogate.n_archs:,} expected")
        if archs > surrogate.n_archs // 2:  # drawing until all are different would take long
            every = space.all_archs()
            return every[np.sort(rng.permutation(len(every))[:archs])]
        return draw_different(space, archs, partial(space.sample_many, rng))
    return space.parse_many(archs)


class _Column:
    """Fill in the values of one metric piece by piece."""

    def __init__(
        self, surrogate: Surrogate, dataset: str, metric: Metric, n_archs: int, *, draws: int | None, mean: bool
    ) -> None:
        self.dataset = dataset
        self._at = [AtEpoch(surrogate.card, dataset, metric.name, i) for i in range(max(1, len(metric.epochs)))]
        self._is_drawn = draws is not None and metric.split is not None
        self._is_mean = mean or (draws is not None and not self._is_drawn)
        seeds = () if self._is_mean else tuple(range(draws)) if draws else metric.seeds
        self._values = np.empty((max(1, len(seeds)), len(self._at), n_archs), np.float32)
        self.stored = Stored(metric._replace(seeds=seeds), self._values)

    def fill(self, rows: slice, outputs: Outputs, which: NDArray[np.float64], where: NDArray[np.float64]) -> None:
        """Put in the predictions for some rows; `which` and `where` choose runs, (n_draws, n_archs)."""
        for epoch, at in enumerate(self._at):
            if self._is_drawn:
                distribution = at.distribution(*outputs)
                for seed, run in enumerate(zip(which, where, strict=True)):
                    self._values[seed, epoch, rows] = distribution.draw(*run)
            else:
                prediction = at.prediction(*outputs)
                self._values[:, epoch, rows] = prediction.mean if self._is_mean else prediction.members


def _about(surrogate: Surrogate, draws: int | None, mean: bool) -> dict[str, Any]:
    kind = (
        "the mean of its members" if mean else f"{draws} runs drawn from its noise" if draws else "its members as seeds"
    )
    note = (
        f"Predicted, not measured: the surrogate {surrogate.name!r} of sha256 {surrogate.sha256}, {kind}, as float32."
        " What lies beyond the bounds of a metric is cut."
    )
    about = dict(surrogate.about)
    notes = about.get("notes", [])
    return about | {
        "title": f"Predictions of the surrogate: {about.get('title', surrogate.name)}",
        "notes": [note, *(notes if isinstance(notes, list) else [notes])],
        "predicted_by": {"surrogate": surrogate.name, "sha256": surrogate.sha256},
    }

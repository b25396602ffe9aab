"""The values of one metric on one dataset: mapped from the file, or a sum over decisions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import nan
from typing import TYPE_CHECKING, final

from nasbench_kit.errors import NotRecordedError, listed
from nasbench_kit.spaces import Space
from nasbench_kit.tables.format import RawColumn
from nasbench_kit.tables.metric import Metric
from nasbench_kit.tables.spec import Additive, Stored

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@final
class Column:
    """The values of one metric on one dataset, mapped from the file.

    A stored value `raw` means `raw * scale[0] / scale[1]`; `raw == missing`, or NaN, means that none was recorded.
    """

    __slots__ = ("_dataset", "_missing", "_scale", "_where", "metric")

    def __init__(
        self, where: str, metric: Metric, dataset: RawColumn, scale: tuple[int, int], missing: int | None
    ) -> None:
        self.metric = metric
        self._where = where
        self._dataset = dataset
        self._scale = scale
        self._missing = missing

    def seed_positions(self, seed: int | None) -> Sequence[int]:
        """Positions on the first axis: of one recorded seed, or of all for None.

        Raises:
            NotRecordedError: The seed was not recorded.
        """
        if seed is None:
            return range(self._dataset.shape[0])
        return (self._position("seed", seed, self.metric.seeds),)

    def epoch_position(self, epoch: int | None) -> int:
        """Position on the second axis: of one recorded epoch, or of the last for None.

        Raises:
            NotRecordedError: The epoch was not recorded.
        """
        return self._dataset.shape[1] - 1 if epoch is None else self._position("epoch", epoch, self.metric.epochs)

    def _position(self, what: str, wanted: int, recorded: tuple[int, ...]) -> int:
        if wanted not in recorded:
            choices = f"choose from {listed(recorded)}" if recorded else f"it has no {what}s"
            raise NotRecordedError(f"{self._where}: {what} {wanted!r} was not recorded; {choices}")
        return recorded.index(wanted)

    def at(self, seed: int, epoch: int) -> Values:
        """The values at one position on each of the first two axes."""
        items = self._dataset.run(seed * self._dataset.shape[1] + epoch)
        return Values(items, self._dataset.dtype, self._scale, self._missing)

    def spec(self) -> Stored:
        """What a writer is given to store this metric."""
        import numpy as np

        raw = np.frombuffer(self._dataset.raw, np.dtype(self._dataset.dtype)).reshape(self._dataset.shape)
        return Stored(self.metric, raw, self._scale, self._missing)

    def every(self) -> Iterator[NDArray[np.float64]]:
        """The values of each seed and epoch, one after the other: float64 (n_archs,) each."""
        for seed in range(self._dataset.shape[0]):
            for epoch in range(self._dataset.shape[1]):
                yield self.at(seed, epoch).all()

    def runs(self) -> NDArray[np.float64]:
        """All values: float64 (n_seeds, n_epochs, n_archs), NaN where missing; an axis that it has not has length 1."""
        import numpy as np

        return np.stack(list(self.every())).reshape(self._dataset.shape)

    def coverage(self) -> float:
        """The share of architectures that have a value in some run, at the last epoch."""
        last = self.epoch_position(None)
        mean = mean_recorded([self.at(seed, last).all() for seed in self.seed_positions(None)])
        return float((mean == mean).mean())


@final
class Values:
    """One value per architecture of a table: `values(row)` is one of them, `values.all()` are all."""

    __slots__ = ("_denominator", "_dtype", "_items", "_missing", "_numerator")

    def __init__(self, items: memoryview, dtype: str, scale: tuple[int, int], missing: int | None) -> None:
        self._items = items
        self._dtype = dtype
        self._numerator, self._denominator = scale
        self._missing = missing

    def __call__(self, row: int) -> float:
        """One value, without numpy; NaN where missing."""
        raw = self._items[row]
        return nan if raw == self._missing else float(raw) * self._numerator / self._denominator

    def all(self) -> NDArray[np.float64]:
        """All values: float64 (n_archs,), NaN where missing."""
        import numpy as np

        raw = np.frombuffer(self._items, np.dtype(self._dtype))
        values = raw.astype(np.float64) * self._numerator / self._denominator
        if self._missing is not None:
            values[raw == self._missing] = nan
        return values


def mean_recorded(runs: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Mean over the runs that recorded a value: float64 (n_archs,), NaN where none did."""
    import numpy as np

    if len(runs) == 1:
        return runs[0]
    total = np.zeros(len(runs[0]))
    n_runs = np.zeros(len(runs[0]), np.int64)
    for run in runs:  # in order, as for a single architecture: the sum is the same to the last bit
        there = ~np.isnan(run)
        np.add(total, run, out=total, where=there)
        n_runs += there
    return np.divide(total, n_runs, out=np.full(len(total), nan), where=n_runs > 0)


@final
class AdditiveColumn:
    """A metric that is a sum over the decisions of an architecture, such as its number of parameters.

    Its value is `(intercept + sum of weights[choice]) * scale[0] / scale[1]`; a choice without weight counts 0.
    """

    __slots__ = ("_intercept", "_scale", "_weights", "metric")

    def __init__(self, metric: Metric, intercept: int, weights: Mapping[str, int], scale: tuple[int, int]) -> None:
        self.metric = metric
        self._intercept = intercept
        self._weights = dict(weights)
        self._scale = scale

    def spec(self) -> Additive:
        """What a writer is given to store this metric."""
        return Additive(self.metric, self._intercept, self._weights, self._scale)

    def values(self, archs: NDArray[np.uint8], space: Space) -> NDArray[np.float64]:
        """One value per architecture of a batch: float64 (n_archs,). `Table.runs` has those of a table's own."""
        import numpy as np

        total = np.full(len(archs), self._intercept, np.int64)
        for i, decision in enumerate(space.decisions):
            total += np.array([self._weights.get(choice, 0) for choice in decision.choices])[archs[:, i]]
        return total.astype(np.float64) * self._scale[0] / self._scale[1]

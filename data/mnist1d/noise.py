"""Whether one more training of a cell ends where the recorded ones say that it should."""

from __future__ import annotations

from typing import NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from nasbench_kit import Benchmark, Table
from nasbench_kit.errors import SettingError

MOST = 3.0  # times the expected deviation
_NEAR = 100  # cells to each side of a cell, by mean accuracy, that tell how far its runs lie apart


class Judged(NamedTuple):
    """One more training beside the recorded ones."""

    value: float
    recorded: tuple[float, ...]  #: of each recorded seed
    expected: float  #: how far it may be expected to lie from their mean: a standard deviation

    @property
    def deviation(self) -> float:
        """How far it lies from the mean of the recorded ones, over `expected`."""
        return (self.value - float(np.mean(self.recorded))) / self.expected

    @property
    def is_within_noise(self) -> bool:
        """Whether it lies within three times the expected deviation: 99.5 % of the recorded runs do, of the others."""
        return abs(self.deviation) <= MOST


@final
class Noise:
    """What three seeds of every cell tell about the runs of one.

    Three runs say little about the spread of their cell, so it is taken from the 201 cells whose mean accuracy is
    nearest (fewer at both ends), whose variances are averaged. One more run differs from the mean of n recorded ones by
    that, times sqrt(1 + 1/n).
    """

    def __init__(self, bench: Benchmark, metric: str = "val_accuracy") -> None:
        self._bench, self._metric = bench, metric
        if not isinstance(bench.results, Table):
            raise SettingError(f"{bench.name} has no recorded runs; a benchmark of a table expected")
        self._table = bench.results
        archs = self._table.archs()
        self.runs = np.stack([bench.values(metric, archs, seed=seed) for seed in bench.metrics[metric].seeds])
        self.spread = spread_between_runs(self.runs)

    def judge(self, arch: object, value: float) -> Judged:
        """One more training of one architecture that ended with `value`."""
        row = self._table.row(self._bench.space.parse(arch))
        expected = float(self.spread[row]) * np.sqrt(1 + 1 / len(self.runs))
        return Judged(value, tuple(self.runs[:, row].tolist()), float(expected))

    def of_the_others(self) -> NDArray[np.float64]:
        """The deviation of each recorded run from the mean of its cell's others, over the expected one: as `runs`."""
        n = len(self.runs)
        others = (self.runs.sum(axis=0) - self.runs) / (n - 1)
        return (self.runs - others) / (self.spread * np.sqrt(1 + 1 / (n - 1)))


def spread_between_runs(runs: NDArray[np.float64]) -> NDArray[np.float64]:
    """The standard deviation of each cell's runs (n_seeds, n_cells), pooled over cells of like accuracy: (n_cells,)."""
    order = runs.mean(axis=0).argsort(kind="stable")
    summed = np.concatenate([[0], runs.var(axis=0, ddof=1)[order].cumsum()])
    place = np.arange(len(order))
    first, last = np.maximum(place - _NEAR, 0), np.minimum(place + _NEAR + 1, len(order))
    spread = np.empty(len(order))
    spread[order] = np.sqrt((summed[last] - summed[first]) / (last - first))
    return spread

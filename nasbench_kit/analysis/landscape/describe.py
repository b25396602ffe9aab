"""A benchmark described: what a search meets there, and what its measurements are worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nasbench_kit.analysis.landscape.measurements import Measurements, measurements_of, with_cost
from nasbench_kit.analysis.landscape.surface import Surface, surface_of

if TYPE_CHECKING:
    from nasbench_kit.benchmark import Benchmark
    from nasbench_kit.tables import Metric


class Landscape(NamedTuple):
    """A benchmark described; what is None or NaN, `left_out` names, with the reason."""

    benchmark: str
    metric: Metric  #: the objective
    decisions: tuple[tuple[str, tuple[str, ...]], ...]  #: name and choices of each
    values_are: str  #: what a value is, in words
    surface: Surface  #: every tuple of choices, as a search meets them
    measurements: Measurements  #: every measurement once

    @property
    def left_out(self) -> dict[str, str]:
        """Statistic -> why it is not there."""
        return self.surface.left_out | self.measurements.left_out


def describe(
    benchmark: Benchmark,
    *,
    epoch: int | None = None,
    seed: int | None = None,
    against: str | None = None,
    rng: np.random.Generator | None = None,
) -> Landscape:
    """The landscape of a benchmark, exact where all of its architectures can be looked at.

    Args:
        benchmark: Its objective is described; a constraint does not count.
        epoch: Local optima, walks, variance and distances are those after this epoch; by default the last.
        seed: They are those of one recorded run; by default of the mean over the recorded ones.
        against: The metric that the Pareto front trades the objective for, as in `measurements_of`.
        rng: Draws the random walks on surrogates too large to be looked at whole; by default one that begins at 0.

    Raises:
        UnknownNameError, NotRecordedError, SettingError: There is no such epoch, run or metric.
    """
    with_cost(benchmark, against)  # refuses what is none before the work
    values_are = benchmark.run_in_words("mean" if seed is None else seed)
    surface = surface_of(benchmark, rng or np.random.default_rng(0), epoch=epoch, seed=seed)
    decisions = tuple((decision.name, decision.choices) for decision in benchmark.results.space.decisions)
    measurements = measurements_of(benchmark, against=against)
    return Landscape(benchmark.name, benchmark.objective_metric, decisions, values_are, surface, measurements)

"""What a run had spent when each of its evaluations finished, counted in several ways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nasbench_kit.errors import unknown
from nasbench_kit.simulator import EPOCHS, EVALUATIONS, NO_EPOCH
from nasbench_kit.tables import ONE_TRAINING

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.benchmark import Benchmark
    from nasbench_kit.simulator import Records, Rules


def spent_by(
    run: Records, benchmark: Benchmark, rules: Rules, summed: Sequence[str] = ()
) -> dict[str, NDArray[np.float64]]:
    """Axis -> what was spent when each evaluation finished: (n_evaluations,), ascending.

    Evaluations are counted always, simulated seconds where the clock counts them, epochs where the results know of any.
    With several workers, epochs of trainings that are still running do not count yet.

    Args:
        run: A run.
        benchmark: What was searched.
        rules: Under which rules.
        summed: Metrics of trainings whose sums are axes, too: means over the recorded runs.

    Raises:
        UnknownNameError: There is no such metric.
        NotRecordedError: It was not recorded for something that was evaluated.
    """
    n = len(run.value)
    axes = {EVALUATIONS: np.arange(1.0, n + 1)}
    if rules.clock != EVALUATIONS:
        axes[rules.clock] = run.finished_s
    if rules.clock != EPOCHS and benchmark.epochs:
        axes[EPOCHS] = np.cumsum(_differences(run.epoch.astype(np.float64), run, benchmark, rules))
    for name in summed:
        metric = benchmark.metrics.get(name)
        if metric is None:
            raise unknown(f"metric of {benchmark.name}", name, benchmark.metrics)
        values = np.zeros(n)
        for epoch in np.unique(run.epoch):
            of_it = run.epoch == epoch
            values[of_it] = benchmark.values(
                name, run.archs[of_it], epoch=int(epoch) if metric.epochs and epoch != NO_EPOCH else None
            )
        axes[name] = np.cumsum(_differences(values, run, benchmark, rules))
    return axes


def _differences(whole: NDArray[np.float64], run: Records, benchmark: Benchmark, rules: Rules) -> NDArray[np.float64]:
    """What each evaluation took, where a continued training pays the difference: (n_evaluations,)."""
    if rules.continued != "difference" or benchmark.epochs_are != ONE_TRAINING:
        return whole
    if (run.trial[1:] > run.trial[:-1]).all():  # no training goes on
        return whole
    order = np.argsort(run.trial, kind="stable")
    goes_on = np.zeros(len(whole), bool)
    goes_on[1:] = run.trial[order][1:] == run.trial[order][:-1]
    took = whole.copy()
    took[order[goes_on]] -= whole[order[np.flatnonzero(goes_on) - 1]]
    return took

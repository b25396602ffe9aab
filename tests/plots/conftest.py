import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.analysis import Trajectories


@pytest.fixture(scope="session")
def runs_of():
    """Runs that evaluate once a second and see these values; the best of the benchmark is 0.9."""

    def make(*values, metric="val_accuracy", best=0.9, times_s=None, **what):
        told = [np.array(run, float) for run in values]
        finished_s = [np.arange(1.0, len(run) + 1) if times_s is None else np.array(times_s) for run in told]
        runs = list(zip(finished_s, told, told, strict=True))
        return Trajectories.of_arrays(nbk.Metric.from_name(metric), runs, best=best, **what)

    return make


@pytest.fixture(scope="session")
def panel_of_many(runs_of):
    """So many optimizers, the first of them the best, some with names as long as they get."""

    def make(n, n_runs=3, n_evaluations=40):
        panel = {}
        for k in range(n):
            rng = np.random.default_rng(k)
            values = [0.9 - (0.02 + k / 100) * rng.uniform(0.2, 1, n_evaluations) for _ in range(n_runs)]
            if k == 0:
                values[0][-1] = values[1][-1] = 0.9  # the best
            name = (
                "random_search"
                if k == n - 1
                else f"optimizer_{k}" + " (population_size=50, sample_size=25)" * (k % 4 == 1)
            )
            panel[name] = runs_of(*values, times_s=np.cumsum(rng.uniform(900, 2_000, n_evaluations)))
        return panel

    return make

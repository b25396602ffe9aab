import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.analysis import Trajectories
from nasbench_kit.simulator import NO_EPOCH, NO_SEED, Records
from nasbench_kit.spaces import ChoiceSpace

ACCURACY = nbk.Metric.from_name("val_accuracy")


@pytest.fixture(scope="session")
def trajectories():
    """Trajectories of runs given as lists of (finished_s, told, reported)."""

    def make(*runs, best=1.0, metric=ACCURACY):
        columns = [tuple(map(np.array, zip(*run, strict=True))) for run in runs]
        return Trajectories.of_arrays(metric, columns, best=best)

    return make


@pytest.fixture(scope="session")
def records():
    """A run that evaluated letters by number, one a second, and saw these values; columns can be set otherwise."""

    def make(letters, values, /, **columns):
        n = len(letters)
        values = np.array(values, float)
        made = Records(
            archs=np.array(letters, np.uint8).reshape(n, 1),
            trial=np.arange(n, dtype=np.int32),
            epoch=np.full(n, NO_EPOCH, np.int32),
            seed=np.full(n, NO_SEED),
            value=values,
            values=values[:, None],
            violation=np.zeros(n),
            failed=np.zeros(n, bool),
            cost_s=np.ones(n),
            started_s=np.arange(n, dtype=float),
            finished_s=np.arange(1.0, n + 1),
            worker=np.zeros(n, np.int32),
            optimizer_s=np.zeros(n),
        )
        return made._replace(**{name: np.array(column) for name, column in columns.items()})

    return make


@pytest.fixture
def letters(tmp_path):
    """Make a benchmark of one decision from columns of results, one row a letter."""

    def make(objective="val_accuracy", *, benchmark=None, **results):
        names = "abcdefgh"[: len(next(iter(results.values())))]
        path = tmp_path / "letters.h5"
        space = ChoiceSpace("letter", {"letter": tuple(names)})
        frame = {"arch": list(names)} | results
        nbk.Table.from_frame(frame, path, name="letters", space=space, metrics=list(results), objective=objective)
        return nbk.load("letters/default", results=path, **benchmark or {})

    return make

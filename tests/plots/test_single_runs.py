"""Learning curves and workers of one run, by what is drawn."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import nasbench_kit as nbk
from nasbench_kit.errors import SettingError
from nasbench_kit.plots import plot_trainings, plot_workers
from nasbench_kit.simulator import NO_EPOCH, Records


@pytest.fixture
def ax():
    return Figure().subplots()


def records(trial, epoch, value, worker=None, started=None, finished=None, failed=None):
    n = len(trial)
    value = np.array(value, float)
    return Records(
        archs=np.zeros((n, 1), np.uint8),
        trial=np.array(trial, np.int32),
        epoch=np.array(epoch, np.int32),
        seed=np.zeros(n, np.int64),
        value=value,
        values=value[:, None],
        violation=np.zeros(n),
        failed=np.zeros(n, bool) if failed is None else np.array(failed),
        cost_s=np.ones(n),
        started_s=np.arange(n, dtype=float) if started is None else np.array(started, float),
        finished_s=np.arange(1.0, n + 1) if finished is None else np.array(finished, float),
        worker=np.zeros(n, np.int32) if worker is None else np.array(worker, np.int32),
        optimizer_s=np.zeros(n),
    )


METRIC = nbk.Metric.from_name("val_accuracy")


def test_a_training_is_a_line_that_ends_where_it_was_stopped(ax):
    run = records([0, 1, 0, 2], [1, 1, 9, 1], [0.5, 0.3, 0.8, np.nan], failed=[False, False, False, True])
    assert plot_trainings(ax, run, METRIC) == "3 trainings, of which 1 went on to epoch 9 and 1 failed"
    stopped, went_on = (
        next(line for line in ax.lines if line.get_gid() == gid).get_xydata() for gid in ("stopped", "went on")
    )
    assert stopped[0].tolist() == [1.0, 30.0]
    assert went_on.tolist() == [[9.0, 80.0]]
    (best,) = [line for line in ax.lines if line.get_gid() is None]
    assert best.get_xydata().tolist() == [[1.0, 50.0], [9.0, 80.0]]


def test_the_final_incumbent_is_the_best_at_the_last_epoch_only(ax):
    plot_trainings(ax, records([0, 1, 1], [1, 1, 9], [0.9, 0.3, 0.6]), METRIC)
    (best,) = [line for line in ax.lines if line.get_gid() is None]
    assert best.get_ydata().tolist() == [30.0, 60.0]


def test_epochs_that_are_not_known_have_no_curves(ax):
    with pytest.raises(SettingError, match="these results know of no epochs"):
        plot_trainings(ax, records([0], [NO_EPOCH], [0.5]), METRIC)
    with pytest.raises(SettingError, match="a run without evaluations has no learning curves"):
        plot_trainings(ax, records([], [], []), METRIC)


def test_workers_have_bars_from_when_they_began_to_when_they_were_done(ax):
    run = records(
        [0, 1, 0], [1, 1, 3], [0.1, 0.2, 0.3], worker=[0, 1, 0], started=[0.0, 0.0, 2.0], finished=[2.0, 3.0, 5.0]
    )
    legend = plot_workers(ax, run)
    assert [name for name, _ in legend] == ["a training begins", "goes on to epoch 3"]
    bars = {found.get_gid(): [path.get_extents().extents for path in found.get_paths()] for found in ax.collections}
    np.testing.assert_allclose(bars["a training begins"], [[0.0, -0.4, 2.0, 0.4], [0.0, 0.6, 3.0, 1.4]])
    np.testing.assert_allclose(bars["goes on to epoch 3"], [[2.0, -0.4, 5.0, 0.4]])


def test_many_rungs_share_a_color(ax):
    legend = plot_workers(ax, records([0] * 10, range(1, 11), [0.1] * 10))
    assert [name for name, _ in legend] == ["a training begins", "a training goes on"]


def test_workers_of_a_run_without_evaluations_are_refused(ax):
    with pytest.raises(SettingError, match="workers of a run without evaluations did nothing"):
        plot_workers(ax, records([], [], []))

"""Running-time ECDF and time to targets, by what is drawn."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from nasbench_kit.analysis import common_targets
from nasbench_kit.errors import SettingError, UnknownNameError
from nasbench_kit.plots import plot_ecdf, plot_times


@pytest.fixture
def ax():
    return Figure().subplots()


def line(ax, label):
    (found,) = [line for line in ax.lines if line.get_label() == label]
    return found.get_data()


def test_targets_go_from_the_median_first_regret_to_the_least_above_0(runs_of):
    targets = common_targets({"a": runs_of([0.1, 0.899, 0.9]), "b": runs_of([0.5, 0.6], [0.4, 0.6])})
    np.testing.assert_allclose(targets[[0, -1]], [0.5, 0.001], rtol=1e-9)
    assert len(targets) == 51


def test_where_all_are_the_best_there_are_no_targets(runs_of):
    with pytest.raises(SettingError, match="no incumbent of these runs has a regret above 0"):
        common_targets({"a": runs_of([0.9])})


def test_an_ecdf_rises_from_0_to_the_share_that_was_reached(ax, runs_of):
    benchmark = {"all": runs_of([0.1, 0.899]), "half": runs_of([0.1, 0.899], [0.0, 0.05])}
    plot_ecdf(ax, [benchmark])
    x, y = line(ax, "all")
    assert y[0] == 0.0
    assert y[-1] == pytest.approx(1.0)
    assert x[y >= 1 - 1e-12][0] == 2.0
    assert line(ax, "half")[1][-1] == pytest.approx(0.5, abs=0.02)
    assert ax.get_xlim()[1] == 2.0


def test_an_ecdf_ends_where_its_runs_do(ax, runs_of):
    plot_ecdf(ax, [{"long": runs_of([0.1, 0.2, 0.3, 0.9]), "short": runs_of([0.1, 0.2])}])
    assert line(ax, "short")[0][-1] == 2.0  # and not drawn on to 4
    strokes = [one for one in ax.lines if one.get_marker() == "|"]
    assert [stroke.get_xdata()[0] for stroke in strokes] == [2.0]


def test_an_ecdf_is_dotted_from_when_a_run_ended_that_had_not_reached_all(ax, runs_of):
    some = runs_of([0.1, 0.899], [0.1, 0.2, 0.3, 0.899])
    plot_ecdf(ax, [{"a": runs_of([0.1], [0.1, 0.2, 0.3, 0.899]), "b": some}])
    (dotted,) = [one for one in ax.lines if one.get_gid() == "after a"]
    assert dotted.get_xdata()[[0, -1]].tolist() == [1.0, 4.0]


def test_several_benchmarks_are_pooled_over_the_share_of_their_budgets(ax, runs_of):
    quick = {"a": runs_of([0.1, 0.8], budgets={"seconds": 4.0})}
    slow = {"a": runs_of([0.1, 0.8], times_s=[100.0, 200.0], budgets={"seconds": 400.0})}
    assert plot_ecdf(ax, [quick, slow]) == "simulated time, as a share of the budget"
    x, y = line(ax, "a")
    assert set(x[y > 0]) <= {0.25, 0.5, 1.0}


def test_harder_targets_stand_to_the_right_and_take_as_long_as_half_of_the_runs(ax, runs_of):
    plot_times(ax, {"a": runs_of([0.1, 0.5, 0.8], [0.1, 0.2, 0.3], [0.1, 0.5, 0.8])})
    x, y = line(ax, "a")
    assert ax.get_xlim()[0] > ax.get_xlim()[1]
    assert (np.diff(y) >= 0).all()
    assert y[0] == 1.0
    assert y[np.searchsorted(-x, -30.0)] == 3.0


def test_lines_end_where_fewer_than_half_of_the_runs_come(ax, runs_of):
    plot_times(ax, {"a": runs_of([0.1, 0.8], [0.1, 0.2], [0.1, 0.2])})
    assert np.isnan(line(ax, "a")[1][-1])


def test_a_speed_up_needs_a_law(ax, runs_of):
    with pytest.raises(SettingError, match="a speed-up over random search needs its exact law"):
        plot_times(ax, {"a": runs_of([0.1])}, quantity="speed-up")
    with pytest.raises(UnknownNameError, match="unknown quantity 'speed'"):
        plot_times(ax, {"a": runs_of([0.1])}, quantity="speed")

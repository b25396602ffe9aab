"""Performance profiles and intervals, by what is drawn."""

import numpy as np
from matplotlib.figure import Figure

from nasbench_kit.analysis import Estimate, Profile
from nasbench_kit.plots import looks_of, plot_intervals, plot_profiles


def test_profiles_are_steps_with_bands_unless_they_are_switched_off():
    one = Profile(*(np.array(column) for column in ([0.0, 0.5, 1.0], [1.0, 0.5, 0.0], [0.9, 0.4, 0.0], [1, 0.6, 0.1])))
    ax = Figure().subplots()
    plot_profiles(ax, {"a": one}, looks=looks_of(["a"]))
    assert ax.lines[0].get_xydata().tolist() == [[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]]
    assert len(ax.collections) == 1
    bare = Figure().subplots()
    plot_profiles(bare, {"a": one}, looks=looks_of(["a"]), bands=False)
    assert not bare.collections


def test_intervals_stand_one_below_the_other_in_the_order_given():
    ax = Figure().subplots()
    plot_intervals(ax, {"a": Estimate(0.8, 0.7, 0.9), "b": Estimate(0.5, 0.4, 0.7)}, at=0.5, heights=[1.0, 2.0])
    (bars,) = ax.collections
    assert [path.tolist() for path in bars.get_segments()] == [[[0.7, 0.5], [0.9, 0.5]], [[0.4, 2.0], [0.7, 2.0]]]
    assert ax.lines[0].get_xydata().tolist() == [[0.8, 0.5], [0.5, 2.0]]
    assert ax.lines[1].get_xdata() == [0.5, 0.5]
    assert ax.get_ylim() == (3.0, 0.0)

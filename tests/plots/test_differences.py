"""Critical-difference diagrams and win rates, by what is drawn and where."""

import itertools

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from nasbench_kit.analysis import Cliques
from nasbench_kit.plots import SIZES, drawn_at, plot_critical_difference, plot_win_rates
from nasbench_kit.plots.differences import Difference, difference_height


def diagram(average_ranks, members=(), difference=None, width=6.8, long=False):
    """A diagram as figures have it, drawn."""
    settings = " (population_size=50, sample_size=25)" if long else ""
    named = {f"optimizer_{i}{settings * (i % 3 == 1)}": rank for i, rank in enumerate(average_ranks)}
    shown = Difference(named, Cliques(tuple(members), (), ()), difference, "a test")
    with drawn_at(SIZES["text"]):
        figure = Figure(figsize=(width, difference_height(shown, width)))
        FigureCanvasAgg(figure)
        ax = figure.add_axes((0, 0, 1, 1))
        plot_critical_difference(ax, shown)
        figure.draw_without_rendering()
    return figure, ax


def texts(ax, gid):
    return [text for text in ax.texts if text.get_gid() == gid]


@pytest.mark.parametrize("width", [3.3, 6.8])
@pytest.mark.parametrize("n", [2, 9, 25])
def test_names_never_overlap_nor_leave_the_figure(n, width):
    figure, ax = diagram(np.linspace(1, n, n), width=width, long=True)
    boxes = [text.get_window_extent() for text in texts(ax, "name")]
    assert len(boxes) == n
    for a, b in itertools.combinations(boxes, 2):
        assert not a.overlaps(b)
    for box in boxes:
        assert figure.bbox.x0 - 1 <= box.x0 <= box.x1 <= figure.bbox.x1 + 1
        assert figure.bbox.y0 - 1 <= box.y0 <= box.y1 <= figure.bbox.y1 + 1


@pytest.mark.parametrize("width", [3.3, 6.8])
def test_no_line_to_a_name_goes_through_another_one(width):
    _, ax = diagram(np.linspace(1, 20, 20), width=width, long=True)
    boxes = [text.get_window_extent() for text in texts(ax, "name")]
    for line in ax.lines:
        if line.get_gid() == "elbow":
            x, y = ax.transData.transform(line.get_xydata())[1]  # where it turns
            assert not any(box.x0 < x < box.x1 and box.y1 > y for box in boxes)


def test_each_name_is_joined_to_its_rank_on_the_axis():
    _, ax = diagram([1.0, 2.0, 3.5, 3.5])
    (axis,) = [line for line in ax.lines if line.get_gid() == "axis"]
    left, right = axis.get_xdata()
    low, high = 1, 4
    found = [line.get_xdata()[0] for line in ax.lines if line.get_gid() == "elbow"]
    expected = [left + (rank - low) / (high - low) * (right - left) for rank in (1.0, 2.0, 3.5, 3.5)]
    np.testing.assert_allclose(sorted(found), expected)
    assert [text.get_text() for text in texts(ax, "tick")] == ["1", "2", "3", "4"]
    assert "1. optimizer 0 (1.00)" in [text.get_text() for text in texts(ax, "name")]


def test_bars_cover_their_cliques_and_never_each_other():
    _, ax = diagram([1.0, 2.0, 3.0, 4.0], members=[(0, 1), (1, 2), (2, 3)])
    bars = [line for line in ax.lines if line.get_gid() == "clique"]
    assert len(bars) == 3
    for a, b in itertools.combinations(bars, 2):
        apart = a.get_ydata()[0] != b.get_ydata()[0]
        assert apart or a.get_xdata()[1] < b.get_xdata()[0] or b.get_xdata()[1] < a.get_xdata()[0]


def test_the_critical_difference_is_as_long_as_the_axis_says():
    _, ax = diagram([1.0, 2.0, 5.0], difference=1.5)
    (bar,) = [line for line in ax.lines if line.get_gid() == "critical difference"]
    ticks = [text.get_position()[0] for text in texts(ax, "tick")]
    assert np.ptp(bar.get_xdata()) == pytest.approx(1.5 * (ticks[1] - ticks[0]))


def test_win_rates_stand_in_their_cells_and_not_on_the_diagonal():
    ax = Figure().subplots()
    plot_win_rates(ax, {"a": {"a": 0.5, "b": 0.75}, "b": {"a": 0.25, "b": 0.5}})
    assert {text.get_position(): text.get_text() for text in ax.texts} == {(1, 0): "75", (0, 1): "25"}
    assert [text.get_text() for text in ax.get_yticklabels()] == ["1. a", "2. b"]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["1", "2"]

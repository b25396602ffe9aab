"""Critical-difference diagrams and win rates, by what is drawn and where."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.markers import CARETRIGHT

from nasbench_kit.analysis import Cliques
from nasbench_kit.plots import SIZES, drawn_at, plot_critical_difference, plot_win_rates
from nasbench_kit.plots.differences import Difference, difference_figure, difference_height, win_rates_figure
from nasbench_kit.plots.grids import finish


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


def benchmark(trajectories):
    """Runs on a benchmark, as far as they are compared."""
    return SimpleNamespace(trajectories=trajectories, benchmark=SimpleNamespace(results=None))


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


@pytest.mark.parametrize("width", [3.3, 6.8])
@pytest.mark.parametrize(
    ("average_ranks", "difference", "ends"),
    [
        ([1.0, 2.0, 2.5], 1.2, (1, 3)),
        ([3.0, 3.0, 3.5, 5.6, 6.3, 7.6, 8.6, 8.7, 8.7], 6.94, (2, 9)),  # what is below is free
        ([1.0, 1.5, 2.0, 4.0], 3.4, (1, 4)),
        ([1.5, 1.5, 3.0], 2.34, (1, 3)),  # more than ranks can differ
        ([1.0, 2.0], 1.39, (1, 2)),
    ],
)
def test_the_critical_difference_stays_within_the_axis(average_ranks, difference, ends, width):
    _, ax = diagram(average_ranks, difference=difference, width=width)
    (axis,) = [line for line in ax.lines if line.get_gid() == "axis"]
    (bar,) = [line for line in ax.lines if line.get_gid() == "critical difference"]
    (left, right), (begins, stops) = axis.get_xdata(), bar.get_xdata()
    ticks = [int(text.get_text()) for text in texts(ax, "tick")]
    assert (ticks[0], ticks[0] + len(ticks) - 1) == ends
    assert left == begins < stops <= right
    goes_on = [line for line in ax.lines if line.get_marker() == CARETRIGHT]
    if difference > ends[1] - ends[0]:
        assert stops == right
        assert [line.get_xdata()[0] for line in goes_on] == [right]
    else:
        assert (stops - begins) / (right - left) == pytest.approx(difference / (ends[1] - ends[0]))
        assert not goes_on


def test_a_critical_difference_that_ranks_cannot_reach_is_said_to_be_one(runs_of):
    panels = {name: benchmark({"a": runs_of([0.9]), "b": runs_of([0.8]), "c": runs_of([0.7])}) for name in "xyzuvw"}
    said = "The critical difference is longer than the axis: the ranks of 3 optimizers cannot differ by so much"
    with drawn_at(SIZES["text"]):
        few = difference_figure({name: panels[name] for name in "xy"}, SIZES["text"])
        assert said in few.always
        assert not difference_figure(panels, SIZES["text"]).always


def test_win_rates_stand_in_their_cells_and_not_on_the_diagonal():
    ax = Figure().subplots()
    plot_win_rates(ax, {"a": {"a": 0.5, "b": 0.75}, "b": {"a": 0.25, "b": 0.5}})
    assert {text.get_position(): text.get_text() for text in ax.texts} == {(1, 0): "75", (0, 1): "25"}
    assert [text.get_text() for text in ax.get_yticklabels()] == ["1. a", "2. b"]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["1", "2"]


@pytest.mark.parametrize(("width", "n", "n_across"), [("text", 5, 2), ("text", 16, 1), ("column", 9, 1)])
def test_as_many_matrices_stand_side_by_side_as_leave_room_for_numbers_in_every_cell(
    width, n, n_across, panel_of_many, check_texts
):
    panels = {name: benchmark(panel_of_many(n - k, n_evaluations=4)) for k, name in enumerate(("one", "other"))}
    with drawn_at(SIZES[width]):
        figure = finish(win_rates_figure(panels, SIZES[width], each=True))
    check_texts(figure)
    assert len({round(ax.get_position().x0, 2) for ax in figure.axes}) == n_across
    for k, ax in enumerate(figure.axes):
        assert len(ax.texts) == (n - k) * (n - k - 1)
        cell = ax.get_window_extent().width / (n - k)
        assert max(text.get_window_extent().width for text in ax.texts) < cell
    assert "color alone" not in figure.get_supxlabel()


@pytest.mark.parametrize("width", ["text", "column"])
def test_where_no_number_has_room_the_caption_says_that_color_alone_shows_it(width, panel_of_many, check_texts):
    with drawn_at(SIZES[width]):
        panels = {"": benchmark(panel_of_many(40, n_evaluations=4))}
        figure = finish(win_rates_figure(panels, SIZES[width]))
    check_texts(figure)
    assert not figure.axes[0].texts
    assert "where cells are too narrow for their numbers, color alone shows" in " ".join(figure.get_supxlabel().split())

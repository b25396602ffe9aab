"""What others measured, laid over our lines."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from nasbench_kit.analysis.external import Points
from nasbench_kit.errors import SettingError
from nasbench_kit.plots import compare_figure, plot_anytime


@pytest.fixture
def ax():
    return Figure().subplots()


@pytest.fixture
def runs(runs_of):
    return {"ours": runs_of([0.5, 0.8, 0.85])}


def points(metric="val_accuracy", axis="seconds"):
    return Points(axis, np.array([2.0, 20.0]), np.array([0.1, 0.025]), metric, "mean of 500 runs", "a paper")


def overlay_of(ax):
    (line,) = [line for line in ax.lines if line.get_gid() == "overlay"]
    return line


def test_points_of_a_curve_are_drawn_where_they_are_and_joined_by_straight_lines(ax, runs):
    told = plot_anytime(ax, runs, overlays={"theirs": points()})
    line = overlay_of(ax)
    assert line.get_xydata().tolist() == [[2.0, 10.0], [20.0, 2.5]]
    assert line.get_drawstyle() == "default"
    assert ax.get_xlim() == (1, 20)
    assert told.stops  # ours end before


def test_runs_of_others_have_the_statistic_of_ours_in_steps(ax, runs, runs_of):
    plot_anytime(ax, runs, overlays={"theirs": runs_of([0.4, 0.8], [0.6, 0.6])}, statistic="mean")
    line = overlay_of(ax)
    assert dict(zip(*line.get_data(), strict=True))[2.0] == pytest.approx(20)
    assert line.get_drawstyle() == "steps-post"


def test_each_overlay_has_an_open_marker_of_its_own(runs):
    figure = compare_figure({"b": runs}, overlays={"b": {f"theirs {i}": points() for i in range(3)}})
    handles = figure.legends[0].legend_handles[1:]
    assert len({handle.get_marker() for handle in handles}) == 3
    assert {handle.get_markerfacecolor() for handle in handles} == {"white"}


def test_the_caption_says_where_overlays_are_from_and_the_legend_what_they_are_of(runs, runs_of):
    overlays = {"a": points(), "b": points("test_accuracy"), "c": runs_of([0.5], [0.6], values_are="as in a log")}
    figure = compare_figure({"x": runs}, overlays={"x": overlays}, note="One worker.")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["ours", "a", "b, test accuracy", "c, n = 2"]
    caption = figure.get_supxlabel().replace("\n", " ")
    assert "not run here: a, b (mean of 500 runs; a paper); c (as in a log). One worker." in caption


@pytest.mark.parametrize(
    ("overlay", "choices", "message"),
    [
        (
            points(axis="evaluations"),
            {"axis": "seconds"},
            "overlay 'x' is over evaluations, not over seconds; axis=eval",
        ),
        (points("latency_s"), {}, r"overlay 'x' is of latency_s \[s\], these runs are reported by val_accuracy"),
        (points(), {"quantity": "value"}, "overlay 'x' holds regrets, not values; quantity=regret expected"),
        (points("test_accuracy"), {"quantity": "value"}, "overlay 'x' is of test_accuracy .* the same metric expected"),
    ],
)
def test_what_does_not_fit_is_one_line(ax, runs, overlay, choices, message):
    with pytest.raises(SettingError, match=message):
        plot_anytime(ax, runs, overlays={"x": overlay}, **choices)


def test_overlays_without_values_or_more_than_markers_are_refused(ax, runs, runs_of):
    with pytest.raises(SettingError, match="overlay 'x' holds no value"):
        plot_anytime(ax, runs, overlays={"x": runs_of([-np.inf])})
    with pytest.raises(SettingError, match="8 overlays; 7 at most expected"):
        plot_anytime(ax, runs, overlays={f"x{i}": points() for i in range(8)})

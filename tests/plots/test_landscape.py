"""The page of a landscape, by the data of its artists."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import nasbench_kit as nbk
from nasbench_kit.analysis.landscape import describe, rank_correlations
from nasbench_kit.plots.landscape import (
    landscape_figure,
    plot_ascents,
    plot_distances,
    plot_distribution,
    plot_effects,
    plot_front,
    plot_noise,
    plot_rank_correlations,
    plot_variance,
    plot_walks,
)


@pytest.fixture(scope="module")
def cells():
    return describe(nbk.load("nasbench201_mnist1d/mnist1d"))


@pytest.fixture(scope="module")
def sampled():
    return describe(nbk.load("nasbench101/cifar10"))


@pytest.fixture
def ax():
    return Figure().add_subplot()


def titles(figure):
    return [ax.get_title() for ax in figure.axes]


def test_the_distribution_counts_every_measurement(ax, cells):
    plot_distribution(ax, cells)
    filled, outline = (patch.get_xy() for patch in ax.patches)
    assert filled[:, 0].max() == pytest.approx(
        100
        * np.maximum(
            *(  # both metrics share the bins
                values.max() for values in (cells.measurements.values, cells.measurements.reported[1])
            )
        )
    )
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["val accuracy", "test accuracy"]
    assert len(outline) > 0


def test_ascents_are_drawn_as_shares_of_all_architectures(ax, cells):
    plot_ascents(ax, cells)
    line, points = ax.lines
    optima = cells.surface.optima
    assert points.get_ydata()[-1] == pytest.approx(100)
    assert points.get_ydata()[0] == pytest.approx(100 * optima.basins[0] / 15_625)
    assert points.get_xdata()[0] == 0
    assert (np.diff(line.get_ydata()) >= 0).all()
    assert f"{len(optima.archs)} local optima" in {text.get_text() for text in ax.texts}


def test_distances_show_the_median(ax, cells):
    plot_distances(ax, cells)
    medians = {line.get_xdata()[0]: line.get_ydata()[0] for line in ax.lines if line.get_marker() == "o"}
    surface = cells.surface
    assert medians.keys() == set(range(7))
    assert medians[3] == pytest.approx(100 * np.median(surface.values[surface.distances == 3]))


def test_walks_show_the_autocorrelation(ax, cells):
    plot_walks(ax, cells)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), cells.surface.autocorrelation)
    np.testing.assert_allclose(ax.lines[1].get_ydata()[:2], cells.surface.autocorrelation[:2])


def test_bars_of_variance_are_as_long_as_the_shapley_effects(ax, cells):
    plot_variance(ax, cells)
    widths = np.array([bar.get_width() for bar in ax.patches]).reshape(2, 6)
    np.testing.assert_allclose(widths.sum(axis=0), 100 * cells.surface.variance.shapley)
    assert widths.sum() == pytest.approx(100)
    assert [label.get_text() for label in ax.get_yticklabels()] == [name for name, _ in cells.decisions]


def test_effects_of_few_choices_have_a_mark_each(ax, cells):
    plot_effects(ax, cells)
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["none", "skip connect", "nor conv 1x1", "nor conv 3x3", "avg pool 3x3"]
    marks = {(line.get_ydata()[0], line.get_marker()) for line in ax.lines if len(line.get_ydata()) == 1}
    assert len(marks) == 30


def test_effects_of_many_choices_are_named_at_their_ends(ax, make_table, stored):
    space = nbk.spaces.ChoiceSpace("wide", {"width": tuple(map(str, range(10, 90, 10))), "b": ("x", "y")})
    found = describe(nbk.Benchmark(make_table(stored("val_accuracy", np.arange(16) / 20), space=space), "d"))
    plot_effects(ax, found)
    assert [text.get_text() for text in ax.texts] == ["10", "80", "x", "y"]


def test_noise_shows_groups_by_rank(ax, cells):
    plot_noise(ax, cells)
    mean = ax.patches[0].get_data()
    np.testing.assert_allclose(mean.values, 100 * cells.measurements.noise.mean_sd)
    assert (mean.edges[0], mean.edges[-1]) == (0, 100)


def test_the_front_is_drawn_over_what_it_dominates(ax, cells):
    plot_front(ax, cells)
    front = cells.measurements.front
    points = ax.lines[-1]
    assert sorted(points.get_xdata()) == pytest.approx(sorted(front.costs[front.on_front]))
    assert ax.get_xlabel() == "params [million]"


def test_matrices_have_kendall_below_and_spearman_above_the_diagonal(ax):
    found = rank_correlations({"a": np.array([1.0, 2, 3, 4]), "latency_ms[pixel3]": np.array([1.0, 3, 2, 4])})
    plot_rank_correlations(ax, found)
    shown = ax.images[0].get_array()
    assert (shown[1, 0], shown[0, 1]) == pytest.approx((2 / 3, 0.8))
    assert {text.get_text() for text in ax.texts} == {".67", ".80"}
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "pixel3 latency …"]


def test_the_page_has_a_panel_for_everything_that_is_there(cells, check_texts):
    figure = landscape_figure(cells, note="A note.")
    assert figure.get_figwidth() == 6.8
    check_texts(figure, apart=False)  # those of columns are turned
    assert titles(figure) == [
        "distribution",
        "where ascents end",
        "distance to the best",
        "random walks",
        "variance by decision",
        "mean effects of choices",
        "noise",
        "Pareto front",
        "ranks of epochs",
        "ranks of training runs",
        "ranks of datasets",
        "ranks of columns",
    ]
    assert figure.get_supxlabel().replace("\n", " ").endswith("A note.")
    assert "6,466 of them are different" in figure.get_supxlabel().replace("\n", " ")


def test_the_page_names_what_was_left_out(sampled, check_texts):
    figure = landscape_figure(sampled, width="column")
    check_texts(figure)
    assert titles(figure) == [
        "distribution",
        "distance to the best",
        "random walks",
        "mean effects of choices",
        "ranks of epochs",
        "ranks of columns",
    ]
    caption = figure.get_supxlabel().replace("\n", " ")
    assert "Left out: local optima, functional ANOVA (509,607,936 tuples of choices are too many" in caption
    assert "estimated from 50 walks" in caption


def test_a_landscape_without_differences_is_drawn(make_table, stored):
    found = describe(nbk.Benchmark(make_table(stored("val_accuracy", [0.5] * 6)), "d"))
    figure = landscape_figure(found)
    figure.draw_without_rendering()
    assert titles(figure) == ["distribution", "where ascents end"]


def test_a_page_that_is_too_high_for_one_says_which_width_is_not(cells):
    heights = {}
    for width in ("text", "column", "slide"):
        figure = landscape_figure(cells, width=width, note="A note.")
        heights[width] = figure.get_figheight()
        said = "at that of a text it fits a page" in " ".join(figure.get_supxlabel().split())
        assert said == (width != "text")
    assert heights["text"] < 10.5 < min(heights["column"], heights["slide"])


def test_the_line_of_no_effect_does_not_pass_through_the_legend(ax, cells):
    plot_effects(ax, cells)
    ((_, low), (_, high)) = ax.collections[0].get_segments()[0]
    ax.get_figure().draw_without_rendering()
    (_, bottom), _ = ax.transData.inverted().transform(ax.get_legend().get_window_extent().get_points())
    assert bottom < min(low, high)

"""Figures over time, by the data of their artists."""

from dataclasses import replace
from itertools import pairwise
from math import inf

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

import nasbench_kit as nbk
from nasbench_kit.analysis import random_search_law, regret_curves
from nasbench_kit.errors import SettingError, UnknownNameError
from nasbench_kit.plots import BAND, Anytime, compare_figure, curves, plot_anytime
from nasbench_kit.plots.style import COLORS


@pytest.fixture
def ax():
    return Figure().add_subplot()


def line_of(ax, label):
    """The line that the legend shows."""
    (line,) = [line for line in ax.lines if line.get_label().partition(", n =")[0] == label]
    return line


def dotted(ax, where):
    """The parts of lines before or after all their runs are there, by label."""
    return {
        line.get_gid().partition(" ")[2].partition(",")[0]: line
        for line in ax.lines
        if (line.get_gid() or "").startswith(where)
    }


def marks(ax, marker):
    return [
        tuple(float(each[0]) for each in line.get_data())
        for line in ax.lines
        if line.get_marker() == marker and len(line.get_xdata()) == 1 and line.get_linestyle() == "None"
    ]


def band_of(ax):
    """Vertices of the first band."""
    return ax.collections[0].get_paths()[0].vertices


def texts_of_legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


# ---- lines ----


def test_the_line_is_the_median_regret_in_percentage_points(ax, runs_of):
    one = runs_of([0.1, 0.5, 0.8], [0.2, 0.6, 0.7], [0.3, 0.3, 0.5])
    plot_anytime(ax, {"a": one})
    times, drawn = line_of(ax, "a").get_data()
    np.testing.assert_allclose(drawn, 100 * np.median(regret_curves(one, times), axis=0))
    assert set(drawn.round(6)) == {70, 40, 20}


def test_a_run_without_an_incumbent_is_worse_than_all_others(ax, runs_of):
    # by hand: of three runs, one has an incumbent at 1 s, two at 2 s, all at 3 s
    one = runs_of([0.5, 0.5, 0.5], [-inf, 0.6, 0.6], [-inf, -inf, 0.8])
    plot_anytime(ax, {"a": one})
    begins = dotted(ax, "before")["a"]
    assert begins.get_xdata()[[0, -1]].tolist() == [2, 3]  # more than half of the runs; all of them
    assert begins.get_ydata()[0] == pytest.approx(40)  # the middle of 30, 40 and infinity, not of 30 and 40
    assert line_of(ax, "a").get_xdata()[0] == 3
    assert marks(ax, "o") == [(3, pytest.approx(30))]


def test_each_line_begins_where_it_begins_not_where_the_slowest_does(ax, runs_of):
    early = runs_of([0.5, 0.6], [0.5, 0.7], times_s=[2e3, 1e6])
    late = runs_of([0.5, 0.6], [0.5, 0.7], times_s=[4e5, 1e6])
    told = plot_anytime(ax, {"early": early, "late": late})
    assert line_of(ax, "early").get_xdata()[0] == 2e3
    assert line_of(ax, "late").get_xdata()[0] == 4e5
    assert ax.get_xlim() == (2e3, 1e6)
    assert not told.begins


def test_the_band_lies_between_the_two_quantiles(ax, runs_of):
    one = runs_of([0.1, 0.5], [0.2, 0.6], [0.3, 0.7], [0.4, 0.8], [0.5, 0.85])
    plot_anytime(ax, {"a": one}, band=(0.25, 0.75))
    heights = band_of(ax)[:, 1]
    assert (heights.min(), heights.max()) == pytest.approx((10, 70))  # 0.2 to 0.4, then 0.6 to 0.8, to 0.9


def test_where_many_runs_have_no_incumbent_the_band_has_no_upper_end(ax, runs_of):
    plot_anytime(ax, {"a": runs_of([0.5, 0.5], [0.6, 0.6], [0.7, 0.7], [-inf, 0.8])})
    assert band_of(ax)[:, 1].max() > ax.get_ylim()[1]


@pytest.mark.parametrize(("statistic", "expected"), [("mean", [50, 35]), ("median", [45, 32.5]), ("iqm", [45, 32.5])])
def test_the_statistic_is_what_was_asked_for(ax, runs_of, statistic, expected):
    plot_anytime(ax, {"a": runs_of([0.1, 0.4], [0.4, 0.6], [0.5, 0.55], [0.6, 0.65])}, statistic=statistic)
    assert line_of(ax, "a").get_ydata()[[0, -1]] == pytest.approx(expected)


def test_a_mean_begins_when_all_runs_have_an_incumbent(ax, runs_of):
    plot_anytime(ax, {"a": runs_of([0.5, 0.5, 0.5], [-inf, -inf, 0.7])}, statistic="mean")
    assert set(line_of(ax, "a").get_xdata()) == {3}
    assert dotted(ax, "before") == {}


def test_a_standard_error_is_that_of_the_mean(ax, runs_of):
    plot_anytime(ax, {"a": runs_of([0.1, 0.1], [0.3, 0.3])}, statistic="mean", band="standard error")
    heights = band_of(ax)[:, 1]
    assert (heights.min(), heights.max()) == pytest.approx((60, 80))  # 70, and 10 times the root of 2 over that of 2


def test_a_bootstrap_interval_holds_the_line_and_is_the_same_every_time(ax, runs_of):
    one = runs_of(*np.random.default_rng(0).uniform(0.1, 0.8, (20, 5)))
    plot_anytime(ax, {"a": one}, band="bootstrap")
    again = Figure().add_subplot()
    plot_anytime(again, {"a": one}, band="bootstrap")
    np.testing.assert_array_equal(band_of(ax), band_of(again))
    line = line_of(ax, "a").get_ydata()
    assert band_of(ax)[:, 1].min() <= line.min() <= line.max() <= band_of(ax)[:, 1].max()


def test_bands_can_be_switched_off_and_many_lines_have_none(ax, runs_of, panel_of_many):
    plot_anytime(ax, {"a": runs_of([0.1, 0.5], [0.2, 0.6])}, band=None)
    assert not ax.collections
    plot_anytime(ax, panel_of_many(6))
    assert not ax.collections
    plot_anytime(ax, panel_of_many(6), band=BAND)
    assert len(ax.collections) == 6


def test_lines_and_bands_are_steps_that_change_when_a_trial_finishes(ax, runs_of):
    plot_anytime(ax, {"a": runs_of([0.1, 0.5, 0.8])})
    line = line_of(ax, "a")
    assert line.get_drawstyle() == "steps-post"
    times, drawn = line.get_data()
    assert drawn[times < 2] == pytest.approx(80)
    assert drawn[(times >= 2) & (times < 3)] == pytest.approx(40)


# ---- where lines end ----


def test_a_budget_is_the_end_of_its_runs_though_their_last_evaluation_was_earlier(ax, runs_of):
    told = plot_anytime(ax, {"a": runs_of([0.1, 0.5], [0.2, 0.6], budgets={"seconds": 2.7})})
    assert line_of(ax, "a").get_xdata()[-1] == ax.get_xlim()[1] == 2.7
    assert not told.ends
    assert not told.stops


def test_runs_that_stop_by_themselves_are_not_drawn_to_the_end(ax, runs_of):
    long = runs_of(np.linspace(0.1, 0.8, 100), budgets={"seconds": 100.0})
    short = runs_of(np.linspace(0.1, 0.5, 20), np.linspace(0.1, 0.5, 30), budgets={"seconds": 100.0})
    told = plot_anytime(ax, {"long": long, "short": short})
    assert line_of(ax, "short").get_xdata()[-1] == 20  # all of its runs are there
    assert dotted(ax, "after")["short"].get_xdata()[[0, -1]].tolist() == [20, 30]
    assert marks(ax, "|") == [(30, pytest.approx(40))]
    assert line_of(ax, "long").get_xdata()[-1] == 100
    assert told.ends
    assert told.stops
    assert max(band_of(ax)[:, 0].max() for _ in [0]) == 100
    assert ax.collections[1].get_paths()[0].vertices[:, 0].max() == 30


def test_what_several_workers_still_train_is_no_early_end(ax, runs_of):
    # sixteen workers, forty evaluations of about 40 s each: the last of them finished 10 s before the budget
    times = np.sort(np.random.default_rng(0).uniform(1, 90, 40))
    one = runs_of(np.linspace(0.1, 0.8, 40), times_s=[*times[:-1], 90], budgets={"seconds": 100.0})
    assert plot_anytime(ax, {"a": one}, n_workers=16).stops is False
    assert line_of(ax, "a").get_xdata()[-1] == 100


def test_unequal_budgets_end_where_each_ends(ax, runs_of):
    half, whole = (runs_of(np.linspace(0.1, 0.8, n), budgets={"seconds": float(n)}) for n in (50, 100))
    assert plot_anytime(ax, {"half": half, "whole": whole}).stops
    assert [line_of(ax, label).get_xdata()[-1] for label in ("half", "whole")] == [50, 100]
    assert len(marks(ax, "|")) == 1


def test_along_another_axis_runs_end_where_they_ended(ax, runs_of):
    # the budget counts seconds: over evaluations one run has 2, the other 4
    one = runs_of([0.1, 0.5], [0.2, 0.3, 0.4, 0.6], budgets={"seconds": 5.0})
    told = plot_anytime(ax, {"a": one}, axis="evaluations")
    assert line_of(ax, "a").get_xdata()[-1] == 2
    assert dotted(ax, "after")["a"].get_xdata()[-1] == 4
    assert told.ends
    assert not told.stops  # the axis ends there, too


# ---- axes ----


def test_both_axes_are_logarithmic_and_time_fills_the_width(ax, runs_of):
    plot_anytime(ax, {"a": runs_of([0.1, 0.5, 0.8])})
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert ax.get_xlim() == (1, 3)


def test_values_are_drawn_linearly_in_their_unit(ax, runs_of):
    plot_anytime(ax, {"a": runs_of([0.1, 0.5, 0.8])}, quantity="value")
    assert ax.get_yscale() == "linear"
    assert line_of(ax, "a").get_ydata()[[0, -1]] == pytest.approx([10, 80])


def test_a_loss_is_drawn_as_it_was_recorded_and_its_regret_as_a_distance(ax, runs_of):
    loss = runs_of([-2.5, -1.5], best=-1.0, metric="val_loss")
    plot_anytime(ax, {"a": loss}, quantity="value")
    assert line_of(ax, "a").get_ydata()[[0, -1]] == pytest.approx([2.5, 1.5])
    plot_anytime(ax, {"b": loss})
    assert line_of(ax, "b").get_ydata()[[0, -1]] == pytest.approx([1.5, 0.5])


def test_of_values_the_band_keeps_its_order(ax, runs_of):
    plot_anytime(ax, {"a": runs_of([0.1, 0.1], [0.3, 0.3], [0.5, 0.5])}, quantity="value", band=(0.0, 1.0))
    heights = band_of(ax)[:, 1]
    assert (heights.min(), heights.max()) == pytest.approx((10, 50))


def test_axes_can_be_linear_and_show_a_part(ax, runs_of):
    one = runs_of(np.linspace(0.1, 0.8, 50))
    plot_anytime(ax, {"a": one}, x_scale="linear", y_scale="linear", x_limits=(10, 20), y_limits=(0, 50))
    assert (ax.get_xscale(), ax.get_yscale()) == ("linear", "linear")
    assert (ax.get_xlim(), ax.get_ylim()) == ((10, 20), (0, 50))
    times = line_of(ax, "a").get_xdata()
    assert ((times > 10) & (times < 20)).sum() > 300  # a part is as fine as the whole


def test_a_linear_axis_begins_at_0(ax, runs_of):
    plot_anytime(ax, {"a": runs_of([0.1, 0.5, 0.8])}, x_scale="linear")
    assert ax.get_xlim() == (0, 3)


def test_a_budget_of_evaluations_is_drawn_over_evaluations_each_of_them():
    made = nbk.compare("nasbench201/cifar10", "random_search", runs=3, n_evaluations=30, n_processes=1)
    (ax,) = made.figure().axes
    assert ax.get_xlabel() == "evaluations"
    assert line_of(ax, "random search").get_xdata().tolist() == list(range(1, 31))
    (ax,) = made.figure(axis="seconds").axes
    assert ax.get_xlabel() == "simulated time [s]"
    (ax,) = made.figure(axis="epochs").axes
    assert ax.get_xlim() == (200, 6_000)


def test_lines_that_do_not_all_have_an_incumbent_do_not_take_the_room_of_the_others(ax, runs_of):
    one = runs_of([0.0, 0.89, 0.895], [-inf, 0.89, 0.895], [0.0, 0.89, 0.895])
    plot_anytime(ax, {"a": one})
    assert dotted(ax, "before")["a"].get_ydata()[0] == pytest.approx(90)
    assert ax.get_ylim()[1] < 2


def test_a_regret_of_zero_is_drawn_on_the_floor_and_labeled_0(ax, runs_of):
    told = plot_anytime(ax, {"a": runs_of([0.1, 0.5, 0.9])})
    floor = line_of(ax, "a").get_ydata()[-1]
    assert 0 < floor < 40
    assert ax.get_ylim()[0] < floor
    ticks = list(ax.yaxis.get_majorticklocs())
    labels = ax.yaxis.get_major_formatter().format_ticks(ticks)
    assert ticks[0] == floor
    assert labels[0] == "0"
    assert "0" not in labels[1:]
    assert [float(label) for label in labels[1:]] == pytest.approx(ticks[1:])
    assert told.has_zero


def test_without_a_regret_of_zero_nothing_is_labeled_0(ax, runs_of):
    told = plot_anytime(ax, {"a": runs_of([0.1, 0.5, 0.8])})
    assert "0" not in ax.yaxis.get_major_formatter().format_ticks(ax.yaxis.get_majorticklocs())
    assert not told.has_zero


def test_runs_that_all_begin_at_the_optimum_can_be_drawn(ax, runs_of):
    plot_anytime(ax, {"a": runs_of([0.9, 0.1])})
    assert (line_of(ax, "a").get_ydata() > 0).all()


def test_runs_of_one_evaluation_can_be_drawn(ax, runs_of):
    plot_anytime(ax, {"a": runs_of([0.5], [0.6])})
    assert line_of(ax, "a").get_ydata() == pytest.approx(35)


def test_a_line_without_length_is_a_point(ax, runs_of):
    plot_anytime(ax, {"a": runs_of([0.5]), "b": runs_of([0.1, 0.9])})
    (point,) = [line for line in ax.lines if line.get_marker() == "o" and line.get_linestyle() == "None"]
    assert (*point.get_ydata(), point.get_color()) == (pytest.approx(40), line_of(ax, "a").get_color())


def test_times_of_few_powers_of_ten_are_readable(ax, runs_of):
    plot_anytime(ax, {"a": runs_of([0.1, 0.5], times_s=[2e3, 5e4])})
    labels = [ax.xaxis.get_major_formatter()(tick) for tick in (1e4, 3e4)]
    assert labels == [r"$\mathdefault{10^{4}}$", r"$\mathdefault{3\times10^{4}}$"]


def test_evaluations_are_counted_in_plain_numbers(ax, runs_of):
    plot_anytime(ax, {"a": runs_of([0.1, 0.5], times_s=[1.0, 40.0], axis="evaluations")})
    assert [ax.xaxis.get_major_formatter()(tick) for tick in (1, 10, 30)] == ["1", "10", "30"]


def test_labels_of_times_are_several_and_do_not_overlap(runs_of):
    lasts_s = [1.6e4, 2.4e4, 4e4, 9.9e4, 1.1e5, 4e5, 1.4e6, 2e7, 3e9]
    panels = {f"{last_s:g}": {"a": runs_of([0.1, 0.5], times_s=[1.5e4, last_s])} for last_s in lasts_s}
    figure = compare_figure(panels)  # three in a row
    figure.draw_without_rendering()
    for ax in figure.axes:
        low, high = ax.get_xlim()
        shown = [tick.label1 for tick in ax.xaxis.get_major_ticks() if low <= tick.get_loc() <= high]
        boxes = [label.get_window_extent() for label in shown if label.get_text()]
        assert len(boxes) >= 2
        assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


# ---- choices ----


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"statistic": "mode"}, "unknown statistic 'mode'; .*median"),
        ({"quantity": "regrets"}, "unknown quantity 'regrets'; did you mean 'regret'"),
        ({"x_scale": "logit"}, "unknown x_scale 'logit'; did you mean 'log'"),
        ({"band": "errors"}, "unknown band 'errors'"),
        ({"band": (0.75, 0.25)}, r"band=\(0.75, 0.25\); two quantiles from 0 to 1 expected, the lower one first"),
        ({"band": (25, 75)}, r"band=\(25, 75\); two quantiles from 0 to 1 expected"),
        ({"band": 0.5}, r"band=0.5; two quantiles from 0 to 1 expected"),
        ({"band": "standard error"}, "a standard error is of the mean, not of the median; statistic=mean expected"),
        ({"x_limits": (5, 5)}, r"x_limits=\(5, 5\); two numbers expected, the lower one first"),
        ({"x_limits": (0, 5)}, r"x_limits=\(0, 5\); numbers above 0 expected on a logarithmic axis"),
        ({"y_limits": (float("nan"), 5)}, "y_limits=.nan, 5.; two numbers expected"),
        ({"colour": "red"}, "unknown choice of a figure over time 'colour'"),
    ],
)
def test_a_choice_that_is_none_is_one_line(choices, message):
    with pytest.raises((SettingError, UnknownNameError), match=message):
        Anytime().changed(choices)


def test_an_axis_that_was_not_counted_is_one_line(ax, runs_of):
    with pytest.raises(UnknownNameError, match="unknown axis of these runs 'epochs'; choose from seconds, evaluations"):
        plot_anytime(ax, {"a": runs_of([0.1])}, axis="epochs")


# ---- colors ----


@pytest.mark.parametrize("n", [1, 3, 7, 9, 12, 25])
def test_colors_never_repeat_and_never_go_without_another_style(panel_of_many, n):
    (ax,) = compare_figure({"b": panel_of_many(n)}).axes
    lines = [line for line in ax.lines if line.get_label().startswith(("optimizer", "random"))]
    assert len(lines) == n
    colored = [line for line in lines if line.get_color() in COLORS]
    for read in ("get_color", "get_linestyle") + ("get_marker",) * (len(colored) > 4):
        seen = [str(getattr(line, read)()) for line in colored]
        if read != "get_linestyle":  # by their names, dashed ones are one
            assert len(set(seen)) == len(colored)
    assert len({str(line._unscaled_dash_pattern) for line in colored}) == len(colored)
    assert len(colored) == (n if n <= 7 else 6)
    gray = [line for line in lines if line not in colored]
    assert {len(set(to_rgb(line.get_color()))) for line in gray} <= {1}
    assert all(line.get_linewidth() < colored[0].get_linewidth() for line in gray)


def test_of_too_many_the_best_few_and_random_search_are_in_color(panel_of_many):
    panel = panel_of_many(25)
    figure = compare_figure({"b": panel})
    shown = texts_of_legend(figure)
    assert [text.replace("\n", " ") for text in shown] == [
        "optimizer 0",
        "optimizer 1 (population size 50, sample size 25)",
        "optimizer 2",
        "optimizer 3",
        "optimizer 4",
        "random search",
        "others (19)",
    ]
    below, _ = sorted(figure.texts, key=lambda text: text is figure._supxlabel)
    assert below.get_text().replace("\n", " ").startswith("others: optimizer 5 (population size 50")
    assert below.get_text().count("optimizer") == 19


def test_those_to_highlight_are_in_color_and_no_others(panel_of_many):
    figure = compare_figure({"b": panel_of_many(4)}, highlight=["optimizer_2"])
    assert texts_of_legend(figure) == ["optimizer 2", "others (3)"]
    with pytest.raises(UnknownNameError, match="unknown optimizer to highlight 'optimizer_9'; did you mean"):
        compare_figure({"b": panel_of_many(4)}, highlight=["optimizer_9"])
    panel = panel_of_many(9)
    with pytest.raises(SettingError, match="8 optimizers to highlight; 7 at most expected, one per color"):
        compare_figure({"b": panel}, highlight=list(panel)[:8])


def test_an_optimizer_looks_the_same_in_all_panels_and_no_other_one_does(runs_of):
    one = runs_of([0.1, 0.5])
    figure = compare_figure({"x": {"a": one, "b": one}, "y": {"c": one, "a": one}, "z": {"d": one}})
    drawn = [
        (line.get_label()[0], (line.get_color(), line.get_linestyle())) for ax in figure.axes for line in ax.get_lines()
    ]
    assert [label for label, _ in drawn] == ["a", "b", "c", "a", "d"]
    assert len(set(drawn)) == 4
    assert len({color for _, (color, _) in drawn}) == 4


# ---- runs without an incumbent ----


def test_runs_that_never_have_an_incumbent_are_counted_and_are_the_worst(ax, runs_of):
    some = runs_of([0.1, 0.5], [-inf, -inf], [-inf, 0.6])
    plot_anytime(ax, {"a": some, "b": runs_of([-inf, -inf])})
    assert ax.get_legend_handles_labels()[1] == ["b, n = 0 of 1", "a, n = 2 of 3"]
    assert set(line_of(ax, "a").get_xdata()) == {2.0}  # from where both have one
    assert line_of(ax, "a").get_ydata()[-1] == pytest.approx(40)  # of 30, 40 and infinity
    figure = compare_figure({"x": {"a": some, "b": runs_of([-inf, -inf])}})
    assert texts_of_legend(figure) == ["a, n = 2 of 3", "b, n = 0 of 1"]


def test_where_most_runs_never_have_an_incumbent_there_is_no_line(ax, runs_of):
    plot_anytime(ax, {"a": runs_of([0.5], [-inf], [-inf]), "b": runs_of([0.5])})
    assert len(line_of(ax, "a").get_xdata()) == 0
    assert len(line_of(ax, "b").get_xdata()) > 0


def test_a_panel_without_any_incumbent_says_so(ax, runs_of):
    plot_anytime(ax, {"a": runs_of([-inf])})
    assert [text.get_text() for text in ax.texts] == ["no run has an incumbent"]
    compare_figure({"b": {"a": runs_of([-inf])}})


# ---- figures ----


def test_the_figure_has_one_panel_a_dataset_with_title_units_and_one_legend(panel_of_many):
    panel = panel_of_many(3)
    figure = compare_figure({"nasbench201/cifar10": panel, "nasbench201/imagenet16-120": panel}, note="One worker.")
    assert [ax.get_title().replace("\n", " ") for ax in figure.axes] == [
        "NAS-Bench-201, CIFAR-10",
        "NAS-Bench-201, ImageNet16-120",
    ]
    assert [ax.get_xlabel() for ax in figure.axes] == ["simulated time [s]"] * 2
    assert [ax.get_ylabel().replace("\n", " ") for ax in figure.axes] == [
        "regret in validation accuracy [percentage points]",
        "",
    ]
    assert len(figure.legends) == 1
    assert len(texts_of_legend(figure)) == 3
    caption = figure.get_supxlabel().replace("\n", " ")
    assert caption.startswith("Lines: median over 3 runs each; bands: 25-75 % quantiles")
    assert caption.endswith("reported by the mean of the recorded runs, regret is to the best. One worker.")


def test_the_caption_explains_what_is_there_and_nothing_else(runs_of):
    def caption(panel, **choices):
        return compare_figure({"b": panel}, **choices).get_supxlabel().replace("\n", " ")

    whole = runs_of(np.linspace(0.1, 0.8, 100), np.linspace(0.2, 0.7, 100), budgets={"seconds": 100.0})
    plain = caption({"a": whole})
    for words in ("dotted", "stroke", "no regret", "best known"):
        assert words not in plain
    assert "budget: 100 seconds" in plain
    assert "budget" not in caption({"a": whole}, note="A budget of 100.").replace("A budget of 100.", "")
    assert "dotted up to a dot: not all runs have an incumbent yet" in caption(
        {"a": runs_of([0.5, 0.5], [0.4, 0.4], [-inf, 0.6])}
    )
    short = runs_of([0.1, 0.9], [0.1, 0.5, 0.9], budgets={"seconds": 100.0})
    said = caption({"a": whole, "b": short})
    assert "dotted at the end: some runs have ended; a stroke: all have ended; 0 on the axis: no regret" in said
    assert "regret" not in caption({"a": whole}, quantity="value")
    assert "bands" not in caption({"a": whole}, band=None)
    assert "one standard error" in caption({"a": whole}, statistic="mean", band="standard error")
    assert caption({"a": runs_of([0.5, 0.6])}).startswith("Lines: one run each. Incumbents")
    assert "to the best known" in caption({"a": replace(whole, is_proven=False)})
    assert "a predicted value" in caption({"a": replace(whole, values_are="a predicted value")})
    assert compare_figure({"b": {"a": whole}}, caption=False)._supxlabel is None


def test_the_numbers_of_runs_are_said_once_where_they_are_the_same_and_else_of_each(runs_of):
    two, three = runs_of([0.5, 0.6], [0.5, 0.6]), runs_of([0.5], [0.5], [0.6])
    assert texts_of_legend(compare_figure({"x": {"a": two, "b": two}})) == ["a", "b"]
    assert texts_of_legend(compare_figure({"x": {"a": two, "b": three}})) == ["a, n = 2", "b, n = 3"]
    assert texts_of_legend(compare_figure({"x": {"a": two}, "y": {"a": three}})) == ["a, n = 2 to 3"]
    assert texts_of_legend(compare_figure({"x": {"a": two}}, caption=False)) == ["a, n = 2"]


def test_every_optimizer_of_any_panel_is_in_the_legend(runs_of):
    one = runs_of([0.5, 0.6])
    figure = compare_figure({"x": {"a": one}, "y": {"a": one, "b": one, "a b": one, "a_b": one}})
    assert texts_of_legend(figure) == ["a", "b", "a b", "a b"]


def test_the_figure_names_the_metric_that_reports(runs_of):
    (ax,) = compare_figure({"t/d": {"a": runs_of([0.1, 0.5], metric="test_accuracy")}}).axes
    assert "test accuracy" in ax.get_ylabel()


def test_what_is_no_fraction_is_shown_in_its_own_unit_with_its_device_in_brackets(runs_of):
    latency = runs_of([-250.0, -150.0], metric="latency_ms[edge_gpu]", best=-100.0)
    (ax,) = compare_figure({"t/d": {"a": latency}}).axes
    assert ax.get_ylabel() == "regret in latency ms (edge gpu) [ms]"
    assert set(line_of(ax, "a").get_ydata()) == {150, 50}


def test_panels_that_are_reported_by_different_metrics_say_so_each(runs_of):
    same, loss = runs_of([0.5, 0.8]), runs_of([0.5, 0.8], metric="val_loss")
    first, second = compare_figure({"a": {"o": same}, "b": {"o": loss}}).axes
    assert "percentage points" in first.get_ylabel()
    assert second.get_ylabel().replace("\n", " ") == "regret in validation loss [nats]"
    first, second = compare_figure({"a": {"o": same}, "b": {"o": same}}).axes
    assert second.get_ylabel() == ""


@pytest.mark.parametrize("width", ["column", "text", "slide", 4.5])
def test_a_figure_has_the_size_and_the_letters_of_its_place_in_print(runs_of, width):
    panels = {f"nasbench201/{name}": {"a": runs_of([0.1, 0.5])} for name in "xyz"}
    figure = compare_figure(panels, width=width)
    assert figure.get_figwidth() == {"column": 3.3, "text": 6.8, "slide": 11}.get(width, width)
    ax = figure.axes[0]
    letters = [ax.title, ax.xaxis.label, ax.yaxis.label, figure._supxlabel, *figure.legends[0].get_texts()]
    letters += [tick.label1 for axis in (ax.xaxis, ax.yaxis) for tick in axis.get_major_ticks()]
    sizes = {text.get_fontsize() for text in letters}
    assert sizes == ({13, 15} if width == "slide" else {7, 8})
    rows = {round(ax.get_position().y0, 2) for ax in figure.axes}
    assert len(rows) == {"column": 3, "text": 1, "slide": 2, 4.5: 2}[width]


@pytest.mark.parametrize("width", ["slides", "2 m", 1, 100, True, None])
def test_a_width_that_is_none_is_one_line(runs_of, width):
    with pytest.raises((SettingError, UnknownNameError), match=r"inches from 2 to 40 expected"):
        compare_figure({"x": {"a": runs_of([0.5])}}, width=width)


@pytest.mark.parametrize(
    ("n_optimizers", "n_panels", "width"),
    [
        (7, 1, "column"),
        (3, 4, "text"),
        (9, 1, "slide"),
        (25, 1, "column"),
        (25, 3, 4.5),
    ],
)
def test_no_text_is_cut_off_or_lies_on_another_one(panel_of_many, check_texts, n_panels, n_optimizers, width):
    panel = panel_of_many(n_optimizers)
    names = ["cifar10", "imagenet16-120", "cifar100", "mnist1d", "x"]
    figure = compare_figure(
        {f"nasbench201/{name}": panel for name in names[:n_panels]}, note="In words. " * 9, width=width
    )
    check_texts(figure)
    legend = figure.legends[0].get_window_extent()
    assert figure.bbox.x0 - 1 <= legend.x0 < legend.x1 <= figure.bbox.x1 + 1
    assert all(ax.get_tightbbox().y1 <= legend.y0 for ax in figure.axes)


@pytest.mark.parametrize("label", ["an optimizer of many words " * 9, "x_y" * 40, "costs $1_2$ and ^"], ids=len)
def test_labels_of_any_kind_stay_inside_the_figure(label, runs_of, check_texts):
    panel = {f"{label}{i}": runs_of([0.5, 0.6]) for i in range(3)}
    check_texts(compare_figure({"b": panel}, width="column"))


def test_a_figure_of_nothing_is_refused():
    with pytest.raises(SettingError, match="compare_figure of no runs"):
        compare_figure({})


@pytest.mark.parametrize(("suffix", "magic"), [("png", b"\x89PNG\r\n\x1a\n"), ("pdf", b"%PDF-")])
def test_the_figure_is_written(tmp_path, panel_of_many, suffix, magic):
    path = tmp_path / f"compare.{suffix}"
    compare_figure({"nasbench201/cifar10": panel_of_many(3)}).savefig(path)
    content = path.read_bytes()
    assert content.startswith(magic)
    assert len(content) > 5_000


# ---- the law of random search ----


@pytest.fixture(scope="module")
def law():
    return random_search_law(nbk.load("nasbench201/cifar10"), budget_s=100_000)


@pytest.fixture
def beside_the_law(runs_of):
    best = nbk.load("nasbench201/cifar10").best().value
    return {"a": runs_of([0.5, 0.8], [0.6, 0.85], best=best, times_s=[3e3, 9e4], budgets={"seconds": 1e5})}


@pytest.mark.parametrize("band", [None, (0.1, 0.9)])
def test_the_law_of_random_search_stands_behind_as_a_hatched_band_around_its_median(ax, law, beside_the_law, band):
    plot_anytime(ax, beside_the_law, law=law, band=band)
    hatched, median = ax.collections[-1], ax.lines[-1]
    assert (hatched.get_hatch(), median.get_label()) == ("////", "random search, exact law")
    times, drawn = median.get_data()
    assert times[-1] == law.times[-1]
    at = np.searchsorted(law.times, times)
    late = law.has_incumbent[at] > 1 - 1e-9
    best = beside_the_law["a"].best
    low, high = band or (0.25, 0.75)
    ends = 100 * (best - law.quantiles((high, 0.5, low))[:, at])
    np.testing.assert_allclose(drawn[late], ends[1][late])
    heights = hatched.get_paths()[0].vertices[:, 1]
    assert heights.min() == pytest.approx(ends[0].min())
    # of all runs: where less than 3 of 4 have an incumbent, it has no upper end
    assert (heights.max() > ax.get_ylim()[1]) == bool((law.has_incumbent[at] < high).any())


def test_the_line_of_the_law_begins_when_half_of_all_runs_have_an_incumbent(ax, law, beside_the_law):
    plot_anytime(ax, beside_the_law, law=law)
    times = ax.lines[-1].get_xdata()
    assert times[0] == law.times[(law.has_incumbent > 0.5).argmax()]


@pytest.mark.parametrize("statistic", ["mean", "iqm"])
def test_the_law_has_the_statistic_of_the_lines(ax, law, beside_the_law, statistic):
    plot_anytime(ax, beside_the_law, law=law, statistic=statistic)
    best = beside_the_law["a"].best
    quartiles = law.quantiles(np.linspace(0.25, 0.75, 2001).tolist()[1::2])[:, -1]
    expected = law.mean[-1] if statistic == "mean" else quartiles.mean()
    assert ax.lines[-1].get_ydata()[-1] == pytest.approx(100 * (best - expected), rel=5e-3)


def test_a_law_over_something_else_is_refused(ax, law, beside_the_law):
    with pytest.raises(SettingError, match="the law of random search is over seconds, not over evaluations"):
        plot_anytime(ax, beside_the_law, law=law, axis="evaluations")


def test_quantiles_of_all_count_runs_without_an_incumbent_as_the_worst(law):
    i = int(np.searchsorted(law.has_incumbent, 0.8))  # about a fifth has none
    share = law.has_incumbent[i]
    assert law.quantiles([0.5 * (1 - share)], of_all=True)[0, i] == -inf
    # the q-th of all is the q'-th of those with one, where 1 - q = share * (1 - q')
    for q in (0.4, 0.5, 0.9):
        assert law.quantiles([q], of_all=True)[0, i] == law.quantiles([1 - (1 - q) / share])[0, i]
    assert (law.quantiles([0.5], of_all=True)[:, -1] == law.quantiles([0.5])[:, -1]).all()


def test_a_comparison_draws_the_law_of_each_benchmark(law, monkeypatch):
    both = ["nasbench201/cifar10", "nasbench201/cifar100"]
    made = nbk.compare(both, "local_search", runs=2, budget_s=50_000, n_processes=1)
    monkeypatch.setattr(curves, "random_search_law", lambda benchmark, rules: law)  # which takes a while
    figure = made.figure(law=True)
    assert [ax.lines[-1].get_label() for ax in figure.axes] == ["random search, exact law"] * 2
    assert texts_of_legend(figure) == ["local search", "random search, exact law"]
    assert "hatched: 25-75 % of the exact law" in figure.get_supxlabel().replace("\n", " ")
    assert "budget 50,000 simulated seconds" in figure.get_supxlabel().replace("\n", " ")

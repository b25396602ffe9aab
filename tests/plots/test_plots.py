"""Figures, by the data of their artists."""

from itertools import pairwise
from math import inf

import numpy as np
import pytest
from matplotlib.figure import Figure

import nasbench_kit as nbk
from nasbench_kit.analysis import (
    Trajectories,
    quantile_curves,
    random_search_law,
    regret_curves,
    time_grid,
    trajectories_of,
)
from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers import OPTIMIZERS
from nasbench_kit.plots import compare_figure, plot_anytime
from nasbench_kit.simulator import simulate, task_of

ACCURACY, LATENCY = map(nbk.Metric.from_name, ("val_accuracy", "latency_ms[edge_gpu]"))

SEARCHES = ("random_search", "regularized_evolution", "local_search", "reinforce")


def trajectories(*runs, metric=ACCURACY, best=0.9, times_s=None, **what):
    """Runs that evaluate once a second and see these values; the best of the benchmark is 0.9."""
    told = [np.array(run) for run in runs]
    finished_s = [np.arange(1.0, len(run) + 1) if times_s is None else np.array(times_s) for run in told]
    runs = list(zip(finished_s, told, told, strict=True))
    return Trajectories.of_arrays(metric, runs, best=best, **what)


def searched(name, dataset="cifar10", n_runs=6):
    bench = nbk.load(f"nasbench201/{dataset}")
    runs = []
    for seed in range(n_runs):
        rng = np.random.default_rng(seed)
        runs.append(simulate(bench, OPTIMIZERS[name](task_of(bench), rng), rng=rng, budget_s=100_000))
    return trajectories_of(bench, runs)


@pytest.fixture(scope="module")
def panel():
    return {name: searched(name) for name in SEARCHES}


@pytest.fixture
def ax():
    return Figure().add_subplot()


def corners(ax):
    """Vertices of the first band."""
    return ax.collections[0].get_paths()[0].vertices


def test_the_line_is_the_median_regret_in_percentage_points(ax, panel):
    plot_anytime(ax, panel)
    times_s = time_grid(list(panel.values()), all_begun=True)
    for line, one in zip(ax.lines, panel.values(), strict=True):
        median = 100 * quantile_curves(regret_curves(one, times_s), (0.5,))[0]
        np.testing.assert_array_equal(line.get_xdata(), times_s)
        shown = np.asarray(line.get_ydata())
        np.testing.assert_allclose(shown[median > 0], median[median > 0])


def test_the_band_lies_between_the_two_quantiles(ax, panel):
    plot_anytime(ax, panel, band=(0.1, 0.9))
    times_s = time_grid(list(panel.values()), all_begun=True)
    low, high = 100 * quantile_curves(regret_curves(next(iter(panel.values())), times_s), (0.1, 0.9))
    assert corners(ax)[:, 1].max() == pytest.approx(high.max())
    assert corners(ax)[:, 1].min() == pytest.approx(low.min())


def test_lines_and_bands_are_steps_that_change_when_a_trial_finishes(ax):
    plot_anytime(ax, {"a": trajectories([0.1, 0.5, 0.8])})
    assert ax.lines[0].get_drawstyle() == "steps-post"
    assert set(np.unique(ax.lines[0].get_ydata()).round(6)) == {10, 40, 80}


def test_both_axes_are_logarithmic_and_time_fills_the_width(ax, panel):
    plot_anytime(ax, panel)
    times_s = time_grid(list(panel.values()), all_begun=True)
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert ax.get_xlim() == pytest.approx((times_s[0], times_s[-1]))


def test_the_legend_says_how_many_runs(ax):
    plot_anytime(ax, {"random_search": trajectories([0.1, 0.2], [0.3, 0.4], [0.3, 0.5]), "b": trajectories([0.1, 0.2])})
    assert ax.get_legend_handles_labels()[1] == ["random search, n = 3", "b, n = 1"]


def test_a_regret_of_zero_is_drawn_on_the_floor_and_labeled_0(ax):
    plot_anytime(ax, {"a": trajectories([0.1, 0.5, 0.9])})
    floor = ax.lines[0].get_ydata()[-1]
    assert 0 < floor < 40
    assert ax.get_ylim()[0] < floor
    ticks = list(ax.yaxis.get_majorticklocs())
    labels = ax.yaxis.get_major_formatter().format_ticks(ticks)
    assert ticks[0] == floor
    assert labels[0] == "0"
    assert "0" not in labels[1:]
    assert [float(label) for label in labels[1:]] == pytest.approx(ticks[1:])


def test_without_a_regret_of_zero_nothing_is_labeled_0(ax):
    plot_anytime(ax, {"a": trajectories([0.1, 0.5, 0.8])})
    assert "0" not in ax.yaxis.get_major_formatter().format_ticks(ax.yaxis.get_majorticklocs())


def test_runs_that_all_begin_at_the_optimum_can_be_drawn(ax):
    plot_anytime(ax, {"a": trajectories([0.9, 0.1])})
    assert (ax.lines[0].get_ydata() > 0).all()


def test_runs_of_one_evaluation_can_be_drawn(ax):
    plot_anytime(ax, {"a": trajectories([0.5], [0.6])})
    assert ax.lines[0].get_ydata() == pytest.approx(35)


def test_lines_differ_in_color_and_in_style(ax):
    plot_anytime(ax, {name: trajectories([0.1, 0.5]) for name in "abcd"})
    for read in ("get_color", "get_linestyle"):
        assert len({getattr(line, read)() for line in ax.lines[:3]}) == 3


def test_the_figure_has_one_panel_a_dataset_with_title_units_and_one_legend(panel):
    c100 = {name: searched(name, "cifar100") for name in SEARCHES}
    figure = compare_figure({"nasbench201/cifar10": panel, "nasbench201/cifar100": c100}, note="One worker.")
    assert [ax.get_title() for ax in figure.axes] == ["nasbench201/cifar10", "nasbench201/cifar100"]
    assert [ax.get_xlabel() for ax in figure.axes] == ["simulated time [s]"] * 2
    assert "regret of the incumbent [percentage points]" in figure.axes[0].get_ylabel()
    assert "val accuracy, the mean of the recorded runs" in figure.axes[0].get_ylabel()
    assert len(figure.legends) == 1
    assert len(figure.legends[0].get_texts()) == len(SEARCHES)
    assert "median over runs; bands: 25-75 % quantiles; 0 on the axis: no regret. One worker." in figure.get_supxlabel()
    medians = [ax.lines[0].get_ydata().max() for ax in figure.axes]
    assert medians[0] != medians[1]


def test_the_figure_names_the_metric_that_reports():
    figure = compare_figure({"t/d": {"a": trajectories([0.1, 0.5], metric=nbk.Metric.from_name("test_accuracy"))}})
    assert "test accuracy" in figure.axes[0].get_ylabel()


def test_what_is_no_fraction_is_shown_in_its_own_unit_with_its_device_in_brackets():
    latency = trajectories([-250.0, -150.0], metric=LATENCY, best=-100.0, values_are="the mean of training runs")
    figure = compare_figure({"t/d": {"a": latency}})
    label = figure.axes[0].get_ylabel()
    assert label == "regret of the incumbent [ms]\n(latency ms (edge gpu), the mean of training runs)"
    assert set(figure.axes[0].lines[0].get_ydata()) == {150, 50}


@pytest.mark.parametrize("values_are", ["the mean of training runs", "a predicted value"])
def test_what_was_never_recorded_is_not_called_recorded(values_are):
    label = compare_figure({"t/d": {"a": trajectories([0.1], values_are=values_are)}}).axes[0].get_ylabel()
    assert values_are in label
    assert "recorded" not in label


def test_times_of_few_powers_of_ten_are_readable(ax):
    plot_anytime(ax, {"a": trajectories([0.1, 0.5], times_s=[2e3, 5e4])})
    labels = [ax.xaxis.get_major_formatter()(tick) for tick in (1e4, 3e4)]
    assert labels == [r"$\mathdefault{10^{4}}$", r"$\mathdefault{3\times10^{4}}$"]


def test_evaluations_are_counted_in_plain_numbers(ax):
    plot_anytime(ax, {"a": trajectories([0.1, 0.5], times_s=[1.0, 40.0], axis="evaluations")})
    assert [ax.xaxis.get_major_formatter()(tick) for tick in (1, 10, 30)] == ["1", "10", "30"]


@pytest.mark.parametrize("last_s", [1.6e4, 2.4e4, 4e4, 9.9e4, 1.1e5, 4e5, 1.4e6, 2e7])
def test_labels_of_times_are_several_and_do_not_overlap(last_s):
    figure = compare_figure({name: {"a": trajectories([0.1, 0.5], times_s=[1.5e4, last_s])} for name in "xy"})
    figure.draw_without_rendering()
    low, high = figure.axes[0].get_xlim()
    shown = [tick.label1 for tick in figure.axes[0].xaxis.get_major_ticks() if low <= tick.get_loc() <= high]
    boxes = [label.get_window_extent() for label in shown if label.get_text()]
    assert len(boxes) >= 2
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


@pytest.mark.parametrize(
    ("clock", "label"),
    [("seconds", "simulated time [s]"), ("evaluations", "evaluations"), ("epochs", "epochs trained")],
)
def test_the_axis_names_what_the_clock_counts(clock, label):
    (ax,) = compare_figure({"b": {"o": trajectories([0.5], axis=clock)}}).axes
    assert ax.get_xlabel() == label


def test_runs_that_never_have_an_incumbent_are_counted_and_not_drawn(ax):
    plot_anytime(ax, {"a": trajectories([0.1, 0.5], [-inf, -inf], [-inf, 0.6]), "b": trajectories([-inf, -inf])})
    assert ax.get_legend_handles_labels()[1] == ["a, n = 2 of 3", "b, n = 0 of 1"]
    assert set(ax.lines[0].get_xdata()) == {2.0}  # from where both have one
    assert ax.lines[0].get_ydata()[-1] == pytest.approx(35)


def test_a_panel_without_any_incumbent_says_so(ax):
    plot_anytime(ax, {"a": trajectories([-inf])})
    assert [text.get_text() for text in ax.texts] == ["no run has an incumbent"]
    compare_figure({"b": {"a": trajectories([-inf])}})


def test_an_optimizer_looks_the_same_in_all_panels_and_no_other_one_does():
    one = trajectories([0.1, 0.5])
    figure = compare_figure({"x": {"a": one, "b": one}, "y": {"c": one, "a": one}, "z": {"d": one}})
    drawn = [
        (line.get_label()[0], (line.get_color(), line.get_linestyle())) for ax in figure.axes for line in ax.get_lines()
    ]
    assert [label for label, _ in drawn] == ["a", "b", "c", "a", "d"]
    assert len(set(drawn)) == len({look for _, look in drawn}) == 4


def test_every_optimizer_of_any_panel_is_in_the_legend():
    one = trajectories([0.5, 0.6])
    figure = compare_figure({"x": {"a": one}, "y": {"a": one, "b": one}})
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a, n = 1", "b, n = 1"]


@pytest.mark.parametrize("n_panels", [1, 3])
@pytest.mark.parametrize("label", ["mine", "an optimizer of many words " * 9, "x_y" * 40], ids=len)
def test_legend_and_caption_stay_inside_the_figure(n_panels, label):
    panel = {f"{label}{i}": trajectories([0.5, 0.6]) for i in range(3)}
    figure = compare_figure({f"b{i}": panel for i in range(n_panels)}, note="How it was made, in words. " * 5)
    figure.draw_without_rendering()
    for artist in (figure.legends[0], figure._supxlabel):
        box = artist.get_window_extent()
        assert box.x0 >= -1
        assert box.y0 >= -1
        assert box.x1 <= figure.bbox.x1 + 1
        assert box.y1 <= figure.bbox.y1 + 1


def test_a_figure_of_nothing_is_refused():
    with pytest.raises(SettingError, match="compare_figure of no runs"):
        compare_figure({})


@pytest.mark.parametrize(("suffix", "magic"), [("png", b"\x89PNG\r\n\x1a\n"), ("pdf", b"%PDF-")])
def test_the_figure_is_written(tmp_path, panel, suffix, magic):
    path = tmp_path / f"compare.{suffix}"
    compare_figure({"nasbench201/cifar10": panel}).savefig(path)
    content = path.read_bytes()
    assert content.startswith(magic)
    assert len(content) > 5_000


def test_panels_that_are_reported_by_different_metrics_say_so_each():
    same, loss = trajectories([0.5, 0.8]), trajectories([0.5, 0.8], metric=nbk.Metric.from_name("val_loss"))
    first, second = compare_figure({"a": {"o": same}, "b": {"o": loss}}).axes
    assert "percentage points" in first.get_ylabel()
    assert second.get_ylabel() == "regret of the incumbent [nats]\n(val loss, the mean of the recorded runs)"
    first, second = compare_figure({"a": {"o": same}, "b": {"o": same}}).axes
    assert second.get_ylabel() == ""


def test_the_law_of_random_search_stands_behind_as_a_hatched_band_around_its_median(ax, panel):
    law = random_search_law(nbk.load("nasbench201/cifar10"), budget_s=100_000)
    plot_anytime(ax, panel, law=law)
    band, median = ax.collections[-1], ax.lines[-1]
    assert (band.get_hatch(), median.get_label()) == ("////", "random search, exact law")
    best = nbk.load("nasbench201/cifar10").best().value
    times, drawn = median.get_data()
    at = np.searchsorted(law.times, times)
    low, middle, high = 100 * (best - law.quantiles((0.75, 0.5, 0.25))[:, at])
    np.testing.assert_allclose(drawn, middle)
    corners_y = band.get_paths()[0].vertices[:, 1]
    assert (corners_y.min(), corners_y.max()) == pytest.approx((low.min(), high.max()))


def test_a_comparison_draws_the_law_of_each_benchmark():
    made = nbk.compare(["nasbench201/cifar10", "nasbench201/cifar100"], "local_search", runs=2, budget_s=50_000)
    axes = made.figure(law=True).axes
    assert [ax.lines[-1].get_label() for ax in axes] == ["random search, exact law"] * 2

"""Figures, by the data of their artists."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import nasbench_kit as nbk
from nasbench_kit.analysis import Outcomes, judge, quantile_curves, regret_curves, time_grid
from nasbench_kit.optimizers import OPTIMIZERS
from nasbench_kit.plots import compare_figure, plot_anytime
from nasbench_kit.simulator import simulate


def outcomes(*runs, metric="val_accuracy"):
    """Runs that evaluate once a second and see these values; the best of the benchmark is 0.9."""
    told = [np.array(run) for run in runs]
    return Outcomes(metric, [np.arange(1.0, len(run) + 1) for run in told], told, told, 0.9, 1, "fraction")


def searched(name, dataset="cifar10", n_runs=6):
    bench = nbk.load(f"nasbench201/{dataset}")
    runs = []
    for seed in range(n_runs):
        rng = np.random.default_rng(seed)
        runs.append(simulate(bench, OPTIMIZERS[name](bench.space, rng), rng=rng, n_evaluations=40))
    return judge(bench, runs)


@pytest.fixture(scope="module")
def panel():
    return {name: searched(name) for name in OPTIMIZERS}


@pytest.fixture
def ax():
    return Figure().add_subplot()


def corners(ax):
    """Vertices of the first band."""
    return ax.collections[0].get_paths()[0].vertices


def test_the_line_is_the_median_regret_in_percentage_points(ax, panel):
    plot_anytime(ax, panel)
    times_s = time_grid(list(panel.values()))
    for line, one in zip(ax.lines, panel.values(), strict=True):
        median = 100 * quantile_curves(regret_curves(one, times_s), (0.5,))[0]
        np.testing.assert_array_equal(line.get_xdata(), times_s)
        shown = np.asarray(line.get_ydata())
        np.testing.assert_allclose(shown[median > 0], median[median > 0])


def test_the_band_lies_between_the_two_quantiles(ax, panel):
    plot_anytime(ax, panel, band=(0.1, 0.9))
    times_s = time_grid(list(panel.values()))
    low, high = 100 * quantile_curves(regret_curves(next(iter(panel.values())), times_s), (0.1, 0.9))
    assert corners(ax)[:, 1].max() == pytest.approx(high.max())
    assert corners(ax)[:, 1].min() == pytest.approx(low.min())


def test_lines_and_bands_are_steps_that_change_when_a_trial_finishes(ax):
    plot_anytime(ax, {"a": outcomes([0.1, 0.5, 0.8])})
    assert ax.lines[0].get_drawstyle() == "steps-post"
    assert set(np.unique(ax.lines[0].get_ydata()).round(6)) == {10, 40, 80}


def test_both_axes_are_logarithmic_and_time_fills_the_width(ax, panel):
    plot_anytime(ax, panel)
    times_s = time_grid(list(panel.values()))
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert ax.get_xlim() == pytest.approx((times_s[0], times_s[-1]))


def test_the_legend_says_how_many_runs(ax):
    plot_anytime(ax, {"random_search": outcomes([0.1, 0.2], [0.3, 0.4], [0.3, 0.5]), "b": outcomes([0.1, 0.2])})
    assert ax.get_legend_handles_labels()[1] == ["random search, n = 3", "b, n = 1"]


def test_a_regret_of_zero_is_drawn_on_the_floor_and_labeled_0(ax):
    plot_anytime(ax, {"a": outcomes([0.1, 0.5, 0.9])})
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
    plot_anytime(ax, {"a": outcomes([0.1, 0.5, 0.8])})
    assert "0" not in ax.yaxis.get_major_formatter().format_ticks(ax.yaxis.get_majorticklocs())


def test_runs_that_all_begin_at_the_optimum_can_be_drawn(ax):
    plot_anytime(ax, {"a": outcomes([0.9, 0.1])})
    assert (ax.lines[0].get_ydata() > 0).all()


def test_runs_of_one_evaluation_can_be_drawn(ax):
    plot_anytime(ax, {"a": outcomes([0.5], [0.6])})
    assert ax.lines[0].get_ydata() == pytest.approx(35)


def test_lines_differ_in_color_and_in_style(ax):
    plot_anytime(ax, {name: outcomes([0.1, 0.5]) for name in "abcd"})
    for read in ("get_color", "get_linestyle"):
        assert len({getattr(line, read)() for line in ax.lines[:3]}) == 3


def test_the_figure_has_one_panel_a_dataset_with_title_units_and_one_legend(panel):
    c100 = {name: searched(name, "cifar100") for name in OPTIMIZERS}
    figure = compare_figure({"nasbench201/cifar10": panel, "nasbench201/cifar100": c100}, note="One worker.")
    assert [ax.get_title() for ax in figure.axes] == ["nasbench201/cifar10", "nasbench201/cifar100"]
    assert [ax.get_xlabel() for ax in figure.axes] == ["simulated time [s]"] * 2
    assert "regret of the incumbent [percentage points]" in figure.axes[0].get_ylabel()
    assert "val accuracy, mean of recorded runs" in figure.axes[0].get_ylabel()
    assert len(figure.legends) == 1
    assert len(figure.legends[0].get_texts()) == len(OPTIMIZERS)
    assert "median over runs; bands: 25-75 % quantiles; 0 on the axis: no regret. One worker." in figure.get_supxlabel()
    medians = [ax.lines[0].get_ydata().max() for ax in figure.axes]
    assert medians[0] != medians[1]


def test_the_figure_names_the_metric_that_judges():
    figure = compare_figure({"t/d": {"a": outcomes([0.1, 0.5], metric="test_accuracy")}})
    assert "test accuracy" in figure.axes[0].get_ylabel()


def test_what_is_no_fraction_is_shown_in_its_own_unit():
    told = [np.array([-250.0, -150.0])]
    latency = Outcomes("latency_ms", [np.array([1.0, 2.0])], told, told, -100.0, -1, "ms")
    figure = compare_figure({"t/d": {"a": latency}})
    assert figure.axes[0].get_ylabel().startswith("regret of the incumbent [ms]")
    assert set(figure.axes[0].lines[0].get_ydata()) == {150, 50}


def test_the_device_of_a_metric_stands_in_brackets_of_its_own():
    told = [np.array([-250.0, -150.0])]
    latency = Outcomes("latency_ms[edge_gpu]", [np.array([1.0, 2.0])], told, told, -100.0, -1, "ms")
    label = compare_figure({"t/d": {"a": latency}}).axes[0].get_ylabel()
    assert label == "regret of the incumbent [ms]\n(latency ms (edge gpu), mean of recorded runs)"


def test_times_of_few_powers_of_ten_are_readable(ax):
    told = [np.array([0.1, 0.5])]
    plot_anytime(ax, {"a": Outcomes("val_accuracy", [np.array([2e3, 5e4])], told, told, 0.9, 1, "fraction")})
    labels = [ax.xaxis.get_major_formatter()(tick) for tick in (1e4, 3e4)]
    assert labels == [r"$\mathdefault{10^{4}}$", r"$\mathdefault{3\times10^{4}}$"]


def test_evaluations_are_counted_in_plain_numbers(ax):
    told = [np.array([0.1, 0.5])]
    counted = Outcomes("val_accuracy", [np.array([1.0, 40.0])], told, told, 0.9, 1, "fraction", "evaluations")
    plot_anytime(ax, {"a": counted})
    assert [ax.xaxis.get_major_formatter()(tick) for tick in (1, 10, 30)] == ["1", "10", "30"]


@pytest.mark.parametrize(("suffix", "magic"), [("png", b"\x89PNG\r\n\x1a\n"), ("pdf", b"%PDF-")])
def test_the_figure_is_written(tmp_path, panel, suffix, magic):
    path = tmp_path / f"compare.{suffix}"
    compare_figure({"nasbench201/cifar10": panel}).savefig(path)
    content = path.read_bytes()
    assert content.startswith(magic)
    assert len(content) > 5_000


def test_panels_that_are_judged_by_different_metrics_say_so_each():
    same = outcomes([0.5, 0.8])
    loss = outcomes([0.5, 0.8], metric="val_loss")._replace(unit="nats")
    first, second = compare_figure({"a": {"o": same}, "b": {"o": loss}}).axes
    assert "percentage points" in first.get_ylabel()
    assert second.get_ylabel() == "regret of the incumbent [nats]\n(val loss, mean of recorded runs)"
    first, second = compare_figure({"a": {"o": same}, "b": {"o": same}}).axes
    assert second.get_ylabel() == ""

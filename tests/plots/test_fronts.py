"""Figures of several objectives, by the data of their artists."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

import nasbench_kit as nbk
from nasbench_kit.analysis.attainment import attained_share, attainment_surface
from nasbench_kit.analysis.front_trajectories import front_trajectories_of
from nasbench_kit.analysis.volumes import INDICATORS, indicator_curves, indicator_of
from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers import OPTIMIZERS
from nasbench_kit.plots.fronts import looks_by_volume, plot_attainment, plot_attainment_difference, plot_front
from nasbench_kit.plots.volumes import plot_volume
from nasbench_kit.simulator import Rules, simulate, task_of

RULES = Rules(n_evaluations=60, clock="evaluations")
OBJECTIVES = {2: ["val_accuracy", "latency_s"], 3: ["val_accuracy", "latency_s", "params_m"]}


def searched(name, n_runs, n_objectives=2):
    bench = nbk.load("nasbench201/cifar10", objectives=OBJECTIVES[n_objectives])
    runs = []
    for seed in range(n_runs):
        rng = np.random.default_rng(seed)
        runs.append(simulate(bench, OPTIMIZERS[name](task_of(bench, RULES), rng), rng=rng, rules=RULES))
    return front_trajectories_of(bench, runs, RULES)


@pytest.fixture(scope="module")
def fronts():
    return {"random_search": searched("random_search", 7), "nsga2": searched("nsga2", 4)}


@pytest.fixture
def ax():
    return Figure().add_subplot()


def error_and_latency(reference, losses):
    accuracy, latency = reference.values(losses).T
    return np.column_stack([100 * (1 - accuracy), latency])


def corners(line):
    """Points at which a staircase turns downward: every second one."""
    return np.column_stack(line.get_data())[1::2]


def test_the_line_of_an_optimizer_is_what_half_of_its_runs_attain(ax, fronts):
    names = plot_attainment(ax, fronts)
    border, dots, *lines = ax.lines
    reference = fronts["nsga2"].reference
    np.testing.assert_allclose(np.column_stack(dots.get_data()), error_and_latency(reference, reference.front))
    np.testing.assert_allclose(corners(border), error_and_latency(reference, reference.front))
    for line, one, half in zip(lines, fronts.values(), (4, 2), strict=True):
        surface = attainment_surface(*one.points_at(), one.n_runs, half)
        np.testing.assert_allclose(corners(line), error_and_latency(reference, surface))
    assert [text for _, text in zip(*ax.get_legend_handles_labels(), strict=True)] == [
        "true front",
        "random search, n = 7",
        "NSGA-II, n = 4",
    ]
    assert names == ("validation error [%]", "latency [s]")


def test_all_of_every_front_lies_on_the_panel(ax, fronts):
    plot_attainment(ax, fronts)
    for line in ax.lines:
        x, y = line.get_data()
        assert ax.get_xlim()[0] < x.min() <= x.max() <= ax.get_xlim()[1] * (1 + 1e-9)
        assert ax.get_ylim()[0] < y.min() <= y.max() <= ax.get_ylim()[1] * (1 + 1e-9)


def test_a_front_is_drawn_as_it_was_at_a_time(ax, fronts):
    plot_attainment(ax, fronts, at=5)
    one = fronts["nsga2"]
    surface = attainment_surface(*one.points_at(5), 4, 2)
    np.testing.assert_allclose(corners(ax.lines[3]), error_and_latency(one.reference, surface))


def test_runs_without_a_front_are_counted_in_the_legend(ax, fronts):
    one = fronts["nsga2"]
    more = replace(one, starts=np.append(one.starts, one.starts[-1]), ended={"evaluations": np.full(5, 60.0)})
    plot_attainment(ax, {"nsga2": more})
    assert ax.lines[-1].get_label() == "NSGA-II, n = 4 of 5"


def test_the_cells_of_a_difference_are_the_shares_of_runs(fronts):
    axes = Figure().subplots(1, 2)
    names = plot_attainment_difference(tuple(axes), fronts)
    one, other = fronts.values()
    for ax, sign in zip(axes, (1, -1), strict=True):
        drawn = ax.collections[0]
        edges = drawn.get_coordinates()  # (n_y + 1, n_x + 1, 2)
        shares = drawn.get_array()
        middles = (edges[:-1, :-1] + edges[1:, 1:]) / 2
        assert len(shares)
        for i, j in [(0, 0), (5, 40), (30, 20), (shares.shape[0] - 1, shares.shape[1] - 1)]:
            error, latency = middles[i, j]
            target = one.reference.losses(np.array([[1 - error / 100, latency]]))[0]
            difference = np.subtract(
                *(attained_share(*each.points_at(), each.n_runs, *target[:, None])[0, 0] for each in (one, other))
            )
            expected = max(0.0, sign * difference)
            assert np.ma.filled(shares[i, j], 0.0) == pytest.approx(expected)
    assert names == ("validation error [%]", "latency [s]")


def test_points_are_those_that_runs_ended_with_and_the_steps_what_any_run_attains(ax, fronts):
    plot_front(ax, fronts)
    reference = fronts["nsga2"].reference
    for label, one in fronts.items():
        points, runs = one.points_at()
        (drawn,) = [line for line in ax.lines if line.get_gid() == f"points of {label}"]
        np.testing.assert_allclose(np.column_stack(drawn.get_data()), error_and_latency(reference, points))
        (steps,) = [line for line in ax.lines if line.get_color() == drawn.get_color() and line is not drawn]
        best = error_and_latency(reference, attainment_surface(points, runs, one.n_runs, 1))
        x, y = steps.get_data()
        assert set(map(tuple, best)) <= set(zip(x.tolist(), y.tolist(), strict=True))
        assert (np.diff(x) >= 0).all()
        assert (np.diff(y) <= 0).all()


def whole_lines(ax):
    """Lines that hold for all runs, with their labels."""
    return [line for line in ax.lines if not line.get_label().startswith("_")]


def distances_at(one, times, indicator="hypervolume"):
    made = indicator_of(one.reference, indicator)
    return np.quantile(made.distance(indicator_curves(one, times, indicator)), 0.5, axis=0, method="inverted_cdf")


@pytest.mark.parametrize("indicator", INDICATORS)
def test_the_volume_is_the_median_distance_to_the_true_front(ax, fronts, indicator):
    odd = {label: one for label, one in fronts.items() if one.n_runs % 2}  # whose median is that of a run
    plot_volume(ax, odd, indicator=indicator)
    (line,), (one,) = whole_lines(ax), odd.values()
    times, shown = line.get_data()
    np.testing.assert_allclose(shown, distances_at(one, times, indicator))
    assert (times[0], times[-1]) == (1, 60)
    assert len(ax.collections) == 1


def test_the_value_of_a_volume_is_that_of_the_true_front_less_the_distance(ax, fronts):
    one = fronts["random_search"]
    plot_volume(ax, {"random_search": one}, quantity="value", x_scale="linear", band=None)
    times, shown = whole_lines(ax)[0].get_data()
    np.testing.assert_allclose(shown, indicator_of(one.reference).at_front - distances_at(one, times))
    assert (len(ax.collections), ax.get_yscale()) == (0, "linear")


def test_three_objectives_have_a_volume(ax):
    plot_volume(ax, {"random_search": searched("random_search", 3, n_objectives=3)}, band=None)
    assert len(whole_lines(ax)) == 1


def test_a_line_begins_when_more_than_half_of_the_runs_have_a_front_and_ends_with_its_last_run(ax, fronts):
    one = fronts["nsga2"]
    spent = one.along() + np.where(one.runs > 0, 10.0, 0.0)  # all but the first run begin later
    shifted = replace(one, spent={"evaluations": spent}, ended={"evaluations": np.array([60.0, 70, 70, 65])})
    told = plot_volume(ax, {"nsga2": shifted, "random_search": fronts["random_search"]})
    whole, other = whole_lines(ax)
    assert (whole.get_xdata()[0], whole.get_xdata()[-1]) == (11, 60)
    (after,) = [line for line in ax.lines if str(line.get_gid()).startswith("after NSGA")]
    assert (after.get_xdata()[0], after.get_xdata()[-1]) == (60, 70)
    assert other.get_xdata()[-1] == 60
    assert (told.ends, told.stops) == (True, True)


def test_runs_without_any_front_are_left_out_of_a_volume(ax, fronts):
    one = fronts["nsga2"]
    none = replace(
        one,
        starts=np.zeros(3, np.intp),
        spent={"evaluations": np.zeros(0)},
        ended={"evaluations": np.ones(2)},
        points=one.points[:0],
        displaced_by=one.displaced_by[:0],
        archs=one.archs[:0],
    )
    plot_volume(ax, {"none": none, "nsga2": one})
    assert [line.get_label() for line in whole_lines(ax)] == ["NSGA-II, n = 4"]
    nothing = Figure().add_subplot()
    plot_volume(nothing, {"none": none})
    assert [text.get_text() for text in nothing.texts] == ["no run has an incumbent"]


def test_what_cannot_be_drawn_is_refused(ax, fronts):
    three = {"random_search": searched("random_search", 2, n_objectives=3)}
    with pytest.raises(SettingError, match="a figure of 3 objectives; 2 expected"):
        plot_attainment(ax, three)
    with pytest.raises(SettingError, match="fronts of no optimizer"):
        plot_volume(ax, {})
    with pytest.raises(SettingError, match="the difference of 1 optimizer; two expected"):
        plot_attainment_difference((ax, ax), {"nsga2": fronts["nsga2"]})
    with pytest.raises(SettingError, match="fronts of different benchmarks or rules"):
        plot_volume(ax, fronts | three)


# ---- figures of a study ----


@pytest.fixture(scope="module")
def made():
    benches = [nbk.load(name, objectives=OBJECTIVES[2]) for name in ("nasbench201/cifar10", "nasbench201/cifar100")]
    optimizers = ["random_search", "nsga2", "mo_regularized_evolution"]
    return nbk.compare(
        benches, optimizers, runs=3, n_evaluations=30, n_processes=1, progress=lambda *_: None, n_workers=1
    )


def caption(figure):
    return figure.get_supxlabel().replace("\n", " ")


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_final_fronts_stand_beside_the_true_one(made):
    figure = made.figure("fronts", optimizers=["nsga2", "random_search"], labels={"nsga2": "ours"})
    assert legend(figure) == ["ours", "random search", "true front"]
    assert [ax.get_title() for ax in figure.axes] == ["NAS-Bench-201, CIFAR-10", "NAS-Bench-201, CIFAR-100"]
    assert caption(figure).startswith(
        "Points: final fronts of 3 runs each; steps: what any run of an optimizer attains."
    )


def test_a_hypervolume_is_drawn_as_a_regret_is(made):
    figure = made.figure("hypervolume", benchmarks=["nasbench201/cifar10"], statistic="mean", band=None)
    (ax,) = figure.axes
    distances = indicator_of((one := made.panels["nasbench201/cifar10"].fronts["nsga2"]).reference).distance
    line = whole_lines(ax)[1]
    times, shown = line.get_data()
    np.testing.assert_allclose(shown, distances(indicator_curves(one, times)).mean(axis=0))
    assert "Lines: mean over 3 runs each. Hypervolume: share of the box from the best to the worst" in caption(figure)
    assert legend(figure) == ["random search", "NSGA-II", "multi-objective regularized evolution"]


def test_two_optimizers_show_where_they_differ_and_three_what_half_of_their_runs_attain(made):
    three = made.figure("attainment", at=10)
    assert len(three.axes) == 2
    assert "what half of 3 runs each attain by 10 evaluations" in caption(three)
    two = made.figure("attainment", benchmarks=["nasbench201/cifar10"], optimizers=["nsga2", "random_search"])
    assert [ax.get_title() for ax in two.axes] == [
        f"NAS-Bench-201, CIFAR-10: {name} attains more" for name in ("NSGA-II", "random search")
    ]
    assert legend(two)[3:] == ["0-20 %", "20-40 %", "40-60 %", "60-80 %", "80-100 %"]
    assert "Shades: by how many more of its runs a point is attained" in caption(two)


def test_more_optimizers_than_colors_are_gray_but_for_those_with_the_largest_volumes(made, fronts):
    panel = made.panels["nasbench201/cifar10"]
    best = panel.fronts["nsga2"]
    none = replace(best, points=np.full_like(best.points, 0.999))  # next to nothing is dominated
    many = {f"bad {i}": none for i in range(9)} | {"good": best, "random_search": none}
    looks = looks_by_volume({"b": many}, None)
    assert {"good", "random_search"} <= {label for label, look in looks.items() if look.in_color}
    assert len({look.color for look in looks.values() if look.in_color}) == 6


@pytest.mark.parametrize(
    ("kind", "width"), [("fronts", "column"), ("hypervolume", "text"), ("attainment", "column"), ("attainment", "text")]
)
def test_no_text_is_cut_off_or_lies_on_another_one(made, check_texts, kind, width):
    check_texts(made.figure(kind, width=width, optimizers=["nsga2", "random_search"], benchmarks="nasbench201/cifar10"))


@pytest.mark.parametrize("kind", ["fronts", "hypervolume", "attainment"])
def test_what_has_one_objective_has_no_fronts(kind):
    one = nbk.compare(
        "nasbench201/cifar10", "random_search", runs=1, n_evaluations=3, n_processes=1, progress=lambda *_: None
    )
    with pytest.raises(SettingError, match="nasbench201/cifar10 has one objective, val_accuracy; a study of several"):
        one.figure(kind)

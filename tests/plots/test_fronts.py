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
from nasbench_kit.plots.fronts import plot_attainment_difference, plot_front, plot_volume
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
    plot_front(ax, fronts)
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
        "nsga2, n = 4",
    ]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("val error [%]", "latency s [s]")


def test_all_of_every_front_lies_on_the_panel(ax, fronts):
    plot_front(ax, fronts)
    for line in ax.lines:
        x, y = line.get_data()
        assert ax.get_xlim()[0] < x.min() <= x.max() <= ax.get_xlim()[1] * (1 + 1e-9)
        assert ax.get_ylim()[0] < y.min() <= y.max() <= ax.get_ylim()[1] * (1 + 1e-9)


def test_a_front_is_drawn_as_it_was_at_a_time(ax, fronts):
    plot_front(ax, fronts, at=5)
    one = fronts["nsga2"]
    surface = attainment_surface(*one.points_at(5), 4, 2)
    np.testing.assert_allclose(corners(ax.lines[3]), error_and_latency(one.reference, surface))


def test_runs_without_a_front_are_counted_in_the_legend(ax, fronts):
    one = fronts["nsga2"]
    more = replace(one, starts=np.append(one.starts, one.starts[-1]), ended={"evaluations": np.full(5, 60.0)})
    plot_front(ax, {"nsga2": more})
    assert ax.lines[-1].get_label() == "nsga2, n = 4 of 5"


def test_the_cells_of_a_difference_are_the_shares_of_runs(fronts):
    axes = Figure().subplots(1, 2)
    mesh = plot_attainment_difference(tuple(axes), fronts)
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
    assert mesh is axes[1].collections[0]
    assert [ax.get_title() for ax in axes] == ["random search attains more", "nsga2 attains more"]


@pytest.mark.parametrize("indicator", INDICATORS)
def test_the_volume_is_the_median_distance_to_the_true_front(ax, fronts, indicator):
    plot_volume(ax, fronts, indicator=indicator)
    for line, one in zip(ax.lines, fronts.values(), strict=True):
        times, shown = line.get_data()
        made = indicator_of(one.reference, indicator)
        distances = made.distance(indicator_curves(one, times, indicator))
        np.testing.assert_allclose(shown, np.quantile(distances, 0.5, axis=0, method="inverted_cdf"))
        assert (times[0], times[-1]) == (1, 60)
    assert len(ax.collections) == 2
    assert ax.get_xlabel() == "evaluations"


def test_bands_can_be_left_out_and_three_objectives_have_a_volume(ax):
    plot_volume(ax, {"random_search": searched("random_search", 3, n_objectives=3)}, band=None)
    assert (len(ax.lines), len(ax.collections)) == (1, 0)


def test_a_line_begins_when_half_of_the_runs_have_a_front_and_ends_with_its_last_run(ax, fronts):
    one = fronts["nsga2"]
    spent = one.along() + np.where(one.runs > 0, 10.0, 0.0)  # all but the first run begin later
    shifted = replace(one, spent={"evaluations": spent}, ended={"evaluations": np.array([60.0, 70, 70, 65])})
    plot_volume(ax, {"nsga2": shifted, "random_search": fronts["random_search"]})
    times = ax.lines[0].get_xdata()
    assert 11 <= times[0] < 11.2  # two of four
    assert times[-1] == 70
    assert ax.lines[1].get_xdata()[-1] == 60


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
    assert [line.get_label() for line in ax.lines] == ["nsga2, n = 4"]


def test_what_cannot_be_drawn_is_refused(ax, fronts):
    three = {"random_search": searched("random_search", 2, n_objectives=3)}
    with pytest.raises(SettingError, match="a figure of 3 objectives; 2 expected"):
        plot_front(ax, three)
    with pytest.raises(SettingError, match="fronts of no optimizer"):
        plot_volume(ax, {})
    with pytest.raises(SettingError, match="the difference of 1 optimizers; two expected"):
        plot_attainment_difference((ax, ax), {"nsga2": fronts["nsga2"]})
    with pytest.raises(SettingError, match="fronts of different benchmarks or rules"):
        plot_volume(ax, fronts | three)

"""Indicators of fronts, by hand, against pymoo and brute force; and what `compare` says of them."""

import re
import subprocess
import sys
from math import nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nasbench_kit as nbk
from nasbench_kit.analysis.front_trajectories import FrontTrajectories, front_changes, front_trajectories_of
from nasbench_kit.analysis.fronts import Reference, reference_of
from nasbench_kit.analysis.volumes import (
    INDICATORS,
    final_indicator_values,
    in_words,
    indicator_curves,
    indicator_of,
    indicator_values,
)
from nasbench_kit.errors import SettingError, UnknownNameError
from nasbench_kit.simulator import EVALUATIONS, Rules

FRONT = np.array([[0.0, 0.6], [0.1, 0.3], [0.4, 0.1], [0.9, 0.0]])
FOUND = np.array([[0.1, 0.7], [0.3, 0.4], [0.6, 0.2], [0.5, 0.5]])
FRONT_3 = np.array([[0.0, 0.6, 0.4], [0.1, 0.3, 0.2], [0.5, 0.1, 0.8]])
FOUND_3 = np.array([[0.1, 0.7, 0.5], [0.3, 0.4, 0.2], [0.6, 0.2, 0.9]])
COORDINATE = st.sampled_from([0.0, 0.1, 0.3, 0.55, 0.8, 1.0])
RUNS = st.lists(st.lists(st.tuples(COORDINATE, COORDINATE), max_size=10), min_size=1, max_size=4)


def reference(front):
    """A scale on which values are losses."""
    metrics = tuple(nbk.Metric.from_name(f"latency_ms[{name}]") for name in "abc"[: front.shape[1]])
    zero, one = np.zeros(front.shape[1]), np.ones(front.shape[1])
    return Reference(metrics, zero, one, front, np.zeros((len(front), 1), np.uint8), is_proven=True)


def fronts(*runs, front=FRONT):
    """Runs that see these losses, one an evaluation."""
    m = front.shape[1]
    losses = [np.array(run, float).reshape(-1, m) for run in runs]
    changes = [front_changes(each) for each in losses]
    starts = np.cumsum([0, *(len(entered) for entered, _ in changes)])
    points = np.concatenate([each[entered] for each, (entered, _) in zip(losses, changes, strict=True)])
    return FrontTrajectories(
        reference=reference(front),
        by="told",
        axis=EVALUATIONS,
        starts=starts,
        spent={EVALUATIONS: np.concatenate([entered + 1.0 for entered, _ in changes])},
        ended={EVALUATIONS: np.array([float(len(each)) for each in losses])},
        displaced_by=np.concatenate([start + by for start, (_, by) in zip(starts, changes, strict=False)]),
        points=points,
        archs=np.zeros((len(points), 1), np.uint8),
    )


def slow(name, points, front):
    """The definitions, in numpy."""
    points = np.array(points)
    if name == "igd_plus":
        worse = np.maximum(points[None] - front[:, None], 0)
        return np.sqrt((worse**2).sum(axis=2)).min(axis=1).mean()
    if name == "epsilon":
        return (points[None] - front[:, None]).max(axis=2).min(axis=1).max()
    weights = (np.arange(20_000) + 0.5) / 20_000
    if name == "r2":
        return np.maximum(weights[:, None] * points[:, 0], (1 - weights)[:, None] * points[:, 1]).min(axis=1).mean()
    return (1 - np.where(points[:, 0] <= weights[:, None], points[:, 1], 1.0).min(axis=1)).mean()


# ---- one front ----


@pytest.mark.parametrize(
    ("found", "front", "volume", "igd_plus"),
    # pymoo 0.6.2: HV(ref_point=np.ones(m))(found), IGDPlus(front)(found)
    [(FOUND, FRONT, 0.56, 0.19715873793431687), (FOUND_3, FRONT_3, 0.374, 0.19000565308791814)],
    ids=["two objectives", "three objectives"],
)
def test_hypervolume_and_igd_plus_are_those_of_pymoo(found, front, volume, igd_plus):
    assert indicator_of(reference(front), "hypervolume").measure(found) == pytest.approx(volume, rel=1e-12)
    assert indicator_of(reference(front), "igd_plus").measure(found) == pytest.approx(igd_plus, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "value"),
    # the point (0.5, 0.5): a quarter of the box; worse than the four of the front by these distances; to be moved by
    # 0.5; half of the larger one of the weights w and 1 - w, which is 0.75 on average
    [
        ("hypervolume", 0.25),
        ("igd_plus", (0.5 + np.hypot(0.4, 0.2) + np.hypot(0.1, 0.4) + 0.5) / 4),
        ("epsilon", 0.5),
        ("r2", 0.375),
    ],
)
def test_indicators_of_one_point_by_hand(name, value):
    assert indicator_of(reference(FRONT), name).measure(np.array([[0.5, 0.5]])) == pytest.approx(value)


@pytest.mark.parametrize("name", INDICATORS)
@given(points=st.lists(st.tuples(COORDINATE, COORDINATE), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_indicators_are_what_their_definitions_say(name, points):
    found = indicator_of(reference(FRONT), name).measure(np.array(points))
    assert found == pytest.approx(slow(name, points, FRONT), abs=2e-4 if name in ("hypervolume", "r2") else 1e-12)


@pytest.mark.parametrize("name", INDICATORS)
def test_the_true_front_is_at_distance_0_and_all_else_farther(name):
    made = indicator_of(reference(FRONT), name)
    assert made.distance(np.array([made.measure(FRONT)])) == 0
    assert made.distance(np.array([made.measure(FOUND)])) > 0


@pytest.mark.parametrize("name", INDICATORS)
def test_what_was_told_may_lie_beyond_the_box(name):
    made = indicator_of(reference(FRONT), name)
    lucky, unlucky = (made.measure(np.array([point])) for point in ([-0.1, 0.5], [1.2, 0.5]))
    assert np.isfinite([lucky, unlucky]).all()
    assert made.distance(np.array([lucky])) < made.distance(np.array([unlucky]))


def test_an_unknown_indicator_is_refused():
    with pytest.raises(
        UnknownNameError, match="unknown indicator 'gd'; choose from hypervolume, igd_plus, epsilon, r2"
    ):
        indicator_of(reference(FRONT), "gd")


def test_r2_of_three_objectives_is_refused():
    with pytest.raises(SettingError, match="r2 of 3 objectives; it is exact for two: choose hypervolume"):
        indicator_curves(fronts([(0.5, 0.5, 0.5)], front=FRONT_3), np.ones(1), "r2")


# ---- over time ----


def test_the_hypervolume_of_a_run_by_hand():
    one = fronts([(0.5, 0.5), (0.9, 0.9), (0.2, 0.8), (0.1, 0.1)], [(0.8, 0.8)], [])
    curves = indicator_curves(one, np.array([0.0, 1.0, 2.5, 3.0, 4.0, 99.0]))
    np.testing.assert_allclose(curves, [[0, 0.25, 0.25, 0.31, 0.81, 0.81], [0, *[0.04] * 5], [0] * 6])


def test_other_indicators_are_unknown_as_long_as_there_is_no_front():
    curves = indicator_curves(fronts([(0.5, 0.5)], []), np.array([0.0, 1.0]), "epsilon")
    np.testing.assert_allclose(curves, [[nan, 0.5], [nan, nan]])
    np.testing.assert_allclose(final_indicator_values(fronts([(0.5, 0.5)], []), "epsilon"), [0.5, nan])


@pytest.mark.parametrize("name", INDICATORS)
@given(runs=RUNS)
@settings(max_examples=40, deadline=None)
def test_the_value_over_time_is_that_of_all_points_so_far(name, runs):
    one = fronts(*runs)
    made = indicator_of(one.reference, name)
    curves = indicator_curves(one, np.arange(1.0, 11), name)
    for curve, points in zip(curves, runs, strict=True):
        for n, value in enumerate(curve, 1):
            if points[:n]:
                assert value == pytest.approx(made.measure(np.array(points[:n])), abs=1e-12)
    np.testing.assert_array_equal(curves[:, -1], final_indicator_values(one, name))
    distances = made.distance(curves)
    assert not (np.diff(distances, axis=1) > 1e-12).any()  # it never gets worse


def test_what_is_reported_may_get_worse_when_a_newcomer_was_lucky(letters, records):
    bench = letters(
        benchmark={"objectives": ["val_accuracy", "latency_ms"]},
        val_accuracy=[0.9, 0.6, 0.5],
        latency_ms=[2.0, 2.0, 3.0],
    )
    run = records([0, 1], [0.9, 0.95], values=[(0.9, 2.0), (0.95, 2.0)])
    found = front_trajectories_of(bench, [run], Rules(n_evaluations=2))
    reported = indicator_values(found, indicator_of(found.reference))
    assert reported[1] < reported[0]
    told = front_trajectories_of(bench, [run], Rules(n_evaluations=2), by="told")
    assert np.diff(indicator_values(told, indicator_of(told.reference)))[0] > 0


# ---- in a comparison ----


@pytest.fixture(scope="module")
def comparison():
    return nbk.compare("nasbench201/cifar10", ["RS", "NSGA-II"], protocol="multi_objective", runs=3, n_processes=1)


def test_a_comparison_of_several_objectives_shows_the_hypervolume(comparison):
    panel = comparison.panels["nasbench201/cifar10"]
    volumes = final_indicator_values(panel.fronts["NSGA-II"])
    assert volumes.shape == (3,)
    head, rows = comparison.cells()
    assert head[-1] == "hypervolume"
    assert rows[2][-1] == f"{volumes.mean():.4f} ± {volumes.std(ddof=1):.4f}"
    assert {len(row) for row in rows} == {len(head)}
    assert comparison.table()[1]["hypervolume"] == pytest.approx(volumes.mean())
    said = in_words(panel.fronts["RS"].reference)
    assert f"hypervolume on nasbench201/cifar10: {said}; mean" in " ".join(comparison.notes())


def test_the_unit_of_an_objective_stands_behind_its_values_alone(comparison):
    said = in_words(comparison.panels["nasbench201/cifar10"].fronts["RS"].reference)
    assert re.search(r"\(val accuracy [\d.]+ to [\d.]+ %, latency [\d.]+ to [\d.]+ s\)", said)
    caption = " ".join(comparison.figure("hypervolume").get_supxlabel().split())
    assert said.partition("(")[2].partition(")")[0] in caption


def test_the_hypervolume_of_a_real_run_is_the_union_of_the_boxes_of_all_it_evaluated(comparison):
    fronts = comparison.panels["nasbench201/cifar10"].fronts["RS"]
    bench = nbk.load("nasbench201/cifar10", objectives=["val_accuracy", "latency_s"])
    points, runs = fronts.points_at()
    for run, volume in enumerate(final_indicator_values(fronts)):
        assert volume == pytest.approx(slow("hypervolume", points[runs == run], None), abs=2e-4)
    best = indicator_of(reference_of(bench)).at_front
    assert (final_indicator_values(fronts) < best).all()
    assert best == pytest.approx(0.95204, abs=1e-5)  # pymoo 0.6.2: HV of Benchmark.true_front(), scaled to its box


def test_a_comparison_of_one_objective_shows_none(letters):
    bench = letters(val_accuracy=[0.9, 0.6, 0.5])
    made = nbk.compare(bench, "random_search", runs=2, n_evaluations=3, n_processes=1)
    assert made.cells()[0][-1] == "kept"
    assert "hypervolume" not in made.table()[0]
    assert not made.panels[bench.name].fronts


@pytest.mark.parametrize("metric", ["latency_ms", "top5_accuracy"])
def test_a_metric_that_is_the_same_for_all_takes_nothing_from_the_volume(letters, records, metric):
    objectives = ["val_accuracy", metric]
    bench = letters(benchmark={"objectives": objectives}, val_accuracy=[0.9, 0.7, 0.5], **{metric: [0.25] * 3})
    run = records([2, 1, 0], [0.5, 0.7, 0.9], values=[(0.5, 0.25), (0.7, 0.25), (0.9, 0.25)])
    fronts = front_trajectories_of(bench, [run], Rules(n_evaluations=3))
    np.testing.assert_allclose(indicator_curves(fronts, np.array([1.0, 2.0, 3.0])), [[0, 0.5, 1]])
    np.testing.assert_allclose(fronts.reference.values(fronts.points), run.values)


def test_the_analysis_is_imported_without_moocore():
    script = "import sys, nasbench_kit.analysis, nasbench_kit.comparison; print('moocore' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"

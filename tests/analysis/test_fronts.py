"""The front of a benchmark and the fronts of runs, by hand and against slow and obvious implementations."""

from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nasbench_kit as nbk
from nasbench_kit.analysis.front_trajectories import front_changes, front_trajectories_of
from nasbench_kit.analysis.fronts import check_fronts, non_dominated, reference_of
from nasbench_kit.errors import NotRecordedError, SettingError, UnknownNameError
from nasbench_kit.simulator import EVALUATIONS, SECONDS, Rules

FEW = st.sampled_from([0.0, 0.25, 0.5, 1.0])  # so that points are equal and share coordinates
POINTS = st.integers(2, 3).flatmap(lambda m: st.lists(st.tuples(*[FEW] * m), min_size=1, max_size=12))
SEVERAL = {"objectives": ["val_accuracy", "latency_ms"]}
BY_EVALUATIONS = Rules(n_evaluations=9, clock=EVALUATIONS)


def dominates(a, b):
    return all(x <= y for x, y in zip(a, b, strict=True)) and a != b


def slow_fronts(points):
    """Positions of the non-dominated points after each one, of equal ones the first."""
    found = []
    for n in range(1, len(points) + 1):
        seen = points[:n]
        front = [i for i, p in enumerate(seen) if not any(dominates(q, p) for q in seen) and p not in seen[:i]]
        found.append(front)
    return found


# ---- the front of a benchmark ----


@given(points=POINTS)
@settings(max_examples=100, deadline=None)
def test_a_point_is_on_the_front_if_no_other_dominates_it(points):
    expected = [not any(dominates(q, p) for q in points) for p in points]
    assert non_dominated(np.array(points)).tolist() == expected


def test_no_points_have_no_front():
    assert non_dominated(np.empty((0, 2))).tolist() == []


@pytest.fixture
def two(letters):
    """Six letters: a, c and d are on the front; b is dominated; the latency of e and the accuracy of f are unknown."""
    return letters(
        benchmark=SEVERAL,
        val_accuracy=[0.9, 0.7, 0.8, 0.6, 0.95, nan],
        latency_ms=[30.0, 25.0, 20.0, 10.0, nan, 5.0],
    )


def test_the_reference_point_is_the_worst_recorded_and_the_ideal_the_best_each_metric_by_itself(two):
    reference = reference_of(two)
    assert reference.worst.tolist() == list(two.reference_point()) == [0.6, 30.0]
    assert reference.ideal.tolist() == [0.95, 5.0]


def test_what_lacks_a_value_is_not_on_the_front(two):
    reference = reference_of(two)
    assert reference.archs.tolist() == [[0], [2], [3]]
    assert reference.is_proven
    np.testing.assert_allclose(reference.values(reference.front), [[0.9, 30], [0.8, 20], [0.6, 10]])


def test_losses_are_0_at_the_best_and_1_at_the_worst_whatever_the_direction(two):
    reference = reference_of(two)
    losses = reference.losses(np.array([[0.95, 5.0], [0.6, 30.0], [0.775, 17.5]]))
    np.testing.assert_allclose(losses, [[0, 0], [1, 1], [0.5, 0.5]])


def test_constraints_change_the_front_and_not_the_scale(letters):
    columns = {"val_accuracy": [0.9, 0.8, 0.7], "latency_ms": [30.0, 20.0, 10.0], "params_m": [3.0, 1.0, 2.0]}
    free = reference_of(letters(benchmark=SEVERAL, **columns))
    limited = reference_of(letters(benchmark=SEVERAL | {"constraints": ["params_m<=1.5"]}, **columns))
    assert limited.archs.tolist() == [[1]]
    assert (limited.worst.tolist(), limited.ideal.tolist()) == (free.worst.tolist(), free.ideal.tolist())


@pytest.mark.parametrize("constraints", [[], ["params_m<=0.5"]], ids=["all", "the small ones"])
def test_the_front_of_a_real_table_is_the_true_front_of_its_benchmark(constraints):
    objectives = ["val_accuracy", "latency_s"]
    bench = nbk.load("nasbench201/cifar10", objectives=objectives, constraints=constraints)
    reference = reference_of(bench)
    np.testing.assert_array_equal(reference.archs, bench.true_front())
    assert tuple(reference.worst) == bench.reference_point()
    values = np.stack([bench.values(name, reference.archs) for name in objectives], axis=1)
    np.testing.assert_allclose(reference.values(reference.front), values)


def test_fronts_are_reported_by_the_test_metrics_that_belong_to_the_objectives(letters):
    bench = letters(
        benchmark=SEVERAL,
        val_accuracy=[0.9, 0.8, 0.7],
        test_accuracy=[0.75, 0.85, 0.6],
        latency_ms=[30.0, 20.0, 10.0],
    )
    assert [metric.name for metric in reference_of(bench).metrics] == ["test_accuracy", "latency_ms"]
    assert reference_of(bench).archs.tolist() == [[1], [2]]
    assert reference_of(bench, by="told").archs.tolist() == [[0], [1], [2]]


def test_the_front_that_is_told_is_that_at_the_epoch_of_the_rules(make_table, stored):
    early, late = [0.1, 0.5, 0.2, 0.2, 0.2, 0.2], [0.9, 0.6, 0.2, 0.2, 0.2, 0.2]
    table = make_table(
        stored("val_accuracy", [[early, late]], epochs=(1, 2)), stored("latency_ms[chip]", [6.0, 5, 4, 3, 3, 3])
    )
    bench = nbk.Benchmark(table, "d", objectives=["val_accuracy", "latency_ms[chip]"])
    assert reference_of(bench, Rules(epoch=1), by="told").ideal[0] == 0.5
    assert reference_of(bench, Rules(epoch=1)).ideal[0] == 0.9


@pytest.mark.parametrize(
    ("benchmark", "columns", "error", "message"),
    [
        ({}, {}, SettingError, "has one objective, val_accuracy, so no front; give two or more"),
        (
            SEVERAL | {"constraints": ["latency_ms<=5"]},
            {},
            NotRecordedError,
            r"no architecture has values of val_accuracy, latency_ms and keeps to latency_ms<=5",
        ),
    ],
    ids=["one objective", "none feasible"],
)
def test_without_a_front_there_is_one_clear_line_before_anything_runs(letters, benchmark, columns, error, message):
    bench = letters(
        benchmark=benchmark, **{"val_accuracy": [0.9, 0.8, 0.7], "latency_ms": [30.0, 20.0, 10.0]} | columns
    )
    with pytest.raises(error, match=message):
        reference_of(bench)
    if benchmark:
        with pytest.raises(error, match=message):
            check_fronts(bench, Rules())


def test_what_fronts_are_measured_by_is_one_of_two(two):
    with pytest.raises(SettingError, match="by='test'; choose from 'reported', 'told'"):
        reference_of(two, by="test")


def test_fronts_that_cannot_be_reported_are_refused_before_they_are_searched(letters):
    bench = letters(
        benchmark=SEVERAL,
        val_accuracy=[0.9, 0.8, 0.7],
        test_accuracy=[0.75, nan, 0.6],
        latency_ms=[30.0, 20.0, 10.0],
    )
    with pytest.raises(
        SettingError, match="test_accuracy, which fronts are reported by, was not recorded for 1 of the 3"
    ):
        check_fronts(bench, Rules())


# ---- the fronts of runs ----


def fronts_after_each(points):
    """What `front_changes` says, as positions after each point."""
    entered, displaced_by = front_changes(np.array(points))
    return [
        [
            int(p)
            for k, p in enumerate(entered)
            if p < n and (displaced_by[k] == len(entered) or entered[displaced_by[k]] >= n)
        ]
        for n in range(1, len(points) + 1)
    ]


@given(points=POINTS)
@settings(max_examples=100, deadline=None)
def test_a_front_holds_what_nothing_that_came_so_far_dominates(points):
    assert fronts_after_each(points) == slow_fronts(points)


@pytest.mark.parametrize("n_objectives", [2, 3])
def test_the_front_of_a_long_run_is_that_of_all_its_points(n_objectives):
    points = np.random.default_rng(0).integers(0, 60, (1_000, n_objectives)).astype(float)  # several blocks, many ties
    entered, displaced_by = front_changes(points)
    members = entered[displaced_by == len(entered)]
    assert set(map(tuple, points[members])) == set(map(tuple, points[non_dominated(points)]))
    assert len(np.unique(points[members], axis=0)) == len(members)


def test_no_points_make_an_empty_front():
    entered, displaced_by = front_changes(np.empty((0, 2)))
    assert (entered.tolist(), displaced_by.tolist()) == ([], [])


def test_the_fronts_of_a_run_by_hand(two, records):
    # d, then b, then c which dominates b, then a, then c again which does not enter
    values = [(0.6, 10.0), (0.7, 25.0), (0.8, 20.0), (0.9, 30.0), (0.8, 20.0)]
    run = records([3, 1, 2, 0, 2], [first for first, _ in values], values=values)
    fronts = front_trajectories_of(two, [run], BY_EVALUATIONS)
    assert fronts.archs.ravel().tolist() == [3, 1, 2, 0]
    assert fronts.displaced_by.tolist() == [4, 2, 4, 4]
    assert fronts.along().tolist() == [1, 2, 3, 4]
    assert fronts.ended[EVALUATIONS].tolist() == [5]
    letters = [sorted(fronts.archs[fronts.are_members(n)].ravel().tolist()) for n in range(6)]
    assert letters == [[], [3], [1, 3], [2, 3], [0, 2, 3], [0, 2, 3]]


def test_what_was_told_selects_and_what_is_reported_reports(letters, records):
    bench = letters(benchmark=SEVERAL, val_accuracy=[0.9, 0.8, 0.7], latency_ms=[30.0, 30.0, 10.0])
    lucky = [(0.85, 30.0), (0.95, 30.0)]  # an unlucky run of a, a lucky one of b
    run = records([0, 1], [0.85, 0.95], values=lucky)
    reported, told = (front_trajectories_of(bench, [run], BY_EVALUATIONS, by=by) for by in ("reported", "told"))
    for fronts in (reported, told):
        assert fronts.archs[fronts.are_members()].tolist() == [[1]]
    assert reported.reference.values(reported.points[reported.are_members()]).tolist() == [[pytest.approx(0.8), 30.0]]
    assert told.reference.values(told.points[told.are_members()]).tolist() == [[pytest.approx(0.95), 30.0]]


def test_failed_and_infeasible_and_unknown_evaluations_never_count(two, records):
    values = [(0.9, 1.0), (nan, nan), (0.8, 20.0), (0.99, nan)]
    run = records(
        [0, 1, 2, 4],
        [first for first, _ in values],
        values=values,
        violation=[0.5, 0, 0, 0],
        failed=[False, True, False, False],
    )
    assert front_trajectories_of(two, [run], BY_EVALUATIONS).archs.tolist() == [[2]]


def test_runs_without_a_front_keep_their_place(two, records):
    values = [(0.8, 20.0)]
    some = records([2], [0.8], values=values)
    none = records([2], [0.8], values=values, violation=[1.0])
    empty = records([], [], values=np.empty((0, 2)))
    fronts = front_trajectories_of(two, [none, some, empty, some], Rules(budget_s=5))
    assert fronts.starts.tolist() == [0, 0, 1, 1, 2]
    assert fronts.runs.tolist() == [1, 3]
    assert fronts.ended[SECONDS].tolist() == [1, 1, 0, 1]
    curves = fronts.curves(np.array([7.0, 8.0]), np.array([0.5, 1.0, 99.0]))
    np.testing.assert_array_equal(curves, [[nan] * 3, [nan, 7, 7], [nan] * 3, [nan, 8, 8]])


def test_fronts_at_a_time_are_those_of_each_run_then(two, records):
    one = records([3, 2], [0.6, 0.8], values=[(0.6, 10.0), (0.8, 20.0)])
    other = records([1, 2], [0.7, 0.8], values=[(0.7, 25.0), (0.8, 20.0)], finished_s=[1.0, 4.0])
    fronts = front_trajectories_of(two, [one, other], Rules(budget_s=5))
    for at, expected in [(0.5, []), (2.0, [(0, 3), (0, 2), (1, 1)]), (inf, [(0, 3), (0, 2), (1, 2)])]:
        there = fronts.are_members(at)
        assert list(zip(fronts.runs[there], fronts.archs[there, 0], strict=True)) == expected
        points, runs = fronts.points_at(at)
        assert (len(points), runs.tolist()) == (len(expected), [run for run, _ in expected])


def test_an_axis_that_was_not_counted_is_refused(two, records):
    fronts = front_trajectories_of(two, [records([3], [0.6], values=[(0.6, 10.0)])], Rules(budget_s=5))
    with pytest.raises(UnknownNameError, match="unknown axis of these runs 'joules'; choose from evaluations, seconds"):
        fronts.along("joules")


def test_no_runs_have_no_fronts(two):
    with pytest.raises(SettingError, match="no run, so no front; give one or more"):
        front_trajectories_of(two, [])

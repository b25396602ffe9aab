"""Limits that an architecture must keep to: said exactly, kept by the best, the same wherever runs are made."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import nasbench_kit as nbk
from nasbench_kit.benchmark import Constraint
from nasbench_kit.errors import NotRecordedError, SettingError
from nasbench_kit.study import Configuration
from nasbench_kit.study.running import benchmark_of

numbers = st.floats(allow_nan=False, allow_infinity=False)


@given(numbers, st.none() | numbers, st.booleans())
@example(0.004913330078125, None, True)
@example(1e-5, 1e22, False)
def test_a_constraint_is_read_from_its_text_to_the_last_digit(limit, other, is_upper):
    if other is None:
        constraint = Constraint("latency_ms[chip]", *((limit, None) if is_upper else (None, limit)))
    else:
        constraint = Constraint("latency_ms[chip]", max(limit, other), min(limit, other))
    assert Constraint.parse(str(constraint)) == constraint


def test_a_limit_is_said_as_it_was_typed():
    for text in ("latency_ms[edgegpu]<=5", "params_m>=0.5", "1<=params_m<=5.25"):
        assert str(Constraint.parse(text)) == text
    assert str(Constraint.of(Constraint("params_m", np.float32(0.5), np.int64(0)))) == "0<=params_m<=0.5"


@pytest.mark.parametrize(
    ("constraints", "message"),
    [
        ([5], "5 is no constraint; a text like"),
        ("params_m<=5", "constraints='params_m<=5'; a list of them expected"),
        (5, "constraints=5; a list of them expected"),
        ([Constraint("params_m")], "at_most, at_least or both expected"),
        ([Constraint("params_m", "five")], "finite numbers"),
        ([Constraint("params_m", 1.0, 2.0)], "no params_m is at least 2 and at most 1"),
        (["2<=params_m<=1"], "no params_m is at least 2 and at most 1"),
        (["a<=params_m<=1"], "'a<=params_m<=1' is no constraint"),
    ],
)
def test_what_is_no_constraint_is_refused(constraints, message):
    with pytest.raises(SettingError, match=message):
        nbk.load("nasbench201/cifar10", constraints=constraints)


def test_runs_are_made_under_the_very_limit_that_was_given():
    whole = nbk.load("nas_bench_graph/cora")
    archs = whole.search_space().all_archs()[:200]
    latencies = whole.values("latency_s", archs)
    for latency in latencies[:20].tolist():
        for constraint in (f"latency_s<={latency!r}", Constraint("latency_s", latency, 0.0)):
            bench = nbk.load("nas_bench_graph/cora", constraints=[constraint])
            again = benchmark_of(
                Configuration.of(bench, "random_search", rules=nbk.Rules(n_evaluations=1, clock="evaluations"))
            )
            assert again.constraints == bench.constraints
            assert (again.feasible(archs) == (latencies <= latency)).all()


def test_two_sided_limits_are_compared_under():
    bench = nbk.load("nasbench201/cifar10", constraints=[Constraint("params_m", 0.6, 0.3)])
    made = nbk.compare(bench, ["random_search"], runs=2, n_evaluations=100, n_processes=1)
    (one,) = made.trajectories[bench.name].values()
    assert one.best == nbk.load("nasbench201/cifar10", constraints=["0.3<=params_m<=0.6"]).best().value
    assert "keep to 0.3<=params_m<=0.6" in made.in_words


def test_two_limits_so_close_that_they_look_alike_make_two_configurations():
    made = [
        Configuration.of(
            nbk.load("nas_bench_graph/cora", constraints=[f"latency_s<={limit!r}"]),
            "random_search",
            rules=nbk.Rules(n_evaluations=1, clock="evaluations"),
        ).identity
        for limit in (0.002070414, 0.0020704141)
    ]
    assert made[0] != made[1]


def test_the_best_keeps_to_the_constraints():
    free, bound = nbk.load("nasbench201/cifar10"), nbk.load("nasbench201/cifar10", constraints=["params_m<=0.5"])
    archs = free.space.all_archs()
    small = archs[free.values("params_m", archs) <= 0.5]
    assert bound.best().value == free.values("val_accuracy", small).max() < free.best().value
    assert bound.values("params_m", [bound.best().arch])[0] <= 0.5
    assert bound.is_best_proven()
    none = nbk.load("nasbench201/cifar10", constraints=["params_m<=0.01", "flops_m>=1000"])
    with pytest.raises(NotRecordedError, match=r"keeps to params_m<=0.01 and flops_m>=1000"):
        none.best()


def test_of_a_space_too_large_to_look_at_the_best_under_a_limit_is_not_proven():
    bench = nbk.load("nasbench301/cifar10", constraints=["val_accuracy<=0.94"])
    assert bench.best().value <= 0.94
    assert not bench.is_best_proven()


@pytest.mark.parametrize(
    "how",
    [
        {"objectives": ["test_accuracy"]},
        {"objectives": ["val_accuracy", "test_accuracy"]},
        {"constraints": ["test_accuracy>=0.8"]},
    ],
    ids=str,
)
def test_no_search_is_told_what_it_is_reported_by(how):
    with pytest.raises(SettingError, match=r"test_accuracy is what incumbents are reported by, .*; give val_accuracy"):
        nbk.load("nasbench201_mnist1d/mnist1d", **how)


def test_two_benchmarks_of_one_name_are_not_taken_for_one():
    plain, bound = nbk.load("nasbench201/cifar10"), nbk.load("nasbench201/cifar10", constraints=["params_m<=1"])
    with pytest.raises(SettingError, match=r"two benchmarks called 'nasbench201/cifar10' differ in their constraints"):
        nbk.compare([plain, bound], ["random_search"], runs=1, n_evaluations=1)
    several = nbk.load("nasbench201/cifar10", objectives=["val_accuracy", "params_m"])
    with pytest.raises(SettingError, match="differ in their objectives"):
        nbk.compare([plain, several], ["random_search"], runs=1, n_evaluations=1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1<=params_m<=2", [0.5, 0, -0.25, 0, 0.5]),
        ("params_m<=2", [-1.5, -1, -0.75, 0, 0.5]),
        ("params_m>=1", [0.5, 0, -0.25, -1, -1.5]),
    ],
)
def test_what_exceeds_a_limit_or_keeps_to_it_is_told_in_the_unit_of_its_metric(text, expected):
    assert [Constraint.parse(text).exceeded_by(value) for value in (0.5, 1.0, 1.25, 2.0, 2.5)] == expected


@pytest.mark.parametrize("text", ["a<=2", "a>=1", "1<=a<=2"])
def test_many_values_exceed_a_limit_as_much_as_each_does(text):
    limit, values = Constraint.parse(text), np.array([0.5, 1, 1.5, 2, 2.5])
    assert limit.exceeded_by_many(values).tolist() == [limit.exceeded_by(value) for value in values.tolist()]
    assert np.isnan(limit.exceeded_by_many(np.array([np.nan]))).all()

"""Our benchmarks by the interface of HPOBench."""

import math

import numpy as np
import pytest

from nasbench_kit.errors import NotRecordedError, SettingError, UnknownNameError

pytest.importorskip("ConfigSpace", reason="ConfigSpace is absent: pip install 'nasbench-kit[configspace]'")

from nasbench_kit.adapters.hpobench import HPOBenchmark

BEST = (3, 3, 3, 1, 3, 2)


def test_the_interface_is_that_of_hpobench():
    # AbstractBenchmark, https://github.com/automl/HPOBench, hpobench/abstract_benchmark.py (0.0.10)
    for name in (
        "objective_function",
        "objective_function_test",
        "get_configuration_space",
        "get_fidelity_space",
        "get_meta_information",
        "__call__",
    ):
        assert callable(getattr(HPOBenchmark, name))


def test_a_function_value_is_a_validation_loss_and_its_cost_counts_the_first_epoch(curves, cell):
    bench = HPOBenchmark(curves, run="mean")
    assert [*bench.configuration_space] == sorted(cell)
    for fidelity, epoch in (({"epoch": 1}, 1), ({"epoch": 12}, 12), (None, 36), ({}, 36)):
        answer = curves.query(BEST, epoch=epoch)
        found = bench.objective_function(cell, fidelity)
        assert set(found) == {"function_value", "cost", "info"}
        assert found["function_value"] == bench(cell, fidelity=fidelity) == 1 - answer.val_accuracy
        assert found["cost"] == answer.cost_s > 0
        assert found["info"]["fidelity"] == {"epoch": epoch}
    assert bench.objective_function(cell, {"epoch": 2})["cost"] == pytest.approx(
        2 * bench.objective_function(cell, {"epoch": 1})["cost"], rel=0.2
    )


def test_what_a_search_is_told_holds_no_test_metric_and_the_test_function_no_validation_metric(curves, cell):
    bench = HPOBenchmark(curves, run="mean")
    assert "test" not in repr(bench.objective_function(cell))
    tested = bench.objective_function_test(cell)
    true = curves.values("test_accuracy", [BEST])[0]
    assert tested["function_value"] == 1 - true != bench(cell)
    assert tested["info"]["test_accuracy"] == true
    assert "val_" not in repr(tested)
    assert tested["cost"] == curves.query(BEST).cost_s


def test_the_test_function_is_refused_where_no_test_metric_was_recorded(budgets):
    with pytest.raises(
        NotRecordedError, match=r"^nasbench101/cifar10 records no test metric that belongs to val_accuracy$"
    ):
        HPOBenchmark(budgets).objective_function_test({})


def test_runs_are_drawn_by_the_generator_of_the_call_else_of_the_benchmark(curves, cell):
    recorded = {1 - curves.query(BEST, seed=seed).value for seed in (0, 1, 2)}
    one, other = HPOBenchmark(curves, rng=3), HPOBenchmark(curves, rng=np.random.default_rng(3))
    found = [one(cell) for _ in range(20)]
    assert found == [other(cell) for _ in range(20)]
    assert {*found} == recorded
    assert one(cell, rng=5) == one(cell, rng=5) == one(cell, rng=np.random.default_rng(5))
    assert one(cell, rng=np.random.RandomState(5)) in recorded


def test_fidelities_are_the_epochs_that_were_recorded(curves, budgets, uncosted):
    epoch = HPOBenchmark(curves).fidelity_space["epoch"]
    assert (epoch.lower, epoch.upper, epoch.default_value) == (1, 36, 36)
    epoch = HPOBenchmark(budgets).get_fidelity_space(seed=1)["epoch"]
    assert (epoch.sequence, epoch.default_value) == ((4, 12, 36, 108), 108)
    assert len(HPOBenchmark(uncosted).get_fidelity_space()) == 0
    assert (
        HPOBenchmark(uncosted).objective_function(
            HPOBenchmark(uncosted).configuration_space.get_default_configuration()
        )["info"]["fidelity"]
        == {}
    )


@pytest.mark.parametrize(
    ("fidelity", "error", "match"),
    [
        ({"epoch": 5}, NotRecordedError, "^epoch 5 was not recorded; choose from 4, 12, 36, 108$"),
        ({"epoch": 0}, NotRecordedError, "^epoch 0 was not recorded"),
        (12, SettingError, "^fidelity 12; {'epoch': ...} expected$"),
        ({"budget": 4}, SettingError, "^fidelity budget; {'epoch': ...} expected$"),
    ],
)
def test_fidelities_that_were_not_recorded_are_refused_in_one_line(budgets, fidelity, error, match):
    bench = HPOBenchmark(budgets)
    config = bench.get_configuration_space(seed=0).sample_configuration()
    with pytest.raises(error, match=match):
        bench.objective_function(config, fidelity)


def test_an_unknown_configuration_is_refused_in_one_line(curves, cell):
    with pytest.raises(UnknownNameError, match=r"^unknown choice for '0->1': 'conv'; "):
        HPOBenchmark(curves).objective_function(cell | {"0->1": "conv"})


def test_a_loss_is_a_loss_and_a_training_that_failed_the_worst_one(failing):
    bench = HPOBenchmark(failing, run="mean")
    assert bench({"kernel": "3", "width": "16"}) == failing.query((0, 0)).val_loss
    failed = bench.objective_function({"kernel": "5", "width": "64"})
    assert (failed["function_value"], failed["cost"]) == (3.5, 30)
    assert math.isnan(failed["info"]["val_loss"])


def test_the_meta_information_names_the_benchmark_and_its_licence(cifar10):
    about = HPOBenchmark(cifar10).get_meta_information()
    assert about["name"] == "nasbench201/cifar10"
    assert about["licence"] == cifar10.results.about["licence"]

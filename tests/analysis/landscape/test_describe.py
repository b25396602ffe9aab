"""Whole benchmarks described: what is exact, what is estimated, what is left out."""

import subprocess
import sys

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.analysis.landscape import describe, summary, surface_of
from nasbench_kit.errors import NotRecordedError, SettingError, UnknownNameError
from nasbench_kit.spaces import ChoiceSpace


def correlation(found, what, one, other):
    """Kendall's tau and Spearman's correlation of two columns."""
    columns = found.measurements.correlations[what]
    i, j = columns.names.index(one), columns.names.index(other)
    return columns.kendall_tau[i, j], columns.spearman[i, j]


# Of the official data, computed by another program for this project.
@pytest.mark.parametrize(
    ("one", "other", "rho", "tau"),
    [
        ("cifar10", "cifar100", 0.976, 0.869),
        ("cifar10", "imagenet16-120", 0.960, 0.835),
        ("cifar100", "imagenet16-120", 0.961, 0.840),
    ],
)
def test_datasets_of_nasbench201_rank_as_alike_as_was_found_before(described, one, other, rho, tau):
    found = correlation(described("nasbench201/cifar10"), "datasets", one, other)
    assert found == pytest.approx((tau, rho), abs=1e-3)


@pytest.mark.parametrize(
    ("dataset", "taus", "rhos"),
    [
        ("cifar10", (0.910, 0.914, 0.913), (0.988, 0.989, 0.989)),
        ("cifar100", (0.886, 0.893, 0.891), (0.980, 0.982, 0.981)),
        ("imagenet16-120", (0.907, 0.911, 0.912), (0.987, 0.988, 0.988)),
    ],
)
def test_training_runs_of_nasbench201_rank_as_alike_as_was_found_before(described, dataset, taus, rhos):
    found = described(f"nasbench201/{dataset}")
    for pair, tau, rho in zip((("777", "888"), ("777", "999"), ("888", "999")), taus, rhos, strict=True):
        assert correlation(found, "training runs", *pair) == pytest.approx((tau, rho), abs=3e-3)


def test_everything_of_an_embedded_table_is_exact(described):
    for name, n in (("nasbench201/cifar100", 15_625), ("nas_bench_graph/cora", 9 * 9**4 - 9)):
        surface = described(name).surface
        assert surface.is_complete
        assert len(surface.archs) == n
        assert surface.optima.basins.sum() == n
        assert sum(surface.variance.shares.values()) == pytest.approx(1)


def test_isomorphic_architectures_count_apart_in_the_search_and_once_as_measurements(described):
    found = described("nasbench201_mnist1d/mnist1d")
    assert len(found.surface.archs) == 15_625
    assert found.surface.n_different == len(found.measurements.values) == 6_466
    assert any("6,466 of them are different" in note for note in found.surface.notes)
    assert any(size > 1 for size in np.unique(found.surface.values, return_counts=True)[1])


def test_the_tuples_that_are_no_architectures_are_said(described):
    assert any("9 of 59,049 tuples" in note for note in described("nas_bench_graph/cora").surface.notes)


def test_the_front_is_the_true_one(described, cifar10):
    front = described("nasbench201/cifar10").measurements.front
    assert front.cost.name == "latency_s"
    both = nbk.load("nasbench201/cifar10", objectives=["val_accuracy", "latency_s"])
    np.testing.assert_array_equal(cifar10.space.all_archs()[front.on_front], both.true_front())
    np.testing.assert_array_equal(front.archs, both.true_front())


@pytest.mark.parametrize("name", ["nas_bench_graph/proteins", "nasbench301/cifar10"])
def test_what_cannot_be_known_of_an_incomplete_benchmark_is_left_out_by_name(described, name):
    found = described(name)
    assert not found.surface.is_complete
    assert {"local optima", "functional ANOVA"} <= found.left_out.keys()
    assert (found.surface.optima, found.surface.variance) == (None, None)
    has_walks = found.surface.autocorrelation is not None
    assert has_walks == (name != "nas_bench_graph/proteins") == ("random walks" not in found.left_out)
    assert has_walks == any("estimated from 50 walks" in note for note in found.surface.notes)
    assert np.isfinite(found.surface.fdc)


@pytest.mark.parametrize("name", ["nasbench201/cifar10", "nas_bench_graph/proteins", "nasbench301/cifar10"])
def test_every_statistic_is_there_or_left_out_with_a_reason(described, name):
    found = described(name)
    there = {
        "local optima": found.surface.optima is not None,
        "fitness-distance correlation": not np.isnan(found.surface.fdc),
        "random walks": found.surface.autocorrelation is not None,
        "functional ANOVA": found.surface.variance is not None,
        "noise": found.measurements.noise is not None,
        "ceiling": found.measurements.ceiling is not None,
        "Pareto front": found.measurements.front is not None,
    } | {what: what in found.measurements.correlations for what in ("epochs", "training runs", "datasets", "columns")}
    assert {what for what, is_there in there.items() if not is_there} == found.left_out.keys()


def test_the_same_generator_estimates_the_same():
    bench = nbk.load("nasbench301/cifar10")
    one, same, other = (surface_of(bench, np.random.default_rng(seed)).autocorrelation for seed in (1, 1, 2))
    assert one.tolist() == same.tolist()
    assert one.tolist() != other.tolist()


def test_a_single_run_has_more_local_optima_than_the_mean(described, cifar100):
    single = surface_of(cifar100, np.random.default_rng(0), seed=777)
    assert single.optima.n_without_better == 63
    assert described("nasbench201/cifar100").surface.optima.n_without_better == 26


def test_a_run_that_was_not_repeated_everywhere_is_no_whole_landscape(cifar10):
    found = surface_of(cifar10, np.random.default_rng(0), seed=999)
    assert found.left_out["local optima"] == "only 8,169 of 15,625 cells have a value"


def test_a_metric_that_is_minimized_is_climbed_downwards(make_table, stored):
    space = ChoiceSpace("two", {"a": tuple("01"), "b": tuple("012")})
    table = make_table(stored("val_loss", [5.0, 3, 4, 1, 2, 6]), space=space, objective="val_loss")
    found = describe(nbk.Benchmark(table, "d"))
    surface = found.surface
    assert surface.archs[surface.optima.archs].tolist() == [[1, 0]]
    assert surface.optima.basins.tolist() == [6]
    # distances 1, 2, 2, 0, 1, 1 from (1, 0), which losses grow with
    assert surface.distances.tolist() == [1, 2, 2, 0, 1, 1]
    assert surface.fdc == pytest.approx(-np.corrcoef([5, 3, 4, 1, 2, 6], surface.distances)[0, 1])
    assert surface.effects[0].tolist() == [0.5, -0.5]  # in the unit of the losses


def test_a_table_of_equal_values_is_described_without_a_warning(make_table, stored):
    found = describe(nbk.Benchmark(make_table(stored("val_accuracy", [0.5] * 6)), "d"))
    assert found.surface.optima.sizes.tolist() == [6]
    for what in ("functional ANOVA", "random walks", "fitness-distance correlation"):
        assert found.left_out[what] == "all values are the same"
    assert found.surface.autocorrelation is None
    assert np.isnan(found.surface.fdc)


def test_faults_are_said(cifar10):
    with pytest.raises(NotRecordedError, match="epoch 5 was not recorded; choose from 200"):
        describe(cifar10, epoch=5)
    with pytest.raises(UnknownNameError, match="unknown metric of nasbench201/cifar10 'params'"):
        describe(cifar10, against="params")
    with pytest.raises(SettingError, match="against='val_accuracy' is the objective itself; give another metric"):
        describe(cifar10, against="val_accuracy")


def test_the_summary_says_what_the_landscape_holds(described):
    found = described("nasbench201/cifar10")
    said = summary(found)
    assert said["local_optima"]["n"] == len(found.surface.optima.archs)
    assert sum(said["local_optima"]["basins"]) == said["n_archs"] == 15_625
    variance = said["variance"]
    assert sum(variance["main"].values()) + sum(variance["pairs"].values()) + variance["higher"] == pytest.approx(1)
    assert said["distributions"]["val_accuracy"]["q100"] == pytest.approx(0.916067, abs=1e-6)  # the published 91.61
    assert said["effects"]["0->3"]["none"] == found.surface.effects[3][0]
    assert len(said["front"]["points"]) == len(found.measurements.front.on_front)


def test_importing_the_analysis_of_landscapes_takes_no_scipy():
    code = "import sys, nasbench_kit.analysis.landscape; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

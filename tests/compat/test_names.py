"""The shims take the names that `list` shows."""

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.compat import nasbench301
from nasbench_kit.compat.hw_nas_bench import HWNASBenchAPI
from nasbench_kit.compat.named import path_of
from nasbench_kit.compat.nas_201_api import NASBench201API
from nasbench_kit.compat.nasbench import NASBench
from nasbench_kit.compat.transnas import TransNASBenchAPI


def test_the_ensemble_that_comes_with_the_package_is_loaded_by_its_name():
    ensemble, bench = nasbench301.load_ensemble("nasbench301"), nbk.load("nasbench301/cifar10")
    arch = bench.space.sample(np.random.default_rng(0))
    percent = ensemble.predict(bench.space.format(arch), "genotype", with_noise=False)
    assert percent == pytest.approx(100 * bench.query(arch).val_accuracy, abs=1e-4)


def test_a_path_comes_before_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert path_of("nasbench301") == nbk.catalog.list_results()["nasbench301"]
    assert path_of("nowhere") == "nowhere"
    (tmp_path / "nasbench301").mkdir()
    assert path_of("nasbench301") == "nasbench301"


@pytest.mark.parametrize("shim", [HWNASBenchAPI, TransNASBenchAPI])
def test_a_name_of_another_space_is_refused_by_its_space(shim):
    with pytest.raises(ValueError, match="nasbench201"):
        shim("nas_bench_graph" if shim is HWNASBenchAPI else "nasbench201")


SHIMS = [HWNASBenchAPI, TransNASBenchAPI, NASBench, NASBench201API, nasbench301.load_ensemble]


@pytest.mark.parametrize("slip", [nbk.load("nasbench201/cifar10"), nbk.Table, 3])
@pytest.mark.parametrize("shim", SHIMS, ids=lambda shim: shim.__name__)
def test_a_benchmark_a_class_or_a_number_given_for_a_path_is_one_line(shim, slip):
    with pytest.raises(ValueError, match="path"):
        shim(slip)


@pytest.mark.parametrize("shim", SHIMS, ids=lambda shim: shim.__name__)
def test_a_name_that_there_is_not_is_one_line(shim):
    with pytest.raises(nbk.NasbenchKitError, match="no_such_name"):
        shim("no_such_name")

"""HWNASBenchAPI on an imported table. Source: GATECH-EIC/HW-NAS-Bench, README and hw_nas_bench_api."""

import pickle
from math import isnan, prod

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.compat.hw_nas_bench import HWNASBenchAPI
from nasbench_kit.errors import ArchitectureError, SettingError, TableError, UnknownNameError
from nasbench_kit.importers import import_table

DATASETS = ("cifar10", "cifar100", "ImageNet16-120")
NAMES = [
    "edgegpu_latency", "edgegpu_energy", "raspi4_latency", "edgetpu_latency", "pixel3_latency",
    "eyeriss_latency", "eyeriss_energy", "eyeriss_arithmetic_intensity", "fpga_latency", "fpga_energy",
]  # fmt: skip
# The README's No.0 @ cifar10, to all digits; the intensity from a copy of the release.
FIRST = [
    5.807418537139893, 24.226614330768584, 10.481976820010459, 0.9571811309997429, 3.6058499999999998,
    3.645620000000001, 0.6872827644999999, 6.289297634665844, 2.57296, 18.01072,
]  # fmt: skip


@pytest.fixture(scope="module")
def release():
    """The layout of the release with random numbers; the Edge TPU failed for every third cell."""
    rng = np.random.default_rng(0)
    columns = {dataset: {name: rng.uniform(0.1, 30, 15_625).tolist() for name in NAMES} for dataset in DATASETS}
    for dataset in DATASETS:
        columns[dataset]["edgetpu_latency"][::3] = [-1] * len(range(0, 15_625, 3))
    return {"nasbench201": columns}


@pytest.fixture(scope="module")
def api(release, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hw")
    (folder / "a.pickle").write_bytes(pickle.dumps(release))
    return HWNASBenchAPI(import_table([folder / "a.pickle"], folder / "hw_nas_bench.h5").path)


@pytest.mark.shared
def test_the_readme_s_first_answer_comes_out(shared_data, tmp_path, monkeypatch):
    monkeypatch.setenv("NASBENCH_KIT_DATA", str(tmp_path))
    copies = [shared_data / "nasbench201" / f"hw_{dataset}.csv.gz" for dataset in DATASETS]
    import_table(copies, tmp_path / "hw_nas_bench.h5")
    answer = HWNASBenchAPI().query_by_index(0, "cifar10")
    assert list(answer) == [*NAMES, "average_hw_metric"]
    assert list(answer.values())[:-1] == FIRST
    assert {type(value) for value in answer.values()} == {float}


@pytest.mark.parametrize("dataset", ["cifar10", "cifar100", "ImageNet16-120"])
def test_answers_are_those_of_the_file(api, release, dataset):
    for index in (1, 2, 4, 9_931, 15_623):  # the Edge TPU has failed for multiples of 3
        recorded = {name: release["nasbench201"][dataset][name][index] for name in NAMES}
        answer = api.query_by_index(index, dataset)
        assert answer.pop("average_hw_metric") == prod(
            value for name, value in recorded.items() if name != "eyeriss_arithmetic_intensity"
        )
        assert answer == recorded


def test_what_was_not_measured_is_nan_and_so_is_the_product(api):
    answer = api.query_by_index(3, "cifar10")
    assert isnan(answer["edgetpu_latency"])
    assert isnan(answer["average_hw_metric"])
    assert answer["edgegpu_latency"] > 0


def test_the_configuration_builds_the_readme_s_network(api):
    assert api.get_net_config(0, "cifar10") == {
        "name": "infer.tiny",
        "C": 16,
        "N": 5,
        "arch_str": "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|",
        "num_classes": 10,
    }
    assert api.get_net_config(5, "ImageNet16-120")["num_classes"] == 120


def test_what_it_cannot_do_is_said(api, cifar10, tmp_path):
    with pytest.raises(SettingError, match="fbnet part, look-up tables of single layers, is not imported"):
        HWNASBenchAPI("a.h5", search_space="fbnet")
    with pytest.raises(SettingError, match="fbnet part"):
        api.get_op_lookup_tables()
    with pytest.raises(SettingError, match="search_space='darts'; 'nasbench201' expected"):
        HWNASBenchAPI("a.h5", search_space="darts")
    with pytest.raises(SettingError, match="a dict given; the path of an imported table expected"):
        HWNASBenchAPI({"nasbench201": {}})
    with pytest.raises(UnknownNameError, match="did you mean 'cifar10'"):
        api.query_by_index(0, "cifar1")
    with pytest.raises(ArchitectureError, match="official index 15625 is out of range"):
        api.query_by_index(15_625, "cifar10")
    with pytest.raises(TableError, match=r"a\.h5"):
        HWNASBenchAPI(tmp_path / "a.h5")
    with pytest.raises(LookupError, match=r"has no latency_ms\[edgegpu\]"):
        HWNASBenchAPI(cifar10.results.path).query_by_index(0, "cifar10")


def test_an_answer_names_the_cost_that_it_is(api):
    bench = nbk.Benchmark(nbk.Table.open(api._table.path), "cifar10")
    answer = bench.query(bench.space.parse(0))
    assert answer.metric == "latency_ms[edgegpu]"
    assert answer.value == api.query_by_index(0, "cifar10")["edgegpu_latency"]
    assert repr(pickle.loads(pickle.dumps(answer))) == repr(answer)  # its cost_s is NaN

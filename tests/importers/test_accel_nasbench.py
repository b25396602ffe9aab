"""Only a CSV copy of Accel-NASBench is here. The JSON files of these tests are generated in the layout that the
release's own loader reads (utils.ConfigLoader: `architecture`, `metrics`, `platform_perf`)."""

import csv
import gzip
import io
import json
import pickle
import tarfile

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.errors import ArchitectureError, ImportDataError, NasbenchKitError, UnknownNameError
from nasbench_kit.importers import guess_kind, import_table
from nasbench_kit.spaces import AccelNASBenchSpace, space_from
from nasbench_kit.testing import check_benchmark, check_space

SPACE = AccelNASBenchSpace()
# EfficientNet-B0, as the release's searchspaces.py gives it
B0 = [[1, 6, 6, 6, 6, 6, 6], [3, 3, 5, 3, 5, 5, 3], [1, 2, 2, 3, 3, 4, 1], [True] * 7]


def result(arch=None, *, top1=60.0, time=2_000.0, **changes):
    """A result in the official layout."""
    made = {
        "architecture": SPACE.configuration(SPACE.parse(B0 if arch is None else arch)),
        "metrics": {"val_top1": top1, "val_top5": 80.0, "train_time": time, "macs": 400.5, "params": 5.25},
        "platform_perf": {
            "latency_zcu102": {"latency_mean": 4.5, "latency_std": None},
            "throughput_a100": {"throughput_mean": 9_000.0, "throughput_std": 10.0},
        },
    }
    return made | changes


@pytest.fixture
def folder(tmp_path):
    def make(**files):
        made = tmp_path / "json"
        made.mkdir(exist_ok=True)
        for name, content in files.items():
            (made / f"{name}.json").write_text(content if isinstance(content, str) else json.dumps(content))
        return made

    return make


def test_the_space_is_that_of_the_release():
    # configuration_space_writer.py: e 1, 4, 6; k 3, 5; l 1 to 3, but 1 to 4 in block 5; se
    assert SPACE.size == 3**7 * 2**7 * 3**6 * 4 * 2**7 == 104_485_552_128
    check_space(SPACE, np.random.default_rng(0))
    assert isinstance(pickle.loads(pickle.dumps(SPACE)), AccelNASBenchSpace)
    assert isinstance(space_from("accel_nasbench"), AccelNASBenchSpace)


def test_networks_are_read_in_every_form():
    arch = SPACE.parse(B0)
    dictionary = SPACE.configuration(arch)
    assert dictionary["block0_e"] == 1
    assert dictionary["block5_l"] == 4
    assert dictionary["block6_se"] is True
    texts = {name: str(value) for name, value in dictionary.items()}
    for form in (str(B0), json.dumps(B0), dictionary, texts, json.dumps(dictionary), tuple(map(tuple, B0))):
        assert SPACE.parse(form) == arch
    chain = SPACE.graphs(arch)["network"].nodes
    assert chain[2] == "1 x MB1 3x3 SE, 16"
    assert chain[7] == "4 x MB6 5x5 SE, 192 /2"


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ([[1] * 7] * 3, ArchitectureError, "has 3 numbers; accel_nasbench has 28|integers expected"),
        ([[1] * 6] * 4, ArchitectureError, "is no network; 4 lists of 7 blocks expected"),
        ([[2] * 7, *B0[1:]], UnknownNameError, "unknown choice for 'block0_e': '2'; choose from 1, 4, 6"),
        ([*B0[:3], [1] * 7], UnknownNameError, "unknown choice for 'block0_se': '1'; choose from False, True"),
        ([*B0[:2], [4] * 7, B0[3]], UnknownNameError, "unknown choice for 'block0_l': '4'; choose from 1, 2, 3"),
        ("[[1, 2]", ArchitectureError, "is no network of accel_nasbench; one looks like"),
        ("__import__('os')", ArchitectureError, "is no network of accel_nasbench"),
        ("[" * 3_000, ArchitectureError, "is no network of accel_nasbench"),
        ({"block0_e": 1}, ArchitectureError, "no choice for block0_k"),
        ({"block7_e": 1}, UnknownNameError, "unknown decision 'block7_e'"),
    ],
)
def test_what_is_no_network_says_why(wrong, error, message):
    with pytest.raises(error, match=message):
        SPACE.parse(wrong)


def test_forms_must_be_what_they_are_called():
    with pytest.raises(ArchitectureError, match="is not of the form 'configspace'"):
        SPACE.parse(B0, "configspace")
    with pytest.raises(ArchitectureError, match="is not of the form 'official'"):
        SPACE.parse(SPACE.configuration(SPACE.parse(B0)), "official")
    with pytest.raises(UnknownNameError, match="unknown form 'naslib'"):
        SPACE.parse(B0, "naslib")


def test_results_become_a_table(folder, tmp_path):
    other = [[6] * 7, *B0[1:]]
    made = folder(result_2=result(top1=61.5), result_10=result(top1=60.5, time=2_200.0), result_3=result(other))
    assert guess_kind([made]) == guess_kind([made / "result_2.json"]) == "accel_nasbench"
    table = import_table([made], tmp_path / "t.h5")
    assert table.n_archs == 2
    assert table.datasets == ("imagenet",)
    bench = nbk.Benchmark(table, "imagenet")
    assert [bench.query(B0, seed=seed)[1:3] for seed in (0, 1)] == [(0.615, 2_000.0), (0.605, 2_200.0)]
    values = {name: bench.values(name, [B0])[0] for name in ("macs_m", "params_m", "latency_ms[zcu102]")}
    assert values == {"macs_m": 400.5, "params_m": 5.25, "latency_ms[zcu102]": 4.5}
    metrics = table.metrics("imagenet")
    assert metrics["throughput[a100]"].unit == "images/s"
    assert metrics["throughput[a100]"].direction == "max"
    assert metrics["throughput_std[a100]"].direction is None
    assert "throughput[3090]" not in metrics
    check_benchmark(bench, np.random.default_rng(0))
    archive = tmp_path / "anb_dataset_jsons.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(made, "anb/json")
    assert guess_kind([archive]) == "accel_nasbench"
    assert import_table([archive], tmp_path / "u.h5").column("imagenet", "val_accuracy").metric.seeds == (0, 1)
    archive.write_bytes(archive.read_bytes()[:-100])
    with pytest.raises(ImportDataError, match=r"anb_dataset_jsons\.tar\.gz' is damaged"):
        import_table([archive], tmp_path / "v.h5", kind="accel_nasbench")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (json.dumps(result())[:-20], "is no result of Accel-NASBench"),
        ("[]", "is no result of Accel-NASBench"),
        (result(metrics=3), "is no result of Accel-NASBench"),
        (result(platform_perf=[1]), "is no result of Accel-NASBench"),
        (result(architecture={}), "no 'block0_e'"),
        (result(architecture=result()["architecture"] | {"block0_e": 2}), "unknown choice for 'block0_e': '2'"),
        (result(top1=160.0), "val_top1=160.0, where a percentage is expected"),
        (result(top1="x"), "val_top1='x'"),
        (result(top1=float("nan")), "val_top1=nan"),
        (result(metrics={"val_top1": 3}), "no val_top5"),
        (result(time=-1), "train_time=-1"),
        (result(time=float("inf")), "train_time=inf"),
    ],
)
def test_wrong_files_are_named_in_one_line(folder, tmp_path, content, message):
    with pytest.raises(ImportDataError, match=f"result_7.*{message}") as error:
        import_table([folder(result_1=result(), result_7=content)], tmp_path / "t.h5", kind="accel_nasbench")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "t.h5").exists()


def test_networks_keep_their_size_in_all_files(folder, tmp_path):
    other = result()
    other["metrics"]["params"] = 9
    with pytest.raises(ImportDataError, match="params_m of some network differs between its files"):
        import_table([folder(result_1=result(), result_2=other)], tmp_path / "t.h5")


def test_it_does_not_recognize_other_files(tmp_path):
    (tmp_path / "result_1.json").write_text('{"a": 1}')
    (tmp_path / "a.csv").write_text("id,x\n1,2\n")
    for path in (tmp_path, *tmp_path.iterdir()):
        with pytest.raises(ImportDataError, match="looks like none of the releases"):
            guess_kind([path])
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "a.txt").write_text("")
    with pytest.raises(ImportDataError, match=r"holds no result_N\.json"):
        import_table([tmp_path / "empty"], tmp_path / "t.h5", kind="accel_nasbench")


@pytest.mark.parametrize("line", ["1,2", "x" + ",1" * 49, "5" + ",1" * 49])
def test_a_broken_copy_is_named_in_one_line(tmp_path, shared_header, line):
    (tmp_path / "anb.csv").write_text(f"{shared_header}\n{line}\n")
    with pytest.raises(NasbenchKitError, match=r"anb\.csv'?, row 2"):
        import_table([tmp_path / "anb.csv"], tmp_path / "t.h5")


@pytest.fixture
def shared_header():
    """The header of the CSV copy."""
    blocks = [f"block{block}_{field}" for block in range(7) for field in ("e", "k", "l", "se")]
    tests = [f"latency_{device}__latency" for device in ("zcu102", "vck190")]
    tests += [f"throughput_{device}__throughput" for device in ("a100", "3090", "tpuv2", "tpuv3", "zcu102", "vck190")]
    ends = [f"{test}_{what}" for test in tests for what in ("mean", "std")]
    return ",".join(["id", *blocks, "val_top1", "val_top5", "train_time", "macs", "params", *ends])


@pytest.mark.shared
def test_the_real_copy(shared_data, tmp_path, shared_header):
    path = shared_data / "accel_nasbench" / "anb.csv.gz"
    rows = list(csv.DictReader(io.StringIO(gzip.decompress(path.read_bytes()).decode())))
    assert ",".join(rows[0]) == shared_header
    assert guess_kind([path]) == "accel_nasbench"
    bench = nbk.Benchmark(import_table([path], tmp_path / "t.h5"), "imagenet")
    assert len(rows) == 5_138
    assert bench.results.n_archs == 5_125  # 13 networks twice
    for row in rows[100:150]:  # none of the 13
        arch = {name: row[name] for name in row if name.startswith("block")}
        found = bench.query(arch)
        assert found.val_accuracy == pytest.approx(float(row["val_top1"]) / 100, abs=2e-7)
        assert found.val_accuracy * 50_000 == pytest.approx(round(found.val_accuracy * 50_000), abs=1e-6)
        assert found.cost_s == float(row["train_time"])
        for name, column in (
            ("val_top5_accuracy", "val_top5"),
            ("macs_m", "macs"),
            ("latency_ms[vck190]", "latency_vck190__latency_mean"),
            ("throughput[tpuv3]", "throughput_tpuv3__throughput_mean"),
            ("throughput_std[3090]", "throughput_3090__throughput_std"),
        ):
            scale = 100 if name.startswith("val") else 1
            value = float(row[column] or "nan") / scale
            assert bench.values(name, [arch], missing="nan")[0] == pytest.approx(value, abs=2e-7, nan_ok=True)
    twice = {name: rows[0][name] for name in rows[0] if name.startswith("block")}
    assert [bench.query(twice, seed=seed).val_accuracy for seed in (0, 1)] == [0.59368, 0.59248]  # files 0 and 443
    missing = bench.values("throughput[tpuv3]", bench.results.archs(), missing="nan")
    assert np.isnan(missing).sum() == 44

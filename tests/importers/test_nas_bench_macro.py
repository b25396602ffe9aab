"""The space and the importer of NAS-Bench-Macro, on GENERATED files in the layout of the release."""

import json
import pickle
from itertools import product

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.errors import ArchitectureError, ImportDataError, NotRecordedError
from nasbench_kit.importers import guess_kind, import_table
from nasbench_kit.spaces import NASBenchMacroSpace
from nasbench_kit.testing import check_benchmark, check_space

MACRO = NASBenchMacroSpace()
NETWORKS = ["".join(digits) for digits in product("012", repeat=8)]


def trained(network):
    """The network whose results the release gives for this one.

    Source: NAS-Bench-Macro, train/collect_benchmark.py, in other words: in layers 1-2, 3-5 and 6-8, identities after
    the first layer go to the end.
    """
    stages = (network[:2], network[2:5], network[5:])
    return "".join(s[0] + s[1:].replace("0", "") + "0" * s[1:].count("0") for s in stages)


def record(network):
    """Results in the release's layout; the numbers are made up."""
    rng = np.random.default_rng(int(trained(network), 3))
    runs = [
        round(value, 2) for value in (45 + 6 * sum(map(int, trained(network)[:5])) ** 0.75 + rng.random(3)).tolist()
    ]
    params, flops = int(rng.integers(500_000, 3_000_000)), int(rng.integers(10**7, 10**8))
    return {"test_acc": runs, "mean_acc": np.mean(runs), "std": np.std(runs), "params": params, "flops": flops}


@pytest.fixture(scope="module")
def release():
    return {network: record(network) for network in reversed(NETWORKS)}


@pytest.fixture(scope="module")
def bench(release, tmp_path_factory):
    folder = tmp_path_factory.mktemp("macro")
    (folder / "nas-bench-macro_cifar10.json").write_text(json.dumps(release))
    return nbk.Benchmark(import_table([folder], folder / "made.h5"), "cifar10")


def test_the_space_conforms():
    check_space(MACRO, np.random.default_rng(0))
    assert pickle.loads(pickle.dumps(MACRO)).size == 6_561


def test_eight_digits_are_one_layer_each():
    assert MACRO.parse("22212220") == (2, 2, 2, 1, 2, 2, 2, 0)
    assert MACRO.format((2, 2, 2, 1, 2, 2, 2, 0)) == "22212220"
    assert MACRO.parse({f"layer{i + 1}": "MB6" for i in range(8)}) == (2,) * 8
    (drawn,) = MACRO.graphs(MACRO.parse("01200000")).values()
    assert drawn.nodes[:4] == ("input", "layer1: identity", "layer2: MB3", "layer3: MB6")


@pytest.mark.parametrize("text", ["2221222", "222122201", "22212223", "2221222x", "", "٢٢٢١٢٢٢٠"])
def test_what_is_no_network_is_refused(text):
    with pytest.raises(ArchitectureError, match="is no network of nas_bench_macro; one looks like '00120012'"):
        MACRO.parse(text)


def test_identities_may_stand_anywhere_in_a_stage_but_first():
    identity = MACRO.identity(NETWORKS)
    groups = {}
    for network, same in zip(NETWORKS, identity.tolist(), strict=True):
        groups.setdefault(same, set()).add(trained(network))
    assert all(len(group) == 1 for group in groups.values())
    # 3 * 3 of two layers; of three layers the first, and 0 to 2 others of two kinds: 3 * (1 + 2 + 4)
    assert len(groups) == len({trained(network) for network in NETWORKS}) == 9 * 21 * 21
    assert (identity <= MACRO.rank_many(NETWORKS).astype(np.uint64)).all()


def test_every_value_is_imported(bench, release):
    assert (bench.objective_metric.name, bench.results.is_complete) == ("test_accuracy", True)
    for seed in (0, 1, 2):
        expected = [record["test_acc"][seed] / 100 for record in release.values()]
        assert bench.values("test_accuracy", list(release), seed=seed) == pytest.approx(expected, rel=1e-15)
    expected = [record["mean_acc"] / 100 for record in release.values()]
    assert bench.values("test_accuracy", list(release)) == pytest.approx(expected, rel=1e-14)
    for metric, field in (("params_m", "params"), ("flops_m", "flops")):
        expected = [record[field] / 1e6 for record in release.values()]
        assert bench.values(metric, list(release)) == pytest.approx(expected, rel=1e-15)


def test_the_benchmark_conforms(bench):
    check_benchmark(bench, np.random.default_rng(0))
    with pytest.raises(NotRecordedError, match="records nothing on the val split"):
        bench.values("val_accuracy", ["22212220"])


def test_the_kind_is_told_from_the_content(release, tmp_path):
    path = tmp_path / "renamed.txt"
    path.write_text(json.dumps(release))
    assert guess_kind([path]) == "nas_bench_macro"
    path.write_text(json.dumps({"22212220": {"mean_acc": 93.1}}))
    with pytest.raises(ImportDataError, match="looks like none of the releases"):
        guess_kind([path])


GOOD = {"22212220": record("22212220"), "00000000": record("00000000")}


def changed(**fields):
    return GOOD | {"22212220": GOOD["22212220"] | fields}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is no readable JSON"),
        (json.dumps(GOOD)[:-30], "is no readable JSON"),
        ("\udcff", "is no readable JSON"),
        ("[" * 100_000, "is no readable JSON"),
        ([], "holds no networks"),
        ({}, "holds no networks"),
        ({"2221222": GOOD["22212220"]}, "nas-bench-macro_cifar10.json: '2221222' is no network of nas_bench_macro"),
        ({"22212220": 93.1}, "network 22212220 lacks results; test_acc, mean_acc, std, params, flops expected"),
        (changed(test_acc=[93.0]), r"network 22212220 has test_acc=\[93.0\]; a list of three expected"),
        (changed(test_acc=[93.0, None, 93.1]), "network 22212220: test_acc is None; a number from 0 expected"),
        (changed(params="1"), "network 22212220: params is '1'; a number from 0 expected"),
        (changed(flops=float("nan")), "network 22212220: flops is nan; a number from 0 expected"),
        (changed(test_acc=[193.0, 93.0, 93.0]), "has a test accuracy of 193 %; at most 100 expected"),
        (changed(mean_acc=GOOD["22212220"]["mean_acc"] + 0.01), "mean_acc of network 22212220 is .*; its runs give"),
        (changed(std=0.5), "std of network 22212220 is 0.5; its runs give"),
    ],
    ids=range(15),
)
def test_a_damaged_file_is_refused(tmp_path, content, message):
    path = tmp_path / "nas-bench-macro_cifar10.json"
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ImportDataError, match=message) as caught:
        import_table([path], tmp_path / "made.h5", kind="nas_bench_macro")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "made.h5").exists()


def test_two_files_are_refused(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("{}")
    with pytest.raises(ImportDataError, match="2 files given; NAS-Bench-Macro is one"):
        import_table([path, path], tmp_path / "made.h5", kind="nas_bench_macro")

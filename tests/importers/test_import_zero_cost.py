"""NAS-Bench-Suite-Zero: the real CSV copies, and JSON files generated in the layout of the release.

Source of the layout: NASLib, `get_zc_benchmark_api`: zc_SPACE.json is {dataset: {str(architecture): {proxy: ...}}}.
"""

import csv
import gzip
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nasbench_kit as nbk
from nasbench_kit.errors import ImportDataError, NasbenchKitError
from nasbench_kit.importers import guess_kind, import_table, import_tables, nas_bench_suite_zero
from nasbench_kit.spaces import NASBench101Space, NASBench201Space, TransNASMacroSpace, TransNASMicroSpace, space_from
from nasbench_kit.tables.join import join_tables
from nasbench_kit.testing import check_benchmark

# Krishnakumar et al. 2022, https://arxiv.org/abs/2210.03230, table 1
PROXIES = [
    "epe_nas", "fisher", "flops", "grad_norm", "grasp", "jacov", "l2_norm",
    "nwot", "params", "plain", "snip", "synflow", "zen",
]  # fmt: skip
OURS = [{"flops": "flops[zero_cost]", "params": "params[zero_cost]"}.get(proxy, proxy) for proxy in PROXIES]


def scores(seed=0, timed=True, **extra):
    rng = np.random.default_rng(seed)
    values = {proxy: float(rng.normal()) for proxy in PROXIES}
    return {proxy: {"score": v, "time": 0.5} if timed else v for proxy, v in values.items()} | extra


def write(path, datasets):
    path.write_text(json.dumps(datasets))
    return path


def rows_of(path):
    with gzip.open(path, "rt") as file:
        return list(csv.DictReader(file))


def value(table, dataset, metric, arch):
    return table.column(dataset, metric).at(0, 0)(table.row(arch))


# ---- real data: copies of NAS-Bench-201's and -301's scores ----


@pytest.fixture(scope="module")
def copies(shared_data):
    return sorted((shared_data / "zero_cost").glob("nb201_zc_proxies_*.csv.gz"))


@pytest.fixture(scope="module")
def table(copies, shared_data, tmp_path_factory):
    return import_table(copies, tmp_path_factory.mktemp("zc") / "zc.h5")


@pytest.mark.shared
def test_all_scores_of_the_copies_arrive_at_their_cells(table, copies, shared_data):
    assert table.name == "zero_cost_nasbench201"
    assert set(table.datasets) == {"cifar10", "imagenet16-120"}
    assert table.n_archs == 9_445
    space = NASBench201Space()
    for path, dataset in zip(copies, ("imagenet16-120", "cifar10"), strict=True):
        assert guess_kind([path]) == "nas_bench_suite_zero"
        assert list(table.metrics(dataset)) == OURS
        rows = rows_of(path)
        at = table.rows([space.parse(row["net"], "naslib") for row in rows])
        for proxy, ours in zip(PROXIES, OURS, strict=True):
            assert table.column(dataset, ours).at(0, 0).all()[at].tolist() == [float(row[proxy]) for row in rows]
        if dataset == "cifar10":  # which names its cells twice
            assert space.format_many(table.archs()[at]) == [row["net_str"] for row in rows]
        check_benchmark(nbk.Benchmark(table, dataset), np.random.default_rng(0))


@pytest.mark.shared
def test_a_cell_has_the_parameters_that_its_table_knows(table, cifar10, shared_data):
    # two sources, the proxy `params` and NAS-Bench-201's formula
    archs = table.archs()
    params = table.column("cifar10", "params[zero_cost]").at(0, 0).all()
    assert np.allclose(params, cifar10.values("params_m", archs), rtol=0, atol=1e-9)


@pytest.mark.shared
def test_proxies_stand_beside_the_accuracy_and_are_missing_for_other_cells(table, cifar10, tmp_path, shared_data):
    joined = join_tables([cifar10.results, table], tmp_path / "joined.h5", name="joined")
    joined.verify()
    synflow = joined.column("cifar10", "synflow").at(0, 0).all()
    assert np.isnan(synflow).sum() == 15_625 - 9_445
    cell = NASBench201Space().parse("(4, 0, 3, 1, 4, 3)", "naslib")
    assert value(joined, "cifar10", "synflow", cell) == 44.48481149764257 == value(table, "cifar10", "synflow", cell)
    assert nbk.Benchmark(joined, "cifar10").query(cell) == cifar10.query(cell)
    # Abdelfattah et al. 2021 and the papers after them: it ranks cells clearly, if not well
    known = ~np.isnan(synflow)
    accuracy = cifar10.values("val_accuracy", joined.archs())[known]
    ranks = [np.argsort(np.argsort(values)) for values in (synflow[known], accuracy)]
    assert 0.6 < np.corrcoef(*ranks)[0, 1] < 0.9


@pytest.mark.shared
def test_the_dataset_of_a_copy_is_told_by_its_parameters_not_its_name(copies, shared_data, tmp_path):
    renamed = tmp_path / "nb201_cifar100.csv.gz"
    renamed.write_bytes(copies[0].read_bytes())
    assert import_table([renamed], tmp_path / "a.h5").datasets == ("imagenet16-120",)
    with pytest.raises(ImportDataError, match="is of nasbench201 on imagenet16-120, as an earlier file"):
        import_table([renamed, copies[0]], tmp_path / "b.h5")


@pytest.mark.shared
def test_what_a_surrogate_said_of_nasbench301_is_named_so(shared_data, tmp_path):
    path = shared_data / "nasbench301" / "naslib_zc_nb301_1218.csv.gz"
    assert guess_kind([path]) == "nas_bench_suite_zero"
    table = import_table([path], tmp_path / "a.h5")
    assert (table.name, table.n_archs, table.datasets) == ("zero_cost_darts", 1_218, ("cifar10",))
    assert "val_accuracy" not in table.metrics("cifar10")
    rows = rows_of(path)
    for row in rows[:50]:
        arch = table.space.parse(row["compact_arch"], "naslib")
        assert value(table, "cifar10", "val_accuracy[nb301_surrogate]", arch) == float(row["val_accuracy"]) / 100
        assert value(table, "cifar10", "synflow", arch) == float(row["synflow"])
    assert table.objectives["cifar10"] == "synflow"


# ---- the release's files, generated ----


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("named", [True, False])
def test_what_others_call_validation_accuracy_of_nasbench201_is_test(tmp_path, timed, named):
    # the cells and values with which the reference found it out: cell 0, seed 888, NAS-Bench-201 v1.1
    accuracies = {"cifar10": 81.9, "cifar100": 53.68, "ImageNet16-120": 25.766667}
    cell = "(4, 3, 3, 0, 0, 0)"
    datasets = {d: {cell: scores(1, timed, val_accuracy=accuracy)} for d, accuracy in accuracies.items()}
    path = write(tmp_path / "zc_nasbench201.json", {"nasbench201": datasets} if named else datasets)
    assert guess_kind([path]) == "nas_bench_suite_zero" == guess_kind([tmp_path])
    table = import_table([path], tmp_path / "a.h5")
    assert table.datasets == ("cifar10", "cifar100", "imagenet16-120")
    for dataset, accuracy in zip(table.datasets, accuracies.values(), strict=True):
        metrics = table.metrics(dataset)
        assert [name for name in metrics if name.startswith("val")] == []
        metric = metrics["test_accuracy[seed888]"]
        assert (metric.split, metric.seeds, metric.epochs) == ("test", (888,), (200,))
        assert value(table, dataset, metric.name, table.space.parse(0)) == accuracy / 100
        assert value(table, dataset, "nwot", table.space.parse(0)) == scores(1, False)["nwot"]
        assert ("cost_s[nwot]" in metrics) == timed
        assert nbk.Benchmark(table, dataset).query(table.space.parse(0))[1] == scores(1, False)["synflow"]
    if timed:
        assert value(table, "cifar10", "cost_s[nwot]", table.space.parse(0)) == 0.5


@pytest.mark.shared
def test_seed_888_s_test_accuracy_is_what_the_tables_of_others_hold(shared_data):
    # the premise of the test above, on the columns of real data: test and validation of cell 0 on CIFAR-100 differ
    with gzip.open(shared_data / "nasbench201" / "nb201_all.csv.gz", "rt") as file:
        first = next(csv.DictReader(file))
    assert float(first["c100_xtest_200ep_s888"]) == 53.68
    assert float(first["c100_xvalid_200ep_run1"]) == 53.08
    assert float(first["c10valid_oritest_200ep_s888"]) == 81.9


def test_cells_and_networks_of_transnas_are_told_apart(tmp_path):
    micro = {"(3, 1, 3, 1, 1, 3)": scores(1, val_accuracy=45.5862), "(0, 0, 0, 0, 0, 0)": scores(2, val_accuracy=26.5)}
    macro = {"(2, 2, 2, 3, 1)": scores(3, val_accuracy=47.4224), "(2, 2, 4, 1, 3, 1)": scores(4, val_accuracy=40.0)}
    layout = {cell: result | {"val_accuracy": -0.6} for cell, result in micro.items()}
    files = [
        write(tmp_path / "zc_transbench101_micro.json", {"class_object": micro, "room_layout": layout}),
        write(tmp_path / "zc_transbench101_macro.json", {"class_object": macro, "segmentsemantic": macro}),
    ]
    tables = {table.name: table for table in import_tables(files, folder=tmp_path / "out")}
    assert set(tables) == {"zero_cost_transnas_micro", "zero_cost_transnas_macro"}
    cells, networks = tables["zero_cost_transnas_micro"], tables["zero_cost_transnas_macro"]
    best = TransNASMicroSpace().parse((3, 1, 3, 1, 1, 3))
    assert value(cells, "class_object", "val_accuracy[naslib]", best) == 45.5862 / 100
    assert cells.metrics("room_layout")["val_neg_loss[naslib]"].direction == "max"
    assert value(cells, "room_layout", "val_neg_loss[naslib]", best) == -0.6
    best = TransNASMacroSpace().parse("64-22231-basic")
    assert value(networks, "class_object", "val_accuracy[naslib]", best) == 47.4224 / 100
    assert "val_pixel_accuracy[naslib]" in networks.metrics("segmentsemantic")


def test_percentages_below_one_of_cells_that_fail_are_percentages(tmp_path):
    cell = "(0, 0, 0, 0, 0, 0)"  # the jigsaw accuracy that NASLib's copy of TransNAS-Bench-101 has for it
    path = write(
        tmp_path / "zc_transbench101_micro.json", {"jigsaw": {cell: scores(1, val_accuracy=0.04976114630699158)}}
    )
    table = import_table([path], tmp_path / "zc.h5")
    found = value(table, "jigsaw", "val_accuracy[naslib]", TransNASMicroSpace().parse((0,) * 6))
    assert found == pytest.approx(0.0004976114630699158)


# google-research/nasbench, README: an Inception-like cell. NASLib writes its adjacency, then its operations: input 0,
# output 1, maxpool3x3 2, conv1x1 3, conv3x3 4.
MATRIX = np.array(
    [
        [0, 1, 1, 1, 0, 1, 0],
        [0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 1, 0, 0],
        [0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 0, 0],
    ]
)
OPERATIONS = [
    "input", "conv1x1-bn-relu", "conv3x3-bn-relu", "conv3x3-bn-relu", "conv3x3-bn-relu", "maxpool3x3", "output"
]  # fmt: skip
CODES = [0, 3, 4, 4, 4, 2, 1]


def cell_of_naslib(matrix, codes):
    return str(tuple(map(int, [*matrix.ravel(), *codes])))


def test_cells_of_nasbench101_are_found(tmp_path):
    results = {cell_of_naslib(MATRIX, CODES): scores(1, val_accuracy=92.41)}
    table = import_table([write(tmp_path / "zc_nasbench101.json", {"cifar10": results})], tmp_path / "a.h5")
    assert (table.name, table.n_archs) == ("zero_cost_nasbench101", 1)
    row = table.row(NASBench101Space().parse((MATRIX, OPERATIONS)))
    assert table.column("cifar10", "val_accuracy[naslib]").at(0, 0)(row) == 92.41 / 100


def test_isomorphic_cells_of_nasbench101_share_the_first_s_scores(tmp_path):
    order = [0, 2, 1, 3, 4, 5, 6]  # vertices 1 and 2 both stand between input and output
    other = cell_of_naslib(MATRIX[np.ix_(order, order)], [CODES[i] for i in order])
    results = {cell_of_naslib(MATRIX, CODES): scores(1), other: scores(2)}
    table = import_table([write(tmp_path / "zc_nasbench101.json", {"cifar10": results})], tmp_path / "a.h5")
    assert table.n_archs == 1
    assert table.column("cifar10", "synflow").at(0, 0).all().tolist() == [scores(1, False)["synflow"]]
    assert table.about["notes"] == ["cifar10: 1 isomorphic architectures left out"]


def test_architectures_of_nasbench301_are_found(tmp_path):
    # a row of NASLib's own table of scores
    arch = (
        "[[(0, 0), (1, 5), (1, 1), (0, 1), (1, 3), (0, 3), (1, 3), (3, 2)],"
        " [(1, 0), (0, 2), (1, 3), (0, 3), (3, 0), (0, 1), (2, 0), (3, 6)]]"
    )
    path = write(tmp_path / "zc_nasbench301.json", {"cifar10": {arch: scores(1, val_accuracy=93.3)}})
    table = import_table([path], tmp_path / "a.h5")
    assert table.name == "zero_cost_darts"
    assert (
        value(table, "cifar10", "val_accuracy[nb301_surrogate]", space_from("darts").parse(arch, "naslib"))
        == 93.3 / 100
    )


def test_what_was_not_computed_is_missing_and_infinite_scores_are_too(tmp_path):
    one, other = "(0, 0, 0, 0, 0, 0)", "(1, 0, 0, 0, 0, 0)"
    results = {one: scores(1, False), other: scores(2, False, nwot=float("-inf"), zen=None, novel=3.0)}
    del results[one]["fisher"]
    table = import_table([write(tmp_path / "zc.json", {"cifar10": results})], tmp_path / "a.h5")
    first, second = (table.space.parse(text, "naslib") for text in (one, other))
    assert np.isnan(
        [value(table, "cifar10", m, a) for m, a in (("fisher", first), ("nwot", second), ("zen", second))]
    ).all()
    assert value(table, "cifar10", "fisher", second) == scores(2, False)["fisher"]
    assert table.about["notes"] == ["cifar10: 1 infinite values of nwot are missing"]
    assert "novel" not in table.metrics("cifar10")


CELL201 = "(0, 0, 0, 0, 0, 0)"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({"cifar10": {CELL201: {"synflow": "high"}}}, "synflow is 'high'; a number expected"),
        ({"cifar10": {CELL201: {"synflow": True}}}, "synflow is True; a number expected"),
        ({"cifar10": {CELL201: {"synflow": {"score": [1]}}}}, r"synflow is \[1\]; a number expected"),
        ({"cifar10": {"(0, 0, 0, 0, 0, 7)": scores()}}, "cifar10: .*out of range|is not of the form"),
        ({"cifar10": {"(0, 0, 0)": scores()}}, "is of no known space"),
        ({"cifar10": {CELL201: 3}}, "cifar10: 3; {proxy: score} expected"),
        ({"cifar10": {CELL201: {"val_accuracy": 3}}}, "none of synflow, nwot"),
        ({"cifar10": {}}, "no {dataset: {architecture: {proxy: score}}}"),
        ({"cifar10": [1]}, "no {dataset: {architecture: {proxy: score}}}"),
        ([1], "no {dataset: {architecture"),
        ({"jigsaw": {"(1, 1, 1, 1)": scores()}}, "0 modules"),
    ],
)
def test_wrong_files_are_refused_in_one_line(tmp_path, data, why):
    path = write(tmp_path / "zc_x.json", data)
    with pytest.raises(NasbenchKitError, match=why) as refused:
        import_table([path], tmp_path / "a.h5", kind="nas_bench_suite_zero")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "a.h5").exists()


def test_damaged_files_are_refused_in_one_line(tmp_path):
    whole = write(tmp_path / "zc_x.json", {"cifar10": {CELL201: scores()}}).read_bytes()
    deep = b'{"synflow": ' + b"[" * 100_000
    for content in (b"", whole[:-1], whole[: len(whole) // 2], b"\xff" + whole, b"{" + whole, deep):
        (tmp_path / "zc_x.json").write_bytes(content)
        with pytest.raises(ImportDataError, match=r"zc_x\.json") as refused:
            import_table([tmp_path / "zc_x.json"], tmp_path / "a.h5", kind="nas_bench_suite_zero")
        assert "\n" not in str(refused.value)


@settings(max_examples=30, deadline=None)
@given(position=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_refused_or_changes_a_number_at_most(new_path, verify, position, bit):
    path, out = new_path(".json"), new_path()
    datasets = {
        d: {CELL201: scores(1, val_accuracy=90.0), "(1, 0, 2, 3, 4, 0)": scores(2)} for d in ("cifar10", "cifar100")
    }
    damaged = bytearray(write(path, datasets).read_bytes())
    damaged[int(position * len(damaged))] ^= 1 << bit
    path.write_bytes(damaged)
    try:
        table = import_table([path], out, kind="nas_bench_suite_zero", name="zc")
    except NasbenchKitError:
        assert not out.exists()
    else:
        verify(table)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("net,synflow,nwot,zen\n(9),1,2,3\n", "a.csv: '.9.' is not of the form 'naslib', like"),
        ("net,synflow,nwot,zen\n", "holds no rows"),
        ('net,synflow,nwot,zen\n"(0, 0, 0, 0, 0, 0)",1,2,high\n', "zen is 'high'; a number expected"),
        ('net,synflow,nwot,zen\n"(0, 0, 0, 0, 0, 0)",1,2,3\n', "cannot tell the dataset of a.csv; name the file after"),
        ('net,net_str,synflow,nwot,zen\n"(0, 0, 0, 0, 0, 0)",x,1,2,3\n', "net and net_str name different cells"),
        ("net,synflow,nwot\n1,2,3\n", "has the columns net, synflow, nwot"),
    ],
)
def test_damaged_copies_are_refused_in_one_line(tmp_path, text, why):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ImportDataError, match=why) as refused:
        import_table([tmp_path / "a.csv"], tmp_path / "a.h5", kind="nas_bench_suite_zero")
    assert "\n" not in str(refused.value)


def test_other_files_are_not_taken_for_it(tmp_path):
    for content in (
        b"arch,val_accuracy\n1,2\n",
        b"net,edgegpu_latency\n1,2\n",
        b'{"00000000": {"mean_acc": 1}}',
        b"\x80",
    ):
        assert not nas_bench_suite_zero.recognizes(tmp_path / "a", content)

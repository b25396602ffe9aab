"""The space, the importer and the embedded table of NAS-Bench-Graph."""

import importlib.util
import io
import os
import pickle
import zipfile
from itertools import islice, product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nasbench_kit as nbk
from nasbench_kit.errors import ArchitectureError, ImportDataError, NasbenchKitError, NotRecordedError, UnknownNameError
from nasbench_kit.formats.numpy_pickles import PLAIN
from nasbench_kit.formats.pickles import read_plain_pickle
from nasbench_kit.importers import guess_kind, import_table
from nasbench_kit.spaces import NASBenchGraphSpace
from nasbench_kit.spaces.nas_bench_graph import LINKS, OPERATIONS
from nasbench_kit.testing import check_space

GRAPH = NASBenchGraphSpace()
DATASETS = ("cora", "citeseer", "pubmed", "cs", "physics", "photo", "computers", "arxiv", "proteins")
EXAMPLE = (3, 1, 2, 7, 3)
FORMS = [
    "[0, 0, 1, 2] gcn,gin,fc,cheb",
    "[0,0,1,2], [gcn, gin, fc, cheb]",
    "Arch([0, 0, 1, 2], ['gcn', 'gin', 'fc', 'cheb'])",
    'Arch(lk=[0,0,1,2], op=["gcn","gin","fc","cheb"])',
    "31273",
    31_273,
    np.int64(31_273),
    ([0, 0, 1, 2], ["gcn", "gin", "fc", "cheb"]),
    SimpleNamespace(link=[0, 0, 1, 2], ops=["gcn", "gin", "fc", "cheb"]),  # as the package's Arch
    {"links": "0012", "node1": "gcn", "node2": "gin", "node3": "fc", "node4": "cheb"},
    EXAMPLE,
    list(EXAMPLE),
    np.array(EXAMPLE),
]


@pytest.fixture(scope="module")
def table():
    return nbk.load("nas_bench_graph/cora").results


@pytest.fixture(scope="module")
def installed():
    """The folder that nas-bench-graph is installed in, found without importing it."""
    found = importlib.util.find_spec("nas_bench_graph")
    assert found is not None, "nas-bench-graph comes with the extra 'dev'"
    (package,) = found.submodule_search_locations
    return Path(package)


@pytest.fixture(scope="module")
def originals(installed):
    """Dataset -> hash -> record, as the package's files hold them."""
    return {
        name: read_plain_pickle(io.BytesIO((installed / f"light/{name}.bench").read_bytes()), name, PLAIN)
        for name in DATASETS
    }


# ---- the space ----


@pytest.mark.parametrize("form", FORMS, ids=range(len(FORMS)))
def test_every_form_of_an_architecture_is_read(form):
    assert GRAPH.parse(form) == EXAMPLE


def test_both_forms_are_written():
    assert GRAPH.format(EXAMPLE) == FORMS[0]
    assert GRAPH.format(EXAMPLE, "digits") == "31273"
    assert GRAPH.format(GRAPH.parse(1), "digits") == "00001"
    assert (
        GRAPH.parse("31273", "digits") == GRAPH.parse(31_273, "digits") == GRAPH.parse(FORMS[0], "official") == EXAMPLE
    )


def test_the_space_conforms():
    check_space(GRAPH, np.random.default_rng(0))
    assert pickle.loads(pickle.dumps(GRAPH)).name == "nas_bench_graph"


def test_nodes_may_be_given_in_any_order():
    # The README of nas-bench-graph gives the second as [0, 1, 1, 2]. There fc would read cheb; its own code tells the
    # two apart, and agrees with the following.
    one = GRAPH.parse(([0, 1, 2, 1], ["gcn", "gin", "fc", "cheb"]))
    other = GRAPH.parse(([0, 1, 1, 3], ["gcn", "cheb", "gin", "fc"]))
    readme = GRAPH.parse(([0, 1, 1, 2], ["gcn", "cheb", "gin", "fc"]))
    assert GRAPH.key(one) == GRAPH.key(other) != GRAPH.key(readme)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # a skip connection that another node reads
        ("[0, 0, 1, 2] skip,gcn,gin,fc", "[0, 1, 1, 2] skip,gcn,gin,fc"),
        # one that is alone at the end of a chain
        ("[0, 1, 2, 3] gcn,gin,fc,skip", "[0, 1, 2, 3] skip,gcn,gin,fc"),
        # one that hands the input to the output
        ("[0, 0, 0, 0] gcn,skip,gin,fc", "[0, 1, 1, 1] skip,fc,gcn,gin"),
        # branches change places
        ("[0, 0, 1, 2] gcn,gin,fc,cheb", "[0, 0, 1, 2] gin,gcn,cheb,fc"),
        ("[0, 0, 0, 0] gcn,gin,fc,cheb", "[0, 0, 0, 0] cheb,fc,gin,gcn"),
    ],
)  # Source: section 3.1 of the paper, and `move_skip_op`, `equalpart_sort` of the package
def test_skip_connections_that_change_nothing_and_the_order_of_nodes_do_not_count(one, other):
    assert GRAPH.identity([one, other]).tolist() == [GRAPH.key(GRAPH.parse(one))] * 2
    assert GRAPH.key(GRAPH.parse(other)) == GRAPH.key(GRAPH.parse(one))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # beside another reader of a computed value, a skip connection hands that to the output
        ("[0, 1, 1, 1] gcn,gin,fc,skip", "[0, 1, 1, 1] skip,gcn,gin,fc"),
        ("[0, 0, 1, 2] gcn,gin,fc,cheb", "[0, 0, 1, 2] gcn,gin,cheb,fc"),
    ],
)
def test_what_makes_a_difference_counts(one, other):
    assert GRAPH.key(GRAPH.parse(one)) != GRAPH.key(GRAPH.parse(other))


def test_there_are_26206_classes_and_their_hashes_are_the_keys_of_the_release(originals):
    # Source: Qin et al. 2022: "26,206 unique graph neural network architectures"
    archs = GRAPH.all_archs()
    identity = GRAPH.identity(archs)
    assert len(archs) == 9 * 9**4 - 9
    assert len(np.unique(identity)) == 26_206 == GRAPH.n_keys
    assert {GRAPH.official_hash(GRAPH.unrank(int(key))) for key in np.unique(identity)} == set(originals["cora"])
    assert identity[::17].tolist() == [GRAPH.key(tuple(arch)) for arch in archs[::17].tolist()]


def test_the_hash_is_that_of_the_package_for_every_architecture(installed):
    # the package's own code is the oracle; it is run here, in a test, and nowhere else
    found = importlib.util.spec_from_file_location("architecture_of_nas_bench_graph", installed / "architecture.py")
    package = importlib.util.module_from_spec(found)
    found.loader.exec_module(package)
    archs = GRAPH.all_archs()
    hashes = [
        package.Arch(list(LINKS[link]), [OPERATIONS[o] for o in ops]).valid_hash() for link, *ops in archs.tolist()
    ]
    canonical = GRAPH.unrank_many(GRAPH.identity(archs).astype(np.int64))
    assert (canonical.astype(np.int64) @ [10_000, 1_000, 100, 10, 1]).tolist() == hashes
    rng = np.random.default_rng(0)
    for links in product(range(1), range(2), range(3), range(4)):
        ops = [OPERATIONS[i] for i in rng.integers(9, size=4)]
        assert GRAPH.official_hash((list(links), ops)) == package.Arch(list(links), ops).valid_hash()


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("[0, 0, 1, 2] gcn,gin,fc,conv", "unknown operation 'conv'; choose from gat, gcn"),
        ("[0, 0, 1, 2] gcn,gin,fc", "four inputs"),
        ("[0, 2, 1, 2] gcn,gin,fc,fc", "each 0 or the number of an earlier node"),
        ("[0, 0, 1, 2] skip,skip,skip,skip", "four skip connections compute nothing"),
        (88_888, "four skip connections"),
        ("91111", "has five digits from 0 to 8"),
        (-1, "has five digits from 0 to 8"),
        ("gcn,gin,fc,cheb", "is no architecture of nas_bench_graph; one looks like"),
        (([0, 0], ["gcn", "gin"]), "four inputs"),
        (([0, 0, 1, 2], "gcn"), "are no two lists of four"),
        ((3, 1, 2, 7), "has 4 numbers"),
        (3.5, "is no architecture"),
    ],
)
def test_what_is_no_architecture_is_refused(form, message):
    with pytest.raises((ArchitectureError, UnknownNameError), match=message):
        GRAPH.parse(form)


@pytest.mark.parametrize(("form", "name"), [(FORMS[0], "digits"), ("31273", "official"), ("31273", "other")])
def test_a_form_that_is_named_is_the_only_one_read(form, name):
    with pytest.raises(NasbenchKitError, match=r"is not of the form|unknown form"):
        GRAPH.parse(form, name)


def test_graphs_have_the_links_and_send_all_that_is_not_read_to_the_output():
    (drawn,) = GRAPH.graphs(EXAMPLE).values()
    assert drawn.nodes == ("input", "gcn", "gin", "fc", "cheb", "output")
    assert set(drawn.edges) == {(0, 1, ""), (0, 2, ""), (1, 3, ""), (2, 4, ""), (3, 5, ""), (4, 5, "")}
    batch = GRAPH.graph_many([EXAMPLE])
    assert [batch.labels[node] for node in batch.nodes[0]] == list(drawn.nodes)
    assert {(a, b, "") for a, b in np.argwhere(batch.adjacency[0]).tolist()} == set(drawn.edges)


# ---- the embedded table ----


@pytest.mark.parametrize(
    ("name", "key", "val", "test", "latency_s", "params_m"),
    [
        # Source: records of nas-bench-graph 1.4.0 (Apache-2.0), read with the standard library
        ("cora", 0, 0.7733333333333334, 0.797, 0.005922238032023112, 1.736711),
        ("cora", 31273, 0.7893333333333334, 0.7946666666666666, 0.004323482513427734, 1.066503),
        ("physics", 88887, 0.8290000000000001, 0.8143562187892416, 0.000678857167561849, 1.842053),
        ("arxiv", 10001, 0.711, 0.7010952684676529, 0.1038970947265625, 0.12228),
        ("proteins", 1111, 0.7763333333333332, 0.7352624285044876, 0.0020090738932291665, 0.558704),
    ],
)
def test_the_values_of_some_networks_are_the_recorded_ones(name, key, val, test, latency_s, params_m):
    bench = nbk.load(f"nas_bench_graph/{name}")
    quantity = "score" if name == "proteins" else "accuracy"
    found = [bench.values(m, [key])[0] for m in (f"val_{quantity}", f"test_{quantity}", "latency_s", "params_m")]
    assert found[0] == pytest.approx(val, rel=1e-15)
    assert found[1] == pytest.approx(test, rel=1e-7 if name == "proteins" else 1e-15)
    assert found[2] == pytest.approx(latency_s, abs=2**-22)
    assert found[3] == pytest.approx(params_m, rel=1e-15)
    assert bench.query(key)[1] == found[0]


def test_every_value_is_the_recorded_one(originals):
    for name, records in originals.items():
        bench = nbk.load(f"nas_bench_graph/{name}")
        archs = GRAPH.parse_many([GRAPH.parse(key) for key in records])
        quantity = "score" if name == "proteins" else "accuracy"
        rounded = 2**-22 if name in ("cora", "citeseer", "pubmed", "cs", "photo", "computers") else 1e-15
        for field, metric, tolerance in (
            ("valid_perf", f"val_{quantity}", 1e-15),
            ("perf", f"test_{quantity}", 3e-8 if name == "proteins" else 1e-15),
            ("latency", "latency_s", rounded),
            ("para", "params_m", 2e-15),
        ):
            recorded = [record[field] for record in records.values()]
            np.testing.assert_allclose(bench.values(metric, archs), recorded, rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    ("name", "val", "tests", "correlation"),
    [
        # best validation, the test of the networks that have it, and Spearman's correlation of both over all networks,
        # computed from the files of nas-bench-graph 1.4.0 apart from this package
        ("cora", 0.8193, (0.8080, 0.8263), 0.73),
        ("citeseer", 0.7280, (0.7103,), 0.93),
        ("pubmed", 0.8113, (0.7560,), 0.54),
        ("cs", 0.9213, (0.9059,), 0.96),
        ("physics", 0.9400, (0.9135,), 0.87),
        ("photo", 0.9407, (0.9208,), 0.91),
        ("computers", 0.9190, (0.8203,), 0.72),
        ("arxiv", 0.7367, (0.7195,), 0.97),
        ("proteins", 0.8533, (0.7611,), 0.50),
    ],
)
def test_best_values_and_correlations_are_those_of_the_files(name, val, tests, correlation):
    bench = nbk.load(f"nas_bench_graph/{name}")
    archs = bench.results.archs()
    on_val, on_test = (
        bench.values(metric, archs, missing="nan") for metric in bench.metrics if metric.startswith(("val", "test"))
    )
    assert round(bench.best().value, 4) == val
    assert [round(value, 4) for value in sorted(on_test[on_val == bench.best().value])] == list(tests)
    recorded = ~np.isnan(on_val)
    assert round(spearman(on_val[recorded], on_test[recorded]), 2) == correlation


def spearman(x, y):
    def ranks(values):
        _, position, counts = np.unique(values, return_inverse=True, return_counts=True)
        return (np.cumsum(counts) - (counts - 1) / 2)[position]

    return np.corrcoef(ranks(x), ranks(y))[0, 1]


def test_proteins_has_2021_networks_and_a_search_stays_among_them():
    bench = nbk.load("nas_bench_graph/proteins")
    space = bench.search_space()
    assert len(space.all_archs()) == 2_021
    assert set(np.unique(space.all_archs()[:, 1:])) == {
        OPERATIONS.index(o) for o in ("gcn", "sage", "arma", "fc", "skip")
    }
    with pytest.raises(NotRecordedError, match=r"val_score of '\[0, 0, 0, 0\] gat,gat,gat,gat' was not recorded$"):
        bench.query("[0, 0, 0, 0] gat,gat,gat,gat")


def test_a_search_on_the_other_datasets_has_the_whole_space(table):
    assert table.is_complete
    assert nbk.load("nas_bench_graph/arxiv").search_space() is not None
    assert nbk.load("nas_bench_graph/arxiv").search_space().size == 59_049


def test_any_way_to_write_a_network_finds_it():
    bench = nbk.load("nas_bench_graph/cora")
    answers = {bench.query(([0, 1, 2, 1], ["gcn", "gin", "fc", "cheb"])).val_accuracy}
    answers.add(bench.query("[0, 1, 1, 3] gcn,cheb,gin,fc").val_accuracy)
    answers.add(bench.query(GRAPH.official_hash("[0, 1, 1, 3] gcn,cheb,gin,fc")).val_accuracy)
    assert len(answers) == 1


def test_the_file_is_small_and_verifies(table):
    table.verify()
    assert os.path.getsize(table.path) <= 3_000_000


# ---- how it is made ----


@pytest.mark.slow
def test_the_embedded_table_is_made_from_the_published_package(installed, table, tmp_path):
    assert guess_kind([installed]) == guess_kind([installed / "light"]) == "nas_bench_graph"
    made = import_table([installed], tmp_path / "made.h5")
    assert (tmp_path / "made.h5").read_bytes() == Path(table.path).read_bytes()
    assert made.sha256 == table.sha256


def test_a_wheel_gives_the_same_table_as_the_folder(originals, tmp_path):
    path, folder = tmp_path / "nas_bench_graph-1.4.0-py3-none-any.whl", tmp_path / "light"
    folder.mkdir()
    with zipfile.ZipFile(path, "w") as wheel:
        for name, records in originals.items():
            content = pickle.dumps(dict(islice(records.items(), 0, None, 26)))
            wheel.writestr(f"nas_bench_graph/light/{name}.bench", content)
            (folder / f"{name}.bench").write_bytes(content)
    assert guess_kind([path]) == "nas_bench_graph"
    of_wheel, of_folder = (import_table([source], tmp_path / f"{source.stem}.h5") for source in (path, folder))
    assert of_wheel.datasets == of_folder.datasets == DATASETS
    assert of_wheel.sha256 == of_folder.sha256


def test_single_files_make_a_table_of_their_datasets(installed, tmp_path):
    files = [installed / "light/proteins.bench"]
    assert guess_kind(files) == "nas_bench_graph"
    made = import_table(files, tmp_path / "made.h5")
    assert (made.datasets, made.n_archs) == (("proteins",), 2_021)


# Files in the layout of the release, made here: two networks.
RECORDS = {
    10_001: {"valid_perf": 0.7, "perf": 0.797, "latency": 3 / 2**22, "para": 1.5},
    31_273: {"valid_perf": 2.3 / 3, "perf": 0.5, "latency": 4 / 2**22, "para": 0.25},
}


@pytest.fixture
def bench_file(tmp_path):
    """A file `cora.bench` with these bytes."""

    def make(content, name="cora.bench"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, 3))
        return path

    return make


def test_numbers_of_numpy_are_read_as_those_of_python(bench_file, tmp_path):
    records = {key: {field: np.float64(value) for field, value in record.items()} for key, record in RECORDS.items()}
    made = import_table([bench_file(records)], tmp_path / "made.h5")
    bench = nbk.Benchmark(made, "cora")
    assert bench.query(31_273).val_accuracy == pytest.approx(2.3 / 3, rel=1e-15)
    assert bench.values("params_m", [10_001, 31_273]).tolist() == [1.5, 0.25]


class Command:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def changed(key, **fields):
    return RECORDS | {key: RECORDS.get(key, RECORDS[10_001]) | fields}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cora.bench is no readable pickle"),
        (b"text", "cora.bench is no readable pickle"),
        (pickle.dumps(RECORDS)[:-20], "cora.bench is no readable pickle"),
        (pickle.dumps({1: Command("touch /tmp/never")}), r"asks for (posix|nt)\.system, which is no plain data"),
        ({1: np.array([1.0])}, r"asks for numpy\.?_?core.multiarray\._reconstruct"),
        ({1: np.float64(1).astype(np.complex128)}, "holds a number of numpy's type 'c16'; choose from f8"),
        ([1], "holds no dictionary of networks"),
        ({}, "holds no dictionary of networks"),
        ({88_888: RECORDS[10_001]}, "88888 is none of the 26,206 hashes"),
        ({"10001": RECORDS[10_001]}, "'10001' is none of the 26,206 hashes"),
        ({10_001: None}, "network 10001 lacks one of the numbers valid_perf, perf, latency, para"),
        (changed(10_001, perf=None), "network 10001 lacks one of the numbers"),
        (changed(10_001, perf=float("nan")), "network 10001 lacks one of the numbers"),
        (changed(10_001, perf=79.7), "perf of some network is 79.7; at most 1 expected"),
        (changed(10_001, perf=0.70001), "test_accuracy of some network is no multiple of 1/3,000"),
        (changed(10_001, valid_perf=0.70001), "val_accuracy of some network is no multiple of 1/3,000"),
        (changed(10_001, latency=0.1), "latency_s of some network is no multiple of 1/12,582,912"),
        (changed(10_001, para=0.12345678), "params_m of some network is no multiple of 1/3,000,000"),
    ],
    ids=range(18),
)
def test_a_damaged_file_is_refused(bench_file, tmp_path, content, message):
    refused([bench_file(content)], tmp_path, message)


def refused(sources, tmp_path, message, kind="nas_bench_graph"):
    with pytest.raises(ImportDataError, match=message) as caught:
        import_table(sources, tmp_path / "made.h5", kind=kind)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "made.h5").exists()


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_a_file_with_a_changed_byte_is_read_or_refused_in_one_line(new_path, where, change):
    records = {key: {field: np.float64(value) for field, value in record.items()} for key, record in RECORDS.items()}
    content = bytearray(pickle.dumps(records, 3))
    content[where % len(content)] ^= change
    path = new_path("") / "cora.bench"
    path.parent.mkdir()
    path.write_bytes(content)
    try:
        import_table([path], path.parent / "made.h5", kind="nas_bench_graph")
    except NasbenchKitError as error:
        assert "\n" not in str(error)  # noqa: PT017 (either is right)
        assert not (path.parent / "made.h5").exists()


def test_a_file_of_unknown_name_or_given_twice_is_refused(bench_file, tmp_path):
    refused([bench_file(RECORDS, "mine.bench")], tmp_path, "is named after no dataset; choose from cora, citeseer")
    path = bench_file(RECORDS)
    refused([path, path], tmp_path, "gives the dataset cora a second time")
    (tmp_path / "empty").mkdir()
    refused([tmp_path / "empty"], tmp_path, r"holds no nas_bench_graph/light/\*.bench")
    with zipfile.ZipFile(tmp_path / "other.whl", "w") as wheel:
        wheel.writestr("readme.txt", "nothing here")
    refused([tmp_path / "other.whl"], tmp_path, "give nas-bench-graph 1.4.0's wheel")

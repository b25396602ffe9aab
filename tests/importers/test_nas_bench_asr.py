"""The space and the importer of NAS-Bench-ASR; a genuine record, otherwise GENERATED files in the release's layout."""

import os
import pickle
from hashlib import sha256

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.errors import ArchitectureError, ImportDataError, NotRecordedError, UnknownNameError
from nasbench_kit.importers import guess_kind, import_table
from nasbench_kit.spaces import NASBenchASRSpace
from nasbench_kit.testing import check_benchmark, check_space

ASR = NASBenchASRSpace()
OPERATIONS = ["linear", "conv5", "conv5d2", "conv7", "conv7d2", "zero"]
# Source: SamsungLabs/nb-asr, README, "Querying all information": the cell, its md5, seed 1235
CELL = [[1, 0], [1, 0, 0], [1, 0, 0, 0]]
MD5 = "36855332a5778e0df5114305bc3ce238"
# fmt: off
VAL_PER = [
    0.47851497, 0.32516438, 0.27674836, 0.25589427, 0.24639702, 0.23125456, 0.22919573, 0.228598,
    0.22308561, 0.21856944, 0.22109318, 0.2183702, 0.21451816, 0.21498306, 0.21458457, 0.21239291,
    0.21431892, 0.21418609, 0.21584645, 0.21584645, 0.21578003, 0.21704191, 0.21664342, 0.21843661,
    0.2188351, 0.22003055, 0.22109318, 0.22149166, 0.23816165, 0.23643488, 0.22886366, 0.22082752,
    0.2207611, 0.22142525, 0.22169091, 0.22056186, 0.22149166, 0.22182374, 0.22142525, 0.22202298,
]
# fmt: on
TEST_PER, LATENCY, PARAMS = 0.242688849568367, {"gtx-1080ti-fp32": 0.04320073127746582}, 26_338_848

ARCHS = [CELL, [[0, 1], [1, 0, 0], [3, 1, 1, 1]], [[5, 0], [5, 0, 0], [5, 1, 0, 0]], [[4, 1], [2, 1, 0], [3, 0, 0, 1]]]
HASHES = [ASR.official_hash(arch) for arch in ARCHS]


# ---- the space ----


@pytest.mark.parametrize(
    "form",
    [
        [[0, 1], [1, 0, 0], [3, 1, 1, 1]],
        [(0, 1), (1, 0, 0), (3, 1, 1, 1)],
        ((0, 1), (1, 0, 0), (3, 1, 1, 1)),
        [["linear", 1], ["conv5", 0, 0], ["conv7", 1, 1, 1]],
        "[[0, 1], [1, 0, 0], [3, 1, 1, 1]]",
        "((0,1),(1,0,0),(3,1,1,1))",
        "[['linear', 1], ['conv5', 0, 0], ['conv7', 1, 1, 1]]",
        (0, 1, 1, 0, 0, 3, 1, 1, 1),
        np.array([0, 1, 1, 0, 0, 3, 1, 1, 1]),
    ],
    ids=range(9),
)
def test_every_form_of_a_cell_is_read(form):
    assert ASR.parse(form) == (0, 1, 1, 0, 0, 3, 1, 1, 1)


def test_the_space_conforms():
    check_space(ASR, np.random.default_rng(0))
    assert pickle.loads(pickle.dumps(ASR)).size == 6**3 * 2**6 == 13_824


def test_the_official_hash_is_that_of_the_publishers_example():
    assert ASR.official_hash(CELL) == MD5


def test_identities_never_change():
    digest = sha256(ASR.identity(ASR.all_archs()).astype("<u8").tobytes()).hexdigest()  # tables hold them
    assert digest == "135b53c217ffe1afb7f70a7ad72d09090c632c8720c9f9d5abb849681a50636a"


def test_there_are_8242_classes_one_for_each_official_hash():
    # Source: Mehrotra et al. 2021, section 3: "8,242 unique models"
    archs = ASR.all_archs()
    identity = ASR.identity(archs).tolist()
    assert len(set(identity)) == 8_242 == ASR.n_keys
    hashes = [ASR.official_hash(arch) for arch in archs.tolist()]
    assert len(set(hashes)) == len(set(zip(hashes, identity, strict=True))) == 8_242


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        # an operation alone, wherever it stands: in, conv5, out, and what leads past it
        ([[1, 1], [5, 0, 0], [5, 1, 1, 0]], [[5, 1], [1, 0, 0], [5, 1, 0, 1]], True),
        # two operations side by side
        ([[1, 0], [5, 1, 0], [3, 0, 1, 0]], [[3, 0], [5, 1, 0], [1, 0, 1, 0]], True),
        # no way through
        ([[5, 0], [1, 0, 0], [1, 0, 0, 0]], [[5, 1], [5, 1, 1], [5, 0, 1, 1]], True),
        # one after the other
        ([[1, 0], [3, 0, 0], [5, 0, 0, 1]], [[3, 0], [1, 0, 0], [5, 0, 0, 1]], False),
    ],
)
def test_what_zero_leaves_decides_which_cells_are_the_same(one, other, same):
    keys = [ASR.key(ASR.parse(arch)) for arch in (one, other)]
    assert (keys[0] == keys[1]) == same == (ASR.official_hash(one) == ASR.official_hash(other))


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ([[0, 1], [1, 0, 0]], "has 2 numbers|is no architecture|is no cell"),
        ([[0, 1], [1, 0], [3, 1, 1, 1]], "is no cell of nas_bench_asr; one looks like"),
        ([[6, 1], [1, 0, 0], [3, 1, 1, 1]], "choice 6 of decision 'op1' is out of range"),
        ([[0, 2], [1, 0, 0], [3, 1, 1, 1]], "choice 2 of decision 'skip_0_1' is out of range"),
        ([["conv9", 1], [1, 0, 0], [3, 1, 1, 1]], "unknown operation 'conv9'; did you mean"),
        ([[0, "linear"], [1, 0, 0], [3, 1, 1, 1]], "is no cell"),
        ("[[0, 1], [1, 0, 0]]", "is no cell of nas_bench_asr; one looks like"),
        ("", "is no cell"),
    ],
    ids=range(8),
)
def test_what_is_no_cell_is_refused(form, message):
    with pytest.raises((ArchitectureError, UnknownNameError), match=message):
        ASR.parse(form)


def test_graphs_leave_out_zero():
    (drawn,) = ASR.graphs(ASR.parse([[1, 1], [5, 0, 1], [3, 1, 0, 0]])).values()
    assert set(drawn.edges) == {(0, 1, "conv5"), (0, 1, "skip"), (1, 2, "skip"), (2, 3, "conv7"), (0, 3, "skip")}
    batch = ASR.graph_many([[[1, 1], [5, 0, 1], [3, 1, 0, 0]]])
    assert [batch.labels[node] if node >= 0 else None for node in batch.nodes[0]] == [
        "input", "conv5", None, "conv7", "output",
    ]  # fmt: skip
    assert np.argwhere(batch.adjacency[0]).tolist() == [[0, 1], [0, 4], [1, 3], [3, 4]]


# ---- the importer ----


def dump(path, header, rows, protocol=4):
    header = {"search_space": {"shape": [[6, 2], [6, 2, 2], [6, 2, 2, 2]], "ops": OPERATIONS, "nodes": 3}} | header
    with open(path, "wb") as file:
        pickle.dump(header, file, protocol)
        pickle.dump(rows, file, protocol)


def curve(seed, i, n_epochs):
    """Made up; as float32, which the release's look like."""
    if (seed, i, n_epochs) == (1235, 0, 40):
        return VAL_PER
    drawn = np.sort(np.random.default_rng([seed, i, n_epochs]).random(n_epochs).astype(np.float32))[::-1]
    return list(drawn)


def row(seed, i, n_epochs=40):
    test_per = TEST_PER if (seed, i) == (1235, 0) else float(np.random.default_rng([seed, i]).random())
    return [HASHES[i], curve(seed, i, n_epochs), test_per, [tuple(node) for node in ARCHS[i]]]


def training(path, seed, cells=range(4), n_epochs=40, **changes):
    header = {"dataset_type": "training", "version": 1, "seed": seed, "epochs": n_epochs}
    header["columns"] = ["model_hash", "val_per", "test_per", "arch_vec"]
    dump(path, header | changes, [row(seed, i, n_epochs) for i in cells])


@pytest.fixture
def folder(tmp_path):
    """Files in the layout of the release, for four cells; the first has the genuine values of the README."""
    folder = tmp_path / "release"
    folder.mkdir()
    training(folder / "nb-asr-e40-1234.pickle", 1234)
    training(folder / "nb-asr-e40-1235.pickle", 1235)
    training(folder / "nb-asr-e40-1236.pickle", 1236, [0, 1, 3])  # one cell less
    training(folder / "nb-asr-e10-1234.pickle", 1234, n_epochs=10)
    header = {"dataset_type": "benchmarking", "version": 1, "device": "gtx-1080ti-fp32"}
    header["columns"] = ["model_hash", "latency"]
    dump(
        folder / "nb-asr-bench-gtx-1080ti-fp32.pickle",
        header,
        [[HASHES[0], LATENCY["gtx-1080ti-fp32"]], [HASHES[3], 0.5]],
    )
    header = {"dataset_type": "static", "version": 2, "columns": ["model_hash", "params", "flops"]}
    dump(folder / "nb-asr-info.pickle", header, [[model, PARAMS + i, 10**9 + i] for i, model in enumerate(HASHES)])
    return folder


def test_all_files_of_the_release_make_one_table(folder, tmp_path):
    assert guess_kind([folder]) == guess_kind([folder / "nb-asr-info.pickle"]) == "nas_bench_asr"
    table = import_table([folder], tmp_path / "made.h5")
    bench = nbk.Benchmark(table, "timit")
    assert list(bench.metrics) == [
        "val_per", "test_per", "val_per[e10]", "test_per[e10]", "latency_s[gtx-1080ti-fp32]", "params_m", "flops_m",
    ]  # fmt: skip
    assert bench.metrics["val_per"] == nbk.Metric(
        "val_per", "val", "edits/phoneme", "min", (1234, 1235, 1236), tuple(range(1, 41))
    )
    assert [bench.query(CELL, epoch=epoch + 1, seed=1235).val_per for epoch in range(40)] == VAL_PER
    assert bench.values("test_per", [CELL], seed=1235).tolist() == [TEST_PER]
    with pytest.raises(NotRecordedError, match="epoch 5 was not recorded; choose from 40"):
        bench.values("test_per", [CELL], epoch=5)
    assert bench.values("latency_s[gtx-1080ti-fp32]", [CELL]).tolist() == list(LATENCY.values())
    assert bench.values("params_m", [CELL]).tolist() == pytest.approx([PARAMS / 1e6], rel=1e-15)
    for i, arch in enumerate(ARCHS):
        seeds = (1234, 1235) if i == 2 else (1234, 1235, 1236)
        assert bench.query(arch).seeds == seeds
        for seed in seeds:
            found = [bench.query(arch, epoch=epoch, seed=seed).val_per for epoch in (1, 40)]
            assert found == [float(curve(seed, i, 40)[epoch - 1]) for epoch in (1, 40)]
    assert np.isnan(bench.values("latency_s[gtx-1080ti-fp32]", [ARCHS[1]], missing="nan")).all()
    assert bench.values("val_per[e10]", [ARCHS[1]], epoch=10).tolist() == [curve(1234, 1, 10)[-1]]
    check_benchmark(bench, np.random.default_rng(0))


def test_the_best_is_the_lowest(folder, tmp_path):
    bench = nbk.Benchmark(import_table([folder], tmp_path / "made.h5"), "timit")
    assert bench.best().value == min(bench.query(arch).val_per for arch in ARCHS)


def test_a_file_of_devices_alone_is_read_too(folder, tmp_path):
    table = import_table([folder / "nb-asr-bench-gtx-1080ti-fp32.pickle"], tmp_path / "made.h5")
    assert (table.n_archs, list(table.metrics("timit"))) == (2, ["latency_s[gtx-1080ti-fp32]"])
    assert nbk.Benchmark(table, "timit").values("latency_s[gtx-1080ti-fp32]", [ARCHS[3]]).tolist() == [0.5]


class Command:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def damaged(path, what):
    if what == "truncated":
        path.write_bytes(path.read_bytes()[:-40])
    elif what == "one pickle":
        path.write_bytes(pickle.dumps({"dataset_type": "training"}))
    elif what == "hostile":
        training(path, 1234, more=Command("touch never"))
    elif what == "header":
        path.write_bytes(pickle.dumps([1, 2]))
    elif what == "operations":
        training(path, 1234, search_space={"ops": OPERATIONS[::-1], "nodes": 3})
    elif what == "columns":
        training(path, 1234, columns=["model_hash", "test_per", "val_per", "arch_vec"])
    elif what == "few columns":
        training(path, 1234, columns=["model_hash", "val_per", "test_per"])
    elif what == "seed":
        training(path, "1234")
    elif what == "no rows":
        training(path, 1234, [])
    elif what == "twice":
        training(path, 1234, [0, 0])
    else:
        rows = [row(1234, i) for i in range(4)]
        rows[1] = {
            "md5": ["0" * 32, *rows[1][1:]],
            "arch": [*rows[1][:3], [(9, 0), (0, 0, 0), (0, 0, 0, 0)]],
            "short": [rows[1][0], rows[1][1][:-1], *rows[1][2:]],
            "text": [rows[1][0], rows[1][1], "0.2", rows[1][3]],
            "negative": [rows[1][0], [-1.0] * 40, *rows[1][2:]],
        }[what]
        header = {
            "dataset_type": "training",
            "seed": 1234,
            "columns": ["model_hash", "val_per", "test_per", "arch_vec"],
        }
        dump(path, header, rows)


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("truncated", "nb-asr-e40-1234.pickle: its rows is no readable pickle"),
        ("one pickle", r"its columns are None|its rows is no readable pickle"),
        ("hostile", r"its header: the pickle asks for (posix|nt)\.system, which is no plain data"),
        ("header", "does not begin with a header of NAS-Bench-ASR that names a dataset_type"),
        ("operations", "three nodes of linear, conv5, conv5d2, conv7, conv7d2, zero expected"),
        ("columns", "its columns are .*; they begin with model_hash, val_per, test_per"),
        ("few columns", "does not have the columns model_hash, val_per, test_per"),
        ("seed", "seed '1234' or its first val_per is not as known"),
        ("no rows", "holds no rows after its header"),
        ("twice", "holds the cell 36855332a5778e0df5114305bc3ce238 twice"),
        ("md5", "is named 00000000000000000000000000000000, not"),
        ("arch", "choice 9 of decision 'op1' is out of range"),
        ("short", "has no 40 values of val_per"),
        ("text", "test_per is '0.2'; a number from 0 expected"),
        ("negative", "val_per is -1.0; a number from 0 expected"),
    ],
)
def test_a_damaged_file_is_refused(folder, tmp_path, what, message):
    damaged(folder / "nb-asr-e40-1234.pickle", what)
    with pytest.raises(ImportDataError, match=message) as caught:
        import_table([folder], tmp_path / "made.h5", kind="nas_bench_asr")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "made.h5").exists()


def test_a_hash_of_no_cell_and_a_file_given_twice_are_refused(folder, tmp_path):
    path = folder / "nb-asr-e40-1234.pickle"
    with pytest.raises(ImportDataError, match="seed 1234 of 40 epochs is given twice"):
        import_table([path, path], tmp_path / "made.h5")
    header = {"dataset_type": "static", "version": 1, "columns": ["model_hash", "params"]}
    dump(folder / "nb-asr-info.pickle", header, [["f" * 32, 1]])
    with pytest.raises(ImportDataError, match=r"f{32} is the md5 of no cell of NAS-Bench-ASR"):
        import_table([folder], tmp_path / "made.h5")

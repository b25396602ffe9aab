import csv
import json
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import nasbench_kit as nbk
from nasbench_kit import Metric, Table
from nasbench_kit.errors import ArchitectureError, NotRecordedError, SettingError, TableError, UnknownNameError
from nasbench_kit.optimizers import RandomSearch
from nasbench_kit.spaces import ChoiceSpace
from nasbench_kit.tables import Additive, DatasetSpec, Stored
from nasbench_kit.tables.format import DTYPES, MAGIC, RawColumn, read_index
from nasbench_kit.tables.schema import parse_index
from nasbench_kit.tables.verify import hdf5_fault, verify_content
from nasbench_kit.testing import check_benchmark, check_space

CHECKOUT = Path(__file__).resolve().parents[2]
TOY = ChoiceSpace("toy", {"kernel": ("3", "5"), "width": ("16", "32", "64")})
FRAME = {"arch": ["3,16", "5,64", "3,32"], "val_accuracy": [0.5, 0.25, 0.75], "cost_s": [1.0, 2.0, 3.0]}

distinct = st.lists(st.integers(1, 10**6), max_size=3, unique=True)


@st.composite
def metrics_of(draw, n_archs):
    """One stored metric and the values that it must give back: (Stored, float64 array)."""
    seeds, epochs = draw(distinct), sorted(draw(distinct))
    dtype = np.dtype(draw(st.sampled_from(sorted(DTYPES))))
    shape = (max(len(seeds), 1), max(len(epochs), 1), n_archs)
    if dtype.kind == "f":
        numbers = st.floats(-1e6, 1e6, width=32) | st.just(float("nan"))
        missing = None
    else:
        limits = np.iinfo(dtype)
        numbers = st.integers(max(limits.min, -(2**40)), min(limits.max, 2**40))
        missing = draw(st.none() | numbers)
    n = int(np.prod(shape))
    raw = np.array(draw(st.lists(numbers, min_size=n, max_size=n)), dtype).reshape(shape)
    scale = draw(st.tuples(st.integers(1, 9_999), st.integers(1, 25_000)))
    if draw(st.booleans()):
        raw = raw.astype(dtype.newbyteorder(">"))
    expected = raw.astype(np.float64) * scale[0] / scale[1]
    if missing is not None:
        expected[raw == missing] = np.nan
    return Stored(Metric("score", "val", "points", "max", tuple(seeds), tuple(epochs)), raw, scale, missing), expected


@st.composite
def tables(draw):
    n_archs = draw(st.integers(1, TOY.size))
    ranks = draw(st.permutations(range(TOY.size)))[:n_archs]
    metric, expected = draw(metrics_of(n_archs))
    assume(not np.isnan(expected).all())  # an objective without a value is refused
    return [TOY.unrank(rank) for rank in ranks], metric, expected


def values_of(table, dataset="d", metric="score"):
    column = table.column(dataset, metric)
    epochs = range(max(len(column.metric.epochs), 1))
    return np.array([[column.at(i, j).all() for j in epochs] for i in column.seed_positions(None)])


# ---- round trips ----


def verify_here(table):
    """`Table.verify` without its process, which would be started for each of a hundred examples."""
    verify_content(table.path)
    fault = hdf5_fault(table.path)
    if fault:
        raise TableError(fault)


@given(tables())
@settings(deadline=None)
def test_what_is_written_is_read_and_verified(make_table, case):
    archs, metric, expected = case
    table = make_table(metric, objective="score", archs=archs)
    verify_here(table)
    assert table.metrics("d") == {"score": metric.metric}
    assert table.n_archs == len(archs)
    rows = table.rows(TOY.parse_many(np.array(archs)))
    assert rows.tolist() == [table.row(arch) for arch in archs]
    assert (table.archs()[rows] == np.array(archs)).all()
    np.testing.assert_array_equal(values_of(table)[..., rows], expected)
    for i, j, k in np.ndindex(expected.shape):
        np.testing.assert_array_equal(table.column("d", "score").at(i, j)(int(rows[k])), expected[i, j, k])


@given(tables())
@settings(deadline=None)
def test_the_index_says_what_hdf5_says(make_table, case):
    archs, metric, _ = case
    table = make_table(metric, objective="score", archs=archs, about={"title": "naïve\n", "n": [1, 2.5, None]})
    index, columns = read_index(table.path)
    raw = Path(table.path).read_bytes()
    with h5py.File(table.path) as file:
        assert file.userblock_size >= 512
        assert (file.attrs["format"], file.attrs["version"]) == ("nasbench_kit table", 1)
        meaning = {key: index[key] for key in ("name", "space", "datasets", "about")}
        assert json.loads(file.attrs["description"]) == meaning
        found = []
        file.visititems(lambda path, item: found.append(f"/{path}") if isinstance(item, h5py.Dataset) else None)
        assert sorted(found) == sorted(columns) == sorted(index["columns"])
        for path, entry in index["columns"].items():
            dataset = file[path]
            assert dataset.chunks is None
            assert dataset.compression is None
            assert dataset.id.get_offset() == entry["offset"]
            assert (dataset.dtype.str, list(dataset.shape)) == (entry["dtype"], entry["shape"])
            there = raw[entry["offset"] :][: dataset.nbytes]
            assert there == dataset[()].tobytes() == bytes(columns[path].raw)
    assert index["file_bytes"] == len(raw)


def test_the_content_hash_is_the_one_that_the_format_page_defines(make_table, stored):
    import hashlib

    table = make_table(stored("val_accuracy", np.arange(6, dtype=np.uint8), scale=(1, 10)), about={"b": "ü", "a": 1})
    with h5py.File(table.path) as file:
        meaning = json.loads(file.attrs["description"])
        digest = hashlib.sha256(json.dumps(meaning, sort_keys=True, ensure_ascii=False).encode())
        digest.update(b"\n/d/val_accuracy |u1 [1, 1, 6]\n" + file["/d/val_accuracy"][()].tobytes())
    assert table.sha256 == digest.hexdigest()


def test_the_content_hash_does_not_depend_on_the_order_of_architectures(make_table, stored, toy_space):
    archs = toy_space.all_archs()
    values = np.linspace(0, 1, 6)
    expected = make_table(stored("val_accuracy", values)).sha256
    for order in ([0, 1, 2, 3, 4, 5], [3, 1, 2, 0, 5, 4]):
        assert make_table(stored("val_accuracy", values[order]), archs=archs[order]).sha256 == expected


def test_sums_are_evaluated_and_come_back(make_table, stored):
    params = Additive(Metric("params_m", None, "million", "min"), 7, {"5": 10, "64": 100}, (1, 1_000))
    table = make_table(stored("val_accuracy", np.zeros(6)), params)
    table.verify()
    assert table.column("d", "params_m").values(TOY.all_archs(), TOY).tolist() == [
        0.007,
        0.007,
        0.107,
        0.017,
        0.017,
        0.117,
    ]


def test_a_metric_without_its_variant_is_answered_with_the_variants(make_table, stored):
    latency = [stored(f"latency_ms[{device}]", np.arange(6.0)) for device in ("fpga", "pixel3")]
    table = make_table(*latency, stored("latency_s", np.arange(6.0)), objective="latency_s")
    with pytest.raises(UnknownNameError, match=r"'latency_ms'; choose from latency_ms\[fpga\], latency_ms\[pixel3\]$"):
        table.column("d", "latency_ms")


def test_an_array_of_several_metrics_is_stored_once(make_table, toy_space):
    raw = np.arange(1, 7, dtype=np.float64).reshape(1, 1, 6) / 10
    spec = DatasetSpec([Stored(Metric.from_name("val_accuracy"), raw), Stored(Metric.from_name("cost_s"), raw, (2, 1))])
    table = make_table(datasets={"a": spec, "b": spec})
    assert len(read_index(table.path)[0]["columns"]) == 1
    assert (values_of(table, "b", "cost_s") == 2 * raw).all()


@pytest.mark.parametrize("n_metrics", [1, 100, 620, 630])
def test_any_number_of_metrics_finds_room_in_the_user_block(make_table, stored, n_metrics):
    more = [stored(f"latency_ms[{i}]", np.full(6, i, np.uint16)) for i in range(n_metrics)]
    table = make_table(stored("val_accuracy", np.zeros(6)), *more)
    assert values_of(table, "d", f"latency_ms[{n_metrics - 1}]").tolist() == [[[n_metrics - 1] * 6]]


def test_a_table_opened_before_it_is_replaced_keeps_its_values(make_table, stored, tmp_path):
    old = make_table(stored("val_accuracy", np.zeros(6)), path=tmp_path / "t.h5")
    make_table(stored("val_accuracy", np.ones(6)), path=tmp_path / "t.h5")
    assert (values_of(old, metric="val_accuracy") == 0).all()
    assert (values_of(Table.open(tmp_path / "t.h5"), metric="val_accuracy") == 1).all()


def test_a_table_can_be_pickled(make_table, stored):
    table = make_table(stored("val_accuracy", np.zeros(6)))
    assert pickle.loads(pickle.dumps(table)).sha256 == table.sha256  # allowed: made here


# ---- the format page and other readers ----


def python_blocks(page):
    return re.findall(r"^```python\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def test_the_block_of_the_format_page_runs_and_reads_the_embedded_table(cifar10, monkeypatch):
    monkeypatch.chdir(CHECKOUT)
    (block,) = python_blocks(CHECKOUT / "docs" / "table-format.md")
    names = {}
    exec(compile(block, "docs/table-format.md", "exec"), names)  # allowed: our own text
    expected = [cifar10.values("val_accuracy", cifar10.results.archs(), seed=s, missing="nan") for s in (777, 888, 999)]
    np.testing.assert_allclose(names["frame"].to_numpy().T, expected, rtol=1e-15)


def test_a_first_answer_needs_neither_numpy_nor_h5py():
    program = (
        "import sys, nasbench_kit as nbk\n"
        "bench = nbk.load('nasbench201/cifar10')\n"
        "print(bench.query('333132').val_accuracy, bench.objective(6111))\n"
        "print(sorted({'numpy', 'h5py', 'pandas', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    first, modules = done.stdout.splitlines()
    # Source: the optimum of mean validation accuracy on CIFAR-10, 91.6067 %
    assert [round(float(value), 6) for value in first.split()] == [0.916067, 0.916067]
    assert modules == "[]"


# ---- from anybody's results ----


@pytest.mark.parametrize("kind", ["dict", "frame", "csv"])
def test_results_in_any_container_become_the_same_table(new_path, kind):
    frame = FRAME
    if kind == "frame":
        frame = pd.DataFrame(FRAME)
    if kind == "csv":
        frame = new_path(".csv")
        pd.DataFrame(FRAME).to_csv(frame, index=False)
    table = Table.from_frame(frame, new_path(), name="mine", space=TOY, metrics=["val_accuracy", "cost_s"])
    table.verify()
    bench = nbk.Benchmark(table, "default")
    assert bench.query("5,64")[1:3] == (0.25, 2.0)
    assert bench.best() == ((0, 1), 0.75)
    with pytest.raises(NotRecordedError, match="'5,16' is not among the 3 architectures"):
        bench.query("5,16")
    expected = Table.from_frame(FRAME, new_path(), name="mine", space=TOY, metrics=["val_accuracy", "cost_s"])
    assert table.sha256 == expected.sha256


@settings(deadline=None)
@given(
    st.dictionaries(
        st.tuples(st.integers(0, 5), st.sampled_from([1, 7, 9]), st.sampled_from([4, 12])),
        st.tuples(st.floats(0, 100), st.floats(1e-6, 1e6)),
        min_size=1,
    ),
    st.randoms(),
)
def test_rows_in_any_order_land_at_their_architecture_seed_and_epoch(new_path, rows, random):
    shuffled = list(rows.items())
    random.shuffle(shuffled)
    shuffled += shuffled[:1]  # said twice with the same value, which is no contradiction
    frame = {
        "cell": [TOY.format(TOY.unrank(rank)) for (rank, _, _), _ in shuffled],
        "run": [seed for (_, seed, _), _ in shuffled],
        "e": [epoch for (_, _, epoch), _ in shuffled],
        "acc": [accuracy for _, (accuracy, _) in shuffled],
        "time": [cost for _, (_, cost) in shuffled],
    }
    table = Table.from_frame(
        frame,
        new_path(),
        name="mine",
        space=TOY,
        metrics={"val_accuracy": "acc", "cost_s": "time"},
        arch="cell",
        seed="run",
        epoch="e",
        epochs_are="separate trainings",
        scale={"val_accuracy": (1, 100)},
    )
    bench = nbk.Benchmark(table, "default")
    for (rank, seed, epoch), (accuracy, cost) in rows.items():
        run = bench.query(TOY.unrank(rank), seed=seed, epoch=epoch)
        assert run[:4] == (epoch, accuracy / 100, cost, (seed,))
    recorded = ~np.isnan(values_of(table, "default", "val_accuracy"))
    assert recorded.sum() == len(rows)  # nothing was filled in


def test_one_column_per_decision_is_an_architecture_too(new_path):
    frame = {"k": [3, 5], "w": ["64", 16], "val_accuracy": ["0.5", ""], "latency_ms[pixel3]": [1, None]}
    metrics = ["val_accuracy", "latency_ms[pixel3]"]
    table = Table.from_frame(frame, new_path(), name="mine", space=TOY, metrics=metrics, arch=["k", "w"])
    np.testing.assert_array_equal(values_of(table, "default", "val_accuracy"), [[[0.5, np.nan]]])
    assert table.archs().tolist() == [[0, 2], [1, 0]]
    metric = table.metrics("default")["latency_ms[pixel3]"]
    assert (metric.split, metric.unit, metric.direction) == (None, "ms", "min")


def test_a_metric_of_another_name_is_given_in_full(new_path):
    metric = Metric("val_bleu", "val", "points", "max")
    frame = {"arch": ["3,16"], "bleu": [30.0]}
    table = Table.from_frame(frame, new_path(), name="mine", space=TOY, metrics={metric: "bleu"}, objective="val_bleu")
    assert nbk.Benchmark(table, "default").query("3,16").val_bleu == 30.0


def test_an_empty_cell_of_any_kind_is_a_missing_value(new_path):
    for empty in (None, "", float("nan"), np.nan, pd.NA):
        frame = FRAME | {"val_accuracy": [0.5, empty, 0.75]}
        table = Table.from_frame(pd.DataFrame(frame), new_path(), name="mine", space=TOY, metrics=["val_accuracy"])
        assert np.isnan(values_of(table, "default", "val_accuracy")).sum() == 1


@pytest.mark.parametrize(
    ("change", "settings", "kind", "message"),
    [
        (
            {"val_accuracy": [50, 25, 75]},
            {},
            TableError,
            r"50; it is no fraction; if these are percentages.*scale=\(1, 100",
        ),
        ({"val_accuracy": [-0.5, 0, 0]}, {}, TableError, "of '3,16' is -0.5; it is no fraction"),
        (
            {"val_accuracy": [float("inf"), 0, 0]},
            {},
            TableError,
            "of '3,16' is inf; if the training failed, mark the run as failed",
        ),
        ({"val_accuracy": [0.5, "high", 1]}, {}, TableError, "row 1 of column 'val_accuracy' is 'high'; a number exp"),
        ({"val_accuracy": [0.5, [1], 1]}, {}, TableError, "row 1 of column 'val_accuracy' is .*; a number expected"),
        ({"val_accuracy": [0.5, 0.5]}, {}, TableError, "row|length|2"),
        ({"arch": ["3,16", "5,64", "3,16"]}, {}, TableError, "column 'val_accuracy': row 2 gives a second, different"),
        (
            {"arch": ["3,16", "5,64", "7,16"]},
            {},
            UnknownNameError,
            "unknown choice for 'kernel': '7'; choose from 3, 5",
        ),
        ({"arch": ["3,16", "5,64", "3"]}, {}, ArchitectureError, "'3' names 1 choices; toy has 2: kernel,width"),
        ({"arch": ["3,16", "5,64", None]}, {}, ArchitectureError, "None is no architecture"),
        ({}, {"arch": "cell"}, UnknownNameError, "unknown column 'cell'; choose from arch, val_accuracy, cost_s"),
        ({}, {"arch": ["arch"]}, TableError, "1 columns for the architecture; toy has 2 decisions"),
        ({}, {"metrics": ["val_acuracy"]}, TableError, "cannot tell unit and direction from the name 'val_acuracy'"),
        ({}, {"metrics": {"val_accuracy": "acc"}}, UnknownNameError, "unknown column 'acc'"),
        ({}, {"metrics": ["cost_s"]}, TableError, "mine/default: the objective 'val_accuracy' is none of its metrics"),
        ({}, {"seed": "run"}, UnknownNameError, "unknown column 'run'"),
        ({"run": [1, 2.5, 3]}, {"seed": "run"}, TableError, "column 'run' holds 2.5; whole numbers expected"),
        ({"run": [1, None, 3]}, {"seed": "run"}, TableError, "column 'run' holds nan; whole numbers expected"),
        ({"run": [1, "inf", 3]}, {"seed": "run"}, TableError, "column 'run' holds inf; whole numbers expected"),
        ({"e": [1, 0, 3]}, {"epoch": "e"}, TableError, "epoch"),
        ({}, {"scale": {"val_accuracy": (1, 0)}}, TableError, "scale|fraction"),
        ({}, {"scale": {"val_accuracy": (0.01, 1)}}, TableError, "scale"),
        ({}, {"scale": {"val_acc": (1, 100)}}, (TableError, UnknownNameError), "val_acc"),
        ({"arch": [], "val_accuracy": [], "cost_s": []}, {}, TableError, "a table needs at least one architecture"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # what a user would not stop at
def test_results_that_make_no_table_are_refused_with_their_reason(new_path, change, settings, kind, message):
    path = new_path()
    description = {"name": "mine", "space": TOY, "metrics": ["val_accuracy", "cost_s"]} | settings
    with pytest.raises(kind, match=message):
        Table.from_frame(FRAME | change, path, **description)
    assert not path.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot read CSV file"),
        (b"arch,val_accuracy\n", "at least one architecture"),
        (b'arch,val_accuracy\n"3,16",0.5,7\n', r"line 2 of '.*' has 3 fields; its header has 2"),
        (b'arch,val_accuracy\n"3,16",\xff\n', "cannot read CSV file"),
        (b'arch,val_accuracy\n"3,16",50%\n', "row 0 of column 'val_accuracy' is '50%'; a number expected"),
    ],
)
def test_a_csv_file_that_makes_no_table_is_refused_with_its_reason(new_path, content, message):
    path = new_path(".csv")
    path.write_bytes(content)
    with pytest.raises(TableError, match=message):
        Table.from_frame(path, new_path(), name="mine", space=TOY, metrics=["val_accuracy"])
    with pytest.raises(TableError, match=r"cannot read CSV file '.*absent.csv'"):
        Table.from_frame("absent.csv", new_path(), name="mine", space=TOY, metrics=["val_accuracy"])


def test_csv_of_digit_keys_keeps_leading_zeros(new_path, space):
    path = new_path(".csv")
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["arch", "val_accuracy"], ["001111", 0.5], ["333132", 0.75]])
    table = Table.from_frame(path, new_path(), name="mine", space=space, metrics=["val_accuracy"])
    assert space.format_many(table.archs(), "digits") == ["001111", "333132"]


# ---- what cannot be written ----


def accuracy(seeds=(), epochs=(), n_archs=6, **fields):
    metric = Metric("val_accuracy", "val", "fraction", "max", tuple(seeds), tuple(epochs))
    raw = np.full((max(len(seeds), 1), max(len(epochs), 1), n_archs), 0.5)
    return Stored(metric, raw)._replace(**fields)


def cost(*seeds):
    return Stored(Metric("cost_s", None, "s", "min", seeds), np.ones((max(len(seeds), 1), 1, 6)))


SUM = Additive(Metric("val_accuracy", "val", "fraction", "max"), 1, {})
COST_SUM = Additive(Metric("cost_s", None, "s", "min"), 1, {})


@pytest.mark.parametrize(
    ("metrics", "settings", "message"),
    [
        ([accuracy(n_archs=5)], {}, r"d/val_accuracy: values of shape \(1, 1, 5\) given; \(1, 1, 6\) \(seeds, epochs"),
        ([accuracy(raw=np.zeros(6))], {}, r"values of shape \(6,\) given"),
        ([accuracy(raw=np.zeros((1, 1, 6), bool))], {}, "values of type bool cannot be stored; choose from"),
        ([accuracy(raw=np.zeros((1, 1, 6), np.complex64))], {}, "values of type complex64 cannot be stored"),
        ([accuracy(raw=np.full((1, 1, 6), 2.0))], {}, r"of '3,16' is 2; it is no fraction.*scale=\(1, 100\)"),
        ([accuracy()], {"objective": "test_accuracy"}, "the objective 'test_accuracy' is none of its metrics"),
        ([], {"datasets": {}}, "a table needs at least one dataset"),
        ([accuracy(n_archs=2)], {"archs": [(0, 1), (0, 1), (1, 1)]}, "architecture '3,32' is given twice"),
        ([accuracy()], {"archs": []}, "a table needs at least one architecture"),
        # rule 12 of the format: an objective and cost_s have columns, cost_s no other seeds than the objective
        ([SUM], {}, "objective"),
        ([accuracy(), COST_SUM], {}, "cost_s"),
        ([accuracy((1, 2)), cost(3, 4)], {}, "cost_s"),
        # what a reader would take for something else
        ([accuracy(), accuracy()], {}, "val_accuracy"),
        ([accuracy((1, 1))], {}, "seed"),
        ([accuracy((), (0, 1))], {}, "epoch"),
        ([accuracy((), (12, 12))], {}, "epoch"),
        ([accuracy(scale=(0.01, 1))], {}, "scale"),
        ([accuracy(scale=(1, 0))], {}, "scale|fraction"),
        ([accuracy(metric=Metric("val_accuracy", "valid", "fraction", "max"))], {}, "split|'valid'"),
        ([accuracy(metric=Metric("val_accuracy", "val", "fraction", "up"))], {}, "direction|'up'"),
        ([accuracy()], {"name": "a/b"}, "name|slash|'/'|a/b"),
        ([accuracy()], {"about": {"when": object()}}, "about|JSON"),
        ([], {"archs": ["3,16"], "datasets": {"keys": DatasetSpec([accuracy(n_archs=1)])}}, "keys"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_table_that_readers_would_refuse_or_misread_is_not_written(make_table, new_path, metrics, settings, message):
    path = new_path()
    with pytest.raises(TableError, match=message):
        make_table(*metrics, path=path, **settings)
    assert not path.exists()


@pytest.mark.parametrize("about", [{}, {"a": {"b": [1, 2.5, None, True, "ü\n\0"]}}, {2: "two", 10: "ten"}, {"x": ()}])
def test_whatever_stands_in_about_a_fresh_table_verifies(make_table, stored, about):
    table = make_table(stored("val_accuracy", np.zeros(6)), about=about)
    table.verify()
    assert table.about == json.loads(json.dumps(about))


def test_the_last_epoch_is_the_largest_whatever_their_order(make_benchmark, stored):
    raw = np.array([[[0.9] * 6, [0.1] * 6]])
    try:
        bench = make_benchmark(stored("val_accuracy", raw, epochs=(200, 12)))
    except TableError as error:
        assert "epoch" in str(error)  # noqa: PT017 (either is right)
    else:
        assert bench.query((0, 0))[:2] == (200, 0.9)


class UnwritableError(Exception):
    pass


@pytest.mark.parametrize("error", [OSError(28, "stop"), UnwritableError("stop"), KeyboardInterrupt("stop")])
@pytest.mark.parametrize("step", ["h5py.File.create_dataset", "os.fsync", "os.replace"])
def test_a_failing_write_leaves_the_old_file_and_nothing_else(make_table, stored, tmp_path, monkeypatch, error, step):
    path = tmp_path / "t.h5"
    make_table(stored("val_accuracy", np.zeros(6)), path=path)
    before = path.read_bytes()

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(step, fail)
    expected = TableError if isinstance(error, OSError) else type(error)
    with pytest.raises(expected, match=r"cannot write table .*No space left" if expected is TableError else "stop"):
        make_table(stored("val_accuracy", np.ones(6)), path=path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["t.h5"]


def test_a_table_in_an_absent_folder_is_refused(make_table, stored, tmp_path):
    with pytest.raises(TableError, match=r"cannot write table '.*absent.*'") as caught:
        make_table(stored("val_accuracy", np.ones(6)), path=tmp_path / "absent" / "t.h5")
    assert "\n" not in str(caught.value)


# ---- damaged and foreign files ----


@pytest.fixture(scope="module")
def victim(make_table, stored):
    """A small table with every kind of content, and its bytes."""
    metrics = (
        stored("val_accuracy", np.arange(8, dtype=np.uint8), seeds=(1, 2), epochs=(3,), scale=(1, 10), missing=0),
        stored("cost_s", np.ones(4)),
        Additive(Metric("params_m", None, "million", "min"), 7, {"5": 10}),
    )
    table = make_table(*metrics, archs=["3,16", "5,16", "3,64", "5,64"], about={"title": "victim"})
    return table, Path(table.path).read_bytes()


def refused(path, content, message):
    path.write_bytes(content)
    with pytest.raises(TableError, match=message) as caught:
        Table.open(path)
    assert "\n" not in str(caught.value)


def test_a_file_truncated_anywhere_is_refused(victim, new_path):
    table, content = victim
    index, _ = read_index(table.path)
    head = len(MAGIC) + 2
    body = content.index(b"{")
    ends = {0, 1, len(MAGIC) - 1, len(MAGIC), head - 1, head, body - 1, body, body + 1, 511, 512, 4_096, 8_192}
    ends |= {entry["offset"] + more for entry in index["columns"].values() for more in (-1, 0, 1)}
    ends |= {len(content) - 1, len(content) // 2, content.index(b"\x89HDF"), content.index(b"\x89HDF") + 8}
    path = new_path()
    for end in sorted(end for end in ends if end < len(content)):
        refused(path, content[:end], "is truncated|is damaged|is not a nasbench_kit table")
    refused(path, content + b"\0", "is damaged: .* bytes where .* were written")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a nasbench_kit table"),
        (b"arch,val_accuracy\n", "is not a nasbench_kit table .it begins with b'arch,val'"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "an HDF5 file without our index"),
        (b"PK\x03\x04", "is not a nasbench_kit table"),
        (MAGIC + b"2\nwhatever", "has table format 2; this nasbench_kit reads up to 1: upgrade nasbench_kit"),
        (MAGIC + b"999999999999\n", "has table format 999999999999"),
        (MAGIC + b"0\n5 00000000\n{}", "the first lines of its index are unreadable"),
        (MAGIC + b"-1\n5 00000000\n{}", "the first lines of its index are unreadable"),
        (MAGIC + b"one\n5 00000000\n{}", "the first lines of its index are unreadable"),
        (MAGIC + b"1\n5\n{}", "the first lines of its index are unreadable"),
        (MAGIC + b"1\nx y\n{}", "the first lines of its index are unreadable"),
        (MAGIC + b"1\n-5 00000000\n{}", "is damaged: an index of -5 bytes"),
        (MAGIC + b"1\n999999999999 00000000\n{}", "is damaged: an index of 999,999,999,999 bytes; at most"),
        (MAGIC + b"1\n5 00000000\n{}", "is truncated: .* bytes end within its index"),
        (MAGIC + b"1\n2 00000000\n{}", "the checksum of its index does not match"),
    ],
)
def test_a_foreign_or_newer_file_is_refused_with_its_reason(new_path, content, message):
    refused(new_path(), content, message)


def test_a_path_without_a_file_is_refused(tmp_path):
    with h5py.File(tmp_path / "plain.h5", "w") as file:
        file["x"] = [1]
    for path, message in {
        "absent.h5": "No such file or directory",
        ".": "Is a directory",
        "a\0b": "null byte",
        "plain.h5": "an HDF5 file without our index",
    }.items():
        with pytest.raises(TableError, match=message):
            Table.open(tmp_path / path)


@given(data=st.data())
@settings(max_examples=75, deadline=None)
def test_flipped_bits_are_found_or_change_nothing(victim, new_path, data):
    table, content = victim
    position = data.draw(st.integers(0, len(content) - 1))
    damaged = bytearray(content)
    damaged[position] ^= data.draw(st.integers(1, 255))
    path = new_path()
    path.write_bytes(damaged)
    try:
        found = Table.open(path)
        verify_here(found)
    except TableError as error:
        assert "\n" not in str(error)  # noqa: PT017 (either is right)
    else:
        for metric in ("val_accuracy", "cost_s"):
            np.testing.assert_array_equal(values_of(found, metric=metric), values_of(table, metric=metric))
    finally:
        path.unlink()


def test_a_flipped_bit_in_a_value_is_found_by_verify_alone(victim, new_path):
    table, content = victim
    for entry in read_index(table.path)[0]["columns"].values():
        path = new_path()
        damaged = bytearray(content)
        damaged[entry["offset"]] ^= 1
        path.write_bytes(damaged)
        opened = Table.open(path)
        with pytest.raises(TableError, match=r"does not have the recorded sha256|is damaged"):
            opened.verify()


def change_at(*path, to):
    def change(index):
        *parents, last = path
        place = index
        for key in parents:
            place = place[key]
        place[last] = to
        return index

    change.__name__ = f"{'.'.join(map(str, path))}={to}"[:60]  # pytest shows it
    return change


WRONG = [None, True, -1, 0, 1, 2**70, 1.5, float("inf"), float("nan"), "", "x", [], [[]], {}, {"x": {}}, [1, 2, 3]]
PLACES = [
    ("name",),
    ("space",),
    ("space", "name"),
    ("space", "decisions"),
    ("space", "decisions", 0),
    ("space", "decisions", 0, 1),
    ("datasets",),
    ("datasets", "d"),
    ("datasets", "d", "objective"),
    ("datasets", "d", "metrics"),
    *[("datasets", "d", "metrics", "val_accuracy", key) for key in ("split", "unit", "direction", "seeds", "epochs")],
    *[("datasets", "d", "metrics", "val_accuracy", key) for key in ("scale", "column", "missing")],
    ("datasets", "d", "metrics", "params_m", "additive"),
    ("datasets", "d", "metrics", "params_m", "additive", "intercept"),
    ("datasets", "d", "metrics", "params_m", "additive", "weights"),
    ("about",),
    ("columns",),
    ("columns", "/keys"),
    ("columns", "/keys", "dtype"),
    ("columns", "/keys", "shape"),
    ("columns", "/d/val_accuracy", "offset"),
    ("columns", "/d/val_accuracy", "dtype"),
    ("columns", "/d/val_accuracy", "shape"),
    ("file_bytes",),
    ("sha256",),
]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_hostile_index_is_refused_or_harmless(victim, new_path, place, with_index):
    _, content = victim
    path = new_path()
    for wrong in WRONG:
        path.write_bytes(with_index(content, change_at(*place, to=wrong)))
        try:
            opened = Table.open(path)
            bench = nbk.Benchmark(opened, "d")
            bench.query_many(opened.archs(), missing="nan")
            bench.values("params_m", opened.archs()[:1])
            verify_here(opened)
        except nbk.NasbenchKitError as error:
            assert "\n" not in str(error)  # noqa: PT017 (either is right)


@pytest.mark.parametrize(
    "change",
    [
        b"[]",
        b"null",
        b"{",
        b"\xff\xfe",
        b"{}",
        b"[" * 5_000,
        b'{"a":' * 5_000,
        b'{"file_bytes": ' + b"9" * 5_000 + b"}",
        change_at("columns", "/d/val_accuracy", "shape", to=[2**62, 2**62, 2**62]),
        change_at("columns", "/d/val_accuracy", "shape", to=[-2, 1, -4]),
        change_at("columns", "/d/val_accuracy", "offset", to=-8),
        change_at("columns", "/d/val_accuracy", "offset", to=10**9),
        change_at("columns", "/d/val_accuracy", "dtype", to="|O"),
        change_at("columns", "/keys", "dtype", to="|u1"),
        change_at("columns", "/keys", "shape", to=[2, 2]),
        change_at("columns", "/keys", "offset", to=0),
        change_at("file_bytes", to=10**12),
        change_at("space", to="nasbench999"),
        change_at("space", "decisions", to=[["a", [str(i) for i in range(300)]]]),
        change_at("datasets", "d", "objective", to="params_m"),
        change_at("datasets", "d", "metrics", "val_accuracy", "scale", to=[1, 0]),
        change_at("datasets", "d", "metrics", "val_accuracy", "split", to="validation"),
        change_at("datasets", "d", "metrics", "val_accuracy", "direction", to="up"),
        change_at("datasets", "d", "metrics", "val_accuracy", "column", to="/keys"),
        change_at("datasets", "d", "metrics", "val_accuracy", "seeds", to=[1]),
        change_at("datasets", "d", "metrics", "val_accuracy", "epochs", to=["x"]),
        change_at("datasets", "d", "metrics", "val_accuracy", "epochs", to=[float("inf")]),
    ],
)
def test_an_index_that_makes_no_sense_is_refused_on_opening(victim, new_path, change, with_index):
    refused(new_path(), with_index(victim[1], change), "is no valid table|is damaged|is truncated")


@pytest.mark.parametrize(
    "change",
    [
        change_at("name", to="other"),
        change_at("about", "title", to="other"),
        change_at("sha256", to="0" * 64),
        change_at("datasets", "d", "metrics", "val_accuracy", "scale", to=[1, 20]),
        change_at("columns", "/d/cost_s", "offset", to=512),
    ],
)
def test_an_index_that_disagrees_with_hdf5_is_found_by_verify(victim, new_path, change, with_index):
    path = new_path()
    path.write_bytes(with_index(victim[1], change))
    with pytest.raises(TableError, match=r"is damaged|outside the file"):
        Table.open(path).verify()


def test_a_whole_table_of_a_space_with_a_rule_says_which_tuples_it_holds():
    metric = {"split": "val", "unit": "", "direction": "max", "seeds": [], "epochs": [], "scale": [1, 1]}
    metric |= {"missing": None, "column": "/d/val"}
    datasets = {"d": {"objective": "val", "metrics": {"val": metric}}}
    index = {"name": "t", "about": {}, "sha256": "0", "space": "transnas_macro", "datasets": datasets}
    columns = {"/d/val": RawColumn(memoryview(bytes(5**6)), "|u1", (1, 1, 5**6))}
    with pytest.raises(TableError, match="/keys is missing; not every tuple of choices is an architecture"):
        parse_index(index, columns)


def test_a_table_of_more_architectures_than_64_bits_number_is_like_any_other(new_path):
    space = ChoiceSpace("large", {f"layer {i}": ("3x3", "5x5", "7x7") for i in range(45)})
    assert space.size > 2**64
    rng = np.random.default_rng(0)
    check_space(space, rng)
    archs = space.sample_many(rng, 200)
    frame = {"arch": space.format_many(archs), "val_accuracy": rng.random(200)}
    table = Table.from_frame(frame, new_path(), name="large", space=space, metrics=["val_accuracy"])
    table.verify()
    bench = nbk.Benchmark(table, "default")
    check_benchmark(bench, rng)
    assert [bench.query(text).val_accuracy for text in frame["arch"]] == frame["val_accuracy"].tolist()
    assert bench.query_many(archs).val_accuracy.tolist() == frame["val_accuracy"].tolist()
    assert len(bench.search_space().all_archs()) == 200
    with pytest.raises(NotRecordedError, match="is not among the 200 architectures"):
        bench.query((0,) * 45)


def test_unknown_members_of_the_index_are_ignored(victim, new_path, with_index):
    path = new_path()
    path.write_bytes(with_index(victim[1], change_at("later", to={"x": 1})))
    Table.open(path).verify()


def test_a_cost_that_does_not_depend_on_several_epochs_is_refused(make_table, stored):
    accuracy = stored("val_accuracy", np.full((1, 2, 6), 0.5), epochs=(1, 200))
    with pytest.raises(TableError, match=r"cost_s has the epochs \(\); those of val_accuracy expected"):
        make_table(accuracy, stored("cost_s", np.ones(6)))


def test_a_negative_seed_is_refused(make_table, stored):
    with pytest.raises(TableError, match=r"seeds=\(-1,\); different numbers from 0 expected"):
        make_table(stored("val_accuracy", np.full((1, 1, 6), 0.5), seeds=(-1,)))


def test_a_table_of_a_huge_space_verifies(tmp_path):
    space = ChoiceSpace("bits", {f"bit {i}": tuple("01") for i in range(60)})
    archs = space.unrank_many(np.array([2**53, 2**53 + 1, 2**60 - 1]))
    data = DatasetSpec([Stored(Metric.from_name("val_accuracy"), np.array([[[0.1, 0.2, 0.3]]]))])
    table = Table.create(tmp_path / "t.h5", name="t", space=space, datasets={"d": data}, archs=archs)
    table.verify()
    assert table.rows(archs).tolist() == [0, 1, 2]
    assert (table.archs() == archs).all()


def test_columns_named_as_the_decisions_may_stand_in_any_order(new_path):
    frame = {"width": ["16", "64"], "kernel": ["5", "3"], "val_accuracy": [0.1, 0.2]}
    table = Table.from_frame(
        frame, new_path(), name="mine", space=TOY, metrics=["val_accuracy"], arch=["width", "kernel"]
    )
    assert sorted(map(tuple, table.archs().tolist())) == [(0, 2), (1, 0)]


@pytest.mark.parametrize("key", ["12340", 12340])
def test_digit_keys_that_lost_a_zero_are_no_positions(new_path, space, key):
    frame = {"arch": [key, "333132"], "val_accuracy": [0.1, 0.2]}
    with pytest.raises((ArchitectureError, TableError), match=r"no cell of nasbench201|digits that lost their zeros"):
        Table.from_frame(frame, new_path(), name="mine", space=space, metrics=["val_accuracy"])


def test_an_epoch_before_any_training_is_refused_with_what_to_do(new_path):
    frame = {"kernel": ["3", "3"], "width": ["16", "16"], "e": [0, 1], "val_accuracy": [0.1, 0.2]}
    with pytest.raises(TableError, match="ascending numbers from 1 expected; leave epoch 0 out, it is before any"):
        Table.from_frame(
            frame, new_path(), name="m", space=TOY, metrics=["val_accuracy"], arch=["kernel", "width"], epoch="e"
        )


def test_curves_of_different_length_are_compared_at_an_epoch_that_all_have(new_path):
    frame = {
        "arch": ["3,16", "3,16", "5,16", "5,32", "5,32"],
        "e": [1, 2, 1, 1, 2],
        "val_accuracy": [0.1, 0.2, 0.15, 0.1, 0.1],
        "cost_s": [1, 2, 1, 1, 2],
    }
    metrics = ["val_accuracy", "cost_s"]
    table = Table.from_frame(frame, new_path(), name="m", space=TOY, metrics=metrics, epoch="e")
    bench = nbk.Benchmark(table, "default")
    assert bench.best(epoch=1) == ((1, 0), 0.15)
    whole, early = {(0, 0), (1, 1)}, nbk.Rules(n_evaluations=30, epoch=1)
    for rules, archs in ((early, whole | {(1, 0)}), (nbk.Rules(n_evaluations=30), whole)):
        optimizer = RandomSearch(nbk.task_of(bench, rules), np.random.default_rng(0))
        records = nbk.simulate(bench, optimizer, rng=np.random.default_rng(0), rules=rules)
        assert set(map(tuple, records.archs.tolist())) == archs


@pytest.mark.parametrize("as_frame", [dict, pd.DataFrame, "csv"], ids=["dictionary", "DataFrame", "CSV"])
@pytest.mark.parametrize(
    ("archs", "values", "row"),
    [
        (["3,16", "5,64", "5,64"], [0.80, 0.81, 0.82], 2),
        (["3,16", "5,64", "5,64", "3,16", "5,64"], [0.80, 0.81, 0.81, 0.80, 0.82], 4),
        (["5,64", "3,16", "5,64", "5,64", "3,16"], [0.81, 0.80, "", 0.82, 0.79], 3),
    ],
)
def test_the_row_that_differs_from_an_earlier_one_is_named(new_path, tmp_path, as_frame, archs, values, row):
    columns = {"arch": archs, "val_accuracy": values}
    if as_frame == "csv":
        frame = tmp_path / "rows.csv"
        pd.DataFrame(columns).to_csv(frame, index=False)
    else:
        frame = as_frame(columns)
    with pytest.raises(TableError, match=f"column 'val_accuracy': row {row} gives a second, different value"):
        Table.from_frame(frame, new_path(), name="mine", space=TOY, metrics=["val_accuracy"])


@pytest.mark.parametrize(
    ("how", "kind", "message"),
    [
        ({"frame": 5}, SettingError, "frame=5; a DataFrame, a mapping from column to values, or the path"),
        ({"frame": [FRAME]}, SettingError, r"frame=\[{'arch'.*; a DataFrame, a mapping from column to values, or"),
        ({"frame": None}, SettingError, "frame=None; a DataFrame"),
        ({"frame": {"arch": "3,16", "val_accuracy": 0.5}}, TableError, "column 'arch' is '3,16'; a list of values"),
        (
            {"metrics": "val_accuracy"},
            SettingError,
            "metrics='val_accuracy'; a list of metrics, or a mapping from each",
        ),
        ({"metrics": 5}, SettingError, "metrics=5; a list of metrics"),
        (
            {"scale": {"val_accuracy": 100}},
            SettingError,
            r"=100; \(numerator, denominator\) expected, such as \(1, 100",
        ),
        ({"space": "nasbench201"}, SettingError, "space='nasbench201'; a space expected"),
        ({"arch": 5}, SettingError, "arch=5; the name of a column, or one name per decision, expected"),
        ({"about": 5}, SettingError, "about=5; a mapping expected, with title"),
        ({"metrics": [5]}, TableError, "5 is no name of a metric; a text such as 'val_accuracy' expected"),
    ],
)
def test_an_argument_of_another_kind_is_told_what_is_expected(new_path, how, kind, message):
    path = new_path()
    description = {"name": "mine", "space": TOY, "metrics": ["val_accuracy"], "frame": FRAME} | how
    with pytest.raises(kind, match=message) as error:
        Table.from_frame(path=path, **description)
    assert "\n" not in str(error.value)
    assert not path.exists()


@pytest.mark.parametrize(
    ("datasets", "message"),
    [
        (5, "datasets=5; a mapping from dataset to DatasetSpec expected"),
        ([DatasetSpec([])], "datasets=.*; a mapping from dataset to DatasetSpec expected"),
        ({"d": np.zeros(6)}, "datasets=.*; a mapping from dataset to DatasetSpec expected"),
        ({"d": DatasetSpec([np.zeros(6)])}, r"d: array.* among its metrics; Stored\(Metric, array\) expected"),
        ({"d": DatasetSpec([Stored("val_accuracy", np.zeros((1, 1, 6)))])}, r"d: Stored\(metric='val_accuracy'"),
        ({"d": DatasetSpec([Stored(Metric.from_name("val_accuracy"), [0.5] * 6)])}, "d: Stored.* among its metrics"),
    ],
    ids=range(6),
)
def test_datasets_that_are_none_are_told_what_is_expected(new_path, datasets, message):
    path = new_path()
    with pytest.raises(SettingError, match=message) as error:
        Table.create(path, name="mine", space=TOY, datasets=datasets)
    assert "\n" not in str(error.value)
    assert not path.exists()

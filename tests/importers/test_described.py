"""Anybody's results, described by a TOML file: what is read, and how mistakes are told."""

import csv
import gzip
import hashlib
import json

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nasbench_kit as nbk
from nasbench_kit.cli import main
from nasbench_kit.errors import ImportDataError
from nasbench_kit.importers import guess_kind, import_table
from nasbench_kit.importers.described import recognizes
from nasbench_kit.spaces import NASBench201Space

CSV = """arch,run,epochs,set,acc,top1,seconds,pixel3,ppl
"3,16",0,1,a,50,0.5,10,4.5,60
"3,16",0,2,a,60,0.6,20,4.5,50
"3,16",1,2,a,62,0.62,21,4.5,51
"5,32",0,1,a,,0.4,11,-1,70
"5,32",0,2,a,70,0.7,22,-1,40
"""
TOML = """
name = "mine"
data = "results.csv"
[space]
name = "kernels"
[space.decisions]
kernel = ["3", "5"]
width = [16, 32]
[columns]
seed = "run"
epoch = "epochs"
[metrics]
val_accuracy = { column = "acc", scale = [1, 100] }
test_accuracy = "top1"
cost_s = "seconds"
"latency_ms[pixel3]" = { column = "pixel3", missing = -1 }
perplexity = { column = "ppl", split = "val", unit = "perplexity", direction = "min" }
[about]
title = "Mine"
licence = "MIT"
citation = "me"
"""


@pytest.fixture
def described(tmp_path):
    """Import a description with some of its text replaced, beside a data file."""

    def make(toml=TOML, data=CSV, name="results.csv", **changes):
        content = data.encode() if isinstance(data, str) else data
        (tmp_path / name).write_bytes(content)
        (tmp_path / "mine.toml").write_text(toml)
        return import_table([tmp_path / "mine.toml"], tmp_path / "mine.h5", **changes)

    return make


# ---- what is read ----


def test_a_description_says_what_columns_mean(described):
    table = described()
    table.verify()
    bench = nbk.load("mine/default", results=table.path)
    assert bench.space.name == "kernels"
    assert [decision.choices for decision in bench.space.decisions] == [("3", "5"), ("16", "32")]
    assert bench.metrics["val_accuracy"] == nbk.Metric("val_accuracy", "val", "fraction", "max", (0, 1), (1, 2))
    assert bench.metrics["perplexity"] == nbk.Metric("perplexity", "val", "perplexity", "min", (0, 1), (1, 2))
    assert bench.metrics["latency_ms[pixel3]"] == nbk.Metric("latency_ms[pixel3]", None, "ms", "min")
    assert bench.query("3,16")[:4] == (2, 0.61, 20.5, (0, 1))
    assert bench.query("3,16", epoch=1)[:4] == (1, 0.5, 10, (0,))
    np.testing.assert_array_equal(bench.values("latency_ms[pixel3]", ["3,16", "5,32"], missing="nan"), [4.5, np.nan])
    np.testing.assert_array_equal(
        bench.query_many(["5,32", "3,16"], epoch=1, missing="nan").val_accuracy, [np.nan, 0.5]
    )


def test_where_the_numbers_come_from_is_recorded(described, tmp_path):
    about = described().about
    assert {key: about[key] for key in ("title", "licence", "citation")} == {
        "title": "Mine",
        "licence": "MIT",
        "citation": "me",
    }
    assert about["sources"] == [
        {
            "file": name,
            "bytes": (tmp_path / name).stat().st_size,
            "sha256": hashlib.sha256((tmp_path / name).read_bytes()).hexdigest(),
        }
        for name in ("mine.toml", "results.csv")
    ]


def test_compressed_csv_and_parquet_files_give_the_same_table(described):
    expected = described()
    compressed = described(TOML.replace("results.csv", "r.csv.gz"), gzip.compress(CSV.encode()), "r.csv.gz")
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    rows = list(csv.DictReader(CSV.splitlines()))
    columns = {
        name: [row[name] if name in ("arch", "set") else float(row[name]) if row[name] else None for row in rows]
        for name in rows[0]
    }
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    parquet = described(TOML.replace("results.csv", "r.parquet"), sink.getvalue().to_pybytes(), "r.parquet")
    for table in (compressed, parquet):
        for name in expected.metrics("default"):
            np.testing.assert_array_equal(
                table.column("default", name).spec().raw, expected.column("default", name).spec().raw
            )


def test_runs_and_epochs_may_have_columns_of_their_own(described):
    toml = """
name = "wide"
data = "wide.csv"
[space.decisions]
kernel = ["3", "5"]
width = ["16", "32"]
[columns]
arch = "decisions"
[metrics]
val_accuracy = { columns = ["a", "b", "c"], seeds = [7, 7, 8], epochs = [1, 9, 9] }
cost_s = { columns = ["s", "t"], epochs = [1, 9] }
"""
    table = described(toml, "width,kernel,a,b,c,s,t\n16,5,0.1,0.2,0.3,1,9\n32,3,0.4,,0.6,2,18\n", "wide.csv")
    bench = nbk.load("wide/default", results=table.path)
    assert bench.query("5,16", seed=7)[:4] == (9, 0.2, 9, (7,))
    assert bench.query("5,16", seed=7, epoch=1)[:4] == (1, 0.1, 1, (7,))
    assert bench.query("3,32")[:4] == (9, 0.6, 18, (8,))
    assert bench.metrics["cost_s"].seeds == ()


def test_datasets_are_told_by_a_column_or_have_columns_of_their_own(described):
    by_column = TOML.replace("[columns]", '[columns]\ndataset = "set"')
    table = described(by_column, CSV + '"3,16",3,2,b,10,0.1,5,4.5,9\n')
    assert table.datasets == ("a", "b")
    assert table.metrics("a")["val_accuracy"].seeds == (0, 1)
    assert table.metrics("b")["val_accuracy"].seeds == (3,)
    assert table.metrics("b")["val_accuracy"].epochs == (2,)
    bench = nbk.Benchmark(table, "b")
    assert bench.query("3,16").val_accuracy == 0.1
    with pytest.raises(nbk.NasbenchKitError, match="was not recorded"):
        bench.query("5,32")
    toml = TOML.partition("[metrics]")[0] + '[datasets.x]\nval_accuracy = "top1"\n[datasets.y]\nval_loss = "ppl"\n'
    toml = toml.replace("[space]", 'objective = "val_accuracy"\n[space]')
    with pytest.raises(ImportDataError, match=r"the objective 'val_accuracy' is none of the metrics.*val_loss"):
        described(toml)
    table = described(toml.replace("val_loss", "val_accuracy").replace('"ppl"', '{ column = "acc", scale = [1, 100] }'))
    assert table.datasets == ("x", "y")


def test_isomorphic_architectures_share_a_row_where_the_description_says_so(described):
    toml = """
name = "cells"
data = "results.csv"
space = "nasbench201"
keyed_by = "identity"
[metrics]
val_accuracy = "acc"
"""
    data = "arch,acc\n030000,0.1\n333333,0.5\n"
    table = described(toml, data)
    assert table.keyed_by_identity
    assert nbk.Benchmark(table, "default").query("300000").val_accuracy == 0.1  # not in the file; it computes the same
    assert not described(toml.replace('keyed_by = "identity"', ""), data).keyed_by_identity
    with pytest.raises(ImportDataError, match="unknown keyed_by 'isomorphism'; choose from identity"):
        described(toml.replace('"identity"', '"isomorphism"'), data)
    with pytest.raises(ImportDataError, match="keyed_by is True; a text expected"):
        described(toml.replace('"identity"', "true"), data)


def test_runs_without_numbers_are_counted_in_each_dataset_and_epoch(described):
    toml = TOML.replace('seed = "run"', 'seed = { from = "order" }\ndataset = "set"')
    table = described(toml, CSV)
    assert table.metrics("a")["val_accuracy"].seeds == (0, 1)
    assert nbk.Benchmark(table, "a").query("3,16", seed=1).val_accuracy == 0.62


def test_a_latency_may_be_measured_in_every_run(described):
    data = CSV.replace("62,0.62,21,4.5", "62,0.62,21,4.7")
    with pytest.raises(ImportDataError, match=r"column 'pixel3': row 2 gives a second, different value"):
        described(data=data)
    table = described(TOML.replace("missing = -1", "missing = -1, varies = true"), data)
    bench = nbk.Benchmark(table, "default")
    assert bench.values("latency_ms[pixel3]", ["3,16"]).tolist() == [pytest.approx(4.6)]
    assert bench.values("latency_ms[pixel3]", ["3,16"], seed=1).tolist() == [4.7]


def test_the_form_of_a_text_may_be_named(described):
    toml = """
name = "hw"
data = "hw.csv"
space = "nasbench201"
objective = "latency_ms"
[columns]
arch = { column = "net", form = "naslib" }
[metrics]
latency_ms = "ms"
"""
    table = described(toml, 'net,ms\n"(2, 2, 0, 2, 2, 3)",1.5\n', "hw.csv")
    space = NASBench201Space()
    assert table.archs().tolist() == [list(space.parse("(2, 2, 0, 2, 2, 3)", "naslib"))]
    with pytest.raises(ImportDataError, match=r"unknown form in \[columns.arch\] 'nasli'; did you mean 'naslib'\?"):
        described(toml.replace('"naslib"', '"nasli"'), "net,ms\n1,2\n", "hw.csv")


def test_the_kind_is_told_from_the_content(tmp_path):
    (tmp_path / "mine.toml").write_text(TOML)
    assert guess_kind([tmp_path / "mine.toml"]) == "described"
    (tmp_path / "broken.toml").write_text("name = ")
    assert guess_kind([tmp_path / "broken.toml"]) == "described"
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n')
    with pytest.raises(ImportDataError, match="looks like none of the releases"):
        guess_kind([tmp_path / "pyproject.toml"])
    for name, head in (("a.csv", CSV.encode()), ("a.json", b'{"name": 1}'), ("a.pickle", b"\x80\x04N."), ("d", b"")):
        assert not recognizes(tmp_path / name, head)


# ---- mistakes ----


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "mine"', 'nmae = "mine"', "unknown key 'nmae'; did you mean 'name'?"),
        ('name = "mine"', "", "name is missing; a text expected"),
        ('name = "mine"', "name = 3", "name is 3; a text expected"),
        ('name = "mine"', 'name = "a/b"', "'a/b' cannot be a name"),
        ('name = "mine"', "name = ", "it is no TOML"),
        (
            '"results.csv"',
            '"absent.csv"',
            "there is no data file '.*absent.csv'; its place is relative to the .toml file",
        ),
        ('"results.csv"', '"mine.toml"', "line 3 of '.*mine.toml' has 1 fields|unknown column|holds|CSV"),
        ("[about]", "[abuot]", "unknown key 'abuot'; did you mean 'about'?"),
        ("title =", "titel =", r"unknown key in \[about\] 'titel'; did you mean 'title'?"),
        ('licence = "MIT"', "licence = 1", r"licence in \[about\] is 1; a text expected"),
        ("[space]", "[spaec]", "unknown key 'spaec'; did you mean 'space'?"),
        ('name = "kernels"', 'nmae = "kernels"', r"unknown key in \[space\] 'nmae'; did you mean 'name'?"),
        ('["3", "5"]', '"3"', r"kernel in \[space.decisions\] is '3'; a list expected"),
        ('["3", "5"]', '["3"]', "decision 'kernel' has 1 choices; it needs 2 to 256"),
        ('["3", "5"]', '["3", true]', "a list, each a text or a whole number, expected"),
        ('["3", "5"]', '["3", "7"]', "unknown choice for 'kernel': '5'; choose from 3, 7"),
        ('seed = "run"', 'sede = "run"', r"unknown key in \[columns\] 'sede'; did you mean 'seed'?"),
        ('seed = "run"', 'seed = "rnu"', "unknown column 'rnu'; did you mean 'run'?"),
        ('seed = "run"', 'seed = "acc"', "column 'acc' holds nan; whole numbers expected"),
        ('seed = "run"', "seed = 3", r"seed in \[columns\] is 3; a text expected"),
        ('seed = "run"', 'arch = "net"', "unknown column 'net'"),
        ('seed = "run"', 'arch = ["run"]', "1 columns for the architecture; kernels has 2 decisions"),
        (
            'seed = "run"',
            'arch = { colum = "arch" }',
            r"unknown key in \[columns.arch\] 'colum'; did you mean 'column'?",
        ),
        ('seed = "run"', "seed = { }", r"seed in \[columns\] is empty; a column, or { from = \"order\" }, expected"),
        (
            'seed = "run"',
            'seed = { from = "odrer" }',
            r"unknown from in \[columns.seed\] 'odrer'; did you mean 'order'?",
        ),
        ("missing = -1", "varies = 1", "is 1; true or false expected"),
        ('seed = "run"', "", "column 'acc': row 2 gives a second, different value"),
        ("test_accuracy", "test_acuracy", "cannot tell unit and direction from the name 'test_acuracy'.*give { column"),
        ('"top1"', '"acc"', "is 50; it is no fraction; if these are percentages, say so by scale"),
        ('"top1"', "7", r"test_accuracy in \[metrics\] is 7; a column, or { column = ... }, expected"),
        ('"top1"', "{ }", r"column, or columns, expected in \[metrics.test_accuracy\], not both"),
        ('"top1"', '{ columns = ["top1", "acc"] }', "say by seeds or epochs what each is"),
        ('"top1"', '{ columns = ["top1"], seeds = [1, 2] }', r"2 seeds in \[metrics.test_accuracy\] for 1 columns"),
        (
            '"top1"',
            '{ columns = ["top1"], seeds = [1] }',
            "test_accuracy: the seed is given with its column; that takes",
        ),
        ("scale = [1, 100]", "scale = 100", r"scale in \[metrics.val_accuracy\] is 100; a list expected"),
        ("scale = [1, 100]", "scale = [0.01, 1]", "a list, each a whole number, expected"),
        ("scale = [1, 100]", "scale = [1]", r"scale in \[metrics.val_accuracy\] is \[1\]; \[1, 100\] expected"),
        ("scale = [1, 100]", "scale = [1, 0]", r"is \[1, 0\]; \[1, 100\] expected"),
        ("scale =", "sclae =", r"unknown key in \[metrics.val_accuracy\] 'sclae'; did you mean 'scale'?"),
        ("missing = -1", 'missing = "-1"', r"missing in \[metrics.latency_ms\[pixel3\]\] is '-1'; a number expected"),
        ('split = "val"', 'split = "valid"', r"unknown split in \[metrics.perplexity\] 'valid'; did you mean 'val'?"),
        (
            'direction = "min"',
            'direction = "down"',
            r"unknown direction in \[metrics.perplexity\] 'down'; choose from max",
        ),
        ('unit = "perplexity", ', "", r"unit in \[metrics.perplexity\] is missing"),
        ("[metrics]", "[metricss]", "unknown key 'metricss'; did you mean 'metrics'?"),
        (
            "val_accuracy =",
            "train_accuracy =",
            "the objective 'val_accuracy' is none of the metrics; give objective = one",
        ),
        ("[about]", "[datasets.x]\n[about]", r"a section \[metrics\] expected, or one \[datasets.NAME\]"),
        ('name = "mine"', 'name = "mine"\nspace = "nasbench201"', "it is no TOML"),
        (
            'name = "mine"',
            'name = "mine"\ndatasets = 3',
            r"a section \[metrics\] expected, or|is 3; a section expected",
        ),
        ('seed = "run"', 'dataset = "sett"', "unknown column 'sett'; did you mean 'set'?"),
        ('name = "mine"', 'name = "mine"\nobjective = "accuracy"', "the objective 'accuracy' is none of the metrics"),
        ('name = "mine"', 'name = "mine"\nobjective = ["accuracy"]', "objective is .*; a text expected"),
    ],
)
def test_a_mistake_in_a_description_is_told_in_one_line(described, tmp_path, old, new, message):
    assert old in TOML
    with pytest.raises((ImportDataError, nbk.NasbenchKitError), match=message) as caught:
        described(TOML.replace(old, new, 1))
    assert "\n" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.toml", "results.csv"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("", "CSV file '.*results.csv': a header expected"),
        ("arch,acc,acc\n", "names a column twice"),
        (CSV[:60], "line 2 of '.*results.csv' has"),
        (CSV.replace("0.62", "high"), "row 2 of column 'top1' is 'high'; a number expected"),
        (CSV.replace('"3,16",1', '"3,99",1'), "unknown choice for 'width': '99'"),
        (b"\xff\xfe\x00", "cannot read CSV file"),
        (gzip.compress(CSV.encode())[:-9], "cannot read CSV file"),
        (gzip.compress(CSV.encode())[:12] + b"\0\0\0" + gzip.compress(CSV.encode())[15:], "cannot read CSV file"),
        (b"PAR1 and nothing else", "cannot read Parquet file"),
        (b"arch,run\0\n1,2\n", "CSV|column|'1' names 1 choices"),
    ],
)
def test_a_damaged_data_file_is_told_in_one_line(described, tmp_path, data, message):
    with pytest.raises(ImportDataError, match=r"mine\.toml.*(" + message + ")") as caught:
        described(data=data)
    assert "\n" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.toml", "results.csv"]


def test_only_the_description_is_given(described, tmp_path):
    described()
    with pytest.raises(ImportDataError, match=r"2 files given; give the \.toml file alone"):
        import_table([tmp_path / "mine.toml", tmp_path / "results.csv"], tmp_path / "x.h5", kind="described")


# ---- real files ----

NB201 = """
name = "nb201csv"
data = "{data}"
space = "nasbench201"

[columns]
arch = "arch_str"

[datasets.cifar10]
val_accuracy = {{ columns = ["c10valid_xvalid_200ep_run0", "c10valid_xvalid_200ep_run1", \
"c10valid_xvalid_200ep_run2"], seeds = [0, 1, 2], scale = [1, 100] }}
"val_accuracy[12]" = {{ column = "c10valid_xvalid_12ep_mean", scale = [1, 100] }}
test_accuracy = {{ column = "c10_test_200ep_mean_v1", scale = [1, 100] }}
params_m = "c10_params_M"

[datasets.cifar100]
val_accuracy = {{ columns = ["c100_xvalid_200ep_run0", "c100_xvalid_200ep_run1", "c100_xvalid_200ep_run2"], \
seeds = [0, 1, 2], scale = [1, 100] }}
"test_accuracy[888]" = {{ column = "c100_xtest_200ep_s888", scale = [1, 100] }}
flops_m = "c100_flops_M_2dp"

[about]
title = "NAS-Bench-201, collected from several packages"
"""


def command(*arguments):
    done = CliRunner().invoke(main, list(map(str, arguments)))
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.shared
def test_nasbench201_as_csv_is_imported_shown_queried_and_compared(
    shared_data, tmp_path, monkeypatch, cifar10, cifar100
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NASBENCH_KIT_DATA", str(tmp_path / "data"))
    data = shared_data / "nasbench201" / "nb201_all.csv.gz"
    (tmp_path / "nb.toml").write_text(NB201.format(data=data))
    assert "15,625 architectures" in command("import", "nb.toml")
    bench = nbk.load("nb201csv/cifar10")
    archs = bench.space.all_archs()
    # the same runs as in the embedded table, which is made from another package
    for known, name in ((cifar10, "cifar10"), (cifar100, "cifar100")):
        found = nbk.load(f"nb201csv/{name}").query_many(archs).val_accuracy
        np.testing.assert_allclose(found, known.query_many(archs).val_accuracy, rtol=0, atol=1e-7)
    first = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
    # the first data line of the file
    assert [bench.query(first, seed=seed).val_accuracy for seed in (0, 1, 2)] == [
        pytest.approx(value, rel=1e-12) for value in (0.82092, 0.81616, 0.8224)
    ]
    assert bench.values("val_accuracy[12]", [first])[0] == pytest.approx(0.63364)
    assert nbk.load("nb201csv/cifar100").values("test_accuracy[888]", [first])[0] == pytest.approx(0.5368)
    shown = command("info", "nb201csv")
    assert hashlib.sha256(data.read_bytes()).hexdigest() in shown
    (answer,) = json.loads(command("query", "nb201csv/cifar10", first, "--json"))
    assert (answer["val_accuracy[12]"], answer["params_m"]) == (pytest.approx(0.63364), 0.129306)
    text = command("compare", "-b", "nb201csv/cifar10", "--runs", "5", "--evaluations", "30", "--processes", "1")
    assert "test accuracy [%]" in text


@pytest.mark.shared
def test_accel_nas_bench_as_csv_is_imported_shown_queried_and_compared(shared_data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NASBENCH_KIT_DATA", str(tmp_path / "data"))
    data = shared_data / "accel_nasbench" / "anb.csv.gz"
    with gzip.open(data, "rt") as file:
        rows = list(csv.DictReader(file))
    # the space is MnasNet's: seven blocks with expansion, kernel, layers, squeeze-and-excitation
    decisions = {name: sorted({row[name] for row in rows}) for name in rows[0] if name.startswith("block")}
    lines = "\n".join(f"{name} = {json.dumps(choices)}" for name, choices in decisions.items())
    (tmp_path / "anb.toml").write_text(
        f"""
name = "anb"
data = "{data}"
dataset = "imagenet"
[space]
name = "mnasnet"
[space.decisions]
{lines}
[columns]
arch = "decisions"
seed = {{ from = "order" }}
[metrics]
val_accuracy = {{ column = "val_top1", scale = [1, 100] }}
val_top5_accuracy = {{ column = "val_top5", scale = [1, 100] }}
cost_s = "train_time"
params_m = "params"
flops_m = "macs"
"latency_ms[zcu102]" = {{ column = "latency_zcu102__latency_mean", varies = true }}
"throughput[a100]" = {{ column = "throughput_a100__throughput_mean", unit = "images/s", direction = "max", \
varies = true }}
"""
    )
    # 13 architectures stand there twice, trained and measured twice
    assert "5,125 architectures" in command("import", "anb.toml")
    assert len(rows) == 5138
    bench = nbk.load("anb/imagenet")
    assert bench.query_many(bench.results.archs(), seed=1, missing="nan").val_accuracy.size == 5125
    assert np.isfinite(bench.query_many(bench.results.archs(), seed=1, missing="nan").val_accuracy).sum() == 13
    for row in rows[:50]:
        arch = {name: row[name] for name in decisions}
        found = bench.query(bench.space.parse(arch), seed=0)
        assert found.val_accuracy == pytest.approx(float(row["val_top1"]) / 100)
        assert found.cost_s == float(row["train_time"])
    text = ",".join(rows[0][name] for name in decisions)
    (answer,) = json.loads(command("query", "anb/imagenet", text, "--seed", "0", "--json"))
    assert answer["latency_ms[zcu102]"] == 5.023423633627983  # the first data line of the file
    assert answer["throughput[a100]"] == 7034.935468125287
    assert "anb/imagenet" in command(
        "compare", "-b", "anb/imagenet", "--runs", "5", "--evaluations", "30", "--processes", "1"
    )


@settings(max_examples=75, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_description_and_data_damaged_anywhere_give_a_table_or_one_line(described, tmp_path, data):
    texts = []
    for text in (TOML, CSV):
        damaged = bytearray(text.encode())
        for _ in range(data.draw(st.integers(0, 3))):
            position = data.draw(st.integers(0, len(damaged) - 1))
            damaged[position : position + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=3))
        texts.append(bytes(damaged))
    (tmp_path / "results.csv").write_bytes(texts[1])
    (tmp_path / "mine.toml").write_bytes(texts[0])
    try:
        import_table([tmp_path / "mine.toml"], tmp_path / "mine.h5", kind="described").verify()
    except nbk.NasbenchKitError as error:
        message = str(error)
        if "is not what described looks like" in message or "\n" in message:
            raise AssertionError(message) from error
    assert (tmp_path / "results.csv").read_bytes() == texts[1]
    (tmp_path / "mine.h5").unlink(missing_ok=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.toml", "results.csv"]


# ---- what runs, costs and failures mean ----


def test_failures_and_separate_trainings_are_described(described):
    toml = TOML.replace('seed = "run"', 'seed = "run"\nfailed = "diverged"')
    toml = toml.replace('name = "mine"', 'name = "mine"\nepochs_are = "separate trainings"')
    lines = CSV.splitlines()
    lines = [f"{lines[0]},diverged", *(f"{line},no" for line in lines[1:]), '"5,32",1,2,b,inf,,15,4,,yes']
    table = described(toml, "\n".join(lines))
    assert (table.failed("default"), table.epochs_are("default")) == ("failed", "separate trainings")
    failed = table.runs("default", "failed")
    assert np.nansum(failed) == 1
    assert failed[1, 1, table.row((1, 1))] == 1
    assert table.runs("default", "cost_s")[1, 1, table.row((1, 1))] == 15
    with pytest.raises(nbk.NasbenchKitError, match="is inf; if the training failed, mark the run as failed"):
        described(TOML, "\n".join(lines))


def test_failures_of_runs_in_columns_are_those_of_all_of_them(described):
    toml = TOML.replace('seed = "run"\nepoch = "epochs"', 'failed = "bad"')
    toml = toml.replace('{ column = "acc", scale = [1, 100] }', '{ columns = ["a", "b"], seeds = [1, 2] }')
    toml = toml.replace('cost_s = "seconds"', "").replace('test_accuracy = "top1"', "").replace('"latency', '#"latency')
    toml = toml.replace("perplexity =", "#perplexity =")
    table = described(toml, 'arch,a,b,bad\n"3,16",0.1,0.2,0\n"5,32",,,1\n')
    assert table.runs("default", "failed")[:, 0].tolist() == [[0, 1], [0, 1]]


def test_seconds_per_epoch_are_told_in_one_line(described, tmp_path):
    with pytest.raises(nbk.NasbenchKitError, match=r"cost_s of '3,16', seed 0, epoch 2 is 8, but 10 .* per epoch, add"):
        described(data=CSV.replace("0.6,20", "0.6,8"))
    assert not (tmp_path / "mine.h5").exists()


def test_an_objective_without_a_direction_is_told_in_one_line(described):
    toml = TOML.replace(', direction = "min"', "").replace('name = "mine"', 'name = "mine"\nobjective = "perplexity"')
    with pytest.raises(nbk.NasbenchKitError, match=r'perplexity has no direction.*direction = "min"'):
        described(toml)


def test_official_positions_are_described(described, space):
    toml = 'name = "i"\ndata = "results.csv"\nspace = "nasbench201"\n[columns]\narch = ARCH\n[metrics]\n'
    toml += 'val_accuracy = { column = "top1", scale = [1, 100] }\n'
    data = "net,top1\n0,71.2\n17,88.0\n6111,93.9\n15624,60.5\n"
    table = described(toml.replace("ARCH", '{ column = "net", form = "index" }'), data)
    assert nbk.Benchmark(table, "default").query(6111).val_accuracy == 93.9 * 1 / 100
    with pytest.raises(
        ImportDataError, match=r"'0' is no cell of nasbench201.*say form = 'index' if column 'net' holds"
    ):
        described(toml.replace("ARCH", '"net"'), data)


def test_bounds_are_described_and_rounding_is_noted(described):
    toml = TOML.replace('direction = "min" }', 'direction = "min", bounds = [1, 100] }')
    table = described(toml, CSV.replace(",60,0.6,", ",100.000004,0.6,"))
    assert table.metrics("default")["perplexity"].bounds == (1, 100)
    assert table.about["notes"] == ["val_accuracy: values beyond 1 by rounding (1, by at most 4e-08) are stored as 1."]
    with pytest.raises(ImportDataError, match=r"bounds in \[metrics.perplexity\] is \[100, 1\]; the smallest and"):
        described(toml.replace("[1, 100] }\n[about]", "[100, 1] }\n[about]"))

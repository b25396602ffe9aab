"""HW-NAS-Bench: the real CSV copies, and a pickle generated from them in the layout of the release.

Source of the layout: GATECH-EIC/HW-NAS-Bench, hw_nas_bench_api/hw_nas_bench_api.py.
"""

import csv
import gzip
import json
import pickle
from functools import cache

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import nasbench_kit as nbk
from nasbench_kit.cli import main
from nasbench_kit.errors import ImportDataError
from nasbench_kit.importers import guess_kind, hw_nas_bench, import_table
from nasbench_kit.spaces import NASBench201Space
from nasbench_kit.tables.join import join_tables
from nasbench_kit.testing import check_benchmark

SPACE = NASBench201Space()
DATASETS = ("cifar10", "cifar100", "ImageNet16-120")
NAMES = [
    "edgegpu_latency", "edgegpu_energy", "raspi4_latency", "edgetpu_latency", "pixel3_latency",
    "eyeriss_latency", "eyeriss_energy", "eyeriss_arithmetic_intensity", "fpga_latency", "fpga_energy",
]  # fmt: skip
OURS = [
    "latency_ms[edgegpu]", "energy_mj[edgegpu]", "latency_ms[raspi4]", "latency_ms[edgetpu]", "latency_ms[pixel3]",
    "latency_ms[eyeriss]", "energy_mj[eyeriss]", "arithmetic_intensity[eyeriss]", "latency_ms[fpga]", "energy_mj[fpga]",
]  # fmt: skip
# The release's README, No.0 @ cifar10, to all digits; the intensity from the copy.
FIRST = [
    5.807418537139893, 24.226614330768584, 10.481976820010459, 0.9571811309997429, 3.6058499999999998,
    3.645620000000001, 0.6872827644999999, 6.289297634665844, 2.57296, 18.01072,
]  # fmt: skip


def sources(shared_data):
    return [shared_data / "nasbench201" / f"hw_{dataset}.csv.gz" for dataset in DATASETS]


@pytest.fixture(scope="module")
def copies(shared_data):
    return [list(csv.DictReader(gzip.open(path, "rt"))) for path in sources(shared_data)]


@pytest.fixture(scope="module")
def table(shared_data, tmp_path_factory):
    return import_table(sources(shared_data), tmp_path_factory.mktemp("hw") / "hw.h5")


@cache
def columns_of(dataset):
    rng = np.random.default_rng(len(dataset))
    columns = {name: rng.uniform(0.1, 30, SPACE.size) for name in NAMES}
    columns["edgetpu_latency"][::3] = -1
    config = [{"name": "infer.tiny", "arch_str": text} for text in SPACE.format_many(np.arange(SPACE.size))]
    return {"config": config} | {name: list(map(float, values)) for name, values in columns.items()}


def generated():
    """The release's dictionary with random numbers, in plain lists; the Edge TPU failed for every third cell."""
    per_dataset = {dataset: {name: list(v) for name, v in columns_of(dataset).items()} for dataset in DATASETS}
    return {"nasbench201": per_dataset, "fbnet": {"edgegpu_latency": {"FC_Cin1504_Cout100": 0.1}}}


def alike():
    """The same of one dataset under the names of three, which a pickle holds once: it is read in less time."""
    one = {name: list(values) for name, values in columns_of("cifar10").items()}
    return {"nasbench201": dict.fromkeys(DATASETS, one)}


def write(path, release, protocol=3):
    path.write_bytes(pickle.dumps(release, protocol))
    return path


# ---- real data ----


@pytest.mark.shared
def test_the_first_cell_costs_what_was_published(table):
    assert table.datasets == ("cifar10", "cifar100", "imagenet16-120")
    row = table.row(SPACE.parse(0))
    values = [table.column("cifar10", name).at(0, 0)(row) for name in OURS]
    assert values == FIRST
    assert list(table.metrics("cifar10")) == OURS


@pytest.mark.shared
def test_every_value_of_every_copy_arrives_at_its_cell(table, copies):
    for dataset, rows in zip(table.datasets, copies, strict=True):
        at = table.rows([SPACE.parse(row["net"], "naslib") for row in rows])
        for name, ours in zip(NAMES, OURS, strict=True):
            given = np.array([float(row[name]) for row in rows])
            given[given == -1] = np.nan
            assert np.array_equal(table.column(dataset, ours).at(0, 0).all()[at], given, equal_nan=True)


@pytest.mark.shared
def test_minus_one_is_missing_and_nothing_else_is(table):
    # the release says -1 for 4,699 cells, on each dataset, and for the Edge TPU alone
    for dataset in table.datasets:
        missing = {name: int(np.isnan(table.column(dataset, name).at(0, 0).all()).sum()) for name in OURS}
        assert missing == dict.fromkeys(OURS, 0) | {"latency_ms[edgetpu]": 4_699}
    assert np.isnan(table.column("cifar10", "latency_ms[edgetpu]").at(0, 0)(table.row(SPACE.parse(6))))


@pytest.mark.shared
def test_units_and_directions_are_told(table):
    metrics = table.metrics("cifar100")
    assert (metrics["latency_ms[fpga]"].unit, metrics["latency_ms[fpga]"].direction) == ("ms", "min")
    assert (metrics["energy_mj[edgegpu]"].unit, metrics["energy_mj[edgegpu]"].direction) == ("mJ", "min")
    assert metrics["arithmetic_intensity[eyeriss]"].direction == "max"
    assert table.objectives["cifar100"] == "latency_ms[edgegpu]"
    check_benchmark(nbk.Benchmark(table, "cifar100"), np.random.default_rng(0))


@pytest.mark.shared
def test_the_dataset_of_a_copy_is_told_by_its_content_not_its_name(shared_data, tmp_path):
    renamed = tmp_path / "hw_cifar10.csv.gz"
    renamed.write_bytes(sources(shared_data)[2].read_bytes())
    assert guess_kind([renamed]) == "hw_nas_bench"
    assert import_table([renamed], tmp_path / "a.h5").datasets == ("imagenet16-120",)
    with pytest.raises(ImportDataError, match="is of imagenet16-120, as an earlier file"):
        import_table([renamed, sources(shared_data)[2]], tmp_path / "b.h5")


@pytest.mark.shared
def test_costs_stand_beside_the_accuracy_of_the_same_cell(table, cifar10, tmp_path):
    joined = join_tables([cifar10.results, table], tmp_path / "joined.h5", name="joined")
    joined.verify()
    assert joined.is_complete
    cell = SPACE.parse(0)
    assert nbk.Benchmark(joined, "cifar10").query(cell) == cifar10.query(cell)
    row = joined.row(cell)
    assert [joined.column("cifar10", name).at(0, 0)(row) for name in OURS] == FIRST
    for dataset in joined.datasets:
        for name in OURS:
            one, other = (t.column(dataset, name).at(0, 0).all() for t in (table, joined))
            assert np.array_equal(one, other, equal_nan=True)
    assert np.isnan(joined.column("cifar10", "latency_ms[edgetpu]").at(0, 0)(joined.row(SPACE.parse(6))))
    # fewer cells of the second table: the rest is missing, and the first table keeps all of its own
    part = import_part(table, tmp_path / "part.h5")
    joined = join_tables([cifar10.results, part], tmp_path / "joined2.h5")
    assert joined.is_complete
    values = joined.column("cifar10", "latency_ms[fpga]").at(0, 0).all()
    assert np.isnan(values).sum() == SPACE.size - part.n_archs
    assert (
        values[joined.rows(part.archs())].tolist() == part.column("cifar10", "latency_ms[fpga]").at(0, 0).all().tolist()
    )


def import_part(table, path):
    rows = np.arange(0, table.n_archs, 7)
    spec = table.column("cifar10", "latency_ms[fpga]").spec()
    datasets = {"cifar10": nbk.tables.DatasetSpec([spec._replace(raw=spec.raw[..., rows])], "latency_ms[fpga]")}
    return nbk.Table.create(path, name="part", space=SPACE, datasets=datasets, archs=table.archs()[rows])


@pytest.mark.shared
def test_a_user_walks_from_import_to_compare(shared_data, tmp_path, monkeypatch):
    monkeypatch.setenv("NASBENCH_KIT_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        done = CliRunner().invoke(main, list(arguments))
        assert done.exit_code == 0, done.output
        return done.output

    made = run("import", *map(str, sources(shared_data)))
    assert "hw_nas_bench/cifar100: 10 metrics; a search sees latency_ms[edgegpu]" in made
    assert "all 15,625 architectures" in run("info", "hw_nas_bench")
    shown = [line.split() for line in run("query", "hw_nas_bench/cifar10", "0").splitlines()]
    assert ["latency_ms[edgegpu]", "5.80742", "ms"] in shown
    run("join", "nasbench201", "hw_nas_bench", "--out", "data/both.h5", "--name", "both")
    assert "latency_ms[pixel3]" in run("info", "both")
    (answer,) = json.loads(run("query", "both/cifar10", "6", "--json"))
    assert answer["latency_ms[edgetpu]"] is None
    assert answer["latency_ms[edgegpu]"] > 0
    assert 0.8 < answer["val_accuracy"] < 0.95
    assert "random_search" in run(
        "compare", "-b", "hw_nas_bench/cifar10", "-o", "random_search", "--runs", "2", "--evaluations", "9"
    )


# ---- the release's pickle, generated ----


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_the_release_is_read_in_its_order(tmp_path, protocol):
    release = generated()
    path = write(tmp_path / "HW-NAS-Bench-v1_0.pickle", release, protocol)
    assert guess_kind([path]) == "hw_nas_bench" == guess_kind([tmp_path])
    table = import_table([path], tmp_path / "a.h5")
    assert table.datasets == ("cifar10", "cifar100", "imagenet16-120")
    for index in (0, 1, 9930):
        row = table.row(SPACE.parse(index))
        for name, ours in zip(NAMES, OURS, strict=True):
            given = release["nasbench201"]["ImageNet16-120"][name][index]
            found = table.column("imagenet16-120", ours).at(0, 0)(row)
            assert found == given or (given == -1 and np.isnan(found))


def test_numbers_of_numpy_are_read_too(tmp_path):
    release = alike()
    values = release["nasbench201"]["cifar10"]
    values["fpga_latency"] = list(np.array(values["fpga_latency"]))
    table = import_table([write(tmp_path / "a.pickle", release)], tmp_path / "a.h5")
    assert (
        table.column("cifar10", "latency_ms[fpga]").at(0, 0)(table.row(SPACE.parse(3)))
        == (release["nasbench201"]["cifar10"]["fpga_latency"][3])
    )


class Hostile:
    def __reduce__(self):
        return print, ("executed",)


def broken():
    release = alike()
    release["nasbench201"]["cifar10"]["fpga_latency"].pop()
    yield release, r"cifar10: fpga_latency is \[.* a list of 15,625 numbers expected"
    release = alike()
    release["nasbench201"]["cifar10"]["fpga_latency"] = None
    yield release, "fpga_latency is None; a list of 15,625 numbers expected"
    release = alike()
    release["nasbench201"]["cifar10"]["pixel3_latency"][5] = -2.0
    yield release, "pixel3_latency is -2; a positive number expected, or -1"
    release = alike()
    config = release["nasbench201"]["cifar10"]["config"]
    config[3], config[4] = config[4], config[3]
    yield release, "cifar10: cell 3 is '.*'; the order of NAS-Bench-201 expected"
    release = alike()
    del release["nasbench201"]["cifar10"]["edgegpu_latency"]
    yield release, "edgegpu_latency is missing"
    yield {"fbnet": {}}, "holds no 'nasbench201'"
    yield [], "holds no 'nasbench201'"
    yield {"nasbench201": Hostile()}, "print, which is no plain data; it was not executed"
    yield {"nasbench201": np.zeros(3)}, "which is no plain data; it was not executed"


@pytest.mark.parametrize(("release", "why"), list(broken()))
def test_wrong_and_hostile_pickles_are_refused_in_one_line(tmp_path, capsys, release, why):
    path = write(tmp_path / "HW-NAS-Bench-v1_0.pickle", release)
    with pytest.raises(ImportDataError, match=why) as refused:
        import_table([path], tmp_path / "a.h5", kind="hw_nas_bench")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "a.h5").exists()
    assert capsys.readouterr().out == ""


def test_truncated_pickles_are_refused(tmp_path):
    path = write(tmp_path / "HW-NAS-Bench-v1_0.pickle", alike())
    whole = path.read_bytes()
    for length in (1, 50, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ImportDataError, match=r"HW-NAS-Bench-v1_0.pickle"):
            import_table([path], tmp_path / "a.h5", kind="hw_nas_bench")


@pytest.fixture(scope="module")
def whole_file():
    return pickle.dumps(alike())


@settings(max_examples=15, deadline=None)  # the file is large: whatever is damaged is mostly a number
@given(position=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_refused_or_changes_a_number_at_most(whole_file, new_path, verify, position, bit):
    damaged = bytearray(whole_file)
    damaged[int(position**8 * len(damaged))] ^= 1 << bit
    path, out = new_path(".pickle"), new_path()
    path.write_bytes(damaged)
    try:
        table = import_table([path], out, kind="hw_nas_bench")
    except nbk.errors.NasbenchKitError:
        assert not out.exists()
    else:
        verify(table)


# ---- other and damaged copies ----

HEADER = "net," + ",".join(NAMES)
ROW = '"(0, 0, 0, 0, 0, 0)",' + ",".join("1" for _ in NAMES)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ((HEADER, ROW + ",1"), "row 2 has 12 cells; 11 expected"),
        ((HEADER, ROW.replace("(0", "(7")), "choice 7 .* out of range|is not of the form 'naslib'"),
        ((HEADER, ROW[:-1] + "x"), "row 2: fpga_energy is 'x'; a number expected"),
        ((HEADER, ROW[:-1] + "0"), "fpga_energy is 0; a positive number expected, or -1"),
        ((HEADER, ROW, ROW), "is given twice"),
        ((HEADER.replace("fpga_energy", "fpga_power"), ROW), "fpga_energy expected"),
        ((HEADER,), "holds no rows"),
    ],
)
def test_damaged_copies_are_refused_in_one_line(tmp_path, lines, why):
    path = tmp_path / "hw_cifar10.csv"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(nbk.errors.NasbenchKitError, match=why):
        import_table([path], tmp_path / "a.h5", kind="hw_nas_bench")
    assert not (tmp_path / "a.h5").exists()


@pytest.mark.shared
def test_truncated_copies_are_refused(shared_data, tmp_path):
    whole = sources(shared_data)[0].read_bytes()
    path = tmp_path / "hw_cifar10.csv.gz"
    for length in (20, 1_000, len(whole) // 2, len(whole) - 4):
        path.write_bytes(whole[:length])
        with pytest.raises(ImportDataError, match=r"hw_cifar10.csv.gz' is damaged|looks like none"):
            import_table([path], tmp_path / "a.h5")
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0x40
    path.write_bytes(flipped)
    with pytest.raises(ImportDataError, match=r"hw_cifar10.csv.gz"):
        import_table([path], tmp_path / "a.h5")


def test_a_copy_of_other_numbers_goes_by_its_name_or_is_refused(tmp_path):
    for name, dataset in (("hw_cifar100.csv", "cifar100"), ("hw_ImageNet16-120.csv", "imagenet16-120")):
        (tmp_path / name).write_text(f"{HEADER}\n{ROW}\n")
        assert import_table([tmp_path / name], tmp_path / "a.h5").datasets == (dataset,)
    (tmp_path / "hw.csv").write_text(f"{HEADER}\n{ROW}\n")
    with pytest.raises(ImportDataError, match=r"cannot tell the dataset of hw.csv; name the file after one of cifar10"):
        import_table([tmp_path / "hw.csv"], tmp_path / "a.h5")


def test_other_files_are_not_taken_for_it(tmp_path):
    for name, content in (
        ("a.csv", b"net,val_accuracy\n1,2\n"),
        ("b.pickle", pickle.dumps({"a": 1})),
        ("c.json", b'{"edgegpu_latency": 1}'),
        ("d.csv", b""),
    ):
        (tmp_path / name).write_bytes(content)
        assert not hw_nas_bench.recognizes(tmp_path / name, content)

"""NAS-Bench-101 and EC-NAS: genuine bytes, real files, generated files, and damaged ones."""

import base64
import gzip
import hashlib
import json
import math
import pickle
import struct
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import google_crc32c
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nasbench_kit as nbk
from nasbench_kit.errors import ImportDataError
from nasbench_kit.formats.protobuf import fields
from nasbench_kit.formats.tfrecord import LARGEST, RecordError
from nasbench_kit.importers import guess_kind, import_table
from nasbench_kit.importers import nasbench101 as importer
from nasbench_kit.importers.model_metrics import decode
from nasbench_kit.spaces import NASBench101Space

GENERATOR = Path(__file__).resolve().parents[2] / "benchmarks" / "generate_nasbench101.py"
SPLITS = ("train", "val", "test")

# A record of the official file, the only public bytes of it: sile/nasbench-rs (MIT), src/dataset.rs, at commit 164e22f.
GENUINE_DATA = (
    b'["00005c142e6f48ac74fdcf73e3439874", 4, "0100110001000000010010000010000001000000010000000", '
    b'"input,conv3x3-bn-relu,maxpool3x3,conv3x3-bn-relu,conv3x3-bn-relu,conv1x1-bn-relu,output", '
    rb'"Ci0JAAAAAAAAAAARAAAAAAAAAAAZAAAAoKqquT8hAAAAYJAGuT8pAAAAAGmQuT8KLQkAAAAAAAAA\n'
    rb"QBEAAADAdJNGQBkAAABgkAa6PyEAAAAg3/K6PykAAACAy7e6PwotCQAAAAAAABBAEQAAACDbeVZA\n"
    rb'GQAAAEAaZNY/IQAAAGBVVdY/KQAAAODybdY/EIqYigQZAABAhznbeUA=\n"]'
)
GENUINE = bytes.fromhex("91010000000000009825ed9b") + GENUINE_DATA + bytes.fromhex("68166903")
GENUINE_HASH, _, GENUINE_MATRIX, GENUINE_OPS, _ = json.loads(GENUINE_DATA)
CELL = f"{GENUINE_MATRIX}:{GENUINE_OPS}"

# The smallest cell; its hash is the name of a folder in PedramBakh/EC-NAS-Bench, .../energy/4V9E/4_epochs/04/.
SMALL_HASH, SMALL_MATRIX, SMALL_OPS = "043721b9c7fe8c5fad811d47d83132ec", "0100", "input,output"
SMALL = f"{SMALL_MATRIX}:{SMALL_OPS}"


# ---- an encoder of our own, by the description of the format ----


def framed(data):
    def masked(part):
        crc = google_crc32c.value(part)
        return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)

    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


def varint(number):
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + varint(number >> 7)


def doubles(values):
    return b"".join(varint(number << 3 | 1) + struct.pack("<d", value) for number, value in values.items())


def message(evaluations, params=8_555_530, extra=b""):
    """Of three evaluations (epoch, seconds, train, val, test), or of encoded ones."""
    encoded = [e if isinstance(e, bytes) else doubles(dict(enumerate(e, 1))) for e in evaluations]
    return b"".join(b"\x0a" + varint(len(e)) + e for e in encoded) + b"\x10" + varint(params) + extra


def run(epochs=108, seconds=100.0, accuracies=(0.5, 0.5, 0.5)):
    """Three evaluations; the accuracies are those at the end."""
    nearest = [float(np.float32(accuracy)) for accuracy in accuracies]
    return [(0, 0, 0, 0, 0), (epochs / 2, seconds / 2, 0.25, 0.25, 0.25), (epochs, seconds, *nearest)]


def entry(
    metrics=None, module_hash=GENUINE_HASH, epochs=108, matrix=GENUINE_MATRIX, operations=GENUINE_OPS, total=413.75
):
    """A record; `metrics` are evaluations, or an encoded message."""
    encoded = metrics
    if not isinstance(metrics, bytes):
        encoded = message(run(epochs) if metrics is None else metrics, extra=doubles({3: total}))
    text = base64.encodebytes(encoded).decode()
    return json.dumps([module_hash, epochs, matrix, operations, text]).encode()


@pytest.fixture
def imported(new_path):
    """The table of a file of these records."""

    def make(*records, raw=None, kind=None):
        path = new_path(".tfrecord")
        path.write_bytes(b"".join(map(framed, records)) if raw is None else raw)
        return import_table([path], new_path(), kind=kind)

    return make


def values(table, metric, arch=CELL):
    """(seeds, epochs) of one cell."""
    column = table.column("cifar10", metric)
    shape = (max(len(column.metric.seeds), 1), max(len(column.metric.epochs), 1))
    row = table.row(table.space.parse(arch))
    return np.array([each[row] for each in column.every()]).reshape(shape)


# ---- genuine bytes ----


def test_the_genuine_record_is_read_to_the_published_values(imported):
    table = imported(raw=GENUINE)
    assert (table.name, table.datasets, table.n_archs) == ("nasbench101", ("cifar10",), 1)
    # the fixture's numbers are multiples of 1/9984, rounded to float32
    for metric, count in {
        "train_accuracy": 3_493,
        "val_accuracy": 3_484,
        "test_accuracy": 3_499,
        "train_accuracy[halfway]": 1_015,
        "val_accuracy[halfway]": 1_051,
        "test_accuracy[halfway]": 1_042,
    }.items():
        assert values(table, metric).tolist() == [[count / 9_984]]
    stated = {
        "cost_s": 89.903999329,
        "cost_s[halfway]": 45.152000427,
        "train_accuracy": 0.34985977,
        "val_accuracy": 0.34895834,
        "test_accuracy": 0.35046074,
        "train_accuracy[halfway]": 0.10166266,
        "val_accuracy[halfway]": 0.10526843,
        "test_accuracy[halfway]": 0.10436699,
        "params_m": 8.555530,
    }
    for metric, value in stated.items():
        assert values(table, metric)[0, 0] == pytest.approx(value, abs=2e-8)
    assert table.metrics("cifar10")["val_accuracy"].epochs == (4,)
    assert table.space.official_hash(table.space.parse(CELL)) == GENUINE_HASH


def test_a_table_says_whether_its_file_is_the_published_one(imported, monkeypatch):
    assert "by its sha256, the file is none of the two that were published" in imported(raw=GENUINE).about["notes"]
    monkeypatch.setitem(importer._PUBLISHED, hashlib.sha256(GENUINE).hexdigest(), "the published one")
    table = imported(raw=GENUINE)
    assert "by its sha256, the file is the published one" in table.about["notes"]
    assert table.about["sources"][0]["sha256"] == hashlib.sha256(GENUINE).hexdigest()


def test_the_checksums_of_the_genuine_record_are_computed():
    assert framed(GENUINE_DATA) == GENUINE
    assert google_crc32c.value(b"123456789") == 0xE3069283  # RFC 3720's polynomial, its customary check value


# ---- real files ----


def decoded(path):
    """(hash, epochs) -> the runs in the order of the file, decoded by position and tag, not by our reader.

    A run is its three evaluations and the rest, each as field -> value.
    """

    def number(data, at):
        value = shift = 0
        while True:
            value |= (data[at] & 127) << shift
            at, shift = at + 1, shift + 7
            if data[at - 1] < 128:
                return value, at

    def message_of(data):
        at, found = 0, defaultdict(list)
        while at < len(data):
            tag, at = number(data, at)
            if tag & 7 == 1:
                found[tag >> 3].append(struct.unpack_from("<d", data, at)[0])
                at += 8
            elif tag & 7 == 2:
                size, at = number(data, at)
                found[tag >> 3].append(data[at : at + size])
                at += size
            else:
                value, at = number(data, at)
                found[tag >> 3].append(value)
        return found

    content, at, runs = path.read_bytes(), 0, defaultdict(list)
    while at < len(content):
        (size,) = struct.unpack_from("<Q", content, at)
        module_hash, epochs, matrix, operations, text = json.loads(content[at + 12 : at + 12 + size])
        rest = message_of(base64.b64decode(text))
        runs[module_hash, epochs].append(
            (f"{matrix}:{operations}", [message_of(each) for each in rest.pop(1)], rest, message_of)
        )
        at += size + 16
    return runs


@pytest.fixture(scope="session")
def ec_nas(shared_data, tmp_path_factory):
    path = shared_data / "nasbench101" / "ec_nas_4V9E.tfrecord"
    return decoded(path), import_table([path], tmp_path_factory.mktemp("ec_nas") / "ec_nas.h5")


@pytest.mark.shared
def test_every_number_of_the_real_ec_nas_file_is_read(ec_nas):
    runs, table = ec_nas
    assert (table.name, table.n_archs, len(runs)) == ("ec_nas", 91, 91 * 4)
    fields_at_the_end = {
        2: "cost_s",
        6: "energy_kwh",
        7: "co2eq_g",
        8: "carbon_intensity_g_per_kwh",
        11: "energy_kwh[predicted]",
        12: "co2eq_g[predicted]",
        13: "cost_s[predicted]",
        14: "carbon_intensity_g_per_kwh[predicted]",
    }
    of_the_run = {
        3: "total_time_s",
        4: "energy_kwh[total]",
        5: "co2eq_g[total]",
        8: "carbon_intensity_g_per_kwh[total]",
    }
    accuracies = {3: "train_accuracy", 4: "val_accuracy", 5: "test_accuracy"}
    columns = {
        name: np.array(list(table.column("cifar10", name).every())).reshape(3, 4, 91)
        for name in table.metrics("cifar10")
        if name != "params_m"
    }
    assert len(columns) == 8 + 7 + 4 + 3 + 4  # four measured twice, energy, of the whole run, of devices
    n_compared = 0
    for (_, epochs), repeats in runs.items():
        assert len(repeats) == 3
        for seed, (cell, evaluations, rest, message_of) in enumerate(repeats):
            at = (seed, (4, 12, 36, 108).index(epochs), table.row(table.space.parse(cell)))
            expected = {name: evaluations[2][field] for field, name in fields_at_the_end.items()}
            expected |= {
                f"{name}[epoch1]": evaluations[1][field] for field, name in fields_at_the_end.items() if field < 9
            }
            expected |= {name: rest[field] for field, name in of_the_run.items()}
            for field, device in ((1, "gpu"), (2, "cpu")):
                usage = message_of(message_of(rest[9][0])[field][0])
                expected[f"power_w[{device}]"] = message_of(usage[1][0])[1]
                expected[f"energy_j[{device}]"] = message_of(usage[2][0])[1]
            for name, value in expected.items():
                assert [columns[name][at]] == value
            for field, name in accuracies.items():
                for i, metric in ((1, f"{name}[epoch1]"), (2, name)):
                    assert np.float32(columns[metric][at]) == evaluations[i][field][0]
            assert [evaluations[i][1] for i in range(3)] == [[0], [1], [epochs]]  # so nothing is halfway
            n_compared += 1
    assert n_compared == 1_092


@pytest.mark.shared
def test_ec_nas_has_the_numbers_and_units_that_its_authors_published(ec_nas):
    # PedramBakh/EC-NAS-Bench, .../energy/4V9E/4_epochs/00/001a6fcc8b38cbc515be788a86bdc804/repeat_1/results.json,
    # which says "total_energy (kWh)", "total_co2eq (g)", "avg_intensity (gCO2/kWh)", "avg_power_usages (W)",
    # "avg_energy_usages (J)". There the processors are two; the TFRecord file holds the first alone.
    _, table = ec_nas
    published = {
        "energy_kwh": ("kWh", 0.015961),
        "co2eq_g": ("g", 1.404582),
        "carbon_intensity_g_per_kwh": ("g/kWh", 88.0),
        "energy_kwh[epoch1]": ("kWh", 0.00671),
        "co2eq_g[epoch1]": ("g", 0.590467),
        "energy_kwh[predicted]": ("kWh", 0.014664),
        "co2eq_g[predicted]": ("g", 1.165819),
        "cost_s[predicted]": ("s", 97.0),
        "carbon_intensity_g_per_kwh[predicted]": ("g/kWh", 79.5),
        "energy_kwh[total]": ("kWh", 0.018713),
        "co2eq_g[total]": ("g", 1.646765),
        "total_time_s": ("s", 154.60513615608215),
        "cost_s": ("s", 71.40299987792969),
        "cost_s[epoch1]": ("s", 18.020000457763672),
        "power_w[gpu]": ("W", 150.8206),
        "energy_j[gpu]": ("J", 23312.340142),
        "power_w[cpu]": ("W", 54.24437257),
        "energy_j[cpu]": ("J", 8384.552668144901),
        "val_accuracy": ("fraction", 0.28705930709838867),
        "test_accuracy": ("fraction", 0.28515625),
    }
    cell = "0110001000010000:input,maxpool3x3,maxpool3x3,output"
    metrics = table.metrics("cifar10")
    for name, (unit, value) in published.items():
        assert metrics[name].unit == unit
        assert values(table, name, cell)[0, 0] == pytest.approx(value, rel=1e-7)
    assert values(table, "params_m", cell) == 1.756298


@pytest.mark.shared
def test_naslibs_pickle_says_what_its_json_says(shared_data, new_path):
    folder = shared_data / "nasbench101"
    table = import_table([folder / "nb101_dummy.pkl"], new_path())
    cells = json.loads((folder / "nb101_dummy.json").read_text())
    assert (table.name, table.n_archs, len(cells)) == ("nasbench101", 30, 30)
    assert {metric.epochs for metric in table.metrics("cifar10").values()} == {(108,), ()}  # and no other budget
    named = {"training_time": "cost_s", "validation_accuracy": "val_accuracy"}
    for module_hash, cell in cells.items():
        arch = table.space.parse((cell["module_adjacency"], cell["module_operations"]))
        assert table.space.official_hash(arch) == module_hash
        assert values(table, "params_m", arch) == cell["trainable_parameters"] / 1e6
        for seed, repeat in enumerate(cell["computed"]["108"]):
            for name, value in repeat.items():
                when, _, quantity = name.partition("_")
                metric = named.get(quantity, quantity) + ("[halfway]" if when == "halfway" else "")
                assert np.float32(values(table, metric, arch)[seed, 0]) == value


@pytest.mark.shared
def test_accuracies_of_30000_real_cells_are_multiples_that_are_stored_as_counts(shared_data):
    with gzip.open(shared_data / "nasbench101" / "nb101_subset_30k.csv.gz", "rt") as file:
        names = file.readline().strip().split(",")
        found = [[float(value) for value in line.split(",")[1:5]] for line in file]
    assert names[1:5] == [f"valid_acc_{epochs}" for epochs in importer.BUDGETS]
    accuracies = np.array(found)
    nearest = (np.rint(accuracies * 9_984) / 9_984).astype(np.float32)
    assert accuracies.shape == (30_001, 4)
    assert (nearest == accuracies).all()


@pytest.mark.shared
def test_no_other_real_file_is_taken_for_one(shared_data):
    ours = {"ec_nas_4V9E.tfrecord", "nb101_dummy.pkl"}
    for path in shared_data.rglob("*"):
        if path.is_file():
            with open(path, "rb") as file:
                head = file.read(65_536)
            assert importer.recognizes(path, head) == (path.name in ours), path
        else:
            assert not importer.recognizes(path, b"")


# ---- generated files ----


@pytest.fixture(scope="session")
def generate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generated")

    def make(*arguments):
        path = folder / "-".join([*map(str, arguments), ".tfrecord"])
        if not path.exists():
            subprocess.run([sys.executable, GENERATOR, "--out", path, *map(str, arguments)], check=True)
        return path

    return make


def test_a_generated_file_comes_back_run_by_run(generate, new_path):
    path = generate("--cells", 60)
    runs, table = decoded(path), import_table([path], new_path())
    assert len(runs) == 60 * 4
    assert table.n_archs == 60
    metrics = table.metrics("cifar10")
    assert {metric.seeds for name, metric in metrics.items() if name != "params_m"} == {(0, 1, 2)}
    assert metrics["val_accuracy"].epochs == metrics["cost_s[halfway]"].epochs == (4, 12, 36, 108)
    for (module_hash, epochs), repeats in runs.items():
        arch = table.space.parse(repeats[0][0])
        assert table.space.official_hash(arch) == module_hash
        for i, suffix in ((1, "[halfway]"), (2, "")):
            evaluations = [repeat[1][i] for repeat in repeats]
            assert {each[1][0] for each in evaluations} == {epochs * i / 2}
            for field, name in enumerate(("cost_s", "train_accuracy", "val_accuracy", "test_accuracy"), 2):
                got = values(table, name + suffix, arch)[:, (4, 12, 36, 108).index(epochs)]
                assert np.float32(got).tolist() == [each[field][0] for each in evaluations]
    raw = table.column("cifar10", "val_accuracy").spec()
    assert (raw.raw.dtype, raw.scale, raw.missing) == (np.uint16, (1, 9_984), 65_535)
    assert table.column("cifar10", "cost_s").spec().raw.dtype == np.float32
    benchmark = nbk.Benchmark(table, "cifar10")
    assert benchmark.query(arch).seeds == (0, 1, 2)


def test_a_generated_file_of_108_epochs_has_no_others(generate, new_path):
    table = import_table([generate("--cells", 20, "--only108")], new_path())
    assert table.metrics("cifar10")["val_accuracy"].epochs == (108,)


def test_the_generator_gives_the_same_bytes_for_the_same_seed(generate):
    first, again, other = (
        generate("--seed", 0, "--cells", 60),
        generate("--cells", 60),
        generate("--seed", 1, "--cells", 60),
    )
    assert first.read_bytes() == again.read_bytes() != other.read_bytes()


# ---- repeats, types of columns ----


def test_repeats_are_numbered_in_the_order_of_the_file_however_many_there_are(imported):
    other = {"module_hash": SMALL_HASH, "matrix": SMALL_MATRIX, "operations": SMALL_OPS}
    records = [entry(run(seconds=float(s))) for s in (5, 3, 4, 1)] + [entry(run(seconds=9.0), **other)]
    table = imported(*records[:2], records[4], *records[2:4])
    assert table.metrics("cifar10")["cost_s"].seeds == (0, 1, 2, 3)
    assert values(table, "cost_s")[:, 0].tolist() == [5, 3, 4, 1]
    small = values(table, "cost_s", SMALL)[:, 0]
    assert small[0] == 9
    assert np.isnan(small[1:]).all()  # fewer repeats stay fewer
    assert np.isnan(values(table, "val_accuracy", SMALL)[1:]).all()
    assert values(table, "val_accuracy", SMALL)[0, 0] == 0.5


def test_a_budget_that_some_cells_lack_is_missing_there(imported):
    other = {"module_hash": SMALL_HASH, "matrix": SMALL_MATRIX, "operations": SMALL_OPS}
    table = imported(entry(epochs=12), entry(epochs=108), entry(epochs=12, **other))
    assert table.metrics("cifar10")["val_accuracy"].epochs == (12, 108)
    assert values(table, "val_accuracy[halfway]").tolist() == [[0.25, 0.25]]
    assert np.isnan(values(table, "val_accuracy[halfway]", SMALL)).tolist() == [[False, True]]


@pytest.mark.parametrize(
    ("accuracy", "dtype"), [(1_234 / 9_984, np.uint16), (0.123456, np.float32), (np.nextafter(0.123456, 1), np.float64)]
)
def test_accuracies_are_counts_where_exact_and_floats_otherwise(imported, accuracy, dtype):
    value = float(accuracy if dtype == np.float64 else np.float32(accuracy))
    odd = run()
    odd[2] = (108, 100.0, 0.5, value, 0.5)
    table = imported(entry(), entry(odd))
    spec = table.column("cifar10", "val_accuracy").spec()
    assert spec.raw.dtype == dtype
    assert table.column("cifar10", "test_accuracy").spec().raw.dtype == np.uint16  # each metric by itself
    assert spec.raw[1, 0, 0] == (1_234 if dtype == np.uint16 else value)
    assert values(table, "val_accuracy")[0, 0] == 0.5


def test_the_one_off_value_among_many_blocks_keeps_the_others_exact(imported, monkeypatch):
    monkeypatch.setattr("nasbench_kit.importers.training_runs._BLOCK", 2)
    monkeypatch.setattr(importer, "_BATCH", 1)
    plain = [run(seconds=float(s), accuracies=(s / 9_984,) * 3) for s in range(1, 6)]
    odd = run(seconds=6.0)
    odd[2] = (108, 6.1, 0.5, 0.1, 0.5)  # no float32 numbers
    table = imported(*map(entry, plain), entry(odd))
    assert values(table, "cost_s")[:, 0].tolist() == [1, 2, 3, 4, 5, 6.1]
    assert values(table, "val_accuracy")[:5, 0].tolist() == [float(np.float32(s / 9_984)) for s in range(1, 6)]
    assert values(table, "val_accuracy")[5, 0] == 0.1
    assert values(table, "train_accuracy")[:5, 0].tolist() == [s / 9_984 for s in range(1, 6)]


def test_an_amount_beyond_float32_is_kept(imported):
    evaluations = [*run()[:2], doubles(dict(enumerate((*run()[2], 1e300), 1)))]
    table = imported(entry(evaluations))
    assert table.name == "ec_nas"
    assert values(table, "energy_kwh").tolist() == [[1e300]]


def test_fields_in_another_order_or_unknown_are_read_as_protocol_buffers_say(imported):
    at_the_end = {5: 0.5, 99: 1.0, 4: 0.25, 3: 0.75, 2: 7.0, 1: 4.0}
    path = b"\x32" + varint(200) + b"x" * 200  # checkpoint_path
    encoded = [doubles(dict(enumerate(each, 1))) for each in run(4)[:2]] + [doubles(at_the_end) + path]
    fixed32, text = b"\x95\x06abcd", varint(1_000 << 3 | 2) + b"\x00"
    table = imported(entry(fixed32 + message(encoded, params=7, extra=text), epochs=4))
    assert table.name == "nasbench101"
    assert [values(table, f"{split}_accuracy")[0, 0] for split in SPLITS] == [0.75, 0.25, 0.5]
    assert values(table, "params_m")[0, 0] == 7e-6


def test_base64_may_be_broken_into_lines_anywhere(imported):
    parts = json.loads(GENUINE_DATA)
    text = "".join(parts[4].split())
    for broken in (text, "\r\n".join(text[i : i + 7] for i in range(0, len(text), 7)) + " "):
        assert imported(json.dumps([*parts[:4], broken]).encode()).n_archs == 1


def test_a_file_whose_first_byte_is_that_of_a_pickle_is_read(imported, new_path):
    spaces = 384 - len(GENUINE_DATA)
    data = GENUINE_DATA if spaces > 0 else GENUINE_DATA + b" " * (0x380 - len(GENUINE_DATA))
    assert framed(data)[:2] == b"\x80\x03"  # what a pickle of protocol 3 begins with
    path = new_path(".tfrecord")
    path.write_bytes(framed(data))
    assert guess_kind([path]) == "nasbench101"
    assert import_table([path], new_path()).n_archs == 1


def test_cells_of_every_number_of_vertices_are_the_ones_that_the_space_parses(imported):
    space, records, cells = NASBench101Space(), [], []
    for n in range(2, 8):
        matrix = "".join(str(int(b == a + 1)) for a in range(n) for b in range(n))
        operations = ",".join(["input", *["conv1x1-bn-relu"] * (n - 2), "output"])
        cells.append(space.parse((matrix, operations.split(","))))
        records.append(entry(module_hash=space.official_hash(cells[-1]), matrix=matrix, operations=operations))
    table = imported(*records)
    assert table.archs()[table.rows(np.array(cells, np.uint8))].tolist() == list(map(list, cells))


def test_the_folder_of_an_official_file_is_taken_for_it(generate, new_path, tmp_path):
    (tmp_path / "nasbench_only108.tfrecord").write_bytes(generate("--cells", 20, "--only108").read_bytes())
    (tmp_path / "notes.txt").write_text("mine")
    assert import_table([tmp_path], new_path()).n_archs == 20
    (tmp_path / "nasbench_full.tfrecord").write_bytes(b"")
    with pytest.raises(ImportDataError, match="2 files of NAS-Bench-101 given"):
        import_table([tmp_path], new_path())


def test_progress_goes_from_nothing_to_all_bytes(generate, new_path, monkeypatch):
    monkeypatch.setattr(importer, "_BATCH", 100)
    path, told = generate("--cells", 60), []
    import_table([path], new_path(), progress=lambda done, total: told.append((done, total)))
    assert told[0] == (0, path.stat().st_size)
    assert told[-1] == (path.stat().st_size, path.stat().st_size)
    assert sorted(told) == told
    assert len(told) == 9


def test_stopping_an_import_leaves_nothing_behind(generate, tmp_path):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_table([generate("--cells", 60)], tmp_path / "out.h5", progress=stop)
    assert list(tmp_path.iterdir()) == []


# ---- wrong files ----

BAD = "f" * 32


def changed(evaluation, field, value):
    evaluations = [list(each) for each in run()]
    evaluations[evaluation][field] = value
    return entry(evaluations)


WRONG = {
    "is no JSON": b"{",
    "is no JSON in UTF-8": b"\xff\xfe",
    "holds 5; a list of hash, epochs, matrix, operations, metrics expected": b"5",
    r"holds \[1, 2\]; a list of": b"[1, 2]",
    r"holds \{": json.dumps(dict.fromkeys("abcde")).encode(),
    r"has 7 for the hash; str expected": json.dumps([7, 4, "", "", ""]).encode(),
    r"has \[\] for the hash; str expected": json.dumps([[], 4, "", "", ""]).encode(),
    r"has '4' for the epochs; int expected": json.dumps([GENUINE_HASH, "4", GENUINE_MATRIX, GENUINE_OPS, ""]).encode(),
    r"has True for the epochs; int expected": json.dumps([GENUINE_HASH, True, "", "", ""]).encode(),
    r"has 0 for the matrix; str expected": json.dumps([BAD, 4, 0, GENUINE_OPS, ""]).encode(),
    r"has None for the metrics; str expected": json.dumps(
        [GENUINE_HASH, 4, GENUINE_MATRIX, GENUINE_OPS, None]
    ).encode(),
    "is of a run of 5 epochs; choose from 4, 12, 36, 108": entry(epochs=5),
    "is of a run of -108 epochs; choose": entry(epochs=-108),
    "has the hash 'abc'; 32 hexadecimal digits expected": entry(module_hash="abc"),
    "says that its cell has the hash f{32}; it has 00005c142e6f48ac74fdcf73e3439874": entry(module_hash=BAD),
    "holds no cell: .* is no matrix of 2 to 7 rows": entry(
        module_hash=BAD, matrix="0" * 64, operations=",".join(["input", *"abcdef", "output"])
    ),
    "holds no cell": entry(module_hash=BAD, matrix="0", operations="input"),
    "holds no cell: unknown operation 'conv9x9'": entry(
        module_hash=BAD, matrix="010001000", operations="input,conv9x9,output"
    ),
    "holds no cell: .*not upper triangular": entry(module_hash=BAD, matrix="0110", operations="input,output"),
    "holds no cell: .*no path": entry(module_hash=BAD, matrix="0000", operations="input,output"),
    "holds no cell:": entry(module_hash=BAD, matrix="01x0", operations="input,output"),
    "has 2 operations for 7 vertices; one each expected": entry(module_hash=BAD, operations="input,output"),
    "metrics that are no base64": json.dumps([GENUINE_HASH, 4, GENUINE_MATRIX, GENUINE_OPS, "Ci0*"]).encode(),
    "holds 0 evaluations; 3 expected": json.dumps([GENUINE_HASH, 4, GENUINE_MATRIX, GENUINE_OPS, ""]).encode(),
    "holds 2 evaluations; 3 expected": entry(run()[:2]),
    r"has in evaluation 1 no field 4 \(val_accuracy\) of type double": entry(
        message([run()[0], doubles({1: 54, 2: 1, 3: 0.5, 5: 0.5}), run()[2]])
    ),
    "says None trainable parameters": entry(message(run())[:-5]),
    "says 2147483648 trainable parameters": entry(message(run(), params=2**31)),
    "field 1 ends after the message": entry(b"\x0a\x2d\x09"),
    "has the wire type 3": entry(b"\x0b"),
    "a field has the number 0": entry(b"\x00"),
    "an integer ends after the message": entry(b"\x10\x80"),
    "an integer has more than ten bytes": entry(b"\x10" + b"\x80" * 11),
    "says nan for cost_s in evaluation 2; seconds expected": changed(2, 1, math.nan),
    "says inf for cost_s in evaluation 2": changed(2, 1, math.inf),
    "says -1 for cost_s in evaluation 1": changed(1, 1, -1.0),
    "says 1.5 for test_accuracy in evaluation 0; a fraction expected": changed(0, 4, 1.5),
    "says nan for val_accuracy in evaluation 2": changed(2, 3, math.nan),
    "says -0.1 for train_accuracy in evaluation 2": changed(2, 2, -0.1),
    "evaluations are after 0, 53, 108 epochs; 0, 54, 108 expected": changed(1, 0, 53.0),
    "evaluations are after 0, 54, 107 epochs": changed(2, 0, 107.0),
    "says inf for energy_kwh; a finite amount expected": entry(
        message([*run()[:2], doubles(dict(enumerate((*run()[2], math.inf), 1)))])
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_record_is_named_by_its_place_and_what_is_wrong(new_path, what):
    good, path, out = framed(GENUINE_DATA), new_path(".tfrecord"), new_path()
    content = good + framed(WRONG[what]) + good
    path.write_bytes(content)
    with pytest.raises(ImportDataError, match=rf"(?s)^'.*tfrecord': the record at byte 417 .*{what}") as caught:
        import_table([path], out)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == content
    assert not list(out.parent.glob(f"{out.name}*"))


def test_a_record_that_contradicts_an_earlier_one_of_its_cell_is_refused(imported):
    relabeled = GENUINE_OPS.replace("maxpool3x3", "conv1x1-bn-relu")
    for record, what in (
        (entry(operations=relabeled), "has another matrix or operations than an earlier record of cell 00005c"),
        (entry(matrix=SMALL_MATRIX), "has another matrix or operations than an earlier"),
        (
            entry(message(run(), params=9)),
            "says 9 trainable parameters; another record of the same cell says 8,555,530",
        ),
    ):
        with pytest.raises(ImportDataError, match=rf"the record at byte 417 {what}"):
            imported(raw=GENUINE + framed(record))


def test_records_of_two_releases_are_not_mixed(imported, monkeypatch):
    monkeypatch.setattr(importer, "_BATCH", 1)
    energy = [doubles(dict(enumerate((*each, 0.5), 1))) for each in run()]
    with pytest.raises(ImportDataError, match="look like ec_nas, those before like nasbench101; one release expected"):
        imported(GENUINE_DATA, entry(message(energy)))


def test_one_cell_with_thousands_of_runs_among_few_is_refused(imported):
    others = []
    space = NASBench101Space()
    for arch in space.all_archs()[:200].tolist():
        matrix, operations = space.prune(tuple(arch))
        text = "".join(str(bit) for row in matrix for bit in row)
        others.append(entry(module_hash=space.official_hash(arch), matrix=text, operations=",".join(operations)))
    with pytest.raises(ImportDataError, match="some architecture has 100 training runs, where 201 architectures have"):
        imported(*[GENUINE_DATA] * 100, *others)


def test_damage_to_the_framing_is_named_by_its_place(imported):
    for raw, what in {
        GENUINE + GENUINE[:5]: "byte 417 is truncated: the file ends within its length",
        GENUINE + GENUINE[:-1]: "byte 417 is truncated: the file ends within its 401 bytes of data",
        GENUINE + b"garbage at the end": "byte 417 is damaged: the checksum of its length does not match",
        GENUINE[:100] + b"!" + GENUINE[101:]: "byte 0 is damaged: the checksum of its data does not match",
        GENUINE[:-1] + b"!": "byte 0 is damaged: the checksum of its data does not match",
        framed(b" " * (LARGEST + 1)): f"byte 0 has {LARGEST + 1:,} bytes; at most {LARGEST:,} expected",
    }.items():
        with pytest.raises(ImportDataError, match=f"the record at {what}"):
            imported(raw=raw, kind="nasbench101")


def test_an_empty_file_is_refused_if_its_kind_is_given(new_path):
    path = new_path(".tfrecord")
    path.write_bytes(b"")
    with pytest.raises(ImportDataError, match=r"is empty; the records of NAS-Bench-101 expected"):
        import_table([path], new_path(), kind="nasbench101")


def test_recognizing_needs_both_framing_and_a_hash():
    for head in (b"", GENUINE[:11], GENUINE[:40], framed(b"[5]"), framed(b'["00005c"]'), b"x" * 100):
        assert not importer.recognizes(Path("x"), head)
    assert importer.recognizes(Path("x"), GENUINE[:46])


# ---- NASLib's pickle ----

KEYS = [f"{when}_{name}" for when in ("halfway", "final") for name in
        ("training_time", "train_accuracy", "validation_accuracy", "test_accuracy")]  # fmt: skip


def naslib(fixed=(), repeats=None, budget=108, module_hash=SMALL_HASH):
    """In NASLib's layout, generated: one cell."""
    plain = {"module_adjacency": np.array([[0, 1], [0, 0]]), "module_operations": ["input", "output"]}
    number = dict(zip(KEYS, (1.0, 0.25, 0.25, 0.25, 2.0, 0.5, 0.5, 0.5), strict=True))
    fixed = plain | {"trainable_parameters": 5} | dict(fixed)
    return {module_hash: (fixed, {budget: [number] * 2 if repeats is None else repeats})}


@pytest.fixture
def unpickled(new_path):
    def make(cells, protocol=4):
        path = new_path(".pkl")
        path.write_bytes(cells if isinstance(cells, bytes) else pickle.dumps(cells, protocol))
        return import_table([path], new_path(), kind="nasbench101")

    return make


@pytest.mark.parametrize("protocol", [3, 4])
@pytest.mark.parametrize("dtype", ["i1", "<i8", ">i4", "?", "u1"])
def test_a_pickle_with_a_matrix_of_any_integers_is_read(unpickled, protocol, dtype):
    matrix = np.array([[0, 1], [0, 0]], dtype)
    for order in "CF":
        table = unpickled(naslib({"module_adjacency": np.asarray(matrix, order=order)}), protocol)
        assert values(table, "cost_s[halfway]", SMALL).tolist() == [[1], [1]]
        assert values(table, "test_accuracy", SMALL).tolist() == [[0.5], [0.5]]


@pytest.mark.parametrize(
    ("cells", "what"),
    [
        (naslib(budget=7), "has a run of 7 epochs; choose from 4, 12, 36, 108"),
        (naslib(budget="108"), "has a run of '108' epochs"),
        (naslib(module_hash="0" * 32), "says that its cell has the hash 0{32}"),
        (naslib({"module_operations": ["input", "output", "conv"]}), "holds no cell|has 3 operations for 2 vertices"),
        (naslib({"module_adjacency": np.zeros((2, 3), int)}), "is not as NASLib keeps it"),
        (naslib({"module_adjacency": np.array([[0, 0.5], [0, 0]])}), "is not as NASLib keeps it"),
        (naslib({"module_adjacency": 5}), "is not as NASLib keeps it"),
        (naslib({"trainable_parameters": 0.5}), "is not as NASLib keeps it"),
        (naslib(repeats=[dict.fromkeys(KEYS, 2.0)]), "says 2 for train_accuracy in the evaluation halfway; a fraction"),
        (naslib(repeats=[dict.fromkeys(KEYS, math.nan)]), "says nan for cost_s in the evaluation halfway; seconds"),
        (naslib(repeats=[dict.fromkeys(KEYS, "a")]), "is not as NASLib keeps it"),
        (naslib(repeats=[{}]), "is not as NASLib keeps it"),
        (naslib(repeats=5), "is not as NASLib keeps it"),
    ],
)
def test_a_wrong_cell_in_a_pickle_is_named(unpickled, cells, what):
    with pytest.raises(ImportDataError, match=rf"^'.*pkl': cell '?[0-9a-f]{{32}}'? ({what})"):
        unpickled(cells)


class Hostile:
    def __reduce__(self):
        return sys.exit, ("executed",)


def test_a_hostile_pickle_is_not_executed(unpickled):
    with pytest.raises(ImportDataError, match=r"asks for sys.exit, which is no plain data; it was not executed"):
        unpickled(naslib({"more": Hostile()}))
    with pytest.raises(ImportDataError, match=r"^'.*pkl'"):
        unpickled(naslib(repeats=[dict.fromkeys(KEYS, np.dtype("f8"))]))


def test_a_truncated_pickle_or_one_with_something_behind_is_refused(unpickled):
    content = pickle.dumps(naslib())
    with pytest.raises(ImportDataError, match="is no readable pickle"):
        unpickled(content[:-20])
    with pytest.raises(ImportDataError, match="something follows the pickle"):
        unpickled(content + b".")


# ---- random damage ----


def contents(table):
    return {
        name: (spec.metric, spec.raw.tobytes(), spec.scale)
        for name in table.metrics("cifar10")
        for spec in [table.column("cifar10", name).spec()]
    }


@pytest.fixture(scope="session")
def three_records():
    other = {"module_hash": SMALL_HASH, "matrix": SMALL_MATRIX, "operations": SMALL_OPS}
    return GENUINE + framed(entry()) + framed(entry(epochs=4, **other))


def either_same_or_refused(content, new_path, suffix, reference):
    path, out = new_path(suffix), new_path()
    path.write_bytes(content)
    try:
        found = contents(import_table([path], out, kind="nasbench101"))
        assert found == reference
    except ImportDataError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017 - several outcomes are right
        assert not list(out.parent.glob(f"{out.name}*"))
    assert path.read_bytes() == content


@settings(max_examples=75, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_flipped_bit_or_lost_end_of_a_file_is_noticed(three_records, new_path, data):
    damaged = bytearray(three_records)
    for position in data.draw(st.lists(st.integers(0, 8 * len(damaged) - 1), max_size=3, unique=True)):
        damaged[position >> 3] ^= 1 << (position & 7)
    damaged = bytes(damaged[: data.draw(st.integers(0, len(damaged)))])
    if damaged == three_records:
        return
    path, out = new_path(".tfrecord"), new_path()
    path.write_bytes(damaged)
    ends = (0, 417, 417 + len(framed(entry())))
    if damaged == three_records[: len(damaged)] and len(damaged) in ends[1:]:
        assert import_table([path], out).n_archs == 1  # whole records are lost: nothing in the format tells
        return
    with pytest.raises(ImportDataError, match=r"^'.*tfrecord'.*(is damaged|is truncated|is empty|is no readable)"):
        import_table([path], out, kind="nasbench101")
    assert path.read_bytes() == damaged
    assert not list(out.parent.glob(f"{out.name}*"))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_under_right_checksums_never_ends_in_another_error(new_path, data):
    """Damage that the checksums do not show: what is read then may differ, but only ours is raised."""
    damaged = bytearray(data.draw(st.sampled_from([GENUINE_DATA, base64.b64decode(json.loads(GENUINE_DATA)[4])])))
    binary = len(damaged) != len(GENUINE_DATA)
    for position in data.draw(st.lists(st.integers(0, 8 * len(damaged) - 1), min_size=1, max_size=4, unique=True)):
        damaged[position >> 3] ^= 1 << (position & 7)
    damaged = bytes(damaged[: data.draw(st.integers(1, len(damaged)))])
    record = entry(damaged, epochs=4) if binary else damaged
    path, out = new_path(".tfrecord"), new_path()
    path.write_bytes(framed(record))
    try:
        assert import_table([path], out, kind="nasbench101").n_archs == 1
    except ImportDataError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017 - several outcomes are right
        assert not list(out.parent.glob(f"{out.name}*"))


@settings(max_examples=75, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_pickle_never_ends_in_another_error(new_path, data):
    damaged = bytearray(pickle.dumps(naslib(), 4))
    for position in data.draw(st.lists(st.integers(0, 8 * len(damaged) - 1), min_size=1, max_size=3, unique=True)):
        damaged[position >> 3] ^= 1 << (position & 7)
    path, out = new_path(".pkl"), new_path()
    path.write_bytes(damaged)
    try:
        assert import_table([path], out, kind="nasbench101").n_archs == 1
    except ImportDataError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017 - several outcomes are right
        assert not list(out.parent.glob(f"{out.name}*"))


@given(content=st.binary(max_size=60))
def test_any_bytes_are_a_message_or_refused(content):
    try:
        list(fields(content))
    except ImportDataError as error:
        assert str(error)  # noqa: PT017 - several outcomes are right
    try:
        decode([content])
    except RecordError as error:
        assert error.position == 0  # noqa: PT017 - several outcomes are right

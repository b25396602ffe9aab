"""NATS-Bench and NAS-Bench-201 in all their containers.

The records 000000 and 000011 of both of NATS-Bench's spaces are genuine. Single files and `.pth` files were not
available: those are generated, in the layout of the genuine records and of file-formats 3.2 and 3.3.
"""

import bz2
import io
import os
import pickle
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from nasbench_kit.benchmark import Benchmark
from nasbench_kit.errors import ImportDataError
from nasbench_kit.formats.numpy_pickles import PLAIN
from nasbench_kit.formats.pickles import read_plain_pickle
from nasbench_kit.importers import guess_kind, import_table
from nasbench_kit.importers.nats_results import TRAININGS, dataset_name
from nasbench_kit.spaces import NASBench201Space, NATSBenchSizeSpace

TSS, SSS = NASBench201Space(), NATSBenchSizeSpace()
SPLITS = {"x-valid": "val", "x-test": "test", "ori-test": "valtest"}


def split_of(training, name):
    return "test" if training.startswith("cifar10") and training != "cifar100" and name == "ori-test" else SPLITS[name]


# ---- generated releases ----


def make_run(rng, training, hp, seed, text, *, times=True, top5=False):
    """One training run in the official shape; hp 200 leaves out what the release leaves out."""
    n, known = int(hp), TRAININGS[training]
    shown = {name: range(n) for name, _ in known.evaluated.values()}
    if hp == "200":
        last = {"cifar10-valid": ("ori-test",), "cifar10": ()}.get(training, ("x-valid", "x-test"))
        shown |= {name: range(n - 1, n) for name in last}
    images = dict(known.evaluated.values())

    def percentages(count, keys):
        return dict(zip(keys, (rng.integers(count + 1, size=len(keys)) / count * 100).tolist(), strict=True))

    def losses(keys):
        return dict(zip(keys, rng.random(len(keys)).tolist(), strict=True))

    epochs = range(n)
    keys = {name: [f"{name}@{e}" for e in there] for name, there in shown.items()}

    return {
        "name": training,
        "net_state_dict": None,
        "train_acc1es": percentages(known.n_train, epochs),
        "train_acc5es": percentages(known.n_train, epochs) if top5 else None,
        "train_losses": losses(epochs),
        "train_times": OrderedDict((e, 2.5) for e in epochs) if times else None,
        "arch_config": {"channel": 16, "num_cells": 5, "arch_str": text, "class_num": 10},
        "params": np.float64(0.802426),
        "flop": 113.95137,
        "seed": f"{seed:04d}",
        "epochs": n,
        "latency": [0.0125],
        "eval_names": list(images),
        "eval_acc1es": {k: v for name in shown for k, v in percentages(images[name], keys[name]).items()},
        "eval_times": {f"{name}@{e}": 0.5 for name in shown for e in epochs} if times else {},
        "eval_losses": {k: v for name in shown for k, v in losses(keys[name]).items()},
    }


def make_results(rng, space, index, hp, seeds, **settings):
    text = space.format(space.parse(index))
    return {
        "arch_index": index,
        "arch_str": text,
        "all_results": {
            (training, seed): make_run(rng, training, hp, seed, text, **settings)
            for training in TRAININGS
            for seed in seeds
        },
        "dataset_seed": {training: sorted(seeds) for training in TRAININGS},
        "clear_net_done": True,
    }


@pytest.fixture(scope="module")
def release():
    """The results of three cells, of which one has all three seeds."""
    return make_release({0: (777, 888, 999), 11: (888, 777), 7: (888,)})


@pytest.fixture(scope="module")
def small():
    """The results of two cells with one seed each."""
    return make_release({0: (777,), 11: (777,)})


def make_release(seeds_of):
    rng = np.random.default_rng(0)
    made = OrderedDict()
    for index, seeds in seeds_of.items():
        twelve = make_results(rng, TSS, index, "12", (777, 111), top5=True)
        made[index] = OrderedDict((("12", twelve), ("200", make_results(rng, TSS, index, "200", seeds))))
    return made


def meta(n_archs=20):
    """The list that comes with a release, or its beginning, which is read in less time."""
    archs = TSS.format_many(TSS.parse_many(np.arange(n_archs)))
    return {"meta_archs": archs, "total_archs": len(archs), "arch2infos": None, "evaluated_indexes": set()}


META = meta()
META_BYTES = bz2.compress(pickle.dumps(META, 4))


def dump(content, path):
    path.write_bytes(META_BYTES if content is META else bz2.compress(pickle.dumps(content, 4), 1))


def write_folder(release, path, name="{:06d}", about=META):
    path.mkdir()
    dump(about, path / "meta.pickle.pbz2")
    for index, record in release.items():
        dump(record, path / f"{name.format(index)}.pickle.pbz2")
    return path


def write_file(release, path, about=META):
    dump(about | {"arch2infos": dict(release), "evaluated_indexes": set(release)}, path)
    return path


def nb201(release, about=META):
    infos = {index: {"full": record["200"], "less": record["12"]} for index, record in release.items()}
    return about | {"basestr": "C16-N5", "arch2infos": infos, "evaluated_indexes": list(release)}


def write_legacy(release, path, about=META, pickled=None):
    parts = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True, "protocol_version": 1001}, None, []]
    data = [pickle.dumps(part, 2) for part in parts]
    data[3] = pickled or pickle.dumps(nb201(release, about), 2)
    path.write_bytes(b"".join(data))
    return path


def write_zip(release, path, about=META, pickled=None):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickled or pickle.dumps(nb201(release, about), 2))
        archive.writestr("archive/version", b"3\n")
    return path


CONTAINERS = {
    "simple": (lambda release, folder, **more: write_folder(release, folder / "NATS-tss-simple", **more), "natsbench"),
    "plain numbers": (
        lambda release, folder, **more: write_folder(release, folder / "plain", "{:d}", **more),
        "natsbench",
    ),
    "one file": (lambda release, folder, **more: write_file(release, folder / "tss.pickle.pbz2", **more), "natsbench"),
    "legacy": (lambda release, folder, **more: write_legacy(release, folder / "a.pth", **more), "nasbench201"),
    "zip": (lambda release, folder, **more: write_zip(release, folder / "b.pth", **more), "nasbench201"),
}


def columns(table):
    return {
        (dataset, name): (metric, table.column(dataset, name).spec().raw.tobytes())
        for dataset in table.datasets
        for name, metric in table.metrics(dataset).items()
    }


# ---- genuine records ----


@pytest.fixture(scope="module")
def genuine(shared_data, tmp_path_factory):
    out = tmp_path_factory.mktemp("genuine")
    return {
        kind: import_table([shared_data / "natsbench" / f"NATS-{kind}-v1_0-{tag}-simple"], out / f"{kind}.h5")
        for kind, tag in (("tss", "3ffb9"), ("sss", "50262"))
    }


# Source: file-formats, App. E, from D-X-Y/NATS-Bench's test data (percent, seeds 777, 888, 999)
PUBLISHED = {
    0: {
        ("cifar10", "val_accuracy"): (82.092, 81.616, 82.240),
        ("cifar10", "test_accuracy[trainval]"): (85.62, 86.18, 85.79),
        ("cifar100", "val_accuracy"): (51.88, 53.08, 53.14),
        ("cifar100", "test_accuracy"): (51.98, 53.68, 53.08),
        ("imagenet16-120", "val_accuracy"): (28.3333, 27.3667, 28.9333),
        ("imagenet16-120", "test_accuracy"): (27.0333, 25.7667, 27.1),
    },
    11: {
        ("cifar10", "val_accuracy"): (87.748, 88.132, 87.940),
        ("cifar10", "test_accuracy[trainval]"): (91.79, 91.76, 91.20),
        ("cifar100", "val_accuracy"): (67.72, 68.18, 66.46),
        ("cifar100", "test_accuracy"): (66.86, 67.68, 68.28),
        ("imagenet16-120", "val_accuracy"): (29.3667, 31.4333, 30.4333),
        ("imagenet16-120", "test_accuracy"): (29.2333, 30.9667, 30.3),
    },
}
# seconds per epoch of cifar10-valid, millions of multiply-adds and of parameters
PUBLISHED_COSTS = {0: (7.221093, 15.64737, 0.129306), 11: (12.462057, 113.95137, 0.802426)}
# after 12 epochs: cifar10 of seeds 777 and 111, cifar100, ImageNet16-120
PUBLISHED_12 = {0: ((62.712, 64.016), 31.84, 18.4667), 11: ((63.976, 62.58), 33.64, 15.6667)}


@pytest.mark.shared
@pytest.mark.parametrize("index", [0, 11])
def test_genuine_cells_have_their_published_values(genuine, index):
    table, arch = genuine["tss"], [TSS.parse(index)]
    for (dataset, metric), percentages in PUBLISHED[index].items():
        bench = Benchmark(table, dataset)
        found = [bench.values(metric, arch, seed=seed, epoch=200)[0] * 100 for seed in (777, 888, 999)]
        assert found == pytest.approx(percentages, abs=6e-5)
    seconds, flops, params = PUBLISHED_COSTS[index]
    cifar10, cifar100, imagenet = (Benchmark(table, name) for name in ("cifar10", "cifar100", "imagenet16-120"))
    for epoch in (1, 2, 12, 200):
        assert cifar10.query(arch[0], epoch=epoch).cost_s == pytest.approx(epoch * seconds, rel=1e-6)
    assert cifar10.values("cost_s[trainval]", arch)[0] == pytest.approx(2 * 200 * seconds, rel=1e-6)
    assert cifar100.values("cost_s", arch)[0] == pytest.approx(2 * 200 * seconds, rel=1e-6)
    assert imagenet.values("cost_s", arch)[0] == pytest.approx(6.068 * 200 * seconds, rel=1e-6)
    assert cifar10.values("flops_m", arch)[0] == flops
    assert cifar10.values("params_m", arch)[0] == params
    (one, other), hundred, image = PUBLISHED_12[index]
    half = Benchmark(table, "cifar10-hp12")
    assert half.query(arch[0], seed=777).val_accuracy * 100 == pytest.approx(one, abs=6e-5)
    assert half.query(arch[0], seed=111).val_accuracy * 100 == pytest.approx(other, abs=6e-5)
    assert Benchmark(table, "cifar100-hp12").query(arch[0]).val_accuracy * 100 == pytest.approx(hundred, abs=6e-5)
    assert Benchmark(table, "imagenet16-120-hp12").query(arch[0]).val_accuracy * 100 == pytest.approx(image, abs=6e-5)


def raw_values(space, record):
    """Every recorded value of a record: (dataset, metric, seed, epoch from 1) -> value."""
    for hp, results in record.items():
        for (training, seed), run in results["all_results"].items():
            dataset, bracket = dataset_name(space.name, training, hp), TRAININGS[training].bracket
            for name, what in (
                ("accuracy", "train_acc1es"),
                ("top5_accuracy", "train_acc5es"),
                ("loss", "train_losses"),
            ):
                for epoch, value in (run[what] or {}).items():
                    yield (dataset, f"train_{name}{bracket}", seed, epoch + 1), value
            for name, what in (("accuracy", "eval_acc1es"), ("loss", "eval_losses")):
                for key, value in run[what].items():
                    official, _, epoch = key.partition("@")
                    yield (dataset, f"{split_of(training, official)}_{name}{bracket}", seed, int(epoch) + 1), value


@pytest.mark.shared
@pytest.mark.parametrize("kind", ["tss", "sss"])
@pytest.mark.parametrize("index", [0, 11])
def test_every_value_of_a_genuine_record_is_in_the_table_and_no_other(genuine, shared_data, kind, index):
    table = genuine[kind]
    (folder,) = (shared_data / "natsbench").glob(f"NATS-{kind}-*")
    data = bz2.decompress((folder / f"{index:06d}.pickle.pbz2").read_bytes())
    row = table.row(table.space.parse(index))
    recorded = {}
    for key, value in raw_values(table.space, read_plain_pickle(io.BytesIO(data), "record", PLAIN)):
        dataset, metric, seed, epoch = key
        column = table.column(dataset, metric)
        found = column.at(column.seed_positions(seed)[0], column.epoch_position(epoch))(row)
        if "loss" in metric:
            assert found == value
        else:
            assert found == pytest.approx(value / 100, abs=5e-9)  # the release's are off the grid by up to 7e-6 images
        recorded[dataset, metric] = recorded.get((dataset, metric), 0) + 1
    for dataset in table.datasets:
        for metric in table.metrics(dataset):
            if "accuracy" in metric or "loss" in metric:
                n = sum(not np.isnan(values[row]) for values in table.column(dataset, metric).every())
                assert n == recorded[dataset, metric], (dataset, metric)


@pytest.mark.shared
def test_a_genuine_release_has_the_sets_and_epochs_of_its_description(genuine):
    # Source: file-formats 3.3, "sets and epochs actually present"
    full, last, twelve = tuple(range(1, 201)), (200,), tuple(range(1, 13))
    metrics = genuine["tss"].metrics("cifar10")
    assert metrics["val_accuracy"].epochs == full
    assert metrics["test_accuracy"].epochs == last
    assert metrics["test_accuracy[trainval]"].epochs == full
    assert "val_accuracy[trainval]" not in metrics
    for dataset in ("cifar100", "imagenet16-120"):
        metrics = genuine["tss"].metrics(dataset)
        assert metrics["valtest_accuracy"].epochs == full
        assert metrics["val_accuracy"].epochs == metrics["test_accuracy"].epochs == last
        assert metrics["val_accuracy"].seeds == (777, 888, 999)
    metrics = genuine["tss"].metrics("cifar10-hp12")
    assert (metrics["val_accuracy"].seeds, metrics["val_accuracy"].epochs) == ((111, 777), twelve)
    assert genuine["tss"].metrics("cifar100-hp12")["val_accuracy"].seeds == (111,)
    for hp, seeds, n in (("-hp01", (777,), 1), ("-hp12", (777, 888, 999), 12), ("", (777,), 90)):
        for dataset in ("cifar10", "cifar100", "imagenet16-120"):
            metric = genuine["sss"].metrics(f"{dataset}{hp}")["val_accuracy"]
            assert (metric.seeds, metric.epochs) == (seeds, tuple(range(1, n + 1)))
    assert genuine["sss"].name == "natsbench_sss"
    assert genuine["tss"].name == "nasbench201"


@pytest.mark.shared
def test_genuine_pickles_larger_than_memory_are_read_as_whole_ones_are(shared_data):
    for path in sorted((shared_data / "natsbench").glob("*/0*")):
        data = bz2.decompress(path.read_bytes())
        whole = read_plain_pickle(io.BytesIO(data), path.name, PLAIN)
        parts = {}

        def take(key, value, parts=parts):
            if "all_results" in value:
                parts[key] = dict(value)
            return "all_results" in value

        assert read_plain_pickle(io.BytesIO(data), path.name, PLAIN, take) == {hp: {} for hp in whole}
        assert parts == whole


# ---- all containers ----


@pytest.fixture(scope="module")
def imported(release, tmp_path_factory):
    """The table of a folder with the whole list."""
    folder = tmp_path_factory.mktemp("imported")
    return import_table([write_folder(release, folder / "a", about=meta(TSS.size))], folder / "t.h5")


@pytest.mark.parametrize("container", CONTAINERS)
def test_every_container_gives_the_same_table(tmp_path, release, imported, container):
    write, kind = CONTAINERS[container]
    path = write(release, tmp_path)
    assert guess_kind([path]) == kind
    steps = []
    table = import_table([path], tmp_path / "t.h5", progress=lambda done, total: steps.append((done, total)))
    assert steps
    assert all(done <= total for done, total in steps)
    assert table.n_archs == 3
    table.verify()
    assert columns(table) == columns(imported)


def test_every_value_of_a_release_is_in_the_table_and_no_other(release, imported):
    for index, record in release.items():
        row = imported.row(TSS.parse(index))
        n_values = 0
        for (dataset, metric, seed, epoch), value in raw_values(TSS, record):
            column = imported.column(dataset, metric)
            found = column.at(column.seed_positions(seed)[0], column.epoch_position(epoch))(row)
            assert found == pytest.approx(value if "loss" in metric else value / 100, abs=1e-12)
            n_values += 1
        n_stored = sum(
            not np.isnan(values[row])
            for dataset in imported.datasets
            for metric in imported.metrics(dataset)
            if "accuracy" in metric or "loss" in metric
            for values in imported.column(dataset, metric).every()
        )
        assert n_stored == n_values


def test_seeds_that_an_architecture_lacks_are_missing(imported):
    bench = Benchmark(imported, "cifar10")
    assert bench.query(TSS.parse(0)).seeds == (777, 888, 999)
    assert bench.query(TSS.parse(11)).seeds == (777, 888)
    assert bench.query(TSS.parse(7)).seeds == (888,)
    raw = bench.results.column("cifar10", "val_accuracy").spec().raw
    assert raw.dtype == np.uint16
    assert (raw[:, 0, bench.results.row(TSS.parse(7))] == 65_535).tolist() == [True, False, True]


def test_times_that_were_not_recorded_are_missing(tmp_path):
    rng = np.random.default_rng(1)
    release = {index: {"200": make_results(rng, TSS, index, "200", (777,), times=index == 3)} for index in (3, 4)}
    table = import_table([write_folder(release, tmp_path / "a")], tmp_path / "t.h5")
    bench = Benchmark(table, "cifar10")
    assert bench.query(TSS.parse(3), epoch=2).cost_s == 5.0
    assert np.isnan(bench.query(TSS.parse(4)).cost_s)
    assert np.isnan(bench.values("val_cost_s", [TSS.parse(4)], missing="nan"))[0]
    del release[3]
    table = import_table([write_folder(release, tmp_path / "b")], tmp_path / "u.h5")
    assert "cost_s" not in table.metrics("cifar10")


def test_times_that_differ_between_epochs_and_seeds_are_kept(tmp_path):
    results = make_results(np.random.default_rng(1), TSS, 3, "12", (777, 111))
    run = results["all_results"]["cifar10-valid", 111]
    run["train_times"] = OrderedDict((e, e + 1.0) for e in range(12))
    run["eval_times"]["x-valid@11"] = 9.0
    table = import_table([write_folder({3: {"12": results}}, tmp_path / "a")], tmp_path / "t.h5")
    bench = Benchmark(table, "cifar10-hp12")
    cell = [TSS.parse(3)]
    assert bench.query(cell[0], epoch=3, seed=111).cost_s == 6.0
    assert bench.query(cell[0], epoch=3, seed=777).cost_s == 7.5
    assert bench.values("val_cost_s", cell, epoch=12, seed=111)[0] == 9.0
    assert bench.values("val_cost_s", cell, epoch=11, seed=111)[0] == 0.5
    assert bench.values("val_cost_s", cell, epoch=12, seed=777)[0] == 0.5


def test_sizes_on_which_runs_disagree_are_those_of_seed_888(tmp_path):
    # Source: NATS-Bench issue 36 and its ArchResults.get_compute_costs
    results = make_results(np.random.default_rng(1), TSS, 3, "200", (777, 888, 999))
    results["all_results"]["cifar100", 777]["flop"] = 1.5
    results["all_results"]["cifar100", 999]["params"] = np.float64(9.25)
    results["all_results"]["ImageNet16-120", 999]["flop"] += 1e-9  # not beyond five digits
    without = make_results(np.random.default_rng(1), TSS, 4, "200", (777, 999))
    without["all_results"]["cifar100", 777]["flop"] = 1.5
    release = {3: {"200": results}, 4: {"200": without}}
    table = import_table([write_folder(release, tmp_path / "a")], tmp_path / "t.h5")
    cells = [TSS.parse(3), TSS.parse(4)]
    found = Benchmark(table, "cifar100").values("flops_m", cells, missing="nan")
    assert found[0] == 113.95137
    assert np.isnan(found[1])  # nobody knows which
    assert Benchmark(table, "cifar100").values("params_m", cells)[0] == 0.802426
    assert Benchmark(table, "imagenet16-120").values("flops_m", cells)[0] == 113.95137


def test_accuracies_that_are_no_counts_of_images_are_kept_as_they_are(tmp_path):
    results = make_results(np.random.default_rng(1), TSS, 3, "12", (777,))
    results["all_results"]["cifar100", 777]["eval_acc1es"]["x-valid@3"] = 50.013
    table = import_table([write_folder({3: {"12": results}}, tmp_path / "a")], tmp_path / "t.h5")
    assert table.column("cifar100-hp12", "val_accuracy").spec().raw.dtype == np.float32
    found = Benchmark(table, "cifar100-hp12").query(TSS.parse(3), epoch=4)
    assert found.val_accuracy == pytest.approx(0.50013, rel=1e-7)


# ---- what is wrong ----


class Hostile:
    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


class Persistent(pickle.Pickler):
    def persistent_id(self, obj):
        return "storage 0" if isinstance(obj, Hostile) else None


ATTACKS = {
    "a command": (
        lambda: Hostile(os.system, "touch /tmp/nasbench_kit_was_here"),
        "asks for .*system, which is no plain",
    ),
    "an object type": (lambda: Hostile(np.dtype, "O"), "numpy's type 'O'"),
    "an array": (lambda: np.zeros(3), "asks for numpy.*, which is no plain data"),
    "a class": (lambda: pickle.Pickler, "asks for _?pickle.Pickler, which is no plain data"),
}


def hostile_containers(folder, release, attack):
    index = next(iter(release))
    poisoned = {index: {hp: dict(results) for hp, results in release[index].items()}}
    poisoned[index]["200"]["note"] = attack
    yield write_folder(poisoned, folder / "simple")
    yield write_folder({index: release[index]}, folder / "meta", about=META | {"note": attack})
    yield write_file(poisoned, folder / "one.pickle.pbz2")
    yield write_legacy(poisoned, folder / "a.pth")
    yield write_zip(poisoned, folder / "b.pth")


@pytest.mark.parametrize("what", ATTACKS)
def test_nothing_in_a_hostile_file_is_executed(tmp_path, small, what):
    make, message = ATTACKS[what]
    for path in hostile_containers(tmp_path, small, make()):
        before = sorted(tmp_path.iterdir())
        with pytest.raises(ImportDataError, match=message) as caught:
            import_table([path], tmp_path / "t.h5")
        assert "\n" not in str(caught.value)
        assert sorted(tmp_path.iterdir()) == before
    assert not os.path.exists("/tmp/nasbench_kit_was_here")


def test_references_out_of_a_file_are_refused(tmp_path, small):
    def pickled(content, protocol):
        file = io.BytesIO()
        Persistent(file, protocol).dump(content | {"note": Hostile(int)})
        return file.getvalue()

    for path in (
        write_legacy(small, tmp_path / "a.pth", pickled=pickled(nb201(small), 2)),
        write_zip(small, tmp_path / "b.pth", pickled=pickled(nb201(small), 2)),
    ):
        with pytest.raises(ImportDataError, match="refers to an object outside of it"):
            import_table([path], tmp_path / "t.h5")
    folder = write_folder(small, tmp_path / "simple")
    (folder / "000000.pickle.pbz2").write_bytes(bz2.compress(pickled(small[0], 4)))
    with pytest.raises(ImportDataError, match=r"000000.*refers to an object outside of it"):
        import_table([folder], tmp_path / "t.h5")


@pytest.mark.parametrize("container", ["simple", "one file", "legacy", "zip"])
def test_damaged_files_end_in_one_line_and_leave_nothing(tmp_path, small, container):
    write, kind = CONTAINERS[container]
    path = write({0: small[0]}, tmp_path)
    file = sorted(path.iterdir())[0] if path.is_dir() else path
    whole = file.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(5):
        cut = whole[: int(rng.integers(len(whole) - 1))]
        file.write_bytes(cut)
        with pytest.raises(ImportDataError) as caught:
            import_table([path], tmp_path / "t.h5", kind=kind)
        assert "\n" not in str(caught.value)
    for _ in range(5):
        flipped = bytearray(whole)
        flipped[int(rng.integers(len(whole)))] ^= 1 << int(rng.integers(8))
        file.write_bytes(flipped)
        try:
            import_table([path], tmp_path / "t.h5", kind=kind)  # a digit of a loss may change unnoticed
            (tmp_path / "t.h5").unlink()
        except ImportDataError:
            continue
    assert not list(tmp_path.glob("t.h5*"))


def run_of(made, training="cifar10-valid", seed=777, hp="200", index=11):
    return made[index][hp]["all_results"][training, seed]


WRONG = {
    "twice": (
        lambda m: m.update({5: pickle.loads(pickle.dumps(m[11]))}),
        "is there twice|it holds the architecture 11",
    ),
    "another text": (lambda m: m[11]["200"].update(arch_str=META["meta_archs"][5]), "was .* before"),
    "no cell": (
        lambda m: m[11]["12"].update(arch_str="|none~0|"),
        "architecture 11, hp '12': .* is not of the form|no cell",
    ),
    "no index": (lambda m: m[11]["12"].update(arch_index="11"), "has the index '11'; a number"),
    "other epochs": (lambda m: run_of(m).update(epochs=199), "cifar10-valid of seed 777: 199 epochs; 200 expected"),
    "an epoch too many": (
        lambda m: run_of(m)["train_losses"].update({200: 1.0}),
        "train_loss has 200; 0 to 199 expected",
    ),
    "a set unknown": (lambda m: run_of(m)["eval_acc1es"].update({"y@1": 1.0}), "eval_acc1es has y@1; keys like"),
    "a text": (lambda m: run_of(m)["train_acc1es"].update({3: "97"}), "train_accuracy has the value '97'; a number"),
    "no percentage": (
        lambda m: run_of(m)["train_acc1es"].update({3: 101.0}),
        r"train_accuracy: .*; percentages expected",
    ),
    "beyond float32": (
        lambda m: run_of(m)["train_acc1es"].update({3: 1e300}),
        r"train_accuracy: .* to inf; percentages expected",
    ),
    "another seed": (lambda m: run_of(m).update(seed="0778"), "the run says it has seed '0778'"),
    "a run not listed": (lambda m: m[11]["200"]["dataset_seed"].update(cifar10=[999]), "are not those that it lists"),
    "a data set unknown": (
        lambda m: (
            m[11]["12"]["dataset_seed"].update(mnist=[1]),
            m[11]["12"]["all_results"].update({("mnist", 1): {}}),
        ),
        "mnist of seed 1: unknown data set; choose from cifar10-valid",
    ),
    "a key missing": (lambda m: run_of(m).pop("epochs"), "epochs"),
}


@pytest.mark.parametrize("what", WRONG)
def test_results_that_are_not_what_they_should_be_are_named(tmp_path, small, what):
    change, message = WRONG[what]
    made = {index: pickle.loads(pickle.dumps(record)) for index, record in small.items()}
    change(made)
    for container in ("simple", "legacy"):
        path = CONTAINERS[container][0](made, tmp_path)
        with pytest.raises(ImportDataError, match=message):
            import_table([path], tmp_path / "t.h5")


def test_a_setting_that_no_release_has_is_refused(tmp_path, small):
    made = {0: {"90": small[0]["200"]}}
    with pytest.raises(
        ImportDataError, match=r"000000.pickle.pbz2: architecture 0, hp '90': unknown setting; choose from 12"
    ):
        import_table([write_folder(made, tmp_path / "a")], tmp_path / "t.h5")


def test_the_list_of_architectures_may_have_another_order_but_must_agree_with_the_indexes(tmp_path, small):
    few = {index: {"12": record["12"]} for index, record in small.items()}
    swapped = META | {"meta_archs": [META["meta_archs"][i] for i in (0, 2, 1, *range(3, 20))]}
    table = import_table([write_folder(few, tmp_path / "a", about=swapped)], tmp_path / "t.h5")
    right = import_table([write_folder(few, tmp_path / "b")], tmp_path / "u.h5")
    assert columns(table) == columns(right)
    swapped["meta_archs"][0], swapped["meta_archs"][11] = swapped["meta_archs"][11], swapped["meta_archs"][0]
    for name, write in {"folder": write_folder, "one.pickle.pbz2": write_file}.items():
        path = write(few, tmp_path / name, about=swapped)
        with pytest.raises(ImportDataError, match=r"architecture 0 is .*, but meta_archs has .* there"):
            import_table([path], tmp_path / "t.h5")
    short = META | {"meta_archs": META["meta_archs"][:5]}
    with pytest.raises(ImportDataError, match=r"architecture 11 is .*, but meta_archs has beyond its 5 there"):
        import_table([write_folder(few, tmp_path / "c", about=short)], tmp_path / "t.h5")
    double = META | {"meta_archs": [META["meta_archs"][0]] * 20}
    with pytest.raises(ImportDataError, match="names an architecture twice"):
        import_table([write_folder(few, tmp_path / "d", about=double)], tmp_path / "t.h5")


def test_a_list_of_architectures_alone_is_no_release(tmp_path):
    dump(META, tmp_path / "meta.pickle.pbz2")
    with pytest.raises(ImportDataError, match=r"meta.pickle.pbz2 lists architectures and holds no results"):
        import_table([tmp_path / "meta.pickle.pbz2"], tmp_path / "t.h5")
    with pytest.raises(ImportDataError, match=r"holds no files of architectures, like 000000.pickle.pbz2"):
        import_table([tmp_path], tmp_path / "t.h5", kind="natsbench")


def test_a_small_file_that_unpacks_to_a_large_one_is_refused(tmp_path):
    (tmp_path / "meta.pickle.pbz2").write_bytes(META_BYTES)
    (tmp_path / "000000.pickle.pbz2").write_bytes(bz2.compress(bytes(70_000_000), 9))
    with pytest.raises(ImportDataError, match=r"000000\.pickle\.pbz2' unpacks to more than [0-9,]+ bytes"):
        import_table([tmp_path], tmp_path / "t.h5")


def test_an_architecture_that_is_listed_and_absent_is_named(tmp_path, small):
    content = META | {"arch2infos": {0: small[0]}, "evaluated_indexes": {0, 9}}
    dump(content, tmp_path / "a.pickle.pbz2")
    with pytest.raises(ImportDataError, match="lacks the results of some architectures that it lists, 9"):
        import_table([tmp_path / "a.pickle.pbz2"], tmp_path / "t.h5")


def test_files_of_other_kinds_are_not_taken_for_these(tmp_path):
    others = {
        "a.csv": b"arch,val_accuracy\n0,0.5\n",
        "a.json": b'{"meta_archs": []}',
        "a.pickle": pickle.dumps({"meta_archs": ["|none~0|"]}),
        "b.pbz2": bz2.compress(pickle.dumps({"x": 1})),
        "c.pbz2": bz2.compress(b"meta_archs"),
    }
    for name, data in others.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ImportDataError, match="looks like none of the releases"):
            guess_kind([tmp_path / name])
    with pytest.raises(ImportDataError, match="looks like none of the releases"):
        guess_kind([tmp_path])
    transnas = write_legacy({}, tmp_path / "t.pth", pickled=pickle.dumps({"metrics_dict": {}, "data": {}}, 2))
    assert guess_kind([transnas]) == "transnasbench101"

"""What HPOBench and NASLib made of NAS-Bench-201, read back to what the release says.

None of their files was available: these are made of runs in the official layout, genuine ones where the data are
there, as the sources of the two tools read them.
"""

import bz2
import io
import json
import pickle
import re

import numpy as np
import pytest

from nasbench_kit.benchmark import Benchmark
from nasbench_kit.errors import ImportDataError
from nasbench_kit.formats.json_stream import nested_items
from nasbench_kit.formats.numpy_pickles import PLAIN
from nasbench_kit.formats.pickles import read_plain_pickle
from nasbench_kit.importers import guess_kind, import_table
from nasbench_kit.importers.nats_results import TRAININGS
from nasbench_kit.spaces import NASBench201Space

SPACE = NASBench201Space()
CELL = "|nor_conv_1x1~0|+|none~0|nor_conv_1x1~1|+|none~0|nor_conv_1x1~1|nor_conv_1x1~2|"
OTHER = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|none~0|nor_conv_3x3~1|avg_pool_3x3~2|"
OURS = {"cifar10-valid": "cifar10", "cifar100": "cifar100", "ImageNet16-120": "imagenet16-120"}


def values(table, dataset, name, archs, **which):
    return Benchmark(table, dataset).values(name, archs, **which)


def official_run(rng, training):
    """A training of 200 epochs as the release keeps it: its evaluations in the order of the genuine records."""
    known = TRAININGS[training]
    every, *last = ["x-valid", "ori-test"] if training == "cifar10-valid" else ["ori-test", "x-valid", "x-test"]
    images = dict(known.evaluated.values())
    keys = [(every, epoch) for epoch in range(200)] + [(name, 199) for name in last]
    return {
        "train_acc1es": {e: float(rng.integers(known.n_train)) / known.n_train * 100 for e in range(200)},
        "train_losses": {e: float(rng.random()) for e in range(200)},
        "train_times": dict.fromkeys(range(200), 10.446996112664541),
        "eval_acc1es": {f"{n}@{e}": float(rng.integers(images[n])) / images[n] * 100 for n, e in keys},
        "eval_losses": {f"{n}@{e}": float(rng.random()) for n, e in keys},
        "eval_times": {f"{n}@{e}": 0.5 for n in images for e in range(200)},
        "params": 0.185306,
        "flop": 23.5,
        "latency": [0.0125],
    }


def naslib(run):
    """As NASLib's `query` reads it: lists, and what a network costs."""
    costs = {"flops": run["flop"], "params": run["params"], "latency": run["latency"][0]}
    lists = {name: list(run[name].values()) for name in ("train_acc1es", "train_losses", "eval_acc1es", "eval_losses")}
    return lists | {"cost_info": costs | {"train_time": run["train_times"][0]}}


def hpobench(run):
    """As HPOBench's `objective_function` reads it: JSON, whose keys are texts."""
    names = ("train_acc1es", "train_losses", "train_times", "eval_acc1es", "eval_losses", "eval_times")
    return {name: {str(key): value for key, value in run[name].items()} for name in names}


@pytest.fixture(scope="module")
def release():
    """(training, seed, cell) -> run; of the second cell there is no seed 999."""
    rng = np.random.default_rng(0)
    return {
        (training, seed, cell): official_run(rng, training)
        for training in OURS
        for cell in (CELL, OTHER)
        for seed in (777, 888, 999)
        if (cell, seed) != (OTHER, 999)
    }


def write_naslib(release, folder):
    """One pickle per data set, of the run with seed 888."""
    folder.mkdir(exist_ok=True)
    for training in OURS:
        cells = {
            cell: {training: naslib(run)} for (t, seed, cell), run in release.items() if (t, seed) == (training, 888)
        }
        name = training.replace("-valid", "").replace("16-120", "16")
        (folder / f"nb201_{name}_full_training.pickle").write_bytes(pickle.dumps(cells, 4))
    return folder


def write_hpobench(release, folder, gap_from=777):
    """One JSON file per data set; where a run is missing, that of another seed stands in, as HPOBench's does."""
    folder.mkdir(exist_ok=True)
    for training in OURS:
        seeds = {
            str(seed): {
                cell: hpobench(release.get((training, seed, cell), release.get((training, gap_from, cell))))
                for cell in dict.fromkeys(c for _, _, c in release)
            }
            for seed in (777, 888, 999)
        }
        (folder / f"NAS-Bench-201-v1_1-096897_{training}.json").write_text(json.dumps(seeds))
    return folder


@pytest.fixture(scope="module")
def tables(release, tmp_path_factory):
    folder = tmp_path_factory.mktemp("copies")
    copies = {
        "naslib_nasbench201": write_naslib(release, folder / "n"),
        "hpobench": write_hpobench(release, folder / "h"),
    }
    for kind, copy in copies.items():
        assert guess_kind([copy]) == kind
        assert all(guess_kind([file]) == kind for file in copy.iterdir())
    return {kind: import_table([copy], folder / f"{kind}.h5") for kind, copy in copies.items()}


def expected(run, training, split):
    """Official values of a split, by our epochs: {epoch: fraction}."""
    if split == "train":
        return {epoch + 1: value / 100 for epoch, value in run["train_acc1es"].items()}
    name = TRAININGS[training].evaluated[split][0]
    found = {key.partition("@"): value for key, value in run["eval_acc1es"].items()}
    return {int(epoch) + 1: value / 100 for (of, _, epoch), value in found.items() if of == name}


@pytest.mark.parametrize("kind", ["naslib_nasbench201", "hpobench"])
def test_every_accuracy_of_a_copy_has_the_split_epoch_and_seed_of_the_release(kind, tables, release):
    table, n_checked = tables[kind], 0
    for (training, seed, cell), run in release.items():
        if kind == "naslib_nasbench201" and seed != 888:
            continue
        for split in ("train", *TRAININGS[training].evaluated):
            curve = expected(run, training, split)
            metric = table.metrics(OURS[training])[f"{split}_accuracy"]
            assert metric.epochs == tuple(curve)  # no more and no less: only the last one where only that is known
            assert metric.unit == "fraction"
            found = [
                float(values(table, OURS[training], metric.name, [cell], epoch=e, seed=seed)[0])
                for e in list(curve)[-3:]
            ]
            assert found == pytest.approx(list(curve.values())[-3:], abs=1e-9)
            n_checked += 1
    assert n_checked == {"naslib_nasbench201": 2 * (3 + 4 + 4), "hpobench": 5 * (3 + 4 + 4)}[kind]


def test_validation_and_test_are_not_the_same_as_they_are_for_naslib(tables, release):
    bench = tables["naslib_nasbench201"]
    run = release["cifar100", 888, CELL]
    last = list(run["eval_acc1es"].values())[-1] / 100  # what NASLib takes for both
    value = {split: float(values(bench, "cifar100", f"{split}_accuracy", [CELL])[0]) for split in ("val", "test")}
    assert value["test"] == pytest.approx(last)
    assert value["val"] == pytest.approx(run["eval_acc1es"]["x-valid@199"] / 100)
    assert value["val"] != value["test"]


def test_costs_count_the_first_epoch(tables):
    for table in tables.values():
        cost = [float(values(table, "cifar10", "cost_s", [CELL], epoch=epoch)[0]) for epoch in (1, 2, 200)]
        assert cost == pytest.approx([10.446996112664541 * n for n in (1, 2, 200)])


def test_a_run_that_hpobench_copied_from_another_seed_was_not_recorded(tables):
    table = tables["hpobench"]
    assert np.isnan(values(table, "cifar10", "val_accuracy", [OTHER], seed=999, missing="nan")).all()
    assert not np.isnan(values(table, "cifar10", "val_accuracy", [OTHER], seed=777)).any()
    assert any(note == "3 runs that HPOBench copied from other seeds are left out" for note in table.about["notes"])


def test_sizes_that_hpobench_leaves_out_follow_from_the_operations(tables):
    # App. E of the release's records, in millions: 0.802426 parameters, 113.95137 multiply-adds
    table = tables["hpobench"]
    assert float(values(table, "cifar10", "params_m", [OTHER])[0]) == pytest.approx(0.802426)
    assert float(values(table, "cifar10", "flops_m", [OTHER])[0]) == pytest.approx(113.95137)


def test_what_naslib_s_users_print_of_a_cell_is_where_the_importer_puts_it(tmp_path, cifar10):
    # the last of each list of `nb201_cifar10_full_training.pickle`, as the exercises of the University of Freiburg's
    # course on automated deep learning check it (tests of its benchmark_api): 201 evaluations of this cell
    run = official_run(np.random.default_rng(1), "cifar10-valid")
    theirs = naslib(run)
    theirs["train_acc1es"][-1] = 92.54400001708984
    theirs["eval_acc1es"][-5:] = [83.52800001220703, 83.54000001464844, 83.6040000048828, 83.56000000732422, 83.68]
    path = tmp_path / "nb201_cifar10_full_training.pickle"
    path.write_bytes(pickle.dumps({CELL: {"cifar10-valid": theirs}}))
    table = import_table([path], tmp_path / "t.h5")
    # 83.56 at the last epoch is what an independent copy of the release has for seed 888 of this cell
    assert float(values(table, "cifar10", "val_accuracy", [CELL], seed=888)[0]) == pytest.approx(0.8356, abs=1e-9)
    assert cifar10.query(CELL, seed=888).value == pytest.approx(0.8356, abs=1e-9)
    assert float(values(table, "cifar10", "test_accuracy", [CELL], seed=888)[0]) == pytest.approx(0.8368, abs=1e-9)
    assert float(values(table, "cifar10", "train_accuracy", [CELL], seed=888)[0]) == pytest.approx(0.92544, abs=1e-9)
    # and 10.447 seconds are those of one epoch
    assert float(values(table, "cifar10", "cost_s", [CELL])[0]) == pytest.approx(cifar10.query(CELL).cost_s)


# ---- genuine runs ----


@pytest.mark.shared
def test_genuine_runs_come_back_from_both_copies_as_the_release_has_them(shared_data, tmp_path):
    source = shared_data / "natsbench" / "NATS-tss-v1_0-3ffb9-simple"
    genuine = {}
    for name in ("000000", "000011"):
        data = bz2.decompress((source / f"{name}.pickle.pbz2").read_bytes())
        record = read_plain_pickle(io.BytesIO(data), name, PLAIN)["200"]
        for (training, seed), run in record["all_results"].items():
            if training in OURS:
                genuine[training, seed, record["arch_str"]] = run
    assert len(genuine) == 2 * 3 * 3
    official = import_table([source], tmp_path / "official.h5")
    for kind, write in (("naslib_nasbench201", write_naslib), ("hpobench", write_hpobench)):
        table = import_table([write(genuine, tmp_path / kind)], tmp_path / f"{kind}.h5")
        seeds = (888,) if kind == "naslib_nasbench201" else (777, 888, 999)
        for dataset in OURS.values():
            for name, metric in table.metrics(dataset).items():
                assert metric.epochs == official.metrics(dataset)[name].epochs
                for seed in seeds if metric.seeds else (None,):
                    for epoch in metric.epochs[-2:] or (None,):
                        found, right = (
                            values(one, dataset, name, [0, 11], epoch=epoch, seed=seed)
                            if one.metrics(dataset)[name].seeds
                            else values(one, dataset, name, [0, 11], epoch=epoch)
                            for one in (table, official)
                        )
                        np.testing.assert_allclose(found, right, rtol=1e-9, err_msg=f"{kind} {dataset} {name}")


# ---- what is wrong ----


def changed_naslib(release, tmp_path, change):
    cells = {CELL: {"cifar10-valid": naslib(release["cifar10-valid", 888, CELL])}}
    change(cells)
    path = tmp_path / "nb201_cifar10_full_training.pickle"
    path.write_bytes(pickle.dumps(cells))
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda c: c[CELL]["cifar10-valid"]["eval_acc1es"].pop(),
            "eval_acc1es is no list of 201 values, as NASLib keeps",
        ),
        (lambda c: c[CELL]["cifar10-valid"].pop("cost_info"), "is not as NASLib keeps it (KeyError('cost_info'))"),
        (
            lambda c: c[CELL].update(ninapro={}),
            "'ninapro': unknown data set; choose from cifar10-valid, cifar10, cifar100",
        ),
        (lambda c: c.update({"|conv~0|+|": c.pop(CELL)}), "'|conv~0|+|', cifar10-valid of seed 888: '|conv~0|+|' is"),
        (lambda c: c.clear(), "nb201_cifar10_full_training.pickle holds no cells; a dictionary from architecture"),
        (
            lambda c: c[CELL]["cifar10-valid"]["train_acc1es"].__setitem__(3, "x"),
            "has the value 'x'; a number expected",
        ),
    ],
)
def test_a_pickle_that_is_none_of_naslib_s_is_one_line(release, tmp_path, change, message):
    path = changed_naslib(release, tmp_path, change)
    with pytest.raises(ImportDataError, match=re.escape(message)) as caught:
        import_table([path], tmp_path / "t.h5", kind="naslib_nasbench201")
    assert "\n" not in str(caught.value)


def test_a_hostile_pickle_runs_nothing(tmp_path):
    path = tmp_path / "nb201_cifar10_full_training.pickle"
    path.write_bytes(b"\x80\x04c" + b"os\nabort\n)R.")
    with pytest.raises(ImportDataError, match=r"names os\.abort|os\.abort"):
        import_table([path], tmp_path / "t.h5", kind="naslib_nasbench201")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"is no readable JSON: '' where '\{' is expected"),
        ("[]", r"is no readable JSON: '\[\]' where '\{' is expected"),
        ('{"777": {"CELL": {}}}', "has no train_acc1es, or no dictionary of it, as HPOBench keeps them"),
        ('{"777": {"CELL": 3}}', "has no train_acc1es"),
        ('{"x": {"CELL": RUN}}', "seed 'x', .* a number expected as seed"),
        ('{"777": {"|conv~0|": RUN}}', "is not of the form 'official', like"),
        ('{"777": {"CELL": RUN}', "is no readable JSON: '' where ',' is expected"),
        ('{"777": {"CELL": RUN}} x', "is no readable JSON: 'x' where its end is expected"),
        ('{"777": {CELL: RUN}}', "where a name in quotes is expected"),
        ('{"777": {"CELL": [1, 2}}', "is no readable JSON"),
        ('{"777": {"CELL": ' + "[" * 50_000, "is nested too deeply|is no readable JSON"),
        ("\xff", "is no readable JSON: text in UTF-8 expected"),
    ],
)
def test_a_file_that_is_none_of_hpobench_s_is_one_line(release, tmp_path, text, message):
    run = json.dumps(hpobench(release["cifar10-valid", 777, CELL]))
    path = tmp_path / "NAS-Bench-201-v1_1-096897_cifar10-valid.json"
    path.write_bytes(text.replace("CELL", CELL).replace("RUN", run).encode("latin-1"))
    with pytest.raises(ImportDataError, match=message) as caught:
        import_table([path], tmp_path / "t.h5", kind="hpobench")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_named_after_its_data_set_says_how_it_should_be(release, tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"777": {CELL: hpobench(release["cifar10-valid", 777, CELL])}}))
    with pytest.raises(
        ImportDataError, match="name the file after one of cifar10-valid, cifar100, ImageNet16-120, like NAS-"
    ):
        import_table([path], tmp_path / "t.h5")


# ---- streams of JSON ----


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1 << 20])
def test_a_stream_gives_what_json_gives_however_it_is_cut(size, monkeypatch):
    monkeypatch.setattr("nasbench_kit.formats.json_stream._CHUNK", size)
    data = {"a": {"x": 12, 'y\\"é': [1, {"b": None}]}, "empty": {}, "c": {"z": -1.5e-3, "t": True, "n": "ü"}}
    flat = {(outer, inner): value for outer, of in data.items() for inner, value in of.items()}
    for text in (json.dumps(data), json.dumps(data, indent=1, ensure_ascii=False), f" {json.dumps(data)}\n"):
        assert dict(nested_items(io.BytesIO(text.encode()), "f", 2)) == flat
        assert dict(nested_items(io.BytesIO(text.encode()), "f", 1)) == {(key,): value for key, value in data.items()}


def test_an_item_larger_than_any_release_has_is_refused_without_being_held(monkeypatch):
    monkeypatch.setattr("nasbench_kit.formats.json_stream._MOST", 1_000)
    monkeypatch.setattr("nasbench_kit.formats.json_stream._CHUNK", 100)
    stream = io.BytesIO(b'{"a": "' + b"x" * 10_000)
    with pytest.raises(ImportDataError, match=r"f has an item of more than 1,000 characters, or is damaged"):
        list(nested_items(stream, "f", 1))
    assert stream.tell() < 1_500

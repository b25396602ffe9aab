"""The results of NAS-Bench-301 themselves are not here: the files of these tests are generated in the layout of the
one real record that PyPI's nasbench301 0.3 ships (surrogate_models/test/results_fidelity_0/results_0.json)."""

import json

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.errors import ImportDataError
from nasbench_kit.importers import guess_kind, import_table
from nasbench_kit.spaces import DARTSSpace

SPACE = DARTSSpace()
ARCHS = list(map(tuple, SPACE.sample_many(np.random.default_rng(0), 12).tolist()))


def record(arch, *, val=93.21, test=92.8, epochs=98, runtime=4_900.0, curves=False, **info):
    """A result in the official layout."""
    given = {
        "train_loss": 0.7,
        "train_accuracy": 85.26513671875,
        "train_cross_entropy": 0.91,
        "val_accuracy": val,
        "val_cross_entropy": 0.24,
        "epochs": epochs,
        "model_parameters": 1_234_567,
        "learning_rate": 1e-8,
        "train_datapoints": 40_000,
        "val_datapoints": 10_000,
        "dataset_path": "datasets/CIFAR10.csv",
        "dataset_id": 0,
        "val_accuracy_final": val,
    }
    made = {
        "final_metric_score": -val,
        "optimized_hyperparamater_config": SPACE.configuration(arch, training=True),
        "budget": 100,
        "info": [given | info],
        "test_accuracy": test,
        "runtime": runtime,
    }
    if curves:
        made["learning_curves"] = {
            "Train/val_accuracy": [*np.round(np.linspace(30, val, epochs), 2).tolist()],
            "Train/train_cross_entropy": np.linspace(2, 0.91, epochs).tolist(),
        }
        made["created_by_optimizer"] = "rs"
    return made


@pytest.fixture
def release(tmp_path):
    """Five runs: two by random search, three by evolution, which trained one architecture of random search again."""

    def make(**changes):
        files = {
            "rs/results_0": record(ARCHS[0]),
            "rs/results_1": record(ARCHS[1], val=90.5, runtime=3_000),
            "re/results_0": record(ARCHS[2], val=94.01),
            "re/results_1": record(ARCHS[0], val=93.4, test=93.0, runtime=5_000),
            "re/results_2_ti": record(ARCHS[3], val=88.88),
        } | changes
        for name, content in files.items():
            path = tmp_path / "nb_301" / f"{name}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        return tmp_path / "nb_301"

    return make


def test_results_become_a_table(release, tmp_path):
    folder = release()
    seen = []
    assert guess_kind([folder]) == "nasbench301"
    assert guess_kind([folder / "rs" / "results_0.json"]) == "nasbench301"
    table = import_table([folder], tmp_path / "t.h5", progress=lambda *done: seen.append(done))
    assert seen[0] == (0, 5)
    assert seen[-1] == (5, 5)
    assert table.n_archs == 4
    assert table.datasets == ("cifar10",)
    assert table.name == "nasbench301"
    bench = nbk.Benchmark(table, "cifar10")
    assert bench.query(ARCHS[1])[:3] == (98, 0.905, 3_000.0)
    # two runs of one architecture: in the order of the paths, so evolution's is the first
    runs = [bench.query(ARCHS[0], seed=seed) for seed in (0, 1)]
    assert [(run.val_accuracy, run.cost_s) for run in runs] == [(0.934, 5_000.0), (0.9321, 4_900.0)]
    assert bench.query(ARCHS[0]).seeds == (0, 1)
    assert bench.query(ARCHS[2]).seeds == (0,)
    values = {name: table.column("cifar10", name).metric for name in table.metrics("cifar10")}
    assert values["val_accuracy"].epochs == (98,)
    assert values["test_accuracy"].split == "test"
    assert values["optimizer"].categories == ("re", "rs")
    assert values["optimizer"].direction is None
    assert {"train_accuracy", "train_loss", "val_loss", "params_m"} < set(values)
    genotype = SPACE.genotype(ARCHS[1])
    assert bench.query(genotype) == bench.query(SPACE.configuration(ARCHS[1])) == bench.query(ARCHS[1])
    assert bench.values("val_accuracy", SPACE.vector(ARCHS[1:3])).tolist() == [0.905, 0.9401]
    table.verify()


def _value(table, name, arch, seed, epoch):
    import h5py

    column = table.column(table.datasets[0], name)
    with h5py.File(table.path) as file:
        raw = file[f"{table.datasets[0]}/{name}"][()]
    del column
    return raw[seed, epoch, table.row(arch)].item()


def test_every_field_lands_where_its_name_says(release, tmp_path):
    table = import_table([release()], tmp_path / "t.h5")
    row = ARCHS[1]
    assert _value(table, "val_accuracy", row, 0, 0) == 9_050  # of 10,000 images
    assert _value(table, "test_accuracy", row, 0, 0) == 9_280
    assert _value(table, "train_accuracy", row, 0, 0) == 85.26513671875
    assert _value(table, "train_loss", row, 0, 0) == pytest.approx(0.91)
    assert _value(table, "val_loss", row, 0, 0) == pytest.approx(0.24)
    assert _value(table, "params_m", row, 0, 0) == 1.234567
    assert _value(table, "optimizer", row, 0, 0) == 1
    assert _value(table, "val_accuracy", row, 1, 0) == 65_535  # trained once


def test_official_split_lists_are_matched_by_the_end_of_their_paths(release, tmp_path):
    folder = release()
    authors = "/home/siemsj/projects/nasbench_201_2/analysis/nb_301_v12/"
    lists = {
        "train": ["re/results_0", "rs/results_0"],
        "val": ["rs/results_1"],
        "test": ["re/results_1", "re/results_9"],
    }
    split = tmp_path / "default_split"
    split.mkdir()
    for part, names in lists.items():
        (split / f"{part}_paths.json").write_text(json.dumps([f"{authors}{name}.json" for name in names]))
    table = import_table([folder, split], tmp_path / "t.h5")
    metric = table.metrics("cifar10")["split[default]"]
    assert metric.categories == ("train", "val", "test")
    assert metric.seeds == (0, 1)
    codes = {i: [_value(table, "split[default]", ARCHS[i], seed, 0) for seed in (0, 1)] for i in range(4)}
    assert codes == {0: [2, 0], 1: [1, 255], 2: [0, 255], 3: [255, 255]}
    (split / "val_paths.json").write_text(json.dumps([f"{authors}re/results_0.json"]))
    with pytest.raises(ImportDataError, match=r"lists 're/results_0.json', which is in another part"):
        import_table([folder, split], tmp_path / "t.h5")
    (split / "val_paths.json").write_text('{"a": 1}')
    with pytest.raises(ImportDataError, match="is no list of paths for train, val or test"):
        import_table([folder, split], tmp_path / "t.h5")


def test_learning_curves_give_every_epoch(release, tmp_path):
    full = {f"rs/results_{i}": record(ARCHS[i], epochs=10, runtime=1_000, curves=True) for i in (0, 1)}
    folder = release(**full, **{f"re/results_{i}": record(ARCHS[4 + i], epochs=10, curves=True) for i in (0, 1)})
    (folder / "re" / "results_2_ti.json").unlink()
    table = import_table([folder], tmp_path / "t.h5")
    bench = nbk.Benchmark(table, "cifar10")
    assert bench.objective_metric.epochs == tuple(range(1, 11))
    assert bench.query(ARCHS[0], epoch=1)[:3] == (1, 0.3, 100.0)
    assert bench.query(ARCHS[0], epoch=10)[:3] == (10, 0.9321, 1_000.0)
    assert table.metrics("cifar10")["test_accuracy"].epochs == (10,)
    assert table.metrics("cifar10")["val_loss"].epochs == (10,)  # no curve of it in the file


def test_of_architectures_with_very_many_runs_a_few_curves_are_kept_and_every_end(release, tmp_path, monkeypatch):
    monkeypatch.setattr("nasbench_kit.importers.nasbench301._MOST_VALUES", 100)
    many = {f"de/results_{i}": record(ARCHS[0], epochs=10, val=80.0 + i, curves=True) for i in range(6)}
    others = {f"rs/results_{i}": record(ARCHS[1 + i], epochs=10, curves=True) for i in range(2)}
    others |= {f"re/results_{i}": record(ARCHS[4 + i], epochs=10, curves=True) for i in range(2)}
    folder = release(**many, **others)
    (folder / "re" / "results_2_ti.json").unlink()
    bench = nbk.Benchmark(import_table([folder], tmp_path / "t.h5"), "cifar10")
    metrics = bench.results.metrics("cifar10")
    assert metrics["val_accuracy"].seeds == metrics["cost_s"].seeds == (0, 1, 2)
    assert metrics["val_accuracy"].epochs == tuple(range(1, 11))
    assert metrics["val_accuracy[runs]"].seeds == tuple(range(6))
    assert metrics["val_accuracy[runs]"].epochs == (10,)
    ends = [bench.values("val_accuracy[runs]", [ARCHS[0]], seed=seed)[0] for seed in range(6)]
    assert ends == pytest.approx([0.8, 0.81, 0.82, 0.83, 0.84, 0.85])
    assert bench.query(ARCHS[0], epoch=1).val_accuracy == pytest.approx(0.3)


def test_other_budgets_become_other_epochs(release, tmp_path):
    table = import_table([release(**{"rs/results_5": record(ARCHS[1], val=80, epochs=50)})], tmp_path / "t.h5")
    bench = nbk.Benchmark(table, "cifar10")
    assert bench.query(ARCHS[1], epoch=50).val_accuracy == 0.8
    assert bench.query(ARCHS[1]).val_accuracy == 0.905


def test_accuracies_that_are_no_counts_are_kept_as_they_are(release, tmp_path):
    table = import_table([release(**{"rs/results_5": record(ARCHS[5], val=80.12345678)})], tmp_path / "t.h5")
    assert nbk.Benchmark(table, "cifar10").query(ARCHS[5]).val_accuracy == pytest.approx(0.8012345678, abs=1e-15)


def changed(**changes):
    return record(ARCHS[6]) | changes


def info(**changes):
    return changed(info=[record(ARCHS[6])["info"][0] | changes])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (json.dumps(record(ARCHS[6]))[:-9], "no readable JSON"),
        ("[" * 100_000, "no readable JSON"),
        (record(ARCHS[6], runtime=float("inf")), "'runtime' is inf, where a smaller number is expected"),
        (record(ARCHS[6], model_parameters=10**400), "'model_parameters' is 10+, where a smaller number"),
        ("[]", "no 'optimized_hyperparamater_config'"),
        (changed(optimized_hyperparamater_config={"a": 1}), "edge_normal_0, from input 0 to node 2, is absent"),
        (changed(info=[]), "no 'info'"),
        (changed(info={"val_accuracy": 3}), "no 'info'"),
        (info(epochs=0), "epochs=0 in 'info', where a number from 1"),
        (info(epochs=None), "epochs=None"),
        (info(val_accuracy="high"), "'val_accuracy' is 'high', where a number is expected"),
        (info(val_accuracy=193.2), "val_accuracy is no percentage"),
        (info(val_datapoints=-1), "val_datapoints=-1"),
        (changed(runtime=None), "'runtime' is None, where a number"),
        (changed(runtime=-3), "runtime=-3.0, where seconds"),
        (changed(test_accuracy=True), "'test_accuracy' is True"),
        (
            changed(learning_curves={"Train/val_accuracy": [1.0, 2.0]}),
            "learning curve of val_accuracy has 2 values for 98",
        ),
        (changed(learning_curves={"Train/val_accuracy": ["x"] * 98}), "0 is 'x', where a number"),
        (info(dataset_path="datasets/CIFAR100.csv"), "is of 8 cells of 32 channels on cifar100.* import them apart"),
        (
            changed(
                optimized_hyperparamater_config=SPACE.configuration(ARCHS[6], training=True)
                | {"NetworkSelectorDatasetInfo:darts:layers": 20}
            ),
            "is of 20 cells of 32 channels",
        ),
    ],
)
def test_wrong_files_are_named_in_one_line(release, tmp_path, content, message):
    folder = release(**{"rs/results_77": content})
    with pytest.raises(ImportDataError, match=f"results_77.*{message}") as error:
        import_table([folder], tmp_path / "t.h5", kind="nasbench301")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "t.h5").exists()


def test_it_does_not_recognize_other_files(tmp_path):
    (tmp_path / "results_1.json").write_text('{"a": 1}')
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    (tmp_path / "empty").mkdir()
    for path in (tmp_path, tmp_path / "results_1.json", tmp_path / "x.csv", tmp_path / "empty"):
        with pytest.raises(ImportDataError, match="looks like none of the releases"):
            guess_kind([path])
    with pytest.raises(ImportDataError, match=r"holds no file \*.json"):
        import_table([tmp_path / "empty"], tmp_path / "t.h5", kind="nasbench301")
    (tmp_path / "empty" / "a.json").write_text("{}")
    with pytest.raises(ImportDataError, match=r"holds no results_N.json; give NAS-Bench-301's folders"):
        import_table([tmp_path / "empty"], tmp_path / "t.h5", kind="nasbench301")

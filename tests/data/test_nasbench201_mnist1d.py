"""The embedded table `nasbench201_mnist1d`, against the counts it was made of and what was published with them."""

import hashlib
import json
import os
import subprocess
import sys

import make_nasbench201_mnist1d as maker
import numpy as np
import pytest
from click.testing import CliRunner
from scipy.stats import kendalltau, spearmanr

import nasbench_kit as nbk
from nasbench_kit.cli import main
from nasbench_kit.errors import TableError
from nasbench_kit.spaces import NASBench201Space

SPACE = NASBench201Space()
DATASETS = {"mnist1d": 36, "mnist1d-12": 12, "mnist1d-4": 4}
OF = {"train": 3_968, "val": 4_000, "test": 10_000}
SEEDS, PAIRS = (0, 1, 2), ((0, 1), (0, 2), (1, 2))
CELL = "333423"


@pytest.fixture(scope="module")
def bench():
    return nbk.load("nasbench201_mnist1d/mnist1d")


def runs(metric, *, dataset="mnist1d", epoch=None):
    """A metric of the cells that were trained: (n_cells, n_seeds)."""
    bench = nbk.load(f"nasbench201_mnist1d/{dataset}")
    archs = bench.results.archs()
    return np.stack([bench.values(metric, archs, seed=seed, epoch=epoch) for seed in SEEDS], axis=1)


@pytest.fixture(scope="module")
def val():
    return runs("val_accuracy")


@pytest.fixture(scope="module")
def test():
    return runs("test_accuracy")


def tau(a, b):
    return float(kendalltau(a, b)[0])


def tau_of_seeds(accuracy):
    return np.mean([tau(accuracy[:, a], accuracy[:, b]) for a, b in PAIRS])


# ---- what it holds ----


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_training_has_its_whole_curve(dataset):
    bench = nbk.load(f"nasbench201_mnist1d/{dataset}")
    epochs = tuple(range(1, DATASETS[dataset] + 1))
    for split, n in OF.items():
        metric = bench.metrics[f"{split}_accuracy"]
        assert (metric.split, metric.unit, metric.direction) == (split, "fraction", "max")
        assert (metric.seeds, metric.epochs) == (SEEDS, epochs)
        stored = bench.results.column(dataset, metric.name).spec()
        assert (stored.scale, stored.missing, stored.raw.dtype) == ((1, n), None, np.uint16)
        assert stored.raw.shape == (3, len(epochs), 6_466)
        assert stored.raw.max() <= n
    assert bench.objective_metric.name == "val_accuracy"
    assert (bench.metrics["cost_s"].seeds, bench.metrics["cost_s"].epochs) == ((), epochs)


def test_all_architectures_are_answered_by_the_row_of_their_class(bench):
    table = bench.results
    assert (table.n_archs, table.is_complete, table.keyed_by_identity) == (6_466, True, True)
    assert bench.search_space() is bench.space
    archs = bench.space.all_archs()
    found = bench.query_many(archs)
    assert len(found.val_accuracy) == 15_625
    assert not np.isnan(found.val_accuracy).any()
    identity = bench.space.identity(archs)
    _, first, member_of = np.unique(identity, return_index=True, return_inverse=True)
    for values in (found.val_accuracy, found.cost_s, bench.values("params_m", archs)):
        assert (values == values[first][member_of]).all()
    texts = bench.space.format_many(archs)
    assert [bench.query(text).val_accuracy for text in texts] == found.val_accuracy.tolist()
    assert (table.space.identity(table.archs())[table.rows(archs)] == identity).all()


def test_the_cell_that_stands_for_a_class_has_the_fewest_weights_of_it(bench):
    archs = bench.space.all_archs()
    weights = np.array([0, 0, 80, 208, 0])  # of an operation and its BN, 8 channels
    trained = bench.results.archs()[bench.results.rows(archs)]
    assert (bench.space.identity(trained) == bench.space.identity(archs)).all()
    assert (weights[trained].sum(axis=1) <= weights[archs].sum(axis=1)).all()
    parameters = (bench.values("params_m", archs) * 1e6).round()
    assert (parameters == 274 + 3 * weights[trained].sum(axis=1)).all()


def test_the_file_is_small_and_whole(bench):
    assert os.path.getsize(bench.results.path) <= 8_000_000
    bench.results.verify()


def test_a_query_needs_no_numpy():
    code = (
        "import sys, nasbench_kit as nbk\n"
        "b = nbk.load('nasbench201_mnist1d/mnist1d')\n"
        "print(b.query('333000', seed=1).val_accuracy, b.query((3, 3, 3, 4, 2, 3), epoch=1, seed=2))\n"
        "print('numpy' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.startswith("0.1 Evaluation(epoch=1, val_accuracy=")
    assert shown.endswith("\nFalse\n")


def test_costs_grow_by_the_same_seconds_with_every_epoch(bench):
    archs = bench.results.archs()
    of_an_epoch = bench.values("cost_s", archs, epoch=1)
    assert of_an_epoch.min() > 0.3
    for dataset, n_epochs in DATASETS.items():
        other = nbk.load(f"nasbench201_mnist1d/{dataset}")
        for epoch in range(1, n_epochs + 1):
            np.testing.assert_allclose(other.values("cost_s", archs, epoch=epoch), epoch * of_an_epoch, rtol=2e-7)
    seconds = bench.results.about["cost"]["seconds_per_epoch"]
    names = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
    counted = seconds["base"] + np.array([seconds.get(name, 0) for name in names])[archs].sum(axis=1)
    np.testing.assert_allclose(of_an_epoch, counted, rtol=2e-7)


@pytest.mark.parametrize("dataset", DATASETS)
def test_cells_that_compute_nothing_are_right_once_in_ten_after_every_epoch_of_every_seed(dataset):
    bench = nbk.load(f"nasbench201_mnist1d/{dataset}")
    nothing = bench.space.all_archs()[bench.space.outputs_zero(bench.space.all_archs())]
    assert len(nothing) == 341
    assert len(set(bench.results.rows(nothing).tolist())) == 5
    for seed in SEEDS:
        for epoch in range(1, DATASETS[dataset] + 1):
            for metric in ("val_accuracy", "test_accuracy"):
                assert (bench.values(metric, nothing, seed=seed, epoch=epoch) == 0.1).all()


def test_the_commands_work(tmp_path):
    def run(*arguments):
        done = CliRunner().invoke(main, list(map(str, arguments)))
        assert done.exit_code == 0, done.output
        return done.stdout

    assert "all 6,466 architectures, equal ones counted once" in run("info", "nasbench201_mnist1d")
    (answer,) = json.loads(run("query", "nasbench201_mnist1d/mnist1d", CELL, "--json"))
    assert answer["test_accuracy"] == pytest.approx(0.886167, abs=1e-6)
    paths = ["--study", tmp_path / "c.db", "--figure", tmp_path / "c.png"]
    few = ["--runs", "2", "--evaluations", "5", "--processes", "1", "-o", "random_search"]
    named = [word for dataset in DATASETS for word in ("-b", f"nasbench201_mnist1d/{dataset}")]
    rows = json.loads(run("compare", *named, *few, *paths, "--json"))
    assert [row["benchmark"] for row in rows] == named[1::2]


# ---- against what it was made of ----


@pytest.mark.shared
@pytest.mark.parametrize("dataset", DATASETS)
def test_every_count_is_that_of_the_training(shared_data, dataset):
    folder = shared_data / "nasbench201_mnist1d"
    cells = np.load(folder / "cells.npz")
    correct = np.load(folder / f"epochs{DATASETS[dataset]}.npz")["correct"]
    bench = nbk.load(f"nasbench201_mnist1d/{dataset}")
    rows = bench.results.rows(cells["cells"])
    assert sorted(rows.tolist()) == list(range(6_466))
    assert (bench.results.archs()[rows] == cells["cells"]).all()
    for i, (split, n) in enumerate(OF.items()):
        stored = bench.results.column(dataset, f"{split}_accuracy").spec()
        assert (stored.raw[..., rows] == correct[..., i].transpose(1, 2, 0)).all()
        every = bench.space.all_archs()
        for seed in SEEDS:
            found = bench.values(f"{split}_accuracy", every, seed=seed) * n
            assert (found.round() == correct[cells["row_of_rank"], seed, -1, i]).all()
    for metric, known in (("params_m", "parameters"), ("flops_m", "multiply_adds")):
        assert ((bench.values(metric, cells["cells"]) * 1e6).round() == cells[known]).all()
    assert (bench.values("cost_s", cells["cells"], epoch=1) == cells["epoch_seconds"]).all()


@pytest.mark.shared
def test_the_script_makes_the_table_that_ships(shared_data, bench, tmp_path):
    folder = shared_data / "nasbench201_mnist1d"
    made = [maker.make_table(folder, tmp_path / name) for name in ("one.h5", "two.h5")]
    one, two = ((tmp_path / name).read_bytes() for name in ("one.h5", "two.h5"))
    assert one == two
    assert {table.sha256 for table in made} == {bench.results.sha256}
    sources = bench.results.about["sources"]
    assert len(sources) == 4
    for source in sources:
        assert hashlib.sha256((folder / source["file"]).read_bytes()).hexdigest() == source["sha256"]


def test_a_folder_without_the_counts_is_one_line(tmp_path, monkeypatch):
    with pytest.raises(TableError, match=r"cannot read .*cells\.npz': No such file or directory"):
        maker.make_table(tmp_path, tmp_path / "t.h5")
    (tmp_path / "cells.npz").write_bytes(b"nothing")
    with pytest.raises(TableError, match=r"cannot read .*cells\.npz': "):
        maker.make_table(tmp_path, tmp_path / "t.h5")
    monkeypatch.setattr(sys, "argv", ["make", str(tmp_path), "--out", str(tmp_path / "t.h5")])
    with pytest.raises(SystemExit, match=r"error: cannot read .*cells\.npz'"):
        maker.main()


def test_counts_of_other_cells_are_refused(tmp_path):
    np.savez(tmp_path / "cells.npz", cells=np.array([[3] * 6], np.uint8), identity=np.array([1]))
    with pytest.raises(TableError, match="the classes of its cells are not those of nasbench201"):
        maker.make_table(tmp_path, tmp_path / "t.h5")


# ---- what was published with the counts, computed there by other code ----


def test_how_good_the_cells_are(val, test):
    shares = [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1]
    assert np.quantile(val.mean(1), shares).round(3).tolist() == [0.1, 0.471, 0.781, 0.824, 0.859, 0.874, 0.891]
    assert np.quantile(test.mean(1), shares).round(3).tolist() == [0.1, 0.466, 0.783, 0.825, 0.858, 0.873, 0.888]


def test_which_cells_are_the_best(bench):
    by_val, by_test = bench.best(), bench.best("test_accuracy")
    assert [SPACE.format(best.arch, "digits") for best in (by_val, by_test)] == ["333423", "333433"]
    assert (by_val.value, by_test.value) == (pytest.approx(0.8914, abs=5e-5), pytest.approx(0.8884, abs=5e-5))
    assert bench.values("test_accuracy", [by_val.arch])[0] == pytest.approx(0.8862, abs=5e-5)


def test_how_far_seeds_lie_apart(val):
    deviation = val.std(axis=1, ddof=1)
    best_tenth = val.mean(1).argsort()[-646:]
    assert np.median(deviation) == pytest.approx(0.0063, abs=5e-5)
    assert np.sqrt((deviation[best_tenth] ** 2).mean()) == pytest.approx(0.005, abs=0.0005)


def test_how_well_seeds_agree_on_the_order(val):
    assert tau_of_seeds(val) == pytest.approx(0.858, abs=0.001)
    assert tau_of_seeds(val[val.mean(1).argsort()[len(val) // 2 :]]) == pytest.approx(0.667, abs=0.001)
    for dataset, published in (("mnist1d-12", 0.765), ("mnist1d-4", 0.522)):
        assert tau_of_seeds(runs("val_accuracy", dataset=dataset)) == pytest.approx(published, abs=0.001)


def test_how_well_validation_tells_test(val, test):
    assert tau(val.mean(1), test.mean(1)) == pytest.approx(0.959, abs=0.0006)
    assert spearmanr(val.mean(1), test.mean(1))[0] == pytest.approx(0.997, abs=0.0006)


def early(accuracy, final):
    """Tau with the end: of one seed with the mean of the other seeds, and of the mean with the mean."""
    single = [tau(accuracy[:, seed], np.delete(final, seed, axis=1).mean(1)) for seed in SEEDS]
    return np.mean(single), tau(accuracy.mean(1), final.mean(1))


@pytest.mark.parametrize(
    ("epoch", "single", "mean"), [(1, 0.09, 0.15), (4, 0.51, 0.65), (18, 0.59, 0.69), (30, 0.85, 0.93)]
)
def test_what_an_early_epoch_tells(val, epoch, single, mean):
    found = early(runs("val_accuracy", epoch=epoch), val)
    assert found == (pytest.approx(single, abs=0.006), pytest.approx(mean, abs=0.006))


@pytest.mark.parametrize(("dataset", "single", "mean"), [("mnist1d-4", 0.61, 0.73), ("mnist1d-12", 0.80, 0.86)])
def test_what_a_short_schedule_tells(val, dataset, single, mean):
    found = early(runs("val_accuracy", dataset=dataset), val)
    assert found == (pytest.approx(single, abs=0.006), pytest.approx(mean, abs=0.006))


@pytest.mark.parametrize(
    ("dataset", "spearman", "kendall"),
    [("cifar10", 0.749, 0.556), ("cifar100", 0.760, 0.568), ("imagenet16-120", 0.700, 0.517)],
)
def test_how_alike_the_order_on_images_is(bench, val, dataset, spearman, kendall):
    images = nbk.load(f"nasbench201/{dataset}").query_many(bench.results.archs()).val_accuracy
    assert spearmanr(val.mean(1), images)[0] == pytest.approx(spearman, abs=0.001)
    assert tau(val.mean(1), images) == pytest.approx(kendall, abs=0.001)


# ---- what the datasheet adds, from the table alone ----


def test_in_the_best_tenth_seeds_agree_little(val):
    """Chosen by the mean of the runs that are compared, or by the third run, which does not bend the comparison."""
    by_mean = val[val.mean(1).argsort(kind="stable")[-646:]]
    by_third = [
        tau(*(val[val[:, 3 - a - b].argsort(kind="stable")[-646:]][:, seed] for seed in (a, b))) for a, b in PAIRS
    ]
    assert tau_of_seeds(by_mean) == pytest.approx(0.153, abs=0.001)
    assert np.mean(by_third) == pytest.approx(0.384, abs=0.003)

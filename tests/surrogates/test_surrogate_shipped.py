"""The surrogates that ship: whole, described, small, and as good as they say on what they never learned from.

Golden values are what was measured, from the official releases, not what any surrogate says.
"""

import csv
import gzip
import json
import re
from pathlib import Path

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.benchmark import Benchmark
from nasbench_kit.predictors.agreement import kendall_tau, r2
from nasbench_kit.predictors.splits import held_out
from nasbench_kit.spaces import NASBench101Space
from nasbench_kit.surrogates import Surrogate

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = sorted(path.parent for path in (ROOT / "surrogates").glob("*/card.json"))
NAMES = [folder.name for folder in FOLDERS]
MOST_BYTES = 25_000_000  # of all together
SUFFIXES = {".json", ".safetensors", ".md", ".py"}  # none of which can hold a pickle
TEST_SHARE = 0.2


@pytest.fixture(scope="module", params=FOLDERS, ids=NAMES)
def shipped(request):
    return Surrogate.open(request.param)


def surrogate(name):
    return Surrogate.open(ROOT / "surrogates" / name)


# ---- all of them ----


def test_its_files_are_those_that_were_fitted_and_no_others(shipped):
    shipped.verify()
    there = {path.relative_to(shipped.path).as_posix() for path in Path(shipped.path).rglob("*") if path.is_file()}
    assert there == {"card.json", *shipped.card.files}


def test_its_folder_has_its_name(shipped):
    assert Path(shipped.path).name == shipped.name


def test_it_says_what_it_is_and_what_it_is_not(shipped):
    about = shipped.about
    assert about["title"]
    assert about["citation"]
    assert re.search(r"MIT|Apache|BSD", about["licence"])
    said = [*about.get("limits", ()), *about.get("notes", ())]
    assert said
    assert all(isinstance(sentence, str) and len(sentence) > 20 for sentence in said)


def test_it_names_its_sources_with_their_hashes(shipped):
    sources = shipped.about["sources"]
    assert sources
    assert [source for source in sources if not re.fullmatch(r"[0-9a-f]{64}", source.get("sha256", ""))] == []


def test_it_says_how_it_was_fitted(shipped):
    fitted = shipped.card.fitted
    assert re.match(r"(python|nasbench-kit) ", fitted["command"])
    assert fitted["versions"]
    text = json.dumps(shipped.card.to_json())
    assert not re.search(r'"(/tmp|/home|/root|/work)/', text)


def test_it_says_how_good_it_is_in_numbers(shipped):
    numbers = re.findall(r'"(?:kendall_tau|r2|mae|tau)[^"]*": (-?\d\S*?)[,}]', json.dumps(shipped.card.quality))
    assert len(numbers) >= 3


def test_its_card_is_json_to_every_reader(shipped):
    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    json.loads((Path(shipped.path) / "card.json").read_text(encoding="utf-8"), parse_constant=refuse)


def test_it_answers_for_every_dataset_after_every_epoch(shipped):
    archs = shipped.space.sample_many(np.random.default_rng(0), 50)
    for dataset in shipped.datasets:
        bench = Benchmark(shipped, dataset)
        for epoch in bench.objective_metric.epochs:
            found = bench.query_many(archs, epoch=epoch)
            assert ((found[1] >= 0) & (found[1] <= 1)).all()
            assert (found.cost_s > 0).all()


def test_its_benchmarks_are_in_the_catalog(shipped):  # and so conform: tests/benchmark tests all that are
    assert {f"{shipped.name}/{dataset}" for dataset in shipped.datasets} <= set(nbk.list_benchmarks())
    assert all(nbk.load(f"{shipped.name}/{dataset}").results.sha256 == shipped.sha256 for dataset in shipped.datasets)


def test_training_longer_costs_more(shipped):
    archs = shipped.space.sample_many(np.random.default_rng(1), 200)
    for dataset in shipped.datasets:
        bench = Benchmark(shipped, dataset)
        costs = np.stack([bench.query_many(archs, epoch=epoch).cost_s for epoch in bench.objective_metric.epochs])
        assert (np.diff(costs, axis=0) > 0).all()


def test_it_has_a_spread_and_draws_that_differ(shipped):
    archs = shipped.space.sample_many(np.random.default_rng(2), 100)
    for dataset in shipped.datasets:
        prediction = shipped.predict(dataset, archs)
        assert (prediction.spread > 0).mean() > 0.9
        bench = Benchmark(shipped, dataset)
        one, other = (bench.query_many(archs, rng=np.random.default_rng(seed))[1] for seed in (0, 1))
        assert (one != other).mean() > 0.9


def test_all_together_are_small_and_no_file_can_be_a_pickle():
    files = [path for path in (ROOT / "surrogates").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in files) <= MOST_BYTES
    assert {path.suffix for path in files} <= SUFFIXES


# ---- NAS-Bench-201 ----

CELL_0 = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
CELL_284 = "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|none~0|nor_conv_1x1~1|none~2|"
CELL_11 = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|none~0|nor_conv_3x3~1|avg_pool_3x3~2|"
# Official records 0, 11 and 284 of NATS-Bench (its repository, fake_torch_dir), x-valid, in percent: of 12 epochs
# (CIFAR-10: mean of two runs), and the mean of the three runs of 200 epochs
RECORDED = {
    CELL_0: {"cifar10": (63.364, 81.983), "cifar100": (31.84, 52.70), "imagenet16-120": (18.467, 28.211)},
    CELL_11: {"cifar10": (63.278, 87.940), "cifar100": (33.64, 67.453), "imagenet16-120": (15.667, 30.411)},
    CELL_284: {"cifar10": (72.876, 86.046), "cifar100": (40.48, 61.68), "imagenet16-120": (22.2, 33.4)},
}


@pytest.fixture(scope="module")
def nasbench201_surrogate():
    return surrogate("nasbench201_surrogate")


@pytest.mark.parametrize("cell", RECORDED)
def test_nasbench201_is_near_what_was_recorded_of_three_cells(nasbench201_surrogate, cell):
    for dataset, recorded in RECORDED[cell].items():
        bench = Benchmark(nasbench201_surrogate, dataset)
        for epoch, value in zip((12, 200), recorded, strict=True):
            error = 100 * bench.query(cell, epoch=epoch).val_accuracy - value
            assert abs(error) < (8 if epoch == 12 else 3)  # single runs of 12 epochs scatter by some points


def test_nasbench201_knows_that_the_leader_after_12_epochs_is_overtaken(nasbench201_surrogate):
    bench = Benchmark(nasbench201_surrogate, "cifar100")
    early, late = ([bench.query(cell, epoch=epoch).val_accuracy for cell in (CELL_284, CELL_11)] for epoch in (12, 200))
    assert early[0] > early[1]
    assert late[0] < late[1]


def test_nasbench201_costs_what_the_release_says_for_most_held_out_cells(nasbench201_surrogate):
    bench = nbk.load("nasbench201/cifar10")
    archs = bench.space.all_archs()
    test = archs[held_out(bench.space, archs, TEST_SHARE)]
    recorded = bench.values("cost_s", test)
    # the release: all epochs of a cell take equally long; CIFAR-100 and ImageNet16-120 2 and 6.068 times as long
    for dataset, factor in (("cifar10", 1), ("cifar100", 2), ("imagenet16-120", 6.068)):
        for epoch in (12, 200):
            predicted = Benchmark(nasbench201_surrogate, dataset).query_many(test, epoch=epoch).cost_s
            error = np.abs(predicted / (recorded * factor * epoch / 200) - 1)
            assert np.median(error) < 0.05
            assert np.quantile(error, 0.9) < 0.35


def test_nasbench201_says_what_12_epochs_are(nasbench201_surrogate):
    (sentence,) = [limit for limit in nasbench201_surrogate.about["limits"] if "12 epochs means" in limit]
    assert "NOT the state after epoch 12" in sentence


@pytest.mark.parametrize("dataset", ["cifar10", "cifar100", "imagenet16-120"])
def test_nasbench201_is_better_than_the_goal_on_cells_that_were_held_out(nasbench201_surrogate, dataset):
    bench = nbk.load(f"nasbench201/{dataset}")
    archs = bench.space.all_archs()
    test = archs[held_out(bench.space, archs, TEST_SHARE)]
    true = bench.values("val_accuracy", test)
    predicted = nasbench201_surrogate.predict(dataset, test).mean
    tau = kendall_tau(true, predicted)
    assert tau >= 0.92
    assert tau == pytest.approx(
        nasbench201_surrogate.card.quality[dataset]["200"]["agreement"]["kendall_tau"], abs=1e-6
    )


@pytest.mark.parametrize(
    ("dataset", "chance"), [("cifar10", 0.09712), ("cifar100", 0.01), ("imagenet16-120", 0.25 / 30)]
)
def test_nasbench201_knows_what_cells_that_compute_nothing_reach(nasbench201_surrogate, dataset, chance):
    # recorded of all 341, after 12 epochs and after 200, in every run: the share of one class in x-valid
    bench = Benchmark(nasbench201_surrogate, dataset)
    archs = bench.space.all_archs()
    dead = bench.space.outputs_zero(archs)
    assert dead.sum() == 341
    for epoch in (12, 200):
        drawn = bench.query_many(archs[dead], epoch=epoch, rng=np.random.default_rng(0)).val_accuracy
        assert (np.abs(drawn - chance) < 1e-6).mean() > 0.98
        expected = bench.query_many(archs, epoch=epoch).val_accuracy
        assert expected[dead] == pytest.approx(np.full(341, chance), abs=0.002)
        assert nasbench201_surrogate.predict(dataset, archs[~dead], epoch=epoch).collapse.mean() < 0.001


@pytest.mark.shared
@pytest.mark.parametrize(
    ("dataset", "column"),
    [
        ("cifar10", "c10valid_xvalid_12ep_mean"),
        ("cifar100", "c100_xvalid_12ep"),
        ("imagenet16-120", "in16_xvalid_12ep"),
    ],
)
def test_nasbench201_is_as_good_after_12_epochs_as_its_card_says(shared_data, nasbench201_surrogate, dataset, column):
    with gzip.open(shared_data / "nasbench201" / "nb201_all.csv.gz", "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    archs = nasbench201_surrogate.space.parse_many([row["arch_str"] for row in rows])
    test = held_out(nasbench201_surrogate.space, archs, TEST_SHARE)
    true = np.array([float(row[column]) for row in rows])[test] / 100
    predicted = nasbench201_surrogate.predict(dataset, archs[test], epoch=12).mean
    said = nasbench201_surrogate.card.quality[dataset]["12"]["agreement"]
    assert kendall_tau(true, predicted) == pytest.approx(said["kendall_tau"], abs=1e-6)
    assert np.abs(true - predicted).mean() == pytest.approx(said["mae"], abs=1e-6)


# ---- NAS-Bench-101 ----


@pytest.mark.shared
def test_nasbench101_reaches_the_goals_on_cells_that_were_held_out(shared_data):
    found = surrogate("nasbench101")
    space = NASBench101Space()
    with gzip.open(shared_data / "nasbench101" / "nb101_subset_30k.csv.gz", "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    archs = np.array([_cell(space, row) for row in rows], np.uint8)
    test = held_out(space, archs, TEST_SHARE)
    true = np.array([float(row["valid_acc_108"]) for row in rows])[test]
    (dataset,) = found.datasets
    predicted = found.predict(dataset, archs[test], epoch=108)
    assert kendall_tau(true, predicted.mean) >= 0.865
    # runs above 85 % did not collapse; what the mean expects includes that they might have
    above = r2(true[true > 0.85], predicted.if_not_failed[true > 0.85])
    assert above >= 0.945
    said = found.card.quality[dataset]["108"]
    assert said["agreement"]["kendall_tau"] == pytest.approx(kendall_tau(true, predicted.mean), abs=1e-6)
    assert said["figures"]["r2_above"] == pytest.approx(above, abs=1e-6)


def _cell(space, row):
    n = int(row["num_vertices"])
    matrix = np.zeros((n, n), int)
    matrix[np.triu_indices(n, 1)] = [int(bit) for bit in row["upper_tri_bits_rowmajor"]]
    names = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
    return space.parse((matrix.tolist(), ["input", *(names[int(op)] for op in row["ops"]), "output"]))

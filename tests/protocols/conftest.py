"""Real results of NAS-Bench-201 after 12 and after 200 epochs, in the layout of the imported official file."""

import csv
import gzip

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.spaces import NASBench201Space
from nasbench_kit.tables import DatasetSpec, Metric, Stored

_VALIDATION_PASS = 0.35  # of the seconds per image of training: .35, .33 and .49 in three records of the official files
_IMAGES = {"cifar10": (25_000, 25_000), "cifar100": (50_000, 5_000), "imagenet16-120": (151_700, 3_000)}
_COLUMNS = {  # dataset -> validation after 12 epochs, of the runs of 200, test after 200
    "cifar10": ("c10valid_xvalid_12ep_mean", "c10valid_xvalid_200ep_run{}", "c10_test_200ep_mean_v1"),
    "cifar100": ("c100_xvalid_12ep", "c100_xvalid_200ep_run{}", "c100_xtest_200ep_s888"),
    "imagenet16-120": ("in16_xvalid_12ep", "in16_xvalid_200ep_run{}", "in16_xtest_200ep_s888"),
}


@pytest.fixture(scope="session")
def nasbench201_file(shared_data, tmp_path_factory):
    """A table of all cells: validation accuracy is the mean where the official file has two runs, seconds are those
    that the package ships, a validation pass is estimated, test accuracies of two datasets are those of one run.
    """
    with gzip.open(shared_data / "nasbench201" / "nb201_all.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    space = NASBench201Space()
    archs = space.parse_many([row["arch_str"] for row in rows])

    def column(name):
        return np.array([[[float(row[name] or "nan") / 100 for row in rows]]])

    datasets = {}
    for dataset, (after_12, runs, tested) in _COLUMNS.items():
        cost_s = nbk.load(f"nasbench201/{dataset}").values("cost_s", archs)[None, None]
        n_trained, n_validated = _IMAGES[dataset]
        test = "test_accuracy[trainval]" if dataset == "cifar10" else "test_accuracy"
        datasets[dataset] = DatasetSpec(
            [
                Stored(
                    Metric.from_name("val_accuracy", seeds=(0, 1, 2), epochs=(200,)),
                    np.concatenate([column(runs.format(run)) for run in range(3)]),
                ),
                Stored(Metric.from_name(test, epochs=(200,)), column(tested)),
                Stored(Metric.from_name("cost_s", epochs=(200,)), cost_s),
            ],
            "val_accuracy",
        )
        per_epoch_s = cost_s / 200
        datasets[f"{dataset}-hp12"] = DatasetSpec(
            [
                Stored(Metric.from_name("val_accuracy", epochs=(12,)), column(after_12)),
                Stored(Metric.from_name("cost_s", epochs=(12,)), 12 * per_epoch_s),
                Stored(Metric.from_name("val_cost_s"), _VALIDATION_PASS * per_epoch_s * n_validated / n_trained),
            ],
            "val_accuracy",
        )
    path = tmp_path_factory.mktemp("nasbench201") / "nasbench201.h5"
    nbk.Table.create(path, name="nasbench201", space=space, datasets=datasets, archs=archs)
    return path

"""What several adapters are tested on."""

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.tables import DatasetSpec, Stored


@pytest.fixture
def cell():
    """The best NAS-Bench-201 cell on CIFAR-10, as a configuration."""
    choices = ("nor_conv_3x3", "nor_conv_3x3", "nor_conv_3x3", "skip_connect", "nor_conv_3x3", "nor_conv_1x1")
    return dict(zip(("0->1", "0->2", "1->2", "0->3", "1->3", "2->3"), choices, strict=True))


@pytest.fixture(scope="session")
def curves():
    return nbk.load("nasbench201_mnist1d/mnist1d")


@pytest.fixture(scope="session")
def budgets():
    """Separate trainings at 4, 12, 36 and 108 epochs, in a space where few tuples are architectures."""
    return nbk.load("nasbench101/cifar10")


@pytest.fixture(scope="session")
def uncosted():
    """No epochs, no runs, no cost_s."""
    return nbk.load("nas_bench_graph/cora")


@pytest.fixture(scope="session")
def two_objectives():
    return nbk.load("nasbench201/cifar10", objectives=["val_accuracy", "params_m"], constraints=["flops_m<=100"])


@pytest.fixture(scope="session")
def failing(make_table, stored):
    """Two runs over three epochs of six architectures, of a loss; the training of the last one failed in both."""
    made = np.arange(36).reshape(2, 3, 6) / 10 + 1
    made[:, :, 5] = np.nan
    failed = np.zeros((2, 3, 6), "u1")
    failed[:, :, 5] = 1
    metrics = [
        stored("val_loss", made, seeds=(0, 1), epochs=(1, 2, 3)),
        stored("params_m", [1, 2, 3, 4, 5, 6]),
        stored("cost_s", np.arange(1, 4)[:, None] * np.full(6, 10.0), epochs=(1, 2, 3)),
        Stored(nbk.Metric("diverged", None, "failed", None, (0, 1), (1, 2, 3)), failed),
    ]
    table = make_table(datasets={"d": DatasetSpec(metrics, "val_loss", failed="diverged")}, objective="val_loss")
    return nbk.Benchmark(table, "d", constraints=["params_m<=4.5"])

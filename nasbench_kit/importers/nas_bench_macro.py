"""NAS-Bench-Macro from its file `nas-bench-macro_cifar10.json`.

The file holds, for each of 6,561 networks, the test accuracies (%) of three training runs on CIFAR-10, their mean and
standard deviation, parameters and FLOPs, which are multiply-adds. There is no validation split: the authors trained on
all 50,000 training images, so a search on this table sees test accuracy. It is that of each run's best epoch of 50,
chosen by test itself (`train/train.py`), and so a little above what a finished training has. Networks that are the
same by construction share their results.

What is known of the published file: the best network is 22212220 (93.13 %), the worst 00000000 (45.36 %), the mean of
all 90.25 %.

Source: https://github.com/xiusu/NAS-Bench-Macro, data; Su et al. 2021, https://arxiv.org/abs/2103.11922.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import ArchitectureError, ImportDataError
from nasbench_kit.importers.base import Content, Progress, each, read_json, recognizes_file
from nasbench_kit.importers.values import amount, exact
from nasbench_kit.spaces import NASBenchMacroSpace
from nasbench_kit.tables import DatasetSpec, Metric, Stored

SEEDS = (0, 1, 2)  # of the release's training code, in the order of the file
_FILE = "nas-bench-macro_cifar10.json"
_FIELDS = ("test_acc", "mean_acc", "std", "params", "flops")
_TOLERANCE = 0.001  # percentage points
_BEGIN = re.compile(rb'\s*\{\s*"[012]{8}"\s*:\s*\{[^{}]*"test_acc"')


def recognizes(path: Path, head: bytes) -> bool:
    """Whether it begins like the release's JSON, or is a folder with that one file in it."""
    if path.is_dir():
        return recognizes_file(path / _FILE, recognizes)
    return _BEGIN.match(head) is not None


def read(paths: Sequence[Path], progress: Progress) -> Content:
    """The results in `nas-bench-macro_cifar10.json`.

    Raises:
        ImportDataError: The file is damaged, or not what is known of it.
    """
    if len(paths) != 1:
        raise ImportDataError(f"{len(paths)} files given; NAS-Bench-Macro is one, {_FILE}")
    path = paths[0] / _FILE if paths[0].is_dir() else paths[0]
    name = path.name
    data = read_json(path)
    if not isinstance(data, dict) or not data:
        raise ImportDataError(f"{name} holds no networks; an object of eight digits and their results expected")
    space = NASBenchMacroSpace()
    archs, records = [], []
    for text, record in each(list(data.items()), progress):
        try:
            archs.append(space.parse(text))
        except ArchitectureError as error:
            raise ImportDataError(f"{name}: {error}") from None
        records.append(_numbers(record, f"{name}: network {text}"))
    values = np.array(records)
    percent = values[:, :3].T
    _check_summary(name, list(data), percent, values[:, 3], values[:, 4])
    metrics = (
        Stored(Metric.from_name("test_accuracy", SEEDS), exact(percent)[:, None, :], (1, 100)),
        Stored(Metric.from_name("params_m"), values[:, 5].reshape(1, 1, -1), (1, 1_000_000)),
        Stored(Metric.from_name("flops_m"), values[:, 6].reshape(1, 1, -1), (1, 1_000_000)),
    )
    about = {
        "title": "NAS-Bench-Macro: test accuracy on CIFAR-10, parameters, FLOPs; no validation split",
        "licence": "Apache-2.0 (NAS-Bench-Macro, Xiu Su)",
        "citation": "Su et al. 2021, https://arxiv.org/abs/2103.11922",
        "notes": ["test_accuracy is that of each run's best epoch of 50, chosen by test accuracy"],
    }
    datasets = {"cifar10": DatasetSpec(metrics, "test_accuracy")}
    return Content("nas_bench_macro", space, datasets, np.array(archs, np.uint8), about, [path])


def _numbers(record: Any, where: str) -> list[float]:
    """Three accuracies, their mean and deviation, parameters, FLOPs."""
    if not isinstance(record, Mapping) or set(_FIELDS) - set(record):
        raise ImportDataError(f"{where} lacks results; {', '.join(_FIELDS)} expected")
    runs = record["test_acc"]
    if not isinstance(runs, list) or len(runs) != 3:
        raise ImportDataError(f"{where} has test_acc={runs!r:.60}; a list of three expected")
    accuracies = [amount(run, f"{where}: test_acc") for run in runs]
    if max(accuracies) > 100:
        raise ImportDataError(f"{where} has a test accuracy of {max(accuracies):g} %; at most 100 expected")
    return accuracies + [amount(record[field], f"{where}: {field}") for field in _FIELDS[1:]]


def _check_summary(
    name: str,
    networks: Sequence[str],
    percent: NDArray[np.float64],
    means: NDArray[np.float64],
    deviations: NDArray[np.float64],
) -> None:
    """The recorded means and standard deviations must be those of the runs."""
    for field, given, found in (("mean_acc", means, percent.mean(axis=0)), ("std", deviations, percent.std(axis=0))):
        wrong = np.abs(found - given) > _TOLERANCE
        if wrong.any():
            i = int(wrong.argmax())
            raise ImportDataError(
                f"{name}: {field} of network {networks[i]} is {given[i]:g}; its runs give {found[i]:.6g}"
            )

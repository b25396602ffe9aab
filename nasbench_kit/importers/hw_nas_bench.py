"""HW-NAS-Bench: latency and energy of the cells of NAS-Bench-201 on six devices.

The release's `HW-NAS-Bench-v1_0.pickle`, or copies of it as CSV, one file per dataset. The column `net` of a copy is
NASLib's tuple. Of the release, the part `nasbench201` is read. Its part `fbnet` holds no architectures, but the cost
of single layers, which add up to that of a network of another space; it is left out.

A value of -1 says that a cell could not be compiled for the device. It is missing here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import ImportDataError, listed
from nasbench_kit.formats.csv_columns import csv_header, numbers, read_csv_columns
from nasbench_kit.formats.files import open_file
from nasbench_kit.formats.numpy_pickles import PLAIN
from nasbench_kit.formats.pickles import read_plain_pickle
from nasbench_kit.importers.base import Content, Progress, each, files_of, first_file, head_of, recognizes_file
from nasbench_kit.importers.values import dataset_in_name, parse_all
from nasbench_kit.spaces import NASBench201Space
from nasbench_kit.tables import DatasetSpec, Metric, Stored

DATASETS = {"cifar10": "cifar10", "cifar100": "cifar100", "ImageNet16-120": "imagenet16-120"}
"""Name in the release -> ours."""

METRICS = {
    "edgegpu_latency": "latency_ms[edgegpu]",
    "edgegpu_energy": "energy_mj[edgegpu]",
    "raspi4_latency": "latency_ms[raspi4]",
    "edgetpu_latency": "latency_ms[edgetpu]",
    "pixel3_latency": "latency_ms[pixel3]",
    "eyeriss_latency": "latency_ms[eyeriss]",
    "eyeriss_energy": "energy_mj[eyeriss]",
    "eyeriss_arithmetic_intensity": "arithmetic_intensity[eyeriss]",
    "fpga_latency": "latency_ms[fpga]",
    "fpga_energy": "energy_mj[fpga]",
}
"""Name in the release -> ours."""

NOT_MEASURED = -1
_OBJECTIVE_COLUMN = "edgegpu_latency"
_OBJECTIVE = METRICS[_OBJECTIVE_COLUMN]
_SPACE = "nasbench201"

# What the first cell of the release takes on the edge GPU [ms] tells the dataset of a copy.
_FIRST_CELL = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
_FIRST_LATENCY = {
    "cifar10": 5.807418537139893,
    "cifar100": 5.866079330444336,
    "ImageNet16-120": 5.828042030334473,
}


def recognizes(path: Path, head: bytes) -> bool:
    """Whether it is the release's pickle, a CSV copy, or a folder with one or the other."""
    if path.is_dir():
        return recognizes_file(first_file(path, "HW-NAS-Bench*.pickle", "hw_*.csv*"), recognizes)
    if head.startswith(b"\x80"):
        # what comes first in the dictionary: the configurations, the costs, or fbnet's look-up tables
        marks = (_OBJECTIVE_COLUMN.encode(), b"fpga_latency", b"arch_str")
        return (b"nasbench201" in head or b"fbnet" in head) and any(mark in head for mark in marks)
    return _is_copy(head)


def read(paths: Sequence[Path], progress: Progress) -> Content:
    """The costs of the cells of NAS-Bench-201 on one to three datasets.

    Raises:
        ImportDataError: A file is damaged, hostile, or not what is known of it.
    """
    files = _files(paths)
    if head_of(files[0]).startswith(b"\x80"):
        if len(files) > 1:
            raise ImportDataError(f"{len(files)} files given; the release is one, HW-NAS-Bench-v1_0.pickle")
        archs, datasets = _read_release(files[0])
    else:
        archs, datasets = _read_copies(files, progress)
    about = {
        "title": "HW-NAS-Bench: latency and energy of NAS-Bench-201's cells on six devices",
        "licence": "MIT (HW-NAS-Bench, GaTech-EIC)",
        "citation": "Li et al. 2021, https://openreview.net/forum?id=_0kaDkv3dVf",
        "notes": ["where the release says -1 (not compiled for the Edge TPU), the value is missing"],
    }
    datasets = {dataset: datasets[dataset] for dataset in DATASETS.values() if dataset in datasets}
    return Content("hw_nas_bench", NASBench201Space(), datasets, archs, about, files)


def _files(paths: Sequence[Path]) -> list[Path]:
    found = []
    for path in paths:
        releases = sorted(path.glob("HW-NAS-Bench*.pickle")) if path.is_dir() else []
        found += releases or (files_of([path], "hw_*.csv*") if path.is_dir() else [path])
    return found


def _is_copy(head: bytes) -> bool:
    header = csv_header(head)
    return header[:1] == ["net"] and _OBJECTIVE_COLUMN in header


# ---- the release ----


def _read_release(path: Path) -> tuple[NDArray[np.uint8], dict[str, DatasetSpec]]:
    with open_file(path) as file:
        release = read_plain_pickle(file, path.name, PLAIN)
    per_dataset = release.get(_SPACE) if isinstance(release, dict) else None
    if not isinstance(per_dataset, dict) or not per_dataset or not set(per_dataset) <= set(DATASETS):
        raise ImportDataError(f"{path.name} holds no {_SPACE!r} with {listed(DATASETS)}; HW-NAS-Bench-v1_0 expected")
    space = NASBench201Space()
    archs = space.parse_many(np.arange(space.size))  # the release has NAS-Bench-201's order
    datasets = {}
    for dataset, values in per_dataset.items():
        where = f"{path.name}, {dataset}"
        if not isinstance(values, dict):
            raise ImportDataError(f"{where}: {values!r:.40}; a dictionary of metrics expected")
        _check_order(values.get("config"), space, where)
        columns = {
            metric: _column(values[metric], space.size, f"{where}: {metric}") for metric in METRICS if metric in values
        }
        datasets[DATASETS[dataset]] = _dataset(columns, where)
    return archs, datasets


def _check_order(configs: Any, space: NASBench201Space, where: str) -> None:
    """The configurations name the cells; where they are there, they must be in the official order."""
    for index, config in enumerate(configs if isinstance(configs, list) else ()):
        text = config.get("arch_str") if isinstance(config, dict) else None
        if text is not None and space.index(space.parse(text)) != index:
            raise ImportDataError(f"{where}: cell {index} is {text!r:.120}; the order of NAS-Bench-201 expected")


def _column(values: Any, n: int, where: str) -> NDArray[np.float64]:
    try:
        column = np.array(values if isinstance(values, list | tuple) else None, np.float64)
    except (TypeError, ValueError):
        column = np.empty(0)
    if column.shape != (n,):
        raise ImportDataError(f"{where} is {values!r:.40}; a list of {n:,} numbers expected")
    return column


# ---- the copies ----


def _read_copies(files: Sequence[Path], progress: Progress) -> tuple[NDArray[np.uint8], dict[str, DatasetSpec]]:
    space = NASBench201Space()
    archs: NDArray[np.uint8] | None = None
    datasets: dict[str, DatasetSpec] = {}
    for path in each(files, progress, 1):
        columns = read_csv_columns(path, ["net", *METRICS])
        given = parse_all(space, columns["net"], "naslib", path.name)
        order = np.argsort(space.rank_many(given), kind="stable")
        values = {metric: numbers(columns, metric, path.name)[order] for metric in METRICS}
        if archs is not None and not np.array_equal(given[order], archs):
            raise ImportDataError(
                f"{path.name} and {files[0].name} hold different cells; files of one release expected"
            )
        archs = given[order]
        dataset = DATASETS[_dataset_of(path, space, archs, values["edgegpu_latency"])]
        if dataset in datasets:
            raise ImportDataError(f"{path.name} is of {dataset}, as an earlier file; one file per dataset expected")
        datasets[dataset] = _dataset(values, path.name)
    if archs is None:
        raise ImportDataError("no file given; the CSV copies of HW-NAS-Bench expected")
    return archs, datasets


def _dataset_of(path: Path, space: NASBench201Space, archs: NDArray[np.uint8], latency: NDArray[np.float64]) -> str:
    """The dataset of a copy: by what its first cell takes, or else by the name of the file."""
    first = latency[(archs == space.parse(_FIRST_CELL)).all(axis=1)]
    for dataset, published in _FIRST_LATENCY.items():
        if len(first) and abs(first[0] - published) < 1e-6:
            return dataset
    return dataset_in_name(path, list(DATASETS), "hw_cifar10.csv")


def _dataset(columns: Mapping[str, NDArray[np.float64]], where: str) -> DatasetSpec:
    if _OBJECTIVE_COLUMN not in columns:
        raise ImportDataError(f"{where}: {_OBJECTIVE_COLUMN} is missing; all of {listed(METRICS)} expected")
    stored = []
    for name, values in columns.items():
        wrong = values[(values <= 0) & (values != NOT_MEASURED) | np.isinf(values)]
        if len(wrong):
            raise ImportDataError(f"{where}: {name} is {wrong[0]:g}; a positive number expected, or {NOT_MEASURED}")
        raw = np.where(values == NOT_MEASURED, np.nan, values).reshape(1, 1, -1)
        stored.append(Stored(_metric(METRICS[name]), raw))
    return DatasetSpec(stored, _OBJECTIVE)


def _metric(name: str) -> Metric:
    if name.startswith("arithmetic_intensity"):
        return Metric(name, None, "operations per byte", "max")
    return Metric.from_name(name)

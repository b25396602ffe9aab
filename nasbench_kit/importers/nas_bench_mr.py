"""NAS-Bench-MR from the files `data/SETTING/trainval.pkl` of the NCP repository.

Each file is one setting (a task and how it was trained), whose name is that of its folder: a pickled list of networks,
each a dictionary of results and of the network: `input_channel`, `network_setting`, `last_channel` and the same as one
code, `embedding`. Each network was trained once.

Which images the results were measured on, the files do not say. They are what the authors' predictors learn and their
searches optimize, so they are named `val_...` here. `flops` and `params` keep their names and have no unit, since the
release states none.

Source: github.com/dingmyu/NCP, README, `datasets/dataset.py`, `configs/*.yaml`; Ding et al. 2022,
https://arxiv.org/abs/2103.13253.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nasbench_kit.errors import ImportDataError, NasbenchKitError
from nasbench_kit.formats.files import open_file
from nasbench_kit.formats.numpy_pickles import PLAIN
from nasbench_kit.formats.pickles import read_plain_pickle
from nasbench_kit.importers.base import Content, Progress, each, recognizes_file
from nasbench_kit.importers.values import amount
from nasbench_kit.spaces import Arch, NASBenchMRSpace
from nasbench_kit.tables import DatasetSpec, Metric, Stored

SETTINGS = ("cls-50-1000", "cls-50-100", "cls-10-1000", "cls-10c", "seg", "seg-4x", "3ddet", "video", "video-p")
_FILE = "trainval.pkl"
# results of the release -> ours, the one that a search optimizes first; percentages
_PERCENT = {
    "top1": Metric("val_accuracy", "val", "fraction", "max"),
    "mIoU": Metric("val_miou", "val", "fraction", "max"),
    "moderate": Metric("val_ap[moderate]", "val", "fraction", "max"),
    "top5": Metric("val_top5_accuracy", "val", "fraction", "max"),
    "mAcc": Metric("val_accuracy[mean_of_classes]", "val", "fraction", "max"),
    "aAcc": Metric("val_accuracy[pixels]", "val", "fraction", "max"),
}
_PLAIN = {name: Metric(name, None, "not stated", "min") for name in ("flops", "params")}


def recognizes(path: Path, head: bytes) -> bool:
    """Whether it begins like one of the files, or is a folder with folders named after settings."""
    if path.is_dir():
        return recognizes_file(next(iter(_files_in(path)), None), recognizes)
    return head.startswith(b"\x80") and all(
        word in head[:4_096] for word in (b"network_setting", b"embedding", b"input_channel")
    )


def read(paths: Sequence[Path], progress: Progress) -> Content:
    """The results in files `SETTING/trainval.pkl`, or in a folder of them.

    Raises:
        ImportDataError: The files are damaged, or not what is known of them.
    """
    files: dict[str, Path] = {}
    for file in [file for path in paths for file in (_files_in(path) if path.is_dir() else [path])]:
        setting = file.resolve().parent.name
        if setting not in SETTINGS:
            raise ImportDataError(
                f"{str(file)!r} lies in a folder {setting!r}; which setting it is only its folder tells, one of"
                f" {', '.join(SETTINGS)}"
            )
        if setting in files:
            raise ImportDataError(f"{str(file)!r} gives the setting {setting} a second time")
        files[setting] = file
    if not files:
        raise ImportDataError(
            f"{str(paths[0])!r} holds no SETTING/{_FILE}, where SETTING is one of {', '.join(SETTINGS)}"
        )
    space = NASBenchMRSpace()
    networks = {name: _read_file(space, file, name) for name, file in each(list(files.items()), progress, 1)}
    archs = list(dict.fromkeys(arch for found in networks.values() for arch in found))
    position = {arch: i for i, arch in enumerate(archs)}
    datasets = {name: _dataset(name, found, position) for name, found in networks.items()}
    about = {
        "title": "NAS-Bench-MR: multi-resolution networks for classification, segmentation, detection, video",
        "licence": "BSD-2-Clause for academic use (dingmyu/NCP)",
        "citation": "Ding et al. 2022, https://arxiv.org/abs/2103.13253",
    }
    return Content("nas_bench_mr", space, datasets, archs, about)


def _files_in(folder: Path) -> list[Path]:
    inside = [folder / "data" / name / _FILE for name in SETTINGS]
    beside = [folder / name / _FILE for name in SETTINGS]
    own = [folder / _FILE] if folder.resolve().name in SETTINGS else []
    return [file for file in (*beside, *inside, *own) if file.is_file()]


def _read_file(space: NASBenchMRSpace, path: Path, setting: str) -> dict[Arch, dict[str, float]]:
    where = f"{setting}/{path.name}"
    with open_file(path) as file:
        data = read_plain_pickle(file, where, PLAIN)
    if not isinstance(data, list) or not data:
        raise ImportDataError(f"{where} holds no list of networks")
    networks: dict[Arch, dict[str, float]] = {}
    for i, item in enumerate(data):
        if not isinstance(item, dict):
            raise ImportDataError(f"{where}: network {i} is {item!r:.40}; a dictionary expected")
        arch = _arch(space, item, f"{where}: network {i}")
        results = {
            name: amount(item[name], f"{where}: network {i}: {name}") for name in (*_PERCENT, *_PLAIN) if name in item
        }
        if networks.setdefault(arch, results) != results:
            raise ImportDataError(f"{where}: network {i}, {space.format(arch)}, is given twice with different results")
    return networks


def _arch(space: NASBenchMRSpace, item: dict[str, Any], where: str) -> Arch:
    """The network of one entry, as its code says; the other description must agree."""
    try:
        code = list(item["embedding"])
        described = _described(item)
        if len(code) == len(described) - 1:  # without the channels of the output, as in the README's example
            code.append(item["last_channel"])
        arch = space.parse(code, "code")
    except (KeyError, TypeError, ValueError, NasbenchKitError) as error:
        raise ImportDataError(f"{where} describes no network of NAS-Bench-MR ({error})") from None
    if list(space.code(arch)) != described:
        raise ImportDataError(f"{where}: its embedding {code} and its network_setting, {described}, differ")
    return arch


def _described(item: dict[str, Any]) -> list[int]:
    """The code that `input_channel`, `network_setting` and `last_channel` amount to."""
    code = list(item["input_channel"])
    blocks = item["network_setting"]
    for stage in (1, 2, 3, 4):
        same = [block for block in blocks if block[0] == stage]
        if not same or any(block != same[0] for block in same):
            raise ValueError(f"stage {stage} has blocks {same!r:.60}; some, all the same, expected")
        code += [len(same), *same[0][1], *same[0][2]]
    return [*code, item["last_channel"]]


def _dataset(setting: str, networks: dict[Arch, dict[str, float]], position: dict[Arch, int]) -> DatasetSpec:
    names = [name for name in (*_PERCENT, *_PLAIN) if any(name in results for results in networks.values())]
    metrics = []
    for name in names:
        values = np.full((1, 1, len(position)), np.nan)
        for arch, results in networks.items():
            values[0, 0, position[arch]] = results.get(name, np.nan)
        metrics.append(Stored(_PERCENT[name], values, (1, 100)) if name in _PERCENT else Stored(_PLAIN[name], values))
    if not names or names[0] not in _PERCENT:
        raise ImportDataError(f"{setting}/{_FILE} holds none of the results {', '.join(_PERCENT)}")
    return DatasetSpec(metrics, metrics[0].metric.name)

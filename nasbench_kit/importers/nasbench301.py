"""NAS-Bench-301's training results: directories of `results_N.json`, one file per trained DARTS architecture.

    nasbench-kit import nb_301_v13 default_split --out nasbench301.h5

The folder of a file names the optimizer that chose its architecture (`rs/results_0.json`). The lists of the official
splits, from PyPI's nasbench301 (`surrogate_models/configs/data_splits/default_split`), may be given beside them.

- An architecture that was trained more than once has its runs as seeds 0, 1, 2 ..., in the order of the files' paths.
- The epoch is how many were trained (98 in the release), not the budget that was planned (100).
- Logs with learning curves give every epoch. They hold the seconds of the whole run only: `cost_s` of an epoch is its
  share, all epochs being of equal length.
- Where a few architectures were trained very often, a table of all their curves would be nearly empty: then curves are
  kept of three runs of each, and of all runs the last epoch: `val_accuracy[runs]`.
- `train_loss` and `val_loss` are the cross entropies; training images are mixed up, so `train_accuracy` is low.
- `optimizer`, and `split[default]` where lists are given, are categories per run.

Source: Zela, Siems et al. 2022, https://arxiv.org/abs/2008.09777; https://github.com/automl/nasbench301.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import ImportDataError, NasbenchKitError
from nasbench_kit.importers.base import Content, Progress, each, files_of, first_file, read_json, recognizes_file
from nasbench_kit.importers.values import check_filled, percentages
from nasbench_kit.spaces import Arch, DARTSSpace
from nasbench_kit.tables import DatasetSpec, Metric, Stored

_CONFIGURATION = "optimized_hyperparamater_config"  # their spelling
_SPLITS = ("train", "val", "test")
_NO_CODE = 255
_MOST_IMAGES = 65_535
_LARGEST = 1e30  # of any number; float32 holds it
_MOST_VALUES = 1 << 25  # of a metric, those that were not recorded included
_FEW = 3  # runs of an architecture whose curves are kept where all would be more
_PERCENTAGES = ("val_accuracy", "test_accuracy", "train_accuracy")
# metric -> its name in a file's `info`, and in its learning curves after "Train/"
_RECORDED = {
    "val_accuracy": "val_accuracy",
    "train_accuracy": "train_accuracy",
    "val_loss": "val_cross_entropy",
    "train_loss": "train_cross_entropy",
}


class _Run(NamedTuple):
    """One trained architecture."""

    arch: Arch
    epochs: int
    curves: dict[str, NDArray[np.float64]]  #: metric -> as in the file, at every epoch from 1, or only at the last
    params: float  #: NaN where the file does not say
    optimizer: str
    tail: str  #: the end of its path, by which the split lists name it
    network: tuple[object, object]  #: cells and channels
    dataset: str
    n_val: int  #: images that the validation accuracy was measured on


def recognizes(path: Path, head: bytes) -> bool:
    """Whether it is one result file, or a folder that holds some, at most two levels down."""
    if path.is_dir():
        return recognizes_file(first_file(path, "results_*.json", depth=2), recognizes)
    return head.lstrip().startswith(b"{") and _CONFIGURATION.encode() in head


def read(paths: Sequence[Path], progress: Progress) -> Content:
    """The results in folders of `results_N.json`, and whatever split lists are among them.

    Raises:
        ImportDataError: A file is damaged, lacks something, or belongs to another network or dataset than the first.
    """
    files = files_of(paths, "*.json")
    lists = [file for file in files if file.name.endswith("_paths.json")]
    results = sorted(file for file in files if file.name.startswith("results_") and file not in set(lists))
    if not results:
        raise ImportDataError(f"{str(paths[0])!r} holds no results_N.json; give NAS-Bench-301's folders of them")
    space = DARTSSpace()
    runs = [_read_run(file, space) for file in each(results, progress)]
    for file, run in zip(results, runs, strict=True):
        if (run.network, run.dataset, run.n_val) != (runs[0].network, runs[0].dataset, runs[0].n_val):
            raise ImportDataError(
                f"{str(file)!r} is of {_network(run)}, where {str(results[0])!r} is of {_network(runs[0])};"
                " results of different networks do not compare, import them apart"
            )
    archs, places = _places(runs)
    metrics = _metrics(runs, places, len(archs))
    metrics += _codes(runs, places, len(archs), _read_splits(lists))
    about = {
        "title": f"NAS-Bench-301: training results of DARTS architectures ({_network(runs[0])})",
        "licence": "Apache-2.0 (Arber Zela, Julien Siems, Lucas Zimmer et al.)",
        "citation": "Zela, Siems et al. 2022, https://arxiv.org/abs/2008.09777",
        "notes": [
            "cost_s before a run's last epoch is an equal share of its measured runtime",
            "seeds number the runs of an architecture",
        ],
    }
    return Content("nasbench301", space, {runs[0].dataset: DatasetSpec(metrics)}, archs, about)


def _network(run: _Run) -> str:
    layers, channels = run.network
    return f"{layers} cells of {channels} channels on {run.dataset}, {run.n_val:,} validation images"


# ---- one file ----


def _read_run(file: Path, space: DARTSSpace) -> _Run:
    def wrong(what: str) -> ImportDataError:
        return ImportDataError(f"{str(file)!r}: {what}; a result of NAS-Bench-301 expected")

    data = read_json(file)
    if not isinstance(data, dict) or not isinstance(data.get(_CONFIGURATION), dict):
        raise wrong(f"no {_CONFIGURATION!r}")
    configuration = data[_CONFIGURATION]
    try:
        arch = space.parse(configuration)
    except NasbenchKitError as error:
        raise wrong(str(error)) from None
    info = data["info"][0] if isinstance(data.get("info"), list) and data["info"] else None
    if not isinstance(info, dict):
        raise wrong("no 'info'")
    epochs, n_val = info.get("epochs"), info.get("val_datapoints", 10_000)
    if type(epochs) is not int or not 0 < epochs < 100_000:
        raise wrong(f"epochs={epochs!r:.40} in 'info', where a number from 1 is expected")
    if type(n_val) is not int or not 0 < n_val < _MOST_IMAGES:
        raise wrong(f"val_datapoints={n_val!r:.40} in 'info', where a number of images is expected")
    number = _Numbers(wrong)
    curves = {metric: np.array([number(info, name)]) for metric, name in _RECORDED.items() if name in info}
    if "val_accuracy" not in curves:
        raise wrong("no val_accuracy in 'info'")
    if "test_accuracy" in data:
        curves["test_accuracy"] = np.array([number(data, "test_accuracy")])
    recorded = data.get("learning_curves") or {}
    for metric, name in _RECORDED.items():
        curve = recorded.get(f"Train/{name}") if isinstance(recorded, dict) else None
        if curve is None:
            continue
        if not isinstance(curve, list) or len(curve) != epochs:
            length = len(curve) if isinstance(curve, list) else "no"
            raise wrong(f"the learning curve of {name} has {length} values for {epochs} epochs")
        curves[metric] = np.array([number(curve, i) for i in range(epochs)])
    runtime = number(data, "runtime")
    if not runtime >= 0:
        raise wrong(f"runtime={runtime!r}, where seconds are expected")
    n = len(curves["val_accuracy"])
    curves["cost_s"] = runtime * np.arange(epochs - n + 1, epochs + 1) / epochs
    for metric in _PERCENTAGES:
        if metric in curves and ((curves[metric] < 0) | (curves[metric] > 100)).any():
            raise wrong(f"{metric} is no percentage")
    return _Run(
        arch,
        epochs,
        curves,
        number(info, "model_parameters") / 1e6 if "model_parameters" in info else math.nan,
        file.parent.name,
        _tail(file.as_posix()),
        tuple(
            configuration.get(f"NetworkSelectorDatasetInfo:darts:{what}", "?") for what in ("layers", "init_channels")
        ),
        Path(str(info.get("dataset_path", "cifar10"))).stem.lower() or "cifar10",
        n_val,
    )


class _Numbers:
    """Takes numbers out of what was read, or raises."""

    def __init__(self, wrong: Any) -> None:
        self._wrong = wrong

    def __call__(self, data: Any, key: Any) -> float:
        value = data.get(key) if isinstance(data, Mapping) else data[key]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(f"{key!r} is {value!r:.40}, where a number is expected")
        if abs(value) > _LARGEST:  # or infinite
            raise self._wrong(f"{key!r} is {value!r:.40}, where a smaller number is expected")
        return float(value)


def _tail(path: str) -> str:
    return "/".join(path.split("/")[-2:])


def _read_splits(lists: Sequence[Path]) -> dict[str, dict[str, int]]:
    """Name of the split -> end of a path -> 0 train, 1 val, 2 test."""
    splits: dict[str, dict[str, int]] = {}
    for file in lists:
        part = file.name.removesuffix("_paths.json")
        paths = read_json(file)
        if part not in _SPLITS or not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            raise ImportDataError(f"{str(file)!r} is no list of paths for train, val or test; give an official split")
        split = splits.setdefault(file.parent.name.removesuffix("_split"), {})
        for path in paths:
            tail = _tail(path.replace("\\", "/"))
            if split.setdefault(tail, _SPLITS.index(part)) != _SPLITS.index(part):
                raise ImportDataError(f"{str(file)!r} lists {tail!r}, which is in another part of its split already")
    return splits


# ---- all files ----


def _places(runs: Sequence[_Run]) -> tuple[list[Arch], list[tuple[int, int]]]:
    """The different architectures, and for each run (which of them, the how manieth run of it)."""
    row_of: dict[Arch, int] = {}
    n_runs: list[int] = []
    places = []
    for run in runs:
        row = row_of.setdefault(run.arch, len(row_of))
        if row == len(n_runs):
            n_runs.append(0)
        places.append((n_runs[row], row))
        n_runs[row] += 1
    return list(row_of), places


def _metrics(runs: Sequence[_Run], places: Sequence[tuple[int, int]], n_archs: int) -> list[Stored]:
    seeds = tuple(range(1 + max(seed for seed, _ in places)))
    metrics = []
    for name in ("val_accuracy", "test_accuracy", "train_accuracy", "val_loss", "train_loss", "cost_s"):
        having = [(run, *place) for run, place in zip(runs, places, strict=True) if name in run.curves]
        if not having:
            continue
        n_images = runs[0].n_val if name == "val_accuracy" else 10_000
        spans = {(len(run.curves[name]), run.epochs) for run, _, _ in having}
        epochs = sorted({epoch for n, last in spans for epoch in range(last - n + 1, last + 1)})
        few = len(epochs) * len(seeds) * n_archs > _MOST_VALUES
        kept = seeds[:_FEW] if few else seeds
        n_values = sum(len(run.curves[name]) for run, _, _ in having)
        check_filled((len(kept), len(epochs), n_archs), n_values, name, _MOST_VALUES)
        raw = np.full((len(kept), len(epochs), n_archs), np.nan)
        for run, seed, row in having:
            if seed < len(kept):
                end = epochs.index(run.epochs) + 1  # the epochs before it are consecutive as far as the curve goes
                raw[seed, end - len(run.curves[name]) : end, row] = run.curves[name]
        metrics.append(_stored(Metric.from_name(name, kept, tuple(epochs)), raw, n_images))
        if few:
            ends = sorted({run.epochs for run, _, _ in having})
            check_filled((len(seeds), len(ends), n_archs), len(having), name, _MOST_VALUES)
            raw = np.full((len(seeds), len(ends), n_archs), np.nan)
            for run, seed, row in having:
                raw[seed, ends.index(run.epochs), row] = run.curves[name][-1]
            metrics.append(_stored(Metric.from_name(f"{name}[runs]", seeds, tuple(ends)), raw, n_images))
    params = np.full((1, 1, n_archs), np.nan)
    for run, (_, row) in zip(runs, places, strict=True):
        params[0, 0, row] = run.params
    return [*metrics, Stored(Metric.from_name("params_m"), params)]


def _stored(metric: Metric, raw: NDArray[np.float64], n_images: int) -> Stored:
    """Accuracies as counts of images where they all are such."""
    if metric.unit != "fraction":
        return Stored(metric, raw.astype(np.float32))
    if metric.split == "train":  # of mixed up images: no counts
        return Stored(metric, raw, (1, 100))
    return percentages(metric, raw, n_images, 1e-3)


def _codes(
    runs: Sequence[_Run],
    places: Sequence[tuple[int, int]],
    n_archs: int,
    splits: Mapping[str, Mapping[str, int]],
) -> list[Stored]:
    """Which optimizer chose each run, and which part of each split it is in: small numbers, 255 for none."""
    seeds = tuple(range(1 + max(seed for seed, _ in places)))
    optimizers = sorted({run.optimizer for run in runs})
    columns = {}
    if len(optimizers) < _NO_CODE:
        columns["optimizer"] = (optimizers, [optimizers.index(run.optimizer) for run in runs])
    for name, parts in splits.items():
        columns[f"split[{name}]"] = (list(_SPLITS), [parts.get(run.tail, _NO_CODE) for run in runs])
    stored = []
    for name, (meanings, codes) in columns.items():
        raw = np.full((len(seeds), 1, n_archs), _NO_CODE, np.uint8)
        for code, (seed, row) in zip(codes, places, strict=True):
            raw[seed, 0, row] = code
        metric = Metric(name, None, "category", None, seeds, categories=tuple(meanings))
        stored.append(Stored(metric, raw, (1, 1), _NO_CODE))
    return stored

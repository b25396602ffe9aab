"""TransNAS-Bench-101: the release's `transnas-bench_v10141024.pth`, or NASLib's copy of its cells as CSV.

The release holds, for each of 4,096 cells and 3,256 networks and each of seven tasks, the curves of one training run,
and sizes and inference time of the model. The two spaces become two tables, `transnas_micro` and `transnas_macro`.
The copy holds one number per cell and task: what NASLib calls `val_accuracy`, after the last epoch.

What the numbers mean follows from the code that made them (github.com/yawen-d/TransNASBench, `lib` and `tools`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import ImportDataError, listed
from nasbench_kit.formats.csv_columns import csv_header, numbers, read_csv_columns
from nasbench_kit.formats.torch_file import is_torch_file, read_torch_file
from nasbench_kit.importers.base import Content, Progress, each, first_file, head_of, recognizes_file
from nasbench_kit.importers.values import check_filled, exact, parse_all
from nasbench_kit.spaces import Space, TransNASMacroSpace, TransNASMicroSpace
from nasbench_kit.tables import DatasetSpec, Metric, Stored

SEEDS = (0,)  # the release does not number its one run; its training code starts from 666
INDEX = "release_index"

_TIME = "time_elapsed"
_FILE = "transnas-bench"
_SPACES = {"micro": TransNASMicroSpace, "macro": TransNASMacroSpace}
_SPLITS = {"train": "train", "valid": "val", "val": "val", "test": "test"}


class _Task(NamedTuple):
    objective: str  #: the metric that papers search by
    epochs: int  #: as the release's training configuration has it
    loss: str  #: what `loss` is


_TASKS = {
    "class_scene": _Task("val_accuracy", 25, "nats"),
    "class_object": _Task("val_accuracy", 25, "nats"),
    "room_layout": _Task("val_neg_loss", 25, "MSE"),
    "jigsaw": _Task("val_accuracy", 10, "nats"),
    "segmentsemantic": _Task("val_pixel_accuracy", 30, "nats"),
    "normal": _Task("val_ssim", 30, "loss"),
    "autoencoder": _Task("val_ssim", 30, "loss"),
}
OBJECTIVES = {task: known.objective for task, known in _TASKS.items()}
"""Task -> what a search on it optimizes."""

QUANTITIES = {
    "top1": ("accuracy", "fraction", "max"),
    "top5": ("top5_accuracy", "fraction", "max"),
    "acc": ("pixel_accuracy", "fraction", "max"),
    "mIoU": ("miou", "fraction", "max"),
    "ssim": ("ssim", "ssim", "max"),
    "l1_loss": ("l1_loss", "MAE", "min"),
    "g_loss": ("generator_loss", "loss", "min"),
    "d_loss": ("discriminator_loss", "loss", None),
}
"""What the release records on a split -> our name, unit, direction; fractions are recorded in percent."""

COUNTS = {
    "model_params": ("params_m", "million"),
    "encoder_params": ("params_m[encoder]", "million"),
    "model_FLOPs": ("flops_m", "million"),
    "encoder_FLOPs": ("flops_m[encoder]", "million"),
}
"""What the release counts of a model -> our name, unit."""

_CERTAINLY_COUNTS = 100_000  # no network here has fewer parameters or operations, and none as many millions
_CSV_KEYS = ("naslib_op_indices", "transnas_arch_str")
_MOST_METRICS = 100
_CLOCK = re.compile(r"(\d+):(\d\d):(\d\d)")

_ABOUT = {
    "licence": "MIT (TransNASBench, Yawen Duan)",
    "citation": "Duan et al. 2021, https://arxiv.org/abs/2105.11871",
}


def recognizes(path: Path, head: bytes) -> bool:
    """Whether it is the release's file, the folder with it, or the CSV copy."""
    if path.is_dir():
        return recognizes_file(first_file(path, f"{_FILE}*.pth"), recognizes)
    if is_torch_file(head):
        return any(name in head for name in (b"metrics_dict", b"total_epochs", b"class_object"))
    return csv_header(head)[:2] == list(_CSV_KEYS)


def read(paths: Sequence[Path], progress: Progress) -> Content | list[Content]:
    """The tables of the release, or the table of the copy.

    Raises:
        ImportDataError: The file is damaged, hostile, or not what is known of it.
    """
    if len(paths) > 1:
        raise ImportDataError(f"{len(paths)} files given; TransNAS-Bench-101 is one, {_FILE}_v10141024.pth")
    path = paths[0]
    if path.is_dir():
        files = sorted(path.glob(f"{_FILE}*.pth"))
        if len(files) != 1:
            raise ImportDataError(f"{str(path)!r} holds {len(files)} files {_FILE}*.pth; give the one to import")
        path = files[0]
    if csv_header(head_of(path))[:2] == list(_CSV_KEYS):
        return _read_csv(path)
    return [content._replace(files=[path]) for content in _read_release(path, progress)]


# ---- the release ----


def _read_release(path: Path, progress: Progress) -> list[Content]:
    release = read_torch_file(path)
    data = _member(release, "data", path.name)
    metrics = _member(release, "metrics_dict", path.name)
    if not data or not set(data) <= set(_SPACES):
        raise ImportDataError(f"{path.name}: data holds {listed(data)}; macro and micro expected")
    contents, first = [], 0
    for space, results in data.items():
        if not isinstance(results, dict) or not results:
            raise ImportDataError(f"{path.name}: {space} holds no architectures")
        contents.append(_content(f"{path.name}, {space}", _SPACES[space](), results, metrics, first, progress))
        first += len(results)
    return contents


def _member(where: Any, key: str, what: str) -> dict[Any, Any]:
    found = where.get(key) if isinstance(where, dict) else None
    if not isinstance(found, dict):
        raise ImportDataError(f"{what}: no dictionary {key!r}; a file like {_FILE}_v10141024.pth expected")
    return found


def _content(
    where: str,
    space: Space,
    results: dict[str, Any],
    metrics: dict[str, Sequence[str]],
    first: int,
    progress: Progress,
) -> Content:
    archs = parse_all(space, results, "official", where)
    index = np.arange(first, first + len(archs), dtype=np.int32).reshape(1, 1, -1)
    notes: list[str] = []
    datasets = {}
    for task in each(list(metrics), progress, 1):
        if task not in _TASKS:
            raise ImportDataError(f"{where}: unknown task {task!r:.40}; choose from {listed(_TASKS)}")
        runs = [_member(of_tasks, task, f"{where}, {arch}") for arch, of_tasks in results.items()]
        stored = _curves(f"{where}, {task}", task, metrics[task], runs, list(results), notes)
        stored += _model_info(f"{where}, {task}", runs)
        stored.append(Stored(Metric(INDEX, None, "position", None), index))
        datasets[task] = _dataset(where, task, stored)
    about = {"title": f"TransNAS-Bench-101, {space.name.removeprefix('transnas_')}: curves of one run on seven tasks"}
    about_notes = {
        "notes": [
            "cost_s: seconds since training began (time_elapsed), with validation and test after each epoch",
            "latency_s: mean of 800 passes of one 720 x 1080 image on a GPU (inference_time)",
            *notes,
        ]
    }
    return Content(space.name, space, datasets, archs, _ABOUT | about | about_notes)


def _dataset(where: str, task: str, stored: Sequence[Stored]) -> DatasetSpec:
    objective = _TASKS[task].objective
    if objective not in [entry.metric.name for entry in stored]:
        raise ImportDataError(f"{where}, {task}: {objective} is missing; it is what a search optimizes")
    return DatasetSpec(stored, objective)


def _curves(
    where: str, task: str, names: Sequence[str], runs: Sequence[dict[str, Any]], archs: Sequence[str], notes: list[str]
) -> list[Stored]:
    if len(names) > _MOST_METRICS:
        raise ImportDataError(f"{where}: {len(names)} metrics; no more than {_MOST_METRICS} expected")
    lengths = [_n_epochs(run, where) for run in runs]
    check_filled((1, max(lengths), len(runs)), sum(lengths), where)
    epochs = tuple(range(1, max(lengths) + 1))
    stored = []
    for name in names:
        values = np.full((1, len(epochs), len(runs)), np.nan)  # seeds, epochs, architectures
        for i, (run, length) in enumerate(zip(runs, lengths, strict=True)):
            curve = _member(run, "metrics", f"{where}, {archs[i]}").get(name)
            if curve is None:
                continue
            if not isinstance(curve, list | tuple) or len(curve) != length:
                raise ImportDataError(f"{where}, {archs[i]}: {name} is {curve!r:.40}; {length} numbers expected")
            values[0, :length, i] = _seconds(curve) if name == _TIME else _numbers(curve, where, name)
        if np.isnan(values).all():
            continue
        if name == _TIME:
            stored.append(_cost(values, epochs, where, notes))
            continue
        metric, scale = _metric(task, name, epochs)
        if metric.unit == "fraction":  # a mean of batches may be a rounding error above 100 %
            values[(values > scale[1]) & (values < scale[1] * (1 + 1e-6))] = scale[1]
        stored.append(Stored(metric, exact(values), scale))
    return stored


def _n_epochs(run: dict[str, Any], where: str) -> int:
    length = run.get("total_epochs")
    if type(length) is not int or not 0 < length < 10_000:
        raise ImportDataError(f"{where}: total_epochs is {length!r:.40}; a number of epochs expected")
    return length


def _metric(task: str, name: str, epochs: tuple[int, ...]) -> tuple[Metric, tuple[int, int]]:
    """What a metric of the release means, by the code that recorded it, and the scale of its numbers."""
    before, _, quantity = name.partition("_")
    split = _SPLITS.get(before)
    if split is None:
        return Metric(name, None, "not stated", None, SEEDS, epochs), (1, 1)
    if quantity == "loss":
        return Metric(f"{split}_loss", split, _TASKS[task].loss, "min", SEEDS, epochs), (1, 1)
    if quantity == "neg_loss":
        unit = f"-{_TASKS[task].loss}"
        return Metric(f"{split}_neg_loss", split, unit, "max", SEEDS, epochs), (1, 1)
    ours, unit, direction = QUANTITIES.get(quantity, (quantity, "not stated", None))
    scale = (1, 100) if unit == "fraction" else (1, 1)
    return Metric(f"{split}_{ours}", split, unit, direction, SEEDS, epochs), scale


def _numbers(curve: Sequence[Any], where: str, name: str) -> NDArray[np.float64]:
    try:
        return np.array(curve, np.float64)
    except (TypeError, ValueError):
        raise ImportDataError(f"{where}: {name} is {curve!r:.60}; numbers expected") from None


def _seconds(curve: Sequence[Any]) -> NDArray[np.float64]:
    """Times in seconds; the training code writes them as hours:minutes:seconds."""

    def seconds(time: Any) -> float:
        clock = _CLOCK.fullmatch(time) if isinstance(time, str) else None
        if clock is None:
            return float(time)
        hours, minutes, rest = map(int, clock.groups())
        return 3_600 * hours + 60 * minutes + rest

    return np.array([seconds(time) for time in curve], np.float64)


def _cost(times: NDArray[np.float64], epochs: tuple[int, ...], where: str, notes: list[str]) -> Stored:
    """What training costs, of times (1, n_epochs, n_archs).

    The training code starts its clock once, before the first epoch, so times must grow. A run whose times do not was
    started again in between; how long it took was not recorded. If those are most, then these are no times since the
    start, and are kept as what they are called.
    """
    with np.errstate(invalid="ignore"):
        shrinks: NDArray[np.bool_] = np.any(np.diff(times, axis=1, prepend=0) <= 0, axis=(0, 1))
    n_shrinking = int(shrinks.sum())
    if 2 * n_shrinking > len(shrinks):
        notes.append(
            f"{where}: {_TIME} does not grow in {n_shrinking} of {len(shrinks)} runs, so it is not their cost_s"
        )
        return Stored(Metric(_TIME, None, "s", None, SEEDS, epochs), exact(times))
    if n_shrinking:
        notes.append(f"{where}: {_TIME} does not grow in {n_shrinking} runs; their cost_s is missing")
    return Stored(Metric("cost_s", None, "s", "min", SEEDS, epochs), exact(np.where(shrinks, np.nan, times)))


def _model_info(where: str, runs: Sequence[Mapping[str, Any]]) -> list[Stored]:
    """Inference time, parameters and operations. Counts become millions; other numbers keep the release's name."""
    infos = [run.get("model_info") for run in runs]
    stored = []
    for name in infos[0] if isinstance(infos[0], dict) else ():
        found = [info.get(name) if isinstance(info, dict) else None for info in infos]
        values = np.array([[[np.nan if value in (None, "") else float(value) for value in found]]])
        if np.isnan(values).all():
            continue
        if name == "inference_time":
            metric, scale = Metric("latency_s", None, "s", "min"), (1, 1)
        elif name in COUNTS and np.nanmin(values) > _CERTAINLY_COUNTS:
            called, unit = COUNTS[name]
            metric, scale = Metric(called, None, unit, "min"), (1, 1_000_000)
        else:
            metric, scale = Metric(str(name), None, "not stated", None), (1, 1)
        stored.append(Stored(metric, exact(values), scale))
    return stored


# ---- the copy ----


def _read_csv(path: Path) -> Content:
    columns = read_csv_columns(path, [*_CSV_KEYS, *(f"{task}_valid" for task in _TASKS)])
    space = TransNASMicroSpace()
    archs = parse_all(space, columns["transnas_arch_str"], "official", path.name)
    theirs = [space.format(arch, "naslib") for arch in archs.tolist()]
    if theirs != columns["naslib_op_indices"]:
        row = next(
            i for i, pair in enumerate(zip(theirs, columns["naslib_op_indices"], strict=True)) if len({*pair}) > 1
        )
        raise ImportDataError(
            f"{path.name}, row {row + 2}: {columns['naslib_op_indices'][row]!r:.40} and"
            f" {columns['transnas_arch_str'][row]!r} are different cells"
        )
    datasets = {}
    for task, known in _TASKS.items():
        recorded = {"val_accuracy": "top1", "val_neg_loss": "neg_loss", "val_pixel_accuracy": "acc", "val_ssim": "ssim"}
        metric, scale = _metric(task, f"valid_{recorded[known.objective]}", (known.epochs,))
        values = numbers(columns, f"{task}_valid", path.name).reshape(1, 1, -1)
        if np.isinf(values).any():
            raise ImportDataError(f"{path.name}: {task}_valid holds an infinite number; finite ones expected")
        datasets[task] = DatasetSpec([Stored(metric, exact(values), scale)], known.objective)
    about = {
        "title": "TransNAS-Bench-101, micro: validation after the last epoch on seven tasks (NASLib's copy)",
        "licence": "Apache-2.0 (NASLib); MIT (TransNASBench, Yawen Duan)",
        "notes": ["no seconds of training, no test results; the numbers of epochs are those of the release's code"],
    }
    return Content(space.name, space, datasets, archs, _ABOUT | about)

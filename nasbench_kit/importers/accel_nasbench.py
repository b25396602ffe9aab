"""Accel-NASBench: MnasNet-like networks on ImageNet, and how fast six accelerators run them.

    nasbench-kit import anb_dataset_jsons.tar.gz --out accel_nasbench.h5     # or the folder of its result_N.json
    nasbench-kit import anb.csv.gz --out accel_nasbench.h5                   # a copy, one row per file

- `val_accuracy` is on the 50,000 images of ImageNet's validation set, after a short training (a proxy, so below the
  accuracy of full training). There is no test accuracy, and the number of epochs is not in the files.
- `cost_s` is the training time, `macs_m` million multiply-adds, `params_m` million parameters.
- `latency_ms[...]` is of one image; `throughput[...]` is in images per second, with its standard deviation over
  repeated measurements in `throughput_std[...]` where recorded.
- Thirteen networks were trained and measured twice: seeds 0 and 1, in the order of the files' numbers.

Source: Ahmad et al. 2024, https://arxiv.org/abs/2404.08005; github.com/afzalxo/Accel-NASBench.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import ImportDataError, NasbenchKitError
from nasbench_kit.formats.compressed import unpacked, unpacked_head
from nasbench_kit.formats.csv_columns import read_csv_columns
from nasbench_kit.formats.files import read_file
from nasbench_kit.formats.tar import tar_members
from nasbench_kit.importers.base import Content, Progress, each, files_of, first_file, recognizes_file
from nasbench_kit.importers.values import check_filled, percentages
from nasbench_kit.spaces import AccelNASBenchSpace
from nasbench_kit.tables import DatasetSpec, Metric, Stored

_N_VALIDATION = 50_000
_LARGEST = 1 << 20  # bytes of a result; a few thousand are usual
_RESULT = re.compile(r"result_(\d+)\.json")
_LATENCY, _THROUGHPUT = ("zcu102", "vck190"), ("a100", "3090", "tpuv2", "tpuv3", "zcu102", "vck190")


class _Measured(NamedTuple):
    """A metric, and the column that has it in the CSV copy: the path to it in a file, joined."""

    metric: Metric
    column: str
    needed: bool = False


def _metrics(seeds: tuple[int, ...]) -> list[_Measured]:
    speed = [
        _Measured(Metric(f"latency_ms[{device}]", None, "ms", "min", seeds), f"latency_{device}__latency_mean")
        for device in _LATENCY
    ]
    for device in _THROUGHPUT:
        column = f"throughput_{device}__throughput"
        speed += [
            _Measured(Metric(f"throughput[{device}]", None, "images/s", "max", seeds), f"{column}_mean"),
            _Measured(Metric(f"throughput_std[{device}]", None, "images/s", None, seeds), f"{column}_std"),
        ]
    return [
        _Measured(Metric.from_name("val_accuracy", seeds), "val_top1", needed=True),
        _Measured(Metric.from_name("val_top5_accuracy", seeds), "val_top5", needed=True),
        _Measured(Metric.from_name("cost_s", seeds), "train_time", needed=True),
        _Measured(Metric("macs_m", None, "million", "min"), "macs"),
        _Measured(Metric.from_name("params_m"), "params"),
        *speed,
    ]


def recognizes(path: Path, head: bytes) -> bool:
    """Whether it is the release's archive, one of its files, a folder of them, or the CSV copy."""
    if path.is_dir():
        return recognizes_file(first_file(path, "result_*.json", depth=1), recognizes)
    head = unpacked_head(head)
    if b"block0_e" not in head or b"val_top1" not in head:
        return False
    return head.startswith(b"id,block0_e") or b'"architecture"' in head


def read(paths: Sequence[Path], progress: Progress) -> Content:
    """The networks in the release's files.

    Raises:
        ImportDataError: A file is damaged, lacks something, or holds a network that is none.
    """
    space = AccelNASBenchSpace()
    rows = sorted(_rows(paths), key=lambda row: int(row[1].get("id", 0)))
    if not rows:
        raise ImportDataError(f"{str(paths[0])!r} holds no result_N.json; give Accel-NASBench's data or its CSV copy")
    numbers: dict[tuple[int, ...], list[Mapping[str, float]]] = {}
    wanted = _metrics(())
    names = [decision.name for decision in space.decisions]
    for where, row in each(rows, progress):
        try:
            arch = space.parse({name: row[name] for name in names})
        except KeyError as error:
            raise ImportDataError(f"{where}: no {error}; a result of Accel-NASBench expected") from None
        except NasbenchKitError as error:
            raise ImportDataError(f"{where}: {error}") from None
        numbers.setdefault(arch, []).append({item.column: _number(where, row, item) for item in wanted})
    n_seeds = max(map(len, numbers.values()))
    check_filled((n_seeds, 1, len(numbers)), len(rows), str(paths[0]))
    stored = []
    for item in _metrics(tuple(range(n_seeds))):
        raw = np.full((n_seeds, 1, len(numbers)), np.nan)
        for i, runs in enumerate(numbers.values()):
            raw[: len(runs), 0, i] = [run[item.column] for run in runs]
        if not np.isnan(raw).all():
            stored.append(_stored(item.metric, raw))
    about = {
        "title": "Accel-NASBench: ImageNet accuracy after a proxy training, and speed on six accelerators",
        "licence": "Apache-2.0 (Afzal Ahmad)",
        "citation": "Ahmad et al. 2024, https://arxiv.org/abs/2404.08005",
        "notes": ["val_accuracy is of a short training, on ImageNet's validation set", "macs_m counts multiply-adds"],
    }
    return Content("accel_nasbench", space, {"imagenet": DatasetSpec(stored)}, list(numbers), about)


def _stored(metric: Metric, raw: NDArray[np.float64]) -> Stored:
    if not metric.seeds:  # a property of the network: the same in all its files
        if (np.nanmax(raw, axis=0) != np.nanmin(raw, axis=0)).any():
            raise ImportDataError(f"{metric.name} of some network differs between its files; a constant expected")
        return Stored(metric, raw[:1])
    if metric.unit != "fraction":
        return Stored(metric, raw)
    return percentages(metric, raw, _N_VALIDATION, 0.02)  # the files' percentages are float32


def _number(where: str, row: Mapping[str, Any], item: _Measured) -> float:
    value = row.get(item.column)
    if value is None or value == "":
        if item.needed:
            raise ImportDataError(f"{where}: no {item.column}; a result of Accel-NASBench expected")
        return float("nan")
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if isinstance(value, bool) or not 0 <= number < np.inf or (item.metric.unit == "fraction" and number > 100):
        unit = "a percentage" if item.metric.unit == "fraction" else f"a number [{item.metric.unit}]"
        raise ImportDataError(f"{where}: {item.column}={value!r:.40}, where {unit} is expected")
    return number


# ---- files to rows as in the CSV copy ----


def _rows(paths: Sequence[Path]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    files = files_of(paths)
    for file in files:
        name = file.name
        if match := _RESULT.fullmatch(name):
            yield _flat(repr(str(file)), match[1], read_file(file, _LARGEST))
        elif name.endswith((".tar.gz", ".tgz", ".tar")):
            yield from _archived(file)
        elif name.endswith((".csv", ".csv.gz")):
            yield from _table(file)


def _archived(file: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, content in tar_members(unpacked(file), repr(str(file))):
        if match := _RESULT.fullmatch(Path(name).name):
            yield _flat(f"{str(file)!r}, {name!r}", match[1], content)


def _flat(where: str, number: str, content: bytes) -> tuple[str, Mapping[str, Any]]:
    try:
        data = json.loads(content)
        row = {"id": number, **data["architecture"], **data["metrics"]}
        for test, values in data.get("platform_perf", {}).items():
            row |= {f"{test}__{name}": value for name, value in values.items()}
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        what = f"{type(error).__name__}: {error!s:.60}"
        raise ImportDataError(f"{where} is no result of Accel-NASBench ({what})") from None
    return where, row


def _table(file: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    columns = read_csv_columns(file, ["id"])
    for row, cells in enumerate(zip(*columns.values(), strict=True), 2):
        found = dict(zip(columns, cells, strict=True))
        where = f"{str(file)!r}, row {row}"
        if not found["id"].isdecimal():
            raise ImportDataError(f"{where}: id={found['id']!r:.40}, where a number is expected")
        yield where, found

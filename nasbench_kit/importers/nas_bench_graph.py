"""NAS-Bench-Graph from the files that PyPI's `nas-bench-graph` ships: how `data/nas_bench_graph.h5` is made.

    pip download --no-deps --dest downloads nas-bench-graph==1.4.0
    nasbench-kit import downloads/nas_bench_graph-1.4.0-py3-none-any.whl --out data/nas_bench_graph.h5

The package holds, for each of 26,206 networks and nine datasets (2,021 networks on one of them), validation and test
results as means of three training runs, latency and size. What was found out about them stands in
`data/nas_bench_graph.md`.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import ImportDataError
from nasbench_kit.formats.compressed import zip_members
from nasbench_kit.formats.files import read_file
from nasbench_kit.formats.numpy_pickles import PLAIN
from nasbench_kit.formats.pickles import read_plain_pickle
from nasbench_kit.importers.base import Content, Progress, recognizes_file
from nasbench_kit.spaces import NASBenchGraphSpace
from nasbench_kit.tables import DatasetSpec, Metric, Stored

_FOLDER = "nas_bench_graph/light"
_VAL_STEP = 3_000  # accuracies of three decimals, averaged over three runs
_TICK = 2**22  # the recorded clock counts seconds in steps of 2^-22: doubles of its size have no finer ones


class _Source(NamedTuple):
    """One dataset: what is known of its values."""

    n_test: int | None  #: nodes that the test accuracy was measured on; None: it is no accuracy
    fine_latency: bool  #: whether latencies are short enough to be kept in steps of two ticks, in 16 bits


_SOURCES = {
    "cora": _Source(1_000, True),
    "citeseer": _Source(1_000, True),
    "pubmed": _Source(1_000, True),
    "cs": _Source(17_583, True),
    "physics": _Source(34_243, False),
    "photo": _Source(7_087, True),
    "computers": _Source(12_881, True),
    "arxiv": _Source(48_603, False),
    "proteins": _Source(None, False),
}
_FIELDS = ("valid_perf", "perf", "latency", "para")


def recognizes(path: Path, head: bytes) -> bool:
    """Whether it is the package's wheel, a folder with its files, or one of these."""
    if path.is_dir():
        return recognizes_file(next(iter(_files_in(path)), None), recognizes)
    if head.startswith(b"PK"):
        return b"nas_bench_graph/" in head[:200]
    return head.startswith(b"\x80") and all(field.encode() in head for field in _FIELDS)


def read(paths: Sequence[Path], progress: Progress) -> Content:
    """The results in the wheel `nas_bench_graph-1.4.0-py3-none-any.whl`, in its folder, or in files `.bench`.

    Raises:
        ImportDataError: The files are missing, damaged, or not what is known of them.
    """
    files = _read_files(paths)
    space = NASBenchGraphSpace()
    numbered = space.all_archs()
    ranks = space.rank_many(numbered)
    numbered = numbered[space.identity(numbered) == ranks.astype(np.uint64)]
    keys = (numbered @ np.array([10_000, 1_000, 100, 10, 1])).tolist()  # the digits of the release's hash
    values = {}
    for i, (name, data) in enumerate(files.items()):
        progress(i, len(files))
        values[name] = _values(read_plain_pickle(io.BytesIO(data), f"{name}.bench", PLAIN), name, keys)
    progress(len(files), len(files))
    held = np.any([~np.isnan(found[0]) for found in values.values()], axis=0)
    datasets = {name: _dataset(name, values[name][:, held]) for name in _SOURCES if name in values}
    return Content("nas_bench_graph", space, datasets, numbered[held], _about(files))


def _dataset(name: str, values: NDArray[np.float64]) -> DatasetSpec:
    known = _SOURCES[name]
    val, test, latency, params = values
    quantity = "accuracy" if known.n_test else "score"
    metrics = [_exact(Metric(f"val_{quantity}", "val", "fraction", "max"), val, _VAL_STEP, name)]
    on_test = Metric(f"test_{quantity}", "test", "fraction", "max")
    if known.n_test:
        metrics.append(_exact(on_test, test, 3 * known.n_test, name))
    else:
        metrics.append(Stored(on_test, test.astype(np.float32).reshape(1, 1, -1)))
    seconds = Metric("latency_s", None, "s", "min")
    _exact(seconds, latency, 3 * _TICK, name)  # what the release recorded
    if known.fine_latency:
        latency = np.round(latency * (_TICK // 2)) / (_TICK // 2)
    metrics.append(_exact(seconds, latency, _TICK // 2 if known.fine_latency else 3 * _TICK, name))
    metrics.append(_exact(Metric("params_m", None, "million", "min"), params, 3_000_000, name))
    return DatasetSpec(metrics, f"val_{quantity}")


def _exact(metric: Metric, values: NDArray[np.float64], denominator: int, name: str) -> Stored:
    """Values that are multiples of 1/`denominator`, stored as such in the smallest type."""
    recorded = ~np.isnan(values)
    steps = values[recorded] * denominator
    counts = np.round(steps).astype(np.int64)
    if np.abs(steps - counts).max() > 1e-4:
        raise ImportDataError(f"{name}.bench: {metric.name} of some network is no multiple of 1/{denominator:,}")
    factor = int(np.gcd.reduce(counts))
    counts //= max(factor, 1)
    dtype = np.uint16 if counts.max() < 2**16 - 1 else np.uint32
    missing = int(np.iinfo(dtype).max)
    raw = np.full(len(values), missing, dtype)
    raw[recorded] = counts
    return Stored(metric, raw.reshape(1, 1, -1), (max(factor, 1), denominator), missing)


def _values(data: Any, name: str, keys: Sequence[int]) -> NDArray[np.float64]:
    """The four numbers of each network in the order of `keys`, NaN where there is none: float64 (4, n_archs)."""
    if not isinstance(data, dict) or not data:
        raise ImportDataError(f"{name}.bench holds no dictionary of networks")
    position = {key: i for i, key in enumerate(keys)}
    values = np.full((len(_FIELDS), len(keys)), np.nan)
    for key, record in data.items():
        if key not in position:
            raise ImportDataError(f"{name}.bench: {key!r:.40} is none of the {len(keys):,} hashes of NAS-Bench-Graph")
        numbers = [record.get(field) for field in _FIELDS] if isinstance(record, dict) else [None]
        if not all(isinstance(number, float) and 0 <= number < np.inf for number in numbers):
            raise ImportDataError(f"{name}.bench: network {key} lacks one of the numbers {', '.join(_FIELDS)}")
        values[:, position[key]] = numbers
    for row, field in enumerate(_FIELDS[:2]):
        if np.nanmax(values[row]) > 1:
            raise ImportDataError(
                f"{name}.bench: {field} of some network is {np.nanmax(values[row]):g}; at most 1 expected"
            )
    return values


def _read_files(paths: Sequence[Path]) -> dict[str, bytes]:
    """Dataset -> content of its file."""
    found: dict[str, bytes] = {}
    for path in paths:
        for name, data in (_read_wheel(path) if _is_zip(path) else _read_plain(path)).items():
            if name in found:
                raise ImportDataError(f"{str(path)!r} gives the dataset {name} a second time")
            found[name] = data
    return found


def _is_zip(path: Path) -> bool:
    return path.is_file() and zipfile.is_zipfile(path)


def _read_wheel(path: Path) -> dict[str, bytes]:
    try:
        contents = zip_members(path, [f"{_FOLDER}/{name}.bench" for name in _SOURCES])
    except ImportDataError as error:
        raise ImportDataError(f"{error}; give nas-bench-graph 1.4.0's wheel, or its folder") from None
    return dict(zip(_SOURCES, contents.values(), strict=True))


def _read_plain(path: Path) -> dict[str, bytes]:
    files = _files_in(path) if path.is_dir() else [path]
    for file in files:
        if file.stem not in _SOURCES:
            raise ImportDataError(f"{str(file)!r} is named after no dataset; choose from {', '.join(_SOURCES)}")
    if not files:
        raise ImportDataError(f"{str(path)!r} holds no {_FOLDER}/*.bench; give nas-bench-graph 1.4.0's wheel or folder")
    return {file.stem: read_file(file) for file in files}


def _files_in(folder: Path) -> list[Path]:
    for inside in (folder, folder / "light", folder / _FOLDER):
        files = [inside / f"{name}.bench" for name in _SOURCES if (inside / f"{name}.bench").is_file()]
        if files:
            return files
    return []


def _about(files: Mapping[str, bytes]) -> dict[str, Any]:
    return {
        "title": "NAS-Bench-Graph: validation and test results of graph neural networks, latency, parameters",
        "licence": "Apache-2.0 (nas-bench-graph, THUMNLab)",
        "citation": "Qin et al. 2022, https://arxiv.org/abs/2206.09166",
        "sources": [
            {
                "package": "nas-bench-graph",
                "file": f"{_FOLDER}/{name}.bench",
                "sha256": hashlib.sha256(data).hexdigest(),
            }
            for name, data in files.items()
        ],
    }

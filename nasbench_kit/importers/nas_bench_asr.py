"""NAS-Bench-ASR from its files `nb-asr-*.pickle`: training runs, latency on devices, sizes.

Each file is two pickles, one after the other: a header that says what it is, and a list of rows that begin with the
md5 of a cell. The files of one or more training runs (`nb-asr-e40-1234.pickle`, `-1235`, `-1236`), of devices
(`nb-asr-bench-gtx-1080ti-fp32.pickle`) and of sizes (`nb-asr-info.pickle`) make one table, on the dataset TIMIT.

- `val_per` is the phoneme error rate on the validation data after each epoch: edits per phoneme, lower is better.
- `test_per` is that on the test data, of the weights with the best validation. It was measured once, after all epochs,
  and so is recorded at the last one.
- Runs of fewer epochs (`nb-asr-e10-1234.pickle`) are another training each: `val_per[e10]`, `test_per[e10]`.
- Latencies are given without a unit; by their size they are seconds (0.043 on a GTX 1080 Ti, 0.54 on a Jetson Nano).

Source: Mehrotra et al. 2021, https://openreview.net/forum?id=CU0APx9LMaL; SamsungLabs/nb-asr, README and `dataset.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import ImportDataError, NasbenchKitError
from nasbench_kit.formats.files import open_file
from nasbench_kit.formats.numpy_pickles import PLAIN
from nasbench_kit.formats.pickles import read_plain_pickle
from nasbench_kit.importers.base import Content, Progress, each, files_of, first_file, recognizes_file
from nasbench_kit.importers.values import amount, exact
from nasbench_kit.spaces import Arch, NASBenchASRSpace
from nasbench_kit.tables import DatasetSpec, Metric, Stored

_UNIT = "edits/phoneme"  # may exceed 1, so it is no fraction
_COLUMNS = {  # kind of file -> the columns that it must have, and what else its header says
    "training": (("model_hash", "val_per", "test_per"), "seed"),
    "benchmarking": (("model_hash", "latency"), "device"),
    "static": (("model_hash", "params"), None),
}
_OPERATIONS = ["linear", "conv5", "conv5d2", "conv7", "conv7d2", "zero"]


class _File(NamedTuple):
    """One file: what its header says, and its rows by md5."""

    name: str
    kind: str
    about: Any  #: the seed of a training run, the name of a device
    columns: Sequence[str]
    rows: Mapping[str, Sequence[Any]]


def recognizes(path: Path, head: bytes) -> bool:
    """Whether it begins with the header of such a file, or is a folder of them."""
    if path.is_dir():
        return recognizes_file(first_file(path, "nb-asr-*.pickle"), recognizes)
    return head.startswith(b"\x80") and all(
        word in head[:4_096] for word in (b"dataset_type", b"model_hash", b"search_space")
    )


def read(paths: Sequence[Path], progress: Progress) -> Content:
    """The results in files `nb-asr-*.pickle`, or in a folder of them.

    Raises:
        ImportDataError: The files are damaged, or not what is known of them.
    """
    found = files_of(paths, "nb-asr-*.pickle")
    files = [_read_file(path) for path in each(found, progress, 1)]
    space = NASBenchASRSpace()
    archs = _archs(space, files)
    position = {model: i for i, model in enumerate(archs)}
    metrics = [
        *_training(files, position),
        *(_latency(file, position) for file in files if file.kind == "benchmarking"),
        *(metric for file in files if file.kind == "static" for metric in _sizes(file, position)),
    ]
    names = [entry.metric.name for entry in metrics]
    for name in names:
        if names.count(name) > 1:
            raise ImportDataError(f"two of the files give {name}; give each file once")
    about = {
        "title": "NAS-Bench-ASR: phoneme error rate on TIMIT over 40 epochs, latency, parameters, FLOPs",
        "licence": "not stated in the files; see github.com/SamsungLabs/nb-asr",
        "citation": "Mehrotra et al. 2021, https://openreview.net/forum?id=CU0APx9LMaL",
    }
    objective = "val_per" if "val_per" in names else names[0]
    datasets = {"timit": DatasetSpec(metrics, objective)}
    return Content("nas_bench_asr", space, datasets, list(archs.values()), about, found)


def _read_file(path: Path) -> _File:
    name = path.name
    with open_file(path) as file:
        header = read_plain_pickle(file, f"{name}: its header", PLAIN)
        if not isinstance(header, dict) or header.get("dataset_type") not in _COLUMNS:
            raise ImportDataError(f"{name} does not begin with a header of NAS-Bench-ASR that names a dataset_type")
        rows = read_plain_pickle(file, f"{name}: its rows", PLAIN)
    kind, columns = header["dataset_type"], header.get("columns")
    wanted, also = _COLUMNS[kind]
    if not isinstance(columns, list | tuple) or tuple(columns[: len(wanted)]) != wanted:
        raise ImportDataError(f"{name}: its columns are {columns!r:.80}; they begin with {', '.join(wanted)}")
    space = header.get("search_space")
    if not isinstance(space, dict) or list(space.get("ops", ())) != _OPERATIONS or space.get("nodes") != 3:
        raise ImportDataError(f"{name}: search_space={space!r:.120}; three nodes of {', '.join(_OPERATIONS)} expected")
    if also is not None and also not in header:
        raise ImportDataError(f"{name}: its header names no {also}")
    if not isinstance(rows, list) or not rows:
        raise ImportDataError(f"{name} holds no rows after its header")
    found = {}
    for row in rows:
        if not isinstance(row, list | tuple) or len(row) != len(columns) or not isinstance(row[0], str):
            raise ImportDataError(f"{name}: row {row!r:.60} does not have the columns {', '.join(map(str, columns))}")
        if row[0] in found:
            raise ImportDataError(f"{name} holds the cell {row[0]:.40} twice")
        found[row[0]] = row
    return _File(name, kind, header.get(also) if also else None, columns, found)


def _archs(space: NASBenchASRSpace, files: Iterable[_File]) -> dict[str, Arch]:
    """md5 -> cell, for all cells in the files. Where a file gives the cell, its md5 is checked."""
    archs: dict[str, Arch] = {}
    for file in files:
        if file.kind != "training" or "arch" not in str(file.columns[-1]):
            continue
        for model, row in file.rows.items():
            try:
                arch = space.parse(row[-1])
            except NasbenchKitError as error:
                raise ImportDataError(f"{file.name}: cell {model:.40}: {error}") from None
            if archs.get(model) != arch:
                official = space.official_hash(arch)
                if official != model:
                    raise ImportDataError(
                        f"{file.name}: cell {space.format(arch)} is named {model:.40}, not {official}"
                    )
                archs.setdefault(model, arch)
    if any(model not in archs for file in files for model in file.rows):
        every = space.all_archs()
        _, first = np.unique(space.identity(every), return_index=True)
        for arch in map(tuple, every[np.sort(first)].tolist()):
            archs.setdefault(space.official_hash(arch), arch)
        held = set().union(*(file.rows for file in files))
        for file in files:
            for model in file.rows:
                if model not in archs:
                    raise ImportDataError(f"{file.name}: {model:.40} is the md5 of no cell of NAS-Bench-ASR")
        archs = {model: arch for model, arch in archs.items() if model in held}
    return archs


def _training(files: Sequence[_File], position: Mapping[str, int]) -> list[Stored]:
    runs: dict[int, dict[int, _File]] = {}  # epochs -> seed -> file
    for file in files:
        if file.kind == "training":
            curve = next(iter(file.rows.values()))[1]
            n_epochs = len(curve) if isinstance(curve, list | tuple) else 0
            if not isinstance(file.about, int) or not n_epochs:
                raise ImportDataError(f"{file.name}: seed {file.about!r:.20} or its first val_per is not as known")
            if file.about in runs.setdefault(n_epochs, {}):
                raise ImportDataError(f"{file.name}: seed {file.about} of {n_epochs} epochs is given twice")
            runs[n_epochs][file.about] = file
    metrics = []
    for n_epochs, of_seed in sorted(runs.items(), reverse=True):
        variant = "" if n_epochs == max(runs) else f"[e{n_epochs}]"
        seeds = tuple(sorted(of_seed))
        val = np.full((len(seeds), n_epochs, len(position)), np.nan)
        test = np.full((len(seeds), 1, len(position)), np.nan)
        for i, seed in enumerate(seeds):
            for model, row in of_seed[seed].rows.items():
                where = f"{of_seed[seed].name}: cell {model}"
                if not isinstance(row[1], list | tuple) or len(row[1]) != n_epochs:
                    raise ImportDataError(f"{where} has no {n_epochs} values of val_per")
                val[i, :, position[model]] = [amount(number, f"{where}: val_per") for number in row[1]]
                test[i, 0, position[model]] = amount(row[2], f"{where}: test_per")
        epochs = tuple(range(1, n_epochs + 1))
        metrics += [
            Stored(Metric(f"val_per{variant}", "val", _UNIT, "min", seeds, epochs), exact(val)),
            Stored(Metric(f"test_per{variant}", "test", _UNIT, "min", seeds, (n_epochs,)), exact(test)),
        ]
    return metrics


def _latency(file: _File, position: Mapping[str, int]) -> Stored:
    if not isinstance(file.about, str):
        raise ImportDataError(f"{file.name}: device {file.about!r:.40} is no name")
    return Stored(Metric.from_name(f"latency_s[{file.about}]"), exact(_column(file, 1, position)))


def _sizes(file: _File, position: Mapping[str, int]) -> list[Stored]:
    names = {"params": "params_m", "flops": "flops_m"}
    return [
        Stored(Metric.from_name(names[column]), _column(file, i, position), (1, 1_000_000))
        for i, column in enumerate(file.columns)
        if column in names
    ]


def _column(file: _File, i: int, position: Mapping[str, int]) -> NDArray[np.float64]:
    values = np.full((1, 1, len(position)), np.nan)
    for model, row in file.rows.items():
        values[0, 0, position[model]] = amount(row[i], f"{file.name}: cell {model}: {file.columns[i]}")
    return values

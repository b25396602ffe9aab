"""NAS-Bench-101 from its official files, and EC-NAS, which trained cells of the same space and measured energy.

    nasbench-kit import nasbench_full.tfrecord
    nasbench-kit import nasbench_only108.tfrecord
    nasbench-kit import nasbench_only108.pkl          (NASLib's copy)
    nasbench-kit import energy_4V9E.tfrecord          (EC-NAS)

A record of a TFRecord file is one training run of one cell: a JSON list of the cell's official hash, the epochs of the
run, matrix and operations of the cell, and a protocol buffer in base64. A budget of 4, 12, 36 or 108 epochs is a run
of its own, with its own learning rate schedule; runs are repeated three times. What is kept of each run:

- `train_accuracy`, `val_accuracy`, `test_accuracy`, `cost_s` at its end; the seeds 0, 1, 2 number the repeats in the
  order of the file;
- the same, called `val_accuracy[halfway]`, after half of its epochs. So epoch 108 of it means: after 54 of the 108
  epochs that the schedule was made for. EC-NAS's runs were evaluated after their first epoch instead, so there
  it is `val_accuracy[epoch1]`;
- `params_m`, which all runs of a cell agree on.

Left out are the evaluation before training, and the total time with evaluations (EC-NAS's is kept, as `total_time_s`).

Source: google-research/nasbench, `nasbench/api.py` and `nasbench/lib/model_metrics.proto`.
"""

from __future__ import annotations

import json
from binascii import a2b_base64
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import ImportDataError, listed
from nasbench_kit.formats.files import open_file
from nasbench_kit.formats.tfrecord import RecordError, broken, first_record, records
from nasbench_kit.importers.base import Content, Progress, origin, recognizes_file
from nasbench_kit.importers.model_metrics import EVALUATIONS, EXTRA, MEASURED, Messages, decode
from nasbench_kit.importers.nasbench101_cells import Cells
from nasbench_kit.importers.nasbench101_pickle import pickled_runs
from nasbench_kit.importers.nasbench101_pickle import recognizes as recognizes_pickle
from nasbench_kit.importers.training_runs import TrainingRuns
from nasbench_kit.spaces import NASBench101Space
from nasbench_kit.tables import DatasetSpec, Metric, Stored
from nasbench_kit.tables.spec import SEPARATE_TRAININGS

BUDGETS = (4, 12, 36, 108)
N_IMAGES = 9_984  # that accuracies are measured on, of all three splits: 78 batches of 128
FILES = ("nasbench_full.tfrecord", "nasbench_only108.tfrecord", "nasbench_only108.pkl")
_PUBLISHED = {  # sha256, as the release's README says it
    "3d64db8180fb1b0207212f9032205064312b6907a3bbc81eabea10db2f5c7e9c": "the published nasbench_full.tfrecord",
    "4c39c3936e36a85269881d659e44e61a245babcb72cb374eacacf75d0e5f4fd1": "the published nasbench_only108.tfrecord",
}
_BATCH = 16_384
_MOST_SECONDS = 1e12  # 30,000 years
_POSITION = {budget: i for i, budget in enumerate(BUDGETS)}

_ENTRY = {"hash": str, "epochs": int, "matrix": str, "operations": str, "metrics": str}

# What Metric.from_name does not know: unit and direction
_UNITS: dict[str, tuple[str, str | None]] = {
    "energy_kwh": ("kWh", "min"),
    "co2eq_g": ("g", "min"),
    "carbon_intensity_g_per_kwh": ("g/kWh", None),
    "total_time_s": ("s", "min"),
    "power_w": ("W", None),
    "energy_j": ("J", "min"),
}
_NOTES = {
    "seeds": "seeds number the repeats of a run in the order of the file",
    "halfway": "[halfway]: the same run after half of its epochs, so at epoch 108 after 54 of its 108",
    "epoch1": "[epoch1]: the same run after its first epoch, whatever the epoch asked for",
    "devices": "[gpu], [cpu]: of all devices that the file lists; of two processors it lists the first",
}
_ABOUT = {
    "nasbench101": {
        "title": "NAS-Bench-101: accuracies and seconds of training on CIFAR-10",
        "licence": "Apache-2.0 (google-research/nasbench)",
        "citation": "Ying et al. 2019, https://arxiv.org/abs/1902.09635",
    },
    "ec_nas": {
        "title": "EC-NAS: accuracies, seconds, energy and carbon dioxide of training cells on CIFAR-10",
        "licence": "MIT (EC-NAS-Bench)",
        "citation": "Bakhtiarifard, Igel and Selvan 2024, https://arxiv.org/abs/2210.06015",
    },
}


def recognizes(path: Path, head: bytes) -> bool:
    """Whether it is a TFRecord file of such records, NASLib's pickle of them, or a folder with an official file."""
    if path.is_dir():
        return any(recognizes_file(path / name, recognizes) for name in FILES)
    return _begins_with_hash(first_record(head)) or recognizes_pickle(head)


def _begins_with_hash(record: bytes | None) -> bool:
    start = (record or b"").lstrip()[:34]
    return len(start) == 34 and start[:2] == b'["' and not start[2:].strip(b"0123456789abcdef")


def read(paths: Sequence[Path], progress: Progress) -> Content:
    """The training runs in one official file.

    Raises:
        ImportDataError: It is damaged, or not what is known of it.
    """
    candidates = [file for path in paths for file in ([path / name for name in FILES] if path.is_dir() else [path])]
    files = [file for file in candidates if file.is_file()]
    if len(files) != 1:
        given = f" ({listed(files)})" if files else f" in {str(paths[0])!r}"
        raise ImportDataError(f"{len(files)} files of NAS-Bench-101 given{given}; one of {listed(FILES)} expected")
    with open_file(files[0]) as file:
        head = file.read(8)
    # the length of a record may begin as a pickle does, but ends in zeros
    read_file = _read_pickle if head[:1] == b"\x80" and any(head[3:]) else _read_tfrecord
    cells, runs = Cells(NASBench101Space()), TrainingRuns(BUDGETS, N_IMAGES)
    name, variant = read_file(files[0], cells, runs, progress)
    archs, params = cells.archs(), cells.params()
    cells.forget()
    keys = cells.space.key_many(archs)
    order = np.argsort(keys, kind="stable")
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    stored = runs.stored(_metrics(name, variant), ranks)
    stored.append(Stored(Metric.from_name("params_m"), params[order].reshape(1, 1, -1), (1, 1_000_000)))
    source = origin(files[0])
    published = _PUBLISHED.get(source["sha256"])
    notes = [_NOTES["seeds"], _NOTES[variant]]
    if name == "ec_nas":
        notes.append(_NOTES["devices"])
    else:
        notes.append(f"by its sha256, the file is {published or 'none of the two that were published'}")
    about = _ABOUT[name] | {"notes": notes, "sources": [source]}
    return Content(
        name, cells.space, {"cifar10": DatasetSpec(stored, epochs_are=SEPARATE_TRAININGS)}, archs[order], about
    )


def _metrics(name: str, variant: str) -> dict[str, Metric]:
    """Column of the runs -> what it means."""
    measured = (*MEASURED[2:], MEASURED[1])  # accuracies first
    named = {column: column for column in measured}
    named |= {f"{column}[midway]": f"{column}[{variant}]" for column in measured}
    if name == "ec_nas":
        named |= {column: column.replace("[midway]", f"[{variant}]") for column in EXTRA}
    return {column: _metric(metric) for column, metric in named.items()}


def _metric(name: str) -> Metric:
    stem = name.partition("[")[0]
    if stem in _UNITS:
        unit, direction = _UNITS[stem]
        return Metric(name, None, unit, direction)
    return Metric.from_name(name)


def _columns(values: NDArray[np.float64], suffix: str = "") -> dict[str, NDArray[np.float64]]:
    """An array (n, 4) of seconds and three accuracies by the names of the columns."""
    return {f"{name}{suffix}": values[:, i] for i, name in enumerate(MEASURED[1:])}


# ---- TFRecord ----


def _read_tfrecord(path: Path, cells: Cells, runs: TrainingRuns, progress: Progress) -> tuple[str, str]:
    """Fill cells and runs; the name of the release, and what its evaluation on the way is."""
    name, n_bytes = str(path), path.stat().st_size
    kind: tuple[str, str] | None = None
    with open_file(path) as file:
        entries = records(file, name)
        while batch := list(islice(entries, _BATCH)):
            progress(batch[0][0], n_bytes)
            offsets = [offset for offset, _ in batch]
            rows, positions, messages = _parse_entries(batch, cells, name)
            try:
                decoded = decode(messages)
                kind = _check(decoded, positions, kind)
                cells.agree(rows, decoded.params)
                cells.verify()
            except RecordError as error:
                raise broken(name, offsets[error.position], str(error)) from None
            values = _columns(decoded.measured[:, 2, 1:]) | _columns(decoded.measured[:, 1, 1:], "[midway]")
            if decoded.extra is not None:
                values |= {column: decoded.extra[:, i] for i, column in enumerate(EXTRA)}
            runs.add(rows, positions, values)
    if kind is None:
        raise ImportDataError(f"{name!r} is empty; the records of NAS-Bench-101 expected")
    progress(n_bytes, n_bytes)
    return kind


def _parse_entries(
    batch: Sequence[tuple[int, bytes]], cells: Cells, name: str
) -> tuple[NDArray[np.int32], NDArray[np.uint8], list[bytes]]:
    """Of each record of a batch: the cell, the position of its budget, the protocol buffer."""
    rows, positions, messages = [], [], []
    for position, (offset, data) in enumerate(batch):
        try:
            module_hash, budget, adjacency, operations, metrics = entry = json.loads(data.decode())
            if entry.__class__ is not list or budget.__class__ is not int:
                raise TypeError
            rows.append(cells.row(module_hash, adjacency, operations, position))
            positions.append(_POSITION[budget])
            messages.append(a2b_base64("".join(metrics.split()), strict_mode=True))
        except ImportDataError as error:
            raise broken(name, offset, str(error)) from None
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            raise broken(name, offset, _what_is_wrong(data, error)) from None
    return np.array(rows, np.int32), np.array(positions, np.uint8), messages


def _what_is_wrong(data: bytes, error: Exception) -> str:
    """Why the data of a record could not be read; thorough, where reading is fast."""
    try:
        entry = json.loads(data.decode())
    except (ValueError, RecursionError):
        return f"is no JSON in UTF-8 ({data[:40]!r}...)"
    if not isinstance(entry, list) or len(entry) != len(_ENTRY):
        return f"holds {entry!r:.80}; a list of {listed(_ENTRY)} expected"
    for value, (what, kind) in zip(entry, _ENTRY.items(), strict=True):
        if value.__class__ is not kind:
            return f"has {value!r:.40} for the {what}; {kind.__name__} expected"
    if entry[1] not in BUDGETS:
        return f"is of a run of {entry[1]:,} epochs; choose from {listed(BUDGETS)}"
    return f"has metrics that are no base64 ({error})"


def _check(decoded: Messages, positions: NDArray[np.uint8], kind: tuple[str, str] | None) -> tuple[str, str]:
    """Which release the records of a batch are of, and what their evaluation on the way is; all of a file agree.

    Raises:
        RecordError: A number is none, or the evaluations are those of other epochs.
    """
    epochs = decoded.measured[:, :, 0]
    name = "nasbench101" if decoded.extra is None else "ec_nas"
    if kind is None:
        kind = name, "epoch1" if epochs[0, 1] == 1 else "halfway"
    if name != kind[0]:
        raise RecordError(0, f"and those behind it look like {name}, those before like {kind[0]}; one release expected")
    budgets = np.array(BUDGETS)[positions]
    on_the_way = budgets / 2 if kind[1] == "halfway" else np.ones(len(budgets))
    wrong = np.argwhere(epochs != np.stack([np.zeros(len(budgets)), on_the_way, budgets], axis=1))
    if len(wrong):
        position, i = wrong[0].tolist()
        raise RecordError(
            position,
            f"says that its evaluations are after {listed(f'{epoch:g}' for epoch in epochs[position])} epochs;"
            f" 0, {on_the_way[position]:g}, {budgets[position]} expected",
        )
    for i in range(EVALUATIONS):
        _check_values(decoded.measured[:, i, 1:], f"evaluation {i}")
    return kind


def _check_values(values: NDArray[np.float64], where: str) -> None:
    """Whether an array (n, 4) holds seconds, and three accuracies.

    Raises:
        RecordError: Some is not.
    """
    for i, (name, largest) in enumerate(zip(MEASURED[1:], (_MOST_SECONDS, 1, 1, 1), strict=True)):
        wrong = np.flatnonzero(~((values[:, i] >= 0) & (values[:, i] <= largest)))  # catches NaN
        if len(wrong):
            right = "a fraction" if largest == 1 else "seconds"
            position = int(wrong[0])
            raise RecordError(position, f"says {values[position, i]:g} for {name} in {where}; {right} expected")


# ---- NASLib's pickle ----


def _read_pickle(path: Path, cells: Cells, runs: TrainingRuns, progress: Progress) -> tuple[str, str]:
    """As `_read_tfrecord`, from a pickle. How many cells are left is not known, so progress is in whole files."""
    progress(0, 1)
    entries = pickled_runs(path)
    while batch := list(islice(entries, _BATCH)):
        try:
            rows, positions = [], []
            for i, run in enumerate(batch):
                if run.budget not in BUDGETS:
                    raise RecordError(i, f"has a run of {run.budget!r:.40} epochs; choose from {listed(BUDGETS)}")
                positions.append(_POSITION[run.budget])
                rows.append(cells.row(run.module_hash, run.adjacency, run.operations, i))
            evaluations = np.array([run.evaluations for run in batch])
            _check_values(evaluations[:, 0], "the evaluation halfway")
            _check_values(evaluations[:, 1], "the final evaluation")
            cells.agree(np.array(rows, np.int32), np.array([run.params for run in batch]))
            cells.verify()
        except RecordError as error:
            raise ImportDataError(f"{str(path)!r}: cell {batch[error.position].module_hash} {error}") from None
        except ImportDataError as error:
            raise ImportDataError(f"{str(path)!r}: cell {batch[len(rows)].module_hash} {error}") from None
        values = _columns(evaluations[:, 1]) | _columns(evaluations[:, 0], "[midway]")
        runs.add(np.array(rows), np.array(positions), values)
    progress(1, 1)
    return "nasbench101", "halfway"

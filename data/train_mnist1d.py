"""Trains a cell of the table `nasbench201_mnist1d` once more, and says whether it ends where the table says.

    python data/train_mnist1d.py --arch 333423 --seed 5 --epochs 36

Needs PyTorch, and one to three seconds an epoch of one thread. The run is judged by its validation accuracy after the
last epoch: how far it lies from the mean of the table's three seeds, over the deviation to expect. Exit code 0: within
the noise, 1: not.
"""

from __future__ import annotations

import argparse

from mnist1d.noise import MOST, Judged, Noise
from mnist1d.recipe import MOST_SEED, Recipe
from mnist1d.signals import make_data
from rich.console import Console
from rich.progress import track

import nasbench_kit as nbk
from nasbench_kit.errors import NasbenchKitError, SettingError
from nasbench_kit.optional import require

TABLE = "nasbench201_mnist1d"
DATASETS = {36: "mnist1d", 12: "mnist1d-12", 4: "mnist1d-4"}


def train_again(arch: object, seed: int, n_epochs: int = 36, n_threads: int = 1) -> dict[str, Judged]:
    """Train one cell and judge it, by metric.

    Args:
        arch: The cell, in any form that the space reads; it is trained as it is given, not as its class was for the
            table.
        seed: Of the initial weights and of the order of the samples; the table has 0, 1 and 2.
        n_epochs: 36, 12 or 4: each is a schedule of its own.
        n_threads: How many threads PyTorch may use.

    Raises:
        SettingError: PyTorch is absent, or an argument out of range.
    """
    if not 0 <= seed <= MOST_SEED:
        raise SettingError(f"seed {seed}; a number from 0 to {MOST_SEED:,} expected")
    if n_threads < 1:
        raise SettingError(f"{n_threads} threads; at least one is needed")
    bench = nbk.load(f"{TABLE}/{DATASETS[n_epochs]}")
    cell = bench.space.parse(arch)
    torch = require("torch", "torch")
    from mnist1d.network import train

    torch.set_num_threads(n_threads)
    data = make_data()
    training = train(cell, bench.space.class_of(cell), seed, data, Recipe(epochs=n_epochs))
    *_, last = track(training, "training", n_epochs, console=Console(stderr=True), transient=True)
    right = {"val_accuracy": last.val / len(data["val"][1]), "test_accuracy": last.test / len(data["test"][1])}
    return {metric: Noise(bench, metric).judge(cell, value) for metric, value in right.items()}


def main() -> None:
    """Read the arguments, train, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--arch", required=True, help="the cell: its six digits or its official string")
    parser.add_argument("--seed", type=int, required=True, help="the table has 0, 1 and 2")
    parser.add_argument("--epochs", type=int, choices=DATASETS, default=36, help="of the whole schedule")
    parser.add_argument("--threads", type=int, default=1, help="that PyTorch may use")
    options = parser.parse_args()
    try:
        judged = train_again(options.arch, options.seed, options.epochs, options.threads)
    except NasbenchKitError as error:
        parser.exit(2, f"error: {error}\n")
    for metric, run in judged.items():
        recorded = ", ".join(f"{value:.4f}" for value in run.recorded)
        print(f"{metric} {run.value:.4f}; the table has {recorded}")
    val = judged["val_accuracy"]
    print(
        f"{'within' if val.is_within_noise else 'OUTSIDE'} the noise of seeds: val_accuracy lies {val.deviation:+.1f}"
        f" times the deviation to expect ({val.expected:.4f}) from the mean of the table's seeds; {MOST:g} at most"
    )
    parser.exit(0 if val.is_within_noise else 1)


if __name__ == "__main__":
    main()

"""NAS-Bench-101's cells: identity, official hash and queries, beside the reference's algorithm in the same process.

The reference (google-research/nasbench, `lib/model_spec.py` and `lib/graph_util.py`) needs TensorFlow to be installed;
its pruning and hashing are written here once more, step by step as there, and compared with ours on every cell.
The results in the table are made up.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import nasbench_kit as nbk
from nasbench_kit.spaces import NASBench101Space
from nasbench_kit.spaces.nasbench101 import EDGES, OPERATIONS
from nasbench_kit.spaces.nasbench101_cells import prune
from nasbench_kit.tables import DatasetSpec, Stored

ROUNDS = 5
N_CELLS = 2_000
N_BATCH = 1_000_000

Pair = tuple[np.ndarray, list[str]]


def reference_prune(matrix: np.ndarray, ops: list[str]) -> Pair:
    """Two depth-first searches, then vertices that either missed are deleted."""
    n = np.shape(matrix)[0]
    reached = []
    for start, ahead in ((0, True), (n - 1, False)):
        seen, frontier = {start}, [start]
        while frontier:
            top = frontier.pop()
            for v in range(top + 1, n) if ahead else range(top):
                if (matrix[top, v] if ahead else matrix[v, top]) and v not in seen:
                    seen.add(v)
                    frontier.append(v)
        reached.append(seen)
    extraneous = set(range(n)) - (reached[0] & reached[1])
    matrix = np.delete(np.delete(matrix, list(extraneous), axis=0), list(extraneous), axis=1)
    return matrix, [op for v, op in enumerate(ops) if v not in extraneous]


def reference_hash(matrix: np.ndarray, ops: list[str]) -> str:
    """As many rounds of md5 as there are vertices."""
    n = np.shape(matrix)[0]
    labels = [-1, *(OPERATIONS.index(op) for op in ops[1:-1]), -2]
    degrees = zip(np.sum(matrix, axis=1).tolist(), np.sum(matrix, axis=0).tolist(), labels, strict=True)
    hashes = [hashlib.md5(str(state).encode()).hexdigest() for state in degrees]
    for _ in range(n):
        new = []
        for v in range(n):
            before = "".join(sorted(hashes[w] for w in range(n) if matrix[w, v]))
            behind = "".join(sorted(hashes[w] for w in range(n) if matrix[v, w]))
            new.append(hashlib.md5(f"{before}|{behind}|{hashes[v]}".encode()).hexdigest())
        hashes = new
    return hashlib.md5(str(sorted(hashes)).encode()).hexdigest()


def pair_of(arch: list[int]) -> Pair:
    matrix = np.zeros((7, 7), np.int64)
    matrix[tuple(zip(*EDGES, strict=True))] = arch[: len(EDGES)]
    return matrix, ["input", *(OPERATIONS[code] for code in arch[len(EDGES) :]), "output"]


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def made_up_table(space: NASBench101Space, path: Path) -> nbk.Benchmark:
    """A table of the release's size: all cells x 3 repeats x 4 budgets, final and halfway."""
    rng = np.random.default_rng(0)
    archs = space.all_archs()
    seeds, epochs, shape = (0, 1, 2), (4, 12, 36, 108), (3, 4, len(archs))
    metrics = [Stored(nbk.Metric.from_name("params_m"), rng.integers(10**5, 10**7, (1, 1, len(archs))), (1, 10**6))]
    for name in ("val_accuracy", "test_accuracy", "train_accuracy", "cost_s"):
        for variant in ("", "[halfway]"):
            metric = nbk.Metric.from_name(name + variant, seeds, epochs)
            if name == "cost_s":
                metrics.append(Stored(metric, rng.uniform(50, 2_000, shape).astype(np.float32)))
            else:
                metrics.append(Stored(metric, rng.integers(1_000, 9_500, shape).astype(np.uint16), (1, 9_984), 65_535))
    nbk.Table.create(path, name="nasbench101", space=space, archs=archs, datasets={"cifar10": DatasetSpec(metrics)})
    return nbk.load("nasbench101/cifar10", table=path)


def main() -> None:
    space, rng = NASBench101Space(), np.random.default_rng(1)
    every = space.all_archs()
    print(f"median of {ROUNDS} rounds, in turns\n")
    print("| official hash of a batch | reference | ours | ratio |\n|---|---|---|---|")
    batches = {
        "random samples": space.sample_many(rng, N_CELLS),
        "random classes": every[rng.permutation(len(every))[:N_CELLS]],
    }
    for what, batch in batches.items():
        pairs = [pair_of(arch) for arch in batch.tolist()]
        assert space.official_hash_many(batch) == [reference_hash(*reference_prune(*pair)) for pair in pairs]
        times = []
        for _ in range(ROUNDS):
            prune.cache_clear()
            theirs = seconds(lambda pairs=pairs: [reference_hash(*reference_prune(*pair)) for pair in pairs])
            times.append(
                (theirs / N_CELLS * 1e6, seconds(lambda batch=batch: space.official_hash_many(batch)) / N_CELLS * 1e6)
            )
        theirs, ours = np.median(times, axis=0)
        print(f"| {what} | {theirs:.0f} us | {ours:.0f} us | {np.median([a / b for a, b in times]):.1f} |")

    batch = space.sample_many(rng, N_BATCH)
    print(f"\nidentity of {N_BATCH:,} random cells, validity checked: ", end="")
    print(f"{np.median([seconds(lambda: space.identity(batch)) for _ in range(ROUNDS)]):.2f} s")

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "nasbench101.h5"
        made_up_table(space, path)
        print(f"table of {len(every):,} cells: {path.stat().st_size / 1e6:.1f} MB")
        opening = [seconds(lambda: nbk.load("nasbench101/cifar10", table=path)) for _ in range(ROUNDS)]
        print(f"opened in {np.median(opening) * 1e3:.1f} ms")
        for kind, of in (("arrays", lambda pair: pair), ("lists", lambda pair: (pair[0].tolist(), pair[1]))):
            new, seen = [], []
            for _ in range(ROUNDS):
                benchmark = nbk.load("nasbench101/cifar10", table=path)
                pairs = [of(pair_of(arch)) for arch in space.sample_many(rng, N_CELLS).tolist()]
                prune.cache_clear()
                for times in (new, seen):
                    times.append(seconds(lambda b=benchmark, p=pairs: [b.query(pair) for pair in p]) / N_CELLS * 1e6)
            print(
                f"query of (matrix, operations) as {kind}: new {np.median(new):.1f} us, seen {np.median(seen):.2f} us"
            )


if __name__ == "__main__":
    main()

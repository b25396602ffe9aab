"""Speed and memory of tables, NAS-Bench-101's size first, beside the original's own code where that installs.

    python benchmarks/tables.py [--nasbench101 nasbench101.h5] [--rounds N] [--quick]

Without --nasbench101 a full-size file is generated (2 GB) and imported once, into the cache; that takes some minutes
and is measured too. The peer is nasbench-pytorch, which carries the original's ModelSpec and hash; the original itself
needs TensorFlow 1 and cannot be installed today.
"""

from __future__ import annotations

import importlib.util
import json
import resource
import statistics
import subprocess
import sys
import time
import types
from collections.abc import Iterator
from itertools import count, repeat
from pathlib import Path
from typing import Any

import side_by_side
from side_by_side import HERE, Row, interleaved, one_by_one, timed

# Seconds and bytes that the original took for its file of 108 epochs, on the machine of the figures in README.md.
ORIGINAL_OPEN_S, ORIGINAL_RSS_MB = 66.0, 1_812

FIRST_ANSWER = """
import json, sys, time
import numpy

def resident_mb():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))

before_mb, begun = resident_mb(), time.perf_counter()
import nasbench_kit as nbk
table = nbk.Table.open(sys.argv[1])
bench = nbk.Benchmark(table, table.datasets[0])
answer = bench.query(tuple(json.loads(sys.argv[2])))
answered_s = time.perf_counter() - begun
bench.query_many(table.archs()[:100], missing="nan")
print(json.dumps([answered_s, resident_mb() - before_mb]))
"""


def main() -> None:
    """Enter the environment, making it if needed; once inside, measure and print."""
    parser = side_by_side.parser(__doc__)
    parser.add_argument("--nasbench101", type=Path, help="a table of NAS-Bench-101, imported before")
    arguments = parser.parse_args()
    side_by_side.enter_environment(arguments.venv, __file__)
    rounds = 3 if arguments.quick else arguments.rounds
    arguments.cache.mkdir(exist_ok=True)
    table = arguments.nasbench101 or _generated(arguments.cache)
    side_by_side.print_rows(_nasbench101_rows(str(table), rounds))
    _print_first_answers([str(table), *_other_tables()], rounds)


def _generated(cache: Path) -> Path:
    """A full-size table, imported from a generated file in the official format."""
    table, file = cache / "nasbench101.h5", cache / "nasbench_full.tfrecord"
    if not table.exists():
        if not file.exists():
            subprocess.run([sys.executable, HERE / "generate_nasbench101.py", "--out", file], check=True)
        begun = time.perf_counter()
        command = [sys.executable, "-m", "nasbench_kit", "import", file, "--out", table]
        subprocess.run(command, check=True)
        memory_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"import of {file.stat().st_size:,} bytes: {time.perf_counter() - begun:.0f} s, {memory_mb:.0f} MB")
    return table


def _nasbench101_rows(path: str, rounds: int) -> Iterator[Row]:
    import numpy as np

    import nasbench_kit as nbk

    table = nbk.Table.open(path)
    space = table.space
    original = _original_hash()
    rng = np.random.default_rng(0)
    archs = space.sample_many(rng, 1_000_000)

    n = 2_000
    specs = [[_matrix_and_ops(arch) for arch in archs[i * n : (i + 1) * n].tolist()] for i in range(rounds + 1)]
    benches = (nbk.Benchmark(nbk.Table.open(path), "cifar10") for _ in count())  # each has seen nothing
    new, peer = interleaved(
        rounds,
        timed(lambda given: one_by_one(given[0].query)(given[1]), zip(benches, specs, strict=False), n),
        timed(one_by_one(original), iter(specs), n),
    )
    yield Row("query of a new (matrix, ops)", "60 us allowed", new, 60e-6, at_most=1)
    yield Row("query of a new (matrix, ops)", "original's prune and hash", new, peer)
    bench = nbk.Benchmark(table, "cifar10")
    as_arrays = [(np.array(matrix), ops) for matrix, ops in specs[0]]
    for kind, given in (("lists", specs[0]), ("an array and a list", as_arrays)):
        one, many, peer = interleaved(
            rounds,
            timed(one_by_one(bench.query), repeat(given[:1] * n), n),
            timed(one_by_one(bench.query), repeat(given), n),
            timed(one_by_one(original), repeat(specs[0][:200]), 200),
        )
        yield Row(f"query of one seen before, {kind}", "2 us allowed", one, 2e-6, at_most=1)
        yield Row(f"query of {n:,} seen before, {kind}", "2 us allowed", many, 2e-6, at_most=1)
        yield Row(f"query of {n:,} seen before, {kind}", "original's prune and hash", many, peer)
    batch = archs[:20_000]
    hashed, peer = interleaved(
        max(2, rounds // 3),
        timed(space.official_hash_many, (archs[i * 20_000 : (i + 1) * 20_000] for i in count()), len(batch)),
        timed(one_by_one(original), repeat(specs[0]), n),
    )
    yield Row("official md5 of 20,000 cells", "original's prune and hash", hashed, peer, at_least=3)
    (identity,) = interleaved(2, timed(space.identity, repeat(archs), len(archs)))
    yield Row("identity of 1,000,000 cells", "3 s allowed", identity, 3e-6, at_most=1)
    bench.query_many(batch)
    (many,) = interleaved(2, timed(bench.query_many, repeat(archs), len(archs)))
    yield Row("query_many of 1,000,000 cells", "original's prune and hash", many, peer)


def _matrix_and_ops(arch: list[int]) -> tuple[list[list[int]], list[str]]:
    bits = iter(arch)
    matrix = [[next(bits) if column > row else 0 for column in range(7)] for row in range(7)]
    names = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
    return matrix, ["input", *(names[op] for op in bits), "output"]


def _original_hash() -> Any:
    """ModelSpec and hash of the original, from nasbench-pytorch, without its networks (they need torch)."""
    found = importlib.util.find_spec("nasbench_pytorch")
    assert found is not None
    assert found.submodule_search_locations is not None
    package = types.ModuleType("nasbench_pytorch.model")
    package.__path__ = [f"{found.submodule_search_locations[0]}/model"]
    sys.modules["nasbench_pytorch.model"] = package
    torch = types.ModuleType("torch")
    torch.tensor = lambda matrix: matrix  # type: ignore[attr-defined]  # its last step, which the original does not have
    sys.modules["torch"] = torch
    from nasbench_pytorch.model.model_spec import ModelSpec

    labels = ["conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"]
    return lambda spec: ModelSpec(*spec).hash_spec(labels)


def _other_tables() -> list[str]:
    from nasbench_kit.catalog import list_tables

    return list(list_tables().values())


def _print_first_answers(tables: list[str], rounds: int) -> None:
    import nasbench_kit as nbk

    print("\nopen and first answer, in a new process after `import numpy`:")
    for path in tables:
        table = nbk.Table.open(path)
        arch = json.dumps(nbk.Benchmark(table, table.datasets[0]).best().arch)
        runs = []
        for _ in range(rounds + 1):
            run = subprocess.run(
                [sys.executable, "-c", FIRST_ANSWER, path, arch], check=True, capture_output=True, text=True
            )
            runs.append(json.loads(run.stdout))
        answer_s, memory_mb = map(statistics.median, zip(*runs[1:], strict=True))
        size_mb = Path(path).stat().st_size / 1e6
        line = f"  {table.name:<18} {size_mb:7.1f} MB on disk {1e3 * answer_s:7.1f} ms {memory_mb:6.1f} MB above numpy"
        if table.name == "nasbench101":
            line += f"; the original {ORIGINAL_OPEN_S / answer_s:,.0f} times as long, {ORIGINAL_RSS_MB:,} MB"
        print(line)


if __name__ == "__main__":
    main()

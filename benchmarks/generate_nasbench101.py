"""Write a file laid out as `nasbench_full.tfrecord` is, of full size, with SYNTHETIC numbers.

    python benchmarks/generate_nasbench101.py --out nasbench_full.tfrecord             2 GB, a few minutes
    python benchmarks/generate_nasbench101.py --out nasbench_only108.tfrecord --only108
    python benchmarks/generate_nasbench101.py --out small.tfrecord --cells 100

For measuring how fast, and in how much memory, such files are read, where the official one is not at hand. Real are the
cells (all 423,624, pruned), their hashes, and the layout to the byte: framing, checksums, JSON, base64 in lines of 76,
protocol buffers, three repeats of each budget. So the sizes are those of the official files: 2,085,986,016 bytes, and
522,767,376 of 108 epochs alone. NOT real, but made up by a random generator: accuracies, times,
parameters. They lie where the official ones do (multiples of 1/9984 and times, both as float32 widened to double), grow
with the epochs, and say nothing about any cell. Records are in random order, which is the hardest for a reader.
"""

from __future__ import annotations

import argparse
import base64
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import google_crc32c
import numpy as np

from nasbench_kit.spaces import NASBench101Space

BUDGETS = np.array([4, 12, 36, 108])
REPEATS = 3
N_IMAGES = 9_984
CHUNK = 20_000

_DOUBLE = {name: [("tag", "u1"), ("value", "<f8")] for name in ("epoch", "time", "train", "val", "test")}
_EVALUATION = np.dtype([("tag", "u1"), ("size", "u1"), *_DOUBLE.items()])


class Results:
    """Made-up results of cells.

    Attributes:
        counts: Images classified correctly: uint16 (cells, budgets, repeats, evaluations, 3 splits).
        times: Seconds of training: float32 (cells, budgets, repeats, evaluations).
        params: Trainable parameters: int64 (cells,).
    """

    def __init__(self, archs: np.ndarray, budgets: np.ndarray, rng: np.random.Generator) -> None:
        n, shape = len(archs), (len(archs), len(budgets), REPEATS)
        n_conv3, n_conv1 = ((archs[:, 21:] == op).sum(axis=1) for op in (0, 1))
        self.params = 227_274 + 7_800_000 * n_conv3 + 870_000 * n_conv1 + rng.integers(0, 500_000, n)
        quality = 0.84 + 0.012 * n_conv3 + 0.004 * n_conv1 + rng.normal(0, 0.01, n)
        progress = np.stack([0 * budgets, 1 - 2 / budgets, 1 - 1 / budgets], axis=1)  # before, halfway, at the end
        self.counts = np.empty((*shape, 3, 3), np.uint16)
        for split, gain in enumerate((0.05, 0.0, -0.006)):
            accuracy = 0.1 + (quality[:, None, None] + gain - 0.1)[..., None] * progress[:, None, :]
            accuracy = accuracy + rng.normal(0, 0.006, (*shape, 3)).astype(np.float32)
            accuracy = np.where(rng.random(shape)[..., None] < 0.002, 0.1, accuracy)  # a few runs learn nothing
            self.counts[..., split] = np.rint(np.clip(accuracy, 0, 1) * N_IMAGES)
        per_epoch = 4 + 1.3e-6 * self.params + rng.uniform(0, 4, n)
        seconds = per_epoch[:, None, None] * budgets[:, None] * rng.uniform(0.98, 1.02, shape)
        self.times = (seconds[..., None] * np.array([0, 0.502, 1])).astype(np.float32)

    def messages(
        self, cells: np.ndarray, positions: np.ndarray, repeats: np.ndarray, budgets: np.ndarray
    ) -> list[bytes]:
        """The protocol buffer of each of some training runs."""
        evaluations = np.empty((len(cells), 3), _EVALUATION)
        evaluations["tag"], evaluations["size"] = 0x0A, _EVALUATION.itemsize - 2
        for number, name in enumerate(_DOUBLE, 1):
            evaluations[name]["tag"] = number << 3 | 1
        evaluations["epoch"]["value"] = budgets[positions][:, None] * np.array([0, 0.5, 1])
        evaluations["time"]["value"] = self.times[cells, positions, repeats]
        for split, name in enumerate(("train", "val", "test")):
            counts = self.counts[cells, positions, repeats, :, split]
            evaluations[name]["value"] = (counts / N_IMAGES).astype(np.float32)
        total = evaluations["time"]["value"][:, 2] + 45.0
        return [
            evaluation.tobytes() + b"\x10" + _varint(params) + b"\x19" + struct.pack("<d", seconds)
            for evaluation, params, seconds in zip(
                evaluations, self.params[cells].tolist(), total.tolist(), strict=True
            )
        ]


def _varint(number: int) -> bytes:
    digits = []
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*digits, number])


def _masked_crc32c(data: bytes) -> int:
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def write_record(file: IO[bytes], data: bytes) -> None:
    """One record: length, its checksum, data, their checksum."""
    length = struct.pack("<Q", len(data))
    file.write(b"".join([length, _masked_crc32c(length).to_bytes(4, "little"), data]))
    file.write(_masked_crc32c(data).to_bytes(4, "little"))


def entries(n_cells: int | None, only108: bool, seed: int) -> Iterator[bytes]:
    """The JSON of each record."""
    rng = np.random.default_rng(seed)
    space = NASBench101Space()
    archs = space.all_archs()
    if n_cells is not None:
        archs = archs[np.sort(rng.permutation(len(archs))[:n_cells])]
    budgets = BUDGETS[-1:] if only108 else BUDGETS
    heads = []
    for arch, module_hash in zip(map(tuple, archs.tolist()), space.official_hash_many(archs), strict=True):
        matrix, operations = space.prune(arch)
        adjacency = "".join(str(bit) for row in matrix for bit in row)
        heads.append((f'["{module_hash}", ', f', "{adjacency}", "{",".join(operations)}", "'))
    results = Results(archs, budgets, rng)
    order = rng.permutation(len(archs) * len(budgets) * REPEATS)
    for start in range(0, len(order), CHUNK):
        cells, rest = np.divmod(order[start : start + CHUNK], len(budgets) * REPEATS)
        positions, repeats = np.divmod(rest, REPEATS)
        messages = results.messages(cells, positions, repeats, budgets)
        for cell, budget, message in zip(cells.tolist(), budgets[positions].tolist(), messages, strict=True):
            before, after = heads[cell]
            text = base64.encodebytes(message).decode().replace("\n", "\\n")
            yield f'{before}{budget}{after}{text}"]'.encode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    parser.add_argument("--cells", type=int, help="how many of the 423,624; all by default")
    parser.add_argument("--only108", action="store_true", help="runs of 108 epochs alone")
    parser.add_argument("--seed", type=int, default=0, help="of the random generator; same seed, same bytes")
    arguments = parser.parse_args()
    partial = arguments.out.with_name(arguments.out.name + ".partial")
    n_records = 0
    with open(partial, "wb", buffering=1 << 20) as file:
        for entry in entries(arguments.cells, arguments.only108, arguments.seed):
            write_record(file, entry)
            n_records += 1
    os.replace(partial, arguments.out)
    print(f"{arguments.out}: {n_records:,} records, {arguments.out.stat().st_size:,} bytes; the results are SYNTHETIC")


if __name__ == "__main__":
    main()

"""The paths of a NAS-Bench-201 cell as its function sees them: an encoding for models, `path_counts`.

A skip connection passes on what it gets, and a node adds up what arrives. So what a cell computes of its input is a sum
over paths: how many paths apply which operations in which order. Networks fitted to these counts predict cells that
they have not seen better than those fitted to the operations on the edges, or to which paths there are.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from nasbench_kit.encodings.sparse import Sparse
from nasbench_kit.spaces import Arch, Space
from nasbench_kit.spaces.nasbench201_forms import NONE, OPERATIONS, SKIP

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PATHS = ((3,), (0, 4), (1, 5), (0, 2, 5))  # as positions of edges, from input to output
STEPS = tuple(code for code in range(len(OPERATIONS)) if code not in (NONE, SKIP))
SEQUENCES = tuple(sequence for length in range(4) for sequence in product(STEPS, repeat=length))
_CONVOLUTIONS = tuple(code for code in STEPS if OPERATIONS[code].startswith("nor_conv"))
_LARGE = (OPERATIONS.index("nor_conv_3x3"),)
_POOLINGS = tuple(code for code in STEPS if "pool" in OPERATIONS[code])
_BASE = len(OPERATIONS)
_LENGTHS = tuple(  # per sequence: convolutions, 3x3 convolutions and poolings in it
    tuple(sum(code in kind for code in sequence) for kind in (_CONVOLUTIONS, _LARGE, _POOLINGS))
    for sequence in SEQUENCES
)
_COLUMN = {sequence: column for column, sequence in enumerate(SEQUENCES)}
_N_NUMBERS = len(SEQUENCES) + len(STEPS) + 3 * 3 + 5
_MOST = 8  # that any of the numbers can be: two paths of one operation, one of two and one of three hold so many
N_COLUMNS = _N_NUMBERS * _MOST  #: of the sparse encoding


def path_counts(archs: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How many paths from input to output apply each sequence of operations, and what follows from that.

    The columns: for each sequence of at most three operations without `none` and `skip_connect`, shorter ones first,
    the number of paths that apply it (40 columns); how many edges on any path have each of these operations (3); for
    convolutions, 3x3 convolutions and poolings, the most and the fewest on any path (no path: 0), and the sum over
    paths (9); the number of paths and of different ones (2); how many paths have no convolution, of these how many
    apply nothing at all, and how many convolve and do not pool (3).

    Args:
        archs: A batch of NAS-Bench-201 cells.

    Returns:
        float32 (n_archs, 57). Cells that `space.identity` calls the same have the same, but for the counts of edges:
        these tell one convolution that is used twice from two.
    """
    import numpy as np

    wide = archs.astype(np.intp)
    there = np.stack([(wide[:, path] != NONE).all(axis=1) for path in PATHS], axis=1)  # (n_archs, n_paths)
    codes = np.zeros(there.shape, np.intp)  # the sequence as digits
    for i, path in enumerate(PATHS):
        for edge in path:
            counts = wide[:, edge] != SKIP
            codes[counts, i] = codes[counts, i] * _BASE + wide[counts, edge]
    column_of = np.zeros(_BASE**3, np.intp)
    for column, sequence in enumerate(SEQUENCES):
        column_of[sum(code * _BASE**place for place, code in enumerate(reversed(sequence)))] = column
    counted = np.zeros((len(wide), len(SEQUENCES)))
    rows = np.arange(len(wide))
    for i in range(len(PATHS)):
        np.add.at(counted, (rows[there[:, i]], column_of[codes[there[:, i], i]]), 1)

    live = np.zeros(archs.shape, bool)
    for i, path in enumerate(PATHS):
        live[:, path] |= there[:, i, None]
    edges = np.stack([(live & (wide == code)).sum(axis=1) for code in STEPS], axis=1)
    lengths = np.array(_LENGTHS).T
    met = counted > 0
    depths = []
    for each in lengths:
        most = np.where(met, each, 0).max(axis=1)
        fewest = np.where(met.any(axis=1), np.where(met, each, len(PATHS)).min(axis=1), 0)
        depths += [most, fewest, counted @ each]
    flat, pooled = lengths[0] == 0, lengths[2] > 0
    kinds = [counted[:, which].sum(axis=1) for which in (flat, flat & ~pooled, ~flat & ~pooled)]
    rest = [counted.sum(axis=1), met.sum(axis=1), *kinds]
    return np.column_stack([counted, edges, *depths, *rest]).astype(np.float32)


def path_columns(arch: Arch) -> list[int]:
    """The sparse encoding of one cell: column `8 i + v - 1` where number `i` of `path_counts` is `v`, above 0."""
    found: dict[int, int] = {}
    live: set[int] = set()
    for path in PATHS:
        codes = [arch[edge] for edge in path]
        if NONE not in codes:
            live.update(path)
            column = _COLUMN[tuple([code for code in codes if code != SKIP])]
            found[column] = found.get(column, 0) + 1
    if not found:
        return []
    at = len(SEQUENCES)
    on_edges = [arch[edge] for edge in live]
    numbers = [(at + i, on_edges.count(code)) for i, code in enumerate(STEPS)]
    at += len(STEPS)
    flat = plain = deep = total = 0
    for kind in range(3):
        lengths = [_LENGTHS[column][kind] for column in found]
        summed = sum([_LENGTHS[column][kind] * n for column, n in found.items()])
        numbers += [(at, max(lengths)), (at + 1, min(lengths)), (at + 2, summed)]
        at += 3
    for column, n in found.items():
        convolutions, _, poolings = _LENGTHS[column]
        total += n
        flat += n * (not convolutions)
        plain += n * (not convolutions and not poolings)
        deep += n * (convolutions > 0 and not poolings)
    numbers += [(at, total), (at + 1, len(found)), (at + 2, flat), (at + 3, plain), (at + 4, deep)]
    return [number * _MOST + value - 1 for number, value in (*found.items(), *numbers) if value]


def path_columns_many(archs: NDArray[np.uint8]) -> NDArray[np.intp]:
    """`path_columns` of a batch: (n_archs, at most so many), filled up with `N_COLUMNS`."""
    import numpy as np

    values = path_counts(archs).astype(np.intp)
    columns = np.where(values > 0, np.arange(_N_NUMBERS) * _MOST + values - 1, N_COLUMNS)
    columns.sort(axis=1)
    width = int((columns < N_COLUMNS).sum(axis=1).max(initial=1))
    return columns[:, :width]


def sparse_path_counts(space: Space) -> Sparse:
    """One column per number and value it has, of the numbers of `path_counts`."""
    return Sparse(N_COLUMNS, path_columns, path_columns_many)

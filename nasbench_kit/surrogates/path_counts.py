"""The paths of a NAS-Bench-201 cell as its function sees them: an encoding for models, `path_counts`.

A skip connection passes on what it gets, and a node adds up what arrives. So what a cell computes of its input is a sum
over paths: how many paths apply which operations in which order. Networks fitted to these counts predict cells that
they have not seen better than those fitted to the operations on the edges, or to which paths there are.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from nasbench_kit.spaces.nasbench201 import NONE, OPERATIONS, SKIP

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
    lengths = [
        np.array([sum(code in of_kind for code in sequence) for sequence in SEQUENCES])
        for of_kind in (_CONVOLUTIONS, _LARGE, _POOLINGS)
    ]
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

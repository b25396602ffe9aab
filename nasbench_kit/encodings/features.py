"""What models read of an architecture: encodings with a name, so that a stored model says which one it was fitted to.

Matrices are made by the functions of `nasbench_kit.encodings`; several joined by `+` stand side by side. A network
reads instead which columns of a sparse encoding are 1: that is known in microseconds for one architecture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import accumulate, combinations
from typing import TYPE_CHECKING, Any, NamedTuple

from nasbench_kit.errors import unknown
from nasbench_kit.spaces import Arch, DARTSSpace, NASBench101Space, NASBench201Space, Space

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# ---- matrices, for trees and dense networks ----


def matrix(space: Space, archs: object, names: str) -> NDArray[Any]:
    """Features of a batch: float32 (n_archs, n_columns).

    Args:
        space: Where the architectures come from.
        archs: A batch in any form.
        names: One of `matrices(space)`, or several joined by `+`.

    Raises:
        UnknownNameError: There is no such encoding for this space.
    """
    import numpy as np

    there = matrices(space)
    for name in names.split("+"):
        if name not in there:
            raise unknown(f"encoding of {space.name}", name, there)
    batch = space.parse_many(archs)
    return np.hstack([there[name](batch).astype(np.float32) for name in names.split("+")])


def matrices(space: Space) -> dict[str, Callable[[NDArray[np.uint8]], NDArray[Any]]]:
    """The encodings that `matrix` knows for a space, by name."""
    from nasbench_kit import encodings

    found: dict[str, Callable[[NDArray[np.uint8]], NDArray[Any]]] = {
        "one_hot": lambda archs: encodings.one_hot(space, archs),
        "adjacency": lambda archs: encodings.adjacency(space, archs),
        "paths": lambda archs: encodings.paths(space, archs, _MOST_PATHS),
        "weisfeiler_lehman": lambda archs: encodings.weisfeiler_lehman(space, archs),
    }
    if isinstance(space, DARTSSpace):
        found["configuration"] = space.vector  # the 56 columns of NAS-Bench-301
    if isinstance(space, NASBench201Space):
        from nasbench_kit.encodings.nasbench201 import path_counts

        found["path_counts"] = path_counts
    return found


_MOST_PATHS = 1_024


# ---- sparse columns, for networks ----


class Sparse(NamedTuple):
    """A sparse encoding: which columns are 1."""

    n_columns: int
    one: Callable[[Arch], Sequence[int]]  #: the columns of one architecture, without numpy
    many: Callable[[NDArray[np.uint8]], NDArray[np.intp]]
    """Of a batch: (n_archs, at most so many); `n_columns` stands for none."""


@cache
def sparse(space: Space, name: str) -> Sparse:
    """The sparse encoding of this name.

    - "one_hot": one column per decision and choice.
    - "pairs": these, and one per two decisions and their choices.
    - "edges" (DARTS): one column per edge and operation, and per node and its inputs.
    - "cell" (NAS-Bench-101): of the canonical form of a cell, one column per vertex and operation, and per edge and the
      operations at its ends. Isomorphic cells have the same.
    - "neighborhoods" (NAS-Bench-101): these; per vertex its operation with those of the vertices before and behind it,
      wherever it stands; and per path its operations, as often as there is such a path.
    - "path_counts" (NAS-Bench-201): one per number and value it has, of the numbers of the matrix of that name.

    Several joined by `+` stand side by side.

    Raises:
        UnknownNameError: There is no such encoding for this space.
    """
    there: dict[str, Callable[[Any], Sparse]] = {"one_hot": _one_hot, "pairs": _pairs}
    if isinstance(space, DARTSSpace):
        there["edges"] = _edges
    if isinstance(space, NASBench101Space):
        there["cell"], there["neighborhoods"] = _cell, _neighborhoods
    if isinstance(space, NASBench201Space):
        there["path_counts"] = _path_counts
    found = []
    for part in name.split("+"):
        if part not in there:
            raise unknown(f"sparse encoding of {space.name}", part, there)
        found.append(there[part](space))
    return found[0] if len(found) == 1 else _side_by_side(found)


def _side_by_side(parts: Sequence[Any]) -> Sparse:
    import numpy as np

    *starts, n_columns = accumulate((part.n_columns for part in parts), initial=0)

    def one(arch: Arch) -> list[int]:
        return [start + column for start, part in zip(starts, parts, strict=True) for column in part.one(arch)]

    def many(archs: NDArray[np.uint8]) -> NDArray[np.intp]:
        found = [part.many(archs) for part in parts]
        there = [columns < part.n_columns for columns, part in zip(found, parts, strict=True)]
        moved = [columns + start for columns, start in zip(found, starts, strict=True)]
        return np.where(np.hstack(there), np.hstack(moved), n_columns)

    return Sparse(n_columns, one, many)


def _path_counts(space: Space) -> Sparse:
    from nasbench_kit.encodings.nasbench201 import N_COLUMNS, path_columns, path_columns_many

    return Sparse(N_COLUMNS, path_columns, path_columns_many)


def _one_hot(space: Space) -> Sparse:
    import numpy as np

    starts = tuple(accumulate(space.n_choices[:-1], initial=0))

    def one(arch: Arch) -> list[int]:
        return [start + choice for start, choice in zip(starts, arch, strict=True)]

    return Sparse(sum(space.n_choices), one, lambda archs: archs.astype(np.intp) + np.array(starts))


def _pairs(space: Space) -> Sparse:
    import numpy as np

    alone = _one_hot(space)
    two = tuple(combinations(range(space.n_decisions), 2))
    sizes = [space.n_choices[a] * space.n_choices[b] for a, b in two]
    starts = tuple(accumulate(sizes[:-1], initial=alone.n_columns))
    steps = [(start, a, b, space.n_choices[b]) for start, (a, b) in zip(starts, two, strict=True)]

    def one(arch: Arch) -> list[int]:
        return [*alone.one(arch), *[start + arch[a] * n + arch[b] for start, a, b, n in steps]]

    def many(archs: NDArray[np.uint8]) -> NDArray[np.intp]:
        wide = archs.astype(np.intp)
        found = [start + wide[:, a] * n + wide[:, b] for start, a, b, n in steps]
        return np.hstack([alone.many(archs), np.stack(found, axis=1)])

    return Sparse(alone.n_columns + sum(sizes), one, many)


def _edges(space: DARTSSpace) -> Sparse:
    """Two cells of 14 edges and 7 operations, and the 19 ways in which three nodes of a cell choose their inputs."""
    import numpy as np

    from nasbench_kit.spaces.darts_forms import FIRST_EDGE, NODES, OPERATIONS, OPERATIONS_AT, PAIR_AT, PAIRS, PER_CELL

    n_operations = len(OPERATIONS)
    n_edges = sum(NODES)
    inputs_from = dict.fromkeys(PAIR_AT, 2 * n_edges * n_operations)
    per_cell = sum(len(PAIRS[node]) for node in PAIR_AT)
    for earlier, node in zip(PAIR_AT, list(PAIR_AT)[1:], strict=False):
        inputs_from[node] = inputs_from[earlier] + len(PAIRS[earlier])
    steps = [
        (
            -1 if node not in PAIR_AT else PER_CELL * cell + PAIR_AT[node],
            PER_CELL * cell + OPERATIONS_AT[node],
            inputs_from.get(node, 0) + per_cell * cell,
            [
                tuple((cell * n_edges + FIRST_EDGE[node] + source) * n_operations for source in pair)
                for pair in PAIRS[node]
            ],
        )
        for cell in (0, 1)
        for node in NODES
    ]

    def one(arch: Arch) -> list[int]:
        found = []
        for pair_at, operation_at, inputs, edges in steps:
            chosen = 0
            if pair_at >= 0:
                chosen = arch[pair_at]
                found.append(inputs + chosen)
            first, second = edges[chosen]
            found += (first + arch[operation_at], second + arch[operation_at + 1])
        return found

    def many(archs: NDArray[np.uint8]) -> NDArray[np.intp]:
        wide = archs.astype(np.intp)
        found = []
        for pair_at, operation_at, inputs, edges in steps:
            chosen = np.zeros(len(wide), np.intp)
            if pair_at >= 0:
                chosen = wide[:, pair_at]
                found.append(inputs + chosen)
            ends = np.array(edges)[chosen]
            found += [ends[:, i] + wide[:, operation_at + i] for i in (0, 1)]
        return np.stack(found, axis=1)

    return Sparse(2 * (n_edges * n_operations + per_cell), one, many)


def _cell(space: NASBench101Space) -> Sparse:
    from nasbench_kit.encodings.nasbench101 import Places

    return _of_canonical_cells(Places())


def _neighborhoods(space: NASBench101Space) -> Sparse:
    from nasbench_kit.encodings.nasbench101 import Neighborhoods, Paths, Places

    return _of_canonical_cells(Places(), Neighborhoods(), Paths())


def _of_canonical_cells(*parts: Any) -> Sparse:
    """Parts out of `cell_features`, side by side."""
    from nasbench_kit.spaces.nasbench101_cells import canonical, canonical_many

    all_parts = _side_by_side(parts)

    return Sparse(
        all_parts.n_columns,
        lambda arch: all_parts.one(canonical(arch)),
        lambda archs: all_parts.many(canonical_many(archs)),
    )

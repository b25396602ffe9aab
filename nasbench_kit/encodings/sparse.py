"""Sparse encodings: which columns of a 0/1 matrix are 1, known in microseconds for one architecture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, combinations
from typing import TYPE_CHECKING, Any, NamedTuple

from nasbench_kit.spaces import Arch, Space

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Sparse(NamedTuple):
    """A sparse encoding: which columns are 1."""

    n_columns: int
    one: Callable[[Arch], Sequence[int]]  #: the columns of one architecture, without numpy
    many: Callable[[NDArray[np.uint8]], NDArray[np.intp]]
    """Of a batch: (n_archs, at most so many); `n_columns` stands for none."""


def side_by_side(parts: Sequence[Any]) -> Sparse:
    """Several sparse encodings as one, the columns of the first before those of the next."""
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


def one_hot(space: Space) -> Sparse:
    """One column per decision and choice."""
    import numpy as np

    starts = tuple(accumulate(space.n_choices[:-1], initial=0))

    def one(arch: Arch) -> list[int]:
        return [start + choice for start, choice in zip(starts, arch, strict=True)]

    return Sparse(sum(space.n_choices), one, lambda archs: archs.astype(np.intp) + np.array(starts))


def pairs(space: Space) -> Sparse:
    """One column per decision and choice, and one per two decisions and their choices."""
    import numpy as np

    alone = one_hot(space)
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

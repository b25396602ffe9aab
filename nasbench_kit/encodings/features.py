"""Encodings by name, so that a stored model says which one it was fitted to, and what is best for which space.

Dense ones are matrices for trees and dense networks; of a sparse one a network reads which columns are 1. Several
joined by `+` stand side by side. A part of a space has the encodings of the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from nasbench_kit.encodings import darts, named, nasbench101, nasbench201
from nasbench_kit.encodings import sparse as of_any_space
from nasbench_kit.encodings.graph_features import graf
from nasbench_kit.encodings.sparse import Sparse, side_by_side
from nasbench_kit.errors import unknown
from nasbench_kit.spaces import (
    DARTSSpace,
    NASBench101Space,
    NASBench201Space,
    NASBenchNLPSpace,
    Space,
    TransNASMicroSpace,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Encode = Callable[[Space, Any], "NDArray[Any]"]

_MOST_PATHS = 1_024
_MOST_PAIRS = 30_000  # columns of the encoding "pairs" beyond which a network reads "one_hot"


class Encodings(NamedTuple):
    """What one space has beside the encodings of every space, and which ones models follow best, as trials found."""

    dense: Mapping[str, Encode] = {}
    sparse: Mapping[str, Callable[[Space], Sparse]] = {}
    best_dense: str | None = None  #: for trees; None: as for any space
    best_sparse: str | None = None  #: for networks; None: as for any space


_DENSE: dict[str, Encode] = {
    "one_hot": named.one_hot,
    "adjacency": named.adjacency,
    "paths": partial(named.paths, length=_MOST_PATHS),
    "weisfeiler_lehman": named.weisfeiler_lehman,
}
_SPARSE = {"one_hot": of_any_space.one_hot, "pairs": of_any_space.pairs}

# Histograms of neighborhoods help on NAS-Bench-101, where isomorphic cells are written in many ways, and harm on
# NAS-Bench-201, where paths with how often they occur say most. The graphs of DARTS have too many paths; there trees
# read the columns of NAS-Bench-301. Cells of NAS-Bench-NLP may have paths that no column was found for.
_OF_SPACE = {
    DARTSSpace: Encodings(
        {"configuration": darts.configuration, "graf": graf}, {"edges": darts.edges}, "configuration", "edges"
    ),
    NASBench101Space: Encodings(
        {"graf": graf},
        sparse={"cell": nasbench101.cell, "neighborhoods": nasbench101.neighborhoods},
        best_dense="paths+adjacency+weisfeiler_lehman",
        best_sparse="neighborhoods",
    ),
    NASBench201Space: Encodings(
        {"path_counts": lambda space, archs: nasbench201.path_counts(space.parse_many(archs)), "graf": graf},
        {"path_counts": nasbench201.sparse_path_counts},
        best_dense="path_counts",
    ),
    TransNASMicroSpace: Encodings({"graf": graf}),
    NASBenchNLPSpace: Encodings(best_dense="one_hot+adjacency+weisfeiler_lehman"),
}


def _own(space: Space) -> Encodings:
    return _OF_SPACE.get(type(space.whole), Encodings())


@named.of_a_space
def encodings_of(space: Space) -> dict[str, Callable[[Any], NDArray[Any]]]:
    """The dense encodings of a space by name: functions of a batch, to arrays (n_archs, n_columns)."""
    return {name: partial(encode, space) for name, encode in {**_DENSE, **_own(space).dense}.items()}


@named.of_a_space
def best_dense(space: Space) -> str:
    """The encoding that trees read where the caller names none: what was best in trials."""
    own = _own(space).best_dense
    if own is not None:
        return own
    # a graph that is but a chain of the decisions says nothing that these do not
    is_chain = type(space.whole).graph_many is Space.graph_many
    return "one_hot" if is_chain else "one_hot+paths+adjacency"


@named.of_a_space
def best_sparse(space: Space) -> str:
    """The sparse encoding that a network follows best, by measurement."""
    own = _own(space).best_sparse
    if own is not None:
        return own
    n = space.n_choices
    n_pairs = sum(n) + (sum(n) ** 2 - sum(k * k for k in n)) // 2
    return "pairs" if n_pairs <= _MOST_PAIRS else "one_hot"


@named.of_a_space
def matrix(space: Space, archs: object, names: str) -> NDArray[Any]:
    """The features of a batch: float32 (n_archs, n_columns).

    Args:
        space: Where the architectures come from.
        archs: A batch in any form.
        names: One of `encodings_of(space)`, or several joined by `+`.

    Raises:
        UnknownNameError: There is no such encoding for this space.
    """
    import numpy as np

    known = encodings_of(space)
    for name in names.split("+"):
        if name not in known:
            raise unknown(f"encoding of {space.name}", name, known)
    batch = space.parse_many(archs)
    return np.hstack([known[name](batch).astype(np.float32) for name in names.split("+")])


def tree_columns(space: Space, archs: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What trees read of a batch (n_archs, n_decisions): a column per choice; of ordered choices, their number."""
    import numpy as np

    is_ordered = [decision.ordered for decision in space.decisions]
    is_choice = np.repeat(np.invert(is_ordered), space.n_choices)
    return np.hstack([space.one_hot(archs)[:, is_choice], archs[:, is_ordered]])


@cache
def sparse(space: Space, names: str) -> Sparse:
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
    known: dict[str, Callable[[Space], Sparse]] = {**_SPARSE, **_own(space).sparse}
    for name in names.split("+"):
        if name not in known:
            raise unknown(f"sparse encoding of {space.name}", name, known)
    found = [known[name](space) for name in names.split("+")]
    return found[0] if len(found) == 1 else side_by_side(found)

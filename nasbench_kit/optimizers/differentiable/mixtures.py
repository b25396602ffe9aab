"""Encodings of mixtures: what a network reads where choices are not made, but have probabilities. Imports torch.

A mixture is a tensor (n_decisions, n_choices) of probabilities for each number of choices, float64. Its encoding is
that which architectures have on average whose choices are drawn independently: a polynomial of the probabilities,
linear in those of each decision. Where every probability is 0 or 1, it is the encoding of that architecture.

On DARTS, the decisions of a mixture are the operation on each of the 14 edges of both cells, as in its paper, and which
two of its inputs a node keeps, which the paper decides at the end, by the strongest operations. So an edge counts with
the probability that it is kept. At the end the most probable inputs are kept, with their most probable operations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from itertools import combinations
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from nasbench_kit.encodings.features import sparse
from nasbench_kit.spaces import DARTSSpace, Space
from nasbench_kit.spaces.darts_forms import CELLS, FIRST_EDGE, NODES, OPERATIONS, PAIRS

Mixture = Sequence[Tensor]
Rows = Sequence[Tensor]  # the probabilities of each decision, (n_choices,)

_TABULATED = 1 << 16  # architectures of a space, at most, of which all are looked at


class Relaxation(NamedTuple):
    """How mixtures of one space look, are encoded and become architectures."""

    shapes: tuple[tuple[int, int], ...]  #: of the tensors of a mixture
    encode: Callable[[Mixture], Tensor]  #: the expected encoding, (n_columns,)
    choices: Callable[[Mixture], tuple[int, ...]]  #: the choice of each decision of the space, by what is largest


def can_be_relaxed(space: Space, encoding: str) -> bool:
    """Whether `relaxation` knows how mixtures of a whole space are encoded so."""
    return _is_of_edges(space, encoding) or {*encoding.split("+")} <= {*_encoders(space)}


def relaxation(space: Space, encoding: str) -> Relaxation:
    """How mixtures are encoded.

    Args:
        space: A whole space.
        encoding: The name of a sparse encoding, see `nasbench_kit.encodings.features.sparse`, that can be relaxed.
    """
    if _is_of_edges(space, encoding):
        return _edges()
    known = _encoders(space)
    return _decisions(space, [known[name](space, name) for name in encoding.split("+")])


def _is_of_edges(space: Space, encoding: str) -> bool:
    return encoding == "edges" and isinstance(space, DARTSSpace)


def _encoders(space: Space) -> Mapping[str, Callable[[Space, str], Callable[[Rows], Tensor]]]:
    """Encodings of which an expectation over the decisions of the space can be computed."""
    is_small = space.is_product and space.size <= _TABULATED
    return {"one_hot": _one_hot, "pairs": _pairs, **({"path_counts": _tabulated} if is_small else {})}


def _decisions(space: Space, encoders: Sequence[Callable[[Rows], Tensor]]) -> Relaxation:
    """Mixtures of the decisions of the space itself, by their number of choices."""
    places = {size: [i for i, n in enumerate(space.n_choices) if n == size] for size in sorted({*space.n_choices})}
    order = np.argsort([i for those in places.values() for i in those]).tolist()

    def rows(mixture: Mixture) -> list[Tensor]:
        found = [row for table in mixture for row in table.unbind()]
        return [found[i] for i in order]

    return Relaxation(
        shapes=tuple((len(those), size) for size, those in places.items()),
        encode=lambda mixture: torch.cat([encode(rows(mixture)) for encode in encoders]),
        choices=lambda mixture: tuple([int(row.argmax()) for row in rows(mixture)]),
    )


def _one_hot(space: Space, name: str) -> Callable[[Rows], Tensor]:
    return lambda rows: torch.cat(list(rows))


def _pairs(space: Space, name: str) -> Callable[[Rows], Tensor]:
    return lambda rows: torch.cat([*rows, *[torch.outer(a, b).flatten() for a, b in combinations(rows, 2)]])


def _tabulated(space: Space, name: str) -> Callable[[Rows], Tensor]:
    """Any encoding of a space of which all architectures can be looked at: the mean over these, by probability."""
    encoding = sparse(space, name)
    columns = encoding.many(space.all_archs())
    table = np.zeros((len(columns), encoding.n_columns + 1), bool)  # the last column stands for none
    np.put_along_axis(table, columns, True, axis=1)
    _, first, which = np.unique(np.packbits(table, axis=1), axis=0, return_index=True, return_inverse=True)
    is_used = table[:, :-1].any(axis=0)
    used = torch.tensor(np.flatnonzero(is_used))
    # those of many architectures are the same
    encodings = torch.tensor(table[first, :-1][:, is_used], dtype=torch.float64)
    row_of = torch.tensor(which.ravel())

    def encode(rows: Rows) -> Tensor:
        joint = reduce(lambda joint, row: torch.outer(joint, row).flatten(), rows)  # (n_archs,)
        weights = torch.zeros(len(encodings), dtype=torch.float64).index_add(0, row_of, joint)
        return torch.zeros(encoding.n_columns, dtype=torch.float64).index_copy(0, used, weights @ encodings)

    return encode


def _edges() -> Relaxation:
    """Mixtures of the edges of DARTS: operations (28, 7), then pairs of inputs (2, n_pairs) of nodes 3, 4 and 5."""
    n_cells, n_edges = len(CELLS), sum(NODES)
    first, *later = NODES
    kept = [np.zeros((len(PAIRS[node]), node)) for node in later]  # whether a pair keeps an input
    for table, node in zip(kept, later, strict=True):
        for row, pair in zip(table, PAIRS[node], strict=True):
            row[list(pair)] = 1
    keeps = [torch.tensor(table) for table in kept]
    always = torch.ones((n_cells, first), dtype=torch.float64)  # node 2 keeps both

    def encode(mixture: Mixture) -> Tensor:
        operations, *pairs = mixture
        is_kept = torch.cat([always, *[pair @ keep for pair, keep in zip(pairs, keeps, strict=True)]], dim=1)
        on_edges = is_kept.flatten()[:, None] * operations
        return torch.cat([on_edges.flatten(), torch.cat(list(pairs), dim=1).flatten()])

    def choices(mixture: Mixture) -> tuple[int, ...]:
        operations, *pairs = [table.argmax(dim=1).tolist() for table in mixture]
        chosen = []
        for cell in range(n_cells):
            for node in NODES:
                pair = 0
                if node in later:
                    pair = pairs[later.index(node)][cell]
                    chosen.append(pair)
                chosen += [operations[cell * n_edges + FIRST_EDGE[node] + source] for source in PAIRS[node][pair]]
        return tuple(chosen)

    shapes = ((n_cells * n_edges, len(OPERATIONS)), *[(n_cells, len(PAIRS[node])) for node in later])
    return Relaxation(shapes, encode, choices)

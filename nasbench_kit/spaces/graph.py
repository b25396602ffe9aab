"""Architectures as graphs: for people, as papers draw them, and in batches, for encodings and neural networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Graph(NamedTuple):
    """One cell, as papers draw it."""

    nodes: tuple[str, ...]  #: what stands in each node; inputs first, in topological order
    edges: tuple[tuple[int, int, str], ...]  #: from node, to node, the operation on the way or ""

    @classmethod
    def chain(cls, labels: Sequence[str]) -> Graph:
        """Nodes one after the other."""
        return cls(tuple(labels), tuple((i, i + 1, "") for i in range(len(labels) - 1)))


class GraphBatch(NamedTuple):
    """Architectures as directed acyclic graphs of the same number of nodes, in topological order.

    Each has one node labeled `input` and one labeled `output`, which paths lead from and to; or, as recurrent cells,
    neither: then paths lead from what reads nothing to what nothing reads.
    """

    labels: tuple[str, ...]  #: the operations that nodes may carry
    nodes: NDArray[np.int16]  #: (n_archs, n_nodes): position in `labels`; -1 where an architecture has no such node
    adjacency: NDArray[np.uint8]  #: (n_archs, n_nodes, n_nodes): 1 at [a, i, j] for an edge from node i to node j

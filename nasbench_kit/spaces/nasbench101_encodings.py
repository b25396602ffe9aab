"""NAS-Bench-101 in the encodings A, B and C of its experiments: spaces of genotypes, many of which are one cell.

A genotype is valid where its cell is, and has at most 9 edges before anything is pruned; B and C cannot hold more.

Source: Ying et al. 2019, https://arxiv.org/abs/1902.09635; automl/nas_benchmarks, `tabular_benchmarks/nas_cifar10.py`,
`NASCifar10A` to `NASCifar10C`; google-research/nasbench, `lib/graph_util.py`, `gen_is_edge_fn`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, final

from nasbench_kit.spaces import nasbench101_graphs as cells
from nasbench_kit.spaces.base import Arch, Decision
from nasbench_kit.spaces.choices import by_commas
from nasbench_kit.spaces.constrained import ConstrainedSpace
from nasbench_kit.spaces.graph import Graph, GraphBatch
from nasbench_kit.spaces.nasbench101 import N_CLASSES, NASBench101Space
from nasbench_kit.spaces.nasbench101_graphs import EDGES, LAST, MAX_EDGES, N_EDGES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_N_OPERATIONS = LAST - 1
_DIRECT = EDGES.index((0, LAST))  # from input to output
# The numbers of edges in B: a text of bits that the reference reads from its end, column by column of the matrix.
_NUMBERED_IN_B = sorted(range(N_EDGES), key=lambda i: EDGES[i][::-1], reverse=True)
_N_LEVELS = 256  # of a number in [0, 1]


class GenotypeSpace(ConstrainedSpace):
    """Genotypes of cells of NAS-Bench-101: decisions that say which edges there are, then the five operations.

    Two genotypes of isomorphic cells have the same `identity`; their graph is that of the cell.
    """

    noun = "genotype"
    keyed_by_identity = True

    def __init__(self, name: str, edges: Iterable[Decision], example: Iterable[str]) -> None:
        self.cell_space = NASBench101Space()
        operations = self.cell_space.decisions[N_EDGES:]
        decisions, text = (*edges, *operations), ",".join([*example, *(op.choices[0] for op in operations)])
        super().__init__(name, decisions, {"official": by_commas(self, decisions, text)})
        self.n_keys = self.n_classes = N_CLASSES

    @abstractmethod
    def _edges(self, arch: Arch) -> list[int]:
        """Positions in `EDGES` of the edges that a genotype has."""

    @abstractmethod
    def _edges_many(self, archs: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """1 for each edge that each genotype has: uint8 (n_archs, 21)."""

    @abstractmethod
    def _with_edges(self, edges: list[int]) -> Arch:
        """Decisions of a genotype that has these edges, at most 9."""

    def cell(self, arch: Arch) -> Arch:
        """The cell of a genotype, an architecture of `NASBench101Space` if it is valid."""
        bits = [0] * N_EDGES
        for edge in self._edges(arch):
            bits[edge] = 1
        return (*bits, *arch[-_N_OPERATIONS:])

    def cell_many(self, archs: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """`cell` of each of a batch (n_archs, n_decisions): uint8 (n_archs, 26)."""
        import numpy as np

        return np.hstack([self._edges_many(archs), archs[:, -_N_OPERATIONS:]])

    def genotype(self, cell: Arch) -> Arch:
        """One of the genotypes of a (valid) cell: of what pruning leaves of it."""
        targets = cells.prune(cell[:N_EDGES]).targets
        edges = [i for i, (a, b) in enumerate(EDGES) if b in targets[a]]
        return (*self._with_edges(edges), *cell[N_EDGES:])

    def _invalid(self, arch: Arch) -> str | None:
        return self.cell_space._invalid(self.cell(arch))

    def valid_many(self, archs: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Whether the cell of each row of an array (n_archs, n_decisions) is one: bool (n_archs,)."""
        return cells.valid_many(self.cell_many(archs))

    def key(self, arch: Arch) -> int:
        """That of the cell."""
        return cells.identity(self.cell(arch))

    def identity(self, archs: object) -> NDArray[np.uint64]:
        """That of the cell of each genotype: uint64 (n_archs,)."""
        return cells.identity_many(self.cell_many(self.parse_many(archs)))

    def graphs(self, arch: Arch) -> dict[str, Graph]:
        """The pruned cell."""
        return self.cell_space.graphs(self.cell(arch))

    def graph_many(self, archs: object) -> GraphBatch:
        """The cells of a batch as graphs."""
        return self.cell_space.graph_many(self.cell_many(self.parse_many(archs)))


@final
class NASBench101A(GenotypeSpace):
    """Encoding A: a bit for each edge, as in `NASBench101Space`, which has cells of more edges, if few are left."""

    def __init__(self) -> None:
        bits = NASBench101Space().decisions[:N_EDGES]
        super().__init__("nasbench101_a", bits, map(str, self._with_edges([_DIRECT])))

    def _invalid(self, arch: Arch) -> str | None:
        n_edges = sum(arch[:N_EDGES])
        return super()._invalid(arch) if n_edges <= MAX_EDGES else f"{n_edges} edges; at most {MAX_EDGES} expected"

    def valid_many(self, archs: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """As `GenotypeSpace.valid_many`, with few enough edges."""
        return super().valid_many(archs) & (archs[:, :N_EDGES].sum(axis=1) <= MAX_EDGES)

    def _edges(self, arch: Arch) -> list[int]:
        return [edge for edge in range(N_EDGES) if arch[edge]]

    def _edges_many(self, archs: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return archs[:, :N_EDGES]

    def _with_edges(self, edges: list[int]) -> Arch:
        return tuple([int(edge in edges) for edge in range(N_EDGES)])


@final
class NASBench101B(GenotypeSpace):
    """Encoding B: nine decisions, each one of the 21 edges; an edge may be named several times.

    Choices have the numbers of the reference.
    """

    def __init__(self) -> None:
        choices = tuple(_named(EDGES[edge]) for edge in _NUMBERED_IN_B)
        slots = [Decision(f"edge{i}", choices) for i in range(1, MAX_EDGES + 1)]
        super().__init__("nasbench101_b", slots, [_named(EDGES[_DIRECT])] * MAX_EDGES)

    def _edges(self, arch: Arch) -> list[int]:
        return [_NUMBERED_IN_B[number] for number in arch[:MAX_EDGES]]

    def _edges_many(self, archs: NDArray[np.uint8]) -> NDArray[np.uint8]:
        import numpy as np

        found = np.zeros((len(archs), N_EDGES), np.uint8)
        np.put_along_axis(found, np.array(_NUMBERED_IN_B)[archs[:, :MAX_EDGES]], 1, axis=1)
        return found

    def _with_edges(self, edges: list[int]) -> Arch:
        numbers = [_NUMBERED_IN_B.index(edge) for edge in edges]
        return (*numbers, *numbers[:1] * (MAX_EDGES - len(numbers)))


@final
class NASBench101C(GenotypeSpace):
    """Encoding C: a number in [0, 1] for each edge, and how many edges, 0 to 9: those of the highest numbers.

    A number has one of 256 levels, as nothing but the order of the numbers matters. Of equal ones, that of the later
    edge is the higher, as in numpy's stable argsort, reversed; the reference's numbers have 53 bits, and are never
    equal.
    """

    def __init__(self) -> None:
        levels = tuple(map(str, range(_N_LEVELS)))
        numbers = [Decision(_named(edge), levels, ordered=True) for edge in EDGES]
        n_edges = Decision("n_edges", tuple(map(str, range(MAX_EDGES + 1))), ordered=True)
        super().__init__("nasbench101_c", (*numbers, n_edges), map(str, self._with_edges([_DIRECT])))

    def _edges(self, arch: Arch) -> list[int]:
        return sorted(range(N_EDGES), key=arch.__getitem__)[N_EDGES - arch[N_EDGES] :]

    def _edges_many(self, archs: NDArray[np.uint8]) -> NDArray[np.uint8]:
        import numpy as np

        found = np.empty((len(archs), N_EDGES), np.uint8)
        order = archs[:, :N_EDGES].argsort(axis=1, kind="stable")
        np.put_along_axis(found, order, np.arange(N_EDGES, 0, -1) <= archs[:, N_EDGES, None], axis=1)
        return found

    def _with_edges(self, edges: list[int]) -> Arch:
        return (*((_N_LEVELS - 1) * (edge in edges) for edge in range(N_EDGES)), len(edges))


def _named(edge: tuple[int, int]) -> str:
    return f"{edge[0]}->{edge[1]}"

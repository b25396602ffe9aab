"""The space of NAS-Bench-Graph: graph neural networks of four operations.

Each of four computing nodes carries one of nine operations and has one input: the network's input or an earlier node.
What no other node reads goes to the output. The release keeps nine ways to link the nodes, and calls networks the same
when they differ in the order of nodes or in skip connections that change nothing: 26,206 remain.

Source: Qin et al. 2022, https://arxiv.org/abs/2206.09166, section 3.1; the package nas-bench-graph 1.4.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, cached_property
from itertools import permutations
from math import prod
from operator import index as as_int
from typing import TYPE_CHECKING, Any, final

from nasbench_kit.errors import ArchitectureError, unknown
from nasbench_kit.spaces.base import Arch, Decision, Form
from nasbench_kit.spaces.constrained import ConstrainedSpace
from nasbench_kit.spaces.graph import Graph, GraphBatch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OPERATIONS = ("gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc", "skip")  # in the official order
SKIP = 8
LINKS = (  # the input of each node: 0 is the network's input, 1 the first node, ...; in the official order
    (0, 0, 0, 0),
    (0, 0, 0, 1),
    (0, 0, 1, 1),
    (0, 0, 1, 2),
    (0, 0, 1, 3),
    (0, 1, 1, 1),
    (0, 1, 1, 2),
    (0, 1, 2, 2),
    (0, 1, 2, 3),
)

_NODES = range(4)
_POWERS = (729, 81, 9, 1)  # what an operation counts in the rank, per node
_LINKS_POWER = 9**4
_MANY = 1_024  # from so many on, those of the whole space are found and kept: as much work as of 30,000
_TEXT = re.compile(
    r"(?:Arch\(\s*(?:lk\s*=\s*)?)?"  # of the package's constructor
    r"[\[(]\s*(\d)\s*,\s*(\d)\s*,\s*(\d)\s*,\s*(\d)\s*[\])]"
    r"\s*,?\s*(?:op\s*=\s*)?[\[(]?([\w\s,'\"]+)[\])]*"
)


@final
class NASBenchGraphSpace(ConstrainedSpace):
    """NAS-Bench-Graph: one of nine link structures, and the operations of four nodes.

    `parse` reads the links and operations as text, `[0, 0, 1, 2] gcn,gin,fc,cheb` or as in the call
    `Arch([0, 0, 1, 2], ['gcn', 'gin', 'fc', 'cheb'])`; a pair of both; an `Arch` of the package nas-bench-graph; the
    integer key of the release's files, or its digits; five integers; a mapping
    `{"links": "0012", "node1": "gcn", ...}`. Links in another order of nodes are brought into the official one.

    Four skip connections compute nothing: no architecture.
    """

    keyed_by_identity = True

    def __init__(self) -> None:
        links = Decision("links", tuple("".join(map(str, inputs)) for inputs in LINKS))
        forms = {
            "official": Form(self._read_official, _write_official, "[0, 0, 1, 2] gcn,gin,fc,cheb"),
            "digits": Form(self._read_digits, _write_digits, "31273"),
        }
        super().__init__("nas_bench_graph", (links, *(Decision(f"node{i + 1}", OPERATIONS) for i in _NODES)), forms)
        self.n_keys = 26_206

    def _invalid(self, arch: Arch) -> str | None:
        return (
            "four skip connections compute nothing; some other operation is needed" if arch[1:] == _ALL_SKIP else None
        )

    def valid_many(self, archs: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Whether each row of an array (n_archs, 5) of choices is an architecture: bool (n_archs,)."""
        return (archs[:, 1:] != SKIP).any(axis=1)

    # ---- forms ----

    def _read_official(self, arch: Any) -> Arch | None:
        if isinstance(arch, str):
            found = _TEXT.fullmatch(arch.strip())
            if found is None:
                return None
            return self._linked(map(int, found.groups()[:4]), [name.strip(" \t\"'") for name in found[5].split(",")])
        if isinstance(arch, tuple | list):
            return self._linked(*arch) if len(arch) == 2 else None
        links, operations = getattr(arch, "link", None), getattr(arch, "ops", None)
        return None if links is None else self._linked(links, operations)

    def _read_digits(self, arch: Any) -> Arch | None:
        if isinstance(arch, str):
            is_key = arch.isascii() and arch.isdecimal() and len(arch) <= 5
            return self._from_key(int(arch)) if is_key else None
        is_key = hasattr(arch, "__index__") and not isinstance(arch, bool | Iterable)  # arrays have it as well
        return self._from_key(as_int(arch)) if is_key else None

    def _from_key(self, index: int) -> Arch:
        """The key of the release: the number of the links and of each operation, one decimal digit each."""
        digits = f"{index:05d}"
        if index < 0 or len(digits) != 5 or "9" in digits:
            raise ArchitectureError(
                f"{index} is no architecture of nas_bench_graph; one has five digits from 0 to 8, like 31273"
            )
        return self._checked(map(int, digits))

    def _linked(self, links: Any, operations: Any) -> Arch:
        """An architecture given by the input of each node and its operation, the nodes in any order."""
        if isinstance(operations, str) or not isinstance(links, Iterable) or not isinstance(operations, Iterable):
            raise ArchitectureError(f"links {links!r} and operations {operations!r} are no two lists of four")
        inputs, names = tuple(links), tuple(operations)
        if len(inputs) != 4 or len(names) != 4 or not all(n in range(i + 1) for i, n in enumerate(inputs)):
            raise ArchitectureError(
                f"links {list(inputs)} and operations {list(names)} are no architecture of nas_bench_graph; four"
                " inputs, each 0 or the number of an earlier node, and four operations expected"
            )
        for name in names:
            if name not in OPERATIONS:
                raise unknown("operation", name, OPERATIONS)
        link, (order, *_) = _arrangements(tuple(map(int, inputs)))
        return self._checked([link, *(OPERATIONS.index(names[node]) for node in order)])

    # ---- which architectures are the same ----

    def official_hash(self, arch: object) -> int:
        """The number by which the release's files know one architecture: `Arch(...).valid_hash()` of the package."""
        return int("".join(map(str, self.unrank(self.key(self.parse(arch))))))

    def key(self, arch: Arch) -> int:
        """`identity` of one (valid) architecture, without numpy."""
        link, *operations = arch
        form, arrangements = _forms(link, tuple(operation == SKIP for operation in operations))
        return form * _LINKS_POWER + min(
            sum(operations[node] * power for node, power in zip(order, _POWERS, strict=True)) for order in arrangements
        )

    def identity(self, archs: object) -> NDArray[np.uint64]:
        """A number per architecture, equal for those that the release calls the same: 26,206 classes.

        The order of nodes does not count. A skip connection that another node reads, that is the only reader of its
        input, or that hands the network's input to the output is moved to the front.

        Source: nas-bench-graph 1.4.0, `Arch.valid_hash`; https://arxiv.org/abs/2206.09166, section 3.1.

        Returns:
            uint64 (n_archs,): the `rank` of the form of the architecture that the release numbers.
        """
        batch = self.parse_many(archs)
        return _identities(batch) if len(batch) < _MANY else self._every_identity[self.rank_many(batch)]

    @cached_property
    def _every_identity(self) -> NDArray[np.uint64]:
        """Of the architecture of each rank, (n_ranks,); 0 where there is none."""
        import numpy as np

        every = self.all_archs()
        found = np.zeros(prod(self.n_choices), np.uint64)
        found[self.rank_many(every)] = _identities(every)
        return found

    # ---- graphs ----

    def graphs(self, arch: Arch) -> dict[str, Graph]:
        """The network of one architecture, as the paper draws it: input, the operations, output."""
        link, *operations = self._checked(arch)
        edges = [(start, node + 1, "") for node, start in enumerate(LINKS[link])]
        edges += [(node, 5, "") for node in range(1, 5) if node not in LINKS[link]]
        return {
            "network": Graph(("input", *(OPERATIONS[operation] for operation in operations), "output"), tuple(edges))
        }

    def graph_many(self, archs: object) -> GraphBatch:
        """A batch as graphs of six nodes: the input, the operations, the output."""
        import numpy as np

        batch = self.parse_many(archs)
        nodes = np.ones((len(batch), 6), np.int16)
        nodes[:, 0] = 0
        nodes[:, 1:5] = batch[:, 1:] + np.int16(2)
        known = np.zeros((len(LINKS), 6, 6), np.uint8)
        for link, inputs in enumerate(LINKS):
            for node, start in enumerate(inputs):
                known[link, start, node + 1] = 1
            for node in range(1, 5):
                known[link, node, 5] = node not in inputs
        return GraphBatch(("input", "output", *OPERATIONS), nodes, known[batch[:, 0]])


def _write_official(arch: Arch) -> str:
    link, *operations = arch
    return f"{list(LINKS[link])} {','.join(OPERATIONS[operation] for operation in operations)}"


def _write_digits(arch: Arch) -> str:
    return "".join(map(str, arch))


_ALL_SKIP = (SKIP,) * 4


@cache
def _arrangements(inputs: tuple[int, ...], n_first: int = 0) -> tuple[int, tuple[tuple[int, ...], ...]]:
    """The official links that nodes with these inputs have, and the orders of nodes that bring them into it.

    Args:
        inputs: The input of each node, 0 or the number of an earlier one, counted from 1.
        n_first: How many nodes stay at the front.
    """
    found: dict[int, list[tuple[int, ...]]] = {}
    for rest in permutations(range(n_first, 4)):
        order = (*range(n_first), *rest)
        place = {0: 0} | {node + 1: position + 1 for position, node in enumerate(order)}
        links = tuple(place[inputs[node]] for node in order)
        if links in LINKS:
            found.setdefault(LINKS.index(links), []).append(order)
    ((link, orders),) = found.items()  # no two of the official links are the same graph
    return link, tuple(orders)


def _identities(batch: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """What `identity` says of valid architectures."""
    import numpy as np

    patterns = batch[:, 0] * 16 + (batch[:, 1:] == SKIP) @ np.array([8, 4, 2, 1], np.uint8)
    found = np.empty(len(batch), np.uint64)
    for pattern in np.unique(patterns).tolist():
        rows = np.flatnonzero(patterns == pattern)
        form, arrangements = _forms(pattern // 16, tuple(bool(pattern & bit) for bit in (8, 4, 2, 1)))
        operations = batch[rows, 1:].astype(np.int64)
        ranks = [operations[:, order] @ np.array(_POWERS) for order in arrangements]
        found[rows] = form * _LINKS_POWER + np.min(ranks, axis=0)
    return found


@cache
def _forms(link: int, skips: tuple[bool, ...]) -> tuple[int, tuple[tuple[int, ...], ...]]:
    """The links of the numbered form of an architecture, and the orders of its nodes that may lead there.

    Skip connections that change nothing come first, one after the other; of the orders that agree with the official
    links, the one with the smallest operations is numbered.
    """
    inputs = LINKS[link]
    passed = [skips[node] and node + 1 in inputs for node in _NODES]  # what reads it reads its input as well

    def source(node: int) -> int:
        start = inputs[node]
        return source(start - 1) if start and passed[start - 1] else start

    remaining = [node for node in _NODES if not passed[node]]
    readers = [source(node) for node in remaining]
    kept = [node for node in remaining if not skips[node] or (source(node) != 0 and readers.count(source(node)) > 1)]
    first = [node for node in _NODES if node not in kept]
    nodes = [*first, *kept]
    place = {0: len(first)} | {node + 1: position + 1 for position, node in enumerate(nodes)}
    moved = (*range(len(first)), *(place[source(node)] for node in kept))
    form, orders = _arrangements(moved, len(first))
    return form, tuple(tuple(nodes[position] for position in order) for order in orders)

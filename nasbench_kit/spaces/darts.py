"""The cell space of DARTS, as NAS-Bench-301 uses it: about 10^18 pairs of a normal and a reduction cell.

A cell has two inputs, 0 and 1 (the outputs of the two cells before it), and four nodes, 2 to 5. A node adds two
operations, on two different earlier ones of these. The cell's output joins its four nodes.

Source: Liu et al. 2019, https://arxiv.org/abs/1806.09055, section 2.1 and appendix A.1; Zela, Siems et al. 2022
(NAS-Bench-301), https://arxiv.org/abs/2008.09777, section 4.1, and `configspace.json` of PyPI's nasbench301.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, final

from nasbench_kit.errors import ArchitectureError, UnknownNameError
from nasbench_kit.spaces.base import Arch, Decision, Form, Space, never
from nasbench_kit.spaces.darts_forms import (
    BANANAS_OPERATIONS,
    CELLS,
    COLUMNS,
    CONCAT,
    FIRST_EDGE,
    NODES,
    OPERATIONS,
    OPERATIONS_AT,
    PAIR_AT,
    PAIRS,
    PER_CELL,
    PREFIX,
    TRAINING,
    Genotype,
    from_configuration,
    from_one_vector,
    is_bananas,
    read_genotype,
    read_nni,
    read_numbered,
)
from nasbench_kit.spaces.graph import Graph, GraphBatch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_EXAMPLE = (3, 3, 0, 3, 3, 0, 3, 3, 0, 3, 3) * 2  # nothing but sep_conv_3x3, and the first inputs


@final
class DARTSSpace(Space):
    """DARTS: two cells, each with four nodes of two operations on two different inputs.

    Each node's inputs are ordered, so no architecture is written in two ways; nodes that could trade places are not
    looked for, so every architecture is a class of its own.

    `parse` reads a `Genotype` (anything with `normal` and `reduce`, or its text; also as AutoDL nests it, and with
    GDAS's weights); NNI's dictionary; NAS-Bench-301's, of ConfigSpace, with or without its training settings, which are
    not looked at; and its vector of 56 numbers, NaN or -1 where an edge is absent.

    Two tools write two lists of eight (input, number of the operation) and number operations differently: BANANAS,
    0 none to 7 dil_conv_5x5, and NASLib, 0 max_pool_3x3 to 6 dil_conv_5x5. So these are read as `form="bananas"` or
    `form="naslib"`. Unnamed, BANANAS's own object alone is read: a tuple of two lists, which NASLib does not make.
    """

    def __init__(self) -> None:
        decisions = []
        for cell in CELLS:
            for node in NODES:
                if node in PAIR_AT:
                    decisions.append(Decision(f"{cell}_{node}_inputs", tuple(f"{a}_{b}" for a, b in PAIRS[node])))
                decisions += [Decision(f"{cell}_{node}_op{i}", OPERATIONS) for i in (1, 2)]
        forms = {
            "official": Form(read_genotype, lambda arch: repr(_genotype(arch)), repr(_genotype(_EXAMPLE))),
            "naslib": Form(_read_naslib, _write_naslib, _write_naslib(_EXAMPLE), never),
            "bananas": Form(_read_bananas, _write_bananas, _write_bananas(_EXAMPLE), is_bananas),
            "nni": Form(read_nni, _write_nni, _write_nni(_EXAMPLE)),
            "configspace": Form(self._read_configuration, _write_configuration, _write_configuration(_EXAMPLE)),
        }
        super().__init__("darts", decisions, forms)

    # ---- forms ----

    def _read_configuration(self, arch: Any) -> Arch | None:
        if isinstance(arch, Mapping):
            other = any(cell in arch for cell in CELLS) or any(decision.name in arch for decision in self.decisions)
            return None if other else from_configuration(arch)
        if isinstance(arch, Sequence) and len(arch) == len(COLUMNS) and not isinstance(arch, str):
            return from_one_vector(arch)
        if getattr(arch, "shape", None) == (len(COLUMNS),):
            return from_one_vector(arch.tolist())
        return None

    def _checked_batch(self, archs: NDArray[Any]) -> NDArray[np.uint8]:
        if archs.shape[1] == len(COLUMNS):
            return self.from_vector(archs)
        return super()._checked_batch(archs)

    def genotype(self, arch: Sequence[int]) -> Genotype:
        """One architecture as DARTS writes it, inputs ascending."""
        return _genotype(self._checked(arch))

    def configuration(self, arch: Sequence[int], *, training: bool = False) -> dict[str, Any]:
        """One architecture as NAS-Bench-301's dictionary: 16 edges and 6 pairs of inputs.

        Args:
            arch: The architecture.
            training: Whether to add NAS-Bench-301's 22 training settings, the same for all.
        """
        fixed = {name: value for name, (value, _) in TRAINING.items()} if training else {}
        return fixed | _configuration(self._checked(arch))

    def vector(self, archs: object, *, inactive: float = -1.0) -> NDArray[np.float64]:
        """A batch as NAS-Bench-301's surrogates read it: float64 (n_archs, 56), columns as in `COLUMNS`.

        Args:
            archs: The architectures, in any form.
            inactive: What stands for an edge that is absent: -1 in what its models are given, NaN in ConfigSpace.
        """
        import numpy as np

        batch = self.parse_many(archs)
        found = np.tile([TRAINING.get(name, ("", inactive))[1] for name in COLUMNS], (len(batch), 1))
        rows = np.arange(len(batch))[:, None]
        for place, node, pair_column, columns in _vector_layout():
            chosen = np.zeros(len(batch), np.intp)
            if node in PAIR_AT:
                chosen = batch[:, place + PAIR_AT[node]].astype(np.intp)
                found[:, pair_column] = chosen
            first = place + OPERATIONS_AT[node]
            found[rows, np.array(columns)[np.array(PAIRS[node])[chosen]]] = batch[:, first : first + 2]
        return found

    def from_vector(self, vectors: NDArray[Any]) -> NDArray[np.uint8]:
        """The architectures in NAS-Bench-301's vectors: uint8 (n_archs, n_decisions).

        Args:
            vectors: (n_archs, 56); NaN or -1 where an edge is absent. The columns of training settings are not read.

        Raises:
            ArchitectureError: A row is no architecture: an operation out of range, an edge that is absent where the
                inputs of its node ask for it, or there where they do not.
        """
        import numpy as np

        vectors = np.asarray(vectors, np.float64)
        if vectors.ndim != 2 or vectors.shape[1] != len(COLUMNS):
            raise ArchitectureError(f"vectors of shape {vectors.shape} given; (n_archs, {len(COLUMNS)}) expected")
        values = np.where(np.isnan(vectors), -1.0, vectors)
        found = np.zeros((len(values), self.n_decisions), np.uint8)
        good = np.ones(len(values), bool)
        rows = np.arange(len(values))[:, None]
        for place, node, pair_column, columns in _vector_layout():
            pairs = np.array(PAIRS[node])
            chosen = np.zeros(len(values), np.intp)
            if node in PAIR_AT:
                good &= np.isin(values[:, pair_column], range(len(pairs)))
                chosen = np.where(good, values[:, pair_column], 0).astype(np.intp)
                found[:, place + PAIR_AT[node]] = chosen
            edges = values[:, columns]
            operations = edges[rows, pairs[chosen]]
            good &= np.isin(operations, range(len(OPERATIONS))).all(axis=1) & ((edges == -1).sum(axis=1) == node - 2)
            first = place + OPERATIONS_AT[node]
            found[:, first : first + 2] = np.where(good[:, None], operations, 0)
        if not good.all():
            row = int(good.argmin())
            try:
                from_one_vector(vectors[row].tolist())  # says what is wrong
            except (ArchitectureError, UnknownNameError) as error:
                raise ArchitectureError(f"vector {row}: {error}") from None
        return found

    # ---- graphs ----

    def graphs(self, arch: Arch) -> dict[str, Graph]:
        """Both cells as the paper draws them: nodes c_{k-2}, c_{k-1}, 0 to 3, c_{k}, operations on the edges."""
        found = {}
        for name, cell in zip(CELLS, _cells(self._checked(arch)), strict=True):
            edges = [(source, 2 + i // 2, OPERATIONS[operation]) for i, (operation, source) in enumerate(cell)]
            edges += [(node, 6, "") for node in NODES]
            found[name] = Graph(("c_{k-2}", "c_{k-1}", "0", "1", "2", "3", "c_{k}"), tuple(edges))
        return found

    def graph_many(self, archs: object) -> GraphBatch:
        """A batch as graphs of 32 nodes: `input`, 15 of the normal cell, 15 of the reduction cell, `output`.

        The nodes of a cell: its two inputs; then for each of its four nodes two operations (the one on the lower input
        first) and their sum; then its output. The input leads to the inputs of both cells, and their outputs to the
        output. Inputs and output carry the name of their cell, operations do not.
        """
        import numpy as np

        batch = self.parse_many(archs)
        parts = [f"{cell} {part}" for cell in CELLS for part in ("c_{k-2}", "c_{k-1}", "c_{k}")]
        labels = ("input", "output", *parts, "sum", *OPERATIONS)
        nodes = np.full((len(batch), 32), labels.index("sum"), np.int16)
        nodes[:, 0], nodes[:, 31] = 0, 1
        adjacency = np.zeros((len(batch), 32, 32), np.uint8)
        rows = np.arange(len(batch))
        for which in range(len(CELLS)):
            start, place = 1 + 15 * which, PER_CELL * which
            nodes[:, [start, start + 1, start + 14]] = 2 + 3 * which + np.arange(3)
            adjacency[:, 0, [start, start + 1]] = 1
            adjacency[:, start + 14, 31] = 1
            carriers = start + np.array([0, 1, 4, 7, 10])  # where the results 0 to 4 of the cell stand
            for node in NODES:
                chosen = batch[:, place + PAIR_AT[node]].astype(np.intp) if node in PAIR_AT else rows * 0
                for i in (0, 1):
                    at = start + 2 + 3 * (node - 2) + i
                    nodes[:, at] = labels.index(OPERATIONS[0]) + batch[:, place + OPERATIONS_AT[node] + i]
                    adjacency[rows, carriers[np.array(PAIRS[node])[chosen, i]], at] = 1
                    adjacency[:, at, start + 4 + 3 * (node - 2)] = 1
                adjacency[:, start + 4 + 3 * (node - 2), start + 14] = 1
        return GraphBatch(labels, nodes, adjacency)


def _cells(arch: Arch) -> list[list[tuple[int, int]]]:
    """Per cell its eight (operation, input), two for each node."""
    cells = []
    for place in range(0, len(arch), PER_CELL):
        cell = []
        for node in NODES:
            pair = PAIRS[node][arch[place + PAIR_AT[node]] if node in PAIR_AT else 0]
            first = place + OPERATIONS_AT[node]
            cell += list(zip(arch[first : first + 2], pair, strict=True))
        cells.append(cell)
    return cells


def _genotype(arch: Arch) -> Genotype:
    normal, reduce = ([(OPERATIONS[operation], source) for operation, source in cell] for cell in _cells(arch))
    return Genotype(normal, CONCAT.copy(), reduce, CONCAT.copy())


def _configuration(arch: Arch) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, cell in zip(CELLS, _cells(arch), strict=True):
        for node in NODES:
            first, second = cell[2 * (node - 2) : 2 * (node - 1)]
            for operation, source in (first, second):
                found[f"{PREFIX}edge_{name}_{FIRST_EDGE[node] + source}"] = OPERATIONS[operation]
            if node in PAIR_AT:
                found[f"{PREFIX}inputs_node_{name}_{node}"] = f"{first[1]}_{second[1]}"
    return found


def _write_configuration(arch: Arch) -> str:
    return json.dumps(_configuration(arch))


def _write_nni(arch: Arch) -> str:
    found: dict[str, Any] = {}
    for name, cell in zip(CELLS, _cells(arch), strict=True):
        for at, (operation, source) in enumerate(cell):
            node, i = NODES[at // 2], at % 2
            found |= {f"{name}/op_{node}_{i}": OPERATIONS[operation], f"{name}/input_{node}_{i}": [source]}
    return json.dumps(found)


def _read_naslib(arch: Any) -> Arch | None:
    return read_numbered(arch, OPERATIONS)


def _write_naslib(arch: Arch) -> str:
    return str([[(source, operation) for operation, source in cell] for cell in _cells(arch)])


def _read_bananas(arch: Any) -> Arch | None:
    return read_numbered(arch, BANANAS_OPERATIONS)


def _write_bananas(arch: Arch) -> str:
    return str(tuple([(source, operation + 1) for operation, source in cell] for cell in _cells(arch)))


@cache
def _vector_layout() -> list[tuple[int, int, int, list[int]]]:
    """Per cell and node: its cell's first decision, the node, the column of its inputs (or -1), those of its edges."""
    at = {name.removeprefix(PREFIX): column for column, name in enumerate(COLUMNS)}
    return [
        (
            PER_CELL * which,
            node,
            at.get(f"inputs_node_{cell}_{node}", -1),
            [at[f"edge_{cell}_{FIRST_EDGE[node] + source}"] for source in range(node)],
        )
        for which, cell in enumerate(CELLS)
        for node in NODES
    ]

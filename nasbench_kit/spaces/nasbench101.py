"""The cell space of NAS-Bench-101: 423,624 cells of at most 7 vertices and 9 edges.

Vertex 0 is the input, vertex 6 the output, each of the five between them carries one of three operations, and every
edge leads from a lower to a higher vertex. What lies on no path from input to output is pruned away; at most 9 edges
may be left.

Source: Ying et al. 2019, https://arxiv.org/abs/1902.09635, section 2; google-research/nasbench, `nasbench/api.py`,
`lib/model_spec.py` and `NASBench.ipynb`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, compress, product
from operator import itemgetter
from typing import TYPE_CHECKING, Any, final

from nasbench_kit.errors import ArchitectureError, check_generator, unknown
from nasbench_kit.spaces import nasbench101_graphs as cells
from nasbench_kit.spaces.base import Arch, Decision, DrawnInLockstep, Form, Uniform
from nasbench_kit.spaces.constrained import ConstrainedSpace
from nasbench_kit.spaces.graph import Graph, GraphBatch
from nasbench_kit.spaces.nasbench101_graphs import EDGES, LAST, MAX_EDGES, N_EDGES, N_VERTICES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

INPUT, OUTPUT = "input", "output"
OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")  # in the order of the official labels 0, 1, 2
N_CLASSES = 423_624

_CODE = {name: code for code, name in enumerate(OPERATIONS)}
_NASLIB = (INPUT, OUTPUT, "maxpool3x3", "conv1x1-bn-relu", "conv3x3-bn-relu")  # in the order of NASLib's numbers
_NASLIB_NAMES = dict(enumerate(_NASLIB))
_NASLIB_LENGTHS = {n * n + n: n for n in range(2, N_VERTICES + 1)}  # our 26 is none of them
_NAMED_SO = (("matrix", "ops"), ("module_adjacency", "module_operations"))  # how mappings of others name the two

_SQUARE = tuple(product(range(N_VERTICES), repeat=2))
_UPPER = itemgetter(*(_SQUARE.index(edge) for edge in EDGES))
_NOT_UPPER = itemgetter(*(i for i, (a, b) in enumerate(_SQUARE) if a >= b))
_EXAMPLE = (0, 0, 0, 0, 0, 1) + (0,) * (N_EDGES + LAST - 1 - LAST)  # input to output, and nothing else
_MEMO_SIZE = 16_384  # pairs of matrix and operations remembered, about 1 KB each


@final
class NASBench101Space(ConstrainedSpace):
    """NAS-Bench-101: 21 bits, the upper triangle of the 7x7 matrix row by row, then five operations.

    An architecture is the unpruned form that the reference samples and mutates. It is valid if, after pruning, input
    and output are joined by at most 9 edges. Isomorphic cells have one `identity`, and one row in a table.

    `parse` reads, besides 26 integers and mappings as every space does:

    - the official text, the two fields of the release joined by a colon: "0100...:input,conv3x3-bn-relu,...,output";
    - `(matrix, ops)`: nested lists or arrays of 0 and 1, and names; the same as a mapping with these two keys, or as an
      object with these attributes, such as a `ModelSpec`;
    - 26 digits;
    - NASLib's tuple, matrix then operations by its own numbers, or its text.

    Cells of fewer than 7 vertices get unconnected ones put before the output.
    """

    noun = "cell"
    keyed_by_identity = True

    def __init__(self) -> None:
        edges = [Decision(f"{a}->{b}", ("0", "1")) for a, b in EDGES]
        operations = [Decision(f"op{v}", OPERATIONS) for v in range(1, LAST)]
        forms = {
            "official": Form(self._read_official, _write_official, _write_official(_EXAMPLE)),
            "digits": Form(self._read_digits, _write_digits, _write_digits(_EXAMPLE)),
            "naslib": Form(self._read_naslib, _write_naslib, _write_naslib(_EXAMPLE)),
        }
        super().__init__("nasbench101", edges + operations, forms)
        self.n_keys = N_CLASSES
        # How often each decision is changed, relative to the others; see `mutate`.
        self.mutations["official"] = (1 / N_VERTICES,) * N_EDGES + (1 / (N_VERTICES - 2),) * (N_VERTICES - 2)
        self._pairs: dict[Any, Arch] = {}

    # ---- which tuples are cells ----

    def _invalid(self, arch: Arch) -> str | None:
        pruned = cells.prune(arch[:N_EDGES])
        if not pruned.vertices:
            return "no path leads from input to output"
        if pruned.n_edges > MAX_EDGES:
            return f"{pruned.n_edges} edges are left after pruning; at most {MAX_EDGES} expected"
        return None

    def valid_many(self, archs: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Whether each row of an array (n_archs, 26) of choices is a cell: bool (n_archs,)."""
        return cells.valid_many(archs)

    def prune(self, arch: Arch) -> tuple[list[list[int]], list[str]]:
        """Matrix and operations of one cell as the release has them: only what is on a path from input to output."""
        pruned = cells.prune(arch[:N_EDGES])
        matrix = [[int(b in pruned.targets[a]) for b in pruned.vertices] for a in pruned.vertices]
        return matrix, [_operation(arch, v) for v in pruned.vertices]

    # ---- forms ----

    def _read_official(self, arch: Any) -> Arch | None:
        """Matrix and operations, in whatever holds the two."""
        if isinstance(arch, (tuple, list)):
            if len(arch) != 2:
                return None
            try:
                return self._pairs[_content(*arch)]
            except (KeyError, TypeError, AttributeError):
                return self._parse_pair(*arch)
        if isinstance(arch, str):
            return self._read_text(arch)
        if isinstance(arch, Mapping):
            for names in _NAMED_SO:
                if all(name in arch for name in names):
                    return self._parse_pair(*(arch[name] for name in names))
            return None
        return self._parse_object(arch) if hasattr(arch, "matrix") and hasattr(arch, "ops") else None

    def _read_text(self, text: str) -> Arch | None:
        adjacency, colon, operations = text.strip().partition(":")
        if colon and not adjacency.startswith("{"):
            return self._parse_pair(adjacency, operations)
        if len(adjacency) == 32 and not adjacency.strip("0123456789abcdef"):
            raise ArchitectureError(
                f"{text!r:.120} is an official hash, which does not tell the cell; give its matrix and operations"
            )
        return None

    def _read_digits(self, text: Any) -> Arch | None:
        if not isinstance(text, str):
            return None
        digits = text.strip()
        is_cell = digits.isascii() and digits.isdecimal() and len(digits) == self.n_decisions
        return self._checked(map(int, digits)) if is_cell else None

    def _read_naslib(self, arch: Any) -> Arch | None:
        if isinstance(arch, str):
            if not arch.strip().startswith(("(", "[")):
                return None
        elif not (isinstance(arch, (tuple, list)) or getattr(arch, "ndim", 0) == 1) or len(arch) not in _NASLIB_LENGTHS:
            return None
        try:
            numbers = list(map(int, arch.strip(" ()[]").split(","))) if isinstance(arch, str) else list(arch)
            n = _NASLIB_LENGTHS[len(numbers)]
            operations = [_NASLIB_NAMES[number] for number in numbers[n * n :]]
        except (TypeError, ValueError, KeyError):
            raise ArchitectureError(
                f"{arch!r:.200} is not of the form 'naslib': n x n zeros and ones, then n operations out of "
                + ", ".join(f"{code} {name}" for code, name in _NASLIB_NAMES.items())
            ) from None
        return self._read_pair([numbers[row * n : row * n + n] for row in range(n)], operations)

    def _parse_object(self, spec: Any) -> Arch:
        """A `ModelSpec`: unpruned where that fits, so that a mutation sees all of it."""
        matrix, ops = getattr(spec, "original_matrix", spec.matrix), getattr(spec, "original_ops", spec.ops)
        if ops is not None and len(ops) > N_VERTICES and spec.ops is not None:
            matrix, ops = spec.matrix, spec.ops
        return self._parse_pair(matrix, ops)

    def _parse_pair(self, matrix: Any, ops: Any) -> Arch:
        arch = self._read_pair(matrix, ops)
        try:
            if type(ops) in (list, tuple) and (type(matrix) is list or matrix.dtype.kind in "biuf"):
                key = _content(matrix, ops)
                hash(key)
                if len(self._pairs) >= _MEMO_SIZE:
                    self._pairs.clear()
                self._pairs[key] = arch
        except (TypeError, AttributeError):  # forms that are met too rarely to be remembered
            pass
        return arch

    def _read_pair(self, matrix: Any, ops: Any) -> Arch:
        names = ops.split(",") if isinstance(ops, str) else _as_list(ops, "operations")
        if isinstance(matrix, str):
            matrix = _rows_of_text(matrix)
        rows = [_as_list(row, "rows of numbers") for row in _as_list(matrix, "rows")]
        n = len(rows)
        if any(len(row) != n for row in rows) or not 2 <= n <= N_VERTICES:
            shape = f"{n} rows of {', '.join(sorted({str(len(row)) for row in rows}))} numbers"
            raise ArchitectureError(f"a matrix of {shape}; a square one of 2 to {N_VERTICES} rows expected")
        if len(names) != n:
            raise ArchitectureError(
                f"{len(names)} operations for {n} vertices; one each expected, input and output too"
            )
        if (names[0], names[-1]) != (INPUT, OUTPUT):
            raise ArchitectureError(
                f"the operations begin with {names[0]!r} and end with {names[-1]!r}; {INPUT!r} and {OUTPUT!r} expected"
            )
        try:
            codes = [_CODE[name] for name in names[1:-1]]
        except (KeyError, TypeError):
            wrong = next(name for name in names[1:-1] if name not in OPERATIONS)
            raise unknown("operation", wrong, OPERATIONS) from None
        if n < N_VERTICES:
            absent = N_VERTICES - n
            rows = [[*row[:-1], *[0] * absent, row[-1]] for row in rows]
            rows[-1:-1] = [[0] * N_VERTICES] * absent
            codes += [0] * absent
        flat = list(chain.from_iterable(rows))
        wrong = [number for number in flat if number != 0 and number != 1]
        if wrong:
            raise ArchitectureError(f"{wrong[0]!r} in the matrix; only 0 and 1 expected")
        if any(_NOT_UPPER(flat)):
            raise ArchitectureError("the matrix is not upper triangular; edges lead from a lower to a higher vertex")
        arch = (*map(int, _UPPER(flat)), *codes)
        problem = self._invalid(arch)
        if problem is not None:
            raise ArchitectureError(f"no cell of nasbench101: {problem}")
        return arch

    # ---- which cells are the same ----

    def key(self, arch: Arch) -> int:
        """`identity` of one (valid) cell, without numpy."""
        return cells.identity(arch)

    def identity(self, archs: object) -> NDArray[np.uint64]:
        """A number per cell, equal for those with the same official hash, which are the isomorphic ones.

        Returns:
            uint64 (n_archs,): the same on every machine and in every version.
        """
        return cells.identity_many(self.parse_many(archs))

    def canonical(self, arch: object) -> Arch:
        """The one form that all cells isomorphic to this one have in common: pruned, vertices in a fixed order."""
        return cells.canonical(self.parse(arch))

    def canonical_many(self, archs: object) -> NDArray[np.uint8]:
        """`canonical` of each cell of a batch: uint8 (n_archs, 26)."""
        return cells.canonical_many(self.parse_many(archs))

    def all_archs(self) -> NDArray[np.uint8]:
        """One architecture of each class, in order of identity: uint8 (423,624, 26).

        Their unpruned forms are 373,754,169.
        """
        import numpy as np

        matrices = np.zeros((2**N_EDGES, self.n_decisions), np.uint8)
        matrices[:, :N_EDGES] = np.arange(2**N_EDGES)[:, None] >> np.arange(N_EDGES)[::-1] & 1
        vertices, edges = cells.prune_many(matrices)
        # nothing to prune but unconnected vertices, which stand before the output
        whole = (edges == matrices[:, :N_EDGES]).all(axis=1) & (vertices[:, 1 : LAST - 1] >= vertices[:, 2:LAST]).all(
            axis=1
        )
        matrices = matrices[whole & cells.valid_many(matrices)]
        matrices = matrices[np.unique(cells.identity_many(matrices), return_index=True)[1]]
        n_inner = cells.prune_many(matrices)[0][:, 1:LAST].sum(axis=1)
        every = []
        for n in range(LAST):
            operations = np.zeros((len(OPERATIONS) ** n, LAST - 1), np.uint8)
            operations[:, :n] = list(product(range(len(OPERATIONS)), repeat=n))
            some = np.repeat(matrices[n_inner == n], len(operations), axis=0)
            some[:, N_EDGES:] = np.tile(operations, (len(some) // len(operations), 1))
            every.append(some)
        archs = np.concatenate(every)
        return archs[np.unique(cells.identity_many(archs), return_index=True)[1]]

    def official_hash(self, arch: object) -> str:
        """The md5 by which the release knows one cell: 32 hexadecimal digits, equal for isomorphic cells."""
        return cells.official_hash(self.parse(arch))

    def official_hash_many(self, archs: object) -> list[str]:
        """`official_hash` of each cell of a batch, several times as fast; each class is hashed once."""
        import numpy as np

        batch = self.parse_many(archs)
        _, first, class_of = np.unique(cells.identity_many(batch), return_index=True, return_inverse=True)
        hashes = cells.official_hash_many(batch[first])
        return [hashes[i] for i in class_of.tolist()]

    # ---- graphs ----

    def graphs(self, arch: Arch) -> dict[str, Graph]:
        """The pruned cell: operations in the nodes, as in the paper."""
        matrix, operations = self.prune(arch)
        edges = ((a, b, "") for a, row in enumerate(matrix) for b, there in enumerate(row) if there)
        return {"cell": Graph(tuple(operations), tuple(edges))}

    def graph_many(self, archs: object) -> GraphBatch:
        """A batch as graphs of 7 nodes; those that pruning takes away are -1 and have no edges."""
        import numpy as np

        batch = self.parse_many(archs)
        vertices, edges = cells.prune_many(batch)
        nodes = np.zeros((len(batch), N_VERTICES), np.int16)
        nodes[:, LAST] = 1
        nodes[:, 1:LAST] = batch[:, N_EDGES:] + 2
        nodes[vertices == 0] = -1
        adjacency = np.zeros((len(batch), N_VERTICES, N_VERTICES), np.uint8)
        adjacency[:, [a for a, _ in EDGES], [b for _, b in EDGES]] = edges
        return GraphBatch((INPUT, OUTPUT, *OPERATIONS), nodes, adjacency)

    # ---- search ----

    def mutate(self, arch: Arch, rng: Uniform, mutation: str = "uniform") -> Arch:
        """A changed cell, drawn again until it is valid.

        Args:
            arch: The parent; it is not changed.
            rng: Source of randomness.
            mutation: "uniform" changes one decision, each as likely. "official" is that of the reference: each edge is
                flipped with probability 1/7 and each operation changed with 1/5, so several changes are usual, and the
                child may equal its parent, before or after pruning. Source: `NASBench.ipynb`, `mutate_spec`.
        """
        if mutation != "official":
            return super().mutate(arch, rng, mutation)
        check_generator(rng)
        while True:
            edges = [bit ^ (rng.random() < 1 / N_VERTICES) for bit in arch[:N_EDGES]]
            drawn = [rng.random() * (N_VERTICES - 2) for _ in range(N_EDGES, self.n_decisions)]
            # below 1, the number says too which of the two others it is
            operations = [
                (code + 1 + int(x * 2)) % 3 if x < 1 else code for code, x in zip(arch[N_EDGES:], drawn, strict=True)
            ]
            child = (*edges, *operations)
            if self._invalid(child) is None:
                return child

    def mutated_each(
        self, parents: NDArray[np.uint8], drawn: DrawnInLockstep, mutation: str = "uniform"
    ) -> NDArray[np.uint8]:
        """What `mutate` makes of each parent (n_generators, 26) with a generator of its own."""
        if mutation != "official":
            return super().mutated_each(parents, drawn, mutation)
        import numpy as np

        def draw(rows: NDArray[np.intp]) -> NDArray[np.uint8]:
            numbers, children = drawn.random(self.n_decisions, rows), parents[rows]
            children[:, :N_EDGES] ^= numbers[:, :N_EDGES] < 1 / N_VERTICES
            x = numbers[:, N_EDGES:] * (N_VERTICES - 2)
            codes = children[:, N_EDGES:]
            children[:, N_EDGES:] = np.where(x < 1, (codes + 1 + (x * 2).astype(np.uint8)) % 3, codes)
            return children

        return self._until_valid(len(drawn), draw)


def _write_official(arch: Arch) -> str:
    return f"{''.join(map(str, _square(arch)))}:{','.join(_operation(arch, v) for v in range(N_VERTICES))}"


def _write_digits(arch: Arch) -> str:
    return "".join(map(str, arch))


def _write_naslib(arch: Arch) -> str:
    return str((*_square(arch), *(_NASLIB.index(_operation(arch, v)) for v in range(N_VERTICES))))


def _square(arch: Arch) -> list[int]:
    """The matrix of an unpruned cell, row by row."""
    there = set(compress(EDGES, arch))
    return [int(edge in there) for edge in _SQUARE]


def _content(matrix: Any, ops: Any) -> tuple[Any, ...]:
    """What a matrix and operations hold now: the caller may change his lists later."""
    if type(matrix) is list:
        return (*map(tuple, matrix), *ops)
    return (matrix.tobytes(), matrix.shape, matrix.dtype, *ops)


def _operation(arch: Sequence[int], vertex: int) -> str:
    if 0 < vertex < LAST:
        return OPERATIONS[arch[N_EDGES + vertex - 1]]
    return OUTPUT if vertex else INPUT


def _rows_of_text(adjacency: str) -> list[list[int]]:
    """The matrix of a record's text, row by row."""
    n = next((n for n in range(2, N_VERTICES + 1) if n * n == len(adjacency)), 0)
    if not n or adjacency.strip("01"):
        raise ArchitectureError(
            f"{adjacency!r:.100} is no matrix of 2 to {N_VERTICES} rows; n x n zeros and ones expected, row by row"
        )
    return [list(map(int, adjacency[row * n : row * n + n])) for row in range(n)]


def _as_list(entries: Any, what: str) -> list[Any]:
    if hasattr(entries, "tolist"):
        entries = entries.tolist()
    try:
        return list(entries)
    except TypeError:
        raise ArchitectureError(f"{entries!r:.100} where {what} are expected, as in (matrix, operations)") from None

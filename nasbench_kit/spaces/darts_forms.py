"""What users have for an architecture of DARTS, and what the numbers of ours mean: reading each form to choices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import isnan, log
from operator import index as as_int
from typing import Any, NamedTuple, final

from nasbench_kit.errors import ArchitectureError, listed, unknown
from nasbench_kit.spaces.base import Arch

OPERATIONS = (
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
# Source: naszilla/bananas, darts/arch.py, OPS. NASLib's numbers are those of OPERATIONS.
BANANAS_OPERATIONS = ("none", *OPERATIONS)
CELLS = ("normal", "reduce")
NODES = (2, 3, 4, 5)
CONCAT = list(NODES)
PAIRS = {node: tuple(combinations(range(node), 2)) for node in NODES}
"""Node -> the pairs of inputs that it may have, in the order of the choices of its decision."""

FIRST_EDGE = {2: 0, 3: 2, 4: 5, 5: 9}  # edges are numbered by node, then input
PREFIX = "NetworkSelectorDatasetInfo:darts:"
_YAHPO_COLON = "_COLON_"  # YAHPO Gym writes this for a colon in names
LONGEST_TEXT = 4_096
PER_CELL = 11  # decisions
# node -> where among the decisions of a cell its pair of inputs and the first of its two operations stand
PAIR_AT = {3: 2, 4: 5, 5: 8}
OPERATIONS_AT = {2: 0, 3: 3, 4: 6, 5: 9}

# The training settings of NAS-Bench-301, and what ConfigSpace makes of each in the vector: a share of its range.
# Source: nasbench301.api.fixed_hyperparameters; ranges in configspace.json and surrogate_models/utils.py.
TRAINING: dict[str, tuple[object, float]] = {
    "CreateImageDataLoader:batch_size": (96, (log(96) - log(63.50001)) / (log(128.49999) - log(63.50001))),
    "ImageAugmentation:augment": ("True", 0.0),
    "ImageAugmentation:autoaugment": ("False", 0.0),
    "ImageAugmentation:cutout": ("True", 0.0),
    "ImageAugmentation:cutout_holes": (1, 0.5 / 3),
    "ImageAugmentation:cutout_length": (16, 15.5 / 50),
    "ImageAugmentation:fastautoaugment": ("False", 0.0),
    "LossModuleSelectorIndices:loss_module": ("cross_entropy", 0.0),
    PREFIX + "auxiliary": ("True", 0.0),
    PREFIX + "drop_path_prob": (0.2, 0.0),
    PREFIX + "init_channels": (32, 31.5 / 10_000),
    PREFIX + "layers": (8, 7.5 / 10_000),
    "NetworkSelectorDatasetInfo:network": ("darts", 0.0),
    "OptimizerSelector:optimizer": ("sgd", 0.0),
    "OptimizerSelector:sgd:learning_rate": (0.025, log(0.025)),
    "OptimizerSelector:sgd:momentum": (0.9, 0.8 / 0.89),
    "OptimizerSelector:sgd:weight_decay": (0.0003, log(0.0003)),
    "SimpleLearningrateSchedulerSelector:cosine_annealing:T_max": (100, 99.5 / 10_000),
    "SimpleLearningrateSchedulerSelector:cosine_annealing:eta_min": (1e-8, 1e-12),
    "SimpleLearningrateSchedulerSelector:lr_scheduler": ("cosine_annealing", 0.0),
    "SimpleTrainNode:batch_loss_computation_technique": ("mixup", 0.0),
    "SimpleTrainNode:mixup:alpha": (0.2, log(20) / log(70)),
}


def _columns() -> tuple[str, ...]:
    """The order of ConfigSpace 0.4: by name, but what depends on something else after all that does not."""
    edges = [f"{PREFIX}edge_{cell}_{edge}" for cell in CELLS for edge in range(14)]
    inputs = [f"{PREFIX}inputs_node_{cell}_{node}" for cell in CELLS for node in PAIR_AT]
    free = [name for name in edges if name.endswith(("_0", "_1"))]  # node 2 always has them
    return (*sorted([*TRAINING, *free, *inputs]), *sorted(set(edges) - set(free)))


COLUMNS = _columns()
"""What the 56 numbers of the vector form are."""


class Genotype(NamedTuple):
    """An architecture as DARTS writes it: two (operation, input) per node, and the nodes that make the output."""

    normal: list[tuple[str, int]]
    normal_concat: list[int]
    reduce: list[tuple[str, int]]
    reduce_concat: list[int]


# ---- from each form to choices ----


@final
class AsAttributes:
    """A dictionary read like a `Genotype`."""

    def __init__(self, choices: Mapping[Any, Any]) -> None:
        self.__dict__.update(choices)


def read_genotype(arch: Any) -> Arch | None:
    """From a `Genotype` of anybody, a mapping with its two cells, or its text; None from anything else."""
    if isinstance(arch, str):
        return from_genotype(read_literal(arch)) if "Genotype" in arch[:LONGEST_TEXT] else None
    if isinstance(arch, Mapping):
        return from_genotype(AsAttributes(arch)) if any(cell in arch for cell in CELLS) else None
    return from_genotype(arch) if hasattr(arch, "normal") and hasattr(arch, "reduce") else None


def from_genotype(genotype: Any) -> Arch:
    """From anything with `normal`, `reduce`, and perhaps what joins the output of each."""
    choices: list[int] = []
    for cell in CELLS:
        concat = getattr(genotype, f"{cell}_concat", CONCAT)
        try:
            same = sorted(concat) == CONCAT
        except TypeError:
            same = False
        if not same:
            raise ArchitectureError(
                f"{cell}_concat={concat!r:.60} cannot be expressed: in darts the output of a cell joins its nodes"
                f" {listed(NODES)}"
            )
        if not hasattr(genotype, cell):
            raise ArchitectureError(f"the genotype has no {cell} cell; give both, normal and reduce")
        choices += _cell(cell, _twos(cell, _flat(getattr(genotype, cell))))
    return tuple(choices)


def _flat(entries: Any) -> Any:
    """The eight (operation, input) of a cell: AutoDL nests the two of each node, and GDAS adds a weight to each."""
    if not isinstance(entries, list | tuple):
        return entries
    if all(isinstance(entry, list | tuple) and len(entry) == 2 and not isinstance(entry[0], str) for entry in entries):
        entries = [entry for node in entries for entry in node]
    return [entry[:2] if isinstance(entry, list | tuple) and len(entry) == 3 else entry for entry in entries]


def is_bananas(cells: Any) -> bool:
    """Whether two cells are the object that BANANAS makes: a tuple of lists. NASLib has tuples in tuples, or lists."""
    return type(cells) is tuple and all(type(cell) is list for cell in cells)


def read_numbered(cells: Any, operations: Sequence[str]) -> Arch | None:
    """From two cells of eight (input, number of the operation), or their text: the normal, then the reduction cell.

    Args:
        cells: What to read; None comes back where it is something else.
        operations: What the numbers mean.
    """
    if isinstance(cells, str):
        cells = read_literal(cells) if cells.lstrip().startswith(("[", "(")) else None
    if not isinstance(cells, list | tuple) or len(cells) != len(CELLS):
        return None
    choices: list[int] = []
    for name, cell in zip(CELLS, cells, strict=True):
        pairs = []
        for source, operation in _twos(name, cell):
            if not _is_integer(operation) or not 0 <= operation < len(operations):
                known = listed(f"{i} {operation}" for i, operation in enumerate(operations))
                raise ArchitectureError(
                    f"operation {operation!r:.40} of the {name} cell is out of range; choose from {known}"
                )
            if operations[operation] not in OPERATIONS:
                raise ArchitectureError(
                    f"operation {operation} of the {name} cell is {operations[operation]!r} here, which no architecture"
                    " of darts holds; NASLib's numbers are other ones: form='naslib'"
                )
            pairs.append((operations[operation], source))
        choices += _cell(name, pairs)
    return tuple(choices)


def _twos(cell: str, entries: Any) -> list[tuple[Any, Any]]:
    try:
        return [(first, second) for first, second in entries]
    except (TypeError, ValueError):
        raise ArchitectureError(
            f"{entries!r:.100} is no {cell} cell; eight pairs of operation and input expected"
        ) from (None)


def _cell(name: str, pairs: Sequence[tuple[Any, Any]]) -> list[int]:
    """The choices of one cell, from its eight (operation, input)."""
    if len(pairs) != 2 * len(NODES):
        raise ArchitectureError(
            f"the {name} cell has {len(pairs)} operations; one of darts has {2 * len(NODES)}, two at each of its"
            f" {len(NODES)} nodes"
        )
    choices = []
    for node in NODES:
        two = pairs[2 * (node - 2) : 2 * (node - 1)]
        for operation, source in two:
            if operation not in OPERATIONS:
                raise unknown("operation", operation, OPERATIONS)
            if not _is_integer(source) or not 0 <= source < node:
                raise ArchitectureError(
                    f"node {node} of the {name} cell takes input {source!r:.40}; choose from {listed(range(node))}"
                )
        (first, a), (second, b) = sorted(two, key=lambda pair: pair[1])
        if a == b:
            raise ArchitectureError(
                f"node {node} of the {name} cell takes input {a} twice, which cannot be expressed: in darts, as in"
                " NAS-Bench-301, a node adds operations on two different inputs"
            )
        if node in PAIR_AT:
            choices.append(PAIRS[node].index((as_int(a), as_int(b))))
        choices += [OPERATIONS.index(first), OPERATIONS.index(second)]
    return choices


def from_configuration(configuration: Mapping[Any, Any]) -> Arch:
    """From NAS-Bench-301's dictionary: an operation per edge, a pair of inputs per node from the third on."""
    given = {}
    for name, value in configuration.items():
        if not isinstance(name, str):
            raise unknown("hyperparameter", name, COLUMNS)
        plain = name.replace(_YAHPO_COLON, ":").removeprefix(PREFIX)
        if plain.startswith(("edge_", "inputs_node_")) and PREFIX + plain not in COLUMNS:
            raise unknown("hyperparameter", name, COLUMNS)
        if value is not None and value != "#na#":  # YAHPO's sign for absent
            given[plain] = value
    choices: list[int] = []
    for cell in CELLS:
        pairs = []
        for node in NODES:
            a, b = _inputs(given, cell, node)
            for source in range(node):
                edge = f"edge_{cell}_{FIRST_EDGE[node] + source}"
                if (edge in given) != (source in (a, b)):
                    state = "given" if edge in given else "absent"
                    raise ArchitectureError(
                        f"{edge}, from input {source} to node {node}, is {state}, where the inputs of the node are"
                        f" {a} and {b}"
                    )
            pairs += [(given[f"edge_{cell}_{FIRST_EDGE[node] + source}"], source) for source in (a, b)]
        choices += _cell(cell, pairs)
    return tuple(choices)


def _inputs(given: Mapping[str, Any], cell: str, node: int) -> tuple[int, int]:
    if node not in PAIR_AT:
        return 0, 1
    name = f"inputs_node_{cell}_{node}"
    if name not in given:
        raise ArchitectureError(f"{name} is missing; a configuration of darts has {PREFIX}{name} and 5 more of them")
    pairs = {f"{a}_{b}": (a, b) for a, b in PAIRS[node]}
    if given[name] not in pairs:
        raise unknown(f"choice of {name}", given[name], pairs)
    return pairs[given[name]]


_NNI = tuple(
    f"{cell}/{what}_{node}_{i}" for cell in CELLS for node in NODES for i in (0, 1) for what in ("op", "input")
)
"""What NNI's space of DARTS calls its decisions.

Source: microsoft/nni, nni/nas/hub/pytorch/nasnet.py, DARTS.load_searched_model.
"""


def read_nni(arch: Any) -> Arch | None:
    """From NNI's dictionary: an operation and an input for each of the two summands of a node."""
    if not isinstance(arch, Mapping) or not any(name in arch for name in _NNI):
        return None
    for name in arch:
        if name not in _NNI:
            raise unknown("decision of NNI's DARTS", name, _NNI)
    missing = [name for name in _NNI if name not in arch]
    if missing:
        raise ArchitectureError(f"no choice for {listed(missing)}; an architecture of darts decides all")
    choices: list[int] = []
    for cell in CELLS:
        pairs = []
        for node in NODES:
            for i in (0, 1):
                source = arch[f"{cell}/input_{node}_{i}"]
                inputs = source if isinstance(source, list | tuple) else [source]  # newer versions write [0]
                if len(inputs) != 1:
                    raise ArchitectureError(f"{cell}/input_{node}_{i} is {source!r:.40}; one input expected")
                pairs.append((arch[f"{cell}/op_{node}_{i}"], inputs[0]))
        choices += _cell(cell, pairs)
    return tuple(choices)


def from_one_vector(vector: Sequence[Any]) -> Arch:
    """From the 56 numbers of NAS-Bench-301."""
    configuration: dict[str, Any] = {}
    for name, value in zip(COLUMNS, vector, strict=True):
        if name in TRAINING:
            continue
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise ArchitectureError(
                f"{name.removeprefix(PREFIX)} is {value!r:.40} in the vector; a number expected"
            ) from (None)
        if isnan(number) or number == -1:
            continue
        node = int(name[-1]) if "inputs" in name else 0
        choices = [f"{a}_{b}" for a, b in PAIRS[node]] if node else OPERATIONS
        if not number.is_integer() or not 0 <= number < len(choices):
            known = listed(f"{i} {choice}" for i, choice in enumerate(choices))
            raise ArchitectureError(
                f"{name.removeprefix(PREFIX)} is {number:g} in the vector; choose from {known}, or NaN or -1 where"
                " there is none"
            )
        configuration[name] = choices[int(number)]
    return from_configuration(configuration)


def _is_integer(number: object) -> bool:
    if isinstance(number, bool):
        return False
    try:
        as_int(number)  # type: ignore[arg-type]
    except TypeError:
        return False
    return True


# ---- text, read without executing it ----


def read_literal(text: str) -> Any:
    """A list, or a `Genotype` with what its text says; the text is parsed as Python, and nothing in it runs."""
    import ast

    wrong = ArchitectureError(
        f"{text!r:.100} is no architecture of darts; one looks like Genotype(normal=[('sep_conv_3x3', 0), ... 8],"
        " normal_concat=[2, 3, 4, 5], reduce=[...], reduce_concat=[2, 3, 4, 5])"
    )
    if len(text) > LONGEST_TEXT:
        raise wrong
    try:
        node = ast.parse(text.strip(), mode="eval").body
        if not isinstance(node, ast.Call):
            read = ast.literal_eval(node)
            if not isinstance(read, list | tuple):
                raise wrong
            return read
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called != "Genotype" or len(node.args) > len(Genotype._fields):
            raise wrong
        given = dict(zip(Genotype._fields, node.args, strict=False))
        given |= {str(keyword.arg): keyword.value for keyword in node.keywords}
        values = {name: _value(value) for name, value in given.items()}
        if any(value is not None for name, value in values.items() if name not in Genotype._fields):
            raise wrong  # AutoDL's has two fields more, for other spaces: connectN=None, connects=None
        return AsAttributes({name: values[name] for name in Genotype._fields if name in values})
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError) as error:
        raise (error if isinstance(error, ArchitectureError) else wrong) from None


def _value(node: Any) -> Any:
    """A literal, or `range(a, b)` of two literals: so DARTS prints `concat`."""
    import ast

    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "range" and not node.keywords:
        bounds = [ast.literal_eval(argument) for argument in node.args]
        if len(bounds) == 2 and all(_is_integer(bound) and 0 <= bound < 256 for bound in bounds):
            return list(range(*bounds))
    return ast.literal_eval(node)

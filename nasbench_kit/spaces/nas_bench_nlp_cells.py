"""What the recurrent cells of NAS-Bench-NLP are made of: their numbers, their recipes, hashes, random cells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from nasbench_kit.errors import ArchitectureError, listed, unknown
from nasbench_kit.spaces.base import Arch, Uniform

N_NODES = 24
SOURCES = ("x", "h_prev_0", "h_prev_1", "h_prev_2")
STATES = ("h_new_0", "h_new_1", "h_new_2")


class Operation(NamedTuple):
    """One choice of a node: its name in recipes, how many inputs it has, and what each is to it."""

    name: str
    n_inputs: int
    roles: tuple[int, ...] = (0, 0, 0)  #: 0 where the inputs of a node may trade places


OPERATIONS = (
    Operation("", 0),
    Operation("linear", 2),
    Operation("linear", 3),
    Operation("blend", 3, (1, 2, 3)),  # inputs[0] * inputs[1] + (1 - inputs[0]) * inputs[2]
    Operation("elementwise_prod", 2),
    Operation("elementwise_sum", 2),
    Operation("activation_tanh", 1),
    Operation("activation_sigm", 1),
    Operation("activation_leaky_relu", 1),
)
"""The choices of a node; the first one is for no node."""

NAMES = tuple(dict.fromkeys(operation.name for operation in OPERATIONS[1:]))
N_SOURCES = len(SOURCES)
STATES_AT = 4 * N_NODES


def nodes_of(arch: Sequence[int]) -> Iterator[tuple[Operation, Sequence[int]]]:
    """The nodes of a cell: operation, and where in sources and nodes its inputs stand."""
    for start in range(0, STATES_AT, 4):
        operation = OPERATIONS[arch[start]]
        if not operation.n_inputs:
            return
        yield operation, arch[start + 1 : start + 1 + operation.n_inputs]


def states_of(arch: Sequence[int]) -> list[int]:
    """The nodes that are the new states."""
    return [arch[-3], *(node - 1 for node in arch[-2:] if node)]


def cell_of(nodes: Sequence[tuple[int, Sequence[int]]], states: Sequence[int]) -> Arch:
    """The choices of a cell: (operation, inputs) of each node, and the nodes that are new states."""
    choices: list[int] = []
    for operation, inputs in nodes:
        choices += [operation, *inputs, *[0] * (3 - len(inputs))]
    choices += [0] * (STATES_AT - len(choices))
    return (*choices, states[0], *(node + 1 for node in states[1:]), *[0] * (3 - len(states)))


# ---- recipes ----

EXAMPLE = '{"f": {"op": "linear", "input": ["x", "h_prev_0"]}, "h_new_0": {"op": "activation_tanh", "input": ["f"]}}'


def read_recipe(recipe: Mapping[Any, Any]) -> Arch:
    """The choices of the cell that a recipe says, its nodes in the recipe's order as far as what they read allows."""
    for name, node in recipe.items():
        if not isinstance(name, str) or name in SOURCES:
            raise ArchitectureError(f"{name!r:.40} is no name for a node of a recipe; one looks like {EXAMPLE}")
        if not isinstance(node, Mapping) or not isinstance(node.get("input"), list | tuple):
            raise ArchitectureError(f"node {name!r:.40} has no 'op' and 'input'; a recipe looks like {EXAMPLE}")
        if node.get("op") not in NAMES:
            raise unknown("operation", node.get("op"), NAMES)
    if len(recipe) > N_NODES:
        raise ArchitectureError(f"the recipe has {len(recipe)} nodes; a cell of nas_bench_nlp has at most {N_NODES}")
    states = [name for name in recipe if name.startswith("h_new_") and name.removeprefix("h_new_").isdigit()]
    n_states = len(states)
    if not states or set(states) != set(STATES[:n_states]):
        raise ArchitectureError(
            f"the recipe has the states {listed(states) or 'none'}; {listed(STATES)} expected, or fewer"
        )
    known = {name: i for i, name in enumerate(SOURCES[: 1 + n_states])}
    nodes: list[tuple[int, list[int]]] = []
    waiting = list(recipe)
    while waiting:  # the first node in the recipe's order whose inputs are all known comes next
        ready = next((name for name in waiting if all(source in known for source in _inputs(recipe, name))), None)
        if ready is None:
            raise _stuck(recipe, waiting, known)
        inputs = [known[source] for source in _inputs(recipe, ready)]
        nodes.append((_operation(ready, recipe[ready]["op"], len(inputs)), inputs))
        known[ready] = N_SOURCES + len(nodes) - 1
        waiting.remove(ready)
    return cell_of(nodes, [known[state] - N_SOURCES for state in STATES[:n_states]])


def _inputs(recipe: Mapping[str, Any], name: str) -> Sequence[Any]:
    inputs: Sequence[Any] = recipe[name]["input"]
    return inputs if all(isinstance(source, str) for source in inputs) else ("a name that is no text",)


def _operation(name: str, operation: str, n_inputs: int) -> int:
    fits = {known.n_inputs: i for i, known in enumerate(OPERATIONS) if known.name == operation}
    if n_inputs not in fits:
        raise ArchitectureError(
            f"node {name!r:.40} has {n_inputs} inputs; {operation} takes {' or '.join(map(str, fits))}"
        )
    return fits[n_inputs]


def _stuck(recipe: Mapping[str, Any], waiting: Sequence[str], known: Mapping[str, int]) -> Exception:
    for name in waiting:
        for source in _inputs(recipe, name):
            if source in SOURCES and source not in known:
                return ArchitectureError(f"node {name!r:.40} reads {source}, but the recipe has no h_new{source[6:]}")
            if source not in recipe and source not in known:
                return unknown(f"input of node {name!r:.40}:", source[:40], [*known, *waiting])
    return ArchitectureError(f"the nodes {listed(waiting)} wait for each other; a cell has no cycle within a step")


# ---- roles in the hashes, which are sums of mixed 64-bit numbers: the order of what is added does not count ----

UP = (11, 12, 13, 14)  # per role of an input
DOWN = (21, 22, 23, 24)


# ---- sampling ----


def draw(rng: Uniform) -> Arch | None:
    """A random cell, or None where it does not read all that it should."""
    n_states = 1 + int(rng.random() * 3)
    n_nodes = n_states + int(rng.random() * (N_NODES + 1 - n_states))
    known = list(range(1 + n_states))
    unread = known.copy()
    nodes: list[tuple[int, list[int]]] = []
    for node in range(N_SOURCES, N_SOURCES + n_nodes):
        operation = 1 + int(rng.random() * (len(OPERATIONS) - 1))
        n_inputs = min(OPERATIONS[operation].n_inputs, len(known))
        if n_inputs < OPERATIONS[operation].n_inputs:
            operation = 1  # a linear map of two: three inputs are not there yet
        inputs: list[int] = []
        while len(inputs) < n_inputs:
            choices = unread if unread and not inputs and rng.random() < 0.5 else known
            source = choices[int(rng.random() * len(choices))]
            if source not in inputs:
                inputs.append(source)
        unread = [source for source in unread if source not in inputs] + [node]
        nodes.append((operation, inputs))
        known.append(node)
    states = [n_nodes - 1]
    while len(states) < n_states:
        state = int(rng.random() * n_nodes)
        if state not in states:
            states.append(state)
    return _pruned(nodes, states)


def _pruned(nodes: Sequence[tuple[int, list[int]]], states: Sequence[int]) -> Arch | None:
    live = {N_SOURCES + state for state in states}
    for node in range(len(nodes) - 1, -1, -1):
        if N_SOURCES + node in live:
            live.update(nodes[node][1])
    if not live.issuperset(range(1 + len(states))):
        return None
    kept = [node for node in range(len(nodes)) if N_SOURCES + node in live]
    place = {N_SOURCES + node: N_SOURCES + i for i, node in enumerate(kept)}
    place |= {source: source for source in range(N_SOURCES)}
    return cell_of(
        [(nodes[node][0], [place[source] for source in nodes[node][1]]) for node in kept],
        [place[N_SOURCES + state] - N_SOURCES for state in states],
    )

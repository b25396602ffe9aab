"""The recurrent cells of NAS-Bench-NLP: graphs of up to 24 nodes over an input and one to three hidden states.

A node applies an operation to the input `x`, to states of the step before, `h_prev_0` to `h_prev_2`, or to earlier
nodes. One node each is the new state `h_new_0`, the cell's output, and perhaps `h_new_1` and `h_new_2`.

Source: Klyuchnikov et al. 2022, https://arxiv.org/abs/2006.07116, section 3; github.com/fmsnew/nas-bench-nlp-release,
custom_rnn.py. The recorded cells have 2 to 21 nodes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, final

from nasbench_kit.errors import check_generator
from nasbench_kit.spaces.base import Arch, Decision, Form, Uniform
from nasbench_kit.spaces.constrained import ConstrainedSpace
from nasbench_kit.spaces.graph import Graph, GraphBatch
from nasbench_kit.spaces.nas_bench_nlp_cells import (
    DOWN,
    EXAMPLE,
    N_NODES,
    N_SOURCES,
    NAMES,
    OPERATIONS,
    SOURCES,
    STATES,
    STATES_AT,
    UP,
    cell_of,
    draw,
    nodes_of,
    read_recipe,
    states_of,
)
from nasbench_kit.spaces.splitmix import mix, mix_many

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BLEND_LABELS = ("gate", "open", "closed")  # its inputs: gate * open + (1 - gate) * closed
_ROUNDS = 2  # of hashing


@final
class NASBenchNLPSpace(ConstrainedSpace):
    """NAS-Bench-NLP: recurrent cells.

    An architecture has four numbers per node, its operation and up to three inputs (`x`, the states, then the nodes
    before it; 0 where it has fewer), and three that say which nodes are the new states. Nodes that lead to no state are
    allowed: a search can add a node first and use it then.

    `parse` reads the recipe, `{"node": {"op": ..., "input": [...]}, ...}` with nodes in any order and of any names, as
    a dictionary or as JSON. `format` writes it with the names `node_0`, `node_1` ... and `h_new_0` ...

    Cells with the same `identity` differ in the names and order of nodes, in the order of inputs where that does not
    matter, or in nodes that lead nowhere.
    """

    noun = "recurrent cell"
    keyed_by_identity = True

    def __init__(self) -> None:
        decisions = []
        for node in range(N_NODES):
            choices = tuple(f"{name}_{n}" if name == "linear" else name or "none" for name, n, _ in OPERATIONS)
            sources = (*SOURCES, *(f"node_{earlier}" for earlier in range(node)))
            decisions.append(Decision(f"node_{node}", choices))
            decisions += [Decision(f"node_{node}_input_{i}", sources) for i in range(3)]
        nodes = tuple(f"node_{node}" for node in range(N_NODES))
        decisions += [Decision(state, nodes if state == STATES[0] else ("none", *nodes)) for state in STATES]
        forms = {"official": Form(self._read, lambda arch: json.dumps(self.recipe(arch)), EXAMPLE)}
        super().__init__("nas_bench_nlp", decisions, forms)
        self.n_keys = None

    # ---- which tuples are cells ----

    def _invalid(self, arch: Arch) -> str | None:
        n_nodes = next((node for node in range(N_NODES) if not arch[4 * node]), N_NODES)
        n_states = 1 + (arch[-2] > 0) + (arch[-1] > 0)
        if not n_nodes:
            return "it has no node"
        if any(arch[4 * n_nodes : STATES_AT]):
            return f"node_{n_nodes} has no operation, but an input, or a node after it"
        if arch[-1] and not arch[-2]:
            return "it has h_new_2 without h_new_1"
        states = (arch[-3], *(node - 1 for node in arch[-2:] if node))
        if max(states) >= n_nodes:
            return f"a state is node_{max(states)}, which it does not have"
        if len(set(states)) != n_states:
            return f"two states are the same node_{max(states, key=states.count)}"
        for node in range(n_nodes):
            operation, *inputs = arch[4 * node : 4 * node + 4]
            n_inputs = OPERATIONS[operation].n_inputs
            if any(inputs[n_inputs:]):
                return f"node_{node} has more than {n_inputs} inputs"
            for source in inputs:
                if n_states < source < N_SOURCES:
                    return f"node_{node} reads {SOURCES[source]}, but there is no {STATES[source - 1]}"
        return None

    def valid_many(self, archs: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Whether each row of an array (n_archs, n_decisions) of choices is a cell: bool (n_archs,)."""
        import numpy as np

        nodes = archs[:, :STATES_AT].reshape(-1, N_NODES, 4)
        operations, inputs = nodes[..., 0], nodes[..., 1:]
        states = archs[:, STATES_AT:].astype(np.int16) - [0, 1, 1]
        there = operations > 0
        n_nodes = there.sum(axis=1)
        n_states = 1 + (states[:, 1:] >= 0).sum(axis=1)
        n_inputs = np.array([operation.n_inputs for operation in OPERATIONS])[operations]
        a, b, c = states.T
        good = (n_nodes > 0) & (there[:, :-1] >= there[:, 1:]).all(axis=1)
        good &= ~((inputs > 0) & (np.arange(3) >= n_inputs[..., None])).any(axis=(1, 2))
        good &= ((b >= 0) | (c < 0)) & (states.max(axis=1) < n_nodes) & (a != b) & (a != c) & ((b != c) | (b < 0))
        absent = (inputs > n_states[:, None, None]) & (inputs < N_SOURCES)
        return good & ~absent.any(axis=(1, 2))

    # ---- recipes ----

    def _read(self, arch: Any) -> Arch | None:
        if not isinstance(arch, Mapping) or any(isinstance(value, str) for value in arch.values()):
            return None  # a text is read as JSON, and a mapping to texts as one of decisions
        return self._checked(read_recipe(arch))

    def recipe(self, arch: Sequence[int]) -> dict[str, dict[str, Any]]:
        """One cell as the release writes it: node -> `{"op": ..., "input": [...]}`."""
        cell = self._checked(arch)
        names = list(SOURCES)
        states = states_of(cell)
        found = {}
        for node, (operation, inputs) in enumerate(nodes_of(cell)):
            names.append(STATES[states.index(node)] if node in states else f"node_{node}")
            found[names[-1]] = {"op": operation.name, "input": [names[source] for source in inputs]}
        return found

    # ---- which cells are the same ----

    def key(self, arch: Arch) -> int:
        """The `identity` of one (valid) cell, without numpy."""
        hashes = _hashes(arch)
        total = _sum(hashes)
        if len(set(hashes.values())) < len(hashes):
            n_alike = Counter(hashes.values())
            total += sum(mix(_sum(_hashes(arch, node))) for node, found in hashes.items() if n_alike[found] > 1)
        return mix(total)

    def identity(self, archs: object) -> NDArray[np.uint64]:
        """A number per cell, equal for those that compute the same by construction; see the class.

        Two rounds of hashes, from the inputs to the states and back, so that nodes are told apart by all that they
        depend on and by all that depends on them. Where some are not, the cell is hashed once more with each of these
        marked in turn: that tells two triangles from a ring of six. Sums of sums are not flattened.

        Returns:
            uint64 (n_archs,): a hash, the same on any machine.
        """
        import numpy as np

        batch = self.parse_many(archs)
        rows = np.arange(len(batch))
        nodes = batch[:, :STATES_AT].reshape(-1, N_NODES, 4).astype(np.intp)
        operations = nodes[..., 0].T
        inputs = nodes[..., 1:].transpose(1, 2, 0)
        reads = np.arange(3) < np.array([operation.n_inputs for operation in OPERATIONS])[:, None]
        role = np.array([operation.roles for operation in OPERATIONS])
        up, down = (np.array(salts, np.uint64) for salts in (UP, DOWN))
        code = [0, *(mix(200 + NAMES.index(operation.name)) for operation in OPERATIONS[1:])]
        hashes = np.empty((N_SOURCES + N_NODES, len(batch)), np.uint64)
        hashes[:N_SOURCES] = np.array([mix(100 + i) for i in range(N_SOURCES)], np.uint64)[:, None]
        hashes[N_SOURCES:] = np.array(code, np.uint64)[operations]
        zero = np.uint64(0)
        for _ in range(_ROUNDS):
            for node in range(N_NODES):
                at, operation = N_SOURCES + node, operations[node]
                for i in range(3):
                    term = mix_many(hashes[inputs[node, i], rows] + up[role[operation, i]])
                    hashes[at] += np.where(reads[operation, i], term, zero)
                hashes[at] = mix_many(hashes[at])
            below = np.zeros_like(hashes)
            lives = np.zeros(hashes.shape, bool)
            for i in range(len(STATES)):
                state = batch[:, STATES_AT + i].astype(np.intp) - (i > 0)
                has = np.flatnonzero(state >= 0)
                below[N_SOURCES + state[has], has] += np.uint64(mix(300 + i))
                lives[N_SOURCES + state[has], has] = True
            for at in range(N_SOURCES + N_NODES - 1, -1, -1):
                hashes[at] = mix_many(hashes[at] + below[at])
                if at < N_SOURCES:
                    continue
                operation = operations[at - N_SOURCES]
                for i in range(3):
                    used = np.flatnonzero(lives[at] & reads[operation, i])
                    source = inputs[at - N_SOURCES, i, used]
                    below[source, used] += mix_many(hashes[at, used] + down[role[operation[used], i]])
                    lives[source, used] = True
        found = mix_many(np.where(lives, mix_many(hashes + np.uint64(1)), zero).sum(axis=0, dtype=np.uint64))
        told_apart = np.sort(np.where(lives, hashes, np.arange(len(hashes), dtype=np.uint64)[:, None]), axis=0)
        for row in np.flatnonzero((told_apart[1:] == told_apart[:-1]).any(axis=0)).tolist():
            found[row] = self.key(tuple(batch[row].tolist()))
        return found

    def canonical(self, arch: Sequence[int]) -> Arch:
        """One cell with nodes in an order that does not depend on how it was written, and none that leads nowhere.

        From the states back to the inputs, depth first; so cells that differ in few places have similar numbers. (Of
        the nearest recorded cell, in decisions, the loss has a correlation of 0.51 with a cell's own, where it was 0.24
        in the order of the recipes.)
        """
        nodes = [(arch[4 * node], list(inputs)) for node, (_, inputs) in enumerate(nodes_of(arch))]
        hashes = [mix(100 + i) for i in range(N_SOURCES)]
        depths = [0] * N_SOURCES
        for operation, inputs in nodes:
            roles = OPERATIONS[operation].roles
            terms = (mix(hashes[source] + UP[role]) for source, role in zip(inputs, roles, strict=False))
            hashes.append(mix(200 + operation + sum(terms)))
            depths.append(1 + max(depths[source] for source in inputs))

        def rank(source: int) -> tuple[int, ...]:
            if source < N_SOURCES:
                return 0, source
            return 1, nodes[source - N_SOURCES][0], depths[source], hashes[source]

        place = {source: source for source in range(N_SOURCES)}
        ordered: list[tuple[int, list[int]]] = []

        def visit(source: int) -> None:
            if source in place:
                return
            operation, inputs = nodes[source - N_SOURCES]
            trade = not any(OPERATIONS[operation].roles)
            for earlier in sorted(inputs, key=rank) if trade else inputs:
                visit(earlier)
            found = [place[earlier] for earlier in inputs]
            place[source] = N_SOURCES + len(ordered)
            ordered.append((operation, sorted(found) if trade else found))

        states = [N_SOURCES + state for state in states_of(arch)]
        for state in states:
            visit(state)
        return cell_of(ordered, [place[state] - N_SOURCES for state in states])

    # ---- search ----

    def sample(self, rng: Uniform) -> Arch:
        """One cell in which every node leads to a state, and `x` and every state of the step before are read.

        The number of states, of nodes (before those that lead nowhere are dropped), operations and inputs are uniform;
        every other first input is one that nothing has read so far.
        """
        check_generator(rng)
        while True:
            cell = draw(rng)
            if cell is not None:
                return cell

    def sample_many(self, rng: np.random.Generator, n: int) -> NDArray[np.uint8]:
        """The `n` cells that as many calls of `sample` would give: uint8 (n, n_decisions)."""
        import numpy as np

        drawn = b"".join([bytes(self.sample(rng)) for _ in range(n)])
        return np.frombuffer(drawn, np.uint8).reshape(-1, self.n_decisions).copy()

    def neighbors(self, arch: Arch) -> list[Arch]:
        """All cells that differ in exactly one decision, in order of decision, then choice."""
        (found,) = self.neighbors_many([self._checked(arch)])
        return list(map(tuple, found.tolist()))

    # ---- graphs ----

    def graphs(self, arch: Arch) -> dict[str, Graph]:
        """The cell as the paper draws it: operations are nodes; the edges into a blend say what each input is."""
        cell = self._checked(arch)
        states = states_of(cell)
        sources = list(range(1 + len(states)))  # those of SOURCES that the cell has
        nodes = list(nodes_of(cell))
        at = {source: source for source in sources}
        at |= {N_SOURCES + node: len(sources) + node for node in range(len(nodes))}
        labels = [SOURCES[source] for source in sources] + [operation.name for operation, _ in nodes]
        edges = []
        for node, (operation, inputs) in enumerate(nodes, N_SOURCES):
            for i, source in enumerate(inputs):
                edges.append((at[source], at[node], _BLEND_LABELS[i] if operation.name == "blend" else ""))
        for i, node in enumerate(states):
            edges.append((at[N_SOURCES + node], len(labels) + i, ""))
        return {"cell": Graph((*labels, *STATES[: len(states)]), tuple(edges))}

    def graph_many(self, archs: object) -> GraphBatch:
        """A batch as graphs of 31 nodes: `x`, three old states, 24 operations, three new states; -1 where absent.

        What each input of a blend is to it is not told, nor an input that a node reads twice.
        """
        import numpy as np

        batch = self.parse_many(archs)
        rows = np.arange(len(batch))
        labels = (*SOURCES, *NAMES, *STATES)
        codes = [-1, *(labels.index(operation.name) for operation in OPERATIONS[1:])]
        states = batch[:, STATES_AT:].astype(np.intp) - [0, 1, 1]
        operations = batch[:, 0:STATES_AT:4].astype(np.intp)
        n_nodes = N_SOURCES + N_NODES + len(STATES)
        nodes = np.full((len(batch), n_nodes), -1, np.int16)
        adjacency = np.zeros((len(batch), n_nodes, n_nodes), np.uint8)
        nodes[:, 0] = 0
        nodes[:, N_SOURCES:-3] = np.array(codes)[operations]
        for i in range(len(STATES)):
            has = states[:, i] >= 0
            nodes[has, 1 + i], nodes[has, i - 3] = 1 + i, labels.index(STATES[i])
            adjacency[rows[has], N_SOURCES + states[has, i], n_nodes - 3 + i] = 1
        n_inputs = np.array([operation.n_inputs for operation in OPERATIONS])[operations]
        for node in range(N_NODES):
            for i in range(3):
                has = n_inputs[:, node] > i
                adjacency[rows[has], batch[has, 4 * node + 1 + i], N_SOURCES + node] = 1
        return GraphBatch(labels, nodes, adjacency)


def _hashes(arch: Arch, marked: int = -1) -> dict[int, int]:
    """A hash for each source and node of a cell that leads to a state: where it stands in sources and nodes -> hash.

    Args:
        arch: The cell.
        marked: One of them that is told from all others.
    """
    nodes = list(nodes_of(arch))
    hashes = [mix(100 + i) for i in range(N_SOURCES)]
    hashes += [mix(200 + NAMES.index(operation.name)) for operation, _ in nodes]
    if marked >= 0:
        hashes[marked] += mix(400)
    lives: list[int] = []
    for _ in range(_ROUNDS):
        for node, (operation, inputs) in enumerate(nodes, N_SOURCES):
            for i, source in enumerate(inputs):
                hashes[node] += mix(hashes[source] + UP[operation.roles[i]])
            hashes[node] = mix(hashes[node])
        below = [0] * len(hashes)
        leads = [False] * len(hashes)
        for i, node in enumerate(states_of(arch)):
            below[N_SOURCES + node] += mix(300 + i)
            leads[N_SOURCES + node] = True
        lives = []
        for node in range(len(hashes) - 1, -1, -1):
            hashes[node] = mix(hashes[node] + below[node])
            if not leads[node]:
                continue
            lives.append(node)
            if node >= N_SOURCES:
                operation, inputs = nodes[node - N_SOURCES]
                for i, source in enumerate(inputs):
                    below[source] += mix(hashes[node] + DOWN[operation.roles[i]])
                    leads[source] = True
    return {node: hashes[node] for node in lives}


def _sum(hashes: Mapping[int, int]) -> int:
    """All hashes as one number, whatever their order."""
    return sum(mix(found + 1) for found in hashes.values())

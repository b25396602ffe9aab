"""Encodings: what they say, checked by slow and independent code, and which architectures they cannot tell apart."""

from collections import Counter
from itertools import product

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit import encodings
from nasbench_kit.encodings.features import tree_columns
from nasbench_kit.errors import ArchitectureError, SettingError
from nasbench_kit.spaces import SPACES, ChoiceSpace, Decision, Form, GraphBatch, Space, space_from
from nasbench_kit.spaces.recorded import RecordedSpace

ARRAYS = (encodings.one_hot, encodings.adjacency, encodings.paths, encodings.weisfeiler_lehman)
NAMES = [encoding.__name__ for encoding in ARRAYS]


def digits(example):
    """One digit a decision."""
    read = lambda text: tuple(map(int, text)) if isinstance(text, str) else None  # noqa: E731
    return Form(read, lambda arch: "".join(map(str, arch)), example)


class Cells101(Space):
    """Cells in the manner of NAS-Bench-101: 21 possible edges between 7 nodes, 5 of 3 operations; nothing pruned."""

    labels = ("input", "output", "conv1x1-bn-relu", "conv3x3-bn-relu", "maxpool3x3")
    above = np.triu_indices(7, 1)

    def __init__(self):
        edges = [Decision(f"{a}->{b}", ("0", "1")) for a, b in zip(*self.above, strict=True)]
        operations = [Decision(f"node{i}", self.labels[2:5]) for i in range(1, 6)]
        super().__init__("cells101", edges + operations, {"official": digits("0" * 26)})

    def graph_many(self, archs):
        batch = self.parse_many(archs)
        adjacency = np.zeros((len(batch), 7, 7), np.uint8)
        adjacency[:, *self.above] = batch[:, :21]
        nodes = np.zeros((len(batch), 7), np.int16)
        nodes[:, 1:6] = 2 + batch[:, 21:].astype(np.int16)
        nodes[:, 6] = 1
        return GraphBatch(self.labels, nodes, adjacency)

    def cell(self, *edges, operations=(0, 0, 0, 0, 0)):
        """A cell by its edges."""
        return tuple(int(pair in edges) for pair in zip(*map(np.ndarray.tolist, self.above), strict=True)) + operations


class Listed(Space):
    """One decision, which of some graphs."""

    def __init__(self, labels, *graphs):
        decision = Decision("graph", tuple(map(str, range(len(graphs)))))
        super().__init__("listed", [decision], {"official": digits("0")})
        n_nodes = max(len(nodes) for nodes, _ in graphs)
        self._batch = GraphBatch(
            labels, np.full((len(graphs), n_nodes), -1, np.int16), np.zeros((len(graphs), n_nodes, n_nodes), np.uint8)
        )
        for i, (nodes, edges) in enumerate(graphs):
            self._batch.nodes[i, : len(nodes)] = nodes
            for source, target in edges:
                self._batch.adjacency[i, source, target] = 1

    def graph_many(self, archs):
        chosen = self.parse_many(archs)[:, 0]
        return GraphBatch(self._batch.labels, self._batch.nodes[chosen], self._batch.adjacency[chosen])


CELLS = Cells101()


def some(space, n=60, seed=0):
    return space.sample_many(np.random.default_rng(seed), n)


def slow_paths(space, arch):
    """The operation sequences from input to output, by walking one graph."""
    labels, nodes, adjacency = space.graph_many([arch])
    names = [labels[node] if node >= 0 else None for node in nodes[0]]

    def walk(at, trail):
        for to in np.flatnonzero(adjacency[0, at]).tolist():
            if names[to] == "output":
                yield " > ".join(trail) or "(nothing between)"
            else:
                yield from walk(to, (*trail, names[to]))

    return set(walk(names.index("input"), ()))


def slow_weisfeiler_lehman(space, arch, rounds):
    """How often each label occurs in each round, the labels written out as text."""
    labels, nodes, adjacency = space.graph_many([arch])
    there = np.flatnonzero(nodes[0] >= 0).tolist()
    colors = {i: labels[nodes[0, i]] for i in there}
    counts = Counter(colors.values())
    for _ in range(rounds):
        before = {i: sorted(colors[j] for j in there if adjacency[0, j, i]) for i in there}
        after = {i: sorted(colors[j] for j in there if adjacency[0, i, j]) for i in there}
        colors = {i: f"({colors[i]} {before[i]} {after[i]})" for i in there}
        counts.update(colors.values())
    return counts


def n_classes(encoded):
    return len(np.unique(encoded, axis=0))


# ---- the same for all spaces ----


@pytest.fixture(scope="module", params=SPACES)
def known(request):
    return space_from(request.param)


@pytest.mark.parametrize("encoding", ARRAYS, ids=NAMES)
def test_every_space_has_every_encoding_and_a_batch_does_not_matter(known, encoding):
    archs = some(known)
    settings = {"length": 300} if encoding is encodings.paths else {}
    encoded = encoding(known, archs, **settings)
    assert len(encoded) == len(archs)
    np.testing.assert_array_equal(encoded[:7], encoding(known, archs[:7], **settings))
    np.testing.assert_array_equal(encoded[3:4], encoding(known, [tuple(archs[3].tolist())], **settings))
    np.testing.assert_array_equal(encoded[:9], encoding(known, known.format_many(archs[:9]), **settings))
    empty = encoding(known, archs[:0], **settings)
    assert (empty.shape, empty.dtype) == ((0, encoded.shape[1]), encoded.dtype)


def test_tensors_of_every_space_say_what_its_graphs_say(known):
    archs = some(known)
    graphs = known.graph_many(archs)
    dense, sparse = encodings.graph_tensors(known, archs), encodings.sparse_graphs(known, archs)
    assert (dense.nodes.argmax(axis=2)[dense.mask] == graphs.nodes[graphs.nodes >= 0]).all()
    assert (dense.nodes.sum(axis=2) == dense.mask).all()
    assert (dense.adjacency == graphs.adjacency).all()
    assert {part.dtype for part in dense} == {np.dtype(np.float32), np.dtype(bool)}
    assert {part.dtype for part in sparse} == {np.dtype(np.int64)}
    # the sparse form, put together again without absent nodes
    for i in range(len(archs)):
        there = np.flatnonzero(graphs.nodes[i] >= 0)
        mine = np.flatnonzero(sparse.graph_of_node == i)
        assert (sparse.node_label[mine] == graphs.nodes[i, there]).all()
        edges = sparse.edge_index[:, np.isin(sparse.edge_index[0], mine)] - mine[0]
        adjacency = np.zeros((len(there), len(there)), np.uint8)
        adjacency[*edges] = 1
        assert (adjacency == graphs.adjacency[i][np.ix_(there, there)]).all()


def test_graphs_of_every_space_are_in_topological_order_and_join_nodes_that_there_are(known):
    labels, nodes, adjacency = known.graph_many(some(known))
    assert not np.tril(adjacency).any()
    assert nodes.min() >= -1
    assert nodes.max() < len(labels)
    assert len(set(labels)) == len(labels)
    absent = nodes < 0
    assert not adjacency[absent].any()
    assert not adjacency.transpose(0, 2, 1)[absent].any()
    for role in {"input", "output"} & set(labels):
        assert ((nodes == labels.index(role)).sum(axis=1) == 1).all(), role


def test_a_part_of_a_space_is_encoded_as_the_whole(space):
    part = RecordedSpace(space, space.parse_many([(0, 0, 0, 3, 0, 0), (0, 0, 0, 2, 0, 0)]))
    for encoding in ARRAYS:
        np.testing.assert_array_equal(encoding(part, some(space)), encoding(space, some(space)))


@pytest.mark.parametrize("encoding", ARRAYS, ids=NAMES)
def test_one_architecture_is_no_batch(space, encoding):
    with pytest.raises(ArchitectureError, match="put it in a list"):
        encoding(space, (3, 3, 3, 1, 3, 2))


def test_a_benchmark_in_place_of_a_space_is_refused():
    bench = nbk.load("nasbench201/cifar10")
    given = [*ARRAYS, encodings.graph_tensors, encodings.sparse_graphs]
    for encode in given:
        with pytest.raises(SettingError, match=r"^space=<Benchmark .*; a space expected, such as benchmark.space"):
            encode(bench, [(0, 0, 0, 0, 0, 0)])
    for ask in (encodings.path_names, encodings.best_dense, encodings.best_sparse, encodings.encodings_of):
        with pytest.raises(SettingError, match="a space expected"):
            ask(bench)


# ---- NAS-Bench-201 ----


def test_the_cell_of_nasbench201_is_drawn_with_its_operations_on_edges_and_none_left_out(space):
    (name, graph), *others = space.graphs((3, 0, 1, 2, 0, 4)).items()
    assert (name, others, graph.nodes) == ("cell", [], ("input", "1", "2", "output"))
    assert graph.edges == (
        (0, 1, "nor_conv_3x3"),
        (1, 2, "skip_connect"),
        (0, 3, "nor_conv_1x1"),
        (2, 3, "avg_pool_3x3"),
    )


def test_the_operations_of_nasbench201_are_joined_where_edges_meet(space):
    labels, nodes, adjacency = space.graph_many(space.all_archs())
    joined = {0: (1, 2, 4), 1: (3, 5), 2: (6,), 3: (6,), 4: (7,), 5: (7,), 6: (7,)}  # by hand
    full = nodes.min(axis=1) >= 0
    assert full.sum() == 4**6
    for i, to in joined.items():
        assert [np.flatnonzero(row).tolist() for row in np.unique(adjacency[full, i], axis=0)] == [list(to)]
    assert labels == ("input", "output", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
    edges = [labels[node] if node >= 0 else "none" for node in nodes[space.rank((3, 0, 1, 2, 0, 4)), 1:7]]
    assert edges == ["nor_conv_3x3", "none", "skip_connect", "nor_conv_1x1", "none", "avg_pool_3x3"]


def test_paths_of_nasbench201_are_its_sequences_of_one_to_three_operations(space):
    names = encodings.path_names(space)
    operations = ("skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
    assert names == [" > ".join(path) for n in (1, 2, 3) for path in product(operations, repeat=n)]
    assert len(names) == 4 + 16 + 64


def test_different_sequences_of_two_operations_do_not_share_a_column(space):
    # in naszilla the two paths of two edges share an index range
    archs = [(a, 0, 0, 0, b, 0) for a, b in product(range(1, 5), repeat=2)]
    archs += [(0, a, 0, 0, 0, b) for a, b in product(range(1, 5), repeat=2)]
    encoded = encodings.paths(space, archs)
    assert (encoded.sum(axis=1) == 1).all()
    assert n_classes(encoded[:16]) == 16
    np.testing.assert_array_equal(encoded[:16], encoded[16:])  # the same sequences through another node


def test_cells_that_output_zero_are_those_without_a_path(space):
    archs = space.all_archs()
    np.testing.assert_array_equal(~encodings.paths(space, archs).any(axis=1), space.outputs_zero(archs))


# ---- paths ----


@pytest.mark.parametrize("which", ["nasbench201", "cells101"])
def test_paths_are_those_that_walking_each_graph_finds(which, space):
    chosen = space if which == "nasbench201" else CELLS
    archs = some(chosen, 400)
    names = np.array(encodings.path_names(chosen))
    for arch, row in zip(archs.tolist(), encodings.paths(chosen, archs), strict=True):
        assert set(names[row == 1].tolist()) == slow_paths(chosen, arch)


def test_a_cell_of_nasbench101_has_364_columns():
    # Source: White et al. 2020, section 3.1: the path encoding has sum over i of r^i columns, r = 3 operations, i <= 5
    assert encodings.paths(CELLS, some(CELLS, 3)).shape == (3, 364)
    names = encodings.path_names(CELLS)
    assert len(set(names)) == 364
    assert names[0] == "(nothing between)"
    assert names == sorted(names, key=lambda name: (0 if name.startswith("(") else 1 + name.count(">"), name))


@pytest.mark.parametrize("length", [1, 4, 40, 364, 5_000])
def test_the_truncated_path_encoding_is_the_first_columns(length):
    archs = some(CELLS, 200)
    full, kept = encodings.paths(CELLS, archs), encodings.paths(CELLS, archs, length=length)
    np.testing.assert_array_equal(kept, full[:, :length])
    assert encodings.path_names(CELLS, length) == encodings.path_names(CELLS)[:length]


def test_a_chain_has_one_path_and_a_column_for_each(toy_space):
    archs = toy_space.all_archs()
    np.testing.assert_array_equal(encodings.paths(toy_space, archs), np.eye(6, dtype=np.uint8))
    assert encodings.path_names(toy_space)[1] == "kernel: 3 > width: 32"


def test_too_many_paths_are_refused_with_the_way_out():
    space = ChoiceSpace("long", {f"layer {i}": range(10) for i in range(8)})
    for call in (encodings.paths, lambda space, archs: encodings.path_names(space)):
        with pytest.raises(
            SettingError, match=r"long has 100,000,000 paths, more than 1,000,000 columns; give length="
        ):
            call(space, some(space))
    first = encodings.paths(space, [(0,) * 8, (0,) * 7 + (5,), (9,) * 8], length=10)
    assert first.argmax(axis=1).tolist() == [0, 5, 0]
    assert first.sum(axis=1).tolist() == [1, 1, 0]
    with pytest.raises(SettingError, match="length=0 keeps no path"):
        encodings.paths(space, some(space), length=0)


def test_cells_that_carry_their_names_have_columns_of_their_own_and_no_others():
    # two cells in one graph, as of DARTS: input, name of the cell, an operation, its end, output
    space = Listed(
        ("input", "output", "normal", "reduce", "end of normal", "end of reduce", "a", "b", "none"),
        ((0, 2, 6, 4, 3, 7, 5, 1), ((0, 1), (1, 2), (2, 3), (3, 7), (0, 4), (4, 5), (5, 6), (6, 7))),
        ((0, 2, 7, 4, 3, 6, 5, 1), ((0, 1), (1, 2), (2, 3), (3, 7), (0, 4), (4, 5), (5, 6), (6, 7))),
        ((0, 2, 8, 4, 3, 6, 5, 1), ((0, 1), (1, 2), (2, 3), (3, 7), (0, 4), (4, 5), (5, 6), (6, 7))),
    )
    names = np.array(encodings.path_names(space))
    assert names.tolist() == [f"{cell} > {op} > end of {cell}" for cell in ("normal", "reduce") for op in "ab"]
    assert encodings.paths(space, space.all_archs()).tolist() == [[1, 0, 0, 1], [0, 1, 1, 0], [0, 0, 1, 0]]


def test_a_cell_with_several_inputs_and_outputs_has_paths_from_each_to_each():
    # as recurrent cells: x and h are read, one of two results is read by nothing; an h that nobody reads is no path
    space = Listed(
        ("x", "h", "sum", "tanh", "new"),
        ((0, 1, 2, 3, 4), ((0, 2), (1, 2), (2, 3), (2, 4))),
        ((0, 1, 3, -1, 4), ((0, 2), (2, 4))),
    )
    names = np.array(encodings.path_names(space))
    found = [set(names[row == 1].tolist()) for row in encodings.paths(space, space.all_archs())]
    both = {f"{start} > sum > {end}" for start in "xh" for end in ("tanh", "new")}
    assert found == [both, {"x > tanh > new"}]


def test_a_path_too_rare_for_sampling_is_an_error_and_not_left_out():
    class Rare(Cells101):
        """One operation in a million architectures has a name of its own."""

        labels = (*Cells101.labels, "rare")

        def graph_many(self, archs):
            graphs = super().graph_many(archs)
            graphs.nodes[:, 1][(self.parse_many(archs)[:, :20] == 1).all(axis=1)] = 5
            return graphs

    rare = Rare()
    with pytest.raises(SettingError, match=r"path 'rare.*' has no column"):
        encodings.paths(rare, [(1,) * 21 + (0,) * 5])


# ---- Weisfeiler-Lehman ----


@pytest.mark.parametrize("which", ["nasbench201", "cells101"])
@pytest.mark.parametrize("rounds", [0, 1, 3])
def test_kernel_is_that_of_the_labels_written_out(which, rounds, space):
    chosen = space if which == "nasbench201" else CELLS
    archs = some(chosen, 25)
    counts = [slow_weisfeiler_lehman(chosen, arch, rounds) for arch in archs.tolist()]
    expected = [[sum(one[label] * other[label] for label in one) for other in counts] for one in counts]
    encoded = encodings.weisfeiler_lehman(chosen, archs, rounds, n_features=1 << 20)  # too many to collide
    encoded = encoded[:, encoded.any(axis=0)]
    np.testing.assert_array_equal(encoded @ encoded.T, expected)


def test_weisfeiler_lehman_counts_every_node_once_a_round(space):
    archs = some(space)
    n_nodes = (space.graph_many(archs).nodes >= 0).sum(axis=1)
    encoded = encodings.weisfeiler_lehman(space, archs, rounds=3, n_features=50)
    assert encoded.shape == (len(archs), 6 + 150)
    parts = [encoded[:, :6], *np.split(encoded[:, 6:], 3, axis=1)]
    for part in parts:
        np.testing.assert_array_equal(part.sum(axis=1), n_nodes)


def test_a_cell_with_renumbered_nodes_has_the_same_labels():
    # input -> a conv3x3 and a pooling, both -> output; in one order and the other
    one = CELLS.cell((0, 1), (0, 2), (1, 6), (2, 6), operations=(1, 2, 0, 0, 0))
    other = CELLS.cell((0, 1), (0, 2), (1, 6), (2, 6), operations=(2, 1, 0, 0, 0))
    assert n_classes(encodings.weisfeiler_lehman(CELLS, [one, other], 5)) == 1
    assert n_classes(encodings.adjacency(CELLS, [one, other])) == 2


@pytest.mark.parametrize(("rounds", "n_features"), [(-1, 10), (1, 0)])
def test_impossible_numbers_of_rounds_and_features_are_refused(space, rounds, n_features):
    with pytest.raises(SettingError, match="at least 0 and 1 expected"):
        encodings.weisfeiler_lehman(space, [0], rounds, n_features=n_features)


# ---- injective or not ----


def test_one_hot_and_adjacency_and_dense_tensors_are_injective_on_all_cells_of_nasbench201(space):
    archs = space.all_archs()
    dense = encodings.graph_tensors(space, archs)
    assert n_classes(encodings.one_hot(space, archs)) == 15_625
    assert n_classes(encodings.adjacency(space, archs)) == 15_625
    assert n_classes(np.hstack([part.reshape(15_625, -1) for part in dense])) == 15_625


def test_one_hot_is_injective_in_every_space(known):
    archs = np.unique(some(known, 500), axis=0)
    assert n_classes(encodings.one_hot(known, archs)) == len(archs)


def test_adjacency_is_injective_where_graphs_are():
    archs = np.unique(some(CELLS, 5_000), axis=0)
    assert n_classes(encodings.adjacency(CELLS, archs)) == len(archs)


def test_paths_are_not_injective():
    # two equal branches, or one: cells of NAS-Bench-101 that are not isomorphic
    one = CELLS.cell((0, 1), (1, 6), operations=(1, 0, 0, 0, 0))
    two = CELLS.cell((0, 1), (0, 2), (1, 6), (2, 6), operations=(1, 1, 0, 0, 0))
    assert n_classes(encodings.paths(CELLS, [one, two])) == 1
    assert n_classes(encodings.weisfeiler_lehman(CELLS, [one, two])) == 2
    # branches that meet in an operation, or run beside each other
    meet = CELLS.cell((0, 1), (0, 2), (1, 3), (2, 3), (3, 6), operations=(1, 2, 0, 0, 0))
    beside = CELLS.cell((0, 1), (0, 2), (1, 3), (2, 4), (3, 6), (4, 6), operations=(1, 2, 0, 0, 0))
    assert n_classes(encodings.paths(CELLS, [meet, beside])) == 1


def test_truncated_paths_are_less_injective(space):
    archs = space.all_archs()
    assert n_classes(encodings.paths(space, archs, length=20)) < n_classes(encodings.paths(space, archs)) < 15_625


def test_weisfeiler_lehman_is_not_injective_even_without_collisions():
    # Four operations x read by four y in one ring of eight or in two rings of four: every x is read by two y, and
    # every y reads two x, so that no number of rounds tells them apart.
    fixed = [(0, i) for i in range(1, 5)] + [(i, 9) for i in range(5, 9)]
    ring = [(1, 5), (1, 6), (2, 6), (2, 7), (3, 7), (3, 8), (4, 8), (4, 5)]
    rings = [(1, 5), (1, 6), (2, 5), (2, 6), (3, 7), (3, 8), (4, 7), (4, 8)]
    nodes = (0, 2, 2, 2, 2, 3, 3, 3, 3, 1)
    space = Listed(("input", "output", "x", "y"), (nodes, fixed + ring), (nodes, fixed + rings))
    assert n_classes(encodings.weisfeiler_lehman(space, space.all_archs(), 6, n_features=1 << 10)) == 1
    assert n_classes(encodings.adjacency(space, space.all_archs())) == 2


def test_few_features_collide(space):
    archs = space.all_archs()[::25]
    few, many = (encodings.weisfeiler_lehman(space, archs, n_features=n) for n in (1, 1 << 14))
    assert n_classes(few) < n_classes(many)


def test_sparse_graphs_are_not_injective(space):
    # the same two operations through node 1, and through node 2
    one, other = (encodings.sparse_graphs(space, [arch]) for arch in ((3, 0, 0, 0, 2, 0), (0, 3, 0, 0, 0, 2)))
    for mine, theirs in zip(one, other, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_batches_larger_than_the_pieces_they_are_encoded_in_come_out_whole():
    archs = some(CELLS, 20_000)
    for encoding in ARRAYS:
        whole = encoding(CELLS, archs)
        np.testing.assert_array_equal(whole[15_000:], encoding(CELLS, archs[15_000:]))


def test_trees_read_a_column_per_choice_of_what_has_no_order():
    space = ChoiceSpace("mixed", {"op": ("a", "b", "c"), "width": (16, 32, 64)})
    assert tree_columns(space, np.array([[2, 1], [0, 2]], np.uint8)).tolist() == [[0, 0, 1, 1], [1, 0, 0, 2]]

import ast
import csv
import gzip
import pickle
import re
from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench_kit.errors import ArchitectureError, NasbenchKitError, UnknownNameError
from nasbench_kit.spaces import (
    ChoiceSpace,
    Decision,
    DrawnAhead,
    Form,
    NASBench201Space,
    Space,
    describe_space,
    space_from,
)
from nasbench_kit.testing import check_space

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
CELL = NASBench201Space()
RESNET = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"

cells = st.tuples(*[st.integers(0, 4)] * 6)
batches = st.lists(cells, max_size=20)
names = st.text("abcdefgh 0123456789_>-", min_size=1, max_size=8).filter(lambda name: name == name.strip())
choice_spaces = st.dictionaries(names, st.lists(names, min_size=2, max_size=9, unique=True), min_size=1, max_size=9)
spaces = st.one_of(st.just(CELL), choice_spaces.map(lambda decisions: ChoiceSpace("generated", decisions)))
seeds = st.integers(0, 2**32)


@st.composite
def spaces_with_archs(draw):
    space = draw(spaces)
    arch = st.tuples(*(st.integers(0, n - 1) for n in space.n_choices))
    return space, draw(st.lists(arch, min_size=1, max_size=10).filter(lambda archs: len(archs) != space.n_decisions))


# ---- texts ----


@given(spaces_with_archs())
def test_every_text_form_of_an_architecture_comes_back(case):
    space, archs = case
    for arch, form in product(archs, space.forms):
        assert space.parse(space.format(arch, form), form) == arch


@given(spaces_with_archs())
def test_sequences_arrays_and_mappings_mean_the_same_architecture(case):
    space, archs = case
    for arch in archs:
        by_name = {decision.name: decision.choices[n] for n, decision in zip(arch, space.decisions, strict=True)}
        backwards = dict(reversed(by_name.items()))
        for form in (list(arch), np.array(arch, np.uint8), np.array(arch), iter(arch), by_name, backwards):
            assert space.parse(form) == arch


@given(spaces_with_archs())
def test_batches_agree_with_single_calls_for_every_verb(case):
    space, archs = case
    batch = space.parse_many(archs)
    assert batch.dtype == np.uint8
    assert batch.tolist() == [list(space.parse(arch)) for arch in archs]
    texts = space.format_many(batch)
    assert texts == [space.format(arch) for arch in archs]
    assert space.parse_many(texts).tolist() == batch.tolist()
    assert space.rank_many(batch).tolist() == [space.rank(arch) for arch in archs]
    assert space.unrank_many(space.rank_many(batch)).tolist() == [list(space.unrank(space.rank(a))) for a in archs]
    assert space.neighbors_many(batch).tolist() == [list(map(list, space.neighbors(arch))) for arch in archs]
    assert space.identity(batch).tolist() == [int(space.identity([arch])[0]) for arch in archs]


@pytest.mark.parametrize("rank", [-1, 15_625])
def test_a_position_that_no_architecture_has_is_refused_alone_and_in_a_batch(rank):
    for unrank in (CELL.unrank, lambda rank: CELL.unrank_many(np.array([3, rank]))):
        with pytest.raises(ArchitectureError, match=f"position {rank} is out of range; choose from 0 to 15624"):
            unrank(rank)


@given(spaces_with_archs(), seeds)
def test_drawing_in_batches_gives_what_drawing_one_by_one_gives(case, seed):
    space, archs = case
    rngs = [np.random.default_rng(seed) for _ in range(3)]
    one_by_one = [list(space.sample(rngs[0])) for _ in range(7)]
    assert space.sample_many(rngs[1], 7).tolist() == one_by_one
    assert [list(arch) for arch, _ in zip(space.samples(rngs[2]), range(7), strict=False)] == one_by_one
    ahead = DrawnAhead(np.random.default_rng(seed))
    assert [list(space.sample(ahead)) for _ in range(7)] == one_by_one
    for mutation in space.mutations:
        rngs = [np.random.default_rng(seed) for _ in range(2)]
        children = space.mutate_many(archs, rngs[0], mutation)
        assert children.tolist() == [list(space.mutate(arch, rngs[1], mutation)) for arch in archs]


@given(cells)
def test_all_forms_of_a_cell_mix_in_one_batch(cell):
    forms = [CELL.format(cell), CELL.format(cell, "digits"), cell, CELL.index(cell), np.int64(CELL.index(cell))]
    assert CELL.parse_many(forms).tolist() == [list(cell)] * 5
    assert CELL.parse_many(forms[::-1]).tolist() == [list(cell)] * 5


@given(st.lists(st.integers(0, 15_624), max_size=20).filter(lambda positions: len(positions) != 6))
def test_a_flat_array_of_integers_holds_official_positions(positions):
    batch = CELL.parse_many(np.array(positions, np.int64))
    assert CELL.index_many(batch).tolist() == positions == [CELL.index(CELL.parse(position)) for position in positions]


@given(st.text(max_size=30))
def test_arbitrary_text_is_a_cell_or_an_error_of_ours(text):
    for form in (None, *CELL.forms):
        try:
            cell = CELL.parse(text, form)
        except NasbenchKitError as error:
            assert "\n" not in str(error)  # noqa: PT017 (either is right)
        else:
            assert CELL.parse(cell) == cell


def test_a_batch_that_already_is_one_comes_back_uncopied(space):
    batch = space.all_archs()
    assert space.parse_many(batch) is batch


def test_an_empty_batch_is_a_batch(space):
    for empty in ([], np.empty((0, 6), np.uint8), np.empty(0, np.int64)):
        assert space.parse_many(empty).shape == (0, 6)
    assert space.neighbors_many([]).shape == (0, 24, 6)
    assert space.format_many([]) == []


# ---- numbers ----


@given(spaces_with_archs())
def test_rank_is_the_position_in_lexicographic_order(case):
    space, archs = case
    by_rank = sorted(archs, key=space.rank)
    assert by_rank == sorted(archs)
    assert all(0 <= space.rank(arch) < space.size for arch in archs)


def test_all_archs_are_in_order_of_rank(space, toy_space):
    for known in (space, toy_space):
        assert known.rank_many(known.all_archs()).tolist() == list(range(known.size))
    assert list(map(tuple, toy_space.all_archs().tolist())) == list(product(range(2), range(3)))


@pytest.mark.parametrize("n_decisions", [24, 25, 53, 54, 62])
def test_ranks_of_large_spaces_are_exact(n_decisions):
    space = ChoiceSpace("bits", {f"bit {i}": ("0", "1") for i in range(n_decisions)})
    batch = space.sample_many(np.random.default_rng(0), 100)
    batch[0], batch[1] = 0, 1
    expected = [int("".join(map(str, row)), 2) for row in batch.tolist()]
    assert space.rank_many(batch).tolist() == expected
    assert (space.unrank_many(np.array(expected)) == batch).all()


def test_a_space_too_large_for_64_bit_ranks_says_so():
    space = ChoiceSpace("bits", {f"bit {i}": ("0", "1") for i in range(70)})
    batch = space.sample_many(np.random.default_rng(0), 3)
    with pytest.raises(ArchitectureError, match=r"too (large|many)"):
        space.rank_many(batch)


def test_one_hot_is_injective(space):
    encoded = space.one_hot(space.all_archs())
    assert encoded.shape == (15_625, 30)
    assert len(np.unique(encoded, axis=0)) == 15_625
    assert (encoded.reshape(-1, 6, 5).argmax(axis=2) == space.all_archs()).all()


# ---- neighborhoods ----


@given(spaces_with_archs())
def test_neighbors_differ_in_one_decision_and_are_mutual(case):
    space, archs = case
    neighbors = space.neighbors(archs[0])
    assert len(set(neighbors)) == len(neighbors) == sum(space.n_choices) - space.n_decisions
    for near in neighbors:
        assert sum(a != b for a, b in zip(near, archs[0], strict=True)) == 1
        assert archs[0] in space.neighbors(near)


def test_a_cell_has_24_neighbors_that_together_are_every_cell_24_times(space):
    near = space.neighbors_many(space.all_archs())
    assert near.shape == (15_625, 24, 6)
    assert (np.bincount(space.rank_many(near.reshape(-1, 6))) == 24).all()


@given(spaces_with_archs(), seeds)
def test_mutation_changes_exactly_one_decision_to_another_valid_choice(case, seed):
    space, archs = case
    for mutation in space.mutations:
        child = space.mutate(archs[0], np.random.default_rng(seed), mutation)
        assert child in space.neighbors(archs[0])


@pytest.mark.parametrize(
    ("mutation", "expected"),
    # The reference draws one of three nodes, then one of its 1, 2 or 3 incoming edges.
    # Source: AutoDL-Projects, exps/NATS-algos/regularized_ea.py, mutate_topology_func
    [("uniform", [1 / 6] * 6), ("node_then_edge", [1 / 3, 1 / 6, 1 / 6, 1 / 9, 1 / 9, 1 / 9])],
)
def test_mutation_chooses_its_edge_with_the_stated_probabilities(space, mutation, expected):
    n = 200_000
    parents = np.tile(np.array([3, 3, 3, 1, 3, 2], np.uint8), (n, 1))
    children = space.mutate_many(parents, np.random.default_rng(0), mutation)
    changed = children != parents
    assert (changed.sum(axis=1) == 1).all()
    standard_errors = np.sqrt(np.array(expected) * (1 - np.array(expected)) / n)
    assert (np.abs(changed.mean(axis=0) - expected) < 4 * standard_errors).all()
    for edge in range(6):  # the new operation is one of the four others, each as likely
        counts = np.bincount(children[changed[:, edge], edge], minlength=5)
        others = np.delete(counts, parents[0, edge])
        assert counts[parents[0, edge]] == 0
        assert (np.abs(others / others.sum() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / others.sum())).all()


def test_samples_are_uniform(space):
    archs = space.sample_many(np.random.default_rng(0), 100_000)
    for edge in range(6):
        assert (np.abs(np.bincount(archs[:, edge], minlength=5) / 100_000 - 0.2) < 4 * np.sqrt(0.16 / 100_000)).all()


# ---- the official order ----


@pytest.mark.parametrize(
    ("index", "digits", "text"),
    [
        # Source: NATS-Bench's records 0, 11 and 284 (D-X-Y/NATS-Bench, fake_torch_dir)
        (
            0,
            "421211",
            "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|" + "+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|",
        ),
        (11, "334034", "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|none~0|nor_conv_3x3~1|avg_pool_3x3~2|"),
        (284, "111020", "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|none~0|nor_conv_1x1~1|none~2|"),
        # Source: the best cells on CIFAR-10, CIFAR-100 and ImageNet16-120, the ResNet cell, all skip connections
        (6111, "333132", RESNET.replace("nor_conv_3x3~2", "nor_conv_1x1~2")),
        (9930, "333133", RESNET),
        (10676, "322133", RESNET.replace("|nor_conv_3x3~0|nor_conv_3x3~1|+", "|nor_conv_1x1~0|nor_conv_1x1~1|+")),
        (11472, "303101", "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|"),
        (
            1835,
            "111111",
            "|skip_connect~0|+|skip_connect~0|skip_connect~1|" + "+|skip_connect~0|skip_connect~1|skip_connect~2|",
        ),
    ],
)
def test_the_official_order_is_that_of_the_release(space, index, digits, text):
    cell = tuple(map(int, digits))
    assert space.parse(text) == space.parse(digits) == space.parse(index) == cell
    assert space.index(cell) == index
    assert (space.format(cell), space.format(cell, "digits")) == (text, digits)


def test_the_official_order_holds_15625_different_strings(space):
    archs = space.parse_many(np.arange(15_625))
    assert len(set(space.format_many(archs))) == space.size == 15_625
    assert (space.index_many(archs) == np.arange(15_625)).all()


def test_drawing_the_official_order_leaves_the_global_generator_alone(space):
    import random

    random.seed(1)
    expected = random.random()
    random.seed(1)
    NASBench201Space().parse(5)
    assert random.random() == expected


@pytest.mark.shared
def test_the_whole_official_order_is_that_of_the_genuine_meta_file(space, read_nats):
    meta = read_nats("meta")["meta_archs"]
    assert space.format_many(np.arange(15_625)) == list(meta)


# ---- NASLib's tuple ----


def read_csv(path):
    with gzip.open(path, "rt", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.shared
def test_naslibs_tuple_means_the_cell_whose_string_stands_beside_it(space, shared_data):
    rows = read_csv(shared_data / "zero_cost" / "nb201_zc_proxies_cifar10.csv.gz")
    assert len(rows) == 9_445
    for row in rows:
        assert space.format(space.parse(row["net"], "naslib")) == row["net_str"]
        assert space.parse(ast.literal_eval(row["net"]), "naslib") == space.parse(row["net_str"])
        assert space.format(space.parse(row["net_str"]), "naslib") == row["net"]


@pytest.mark.shared
@pytest.mark.parametrize("dataset", ["cifar10", "cifar100", "ImageNet16-120"])
def test_hw_nas_bench_in_naslibs_tuples_is_in_the_official_order(space, shared_data, dataset):
    rows = read_csv(shared_data / "nasbench201" / f"hw_{dataset}.csv.gz")
    assert [space.index(space.parse(row["net"], "naslib")) for row in rows] == list(range(15_625))


def test_naslibs_tuple_is_not_read_unless_asked_for(space):
    assert space.parse((4, 0, 3, 1, 4, 3)) == (4, 0, 3, 1, 4, 3)
    assert space.parse((4, 0, 3, 1, 4, 3), "naslib") == (4, 1, 0, 2, 4, 2)


def test_what_could_be_naslibs_says_that_it_must_be_named(space):
    with pytest.raises(ArchitectureError, match=r"is read as 'naslib' only where the form is named, .*") as caught:
        space.parse("(4, 0, 3, 1, 4, 3)")
    expected = f"give form='naslib'; if these are choices of nasbench201, write {space.format((4, 0, 3, 1, 4, 3))!r}"
    assert str(caught.value).endswith(expected)


# file-formats.md of this field's data, section 3.9, on NASLib: (skip_connect, none, nor_conv_3x3, nor_conv_1x1,
# avg_pool_3x3) on the edges (1,2),(1,3),(1,4),(2,3),(2,4),(3,4)
@given(cells)
def test_naslibs_numbers_mean_its_operations_on_its_edges(cell):
    theirs = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
    edges = ("0->1", "0->2", "0->3", "1->2", "1->3", "2->3")
    meant = CELL.parse({edge: theirs[number] for edge, number in zip(edges, cell, strict=True)})
    assert CELL.parse(cell, "naslib") == CELL.parse(str(cell), "naslib") == meant


# ---- which cells are the same ----


def slow_identity(cell):
    """The reference's canonical string, written anew and step by step: NATS-Bench, `Structure.to_unique_str(True)`."""
    incoming = {1: [(cell[0], 0)], 2: [(cell[1], 0), (cell[2], 1)], 3: [(cell[3], 0), (cell[4], 1), (cell[5], 2)]}
    texts = {0: "0"}
    for node, edges in incoming.items():
        terms = []
        for operation, source in edges:
            if OPERATIONS[operation] == "none" or texts[source] == "#":
                terms.append("#")
            elif OPERATIONS[operation] == "skip_connect":
                terms.append(texts[source])
            else:
                terms.append(f"({texts[source]})@{OPERATIONS[operation]}")
        texts[node] = "+".join(sorted(terms))
    return texts[3]


@given(st.lists(cells, min_size=2, max_size=60).filter(lambda batch: len(batch) != 6))
def test_identity_is_equal_exactly_where_an_independent_canonical_string_is(batch):
    identity = CELL.identity(batch).tolist()
    texts = [slow_identity(cell) for cell in batch]
    pairs = list(product(range(len(batch)), repeat=2))
    assert [identity[i] == identity[j] for i, j in pairs] == [texts[i] == texts[j] for i, j in pairs]


def test_identity_of_every_cell_is_the_first_with_its_canonical_string(space):
    # The sums of a canonical string are sorted as texts, by the names of operations; sorted by their numbers, skip
    # connections from sums give other coincidences, though as many.
    first = {}
    archs = space.all_archs()
    expected = [first.setdefault(slow_identity(cell), rank) for rank, cell in enumerate(archs.tolist())]
    differing = int((space.identity(archs) != expected).sum())
    assert differing == 0


def test_there_are_6466_classes_of_equal_cells(space):
    # Source: Dong and Yang 2020, section 2.1: 6,466 unique topologies; the largest class and the number of classes of
    # one cell were counted by an independent implementation of the reference.
    archs = space.all_archs()
    identity = space.identity(archs)
    sizes = Counter(identity.tolist())
    assert (len(sizes), max(sizes.values()), sum(n == 1 for n in sizes.values())) == (6_466, 275, 5_116)
    assert sorted(Counter(map(slow_identity, archs.tolist())).values()) == sorted(sizes.values())
    assert all(identity[rank] == rank for rank in sizes)  # a class is named after its first cell


def test_341_cells_output_zero(space):
    archs = space.all_archs()
    zero = space.outputs_zero(archs)
    assert zero.sum() == 341
    assert not set(space.identity(archs[zero]).tolist()) & set(space.identity(archs[~zero]).tolist())


def test_cells_that_differ_in_the_order_of_summands_alone_are_the_same(space):
    # node 1 is the input itself, so the edges that leave the two may change places
    one, other = space.identity([(1, 3, 2, 0, 4, 2), (1, 2, 3, 4, 0, 2)])
    assert one == other


def test_cells_that_differ_on_a_used_edge_are_not_the_same(space):
    one, other = space.identity([(3, 3, 3, 1, 3, 2), (3, 3, 3, 1, 3, 3)])
    assert one != other


def test_an_edge_behind_nothing_does_not_count(space):
    assert len(set(space.identity([(0, 0, operation, 3, 4, 2) for operation in range(5)]).tolist())) == 1


# ---- conformance ----


def test_nasbench201_conforms(space):
    check_space(space, np.random.default_rng(0))


@given(choice_spaces, seeds)
@settings(max_examples=30)
def test_every_space_of_choices_conforms(decisions, seed):
    check_space(ChoiceSpace("generated", decisions), np.random.default_rng(seed))


class Broken(Space):
    """A toy space that does what its subclasses spoil."""

    def __init__(self):
        decisions = [Decision("first", ("a", "b", "c")), Decision("second", ("a", "b", "c"))]
        super().__init__("broken", decisions, {"official": Form(self.read, self.write, "ab")})

    def read(self, text):
        return tuple("abc".index(letter) for letter in text) if isinstance(text, str) else None

    def write(self, arch):
        return "".join("abc"[n] for n in arch)


class Deaf(Broken):
    def write(self, arch):
        return "aa"


class Lost(Broken):
    def nearest(self, choices, rng):
        return (0, 0)


class OneSided(Broken):
    def neighbors(self, arch):
        return [near for near in super().neighbors(arch) if near > arch]


class Biased(Broken):
    def sample_many(self, rng, n):
        return super().sample_many(rng, n) // 2


class Idle(Broken):
    def mutate(self, arch, rng, mutation="uniform"):
        return arch


class Misranked(Broken):
    def rank(self, arch):
        return super().rank(arch) + 1


class Contextual(Broken):
    def identity(self, archs):
        return np.arange(len(archs), dtype=np.uint64)


def test_the_base_of_the_broken_spaces_conforms():
    check_space(Broken(), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (Deaf, "does not undo format_many"),
        (Lost, "nearest"),
        (OneSided, "neighbors"),
        (Biased, "sample_many"),
        (Idle, "mutate"),
        (Misranked, "rank_many"),
        (Contextual, "identity depends"),
    ],
)
def test_check_space_finds_what_is_broken(broken, message):
    space, rng = broken(), np.random.default_rng(0)
    with pytest.raises(AssertionError, match=message):
        check_space(space, rng)


def test_spaces_are_described_and_pickled(space, toy_space):
    for known in (space, toy_space):
        for copy in (space_from(describe_space(known)), pickle.loads(pickle.dumps(known))):  # allowed: made here
            assert (type(copy), copy.name, copy.decisions) == (type(known), known.name, known.decisions)
            assert copy.mutations == known.mutations


# ---- wrong inputs ----


@pytest.mark.parametrize(
    ("arch", "kind", "message"),
    [
        ("", ArchitectureError, "'' is no cell of nasbench201; one looks like"),
        ("33313x", ArchitectureError, "'33313x' is no cell"),
        ("33313", ArchitectureError, "official index 33313 is out of range|is no cell"),
        ("333135", ArchitectureError, "choice 5 of decision '2->3' is out of range; choose from 0 none"),
        ("３３３１３２", ArchitectureError, "is no cell"),  # noqa: RUF001 (full-width digits)
        (RESNET[1:], ArchitectureError, "is no cell"),
        (RESNET + "|", ArchitectureError, "is no cell"),
        (RESNET.replace("~2", "~1"), ArchitectureError, "is no cell"),
        ("x" * 500, ArchitectureError, r"x\.\.\.' is no cell"),
        (RESNET.replace("skip_connect", "conv9x9"), UnknownNameError, "unknown operation 'conv9x9'; choose from none"),
        (RESNET.replace("skip_connect", "skip"), UnknownNameError, "unknown operation 'skip'; choose from none"),
        ((3, 3, 3), ArchitectureError, r"\(3, 3, 3\) has 3 numbers; nasbench201 has 6 decisions"),
        ((3, 3, 3, 1, 3, 5), ArchitectureError, "choice 5 of decision '2->3' is out of range"),
        ((3, 3, 3, 1, 3, -1), ArchitectureError, "choice -1 of decision '2->3' is out of range"),
        ((3.5, 3, 3, 1, 3, 2), ArchitectureError, "is no architecture: 6 integers expected"),
        (np.zeros((1, 6), np.int64), ArchitectureError, "is no architecture: 6 integers expected"),
        (15_625, ArchitectureError, "official index 15625 is out of range; choose from 0 to 15624"),
        (-1, ArchitectureError, "official index -1 is out of range"),
        (2.0, ArchitectureError, "2.0 is no architecture of nasbench201; give a text like"),
        (True, ArchitectureError, "True is no architecture"),
        (None, ArchitectureError, "None is no architecture"),
        ({"0->1": "none"}, ArchitectureError, "no choice for 0->2, 1->2, 0->3, 1->3, 2->3"),
        ({"0->4": "none"}, UnknownNameError, "unknown decision '0->4'; did you mean"),
        (dict.fromkeys(("0->1", "0->2", "1->2", "0->3", "1->3", "2->3"), "conv"), UnknownNameError, "unknown choice"),
    ],
)
def test_what_is_no_cell_is_refused_with_its_reason(space, arch, kind, message):
    with pytest.raises(kind, match=message):
        space.parse(arch)
    with pytest.raises(kind, match=message):
        space.parse_many([arch])


@pytest.mark.parametrize(
    ("arch", "form", "message"),
    [
        ("333132", "official", "is not of the form 'official'"),
        (RESNET, "digits", "is not of the form 'digits', like '333132'"),
        (333132, "digits", "is not of the form 'digits'"),
        (RESNET, "naslib", "is not of the form 'naslib'"),
        (7, "naslib", "is not of the form 'naslib'"),
        ("(4, 0, 3)", "naslib", "has 3 numbers"),
        ("9" * 5_000 + ", 0, 3, 1, 4, 3", "naslib", "out of range|not of the form"),
        ((4, 0, 3, 1, 4, 5), "naslib", "choice 5 .* is out of range"),
    ],
)
def test_a_cell_in_another_form_than_asked_for_is_refused(space, arch, form, message):
    with pytest.raises(ArchitectureError, match=message):
        space.parse(arch, form)


def test_unknown_forms_and_mutations_are_refused(space, toy_space):
    rng = np.random.default_rng(0)
    for known in (space, toy_space):
        arch = (0,) * known.n_decisions
        for call in (lambda: known.parse(arch, "json"), lambda: known.format(arch, "json")):  # noqa: B023
            with pytest.raises(UnknownNameError, match="unknown form 'json'"):
                call()
        with pytest.raises(UnknownNameError, match="unknown mutation 'two'; choose from uniform"):
            known.mutate(arch, rng, "two")
    with pytest.raises(UnknownNameError, match="unknown space 'nasbench20'; did you mean 'nasbench201'"):
        space_from("nasbench20")


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (np.zeros((2, 5), np.uint8), r"a batch of shape \(2, 5\) does not fit nasbench201: \(n, 6\)"),
        (np.zeros((2, 6)), "an array of float64 is no batch of architectures; integers expected"),
        (np.zeros((2, 6), bool), "an array of bool is no batch"),
        (np.full((2, 6), 5), "architecture 0: choice 5 of decision '0->1' is out of range"),
        (np.full((2, 6), -1), "choice -1 of decision '0->1' is out of range"),
        (np.full((2, 6), 2**40 + 1), "is out of range"),
        (np.zeros((1, 2, 6), np.int64), "6 integers expected"),
        (np.array([15_625]), "official index 15625 is out of range"),
        (np.array([-1]), "official index -1 is out of range"),
        (np.array([1.5]), "1.5 is no architecture"),
        (np.array([3, 3, 3, 1, 3, 2]), r"\(3, 3, 3, 1, 3, 2\) is one architecture, or 6 official positions"),
        ((3, 3, 3, 1, 3, 2), "is one architecture, or 6 official positions"),
        ("333132", "'333132' is one architecture, not a batch; put it in a list"),
        (7, "7 is one architecture, not a batch"),
        ({"0->1": "none"}, "is one architecture, not a batch"),
        (np.array(7), "is one architecture, not a batch|no architecture|0-d"),
    ],
)
def test_what_is_no_batch_is_refused_with_its_reason(space, batch, message):
    with pytest.raises(ArchitectureError, match=message):
        space.parse_many(batch)


@pytest.mark.parametrize(
    ("decisions", "message"),
    [
        ({"width": ("16",)}, "decision 'width' has 1 choices; it needs 2 to 256"),
        ({"width": range(257)}, "decision 'width' has 257 choices; it needs 2 to 256"),
        ({"width": ("16", "16")}, "decision 'width' names a choice twice: 16, 16"),
        ({"width": (16, "16")}, "names a choice twice"),
        ({"width": ("1,6", "32")}, "choice '1,6' of decision 'width' holds a comma or ends in blanks; rename it"),
    ],
)
def test_a_space_with_impossible_decisions_is_refused(decisions, message):
    with pytest.raises(ArchitectureError, match=message):
        ChoiceSpace("mine", decisions)


def test_a_choice_with_blanks_around_it_comes_back_or_is_refused():
    try:
        space = ChoiceSpace("mine", {"width": (" 16", "32")})
    except ArchitectureError as error:
        assert re.search("blank|space", str(error))  # noqa: PT017 (either is right)
    else:
        assert space.parse(space.format((0,))) == (0,)


def test_a_space_without_decisions_is_refused():
    with pytest.raises(ArchitectureError, match="decision"):
        ChoiceSpace("mine", {})

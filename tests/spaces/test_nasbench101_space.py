"""The space of NAS-Bench-101: which cells there are, which are the same, and what the release calls them."""

import csv
import gzip
import json
import pickle
import struct
from hashlib import md5, sha256
from itertools import combinations, permutations, product
from types import SimpleNamespace

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.errors import ArchitectureError, NasbenchKitError, NotRecordedError, UnknownNameError
from nasbench_kit.spaces import NASBench101Space, space_from
from nasbench_kit.tables import DatasetSpec
from nasbench_kit.testing import check_space

SPACE = NASBench101Space()
EDGES = tuple(combinations(range(7), 2))
OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
C3, C1, MP = OPERATIONS

# A genuine record of the release. Source: sile/nasbench-rs, src/dataset.rs
FIXTURE = (
    "0100110001000000010010000010000001000000010000000:"
    "input,conv3x3-bn-relu,maxpool3x3,conv3x3-bn-relu,conv3x3-bn-relu,conv1x1-bn-relu,output"
)
FIXTURE_HASH = "00005c142e6f48ac74fdcf73e3439874"

# The cell in the original's README and example.py
INCEPTION = [
    [0, 1, 1, 1, 0, 1, 0],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 1, 0, 0],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 0],
]
INCEPTION_OPS = ["input", C1, C3, C3, C3, MP, "output"]
CHAIN = [[0, 1, 0], [0, 0, 1], [0, 0, 0]]


# ---- the reference, told plainly ----


def matrix_of(arch):
    matrix = [[0] * 7 for _ in range(7)]
    for (a, b), bit in zip(EDGES, arch, strict=False):
        matrix[a][b] = int(bit)
    return matrix


def ops_of(arch):
    return ["input", *(OPERATIONS[int(code)] for code in arch[21:]), "output"]


def pruned(matrix, ops):
    """What lies on a path from input to output; None if nothing does. As `ModelSpec._prune` does."""
    n = len(matrix)
    ahead, behind = {0}, {n - 1}
    for _ in range(n):
        ahead |= {b for a in ahead for b in range(n) if matrix[a][b]}
        behind |= {a for b in behind for a in range(n) if matrix[a][b]}
    kept = sorted(ahead & behind)
    if not {0, n - 1} <= set(kept):
        return None
    return [[matrix[a][b] for b in kept] for a in kept], [ops[v] for v in kept]


def reference_hash(matrix, ops):
    """As `graph_util.hash_module` does, with a new list for everything."""
    n = len(matrix)
    labels = [-1, *(OPERATIONS.index(op) for op in ops[1:-1]), -2]
    hashes = [
        md5(str((sum(matrix[v]), sum(row[v] for row in matrix), labels[v])).encode()).hexdigest() for v in range(n)
    ]
    for _ in range(n):
        before = [sorted(hashes[u] for u in range(n) if matrix[u][v]) for v in range(n)]
        behind = [sorted(hashes[w] for w in range(n) if matrix[v][w]) for v in range(n)]
        hashes = [
            md5(("".join(before[v]) + "|" + "".join(behind[v]) + "|" + hashes[v]).encode()).hexdigest()
            for v in range(n)
        ]
    return md5(str(sorted(hashes)).encode()).hexdigest()


def rewritten(matrix, ops, rng):
    """The same graph with its vertices numbered in another order that edges follow."""
    n = len(matrix)
    order = []
    while len(order) < n:
        free = [
            v
            for v in range(n)
            if v not in order and all(u in order for u in range(n) if matrix[u][v]) and (v != n - 1 or len(order) == v)
        ]
        order.append(0 if not order else free[rng.integers(len(free))])
    return [[matrix[a][b] for b in order] for a in order], [ops[v] for v in order]


@pytest.fixture(scope="module")
def every_class():
    return SPACE.all_archs()


@pytest.fixture(scope="module")
def identities(every_class):
    return SPACE.identity(every_class)


# ---- how many cells there are ----


def count_isomorphism_classes(n):
    """How many cells of n vertices and at most 9 edges there are, by Burnside's lemma; no hash is involved."""
    edges = list(combinations(range(n), 2))
    bits = np.arange(2 ** len(edges))[:, None] >> np.arange(len(edges)) & 1
    bits = bits[bits.sum(axis=1) <= 9]
    for v in range(n - 1):  # every vertex but the output has an edge that leaves, all but the input one that arrives
        bits = bits[
            bits[:, [a == v for a, _ in edges]].any(axis=1) & bits[:, [b == v + 1 for _, b in edges]].any(axis=1)
        ]
    orders = [(0, *inner, n - 1) for inner in permutations(range(1, n - 1))]
    codes = np.stack([bits @ np.array([1 << order[a] * n + order[b] for a, b in edges]) for order in orders])
    graphs = np.unique(codes.min(axis=0), return_index=True)[1]  # one of each shape
    total = 0
    for graph in graphs:
        kept_by = [order for order, code in zip(orders, codes[:, graph], strict=True) if code == codes[0, graph]]
        total += sum(3 ** n_cycles(order) for order in kept_by) // len(kept_by)
    return total


def n_cycles(order):
    """Among the vertices between input and output."""
    left, n = set(range(1, len(order) - 1)), 0
    while left:
        n += 1
        v = left.pop()
        while order[v] in left:
            v = order[v]
            left.remove(v)
    return n


@pytest.mark.slow
def test_identity_tells_all_423624_cells_apart_and_official_hash_does_of_every_eighth(every_class, identities):
    # Ying et al. 2019, section 2.1: "423k unique"; README: "exactly 423,624 computationally unique modules".
    # Identity and hash do not depend on how vertices are numbered, so neither has more values than there are
    # isomorphism classes. Both have as many: each is the same partition, the one into isomorphism classes. (Hashing all
    # takes a minute: of every eighth no two share a hash, and those of 30,001 are the release's, as tested below.)
    counted = {n: count_isomorphism_classes(n) for n in range(2, 8)}
    assert sum(counted.values()) == 423_624
    n_vertices, counts = np.unique((SPACE.graph_many(every_class).nodes >= 0).sum(axis=1), return_counts=True)
    assert dict(zip(n_vertices.tolist(), counts.tolist(), strict=True)) == counted
    assert len(set(identities.tolist())) == 423_624
    assert len(set(SPACE.official_hash_many(every_class[::8]))) == 423_624 // 8


def test_every_unpruned_form_has_an_identity_of_the_423624(identities):
    assert (identities[1:] > identities[:-1]).all()
    assert np.isin(SPACE.identity(SPACE.sample_many(np.random.default_rng(0), 100_000)), identities).all()


def test_there_are_373754169_unpruned_forms():
    matrices = np.zeros((2**21, 26), np.uint8)
    matrices[:, :21] = np.arange(2**21)[:, None] >> np.arange(21) & 1
    assert SPACE.valid_many(matrices).sum() * 3**5 == 373_754_169


def test_validity_and_hash_are_those_of_the_reference():
    rng = np.random.default_rng(1)
    archs = np.concatenate([rng.integers(0, 2, (3_000, 21)), rng.integers(0, 3, (3_000, 5))], axis=1).astype(np.uint8)
    valid = SPACE.valid_many(archs)
    hashes = dict(zip(map(tuple, archs[valid].tolist()), SPACE.official_hash_many(archs[valid]), strict=True))
    assert 0.7 < valid.mean() < 0.77
    for arch, expected in zip(map(tuple, archs.tolist()), valid, strict=True):
        left = pruned(matrix_of(arch), ops_of(arch))
        assert SPACE.is_valid(arch) == expected == (left is not None and sum(map(sum, left[0])) <= 9)
        if expected:
            assert SPACE.prune(arch) == left
            assert hashes[arch] == SPACE.official_hash(arch) == reference_hash(*left)


# ---- which cells are the same ----


def test_hash_of_a_genuine_record():
    arch = SPACE.parse(FIXTURE)
    assert SPACE.official_hash(arch) == FIXTURE_HASH
    assert SPACE.official_hash_many([arch, arch]) == [FIXTURE_HASH] * 2


GOLDEN_IDENTITIES = [0x6F1C23CE769E3253, 0x54484314DEDD3F08, 0xA56D038F8AAC478B, 0x199BA5EA71F7F9A0]


def test_identities_never_change():
    # Ours, kept in table files: a change of one of these numbers makes every table of the space unreadable.
    cells = [
        FIXTURE,
        (INCEPTION, INCEPTION_OPS),
        (CHAIN, ["input", MP, "output"]),
        ([[0, 1], [0, 0]], ["input", "output"]),
    ]
    assert SPACE.identity(cells).tolist() == GOLDEN_IDENTITIES
    assert [SPACE.key(SPACE.parse(cell)) for cell in cells] == GOLDEN_IDENTITIES


def test_no_identity_of_the_whole_space_ever_changes(identities):
    # Ours too; seen with numpy 1.26 and 2.4.
    digest = sha256(identities.astype("<u8").tobytes()).hexdigest()
    assert digest == "7923648c4aa1d8a52f943ecec32d9e7f605b6260104ded0d6b3169041acb0c2a"


def test_a_cell_with_its_vertices_in_another_order_is_the_same(every_class):
    rng = np.random.default_rng(2)
    differently = 0
    for arch in map(tuple, every_class[rng.integers(len(every_class), size=500)].tolist()):
        matrix, ops = SPACE.prune(arch)
        other = rewritten(matrix, ops, rng)
        differently += other != (matrix, ops)
        assert SPACE.parse(other) is not None
        assert SPACE.key(SPACE.parse(other)) == SPACE.key(arch) == int(SPACE.identity([arch])[0])
        assert SPACE.official_hash(SPACE.parse(other)) == SPACE.official_hash(arch)
    assert differently > 150


def test_what_pruning_takes_away_does_not_matter():
    rng = np.random.default_rng(3)
    batch = SPACE.sample_many(rng, 2_000)
    graphs = SPACE.graph_many(batch)
    changed = batch.copy()
    absent = graphs.nodes[:, 1:6] < 0
    changed[:, 21:][absent] = rng.integers(0, 3, absent.sum())
    assert (changed != batch).any()
    assert (SPACE.identity(changed) == SPACE.identity(batch)).all()
    assert SPACE.official_hash_many(changed) == SPACE.official_hash_many(batch)


def test_identity_does_not_depend_on_the_size_of_the_batch():
    batch = SPACE.sample_many(np.random.default_rng(4), 10_000)
    together = SPACE.identity(batch)
    assert together[:300].tolist() == [SPACE.key(tuple(arch)) for arch in batch[:300].tolist()]
    for start in (4_095, 4_096, 8_192, 9_999):
        assert SPACE.identity(batch[start : start + 1]) == together[start]
    assert SPACE.identity(batch[:0]).tolist() == SPACE.official_hash_many(batch[:0]) == []


@pytest.mark.shared
def test_hashes_of_the_30_cells_in_the_layout_of_naslib(shared_data):
    cells = json.loads((shared_data / "nasbench101" / "nb101_dummy.json").read_text())
    assert len(cells) == 30
    for known, stats in cells.items():
        arch = SPACE.parse(stats)  # a mapping with module_adjacency and module_operations
        assert SPACE.official_hash(arch) == known
        assert SPACE.prune(arch) == (stats["module_adjacency"], stats["module_operations"])


@pytest.mark.shared
def test_hashes_of_30001_cells_of_the_release(shared_data):
    with gzip.open(shared_data / "nasbench101" / "nb101_subset_30k.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 30_001
    cells = []
    for row in rows:
        n = int(row["num_vertices"])
        matrix = np.zeros((n, n), int)
        matrix[np.triu_indices(n, 1)] = list(map(int, row["upper_tri_bits_rowmajor"]))
        cells.append((matrix, ["input", *(OPERATIONS[int(code)] for code in row["ops"]), "output"]))
    archs = SPACE.parse_many(cells)
    assert SPACE.official_hash_many(archs) == [row["hash"] for row in rows]
    assert len(np.unique(SPACE.identity(archs))) == 30_001


@pytest.mark.shared
def test_the_91_cells_of_a_real_tfrecord_file_are_told_apart(shared_data):
    data = (shared_data / "nasbench101" / "ec_nas_4V9E.tfrecord").read_bytes()
    cells, start = {}, 0
    while start < len(data):
        (length,) = struct.unpack_from("<Q", data, start)
        known, _, adjacency, operations, _ = json.loads(data[start + 12 : start + 12 + length])
        cells[known] = SPACE.parse((adjacency, operations))
        start += length + 16
    assert len(cells) == 91  # all with at most 4 vertices
    assert SPACE.official_hash_many(list(cells.values())) == list(cells)
    assert len(set(SPACE.identity(list(cells.values())).tolist())) == 91


# ---- texts and other forms ----


def test_it_is_a_space_like_the_others():
    for seed in range(3):
        check_space(SPACE, np.random.default_rng(seed))
    assert SPACE.n_keys == 423_624
    assert isinstance(space_from("nasbench101"), NASBench101Space)
    assert pickle.loads(pickle.dumps(SPACE)).parse(FIXTURE) == SPACE.parse(FIXTURE)


def test_every_form_means_the_same_cell():
    arch = SPACE.parse(FIXTURE)
    matrix, ops = matrix_of(arch), ops_of(arch)
    array = np.array(matrix)
    naslib = (*array.flatten().tolist(), 0, 4, 2, 4, 4, 3, 1)
    by_name = {decision.name: decision.choices[n] for decision, n in zip(SPACE.decisions, arch, strict=True)}
    forms = [
        arch, list(arch), np.array(arch), by_name, "10011010000100101010102001", (matrix, ops), [matrix, ops],
        (tuple(map(tuple, matrix)), tuple(ops)), (list(map(np.array, matrix)), np.array(ops)), (array, ops),
        (array.astype(np.int8), tuple(ops)), (array.astype(float), ops), (array.astype(bool), ops),
        (np.asfortranarray(array), ops), (array.astype(object), ops), tuple(FIXTURE.split(":")), naslib, list(naslib),
        np.array(naslib), str(naslib), str(list(naslib)), {"matrix": matrix, "ops": ops},
        {"module_adjacency": array, "module_operations": ops}, SimpleNamespace(matrix=array, ops=ops),
        SimpleNamespace(matrix=None, ops=None, original_matrix=array, original_ops=ops), f"  {FIXTURE}\n",
    ]  # fmt: skip
    for form in forms:
        assert SPACE.parse(form) == arch
        assert SPACE.parse(form) == arch  # from memory
    assert SPACE.parse_many(forms).tolist() == [list(arch)] * len(forms)
    assert SPACE.format(arch) == FIXTURE
    assert SPACE.format(arch, "naslib") == str(naslib)
    assert SPACE.parse(naslib, "naslib") == SPACE.parse(FIXTURE, "official") == arch


def test_naslibs_numbers_are_those_that_its_files_have():
    # file-formats.md of this field's data, section 3.9: bits, then input 0, output 1, maxpool 2, conv1x1 3, conv3x3 4
    matrix = np.eye(5, k=1, dtype=int)
    arch = SPACE.parse((matrix, ["input", "maxpool3x3", "conv1x1-bn-relu", "conv3x3-bn-relu", "output"]))
    assert SPACE.parse((*matrix.flatten().tolist(), 0, 2, 3, 4, 1)) == arch
    with pytest.raises(UnknownNameError, match="unknown operation 3"):  # numbers beside a matrix differ between tools
        SPACE.parse((matrix, ["input", 3, 2, 1, "output"]))


def test_the_official_text_is_unpruned_and_prune_gives_the_pruned_cell():
    arch = (0, 1, 1, 0, 0, 1) + (0,) * 20  # 0 -> 2 and 0 -> 3 lead nowhere
    assert SPACE.format(arch).startswith("0011001")
    assert SPACE.prune(arch) == ([[0, 1], [0, 0]], ["input", "output"])


@pytest.mark.parametrize("n", range(2, 8))
def test_cells_with_fewer_vertices_are_padded_before_the_output(n):
    matrix = np.eye(n, k=1, dtype=int)
    ops = ["input", *[MP] * (n - 2), "output"]
    text = "".join(map(str, matrix.flatten())) + ":" + ",".join(ops)
    naslib = (*matrix.flatten().tolist(), 0, *[2] * (n - 2), 1)
    arch = SPACE.parse((matrix, ops))
    assert (
        SPACE.parse(text)
        == SPACE.parse(naslib)
        == SPACE.parse(str(naslib))
        == SPACE.parse((matrix.tolist(), ops))
        == arch
    )
    assert SPACE.prune(arch) == (matrix.tolist(), ops)
    assert SPACE.official_hash(arch) == reference_hash(matrix.tolist(), ops)
    assert arch[21:] == (2,) * (n - 2) + (0,) * (7 - n)


def test_a_matrix_of_floats_has_the_hash_of_the_integers():
    # the original hashes "(1.0, 2.0, 0)" then, which no cell of the release has
    assert SPACE.official_hash(SPACE.parse((np.array(INCEPTION, float), INCEPTION_OPS))) == reference_hash(
        INCEPTION, INCEPTION_OPS
    )


def test_a_list_that_is_changed_after_it_was_parsed_is_another_cell():
    matrix, ops = [row.copy() for row in INCEPTION], INCEPTION_OPS.copy()
    before = SPACE.parse((matrix, ops))
    matrix[0][1], ops[2] = 0, MP
    after = SPACE.parse((matrix, ops))
    assert [before[0], after[0]] == [1, 0]
    assert [before[22], after[22]] == [0, 2]
    array = np.array(matrix)
    array[0, 1] = 1
    assert SPACE.parse((array, ops))[0] == 1
    objects = np.array(INCEPTION, object)
    assert SPACE.parse((objects, ops))[0] == 1
    objects[0, 1] = 0
    assert SPACE.parse((objects, ops))[0] == 0


def test_arrays_of_the_same_bytes_are_not_taken_for_each_other():
    array = np.array(INCEPTION)
    SPACE.parse((array, INCEPTION_OPS))
    with pytest.raises(ArchitectureError, match="in the matrix; only 0 and 1 expected"):
        SPACE.parse((array.view(np.float64), INCEPTION_OPS))


def changed(row, column, entry):
    matrix = [list(numbers) for numbers in INCEPTION]
    matrix[row][column] = entry
    return matrix


WRONG = [
    ((changed(0, 1, 2), INCEPTION_OPS), "^2 in the matrix; only 0 and 1 expected$"),
    ((np.array(changed(0, 1, 0.5)), INCEPTION_OPS), "^0.5 in the matrix; only 0 and 1 expected$"),
    ((np.full((7, 7), np.nan), INCEPTION_OPS), "^nan in the matrix"),
    ((changed(0, 1, "1"), INCEPTION_OPS), "^'1' in the matrix"),
    ((changed(3, 1, 1), INCEPTION_OPS), "^the matrix is not upper triangular; edges lead from a lower to a higher"),
    ((changed(2, 2, 1), INCEPTION_OPS), "^the matrix is not upper triangular"),
    ((INCEPTION[:6], INCEPTION_OPS), "^a matrix of 6 rows of 7 numbers; a square one of 2 to 7 rows expected$"),
    (([*INCEPTION[:6], [0]], INCEPTION_OPS), "^a matrix of 7 rows of 1, 7 numbers; a square one"),
    ((np.zeros((8, 8), int), ["input", *[C3] * 6, "output"]), "^a matrix of 8 rows of 8 numbers; a square one"),
    ((INCEPTION, INCEPTION_OPS[1:]), "^6 operations for 7 vertices; one each expected, input and output too$"),
    ((INCEPTION, [C3, *INCEPTION_OPS[1:]]), "^the operations begin with 'conv3x3-bn-relu' and end with 'output'"),
    ((INCEPTION, ["input", "conv3x3", *INCEPTION_OPS[2:]]), "^unknown operation 'conv3x3'; did you mean 'conv3x3"),
    ((INCEPTION, ["input", ["x"], *INCEPTION_OPS[2:]]), r"^unknown operation \['x'\]"),
    ((INCEPTION, None), "^None where operations are expected, as in"),
    ((None, INCEPTION_OPS), "^None where rows are expected"),
    (([1] * 7, INCEPTION_OPS), "^1 where rows of numbers are expected"),
    ((np.eye(7, k=1) * 0, INCEPTION_OPS), "^no cell of nasbench101: no path leads from input to output$"),
    ((np.triu(np.ones((7, 7), int), 1), INCEPTION_OPS), "^no cell of nasbench101: 21 edges are left after pruning"),
    ((0,) * 26, r"^\(0, 0, .* is no architecture of nasbench101: no path leads from input to output$"),
    ((0,) * 25, "has 25 numbers; nasbench101 has 26 decisions$"),
    ((2,) * 26, "^choice 2 of decision '0->1' is out of range; choose from 0 0, 1 1$"),
    ((0,) * 56, "^the operations begin with 'input' and end with 'input'; 'input' and 'output' expected$"),
    ((*np.array(INCEPTION).flatten().tolist(), 0, 3, 9, 4, 4, 2, 1), "is not of the form 'naslib': n x n zeros"),
    ((*np.array(INCEPTION).flatten().tolist(), 0, 3, 4.5, 4, 4, 2, 1), "is not of the form 'naslib'"),
    ("(0, 1, x)", "^'\\(0, 1, x\\)' is not of the form 'naslib'"),
    (FIXTURE_HASH, "^'00005c142e6f48ac74fdcf73e3439874' is an official hash, which does not tell the cell; give"),
    ("0100:input;output", "^1 operations for 2 vertices"),
    ("01002:input,output", "^'01002' is no matrix of 2 to 7 rows; n x n zeros and ones expected"),
    ("0120:input,output", "^'0120' is no matrix of 2 to 7 rows"),
    ("conv3x3-bn-relu", "^'conv3x3-bn-relu' is no cell of nasbench101; one looks like '0000001000"),
    (5, "no official order to look 5 up in"),
    (None, "^None is no architecture of nasbench101"),
    ({"matrix": INCEPTION}, "^unknown decision 'matrix'"),
    ({decision.name: decision.choices[0] for decision in SPACE.decisions}, "no path leads from input to output$"),
    (SimpleNamespace(matrix=None, ops=None), "^None where operations are expected"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "message"), WRONG)
def test_what_is_no_cell_ends_in_one_line(wrong, message):
    with pytest.raises(NasbenchKitError, match=message) as caught:
        SPACE.parse(wrong)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("arch", "form", "message"),
    [
        (FIXTURE, "digits", "is not of the form 'digits', like '00000100"),
        ("1" * 26, "official", "is not of the form 'official', like '0000001"),
        ((0,) * 26, "official", "is not of the form 'official'"),
        (FIXTURE, "naslib", "is not of the form 'naslib'"),
        (FIXTURE, "md5", "^unknown form 'md5'; choose from official, digits, naslib$"),
    ],
)
def test_a_form_that_is_named_is_the_only_one_read(arch, form, message):
    with pytest.raises((ArchitectureError, UnknownNameError), match=message):
        SPACE.parse(arch, form)


def test_a_batch_names_the_row_that_is_no_cell():
    batch = SPACE.sample_many(np.random.default_rng(0), 5)
    batch[3, :21] = 1
    with pytest.raises(ArchitectureError, match=r"^architecture 3, \(1, .*: 21 edges are left after pruning"):
        SPACE.identity(batch)


# ---- search ----


def test_samples_are_uniform_among_the_unpruned_forms():
    bits = np.arange(2**21)[:, None] >> np.arange(21) & 1
    every = np.concatenate([bits, np.zeros((2**21, 5), np.int64)], axis=1).astype(np.uint8)
    expected = every[SPACE.valid_many(every)][:, :21].mean(axis=0)
    drawn = SPACE.sample_many(np.random.default_rng(5), 100_000)
    assert np.abs(drawn[:, :21].mean(axis=0) - expected).max() < 0.008  # five standard errors
    assert np.abs((drawn[:, 21:, None] == np.arange(3)).mean(axis=0) - 1 / 3).max() < 0.008


class Scripted:
    def __init__(self, *numbers):
        self.random = iter(numbers).__next__


def test_the_official_mutation_flips_edges_at_one_seventh_and_operations_at_one_fifth():
    # NASBench.ipynb, mutate_spec: edge_mutation_prob = 1 / 7, op_mutation_prob = 1 / 5, any valid child is taken
    arch = SPACE.parse(([[0, 1, 1], [0, 0, 1], [0, 0, 0]], ["input", MP, "output"]))
    stay = [0.143] * 21 + [0.2] * 5
    assert SPACE.mutate(arch, Scripted(*stay), "official") == arch
    for position in range(21):
        numbers = stay.copy()
        numbers[position] = 0.142
        child = list(arch)
        child[position] ^= 1
        assert SPACE.mutate(arch, Scripted(*numbers), "official") == tuple(child)
    for position, (number, shift) in product(range(21, 26), ((0.0, 1), (0.0999, 1), (0.1001, 2), (0.1999, 2))):
        numbers = stay.copy()
        numbers[position] = number
        child = list(arch)
        child[position] = (child[position] + shift) % 3
        assert SPACE.mutate(arch, Scripted(*numbers), "official") == tuple(child)
    all_edges = [0.0 if bit == 0 else 0.5 for bit in arch[:21]] + [0.2] * 5
    assert SPACE.mutate(arch, Scripted(*all_edges, *stay), "official") == arch  # 21 edges are too many: drawn again


@pytest.mark.parametrize("mutation", ["uniform", "official"])
def test_children_are_cells_and_a_batch_has_those_of_single_calls(mutation):
    batch = SPACE.sample_many(np.random.default_rng(6), 300)
    children = SPACE.mutate_many(batch, np.random.default_rng(7), mutation)
    rng = np.random.default_rng(7)
    assert children.tolist() == [list(SPACE.mutate(tuple(arch), rng, mutation)) for arch in batch.tolist()]
    assert SPACE.valid_many(children).all()
    distances = (children != batch).sum(axis=1)
    if mutation == "uniform":
        assert set(distances.tolist()) == {1}
    else:  # 21 / 7 + 5 / 5 changes before the invalid children are drawn again
        assert 3 < distances.mean() < 4
    with pytest.raises(UnknownNameError, match="unknown mutation 'node_then_edge'"):
        SPACE.mutate(tuple(batch[0].tolist()), rng, "node_then_edge")


def test_neighbors_are_the_cells_one_decision_away():
    arch = SPACE.parse(FIXTURE)
    near = SPACE.neighbors(arch)
    assert all(SPACE.is_valid(other) and sum(a != b for a, b in zip(arch, other, strict=True)) == 1 for other in near)
    others = [(*arch[:i], n, *arch[i + 1 :]) for i in range(26) for n in range(SPACE.n_choices[i]) if n != arch[i]]
    assert near == [other for other in others if SPACE.is_valid(other)]


# ---- graphs ----


def test_graphs_are_pruned():
    arch = SPACE.parse(FIXTURE)
    graph = SPACE.graphs(arch)["cell"]
    assert graph.nodes == ("input", C3, MP, C3, C3, C1, "output")
    assert [edge[:2] for edge in graph.edges] == [edge for edge, bit in zip(EDGES, arch, strict=False) if bit]
    dangling = (0, 1, 1, 0, 0, 1) + (0,) * 20
    assert SPACE.graphs(dangling)["cell"] == (("input", "output"), ((0, 1, ""),))
    batch = SPACE.graph_many([arch, dangling])
    assert batch.labels == ("input", "output", C3, C1, MP)
    assert batch.nodes.tolist() == [[0, 2, 4, 2, 2, 3, 1], [0, -1, -1, -1, -1, -1, 1]]
    assert batch.adjacency[0].tolist() == matrix_of(arch)
    assert np.argwhere(batch.adjacency[1]).tolist() == [[0, 6]]


# ---- tables ----


def test_a_table_finds_isomorphic_cells_in_one_row(new_path, stored):
    cells = [FIXTURE, (INCEPTION, INCEPTION_OPS), ([[0, 1], [0, 0]], ["input", "output"])]
    metrics = [stored("val_accuracy", [0.92, 0.93, 0.5]), stored("cost_s", [100.0, 200.0, 300.0])]
    table = nbk.Table.create(
        new_path(), name="nasbench101", space=SPACE, archs=cells, datasets={"cifar10": DatasetSpec(metrics)}
    )
    assert not table.is_complete
    benchmark = nbk.Benchmark(table, "cifar10")
    rng = np.random.default_rng(8)
    for cell, value in zip(cells, (0.92, 0.93, 0.5), strict=True):
        matrix, ops = rewritten(*SPACE.prune(SPACE.parse(cell)), rng)
        forms = [
            (matrix, ops),
            (np.array(matrix), ops),
            SimpleNamespace(matrix=matrix, ops=ops),
            {"matrix": matrix, "ops": ops},
        ]
        for form in (cell, *forms, *forms):
            assert benchmark.query(form).val_accuracy == value
        assert benchmark.query_many(forms).val_accuracy.tolist() == [value] * 4
    assert benchmark.search_space().sample(rng) in set(map(tuple, table.archs().tolist()))
    with pytest.raises(
        NotRecordedError, match=r"'0100000.*output' is not among the 3 architectures of table 'nasbench101'"
    ):
        benchmark.query((CHAIN, ["input", MP, "output"]))
    with pytest.raises(nbk.NasbenchKitError, match="is given twice, also as"):
        nbk.Table.create(
            new_path(), name="nasbench101", space=SPACE, archs=[cells[2], (0, 1, 0, 0, 0, 1) + (0,) * 20],
            datasets={"cifar10": DatasetSpec([stored("val_accuracy", [0.1, 0.2])])},
        )  # fmt: skip

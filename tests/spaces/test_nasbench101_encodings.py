"""The encodings A, B and C of NAS-Bench-101: which genotypes are which cells."""

from itertools import combinations
from math import comb

import numpy as np
import pytest

from nasbench_kit.spaces import NASBench101Space, nasbench101_encodings
from nasbench_kit.spaces.nasbench101_encodings import NASBench101A, NASBench101B, NASBench101C
from nasbench_kit.testing import check_space

CELLS, A, B, C = NASBench101Space(), NASBench101A(), NASBench101B(), NASBench101C()
EDGES = tuple(combinations(range(7), 2))  # numpy.triu_indices(7, k=1)
OPS = (0, 1, 2, 0, 1)
EACH = pytest.mark.parametrize("space", [A, B, C], ids=["A", "B", "C"])


def edges_of(cell):
    return {edge for edge, bit in zip(EDGES, cell, strict=False) if bit}


# ---- the reference, told plainly: automl/nas_benchmarks, tabular_benchmarks/nas_cifar10.py ----


def told_plainly_b(numbers):
    """`NASCifar10B`: the numbers of bits in a text, which `gen_is_edge_fn` reads from its end, column by column."""
    text = int("".join("1" if i in numbers else "0" for i in range(21)), 2)
    return {(x, y) for x, y in EDGES if text >> (x + y * (y - 1) // 2) & 1}


def told_plainly_c(numbers, n_edges):
    """`NASCifar10C`: the positions of the highest numbers in the upper triangle, row by row."""
    return {EDGES[i] for i in np.argsort(numbers, kind="stable")[::-1][:n_edges]}


def told_plainly(space, genotype):
    if space is A:  # `NASCifar10A`: the upper triangle, row by row
        return {edge for edge, bit in zip(EDGES, genotype[:21], strict=True) if bit}
    return told_plainly_b(genotype[:9]) if space is B else told_plainly_c(genotype[:21], genotype[21])


def test_the_cell_of_the_references_tests_is_the_same_in_all_encodings():
    # test_tabular_nas_cifar10.py: "inception architecture", of the same accuracy in A, B and C
    numbers = (0, 1, 2, 4, 10, 14, 15, 19, 20)
    ops = [("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3").index(name) for name in (
        "conv1x1-bn-relu", "conv3x3-bn-relu", "conv3x3-bn-relu", "conv3x3-bn-relu", "maxpool3x3"
    )]  # fmt: skip
    bits = [int(i in numbers) for i in range(21)]
    in_b, in_c = (*numbers, *ops), (*(255 * bit for bit in bits), 9, *ops)
    inception = {(0, 1), (0, 2), (0, 3), (0, 5), (1, 6), (2, 6), (3, 4), (4, 6), (5, 6)}
    assert edges_of(C.cell(in_c)) == inception
    assert edges_of(B.cell(in_b)) == {
        (0, 1),
        (0, 2),
        (0, 4),
        (0, 5),
        (1, 6),
        (2, 3),
        (3, 6),
        (4, 6),
        (5, 6),
    }  # isomorphic
    assert A.cell((*bits, *ops)) == (*bits, *ops)
    hashes = {CELLS.official_hash(cell) for cell in ((*bits, *ops), B.cell(in_b), C.cell(in_c))}
    assert len(hashes) == 1


@pytest.mark.parametrize(
    ("numbers", "edges"),
    [
        ([5] * 9, {(0, 6)}),
        ([20, 10, 0, 0, 0, 0, 0, 0, 0], {(0, 1), (0, 5), (5, 6)}),
        ([0, 6, 11, 15, 18, 20, 20, 20, 20], {(5, 6), (4, 5), (3, 4), (2, 3), (1, 2), (0, 1)}),
        ([4, 9, 13, 16, 17, 19, 14, 10, 5], {(1, 6), (1, 5), (1, 4), (1, 3), (0, 3), (0, 2), (0, 4), (0, 5), (0, 6)}),
    ],
)
def test_numbers_of_edges_in_b_are_those_of_the_reference(numbers, edges):
    assert told_plainly_b(numbers) == edges  # by hand: bit 20 is 5->6, bit 19 is 4->6, ... bit 0 is 0->1
    assert edges_of(B.cell((*numbers, *OPS))) == edges
    assert B.cell((*numbers, *OPS))[21:] == OPS


@pytest.mark.parametrize(
    ("levels", "n_edges", "edges"),
    [
        (range(21), 3, {(4, 5), (4, 6), (5, 6)}),
        (range(21, 0, -1), 3, {(0, 1), (0, 2), (0, 3)}),
        ([7] * 21, 2, {(4, 6), (5, 6)}),  # of equal ones the last
        ([9, 0, 0, 0, 9, 9] + [0] * 15, 2, {(0, 5), (0, 6)}),
        ([255] * 21, 0, set()),
    ],
)
def test_the_highest_numbers_in_c_are_edges(levels, n_edges, edges):
    assert told_plainly_c(list(levels), n_edges) == edges
    assert edges_of(C.cell((*levels, n_edges, *OPS))) == edges


@EACH
def test_batches_and_single_genotypes_are_the_cells_of_the_reference(space):
    rng = np.random.default_rng(0)
    drawn = space.sampled(rng.random((500, space.n_decisions)))
    drawn[:250, :21] //= 32  # so that many numbers of C are equal
    cells = space.cell_many(drawn)
    for genotype, cell in zip(drawn.tolist(), cells.tolist(), strict=True):
        assert edges_of(cell) == told_plainly(space, genotype)
        assert space.cell(tuple(genotype)) == tuple(cell)
        assert cell[21:] == genotype[-5:]
        assert space.is_valid(tuple(genotype)) == (sum(cell[:21]) <= 9 and CELLS.is_valid(tuple(cell)))
    assert space.valid_many(drawn).tolist() == [space.is_valid(tuple(genotype)) for genotype in drawn.tolist()]
    assert not space.valid_many(drawn).all()


def test_only_the_order_of_numbers_matters_in_c_and_only_the_set_of_edges_in_b():
    rng = np.random.default_rng(1)
    for _ in range(50):
        levels, n_edges = rng.permutation(21), int(rng.integers(10))
        stretched = 12 * levels + rng.integers(12, size=21)
        assert C.cell((*levels.tolist(), n_edges, *OPS)) == C.cell((*stretched.tolist(), n_edges, *OPS))
        numbers = rng.integers(21, size=9)
        assert B.cell((*numbers.tolist(), *OPS)) == B.cell((*rng.permutation(numbers).tolist(), *OPS))


# ---- which are there ----


def n_connected():
    """Of each number of edges: how many sets of so many edges join input and output."""
    sets = np.arange(2**21, dtype=np.int32)
    reached, size = np.ones(len(sets), np.int8), np.zeros(len(sets), np.int8)
    for i, (a, b) in enumerate(EDGES):  # in order of a, so all that leads to a was seen
        there = (sets >> i & 1).astype(np.int8)
        reached |= (reached >> a & there & 1) << b
        size += there
    return np.bincount(size[reached >> 6 & 1 == 1], minlength=22).tolist()


def n_sequences_of_all(k):
    """Sequences of nine in which each of k edges occurs, by inclusion and exclusion."""
    return sum((-1) ** (k - i) * comb(k, i) * i**9 for i in range(k + 1))


def test_as_many_random_genotypes_are_valid_as_there_are():
    connected = n_connected()
    exact = {
        A: sum(connected[:10]) / 2**21,  # the space itself counts edges after pruning: .74
        B: sum(connected[k] * n_sequences_of_all(k) for k in range(1, 10)) / 21**9,
        C: sum(connected[k] / comb(21, k) for k in range(10)) / 10,  # of numbers that are never equal
    }
    rng = np.random.default_rng(2)
    for space, share in exact.items():
        drawn = space.sampled(rng.random((60_000, space.n_decisions)))
        assert space.valid_many(drawn).mean() == pytest.approx(share, abs=0.01)  # five standard deviations


@EACH
def test_every_cell_has_a_genotype_and_genotypes_of_one_cell_are_the_same(space):
    cells = CELLS.sample_many(np.random.default_rng(3), 1_000)
    genotypes = np.array([space.genotype(tuple(cell)) for cell in cells.tolist()], np.uint8)
    assert space.valid_many(genotypes).all()
    assert space.identity(genotypes).tolist() == CELLS.identity(cells).tolist()
    assert space.key(tuple(genotypes[0].tolist())) == CELLS.key(tuple(cells[0].tolist()))
    graph = space.graphs(tuple(genotypes[0].tolist()))["cell"]
    assert sorted(graph.nodes) == sorted(CELLS.graphs(tuple(cells[0].tolist()))["cell"].nodes)


@pytest.mark.parametrize("make", [NASBench101A, NASBench101B, NASBench101C])
def test_the_encodings_conform(make, monkeypatch):
    monkeypatch.setattr(nasbench101_encodings, "_N_LEVELS", 3)  # of 256, a genotype has 5,374 neighbors
    check_space(make(), np.random.default_rng(4))

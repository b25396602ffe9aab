"""Encodings of mixtures of choices: the expectation of the encoding of architectures."""

import numpy as np
import pytest
import torch

from nasbench_kit.encodings.features import sparse
from nasbench_kit.optimizers.differentiable.mixtures import can_be_relaxed, relaxation
from nasbench_kit.spaces import ChoiceSpace, DARTSSpace, NASBench101Space, NASBench201Space
from nasbench_kit.spaces.darts_forms import Genotype

MIXED = ChoiceSpace("mixed", {"a": tuple("xyz"), "b": tuple("xy"), "c": tuple("vxyz"), "d": tuple("xyz")})
ENCODINGS = [
    (MIXED, "one_hot"),
    (MIXED, "pairs+one_hot"),
    (NASBench201Space(), "path_counts+one_hot"),
    (DARTSSpace(), "edges"),
    (DARTSSpace(), "pairs"),
]
EACH = pytest.mark.parametrize(("space", "encoding"), ENCODINGS, ids=[f"{s.name} {e}" for s, e in ENCODINGS])


def random_mixture(shapes, rng):
    return [torch.tensor(rng.dirichlet(np.ones(n_choices), size=n)) for n, n_choices in shapes]


def vertex(shapes, rng):
    return [torch.eye(n_choices, dtype=torch.float64)[rng.integers(n_choices, size=n)] for n, n_choices in shapes]


@EACH
def test_where_all_is_decided_the_encoding_is_that_of_the_architecture(space, encoding):
    rng = np.random.default_rng(0)
    relaxed, exact = relaxation(space, encoding), sparse(space, encoding)
    for _ in range(20):
        mixture = vertex(relaxed.shapes, rng)
        arch = relaxed.choices(mixture)
        assert space.is_valid(arch)
        expected = np.zeros(exact.n_columns)
        expected[list(exact.one(arch))] = 1
        assert relaxed.encode(mixture).tolist() == expected.tolist()


@EACH
def test_the_encoding_is_linear_in_the_probabilities_of_each_decision(space, encoding):
    """With the test above, that makes it the expectation over independent choices."""
    rng = np.random.default_rng(1)
    relaxed = relaxation(space, encoding)
    for part, (n, n_choices) in enumerate(relaxed.shapes):
        mixture = random_mixture(relaxed.shapes, rng)
        row = rng.integers(n)
        ends = []
        for choice in range(n_choices):
            end = [table.clone() for table in mixture]
            end[part][row] = torch.eye(n_choices)[choice]
            ends.append(relaxed.encode(end))
        between = mixture[part][row] @ torch.stack(ends)
        np.testing.assert_allclose(relaxed.encode(mixture), between, atol=1e-12)


def test_decisions_of_a_space_stand_by_their_number_of_choices():
    assert relaxation(MIXED, "one_hot").shapes == ((1, 2), (2, 3), (1, 4))
    assert relaxation(NASBench201Space(), "path_counts").shapes == ((6, 5),)


def test_a_mixture_of_darts_has_operations_on_14_edges_of_two_cells_and_the_inputs_of_three_nodes():
    assert relaxation(DARTSSpace(), "edges").shapes == ((28, 7), (2, 3), (2, 6), (2, 10))


def test_darts_keeps_the_most_probable_inputs_of_a_node_with_their_most_probable_operations():
    space = DARTSSpace()
    genotype = Genotype(
        normal=[
            *[("sep_conv_3x3", 0), ("skip_connect", 1), ("max_pool_3x3", 0), ("dil_conv_5x5", 2)],
            *[("avg_pool_3x3", 1), ("sep_conv_5x5", 3), ("dil_conv_3x3", 2), ("sep_conv_3x3", 4)],
        ],
        normal_concat=[2, 3, 4, 5],
        reduce=[("max_pool_3x3", 0), ("max_pool_3x3", 1)] * 4,
        reduce_concat=[2, 3, 4, 5],
    )
    edges = {0: 3, 1: 2, 2: 0, 4: 6, 6: 1, 8: 4, 11: 5, 13: 3}  # of the normal cell, by node, then input: 2-0, 2-1, 3-0
    operations, *pairs = (torch.ones(shape) for shape in relaxation(space, "edges").shapes)
    for edge, operation in edges.items():
        operations[edge, operation] = 2
    for pair, chosen in zip(pairs, (1, 4, 8), strict=True):  # 0_2 of 3 pairs, 1_3 of 6, 2_4 of 10
        pair[0, chosen] = 2
    assert relaxation(space, "edges").choices([operations, *pairs]) == space.parse(genotype)


def test_an_edge_of_darts_counts_with_the_probability_that_it_is_kept():
    relaxed = relaxation(DARTSSpace(), "edges")
    operations, *pairs = random_mixture(relaxed.shapes, np.random.default_rng(2))
    encoded = relaxed.encode([operations, *pairs])
    on_edges = encoded[: 28 * 7].reshape(2, 14, 7).sum(dim=2)
    p01, p02, p12 = pairs[0][1].tolist()  # inputs of node 3 of the reduction cell
    np.testing.assert_allclose(on_edges[1, :5], [1, 1, p01 + p02, p01 + p12, p02 + p12])


@pytest.mark.parametrize("encoding", ["neighborhoods", "cell", "neighborhoods+one_hot"])
def test_neighborhoods_of_canonical_cells_cannot_be_relaxed(encoding):
    assert not can_be_relaxed(NASBench101Space(), encoding)
    assert can_be_relaxed(NASBench101Space(), "one_hot")

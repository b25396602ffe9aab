"""The encoding `path_counts` of NAS-Bench-201: what a cell computes, as paths."""

import numpy as np
import pytest

from nasbench_kit.encodings.features import encodings_of, matrix, sparse
from nasbench_kit.encodings.nasbench201 import SEQUENCES, path_counts
from nasbench_kit.errors import UnknownNameError
from nasbench_kit.spaces import NASBench101Space

BEST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|"
SMALL, LARGE, POOL = 2, 3, 4


def counts(space, text):
    row = matrix(space, [text], "path_counts")[0]
    return {sequence: int(n) for sequence, n in zip(SEQUENCES, row, strict=False) if n}, row[len(SEQUENCES) :].tolist()


def test_the_paths_of_the_best_cell_are_counted_by_hand(space):
    # paths: 0-3 skip; 0-1-3 3x3 3x3; 0-2-3 3x3 1x1; 0-1-2-3 3x3 3x3 1x1
    found, rest = counts(space, BEST)
    assert found == {(): 1, (LARGE, LARGE): 1, (LARGE, SMALL): 1, (LARGE, LARGE, SMALL): 1}
    edges, depths, others = rest[:3], rest[3:12], rest[12:]
    assert edges == [1, 4, 0]  # 1x1, 3x3, pooling
    assert depths == [3, 0, 7, 2, 0, 5, 0, 0, 0]  # most, fewest and sum of convolutions, of 3x3 ones, of poolings
    assert others == [4, 4, 1, 1, 3]  # paths, different ones; without convolution, with nothing, with convolutions only


def test_equal_paths_are_counted_twice(space):
    found, _ = counts(space, "|avg_pool_3x3~0|+|none~0|none~1|+|avg_pool_3x3~0|skip_connect~1|none~2|")
    assert found == {(POOL,): 2}


def test_a_cell_without_a_path_is_all_zeros_and_no_other_cell_is(space):
    archs = space.all_archs()
    assert np.array_equal(~path_counts(archs).any(axis=1), space.outputs_zero(archs))


def test_cells_that_the_reference_calls_the_same_have_the_same_paths(space):
    archs = space.all_archs()
    _, first, of_class = np.unique(space.identity(archs), return_index=True, return_inverse=True)
    features = path_counts(archs)
    without_edges = np.delete(features, range(len(SEQUENCES), len(SEQUENCES) + 3), axis=1)
    assert np.array_equal(without_edges, without_edges[first][of_class])


def test_one_convolution_used_twice_differs_from_two_convolutions(space):
    # the reference calls both the same, but the first has one set of weights and the second has two
    used_twice = "|nor_conv_1x1~0|+|none~0|skip_connect~1|+|none~0|skip_connect~1|skip_connect~2|"
    two = "|none~0|+|nor_conv_1x1~0|none~1|+|nor_conv_1x1~0|none~1|skip_connect~2|"
    assert space.identity([used_twice]) == space.identity([two])
    assert counts(space, used_twice)[0] == counts(space, two)[0]
    assert (counts(space, used_twice)[1][0], counts(space, two)[1][0]) == (1, 2)


def test_other_spaces_have_no_such_encoding():
    assert "path_counts" not in encodings_of(NASBench101Space())
    with pytest.raises(UnknownNameError, match="unknown encoding of nasbench101 'path_counts'"):
        matrix(NASBench101Space(), NASBench101Space().sample_many(np.random.default_rng(0), 1), "path_counts")


def test_the_columns_of_one_cell_are_those_of_a_batch_and_say_what_the_matrix_says(space):
    archs = space.all_archs()
    encoding = sparse(space, "path_counts")
    many = encoding.many(archs)
    said = np.zeros((len(archs), encoding.n_columns // 8), int)
    for row, columns in enumerate(many):
        for column in columns[columns < encoding.n_columns].tolist():
            said[row, column // 8] = column % 8 + 1
    assert np.array_equal(said, path_counts(archs))
    for arch, columns in zip(archs[::7].tolist(), many[::7], strict=True):
        assert sorted(encoding.one(tuple(arch))) == columns[columns < encoding.n_columns].tolist()

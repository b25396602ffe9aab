"""GRAF-predictor search: what its forest reads and what it asks for; the features are tested with the encodings."""

import numpy as np
import pytest

from nasbench_kit.encodings import graf, graf_names, one_hot
from nasbench_kit.errors import UnknownNameError
from nasbench_kit.optimizers import GRAFSearch, Outcome, Task, Trial
from nasbench_kit.spaces import ChoiceSpace, NASBench201Space

SPACE = NASBench201Space()


def search(space=SPACE, *, known=None, columns=(), **how):
    return GRAFSearch(Task(space, columns=columns, known=known), np.random.default_rng(0), n_trees=15, **how)


def first_batch(optimizer, value_of):
    """What it asks for after 100 random cells were told."""
    for arch in map(tuple, SPACE.sample_many(np.random.default_rng(1), 100).tolist()):
        optimizer.tell(Trial(arch), Outcome.of(value_of(arch)))
    return [optimizer.ask().arch for _ in range(11)][1:]  # the first one is random


def test_it_asks_for_deep_cells_where_depth_is_what_counts():
    column = graf_names(SPACE).index("longest path of nor_conv_1x1, nor_conv_3x3")
    depth = lambda arch: float(graf(SPACE, [arch])[0, column])  # noqa: E731
    # of all cells 3 in 100 have three convolutions on a path
    assert [depth(arch) for arch in first_batch(search(n_initial=1), depth)].count(3) >= 8


def test_the_forest_reads_graph_features_where_there_are_some_and_else_choices():
    archs = SPACE.sample_many(np.random.default_rng(1), 20)
    np.testing.assert_array_equal(search()._features(archs), graf(SPACE, archs))
    plain = ChoiceSpace("plain", {"a": tuple("xyz"), "b": tuple("xy")})
    archs = plain.all_archs()
    np.testing.assert_array_equal(search(plain)._features(archs), one_hot(plain, archs))


def test_columns_stand_beside_and_what_is_not_known_lies_below_all():
    def known(name, archs):
        return np.where(archs[:, 0] == 0, np.nan, archs[:, 0] * {"synflow": -1.0, "params_m": 0.5}[name])

    optimizer = search(known=known, columns=("params_m", "synflow"), encoding="one_hot")
    assert optimizer._features(np.zeros((1, 6), np.uint8)).shape == (1, 30)
    optimizer = search(
        known=known, columns=("params_m", "synflow"), encoding="one_hot+graf", zero_cost=["synflow", "params_m"]
    )
    found = optimizer._features(np.array([[0] * 6, [2] * 6], np.uint8))
    assert found.shape == (2, 30 + 160 + 2)
    assert (found[0, -2:] < -1e29).all()
    assert found[1, -2:].tolist() == [-2.0, 1.0]


def test_a_column_that_says_all_is_followed():
    secret = np.random.default_rng(7).permutation(SPACE.size) / SPACE.size  # nothing that features could tell
    task = {"known": lambda name, archs: secret[SPACE.rank_many(archs)], "columns": ("oracle",)}
    value_of = lambda arch: float(secret[SPACE.rank(arch)])  # noqa: E731
    assert np.mean([*map(value_of, first_batch(search(**task, n_initial=1, zero_cost=["oracle"]), value_of))]) > 0.9
    assert np.mean([*map(value_of, first_batch(search(**task, n_initial=1), value_of))]) < 0.8


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"zero_cost": ["sinflow"]}, "unknown column 'sinflow'; did you mean 'synflow'"),
        ({"zero_cost": "params"}, "unknown column 'params'; choose from synflow"),
        ({"encoding": "graph"}, "unknown encoding of nasbench201 'graph'"),
    ],
)
def test_wrong_names_are_told_with_what_would_be_right(how, message):
    with pytest.raises(UnknownNameError, match=message):
        search(columns=("synflow",), known=lambda name, archs: np.zeros(len(archs)), **how)

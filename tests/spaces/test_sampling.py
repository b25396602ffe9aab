"""Samples of different architectures."""

from functools import partial

import numpy as np
import pytest

from nasbench_kit.spaces import ChoiceSpace, NASBench101Space
from nasbench_kit.spaces.sampling import draw_different

LETTERS = ChoiceSpace("letters", {"a": tuple("xyz"), "b": tuple("xyz")})


@pytest.mark.parametrize("space", [LETTERS, NASBench101Space()], ids=lambda space: space.name)
def test_no_two_that_are_drawn_are_the_same_and_none_is_known(space):
    rng = np.random.default_rng(0)
    known = draw_different(space, 4, partial(space.sample_many, rng))
    drawn = draw_different(space, 5, partial(space.sample_many, rng), known)
    assert len(np.unique(space.key_many(np.concatenate([known, drawn])))) == 9


def test_where_no_more_are_found_there_are_fewer():
    archs = LETTERS.all_archs()
    found = draw_different(LETTERS, 20, partial(LETTERS.sample_many, np.random.default_rng(0)), archs[:2])
    assert sorted(LETTERS.key_many(found)) == sorted(LETTERS.key_many(archs[2:]))
    assert not len(draw_different(LETTERS, 3, lambda n: np.repeat(archs[:1], n, axis=0), archs[:1]))

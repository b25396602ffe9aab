"""Small landscapes whose every number can be counted by hand."""

from itertools import product

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.analysis.landscape import describe, single_changes


@pytest.fixture(scope="session")
def every():
    """All tuples of choices in order: (n_archs, n_decisions)."""
    return lambda *n_choices: np.array(list(product(*map(range, n_choices))), np.uint8)


@pytest.fixture(scope="session")
def line():
    """The neighborhood of architectures of one decision: all are neighbors of each other."""
    return lambda n: single_changes(np.arange(n, dtype=np.uint8)[:, None], (n,))


@pytest.fixture(scope="session")
def described():
    """The landscape of a benchmark, by its name, once."""
    known = {}

    def describe_once(name):
        if name not in known:
            known[name] = describe(nbk.load(name))
        return known[name]

    return describe_once

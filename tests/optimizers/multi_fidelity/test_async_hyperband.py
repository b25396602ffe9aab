"""Asynchronous Hyperband: ASHA over brackets."""

from itertools import groupby

import numpy as np
import pytest

from nasbench_kit.errors import UnknownNameError
from nasbench_kit.optimizers import ASHA, AsyncHyperband, Outcome, Task
from nasbench_kit.spaces import NASBench201Space

TASK = Task(NASBench201Space(), epochs=(1, 3, 9))


def begun(optimizer, n, value_of=lambda i: 0.5):
    """The epochs of n trials told one by one, and whether each begins a training."""
    seen, found = set(), []
    for i in range(n):
        trial = optimizer.ask()
        found.append((trial.epoch, trial.training not in seen))
        seen.add(trial.training)
        optimizer.tell(trial, Outcome.of(value_of(i), epoch=trial.epoch))
    return found


def test_in_turn_each_bracket_has_as_many_trials_as_that_of_hyperband():
    # 13 of bracket 0, of which 9 + 3 + 1 are those of Hyperband, then 3 + 1 of bracket 1, then 3, and again
    found = begun(AsyncHyperband(TASK, np.random.default_rng(0), order="in turn"), 40, float)
    first = [epoch for epoch, is_new in found if is_new]
    assert [epoch for epoch, _ in groupby(first)] == [1, 3, 9, 1, 3, 9]
    assert [epoch for epoch, _ in found[13 + 4 : 13 + 4 + 3]] == [9] * 3


def test_sampled_it_is_asha_with_as_many_brackets_as_rungs():
    values = np.random.default_rng(1).random(500).tolist()
    for kind in ("promotion", "stopping"):
        asha = ASHA(TASK, np.random.default_rng(0), kind=kind, n_brackets=3)
        assert begun(AsyncHyperband(TASK, np.random.default_rng(0), kind=kind), 500, values.__getitem__) == begun(
            asha, 500, values.__getitem__
        )


def test_an_unknown_order_is_named_with_the_known_ones():
    with pytest.raises(UnknownNameError, match="unknown order 'in trun'; did you mean 'in turn'"):
        AsyncHyperband(TASK, np.random.default_rng(0), order="in trun")

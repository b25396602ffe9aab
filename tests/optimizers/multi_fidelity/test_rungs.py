"""Which epochs are rungs, and how many architectures reach each."""

import numpy as np
import pytest

from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers import GROUPS, OPTIMIZERS, Task
from nasbench_kit.optimizers.multi_fidelity.rungs import halving_bracket, hyperband_brackets, rungs_down, rungs_up
from nasbench_kit.spaces import NASBench201Space

SPACE = NASBench201Space()

# Li et al. 2018, https://arxiv.org/abs/1603.06560, table 1: R = 81, eta = 3; (n_i, r_i) of s = 4, 3, 2, 1, 0
TABLE_1 = [
    ((81, 1), (27, 3), (9, 9), (3, 27), (1, 81)),
    ((27, 3), (9, 9), (3, 27), (1, 81)),
    ((9, 9), (3, 27), (1, 81)),
    ((6, 27), (2, 81)),
    ((5, 81),),
]
# hpbandster 0.7.4, optimizers/bohb.py, get_next_iteration, with budgets of NAS-Bench-101 and of NATS-Bench (1 to 12)
HPBANDSTER = {
    (4, 12, 36, 108): [[27, 9, 3, 1], [9, 3, 1], [6, 2], [4]],
    (1, 4, 12): [[9, 3, 1], [3, 1], [3]],
}


def task_of_epochs(*epochs):
    return Task(SPACE, epochs=epochs)


def test_the_brackets_of_hyperband_are_those_of_the_table_in_its_paper():
    rungs = rungs_down(task_of_epochs(*range(1, 82)), 3, None)
    assert hyperband_brackets(rungs, 3) == TABLE_1


@pytest.mark.parametrize("rungs", HPBANDSTER, ids=str)
def test_brackets_have_the_sizes_of_hpbandster(rungs):
    brackets = hyperband_brackets(rungs_down(task_of_epochs(*rungs), 3, None), 3)
    assert [[n for n, _ in bracket] for bracket in brackets] == HPBANDSTER[rungs]
    assert [[epoch for _, epoch in bracket] for bracket in brackets] == [list(rungs[i:]) for i in range(len(rungs))]


@pytest.mark.parametrize(
    ("epochs", "eta", "min_epoch", "down", "up"),
    [
        (range(1, 99), 3, None, (1, 4, 11, 33, 98), (1, 3, 9, 27, 81, 98)),
        (range(1, 37), 3, None, (1, 4, 12, 36), (1, 3, 9, 27, 36)),
        (range(1, 37), 4, None, (2, 9, 36), (1, 4, 16, 36)),
        (range(1, 37), 3, 5, (12, 36), (5, 15, 36)),
        (range(1, 37), 3, 36, (36,), (36,)),
        (range(1, 201), 3, None, (2, 7, 22, 67, 200), (1, 3, 9, 27, 81, 200)),  # the latter: Syne Tune on it
        ((4, 12, 36, 108), 3, None, (4, 12, 36, 108), (4, 12, 36, 108)),
        ((4, 12, 36, 108), 3, 5, (12, 36, 108), (12, 36, 108)),
        ((4, 12, 36, 108), 2, None, (4, 12, 36, 108), (4, 12, 36, 108)),
        ((12, 200), 3, None, (12, 200), (12, 200)),
        ((7,), 3, None, (7,), (7,)),
    ],
    ids=str,
)
def test_rungs_are_recorded_epochs_a_factor_apart_from_the_last_down_or_the_first_up(epochs, eta, min_epoch, down, up):
    task = task_of_epochs(*epochs)
    assert rungs_down(task, eta, min_epoch) == down
    assert rungs_up(task, eta, min_epoch) == up


@pytest.mark.parametrize("eta", range(2, 8))
def test_every_bracket_ends_at_the_last_epoch_and_never_with_nobody(eta):
    for n_rungs in range(1, 7):
        for bracket in hyperband_brackets([eta**i for i in range(n_rungs)], eta):
            assert bracket[-1][1] == eta ** (n_rungs - 1)
            assert all(n >= 1 for n, _ in bracket)
    assert halving_bracket((1, eta, eta**2), eta, 1) == ((1, 1), (1, eta), (1, eta**2))


@pytest.mark.parametrize("name", [name for name in GROUPS["multi-fidelity"] if not name.endswith("_stopping")])
@pytest.mark.parametrize(
    ("epochs", "how", "message"),
    [
        ((1, 3, 9), {"eta": 1}, "eta=1; an integer of at least 2 expected"),
        ((1, 3, 9), {"eta": 2.5}, "eta=2.5; an integer of at least 2 expected"),
        ((1, 3, 9), {"min_epoch": 0}, "min_epoch=0; an integer of at least 1 expected"),
        ((1, 3, 9), {"min_epoch": 10}, "min_epoch=10; at most 9, the last epoch, expected"),
        ((), {}, "the task knows of no epochs"),
    ],
    ids=str,
)
def test_a_wrong_ladder_is_named_with_what_would_be_right(name, epochs, how, message):
    with pytest.raises(SettingError, match=message):
        OPTIMIZERS[name](task_of_epochs(*epochs), np.random.default_rng(0), **how)

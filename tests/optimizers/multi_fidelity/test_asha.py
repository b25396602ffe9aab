"""ASHA: trainings go on as soon as their rung says so."""

import random
from collections import Counter
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasbench_kit.errors import SettingError, UnknownNameError
from nasbench_kit.optimizers import ASHA, Outcome, Task, Trial
from nasbench_kit.optimizers.multi_fidelity.asynchronous import Rung, bracket_weights, sampled_brackets
from nasbench_kit.spaces import DrawnAhead, NASBench201Space

TASK = Task(NASBench201Space(), epochs=(1, 3, 9))

# Syne Tune 0.13.0, schedulers/hyperband_stopping.py: StoppingRungSystem([1, eta], [1 / eta] * 2, ..., mode="max") on
# the values random.Random(eta).randrange(10**6), reported at rung 1 one after another: whether each continues
SYNE_TUNE = {
    2: "++----++-++-+----+--+--+-+++-+--+---+-+-",
    3: "++---++-+--+-++-----+--+---++--+-++--+-+",
    4: "++-+++----+++-++------+-+---++-+-+-+----",
}

# PKU-DAIR/HyperTune, tuner/async_mq_sh.py: which training each of the first 40 jobs of one worker goes on with or
# begins, of R = eta^3 and losses -random.Random(eta).random(), one job after another
DELAYED = {
    2: "0 1 0 2 3 1 1 4 5 3 6 7 5 3 1 8 9 8 10 11 9 8 12 13 6 14 15 14 14 3 16 17 15 18 19 18 15 20 21 20",
    3: "0 1 2 1 3 4 5 3 6 7 8 8 3 9 10 11 10 12 13 14 12 15 16 17 16 12 18 19 20 18 21 22 23 22 24 25 26 25 18 3",
    4: "0 1 2 3 2 4 5 6 7 5 8 9 10 11 6 12 13 14 15 12 5 16 17 18 19 19 20 21 22 23 18 24 25 26 27 25 28 29 30 31",
}


def asha(**how):
    return ASHA(TASK, np.random.default_rng(0), **how)


def tell(optimizer, trial, value):
    optimizer.tell(trial, Outcome.of(value, epoch=trial.epoch))


class AlgorithmTwo:
    """Algorithm 2 of Li et al. 2020 as it stands there, for what reached each rung: (value, order, training)."""

    def __init__(self, eta, n_rungs):
        self.eta, self.rungs = eta, [[] for _ in range(n_rungs)]
        self.promoted = [set() for _ in range(n_rungs)]

    def add(self, training, k, value):
        self.rungs[k].append((-value, len(self.rungs[k]), training))

    def get_job(self):
        for k in reversed(range(len(self.rungs) - 1)):
            candidates = sorted(self.rungs[k])[: len(self.rungs[k]) // self.eta]
            promotable = [t for value, _, t in candidates if t not in self.promoted[k] and value < inf]
            if promotable:
                self.promoted[k].add(promotable[0])
                return promotable[0], k + 1
        return None


# ---- promotion ----


def test_promotion_follows_the_paper_on_a_written_out_sequence():
    optimizer, trials = asha(), []
    for value in (0.2, 0.5):
        trials.append(optimizer.ask())
        tell(optimizer, trials[-1], value)
    b = trials[1]
    c = optimizer.ask()
    assert c.epoch == 1  # floor(2 / 3) = 0 of two may be promoted
    tell(optimizer, c, 0.4)
    assert optimizer.ask() == b._replace(epoch=3)  # the best of three
    for value in (0.45, 0.1):
        trial = optimizer.ask()
        assert trial.epoch == 1  # floor(3 / 3) = floor(4 / 3) = floor(5 / 3) = 1, and b was promoted
        tell(optimizer, trial, value)
        trials.append(trial)
    trial = optimizer.ask()
    assert trial.epoch == 1
    tell(optimizer, trial, 0.3)
    assert optimizer.ask() == trials[2]._replace(epoch=3)  # the second of six, 0.45
    assert optimizer.ask().epoch == 1


def test_the_best_of_a_rung_is_promoted_although_another_was_before():
    optimizer = asha()
    first = [optimizer.ask() for _ in range(3)]
    for trial, value in zip(first, (0.1, 0.2, 0.3), strict=True):
        tell(optimizer, trial, value)
    assert optimizer.ask().training == first[2].training
    better = optimizer.ask()
    tell(optimizer, better, 0.4)  # of four the best one may go on, and it is this one
    assert optimizer.ask() == better._replace(epoch=3)
    assert optimizer.ask().epoch == 1


def test_delayed_the_best_of_a_rung_waits_until_the_rung_has_enough_for_one_more():
    optimizer = asha(kind="delayed")
    first = [optimizer.ask() for _ in range(3)]
    for trial, value in zip(first, (0.1, 0.2, 0.3), strict=True):
        tell(optimizer, trial, value)
    assert optimizer.ask() == first[2]._replace(epoch=3)
    better = optimizer.ask()
    tell(optimizer, better, 0.4)  # the best of four, but 4 / (1 + 1) < 3
    for value in (0.0, 0.1):
        trial = optimizer.ask()
        assert trial.epoch == 1
        tell(optimizer, trial, value)
    assert optimizer.ask() == better._replace(epoch=3)  # 6 / (1 + 1) = 3
    assert optimizer.ask().epoch == 1


@pytest.mark.parametrize("eta", DELAYED)
def test_delayed_promotion_is_that_of_its_authors(eta):
    draw = random.Random(eta)
    task = Task(TASK.space, epochs=tuple(eta**k for k in range(4)))
    optimizer, trainings = ASHA(task, np.random.default_rng(0), kind="delayed", eta=eta), []
    for _ in range(40):
        trial = optimizer.ask()
        trainings.append(trial.training)
        tell(optimizer, trial, draw.random())
    assert " ".join(map(str, trainings)) == DELAYED[eta]


def test_the_highest_rung_goes_first():
    optimizer = asha()
    low = [optimizer.ask() for _ in range(12)]
    for i, trial in enumerate(low[:9]):
        tell(optimizer, trial, i / 10)
    middle = [optimizer.ask() for _ in range(3)]
    assert [trial.epoch for trial in middle] == [3] * 3
    for trial in low[9:]:
        tell(optimizer, trial, 0.95)  # one of them may go on to 3
    for trial in middle:
        tell(optimizer, trial, 0.5)  # and one to 9, the first told
    assert optimizer.ask() == middle[0]._replace(epoch=9)
    assert optimizer.ask() == low[9]._replace(epoch=3)


@given(
    seed=st.integers(0, 2**32 - 1),
    n_workers=st.integers(1, 40),
    eta=st.integers(2, 4),
    failing=st.sampled_from((0.0, 0.3, 1.0)),
)
def test_promotion_is_algorithm_2_in_any_order_of_tells(seed, n_workers, eta, failing):
    rng = np.random.default_rng(seed)
    task = Task(TASK.space, epochs=tuple(eta**k for k in range(4)))
    optimizer, reference = ASHA(task, np.random.default_rng(0), eta=eta), AlgorithmTwo(eta, 4)
    running, n_new = [], 0
    for _ in range(400):
        if len(running) < n_workers:
            trial = optimizer.ask()
            expected = reference.get_job()
            if expected is None:
                expected, n_new = (n_new, 0), n_new + 1
            assert (trial.training, task.epochs.index(trial.epoch)) == expected
            running.append(trial)
        else:
            trial = running.pop(int(rng.integers(len(running))))
            value = -inf if rng.random() < failing else float(rng.integers(6))
            tell(optimizer, trial, value)
            reference.add(trial.training, task.epochs.index(trial.epoch), value)


# ---- stopping ----


@pytest.mark.parametrize("eta", SYNE_TUNE)
def test_stopping_decides_as_syne_tune_does(eta):
    draw, rung = random.Random(eta), Rung(eta)
    decided = [rung.goes_on(float(draw.randrange(10**6))) for _ in SYNE_TUNE[eta]]
    assert "".join("-+"[goes_on] for goes_on in decided) == SYNE_TUNE[eta]


@given(values=st.lists(st.integers(0, 10**6), unique=True, min_size=1), eta=st.integers(2, 5))
def test_what_goes_on_is_at_least_the_quantile_of_its_rung(values, eta):
    rung = Rung(eta)
    for n, value in enumerate(values, start=1):
        cutoff = np.quantile(values[:n], 1 - 1 / eta)
        assert rung.goes_on(float(value)) == (value >= cutoff - 1e-6)


def test_a_stopping_rung_lets_the_first_of_equal_ones_go_on_and_no_failure():
    rung = Rung(3)
    assert [rung.goes_on(value) for value in (0.5, 0.5, 0.5, 0.6, 0.5)] == [True, False, False, True, False]
    rung = Rung(3)
    assert [rung.goes_on(value) for value in (-inf, -inf, 0.1, -inf)] == [False, False, True, False]


def test_a_training_that_is_not_stopped_goes_on_at_once_on_the_worker_that_is_free():
    optimizer = asha(kind="stopping")
    first = optimizer.ask()
    tell(optimizer, first, 0.5)
    assert optimizer.ask() == first._replace(epoch=3)
    second = optimizer.ask()
    assert (second.epoch, second.training) == (1, 1)
    tell(optimizer, second, 0.4)  # worse than the first: stopped
    third = optimizer.ask()
    assert (third.epoch, third.training) == (1, 2)
    tell(optimizer, first._replace(epoch=3), 0.6)
    assert optimizer.ask() == first._replace(epoch=9)


# ---- both ----


@pytest.mark.parametrize("kind", ["promotion", "delayed", "stopping"])
def test_trials_that_were_never_asked_for_change_nothing(kind):
    optimizer, other = asha(kind=kind), asha(kind=kind)
    for i in range(50):
        tell(optimizer, Trial((0,) * 6, 1, training=10**6), 1.0)
        tell(optimizer, Trial((0,) * 6), 1.0)
        trial = optimizer.ask()
        assert trial == other.ask()
        for each in (optimizer, other):
            tell(each, trial, i % 7)


@pytest.mark.parametrize("kind", ["promotion", "delayed", "stopping"])
def test_brackets_begin_at_their_own_rung_and_never_meet(kind):
    optimizer = asha(kind=kind, n_brackets=99)  # as many as there are rungs
    begun, epochs = Counter(), {}
    for i in range(3_000):
        trial = optimizer.ask()
        if trial.training not in epochs:
            begun[trial.epoch] += 1
        epochs.setdefault(trial.training, []).append(trial.epoch)
        tell(optimizer, trial, float(i))
    assert set(begun) == {1, 3, 9}
    assert set(map(tuple, epochs.values())) <= {(1,), (1, 3), (1, 3, 9), (3,), (3, 9), (9,)}


def test_brackets_are_drawn_as_often_as_hyperband_begins_trainings_in_them():
    # Syne Tune 0.13.0, DefaultHyperbandBracketDistribution: K / ((K - s) r_s), normalized; of 1, 3, 9
    shares = np.array([1, 3 / (2 * 3), 3 / 9])
    for n in (1, 2, 3):
        draw = sampled_brackets(bracket_weights((1, 3, 9), n), DrawnAhead(np.random.default_rng(0)))
        counts = np.bincount([draw() for _ in range(20_000)], minlength=3)
        expected = np.where(np.arange(3) < n, shares, 0)
        expected /= expected.sum()
        assert (np.abs(counts / 20_000 - expected) <= 5 * np.sqrt(expected / 20_000)).all()


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"kind": "stoping"}, UnknownNameError, "unknown kind 'stoping'; did you mean 'stopping'"),
        ({"n_brackets": 0}, SettingError, "n_brackets=0; an integer of at least 1 expected"),
    ],
)
def test_a_wrong_setting_is_named_with_what_would_be_right(how, error, message):
    with pytest.raises(error, match=message):
        asha(**how)

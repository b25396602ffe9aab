"""BOHB: Hyperband on architectures that are likely among good ones and unlikely among bad ones."""

import random
from math import inf

import numpy as np
import pytest

from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers import BOHB, Hyperband, Outcome, Task, Trial
from nasbench_kit.optimizers.multi_fidelity.bohb import Density
from nasbench_kit.spaces import ChoiceSpace, NASBench201Space

TASK = Task(NASBench201Space(), epochs=(1, 3, 9))
N_LEAST = 2 * (6 + 1)  # values at one epoch that a model needs

# statsmodels 0.15.0, KDEMultivariate(data, "u" * n_decisions, bw="normal_reference"): bw; and, as HpBandSter does, bw
# clipped from 0.3, its pdf at three places. Data are those of `drawn`, in which every choice occurs.
STATSMODELS = {
    (0, 20, (2, 3, 5)): (
        [0.34547326278048474, 0.5473325826163161, 0.8705652032621285],
        [0.0335593097801586, 0.03619964760726352, 0.03805235427448659],
    ),
    (1, 60, (5, 5, 5, 5, 5, 5)): (
        [1.00716980109803, 1.01892056959598, 1.08053744057566, 1.03200526554113, 0.99617866808077, 0.93083316711928],
        [5.4310016266932476e-05, 6.625175030963568e-05, 5.488968450018452e-05],
    ),
}


def drawn(seed, n, n_choices):
    """Architectures, and three places."""
    draw = random.Random(seed)
    return [np.array([[draw.randrange(c) for c in n_choices] for _ in range(rows)]) for rows in (n, 3)]


@pytest.mark.parametrize(("seed", "n", "n_choices"), STATSMODELS)
def test_densities_are_those_of_statsmodels(seed, n, n_choices):
    archs, places = drawn(seed, n, n_choices)
    bandwidths, values = STATSMODELS[seed, n, n_choices]
    density = Density(archs, n_choices, 1e-3)
    assert density.bandwidths == pytest.approx(bandwidths, rel=1e-12)
    assert Density(archs, n_choices, 0.3).at(places) == pytest.approx(values, rel=1e-12)


def test_a_density_of_what_agrees_everywhere_sums_to_1_and_is_highest_there():
    space = ChoiceSpace("cube", dict.fromkeys("xyz", tuple("abcd")))
    density = Density(np.full((10, 3), 2), space.n_choices, 0.3)
    values = density.at(space.all_archs())
    assert values.sum() == pytest.approx(1)
    assert space.unrank(int(values.argmax())) == (2, 2, 2)
    assert values.max() == pytest.approx(0.7**3)


def test_draws_keep_a_choice_with_1_minus_the_bandwidth_and_else_take_any():
    density = Density(np.full((10, 3), 2), (4, 4, 4), 0.4)
    draws = density.drawn(20_000, np.random.default_rng(0))
    shares = np.bincount(draws.ravel(), minlength=4) / draws.size
    assert shares == pytest.approx([0.1, 0.1, 0.7, 0.1], abs=0.01)  # 0.6 kept, 0.4 / 4 each


def bohb(**how):
    return BOHB(TASK, np.random.default_rng(0), **how)


def run(optimizer, value_of, n):
    trials = []
    for _ in range(n):
        trials.append(optimizer.ask())
        optimizer.tell(trials[-1], Outcome.of(value_of(trials[-1].arch), epoch=trials[-1].epoch))
    return trials


def share_of(choice, trials):
    return np.mean([[c == choice for c in trial.arch] for trial in trials])


def test_it_asks_for_the_trials_of_hyperband():
    other = run(Hyperband(TASK, np.random.default_rng(0)), sum, 300)
    found = run(bohb(), sum, 300)
    assert [(t.epoch, t.training) for t in found] != [(t.epoch, t.training) for t in other]  # others are promoted
    assert [t.epoch for t in found] == [t.epoch for t in other]
    assert run(bohb(random_fraction=1.0), sum, 300) != found


def test_told_of_good_and_bad_ones_it_suggests_what_resembles_the_good():
    optimizer = bohb(random_fraction=0)
    rng = np.random.default_rng(1)
    for i in range(200):
        is_good = i % 5 == 0
        arch = tuple(np.where(rng.random(6) < 0.9, 2 + is_good, 3 - is_good).tolist())
        optimizer.tell(Trial(arch, 9, training=10**6 + i), Outcome.of(float(is_good), epoch=9))
    new = [optimizer.ask() for _ in range(50)]
    assert all(sum(choice == 3 for choice in trial.arch) >= 4 for trial in new)


def test_without_enough_values_at_any_epoch_it_is_random():
    optimizer = bohb(random_fraction=0)
    for i in range(N_LEAST - 1):
        for epoch in (1, 3, 9):
            optimizer.tell(Trial((4,) * 6, epoch, training=10**6 + i), Outcome.of(1.0, epoch=epoch))
    new = [optimizer.ask() for _ in range(200)]
    assert share_of(4, new) == pytest.approx(0.2, abs=0.05)


def test_the_highest_epoch_with_enough_values_is_what_it_learns_from():
    optimizer = bohb(random_fraction=0)
    rng = np.random.default_rng(0)
    for epoch, good in ((9, 3), (1, 4), (3, 2)):
        for i in range(2 * N_LEAST):
            arch = (good if i % 2 else int(rng.integers(2)),) * 6
            optimizer.tell(Trial(arch, epoch, training=10**6), Outcome.of(float(i % 2), epoch=epoch))
    assert share_of(3, [optimizer.ask() for _ in range(50)]) > 0.8


def test_failures_count_as_bad():
    optimizer = bohb(random_fraction=0)
    for i in range(4 * N_LEAST):
        arch = (4 if i % 2 else 1,) * 6
        optimizer.tell(Trial(arch, 9, training=10**6), Outcome.of(0.1 if i % 2 else -inf, epoch=9))
    new = [optimizer.ask() for _ in range(50)]
    assert share_of(4, new) > 0.8


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"num_samples": 0}, "num_samples=0; an integer of at least 1 expected"),
        ({"top_n_percent": 100}, "top_n_percent=100; an integer from 1 to 99 expected"),
        ({"random_fraction": -0.1}, "random_fraction=-0.1; a number from 0 to 1 expected"),
        ({"min_bandwidth": 0}, "min_bandwidth=0; a number above 0 and up to 1 expected"),
    ],
)
def test_a_wrong_setting_is_named_with_what_would_be_right(how, message):
    with pytest.raises(SettingError, match=message):
        bohb(**how)

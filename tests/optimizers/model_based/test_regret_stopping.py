"""Stopping by regret: the bound by hand, and where searches end."""

from math import inf, sqrt

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.errors import SettingError, UnknownNameError
from nasbench_kit.optimizers import OPTIMIZERS, Outcome, RegretStopping, Task
from nasbench_kit.optimizers.model_based.regret_stopping import beta, regret_bound
from nasbench_kit.predictors.gaussian_process import GaussianProcess
from nasbench_kit.simulator import EVALUATIONS, Rules, simulate, task_of
from nasbench_kit.spaces import ChoiceSpace, NASBench201Space
from nasbench_kit.study.building import build

SPACE = NASBench201Space()
WEIGHTS = np.random.default_rng(9).normal(size=(6, 5))


def made(seed=0, task=None, **how):
    return RegretStopping(task or Task(SPACE), np.random.default_rng(seed), **how)


def n_asked(optimizer, value_of, most):
    """How often it asks, with the outcome each time, at most so often."""
    for n in range(most):
        trial = optimizer.ask()
        if trial is None:
            return n
        optimizer.tell(trial, Outcome.of(value_of(trial.arch)))
    return most


# ---- the rule ----


def test_confidence_bounds_are_as_wide_as_the_authors_have_them():
    # 2 ln(6 20^2 pi^2 / (6 .1)) / 5: src/enhanced_gp.py of amazon-science/bo-early-stopping, `compute_sqroot_beta`
    assert beta(20, 6, 0.1) == pytest.approx(0.4 * 10.58350, abs=1e-5)
    assert beta(40, 6, 0.1) - beta(20, 6, 0.1) == pytest.approx(0.4 * np.log(4))
    assert beta(20, 6, 0.05) - beta(20, 6, 0.1) == pytest.approx(0.4 * np.log(2))


def test_the_bound_is_that_of_a_process_written_out():
    # values 1 and 0 of two that are alike by 1/2, noise 1/4 of the signal: K + noise = ((5/4, 1/2), (1/2, 5/4)), its
    # determinant 21/16. Weights are +-(1/2) / (5/4 - 1/2) = +-2/3, the signal's variance (1/2) (2/3) = 1/3.
    # told: means 1/2 +- (2/3 - 1/3), explained (5/4 - 1/2 + 5/16) / (21/16) = 17/21, variances (1/3) (4/21)
    # another: mean 1/2, explained (5/16 + 5/16 - 1/4) / (21/16) = 2/7, variance (1/3) (5/7)
    def half_alike(one, other):
        return np.where(one == other.T, 1.0, 0.5)

    told, another = np.array([[0.0], [1.0]]), np.array([[2.0]])
    process = GaussianProcess(told, np.array([1.0, 0.0]), kernels=[half_alike], noises=[0.25])
    lower = 5 / 6 - 2 * sqrt(4 / 63)
    assert regret_bound(process, told, another, 4.0) == pytest.approx(0.5 + 2 * sqrt(5 / 21) - lower)
    assert regret_bound(process, told, told, 4.0) == pytest.approx(2 * 2 * sqrt(4 / 63))
    assert regret_bound(process, told, another, 0.0) == pytest.approx(0.0)  # the best told is the best of all


# ---- where searches end ----


def test_noise_alone_ends_a_search_and_what_rises_does_not():
    def flat(arch):
        return 0.01 * noise.normal()

    def rising(arch):
        return flat(arch) + sum(WEIGHTS[i, choice] for i, choice in enumerate(arch))

    for seed in range(3):
        noise = np.random.default_rng(100 + seed)
        assert n_asked(made(seed), flat, 60) < 30
        assert n_asked(made(seed), rising, 60) == 60


def stops(seed, noise_std, most=60, name="nasbench201/cifar10"):
    bench, rules, rng = nbk.load(name), Rules(n_evaluations=most, clock=EVALUATIONS), np.random.default_rng(seed)
    optimizer = made(seed, task_of(bench, rules), optimizer="random_search", noise_std=noise_std)
    return len(simulate(bench, optimizer, rng=rng, rules=rules).value)


def test_random_search_ends_where_it_did_for_the_authors():
    # their 50 runs, with a Gaussian process of another kind, end at .01 after 26, 29, 31 evaluations (quartiles) on
    # CIFAR-10 and 30, 35.5, 40 on CIFAR-100: regrets_baselines/regrets_identity_rs_top0.5 of
    # amazon-science/bo-early-stopping
    assert 24 <= np.median([stops(seed, 0.01) for seed in range(9)]) <= 37
    assert 28 <= np.median([stops(seed, 0.01, name="nasbench201/cifar100") for seed in range(9)]) <= 44


def test_less_noise_ends_a_search_later():
    ends = [stops(0, noise_std) for noise_std in (1.0, 0.01, 0.002)]
    assert ends == sorted(ends)
    assert ends[0] == 20  # not before: `min_evaluations`
    assert ends[0] < ends[1] < ends[2]


@pytest.mark.parametrize("name", ["gp_bo", "local_search"])
def test_until_then_it_asks_for_what_the_other_search_asks_for(name):
    ours, alone = made(3, optimizer=name, noise_std=1e-9), OPTIMIZERS[name](Task(SPACE), np.random.default_rng(3))
    for i in range(30):
        trial = ours.ask()
        assert trial == alone.ask()
        for optimizer in (ours, alone):
            optimizer.tell(trial, Outcome.of(float(i % 7)))


def test_once_it_is_over_no_late_outcome_begins_it_again():
    optimizer = made(optimizer="random_search", noise_std=1.0, min_evaluations=5)
    trials = [optimizer.ask() for _ in range(8)]
    for i, trial in enumerate(trials[:5]):
        optimizer.tell(trial, Outcome.of(0.01 * i))
    assert optimizer.ask() is None
    for i, trial in enumerate(trials[5:]):
        optimizer.tell(trial, Outcome.of(1e3 * i))
        assert optimizer.ask() is None


def test_failures_and_lower_epochs_do_not_count():
    optimizer = made(task=Task(SPACE, epochs=(1, 9)), optimizer="random_search", noise_std=1.0, min_evaluations=3)
    for value, epoch in [(-inf, 9), (0.5, 1), (-inf, 9), (0.5, 9), (0.5, 1), (0.6, 9), (0.5, 1)]:
        trial = optimizer.ask()
        optimizer.tell(trial, Outcome.of(value, epoch=epoch))
    optimizer.tell(optimizer.ask(), Outcome.of(0.5, epoch=9))  # the third
    assert optimizer.ask() is None


def test_studies_take_a_search_that_ends_before_its_budget():
    how = {"optimizer": "random_search", "noise_std": 0.01}
    made = nbk.compare(
        "nasbench201/cifar10",
        {"stopped": ("regret_stopping", how), "RS": "random_search"},
        n_evaluations=100,
        runs=4,
        n_processes=1,
    )
    stopped, other = made.table()
    assert 20 <= stopped["mean_evaluations"] < 80
    assert other["mean_evaluations"] == 100
    assert stopped["n_without"] == 0
    assert np.isfinite(stopped["mean"])


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"noise_std": 0}, SettingError, "noise_std=0; a number above 0, or null, expected"),
        ({"delta": 1.0}, SettingError, "delta=1.0; a number above 0 and below 1 expected"),
        ({"min_evaluations": 1}, SettingError, "min_evaluations=1; an integer of at least 2"),
        ({"optimizer": "gp_ob"}, UnknownNameError, "unknown optimizer 'gp_ob'; did you mean 'gp_bo'"),
        ({"settings": 5}, SettingError, "settings=5; a mapping of settings of gp_bo expected"),
        ({"settings": []}, SettingError, r"settings=\[\]; a mapping of settings of gp_bo expected"),
        ({"optimizer": "nsga2"}, SettingError, "nsga2 needs two objectives or more"),
    ],
)
def test_wrong_settings_are_told_in_one_line(how, error, message):
    with pytest.raises(error, match=message):
        made(**how)


def test_a_wrong_setting_of_the_other_search_is_named_as_its_own_would_be():
    bench = nbk.load("nasbench201/cifar10")
    with pytest.raises(UnknownNameError, match=r"unknown setting of gp_bo 'n_initia'; did you mean 'n_initial'\?"):
        build("regret_stopping", {"settings": {"n_initia": 5}}, bench, Rules(), np.random.default_rng(0))
    with pytest.raises(SettingError, match="optimizer=5; a name, or module:Class, expected"):
        build("regret_stopping", {"optimizer": 5}, bench, Rules(), np.random.default_rng(0))


def test_the_other_search_is_given_the_space_that_it_needs(tmp_path):
    space = ChoiceSpace("odd", {"a": ("x", "y", "z", "w"), "b": ("x", "y", "z")})
    rows = [
        (space.format(arch), epoch, 0.1 * arch[0] + 0.01 * epoch, float(epoch))
        for arch in map(tuple, space.all_archs().tolist())
        for epoch in (1, 3, 9)
        if arch[0] > 1 or epoch > 1  # of half of them the first epoch was not recorded
    ]
    frame = dict(zip(("arch", "epoch", "val_accuracy", "cost_s"), map(list, zip(*rows, strict=True)), strict=True))
    how = {"name": "odd", "space": space, "metrics": ["val_accuracy", "cost_s"], "epoch": "epoch"}
    nbk.Table.from_frame(frame, tmp_path / "odd.h5", **how)
    bench, rng = nbk.load("odd/default", results=tmp_path / "odd.h5"), np.random.default_rng(0)
    search = build("regret_stopping", {"optimizer": "hyperband"}, bench, Rules(), rng)
    assert (nbk.simulate(bench, search, rng=rng, n_evaluations=15).archs[:, 0] > 1).all()

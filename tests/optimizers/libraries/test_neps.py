"""Algorithms of NePS as optimizers of ours."""

from functools import partial
from importlib.metadata import version

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.errors import SettingError, UnknownNameError
from nasbench_kit.optimizers import Outcome, Task, optimizer_class
from nasbench_kit.optimizers.libraries.wrapped import GlobalRandomness
from nasbench_kit.spaces import ChoiceSpace
from nasbench_kit.study import Configuration
from nasbench_kit.study.versions import versions_of
from nasbench_kit.testing import check_optimizer

neps = pytest.importorskip("neps", reason="pip install 'nasbench-kit[neps]'; run with neural-pipeline-search 0.17.0")

CIFAR10 = nbk.load("nasbench201/cifar10")
CURVES = nbk.load("nasbench201_mnist1d/mnist1d")
TWO = nbk.load("nasbench201_mnist1d/mnist1d", objectives=("val_accuracy", "params_m"))
ORDERED = ChoiceSpace("few", {"width": (8, 16, 32), "op": ("conv", "pool"), "depth": (1, 2)})
PRIOR = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|"


def test_random_search_keeps_to_ask_and_tell():
    check_optimizer(optimizer_class("neps:random_search"), CIFAR10, n_evaluations=40)


def test_bayesian_optimization_keeps_to_ask_and_tell():
    settings = {"initial_design_size": 5, "num_restarts": 1, "n_initial_start_points": 4}
    check_optimizer(partial(optimizer_class("neps:bayesian_optimization"), **settings), CIFAR10, n_evaluations=7)


@pytest.mark.parametrize("algorithm", ["successive_halving", "hyperband", "asha", "async_hb", "priorband"])
def test_an_algorithm_with_fidelities_keeps_to_ask_and_tell(algorithm):
    check_optimizer(optimizer_class(f"neps:{algorithm}"), CURVES, n_evaluations=18)


@pytest.mark.parametrize("algorithm", ["mo_hyperband", "moasha"])
def test_an_algorithm_of_several_objectives_keeps_to_ask_and_tell(algorithm):
    check_optimizer(optimizer_class(f"neps:{algorithm}"), TWO, n_evaluations=18)


def test_what_a_constrained_space_does_not_hold_is_replaced_by_what_is_near():
    check_optimizer(optimizer_class("neps:random_search"), nbk.load("nasbench101/cifar10"), n_evaluations=15)


def asked_and_told(made, benchmark, n):
    trials = []
    for _ in range(n):
        trials.append(made.ask())
        value = benchmark.query(trials[-1].arch, epoch=trials[-1].epoch).val_accuracy
        made.tell(trials[-1], Outcome.of(value, epoch=trials[-1].epoch))
    return trials


@pytest.mark.parametrize("algorithm", ["hyperband", "asha", "priorband"])
def test_a_search_asks_for_what_neps_itself_would(algorithm):
    made = optimizer_class(f"neps:{algorithm}")(nbk.task_of(CURVES), np.random.default_rng(3))
    asked = [(trial.arch, trial.epoch) for trial in asked_and_told(made, CURVES, 40)]

    names = [decision.name for decision in CURVES.space.decisions]
    choices = {name: neps.Categorical(choices=tuple(range(5))) for name in names}
    space = type("Space", (neps.PipelineSpace,), {**choices, "epoch": neps.IntegerFidelity(lower=1, upper=36)})()
    seed = int(np.random.default_rng(3).integers(2**31))
    theirs = []
    with GlobalRandomness(seed).used():
        itself = neps.AskAndTell(getattr(neps.algorithms, algorithm)(space))
        for _ in range(40):
            trial = itself.ask()
            arch = tuple(int(trial.config[name]) for name in names)
            theirs.append((arch, trial.config["epoch"]))
            itself.tell(trial, -CURVES.query(arch, epoch=trial.config["epoch"]).val_accuracy)
    assert asked == theirs
    assert len({epoch for _, epoch in asked}) > 1


def simulated(benchmark, name, n_evaluations, **settings):
    rng, rules = np.random.default_rng(0), nbk.Rules(n_evaluations=n_evaluations)
    made = optimizer_class(name)(nbk.task_of(benchmark, rules), rng, **settings)
    return nbk.simulate(benchmark, made, rng=rng, rules=rules)


def test_a_promoted_architecture_goes_on_with_its_training_and_pays_the_difference():
    records = simulated(CURVES, "neps:hyperband", 60)
    costs = {}
    for arch, trial, epoch, cost_s in zip(records.archs, records.trial, records.epoch, records.cost_s, strict=True):
        whole = CURVES.query(tuple(arch.tolist()), epoch=int(epoch)).cost_s
        assert cost_s == pytest.approx(whole - costs.get(trial, 0.0))
        costs[trial] = whole
    assert len(costs) < len(records.epoch)


def test_rungs_within_one_epoch_are_trained_once():
    coarse = Task(CURVES.space, epochs=(4, 36))
    made = optimizer_class("neps:successive_halving")(coarse, np.random.default_rng(0), eta=2)
    seen = [(trial.training, trial.epoch) for trial in asked_and_told(made, CURVES, 40)]
    assert len({*seen}) == len(seen)
    assert {epoch for _, epoch in seen} == {4, 36}


def test_a_prior_draws_the_search_to_it():
    prior = CURVES.space.parse(PRIOR)

    def agreeing(**settings):
        archs = simulated(CURVES, "neps:priorband", 30, **settings).archs
        return (archs == np.array(prior)).mean()

    assert agreeing(prior=PRIOR, prior_confidence="high") > 1.5 * agreeing()


def test_ordered_choices_are_integers_to_it():
    made = optimizer_class("neps:random_search")(Task(ORDERED), np.random.default_rng(0))
    assert {made.ask().arch for _ in range(200)} == {(i, j, k) for i in range(3) for j in range(2) for k in range(2)}


def test_nothing_is_written_or_printed_and_the_global_generators_are_left(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    simulated(CURVES, "neps:hyperband", 20)
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr() == ("", "")
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_a_study_stores_the_settings_of_the_algorithm_and_the_version():
    made = Configuration.of(CURVES, "neps:hyperband", n_evaluations=10)
    assert made.settings["eta"] == 3  # NePS's default
    assert versions_of(made)["neps"] == version("neural-pipeline-search")


def test_what_neps_has_not_is_refused_with_what_it_has():
    with pytest.raises(UnknownNameError, match="unknown algorithm of neps 'hyperban'; did you mean 'hyperband'"):
        optimizer_class("neps:hyperban")
    with pytest.raises(SettingError, match="needs several epochs to choose from; there is only epoch 200"):
        Configuration.of(CIFAR10, "neps:hyperband", n_evaluations=10)
    task, rng = nbk.task_of(CIFAR10), np.random.default_rng(0)
    with pytest.raises(UnknownNameError, match="unknown prior_confidence 'hig'; did you mean 'high'"):
        optimizer_class("neps:random_search")(task, rng, prior_confidence="hig")
    with pytest.raises(SettingError, match="neps:bayesian_optimization: Bayesian optimization does not support priors"):
        optimizer_class("neps:bayesian_optimization")(task, rng, prior=PRIOR)


@pytest.mark.parametrize(
    ("algorithm", "setting", "value"),
    [
        ("hyperband", "eta", 1),
        ("hyperband", "eta", 2.5),
        ("hyperband", "eta", "x"),
        ("asha", "early_stopping_rate", -1),
        ("asha", "early_stopping_rate", 4),
        ("bayesian_optimization", "num_restarts", 0),
        ("bayesian_optimization", "n_initial_start_points", "x"),
        ("priorband", "bayesian_optimization_kick_in_point", "x"),
        ("priorband", "prior_confidence", "high"),
    ],
)
def test_a_setting_that_would_fail_late_or_change_nothing_is_refused_when_it_begins(algorithm, setting, value):
    with pytest.raises(SettingError, match=rf"^{setting}={value!r}[ ;].* expected"):
        simulated(CURVES, f"neps:{algorithm}", 5, **{setting: value})


@pytest.mark.parametrize("algorithm", ["successive_halving", "hyperband", "asha", "async_hb"])
def test_a_prior_is_refused_by_what_does_not_sample_by_it_and_sampled_by_where_it_does(algorithm):
    with pytest.raises(
        SettingError, match=rf"^neps:{algorithm} with a prior .*; sampler='prior' expected, or priorband$"
    ):
        simulated(CURVES, f"neps:{algorithm}", 5, prior=PRIOR)
    records = simulated(CURVES, f"neps:{algorithm}", 30, prior=PRIOR, prior_confidence="high", sampler="prior")
    assert (records.archs == np.array(CURVES.space.parse(PRIOR))).mean() > 0.5
    first = simulated(CURVES, f"neps:{algorithm}", 1, prior=PRIOR, sample_prior_first=True)
    assert tuple(first.archs[0].tolist()) == CURVES.space.parse(PRIOR)

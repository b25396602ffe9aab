"""Syne Tune's schedulers as optimizers of ours."""

from datetime import datetime
from functools import partial
from importlib.metadata import version
from itertools import pairwise

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.errors import SettingError, UnknownNameError
from nasbench_kit.optimizers import Outcome, Task, needs_of, optimizer_class
from nasbench_kit.optimizers.libraries.wrapped import GlobalRandomness
from nasbench_kit.spaces import ChoiceSpace
from nasbench_kit.study import Configuration
from nasbench_kit.study.versions import versions_of
from nasbench_kit.testing import check_optimizer

pytest.importorskip("syne_tune", reason="pip install 'nasbench-kit[syne-tune]'; run with syne-tune 0.16.0")

CIFAR10 = nbk.load("nasbench201/cifar10")
CURVES = nbk.load("nasbench201_mnist1d/mnist1d")
TWO = nbk.load("nasbench201_mnist1d/mnist1d", objectives=("val_accuracy", "params_m"))
ORDERED = ChoiceSpace("few", {"width": (8, 16, 32), "op": ("conv", "pool"), "depth": (1, 2)})


@pytest.mark.parametrize(
    ("scheduler", "settings"),
    [("RandomSearch", {}), ("REA", {"population_size": 10, "sample_size": 3}), ("TPE", {"num_candidates": 4})],
)
def test_a_scheduler_of_one_fidelity_keeps_to_ask_and_tell(scheduler, settings):
    check_optimizer(partial(optimizer_class(f"syne_tune:{scheduler}"), **settings), CIFAR10, n_evaluations=20)


@pytest.mark.parametrize(("scheduler", "package"), [("BORE", "xgboost"), ("CQR", "huggingface_hub")])
def test_a_scheduler_that_needs_a_further_package_keeps_to_ask_and_tell(scheduler, package):
    pytest.importorskip(package)
    check_optimizer(optimizer_class(f"syne_tune:{scheduler}"), CIFAR10, n_evaluations=6)


def test_botorch_keeps_to_ask_and_tell():
    pytest.importorskip("botorch", reason="pip install 'nasbench-kit[botorch]'")
    check_optimizer(optimizer_class("syne_tune:BOTorch"), CIFAR10, n_evaluations=5)


def test_botorch_with_noise_asks_for_other_architectures_than_it_knows():
    pytest.importorskip("botorch", reason="pip install 'nasbench-kit[botorch]'")
    made = {"searcher_kwargs": {"noise_level": 0.1}}
    assert len(np.unique(simulated(CIFAR10, "syne_tune:BOTorch", 15, **made).archs, axis=0)) > 10


def test_arguments_of_the_searcher_of_botorch_are_checked():
    pytest.importorskip("botorch", reason="pip install 'nasbench-kit[botorch]'")
    with pytest.raises(
        UnknownNameError, match=r"the searcher of syne_tune:BOTorch 'noise'; did you mean 'noise_level'"
    ):
        simulated(CIFAR10, "syne_tune:BOTorch", 5, searcher_kwargs={"noise": 0.1})
    with pytest.raises(SettingError, match=r"^searcher_kwargs=3.*; a mapping .*expected$"):
        simulated(CIFAR10, "syne_tune:BOTorch", 5, searcher_kwargs=3)


@pytest.mark.parametrize("scheduler", ["ASHA", "BOHB"])
def test_a_scheduler_of_several_fidelities_keeps_to_ask_and_tell(scheduler):
    check_optimizer(partial(optimizer_class(f"syne_tune:{scheduler}"), brackets=2), CURVES, n_evaluations=80)


def test_the_median_rule_keeps_to_ask_and_tell():
    check_optimizer(partial(optimizer_class("syne_tune:REA"), median_stopping=True), CURVES, n_evaluations=80)


def test_moasha_keeps_to_ask_and_tell():
    check_optimizer(optimizer_class("syne_tune:MOASHA"), TWO, n_evaluations=80)


def test_what_a_constrained_space_does_not_hold_is_replaced_by_what_is_near():
    check_optimizer(optimizer_class("syne_tune:REA"), nbk.load("nasbench101/cifar10"), n_evaluations=15)


def test_ordered_choices_are_integers_to_it():
    made = optimizer_class("syne_tune:RandomSearch")(Task(ORDERED), np.random.default_rng(0))
    assert {made.ask().arch for _ in range(200)} == {(i, j, k) for i in range(3) for j in range(2) for k in range(2)}
    domains = {name: type(domain).__name__ for name, domain in made._scheduler.config_space.items()}
    assert domains == {"width": "Integer", "op": "Categorical", "depth": "Integer"}


def simulated(benchmark, name, n_evaluations=None, n_workers=1, **settings):
    rng, rules = np.random.default_rng(0), nbk.Rules(n_evaluations=n_evaluations, n_workers=n_workers)
    made = optimizer_class(name)(nbk.task_of(benchmark, rules), rng, **settings)
    return nbk.simulate(benchmark, made, rng=rng, rules=rules)


def by_syne_tune_itself(scheduler, query, epochs):
    """What a scheduler does with one worker, as its tuner drives it: choices, and the epoch that each training reached.

    Every decision is the scheduler's, whose own state this is.
    """
    from syne_tune.backend.trial_status import Trial

    for number in range(12):
        trial = Trial(number, scheduler.suggest().config, datetime.now())
        scheduler.on_trial_add(trial)
        arch = tuple(trial.config.values())
        for epoch in epochs:
            result = {"val_accuracy": query(arch, epoch=epoch).val_accuracy, "epoch": epoch}
            if scheduler.on_trial_result(trial, result) == "STOP":
                scheduler.on_trial_remove(trial)
                break
        yield arch, epoch


@pytest.mark.parametrize("name", ["ASHA", "BOHB"])
def test_trainings_are_stopped_where_syne_tune_itself_would(name):
    from syne_tune.config_space import choice
    from syne_tune.optimizer import baselines

    made, reached = optimizer_class(f"syne_tune:{name}")(nbk.task_of(CURVES), np.random.default_rng(0)), {}
    while len(reached) < 13:
        trial = made.ask()
        reached[trial.training] = trial.arch, trial.epoch
        made.tell(trial, Outcome.of(CURVES.query(trial.arch, epoch=trial.epoch).val_accuracy, epoch=trial.epoch))

    seed = int(np.random.default_rng(0).integers(2**31))
    with GlobalRandomness(seed).used():
        scheduler = getattr(baselines, name)(
            {decision.name: choice(list(range(5))) for decision in CURVES.space.decisions},
            metric="val_accuracy",
            time_attr="epoch",
            max_t=36,
            do_minimize=False,
            random_seed=seed,
        )
        theirs = list(by_syne_tune_itself(scheduler, CURVES.query, range(1, 37)))
    assert list(reached.values())[:12] == theirs
    assert len({epoch for _, epoch in theirs}) > 2  # some were stopped at the first rung, some later


def test_trainings_go_on_epoch_by_epoch_and_pay_the_difference():
    records = simulated(CURVES, "syne_tune:ASHA", n_evaluations=300, n_workers=4)
    for number in np.unique(records.trial):
        of_it = records.trial == number
        assert records.epoch[of_it].tolist() == list(range(1, of_it.sum() + 1))
        whole = CURVES.query(tuple(records.archs[of_it][0].tolist()), epoch=int(of_it.sum())).cost_s
        assert records.cost_s[of_it].sum() == pytest.approx(whole)
    last = [records.epoch[records.trial == number].max() for number in np.unique(records.trial)]
    assert {1, 3, 9} < {*last}  # stopped at the rungs of grace_period 1 and reduction_factor 3


def test_evolution_is_better_than_random_search():
    best = {
        name: np.mean([run(name, seed) for seed in range(4)]) for name in ("syne_tune:REA", "syne_tune:RandomSearch")
    }
    assert best["syne_tune:REA"] > best["syne_tune:RandomSearch"] + 0.001


def run(name, seed):
    """The best validation accuracy of 200 evaluations."""
    settings = {"population_size": 30} if name.endswith("REA") else {}
    rng, rules = np.random.default_rng(seed), nbk.Rules(n_evaluations=200)
    made = optimizer_class(name)(nbk.task_of(CIFAR10, rules), rng, **settings)
    return nbk.simulate(CIFAR10, made, rng=rng, rules=rules).value.max()


def test_a_failed_training_is_told_as_an_error_and_ends():
    made = optimizer_class("syne_tune:ASHA")(nbk.task_of(CURVES), np.random.default_rng(0))
    told = []
    made._scheduler.on_trial_error = lambda trial: told.append(trial.trial_id)
    first = made.ask()
    made.tell(first, Outcome.of(-np.inf, epoch=1))
    assert told == [first.training]
    assert made.ask().training != first.training


def test_the_global_generators_are_left_as_they_were():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    simulated(CURVES, "syne_tune:BOHB", n_evaluations=60)
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_nothing_is_written_or_printed(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    made = optimizer_class("syne_tune:ASHA")(nbk.task_of(CURVES), np.random.default_rng(0))
    for trial, value in pairwise([made.ask(), 0.5, made.ask(), -np.inf]):
        if isinstance(value, float):
            made.tell(trial, Outcome.of(value, epoch=1))
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr() == ("", "")


def test_a_study_stores_the_settings_of_the_scheduler_and_the_version():
    made = Configuration.of(CURVES, "syne_tune:ASHA", {"grace_period": 4}, n_evaluations=10)
    assert made.settings["grace_period"] == 4
    assert made.settings["reduction_factor"] == 3  # Syne Tune's default
    assert versions_of(made)["syne_tune"] == version("syne-tune")


def test_what_syne_tune_has_not_is_refused_with_what_it_has():
    with pytest.raises(UnknownNameError, match=r"unknown scheduler of syne_tune 'MOBSTER'; choose from .*BOHB"):
        optimizer_class("syne_tune:MOBSTER")
    with pytest.raises(UnknownNameError, match=r"unknown setting of syne_tune:ASHA 'type'; choose from .*grace_period"):
        Configuration.of(CURVES, "syne_tune:ASHA", {"type": "promotion"}, n_evaluations=10)
    with pytest.raises(SettingError, match="needs several epochs to choose from; there is only epoch 200"):
        Configuration.of(CIFAR10, "syne_tune:ASHA", n_evaluations=10)
    with pytest.raises(SettingError, match="needs several epochs to choose from; there is only epoch 200"):
        Configuration.of(CIFAR10, "syne_tune:REA", {"median_stopping": True}, n_evaluations=10)
    with pytest.raises(SettingError, match="needs two objectives or more; there is val_accuracy alone"):
        Configuration.of(CURVES, "syne_tune:MOASHA", n_evaluations=10)
    with pytest.raises(SettingError, match="with median_stopping=true; it stops trainings by itself"):
        optimizer_class("syne_tune:ASHA")(nbk.task_of(CURVES), np.random.default_rng(0), median_stopping=True)
    with pytest.raises(SettingError, match="syne_tune:ASHA: grace_period must be <= max_t!"):
        optimizer_class("syne_tune:ASHA")(nbk.task_of(CURVES), np.random.default_rng(0), grace_period=40)
    assert "package:botorch" in needs_of(optimizer_class("syne_tune:BOTorch"))


@pytest.mark.parametrize(
    ("scheduler", "setting", "value"),
    [
        ("ASHA", "grace_period", 2.5),
        ("ASHA", "brackets", 0),
        ("ASHA", "reduction_factor", "x"),
        ("REA", "population_size", "x"),
        ("REA", "population_size", 0),
        ("REA", "sample_size", 0),
        ("TPE", "num_candidates", 0),
        ("TPE", "num_candidates", "x"),
        ("TPE", "top_n_percent", 100),
        ("TPE", "min_bandwidth", -1),
        ("BOHB", "bandwidth_factor", 0),
        ("BOHB", "random_fraction", 7),
    ],
)
def test_a_setting_that_would_search_at_random_or_fail_late_is_refused_when_it_begins(scheduler, setting, value):
    with pytest.raises(SettingError, match=rf"^{setting}={value!r}[ ;].* expected$"):
        simulated(CURVES, f"syne_tune:{scheduler}", 5, **{setting: value})

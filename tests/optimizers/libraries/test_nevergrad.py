"""Nevergrad's optimizers as optimizers of ours."""

import random
import subprocess
import sys
from functools import partial
from math import inf

import nevergrad as ng
import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.errors import SettingError, UnknownNameError
from nasbench_kit.optimizers import Outcome, optimizer_class
from nasbench_kit.study import Configuration
from nasbench_kit.study.versions import versions_of
from nasbench_kit.testing import check_optimizer

CIFAR10 = nbk.load("nasbench201/cifar10")
SMALL = nbk.load("nasbench201/cifar10", objectives=["val_accuracy", "params_m"], constraints=["latency_s<=0.02"])


def made(name, benchmark=CIFAR10, **settings):
    return optimizer_class(f"nevergrad:{name}")(nbk.task_of(benchmark), np.random.default_rng(3), **settings)


@pytest.mark.parametrize("name", ["DiscreteOnePlusOne", "TwoPointsDE", "Cobyla"])  # the last in a thread of its own
def test_an_optimizer_keeps_to_ask_and_tell(name):
    check_optimizer(partial(optimizer_class(f"nevergrad:{name}"), budget=12), CIFAR10, n_evaluations=8)


def test_several_objectives_and_constraints_are_told():
    check_optimizer(optimizer_class("nevergrad:DE"), SMALL, n_evaluations=6)


@pytest.mark.parametrize("name", ["NGOpt", "DiscreteLenglerOnePlusOne"])
def test_a_search_asks_for_what_nevergrad_itself_would(name):
    ours, asked = made(name, budget=20), []
    for _ in range(8):
        trial = ours.ask()
        asked.append(trial.arch)
        ours.tell(trial, Outcome.of(CIFAR10.query(trial.arch).val_accuracy))

    seed = int(np.random.default_rng(3).integers(2**31))
    random.seed(seed + 1)
    np.random.seed(seed + 1)  # noqa: NPY002
    choices = ng.p.Tuple(*(ng.p.Choice(range(5)) for _ in range(6)))
    choices.random_state.seed(seed)
    theirs, expected = ng.optimizers.registry[name](choices, budget=20, num_workers=1), []
    for _ in range(8):
        candidate = theirs.ask()
        expected.append(candidate.value)
        theirs.tell(candidate, -CIFAR10.query(candidate.value).val_accuracy)
    assert asked == expected


def test_a_family_has_the_settings_of_nevergrad():
    configuration = Configuration.of(CIFAR10, "nevergrad:DifferentialEvolution", {"scale": 0.5}, n_evaluations=10)
    assert configuration.settings["scale"] == 0.5
    assert configuration.settings["crossover"] == 0.5  # Nevergrad's default
    assert versions_of(configuration)["nevergrad"] == ng.__version__
    assert made("DifferentialEvolution", popsize=7)._optimizer._config.popsize == 7


def test_a_list_that_a_study_stored_is_the_tuple_that_nevergrad_takes():
    made = Configuration.of(
        CIFAR10, "nevergrad:ParametrizedOnePlusOne", {"noise_handling": ("optimistic", 0.1)}, n_evaluations=5
    )
    search = optimizer_class(made.optimizer)(nbk.task_of(CIFAR10), np.random.default_rng(0), **made.settings)
    assert search._optimizer.noise_handling == ("optimistic", 0.1)


def test_a_failed_training_is_as_bad_as_the_worst():
    search, losses = made("RandomSearch"), []
    search._optimizer.register_callback("tell", lambda optimizer, candidate, loss: losses.append(loss))
    for value in (-inf, 0.5, 0.9, -inf):
        search.tell(search.ask(), Outcome.of(value))
    assert losses == [5e20, -0.5, -0.9, -0.5]


def test_what_knows_no_parallel_evaluations_waits_for_each():
    task = nbk.task_of(CIFAR10, nbk.Rules(n_evaluations=9, n_workers=4))
    search, parallel = (
        optimizer_class(f"nevergrad:{name}")(task, np.random.default_rng(0)) for name in ("Cobyla", "RandomSearch")
    )
    assert [search.ask() is None for _ in range(2)] == [False, True]
    # a part of this one knows none
    chain = optimizer_class("nevergrad:Carola2")(task, np.random.default_rng(0), budget=20)
    assert [chain.ask() is None for _ in range(2)] == [False, True]
    assert [parallel.ask() is None for _ in range(5)] == [False] * 4 + [True]


def test_a_chain_of_optimizers_in_threads_neither_blocks_nor_keeps_python_from_ending():
    search = partial(optimizer_class("nevergrad:Carola2"), budget=16)  # Cobyla, then CMA, then SQP
    check_optimizer(search, CIFAR10, n_evaluations=6)
    code = """
import numpy as np, nasbench_kit as nbk
from nasbench_kit.optimizers import optimizer_class
search = optimizer_class("nevergrad:Cobyla")(nbk.task_of(nbk.load("nasbench201/cifar10")), np.random.default_rng(0))
print(search.ask().arch)
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=120, check=True, capture_output=True).stdout


def global_states():
    return random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002


def test_global_generators_are_as_they_were():
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    before = global_states()
    search = made("DE")
    search.tell(search.ask(), Outcome.of(0.5))
    assert global_states() == before


def test_what_nevergrad_has_not_or_cannot_is_refused():
    with pytest.raises(UnknownNameError, match="unknown optimizer of nevergrad 'NGOpt0'; did you mean 'NGOpt"):
        optimizer_class("nevergrad:NGOpt0")
    with pytest.raises(UnknownNameError, match="nevergrad:Chaining cannot be used by its name: it is made from optim"):
        optimizer_class("nevergrad:Chaining")
    with pytest.raises(SettingError, match=r"nevergrad:BOBYQA: ModuleNotFoundError: No module named 'pybobyqa'$"):
        made("BOBYQA").ask()
    with (
        pytest.raises(SettingError, match=r"nevergrad:BOBYQA: ModuleNotFoundError: nothing$"),
        made("BOBYQA")._theirs(),
    ):
        raise RuntimeError("Recast optimizer raised an error") from ModuleNotFoundError("nothing")  # of a quick thread
    with pytest.raises(SettingError, match=r"nevergrad:LHSSearch: TypeError: .*; a budget may help$"):
        made("LHSSearch").ask()
    with pytest.raises(SettingError, match="budget=0; an integer of at least 1 expected"):
        made("DE", budget=0)

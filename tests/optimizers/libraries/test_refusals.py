"""What a library cannot do is refused in one line before any run, whenever the library would say so itself."""

import random
from importlib import import_module
from math import inf

import numpy as np
import pytest
from click.testing import CliRunner

import nasbench_kit as nbk
from nasbench_kit.cli import main
from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers import Task, optimizer_class
from nasbench_kit.optimizers.libraries.optuna import OptunaSearch
from nasbench_kit.spaces import NATSBenchSizeSpace
from nasbench_kit.study import Configuration, Study, rehearsal
from nasbench_kit.study.running import execute

CIFAR10 = nbk.load("nasbench201/cifar10")
CURVES = nbk.load("nasbench201_mnist1d/mnist1d")


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """No trial is left out where the machine is busy."""
    monkeypatch.setattr(rehearsal, "_LONGEST_S", inf)


def compared(benchmark, name, settings, path, n_evaluations=12):
    return nbk.compare([benchmark], [(name, settings)], runs=2, n_evaluations=n_evaluations, study=path, n_processes=1)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("optuna:TPESampler", {"n_startup_trials": "abc"}, "n_startup_trials='abc' of .*; an integer expected"),
        ("optuna:TPESampler", {"multivariate": "maybe"}, "multivariate='maybe' of .*; true or false expected"),
        ("optuna:TPESampler", {"n_ei_candidates": 0}, "n_ei_candidates=0 of .*; at least 1 expected"),
        (
            "optuna:TPESampler",
            {"prior_weight": -1, "n_startup_trials": 5},
            r"optuna:TPESampler: A non-negative value .*; with .*prior_weight=-1 \(by default None\)",
        ),
        ("optuna:CmaEsSampler", {}, "with numbers=false, which samples choices at random; numbers=true expected"),
        ("pymoo:NSGA2", {"pop_size": 0}, "pop_size=0 of pymoo:NSGA2; at least 1 expected"),
        ("pymoo:NSGA2", {"pop_size": "abc"}, "pop_size='abc' of pymoo:NSGA2; a number expected"),
        ("pymoo:NSGA2", {"pop_size": 10.5}, r"pymoo:NSGA2: TypeError: .*; with pop_size=10.5 \(by default 100\)"),
        (
            "nevergrad:DifferentialEvolution",
            {"scale": "big"},
            r"assert isinstance\(scale, float\) or scale == .mini.; with scale='big' \(by default 1.0\)",
        ),
        (
            "nevergrad:DifferentialEvolution",
            {"crossover": "x"},
            r"assert isinstance\(crossover, float\) or crossover in \[.*\]; with crossover='x'",
        ),
        ("nevergrad:LHSSearch", {}, "nevergrad:LHSSearch: TypeError: .*; a budget may help"),
        ("nevergrad:LHSSearch", {"budget": 4}, r"Over the budget .*; with budget=4 \(by default None\)"),
        ("skopt:GP", {"acq_func": "EIX"}, "skopt:GP: expected acq_func to be in .*, got EIX; with acq_func='EIX'"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*deprecated:FutureWarning")
def test_settings_that_make_no_sense_are_refused_before_any_run(tmp_path, name, settings, message):
    with pytest.raises(SettingError, match=message) as refused:
        compared(CIFAR10, name, settings, tmp_path / "study.db")
    assert "\n" not in str(refused.value)
    if (tmp_path / "study.db").exists():
        with Study(tmp_path / "study.db") as study:
            assert study.configurations() == []


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("dehb:DEHB", {"eta": 1}, "eta=1 of dehb:DEHB; a number above 1 expected"),
        ("dehb:DEHB", {"min_epoch": 0}, "min_epoch=0; an epoch of 1 to below 36 expected"),
        (
            "dehb:DEHB",
            {"strategy": "rand9_bin"},
            r"dehb:DEHB: .*; with strategy='rand9_bin' \(by default 'rand1_bin'\)",
        ),
        ("smac:HyperbandFacade", {"eta": 0}, "eta=0 of smac:HyperbandFacade; a number above 1 expected"),
        ("smac:HyperbandFacade", {"max_incumbents": 0}, "smac:HyperbandFacade: .*; with max_incumbents=0"),
    ],
)
def test_so_are_those_of_searches_by_epochs(tmp_path, name, settings, message):
    with pytest.raises(SettingError, match=message):
        compared(CURVES, name, settings, tmp_path / "study.db", n_evaluations=40)


def test_a_sampler_for_one_objective_is_refused_two_before_any_run(tmp_path):
    both = nbk.load("nasbench201/cifar10", objectives=["val_accuracy", "params_m"])
    with pytest.raises(SettingError, match=r"optuna:CmaEsSampler: .* multi-objective"):
        compared(both, "optuna:CmaEsSampler", {"numbers": True}, tmp_path / "study.db")


def test_numbers_need_not_be_asked_for_where_all_choices_are_ordered():
    space = NATSBenchSizeSpace()
    search = optimizer_class("optuna:CmaEsSampler")(Task(space), np.random.default_rng(0))
    assert space.is_valid(search.ask().arch)


def test_a_search_inside_another_one_is_tried_as_well(tmp_path):
    settings = {"optimizer": "optuna:NSGAIISampler", "settings": {"crossover_prob": 2}}
    with pytest.raises(SettingError, match="`crossover_prob` must be a float value within the range"):
        compared(CIFAR10, "regret_stopping", settings, tmp_path / "study.db")


def test_the_command_says_so_in_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["-b", "nasbench201/cifar10", "-o", "pymoo:PSO,initial_velocity=x,pop_size=4", "--evaluations", "20"]
    done = CliRunner().invoke(main, ["compare", *words, "--runs", "2", "--processes", "1"])
    assert done.exit_code == 2
    assert done.stdout == ""
    expected = "error: pymoo:PSO: Unknown velocity initialization; with pop_size=4 (by default 25)"
    assert done.stderr == f"{expected}, initial_velocity='x' (by default 'random')\n"


def global_states():
    return random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002


@pytest.mark.parametrize(
    ("name", "settings"),
    [("optuna:TPESampler", {"n_startup_trials": 4}), ("nevergrad:DE", {}), ("pymoo:DE", {"pop_size": 5})],
)
def test_runs_and_the_global_generators_are_what_they_are_without_a_trial_of_it(tmp_path, name, settings):
    configuration, before = Configuration.of(CIFAR10, name, settings, n_evaluations=12), global_states()
    alone = [execute(configuration, seed).archs.tolist() for seed in range(2)]
    with Study(tmp_path / "study.db") as study:
        study.run([configuration], range(2), n_processes=1)
        assert [run.records.archs.tolist() for run in study.runs(configuration)] == alone
    assert global_states() == before


def test_what_has_runs_is_not_tried_again_and_defaults_are_tried_by_one_trial(tmp_path, monkeypatch):
    asked = []

    def ask(search):
        asked.append(search)
        return original(search)

    original = OptunaSearch.ask
    monkeypatch.setattr(OptunaSearch, "ask", ask)
    with Study(tmp_path / "study.db") as study:
        defaults = Configuration.of(CIFAR10, "optuna:TPESampler", n_evaluations=5)
        study.run([defaults], range(1), n_processes=1)
        assert len(asked) == 1 + 5
        study.run([defaults], range(2), n_processes=1)
        assert len(asked) == 1 + 5 + 5
        study.run(
            [Configuration.of(CIFAR10, "optuna:TPESampler", {"group": True}, n_evaluations=5)], [0], n_processes=1
        )
        assert len(asked) == 1 + 5 + 5 + 5 + 5


def test_a_search_that_asks_for_nothing_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(OptunaSearch, "ask", lambda search: None)
    with pytest.raises(SettingError, match="optuna:TPESampler on nasbench201/cifar10 asks for nothing"):
        compared(CIFAR10, "optuna:TPESampler", {}, tmp_path / "study.db")


def test_a_plan_is_refused_as_well(tmp_path):
    plan = import_module("nasbench_kit.comparison").plan
    with pytest.raises(SettingError, match=r"with pop_size=10\.5"):
        plan([CIFAR10], [("pymoo:NSGA2", {"pop_size": 10.5})], study=tmp_path / "s.db", runs=2, n_evaluations=5)
    assert not list(tmp_path.glob("*.plan*"))

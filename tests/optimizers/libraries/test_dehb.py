"""The authors' DEHB as an optimizer of ours."""

from importlib.metadata import version
from math import inf

import numpy as np
import pytest
from dehb import DEHB

import nasbench_kit as nbk
from nasbench_kit.errors import SettingError, UnknownNameError
from nasbench_kit.optimizers import Outcome, optimizer_class
from nasbench_kit.study import Configuration
from nasbench_kit.study.versions import versions_of
from nasbench_kit.testing import check_optimizer

CURVES = nbk.load("nasbench201_mnist1d/mnist1d")
FEW = {"n_evaluations": 10}


def made(**settings):
    return optimizer_class("dehb:DEHB")(nbk.task_of(CURVES), np.random.default_rng(3), **settings)


def test_it_keeps_to_ask_and_tell():
    check_optimizer(optimizer_class("dehb:DEHB"), CURVES, n_evaluations=150)


def test_a_search_asks_for_what_dehb_itself_would(tmp_path):
    ours, asked = made(min_epoch=4), []
    for _ in range(120):
        trial = ours.ask()
        asked.append((trial.arch, trial.epoch))
        ours.tell(trial, Outcome.of(CURVES.query(trial.arch, epoch=trial.epoch).val_accuracy))

    seed = int(np.random.default_rng(3).integers(2**31))
    last = CURVES.objective_metric.epochs[-1]
    how = {"min_fidelity": 4, "max_fidelity": last, "n_workers": 1, "seed": seed, "save_freq": "end"}
    theirs, expected = DEHB(dimensions=6, output_path=tmp_path, **how), []
    for _ in range(120):
        job = theirs.ask()
        arch = tuple((np.array(job["config"]) * 5).astype(int).clip(0, 4).tolist())
        expected.append((arch, round(job["fidelity"])))
        theirs.tell(job, {"fitness": -CURVES.query(arch, epoch=expected[-1][1]).val_accuracy, "cost": 1.0})
    assert asked == expected
    assert {epoch for _, epoch in asked} == {4, 12, 36}


def test_nothing_is_written_into_the_working_directory_or_printed(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    search = made()
    for _ in range(30):
        search.tell(search.ask(), Outcome.of(0.5))
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_every_trial_is_a_training_of_its_own_and_a_failed_one_is_the_worst():
    search = made()
    trials = [search.ask() for _ in range(4)]
    for trial, value in zip(trials, (-inf, 0.5, 0.9, -inf), strict=True):
        search.tell(trial, Outcome.of(value))
    assert [trial.training for trial in trials] == [0, 1, 2, 3]
    assert [fitness for _, _, fitness, *_ in search._dehb.history] == [1e10, -0.5, -0.9, -0.5]


def test_a_study_stores_the_settings_and_the_version_of_the_library():
    configuration = Configuration.of(CURVES, "dehb:DEHB", {"mutation_factor": 0.8}, **FEW)
    assert configuration.settings["mutation_factor"] == 0.8
    assert configuration.settings["strategy"] == "rand1_bin"  # DEHB's default
    assert versions_of(configuration)["dehb"] == version("dehb")


def test_what_dehb_has_not_or_needs_is_refused():
    with pytest.raises(UnknownNameError, match="unknown optimizer of dehb 'DE'; did you mean 'DEHB'"):
        optimizer_class("dehb:DE")
    with pytest.raises(SettingError, match="dehb:DEHB needs several epochs to choose from; there is only epoch 200"):
        Configuration.of(nbk.load("nasbench201/cifar10"), "dehb:DEHB", {}, **FEW)
    for epoch in (99, 36, 0, -1, "x"):
        with pytest.raises(SettingError, match=f"min_epoch={epoch!r}; an epoch of 1 to below 36 expected"):
            made(min_epoch=epoch)

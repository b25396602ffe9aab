"""Our benchmarks as blackboxes of Syne Tune, on its own simulator."""

import pickle

import numpy as np
import pytest

from nasbench_kit.errors import NotRecordedError, SettingError, UnknownNameError

pytest.importorskip("syne_tune", reason="syne-tune is absent: pip install 'nasbench-kit[syne-tune]'")

from syne_tune import StoppingCriterion, Tuner
from syne_tune.backend.simulator_backend.simulator_backend import SimulatorConfig
from syne_tune.backend.simulator_backend.simulator_callback import SimulatorCallback
from syne_tune.blackbox_repository.simulated_tabular_backend import UserBlackboxBackend
from syne_tune.config_space import Categorical, Ordinal
from syne_tune.optimizer.baselines import ASHA
from syne_tune.tuner_callback import TunerCallback

from nasbench_kit.adapters.syne_tune import BenchmarkBlackbox

BEST = (3, 3, 3, 1, 3, 2)
AT_ONCE = SimulatorConfig(0, 0, 0, 0, 0)  # without delays of its own


class Reported(TunerCallback):
    """Everything that trials reported."""

    def __init__(self):
        self.results = []

    def on_trial_result(self, trial, status, result, decision):
        self.results.append((trial.trial_id, trial.config, result, decision))


@pytest.fixture
def simulated(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNETUNE_FOLDER", str(tmp_path))

    def simulate(blackbox, n_trials=12, n_workers=2):
        reported = Reported()
        scheduler = ASHA(
            blackbox.configuration_space,
            metric=blackbox.objectives_names[0],
            time_attr="epoch",
            max_t=int(blackbox.fidelity_values[-1]),
            do_minimize=blackbox.do_minimize[0],
            random_seed=0,
        )
        tuner = Tuner(
            UserBlackboxBackend(blackbox, elapsed_time_attr="cost_s", simulator_config=AT_ONCE),
            scheduler,
            StoppingCriterion(max_num_trials_finished=n_trials),
            n_workers=n_workers,
            sleep_time=0,
            callbacks=[SimulatorCallback(), reported],
            save_tuner=False,
            print_update_interval=1e9,
        )
        tuner.run()
        return reported.results

    return simulate


@pytest.mark.filterwarnings("ignore")  # of Syne Tune's own
def test_asha_runs_on_its_simulator_and_its_times_are_our_costs(curves, simulated):
    blackbox = BenchmarkBlackbox(curves)
    results = simulated(blackbox)
    epochs = {}
    for trial, config, result, _ in results:
        arch = blackbox.arch(config)
        answer = curves.query(arch, epoch=result["epoch"])
        assert (result["val_accuracy"], result["cost_s"]) == (answer.val_accuracy, answer.cost_s)
        epochs.setdefault(trial, []).append(result["epoch"])
    assert all(seen == [*range(1, len(seen) + 1)] for seen in epochs.values())
    assert min(map(len, epochs.values())) < 36 == max(map(len, epochs.values()))  # some were stopped, some not


@pytest.mark.filterwarnings("ignore")
def test_the_clock_of_its_simulator_advances_by_our_seconds(curves, simulated):
    began, ended = {}, {}
    for trial, _, result, _ in simulated(BenchmarkBlackbox(curves), n_workers=1):
        began.setdefault(trial, result["st_tuner_time"] - result["cost_s"])
        assert result["st_tuner_time"] - began[trial] == pytest.approx(result["cost_s"], abs=1e-6)
        ended[trial] = result["st_tuner_time"]
    assert all(began[trial + 1] >= ended[trial] for trial in range(len(began) - 1))


def test_a_blackbox_gives_one_epoch_by_name_or_all_in_order(curves):
    blackbox = BenchmarkBlackbox(curves)
    config = blackbox.config(BEST)
    assert blackbox.objectives_names == ["val_accuracy", "cost_s"]
    assert blackbox.fidelity_values.tolist() == [*range(1, 37)]
    answer = curves.query(BEST, epoch=3)
    assert (
        blackbox(config, {"epoch": 3})
        == blackbox(config, 3)
        == {
            "val_accuracy": answer.val_accuracy,
            "cost_s": answer.cost_s,
        }
    )
    assert blackbox(config)[:, 0].tolist() == curves.curves("val_accuracy", [BEST])[0].tolist()
    assert blackbox(config, seed=2)[-1].tolist() == [*curves.query(BEST, seed=2)[1:3]]


def test_a_drawn_run_is_the_same_at_every_epoch_and_in_every_process(curves):
    runs = {tuple(curves.curves("val_accuracy", [BEST], seed=seed)[0].tolist()) for seed in (0, 1, 2)}
    found = set()
    for seed in range(10):
        blackbox = BenchmarkBlackbox(curves, run="drawn", seed=seed)
        config = blackbox.config(BEST)
        curve = blackbox(config)[:, 0]
        assert blackbox(config, 5)["val_accuracy"] == curve[4]
        assert (pickle.loads(pickle.dumps(blackbox))(config)[:, 0] == curve).all()
        found.add(tuple(curve.tolist()))
    assert found == runs


def test_losses_constraints_and_failures_are_told_in_their_units(failing):
    blackbox = BenchmarkBlackbox(failing)
    assert blackbox.do_minimize == [True]
    assert blackbox.objectives_names == ["val_loss", "params_m<=4.5", "cost_s"]
    assert blackbox({"kernel": "3", "width": "64"})[-1].tolist() == [failing.query((0, 2)).val_loss, -1.5, 30]
    assert blackbox({"kernel": "5", "width": "64"})[-1].tolist() == [3.5, np.inf, 30]


def test_ordered_choices_are_ordinal(failing, cifar10):
    assert {type(domain) for domain in BenchmarkBlackbox(failing).configuration_space.values()} == {Ordinal}
    assert {type(domain) for domain in BenchmarkBlackbox(cifar10).configuration_space.values()} == {Categorical}


def test_what_syne_tune_cannot_simulate_is_refused_in_one_line(budgets, uncosted, curves):
    with pytest.raises(
        SettingError, match=r"nasbench101/cifar10 are separate trainings.*; give one of them: epoch=108$"
    ):
        BenchmarkBlackbox(budgets)
    assert BenchmarkBlackbox(budgets, epoch=36).fidelity_values.tolist() == [36]
    with pytest.raises(
        NotRecordedError, match=r"^nas_bench_graph/cora records no cost_s, and Syne Tune simulates seconds$"
    ):
        BenchmarkBlackbox(uncosted)
    blackbox = BenchmarkBlackbox(curves)
    with pytest.raises(NotRecordedError, match=r"^epoch 37 was not recorded; choose from 1, 2, 3"):
        blackbox(blackbox.config(BEST), 37)
    with pytest.raises(NotRecordedError, match=r"^epoch True was not recorded; choose from 1, 2, 3"):
        blackbox(blackbox.config(BEST), {"epoch": True})
    with pytest.raises(UnknownNameError, match=r"^unknown choice for '0->1': 'conv'"):
        blackbox(blackbox.config(BEST) | {"0->1": "conv"})

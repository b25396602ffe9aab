"""Our benchmarks as spaces of ConfigSpace, and as what SMAC, DEHB and BOHB call."""

import json
import math
import pickle

import pytest

from nasbench_kit.errors import NotRecordedError, SettingError, UnknownNameError

ConfigSpace = pytest.importorskip(
    "ConfigSpace", reason="ConfigSpace is absent: pip install 'nasbench-kit[configspace]'"
)

from nasbench_kit.adapters.configspace import Target  # noqa: E402

NAMES = ("nasbench101/cifar10", "nasbench201/cifar10", "nasbench301/cifar10", "nas_bench_graph/proteins")


@pytest.mark.parametrize("name", NAMES)
def test_every_configuration_is_an_architecture_and_every_architecture_a_configuration(loaded, name):
    bench = loaded(name)
    target, space = Target(bench), Target(bench).space(seed=0)
    assert [*space] == sorted(decision.name for decision in bench.space.decisions) or len(
        space
    ) == bench.space.n_decisions
    for config in space.sample_configuration(5):
        arch = target.arch(config)
        again = ConfigSpace.Configuration(space, values=target.config(arch))
        assert target.arch(again) == arch
        assert target.dehb(config)["info"][bench.objective_metric.name] == bench.query(arch).value


def test_ordered_choices_are_ordinal(failing):
    space = Target(failing).space()
    assert [type(parameter).__name__ for parameter in space.values()] == ["OrdinalHyperparameter"] * 2
    assert space["width"].sequence == ("16", "32", "64")


def test_the_same_seed_gives_the_same_configurations(cifar10):
    one, other = (Target(cifar10).space(seed=3).sample_configuration(5) for _ in range(2))
    assert one == other


def test_each_signature_gives_the_same_loss_and_the_seconds_of_it(curves, cell):
    target = Target(curves)
    assert (target.objectives, target.budgets) == (["1-val_accuracy"], (1, 36))
    for budget, epoch in ((4.0, 4), (1.34, 1), (36, 36)):
        answer = curves.query((3, 3, 3, 1, 3, 2), epoch=epoch)
        loss, told = target.smac_budget(cell, seed=5, budget=budget)
        assert loss == 1 - answer.val_accuracy
        assert told == {
            "arch": curves.space.format((3, 3, 3, 1, 3, 2)),
            "epoch": epoch,
            "cost_s": answer.cost_s,
            "failed": False,
            "val_accuracy": answer.val_accuracy,
        }
        assert target.dehb(cell, fidelity=budget) == {"fitness": loss, "cost": answer.cost_s, "info": told}
        assert target.bohb(config=cell, budget=budget, config_id=(0, 0, 0)) == {"loss": loss, "info": told}
        json.dumps(told)
    assert target.smac(cell) == target.smac_budget(cell, budget=36)


def test_several_objectives_are_losses_by_their_names(two_objectives, cell):
    losses, told = Target(two_objectives).smac(cell)
    accuracy, size = (two_objectives.values(name, [(3, 3, 3, 1, 3, 2)])[0] for name in ("val_accuracy", "params_m"))
    assert losses == {"1-val_accuracy": 1 - accuracy, "params_m": size}
    assert told["flops_m<=100"] == pytest.approx(two_objectives.values("flops_m", [(3, 3, 3, 1, 3, 2)])[0] - 100)


def test_a_seed_of_smac_draws_a_run_the_same_at_every_budget_and_in_every_process(curves, cell):
    target, runs = Target(curves, run="drawn"), set()
    for seed in range(10):
        values = [target.smac_budget(cell, seed, budget)[1]["val_accuracy"] for budget in (3, 20, 36)]
        recorded = [
            [curves.query((3, 3, 3, 1, 3, 2), epoch=e, seed=s).val_accuracy for e in (3, 20, 36)] for s in (0, 1, 2)
        ]
        runs.add(recorded.index(values))
        assert pickle.loads(pickle.dumps(target)).smac(cell, seed) == target.smac(cell, seed)
    assert runs == {0, 1, 2}


def test_a_training_that_failed_is_a_crash_to_smac_and_the_worst_recorded_to_others(failing):
    config = {"kernel": "5", "width": "64"}
    with pytest.raises(NotRecordedError, match=r"^the training of '5,64' failed, so it has no loss$"):
        Target(failing).smac(config)
    answer = Target(failing).dehb(config)
    assert (answer["fitness"], answer["cost"], answer["info"]["failed"]) == (3.5, 30, True)
    assert math.isnan(answer["info"]["val_loss"])


def test_what_was_not_recorded_is_refused_in_one_line(curves, cell):
    with pytest.raises(UnknownNameError, match=r"^unknown choice for '0->1': 'conv'; "):
        Target(curves).dehb(cell | {"0->1": "conv"})
    for budget in (0.9, 37):
        with pytest.raises(SettingError, match=rf"^budget {budget}; epochs from 1 to 36 expected$"):
            Target(curves).smac_budget(cell, budget=budget)


@pytest.mark.filterwarnings("ignore")  # of DEHB's own
def test_dehb_searches_and_what_it_pays_is_our_cost(curves, tmp_path):
    dehb = pytest.importorskip("dehb", reason="DEHB is absent: pip install DEHB")
    target = Target(curves)
    search = dehb.DEHB(
        f=target.dehb,
        cs=target.space(seed=0),
        min_fidelity=target.budgets[0],
        max_fidelity=target.budgets[1],
        n_workers=1,
        seed=0,
        output_path=tmp_path,
        save_freq="end",
        log_level="ERROR",
    )
    _, _, history = search.run(fevals=50)
    assert len(history) == 50
    for _, _, fitness, cost, fidelity, told in history:
        answer = curves.query(told["arch"], epoch=told["epoch"])
        assert (1 - fitness, cost) == (pytest.approx(answer.val_accuracy, abs=1e-15), answer.cost_s)
        assert told["epoch"] <= fidelity + 1e-6 < told["epoch"] + 1
    config, fitness = search.get_incumbents()
    best = min(history, key=lambda entry: entry[2])  # of any fidelity
    assert fitness == best[2]
    assert target.dehb(config, fidelity=best[4])["fitness"] == fitness


@pytest.mark.filterwarnings("ignore")  # of SMAC's own
@pytest.mark.parametrize("is_cheap", [False, True])
def test_smac_searches_and_finds_what_is_recorded(curves, tmp_path, is_cheap):
    smac = pytest.importorskip("smac", reason="SMAC is absent: pip install smac")
    target = Target(curves)
    how = {"min_budget": 4, "max_budget": 36} if is_cheap else {}
    scenario = smac.Scenario(
        target.space(seed=0),
        n_trials=20 if is_cheap else 8,
        deterministic=True,
        seed=0,
        output_directory=tmp_path,
        **how,
    )
    facade = smac.MultiFidelityFacade if is_cheap else smac.HyperparameterOptimizationFacade
    search = facade(scenario, target.smac_budget if is_cheap else target.smac, logging_level=False, overwrite=True)
    incumbent = search.optimize()
    epochs = set()
    for key, value in search.runhistory.items():
        told = value.additional_info
        epochs.add(told["epoch"])
        assert value.cost == 1 - curves.query(told["arch"], epoch=told["epoch"]).val_accuracy
        assert curves.space.format(target.arch(search.runhistory.get_config(key.config_id))) == told["arch"]
    assert epochs >= ({4, 12} if is_cheap else {36})
    assert isinstance(target.dehb(incumbent)["fitness"], float)

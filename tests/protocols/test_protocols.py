"""Published protocols: what each says holds together, and `compare` follows it."""

import numpy as np
import pytest
from click.testing import CliRunner

import nasbench_kit as nbk
from nasbench_kit.cli import main
from nasbench_kit.errors import SettingError, UnknownNameError
from nasbench_kit.optimizers import OPTIMIZERS, needs_of
from nasbench_kit.protocols import PROTOCOLS, Protocol, Setup, protocol_of
from nasbench_kit.simulator import Reported, Rules, task_of

SHIPPED = [name for name, protocol in PROTOCOLS.items() if not protocol.data]


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=list(PROTOCOLS))
def test_a_protocol_says_where_it_is_from_and_uses_what_there_is(protocol):
    assert "https://" in protocol.source
    assert PROTOCOLS[protocol.name] is protocol
    assert protocol.approximates in ("", *PROTOCOLS)
    assert all(sentence.endswith(".") for sentence in protocol.differences)
    for name, _ in protocol.optimizers.values():
        assert name in OPTIMIZERS


@pytest.mark.parametrize("name", SHIPPED)
def test_a_protocol_on_what_is_shipped_runs(name):
    protocol = PROTOCOLS[name]
    for benchmark in protocol.load():
        rules = protocol.setup(benchmark.name).rules
        rules.check(benchmark)
        for label, (made, settings) in protocol.optimizers.items():
            protocol.check(label, benchmark)
            task = task_of(benchmark, rules, needs=needs_of(OPTIMIZERS[made]))
            assert OPTIMIZERS[made](task, np.random.default_rng(0), **settings).ask()


@pytest.mark.parametrize("name", ["nb101", "nb101_b", "nb101_c", "arch2vec", "nb201", "nats_tss", "nats_sss"])
def test_a_protocol_whose_results_are_not_shipped_says_which_file_to_import(name):
    with pytest.raises(
        UnknownNameError, match=rf"The protocol {name} needs the official files?: nasbench-kit import"
    ) as error:
        PROTOCOLS[name].load()
    follows = [other.name for other in PROTOCOLS.values() if other.approximates == name]
    assert all(f"; {other} does without" in str(error.value) for other in follows)


def test_encodings_have_the_optimizers_of_their_scripts():
    # experiment_scripts of automl/nas_benchmarks: run_regularized_evolution.py and run_rl.py know A and B alone
    labels = {name: {*PROTOCOLS[name].optimizers} for name in ("nb101", "nb101_b", "nb101_c")}
    assert labels["nb101_b"] == labels["nb101"] | {"TPE", "SMAC", "HB", "BOHB"}
    assert labels["nb101_c"] == labels["nb101_b"] - {"RE", "REINFORCE", "BOHB"}
    for label, (name, settings) in PROTOCOLS["nb101"].optimizers.items():
        assert (name, settings["encoding"]) == ("encoded_search", "A")
        assert PROTOCOLS["nb101_b"].optimizers[label] == (name, settings | {"encoding": "B"})


def test_nats_bench_spends_what_its_scripts_say():
    # run-all.sh of D-X-Y/AutoDL-Projects: three datasets, in the topology and in the size space
    budgets = {name: [setup.rules.budget_s for setup in PROTOCOLS[name].setups] for name in ("nats_tss", "nats_sss")}
    assert budgets == {"nats_tss": [20_000, 40_000, 120_000], "nats_sss": [20_000, 40_000, 60_000]}
    assert PROTOCOLS["nats_tss"].optimizers["REA"][1]["population_size"] == 10
    assert all(setup.rules.overshoot == "counted" for setup in PROTOCOLS["nats_tss"].setups)


def test_compare_follows_a_protocol_by_its_names_and_with_an_optimizer_of_ones_own(tmp_path):
    made = nbk.compare(
        "nasbench201_surrogate/cifar100",
        ["REA", ("random_search", {}, "ours")],
        protocol="nats_tss_surrogate",
        runs=2,
        n_processes=1,
        study=tmp_path / "study.db",
    )
    protocol = PROTOCOLS["nats_tss_surrogate"]
    (configurations,) = made.configurations.values()
    assert list(configurations) == ["REA", "ours"]
    assert configurations["REA"].settings.items() >= protocol.optimizers["REA"][1].items()
    assert all(key.rules == protocol.setup("nasbench201_surrogate/cifar100").rules for key in configurations.values())
    assert made.in_words.startswith("Protocol nats_tss_surrogate, which follows nats_tss with other results: Dong")


def test_what_else_a_protocol_reports_is_that_of_each_final_incumbent(tmp_path):
    made = nbk.compare(None, "RS", protocol="nb201_surrogate", runs=3, n_processes=1, study=tmp_path / "study.db")
    ((benchmark, reports),) = made.reports.items()
    searched = made.trajectories[benchmark]["RS"]
    finals = reports["RS"][Reported("cifar10", "val_accuracy")].values
    assert finals == pytest.approx(searched.reported[searched.finals])
    lines = [line for line in made.notes() if "reported by" in line]
    assert [line.partition(": ")[0] for line in lines] == [
        f"{benchmark}, reported by {dataset}:val_accuracy" for dataset in ("cifar100", "imagenet16-120")
    ]
    c100 = reports["RS"][Reported("cifar100", "val_accuracy")].values
    assert lines[0].endswith(f": RS {100 * c100.mean():.2f}")
    assert {str(one) for one in reports["RS"]} == {
        "cifar10:val_accuracy",
        "cifar100:val_accuracy",
        "imagenet16-120:val_accuracy",
    }


def test_an_optimizer_of_a_protocol_that_needs_more_than_is_shipped_says_where_that_is():
    with pytest.raises(
        SettingError, match=r"SyncHB needs several epochs .* needs curves .*; syne_tune_mnist1d does wit"
    ):
        nbk.compare(protocol="syne_tune", runs=1)
    made = nbk.compare(None, "RS", protocol="syne_tune", runs=1, n_processes=1)  # which needs no curves
    assert made.counts.made == 1


def test_what_a_search_inside_another_needs_is_checked_before_anything_is_run():
    mine = Protocol(
        name="mine",
        title="Ten evaluations",
        source="nobody",
        setups=(Setup("nasbench201/cifar10", Rules(n_evaluations=10)),),
        optimizers={"HB": ("regret_stopping", {"optimizer": "hyperband"})},
        n_runs=2,
        data="curves",
    )
    with pytest.raises(SettingError, match=r"^HB needs several epochs .* The protocol mine needs curves"):
        nbk.compare(protocol=mine)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"protocol": "nats"}, "unknown protocol 'nats'; did you mean"),
        ({"protocol": "NB101_B"}, "unknown protocol 'NB101_B'; did you mean 'nb101_b'"),
        ({"protocol": 5}, "protocol=5; a name or a Protocol expected"),
        ({"protocol": "local_search", "n_evaluations": 5}, "local_search says the rules; leave out n_evaluations"),
        ({"protocol": "local_search", "rules": Rules(n_evaluations=5)}, "says the rules; leave out rules"),
        (
            {"protocol": "local_search", "benchmarks": "nasbench301/cifar10"},
            "unknown benchmark of the protocol local_search 'nasbench301/cifar10'",
        ),
        ({"protocol": "local_search", "optimizers": "REA"}, "unknown optimizer 'REA'"),
    ],
)
def test_what_does_not_go_with_a_protocol_is_told_in_one_line(how, message):
    with pytest.raises((SettingError, UnknownNameError), match=message) as error:
        nbk.compare(runs=2, **how)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("option", [["--evaluations", "5"], ["--objective", "params_m"], ["--workers", "2"]])
def test_the_command_refuses_rules_beside_a_protocol(option, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["compare", "--protocol", "local_search", *option])
    assert result.exit_code == 2
    assert f"the protocol local_search says the rules; leave out {option[0]}" in result.output


def test_a_protocol_of_ones_own_is_followed(cifar10):
    mine = Protocol(
        name="mine",
        title="Ten evaluations",
        source="nobody",
        setups=(Setup("nasbench201/cifar10", Rules(n_evaluations=10), constraints=("params_m<=0.5",)),),
        optimizers={"RS": ("random_search", {})},
        n_runs=2,
    )
    assert protocol_of(mine) is mine
    (benchmark,) = mine.load()
    assert [str(limit) for limit in benchmark.constraints] == ["params_m<=0.5"]
    made = nbk.compare(protocol=mine, n_processes=1)
    assert made.trajectories["nasbench201/cifar10"]["RS"].ended["evaluations"].tolist() == [10, 10]

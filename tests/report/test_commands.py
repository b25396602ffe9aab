"""The command on the page makes the same runs again."""

import shlex

import pytest
from click.testing import CliRunner

import nasbench_kit as nbk
from nasbench_kit.cli import main
from nasbench_kit.cli.compare import _RULES
from nasbench_kit.comparison.options import OPTIONS
from nasbench_kit.report import report_of
from nasbench_kit.simulator import Rules
from nasbench_kit.study import Study

C10, C100 = "nasbench201/cifar10", "nasbench201/cifar100"
SMALL = {"n_evaluations": 3, "runs": 2}
CASES = {
    "two benchmarks": {"benchmarks": [C10, C100], "optimizers": ["random_search", "local_search"]},
    "settings": {"optimizers": [("regularized_evolution", {"sample_size": 5}), ("local_search", {"n_initial": 2})]},
    "labels": {"optimizers": [("random_search", {}, 'it\'s "mine", <b>; $(rm)')]},
    "other seeds": {"first_seed": 7},
    "budget of seconds": {"rules": Rules(budget_s=12_345.678)},
    "default budget": {"rules": Rules(n_workers=2), "runs": 1},
    "rules": {
        "rules": Rules(
            n_evaluations=4,
            n_epochs=2_000,
            n_workers=2,
            run=777,
            clock="evaluations",
            continued="from scratch",
            repeats="served",
            overshoot="counted",
            reported="cifar100:val_accuracy@200",
            incumbents="any epoch",
        )
    },
    "no costs": {"benchmarks": ["nas_bench_graph/cora", C10], "optimizers": ["random_search", "local_search"]},
    "costs and epoch": {"rules": Rules(budget_s=90_000, costs=("cost_s",), epoch=200, run="mean")},
    "objectives": {"benchmarks": lambda: nbk.load(C10, objectives=["val_accuracy", "params_m"])},
    "constraints": {"benchmarks": lambda: nbk.load(C10, constraints=["params_m<=0.9"])},
}


def runs_of(path):
    with Study(path, create=False) as study:
        return {
            (key.identity, key.label, seed)
            for key in study.configurations()
            for seed in [run.run_seed for run in study.runs(key)]
        }


def make(path, benchmarks=C10, optimizers=("random_search",), **how):
    if callable(benchmarks):
        benchmarks = benchmarks()
    how = {**({} if "rules" in how else SMALL), "runs": 2, **how}
    nbk.compare(benchmarks, list(optimizers), study=path, n_processes=1, **how)


def repeat(commands, folder, monkeypatch):
    monkeypatch.chdir(folder)
    for command in commands:
        program, *words = shlex.split(command)
        assert program == "nasbench-kit"
        result = CliRunner().invoke(main, [*words, "--processes", "1"])
        assert result.exit_code == 0, result.output


@pytest.mark.parametrize("case", CASES)
def test_the_command_makes_the_same_runs(case, tmp_path, monkeypatch, undrawn):
    make(tmp_path / "mine.db", **CASES[case])
    commands = report_of(tmp_path / "mine.db").commands
    assert len(commands) == 1
    (tmp_path / "again").mkdir()
    repeat(commands, tmp_path / "again", monkeypatch)
    assert runs_of(tmp_path / "again" / "mine.db") == runs_of(tmp_path / "mine.db")


def test_unequal_seeds_and_rules_take_as_many_commands(tmp_path, monkeypatch, undrawn):
    make(tmp_path / "mine.db")
    make(tmp_path / "mine.db", first_seed=5)
    make(tmp_path / "mine.db", optimizers=["local_search"], n_evaluations=4)
    commands = report_of(tmp_path / "mine.db").commands
    assert len(commands) == 3
    (tmp_path / "again").mkdir()
    repeat(commands, tmp_path / "again", monkeypatch)
    assert runs_of(tmp_path / "again" / "mine.db") == runs_of(tmp_path / "mine.db")


def test_every_rule_has_the_option_of_compare():
    assert {name: option for name, (option, _) in _RULES.items()} == OPTIONS

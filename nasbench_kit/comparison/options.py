"""What is typed of `compare` so that runs follow the rules of a configuration."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nasbench_kit.comparison.planning import with_budget
from nasbench_kit.simulator import SECONDS, Reported, Rules

if TYPE_CHECKING:
    from nasbench_kit.benchmark import Benchmark
    from nasbench_kit.study import Configuration

#: rule -> option of `nasbench-kit compare`
OPTIONS = {
    "budget_s": "--budget-s",
    "n_evaluations": "--evaluations",
    "n_epochs": "--budget-epochs",
    "n_workers": "--workers",
    "run": "--run",
    "epoch": "--epoch",
    "clock": "--clock",
    "costs": "--costs",
    "continued": "--continued",
    "repeats": "--repeats",
    "overshoot": "--overshoot",
    "optimizer_time": "--optimizer-time",
    "reported": "--reported",
    "incumbents": "--incumbents",
}
#: what is chosen of a benchmark, likewise
_CHOSEN = {"objectives": "--objective", "constraints": "--constraint"}


def options_of(key: Configuration, benchmark: Benchmark) -> tuple[str, ...]:
    """The words to type, but benchmark and optimizer."""
    return tuple(word for name, value in given_of(key, benchmark) for word in ((OPTIONS | _CHOSEN)[name], value))


def given_of(key: Configuration, benchmark: Benchmark) -> list[tuple[str, str]]:
    """The same as pairs of a name and a value, by the names of `compare`'s arguments."""
    rules = [(name, _text(name, value)) for name, value in _typed(key.rules, benchmark).to_json().items()]
    objectives = [("objectives", name) for name in key.objectives or ()]
    return [*rules, *objectives, *(("constraints", limit) for limit in key.constraints)]


def _typed(rules: Rules, benchmark: Benchmark) -> Rules:
    """What has to be typed of rules: neither a budget nor a clock that `compare` finds itself."""
    unlimited = replace(rules, budget_s=None, n_evaluations=None, n_epochs=None)
    for short in (unlimited, rules):
        for clock in (SECONDS, rules.clock):
            timed = replace(short, clock=clock)
            if with_budget(timed, benchmark) == rules:
                return timed
    return rules


def _text(name: str, value: Any) -> str:
    if name == "costs":
        return ",".join(value)
    return str(Reported(*value)) if name == "reported" else str(value).removesuffix(".0")

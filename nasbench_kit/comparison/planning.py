"""What is to be run: benchmarks, rules and optimizers, all of it checked before anything is."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nasbench_kit.analysis import (
    check_reported,
)
from nasbench_kit.analysis.fronts import check_fronts
from nasbench_kit.benchmark import Benchmark
from nasbench_kit.catalog import load
from nasbench_kit.errors import SettingError
from nasbench_kit.protocols import Protocol
from nasbench_kit.simulator import EPOCHS, EVALUATIONS, SECONDS, Reported, Rules
from nasbench_kit.simulator.rules import checked_rules
from nasbench_kit.study import Configuration

if TYPE_CHECKING:
    pass


BENCHMARKS = ("nasbench201/cifar10", "nasbench201/cifar100", "nasbench201/imagenet16-120")  # by default
OPTIMIZERS = ("random_search", "regularized_evolution", "local_search")  # by default
RUNS = 500  # of each optimizer on each benchmark by default
AVERAGE_EVALUATIONS = 500  # the default budget: the simulated time that so many evaluations take on average


Named = str | tuple[str, Mapping[str, Any]] | tuple[str, Mapping[str, Any], str | None]
"""An optimizer: its name, or its name and settings, and what it is called in the table and the figure."""


class Plan(NamedTuple):
    """What is to be run on one benchmark."""

    benchmark: Benchmark
    rules: Rules
    configurations: tuple[Configuration, ...]
    reports: tuple[Reported, ...]


def plans_of(
    benchmarks: str | Benchmark | Iterable[str | Benchmark] | None,
    optimizers: str | Iterable[Named] | Mapping[str, Named] | None,
    protocol: Protocol | None,
    rules: Rules | None,
    how: Mapping[str, Any],
) -> list[Plan]:
    """What a call of `compare` wants to be run.

    Raises:
        UnknownNameError, SettingError, NotRecordedError: Something cannot be run as asked for.
    """
    if protocol is None:
        own = checked_rules(rules).changed(how)
        return _planned(
            [(one, own, ()) for one in _opened(BENCHMARKS if benchmarks is None else benchmarks)],
            _named(OPTIMIZERS if optimizers is None else optimizers),
        )
    if rules is not None or how:
        raise SettingError(f"the protocol {protocol.name} says the rules; leave out {', '.join(how) or 'rules'}")
    setups = _of_protocol(protocol, benchmarks)
    named = _published(protocol, optimizers)
    for benchmark, _, _ in setups:
        for _, _, label in named:
            if label in protocol.optimizers:
                protocol.check(label, benchmark)
    return _planned(setups, named)


def _opened(benchmarks: str | Benchmark | Iterable[str | Benchmark]) -> list[Benchmark]:
    if not isinstance(benchmarks, str | Benchmark | Iterable):
        raise SettingError(
            f"{benchmarks!r:.80} is no benchmark; a name, or what nbk.load opens, or a list of such expected"
        )
    given = [benchmarks] if isinstance(benchmarks, str | Benchmark) else list(benchmarks)
    opened: dict[str, Benchmark] = {}
    for one in given:
        if not isinstance(one, str | Benchmark):
            raise SettingError(f"{one!r:.80} is no benchmark; a name, or what nbk.load opens, expected")
        benchmark = load(one) if isinstance(one, str) else one
        same = opened.setdefault(benchmark.name, benchmark)
        if same.results.sha256 != benchmark.results.sha256:
            raise SettingError(f"two different benchmarks are called {benchmark.name!r}; give one of them another name")
        for what in ("objectives", "costs", "constraints"):
            if getattr(same, what) != getattr(benchmark, what):
                raise SettingError(
                    f"two benchmarks called {benchmark.name!r} differ in their {what}; compare them in two calls"
                )
    if not opened:
        raise SettingError("no benchmark; give one or more")
    return list(opened.values())


def _named(optimizers: str | Iterable[Named] | Mapping[str, Named]) -> list[tuple[str, Mapping[str, Any], str]]:
    """(name, settings, label) of each."""
    if isinstance(optimizers, Mapping):
        named = [_parts(one, label) for label, one in optimizers.items()]
    else:
        is_one = not isinstance(optimizers, Iterable) or isinstance(optimizers, str)
        is_one |= isinstance(optimizers, tuple) and any(isinstance(part, Mapping) for part in optimizers)
        several: Any = [optimizers] if is_one else optimizers
        named = [_parts(one) for one in several]
    if not named:
        raise SettingError("no optimizer; give one or more")
    return named


def _parts(one: Named, label: str | None = None) -> tuple[str, Mapping[str, Any], str]:
    try:
        name, settings, own = (*((one,) if isinstance(one, str) else one), None, None)[:3]
        if not isinstance(name, str):
            raise TypeError
        return name, dict(settings or {}), label or own or ""
    except (TypeError, ValueError):
        raise SettingError(
            f"{one!r:.80} is no optimizer; a name like 'random_search' or 'module:Class', or (name, settings), expected"
        ) from None


def _of_protocol(
    protocol: Protocol, benchmarks: str | Benchmark | Iterable[str | Benchmark] | None
) -> list[tuple[Benchmark, Rules, tuple[Reported, ...]]]:
    """The benchmarks that were given, or all of a protocol, with its rules and what else it reports."""
    if benchmarks is None:
        opened = protocol.load()
    else:
        given = [benchmarks] if isinstance(benchmarks, str | Benchmark) else list(benchmarks)
        opened = _opened([one if isinstance(one, Benchmark) else protocol.load([one])[0] for one in given])
    setups = [protocol.setup(one.name) for one in opened]
    return [(one, setup.rules, setup.all_reports()) for one, setup in zip(opened, setups, strict=True)]


def _published(
    protocol: Protocol, optimizers: str | Iterable[Named] | Mapping[str, Named] | None
) -> list[tuple[str, Mapping[str, Any], str]]:
    """(name, settings, label) of each that was given, or of all of a protocol; its own names mean its own settings."""
    known = protocol.optimizers
    if optimizers is None:
        return _named(known)
    return [
        (*known[name], label or name) if name in known and not settings else (name, settings, label)
        for name, settings, label in _named(optimizers)
    ]


def protocol_against(against: str | os.PathLike[str] | None, protocol: str | Protocol | None) -> str | Protocol | None:
    """What is run where nobody says what: the small suite, if an archive is there to be compared with."""
    return "suite_small" if against is not None and protocol is None else protocol


def _planned(
    benchmarks: Iterable[tuple[Benchmark, Rules, tuple[Reported, ...]]],
    optimizers: Sequence[tuple[str, Mapping[str, Any], str]],
) -> list[Plan]:
    """What is to be run, all of it checked."""
    plans = []
    for benchmark, rules, reports in benchmarks:
        own = with_budget(rules, benchmark)
        configurations: dict[str, Configuration] = {}
        for name, settings, label in optimizers:
            made = Configuration.of(benchmark, name, settings, rules=own, label=label)
            if made in configurations.values():
                raise SettingError(
                    f"the optimizer {made.legend!r} is given twice; give it once, or with other settings"
                )
            if configurations.setdefault(made.legend, made) is not made:
                raise SettingError(f"two optimizers are called {made.legend!r}; give each its own label")
        check_reported(benchmark, own)
        check_fronts(benchmark, own)
        plans.append(Plan(benchmark, own, tuple(configurations.values()), reports))
    return plans


def with_budget(rules: Rules, benchmark: Benchmark) -> Rules:
    """The rules, with a budget if they have none: what 500 evaluations take on average.

    Evaluations are counted where no seconds were recorded.
    """
    if rules.clock == SECONDS and rules.budget_s is None and not rules.applied_to(benchmark).costs:
        rules = replace(rules, clock=EVALUATIONS)
    if rules.budget_s or rules.n_evaluations or rules.n_epochs:
        return rules
    if rules.clock != SECONDS:
        last = rules.last_epoch(benchmark)
        if rules.clock == EPOCHS and last is not None:
            return replace(rules, n_epochs=AVERAGE_EVALUATIONS * last)
        return replace(rules, n_evaluations=AVERAGE_EVALUATIONS)
    # six digits: the last bits of a mean differ between processors, and the budget is part of what makes runs the same
    return replace(rules, budget_s=float(f"{AVERAGE_EVALUATIONS * _mean_cost_s(benchmark, rules):.6g}"))


def _mean_cost_s(benchmark: Benchmark, rules: Rules) -> float:
    archs = benchmark.results.representative_archs()
    costs = rules.applied_to(benchmark).query_many(archs, epoch=rules.epoch, missing="nan").cost_s
    costs = costs[~np.isnan(costs)]  # those that were recorded
    if not len(costs):
        raise SettingError(f"{benchmark.name} records no cost at epoch {rules.epoch}; choose another epoch")
    return float(costs.mean())

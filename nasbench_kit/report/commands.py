"""The commands that make the runs of a study again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from nasbench_kit.comparison.options import options_of
from nasbench_kit.optimizers import OPTIMIZERS, RECORDED
from nasbench_kit.simulator import Rules
from nasbench_kit.study.building import defaults_of

if TYPE_CHECKING:
    from nasbench_kit.benchmark import Benchmark
    from nasbench_kit.study import Configuration


def compare_commands(
    runs: Mapping[Configuration, Sequence[int]],
    benchmarks: Mapping[str, Benchmark],
    *,
    study: str = "compare.db",
    results: str | None = None,
) -> list[str]:
    """The fewest `nasbench-kit compare` that make these runs: one, if all benchmarks had the same rules and seeds.

    Args:
        runs: Configuration -> seeds of its runs.
        benchmarks: Identity of a configuration -> what it searches.
        study: Where the runs are to be kept.
        results: Where the table or surrogate lies, if it is not found by its name.
    """
    together: dict[tuple[str, ...], dict[str, list[str]]] = {}  # all else -> optimizer -> benchmarks
    for key, seeds in runs.items():
        how = options_of(key, benchmarks[key.identity])
        for first, n in _in_a_row(seeds):
            rest = (*how, "--runs", str(n), *(("--first-seed", str(first)) if first else ()))
            together.setdefault(rest, {}).setdefault(_optimizer(key), []).append(key.benchmark)
    commands = []
    source = () if results is None else ("--from", results)
    for rest, optimizers in together.items():
        same: dict[tuple[str, ...], list[str]] = {}
        for optimizer, names in optimizers.items():
            same.setdefault(tuple(names), []).append(optimizer)
        for searched, some in same.items():
            typed = [*_each("-b", searched), *_each("-o", some), *rest, *source, "--study", study]
            commands.append(shlex.join(["nasbench-kit", "compare", *typed]))
    return commands


def record_commands(recorded: Iterable[Configuration], *, study: str, results: str | None = None) -> list[str]:
    """The `nasbench-kit record` that add what was recorded elsewhere, from the files that it was recorded in.

    Args:
        recorded: What was.
        study: Where it is to be kept.
        results: As in `compare_commands`.
    """
    together: dict[tuple[str, ...], list[str]] = {}
    for key in recorded:
        how = (key.settings["source"], "-b", key.benchmark, "--returns", key.settings["returns"])
        budget = ("--budget-s", f"{key.rules.budget_s!r}") if key.rules == Rules(budget_s=key.rules.budget_s) else ()
        together.setdefault((*how, *budget), []).append(key.optimizer.removeprefix(RECORDED))
    source = () if results is None else ("--from", results)
    return [
        shlex.join(["nasbench-kit", "record", *how, *_each("--method", methods), *source, "--study", study])
        for how, methods in together.items()
    ]


def _each(option: str, values: Iterable[str]) -> list[str]:
    return [word for value in values for word in (option, value)]


def _optimizer(key: Configuration) -> str:
    """`NAME,SETTING=VALUE,...`, as it is typed: what is not default, and the label."""
    defaults = defaults_of(key.optimizer) if key.optimizer in OPTIMIZERS else key.defaults
    given = {name: value for name, value in key.settings.items() if name not in defaults or defaults[name] != value}
    if key.label:
        given["label"] = key.label
    return ",".join([key.optimizer, *(f"{name}={json.dumps(value)}" for name, value in given.items())])


def _in_a_row(seeds: Iterable[int]) -> list[tuple[int, int]]:
    """(first, how many) of each unbroken row of seeds."""
    rows: list[tuple[int, int]] = []
    for seed in sorted(seeds):
        if rows and seed == sum(rows[-1]):
            rows[-1] = (rows[-1][0], rows[-1][1] + 1)
        else:
            rows.append((seed, 1))
    return rows

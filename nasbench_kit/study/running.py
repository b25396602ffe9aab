"""From a configuration and a seed to the records of a run."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from nasbench_kit.benchmark import Benchmark, Results, open_results
from nasbench_kit.catalog import find
from nasbench_kit.errors import DataError, NasbenchKitError, StudyError
from nasbench_kit.jobs import one_thread
from nasbench_kit.optimizers import optimizer_class
from nasbench_kit.places import data_folder
from nasbench_kit.simulator import Records, n_in_lockstep, simulate, simulate_in_lockstep
from nasbench_kit.study.building import build
from nasbench_kit.study.columns import Column, pack
from nasbench_kit.study.configuration import Configuration
from nasbench_kit.study.text import in_one_line, reason_of

RECEIVED: dict[str, str] = {}
"""Hash -> file or folder of what this process was sent; see `nasbench_kit.study.sending`."""


class Made(NamedTuple):
    """What became of one run, ready to be stored."""

    n_evaluations: int
    columns: tuple[Column, ...]
    failure: str | None = None  #: why there are no records

    @property
    def n_bytes(self) -> int:
        """What it takes in memory, about."""
        return sum(len(column.data) for column in self.columns)


def open_same(configuration: Configuration) -> Results:
    """The table or surrogate that a configuration was made for: where it was, or whatever there is of its hash.

    Raises:
        StudyError: It is neither here nor there.
    """
    path, sha256 = configuration.path, configuration.results_sha256
    if path and os.path.exists(path):
        results = open_results(path)
        if results.sha256 == sha256:
            return results
    found = find(sha256) or RECEIVED.get(sha256)
    if found is not None:
        return open_results(found)
    if path and os.path.exists(path):
        raise StudyError(f"{results.kind} {path!r} has changed since this study was set up; put the earlier one back")
    name = configuration.benchmark.partition("/")[0]
    raise StudyError(
        f"the table or surrogate {name!r} that these runs were made on, with the sha256 {sha256[:12]}..., is not here;"
        f" put it into {data_folder()!r}, or name its file by results=PATH"
    )


@cache
def _results_of(path: str, sha256: str, name: str) -> Results:
    return open_same(Configuration(name, sha256, "", path=path))


@cache
def _benchmark(
    path: str, name: str, sha256: str, objectives: tuple[str, ...] | None, constraints: tuple[str, ...]
) -> Benchmark:
    results = _results_of(path, sha256, name)
    return Benchmark(results, name.partition("/")[2], objectives=objectives, constraints=constraints)


def benchmark_of(configuration: Configuration) -> Benchmark:
    """The benchmark that a configuration was made for, opened once.

    Raises:
        StudyError: Its table or surrogate is not here.
    """
    what = configuration
    return _benchmark(what.path, what.benchmark, what.results_sha256, what.objectives, what.constraints)


def execute(configuration: Configuration, run_seed: int) -> Records:
    """One run. It depends on nothing but the configuration and the seed.

    Raises:
        StudyError: The table or surrogate is not here; or whatever the optimizer raises.
    """
    benchmark = benchmark_of(configuration)
    search, draw = configuration.streams(run_seed)
    rules = configuration.rules
    optimizer = build(configuration.optimizer, configuration.settings, benchmark, rules, search)
    return simulate(benchmark, optimizer, rng=draw, rules=rules)


def n_together(configuration: Configuration) -> int:
    """How many runs of a configuration are made at a time: several, where that takes less time than one by one."""
    with contextlib.suppress(Exception):  # whatever somebody's class raises: its runs will say
        if "in_lockstep" not in vars(optimizer_class(configuration.optimizer)):
            return 1  # without building what may take long
        benchmark, rules = benchmark_of(configuration), configuration.rules
        optimizer = build(configuration.optimizer, configuration.settings, benchmark, rules, np.random.default_rng(0))
        return n_in_lockstep(benchmark, optimizer, rules)
    return 1


@one_thread()
def make_many(configuration: Configuration, run_seeds: Sequence[int]) -> list[Made]:
    """Some runs, for the study file, in lock-step where they can be.

    Raises:
        StudyError, DataError: The table or surrogate is not here: not a run's fault.
    """
    records = None
    if len(run_seeds) > 1:
        with contextlib.suppress(Exception):  # one by one, each says what is wrong
            benchmark, rules = benchmark_of(configuration), configuration.rules
            anyone = build(configuration.optimizer, configuration.settings, benchmark, rules, np.random.default_rng(0))
            streams = [configuration.streams(run_seed) for run_seed in run_seeds]
            records = simulate_in_lockstep(benchmark, anyone, streams, rules)
    if records is None:
        return [make(configuration, run_seed) for run_seed in run_seeds]
    return [Made(len(each.value), pack(each)) for each in records]


def make(configuration: Configuration, run_seed: int) -> Made:
    """One run, for the study file: its records, or why there are none.

    Raises:
        StudyError, DataError: The table or surrogate is not here: not this run's fault.
    """
    benchmark_of(configuration)
    try:
        records = execute(configuration, run_seed)
    except (DataError, StudyError):
        raise
    except (Exception, SystemExit) as error:  # whatever somebody's class raises
        return Made(0, (), in_one_line(error) if isinstance(error, NasbenchKitError) else reason_of(error))
    return Made(len(records.value), pack(records))

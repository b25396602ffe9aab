"""Search a model's settings: train on all folds but one, judge by that one. What is held out is never seen."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench_kit.optional import require
from nasbench_kit.predictors import Data, model_class

if TYPE_CHECKING:
    from nasbench_kit.spaces import Space


def tune_settings(
    space: Space,
    model: str,
    settings: Mapping[str, Any],
    train: Data,
    valid: Data,
    *,
    n_trials: int,
    seed: int,
    journal: Path,
    progress: Callable[[float], None],
) -> dict[str, Any]:
    """The best of so many settings within the model's `ranges`; the given ones are the first that are tried.

    Judged by the mean squared error over all channels of `valid`, which are of about unit variance; by `valid` a trial
    stops early too. Trials are proposed by Optuna's TPE sampler (Bergstra et al. 2011). Each is kept in `journal`, and
    an interrupted search goes on there, to the same end.

    Args:
        space: What the model reads.
        model: Its name.
        settings: Where to start; those without a range stay.
        train: To learn from.
        valid: To stop and to judge by.
        n_trials: How many, the given settings included.
        seed: Of the sampler and the models.
        journal: A file with a line per trial.
        progress: Told how many trials are done; parts count.

    Raises:
        SettingError: Optuna is not installed.
    """
    optuna = require("optuna", extra="fit")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    kind = model_class(model)
    ranges = {name: _distribution(optuna, limits) for name, limits in sorted(kind.ranges.items())}
    trials = _read(journal)[:n_trials]
    for number in range(len(trials), n_trials):
        chosen = _propose(optuna, ranges, trials, seed_of(seed, number)) if number else {}
        made = kind(space, {**settings, **chosen})
        made.fit(train, valid, seed=seed_of(seed, 0), progress=lambda done, of, n=number: progress(n + done / of))
        missed = made.predict(valid.archs) - valid.outputs
        trial = {"settings": chosen, "error": float(np.nanmean(missed**2))}
        with open(journal, "a", encoding="utf-8") as file:
            file.write(json.dumps(trial) + "\n")
        trials.append(trial)
        progress(number + 1)
    best: dict[str, Any] = min(trials, key=lambda trial: trial["error"])["settings"]
    return {**settings, **best}


def _read(journal: Path) -> list[dict[str, Any]]:
    """The trials that were finished; a line that was cut off is removed."""
    try:
        lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    except FileNotFoundError:
        return []
    whole = [line for line in lines if line.endswith("\n")]
    if whole != lines:
        journal.write_text("".join(whole), encoding="utf-8")
    return [json.loads(line) for line in whole]


def _propose(optuna: Any, ranges: Mapping[str, Any], trials: list[dict[str, Any]], seed: int) -> dict[str, Any]:
    """What the sampler asks for after these trials: a study made anew, so that it does not matter when it began."""
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    for trial in trials:
        if trial["settings"]:  # the given ones may lie outside of the ranges
            study.add_trial(
                optuna.create_trial(params=trial["settings"], distributions=dict(ranges), value=trial["error"])
            )
    proposed: dict[str, Any] = study.ask(dict(ranges)).params
    return proposed


def _distribution(optuna: Any, limits: Any) -> Any:
    if isinstance(limits, list):
        return optuna.distributions.CategoricalDistribution(limits)
    low, high, *scale = limits
    if isinstance(low, int) and isinstance(high, int):
        return optuna.distributions.IntDistribution(low, high, log=scale == ["log"])
    return optuna.distributions.FloatDistribution(float(low), float(high), log=scale == ["log"])


def seed_of(seed: int, number: int) -> int:
    """The seed of one of several models, such that all differ."""
    return int(np.random.SeedSequence((seed, number)).generate_state(1)[0] >> 1)

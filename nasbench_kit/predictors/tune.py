"""Search a model's settings: train on all folds but one, compare by that one. What is held out is never seen."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench_kit.jobs import Workshop
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
    shop: Workshop,
    progress: Callable[[float], None],
) -> dict[str, Any]:
    """Find the best of `n_trials` settings within the model's `ranges`; the given ones are the first that are tried.

    Compared by the mean squared error over all outputs of `valid`, which are of about unit variance; by `valid` a trial
    stops early too. Trials are proposed by Optuna's TPE sampler (Bergstra et al. 2011). Each is kept, and an
    interrupted search goes on, to the same end. `progress` is told how many trials are done; parts count.
    """
    optuna = require("optuna", extra="fit")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    kind = model_class(model)
    ranges = {name: _distribution(optuna, limits) for name, limits in sorted(kind.ranges.items())}
    trials: list[dict[str, Any]] = []
    for number in range(n_trials):
        kept = shop.kept(f"trials/{number}")
        if kept is None:
            chosen = _propose(optuna, ranges, trials, seed_of(seed, number)) if number else {}
            made = kind(space, {**settings, **chosen})
            made.fit(train, valid, seed=seed_of(seed, 0), progress=lambda done, of, n=number: progress(n + done / of))  # type: ignore[misc]
            missed = made.predict(valid.archs) - valid.outputs
            kept = json.dumps({"settings": chosen, "error": float(np.nanmean(missed**2))}).encode()
            shop.keep(f"trials/{number}", kept)
        trials.append(json.loads(kept))
        progress(number + 1)
    best: dict[str, Any] = min(trials, key=lambda trial: trial["error"])["settings"]
    return {**settings, **best}


def _propose(optuna: Any, ranges: Mapping[str, Any], trials: list[dict[str, Any]], seed: int) -> dict[str, Any]:
    """Ask the sampler what to try after these trials: a study made anew, so it does not matter when it began."""
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
    """Return the seed of one of several models, such that all differ."""
    return int(np.random.SeedSequence((seed, number)).generate_state(1)[0] >> 1)

"""Fit a surrogate to a table: an ensemble, whose members each stop by a fold of their own, and the noise of runs."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import DataError, SettingError, listed
from nasbench_kit.jobs import Workshop, n_processors, sync
from nasbench_kit.predictors import model_class
from nasbench_kit.predictors.tune import seed_of, tune_settings
from nasbench_kit.surrogates.card import CARD, Card, make_card, read_card, sha256_of, write_card
from nasbench_kit.surrogates.fitting.begun import Percent, Progress, begin, refuse_other, versions, writing_to
from nasbench_kit.surrogates.fitting.best import find_best
from nasbench_kit.surrogates.fitting.members import OUT_OF_FOLD, SECONDS, Member, fit_members, out_of_fold
from nasbench_kit.surrogates.fitting.noise import fit_noise
from nasbench_kit.surrogates.fitting.settings import FitSettings
from nasbench_kit.surrogates.fitting.split import Split, check_split, restricted, split_table
from nasbench_kit.surrogates.fitting.training_data import (
    Recorded,
    TrainingData,
    check_finite,
    curve,
    metrics_of,
    read_runs,
    training_data,
)
from nasbench_kit.surrogates.members import load
from nasbench_kit.surrogates.surrogate import Ensemble, Surrogate
from nasbench_kit.surrogates.targets import Target
from nasbench_kit.tables import Table

WORK = ".fit"  # in the folder of a surrogate that is being fitted: what is finished
_PARTS = ("members", "noise")  # the folders of a surrogate's files
_LISTED = 32_768  # spaces of so many architectures are looked at whole for the best one; of larger ones
_ASKED = 8_192  # so many: an ensemble takes a millisecond for each
_STARTS = 32  # of that search: the best that were recorded
_TARGETS = "targets.json"
_ASKED_FOR_SPEED = 20


def fit_surrogate(
    table: Table,
    out: str | os.PathLike[str],
    *,
    how: FitSettings | None = None,
    train_only: NDArray[np.bool_] | None = None,
    n_processes: int | None = None,
    progress: Progress = lambda done, of: None,
    about: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Surrogate:
    """Fit a surrogate.

    Each member learns from all folds but one, by which it stops; so every architecture that was learned from has a
    prediction by a member that had not seen it, and what is left unexplained there is the noise. One model predicts
    all metrics of all datasets. What is finished is kept: after a crash, or Ctrl-C, the same call goes on, and ends in
    the same files.

    Args:
        table: What to learn from.
        out: The folder to make.
        how: The settings; those of `FitSettings` may be given one by one instead.
        train_only: Which architectures may be learned from at all, in the order of the table's rows: for leaving out
            others than those that are held out, to see how well they are predicted.
        n_processes: Members fitted at a time; the number of usable processors by default. 1 is this process. The
            result is the same.
        progress: Told how many percent are done.
        about: What the card says beside what the table says: `title`, `licence`, `notes`...
        settings: Fields of `FitSettings`.

    Raises:
        UnknownNameError, NotRecordedError, SettingError: An argument does not fit the table or the model; or `out`
            holds something else.
        SurrogateError: The table holds what cannot be learned from.
    """
    if n_processes is not None and n_processes < 1:
        raise SettingError(f"n_processes={n_processes}; at least 1 expected")
    plan = _plan(table, Path(out), how or FitSettings(**settings), train_only)
    n_trials, n_members = plan.settings.tune, plan.settings.n_members
    tell = Percent(progress, n_trials + n_members)
    with writing_to(plan.out):
        if _is_finished(plan):
            return Surrogate(out)
        begin(plan.out, plan.shop, "fit", plan.job)
        tuned = _tuned(plan, tell)
        members = [plan.member(k, tuned) for k in range(n_members)]
        fit_members(members, n_processes or n_processors(), lambda done: tell(n_trials + done))
        noise = _fit_noise(plan, members)
        write_card(out, _settle(plan, members, tuned, noise, about or {}))
    plan.shop.remove()
    return Surrogate(out)


# ---- the plan ----


class _Plan(NamedTuple):
    """All that is decided before anything is fitted."""

    table: Table
    out: Path
    settings: FitSettings  #: with name and datasets
    split: Split
    rows: NDArray[np.intp]  #: of the table, to learn from or to stop by
    archs: NDArray[np.uint8]  #: of these rows
    recorded: list[Recorded]  #: of these rows
    data: TrainingData
    n_test: int
    job: dict[str, dict[str, Any]]
    shop: Workshop

    def member(self, k: int, tuned: dict[str, Any]) -> Member:
        """Say what one of the members is to learn."""
        return Member(
            k, self.table.space, self.settings.model, tuned, self.archs, self.data.outputs,
            self.split.validates(k)[self.rows], seed_of(self.settings.seed, k), self.shop,
        )  # fmt: skip


def _plan(table: Table, out: Path, settings: FitSettings, train_only: NDArray[np.bool_] | None) -> _Plan:
    model_class(settings.model)(table.space, settings.of_model())  # raises for settings that it does not have
    every = read_runs(table, settings.datasets, settings.metrics, settings.epochs)
    if not every:
        raise SettingError(f"no dataset of {table.name} to learn from; choose from {listed(table.datasets)}")
    settings = replace(
        settings,
        name=settings.name or out.absolute().name,
        datasets=list(dict.fromkeys(each.dataset for each in every)),
        epochs=None if settings.epochs is None else sorted(set(settings.epochs)),
    )
    split = split_table(
        table,
        split=settings.split,
        test_share=settings.test_share,
        train_share=settings.train_share,
        n_members=settings.n_members,
    )
    arguments = settings.to_json()
    if train_only is not None:
        split = restricted(split, train_only)
        arguments["train_only"] = split.rule["train_only"]
    rows = np.flatnonzero(split.train & np.logical_or.reduce([each.known() for each in every]))
    check_split(split, rows, settings.n_members)
    archs = table.archs()[rows]
    recorded = [each.of(rows) for each in every]
    check_finite(table, archs, recorded)
    job = {
        "table": {"name": table.name, "sha256": table.sha256},
        "arguments": arguments,
        "versions": versions(settings.needs()),  # raises for what is not installed
    }
    data, n_test = training_data(recorded, mask=settings.noise), int((split.test & every[0].known()).sum())
    return _Plan(table, out, settings, split, rows, archs, recorded, data, n_test, job, Workshop(out / WORK, job))


def _is_finished(plan: _Plan) -> bool:
    """Say whether the folder holds what is to be made already; one that holds something else is refused."""
    out, begun = plan.out, plan.shop.folder.is_dir()
    if not (out / CARD).exists():
        if not begun and out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise SettingError(f"{str(out)!r} exists already and is no surrogate; give a new folder")
        return False
    try:
        known = read_card(out).fitted
    except DataError:
        if not begun:
            raise
        return False
    refuse_other(out, "a surrogate of another fit", known, plan.job)
    try:
        Surrogate(out).verify()
    except DataError:  # a loss of power may have taken a file: it is made again
        return False
    plan.shop.remove()
    return True


# ---- steps ----


def _tuned(plan: _Plan, progress: Callable[[float], None]) -> dict[str, Any]:
    settings = plan.settings
    if not settings.tune:
        return settings.of_model()
    return tune_settings(
        plan.table.space, settings.model, settings.of_model(), *plan.member(0, {}).data(),
        n_trials=settings.tune, seed=settings.seed, shop=plan.shop, progress=progress,
    )  # fmt: skip


def _fit_noise(plan: _Plan, members: Sequence[Member]) -> dict[str, list[Target]]:
    """Map the folder of each metric that depends on how training goes to the targets of its noise."""
    found = {}
    learned = zip(plan.recorded, plan.data.targets, plan.data.slices(), strict=True)
    for i, (runs, target, which) in enumerate(learned):
        step = f"noise/{i}"
        if not plan.settings.noise or runs.metric.split is None:
            continue
        if plan.shop.made(step) is None:
            z = curve(target, out_of_fold(members)[:, which])
            with plan.shop.making(step) as folder:
                made = fit_noise(
                    plan.table.space, plan.archs, target, runs.values, z, folder,
                    seed=seed_of(plan.settings.seed, i), failed=runs.failed,
                )  # fmt: skip
                (folder / _TARGETS).write_text(json.dumps([each.to_json() for each in made]))
        entries = json.loads((plan.shop.folder / step / _TARGETS).read_text())
        found[step] = [Target.from_json(entry, len(entry["offset"])) for entry in entries]
    return found


def _settle(
    plan: _Plan,
    members: Sequence[Member],
    tuned: Mapping[str, Any],
    noise: Mapping[str, list[Target]],
    about: Mapping[str, Any],
) -> Card:
    """Put the files to keep in their place, and say what they are; what was needed on the way stays behind."""
    _place(plan, [*(member.step for member in members), *noise])
    table, settings, metrics = plan.table, plan.settings, metrics_of(plan.recorded)
    seconds = sum(float((member.folder / SECONDS).read_text()) for member in members)
    card = make_card(
        name=str(settings.name),
        space=table.space,
        predictor={
            "kind": "members",
            "model": settings.model,
            "members": [member.step for member in members],
            "noise": list(noise),
        },
        n_members=settings.n_members,
        objectives={dataset: table.objectives[dataset] for dataset in metrics},
        metrics=metrics,
        targets=(*plan.data.targets, *(target for these in noise.values() for target in these)),
        files=_hashes(plan.out),
        epochs_are={dataset: table.epochs_are(dataset) for dataset in metrics},
        about={**_about(table, settings), **about},
        fitted={
            "command": settings.command(_named(table), plan.out.absolute().name),
            **plan.job,
            "settings": dict(tuned),
            "split": dict(plan.split.rule),
            "n_train": len(plan.rows),
            "n_test": plan.n_test,
            "seconds": round(seconds, 1),
        },
    )
    predictor = load(str(plan.out), card)
    starts = {
        each.dataset: plan.archs[each.best_first()[:_STARTS]]
        for each in plan.recorded
        if each.metric.name == table.objectives[each.dataset]
    }
    speed = {"seconds_per_query": _seconds_per_query(predictor, plan.archs)}
    best = find_best(card, predictor, starts, n_listed=_LISTED, n_asked=_ASKED, seed=settings.seed)
    return card._replace(best=best, fitted=card.fitted | speed)


def _place(plan: _Plan, folders: Sequence[str]) -> None:
    for part in _PARTS:
        shutil.rmtree(plan.out / part, ignore_errors=True)  # of an attempt that was interrupted here
    skip = shutil.ignore_patterns(OUT_OF_FOLD, SECONDS, _TARGETS)
    for folder in folders:
        shutil.copytree(plan.shop.folder / folder, plan.out / folder, ignore=skip)


def _hashes(out: Path) -> dict[str, str]:
    """Hash each file; all are on the disk before the card that names them is."""
    for part in _PARTS:
        sync(out / part)
    files = sorted(path for part in _PARTS for path in (out / part).rglob("*") if path.is_file())
    return {path.relative_to(out).as_posix(): sha256_of(path) for path in files}


def _seconds_per_query(predictor: Ensemble, archs: NDArray[np.uint8]) -> float:
    asked = list(map(tuple, archs[:_ASKED_FOR_SPEED].tolist()))
    started = time.perf_counter()
    for arch in asked:
        predictor.outputs_of(arch)
    return float(f"{(time.perf_counter() - started) / len(asked):.2g}")


def _named(table: Table) -> str:
    """Say what to call a table on a command line: its name where its file has that too, so that `load` may find it."""
    file = os.path.basename(table.path)
    return table.name if os.path.splitext(file)[0] == table.name else file


def _about(table: Table, settings: FitSettings) -> dict[str, Any]:
    said: dict[str, Any] = {
        key: table.about[key] for key in ("licence", "citation", "sources", "notes") if key in table.about
    }
    predicted = f"predicted by {settings.n_members} members ({settings.model})"
    return {"title": f"{table.about.get('title', table.name)}; {predicted}", "licence": "not stated", **said}

"""Fit a surrogate to a table: an ensemble, whose members each stop by a fold of their own, and the noise of runs."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shlex
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import DataError, SettingError, SurrogateError, listed, unknown
from nasbench_kit.jobs import Workshop, difference, n_processors, sync
from nasbench_kit.optional import require
from nasbench_kit.predictors import model_class
from nasbench_kit.spaces import describe_space
from nasbench_kit.surrogates.card import CARD, Card, make_card, read_card, sha256_of, write_card
from nasbench_kit.surrogates.fitting.best import find_best
from nasbench_kit.surrogates.fitting.members import OUT_OF_FOLD, SECONDS, Member, fit_members, known_of, out_of_fold
from nasbench_kit.surrogates.fitting.noise import fit_noise
from nasbench_kit.surrogates.fitting.split import HASH, Split, split_table
from nasbench_kit.surrogates.fitting.training_data import (
    Recorded,
    TrainingData,
    curve,
    metrics_of,
    read_runs,
    training_data,
)
from nasbench_kit.surrogates.fitting.tune import seed_of, tune_settings
from nasbench_kit.surrogates.members import load
from nasbench_kit.surrogates.surrogate import Surrogate
from nasbench_kit.surrogates.targets import Target
from nasbench_kit.tables import Table
from nasbench_kit.version import __version__

Progress = Callable[[int, int], None]

WORK = ".fit"  # in the folder of a surrogate that is being fitted: what is finished
_LISTED = 32_768  # spaces of so many architectures are looked at whole for the best one; of larger ones
_ASKED = 8_192  # so many: an ensemble takes a millisecond for each
_STARTS = 32  # of that search: the best that were recorded
_PERCENT = 100
_TARGETS = "targets.json"
_ASKED_FOR_SPEED = 20


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """How a surrogate is fitted; stands on its card.

    Args:
        name: The name that its benchmarks carry; the folder's by default.
        datasets: Which of the table's; all by default.
        metrics: Which to predict beside the objectives; `cost_s`, where there is one, by default.
        epochs: Which of the recorded epochs; all by default.
        model: One of `nasbench_kit.predictors.MODELS`.
        preset: One of the model's sets of settings.
        settings: Other values for some of them.
        tune: Try so many settings first, on one fold, and take the best.
        n_members: How many members; they are the seeds of its benchmarks.
        split: "hash", or the name of the lists of runs that came with the data: see `split_table`.
        test_share: Held out for judging: never read.
        train_share: Share of the rest that is used.
        noise: Whether to model how training runs differ too: their spread, and the probability that one collapses.
        seed: Of everything random.

    Raises:
        UnknownNameError, SettingError: One is not what it can be.
    """

    name: str | None = None
    datasets: Sequence[str] | None = None
    metrics: Sequence[str] | None = None
    epochs: Sequence[int] | None = None
    model: str = "lightgbm"
    preset: str = "default"
    settings: Mapping[str, Any] = field(default_factory=dict)
    tune: int = 0
    n_members: int = 10
    split: str = HASH
    test_share: float = 0.2
    train_share: float = 1.0
    noise: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n_members < 1 or self.seed < 0 or self.tune < 0:
            raise SettingError(
                f"n_members={self.n_members}, seed={self.seed}, tune={self.tune}; at least 1, 0, 0 expected"
            )
        if self.name is not None and (not self.name or "/" in self.name):
            raise SettingError(f"{self.name!r} cannot be a name; a text without a slash expected")
        presets = model_class(self.model).presets
        if self.preset not in presets:
            raise unknown(f"preset of {self.model}", self.preset, presets)

    def of_model(self) -> dict[str, Any]:
        """The settings of the model: those of the preset, and the other values."""
        return {**model_class(self.model).presets[self.preset], **self.settings}

    def needs(self) -> dict[str, str]:
        """The packages that it takes -> the extra that installs each."""
        noise = [("lightgbm", "fit")] * self.noise
        return dict([*model_class(self.model).needs, *noise, *[("optuna", "fit")] * (self.tune > 0)])

    def to_json(self) -> dict[str, Any]:
        """The entries of a card."""
        entries: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return entries

    @classmethod
    def from_json(cls, entries: Mapping[str, Any]) -> Self:
        """The settings that a card keeps, `card.fitted["arguments"]`.

        Raises:
            UnknownNameError, SettingError: They are none.
        """
        return cls(**{name: value for name, value in entries.items() if name in cls.__dataclass_fields__})

    def command(self, table: str, out: str) -> str:
        """What to type to fit the same to a table of that name."""
        words = ["nasbench-kit", "surrogate", "fit", "--table", table, "--model", self.model]
        words += ["--members", str(self.n_members), "--out", out]
        for option, values in (("dataset", self.datasets), ("metric", self.metrics)):
            words += [word for value in values or () for word in (f"--{option}", value)]
        if self.epochs is not None:
            words += ["--epochs", ",".join(map(str, self.epochs))]
        words += [word for item in self.settings.items() for word in ("--set", "=".join(map(str, item)))]
        for name in ("preset", "tune", "split", "test_share", "train_share", "seed"):
            if getattr(self, name) != getattr(FitSettings, name):
                words += [f"--{name.replace('_', '-')}", str(getattr(self, name))]
        if self.name not in (None, out):
            words += ["--name", str(self.name)]
        return shlex.join(words + ["--no-noise"] * (not self.noise))


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
    out = Path(out)
    if n_processes is not None and n_processes < 1:
        raise SettingError(f"n_processes={n_processes}; at least 1 expected")
    plan = _plan(table, out, how or FitSettings(**settings), train_only)
    shop = Workshop(out / WORK, plan.job)
    try:
        if _begin(out, shop, plan.job):
            return Surrogate(out)
        tell = _Percent(progress, plan.settings.tune + plan.settings.n_members)
        tuned = _tuned(plan, shop, tell)
        members = [plan.member(k, tuned, shop) for k in range(plan.settings.n_members)]
        fit_members(members, n_processes or n_processors(), lambda done: tell(plan.settings.tune + done))
        noise = _fit_noise(plan, members, shop) if plan.settings.noise else {}
        card = _settle(out, plan, members, tuned, noise, about or {})
        write_card(out, card)
    except OSError as error:
        raise SettingError(f"cannot write to {str(out)!r}: {error.strerror or error}") from None
    shop.remove()
    return Surrogate(out)


# ---- the plan ----


class _Plan(NamedTuple):
    """All that is decided before anything is fitted."""

    table: Table
    settings: FitSettings  #: with name and datasets
    split: Split
    rows: NDArray[np.intp]  #: of the table, to learn from or to stop by
    archs: NDArray[np.uint8]  #: of these rows
    recorded: list[Recorded]  #: of these rows
    data: TrainingData
    n_test: int
    job: dict[str, dict[str, Any]]

    def member(self, k: int, tuned: dict[str, Any], shop: Workshop) -> Member:
        """One of the members."""
        space, seed = describe_space(self.table.space), seed_of(self.settings.seed, k)
        validates = self.split.validates(k)[self.rows]
        return Member(k, space, self.settings.model, tuned, self.archs, self.data.outputs, validates, seed, shop)


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
        split = _restricted(split, train_only)
        arguments["train_only"] = split.rule["train_only"]
    rows = np.flatnonzero(split.train & np.logical_or.reduce([each.known() for each in every]))
    _check_split(split, rows, settings.n_members)
    archs = table.archs()[rows]
    recorded = [each.of(rows) for each in every]
    _check_finite(table, archs, recorded)
    job = {
        "table": {"name": table.name, "sha256": table.sha256},
        "arguments": arguments,
        "versions": _versions(settings.needs()),  # raises for what is not installed
    }
    data = training_data(recorded, mask=settings.noise)
    return _Plan(table, settings, split, rows, archs, recorded, data, int((split.test & every[0].known()).sum()), job)


def _restricted(split: Split, train_only: NDArray[np.bool_]) -> Split:
    if train_only.dtype != bool or train_only.shape != split.train.shape:
        raise SettingError(
            f"train_only: {train_only.dtype} of shape {train_only.shape}; bool of shape {split.train.shape} expected"
        )
    rule = split.rule | {"train_only": hashlib.sha256(np.packbits(train_only).tobytes()).hexdigest()}
    rule["rule"] += f"; learned from were only {int(train_only.sum()):,} chosen architectures, by a list"
    return split._replace(train=split.train & train_only, rule=rule)


def _check_split(split: Split, rows: NDArray[np.intp], n_members: int) -> None:
    for k in range(n_members):
        n_valid, n_train = (int(part[rows].sum()) for part in (split.validates(k), split.learns(k)))
        if n_valid < 1 or n_train < 2:
            raise SettingError(
                f"member {k} would learn from {n_train} architectures and stop by {n_valid}: too few of"
                f" {len(rows):,}; take fewer members, or hold out less"
            )


def _check_finite(table: Table, archs: NDArray[np.uint8], recorded: Sequence[Recorded]) -> None:
    """Refuse what is no number, which no model can learn: it would spoil the others in silence."""
    for runs in recorded:
        found = np.argwhere(np.isinf(runs.values))
        if len(found):
            seed, row, epoch = found[0].tolist()
            at = [f"seed {runs.metric.seeds[seed]}"] * bool(runs.metric.seeds)
            at += [f"epoch {runs.metric.epochs[epoch]}"] * bool(runs.metric.epochs)
            n = len(np.unique(found[:, 1]))
            raise SurrogateError(
                f"{runs.dataset}: {runs.metric.name} of {table.space.format(archs[row].tolist())!r:.200}"
                f"{', ' + ', '.join(at) if at else ''} is {runs.values[seed, row, epoch]}"
                f" ({n:,} of {len(archs):,} architectures have such runs); a run that failed has no value: let the"
                " table say which runs failed, or leave that one out"
            )


def _versions(packages: Mapping[str, str]) -> dict[str, str]:
    found = {"python": platform.python_version(), "numpy": np.__version__, "nasbench_kit": __version__}
    return found | {package: str(require(package, extra).__version__) for package, extra in packages.items()}


# ---- what was begun, and by which arguments ----

_OURS = {WORK, CARD, "members", "noise"}


def _begin(out: Path, shop: Workshop, job: Mapping[str, Any]) -> bool:
    """Make the folder, or go on with one; returns whether there is nothing left to do."""
    if (out / CARD).exists():
        try:
            known = read_card(out).fitted
        except DataError:
            if not shop.folder.is_dir():
                raise
        else:
            _refuse_other(out, "a surrogate", known, job)
            try:
                Surrogate(out).verify()
            except DataError:  # a loss of power may have taken a file: it is made again
                pass
            else:
                shop.remove()
                return True
    elif shop.folder.is_dir():
        _refuse_other(out, "the beginning", Workshop.job_of(shop.folder) or job, job)
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SettingError(f"{str(out)!r} exists already and is no surrogate; give a new folder")
    try:
        shop.begin()
    except OSError as error:
        raise SettingError(f"cannot make the folder {str(out)!r}: {error.strerror or error}") from None
    return False


def _refuse_other(out: Path, what: str, known: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    wanted = json.loads(json.dumps(wanted))
    found = difference(_in_words(known), _in_words(wanted))
    if found:
        name, there, here = found
        raise SettingError(
            f"{str(out)!r} holds {what} of another fit: {name} is {there!r} there, {here!r} now; give another folder,"
            " or remove that one"
        )


def _in_words(job: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of a job under the names that a message gives them."""
    whose = {"table": "the table's ", "arguments": "", "versions": "the version of "}
    parts = {part: job.get(part) for part in whose}
    return {
        f"{whose[part]}{name}": value
        for part, entries in parts.items()
        for name, value in (entries.items() if isinstance(entries, Mapping) else ())
    }


# ---- steps ----


def _tuned(plan: _Plan, shop: Workshop, progress: Callable[[float], None]) -> dict[str, Any]:
    settings = plan.settings
    if not settings.tune:
        return settings.of_model()
    learns, stops = (
        known_of(plan.archs[part[plan.rows]], plan.data.outputs[part[plan.rows]])
        for part in (plan.split.learns(0), plan.split.validates(0))
    )
    return tune_settings(
        plan.table.space, settings.model, settings.of_model(), learns, stops,
        n_trials=settings.tune, seed=settings.seed, shop=shop, progress=progress,
    )  # fmt: skip


def _fit_noise(plan: _Plan, members: Sequence[Member], shop: Workshop) -> dict[str, list[Target]]:
    """Number of its folder -> the targets, for each metric that depends on how training goes."""
    if shop.made("noise") is None:
        predicted = out_of_fold(members)
        with shop.making("noise") as folder:
            made = {}
            for i, (runs, target, which) in enumerate(
                zip(plan.recorded, plan.data.targets, plan.data.slices(), strict=True)
            ):
                if runs.metric.split is not None:
                    (folder / str(i)).mkdir()
                    z, seed = curve(target, predicted[:, which]), seed_of(plan.settings.seed, i)
                    found = fit_noise(
                        plan.table.space, plan.archs, target, runs.values, z, folder / str(i),
                        seed=seed, failed=runs.failed,
                    )  # fmt: skip
                    made[str(i)] = [each.to_json() for each in found]
            (folder / _TARGETS).write_text(json.dumps(made))
    read = json.loads((shop.folder / "noise" / _TARGETS).read_text())
    return {
        number: [Target.from_json(entry, len(entry["offset"])) for entry in entries] for number, entries in read.items()
    }


def _settle(
    out: Path,
    plan: _Plan,
    members: Sequence[Member],
    tuned: Mapping[str, Any],
    noise: Mapping[str, list[Target]],
    about: Mapping[str, Any],
) -> Card:
    """Put the files to keep in their place, and say what they are; what was needed on the way stays behind."""
    for part in ("members", "noise"):
        shutil.rmtree(out / part, ignore_errors=True)  # of an attempt that was interrupted here
    skip = shutil.ignore_patterns(OUT_OF_FOLD, SECONDS, _TARGETS)
    for member in members:
        shutil.copytree(member.folder, out / member.step, ignore=skip)
    if noise:
        shutil.copytree(out / WORK / "noise", out / "noise", ignore=skip)
    files = _hashes(out)
    settings = plan.settings
    seconds = sum(float((member.folder / SECONDS).read_text()) for member in members)
    card = make_card(
        name=str(settings.name),
        space=plan.table.space,
        predictor={
            "kind": "members",
            "model": settings.model,
            "members": [member.step for member in members],
            "noise": [f"noise/{number}" for number in noise],
        },
        n_members=settings.n_members,
        objectives={dataset: plan.table.objectives[dataset] for dataset in metrics_of(plan.recorded)},
        metrics=metrics_of(plan.recorded),
        targets=(*plan.data.targets, *(target for these in noise.values() for target in these)),
        files=files,
        epochs_are={dataset: plan.table.epochs_are(dataset) for dataset in metrics_of(plan.recorded)},
        about={**_about(plan.table, settings), **about},
        fitted={
            "command": settings.command(_named(plan.table), out.absolute().name),
            **plan.job,
            "settings": dict(tuned),
            "split": dict(plan.split.rule),
            "n_train": len(plan.rows),
            "n_test": plan.n_test,
            "seconds": round(seconds, 1),
        },
    )
    predictor = load(str(out), card)
    starts = {
        each.dataset: plan.archs[_order(each)[:_STARTS]]
        for each in plan.recorded
        if each.metric.name == plan.table.objectives[each.dataset]
    }
    asked = list(map(tuple, plan.archs[:_ASKED_FOR_SPEED].tolist()))
    started = time.perf_counter()
    for arch in asked:
        predictor.outputs_of(arch)
    speed = {"seconds_per_query": float(f"{(time.perf_counter() - started) / len(asked):.2g}")}
    best = find_best(card, predictor, starts, n_listed=_LISTED, n_asked=_ASKED, seed=settings.seed)
    return card._replace(best=best, fitted=card.fitted | speed)


def _hashes(out: Path) -> dict[str, str]:
    """The hash of each file; all are on the disk before the card that names them is."""
    for part in ("members", "noise"):
        sync(out / part)
    files = sorted(path for part in ("members", "noise") for path in (out / part).rglob("*") if path.is_file())
    return {path.relative_to(out).as_posix(): sha256_of(path) for path in files}


def _named(table: Table) -> str:
    """What to call a table on a command line: by its name where its file has that too, so that `load` may find it."""
    file = os.path.basename(table.path)
    return table.name if os.path.splitext(file)[0] == table.name else file


def _order(runs: Recorded) -> NDArray[np.intp]:
    """The architectures by their mean objective after the last epoch, the best first."""
    last = runs.values[:, :, -1]
    there = ~np.isnan(last)
    means = np.where(there, last, 0).sum(axis=0) / np.maximum(there.sum(axis=0), 1) * runs.metric.sign()
    return np.argsort(-np.where(there.any(axis=0), means, -np.inf), kind="stable")


def _about(table: Table, settings: FitSettings) -> dict[str, Any]:
    said: dict[str, Any] = {
        key: table.about[key] for key in ("licence", "citation", "sources", "notes") if key in table.about
    }
    predicted = f"predicted by {settings.n_members} members ({settings.model})"
    return {"title": f"{table.about.get('title', table.name)}; {predicted}", "licence": "not stated", **said}


class _Percent:
    """Tells whole percents of some steps, each once."""

    def __init__(self, progress: Progress, n_steps: int) -> None:
        self._progress, self._n_steps, self._told = progress, n_steps, -1

    def __call__(self, done: float) -> None:
        percent = int(_PERCENT * done / self._n_steps)
        if percent > self._told:
            self._told = percent
            self._progress(percent, _PERCENT)

"""Fit a surrogate to a table: an ensemble, whose members each stop by a fold of their own, and the noise of runs."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shlex
import shutil
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import SettingError, TableError, listed, unknown
from nasbench_kit.optional import require
from nasbench_kit.predictors import model_class
from nasbench_kit.spaces import describe_space
from nasbench_kit.surrogates.card import CARD, make_card, read_card, sha256_of, write_card
from nasbench_kit.surrogates.fitting.best import find_best
from nasbench_kit.surrogates.fitting.labels import Labels, Runs, curve, make_labels, metrics_of, read_runs
from nasbench_kit.surrogates.fitting.noise import fit_noise
from nasbench_kit.surrogates.fitting.parts import HASH, Parts, parts_of
from nasbench_kit.surrogates.fitting.tune import seed_of, tune_settings
from nasbench_kit.surrogates.fitting.workers import OUT_OF_FOLD, SECONDS, Task, fit_members, known_of
from nasbench_kit.surrogates.members import load
from nasbench_kit.surrogates.surrogate import Surrogate
from nasbench_kit.surrogates.targets import Target
from nasbench_kit.tables import Table
from nasbench_kit.version import __version__

Progress = Callable[[int, int], None]

_WORK = ".fit"  # in the folder of a surrogate that is being fitted: what is finished, and of which fit
_JOB = "fit.json"
_PERCENT = 100
_LIBRARIES = {  # model -> the packages that compute it
    "lightgbm": ("lightgbm",), "xgboost": ("xgboost", "xgboost-cpu"), "gin": ("torch",), "mlp": ("torch",),
    "random_forest": ("lightgbm",),
}  # fmt: skip
_NEEDS = {  # model -> what must be importable, and the extra that installs it
    "lightgbm": (("lightgbm", "fit"),), "xgboost": (("xgboost", "xgboost"),), "random_forest": (("lightgbm", "fit"),),
    "gin": (("torch", "torch"), ("safetensors", "fit")), "mlp": (("torch", "torch"), ("safetensors", "fit")),
}  # fmt: skip


def fit_surrogate(
    table: Table,
    out: str | os.PathLike[str],
    *,
    name: str | None = None,
    datasets: Sequence[str] | None = None,
    metrics: Sequence[str] | None = None,
    epochs: Sequence[int] | None = None,
    model: str = "lightgbm",
    preset: str = "default",
    settings: Mapping[str, Any] | None = None,
    tune: int = 0,
    n_members: int = 10,
    split: str = HASH,
    test_share: float = 0.2,
    train_share: float = 1.0,
    train_only: NDArray[np.bool_] | None = None,
    noise: bool = True,
    seed: int = 0,
    n_processes: int | None = None,
    progress: Progress = lambda done, of: None,
    about: Mapping[str, Any] | None = None,
) -> Surrogate:
    """Fit a surrogate.

    Each member learns from all folds but one, by which it stops; so every architecture that was learned from has a
    prediction by a member that had not seen it, and what is left unexplained there is the noise. One model predicts
    all metrics of all datasets. What is finished is kept: after a crash, or Ctrl-C, the same call goes on, and ends in
    the same files; but for the best architecture on the card, which in spaces that cannot be listed is searched for
    about a minute.

    Args:
        table: What to learn from.
        out: The folder to make.
        name: The name that its benchmarks carry; the folder's by default.
        datasets: Which of the table's; all by default.
        metrics: Which to predict beside the objectives; `cost_s`, where there is one, by default.
        epochs: Which of the recorded epochs; all by default.
        model: One of `nasbench_kit.predictors.MODELS`.
        preset: One of the model's sets of settings.
        settings: Other values for some of them.
        tune: Try so many settings first, on one fold, and take the best.
        n_members: How many members; they are the seeds of its benchmarks.
        split: "hash", or the name of the lists of runs that came with the data: see `parts.parts_of`.
        test_share: Held out for judging: never read here.
        train_share: Share of the rest that is used.
        train_only: Which architectures may be learned from at all, in the order of the table's rows: for leaving out
            others than those that are held out, to see how well they are predicted.
        noise: Whether to model how training runs differ too: their spread, and the probability that one collapses.
        seed: Of everything random.
        n_processes: Members fitted at a time; the number of usable processors by default. 1 is this process. The
            result is the same.
        progress: Told how many percent are done.
        about: What the card says beside what the table says: `title`, `licence`, `notes`...

    Raises:
        UnknownNameError, NotRecordedError, SettingError: An argument does not fit the table or the model; or `out`
            holds something else.
    """
    out = Path(out)
    if n_members < 1 or (n_processes is not None and n_processes < 1) or seed < 0 or tune < 0:
        raise SettingError(
            f"n_members={n_members}, n_processes={n_processes}, seed={seed}, tune={tune}; at least 1, 1, 0, 0 expected"
        )
    if "/" in (name or "") or not (name or out.absolute().name):
        raise SettingError(f"{name!r} cannot be a name; a text without a slash expected")
    kind = model_class(model)
    if preset not in kind.presets:
        raise unknown(f"preset of {model}", preset, kind.presets)
    given = {**kind.presets[preset], **(settings or {})}
    kind(table.space, given)  # raises for settings that it does not have
    runs = read_runs(table, datasets, metrics, epochs)
    if not runs:
        raise SettingError(f"no dataset of {table.name} to learn from; choose from {listed(table.datasets)}")
    parts = parts_of(table, split=split, test_share=test_share, train_share=train_share, n_members=n_members)
    if train_only is not None:
        parts = _restricted(parts, train_only)
    job: dict[str, dict[str, Any]] = {
        "table": {"name": table.name, "sha256": table.sha256},
        "arguments": {
            "name": name or out.absolute().name,
            "datasets": list(dict.fromkeys(each.dataset for each in runs)),
            "metrics": None if metrics is None else list(metrics),
            "epochs": None if epochs is None else sorted(set(epochs)),
            "model": model,
            "preset": preset,
            "settings": dict(settings or {}),
            "tune": tune,
            "n_members": n_members,
            "split": split,
            "test_share": test_share,
            "train_share": train_share,
            "noise": noise,
            "seed": seed,
            **({} if train_only is None else {"train_only": parts.rule["train_only"]}),
        },
        "versions": _versions(*_LIBRARIES.get(model, ()), *["lightgbm"] * noise, *["optuna"] * (tune > 0)),
    }
    rows = np.flatnonzero(parts.train & np.logical_or.reduce([each.known() for each in runs]))
    _check_parts(parts, rows, n_members)
    needed = [*_NEEDS.get(model, ()), *[("lightgbm", "fit")] * noise, *[("optuna", "fit")] * (tune > 0)]
    for package, extra in needed:  # before anything is begun that another model could not go on with
        require(package, extra)
    archs = table.archs()[rows]
    learnt = [each.of(rows) for each in runs]
    labels = make_labels(learnt, mask=noise)
    if _begin(out, job):
        return Surrogate(out)

    n_steps = tune + n_members
    tell = _Percent(progress, n_steps)
    if tune:
        learns, stops = (
            known_of(archs[part[rows]], labels.channels[part[rows]]) for part in (parts.learns(0), parts.validates(0))
        )
        given = tune_settings(
            table.space, model, given, learns, stops, n_trials=tune, seed=seed,
            journal=out / _WORK / "tune.jsonl", progress=tell,
        )  # fmt: skip
    tasks = [
        Task(
            k, describe_space(table.space), model, given, archs, labels.channels, parts.validates(k)[rows],
            seed_of(seed, k), str(out / _WORK / "members" / str(k)),
        )
        for k in range(n_members)
    ]  # fmt: skip
    fit_members(tasks, min(n_processes or _n_processors(), n_members), lambda done: tell(tune + done))

    noise_targets = _fit_noise(table, archs, learnt, labels, tasks, out / _WORK / "noise", seed) if noise else {}
    _settle(out, tasks)
    rule = dict(parts.rule)
    fitted = {
        "command": _command(job, out),
        **job,
        "settings": given,
        "split": rule,
        "n_train": len(rows),
        "n_test": int((parts.test & runs[0].known()).sum()),
        "seconds": round(sum(float(Path(task.folder, SECONDS).read_text()) for task in tasks), 1),
    }
    card = make_card(
        name=job["arguments"]["name"],
        space=table.space,
        predictor={
            "kind": "members",
            "model": model,
            "members": [f"members/{k}" for k in range(n_members)],
            "noise": [f"noise/{i}" for i in noise_targets],
        },
        n_members=n_members,
        objectives={dataset: table.objectives[dataset] for dataset in metrics_of(runs)},
        metrics=metrics_of(runs),
        targets=(*labels.targets, *(target for these in noise_targets.values() for target in these)),
        files=_hashes(out),
        about=_about(table, model, n_members) | dict(about or {}),
        fitted=fitted,
    )
    starts = {each.dataset: archs[_order(each)] for each in learnt if _is_objective(table, each)}
    card = card._replace(best=find_best(card, load(str(out), card), starts, seed=seed))
    write_card(out, card)
    shutil.rmtree(out / _WORK)
    return Surrogate(out)


# ---- what was begun, and by which arguments ----


def _begin(out: Path, job: Mapping[str, Any]) -> bool:
    """Make the folder, or go on with one; returns whether there is nothing left to do."""
    wanted = json.loads(json.dumps(job))
    if (out / CARD).exists():
        _refuse_other(out, "a surrogate", {key: read_card(out).fitted.get(key) for key in job}, wanted)
        shutil.rmtree(out / _WORK, ignore_errors=True)
        return True
    try:
        began = json.loads((out / _WORK / _JOB).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise SettingError(f"{str(out)!r} exists already and is no surrogate; give a new folder") from None
    except (OSError, ValueError) as error:
        raise TableError(f"{str(out / _WORK / _JOB)!r} cannot be read: {error}; remove {str(out)!r}") from None
    else:
        _refuse_other(out, "the beginning", began, wanted)
        return False
    try:
        partial = out.with_name(f"{out.name}.{os.getpid()}.partial")
        (partial / _WORK / "members").mkdir(parents=True)
        (partial / _WORK / _JOB).write_text(json.dumps(job, indent=1) + "\n", encoding="utf-8")
        if out.exists():
            out.rmdir()  # it is empty
        partial.replace(out)
    except OSError as error:
        raise SettingError(f"cannot make the folder {str(out)!r}: {error.strerror or error}") from None
    return False


def _refuse_other(out: Path, what: str, there: Any, wanted: Mapping[str, Any]) -> None:
    for part, entries in wanted.items():
        known = there.get(part) if isinstance(there, dict) else None
        if known == entries:
            continue
        known = known if isinstance(known, dict) else {}
        key = next(key for key in {**entries, **known} if entries.get(key) != known.get(key))
        raise SettingError(
            f"{str(out)!r} holds {what} of another fit: {_WHOSE[part]}{key} is {known.get(key)!r} there,"
            f" {entries.get(key)!r} now; give another folder, or remove that one"
        )


_WHOSE = {"table": "the table's ", "arguments": "", "versions": "the version of "}


def _versions(*packages: str) -> dict[str, str]:
    found = {"python": platform.python_version(), "numpy": np.__version__, "nasbench_kit": __version__}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _command(job: Mapping[str, Any], out: Path) -> str:
    """What to type to fit the same again."""
    given = job["arguments"]
    words = ["nasbench-kit", "surrogate", "fit", "--table", job["table"]["name"], "--model", given["model"]]
    words += ["--members", str(given["n_members"]), "--out", out.absolute().name]
    for option, values in (("dataset", given["datasets"]), ("metric", given["metrics"])):
        words += [word for value in values or () for word in (f"--{option}", value)]
    if given["epochs"] is not None:
        words += ["--epochs", ",".join(map(str, given["epochs"]))]
    words += [word for item in given["settings"].items() for word in ("--set", "=".join(map(str, item)))]
    defaults = {"preset": "default", "tune": 0, "split": HASH, "test_share": 0.2, "train_share": 1.0, "seed": 0}
    for argument, default in defaults.items():
        if given[argument] != default:
            words += [f"--{argument.replace('_', '-')}", str(given[argument])]
    if given["name"] != out.absolute().name:
        words += ["--name", given["name"]]
    return shlex.join(words + ["--no-noise"] * (not given["noise"]))


# ---- steps ----


def _restricted(parts: Parts, train_only: NDArray[np.bool_]) -> Parts:
    if train_only.dtype != bool or train_only.shape != parts.train.shape:
        raise SettingError(
            f"train_only: {train_only.dtype} of shape {train_only.shape}; bool of shape {parts.train.shape} expected"
        )
    rule = parts.rule | {"train_only": hashlib.sha256(np.packbits(train_only).tobytes()).hexdigest()}
    rule["rule"] += f"; learned from were only {int(train_only.sum()):,} chosen architectures, by a list"
    return parts._replace(train=parts.train & train_only, rule=rule)


def _check_parts(parts: Parts, rows: NDArray[np.intp], n_members: int) -> None:
    for k in range(n_members):
        n_valid, n_train = (int(part[rows].sum()) for part in (parts.validates(k), parts.learns(k)))
        if n_valid < 1 or n_train < 2:
            raise SettingError(
                f"member {k} would learn from {n_train} architectures and stop by {n_valid}: too few of"
                f" {len(rows):,}; take fewer members, or hold out less"
            )


def _fit_noise(
    table: Table,
    archs: NDArray[np.uint8],
    learnt: Sequence[Runs],
    labels: Labels,
    tasks: Sequence[Task],
    folder: Path,
    seed: int,
) -> dict[int, list[Target]]:
    """Number of its folder -> the targets, for each metric that depends on how training goes."""
    channels = _out_of_fold(tasks, labels.channels.shape)
    shutil.rmtree(folder, ignore_errors=True)
    made = {}
    for i, (runs, target, which) in enumerate(zip(learnt, labels.targets, labels.slices(), strict=True)):
        if runs.metric.split is None:
            continue
        (folder / str(i)).mkdir(parents=True)
        z = curve(target, channels[:, which])
        made[i] = fit_noise(table.space, archs, target, runs.values, z, folder / str(i), seed=seed_of(seed, i))
    return made


def _out_of_fold(tasks: Sequence[Task], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """What members that had not seen an architecture predict for it, on average; NaN where all had."""
    total, n_members = np.zeros(shape), np.zeros((shape[0], 1))
    for task in tasks:
        total[task.validates] += np.load(Path(task.folder, OUT_OF_FOLD))
        n_members[task.validates] += 1
    return np.divide(total, n_members, out=np.full(shape, np.nan), where=n_members > 0)


def _settle(out: Path, tasks: Sequence[Task]) -> None:
    """The files to keep, in their place; what was needed on the way stays behind."""
    for part in ("members", "noise"):
        shutil.rmtree(out / part, ignore_errors=True)  # of an attempt that was interrupted here
    for task in tasks:
        skip = shutil.ignore_patterns(OUT_OF_FOLD, SECONDS)
        shutil.copytree(task.folder, out / "members" / str(task.number), ignore=skip)
    if (out / _WORK / "noise").is_dir():
        shutil.copytree(out / _WORK / "noise", out / "noise")


def _hashes(out: Path) -> dict[str, str]:
    files = sorted(path for part in ("members", "noise") for path in (out / part).rglob("*") if path.is_file())
    return {path.relative_to(out).as_posix(): sha256_of(path) for path in files}


def _is_objective(table: Table, runs: Runs) -> bool:
    return runs.metric.name == table.objectives[runs.dataset]


def _order(runs: Runs) -> NDArray[np.intp]:
    """The architectures by their mean objective after the last epoch, the best first."""
    last = runs.values[:, :, -1]
    there = ~np.isnan(last)
    means = np.where(there, last, 0).sum(axis=0) / np.maximum(there.sum(axis=0), 1) * runs.metric.sign()
    return np.argsort(-np.where(there.any(axis=0), means, -np.inf), kind="stable")


def _about(table: Table, model: str, n_members: int) -> dict[str, Any]:
    said: dict[str, Any] = {
        key: table.about[key] for key in ("licence", "citation", "sources", "notes") if key in table.about
    }
    title = f"{table.about.get('title', table.name)}; predicted by {n_members} members ({model})"
    return {"title": title, "licence": "not stated", **said}


class _Percent:
    """Tells whole percents of some steps, each once."""

    def __init__(self, progress: Progress, n_steps: int) -> None:
        self._progress, self._n_steps, self._told = progress, n_steps, -1

    def __call__(self, done: float) -> None:
        percent = int(_PERCENT * done / self._n_steps)
        if percent > self._told:
            self._told = percent
            self._progress(percent, _PERCENT)


def _n_processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

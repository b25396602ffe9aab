"""NAS-Bench-NLP: recurrent cells trained for 50 epochs as language models, from its train logs or a compact copy.

    nasbench-kit import train_logs_single_run --out nas_bench_nlp.h5          # log_stats_model_*.json
    nasbench-kit import ptb_archs.jsonl.gz ptb_curves.npz --out nas_bench_nlp.h5

- Losses are nats per word; a perplexity is exp(loss). `cost_s` adds up the epochs' training seconds.
- A run that diverged, or was ended by an exception, has `failed` = 1 from that epoch on, no losses, and as `cost_s` the
  seconds until then. `diverged`, `crashed` and `interrupted` say of each run how it ended. A run that was interrupted
  did not fail: what followed is missing.
- The 14,322 recipes of the release are 12,124 cells, as nodes may be named and ordered in many ways: recipes of the
  same cell are runs of it, seeds 0, 1, 2 ... in the order of the files. One cell has 37. A table of all their curves
  would be nearly empty, so curves are kept of three runs of a cell, and of all runs the last epoch: `val_loss[runs]`.

Source: Klyuchnikov et al. 2022, https://arxiv.org/abs/2006.07116; github.com/fmsnew/nas-bench-nlp-release.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import ImportDataError, NasbenchKitError
from nasbench_kit.formats.compressed import unpacked, unpacked_head
from nasbench_kit.formats.npz import read_npz
from nasbench_kit.importers.base import Content, Progress, each, files_of, first_file, read_json, recognizes_file
from nasbench_kit.importers.values import check_filled
from nasbench_kit.spaces import Arch, NASBenchNLPSpace
from nasbench_kit.tables import DatasetSpec, Metric, Stored

_LOG = "log_stats_model_"
_ARCHS, _CURVES = "_archs.jsonl.gz", "_curves.npz"
_LARGEST = 1e38
_DIVERGED, _CRASHED, _INTERRUPTED = 1, 2, 3  # how a run may have ended; 0: after all of its epochs
_ENDS = {_DIVERGED: "diverged", _CRASHED: "crashed", _INTERRUPTED: "interrupted"}
_UNKNOWN = 255
_FEW = 3  # runs of a cell whose curves are kept where most cells have one
_RECORDED = {
    "val_loss": "val_losses",
    "test_loss": "test_losses",
    "train_loss": "train_losses",
    "cost_s": "wall_times",
}


class _Run(NamedTuple):
    """One trained recipe."""

    arch: Arch
    dataset: str
    params: float
    status: int
    curves: dict[str, NDArray[np.float64]]  #: metric -> (n_epochs,) as far as it went

    def has_failed(self) -> bool:
        """Whether its training ended by itself, or its loss left all numbers, before its last epoch."""
        losses = self.curves["val_loss"]
        return self.status in (_DIVERGED, _CRASHED) or bool(len(losses) and np.isnan(losses[-1]))


def recognizes(path: Path, head: bytes) -> bool:
    """Whether it is a train log, the recipes of the compact copy, or a folder that holds either."""
    if path.is_dir():
        file = first_file(path, f"*{_ARCHS}") or first_file(path, f"{_LOG}*.json", depth=1)
        return recognizes_file(file, recognizes)
    head = unpacked_head(head)
    return head.lstrip().startswith(b"{") and b'"recepie"' in head


def read(paths: Sequence[Path], progress: Progress) -> Content:
    """The runs in train logs, or in the pair of files of a compact copy.

    Raises:
        ImportDataError: A file is missing or damaged, or holds a recipe that is none.
    """
    space = NASBenchNLPSpace()
    files = files_of(paths)
    logs = sorted(file for file in files if file.name.startswith(_LOG) and file.suffix == ".json")
    pairs = [file for file in files if file.name.endswith(_ARCHS)]
    if logs:
        runs = [_read_log(file, space) for file in each(logs, progress)]
    elif pairs:
        runs = [run for file in pairs for run in _read_pair(file, files, space, progress)]
    else:
        raise ImportDataError(
            f"{str(paths[0])!r} holds neither {_LOG}*.json nor *{_ARCHS}; give NAS-Bench-NLP's train logs"
        )
    archs, places = _places(runs, space)
    datasets = {name: _dataset(name, runs, places, len(archs)) for name in sorted({run.dataset for run in runs})}
    about = {
        "title": "NAS-Bench-NLP: recurrent cells as language models",
        "licence": "Apache-2.0 (Nikita Klyuchnikov, Ilya Trofimov, Ekaterina Artemova et al.)",
        "citation": "Klyuchnikov et al. 2022, https://arxiv.org/abs/2006.07116",
        "notes": [
            f"{len(runs)} runs of {len(archs)} cells, {sum(run.status == _DIVERGED for run in runs)} diverged",
            "curves are kept of at most three runs of a cell; [runs]: of all its runs, after the last epoch",
        ],
    }
    return Content("nas_bench_nlp", space, datasets, archs, about)


# ---- reading ----


def _read_log(file: Path, space: NASBenchNLPSpace) -> _Run:
    try:
        log = read_json(file)
        recipe = json.loads(log["recepie"]) if isinstance(log["recepie"], str) else log["recepie"]
        dataset = Path(str(log["data"])).name.lower()
    except ImportDataError:
        raise
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise ImportDataError(
            f"{str(file)!r} is no train log of NAS-Bench-NLP ({type(error).__name__}: {error!s:.80})"
        ) from None
    curves = {metric: log.get(name) for metric, name in _RECORDED.items()}
    return _run(f"{str(file)!r}", space, recipe, dataset, log, curves)


def _read_pair(file: Path, files: Iterable[Path], space: NASBenchNLPSpace, progress: Progress) -> Iterator[_Run]:
    prefix = file.name.removesuffix(_ARCHS)
    beside = [other for other in [*files, file.with_name(prefix + _CURVES)] if other.name == prefix + _CURVES]
    if not beside or not beside[0].is_file():
        raise ImportDataError(f"{prefix}{_CURVES}, which belongs to {str(file)!r}, is missing; give both")
    try:
        lines = [json.loads(line) for line in unpacked(file).splitlines()]
    except ImportDataError:
        raise
    except (ValueError, RecursionError) as error:
        raise ImportDataError(f"{str(file)!r} is damaged ({error!s:.80}); gzipped lines of JSON expected") from None
    try:
        arrays = read_npz(beside[0], _RECORDED.values())
    except ImportDataError as error:
        raise ImportDataError(f"{error}; losses and times expected") from None
    curves = {metric: arrays[name] for metric, name in _RECORDED.items()}
    for metric, array in curves.items():
        if array.dtype.kind != "f" or array.ndim != 2 or array.shape != (len(lines), curves["cost_s"].shape[1]):
            raise ImportDataError(
                f"{str(beside[0])!r}: {_RECORDED[metric]} is {array.dtype} of shape {array.shape};"
                f" floats ({len(lines)} recipes, epochs) expected"
            )
    for i, line in enumerate(each(lines, progress)):
        if not isinstance(line, dict):
            raise ImportDataError(f"{str(file)!r}, line {i + 1}: no recipe")
        own = {metric: _begun(array[i]) for metric, array in curves.items()}
        yield _run(f"{str(file)!r}, line {i + 1}", space, line.get("recepie"), prefix, line, own)


def _begun(curve: NDArray[Any]) -> list[float]:
    """A curve without the epochs after its last that is not NaN."""
    known = np.flatnonzero(~np.isnan(curve))
    numbers: list[float] = curve[: known[-1] + 1].tolist() if len(known) else []
    return numbers


def _run(
    where: str,
    space: NASBenchNLPSpace,
    recipe: object,
    dataset: str,
    fields: Mapping[str, Any],
    curves: Mapping[str, Any],
) -> _Run:
    if not isinstance(recipe, dict):
        raise ImportDataError(f"{where}: 'recepie' is no recipe; a train log of NAS-Bench-NLP expected")
    try:
        arch = space.canonical(space.parse(recipe))
    except NasbenchKitError as error:
        raise ImportDataError(f"{where}: {error}") from None
    read = {metric: _curve(where, _RECORDED[metric], values) for metric, values in curves.items()}
    if (read["cost_s"] < 0).any() or len(read["cost_s"]) > 100_000:
        raise ImportDataError(f"{where}: wall_times are no seconds per epoch")
    read["cost_s"] = np.cumsum(read["cost_s"])
    params = fields.get("num_params")
    if isinstance(params, bool) or not isinstance(params, int | float):
        raise ImportDataError(f"{where}: num_params={params!r:.40}, where a number is expected")
    status = str(fields.get("status"))
    code = _CRASHED
    if status == "OK":
        code = 0
    elif "nan" in status:
        code = _DIVERGED
    elif "Interrupt" in status:
        code = _INTERRUPTED
    return _Run(arch, dataset or "ptb", params / 1e6, code, read)


def _curve(where: str, name: str, values: Any) -> NDArray[np.float64]:
    if not isinstance(values, list) or not all(type(value) in (int, float) for value in values):
        raise ImportDataError(f"{where}: {name} is {values!r:.40}, where a list of numbers is expected")
    curve = np.array([value if abs(value) < _LARGEST else math.nan for value in values], np.float64)
    return curve  # beyond float32 a run diverged, whatever its log calls that


# ---- columns ----


def _places(runs: Sequence[_Run], space: NASBenchNLPSpace) -> tuple[NDArray[np.uint8], list[tuple[int, int]]]:
    """The different cells, and for each run (the how manieth of its cell on its dataset, which cell)."""
    archs = np.array([run.arch for run in runs], np.uint8)
    _, first, rows = np.unique(space.identity(archs), return_index=True, return_inverse=True)
    n_runs: dict[tuple[str, int], int] = {}
    places = []
    for run, row in zip(runs, rows.tolist(), strict=True):
        number = n_runs[run.dataset, row] = n_runs.get((run.dataset, row), -1) + 1
        places.append((number, row))
    return archs[first], places


def _dataset(name: str, runs: Sequence[_Run], places: Sequence[tuple[int, int]], n_archs: int) -> DatasetSpec:
    mine = [(run, *place) for run, place in zip(runs, places, strict=True) if run.dataset == name]
    n_epochs = max(len(run.curves["cost_s"]) for run, _, _ in mine)
    if not n_epochs:
        raise ImportDataError(f"no run on {name} finished its first epoch; there is nothing to store")
    n_seeds = 1 + max(seed for _, seed, _ in mine)
    n_curves = n_seeds if n_seeds * n_archs <= 4 * len(mine) else min(n_seeds, _FEW)
    check_filled((n_curves, n_epochs, n_archs), sum(len(run.curves["cost_s"]) for run, _, _ in mine), name)
    check_filled((n_seeds, 1, n_archs), len(mine), name)
    seeds, epochs = tuple(range(n_seeds)), tuple(range(1, n_epochs + 1))
    stored = []
    for metric in _RECORDED:
        raw = np.full((n_curves, n_epochs, n_archs), np.nan, np.float32)
        last = np.full((n_seeds, 1, n_archs), np.nan, np.float32)
        for run, seed, row in mine:
            curve = run.curves[metric]
            if metric == "cost_s" and run.has_failed():
                curve = np.pad(curve, (0, n_epochs - len(curve)), mode="edge") if len(curve) else curve
            if seed < n_curves:
                raw[seed, : len(curve), row] = curve
            if len(curve) == n_epochs:
                last[seed, 0, row] = curve[-1]
        stored.append(Stored(Metric.from_name(metric, seeds[:n_curves], epochs), raw))
        if n_curves < n_seeds:
            stored.append(Stored(Metric.from_name(f"{metric}[runs]", seeds, epochs[-1:]), last))
    stored.append(
        Stored(Metric.from_name("failed", seeds[:n_curves], epochs), _failed(stored[0].raw, mine), (1, 1), _UNKNOWN)
    )
    params = np.full((1, 1, n_archs), math.nan)
    status = np.full((n_seeds, 1, n_archs), _UNKNOWN, np.uint8)
    for run, seed, row in mine:
        params[0, 0, row], status[seed, 0, row] = run.params, run.status
    stored.append(Stored(Metric.from_name("params_m"), params))
    for code, how in _ENDS.items():  # a mean of codes would say nothing; of ones and zeros it is a share of runs
        ended = np.where(status == _UNKNOWN, _UNKNOWN, status == code).astype(np.uint8)
        stored.append(Stored(Metric(how, None, "fraction", "min", seeds), ended, (1, 1), _UNKNOWN))
    return DatasetSpec(stored, "val_loss", failed="failed")


def _failed(val_loss: NDArray[np.float32], runs: Iterable[tuple[_Run, int, int]]) -> NDArray[np.uint8]:
    """Whether a run had failed by an epoch: 1 from the one on that has no validation loss; (seeds, epochs, archs)."""
    failed = np.where(np.isnan(val_loss), _UNKNOWN, 0).astype(np.uint8)
    for run, seed, row in runs:
        if seed < len(failed) and run.has_failed():
            failed[seed, failed[seed, :, row] == _UNKNOWN, row] = 1
    return failed

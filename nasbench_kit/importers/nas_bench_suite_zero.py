"""NAS-Bench-Suite-Zero: zero-cost proxies of architectures of several spaces, without any training.

The release's `zc_SPACE.json`, `{dataset: {architecture: {proxy: score or {"score", "time"}, ..., "val_accuracy"}}}`,
for NAS-Bench-101, -201, -301 and TransNAS-Bench-101; and copies of parts of it as CSV, one file per dataset.

What the release calls `val_accuracy` is, by space: NAS-Bench-201: the *test* accuracy of the run with seed 888;
NAS-Bench-301: the output of a surrogate; TransNAS-Bench-101: the validation metric of each task, which is an accuracy
in some. It is named what it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import ImportDataError, listed
from nasbench_kit.formats.csv_columns import csv_header, numbers, read_csv_columns
from nasbench_kit.importers.base import (
    Content,
    Progress,
    each,
    files_of,
    first_file,
    head_of,
    read_json,
    recognizes_file,
)
from nasbench_kit.importers.transnasbench101 import OBJECTIVES
from nasbench_kit.importers.values import dataset_in_name, exact, parse_all
from nasbench_kit.spaces import Space, space_from
from nasbench_kit.tables import DatasetSpec, Metric, Stored

PROXIES = (
    "epe_nas",
    "fisher",
    "flops",
    "grad_norm",
    "grasp",
    "jacov",
    "l2_norm",
    "nwot",
    "params",
    "plain",
    "snip",
    "synflow",
    "zen",
)
"""Their names in the release; `flops` and `params` become `flops[zero_cost]` and `params[zero_cost]`."""

_SEARCHED = ("synflow", "nwot", "jacov", "snip", "grad_norm")  # the first that a file has
_NB101_LENGTHS = tuple(n * n + n for n in range(2, 8))  # adjacency and operations of n nodes
_ARCH_COLUMNS = ("net", "compact_arch")
_LABEL = "val_accuracy"
_PERCENT = (1, 100)
# NAS-Bench-201: parameters [million] of a network whose cell has no convolutions, which tells the dataset of a copy
_BARE_PARAMS = {"cifar10": 0.073306, "cifar100": 0.079156, "imagenet16-120": 0.080456}
_CONV_PARAMS = {"nor_conv_1x1": 0.028, "nor_conv_3x3": 0.24304}


class _Scores(NamedTuple):
    """What one file says about one dataset."""

    archs: Sequence[str]
    values: dict[str, NDArray[np.float64]]  #: proxy, `val_accuracy`, or `cost_s[proxy]` -> (n_archs,)


def recognizes(path: Path, head: bytes) -> bool:
    """Whether it is one of the release's files, or a copy."""
    if path.is_dir():
        return recognizes_file(first_file(path, "zc_*.json"), recognizes)
    if head.lstrip()[:1] == b"{":
        return sum(f'"{proxy}"'.encode() in head for proxy in PROXIES) >= 3
    header = csv_header(head)
    return header[:1] in [[name] for name in _ARCH_COLUMNS] and len(set(header) & set(PROXIES)) >= 3


def read(paths: Sequence[Path], progress: Progress) -> Content | list[Content]:
    """A table per space.

    Raises:
        ImportDataError: A file is damaged, or not what is known of it.
    """
    files = [file for path in paths for file in (files_of([path], "zc_*.json") if path.is_dir() else [path])]
    found: dict[str, dict[str, _Scores]] = {}
    for path in each(files, progress, 1):
        for space, dataset, scores in _read_json(path) if _is_json(path) else _read_csv(path):
            datasets = found.setdefault(space, {})
            if dataset in datasets:
                raise ImportDataError(f"{path.name} is of {space} on {dataset}, as an earlier file; give one of them")
            datasets[dataset] = scores
    return [_content(space_from(space), datasets)._replace(files=files) for space, datasets in found.items()]


def _is_json(path: Path) -> bool:
    return path.suffix == ".json" or head_of(path).lstrip()[:1] == b"{"


# ---- JSON ----


def _read_json(path: Path) -> Iterator[tuple[str, str, _Scores]]:
    data = depth = read_json(path)
    for _ in range(3):  # dataset, architecture, proxy; some files name their space before
        depth = next(iter(depth.values()), None) if isinstance(depth, dict) else None
    per_space = data.values() if isinstance(depth, dict) and not set(depth) <= {"score", "time"} else [data]
    for datasets in per_space:
        if not isinstance(datasets, dict) or not all(isinstance(archs, dict) and archs for archs in datasets.values()):
            raise ImportDataError(
                f"{path.name}: no {{dataset: {{architecture: {{proxy: score}}}}}}; a zc_*.json expected"
            )
        space = _space_of(datasets, path.name)
        for dataset, results in datasets.items():
            where = f"{path.name}, {dataset}"
            yield space, dataset.lower(), _Scores(list(results), _scores(list(results.values()), where))


def _space_of(datasets: Mapping[str, Mapping[str, Any]], where: str) -> str:
    """Which space the architectures are of, by how they are written and what they were trained on."""
    texts = [text for results in datasets.values() for text in results]
    if all(text.startswith(("[[", "((")) for text in texts):
        return "darts"
    lengths = {text.count(",") + 1 for text in texts}
    if set(datasets) <= set(OBJECTIVES):
        micro = lengths == {6} and not any("4" in text for text in texts)
        return "transnas_micro" if micro else "transnas_macro"
    if lengths == {6}:
        return "nasbench201"
    if lengths <= set(_NB101_LENGTHS):
        return "nasbench101"
    raise ImportDataError(
        f"{where}: {texts[0]!r:.60} on {listed(datasets)} is of no known space;"
        " NAS-Bench-101, -201, -301 or TransNAS-Bench-101 expected"
    )


def _scores(results: Sequence[Any], where: str) -> dict[str, NDArray[np.float64]]:
    values: dict[str, NDArray[np.float64]] = {}
    for i, result in enumerate(results):
        if not isinstance(result, dict):
            raise ImportDataError(f"{where}: {result!r:.40}; {{proxy: score}} expected")
        for name, entry in result.items():
            if name not in (*PROXIES, _LABEL):
                continue
            parts = {name: entry}
            if isinstance(entry, dict):
                parts = {name: entry.get("score"), f"cost_s[{name}]": entry.get("time")}
            for part, value in parts.items():
                if type(value) not in (int, float, type(None)):
                    raise ImportDataError(f"{where}: {part} is {value!r:.40}; a number expected")
                if value is not None:
                    values.setdefault(part, np.full(len(results), np.nan))[i] = value
    return values


# ---- CSV ----


def _read_csv(path: Path) -> Iterator[tuple[str, str, _Scores]]:
    header = csv_header(head_of(path))
    arch = next((name for name in header if name in _ARCH_COLUMNS), _ARCH_COLUMNS[0])
    proxies = [name for name in header if name in (*PROXIES, _LABEL)]
    if len(proxies) < 3:
        raise ImportDataError(f"{path.name} has the columns {listed(header)}; {listed(PROXIES)} expected")
    columns = read_csv_columns(path, [arch, *proxies])
    scores = _Scores(columns[arch], {name: numbers(columns, name, path.name) for name in proxies})
    if arch == "compact_arch":
        yield "darts", "cifar10", scores
        return
    space = space_from("nasbench201")
    archs = parse_all(space, columns[arch], "naslib", path.name)
    if columns.get("net_str", space.format_many(archs)) != space.format_many(archs):
        raise ImportDataError(f"{path.name}: net and net_str name different cells")
    yield "nasbench201", _dataset_of(path, space, archs, scores.values.get("params")), scores


def _dataset_of(path: Path, space: Space, archs: NDArray[np.uint8], params: NDArray[np.float64] | None) -> str:
    """The dataset of a copy of NAS-Bench-201's scores: by its numbers of parameters, or else by its file's name."""
    if params is not None:
        weights = np.array([_CONV_PARAMS.get(choice, 0.0) for choice in space.decisions[0].choices])
        bare = params - weights[archs].sum(axis=1)
        for dataset, expected in _BARE_PARAMS.items():
            if np.allclose(bare, expected, rtol=0, atol=1e-4):
                return dataset
    return dataset_in_name(path, list(_BARE_PARAMS), "nb201_cifar10.csv")


# ---- both ----


def _content(space: Space, found: Mapping[str, _Scores]) -> Content:
    archs = {
        dataset: parse_all(space, scores.archs, "naslib", f"{space.name}, {dataset}")
        for dataset, scores in found.items()
    }
    keys = {dataset: space.key_many(batch) for dataset, batch in archs.items()}
    every, rows = np.unique(np.concatenate(list(keys.values())), return_index=True)
    notes = []
    datasets = {}
    for dataset, scores in found.items():
        # the first of several that a table cannot tell apart: their scores differ by the random weights alone
        known, first = np.unique(keys[dataset], return_index=True)
        if len(known) < len(keys[dataset]):
            notes.append(f"{dataset}: {len(keys[dataset]) - len(known)} isomorphic architectures left out")
        position = np.searchsorted(every, known)
        stored = []
        for name, values in scores.values.items():
            raw = np.full((1, 1, len(every)), np.nan)
            raw[0, 0, position] = np.where(np.isfinite(values), values, np.nan)[first]
            if np.isinf(values).any():
                notes.append(f"{dataset}: {np.isinf(values).sum()} infinite values of {name} are missing")
            metric, scale = _metric(space, dataset, name)
            if space.name == "nasbench101" and scale == _PERCENT and np.nanmax(raw, initial=0) <= 1:
                scale = (1, 1)  # fractions in some files; of other spaces, percentages below 1 are of cells that fail
            stored.append(Stored(metric, exact(raw), scale))
        names = [entry.metric.name for entry in stored]
        objectives = [name for name in (*_SEARCHED, *PROXIES) if name in names]
        if not objectives:
            raise ImportDataError(f"{space.name}, {dataset}: none of {listed(_SEARCHED)} was recorded")
        datasets[dataset] = DatasetSpec(stored, objectives[0])
    about = {
        "title": f"NAS-Bench-Suite-Zero: zero-cost proxies on {space.name}",
        "licence": "Apache-2.0 (NASLib)",
        "citation": "Krishnakumar et al. 2022, https://arxiv.org/abs/2210.03230",
        "notes": notes,
    }
    return Content(f"zero_cost_{space.name}", space, datasets, np.concatenate(list(archs.values()))[rows], about)


def _metric(space: Space, dataset: str, name: str) -> tuple[Metric, tuple[int, int]]:
    """What a column of the release is, and the scale of its numbers."""
    if name == _LABEL:
        return _label(space, dataset)
    if name.startswith("cost_s["):
        return Metric.from_name(name), (1, 1)
    if name in ("flops", "params"):
        name = f"{name}[zero_cost]"
    return Metric(name, None, "score", "max"), (1, 1)


def _label(space: Space, dataset: str) -> tuple[Metric, tuple[int, int]]:
    """What the release calls `val_accuracy`."""
    if space.name == "nasbench201" and dataset in _BARE_PARAMS:
        return Metric.from_name("test_accuracy[seed888]", (888,), (200,)), _PERCENT
    if space.name == "darts":
        return Metric.from_name("val_accuracy[nb301_surrogate]"), _PERCENT
    called = OBJECTIVES.get(dataset, "val_accuracy")
    if called == "val_accuracy":
        return Metric.from_name("val_accuracy[naslib]"), _PERCENT
    if called == "val_pixel_accuracy":
        return Metric(f"{called}[naslib]", "val", "fraction", "max"), _PERCENT
    return Metric(f"{called}[naslib]", "val", "-MSE" if called == "val_neg_loss" else "ssim", "max"), (1, 1)

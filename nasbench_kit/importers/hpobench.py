"""HPOBench's NAS-Bench-201: `NAS-Bench-201-v1_1-096897_cifar10-valid.json` and those of the other data sets.

Each is `{seed: {architecture: {"train_acc1es": {"0": ...}, "train_losses", "train_times", "eval_acc1es": {"x-valid@0":
...}, "eval_losses", "eval_times"}}}`, for the trainings of 200 epochs. Where the release has no run of a seed, HPOBench
copied that of another seed; copies are left out. Its test metrics are read from the validation entry, and its costs
leave the first epoch out: here they are what they are called.

Source: automl/HPOBench, hpobench/benchmarks/nas/nasbench_201.py, and hpobench/util/data_manager.py, NASBench_201Data.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nasbench_kit.errors import ImportDataError, NasbenchKitError
from nasbench_kit.formats.files import open_file
from nasbench_kit.formats.json_stream import nested_items
from nasbench_kit.importers.base import Content, Progress, files_of, first_file, recognizes_file
from nasbench_kit.importers.nasbench201_sizes import sizes
from nasbench_kit.importers.nats_results import TRAININGS, Results
from nasbench_kit.importers.values import dataset_in_name
from nasbench_kit.spaces import NASBench201Space

_FILES = "NAS-Bench-201-v1_1-096897_*.json"
_DATASETS = ("cifar10-valid", "cifar100", "ImageNet16-120")
_BEGINS = re.compile(rb'\s*\{\s*"\d{3}"\s*:\s*\{\s*"\|[a-z0-9_]+~0\|\+\|')
_TRAIN = ("train_acc1es", "train_losses", "train_times")
_EVAL = ("eval_acc1es", "eval_losses", "eval_times")
_EVERY = 1_000  # architectures between two words of progress
_MOST_DIGITS = 10  # of a seed


def recognizes(path: Path, head: bytes) -> bool:
    """Whether it is one of HPOBench's files, or the folder that it keeps them in."""
    if path.is_dir():
        return recognizes_file(first_file(path, _FILES), recognizes)
    return _BEGINS.match(head) is not None


def read(paths: Sequence[Path], progress: Progress) -> Content:
    """The results in one or several of the files, one per data set; they are named after it.

    Raises:
        ImportDataError: A file is damaged, or not what is known of it.
    """
    files = [file for path in paths for file in (files_of([path], _FILES) if path.is_dir() else [path])]
    results = Results(NASBench201Space())
    n_bytes = [file.stat().st_size for file in files]
    n_copies = 0
    for number, path in enumerate(files):
        n_copies += _read_file(path, results, progress, sum(n_bytes[:number]), sum(n_bytes))
    notes = [*_NOTES, f"{n_copies:,} runs that HPOBench copied from other seeds are left out"]
    return results.content()._replace(about={**_ABOUT, "notes": notes}, files=files)


def _read_file(path: Path, results: Results, progress: Progress, n_before: int, n_bytes: int) -> int:
    """Take what a file holds; how many runs in it were copies of others.

    Args:
        path: The file.
        results: Where to.
        progress: Called now and then.
        n_before: Bytes of the files before.
        n_bytes: Of all files.
    """
    training = dataset_in_name(path, _DATASETS, "NAS-Bench-201-v1_1-096897_cifar10-valid.json")
    known: dict[str, set[int]] = {}  # architecture -> hashes of its losses in training
    n_read = n_copies = 0
    with open_file(path) as file:
        for (seed, text), found in nested_items(file, path.name, 2):
            where = f"{path.name}, seed {seed!r:.20}, {text!r:.100}"
            run = _run(found, where)
            losses = hash(tuple(run["train_losses"].values()))
            if losses in known.setdefault(text, set()):
                n_copies += 1
            else:
                known[text].add(losses)
                run |= _what_follows(results, seed, text, TRAININGS[training].dataset, where)
                results.add_run("200", training, run["seed"], text, run)
            n_read += 1
            if n_read % _EVERY == 0:
                progress(n_before + file.tell(), n_bytes)
    return n_copies


def _what_follows(results: Results, seed: str, text: str, dataset: str, where: str) -> dict[str, Any]:
    """What the keys of a run say of it: its seed, and the sizes of the network."""
    if not (seed.isascii() and seed.isdecimal() and len(seed) < _MOST_DIGITS):
        raise ImportDataError(f"{where}: a number expected as seed")
    try:
        cell = results.space.parse(text, "official")
    except NasbenchKitError as error:
        raise ImportDataError(f"{where}: {error}") from None
    named = (decision.choices[choice] for choice, decision in zip(cell, results.space.decisions, strict=True))
    params, flops = sizes(named, dataset)
    return {"seed": int(seed), "params": params, "flop": flops}


def _run(found: Any, where: str) -> dict[str, Any]:
    """The results of one training as the release keeps them."""
    lacking = [
        name for name in (*_TRAIN, *_EVAL) if not isinstance(found, dict) or not isinstance(found.get(name), dict)
    ]
    if lacking:
        raise ImportDataError(f"{where} has no {lacking[0]}, or no dictionary of it, as HPOBench keeps them")
    run: dict[str, Any] = {"epochs": 200, **{name: found[name] for name in _EVAL}}
    for name in _TRAIN:
        try:
            run[name] = {int(epoch): value for epoch, value in found[name].items()}
        except ValueError:
            raise ImportDataError(f"{where}: {name} has keys {list(found[name])[:3]!r:.60}; epochs expected") from None
    return run


_NOTES = [
    "valtest: the official ori-test, validation and test images together, which HPOBench calls validation",
    "params_m and flops_m follow from the operations",
]
_ABOUT: Mapping[str, Any] = {
    "title": "NAS-Bench-201 as HPOBench copies it: curves of the trainings of 200 epochs",
    "licence": "MIT (NAS-Bench-201, Xuanyi Dong and Yi Yang); Apache-2.0 (HPOBench)",
    "citation": "Dong and Yang 2020, https://arxiv.org/abs/2001.00326",
}

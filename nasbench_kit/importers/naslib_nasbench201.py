"""NASLib's copies of NAS-Bench-201: `nb201_cifar10_full_training.pickle` and those of the other data sets.

Each maps an architecture to data sets, and these to curves of the run with seed 888: `train_acc1es`, `train_losses`,
`eval_acc1es`, `eval_losses`, and `cost_info`, whose `train_time` is seconds per epoch. The evaluations are those of the
release in its order, whatever images they are of: on `cifar10-valid` 200 of validation, then one of test; on CIFAR-100
and ImageNet16-120 200 of validation and test together, then one of validation, then one of test. NASLib takes the last
for validation and test alike; here each is named for what it is.

Source: automl/NASLib, naslib/search_spaces/nasbench201/graph.py, `query`. What the entries are was found by values that
users of a file print (201 evaluations of a cell, the last five of which are 83.528, 83.54, 83.604, 83.56 and 83.68, and
10.447 seconds, which the release has too), and by the scores of NAS-Bench-Suite-Zero, which hold the last entry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nasbench_kit.errors import ImportDataError, listed
from nasbench_kit.formats.files import open_file
from nasbench_kit.formats.numpy_pickles import PLAIN
from nasbench_kit.formats.pickles import read_plain_pickle
from nasbench_kit.importers.base import Content, Progress, files_of, first_file, recognizes_file
from nasbench_kit.importers.nats_results import TRAININGS, Results
from nasbench_kit.spaces import NASBench201Space

_FILES = "nb201_*_full_training.pickle"
_SEED = 888
_EPOCHS = range(200)
_LAST = 199  # of the release, which counts from 0


def _every(name: str) -> list[str]:
    return [f"{name}@{epoch}" for epoch in _EPOCHS]


# training -> what its evaluations are, in order: that of the release's `eval_acc1es`
_EVALUATIONS = {
    "cifar10-valid": [*_every("x-valid"), f"ori-test@{_LAST}"],
    "cifar10": _every("ori-test"),
    "cifar100": [*_every("ori-test"), f"x-valid@{_LAST}", f"x-test@{_LAST}"],
    "ImageNet16-120": [*_every("ori-test"), f"x-valid@{_LAST}", f"x-test@{_LAST}"],
}
_CURVES = {"train_acc1es": _EPOCHS, "train_losses": _EPOCHS}


def recognizes(path: Path, head: bytes) -> bool:
    """Whether it is one of NASLib's pickles, or a folder with some."""
    if path.is_dir():
        return recognizes_file(first_file(path, _FILES), recognizes)
    return head.startswith(b"\x80") and all(word in head for word in (b"~0|+|", b"eval_acc1es", b"cost_info"))


def read(paths: Sequence[Path], progress: Progress) -> Content:
    """The results in one or several of the files, one per data set.

    Raises:
        ImportDataError: A file is damaged, hostile, or not what is known of it.
    """
    files = [file for path in paths for file in (files_of([path], _FILES) if path.is_dir() else [path])]
    results = Results(NASBench201Space())
    for number, path in enumerate(files):
        _read_file(path, results)
        progress(number + 1, len(files))
    return results.content()._replace(about=_ABOUT, files=files)


def _read_file(path: Path, results: Results) -> None:
    n_cells = 0

    def take(key: Any, value: dict[Any, Any]) -> bool:
        nonlocal n_cells
        if not (isinstance(key, str) and key.startswith("|")):
            return False
        for training, found in value.items():
            results.add_run(
                "200", training, _SEED, key, _run(training, found, f"{path.name}, {key!r:.100}, {training!r:.40}")
            )
        n_cells += 1
        return True

    with open_file(path) as file:
        read_plain_pickle(file, path.name, PLAIN, take)
        if file.read(1):
            raise ImportDataError(f"{path.name}: something follows the pickle; its end expected")
    if not n_cells:
        raise ImportDataError(f"{path.name} holds no cells; a dictionary from architecture to results expected")


def _run(training: Any, found: Any, where: str) -> dict[str, Any]:
    """The results of one training as the release keeps them."""
    if training not in _EVALUATIONS:
        raise ImportDataError(f"{where}: unknown data set; choose from {listed(TRAININGS)}")
    names = _EVALUATIONS[training]
    keys = _CURVES | {"eval_acc1es": names, "eval_losses": names}
    run: dict[str, Any] = {"seed": _SEED, "epochs": len(_EPOCHS)}
    try:
        costs = found["cost_info"]
        for what, known in keys.items():
            if not isinstance(found[what], list) or len(found[what]) != len(known):
                raise ImportDataError(f"{where}: {what} is no list of {len(known)} values, as NASLib keeps them")
            run[what] = dict(zip(known, found[what], strict=True))
        run |= {"params": costs["params"], "flop": costs["flops"]}
        run["train_times"] = dict.fromkeys(_EPOCHS, costs["train_time"])
        latency = costs.get("latency")
        run["latency"] = latency if isinstance(latency, list | None) else [latency]
    except (KeyError, TypeError, AttributeError) as error:
        raise ImportDataError(f"{where} is not as NASLib keeps it ({error!r:.80})") from None
    return run


_ABOUT: Mapping[str, Any] = {
    "title": "NAS-Bench-201 as NASLib copies it: curves of the run with seed 888",
    "licence": "MIT (NAS-Bench-201, Xuanyi Dong and Yi Yang); Apache-2.0 (NASLib)",
    "citation": "Dong and Yang 2020, https://arxiv.org/abs/2001.00326",
    "notes": [
        "what NASLib calls validation and test accuracy is the same entry, the last: here test_accuracy",
        "valtest: the official ori-test, validation and test images together",
        "cost_s: the release's seconds per epoch, which are those of CIFAR-10 scaled by the number of images",
    ],
}

"""From an ensemble to what ships: one small network that follows all its members and its noise.

The ensemble labels as many architectures as wanted: all of a space that can be listed, else a sample, part of which is
bred from the best ones met so far, so that the network follows it near the optimum too.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.encodings.features import sparse
from nasbench_kit.errors import SettingError
from nasbench_kit.formats.safetensors import write_tensors
from nasbench_kit.jobs import Workshop, difference, pool, replacing
from nasbench_kit.optional import require
from nasbench_kit.predictors.agreement import kendall_tau, r2
from nasbench_kit.predictors.splits import position
from nasbench_kit.spaces import Space
from nasbench_kit.surrogates.card import CARD, Card, make_card, sha256_of, write_card
from nasbench_kit.surrogates.fitting import student
from nasbench_kit.surrogates.fitting.best import find_best
from nasbench_kit.surrogates.fitting.bootstrap import bootstrapped
from nasbench_kit.surrogates.network import load
from nasbench_kit.surrogates.surrogate import ENUMERATED, AtEpoch, Ensemble, Surrogate
from nasbench_kit.surrogates.targets import VALUE
from nasbench_kit.version import __version__

Progress = Callable[[int, int], None]

FILE = "network.safetensors"
_UNFINISHED = "unfinished"  # folder with what is kept until the end
_PIECE = 16_384  # architectures labelled, and kept, at a time
_HELD_OUT = 0.02  # share of the architectures that the network is not trained on
_SALT = 2  # of the hash that decides which; 0 and 1 decide what a fit holds out, and its folds
_PASSES = 8_000_000  # architectures seen in training, counted as often as they are, unless `epochs` says otherwise
_ROUNDS = 6  # in which architectures are bred from the best ones
_PARENTS = 0.02  # share of the labelled architectures that are bred from
_MOST_COLUMNS = 30_000  # an encoding by pairs of decisions has no more
_MEASURED = 50_000  # architectures at most on which the network is compared with all of a space
_STARTS = 256  # of the local searches for the best architecture
_FEWEST_ASKED = 1 << 16  # architectures that they ask about at least
_ENCODINGS = {"NASBench101Space": "neighborhoods", "DARTSSpace": "edges"}  # by the class of a space


def distill_surrogate(
    surrogate: Surrogate,
    out: str | os.PathLike[str],
    *,
    name: str | None = None,
    n_archs: int | None = None,
    near_best: float = 0.5,
    encoding: str | None = None,
    hidden: Sequence[int] = (512, 384),
    epochs: int | None = None,
    batch: int = 1_024,
    learning_rate: float = 3e-3,
    members: int | None = None,
    seed: int = 0,
    n_processes: int = 1,
    progress: Progress = lambda done, total: None,
) -> Surrogate:
    """Train one small network to answer as a surrogate does, and write it as a surrogate of its own.

    What was labelled and trained is kept on the way: the same call goes on where an earlier one was stopped. Of the
    architectures, 2 % are not trained on; the card says how the network follows the surrogate there, near the best,
    and on the whole of a space that can be listed. Needs torch.

    Args:
        surrogate: The one to follow.
        out: The folder to write; one that holds a surrogate is replaced.
        name: The name of the new one; that of the old one by default.
        n_archs: How many architectures to label; by default all, where the space has at most 2^20 different ones.
        near_best: Which share of a sample is bred from the best ones met so far; the others are uniform.
        encoding: The sparse encoding that the network reads; see `nasbench_kit.encodings.features.sparse`.
        hidden: Units of each hidden layer.
        epochs: Passes over the architectures; by default as many as see 8,000,000 of them.
        batch: Architectures per step.
        learning_rate: The highest of one cycle.
        members: Give the network so many members, where the surrogate has one: by bootstrap of the last layer.
        seed: Of all randomness; the same gives the same bytes on one machine.
        n_processes: Processes that label.
        progress: Told how much is done, and of how much.

    Raises:
        SettingError: A setting is out of range; `out` cannot be replaced or written; or the space cannot be listed and
            `n_archs` is not given.
    """
    space, folder = surrogate.space, Path(out)
    every = n_archs is None and surrogate.n_archs <= ENUMERATED
    if n_archs is None and not every:
        raise SettingError(f"{space.name} has {surrogate.n_archs:.2g} architectures; say how many to label: n_archs")
    if n_archs is not None and n_archs < 100:
        raise SettingError(f"n_archs={n_archs}; at least 100 expected")
    if not 0 <= near_best < 1 or min(hidden, default=0) < 1 or batch < 1 or learning_rate <= 0 or n_processes < 1:
        raise SettingError(
            f"near_best={near_best}, hidden={tuple(hidden)}, batch={batch}, learning_rate={learning_rate},"
            f" n_processes={n_processes}; a share below 1 and positive numbers expected"
        )
    if members is not None and (members < 2 or surrogate.n_members > 1):
        raise SettingError(f"members={members} of {surrogate.n_members}; at least 2 in the place of one expected")
    settings: dict[str, Any] = {
        "teacher": surrogate.sha256,
        "n_archs": None if every else n_archs,
        "near_best": 0 if every else near_best,
        "encoding": encoding or best_encoding(space),
        "hidden": list(hidden),
        "epochs": epochs,
        "batch": batch,
        "learning_rate": learning_rate,
        "seed": seed,
        **({} if members is None else {"members": members}),
    }
    sparse(space, settings["encoding"])  # what is wrong is an error now, not after hours
    for package, extra in (("torch", "torch"), ("safetensors", "fit"), ("scipy", "fit")):
        require(package, extra)
    total = surrogate.n_archs if every else n_archs
    assert total is not None
    shop = _begin(folder, settings, surrogate)
    try:
        with _labelling(surrogate, n_processes) as label:
            kept = _Labels(shop, label, lambda done: progress(done, 2 * total))
            archs, n_uniform = _labelled(surrogate, kept, settings, total)
        card = _finish(
            surrogate, folder, shop, name or surrogate.name, settings, archs, kept.all(), n_uniform, progress
        )
        write_card(folder, card)
    except OSError as error:
        raise SettingError(f"cannot write to {str(out)!r}: {error.strerror or error}") from None
    shop.remove()
    return Surrogate.open(folder)


def best_encoding(space: Space) -> str:
    """The sparse encoding that a network follows best, by measurement."""
    whole: Space = getattr(space, "whole", space)  # of a recorded part
    n = space.n_choices
    n_columns = sum(n) + (sum(n) ** 2 - sum(k * k for k in n)) // 2
    return _ENCODINGS.get(type(whole).__name__, "pairs" if n_columns <= _MOST_COLUMNS else "one_hot")


def _begin(folder: Path, settings: dict[str, Any], surrogate: Surrogate) -> Workshop:
    """Make the folder for what is kept until the end, or go on with that of an earlier call of the same settings."""
    if folder.resolve() == Path(surrogate.path).resolve():
        raise SettingError(f"{os.fspath(folder)!r} is the surrogate to follow; write elsewhere")
    shop = Workshop(folder / _UNFINISHED, settings)
    if folder.exists() and not Surrogate.is_one(folder) and not shop.is_begun():
        raise SettingError(f"{os.fspath(folder)!r} is there and holds no surrogate, so it is not replaced")
    found = difference(Workshop.job_of(shop.folder) or settings, settings)
    if found:
        name, there, here = found
        raise SettingError(
            f"{os.fspath(shop.folder)!r} is of a call with other settings: {name} is {there!r} there, {here!r} now;"
            " give those, or remove it to begin anew"
        )
    try:
        shop.begin()
    except OSError as error:
        raise SettingError(f"cannot make the folder {str(folder)!r}: {error.strerror or error}") from None
    return shop


# ---- labels ----


def labels_of(surrogate: Surrogate, archs: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Compute the outputs of all members, then of the noise: (n_archs, n_outputs)."""
    return _joined(surrogate.predictor.outputs(archs))


@contextmanager
def _labelling(
    surrogate: Surrogate, n_processes: int
) -> Iterator[Callable[[list[Any]], Iterator[NDArray[np.float64]]]]:
    """A function that labels pieces, in order."""
    if n_processes == 1:
        yield partial(map, partial(labels_of, surrogate))
    else:
        with pool(n_processes) as workers:
            yield partial(workers.map, partial(_labels_in_worker, surrogate.path))


def _labels_in_worker(path: str, archs: NDArray[np.uint8]) -> NDArray[np.float64]:
    return labels_of(_opened(path), archs)


@cache
def _opened(path: str) -> Surrogate:
    """The surrogate that a worker labels with: its models are read once."""
    return Surrogate(path)


class _Labels:
    """What was labelled so far, kept in files."""

    def __init__(
        self,
        shop: Workshop,
        label: Callable[[list[Any]], Iterator[NDArray[np.float64]]],
        progress: Callable[[int], None],
    ) -> None:
        self._shop, self._label, self._progress = shop, label, progress
        self._pieces: list[NDArray[np.float64]] = []
        self._n_done = 0

    def add(self, archs: NDArray[np.uint8]) -> NDArray[np.float64]:
        """The labels of more architectures: those that an earlier call kept, else new ones."""
        pieces = [archs[start : start + _PIECE] for start in range(0, len(archs), _PIECE)]
        first = len(self._pieces)
        while len(self._pieces) < first + len(pieces) and (kept := self._shop.kept(self._name())) is not None:
            self._done(np.load(io.BytesIO(kept), allow_pickle=False))
        for found in self._label(pieces[len(self._pieces) - first :]):
            if not np.isfinite(found).all():
                raise SettingError("the surrogate predicts numbers that are not finite, which no network can follow")
            content = io.BytesIO()
            np.save(content, found)
            self._shop.keep(self._name(), content.getvalue())
            self._done(found)
        return np.concatenate(self._pieces[first:])

    def all(self) -> NDArray[np.float64]:
        """All labels, in the order in which they were added."""
        return np.concatenate(self._pieces)

    def _name(self) -> str:
        return f"labels-{len(self._pieces):05}"

    def _done(self, found: NDArray[np.float64]) -> None:
        self._pieces.append(found)
        self._n_done += len(found)
        self._progress(self._n_done)


def _labelled(
    surrogate: Surrogate, kept: _Labels, settings: dict[str, Any], total: int
) -> tuple[NDArray[np.uint8], int]:
    """The architectures that were labelled, and how many of them, from the first, are uniform."""
    if settings["n_archs"] is None:
        archs = surrogate.space.all_archs()
        kept.add(archs)
        return archs, len(archs)
    space, rng = surrogate.space, np.random.default_rng(settings["seed"])
    n_bred = int(total * settings["near_best"])
    archs = different_archs(
        space, np.empty((0, space.n_decisions), np.uint8), total - n_bred, partial(space.sample_many, rng)
    )
    goodness = _goodness(surrogate, kept.add(archs))
    n_uniform = len(archs)
    for sizes in np.array_split(np.arange(n_bred), _ROUNDS):
        best = [np.argsort(-of_dataset)[: max(10, int(_PARENTS * len(archs)))] for of_dataset in goodness]
        parents = archs[np.concatenate(best)]
        more = different_archs(space, archs, len(sizes), partial(_bred, space, parents, rng))
        if len(more):
            archs = np.concatenate([archs, more])
            goodness = np.hstack([goodness, _goodness(surrogate, kept.add(more))])
    return archs, n_uniform


def different_archs(
    space: Space, known: NDArray[np.uint8], n: int, draw: Callable[[int], NDArray[np.uint8]]
) -> NDArray[np.uint8]:
    """So many architectures from `draw`, all different and none of them known; fewer where no more are found."""
    seen = space.key_many(known)
    found = [known[:0]]
    lacking, tries = n, 0
    while lacking and tries < 50:
        drawn = draw(lacking)
        keys = space.key_many(drawn)
        first = np.sort(np.unique(keys, return_index=True)[1])
        new = drawn[first[~np.isin(keys[first], seen)]]
        seen = np.concatenate([seen, space.key_many(new)])
        found.append(new)
        lacking, tries = lacking - len(new), tries + 1
    return np.concatenate(found)


def _bred(space: Space, parents: NDArray[np.uint8], rng: np.random.Generator, n: int) -> NDArray[np.uint8]:
    """Children of parents drawn at random: 1 to 4 decisions changed."""
    children = parents[rng.integers(len(parents), size=n)]
    n_changes = rng.integers(1, 5, size=n)
    for i in range(4):
        more = n_changes > i
        children[more] = space.mutate_many(children[more], rng)
    return children


def _goodness(surrogate: Surrogate, labels: NDArray[np.float64]) -> NDArray[np.float64]:
    """How good each architecture is predicted to be on each dataset, more is better: (n_datasets, n_archs)."""
    return np.stack(
        [_objective(surrogate.card, dataset, *_split(surrogate.card, labels)) for dataset in surrogate.datasets]
    )


def _objective(
    card: Card, dataset: str, values: NDArray[np.float64], noise: NDArray[np.float64]
) -> NDArray[np.float64]:
    metric = card.metrics[dataset][card.objectives[dataset]]
    return _at(card, dataset, metric.name).prediction(values, noise).mean * metric.sign()


def _at(card: Card, dataset: str, metric: str, position: int | None = None) -> AtEpoch:
    last = max(1, len(card.metrics[dataset][metric].epochs)) - 1
    return AtEpoch(card, dataset, metric, last if position is None else position)


def _split(card: Card, labels: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    n_values = card.n_outputs(VALUE)
    n = card.n_members * n_values
    return labels[:, :n].reshape(-1, card.n_members, n_values), labels[:, n:]


# ---- the network ----


def _finish(
    teacher: Surrogate,
    folder: Path,
    shop: Workshop,
    name: str,
    settings: dict[str, Any],
    archs: NDArray[np.uint8],
    labels: NDArray[np.float64],
    n_uniform: int,
    progress: Progress,
) -> Card:
    """Train the network, write it, and say on its card what it is and how well it follows."""
    held_out = position(teacher.space, archs, _SALT) < _HELD_OUT
    if held_out.sum() < 2 or (~held_out).sum() < 2:
        held_out[:] = False
    encoding = sparse(teacher.space, settings["encoding"])
    columns = _columns(encoding.many, archs)
    learned = student.Learned.of(teacher.card, labels[~held_out])
    n_train = int((~held_out).sum())
    epochs = settings["epochs"] or math.ceil(_PASSES / n_train)
    parameters = student.train(
        columns[~held_out],
        learned.standardized(labels[~held_out]),
        learned.weight,
        n_columns=encoding.n_columns,
        hidden=settings["hidden"],
        epochs=epochs,
        batch=settings["batch"],
        learning_rate=settings["learning_rate"],
        seed=settings["seed"],
        shop=shop,
        progress=lambda done, of: progress(len(archs) * (of + done), 2 * of * len(archs)),
    )
    last, n_members = student.last_layer(parameters, learned), teacher.n_members
    more: dict[str, Any] = {}
    if "members" in settings:
        n_members = settings["members"]
        last, more["deviations_multiplied_by"] = bootstrapped(
            teacher.card, last, lambda rows: student.last_units(parameters, columns[rows]), labels, held_out,
            n_members=n_members, seed=settings["seed"] + 1,
        )  # fmt: skip
    (folder / CARD).unlink(missing_ok=True)
    with replacing(folder / FILE) as path:
        write_tensors(path, student.to_integers(parameters, last, columns[~held_out]))
    card = make_card(
        name=name,
        space=teacher.space,
        predictor={"kind": "network", "file": FILE, "encoding": settings["encoding"]},
        n_members=n_members,
        objectives=teacher.objectives,
        metrics=teacher.card.metrics,
        targets=teacher.card.targets,
        files={FILE: sha256_of(folder / FILE)},
        epochs_are=teacher.card.epochs_are,
        about=teacher.about,
        fitted={},
    )
    network = load(os.fspath(folder), card)
    fidelity: dict[str, Any] = {}
    if held_out.any():
        is_uniform = np.arange(len(archs)) < n_uniform
        in_floats = student.last_units(parameters, columns[held_out]) @ last[0] + last[1]
        error = _joined(network.outputs(archs[held_out])) - in_floats
        fidelity["rounding"] = float(np.sqrt((error**2).mean()))  # outputs are of about unit variance
        compared = {"held_out": held_out & is_uniform}
        if settings["n_archs"] is None:  # what users meet: nearly all of it was trained on
            compared["everywhere"] = np.zeros(len(archs), bool)
            compared["everywhere"][np.random.default_rng(0).permutation(len(archs))[:_MEASURED]] = True
        if not is_uniform.all():
            compared["held_out_near_best"] = held_out & ~is_uniform
        for where, chosen in compared.items():
            fidelity[where] = _fidelity(card, network, archs[chosen], _split(teacher.card, labels[chosen]))
    fitted = {
        "command": "surrogate distill",
        "settings": settings | {"epochs": epochs},
        "n_trained_on": n_train,
        "n_held_out": int(held_out.sum()),
        "teacher": {
            "name": teacher.name,
            "sha256": teacher.sha256,
            "predictor": teacher.card.predictor,
            "fitted": teacher.card.fitted,
            "quality": teacher.card.quality,
        },
        "fidelity": fidelity,
        "versions": _versions(),
        **more,
    }
    goodness = _goodness(teacher, labels)
    starts = {
        dataset: archs[np.argsort(-values)[:_STARTS]]
        for dataset, values in zip(teacher.datasets, goodness, strict=True)
    }
    n_asked = max(_FEWEST_ASKED, 2 * len(archs))
    n_listed = ENUMERATED if settings["n_archs"] is None else n_asked
    best = find_best(card, network, starts, n_listed=n_listed, n_asked=n_asked, seed=settings["seed"])
    return card._replace(fitted=fitted, best=best)


def _columns(many: Callable[[NDArray[np.uint8]], NDArray[np.intp]], archs: NDArray[np.uint8]) -> NDArray[np.intp]:
    pieces = [many(archs[start : start + _PIECE]).astype(np.int32) for start in range(0, len(archs), _PIECE)]
    return np.concatenate(pieces)


def _joined(outputs: tuple[NDArray[np.float64], NDArray[np.float64]]) -> NDArray[np.float64]:
    values, noise = outputs
    return np.hstack([values.reshape(len(values), -1), noise])


def _versions() -> dict[str, str]:
    import torch

    return {"nasbench_kit": __version__, "numpy": np.__version__, "torch": torch.__version__}


# ---- how well it follows ----


def _fidelity(
    card: Card,
    network: Ensemble,
    archs: NDArray[np.uint8],
    followed: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> dict[str, Any]:
    """Compare the network with what it follows, on some architectures, for each metric and some of its epochs."""
    report: dict[str, Any] = {"n_archs": len(archs)}
    if len(archs) < 2:
        return report
    own = network.outputs(archs)
    for dataset, metrics in card.metrics.items():
        for name, metric in metrics.items():
            for where in _some_epochs(len(metric.epochs)):
                at = _at(card, dataset, name, where)
                wanted, found = at.prediction(*followed), at.prediction(*own)
                top = np.argsort(-wanted.mean * metric.sign(), kind="stable")[: max(2, len(wanted.mean) // 20)]
                entry = {
                    "r2": r2(wanted.mean, found.mean),
                    "kendall_tau": kendall_tau(wanted.mean, found.mean),
                    "kendall_tau_best_5_percent": kendall_tau(wanted.mean[top], found.mean[top]),
                    "spread_correlation": _correlation(wanted.spread, found.spread),
                    "noise_correlation": _correlation(wanted.sd, found.sd),
                    "collapse_correlation": _correlation(wanted.collapse, found.collapse),
                }
                epoch = f" epoch {metric.epochs[where]}" if metric.epochs else ""
                report[f"{dataset}/{name}{epoch}"] = {
                    key: round(value, 5) for key, value in entry.items() if math.isfinite(value)
                }
    return report


def _some_epochs(n: int) -> list[int]:
    return list(range(max(n, 1))) if n <= 4 else [0, n // 2, n - 1]


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Pearson's; NaN where either is not known or does not vary."""
    if not (one.std() > 0 and other.std() > 0):
        return math.nan
    return float(np.corrcoef(one, other)[0, 1])

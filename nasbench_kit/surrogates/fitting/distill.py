"""From an ensemble to what ships: one small network that follows all its members and its noise."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.encodings.features import best_sparse, sparse
from nasbench_kit.errors import SettingError
from nasbench_kit.formats.safetensors import write_tensors
from nasbench_kit.jobs import Workshop, replacing
from nasbench_kit.predictors.agreement import kendall_tau, pearson, r2
from nasbench_kit.predictors.splits import position
from nasbench_kit.surrogates.card import CARD, Card, make_card, sha256_of, write_card
from nasbench_kit.surrogates.fitting import student
from nasbench_kit.surrogates.fitting.begun import Percent, Progress, begin, versions, writing_to
from nasbench_kit.surrogates.fitting.best import find_best
from nasbench_kit.surrogates.fitting.bootstrap import Last, bootstrapped
from nasbench_kit.surrogates.fitting.labels import (
    PIECE,
    Labels,
    goodness,
    joined,
    labelling,
    sample_near_best,
    taken_apart,
)
from nasbench_kit.surrogates.fitting.settings import DistillSettings
from nasbench_kit.surrogates.network import load
from nasbench_kit.surrogates.surrogate import ENUMERATED, AtEpoch, Ensemble, Surrogate, check_opened

FILE = "network.safetensors"
_UNFINISHED = "unfinished"  # folder with what is kept until the end
_NEEDS = {"torch": "torch", "safetensors": "fit"}
_HELD_OUT = 0.02  # share of the architectures that the network is not trained on
_SALT = 2  # of the hash that decides which; 0 and 1 decide what a fit holds out, and its folds
_PASSES = 8_000_000  # architectures seen in training, counted as often as they are, unless `epochs` says otherwise
_MEASURED = 50_000  # architectures at most on which the network is compared with all of a space
_STARTS = 256  # of the local searches for the best architecture
_FEWEST_ASKED = 1 << 16  # architectures that they ask about at least


def distill_surrogate(
    surrogate: Surrogate,
    out: str | os.PathLike[str],
    *,
    how: DistillSettings | None = None,
    n_processes: int = 1,
    progress: Progress = lambda done, of: None,
    **settings: Any,
) -> Surrogate:
    """Train one small network to answer as a surrogate does, and write it as a surrogate of its own.

    What was labelled and trained is kept on the way: the same call goes on where an earlier one was stopped. Of the
    architectures, 2 % are not trained on; the card says how the network follows the surrogate there, near the best,
    and on the whole of a space that can be listed. Needs torch.

    Args:
        surrogate: The one to follow.
        out: The folder to write; one that holds a surrogate is replaced.
        how: The settings; those of `DistillSettings` may be given one by one instead.
        n_processes: Processes that label.
        progress: Told how many percent are done.
        settings: Fields of `DistillSettings`.

    Raises:
        SettingError: A setting is out of range; `out` cannot be replaced or written; or the space cannot be listed and
            `n_archs` is not given.
    """
    check_opened(Surrogate, surrogate)
    if n_processes < 1:
        raise SettingError(f"n_processes={n_processes}; at least 1 expected")
    plan = _plan(surrogate, Path(out), how or DistillSettings(**settings))
    begin(plan.out, plan.shop, "distillation", {"arguments": plan.settings})
    tell = Percent(progress, 2)  # labels, then training
    with writing_to(plan.out):
        labelled = _labelled(plan, n_processes, tell)
        trained = _trained(plan, labelled, tell)
        write_card(out, _settle(plan, labelled, trained))
    plan.shop.remove()
    return Surrogate(out)


# ---- the plan ----


class _Plan(NamedTuple):
    """All that is decided before anything is labelled."""

    teacher: Surrogate
    out: Path
    settings: dict[str, Any]  #: as the card has them
    name: str
    is_listed: bool  #: whether all architectures of the space are labelled
    n_archs: int  #: to label
    shop: Workshop


def _plan(teacher: Surrogate, out: Path, given: DistillSettings) -> _Plan:
    is_listed = given.n_archs is None and teacher.n_archs <= ENUMERATED
    if given.n_archs is None and not is_listed:
        raise SettingError(
            f"{teacher.space.name} has {teacher.n_archs:.2g} architectures; say how many to label: n_archs"
        )
    if given.members is not None and (given.members < 2 or teacher.n_members > 1):
        raise SettingError(f"members={given.members} of {teacher.n_members}; at least 2 in the place of one expected")
    settings = given.to_json() | {"teacher": teacher.sha256, "encoding": given.encoding or best_sparse(teacher.space)}
    if is_listed:
        settings["near_best"] = 0
    sparse(teacher.space, settings["encoding"])  # what is wrong is an error now, not after hours
    versions(_NEEDS)  # likewise
    shop = Workshop(out / _UNFINISHED, {"arguments": settings})
    if out.resolve() == Path(teacher.path).resolve():
        raise SettingError(f"{str(out)!r} is the surrogate to follow; write elsewhere")
    if out.exists() and not Surrogate.is_one(out) and not shop.is_begun():
        raise SettingError(f"{str(out)!r} is there and holds no surrogate, so it is not replaced")
    return _Plan(teacher, out, settings, given.name or teacher.name, is_listed, given.n_archs or teacher.n_archs, shop)


# ---- steps ----


class _Labelled(NamedTuple):
    """What the network learns from, and what it is compared on."""

    archs: NDArray[np.uint8]
    labels: NDArray[np.float64]  #: (n_archs, n_outputs)
    is_uniform: NDArray[np.bool_]  #: the others were bred from the best
    held_out: NDArray[np.bool_]  #: not trained on
    columns: NDArray[np.intp]  #: what the network reads


def _labelled(plan: _Plan, n_processes: int, tell: Percent) -> _Labelled:
    settings, space = plan.settings, plan.teacher.space
    with labelling(plan.teacher, n_processes) as label:
        kept = Labels(plan.shop, label, lambda done: tell(done / plan.n_archs))
        if plan.is_listed:
            archs = space.all_archs()
            kept.add(archs)
            n_uniform = len(archs)
        else:
            archs, n_uniform = sample_near_best(
                plan.teacher, kept, plan.n_archs, settings["near_best"], settings["seed"]
            )
    held_out = position(space, archs, _SALT) < _HELD_OUT
    if held_out.sum() < 2 or (~held_out).sum() < 2:
        held_out[:] = False
    many = sparse(space, settings["encoding"]).many
    pieces = [many(archs[start : start + PIECE]).astype(np.int32) for start in range(0, len(archs), PIECE)]
    return _Labelled(archs, kept.all(), np.arange(len(archs)) < n_uniform, held_out, np.concatenate(pieces))


class _Trained(NamedTuple):
    """A network in floats."""

    parameters: Mapping[str, NDArray[np.float32]]
    last: Last  #: its last layer, to the outputs of all members
    n_members: int
    settings: dict[str, Any]  #: with the epochs
    about: dict[str, Any]  #: what the card says of its members


def _trained(plan: _Plan, labelled: _Labelled, tell: Percent) -> _Trained:
    teacher, learns = plan.teacher, ~labelled.held_out
    learned = student.Learned.of(teacher.card, labelled.labels[learns])
    settings = plan.settings | {"epochs": plan.settings["epochs"] or math.ceil(_PASSES / int(learns.sum()))}
    parameters = student.train(
        labelled.columns[learns],
        learned.standardized(labelled.labels[learns]),
        learned.weight,
        settings,
        n_columns=sparse(teacher.space, settings["encoding"]).n_columns,
        shop=plan.shop,
        progress=lambda done, of: tell(1 + done / of),
    )
    last = student.last_layer(parameters, learned)
    if "members" not in settings:
        return _Trained(parameters, last, teacher.n_members, settings, {})
    last, factors = bootstrapped(
        teacher.card, last, lambda rows: student.last_units(parameters, labelled.columns[rows]), labelled.labels,
        labelled.held_out, n_members=settings["members"], seed=settings["seed"] + 1,
    )  # fmt: skip
    return _Trained(parameters, last, settings["members"], settings, {"deviations_multiplied_by": factors})


def _settle(plan: _Plan, labelled: _Labelled, trained: _Trained) -> Card:
    """Write the network in integers, and say what it is and how well it follows."""
    teacher, archs = plan.teacher, labelled.archs
    (plan.out / CARD).unlink(missing_ok=True)
    with replacing(plan.out / FILE) as path:
        columns = labelled.columns[~labelled.held_out]
        write_tensors(path, student.to_integers(trained.parameters, trained.last, columns))
    card = make_card(
        name=plan.name,
        space=teacher.space,
        predictor={"kind": "network", "file": FILE, "encoding": plan.settings["encoding"]},
        n_members=trained.n_members,
        objectives=teacher.objectives,
        metrics=teacher.card.metrics,
        targets=teacher.card.targets,
        files={FILE: sha256_of(plan.out / FILE)},
        epochs_are=teacher.card.epochs_are,
        about=teacher.about,
        fitted={},
    )
    network = load(os.fspath(plan.out), card)
    fitted = {
        "command": "surrogate distill",
        "settings": trained.settings,
        "n_trained_on": int((~labelled.held_out).sum()),
        "n_held_out": int(labelled.held_out.sum()),
        "teacher": {
            "name": teacher.name,
            "sha256": teacher.sha256,
            "predictor": teacher.card.predictor,
            "fitted": teacher.card.fitted,
            "quality": teacher.card.quality,
        },
        "fidelity": _fidelity(plan, labelled, trained, card, network),
        "versions": versions({"torch": "torch"}),
        **trained.about,
    }
    good = goodness(teacher.card, labelled.labels)
    starts = {
        dataset: archs[np.argsort(-values)[:_STARTS]] for dataset, values in zip(teacher.datasets, good, strict=True)
    }
    n_asked = max(_FEWEST_ASKED, 2 * len(archs))
    n_listed = ENUMERATED if plan.is_listed else n_asked
    best = find_best(card, network, starts, n_listed=n_listed, n_asked=n_asked, seed=plan.settings["seed"])
    return card._replace(fitted=fitted, best=best)


# ---- how well it follows ----


def _fidelity(plan: _Plan, labelled: _Labelled, trained: _Trained, card: Card, network: Ensemble) -> dict[str, Any]:
    """Compare the network with what it follows, on architectures that it was not trained on; nothing if all were."""
    held_out, archs = labelled.held_out, labelled.archs
    if not held_out.any():
        return {}
    units = student.last_units(trained.parameters, labelled.columns[held_out])
    error = joined(network.outputs(archs[held_out])) - (units @ trained.last[0] + trained.last[1])
    report: dict[str, Any] = {"rounding": float(np.sqrt((error**2).mean()))}  # outputs are of about unit variance
    compared = {"held_out": held_out & labelled.is_uniform}
    if plan.is_listed:  # what users meet: nearly all of it was trained on
        compared["everywhere"] = np.zeros(len(archs), bool)
        compared["everywhere"][np.random.default_rng(0).permutation(len(archs))[:_MEASURED]] = True
    if not labelled.is_uniform.all():
        compared["held_out_near_best"] = held_out & ~labelled.is_uniform
    for where, some in compared.items():
        report[where] = _likeness(plan.teacher.card, labelled.labels[some], card, network, archs[some])
    return report


def _likeness(
    followed: Card, labels: NDArray[np.float64], card: Card, network: Ensemble, archs: NDArray[np.uint8]
) -> dict[str, Any]:
    """Compare the network with some labels, for each metric and some of its epochs."""
    report: dict[str, Any] = {"n_archs": len(archs)}
    if len(archs) < 2:
        return report
    told, own = taken_apart(followed, labels), network.outputs(archs)
    for dataset, metrics in card.metrics.items():
        for name, metric in metrics.items():
            n = max(1, len(metric.epochs))
            for where in range(n) if n <= 4 else (0, n // 2, n - 1):
                at = AtEpoch(card, dataset, name, where)
                wanted, found = at.prediction(*told), at.prediction(*own)
                top = np.argsort(-wanted.mean * metric.sign(), kind="stable")[: max(2, len(wanted.mean) // 20)]
                entry = {
                    "r2": r2(wanted.mean, found.mean),
                    "kendall_tau": kendall_tau(wanted.mean, found.mean),
                    "kendall_tau_best_5_percent": kendall_tau(wanted.mean[top], found.mean[top]),
                    "spread_correlation": pearson(wanted.spread, found.spread),
                    "noise_correlation": pearson(wanted.sd, found.sd),
                    "collapse_correlation": pearson(wanted.collapse, found.collapse),
                }
                epoch = f" epoch {metric.epochs[where]}" if metric.epochs else ""
                report[f"{dataset}/{name}{epoch}"] = {
                    key: round(value, 5) for key, value in entry.items() if math.isfinite(value)
                }
    return report

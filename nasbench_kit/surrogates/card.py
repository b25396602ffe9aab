"""The card of a surrogate: a JSON file that says what it predicts, how it is read, and where it comes from.

`docs/surrogates.md` describes it. What determines the numbers (space, predictor, targets, model files) is hashed to the
surrogate's `sha256`; the rest is for people.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from io import BufferedReader
from itertools import pairwise
from math import inf, isfinite
from typing import Any, NamedTuple

from nasbench_kit.errors import NasbenchKitError, SurrogateError
from nasbench_kit.jobs import write_bytes
from nasbench_kit.spaces import Space, describe_space, space_from
from nasbench_kit.surrogates.targets import VALUE, Target
from nasbench_kit.tables.metric import DIRECTIONS, SPLITS, Metric
from nasbench_kit.tables.spec import ONE_TRAINING, SEPARATE_TRAININGS

CARD = "card.json"
FORMAT = 1
_MOST_BYTES = 1 << 24  # of a card
_MOST_MODEL_BYTES = 1 << 30  # of each other file
_MOST_MEMBERS = 1_000
_OBJECTS = ("predictor", "datasets", "files", "best", "about", "quality", "fitted")
_LISTS = ("sources", "limits", "notes")  # of `about`


class Placed(NamedTuple):
    """A target of a card, and where its outputs begin."""

    target: Target
    first: int


class Card(NamedTuple):
    """What a card says, understood."""

    name: str
    space: Space
    predictor: dict[str, Any]  #: `kind`, and what that kind needs to be read
    n_members: int
    objectives: dict[str, str]  #: dataset -> metric that a search optimizes
    metrics: dict[str, dict[str, Metric]]  #: dataset -> name -> metric
    targets: tuple[Target, ...]
    epochs_are: dict[str, str]  #: dataset -> what its epochs are; one training where it is not named
    best: dict[str, dict[str, Any]]  #: dataset -> {"arch": text, "proven": whether all architectures were looked at}
    files: dict[str, str]  #: path in the folder -> sha256
    about: dict[str, Any]  #: title, licence, citation, sources, notes
    quality: dict[str, Any]
    fitted: dict[str, Any]  #: by which command, on what, with which versions
    sha256: str

    def target(self, dataset: str, metric: str, kind: str) -> Placed | None:
        """Find a target, and where its outputs begin: among those of a member for "value", else of the noise."""
        start = 0
        for target in self.targets:
            if (target.kind == VALUE) != (kind == VALUE):
                continue
            if (target.dataset, target.metric, target.kind) == (dataset, metric, kind):
                return Placed(target, start)
            start += target.n_outputs
        return None

    def n_outputs(self, *kinds: str) -> int:
        """Return how many outputs the targets of these kinds have together."""
        return sum(target.n_outputs for target in self.targets if target.kind in kinds)

    def to_json(self) -> dict[str, Any]:
        """Return what is written to the file."""
        roles = {"epochs_are": self.epochs_are} if self.epochs_are else {}
        names = ("name", "about", "quality", "fitted", "best", "sha256")
        return _numbers(self) | roles | {name: getattr(self, name) for name in names}


def make_card(*, n_members: int, metrics: Mapping[str, Mapping[str, Metric]], **fields: Any) -> Card:
    """Make a card of the fields of `Card`; the seeds of the metrics and the hash are filled in."""
    seeds = tuple(range(n_members)) if n_members > 1 else ()
    with_seeds = {
        dataset: {
            key: metric._replace(seeds=seeds if metric.split is not None or key == "cost_s" else ())
            for key, metric in these.items()
        }
        for dataset, these in metrics.items()
    }
    card = Card(
        n_members=n_members,
        metrics=with_seeds,
        sha256="",
        **{"epochs_are": {}, "best": {}, "quality": {}} | fields,
    )
    return card._replace(sha256=hashlib.sha256(json.dumps(_numbers(card), sort_keys=True).encode()).hexdigest())


def _numbers(card: Card) -> dict[str, Any]:
    """Return the part of a card that determines the numbers."""
    return {
        "format": FORMAT,
        "space": describe_space(card.space),
        "predictor": card.predictor,
        "n_members": card.n_members,
        "datasets": {
            dataset: {
                "objective": card.objectives[dataset],
                "metrics": {
                    name: {
                        "split": metric.split,
                        "unit": metric.unit,
                        "direction": metric.direction,
                        "epochs": list(metric.epochs),
                    }
                    | _unusual_bounds(metric)
                    for name, metric in metrics.items()
                },
            }
            for dataset, metrics in card.metrics.items()
        },
        "targets": [target.to_json() for target in card.targets],
        "files": card.files,
    }


def _unusual_bounds(metric: Metric) -> dict[str, Any]:
    """Return the bounds of a metric, None where there is none, if they do not follow from its name and unit."""
    if metric.bounds == Metric(*metric[:4]).bounds:
        return {}
    return {"bounds": [bound if isfinite(bound) else None for bound in metric.bounds]}


def write_card(folder: str | os.PathLike[str], card: Card) -> None:
    """Write the card of a surrogate: last, and at once, so that a folder with a card is whole."""
    content = json.dumps(without_nan(card.to_json()), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_bytes(os.path.join(folder, CARD), content.encode())


def without_nan(data: Any) -> Any:
    """Put None for numbers that are not finite, which JSON does not have; named tuples become dictionaries."""
    if isinstance(data, float):
        return data if isfinite(data) else None
    if hasattr(data, "_asdict"):
        data = data._asdict()
    if isinstance(data, dict):
        return {key: without_nan(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return list(map(without_nan, data))
    return data


def read_card(folder: str | os.PathLike[str]) -> Card:
    """Read the card in a folder.

    Raises:
        SurrogateError: There is none, or it is damaged or of a newer version.
    """
    path = os.path.join(folder, CARD)
    try:
        with open_regular(path) as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise ValueError("it is longer than any card")
        entries = json.loads(content, parse_constant=lambda _: None)  # NaN, which is no JSON
        if not isinstance(entries, dict):
            raise ValueError(f"it holds a {type(entries).__name__}; an object expected")
        if entries["format"] != FORMAT:
            raise ValueError(f"its format is {entries['format']!r:.20}; this version reads {FORMAT}")
        card = _understood(entries)
    except (FileNotFoundError, NotADirectoryError):
        raise SurrogateError(f"{os.fspath(folder)!r} is no surrogate: it has no {CARD}") from None
    except OSError as error:
        raise SurrogateError(f"cannot read {path!r}: {error.strerror or error}") from None
    except NasbenchKitError as error:  # some are KeyErrors too
        raise SurrogateError(f"{path!r} is no valid card: {error}") from None
    except KeyError as error:
        raise SurrogateError(f"{path!r} is no valid card: it lacks {error}") from None
    except (ValueError, TypeError, AttributeError, IndexError, ArithmeticError, RecursionError) as error:
        raise SurrogateError(f"{path!r} is no valid card: {str(error) or type(error).__name__:.200}") from None
    if card.sha256 != entries["sha256"]:
        raise SurrogateError(f"{path!r} was changed by hand or damaged: its content does not have the sha256 it names")
    return card


def _understood(entries: Mapping[str, Any]) -> Card:
    n_members = entries["n_members"]
    for what in (entries["name"], entries["sha256"], *entries["datasets"]):
        if not isinstance(what, str) or not what or "/" in what:
            raise ValueError(f"{what!r} cannot be a name; a text without a slash expected")
    if type(n_members) is not int or not 1 <= n_members <= _MOST_MEMBERS:
        raise ValueError(f"n_members={n_members!r}; a number from 1 to {_MOST_MEMBERS} expected")
    for member in _OBJECTS:
        if not isinstance(entries[member], dict):
            raise ValueError(f"{member} is {entries[member]!r:.40}; an object expected")
    if not isinstance(entries["predictor"]["kind"], str):
        raise ValueError(f"the predictor's kind is {entries['predictor']['kind']!r:.40}; a text expected")
    for file in entries["files"]:
        if not is_inside(file):
            raise ValueError(f"{file!r:.80} lies outside of its folder")
    for member in _LISTS:
        if not isinstance(entries["about"].get(member, []), list):
            raise ValueError(f"about: {member} is {entries['about'][member]!r:.40}; a list expected")
    for dataset, best in entries["best"].items():
        known = isinstance(best, dict) and isinstance(best.get("arch"), str) and type(best.get("proven")) is bool
        if dataset not in entries["datasets"] or not known:
            raise ValueError(
                f"best of {dataset!r:.40} is {best!r:.80}; arch and proven of one of its datasets expected"
            )
    epochs_are = entries.get("epochs_are", {})
    if not isinstance(epochs_are, dict) or not epochs_are.keys() <= entries["datasets"].keys():
        raise ValueError(f"epochs_are is {epochs_are!r:.80}; an object of its datasets expected")
    for dataset, how in epochs_are.items():
        if how not in (ONE_TRAINING, SEPARATE_TRAININGS):
            raise ValueError(f"epochs of {dataset} are {how!r:.40}; choose from {ONE_TRAINING}, {SEPARATE_TRAININGS}")
    metrics = {
        dataset: {key: _metric(key, entry) for key, entry in description["metrics"].items()}
        for dataset, description in entries["datasets"].items()
    }
    objectives = {dataset: description["objective"] for dataset, description in entries["datasets"].items()}
    targets = tuple(
        Target.from_json(entry, max(1, len(metrics[entry["dataset"]][entry["metric"]].epochs)))
        for entry in entries["targets"]
    )
    made = make_card(
        name=entries["name"],
        space=space_from(entries["space"]),
        n_members=n_members,
        objectives=objectives,
        metrics=metrics,
        targets=targets,
        epochs_are=epochs_are,
        **{member: entries[member] for member in _OBJECTS if member != "datasets"},
    )
    for dataset, these in metrics.items():
        for key in (objectives[dataset], *these):
            if made.target(dataset, key, VALUE) is None:
                raise ValueError(f"no target predicts {key} of {dataset}")
        cost = these.get("cost_s", these[objectives[dataset]])
        if cost.epochs != these[objectives[dataset]].epochs:
            raise ValueError(f"cost_s of {dataset} has other epochs than {objectives[dataset]}")
    return made


def _metric(name: str, entry: Mapping[str, Any]) -> Metric:
    epochs = tuple(entry["epochs"])
    if any(type(epoch) is not int for epoch in epochs) or any(b <= a for a, b in pairwise((0, *epochs))):
        raise ValueError(f"{name}: epochs={epochs}; ascending numbers from 1 expected")
    if entry["split"] not in (*SPLITS, None) or entry["direction"] not in (*DIRECTIONS, None):
        raise ValueError(f"{name}: split {entry['split']!r} or direction {entry['direction']!r}")
    bounds = None
    if "bounds" in entry:
        low, high = entry["bounds"]
        bounds = (-inf if low is None else float(low), inf if high is None else float(high))
        if not bounds[0] < bounds[1]:
            raise ValueError(f"{name}: bounds={entry['bounds']!r:.40}; the lower one first, or null, expected")
    return Metric(name, entry["split"], str(entry["unit"]), entry["direction"], (), epochs, bounds)


def is_inside(name: object) -> bool:
    """Say whether a card may call a file of its folder this: a path that does not lead out."""
    if not isinstance(name, str) or not name or not name.isprintable() or "\\" in name:
        return False
    return not (os.path.isabs(name) or os.path.splitdrive(name)[0] or ".." in name.split("/"))


def open_regular(path: str | os.PathLike[str]) -> BufferedReader:
    """Open a file that may come from anywhere; what is no file, as a pipe or a device, raises OSError at once."""
    file = os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError("it is no regular file")
    return file


def sha256_of(path: str | os.PathLike[str]) -> str:
    """Hash a file of at most 1 GiB; a longer one raises OSError."""
    with open_regular(path) as file:
        if os.fstat(file.fileno()).st_size > _MOST_MODEL_BYTES:
            raise OSError(f"it has more than {_MOST_MODEL_BYTES:,} bytes")
        return hashlib.file_digest(file, "sha256").hexdigest()

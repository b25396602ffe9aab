"""The official models of NAS-Bench-301: boosters in pickles, taken out of them without unpickling.

A release is a folder per ensemble (`xgb_v1.0`, `lgb_runtime_v1.0`), with a folder per member that holds
`surrogate_model.model`, a pickled booster, beside `model_config.json`. They read the vector of 56 numbers and say the
validation accuracy (percent) after the last epoch, or the seconds of training. The graph networks of the release
(`gnn_gin`) are not read.

Predictions are those of `nasbench301.api`: XGBoost's with all trees, LightGBM's with those up to its best iteration.

Source: Zela, Siems et al. 2022, https://arxiv.org/abs/2008.09777; nasbench301 0.3 of PyPI, `ensemble.py`
and `gradient_boosting` in its `surrogate_models`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import ImportDataError, SurrogateError, listed
from nasbench_kit.formats.booster_pickles import read_booster_pickle
from nasbench_kit.formats.boosters import check_xgboost, checked_lightgbm
from nasbench_kit.formats.files import read_file
from nasbench_kit.formats.xgboost_binary import is_binary, to_json
from nasbench_kit.optional import require
from nasbench_kit.predictors.boosters import first_line
from nasbench_kit.spaces import DARTSSpace
from nasbench_kit.spaces.darts_forms import COLUMNS
from nasbench_kit.surrogates.card import Card, make_card, sha256_of, write_card
from nasbench_kit.surrogates.surrogate import Ensemble, Outputs
from nasbench_kit.surrogates.targets import VALUE, Target
from nasbench_kit.tables.metric import Metric

LAST_EPOCH = 98
MODEL_FILE, MODEL_CONFIG = "surrogate_model.model", "model_config.json"
ACCURACY, RUNTIME = "val_accuracy", "cost_s"
_XGBOOST, _LIGHTGBM = "xgb", "lgb"
_MOST_CONFIG = 1 << 20
_SUFFIXES = {".ubj": _XGBOOST, ".txt": _LIGHTGBM}


# ---- what a release holds ----


class Member(NamedTuple):
    """One member of an official ensemble."""

    path: Path  #: of its pickle
    model: str  #: as its configuration has it: "xgb", "lgb", "xgb_time", "lgb_time", "gnn_gin", ...

    @property
    def metric(self) -> str:
        """Return what it predicts."""
        return RUNTIME if self.model.endswith("_time") else ACCURACY

    @property
    def library(self) -> str:
        """Return what its pickle was written by."""
        return self.model.removesuffix("_time")


def find(folder: Path) -> list[Member]:
    """Find the members of the ensembles in a folder, in the order of their numbers; none if it is of another kind.

    Raises:
        ImportDataError: A configuration is absent or damaged.
    """
    paths = sorted(folder.rglob(MODEL_FILE), key=lambda path: _natural(path.relative_to(folder).as_posix()))
    return [Member(path, _configured(path.parent / MODEL_CONFIG)) for path in paths]


def chosen(members: Sequence[Member]) -> dict[str, list[Member]]:
    """Group members by the metric that they predict.

    Raises:
        ImportDataError: They are of several kinds, or of one that is not read.
    """
    found: dict[str, list[Member]] = {}
    for member in members:
        if member.library not in (_XGBOOST, _LIGHTGBM):
            raise ImportDataError(
                f"{str(member.path.parent)!r} is a {member.model!r:.40}; of NAS-Bench-301's models the boosters are"
                " read, xgb and lgb: give their folders"
            )
        found.setdefault(member.metric, []).append(member)
    for metric, those in found.items():
        kinds = sorted({member.model for member in those})
        if len(kinds) > 1:
            raise ImportDataError(f"{metric} has members of several models, {listed(kinds)}; give the folder of one")
    return {metric: found[metric] for metric in (ACCURACY, RUNTIME) if metric in found}


def _natural(text: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", text)]


def _configured(path: Path) -> str:
    try:
        entries = json.loads(read_file(path, _MOST_CONFIG))
        model = entries["model"]
        if entries.get("param:bananas_enc"):
            raise ValueError("it reads the path encoding, where the vector of 56 numbers is expected")
        if not isinstance(model, str):
            raise ValueError(f"its model is {model!r:.40}")
    except OSError as error:
        raise ImportDataError(f"cannot read {str(path)!r}: {error.strerror or error}") from None
    except ImportDataError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ImportDataError(f"{str(path)!r} is no configuration of a model: {type(error).__name__} {error}") from None
    return model


# ---- boosters out of pickles ----


def read_booster(member: Member) -> Booster:
    """Read the booster in an official pickle. Nothing in it is executed.

    Raises:
        ImportDataError: The pickle is damaged, or names anything but a booster.
        SurrogateError, SettingError: As `Booster`.
    """
    content, n_trees = read_booster_pickle(member.path, member.library)
    return Booster(member.library, content, str(member.path), n_trees)


@final
class Booster:
    """Predict by a booster of either library, from vectors of 56 numbers.

    Args:
        library: "xgb" or "lgb".
        content: A model or, as pickles of XGBoost have it, a model and its configuration.
        where: What to call it in messages.
        n_trees: So many count; all by default.

    Raises:
        SurrogateError: The library does not read it.
        SettingError: The library is not installed.
    """

    def __init__(self, library: str, content: bytes, where: str, n_trees: int = -1) -> None:
        self.library, self._n_trees = library, n_trees
        is_xgboost = library == _XGBOOST
        package = require("xgboost", "xgboost") if is_xgboost else require("lightgbm", "fit")
        wrong = package.core.XGBoostError if is_xgboost else package.basic.LightGBMError
        try:
            if is_xgboost:
                self._booster = _read_xgboost(package, content)
                n_features = self._booster.num_features()
            else:
                self._booster = package.Booster(model_str=checked_lightgbm(content))
                n_features = self._booster.num_feature()
        except (wrong, ValueError, KeyError) as error:
            raise SurrogateError(
                f"{where!r} holds no booster that {package.__name__} reads: {first_line(error)}"
            ) from None
        if n_features != len(COLUMNS):
            raise SurrogateError(f"{where!r} reads {n_features} numbers; the {len(COLUMNS)} of NAS-Bench-301 expected")

    @classmethod
    def load(cls, path: Path) -> Booster:
        """Load it from a file that `save` wrote; a `SurrogateError` says that it is absent or damaged."""
        try:
            return cls(_SUFFIXES[path.suffix], path.read_bytes(), str(path))
        except OSError as error:
            raise SurrogateError(f"cannot read {str(path)!r}: {error.strerror or error}") from None

    def save(self, path: Path) -> Path:
        """Write it in its library's own form, with the ending of that; return which file it is."""
        if self.library == _XGBOOST:
            path = path.with_name(f"{path.name}.ubj")
            path.write_bytes(self._booster.save_raw("ubj"))
        else:
            path = path.with_name(f"{path.name}.txt")
            path.write_text(self._booster.model_to_string(num_iteration=self._n_trees), encoding="utf-8")
        return path

    def predict(self, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        """Predict one number per vector: (n_archs,)."""
        if self.library == _XGBOOST:
            found = self._booster.inplace_predict(vectors, validate_features=False)
        else:
            found = self._booster.predict(vectors, num_iteration=self._n_trees)
        return np.asarray(found, np.float64).reshape(len(vectors))


def _read_xgboost(xgboost: Any, content: bytes) -> Any:
    booster = xgboost.Booster()
    content = to_json(content) if is_binary(content) else content
    check_xgboost(content)
    if b"Config" in content[:32]:  # the first key, in UBJSON or JSON: its configuration comes first
        booster.__setstate__({"handle": bytearray(content)})
    else:
        booster.load_model(bytearray(content))
    return booster


# ---- the predictor ----


@final
class Ensembles(Ensemble):
    """Predict by one ensemble, or by one of accuracy and one of runtime.

    Args:
        boosters: Metric -> the members.
    """

    def __init__(self, boosters: Mapping[str, Sequence[Booster]]) -> None:
        self._boosters = boosters
        self.metrics = tuple(boosters)  #: what is predicted; the first has members of its own in `outputs`
        self.n_members = len(boosters[self.metrics[0]])
        self._space = DARTSSpace()

    def members(self, metric: str, archs: object) -> NDArray[np.float64]:
        """Ask each member, in the release's units, percent and seconds: (n_members, n_archs)."""
        vectors = self._space.vector(archs)
        return np.stack([booster.predict(vectors) for booster in self._boosters[metric]])

    def outputs(self, archs: NDArray[np.uint8]) -> Outputs:
        """Predict accuracy as a fraction, then seconds where an ensemble does: (n_archs, n_members, n_values).

        An ensemble of seconds with another number of members gives each its mean.
        """
        parts = []
        for metric in self.metrics:
            found = self.members(metric, archs)
            if len(found) != self.n_members:
                found = np.tile(found.mean(axis=0), (self.n_members, 1))
            parts.append(found / 100 if metric == ACCURACY else found)
        return np.stack(parts, axis=-1).transpose(1, 0, 2), np.zeros((len(archs), 0))


def read(folder: Path) -> Ensembles:
    """Read the ensembles in an official folder.

    Raises:
        ImportDataError: There is none, or one that is not read.
        SurrogateError, SettingError: As `read_booster`.
    """
    found = chosen(find(folder))
    if not found:
        raise ImportDataError(f"{str(folder)!r} holds no model of NAS-Bench-301: no {MODEL_FILE} in it or below")
    return Ensembles({metric: list(map(read_booster, these)) for metric, these in found.items()})


def load(folder: str, card: Card) -> Ensembles:
    """Load the ensembles of a surrogate.

    Raises:
        SurrogateError: A booster is absent or damaged.
    """
    try:
        files = {metric: list(card.predictor["members"][metric]) for metric in card.metrics["cifar10"]}
    except (KeyError, TypeError, AttributeError):
        raise SurrogateError(f"the card in {folder!r} does not say which boosters predict what") from None
    for name in (name for names in files.values() for name in names):
        if name not in card.files or os.path.splitext(name)[1] not in _SUFFIXES:
            raise SurrogateError(f"{name!r:.60} is no booster among the files of the surrogate in {folder!r}")
    return Ensembles({metric: [Booster.load(Path(folder, name)) for name in names] for metric, names in files.items()})


# ---- making a surrogate ----


def write(members: Sequence[Member], folder: Path, name: str) -> None:
    """Make a surrogate of official members in a folder that exists: the boosters, in their libraries' own form.

    Raises:
        ImportDataError: There are none that predict accuracies, or some that are not read.
        SurrogateError, SettingError: As `read_booster`.
    """
    found = chosen(members)
    if ACCURACY not in found:
        raise ImportDataError("these members predict runtimes alone; give the folder of those for accuracies too")
    files: dict[str, list[str]] = {}
    for metric, these in found.items():
        files[metric] = [
            read_booster(member).save(folder / f"{metric}-{number}").name for number, member in enumerate(these)
        ]
    targets = tuple(
        Target("cifar10", metric, VALUE, "identity", np.zeros(1), np.ones((1, 1)), np.zeros((0, 0))) for metric in files
    )
    card = make_card(
        name=name,
        space=DARTSSpace(),
        predictor={"kind": "nasbench301", "members": files},
        n_members=len(found[ACCURACY]),
        objectives={"cifar10": ACCURACY},
        metrics={"cifar10": {metric: Metric.from_name(metric, (), (LAST_EPOCH,)) for metric in files}},
        targets=targets,
        files={file: sha256_of(folder / file) for names in files.values() for file in names},
        about={
            "title": f"Official models of NAS-Bench-301: {', '.join(sorted({member.model for member in members}))}",
            "licence": "Apache-2.0",
            "citation": "Zela, Siems et al. 2022, https://arxiv.org/abs/2008.09777",
            "sources": [f"{'/'.join(each.path.parts[-3:])} (sha256 {sha256_of(each.path)})" for each in members],
        },
        fitted={"command": "surrogate import", "by": "the authors of NAS-Bench-301"},
    )
    write_card(folder, card)

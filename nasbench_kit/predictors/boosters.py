"""Ensembles of trees: boosted by LightGBM or XGBoost, or a random forest. One booster per output, on an encoding."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.encodings.features import best_dense, matrix
from nasbench_kit.errors import SettingError, SurrogateError
from nasbench_kit.formats.boosters import check_xgboost, checked_lightgbm
from nasbench_kit.optional import require
from nasbench_kit.predictors import booster_settings
from nasbench_kit.predictors.base import Data, Predictor, Progress, silent
from nasbench_kit.predictors.settings import read_model, resolved, write_model
from nasbench_kit.spaces import Space

AUTO = "auto"
_CHUNK = 8_192  # architectures whose features are held in memory at a time
_FEWEST = 2  # architectures that an output must be known of
_OWN = ("encoding", "rounds", "early_stopping", "threads")  # settings that are no parameters of a library

Tell = Callable[[int], None]


class Boosters(Predictor, ABC):
    """One booster per output. See `Predictor` for the methods.

    Args:
        space: What it reads.
        settings: See `known`.
    """

    suffix: ClassVar[str]  #: of the files

    def __init__(self, space: Space, settings: Mapping[str, Any]) -> None:
        self.space = space
        self.settings = resolved(self.name, self.known, settings)
        if self.settings["encoding"] == AUTO:
            self.settings["encoding"] = best_dense(space)
        example = space.sample_many(np.random.default_rng(0), 1)
        self._n_columns = matrix(space, example, self.settings["encoding"]).shape[1]
        self._boosters: list[Any] = []

    @final
    def fit(self, train: Data, valid: Data, *, seed: int, progress: Progress = silent) -> None:
        """Learn from `train`; stop by `valid`, or train all rounds where it is empty. Same seed, same model."""
        n_outputs, rounds = train.outputs.shape[1], self.settings["rounds"]
        features = [matrix(self.space, data.archs, self.settings["encoding"]) for data in (train, valid)]
        known = [~np.isnan(data.outputs) for data in (train, valid)]
        # outputs that are known of the same architectures share what is computed from the features
        groups: dict[bytes, list[int]] = {}
        for output in range(n_outputs):
            groups.setdefault(b"".join(part[:, output].tobytes() for part in known), []).append(output)
        made: list[Any] = [None] * n_outputs
        n_done = 0

        def tell(done: int) -> None:
            progress(n_done * rounds + done, n_outputs * rounds)

        for outputs in groups.values():
            rows = [part[:, outputs[0]] for part in known]
            if rows[0].sum() < _FEWEST:
                raise SettingError(
                    f"{self.name}: output {outputs[0]} is known of {rows[0].sum()} architectures; "
                    f"at least {_FEWEST} expected"
                )
            values = [data.outputs[which][:, outputs] for data, which in zip((train, valid), rows, strict=True)]
            self._check(values)
            stops = self.settings.get("early_stopping", 0) > 0 and len(values[1]) > 0
            # binned once, then given the values of one output after the other
            sets = [self._binned(features[0][rows[0]], None, seed)]
            sets += [self._binned(features[1][rows[1]], sets[0], seed)] * stops
            for k, output in enumerate(outputs):
                for part, data in enumerate(sets):
                    data.set_label(values[part][:, k])
                made[output] = self._boosted(sets, seed, tell)
                n_done += 1
        self._boosters = made
        progress(n_outputs * rounds, n_outputs * rounds)

    @final
    def predict(self, archs: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Predict the outputs of a batch: (n_archs, n_outputs)."""
        found = np.empty((len(archs), len(self._boosters)))
        for start in range(0, len(archs), _CHUNK):
            features = matrix(self.space, archs[start : start + _CHUNK], self.settings["encoding"])
            found[start : start + _CHUNK] = self.predict_features(features)
        return found

    @final
    def predict_features(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Predict from a matrix of features, which several models may read: (n_archs, n_outputs)."""
        return np.stack([self._raw(booster, features) for booster in self._boosters], axis=1).astype(np.float64)

    @final
    def save(self, folder: Path) -> None:
        """Write `model.json`, and one file per output in the booster's own format."""
        contents = map(self._to_bytes, self._boosters)
        files = dict(zip(self._files(len(self._boosters)), contents, strict=True))
        write_model(folder, self.name, self.settings, len(self._boosters), files)

    @final
    @classmethod
    def load(cls, space: Space, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            SurrogateError: A file is absent or damaged.
        """
        made, n_outputs, contents = read_model(cls, space, folder, cls._files)
        for name, content in zip(cls._files(n_outputs), contents, strict=True):
            path = str(folder / name)
            booster, n_columns = made._from_bytes(path, content)
            if n_columns != made._n_columns:
                raise SurrogateError(
                    f"{path!r} reads {n_columns} columns; {made.settings['encoding']!r} of {space.name} has "
                    f"{made._n_columns}"
                )
            made._boosters.append(booster)
        return made

    @classmethod
    def _files(cls, n_outputs: int) -> list[str]:
        return [f"channel_{output}.{cls.suffix}" for output in range(n_outputs)]

    # ---- what a library does ----

    def _check(self, values: list[NDArray[np.float64]]) -> None:
        """Refuse values of outputs, to train on and to stop by, that the objective does not take."""

    @abstractmethod
    def _binned(self, features: NDArray[np.float32], like: Any, seed: int) -> Any:
        """Make the library's own set of data, with the bins of another one where there is one."""

    @abstractmethod
    def _boosted(self, sets: list[Any], seed: int, tell: Tell) -> Any:
        """Fit a booster that learns from the first set and stops by the second, if there is one."""

    @abstractmethod
    def _raw(self, booster: Any, features: NDArray[np.float32]) -> NDArray[Any]: ...

    @abstractmethod
    def _to_bytes(self, booster: Any) -> bytes: ...

    @abstractmethod
    def _from_bytes(self, path: str, content: bytes) -> tuple[Any, int]:
        """Read a booster, and how many columns it reads."""


class _OfLightGBM(Boosters):
    """What boosted trees and forests of LightGBM share. Kept as its own text."""

    suffix = "txt"
    needs = (("lightgbm", "fit"),)
    raw: ClassVar[bool]  #: whether to ask for scores before the objective's transformation

    @abstractmethod
    def _parameters(self) -> dict[str, Any]:
        """Its settings in LightGBM's names."""

    @final
    def _all_parameters(self, seed: int) -> dict[str, Any]:
        steady = {"seed": seed, "deterministic": True, "force_row_wise": True, "verbosity": -1}
        return self._parameters() | {"num_threads": self.settings["threads"], **steady}

    @final
    def _binned(self, features: NDArray[np.float32], like: Any, seed: int) -> Any:
        lightgbm = require("lightgbm", extra="fit")
        return lightgbm.Dataset(features, reference=like, params=self._all_parameters(seed), free_raw_data=False)

    @final
    def _boosted(self, sets: list[Any], seed: int, tell: Tell) -> Any:
        lightgbm = require("lightgbm", extra="fit")
        callbacks = [lambda state: tell(state.iteration + 1)]
        if sets[1:]:
            callbacks.append(lightgbm.early_stopping(self.settings["early_stopping"], verbose=False))
        booster = lightgbm.train(
            self._all_parameters(seed), sets[0], self.settings["rounds"], valid_sets=sets[1:], callbacks=callbacks
        )
        # without the trees after its best round, as it will be when read from its file
        return lightgbm.Booster(model_str=booster.model_to_string(num_iteration=booster.best_iteration or -1))

    @final
    def _raw(self, booster: Any, features: NDArray[np.float32]) -> NDArray[Any]:
        return booster.predict(features, raw_score=self.raw, num_threads=self.settings["threads"])

    @final
    def _to_bytes(self, booster: Any) -> bytes:
        text: str = booster.model_to_string()
        return text.encode()

    @final
    def _from_bytes(self, path: str, content: bytes) -> tuple[Any, int]:
        lightgbm = require("lightgbm", extra="fit")
        try:
            booster = lightgbm.Booster(model_str=checked_lightgbm(content))
        except (lightgbm.basic.LightGBMError, ValueError, KeyError) as error:
            raise SurrogateError(f"{path!r} is no LightGBM model, or damaged: {error}") from None
        return booster, booster.num_feature()


@final
class LightGBM(_OfLightGBM):
    """Boosted trees that grow leaf by leaf: LightGBM, Ke et al. 2017.

    The setting `objective` is "l2", or "cross_entropy" for outputs in [0, 1], which then are predicted as log-odds.
    """

    name = "lightgbm"
    raw = True
    known, presets, ranges = booster_settings.LIGHTGBM

    def _check(self, values: list[NDArray[np.float64]]) -> None:
        inside = all(((part >= 0) & (part <= 1)).all() for part in values)
        if self.settings["objective"] == booster_settings.CROSS_ENTROPY and not inside:
            raise SettingError("lightgbm: objective 'cross_entropy' takes outputs from 0 to 1")

    def _parameters(self) -> dict[str, Any]:
        found = {name: value for name, value in self.settings.items() if name not in _OWN}
        return found | {"bagging_freq": int(self.settings["bagging_fraction"] < 1)}


@final
class RandomForest(_OfLightGBM):
    """The mean of trees grown deep on random parts of the data: random forests, Breiman 2001, grown by LightGBM.

    Each tree sees a share of the architectures drawn without replacement, not a bootstrap sample. Not scikit-learn,
    whose models are pickles.
    """

    name = "random_forest"
    raw = False  # the score of a forest is the sum of its trees
    known, presets, ranges = booster_settings.RANDOM_FOREST

    def _parameters(self) -> dict[str, Any]:
        same = ("bagging_fraction", "num_leaves", "max_bin", "min_child_samples")
        found = {name: self.settings[name] for name in same}
        return found | {"boosting": "rf", "bagging_freq": 1, "feature_fraction_bynode": self.settings["max_features"]}


@final
class XGBoost(Boosters):
    """Boosted trees that grow level by level: XGBoost, Chen and Guestrin 2016. Kept as UBJSON."""

    name = "xgboost"
    suffix = "ubj"
    needs = (("xgboost", "xgboost"),)
    known, presets, ranges = booster_settings.XGBOOST

    def _binned(self, features: NDArray[np.float32], like: Any, seed: int) -> Any:
        xgboost = require("xgboost", extra="xgboost")
        bins, threads = self.settings["max_bin"], self.settings["threads"]
        return xgboost.QuantileDMatrix(features, ref=like, max_bin=bins, nthread=threads)

    def _boosted(self, sets: list[Any], seed: int, tell: Tell) -> Any:
        xgboost = require("xgboost", extra="xgboost")
        settings = self.settings
        parameters = {name: value for name, value in settings.items() if name not in _OWN} | {
            "tree_method": "hist", "nthread": settings["threads"], "seed": seed, "verbosity": 0,
        }  # fmt: skip

        class Told(xgboost.callback.TrainingCallback):  # type: ignore[misc, name-defined]
            def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
                tell(epoch + 1)
                return False

        booster = xgboost.train(
            parameters,
            sets[0],
            settings["rounds"],
            evals=[(data, "valid") for data in sets[1:]],
            early_stopping_rounds=settings["early_stopping"] if sets[1:] else None,
            verbose_eval=False,
            callbacks=[Told()],
        )
        return self._ready(booster[: booster.best_iteration + 1] if sets[1:] else booster)

    def _ready(self, booster: Any) -> Any:
        """Set what several threads may not set while they ask."""
        booster.set_param({"nthread": self.settings["threads"]})
        return booster

    def _raw(self, booster: Any, features: NDArray[np.float32]) -> NDArray[Any]:
        return booster.inplace_predict(features)

    def _to_bytes(self, booster: Any) -> bytes:
        return bytes(booster.save_raw("ubj"))

    def _from_bytes(self, path: str, content: bytes) -> tuple[Any, int]:
        xgboost = require("xgboost", extra="xgboost")
        try:
            check_xgboost(content)
            booster = xgboost.Booster(model_file=bytearray(content))
        except (xgboost.core.XGBoostError, ValueError) as error:
            raise SurrogateError(f"{path!r} is no XGBoost model, or damaged: {first_line(error)}") from None
        return self._ready(booster), booster.num_features()


def first_line(error: Exception) -> str:
    """Say what went wrong, without the trace of C++ functions."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0].split("] ")[-1][:200] if lines else type(error).__name__

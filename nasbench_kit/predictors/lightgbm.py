"""Gradient boosting by LightGBM, Ke et al. 2017. Kept as its own text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, final

from nasbench_kit.errors import SettingError, TableError
from nasbench_kit.optional import require
from nasbench_kit.predictors.settings import Setting
from nasbench_kit.predictors.trees import AUTO, MOST_THREADS, Trees

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

L2, CROSS_ENTROPY = OBJECTIVES = ("l2", "cross_entropy")


class LightGBMTrees(Trees):
    """What boosted trees and forests of LightGBM share: how they are asked and kept."""

    suffix = "txt"
    raw = True  # whether to ask for scores before the objective's transformation: in a forest, the sum of its trees

    def _raw(self, booster: Any, features: NDArray[np.float32]) -> NDArray[Any]:
        return booster.predict(features, raw_score=self.raw, num_threads=self.settings["threads"])

    def _to_bytes(self, booster: Any) -> bytes:
        text: str = booster.model_to_string()
        return text.encode()

    def _from_bytes(self, path: str, content: bytes) -> tuple[Any, int]:
        lightgbm = require("lightgbm", extra="fit")
        try:
            booster = lightgbm.Booster(model_str=content.decode())
        except (lightgbm.basic.LightGBMError, UnicodeDecodeError) as error:
            raise TableError(f"{path!r} is no LightGBM model, or damaged: {error}") from None
        return booster, booster.num_feature()


@final
class LightGBM(LightGBMTrees):
    """Boosted trees that grow leaf by leaf.

    Args:
        space: What it reads.
        settings: See `known`. `objective` is "l2", or "cross_entropy" for channels in [0, 1], which then are
            predicted as log-odds.
    """

    name = "lightgbm"
    known: ClassVar[Mapping[str, Setting]] = {
        "encoding": Setting(AUTO),
        "objective": Setting(L2, choices=OBJECTIVES),
        "rounds": Setting(2_000, 1, 100_000),
        "early_stopping": Setting(100, 0, 100_000),  # 0: never
        "learning_rate": Setting(0.05, 1e-5, 1.0),
        "num_leaves": Setting(31, 2, 4_096),
        "max_depth": Setting(-1, -1, 1_000),  # -1: any
        "max_bin": Setting(255, 2, 65_535),
        "min_child_samples": Setting(10, 1, 1_000_000),
        "min_child_weight": Setting(1e-3, 0.0, 1e6),
        "feature_fraction": Setting(0.3, 1e-3, 1.0),
        "bagging_fraction": Setting(1.0, 1e-3, 1.0),
        "lambda_l1": Setting(0.0, 0.0, 1e6),
        "lambda_l2": Setting(0.0, 0.0, 1e6),
        "threads": Setting(1, 1, MOST_THREADS),
    }
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "default": {},
        # Source: NAS-Bench-301, https://arxiv.org/abs/2008.09777, the tuned configurations of its repository
        "nasbench301": {
            "rounds": 30_000, "early_stopping": 100, "learning_rate": 0.02182, "num_leaves": 40, "max_depth": 18,
            "max_bin": 336, "min_child_samples": 20, "min_child_weight": 0.5822, "feature_fraction": 0.1532,
            "lambda_l1": 0.01149, "lambda_l2": 134.5,
        },
        "nasbench301_runtime": {
            "rounds": 30_000, "early_stopping": 100, "learning_rate": 0.0895, "num_leaves": 41, "max_depth": 1,
            "max_bin": 191, "min_child_samples": 20, "min_child_weight": 0.00211, "feature_fraction": 0.7458,
            "lambda_l1": 25.1, "lambda_l2": 35.8,
        },
    }  # fmt: skip
    ranges: ClassVar[Mapping[str, Any]] = {
        "learning_rate": (0.01, 0.2, "log"),
        "num_leaves": (7, 255, "log"),
        "min_child_samples": (1, 100, "log"),
        "feature_fraction": (0.05, 1.0, "log"),
        "bagging_fraction": (0.5, 1.0),
        "lambda_l1": (1e-3, 10.0, "log"),
        "lambda_l2": (1e-3, 100.0, "log"),
    }

    def _train(
        self,
        features: list[NDArray[np.float32]],
        values: list[NDArray[np.float64]],
        seed: int,
        tell: Any,
    ) -> list[Any]:
        lightgbm = require("lightgbm", extra="fit")
        settings = self.settings
        own = ("encoding", "rounds", "early_stopping", "threads")
        parameters = {name: value for name, value in settings.items() if name not in own}
        parameters["bagging_freq"] = int(settings["bagging_fraction"] < 1)
        parameters |= common_parameters(seed, settings["threads"])
        if settings["objective"] == CROSS_ENTROPY and not all(((part >= 0) & (part <= 1)).all() for part in values):
            raise SettingError("lightgbm: objective 'cross_entropy' takes channels from 0 to 1")
        # binned once, then given the values of one channel after the other
        sets = [lightgbm.Dataset(features[0], values[0][:, 0], params=parameters, free_raw_data=False)]
        stops = settings["early_stopping"] > 0 and len(features[1]) > 0
        if stops:
            sets.append(lightgbm.Dataset(features[1], values[1][:, 0], reference=sets[0], params=parameters))
        made = []
        for channel in range(values[0].shape[1]):
            for part, data in enumerate(sets):
                data.set_label(values[part][:, channel])
            start = channel * settings["rounds"]
            callbacks = [lambda state, start=start: tell(start + state.iteration + 1)]
            if stops:
                callbacks.append(lightgbm.early_stopping(settings["early_stopping"], verbose=False))
            booster = lightgbm.train(parameters, sets[0], settings["rounds"], valid_sets=sets[1:], callbacks=callbacks)
            made.append(reread(lightgbm, booster))
        return made


def common_parameters(seed: int, threads: int) -> dict[str, Any]:
    """What makes the same seed give the same trees, quietly."""
    return {"num_threads": threads, "seed": seed, "deterministic": True, "force_row_wise": True, "verbosity": -1}


def reread(lightgbm: Any, booster: Any) -> Any:
    """The booster without the trees after its best round, as it will be when read from its file."""
    return lightgbm.Booster(model_str=booster.model_to_string(num_iteration=booster.best_iteration or -1))

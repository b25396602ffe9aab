"""Gradient boosting by XGBoost, Chen and Guestrin 2016. Kept as UBJSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, final

from nasbench_kit.errors import TableError
from nasbench_kit.optional import require
from nasbench_kit.predictors.settings import Setting
from nasbench_kit.predictors.trees import AUTO, MOST_THREADS, Trees

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@final
class XGBoost(Trees):
    """Boosted trees that grow level by level.

    Args:
        space: What it reads.
        settings: See `known`.
    """

    name = "xgboost"
    suffix = "ubj"
    known: ClassVar[Mapping[str, Setting]] = {
        "encoding": Setting(AUTO),
        "rounds": Setting(2_000, 1, 100_000),
        "early_stopping": Setting(100, 0, 100_000),  # 0: never
        "learning_rate": Setting(0.05, 1e-5, 1.0),
        "max_depth": Setting(6, 1, 64),
        "max_bin": Setting(256, 2, 65_535),
        "min_child_weight": Setting(5.0, 0.0, 1e6),
        "subsample": Setting(1.0, 1e-3, 1.0),
        "colsample_bytree": Setting(0.3, 1e-3, 1.0),
        "colsample_bylevel": Setting(1.0, 1e-3, 1.0),
        "lambda": Setting(1.0, 0.0, 1e6),
        "alpha": Setting(0.0, 0.0, 1e6),
        "threads": Setting(1, 1, MOST_THREADS),
    }
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "default": {},
        # Source: NAS-Bench-301, https://arxiv.org/abs/2008.09777, the tuned configuration of its repository
        "nasbench301": {
            "rounds": 20_000, "early_stopping": 100, "learning_rate": 0.008238, "max_depth": 13,
            "min_child_weight": 39.0, "colsample_bytree": 0.2545, "colsample_bylevel": 0.6909, "lambda": 31.39,
            "alpha": 0.2417,
        },
    }  # fmt: skip
    ranges: ClassVar[Mapping[str, Any]] = {
        "learning_rate": (0.01, 0.2, "log"),
        "max_depth": (3, 13),
        "min_child_weight": (1.0, 100.0, "log"),
        "subsample": (0.5, 1.0),
        "colsample_bytree": (0.05, 1.0, "log"),
        "colsample_bylevel": (0.2, 1.0),
        "lambda": (1e-2, 100.0, "log"),
        "alpha": (1e-3, 10.0, "log"),
    }

    def _train(
        self,
        features: list[NDArray[np.float32]],
        values: list[NDArray[np.float64]],
        seed: int,
        tell: Any,
    ) -> list[Any]:
        xgboost = require("xgboost", extra="xgboost")
        settings = self.settings
        own = ("encoding", "rounds", "early_stopping", "threads")
        parameters = {name: value for name, value in settings.items() if name not in own} | {
            "tree_method": "hist", "nthread": settings["threads"], "seed": seed, "verbosity": 0,
        }  # fmt: skip

        class Tell(xgboost.callback.TrainingCallback):  # type: ignore[misc, name-defined]
            def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
                tell(channel * settings["rounds"] + epoch + 1)
                return False

        # binned once, then given the values of one channel after the other
        sets = [xgboost.QuantileDMatrix(features[0], max_bin=settings["max_bin"], nthread=settings["threads"])]
        stops = settings["early_stopping"] > 0 and len(features[1]) > 0
        if stops:
            sets.append(
                xgboost.QuantileDMatrix(
                    features[1], ref=sets[0], max_bin=settings["max_bin"], nthread=settings["threads"]
                )
            )
        made = []
        for channel in range(values[0].shape[1]):
            for part, data in enumerate(sets):
                data.set_label(values[part][:, channel])
            booster = xgboost.train(
                parameters,
                sets[0],
                settings["rounds"],
                evals=[(data, "valid") for data in sets[1:]],
                early_stopping_rounds=settings["early_stopping"] if stops else None,
                verbose_eval=False,
                callbacks=[Tell()],
            )
            made.append(booster[: booster.best_iteration + 1] if stops else booster)
        return made

    def _raw(self, booster: Any, features: NDArray[np.float32]) -> NDArray[Any]:
        booster.set_param({"nthread": self.settings["threads"]})
        return booster.inplace_predict(features)

    def _to_bytes(self, booster: Any) -> bytes:
        return bytes(booster.save_raw("ubj"))

    def _from_bytes(self, path: str, content: bytes) -> tuple[Any, int]:
        xgboost = require("xgboost", extra="xgboost")
        try:
            booster = xgboost.Booster(model_file=bytearray(content))
        except xgboost.core.XGBoostError as error:
            raise TableError(f"{path!r} is no XGBoost model, or damaged: {_first_line(error)}") from None
        return booster, booster.num_features()


def _first_line(error: Exception) -> str:
    """What went wrong, without the trace of C++ functions."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0].split("] ")[-1][:200] if lines else type(error).__name__

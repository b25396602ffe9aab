"""The settings of ensembles of trees: what they take, published sets of them, and what tuning searches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from nasbench_kit.predictors.base import Ranges
from nasbench_kit.predictors.settings import Setting

L2, CROSS_ENTROPY = "l2", "cross_entropy"


class BoosterSettings(NamedTuple):
    """The settings of one kind."""

    known: Mapping[str, Setting]
    presets: Mapping[str, Mapping[str, Any]]
    ranges: Ranges


# presets: NAS-Bench-301, https://arxiv.org/abs/2008.09777, the tuned configurations of its repository

_ENCODING, _THREADS = Setting("auto"), Setting(1, 1, 1_024)

LIGHTGBM = BoosterSettings(
    known={
        "encoding": _ENCODING,
        "objective": Setting(L2, choices=(L2, CROSS_ENTROPY)),
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
        "threads": _THREADS,
    },
    presets={
        "default": {},
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
    },
    ranges={
        "learning_rate": (0.01, 0.2, "log"),
        "num_leaves": (7, 255, "log"),
        "min_child_samples": (1, 100, "log"),
        "feature_fraction": (0.05, 1.0, "log"),
        "bagging_fraction": (0.5, 1.0),
        "lambda_l1": (1e-3, 10.0, "log"),
        "lambda_l2": (1e-3, 100.0, "log"),
    },
)  # fmt: skip

XGBOOST = BoosterSettings(
    known={
        "encoding": _ENCODING,
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
        "threads": _THREADS,
    },
    presets={
        "default": {},
        "nasbench301": {
            "rounds": 20_000, "early_stopping": 100, "learning_rate": 0.008238, "max_depth": 13,
            "min_child_weight": 39.0, "colsample_bytree": 0.2545, "colsample_bylevel": 0.6909, "lambda": 31.39,
            "alpha": 0.2417,
        },
    },
    ranges={
        "learning_rate": (0.01, 0.2, "log"),
        "max_depth": (3, 13),
        "min_child_weight": (1.0, 100.0, "log"),
        "subsample": (0.5, 1.0),
        "colsample_bytree": (0.05, 1.0, "log"),
        "colsample_bylevel": (0.2, 1.0),
        "lambda": (1e-2, 100.0, "log"),
        "alpha": (1e-3, 10.0, "log"),
    },
)  # fmt: skip

RANDOM_FOREST = BoosterSettings(
    known={
        "encoding": _ENCODING,
        "rounds": Setting(200, 1, 100_000),  # trees
        "num_leaves": Setting(4_096, 2, 65_536),
        "max_bin": Setting(255, 2, 65_535),
        "min_child_samples": Setting(2, 1, 1_000_000),
        "max_features": Setting(0.3, 1e-3, 1.0),  # share of the columns that a split chooses from
        "bagging_fraction": Setting(0.8, 1e-3, 0.999),
        "threads": _THREADS,
    },
    presets={"default": {}, "nasbench301": {"rounds": 116, "max_features": 0.1706}},
    ranges={
        "min_child_samples": (1, 20, "log"),
        "max_features": (0.05, 1.0, "log"),
        "bagging_fraction": (0.4, 0.95),
    },
)

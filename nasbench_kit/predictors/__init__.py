"""The models that a surrogate's members can be."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from nasbench_kit.errors import unknown
from nasbench_kit.predictors.base import Data, Model

MODELS = {
    "gin": "GIN",
    "lightgbm": "LightGBM",
    "mlp": "MLP",
    "random_forest": "RandomForest",
    "xgboost": "XGBoost",
}
"""Name, which is that of the model's module too -> class."""


def model_class(name: str) -> Any:
    """The class of a model.

    Raises:
        UnknownNameError: There is no such model.
    """
    if name not in MODELS:
        raise unknown("model", name, MODELS)
    return getattr(import_module(f"nasbench_kit.predictors.{name}"), MODELS[name])


__all__ = ["MODELS", "Data", "Model", "model_class"]

"""Models from architectures to numbers: members of surrogates, and whatever else learns from results."""

from __future__ import annotations

from importlib import import_module

from nasbench_kit.errors import unknown
from nasbench_kit.predictors.base import Data, Predictor, Ranges

MODELS = {
    "gin": ("gin", "GIN"),
    "lightgbm": ("boosters", "LightGBM"),
    "mlp": ("mlp", "MLP"),
    "random_forest": ("boosters", "RandomForest"),
    "xgboost": ("boosters", "XGBoost"),
}
"""Name -> its module and class."""


def model_class(name: str) -> type[Predictor]:
    """Return the class of a model.

    Raises:
        UnknownNameError: There is no such model.
    """
    if name not in MODELS:
        raise unknown("model", name, MODELS)
    module, of = MODELS[name]
    found: type[Predictor] = getattr(import_module(f"nasbench_kit.predictors.{module}"), of)
    return found


__all__ = ["MODELS", "Data", "Predictor", "Ranges", "model_class"]

"""Surrogates: ensembles fitted to tables, that predict results where none were measured, with their noise."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nasbench_kit.surrogates.surrogate import Prediction, Surrogate

if TYPE_CHECKING:
    from nasbench_kit.surrogates.fitting.distill import distill_surrogate as distill
    from nasbench_kit.surrogates.fitting.fit import fit_surrogate as fit
    from nasbench_kit.surrogates.predicted_table import materialize
    from nasbench_kit.surrogates.published import load_published
    from nasbench_kit.surrogates.quality.evaluate import evaluate

__all__ = ["Prediction", "Surrogate", "distill", "evaluate", "fit", "load_published", "materialize"]

_LAZY = {
    "distill": ("fitting.distill", "distill_surrogate"),
    "evaluate": ("quality.evaluate", "evaluate"),
    "fit": ("fitting.fit", "fit_surrogate"),
    "load_published": ("published", "load_published"),
    "materialize": ("predicted_table", "materialize"),
}


def __getattr__(name: str) -> Any:  # who only asks does not wait for what makes and evaluates surrogates
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _LAZY[name]
    return getattr(import_module(f"{__name__}.{module}"), attribute)


def __dir__() -> list[str]:
    return sorted(__all__)

"""Surrogates: ensembles fitted to tables, that predict results where none were measured, with their noise."""

from nasbench_kit.surrogates.surrogate import Prediction, Surrogate

__all__ = ["Prediction", "Surrogate"]

"""Gaussian processes on what was told at several epochs, as MOBSTER learns them."""

from __future__ import annotations

from itertools import product
from math import log
from typing import TYPE_CHECKING

import numpy as np

from nasbench_kit.errors import unknown
from nasbench_kit.optimizers.model_based.processes import choices
from nasbench_kit.optimizers.multi_fidelity.suggestions import Learn, Model, Told
from nasbench_kit.predictors.gaussian_process import GaussianProcess, Kernel, hamming_kernels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.optimizers.base import Task

MODELS = ("joint", "independent")
MOST = 150  # outcomes that a process learns from
_EPOCH_LENGTHS = (0.2, 0.5, 1.0)  # of a kernel on log epoch, where the longest training is 1


def learner(model: str, task: Task, n_enough: int) -> Learn:
    """How MOBSTER learns.

    Args:
        model: "joint" learns from all epochs, the highest first, with a kernel on architecture times one on the
            logarithm of the epoch; "independent" from the highest epoch with enough outcomes alone.
        task: What is searched.
        n_enough: How many outcomes are enough.

    Raises:
        UnknownNameError: There is no such model.
    """
    if model not in MODELS:
        raise unknown("model", model, MODELS)
    plain = hamming_kernels(task.space)
    if model == "independent":
        return lambda told: _alone(told, plain, n_enough)
    with_epochs = [_with_epochs(kernel, length) for kernel, length in product(plain, _EPOCH_LENGTHS)]
    return lambda told: _joint(told, with_epochs, task.epochs[-1])


def _alone(told: Told, kernels: list[Kernel], n_enough: int) -> Model:
    levels = sorted(told, reverse=True)
    epoch = next((epoch for epoch in levels if len(told[epoch].values) >= n_enough), levels[-1])
    latest = told[epoch].latest(MOST)
    process = GaussianProcess(choices(latest.archs), latest.values, kernels=kernels)
    best = float(process.predict(choices(latest.archs))[0].max())
    return Model(lambda archs: process.predict(choices(archs)), best)


def _joint(told: Told, kernels: list[Kernel], last: int) -> Model:
    def features(archs: NDArray[np.uint8], epoch: int) -> NDArray[np.float64]:
        share = log(epoch) / log(last) if last > 1 else 1.0
        return np.column_stack([choices(archs), np.full(len(archs), share)])

    known: list[NDArray[np.float64]] = []
    values: list[NDArray[np.float64]] = []
    left = MOST
    for epoch in sorted(told, reverse=True):
        latest = told[epoch].latest(left)
        known.append(features(latest.archs, epoch))
        values.append(latest.values)
        left -= len(latest.values)
        if not left:
            break
    places = np.concatenate(known)
    process = GaussianProcess(places, np.concatenate(values), kernels=kernels)

    def predict(archs: NDArray[np.uint8], epoch: int = last) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return process.predict(features(archs, epoch))

    at_the_end = places.copy()
    at_the_end[:, -1] = 1.0
    return Model(predict, float(process.predict(at_the_end)[0].max()))


def _with_epochs(kernel: Kernel, length: float) -> Kernel:
    """A kernel on all columns but the last, times one on the last."""

    def both(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
        apart = np.abs(one[:, -1:] - other[None, :, -1])
        return kernel(one[:, :-1], other[:, :-1]) * np.exp(-apart / length)

    return both

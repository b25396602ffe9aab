"""What one epoch of a cell costs on one thread of a processor: a model that adds up operations.

The networks of the table were trained side by side and have no time of their own. So some were measured by themselves,
by `measure`, and the model was fitted to them; the measurements stand in the table (`about["cost"]`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist1d.recipe import Recipe
from mnist1d.signals import Split

TERMS = ("base", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")


def count_operations(cells: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
    """A one, and how many edges carry each operation but `none`: (n_cells, 5), in the order of `TERMS`."""
    return np.column_stack([np.ones(len(cells)), *((cells == op).sum(1) for op in (1, 2, 3, 4))])


def fit(cells: NDArray[np.integer[Any]], measured: NDArray[np.float64]) -> NDArray[np.float64]:
    """Seconds of an epoch for each of `TERMS`, by least squares: (5,)."""
    coefficients, *_ = np.linalg.lstsq(count_operations(cells), measured, rcond=None)
    return coefficients.astype(np.float64)


def measure(
    cells: NDArray[np.integer[Any]], data: Mapping[str, Split], rng: np.random.Generator, n_rounds: int = 15
) -> NDArray[np.float64]:
    """Seconds that one epoch (its steps, and a validation) takes one thread, for each cell: (n_cells,).

    They are seconds that the process spent computing, so that other work on the machine counts as little as possible;
    the median of rounds, in which the cells take turns, so that a slow minute slows them all.
    """
    import torch

    from mnist1d.network import Network, count_correct, step

    recipe, steps_at_a_time = Recipe(), 3
    x, y = (torch.from_numpy(array) for array in data["val"])
    y = y.long()
    networks = [Network(cell, recipe.n_channels) for cell in cells.tolist()]
    optimizers = [torch.optim.SGD(n.parameters(), 1e-3, recipe.momentum, nesterov=True) for n in networks]

    def steps(i: int) -> None:
        for _ in range(steps_at_a_time):
            step(networks[i], optimizers[i], x[: recipe.batch_size], y[: recipe.batch_size])

    of_a_step, of_validation = np.empty((2, n_rounds, len(cells)))
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for k in range(n_rounds):
            for i in rng.permutation(len(cells)).tolist():
                steps(i)  # the first after another network is slower
                of_a_step[k, i] = _seconds_of(lambda i=i: steps(i)) / steps_at_a_time  # type: ignore[misc]
                of_validation[k, i] = _seconds_of(lambda i=i: count_correct(networks[i], x, y))  # type: ignore[misc]
    finally:
        torch.set_num_threads(n_threads)
    n_steps = len(data["train"][0]) // recipe.batch_size
    return n_steps * np.median(of_a_step, axis=0) + np.median(of_validation, axis=0)


def _seconds_of(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started

"""What every training has in common: the recipe, the order of the samples, the random numbers of the weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_SEED = 65_535  # beyond, `uniform` would give a cell the numbers of another


@dataclass(frozen=True)
class Recipe:
    """How each network is trained; the same for every cell."""

    n_channels: int = 8
    epochs: int = 36  # of the whole schedule
    batch_size: int = 64  # the rest of an epoch that fills no batch is left out
    learning_rate: float = 0.1  # at the first step; cosine to 0 at the last
    momentum: float = 0.9  # Nesterov
    weight_decay: float = 2e-3  # on every parameter

    def learning_rates(self, n_steps: int) -> NDArray[np.float32]:
        """The rate of each of `n_steps` steps: float32."""
        return (0.5 * self.learning_rate * (1 + np.cos(np.pi * np.arange(n_steps) / n_steps))).astype(np.float32)


def batch_order(seed: int, epoch: int, n_samples: int) -> NDArray[np.int64]:
    """The order of the training samples in one epoch, counted from 0: the same for every cell."""
    return np.random.default_rng([seed, epoch]).permutation(n_samples)


def uniform(identity: int, seed: int, positions: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
    """Numbers in [-1, 1) that depend on the cell, the seed and a position alone: float32, multiples of 2^-23.

    Source: the mixer of SplitMix64, Steele, Lea and Flood 2014, https://doi.org/10.1145/2660193.2660195
    """
    key = _mix(np.array([identity * (MOST_SEED + 1) + seed + 1], np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    bits = _mix(key + (positions.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)
    return bits.astype(np.float32) * np.float32(2**-23) - np.float32(1)


def _mix(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))

"""A ten-class data set of one-dimensional digits, after MNIST-1D.

Source: Greydanus 2020 (and Greydanus and Kobak 2024), "Scaling down deep learning with MNIST-1D",
https://arxiv.org/abs/2011.14439. Only the recipe of that paper is followed; templates, code and numbers are our own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Split = tuple[NDArray[np.float32], NDArray[np.uint8]]
"""Signals (n_samples, 40), and their classes (n_samples,)."""

LENGTH, CLASSES = 40, 10
SIZES = {"train": 4000, "val": 4000, "test": 10000}
SEED = 20201128

_POINTS = 12  # of a template
_HEIGHT = 0.35  # of a template; the smaller, the harder
_PADDING = (36, 60)  # points of nothing added behind it
_SHIFT = 48  # farthest circular translation, in points
_SCALE = (0.8, 1.2)  # factor of the height
_SHEAR = 0.75  # width of the uniform slope
_SMOOTH_NOISE, _SMOOTH_WIDTH = 0.25, 2.0  # height, and width in points, of the correlated noise
_NOISE = 0.02  # height of the independent noise


def templates() -> NDArray[np.float64]:
    """The ten digits as the height of a pen that passes from left to right: (10, 12), in about [-1, 1].

    0 is an arch, 1 a drop and a ramp, 2 an arch and a valley, 3 two arches, 4 a ramp down and a step, 5 a flat low and
    an arch, 6 a valley, 7 a step up and a ramp down, 8 two valleys, 9 a valley, a flat and a dip.
    """
    x = np.linspace(0, 1, _POINTS)
    arch, wave = np.sin(np.pi * x), np.sin(2 * np.pi * x)
    inner = (x > 0) & (x < 1)
    ramp = np.interp(x, [0.09, 0.9], [-1, 0.45])
    return np.stack(
        [
            np.minimum(1.6 * arch, 1),
            np.where(inner, ramp, 0),
            0.9 * wave,
            0.85 * np.abs(wave),
            np.where(x < 0.5, -2.4 * x, 0),
            np.where(x < 0.4, -1.0 * inner, 0.85 * np.sin(np.pi * (x - 0.4) / 0.6)),
            -np.minimum(1.6 * arch, 1),
            np.where(inner, -ramp, 0),
            -0.85 * np.abs(wave),
            np.where(x < 0.5, -0.85 * np.abs(wave), -0.35 * (np.abs(x - 0.86) < 0.1)),
        ]
    )


def make_split(n_samples: int, rng: np.random.Generator) -> Split:
    """Draw `n_samples` signals, the classes in equal parts and in random order."""
    labels = rng.permutation(np.arange(n_samples) % CLASSES).astype(np.uint8)
    shapes = templates()
    offsets = np.arange(-8, 9)
    kernel = np.exp(-0.5 * (offsets / _SMOOTH_WIDTH) ** 2)
    kernel /= kernel.sum()
    signals = np.empty((n_samples, LENGTH), np.float32)
    for i, label in enumerate(labels):
        n_points = _POINTS + int(rng.integers(_PADDING[0], _PADDING[1] + 1))
        signal = np.zeros(n_points)
        signal[:_POINTS] = _HEIGHT * shapes[label] * rng.uniform(*_SCALE)
        signal = np.roll(signal, int(rng.integers(_SHIFT + 1)))
        noise = rng.normal(size=n_points + 16)
        signal += _SMOOTH_NOISE * np.convolve(noise, kernel, "valid")
        place = np.linspace(-0.5, 0.5, n_points)
        signal += rng.uniform(-_SHEAR, _SHEAR) * place
        signal += _NOISE * rng.normal(size=n_points)
        signals[i] = np.interp(np.linspace(-0.5, 0.5, LENGTH), place, signal)
    return signals, labels


def make_data(seed: int = SEED) -> dict[str, Split]:
    """The three splits `train`, `val` and `test`.

    Signals are standardized by the mean and deviation of `train`, and rounded to 1/1024, so that platforms whose
    last digits differ still make the same data.
    """
    streams = np.random.SeedSequence(seed).spawn(len(SIZES))
    data = {name: make_split(n, np.random.default_rng(s)) for (name, n), s in zip(SIZES.items(), streams, strict=True)}
    mean, deviation = data["train"][0].mean(), data["train"][0].std()
    return {name: (np.round((x - mean) / deviation * 1024) / 1024, y) for name, (x, y) in data.items()}


def sha256_of(data: Mapping[str, Split]) -> str:
    """The hash of the six arrays: signals and classes of `train`, `val` and `test`, in this order."""
    digest = hashlib.sha256()
    for split in ("train", "val", "test"):
        for array in data[split]:
            digest.update(array.tobytes())
    return digest.hexdigest()

"""What importers do with the numbers of others: check them, and keep them in the fewest bytes that hold them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import ArchitectureError, ImportDataError, listed
from nasbench_kit.spaces import Space
from nasbench_kit.tables import Metric, Stored

_MOST_GAPS = 64  # places per value


def exact(values: NDArray[np.floating[Any]]) -> NDArray[np.float32] | NDArray[np.float64]:
    """The same numbers in half the space, where that loses nothing."""
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
    return single if np.array_equal(single, values, equal_nan=True) else values.astype(np.float64, copy=False)


def counts(percent: NDArray[np.floating[Any]], n_images: int, within: float) -> tuple[NDArray[Any], int] | None:
    """How many of `n_images` each percentage is, in the smallest type.

    Args:
        percent: (n_seeds, ...); NaN where there is none.
        n_images: What it is a percentage of.
        within: How far from a whole number a count may be, for values that were rounded when they were written down.

    Returns:
        The counts, and the one that stands for NaN; None if some value is no such percentage.
    """
    dtype = np.uint16 if n_images < np.iinfo(np.uint16).max else np.uint32
    missing = int(np.iinfo(dtype).max)
    raw = np.full(percent.shape, missing, dtype)
    for part, found in zip(percent, raw, strict=True):  # one seed after the other: less memory
        images = part.astype(np.float64) / 100 * n_images
        rounded = np.round(images)
        there = ~np.isnan(images)
        if (np.abs(images - rounded)[there] > within).any() or ((rounded < 0) | (rounded > n_images))[there].any():
            return None
        found[there] = rounded[there].astype(dtype)
    return raw, missing


def percentages(metric: Metric, percent: NDArray[np.floating[Any]], n_images: int, within: float) -> Stored:
    """An accuracy as counts of images where all values are such, and as it is else: see `counts`."""
    found = counts(percent, n_images, within)
    return Stored(metric, percent, (1, 100)) if found is None else Stored(metric, found[0], (1, n_images), found[1])


def check_filled(shape: tuple[int, ...], n_values: int, where: str, spare: int = 1 << 22) -> None:
    """Columns of this shape hold so many values: a few runs of very different kind would make them all gaps.

    Raises:
        ImportDataError: Hardly any place has a value, and there are more than `spare` places.
    """
    if prod(shape) > max(spare, _MOST_GAPS * n_values):
        raise ImportDataError(
            f"{where}: {n_values:,} values would stand in columns of {prod(shape):,} places (runs, epochs,"
            f" architectures: {listed(shape)}); about the same number of runs and epochs for each expected"
        )


def amount(value: Any, where: str) -> float:
    """A finite number from 0, of Python.

    Raises:
        ImportDataError: It is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < np.inf:
        raise ImportDataError(f"{where} is {value!r:.40}; a number from 0 expected")
    return float(value)


def parse_all(space: Space, texts: Iterable[str], form: str, where: str) -> NDArray[np.uint8]:
    """Architectures in one text form: (n_archs, n_decisions).

    Raises:
        ImportDataError: One is none of the space.
    """
    try:
        return np.array([space.parse(text, form) for text in texts], np.uint8).reshape(-1, space.n_decisions)
    except ArchitectureError as error:
        raise ImportDataError(f"{where}: {error}") from None


def dataset_in_name(path: Path, datasets: Sequence[str], example: str) -> str:
    """The dataset that a file is named after.

    Raises:
        ImportDataError: There is none.
    """
    named = [dataset for dataset in datasets if dataset.lower() in path.name.lower()]
    if not named:
        raise ImportDataError(
            f"cannot tell the dataset of {path.name}; name the file after one of {listed(datasets)}, like {example}"
        )
    return max(named, key=len)  # "cifar10" is in "cifar100" too

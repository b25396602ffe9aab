"""What every model does: learn a row of channels per architecture, tell it for others, be kept in files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, Self

from nasbench_kit.spaces import Space

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Progress = Callable[[int, int], None]
"""Told how much is done, and of how much: rounds, epochs, members."""


def silent(_done: int, _of: int) -> None:
    """Progress that nobody follows."""


class Data(NamedTuple):
    """Architectures and what is known of them."""

    archs: NDArray[np.uint8]  #: (n_archs, n_decisions)
    channels: NDArray[np.float64]  #: (n_archs, n_channels), of about unit variance; NaN where not known


class Model(Protocol):
    """One member of an ensemble.

    Args:
        space: What it reads.
        settings: Its hyperparameters; those that are not given have the model's defaults.

    Attributes:
        presets: Name -> settings; "default" is there, and the published ones where there are some.
        ranges: Setting -> what `--tune` searches: `(low, high)`, `(low, high, "log")` or a list of choices.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]]
    ranges: ClassVar[Mapping[str, Any]]

    def __init__(self, space: Space, settings: Mapping[str, Any]) -> None:
        """Raises `UnknownNameError` for a setting that the model does not have, `SettingError` for a bad value."""
        ...

    def fit(self, train: Data, valid: Data, *, seed: int, progress: Progress = ...) -> None:
        """Learn from `train`; stop by `valid`. The same seed gives the same model."""
        ...

    def predict(self, archs: NDArray[np.uint8]) -> NDArray[np.float64]:
        """The channels of a batch: (n_archs, n_channels). Computed in float64 where the order of sums matters."""
        ...

    def save(self, folder: Path) -> None:
        """Write it to files in a folder that exists: nothing that is executed when it is read."""
        ...

    @classmethod
    def load(cls, space: Space, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            TableError: A file is absent or damaged.
        """
        ...

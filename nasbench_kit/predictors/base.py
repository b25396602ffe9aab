"""What every predictor does: learn a row of outputs per architecture, tell it for others, be kept in files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, Self

from nasbench_kit.spaces import Space

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nasbench_kit.predictors.settings import Setting

Progress = Callable[[int, int], None]
"""Told how much is done, and of how much: rounds, epochs, members."""

Ranges = Mapping[str, Sequence[Any]]
"""Setting -> what tuning searches: `(low, high)`, `(low, high, "log")`, or a list of choices."""


def silent(_done: int, _of: int) -> None:
    """Progress that nobody follows."""


class Data(NamedTuple):
    """Architectures and what is known of them."""

    archs: NDArray[np.uint8]  #: (n_archs, n_decisions)
    outputs: NDArray[np.float64]  #: (n_archs, n_outputs), of about unit variance; NaN where not known


class Predictor(Protocol):
    """A model from architectures to numbers.

    Args:
        space: What it reads.
        settings: Its hyperparameters; those that are not given have their defaults.

    Attributes:
        name: The name under which `model_class` knows it.
        needs: The packages that it is computed by, each with the extra that installs it.
        known: Setting -> its default and the values it takes.
        presets: Name -> settings; "default" is there, and the published ones where there are some.
        ranges: What tuning searches.
    """

    name: ClassVar[str]
    needs: ClassVar[tuple[tuple[str, str], ...]]
    known: ClassVar[Mapping[str, Setting]]
    presets: ClassVar[Mapping[str, Mapping[str, Any]]]
    ranges: ClassVar[Ranges]
    settings: dict[str, Any]

    def __init__(self, space: Space, settings: Mapping[str, Any]) -> None:
        """Raises `UnknownNameError` for a setting that the model does not have, `SettingError` for a bad value."""
        ...

    def fit(self, train: Data, valid: Data, *, seed: int, progress: Progress = ...) -> None:
        """Learn from `train`; stop by `valid`. The same seed gives the same model."""
        ...

    def predict(self, archs: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Predict the outputs of a batch: (n_archs, n_outputs). In float64 where the order of sums matters."""
        ...

    def save(self, folder: Path) -> None:
        """Write it to files in a folder that exists: nothing that is executed when it is read."""
        ...

    @classmethod
    def load(cls, space: Space, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            SurrogateError: A file is absent or damaged.
        """
        ...

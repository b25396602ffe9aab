"""What a benchmark answers from: a table of measured results, or a surrogate that predicts them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from nasbench_kit.errors import SettingError
from nasbench_kit.tables import Table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nasbench_kit.spaces import Space
    from nasbench_kit.tables import Metric


class Results(Protocol):
    """Results of architectures of one space on one or more datasets. `Table` and `Surrogate` are the two kinds.

    Attributes:
        kind: "table" or "surrogate".
        path: The file or folder.
        name: The first part of its benchmarks' names.
        space: What its architectures are.
        n_archs: How many of them it answers for.
        objectives: Dataset -> name of the metric that a search optimizes, unless it is told another.
        sha256: Hash of all that determines its numbers.
        about: `title`, `licence`, `sources` and whatever else its maker recorded.
        is_complete: Whether it answers for every architecture of its space.
    """

    kind: str
    path: str
    name: str
    space: Space
    n_archs: int
    sha256: str

    @property
    def objectives(self) -> Mapping[str, str]: ...  # noqa: D102 (above)

    @property
    def about(self) -> Mapping[str, Any]: ...  # noqa: D102

    @property
    def is_complete(self) -> bool: ...  # noqa: D102

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of the datasets."""
        ...

    def metrics(self, dataset: str) -> dict[str, Metric]:
        """What is known on one dataset, by name."""
        ...

    def epochs_are(self, dataset: str) -> str:
        """Whether the epochs of a dataset lie on "one training" or are "separate trainings"."""
        ...

    def representative_archs(self) -> NDArray[np.uint8]:
        """What stands for all architectures where all would be too many: uint8 (n_archs, n_decisions)."""
        ...

    def verify(self) -> None:
        """Compare all that determines the numbers with its recorded hash; raises `DataError`."""
        ...


def open_results(path: str | os.PathLike[str]) -> Results:
    """The table in a file, or the surrogate in a folder.

    Raises:
        DataError: It is neither, or damaged.
        SettingError: This is no path.
    """
    if not isinstance(path, str | os.PathLike):
        raise SettingError(f"{path!r:.80} is no path; of an opened table or surrogate, nbk.Benchmark(opened, dataset)")
    if os.path.isdir(path):
        from nasbench_kit.surrogates import Surrogate

        return Surrogate.open(path)
    return Table.open(path)

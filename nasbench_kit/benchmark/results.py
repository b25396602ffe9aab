"""What a benchmark answers from: a table or a surrogate."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from nasbench_kit.tables import Table

if TYPE_CHECKING:
    from nasbench_kit.surrogates import Surrogate


def open_results(path: str | os.PathLike[str]) -> Table | Surrogate:
    """The table in a file, or the surrogate in a folder.

    Raises:
        TableError: It is neither, or damaged.
    """
    if os.path.isdir(path):
        from nasbench_kit.surrogates import Surrogate

        return Surrogate.open(path)
    return Table.open(path)

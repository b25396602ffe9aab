"""Logs of DEHB."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nasbench_kit.analysis.external.logs import Log, Values, at_highest, trajectories_of_logs
from nasbench_kit.errors import ImportDataError, SettingError
from nasbench_kit.formats.parquet import read_parquet_columns
from nasbench_kit.simulator import SECONDS

if TYPE_CHECKING:
    from os import PathLike

    from nasbench_kit.analysis.trajectories import Trajectories


def read_dehb(path: str | PathLike[str], values: Values) -> Trajectories:
    """The run of which DEHB saved the history, `history.parquet.gzip`: seconds are its costs, summed.

    Incumbents are evaluations at the highest fidelity. DEHB minimizes its fitness: name a metric of which smaller is
    better, such as `val_error`. With several workers costs overlap, and their sum is more than what passed.

    Source: DEHB, https://github.com/automl/DEHB, columns config_id, config, fitness, cost, fidelity.

    Args:
        path: The file.
        values: What the fitness is.

    Raises:
        ImportDataError: The file is damaged, or has no such columns.
        SettingError: The values cannot be what is said of them; or there is no pyarrow.
        OSError: It is not there, or cannot be read.
    """
    file = Path(path)
    needed = ("fitness", "cost", "fidelity")
    try:
        columns = read_parquet_columns(file)
        absent = [name for name in needed if name not in columns]
        if absent:
            raise ImportDataError(f"{file.name} has no column {absent[0]}; the history that DEHB saves has")
        fitness, cost, fidelity = (np.array(columns[name], np.float64) for name in needed)
    except ImportError:
        raise SettingError("Parquet needs pyarrow: pip install 'nasbench-kit[parquet]'") from None
    except (ImportDataError, FileNotFoundError, PermissionError):
        raise
    except Exception as error:  # a damaged file makes pyarrow raise nearly anything
        raise ImportDataError(f"{file.name} is no history that DEHB saved ({error!s:.80})") from None
    if not (cost >= 0).all():
        raise ImportDataError(f"{file.name} has a cost below 0, or none; seconds expected")
    return trajectories_of_logs([Log(np.cumsum(cost), at_highest(fitness, fidelity))], values, SECONDS, file.name)

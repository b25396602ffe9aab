"""What others measured, to lay over our runs: logs of other tools as runs, published curves as points.

A module per tool. Files are read as data: nothing in them is executed, and none takes more memory than its size allows.
"""

from nasbench_kit.analysis.external.csv_runs import read_runs
from nasbench_kit.analysis.external.dehb import read_dehb
from nasbench_kit.analysis.external.iohprofiler import read_iohprofiler
from nasbench_kit.analysis.external.logs import Values
from nasbench_kit.analysis.external.optuna import of_optuna, read_optuna
from nasbench_kit.analysis.external.published import Points, published_curves
from nasbench_kit.analysis.external.syne_tune import read_syne_tune
from nasbench_kit.analysis.external.typed import read_overlay

__all__ = [
    "Points",
    "Values",
    "of_optuna",
    "published_curves",
    "read_dehb",
    "read_iohprofiler",
    "read_optuna",
    "read_overlay",
    "read_runs",
    "read_syne_tune",
]

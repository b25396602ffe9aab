"""Tables: measured results of architectures of one space on one or more datasets, one HDF5 file each."""

from nasbench_kit.tables.metric import Metric
from nasbench_kit.tables.spec import ONE_TRAINING, SEPARATE_TRAININGS, Additive, DatasetSpec, Stored
from nasbench_kit.tables.table import Table

__all__ = ["ONE_TRAINING", "SEPARATE_TRAININGS", "Additive", "DatasetSpec", "Metric", "Stored", "Table"]

"""HW-NAS-Bench's own API on a table of ours: `from nasbench_kit.compat.hw_nas_bench import HWNASBenchAPI`.

Names, arguments and results are those of GATECH-EIC/HW-NAS-Bench, `hw_nas_bench_api`; what differs on purpose is said
where it does, after "Deviation".
"""

from __future__ import annotations

import os
from math import prod
from typing import Any, Never, final

from nasbench_kit.catalog import list_tables
from nasbench_kit.compat.named import path_of
from nasbench_kit.errors import NotRecordedError, SettingError, TableError, unknown
from nasbench_kit.importers.hw_nas_bench import DATASETS, METRICS
from nasbench_kit.spaces import NASBench201Space
from nasbench_kit.tables import Table
from nasbench_kit.tables.column import Column, Values

__all__ = ["HWNASBenchAPI"]

_NAME = "hw_nas_bench"
_SPACE = "nasbench201"
_CLASSES = {"cifar10": 10, "cifar100": 100, "ImageNet16-120": 120}
_NOT_IN_THE_AVERAGE = "eyeriss_arithmetic_intensity"
_NO_FBNET = (
    "HW-NAS-Bench's fbnet part, look-up tables of single layers, is not imported;"
    " choose search_space='nasbench201', or ask the original"
)


@final
class HWNASBenchAPI:
    """Hardware costs of the cells of NAS-Bench-201 by their official position.

    Args:
        file_path_or_dict: A table that `nasbench-kit import` made of the release or its copies, or one joined with it:
            its path, or the name that `list` shows; `hw_nas_bench` of the data folder by default. Deviation: neither
            the pickle nor a dictionary.
        search_space: "nasbench201". Deviation: "fbnet" is refused at once.

    Raises:
        SettingError: The search space is another.
        TableError: The file is no table, or of another space.
    """

    def __init__(
        self, file_path_or_dict: str | os.PathLike[str] | None = None, search_space: str = "nasbench201"
    ) -> None:
        if search_space == "fbnet":
            raise SettingError(_NO_FBNET)
        if search_space != _SPACE:
            raise SettingError(f"search_space={search_space!r}; 'nasbench201' expected")
        if file_path_or_dict is None:
            tables = list_tables()
            if _NAME not in tables:
                raise unknown("table", _NAME, tables)
            file_path_or_dict = tables[_NAME]
        if not isinstance(file_path_or_dict, str | os.PathLike):
            raise SettingError(f"a {type(file_path_or_dict).__name__} given; the path of an imported table expected")
        self.search_space = search_space
        self._table = Table.open(path_of(file_path_or_dict))
        if not isinstance(self._table.space, NASBench201Space):
            raise TableError(f"table {self._table.name!r} is of {self._table.space.name}; one of nasbench201 expected")
        self._space = self._table.space
        self._values: dict[str, dict[str, Values]] = {}

    def query_by_index(self, arch_index: int, dataname: str) -> dict[str, float]:
        """All costs of one cell: latencies [ms], energies [mJ], arithmetic intensity, and `average_hw_metric`.

        The last is the product of all latencies and energies. Deviation: where the release says -1 (not compiled for
        the device), and so in the product, it is NaN.

        Args:
            arch_index: Official position of the cell. Deviation: none counts from the end.
            dataname: "cifar10", "cifar100" or "ImageNet16-120".
        """
        row = self._row(arch_index)
        results = {name: values(row) for name, values in self._on(dataname).items()}
        missing = [name for name in METRICS if name not in results]
        if missing:
            raise NotRecordedError(
                f"table {self._table.name!r} has no {METRICS[missing[0]]}; import HW-NAS-Bench again"
            )
        results = {name: results[name] for name in METRICS}
        results["average_hw_metric"] = prod(value for name, value in results.items() if name != _NOT_IN_THE_AVERAGE)
        return results

    def get_net_config(self, arch_index: int, dataname: str) -> dict[str, Any]:
        """What the network of one cell is built from: `name`, `C`, `N`, `arch_str`, `num_classes`."""
        if dataname not in _CLASSES:
            raise unknown("dataset", dataname, _CLASSES)
        text = self._space.format(self._space.parse(arch_index))
        return {"name": "infer.tiny", "C": 16, "N": 5, "arch_str": text, "num_classes": _CLASSES[dataname]}

    def get_op_lookup_tables(self) -> Never:
        """Deviation: raises SettingError, where the original prints that it has none for NAS-Bench-201."""
        raise SettingError(_NO_FBNET)

    def _row(self, arch_index: int) -> int:
        return self._table.row(self._space.parse(arch_index))

    def _on(self, dataname: str) -> dict[str, Values]:
        if dataname not in DATASETS:
            raise unknown("dataset", dataname, DATASETS)
        if dataname not in self._values:
            recorded = self._table.metrics(DATASETS[dataname])
            columns = {
                name: self._table.column(DATASETS[dataname], ours) for name, ours in METRICS.items() if ours in recorded
            }
            self._values[dataname] = {
                name: column.at(0, 0) for name, column in columns.items() if isinstance(column, Column)
            }
        return self._values[dataname]

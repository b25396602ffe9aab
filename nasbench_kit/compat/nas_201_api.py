"""`nas_201_api` on a table: code written for NAS-Bench-201's library runs after a change of import, without torch.

    from nasbench_kit.compat.nas_201_api import NASBench201API

    api = NASBench201API("nasbench201.h5", verbose=False)  # the table that `nasbench-kit import NAS-Bench-201...` made
    api.query_meta_info_by_index(11, hp="200").get_metrics("cifar100", "x-test")

Names, arguments and results are those of nas-bench-201 2.1. What differs on purpose is said in `nats_api.MetaAPI` and
in `nats_results`; besides, `simulate_train_eval` reports the latency of the setting that it is asked for, where the
original always reports that of "12".

Source: Dong and Yang 2020, https://github.com/D-X-Y/NAS-Bench-201 (MIT)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, final

from nasbench_kit.compat.nats_api import MetaAPI
from nasbench_kit.compat.nats_bench import operation_matrix, read_nodes
from nasbench_kit.compat.nats_results import ArchResults, ResultsCount
from nasbench_kit.spaces.nasbench201_forms import OPERATIONS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAS_BENCH_201_API_VERSION = "v2.0"


@final
class NASBench201API(MetaAPI):
    """NAS-Bench-201 on a table of the space nasbench201.

    Args:
        file_path_or_dict: The table, its path, or its name, "nasbench201", as `nats_bench.create` takes it.
        verbose: Print what is asked.

    Raises:
        SettingError: The table is of another space, or none; a ValueError.
    """

    _space = "nasbench201"
    _joint = ", "

    def __init__(self, file_path_or_dict: Any = None, verbose: bool = True) -> None:
        super().__init__(file_path_or_dict, verbose)
        self.evaluated_indexes: Any = sorted(self.evaluated_indexes)  # a list in this library

    def simulate_train_eval(
        self, arch: Any, dataset: str, hp: str = "12", account_time: bool = True
    ) -> tuple[float, float | None, float, float]:
        """Train an architecture, so to say: validation accuracy (percent) of a run drawn by `random`.

        Returns:
            Accuracy, latency (seconds), seconds of training and one validation, seconds so far.
        """
        return self._simulate(arch, dataset, None, hp, account_time)

    def find_best(
        self,
        dataset: str,
        metric_on_set: str,
        FLOP_max: float | None = None,  # noqa: N803 (the original's name)
        Param_max: float | None = None,  # noqa: N803
        hp: str = "12",
    ) -> tuple[int, float | None]:
        """Index and accuracy (percent, mean over runs) of the best architecture of the table.

        Args:
            dataset: Official name of a data set.
            metric_on_set: "valid", "test", "train" or an official name of a set.
            FLOP_max: Most millions of multiply-adds.
            Param_max: Most millions of parameters.
            hp: The setting of training.

        Returns:
            -1 and None if there is none within the limits.
        """
        return self._find_best(dataset, metric_on_set, FLOP_max, Param_max, hp)

    @staticmethod
    def str2lists(arch_str: str) -> list[tuple[tuple[str, int], ...]]:
        """For each node but the first: (operation, node that it comes from) of its incoming edges."""
        return read_nodes(arch_str)

    @staticmethod
    def str2matrix(arch_str: str, search_space: Sequence[str] = OPERATIONS) -> NDArray[np.float64]:
        """Numbers of the operations: [to node, from node], 0 where there is no edge."""
        return operation_matrix(arch_str, search_space)


__all__ = ["ArchResults", "NASBench201API", "ResultsCount"]

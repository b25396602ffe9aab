"""`nats_bench` on a table: code written for NATS-Bench's library runs after a change of import.

    from nasbench_kit.compat.nats_bench import create

    api = create("nats_tss.h5", "tss", verbose=False)  # the table that `nasbench-kit import NATS-tss...` made
    api.get_more_info(11, "cifar10-valid", hp="200", is_random=False)["valid-accuracy"]

Names, arguments and results are those of nats_bench 1.8. What differs on purpose is said in `nats_api.MetaAPI` and in
`nats_results`; `fast_mode` makes no difference, as a table is always read as it is asked.

Source: Dong, Liu, Musial and Gabrys 2021, https://github.com/D-X-Y/NATS-Bench (MIT)
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, final

from nasbench_kit.compat.nats_api import MetaAPI, remap_dataset_set_names
from nasbench_kit.compat.nats_results import ArchResults, ResultsCount
from nasbench_kit.errors import ArchitectureError, SettingError, unknown
from nasbench_kit.spaces.nasbench201_forms import OPERATIONS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NATS_BENCH_SSS_NAMEs = ("sss", "size")
NATS_BENCH_TSS_NAMEs = ("tss", "topology")

_COMMENTS = {
    "cifar10-valid": (
        "In this dict, train-loss/accuracy/time is the metric on the train set of CIFAR-10. The"
        " test-loss/accuracy/time is the performance of the CIFAR-10 test set after training on the train set by {hp}"
        " epochs. The per-time and total-time indicate the per epoch and total time costs, respectively."
    ),
    "cifar10": (
        "In this dict, train-loss/accuracy/time is the metric on the train+valid sets of CIFAR-10. The"
        " test-loss/accuracy/time is the performance of the CIFAR-10 test set after training on the train+valid sets"
        " by {hp} epochs. The per-time and total-time indicate the per epoch and total time costs, respectively."
    ),
}  # Source: NATS-Bench, get_more_info (MIT); answers compare equal


def version() -> str:
    """The version of NATS-Bench's library that this is like."""
    return "v1.8"


def create(file_path_or_dict: Any, search_space: str, fast_mode: bool = False, verbose: bool = True) -> MetaAPI:
    """The API of one of NATS-Bench's spaces.

    Args:
        file_path_or_dict: A table, its path, or its name: `create("nasbench201", "tss")`, which comes with the package
            and holds validation accuracy after 200 epochs, training time, latency and sizes. A file of that name in
            the working directory comes first.
        search_space: "tss" or "topology", "sss" or "size".
        fast_mode: No difference here.
        verbose: Print what is asked.

    Raises:
        SettingError: The space is unknown, or the table not of it; a ValueError.
    """
    if search_space in NATS_BENCH_TSS_NAMEs:
        return NATStopology(file_path_or_dict, fast_mode, verbose)
    if search_space in NATS_BENCH_SSS_NAMEs:
        return NATSsize(file_path_or_dict, fast_mode, verbose)
    raise SettingError(f"unknown search space {search_space!r}; choose from tss, topology, sss, size")


def search_space_info(main_tag: str, aux_tag: str | None) -> dict[str, Any]:
    """The operations and number of nodes, or the numbers of channels and layers, of a space."""
    if (main_tag, aux_tag) == ("nas-bench-201", None) or (main_tag == "nats-bench" and aux_tag in NATS_BENCH_TSS_NAMEs):
        return {"op_names": list(OPERATIONS), "num_nodes": 4}
    if main_tag == "nats-bench" and aux_tag in NATS_BENCH_SSS_NAMEs:
        return {"candidates": [8, 16, 24, 32, 40, 48, 56, 64], "num_layers": 5}
    raise SettingError(f"unknown space {(main_tag, aux_tag)}; choose 'nats-bench' with 'tss' or 'sss', 'nas-bench-201'")


class _NATSBench(MetaAPI, ABC):
    """What both spaces of NATS-Bench have beside the common methods."""

    _comments = _COMMENTS
    full_epochs_in_paper: int
    search_space_name: str
    is_size = False
    is_topology = False

    def __init__(self, file_path_or_dict: Any = None, fast_mode: bool = False, verbose: bool = True) -> None:
        super().__init__(file_path_or_dict, verbose)
        self.fast_mode = fast_mode
        self.archive_dir: str | None = None

    @property
    def full_train_epochs(self) -> int:
        """How many epochs the longest training has."""
        return self.full_epochs_in_paper

    def reset_archive_dir(self, archive_dir: str) -> None:
        """Remembered, and of no use here."""
        self.archive_dir = archive_dir

    def reset_fast_mode(self, fast_mode: bool) -> None:
        """Remembered, and of no use here."""
        self.fast_mode = fast_mode

    def simulate_train_eval(
        self, arch: Any, dataset: str, iepoch: int | None = None, hp: str = "12", account_time: bool = True
    ) -> tuple[float, float | None, float, float]:
        """Train an architecture, so to say: validation accuracy (percent) of a run drawn by `random`.

        Returns:
            Accuracy, latency (seconds), seconds of training and one validation, seconds so far.

        Raises:
            NotRecordedError: No validation accuracy was recorded after this epoch. The original answers with one that
                includes the test images there, and a time of two different runs.
        """
        return self._simulate(arch, dataset, iepoch, hp, account_time)

    def find_best(
        self,
        dataset: str,
        metric_on_set: str,
        flop_max: float | None = None,
        param_max: float | None = None,
        hp: str = "12",
        enforce_all: bool | None = None,
    ) -> tuple[int, float | None]:
        """Index and accuracy (percent, mean over runs) of the best architecture of the table.

        Args:
            dataset: Official name of a data set.
            metric_on_set: "valid", "test", "train" or an official name of a set.
            flop_max: Most millions of multiply-adds.
            param_max: Most millions of parameters.
            hp: The setting of training.
            enforce_all: No difference here: all are looked at.

        Returns:
            -1 and None if there is none within the limits.
        """
        return self._find_best(dataset, metric_on_set, flop_max, param_max, hp)


@final
class NATStopology(_NATSBench):
    """The topology space of NATS-Bench, on a table of the space nasbench201."""

    _space = "nasbench201"
    full_epochs_in_paper = 200
    search_space_name = "topology"
    is_topology = True

    def get_unique_str(self, arch: Any) -> str:
        """A text that is the same for isomorphic cells.

        Source: NATS-Bench, `Structure.to_unique_str(consider_zero=True)`.
        """
        index = self.query_index_by_arch(arch)
        if index < 0:
            raise ArchitectureError(f"{arch!r} is no architecture of {self._space}")
        return unique_text(self.meta_archs[index])

    @staticmethod
    def str2lists(arch_str: str) -> list[tuple[tuple[str, int], ...]]:
        """For each node but the first: (operation, node that it comes from) of its incoming edges."""
        return read_nodes(arch_str)

    @staticmethod
    def str2matrix(arch_str: str, search_space: Sequence[str] = OPERATIONS) -> NDArray[np.float64]:
        """Numbers of the operations: [to node, from node], 0 where there is no edge."""
        return operation_matrix(arch_str, search_space)


@final
class NATSsize(_NATSBench):
    """The size space of NATS-Bench, on a table of the space natsbench_sss."""

    _space = "natsbench_sss"
    _describes_test_of_half = True
    full_epochs_in_paper = 90
    search_space_name = "size"
    is_size = True


def read_nodes(arch_str: str) -> list[tuple[tuple[str, int], ...]]:
    """For each node but the first: (operation, node that it comes from) of its incoming edges."""
    nodes = []
    for node in arch_str.split("+"):
        edges = [edge.split("~") for edge in node.split("|") if edge]
        if not all(len(edge) == 2 and edge[1].isdecimal() for edge in edges):
            raise ArchitectureError(f"{arch_str!r:.120} is no cell; edges like 'nor_conv_3x3~0' expected")
        nodes.append(tuple((operation, int(source)) for operation, source in edges))
    return nodes


def operation_matrix(arch_str: str, search_space: Sequence[str]) -> NDArray[np.float64]:
    """Numbers of the operations: float64 (n_nodes, n_nodes), [to node, from node], 0 where there is no edge."""
    import numpy as np

    nodes = read_nodes(arch_str)
    matrix = np.zeros((len(nodes) + 1, len(nodes) + 1))
    for node, edges in enumerate(nodes, 1):
        for operation, source in edges:
            if operation not in search_space:
                raise unknown("operation", operation, search_space)
            matrix[node, source] = list(search_space).index(operation)
    return matrix


def unique_text(arch_str: str) -> str:
    """A text that is the same for isomorphic cells."""
    nodes = ["0"]
    for edges in read_nodes(arch_str):
        summands = []
        for operation, source in edges:
            if operation == "none" or nodes[source] == "#":
                summands.append("#")
            else:
                summands.append(nodes[source] if operation == "skip_connect" else f"({nodes[source]})@{operation}")
        nodes.append("+".join(sorted(summands)))
    return nodes[-1]


__all__ = [
    "ArchResults",
    "NATSsize",
    "NATStopology",
    "ResultsCount",
    "create",
    "remap_dataset_set_names",
    "search_space_info",
    "version",
]

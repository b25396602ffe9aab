"""TransNAS-Bench-101's own API on tables of ours: `from nasbench_kit.compat.transnas import TransNASBenchAPI`.

Names, arguments and results are those of yawen-d/TransNASBench, `api/api.py`; what differs on purpose is said where it
does, after "Deviation".
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from fractions import Fraction
from operator import itemgetter
from pathlib import Path
from typing import Any, final

from numpy.typing import NDArray

from nasbench_kit.compat.named import path_of
from nasbench_kit.errors import NotRecordedError, SettingError, TableError, UnknownNameError, listed, unknown
from nasbench_kit.importers.transnasbench101 import COUNTS, INDEX, QUANTITIES
from nasbench_kit.places import data_folder
from nasbench_kit.tables import Metric, Table
from nasbench_kit.tables.column import Column

__all__ = ["ArchResult", "TransNASBenchAPI"]

_TABLES = {"macro": "transnas_macro", "micro": "transnas_micro"}  # in the order of the release
_SPLITS = {"train": "train", "val": "valid", "test": "test"}
_TIME = "time_elapsed"
_INFOS = {"latency_s": "inference_time"} | {ours: name for name, (ours, _) in COUNTS.items()}
_RECORDED = {ours: name for name, (ours, _, _) in QUANTITIES.items()}


@final
class TransNASBenchAPI:
    """Results of cells and networks on seven tasks.

    Deviations that concern all methods: an index is the release's where the tables hold it, else rows in order,
    macro first; `time_elapsed` is in seconds; what does not exist raises an error of ours (a ValueError, KeyError or
    LookupError), where the original fails by an assertion, or not at all.

    Args:
        database_path: A table that `nasbench-kit import` made of the release, by path or name, several, or the folder
            with `transnas_macro.h5` and `transnas_micro.h5`; the data folder by default. Deviation: not the .pth file.
        verbose: Kept, and nothing else done with it, as in the original.

    Attributes:
        metrics_dict: Task -> names of its metrics.
        info_names: What is known about each model.
        task_list: The tasks.
        search_spaces: "macro" and "micro", as far as there are tables.
        all_arch_dict: Space -> its architectures, as official strings.
        arch2space: Architecture -> its space.
        data: Space -> architecture -> `ArchResult`.

    Raises:
        TableError: There is no such table, or one of another space.
    """

    def __init__(
        self,
        database_path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
        verbose: bool = False,
    ) -> None:
        self.verbose = verbose
        spaces = {table: space for space, table in _TABLES.items()}
        self._tables: dict[str, Table] = {}
        for path in _paths(database_path):
            table = Table.open(path)
            space = spaces.get(table.space.name)
            if space is None or space in self._tables:
                raise TableError(f"{path!r} is of {table.space.name}; one table each of {listed(spaces)} expected")
            self._tables[space] = table
        self.search_spaces = [space for space in _TABLES if space in self._tables]
        first = self._tables[self.search_spaces[0]]
        self.task_list = list(first.datasets)
        self._metrics = {
            space: {task: _metrics(table, task) for task in table.datasets} for space, table in self._tables.items()
        }
        self._infos = {
            space: {task: _infos(table, task) for task in table.datasets} for space, table in self._tables.items()
        }
        self.metrics_dict = {task: list(of) for task, of in self._metrics[self.search_spaces[0]].items()}
        self.info_names = list(next(iter(self._infos[self.search_spaces[0]].values())))
        self.all_arch_dict = {space: _archs(self._tables[space]) for space in self.search_spaces}
        self.arch2space = {arch: space for space, archs in self.all_arch_dict.items() for arch in archs}
        self._archs = list(self.arch2space)
        self._index = {arch: index for index, arch in enumerate(self._archs)}
        self.data = {space: _Results(self, space) for space in self.search_spaces}

    def __getitem__(self, index: int) -> ArchResult:
        return deepcopy(self.get_arch_result(self.index2arch(index)))

    def __len__(self) -> int:
        return len(self._archs)

    def __repr__(self) -> str:
        return f"TransNASBenchAPI({len(self)} architectures/{len(self.task_list)} tasks)"

    def index2arch(self, index: int) -> str:
        """The architecture at a position in the release."""
        return self._archs[index]

    def arch2index(self, arch: str) -> int:
        """The position of an architecture in the release."""
        if arch not in self._index:
            raise self._unknown(arch)
        return self._index[arch]

    def get_arch_list(self, search_space: str) -> list[str]:
        """The architectures of "macro" or "micro"."""
        if search_space not in self.all_arch_dict:
            raise unknown("search space", search_space, self.all_arch_dict)
        return self.all_arch_dict[search_space]

    def get_arch_result(self, arch: str) -> ArchResult:
        """All that was recorded for an architecture; `result[task]` has `total_epochs`, `metrics`, `model_info`."""
        space, row = self._row(arch)
        results = {}
        for task in self.task_list:
            metrics = self._metrics[space][task]
            infos = {name: _info(column, row) for name, column in self._infos[space][task].items()}
            results[task] = {
                "total_epochs": self.get_total_epochs(arch, task),
                "metrics": {name: list(curve.known(row).values()) for name, curve in metrics.items()},
                "model_info": infos,
            }
        return ArchResult(self.arch2index(arch), arch, results)

    def get_total_epochs(self, arch: str, task: str) -> int:
        """How many epochs an architecture was trained on a task."""
        space, row = self._row(arch)
        first = next(iter(self._on(space, task).values()))  # all metrics of a run have as many
        return max(first.known(row), default=0)

    def get_model_info(self, arch: str, task: str, info: str) -> float | int:
        """Parameters, operations (counts), or inference time [s]."""
        space, row = self._row(arch)
        self._on(space, task)
        infos = self._infos[space][task]
        if info not in infos:
            raise unknown("info", info, infos)
        return _info(infos[info], row)

    def get_single_metric(
        self, arch: str, task: str, metric: str, mode: str | int = "best", xseed: None = None
    ) -> float | list[float]:
        """One metric of an architecture on a task.

        Args:
            arch: Official string.
            task: One of `task_list`.
            metric: One of `metrics_dict[task]`; accuracies are percentages.
            mode: "final"; "best", over all epochs; "list", one value per epoch; or the number of an epoch, from 0 (or
                from the end, if negative). Deviation: the best loss is the smallest, where the original returns the
                largest. (`time_elapsed` is neither good nor bad: its "best" is that after the last epoch, as before.)
                On a test metric "best" chooses the epoch by test data; it is the default because it is the original's.
            xseed: Without effect, as in the original.
        """
        space, row = self._row(arch)
        curve = self._curve(space, task, metric)
        if isinstance(mode, bool) or not isinstance(mode, str | int):
            raise SettingError(f"mode={mode!r}; 'final', 'best', 'list' or the number of an epoch expected")
        if mode == "final":
            return curve.at(row, self.get_total_epochs(arch, task))
        if mode == "best":
            return curve.best(row)[1]
        if mode == "list":
            return list(curve.every(row).values())
        if isinstance(mode, str):
            raise SettingError(f"mode={mode!r}; 'final', 'best', 'list' or the number of an epoch expected")
        return curve.at(row, self._epoch(arch, task, mode))

    def get_epoch_status(self, arch: str, task: str, epoch: int, xseed: None = None) -> dict[str, float]:
        """All metrics after one epoch, counted from 0, or from the end if negative; and `epoch`, that number."""
        space, row = self._row(arch)
        after = self._epoch(arch, task, epoch)
        return {"epoch": after - 1} | {name: curve.at(row, after) for name, curve in self._on(space, task).items()}

    def get_best_epoch_status(self, arch: str, task: str, metric: str) -> dict[str, float]:
        """All metrics after the epoch that is best by one. Deviation: of a loss, the smallest is best."""
        space, row = self._row(arch)
        after, _ = self._curve(space, task, metric).best(row)
        return self.get_epoch_status(arch, task, after - 1)

    def get_best_archs(self, task: str, metric: str, search_space: str, topk: int = 1) -> list[tuple[float, str]]:
        """The best architectures by the best epoch of a metric, best first. Deviation: of losses, the smallest."""
        archs = self.get_arch_list(search_space)
        curve = self._curve(search_space, task, metric)
        rows = (self._row(arch)[1] for arch in archs)
        found = [(curve.sign * curve.best(row)[1], arch) for arch, row in zip(archs, rows, strict=True)]
        return [(curve.sign * value, arch) for value, arch in sorted(found, reverse=True)[:topk]]

    # ---- where things stand ----

    def _row(self, arch: str) -> tuple[str, int]:
        if arch not in self.arch2space:
            raise self._unknown(arch)
        space = self.arch2space[arch]
        return space, self._tables[space].row(self._tables[space].space.parse(arch))

    def _unknown(self, arch: object) -> UnknownNameError:
        return UnknownNameError(
            f"unknown architecture {arch!r}; one of the {len(self)}, such as {self._archs[0]!r}, expected"
        )

    def _on(self, space: str, task: str) -> dict[str, _Curve]:
        if task not in self._metrics[space]:
            raise unknown("task", task, self.task_list)
        return self._metrics[space][task]

    def _curve(self, space: str, task: str, metric: str) -> _Curve:
        curves = self._on(space, task)
        if metric not in curves:
            raise unknown(f"metric of {task}", metric, curves)
        return curves[metric]

    def _epoch(self, arch: str, task: str, epoch: int) -> int:
        """From theirs, counted from 0 or from the end, to ours, counted from 1."""
        total = self.get_total_epochs(arch, task)
        if isinstance(epoch, bool) or not isinstance(epoch, int) or not -total <= epoch < total:
            raise SettingError(f"epoch {epoch!r} is out of range; choose from 0 to {total - 1}, or -1 to {-total}")
        return epoch + 1 if epoch >= 0 else total + epoch + 1


@final
class ArchResult:
    """All that was recorded for one architecture.

    Attributes:
        arch_index: Its position in the release.
        arch_str: Its official string.
        all_results: Task -> `total_epochs`, `metrics`, `model_info`.
    """

    def __init__(self, arch_index: int, arch_str: str, all_results: dict[str, Any]) -> None:
        self.arch_index = arch_index
        self.arch_str = arch_str
        self.all_results = all_results

    def __repr__(self) -> str:
        return f"ArchResult(arch-index={self.arch_index}, arch={self.arch_str}, {len(self.all_results)} tasks)"

    def __getitem__(self, item: str) -> dict[str, Any]:
        found: dict[str, Any] = self.all_results[item]
        return found

    def query_all_results(self) -> dict[str, Any]:
        """Task -> `total_epochs`, `metrics`, `model_info`."""
        return self.all_results


@final
class _Results(Mapping[str, ArchResult]):
    """Architecture -> what was recorded for it, read when asked for."""

    def __init__(self, api: TransNASBenchAPI, space: str) -> None:
        self._api = api
        self._archs = dict.fromkeys(api.all_arch_dict[space])

    def __getitem__(self, arch: str) -> ArchResult:
        if arch not in self._archs:
            raise KeyError(arch)
        return self._api.get_arch_result(arch)

    def __iter__(self) -> Iterator[str]:
        return iter(self._archs)

    def __len__(self) -> int:
        return len(self._archs)


@final
class _Curve:
    """A metric of the original's: epoch, counted from 1 -> value in the original's unit."""

    def __init__(self, name: str, column: Column) -> None:
        self._epochs = column.metric.epochs
        self._raw = _in_original_units(column)[0]  # (n_epochs, n_archs)
        self._name = name
        self.sign = 1 if name == _TIME else column.metric.sign()

    def known(self, row: int) -> dict[int, float]:
        """What was recorded, up to the last epoch of this run."""
        values = dict(zip(self._epochs, self._raw[:, row].tolist(), strict=True))
        last = max((epoch for epoch, value in values.items() if value == value), default=0)
        return {epoch: value for epoch, value in values.items() if epoch <= last}

    def every(self, row: int) -> dict[int, float]:
        """What was recorded, if that is all epochs."""
        if self._epochs != tuple(range(1, len(self._epochs) + 1)):
            raise NotRecordedError(
                f"of {self._name}, only epoch {listed(self._epochs)} was recorded; mode='final' gives it"
            )
        return self.known(row)

    def at(self, row: int, epoch: int) -> float:
        """The value after one epoch."""
        if epoch not in self._epochs:
            raise NotRecordedError(f"of {self._name}, epoch {epoch} was not recorded; there is {listed(self._epochs)}")
        return float(self._raw[self._epochs.index(epoch), row])

    def best(self, row: int) -> tuple[int, float]:
        """The epoch with the best value, the first of several, and that value."""
        known = {epoch: value for epoch, value in self.every(row).items() if value == value}
        if not known:
            raise NotRecordedError(f"{self._name} of this architecture was not recorded")
        epoch, value = max(known.items(), key=lambda item: self.sign * item[1])
        return epoch, value


def _in_original_units(column: Column) -> NDArray[Any]:
    """Stored numbers, accuracies in percent: (n_seeds, n_epochs, n_archs)."""
    stored = column.spec()
    percent = 100 if column.metric.unit == "fraction" else 1
    factor = Fraction(stored.scale[0] * percent, stored.scale[1])
    if column.metric.unit == "million":
        factor *= 1_000_000
    return stored.raw if factor == 1 else stored.raw * float(factor)


def _paths(given: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None) -> list[str]:
    if given is None:
        given = data_folder()
    if isinstance(given, Sequence) and not isinstance(given, str):
        return [path_of(path) for path in given]
    if not isinstance(given, str | os.PathLike) or not Path(given).is_dir():
        return [path_of(given)]
    paths = [path for path in (Path(given) / f"{name}.h5" for name in _TABLES.values()) if path.is_file()]
    if not paths:
        raise TableError(f"{os.fspath(given)!r} holds none of {listed(f'{name}.h5' for name in _TABLES.values())}")
    return [str(path) for path in paths]


def _archs(table: Table) -> list[str]:
    texts = table.space.format_many(table.archs())
    task = table.datasets[0]
    if INDEX not in table.metrics(task):
        return texts
    positions = _columns(table, task)[INDEX].at(0, 0).all()
    return [text for _, text in sorted(zip(positions, texts, strict=True), key=itemgetter(0))]


def _columns(table: Table, task: str) -> dict[str, Column]:
    columns = ((name, table.column(task, name)) for name in table.metrics(task))
    return {name: column for name, column in columns if isinstance(column, Column)}


def _metrics(table: Table, task: str) -> dict[str, _Curve]:
    named = {_name_of(column.metric): column for column in _columns(table, task).values() if column.metric.epochs}
    return {name: _Curve(name, column) for name, column in named.items()}


def _name_of(metric: Metric) -> str:
    if metric.name == "cost_s":
        return _TIME
    if metric.split not in _SPLITS:
        return metric.name
    quantity = metric.name.removeprefix(f"{metric.split}_")
    return f"{_SPLITS[metric.split]}_{_RECORDED.get(quantity, quantity)}"


def _infos(table: Table, task: str) -> dict[str, NDArray[Any]]:
    return {
        _INFOS.get(name, name): _in_original_units(column)[0, 0]
        for name, column in _columns(table, task).items()
        if not column.metric.epochs and name != INDEX
    }


def _info(values: NDArray[Any], row: int) -> float | int:
    value = float(values[row])
    return int(value) if value.is_integer() else value

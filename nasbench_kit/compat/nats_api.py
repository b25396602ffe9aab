"""What the shims for NATS-Bench and NAS-Bench-201 share: their questions, answered from a table."""

from __future__ import annotations

import os
import random
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from functools import cached_property
from operator import index as as_int
from typing import Any, cast, final

from nasbench_kit.compat.named import path_of
from nasbench_kit.compat.nats_results import ArchResults, ResultsCount, ResultsOf, describe
from nasbench_kit.compat.nats_source import Source
from nasbench_kit.errors import ArchitectureError, NotRecordedError, SettingError, UnknownNameError, listed
from nasbench_kit.importers.nats_results import TRAININGS
from nasbench_kit.tables import Table
from nasbench_kit.tables.column import AdditiveColumn, mean_recorded

_SEARCHED = {"cifar10": "cifar10-valid", "cifar100": "cifar100", "ImageNet16-120": "ImageNet16-120"}


class MetaAPI(ABC):
    """The methods that both libraries have, on one table.

    Different from the originals, on purpose:

    - `simulate_train_eval` never takes the set "ori-test", which holds the test images, for validation; where no
      validation accuracy was recorded it raises. Accuracy and time are of the same run.
    - `find_best` looks at all architectures of the table, not only at those asked for before.
    - `get_more_info` returns a dictionary that says, for a key that it lacks, that this was not recorded; so may the
      values on the training images be, which the table that comes with the package does not hold.
    - `show` without index shows all architectures; the originals' fails.
    - Integers of numpy are indexes too.
    - What an architecture, epoch or seed outside the table raises is a ValueError or KeyError as there, with a reason.

    Attributes:
        meta_archs: Official text of each architecture of the space, in official order.
        evaluated_indexes: Official indexes of the architectures in the table.
        archstr2index: Official text -> official index.
        verbose: Print what is asked.
        filename: Of the table.
        table: It.
    """

    _joint = " & "
    _describes_test_of_half = False
    _comments: Mapping[str, str] = {}  # data set -> what one of the originals says beside its answers on it

    @property
    @abstractmethod
    def _space(self) -> str:
        """The name of the space that a table must be of."""

    def __init__(self, file_path_or_dict: Any, verbose: bool) -> None:
        self.table = _opened(file_path_or_dict, self._space)
        self.verbose = verbose
        self.filename = os.path.basename(self.table.path)
        self._source = Source(self.table)
        self.evaluated_indexes = set(self._source.row_of)
        self._results_of = ResultsOf(self._source)
        self.arch2infos_dict: Mapping[int, Mapping[str, ArchResults]] = _Infos(self._source, self._results_of)
        self.reset_time()

    @cached_property
    def meta_archs(self) -> list[str]:
        """Official text of each architecture of the space, in official order."""
        import numpy as np

        space = self._source.space
        return cast(list[str], space.format_many(space.parse_many(np.arange(space.size))))

    @cached_property
    def archstr2index(self) -> dict[str, int]:
        """Official text -> official index."""
        return {text: index for index, text in enumerate(self.meta_archs)}

    def __getitem__(self, index: int) -> str:
        return self.meta_archs[index]

    def __len__(self) -> int:
        return int(self._source.space.size)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.evaluated_indexes)}/{len(self)} architectures, file={self.filename})"

    def _log(self, text: str) -> None:
        if self.verbose:
            print(text)

    # ---- which architecture ----

    def arch(self, index: int) -> str:
        """The official text of an architecture.

        Raises:
            ArchitectureError: The index is out of range; a ValueError.
        """
        self._log(f"Call the arch function with index={index}")
        return self.meta_archs[self._checked(index)]

    def random(self) -> int:
        """The index of some architecture, by the generator of `random`."""
        return random.randint(0, len(self) - 1)  # noqa: S311 (the original's way to draw)

    def query_index_by_arch(self, arch: Any) -> int:
        """The index of an architecture given by its text, by something that has `tostr()`, or by its index.

        Returns:
            -1 if it is none of the space.

        Raises:
            ArchitectureError: An index is out of range; a ValueError.
        """
        self._log(f"Call query_index_by_arch with arch={arch}")
        if isinstance(arch, str):
            return self.archstr2index.get(arch, -1)
        if hasattr(arch, "tostr"):
            return self.archstr2index.get(arch.tostr(), -1)
        try:
            return self._checked(as_int(arch))
        except TypeError:
            return -1

    def _checked(self, index: int) -> int:
        if not 0 <= index < len(self):
            raise ArchitectureError(f"architecture {index!r} is out of range; choose from 0 to {len(self) - 1}")
        return index

    def _results(self, arch: Any, hp: object) -> ArchResults:
        """The results of an architecture that the table must hold."""
        index = self.query_index_by_arch(arch)
        if index not in self._source.row_of:
            raise ArchitectureError(f"{arch!r} is not among the architectures of table {self.table.name!r}")
        return self._results_of(index, hp)

    # ---- questions ----

    @property
    def avaliable_hps(self) -> list[str]:
        """The settings of training in the table (spelled as in the original)."""
        return list(self._source.hps)

    def query_by_arch(self, arch: Any, hp: str) -> str | None:
        """As `query_info_str_by_arch`."""
        return self.query_info_str_by_arch(arch, hp)

    def query_info_str_by_arch(self, arch: Any, hp: str = "12") -> str | None:
        """Lines about an architecture; None, with a warning, if the table does not hold it."""
        self._log(f"Call query_info_str_by_arch with arch={arch} and hp={hp}")
        index = self.query_index_by_arch(arch)
        if index not in self._source.row_of:
            warnings.warn(f"the table has no results of architecture {index}", stacklevel=2)
            return None
        return "\n".join(self._describe(self._results_of(index, hp), f"arch-index={index}"))

    def _describe(self, results: ArchResults, extra: str | None) -> list[str]:
        return describe(results, extra, self._joint, size=self._describes_test_of_half)

    def query_meta_info_by_index(self, arch_index: int, hp: str = "12") -> ArchResults:
        """All runs of an architecture under one setting of training.

        Raises:
            ArchitectureError, SettingError: There are none; a ValueError.
        """
        self._log(f"Call query_meta_info_by_index with arch_index={arch_index}, hp={hp}")
        return self._results(arch_index, hp)

    def query_by_index(
        self, arch_index: int, dataname: str | None = None, hp: str = "12"
    ) -> ArchResults | dict[int, ResultsCount]:
        """All runs of an architecture, or those on one data set: seed -> run.

        Raises:
            ArchitectureError, SettingError: There are none; a ValueError.
        """
        self._log(f"Call query_by_index with arch_index={arch_index}, dataname={dataname}, hp={hp}")
        results = self._results(arch_index, hp)
        if dataname is None:
            return results
        if dataname not in results.dataset_seed:
            raise SettingError(f"no runs on {dataname!r}; choose from {listed(results.dataset_seed)}")
        return cast(dict[int, ResultsCount], results.query(dataname))

    def get_more_info(
        self, index: Any, dataset: str, iepoch: int | None = None, hp: str = "12", is_random: bool | int = True
    ) -> dict[str, Any]:
        """Loss, accuracy (percent) and seconds on all sets after an epoch, counted from 0.

        Args:
            index: The architecture, as `query_index_by_arch` takes it.
            dataset: "cifar10-valid", "cifar10", "cifar100" or "ImageNet16-120".
            iepoch: From 0; the last by default.
            hp: The setting of training.
            is_random: True: a run drawn by `random`; False: means over runs; a number: the run of this seed.

        Returns:
            Keys `train-loss`, `train-accuracy`, `train-per-time`, `train-all-time`, and as many for each of `valid`,
            `test` and `valtest`, as far as they were recorded after this epoch.

        Raises:
            ArchitectureError, SettingError: There is no such architecture, epoch, seed or setting; a ValueError.
            UnknownNameError: There is no such data set, or nothing was recorded; a KeyError.
        """
        self._log(
            f"Call the get_more_info function with index={index}, dataset={dataset}, iepoch={iepoch}, hp={hp}, and"
            f" is_random={is_random}."
        )
        results = self._results(index, hp)
        seeds = results.get_dataset_seeds(dataset)
        if is_random is True:
            is_random = random.choice(seeds)  # noqa: S311 (the original's way to draw)
        found: dict[str, Any] = _Info(f"{dataset} of architecture {results.arch_index}, hp {hp}")
        sets = {"train": "train"} | _sets(dataset)
        lacking: UnknownNameError | None = None
        for label, setname in sets.items():
            try:
                _fill(found, label, results.get_metrics(dataset, setname, iepoch, is_random))
            except UnknownNameError as error:
                lacking = error
                if dataset == "cifar10-valid" and label == "valid":
                    raise
        if lacking and not found:
            raise lacking
        if dataset in self._comments:
            found["comment"] = self._comments[dataset].format(hp=hp)
        return found

    def _simulate(
        self, arch: Any, dataset: str, iepoch: int | None, hp: str, account_time: bool
    ) -> tuple[float, float | None, float, float]:
        if dataset not in _SEARCHED:
            raise SettingError(f"no data set {dataset!r} to search on; choose from {listed(_SEARCHED)}")
        index = self.query_index_by_arch(arch)
        info = self.get_more_info(index, _SEARCHED[dataset], iepoch=iepoch, hp=hp, is_random=True)
        if "valid-accuracy" not in info:
            raise NotRecordedError(
                f"{dataset}, hp {hp}: no validation accuracy was recorded at iepoch {iepoch}; leave iepoch out for the"
                " last one (the set 'ori-test', which was, holds test images)"
            )
        training_s, validation_s = info.get("train-all-time"), info.get("valid-per-time")
        if training_s is None or validation_s is None:
            raise NotRecordedError(f"{dataset}, hp {hp}: the seconds of architecture {index} were not recorded")
        cost_s = training_s + validation_s
        if account_time:
            self._used_time += cost_s
        return info["valid-accuracy"], self.get_latency(index, dataset, hp), cost_s, self._used_time

    def _find_best(
        self, dataset: str, metric_on_set: str, flop_max: float | None, param_max: float | None, hp: str
    ) -> tuple[int, float | None]:
        import numpy as np

        self._log(
            f"Call find_best with dataset={dataset}, metric_on_set={metric_on_set}, hp={hp} | with #FLOPs < {flop_max}"
            f" and #Params < {param_max}"
        )
        dataset, metric_on_set = remap_dataset_set_names(dataset, metric_on_set)
        names = {name: split for split, (name, _) in TRAININGS[_known(dataset)].evaluated.items()} | {"train": "train"}
        if metric_on_set not in names:
            raise UnknownNameError(f"{dataset} has no set {metric_on_set!r}; choose from {listed(names)}")
        column = self._source.column(str(hp), dataset, f"{names[metric_on_set]}_accuracy")
        if column is None or isinstance(column, AdditiveColumn):
            raise UnknownNameError(
                f"table {self.table.name!r} has no accuracy on {metric_on_set} of {dataset}, hp {hp}"
            )
        rows = np.array(list(self._source.row_of.values()))  # in official order, so that the first wins a tie
        last = column.epoch_position(int(hp))
        accuracy = mean_recorded([column.at(seed, last).all() * 100 for seed in column.seed_positions(None)])[rows]
        for quantity, most in (("flops_m", flop_max), ("params_m", param_max)):
            if most is not None:
                size = self._source.column(str(hp), dataset, quantity)
                if size is None:
                    raise UnknownNameError(f"table {self.table.name!r} has no {quantity} on {dataset}, hp {hp}")
                if isinstance(size, AdditiveColumn):
                    values = size.values(self.table.archs(), self.table.space)[rows]
                else:
                    values = size.at(0, 0).all()[rows]
                accuracy = np.where(values <= most, accuracy, np.nan)
        if np.isnan(accuracy).all():
            return -1, None
        best = int(np.nanargmax(accuracy))
        return list(self._source.row_of)[best], float(accuracy[best])

    def get_net_param(self, index: Any, dataset: str, seed: int | None, hp: str = "12") -> Any:
        """None for each run: tables hold no weights."""
        return self._results(index, hp).get_net_param(dataset, seed)

    def get_net_config(self, index: Any, dataset: str) -> dict[str, Any]:
        """What the network of an architecture was built from."""
        self._log(f"Call the get_net_config function with index={index}, dataset={dataset}.")
        results = self._results(index, self._source.hps[0])
        runs = cast(dict[int, ResultsCount], results.query(dataset))
        return next(iter(runs.values())).get_config(None)

    def get_cost_info(self, index: Any, dataset: str, hp: str = "12") -> dict[str, float | None]:
        """Sizes (millions) and seconds of an architecture, as `ArchResults.get_compute_costs`."""
        self._log(f"Call the get_cost_info function with index={index}, dataset={dataset}, and hp={hp}.")
        return self._results(index, hp).get_compute_costs(dataset)

    def get_latency(self, index: Any, dataset: str, hp: str = "12") -> float | None:
        """Seconds per batch of 256 images; None if they were not recorded."""
        return self.get_cost_info(index, dataset, hp)["latency"]

    def statistics(self, dataset: str, hp: str | int) -> dict[int, int]:
        """How many architectures have how many runs on a data set: number of runs -> number of architectures."""
        self._log(f"Call the statistics function with dataset={dataset} and hp={hp}.")
        _known(dataset)
        if str(hp) not in self._source.hps:
            raise SettingError(f"table {self.table.name!r} has no hp {hp!r}; choose from {listed(self._source.hps)}")
        counts: dict[int, int] = {}
        for row in self._source.row_of.values():
            n = len(self._source.seeds(str(hp), dataset, row))
            counts[n] = counts.get(n, 0) + 1
        return counts

    def show(self, index: int = -1) -> None:
        """Print all about an architecture, or about all of the table if the index is negative."""
        if index < 0:
            print(self)
            for i, known in enumerate(self._source.row_of):
                place = f"{i:5d}/{len(self.evaluated_indexes):5d}"
                print(f"\n{'-' * 10} The ({place}) {known:06d}-th architecture! {'-' * 10}")
                print(f"arch : {self.meta_archs[known]}")
                self._show_one(known)
        elif index >= len(self):
            print(f"This index ({index}) is out of range (0~{len(self)}).")
        elif index not in self._source.row_of:
            print(f"The {index}-th architecture has not been evaluated or not saved.")
        else:
            self._show_one(index)

    def _show_one(self, index: int) -> None:
        for hp in self._source.hps:
            print(f"{'>' * 40} {int(hp):03d} epochs {'>' * 40}")
            print("\n".join(self._describe(self._results_of(index, hp), None)))
        print("<" * 40 + "------------" + "<" * 40)

    # ---- the clock, and what files need ----

    @property
    def used_time(self) -> float:
        """Seconds that `simulate_train_eval` has counted."""
        return self._used_time

    def reset_time(self) -> None:
        """Set the clock to zero."""
        self._used_time = 0.0

    def clear_params(self, index: int, hp: str | None = None) -> None:  # noqa: B027 (the originals have it)
        """Nothing: tables hold no weights."""

    def reload(self, archive_root: str | None = None, index: int | None = None) -> None:  # noqa: B027
        """Nothing: a table is complete; import the other release, and open that, to have its results."""


def remap_dataset_set_names(dataset: str, metric_on_set: str, verbose: bool = False) -> tuple[str, str]:
    """The official names of a data set and a set that are called "cifar10" and "valid", say."""
    if dataset == "cifar10" and metric_on_set == "valid":
        return "cifar10-valid", "x-valid"
    if dataset == "cifar10" and metric_on_set == "test":
        return "cifar10", "ori-test"
    if dataset in ("cifar100", "ImageNet16-120") and metric_on_set in ("valid", "test"):
        return dataset, f"x-{metric_on_set}"
    return dataset, metric_on_set


def _sets(dataset: str) -> dict[str, str]:
    """How `get_more_info` calls a set -> its official name."""
    if dataset == "cifar10-valid":
        return {"valid": "x-valid", "test": "ori-test"}
    if dataset == "cifar10":
        return {"test": "ori-test"}
    return {"valid": "x-valid", "test": "x-test", "valtest": "ori-test"}


def _known(dataset: str) -> str:
    if dataset not in TRAININGS:
        raise SettingError(f"no data set {dataset!r}; choose from {listed(TRAININGS)}")
    return dataset


def _fill(found: dict[str, Any], label: str, info: Mapping[str, Any]) -> None:
    n = info["iepoch"] + 1
    found[f"{label}-loss"] = info["loss"]
    found[f"{label}-accuracy"] = info["accuracy"]
    found[f"{label}-per-time"] = None if info["all_time"] is None else info["all_time"] / n
    found[f"{label}-all-time"] = info["all_time"]


def _opened(source: Any, space: str) -> Table:
    if isinstance(source, Table):
        table = source
    elif source is None or not isinstance(source, str | os.PathLike):
        raise SettingError(f"{source!r:.60} is no table; give its name, or the path of one that `import` made")
    else:
        path = path_of(source)
        if os.path.isdir(path) or not path.endswith(".h5"):
            raise SettingError(f"{path!r} is no table; make one of it by `nasbench-kit import {path} --out T.h5`")
        table = Table.open(path)
    if table.space.name != space:
        raise SettingError(f"table {table.name!r} is of space {table.space.name}; {space} expected")
    return table


@final
class _Info(dict[str, Any]):
    """The answer of `get_more_info`; says what it lacks."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __missing__(self, key: str) -> Any:
        raise UnknownNameError(f"{self._where}: {key!r} was not recorded at this epoch; there are {listed(self)}")


@final
class _Infos(Mapping[int, Mapping[str, ArchResults]]):
    """Official index -> setting -> results, made when asked for."""

    def __init__(self, source: Source, results_of: ResultsOf) -> None:
        self._source, self._results_of = source, results_of

    def __getitem__(self, index: int) -> Mapping[str, ArchResults]:
        if index not in self._source.row_of:
            raise UnknownNameError(f"the table has no architecture {index!r}")
        return {hp: self._results_of(index, hp) for hp in self._source.hps}

    def __iter__(self) -> Iterator[int]:
        return iter(self._source.row_of)

    def __len__(self) -> int:
        return len(self._source.row_of)

"""The results of one architecture in the shape that NATS-Bench and NAS-Bench-201 give them, read from a table.

`ResultsCount` is one training run, `ArchResults` all runs of an architecture under one setting of training. The objects
have the names, arguments and results of the originals and read the table as they are asked.

Different on purpose:

- they are read-only: methods that overwrite latency, times or results are left out;
- accuracies are what the counts of images say, free of the originals' rounding errors of about 1e-5 images;
- `get_compute_costs` never returns the wrong sizes that 204 cells have in some runs (the original nas_201_api does);
- what was not recorded raises a KeyError that says so, where the originals' names only a key.

Source: Dong and Yang 2020, https://github.com/D-X-Y/NATS-Bench (MIT) and https://github.com/D-X-Y/NAS-Bench-201 (MIT)
"""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import cached_property
from math import isnan
from typing import Any, final

from nasbench_kit.compat.nats_source import Source
from nasbench_kit.errors import NotRecordedError, SettingError, UnknownNameError, listed
from nasbench_kit.importers.nats_results import TRAININGS
from nasbench_kit.spaces.natsbench_sss import CELL
from nasbench_kit.tables.column import Column

_CLASSES = {"cifar10-valid": 10, "cifar10": 10, "cifar100": 100, "ImageNet16-120": 120}
# what the original's objects hold, counted from 0; made when asked for
_DICTIONARIES = frozenset(
    ("train_acc1es", "train_acc5es", "train_losses", "train_times", "eval_acc1es", "eval_losses", "eval_times")
)
_MEMO_SIZE = 4_096  # architectures remembered per table
_SHOWN_TEST = {"cifar10": "ori-test", "cifar100": "x-test", "ImageNet16-120": "x-test"}


@final
class ResultsCount:
    """One training run of one architecture.

    Attributes:
        name: Official name of the data set that was trained on.
        seed: Of the run.
        epochs: How many were trained.
        params: Millions of parameters.
        flop: Millions of multiply-adds.
        arch_config: What the network was built from.
        net_state_dict: None; tables hold no weights.
    """

    net_state_dict = None

    def __init__(self, source: Source, index: int, hp: str, training: str, seed: int) -> None:
        self._source, self._hp, self._index, self._row = source, hp, index, source.row_of[index]
        self.name = training
        self.seed = seed
        self.epochs = int(hp)
        self._splits = {name: split for split, (name, _) in TRAININGS[training].evaluated.items()}

    def _value(self, quantity: str, epoch: int = 0) -> float:
        """The value after `epoch` epochs, counted from 1."""
        column = self._source.column(self._hp, self.name, quantity)
        return self._source.value(column, self.seed, epoch, self._row)

    @property
    def params(self) -> float:
        """Millions of parameters."""
        return self._value("params_m")

    @property
    def flop(self) -> float:
        """Millions of multiply-adds."""
        return self._value("flops_m")

    @property
    def latency(self) -> list[float] | None:
        """Seconds per batch of 256 images, as a list of one; None if they were not recorded."""
        seconds = self._value("latency_s")
        return None if isnan(seconds) else [seconds]

    @property
    def arch_config(self) -> dict[str, Any]:
        """What the network was built from."""
        text = self._source.space.format(self._source.space.parse(self._index))
        n_classes = _CLASSES[self.name]
        if self._source.space.name == "nasbench201":
            return {"channel": 16, "num_cells": 5, "arch_str": text, "class_num": n_classes}
        return {
            "name": "infer.shape.tiny",
            "channels": text,
            "arch_str": text,
            "genotype": CELL,
            "class_num": n_classes,
        }

    @cached_property
    def eval_names(self) -> list[str]:
        """Official names of the sets that the network was evaluated on."""
        return [name for name, split in self._splits.items() if any(self._recorded(f"{split}_accuracy"))]

    def _recorded(self, quantity: str) -> Iterator[int]:
        """The epochs, counted from 1, after which a value was recorded; the last first, as it is asked for most."""
        column = self._source.column(self._hp, self.name, quantity)
        if isinstance(column, Column):
            for epoch in reversed(column.metric.epochs or (self.epochs,)):
                if not isnan(self._source.value(column, self.seed, epoch, self._row)):
                    yield epoch

    def _train_seconds(self, epoch: int) -> tuple[float | None, float | None]:
        """Seconds of one epoch, and up to and including it; counted from 1."""
        total = self._value("cost_s", epoch)
        if isnan(total):
            return None, None
        first = self._value("cost_s", 1)
        if total == first * epoch:  # all epochs alike, without the rounding error of a difference
            return first, total
        return total - (self._value("cost_s", epoch - 1) if epoch > 1 else 0.0), total

    def _eval_seconds(self, split: str, epoch: int) -> tuple[float | None, float | None]:
        """Seconds of one evaluation, and of one after each epoch up to this one; counted from 1."""
        column = self._source.column(self._hp, self.name, f"{split}_cost_s")
        current = self._value(f"{split}_cost_s", epoch)
        if column is None or isnan(current):
            return None, None
        if not column.metric.epochs:
            return current, current * epoch
        return current, sum(self._value(f"{split}_cost_s", before) for before in range(1, epoch + 1))

    # ---- the methods of the original ----

    def get_latency(self) -> float:
        """Seconds per batch of 256 images; -1 if they were not recorded."""
        return self.latency[0] if self.latency else -1.0

    def get_total_epoch(self) -> int:
        """How many epochs were trained."""
        return self.epochs

    def get_times(self) -> dict[str, float | None]:
        """Seconds of training and of evaluations, per epoch and in all; None if they were not recorded."""
        total = self._train_seconds(self.epochs)[1]
        times = {"T-train@epoch": None if total is None else total / self.epochs, "T-train@total": total}
        for name in self.eval_names:
            total = self._eval_seconds(self._splits[name], self.epochs)[1]
            times[f"T-{name}@epoch"] = None if total is None else total / self.epochs
            times[f"T-{name}@total"] = total
        return times

    def get_eval_set(self) -> list[str]:
        """Official names of the sets that the network was evaluated on."""
        return self.eval_names

    def judge_valid(self, iepoch: int) -> None:
        """Refuse an epoch, counted from 0, that was not trained.

        Raises:
            SettingError: It was not; a ValueError.
        """
        if not 0 <= iepoch < self.epochs:
            raise SettingError(f"iepoch {iepoch!r} is out of range; choose from 0 to {self.epochs - 1}")

    def get_train(self, iepoch: int | None = None) -> dict[str, Any]:
        """Loss, accuracy (percent) and seconds on the training images after an epoch, counted from 0.

        Raises:
            SettingError: There is no such epoch; a ValueError.
            UnknownNameError: It was not recorded; a KeyError.
        """
        return self._info("train", "train", iepoch)

    def get_eval(self, name: str, iepoch: int | None = None) -> dict[str, Any]:
        """Loss, accuracy (percent) and seconds on an official set after an epoch, counted from 0.

        Raises:
            SettingError: There is no such epoch; a ValueError.
            UnknownNameError: The set is unknown, or was not evaluated after this epoch; a KeyError.
        """
        name = "x-valid" if name == "valid" else name
        if name not in self._splits:
            raise UnknownNameError(f"{self.name} has no set {name!r}; choose from {listed(('train', *self._splits))}")
        return self._info(name, self._splits[name], iepoch)

    def _info(self, name: str, split: str, iepoch: int | None) -> dict[str, Any]:
        iepoch = self.epochs - 1 if iepoch is None else iepoch
        self.judge_valid(iepoch)
        accuracy = self._value(f"{split}_accuracy", iepoch + 1)
        if isnan(accuracy):
            where = f"architecture {self._index}, {self.name} of seed {self.seed}, hp {self._hp}"
            known = sorted(epoch - 1 for epoch in self._recorded(f"{split}_accuracy"))
            choices = f"choose iepoch from {listed(known)}" if known else "nor after any other epoch"
            raise UnknownNameError(f"{where}: {name}@{iepoch} was not recorded; {choices}")
        seconds = self._train_seconds(iepoch + 1) if split == "train" else self._eval_seconds(split, iepoch + 1)
        return {
            "iepoch": iepoch,
            "loss": self._value(f"{split}_loss", iepoch + 1),
            "accuracy": accuracy * 100,
            "cur_time": seconds[0],
            "all_time": seconds[1],
        }

    def get_net_param(self, clone: bool = False) -> None:
        """None: tables hold no weights."""

    def get_config(self, str2structure: Any = None) -> dict[str, Any]:
        """What the network was built from; the cell as `str2structure` makes it from the text, if given."""
        config = self.arch_config
        if "name" in config:
            cell = config["genotype"] if str2structure is None else str2structure(config["genotype"])
            found = {"name": config["name"], "channels": config["channels"], "genotype": cell}
        else:
            found = {"name": "infer.tiny", "C": config["channel"], "N": config["num_cells"]}
            found |= (
                {"arch_str": config["arch_str"]}
                if str2structure is None
                else {"genotype": str2structure(config["arch_str"])}
            )
        return found | {"num_classes": config["class_num"]}

    def state_dict(self) -> dict[str, Any]:
        """Everything as plain dictionaries, as official files hold it: epochs count from 0."""
        every = range(self.epochs)
        seconds = [self._train_seconds(epoch + 1)[0] for epoch in every]
        state: dict[str, Any] = {
            "name": self.name,
            "net_state_dict": None,
            "train_acc1es": self._percentages("train_accuracy"),
            "train_acc5es": self._percentages("train_top5_accuracy") or None,
            "train_losses": {
                epoch - 1: self._value("train_loss", epoch) for epoch in self._ascending("train_accuracy")
            },
            "train_times": None if None in seconds else OrderedDict(enumerate(seconds)),
            "arch_config": self.arch_config,
            "params": self.params,
            "flop": self.flop,
            "seed": f"{self.seed:04d}",
            "epochs": self.epochs,
            "latency": self.latency,
            "eval_names": list(self.eval_names),
            "eval_acc1es": {},
            "eval_times": {},
            "eval_losses": {},
        }
        for name in self.eval_names:
            split = self._splits[name]
            for epoch in self._ascending(f"{split}_accuracy"):
                state["eval_acc1es"][f"{name}@{epoch - 1}"] = self._value(f"{split}_accuracy", epoch) * 100
                state["eval_losses"][f"{name}@{epoch - 1}"] = self._value(f"{split}_loss", epoch)
            for epoch in every:
                current = self._value(f"{split}_cost_s", epoch + 1)
                if not isnan(current):
                    state["eval_times"][f"{name}@{epoch}"] = current
        return state

    def _ascending(self, quantity: str) -> list[int]:
        return sorted(self._recorded(quantity))

    def _percentages(self, quantity: str) -> dict[int, float]:
        return {epoch - 1: self._value(quantity, epoch) * 100 for epoch in self._ascending(quantity)}

    @cached_property
    def _state(self) -> dict[str, Any]:
        return self.state_dict()

    def __getattr__(self, name: str) -> Any:
        if name in _DICTIONARIES:
            return self._state[name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __repr__(self) -> str:
        sets = ", ".join(self.eval_names)
        return (
            f"ResultsCount({self.name}, arch={self.arch_config['arch_str']}, FLOP={self.flop:.2f}M,"
            f" Param={self.params:.3f}MB, seed={self.seed}, {len(self.eval_names)} eval-sets: [{sets}])"
        )


@final
class ArchResults:
    """All training runs of one architecture under one setting of training.

    Attributes:
        arch_index: Official index.
        arch_str: Official text.
        dataset_seed: Official name of a data set -> seeds of the runs on it.
        all_results: (data set, seed) -> run.
    """

    clear_net_done = True

    def __init__(self, source: Source, index: int, hp: str) -> None:
        self._source = source
        self.arch_index = index
        self.arch_str: str = source.space.format(source.space.parse(index))
        row = source.row_of[index]
        seeds = {training: source.seeds(hp, training, row) for training in TRAININGS}
        self.dataset_seed = {training: found for training, found in seeds.items() if found}
        self.all_results = {
            (training, seed): ResultsCount(source, index, hp, training, seed)
            for training, found in self.dataset_seed.items()
            for seed in found
        }

    def _runs(self, dataset: str) -> list[ResultsCount]:
        return [self.all_results[dataset, seed] for seed in self._seeds(dataset)]

    def _seeds(self, dataset: str) -> list[int]:
        if dataset not in self.dataset_seed:
            raise UnknownNameError(
                f"architecture {self.arch_index} was not trained on {dataset!r}; choose from"
                f" {listed(self.dataset_seed)}"
            )
        return self.dataset_seed[dataset]

    def get_compute_costs(self, dataset: str) -> dict[str, float | None]:
        """Millions of multiply-adds and parameters, and seconds: means over runs, None if not recorded."""
        runs = self._runs(dataset)
        latencies = [run.get_latency() for run in runs if run.get_latency() > 0]
        info: dict[str, float | None] = {
            "flops": runs[0].flop,
            "params": runs[0].params,
            "latency": _mean(latencies) if latencies else None,
        }
        times = [run.get_times() for run in runs]
        for key in {key: None for of_run in times for key in of_run}:
            values = [of_run[key] for of_run in times if key in of_run]
            info[key] = None if None in values else _mean([value for value in values if value is not None])
        return info

    def get_metrics(
        self, dataset: str, setname: str, iepoch: int | None = None, is_random: bool | int = False
    ) -> dict[str, Any]:
        """Loss, accuracy (percent) and seconds after an epoch, counted from 0.

        Args:
            dataset: Official name of the data set that was trained on.
            setname: "train", or the official name of the set that was evaluated on.
            iepoch: From 0; the last by default.
            is_random: False: means over runs; a number: the run of this seed; True: a run drawn by `random`.

        Raises:
            SettingError: There is no such epoch or seed; a ValueError.
            UnknownNameError: There is no such data set, or that was not recorded; a KeyError.
        """
        runs = self._runs(dataset)
        infos = [run.get_train(iepoch) if setname == "train" else run.get_eval(setname, iepoch) for run in runs]
        if is_random is True:
            return infos[random.randint(0, len(infos) - 1)]  # noqa: S311 (the original's way to draw)
        if is_random is not False:
            seeds = self._seeds(dataset)
            if is_random not in seeds:
                raise SettingError(f"seed {is_random!r} was not recorded; choose from {listed(seeds)}")
            return infos[seeds.index(is_random)]
        means: dict[str, Any] = {}
        for key in infos[0]:
            values = [info[key] for info in infos]
            means[key] = None if values[0] is None else _mean(values)
        return means

    def show(self, is_print: bool = False) -> list[str]:
        """Lines about each data set that was trained on."""
        return describe(self, None, ", ", is_print)

    def get_dataset_names(self) -> list[str]:
        """Official names of the data sets that were trained on."""
        return list(self.dataset_seed)

    def get_dataset_seeds(self, dataset: str) -> list[int]:
        """Seeds of the runs on a data set."""
        return list(self._seeds(dataset))

    def get_net_param(self, dataset: str, seed: int | None = None) -> dict[int, None] | None:
        """None for each run: tables hold no weights."""
        if seed is None:
            return dict.fromkeys(self._seeds(dataset))
        if (dataset, seed) not in self.all_results:
            raise SettingError(f"{(dataset, seed)} was not trained; choose from {listed(self.all_results)}")
        return None

    def get_latency(self, dataset: str) -> float:
        """Seconds per batch of 256 images, mean over runs.

        Raises:
            SettingError: They were not recorded; a ValueError.
        """
        latencies = [run.get_latency() for run in self._runs(dataset)]
        if min(latencies) <= 0:
            raise SettingError(f"the latency of architecture {self.arch_index} on {dataset} was not recorded")
        return _mean(latencies)

    def get_total_epoch(self, dataset: str | None = None) -> int:
        """How many epochs were trained."""
        runs = list(self.all_results.values()) if dataset is None else self._runs(dataset)
        return runs[-1].epochs

    def query(self, dataset: str, seed: int | None = None) -> dict[int, ResultsCount] | ResultsCount:
        """One run, or those of all seeds: seed -> run."""
        if seed is None:
            return {known: self.all_results[dataset, known] for known in self._seeds(dataset)}
        if (dataset, seed) not in self.all_results:
            raise UnknownNameError(f"{(dataset, seed)} was not trained; choose from {listed(self.all_results)}")
        return self.all_results[dataset, seed]

    def arch_idx_str(self) -> str:
        """The official index in six digits."""
        return f"{self.arch_index:06d}"

    def clear_params(self) -> None:
        """Nothing: tables hold no weights."""

    def state_dict(self) -> dict[str, Any]:
        """Everything as plain dictionaries, as official files hold it."""
        return {
            "arch_index": self.arch_index,
            "arch_str": self.arch_str,
            "all_results": {key: run.state_dict() for key, run in self.all_results.items()},
            "dataset_seed": {dataset: list(seeds) for dataset, seeds in self.dataset_seed.items()},
            "clear_net_done": True,
        }

    def __repr__(self) -> str:
        return (
            f"ArchResults(arch-index={self.arch_index}, arch={self.arch_str}, {len(self.all_results)} runs,"
            f" clear={self.clear_net_done})"
        )


@final
class ResultsOf:
    """The results of the architectures of a table, remembered as they are asked for.

    Args:
        source: The table.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._made: dict[tuple[int, str], ArchResults] = {}  # by index and setting

    def __reduce__(self) -> tuple[Any, ...]:
        return ResultsOf, (self._source,)

    def __call__(self, index: int, hp: object) -> ArchResults:
        """Those of one architecture under one setting of training.

        Raises:
            NotRecordedError: The table does not hold the architecture.
            SettingError: The table does not hold the setting; a ValueError.
        """
        source, key = self._source, (index, str(hp))
        if index not in source.row_of:
            raise NotRecordedError(f"architecture {index} is not in table {source.table.name!r}")
        if str(hp) not in source.hps:
            raise SettingError(f"table {source.table.name!r} has no hp {hp!r}; choose from {listed(source.hps)}")
        if key not in self._made:
            if len(self._made) >= _MEMO_SIZE:
                self._made.clear()
            self._made[key] = ArchResults(source, *key)
        return self._made[key]


def describe(results: ArchResults, extra: str | None, joint: str, show: bool = False, size: bool = False) -> list[str]:
    """The originals' lines about an architecture.

    Args:
        results: Its results.
        extra: What to say of it at the start.
        joint: Between loss and accuracy.
        show: Print them too.
        size: Name CIFAR-10's test accuracy after training on half of the images, as the size space's original does.
    """
    names = results.get_dataset_names()
    lines = [results.arch_str, f"datasets : {names}, extra-info : {extra}"]
    for dataset in names:
        costs = results.get_compute_costs(dataset)
        latency = f"{costs['latency'] * 1000:.2f}" if costs["latency"] else None
        lines.append(
            f"{dataset:14s} FLOP={costs['flops']:6.2f} M, Params={costs['params']:.3f} MB, latency={latency} ms."
        )
        shown = [("train", "train")]
        if dataset != "cifar10":
            shown.append(("valid", "x-valid"))
        if dataset != "cifar10-valid" or size:
            label = "test " if dataset == "cifar10" else "test"
            shown.append((label, _SHOWN_TEST.get(dataset, "ori-test")))
        parts = []
        for label, name in shown:
            info = results.get_metrics(dataset, name)
            parts.append(f"{label} : [loss = {info['loss']:.3f}{joint}top1 = {info['accuracy']:.2f}%]")
        lines.append(f"{dataset:14s} {', '.join(parts)}")
    if show:
        print("\n".join(lines))
    return lines


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)

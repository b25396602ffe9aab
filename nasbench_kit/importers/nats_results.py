"""What the results of NAS-Bench-201 and NATS-Bench mean: their dictionaries made into columns.

Both releases hold, per architecture and setting of training ("12" or "200" epochs, say), one dictionary per training
run: a data set that was trained on and a seed. Epochs count from 0 there, accuracies are percentages.

The sizes of an architecture were written down wrongly for some runs; their authors believe seed 888 where the runs
disagree in five digits behind the point, and so it is done here.
Source: NATS-Bench, `ArchResults.get_compute_costs`, https://github.com/D-X-Y/NATS-Bench/issues/36
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from math import nan
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import ArchitectureError, ImportDataError, UnknownNameError, listed
from nasbench_kit.importers.base import Content
from nasbench_kit.importers.values import exact, percentages
from nasbench_kit.spaces import NASBench201Space, NATSBenchSizeSpace
from nasbench_kit.tables import DatasetSpec, Metric, Stored

BLOCK = 512  # architectures held together
TRUSTED_SEED = 888
_GRID = 0.05  # a count of images may be off by so much before it is none; float32 keeps it within 0.01
_MOST_RUNS = 100


class Training(NamedTuple):
    """One of the official data sets: what was trained on, and which images the results were measured on."""

    dataset: str  #: of ours
    bracket: str  #: in the names of metrics
    n_train: int  #: images
    evaluated: Mapping[str, tuple[str, int]]  #: our split -> the official name of the set, its number of images


TRAININGS = {
    "cifar10-valid": Training("cifar10", "", 25_000, {"val": ("x-valid", 25_000), "test": ("ori-test", 10_000)}),
    "cifar10": Training("cifar10", "[trainval]", 50_000, {"test": ("ori-test", 10_000)}),
    "cifar100": Training(
        "cifar100", "", 50_000, {"val": ("x-valid", 5_000), "test": ("x-test", 5_000), "valtest": ("ori-test", 10_000)}
    ),
    "ImageNet16-120": Training(
        "imagenet16-120",
        "",
        151_700,
        {"val": ("x-valid", 3_000), "test": ("x-test", 3_000), "valtest": ("ori-test", 6_000)},
    ),
}
"""Official name -> what it means. `cifar10` was trained on the images of training and validation together."""

FULL = {"nasbench201": "200", "natsbench_sss": "90"}
"""Space -> the official name of the full training; the others' datasets carry it, `cifar10-hp12`."""


def dataset_name(space: str, training: str, hp: str) -> str:
    """Our name of an official data set under one setting of training."""
    return TRAININGS[training].dataset + ("" if hp == FULL[space] else f"-hp{hp}")


class _Runs:
    """Values of one metric in the runs of one seed: a number per epoch and architecture, filled row by row."""

    def __init__(self, n_epochs: int, dtype: type[np.floating[Any]]) -> None:
        self._n_epochs, self._dtype = n_epochs, dtype
        self._blocks: dict[int, NDArray[Any]] = {}

    def put(self, row: int, values: Sequence[float]) -> None:
        block = self._blocks.get(row // BLOCK)
        if block is None:
            block = self._blocks[row // BLOCK] = np.full((BLOCK, self._n_epochs), nan, self._dtype)
        with np.errstate(over="ignore"):  # what is too large for float32 is no percentage, and refused as such
            block[row % BLOCK] = values

    def all(self, order: NDArray[np.int64]) -> NDArray[Any]:
        """Every value, rows in this order: (n_epochs, n_archs)."""
        found = np.full((self._n_epochs, len(order)), nan, self._dtype)
        blocks = order // BLOCK
        for number, block in self._blocks.items():
            there = np.flatnonzero(blocks == number)
            found[:, there] = block[order[there] % BLOCK].T
        return found


@final
class Results:
    """Collects the results of architectures, one after the other, and makes the columns of a table of them.

    Args:
        space: Whose architectures they are.
    """

    def __init__(self, space: NASBench201Space | NATSBenchSizeSpace) -> None:
        self.space = space
        self._row_of: dict[tuple[int, ...], int] = {}
        self._seen: dict[tuple[int, str], int] = {}  # row, hp -> official index
        self._seen_runs: set[tuple[int, str, str, int]] = set()  # row, hp, training, seed
        self._texts: dict[int, str] = {}  # official index -> architecture
        self._runs: dict[tuple[str, str, str, int], _Runs] = {}  # hp, training, quantity, seed

    @property
    def indexes(self) -> set[int]:
        """The official indexes of the architectures so far."""
        return set(self._texts)

    def add(self, hp: str, results: Mapping[str, Any]) -> None:
        """Take the results of one architecture under one setting of training.

        Args:
            hp: "200", say: how many epochs were trained.
            results: The official `ArchResults.state_dict`.

        Raises:
            ImportDataError: They are not what the release has there.
        """
        index, text = results["arch_index"], results["arch_str"]
        if type(index) is not int or index < 0:
            raise ImportDataError(f"an architecture has the index {index!r:.40}; a number from 0 expected")
        where = f"architecture {index}, hp {hp!r:.10}"
        if hp not in _hps(self.space.name):
            raise ImportDataError(f"{where}: unknown setting; choose from {listed(_hps(self.space.name))}")
        try:
            arch = self.space.parse(text, "official")
        except (ArchitectureError, UnknownNameError) as error:
            raise ImportDataError(f"{where}: {error}") from None
        if self._texts.setdefault(index, text) != text:
            raise ImportDataError(f"{where} is {text!r} and was {self._texts[index]!r} before")
        row = self._row_of.setdefault(arch, len(self._row_of))
        if (row, hp) in self._seen:
            raise ImportDataError(f"{where}: {text!r} is there twice, as architecture {self._seen[row, hp]} too")
        self._seen[row, hp] = index
        runs = results["all_results"]
        if max(map(len, (runs, *results["dataset_seed"].values())), default=0) > _MOST_RUNS:
            raise ImportDataError(f"{where}: more than {_MOST_RUNS} runs of one architecture; no release has as many")
        keys = {(training, seed) for training, seeds in results["dataset_seed"].items() for seed in seeds}
        if keys != set(runs):
            raise ImportDataError(
                f"{where}: its runs {listed(runs)} are not those that it lists, {listed(sorted(keys))}"
            )
        for training, seed in sorted(keys):  # the first seed's values decide how a column is made
            self._add_run(f"{where}, {training} of seed {seed}", row, (hp, training, seed), runs[training, seed])

    def add_run(self, hp: str, training: str, seed: int, text: str, run: Mapping[str, Any]) -> None:
        """Take one training run, where a copy of the release keeps them apart.

        Args:
            hp: As in `add`.
            training: The official data set.
            seed: Of the run.
            text: The architecture.
            run: The official `ResultsCount.state_dict`, as far as `add` looks at it.

        Raises:
            ImportDataError: It is not what the release has there, or is there twice.
        """
        where = f"{text!r:.100}, {training} of seed {seed}"
        try:
            arch = self.space.parse(text, "official")
        except (ArchitectureError, UnknownNameError) as error:
            raise ImportDataError(f"{where}: {error}") from None
        row = self._row_of.setdefault(arch, len(self._row_of))
        if (row, hp, training, seed) in self._seen_runs:
            raise ImportDataError(f"{where} is there twice")
        self._seen_runs.add((row, hp, training, seed))
        self._add_run(where, row, (hp, training, seed), run)

    def _add_run(self, where: str, row: int, key: tuple[str, str, int], run: Mapping[str, Any]) -> None:
        hp, training, seed = key
        if training not in TRAININGS:
            raise ImportDataError(f"{where}: unknown data set; choose from {listed(TRAININGS)}")
        if type(seed) is not int or seed < 0 or _number(run["seed"]) != seed:
            raise ImportDataError(f"{where}: the run says it has seed {run['seed']!r:.20}")
        n = run["epochs"]
        if type(n) is not int or n != int(hp):
            raise ImportDataError(f"{where}: {n!r:.20} epochs; {int(hp)} expected")
        epochs = range(n)
        curves: dict[str, tuple[Sequence[float], type[np.floating[Any]]]] = {}

        def take(quantity: str, values: Any, keys: Sequence[Any], dtype: type[np.floating[Any]]) -> None:
            if values:  # None, or nothing, where the release has none
                curves[quantity] = _read(f"{where}, {quantity}", values, keys), dtype

        # the counts of images behind accuracies survive in float32, losses would not
        take("train_accuracy", run["train_acc1es"], epochs, np.float32)
        take("train_top5_accuracy", run.get("train_acc5es"), epochs, np.float32)
        take("train_loss", run["train_losses"], epochs, np.float64)
        take("cost_s", run.get("train_times"), epochs, np.float64)
        known = {
            split: [f"{name}@{epoch}" for epoch in epochs] for split, (name, _) in TRAININGS[training].evaluated.items()
        }
        every = {key for keys in known.values() for key in keys}
        for quantity, what, dtype in (
            ("accuracy", "eval_acc1es", np.float32),
            ("loss", "eval_losses", np.float64),
            ("cost_s", "eval_times", np.float64),
        ):
            values = run.get(what) or {}
            if not isinstance(values, Mapping) or not values.keys() <= every:
                stray = sorted(map(str, set(values) - every)) if isinstance(values, Mapping) else [f"{values!r:.40}"]
                raise ImportDataError(f"{where}: {what} has {listed(stray, 3)}; keys like 'x-valid@0' expected")
            for split, keys in known.items():
                take(f"{split}_{quantity}", {k: values[k] for k in keys if k in values}, keys, dtype)
        for quantity, (values, dtype) in curves.items():
            if quantity.endswith("cost_s") and len(set(values)) == 1:  # the same for each epoch, as nearly always
                self._put((*key[:2], f"{quantity}, all alike", seed), row, values[:1], dtype)
            else:
                self._put((*key[:2], quantity, seed), row, values, dtype)
        latency = run.get("latency")
        if latency:
            seconds = sum(_read(f"{where}, latency", dict(enumerate(latency)), range(len(latency)))) / len(latency)
            if seconds > 0:  # -1 and 0 say that it was not measured
                self._put((*key[:2], "latency_s", seed), row, [seconds], np.float64)
        for quantity, what in (("params_m", "params"), ("flops_m", "flop")):
            self._put((*key[:2], quantity, seed), row, _read(where, {what: run[what]}, [what]), np.float64)

    def _put(
        self, key: tuple[str, str, str, int], row: int, values: Sequence[float], dtype: type[np.floating[Any]]
    ) -> None:
        runs = self._runs.get(key)
        if runs is None:
            runs = self._runs[key] = _Runs(len(values), dtype)
        runs.put(row, values)

    def check_order(self, archs: object) -> None:
        """The list of all architectures must agree with the index that each carries.

        Raises:
            ImportDataError: It does not, or names one twice.
        """
        if not isinstance(archs, list) or not all(isinstance(text, str) for text in archs):
            raise ImportDataError(f"meta_archs is {archs!r:.60}; the list of all architectures expected")
        if len(set(archs)) != len(archs):
            raise ImportDataError("meta_archs names an architecture twice")
        for index, text in self._texts.items():
            if index >= len(archs) or archs[index] != text:
                named = repr(archs[index]) if index < len(archs) else f"beyond its {len(archs)}"
                raise ImportDataError(f"architecture {index} is {text!r}, but meta_archs has {named} there")

    # ---- columns ----

    def content(self) -> Content:
        """What `Table.create` is given. What was collected is used up.

        Raises:
            ImportDataError: There is nothing, or the training that a search needs is not there.
        """
        if not self._row_of:
            raise ImportDataError("there are no results in it; a release with some expected")
        archs = np.array(list(self._row_of), np.uint8)
        order = np.argsort(self.space.rank_many(archs), kind="stable")
        full_first = sorted(_hps(self.space.name), key=lambda hp: (hp != FULL[self.space.name], -int(hp)))
        datasets: dict[str, DatasetSpec] = {}
        for hp in full_first:
            for training, known in TRAININGS.items():
                metrics = self._metrics(hp, training, order)
                if not metrics:
                    continue
                name = dataset_name(self.space.name, training, hp)
                if known.bracket:
                    if name not in datasets:
                        raise ImportDataError(f"{training} was trained for hp {hp}, but cifar10-valid was not")
                    shared = {e.metric.name: e for e in datasets[name].metrics if isinstance(e, Stored)}
                    metrics = [entry for entry in metrics if not _as_without_bracket(entry, shared)]
                    datasets[name] = DatasetSpec([*datasets[name].metrics, *metrics])
                else:
                    if "val_accuracy" not in {entry.metric.name for entry in metrics}:
                        raise ImportDataError(f"{training} of hp {hp} has no validation accuracy (set x-valid)")
                    datasets[name] = DatasetSpec(metrics)
        return Content(self.space.name, self.space, datasets, archs[order])

    def _metrics(self, hp: str, training: str, order: NDArray[np.int64]) -> list[Stored]:
        known = TRAININGS[training]
        seeds = tuple(sorted({seed for h, t, _, seed in self._runs if (h, t) == (hp, training)}))
        if not seeds:
            return []
        images = {split: n for split, (_, n) in known.evaluated.items()} | {"train": known.n_train}
        ran = ~np.isnan(self._stack(hp, training, "params_m", seeds, order, keep=True)[:, 0])
        made: list[Stored] = []
        for split in ("val", "train", "test", "valtest"):
            for quantity in ("accuracy", "top5_accuracy", "loss"):
                values = self._stack(hp, training, f"{split}_{quantity}", seeds, order)
                if values.size:
                    metric = Metric.from_name(f"{split}_{quantity}{known.bracket}", seeds)
                    made.append(_stored(metric, values, images[split] if quantity != "loss" else None))
        for quantity in ("cost_s", "val_cost_s", "test_cost_s", "valtest_cost_s", "latency_s"):
            values = self._costs(hp, training, quantity, seeds, order)
            if values.size:
                on = quantity.removesuffix("_cost_s") if quantity.endswith("_cost_s") else None
                metric = Metric(f"{quantity}{known.bracket}", on, "s", "min", seeds)
                made.append(_stored(metric, values, None, ran))
        for quantity in ("params_m", "flops_m"):
            values = _agreed(self._stack(hp, training, quantity, seeds, order)[:, 0], seeds)
            made.append(Stored(Metric.from_name(f"{quantity}{known.bracket}"), values[None, None]))
        return made

    def _stack(
        self, hp: str, training: str, quantity: str, seeds: Sequence[int], order: NDArray[np.int64], keep: bool = False
    ) -> NDArray[Any]:
        """The values of every seed: (n_seeds, n_epochs, n_archs); of size 0 if there are none."""
        keys = [(hp, training, quantity, seed) for seed in seeds]
        there = [self._runs[key] for key in keys if key in self._runs]
        if not there:
            return np.empty((0, 0, 0))
        first = there[0]
        stacked = np.full((len(seeds), first._n_epochs, len(order)), nan, first._dtype)
        for position, key in enumerate(keys):
            runs = self._runs.get(key) if keep else self._runs.pop(key, None)
            if runs is not None:
                stacked[position] = runs.all(order)
        if not keep and np.isnan(stacked).all():  # written down as missing, in exports of tables that lack it
            return np.empty((0, 0, 0))
        return stacked

    def _costs(
        self, hp: str, training: str, quantity: str, seeds: Sequence[int], order: NDArray[np.int64]
    ) -> NDArray[Any]:
        """Seconds: of training, up to each epoch; of others, of one pass, per epoch only where epochs differ."""
        alike = self._stack(hp, training, f"{quantity}, all alike", seeds, order)
        single = self._stack(hp, training, quantity, seeds, order)
        if quantity == "cost_s" and alike.size:
            alike = alike * np.arange(1, int(hp) + 1)[:, None]
        if single.size and quantity == "cost_s":
            single = np.cumsum(single, axis=1)
        if not single.size or not alike.size:
            return single if single.size else alike
        return np.where(np.isnan(alike), single, alike)


def _hps(space: str) -> tuple[str, ...]:
    return ("12", "200") if space == "nasbench201" else ("01", "12", "90")


def _number(seed: object) -> int | None:
    """A seed, which may be the text '0777'."""
    if isinstance(seed, str) and seed.isascii() and seed.isdecimal():
        return int(seed)
    return seed if type(seed) is int else None


def _read(where: str, values: Any, keys: Sequence[Any]) -> Sequence[float]:
    """The number at each key, NaN where there is none; no other key may be there."""
    if not isinstance(values, Mapping):
        raise ImportDataError(f"{where} is {values!r:.60}; a dictionary of numbers expected")
    try:
        found = array("d", [values.get(key, nan) for key in keys])
    except (TypeError, OverflowError):
        wrong = next(value for value in values.values() if not isinstance(value, float | int))
        raise ImportDataError(f"{where} has the value {wrong!r:.60}; a number expected") from None
    if not values.keys() <= set(keys):
        raise ImportDataError(
            f"{where} has {listed(sorted(map(str, set(values) - set(keys))), 3)}; 0 to {len(keys) - 1} expected"
        )
    return found


def _agreed(values: NDArray[np.float64], seeds: Sequence[int]) -> NDArray[np.float64]:
    """The size of each architecture (n_archs,): what all runs say, else what the trusted one says, else missing."""
    lowest, highest = np.fmin.reduce(values), np.fmax.reduce(values)
    agree = np.char.mod("%.5f", lowest) == np.char.mod("%.5f", highest)
    trusted = values[seeds.index(TRUSTED_SEED)] if TRUSTED_SEED in seeds else np.full(len(lowest), nan)
    first = np.take_along_axis(values, np.isnan(values).argmin(axis=0)[None], axis=0)[0]
    return np.where(agree, first, trusted)


def _stored(metric: Metric, values: NDArray[Any], n_images: int | None, ran: NDArray[np.bool_] | None = None) -> Stored:
    """A column of values (seeds, epochs, architectures), as small as is exact.

    Args:
        metric: Without its epochs.
        values: Percentages if `n_images` is given.
        n_images: How many images an accuracy is a count of.
        ran: (n_seeds, n_archs), for values that seeds may share: which runs there were.
    """
    recorded = np.flatnonzero(~np.isnan(values).all(axis=(0, 2)))
    if values.shape[1] > 1:
        metric = metric._replace(epochs=tuple((recorded + 1).tolist()))
        if len(recorded) < values.shape[1]:
            values = values[:, recorded]
    elif ran is None or metric.name.startswith("cost_s"):
        metric = metric._replace(epochs=(1,))
    if ran is not None:
        first = np.take_along_axis(values, (~ran).argmin(axis=0)[None, None], axis=0)
        if np.array_equal(np.where(ran[:, None], first, nan), values, equal_nan=True):
            return Stored(metric._replace(seeds=()), first)
    if n_images is not None:
        return _accuracies(metric, values, n_images)
    return Stored(metric, exact(values))


def _accuracies(metric: Metric, values: NDArray[np.float32], n_images: int) -> Stored:
    """Counts of images where all values are such, percentages else."""
    for percent in values:  # a seed at a time: less memory
        if not np.isnan(percent).all() and not 0 <= np.nanmin(percent) <= np.nanmax(percent) <= 100.0001:
            raise ImportDataError(f"{metric.name}: {np.nanmin(percent)} to {np.nanmax(percent)}; percentages expected")
    return percentages(metric, values, n_images, _GRID)


def _as_without_bracket(entry: Stored, others: Mapping[str, Stored]) -> bool:
    """Whether it says of the architecture what the metric of the same name without bracket says."""
    stem = entry.metric.name.partition("[")[0]
    if stem not in ("latency_s", "params_m", "flops_m") or stem not in others or entry.metric.seeds:
        return False
    return bool(np.array_equal(entry.raw, others[stem].raw, equal_nan=True))

"""NAS-Bench-101's own API on a table of ours: `from nasbench_kit.compat import nasbench as api`.

Names, arguments and results are those of google-research/nasbench, `nasbench/api.py` and `lib/model_spec.py`; what
differs on purpose is said where it does, after "Deviation".
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, KeysView, Mapping, Sequence
from itertools import product
from math import isnan
from random import Random
from typing import Any, cast, final

import numpy as np

from nasbench_kit.benchmark import Benchmark, open_results
from nasbench_kit.catalog import list_tables
from nasbench_kit.compat.named import path_of
from nasbench_kit.errors import (
    ArchitectureError,
    NotRecordedError,
    SettingError,
    TableError,
    UnknownNameError,
    listed,
    unknown,
)
from nasbench_kit.spaces import Arch
from nasbench_kit.spaces.nasbench101 import INPUT, OPERATIONS, OUTPUT, NASBench101Space
from nasbench_kit.spaces.nasbench101_graphs import MAX_EDGES, N_VERTICES, hash_graph
from nasbench_kit.tables import Table
from nasbench_kit.tables.column import Column, Values

__all__ = ["ModelSpec", "NASBench", "OutOfDomainError"]

_NAME = "nasbench101"
_DATASET = "cifar10"
_PARAMETERS = "params_m"
_METRICS = {  # the original's name of a value -> ours
    "training_time": "cost_s",
    "train_accuracy": "train_accuracy",
    "validation_accuracy": "val_accuracy",
    "test_accuracy": "test_accuracy",
}
_STAGES = {"halfway": "{}[halfway]", "final": "{}"}
_BLOCK = 1_000  # cells whose hash is computed when one is asked for


class OutOfDomainError(ArchitectureError):
    """The graph, or the number of epochs, is outside of the search space."""


@final
class ModelSpec:
    """A cell: matrix and operations as given, and what pruning leaves of them.

    Args:
        matrix: Array or nested lists (V, V) of 0 and 1, upper triangular. Deviation: floats become integers, so that
            they do not change the hash; other numbers than 0 and 1 are refused.
        ops: Names of the operations of the V vertices, "input" first and "output" last. Deviation: any sequence, where
            the original fails on all but lists.
        data_format: Kept, and nothing else done with it.

    Attributes:
        original_matrix: As given, in integers.
        original_ops: As given.
        matrix: What lies on a path from input to output; None if there is none.
        ops: The operations of these vertices; None if there are none.
        valid_spec: Whether there is such a path.

    Raises:
        ValueError: The matrix is not square, not upper triangular, or does not fit the operations.
    """

    def __init__(self, matrix: Any, ops: Sequence[str], data_format: str = "channels_last") -> None:
        try:
            given = np.array(matrix)
        except ValueError:  # rows of different lengths
            raise ArchitectureError("matrix must be square") from None
        if given.ndim != 2 or given.shape[0] != given.shape[1]:
            raise ArchitectureError("matrix must be square")
        if given.shape[0] != len(ops):
            raise ArchitectureError("length of ops must match matrix dimensions")
        if given.dtype.kind not in "biuf" or not np.isin(given, (0, 1)).all():
            raise ArchitectureError("matrix must hold 0 and 1 only")
        if np.tril(given).any():
            raise ArchitectureError("matrix must be upper triangular")
        self.original_matrix = given if given.dtype.kind in "iu" else given.astype(np.int64)
        self.original_ops = list(ops)
        self.data_format = data_format
        self.matrix: Any = None
        self.ops: Any = None
        kept = _on_a_path(self.original_matrix.tolist())
        self.valid_spec = bool(kept)
        if kept:
            self.matrix = self.original_matrix[np.ix_(kept, kept)]
            self.ops = [self.original_ops[v] for v in kept]

    def hash_spec(self, canonical_ops: Sequence[str]) -> str:
        """The md5 of the pruned graph, the same for isomorphic ones.

        Args:
            canonical_ops: The operations in the order of their labels: `NASBench.config["available_ops"]`.

        Raises:
            OutOfDomainError: Nothing is left after pruning. (Deviation: the original fails with a TypeError.)
            ValueError: An operation is not among `canonical_ops`.
        """
        if not self.valid_spec:
            raise OutOfDomainError("invalid spec, provided graph is disconnected.")
        labels = [-1, *[list(canonical_ops).index(op) for op in self.ops[1:-1]], -2]
        rows = self.matrix.tolist()
        behind = [[b for b, there in enumerate(row) if there] for row in rows]
        before = [[a for a, row in enumerate(rows) if row[b]] for b in range(len(rows))]
        return hash_graph(before, behind, labels)

    def visualize(self) -> None:
        """Not available here.

        Raises:
            SettingError: Always. (Deviation: the original returns a drawing by graphviz.)
        """
        raise SettingError("visualize is not available; NASBench101Space().graphs(...) gives nodes and edges to draw")


@final
class NASBench:
    """The original's queries, answered from a table.

    Args:
        dataset_file: An imported table, or a name that `nasbench-kit list` shows; by default `nasbench101.h5` of your
            data folder. Deviation: not the release's own file, which `nasbench-kit import` turns into a table once.
            Deviation: "nasbench101" is the surrogate that comes with the package, unless your data folder has a table
            of that name. Of it `query` draws a training from what is predicted, anew at each call, and answers with
            validation_accuracy and training_time alone; what else the original gives raises a KeyError that says so,
            and what needs recorded repeats (halves of trainings, statistics by hash) a SettingError.
        seed: Of the repeats that `query` draws; the same seed gives the same repeats as the original does. Deviation:
            without one it is 0, where the original gives other results each time; and it concerns this object alone,
            where the original seeds the generator of the whole program.

    Attributes:
        config: The original's constants.
        valid_epochs: The recorded numbers of epochs.
        training_time_spent: Simulated seconds of all queries since the last reset.
        total_epochs_spent: Their epochs.

    Raises:
        TableError: The file is no table, or one of another space, or lacks what the original would return.
        UnknownNameError: No file is given, and the data folder has none.
    """

    def __init__(self, dataset_file: str | os.PathLike[str] | None = None, seed: int | None = None) -> None:
        if dataset_file is None:
            tables = list_tables()
            if _NAME not in tables:
                raise unknown("table", _NAME, tables)
            dataset_file = tables[_NAME]
        results = open_results(path_of(dataset_file))
        if not isinstance(results.space, NASBench101Space) or _DATASET not in results.datasets:
            raise TableError(f"{os.fspath(dataset_file)!r} is no table of {_NAME} on {_DATASET}")
        self._space = results.space
        self._random = Random(seed or 0)  # noqa: S311 (the original's, so the same repeats; nothing secret)
        self.history: dict[Any, Any] = {}
        self.training_time_spent = 0.0
        self.total_epochs_spent = 0
        self.config = _CONFIG | {"available_ops": list(OPERATIONS)}
        self._predicted = None if isinstance(results, Table) else Benchmark(results, _DATASET)
        if isinstance(results, Table):
            self._read(results, os.fspath(dataset_file))
        else:
            self.valid_epochs = set(results.metrics(_DATASET)["val_accuracy"].epochs)

    def _read(self, table: Table, path: str) -> None:
        """Prepare answers from what was recorded."""
        self._table = table
        metrics = self._table.metrics(_DATASET)
        wanted = [_PARAMETERS, *(stage.format(name) for stage in _STAGES.values() for name in _METRICS.values())]
        lacking = [name for name in wanted if name not in metrics]
        if lacking:
            raise TableError(f"{path!r} lacks {listed(lacking)}, which the original's answers hold")
        self._parameters = cast(Column, self._table.column(_DATASET, _PARAMETERS)).at(0, 0)
        objective = metrics["val_accuracy"]
        self.valid_epochs = set(objective.epochs)
        self._runs = {
            epochs: [self._values_of(epochs, seed) for seed in range(len(objective.seeds))]
            for epochs in objective.epochs
        }
        self.config["num_repeats"] = len(objective.seeds)
        self._hashes = _Hashes(self._table)

    def query(self, model_spec: Any, epochs: int = 108, stop_halfway: bool = False) -> dict[str, Any]:
        """One recorded training of a cell, drawn among its repeats; its cost is added to the budget counters.

        Args:
            model_spec: A `ModelSpec`, or any object with its attributes.
            epochs: One of `valid_epochs`.
            stop_halfway: Whether to return, and pay for, the first half of the training only.

        Returns:
            module_adjacency (int8 array), module_operations, trainable_parameters, training_time (s), and
            train_accuracy, validation_accuracy and test_accuracy (fractions, in the precision of the release: float32).

        Raises:
            OutOfDomainError: The cell or the number of epochs is outside the search space.
            KeyError: The table does not hold the cell, or no repeat of it at this number of epochs.
        """
        if epochs not in self.valid_epochs:
            raise OutOfDomainError(
                f"invalid number of epochs, must be one of {sorted(self.valid_epochs)}; got {epochs!r}"
            )
        if self._predicted is not None:
            data = self._drawn(model_spec, epochs, stop_halfway)
            self.training_time_spent += data["training_time"]
            self.total_epochs_spent += epochs
            return data
        row = self._row(model_spec)
        recorded = self._recorded(row, epochs)
        if not recorded:
            raise UnknownNameError(f"no training of this cell for {epochs} epochs was recorded")
        run = recorded[self._random.randint(0, len(recorded) - 1)]
        data = self._fixed(row)
        stage = "halfway" if stop_halfway else "final"
        data |= {name: _single(run[f"{stage}_{name}"](row)) for name in _METRICS}
        self.training_time_spent += data["training_time"]
        self.total_epochs_spent += epochs // 2 if stop_halfway else epochs
        return data

    def _drawn(self, model_spec: Any, epochs: int, stop_halfway: bool) -> dict[str, Any]:
        """A training of a cell, drawn from what a surrogate predicts."""
        assert self._predicted is not None
        if stop_halfway:
            raise SettingError("a surrogate predicts no halves of trainings; stop_halfway=False expected")
        self._check_spec(model_spec)
        arch = self._space.parse((model_spec.matrix, model_spec.ops))
        drawn = self._predicted.query(arch, epoch=epochs, rng=self._random)
        found = {"training_time": _single(drawn.cost_s), "validation_accuracy": _single(drawn.val_accuracy)}
        return _Drawn(self._cell(arch) | found)

    def is_valid(self, model_spec: Any) -> bool:
        """Whether a cell is within the search space."""
        try:
            self._check_spec(model_spec)
        except OutOfDomainError:
            return False
        return True

    def get_budget_counters(self) -> tuple[float, int]:
        """Simulated seconds, and epochs, of all queries since the last reset."""
        return self.training_time_spent, self.total_epochs_spent

    def reset_budget_counters(self) -> None:
        """Set both counters to zero."""
        self.training_time_spent = 0.0
        self.total_epochs_spent = 0

    def evaluate(self, model_spec: Any, model_dir: str) -> dict[str, Any]:
        """Not available here: the original trains the cell.

        Raises:
            SettingError: Always.
        """
        raise SettingError("evaluate trains a network, which nasbench_kit does not; query gives the recorded trainings")

    def hash_iterator(self) -> KeysView[str]:
        """The hashes of all cells, in the order of the table; computed as they are asked for."""
        return self.fixed_statistics.keys()

    @property
    def fixed_statistics(self) -> Mapping[str, Any]:
        """Hash -> the first part of what `get_metrics_from_hash` returns, read when asked for."""
        return _Statistics(self._recorded_hashes(), self._fixed)

    @property
    def computed_statistics(self) -> Mapping[str, Any]:
        """Hash -> the second part."""
        return _Statistics(self._recorded_hashes(), self._computed)

    def get_metrics_from_hash(self, module_hash: str) -> tuple[dict[str, Any], dict[int, list[dict[str, float]]]]:
        """All that was recorded of a cell. No budget counter changes.

        The first hash that was not met before costs a walk over the table: a quarter of a minute for the last of all.

        Args:
            module_hash: 32 hexadecimal digits, as `hash_iterator` gives them.

        Returns:
            module_adjacency, module_operations and trainable_parameters; and for each number of epochs the repeats,
            each with training_time, train_accuracy, validation_accuracy and test_accuracy, prefixed `halfway_` and
            `final_`.

        Raises:
            KeyError: No cell of the table has this hash.
        """
        return self._metrics(self._recorded_hashes().row(module_hash))

    def get_metrics_from_spec(self, model_spec: Any) -> tuple[dict[str, Any], dict[int, list[dict[str, float]]]]:
        """`get_metrics_from_hash`, of the hash of a cell.

        Raises:
            OutOfDomainError: The cell is outside the search space.
            KeyError: The table does not hold it.
        """
        self._recorded_hashes()
        return self._metrics(self._row(model_spec))

    def _recorded_hashes(self) -> _Hashes:
        if self._predicted is not None:
            raise SettingError("a surrogate has no recorded trainings; import the release for statistics by hash")
        return self._hashes

    # ---- rows of the table ----

    def _check_spec(self, spec: Any) -> None:
        if not spec.valid_spec:
            raise OutOfDomainError("invalid spec, provided graph is disconnected.")
        n_vertices, n_edges = len(spec.ops), int(np.sum(spec.matrix))
        if n_vertices > N_VERTICES:
            raise OutOfDomainError(f"too many vertices, got {n_vertices} (max vertices = {N_VERTICES})")
        if n_edges > MAX_EDGES:
            raise OutOfDomainError(f"too many edges, got {n_edges} (max edges = {MAX_EDGES})")
        if spec.ops[0] != INPUT:
            raise OutOfDomainError(f"first operation should be {INPUT!r}; got {spec.ops[0]!r}")
        if spec.ops[-1] != OUTPUT:
            raise OutOfDomainError(f"last operation should be {OUTPUT!r}; got {spec.ops[-1]!r}")
        for op in spec.ops[1:-1]:
            if op not in OPERATIONS:
                raise OutOfDomainError(f"unsupported op {op} (available ops = {list(OPERATIONS)})")

    def _row(self, spec: Any) -> int:
        self._check_spec(spec)
        try:
            return self._table.row(self._space.parse((spec.matrix, spec.ops)))
        except NotRecordedError as error:  # the original would not find the hash in a dictionary
            raise UnknownNameError(str(error)) from None

    def _metrics(self, row: int) -> tuple[dict[str, Any], dict[int, list[dict[str, float]]]]:
        return self._fixed(row), self._computed(row)

    def _fixed(self, row: int) -> dict[str, Any]:
        cell = self._cell(tuple(self._table.archs()[row].tolist()))
        return cell | {"trainable_parameters": round(self._parameters(row) * 1e6)}

    def _cell(self, arch: Arch) -> dict[str, Any]:
        matrix, operations = self._space.prune(arch)
        return {"module_adjacency": np.array(matrix, np.int8), "module_operations": operations}

    def _computed(self, row: int) -> dict[int, list[dict[str, float]]]:
        return {
            epochs: [{name: _single(read(row)) for name, read in run.items()} for run in self._recorded(row, epochs)]
            for epochs in self._runs
        }

    def _recorded(self, row: int, epochs: int) -> list[dict[str, Values]]:
        return [run for run in self._runs[epochs] if not isnan(run["final_validation_accuracy"](row))]

    def _values_of(self, epochs: int, seed: int) -> dict[str, Values]:
        """The values of one repeat, by the original's names."""
        columns = {
            f"{stage}_{name}": cast(Column, self._table.column(_DATASET, form.format(metric)))
            for (stage, form), (name, metric) in product(_STAGES.items(), _METRICS.items())
        }
        return {name: column.at(seed, column.epoch_position(epochs)) for name, column in columns.items()}


def _single(value: float) -> float:
    """Rounded to single precision, as all values of the release are."""
    return float(np.float32(value))


_CONFIG: dict[str, Any] = {  # the original's defaults. Source: google-research/nasbench, `lib/config.py`
    "module_vertices": N_VERTICES,
    "max_edges": MAX_EDGES,
    "num_labels": 10,
    "stem_filter_size": 128,
    "num_stacks": 3,
    "num_modules_per_stack": 3,
    "batch_size": 256,
    "train_epochs": 108,
    "train_seconds": 14_400.0,
    "learning_rate": 0.1,
    "lr_decay_method": "COSINE_BY_STEP",
    "momentum": 0.9,
    "weight_decay": 1e-4,
    "max_attempts": 5,
    "intermediate_evaluations": ["0.5"],
}


@final
class _Hashes:
    """The official hash of each row of a table, computed in order as far as needed."""

    def __init__(self, table: Table) -> None:
        self.n = table.n_archs
        self._table = table
        self._known: list[str] = []
        self._rows: dict[str, int] = {}

    def _know_more(self) -> bool:
        start = len(self._known)
        archs = self._table.archs()[start : start + _BLOCK]
        new = cast(NASBench101Space, self._table.space).official_hash_many(archs)
        self._known += new
        self._rows.update(zip(new, range(start, start + len(new)), strict=True))
        return bool(new)

    def __iter__(self) -> Iterator[str]:
        position = 0
        while position < len(self._known) or self._know_more():
            yield self._known[position]
            position += 1

    def row(self, module_hash: str) -> int:
        """The row of one hash."""
        while module_hash not in self._rows:
            if not self._know_more():
                raise UnknownNameError(f"no cell of the table has the hash {module_hash!r}")
        return self._rows[module_hash]


@final
class _Statistics(Mapping[str, Any]):
    """Hash -> what was recorded, read when asked for."""

    def __init__(self, hashes: _Hashes, read: Callable[[int], Any]) -> None:
        self._hashes = hashes
        self._read = read

    def __getitem__(self, module_hash: str) -> Any:
        return self._read(self._hashes.row(module_hash))

    def __iter__(self) -> Iterator[str]:
        return iter(self._hashes)

    def __len__(self) -> int:
        return self._hashes.n


@final
class _Drawn(dict[str, Any]):
    """The answer of `query` where a surrogate is asked; says what it lacks."""

    def __missing__(self, key: str) -> Any:
        raise UnknownNameError(f"a surrogate does not predict {key!r}; it predicts {listed(self)}")


def _on_a_path(rows: list[list[int]]) -> list[int]:
    """The vertices on a path from the first to the last; empty if there is none."""
    n = len(rows)
    ahead, behind = {0}, {n - 1}
    for a in range(n):
        if a in ahead:
            ahead.update(b for b in range(n) if rows[a][b])
    for a in reversed(range(n)):
        if any(rows[a][b] for b in behind):
            behind.add(a)
    kept = sorted(ahead & behind)
    return kept if len(kept) > 1 else []

"""Many runs in one database file: resumable, and filled by as many processes as there are.

A study is an SQLite file. `configurations` holds everything about a run but its seed, as canonical JSON; `runs` holds,
per configuration and seed, the arrays of `nasbench_kit.simulator.Records`, each as zlib-compressed little-endian bytes.
Only the process that opened the study writes to it, one transaction per run.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from functools import cache, cached_property
from inspect import signature
from math import prod
from operator import index as as_int
from types import TracebackType
from typing import Any, NamedTuple, Self, final

import numpy as np

from nasbench_kit.benchmark import Benchmark
from nasbench_kit.errors import NasbenchKitError, SettingError, StudyError, listed, unknown
from nasbench_kit.optimizers import optimizer_class
from nasbench_kit.simulator import DRAWN, Records, simulate
from nasbench_kit.tables import Table
from nasbench_kit.version import __version__

SCHEMA_VERSION = 1
_APPLICATION_ID = 0x4E42_4B31  # marks the file as ours, readable by `file` and SQLite
_IN_FLIGHT = 64  # runs handed to an executor at a time
_BUSY_S = 60.0
_MOST_INFLATED = 1_100  # zlib compresses by no more than 1,032

_DTYPES: dict[str, np.dtype[Any]] = {name: np.dtype("<f8") for name in ("value", "cost_s", "finished_s", "optimizer_s")}
_DTYPES |= {name: np.dtype("<i4") for name in ("epoch", "seed", "worker")}
_DTYPES |= {"archs": np.dtype("u1")}

_SCHEMA = f"""
CREATE TABLE configurations (id INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE);
CREATE TABLE runs (
    configuration INTEGER NOT NULL REFERENCES configurations (id),
    run_seed INTEGER NOT NULL,
    versions TEXT NOT NULL,
    n_evaluations INTEGER NOT NULL,
    n_decisions INTEGER NOT NULL,
    {", ".join(f"{name} BLOB NOT NULL" for name in Records._fields)},
    PRIMARY KEY (configuration, run_seed)
) WITHOUT ROWID;
"""


@final
@dataclass(frozen=True)
class Configuration:
    """Everything that determines a run, but its seed.

    Attributes:
        benchmark: Name of the benchmark, `table/dataset`.
        table_sha256: Hash of the content of its table.
        optimizer: A name in `nasbench_kit.optimizers.OPTIMIZERS`, or `module:Class`.
        settings: Arguments of the optimizer after `space` and `rng`.
        budget_s: Simulated seconds; as in `simulate`.
        n_evaluations: As in `simulate`.
        n_workers: As in `simulate`.
        seed: As in `simulate`: which recorded training run a trial reveals.
        epoch: As in `simulate`.
        table_path: Where the table lies; not part of what makes two configurations the same.
    """

    benchmark: str
    table_sha256: str
    optimizer: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    budget_s: float | None = None
    n_evaluations: int | None = None
    n_workers: int = 1
    seed: int | str = DRAWN
    epoch: int | None = None
    table_path: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        # numpy's 5, 5 and 5.0 seconds are the same, also as JSON
        plain: dict[str, Any] = {"settings": {}}
        for name, value in self.settings.items():
            try:
                plain["settings"][name] = json.loads(json.dumps(value, allow_nan=False))
            except (TypeError, ValueError):
                raise SettingError(
                    f"{name}={value!r} of {self.optimizer} cannot be stored; a number, a text, or a list expected"
                ) from None
        for name, convert in (("budget_s", float), ("n_evaluations", as_int), ("n_workers", as_int), ("epoch", as_int)):
            value = getattr(self, name)
            try:
                plain[name] = None if value is None else convert(value)
            except (TypeError, ValueError):
                raise SettingError(f"{name}={value!r}; a number expected") from None
        if hasattr(self.seed, "__index__"):
            plain["seed"] = as_int(self.seed)
        for name, value in plain.items():
            object.__setattr__(self, name, value)

    @classmethod
    def of(cls, benchmark: Benchmark, optimizer: str, settings: Mapping[str, Any] | None = None, **how: Any) -> Self:
        """The configuration of an optimizer on a benchmark, checked by building the optimizer once.

        Args:
            benchmark: What to search.
            optimizer: As the attribute of that name.
            settings: As the attribute of that name.
            how: `budget_s`, `n_evaluations`, `n_workers`, `seed`, `epoch`: as in `simulate`.

        Raises:
            UnknownNameError: There is no such optimizer, or it has no such setting.
            SettingError: The optimizer refuses its settings.
        """
        table = benchmark.table
        made = cls(benchmark.name, table.sha256, optimizer, dict(settings or {}), **how, table_path=table.path)
        try:
            _build(made, benchmark, np.random.default_rng(0))
        except NasbenchKitError:
            raise
        except Exception as error:  # whatever somebody's class raises
            raise SettingError(f"cannot make {made.label}: {type(error).__name__}: {error}") from error
        return made

    @cached_property
    def identity(self) -> str:
        """Canonical JSON of all that makes two configurations the same."""
        what = asdict(self)
        del what["table_path"]
        return json.dumps(what, sort_keys=True)

    def __hash__(self) -> int:
        return hash(self.identity)

    @property
    def label(self) -> str:
        """The optimizer with its settings, for legends: `regularized_evolution (sample_size=5)`."""
        settings = ", ".join(f"{name}={value}" for name, value in sorted(self.settings.items()))
        return f"{self.optimizer} ({settings})" if settings else self.optimizer


class StoredRun(NamedTuple):
    """One run of a study."""

    configuration: Configuration
    run_seed: int  #: seed of the run's random generators
    versions: Mapping[str, str]  #: of Python, numpy and nasbench_kit, when it was made
    records: Records


def _build(configuration: Configuration, benchmark: Benchmark, rng: np.random.Generator) -> Any:
    make = optimizer_class(configuration.optimizer)
    accepted = list(signature(make).parameters.values())[2:]  # after space and rng
    names = [parameter.name for parameter in accepted]
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in accepted):
        for name in configuration.settings:
            if name not in names:
                raise unknown(f"setting of {configuration.optimizer}", name, names)
    return make(benchmark.space, rng, **configuration.settings)


@cache
def _benchmark(path: str, name: str, sha256: str) -> Benchmark:
    table = Table.open(path)
    if table.sha256 != sha256:
        raise StudyError(f"table {path!r} has changed since this study was set up; put the earlier one back")
    return Benchmark(table, name.partition("/")[2])


def execute(configuration: Configuration, run_seed: int) -> Records:
    """One run: what an executor is given.

    The optimizer and the simulator have a random generator each, both from `run_seed`; so a run depends on nothing
    else, in particular not on the process that it runs in.
    """
    if not configuration.table_path:
        raise StudyError(f"it is not known where the table of {configuration.benchmark} lies; use Configuration.of")
    benchmark = _benchmark(configuration.table_path, configuration.benchmark, configuration.table_sha256)
    search, draw = (np.random.default_rng(child) for child in np.random.SeedSequence(run_seed).spawn(2))
    return simulate(
        benchmark,
        _build(configuration, benchmark, search),
        rng=draw,
        budget_s=configuration.budget_s,
        n_evaluations=configuration.n_evaluations,
        n_workers=configuration.n_workers,
        seed=configuration.seed,
        epoch=configuration.epoch,
    )


@final
class Study:
    """A study file, open for reading and writing; made if there is none. Usable in a `with` statement.

    Args:
        path: The file.
        create: Make the file if there is none.

    Raises:
        StudyError: It is no study, is damaged, was made by a newer version, or cannot be opened.
    """

    def __init__(self, path: str | os.PathLike[str], *, create: bool = True) -> None:
        self.path = os.fspath(path)
        if self.path in ("", ":memory:"):
            raise StudyError(f"{self.path!r} is no file name; a study is kept in a file")
        if not create and not os.path.exists(self.path):
            raise StudyError(f"there is no study {self.path!r}")
        with self._errors("open"):
            self._db = sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None)
        try:
            with self._errors("open"):
                self._prepare()
        except BaseException:
            self._db.close()
            raise

    def _prepare(self) -> None:
        with self._transaction("DEFERRED"):
            is_new = self._check()
        if is_new:
            with self._transaction():
                if self._check():  # no other process was faster
                    for statement in filter(str.strip, _SCHEMA.split(";")):
                        self._db.execute(statement)
                    self._db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
                    self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def _check(self) -> bool:
        """Whether the file is empty; raises if it holds anything but a study that can be read. In a transaction."""
        mark, version = (
            self._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
        )
        if not self._db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            return True
        if mark != _APPLICATION_ID:
            raise StudyError(f"{self.path!r} is an SQLite file, but no study of nasbench_kit")
        if version > SCHEMA_VERSION:
            raise StudyError(
                f"{self.path!r} has study format {version}; this nasbench_kit reads up to {SCHEMA_VERSION}:"
                " upgrade nasbench_kit"
            )
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. Everything that was stored is in it already."""
        self._db.close()

    @contextlib.contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            reason = str(error)
            if "not a database" in reason:
                raise StudyError(f"{self.path!r} is no study: {reason}") from None
            stored = "" if doing != "write" else "; every run stored so far is safe: mend that and run the same again"
            raise StudyError(f"cannot {doing} study {self.path!r}: {reason}{stored}") from None

    @contextlib.contextmanager
    def _transaction(self, kind: str = "IMMEDIATE") -> Iterator[None]:
        self._db.execute(f"BEGIN {kind}")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # a full disk may have rolled back already
                self._db.execute("ROLLBACK")
            raise

    # ---- fill ----

    def run(
        self,
        configurations: Iterable[Configuration],
        run_seeds: Iterable[int],
        *,
        executor: Executor | None = None,
        n_processes: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> int:
        """Make the runs that are not in the study yet: every configuration with every seed.

        Killed at any moment, it loses at most the runs in flight; called again, it goes on.

        Args:
            configurations: What to run.
            run_seeds: Seeds of the runs' random generators.
            executor: Anything with the interface of `concurrent.futures.Executor`; it is left open. A process pool
                by default.
            n_processes: Size of that pool; the number of usable processors by default. 1 runs in this process.
            progress: Called with (runs that are there, runs asked for), at the start and after each run.

        Returns:
            How many runs were made.

        Raises:
            StudyError: A run failed, or the file could not be written. The runs stored before are safe.
        """
        configurations = list(dict.fromkeys(configurations))
        run_seeds = list(dict.fromkeys(map(as_int, run_seeds)))
        if any(not 0 <= seed < 2**63 for seed in run_seeds):
            raise SettingError(f"run seeds {listed(run_seeds)}; integers from 0 to 2^63 - 1 expected")
        with self._errors("write"):
            ids = {configuration: self._configuration_id(configuration) for configuration in configurations}
            present = {key: self._seeds(id_) for key, id_ in ids.items()}
        tasks = [(key, seed) for key in configurations for seed in run_seeds if seed not in present[key]]
        n_all = len(configurations) * len(run_seeds)
        n_there = n_all - len(tasks)
        report = progress or (lambda there, asked_for: None)
        report(n_there, n_all)
        with self._write_ahead_log():
            for (configuration, run_seed), records in _executed(tasks, executor, n_processes):
                with self._errors("write"):
                    self._store(ids[configuration], run_seed, records)
                n_there += 1
                report(n_there, n_all)
        return len(tasks)

    @contextlib.contextmanager
    def _write_ahead_log(self) -> Iterator[None]:
        """Commits that cost little and that a killed process does not lose; one plain file again at the end."""
        # both are refused at once while another process writes; the runs are as safe without, the commits slower
        with contextlib.suppress(sqlite3.OperationalError):
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
        try:
            yield
        finally:
            with contextlib.suppress(sqlite3.OperationalError):
                self._db.execute("PRAGMA journal_mode = DELETE")

    def _configuration_id(self, configuration: Configuration) -> int:
        with self._transaction():
            self._db.execute("INSERT OR IGNORE INTO configurations (identity) VALUES (?)", (configuration.identity,))
        found = self._db.execute("SELECT id FROM configurations WHERE identity = ?", (configuration.identity,))
        return int(found.fetchone()[0])

    def _seeds(self, id_: int) -> set[int]:
        return {seed for (seed,) in self._db.execute("SELECT run_seed FROM runs WHERE configuration = ?", (id_,))}

    def _store(self, id_: int, run_seed: int, records: Records) -> None:
        blobs = [zlib.compress(_bytes(name, values), 1) for name, values in records._asdict().items()]
        row = (id_, run_seed, _versions(), *records.archs.shape, *blobs)
        with self._transaction():  # a second process may have made the same run: it is the same
            self._db.execute(f"INSERT OR IGNORE INTO runs VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608

    # ---- read ----

    def configurations(self) -> list[Configuration]:
        """What has been run, in the order of first use."""
        with self._errors("read"):
            rows = self._db.execute("SELECT identity FROM configurations ORDER BY id").fetchall()
        try:
            return [Configuration(**json.loads(identity)) for (identity,) in rows]
        except (TypeError, ValueError) as error:
            raise StudyError(f"{self.path!r} is damaged: a configuration is unreadable ({error})") from None

    def n_runs(self, configuration: Configuration) -> int:
        """How many runs of one configuration there are."""
        with self._errors("read"):
            counted = self._db.execute(
                "SELECT count(*) FROM runs JOIN configurations ON id = configuration WHERE identity = ?",
                (configuration.identity,),
            )
            return int(counted.fetchone()[0])

    def runs(self, configuration: Configuration, run_seeds: Iterable[int] | None = None) -> Iterator[StoredRun]:
        """The runs of one configuration in order of seed; all by default.

        Raises:
            StudyError: A stored run is damaged.
        """
        wanted = None if run_seeds is None else set(run_seeds)
        columns = ", ".join(Records._fields)
        with self._errors("read"):
            rows = self._db.execute(
                f"SELECT run_seed, versions, n_evaluations, n_decisions, {columns} FROM runs"  # noqa: S608
                " JOIN configurations ON id = configuration WHERE identity = ? ORDER BY run_seed",
                (configuration.identity,),
            )
            for run_seed, versions, n_evaluations, n_decisions, *blobs in rows:
                if wanted is not None and run_seed not in wanted:
                    continue
                named = zip(Records._fields, blobs, strict=True)
                try:
                    arrays = {name: _array(name, blob, n_evaluations, n_decisions) for name, blob in named}
                    yield StoredRun(configuration, run_seed, json.loads(versions), Records(**arrays))
                except (zlib.error, ValueError, TypeError, MemoryError) as error:
                    raise StudyError(f"{self.path!r} is damaged: run with seed {run_seed} ({error})") from None


def _bytes(name: str, values: Any) -> bytes:
    return np.ascontiguousarray(values, _DTYPES[name]).tobytes()


def _array(name: str, blob: bytes, n_evaluations: int, n_decisions: int) -> Any:
    shape = (n_evaluations, n_decisions) if name == "archs" else (n_evaluations,)
    n_bytes = prod(shape) * _DTYPES[name].itemsize
    if not 0 <= n_bytes <= _MOST_INFLATED * (len(blob) + 1):
        raise ValueError(f"{name} of {len(blob)} bytes cannot hold {n_bytes}")
    inflater = zlib.decompressobj()
    data = inflater.decompress(blob, n_bytes + 1)  # never more than expected, whatever the file says
    if len(data) != n_bytes or not inflater.eof:
        raise ValueError(f"{name} has not the {n_bytes} bytes expected")
    return np.frombuffer(data, _DTYPES[name]).reshape(shape)


@cache
def _versions() -> str:
    return json.dumps({"nasbench_kit": __version__, "numpy": np.__version__, "python": platform.python_version()})


# ---- executors ----

_Task = tuple[Configuration, int]


def _executed(
    tasks: list[_Task], executor: Executor | None, n_processes: int | None
) -> Iterator[tuple[_Task, Records]]:
    """Results in the order in which they come."""
    n_processes = min(n_processes or _n_processors(), len(tasks))
    if executor is not None:
        yield from _submitted(tasks, executor)
    elif n_processes > 1:
        import multiprocessing

        # "spawn", on every system: a forked child would inherit the locks of whatever threads the caller runs
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(n_processes, mp_context=context, initializer=_initialize_worker)
        try:
            yield from _submitted(tasks, pool)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    else:
        for task in tasks:
            with _failures(task):
                records = execute(*task)
            yield task, records


def _n_processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _submitted(tasks: list[_Task], executor: Executor) -> Iterator[tuple[_Task, Records]]:
    waiting = iter(tasks)
    running: dict[Future[Records], _Task] = {}
    try:
        while True:
            for task in waiting:
                running[executor.submit(execute, *task)] = task
                if len(running) >= _IN_FLIGHT:
                    break
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                task = running.pop(future)
                with _failures(task):
                    records = future.result()
                yield task, records
    finally:
        for future in running:
            future.cancel()


@contextlib.contextmanager
def _failures(task: _Task) -> Iterator[None]:
    configuration, run_seed = task
    try:
        yield
    except BrokenProcessPool:
        raise StudyError(
            "a worker process died; every run stored so far is safe: run the same again"
            " (a script must start studies under `if __name__ == '__main__':`)"
        ) from None
    except Exception as error:
        reason = str(error) if isinstance(error, NasbenchKitError) else f"{type(error).__name__}: {error}"
        where = f"{configuration.label} on {configuration.benchmark} with seed {run_seed}"
        raise StudyError(f"{where} failed: {reason}") from error


def _initialize_worker() -> None:
    """Leave interrupts to the parent, and do not outlive it, even if it is killed."""
    import multiprocessing
    import signal
    import threading
    from multiprocessing.connection import wait as wait_for

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        wait_for([parent.sentinel])
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()

"""Many runs in one database file: resumable, and filled by as many processes as there are.

A study is an SQLite file. `configurations` holds everything about a run but its seed, as canonical JSON; `runs` holds,
per configuration and seed, the arrays of `nasbench_kit.simulator.Records`, each as zlib-compressed little-endian bytes.
Only the process that opened the study writes to it, one transaction per run.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from math import prod
from operator import index as as_int
from types import TracebackType
from typing import Any, NamedTuple, Self, final

import numpy as np

from nasbench_kit.errors import SettingError, StudyError, listed
from nasbench_kit.simulator import Records
from nasbench_kit.study.configuration import Configuration, open_same, versions_of
from nasbench_kit.study.executors import executed

SCHEMA_VERSION = 1
_APPLICATION_ID = 0x4E42_4B31  # marks the file as ours, readable by `file` and SQLite
_BUSY_S = 60.0
_LIBRARIES = ("nasbench_kit", "numpy")
_MOST_INFLATED = 1_100  # zlib compresses by no more than 1,032

_DTYPES: dict[str, np.dtype[Any]] = dict.fromkeys(Records._fields, np.dtype("<f8"))
_DTYPES |= dict.fromkeys(("trial", "epoch", "worker"), np.dtype("<i4"))
_DTYPES |= {"seed": np.dtype("<i8"), "archs": np.dtype("u1"), "failed": np.dtype("?")}

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


class StoredRun(NamedTuple):
    """One run of a study."""

    configuration: Configuration
    run_seed: int  #: seed of the run's random generators
    versions: Mapping[str, str]  #: of Python, numpy and nasbench_kit, when it was made
    records: Records


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
        versions = {key: versions_of(key) for key in configurations}
        unfinished = {key for key, _ in tasks}
        for key in configurations:
            self._check_versions(key, versions[key], ("optimizer_sha256", *_LIBRARIES * (key in unfinished)))
        for path, sha256 in dict.fromkeys((key.path, key.results_sha256) for key in configurations):
            open_same(path, sha256).verify()  # or values changed by hand would pass for those that the hash stands for
        n_all = len(configurations) * len(run_seeds)
        n_there = n_all - len(tasks)
        report = progress or (lambda there, asked_for: None)
        report(n_there, n_all)
        with self._write_ahead_log(), contextlib.closing(executed(tasks, executor, n_processes)) as results:
            for (configuration, run_seed), records in results:
                with self._errors("write"):
                    self._store(ids[configuration], run_seed, json.dumps(versions[configuration]), records)
                n_there += 1
                report(n_there, n_all)
        return len(tasks)

    @contextlib.contextmanager
    def _write_ahead_log(self) -> Iterator[None]:
        """Commits that cost little and that a killed process does not lose; one plain file again at the end."""
        # refused at once while another process writes; the runs are as safe without, the commits slower
        with contextlib.suppress(sqlite3.OperationalError):
            if self._db.execute("PRAGMA journal_mode = WAL").fetchone()[0] == "wal":
                self._db.execute("PRAGMA synchronous = NORMAL")
        try:
            yield
        finally:
            with contextlib.suppress(sqlite3.OperationalError):
                self._db.execute("PRAGMA synchronous = FULL")
                self._db.execute("PRAGMA journal_mode = DELETE")

    def _check_versions(self, configuration: Configuration, now: Mapping[str, str], names: Iterable[str]) -> None:
        """Refuse runs beside those that the same seeds, with what there is now, might not give."""
        with self._errors("read"):
            found = self._db.execute(
                "SELECT DISTINCT versions FROM runs JOIN configurations ON id = configuration WHERE identity = ?",
                (configuration.identity,),
            ).fetchall()
        for (then,) in found:
            for name in names:
                version = json.loads(then).get(name)
                if now.get(name) != version:
                    raise StudyError(
                        f"{self.path!r} holds runs of {configuration.label} made with {name} {version}; with"
                        f" {now.get(name)} the same seeds may give others: use that one, or another study file"
                    )

    def _configuration_id(self, configuration: Configuration) -> int:
        with self._transaction():
            self._db.execute("INSERT OR IGNORE INTO configurations (identity) VALUES (?)", (configuration.identity,))
        found = self._db.execute("SELECT id FROM configurations WHERE identity = ?", (configuration.identity,))
        return int(found.fetchone()[0])

    def _seeds(self, id_: int) -> set[int]:
        return {seed for (seed,) in self._db.execute("SELECT run_seed FROM runs WHERE configuration = ?", (id_,))}

    def _store(self, id_: int, run_seed: int, versions: str, records: Records) -> None:
        blobs = [zlib.compress(_bytes(name, values), 1) for name, values in records._asdict().items()]
        row = (id_, run_seed, versions, *records.archs.shape, *blobs)
        with self._transaction():  # a second process may have made the same run: it is the same
            self._db.execute(f"INSERT OR IGNORE INTO runs VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608

    # ---- read ----

    def configurations(self) -> list[Configuration]:
        """What has been run, in the order of first use."""
        with self._errors("read"):
            rows = self._db.execute("SELECT identity FROM configurations ORDER BY id").fetchall()
        try:
            return [Configuration.from_json(json.loads(identity)) for (identity,) in rows]
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
    if name == "values":
        shape = (n_evaluations, 1)
    n_bytes = prod(shape) * _DTYPES[name].itemsize
    if not 0 <= n_bytes <= _MOST_INFLATED * (len(blob) + 1):
        raise ValueError(f"{name} of {len(blob)} bytes cannot hold {n_bytes}")
    inflater = zlib.decompressobj()
    data = inflater.decompress(blob, n_bytes + 1)  # never more than expected, whatever the file says
    if len(data) != n_bytes or not inflater.eof:
        raise ValueError(f"{name} has not the {n_bytes} bytes expected")
    return np.frombuffer(data, _DTYPES[name]).reshape(shape)

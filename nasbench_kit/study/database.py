"""The file of a study: an SQLite database that holds our tables and nothing else.

Who opens it trusts nothing that it says: views, triggers and other tables are refused before anything is read.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, final

from nasbench_kit.errors import StudyError
from nasbench_kit.study.text import in_one_line

SCHEMA_VERSION = 2  # of the study format
_APPLICATION_ID = 0x4E42_4B31  # marks the file as ours, readable by `file` and SQLite
_SILENT_S = 2.0  # that one waits for another program without saying so
_BUSY_S = 60.0
_LOGGED = 1 << 14  # pages in the log before they are moved into the file, for which the disk is waited for

_PRAGMAS = ("trusted_schema = OFF", "cell_size_check = ON", "query_only = ON")

_SCHEMA = """
CREATE TABLE configurations (
    id INTEGER PRIMARY KEY,
    identity TEXT NOT NULL UNIQUE,
    label TEXT NOT NULL,
    defaults TEXT NOT NULL,
    digest TEXT NOT NULL
);
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    configuration INTEGER NOT NULL REFERENCES configurations (id),
    run_seed INTEGER NOT NULL,
    versions TEXT NOT NULL,
    n_evaluations INTEGER NOT NULL,
    failure TEXT,
    digest TEXT NOT NULL,
    UNIQUE (configuration, run_seed)
);
CREATE TABLE columns (
    run INTEGER NOT NULL REFERENCES runs (id),
    name TEXT NOT NULL,
    dtype TEXT NOT NULL,
    shape TEXT NOT NULL,
    data BLOB NOT NULL,
    UNIQUE (run, name)
);
CREATE TABLE claims (
    configuration INTEGER NOT NULL REFERENCES configurations (id),
    run_seed INTEGER NOT NULL,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    token TEXT NOT NULL,
    heartbeat REAL NOT NULL,
    UNIQUE (configuration, run_seed)
)
"""
_LISTED = "SELECT type, name, tbl_name, sql FROM sqlite_master"


@final
class Database:
    """An open study file, made if there is none.

    Args:
        path: The file.
        create: Make the file if there is none.
        durable: Wait until what is written is on the disk.

    Raises:
        StudyError: It is no study, is damaged, was made by another version, or cannot be opened.

    Attributes:
        path: The file, as given.
        is_writable: Whether this process may write to it.
    """

    def __init__(self, path: str | os.PathLike[str], *, create: bool, durable: bool = True) -> None:
        self._pragmas = _PRAGMAS if durable else (*_PRAGMAS, "synchronous = OFF", "journal_mode = MEMORY")
        self.path = os.fsdecode(path)
        if self.path in ("", ":memory:") or "\0" in self.path:
            raise StudyError(f"{self.path!r} is no file name; a study is kept in a file")
        there = os.path.lexists(self.path)
        if there and not os.path.isfile(self.path):
            raise StudyError(f"cannot open study {self.path!r}: it is no file")
        if not there and not create:
            raise StudyError(f"there is no study {self.path!r}")
        folder = os.path.dirname(os.path.abspath(self.path))
        self.is_writable = os.access(folder, os.W_OK) and (not there or os.access(self.path, os.W_OK))
        try:
            self._open(os.path.abspath(self.path), create)  # a name that begins with a slash is no URI
        except StudyError:
            if self.is_writable or not self._is_finished():
                raise
            # nobody can make the files that reading beside a writer takes; and there is no writer
            self._open(Path(os.path.abspath(self.path)).as_uri() + "?mode=ro&immutable=1", create=False)

    def _is_finished(self) -> bool:
        """Whether all that was written is in the file itself."""
        logs = (f"{self.path}-wal", f"{self.path}-journal")
        return not any(os.path.exists(log) and os.path.getsize(log) for log in logs)

    def _open(self, name: str, create: bool) -> None:
        with self._errors("open"):
            self._db = sqlite3.connect(name, uri=name.startswith("file:"), timeout=_SILENT_S, isolation_level=None)
            try:
                for limit, most in ((sqlite3.SQLITE_LIMIT_ATTACHED, 0), (sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 0)):
                    self._db.setlimit(limit, most)
                for pragma in self._pragmas:
                    self._db.execute(f"PRAGMA {pragma}")
                self._prepare(create)
            except BaseException:
                self._db.close()
                raise

    def _prepare(self, create: bool) -> None:
        with self._begun("DEFERRED"):
            is_new = self._check()
        if is_new and not create:
            raise StudyError(f"{self.path!r} is empty, no study")
        if is_new:
            with self._writing(), self._begun("IMMEDIATE"):
                if self._check():  # no other process was faster
                    for statement in _SCHEMA.split(";"):
                        self._db.execute(statement)
                    self._db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
                    self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def _check(self) -> bool:
        """Whether the file is empty; raises if it holds anything but a study that can be read. In a transaction."""
        found = self._patient(_LISTED).fetchmany(len(_expected()) + 1)
        mark, version, encoding, vacuum = (
            self._db.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("application_id", "user_version", "encoding", "auto_vacuum")
        )
        if not found and not mark:
            return True
        if mark != _APPLICATION_ID:
            raise StudyError(f"{self.path!r} is an SQLite file, but no study of nasbench_kit")
        if version != SCHEMA_VERSION:
            remedy = "upgrade nasbench_kit" if version > SCHEMA_VERSION else "make its runs anew in another file"
            raise StudyError(
                f"{self.path!r} has study format {version}; this nasbench_kit reads format {SCHEMA_VERSION}: {remedy}"
            )
        for row in found:
            if row not in _expected():
                kind, name = map(in_one_line, row[:2])
                raise StudyError(f"{self.path!r} is no study: it holds the {kind} {name!r}, which is not ours")
        if len(found) != len(_expected()) or encoding != "UTF-8" or vacuum:
            raise StudyError(f"{self.path!r} is damaged: its tables are not those of a study")
        self._check_consistency()
        return False

    def _check_consistency(self) -> None:
        """Refuse tables whose rows and indexes disagree; `columns`, which is large, is checked run by run."""
        for table in ("configurations", "runs", "claims"):
            problem = self._db.execute(f"PRAGMA integrity_check({table})").fetchone()[0]
            if problem != "ok":
                raise StudyError(f"{self.path!r} is damaged: {in_one_line(problem)}")
        if self._db.execute("PRAGMA foreign_key_check(runs)").fetchone():
            raise StudyError(f"{self.path!r} is damaged: a run belongs to no configuration")

    def close(self) -> None:
        """Close the file. Everything that was stored is in it already."""
        self._db.close()

    # ---- read and write ----

    def read(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """All rows that a statement finds."""
        with self._errors("read"):
            return self._patient(statement, values).fetchall()

    def write(self, statement: str, *values: object) -> sqlite3.Cursor:
        """Execute a statement that changes the file; in a transaction."""
        with self._errors("write"):
            return self._db.execute(statement, values)

    def write_many(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Execute a statement for each of many rows; in a transaction."""
        with self._errors("write"):
            self._db.executemany(statement, rows)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """What is written in the block is in the file as a whole when the block ends, or not at all."""
        with self._errors("write"), self._writing(), self._begun("IMMEDIATE"):
            yield

    @contextlib.contextmanager
    def write_ahead_log(self) -> Iterator[None]:
        """Commits that cost little and that a killed process does not lose; one plain file again at the end."""
        # refused at once while another process writes; the runs are as safe without, the commits slower
        with contextlib.suppress(sqlite3.OperationalError):
            if self._db.execute("PRAGMA journal_mode = WAL").fetchone()[0] == "wal":
                self._db.execute("PRAGMA synchronous = NORMAL")
                self._db.execute(f"PRAGMA wal_autocheckpoint = {_LOGGED}")
        try:
            yield
        finally:
            with contextlib.suppress(sqlite3.OperationalError), self._writing():
                self._db.execute("PRAGMA synchronous = FULL")
                self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")  # for a copy, if another process is still there
                self._db.execute("PRAGMA journal_mode = DELETE")

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        self._db.execute("PRAGMA query_only = OFF")
        try:
            yield
        finally:
            self._db.execute("PRAGMA query_only = ON")

    @contextlib.contextmanager
    def _begun(self, kind: str) -> Iterator[None]:
        self._patient(f"BEGIN {kind}")
        try:
            yield
            self._patient("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # a full disk may have rolled back already
                self._db.execute("ROLLBACK")
            raise

    def _patient(self, statement: str, values: tuple[object, ...] = ()) -> sqlite3.Cursor:
        """Execute a statement, and say so if it has to wait for another program."""
        try:
            return self._db.execute(statement, values)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
        logging.getLogger(__name__).warning("waiting for another program, which has locked study %r", self.path)
        self._db.execute(f"PRAGMA busy_timeout = {round(1_000 * _BUSY_S)}")
        try:
            return self._db.execute(statement, values)
        finally:
            self._db.execute(f"PRAGMA busy_timeout = {round(1_000 * _SILENT_S)}")

    @contextlib.contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            reason = in_one_line(error)
            if "not a database" in reason:
                raise StudyError(f"{self.path!r} is no study: {reason}") from None
            is_safe = doing == "write" and "malformed" not in reason
            safe = "; every run stored so far is safe: mend that and run the same again" if is_safe else ""
            raise StudyError(f"cannot {doing} study {self.path!r}: {reason}{safe}") from None
        except MemoryError:
            raise StudyError(f"cannot {doing} study {self.path!r}: out of memory") from None


@cache
def _expected() -> frozenset[tuple[Any, ...]]:
    """What a new study lists as its tables."""
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        for statement in _SCHEMA.split(";"):
            db.execute(statement)
        return frozenset(db.execute(_LISTED))

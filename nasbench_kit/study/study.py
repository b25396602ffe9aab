"""Many runs in one database file: resumable, mergeable, and filled by as many processes as there are."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from operator import index as as_int
from types import TracebackType
from typing import Any, NamedTuple, Self, final

from nasbench_kit.benchmark import Benchmark, Results, open_results
from nasbench_kit.errors import SettingError, StudyError, listed, unknown
from nasbench_kit.formats.rows import to_frame
from nasbench_kit.jobs import check_is_no_import, n_processors
from nasbench_kit.optimizers.base import check_at_least
from nasbench_kit.simulator import Records, Rules
from nasbench_kit.study.claims import Claims, Task, is_claimed
from nasbench_kit.study.columns import Column, digest_of, digest_of_run, pack, unpack
from nasbench_kit.study.configuration import Configuration
from nasbench_kit.study.database import Database
from nasbench_kit.study.executors import executed
from nasbench_kit.study.recorded import Recording, read_recording, recorded_runs, rules_beside
from nasbench_kit.study.rehearsal import rehearse
from nasbench_kit.study.rows import STORED_COLUMNS, stored_rows
from nasbench_kit.study.running import Made, benchmark_of, n_together, open_same
from nasbench_kit.study.text import check_printable, in_one_line, read_json, write_json
from nasbench_kit.study.versions import different, versions_of

_MOST_COLUMNS = 1_000  # of a run
_READ, _MOST_READ = 64, 1 << 25  # runs that are read together, and their bytes


class StoredRun(NamedTuple):
    """One run of a study."""

    configuration: Configuration
    run_seed: int  #: seed of the run's random generators
    versions: Mapping[str, str]  #: of Python, numpy and nasbench_kit, when it was made
    records: Records


class RunCounts(NamedTuple):
    """What became of the runs that were asked for; in sum as many as these."""

    made: int  #: by this call
    there: int  #: made before, or by other processes meanwhile
    failed: int  #: see `Study.failures`


class _Row(NamedTuple):
    """A row of the table `runs`."""

    id: int
    configuration: int
    run_seed: int
    versions: str
    n_evaluations: int
    failure: str | None
    digest: str


@final
class Study:
    """A study file, open for reading and writing; made if there is none. Usable in a `with` statement.

    Args:
        path: The file.
        create: Make the file if there is none.
        durable: Wait until what is written is on the disk; not needed of what will be copied from and removed.

    Raises:
        StudyError: It is no study, is damaged, was made by another version, or cannot be opened.
    """

    def __init__(self, path: str | os.PathLike[str], *, create: bool = True, durable: bool = True) -> None:
        self._db = Database(path, create=create, durable=durable)
        self.path = self._db.path
        self._known: dict[tuple[Any, ...], Configuration] = {}  # the rows that were checked already
        try:
            self._ids()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Study {self.path!r}>"

    def close(self) -> None:
        """Close the file. Everything that was stored is in it already."""
        self._db.close()

    # ---- fill ----

    def run(
        self,
        configurations: Iterable[Configuration],
        run_seeds: Iterable[int],
        *,
        executor: Executor | None = None,
        n_processes: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> RunCounts:
        """Make the runs that are not in the study yet: every configuration with every seed.

        Killed at any moment, it loses at most the runs in flight; called again, it goes on. A run that fails is stored
        as failed, and the others go on; called again, it is tried again. Other processes may call it on the same file
        at the same time: they share the work.

        Args:
            configurations: What to run.
            run_seeds: Seeds of the runs' random generators.
            executor: Anything with the interface of `concurrent.futures.Executor`; it is left open. A process pool
                by default.
            n_processes: Size of that pool; the number of usable processors by default. 1 runs in this process. With an
                executor, about how many tasks it does at a time: no batch is larger than a share of all.
            progress: Called with (runs that are there or failed, runs asked for), at the start and after each run.

        Raises:
            SettingError: An argument is not what is expected; or another library refuses to search so, and no run of
                that is there yet.
            StudyError: The file could not be written, or a table was not found or has changed. The runs stored before
                are safe.
            WorkerError: A worker process died. The runs stored before are safe.
        """
        if n_processes is not None:
            check_at_least(1, n_processes=n_processes)
        configurations, run_seeds = _configurations(configurations), _run_seeds(run_seeds)
        left, versions = self.left(configurations, run_seeds)
        self._show_as(configurations)
        n_all = len(configurations) * len(run_seeds)
        report = progress or (lambda there, asked_for: None)
        report(n_all - len(left), n_all)
        made = self._made(left, versions, executor, n_processes, n_all, report) if left else 0
        failed = sum(len(self.failures(key, run_seeds)) for key in configurations)
        return RunCounts(made, n_all - made - failed, failed)

    def left(
        self, configurations: Iterable[Configuration], run_seeds: Iterable[int]
    ) -> tuple[list[Task], dict[Configuration, dict[str, str]]]:
        """The runs that are still to be made of those asked for, and the versions that they will be made with.

        Raises:
            SettingError, StudyError: They cannot be made, as in `run`.
        """
        configurations, run_seeds = _configurations(configurations), _run_seeds(run_seeds)
        left = self._left([(key, seed) for key in configurations for seed in run_seeds])
        _refuse_recorded(left)
        versions = {key: versions_of(key) for key in configurations}
        unfinished = {key for key, _ in left}
        for key in configurations:
            self._check_versions(key, versions[key], in_files_alone=key not in unfinished)
        verify_results(configurations)
        for key in configurations:
            if key in unfinished and not self.n_runs(key):
                rehearse(key)
        return left, versions

    def add_recorded(
        self,
        benchmark: Benchmark,
        recording: Recording | str | os.PathLike[str],
        *,
        methods: Iterable[str] | None = None,
        returns: str | None = None,
        rules: Rules | None = None,
        **how: Any,
    ) -> RunCounts:
        """Put runs beside the others that were recorded elsewhere, such as those of methods that share weights.

        Each step of a run becomes an evaluation at the sum of the seconds so far, up to the budget. What its
        architecture is worth is looked up in the benchmark, a mean over the recorded trainings. They are marked
        wherever they are shown, and cannot be made again: `run` refuses them.

        Args:
            benchmark: What was searched.
            recording: What was recorded, or its file, as in `read_recording`.
            methods: Those whose runs to add; all by default.
            returns: What the methods return when they are stopped: "latest", the architecture that they hold, as those
                that share weights; or "best" of those that they evaluated. By default "latest" where seconds of steps
                were recorded, else "best": a step that costs what the benchmark says is a training of its own.
            rules: Those of the runs that these are to stand beside; by default those of all that are there on this
                benchmark.
            how: Rules by their names, instead of or beside `rules`: `budget_s=20_000`.

        Returns:
            How many were added, and how many were there.

        Raises:
            ImportDataError: The file is damaged, or no recording.
            UnknownNameError: There is no such method in it.
            SettingError: A step names no architecture of the benchmark, or the rules do not fit.
            NotRecordedError: The benchmark has no value of an architecture.
            StudyError: The file could not be written.
        """
        found = recording if isinstance(recording, Recording) else read_recording(recording)
        if rules is None and not how:
            rules = rules_beside(self.configurations(), benchmark)
        made = recorded_runs(benchmark, found, (rules or Rules()).changed(how), methods=methods, returns=returns)
        n_before = {key: self.n_runs(key) for key in made}
        self.store(
            (key, {}, list(runs), [Made(len(each.value), pack(each)) for each in runs.values()])
            for key, runs in made.items()
        )
        n_added = sum(self.n_runs(key) - n for key, n in n_before.items())
        return RunCounts(n_added, sum(map(len, made.values())) - n_added, 0)

    def _show_as(self, configurations: list[Configuration]) -> None:
        """Keep how these are shown now, if they are in the file."""
        known = {key: key for key in self._ids()}
        pairs = [(key, known[key]) for key in configurations if key in known]
        others = [key for key, stored in pairs if (key.label, key.defaults) != (stored.label, stored.defaults)]
        if others and self._db.is_writable:
            with self._db.transaction():
                for key in others:
                    self._enter(key)

    def _left(self, tasks: list[Task]) -> list[Task]:
        """The runs that are to be made; in a file that cannot be written, what failed stays as it is."""
        ids = self._ids()
        condition = "configuration = ?" + " AND failure IS NULL" * self._db.is_writable
        there = {
            (key, seed)
            for key in dict.fromkeys(key for key, _ in tasks)
            for (seed,) in self._db.read(f"SELECT run_seed FROM runs WHERE {condition}", ids.get(key))  # noqa: S608
        }
        return [task for task in tasks if task not in there]

    def _made(
        self,
        left: list[Task],
        versions: Mapping[Configuration, Mapping[str, str]],
        executor: Executor | None,
        n_processes: int | None,
        n_all: int,
        report: Callable[[int, int], None],
    ) -> int:
        """Make what is left; how many of these runs did not fail."""
        n_done, n_failed = 0, 0
        n_processes = n_processes or n_processors()
        if executor is not None or n_processes > 1:
            check_is_no_import()  # it would wait for runs that were claimed by who waits for it
        share = -(-len(left) // (2 * n_processes))  # none is left waiting for another that makes all
        together = {key: min(share, n_together(key)) for key in dict.fromkeys(key for key, _ in left)}
        with self._db.write_ahead_log():
            claims = Claims(self._db, self._begun(left), left, together)
            results = executed(claims.take, versions, executor, min(n_processes, len(left)))
            with claims.held(), closing(results):
                for ended in results:
                    self.store([(key, versions[key], run_seeds, made) for (key, run_seeds), made in ended])
                    for one in (one for _, made in ended for one in made):
                        n_done += 1
                        n_failed += one.failure is not None
                        report(n_all - len(left) + n_done + claims.n_stored_elsewhere, n_all)
            if claims.n_stored_elsewhere:
                report(n_all, n_all)
        return n_done - n_failed

    def _begun(self, tasks: list[Task]) -> dict[Configuration, int]:
        """Numbers of the configurations, which are in the file now; what failed before is to be tried again."""
        with self._db.transaction():
            ids = {key: self._enter(key) for key in dict.fromkeys(key for key, _ in tasks)}
            again = {(ids[key], run_seed) for key, run_seed in tasks}
            for row in self._db.read("SELECT configuration, run_seed FROM runs WHERE failure IS NOT NULL"):
                if row in again:
                    self._remove_failed(*row)
        return ids

    def _remove_failed(self, id_: int, run_seed: int) -> None:
        failed = "DELETE FROM runs WHERE configuration = ? AND run_seed = ? AND failure IS NOT NULL"
        self._db.write(failed, id_, run_seed)

    def store(self, batches: Iterable[tuple[Configuration, Mapping[str, str], Sequence[int], Sequence[Made]]]) -> None:
        """Store runs of (configuration, versions, seeds, what became of each), all in one transaction."""
        with self._db.transaction():
            for key, versions, run_seeds, made in batches:
                id_, written = self._enter(key), write_json(versions)
                for run_seed, (n_evaluations, columns, failure) in zip(run_seeds, made, strict=True):
                    digest = digest_of_run(key.identity, run_seed, written, n_evaluations, failure, columns)
                    self._insert(_Row(0, id_, run_seed, written, n_evaluations, failure, digest), columns)
                claims = [(id_, run_seed) for run_seed in run_seeds]
                self._db.write_many("DELETE FROM claims WHERE configuration = ? AND run_seed = ?", claims)

    def _enter(self, configuration: Configuration) -> int:
        """The number of a configuration, which is in the file now, as it is shown now."""
        identity, label = configuration.identity, configuration.label
        defaults = write_json(dict(configuration.defaults))
        shown = (label, defaults, digest_of(identity, label, defaults))
        found = self._db.read("SELECT id, digest FROM configurations WHERE identity = ?", identity)
        if not found:
            added = "INSERT INTO configurations (identity, label, defaults, digest) VALUES (?, ?, ?, ?)"
            return int(self._db.write(added, identity, *shown).lastrowid or 0)
        if found[0][1] != shown[-1]:
            changed = "UPDATE configurations SET label = ?, defaults = ?, digest = ? WHERE id = ?"
            self._db.write(changed, *shown, found[0][0])
        return int(found[0][0])

    def _insert(self, row: _Row, columns: Iterable[Column]) -> bool:
        """Add a run, unless there is one already that did not fail; another process may have made the same."""
        self._remove_failed(row.configuration, row.run_seed)
        added = self._db.write(
            "INSERT OR IGNORE INTO runs (configuration, run_seed, versions, n_evaluations, failure, digest)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            *row[1:],
        )
        if not added.rowcount:
            return False
        self._db.write_many(
            "INSERT INTO columns VALUES (?, ?, ?, ?, ?)", [(added.lastrowid, *column) for column in columns]
        )
        return True

    def _check_versions(
        self, configuration: Configuration, now: Mapping[str, str], *, in_files_alone: bool = False
    ) -> None:
        """Refuse runs beside those that the same seeds, with what there is now, might not give."""
        for then in self.versions(configuration):
            name = different(now, then, in_files_alone=in_files_alone)
            if name is not None:
                before, after = then.get(name, "(not noted)"), now.get(name, "an unknown one")
                raise StudyError(
                    f"{self.path!r} holds runs of {configuration.legend} made with {name} {before}; with"
                    f" {after} the same seeds may give others: use that one, or another study file, or"
                    f" remove these runs (nasbench-kit runs {self.path} --remove {configuration.optimizer})"
                )

    # ---- change ----

    def many_changes(self) -> AbstractContextManager[None]:
        """A block in which each change takes little time, and none is lost by a kill."""
        return self._db.write_ahead_log()

    def merge(self, other: Study | str | os.PathLike[str]) -> int:
        """Take over the runs of another study that are not in this one, all of them or, after an error, none.

        What is here keeps its label.

        Returns:
            How many runs were taken over.

        Raises:
            StudyError: The other one is damaged; or the two hold runs of one configuration that were made with
                different versions, or different records of one run.
        """
        if not isinstance(other, Study):
            with Study(other, create=False) as opened:
                return self.merge(opened)
        n_added = 0
        with self._db.transaction():
            for key, id_ in other._ids().items():
                for versions in other.versions(key):
                    self._check_versions(key, versions)
                ids = self._ids()
                there = other._rows(id_)
                here, shown = self._rows(ids.get(key), there), next((known for known in ids if known == key), key)
                for row in there.values():
                    _, columns = other._checked(key, row)
                    same = here.get(row.run_seed)
                    if same and same.failure is None and row.failure is None:
                        self._check_same(key, same, other, row)
                    elif not same or row.failure is None:
                        n_added += self._insert(row._replace(configuration=self._enter(shown)), columns)
        return n_added

    def _check_same(self, key: Configuration, here: _Row, other: Study, there: _Row) -> None:
        if key.rules.optimizer_time == "charged":
            return  # depends on the machine
        mine, others = self._run(key, here).records, other._run(key, there).records
        same = (getattr(mine, name).tobytes() == getattr(others, name).tobytes() for name in Records._fields[:-1])
        if not all(same):
            raise StudyError(
                f"{self.path!r} and {other.path!r} hold different records of {key.legend} on {key.benchmark} with seed"
                f" {here.run_seed}: one of the two was made with other code"
            )

    def remove(self, what: Configuration | str) -> int:
        """Remove the runs of a configuration, or of all configurations of an optimizer, by its name or label.

        Returns:
            How many runs were removed.

        Raises:
            UnknownNameError: There is nothing of that optimizer.
            StudyError: Some process is making runs of it.
        """
        keys = [what] if isinstance(what, Configuration) else self.configurations(what)
        ids = self._ids()
        n_removed = 0
        with self._db.transaction():
            for id_ in (ids[key] for key in keys if key in ids):
                claimed = self._db.read("SELECT host, pid, heartbeat FROM claims WHERE configuration = ?", id_)
                for host, pid, heartbeat in claimed:
                    if is_claimed(host, pid, heartbeat):
                        raise StudyError(f"{self.path!r}: process {pid} on {host} makes runs of it; stop that first")
                self._db.write("DELETE FROM columns WHERE run IN (SELECT id FROM runs WHERE configuration = ?)", id_)
                n_removed += self._db.write("DELETE FROM runs WHERE configuration = ?", id_).rowcount
                self._db.write("DELETE FROM claims WHERE configuration = ?", id_)
                self._db.write("DELETE FROM configurations WHERE id = ?", id_)
        return n_removed

    # ---- read ----

    def configurations(self, optimizer: str | None = None) -> list[Configuration]:
        """What has been run, in the order of first use: all of it, or of one optimizer, by its name or label.

        Raises:
            UnknownNameError: There is nothing of that optimizer.
        """
        keys = list(self._ids())
        found = [key for key in keys if optimizer is None or optimizer in key.names]
        if optimizer is not None and not found:
            names = dict.fromkeys(name for key in keys for name in (key.optimizer, key.legend))
            raise unknown(f"optimizer of {self.path}", optimizer, names)
        return found

    def n_runs(self, configuration: Configuration) -> int:
        """How many runs of one configuration there are that did not fail."""
        counted = "SELECT count(*) FROM runs WHERE configuration = ? AND failure IS NULL"
        return int(self._db.read(counted, self._id_of(configuration))[0][0])

    def runs(
        self,
        configuration: Configuration,
        run_seeds: Iterable[int] | None = None,
        *,
        fields: Sequence[str] = Records._fields,
    ) -> Iterator[StoredRun]:
        """The runs of one configuration that did not fail, in order of seed; all by default.

        Args:
            configuration: Whose runs.
            run_seeds: Their seeds.
            fields: Those of the records that are needed; the others are empty arrays, which saves half of the time.

        Raises:
            StudyError: A stored run is damaged.
        """
        rows = self._rows(self._id_of(configuration), run_seeds).values()
        left = iter([row for row in rows if row.failure is None])
        while some := list(islice(left, _READ)):
            columns = self._columns_of([row.id for row in some])
            for row in some:
                yield self._run(configuration, row, columns.pop(row.id, None), fields)

    def to_frame(
        self,
        configurations: Iterable[Configuration] | None = None,
        run_seeds: Iterable[int] | None = None,
        *,
        results: str | os.PathLike[str] | None = None,
    ) -> Any:
        """Every evaluation, as it is stored, as a row of a pandas frame: the columns of `rows.STORED_COLUMNS`.

        What is reported of it, and its regret, `nasbench_kit.analysis.evaluation_frame` knows.

        Args:
            configurations: Whose runs; all by default.
            run_seeds: Their seeds; all by default.
            results: Where their table or surrogate lies, if it alone names the architectures and is not one that
                `nbk.list_benchmarks` finds.

        Raises:
            SettingError: There is no pandas.
            StudyError: What names the architectures is not here, or a stored run is damaged.
        """
        keys = self.configurations() if configurations is None else _configurations(configurations)
        return to_frame(STORED_COLUMNS, stored_rows(self, keys, run_seeds, results))

    def failures(self, configuration: Configuration, run_seeds: Iterable[int] | None = None) -> dict[int, str]:
        """Seed -> reason of the runs of one configuration that failed; all by default.

        Raises:
            StudyError: A stored run is damaged.
        """
        found = {}
        for row in self._rows(self._id_of(configuration), run_seeds).values():
            if row.failure is not None:
                self._checked(configuration, row)
                found[row.run_seed] = row.failure
        return found

    def versions(self, configuration: Configuration) -> list[dict[str, str]]:
        """Versions of software that the runs of one configuration were made with: each set that differs.

        Raises:
            StudyError: They are unreadable.
        """
        query = "SELECT DISTINCT versions FROM runs WHERE configuration = ? AND failure IS NULL"
        found = self._db.read(query, self._id_of(configuration))
        try:
            return [_read_versions(versions) for (versions,) in found]
        except ValueError as error:
            reason = in_one_line(error)
            raise StudyError(f"{self.path!r} is damaged: versions of {configuration.legend} ({reason})") from None

    def verify(self) -> None:
        """Read every run, and compare it with its digest.

        Raises:
            StudyError: One of them is damaged; it names the first.
        """
        for configuration, id_ in self._ids().items():
            for row in self._rows(id_).values():
                try:
                    self._checked(configuration, row)
                except StudyError:
                    if self._rows(id_, [row.run_seed]).get(row.run_seed) == row:
                        raise  # else another process has replaced or removed it meanwhile

    def benchmark(self, configuration: Configuration, path: str | os.PathLike[str] | None = None) -> Benchmark:
        """The benchmark that runs were made on: the table or surrogate of the same hash.

        Args:
            configuration: Whose runs.
            path: Where it lies, if it is not one that `nbk.list_benchmarks` finds.

        Raises:
            StudyError: It is not here, or another one is at `path`.
            DataError: There is none at `path`.
        """
        _check_configuration(configuration)
        if path is None:
            return benchmark_of(configuration)
        results = open_results(path)
        if results.sha256 != configuration.results_sha256:
            raise StudyError(
                f"{results.kind} {results.path!r} is not the one that these runs were made on: its sha256 is"
                f" {results.sha256[:12]}..., not {configuration.results_sha256[:12]}..."
            )
        return benchmark_of(replace(configuration, path=results.path))

    def _ids(self) -> dict[Configuration, int]:
        """All configurations, in the order of first use, and their numbers."""
        rows = self._db.read("SELECT identity, label, defaults, digest, id FROM configurations ORDER BY id")
        return {self._configuration(row[:-1]): row[-1] for row in rows}

    def _id_of(self, configuration: Configuration) -> int | None:
        """The number of a configuration; None if it is not in the file."""
        _check_configuration(configuration)
        found = self._db.read("SELECT id FROM configurations WHERE identity = ?", configuration.identity)
        return int(found[0][0]) if found else None

    def _configuration(self, row: tuple[Any, ...]) -> Configuration:
        if row not in self._known:
            identity, label, defaults, digest = row
            try:
                _check_texts(*row)
                if digest != digest_of(identity, label, defaults):
                    raise ValueError("a digest does not match")
                known = Configuration.from_json(identity, label=label, defaults=read_json(defaults))
            except ValueError as error:
                raise StudyError(
                    f"{self.path!r} is damaged, or newer: a configuration is unreadable ({in_one_line(error)})"
                ) from None
            self._known[row] = known
        return self._known[row]

    def _rows(self, id_: int | None, run_seeds: Iterable[int] | None = None) -> dict[int, _Row]:
        """Seed -> row of the runs of one configuration, in order of seed."""
        columns, which = ", ".join(_Row._fields), ""
        wanted: list[int | str | None] = [id_]
        if run_seeds is not None:
            which = " AND run_seed IN (SELECT value FROM json_each(?))"
            wanted.append(json.dumps(_run_seeds(run_seeds)))
        query = f"SELECT {columns} FROM runs WHERE configuration = ?{which} ORDER BY run_seed"  # noqa: S608
        return {row.run_seed: row for row in map(_Row._make, self._db.read(query, *wanted))}

    def _run(
        self,
        configuration: Configuration,
        row: _Row,
        columns: list[Column] | None = None,
        fields: Sequence[str] = Records._fields,
    ) -> StoredRun:
        versions, columns = self._checked(configuration, row, columns)
        try:
            records = unpack(columns, row.n_evaluations, fields)
        except (zlib.error, ValueError, TypeError, MemoryError) as error:
            raise self._damaged(row, error) from None
        return StoredRun(configuration, row.run_seed, versions, records)

    def _checked(
        self, configuration: Configuration, row: _Row, columns: list[Column] | None = None
    ) -> tuple[dict[str, str], list[Column]]:
        """Versions and columns of a run, if its digest says that they and all else are as they were stored.

        Its columns are read, where they are not given.
        """
        try:
            _check_texts(row.versions, row.digest, *(() if row.failure is None else (row.failure,)))
            if any(not isinstance(number, int) or number < 0 for number in (row.run_seed, row.n_evaluations)):
                raise ValueError("its seed and number of evaluations are no integers from 0")
            columns = self._columns(row.id) if columns is None else columns
            if row.failure is not None and (columns or row.n_evaluations):
                raise ValueError("it failed, and has records")
            known = (configuration.identity, row.run_seed, row.versions, row.n_evaluations, row.failure)
            if row.digest != digest_of_run(*known, columns):
                raise ValueError("its digest does not match")
            return dict(_read_versions(row.versions)), columns
        except ValueError as error:
            raise self._damaged(row, error) from None

    def _columns(self, run: int) -> list[Column]:
        # pages that several rows share would take many times the time and memory of the file
        n_columns, is_larger = self._db.read(
            "SELECT count(*), sum(length(data)) > page_count * page_size FROM pragma_page_count, pragma_page_size,"
            " (SELECT data FROM columns WHERE run = ? LIMIT ?)",
            run,
            _MOST_COLUMNS + 1,
        )[0]
        if is_larger or n_columns > _MOST_COLUMNS:
            raise ValueError(f"it is larger than the file, or has more than {_MOST_COLUMNS:,} columns")
        rows = self._db.read("SELECT name, dtype, shape, data FROM columns WHERE run = ?", run)
        return [_column(*row) for row in rows]

    def _columns_of(self, runs: list[int]) -> dict[int, list[Column]]:
        """The columns of some runs, read together; of none, where that would take much memory or one is damaged."""
        those = f"FROM columns WHERE run IN ({', '.join('?' * len(runs))})"
        sizes = self._db.read(f"SELECT length(data) {those} LIMIT ?", *runs, _MOST_COLUMNS + 1)
        if len(sizes) > _MOST_COLUMNS or sum(size or 0 for (size,) in sizes) > _MOST_READ:
            return {}
        found: dict[int, list[Column]] = {}
        try:
            for run, *row in self._db.read(f"SELECT run, name, dtype, shape, data {those}", *runs):
                found.setdefault(run, []).append(_column(*row))
        except ValueError:
            return {}
        return found

    def _damaged(self, row: _Row, error: BaseException) -> StudyError:
        return StudyError(f"{self.path!r} is damaged: run with seed {row.run_seed!r:.20} ({in_one_line(error)})")


def _configurations(given: Iterable[Configuration]) -> list[Configuration]:
    """Those that are given, each once."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise SettingError(f"configurations={given!r:.80}; a list of them expected, be it of one")
    configurations = list(given)
    for configuration in configurations:
        _check_configuration(configuration)
    return list(dict.fromkeys(configurations))


def _check_configuration(given: object) -> None:
    if not isinstance(given, Configuration):
        raise SettingError(f"{given!r:.80} is no configuration; Configuration.of(benchmark, optimizer) expected")


def _refuse_recorded(tasks: Iterable[Task]) -> None:
    seeds: dict[Configuration, list[int]] = {}
    for key, run_seed in tasks:
        if key.is_recorded:
            seeds.setdefault(key, []).append(run_seed)
    for key, missing in seeds.items():
        raise SettingError(
            f"{key.legend} was recorded elsewhere and cannot be run here, and the study lacks seed {listed(missing)} of"
            " it; ask for those that are there, or add it by nasbench-kit record"
        )


def _run_seeds(given: Iterable[int]) -> list[int]:
    """Those that are given, each once."""
    expected = "a list of integers from 0 to 2^63 - 1 expected, such as range(3)"
    try:
        run_seeds = list(dict.fromkeys(map(as_int, given)))
    except TypeError:
        raise SettingError(f"run_seeds={given!r:.80}; {expected}") from None
    if any(not 0 <= seed < 2**63 for seed in run_seeds):
        raise SettingError(f"run_seeds={listed(run_seeds)}; {expected}")
    return run_seeds


def verify_results(configurations: Iterable[Configuration]) -> None:
    """Refuse tables and surrogates whose values were changed, or they would pass for those that the hash stands for.

    Raises:
        StudyError, DataError: One is damaged, or is not here.
    """
    for results in {(key.path, key.results_sha256): open_same(key) for key in configurations}.values():
        _verify(results)


def _verify(results: Results) -> None:
    try:
        results.verify()
    except (OSError, ImportError) as error:  # too many open files, ...
        raise StudyError(f"cannot check {results.kind} {results.path!r}: {in_one_line(error)}") from None


def _column(name: Any, dtype: Any, shape: Any, data: Any) -> Column:
    _check_names(name, dtype, shape)
    if not isinstance(data, bytes):
        raise ValueError("a column is no bytes")
    return Column(name, dtype, shape, data)


@lru_cache(maxsize=4_096)
def _check_names(*texts: object) -> None:
    _check_texts(*texts)


def _check_texts(*texts: object) -> None:
    for text in texts:
        if not isinstance(text, str):
            raise ValueError("a text expected")
        check_printable(text)


@lru_cache
def _read_versions(text: object) -> dict[str, str]:
    versions = read_json(text)
    if not all(isinstance(version, str) for version in versions.values()):
        raise ValueError("versions are no texts")
    return versions

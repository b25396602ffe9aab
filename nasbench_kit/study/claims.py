"""Which process makes which run, where several fill the same study at the same time."""

from __future__ import annotations

import contextlib
import os
import platform
import secrets
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, final

from nasbench_kit.errors import StudyError
from nasbench_kit.jobs import is_alive
from nasbench_kit.study.database import Database

if TYPE_CHECKING:
    from nasbench_kit.study.configuration import Configuration

Task = tuple["Configuration", int]
"""A run: its configuration and seed."""

Batch = tuple["Configuration", tuple[int, ...]]
"""Runs of one configuration that are made together, and their seeds."""

_BEAT_S = 5.0
_DEAD_S = 60.0  # without a heartbeat for so long, a claim counts no more
_LOOK_S = 0.2  # between two looks at what others do


@final
class Claims:
    """The runs asked for that are still to be made, by this process or by others.

    A run is claimed before it is begun. The claims of a process that has died count no more.

    Args:
        database: The study's.
        ids: Which number each configuration has in it.
        tasks: The runs to be made.
        together: How many runs of a configuration are made together; one by one by default.
    """

    def __init__(
        self,
        database: Database,
        ids: dict[Configuration, int],
        tasks: Iterable[Task],
        together: Mapping[Configuration, int] | None = None,
    ) -> None:
        self._db, self._ids, self._together = database, ids, together or {}
        self._path = os.path.abspath(database.path)
        self._open = deque(tasks)
        self._elsewhere: deque[Task] = deque()  # claimed by another process when last looked at
        self._host, self._pid, self._token = platform.node(), os.getpid(), secrets.token_hex(8)
        self.n_stored_elsewhere = 0  # since then, by other processes

    def take(self, most: int, wait: bool) -> list[Batch]:
        """Claim up to so many batches of runs.

        Args:
            most: How many batches.
            wait: Wait while all that is left is being made by other processes; then none means that none is left.
        """
        while True:
            taken = self._take(most)
            if taken or not wait or not (self._open or self._elsewhere):
                return taken
            time.sleep(_LOOK_S)

    def _take(self, most: int) -> list[Batch]:
        taken: list[Batch] = []
        if not self._open:  # look again at what others had
            self._open, self._elsewhere = self._elsewhere, self._open
        if not self._open:
            return taken
        with self._db.transaction():
            while self._open and len(taken) < most:
                configuration, run_seeds = self._next()
                free = self._claimed(configuration, run_seeds)
                if free:
                    taken.append((configuration, free))
        return taken

    def _next(self) -> Batch:
        """The next runs in line that are made together."""
        configuration, run_seed = self._open.popleft()
        run_seeds = [run_seed]
        while (
            self._open and self._open[0][0] is configuration and len(run_seeds) < self._together.get(configuration, 1)
        ):
            run_seeds.append(self._open.popleft()[1])
        return configuration, tuple(run_seeds)

    def _claimed(self, configuration: Configuration, run_seeds: tuple[int, ...]) -> tuple[int, ...]:
        """Those of some runs that are neither there nor made by others; they are claimed now."""
        where = self._ids[configuration], min(run_seeds), max(run_seeds)
        stored = self._db.read("SELECT run_seed FROM runs WHERE configuration = ? AND run_seed BETWEEN ? AND ?", *where)
        claims = self._db.read(
            "SELECT run_seed, host, pid, heartbeat FROM claims WHERE configuration = ? AND run_seed BETWEEN ? AND ?",
            *where,
        )
        there = {run_seed for (run_seed,) in stored}.intersection(run_seeds)
        elsewhere = {run_seed for run_seed, *claim in claims if is_claimed(*claim)}.intersection(run_seeds) - there
        self.n_stored_elsewhere += len(there)
        self._elsewhere.extend((configuration, run_seed) for run_seed in run_seeds if run_seed in elsewhere)
        free = tuple([run_seed for run_seed in run_seeds if run_seed not in there and run_seed not in elsewhere])
        who = self._host, self._pid, self._token, time.time()
        rows = [(where[0], run_seed, *who) for run_seed in free]
        self._db.write_many("INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?, ?, ?)", rows)
        return free

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep the claims alive during the block, and give back at its end what was not made."""
        done = threading.Event()
        heart = threading.Thread(target=self._beat, args=(done,), daemon=True)
        heart.start()
        try:
            yield
        finally:
            done.set()
            heart.join()
            with contextlib.suppress(StudyError):  # a full disk: they lapse
                self._give_back()

    def _beat(self, done: threading.Event) -> None:
        while not done.wait(_BEAT_S):
            with contextlib.suppress(StudyError):  # the next one may succeed
                database = Database(self._path, create=False)
                with contextlib.closing(database), database.transaction():
                    database.write("UPDATE claims SET heartbeat = ? WHERE token = ?", time.time(), self._token)

    def _give_back(self) -> None:
        mine = self._db.read("SELECT count(*) FROM claims WHERE token = ?", self._token)
        if mine[0][0]:
            with self._db.transaction():
                self._db.write("DELETE FROM claims WHERE token = ?", self._token)


def is_claimed(host: object, pid: object, heartbeat: object) -> bool:
    """Whether whoever made a claim is alive."""
    if not isinstance(heartbeat, float) or not abs(time.time() - heartbeat) <= _DEAD_S:
        return False
    return host != platform.node() or (isinstance(pid, int) and pid > 0 and is_alive(pid))

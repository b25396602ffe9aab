"""Runs on whatever executes them: this process, a pool of processes, or somebody's cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from queue import Empty, SimpleQueue

from nasbench_kit import jobs
from nasbench_kit.errors import NasbenchKitError, StudyError
from nasbench_kit.study.claims import Task
from nasbench_kit.study.running import Made, make
from nasbench_kit.study.text import in_one_line, reason_of

Take = Callable[[int, bool], list[Task]]
"""Up to so many runs to make now; whether to wait for one, so that none means that none is left."""

_EACH = 4  # runs in flight for each process of a pool
_LEAST, _MOST = 32, 1_024  # runs in flight on an executor whose size is not known
_WAITING = 1 << 28  # bytes of results that may wait to be stored, about


def executed(take: Take, executor: Executor | None, n_processes: int) -> Generator[tuple[Task, Made]]:
    """What became of runs, in the order in which they end.

    Args:
        take: Where the runs come from.
        executor: Who makes them; a pool of processes if it is None.
        n_processes: Size of that pool; 1 is this process.

    Raises:
        StudyError: The executor failed.
        WorkerError: A worker process died.
    """
    if executor is not None:
        yield from _submitted(take, executor, _LEAST, _MOST)
    elif n_processes > 1:
        with _pool(n_processes) as workers:
            yield from _submitted(take, workers, n_processes, _EACH * n_processes)
    else:
        while tasks := take(1, True):
            yield tasks[0], make(*tasks[0])


@contextlib.contextmanager
def _pool(n_processes: int) -> Iterator[Executor]:
    try:
        with jobs.pool(n_processes) as workers:
            yield workers
    except StudyError:
        raise
    except OSError as error:  # no more processes, open files, ...
        raise StudyError(f"cannot run {n_processes} worker processes: {in_one_line(error)}") from None


def _submitted(take: Take, executor: Executor, least: int, most: int) -> Generator[tuple[Task, Made]]:
    running: dict[Future[Made], Task] = {}
    finished: SimpleQueue[Future[Made]] = SimpleQueue()
    largest = 1
    try:
        while True:
            room = max(least, min(most, _WAITING // largest)) - len(running)
            for task in take(room, not running) if room > 0 else ():
                future = executor.submit(make, *task)
                running[future] = task
                future.add_done_callback(finished.put)
            if not running:
                return
            future = _next(finished)
            task = running.pop(future)
            made = _result(future, task)
            largest = max(largest, made.n_bytes)
            yield task, made
    finally:
        for future in running:
            future.cancel()


def _next(finished: SimpleQueue[Future[Made]]) -> Future[Made]:
    """The next future that is done. Waking up now and then lets Ctrl-C through that came just before the wait."""
    while True:
        with contextlib.suppress(Empty):
            return finished.get(timeout=jobs.AWAKE_S)


def _result(future: Future[Made], task: Task) -> Made:
    try:
        return future.result()
    except (BrokenProcessPool, NasbenchKitError):
        raise
    except Exception as error:  # whatever somebody's cluster raises
        where = f"{task[0].legend} on {task[0].benchmark} with seed {task[1]}"
        raise StudyError(f"{where} was not executed: {reason_of(error)}") from error

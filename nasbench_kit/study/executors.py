"""Runs on whatever executes them: this process, a pool of processes, or somebody's cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from queue import Empty, SimpleQueue

from nasbench_kit import jobs
from nasbench_kit.errors import NasbenchKitError, StudyError
from nasbench_kit.study.claims import Batch
from nasbench_kit.study.running import Made, make_many
from nasbench_kit.study.text import in_one_line, reason_of

Take = Callable[[int, bool], list[Batch]]
"""Up to so many batches of runs to make now; whether to wait for one, so that none means that none is left."""

_EACH = 4  # batches in flight for each process of a pool
_LEAST, _MOST = 32, 1_024  # batches in flight on an executor whose size is not known
_WAITING = 1 << 28  # bytes of results that may wait to be stored, about


def executed(take: Take, executor: Executor | None, n_processes: int) -> Generator[list[tuple[Batch, list[Made]]]]:
    """What became of batches of runs, in the order in which they end: those that have ended, ready to be stored.

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
        while batches := take(1, True):
            yield [(batches[0], make_many(*batches[0]))]


@contextlib.contextmanager
def _pool(n_processes: int) -> Iterator[Executor]:
    try:
        with jobs.pool(n_processes) as workers:
            yield workers
    except StudyError:
        raise
    except OSError as error:  # no more processes, open files, ...
        raise StudyError(f"cannot run {n_processes} worker processes: {in_one_line(error)}") from None


def _submitted(take: Take, executor: Executor, least: int, most: int) -> Generator[list[tuple[Batch, list[Made]]]]:
    running: dict[Future[list[Made]], Batch] = {}
    finished: SimpleQueue[Future[list[Made]]] = SimpleQueue()
    largest = 1
    try:
        while True:
            room = max(least, min(most, _WAITING // largest)) - len(running)
            for batch in take(room, not running) if room > 0 else ():
                future = executor.submit(make_many, *batch)
                running[future] = batch
                future.add_done_callback(finished.put)
            if not running:
                return
            ended: list[tuple[Batch, list[Made]]] = []
            for future in _next(finished):
                batch = running.pop(future)
                made = _result(future, batch)
                largest = max(largest, sum(one.n_bytes for one in made))
                ended.append((batch, made))
            yield ended
    finally:
        for future in running:
            future.cancel()


def _next(finished: SimpleQueue[Future[list[Made]]]) -> list[Future[list[Made]]]:
    """The futures that are done, one at least. Waking up now and then lets Ctrl-C through that came just before."""
    ended: list[Future[list[Made]]] = []
    while not ended:
        with contextlib.suppress(Empty):
            ended.append(finished.get(timeout=jobs.AWAKE_S))
    while not finished.empty():
        ended.append(finished.get())
    return ended


def _result(future: Future[list[Made]], batch: Batch) -> list[Made]:
    try:
        return future.result()
    except (BrokenProcessPool, NasbenchKitError):
        raise
    except Exception as error:  # whatever somebody's cluster raises
        configuration, run_seeds = batch
        where = f"{configuration.legend} on {configuration.benchmark} with seed {run_seeds[0]}"
        raise StudyError(f"{where} was not executed: {reason_of(error)}") from error

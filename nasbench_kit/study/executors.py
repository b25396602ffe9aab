"""Runs on whatever executes them: this process, a pool of processes, or somebody's cluster."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Executor, Future
from concurrent.futures.process import BrokenProcessPool
from queue import Empty, SimpleQueue

from nasbench_kit import jobs
from nasbench_kit.errors import NasbenchKitError, StudyError
from nasbench_kit.study.claims import Batch
from nasbench_kit.study.configuration import Configuration
from nasbench_kit.study.running import Made, make_many
from nasbench_kit.study.text import in_one_line, reason_of
from nasbench_kit.study.versions import different, versions_of

Take = Callable[[int, bool], list[Batch]]
"""Up to so many batches of runs to make now; whether to wait for one, so that none means that none is left."""

Versions = Mapping[Configuration, Mapping[str, str]]

_EACH = 4  # batches in flight for each worker
_LEAST, _MOST = 32, 1_024  # batches in flight on somebody's executor, which may have more workers than it was said to
_WAITING = 1 << 28  # bytes of results that may wait to be stored, about


def executed(
    take: Take, versions: Versions, executor: Executor | None, n_processes: int
) -> Generator[list[tuple[Batch, list[Made]]]]:
    """What became of batches of runs, in the order in which they end: those that have ended, ready to be stored.

    Args:
        take: Where the runs come from.
        versions: What they are stored as made with, which must be true of the workers as well.
        executor: Who makes them; a pool of processes if it is None.
        n_processes: Size of that pool, where 1 is this process; or about that of the executor.

    Raises:
        StudyError: The executor failed.
        WorkerError: A worker process died.
    """
    if executor is not None:
        most = max(_MOST, _EACH * n_processes)
        yield from _submitted(take, versions, executor, max(_LEAST, n_processes), most, is_ours=False)
    elif n_processes > 1:
        with _pool(n_processes) as workers:
            yield from _submitted(take, versions, workers, n_processes, _EACH * n_processes, is_ours=True)
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


def make_elsewhere(versions: Mapping[str, str], configuration: Configuration, run_seeds: Sequence[int]) -> list[Made]:
    """As `make_many`, where there may be other software than where the study is. This is what an executor is given.

    Raises:
        StudyError, DataError: As `make_many`; or the same seeds might give other runs here.
    """
    check_versions(versions, configuration)
    return make_many(configuration, run_seeds)


def check_versions(versions: Mapping[str, str], configuration: Configuration) -> None:
    """Refuse to make runs that are to be stored as made with other software than there is here.

    Raises:
        StudyError: The same seeds might give other runs here.
    """
    here = versions_of(configuration)
    name = different(here, versions)
    if name is not None:
        raise StudyError(
            f"the worker on {platform.node()} has {name} {here.get(name, '(none)')}, and runs of {configuration.legend}"
            f" are to be made with {versions.get(name, '(none)')}: install the same there"
        )


def _submitted(
    take: Take, versions: Versions, executor: Executor, least: int, most: int, *, is_ours: bool
) -> Generator[list[tuple[Batch, list[Made]]]]:
    running: dict[Future[list[Made]], Batch] = {}
    finished: SimpleQueue[Future[list[Made]]] = SimpleQueue()
    largest = 1
    try:
        while True:
            room = max(least, min(most, _WAITING // largest)) - len(running)
            for batch in take(room, not running) if room > 0 else ():
                with _in_one_line(batch):
                    future = executor.submit(make_elsewhere, versions[batch[0]], *batch)
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
        # ours ends anyway; and Python's thread that ends a pool fails at what was cancelled meanwhile
        for future in () if is_ours else running:
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
    with _in_one_line(batch):
        return future.result()


@contextlib.contextmanager
def _in_one_line(batch: Batch) -> Iterator[None]:
    """What an executor raises, whatever it is, as an error of ours."""
    try:
        yield
    except (BrokenProcessPool, NasbenchKitError):
        raise
    except Exception as error:  # whatever somebody's cluster raises
        configuration, run_seeds = batch
        where = f"{configuration.legend} on {configuration.benchmark} with seed {run_seeds[0]}"
        reason = (
            "it was cancelled; is the cluster still there?" if isinstance(error, CancelledError) else reason_of(error)
        )
        raise StudyError(
            f"{where} was not executed: {reason} (the runs stored so far are safe: the same call goes on)"
        ) from error

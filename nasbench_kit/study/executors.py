"""Runs on whatever executes them: this process, a pool of processes, or somebody's cluster."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from queue import SimpleQueue

from nasbench_kit.errors import NasbenchKitError, StudyError
from nasbench_kit.optimizers.base import check_at_least
from nasbench_kit.simulator import Records
from nasbench_kit.study.configuration import Configuration, execute

Task = tuple[Configuration, int]
_IN_FLIGHT = 1_024  # runs handed to an executor at a time: bounds the memory of results that wait to be stored


def executed(tasks: list[Task], executor: Executor | None, n_processes: int | None) -> Generator[tuple[Task, Records]]:
    """Results in the order in which they come.

    Args:
        tasks: Configurations and run seeds.
        executor: Who runs them; a pool of processes by default.
        n_processes: Size of that pool; the number of usable processors by default. 1 is this process.

    Raises:
        StudyError: A run failed.
    """
    if n_processes is not None:
        check_at_least(1, n_processes=n_processes)
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


def _submitted(tasks: list[Task], executor: Executor) -> Iterator[tuple[Task, Records]]:
    waiting = iter(tasks)
    running: dict[Future[Records], Task] = {}
    finished: SimpleQueue[Future[Records]] = SimpleQueue()

    def submit(n_tasks: int) -> None:
        for task in islice(waiting, n_tasks):
            future = executor.submit(execute, *task)
            running[future] = task
            future.add_done_callback(finished.put)

    try:
        submit(_IN_FLIGHT)
        while running:
            future = finished.get()
            task = running.pop(future)
            with _failures(task):
                records = future.result()
            submit(1)
            yield task, records
    except BrokenProcessPool:
        raise StudyError(
            "a worker process died; every run stored so far is safe: run the same again"
            " (a script must start studies under `if __name__ == '__main__':`)"
        ) from None
    finally:
        for future in running:
            future.cancel()


@contextlib.contextmanager
def _failures(task: Task) -> Iterator[None]:
    configuration, run_seed = task
    try:
        yield
    except BrokenProcessPool:
        raise
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

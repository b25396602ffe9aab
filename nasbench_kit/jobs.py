"""Work that takes long: in several processes, and in files that are whole or absent.

`pool` and `run` share work among processes; `replacing` writes a file; `Workshop` keeps what is finished of something
that is made in steps, so that the same call goes on after an interruption, a crash or a loss of power.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import hashlib
import itertools
import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, final

from nasbench_kit.errors import WorkerError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

Given = TypeVar("Given")
Made = TypeVar("Made")

# ---- processes ----

AWAKE_S = 1.0  # a wait no longer than this: Ctrl-C that comes just before it would not end it
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""The environment of processes that share the processors."""

_SAFE_PATH = "PYTHONSAFEPATH"
_ENVIRONMENT = {
    **ONE_THREAD,
    _SAFE_PATH: "1",  # not even while it starts does a worker import what lies in the working directory
}
ending: set[Callable[[], object]] = set()
"""What ends the programs that this process has started: called when it ends, also of a worker that is ended at once."""
endings = threading.RLock()
"""Held while a program is started and joins `ending`, or is ended: a worker that ends itself in another thread waits
for it, and then for ever keeps others from being started."""


def n_processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_is_no_import() -> None:
    """Refuse to share work while a worker imports the script that it was started by.

    Raises:
        WorkerError: It does so now: the script would do all again in each of its workers, which may wait for it.
    """
    import multiprocessing

    if getattr(multiprocessing.current_process(), "_inheriting", False):  # what Python itself asks, but only later
        raise WorkerError(
            "a worker runs the script that started it; what that does belongs under `if __name__ == '__main__':`"
        )


@contextlib.contextmanager
def pool(n_processes: int) -> Iterator[Executor]:
    """A pool of worker processes, which leave Ctrl-C to this one and never outlive it.

    When the block is left by an error, or by Ctrl-C, the workers are ended at once and what they were doing is lost.

    Raises:
        WorkerError: A worker died.
    """
    import multiprocessing

    check_is_no_import()
    # "spawn", on every system: a forked child would inherit the locks of whatever threads the caller runs
    context = multiprocessing.get_context("spawn")
    held, leash = context.Pipe(duplex=False)
    given = (held, os.environ.get(_SAFE_PATH))
    with _environment():  # its queues start a process of Python's own
        workers = _Workers(n_processes, mp_context=context, initializer=_begin_worker, initargs=given)
    is_over = threading.Event()
    watch = threading.Thread(target=_watch, args=(workers, leash, is_over), daemon=True)
    watch.start()
    try:
        yield workers
        workers.shutdown(wait=True)
    except BrokenProcessPool:
        raise WorkerError(
            "a worker process died (is there enough memory?); what is finished is kept: run the same again, with fewer"
            " processes (a script must start it under `if __name__ == '__main__':`)"
        ) from None
    finally:
        is_over.set()
        watch.join()  # no two close the same
        leash.close()  # ends every worker that is still there
        held.close()
        workers.expect_no_more()
        workers.shutdown(wait=True, cancel_futures=True)


def _watch(workers: _Workers, leash: Connection, is_over: threading.Event) -> None:
    """End a pool that waits for the rest of an answer of a worker that was killed while it wrote."""
    n_looks = 0
    while not is_over.wait(AWAKE_S):
        n_looks = n_looks + 1 if workers.has_lost_one() else 0
        if n_looks > 2:  # Python knows at once of those that were killed at any other moment
            leash.close()
            workers.expect_no_more()
            return


def run(function: Callable[[Given], Made], tasks: Iterable[Given], n_processes: int) -> Iterator[Made]:
    """The results of some tasks, in the order of the tasks; with one process they are done in this one.

    Raises:
        WorkerError: A worker died; or whatever `function` raises.
    """
    tasks = list(tasks)
    if min(n_processes, len(tasks)) <= 1:
        yield from map(function, tasks)
        return
    with pool(min(n_processes, len(tasks))) as workers:
        for future in [workers.submit(function, task) for task in tasks]:
            while not future.done():
                wait([future], timeout=AWAKE_S)
            yield future.result()


class _Workers(ProcessPoolExecutor):
    """Starts its workers, which `submit` does, with what has to hold before any of our code runs in them."""

    def __init__(self, *args: Any, **how: Any) -> None:
        super().__init__(*args, **how)
        self._processes: dict[int, Any] = _Processes()

    def submit(self, fn: Callable[..., Made], /, *args: Any, **kwargs: Any) -> Future[Made]:
        with _environment(), _no_interrupts(), _main_that_is_a_file():
            try:
                return super().submit(fn, *args, **kwargs)
            except (OSError, ValueError) as error:  # a worker that dies just now takes with it the pipes that this uses
                if self._broken:
                    raise BrokenProcessPool(str(error)) from None
                raise

    def has_lost_one(self) -> bool:
        """Whether a worker has died, and the pool does not know it."""
        return not self._broken and any(
            not process.is_alive() for process in (self._processes or _Processes()).values()
        )

    def expect_no_more(self) -> None:
        """When all workers have ended, let the thread that reads their answers know that no more comes.

        Python keeps the other end of that pipe open, and would wait for the rest of what a worker was writing.
        """
        answers: Any = self._result_queue
        for process in (self._processes or _Processes()).values():
            process.join()
        if answers is not None:
            answers._writer.close()


class _Processes(dict[int, Any]):
    """Processes by id; Python's thread that ends them when one has died looks at all while `submit` adds some."""

    def values(self) -> Any:
        return list(super().values())


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """A block in which numeric libraries take one thread, as in the workers of a pool: sums depend on it.

    Small matrices are not worth several, and while other processes work threads wait for each other, which takes many
    times as long.
    """
    with _numeric_libraries(len(sys.modules)).limit(limits=1):
        yield


@lru_cache(maxsize=1)
def _numeric_libraries(n_imported: int) -> Any:  # looked for again when more was imported
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    """The environment of what is started in the block."""
    before = {name: os.environ.get(name) for name in _ENVIRONMENT}
    os.environ.update(_ENVIRONMENT)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@contextlib.contextmanager
def _no_interrupts() -> Iterator[None]:
    """Ctrl-C waits until the block ends, and never reaches processes that are started in it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C waits until the block ends; other than with `_no_interrupts`, processes started in it do get it."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    came: list[Any] = []
    signal.signal(signal.SIGINT, lambda *how: came.append(how))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            before(*came[0])


@atexit.register
def end_programs() -> None:
    """End the programs that this process has started."""
    for end in list(ending):
        with contextlib.suppress(Exception):
            end()


@contextlib.contextmanager
def _main_that_is_a_file() -> Iterator[None]:
    """A program that was read from standard input is nothing that a worker could import."""
    main = vars(sys.modules["__main__"])
    file = main.get("__file__")
    if file is None or os.path.exists(file):
        yield
        return
    del main["__file__"]
    try:
        yield
    finally:
        main["__file__"] = file


def _begin_worker(leash: Connection, safe_path: str | None) -> None:
    """Leave interrupts to the parent; end when it lets go of the other end of the leash, is killed, or says so.

    Args:
        leash: What the parent holds the other end of.
        safe_path: `PYTHONSAFEPATH` as it was, for programs that a worker starts.
    """
    import multiprocessing
    from multiprocessing.connection import wait

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.pop(_SAFE_PATH) if safe_path is None else os.environ.update({_SAFE_PATH: safe_path})
    parent = multiprocessing.parent_process()
    assert parent is not None
    reasons: list[Connection | int] = [parent.sentinel, leash]
    if os.name != "nt":  # a pool whose other worker died terminates this one, which would leave its programs
        terminated, told = os.pipe()
        os.set_blocking(told, False)
        signal.set_wakeup_fd(told, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, lambda *_: None)
        reasons.append(terminated)

    def follow() -> None:
        wait(reasons)
        with endings:
            end_programs()
            os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


# ---- files ----

_numbers = itertools.count()


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A new, empty file beside `path` to write to, that takes the place of `path` when the block ends.

    After an error in the block it vanishes, and `path` is as it was. It reaches the disk before it takes the place, so
    that a loss of power leaves the old file or the new one. What killed processes left beside `path` is removed. The
    ending of the name stays (".png"). A link is written through, as if by `open`.

    Raises:
        OSError: The file cannot be written; or `path` is there and is no file.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        raise FileExistsError(errno.EEXIST, "is there and is no file", os.fspath(path))
    _remove_leftovers(target)
    partial = target.with_name(f"{_stem(target)}{os.getpid()}-{next(_numbers)}.partial{target.suffix}")
    partial.unlink(missing_ok=True)
    os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        yield partial
        _sync(partial)
        os.replace(partial, target)
        _sync(target.parent)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Replace a file by another content, or make it.

    Raises:
        OSError: It cannot be written.
    """
    with replacing(path) as partial:
        partial.write_bytes(content)


def _stem(target: Path) -> str:
    """What the names of partial files of a target begin with: no other machine's that shares the folder."""
    import platform

    machine = hashlib.sha256(platform.node().encode()).hexdigest()[:6]
    return f"{target.name.removesuffix(target.suffix)}.{machine}-"


def _remove_leftovers(target: Path) -> None:
    stem = _stem(target)
    ending = f".partial{target.suffix}"
    with contextlib.suppress(OSError):
        for name in os.listdir(target.parent):
            if name.startswith(stem) and name.endswith(ending):
                pid = name[len(stem) : -len(ending)].partition("-")[0]
                if pid.isdecimal() and not is_alive(int(pid)):
                    (target.parent / name).unlink()


def is_alive(pid: int) -> bool:
    """Whether there is a process of this number; where the system does not say, there is."""
    if os.name == "nt":  # where `os.kill` kills
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True  # another user's
    return True


def sync(folder: str | os.PathLike[str]) -> None:
    """Wait until all that is in a folder is on the disk; one that is not there is nothing to wait for."""
    if os.path.isdir(folder):
        for path in (Path(folder), *Path(folder).rglob("*")):
            _sync(path)


def _sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    if os.name == "nt" and path.is_dir():
        return
    number = os.open(path, os.O_RDWR if path.is_file() and os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


# ---- steps ----

_JOB = "job.json"
_DONE = ".done"
_SEAL = 32  # bytes of a SHA-256


@final
class Workshop:
    """A folder that keeps what is finished of something made in steps.

    What is kept is read again only if not a bit of it has changed and it was kept for the same job, else it counts as
    absent, and is made again. Workers may keep steps of their own at the same time.

    Args:
        folder: Where; made when the first is kept.
        job: What is made, and how: data for JSON.
    """

    def __init__(self, folder: str | os.PathLike[str], job: Mapping[str, Any]) -> None:
        self.folder = Path(folder)
        self._job = json.dumps(job, sort_keys=True)

    @staticmethod
    def job_of(folder: str | os.PathLike[str]) -> dict[str, Any] | None:
        """The job that was begun in a folder; None if none was, or if that can no longer be read."""
        path = Path(folder, _JOB)
        try:
            job = json.loads(path.read_bytes()) if _is_plain(path) else None
        except (OSError, ValueError, RecursionError):
            return None
        return job if isinstance(job, dict) else None

    def is_begun(self) -> bool:
        """Whether the folder is a workshop's, be it that a loss of power took the name of its job."""
        names = os.listdir(self.folder) if self.folder.is_dir() else [""]
        return _JOB in names or all(".partial" in name for name in names)

    def begin(self) -> None:
        """Make the folder, and write down which job it is of.

        Raises:
            OSError: It cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.job_of(self.folder) != json.loads(self._job):
            self._write(_JOB, (self._job + "\n").encode())

    def keep(self, name: str, content: bytes) -> None:
        """Keep the result of a step, in place of an earlier one.

        Raises:
            OSError: It cannot be written.
        """
        self._write(name, self._seal(name, content) + content)

    def kept(self, name: str) -> bytes | None:
        """The result of a step, or None."""
        path = self.folder / name
        try:
            found = path.read_bytes() if _is_plain(path) else b""
        except OSError:
            return None
        seal, content = found[:_SEAL], found[_SEAL:]
        return content if seal == self._seal(name, content) else None

    @contextlib.contextmanager
    def making(self, name: str) -> Iterator[Path]:
        """An empty folder for the files of a step, which is done when the block ends.

        Raises:
            OSError: It cannot be written.
        """
        folder = self.folder / name
        (self.folder / (name + _DONE)).unlink(missing_ok=True)
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder)
        else:
            folder.unlink(missing_ok=True)
        folder.mkdir(parents=True)
        yield folder
        sync(folder)
        self.keep(name + _DONE, json.dumps(_files(folder), sort_keys=True).encode())

    def made(self, name: str) -> Path | None:
        """The folder of a step that is done, or None."""
        folder, done = self.folder / name, self.kept(name + _DONE)
        try:
            return folder if done is not None and json.loads(done) == _files(folder) else None
        except OSError:
            return None

    def remove(self) -> None:
        """Remove the folder and all that is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write(self, name: str, content: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not _is_plain(path):
            path.unlink(missing_ok=True)
        write_bytes(path, content)

    def _seal(self, name: str, content: bytes) -> bytes:
        return hashlib.sha256(b"\0".join([self._job.encode(), name.encode(), content])).digest()


def _files(folder: Path) -> dict[str, str]:
    """The hash of each file in a folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_dir():
            content = hashlib.sha256(path.read_bytes()).hexdigest() if _is_plain(path) else "no file"
            found[path.relative_to(folder).as_posix()] = content
    return found


def _is_plain(path: Path) -> bool:
    """Whether it is a file itself: no link, nor a FIFO, whose reading never ends."""
    return path.is_file() and not path.is_symlink()

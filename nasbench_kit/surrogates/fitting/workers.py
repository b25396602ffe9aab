"""Members are fitted in processes of their own; what one has finished is kept, whatever happens to the others."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from nasbench_kit.errors import NasbenchKitError, SettingError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nasbench_kit.predictors import Data

OUT_OF_FOLD = "out_of_fold.npy"
SECONDS = "seconds.txt"  # that fitting the member took
_POLL_S = 0.2
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")  # 1 each: the processes share the processors


class Task(NamedTuple):
    """One member to fit. Numpy arrays, texts and numbers: any process can be given it."""

    number: int
    space: Any  #: as `describe_space` describes it
    model: str
    settings: dict[str, Any]
    archs: NDArray[np.uint8]
    channels: NDArray[np.float64]
    validates: NDArray[np.bool_]  #: which of the architectures it stops by; it learns from the others
    seed: int
    folder: str  #: where its files come to lie, all at once

    @property
    def is_done(self) -> bool:
        """Whether it was fitted before."""
        return os.path.isdir(self.folder)


def fit_member(task: Task, progress: Callable[[int, int], None]) -> None:
    """Fit one member; write its files and what it predicts for the architectures that it did not learn from."""
    import numpy as np

    from nasbench_kit.predictors import model_class
    from nasbench_kit.spaces import space_from

    started = time.perf_counter()
    model = model_class(task.model)(space_from(task.space), task.settings)
    learns, stops = (known_of(task.archs[part], task.channels[part]) for part in (~task.validates, task.validates))
    model.fit(learns, stops, seed=task.seed, progress=progress)
    predicted = model.predict(task.archs[task.validates])
    partial = Path(f"{task.folder}.{os.getpid()}.partial")
    try:
        partial.mkdir(parents=True)
        model.save(partial)
        np.save(partial / OUT_OF_FOLD, predicted)
        (partial / SECONDS).write_text(f"{time.perf_counter() - started:.3f}")
        os.replace(partial, task.folder)
    except OSError as error:
        raise SettingError(f"cannot write member {task.number} to {task.folder!r}: {error.strerror or error}") from None


def known_of(archs: NDArray[np.uint8], channels: NDArray[np.float64]) -> Data:
    """Those architectures of which anything is known."""
    import numpy as np

    from nasbench_kit.predictors import Data

    there = ~np.isnan(channels).all(axis=1)
    return Data(archs[there], channels[there])


def fit_members(tasks: Sequence[Task], n_processes: int, progress: Callable[[float], None]) -> None:
    """Fit those members that are not yet.

    Args:
        tasks: All members.
        n_processes: How many at a time; 1 is this process.
        progress: Told how many members are done; parts count.

    Raises:
        SettingError: A process was killed; or whatever fitting raises.
    """
    for leftover in {path for task in tasks for path in Path(task.folder).parent.glob("*.partial")}:
        shutil.rmtree(leftover)
    waiting = [task for task in tasks if not task.is_done]
    n_done = len(tasks) - len(waiting)
    progress(n_done)
    if min(n_processes, len(waiting)) > 1:
        _fit_apart(waiting, n_processes, lambda done: progress(n_done + done))
        return
    for i, task in enumerate(waiting, n_done):
        fit_member(task, lambda done, of, i=i: progress(i + done / of))  # type: ignore[misc]
        progress(i + 1)


def _fit_apart(waiting: list[Task], n_processes: int, progress: Callable[[float], None]) -> None:
    import multiprocessing

    # "spawn", on every system: a forked child would inherit the locks of whatever threads the caller runs
    context = multiprocessing.get_context("spawn")
    shares = context.Array("d", len(waiting))
    left = list(enumerate(waiting))
    running: list[tuple[Any, Any, Task]] = []
    before = {name: os.environ.get(name) for name in _THREADS}
    try:
        os.environ.update(dict.fromkeys(_THREADS, "1"))  # read when a library starts, so before the child does
        while left or running:
            while left and len(running) < n_processes:
                i, task = left.pop(0)
                ours, theirs = context.Pipe(duplex=False)
                process = context.Process(target=_work, args=(task, theirs, shares, i), daemon=True)
                process.start()
                theirs.close()
                running.append((process, ours, task))
            time.sleep(_POLL_S)
            progress(sum(shares[:]))
            for entry in [entry for entry in running if not entry[0].is_alive()]:
                running.remove(entry)
                _finish(*entry)
    finally:
        for process, _, _ in running:  # after an error or Ctrl-C: they would fit on for nobody
            process.kill()
            process.join()
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    progress(len(waiting))


def _finish(process: Any, pipe: Any, task: Task) -> None:
    process.join()
    try:
        error = pipe.recv() if pipe.poll() else None
    except EOFError:
        error = None
    pipe.close()
    if error is not None:
        raise error
    if process.exitcode != 0 or not task.is_done:
        raise SettingError(
            f"the process of member {task.number} died (exit code {process.exitcode}; is there enough memory?);"
            " finished members are kept: run the same again, with fewer processes"
            " (a script must start it under `if __name__ == '__main__':`)"
        )


def _work(task: Task, pipe: Any, shares: Any, i: int) -> None:
    """What a child process does."""
    follow_parent()

    def tell(done: int, of: int) -> None:
        shares[i] = done / of

    try:
        fit_member(task, tell)
    except NasbenchKitError as error:
        pipe.send(error)
    else:
        shares[i] = 1.0


def follow_parent() -> None:
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

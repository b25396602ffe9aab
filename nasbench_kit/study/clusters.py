"""Executors of clusters: Dask, where a scheduler hands out tasks, and MPI, where one rank does.

Either gives an Executor as in `concurrent.futures`, which is all that a study asks for; what is here opens one, and
sends tables and surrogates to workers that may lack them. Only the process that opens it reads and writes the study.
"""

from __future__ import annotations

import contextlib
import logging
import re
import time
import tomllib
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from nasbench_kit.benchmark import Results
from nasbench_kit.errors import SettingError, listed
from nasbench_kit.optional import require
from nasbench_kit.study.sending import parcels_of, receive
from nasbench_kit.study.text import reason_of

_CONNECT_S = 10.0
_LOOK_S = 0.01  # between two looks of an MPI rank that has nothing to do yet
_TALKATIVE = ("distributed", "tornado", "asyncio")  # what logs when a scheduler is gone
_KEYS = {"class", "jobs", "arguments"}  # of a file that describes a cluster


class Workers(NamedTuple):
    """A cluster, ready for tasks."""

    executor: Executor
    n: int  #: how many tasks it does at a time, as far as it is known


# ---- Dask ----


@contextlib.contextmanager
def dask_workers(where: str, results: Iterable[Results] = ()) -> Iterator[Workers]:
    """The workers of a Dask scheduler that runs, or jobs that become workers, and end with the block.

    Args:
        where: The scheduler's address, `tcp://host:8786`; or a TOML file that says `class`, one of dask_jobqueue's such
            as "SLURMCluster", its `arguments`, and how many `jobs`.
        results: What each worker is sent, if it does not come with the package.

    Raises:
        SettingError: There is no such scheduler, or the file describes no cluster.
    """
    distributed = require("distributed", "dask")
    if not re.fullmatch(r"\w+://.+:\d+|.*\.toml", where):
        raise SettingError(f"{where!r} is no cluster; an address like tcp://host:8786, or a TOML file, expected")
    with contextlib.ExitStack() as stack:
        stack.enter_context(_quiet())
        cluster, n = stack.enter_context(_jobs(where)) if where.endswith(".toml") else (where, 0)
        try:
            client = stack.enter_context(distributed.Client(cluster, timeout=_CONNECT_S, set_as_default=False))
        except (OSError, ValueError, TypeError) as error:
            raise SettingError(f"no Dask scheduler answers at {where!r}: {reason_of(error)}") from None
        if parcels := parcels_of(results):
            client.register_worker_callbacks(setup=partial(receive, parcels))  # of later ones, too
        n = n or sum(client.nthreads().values())
        if not n:
            warnings.warn(f"the scheduler {where} has no workers yet; runs begin when one joins", stacklevel=3)
        yield Workers(client.get_executor(pure=False), max(1, n))


@contextlib.contextmanager
def _jobs(file: str) -> Iterator[tuple[Any, int]]:
    """A scheduler in this process, whose workers are jobs of a queue; and how many tasks they do at a time."""
    jobqueue = require("dask_jobqueue", "dask")
    try:
        with open(file, "rb") as opened:
            described = tomllib.load(opened)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SettingError(f"cannot read {file!r}, which describes a cluster: {reason_of(error)}") from None
    name, n_jobs, arguments = described.get("class"), described.get("jobs"), described.get("arguments", {})
    names = [each for each in vars(jobqueue) if each.endswith("Cluster")]
    if unknown := described.keys() - _KEYS:
        raise SettingError(f"{file!r} says {listed(sorted(unknown))}; class, jobs and [arguments] expected")
    if not isinstance(name, str) or name not in names:
        raise SettingError(f"{file!r} says class = {name!r:.80}; one of {listed(names)} expected")
    if type(n_jobs) is not int or n_jobs < 1:
        raise SettingError(f"{file!r} says jobs = {n_jobs!r:.80}; a number from 1 expected")
    if not isinstance(arguments, dict):
        raise SettingError(f"{file!r} says arguments = {arguments!r:.80}; a table expected")
    try:
        cluster = getattr(jobqueue, name)(**arguments)
    except (TypeError, ValueError, OSError, RuntimeError) as error:
        raise SettingError(f"cannot make the {name} of {file!r}: {reason_of(error)}") from None
    with cluster:
        cluster.scale(jobs=n_jobs)
        yield cluster, n_jobs * arguments.get("cores", 1)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Let Dask log nothing: what goes wrong is raised, and said once."""
    known = list(logging.root.manager.loggerDict)
    loggers = [logging.getLogger(name) for name in known if name.partition(".")[0] in _TALKATIVE]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


# ---- MPI ----


@contextlib.contextmanager
def mpi_ranks() -> Iterator[bool]:
    """Whether this process is the first MPI rank, which goes on; the others serve its `mpi_workers` until that ends.

    Raises:
        SettingError: There is no MPI, or one process alone.
    """
    comm = _world()
    if comm.Get_rank():
        while _told(comm):
            with _mpi("mpi4py.futures").MPICommExecutor(comm):
                pass  # it has served
        yield False
        return
    try:
        yield True
    finally:
        _tell(comm, False)


@contextlib.contextmanager
def mpi_workers(results: Iterable[Results] = ()) -> Iterator[Workers]:
    """The other MPI ranks as workers; by the first one, in the block of `mpi_ranks`.

    Args:
        results: What each worker is sent, if it does not come with the package.
    """
    comm, parcels = _world(), parcels_of(results)
    _tell(comm, True)
    with _mpi("mpi4py.futures").MPICommExecutor(comm, initializer=receive, initargs=(parcels,)) as executor:
        yield Workers(executor, executor.num_workers)


def _world() -> Any:
    mpi = _mpi("mpi4py.MPI")
    if mpi.COMM_WORLD.Get_size() < 2:
        library = " ".join(mpi.Get_library_version().split()[:3])
        raise SettingError(
            f"MPI ({library}) knows of one process; two or more expected: mpirun -n 8 nasbench-kit compare ..., with"
            " the mpirun of that MPI"
        )
    return mpi.COMM_WORLD


def _mpi(module: str) -> Any:
    try:
        return require(module, "mpi")
    except RuntimeError as error:  # mpi4py is there, and no library of MPI
        raise SettingError(
            f"there is no MPI ({reason_of(error)}); load your cluster's, or: pip install mpich"
        ) from None


def _tell(comm: Any, serve: bool) -> None:
    """Tell the other ranks to serve once more, or that there is no more to do."""
    comm.Ibcast(np.array([serve], np.int8)).Wait()


def _told(comm: Any) -> bool:
    word = np.zeros(1, np.int8)
    request = comm.Ibcast(word)
    while not request.Test():  # `Wait` would keep a processor busy
        time.sleep(_LOOK_S)
    return bool(word[0])

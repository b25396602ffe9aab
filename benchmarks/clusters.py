"""What a cluster costs: efficiency on two workers of each kind, and how fast the one writer of a study is.

    python benchmarks/clusters.py

Every way makes the same runs on two worker processes of this machine. Other programs share its processors, so seconds
of processors count, of the workers and of the process that writes the study: the efficiency is what one process takes
alone over what all of them take together. Seconds on the wall are shown beside, with the load.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

import nasbench_kit as nbk
from nasbench_kit.jobs import pool
from nasbench_kit.study import Configuration, Study, clusters, shared_folder, versions_of
from nasbench_kit.study.running import make_many

WORKLOADS = {  # optimizer, evaluations per run, runs
    "runs of milliseconds": ("random_search", 500, 4_000),
    "runs of hundredths of a second": ("bohb", 200, 60),
    "runs of seconds": ("bananas", 150, 16),
}
PORT = 18_799


def cpu_s(processes):
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def configuration(optimizer, n_evaluations):
    bench = nbk.load("nasbench201_mnist1d/mnist1d" if optimizer == "bohb" else "nasbench201/cifar10")
    return Configuration.of(bench, optimizer, n_evaluations=n_evaluations, clock="evaluations")


@contextmanager
def processes():
    """Two workers of a pool."""
    with pool(2) as workers:
        list(workers.map(abs, range(4)))
        yield workers, psutil.Process().children()


@contextmanager
def dask():
    """Two workers of Dask, and its scheduler."""
    address = f"tcp://127.0.0.1:{PORT}"
    commands = [["scheduler", "--port", str(PORT)], *[["worker", address, "--nthreads", "1", "--no-nanny"]] * 2]
    begun = [
        subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{what}", *how, "--host", "127.0.0.1", "--no-dashboard"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for what, *how in commands
    ]
    try:
        time.sleep(20)
        with clusters.dask_workers(address) as workers:
            yield workers.executor, [psutil.Process(one.pid) for one in begun]
    finally:
        for one in begun:
            one.kill()
            one.wait()


def on_executor(backend, key, n_runs, folder):
    """(Seconds of processors, seconds on the wall) of runs on an executor that is warm."""
    with backend() as (executor, workers), Study(folder / "study.db") as study:
        study.run([key], range(n_runs, n_runs + 4), executor=executor, n_processes=2)  # imports and tables
        measured = [*workers, psutil.Process()]
        before, began = cpu_s(measured), time.perf_counter()
        study.run([key], range(n_runs), executor=executor, n_processes=2)
        return cpu_s(measured) - before, time.perf_counter() - began


def on_mpi(key, n_runs, folder):
    """As `on_executor`, of two ranks of MPI and of the first, which writes the study."""
    command = [shutil.which("mpiexec", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}"), "-n", "3"]
    command += [sys.executable, __file__, "--ranks", key.optimizer, str(key.rules.n_evaluations), str(n_runs)]
    return json.loads(subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=True).stdout)


def as_rank(optimizer, n_evaluations, n_runs):
    """What `on_mpi` starts: the first rank prints what was measured."""
    with clusters.mpi_ranks() as is_first:
        if is_first:
            print(json.dumps(on_executor(mpi, configuration(optimizer, n_evaluations), n_runs, Path())))


@contextmanager
def mpi():
    """Two ranks of MPI besides this one."""
    with clusters.mpi_workers() as workers:
        me = psutil.Process()
        yield workers.executor, [rank for rank in me.parent().children() if rank.pid != me.pid]


def on_a_folder(key, n_runs, folder):
    """As `on_executor`, of two processes that share a folder, and of gathering what they made."""
    with Study(folder / "study.db") as study, ExitStack() as stack:
        shared_folder.write_plan(study, [key], range(n_runs))
        workers = stack.enter_context(pool(2))
        list(workers.map(make_many, [key] * 2, [(n_runs,)] * 2))
        measured = [*psutil.Process().children(), psutil.Process()]
        before, began = cpu_s(measured), time.perf_counter()
        for future in [workers.submit(shared_folder._work, study.path, shared_folder.LAPSE_S) for _ in range(2)]:
            future.result()
        shared_folder.gather(study)
        return cpu_s(measured) - before, time.perf_counter() - began


def alone(key, n_runs, folder):
    with Study(folder / "study.db") as study:
        study.run([key], range(n_runs, n_runs + 4), n_processes=1)
        me = [psutil.Process()]
        before, began = cpu_s(me), time.perf_counter()
        study.run([key], range(n_runs), n_processes=1)
        return cpu_s(me) - before, time.perf_counter() - began


def efficiency():
    ways = {
        "two processes": lambda *what: on_executor(processes, *what),
        "two workers of Dask": lambda *what: on_executor(dask, *what),
        "two ranks of MPI": on_mpi,
        "two workers of a folder": on_a_folder,
    }
    for name, (optimizer, n_evaluations, n_runs) in WORKLOADS.items():
        key = configuration(optimizer, n_evaluations)
        with tempfile.TemporaryDirectory() as folder:
            one_s, one_wall_s = alone(key, n_runs, Path(folder))
        print(f"{name}: {n_runs:,} of {optimizer}, {1e3 * one_s / n_runs:.1f} ms of a processor each alone")
        for way, measure in ways.items():
            with tempfile.TemporaryDirectory() as folder:
                all_s, wall_s = measure(key, n_runs, Path(folder))
            print(
                f"  {way}: efficiency {100 * one_s / all_s:.0f} % ({one_s:.1f} s alone, {all_s:.1f} s in all);"
                f" on the wall {one_wall_s:.1f} s and {wall_s:.1f} s, load {os.getloadavg()[0]:.1f}",
                flush=True,
            )


def writer():
    """Runs and bytes per second of the process that writes a study."""
    key = configuration("random_search", 500)
    versions = versions_of(key)
    made = make_many(key, range(500))
    for n in (1, 50):
        with tempfile.TemporaryDirectory() as folder, Study(Path(folder, "study.db")) as study:
            me = [psutil.Process()]
            before, began = cpu_s(me), time.perf_counter()
            with study._db.write_ahead_log():
                for i in range(0, 500, n):
                    study.store([(key, versions, range(i, i + n), made[i : i + n])])
            taken_s, wall_s = cpu_s(me) - before, time.perf_counter() - began
            size = os.path.getsize(study.path) / 500
        print(
            f"writer, {n} runs of 500 evaluations a time: {500 / taken_s:,.0f} runs per second of a processor,"
            f" {500 / wall_s:,.0f} on the wall; {size:,.0f} bytes a run"
        )
    for batch in (1, 50):
        with tempfile.TemporaryDirectory() as folder, Study(Path(folder, "study.db")) as study:
            plan = shared_folder.write_plan(study, [key], range(500), batch=batch)
            me = [psutil.Process()]
            before = cpu_s(me)
            shared_folder.work(study.path)
            worked_s = cpu_s(me) - before
            size = sum(path.stat().st_size for path in (plan.folder / "parts").iterdir()) / 500
            before, began = cpu_s(me), time.perf_counter()
            shared_folder.gather(study)
            taken_s, wall_s = cpu_s(me) - before, time.perf_counter() - began
        n = len(plan.batches)
        print(
            f"folder, {batch} runs a part: {1e3 * worked_s / n:.1f} ms of a processor to make a part,"
            f" {1e3 * taken_s / n:.1f} ms to gather it ({1e3 * wall_s / n:.1f} on the wall); {size:,.0f} bytes a run"
        )


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--writer", action="store_true", help="only how fast a study is written")
    arguments.add_argument("--ranks", nargs=3, help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.ranks:
        as_rank(options.ranks[0], *map(int, options.ranks[1:]))
    else:
        if not options.writer:
            efficiency()
        writer()

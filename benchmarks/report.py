"""How long a report of a large study takes, and how large the page is.

    python benchmarks/report.py            # 25 optimizers x 20 panels x 500 runs: the study takes minutes to make
    python benchmarks/report.py --runs 50

The study is made once and kept in build/. The page is made in a process of its own, whose time and memory are printed.
"""

import argparse
import resource
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import nasbench_kit as nbk

N_OPTIMIZERS = 25
N_EVALUATIONS = (100, 50)  # where there are too few tables, they are searched under other rules, too
N_PANELS = 20


def make(study: Path, runs: int) -> None:
    """A study of many fast searches on the tables that ship."""
    optimizers = [("regularized_evolution", {"population_size": 4 + i}) for i in range(N_OPTIMIZERS - 1)]
    tables = [name for name in nbk.list_benchmarks() if nbk.load(name).results.kind == "table"]
    left = N_PANELS
    for n_evaluations in N_EVALUATIONS:
        some, left = tables[:left], left - len(tables[:left])
        if some:
            nbk.compare(some, ["random_search", *optimizers], n_evaluations=n_evaluations, runs=runs, study=study)


def report(study: Path, page: Path) -> None:
    """What `nasbench-kit report` does, timed."""
    began, before = perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)  # of those that made the study
    command = [sys.executable, "-m", "nasbench_kit", "report", str(study), "-o", str(page)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent_s = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    print(f"report:  {perf_counter() - began:.1f} s, of processors {spent_s:.1f} s")
    print(f"memory:  {used.ru_maxrss / 2**20:.2f} GB at most in one process")
    print(f"page:    {page.stat().st_size / 1e6:.1f} MB, study {study.stat().st_size / 1e6:,.0f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=500)
    runs = parser.parse_args().runs
    folder = Path("build")
    folder.mkdir(exist_ok=True)
    study = folder / f"report-{runs}.db"
    make(study, runs)
    report(study, folder / f"report-{runs}.html")

"""Real clusters of several processes on this machine: the runs are those of one process, whoever is killed."""

import gc
import os
import re
import shlex
import socket
import subprocess
import sys
import time
import tomllib
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from shutil import copyfile, which
from types import SimpleNamespace

import pytest

import nasbench_kit as nbk
from nasbench_kit.cli import main
from nasbench_kit.errors import SettingError, StudyError
from nasbench_kit.study import Configuration, RunCounts, Study, clusters, versions_of
from nasbench_kit.study.executors import make_elsewhere
from nasbench_kit.study.sending import Parcel, parcels_of, receive

pytestmark = pytest.mark.filterwarnings("ignore:the scheduler .* has no workers yet")

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "clusters.md").read_text(encoding="utf-8")
COMMAND = Path(sys.executable).with_name("nasbench-kit")
MPIEXEC = which("mpiexec", path=f"{COMMAND.parent}:{os.environ['PATH']}")
NO_WORKERS = "warning: the scheduler {} has no workers yet; runs begin when one joins\n"
SLOW = """
import time
from nasbench_kit.optimizers import RandomSearch

class Slow(RandomSearch):
    def ask(self):
        time.sleep(0.02)
        return super().ask()
"""


def free_port():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


class DaskCluster:
    """A scheduler and two workers, each a process of its own, in a folder where workers find modules."""

    def __init__(self, folder):
        self.folder, self.address = folder, f"tcp://127.0.0.1:{free_port()}"
        (folder / "data").mkdir(parents=True)
        self.scheduler = self.begin("scheduler", "--port", self.address.rpartition(":")[2])
        self.workers = [self.begin("worker", self.address, "--nthreads", "1", "--no-nanny") for _ in range(2)]

    def begin(self, what, *arguments):
        here = {"PYTHONPATH": f"{self.folder}:{os.environ.get('PYTHONPATH', '')}"}
        return subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_" + what, *arguments, "--host", "127.0.0.1", "--no-dashboard"],
            cwd=self.folder,
            env={**os.environ, **here, "NASBENCH_KIT_DATA": str(self.folder / "data")},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def end(self):
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@pytest.fixture
def dask(tmp_path):
    cluster = DaskCluster(tmp_path / "dask")
    yield cluster
    cluster.end()


@pytest.fixture
def slow_key(dask, cifar10, monkeypatch):
    """An optimizer of one's own, of which 60 runs take six seconds."""
    (dask.folder / "slow.py").write_text(SLOW)
    monkeypatch.syspath_prepend(dask.folder)
    return Configuration.of(cifar10, "slow:Slow", n_evaluations=5)


def opened(address, results=()):
    """The workers of a scheduler that begins just now."""
    deadline = time.monotonic() + 120
    while True:
        stack = ExitStack()
        try:
            return stack, stack.enter_context(clusters.dask_workers(address, results))
        except SettingError:
            if time.monotonic() > deadline:
                raise


def wait_for_runs(path, key, n, process):
    while process.poll() is None:
        time.sleep(0.2)
        if path.exists():
            with Study(path) as study:
                if study.n_runs(key) >= n:
                    return
    raise AssertionError(process.communicate())


@pytest.fixture
def own_key(tmp_path, make_benchmark, stored, monkeypatch):
    """Runs on a table that this process finds by its hash alone, and no other process at all."""
    folder = tmp_path / "mine"
    folder.mkdir()
    bench = make_benchmark(stored("val_accuracy", range(6), scale=(1, 10)), path=folder / "mine.h5")
    monkeypatch.setenv("NASBENCH_KIT_DATA", str(folder))
    key = Configuration.of(bench, "random_search", n_evaluations=5, clock="evaluations")
    return replace(key, path="")


# ---- Dask ----


@pytest.mark.slow
def test_runs_on_dask_are_those_of_one_process_on_tables_that_its_workers_lack(
    tmp_path, dask, random_search, evolution, own_key, content, monkeypatch
):
    keys = [random_search, evolution, own_key]
    with Study(tmp_path / "alone.db") as study:
        study.run(keys, range(20), n_processes=1)
    stack, workers = opened(dask.address)
    lacking = pytest.raises(StudyError, match=r"the table or surrogate 'mine' .* is not here; put it into")
    with stack, Study(tmp_path / "dask.db") as study, lacking:
        study.run([own_key], range(2), executor=workers.executor)
    own = nbk.Table.open(os.path.join(os.environ["NASBENCH_KIT_DATA"], "mine.h5"))
    stack, workers = opened(dask.address, [own])
    with stack, Study(tmp_path / "dask.db") as study:
        assert study.run(keys, range(20), executor=workers.executor, n_processes=2) == RunCounts(60, 0, 0)
    assert content(tmp_path / "dask.db") == content(tmp_path / "alone.db")
    monkeypatch.chdir(tmp_path)
    block = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)[0]
    exec(compile(block.replace("tcp://host:8786", dask.address), "clusters.md", "exec"), {})  # allowed: our own text
    with Study("mine.db") as study:
        assert [study.n_runs(key) for key in study.configurations()] == [20]


@pytest.mark.slow
def test_a_dask_worker_that_is_killed_costs_nothing_and_a_scheduler_leaves_a_study_that_resumes(
    tmp_path, path, dask, slow_key, content, filled
):
    arguments = ["-b", "nasbench201/cifar10", "-o", "slow:Slow", "--evaluations", "5", "--runs", "60"]
    command = [COMMAND, "compare", *arguments, "--study", path.name, "--cluster", dask.address]
    stack, _ = opened(dask.address)  # it is there
    stack.close()
    here = {"PYTHONPATH": f"{dask.folder}:{os.environ.get('PYTHONPATH', '')}"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env={**os.environ, **here}
    ) as process:
        wait_for_runs(path, slow_key, 4, process)
        dask.workers[0].kill()
        wait_for_runs(path, slow_key, 20, process)  # more than were there when it was killed
        dask.scheduler.kill()
        output, errors = process.communicate(timeout=600)
    assert (process.returncode, output) == (2, "")
    expected = r"error: .* was not executed: .* \(the runs stored so far are safe: the same call goes on\)\n"
    assert re.fullmatch(expected, errors.removeprefix(NO_WORKERS.format(dask.address)))
    with Study(path) as study:
        n_there = study.n_runs(slow_key)
        assert 20 <= n_there < 60
        assert study.failures(slow_key) == {}
        assert study.run([slow_key], range(60), n_processes=1) == RunCounts(60 - n_there, n_there, 0)
    assert content(path) == content(filled(tmp_path / "alone.db", slow_key, 60))


# ---- queues ----

SBATCH = """#!/bin/sh
bash "$1" > /dev/null 2>&1 &
echo $! >> {folder}/pids
echo "Submitted batch job $!"
"""
SLURM = """
class = "SLURMCluster"
jobs = 2

[arguments]
cores = 1
memory = "1GB"
walltime = "00:10:00"
interface = "lo"
scheduler_options = { dashboard_address = ":0" }
"""


def test_jobs_of_a_queue_become_workers_and_end_with_the_study(tmp_path, random_search, content, filled, monkeypatch):
    pytest.importorskip("dask_jobqueue")
    (tmp_path / "sbatch").write_text(SBATCH.format(folder=tmp_path))
    (tmp_path / "scancel").write_text('#!/bin/sh\nkill "$1"\n')
    for name in ("sbatch", "scancel"):
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    (tmp_path / "slurm.toml").write_text(SLURM)
    with clusters.dask_workers(str(tmp_path / "slurm.toml")) as workers, Study(tmp_path / "slurm.db") as study:
        assert workers.n == 2
        assert study.run([random_search], range(20), executor=workers.executor, n_processes=2) == RunCounts(20, 0, 0)
    assert content(tmp_path / "slurm.db") == content(filled(tmp_path / "alone.db", random_search, 20))
    pids = [int(line) for line in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 2
    deadline = time.monotonic() + 60
    while any(is_running(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_running(pid):
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_the_file_of_the_page_on_clusters_asks_slurm_for_what_it_says():
    slurm = pytest.importorskip("dask_jobqueue.slurm")
    (block,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)
    described = tomllib.loads(block)
    assert (described["class"], described["jobs"]) == ("SLURMCluster", 20)
    arguments = described["arguments"] | {"interface": "lo"}
    script = slurm.SLURMJob(scheduler="tcp://login:1", name="worker", **arguments).job_script()
    for line in ("-p normal", "-A my_project", "--cpus-per-task=16", "--mem=30G", "-t 04:00:00"):
        assert f"#SBATCH {line}\n" in script
    assert "\nmodule load python\nsource ~/venv/bin/activate\n" in script
    assert re.search(r"dask_worker tcp://login:1 .*--nthreads 1 .*--nworkers 16 ", script)


def test_every_command_of_the_page_on_clusters_exists():
    inline = re.findall(r"`(?:mpirun -n 8 |srun )?(nasbench-kit [^`\n]+)`", PAGE)
    shell = re.findall(
        r"nasbench-kit [a-z][^&|\n#]*", "".join(re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
    )
    assert len(inline) > 7
    assert len(shell) > 5
    for line in inline + shell:
        name, *words = shlex.split(line)[1:]
        known = {option for parameter in main.commands[name].params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, line


def test_the_job_script_of_the_page_makes_what_is_planned(tmp_path):
    """As nodes that share nothing but a folder: the page's three steps, on a smaller study."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    plan, script, gathered = (block for block in blocks if "/scratch/me/mine.db" in block)
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    (tmp_path / "venv" / "bin" / "activate").write_text(f"export PATH={COMMAND.parent}:$PATH\n")
    smaller = f"-b nasbench201/cifar10 -o random_search --evaluations 20 --runs 120 --study {tmp_path}/mine.db"

    def bash(name, lines):
        lines = lines.replace("--runs 500 --study /scratch/me/mine.db", smaller).replace("/scratch/me", str(tmp_path))
        (tmp_path / name).write_text(lines)
        return subprocess.Popen(
            ["bash", "-e", name],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "HOME": str(tmp_path), "PATH": f"{COMMAND.parent}:{os.environ['PATH']}"},
        )

    def ended(process):
        said, _ = process.communicate(timeout=600)
        assert process.returncode == 0, said
        return said

    ended(bash("plan", plan))
    for job in [bash(f"job{i}", script) for i in range(2)]:
        ended(job)
    assert "mine.db, 0 runs made now, 120 were there" in ended(bash("gather", gathered))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("jobs = ", "cannot read .*: TOMLDecodeError"),
        ('class = "Slurm"\njobs = 2', "says class = 'Slurm'; one of .*SLURMCluster"),
        ('class = ["x"]\njobs = 2', r"says class = \['x'\]; one of"),
        ('class = "SLURMCluster"', "says jobs = None; a number from 1 expected"),
        ('class = "SLURMCluster"\njobs = true', "says jobs = True; a number from 1 expected"),
        ('class = "SLURMCluster"\njobs = 2\nqueue = "x"', "says queue; class, jobs and .arguments. expected"),
        ('class = "SLURMCluster"\njobs = 2\narguments = 3', "says arguments = 3; a table expected"),
        ('class = "SLURMCluster"\njobs = 2', "cannot make the SLURMCluster of .* You must specify how much cores"),
    ],
)
def test_a_file_that_describes_no_cluster_is_an_error_in_one_line(tmp_path, text, message):
    pytest.importorskip("dask_jobqueue")
    (tmp_path / "my.toml").write_text(text)
    with pytest.raises(SettingError, match=message) as error, clusters.dask_workers(str(tmp_path / "my.toml")):
        pass
    assert "\n" not in str(error.value)
    del error
    gc.collect()  # what dask_jobqueue began says that it was not closed


@pytest.mark.parametrize("where", ["somewhere", "tcp://", "host:8786", "tcp://host", ""])
def test_what_is_no_cluster_is_an_error_at_once(where):
    with (
        pytest.raises(SettingError, match=r"is no cluster; an address like tcp://host:8786"),
        clusters.dask_workers(where),
    ):
        pass


def test_a_scheduler_that_is_not_there_is_an_error_in_one_line(monkeypatch):
    monkeypatch.setattr(clusters, "_CONNECT_S", 0.2)
    address = f"tcp://127.0.0.1:{free_port()}"
    with pytest.raises(SettingError, match=f"no Dask scheduler answers at '{address}': OSError: Timed out") as error:
        clusters.dask_workers(address).__enter__()
    assert "\n" not in str(error.value)


# ---- MPI ----

needs_mpi = pytest.mark.skipif(MPIEXEC is None, reason="there is no mpiexec")


def under_mpi(*arguments, **how):
    environment = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    return subprocess.run(
        [MPIEXEC, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env=environment,
        **how,
    )


@needs_mpi
@pytest.mark.slow
def test_runs_under_mpi_are_those_of_one_process_on_tables_that_its_ranks_lack(tmp_path, own_key, content):
    (tmp_path / "nothing").mkdir()
    with Study(tmp_path / "alone.db") as study:
        study.run([own_key], range(40), n_processes=1)
    compare = [COMMAND, "compare", "--executor", "mpi", "-b", "mine/d", "-o", "random_search", "--evaluations", "5"]
    compare += ["--clock", "evaluations", "--runs", "40", "--study", "mpi.db"]
    first = ["-n", 1, "env", f"NASBENCH_KIT_DATA={os.environ['NASBENCH_KIT_DATA']}", *compare]
    others = ["-n", 1, "env", f"NASBENCH_KIT_DATA={tmp_path / 'nothing'}", *compare]
    done = under_mpi(*first, ":", *others, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("study: mpi.db, 40 runs made now, 0 were there") == 1
    assert content(tmp_path / "mpi.db") == content(tmp_path / "alone.db")


@needs_mpi
def test_the_script_of_the_page_runs_under_mpi(tmp_path):
    (script,) = re.findall(r"^```python\n([^`]*mpi_ranks.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert "runs=50" in script
    (tmp_path / "script.py").write_text(script.replace("runs=50", "runs=2"))
    done = under_mpi("-n", 3, sys.executable, "script.py", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    with Study(tmp_path / "mine.db", create=False) as study:
        assert [study.n_runs(key) for key in study.configurations()] == [2] * 9


@needs_mpi
def test_an_error_of_the_first_rank_lets_the_others_go(tmp_path):
    done = under_mpi("-n", 2, COMMAND, "compare", "--executor", "mpi", "-b", "nothing/at-all", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("error: unknown benchmark 'nothing/at-all'") == 1


def test_mpi_with_one_process_says_how_to_begin_more(monkeypatch):
    alone = SimpleNamespace(
        COMM_WORLD=SimpleNamespace(Get_size=lambda: 1), Get_library_version=lambda: "Some MPI 1.0\nof today"
    )
    monkeypatch.setattr(clusters, "require", lambda package, extra: alone)
    message = r"MPI \(Some MPI 1\.0\) knows of one process; two or more expected: mpirun -n 8 nasbench-kit compare"
    with pytest.raises(SettingError, match=message), clusters.mpi_ranks():
        pass


def test_mpi4py_without_a_library_of_mpi_says_what_to_do(monkeypatch):
    def refuse(package, extra):
        raise RuntimeError("cannot load MPI library")

    monkeypatch.setattr(clusters, "require", refuse)
    message = r"there is no MPI \(RuntimeError: cannot load MPI library\); load your cluster's, or: pip install mpich"
    with pytest.raises(SettingError, match=message), clusters.mpi_ranks():
        pass


# ---- what is sent ----


def test_a_worker_with_other_software_is_an_error_before_it_runs_anything(random_search):
    versions = versions_of(random_search)
    assert len(make_elsewhere(versions, random_search, [0])) == 1
    assert len(make_elsewhere(versions | {"python": "3.0"}, random_search, [0])) == 1
    with pytest.raises(
        StudyError, match=r"the worker on .* has numpy .*, and runs of .* are to be made with 1\.0: install"
    ):
        make_elsewhere(versions | {"numpy": "1.0"}, random_search, [0])


def test_what_comes_with_the_package_and_what_is_too_large_is_not_sent(tmp_path, cifar10, monkeypatch):
    surrogate = nbk.load("nasbench201_surrogate/cifar10").results
    assert parcels_of([cifar10.results, surrogate]) == []
    copyfile(cifar10.results.path, tmp_path / "copy.h5")
    copy = nbk.Table.open(tmp_path / "copy.h5")
    (sent,) = parcels_of([copy, copy])
    assert (sent.name, sent.sha256, sent.files) == ("copy.h5", copy.sha256, {".": Path(copy.path).read_bytes()})
    monkeypatch.setattr("nasbench_kit.study.sending.MOST_SENT", 600_000)
    assert parcels_of([copy]) == []


def test_a_surrogate_is_sent_as_a_whole_and_kept_once(make_surrogate, monkeypatch):
    received = {}
    monkeypatch.setattr("nasbench_kit.study.sending.RECEIVED", received)
    made = make_surrogate()
    parcels = parcels_of([made])
    receive(parcels)
    kept = nbk.Surrogate.open(received[made.sha256])
    kept.verify()
    assert kept.sha256 == made.sha256
    assert kept.path != made.path
    receive([Parcel(made.name, made.sha256, {})])  # which is there
    assert nbk.Surrogate.open(received[made.sha256]).sha256 == made.sha256

"""Several processes, killed processes, locks, full disks and folders that cannot be written."""

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from nasbench_kit.errors import StudyError
from nasbench_kit.study import RunCounts, Study, database

N_KILLS = 20
N_RUNS = 30

HEAD = """
import os, sys
import nasbench_kit as nbk
from nasbench_kit.errors import StudyError
from nasbench_kit.study import Configuration, Study

bench = nbk.load("nasbench201/cifar10")
key = Configuration.of(bench, "random_search", n_evaluations=20)
"""


def started(script, *arguments, **how):
    command = [sys.executable, "-c", HEAD + script, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how)


def run_python(script, *arguments):
    with started(script, *arguments) as process:
        output, errors = process.communicate(timeout=600)
    return output, errors


def one_line(error):
    return "\n" not in str(error.value)


# ---- many processes ----


def test_two_studies_may_fill_the_same_file_at_the_same_time(tmp_path, random_search, evolution, content):
    def fill(path, keys, start):
        with Study(path) as study:
            start.wait()
            return study.run(keys, range(4), n_processes=1)

    with ThreadPoolExecutor(2) as executor:
        for i in range(15):  # the moments at which they meet differ
            path, start = tmp_path / f"{i}.db", Barrier(2, timeout=600)
            both = [executor.submit(fill, path, keys, start) for keys in ([random_search, evolution], [evolution])]
            assert sum(future.result().made for future in both) == 8
            assert len(content(path)) == 8


SHARE = """
made = []
with Study(sys.argv[1]) as study:
    print("ready", flush=True)
    sys.stdin.readline()
    print(*study.run([key], range(150), n_processes=int(sys.argv[2])))
"""


@pytest.mark.parametrize("n_processes", [1, 2])
def test_processes_that_fill_one_study_share_the_work(tmp_path, path, random_search, filled, content, sql, n_processes):
    processes = [started(SHARE, path, n_processes, stdin=subprocess.PIPE) for _ in range(3)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    counts = []
    for process in processes:
        output, errors = process.communicate(timeout=600)
        assert errors == ""
        counts.append(RunCounts(*map(int, output.split())))
    assert sum(count.made for count in counts) == 150  # every run was made once
    assert all(sum(count) == 150 and count.failed == 0 for count in counts)  # and each waited for all of them
    assert content(path) == content(filled(tmp_path / "alone.db", random_search, 150))
    assert sql(path, "SELECT count(*) FROM claims") == [(0,)]
    assert sorted(name for name in os.listdir(tmp_path) if name.startswith("study")) == ["study.db"]


CLAIM_AND_DIE = """
from nasbench_kit.study.claims import Claims
with Study(sys.argv[1]) as study:
    ids = study._begun([(key, 0)])
    assert len(Claims(study._db, ids, [(key, seed) for seed in range(5)]).take(5, True)) == 5
    os._exit(1)
"""


def test_runs_claimed_by_a_process_that_died_are_made_by_others(path, random_search, sql):
    run_python(CLAIM_AND_DIE, path)
    assert sql(path, "SELECT count(*) FROM claims") == [(5,)]
    with Study(path) as study:
        assert study.run([random_search], range(6), n_processes=1) == RunCounts(6, 0, 0)
    assert sql(path, "SELECT count(*) FROM claims") == [(0,)]


def test_runs_that_another_process_is_making_are_waited_for_and_cannot_be_removed(path, random_search, sql, filled):
    filled(path, random_search, 1)
    me = (os.getpid(), time.time())
    sql(path, f"INSERT INTO claims VALUES (1, 1, '{os.uname().nodename}', ?, 'other', ?)", me)
    other = execute_elsewhere(path, random_search)
    with Study(path) as study:
        with pytest.raises(StudyError, match=f"process {os.getpid()} on .* makes runs of it; stop that first"):
            study.remove("random_search")
        with ThreadPoolExecutor(1) as executor:
            stored = executor.submit(other)
            assert study.run([random_search], range(3), n_processes=1) == RunCounts(made=1, there=2, failed=0)
            stored.result()


def execute_elsewhere(path, key):
    """Store the run with seed 1, as another process would, once the one with seed 2 is there."""
    from nasbench_kit.study import versions_of
    from nasbench_kit.study.running import make

    def store():
        with Study(path) as study:
            while study.n_runs(key) < 2:
                time.sleep(0.01)
            study.store([(key, versions_of(key), [1], [make(key, 1)])])

    return store


def test_a_script_without_a_guard_ends_with_an_error_instead_of_waiting_for_its_own_workers(tmp_path, path):
    script = tmp_path / "script.py"
    script.write_text(HEAD + "with Study(sys.argv[1]) as study:\n    study.run([key], range(4), n_processes=2)\n")
    ended = subprocess.run([sys.executable, script, path], capture_output=True, text=True, timeout=600, check=False)
    assert ended.returncode == 1
    assert "what that does belongs under `if __name__ == '__main__':`" in ended.stderr
    assert ended.stderr.splitlines()[-1].startswith("nasbench_kit.errors.WorkerError: a worker process died")


# ---- Ctrl-C ----

ENDLESS = """
import time
from nasbench_kit.optimizers import RandomSearch


class Endless(RandomSearch):
    def ask(self):
        print("asked", flush=True)
        time.sleep(10_000)
"""
INTERRUPTED = """
key = Configuration.of(bench, "endless:Endless", n_evaluations=5)
if __name__ == "__main__":
    with Study(sys.argv[1]) as study:
        try:
            study.run([key], range(9), n_processes=int(sys.argv[2]))
        except KeyboardInterrupt:
            print("stopped")
"""


@pytest.mark.parametrize("n_processes", [1, 2])
def test_ctrl_c_ends_a_study_whose_runs_would_take_hours(tmp_path, path, n_processes, sql):
    (tmp_path / "endless.py").write_text(ENDLESS)
    there = os.environ.get("PYTHONPATH", "")
    process = started(INTERRUPTED, path, n_processes, env={**os.environ, "PYTHONPATH": f"{tmp_path}:{there}"})
    assert process.stdout.readline().startswith("asked")  # two workers may say so in one line
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=600)
    assert output.splitlines()[-1] == "stopped"
    assert errors == ""
    assert sql(path, "SELECT count(*) FROM claims") == [(0,)]


# ---- locks ----


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(database, "_BUSY_S", 0.1)
    monkeypatch.setattr(database, "_SILENT_S", 0.1)


def test_a_locked_study_is_an_error_after_a_word_that_it_waits(path, random_search, impatient, filled, content, caplog):
    with contextlib.closing(sqlite3.connect(filled(path, random_search, 1), isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StudyError, match=r"cannot open study .*locked") as error:
            Study(path)
    assert f"waiting for another program, which has locked study '{path}'" in caplog.text
    assert one_line(error)
    assert len(content(path)) == 1


def test_a_study_locked_by_a_writer_says_so_and_loses_nothing(path, random_search, impatient, filled, caplog):
    with Study(filled(path, random_search, 1)) as study:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            with pytest.raises(StudyError, match=r"cannot write study .*locked; every run stored so far is safe"):
                study.run([random_search], range(3), n_processes=1)
        assert "waiting for another program" in caplog.text
        assert study.run([random_search], range(3), n_processes=1) == RunCounts(2, 1, 0)


# ---- disks that are full, folders that are read-only, files that are copied ----

FILL_UP = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with Study(sys.argv[1]) as study:
    study.run([key], range(5), n_processes=1)
    resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(sys.argv[1]) + 40_000,) * 2)
    try:
        study.run([key], range(200), n_processes=1)
    except StudyError as error:
        print(error)
"""


def test_a_full_disk_is_an_error_and_loses_nothing(tmp_path, path, random_search, filled, content):
    output, errors = run_python(FILL_UP, path)
    assert "every run stored so far is safe: mend that and run the same again" in output, (output, errors)
    assert output.count("\n") == 1
    assert errors == ""
    reference = content(filled(tmp_path / "whole.db", random_search, 200))
    n_safe = len(content(path))
    assert 5 <= n_safe < 200
    with Study(path) as study:
        assert study.run([random_search], range(200), n_processes=1).made == 200 - n_safe
    assert content(path) == reference


def test_a_study_as_large_as_it_may_become_is_an_error_and_loses_nothing(path, random_search, filled, content):
    with Study(filled(path, random_search, 5)) as study:
        study._db._db.execute(f"PRAGMA max_page_count = {path.stat().st_size // 4096 + 10}")
        with pytest.raises(StudyError, match=r"cannot write study .* full; every run stored so far is safe") as error:
            study.run([random_search], range(300), n_processes=1)
    assert one_line(error)
    n_safe = len(content(path))
    assert 5 <= n_safe < 300
    with Study(path) as study:
        assert study.run([random_search], range(100), n_processes=1).made == max(100 - n_safe, 0)


FEW_FILES = """
import resource
with Study(sys.argv[1]) as study:
    study.run([key], range(1), n_processes=1)
    n_open = len(os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (n_open + int(sys.argv[2]),) * 2)
    try:
        study.run([key], range(50), n_processes=int(sys.argv[3]))
    except nbk.NasbenchKitError as error:
        print(error)
"""


@pytest.mark.parametrize(("n_files", "n_processes"), [(0, 1), (1, 1), (0, 2), (3, 2), (6, 2)])
def test_too_few_open_files_are_an_error_in_one_line(path, n_files, n_processes, content):
    output, errors = run_python(FEW_FILES, path, n_files, n_processes)
    assert errors == ""
    assert output.count("\n") <= 1  # none, if it could do with these
    assert content(path)


READ_ONLY = """
folder = sys.argv[1]
if os.getuid() == 0:  # permissions do not bind root
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    nbk.Table.verify = lambda table: None  # which starts Python anew, where this user may not find it
for name in ("old.db", "log.db", "new.db"):
    try:
        with Study(f"{folder}/{name}") as study:
            print(study.n_runs(key), len(list(study.runs(key))), *study.run([key], range(3), n_processes=1))
            study.run([key], range(5), n_processes=1)
    except StudyError as error:
        print(error)
"""


def test_a_read_only_folder_can_be_read_and_not_written(random_search, filled):
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # pytest's own folders are closed to other users
        filled(Path(folder) / "old.db", random_search).chmod(0o444)
        with contextlib.closing(sqlite3.connect(filled(Path(folder) / "log.db", random_search))) as db:
            db.execute("PRAGMA journal_mode = WAL")  # as it is left where two processes ended at once
        Path(folder, "log.db").chmod(0o444)
        before = sorted(os.listdir(folder))
        Path(folder).chmod(0o555)
        output, errors = run_python(READ_ONLY, folder)
        Path(folder).chmod(0o755)
        assert sorted(os.listdir(folder)) == before == ["log.db", "old.db"]
    assert errors == ""
    read, write, read_log, write_log, new = output.splitlines()
    assert read == read_log == "3 3 0 3 0"  # a finished study is read, and asked for again
    for line in (write, write_log):
        assert "cannot write study" in line
        assert "readonly" in line
    assert "new.db': unable to open database file" in new


def test_a_copy_of_the_file_alone_holds_all_runs_once_the_call_has_ended(tmp_path, path, random_search, content):
    with Study(path) as study:
        study.run([random_search], range(5), n_processes=1)
        shutil.copy(path, tmp_path / "copy.db")
        assert [name for name in os.listdir(tmp_path) if "wal" in name or "shm" in name] == []
    assert content(tmp_path / "copy.db") == content(path)


# ---- kill -9 ----


def alive_in_group(group):
    """Processes of a process group that are not zombies."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:  # it has ended meanwhile
            continue
        if int(its_group) == group and state != "Z":
            found.append(int(stat.parent.name))
    return found


def wait_until_gone(group, timeout_s=60.0):
    deadline = time.monotonic() + timeout_s
    while (left := alive_in_group(group)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


FILL = """
if __name__ == "__main__":
    keys = [Configuration.of(bench, name, n_evaluations=60) for name in ("regularized_evolution", "local_search")]
    with Study(sys.argv[1]) as study:
        print(*study.run([key, *keys], range(int(sys.argv[2])), n_processes=2))
"""


def filling(folder):
    """Start it in a process group of its own."""
    folder.mkdir(exist_ok=True)
    return started(FILL, folder / "study.db", N_RUNS, start_new_session=True)


def wait_for_a_run(path, n_before, process):
    """Until there are more runs, or until the process ends without making any."""
    n_stored = n_before
    while n_stored <= n_before and process.poll() is None:
        time.sleep(0.005)
        try:
            with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
                n_stored = db.execute("SELECT count(*) FROM runs").fetchone()[0]
        except sqlite3.Error:  # not there yet
            continue


def finish(process):
    output, errors = process.communicate(timeout=600)
    assert process.returncode == 0, output
    assert errors == ""
    return RunCounts(*map(int, output.split()))


def stored_in(folder, copy, content, sql):
    """What a study holds, read from a copy: opening the study itself would mend it before its owner can."""
    path = folder / "study.db"
    if not path.exists():
        return {}
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    if sql(copy / "study.db", "SELECT count(*) FROM sqlite_master") == [(0,)]:
        return {}  # killed before anything was in it
    return content(copy / "study.db")


@pytest.mark.slow
def test_a_study_killed_twenty_times_holds_what_an_undisturbed_one_holds(tmp_path, content, sql):
    began = time.monotonic()
    assert finish(filling(tmp_path / "undisturbed")) == RunCounts(3 * N_RUNS, 0, 0)
    duration_s = time.monotonic() - began
    reference = content(tmp_path / "undisturbed" / "study.db")
    assert len(reference) == 3 * N_RUNS

    delays = [(i + random.Random(i).random()) / N_KILLS * duration_s for i in range(N_KILLS)]  # all over its duration
    random.Random(0).shuffle(delays)
    folder, n_partial, n_before = tmp_path / "killed", 0, 0
    for i, delay_s in enumerate(delays):
        process = filling(folder)
        if i % 2:  # while runs are made
            wait_for_a_run(folder / "study.db", n_before, process)
            delay_s *= 0.02
        time.sleep(delay_s)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=600)
        assert wait_until_gone(process.pid) == [], f"processes outlive their killed parent, killed after {delay_s} s"
        stored = stored_in(folder, tmp_path / "copy", content, sql)
        assert stored.items() <= reference.items(), f"wrong runs after kill {i} at {delay_s} s"
        assert len(stored) >= n_before, "runs are lost"
        n_partial += 0 < len(stored) < len(reference)
        n_before = len(stored)
        if len(stored) == len(reference):  # nothing left to disturb: finish it, then kill another one
            finish(filling(folder))
            assert content(folder / "study.db") == reference
            folder, n_before = tmp_path / f"killed{i}", 0
    assert n_partial >= N_KILLS // 4  # the kills did hit it while it made runs
    assert finish(filling(folder)) == RunCounts(3 * N_RUNS - n_before, n_before, 0)
    assert content(folder / "study.db") == reference
    assert sorted(os.listdir(folder)) == ["study.db"]


WRITE = """
with Study(sys.argv[1]) as study:
    study.run([key], range(5_000), n_processes=1, progress=lambda n, _: print(f"{n}\\n", end="", flush=True))
"""


def test_a_run_killed_while_it_writes_loses_nothing_that_it_reported(tmp_path, path, random_search, filled, content):
    n_before = 0
    for i in range(5):
        process = started(WRITE, path)  # each line is one write: a reader never has a part of it
        for _ in range(2):  # what is there at the start, and one run more
            process.stdout.readline()
        time.sleep(random.Random(i).random() / 30)
        process.kill()
        reported = process.communicate()[0].splitlines(keepends=True)
        n_reported = max((int(line) for line in reported if line.endswith("\n")), default=n_before)
        with Study(path) as study:
            n_stored = study.n_runs(random_search)
        assert n_stored >= n_reported >= n_before
        n_before = n_stored
    assert n_before > 0
    reference = content(filled(tmp_path / "whole.db", random_search, n_before))
    assert content(path) == reference
